"""Files from before schema versions: a backup, then every row in today's table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import pytest

from conectpy.errors import StoreError
from conectpy.events.database import inspect
from conectpy.events.reader import EventQuery, EventReader
from conectpy.events.versions import migrate

OLD_TABLE = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, plc_ip TEXT NOT NULL, plc_name TEXT, tag TEXT NOT NULL, tag_label TEXT,
    start_ts TEXT NOT NULL, end_ts TEXT, created_at TEXT
)"""
ZONE = "Europe/Madrid"


def make_old(path: Path, rows: Sequence[Tuple[Any, ...]], more_sql: Sequence[str] = ()) -> None:
    """rows: (id, tag, start, end)"""
    with closing(sqlite3.connect(str(path))) as connection, connection:
        connection.execute(OLD_TABLE)
        for event_id, tag, start, end in rows:
            values = (event_id, "10.0.0.1", "Costa", tag, f"Label {tag}", start, end, start)
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        for sql in more_sql:
            connection.execute(sql)


def read(path: Path, sql: str) -> List[Tuple[Any, ...]]:
    with closing(sqlite3.connect(str(path))) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite3"


def test_rows_ids_and_open_events_are_kept_and_times_become_utc(path: Path) -> None:
    make_old(
        path,
        [
            (3, "P1", "2026-01-10 08:00:00", "2026-01-10 09:00:00"),
            (7, "P2", "2026-07-10 08:00:00.250", "2026-07-10 08:00:01.5"),
            (9, "P1", "2026-07-11 08:00:00", None),
            (12, "P3", "2026-07-12 08:00:00", ""),
        ],
    )
    before = path.read_bytes()
    assert inspect(str(path)) == "legacy"
    backup = Path(migrate(str(path), ZONE))
    assert backup.parent == path.parent
    assert backup.name.startswith("events.sqlite3.backup-")
    assert read(backup, "SELECT id, tag, start_ts, end_ts FROM events")[1] == (
        7,
        "P2",
        "2026-07-10 08:00:00.250",
        "2026-07-10 08:00:01.5",
    )
    assert len(before) == backup.stat().st_size
    assert inspect(str(path)) == "current"
    assert read(
        path, "SELECT id, tag, start_ts, end_ts, start_quality, end_quality, flags FROM events ORDER BY id"
    ) == [
        (3, "P1", "2026-01-10T07:00:00.000Z", "2026-01-10T08:00:00.000Z", "sampled", "sampled", ""),
        (7, "P2", "2026-07-10T06:00:00.250Z", "2026-07-10T06:00:01.500Z", "sampled", "sampled", ""),
        (9, "P1", "2026-07-11T06:00:00.000Z", None, "sampled", None, ""),
        (12, "P3", "2026-07-12T06:00:00.000Z", None, "sampled", None, ""),
    ]
    memory = EventReader(str(path)).memory("10.0.0.1")
    assert set(memory.open_since) == {"P1", "P3"}
    assert memory.states["P2"].value is False
    assert memory.states["P1"].good_utc == datetime(2026, 7, 11, 6, tzinfo=timezone.utc)


def test_the_hour_that_comes_twice(path: Path) -> None:
    make_old(
        path,
        [
            (1, "P1", "2026-10-25 02:40:00", "2026-10-25 02:10:00"),  # over the change
            (2, "P1", "2026-10-25 02:20:00", "2026-10-25 02:30:00"),  # after row 1, so in the second hour
            (3, "P1", "2026-10-25 03:00:00", "2026-10-25 03:00:01"),
        ],
    )
    migrate(str(path), ZONE)
    assert read(path, "SELECT substr(start_ts, 12, 5), substr(end_ts, 12, 5), flags FROM events ORDER BY id") == [
        ("00:40", "01:10", ""),
        ("01:20", "01:30", ""),
        ("02:00", "02:00", ""),
    ]


def test_no_duration_is_negative(path: Path) -> None:
    make_old(path, [(1, "P1", "2026-01-10 08:00:00", "2026-01-10 07:00:00")])
    migrate(str(path), ZONE)
    assert read(path, "SELECT start_ts = end_ts, flags FROM events") == [(1, "clock_step")]


def test_e3_older_open_rows_of_a_tag_end_uncertain_before_the_next(path: Path) -> None:
    make_old(
        path,
        [
            (1, "P1", "2026-01-10 08:00:00", None),
            (2, "P1", "2026-01-10 09:00:00", "2026-01-10 09:30:00"),
            (3, "P1", "2026-01-10 10:00:00", None),
            (4, "P1", "2026-01-10 10:00:00", None),
            (5, "P2", "2026-01-10 10:00:00", None),
        ],
    )
    migrate(str(path), "UTC")
    columns = "substr(end_ts, 12, 5), substr(end_earliest_ts, 12, 5), end_quality"
    assert read(path, f"SELECT id, {columns} FROM events ORDER BY id") == [
        (1, "09:00", "08:00", "gap"),
        (2, "09:30", None, "sampled"),
        (3, "10:00", "10:00", "gap"),
        (4, None, None, None),
        (5, None, None, None),
    ]


def test_what_cannot_be_read_is_kept(path: Path) -> None:
    make_old(
        path,
        [
            (1, "P1", "2026-01-10 08:00:00", "soon"),
            (2, "P2", "yesterday", "2026-01-10 09:30:00"),
            (3, "P3", "garbage", None),
            (4, "P3", "2026/1/10 9:05", "2026-01-10T10:30:00+01:00"),
            (5, "P4", 1768035600, "2026-02-30 10:00:00"),
        ],
    )
    migrate(str(path), "UTC")
    assert read(path, "SELECT * FROM legacy_texts") == [
        (1, "2026-01-10 08:00:00", "soon", "2026-01-10 08:00:00"),
        (2, "yesterday", "2026-01-10 09:30:00", "yesterday"),
        (3, "garbage", None, "garbage"),
        (5, "1768035600", "2026-02-30 10:00:00", "1768035600"),
    ]
    assert read(path, "SELECT id, substr(start_ts, 12, 5), substr(end_ts, 12, 5), flags FROM events ORDER BY id") == [
        (1, "08:00", "08:00", "unreadable"),
        (2, "09:30", "09:30", "unreadable"),
        (3, "08:00", "09:05", "unreadable"),
        (4, "09:05", "09:30", ""),
        (5, "09:05", "09:05", "unreadable"),
    ]
    assert len(EventReader(str(path)).events(EventQuery())) == 5


def test_other_tables_views_indexes_and_columns_stay(path: Path) -> None:
    make_old(
        path,
        [(1, "P1", "2026-01-10 08:00:00", None)],
        [
            "CREATE TABLE notes (event_id INTEGER, text TEXT)",
            "INSERT INTO notes VALUES (1, 'checked')",
            "CREATE VIEW running AS SELECT plc_name, tag FROM events WHERE end_ts IS NULL",
            "CREATE INDEX by_label ON events (tag_label)",
            'ALTER TABLE events ADD COLUMN "shift boss" TEXT',
            "UPDATE events SET \"shift boss\" = 'Ana'",
        ],
    )
    migrate(str(path), "UTC")
    assert read(path, "SELECT * FROM notes") == [(1, "checked")]
    assert read(path, "SELECT * FROM running") == [("Costa", "P1")]
    assert read(path, 'SELECT "shift boss" FROM events') == [("Ana",)]
    assert read(path, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'by_label'") == [(1,)]
    assert read(path, "PRAGMA integrity_check") == [("ok",)]


def test_overlapping_rows_are_still_found(path: Path) -> None:
    make_old(
        path,
        [
            (1, "P1", "2026-01-10 08:00:00", "2026-01-10 12:00:00"),
            (2, "P1", "2026-01-10 09:00:00", "2026-01-10 09:30:00"),
        ],
    )
    migrate(str(path), "UTC")
    query = EventQuery(from_utc=datetime(2026, 1, 10, 11, tzinfo=timezone.utc))
    assert [event.id for event in EventReader(str(path)).events(query)] == [1]


def test_a_locked_file_is_left_as_it_was(path: Path) -> None:
    make_old(path, [(1, "P1", "2026-01-10 08:00:00", None)])
    before = path.read_bytes()
    with closing(sqlite3.connect(str(path))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            migrate(str(path), "UTC")
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_unknown_zone_is_one_clear_line(path: Path) -> None:
    make_old(path, [])
    with pytest.raises(StoreError, match=r"^--legacy-timezone: no such time zone: Mars/Olympus"):
        migrate(str(path), "Mars/Olympus")
