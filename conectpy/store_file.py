"""The event database as the writer holds it: its lock, its connection, its ledger; opening it again after trouble."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
from collections import deque
from typing import Deque, Mapping, Optional, Sequence

from .database import (
    DatabaseCorrupt,
    connect_writer,
    create_schema,
    describe,
    inspect,
    keep_aside,
    optimize,
)
from .database_place import check_place
from .errors import StoreError
from .file_lock import FileLock
from .ledger import Entry, Key, Ledger
from .migration import migrate

log = logging.getLogger(__name__)


class StoreFile:
    """Used by one thread at a time; `notes` and `refused_count` may be read by any."""

    def __init__(
        self, path: str, legacy_timezone: Optional[str], names: Mapping[str, str], labels: Mapping[Key, str]
    ) -> None:
        self.path = path
        self.notes: Deque[str] = deque(maxlen=20)
        self._legacy_timezone = legacy_timezone
        self._names = names
        self._labels = labels
        self._lock = FileLock(path + ".lock")
        self._connection: Optional[sqlite3.Connection] = None
        self._ledger: Optional[Ledger] = None
        self._stat: Optional[os.stat_result] = None

    @property
    def refused_count(self) -> int:
        """How many transitions did not fit what was stored."""
        return self._ledger.refused_count if self._ledger else 0

    def open(self) -> None:
        """Raises StoreError for what a person has to put right, sqlite3.Error or OSError for what may go away."""
        check_place(self.path)
        self._take_lock()
        try:
            self._open_locked()
        except StoreError:
            self._lock.release()
            raise

    def apply(self, entries: Sequence[Entry]) -> None:
        """Store the entries in one transaction, all or nothing. Raises like `open`."""
        if self._ledger is None:
            self.open()
        assert self._ledger is not None
        if not entries:
            return
        try:
            self._ledger.apply(entries)
        except sqlite3.IntegrityError:  # somebody else wrote into the file: what is open is not what we thought
            self._ledger.reload()
            self._ledger.apply(entries)

    def close(self) -> None:
        """Checkpoint, close, and give the lock back. Never raises."""
        connection, self._connection, self._ledger = self._connection, None, None
        if connection is not None:
            try:
                optimize(connection)
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as exc:
                log.warning("%s: closing: %s", self.path, describe(exc))
            connection.close()
        self._lock.release()

    def _open_locked(self) -> None:
        try:
            if inspect(self.path) == "legacy":
                backup = migrate(self.path, self._legacy_timezone)
                self.notes.append(f"migrated from an earlier version; a copy of the old file is {backup}")
        except DatabaseCorrupt as exc:
            self._start_over(exc)
        connection = connect_writer(self.path)
        try:
            create_schema(connection)
            optimize(connection)
            self._ledger = Ledger(connection, self._names, self._labels)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._stat = os.stat(self.path)

    def _start_over(self, cause: Exception) -> None:
        aside = keep_aside(self.path)
        text = f"{self.path}: was corrupt ({cause}); it is kept aside as {aside}, and a new one is started"
        log.critical(text)
        self.notes.append(text)

    def _take_lock(self) -> None:
        try:
            owner = self._lock.acquire()
        except OSError as exc:
            if exc.errno == errno.ENOSPC:
                raise
            raise StoreError(
                f"{self.path}: the lock file {self._lock.path} cannot be made: {exc.strerror or exc}"
            ) from exc
        if owner is not None:
            raise StoreError(
                f"{self.path}: is in use by another collector ({owner}); stop that one, or choose another with --db"
            )
