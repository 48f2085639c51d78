"""Whether a database file can live where it is asked for: folder, permissions, local disk. Changes nothing."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from typing import Optional

from ..errors import StoreError

SPARE_BYTES = 2**20
"""What recording needs, whatever else is written."""

NETWORK_FILESYSTEMS = ("nfs", "cifs", "smb", "fuse.sshfs", "afs", "ncpfs")
"""Beginnings of the types in /proc/mounts whose locks and shared memory cannot be relied on."""

CHOOSE = "choose another file with --db"


def find_real_path(path: str) -> str:
    """The absolute path of a database file, of a link the file it leads to: one name for its lock and its control."""
    path = os.path.abspath(path)
    return os.path.realpath(path) if os.path.islink(path) else path


def free_bytes(path: str) -> int:
    """Room on the disk of a file that may not exist yet; 0 where that cannot be told."""
    try:
        return shutil.disk_usage(os.path.dirname(os.path.abspath(path))).free
    except OSError:
        return 0


def check_room(path: str, needed_bytes: int, purpose: str) -> None:
    """Raises StoreError when the disk has no room for what is about to be written beside the file."""
    free = free_bytes(path)
    if free < needed_bytes + SPARE_BYTES:
        raise StoreError(
            f"{path}: {purpose} may take {needed_bytes / 1e6:,.0f} MB of its disk, and {free / 1e6:,.0f} MB are free:"
            f" free some space; nothing has been changed"
        )


def check_place(path: str) -> None:
    """Raise StoreError, one clear line, when `path` (absolute) cannot hold the database."""
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        raise StoreError(f"{path}: is a folder, not a database; {CHOOSE}")
    if not os.path.isdir(folder):
        raise StoreError(f"{path}: the folder {folder} does not exist; create it, or {CHOOSE}")
    share = find_network_share(folder)
    if share is not None:
        raise StoreError(
            f"{path}: lies on a network share ({share}), where locks are not safe and a lost line corrupts it;"
            f" choose a local disk with --db"
        )
    if os.path.exists(path) and not os.path.isfile(path):
        raise StoreError(f"{path}: is no regular file; {CHOOSE}")
    if os.path.exists(path) and not _is_writable(path):
        raise StoreError(f"{path}: the file is read-only; allow this user to write it, or {CHOOSE}")
    if not _is_writable(folder):
        raise StoreError(f"{path}: the folder {folder} cannot be written; allow it to this user, or {CHOOSE}")


def _is_writable(path: str) -> bool:
    """Also False where the administrator could write, but every write bit has been taken away on purpose."""
    mode = os.stat(path).st_mode
    if os.name == "nt" and stat.S_ISDIR(mode):
        return True  # the read-only attribute of a Windows folder has another meaning
    return os.access(path, os.W_OK) and bool(mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))


def find_network_share(folder: str) -> Optional[str]:
    """The kind of network file system that `folder` (absolute) is on, None for a local one or where nobody can tell."""
    if sys.platform == "win32":
        return _find_windows_share(folder)
    try:
        with open("/proc/mounts", encoding="utf-8", errors="surrogateescape") as file:
            return find_share_in_mounts(os.path.realpath(folder), file.read())
    except OSError:
        return None


def find_share_in_mounts(folder: str, mounts: str) -> Optional[str]:
    """The network file system type of the mount that holds `folder`, by the text of /proc/mounts."""
    best_length, best_type = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
        holds = folder == point or folder.startswith(point.rstrip("/") + "/")
        if holds and len(point) >= best_length:  # a later mount on the same point hides the earlier one
            best_length, best_type = len(point), fields[2]
    return best_type if best_type.startswith(NETWORK_FILESYSTEMS) else None


if sys.platform == "win32":
    import ctypes

    _DRIVE_REMOTE = 4

    def _find_windows_share(folder: str) -> Optional[str]:
        plain = folder.replace("/", "\\")
        if plain.upper().startswith("\\\\?\\UNC\\") or (plain.startswith("\\\\") and plain[2:3] not in ("?", ".")):
            return "UNC path"
        drive = os.path.splitdrive(folder)[0]
        if drive and ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") == _DRIVE_REMOTE:
            return f"network drive {drive}"
        return None
