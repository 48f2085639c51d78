"""The web server against clients that are slow, silent, hostile or many, over real sockets."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import gzip
import http.client
import json
import re
import socket
import ssl
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest
from flask import Flask, Response

from conectpy.errors import WebError
from conectpy.settings import WebSettings
from conectpy.web import connections, stream
from conectpy.web.server import WebServer
from tests.monitor import wait_until
from tests.web_plant import NORTH, PRESSURE, SOUTH, ZONE, Plant, running_plant

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with running_plant(tmp_path) as plant:
        plant.serve()
        yield plant


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


# -- requests ----------------------------------------------------------------------------------------------------------


def test_a_connection_serves_many_requests(plant: Plant) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(plant), timeout=10)
    connection.connect()
    sock = connection.sock
    for _ in range(20):
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())) == (200, {"status": "ok"})
    assert connection.sock is sock
    connection.close()


def test_requests_that_come_together_are_answered_in_turn(plant: Plant) -> None:
    keep = REQUEST.replace(b"Connection: close\r\n", b"")
    assert ask(plant, keep * 5 + REQUEST).count(b'{"status":"ok"}') == 6
    with connect(plant) as sock:  # the second one in pieces
        sock.sendall(keep + REQUEST[:10])
        wait_until(lambda: b"ok" in sock.recv(65536), "the first answer")
        sock.sendall(REQUEST[10:])
        assert b'{"status":"ok"}' in read_all(sock)


def test_a_request_byte_by_byte(plant: Plant) -> None:
    with connect(plant) as sock:
        for byte in REQUEST:
            sock.sendall(bytes([byte]))
        assert b'{"status":"ok"}' in read_all(sock)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\n\n", b"400"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", b"413"),
        (b"POST /data HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n", b"413"),
        (b"POST /data HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n", b"400"),
        (b"POST /data HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", b"400"),
        (b"POST /data HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", b"405"),
        (b"POST /data HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"405"),
        (b"GET / HTTP/3.0\r\n\r\n", b"505"),
    ],
)
def test_wrong_requests_get_an_answer_and_the_line_is_closed(plant: Plant, request_bytes: bytes, status: bytes) -> None:
    answer = ask(plant, request_bytes)
    assert answer.split(b" ", 2)[1] == status, answer[:200]
    assert b'{"status":"ok"}' in ask(plant)


def test_old_and_short_requests(plant: Plant) -> None:
    assert ask(plant, b"GET /healthz HTTP/1.0\r\n\r\n").endswith(b'{"status":"ok"}')
    answer = ask(plant, REQUEST.replace(b"GET", b"HEAD"))
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: 15" in answer


# -- slow and silent clients -------------------------------------------------------------------------------------------


def test_silent_connections_do_not_stop_the_page(plant: Plant) -> None:
    silent = [connect(plant) for _ in range(200)]
    half = [connect(plant) for _ in range(100)]
    for sock in half:
        sock.sendall(b"GET / HTTP/1.1\r\nHost:")
    for _ in range(10):
        assert get(plant, "/healthz")[0] == 200
    assert len(web_threads()) < 10
    for sock in silent + half:
        sock.close()


def test_one_address_cannot_hold_more_than_its_share(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "GRACE_S", 0.1)
    socks = [connect(plant) for _ in range(60)]

    def count_open() -> int:
        return sum(is_open(sock) for sock in socks)

    limit = plant.settings.web.connections_per_address
    wait_until(lambda: count_open() <= limit, "the surplus connections are closed", 10.0)
    assert is_open(socks[-1])
    assert get(plant, "/healthz")[0] == 200
    for sock in socks:
        sock.close()


def is_open(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_headers_have_a_deadline_however_they_drip(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_DEADLINE_S", 1.0)
    with connect(plant) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        answer = b""
        sock.settimeout(0.2)
        end_s = time.monotonic() + 15
        while not answer and time.monotonic() < end_s:
            with contextlib.suppress(socket.timeout):
                answer = sock.recv(1000)
            with contextlib.suppress(OSError):
                sock.sendall(b"X")
        assert b"408" in answer


def test_many_browsers_at_once(plant: Plant) -> None:
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda _: get(plant, "/data")[0], range(400)))
    assert statuses == [200] * 400


def test_a_client_that_does_not_read_holds_nobody_up(plant: Plant) -> None:
    with connect(plant) as sock:
        sock.sendall((REQUEST.replace(b"/healthz", b"/").replace(b"Connection: close\r\n", b"")) * 50)
        assert get(plant, "/healthz")[0] == 200


# -- the stream --------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "gzip"}])
def test_the_stream_starts_with_everything_and_goes_on_with_changes(plant: Plant, headers: Dict[str, str]) -> None:
    client = StreamClient(plant, headers)
    assert client.response.headers["Content-Type"].startswith("text/event-stream")
    first = client.next()
    assert first["kind"] == "snapshot"
    assert first["data"][SOUTH][PRESSURE.tag]["label"] == PRESSURE.label
    plant.scan(NORTH, {PRESSURE.tag: 8.5})
    change = client.next_of("change")
    assert change["data"][NORTH][PRESSURE.tag]["value"] == 8.5
    assert SOUTH not in change["data"]
    plant.cut(NORTH, "gone")
    change = client.next_of("change")
    assert change["data"][NORTH]["_meta"]["quality"] == "DOWN"
    assert change["data"][NORTH][PRESSURE.tag]["quality"] == "STALE"
    client.close()


def test_a_stream_goes_on_where_it_was_cut(plant: Plant) -> None:
    client = StreamClient(plant)
    last_id = client.next()["id"]
    client.close()
    plant.scan(NORTH, {PRESSURE.tag: 7.0})
    client = StreamClient(plant, {"Last-Event-ID": last_id})
    event = client.next()
    assert event["kind"] == "change"
    assert list(event["data"]) == [NORTH]
    client.close()
    for unknown in ("", "nonsense", "other-5", last_id + "9999", "٣"):
        client = StreamClient(plant, {"Last-Event-ID": unknown.encode("utf-8").decode("latin-1")})
        assert client.next()["kind"] == "snapshot"
        client.close()


def test_a_quiet_stream_says_that_it_lives(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PING_S", 0.3)
    client = StreamClient(plant)
    client.next()
    assert client.next()["kind"] == "ping"
    client.close()


def test_many_streams_need_no_threads(plant: Plant) -> None:
    clients = [StreamClient(plant) for _ in range(120)]
    for client in clients:
        assert client.next()["kind"] == "snapshot"
    assert len(web_threads()) < 12
    plant.scan(NORTH, {PRESSURE.tag: 1.25})
    for client in clients:
        assert client.next_of("change")["data"][NORTH][PRESSURE.tag]["value"] == 1.25
    assert get(plant, "/healthz")[0] == 200
    for client in clients:
        client.close()
    hub = plant.app.extensions["conectpy"].hub

    def none_is_left() -> bool:
        plant.scan(NORTH, {PRESSURE.tag: time.monotonic()})  # a client that has left is noticed at the next message
        return hub.count == 0

    wait_until(none_is_left, "all places are free again", 15.0, every_s=0.3)


def test_too_many_streams_are_told_to_come_back(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_STREAMS", 2)
    clients = [StreamClient(plant) for _ in range(2)]
    status, headers, body = get(plant, "/api/stream")
    assert (status, headers["Content-Type"]) == (503, "application/problem+json")
    assert int(headers["Retry-After"]) > 0
    assert json.loads(body)["status"] == 503
    for client in clients:
        client.close()


def test_a_stream_ends_in_time_so_that_the_browser_comes_back(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LIFETIME_S", 0.5)
    client = StreamClient(plant)
    client.next()
    assert client.response.read() is not None  # a proper end, no reset
    client.close()


def test_a_client_that_reads_slowly_gets_the_newest_in_the_end(plant: Plant) -> None:
    with connect(plant) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(b"GET /api/stream HTTP/1.0\r\n\r\n")
        for number in range(50):
            plant.scan(NORTH, {PRESSURE.tag: float(number)})
        found = b""
        end_s = time.monotonic() + 15
        while not re.search(rb'"value": ?49\.0', found) and time.monotonic() < end_s:
            found += sock.recv(512)
        assert re.search(rb'"value": ?49\.0', found)


# -- starting and stopping ---------------------------------------------------------------------------------------------


def test_it_stops_quickly_with_streams_and_silent_clients(tmp_path: Path) -> None:
    with running_plant(tmp_path) as plant:
        plant.serve()
        clients = [StreamClient(plant) for _ in range(20)]
        for client in clients:
            client.next()
        silent = [connect(plant) for _ in range(20)]
        started_s = time.monotonic()
        plant.stop_web()
        assert time.monotonic() - started_s < 3.0
        for client in clients:
            client.response.read()
            client.close()
        for sock in silent:
            sock.close()
        wait_until(lambda: not web_threads(), "no thread is left")


def test_it_stops_while_a_request_hangs(tmp_path: Path) -> None:
    with running_plant(tmp_path) as plant:
        hang = threading.Event()
        started = threading.Event()

        @plant.app.get("/hang")
        def hanging() -> Response:
            started.set()
            hang.wait(20)
            return Response("late")

        plant.serve()
        with connect(plant) as sock:
            sock.sendall(REQUEST.replace(b"/healthz", b"/hang"))
            assert started.wait(5)
            started_s = time.monotonic()
            plant.stop_web()
            assert time.monotonic() - started_s < 3.0
        hang.set()
        wait_until(lambda: not web_threads(), "no thread is left")


def test_a_port_in_use_is_one_clear_line(plant: Plant) -> None:
    second = WebServer(plant.app, WebSettings(port=port_of(plant)))
    with pytest.raises(WebError, match=rf"127\.0\.0\.1:{port_of(plant)}.*in use.*--port") as caught:
        second.bind()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"host": "no.such.host.invalid"}, "no such host: no.such.host.invalid"),
        ({"host": "192.0.2.1"}, "cannot listen on 192.0.2.1:0"),
        ({"tls_certificate": "missing.pem", "tls_key": "missing.key"}, "web.tls_certificate: cannot read missing.pem"),
        ({"tls_certificate": __file__, "tls_key": __file__}, "no certificate and unencrypted key"),
    ],
)
def test_what_cannot_be_started_says_why(tmp_path: Path, settings: Dict[str, Any], text: str) -> None:
    with running_plant(tmp_path) as plant, pytest.raises(WebError) as caught:
        WebServer(plant.app, WebSettings(**{"port": 0, **settings})).bind()
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Tuple[str, str]:
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.fixture
def tls_plant(tmp_path: Path, certificate: Tuple[str, str]) -> Iterator[Plant]:
    web = WebSettings(port=0, tls_certificate=certificate[0], tls_key=certificate[1], timezone=ZONE)
    with running_plant(tmp_path, web=web) as plant:
        plant.serve()
        yield plant


def tls_get(plant: Plant, certificate: str, path: str) -> Tuple[int, bytes]:
    trust = ssl.create_default_context(cafile=certificate)
    connection = http.client.HTTPSConnection("localhost", port_of(plant), timeout=10, context=trust)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_https_with_silent_clients_around(tls_plant: Plant, certificate: Tuple[str, str]) -> None:
    silent = [connect(tls_plant) for _ in range(100)]
    broken = [connect(tls_plant) for _ in range(10)]
    for sock in broken:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01")  # a handshake that stops in its first record
    started_s = time.monotonic()
    status, body = tls_get(tls_plant, certificate[0], "/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    assert time.monotonic() - started_s < 5.0
    assert tls_plant.server is not None
    assert tls_plant.server.url.startswith("https://localhost:")
    for sock in silent + broken:
        sock.close()


def test_https_keeps_connections_and_streams(tls_plant: Plant, certificate: Tuple[str, str]) -> None:
    trust = ssl.create_default_context(cafile=certificate[0])
    connection = http.client.HTTPSConnection("localhost", port_of(tls_plant), timeout=10, context=trust)
    for _ in range(5):
        connection.request("GET", "/", headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        assert b"conectpy" in gzip.decompress(response.read())
    connection.request("GET", "/api/stream")
    response = connection.getresponse()
    text = b""
    while b"event: snapshot" not in text:
        text += response.read1(65536)
    tls_plant.scan(NORTH, {PRESSURE.tag: 4.75})
    while b'"value":4.75' not in text:
        text += response.read1(65536)
    connection.close()


def test_plain_http_on_the_https_port_is_told_so(tls_plant: Plant) -> None:
    assert b"HTTPS only" in ask(tls_plant)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a second loopback address")
def test_requests_of_one_address_do_not_hold_up_another(tmp_path: Path) -> None:
    web = WebSettings(port=0, host="0.0.0.0", connections_per_address=4, threads=8)
    with running_plant(tmp_path, web=web) as plant:
        hang = threading.Event()

        @plant.app.get("/hang")
        def hanging() -> Response:
            hang.wait(20)
            return Response("late")

        plant.serve()
        greedy = [socket.create_connection(("127.0.0.1", port_of(plant)), 5, ("127.0.0.2", 0)) for _ in range(10)]
        for sock in greedy:
            sock.sendall(REQUEST.replace(b"/healthz", b"/hang"))
        assert b'{"status":"ok"}' in ask(plant)
        hang.set()
        assert sum(b"late" in read_all(sock) for sock in greedy) == 10
        for sock in greedy:
            sock.close()


def test_the_application_works_on_other_servers_too(tmp_path: Path) -> None:
    with running_plant(tmp_path) as plant:
        app: Flask = plant.app
        response = app.test_client().get("/api/stream", buffered=False)
        pieces = iter(response.response)
        text = bytes(next(pieces))  # type: ignore[arg-type]
        assert re.search(rb"event: snapshot\ndata: \{", text)
        response.close()
        assert plant.app.extensions["conectpy"].hub.count == 0
