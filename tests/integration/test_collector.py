"""Supervision: threads that die are started again, threads that hang are replaced, a stop is quick whatever they do."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Dict, Iterator, List

import pytest
from prometheus_client import CollectorRegistry

from conectpy.collector import loop
from conectpy.collector.supervisor import Collector
from conectpy.collector.worker import Worker
from conectpy.drivers import DriverMemory
from conectpy.errors import DriverError
from conectpy.events.store import EventStore
from conectpy.facts.plc_facts import DriverFacts
from conectpy.live.metrics import Metrics
from conectpy.live.realtime import RealtimeData
from conectpy.live.recent_history import History
from conectpy.models import Sample, Scan
from conectpy.plant.current import Plant
from conectpy.settings.types import DatabaseSettings, PlcSettings, Settings, TagSettings
from conectpy.timestamps import utc_now
from tests.monitor import wait_until

PLC = PlcSettings("10.0.0.1", "Plant", interval_s=0.05, timeout_s=0.1, tags=(TagSettings("P1", "P1", is_state=True),))


class ScriptedDriver:
    """A driver that does what no real one should: `behaviour` is called at every scan, with the driver."""

    behaviour: ClassVar[Any] = None
    made: ClassVar[List[ScriptedDriver]] = []

    def __init__(self, plc: PlcSettings, memory: DriverMemory) -> None:
        self.aborted = threading.Event()
        self.made.append(self)

    def connect(self) -> None:
        pass

    def read_scan(self) -> Scan:
        type(self).behaviour(self)
        now = utc_now()
        return Scan(now, now, 0.001, (("P1", Sample(True)),))

    def facts(self) -> DriverFacts:
        return {}

    def close(self) -> None:
        pass

    def abort(self) -> None:
        self.aborted.set()


class Bench:
    def __init__(self, folder: Path) -> None:
        self.realtime = RealtimeData()
        self.store = EventStore(DatabaseSettings(str(folder / "e.sqlite3")), {PLC.address: PLC.name}, {})
        self.store.open()
        self.store.start()
        self.metrics = Metrics(CollectorRegistry())
        self.collector = Collector(Plant(Settings((PLC,))), self.realtime, History(), self.store, self.metrics)
        self.stop = threading.Event()
        self.main = threading.Thread(target=self.collector.supervise, args=(self.stop,), name="supervise")

    def start(self) -> None:
        self.collector.start()
        self.main.start()

    def finish(self) -> List[str]:
        self.stop.set()
        self.main.join(5.0)
        late = self.collector.stop()
        assert self.store.stop(2.0)
        return late

    def meta(self) -> Dict[str, Any]:
        return dict(self.realtime[PLC.address]["_meta"])


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    ScriptedDriver.made = []
    monkeypatch.setattr(loop, "make_driver", ScriptedDriver)
    found = Bench(tmp_path)
    yield found
    found.stop.set()


def test_a_thread_that_dies_is_started_again_and_counted(bench: Bench) -> None:
    def die_once(driver: ScriptedDriver) -> None:
        if len(ScriptedDriver.made) == 1:
            raise ZeroDivisionError("a bug")

    ScriptedDriver.behaviour = die_once
    bench.start()
    wait_until(lambda: bench.meta()["quality"] == "OK", "a good scan after the restart", 10.0)
    is_ok, health = bench.collector.health()
    thread = health["threads"]["plc-Plant"]
    assert (thread["alive"], thread["restarts"]) == (True, 1)
    assert "ZeroDivisionError" in thread["last_error"]
    assert is_ok
    assert bench.finish() == []


def test_a_thread_that_hangs_is_cut_off_and_replaced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SCAN_GRACE_S", 0.0)

    def hang_once(driver: ScriptedDriver) -> None:
        if len(ScriptedDriver.made) == 1:
            assert driver.aborted.wait(30.0)
            raise DriverError("aborted")

    ScriptedDriver.behaviour = hang_once
    bench.start()
    wait_until(lambda: bench.meta()["quality"] == "OK", "a good scan of the successor", 15.0)
    assert ScriptedDriver.made[0].aborted.is_set()
    assert bench.collector.health()[1]["threads"]["plc-Plant"]["restarts"] == 1
    wait_until(lambda: [one.name for one in threading.enumerate()].count("plc-Plant") == 1, "the end of the old one")
    assert bench.finish() == []


def test_a_stop_is_quick_even_when_a_driver_hangs(bench: Bench) -> None:
    def hang(driver: ScriptedDriver) -> None:
        assert driver.aborted.wait(30.0)
        raise DriverError("aborted")

    ScriptedDriver.behaviour = hang
    bench.start()
    wait_until(lambda: ScriptedDriver.made, "the first scan")
    started_s = time.monotonic()
    assert bench.finish() == []
    assert time.monotonic() - started_s < 3.0


def test_a_writer_that_fails_goes_on_and_is_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    apply, crashes = bench.store._file.apply, [ZeroDivisionError("a bug")]

    def crash_once(entries: Any) -> None:
        if crashes:
            raise crashes.pop()
        apply(entries)

    monkeypatch.setattr(bench.store._file, "apply", crash_once)
    ScriptedDriver.behaviour = lambda driver: None
    bench.start()
    wait_until(lambda: bench.store.reader().open_tags(), "the event, after all", 10.0)
    thread = bench.collector.health()[1]["threads"]["store"]
    assert (thread["alive"], thread["restarts"]) == (True, 1)
    assert "ZeroDivisionError" in thread["last_error"]
    restarts = "conectpy_thread_restarts_total"
    wait_until(lambda: bench.metrics.registry.get_sample_value(restarts, {"thread": "store"}) == 1.0, "the count", 5.0)
    assert bench.finish() == []


def test_health_names_what_is_wrong(bench: Bench) -> None:
    def refuse(driver: ScriptedDriver) -> None:
        raise DriverError("cable unplugged")

    ScriptedDriver.behaviour = refuse
    bench.start()
    wait_until(lambda: bench.meta()["quality"] == "DOWN", "the outage")
    is_ok, health = bench.collector.health()
    assert not is_ok
    assert health["plcs"][PLC.address]["last_error"] == "cable unplugged"
    bench.finish()


# -- health is red for each fault alone --------------------------------------------------------------------------------


@pytest.fixture
def unwatched(bench: Bench) -> Iterator[Bench]:
    """A collector that reads well, and that no supervisor mends."""
    ScriptedDriver.behaviour = lambda driver: None
    bench.collector.start()
    wait_until(lambda: bench.collector.health()[0], "all is well")
    yield bench
    ScriptedDriver.behaviour = lambda driver: None
    bench.collector.stop()
    bench.store.stop(2.0)


class Blockade:
    """Holds up the next scan until it is lifted."""

    def __init__(self) -> None:
        self.reached, self.lifted = threading.Event(), threading.Event()

    def __call__(self, driver: ScriptedDriver) -> None:
        self.reached.set()
        assert self.lifted.wait(60.0)


def only_worker(bench: Bench) -> Worker:
    (worker,) = bench.collector._workers
    return worker


def test_health_is_red_for_a_plc_that_is_late_and_nothing_else(unwatched: Bench) -> None:
    ScriptedDriver.behaviour = blockade = Blockade()
    assert blockade.reached.wait(30.0)
    worker = only_worker(unwatched)
    assert worker.watch is not None
    worker.watch.deadline_s = float("inf")  # it is not taken for hung, however slow this machine is
    wait_until(lambda: not unwatched.collector.health()[0], "red")
    is_ok, health = unwatched.collector.health()
    (plc,) = health["plcs"].values()
    assert (is_ok, health["ok"], plc["ok"], plc["quality"]) == (False, False, False, "OK")
    assert plc["last_good_age_s"] > 3 * PLC.timeout_s
    assert (health["store"]["ok"], [one["alive"] for one in health["threads"].values()]) == (True, [True, True])
    blockade.lifted.set()
    ScriptedDriver.behaviour = lambda driver: None
    wait_until(lambda: unwatched.collector.health()[0], "all is well again")


def test_health_is_red_for_a_writer_that_is_dead_and_nothing_else(unwatched: Bench) -> None:
    assert unwatched.store.stop(5.0)
    is_ok, health = unwatched.collector.health()
    assert (is_ok, health["ok"], health["store"]["ok"]) == (False, False, True)
    assert {name: one["alive"] for name, one in health["threads"].items()} == {"plc-Plant": True, "store": False}
    assert not only_worker(unwatched).is_hung


def test_health_is_red_for_a_thread_that_hangs_and_nothing_else(unwatched: Bench) -> None:
    ScriptedDriver.behaviour = blockade = Blockade()
    assert blockade.reached.wait(30.0)
    worker = only_worker(unwatched)
    assert worker.watch is not None
    worker.watch.plc = replace(PLC, timeout_s=600.0)  # it is not late yet
    worker.watch.deadline_s = time.monotonic() - 1.0
    is_ok, health = unwatched.collector.health()
    assert (is_ok, health["ok"], health["store"]["ok"]) == (False, False, True)
    assert [plc["ok"] for plc in health["plcs"].values()] == [True]
    assert [one["alive"] for one in health["threads"].values()] == [True, True]
    worker.watch.deadline_s = float("inf")
    assert unwatched.collector.health()[0]
    blockade.lifted.set()


def test_health_is_red_for_another_thread_that_is_dead_and_nothing_else(unwatched: Bench) -> None:
    worker = Worker("web", lambda stop: None)
    unwatched.collector.add(worker)
    worker.start()
    assert worker.join(time.monotonic() + 30.0)
    is_ok, health = unwatched.collector.health()
    assert (is_ok, health["threads"]["web"]["alive"]) == (False, False)
    assert [plc["ok"] for plc in health["plcs"].values()] == [True]
    assert (health["store"]["ok"], health["threads"]["store"]["alive"]) == (True, True)


def test_health_is_red_for_a_plc_that_was_never_read(bench: Bench) -> None:
    ScriptedDriver.behaviour = blockade = Blockade()
    bench.collector.start()
    assert blockade.reached.wait(30.0)
    is_ok, health = bench.collector.health()
    (plc,) = health["plcs"].values()
    assert (is_ok, plc["ok"], plc["last_good_age_s"]) == (False, False, None)
    blockade.lifted.set()
    bench.collector.stop()
    bench.store.stop(2.0)
