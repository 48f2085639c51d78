"""The server's clock against ours, and whether its source timestamps say when a value changed. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Collection, Dict, Optional, Set

from ..timestamps import UTC

RESOLUTION_S = 0.001  # servers cut their time to milliseconds
DRIFT_PER_S = 100e-6  # two quartz clocks drift apart by less than this
MAX_UNCERTAINTY_S = 0.1  # beyond this, a device time on our clock is too vague to be called exact
PROOF_SCANS = 3
PROOF_S = 1.5

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ClockOffset:
    """How far the server's clock is ahead of ours, in seconds, from exchanges of which we know both ends.

    Each exchange bounds the offset: the server stamped its answer after we sent and before we received. The bounds of
    many exchanges are narrower than half a round trip; they widen again with time, as clocks drift, and start anew
    where an exchange contradicts them (somebody set a clock).
    """

    def __init__(self) -> None:
        self._low = float("-inf")
        self._high = float("inf")
        self._at_s = 0.0

    def add(self, sent_s: float, server_s: float, received_s: float) -> None:
        """All in seconds since 1970: ours when sending, the server's in its answer, ours when receiving."""
        low, high = server_s - received_s, server_s + RESOLUTION_S - sent_s
        widening = abs(received_s - self._at_s) * DRIFT_PER_S
        self._low, self._high = self._low - widening, self._high + widening
        if high < self._low or low > self._high:
            self._low, self._high = low, high
        else:
            self._low, self._high = max(low, self._low), min(high, self._high)
        self._at_s = received_s

    @property
    def uncertainty_s(self) -> float:
        """Half the width of what the offset may be; infinite before the first exchange."""
        return (self._high - self._low) / 2

    @property
    def offset_s(self) -> Optional[float]:
        """None before the first exchange; 0.0 where the clocks agree as far as can be told."""
        if self._low == float("-inf"):
            return None
        return 0.0 if self._low <= 0.0 <= self._high else (self._low + self._high) / 2


class ChangeTimes:
    """Which nodes' source timestamps are times of change, learned from how they behave while the value stands still.

    A timestamp that moves although the value does not (S7: the time of reading) says nothing about changes. One that
    stays put for some scans and some time is believed, for this node, until it is seen to move.
    """

    def __init__(self, watched: Collection[int], clock: ClockOffset) -> None:
        self._clock = clock
        self._changes: Dict[int, int] = dict.fromkeys(watched, 0)  # index -> scan of the last change
        self._change_s: Dict[int, float] = {}
        self._proven: Set[int] = set()
        self.moving: Set[int] = set()
        self._scan = 0

    def begin_scan(self) -> None:
        self._scan += 1

    def on_moved(self, indexes: Collection[int]) -> None:
        self.moving.update(indexes)
        self._proven.difference_update(indexes)

    def on_changed(self, index: int, now_s: float) -> bool:
        """Whether the node's timestamps have proven to be times of change. `now_s` is monotonic."""
        scan, since_s = self._changes.get(index), self._change_s.get(index)
        self._changes[index], self._change_s[index] = self._scan, now_s
        if index in self.moving or scan is None:
            return False
        if since_s is not None and self._scan - scan > PROOF_SCANS and now_s - since_s >= PROOF_S:
            self._proven.add(index)
        return index in self._proven

    def to_utc(self, epoch_s: float, after_utc: Optional[datetime], until_utc: datetime) -> Optional[datetime]:
        """The server's time `epoch_s` on our clock, if it lies in (after, until] and the clocks are known well."""
        offset_s = self._clock.offset_s
        if offset_s is None or after_utc is None or self._clock.uncertainty_s > MAX_UNCERTAINTY_S:
            return None
        try:
            moment = _EPOCH + timedelta(seconds=epoch_s - offset_s)
        except OverflowError:
            return None
        return moment if after_utc < moment <= until_utc else None
