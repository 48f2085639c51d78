"""The OPC UA driver against the bundled server: values, qualities, times, limits, goodbye."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, Iterator

import pytest

from conectpy.drivers.opc_ua import OpcUaPlc
from conectpy.models import Sample
from conectpy.settings.types import OpcUaSettings, PlcSettings, TagSettings
from conectpy.simulator.opcua_server import OpcUaServer

TABLE = {
    "P1_ST": ("BOOL", False),
    "P2_ST": ("BOOL", True),
    "LEVEL": ("REAL", 1.5),
    "TOTAL": ("LREAL", 12345.678),
    "STEP": ("DINT", -7),
    "NAME": ("STRING", "bomba ñ"),
    "LEVELS": ("REAL[3]", [1.0, 2.0, 3.0]),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[OpcUaServer]:
    with OpcUaServer(table=TABLE) as server:
        yield server


@pytest.fixture
def server(shared: OpcUaServer) -> Iterator[OpcUaServer]:
    yield shared
    shared.faults.__init__()  # type: ignore[misc]
    for tag, (_, value) in TABLE.items():
        shared.set_status(tag, "Good")
        shared.write(tag, value)


def make_plc(server: Any, nodes: Dict[str, str], **settings: Any) -> PlcSettings:
    tags = tuple(TagSettings(tag, tag, node=node, is_state=tag.endswith("_ST")) for tag, node in nodes.items())
    opcua = OpcUaSettings(**{"security": "none", **settings})
    return PlcSettings(server.url, "plant", "opcua", timeout_s=2.0, tags=tags, opcua=opcua)


def plain(sample: Sample) -> Sample:
    """The sample without what the device claims of its time."""
    return sample._replace(changed_utc=None, changed_within_s=0.0, sampling_s=0.0)


def scan_until(driver: OpcUaPlc, wanted: Callable[[Dict[str, Sample]], bool]) -> Dict[str, Sample]:
    """Scan until the samples seen so far satisfy `wanted`."""
    seen: Dict[str, Sample] = {}
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        seen.update(driver.read_scan().samples)
        if wanted(seen):
            return seen
        threading.Event().wait(0.02)
    raise AssertionError(f"not seen in time: {seen}")


@pytest.fixture
def connect(server: OpcUaServer) -> Iterator[Callable[..., OpcUaPlc]]:
    opened = []

    def open_driver(**settings: Any) -> OpcUaPlc:
        driver = OpcUaPlc(make_plc(server, settings.pop("nodes", server.nodes), **settings), {})
        opened.append(driver)
        driver.connect()
        return driver

    yield open_driver
    for driver in opened:
        driver.close()


def test_the_first_scan_holds_every_tag_and_the_next_only_changes(server: OpcUaServer, connect: Any) -> None:
    driver = connect()
    scan = driver.read_scan()
    assert {tag: plain(sample) for tag, sample in scan.samples} == {
        "P1_ST": Sample(False),
        "P2_ST": Sample(True),
        "LEVEL": Sample(1.5),
        "TOTAL": Sample(12345.678),
        "STEP": Sample(-7),
        "NAME": Sample("bomba ñ"),
        "LEVELS": Sample((1.0, 2.0, 3.0)),
    }
    assert scan.sent_utc <= scan.received_utc
    assert driver.read_scan().samples == ()
    server.write("STEP", 8)
    server.write("NAME", "otra")
    assert dict(driver.read_scan().samples) == {"STEP": Sample(8), "NAME": Sample("otra")}
    assert driver.facts()["frames_per_scan"] == 1


def test_a_bad_tag_is_bad_alone_by_name_and_good_again(server: OpcUaServer, connect: Any) -> None:
    driver = connect()
    driver.read_scan()
    server.set_status("LEVEL", "BadSensorFailure")
    assert driver.read_scan().samples == (("LEVEL", Sample(None, "BadSensorFailure (0x808C0000)")),)
    server.set_status("LEVEL", "UncertainLastUsableValue")
    ((_, sample),) = driver.read_scan().samples
    assert sample.value is None
    assert sample.error == "UncertainLastUsableValue (0x40900000)"
    server.set_status("LEVEL", "Good")
    assert driver.read_scan().samples == (("LEVEL", Sample(1.5)),)


def test_nodes_by_namespace_uri_and_nodes_that_do_not_exist(server: OpcUaServer, connect: Any) -> None:
    nodes = {
        "BY_URI": "nsu=urn:conectpy:lagoon;i=5",
        "BY_NAME": 'ns=3;s="LAGOON"."STEP"',
        "NO_NODE": "ns=4;i=999",
        "NO_NAMESPACE": "nsu=urn:elsewhere;i=5",
    }
    samples = dict(connect(nodes=nodes).read_scan().samples)
    assert samples["BY_URI"] == samples["BY_NAME"] == Sample(-7)
    assert samples["NO_NODE"] == Sample(None, "BadNodeIdUnknown (0x80340000)", is_vanished=True)
    assert samples["NO_NAMESPACE"].is_vanished
    assert "urn:elsewhere" in str(samples["NO_NAMESPACE"].error)


def test_reads_are_cut_to_what_the_server_takes(server: OpcUaServer, connect: Any) -> None:
    server.faults.max_nodes_per_read = 3
    threading.Event().wait(0.2)  # the server publishes its limit at its next tick
    driver = connect()
    assert len(driver.read_scan().samples) == len(TABLE)
    assert driver.facts()["frames_per_scan"] == 3  # 7 tags and the server's state
    server.faults.max_nodes_per_read = 1  # stricter than it said: asked again with less
    assert len(driver.read_scan().samples) == len(TABLE)
    assert driver.facts()["frames_per_scan"] == 8


def test_changes_carry_the_devices_own_time_once_it_has_proven_to_be_one(server: OpcUaServer, connect: Any) -> None:
    driver = connect()
    driver.read_scan()
    server.write("P1_ST", True)
    first = dict(driver.read_scan().samples)["P1_ST"]
    assert (plain(first), first.changed_within_s) == (Sample(True), float("inf"))  # nothing is known of its stamps yet
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        assert driver.read_scan().samples == ()
        threading.Event().wait(0.2)
    at_s = server.write("P1_ST", False)
    sample = dict(driver.read_scan().samples)["P1_ST"]
    assert sample.changed_utc is not None
    assert abs(sample.changed_utc.timestamp() - at_s) < 0.001
    assert sample.changed_within_s < 0.01
    assert sample.sampling_s == 0.1
    server.faults.clock_offset_s = 3600.0  # somebody sets the device's clock
    server.write("P1_ST", True)
    driver.read_scan()
    assert abs(float(str(driver.facts()["clock_offset_s"])) - 3600.0) < 0.1


def test_a_stopped_controller_freezes_the_scan(server: OpcUaServer, connect: Any) -> None:
    driver = connect()
    assert driver.read_scan().frozen is None
    server.faults.state = 3
    deadline = time.monotonic() + 5
    frozen = None
    while frozen is None and time.monotonic() < deadline:
        frozen = driver.read_scan().frozen
    assert frozen == "the OPC UA server is in state Suspended"
