"""OPC UA client: reads the nodes below from a server, again and again, and prints them.

Put your server into URL and its nodes into NODES and run this file; or give them on the command line:

    python conectpy/SIEMENS/get_opUA.py --url opc.tcp://192.168.11.20:4840 --node VE001_ST=ns=4;i=3
    python conectpy/SIEMENS/get_opUA.py --url opc.tcp://192.168.11.20:4840 browse i=85 --depth 3
    python conectpy/SIEMENS/get_opUA.py --url opc.tcp://192.168.11.20:4840 endpoints
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Dict, Optional, Sequence

# Run by its path, a script has its own folder at the head of sys.path; what it needs there is the checkout. (Windows'
# embeddable Python has neither: its first entry is the standard library, which has to stay.)
if __name__ == "__main__" and not __package__:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from conectpy.console.command_line import ArgumentParser, set_up_output
from conectpy.console.opcua_console import (
    DEPTH,
    DEPTH_FLAG,
    FLAGS,
    PASSWORD_VARIABLE,
    Options,
    print_tree,
    read_loop,
    run_action,
    show_endpoints,
)
from conectpy.console.output import language_of, print_error
from conectpy.errors import ConectpyError, ConfigError
from conectpy.settings.flags import add_flag
from conectpy.texts.catalogue import say

# The server to read. "" is the simulated S7 that this program starts itself, so that there is something to see.
URL = ""

# What to read: name -> NodeId, as UaExpert or `browse` show it: "ns=4;i=3", 'ns=3;s="DB1"."Pump"', "nsu=<uri>;s=name".
NODES: Dict[str, str] = {
    "P001_ST_SCADA": "ns=4;i=1",
    "P002_ST_SCADA": "ns=4;i=2",
    "VE238_ST": "ns=4;i=5",
    "ALARM_X0_1": "ns=4;i=9",
    "PT117_R_SCADA": 'ns=3;s="LAGOON"."PT117_R_SCADA"',
    "FIT003_R_SCADA": "nsu=urn:conectpy:lagoon;i=14",
    "WM01_TOT": "ns=4;i=20",
    "STATUS_TEXT": "ns=4;i=29",
}

SIMULATOR_PORT = 24840

# What holds where the command line says nothing, and is not the same as in a configuration.
DEFAULTS = {"--security": "none; with --user auto", "--password-env": PASSWORD_VARIABLE}


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run until stopped; returns the exit status: 0 fine, 1 something failed, 2 wrong arguments."""
    language = language_of(os.environ)
    try:
        options = parse_options(argv, language)
        output = set_up_output("WARNING", language)
        simulator = None
        try:
            if not options.url:
                simulator, options = start_simulator(options)
            return run_action(options)
        finally:
            if simulator is not None:
                simulator.stop()
            output.close()
    except ConectpyError as exc:
        return print_error(exc, language, "error: ")
    except KeyboardInterrupt:  # before or after the loop, which ends by itself
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parse_options(argv: Optional[Sequence[str]], language: str) -> Options:
    """The command line over URL and NODES. Raises ConfigError."""
    parser = ArgumentParser(prog="get_opUA.py", description=say("flag.client").in_language(language))
    parser.add_argument("command", nargs="?", choices=("read", "browse", "endpoints"), default="read")
    parser.add_argument("start", nargs="?", metavar="NODE", help=say("flag.start").in_language(language))
    parser.add_argument("--url", default=URL, help=say("flag.url").in_language(language))
    parser.add_argument("--node", action="append", metavar="NAME=NODEID", help=say("flag.node").in_language(language))
    parser.add_argument("--once", action="store_true", help=say("flag.read_once").in_language(language))
    parser.add_argument("--subscribe", action="store_true", help=say("flag.subscribe").in_language(language))
    parser.add_argument("--csv", metavar="FILE", help=say("flag.csv").in_language(language))
    parser.add_argument(
        "--trust", nargs="?", const="*", metavar="THUMBPRINT", help=say("flag.trust").in_language(language)
    )
    add_flag(parser, DEPTH, DEPTH_FLAG, language)
    for flag, option in FLAGS.items():
        add_flag(parser, option, flag, language, DEFAULTS.get(flag.split()[0]))
    arguments = parser.parse_intermixed_args(argv)
    actions = {"read": read_loop, "browse": print_tree, "endpoints": show_endpoints}
    return Options(actions[arguments.command], arguments, read_nodes(arguments), language)


def read_nodes(arguments: argparse.Namespace) -> Dict[str, str]:
    """NODES, or what --node says instead. Raises ConfigError for what has no name."""
    if not arguments.node:
        return NODES
    found: Dict[str, str] = {}
    faults = []
    for text in arguments.node:
        name, separator, node = text.partition("=")
        # `--node ns=4;i=3` without a name is a NodeId all the same
        if not separator or not name or name in ("ns", "nsu", "i", "s", "g", "b"):
            name, node = text, text
        if name in found:
            faults.append(say("client.twice", node=text, name=name))
        found[name] = node
    if faults:
        raise ConfigError(faults)
    return found


def start_simulator(options: Options) -> Any:
    """The bundled server on its port or, when that is taken, a free one; and the options that point at it."""
    from conectpy.simulator.opcua_server import OpcUaServer

    try:
        simulator = OpcUaServer(port=SIMULATOR_PORT).start()
    except OSError:
        simulator = OpcUaServer(port=0).start()
    print(say("client.simulated", url=simulator.url).in_language(options.language), flush=True)
    return simulator, options.at(simulator.url)


if __name__ == "__main__":
    sys.exit(main())
