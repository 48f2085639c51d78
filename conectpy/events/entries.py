"""What is handed to the writer: scans' changes, last known states, and what had to be left out. No I/O."""

from __future__ import annotations

import math
from datetime import datetime
from typing import FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ..models import Change, ClockMark, Gap

Key = Tuple[str, str]
"""(plc address, tag)"""


class Note(NamedTuple):
    """The last known states of one PLC (EventStore.note_states)."""

    plc: str
    good_utc: datetime
    states: Mapping[str, Tuple[bool, Optional[datetime]]]


class Loss(NamedTuple):
    """Changes that were not kept, from the first's time to the last's."""

    plc: str
    first_utc: datetime
    last_utc: datetime
    lost_count: int
    reason: str


class Incomplete(NamedTuple):
    """From here on the rows of these tags may not fit what comes next, because changes of theirs were lost."""

    tags: FrozenSet[Key]


Entry = Union[Tuple[Change, ...], Note, Loss, Incomplete, ClockMark]


def clean(entries: Sequence[Entry]) -> List[Entry]:
    """The same entries without what a database cannot hold: half characters in names, durations that are no number."""
    return [_clean_entry(entry) for entry in entries]


def _clean_entry(entry: Entry) -> Entry:
    if isinstance(entry, Note):
        return Note(
            _clean_text(entry.plc), entry.good_utc, {_clean_text(tag): entry.states[tag] for tag in entry.states}
        )
    if isinstance(entry, Loss):
        return entry._replace(plc=_clean_text(entry.plc))
    if isinstance(entry, Incomplete):
        return entry
    if isinstance(entry, ClockMark):
        return entry._replace(plc=_clean_text(entry.plc))
    return tuple(_clean_change(change) for change in entry)


def _clean_change(change: Change) -> Change:
    if isinstance(change, ClockMark):
        return change._replace(plc=_clean_text(change.plc))
    plc, tag = _clean_text(change.plc), _clean_text(change.tag)
    if isinstance(change, Gap):
        return change._replace(plc=plc, tag=tag, cause=_clean_text(change.cause))
    return change._replace(plc=plc, tag=tag, gap_s=change.gap_s if math.isfinite(change.gap_s) else 0.0)


def span(change: Change) -> Tuple[datetime, datetime]:
    """From when to when it was."""
    if isinstance(change, Gap):
        return change.from_utc, change.to_utc
    at_utc = change.at_utc if isinstance(change, ClockMark) else change.ts_utc
    return at_utc, at_utc


def _clean_text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
