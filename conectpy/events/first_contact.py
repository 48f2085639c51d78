"""The first contact of a run that began before the file could be read: it knows no history, the file does (E20)."""

from __future__ import annotations

from typing import Optional

from ..models import Transition
from ..timestamps import to_moment
from .ledger_rows import State


def is_first_contact(change: Transition) -> bool:
    """Whether it comes of a run that knew nothing of before: TRUE already, or FALSE whatever is open in the file."""
    if change.kind == "open":
        return change.quality == "at_connect"
    return change.kind == "close" and change.quality == "gap" and change.earliest_utc is None and not change.flags


def with_history(
    change: Transition, *, is_open: bool, state: Optional[State], plc_good_ts: Optional[str]
) -> Transition:
    """What the change is, seen from the file: E6 to E8 with the last known state. `is_open`: it has an open event."""
    if state is None or not (is_open or (change.kind == "open" and state.value == 0)):
        return change
    known_utc = to_moment(max(state.good_ts or plc_good_ts or "", state.last_ts or "")) or change.ts_utc
    known_utc = min(known_utc, change.ts_utc)
    if change.kind == "close" or not is_open:
        return change._replace(quality="gap", earliest_utc=known_utc)
    lost_s = (change.ts_utc - known_utc).total_seconds()
    return Transition(
        "amend", change.plc, change.tag, change.ts_utc, gap_count=1, gap_s=lost_s, sent_utc=change.sent_utc
    )
