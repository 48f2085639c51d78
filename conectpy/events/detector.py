"""Previous state + new scan -> transitions (documentation.md, promises E1 to E16). No clock, no I/O, no thread.

Every call says what time it is, on both clocks: UTC says when, the monotonic clock says how long.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Deque, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Set, Tuple

from ..models import COMM_TAG, LastState, PlcMemory, Sample, Scan, Transition
from ..settings.types import PlcSettings, TagSettings

CLOCK_STEP_S = 1.0
MILLISECOND = timedelta(milliseconds=1)

Notes = Dict[str, Tuple[bool, Optional[datetime]]]
"""tag -> (state, when it was last known; None: as of the PLC's last good scan). What the store keeps for a restart."""


class _Moment(NamedTuple):
    """When a sample is from: asked for, here, the last time the track's old state was known, and the monotonic now."""

    sent_utc: datetime
    received_utc: datetime
    before_utc: Optional[datetime]
    now_s: float


class _Pending(NamedTuple):
    """A change that has been seen but has not lasted for its delay yet."""

    transition: Transition
    since_s: float
    lost_s: Optional[float] = None  # the outage just before it, which counts only if the change turns out to be none


class _Track:
    """What is known of one state tag. `good_utc` and `good_s` matter only while it is not live (or a change pends)."""

    __slots__ = (
        "chatter_s", "flags", "good_s", "good_utc", "is_live", "is_open", "last_ts", "off_delay_s", "on_delay_s",
        "pending", "value",
    )  # fmt: skip

    def __init__(self, on_delay_s: float, off_delay_s: float) -> None:
        self.on_delay_s = on_delay_s
        self.off_delay_s = off_delay_s
        self.value: Optional[bool] = None
        self.is_live = False
        self.is_open = False
        self.good_utc: Optional[datetime] = None
        self.good_s: Optional[float] = None
        self.last_ts: Optional[datetime] = None
        self.pending: Optional[_Pending] = None
        self.flags: FrozenSet[str] = frozenset()
        self.chatter_s: Deque[float] = deque()


class Detector:
    """The state tags of one PLC over time. One thread at a time."""

    def __init__(self, plc: PlcSettings, memory: PlcMemory) -> None:
        self._plc = plc
        self._tracks = {tag.tag: _make_track(tag, memory) for tag in plc.tags if tag.is_state}
        self._comm = _make_track(TagSettings(COMM_TAG, COMM_TAG, on_delay_s=plc.comm_delay_s), memory)
        self._pending: Set[str] = set()
        self._vanished_s: Dict[str, float] = {}
        self._dirty: Set[str] = set()
        self._good: Optional[Tuple[datetime, float]] = None  # the last good scan: sent, and the monotonic now
        self._failed_utc: Optional[datetime] = None
        self._clock: Optional[Tuple[datetime, float]] = None
        self._frozen: Optional[str] = None
        self._latest: Dict[str, Sample] = {}
        self._step_flags: FrozenSet[str] = frozenset()  # the clock stepped since the previous call

    @property
    def open_tags(self) -> List[str]:
        """The state tags that have an open event now (`@comm` not among them)."""
        return [name for name, track in self._tracks.items() if track.is_open]

    # -- what happens --------------------------------------------------------------------------------------------------

    def on_scan(self, scan: Scan, now_s: float) -> List[Transition]:
        """Take in a scan that ended at `now_s`. State samples hold booleans (values.as_state_sample)."""
        found = self._watch_clock(scan.received_utc, now_s)
        found += self._on_link(False, scan.sent_utc, scan.received_utc, now_s)
        self._failed_utc = None
        samples = [(name, sample) for name, sample in scan.samples if name in self._tracks]
        self._latest.update(samples)
        if scan.frozen is not None:
            self._lose_all(frozenset({"plc_mode"}))
        else:
            moment = _Moment(scan.sent_utc, scan.received_utc, self._good[0] if self._good else None, now_s)
            # a scan tells only what changed: after a freeze every tag counts as new
            for name, sample in list(self._latest.items()) if self._frozen else samples:
                found += self._on_sample(name, self._tracks[name], sample, moment)
            found += self._settle(moment) + self._give_up_vanished(moment)
            self._good = (scan.sent_utc, now_s)
        self._frozen = scan.frozen
        return found

    def on_failure(self, at_utc: datetime, now_s: float) -> List[Transition]:
        """The link is down at this moment; call it again at least once a second while it stays so."""
        found = self._watch_clock(at_utc, now_s)
        self._lose_all(frozenset())
        self._vanished_s.clear()
        self._frozen = None
        found += self._on_link(True, at_utc, at_utc, now_s)
        self._failed_utc = at_utc
        return found

    def take_notes(self) -> Tuple[Optional[datetime], Notes]:
        """When the PLC was last read well, and what changed of its last known states since the previous call."""
        notes: Notes = {}
        for name in self._dirty:
            track = self._comm if name == COMM_TAG else self._tracks[name]
            if track.value is not None:
                follows = track.is_live and track.pending is None and not (name == COMM_TAG and track.value)
                notes[name] = (track.value, None if follows else track.good_utc)
        self._dirty.clear()
        return (self._good[0] if self._good else None), notes

    def take_settings(self, plc: PlcSettings, at_utc: datetime) -> List[Transition]:
        """Go on with other settings of the same PLC: what is open stays open, delays hold from now on.

        A state that is not among them any more ends as `removed` (promise E12); a new one starts unknown.
        """
        wanted = {tag.tag: tag for tag in plc.tags if tag.is_state}
        found = [self._remove(name, at_utc) for name in list(self._tracks) if name not in wanted]
        self._tracks = {name: self._tracks.get(name) or _make_track(tag, PlcMemory()) for name, tag in wanted.items()}
        for name, tag in wanted.items():
            self._tracks[name].on_delay_s, self._tracks[name].off_delay_s = tag.on_delay_s, tag.off_delay_s
        self._comm.on_delay_s = plc.comm_delay_s
        self._plc = plc
        return [transition for transition in found if transition is not None]

    def close_all(self, at_utc: datetime) -> List[Transition]:
        """The PLC has left the configuration: every open event, `@comm` among them, ends as `removed`."""
        found = [self._remove(name, at_utc) for name in [*self._tracks, COMM_TAG]]
        return [transition for transition in found if transition is not None]

    def _remove(self, name: str, at_utc: datetime) -> Optional[Transition]:
        """Forget a track; its end, if it was open, which is no claim that the state was FALSE."""
        track = self._comm if name == COMM_TAG else self._tracks.pop(name)
        is_followed = track.is_live and track.pending is None and name != COMM_TAG
        self._drop_pending(name, track)
        self._dirty.discard(name)
        self._vanished_s.pop(name, None)
        self._latest.pop(name, None)
        if not track.is_open:
            return None
        track.is_open = False
        ts = max(_ceil_ms(at_utc), track.last_ts or at_utc)
        earliest = self._good[0] if is_followed and self._good else track.good_utc
        if earliest is not None:
            earliest = min(earliest, ts)
        return Transition("close", self._plc.address, name, ts, earliest, "removed", flags=track.flags)

    # -- one track -----------------------------------------------------------------------------------------------------

    def _on_link(self, is_down: bool, sent_utc: datetime, received_utc: datetime, now_s: float) -> List[Transition]:
        """`@comm` is a state like any other: TRUE while the link is down, with an on-delay (promise E10)."""
        before_utc = self._good[0] if is_down and self._good else self._failed_utc
        moment = _Moment(sent_utc, received_utc, before_utc, now_s)
        found = self._on_sample(COMM_TAG, self._comm, Sample(is_down), moment)
        if is_down:
            found += self._settle_one(COMM_TAG, self._comm, now_s)
            if self._comm.is_open:
                self._comm.good_utc = sent_utc
                self._dirty.add(COMM_TAG)
        return found

    def _on_sample(self, name: str, track: _Track, sample: Sample, moment: _Moment) -> List[Transition]:
        if sample.error is not None:
            self._lose(name, track, frozenset())
            if sample.is_vanished:
                self._vanished_s.setdefault(name, moment.now_s)
            else:
                self._vanished_s.pop(name, None)
            return []
        self._vanished_s.pop(name, None)
        found = self._settle_before(name, track, sample, moment)
        flags = track.flags | self._step_flags | (frozenset({"overflow"}) if sample.overflow else frozenset())
        was_live, is_new = track.is_live, track.value is None
        lost_s = None if was_live else _gap_s(track, moment)
        track.is_live, track.flags = True, frozenset()
        value = bool(sample.value)
        if value == track.value or (is_new and not value):
            if track.pending is not None and lost_s is None:
                lost_s = track.pending.lost_s
            self._drop_pending(name, track)
            track.value = value
            if not was_live or is_new:
                self._dirty.add(name)
            if track.is_open and (lost_s is not None or flags - self._step_flags):
                found.append(self._amend(name, moment, lost_s, flags))
            return found
        if track.pending is not None:  # the change is waiting already; an outage in between belongs to it
            if not was_live and track.pending.transition.kind == "open":
                track.pending = _with_gap(track.pending, lost_s or 0.0)
            return found
        transition = self._change(name, track, sample, moment, was_live, flags)
        if track.on_delay_s if value else track.off_delay_s:
            seen_s = moment.now_s - _age_s(sample, moment)
            track.pending = _Pending(transition, seen_s, lost_s)
            track.good_utc = moment.before_utc if was_live else track.good_utc
            self._pending.add(name)
            self._dirty.add(name)
            return found
        return [*found, self._apply(name, track, transition, moment.now_s)]

    def _change(
        self, name: str, track: _Track, sample: Sample, moment: _Moment, was_live: bool, flags: FrozenSet[str]
    ) -> Transition:
        """The transition to the sample's value, with the interval in which it truly happened: (earliest, ts]."""
        ts, earliest = _ceil_ms(moment.received_utc), moment.before_utc
        if track.value is None:
            quality, earliest = "at_connect", None
        elif not was_live:
            quality, earliest = "gap", track.good_utc
        elif sample.changed_utc is not None:
            within = timedelta(seconds=sample.changed_within_s)
            ts, quality = min(ts, _ceil_ms(sample.changed_utc + within)), "exact"
            by_device = _ceil_ms(sample.changed_utc - within) - MILLISECOND
            if earliest is None or not by_device < earliest < ts:
                earliest = min(by_device, ts - MILLISECOND)
        else:
            quality = "sampled"
        if track.last_ts is not None and ts < track.last_ts:  # the wall clock went back: no negative duration (E15)
            if (track.last_ts - ts).total_seconds() > CLOCK_STEP_S:
                flags = flags | {"clock_step"}
            ts = track.last_ts
        if earliest is not None and earliest > ts:
            earliest, flags = None, flags | {"clock_step"}
        kind = "open" if sample.value else "close"
        address = self._plc.address
        return Transition(kind, address, name, ts, earliest, quality, flags=flags, sent_utc=moment.sent_utc)

    def _apply(self, name: str, track: _Track, transition: Transition, now_s: float) -> Transition:
        """The track is in its new state from here on; returns the transition, flagged when they are too many."""
        track.value = track.is_open = transition.kind == "open"
        track.last_ts = transition.ts_utc
        self._drop_pending(name, track)
        self._dirty.add(name)
        times = track.chatter_s
        times.append(now_s)
        while times[0] < now_s - self._plc.chatter_window_s:
            times.popleft()
        if len(times) > self._plc.chatter_count:
            return transition._replace(flags=transition.flags | {"chatter"})
        return transition

    def _amend(self, name: str, moment: _Moment, lost_s: Optional[float], flags: FrozenSet[str]) -> Transition:
        return Transition(
            "amend",
            self._plc.address,
            name,
            _ceil_ms(moment.received_utc),
            gap_count=0 if lost_s is None else 1,
            gap_s=lost_s or 0.0,
            flags=flags,
            sent_utc=moment.sent_utc,
        )

    # -- delays --------------------------------------------------------------------------------------------------------

    def _settle(self, moment: _Moment) -> List[Transition]:
        """Changes that have lasted for their delay become transitions, with the time at which they were first seen."""
        found = []
        for name in sorted(self._pending - {COMM_TAG}):
            if self._tracks[name].is_live:
                found += self._settle_one(name, self._tracks[name], moment.now_s)
        return found

    def _settle_before(self, name: str, track: _Track, sample: Sample, moment: _Moment) -> List[Transition]:
        """In a queue of changes with the device's own times, the one that waits may have lasted long enough."""
        if track.pending is None or sample.changed_utc is None or not track.is_live:
            return []
        if bool(sample.value) == (track.pending.transition.kind == "open"):
            return []
        return self._settle_one(name, track, moment.now_s - _age_s(sample, moment))

    def _settle_one(self, name: str, track: _Track, at_s: float) -> List[Transition]:
        if track.pending is None or not _has_lasted(track, at_s):
            return []
        return [self._apply(name, track, track.pending.transition, at_s)]

    def _drop_pending(self, name: str, track: _Track) -> None:
        track.pending = None
        self._pending.discard(name)

    # -- outages, modes, clocks ----------------------------------------------------------------------------------------

    def _lose_all(self, flags: FrozenSet[str]) -> None:
        for name, track in self._tracks.items():
            self._lose(name, track, flags)

    def _lose(self, name: str, track: _Track, flags: FrozenSet[str]) -> None:
        """No data is not FALSE (promise E4): the state stays, with the last time at which it was known."""
        track.flags |= flags
        if not track.is_live:
            return
        track.is_live = False
        if self._good is not None:
            track.good_s = self._good[1]
            if track.pending is None:
                track.good_utc = self._good[0]
        self._dirty.add(name)

    def _give_up_vanished(self, moment: _Moment) -> List[Transition]:
        """Tags that the PLC no longer has: their open events end as `tag_lost` after a while (promise E13)."""
        found = []
        for name, since_s in list(self._vanished_s.items()):
            track = self._tracks[name]
            if moment.now_s - since_s < self._plc.tag_lost_s:
                continue
            del self._vanished_s[name]
            if track.is_open:
                ts = max(_ceil_ms(moment.received_utc), track.last_ts or moment.received_utc)
                address, earliest = self._plc.address, track.good_utc
                found.append(Transition("close", address, name, ts, earliest, "tag_lost", flags=track.flags))
                track.last_ts = ts
            self._drop_pending(name, track)
            track.value, track.is_open, track.flags = None, False, frozenset()
        return found

    def _watch_clock(self, at_utc: datetime, now_s: float) -> List[Transition]:
        """Whether the wall clock moved by more than a second against the monotonic one since the last call (E15)."""
        before, self._clock = self._clock, (at_utc, now_s)
        self._step_flags = frozenset()
        if before is None:
            return []
        drift_s = (at_utc - before[0]).total_seconds() - (now_s - before[1])
        if abs(drift_s) <= CLOCK_STEP_S:
            return []
        self._step_flags = flags = frozenset({"clock_step"})
        found = []
        for name, track in [*self._tracks.items(), (COMM_TAG, self._comm)]:
            if track.pending is not None:
                transition = track.pending.transition
                track.pending = track.pending._replace(transition=transition._replace(flags=transition.flags | flags))
            if track.is_open:
                found.append(Transition("amend", self._plc.address, name, at_utc, flags=flags))
            elif not track.is_live:
                track.flags |= flags
        return found


def _make_track(tag: TagSettings, memory: PlcMemory) -> _Track:
    track = _Track(tag.on_delay_s, tag.off_delay_s)
    known: Mapping[str, LastState] = memory.states
    track.is_open = tag.tag in memory.open_since
    if track.is_open:
        track.value, track.last_ts = True, memory.open_since[tag.tag]
        track.good_utc = known[tag.tag].good_utc if tag.tag in known else track.last_ts
    elif tag.tag in known and not known[tag.tag].value:
        track.value, track.good_utc = False, known[tag.tag].good_utc
    return track


def _gap_s(track: _Track, moment: _Moment) -> float:
    """How long there was no data: by the monotonic clock within a run, by the wall clock over a restart."""
    if track.good_s is not None:
        return max(0.0, moment.now_s - track.good_s)
    if track.good_utc is None:
        return 0.0
    return max(0.0, (moment.received_utc - track.good_utc).total_seconds())


def _with_gap(pending: _Pending, gap_s: float) -> _Pending:
    old = pending.transition
    return pending._replace(transition=old._replace(gap_count=old.gap_count + 1, gap_s=old.gap_s + gap_s))


def _has_lasted(track: _Track, at_s: float) -> bool:
    if track.pending is None:
        return False
    delay_s = track.on_delay_s if track.pending.transition.kind == "open" else track.off_delay_s
    return at_s - track.pending.since_s >= delay_s


def _age_s(sample: Sample, moment: _Moment) -> float:
    if sample.changed_utc is None:
        return 0.0
    return max(0.0, (moment.received_utc - sample.changed_utc).total_seconds())


def _ceil_ms(moment_utc: datetime) -> datetime:
    """Up to the next whole millisecond: stored times have no finer digits, and `ts` must not lie before the truth."""
    rest = moment_utc.microsecond % 1000
    return moment_utc if rest == 0 else moment_utc + timedelta(microseconds=1000 - rest)
