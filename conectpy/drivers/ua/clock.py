"""The server's clock against ours, and whether its source timestamps say when a value changed. Pure."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Collection, Dict, NamedTuple, Optional, Set, Tuple

from ...timestamps import READING_S

BIAS_LEAST_S = 1.5  # a server that brings its CurrentTime up to date once a second is not off by that
RESOLUTION_S = 0.001  # servers cut their time to milliseconds
WALL_RESOLUTION_S = time.get_clock_info("time").resolution  # 15.6 ms on Windows before Python 3.13
DRIFT_PER_S = 500e-6  # two clocks drift apart by less than this, also while one of them is steered
MAX_UNCERTAINTY_S = 0.1  # beyond this, a device's time tells no more than the scan does
PROOF_SCANS = 2
PROOF_S = 1.5
PROOF_AGAIN_S = 60.0
MOVES_MOST = 3


class DeviceTime(NamedTuple):
    """A device's time on our clock; the true moment lies at most `within_s` before or after `moment_utc`.

    Infinite: nothing shows that it is the time of a change.
    """

    moment_utc: datetime
    within_s: float


class ClockOffset:
    """How far the server's clock is ahead of our steady one, in seconds, from exchanges of which we know both ends.

    Our wall clock has no part in it: it may be set at any time. Each exchange bounds the offset: the server stamped its
    answer after we sent and before we received. The bounds of many exchanges are narrower than half a round trip; they
    widen again with time, as clocks drift, and start anew where an exchange contradicts them (somebody set a clock).
    """

    def __init__(self) -> None:
        self.bias_s = 0.0  # what the device's clock is ahead of the one that stamps the answers' headers
        self._low = float("-inf")
        self._high = float("inf")
        self._at_s = 0.0

    def add(self, sent_s: float, server_s: float, received_s: float) -> None:
        """The steady clock when sending, the server's in its answer (seconds since 1970), ours when receiving."""
        server_s += self.bias_s
        low, high = server_s - received_s, server_s + RESOLUTION_S - sent_s
        widening = abs(received_s - self._at_s) * DRIFT_PER_S
        self._low, self._high = self._low - widening, self._high + widening
        if high < self._low or low > self._high:
            self._low, self._high = low, high
        else:
            self._low, self._high = max(low, self._low), min(high, self._high)
        self._at_s = received_s

    @property
    def middle_s(self) -> float:
        """The middle of what the offset may be; only after the first exchange."""
        return (self._low + self._high) / 2

    @property
    def uncertainty_s(self) -> float:
        """Half the width of what the offset may be; infinite before the first exchange."""
        return (self._high - self._low) / 2

    def ahead_of(self, wall_s: float, steady_s: float) -> Optional[float]:
        """How far the server's clock is ahead of our wall clock (seconds since 1970), both of ours read together.

        None before the first exchange; 0.0 where the clocks agree as far as can be told.
        """
        if self._low == float("-inf"):
            return None
        ahead_s = self.middle_s - (wall_s - steady_s)
        return 0.0 if abs(ahead_s) <= self.uncertainty_s else ahead_s

    def to_utc(self, epoch_s: float, received_utc: datetime, received_s: float) -> Optional[DeviceTime]:
        """The server's time `epoch_s` on our wall clock, which stood at `received_utc` when the steady one did at
        `received_s`; None where the offset is not known, or no calendar holds it."""
        if self._low == float("-inf"):
            return None
        age_s = received_s - (epoch_s + RESOLUTION_S / 2 - self.middle_s)
        drift_s = abs(age_s) * DRIFT_PER_S + abs(received_s - self._at_s) * DRIFT_PER_S
        within_s = self.uncertainty_s + drift_s + RESOLUTION_S / 2 + WALL_RESOLUTION_S + READING_S
        try:
            moment_utc = received_utc - timedelta(seconds=age_s)
        except (OverflowError, ValueError):
            return None
        return DeviceTime(moment_utc, within_s if within_s <= MAX_UNCERTAINTY_S else float("inf"))


class ChangeTimes:
    """Which nodes' source timestamps are times of change, learned from how they behave while the value stands still.

    A timestamp that moves although the value does not (S7: the time of reading) says nothing about changes. One that
    stays put for some scans and some time is believed, for this node, until it is seen to move; then it has to stay put
    for a minute, then four, and after the third time it is never believed again.
    """

    def __init__(self, watched: Collection[int]) -> None:
        self._watched = frozenset(watched)
        self._changed: Dict[int, Tuple[int, float]] = {}  # index -> scan and time of its last change
        self._proven: Set[int] = set()
        self._moves: Dict[int, int] = {}
        self.moving: Set[int] = set()  # never believed again
        self._scan = 0
        self._now_s = 0.0

    def begin_scan(self, now_s: float) -> None:
        """Another scan's replies come; `now_s` by the steady clock."""
        self._scan += 1
        self._now_s = now_s

    def on_moved(self, indexes: Collection[int]) -> None:
        """Their timestamps moved though their values did not (or went to and fro between two scans)."""
        for index in indexes:
            moves = self._moves[index] = self._moves.get(index, 0) + 1
            self._changed[index] = self._scan, self._now_s
            if moves >= MOVES_MOST:
                self.moving.add(index)
        self._proven.difference_update(indexes)

    def on_changed(self, index: int) -> bool:
        """Its value changed; whether its timestamps have proven to be times of change."""
        is_proven = self.has_proven(index)
        if is_proven:
            self._proven.add(index)
        self._changed[index] = self._scan, self._now_s
        return is_proven

    def has_proven(self, index: int) -> bool:
        """Whether the node's timestamp has stayed put while its value did."""
        if index in self.moving or index not in self._watched:
            return False
        if index in self._proven:
            return True
        scan, since_s = self._changed.get(index, (self._scan, self._now_s))
        moves = self._moves.get(index, 0)
        proof_s = PROOF_AGAIN_S * 4 ** (moves - 1) if moves else PROOF_S
        return self._scan - scan > PROOF_SCANS and self._now_s - since_s >= proof_s
