"""The sinks of the monitor: the store, the live values, their recent past, the metrics, the log."""

from __future__ import annotations

import logging
import re
import time
from typing import Dict, Optional

from ..events.detector import Detector
from ..events.store import EventStore
from ..live.metrics import PlcMetrics
from ..live.realtime import RealtimeData
from ..live.recent_history import SCAN_TAG, History
from ..models import COMM_TAG, Scan, Transition
from ..settings.types import PlcSettings
from ..texts.catalogue import say
from ..timestamps import to_text
from .sinks import Changes, Facts, Outage, Sink

log = logging.getLogger(__name__)

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|\d+(?:[.,]\d+)*")
NOTE_AGE_S = 4.0
"""The store keeps a last known state that is at most 5 s old, and takes its own time to write it."""


class StoreSink(Sink):
    """Transitions to the store, and every few seconds the last known states, so that a restart goes on from them
    (promise E9)."""

    def __init__(self, store: EventStore, detector: Detector) -> None:
        self._store = store
        self._detector = detector
        self._noted_s = 0.0

    def on_settings(self, plc: PlcSettings, changes: Changes) -> None:
        self._store.record(changes)

    def on_scan(self, plc: PlcSettings, scan: Scan, changes: Changes, facts: Facts) -> None:
        if changes:
            self._store.record(changes)
        self._note_if_due(plc, plc.interval_s)

    def on_outage(self, plc: PlcSettings, outage: Outage, changes: Changes, facts: Facts) -> None:
        self.on_downtime(plc, changes)

    def on_downtime(self, plc: PlcSettings, changes: Changes) -> None:
        self._store.record(changes)
        self._note_if_due(plc, 1.0)

    def on_stop(self, plc: PlcSettings) -> None:
        self._note_states(plc)

    def _note_if_due(self, plc: PlcSettings, next_in_s: float) -> None:
        if time.monotonic() + next_in_s - self._noted_s > NOTE_AGE_S:
            self._note_states(plc)

    def _note_states(self, plc: PlcSettings) -> None:
        self._noted_s = time.monotonic()
        good_utc, notes = self._detector.take_notes()
        if good_utc is not None:
            self._store.note_states(plc.address, good_utc, notes)


class LiveSink(Sink):
    """What everybody sees: one scan, and one outage, is one version of `realtime_data`."""

    def __init__(self, realtime: RealtimeData) -> None:
        self._realtime = realtime

    def on_settings(self, plc: PlcSettings, changes: Changes) -> None:
        self._realtime.register(plc)

    def on_scan(self, plc: PlcSettings, scan: Scan, changes: Changes, facts: Facts) -> None:
        self._realtime.publish_scan(plc.address, scan, facts, since_of(changes) if changes else None)

    def on_outage(self, plc: PlcSettings, outage: Outage, changes: Changes, facts: Facts) -> None:
        self._realtime.publish_failure(plc.address, to_text(outage.at_utc), facts, since_of(changes))


class HistorySink(Sink):
    """The recent past, for trends."""

    def __init__(self, history: History) -> None:
        self._history = history

    def on_settings(self, plc: PlcSettings, changes: Changes) -> None:
        self._history.keep_only(plc.address, {SCAN_TAG, *(tag.tag for tag in plc.tags)})

    def on_scan(self, plc: PlcSettings, scan: Scan, changes: Changes, facts: Facts) -> None:
        self._history.record_scan(plc.address, scan)

    def on_outage(self, plc: PlcSettings, outage: Outage, changes: Changes, facts: Facts) -> None:
        self._history.record_outage(plc.address, to_text(outage.at_utc))


class MetricsSink(Sink):
    """The PLC's instruments."""

    def __init__(self, metrics: PlcMetrics) -> None:
        self._metrics = metrics
        self._overruns = self._missed_cycles = 0  # of those, so many are counted

    def on_settings(self, plc: PlcSettings, changes: Changes) -> None:
        self._count(changes)

    def on_scan(self, plc: PlcSettings, scan: Scan, changes: Changes, facts: Facts) -> None:
        self._metrics.scan_seconds.observe(scan.duration_s)
        self._metrics.up.set(1)
        self._count_overruns(facts)
        self._count(changes)

    def on_outage(self, plc: PlcSettings, outage: Outage, changes: Changes, facts: Facts) -> None:
        self._metrics.failures.inc()
        self._metrics.up.set(0)
        self._count_overruns(facts)
        self._count(changes)

    def on_downtime(self, plc: PlcSettings, changes: Changes) -> None:
        self._count(changes)

    def _count_overruns(self, facts: Facts) -> None:
        overruns = facts["overruns"] - self._overruns
        if overruns:
            self._metrics.overruns.inc(overruns)
            self._metrics.missed_cycles.inc(facts["missed_cycles"] - self._missed_cycles)
            self._overruns, self._missed_cycles = facts["overruns"], facts["missed_cycles"]

    def _count(self, changes: Changes) -> None:
        transitions = [change for change in changes if isinstance(change, Transition)]
        if transitions:
            self._metrics.transitions.inc(len(transitions))
            self._metrics.chatter.inc(sum("chatter" in transition.flags for transition in transitions))


class LogSink(Sink):
    """A line for each connection, and for each failure that differs from the one before it in more than numbers."""

    def __init__(self) -> None:
        self._fails = 0
        self._repeats = 0  # failures since the last line that were like it
        self._likeness = ""

    def on_connect(self, plc: PlcSettings, facts: Facts) -> None:
        log.info(say("collector.connected", plc=plc.name, address=plc.address))

    def on_scan(self, plc: PlcSettings, scan: Scan, changes: Changes, facts: Facts) -> None:
        if self._fails:
            log.info(say("collector.good_again", plc=plc.name, address=plc.address, count=self._fails))
            self._fails = self._repeats = 0

    def on_outage(self, plc: PlcSettings, outage: Outage, changes: Changes, facts: Facts) -> None:
        likeness = _NUMBER.sub("#", outage.text)
        if outage.fails > 1 and likeness == self._likeness:
            self._repeats += 1
        else:
            self._tell_repeats(plc)
            text = outage.text
            is_named = text.startswith((f"{plc.name} ({plc.address})", f"{plc.name}: "))
            log.warning(text if is_named else say("plc.fault", plc=plc.name, address=plc.address, fault=text))
        self._fails, self._likeness = outage.fails, likeness

    def on_stop(self, plc: PlcSettings) -> None:
        self._tell_repeats(plc)

    def _tell_repeats(self, plc: PlcSettings) -> None:
        if self._repeats:
            log.warning(say("collector.repeated", plc=plc.name, address=plc.address, count=self._repeats))
        self._repeats = 0


def since_of(changes: Changes) -> Dict[str, Optional[str]]:
    """Since when the states that have changed are what they are; None: not known."""
    since: Dict[str, Optional[str]] = {}
    for change in changes:
        if isinstance(change, Transition) and change.kind in ("open", "close") and change.tag != COMM_TAG:
            is_known = change.quality not in ("tag_lost", "removed")
            since[change.tag] = to_text(change.ts_utc) if is_known else None
    return since
