"""Makes `events.sqlite3.example`, 30 days of events of the three simulated lagoons: `python -m tests.make_example`

The lagoons live in simulated time; detector and store are the real ones, with a scan a second where something changes.
The same seed gives the same events; only their `uid` and `created_at` are made up here.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import uuid
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from conectpy.events.detector import Detector
from conectpy.events.store import EventStore
from conectpy.models import PlcMemory, Sample, Scan, Transition
from conectpy.ROCWELL.plc_realtime_demo import PLCS, TAG_LABELS
from conectpy.settings.configuration import load_settings
from conectpy.settings.types import DatabaseSettings, PlcSettings
from conectpy.simulator.lagoon import Lagoon
from conectpy.timestamps import UTC, to_text

ROOT = Path(__file__).resolve().parents[1]
START_UTC = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
DAYS = 30
SEED = 2026
SCAN_S = 1.0
ROUND_TRIP = timedelta(milliseconds=180)


def main(path: str) -> None:
    """Write the example to `path`, replacing what is there."""
    for suffix in ("", "-wal", "-shm", ".witness"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    plcs = load_settings({"plcs": PLCS, "tag_labels": TAG_LABELS}, {}, {}).plcs
    labels = {(plc.address, tag.tag): tag.label for plc in plcs for tag in plc.tags}
    store = EventStore(DatabaseSettings(path), {plc.address: plc.name for plc in plcs}, labels)
    store.open()
    store.start()
    scans = [batch for plc in plcs for batch in live(plc)]
    for _, transitions in sorted(scans, key=lambda batch: batch[0]):
        store.record(transitions)
        if not store.flush(60.0):
            raise SystemExit(f"cannot store: {store.health()}")
    if not store.stop(60.0):
        raise SystemExit("could not store everything")
    settle(path)
    os.unlink(f"{path}.witness")


def live(plc: PlcSettings) -> Iterator[Tuple[datetime, List[Transition]]]:
    """A month of one plant: per scan with transitions its time and what the detector made of it."""
    plant = Plant(plc)
    chance = random.Random(f"{plc.address}/{SEED}")
    outages = sorted(chance.uniform(0, DAYS * 86400) for _ in range(4))
    end_s = DAYS * 86400.0
    now_s = 0.0
    yield plant.scan(now_s)
    while now_s < end_s:
        due_s = min(plant.next_change_s, end_s)
        if outages and outages[0] < due_s:
            del outages[0]
            begin_s = max(now_s + SCAN_S, float(int(due_s)) - 30.0)  # so that something changes unseen
            yield plant.scan(begin_s - SCAN_S, is_quiet=True)
            lasts_s = chance.choice((20.0, 300.0, 2400.0, 5400.0))
            for at_s in (begin_s, begin_s + 6.0, begin_s + lasts_s):
                yield plant.fail(at_s)
            now_s = begin_s + lasts_s + SCAN_S
        else:
            now_s = float(int(due_s)) + SCAN_S
            yield plant.scan(now_s - SCAN_S, is_quiet=True)
        yield plant.scan(now_s)
    yield plant.scan(now_s + SCAN_S, is_off=True)


class Plant:
    """A lagoon, and the detector that watches it. Times in seconds since the example's start."""

    def __init__(self, plc: PlcSettings) -> None:
        self._lagoon = Lagoon(plc.name, SEED, START_UTC.timestamp())
        # scans between two changes are left out here: that must not count as a machine that stood still
        self._detector = Detector(replace(plc, timeout_s=DAYS * 86400.0), PlcMemory())
        self._tags = [tag.tag for tag in plc.tags if tag.is_state]
        self._told: Dict[str, Any] = {}

    @property
    def next_change_s(self) -> float:
        """When a state changes next."""
        return self._lagoon.next_change_s - START_UTC.timestamp()

    def scan(self, at_s: float, is_quiet: bool = False, is_off: bool = False) -> Tuple[datetime, List[Transition]]:
        """A good scan; a quiet one comes before anything changes, and the last one finds the plant switched off."""
        sent_utc = START_UTC + timedelta(seconds=at_s)
        if not is_quiet:
            self._lagoon.run_to(sent_utc.timestamp())
        values = {tag: False if is_off else self._value(tag) for tag in self._tags}
        changed = {} if is_quiet else {tag: value for tag, value in values.items() if self._told.get(tag) is not value}
        self._told.update(changed)
        samples = tuple((tag, Sample(value)) for tag, value in changed.items())
        scan = Scan(sent_utc, sent_utc + ROUND_TRIP, ROUND_TRIP.total_seconds(), samples)
        return sent_utc, self._detector.on_scan(scan, at_s + ROUND_TRIP.total_seconds())

    def _value(self, tag: str) -> bool:
        """The state of a tag: by itself, as a member of a structure, or as a bit of a word."""
        values: Dict[str, Any] = self._lagoon.values
        if tag in values:
            return bool(values[tag])
        name, part = tag.split(".")
        return bool(values[name] >> int(part) & 1) if part.isdigit() else bool(values[name][part])

    def fail(self, at_s: float) -> Tuple[datetime, List[Transition]]:
        """A scan without an answer; the next good one tells every tag anew."""
        self._told.clear()
        at_utc = START_UTC + timedelta(seconds=at_s)
        return at_utc, self._detector.on_failure(at_utc, at_s)


def settle(path: str) -> None:
    """What is not the plants' goes: random ids, the time of the making, the memory of a collector that goes on."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        for event_id, plc, tag, start_ts in connection.execute(
            "SELECT id, plc_ip, tag, start_ts FROM events"
        ).fetchall():
            uid = uuid.uuid5(uuid.NAMESPACE_URL, f"{plc}/{tag}/{start_ts}")
            connection.execute("UPDATE events SET uid = ?, created_at = start_ts WHERE id = ?", (str(uid), event_id))
        connection.execute("UPDATE tags SET value = NULL, good_ts = NULL, last_ts = NULL")
        connection.execute("UPDATE plcs SET good_ts = NULL")
        connection.execute("DELETE FROM meta WHERE key LIKE 'clock:%'")
        for key in ("file_id", "epoch"):
            name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"conectpy/example/{SEED}/{key}"))
            connection.execute("UPDATE meta SET value = ? WHERE key = ?", (name, key))
        connection.execute("UPDATE meta SET value = ? WHERE key = 'made_ts'", (to_text(START_UTC),))
        connection.execute("VACUUM")
        count, first, last = connection.execute("SELECT COUNT(*), MIN(start_ts), MAX(end_ts) FROM events").fetchone()
    print(f"{path}: {count} events from {first} to {last}, {os.path.getsize(path)} bytes, seed {SEED}")
    assert first >= to_text(START_UTC)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "events.sqlite3.example"))
