"""Starts, supervises and stops the threads."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..events.store import EventStore
from ..live.metrics import Metrics
from ..live.realtime import RealtimeData
from ..live.recent_history import History
from ..models import COMM_TAG, Transition
from ..settings.types import PlcSettings
from ..timestamps import to_text, utc_now
from .loop import PlcWatch, read_plc_loop

log = logging.getLogger(__name__)

RESTART_MAX_S = 10.0
JOIN_S = 1.2
ABORT_JOIN_S = 0.4


class Worker:
    """A named thread that is started again when it dies. `run` gets the stop event of its own run."""

    def __init__(self, name: str, run: Callable[[threading.Event], None], watch: Optional[PlcWatch] = None) -> None:
        self.name = name
        self.watch = watch
        self.restarts = 0
        self.last_error: Optional[str] = None
        self._run = run
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None
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
        stop = self._stop = threading.Event()
        if self.watch is not None:
            self.watch.expect_within(60.0)
        self._thread = threading.Thread(target=self._guard, args=(stop,), name=self.name, daemon=True)
        self._thread.start()

    def supervise(self, metrics: Metrics) -> None:
        """Replace the thread when it died or hangs; called once a second."""
        now_s = time.monotonic()
        if self.is_hung and self.watch is not None:
            self.last_error = "gave no sign of life; its connection was closed from outside"
            log.error("thread %s %s", self.name, self.last_error)
            self._stop.set()
            self.watch.abort()
        elif self.is_alive:
            return
        elif self._restart_at_s == 0.0:
            self._restart_at_s = now_s + min(RESTART_MAX_S - 2.0, 2.0**self.restarts - 1.0)
        if self.is_alive or now_s >= self._restart_at_s:
            self._restart_at_s = 0.0
            self.restarts += 1
            metrics.thread_restarts.labels(self.name).inc()
            log.error("thread %s is started again (%d)", self.name, self.restarts)
            self.start()

    def stop(self) -> None:
        """Ask the thread to end."""
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
            self.last_error = f"{type(exc).__name__}: {exc}"
            log.exception("thread %s died", self.name)


class Collector:
    """The PLC threads of one process over its live values and its store."""

    def __init__(
        self,
        plcs: Sequence[PlcSettings],
        realtime: RealtimeData,
        history: History,
        store: EventStore,
        metrics: Metrics,
    ) -> None:
        self._plcs = plcs
        self._realtime = realtime
        self._history = history
        self._store = store
        self._metrics = metrics
        self._workers: List[Worker] = []

    def start(self) -> None:
        """Go on from what the store knows, and start one thread per PLC. The store is open."""
        self._store.record(self._removals())
        for plc in self._plcs:
            memory = self._store.load_memory(plc.address)
            self._realtime.register(plc)
            self._realtime.publish_since(plc.address, {tag: to_text(at) for tag, at in memory.open_since.items()})
            watch = PlcWatch(plc, memory, self._metrics.for_plc(plc.address))
            is_unique = [one.name for one in self._plcs].count(plc.name) == 1
            name = f"plc-{plc.name}" if is_unique else f"plc-{plc.name} ({plc.address})"
            self._workers.append(Worker(name, self._loop_of(watch), watch))
        for worker in self._workers:
            worker.start()

    def add(self, worker: Worker) -> None:
        """Supervise one more thread, which the caller starts and stops."""
        self._workers.append(worker)

    def supervise(self, stop: threading.Event) -> None:
        """Watch over the threads until `stop` is set. A wait of a second keeps Ctrl+C working on Windows."""
        writer_restarts = 0
        while not stop.wait(1.0):
            for worker in self._workers:
                worker.supervise(self._metrics)
            counted, writer_restarts = writer_restarts, self._store.restarts
            self._metrics.thread_restarts.labels("store").inc(writer_restarts - counted)
            health = self._store.health()
            self._metrics.store_queued.set(health["queued"])
            self._metrics.store_lost.set(health["lost"])

    def stop(self) -> List[str]:
        """End the PLC threads: first asked, then, past a deadline, with their connections closed. Who did not stop?"""
        workers = [worker for worker in self._workers if worker.watch is not None]
        for worker in workers:
            worker.stop()
        deadline_s = time.monotonic() + JOIN_S
        late = [worker for worker in workers if not worker.join(deadline_s)]
        for worker in late:
            if worker.watch is not None:
                worker.watch.abort()
        deadline_s = time.monotonic() + ABORT_JOIN_S
        names = [worker.name for worker in late if not worker.join(deadline_s)]
        for name in names:
            log.error("thread %s did not stop", name)
        return names

    def health(self) -> Tuple[bool, Dict[str, Any]]:
        """Whether everything is well, and what is not: per PLC, per thread, and the store."""
        now_s = time.monotonic()
        plcs: Dict[str, Any] = {}
        for worker in self._workers:
            if worker.watch is None:
                continue
            plc, last_s = worker.watch.plc, worker.watch.stats.last_good_s
            meta = self._realtime[plc.address]["_meta"]
            age_s = None if last_s is None else round(now_s - last_s, 3)
            is_late = age_s is None or age_s > max(3 * plc.interval_s, 3 * plc.timeout_s) + 1
            plcs[plc.address] = {
                "name": plc.name,
                "quality": meta["quality"],
                "ok": meta["quality"] == "OK" and not is_late,
                "last_good_age_s": age_s,
                "last_error": meta["last_error"],
            }
        threads: Dict[str, Any] = {
            worker.name: {"alive": worker.is_alive, "restarts": worker.restarts, "last_error": worker.last_error}
            for worker in self._workers
        }
        writer = self._store
        threads["store"] = {"alive": writer.is_alive, "restarts": writer.restarts, "last_error": writer.last_crash}
        store = self._store.health()
        is_ok = bool(store["ok"]) and self._store.is_alive and all(plc["ok"] for plc in plcs.values())
        is_ok = is_ok and all(worker.is_alive and not worker.is_hung for worker in self._workers)
        return is_ok, {"ok": is_ok, "plcs": plcs, "threads": threads, "store": store}

    def _loop_of(self, watch: PlcWatch) -> Callable[[threading.Event], None]:
        return lambda stop: read_plc_loop(watch, self._realtime, self._history, self._store, stop)

    def _removals(self) -> List[Transition]:
        """Tags that left the configuration: their open events end, which is no claim that they were FALSE (E12)."""
        configured = {(plc.address, tag.tag) for plc in self._plcs for tag in plc.tags if tag.is_state}
        configured |= {(plc.address, COMM_TAG) for plc in self._plcs}
        now_utc = utc_now()
        removals = []
        for address, tag in sorted(self._store.open_tags() - configured):
            memory = self._store.load_memory(address)
            known, start_utc = memory.states.get(tag), memory.open_since.get(tag)
            ts = max(now_utc, start_utc) if start_utc else now_utc
            earliest = min(known.good_utc, ts) if known else start_utc
            removals.append(Transition("close", address, tag, ts, earliest, "removed"))
        return removals
