"""Clients for the tests of the web server: raw sockets, plain requests, readers of the stream."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import zlib
from typing import Any, Dict, List, Optional, Tuple

from tests.web_plant import Plant

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def port_of(plant: Plant) -> int:
    assert plant.server is not None
    return plant.server.port


def connect(plant: Plant, timeout_s: float = 10.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(plant)), timeout_s)


def read_all(sock: socket.socket) -> bytes:
    """Everything until the server closes."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while True:
            data = sock.recv(65536)
            if not data:
                break
            found += data
    return found


def ask(plant: Plant, request: bytes = REQUEST) -> bytes:
    with connect(plant) as sock:
        sock.sendall(request)
        return read_all(sock)


def get(plant: Plant, path: str, headers: Optional[Dict[str, str]] = None) -> Tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(plant), timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def web_threads() -> List[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("web")]


class StreamClient:
    """Reads server-sent events; `gzip` asks for a compressed stream."""

    def __init__(self, plant: Plant, headers: Optional[Dict[str, str]] = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port_of(plant), timeout=10)
        self.connection.request("GET", "/api/stream", headers=headers or {})
        self.response = self.connection.getresponse()
        is_gzip = self.response.headers.get("Content-Encoding") == "gzip"
        self._unpack = zlib.decompressobj(31) if is_gzip else None
        self._text = b""

    def next(self) -> Dict[str, Any]:
        """The next event: kind, id, document."""
        while True:
            head, separator, rest = self._text.partition(b"\n\n")
            if separator:
                self._text = rest
                fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
                if "data" in fields:
                    return {"kind": fields["event"], "id": fields["id"], **json.loads(fields["data"])}
                continue
            data = self.response.read1(65536)
            assert data, "the stream has ended"
            self._text += self._unpack.decompress(data) if self._unpack else data

    def next_of(self, kind: str) -> Dict[str, Any]:
        while True:
            event = self.next()
            if event["kind"] == kind:
                return event

    def close(self) -> None:
        self.response.close()
        self.connection.close()
