"""What slow, leaving and greedy clients may cost, over real sockets."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import threading
import time
from pathlib import Path
from typing import Iterator, List

import pytest
from flask import Response, request

from conectpy.serving import paced_writer, stream
from conectpy.serving.stream import IS_GONE
from conectpy.settings.types import WebSettings
from tests.monitor import wait_until
from tests.web_clients import StreamClient, ask, connect, get, port_of, read_all
from tests.web_plant import Plant, running_plant

EXPORT = b"GET /events.csv HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
ROWS = 30_000


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with running_plant(tmp_path) as plant:
        plant.serve()
        yield plant


def fill(plant: Plant, rows: int = ROWS) -> None:
    """Many events at once, beside the store."""
    sql = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO events (plc_ip, plc_name, tag, tag_label, start_ts, end_ts, created_at, start_quality,"
        " end_quality, uid, rev) SELECT '192.168.11.10', 'Costa del Lago', 'P002_ST_SCADA', 'Bomba',"
        " strftime('%Y-%m-%dT%H:%M:%S.000Z', 1700000000 + i, 'unixepoch'),"
        " strftime('%Y-%m-%dT%H:%M:%S.500Z', 1700000000 + i, 'unixepoch'), '2026-01-01T00:00:00.000Z',"
        " 'sampled', 'sampled', 'u' || i, 1000 + i FROM n"
    )
    with contextlib.closing(sqlite3.connect(plant.settings.database.path)) as connection, connection:
        connection.execute(sql, (rows,))


def slow_reader(plant: Plant, source: str = "127.0.0.1") -> socket.socket:
    """A client that asks for an export and reads nothing of it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(30.0)
    sock.bind((source, 0))
    sock.connect(("127.0.0.1", port_of(plant)))
    sock.sendall(EXPORT)
    return sock


def exports_of(plant: Plant) -> int:
    count: int = plant.app.extensions["conectpy"].exports.count
    return count


def test_an_export_is_whole_and_gives_its_place_back(plant: Plant) -> None:
    fill(plant)
    for _ in range(6):
        status, _, body = get(plant, "/events.csv")
        assert (status, body.count(b"\r\n")) == (200, ROWS + 1)
    assert b"200 OK" in ask(plant, EXPORT.replace(b"GET", b"HEAD"))
    wait_until(lambda: exports_of(plant) == 0, "all places are free")


def test_many_slow_readers_of_exports_leave_room_for_all_others(plant: Plant) -> None:
    fill(plant)
    readers = [slow_reader(plant) for _ in range(96)]
    wait_until(lambda: exports_of(plant) == 2, "two exports of this address are under way")
    begun_s = time.monotonic()
    assert get(plant, "/healthz")[0] == 200
    assert time.monotonic() - begun_s < 5.0
    status, headers, body = get(plant, "/events.csv")
    assert (status, headers["Content-Type"]) == (503, "application/problem+json")
    assert int(headers["Retry-After"]) > 0
    assert b"web.exports_taken" in body
    for reader in readers:
        reader.close()
    wait_until(lambda: exports_of(plant) == 0, "those who left give their places back", 10.0)
    assert get(plant, "/events.csv")[0] == 200


def test_who_reads_too_slowly_is_cut(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced_writer, "GRACE_S", 0.5)
    fill(plant)
    with slow_reader(plant) as dripping:
        stop = threading.Event()

        def drip() -> None:
            with contextlib.suppress(OSError):
                while not stop.wait(0.1):
                    dripping.recv(512)  # always something, never enough

        reader = threading.Thread(target=drip, daemon=True)
        reader.start()
        wait_until(lambda: exports_of(plant) == 1, "the export is under way")
        wait_until(lambda: exports_of(plant) == 0, "the export is cut", 30.0)
        stop.set()
        reader.join(5.0)


def test_an_export_that_stops_early_looks_broken(tmp_path: Path) -> None:
    with running_plant(tmp_path) as plant:
        plant.serve()
        fill(plant)
        with slow_reader(plant) as sock:
            wait_until(lambda: exports_of(plant) == 1, "the export is under way")
            plant.stop_web()
            assert not read_all(sock).endswith(b"0\r\n\r\n")


def test_a_query_ends_when_its_client_has_left(plant: Plant) -> None:
    outcomes: List[str] = []
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0"

    @plant.app.get("/endless")
    def ask_endlessly() -> Response:
        with contextlib.closing(plant.store.reader().until(request.environ[IS_GONE])._connect()) as connection:
            outcomes.append("begun")
            try:
                connection.execute(endless)
            except sqlite3.OperationalError as exc:
                outcomes.append(str(exc))
        return Response()

    with connect(plant) as sock:
        sock.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: outcomes == ["begun"], "the query runs")
    wait_until(lambda: outcomes == ["begun", "interrupted"], "the query ends", 5.0)
    assert get(plant, "/healthz")[0] == 200


def test_one_address_cannot_take_all_streams(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_PER_ADDRESS", 3)
    clients = [StreamClient(plant) for _ in range(3)]
    assert get(plant, "/api/stream")[0] == 503
    with socket.create_connection(("127.0.0.1", port_of(plant)), 10, ("127.0.0.2", 0)) as other:
        other.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert other.recv(4096).startswith(b"HTTP/1.1 200")
    for client in clients:
        client.close()


def test_the_network_is_not_served_unprotected_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_plant(tmp_path, web=WebSettings(port=0, host="0.0.0.0")) as plant:
        plant.serve()
        assert "unprotected" in caplog.text
        answer = ask(plant, b"GET /healthz HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"web.trusted_hosts" in answer


def test_public_answers_name_no_folder(plant: Plant) -> None:
    path = Path(plant.settings.database.path)
    plant.health = (False, {"status": "failed", "store": {"path": str(path), "error": f"cannot read {path}: locked"}})
    _, _, health = get(plant, "/healthz")
    assert path.name.encode() in health
    assert str(path.parent).encode() not in health
    path.rename(path.with_suffix(".moved"))
    try:
        status, _, problem = get(plant, "/api/events")
    finally:
        path.with_suffix(".moved").rename(path)
    assert status == 503
    assert path.name.encode() in problem
    assert str(path.parent).encode() not in problem
