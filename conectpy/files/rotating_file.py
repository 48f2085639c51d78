"""A log file that starts anew when it is full and keeps a few before it: FILE, FILE.1 (the one before), FILE.2 ..."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import BinaryIO

from ..texts.catalogue import say

MAX_BYTES = 5_000_000
FILES_KEPT = 10
"""With the one that is written."""
RETRY_S = 60.0
"""On Windows a file that somebody looks at cannot be renamed: it grows on until it can."""
_FOREIGN = b"SQLite format 3\0"


class RotatingFile:
    """Appends bytes. One thread uses it. Raises OSError from everything."""

    def __init__(self, path: str, max_bytes: int = MAX_BYTES, files_kept: int = FILES_KEPT) -> None:
        """`strerror` says what is wrong; what is there already and is no log is left alone."""
        self._path = os.path.abspath(path)
        self._max_bytes, self._files_kept = max_bytes, files_kept
        self._retry_s = float("-inf")
        _refuse_foreign(self._path)
        self._file = self._open()

    def write(self, line: bytes) -> None:
        """A whole line, its end included; after an error the next one tries again."""
        if self._file.closed:
            self._file = self._open()
        size = self._file.seek(0, os.SEEK_END)
        if size and size + len(line) > self._max_bytes and time.monotonic() >= self._retry_s:
            self._rotate()
        rest = memoryview(line)
        while rest:
            rest = rest[self._file.write(rest) :]

    def close(self) -> None:
        """Nothing is written after this."""
        self._file.close()

    def _open(self) -> BinaryIO:
        return open(self._path, "ab", buffering=0, opener=lambda path, flags: os.open(path, flags, 0o640))  # type: ignore[return-value]

    def _rotate(self) -> None:
        self._file.close()
        try:
            for number in range(self._files_kept - 2, -1, -1):
                name = f"{self._path}.{number}" if number else self._path
                with contextlib.suppress(FileNotFoundError):
                    os.replace(name, f"{self._path}.{number + 1}")
        except OSError:
            self._retry_s = time.monotonic() + RETRY_S
        self._file = self._open()


def _refuse_foreign(path: str) -> None:
    """A log must not go into a database, a folder, or a pipe that nobody may read."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise OSError(0, say("log.no_file"))
    with open(path, "rb") as file:
        if file.read(len(_FOREIGN)) == _FOREIGN:
            raise OSError(0, say("log.database"))
