"""Against another implementation (asyncua): our driver reads its server, its client reads our simulator."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from conectpy.drivers.opc_ua import OpcUaPlc
from conectpy.drivers.ua.connect import UntrustedServer
from conectpy.models import Sample, Value
from conectpy.pki import certificates as pki
from conectpy.settings.types import OpcUaSettings, PlcSettings, TagSettings
from conectpy.simulator.opcua_server import OpcUaServer

asyncua_server = pytest.importorskip("tests.integration.asyncua_server")
ROOT = Path(__file__).resolve().parents[2]

EXPECTED: Dict[str, Value] = {
    "Boolean": True,
    "SByte": -128,
    "Byte": 255,
    "Int16": -32768,
    "UInt16": 65535,
    "Int32": -(2**31),
    "UInt32": 2**32 - 1,
    "Int64": -(2**63),
    "UInt64": 2**64 - 1,
    "Float": 1.25,
    "Double": 3.141592653589793,
    "String": "ñandú €",
    "DateTime": "2024-02-29T12:34:56.789000Z",
    "Guid": "72962b91-fa75-4ae6-8d28-b404dc7daf63",
    "ByteString": "0102ff",
    "XmlElement": "<a/>",
    "NodeId": "ns=3;s=x",
    "ExpandedNodeId": "ns=2;i=7",
    "StatusCode": "BadSensorFailure (0x808C0000)",
    "QualifiedName": "2:q",
    "LocalizedText": "hola",
    "ExtensionObject": "ExtensionObject i=886: 000000000000f03f0000000000000040",
    "Booleans": (True, False),
    "Int32s": (1, -2, 3),
    "Doubles": (0.5, -1.5),
    "Strings": ("a", "ñ"),
    "Empty": (),
    "Matrix": ((1, 2), (3, 4), (5, 6)),
}


@contextmanager
def running(*arguments: str) -> Iterator[Any]:
    """(port, process) of the other server; its standard input moves its values."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "tests.integration.asyncua_server", str(port), *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield port, process
    finally:
        process.kill()
        process.communicate()


def make_driver(port: int, nodes: Dict[str, str], **settings: Any) -> OpcUaPlc:
    tags = tuple(TagSettings(tag, tag, node=node) for tag, node in nodes.items())
    opcua = OpcUaSettings(**{"security": "none", **settings})
    plc = PlcSettings(f"opc.tcp://127.0.0.1:{port}", "plant", "opcua", interval_s=0.2, tags=tags, opcua=opcua)
    return OpcUaPlc(plc, {})


@pytest.mark.parametrize("mode", ["poll", "subscribe"])
def test_every_type_of_another_server_is_read_right(mode: str) -> None:
    names = {name: f"nsu=urn:test;s={name}" for name in EXPECTED}
    numbers = {f"V{number}": f"nsu=urn:test;i={50_000 + number}" for number in range(asyncua_server.COUNT)}
    with running() as (port, process):
        driver = make_driver(port, {**names, **numbers}, mode=mode)
        driver.connect()
        samples = dict(driver.read_scan().samples)
        for name, value in EXPECTED.items():
            assert samples[name] == Sample(value), name
        assert {tag: samples[tag].value for tag in numbers} == {tag: float(tag[1:]) for tag in numbers}
        types = driver.read_types()
        assert types["Double"] == "Double"
        assert types["V7"] == "Double"
        for step in (1, 2, 3):
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "stepped\n"
            seen: Dict[str, Sample] = {}
            for _ in range(100):
                seen.update(driver.read_scan().samples)
                if all(seen.get(tag) == Sample(1000.0 + step) for tag in numbers):
                    break
            assert {tag: sample.value for tag, sample in seen.items()} == dict.fromkeys(numbers, 1000.0 + step)
        driver.close()


def test_a_password_reaches_another_server_only_after_its_certificate_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "geheim")
    pki.write_identity(tmp_path / "server.pem", pki.make_identity("other", asyncua_server.URI, ["127.0.0.1"]))
    folder = tmp_path / "pki"
    settings = {"user": "op", "password_env": "PASSWORD", "pki_dir": str(folder)}
    with running(str(tmp_path)) as (port, process):
        for security, shown in (("auto", "Basic256Sha256 SignAndEncrypt"), ("sign", "Basic256Sha256 Sign")):
            driver = make_driver(port, {"Int32": "nsu=urn:test;s=Int32"}, security=security, **settings)
            if security == "auto":
                with pytest.raises(UntrustedServer) as refused:
                    driver.connect()
                driver.close()
                pki.Pki(str(folder)).trust(refused.value.thumbprint)
                driver = make_driver(port, {"Int32": "nsu=urn:test;s=Int32"}, security=security, **settings)
            driver.connect()
            assert driver.read_scan().samples == (("Int32", Sample(-(2**31))),)
            assert driver.facts()["security"] == shown
            assert process.stdout.readline() == "login op geheim\n"  # the first login of all
            driver.close()


def test_another_client_reads_the_same_from_our_simulator() -> None:
    from asyncua import Client

    async def read(url: str, nodes: Dict[str, str]) -> Dict[str, Any]:
        async with Client(url) as client:
            return {tag: await client.get_node(node).read_value() for tag, node in nodes.items()}

    table: Dict[str, Any] = {"P1_ST": ("BOOL", True), "TOTAL": ("LREAL", 1.5), "NAME": ("STRING", "ñ")}
    with OpcUaServer(table=table) as server:
        assert asyncio.run(read(server.url, server.nodes)) == {"P1_ST": True, "TOTAL": 1.5, "NAME": "ñ"}
