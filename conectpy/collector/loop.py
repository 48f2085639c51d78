"""`read_plc_loop`: connect, scan, detect, hand on, wait, back off. One thread runs it for each PLC.

It names nobody who listens: what it finds goes to the sinks of its `PlcWatch` (see sinks.py), all of one scan at once.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import replace
from typing import AbstractSet, Any, Callable, Deque, Dict, Optional, Tuple

from ..drivers import Driver, DriverMemory, make_driver
from ..errors import DriverError
from ..events.detector import Detector
from ..facts.plc_facts import ErrorNote, LinkFigures
from ..models import PlcMemory, Scan
from ..plant.diff import compare_plc
from ..settings.types import PlcSettings
from ..timestamps import boot_id, read_clocks, to_text
from ..values import as_state_sample
from .scan_stats import ScanStats
from .sinks import Outage, Sink

BACKOFF_MIN_S = 1.0
BACKOFF_MAX_S = 30.0
CONNECT_GRACE_S = 10.0
SCAN_GRACE_S = 10.0
ERRORS_KEPT = 20

LOOK_S = 1.0
"""No pause is longer in one piece: other settings take effect within this time, whatever the interval."""

OpenDriver = Callable[[PlcSettings, DriverMemory], Driver]

Clock = Callable[[], float]
"""Seconds that only go on, those of `time.monotonic`."""


class PlcWatch:
    """What outlives one connection, and one thread, of a PLC: its detector, its figures, its sinks, the driver in use.

    Written by the PLC's thread; any thread may call `change_to`, `abort` and `retire` and read `plc`, `deadline_s`.
    """

    def __init__(
        self,
        plc: PlcSettings,
        memory: Optional[PlcMemory] = None,
        open_driver: Optional[OpenDriver] = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.plc = plc  # the settings that its thread goes by
        self.wanted = plc  # those that it takes over before its next scan or attempt
        self.detector = Detector(plc, memory or PlcMemory(), boot_id())
        self.sinks: Tuple[Sink, ...] = ()
        self.stats = ScanStats()
        self.definitions: DriverMemory = {}
        self.driver: Optional[Driver] = None
        self.open_driver = open_driver
        self.clock = clock
        self.deadline_s = float("inf")  # by then (monotonic) the thread has done something, or it hangs
        self.fails = 0
        self.connects = 0
        self.errors: Deque[ErrorNote] = deque(maxlen=ERRORS_KEPT)

    def expect_within(self, seconds: float) -> None:
        """The thread's next sign of life comes within this time."""
        self.deadline_s = self.clock() + seconds

    def change_to(self, plc: PlcSettings) -> None:
        """Go on with other settings of the same PLC; the thread takes them over as soon as it can. Never waits."""
        self.wanted = plc

    def abort(self) -> None:
        """Make a driver that hangs fail."""
        driver = self.driver
        if driver is not None:
            driver.abort()

    def retire(self) -> None:
        """Whatever a thread that hangs may still bring is nobody's."""
        self.driver = None

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


def read_plc_loop(watch: PlcWatch, stop: threading.Event) -> None:
    """Read one PLC until `stop` is set, with a new driver for every attempt. Only a DriverError is waited out."""
    loop = _Loop(watch, stop)
    while not stop.is_set():
        try:
            loop.run_connection()
        except DriverError as exc:
            if not stop.is_set():
                loop.wait_out(exc)
    loop.end()


class _Loop:
    """One run of `read_plc_loop`: the steps, with what they share."""

    def __init__(self, watch: PlcWatch, stop: threading.Event) -> None:
        self.watch = watch
        self.stop = stop
        self.driver = watch.driver
        self.states = _states_of(watch.plc)

    @property
    def has_news(self) -> bool:
        """Whether other settings wait to be taken over."""
        return self.watch.wanted is not self.watch.plc

    def run_connection(self) -> None:
        """Connect and scan until something fails, `stop` is set, or other settings need another connection."""
        watch = self.watch
        self.take_settings()
        plc = watch.plc
        driver = watch.driver = self.driver = (watch.open_driver or make_driver)(plc, watch.definitions)
        try:
            watch.expect_within(20 * plc.timeout_s + CONNECT_GRACE_S)
            driver.connect()
            if self.stop.is_set():
                return
            watch.connects += 1
            facts = {**watch.facts(), **driver.facts()}
            for sink in watch.sinks:
                sink.on_connect(plc, facts)
            next_s = watch.clock()
            while not self.stop.is_set() and self.goes_on(driver):
                watch.expect_within(10 * watch.plc.timeout_s + SCAN_GRACE_S)
                self.scan(driver)
                next_s = self.wait_for_next(next_s)
        finally:
            driver.close()

    def goes_on(self, driver: Driver) -> bool:
        """Take over what has changed; whether this connection serves the settings that hold now."""
        if not self.has_news:
            return True
        before = self.watch.plc
        self.take_settings()
        now = self.watch.plc
        if compare_plc(before, now).needs_connection:
            return False
        return before.interval_s == now.interval_s or driver.take_interval(now.interval_s)

    def take_settings(self) -> None:
        """From here on the PLC is read with the settings that are wanted; its open events go on (promise E12)."""
        watch = self.watch
        plc = watch.wanted
        if plc is watch.plc:
            return
        changes = watch.detector.take_settings(plc, *read_clocks())
        for sink in watch.sinks:
            sink.on_settings(plc, changes)
        watch.plc, self.states = plc, _states_of(plc)  # last: a run that ends before has it all to do again

    def scan(self, driver: Driver) -> None:
        """One good scan, through the detector, out to the sinks."""
        watch = self.watch
        scan = _with_states(driver.read_scan(), self.states)
        now_s = watch.clock()
        if self.stop.is_set() and watch.driver is not driver:
            return  # this thread has been replaced: its late scan is nobody's
        watch.fails = 0
        watch.stats.add(scan.duration_s, now_s)
        changes = watch.detector.on_scan(scan, scan.received_s)
        facts, plc = {**watch.facts(), **driver.facts()}, watch.plc
        for sink in watch.sinks:
            sink.on_scan(plc, scan, changes, facts)

    def wait_for_next(self, planned_s: float) -> float:
        """Sleep until the next starting time of the fixed grid; one that has passed is left out, never made up for."""
        interval_s = self.watch.plc.interval_s
        now_s = self.watch.clock()
        next_s = planned_s + interval_s
        if next_s < now_s:
            missed = int((now_s - next_s) / interval_s) + 1
            next_s += missed * interval_s
            self.watch.stats.add_overrun(missed)
        self.watch.expect_within(next_s - now_s + 10)
        self.stop.wait(min(LOOK_S, next_s - now_s))
        while not self.stop.is_set() and not self.has_news:
            rest_s = next_s - self.watch.clock()
            if rest_s <= 0:
                return next_s
            self.stop.wait(min(LOOK_S, rest_s))
        return min(next_s, self.watch.clock())  # what is new begins a grid of its own

    def wait_out(self, exc: DriverError) -> None:
        """A failure: told, counted, and followed by a pause; meanwhile the outage itself is watched."""
        watch, plc = self.watch, self.watch.plc
        watch.fails += 1
        at_utc, at_s = read_clocks()
        outage = Outage(at_utc, exc, exc.text, watch.fails, _backoff_s(watch.fails))
        watch.errors.append({"ts": to_text(at_utc), "text": outage.text})
        end_s = watch.clock() + outage.pause_s
        watch.expect_within(outage.pause_s + 10)
        changes, facts = watch.detector.on_failure(at_utc, at_s), watch.facts()
        for sink in watch.sinks:
            sink.on_outage(plc, outage, changes, facts)
        while not self.stop.wait(min(LOOK_S, max(0.0, end_s - watch.clock()))) and not self.has_news:
            changes = watch.detector.on_failure(*read_clocks())
            for sink in watch.sinks:
                sink.on_downtime(plc, changes)
            if watch.clock() >= end_s:
                break

    def end(self) -> None:
        """The run is over, and nobody has taken this thread's place."""
        if self.watch.driver is self.driver:
            for sink in self.watch.sinks:
                sink.on_stop(self.watch.plc)


def _states_of(plc: PlcSettings) -> AbstractSet[str]:
    return {tag.tag for tag in plc.tags if tag.is_state}


def _with_states(scan: Scan, states: AbstractSet[str]) -> Scan:
    """The scan with booleans for states; what is no state stays as it was read."""
    if not any(tag in states for tag, _ in scan.samples):
        return scan
    samples = tuple((tag, as_state_sample(tag, sample) if tag in states else sample) for tag, sample in scan.samples)
    return replace(scan, samples=samples)


def _backoff_s(fails: int) -> float:
    """1 s, 2 s, 4 s ... 30 s, each a quarter more or less, so that many PLCs do not come back in step."""
    ideal_s = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2.0 ** min(fails - 1, 10))
    return min(BACKOFF_MAX_S, max(BACKOFF_MIN_S, ideal_s * random.uniform(0.75, 1.25)))
