"""The program's sign of life, and the event that tells of the time in which there was none (promise E19)."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Optional, Sequence

from ..events.absence import Absence
from ..events.store import EventStore
from ..models import COLLECTOR_TAG, ClockMark
from ..timestamps import boot_id, read_clocks


class SignOfLife:
    """What the main thread tells the store of the program itself."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._boot = boot_id()
        self._absence: Optional[Absence] = None
        self._has_begun = False

    def begin(self) -> None:
        """From the last sign of life of the previous run to now nobody looked. Before the first scan.

        While the file cannot be read (promise E20) none is given: it would take the place of the one asked for here.
        """
        memory = self._store.load_memory("")
        if not memory.is_known:
            return
        now_utc, now_s = read_clocks()
        self._absence = Absence(memory.alive, now_utc, now_s, self._boot)
        self._store.record(self._absence.begin(is_open=COLLECTOR_TAG in memory.open_since))
        self._store.note_alive(ClockMark("", now_utc, now_s, self._boot or ""))
        self._has_begun = True

    def give(self, last_good_s: Sequence[Optional[float]]) -> None:
        """Once a second; `last_good_s` are the monotonic times of the PLCs' last good scans."""
        if not self._has_begun and self._store.health()["ok"]:
            self.begin()
        if not self._has_begun:
            return
        now_utc, now_s = read_clocks()
        self._store.note_alive(ClockMark("", now_utc, now_s, self._boot or ""))
        good_s = [one for one in last_good_s if one is not None]
        if self._absence is not None and good_s:
            self._store.record(self._absence.end(now_utc - timedelta(seconds=time.monotonic() - min(good_s))))
            self._absence = None
