"""The web server against clients that are slow, silent, hostile or many, over real sockets."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from flask import Response

from conectpy.errors import WebError
from conectpy.serving import http_connections as connections
from conectpy.serving.server import WebServer
from conectpy.settings.types import WebSettings
from conectpy.web import hub_of
from tests.monitor import wait_until
from tests.web_clients import REQUEST, StreamClient, ask, connect, get, port_of, read_all, web_threads
from tests.web_plant import Plant, running_plant


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with running_plant(tmp_path) as plant:
        plant.serve()
        yield plant


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
    second = WebServer(plant.app, hub_of(plant.app), WebSettings(port=port_of(plant)))
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
        WebServer(plant.app, hub_of(plant.app), WebSettings(**{"port": 0, **settings})).bind()
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


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
        greedy = []
        for _ in range(10):  # at once: a surplus connection that stays silent is closed after a second
            greedy.append(socket.create_connection(("127.0.0.1", port_of(plant)), 5, ("127.0.0.2", 0)))
            greedy[-1].sendall(REQUEST.replace(b"/healthz", b"/hang"))
        assert b'{"status":"ok"}' in ask(plant)
        hang.set()
        assert sum(b"late" in read_all(sock) for sock in greedy) == 10
        for sock in greedy:
            sock.close()
