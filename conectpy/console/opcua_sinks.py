"""The sinks of the OPC UA client script: readings on the console, readings in a CSV file."""

from __future__ import annotations

import csv
import sys
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, TextIO, Tuple

from ..collector.sinks import Changes, Facts, Outage, Sink
from ..errors import ConectpyError
from ..models import Sample, Scan
from ..settings.types import PlcSettings
from ..texts.catalogue import LANGUAGES, say, text_of
from ..timestamps import to_text
from ..values import to_display
from .text_tables import one_line, print_table

CSV_HEADER = ("time_utc", "name", "node", "value", "error")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

HEAD = (say("client.name"), say("client.node"), say("client.type"))

Tagged = Iterable[Tuple[str, Sample]]


class ReadingSink(Sink):
    """Makes readings of scans: polled, one reading tells every node; subscribed, it tells what has changed."""

    def __init__(self) -> None:
        self._samples: Dict[str, Sample] = {}

    def on_scan(self, plc: PlcSettings, scan: Scan, changes: Changes, facts: Facts) -> None:
        self._samples.update(scan.samples)
        samples: Tagged = scan.samples if plc.opcua.mode == "subscribe" else self._samples.items()
        self.take(samples, to_text(scan.received_utc))

    def take(self, samples: Tagged, received_ts: str) -> None:
        """One reading."""
        raise NotImplementedError


class ConsoleSink(ReadingSink):
    """Prints what the server is, then a line per reading; losses of the server go to standard error.

    A server that cannot be reached at the start is no loss but a mistake: its error is raised.
    """

    def __init__(self, nodes: Mapping[str, str], language: str = LANGUAGES[0]) -> None:
        super().__init__()
        self._nodes, self._language = nodes, language
        self._was_connected = False

    def on_connect(self, plc: PlcSettings, facts: Facts) -> None:
        self._was_connected = True
        known = {name: facts.get(name) for name in ("controller", "security")}
        print(one_line(say("client.connected", address=plc.address, **known), self._language))
        types = facts["types"]
        rows: List[Sequence[str]] = [HEAD]
        rows += [(name, node, types[name]) for name, node in self._nodes.items()]
        print_table(rows, self._language)

    def on_scan(self, plc: PlcSettings, scan: Scan, changes: Changes, facts: Facts) -> None:
        if scan.frozen:
            frozen = one_line(scan.frozen, self._language)
            print(f"{to_text(scan.received_utc)}  {frozen}", file=sys.stderr, flush=True)
        super().on_scan(plc, scan, changes, facts)

    def on_outage(self, plc: PlcSettings, outage: Outage, changes: Changes, facts: Facts) -> None:
        if not self._was_connected:
            raise outage.error
        text = say("client.again", fault=outage.text, seconds=f"{outage.pause_s:.1f}")
        print(f"{to_text(outage.at_utc)}  {one_line(text, self._language)}", file=sys.stderr, flush=True)

    def take(self, samples: Tagged, received_ts: str) -> None:
        parts = []
        for name, sample in samples:
            changed = f"@{to_text(sample.changed_utc)}" if sample.changed_utc else ""
            overflow = f" {one_line(say('client.overflow'), self._language)}" if sample.overflow else ""
            parts.append(f"{name}={value_text(sample, self._language)}{changed}{overflow}")
        if parts:
            print(received_ts, " ".join(parts), sep="  ", flush=True)


class CsvSink(ReadingSink):
    """Readings appended to a file: time, name, node, value, error; each is with the system when the next one comes."""

    def __init__(self, path: str, nodes: Mapping[str, str]) -> None:
        """Raises ConectpyError when the file cannot be written."""
        super().__init__()
        self._path, self._nodes = path, nodes
        self._file: Optional[TextIO] = None
        try:
            self._file = open(path, "a", encoding="utf-8", newline="")  # noqa: SIM115 - see close
            if self._file.tell() == 0:
                csv.writer(self._file).writerow(CSV_HEADER)
        except OSError as exc:
            raise self._error(exc) from exc

    def take(self, samples: Tagged, received_ts: str) -> None:
        """One row per sample; a change that the device timed itself carries that time. Raises ConectpyError."""
        if self._file is None:
            return
        try:
            writer = csv.writer(self._file)
            for name, sample in samples:
                when = to_text(sample.changed_utc) if sample.changed_utc else received_ts
                writer.writerow([when, _cell(name), self._nodes[name], _cell(sample.value), sample.error or ""])
            self._file.flush()
        except OSError as exc:
            raise self._error(exc) from exc

    def close(self) -> None:
        """Nothing is taken after this. Raises ConectpyError when the last rows find no room."""
        file, self._file = self._file, None
        try:
            if file is not None:
                file.close()
        except OSError as exc:
            raise self._error(exc) from exc

    def _error(self, exc: OSError) -> ConectpyError:
        return ConectpyError(say("client.csv", path=self._path, fault=text_of(exc)))


def value_text(sample: Sample, language: str) -> str:
    """A reading as people read it, harmless on a terminal."""
    if sample.error is not None:
        return one_line(say("client.bad", fault=sample.error), language)
    return one_line(to_display(sample.value))


def _cell(value: Any) -> Any:
    """A value for a spreadsheet: text that would be taken for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, (bool, tuple)):
        value = to_display(value)
    if isinstance(value, str) and value[:1] in FORMULA_STARTS:
        return "'" + value
    return value
