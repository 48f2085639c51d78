"""Servers that take no sender context but zeros and echo none, as libplctag's `ab_server`, are read all the same."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
from threading import Thread
from typing import Iterator

import pytest

from conectpy.drivers import make_driver
from conectpy.drivers.base import DriverMemory
from conectpy.errors import DriverError
from conectpy.settings.types import PlcSettings, TagSettings
from conectpy.simulator.controller import LogixController
from conectpy.simulator.logix_server import LogixServer
from tests.monitor import wait_until

REGISTER = 0x65


def read_message(sock: socket.socket) -> bytes:
    head = sock.recv(24, socket.MSG_WAITALL)
    if len(head) < 24:
        raise ConnectionError
    (size,) = struct.unpack_from("<H", head, 2)
    return head + (sock.recv(size, socket.MSG_WAITALL) if size else b"")


class Terse(socketserver.BaseRequestHandler):
    """Passes on to the simulated PLC what such a server would take, and answers as it would."""

    target = ("", 0)

    def handle(self) -> None:
        with contextlib.suppress(OSError), socket.create_connection(self.target) as plc:
            while True:
                request = read_message(self.request)
                if request[0] == REGISTER and request[12:20] != bytes(8):
                    self.request.sendall(request[:2] + struct.pack("<HII", 0, 0, 1) + bytes(12))
                    return
                plc.sendall(request)
                if request[0] != 0x66:  # UnRegisterSession has no reply
                    reply = read_message(plc)
                    self.request.sendall(reply[:12] + bytes(8) + reply[20:])


@pytest.fixture
def plc() -> Iterator[LogixServer]:
    table = {"P1": ("BOOL", True), "TEXT": ("STRING", "hola")}
    with LogixServer(LogixController(table), host="127.0.0.1", port=0) as server:
        yield server


@pytest.fixture
def address(plc: LogixServer) -> Iterator[str]:
    host, port = plc.address.split(":")
    handler = type("Handler", (Terse,), {"target": (host, int(port))})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(10.0)


def settings(address: str) -> PlcSettings:
    tags = (TagSettings("P1", "P1", is_state=True), TagSettings("TEXT", "TEXT"))
    return PlcSettings(address, "Norte", tags=tags, timeout_s=2.0)


def test_a_server_that_echoes_no_context_is_read_and_left_in_order(plc: LogixServer, address: str) -> None:
    memory: DriverMemory = {}
    for _ in range(3):
        driver = make_driver(settings(address), memory)
        try:
            driver.connect()
            values = {tag: sample.value for tag, sample in driver.read_scan().samples}
            assert values == {"P1": True, "TEXT": "hola"}
        finally:
            driver.close()
        wait_until(lambda: plc.counts().connections == 0, "the end of its connection")


def test_another_context_is_still_nobodys_answer(plc: LogixServer) -> None:
    plc.faults.mutate = lambda reply: reply[:12] + (b"\1" + bytes(7)) + reply[20:] if reply[0] == 0x6F else reply
    driver = make_driver(settings(plc.address), {})
    with pytest.raises(DriverError):
        driver.connect()
    plc.faults.mutate = None
    driver.close()
