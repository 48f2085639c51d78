"""The few places for exports: each holds a worker thread for as long as its client takes to read."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from typing import Counter as CounterType
from typing import Iterator

from werkzeug.exceptions import ServiceUnavailable

from ...texts.catalogue import say

MAX_EXPORTS = 4
MAX_PER_ADDRESS = 2
RETRY_AFTER_S = 10


class ExportPlaces:
    """Counts the exports under way by the address of their client; any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _taken
        self._taken: CounterType[str] = Counter()

    @property
    def count(self) -> int:
        """Exports under way."""
        with self._lock:
            return sum(self._taken.values())

    @contextlib.contextmanager
    def hold(self, address: str) -> Iterator[None]:
        """One place while the block runs. Raises ServiceUnavailable (503 with Retry-After) when none is free."""
        with self._lock:
            if self._taken[address] >= MAX_PER_ADDRESS or sum(self._taken.values()) >= MAX_EXPORTS:
                raise ServiceUnavailable(
                    say("web.exports_taken", each=MAX_PER_ADDRESS, all=MAX_EXPORTS), retry_after=RETRY_AFTER_S
                )
            self._taken[address] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[address] -= 1
                self._taken += Counter()  # addresses without exports are forgotten
