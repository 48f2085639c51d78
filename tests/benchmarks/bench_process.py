"""The whole process: CPU, memory, scan times and missed cycles with many PLCs; the PLCs run in another process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List

import psutil

from conectpy.simulator.tables import make_table
from tests.monitor import ROOT, running_monitor, wait_until

TAGS = 500
SEED = 7
CHURN = "0.01"


def run(quick: bool) -> None:
    """Print a row per number of PLCs."""
    print(f"\nWhole process: PLCs with {TAGS} tags at 1 s, 1 % of the values change per scan")
    titles = ("CPU %", "RSS MB", "scan ms", "p99", "longest", "gap s", "overruns", "missed")
    print(f"{'PLCs':>5}" + "".join(f"{title:>9}" for title in titles))
    for count in (1, 10, 50) if quick else (1, 10, 50, 100):
        print(_measure(count, 6.0 if quick else 12.0))


def _measure(count: int, seconds: float) -> str:
    command = [sys.executable, "-m", "conectpy.simulator", "--plcs", str(count), "--port", "0", "--tags", str(TAGS)]
    simulator = subprocess.Popen(
        [*command, "--churn", CHURN, "--seed", str(SEED), "--commands"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert simulator.stdout is not None
    try:
        addresses: List[str] = []
        while len(addresses) < count:
            addresses += re.findall(r"127\.0\.0\.1:\d+", simulator.stdout.readline())
        with TemporaryDirectory() as folder:
            return _watch(addresses, Path(folder), seconds)
    finally:
        simulator.terminate()
        simulator.wait(10)
        simulator.stdout.close()


def _watch(addresses: List[str], folder: Path, seconds: float) -> str:
    tags = list(make_table(TAGS, SEED))
    states = [tag for tag, (kind, _) in make_table(TAGS, SEED).items() if kind == "BOOL"]
    plcs = {one: {"name": f"PLC {number}", "tags": tags, "state_tags": states} for number, one in enumerate(addresses)}
    config = folder / "plant.json.yml"
    config.write_text(json.dumps({"plcs": plcs}), encoding="utf-8")
    with running_monitor("--config", str(config), "--db", str(folder / "e.sqlite3")) as monitor:
        wait_until(
            lambda: all(_meta(plc)["quality"] == "OK" for plc in monitor.get("/data").values()), "all good", 60.0
        )
        process = psutil.Process(monitor.process.pid)
        time.sleep(2.0)
        before, started_s = process.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after, elapsed_s = process.cpu_times(), time.monotonic() - started_s
        cpu = 100 * (after.user + after.system - before.user - before.system) / elapsed_s
        metas = [_meta(plc) for plc in monitor.get("/data").values()]
        rss = process.memory_info().rss / 2**20
        monitor.stop()
    worst = {key: max(float(meta[key]) for meta in metas) for key in ("scan_ms_p99", "scan_ms_max", "longest_gap_s")}
    median = sorted(float(meta["scan_ms_median"]) for meta in metas)[len(metas) // 2]
    overruns, missed = (sum(int(meta[key]) for meta in metas) for key in ("overruns", "missed_cycles"))
    figures = [
        f"{cpu:.1f}",
        f"{rss:.0f}",
        f"{median:.2f}",
        f"{worst['scan_ms_p99']:.1f}",
        f"{worst['scan_ms_max']:.1f}",
    ]
    figures += [f"{worst['longest_gap_s']:.2f}", str(overruns), str(missed)]
    return f"{len(addresses):>5}" + "".join(f"{figure:>9}" for figure in figures)


def _meta(plc: Dict[str, Any]) -> Dict[str, Any]:
    found: Dict[str, Any] = plc["_meta"]
    return found
