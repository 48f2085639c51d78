"""Promises E3 and E9 under `kill -9`: nothing acknowledged is lost, no tag has two open events, the file is sound."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import List, Set, Tuple

import pytest

from conectpy.events.versions import migrate
from tests.unit.test_migration import make_old
from tests.unit.test_revisions import assert_no_number_is_missing, make_audited, meta

ROOT = Path(__file__).resolve().parents[2]


def run_and_kill(arguments: List[str], after_s: float, is_at_start: bool = False) -> None:
    """Kill it `after_s` after it said that it begins, so that there is something to lose; or after its very start."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    if not is_at_start:
        line = process.stdout.readline()
        assert line.strip() == b"begin", line + process.stdout.read()
    try:
        output, _ = process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return
    raise AssertionError(f"ended by itself:\n{output.decode(errors='replace')}")


def check(path: Path, acknowledged: List[Tuple[str, str, str]]) -> None:
    with closing(sqlite3.connect(str(path), timeout=20.0)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT tag, start_ts, end_ts FROM events").fetchall()
        double = connection.execute(
            "SELECT plc_ip, tag FROM events WHERE end_ts IS NULL GROUP BY plc_ip, tag HAVING COUNT(*) > 1"
        ).fetchall()
    assert double == []
    starts: Set[Tuple[str, str]] = {(tag, start) for tag, start, _ in rows}
    ends: Set[Tuple[str, str]] = {(tag, end) for tag, _, end in rows}
    assert len(starts) == len(rows)
    lost = [(kind, tag, at) for kind, tag, at in acknowledged if (tag, at) not in (starts if kind == "open" else ends)]
    assert lost == []


@pytest.mark.timeout(3600)
def test_e3_e9_kills_at_random_times_lose_nothing_acknowledged(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    kills = int(request.config.getoption("--kills", default=100))
    path, log = tmp_path / "events.sqlite3", tmp_path / "acknowledged"
    chance = random.Random(20260301)
    acknowledged: List[Tuple[str, str, str]] = []
    make_audited(path)
    epoch = meta(path)["epoch"]
    for kill in range(kills):
        arguments = ["-m", "tests.faults.store_writer", str(path), str(log)]
        run_and_kill(arguments, chance.uniform(0.0, 0.4), is_at_start=kill % 4 == 1)
        if kill % 10 == 9 or kill == kills - 1:
            lines = log.read_text().splitlines() if log.exists() else []
            acknowledged = [tuple(line.split()) for line in lines]  # type: ignore[misc]
            check(path, acknowledged)
    last_rev = assert_no_number_is_missing(path)
    assert meta(path)["epoch"] == epoch
    print(f"{kills} kills, {len(acknowledged)} acknowledged transitions, {last_rev} numbers")
    assert len(acknowledged) > kills


@pytest.mark.timeout(600)
def test_a_killed_migration_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite3"
    make_old(old, [(i, f"P{i % 7}", f"2025-03-0{1 + i % 9} 08:00:00", None) for i in range(1, 10001)])
    chance = random.Random(7)
    script = (
        "import sys; from conectpy.events.versions import migrate; print('begin', flush=True);"
        " migrate(sys.argv[1], 'UTC'); sys.stdin.read()"
    )
    for attempt in range(8):
        path = tmp_path / f"events{attempt}.sqlite3"
        path.write_bytes(old.read_bytes())
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(path)], cwd=str(ROOT), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"begin"
        time.sleep(chance.uniform(0.0, 0.5))  # the moment of the kill is the subject here, nothing is waited for
        process.kill()
        process.communicate()
        with closing(sqlite3.connect(str(path))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            migrate(str(path), "UTC")
        with closing(sqlite3.connect(str(path))) as connection:
            ids = connection.execute("SELECT COUNT(*), MIN(id), MAX(id), COUNT(DISTINCT uid) FROM events").fetchone()
        assert ids == (10000, 1, 10000, 10000)
