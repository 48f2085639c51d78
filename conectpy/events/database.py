"""The event database as a file: what it is, opening it, keeping a damaged one aside. Knows no events.

One connection writes (`connect_writer`), and it alone commits and checkpoints; everything else reads through
`connect_reader`. Connections of two writers that checkpoint at the same time can corrupt a WAL file (SQLite before
3.51.3), and `synchronous=FULL` is what makes a commit survive a power cut.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import struct
from pathlib import Path
from typing import List, Mapping, Tuple

from ..errors import StoreError
from ..files.held_file import replace
from ..timestamps import utc_now
from .columns import COLUMNS_OF_VERSION, LEGACY_COLUMNS
from .revisions import complete_meta

log = logging.getLogger(__name__)

SCHEMA_VERSION = len(COLUMNS_OF_VERSION) - 1
APPLICATION_ID = 0x636E7079
"""`cnpy`, at byte 68 of the file, so that tools can tell whose database it is."""

BUSY_TIMEOUT_S = 0.5
"""How long one statement waits for another process's lock; the writer thread tries again for as long as it takes."""

WAL_LIMIT_BYTES = 64 * 2**20
FULL_CHECK_BYTES = 32 * 2**20
QUICK_CHECK_BYTES = 128 * 2**20
"""Up to these sizes a file is checked completely, or page by page, at every start; beyond, only its structure is."""

MAGIC = b"SQLite format 3\x00"
SIDE_FILES = ("-wal", "-shm", "-journal")


class DatabaseCorrupt(Exception):
    """The file is one of ours, but damaged."""


# -- errors ------------------------------------------------------------------------------------------------------------


DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file may raise; Python also fails to decode SQLite's message when that quotes the damage."""


def is_corrupt(exc: Exception) -> bool:
    """Whether the error means damage of the file. By its text: Python before 3.11 does not tell SQLite's code."""
    text = str(exc).lower()
    return (
        isinstance(exc, UnicodeDecodeError)
        or "malformed" in text
        or "string or blob too big" in text  # a length in a damaged page; none of our texts comes near that limit
        or "not a database" in text
        or "unsupported file format" in text
    )


def is_transient(exc: Exception) -> bool:
    """Whether it may go away by itself: a lock, a full disk, an I/O error."""
    text = str(exc).lower()
    return any(word in text for word in ("locked", "busy", "disk is full", "i/o error", "unable to open"))


def is_open_refused(exc: Exception) -> bool:
    """Whether the system did not let SQLite open the file (a full disk is one reason, but not the only one)."""
    return "unable to open" in str(exc)


def describe(exc: Exception) -> str:
    """SQLite's text with what it means for the plant."""
    text = str(exc)
    if "full" in text:
        return f"{text}: free some space"
    if "locked" in text:
        return f"{text} by another program"
    return text


# -- connections -------------------------------------------------------------------------------------------------------


def make_uri(path: str, mode: str, is_immutable: bool = False) -> str:
    """The SQLite URI of any path: blanks, `?`, `#`, `%` and drive letters included. mode: `ro`, `rw`, `rwc`."""
    return f"{Path(os.path.abspath(path)).as_uri()}?mode={mode}{'&immutable=1' if is_immutable else ''}"


def decode_text(raw: bytes) -> str:
    """A damaged byte in a text must not stop a page from being shown."""
    return raw.decode("utf-8", "replace")


def connect_reader(path: str, is_immutable: bool = False) -> sqlite3.Connection:
    """A connection that can only read; the caller closes it. Raises sqlite3.Error when there is no file."""
    connection = sqlite3.connect(
        make_uri(path, "ro", is_immutable), uri=True, timeout=2.0, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = decode_text
    return connection


def connect_without_room(path: str) -> sqlite3.Connection:
    """To read where the disk has no room for the log's shared index, while nobody else uses the file."""
    if size_bytes(path + "-wal") == 0:
        return connect_reader(path, is_immutable=True)
    connection = sqlite3.connect(make_uri(path, "rw"), uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    connection.text_factory = decode_text
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # keeps that index in memory
    return connection


def connect_writer(path: str) -> sqlite3.Connection:
    """The connection that writes: WAL, FULL, transactions begun and ended by hand. Creates an empty file if need be."""
    connection = sqlite3.connect(
        make_uri(path, "rwc"), uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.text_factory = decode_text
        connection.execute("PRAGMA synchronous=FULL")
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(f"{path}: this file system cannot keep a write-ahead log; choose a local disk with --db")
        connection.execute(f"PRAGMA journal_size_limit={WAL_LIMIT_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def create_schema(connection: sqlite3.Connection) -> None:
    """Make what is missing of tables, indexes and names, in one transaction; writes nothing when all is there."""
    statements = schema_statements()
    if _read_stamp(connection) != (SCHEMA_VERSION, APPLICATION_ID):
        statements += stamp_statements()
    connection.execute("BEGIN")
    try:
        for sql in statements:
            connection.execute(sql)
        complete_meta(connection)
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def schema_statements(version: int = SCHEMA_VERSION) -> List[str]:
    """What makes the tables and indexes of a version, the table `events` first."""
    script = Path(__file__).parent.joinpath(f"schema_{version}.sql").read_text(encoding="utf-8")
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";\n") if statement.strip()]


def _read_stamp(connection: sqlite3.Connection) -> Tuple[int, int]:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    return int(version), int(connection.execute("PRAGMA application_id").fetchone()[0])


def stamp_statements(version: int = SCHEMA_VERSION) -> List[str]:
    """What marks a file as ours in a version; counts only when its transaction is committed."""
    return [f"PRAGMA application_id={APPLICATION_ID}", f"PRAGMA user_version={version}"]


def find_version(connection: sqlite3.Connection) -> int:
    """The version of an event database: by its stamp; without one, as after a dump, by the columns of `events`."""
    version, application = _read_stamp(connection)
    if application == APPLICATION_ID and version > 0:
        return version
    found = {str(row[1]) for row in connection.execute("PRAGMA table_info(events)")}
    return max((number for number, columns in enumerate(COLUMNS_OF_VERSION) if found >= set(columns)), default=0)


def roll_back(connection: sqlite3.Connection) -> None:
    """End the transaction without a trace; SQLite may have ended it itself (disk full)."""
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error as exc:
        log.debug("rollback: %s", exc)


def optimize(connection: sqlite3.Connection) -> None:
    """Keep the planner's statistics fresh: without them it takes the wrong index for open events. Cheap."""
    connection.execute("PRAGMA analysis_limit=1000")
    connection.execute("PRAGMA optimize")


# -- what a file is ----------------------------------------------------------------------------------------------------


def inspect(path: str) -> str:
    """What the file is, without changing it: `new` (none, or empty), `current`, `older` (a version of ours that can be
    brought up to date), or `legacy` (from before versions).

    Raises StoreError for a file that must not be touched (no database, another program's, a newer version's),
    DatabaseCorrupt for a damaged one of ours, sqlite3.Error when it cannot be told now (locked, disk full).
    """
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return "new"
    with open(path, "rb") as file:
        head = file.read(65536)
    if not head.startswith(MAGIC):
        if _looks_like_ours(head):
            raise DatabaseCorrupt("its header is damaged")
        raise StoreError(f"{path}: is no SQLite database; it is left as it is, choose another file with --db")
    try:
        return _inspect_database(path, head)
    except DAMAGE as exc:
        if not is_corrupt(exc):
            raise
        if _looks_like_ours(head):
            raise DatabaseCorrupt(str(exc)) from exc
        raise StoreError(f"{path}: is damaged ({exc}) and not an event database; it is left as it is") from exc


def _looks_like_ours(head: bytes) -> bool:
    """By our id in the header, or by the definition of our table in the first pages of a binary file."""
    if len(head) >= 72 and struct.unpack_from(">i", head, 68)[0] == APPLICATION_ID:
        return True
    return b"\x00" in head and b"CREATE TABLE" in head and b"start_ts" in head and b"plc_ip" in head


def _inspect_database(path: str, head: bytes) -> str:
    connection = connect_without_trace(path)
    try:
        version, application = _read_stamp(connection)
        if version > SCHEMA_VERSION and (application in (0, APPLICATION_ID)):
            raise StoreError(
                f"{path}: was written by a newer conectpy (schema version {version}, known here: {SCHEMA_VERSION});"
                f" it is left as it is, update conectpy or choose another file with --db"
            )
        names = dict(connection.execute("SELECT name, type FROM sqlite_master").fetchall())
        keys = {str(row[1]): bool(row[5]) for row in connection.execute("PRAGMA table_info(events)")}
        kind = _judge(path, application, find_version(connection), names, keys)
        _check(connection, path)
        return kind
    finally:
        connection.close()


def connect_without_trace(path: str) -> sqlite3.Connection:
    """For whoever holds the file's lock: read-only, leaves no files beside it where nothing is pending.

    A crashed writer's journal has to be rolled back first.
    """
    pending = {suffix for suffix in SIDE_FILES if size_bytes(path + suffix) > 0}
    if "-journal" in pending:
        return sqlite3.connect(make_uri(path, "rw"), uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    return connect_reader(path, is_immutable="-wal" not in pending)


def _judge(path: str, application: int, version: int, names: Mapping[str, str], keys: Mapping[str, bool]) -> str:
    """By our id, the version, what there is (name -> type), the columns of `events` (name -> whether it is the key)."""
    if application not in (0, APPLICATION_ID):
        raise StoreError(f"{path}: is another program's database; it is left as it is, choose another file with --db")
    if names.get("events") == "table" and keys.keys() >= set(LEGACY_COLUMNS):
        missing = set(COLUMNS_OF_VERSION[min(version, SCHEMA_VERSION)]) - keys.keys()
        if missing:
            raise StoreError(
                f"{path}: its table events has lost the column {min(missing)}; it is left as it is, restore a full copy"
            )
        if version == 0:
            return "legacy"
        if keys["id"]:
            return "current" if version == SCHEMA_VERSION else "older"
        raise StoreError(f"{path}: its table events has lost its primary key; it is left as it is, restore a full copy")
    if "events" not in names and (not names or application == APPLICATION_ID):
        return "new"
    raise StoreError(f"{path}: is a database without our table events; it is left as it is, choose another with --db")


def is_wal(path: str) -> bool:
    """Whether the file keeps a write-ahead log, so that it can be read while a transaction writes."""
    with open(path, "rb") as file:
        return file.read(20)[18:20] == b"\x02\x02"


def _check(connection: sqlite3.Connection, path: str) -> None:
    """Raise DatabaseCorrupt when the pages contradict each other."""
    file_bytes = size_bytes(path)
    if file_bytes > QUICK_CHECK_BYTES:
        return
    pragma = "integrity_check" if file_bytes <= FULL_CHECK_BYTES else "quick_check"
    faults = [str(row[0]) for row in connection.execute(f"PRAGMA {pragma}(3)")]
    if faults != ["ok"]:
        raise DatabaseCorrupt("; ".join(" ".join(fault.split()) for fault in faults))


def size_bytes(path: str) -> int:
    """The size of a file; 0 where there is none."""
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


# -- files beside it ---------------------------------------------------------------------------------------------------


def free_name(path: str, word: str) -> str:
    """`<path>.<word>-<UTC time>`, with a number behind it where that is taken."""
    base = f"{path}.{word}-{utc_now():%Y%m%dT%H%M%SZ}"
    name, number = base, 1
    while any(os.path.exists(name + suffix) for suffix in ("", *SIDE_FILES)):
        number += 1
        name = f"{base}-{number}"
    return name


def keep_aside(path: str) -> str:
    """Move a damaged database with its side files out of the way, so that it can still be examined. The new name."""
    aside = free_name(path, "corrupt")
    for suffix in ("", *SIDE_FILES):
        if os.path.exists(path + suffix):
            replace(path + suffix, aside + suffix)
    return aside


def side_files(path: str) -> List[str]:
    """The names of the files that SQLite keeps beside the database."""
    return [path + suffix for suffix in SIDE_FILES]
