"""The oracle: a simulated plant logs its own truth while links, tags, programs and the monitor itself are made to fail.

Afterwards every stored row is held against that log: the true time of a change lies in (earliest, ts], and every state
that could be seen for longer than the longest gap has its row. What happened while nothing was wrong is `sampled`, in
an interval no wider than the longest gap, without gaps inside.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, Optional, Tuple

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from conectpy.simulator.controller import LogixController
from conectpy.simulator.logix_server import LogixServer
from tests.monitor import Monitor, wait_until

TAGS = [f"P{number}_ST" for number in range(4)]
INTERVAL_S = 0.05
SETTLE_SCANS = 4
STALL_S = 1.9
"""A monitor that a busy machine left without CPU for this long says so by a gap."""


class Truth:
    """What really happened: per tag the times (epoch seconds) from which readers saw the next value."""

    def __init__(self) -> None:
        self.changes: Dict[str, List[Tuple[float, bool]]] = {tag: [(0.0, False)] for tag in TAGS}

    def value(self, tag: str) -> bool:
        return self.changes[tag][-1][1]

    def has_change(self, tag: str, value: bool, after_s: Optional[float], until_s: float) -> bool:
        """Whether the tag turned to `value` within (after_s, until_s]."""
        return any(
            to == value and at_s <= until_s and (after_s is None or at_s > after_s) for at_s, to in self.changes[tag]
        )

    def stretches(self, tag: str) -> List[Tuple[float, float]]:
        """The times in which the tag was TRUE and is no more."""
        changes = self.changes[tag]
        return [(changes[i][0], changes[i + 1][0]) for i in range(len(changes) - 1) if changes[i][1]]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Plant(RuleBasedStateMachine):
    """One PLC, one monitor, and everything that can go wrong between them."""

    @initialize()
    def start(self) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.truth = Truth()
        self.server = LogixServer(LogixController({tag: ("BOOL", False) for tag in TAGS}), host="127.0.0.1", port=0)
        self.server.start()
        plc = {"name": "Oracle", "interval_s": INTERVAL_S, "timeout_s": 0.3, "state_tags": TAGS, "comm_delay_s": 0.2}
        config = self.path / "plant.yml"
        config.write_text(json.dumps({"plcs": {self.server.address: plc}}), encoding="utf-8")
        self.arguments = ("--config", str(config), "--db", str(self.path / "events.sqlite3"))
        self.longest_gap_s = 0.0
        self.troubles: List[Tuple[float, float]] = []  # from a fault to when all was well again
        self.trouble_s: Optional[float] = time.time()
        self.restarts_s: List[float] = []
        self.monitor = Monitor(*self.arguments).wait_ready()
        self.settle()

    # -- what the plant does -------------------------------------------------------------------------------------------

    @rule(tag=st.sampled_from(TAGS))
    def toggle(self, tag: str) -> None:
        value = not self.truth.value(tag)
        self.truth.changes[tag].append((self.server.controller.write(tag, value), value))

    @rule(tag=st.sampled_from(TAGS), scans=st.integers(1, 6))
    def pulse(self, tag: str, scans: int) -> None:
        self.toggle(tag)
        time.sleep(scans * INTERVAL_S)
        self.toggle(tag)

    @rule()
    def settle(self) -> None:
        """Good scans again, and some of them."""
        self.server.faults.is_frozen = False
        for tag in TAGS:
            self.server.faults.heal_tag(tag)
        since_s = time.time()
        wait_until(lambda: self.is_good(since_s), "good scans", 40.0)
        time.sleep(SETTLE_SCANS * INTERVAL_S)
        if self.trouble_s is not None:
            self.troubles.append((self.trouble_s, time.time()))
            self.trouble_s = None

    def begin_trouble(self) -> None:
        if self.trouble_s is None:
            self.trouble_s = time.time()

    # -- what goes wrong -----------------------------------------------------------------------------------------------

    @rule(with_reset=st.booleans())
    def cut(self, with_reset: bool) -> None:
        self.begin_trouble()
        self.server.cut(with_reset)

    @rule()
    def freeze(self) -> None:
        self.begin_trouble()
        self.server.faults.is_frozen = True
        time.sleep(0.5)

    @rule(tag=st.sampled_from(TAGS))
    def fail_tag(self, tag: str) -> None:
        self.begin_trouble()
        self.server.faults.fail_tag(tag)

    @rule()
    def download_program(self) -> None:
        self.begin_trouble()
        self.server.controller.shuffle()

    @rule(is_killed=st.booleans())
    def restart_monitor(self, is_killed: bool) -> None:
        self.note_gap()
        self.begin_trouble()
        self.restarts_s.append(time.time())
        if is_killed:
            self.monitor.kill()
        else:
            assert self.monitor.stop() == 0, "\n".join(self.monitor.lines[-20:])
        self.monitor = Monitor(*self.arguments).wait_ready()

    # -- what must hold ------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "monitor"):
            return
        try:
            self.settle()
            self.note_gap()
            assert self.monitor.stop() == 0
            assert not [line for line in self.monitor.lines if "Traceback" in line]
            self.check()
        finally:
            if self.monitor.process.poll() is None:
                self.monitor.kill()
            self.server.stop()
            self.folder.cleanup()

    def is_good(self, since_s: float) -> bool:
        """Whether there was a good scan since: one from before a cut proves nothing."""
        meta = self.monitor.get("/data")[self.server.address]["_meta"]
        return bool(meta["quality"] == "OK" and meta["last_ok_ts"] and seconds(meta["last_ok_ts"]) > since_s)

    def note_gap(self) -> None:
        meta = self.monitor.get("/data")[self.server.address]["_meta"]
        self.longest_gap_s = max(self.longest_gap_s, meta.get("longest_gap_s") or 0.0)

    def check(self) -> None:
        with closing(sqlite3.connect(self.path / "events.sqlite3")) as connection:
            connection.row_factory = sqlite3.Row
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            found = connection.execute("SELECT * FROM events WHERE tag NOT IN ('@comm', '@collector') ORDER BY id")
            self.rows = [dict(row) for row in found]
            absences = connection.execute("SELECT start_ts, end_ts FROM events WHERE tag = '@collector'").fetchall()
        for at_s in self.restarts_s:  # E19: nobody looked while there was no monitor
            spans = [(seconds(start_ts), seconds(end_ts) if end_ts else float("inf")) for start_ts, end_ts in absences]
            assert any(start_s <= at_s + 1.0 and at_s <= end_s for start_s, end_s in spans), at_s
        for row in self.rows:
            self.check_row(row)
        for tag in TAGS:
            of_tag = [row for row in self.rows if row["tag"] == tag]
            assert [row["end_ts"] is None for row in of_tag].count(True) == int(self.truth.value(tag))
            last_end = ""
            for row in of_tag:
                assert row["start_ts"] >= last_end
                last_end = row["end_ts"] or "~"
            self.check_none_is_missing(tag, of_tag)

    def check_row(self, row: Dict[str, Any]) -> None:
        tag, start_s = row["tag"], seconds(row["start_ts"])
        if row["start_quality"] == "at_connect":
            assert self.truth.has_change(tag, True, None, start_s), row
        else:
            assert self.truth.has_change(tag, True, seconds(row["start_earliest_ts"]), start_s), row
        if row["end_ts"] is not None:
            assert row["end_ts"] >= row["start_ts"], row
            assert self.truth.has_change(tag, False, seconds(row["end_earliest_ts"]), seconds(row["end_ts"])), row
            self.check_duration(row)
        end_s = time.time() if row["end_ts"] is None else seconds(row["end_ts"])
        if row["start_quality"] != "at_connect" and not self.is_troubled(seconds(row["start_earliest_ts"]), end_s):
            self.check_untroubled(row)

    def is_troubled(self, from_s: float, to_s: float) -> bool:
        return any(begin_s <= to_s and from_s <= end_s for begin_s, end_s in self.troubles)

    def check_untroubled(self, row: Dict[str, Any]) -> None:
        """Nothing was wrong meanwhile: one scan apart, and nothing unseen."""
        edges = [(row["start_quality"], row["start_earliest_ts"], row["start_ts"])]
        if row["end_ts"] is not None:
            edges.append((row["end_quality"], row["end_earliest_ts"], row["end_ts"]))
        for quality, earliest_ts, ts in edges:
            width_s = seconds(ts) - seconds(earliest_ts)
            assert width_s <= self.longest_gap_s + 0.01, row
            assert quality == "sampled" or (quality == "gap" and width_s > STALL_S), row
        assert (row["gap_count"], row["gap_s"]) == (0, 0.0) or row["gap_s"] > STALL_S, row

    def check_duration(self, row: Dict[str, Any]) -> None:
        """The steady clock and a wall clock that nobody sets agree."""
        start_s, end_s = seconds(row["start_ts"]), seconds(row["end_ts"])
        assert 0 <= row["gap_s"] <= end_s - seconds(row["start_earliest_ts"] or row["start_ts"]) + 0.01, row
        if row["duration_s"] is None:
            assert any(start_s <= at_s <= end_s for at_s in self.restarts_s), row
        else:
            assert abs(row["duration_s"] - (end_s - start_s)) < 0.1, row

    def check_none_is_missing(self, tag: str, rows: List[Dict[str, Any]]) -> None:
        """A state that could be seen for longer than the longest gap has a row."""
        spans = [(seconds(row["start_ts"]), seconds(row["end_ts"]) if row["end_ts"] else float("inf")) for row in rows]
        for start_s, end_s in self.truth.stretches(tag):
            edges_s = [start_s, *(at_s for one in self.troubles for at_s in one if start_s < at_s < end_s), end_s]
            well = [(a, b) for a, b in zip(edges_s, edges_s[1:]) if not self.is_troubled(a + 1e-6, b - 1e-6)]
            if max((b - a for a, b in well), default=0.0) > self.longest_gap_s + INTERVAL_S:
                assert any(a <= end_s + self.longest_gap_s and b >= start_s for a, b in spans), (tag, start_s, end_s)


@pytest.mark.timeout(600)
def test_every_row_is_true_whatever_fails(request: pytest.FixtureRequest) -> None:
    """Fresh histories each time; the seed is in the output of a failure."""
    examples = request.config.getoption("--oracle-runs")
    number = request.config.getoption("--oracle-seed") or int.from_bytes(os.urandom(4), "big")
    print(f"--oracle-seed {number}")
    run_state_machine_as_test(
        seed(number)(Plant),
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # a history runs in real time: shrinking one would take hours
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(300)
def test_e16_every_state_longer_than_the_longest_gap_has_its_row() -> None:
    plant = Plant()
    plant.start()
    for number in range(40):
        tag = TAGS[number % len(TAGS)]
        plant.toggle(tag)
        time.sleep(INTERVAL_S * (1 + number % 3))
    for tag in TAGS:
        if plant.truth.value(tag):
            plant.toggle(tag)
    plant.teardown()
    found = [(row["tag"], row["start_earliest_ts"], row["start_ts"]) for row in plant.rows]
    for tag in TAGS:
        for start_s, end_s in plant.truth.stretches(tag):
            if end_s - start_s > plant.longest_gap_s:
                hits = [one for one in found if one[0] == tag and seconds(one[1]) < start_s <= seconds(one[2])]
                assert len(hits) == 1, (tag, start_s, end_s, plant.longest_gap_s)
