"""The threads that answer requests: started when there is work for them, ended when there is none for a while."""

from __future__ import annotations

import logging
import queue
import socket
import threading
import time
from typing import Any, Callable, List, Optional, Set

from ..texts.catalogue import say

log = logging.getLogger(__name__)

KEPT_THREADS = 4
IDLE_S = 30.0


class WorkerPool:
    """At most `max_threads` daemon threads. `put` is called by the accept loop, `stop` by any thread."""

    def __init__(self, answer: Callable[[Any], None], max_threads: int) -> None:
        self._answer = answer
        self._max_threads = max_threads
        self._queue: queue.Queue[Any] = queue.Queue()
        self._lock = threading.Lock()  # guards all below
        self._threads: Set[threading.Thread] = set()
        self._busy: Set[Any] = set()
        # Connections that are queued or being answered: counted where they come, not where they are taken.
        self._load = 0
        self._started = 0
        self._is_stopping = False

    def put(self, conn: Any) -> None:
        """Have a connection's request answered."""
        with self._lock:
            is_stopping = self._is_stopping
            self._load += not is_stopping
            is_short = len(self._threads) < min(self._load, self._max_threads)
            if is_short and not is_stopping:
                self._started += 1
                thread = threading.Thread(target=self._run, name=f"web-{self._started}", daemon=True)
                self._threads.add(thread)
                thread.start()
        if is_stopping:
            conn.close()
        else:
            self._queue.put(conn)

    def stop(self, deadline_s: float) -> None:
        """End all threads; requests still running at the deadline lose their socket."""
        end_s = time.monotonic() + deadline_s
        with self._lock:
            self._is_stopping = True
            threads: List[threading.Thread] = list(self._threads)
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join(max(0.0, end_s - time.monotonic()))
        with self._lock:
            busy = list(self._busy)
        for conn in busy:
            try:
                conn.socket.shutdown(socket.SHUT_RDWR)
            except (OSError, ValueError):
                log.debug("web: a request's client was gone already")
        for thread in threads:
            thread.join(0.2 if busy else 0.0)

    def _run(self) -> None:
        try:
            while True:
                conn = self._next()
                if conn is None:
                    return
                with self._lock:
                    self._busy.add(conn)
                try:
                    self._answer(conn)
                except Exception:  # the top of a thread: one broken request ends no thread
                    log.exception(say("server.request_failed"))
                finally:
                    with self._lock:
                        self._busy.discard(conn)
                        self._load -= 1
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _next(self) -> Optional[Any]:
        """The next connection; None when this thread is to end."""
        while True:
            try:
                return self._queue.get(timeout=IDLE_S)
            except queue.Empty:
                with self._lock:
                    if len(self._threads) > max(KEPT_THREADS, self._load):
                        self._threads.discard(threading.current_thread())  # from here on nobody counts on it
                        return None
