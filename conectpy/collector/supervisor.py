"""`Collector`: one thread per PLC of the plant; started, supervised, changed while it runs, stopped."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import Any, Container, Dict, List, Optional, Sequence, Tuple

from ..events.store import EventStore
from ..live.metrics import Metrics
from ..live.realtime import RealtimeData
from ..live.recent_history import History
from ..models import COLLECTOR_TAG, COMM_TAG, PlcMemory, Transition
from ..plant.current import Plant
from ..plant.diff import Diff
from ..settings.types import PlcSettings, Settings
from ..texts.catalogue import say
from ..timestamps import read_clocks, utc_now
from .loop import PlcWatch, read_plc_loop
from .plc_sinks import HistorySink, LiveSink, LogSink, MetricsSink, StoreSink
from .sign_of_life import SignOfLife
from .sinks import Sink
from .thread_health import plc_health, thread_health
from .worker import Worker, stop_all

__all__ = ["Collector", "Worker"]

log = logging.getLogger(__name__)

FLUSH_S = 2.0


class Collector:
    """The PLC threads of one process. `replace` and `health` may be called by any thread, the rest by the main one."""

    def __init__(
        self, plant: Plant, realtime: RealtimeData, history: History, store: EventStore, metrics: Metrics
    ) -> None:
        self._plant = plant
        self._realtime = realtime
        self._history = history
        self._store = store
        self._metrics = metrics
        self._sign_of_life = SignOfLife(store)
        self._changing = threading.Lock()  # guards the order of changes: one is complete before the next begins
        self._lock = threading.Lock()  # guards the next three
        self._workers: Tuple[Worker, ...] = ()
        self._leaving: Tuple[Worker, ...] = ()  # asked to end, and not waited for to the end yet
        self._is_stopping = False

    def start(self) -> None:
        """Go on from what the store knows, and start one thread per PLC. The store is open."""
        plcs = self._plant.current.plcs
        self._store.record(self._removals(plcs))
        workers = [self._make_worker(plc, self._store.load_memory(plc.address)) for plc in plcs]
        self._sign_of_life.begin()  # after those have read when the previous run gave its last
        with self._lock:
            self._workers += tuple(workers)
        for worker in workers:
            worker.start()

    def add(self, worker: Worker) -> None:
        """Supervise one more thread, which the caller starts and stops."""
        with self._lock:
            self._workers += (worker,)

    def supervise(self, stop: threading.Event) -> None:
        """Watch over the threads until `stop` is set. A wait of a second keeps Ctrl+C working on Windows."""
        writer_restarts = 0
        while not stop.wait(1.0):
            for worker in self._workers:
                if worker.supervise():
                    self._metrics.thread_restarts.labels(worker.name).inc()
            self._give_sign_of_life()
            counted, writer_restarts = writer_restarts, self._store.restarts
            self._metrics.thread_restarts.labels("store").inc(writer_restarts - counted)
            health = self._store.health()
            self._metrics.store_queued.set(health["queued"])
            self._metrics.store_lost.set(health["lost"])
        self._give_sign_of_life()

    def stop(self) -> List[str]:
        """End the PLC threads, also those that a change has just asked to end. Who did not stop?"""
        with self._lock:
            self._is_stopping = True
            workers = self._workers + self._leaving
        return [worker.name for worker in stop_all([worker for worker in workers if worker.watch is not None])]

    def health(self) -> Tuple[bool, Dict[str, Any]]:
        """Whether everything is well, and what is not: per PLC, per thread, and the store."""
        workers = self._workers
        plcs = {
            worker.watch.plc.address: plc_health(worker.watch, self._realtime) for worker in workers if worker.watch
        }
        store = self._store.health()
        threads = {worker.name: thread_health(worker) for worker in workers}
        writer = self._store
        threads["store"] = {"alive": writer.is_alive, "restarts": writer.restarts, "last_error": writer.last_crash}
        is_ok = bool(store["ok"]) and self._store.is_alive and all(plc["ok"] for plc in plcs.values())
        is_ok = is_ok and all(worker.is_alive and not worker.is_hung for worker in workers)
        return is_ok, {"ok": is_ok, "plcs": plcs, "threads": threads, "store": store}

    # -- changes while running -----------------------------------------------------------------------------------------

    def replace(self, settings: Settings) -> Diff:
        """Put other settings in force: `Plant.replace`, and `apply` of what that gives, as one step."""
        with self._changing:
            diff = self._plant.replace(settings)
            self._apply(diff)
            return diff

    def apply(self, diff: Diff) -> None:
        """Start the PLCs that are new, end those that are gone, let those that changed go on under their new settings.

        Other PLCs notice nothing. What changed is taken over by the PLC's own thread before its next scan or attempt,
        within about a second, or when a driver that hangs has been cut off: nobody waits for a PLC here. Only an end is
        waited for, by a deadline; what a thread that hangs may still bring is dropped.
        """
        with self._changing:
            self._apply(diff)

    def _apply(self, diff: Diff) -> None:
        self._remove({plc.address for plc in diff.removed})
        self._add(diff.added)
        watches = {worker.watch.plc.address: worker for worker in self._workers if worker.watch is not None}
        for change in diff.changed:
            worker = watches.get(change.after.address)
            if worker is not None and worker.watch is not None:
                worker.rename(self._thread_name(change.after))
                worker.watch.change_to(change.after)

    def _remove(self, addresses: Container[str]) -> None:
        with self._lock:
            gone = tuple(worker for worker in self._workers if _address_of(worker) in addresses)
            self._workers = tuple(worker for worker in self._workers if worker not in gone)
            self._leaving += gone
        stop_all(gone)
        for worker in gone:
            if worker.watch is not None:
                self._forget(worker.watch)
        with self._lock:
            self._leaving = tuple(worker for worker in self._leaving if worker not in gone)

    def _forget(self, watch: PlcWatch) -> None:
        """Its open events end, which is no claim that they were FALSE (E12); nothing is shown of it any more."""
        address = watch.plc.address
        watch.retire()
        self._store.record(watch.detector.close_all(*read_clocks()))
        self._realtime.forget(address)
        self._history.keep_only(address, ())
        self._metrics.forget(address)
        log.info(say("collector.removed", plc=watch.plc.name, address=address))

    def _add(self, plcs: Sequence[PlcSettings]) -> None:
        if not plcs:
            return
        is_durable = self._store.flush(FLUSH_S)  # or the file would tell of an earlier time of the same PLC
        for plc in plcs:
            memory = self._store.load_memory(plc.address) if is_durable else PlcMemory(is_known=False)
            # that it was not read while it was not configured is nobody's gap
            worker = self._make_worker(plc, replace(memory, alive=None))
            with self._lock:
                if self._is_stopping:
                    return
                self._workers += (worker,)
            worker.start()

    def _give_sign_of_life(self) -> None:
        self._sign_of_life.give([worker.watch.stats.last_good_s for worker in self._workers if worker.watch])

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _make_worker(self, plc: PlcSettings, memory: PlcMemory) -> Worker:
        watch = PlcWatch(plc, memory)
        watch.sinks = self._make_sinks(watch)
        self._realtime.register(plc, memory.open_since)
        return Worker(self._thread_name(plc), lambda stop: read_plc_loop(watch, stop), watch)

    def _make_sinks(self, watch: PlcWatch) -> Tuple[Sink, ...]:
        """Who listens to a PLC; the store first, whatever becomes of the others."""
        return (
            StoreSink(self._store, watch.detector),
            LiveSink(self._realtime),
            HistorySink(self._history),
            MetricsSink(self._metrics.for_plc(watch.plc.address)),
            LogSink(),
        )

    def _thread_name(self, plc: PlcSettings) -> str:
        is_unique = [one.name for one in self._plant.current.plcs].count(plc.name) <= 1
        return f"plc-{plc.name}" if is_unique else f"plc-{plc.name} ({plc.address})"

    def _removals(self, plcs: Sequence[PlcSettings]) -> List[Transition]:
        """Tags that left the configuration: their open events end, which is no claim that they were FALSE (E12)."""
        configured = {(plc.address, tag.tag) for plc in plcs for tag in plc.tags if tag.is_state}
        configured |= {(plc.address, COMM_TAG) for plc in plcs} | {("", COLLECTOR_TAG)}
        now_utc = utc_now()
        removals = []
        for address, tag in sorted(self._store.open_tags() - configured):
            memory = self._store.load_memory(address)
            known, start_utc = memory.states.get(tag), memory.open_since.get(tag)
            ts = max(now_utc, start_utc) if start_utc else now_utc
            earliest = min(known.good_utc, ts) if known else start_utc
            removals.append(Transition("close", address, tag, ts, earliest, "removed"))
        return removals


def _address_of(worker: Worker) -> Optional[str]:
    return worker.watch.plc.address if worker.watch is not None else None
