"""The pages of events: table, timeline, CSV. What they show is what `/api/events` gives for the same parameters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Iterator, Sequence

from flask import Blueprint, Response

from ...events.reader import EventQuery
from ...timestamps import utc_now
from ..frame.context import WebContext, context
from ..frame.csv_text import csv_response
from ..frame.links import filter_summary, filter_values, link
from ..frame.page import page
from ..frame.params import LANG_PARAM, read_or_faults, read_params, span
from .event_json import FILTER_PARAMS, PAGE_PARAMS, to_object, to_query
from .event_text import to_row
from .last_seen import LastSeen

blueprint = Blueprint("events_page", __name__)

MOMENT = timedelta(seconds=1)
AROUND = timedelta(minutes=30)
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
    "seen_until_ts",
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


@blueprint.get("/events")
def events() -> Response:
    """The table with its filter; wrong parameters are named above it."""
    values, faults = read_or_faults(EVENTS_PARAMS)
    limit: int = values.get("limit") or 200
    found = [] if faults else context().reader.events(to_query(values, limit + 1))
    last_seen = LastSeen(context())
    response = page(
        "events.html",
        rows=[to_row(event, last_seen) for event in found[:limit]],
        is_first_page=values.get("before") is None,
        next_url=link(before=str(found[limit - 1].id)) if len(found) > limit else None,
        newest_url=link(before=None),
        csv_url=link("/events.csv", before=None, limit=None, lang=None),
        timeline_url=link("/timeline", before=None, limit=None, open=None, min_duration=None, quality=None),
        summary=filter_summary(),
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
    values, faults = read_or_faults(EVENTS_PARAMS)
    start, end = span(values)
    if end - start < MOMENT:  # a moment is shown with what is around it
        start, end = start - AROUND, end + AROUND
    shown = {
        "from": int(start.timestamp() * 1000),
        "to": int(end.timestamp() * 1000),
        "follows_now": values.get("to") is None and not faults,
    }
    response = page("timeline.html", span=shown, table_url=link("/events"), has_state=False, **filter_values(faults))
    response.status_code = 400 if faults else 200
    return response


def _csv_rows(web: WebContext, query: EventQuery) -> Iterator[Sequence[Any]]:
    last_seen = LastSeen(web)
    for event in web.reader.iterate(query, limit=0):
        row = to_object(event, last_seen)
        row["flags"] = " ".join(row["flags"])
        yield [row[name] for name in CSV_COLUMNS]
