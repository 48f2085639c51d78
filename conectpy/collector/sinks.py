"""`Sink`: whom a PLC's thread tells what it finds. `QueuedSink`: for those who are slow to listen."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime
from functools import partial
from typing import Any, Callable, Deque, Mapping, NamedTuple, Optional, Sequence

from ..errors import DriverError
from ..models import Change, Scan
from ..settings.types import PlcSettings

Facts = Mapping[str, Any]
"""What is known of the scans, the failures and the connection, under the names of `_meta`."""

Changes = Sequence[Change]

QUEUE_LIMIT = 1000
"""Calls that wait for a slow sink; at the shortest interval those of 50 s."""


class Outage(NamedTuple):
    """A failed connection or scan. `text` is the error on one line, `fails` counts failures since the last good scan,
    `pause_s` passes before the next attempt."""

    at_utc: datetime
    error: DriverError
    text: str
    fails: int
    pause_s: float


class Sink:
    """Takes what one PLC's thread finds; a sink overrides what concerns it.

    Called by that thread alone (the first `on_settings` aside), in the order of what happened, so a sink must not
    wait: no disk, no console, no network. One that has to goes behind a `QueuedSink`. What is handed over is
    immutable. A sink that raises ends the thread's run, which is logged, counted and begun again by the supervisor;
    the sinks before it in the list have theirs, so the store comes first.
    """

    def on_settings(self, plc: PlcSettings, changes: Changes) -> None:
        """From here on these settings hold; `changes` end the events of states that they leave out."""

    def on_connect(self, plc: PlcSettings, facts: Facts) -> None:
        """A connection stands; its first scan, which holds every tag, follows."""

    def on_scan(self, plc: PlcSettings, scan: Scan, changes: Changes, facts: Facts) -> None:
        """A good scan, and what it changed in the recorded states."""

    def on_outage(self, plc: PlcSettings, outage: Outage, changes: Changes, facts: Facts) -> None:
        """Connecting or scanning failed."""

    def on_downtime(self, plc: PlcSettings, changes: Changes) -> None:
        """Still no connection; told about once a second until the next attempt."""

    def on_stop(self, plc: PlcSettings) -> None:
        """The thread ends its run: it was asked to, and nothing more comes from it."""


class QueuedSink(Sink):
    """Hands everything on to a slow sink, on a thread of its own, so that the PLC's thread never waits for it.

    When `limit` calls wait already the newest are left out and counted in `lost_count`. An error of the sink ends it:
    it is kept in `error`, and `on_error` is called once, by the sink's thread.
    """

    def __init__(self, name: str, sink: Sink, on_error: Callable[[], None], limit: int = QUEUE_LIMIT) -> None:
        self.name = name
        self.error: Optional[Exception] = None
        self.lost_count = 0
        self._sink = sink
        self._on_error = on_error
        self._limit = limit
        self._work = threading.Condition()  # guards _calls, _is_ending and lost_count
        self._calls: Deque[Callable[[], None]] = deque()
        self._is_ending = False
        self._thread = threading.Thread(target=self._guard, name=name, daemon=True)
        self._thread.start()

    def on_settings(self, plc: PlcSettings, changes: Changes) -> None:
        self._put(partial(self._sink.on_settings, plc, changes))

    def on_connect(self, plc: PlcSettings, facts: Facts) -> None:
        self._put(partial(self._sink.on_connect, plc, facts))

    def on_scan(self, plc: PlcSettings, scan: Scan, changes: Changes, facts: Facts) -> None:
        self._put(partial(self._sink.on_scan, plc, scan, changes, facts))

    def on_outage(self, plc: PlcSettings, outage: Outage, changes: Changes, facts: Facts) -> None:
        self._put(partial(self._sink.on_outage, plc, outage, changes, facts))

    def on_downtime(self, plc: PlcSettings, changes: Changes) -> None:
        self._put(partial(self._sink.on_downtime, plc, changes))

    def on_stop(self, plc: PlcSettings) -> None:
        self._put(partial(self._sink.on_stop, plc))

    def stop(self, deadline_s: float) -> bool:
        """Let the sink take what waits, for at most so many seconds; False when it is stuck."""
        with self._work:
            self._is_ending = True
            self._work.notify_all()
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _put(self, call: Callable[[], None]) -> None:
        with self._work:
            if self._is_ending or self.error is not None:
                return
            if len(self._calls) >= self._limit:
                self.lost_count += 1
                return
            self._calls.append(call)
            self._work.notify_all()

    def _guard(self) -> None:
        try:
            self._run()
        except Exception as exc:  # noqa: BLE001 - the top of a thread: who made the sink decides what its end means
            self.error = exc
            self._on_error()

    def _run(self) -> None:
        while True:
            with self._work:
                self._work.wait_for(lambda: self._calls or self._is_ending)
                if not self._calls:
                    return
                call = self._calls.popleft()
            call()
