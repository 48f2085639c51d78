"""A lock between processes that dies with its process: one collector per database file."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO, Optional

from ..files.held_file import remove

if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = 1 << 30  # far behind the text: Windows locks are mandatory, and the text must stay readable

    def _try_lock(file: IO[str]) -> None:
        os.lseek(file.fileno(), _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file.fileno(), 0, os.SEEK_SET)

else:
    import fcntl

    def _try_lock(file: IO[str]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """An exclusive lock on a small file beside the database; it holds the owner's process id for people to read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: Optional[IO[str]] = None

    def acquire(self) -> Optional[str]:
        """Take the lock. Returns None, or what the owner wrote when another one holds it. Raises OSError."""
        if self._file is not None:
            return None
        while True:
            file = open(self.path, "a+", encoding="utf-8")  # noqa: SIM115 (it stays open for as long as the lock is held)
            try:
                _try_lock(file)
            except OSError:
                file.seek(0)
                owner = file.read(200).strip()
                file.close()
                return owner or "unknown"
            if self._is_current(file):
                break
            file.close()  # its owner removed it between our opening and our locking
        self._file = file
        with contextlib.suppress(OSError):  # on a full disk the lock holds all the same
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), f"process {os.getpid()}\n".encode())
        return None

    def release(self) -> None:
        """Give the lock back and remove its file; harmless without the lock."""
        file, self._file = self._file, None
        if file is None:
            return
        if os.name == "nt":  # cannot delete an open file; once it is closed, whoever has opened it since keeps it
            file.close()
        with contextlib.suppress(OSError):  # a leftover file locks nobody out
            remove(self.path)
        file.close()

    def _is_current(self, file: IO[str]) -> bool:
        if os.name == "nt":
            return True
        try:
            return os.path.samestat(os.fstat(file.fileno()), os.stat(self.path))
        except OSError:
            return False
