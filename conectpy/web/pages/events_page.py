"""The pages of events: table, timeline, CSV. What they show is what `/api/events` gives for the same parameters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Dict, Iterator, List, Sequence, Tuple
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from ...events.reader import EventQuery
from ...settings.types import TagSettings
from ...timestamps import utc_now
from ..frame.context import WebContext, context
from ..frame.csv_text import csv_response
from ..frame.language import translate as _
from ..frame.page import page
from ..frame.params import Param, read_params
from ..frame.problems import BadParameters
from ..frame.zones import parse_time
from .event_json import FILTER_PARAMS, PAGE_PARAMS, to_object, to_query
from .event_text import to_row
from .timeline_page import span
from .trends_page import find_plc

blueprint = Blueprint("events_page", __name__)

LANG_PARAM = Param("lang", "choice", "Language of the page.", choices=("en", "es"))
EVENTS_PARAMS = (*FILTER_PARAMS, *PAGE_PARAMS, LANG_PARAM)
CSV_COLUMNS = (
    "id",
    "uid",
    "plc_ip",
    "plc_name",
    "tag",
    "tag_label",
    "start_ts",
    "end_ts",
    "duration_s",
    "start_earliest_ts",
    "start_quality",
    "end_earliest_ts",
    "end_quality",
    "gap_count",
    "gap_s",
    "flags",
    "created_at",
    "start_device_ts",
    "end_device_ts",
    "rev",
)
Fault = Dict[str, str]


@blueprint.get("/events")
def events() -> Response:
    """The table with its filter; wrong parameters are named above it."""
    values, faults = _read(EVENTS_PARAMS)
    limit: int = values.get("limit") or 200
    found = [] if faults else context().reader.events(to_query(values, limit + 1))
    response = page(
        "events.html",
        rows=[to_row(event) for event in found[:limit]],
        is_first_page=values.get("before") is None,
        next_url=link(before=str(found[limit - 1].id)) if len(found) > limit else None,
        newest_url=link(before=None),
        csv_url=link("/events.csv", before=None, limit=None, lang=None),
        timeline_url=link("/timeline", before=None, limit=None, open=None, min_duration=None, quality=None),
        summary=_summary(),
        has_state=True,
        **filter_values(faults),
    )
    response.status_code = 400 if faults else 200
    return response


@blueprint.get("/events.csv")
def events_csv() -> Response:
    """Every event that the filter shows, streamed."""
    values = read_params(FILTER_PARAMS, context().zone)
    rows = _csv_rows(context(), to_query(values, 1))
    return csv_response(f"events-{utc_now():%Y%m%d-%H%M%S}.csv", CSV_COLUMNS, rows)


@blueprint.get("/timeline")
def timeline() -> Response:
    """Rows over time; the script asks `/api/timeline` for what it draws."""
    values, faults = _read(EVENTS_PARAMS)
    start, end = span(values)
    shown = {
        "from": int(start.timestamp() * 1000),
        "to": int(end.timestamp() * 1000),
        "follows_now": values.get("to") is None and not faults,
    }
    response = page("timeline.html", span=shown, table_url=link("/events"), has_state=False, **filter_values(faults))
    response.status_code = 400 if faults else 200
    return response


def filter_values(faults: Sequence[Fault]) -> Dict[str, Any]:
    """What the form shows: the choices, and what was typed."""
    plcs = context().settings.plcs
    tags: Dict[str, TagSettings] = {tag.tag: tag for plc in plcs for tag in plc.tags if tag.is_state}
    typed = request.args.to_dict()
    return {
        "faults": faults,
        "values": {**typed, "from": _for_input(typed.get("from")), "to": _for_input(typed.get("to"), is_end=True)},
        "plcs": plcs,
        "known_plc": find_plc(typed.get("plc", "")) is not None,
        "tags": list(tags.values()),
        "ranges": quick_ranges(),
        "qualities": _qualities(),
    }


def quick_ranges() -> List[Dict[str, Any]]:
    """The ranges most asked for, as links; days are the plant's."""
    today = utc_now().astimezone(context().zone).date()
    day = timedelta(days=1)
    choices: List[Tuple[str, str, str]] = [
        (_("Today"), str(today), str(today)),
        (_("Yesterday"), str(today - day), str(today - day)),
        (_("7 days"), str(today - 6 * day), str(today)),
        (_("30 days"), str(today - 29 * day), str(today)),
    ]
    asked = (request.args.get("from"), request.args.get("to"))
    links = []
    for label, start, end in choices:
        changes: Dict[str, Any] = {"from": start, "to": end, "before": None}
        links.append({"label": label, "url": link(**changes), "is_current": asked == (start, end)})
    return links


def _read(params: Sequence[Param]) -> Tuple[Dict[str, Any], List[Fault]]:
    try:
        return read_params(params, context().zone), []
    except BadParameters as exc:
        return {}, exc.faults


def link(path: str = "", **changes: Any) -> str:
    """This page's (or another's) address with some parameters changed; None takes one away."""
    query = {**request.args.to_dict(), **changes}
    kept = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path or request.path}?{urlencode(kept)}" if kept else path or request.path


def _for_input(text: Any, *, is_end: bool = False) -> str:
    """A time as the browser's field wants it: the plant's local time without a zone."""
    if not text:
        return ""
    zone = context().zone
    try:
        return parse_time(text, zone, is_end=is_end).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError):
        return ""


def _summary() -> str:
    return " · ".join(f"{name}: {value}" for name, value in request.args.items() if value and name != "lang")


def _qualities() -> List[Tuple[str, str]]:
    return [
        ("exact", _("exact (time of the device)")),
        ("sampled", _("to one scan")),
        ("gap", _("during an outage")),
        ("at_connect", _("began before first contact")),
        ("removed", _("tag taken out")),
        ("tag_lost", _("tag vanished")),
    ]


def _csv_rows(web: WebContext, query: EventQuery) -> Iterator[Sequence[Any]]:
    for event in web.reader.iterate(query, limit=0):
        if web.hub.is_closing:
            return
        row = to_object(event)
        row["flags"] = " ".join(row["flags"])
        yield [row[name] for name in CSV_COLUMNS]
