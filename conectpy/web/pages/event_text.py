"""Events as people read them: times in the plant's zone, durations, and honest words for what is not exactly known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import List, Optional

from ...models import COLLECTOR_TAG, COMM_TAG, Event
from ...timestamps import utc_now
from ..frame.context import context
from ..frame.language import current_language
from ..frame.language import translate as _
from .last_seen import LastSeen

SURE_S = 10.0
"""Edges known to within this are shown as one time with its width: it is what a scan interval does, not an outage."""


@dataclass(frozen=True)
class EventRow:
    """One row of the table, everything as text but what the script needs to count on."""

    event: Event
    label: str
    start: str
    start_note: Optional[str]
    end: Optional[str]
    end_note: Optional[str]
    duration: str
    gaps: Optional[str]
    flags: List[str]
    is_outage: bool
    last_seen: Optional[str]
    seen_ms: Optional[int]

    @property
    def start_ms(self) -> int:
        return int(self.event.start_utc.timestamp() * 1000)


def to_row(event: Event, last_seen: LastSeen) -> EventRow:
    """An event for the table."""
    end, lasted_s = event.end_utc, event.duration_s
    last_utc = last_seen.of_event(event)
    if lasted_s is None:
        lasted_s = ((last_utc or utc_now()) - event.start_utc).total_seconds()
    return EventRow(
        event=event,
        label=label_of(event.tag, event.tag_label),
        start=local_text(event.start_utc),
        start_note=_start_note(event),
        end=None if end is None else local_text(end),
        end_note=_end_note(event),
        duration=duration_text(lasted_s),
        gaps=_gaps(event),
        flags=[_flag(flag) for flag in event.flags],
        is_outage=event.tag in (COMM_TAG, COLLECTOR_TAG),
        last_seen=None if last_utc is None else ago_text(last_utc),
        seen_ms=None if last_utc is None else int(last_utc.timestamp() * 1000),
    )


def label_of(tag: str, label: str) -> str:
    """What a tag is called; those of the program itself have words."""
    return {COMM_TAG: _("link down"), COLLECTOR_TAG: _("no collector running")}.get(tag) or label or tag


def ago_text(moment: datetime) -> str:
    """`last seen active 21 s ago`."""
    age = duration_text((utc_now() - moment).total_seconds())
    return _("last seen active %(age)s ago", age=age)


def width_text(seconds: float) -> str:
    """`±0.5 s`: what lies between two looks, with two digits that count."""
    text = f"{seconds:.2f}" if seconds < 0.995 else f"{seconds:.1f}"
    return f"±{text} s".replace(".", "," if current_language() == "es" else ".")


def local_text(moment: datetime, *, has_date: bool = True) -> str:
    """The plant's local time, to the second."""
    local = moment.astimezone(context().zone)
    day = "%d/%m/%Y" if current_language() == "es" else "%Y-%m-%d"
    return local.strftime(f"{day} %H:%M:%S" if has_date else "%H:%M:%S")


def duration_text(seconds: float) -> str:
    """`12 s`, `3 min 07 s`, `3 h 12 min`, `2 d 4 h`."""
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 60:
        return f"{whole} s"
    if hours < 1:
        return f"{minutes} min {whole % 60:02d} s"
    if days < 1:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{days} d {hours % 24} h"


def _start_note(event: Event) -> Optional[str]:
    if event.start_quality == "at_connect":
        return _("already active when first seen; began before")
    return _between(event.start_earliest_utc, event.start_utc, event.start_quality)


def _end_note(event: Event) -> Optional[str]:
    if event.end_utc is None:
        return None
    if event.end_quality == "removed":
        return _("taken out of the configuration; nothing is known after that")
    if event.end_quality == "tag_lost":
        return _("the tag vanished from the PLC; nothing is known after that")
    return _between(event.end_earliest_utc, event.end_utc, event.end_quality)


def _between(earliest: Optional[datetime], latest: datetime, quality: Optional[str]) -> Optional[str]:
    if earliest is None:
        return _("time not known for certain") if quality == "gap" else None
    apart_s = (latest - earliest).total_seconds()
    if quality != "gap" and apart_s <= SURE_S:
        return width_text(apart_s) if quality == "sampled" and apart_s >= 0.005 else None
    zone = context().zone
    is_same_day = earliest.astimezone(zone).date() == latest.astimezone(zone).date()
    first = local_text(earliest, has_date=not is_same_day)
    return _("between %(first)s and %(last)s", first=first, last=local_text(latest, has_date=not is_same_day))


def _gaps(event: Event) -> Optional[str]:
    if not event.gap_count:
        return None
    return _("%(count)d outages, %(time)s", count=event.gap_count, time=duration_text(event.gap_s))


def _flag(flag: str) -> str:
    return {
        "clock_step": _("clock was set"),
        "overflow": _("changes were lost in the PLC's queue"),
        "plc_mode": _("PLC was not in RUN"),
        "chatter": _("chatter"),
    }.get(flag, flag)
