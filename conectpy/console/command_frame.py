"""What all commands share: they are found, their arguments read, their output printed, their errors told in one line.

Exit status: 0 done, 1 failed, 2 wrong arguments or configuration, 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import json
import os
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Protocol, Sequence, Tuple

from ..errors import ConectpyError
from ..settings.types import Settings
from .command_line import ArgumentParser, read_settings, set_up_output
from .command_table import COMMANDS, COMMON, Entry
from .output import language_of, print_error
from .text_tables import format_table, one_line

PROGRAM = "python -m conectpy"
INTERRUPTED = 130


class Script(Protocol):
    """The monitor's script: what stands in it, read only when a command needs it."""

    def own_document(self) -> Dict[str, Any]:
        """PLCS and TAG_LABELS, in the form of a configuration file."""

    def start_simulators(self, settings: Settings) -> Tuple[Settings, List[Any]]:
        """Start the simulated PLCs among the configured ones, and mark them; each has `stop()`."""


class Request(NamedTuple):
    """What a command gets: its arguments, and the settings that they lead to as the monitor's do."""

    arguments: argparse.Namespace
    script: Script

    def has_file(self) -> bool:
        """Whether a configuration file is named, on the command line or by the environment."""
        return bool(self.arguments.config or os.environ.get("CONECTPY_CONFIG"))

    def read_settings(self) -> Settings:
        """Raises ConfigError."""
        given = {"config": self.arguments.config, "db": self.arguments.db}
        return read_settings(given, self.script.own_document)


class Output(NamedTuple):
    """What a command prints: `data` (JSON values) with --json, else `lines`; and its exit status."""

    data: Any
    lines: Sequence[str]
    exit_status: int = 0


def run_command(argv: Sequence[str], script: Script) -> int:
    """Run what the command line says; the exit status. SystemExit for --help and wrong arguments. Main thread."""
    language = language_of(os.environ)
    output = set_up_output("WARNING", language)
    try:
        entry, words = find_entry(argv)
        if entry is None:
            return _list_commands(argv)
        arguments = make_parser(entry).parse_args(argv[words:])
        return _print(_call(entry, Request(arguments, script)), arguments.json)
    except ConectpyError as exc:
        return print_error(exc, language, "error: ")
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as exc:
        where = f"{exc.filename}: " if exc.filename else ""
        print(one_line(f"error: {where}{exc.strerror or exc}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    finally:
        output.close()


def _call(entry: Entry, request: Request) -> Output:
    module, _, function = entry.function.partition(":")
    output: Output = getattr(importlib.import_module(f"{__package__}.{module}"), function)(request)
    return output


def _print(output: Output, is_json: bool) -> int:
    if is_json:
        is_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        print(json.dumps(output.data, ensure_ascii=not is_unicode, indent=2))
    else:
        for line in output.lines:
            print(line)
    sys.stdout.flush()
    return output.exit_status


def find_entry(argv: Sequence[str]) -> Tuple[Optional[Entry], int]:
    """The command that the first words call, and how many words that are."""
    for entry in COMMANDS:
        words = entry.name.split()
        if list(argv[: len(words)]) == words:
            return entry, len(words)
    return None, 0


def make_parser(entry: Entry) -> ArgumentParser:
    """The parser of one command."""
    parser = ArgumentParser(prog=f"{PROGRAM} {entry.name}", description=f"{entry.group}: {entry.help}.")
    for names, details in (*entry.arguments, *COMMON):
        parser.add_argument(*names, **details)
    return parser


# -- what there is -----------------------------------------------------------------------------------------------------


def _list_commands(argv: Sequence[str]) -> int:
    """The list of the commands, or of those that begin with the given word; 2 for a word that is none."""
    first, rest = (argv[0], list(argv[1:])) if argv else ("--help", [])
    area = [entry for entry in COMMANDS if entry.name.split()[0] == first]
    if first in ("-h", "--help", "help") or (area and rest in (["-h"], ["--help"])):
        return _print(Output(None, describe_commands(area or COMMANDS)), is_json=False)
    if area and not rest:
        lacks = f"which one? {', '.join(entry.name for entry in area)}"
    else:
        words = " ".join(argv[:2] if area else argv[:1])
        names = [entry.name for entry in area or COMMANDS]
        near = difflib.get_close_matches(words, [*names, *(name.split()[0] for name in names)], 1)
        lacks = f"no command {words} ({f'did you mean {near[0]}?' if near else 'see --help'})"
    print(one_line(f"{PROGRAM}: {lacks}"), file=sys.stderr)
    return 2


def describe_commands(entries: Sequence[Entry]) -> List[str]:
    """The commands under their groups' headings."""
    lines = [f"usage: {PROGRAM} COMMAND [OPTIONS]; {PROGRAM} COMMAND --help tells them"]
    table = format_table([(_usage(entry), entry.help) for entry in entries])
    group = ""
    for entry, line in zip(entries, table):
        if entry.group != group:
            group = entry.group
            lines += ["", group]
        lines.append(f"  {line}")
    return lines


def _usage(entry: Entry) -> str:
    positional = [one for one in entry.arguments if not one.names[0].startswith("-")]
    words = [f"[{one.details['metavar']}]" if "nargs" in one.details else one.details["metavar"] for one in positional]
    return " ".join((entry.name, *words))
