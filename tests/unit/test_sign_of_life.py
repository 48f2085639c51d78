"""E19: the program's signs of life, and the absence between two runs, in a real file."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Iterator, List

from conectpy.collector.sign_of_life import SignOfLife
from conectpy.events.event_sql import EventQuery
from conectpy.events.store import EventStore
from conectpy.models import COLLECTOR_TAG, ClockMark, Event
from conectpy.settings.types import DatabaseSettings
from conectpy.timestamps import boot_id, read_clocks, utc_now


@contextlib.contextmanager
def running_store(folder: Path) -> Iterator[EventStore]:
    store = EventStore(DatabaseSettings(str(folder / "e.sqlite3")), {}, {})
    store.open()
    store.start()
    try:
        yield store
    finally:
        assert store.stop(10.0)


def leave_sign(folder: Path, age_s: float) -> datetime:
    """The last sign of life of a run that ended so long ago."""
    now_utc, now_s = read_clocks()
    alive_utc = now_utc - timedelta(seconds=age_s)
    with running_store(folder) as store:
        store.note_alive(ClockMark("", alive_utc, now_s - age_s, boot_id() or ""))
    return alive_utc


def absences(store: EventStore) -> List[Event]:
    assert store.flush(10.0)
    return store.reader().events(EventQuery(plc="", tag=COLLECTOR_TAG))


def test_the_first_run_has_no_absence_and_leaves_a_sign_of_life(tmp_path: Path) -> None:
    with running_store(tmp_path) as store:
        sign = SignOfLife(store)
        sign.begin()
        sign.give([None])
        assert absences(store) == []
    with running_store(tmp_path) as store:
        alive = store.load_memory("").alive
        assert alive is not None
        assert utc_now() - alive.at_utc < timedelta(minutes=5)


def test_the_absence_lasts_from_the_last_sign_of_life_to_the_first_scan(tmp_path: Path) -> None:
    alive_utc = leave_sign(tmp_path, 100.0)
    with running_store(tmp_path) as store:
        sign = SignOfLife(store)
        sign.begin()
        sign.give([None])
        (event,) = absences(store)
        assert abs(event.start_utc - alive_utc) < timedelta(seconds=1)
        assert event.end_utc is None
        began_utc = utc_now()
        for _ in range(2):
            sign.give([None, time.monotonic()])
        (event,) = absences(store)
        assert event.end_utc is not None
        assert abs(event.end_utc - began_utc) < timedelta(minutes=1)


def test_a_run_without_a_scan_belongs_to_the_same_absence(tmp_path: Path) -> None:
    alive_utc = leave_sign(tmp_path, 100.0)
    for _ in range(3):
        with running_store(tmp_path) as store:
            sign = SignOfLife(store)
            sign.begin()
            sign.give([None])
            (event,) = absences(store)
            assert abs(event.start_utc - alive_utc) < timedelta(seconds=2)
            assert event.end_utc is None
