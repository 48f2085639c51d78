"""`Worker`: a named thread that is started again when it dies or hangs."""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable, List, Optional, Sequence

from ..texts.catalogue import say
from ..texts.outside import clean
from .loop import PlcWatch

log = logging.getLogger(__name__)

RESTART_MAX_S = 10.0
JOIN_S = 1.2
ABORT_JOIN_S = 0.4


class Worker:
    """A named thread that is started again when it dies. `run` gets the stop event of its own run.

    `stop` is final: from then on no thread is started any more.
    """

    def __init__(self, name: str, run: Callable[[threading.Event], None], watch: Optional[PlcWatch] = None) -> None:
        self.name = name
        self.watch = watch
        self.restarts = 0
        self.last_error: Optional[str] = None
        self._run = run
        self._lock = threading.Lock()  # guards _stop, _thread and _is_stopped: a start and a stop never cross
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._is_stopped = False
        self._restart_at_s = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_hung(self) -> bool:
        """Whether it has given no sign of life for longer than its deadlines add up to."""
        return self.watch is not None and self.is_alive and time.monotonic() > self.watch.deadline_s

    def start(self) -> None:
        """Start a thread with a stop event of its own: a predecessor that wakes up late finds its own one set."""
        with self._lock:
            if self._is_stopped:
                return
            stop = self._stop = threading.Event()
            if self.watch is not None:
                self.watch.expect_within(60.0)
            self._thread = threading.Thread(target=self._guard, args=(stop,), name=self.name, daemon=True)
            self._thread.start()

    def rename(self, name: str) -> None:
        """Call it, and its thread, by another name."""
        with self._lock:
            self.name = name
            if self._thread is not None:
                self._thread.name = name

    def supervise(self) -> bool:
        """Replace the thread when it died or hangs; called once a second. Whether it has been replaced."""
        now_s = time.monotonic()
        if self._is_stopped:
            return False
        if self.is_hung and self.watch is not None:
            self.last_error = cause = say("collector.no_sign_of_life")
            log.error(say("collector.thread_hangs", thread=self.name, cause=cause))
            self._stop.set()
            self.watch.abort()
        elif self.is_alive:
            return False
        elif self._restart_at_s == 0.0:
            self._restart_at_s = now_s + min(RESTART_MAX_S - 2.0, 2.0**self.restarts - 1.0)
        if not self.is_alive and now_s < self._restart_at_s:
            return False
        self._restart_at_s = 0.0
        self.restarts += 1
        log.error(say("collector.thread_again", thread=self.name, count=self.restarts))
        self.start()
        return True

    def stop(self) -> None:
        """Ask the thread to end."""
        with self._lock:
            self._is_stopped = True
            self._stop.set()

    def join(self, deadline_s: float) -> bool:
        """Wait until the thread has ended, at most to this monotonic time; False when it has not."""
        if self._thread is not None:
            self._thread.join(max(0.0, deadline_s - time.monotonic()))
        return not self.is_alive

    def _guard(self, stop: threading.Event) -> None:
        try:
            self._run(stop)
        except Exception as exc:  # the top of a thread: whatever it is, it is logged and survived
            self.last_error = clean(f"{type(exc).__name__}: {exc}")
            log.exception(say("collector.thread_died", thread=self.name))


def stop_all(workers: Sequence[Worker]) -> List[Worker]:
    """End these threads: first asked, then, past a deadline, with their connections closed. Who did not stop?"""
    for worker in workers:
        worker.stop()
    deadline_s = time.monotonic() + JOIN_S
    late = [worker for worker in workers if not worker.join(deadline_s)]
    for worker in late:
        if worker.watch is not None:
            worker.watch.abort()
    deadline_s = time.monotonic() + ABORT_JOIN_S
    late = [worker for worker in late if not worker.join(deadline_s)]
    for worker in late:
        log.error(say("collector.thread_stuck", thread=worker.name))
    return late
