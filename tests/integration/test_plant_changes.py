"""Another configuration while it runs: only what differs is touched. Real controllers over TCP, a real event file."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set

import pytest
from prometheus_client import CollectorRegistry

from conectpy.collector.supervisor import Collector
from conectpy.events.reader import EventQuery
from conectpy.events.store import EventStore
from conectpy.live.metrics import Metrics
from conectpy.live.realtime import RealtimeData
from conectpy.live.recent_history import History
from conectpy.models import COMM_TAG, Event
from conectpy.plant.current import Plant
from conectpy.settings.types import DatabaseSettings, OpcUaSettings, PlcSettings, Settings, TagSettings
from conectpy.simulator import LogixController, LogixServer
from conectpy.simulator.opcua_server import OpcUaServer
from tests.monitor import wait_until

TABLE: Dict[str, Any] = {"P1": ("BOOL", True), "P2": ("BOOL", False), "P3": ("BOOL", True), "LIT1": ("REAL", 2.345)}
P1, P2 = TagSettings("P1", "Bomba", is_state=True), TagSettings("P2", "P2", is_state=True)
P3, LIT1 = TagSettings("P3", "P3", is_state=True), TagSettings("LIT1", "Nivel", unit="m", decimals=2)


class Site:
    """Controllers, and a collector that reads them all."""

    def __init__(self, folder: Path, servers: Sequence[LogixServer], more: Sequence[PlcSettings] = ()) -> None:
        self.servers = list(servers)
        self.plcs = [self.settings_of(server) for server in servers] + list(more)
        self.plant = Plant(Settings(tuple(self.plcs), DatabaseSettings(str(folder / "e.sqlite3"))))
        self.realtime = RealtimeData()
        self.history = History()
        self.metrics = Metrics(CollectorRegistry())
        self.store = EventStore(self.plant.current.database, self.plant.names, self.plant.labels)
        self.store.open()
        self.store.start()
        self.collector = Collector(self.plant, self.realtime, self.history, self.store, self.metrics)
        self._stop = threading.Event()
        self._main = threading.Thread(target=self.collector.supervise, args=(self._stop,), name="supervise")

    @staticmethod
    def settings_of(server: LogixServer) -> PlcSettings:
        name = f"PLC {server.port}"
        return PlcSettings(server.address, name, interval_s=0.05, timeout_s=0.5, tags=(P1, P2, LIT1))

    def start(self) -> None:
        self.collector.start()
        self._main.start()
        wait_until(lambda: self.is_good(), "every PLC read")

    def stop(self) -> List[str]:
        self._stop.set()
        self._main.join(5.0)
        late = self.collector.stop()
        assert self.store.stop(5.0)
        return late

    def is_good(self, address: Optional[str] = None) -> bool:
        shown = [address] if address else list(self.realtime.snapshot()[1])
        return bool(shown) and all(self.shown(one).get("_meta", {}).get("quality") == "OK" for one in shown)

    def shown(self, address: str) -> Dict[str, Any]:
        return self.realtime.snapshot()[1].get(address, {})

    def opens(self) -> List[int]:
        return [server.counts().forward_opens for server in self.servers]

    def change(self, number: int, **options: Any) -> None:
        """Put other options of one PLC in force."""
        self.plcs[number] = replace(self.plcs[number], **options)
        self.put(self.plcs)

    def put(self, plcs: Sequence[PlcSettings]) -> None:
        self.plcs = list(plcs)
        self.collector.replace(Settings(tuple(plcs)))

    def events(self, **query: Any) -> List[Event]:
        assert self.store.flush(10.0)
        return self.store.reader().events(EventQuery(**query))

    def is_taken_over(self, number: int) -> bool:
        watches = [worker.watch for worker in self.collector._workers if worker.watch is not None]
        return any(watch.plc is watch.wanted and watch.plc == self.plcs[number] for watch in watches)


@contextlib.contextmanager
def running_site(folder: Path, count: int, more: Sequence[PlcSettings] = ()) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(LogixServer(LogixController(TABLE))) for _ in range(count)]
        site = Site(folder, servers, more)
        site.start()
        stack.callback(site.stop)
        yield site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_site(tmp_path, 6) as running:
        yield running


def test_what_changes_in_place_makes_no_connection_anywhere(site: Site) -> None:
    before, events = site.opens(), site.events()
    address = site.plcs[0].address
    site.change(0, name="Costa", interval_s=0.1, comm_delay_s=1.0, tags=(replace(P1, label="Pump"), P2, LIT1))
    site.change(1, tags=(P1, P2, replace(LIT1, decimals=0, unit="cm")))
    site.change(2, tags=(replace(P1, off_delay_s=0.2), P2, LIT1))
    wait_until(lambda: all(site.is_taken_over(number) for number in range(6)), "all taken over")
    wait_until(lambda: site.shown(address)["_meta"]["interval_s"] == 0.1, "the new interval")
    assert (site.shown(address)["_name"], site.shown(address)["P1"]["label"]) == ("Costa", "Pump")
    level = site.shown(site.plcs[1].address)["LIT1"]
    assert (level["valor"], level["unit"], level["quality"]) == ("2", "cm", "OK")
    assert site.shown(address)["P1"]["since"] is not None
    site.servers[0].controller.write("P1", False)
    site.servers[0].controller.write("P2", True)
    wait_until(lambda: len(site.events(plc=address)) == 2, "a new event under the new name")
    assert {event.plc_name for event in site.events(plc=address, tag="P2")} == {"Costa"}
    others = [event for event in site.events() if event.plc_ip != address]
    assert others == [event for event in events if event.plc_ip != address]
    assert site.opens() == before
    assert "plc-Costa" in site.collector.health()[1]["threads"]


def test_a_connection_that_changes_is_the_only_one_made(site: Site) -> None:
    before, events = site.opens(), site.events()
    site.change(3, timeout_s=1.0)
    wait_until(lambda: site.opens()[3] == before[3] + 1, "the new connection")
    site.change(4, tags=(P1, P3, LIT1))
    address = site.plcs[4].address
    wait_until(lambda: site.shown(address).get("P3", {}).get("quality") == "OK", "the new tag")
    wait_until(lambda: site.opens()[4] == before[4] + 1, "the new connection")
    assert "P2" not in site.shown(address)
    wait_until(lambda: len(site.events(plc=address)) == 2, "P3's event")
    wait_until(lambda: site.is_good(), "all good")
    assert site.opens() == [count + (number in (3, 4)) for number, count in enumerate(before)]
    kept = [event for event in site.events() if (event.plc_ip, event.tag) != (address, "P3")]
    assert kept == events, "no event was touched, and none doubled"
    assert site.realtime.snapshot()[1][site.plcs[3].address]["_meta"]["consecutive_fails"] == 0


def test_a_tag_that_leaves_ends_as_removed(site: Site) -> None:
    address = site.plcs[0].address
    site.change(0, tags=(P2, LIT1))
    wait_until(lambda: site.events(plc=address)[0].end_utc is not None, "the end")
    (event,) = site.events(plc=address)
    assert (event.tag, event.end_quality) == ("P1", "removed")
    assert event.end_earliest_utc is not None
    assert event.end_utc is not None
    assert event.end_earliest_utc <= event.end_utc
    assert "P1" not in site.history.tags(address)
    site.change(0, tags=(P1, P2, LIT1))
    wait_until(lambda: len(site.events(plc=address)) == 2, "an event of its own")
    assert site.events(plc=address)[0].start_quality == "at_connect"


def test_plcs_come_and_go(site: Site) -> None:
    before, plcs = site.opens(), list(site.plcs)
    gone = plcs[5].address
    site.put(plcs[:5])
    assert gone not in site.realtime
    assert site.history.tags(gone) == []
    assert f'plc="{gone}"' not in _exposition(site)
    assert gone not in site.collector.health()[1]["plcs"]
    wait_until(lambda: site.servers[5].counts().connections == 0, "the Forward Close")
    (event,) = site.events(plc=gone)
    assert (event.end_quality, event.plc_name) == ("removed", plcs[5].name)
    site.servers[5].controller.write("P2", True)
    for _ in range(3):
        site.put(plcs)
        wait_until(lambda: site.is_good(gone), "the PLC is back")
        site.put(plcs[:5])
    site.put(plcs)
    wait_until(lambda: site.is_good(gone), "the PLC is back")
    wait_until(lambda: len(site.events(plc=gone, is_open=True)) == 2, "its events")
    assert site.opens()[:5] == before[:5]
    assert all(event.end_utc is None for event in site.events() if event.plc_ip != gone)
    ended = [event for event in site.events(plc=gone) if event.end_utc is not None]
    assert {event.end_quality for event in ended} == {"removed"}
    assert len(ended) == 1 + 3 * 2
    assert site.store.health()["refused"] == 0


def test_a_plc_that_is_down_takes_its_settings_and_can_go(site: Site) -> None:
    address = site.plcs[0].address
    site.servers[0].stop()
    wait_until(lambda: site.shown(address)["_meta"]["quality"] == "DOWN", "the outage")
    site.change(0, name="Costa", comm_delay_s=0.0)
    wait_until(lambda: site.shown(address)["_name"] == "Costa", "the new name")
    wait_until(lambda: site.events(tag=COMM_TAG), "an outage that is an event at once")
    started_s = time.monotonic()
    site.put(site.plcs[1:])
    assert time.monotonic() - started_s < 3.0
    assert address not in site.realtime
    assert {event.end_quality for event in site.events(plc=address)} == {"removed"}
    wait_until(lambda: site.is_good(), "the others")


def test_a_plc_that_hangs_does_not_hold_up_a_change(tmp_path: Path) -> None:
    with running_site(tmp_path, 5) as site:
        slow = replace(site.plcs[0], timeout_s=30.0)
        site.put([slow, *site.plcs[1:]])
        wait_until(lambda: site.is_taken_over(0), "the long timeout")
        wait_until(lambda: site.opens()[0] == 2, "the new connection")
        before = site.opens()
        site.servers[0].faults.is_frozen = True
        threading.Event().wait(0.3)
        started_s = time.monotonic()
        site.change(0, name="Hung")
        site.change(1, name="Other")
        assert time.monotonic() - started_s < 5.0, "nobody waits for a PLC"
        wait_until(lambda: site.shown(site.plcs[1].address)["_name"] == "Other", "the other PLC")
        site.put(site.plcs[1:])
        assert time.monotonic() - started_s < 15.0
        assert slow.address not in site.realtime
        assert site.opens() == before
        site.servers[0].faults.is_frozen = False
        again = replace(slow, timeout_s=0.5)
        site.put([again, *site.plcs])
        wait_until(lambda: site.is_good(slow.address), "the PLC, back again")
        assert len(site.events(plc=slow.address, is_open=True)) == 1


def test_a_long_pause_ends_for_a_change(site: Site) -> None:
    address = site.plcs[0].address
    site.change(0, interval_s=3600.0)
    wait_until(lambda: site.opens()[0] == 2, "a connection that outlasts such pauses")
    wait_until(lambda: site.is_taken_over(0), "taken over")
    site.change(0, interval_s=0.05)
    wait_until(lambda: site.is_taken_over(0), "taken over", 5.0)
    seen = site.shown(address)["_meta"]["last_ok_ts"]
    wait_until(lambda: site.shown(address)["_meta"]["last_ok_ts"] > seen, "scans at the new pace", 5.0)
    assert site.opens()[0] == 2


def test_a_stop_in_the_middle_of_changes_is_quick(tmp_path: Path) -> None:
    with running_site(tmp_path, 5) as site:
        plcs, end = list(site.plcs), threading.Event()

        def change() -> None:
            while not end.is_set():
                site.put(plcs[:2])
                site.put(plcs)

        changer = threading.Thread(target=change)
        changer.start()
        wait_until(lambda: site.opens()[4] > 3, "some changes")
        started_s = time.monotonic()
        assert site.collector.stop() == []
        assert time.monotonic() - started_s < 3.0
        end.set()
        changer.join(10.0)
        assert not changer.is_alive()
        names = {f"plc-{plc.name}" for plc in plcs}
        wait_until(lambda: not names & {one.name for one in threading.enumerate()}, "the end of every thread")


def test_changes_from_many_threads_end_where_the_last_one_says(site: Site) -> None:
    plcs = list(site.plcs)
    before = site.opens()

    def change(number: int) -> None:
        for turn in range(5):
            site.collector.replace(Settings((*plcs[:5], replace(plcs[5], name=f"{number}.{turn}"))[number % 2 :]))

    threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
        assert not thread.is_alive()
    wanted = {plc.address: plc.name for plc in site.plant.current.plcs}
    wait_until(lambda: {one: plc["_name"] for one, plc in site.realtime.snapshot()[1].items()} == wanted, "the last")
    wait_until(lambda: site.is_good(), "all good")
    assert site.opens()[1:] == before[1:]


def test_an_opc_ua_plc_follows_too(tmp_path: Path) -> None:
    table = {"VE1": ("BOOL", True), "VE2": ("BOOL", True)}
    tags = tuple(TagSettings(f"VE{n}", f"VE{n}", is_state=True, node=f"ns=4;i={n}") for n in (1, 2))
    with OpcUaServer(table=table) as server:
        opcua = OpcUaSettings(security="none")
        plc = PlcSettings(server.url, "S7", "opcua", 0.05, 1.0, tags=tags[:1], opcua=opcua)
        with running_site(tmp_path, 1, [plc]) as site:
            site.change(1, interval_s=0.1, name="S7 2")
            wait_until(lambda: site.is_taken_over(1), "taken over")
            assert server.connections == 1
            assert site.shown(plc.address)["_meta"]["reconnects"] == 0
            site.change(1, tags=tags)
            wait_until(lambda: site.shown(plc.address).get("VE2", {}).get("value") is True, "the new node")
            site.change(1, opcua=replace(opcua, mode="subscribe"))
            wait_until(lambda: site.shown(plc.address)["_meta"].get("mode") == "subscribe", "the subscription")
            wait_until(lambda: site.is_good() and server.connections == 1, "one connection")
            assert len(site.events(plc=plc.address)) == 2
            assert site.opens() == [1]
            site.put(site.plcs[:1])
            wait_until(lambda: server.connections == 0, "the end")


def test_no_version_shows_a_new_value_with_an_old_since(tmp_path: Path) -> None:
    """Who watches every version sees value and `since` change together, also over outages."""
    with running_site(tmp_path, 1) as site:
        address = site.plcs[0].address
        torn: Set[str] = set()
        seen: Set[Any] = set()
        end = threading.Event()
        publish = site.realtime._publish

        def watch(plc: str, tags: Any) -> None:  # called under the lock of the data, at every version
            publish(plc, tags)
            entry = site.realtime[plc]["P1"]
            if entry["value"] is not None:
                seen.add((entry["value"], entry["since"]))
                if entry["value"] is True and entry["since"] is None:
                    torn.add(str(entry))

        site.realtime._publish = watch  # type: ignore[method-assign]
        values = [False, True]
        for turn in range(20):
            site.servers[0].controller.write("P1", values[turn % 2])
            wait_until(lambda value=values[turn % 2]: site.shown(address)["P1"]["value"] is value, "the value")  # type: ignore[misc]
            if turn % 7 == 3:
                site.servers[0].cut()
        end.set()
        assert torn == set()
        by_since: Dict[Any, Set[bool]] = {}
        for value, since in seen:
            by_since.setdefault(since, set()).add(value)
        assert all(len(values) == 1 for values in by_since.values()), by_since


def _exposition(site: Site) -> str:
    from prometheus_client import generate_latest

    return generate_latest(site.metrics.registry).decode()
