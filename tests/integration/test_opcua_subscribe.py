"""`mode: subscribe` against the bundled server: pulses shorter than a scan, vanished nodes, silence."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import Any, Dict, Generator, Iterator, List, Tuple

import pytest

from conectpy.drivers.opc_ua import OpcUaPlc
from conectpy.errors import DriverError
from conectpy.models import Sample, Scan
from conectpy.settings.types import OpcUaSettings, PlcSettings, TagSettings
from conectpy.simulator.opcua_server import OpcUaServer
from tests.integration.test_opcua_driver import plain

TABLE = {"P1_ST": ("BOOL", False), "P2_ST": ("BOOL", True), "LEVEL": ("REAL", 1.5)}
INTERVAL_S = 0.2


@pytest.fixture(scope="module")
def shared() -> Iterator[OpcUaServer]:
    with OpcUaServer(table=TABLE) as running:
        yield running


@pytest.fixture
def server(shared: OpcUaServer) -> Iterator[OpcUaServer]:
    yield shared
    shared.faults.__init__()  # type: ignore[misc]
    for tag, (_, value) in TABLE.items():
        shared.write(tag, value)


@pytest.fixture
def driver(server: OpcUaServer) -> Iterator[OpcUaPlc]:
    yield from connect(server)


def connect(server: OpcUaServer) -> Generator[OpcUaPlc, None, None]:
    nodes = {**server.nodes, "GONE": "ns=4;i=999"}
    tags = tuple(TagSettings(tag, tag, node=node, is_state=tag.endswith("_ST")) for tag, node in nodes.items())
    opcua = OpcUaSettings(security="none", mode="subscribe", sampling_ms=10)
    plc = PlcSettings(server.url, "plant", "opcua", interval_s=INTERVAL_S, timeout_s=1.0, tags=tags, opcua=opcua)
    driver = OpcUaPlc(plc, {})
    driver.connect()
    try:
        yield driver
    finally:
        driver.close()


def scan_for(driver: OpcUaPlc, seconds: float) -> List[Tuple[Scan, str, Sample]]:
    """Every sample of the scans within this time, with its scan."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        scan = driver.read_scan()
        found += [(scan, tag, sample) for tag, sample in scan.samples]
        threading.Event().wait(INTERVAL_S)
    return found


def test_the_first_scan_holds_every_tag(driver: OpcUaPlc) -> None:
    assert {tag: plain(sample) for tag, sample in driver.read_scan().samples} == {
        "P1_ST": Sample(False),
        "P2_ST": Sample(True),
        "LEVEL": Sample(1.5),
        "GONE": Sample(None, "BadNodeIdUnknown (0x80340000)", is_vanished=True),
    }
    assert driver.facts()["mode"] == "subscribe"


def test_e16_pulses_shorter_than_the_scan_come_in_order_with_their_own_times(
    server: OpcUaServer, driver: OpcUaPlc
) -> None:
    scan_for(driver, 2.2)  # the timestamps prove to be times of change
    truth = []
    for _ in range(5):
        for value in (True, False):
            truth.append((value, server.write("P1_ST", value)))
            threading.Event().wait(0.02)
    found = [(scan, sample) for scan, tag, sample in scan_for(driver, 1.5) if tag == "P1_ST"]
    assert [sample.value for _, sample in found] == [value for value, _ in truth]
    previous = None
    for (scan, sample), (_, at_s) in zip(found, truth):
        assert sample.changed_utc is not None
        assert abs(sample.changed_utc.timestamp() - at_s) < 0.001
        assert scan.sent_utc <= scan.received_utc
        previous = previous or scan
    assert len({id(scan) for scan, _ in found}) < len(truth)


def test_no_change_is_older_than_the_moment_up_to_which_everything_was_known(
    server: OpcUaServer, driver: OpcUaPlc
) -> None:
    driver.read_scan()
    stop = threading.Event()
    truth: List[float] = []

    def toggle() -> None:
        value = False
        while not stop.is_set():
            value = not value
            truth.append(server.write("P1_ST", value))
            stop.wait(0.013)

    writer = threading.Thread(target=toggle)
    writer.start()
    try:
        scans: List[Any] = []
        end = time.monotonic() + 2
        while time.monotonic() < end:
            scans.append(driver.read_scan())
            threading.Event().wait(0.05)
    finally:
        stop.set()
        writer.join()
    known, seen = scans[0].sent_utc, 0
    for scan in scans:
        for tag, _ in scan.samples:
            if tag == "P1_ST":
                assert known.timestamp() < truth[seen] <= scan.received_utc.timestamp()
                seen += 1
        assert scan.sent_utc >= known
        known = scan.sent_utc
    assert seen > 20


def test_e13_a_node_that_vanishes_is_noticed_though_no_report_says_so() -> None:
    with OpcUaServer(table=TABLE) as server, closing(connect(server)) as drivers:
        driver = next(drivers)
        driver.read_scan()
        server.remove("P2_ST")
        found = [sample for _, tag, sample in scan_for(driver, 1.0) if tag == "P2_ST"]
    assert found == [Sample(None, "BadNodeIdUnknown (0x80340000)", is_vanished=True)]


def test_a_bad_status_is_reported_and_good_again(server: OpcUaServer, driver: OpcUaPlc) -> None:
    driver.read_scan()
    server.set_status("LEVEL", "BadSensorFailure")
    scan_for(driver, 0.5)
    server.set_status("LEVEL", "Good")
    last: Dict[str, Sample] = {tag: sample for _, tag, sample in scan_for(driver, 0.5)}
    assert last["LEVEL"] == Sample(1.5)


def test_a_server_that_falls_silent_is_an_error_within_the_timeout(server: OpcUaServer, driver: OpcUaPlc) -> None:
    driver.read_scan()
    server.faults.is_frozen = True
    started = time.monotonic()
    with pytest.raises(DriverError, match="no answer in time"):
        scan_for(driver, 5)
    assert time.monotonic() - started < 4
