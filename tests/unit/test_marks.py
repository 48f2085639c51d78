"""E15, E19, E20 at the file: how the clocks stood, signs of life, a run that began before the file could be read."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List, Sequence

import pytest

from conectpy.events.detector import Detector
from conectpy.events.marks import mark_row, read_marks
from conectpy.events.reader import EventReader
from conectpy.events.store import EventStore
from conectpy.models import COMM_TAG, Change, ClockMark, PlcMemory, Sample, Scan, Transition
from conectpy.settings.types import DatabaseSettings, PlcSettings, TagSettings
from conectpy.timestamps import boot_id, read_clocks, steady_s, utc_now

T0 = datetime(2026, 3, 1, 7, 0, tzinfo=timezone.utc)
PLC = PlcSettings("10.0.0.1", "Plant", tags=(TagSettings("P1", "Pump", is_state=True),))


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def open_store(path: Path) -> EventStore:
    store = EventStore(DatabaseSettings(str(path)), {PLC.address: PLC.name}, {})
    store.open()
    store.start()
    return store


def store_at_once(path: Path, changes: Sequence[Change]) -> None:
    store = open_store(path)
    store.record(changes)
    assert store.stop(10.0)


def rows(path: Path, sql: str = "SELECT * FROM events WHERE tag = 'P1' ORDER BY id") -> List[Dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite3"


def test_e15_marks_are_read_back_to_the_microsecond(path: Path) -> None:
    marks = [ClockMark(PLC.address, at(0.123456), 17.5, "one"), ClockMark("", at(1), 18.5, "one")]
    store = open_store(path)
    store.record(marks[:1])
    store.note_alive(marks[1])
    assert store.stop(10.0)
    memory = EventReader(str(path)).memory(PLC.address)
    assert (memory.clock, memory.alive) == (marks[0], marks[1])


@pytest.mark.parametrize("value", ["", "[]", "[1, 2]", '["x", 1, "b"]', '["2026-03-01T07:00:00Z", NaN, "b"]', None, 7])
def test_a_damaged_mark_is_none(value: Any) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        assert read_marks(connection) == {}, "a file of an older version"
        connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value)")
        connection.execute("INSERT INTO meta VALUES ('clock:a', ?)", (value,))
        good = ClockMark("b", at(0), 1.0, "one")
        connection.execute("INSERT INTO meta VALUES (?, ?)", mark_row(good))
        assert read_marks(connection) == {"b": good}


def test_e15_a_step_moves_in_the_file_what_was_last_known_of_tags_that_are_not_open(path: Path) -> None:
    store = open_store(path)
    store.record([ClockMark(PLC.address, at(0), 0.0, "one")])
    store.note_states(PLC.address, at(5), {"P1": (False, at(2)), COMM_TAG: (False, None)})
    store.record([ClockMark(PLC.address, at(3610), 10.0, "one")])
    assert store.stop(10.0)
    memory = EventReader(str(path)).memory(PLC.address)
    assert memory.states["P1"].good_utc == at(3602)
    assert memory.states[COMM_TAG].good_utc == at(3605)


def test_e19_signs_of_life_are_stored_while_nothing_else_is_and_are_no_revision(path: Path) -> None:
    store = open_store(path)
    marked_utc = utc_now()
    store.note_alive(ClockMark("", marked_utc, steady_s(), "one"))
    deadline_s = time.monotonic() + 25.0
    while store.load_memory(PLC.address).alive is None and time.monotonic() < deadline_s:
        threading.Event().wait(0.1)
    alive = store.load_memory(PLC.address).alive
    assert alive is not None
    assert alive.at_utc == marked_utc
    assert rows(path, "SELECT value FROM meta WHERE key = 'rev'") == [{"value": 0}]
    assert store.stop(10.0)


class Blind:
    """A run that could not read its file: the detector knows nothing, the changes wait."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.detector = Detector(PLC, PlcMemory(is_known=False))
        self.changes: List[Change] = []

    def scan(self, second: float, value: Any) -> None:
        sample = value if isinstance(value, Sample) else Sample(value)
        scan = Scan(at(second), at(second + 0.1), 0.1, (("P1", sample),))
        self.changes += self.detector.on_scan(scan, second + 0.1)

    def store(self) -> Dict[str, Any]:
        """The file can be read at last; its last row."""
        store_at_once(self.path, self.changes)
        return rows(self.path)[-1]


OPEN = Transition("open", PLC.address, "P1", at(-100), at(-101), "sampled", sent_utc=at(-100))


def test_e20_what_was_open_and_is_false_ended_unseen(path: Path) -> None:
    store_at_once(path, [OPEN])
    run = Blind(path)
    run.scan(0, False)
    run.scan(1, True)
    last = run.store()
    first = rows(path)[0]
    assert (first["end_quality"], first["end_ts"]) == ("gap", "2026-03-01T07:00:00.100Z")
    assert first["end_earliest_ts"] == "2026-03-01T06:58:20.000Z"
    assert (last["start_quality"], last["start_earliest_ts"]) == ("sampled", "2026-03-01T07:00:00.000Z")


def test_e20_what_was_open_and_is_true_goes_on_with_a_gap(path: Path) -> None:
    store_at_once(path, [OPEN])
    run = Blind(path)
    run.scan(0, True)
    run.scan(1, False)
    row = run.store()
    assert len(rows(path)) == 1
    assert (row["gap_count"], row["gap_s"]) == (1, 100.1)
    assert (row["end_quality"], row["duration_s"]) == ("sampled", None)


def test_e20_what_was_false_and_is_true_began_unseen(path: Path) -> None:
    store_at_once(path, [OPEN, Transition("close", PLC.address, "P1", at(-50), at(-51), "sampled", sent_utc=at(-50))])
    run = Blind(path)
    run.scan(0, True)
    row = run.store()
    assert (row["start_quality"], row["start_earliest_ts"]) == ("gap", "2026-03-01T06:59:10.000Z")


def test_e20_a_new_file_is_no_history(path: Path) -> None:
    run = Blind(path)
    run.scan(0, True)
    assert run.store()["start_quality"] == "at_connect"


def test_e9_a_tag_that_nobody_called_live_in_this_run_keeps_the_time_of_the_last_one(path: Path) -> None:
    store = open_store(path)
    store.note_states(PLC.address, at(-60), {"P1": (False, None)})
    assert store.stop(10.0)
    store = open_store(path)
    store.note_states(PLC.address, at(0), {})
    assert store.stop(10.0)
    assert EventReader(str(path)).memory(PLC.address).states["P1"].good_utc == at(-60)


def test_clocks_are_read_together_and_a_boot_has_a_name() -> None:
    now_utc, now_s = read_clocks()
    again_utc, again_s = read_clocks()
    assert abs((again_utc - now_utc).total_seconds() - (again_s - now_s)) < 0.05
    assert boot_id() == boot_id()
