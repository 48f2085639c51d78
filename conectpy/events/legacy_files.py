"""Files of installations from before versions become version 1: the first step of the ladder.

Every row stays, with its id; a time that cannot be read gives way to the best one at hand, flagged `unreadable`, its
text in `legacy_texts`. The same file gives the same rows, with the same `uid`, however often it is migrated.
"""

from __future__ import annotations

import logging
import sqlite3
import time
import uuid
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from tzlocal import get_localzone

from ..errors import StoreError
from ..timestamps import EPOCH_UTC, ZoneInfo, ceil_text, to_text
from .columns import COLUMNS_OF_VERSION, LEGACY_COLUMNS
from .database import schema_statements
from .legacy_times import ORDER_SLACK, LegacyClock

log = logging.getLogger(__name__)

PROGRESS_S = 2.0
CHUNK_ROWS = 5000
NAMESPACE = uuid.UUID("6d1f3c0e-2f0b-5b0a-9d53-636e70790001")
"""Ours, for the `uid` of rows that never had one."""

INSERT = f"INSERT INTO events_migrating VALUES ({', '.join('?' for _ in COLUMNS_OF_VERSION[1])})"
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


def rebuild(connection: sqlite3.Connection, path: str, timezone_name: Optional[str]) -> None:
    """0 -> 1, within a transaction. `timezone_name`: of the local times; None: the machine's.

    Raises StoreError when there is no such zone, sqlite3.Error otherwise.
    """
    clock = LegacyClock(find_zone(timezone_name))
    text_factory, connection.text_factory = connection.text_factory, decode_old_text
    try:
        _rebuild(connection, path, clock)
    finally:
        connection.text_factory = text_factory


def find_zone(name: Optional[str]) -> Optional[tzinfo]:
    """The zone of the old times. None: the operating system's rules, where its zone has no name. Raises StoreError."""
    try:
        zone: tzinfo = get_localzone() if name is None else ZoneInfo(name)
    except (LookupError, ValueError, OSError) as exc:
        if name is None:
            return None
        raise StoreError(f"--legacy-timezone: no such time zone: {name} (for example America/Montevideo)") from exc
    return zone


def _rebuild(connection: sqlite3.Connection, path: str, clock: LegacyClock) -> None:
    own = "SELECT sql FROM sqlite_master WHERE tbl_name = 'events' AND type IN ('index', 'trigger') AND sql IS NOT NULL"
    kept_sql = [str(row[0]) for row in connection.execute(own)]
    more = _other_columns(connection)
    statements = schema_statements(1)
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
    done, reported_s = 0, time.monotonic()
    while True:
        chunk = list(islice(new_rows, CHUNK_ROWS))
        if not chunk:
            break
        connection.executemany(INSERT, chunk)
        done += len(chunk)
        if time.monotonic() - reported_s > PROGRESS_S or done == total:
            reported_s = time.monotonic()
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
            start_utc = min(filter(None, (created_utc, end_utc)), default=above_utc or EPOCH_UTC)
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
            _uid_of(event_id, plc, tag, start),
            None,
            "sampled",
            None,
            quality,
            0,
            0.0,
            ",".join(sorted(flags)),
        )


def _uid_of(event_id: Any, plc: Any, tag: Any, start: Any) -> str:
    """What tells a row from all others of its file, and stays when it ends or is given another name."""
    return str(uuid.uuid5(NAMESPACE, f"{event_id}\n{plc}\n{tag}\n{start}"))


def settle_open_rows(connection: sqlite3.Connection) -> None:
    """Make promise E3 true: an open row that a later row of its tag follows has ended before that one started.

    When it ended nobody saw: `gap`, between its own start and the later one's. Within a transaction.
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


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def decode_old_text(raw: bytes) -> str:
    """Old tools on Windows may have written their own code page."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
