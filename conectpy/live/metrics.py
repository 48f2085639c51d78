"""The Prometheus instruments, on a registry that is passed in. documentation.md lists them; a test compares."""

from __future__ import annotations

from contextlib import suppress
from typing import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

SCAN_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Every instrument of the process; labels are bound once per PLC by `for_plc`."""

    def __init__(self, registry: CollectorRegistry, log_lines_lost: Callable[[], int] = int) -> None:
        self.registry = registry
        plc = ("plc",)
        self._scan_seconds = Histogram(
            "conectpy_scan_seconds", "Duration of good scans", plc, buckets=SCAN_BUCKETS_S, registry=registry
        )
        self._failures = Counter("conectpy_failures", "Failed connections and scans", plc, registry=registry)
        self._overruns = Counter("conectpy_overruns", "Scans longer than their interval", plc, registry=registry)
        self._missed = Counter("conectpy_missed_cycles", "Scans left out after overruns", plc, registry=registry)
        self._transitions = Counter("conectpy_transitions", "Transitions handed to the store", plc, registry=registry)
        self._chatter = Counter("conectpy_chatter", "Transitions flagged as chatter", plc, registry=registry)
        self._up = Gauge("conectpy_plc_up", "1 while the last scan was good", plc, registry=registry)
        self.thread_restarts = Counter(
            "conectpy_thread_restarts", "Threads that died or hung and were replaced", ("thread",), registry=registry
        )
        self.store_queued = Gauge("conectpy_store_queued", "Transitions not yet durable", registry=registry)
        self.store_lost = Gauge("conectpy_store_lost", "Transitions lost because the queue was full", registry=registry)
        registry.register(_LostLines(log_lines_lost))

    def for_plc(self, address: str) -> PlcMetrics:
        """The instruments of one PLC."""
        return PlcMetrics(self, address)

    def forget(self, address: str) -> None:
        """Show nothing of this PLC any more."""
        of_plcs = (self._scan_seconds, self._failures, self._overruns, self._missed, self._transitions)
        for instrument in (*of_plcs, self._chatter, self._up):
            with suppress(KeyError):
                instrument.remove(address)


class _LostLines(Collector):
    """A counter that others keep: read when it is asked for."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily("conectpy_log_lines_lost", "Log lines that could not be written", self._count())


class PlcMetrics:
    """The instruments of one PLC; written by its thread."""

    def __init__(self, metrics: Metrics, address: str) -> None:
        self.scan_seconds = metrics._scan_seconds.labels(address)
        self.failures = metrics._failures.labels(address)
        self.overruns = metrics._overruns.labels(address)
        self.missed_cycles = metrics._missed.labels(address)
        self.transitions = metrics._transitions.labels(address)
        self.chatter = metrics._chatter.labels(address)
        self.up = metrics._up.labels(address)
