"""A copy of an event file for the program of version 1, which refuses newer files."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from typing import Optional

from ..errors import StoreError
from ..files.held_file import remove, replace
from .database import (
    DAMAGE,
    DatabaseCorrupt,
    connect_without_trace,
    describe,
    free_name,
    inspect,
    side_files,
    size_bytes,
    stamp_statements,
)
from .durable import sync_folder
from .file_lock import FileLock
from .ladder import copy_to
from .place import check_room

TARGET_VERSION = 1


def downgrade(path: str, target: Optional[str] = None) -> str:
    """Write a copy of the event file with all its rows for the older program; returns its name.

    `target`: the copy's name; None: beside the file. The file itself stays as it is. What version 1 does not know
    (numbers, durations, device times, gaps, names) stays in the copy, where version 1 lets it be: nothing is lost when
    the copy is brought up to date again, and its rows then get new numbers in a new epoch.
    Raises StoreError, also while a monitor uses the file: what it records would be missing in the copy.
    """
    path = os.path.realpath(path)
    if not os.path.exists(path):
        raise StoreError(f"{path}: there is no such file")
    lock = FileLock(path + ".lock")
    try:
        owner = lock.acquire()
    except OSError as exc:
        raise StoreError(f"{path}: the lock file {lock.path} cannot be made: {exc.strerror or exc}") from exc
    if owner is not None:
        raise StoreError(f"{path}: is in use by a collector ({owner}); stop that one first")
    try:
        return _downgrade(path, target)
    except (*DAMAGE, DatabaseCorrupt, OSError) as exc:
        raise StoreError(f"{path}: cannot be copied for version {TARGET_VERSION}: {describe(exc)}") from exc
    finally:
        lock.release()


def _downgrade(path: str, target: Optional[str]) -> str:
    if inspect(path) != "current":
        raise StoreError(f"{path}: needs no copy, it is no newer than version {TARGET_VERSION}")
    name = os.path.abspath(target) if target else free_name(path, f"version{TARGET_VERSION}")
    if os.path.lexists(name):
        raise StoreError(f"{name}: exists already; choose another name for the copy")
    if not os.path.isdir(os.path.dirname(name)):
        raise StoreError(f"{name}: its folder does not exist; create it, or choose another name for the copy")
    check_room(name, size_bytes(path) + size_bytes(path + "-wal"), "a copy")
    part = f"{name}.part"
    try:
        with closing(connect_without_trace(path)) as source:
            copy_to(source, part)
        _stamp(part)
        replace(part, name)
        sync_folder(name)
    except BaseException:
        for leftover in (part, *side_files(part)):
            with contextlib.suppress(OSError):
                remove(leftover)
        raise
    return name


def _stamp(path: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    with closing(connection):
        connection.execute("PRAGMA journal_mode=DELETE")  # one file, which can be carried away
        connection.execute("PRAGMA synchronous=FULL")
        for sql in stamp_statements(TARGET_VERSION):
            connection.execute(sql)
