"""One scan of every PLC, as a table or as JSON: `--once` of the monitor, `once` of the commands."""

from __future__ import annotations

import logging
import threading
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..collector.scan_stats import ScanStats
from ..drivers import make_driver
from ..errors import DriverError
from ..models import Sample
from ..settings.types import PlcSettings, TagSettings
from ..texts.catalogue import LANGUAGES, Text, as_text, say
from ..values import as_state_sample, to_display, to_json_value
from .text_tables import format_table, one_line


class Reading:
    """What one scan of one PLC gave: a sample per tag, or the error that stands for all of them."""

    def __init__(self, plc: PlcSettings) -> None:
        self.plc = plc
        self.samples: Dict[str, Sample] = {}
        self.error: Optional[Text] = None
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
    def summary(self) -> Text:
        """The PLC's state in a few words."""
        if self.error is not None:
            return self.error
        if self.bad_count == 0:
            return say("once.good")
        return say("once.bad_tags", bad=self.bad_count, count=len(self.plc.tags))


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
        while thread.is_alive():
            thread.join(1.0)  # on Windows, Ctrl+C does not get through to a wait without end
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
        reading.error = as_text(scan.frozen) if scan.frozen is not None else None
        stats = ScanStats()
        stats.add(scan.duration_s, scan.duration_s)
        reading.facts = {**stats.facts(), **driver.facts()}
    except DriverError as exc:
        reading.error = exc.text
    except Exception as exc:  # the top of a thread: one PLC's trouble must not hide the others' values
        reading.error = say("plain", words=f"{type(exc).__name__}: {exc}")
        logging.getLogger(__name__).exception(say("plain", words=plc.name))
    finally:
        driver.close()


FACTS = (
    ("frames_per_scan", say("once.frames")),
    ("connection_size_bytes", say("once.connection_bytes")),
    ("rtt_ms", say("once.rtt_ms")),
    ("scan_ms_median", say("once.median_ms")),
    ("scan_ms_p99", say("once.p99_ms")),
    ("scan_ms_max", say("once.max_ms")),
    ("missed_cycles", say("once.missed")),
)


def format_readings(readings: Sequence[Reading], language: str = LANGUAGES[0]) -> List[str]:
    """The lines that `--once` prints: per PLC a heading, then a row per tag."""
    lines: List[str] = []
    for reading in readings:
        plc = reading.plc
        shown = {"plc": plc.name, "address": plc.address, "fault": reading.summary}
        heading = say("once.simulated" if plc.is_simulated else "plc.fault", **shown)
        lines.append(one_line(heading.in_language(language)))
        known = [(text, reading.facts[key]) for key, text in FACTS if reading.facts.get(key) is not None]
        facts = [f"{text.words_in(language)} {fact}" for text, fact in known]
        if facts:
            lines.append(one_line("  " + ", ".join(facts)))
        rows = [_row(reading, tag.tag, tag.label, tag.unit, tag.decimals) for tag in plc.tags]
        lines += [f"  {line}" for line in format_table(rows, language)]
    return lines


def _row(reading: Reading, tag: str, label: str, unit: str, decimals: Optional[int]) -> Tuple[str, str, str, str]:
    sample = reading.samples.get(tag)
    if sample is None:
        return tag, label, "-", say("console.not_read")
    if sample.error is not None:
        return tag, label, "-", say("once.bad", fault=sample.error)
    return tag, label, f"{to_display(sample.value, decimals)} {unit}".rstrip(), "OK"


def describe_readings(readings: Sequence[Reading]) -> List[Dict[str, Any]]:
    """The same as JSON values: per PLC its facts, then an entry per tag with `value`, `text` and `error`."""
    return [
        {
            "address": reading.plc.address,
            "name": reading.plc.name,
            "simulated": reading.plc.is_simulated,
            "ok": reading.is_good,
            "summary": reading.summary,
            "facts": reading.facts,
            "tags": [_entry(reading, tag) for tag in reading.plc.tags],
        }
        for reading in readings
    ]


def _entry(reading: Reading, tag: TagSettings) -> Dict[str, Any]:
    sample = reading.samples.get(tag.tag, Sample(None, say("console.not_read")))
    return {
        "tag": tag.tag,
        "label": tag.label,
        "value": to_json_value(sample.value),
        "text": to_display(sample.value, tag.decimals),
        "unit": tag.unit,
        "error": sample.error,
    }
