"""E15 under every fault at once: a simulated day of changes, outages, restarts and clock steps into a real database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, Tuple

from hypothesis import given, settings
from hypothesis import strategies as st

from conectpy.events.detector import Detector
from conectpy.events.store import EventStore
from conectpy.models import COMM_TAG, Sample, Scan
from conectpy.settings.types import DatabaseSettings, PlcSettings, TagSettings

T0 = datetime(2026, 3, 1, 7, 0, tzinfo=timezone.utc)
PLC = PlcSettings("10.0.0.1", "Plant", tags=(TagSettings("P1", "Pump", is_state=True),))
STEPS = st.one_of(
    st.tuples(st.just("toggle"), st.just(0.0)),
    st.tuples(st.just("scan"), st.just(0.0)),
    st.tuples(st.just("bad"), st.just(0.0)),
    st.tuples(st.just("fail"), st.just(0.0)),
    st.tuples(st.just("freeze"), st.just(0.0)),
    st.tuples(st.just("restart"), st.just(0.0)),
    st.tuples(st.just("step"), st.sampled_from([-86400.0, -3600.0, -2.5, 2.5, 3600.0])),
)


class World:
    """A plant, two clocks, a detector and a store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now_s = 0.0
        self.offset_s = 0.0
        self.is_true = False
        self.told: Any = None
        self.changes: List[Tuple[datetime, bool, int]] = [(T0 - timedelta(days=2), False, 0)]
        self.steps = 0
        self.open()

    def open(self) -> None:
        self.store = EventStore(DatabaseSettings(str(self.path)), {PLC.address: PLC.name}, {})
        self.store.open()
        self.store.start()
        self.detector = Detector(PLC, self.store.load_memory(PLC.address))
        self.told = None

    def close(self) -> None:
        good_utc, notes = self.detector.take_notes()
        if good_utc is not None:
            self.store.note_states(PLC.address, good_utc, notes)
        assert self.store.stop(10.0)

    @property
    def wall(self) -> datetime:
        return T0 + timedelta(seconds=self.now_s + self.offset_s)

    def do(self, step: str, amount_s: float) -> None:
        self.now_s += 1.0
        if step == "toggle":
            self.is_true = not self.is_true
            self.changes.append((self.wall, self.is_true, self.steps))
        elif step == "step":
            self.offset_s += amount_s
            self.steps += 1
        elif step == "restart":
            self.close()
            self.open()
        elif step == "fail":
            self.told = None
            self.store.record(self.detector.on_failure(self.wall, self.now_s))
        else:
            self.scan(Sample(None, "bad") if step == "bad" else Sample(self.is_true), step == "freeze")

    def scan(self, sample: Sample, is_frozen: bool) -> None:
        sent = self.wall
        self.now_s += 0.1
        samples = () if sample == self.told else (("P1", sample),)
        self.told = sample
        scan = Scan(sent, self.wall, 0.1, samples, "PROGRAM" if is_frozen else None)
        self.store.record(self.detector.on_scan(scan, self.now_s))

    def rows(self) -> List[Dict[str, Any]]:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM events ORDER BY id")]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, min_size=5, max_size=60))
def test_e15_rows_hold_over_clock_steps_outages_and_restarts(steps: List[Tuple[str, float]]) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder) / "e.sqlite3")
        for step, amount_s in [("scan", 0.0), *steps, ("scan", 0.0), ("scan", 0.0)]:
            world.do(step, amount_s)
        world.close()
        rows = world.rows()
    states = [row for row in rows if row["tag"] != COMM_TAG]
    assert [row["end_ts"] for row in states].count(None) == int(world.is_true)
    for row in rows:
        assert row["end_ts"] is None or row["end_ts"] >= row["start_ts"]
        assert row["start_earliest_ts"] is None or row["start_earliest_ts"] <= row["start_ts"]
        assert row["gap_s"] >= 0
    if world.steps == 0:
        for row in states:
            assert has_change(world, True, row["start_earliest_ts"], row["start_ts"])
            assert row["end_ts"] is None or has_change(world, False, row["end_earliest_ts"], row["end_ts"])
            assert "clock_step" not in row["flags"]


def has_change(world: World, value: bool, after: Any, until: str) -> bool:
    return any(
        to == value and at <= moment(until) and (after is None or at > moment(after)) for at, to, _ in world.changes
    )
