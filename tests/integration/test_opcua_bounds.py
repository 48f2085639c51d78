"""A server with values that nobody can want: each is a bad tag that says why, and the tags beside it are read."""

from __future__ import annotations

from typing import Iterator, List, Tuple

import pytest
from opcua import Server

from conectpy.drivers.opc_ua import OpcUaPlc
from conectpy.models import Sample
from conectpy.settings.types import OpcUaSettings, PlcSettings, TagSettings
from tests.monitor import wait_until

LARGE = [0.5] * 200_000  # 1.6 MB
VALUES = {"LARGE": LARGE, "TEXT": "a" * 100_000, "GOOD": 7}


@pytest.fixture
def url() -> Iterator[Tuple[str, Server]]:
    server = Server()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    space = server.register_namespace("urn:bounds")
    for name, value in VALUES.items():
        server.nodes.objects.add_variable(f"ns={space};s={name}", name, value)
    server.start()
    try:
        port = server.bserver._server.sockets[0].getsockname()[1]
        yield f"opc.tcp://127.0.0.1:{port}", server
    finally:
        server.stop()


@pytest.mark.parametrize("mode", ["poll", "subscribe"])
def test_large_values_are_bad_and_the_others_good(url: Tuple[str, Server], mode: str) -> None:
    address, server = url
    tags = tuple(TagSettings(name, name, node=f"ns=2;s={name}") for name in VALUES)
    plc = PlcSettings(address, "Sur", "opcua", 0.2, 10.0, tags, opcua=OpcUaSettings(security="none", mode=mode))
    driver = OpcUaPlc(plc, {})
    found: List[Tuple[str, Sample]] = []

    def scan_until(holds: object, what: str) -> None:
        def step() -> bool:
            found.extend(driver.read_scan().samples)
            return dict(found).get("GOOD") == holds and len(dict(found)) == 3

        wait_until(step, what)

    try:
        driver.connect()
        scan_until(Sample(7), "the first values")
        samples = dict(found)
        assert samples["LARGE"] == Sample(None, "an array of 200000 elements, more than 1000")
        assert str(samples["TEXT"].error).startswith("a value of 100")
        server.get_node("ns=2;s=GOOD").set_value(8)
        scan_until(Sample(8), "the changed value")
    finally:
        driver.close()
