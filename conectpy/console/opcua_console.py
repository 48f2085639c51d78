"""What the OPC UA client script does with a connection: read in a loop, browse, list endpoints."""

from __future__ import annotations

import argparse
import csv
import random
import re
import sys
import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, TextIO

from conectpy.console.signals import stop_on_signals
from conectpy.console.text_tables import one_line, print_table
from conectpy.drivers.opc_ua import OpcUaPlc
from conectpy.drivers.ua.connect import UntrustedServer, list_endpoints
from conectpy.drivers.ua.node_id import parse_node_id
from conectpy.errors import ConectpyError, ConfigError, DriverError
from conectpy.models import Sample
from conectpy.pki.certificates import Pki
from conectpy.settings.types import OpcUaSettings, PlcSettings, TagSettings
from conectpy.timestamps import to_text, utc_now
from conectpy.values import to_display

BACKOFF_MIN_S = 1.0
BACKOFF_MAX_S = 30.0
STOP_GRACE_S = 0.5
SECURITIES = ("auto", "none", "sign", "sign_and_encrypt")


class Options(NamedTuple):
    """What the command line asks for."""

    action: Callable[[Options], int]
    arguments: argparse.Namespace
    nodes: Dict[str, str]

    @property
    def url(self) -> str:
        return str(self.arguments.url)

    def at(self, url: str) -> Options:
        """The same, for a server at this address that needs no security."""
        arguments = argparse.Namespace(**{**vars(self.arguments), "url": url})
        return self._replace(arguments=arguments)


def make_plc(options: Options) -> PlcSettings:
    """The driver's settings. Raises ConfigError that names all faults at once."""
    arguments, faults = options.arguments, []
    security = (arguments.security or ("auto" if arguments.user else "none")).lower()
    if security not in SECURITIES:
        faults.append(f"--security: must be one of {', '.join(SECURITIES)}, got {arguments.security}")
    for name, low, high in (("interval", 0.05, 3600), ("timeout", 0.1, 60), ("depth", 1, 20)):
        if not low <= getattr(arguments, name) <= high:
            faults.append(f"--{name}: must be {low} to {high}, got {getattr(arguments, name)}")
    if arguments.trust not in (None, "*") and not re.fullmatch(r"[0-9a-fA-F:]{8,}", arguments.trust):
        faults.append(f"--trust: must be a thumbprint of at least 8 hexadecimal digits, got {arguments.trust}")
    if "@" in options.url:
        faults.append("--url: no user or password in it, it is sent in clear; use --user and --password-env")
    elif not re.match(r"opc\.tcp://[^/]", options.url):
        faults.append(f"--url: must be like opc.tcp://192.168.11.20:4840, got {options.url}")
    for name, node in [*options.nodes.items(), *([("browse", arguments.start)] if arguments.start else [])]:
        try:
            parse_node_id(node)
        except ValueError as exc:
            faults.append(f"{name}: {exc}")
    if faults:
        raise ConfigError(faults)
    opcua = OpcUaSettings(
        security=security,
        mode="subscribe" if arguments.subscribe else "poll",
        user=arguments.user,
        password_env=arguments.password_env or (None if arguments.password_file else "OPCUA_PASSWORD"),
        password_file=arguments.password_file,
        allow_plain_password=arguments.allow_plain_password,
        pki_dir=arguments.pki,
    )
    tags = tuple(TagSettings(name, name, node=node) for name, node in options.nodes.items())
    return PlcSettings(
        options.url, "OPC UA", "opcua", arguments.interval, arguments.timeout, tags=tags, opcua=opcua
    )  # fmt: skip


# -- reading -----------------------------------------------------------------------------------------------------------


def read_loop(options: Options) -> int:
    """Connect, show the nodes, print their values until stopped; comes back after every loss of the server."""
    plc = make_plc(options)
    stop = threading.Event()
    with stop_on_signals(stop), CsvFile(options.arguments.csv, options.nodes) as table:
        reader = _Reader(options, plc, table, stop)
        if options.arguments.once:
            return reader.read_once()
        threading.Thread(target=reader.end_with, args=(stop,), name="stop", daemon=True).start()
        try:
            _read_until(reader, stop)
        finally:
            reader.is_finished.set()
    return 0


def _read_until(reader: _Reader, stop: threading.Event) -> None:
    fails = 0
    while not stop.is_set():
        try:
            reader.run()
        except DriverError as exc:
            if stop.is_set():
                break
            if not reader.was_connected:
                raise
            fails = 1 if reader.scans else fails + 1
            pause_s = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2.0 ** min(fails - 1, 10)) * random.uniform(0.75, 1.0)
            line = f"{to_text(utc_now())}  {exc}; trying again in {pause_s:.1f} s"
            print(one_line(line), file=sys.stderr, flush=True)
            stop.wait(pause_s)


class _Reader:
    """One run of the loop, over as many connections as it takes."""

    def __init__(self, options: Options, plc: PlcSettings, table: CsvFile, stop: threading.Event) -> None:
        self._options, self._plc, self._table, self._stop = options, plc, table, stop
        self._memory: Dict[str, Any] = {}
        self._samples: Dict[str, Sample] = {}
        self._driver: Optional[OpcUaPlc] = None
        self.was_connected = False
        self.is_finished = threading.Event()
        self.scans = 0

    def end_with(self, stop: threading.Event) -> None:
        """Once `stop` is set, give a call that is under way STOP_GRACE_S to end by itself, then abort it."""
        stop.wait()
        driver = self._driver
        if not self.is_finished.wait(STOP_GRACE_S) and driver is not None:
            driver.abort()

    def read_once(self) -> int:
        driver = OpcUaPlc(self._plc, self._memory)
        try:
            driver.connect()
            types = driver.read_types()
            self._read(driver)
        finally:
            driver.close()
        rows = [("NAME", "NODEID", "TYPE", "VALUE")]
        rows += [
            (name, node, types[name], _value_text(self._samples[name])) for name, node in self._options.nodes.items()
        ]
        print_table(rows)
        return 0 if all(sample.error is None for sample in self._samples.values()) else 1

    def run(self) -> None:
        """One connection, until it fails or `stop` is set."""
        self.scans = 0
        driver = self._driver = OpcUaPlc(self._plc, self._memory)
        try:
            driver.connect()
            self._show_start(driver)
            next_s = time.monotonic()
            while not self._stop.is_set():
                self._print_samples(self._read(driver))
                self.scans += 1
                next_s = max(next_s + self._plc.interval_s, time.monotonic())
                self._stop.wait(next_s - time.monotonic())
        finally:
            driver.close()

    def _show_start(self, driver: OpcUaPlc) -> None:
        types = driver.read_types()
        facts = driver.facts()
        self.was_connected = True
        print(f"connected to {self._plc.address}: {facts.get('controller')}, security {facts.get('security')}")
        rows = [("NAME", "NODEID", "TYPE")]
        print_table(rows + [(name, node, types[name]) for name, node in self._options.nodes.items()])

    def _read(self, driver: OpcUaPlc) -> List[Any]:
        scan = driver.read_scan()
        if scan.frozen:
            print(f"{to_text(scan.received_utc)}  {scan.frozen}", file=sys.stderr)
        self._samples.update(scan.samples)
        received = to_text(scan.received_utc)
        if self._plc.opcua.mode == "subscribe":
            self._table.write(scan.samples, received)
            return [(received, scan.samples)]
        self._table.write(self._samples.items(), received)
        return [(received, self._samples.items())]

    def _print_samples(self, lines: List[Any]) -> None:
        for received, samples in lines:
            if not samples:
                continue
            parts = []
            for name, sample in samples:
                changed = f"@{to_text(sample.changed_utc)}" if sample.changed_utc else ""
                parts.append(f"{name}={_value_text(sample)}{changed}{' (overflow)' if sample.overflow else ''}")
            print(received, " ".join(parts), sep="  ", flush=True)


def _value_text(sample: Sample) -> str:
    return f"BAD[{sample.error}]" if sample.error is not None else one_line(to_display(sample.value))


class CsvFile:
    """Readings appended to a file: time, name, node, value, error. Without a path it does nothing."""

    def __init__(self, path: Optional[str], nodes: Dict[str, str]) -> None:
        self._path, self._nodes = path, nodes
        self._file: Optional[TextIO] = None

    def __enter__(self) -> CsvFile:
        if self._path:
            try:
                self._file = open(self._path, "a", encoding="utf-8", newline="")
                if self._file.tell() == 0:
                    csv.writer(self._file).writerow(["time_utc", "name", "node", "value", "error"])
            except OSError as exc:
                raise ConectpyError(f"--csv {self._path}: {exc.strerror or exc}") from exc
        return self

    def __exit__(self, *exc: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, samples: Any, received: str) -> None:
        """One row per sample; a change that the device timed itself carries that time."""
        if self._file is None:
            return
        try:
            writer = csv.writer(self._file)
            for name, sample in samples:
                when = to_text(sample.changed_utc) if sample.changed_utc else received
                writer.writerow([when, _cell(name), self._nodes[name], _cell(sample.value), sample.error or ""])
            self._file.flush()
        except OSError as exc:
            raise ConectpyError(f"--csv {self._path}: {exc.strerror or exc}") from exc


def _cell(value: Any) -> Any:
    """A value for a spreadsheet: text that would be taken for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, (bool, tuple)):
        value = to_display(value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


# -- looking around ----------------------------------------------------------------------------------------------------


def print_tree(options: Options) -> int:
    """The address space as a tree: name, NodeId, class, type, access, value."""
    arguments = options.arguments
    driver = OpcUaPlc(make_plc(options), {})
    try:
        driver.connect()
        for node in driver.browse(arguments.start or "i=85", arguments.depth):
            value = f" = {to_display(node.value)[:120]}" if node.value is not None else ""
            error = f" = BAD[{node.error}]" if node.error else ""
            kind = f"{node.type_name} {node.access}" if node.type_name else node.node_class
            print(one_line(f"{'  ' * node.depth}{node.name}  [{node.node}]  {kind}{value}{error}".rstrip()))
    finally:
        driver.close()
    return 0


def show_endpoints(options: Options) -> int:
    """The server's endpoints: policies, ways to log in, the certificate's thumbprint and dates."""
    for endpoint in list_endpoints(make_plc(options)):
        note = "" if endpoint.is_supported else "  (not supported)"
        print(one_line(f"{endpoint.policy} {endpoint.mode}{note}  {endpoint.url}"))
        print(one_line(f"  log in: {endpoint.tokens or 'nobody'}"))
        if endpoint.certificate:
            print(one_line(f"  certificate: {endpoint.certificate}, thumbprint {endpoint.thumbprint}"))
            print(one_line(f"  valid from {endpoint.valid_from} to {endpoint.valid_until}"))
    return 0


def run_action(options: Options) -> int:
    """Do what the command line asks for; where the server's certificate is unknown and --trust names it, trust it
    and do it again. Returns the exit status, raises ConectpyError."""
    try:
        return options.action(options)
    except UntrustedServer as exc:
        wanted = options.arguments.trust
        if wanted is None or not (wanted == "*" or exc.thumbprint.startswith(wanted.lower().replace(":", ""))):
            raise
        name, path = Pki(options.arguments.pki).trust(exc.thumbprint)
        print(one_line(f"trusted: {name}, thumbprint {exc.thumbprint} ({path})"), flush=True)
        return options.action(options)
