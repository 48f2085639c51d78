"""Files of installations from before schema versions: a backup copy beside them, then the tables of today.

All of the change is one transaction, so a kill at any time leaves the old file or the new one. Every row stays, with
its id; a time that cannot be read gives way to the best one at hand, flagged `unreadable`, its text in `legacy_texts`.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import closing
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from tzlocal import get_localzone

from ..errors import StoreError
from ..files.held_file import remove, replace
from ..timestamps import UTC, ZoneInfo, to_text
from .database import (
    LEGACY_COLUMNS,
    connect_reader,
    describe,
    free_name,
    make_uri,
    roll_back,
    schema_statements,
    stamp_statements,
)
from .ledger import ceil_text, new_uid
from .legacy_times import ORDER_SLACK, LegacyClock

log = logging.getLogger(__name__)

PROGRESS_S = 2.0
CHUNK_ROWS = 5000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

INSERT = f"INSERT INTO events_migrating VALUES ({', '.join('?' * 16)})"
LATER_START = """
SELECT MIN(start_ts) FROM events
WHERE plc_ip = ?1 AND tag = ?2 AND flags NOT LIKE '%unreadable%' AND (start_ts, id) > (?3, ?4)"""
FILL_TAGS = """
INSERT OR IGNORE INTO tags (plc_ip, tag, value, good_ts, has_overlaps)
SELECT plc_ip, tag, MAX(end_ts IS NULL), MAX(COALESCE(end_ts, start_ts)), COALESCE(MAX(before_ts > start_ts), 0)
FROM (SELECT plc_ip, tag, start_ts, end_ts,
             MAX(end_ts) OVER (PARTITION BY plc_ip, tag ORDER BY start_ts, id
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_ts
      FROM events)
GROUP BY plc_ip, tag"""
FILL_PLCS = """
INSERT OR IGNORE INTO plcs (plc_ip, plc_name)
SELECT plc_ip, plc_name FROM (SELECT plc_ip, plc_name, MAX(start_ts) FROM events GROUP BY plc_ip)"""


def migrate(path: str, timezone_name: Optional[str]) -> str:
    """Bring the file up to date. Returns the name of the backup copy.

    Raises StoreError, with the file as it was, when that cannot be done now.
    """
    clock = LegacyClock(find_zone(timezone_name))
    connection = sqlite3.connect(make_uri(path, "rw"), uri=True, timeout=2.0, isolation_level=None)
    connection.text_factory = _decode
    with closing(connection):
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA legacy_alter_table=ON")  # views and triggers of others go by the name, as before
            connection.execute("BEGIN IMMEDIATE")
            backup = back_up(path)
            log.warning("%s: is from an earlier version; it is migrated, a copy of it is kept as %s", path, backup)
            _migrate(connection, path, clock)
            connection.execute("COMMIT")
        except sqlite3.Error as exc:
            roll_back(connection)
            raise StoreError(f"{path}: could not be migrated, it is as it was: {describe(exc)}") from exc
    return backup


def find_zone(name: Optional[str]) -> Optional[tzinfo]:
    """The zone of the old times. None: the operating system's rules, where its zone has no name. Raises StoreError."""
    try:
        zone: tzinfo = get_localzone() if name is None else ZoneInfo(name)
    except (LookupError, ValueError, OSError) as exc:
        if name is None:
            return None
        raise StoreError(f"--legacy-timezone: no such time zone: {name} (for example America/Montevideo)") from exc
    return zone


def back_up(path: str) -> str:
    """A consistent copy beside the file, complete or not there at all; its name."""
    name = free_name(path, "backup")
    part = f"{name}.part"
    try:
        with closing(connect_reader(path)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        replace(part, name)
    except BaseException:
        if os.path.exists(part):
            remove(part)
        raise
    return name


# -- the transaction ---------------------------------------------------------------------------------------------------


def _migrate(connection: sqlite3.Connection, path: str, clock: LegacyClock) -> None:
    own = "SELECT sql FROM sqlite_master WHERE tbl_name = 'events' AND type IN ('index', 'trigger') AND sql IS NOT NULL"
    kept_sql = [str(row[0]) for row in connection.execute(own)]
    more = _other_columns(connection)
    statements = schema_statements()
    connection.execute(statements[0].replace("IF NOT EXISTS events", "events_migrating", 1))
    _copy_rows(connection, path, clock)
    for name, kind in more:
        _keep_column(connection, name, kind)
    connection.execute("DROP TABLE events")
    connection.execute("ALTER TABLE events_migrating RENAME TO events")
    log.info("%s: migrating: indexes", path)
    connection.execute(next(sql for sql in statements if "events_by_tag" in sql))
    settle_open_rows(connection)
    for sql in statements:
        connection.execute(sql)
    connection.execute(FILL_TAGS)
    connection.execute(FILL_PLCS)
    for sql in kept_sql:
        try:
            connection.execute(sql)
        except sqlite3.Error as exc:
            log.warning("%s: left out of the migrated file: %s (%s)", path, sql, exc)
    for sql in stamp_statements():
        connection.execute(sql)


def _other_columns(connection: sqlite3.Connection) -> List[Tuple[str, str]]:
    columns = [(str(row[1]), str(row[2])) for row in connection.execute("PRAGMA table_info(events)")]
    return [column for column in columns if column[0] not in LEGACY_COLUMNS]


def _keep_column(connection: sqlite3.Connection, name: str, kind: str) -> None:
    """A column that somebody added stays, behind ours."""
    quoted = '"' + name.replace('"', '""') + '"'
    connection.execute(f"ALTER TABLE events_migrating ADD COLUMN {quoted} {kind}")
    connection.execute(
        f"UPDATE events_migrating SET {quoted} = (SELECT o.{quoted} FROM events o WHERE o.id = events_migrating.id)"
    )


def _copy_rows(connection: sqlite3.Connection, path: str, clock: LegacyClock) -> None:
    total, unique = connection.execute(
        "SELECT COUNT(*), COUNT(DISTINCT CASE WHEN typeof(id) = 'integer' THEN id END) FROM events"
    ).fetchone()
    number = "id" if total == unique else "ROW_NUMBER() OVER (ORDER BY rowid)"
    columns = ", ".join((number, *LEGACY_COLUMNS[1:]))
    order = "id" if total == unique else "rowid"
    old_rows = connection.execute(f"SELECT {columns} FROM events ORDER BY {order}")
    unreadable: List[Tuple[Any, ...]] = []
    new_rows = _convert(old_rows, clock, unreadable)
    done, told_s = 0, time.monotonic()
    while True:
        chunk = list(islice(new_rows, CHUNK_ROWS))
        if not chunk:
            break
        connection.executemany(INSERT, chunk)
        done += len(chunk)
        if time.monotonic() - told_s > PROGRESS_S or done == total:
            told_s = time.monotonic()
            log.info("%s: migrating: %d of %d rows", path, done, total)
    if unreadable:
        log.warning("%s: %d rows have a time that cannot be read; see the table legacy_texts", path, len(unreadable))
        connection.execute("CREATE TABLE legacy_texts (event_id INTEGER PRIMARY KEY, start_ts, end_ts, created_at)")
        connection.executemany("INSERT INTO legacy_texts VALUES (?, ?, ?, ?)", unreadable)


def _convert(
    old_rows: Iterator[Tuple[Any, ...]], clock: LegacyClock, unreadable: List[Tuple[Any, ...]]
) -> Iterator[Tuple[Any, ...]]:
    """Old rows, in the order in which they were written -> rows of today's table."""
    above_utc: Optional[datetime] = None
    for event_id, plc, name, tag, label, start, end, created in old_rows:
        flags = []
        not_before = above_utc - ORDER_SLACK if above_utc else None
        start_utc = clock.to_utc(start, not_before)
        created_utc = start_utc if created == start else clock.to_utc(created, not_before)
        is_open = end is None or end == ""
        end_utc = None if is_open else clock.to_utc(end, start_utc)
        if start_utc is None or (end_utc is None and not is_open):
            flags.append("unreadable")
            unreadable.append((event_id, start, end, created))
        if start_utc is None:
            start_utc = min(filter(None, (created_utc, end_utc)), default=above_utc or EPOCH)
        else:
            above_utc = start_utc
        quality = None if is_open else "sampled"
        if not is_open and end_utc is None:  # it ended, nobody knows when: no claim that it lasted
            end_utc, quality = start_utc, "gap"
        if end_utc is not None and end_utc < start_utc:
            end_utc = start_utc
            flags.append("clock_step")
        yield (
            event_id,
            _text(plc),
            _text(name),
            _text(tag),
            _text(label),
            ceil_text(start_utc),
            None if end_utc is None else ceil_text(end_utc),
            to_text(created_utc or start_utc),
            new_uid(),
            None,
            "sampled",
            None,
            quality,
            0,
            0.0,
            ",".join(sorted(flags)),
        )


def settle_open_rows(connection: sqlite3.Connection) -> int:
    """Make promise E3 true: an open row that a later row of its tag follows has ended before that one started.

    When it ended nobody saw: `gap`, between its own start and the later one's. Returns how many; within a transaction.
    """
    open_rows: Sequence[Tuple[Any, ...]] = connection.execute(
        "SELECT plc_ip, tag, start_ts, id FROM events WHERE end_ts IS NULL ORDER BY plc_ip, tag, start_ts, id"
    ).fetchall()
    closed = []
    for row, following in zip(open_rows, [*open_rows[1:], None]):
        later_ts = connection.execute(LATER_START, row).fetchone()[0]
        if later_ts is None and following is not None and following[:2] == row[:2]:
            later_ts = following[2]
        if later_ts is not None:
            closed.append((later_ts, row[2], row[3]))
    connection.executemany(
        "UPDATE events SET end_ts = ?, end_earliest_ts = ?, end_quality = 'gap' WHERE id = ?", closed
    )
    if closed:
        log.warning(
            "%d open events were followed by later ones of their tag; they are closed as uncertain", len(closed)
        )
    return len(closed)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _decode(raw: bytes) -> str:
    """Old tools on Windows may have written their own code page."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
