"""What the OPC UA client script does with a connection: read in a loop, read once, browse, list endpoints."""

from __future__ import annotations

import argparse
import os
import re
import sys
import threading
from contextlib import closing
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence

from ..collector.loop import PlcWatch, read_plc_loop
from ..collector.sinks import QueuedSink
from ..collector.worker import Worker, stop_all
from ..drivers.opc_ua import OpcUaPlc
from ..drivers.ua.connect import UntrustedServer, list_endpoints
from ..drivers.ua.node_id import parse_node_id
from ..errors import ConfigError
from ..facts.plc_facts import OpcUaFacts
from ..pki.certificates import Pki
from ..settings.addresses import check_opcua_address
from ..settings.flags import check_flags
from ..settings.options import Fault, Option, option_of
from ..settings.types import OpcUaSettings, PlcSettings, TagSettings
from ..texts.catalogue import LANGUAGES, say, text_of
from ..values import to_display
from .opcua_sinks import HEAD, ConsoleSink, CsvSink, value_text
from .signals import stop_on_signals
from .text_tables import one_line, print_table

DRAIN_S = 1.0
PASSWORD_VARIABLE = "OPCUA_PASSWORD"
DEPTH_FLAG, DEPTH = "--depth N", Option(say("flag.depth"), 1, 20, kind="int", default=2)
FLAGS = {
    "--interval S": option_of(PlcSettings, "interval_s"),
    "--timeout S": option_of(PlcSettings, "timeout_s"),
    "--security MODE": option_of(OpcUaSettings, "security"),
    "--user NAME": option_of(OpcUaSettings, "user"),
    "--password-env VARIABLE": option_of(OpcUaSettings, "password_env"),
    "--password-file FILE": option_of(OpcUaSettings, "password_file"),
    "--allow-plain-password": option_of(OpcUaSettings, "allow_plain_password"),
    "--pki DIR": option_of(OpcUaSettings, "pki_dir"),
}
"""What the command line shares with a configuration: meaning and range come from there."""


class Options(NamedTuple):
    """What the command line asks for."""

    action: Callable[[Options], int]
    arguments: argparse.Namespace
    nodes: Dict[str, str]
    language: str = LANGUAGES[0]

    def show(self, text: str, indent: str = "") -> None:
        """Print a line in the language of the person, without the advice."""
        print(indent + one_line(text, self.language), flush=True)

    @property
    def url(self) -> str:
        return str(self.arguments.url)

    def at(self, url: str) -> Options:
        """The same, for a server at this address that needs no security."""
        arguments = argparse.Namespace(**{**vars(self.arguments), "url": url})
        return self._replace(arguments=arguments)


# -- options -----------------------------------------------------------------------------------------------------------


def make_plc(options: Options) -> PlcSettings:
    """The driver's settings. Raises ConfigError that names all faults at once."""
    arguments, faults = options.arguments, list(_find_faults(options))
    values: Dict[str, Any] = {}
    try:
        values = check_flags(vars(arguments), {**FLAGS, DEPTH_FLAG: DEPTH})
    except ConfigError as exc:
        faults = [*exc.faults, *faults]
    if faults:
        raise ConfigError(faults)
    given = {option.name: values[flag.split()[0]] for flag, option in FLAGS.items() if flag.split()[0] in values}
    plc = {name: given.pop(name) for name in ("interval_s", "timeout_s") if name in given}
    given.setdefault("security", "auto" if arguments.user else "none")
    if not arguments.password_file:
        given.setdefault("password_env", PASSWORD_VARIABLE)
    opcua = OpcUaSettings(mode="subscribe" if arguments.subscribe else "poll", **given)
    tags = tuple(TagSettings(name, name, node=node) for name, node in options.nodes.items())
    return PlcSettings(options.url, "OPC UA", "opcua", tags=tags, opcua=opcua, **plc)


def _find_faults(options: Options) -> Iterator[str]:
    """What is wrong with those that a configuration does not have in this form."""
    arguments = options.arguments
    if arguments.trust not in (None, "*") and not re.fullmatch(r"[0-9a-fA-F:]{8,}", arguments.trust):
        yield say("client.trust", value=arguments.trust)
    try:
        check_opcua_address(options.url)
    except Fault as fault:
        yield say("settings.at", where="--url", fault=fault.text)
    for name, node in [*options.nodes.items(), *([("browse", arguments.start)] if arguments.start else [])]:
        try:
            parse_node_id(node)
        except ValueError as exc:
            yield say("settings.at", where=name, fault=text_of(exc))


# -- reading -----------------------------------------------------------------------------------------------------------


class DescribedFacts(OpcUaFacts, total=False):
    """What the driver tells, and the type of each node."""

    types: Dict[str, str]


class DescribedOpcUaPlc(OpcUaPlc):
    """The driver, which also finds out what type each node has."""

    _types: Dict[str, str]

    def connect(self) -> None:
        super().connect()
        self._types = self.read_types()

    def facts(self) -> DescribedFacts:
        return {**super().facts(), "types": self._types}


def read_loop(options: Options) -> int:
    """Connect, show the nodes, print their values until stopped; comes back after every loss of the server."""
    plc = make_plc(options)
    if options.arguments.once:
        return read_once(options, plc)
    stop = threading.Event()
    sinks = [QueuedSink("console", ConsoleSink(options.nodes, options.language), stop.set)]
    if not options.arguments.csv:
        _run_until(stop, plc, sinks, options.language)
    else:
        with closing(CsvSink(options.arguments.csv, options.nodes)) as table:
            sinks.append(QueuedSink("csv", table, stop.set))
            _run_until(stop, plc, sinks, options.language)
    return 0


def _run_until(stop: threading.Event, plc: PlcSettings, sinks: List[QueuedSink], language: str) -> None:
    """The collector's loop with these sinks, until a signal or a sink's error ends it."""
    watch = PlcWatch(plc, open_driver=DescribedOpcUaPlc)
    watch.sinks = tuple(sinks)
    worker = Worker("plc", lambda its_stop: read_plc_loop(watch, its_stop), watch)
    with stop_on_signals(stop):
        worker.start()
        while not stop.wait(1.0):
            worker.supervise()
        stop_all([worker])
        stuck = [sink for sink in sinks if not sink.stop(DRAIN_S)]
    if stuck:  # a console that takes nothing would hold up the end of the process for ever
        os._exit(1)
    for sink in sinks:
        if sink.error is not None:
            raise sink.error
        if sink.lost_count:
            lost = say("client.lost", name=sink.name, count=sink.lost_count)
            print(lost.in_language(language), file=sys.stderr)


def read_once(options: Options, plc: PlcSettings) -> int:
    """One reading as a table; 0 when every value is good, else 1."""
    driver = OpcUaPlc(plc, {})
    try:
        driver.connect()
        types, scan = driver.read_types(), driver.read_scan()
    finally:
        driver.close()
    samples = dict(scan.samples)
    if scan.frozen:
        print(one_line(scan.frozen, options.language), file=sys.stderr)
    if options.arguments.csv:
        with closing(CsvSink(options.arguments.csv, options.nodes)) as table:
            table.on_scan(plc, scan, (), {})
    rows: List[Sequence[str]] = [(*HEAD, say("client.value"))]
    for name, node in options.nodes.items():
        rows.append((name, node, types[name], value_text(samples[name], options.language)))
    print_table(rows, options.language)
    return 0 if all(sample.error is None for sample in samples.values()) else 1


# -- looking around ----------------------------------------------------------------------------------------------------


def print_tree(options: Options) -> int:
    """The address space as a tree: name, NodeId, class, type, access, value."""
    arguments = options.arguments
    driver, depth = OpcUaPlc(make_plc(options), {}), int(arguments.depth or DEPTH.default)
    try:
        driver.connect()
        for node in driver.browse(arguments.start or "i=85", depth):
            value = f" = {to_display(node.value)[:120]}" if node.value is not None else ""
            bad = say("client.bad", fault=node.error)
            error = f" = {bad.words_in(options.language)}" if node.error else ""
            kind = f"{node.type_name} {node.access}" if node.type_name else node.node_class
            print(one_line(f"{'  ' * node.depth}{node.name}  [{node.node}]  {kind}{value}{error}".rstrip()))
    finally:
        driver.close()
    return 0


def show_endpoints(options: Options) -> int:
    """The server's endpoints: policies, ways to log in, the certificate's thumbprint and dates."""
    for endpoint in list_endpoints(make_plc(options)):
        note = "" if endpoint.is_supported else f"  {say('client.not_supported').words_in(options.language)}"
        print(one_line(f"{endpoint.policy} {endpoint.mode}{note}  {endpoint.url}"))
        options.show(say("client.log_in", tokens=endpoint.tokens or say("client.nobody")), "  ")
        if endpoint.certificate:
            shown = {"name": endpoint.certificate, "thumbprint": endpoint.thumbprint}
            options.show(say("client.certificate", **shown), "  ")
            options.show(say("client.valid", start=str(endpoint.valid_from), end=str(endpoint.valid_until)), "  ")
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
        name, path = Pki(make_plc(options).opcua.pki_dir).trust(exc.thumbprint)
        options.show(say("client.trusted", name=name, thumbprint=exc.thumbprint, path=str(path)))
        return options.action(options)
