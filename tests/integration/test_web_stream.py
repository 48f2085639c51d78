"""The live stream over real sockets: whole, resumed, slow, many, too many."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import Dict, Iterator

import pytest
from flask import Flask

from conectpy.serving import stream
from tests.monitor import wait_until
from tests.web_clients import StreamClient, connect, get, web_threads
from tests.web_plant import NORTH, PRESSURE, SOUTH, Plant, running_plant


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with running_plant(tmp_path) as plant:
        plant.serve()
        yield plant


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


def test_the_application_works_on_other_servers_too(tmp_path: Path) -> None:
    with running_plant(tmp_path) as plant:
        app: Flask = plant.app
        response = app.test_client().get("/api/stream", buffered=False)
        pieces = iter(response.response)
        text = bytes(next(pieces))  # type: ignore[arg-type]
        assert re.search(rb"event: snapshot\ndata: \{", text)
        response.close()
        assert plant.app.extensions["conectpy"].hub.count == 0
