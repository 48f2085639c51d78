"""A soak: 20 PLCs that fail in turns, for `--minutes`; memory, threads, files and the write-ahead log must not grow."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator, List, NamedTuple

import psutil
import pytest

from conectpy.simulator.tables import make_table
from tests.monitor import ROOT, Monitor, running_monitor, wait_until

PLCS = 20
TAGS = 50
SEED = 11
FAULTS = (
    "cut",
    "reset",
    "shuffle",
    "next close_mid",
    "next drip",
    "next garbage",
    "delay-next 0.7",
    "next wrong_sequence",
)
WAL_LIMIT_BYTES = 32 * 2**20
MEASURED = 40
RSS_GROWTH, THREADS_GROWTH, FILES_GROWTH = 0.15, 2.0, PLCS / 2
"""What the line through the settled figures may climb by from its first to its last: a share, threads, handles."""


class Figures(NamedTuple):
    """What the process holds at one moment."""

    minute: float
    rss_mb: float
    threads: int
    files: int
    wal_mb: float
    events: int


@pytest.fixture
def simulator() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "conectpy.simulator", "--plcs", str(PLCS), "--port", "0", "--tags", str(TAGS)]
    process = subprocess.Popen(
        [*command, "--churn", "0.1", "--seed", str(SEED), "--commands"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.terminate()
    process.wait(10)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()


@pytest.mark.timeout(0)
def test_nothing_grows(simulator: subprocess.Popen[str], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    minutes = request.config.getoption("--minutes")
    addresses = read_addresses(simulator)
    table = make_table(TAGS, SEED)
    states = [tag for tag, (kind, _) in table.items() if kind == "BOOL"]
    plc = {"interval_s": 0.2, "timeout_s": 0.5, "tags": list(table), "state_tags": states, "comm_delay_s": 0.5}
    config = tmp_path / "plant.yml"
    config.write_text(json.dumps({"plcs": {address: plc for address in addresses}}), encoding="utf-8")
    db = tmp_path / "events.sqlite3"
    with running_monitor("--config", str(config), "--db", str(db)) as monitor:
        wait_until(lambda: monitor.get("/healthz")["ok"], "all good", 60.0)
        figures = [measure(monitor, db, 0.0)]
        rng, started_s = random.Random(SEED), time.monotonic()
        while time.monotonic() - started_s < minutes * 60:
            command(simulator, f"{rng.randint(1, PLCS)} {rng.choice(FAULTS)}")
            time.sleep(0.25)
            if time.monotonic() - started_s > len(figures) * minutes * 60 / MEASURED:
                figures.append(measure(monitor, db, (time.monotonic() - started_s) / 60))
        command(simulator, "* clear")
        wait_until(lambda: not ailing(monitor), f"all good again: {ailing(monitor)}", 60.0)
        figures.append(measure(monitor, db, (time.monotonic() - started_s) / 60))
        print(report(figures))
        assert monitor.stop() == 0
        assert not [line for line in monitor.lines if "Traceback" in line]
    settled, last = figures[len(figures) // 2], figures[-1]
    assert climbing(figures[len(figures) // 3 :]) == []
    assert last.events > figures[0].events
    assert last.threads <= settled.threads + 2
    assert last.files <= settled.files + PLCS
    assert last.rss_mb <= settled.rss_mb * 1.2 + 5
    assert last.wal_mb * 2**20 <= WAL_LIMIT_BYTES


def climbing(figures: List[Figures]) -> List[str]:
    """What grows steadily, however slowly: a leak that no pair of figures shows."""
    limits = {"rss_mb": figures[0].rss_mb * RSS_GROWTH + 5, "threads": THREADS_GROWTH, "files": FILES_GROWTH}
    growths = {
        name: growth_of([one.minute for one in figures], [getattr(one, name) for one in figures]) for name in limits
    }
    return [f"{name}: {growth:+.1f}" for name, growth in growths.items() if growth > limits[name]]


def growth_of(minutes: List[float], values: List[float]) -> float:
    """How far the straight line through the values (least squares) climbs from the first to the last."""
    middle, mean = sum(minutes) / len(minutes), sum(values) / len(values)
    spread = sum((minute - middle) ** 2 for minute in minutes)
    slope = sum((minute - middle) * (value - mean) for minute, value in zip(minutes, values)) / spread
    return slope * (minutes[-1] - minutes[0])


def test_a_leak_shows_in_the_slope_and_noise_does_not() -> None:
    rng = random.Random(SEED)
    noisy = [Figures(n, 80 + rng.uniform(-4, 4), 30 + n % 3, 60 + 20 * (n % 2), 1.0, n) for n in range(30)]
    assert climbing(noisy) == []
    for name, per_minute in (("rss_mb", 1.0), ("threads", 0.2), ("files", 1)):
        leak = [one._replace(**{name: getattr(one, name) + per_minute * one.minute}) for one in noisy]
        assert [line.split(":")[0] for line in climbing(leak)] == [name]


def read_addresses(simulator: subprocess.Popen[str]) -> List[str]:
    assert simulator.stdout is not None
    addresses: List[str] = []
    while len(addresses) < PLCS:
        addresses += re.findall(r"127\.0\.0\.1:\d+", simulator.stdout.readline())
    return addresses


def command(simulator: subprocess.Popen[str], line: str) -> None:
    assert simulator.stdin is not None
    assert simulator.stdout is not None
    simulator.stdin.write(line + "\n")
    simulator.stdin.flush()
    answer = simulator.stdout.readline()
    assert answer.startswith("ok"), answer


def ailing(monitor: Monitor) -> List[str]:
    """The PLCs that are not well, and why."""
    health = monitor.get("/healthz")
    return [f"{one}: {plc['quality']} {plc['last_error']}" for one, plc in health["plcs"].items() if not plc["ok"]]


def measure(monitor: Monitor, db: Path, minute: float) -> Figures:
    process = psutil.Process(monitor.process.pid)
    files = process.num_handles() if sys.platform == "win32" else process.num_fds()
    wal = Path(f"{db}-wal")
    newest = monitor.get("/api/events?limit=1")
    return Figures(
        minute,
        process.memory_info().rss / 2**20,
        process.num_threads(),
        files,
        wal.stat().st_size / 2**20 if wal.exists() else 0.0,
        newest[0]["id"] if newest else 0,
    )


def report(figures: List[Figures]) -> str:
    lines = ["minute  RSS MB  threads  files  WAL MB  events"]
    lines += [
        f"{one.minute:6.1f}  {one.rss_mb:6.1f}  {one.threads:7d}  {one.files:5d}  {one.wal_mb:6.1f}  {one.events:6d}"
        for one in figures
    ]
    return "\n".join(lines)
