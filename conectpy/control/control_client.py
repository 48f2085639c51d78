"""How a command reaches the program that holds an event file; or, when none runs, is done here under the file's lock.

No second writer, ever: either the running program does it, or whoever holds the lock. A command that has been handed
over is never given a second time.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict, Optional

from ..errors import CommandError, ConectpyError
from ..events.file_lock import FileLock
from ..events.place import find_real_path
from ..models import Command
from ..texts.catalogue import Text, say, text_of
from ..timestamps import to_text, utc_now
from .control_file import VERSION, Endpoint, read_endpoint
from .handler import Handler, Progress
from .line_channel import (
    HANDSHAKE_S,
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    ChannelError,
    LineChannel,
    is_proof,
    make_nonce,
    prove,
    read_nonce,
    read_text,
)

PATIENCE_S = 5.0
"""A program that starts or ends holds the lock without answering for some seconds."""

RETRY_S = 0.2
CONNECT_S = 2.0
SILENCE_S = 60.0


class _Unanswered(Exception):
    """Nobody has taken the command; the text says why."""


class _Refused(ConectpyError):
    """The program's own error, with its exit status."""

    def __init__(self, text: str, exit_status: int) -> None:
        super().__init__(text)
        self.exit_status = exit_status


def make_command(name: str, arguments: Dict[str, Any]) -> Command:
    """A command of the person who runs this process."""
    return Command(name, arguments, find_user(), utc_now(), "console")


def find_user() -> str:
    """The account of the operating system that this process runs as, not what a variable claims."""
    if sys.platform == "win32":
        return os.getlogin()
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def send(
    event_file: str,
    command: Command,
    offline: Optional[Handler] = None,
    report: Callable[[str], None] = lambda text: None,
    silence_s: float = SILENCE_S,
) -> Any:
    """The result of the command: of the program that holds `event_file`, or of `offline`, called while this process
    holds the file's lock. Without `offline` there must be a program.

    `report` gets the lines of progress. A program that says nothing for `silence_s` is given up. Raises CommandError
    when the command was not done or its result is unknown, and the ConectpyError of whoever did it.
    """
    path = find_real_path(event_file)
    lock = FileLock(f"{path}.lock")
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return _ask(path, command, report, silence_s)
        except _Unanswered as exc:
            reason = text_of(exc)
        if offline is not None:
            owner = _take(lock, reason)
            if owner is None:
                try:
                    return offline(command, Progress(report, threading.Event()))
                finally:
                    lock.release()
        elif not os.path.exists(lock.path):
            raise CommandError(say("control.no_program", path=path, reason=reason))
        else:
            owner = say("control.lock_there")
        if time.monotonic() >= deadline_s:
            raise CommandError(say("control.silent_program", path=path, owner=owner, reason=reason))
        threading.Event().wait(RETRY_S)


def _take(lock: FileLock, reason: Text) -> Optional[str]:
    try:
        return lock.acquire()
    except OSError as exc:
        raise CommandError(say("control.no_lock", path=lock.path, fault=text_of(exc), reason=reason)) from exc


def _ask(path: str, command: Command, report: Callable[[str], None], silence_s: float) -> Any:
    try:
        endpoint = read_endpoint(path)
    except CommandError as exc:
        raise _Unanswered(exc.text) from None
    if endpoint.version != VERSION:
        raise _Unanswered(say("control.other_version", version=endpoint.version, ours=VERSION))
    try:
        connection = socket.create_connection(("127.0.0.1", endpoint.port), CONNECT_S)
    except OSError as exc:
        raise _Unanswered(say("control.nobody_listens", port=endpoint.port, fault=text_of(exc))) from exc
    with connection:
        channel = LineChannel(connection, MAX_REPLY_BYTES)
        try:
            message = _greet(channel, endpoint, command)
        except ChannelError as exc:
            raise _Unanswered(say("control.port", port=endpoint.port, fault=text_of(exc))) from exc
        try:
            channel.send(message)
            return _follow(channel, report, silence_s)
        except ChannelError as exc:
            unknown = say("control.unknown_result", command=command.name, process=endpoint.process, fault=text_of(exc))
            raise CommandError(unknown) from exc


def _greet(channel: LineChannel, endpoint: Endpoint, command: Command) -> Dict[str, Any]:
    """Let the other side prove itself; the message that hands over the command. Raises ChannelError."""
    ours = make_nonce()
    channel.send({"version": VERSION, "nonce": ours})
    answer = channel.receive(time.monotonic() + HANDSHAKE_S)
    theirs = read_nonce(answer)
    if not is_proof(answer, endpoint.key, "server", ours, theirs):
        raise ChannelError(say("control.stranger"))
    text = _to_text(command)
    return {"command": text, "proof": prove(endpoint.key, "client", ours, theirs, text)}


def _to_text(command: Command) -> str:
    text = json.dumps(
        {
            "name": command.name,
            "arguments": dict(command.arguments),
            "who": command.who,
            "when": to_text(command.when_utc),
            "origin": command.origin,
        }
    )
    limit = MAX_REQUEST_BYTES // 2  # as a string in JSON it grows
    if len(text) > limit:
        raise CommandError(say("control.long_command", command=command.name, count=len(text), limit=limit))
    return text


def _follow(channel: LineChannel, report: Callable[[str], None], silence_s: float) -> Any:
    while True:
        reply = channel.receive(time.monotonic() + silence_s)
        if "progress" in reply:
            report(read_text(reply, "progress"))
        elif "result" in reply:
            return reply["result"]
        else:
            status = reply.get("exit_status")
            raise _Refused(read_text(reply, "error"), status if status in (1, 2) else 1)
