"""Files that hold a key: nobody else can read them from the moment they exist.

POSIX: mode 0600, given when the file is made. Windows: an access list of this user, SYSTEM and the administrators, who
correspond to root, given when the file is made and inheriting nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import Collection

from ..texts.catalogue import say
from .held_file import remove, replace

if sys.platform == "win32":
    from .windows_rights import create_restricted

MAX_BYTES = 65536


def create_private(path: str) -> int:
    """Make a file that is not there yet; its descriptor, open for writing bytes. Raises FileExistsError, OSError."""
    if sys.platform == "win32":
        return create_restricted(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def is_open_to_others(file: int) -> bool:
    """Whether others can read an open file all the same: some file systems (FAT, network shares) keep no rights."""
    return sys.platform != "win32" and bool(os.fstat(file).st_mode & 0o077)


def replace_private(path: str, data: bytes) -> os.stat_result:
    """Write the whole file, or leave what is there; how the new file looks (device, number, times).

    Raises OSError, also where the file system cannot keep others from reading it.
    """
    part = f"{path}-part"
    with contextlib.suppress(FileNotFoundError):
        remove(part)  # of a process that was killed while it wrote
    try:
        with os.fdopen(create_private(part), "wb") as file:
            if is_open_to_others(file.fileno()):
                raise PermissionError(0, say("private.unkept"), path)
            file.write(data)
        replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            remove(part)
        raise
    return os.stat(path)


def read_private(path: str, owners: Collection[int] = (), max_bytes: int = MAX_BYTES) -> bytes:
    """The content, if nobody but its owner can have written or read it: the owner is this user, root or in `owners`.

    Raises OSError whose `strerror` says what is wrong. On Windows the rights of the folder are relied on.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise PermissionError(0, say("private.irregular"), path)
        if sys.platform != "win32":
            if found.st_uid not in (os.geteuid(), 0, *owners):
                raise PermissionError(0, say("private.owner", user=found.st_uid), path)
            if is_open_to_others(file.fileno()):
                raise PermissionError(0, say("private.open"), path)
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise PermissionError(0, say("private.large", limit=max_bytes), path)
    return data
