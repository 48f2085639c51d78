"""From nothing to the first value: 50 configured tags of a controller that has 5,000."""

from __future__ import annotations

import random
import time
from typing import List, Optional, Tuple

from pycomm3 import LogixDriver

from conectpy.drivers.base import DriverMemory
from conectpy.drivers.logix import LogixPlc
from conectpy.settings.types import PlcSettings, TagSettings
from tests.benchmarks.logix_process import running_controller

TAGS, CONFIGURED = 5000, 50
DELAY_S = 0.05


def run(quick: bool) -> None:
    """Print the table."""
    print(f"\nConnect to first value: {CONFIGURED} of {TAGS} tags")
    print(f"{'line':>7} {'client':<26}{'ms':>9}{'delays':>9}")
    for delay_s in (DELAY_S,) if quick else (0.0, DELAY_S):
        with running_controller(TAGS) as plc:
            address, tags = plc.address, random.Random(1).sample(plc.tags, CONFIGURED)
            plc.set_delay(delay_s)
            time.sleep(0.2)
            memory: DriverMemory = {}
            rows: List[Tuple[str, float]] = [
                ("conectpy", _connect(address, tags, memory)),
                ("conectpy, again", _connect(address, tags, memory)),
                ("pycomm3 LogixDriver.open", _connect_pycomm3(address, tags)),
            ]
        for name, seconds in rows:
            delays: Optional[float] = seconds / delay_s if delay_s else None
            shown = f"{delays:>9.1f}" if delays is not None else ""
            print(f"{delay_s * 1000:>4.0f} ms {name:<26}{seconds * 1e3:>9.1f}{shown}")


def _connect(address: str, tags: List[str], memory: DriverMemory) -> float:
    plc = PlcSettings(address, "bench", tags=tuple(TagSettings(tag, tag) for tag in tags))
    started_s = time.perf_counter()
    driver = LogixPlc(plc, memory)
    driver.connect()
    samples = driver.read_scan().samples
    elapsed_s = time.perf_counter() - started_s
    driver.close()
    assert len(samples) == CONFIGURED
    assert all(sample.error is None for _, sample in samples)
    return elapsed_s


def _connect_pycomm3(address: str, tags: List[str]) -> float:
    started_s = time.perf_counter()
    with LogixDriver(address) as driver:
        assert all(tag.error is None for tag in driver.read(*tags))
        return time.perf_counter() - started_s
