"""What the detector remembers of one state tag, and what a sample says about it. Pure, like the detector itself."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Deque, FrozenSet, NamedTuple, Optional, Tuple

from ..models import PlcMemory, Sample, Transition
from ..settings.types import TagSettings

MILLISECOND = timedelta(milliseconds=1)
CAUSE_CHARS = 200


class Moment(NamedTuple):
    """When a sample is from: asked for, here, the last time the track's old state was known, and the steady now."""

    sent_utc: datetime
    received_utc: datetime
    before_utc: Optional[datetime]
    now_s: float

    def steady_at(self, at_utc: datetime) -> float:
        """The steady clock at a moment of the wall clock that is not later than this one's."""
        if at_utc >= self.received_utc:
            return self.now_s
        return self.now_s - (self.received_utc - at_utc).total_seconds()


class Pending(NamedTuple):
    """A change that has been seen but has not lasted for its delay yet; `since_s` by the steady clock."""

    transition: Transition
    since_s: float
    lost_s: Optional[float] = None  # the outage just before it, which counts only if the change turns out to be none

    def with_gap(self, gap_s: float) -> Pending:
        """The same with one more outage inside."""
        old = self.transition
        return self._replace(transition=old._replace(gap_count=old.gap_count + 1, gap_s=old.gap_s + gap_s))


class Track:
    """What is known of one state tag. `good_utc` and `good_s` matter only while it is not live (or a change pends).

    `good_utc` is the last moment at which `value` held, `seen_utc` the last at which anything was known: they differ
    while a change pends. `open_s` is the steady clock at the start of the open event, None where this run did not see
    it. `cause` says why the tag is not live where the tag itself, and not its PLC's link, is to blame.
    """

    __slots__ = (
        "cause", "chatter_s", "flags", "good_s", "good_utc", "is_live", "is_open", "last_ts", "off_delay_s",
        "on_delay_s", "open_s", "pending", "seen_utc", "value",
    )  # fmt: skip

    def __init__(self, on_delay_s: float, off_delay_s: float) -> None:
        self.on_delay_s = on_delay_s
        self.off_delay_s = off_delay_s
        self.value: Optional[bool] = None
        self.is_live = False
        self.is_open = False
        self.good_utc: Optional[datetime] = None
        self.seen_utc: Optional[datetime] = None
        self.good_s: Optional[float] = None
        self.open_s: Optional[float] = None
        self.last_ts: Optional[datetime] = None
        self.pending: Optional[Pending] = None
        self.flags: FrozenSet[str] = frozenset()
        self.cause: Optional[str] = None
        self.chatter_s: Deque[float] = deque()

    def blame(self, cause: Optional[str]) -> None:
        """Keep the first reason for which it is not live; None: its PLC's link, which has an event of its own."""
        if cause is not None and self.cause is None:
            self.cause = " ".join(cause.split())[:CAUSE_CHARS]

    def lost_for(self, moment: Moment) -> float:
        """How long there was no data: by the steady clock within a run, by the wall clock over a restart."""
        if self.good_s is not None:
            return max(0.0, moment.now_s - self.good_s)
        if self.good_utc is None:
            return 0.0
        return max(0.0, (moment.received_utc - self.good_utc).total_seconds())

    def lasted_s(self, end_s: float) -> Optional[float]:
        """The length of the open event by the steady clock; None where this run did not see its start."""
        return None if self.open_s is None else round(max(0.0, end_s - self.open_s), 3)

    def has_lasted(self, at_s: float) -> bool:
        """Whether the change that pends has lasted for its delay."""
        if self.pending is None:
            return False
        delay_s = self.on_delay_s if self.pending.transition.kind == "open" else self.off_delay_s
        return at_s - self.pending.since_s >= delay_s

    def count_change(self, now_s: float, window_s: float) -> int:
        """How many transitions there were within the window, this one among them."""
        times = self.chatter_s
        times.append(now_s)
        while times[0] < now_s - window_s:
            times.popleft()
        return len(times)

    def move(self, step: timedelta, flags: FrozenSet[str]) -> None:
        """The wall clock stepped: what is remembered goes by the new one."""
        self.good_utc = moved(self.good_utc, step)
        self.seen_utc = moved(self.seen_utc, step)
        self.last_ts = moved(self.last_ts, step)
        if self.pending is not None:
            old = self.pending.transition
            new = old._replace(
                ts_utc=old.ts_utc + step,
                earliest_utc=moved(old.earliest_utc, step),
                sent_utc=moved(old.sent_utc, step),
                device_utc=moved(old.device_utc, step),
                flags=old.flags | flags,
            )
            self.pending = self.pending._replace(transition=new)


def make_track(tag: TagSettings, memory: PlcMemory) -> Track:
    """A track that goes on from what the store knows (promise E9)."""
    track = Track(tag.on_delay_s, tag.off_delay_s)
    known = memory.states.get(tag.tag)
    track.is_open = tag.tag in memory.open_since
    if track.is_open:
        track.value, track.last_ts = True, memory.open_since[tag.tag]
        track.good_utc = known.good_utc if known is not None else track.last_ts
    elif known is not None and not known.value:
        track.value, track.good_utc = False, known.good_utc
    track.seen_utc = track.good_utc
    return track


def edge_of(sample: Sample, moment: Moment, *, is_device_trusted: bool) -> Tuple[datetime, Optional[datetime], str]:
    """(ts, earliest, quality) of a change between two good samples: what was seen.

    A device's time makes it narrower only where it is trusted, is known to be a time of change, and falls into what was
    seen (promise E21).
    """
    ts, earliest = ceil_ms(moment.received_utc), moment.before_utc
    changed_utc = sample.changed_utc
    if not is_device_trusted or changed_utc is None or sample.changed_within_s == float("inf") or earliest is None:
        return ts, earliest, "sampled"
    if not earliest < changed_utc <= moment.received_utc:
        return ts, earliest, "sampled"
    within = timedelta(seconds=sample.changed_within_s)
    ts = min(ts, ceil_ms(changed_utc + within))
    first = changed_utc - within - timedelta(seconds=sample.sampling_s)
    return ts, max(earliest, ceil_ms(first) - MILLISECOND), "exact"


def moved(moment_utc: Optional[datetime], step: timedelta) -> Optional[datetime]:
    """A remembered moment after the wall clock stepped."""
    return None if moment_utc is None else moment_utc + step


def ceil_ms(moment_utc: datetime) -> datetime:
    """Up to the next whole millisecond: stored times have no finer digits, and `ts` must not lie before the truth."""
    rest = moment_utc.microsecond % 1000
    return moment_utc if rest == 0 else moment_utc + timedelta(microseconds=1000 - rest)
