"""Files renamed and removed although another program looks at them just now.

On Windows a virus scanner, an indexer or a backup opens each new file for a moment, and as long as it does, renaming or
removing the file is refused. Elsewhere these are the plain calls.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Callable

from ..timestamps import steady_s

PATIENCE_S = 2.0
"""How long a file may be held by somebody else before the system's refusal is passed on."""

PAUSE_S = 0.02
HELD_ERRORS = (5, 32, 33)
"""Windows' ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION."""


def replace(source: Any, target: Any) -> None:
    """`os.replace`. Takes at most 2 s. Raises OSError. Any thread."""
    _try_until_free(lambda: os.replace(source, target))


def rename(source: Any, target: Any) -> None:
    """`os.rename`, which on Windows refuses a target that exists. Takes at most 2 s. Raises OSError. Any thread."""
    _try_until_free(lambda: os.rename(source, target))


def remove(path: Any) -> None:
    """`os.unlink`. Takes at most 2 s. Raises OSError. Any thread."""
    _try_until_free(lambda: os.unlink(path))


def _try_until_free(action: Callable[[], None]) -> None:
    end_s = steady_s() + PATIENCE_S
    while True:
        try:
            return action()
        except OSError as exc:
            if getattr(exc, "winerror", None) not in HELD_ERRORS or steady_s() > end_s:
                raise
        threading.Event().wait(PAUSE_S)
