"""E15 and E19 under every fault at once: changes, outages, restarts, standstills and clock steps into a real database.

A second account of the same world is kept by the steady clock, which nobody sets: what a row says on the wall clock is
translated by what was known of it when the row was closed.
"""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

from conectpy.events.detector import Detector
from conectpy.events.store import EventStore
from conectpy.models import COMM_TAG, ClockMark, Sample, Scan
from conectpy.settings.types import DatabaseSettings, PlcSettings, TagSettings

T0 = datetime(2026, 3, 1, 7, 0, tzinfo=timezone.utc)
TAG = TagSettings("P1", "Pump", is_state=True)
DELAYED = TagSettings("P1", "Pump", is_state=True, on_delay_s=3.0, off_delay_s=2.0)
KINDS = ["toggle", "scan", "scan", "bad", "fail", "freeze", "restart", "kill", "reboot", "sleep", "step"]
CLOCK_STEPS_S = [-86400.0, -3600.0, -3.0, -1.5, 1.5, 3.0, 3600.0, 86400.0]
"""No two of them between two scans add up to less than the second from which on it is a step."""

Step = Tuple[str, float]


class World:
    """A plant, two clocks, a detector and a store."""

    def __init__(self, path: Path, tag: TagSettings = TAG) -> None:
        self.path = path
        self.plc = PlcSettings("10.0.0.1", "Plant", tags=(tag,))
        self.now_s = 0.0
        self.offset_s = 0.0
        self.boot = 0
        self.is_true = False
        self.told: Any = None
        self.changes: List[Tuple[float, bool]] = [(-172800.0, False)]  # by the steady clock
        self.steps: List[Tuple[float, float]] = []  # when, by the steady clock, and by how much
        self.seen: List[float] = []  # when a good sample of the tag was asked for
        self.open()

    def open(self) -> None:
        self.store = EventStore(DatabaseSettings(str(self.path)), {self.plc.address: self.plc.name}, {})
        self.store.open()
        self.store.start()
        self.detector = Detector(self.plc, self.store.load_memory(self.plc.address), f"boot {self.boot}")
        self.told = None
        self.noted_s = float("-inf")

    def note(self) -> None:
        self.noted_s = self.now_s
        self.store.note_alive(ClockMark("", self.wall, self.now_s, f"boot {self.boot}"))
        good_utc, notes = self.detector.take_notes()
        if good_utc is not None:
            self.store.note_states(self.plc.address, good_utc, notes)

    def close(self) -> None:
        assert self.store.stop(10.0)

    @property
    def wall(self) -> datetime:
        return T0 + timedelta(seconds=self.now_s + self.offset_s)

    def do(self, step: str, amount_s: float = 0.0) -> None:
        self.now_s += 1.0
        if step == "toggle":
            self.is_true = not self.is_true
            self.changes.append((self.now_s, self.is_true))
        elif step == "step":
            self.offset_s += amount_s
            self.steps.append((self.now_s, amount_s))
        elif step == "sleep":
            self.now_s += 600.0
        elif step in ("restart", "kill", "reboot"):
            if step == "kill":  # what was seen since the last notes is forgotten
                self.seen = [at_s for at_s in self.seen if at_s <= self.noted_s]
            else:
                self.note()
            self.close()
            self.boot += step == "reboot"
            self.open()
        elif step == "fail":
            self.told = None
            self.store.record(self.detector.on_failure(self.wall, self.now_s))
            self.note_in_time()
        else:
            self.scan(Sample(None, "bad") if step == "bad" else Sample(self.is_true), step == "freeze")

    def scan(self, sample: Sample, is_frozen: bool) -> None:
        sent, sent_s = self.wall, self.now_s
        self.now_s += 0.1
        samples = () if sample == self.told else (("P1", sample),)
        self.told = sample
        scan = Scan(sent, self.wall, 0.1, samples, "PROGRAM" if is_frozen else None, self.now_s)
        self.store.record(self.detector.on_scan(scan, self.now_s))
        if sample.error is None and not is_frozen:
            self.seen.append(sent_s)
        self.note_in_time()

    def note_in_time(self) -> None:
        """As the loop does: what is stored is at most 5 s old."""
        if self.now_s + 1.0 - self.noted_s > 4.0:
            self.note()

    def rows(self, table: str = "events") -> List[Dict[str, Any]]:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY id")]

    def has_change(self, value: bool, after_ts: Optional[str], until_ts: str) -> bool:
        """Whether the tag truly turned to `value` in the interval, by some clock that the row may go by.

        A row goes by the wall clock as it stood at one time: when it was closed, or at the end.
        """
        offsets = [0.0]
        for _, amount_s in self.steps:
            offsets.append(offsets[-1] + amount_s)
        for offset_s in offsets:
            until_s = seconds(until_ts) - offset_s
            after_s = float("-inf") if after_ts is None else seconds(after_ts) - offset_s
            if any(to == value and after_s - 0.001 < at_s <= until_s + 0.001 for at_s, to in self.changes):
                return True
        return False


def seconds(text: str) -> float:
    """From T0 on."""
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - T0).total_seconds()


def live_through(path: Path, steps: List[Step], tag: TagSettings = TAG) -> World:
    world = World(path, tag)
    for step, amount_s in [("scan", 0.0), *steps, ("scan", 0.0), ("scan", 0.0)]:
        world.do(step, amount_s)
    for _ in range(4 if tag is DELAYED else 0):
        world.do("scan")
    world.note()
    world.close()
    return world


def check(world: World) -> None:
    rows = world.rows()
    states = [row for row in rows if row["tag"] != COMM_TAG]
    assert [row["end_ts"] for row in states].count(None) == int(world.is_true)
    for row in rows:
        check_times(world, row)
    for row in states:
        assert world.has_change(True, row["start_earliest_ts"], row["start_ts"]), row
        assert row["end_ts"] is None or world.has_change(False, row["end_earliest_ts"], row["end_ts"]), row
        assert world.steps or "clock_step" not in row["flags"], row
    for gap in world.rows("gaps"):
        assert gap["from_ts"] < gap["to_ts"], gap
        if not world.steps and world.plc.tags == (TAG,):  # a change that waits for its delay is none over a restart
            from_s, to_s = seconds(gap["from_ts"]), seconds(gap["to_ts"])
            assert not [at_s for at_s in world.seen if from_s + 0.01 < at_s < to_s - 0.2], gap


def check_times(world: World, row: Dict[str, Any]) -> None:
    """No run is negative, dated ahead, or shorter than the steady clock measured."""
    assert row["gap_s"] >= 0, row
    assert row["start_earliest_ts"] is None or row["start_earliest_ts"] <= row["start_ts"], row
    latest = max([0.0, *(sum(amount for _, amount in world.steps[:n]) for n in range(len(world.steps) + 1))])
    assert seconds(row["end_ts"] or row["start_ts"]) <= world.now_s + latest + 0.002, row
    if row["end_ts"] is not None:
        length_s = seconds(row["end_ts"]) - seconds(row["start_ts"])
        assert length_s >= 0, row
        if row["duration_s"] is not None:
            assert abs(length_s - row["duration_s"]) < 0.01, row
        if world.boot == 0:
            assert length_s > 0, row


def random_steps(dice: random.Random, kinds: List[str]) -> List[Step]:
    steps = [dice.choice(kinds) for _ in range(dice.randrange(5, 40))]
    return [(step, dice.choice(CLOCK_STEPS_S) if step == "step" else 0.0) for step in steps]


def run_histories(folder: Path, count: int, kinds: List[str], seed: int) -> None:
    for number in range(count):
        dice = random.Random(f"{seed} {number}")
        steps = random_steps(dice, kinds)
        tag = dice.choice([TAG, DELAYED])
        path = folder / f"{number}.sqlite3"
        try:
            check(live_through(path, steps, tag))
        except AssertionError as exc:
            shown = " ".join(f"{step}:{amount_s:g}" if amount_s else step for step, amount_s in steps)
            raise AssertionError(f"seed {seed}, history {number}, {tag}: {shown}") from exc
        for one in folder.glob(f"{number}.sqlite3*"):
            one.unlink()


@pytest.mark.parametrize(
    "steps",
    [
        "scan toggle restart bad bad restart scan",
        "toggle scan bad restart bad restart toggle scan",
        "toggle restart bad kill bad bad kill scan",
        "scan toggle scan fail toggle restart fail fail scan",
    ],
)
def test_e9_a_tag_that_stays_bad_over_a_restart_keeps_the_time_it_was_last_known(tmp_path: Path, steps: str) -> None:
    check(live_through(tmp_path / "e.sqlite3", [(step, 0.0) for step in steps.split()]))


@pytest.mark.parametrize("amount_s", CLOCK_STEPS_S)
@pytest.mark.parametrize(
    "steps",
    [
        "toggle scan scan step scan toggle scan",
        "toggle scan fail step fail toggle scan",
        "toggle scan freeze step freeze toggle scan",
        "toggle scan restart step restart toggle scan",
        "toggle scan restart step fail restart toggle scan",
        "scan step toggle scan toggle scan",
        "scan fail step toggle scan toggle scan",
        "toggle scan step scan restart scan toggle scan",
        "toggle scan step scan kill scan toggle scan",
        "toggle scan step kill scan toggle scan",
        "scan bad step scan bad kill scan toggle scan",
    ],
)
def test_e15_a_step_in_every_phase(tmp_path: Path, steps: str, amount_s: float) -> None:
    history = [(step, amount_s if step == "step" else 0.0) for step in steps.split()]
    check(live_through(tmp_path / "e.sqlite3", history))
    check(live_through(tmp_path / "d.sqlite3", history, DELAYED))


def test_e15_a_step_and_the_first_notes_of_a_run_may_share_a_transaction(tmp_path: Path) -> None:
    history = (
        "step toggle kill freeze fail freeze bad freeze restart kill freeze bad sleep bad scan fail kill step scan"
    )
    amounts_s = iter([-3.0, 3.0])
    steps = [(step, next(amounts_s) if step == "step" else 0.0) for step in history.split()]
    check(live_through(tmp_path / "e.sqlite3", steps, DELAYED))


@pytest.mark.parametrize("amount_s", CLOCK_STEPS_S)
def test_e15_over_a_reboot_no_run_is_negative_or_ahead(tmp_path: Path, amount_s: float) -> None:
    world = World(tmp_path / "e.sqlite3")
    for step in ["scan", "toggle", "scan", "scan"]:
        world.do(step)
    world.note()
    world.close()
    world.boot, world.offset_s = 1, amount_s
    world.open()
    world.do("toggle")
    world.do("scan")
    world.close()
    (row,) = world.rows()
    assert seconds(row["start_ts"]) < seconds(row["end_ts"]) <= world.now_s + amount_s + 0.002
    assert row["end_earliest_ts"] >= row["start_ts"]
    assert "clock_step" in row["flags"] or amount_s > -3.5


@pytest.mark.timeout(1200)
def test_every_row_holds_over_random_histories(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Fresh ones each time; the seed is in the message of a failure."""
    seed = int.from_bytes(os.urandom(4), "big")
    count = request.config.getoption("--histories")
    print(f"seed {seed}")
    quiet = [kind for kind in KINDS if kind not in ("step", "reboot")]
    run_histories(tmp_path, count // 2, quiet, seed)
    run_histories(tmp_path, count - count // 2, [kind for kind in KINDS if kind != "reboot"] + ["step"], seed)
