"""The ladder of the event file: a small file of every version that ever shipped climbs, and comes down again."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from conectpy.errors import StoreError
from conectpy.events import event_file, place
from conectpy.events.columns import COLUMNS, COLUMNS_OF_VERSION
from conectpy.events.database import SCHEMA_VERSION, inspect
from conectpy.events.downgrade import downgrade
from conectpy.events.versions import migrate

from .test_store import WAIT_S, closes, make_store, opens

FILES = Path(__file__).resolve().parents[1] / "files"
VERSIONS = range(SCHEMA_VERSION + 1)


def copy_of(version: int, folder: Path, name: str = "events.sqlite3") -> Path:
    return Path(shutil.copy(str(FILES / f"events_v{version}.sqlite3"), str(folder / name)))


def read(path: Path, sql: str) -> List[Tuple[Any, ...]]:
    with closing(sqlite3.connect(str(path))) as connection:
        return connection.execute(sql).fetchall()


def listing(folder: Path) -> List[str]:
    return sorted(file.name for file in folder.iterdir())


def shape(path: Path) -> List[Tuple[Any, ...]]:
    """Columns and indexes, however they came to be."""
    found: List[Tuple[Any, ...]] = []
    for (table,) in read(path, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
        found += [(table, *row[1:4], row[5]) for row in read(path, f"PRAGMA table_info({table})")]
        for index in read(path, f"PRAGMA index_list({table})"):
            found.append((table, index[1:], tuple(row[2] for row in read(path, f"PRAGMA index_info({index[1]})"))))
    return sorted(found, key=str)


def test_there_is_a_file_of_every_version() -> None:
    for version in VERSIONS:
        path = FILES / f"events_v{version}.sqlite3"
        assert [row[1] for row in read(path, "PRAGMA table_info(events)")] == list(COLUMNS_OF_VERSION[version])
        assert read(path, "PRAGMA user_version") == [(version,)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_opens_with_every_row_and_goes_on(tmp_path: Path, version: int) -> None:
    path = copy_of(version, tmp_path)
    open_rows = "end_ts IS NULL AND id <> 7"  # that one, of before versions, is followed by a later one of its tag
    before = read(path, f"SELECT id, plc_ip, tag, {open_rows} FROM events ORDER BY id")
    store = make_store(path, "UTC")
    store.open()
    store.record([opens(100, "P7"), closes(101, "P7")])
    assert store.stop(WAIT_S)
    after = read(path, f"SELECT id, plc_ip, tag, {open_rows} FROM events WHERE tag <> 'P7' ORDER BY id")
    assert after == before
    assert read(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert read(path, "PRAGMA integrity_check") == [("ok",)]
    new = tmp_path / "new.sqlite3"
    fresh = make_store(new)
    fresh.open()
    assert fresh.stop(WAIT_S)
    assert shape(path) == shape(new)


def test_a_file_of_version_1_keeps_its_uids_and_gets_numbers_and_a_name(tmp_path: Path) -> None:
    path = copy_of(1, tmp_path)
    before = read(path, f"SELECT {', '.join(COLUMNS_OF_VERSION[1])} FROM events ORDER BY id")
    assert inspect(str(path)) == "older"
    backup = migrate(str(path), None)
    assert backup is not None
    assert read(path, f"SELECT {', '.join(COLUMNS_OF_VERSION[1])} FROM events ORDER BY id") == before
    assert read(path, "SELECT rev, duration_s, start_device_ts, end_device_ts FROM events ORDER BY id") == [
        (number, None, None, None) for number in range(1, len(before) + 1)
    ]
    meta = dict(read(path, "SELECT key, value FROM meta"))
    assert meta.keys() == {"file_id", "epoch", "rev", "made_by", "made_ts"}
    assert meta["rev"] == len(before)
    assert len(meta["file_id"]) == 36
    assert Path(backup).read_bytes()[100:] == (FILES / "events_v1.sqlite3").read_bytes()[100:]
    assert inspect(str(path)) == "current"
    assert migrate(str(path), None) is None


def test_rows_from_before_versions_get_the_same_uids_each_time(tmp_path: Path) -> None:
    first, second = copy_of(0, tmp_path, "a.sqlite3"), copy_of(0, tmp_path, "b.sqlite3")
    migrate(str(first), "America/Montevideo")
    with closing(sqlite3.connect(str(second))) as connection, connection:  # ended, and renamed, in the meantime
        connection.execute("UPDATE events SET end_ts = '2025-11-05 00:00:00', plc_name = 'X' WHERE end_ts IS NULL")
    migrate(str(second), "UTC")
    uids = read(first, "SELECT id, uid FROM events ORDER BY id")
    assert uids == read(second, "SELECT id, uid FROM events ORDER BY id")
    assert len({uid for _, uid in uids}) == 6
    assert uids[0][1][14] == "5"  # the UUID's version


def test_a_dump_of_version_1_is_known_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(str(FILES / "events_v1.sqlite3"))) as old:
        script = "".join(old.iterdump())
    with closing(sqlite3.connect(str(path))) as connection:
        connection.executescript(script)
    assert inspect(str(path)) == "older"
    migrate(str(path), None)
    assert len(read(path, f"SELECT {', '.join(COLUMNS)} FROM events")) == 5


def test_two_open_rows_of_a_tag_in_a_copy_without_indexes_are_settled_on_the_way(tmp_path: Path) -> None:
    path = copy_of(1, tmp_path)
    with closing(sqlite3.connect(str(path))) as connection, connection:
        connection.execute("DROP INDEX events_open")
        columns = "plc_ip, plc_name, tag, tag_label, start_ts, created_at, uid, start_quality"
        connection.execute(f"INSERT INTO events ({columns}) SELECT {columns} FROM events WHERE end_ts IS NULL")
    migrate(str(path), None)
    assert read(path, "SELECT COUNT(*), COUNT(DISTINCT plc_ip || tag) FROM events WHERE end_ts IS NULL") == [(2, 2)]


def test_a_stamped_file_that_has_lost_a_column_is_refused_untouched(tmp_path: Path) -> None:
    path = copy_of(0, tmp_path)
    with closing(sqlite3.connect(str(path))) as connection:
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA application_id = 1668182137")
    before = path.read_bytes()
    store = make_store(path)
    with pytest.raises(StoreError, match="lost the column end_earliest_ts"):
        store.open()
    assert store.stop(WAIT_S)
    assert path.read_bytes() == before


def test_too_little_room_is_said_before_anything_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copy_of(1, tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr(place, "free_bytes", lambda path: 50_000)
    store = make_store(path)
    with pytest.raises(StoreError, match="0 MB are free: free some space; nothing has been changed"):
        store.open()
    assert store.stop(WAIT_S)
    assert path.read_bytes() == before
    assert listing(tmp_path) == [path.name]


def test_scanning_starts_while_a_large_file_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_of(1, tmp_path)
    monkeypatch.setattr(event_file, "CLIMB_IN_HASTE_BYTES", 0)
    store = make_store(path)
    store.open()
    assert read(path, "PRAGMA user_version") == [(1,)]
    assert set(store.load_memory("10.0.0.1").open_since) == {"P1"}
    assert store.open_tags() == {("10.0.0.1", "P1"), ("10.0.0.2", "P3")}
    store.record([closes(100)])
    store.start()
    assert store.flush(WAIT_S)
    assert read(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert store.open_tags() == {("10.0.0.2", "P3")}
    assert store.health()["ok"]
    assert store.stop(WAIT_S)
    monkeypatch.setattr(place, "free_bytes", lambda path: 50_000)
    store = make_store(copy_of(1, tmp_path, "other.sqlite3"))
    with pytest.raises(StoreError, match="free some space"):
        store.open()
    assert store.stop(WAIT_S)


def test_a_step_that_fails_leaves_the_file_as_it_was_and_no_copy(tmp_path: Path) -> None:
    path = copy_of(1, tmp_path)
    with closing(sqlite3.connect(str(path))) as connection, connection:
        connection.execute("CREATE TABLE gaps (something TEXT)")
    before = read(path, "SELECT * FROM events")
    with pytest.raises(StoreError, match=r"could not be brought up to date, it is as it was: .*plc_ip"):
        migrate(str(path), None)
    assert read(path, "SELECT * FROM events") == before
    assert read(path, "PRAGMA user_version") == [(1,)]
    assert listing(tmp_path) == [path.name]


# -- down again --------------------------------------------------------------------------------------------------------


def test_a_copy_for_version_1_has_all_rows_and_the_source_stays(tmp_path: Path) -> None:
    path = copy_of(2, tmp_path)
    before = path.read_bytes()
    copy = Path(downgrade(str(path)))
    assert copy.name.startswith("events.sqlite3.version1-")
    assert path.read_bytes() == before
    assert listing(tmp_path) == [path.name, copy.name]
    assert read(copy, "PRAGMA user_version") == [(1,)]
    columns = ", ".join(COLUMNS_OF_VERSION[1])
    assert read(copy, f"SELECT {columns} FROM events") == read(path, f"SELECT {columns} FROM events")
    for table in ("tags", "plcs", "losses"):
        assert read(copy, f"SELECT * FROM {table}") == read(path, f"SELECT * FROM {table}")


def test_a_copy_that_version_1_wrote_into_comes_back_with_everything(tmp_path: Path) -> None:
    path = copy_of(2, tmp_path)
    names = dict(read(path, "SELECT key, value FROM meta"))
    copy = Path(downgrade(str(path), str(tmp_path / "old.sqlite3")))
    with closing(sqlite3.connect(str(copy))) as connection, connection:  # the statements of version 1
        connection.execute(
            "UPDATE events SET end_ts = ?, end_earliest_ts = ?, end_quality = ?, gap_count = ?, gap_s = ?, flags = ?"
            " WHERE plc_ip = ? AND tag = ? AND end_ts IS NULL",
            ("2026-03-01T07:00:50.000Z", "2026-03-01T07:00:49.000Z", "sampled", 0, 0.0, "", "10.0.0.1", "P1"),
        )
        connection.execute(
            "INSERT INTO events (plc_ip, plc_name, tag, tag_label, start_ts, end_ts, created_at, uid,"
            " start_earliest_ts, start_quality, end_earliest_ts, end_quality, gap_count, gap_s, flags)"
            " VALUES ('10.0.0.1', 'Costa', 'P9', 'P9', '2026-03-01T07:01:00.000Z', NULL, '', 'u', NULL, 'sampled',"
            " NULL, NULL, 0, 0.0, '')"
        )
    migrate(str(copy), None)
    rows = read(copy, "SELECT tag, rev, duration_s FROM events ORDER BY id")
    assert rows == [
        ("P1", 11, 4.0),
        ("P2", 12, None),
        ("P3", 13, None),
        ("@comm", 14, 12.0),
        ("P1", 15, None),
        ("P9", 16, None),
    ]
    assert read(copy, "SELECT tag, rev FROM gaps") == [("P4", 17)]
    meta = dict(read(copy, "SELECT key, value FROM meta"))
    assert (meta["file_id"], meta["rev"]) == (names["file_id"], 17)
    assert meta["epoch"] != names["epoch"]


def test_what_cannot_be_copied_for_version_1_is_said_in_one_line(tmp_path: Path) -> None:
    path = copy_of(2, tmp_path)
    with pytest.raises(StoreError, match="there is no such file"):
        downgrade(str(tmp_path / "missing.sqlite3"))
    with pytest.raises(StoreError, match="exists already"):
        downgrade(str(path), str(path))
    with pytest.raises(StoreError, match="its folder does not exist"):
        downgrade(str(path), str(tmp_path / "missing" / "copy.sqlite3"))
    for version in (0, 1):
        with pytest.raises(StoreError, match="needs no copy"):
            downgrade(str(copy_of(version, tmp_path, f"v{version}.sqlite3")))
    text = tmp_path / "text.sqlite3"
    text.write_text("not a database")
    with pytest.raises(StoreError, match="is no SQLite database"):
        downgrade(str(text))
    store = make_store(path)
    store.open()
    with pytest.raises(StoreError, match="in use by a collector"):
        downgrade(str(path))
    assert store.stop(WAIT_S)
    assert not list(tmp_path.glob("*.part"))
