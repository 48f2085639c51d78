"""Faults by text, for a simulator that runs in a process of its own: one command per line on its standard input.

Each line is `<plc> <command> [arguments]`; `<plc>` is 1, 2, ... or `*` for all. `HELP` lists the commands.
"""

from __future__ import annotations

import ast
import os
import sys
import threading
from typing import Any, Callable, Dict, Iterator, List, Sequence

from .faults import ACTIONS
from .logix_server import LogixServer

HELP = """\
delay S            answer S seconds later from now on        delay-next S     only the next reply
freeze | thaw      read requests, never answer               cut | reset      end all TCP connections (FIN | RST)
next ACTION        what happens to the next reply            every ACTION     to each one (`none`: nothing)
open on|off        Forward Open works                        large-open on|off
multiple on|off    Multiple Service Packet works             changes on|off   class 0xAC is there
forget             drop all CIP connections silently         clear            everything works again
shuffle            download the program anew                 remove TAG
rename TAG NEW     download with another name                retype TAG TYPE VALUE
write TAG VALUE    set a value (Python literal)              mode MODE        RUN, PROGRAM, FAULT, ...
fail TAG           answer this tag with an error             heal TAG
"""


def run_command(servers: Sequence[LogixServer], line: str) -> str:
    """Execute one line. Returns `ok` (for `write` with the epoch seconds of the change) or `error: ...`."""
    words = line.split()
    if words == ["help"]:
        return HELP.rstrip()
    if len(words) < 2 or words[1] not in _COMMANDS:
        return "error: write `<plc> <command>`, or `help`"
    try:
        chosen = servers if words[0] == "*" else [servers[int(words[0]) - 1]]
        results = [_COMMANDS[words[1]](server, words[2:]) for server in chosen]
    except (LookupError, ValueError, SyntaxError) as exc:
        return f"error: {line.strip()}: {exc}"
    return " ".join(["ok", *(f"{result:.6f}" for result in results if isinstance(result, float))])


def serve_commands(servers: Sequence[LogixServer], stop: threading.Event) -> None:
    """Answer the lines of standard input until it ends, then set `stop`: whoever started the simulator has gone."""
    for line in _lines():
        if line.strip():
            sys.stdout.write(run_command(servers, line) + "\n")
            sys.stdout.flush()
    stop.set()


def _lines() -> Iterator[str]:
    """Read past `sys.stdin`: a thread that waits inside its buffer would spoil the interpreter's end."""
    rest = b""
    while True:
        piece = os.read(0, 4096)
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")


def _switch(name: str) -> Callable[[LogixServer, List[str]], None]:
    """`on` means that the thing works, so the fault is off."""

    def switch(server: LogixServer, arguments: List[str]) -> None:
        if arguments not in (["on"], ["off"]):
            raise ValueError("on or off")
        setattr(server.faults, name, arguments == ["off"])

    return switch


def _set_fault(name: str, value: Any) -> Callable[[LogixServer, List[str]], None]:
    return lambda server, _: setattr(server.faults, name, value)


def _every(server: LogixServer, arguments: List[str]) -> None:
    if arguments[0] not in (*ACTIONS, "none"):
        raise ValueError(f"one of none, {', '.join(ACTIONS)}")
    server.faults.every_reply = None if arguments[0] == "none" else arguments[0]


def _mode(server: LogixServer, arguments: List[str]) -> None:
    server.controller.set_mode(" ".join(arguments))


def _value(words: List[str]) -> Any:
    return ast.literal_eval(" ".join(words))


_COMMANDS: Dict[str, Callable[[LogixServer, List[str]], Any]] = {
    "delay": lambda server, words: setattr(server.faults, "delay_s", float(words[0])),
    "delay-next": lambda server, words: server.faults.next_reply(delay_s=float(words[0])),
    "freeze": _set_fault("is_frozen", True),
    "thaw": _set_fault("is_frozen", False),
    "cut": lambda server, _: server.cut(),
    "reset": lambda server, _: server.cut(with_reset=True),
    "next": lambda server, words: server.faults.next_reply(words[0]),
    "every": _every,
    "open": _switch("refuse_forward_open"),
    "large-open": _switch("refuse_large_forward_open"),
    "multiple": _switch("no_multiple_service"),
    "changes": _switch("no_controller_changes"),
    "forget": lambda server, _: server.forget_connections(),
    "clear": lambda server, _: server.faults.clear(),
    "shuffle": lambda server, _: server.controller.shuffle(),
    "remove": lambda server, words: server.controller.remove_tag(words[0]),
    "rename": lambda server, words: server.controller.rename_tag(words[0], words[1]),
    "retype": lambda server, words: server.controller.change_type(words[0], words[1], _value(words[2:])),
    "write": lambda server, words: server.controller.write(words[0], _value(words[1:])),
    "mode": _mode,
    "fail": lambda server, words: server.faults.fail_tag(words[0]),
    "heal": lambda server, words: server.faults.heal_tag(words[0]),
}
