"""How far the file's counter has come, kept beside the file: a copy put back by hand knows only an older number.

`<file>.witness` is one short line. Its first number follows every commit, but is not synced: after a kill it is right,
after a power cut it may be some seconds old, never ahead. Its second number is synced, and no revision beyond it is
ever handed out: it is raised by a block at a time, so that a sync is due once in a hundred thousand revisions. Both
tell that a file was put back: its counter is below the first, or further below the second than two blocks.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import zlib
from typing import Callable, NamedTuple, Optional

from ..texts.catalogue import Text, say, text_of
from .durable import sync_folder

BLOCK = 100_000
"""No transaction takes more numbers: it is as many as the queue holds."""

LIMIT_BYTES = 200

MAX_REV = 2**53
"""Beyond it a number of JSON is no longer exact."""

_FLAGS = os.O_RDWR | os.O_CREAT
for _name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC", "O_NOINHERIT"):
    _FLAGS |= getattr(os, _name, 0)
_LINE = re.compile(rb"(\d{20})( conectpy witness 1 (\S{1,64}) (\d{20}) )([0-9a-f]{8})\n")
"""The first number stands apart from the check sum: after a commit it alone is written."""


class WitnessLine(NamedTuple):
    """What the witness says of a file: the last revision it knows of, the last one that may have been handed out."""

    file_id: str
    rev: int
    reserved: int


class Witness:
    """The file beside the database. One thread at a time. Never raises: what cannot be kept is told once."""

    def __init__(self, path: str, tell: Callable[[Text], None]) -> None:
        self.path = path
        self._tell = tell
        self._file: Optional[int] = None
        self._said = WitnessLine("", 0, 0)
        self._is_whole = False  # the file says what `_said` does, but for the first number
        self._is_faulty = False

    def ask(self, file_id: str, rev: int) -> Optional[int]:
        """Whether the file with this id and counter was put back: the number above which it has to count on, or None.

        From here on the witness speaks for this file.
        """
        said = self._read()
        if said is None or said.file_id != file_id:
            said = WitnessLine(file_id, rev, 0)
        is_put_back = rev < said.rev or rev + 2 * BLOCK < said.reserved
        self._said, self._is_whole = said if is_put_back else said._replace(rev=rev), False
        return max(said.rev, said.reserved) if is_put_back else None

    def reserve(self, rev: int) -> None:
        """Before a transaction that hands out revisions up to this one: durable when this returns."""
        if rev > self._said.reserved:
            self._said, self._is_whole = self._said._replace(reserved=rev + BLOCK), False
            self._write(is_synced=True)

    def follow(self, rev: int) -> None:
        """After a transaction: the counter has come this far."""
        if rev != self._said.rev:
            self._said = WitnessLine(self._said.file_id, rev, self._said.reserved)
            self._write(is_synced=False)

    def close(self) -> None:
        """Sync what was said last; harmless when nothing was."""
        file, self._file, self._is_whole = self._file, None, False
        if file is not None:
            try:
                os.fsync(file)
            except OSError as exc:
                self._complain(exc)
            os.close(file)

    def _read(self) -> Optional[WitnessLine]:
        if not os.path.lexists(self.path):
            return None
        try:
            file = self._open()
            os.lseek(file, 0, os.SEEK_SET)
            data = os.read(file, LIMIT_BYTES)
            said = _understand(data)
            if said is None:
                os.ftruncate(file, 0)
        except OSError as exc:
            self._complain(exc)
            return None
        if said is None:
            self._tell(say("store.witness_anew", path=self.path))
        return said

    def _write(self, is_synced: bool) -> None:
        try:
            is_new = self._file is None and not os.path.lexists(self.path)
            file = self._open()
            _write_at_start(file, b"%020d" % self._said.rev if self._is_whole else _line(self._said))
            self._is_whole = True
            if is_synced:
                os.fsync(file)
            if is_new:
                sync_folder(self.path)
        except OSError as exc:
            self._complain(exc)

    def _open(self) -> int:
        """Opened once and written in place, so that a full disk does not matter. No link, no pipe, no device."""
        if self._file is None:
            file = os.open(self.path, _FLAGS, 0o644)
            if not stat.S_ISREG(os.fstat(file).st_mode):
                os.close(file)
                raise OSError(errno.EINVAL, say("store.no_plain_file"))
            self._file = file
        return self._file

    def _complain(self, exc: OSError) -> None:
        if not self._is_faulty:
            self._is_faulty = True
            self._tell(say("store.no_witness", path=self.path, fault=text_of(exc)))


def _line(said: WitnessLine) -> bytes:
    text = b" conectpy witness 1 %b %020d " % (said.file_id.encode("ascii", "replace"), said.reserved)
    return b"%020d%b%08x\n" % (said.rev, text, zlib.crc32(text))


def _write_at_start(file: int, data: bytes) -> None:
    if sys.platform != "win32":
        os.pwrite(file, data, 0)
    else:
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, data)


def _understand(data: bytes) -> Optional[WitnessLine]:
    found = _LINE.fullmatch(data)
    if found is None:
        return None
    rev, text, file_id, reserved, check = found.groups()
    said = WitnessLine(file_id.decode("ascii", "replace"), int(rev), int(reserved))
    return said if zlib.crc32(text) == int(check, 16) and max(said.rev, said.reserved) <= MAX_REV else None
