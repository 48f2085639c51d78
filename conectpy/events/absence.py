"""The time in which no collector ran, as an event of its own: `@collector`, of no PLC (promise E19). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import List, Optional

from ..models import COLLECTOR_TAG, ClockMark, Transition
from .clock_watch import CLOCK_STEP_S, step_since


class Absence:
    """Nobody looked from the previous run's last sign of life to this run's first scan. One thread.

    `alive` None: there was no previous run. `is_open`: an earlier absence has not ended, for no scan came since.
    """

    def __init__(self, alive: Optional[ClockMark], now_utc: datetime, now_s: float, boot: Optional[str]) -> None:
        self._alive = alive
        self._now_utc = now_utc
        step_s = None if alive is None else step_since(alive, now_utc, now_s, boot)
        self._step_s = step_s or 0.0
        self._is_over = alive is None

    def begin(self, *, is_open: bool) -> List[Transition]:
        """The start of the absence; `is_open`: an earlier one goes on, because no scan came since."""
        if self._alive is None:
            return []
        step = timedelta(seconds=self._step_s)
        is_set = abs(self._step_s) > CLOCK_STEP_S
        if is_open:
            shift = Transition("shift", "", COLLECTOR_TAG, self._now_utc, shift_s=self._step_s)
            return [shift._replace(flags=frozenset({"clock_step"}))] if is_set else []
        start_utc = self._alive.at_utc + step
        is_ahead = (start_utc - self._now_utc).total_seconds() > CLOCK_STEP_S  # set back while the machine was off
        start_utc = min(start_utc, self._now_utc)
        flags = frozenset({"clock_step"}) if is_set or is_ahead else frozenset()
        return [Transition("open", "", COLLECTOR_TAG, start_utc, start_utc, "sampled", flags=flags)]

    def end(self, scanned_utc: Optional[datetime]) -> List[Transition]:
        """The end of it, once: with the first scan of this run. None: there has been none yet."""
        if self._is_over or scanned_utc is None:
            return []
        self._is_over = True
        ts = max(scanned_utc, self._now_utc)
        return [Transition("close", "", COLLECTOR_TAG, ts, self._now_utc, "sampled")]
