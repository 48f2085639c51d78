"""The one counter of an event file, and what names the file: the table `meta`.

Every insert and update of a row that others follow takes the next number, within the transaction that writes the row.
There is one writer, so the order of the commits is the order of the numbers; a transaction that fails gives its back.
"""

from __future__ import annotations

import logging
import sqlite3
import uuid
from itertools import count
from typing import Any, Dict, NamedTuple, Sequence

from .. import __version__
from ..timestamps import to_text, utc_now
from .witness import MAX_REV, Witness

log = logging.getLogger(__name__)

NEWEST_REV = """
SELECT MAX(rev) FROM (SELECT MAX(rev) AS rev FROM events UNION ALL SELECT MAX(rev) FROM gaps)"""
ALL_ROWS = ("UPDATE events SET rev = next_rev()", "UPDATE gaps SET rev = next_rev()")
UNNUMBERED = tuple(f"{sql} WHERE rev <= 0" for sql in ALL_ROWS)


class Identity(NamedTuple):
    """`file_id` stays as long as the file; `epoch` is renewed when its counter cannot go on where others saw it."""

    file_id: str
    epoch: str


class Revisions:
    """The counter, as the writer uses it. One thread at a time."""

    def __init__(self, connection: sqlite3.Connection, witness: Witness) -> None:
        self._connection = connection
        self._witness = witness
        self._last = 0

    def take(self, number: int) -> count[int]:
        """The next numbers, for `number` rows, within a transaction. Raises sqlite3.Error."""
        self._last = read_rev(self._connection)
        first = self._last + 1
        if number:
            self._last += number
            self._witness.reserve(self._last)
            self._connection.execute("UPDATE meta SET value = ? WHERE key = 'rev'", (self._last,))
        return count(first)

    def confirm(self) -> None:
        """The transaction is durable."""
        self._witness.follow(self._last)


def read_rev(connection: sqlite3.Connection) -> int:
    """The last number that was given."""
    return int(connection.execute("SELECT value FROM meta WHERE key = 'rev'").fetchone()[0])


def read_identity(connection: sqlite3.Connection) -> Identity:
    """What names the file. Raises sqlite3.Error."""
    meta = _read_meta(connection)
    return Identity(str(meta["file_id"]), str(meta["epoch"]))


def complete_meta(connection: sqlite3.Connection) -> None:
    """Within a transaction: what is missing of the file's names is made up, a counter behind its rows is put right.

    Rows that somebody else put in, which have no number, get theirs. Writes nothing where all is well.
    """
    meta = _read_meta(connection)
    newest = connection.execute(NEWEST_REV).fetchone()[0]
    known = [rev for rev in (meta.get("rev"), newest) if isinstance(rev, int) and 0 <= rev < MAX_REV]
    wanted = {**_new_names(), **meta, "rev": max(known, default=0)}
    for key in wanted:
        if meta.get(key) != wanted[key]:
            put_meta(connection, key, wanted[key])
    _number(connection, UNNUMBERED)


def renew_meta(connection: sqlite3.Connection) -> None:
    """Within a transaction: all rows get new numbers, above those that were given before, in a new epoch."""
    names = _new_names()
    names.update({key: _read_meta(connection).get(key, names[key]) for key in ("file_id", "rev")})
    for key in names:
        put_meta(connection, key, names[key])
    _number(connection, ALL_ROWS)


def _new_names() -> Dict[str, Any]:
    made = {"made_by": f"conectpy {__version__}", "made_ts": to_text(utc_now())}
    return {"file_id": str(uuid.uuid4()), "epoch": str(uuid.uuid4()), **made, "rev": 0}


def _number(connection: sqlite3.Connection, statements: Sequence[str]) -> None:
    """Give rows the next numbers, in the order of their ids."""
    before = read_rev(connection)
    numbers = count(before + 1)
    connection.create_function("next_rev", 0, lambda: next(numbers))
    given = sum(connection.execute(sql).rowcount for sql in statements)
    if given:
        put_meta(connection, "rev", before + given)


def watch_over(connection: sqlite3.Connection, witness: Witness) -> bool:
    """Ask the witness whether this is an older copy that was put back; if so, the file gets a new epoch, and counts on
    above every number that was ever given. Returns whether it was. Outside of a transaction; raises sqlite3.Error.
    """
    rev = read_rev(connection)
    floor = witness.ask(read_identity(connection).file_id, rev)
    if floor is None:
        witness.reserve(rev)
        return False
    connection.execute("BEGIN IMMEDIATE")
    put_meta(connection, "epoch", str(uuid.uuid4()))
    put_meta(connection, "rev", floor)
    connection.execute("COMMIT")
    witness.reserve(floor + 1)
    witness.follow(floor)
    return True


def put_meta(connection: sqlite3.Connection, key: str, value: Any) -> None:
    """Write one row of `meta`; within a transaction."""
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))


def _read_meta(connection: sqlite3.Connection) -> Dict[str, Any]:
    return dict(connection.execute("SELECT key, value FROM meta").fetchall())
