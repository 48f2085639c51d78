"""`/api/timeline`: the events of a stretch of time, grouped by PLC and tag, as compact lists for drawing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Dict, Iterable, List, Optional

from flask import Blueprint, Response

from ...events.reader import EventQuery
from ...models import COLLECTOR_TAG, COMM_TAG, Event
from ...settings.types import PlcSettings
from ...timestamps import to_text, utc_now
from ..frame.context import WebContext, configured_plcs, context
from ..frame.params import read_params, span
from ..frame.responses import json_reply
from .event_json import FILTER_PARAMS
from .last_seen import LastSeen

blueprint = Blueprint("timeline", __name__, url_prefix="/api")

MAX_EVENTS = 10_000
TIMELINE_PARAMS = tuple(param for param in FILTER_PARAMS if param.name in ("plc", "tag", "from", "to", "text"))

Row = Dict[str, Any]


@blueprint.get("/timeline")
def timeline() -> Response:
    """Rows of events, each as [start, end, earliest start, earliest end, id, start quality, end quality, gap seconds].

    Times are milliseconds since 1970 UTC; null where open or not known. `is_partial`: only the newest are here.
    `unseen` of a PLC and of a row: [from, to, cause], to null while it lasts; cause is `before` (nothing was recorded
    yet), `collector` (none ran), `link`, `tag` (bad or stale), `silent` (so now) or `left_out` (see `is_partial`).
    """
    web = context()
    values = read_params(TIMELINE_PARAMS, web.zone)
    start_utc, end_utc = span(values)
    query = EventQuery(
        plc=values["plc"],
        tag=values["tag"],
        from_utc=start_utc,
        to_utc=end_utc,
        text=values["text"],
        limit=MAX_EVENTS + 1,
    )
    found = web.reader.events(query)
    outages = web.reader.events(replace(query, tag=COMM_TAG, text=None))
    groups = _group(found[:MAX_EVENTS], outages, values)
    shared = _absences(web.reader.events(replace(query, plc="", tag=COLLECTOR_TAG, text=None)))
    if len(found) > MAX_EVENTS:
        shared.append([_ms(start_utc), _ms(found[MAX_EVENTS - 1].start_utc), "left_out"])
    for group in groups:
        _add_unseen(web, group, shared, start_utc, end_utc)
    document = {
        "from": _ms(start_utc),
        "to": _ms(end_utc),
        "time": to_text(utc_now()),
        "count": min(len(found), MAX_EVENTS),
        "is_partial": len(found) > MAX_EVENTS,
        "plcs": groups,
    }
    return json_reply(document)


def _group(events: List[Event], outages: List[Event], values: Dict[str, Any]) -> List[Dict[str, Any]]:
    groups: Dict[str, Dict[str, Any]] = {}
    for plc in configured_plcs():
        if values["plc"] in (None, plc.address, plc.name):
            groups[plc.address] = _new_group(plc.address, plc.name, _configured_rows(plc, values))
    for event in reversed(events):  # oldest first, as they are drawn
        if event.tag == COLLECTOR_TAG and values["tag"] != COLLECTOR_TAG:
            continue  # of no PLC: it darkens the rows of all
        group = groups.get(event.plc_ip)
        if group is None:
            group = groups[event.plc_ip] = _new_group(event.plc_ip, event.plc_name, {})
        row = group["rows"].setdefault(event.tag, _new_row(event.tag, event.tag_label))
        row["events"].append(_compact(event))
    for event in reversed(outages):
        if event.plc_ip in groups:
            groups[event.plc_ip]["outages"].append(_compact(event))
    return [{**group, "rows": list(group["rows"].values())} for group in groups.values() if group["rows"]]


def _absences(events: List[Event]) -> List[List[Any]]:
    return [[_ms(one.start_utc), None if one.end_utc is None else _ms(one.end_utc), "collector"] for one in events]


def _add_unseen(
    web: WebContext, group: Dict[str, Any], shared: List[List[Any]], start_utc: datetime, end_utc: datetime
) -> None:
    """When nobody saw this PLC, and each of its tags (promise E19)."""
    address = group["plc"]
    since_utc = web.reader.recorded_since(address) or utc_now()
    unseen = [*shared]
    if since_utc > start_utc:
        unseen.append([_ms(start_utc), _ms(since_utc), "before"])
    unseen += [[start if first is None else first, end, "link"] for start, end, first, *_rest in group["outages"]]
    group["unseen"] = unseen
    last_seen = LastSeen(web)
    gaps: Dict[str, List[List[Any]]] = {}
    for gap in web.reader.gaps(address, start_utc, end_utc):
        gaps.setdefault(gap.tag, []).append([_ms(gap.from_utc), _ms(gap.to_utc), "tag"])
    for row in group["rows"]:
        row["unseen"] = gaps.get(row["tag"], [])
        last_utc = None if row["tag"].startswith("@") else last_seen.of_tag(address, row["tag"])
        if last_utc is not None:
            row["unseen"].append([_ms(last_utc), None, "silent"])


def _configured_rows(plc: PlcSettings, values: Dict[str, Any]) -> Dict[str, Row]:
    text: Optional[str] = values["text"].casefold() if values["text"] else None
    return {
        tag.tag: _new_row(tag.tag, tag.label)
        for tag in plc.tags
        if tag.is_state
        and values["tag"] in (None, tag.tag)
        and (text is None or text in tag.tag.casefold() or text in tag.label.casefold())
    }


def _new_group(address: str, name: str, rows: Dict[str, Row]) -> Dict[str, Any]:
    return {"plc": address, "name": name, "outages": [], "rows": rows}


def _new_row(tag: str, label: str) -> Row:
    return {"tag": tag, "label": label, "events": []}


def _compact(event: Event) -> List[Any]:
    moments: Iterable[Optional[datetime]] = (
        event.start_utc,
        event.end_utc,
        event.start_earliest_utc,
        event.end_earliest_utc,
    )
    times = [None if moment is None else _ms(moment) for moment in moments]
    return [*times, event.id, event.start_quality, event.end_quality, round(event.gap_s, 1)]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
