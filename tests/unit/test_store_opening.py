"""Opening a database: what is taken, what is refused and left as it was, what is kept aside."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from conectpy.errors import StoreError
from conectpy.events.database import SCHEMA_VERSION, make_uri
from conectpy.events.place import find_share_in_mounts
from conectpy.events.reader import EventQuery

from .test_store import WAIT_S, make_store, opens, path, rows

__all__ = ["path"]


def store_one(path: Path, tag: str = "P1") -> None:
    store = make_store(path)
    store.open()
    store.record([opens(1, tag)])
    assert store.stop(WAIT_S)


def assert_refused(path: Path, match: str) -> str:
    store = make_store(path)
    with pytest.raises(StoreError, match=match) as caught:
        store.open()
    assert store.stop(WAIT_S)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    return text


@pytest.mark.parametrize("name", ["plain.sqlite3", "with blank ?#%41&mode=ro.db", "ñandú 東京.sqlite3"])
def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    if sys.platform == "win32" and "?" in name:
        pytest.skip("Windows has no such names")
    path = tmp_path / name
    store_one(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [name, f"{name}.witness"]
    store_one(path, "P2")
    assert [tag for tag, _, _ in rows(path)] == ["P1", "P2"]


def test_the_uri_of_a_path_is_quoted() -> None:
    assert make_uri("/data/a b?c#d%.db", "ro").endswith("/data/a%20b%3Fc%23d%25.db?mode=ro")


@pytest.mark.parametrize("content", [b"", b"\x00" * 0])
def test_an_empty_file_is_a_new_database(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    store_one(path)
    assert len(rows(path)) == 1


def test_a_newer_version_is_refused_and_untouched(path: Path) -> None:
    store_one(path)
    with closing(sqlite3.connect(str(path))) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.read_bytes()
    assert_refused(path, "newer")
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}.witness"]


@pytest.mark.parametrize(
    "content",
    [
        b"not a database, but a text",
        b"-- dump\nCREATE TABLE events (plc_ip TEXT, start_ts TEXT);\n",
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 5000,
        b"SQLite format 3\x00 but nothing else",
        b"x",
    ],
)
def test_no_database_is_refused_and_untouched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert_refused(path, "left as it is")
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE customers (id INTEGER, name TEXT)",
        "CREATE TABLE events (id INTEGER, title TEXT)",
        "CREATE VIEW events AS SELECT 1 AS id",
    ],
)
def test_another_programs_database_is_refused_and_untouched(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(str(path))) as connection:
        connection.execute(sql)
    before = path.read_bytes()
    assert_refused(path, "left as it is")
    assert path.read_bytes() == before


def test_a_folder_a_missing_folder_and_read_only_places_are_one_clear_line(tmp_path: Path) -> None:
    assert_refused(tmp_path, "is a folder")
    assert "create it" in assert_refused(tmp_path / "missing" / "events.sqlite3", "does not exist")
    path = tmp_path / "events.sqlite3"
    store_one(path)
    os.chmod(path, 0o444)
    assert_refused(path, "read-only")
    os.chmod(path, 0o644)
    if os.name == "posix":
        os.chmod(tmp_path, 0o555)
        try:
            assert_refused(path, "cannot be written")
        finally:
            os.chmod(tmp_path, 0o755)


def test_a_second_collector_is_refused_and_readers_are_not(path: Path) -> None:
    first = make_store(path)
    first.open()
    first.start()
    first.record([opens(1)])
    assert first.flush(WAIT_S)
    assert f"process {os.getpid()}" in assert_refused(path, "in use by another collector")
    assert len(rows(path)) == 1
    assert first.stop(WAIT_S)
    store_one(path, "P2")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_second_collector_by_another_name_of_the_file_is_refused(path: Path) -> None:
    link = path.parent / "link.sqlite3"
    link.symlink_to(path)
    first = make_store(path)
    first.open()
    second = make_store(link)
    with pytest.raises(StoreError, match="in use"):
        second.open()
    assert second.stop(WAIT_S)
    assert first.stop(WAIT_S)


def test_network_shares_are_known_by_their_mounts() -> None:
    mounts = (
        "/dev/sda1 / ext4 rw 0 0\n"
        "srv:/x /mnt/plant\\040data nfs4 rw 0 0\n"
        "//srv/y /mnt/win cifs rw 0 0\n"
        "x /mnt/win/local ext4 rw 0 0\n"
        "me@srv: /home/me/far fuse.sshfs rw 0 0\n"
    )
    found = [
        find_share_in_mounts(folder, mounts)
        for folder in ("/var/data", "/mnt/plant data/a", "/mnt/win", "/mnt/win/local/a", "/mnt/windows", "/home/me/far")
    ]
    assert found == [None, "nfs4", "cifs", None, None, "fuse.sshfs"]


def test_a_corrupt_file_is_kept_aside_and_a_new_one_started(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store_one(path)
    data = bytearray(path.read_bytes())
    data[200:] = b"\xa5" * (len(data) - 200)
    path.write_bytes(bytes(data))
    store = make_store(path)
    store.open()
    store.start()
    store.record([opens(1, "P2")])
    assert store.flush(WAIT_S)
    assert [event.tag for event in store.reader().events(EventQuery())] == ["P2"]
    (note,) = store.health()["notes"]
    assert store.stop(WAIT_S)
    (aside,) = path.parent.glob("events.sqlite3.corrupt-*")
    assert aside.read_bytes() == bytes(data)
    assert str(aside) in note
    assert note in caplog.messages


@pytest.mark.parametrize("damage", [slice(0, 100), slice(0, 16), slice(16, 24), slice(100, 108)])
def test_a_damaged_header_of_ours_is_kept_aside(path: Path, damage: slice) -> None:
    store_one(path)
    data = bytearray(path.read_bytes())
    data[damage] = b"\xff" * (damage.stop - damage.start)
    path.write_bytes(bytes(data))
    store_one(path, "P2")
    assert [tag for tag, _, _ in rows(path)] == ["P2"]
    assert len(list(path.parent.glob("events.sqlite3.corrupt-*"))) == 1


def test_a_truncated_file_is_kept_aside(path: Path) -> None:
    store_one(path)
    path.write_bytes(path.read_bytes()[:-4096])
    store_one(path, "P2")
    assert [tag for tag, _, _ in rows(path)] == ["P2"]


def test_a_dump_that_was_read_in_again_is_taken_in_with_its_open_rows_settled(path: Path, tmp_path: Path) -> None:
    store_one(path)
    copy = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(str(path))) as old, closing(sqlite3.connect(str(copy))) as connection, connection:
        connection.executescript("".join(old.iterdump()))
        connection.execute("DROP INDEX events_open")
        columns = "plc_ip, plc_name, tag, tag_label, start_ts, created_at, uid, start_quality"
        connection.execute(f"INSERT INTO events ({columns}) SELECT {columns} FROM events")
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    store = make_store(copy)
    store.open()
    store.record([opens(5, "P3")])
    assert store.stop(WAIT_S)
    assert [end is None for _, _, end in rows(copy)] == [False, True, True]


def test_a_copy_without_its_primary_key_is_refused(path: Path, tmp_path: Path) -> None:
    store_one(path)
    copy = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(str(copy))) as connection:
        connection.execute("ATTACH ? AS old", (str(path),))
        connection.execute("CREATE TABLE events AS SELECT * FROM old.events")
        connection.commit()
    assert_refused(copy, "primary key")


def test_rows_of_others_are_found_by_tag(path: Path) -> None:
    store_one(path)
    with closing(sqlite3.connect(str(path))) as connection, connection:
        connection.executemany(
            "INSERT INTO events (plc_ip, plc_name, tag, tag_label, start_ts, end_ts, created_at, uid, start_quality)"
            " VALUES (?, 'North', ?, 'x', '2026-01-01T00:00:00.000Z', '2026-01-01T00:01:00.000Z', '', 'u', 'sampled')",
            [(plc, tag) for plc in ("10.0.0.7", "10.0.0.8") for tag in ("A", "B")],
        )
    store = make_store(path)
    store.open()
    reader = store.reader()
    assert [event.plc_ip for event in reader.events(EventQuery(tag="B"))] == ["10.0.0.8", "10.0.0.7"]
    assert len(reader.events(EventQuery(plc="North"))) == 4
    assert store.stop(WAIT_S)
