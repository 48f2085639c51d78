"""How a database file of an older version becomes one of today: one step per version, each in one transaction.

A backup copy stands beside the file before the first step. A kill at any time leaves the file as it was before a step,
or as it is after it, never between; the next start goes on from there.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from contextlib import closing
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import StoreError
from ..files.held_file import remove, replace
from .database import BUSY_TIMEOUT_S, connect_reader, describe, free_name, make_uri, roll_back, size_bytes
from .durable import sync_folder
from .place import check_room

log = logging.getLogger(__name__)


class Step(NamedTuple):
    """One version up.

    version     the one that it leads to
    climb       does it, within a transaction that is not its own; raises sqlite3.Error
    room        how much space it takes on the disk, in sizes of the file as it was
    """

    version: int
    climb: Callable[[sqlite3.Connection], None]
    room: float


class Ladder(NamedTuple):
    """What an application's files can climb. `find_version` tells where a file stands."""

    application_id: int
    steps: Tuple[Step, ...]
    find_version: Callable[[sqlite3.Connection], int]


def climb(path: str, ladder: Ladder) -> Optional[str]:
    """Bring the file up to date. Returns the name of the backup copy; None where there was nothing to do.

    The caller holds the file's lock. Raises StoreError, with the file as it was or one whole step further.
    """
    connection = sqlite3.connect(make_uri(path, "rw"), uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    with closing(connection):
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA legacy_alter_table=ON")  # views and triggers of others go by the name, as before
            steps = check_climb(path, ladder, connection)
            return _climb(connection, path, ladder.application_id, steps) if steps else None
        except (sqlite3.Error, OSError) as exc:
            raise StoreError(f"{path}: could not be brought up to date, it is as it was: {describe(exc)}") from exc


def _climb(connection: sqlite3.Connection, path: str, application_id: int, steps: Sequence[Step]) -> str:
    backup = ""
    for step in steps:
        try:
            connection.execute("BEGIN IMMEDIATE")
            if not backup:
                backup = back_up(path)
                log.warning("%s: is brought to version %d, a copy of it is kept as %s", path, steps[-1].version, backup)
            step.climb(connection)
            connection.execute(f"PRAGMA application_id={application_id}")
            connection.execute(f"PRAGMA user_version={step.version}")
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            if backup and step is steps[0]:  # the file is as it was: a try every few seconds must not fill the disk
                with contextlib.suppress(OSError):
                    remove(backup)
            raise
        log.info("%s: is at version %d", path, step.version)
    return backup


def copy_to(source: sqlite3.Connection, name: str) -> None:
    """The database of an open connection, whole and as of now, into a new file. Raises sqlite3.Error."""
    with contextlib.suppress(FileNotFoundError):
        remove(name)  # what a kill has left
    with closing(sqlite3.connect(name)) as target:
        source.backup(target)


def check_climb(path: str, ladder: Ladder, connection: sqlite3.Connection) -> List[Step]:
    """The steps that are due. Raises StoreError, before anything is touched, when the disk has no room for them."""
    version = ladder.find_version(connection)
    steps = [step for step in ladder.steps if step.version > version]
    if steps:
        file_bytes = size_bytes(path) + size_bytes(path + "-wal")
        needed = int(file_bytes * (1 + sum(step.room for step in steps)))
        check_room(path, needed, f"the step to version {steps[-1].version} and a copy of the file as it is")
    return steps


def back_up(path: str) -> str:
    """A consistent copy beside the file, complete or not there at all; its name. Raises sqlite3.Error or OSError."""
    name = free_name(path, "backup")
    part = f"{name}.part"
    try:
        with closing(connect_reader(path)) as source:
            copy_to(source, part)
        replace(part, name)
        sync_folder(name)
    except BaseException:
        with contextlib.suppress(OSError):
            remove(part)
        raise
    return name
