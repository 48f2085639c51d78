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
from ..texts.catalogue import say, text_of
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


class Request:
    """What a command gets: its arguments, and the settings that they lead to as the monitor's do.

    `language` is the environment's, from `read_settings` on the configuration's where it names one.
    """

    def __init__(self, arguments: argparse.Namespace, script: Script, language: str) -> None:
        self.arguments, self.script, self.language = arguments, script, language

    def has_file(self) -> bool:
        """Whether a configuration file is named, on the command line or by the environment."""
        return bool(self.arguments.config or os.environ.get("CONECTPY_CONFIG"))

    def read_settings(self) -> Settings:
        """Raises ConfigError."""
        given = {"config": self.arguments.config, "db": self.arguments.db}
        settings = read_settings(given, self.script.own_document)
        self.language = settings.language or self.language
        return settings


class Output(NamedTuple):
    """What a command prints: `data` (JSON values) with --json, else `lines`; and its exit status."""

    data: Any
    lines: Sequence[str]
    exit_status: int = 0


def run_command(argv: Sequence[str], script: Script) -> int:
    """Run what the command line says; the exit status. SystemExit for --help and wrong arguments. Main thread."""
    language = language_of(os.environ)
    output = set_up_output("WARNING", language)
    request = Request(argparse.Namespace(), script, language)
    try:
        entry, words = find_entry(argv)
        if entry is None:
            return _list_commands(argv, language)
        request.arguments = make_parser(entry, language).parse_args(argv[words:])
        return _print(_call(entry, request), request.arguments.json)
    except ConectpyError as exc:
        return print_error(exc, request.language, "error: ")
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as exc:
        where = f"{exc.filename}: " if exc.filename else ""
        print(one_line(f"error: {where}{text_of(exc).in_language(request.language)}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(say("console.interrupted").in_language(request.language), file=sys.stderr)
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


def make_parser(entry: Entry, language: str) -> ArgumentParser:
    """The parser of one command, with its help in this language."""
    group, does = entry.group.in_language(language), entry.help.in_language(language)
    parser = ArgumentParser(prog=f"{PROGRAM} {entry.name}", description=f"{group}: {does}.")
    for names, details in (*entry.arguments, *COMMON):
        parser.add_argument(*names, **{**details, "help": details["help"].in_language(language)})
    return parser


# -- what there is -----------------------------------------------------------------------------------------------------


def _list_commands(argv: Sequence[str], language: str) -> int:
    """The list of the commands, or of those that begin with the given word; 2 for a word that is none."""
    first, rest = (argv[0], list(argv[1:])) if argv else ("--help", [])
    area = [entry for entry in COMMANDS if entry.name.split()[0] == first]
    if first in ("-h", "--help", "help") or (area and rest in (["-h"], ["--help"])):
        return _print(Output(None, describe_commands(area or COMMANDS, language)), is_json=False)
    if area and not rest:
        lacks = say("command.which", known=[entry.name for entry in area])
    else:
        words = one_line(" ".join(argv[:2] if area else argv[:1]))
        names = [entry.name for entry in area or COMMANDS]
        near = difflib.get_close_matches(words, [*names, *(name.split()[0] for name in names)], 1)
        lacks = say("command.near", name=words, near=near[0]) if near else say("command.none", name=words)
    print(one_line(f"{PROGRAM}: {lacks.in_language(language)}"), file=sys.stderr)
    return 2


def describe_commands(entries: Sequence[Entry], language: str) -> List[str]:
    """The commands under their groups' headings."""
    lines = [say("command.usage", program=PROGRAM).in_language(language)]
    table = format_table([(_usage(entry), entry.help) for entry in entries], language)
    group = ""
    for entry, line in zip(entries, table):
        if entry.group != group:
            group = entry.group
            lines += ["", entry.group.in_language(language)]
        lines.append(f"  {line}")
    return lines


def _usage(entry: Entry) -> str:
    positional = [one for one in entry.arguments if not one.names[0].startswith("-")]
    words = [f"[{one.details['metavar']}]" if "nargs" in one.details else one.details["metavar"] for one in positional]
    return " ".join((entry.name, *words))
