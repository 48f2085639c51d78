"""Whether somebody set this machine's clock: the wall clock against the steady one, from call to call. Pure (E15)."""

from __future__ import annotations

from datetime import datetime
from typing import Optional, Tuple

from ..models import ClockMark, PlcMemory

CLOCK_STEP_S = 1.0
MARK_AGAIN_S = 0.25
"""A mark that a later run compares with must not be further off than this; clocks that are steered drift apart."""


def step_since(mark: ClockMark, at_utc: datetime, now_s: float, boot: Optional[str]) -> Optional[float]:
    """By how many seconds the wall clock was set since the mark; None where that was in another boot, or none knows."""
    if boot is None or mark.boot != boot or now_s < mark.steady_s:
        return None
    return (at_utc - mark.at_utc).total_seconds() - (now_s - mark.steady_s)


class ClockWatch:
    """The wall clock as one PLC's stored times go by it. `boot` None: not compared over a restart."""

    def __init__(self, plc: str, boot: Optional[str], memory: PlcMemory) -> None:
        self._plc = plc
        self._boot = boot
        self._memory = memory
        self._before: Optional[Tuple[datetime, float]] = None
        self._unmarked_s = float("inf")
        self.is_guess = False  # the step just told is only the least that it must have been

    def look(self, at_utc: datetime, now_s: float) -> float:
        """By how many seconds the wall clock moved against the steady one since the last call; + ahead, - back."""
        before, self._before = self._before, (at_utc, now_s)
        self.is_guess = False
        if before is None:
            return self._look_back(at_utc, now_s)
        moved_s = (at_utc - before[0]).total_seconds() - (now_s - before[1])
        self._unmarked_s += moved_s
        return moved_s

    def take_mark(self) -> Optional[ClockMark]:
        """What is to be stored of the clocks now; None while the last mark is still good."""
        if self._boot is None or self._before is None or abs(self._unmarked_s) <= MARK_AGAIN_S:
            return None
        self._unmarked_s = 0.0
        return ClockMark(self._plc, self._before[0], self._before[1], self._boot)

    def _look_back(self, at_utc: datetime, now_s: float) -> float:
        """Over a restart: exact within one boot, else at least so far back that nothing known lies ahead of now."""
        memory, mark = self._memory, self._memory.clock
        step_s = None if mark is None else step_since(mark, at_utc, now_s, self._boot)
        if step_s is not None:
            return step_s
        self.is_guess = True
        known = [state.good_utc for state in memory.states.values()] + list(memory.open_since.values())
        return min(0.0, *((at_utc - one).total_seconds() for one in known)) if known else 0.0
