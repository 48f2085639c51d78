"""The statements that read events, and their rows as values. The forms are measured ones (documentation.md).

An event that overlaps a stretch of time either starts inside it, or is the last one of its tag that started before
(promise E3 makes that right; tags whose events do overlap are marked, and searched in full).
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..models import Event
from ..timestamps import EPOCH_UTC, to_moment, to_text, utc_now
from .columns import COLUMNS, StoredEvent

SELECT = f"SELECT {', '.join(COLUMNS)} FROM events"
RUNS_SQL = """
SELECT start_ts, end_ts, start_earliest_ts, end_earliest_ts, start_quality, gap_s, duration_s
FROM events INDEXED BY events_by_tag WHERE plc_ip = ? AND tag = ? AND start_ts >= ? AND start_ts < ?"""
KNOWN_SQL = """
SELECT t.tag, t.value, COALESCE(t.good_ts, p.good_ts), t.last_ts FROM tags t LEFT JOIN plcs p USING (plc_ip)
WHERE t.plc_ip = ?"""
OPEN_SQL = "SELECT tag, start_ts FROM events INDEXED BY events_open WHERE plc_ip = ? AND end_ts IS NULL"


@dataclass(frozen=True)
class EventQuery:
    """Which events. None: no matter which.

    plc         address, or name, of the PLC
    from_utc, to_utc  events that were TRUE at some time in [from, to)
    text        part of the tag's name or label, upper and lower case alike
    min_duration_s  events at least this long; open ones count up to now
    quality     `start_quality` or `end_quality`
    before      events that come after this (start, id) in the order of the list: newest start first, then highest id
    """

    plc: Optional[str] = None
    tag: Optional[str] = None
    is_open: Optional[bool] = None
    from_utc: Optional[datetime] = None
    to_utc: Optional[datetime] = None
    text: Optional[str] = None
    min_duration_s: Optional[float] = None
    quality: Optional[str] = None
    before: Optional[Tuple[datetime, int]] = None
    limit: int = 200


# -- the statements ----------------------------------------------------------------------------------------------------


def list_sql(plc: Optional[str], tag: Optional[str], query: EventQuery) -> Tuple[str, List[Any]]:
    """The events that start in the stretch asked for, in the order of the index; and the values to bind."""
    where, values = _filters(plc, tag, query)
    if query.from_utc is not None:
        where.append("start_ts >= ?")
        values.append(to_text(query.from_utc))
    return f"{SELECT} INDEXED BY {_index(plc, tag, query)}{_where(where)} ORDER BY start_ts DESC, id DESC", values


def _index(plc: Optional[str], tag: Optional[str], query: EventQuery) -> str:
    """Named, because the planner's guess depends on statistics, and a wrong one costs seconds among millions."""
    if query.is_open:
        return "events_open"
    return "events_by_start" if plc is None else "events_by_plc" if tag is None else "events_by_tag"


def carried_sql(plc: Optional[str], tag: Optional[str], query: EventQuery) -> Tuple[str, List[Any]]:
    """The events that started before the stretch and reach into it: per tag the last one that started before."""
    assert query.from_utc is not None
    from_ts = to_text(query.from_utc)
    where, values = _filters(plc, tag, query)
    of_tag = "".join(f" AND t.{column} = ?" for column, value in (("plc_ip", plc), ("tag", tag)) if value is not None)
    tag_values = [value for value in (plc, tag) if value is not None]
    every = "SELECT id FROM events WHERE plc_ip = t.plc_ip AND tag = t.tag AND start_ts < ?"
    last = f"{every} ORDER BY start_ts DESC, id DESC LIMIT 1"
    every += " AND (end_ts IS NULL OR end_ts > ?)"
    where.append("(end_ts IS NULL OR end_ts > ?)")
    where.append(
        f"id IN (SELECT ({last}) FROM tags t WHERE t.has_overlaps = 0{of_tag}"
        f" UNION ALL SELECT e.id FROM tags t JOIN events e ON e.id IN ({every}) WHERE t.has_overlaps = 1{of_tag})"
    )
    values += [from_ts, from_ts, *tag_values, from_ts, from_ts, *tag_values]
    return f"{SELECT}{_where(where)}", values


def _filters(plc: Optional[str], tag: Optional[str], query: EventQuery) -> Tuple[List[str], List[Any]]:
    where: List[str] = []
    values: List[Any] = []
    for column, value in (("plc_ip", plc), ("tag", tag)):
        if value is not None:
            where.append(f"{column} = ?")
            values.append(value)
    if query.is_open is not None:
        where.append("end_ts IS NULL" if query.is_open else "end_ts IS NOT NULL")
    if query.to_utc is not None:
        where.append("start_ts < ?")
        values.append(to_text(query.to_utc))
    if query.before is not None:
        before_ts = to_text(query.before[0])
        where.append("start_ts <= ? AND (start_ts < ? OR id < ?)")
        values += [before_ts, before_ts, query.before[1]]
    if query.quality is not None:
        where.append("(start_quality = ? OR end_quality = ?)")
        values += [query.quality, query.quality]
    if query.text:
        where.append("has_text(tag, tag_label)")
    if query.min_duration_s:
        where.append("is_long(start_ts, end_ts, duration_s)")
    return where, values


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def add_functions(connection: sqlite3.Connection, query: EventQuery) -> None:
    """Conditions that SQL cannot say: letters with accents are folded too, durations count to the millisecond."""
    if query.text:
        wanted = query.text.casefold()
        known: Dict[Tuple[Any, Any], bool] = {}

        def has_text(tag: Any, label: Any) -> bool:
            if (tag, label) not in known:
                known[tag, label] = wanted in str(tag).casefold() or wanted in str(label).casefold()
            return known[tag, label]

        connection.create_function("has_text", 2, has_text, deterministic=True)
    if query.min_duration_s:
        shortest_s, now_utc = query.min_duration_s, utc_now()

        def is_long(start_ts: Any, end_ts: Any, duration_s: Any) -> bool:
            stored_s = to_duration_s(duration_s) if end_ts else None
            if stored_s is not None:
                return stored_s >= shortest_s
            start_utc, end_utc = to_moment(start_ts), to_moment(end_ts) if end_ts else now_utc
            return start_utc is not None and end_utc is not None and (end_utc - start_utc).total_seconds() >= shortest_s

        connection.create_function("is_long", 3, is_long, deterministic=True)


# -- rows --------------------------------------------------------------------------------------------------------------


class StoredRun(NamedTuple):
    """A row of RUNS_SQL: what run hours need of an event, all of it in the index."""

    start_ts: str
    end_ts: Optional[str]
    start_earliest_ts: Optional[str]
    end_earliest_ts: Optional[str]
    start_quality: str
    gap_s: float
    duration_s: Optional[float]


def to_stored_run(row: StoredEvent) -> StoredRun:
    """The same of a whole row."""
    return StoredRun(*(getattr(row, name) for name in StoredRun._fields))


def to_event(row: StoredEvent) -> Event:
    """Never fails: a damaged time becomes the best one at hand."""
    created_utc = to_moment(row.created_at)
    start_utc = to_moment(row.start_ts) or created_utc or EPOCH_UTC
    end_utc = None if row.end_ts is None else to_moment(row.end_ts) or start_utc
    return Event(
        id=int(row.id),
        uid=str(row.uid or ""),
        plc_ip=str(row.plc_ip),
        plc_name=str(row.plc_name),
        tag=str(row.tag),
        tag_label=str(row.tag_label),
        start_utc=start_utc,
        end_utc=end_utc,
        created_utc=created_utc or start_utc,
        start_earliest_utc=to_moment(row.start_earliest_ts),
        start_quality=str(row.start_quality),
        end_earliest_utc=to_moment(row.end_earliest_ts),
        end_quality=None if row.end_quality is None else str(row.end_quality),
        gap_count=to_number(row.gap_count, int),
        gap_s=to_number(row.gap_s, float),
        flags=tuple(flag for flag in str(row.flags or "").split(",") if flag),
        rev=to_number(row.rev, int),
        duration_s=_find_duration_s(row, start_utc, end_utc),
        start_device_utc=to_moment(row.start_device_ts),
        end_device_utc=to_moment(row.end_device_ts),
    )


def _find_duration_s(row: StoredEvent, start_utc: datetime, end_utc: Optional[datetime]) -> Optional[float]:
    if end_utc is None:
        return None
    stored_s = to_duration_s(row.duration_s)
    return round(max(0.0, (end_utc - start_utc).total_seconds()), 3) if stored_s is None else stored_s


def to_duration_s(value: Any) -> Optional[float]:
    """A stored duration; None where there is none, or none that can be one."""
    return value if isinstance(value, float) and 0 <= value < math.inf else None


def to_number(value: Any, kind: Any) -> Any:
    """A stored number as `kind` (int, float); 0 where it is damaged."""
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        return kind(0)
