"""E21: whatever a server's timestamps say, the true time of an edge lies in its interval.

A plant of its own toggles tags at random and knows when; a server shows them with honest or wrong timestamps; the
driver and the detector make edges of what they see.
"""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import pytest

from conectpy.drivers.opc_ua import OpcUaPlc
from conectpy.events.detector import Detector
from conectpy.models import COMM_TAG, PlcMemory, Transition
from conectpy.settings.types import OpcUaSettings, PlcSettings, TagSettings
from conectpy.simulator.opcua_server import OpcUaServer

TAGS = [f"P{number:02d}_ST" for number in range(25)]
EDGES = 200
SCAN_S = 0.1
PROOF_S = 3.0
"""By then the tags' timestamps have proven to be times of change, or not."""


class Source:
    """The server and the truth: when each tag became TRUE or FALSE."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.url: str = server.url
        self.nodes: Mapping[str, str] = server.nodes
        self.changes: Dict[str, List[Tuple[float, bool]]] = {tag: [(0.0, False)] for tag in TAGS}

    def toggle(self, tag: str) -> None:
        value = not self.changes[tag][-1][1]
        self.changes[tag].append((self.server.write(tag, value), value))

    def has_change(self, tag: str, value: bool, after_s: Optional[float], until_s: float) -> bool:
        return any(
            to == value and (after_s is None or at_s > after_s) and at_s <= until_s for at_s, to in self.changes[tag]
        )


class Gateway(Source):
    """It polls the PLC behind it, and stamps a value with the time at which it noticed."""

    POLL_S = 0.5

    def __init__(self, server: OpcUaServer) -> None:
        super().__init__(server)
        self.values = dict.fromkeys(TAGS, False)
        self.polled_s = 0.0

    def toggle(self, tag: str) -> None:
        self.values[tag] = not self.values[tag]
        self.poll()

    def poll(self) -> None:
        """What the server shows changes here; nobody behind it can see more."""
        if time.monotonic() - self.polled_s < self.POLL_S:
            return
        self.polled_s = time.monotonic()
        for tag, value in self.values.items():
            if value != self.changes[tag][-1][1]:
                super().toggle(tag)


class OtherServer:
    """Another implementation's server (asyncua), in a process of its own."""

    def __init__(self, port: int, process: Any) -> None:
        self.url = f"opc.tcp://127.0.0.1:{port}"
        self.nodes = {tag: f"ns=2;s={tag}" for tag in TAGS}
        self._process = process

    def write(self, tag: str, value: bool) -> float:
        """Set a tag; the epoch seconds at which that happened."""
        self._process.stdin.write(f"write {tag} {int(value)}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@pytest.fixture
def server() -> Iterator[OpcUaServer]:
    with OpcUaServer(table={tag: ("BOOL", False) for tag in TAGS}) as one:
        yield one


def watch(source: Source, mode: str, is_trusted: bool, disturb: Callable[[int], None]) -> List[Transition]:
    """Scan while tags toggle, until there are enough edges; the edges after the timestamps had time to prove."""
    opcua = OpcUaSettings(security="none", mode=mode, sampling_ms=20, trust_device_time=is_trusted)
    tags = tuple(TagSettings(tag, tag, node=source.nodes[tag], is_state=True) for tag in TAGS)
    plc = PlcSettings(source.url, "S7", "opcua", interval_s=SCAN_S, timeout_s=3.0, tags=tags, opcua=opcua)
    detector, driver, stop = Detector(plc, PlcMemory()), OpcUaPlc(plc, {}), threading.Event()
    found: List[Transition] = []

    def scan() -> None:
        one = driver.read_scan()
        changes = detector.on_scan(one, one.received_s)
        found.extend(change for change in changes if isinstance(change, Transition) and change.tag != COMM_TAG)

    def live() -> None:
        dice = random.Random(7)
        while not stop.wait(dice.uniform(0.005, 0.045)):
            source.toggle(dice.choice(TAGS))
            disturb(dice.randrange(100))

    driver.connect()
    toggler = threading.Thread(target=live)
    try:
        end_s = time.monotonic() + PROOF_S
        while time.monotonic() < end_s:
            scan()
            stop.wait(SCAN_S)
        toggler.start()
        end_s = time.monotonic() + 60.0
        while len(found) < EDGES and time.monotonic() < end_s:
            scan()
            stop.wait(SCAN_S)
    finally:
        stop.set()
        toggler.join(10.0)
        driver.close()
    assert len(found) >= EDGES
    return found


def false_ones(source: Source, found: List[Transition]) -> List[Any]:
    def seconds(moment: Optional[datetime]) -> Optional[float]:
        return None if moment is None else moment.timestamp()

    return [
        one
        for one in found
        if not source.has_change(one.tag, one.kind == "open", seconds(one.earliest_utc), one.ts_utc.timestamp())
    ]


def do_nothing(_: int) -> None:
    """An honest server."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["poll", "subscribe"])
@pytest.mark.parametrize("shift_s", [-0.4, 0.4])
def test_e21_stamps_that_are_early_or_late_make_no_false_edge(server: OpcUaServer, mode: str, shift_s: float) -> None:
    server.faults.stamp_shift_s = shift_s
    source = Source(server)
    found = watch(source, mode, False, do_nothing)
    assert false_ones(source, found) == []
    assert {one.quality for one in found} == {"sampled"}
    assert all(one.device_utc is not None for one in found)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["poll", "subscribe"])
def test_e21_a_gateway_that_stamps_its_own_polling_makes_no_false_edge(server: OpcUaServer, mode: str) -> None:
    source = Gateway(server)
    assert false_ones(source, watch(source, mode, False, do_nothing)) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["poll", "subscribe"])
def test_e21_a_server_whose_clock_is_set_makes_no_false_edge(server: OpcUaServer, mode: str) -> None:
    def set_clock(roll: int) -> None:
        if roll < 3:
            server.faults.clock_offset_s = (-3600.0, -0.4, 0.4)[roll]

    source = Source(server)
    assert false_ones(source, watch(source, mode, False, set_clock)) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["poll", "subscribe"])
@pytest.mark.parametrize("drift", [-500e-6, 0.0, 500e-6])
@pytest.mark.parametrize("is_trusted", [False, True])
def test_e21_an_honest_server_that_drifts_is_told_truly(
    server: OpcUaServer, mode: str, drift: float, is_trusted: bool
) -> None:
    server.faults.clock_offset_s, server.faults.clock_drift = 12.0, drift
    threading.Event().wait(0.2)  # the server tells its time anew at its next tick
    source = Source(server)
    found = watch(source, mode, is_trusted, do_nothing)
    assert false_ones(source, found) == []
    exact = [one for one in found if one.quality == "exact"]
    assert len(exact) > EDGES / 2 if is_trusted else not exact
    for one in exact:
        assert one.earliest_utc is not None
        assert (one.ts_utc - one.earliest_utc).total_seconds() < 2 * SCAN_S


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["poll", "subscribe"])
@pytest.mark.parametrize("is_trusted", [False, True])
def test_e21_another_makers_honest_server_is_told_truly(mode: str, is_trusted: bool) -> None:
    pytest.importorskip("asyncua")
    from tests.integration.test_opcua_independent import running

    with running() as (port, process):
        source = Source(OtherServer(port, process))
        found = watch(source, mode, is_trusted, do_nothing)
    assert false_ones(source, found) == []
    assert any(one.quality == "exact" for one in found) == is_trusted
