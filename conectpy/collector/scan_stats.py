"""What the scans of one PLC tell of themselves: times, overruns, gaps. Pure; written by the PLC's own thread."""

from __future__ import annotations

from collections import deque
from typing import Deque, Optional

from ..facts.plc_facts import ScanFigures

WINDOW = 1000
REFRESH = 20


class ScanStats:
    """Figures over the last 1,000 scans (median, 99th percentile) and since the start (longest, counters)."""

    def __init__(self) -> None:
        self._durations_ms: Deque[float] = deque(maxlen=WINDOW)
        self._count = 0
        self._median_ms: Optional[float] = None
        self._p99_ms: Optional[float] = None
        self.longest_ms: Optional[float] = None
        self.longest_gap_s = 0.0
        self.overruns = 0
        self.missed_cycles = 0
        self.last_good_s: Optional[float] = None
        self._last_sent_s: Optional[float] = None

    def add(self, duration_s: float, now_s: float) -> None:
        """A good scan ended at `now_s` (monotonic). A gap lasts from asking for one good scan to having the next."""
        duration_ms = duration_s * 1000
        self._durations_ms.append(duration_ms)
        self.longest_ms = max(self.longest_ms or 0.0, duration_ms)
        if self._last_sent_s is not None:
            self.longest_gap_s = max(self.longest_gap_s, now_s - self._last_sent_s)
        self._last_sent_s = now_s - duration_s
        self.last_good_s = now_s
        self._count += 1
        if self._count <= REFRESH or self._count % REFRESH == 0:  # sorting at every scan would cost more than the scan
            ordered = sorted(self._durations_ms)
            self._median_ms = ordered[len(ordered) // 2]
            self._p99_ms = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]

    def add_overrun(self, missed_cycles: int) -> None:
        """A scan took longer than the interval; so many starting times passed meanwhile."""
        self.overruns += 1
        self.missed_cycles += missed_cycles

    def facts(self) -> ScanFigures:
        """The figures under their names in `_meta`."""
        return {
            "scan_ms_median": _rounded(self._median_ms),
            "scan_ms_p99": _rounded(self._p99_ms),
            "scan_ms_max": _rounded(self.longest_ms),
            "longest_gap_s": round(self.longest_gap_s, 3),
            "overruns": self.overruns,
            "missed_cycles": self.missed_cycles,
        }


def _rounded(duration_ms: Optional[float]) -> Optional[float]:
    return None if duration_ms is None else round(duration_ms, 3)
