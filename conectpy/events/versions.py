"""The versions of the event file, and the steps from each to the next. What has shipped does not change any more.

`schema_<version>.sql` is what a new file of that version holds.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Optional

from .database import APPLICATION_ID, connect_without_trace, find_version, schema_statements
from .ladder import Ladder, Step, check_climb, climb
from .legacy_files import rebuild, settle_open_rows
from .revisions import renew_meta

NEW_IN_2 = {
    "rev": "INTEGER NOT NULL DEFAULT 0",
    "duration_s": "REAL",
    "start_device_ts": "TEXT",
    "end_device_ts": "TEXT",
}


def migrate(path: str, timezone_name: Optional[str]) -> Optional[str]:
    """Bring an event file of an older version up to date. Returns the name of the backup copy; None: it is already.

    `timezone_name`: of the local times in files from before versions; None: the machine's. Raises StoreError.
    """
    return climb(path, _ladder(path, timezone_name))


def check_migration(path: str) -> None:
    """Raises StoreError when the disk has no room for `migrate`, sqlite3.Error when the file cannot be read now."""
    with closing(connect_without_trace(path)) as connection:
        check_climb(path, _ladder(path, None), connection)


def _ladder(path: str, timezone_name: Optional[str]) -> Ladder:
    """The room of each step was measured on files of a million rows."""
    steps = (
        Step(1, lambda connection: rebuild(connection, path, timezone_name), room=4.0),
        Step(2, add_revisions, room=2.0),
    )
    return Ladder(APPLICATION_ID, steps, find_version)


def add_revisions(connection: sqlite3.Connection) -> None:
    """1 -> 2: numbers for all rows, in the order of their ids; places for durations and device times; gaps; names.

    A file that was version 2 before, and was written by an older program since, has all that, but its numbers say
    nothing any more: its rows get new ones, above the old, in a new epoch.
    """
    present = {str(row[1]) for row in connection.execute("PRAGMA table_info(events)")}
    for name in NEW_IN_2:
        if name in present:
            continue
        connection.execute(f"ALTER TABLE events ADD COLUMN {name} {NEW_IN_2[name]}")
    for name in ("events_by_rev", "events_by_tag"):
        connection.execute(f"DROP INDEX IF EXISTS {name}")
    statements = schema_statements(2)
    connection.execute(next(sql for sql in statements if "events_by_tag" in sql))
    settle_open_rows(connection)  # a copy made by a tool that left the indexes out may have two open rows of a tag
    for sql in statements:
        connection.execute(sql)
    renew_meta(connection)
