"""The loop by a clock of its own: how the pauses grow, which starting times are left out, when it counts as hung."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, Callable, List, Optional, Tuple

import pytest

from conectpy.collector.loop import BACKOFF_MAX_S, LOOK_S, SCAN_GRACE_S, PlcWatch, read_plc_loop
from conectpy.collector.sinks import Outage, Sink
from conectpy.drivers import DriverMemory
from conectpy.errors import DriverError
from conectpy.facts.plc_facts import DriverFacts
from conectpy.models import Sample, Scan
from conectpy.settings.types import PlcSettings, TagSettings
from conectpy.timestamps import utc_now

BEGIN_S = 1000.0
FAILURE = float("inf")


class Line(Sink):
    """A PLC, the sink that hears of it, and the time, which passes only in scans and in waits.

    `durations_s` are those of the scans, one after another, FAILURE for one that fails; after them the run ends.
    """

    def __init__(self, durations_s: List[float], interval_s: float = 1.0) -> None:
        tags = (TagSettings("P1", "P1", is_state=True),)
        plc = PlcSettings("10.0.0.1", "Plant", tags=tags, interval_s=interval_s, timeout_s=0.5)
        self.now_s = BEGIN_S
        self.stop = Stop(self)
        self.durations_s = list(durations_s)
        self.watch = PlcWatch(plc, None, self.open_driver, clock=lambda: self.now_s)
        self.watch.sinks = (self,)
        self.asked_s: List[float] = []
        self.scans: List[float] = []
        self.outages: List[Tuple[int, float]] = []
        self.downtimes = self.stops = 0
        self.while_scanning: Callable[[], None] = lambda: None

    def run(self) -> Line:
        read_plc_loop(self.watch, self.stop)
        return self

    # -- the driver ----------------------------------------------------------------------------------------------------

    def open_driver(self, plc: PlcSettings, memory: DriverMemory) -> Any:
        return Driver(self)

    def read_scan(self) -> Scan:
        self.asked_s.append(self.now_s - BEGIN_S)
        assert self.watch.deadline_s == self.now_s + 10 * self.watch.plc.timeout_s + SCAN_GRACE_S
        duration_s = self.durations_s.pop(0)
        if not self.durations_s:
            self.stop.set()
        self.while_scanning()
        if duration_s == FAILURE:
            raise DriverError("cable unplugged")
        self.now_s += duration_s
        return Scan(utc_now(), utc_now(), duration_s, (("P1", Sample(False)),))

    # -- the sink ------------------------------------------------------------------------------------------------------

    def on_scan(self, plc: PlcSettings, scan: Scan, changes: Any, facts: Any) -> None:
        self.scans.append(scan.duration_s)

    def on_outage(self, plc: PlcSettings, outage: Outage, changes: Any, facts: Any) -> None:
        self.outages.append((outage.fails, outage.pause_s))

    def on_downtime(self, plc: PlcSettings, changes: Any) -> None:
        self.downtimes += 1

    def on_stop(self, plc: PlcSettings) -> None:
        self.stops += 1


class Driver:
    def __init__(self, line: Line) -> None:
        self.read_scan = line.read_scan

    def connect(self) -> None:
        pass

    def take_interval(self, interval_s: float) -> bool:
        return True

    def facts(self) -> DriverFacts:
        return {}

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


class Stop(threading.Event):
    """Waiting is what makes the time pass; nobody hangs who waits."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self.line = line
        self.waits_s: List[float] = []
        self.while_waiting: Callable[[], None] = lambda: None

    def wait(self, timeout: Optional[float] = None) -> bool:
        assert timeout is not None
        assert 0.0 <= timeout <= LOOK_S, "what is new would take effect late"
        if not self.is_set():
            self.waits_s.append(timeout)
            self.line.now_s += timeout
            self.while_waiting()
            assert self.line.watch.deadline_s > self.line.now_s, "taken for hung while it waits"
        return self.is_set()


def test_the_pauses_after_failures_grow_and_are_waited_out() -> None:
    line = Line([FAILURE] * 9).run()
    assert [fails for fails, _ in line.outages] == list(range(1, 9)), "what ends the run is no outage"
    for (fails, pause_s), ideal_s in zip(line.outages, [1, 2, 4, 8, 16, 30, 30, 30]):
        assert max(1.0, 0.75 * ideal_s) <= pause_s <= min(BACKOFF_MAX_S, 1.25 * ideal_s), fails
    waited_s = [after_s - before_s for before_s, after_s in zip(line.asked_s, line.asked_s[1:])]
    assert waited_s == pytest.approx([pause_s for _, pause_s in line.outages])
    assert line.downtimes >= sum(waited_s) - len(waited_s), "an outage is watched while it lasts"


def test_the_pause_stays_bounded_after_thousands_of_failures() -> None:
    line = Line([FAILURE] * 3000).run()
    assert min(pause_s for _, pause_s in line.outages[10:]) >= 0.75 * BACKOFF_MAX_S
    assert max(pause_s for _, pause_s in line.outages) <= BACKOFF_MAX_S
    assert len(line.watch.facts()["errors"]) == 20


def test_a_good_scan_begins_the_pauses_anew() -> None:
    line = Line([FAILURE, FAILURE, FAILURE, 0.25, FAILURE, 0.25]).run()
    assert [fails for fails, _ in line.outages] == [1, 2, 3, 1]
    assert line.outages[-1][1] <= 1.25
    assert (line.watch.connects, line.watch.facts()["reconnects"]) == (5, 4)


def test_plcs_that_fail_together_do_not_come_back_in_step() -> None:
    pauses_s = [Line([FAILURE] * 4).run().outages[2][1] for _ in range(100)]
    assert min(pauses_s) < 3.5 < 4.5 < max(pauses_s)


def test_scans_begin_on_a_fixed_grid_whatever_they_take() -> None:
    line = Line([0.25, 0.75, 0.5, 1.0, 0.25]).run()
    assert line.asked_s == [0.0, 1.0, 2.0, 3.0, 4.0]
    facts = line.watch.facts()
    assert (facts["overruns"], facts["missed_cycles"]) == (0, 0), "a scan as long as the interval is in time"


@pytest.mark.parametrize(
    ("slow_s", "next_s", "missed"), [(1.25, 4.0, 1), (1.75, 4.0, 1), (2.5, 5.0, 2), (100.5, 103.0, 100)]
)
def test_an_overrun_is_left_out_and_counted_never_made_up_for(slow_s: float, next_s: float, missed: int) -> None:
    line = Line([0.25, 0.25, slow_s, 0.25, 0.25]).run()
    assert line.asked_s == [0.0, 1.0, 2.0, next_s, next_s + 1.0]
    facts = line.watch.facts()
    assert (facts["overruns"], facts["missed_cycles"]) == (1, missed)


def test_a_long_interval_is_waited_for_in_pieces_and_kept() -> None:
    line = Line([0.25, 0.25], interval_s=60.0).run()
    assert line.asked_s == [0.0, 60.0]
    assert len(line.stop.waits_s) >= 60


def test_other_settings_end_a_long_wait_and_begin_a_grid_of_their_own() -> None:
    line = Line([0.25, 0.25, 0.25], interval_s=3600.0)
    faster = replace(line.watch.plc, interval_s=2.0)

    def change() -> None:
        if line.now_s > BEGIN_S + 10:
            line.watch.change_to(faster)
            line.stop.while_waiting = lambda: None

    line.stop.while_waiting = change
    line.run()
    assert line.asked_s[1] <= 10 + LOOK_S + 0.25
    assert line.asked_s[2] == line.asked_s[1] + 2.0


def test_a_pause_ends_for_other_settings() -> None:
    line = Line([FAILURE] * 7)
    other = replace(line.watch.plc, timeout_s=1.5)
    line.stop.while_waiting = lambda: line.watch.change_to(other) if len(line.outages) == 6 else None
    line.run()
    assert line.asked_s[6] - line.asked_s[5] <= LOOK_S


def test_what_a_replaced_thread_still_brings_is_nobodys() -> None:
    line = Line([0.25, 0.25])
    line.while_scanning = lambda: line.watch.retire() if line.stop.is_set() else None
    line.run()
    assert (line.scans, line.stops) == ([0.25], 0)
    assert Line([0.25]).run().stops == 1
