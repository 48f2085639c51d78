"""What the scripts share: the command line, logging, the one-scan table."""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Tuple

from ..collector.scan_stats import ScanStats
from ..drivers import make_driver
from ..errors import DriverError
from ..models import Sample
from ..settings.flags import add_flags
from ..settings.types import PlcSettings, Settings
from ..values import as_state_sample, to_display


class ArgumentParser(argparse.ArgumentParser):
    """A parser whose errors are one line, exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where to look, and exit."""
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def monitor_arguments(argv: Optional[Sequence[str]]) -> Dict[str, Any]:
    """The monitor's command line; options that are not given are None."""
    parser = ArgumentParser(
        prog="plc_realtime_demo.py",
        description="Read PLCs, show live values in a browser, record when boolean states were TRUE.",
    )
    parser.add_argument("--config", metavar="FILE.yml", help="configuration file, instead of PLCS in the script")
    add_flags(parser, Settings)
    parser.add_argument("--once", action="store_true", help="scan every PLC once, print the values, and end")
    return vars(parser.parse_args(argv))


def set_up_output(log_level: str) -> None:
    """Log to standard error. A console that lacks a letter shows a mark in its place instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    form = "%(asctime)s %(levelname)-7s %(threadName)s: %(message)s"
    logging.basicConfig(level=log_level, format=form, stream=sys.stderr)
    for noisy in ("pycomm3", "opcua"):  # their own errors come to us as exceptions and are said once
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    logging.captureWarnings(True)


# -- one scan ----------------------------------------------------------------------------------------------------------


class Reading:
    """What one scan of one PLC gave: a sample per tag, or the error that stands for all of them."""

    def __init__(self, plc: PlcSettings) -> None:
        self.plc = plc
        self.samples: Dict[str, Sample] = {}
        self.error: Optional[str] = None
        self.facts: Dict[str, Any] = {}

    @property
    def is_good(self) -> bool:
        """Whether every configured tag has a good sample."""
        return self.error is None and self.bad_count == 0

    @property
    def bad_count(self) -> int:
        """How many configured tags have no good sample."""
        good = sum(sample.error is None for sample in self.samples.values())
        return len(self.plc.tags) - good

    @property
    def summary(self) -> str:
        """The PLC's state in a few words."""
        if self.error is not None:
            return self.error
        return f"{self.bad_count} of {len(self.plc.tags)} tags are BAD" if self.bad_count else "OK"


def scan_once(plcs: Sequence[PlcSettings]) -> List[Reading]:
    """One scan of every PLC, all at the same time."""
    readings = [Reading(plc) for plc in plcs]
    threads = [
        threading.Thread(target=_read, args=(reading,), name=f"plc-{reading.plc.name}", daemon=True)
        for reading in readings
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return readings


def _read(reading: Reading) -> None:
    plc = reading.plc
    driver = make_driver(plc, {})
    try:
        driver.connect()
        scan = driver.read_scan()
        states = {tag.tag for tag in plc.tags if tag.is_state}
        for tag, sample in scan.samples:
            reading.samples[tag] = as_state_sample(tag, sample) if tag in states else sample
        reading.error = scan.frozen
        stats = ScanStats()
        stats.add(scan.duration_s, scan.duration_s)
        reading.facts = {**stats.facts(), **driver.facts()}
    except DriverError as exc:
        reading.error = " ".join(str(exc).split())
    except Exception as exc:  # the top of a thread: one PLC's trouble must not hide the others' values
        reading.error = f"{type(exc).__name__}: {exc}"
        logging.getLogger(__name__).exception("%s", plc.name)
    finally:
        driver.close()


FACTS = (
    ("frames_per_scan", "frames"),
    ("connection_size_bytes", "connection bytes"),
    ("rtt_ms", "round trip ms"),
    ("scan_ms_median", "scan ms median"),
    ("scan_ms_p99", "p99"),
    ("scan_ms_max", "longest"),
    ("missed_cycles", "missed cycles"),
)


def format_readings(readings: Sequence[Reading]) -> str:
    """The table that `--once` prints: per PLC a heading, then a row per tag."""
    lines: List[str] = []
    for reading in readings:
        plc = reading.plc
        mark = " [simulated]" if plc.is_simulated else ""
        lines.append(f"{plc.name} ({plc.address}){mark}: {reading.summary}")
        facts = [f"{text} {reading.facts[key]}" for key, text in FACTS if reading.facts.get(key) is not None]
        if facts:
            lines.append("  " + ", ".join(facts))
        rows = [_row(reading, tag.tag, tag.label, tag.unit, tag.decimals) for tag in plc.tags]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            lines.append("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0))).rstrip())
    return "\n".join(lines)


def _row(reading: Reading, tag: str, label: str, unit: str, decimals: Optional[int]) -> Tuple[str, str, str, str]:
    sample = reading.samples.get(tag)
    if sample is None:
        return tag, label, "-", "not read"
    if sample.error is not None:
        return tag, label, "-", f"BAD: {sample.error}"
    return tag, label, f"{to_display(sample.value, decimals)} {unit}".rstrip(), "OK"
