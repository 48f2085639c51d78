"""Files beside the database that have to outlive a power cut."""

from __future__ import annotations

import os


def sync_folder(path: str) -> None:
    """Make the name of a file that was just made or renamed durable. Raises OSError. Windows does so by itself."""
    if os.name == "nt":
        return
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
