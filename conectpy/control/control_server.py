"""The running program's side of the control channel: accepts connections, hands commands to their handlers.

One thread accepts, a thread of its own answers each connection. A connection that has not proven the key yet may be
thrown out for a newer one, so that silent ones cannot keep the honest out.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from typing import Callable, List, Mapping, Optional

from ..errors import ConectpyError
from ..models import Command
from ..texts.catalogue import Text, as_text, say, text_of
from ..timestamps import from_text
from .control_file import VERSION, Endpoint, control_path, make_endpoint, read_endpoint, write_endpoint
from .handler import Handler, Progress
from .line_channel import (
    HANDSHAKE_S,
    MAX_REQUEST_BYTES,
    ChannelError,
    LineChannel,
    is_proof,
    make_nonce,
    prove,
    read_nonce,
    with_text,
)

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 16
MAX_THREADS = 64
"""Of the connections that were thrown out some threads are about to end."""

BACKLOG = 128
ACCEPT_S = 0.25
CHECK_FILE_S = 2.0
STOP_S = 1.0
"""How long commands under way may go on once the program stops."""

MAX_TEXT = 200
MAX_FAULT = 900


class _Caller:
    """One connection and its thread."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.channel = LineChannel(connection, MAX_REQUEST_BYTES)
        self.has_proven = False


class ControlServer:
    """Listens for commands to the program that holds `event_file` (a path that `find_real_path` gave)."""

    def __init__(self, event_file: str, handlers: Mapping[str, Handler]) -> None:
        self._event_file = event_file
        self._handlers = dict(handlers)
        self._file = _ControlFile(event_file)
        self._changed = threading.Condition()  # guards _callers
        self._callers: List[_Caller] = []
        self._next_warning_s = 0.0  # only for the log: a race of two threads says one line too many

    def serve(self, stop: threading.Event) -> None:
        """Listen until `stop` is set; a supervised thread's work. Raises OSError where no socket can be had."""
        with _listen() as listener:
            endpoint = make_endpoint(listener.getsockname()[1])
            try:
                while not stop.is_set():
                    self._file.keep(endpoint)
                    self._accept(listener, endpoint, stop)
            finally:
                self._file.remove(endpoint)
                self._end_callers()

    def _accept(self, listener: socket.socket, endpoint: Endpoint, stop: threading.Event) -> None:
        try:
            connection, _ = listener.accept()
        except socket.timeout:
            return
        except OSError as exc:  # out of descriptors, or the caller has left already
            log.warning(say("control.not_accepted", fault=text_of(exc)))
            stop.wait(ACCEPT_S)
            return
        caller = _Caller(connection)
        if not self._admit(caller):
            connection.close()
            return
        thread = threading.Thread(target=self._guard, args=(caller, endpoint, stop), name="control-caller", daemon=True)
        thread.start()

    def _admit(self, caller: _Caller) -> bool:
        """Whether there is room, if need be in the place of the oldest one that has proven nothing."""
        with self._changed:
            kept = [one for one in self._callers if not one.channel.is_aborted]
            if len(kept) >= MAX_CONNECTIONS:
                oldest = next((one for one in kept if not one.has_proven), None)
                if oldest is None:
                    return False
                oldest.channel.abort()
            if not self._changed.wait_for(lambda: len(self._callers) < MAX_THREADS, ACCEPT_S):
                return False
            self._callers.append(caller)
            return True

    def _end_callers(self) -> None:
        with self._changed:
            for caller in self._callers:
                if not caller.has_proven:
                    caller.channel.abort()
            if not self._changed.wait_for(lambda: not self._callers, STOP_S):
                log.warning(say("control.not_ended", count=len(self._callers)))
            for caller in self._callers:
                caller.channel.abort()

    # -- one caller, in its own thread ---------------------------------------------------------------------------------

    def _guard(self, caller: _Caller, endpoint: Endpoint, stop: threading.Event) -> None:
        try:
            command = self._greet(caller, endpoint)
            if command is not None:
                self._run(caller, command, stop)
        except ChannelError as exc:
            log.debug("a connection for commands ended: %s", exc)
        except Exception:  # the top of a thread: one caller's trouble must not become another's
            log.exception(say("control.connection_failed"))
        finally:
            caller.connection.close()
            with self._changed:
                self._callers.remove(caller)
                self._changed.notify_all()

    def _greet(self, caller: _Caller, endpoint: Endpoint) -> Optional[Command]:
        deadline_s = time.monotonic() + HANDSHAKE_S
        channel = caller.channel
        hello = channel.receive(deadline_s)
        if hello.get("version") != VERSION:
            channel.send({"error": f"this program speaks version {VERSION} of the control channel"})
            return None
        theirs, ours = read_nonce(hello), make_nonce()
        channel.send({"nonce": ours, "proof": prove(endpoint.key, "server", theirs, ours)})
        request = channel.receive(deadline_s)
        text = request.get("command")
        if not isinstance(text, str) or not is_proof(request, endpoint.key, "client", theirs, ours, text):
            self._warn_of_stranger()
            return None
        caller.has_proven = True
        return parse_command(text)

    def _warn_of_stranger(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_warning_s:
            self._next_warning_s = now_s + 60.0
            log.warning(say("control.refused"))

    def _run(self, caller: _Caller, command: Command, stop: threading.Event) -> None:
        log.debug("command %s of %s (%s)", command.name, command.who, command.origin)
        try:
            result = self._find(command)(command, Progress(_reporter(caller.channel), stop))
            caller.channel.send({"result": result})
        except ConectpyError as exc:
            caller.channel.send({**with_text("error", exc.text), "exit_status": exc.exit_status})
        except ChannelError as exc:
            log.warning(say("control.not_told", command=command.name, fault=text_of(exc)))
        except Exception as exc:  # a handler's fault; the person must not wait for an answer that never comes
            log.exception(say("control.failed", command=command.name))
            text = say("control.failed_unexpectedly", command=command.name, fault=repr(exc)[:MAX_FAULT])
            caller.channel.send(with_text("error", text))

    def _find(self, command: Command) -> Handler:
        handler = self._handlers.get(command.name)
        if handler is None:
            known = sorted(self._handlers)
            raise ConectpyError(say("control.no_such_command", command=command.name, known=known))
        return handler


class _ControlFile:
    """Keeps the control file where it belongs. Used by the accepting thread alone."""

    def __init__(self, event_file: str) -> None:
        self._event_file = event_file
        self._stat: Optional[os.stat_result] = None
        self._next_s = 0.0
        self._trouble: Optional[Text] = None

    def keep(self, endpoint: Endpoint) -> None:
        """Write the file when it is missing or is not ours, looking every CHECK_FILE_S. Never raises."""
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + CHECK_FILE_S
        try:
            if self._is_ours():
                return
            self._stat = write_endpoint(self._event_file, endpoint)
            trouble = None
        except OSError as exc:
            self._stat, trouble = None, text_of(exc)
        path = control_path(self._event_file)
        if trouble and trouble != self._trouble:
            log.warning(say("control.not_written", path=path, fault=trouble))
        elif self._trouble and not trouble:
            log.info(say("control.written_again", path=path))
        self._trouble = trouble

    def _is_ours(self) -> bool:
        try:
            found = os.lstat(control_path(self._event_file))
        except FileNotFoundError:
            return False
        ours = self._stat
        # st_ctime_ns: also when its rights were changed, for then nobody would trust it
        return ours is not None and os.path.samestat(found, ours) and found.st_ctime_ns == ours.st_ctime_ns

    def remove(self, endpoint: Endpoint) -> None:
        """Take the file away, unless it is another's by now. Never raises: one that stays says nothing."""
        try:
            if read_endpoint(self._event_file) == endpoint:
                os.unlink(control_path(self._event_file))
        except (OSError, ConectpyError) as exc:
            log.debug("the control file stays: %s", exc)
        self._stat, self._next_s = None, 0.0


def _listen() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        if exclusive is not None:  # Windows lets another program listen on the same port otherwise
            listener.setsockopt(socket.SOL_SOCKET, exclusive, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(BACKLOG)
        listener.settimeout(ACCEPT_S)
    except OSError:
        listener.close()
        raise
    return listener


def _reporter(channel: LineChannel) -> Callable[[str], None]:
    """Progress lines for as long as somebody takes them; a person who left does not end the work."""
    has_left = threading.Event()

    def report(text: str) -> None:
        if not has_left.is_set():
            try:
                channel.send(with_text("progress", as_text(text)))
            except ChannelError:
                has_left.set()

    return report


def parse_command(text: str) -> Command:
    """A command from its JSON. Raises ChannelError."""
    try:
        entry = json.loads(text)
        name, arguments, who = entry["name"], entry["arguments"], entry["who"]
        when_utc, origin = from_text(entry["when"]), entry["origin"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ChannelError(say("channel.no_command", fault=repr(exc)[:MAX_TEXT])) from exc
    texts_are_sound = all(
        isinstance(one, str) and 0 < len(one) <= MAX_TEXT and one.isprintable() for one in (name, who, origin)
    )
    if not texts_are_sound or not isinstance(arguments, dict):
        raise ChannelError(say("channel.unsound_command"))
    return Command(name, arguments, who, when_utc, origin)
