"""The rows that the writer writes, and the statements that write them. No I/O."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Callable, FrozenSet, NamedTuple, Optional, Sequence, Tuple

from ..models import Gap
from ..timestamps import ceil_text, from_text, to_text
from .entries import Loss

INSERT = """
INSERT INTO events (plc_ip, plc_name, tag, tag_label, start_ts, end_ts, created_at, uid, start_earliest_ts,
                    start_quality, end_earliest_ts, end_quality, gap_count, gap_s, flags, rev, duration_s,
                    start_device_ts, end_device_ts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_UPDATE = """
UPDATE events SET {more}end_ts = ?, end_earliest_ts = ?, end_quality = ?, duration_s = ?, end_device_ts = ?,
                  gap_count = ?, gap_s = ?, flags = ?, rev = ?
WHERE plc_ip = ? AND tag = ? AND end_ts IS NULL"""
UPDATE = _UPDATE.format(more="")
UPDATE_SHIFTED = _UPDATE.format(more="start_ts = ?, start_earliest_ts = ?, ")
"""Apart, because naming `start_ts` makes SQLite write two more indexes."""

INSERT_GAP = "INSERT INTO gaps (plc_ip, tag, from_ts, to_ts, cause, rev) VALUES (?, ?, ?, ?, ?, ?)"

UPSERT_TAG = """
INSERT INTO tags (plc_ip, tag, value, good_ts, last_ts, has_overlaps) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (plc_ip, tag) DO UPDATE SET value = excluded.value, good_ts = excluded.good_ts,
    last_ts = COALESCE(excluded.last_ts, last_ts), has_overlaps = MAX(has_overlaps, excluded.has_overlaps)"""

UPSERT_PLC = """
INSERT INTO plcs (plc_ip, plc_name, good_ts) VALUES (?, ?, ?)
ON CONFLICT (plc_ip) DO UPDATE SET plc_name = excluded.plc_name, good_ts = COALESCE(excluded.good_ts, good_ts)"""

INSERT_LOSS = "INSERT INTO losses (plc_ip, first_ts, last_ts, lost_count, reason, created_at) VALUES (?, ?, ?, ?, ?, ?)"

SELECT_OPEN = """
SELECT plc_ip, tag, start_ts, gap_count, gap_s, flags, plc_name, tag_label, created_at, uid, start_earliest_ts,
       start_quality, start_device_ts FROM events WHERE end_ts IS NULL"""

SELECT_LAST_END = "SELECT end_ts FROM events WHERE plc_ip = ? AND tag = ? ORDER BY start_ts DESC, id DESC LIMIT 1"


class OpenEvent(NamedTuple):
    """A row that has no end yet; in the order of SELECT_OPEN."""

    plc: str
    tag: str
    start_ts: str
    gap_count: int
    gap_s: float
    flags: FrozenSet[str]
    plc_name: str
    tag_label: str
    created_at: str
    uid: str
    start_earliest_ts: Optional[str]
    start_quality: str
    start_device_ts: Optional[str] = None


class End(NamedTuple):
    """How an event ends: those columns. All None: it goes on."""

    ts: Optional[str] = None
    earliest_ts: Optional[str] = None
    quality: Optional[str] = None
    duration_s: Optional[float] = None
    device_ts: Optional[str] = None


class State(NamedTuple):
    """The last known state of a tag: those columns of `tags`."""

    value: Optional[int]
    good_ts: Optional[str]
    last_ts: Optional[str]

    def shifted(self, shift_s: float) -> State:
        """The same by a clock that was set."""
        return State(self.value, shift_text(self.good_ts, shift_s), shift_text(self.last_ts, shift_s))


Row = Tuple[Any, ...]


def shift_text(ts: Optional[str], shift_s: float, text_of: Callable[[datetime], str] = to_text) -> Optional[str]:
    """A stored time, moved; as it was where it is damaged or would leave the calendar."""
    try:
        return ts and text_of(from_text(ts) + timedelta(seconds=shift_s))
    except (ValueError, OverflowError):
        return ts


def to_open_event(row: Sequence[Any]) -> OpenEvent:
    """A row of SELECT_OPEN; what is damaged in it counts as nothing."""
    stored = OpenEvent._make(row)
    flags = frozenset(filter(None, str(stored.flags).split(",")))
    return stored._replace(gap_count=int(stored.gap_count or 0), gap_s=float(stored.gap_s or 0.0), flags=flags)


def insert_row(event: OpenEvent, end: End, rev: int) -> Row:
    """The values of INSERT."""
    return (
        event.plc, event.plc_name, event.tag, event.tag_label, event.start_ts, end.ts, event.created_at, event.uid,
        event.start_earliest_ts, event.start_quality, end.earliest_ts, end.quality,
        event.gap_count, round(event.gap_s, 3), ",".join(sorted(event.flags)),
        rev, end.duration_s, event.start_device_ts, end.device_ts,
    )  # fmt: skip


def update_row(event: OpenEvent, end: End, rev: int) -> Row:
    """The values of UPDATE."""
    counts = (event.gap_count, round(event.gap_s, 3), ",".join(sorted(event.flags)), rev)
    return (*end, *counts, event.plc, event.tag)


def shifted_row(event: OpenEvent, end: End, rev: int) -> Row:
    """The values of UPDATE_SHIFTED."""
    return (event.start_ts, event.start_earliest_ts, *update_row(event, end, rev))


def gap_row(gap: Gap, rev: int) -> Row:
    """The values of INSERT_GAP; to whole milliseconds, never shorter than it was."""
    return (gap.plc, gap.tag, to_text(gap.from_utc), ceil_text(gap.to_utc), gap.cause, rev)


def loss_row(loss: Loss, created_at: str) -> Row:
    """The values of INSERT_LOSS."""
    return (loss.plc, to_text(loss.first_utc), to_text(loss.last_utc), loss.lost_count, loss.reason, created_at)
