"""The OPC UA driver on a bad line: every failure is an error in time, with its cause, and leaves nothing behind."""

from __future__ import annotations

import struct
import threading
import time
import tracemalloc
from typing import Any, Callable, Dict, Iterator, List

import psutil
import pytest

from conectpy.drivers.opc_ua import OpcUaPlc
from conectpy.drivers.ua import channel as ua_channel
from conectpy.errors import DriverError
from conectpy.models import Sample
from conectpy.pki import certificates as pki
from conectpy.settings.types import OpcUaSettings, PlcSettings, TagSettings
from conectpy.simulator.opcua_server import APPLICATION_URI, OpcUaServer

from .ua_proxy import UaProxy, wait_for

TABLE = {"P1_ST": ("BOOL", True), "LEVEL": ("REAL", 1.5), "STEP": ("DINT", 0)}


@pytest.fixture(scope="module")
def identity() -> pki.Identity:
    return pki.make_identity("S7", APPLICATION_URI, ["127.0.0.1"])


@pytest.fixture(scope="module")
def server(identity: pki.Identity) -> Iterator[OpcUaServer]:
    with OpcUaServer(table=TABLE, identity=identity) as running:
        yield running


@pytest.fixture
def proxy(server: OpcUaServer) -> Iterator[UaProxy]:
    with UaProxy((server.host, server.port)) as running:
        yield running


def make_driver(server: OpcUaServer, url: str, timeout_s: float = 0.5, **settings: Any) -> OpcUaPlc:
    tags = tuple(TagSettings(tag, tag, node=node, is_state=tag.endswith("_ST")) for tag, node in server.nodes.items())
    opcua = OpcUaSettings(**{"security": "none", "sampling_ms": 10, **settings})
    return OpcUaPlc(PlcSettings(url, "plant", "opcua", interval_s=0.2, timeout_s=timeout_s, tags=tags, opcua=opcua), {})


@pytest.fixture
def driver(server: OpcUaServer, proxy: UaProxy) -> Iterator[OpcUaPlc]:
    made = make_driver(server, proxy.url)
    made.connect()
    made.read_scan()
    yield made
    made.close()


def freeze(proxy: UaProxy) -> None:
    proxy.is_frozen = True


def corrupt(proxy: UaProxy) -> None:
    proxy.mangle = lambda data: bytes(255 - byte for byte in data)


def cut_in_mid_message(proxy: UaProxy) -> None:
    def cut(data: bytes) -> bytes:
        threading.Timer(0.05, proxy.cut).start()
        return data[: len(data) // 2]

    proxy.mangle = cut


def cut(proxy: UaProxy) -> None:
    proxy.cut()


def refuse(proxy: UaProxy) -> None:
    proxy.is_refusing = True
    proxy.cut()


def open_sockets() -> int:
    process = psutil.Process()
    find = getattr(process, "net_connections", None) or process.connections
    return len([one for one in find("tcp") if one.status != "LISTEN"])


@pytest.mark.parametrize("fault", [freeze, corrupt, cut_in_mid_message, cut, refuse])
@pytest.mark.parametrize("mode", ["poll", "subscribe"])
def test_no_thread_and_no_socket_is_left_after_many_failures(
    server: OpcUaServer, proxy: UaProxy, fault: Callable[[UaProxy], None], mode: str
) -> None:
    def threads() -> List[str]:
        others = (one for one in threading.enumerate() if not isinstance(one, threading.Timer))
        return [one.name for one in others if one not in proxy._threads]

    sockets, before = open_sockets(), threads()
    for _ in range(5):
        driver = make_driver(server, proxy.url, timeout_s=0.2, mode=mode)
        driver.connect()
        assert len(driver.read_scan().samples) == len(TABLE)
        fault(proxy)
        started = time.monotonic()
        with pytest.raises(DriverError, match="plant: reading 3 nodes: "):
            driver.read_scan()
        if fault is not cut:  # which breaks only what exists
            other = make_driver(server, proxy.url, timeout_s=0.2)
            with pytest.raises(DriverError, match="plant: connecting: "):
                other.connect()
            other.close()
        proxy.is_frozen = proxy.is_refusing = False
        proxy.mangle = None
        proxy.cut()
        driver.close()
        assert time.monotonic() - started < 5
    assert threads() == before
    assert wait_for(lambda: open_sockets() <= sockets), open_sockets()


def test_a_line_that_drips_bytes_does_not_outlive_the_deadline(driver: OpcUaPlc, proxy: UaProxy) -> None:
    proxy.slice_bytes = 1
    started = time.monotonic()
    with pytest.raises(DriverError, match="no answer in time"):
        driver.read_scan()
    assert time.monotonic() - started < 2


def test_late_replies_are_never_taken_for_the_next_answer(server: OpcUaServer, proxy: UaProxy) -> None:
    driver = make_driver(server, proxy.url)
    driver.connect()
    driver.read_scan()
    proxy.delay_s = 0.7
    with pytest.raises(DriverError, match="no answer in time"):
        driver.read_scan()
    proxy.delay_s = 0.0
    server.write("STEP", 77)
    threading.Event().wait(0.4)  # by now the late reply is here
    with pytest.raises(DriverError, match="has failed"):
        driver.read_scan()
    driver.close()


HEADS: Dict[str, Any] = {
    "announces 4 GiB": (b"MSGF" + struct.pack("<I", 0xFFFF_FFFF), "announced a chunk of 4294967295 bytes"),
    "announces less than a header": (b"MSGF" + struct.pack("<I", 3), "announced a chunk of 3 bytes"),
    "speaks HTTP": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no OPC UA message"),
    "says why": (
        b"ERRF" + struct.pack("<III", 8 + 8 + 7, 0x8013_0000, 7) + b"go away",
        "BadSecurityChecksFailed .*: go away",
    ),
    "uses another channel": (b"MSGF" + struct.pack("<IIIII", 24, 99, 1, 1, 1), "channel 99"),
    "is a chunk too short": (b"MSGF" + struct.pack("<I", 8), "does not parse"),
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_reply_that_is_none_fails_at_once_with_the_cause(driver: OpcUaPlc, proxy: UaProxy, kind: str) -> None:
    reply, cause = HEADS[kind]
    proxy.mangle = lambda data: reply
    started = time.monotonic()
    with pytest.raises(DriverError, match=cause):
        driver.read_scan()
    assert time.monotonic() - started < 0.4  # not the timeout


def test_an_endless_message_is_given_up_before_it_fills_the_memory(
    driver: OpcUaPlc, proxy: UaProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ua_channel, "MAX_MESSAGE_BYTES", 1_000_000)
    sequence = iter(range(10_000))
    first: List[int] = []

    def flood(data: bytes) -> bytes:
        channel, token, number, request = struct.unpack_from("<IIII", data, 8)
        first.append(number)
        chunk = b"x" * 60_000
        return b"".join(
            b"MSGC" + struct.pack("<IIIII", 24 + len(chunk), channel, token, first[0] + next(sequence), request) + chunk
            for _ in range(100)
        )

    proxy.mangle = flood
    tracemalloc.start()
    with pytest.raises(DriverError, match="more than 1000000 bytes"):
        driver.read_scan()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40_000_000


@pytest.mark.parametrize("place", ["sequence", "request"])
def test_numbers_that_do_not_fit_end_the_channel(driver: OpcUaPlc, proxy: UaProxy, place: str) -> None:
    at = {"sequence": 16, "request": 20}[place]

    def renumber(data: bytes) -> bytes:
        (number,) = struct.unpack_from("<I", data, at)
        return data[:at] + struct.pack("<I", number + 5) + data[at + 4 :]

    proxy.mangle = renumber
    with pytest.raises(DriverError, match=r"is missing|was not asked"):
        driver.read_scan()


def test_abort_ends_a_blocked_read_at_once(server: OpcUaServer, proxy: UaProxy) -> None:
    driver = make_driver(server, proxy.url, timeout_s=20.0)
    driver.connect()
    proxy.is_frozen = True
    threading.Timer(0.2, driver.abort).start()
    started = time.monotonic()
    with pytest.raises(DriverError, match="aborted"):
        driver.read_scan()
    driver.close()
    assert time.monotonic() - started < 2


def test_goodbye_to_a_frozen_server_takes_about_a_second(driver: OpcUaPlc, proxy: UaProxy) -> None:
    proxy.is_frozen = True
    started = time.monotonic()
    driver.close()
    assert time.monotonic() - started < 1.5


def test_goodbye_leaves_no_connection_at_the_server(server: OpcUaServer, driver: OpcUaPlc) -> None:
    before = server.connections
    assert before >= 1
    driver.close()
    assert wait_for(lambda: server.connections < before)


@pytest.mark.parametrize("security", ["none", "sign", "sign_and_encrypt"])
def test_renewing_the_channel_loses_no_answer_and_no_report(
    server: OpcUaServer,
    proxy: UaProxy,
    identity: pki.Identity,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    security: str,
) -> None:
    monkeypatch.setattr(ua_channel, "CHANNEL_LIFETIME_S", 0.6)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "server.der").write_bytes(identity.der)
    proxy.delay_s = 0.01
    driver = make_driver(
        server, proxy.url, timeout_s=2.0, mode="subscribe", security=security, pki_dir=str(tmp_path)
    )  # fmt: skip
    driver.connect()
    driver.read_scan()
    written, seen = [], []
    end = time.monotonic() + 1.8
    step = 0
    while time.monotonic() < end:
        for _ in range(3):
            step += 1
            written.append(step)
            server.write("STEP", step)
        seen += [sample.value for tag, sample in driver.read_scan().samples if tag == "STEP"]
        threading.Event().wait(0.03)
    assert wait_for(
        lambda: bool(seen.extend(s.value for t, s in driver.read_scan().samples if t == "STEP") or seen[-1] == step)
    )
    assert [value for value in seen if value in written] == written
    driver.close()


def test_a_restarted_server_is_read_again_by_a_new_driver(server: OpcUaServer) -> None:
    driver = make_driver(server, server.url)
    driver.connect()
    driver.read_scan()
    server.restart()
    with pytest.raises(DriverError):
        driver.read_scan()
    driver.close()
    again = make_driver(server, server.url)
    again.connect()
    assert dict(again.read_scan().samples)["LEVEL"] == Sample(1.5)
    again.close()


def test_an_interval_longer_than_the_session_uses_one_session_per_scan(server: OpcUaServer) -> None:
    tags = (TagSettings("LEVEL", "LEVEL", node=server.nodes["LEVEL"]),)
    opcua = OpcUaSettings(security="none", session_timeout_s=30.0)
    driver = OpcUaPlc(PlcSettings(server.url, "plant", "opcua", interval_s=60.0, tags=tags, opcua=opcua), {})
    driver.connect()
    for _ in range(2):
        assert driver.read_scan().samples == (("LEVEL", Sample(1.5)),)
        assert wait_for(lambda: server.connections == 0)
    driver.close()
