"""The event database as the writer holds it: its lock, its connection, its ledger; opening it again after trouble."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
from collections import deque
from contextlib import closing
from typing import Deque, Mapping, Optional, Sequence

from ..errors import StoreError
from ..files.held_file import remove, replace
from .database import (
    DAMAGE,
    DatabaseCorrupt,
    connect_writer,
    create_schema,
    describe,
    inspect,
    is_corrupt,
    is_open_refused,
    is_transient,
    is_wal,
    keep_aside,
    optimize,
    side_files,
    size_bytes,
)
from .entries import Entry, Key, clean
from .file_lock import FileLock
from .ledger import Known, Ledger, add_missing_tags
from .legacy_files import settle_open_rows
from .place import check_place, free_bytes
from .revisions import Revisions, watch_over
from .versions import check_migration, migrate
from .witness import Witness

log = logging.getLogger(__name__)


CLIMB_IN_HASTE_BYTES = 32 * 2**20
"""A file of an older version up to this size is brought up to date, in about a second, before scanning starts."""

ROOM_BYTES = 2**20
"""With this much room on the disk, a file that cannot be opened will not open by waiting."""


class EventFile:
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
        self._witness = Witness(path + ".witness", self._tell)
        self._connection: Optional[sqlite3.Connection] = None
        self._ledger: Optional[Ledger] = None
        self._stat: Optional[os.stat_result] = None
        self._known: Optional[Known] = None  # what goes on in a new file, should the present one turn out to be lost
        self._is_new = False
        self._is_suspect = False

    @property
    def refused_count(self) -> int:
        """How many transitions did not fit what was stored."""
        return self._ledger.refused_count if self._ledger else 0

    def open(self, is_in_haste: bool = False) -> None:
        """Raises StoreError for what a person has to put right, sqlite3.Error or OSError for what may go away.

        In haste, a large file of an older version is only checked and locked: what takes long is left to `apply`.
        """
        check_place(self.path)
        self._take_lock()
        try:
            self._open_locked(is_in_haste)
        except StoreError:
            self._lock.release()
            raise
        except DAMAGE as exc:
            if is_transient(exc) and not (is_open_refused(exc) and free_bytes(self.path) > ROOM_BYTES):
                raise
            self._lock.release()
            raise StoreError(f"{self.path}: cannot be opened: {exc}; choose another file with --db") from exc

    def apply(self, entries: Sequence[Entry]) -> None:
        """Store the entries in one transaction, all or nothing. Raises like `open`."""
        if self._ledger is None:
            self.open()
        self._watch_file()
        assert self._ledger is not None
        if not entries:
            return
        try:
            self._apply(self._ledger, entries)
        except DAMAGE as exc:
            if not is_corrupt(exc):
                raise
            self._reopen_corrupt(exc)
            raise StoreError(f"{self.path}: was found damaged: {exc}") from exc
        self._is_suspect = False

    def _apply(self, ledger: Ledger, entries: Sequence[Entry]) -> None:
        try:
            ledger.apply(entries)
        except UnicodeEncodeError:
            ledger.apply(clean(entries))
        except sqlite3.IntegrityError:  # somebody else wrote into the file: what is open is not what we thought
            ledger.reload()
            ledger.apply(clean(entries))

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
        self._witness.close()
        self._lock.release()

    def _open_locked(self, is_in_haste: bool) -> None:
        for _ in range(2):
            try:
                kind = inspect(self.path)
                if is_in_haste and kind == "older" and self._climbs_while_read():
                    check_migration(self.path)
                    log.warning("%s: is brought up to date meanwhile; what happens until then is kept", self.path)
                    return
                if kind in ("legacy", "older"):
                    backup = migrate(self.path, self._legacy_timezone)
                    self.notes.append(f"migrated from an earlier version; a copy of the old file is {backup}")
                self._connect()
                return
            except DatabaseCorrupt as exc:
                self._start_over(exc)
            except DAMAGE as exc:
                if not is_corrupt(exc):
                    raise
                self._start_over(exc)
        self._connect()

    def _climbs_while_read(self) -> bool:
        """Whether it takes long, and what the collector goes on from can be read meanwhile, as it was."""
        return size_bytes(self.path) > CLIMB_IN_HASTE_BYTES and is_wal(self.path)

    def _connect(self) -> None:
        connection = connect_writer(self.path)
        try:
            try:
                create_schema(connection)
            except sqlite3.IntegrityError:  # a copy made by a tool that left the indexes out
                settle_open_rows(connection)
                create_schema(connection)
            if watch_over(connection, self._witness):
                self._tell(
                    f"{self.path}: is an older copy that was put back; what was recorded since that copy is not in it,"
                    f" and its revisions count on in a new epoch"
                )
            add_missing_tags(connection)
            optimize(connection)
            ledger = Ledger(connection, Revisions(connection, self._witness), self._names, self._labels)
            if self._is_new and self._known is not None:
                ledger.restore(self._known)
        except BaseException:
            connection.close()
            raise
        self._connection, self._ledger = connection, ledger
        self._known, self._is_new = None, False
        self._stat = os.stat(self.path)

    # -- trouble while running -----------------------------------------------------------------------------------------

    def _watch_file(self) -> None:
        """Writing into a file that has been deleted or replaced would lose everything without an error."""
        try:
            if self._stat is not None and os.path.samestat(os.stat(self.path), self._stat):
                return
        except FileNotFoundError:
            self._put_back()
            return
        self._tell(f"{self.path}: was replaced by another file while it was in use; the other one is used from now on")
        self._disconnect()
        self.open()

    def _put_back(self) -> None:
        """The deleted file is still there for our connection: copy it to its place. Raises sqlite3.Error, OSError."""
        assert self._connection is not None
        part = f"{self.path}.restore-part"
        try:
            with closing(sqlite3.connect(part)) as target:
                self._connection.backup(target)
        except sqlite3.Error as exc:
            raise StoreError(f"{self.path}: was deleted while in use, and cannot be put back: {exc}") from exc
        self._disconnect()
        for name in side_files(self.path):
            if os.path.exists(name):
                remove(name)
        replace(part, self.path)
        self._tell(f"{self.path}: was deleted while in use, and has been put back whole")
        self.open()

    def _reopen_corrupt(self, exc: Exception) -> None:
        """Look at the file anew; when a second look does not explain the error either, it is kept aside all the same.

        What is open and last known goes on in the new file.
        """
        assert self._ledger is not None
        self._known = self._ledger.known()
        self._disconnect()
        if self._is_suspect:
            self._start_over(exc)
        self._is_suspect = True
        self.open()

    def _disconnect(self) -> None:
        connection, self._connection, self._ledger, self._stat = self._connection, None, None, None
        if connection is not None:
            connection.close()
        self._witness.close()

    def _start_over(self, cause: Exception) -> None:
        aside = keep_aside(self.path)
        self._is_new = True
        self._tell(f"{self.path}: was corrupt ({cause}); it is kept aside as {aside}, and a new one is started")

    def _tell(self, text: str) -> None:
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
