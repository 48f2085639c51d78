"""Rows that somebody else put into `events` belong to tags and PLCs that queries must know of."""

from __future__ import annotations

import sqlite3

from .database import roll_back

FIND_TAGS = """
WITH RECURSIVE found (plc_ip, tag) AS (
    SELECT plc_ip, tag FROM (SELECT plc_ip, tag FROM events ORDER BY plc_ip, tag LIMIT 1)
    UNION ALL
    SELECT e.plc_ip, e.tag FROM found f JOIN events e ON e.id = COALESCE(
        (SELECT id FROM events WHERE plc_ip = f.plc_ip AND tag > f.tag ORDER BY tag LIMIT 1),
        (SELECT id FROM events WHERE plc_ip > f.plc_ip ORDER BY plc_ip, tag LIMIT 1)))
SELECT plc_ip, tag FROM found"""


def add_missing_tags(connection: sqlite3.Connection) -> None:
    """Put them into `tags` and `plcs`; a few index steps per tag. Raises sqlite3.Error."""
    found = set(connection.execute(FIND_TAGS).fetchall())
    missing = sorted(found - set(connection.execute("SELECT plc_ip, tag FROM tags").fetchall()))
    if missing:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("INSERT OR IGNORE INTO tags (plc_ip, tag) VALUES (?, ?)", missing)
            connection.executemany(
                "INSERT OR IGNORE INTO plcs SELECT plc_ip, plc_name, NULL FROM events WHERE plc_ip = ? LIMIT 1",
                sorted({(plc,) for plc, _ in missing}),
            )
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise
