"""`read_plc_loop`: connect, scan, publish, detect, record, wait, back off. One thread runs it for each PLC."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from dataclasses import replace
from typing import Any, Deque, Dict, List, Optional, Sequence

from ..drivers import Driver, DriverMemory, make_driver
from ..errors import DriverError
from ..events.detector import Detector
from ..events.store import EventStore
from ..facts.plc_facts import ErrorNote, LinkFigures
from ..live.metrics import PlcMetrics
from ..live.realtime import RealtimeData
from ..live.recent_history import History
from ..models import COMM_TAG, Change, PlcMemory, Scan, Transition
from ..settings.types import PlcSettings
from ..texts.catalogue import say
from ..timestamps import boot_id, read_clocks, to_text, utc_now
from ..values import as_state_sample
from .scan_stats import ScanStats

log = logging.getLogger(__name__)

BACKOFF_MIN_S = 1.0
BACKOFF_MAX_S = 30.0
NOTE_AGE_S = 4.0
"""The store keeps a last known state that is at most 5 s old, and takes its own time to write it."""

CONNECT_GRACE_S = 10.0
SCAN_GRACE_S = 10.0
ERRORS_KEPT = 20


class PlcWatch:
    """What outlives one connection, and one thread, of a PLC: its detector, its figures, the driver in use.

    Written by the PLC's thread; the collector reads `deadline_s` and calls `abort`.
    """

    def __init__(self, plc: PlcSettings, memory: PlcMemory, metrics: PlcMetrics) -> None:
        self.plc = plc
        self.metrics = metrics
        self.detector = Detector(plc, memory, boot_id())
        self.stats = ScanStats()
        self.definitions: DriverMemory = {}
        self.driver: Optional[Driver] = None
        self.deadline_s = float("inf")  # by then (monotonic) the thread has done something, or it hangs
        self.fails = 0
        self.connects = 0
        self.errors: Deque[ErrorNote] = deque(maxlen=ERRORS_KEPT)
        self.noted_s = 0.0

    def expect_within(self, seconds: float) -> None:
        """The thread's next sign of life comes within this time."""
        self.deadline_s = time.monotonic() + seconds

    def abort(self) -> None:
        """Make a driver that hangs fail; any thread."""
        driver = self.driver
        if driver is not None:
            driver.abort()

    def facts(self) -> Dict[str, Any]:
        """The counters for `_meta`."""
        last = self.errors[-1] if self.errors else None
        figures: LinkFigures = {
            "consecutive_fails": self.fails,
            "reconnects": max(0, self.connects - 1),
            "last_error": last["text"] if last else None,
            "last_error_ts": last["ts"] if last else None,
            "errors": list(self.errors),
        }
        return {**self.stats.facts(), **figures}


def read_plc_loop(
    watch: PlcWatch, realtime: RealtimeData, history: History, store: EventStore, stop: threading.Event
) -> None:
    """Read one PLC until `stop` is set, with a new driver for every attempt. Only a DriverError is waited out."""
    loop = _Loop(watch, realtime, history, store, stop)
    while not stop.is_set():
        try:
            loop.run_connection()
        except DriverError as exc:
            if not stop.is_set():
                loop.wait_out(exc)
    loop.note_states()


class _Loop:
    """One run of `read_plc_loop`: the steps, with what they share."""

    def __init__(
        self, watch: PlcWatch, realtime: RealtimeData, history: History, store: EventStore, stop: threading.Event
    ) -> None:
        self.watch = watch
        self.plc = watch.plc
        self.realtime = realtime
        self.history = history
        self.store = store
        self.stop = stop
        self.states = {tag.tag for tag in watch.plc.tags if tag.is_state}

    def run_connection(self) -> None:
        """Connect and scan until something fails or `stop` is set; the connection is closed in any case."""
        watch, plc = self.watch, self.plc
        driver = watch.driver = make_driver(plc, watch.definitions)
        try:
            watch.expect_within(20 * plc.timeout_s + CONNECT_GRACE_S)
            driver.connect()
            watch.connects += 1
            log.info(say("collector.connected", plc=plc.name, address=plc.address))
            next_s = time.monotonic()
            while not self.stop.is_set():
                watch.expect_within(10 * plc.timeout_s + SCAN_GRACE_S)
                self.scan(driver)
                next_s = self.wait_for_next(next_s)
        finally:
            driver.close()

    def scan(self, driver: Driver) -> None:
        """One good scan: out to the live values, through the detector, into the store."""
        watch = self.watch
        scan = _with_states(driver.read_scan(), self.states)
        now_s = time.monotonic()
        if self.stop.is_set() and watch.driver is not driver:
            return  # this thread has been replaced: its late scan is nobody's
        if watch.fails:
            log.info(say("collector.good_again", plc=self.plc.name, address=self.plc.address, count=watch.fails))
        watch.fails = 0
        watch.stats.add(scan.duration_s, now_s)
        watch.metrics.scan_seconds.observe(scan.duration_s)
        watch.metrics.up.set(1)
        changes = watch.detector.on_scan(scan, scan.received_s)
        self.realtime.publish_scan(self.plc.address, scan, {**watch.facts(), **driver.facts()})
        self.history.record_scan(self.plc.address, scan)
        self.record(changes)
        if now_s + self.plc.interval_s - watch.noted_s > NOTE_AGE_S:
            self.note_states()

    def wait_for_next(self, planned_s: float) -> float:
        """Sleep until the next starting time of the fixed grid; one that has passed is left out, never made up for."""
        now_s = time.monotonic()
        next_s = planned_s + self.plc.interval_s
        if next_s < now_s:
            missed = int((now_s - next_s) / self.plc.interval_s) + 1
            next_s += missed * self.plc.interval_s
            self.watch.stats.add_overrun(missed)
            self.watch.metrics.overruns.inc()
            self.watch.metrics.missed_cycles.inc(missed)
        self.watch.expect_within(next_s - now_s + 10)
        self.stop.wait(next_s - now_s)
        return next_s

    def wait_out(self, exc: DriverError) -> None:
        """A failure: shown, counted, and followed by a pause; meanwhile the outage itself is watched."""
        watch, plc = self.watch, self.plc
        watch.fails += 1
        text = exc.text
        if not watch.errors or watch.errors[-1]["text"] != text or watch.fails == 1:
            has_address = plc.address in text
            log.warning(text if has_address else say("plc.fault", plc=plc.name, address=plc.address, fault=text))
        watch.errors.append({"ts": to_text(utc_now()), "text": text})
        watch.metrics.failures.inc()
        watch.metrics.up.set(0)
        pause_s = _backoff_s(watch.fails)
        at_ts = to_text(utc_now())
        self.realtime.publish_failure(plc.address, at_ts, watch.facts())
        self.history.record_outage(plc.address, at_ts)
        end_s = time.monotonic() + pause_s
        watch.expect_within(pause_s + 10)
        while not self.stop.is_set():
            self.record(watch.detector.on_failure(*read_clocks()))
            if time.monotonic() + 1.0 - watch.noted_s > NOTE_AGE_S:
                self.note_states()
            rest_s = end_s - time.monotonic()
            if rest_s <= 0:
                break
            self.stop.wait(min(rest_s, 1.0))

    def record(self, changes: List[Change]) -> None:
        """Hand one scan's changes to the store, and show since when the states are what they are."""
        if not changes:
            return
        self.store.record(changes)
        transitions = [change for change in changes if isinstance(change, Transition)]
        self.watch.metrics.transitions.inc(len(transitions))
        self.watch.metrics.chatter.inc(sum("chatter" in transition.flags for transition in transitions))
        self.realtime.publish_since(self.plc.address, _since(transitions))

    def note_states(self) -> None:
        """Let the store keep the last known states, so that a restart goes on from them (promise E9)."""
        self.watch.noted_s = time.monotonic()
        good_utc, notes = self.watch.detector.take_notes()
        if good_utc is not None:
            self.store.note_states(self.plc.address, good_utc, notes)


def _with_states(scan: Scan, states: Any) -> Scan:
    if not any(tag in states for tag, _ in scan.samples):
        return scan
    samples = tuple((tag, as_state_sample(tag, sample) if tag in states else sample) for tag, sample in scan.samples)
    return replace(scan, samples=samples)


def _since(transitions: Sequence[Transition]) -> Dict[str, Optional[str]]:
    since: Dict[str, Optional[str]] = {}
    for transition in transitions:
        if transition.kind in ("open", "close") and transition.tag != COMM_TAG:
            is_known = transition.quality not in ("tag_lost", "removed")
            since[transition.tag] = to_text(transition.ts_utc) if is_known else None
    return since


def _backoff_s(fails: int) -> float:
    """1 s, 2 s, 4 s ... 30 s, each a quarter more or less, so that many PLCs do not come back in step."""
    ideal_s = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2.0 ** min(fails - 1, 10))
    return min(BACKOFF_MAX_S, max(BACKOFF_MIN_S, ideal_s * random.uniform(0.75, 1.25)))
