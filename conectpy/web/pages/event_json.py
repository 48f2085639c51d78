"""Events as JSON objects with the columns of the table, and the filter that pages and the API share."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Optional, Tuple

from ...events.reader import EventQuery
from ...models import Event
from ...texts.catalogue import say
from ...timestamps import to_text
from ..frame.context import context
from ..frame.params import Param
from ..frame.problems import BadParameters, ParamFault
from .last_seen import LastSeen

START_QUALITIES = ("exact", "sampled", "gap", "at_connect")
QUALITIES = (*START_QUALITIES, "removed", "tag_lost")

FILTER_PARAMS = (
    Param("plc", "text", "Address or name of the PLC."),
    Param("tag", "text", "Tag name; `@comm` for outages of the link."),
    Param("open", "boolean", "Only events that are still open (true) or closed (false)."),
    Param("from", "from_time", "Events that were TRUE at or after this ISO 8601 time (or date, in the plant's zone)."),
    Param(
        "to",
        "to_time",
        "Events that were TRUE before this time; a date means the end of that day; `from`: at that moment.",
    ),
    Param("text", "text", "Part of the tag's name or label, upper and lower case alike."),
    Param("min_duration", "number", "Shortest duration in seconds.", maximum=1e9),
    Param("quality", "choice", "How well the start or the end is known.", choices=QUALITIES),
)
PAGE_PARAMS = (
    Param("limit", "integer", "Events per page.", default=200, minimum=1, maximum=1000),
    Param("before", "cursor", "Only events that started before this event (its id) or before this time."),
)


def to_object(event: Event, last_seen: LastSeen) -> Dict[str, Any]:
    """All columns of `events`; `duration_s` is the stored one or the difference of the ends, null while it is open.

    `seen_until_ts`: when an open event that nobody sees now was last seen TRUE.
    """
    return {
        "id": event.id,
        "uid": event.uid,
        "plc_ip": event.plc_ip,
        "plc_name": event.plc_name,
        "tag": event.tag,
        "tag_label": event.tag_label,
        "start_ts": to_text(event.start_utc),
        "end_ts": _text(event.end_utc),
        "created_at": to_text(event.created_utc),
        "start_earliest_ts": _text(event.start_earliest_utc),
        "start_quality": event.start_quality,
        "end_earliest_ts": _text(event.end_earliest_utc),
        "end_quality": event.end_quality,
        "gap_count": event.gap_count,
        "gap_s": round(event.gap_s, 3),
        "flags": list(event.flags),
        "rev": event.rev,
        "duration_s": event.duration_s,
        "seen_until_ts": _text(last_seen.of_event(event)),
        "start_device_ts": _text(event.start_device_utc),
        "end_device_ts": _text(event.end_device_utc),
    }


def to_query(values: Dict[str, Any], limit: int) -> EventQuery:
    """The query for these parameters. Raises BadParameters when `before` names no event."""
    return EventQuery(
        plc=values.get("plc"),
        tag=values.get("tag"),
        is_open=values.get("open"),
        from_utc=values.get("from"),
        to_utc=values.get("to"),
        text=values.get("text"),
        min_duration_s=values.get("min_duration"),
        quality=values.get("quality"),
        before=_cursor(values.get("before")),
        limit=limit,
    )


def _cursor(before: Any) -> Optional[Tuple[datetime, int]]:
    if before is None:
        return None
    if isinstance(before, datetime):
        return before, 0
    event = context().reader.event(before)
    if event is None:
        raise BadParameters([ParamFault("before", say("param.no_event", event=before))])
    return event.start_utc, event.id


def _text(moment: Optional[datetime]) -> Optional[str]:
    return None if moment is None else to_text(moment)
