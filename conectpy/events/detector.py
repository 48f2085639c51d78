"""Previous state + new scan -> changes (documentation.md, promises E1 to E21). No clock, no I/O, no thread.

Every call says what time it is, on both clocks: UTC says when, the steady clock says how long. What is remembered goes
by the wall clock as it stands now: where somebody sets it, everything that is remembered or open moves with it (E15).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Dict, FrozenSet, List, Optional, Set, Tuple

from ..models import COMM_TAG, Change, Gap, PlcMemory, Sample, Scan, Transition
from ..settings.types import PlcSettings, TagSettings
from .clock_watch import CLOCK_STEP_S, ClockWatch
from .tracks import Moment, Pending, Track, ceil_ms, edge_of, make_track, moved

ALIVE_AGE_S = 10.0
"""What is stored of a live tag is at most 5 s old, and so is a sign of life: only more than both means unseen."""

STALLED = "the collector's machine stood still"
CHANGED = "connecting under other settings took long"
BEFORE_RESTART = "not readable when the collector stopped"

Notes = Dict[str, Tuple[bool, Optional[datetime]]]
"""tag -> (state, when it was last known; None: as of the PLC's last good scan). What the store keeps for a restart."""


class Detector:
    """The state tags of one PLC over time. One thread at a time.

    `boot` names the boot of the machine (timestamps.boot_id); None: clocks are not compared over a restart.
    """

    def __init__(self, plc: PlcSettings, memory: PlcMemory, boot: Optional[str] = None) -> None:
        self._plc, self._is_device_trusted = plc, plc.opcua.trust_device_time
        self._late_s, self._late_cause = _late_s(plc), STALLED  # a longer pause between two scans, and what it means
        self._tracks = {tag.tag: make_track(tag, memory) for tag in plc.tags if tag.is_state}
        self._comm = make_track(TagSettings(COMM_TAG, COMM_TAG, on_delay_s=plc.comm_delay_s), memory)
        self._is_memory_known = memory.is_known
        self._pending: Set[str] = set()
        self._vanished_s: Dict[str, float] = {}
        # what is not live yet follows no scan: its time of before the restart is written down with the first notes
        self._dirty: Set[str] = {name for name, track in self._all_tracks() if track.value is not None}
        self._good: Optional[Tuple[datetime, float]] = None  # the last good scan: sent, and the steady now
        self._slip_s = 0.0  # by how much the wall clock went back since then, short of a step
        self._failed_utc: Optional[datetime] = None
        self._clock = ClockWatch(plc.address, boot, memory)
        self._frozen: Optional[str] = None
        self._latest: Dict[str, Sample] = {}
        self._step_flags: FrozenSet[str] = frozenset()  # the clock stepped since the previous call
        self._blame_restart(memory)

    @property
    def open_tags(self) -> List[str]:
        """The state tags that have an open event now (`@comm` not among them)."""
        return [name for name, track in self._tracks.items() if track.is_open]

    # -- what happens --------------------------------------------------------------------------------------------------

    def on_scan(self, scan: Scan, now_s: float) -> List[Change]:
        """Take in a scan; `now_s` is the steady clock at its `received_utc`. State samples hold booleans
        (values.as_state_sample)."""
        found = self._watch_clock(scan.received_utc, now_s)
        is_anew = self._frozen is not None  # a scan tells only what changed: after a freeze every tag counts as new
        if self._has_stood_still(now_s - scan.duration_s):
            self._lose_all(frozenset(), self._late_cause)
            is_anew = True
        if self._late_cause is not STALLED:
            self._late_cause, self._late_s = STALLED, _late_s(self._plc)
        if self._failed_utc is not None or not self._comm.is_live:  # else the link is what it was
            found += self._on_link(False, scan.sent_utc, scan.received_utc, now_s)
        self._failed_utc = None
        samples = [(name, sample) for name, sample in scan.samples if name in self._tracks]
        self._latest.update(samples)
        if scan.frozen is not None:
            self._lose_all(frozenset({"plc_mode"}), scan.frozen)
        else:
            moment = Moment(scan.sent_utc, scan.received_utc, self._known_utc(), now_s)
            for name, sample in list(self._latest.items()) if is_anew else samples:
                found += self._on_sample(name, self._tracks[name], sample, moment)
            found += self._settle(moment) + self._give_up_vanished(moment)
            self._good, self._slip_s = (scan.sent_utc, now_s), 0.0
        self._frozen = scan.frozen
        return found

    def on_failure(self, at_utc: datetime, now_s: float) -> List[Change]:
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

    def take_settings(self, plc: PlcSettings, at_utc: datetime, now_s: float) -> List[Change]:
        """Go on with other settings of the same PLC: what is open stays open, delays hold from now on.

        A state that is not among them any more ends as `removed` (promise E12); a new one starts unknown.
        """
        wanted = {tag.tag: tag for tag in plc.tags if tag.is_state}
        found = self._remove([name for name in self._tracks if name not in wanted], at_utc, now_s)
        self._tracks = {name: self._tracks.get(name) or make_track(tag, PlcMemory()) for name, tag in wanted.items()}
        for name, tag in wanted.items():
            self._tracks[name].on_delay_s, self._tracks[name].off_delay_s = tag.on_delay_s, tag.off_delay_s
        self._comm.on_delay_s = plc.comm_delay_s
        self._late_s, self._late_cause = max(self._late_s, _late_s(plc)), CHANGED
        self._plc, self._is_device_trusted = plc, plc.opcua.trust_device_time
        return found

    def close_all(self, at_utc: datetime, now_s: float) -> List[Change]:
        """The PLC has left the configuration: every open event, `@comm` among them, ends as `removed`."""
        return self._remove([*self._tracks, COMM_TAG], at_utc, now_s)

    def _remove(self, names: List[str], at_utc: datetime, now_s: float) -> List[Change]:
        """Forget tracks; those that are open end, which is no claim that they were FALSE."""
        found = self._watch_clock(at_utc, now_s)
        moment = Moment(at_utc, at_utc, self._known_utc(), now_s)
        for name in names:
            track = self._comm if name == COMM_TAG else self._tracks.pop(name)
            if not track.is_live:
                found += self._end_gap(name, track, moment, track.lost_for(moment))
            is_followed = track.is_live and track.pending is None and name != COMM_TAG
            self._drop_pending(name, track)
            self._dirty.discard(name)
            self._vanished_s.pop(name, None)
            self._latest.pop(name, None)
            if track.is_open:
                track.is_open = False
                earliest_utc = moment.before_utc if is_followed else track.good_utc
                found.append(self._close_unknown(name, track, moment, earliest_utc, "removed"))
        return found

    def _close_unknown(
        self, name: str, track: Track, moment: Moment, earliest_utc: Optional[datetime], quality: str
    ) -> Transition:
        """The end of an open event that does not say that the state was FALSE."""
        ts = max(ceil_ms(moment.received_utc), track.last_ts or moment.received_utc)
        earliest_utc = None if earliest_utc is None else min(earliest_utc, ts)
        track.last_ts, duration_s = ts, track.lasted_s(moment.now_s)
        return Transition(
            "close", self._plc.address, name, ts, earliest_utc, quality, flags=track.flags, duration_s=duration_s
        )

    # -- one track -----------------------------------------------------------------------------------------------------

    def _on_link(self, is_down: bool, sent_utc: datetime, received_utc: datetime, now_s: float) -> List[Change]:
        """`@comm` is a state like any other: TRUE while the link is down, with an on-delay (promise E10)."""
        before_utc = self._known_utc() if is_down and self._good else self._failed_utc
        moment = Moment(sent_utc, received_utc, before_utc, now_s)
        found = self._on_sample(COMM_TAG, self._comm, Sample(is_down), moment)
        if is_down:
            found += self._settle_one(COMM_TAG, self._comm, now_s)
            if self._comm.is_open:
                self._comm.good_utc = sent_utc
                self._dirty.add(COMM_TAG)
        return found

    def _on_sample(self, name: str, track: Track, sample: Sample, moment: Moment) -> List[Change]:
        if sample.error is not None:
            self._lose(name, track, frozenset(), sample.error)
            if sample.is_vanished:
                self._vanished_s.setdefault(name, moment.now_s)
            else:
                self._vanished_s.pop(name, None)
            return []
        self._vanished_s.pop(name, None)
        found = self._settle_before(name, track, sample, moment)
        flags = track.flags | self._step_flags | (frozenset({"overflow"}) if sample.overflow else frozenset())
        was_live, lost_s = track.is_live, None if track.is_live else track.lost_for(moment)
        if lost_s is not None:
            found += self._end_gap(name, track, moment, lost_s)
        track.is_live, track.flags = True, frozenset()
        value = bool(sample.value)
        if value == track.value or (track.value is None and not value):
            return found + self._on_same(name, track, moment, lost_s, flags)
        if track.pending is not None:  # the change is waiting already; an outage in between belongs to it
            if not was_live and track.pending.transition.kind == "open":
                track.pending = track.pending.with_gap(lost_s or 0.0)
            return found
        transition, edge_s = self._change(name, track, sample, moment, was_live, flags)
        if track.on_delay_s if value else track.off_delay_s:
            track.pending = Pending(transition, edge_s, lost_s)
            track.good_utc = moment.before_utc if was_live else track.good_utc
            self._pending.add(name)
            self._dirty.add(name)
            return found
        return [*found, self._apply(name, track, transition, edge_s, moment.now_s)]

    def _on_same(
        self, name: str, track: Track, moment: Moment, lost_s: Optional[float], flags: FrozenSet[str]
    ) -> List[Change]:
        """The state is what it was: a change that waited was none, an outage lies inside the event."""
        found: List[Change] = []
        if track.pending is not None and lost_s is None:
            lost_s = track.pending.lost_s
        self._drop_pending(name, track)
        if track.value is None:
            track.value = False
            self._dirty.add(name)
            if not self._is_memory_known:  # an event that is open in a file not read yet has ended unseen (E20)
                found.append(self._close_unseen(name, moment))
        elif lost_s is not None:
            self._dirty.add(name)
        if track.is_open and (lost_s is not None or flags - self._step_flags):
            found.append(self._amend(name, moment, lost_s, flags))
        return found

    def _change(
        self, name: str, track: Track, sample: Sample, moment: Moment, was_live: bool, flags: FrozenSet[str]
    ) -> Tuple[Transition, float]:
        """The transition to the sample's value, with the interval in which it truly happened: (earliest, ts]; and when
        that was by the steady clock."""
        ts, earliest, quality = edge_of(sample, moment, is_device_trusted=self._is_device_trusted and was_live)
        if track.value is None:
            quality, earliest = "at_connect", None
        elif not was_live:
            quality, earliest = "gap", track.good_utc
        if track.last_ts is not None:  # short of a step, the wall clock may have gone back: no negative duration (E15)
            ts = max(ts, track.last_ts)
        if earliest is not None and earliest > ts:  # no bound then, but for an end its own start
            earliest, flags = None if sample.value else track.last_ts, flags | {"clock_step"}
        kind, edge_s = "open" if sample.value else "close", moment.steady_at(ts)
        duration_s = None if sample.value else track.lasted_s(edge_s)
        sent, device = moment.sent_utc, sample.changed_utc
        address = self._plc.address
        return Transition(kind, address, name, ts, earliest, quality, 0, 0.0, flags, sent, duration_s, device), edge_s

    def _apply(self, name: str, track: Track, transition: Transition, edge_s: float, now_s: float) -> Transition:
        """The track is in its new state from here on; `edge_s` is when that began, `now_s` when it counts."""
        track.value = track.is_open = transition.kind == "open"
        track.open_s = edge_s if self._is_memory_known or transition.quality != "at_connect" else None
        track.last_ts = transition.ts_utc
        self._drop_pending(name, track)
        self._dirty.add(name)
        if track.count_change(now_s, self._plc.chatter_window_s) > self._plc.chatter_count:
            return transition._replace(flags=transition.flags | {"chatter"})
        return transition

    def _amend(self, name: str, moment: Moment, lost_s: Optional[float], flags: FrozenSet[str]) -> Transition:
        return Transition(
            "amend",
            self._plc.address,
            name,
            ceil_ms(moment.received_utc),
            gap_count=0 if lost_s is None else 1,
            gap_s=lost_s or 0.0,
            flags=flags,
            sent_utc=moment.sent_utc,
        )

    def _close_unseen(self, name: str, moment: Moment) -> Transition:
        """The end of what the store may find to be open; it knows since when that was last seen TRUE."""
        ts = ceil_ms(moment.received_utc)
        return Transition("close", self._plc.address, name, ts, None, "gap", sent_utc=moment.sent_utc)

    # -- delays --------------------------------------------------------------------------------------------------------

    def _settle(self, moment: Moment) -> List[Change]:
        """Changes that have lasted for their delay become transitions, with the time at which they were first seen."""
        found = []
        for name in sorted(self._pending - {COMM_TAG}):
            if self._tracks[name].is_live:
                found += self._settle_one(name, self._tracks[name], moment.now_s)
        return found

    def _settle_before(self, name: str, track: Track, sample: Sample, moment: Moment) -> List[Change]:
        """In a queue of changes with the device's own times, the one that waits may have lasted long enough."""
        if track.pending is None or not track.is_live:
            return []
        if bool(sample.value) == (track.pending.transition.kind == "open"):
            return []
        ts, _, quality = edge_of(sample, moment, is_device_trusted=self._is_device_trusted)
        return self._settle_one(name, track, moment.steady_at(ts)) if quality == "exact" else []

    def _settle_one(self, name: str, track: Track, at_s: float) -> List[Change]:
        pending = track.pending
        if pending is None or not track.has_lasted(at_s):
            return []
        return [self._apply(name, track, pending.transition, pending.since_s, at_s)]

    def _drop_pending(self, name: str, track: Track) -> None:
        track.pending = None
        self._pending.discard(name)

    # -- outages and modes ---------------------------------------------------------------------------------------------

    def _lose_all(self, flags: FrozenSet[str], cause: Optional[str] = None) -> None:
        for name, track in self._tracks.items():
            self._lose(name, track, flags, cause)

    def _lose(self, name: str, track: Track, flags: FrozenSet[str], cause: Optional[str]) -> None:
        """No data is not FALSE (promise E4): the state stays, with the last time at which it was known."""
        track.flags |= flags
        track.blame(cause)
        if not track.is_live:
            return
        track.is_live = False
        if self._good is not None:
            track.seen_utc, track.good_s = self._known_utc(), self._good[1]
            if track.pending is None:
                track.good_utc = track.seen_utc
        self._dirty.add(name)

    def _end_gap(self, name: str, track: Track, moment: Moment, lost_s: float) -> List[Change]:
        """A single tag is known again: for how long it was not is written down, TRUE or FALSE (promise E19)."""
        cause, track.cause = track.cause, None
        if cause is None or track.seen_utc is None or lost_s <= self._plc.comm_delay_s:
            return []
        return [Gap(self._plc.address, name, min(track.seen_utc, moment.sent_utc), moment.received_utc, cause)]

    def _blame_restart(self, memory: PlcMemory) -> None:
        """Tags that were not live when the previous run ended, while it still lived and its link was up (E19)."""
        if memory.alive is None or COMM_TAG in memory.open_since:
            return
        for track in self._tracks.values():
            if track.good_utc is not None:
                unseen_s = (memory.alive.at_utc - track.good_utc).total_seconds()
                track.blame(BEFORE_RESTART if unseen_s > ALIVE_AGE_S + self._plc.comm_delay_s else None)

    def _has_stood_still(self, started_s: float) -> bool:
        """Whether nothing happened for far longer than scans are apart: suspended, or without any CPU (E15)."""
        return self._good is not None and self._failed_utc is None and started_s - self._good[1] > self._late_s

    def _give_up_vanished(self, moment: Moment) -> List[Change]:
        """Tags that the PLC no longer has: their open events end as `tag_lost` after a while (promise E13)."""
        found: List[Change] = []
        for name, since_s in list(self._vanished_s.items()):
            track = self._tracks[name]
            if moment.now_s - since_s < self._plc.tag_lost_s:
                continue
            del self._vanished_s[name]
            if track.is_open:
                found.append(self._close_unknown(name, track, moment, track.good_utc, "tag_lost"))
            self._drop_pending(name, track)
            track.value, track.is_open, track.flags = None, False, frozenset()
        return found

    # -- clocks --------------------------------------------------------------------------------------------------------

    def _watch_clock(self, at_utc: datetime, now_s: float) -> List[Change]:
        """Whether somebody set the wall clock by more than a second since the last call, or the last run (E15)."""
        moved_s = self._clock.look(at_utc, now_s)
        self._step_flags = frozenset()
        found: List[Change] = []
        if abs(moved_s) > CLOCK_STEP_S:
            found += self._step(moved_s, at_utc)
        else:
            self._slip_s += moved_s
        mark = self._clock.take_mark()
        return [*found, mark] if mark else found

    def _step(self, step_s: float, at_utc: datetime) -> List[Change]:
        """What is remembered goes by the new clock from here on, and what is open moves with it."""
        step, self._step_flags = timedelta(seconds=step_s), frozenset({"clock_step"})
        if self._good is not None:
            self._good = self._good[0] + step, self._good[1]
        self._failed_utc = moved(self._failed_utc, step)
        self._latest = {name: sample._replace(changed_utc=None) for name, sample in self._latest.items()}
        found: List[Change] = []
        for name, track in self._all_tracks():
            track.move(step, self._step_flags)
            if self._clock.is_guess:  # how far it really went back nobody knows: nothing seen before is a bound
                track.good_utc = track.seen_utc = track.last_ts if track.is_open else None
            if track.is_open:
                flags = self._step_flags
                found.append(Transition("shift", self._plc.address, name, at_utc, flags=flags, shift_s=step_s))
            elif not track.is_live:
                track.flags |= self._step_flags
            if track.value is not None:
                self._dirty.add(name)
        return found

    def _known_utc(self) -> Optional[datetime]:
        """When the last good scan was sent, by the wall clock as it goes now."""
        if self._good is None or self._slip_s >= 0:
            return self._good[0] if self._good else None
        return self._good[0] + timedelta(seconds=self._slip_s)

    def _all_tracks(self) -> List[Tuple[str, Track]]:
        return [*self._tracks.items(), (COMM_TAG, self._comm)]


def _late_s(plc: PlcSettings) -> float:
    return max(3 * plc.interval_s, 3 * plc.timeout_s) + 1.0
