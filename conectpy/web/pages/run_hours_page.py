"""Run hours: `/api/stats`, the page and its CSV. Days are those of the zone asked for, the plant's if none is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from flask import Blueprint, Response

from ...events.run_hours import Bucket
from ...models import COMM_TAG
from ...texts.catalogue import say, text_of
from ...timestamps import to_text, utc_now
from ..frame.context import configured_plcs, context, find_plc
from ..frame.csv_text import csv_response
from ..frame.language import current_language
from ..frame.language import translate as _
from ..frame.links import filter_values, link
from ..frame.page import page
from ..frame.params import LANG_PARAM, Param, read_params
from ..frame.problems import BadParameters, ParamFault
from ..frame.responses import json_reply
from .event_text import duration_text

blueprint = Blueprint("stats", __name__)

PERIODS = ("day", "week", "month")
DEFAULT_DAYS = 7
UNSEEN_LEAST_S = 30.0
STATS_PARAMS = (
    Param("plc", "text", "Address or name of the PLC; all if absent."),
    Param("tag", "text", "Tag name; `@comm` for outages of the link; all state tags if absent."),
    Param("text", "text", "Part of the tag's name or label."),
    Param("from", "from_time", "Start (ISO 8601 time or date); seven days ago if absent."),
    Param("to", "to_time", "End; now if absent."),
    Param("by", "choice", "Length of a period.", default="day", choices=PERIODS),
    Param("tz", "zone", "IANA zone in which days begin; the plant's if absent."),
)


class WantedTag(NamedTuple):
    """A state tag, or the `@comm` of a PLC, whose hours are asked for."""

    plc_ip: str
    plc_name: str
    tag: str
    tag_label: str


@dataclass(frozen=True)
class TagHours:
    """One tag's periods and their sums."""

    wanted: WantedTag
    buckets: Sequence[Bucket]

    def total(self) -> Dict[str, Any]:
        """Sums over all periods; the longest stretch is that within one period."""
        return {
            "starts": sum(bucket.starts for bucket in self.buckets),
            "true_s": round(sum(bucket.true_s for bucket in self.buckets), 3),
            "longest_s": max((bucket.longest_s for bucket in self.buckets), default=0.0),
            "uncertain_s": round(sum(bucket.uncertain_s for bucket in self.buckets), 3),
            "possible_s": round(sum(bucket.possible_s for bucket in self.buckets), 3),
            "seen_s": round(sum(bucket.seen_s for bucket in self.buckets), 3),
        }


@blueprint.get("/api/stats")
def stats() -> Response:
    """Per state tag: starts, time TRUE, longest, and how much of it is uncertain, in all and per period."""
    values = read_params(STATS_PARAMS, context().zone)
    start, end, zone = _bounds(values)
    tags = [
        {
            **hours.wanted._asdict(),
            **hours.total(),
            "periods": [_period(bucket) for bucket in hours.buckets],
        }
        for hours in _hours(values, start, end, zone)
    ]
    document = {"from": to_text(start), "to": to_text(end), "by": values["by"], "tz": str(zone), "stats": tags}
    return json_reply(document)


@blueprint.get("/hours")
def hours() -> Response:
    """The same as a table with bars: which pump ran how long, and was the line down meanwhile."""
    try:
        values, faults = read_params((*STATS_PARAMS, LANG_PARAM), context().zone), []
        start, end, zone = _bounds(values)
        found = list(_hours(values, start, end, zone))
    except BadParameters as exc:
        values, faults, found, zone = {"by": "day"}, exc.faults, [], context().zone
    today = utc_now().astimezone(zone).date()
    response = page(
        "hours.html",
        groups=_groups(found),
        periods=[_heading(bucket, values["by"], today) for bucket in (found[0].buckets if found else ())],
        by_links=[(period, link(by=period), values["by"] == period) for period in PERIODS],
        csv_url=link("/hours.csv", lang=None),
        has_state=False,
        **filter_values(faults),
    )
    response.status_code = 400 if faults else 200
    return response


@blueprint.get("/hours.csv")
def hours_csv() -> Response:
    """One line per tag and period."""
    values = read_params(STATS_PARAMS, context().zone)
    found = list(_hours(values, *_bounds(values)))
    header = (
        "plc_ip",
        "plc_name",
        "tag",
        "tag_label",
        "first_day",
        "from",
        "to",
        "starts",
        "true_s",
        "longest_s",
        "uncertain_s",
        "possible_s",
        "seen_s",
    )
    rows = ([*hours.wanted, *_period(bucket).values()] for hours in found for bucket in hours.buckets)
    return csv_response("run-hours.csv", header, rows)


def _bounds(values: Dict[str, Any]) -> Tuple[datetime, datetime, tzinfo]:
    zone: tzinfo = values["tz"] or context().zone
    end: datetime = values["to"] or utc_now()
    first_day = end.astimezone(zone).date() - timedelta(days=DEFAULT_DAYS - 1)
    start: datetime = values["from"] or datetime.combine(first_day, time(), zone).astimezone(end.tzinfo)
    if start >= end:
        raise BadParameters([ParamFault("from", say("param.before_to"))])
    return start, end, zone


def _hours(values: Dict[str, Any], start: datetime, end: datetime, zone: tzinfo) -> Iterator[TagHours]:
    reader = context().reader
    for wanted in _wanted(values["plc"], values["tag"], values["text"]):
        try:
            buckets = reader.run_hours(wanted.plc_ip, wanted.tag, start, end, values["by"], zone)
        except (ValueError, OverflowError) as exc:
            text = text_of(exc)
            raise BadParameters([ParamFault(text.args.get("where", "from"), text.args.get("fault", text))]) from exc
        yield TagHours(wanted, buckets)


def _wanted(plc: Optional[str], tag: Optional[str], text: Optional[str]) -> List[WantedTag]:
    """The tags asked for. A tag that is no longer configured is found by PLC and tag."""
    known = find_plc(plc) if plc else None
    plcs = [known] if known else [] if plc else list(configured_plcs())
    wanted = []
    for one in plcs:
        tags = [(state.tag, state.label) for state in one.tags if state.is_state]
        tags.append((COMM_TAG, ""))
        chosen = [(name, label) for name, label in tags if tag in (None, name)]
        if not chosen and known and tag:
            chosen = [(tag, tag)]
        wanted += [WantedTag(one.address, one.name, name, label) for name, label in chosen]
    if plc and tag and not known:
        wanted.append(WantedTag(plc, plc, tag, tag))
    sought = (text or "").casefold()
    return [one for one in wanted if sought in one.tag.casefold() or sought in one.tag_label.casefold()]


def _period(bucket: Bucket) -> Dict[str, Any]:
    return {
        "first_day": bucket.first_day.isoformat(),
        "from": to_text(bucket.start_utc),
        "to": to_text(bucket.end_utc),
        "starts": bucket.starts,
        "true_s": bucket.true_s,
        "longest_s": bucket.longest_s,
        "uncertain_s": bucket.uncertain_s,
        "possible_s": bucket.possible_s,
        "seen_s": bucket.seen_s,
    }


# -- the page ----------------------------------------------------------------------------------------------------------


def _groups(found: Sequence[TagHours]) -> List[Dict[str, Any]]:
    groups: Dict[str, Dict[str, Any]] = {}
    for hours_of_tag in found:
        tag = hours_of_tag.wanted
        group = groups.setdefault(tag.plc_ip, {"address": tag.plc_ip, "name": tag.plc_name, "rows": []})
        group["rows"].append(_row(hours_of_tag))
    return list(groups.values())


def _row(hours_of_tag: TagHours) -> Dict[str, Any]:
    tag, total = hours_of_tag.wanted, hours_of_tag.total()
    is_outage = tag.tag == COMM_TAG
    return {
        "tag": tag.tag,
        "label": _("link down") if is_outage else tag.tag_label,
        "is_outage": is_outage,
        "events_url": link("/events", tag=tag.tag, plc=tag.plc_ip, by=None, tz=None),
        "cells": [_cell(bucket) for bucket in hours_of_tag.buckets],
        "hours": hours_text(total["true_s"]) if total["seen_s"] or total["true_s"] else _("no record"),
        "seen": _seen_text(hours_of_tag.buckets),
        "starts": total["starts"],
        "longest": duration_text(total["longest_s"]) if total["longest_s"] else "",
        "uncertain": hours_text(total["uncertain_s"]) if total["uncertain_s"] >= 30 else "",
        "possible": hours_text(total["possible_s"]) if total["possible_s"] >= 30 else "",
    }


def _cell(bucket: Bucket) -> Dict[str, Any]:
    length_s = max(1.0, (bucket.end_utc - bucket.start_utc).total_seconds())
    is_future = bucket.start_utc >= utc_now()
    is_unseen = not bucket.seen_s and not bucket.true_s and not is_future
    return {
        "hours": "" if is_future else _("no record") if is_unseen else hours_text(bucket.true_s),
        "is_unseen": is_unseen,
        "seen": "" if is_unseen else _seen_text([bucket]),
        "starts": bucket.starts,
        "duration": duration_text(bucket.true_s),
        "uncertain": duration_text(bucket.uncertain_s) if bucket.uncertain_s >= 30 else "",
        "sure_share": round(100 * (bucket.true_s - bucket.uncertain_s) / length_s, 1),
        "share": round(100 * bucket.true_s / length_s, 1),
    }


def _seen_text(buckets: Sequence[Bucket]) -> str:
    """`seen 97 %`, never more than it was; empty where all of it was seen, but for what rounds to nothing."""
    now = utc_now()
    past_s = sum(max(0.0, (min(one.end_utc, now) - one.start_utc).total_seconds()) for one in buckets)
    seen_s = sum(one.seen_s for one in buckets)
    if past_s - seen_s < UNSEEN_LEAST_S:
        return ""
    share = int(100 * seen_s / past_s)
    return _("seen %(share)s", share=f"{share} %" if share or not seen_s else "<1 %")


def hours_text(seconds: float) -> str:
    """Hours with one decimal (minutes below one hour, seconds below one minute), in the language's way."""
    if 0 < seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    if 0 < seconds < 3570:
        return f"{round(seconds / 60)} min"
    text = f"{seconds / 3600:.1f} h"
    return text.replace(".", ",") if current_language() == "es" else text


def _heading(bucket: Bucket, by: str, today: Any) -> Dict[str, str]:
    day = bucket.first_day
    days = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    name = {"day": days[day.weekday()], "week": _("week of"), "month": ""}[by]
    if by == "day" and day == today:
        name = _("today")
    elif by == "day" and day == today - timedelta(days=1):
        name = _("yesterday")
    return {"name": name, "date": day.strftime("%m/%Y" if by == "month" else "%d/%m"), "iso": day.isoformat()}
