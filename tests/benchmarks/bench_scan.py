"""CPU and wall time of a scan: this driver, pycomm3, pylogix, one tag at a time; in turns on the same controller."""

from __future__ import annotations

import contextlib
import statistics
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pylogix
from pycomm3 import LogixDriver

from conectpy.drivers.logix import LogixPlc
from conectpy.settings.types import PlcSettings, TagSettings
from tests.benchmarks.logix_process import RunningController, running_controller

SIZES, QUICK_SIZES = (10, 100, 500, 2000), (10, 500)
ROUNDS = 5
TURN_S = 0.12
DELAY_S = 0.05
MOST_ALONE = 10
CLIENTS = ("conectpy", "pycomm3", "pylogix", "one at a time")

Scan = Callable[[], Any]


def run(quick: bool) -> None:
    """Print both tables."""
    sizes = QUICK_SIZES if quick else SIZES
    print(f"\nOne scan: median of {ROUNDS} turns; so many of the values change before each scan")
    print(f"{'tags':>5}{'change':>8} {'client':<14}{'CPU us':>10}{'us/tag':>9}{'wall ms':>9}{'CPU ratio':>11}")
    for size in sizes:
        for share in (0.01,) if size != 500 else (0.0, 0.01, 1.0):
            _print_costs(size, share)
    print(f"\nOne scan over a line of {DELAY_S * 1000:.0f} ms per reply")
    print(f"{'tags':>5} {'client':<14}{'wall ms':>10}{'delays':>8}")
    for size in sizes:
        _print_waits(size)


def _print_costs(size: int, share: float) -> None:
    with running_controller(size, share) as plc, _clients(plc.address, plc.tags) as scans:
        turns: Dict[str, List[Tuple[float, float]]] = {name: [] for name in scans}
        for _ in range(ROUNDS):
            for name, scan in scans.items():
                turns[name].append(_turn(scan, plc if share else None))
        own = statistics.median(cpu for cpu, _ in turns["conectpy"])
        for name, costs in turns.items():
            cpu, wall = (statistics.median(column) for column in zip(*costs))
            figures = f"{cpu * 1e6:>10.0f}{cpu * 1e6 / size:>9.2f}{wall * 1e3:>9.2f}{cpu / own:>11.1f}"
            print(f"{size:>5}{share:>8.0%} {name:<14}{figures}")


def _turn(scan: Scan, plc: Optional[RunningController]) -> Tuple[float, float]:
    """CPU and wall time of one scan, over as many as a turn takes."""
    scan()
    count, cpu_s, wall_s, end_s = 0, 0.0, 0.0, time.perf_counter() + TURN_S
    while time.perf_counter() < end_s or count < 1:
        if plc is not None:
            plc.step()
        cpu_before, wall_before = time.process_time(), time.perf_counter()
        scan()
        cpu_s += time.process_time() - cpu_before
        wall_s += time.perf_counter() - wall_before
        count += 1
    return cpu_s / count, wall_s / count


def _print_waits(size: int) -> None:
    with running_controller(size, 0.01) as plc, _clients(plc.address, plc.tags) as scans:
        for name in CLIENTS[:3]:
            scans[name]()  # what is asked only once is not counted
        plc.set_delay(DELAY_S)
        time.sleep(0.2)
        for name, scan in scans.items():
            if name == CLIENTS[3] and size > MOST_ALONE:
                continue
            times = []
            for _ in range(1 if name == CLIENTS[3] else 3):
                started_s = time.perf_counter()
                scan()
                times.append(time.perf_counter() - started_s)
            wall_s = statistics.median(times)
            print(f"{size:>5} {name:<14}{wall_s * 1e3:>10.1f}{wall_s / DELAY_S:>8.2f}")


@contextlib.contextmanager
def _clients(address: str, tags: List[str]) -> Iterator[Dict[str, Scan]]:
    host, port = address.split(":")
    plc = PlcSettings(address, "bench", tags=tuple(TagSettings(tag, tag) for tag in tags))
    driver = LogixPlc(plc, {})
    driver.connect()
    with LogixDriver(address) as other, pylogix.PLC(host, port=int(port), timeout=10.0) as third:
        scans: List[Scan] = [
            driver.read_scan,
            lambda: other.read(*tags),
            lambda: third.Read(tags),
            lambda: [other.read(tag) for tag in tags],
        ]
        yield dict(zip(CLIENTS, scans))
        driver.close()
