"""The simulators' log of true transitions: what an observer's events are held against."""

from __future__ import annotations

import json
import threading
from collections import deque
from datetime import datetime, timezone
from typing import Deque, List, Optional, TextIO

from ..timestamps import to_text
from .lagoon import TRUTH_LENGTH, Truth


class TruthLog:
    """Keeps the newest 100,000 transitions and, given a path, appends each to that file as one line of JSON:
    `{"at": "2026-03-01T07:14:02.123Z", "at_s": 1772349242.123456, "plant": ..., "tag": ..., "value": true}`.

    Any thread may call. Raises OSError when the file cannot be opened.
    """

    def __init__(self, path: Optional[str] = None) -> None:
        self._lock = threading.Lock()  # guards the transitions and the file
        self._transitions: Deque[Truth] = deque(maxlen=TRUTH_LENGTH)
        self._file: Optional[TextIO] = open(path, "a", encoding="utf-8") if path else None  # noqa: SIM115

    def record(self, truth: Truth) -> None:
        """Take a transition; `at_s` is epoch seconds."""
        with self._lock:
            self._transitions.append(truth)
            if self._file is not None:
                moment = datetime.fromtimestamp(truth.at_s, timezone.utc)
                self._file.write(json.dumps({"at": to_text(moment), **truth._asdict()}, ensure_ascii=False) + "\n")
                self._file.flush()

    def transitions(self) -> List[Truth]:
        """All that are kept, oldest first."""
        with self._lock:
            return list(self._transitions)

    def close(self) -> None:
        """Close the file; later transitions are kept in memory only."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
