"""The control channel over real sockets, files and locks: who may give commands, and who does them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from conectpy.control import control_client
from conectpy.control.control_client import find_user, make_command, send
from conectpy.control.control_file import control_path, make_endpoint, read_endpoint, write_endpoint
from conectpy.control.control_server import MAX_CONNECTIONS, MAX_THREADS, ControlServer
from conectpy.control.handler import Handler, Progress
from conectpy.control.line_channel import HANDSHAKE_S, MAX_REQUEST_BYTES, prove
from conectpy.errors import CommandError, ConectpyError, ConfigError
from conectpy.events.file_lock import FileLock
from conectpy.models import Command
from tests.monitor import ROOT, wait_until

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="rights and signals are POSIX")


def echo(command: Command, progress: Progress) -> Any:
    progress.report("half way")
    return {"name": command.name, "who": command.who, "origin": command.origin, **command.arguments}


def refuse(command: Command, progress: Progress) -> Any:
    raise ConfigError(["a: wrong", "b: wrong"])


def fail(command: Command, progress: Progress) -> Any:
    raise ZeroDivisionError("in the handler")


class Program:
    """What a running program does for the channel: it holds the file's lock and serves."""

    def __init__(self, event_file: Path, handlers: Optional[Dict[str, Handler]] = None) -> None:
        self.event_file = str(event_file)
        self.lock = FileLock(f"{event_file}.lock")
        assert self.lock.acquire() is None
        self._server = ControlServer(self.event_file, handlers or {"echo": echo, "refuse": refuse, "fail": fail})
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self._server.serve, args=(self.stop,), daemon=True)
        self._thread.start()

    def wait_file(self) -> None:
        wait_until(Path(control_path(self.event_file)).exists, "the control file")

    @property
    def port(self) -> int:
        return read_endpoint(self.event_file).port

    def end(self) -> None:
        self.stop.set()
        self._thread.join(10.0)
        assert not self._thread.is_alive()
        self.lock.release()


@pytest.fixture
def event_file(tmp_path: Path) -> Path:
    folder = tmp_path / "Laguna Ñandú 1"
    folder.mkdir()
    return folder / "events.sqlite3"


@contextlib.contextmanager
def running(event_file: Path, handlers: Optional[Dict[str, Handler]] = None) -> Iterator[Program]:
    program = Program(event_file, handlers)
    try:
        program.wait_file()
        yield program
    finally:
        program.end()


def offline(command: Command, progress: Progress) -> Any:
    return "done here"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who does not wait for a program that may be about to start."""
    monkeypatch.setattr(control_client, "PATIENCE_S", 0.0)


# -- the way it is meant -----------------------------------------------------------------------------------------------


def test_a_command_reaches_the_program_and_its_result_comes_back(event_file: Path) -> None:
    said: List[str] = []
    with running(event_file):
        found = send(str(event_file), make_command("echo", {"text": "¿qué?\n\ud83d"}), offline, said.append)
    assert found == {"name": "echo", "who": find_user(), "origin": "console", "text": "¿qué?\n\ud83d"}
    assert said == ["half way"]


def test_its_error_comes_back_with_its_exit_status(event_file: Path) -> None:
    with running(event_file):
        with pytest.raises(ConectpyError, match="a: wrong\nb: wrong") as refused:
            send(str(event_file), make_command("refuse", {}), offline)
        assert refused.value.exit_status == 2
        with pytest.raises(ConectpyError, match="nonsense: the running program has no such command; it has echo") as no:
            send(str(event_file), make_command("nonsense", {}), offline)
        assert no.value.text.in_language("es").startswith("nonsense: el programa en marcha no tiene ese comando")


def test_a_fault_in_a_handler_is_told_and_logged_and_hurts_nobody_else(
    event_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(event_file, {"echo": echo, "fail": fail, "odd": lambda *_: {1, 2}, "nan": lambda *_: float("nan")}):
        for name in ("fail", "odd", "nan"):
            with pytest.raises(ConectpyError, match=f"{name}: failed unexpectedly, see the program's log"):
                send(str(event_file), make_command(name, {}))
        assert send(str(event_file), make_command("echo", {}))
    assert "ZeroDivisionError" in caplog.text


def test_a_path_that_is_a_link_leads_to_the_same_program(event_file: Path, tmp_path: Path) -> None:
    event_file.touch()
    link = tmp_path / "link.sqlite3"
    try:
        link.symlink_to(event_file)
    except OSError:
        pytest.skip("no right to make links")
    if not link.is_symlink():
        pytest.skip("Wine makes links that Windows' functions do not tell from files")
    with running(event_file):
        assert send(str(link), make_command("echo", {"n": 1}), offline)["n"] == 1


def test_two_programs_with_two_files_get_their_own_commands(tmp_path: Path) -> None:
    one, two = tmp_path / "one.sqlite3", tmp_path / "two.sqlite3"
    with running(one, {"who": lambda *_: "one"}), running(two, {"who": lambda *_: "two"}):
        assert send(str(one), make_command("who", {})) == "one"
        assert send(str(two), make_command("who", {})) == "two"


def test_commands_run_at_the_same_time(event_file: Path) -> None:
    go_on = threading.Event()
    with running(event_file, {"long": lambda *_: go_on.wait(30.0), "echo": echo}):
        results: List[Any] = []
        giver = threading.Thread(target=lambda: results.append(send(str(event_file), make_command("long", {}))))
        giver.start()
        assert send(str(event_file), make_command("echo", {"n": 1}))["n"] == 1
        go_on.set()
        giver.join(10.0)
    assert results == [True]


def test_a_program_that_has_just_begun_is_waited_for(event_file: Path) -> None:
    lock = FileLock(f"{event_file}.lock")
    assert lock.acquire() is None
    results: List[Any] = []
    giver = threading.Thread(target=lambda: results.append(send(str(event_file), make_command("echo", {}), offline)))
    giver.start()
    time.sleep(0.3)  # it finds the lock held and nobody who answers
    lock.release()
    with running(event_file):
        giver.join(10.0)
    assert len(results) == 1


# -- nobody there: the command is done here, under the lock ------------------------------------------------------------


def test_without_a_program_the_command_is_done_here_under_the_lock(event_file: Path) -> None:
    def look(command: Command, progress: Progress) -> Any:
        progress.report("working")
        return FileLock(f"{event_file}.lock").acquire()

    said: List[str] = []
    owner = send(str(event_file), make_command("x", {}), look, said.append)
    assert owner == f"process {os.getpid()}"
    assert said == ["working"]
    assert list(event_file.parent.iterdir()) == []


def test_the_lock_is_given_back_when_the_command_fails_here(event_file: Path) -> None:
    with pytest.raises(ConfigError):
        send(str(event_file), make_command("x", {}), refuse)
    assert FileLock(f"{event_file}.lock").acquire() is None


def test_a_command_for_a_running_program_only_takes_no_lock(event_file: Path) -> None:
    with pytest.raises(CommandError, match="no program has it in use"):
        send(str(event_file), make_command("status", {}))
    assert list(event_file.parent.iterdir()) == []


def test_a_file_left_by_a_killed_program_does_not_matter(event_file: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.control_program", str(event_file)], cwd=str(ROOT)
    )  # fmt: skip
    try:
        wait_until(Path(control_path(str(event_file))).exists, "the control file")
        assert send(str(event_file), make_command("process", {}), offline) == holder.pid
    finally:
        holder.kill()
        holder.wait(20.0)
    assert Path(control_path(str(event_file))).exists()
    assert send(str(event_file), make_command("process", {}), offline) == "done here"
    with running(event_file):
        assert send(str(event_file), make_command("echo", {"n": 2}), offline)["n"] == 2


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.0 400 Bad Request\r\n\r\n", b"{}\n", b"[" * 100_000, b'{"nonce": "x"}\n'],
    ids=("silence", "http", "empty", "nested", "no nonce"),
)
def test_another_program_at_the_port_gets_no_command(event_file: Path, answer: bytes) -> None:
    heard: List[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        answering = threading.Thread(target=_answer_once, args=(other, answer, heard), daemon=True)
        answering.start()
        write_endpoint(str(event_file), make_endpoint(other.getsockname()[1]))
        assert send(str(event_file), make_command("secret", {"password": "hush"}), offline) == "done here"
        answering.join(10.0)
    assert heard
    assert b"hush" not in heard[0]


def _answer_once(server: socket.socket, answer: bytes, heard: List[bytes]) -> None:
    connection, _ = server.accept()
    with connection, contextlib.suppress(OSError):
        heard.append(connection.recv(65536))
        connection.sendall(answer)
        while connection.recv(65536):
            pass


@pytest.mark.usefixtures("impatient")
def test_the_key_of_an_earlier_start_gets_nothing_done(event_file: Path) -> None:
    with running(event_file) as program:
        write_endpoint(str(event_file), make_endpoint(program.port))
        with pytest.raises(CommandError, match=r"is in use \(process \d+\), .* it does not know the key"):
            send(str(event_file), make_command("echo", {}), offline)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"port": 1e999}', '{"version": 9}', "\xff", "[" * 4000, "x" * 5000]
)
def test_a_file_that_makes_no_sense_is_no_way_to_a_program(event_file: Path, content: str) -> None:
    path = Path(control_path(str(event_file)))
    path.write_bytes(content.encode("latin-1"))
    path.chmod(0o600)
    assert send(str(event_file), make_command("x", {}), offline) == "done here"
    lock = FileLock(f"{event_file}.lock")
    assert lock.acquire() is None
    with pytest.raises(CommandError, match=r"is in use \(process \d+\), but the program does not answer"):
        send(str(event_file), make_command("x", {}), offline)
    lock.release()


@pytest.mark.usefixtures("impatient")
def test_a_program_of_another_version_is_not_spoken_to(event_file: Path) -> None:
    write_endpoint(str(event_file), make_endpoint(1)._replace(version=2))
    lock = FileLock(f"{event_file}.lock")
    assert lock.acquire() is None
    with pytest.raises(CommandError, match="it speaks version 2 of the control channel, this one 1"):
        send(str(event_file), make_command("x", {}), offline)
    lock.release()


@posix_only
@pytest.mark.usefixtures("impatient")
def test_a_control_file_that_others_reach_is_not_trusted(event_file: Path) -> None:
    with running(event_file):
        Path(control_path(str(event_file))).chmod(0o644)
        with pytest.raises(CommandError, match="others can read or write it"):
            send(str(event_file), make_command("echo", {}), offline)
        wait_until(lambda: os.stat(control_path(str(event_file))).st_mode & 0o777 == 0o600, "it is made anew")
        assert send(str(event_file), make_command("echo", {}), offline)


# -- the program's side ------------------------------------------------------------------------------------------------


COMMAND_X = json.dumps(
    {"name": "x", "arguments": {}, "who": "eve", "when": "2026-03-01T00:00:00Z", "origin": "console"}
)


class Stranger:
    """A client of its own making, at the program's port."""

    def __init__(self, program: Program) -> None:
        self.socket = socket.create_connection(("127.0.0.1", program.port), 10.0)

    def __enter__(self) -> Stranger:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def say(self, message: Any) -> None:
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> bytes:
        with contextlib.suppress(ConnectionError):
            return self.socket.makefile("rb").readline()
        return b""

    def is_ended(self) -> bool:
        with contextlib.suppress(ConnectionError):
            return self.socket.recv(1) == b""
        return True


def test_a_wrong_key_is_refused_and_logged_once(event_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    done: List[Command] = []
    with running(event_file, {"x": lambda command, _: done.append(command)}) as program:
        for proof in ("0" * 64, "é", "", None, 7, ["0" * 64]):
            with Stranger(program) as stranger:
                stranger.say({"version": 1, "nonce": "0" * 64})
                assert b"proof" in stranger.hear()
                stranger.say({"command": COMMAND_X, "proof": proof})
                assert stranger.is_ended()
        assert done == []
        assert caplog.text.count("without the key") == 1


def test_a_proof_is_good_for_one_connection_only(event_file: Path) -> None:
    done: List[Command] = []
    with running(event_file, {"x": lambda command, _: done.append(command)}) as program:
        key = read_endpoint(program.event_file).key
        with Stranger(program) as honest:
            honest.say({"version": 1, "nonce": "0" * 64})
            proof = prove(key, "client", "0" * 64, json.loads(honest.hear())["nonce"], COMMAND_X)
            honest.say({"command": COMMAND_X, "proof": proof})
            assert json.loads(honest.hear()) == {"result": None}
        with Stranger(program) as replay:
            replay.say({"version": 1, "nonce": "0" * 64})
            replay.hear()
            replay.say({"command": COMMAND_X, "proof": proof})
            assert replay.is_ended()
    assert len(done) == 1


@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
        b"[" * 60_000 + b"\n",
        b'{"version": 1}\n',
        b'{"version": 1, "nonce": 5}\n',
        b'{"version": 1, "nonce": "\\ud800"}\n',
        b"9" * 60_000 + b"\n",
        b"x" * (2 * MAX_REQUEST_BYTES),
    ],
    ids=("http", "tls", "nested", "no nonce", "number", "surrogate", "digits", "endless"),
)
def test_rubbish_is_refused_and_the_next_one_served(event_file: Path, rubbish: bytes) -> None:
    with running(event_file) as program, Stranger(program) as stranger:
        with contextlib.suppress(ConnectionError):
            stranger.socket.sendall(rubbish)
        assert stranger.is_ended()
        assert send(str(event_file), make_command("echo", {"n": 1}))["n"] == 1


def test_silence_and_dripping_end_by_one_deadline(event_file: Path) -> None:
    with running(event_file) as program, Stranger(program) as silent, Stranger(program) as dripping:
        end_s = time.monotonic() + 4 * HANDSHAKE_S
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < end_s:
                dripping.socket.sendall(b" ")
                dripping.socket.settimeout(0.05)
                with contextlib.suppress(socket.timeout):
                    if dripping.socket.recv(1) == b"":
                        break
        assert time.monotonic() < end_s
        assert silent.is_ended()


def count_callers() -> int:
    return [thread.name for thread in threading.enumerate()].count("control-caller")


def test_a_hundred_silent_connections_keep_nobody_out(event_file: Path) -> None:
    with running(event_file) as program, contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(Stranger(program))
        assert send(str(event_file), make_command("echo", {"n": 1}))["n"] == 1
        assert count_callers() <= MAX_THREADS
        wait_until(lambda: count_callers() <= MAX_CONNECTIONS, "those that were thrown out end")


def test_a_giver_who_leaves_does_not_end_the_command(event_file: Path) -> None:
    has_begun, go_on, has_ended = threading.Event(), threading.Event(), threading.Event()

    def long(command: Command, progress: Progress) -> Any:
        has_begun.set()
        go_on.wait(30.0)
        for _ in range(100):
            progress.report("x" * 10_000)
        has_ended.set()
        return None

    giver = "import sys; from conectpy.control.control_client import *; send(sys.argv[1], make_command('long', {}))"
    with running(event_file, {"long": long, "echo": echo}):
        process = subprocess.Popen([sys.executable, "-c", giver, str(event_file)], cwd=str(ROOT))
        assert has_begun.wait(30.0)
        process.kill()
        process.wait(20.0)
        go_on.set()
        assert has_ended.wait(30.0)
        assert send(str(event_file), make_command("echo", {"n": 1}))["n"] == 1


def _give(event_file: Path, command: str) -> Callable[[], Exception]:
    """Give a command in a thread; what it raised, once it has."""
    raised: List[Exception] = []

    def give() -> None:
        try:
            send(str(event_file), make_command(command, {}), offline)
        except ConectpyError as exc:
            raised.append(exc)

    giver = threading.Thread(target=give)
    giver.start()

    def result() -> Exception:
        giver.join(20.0)
        return raised[0]

    return result


def test_a_stop_ends_what_heeds_it_and_cuts_off_what_does_not(event_file: Path) -> None:
    has_begun, go_on = threading.Barrier(3), threading.Event()

    def deaf(command: Command, progress: Progress) -> Any:
        has_begun.wait(30.0)
        go_on.wait(30.0)

    def heeding(command: Command, progress: Progress) -> Any:
        has_begun.wait(30.0)
        progress.stop.wait(30.0)
        raise ConectpyError("heeding: not done, the program stops")

    program = Program(event_file, {"deaf": deaf, "heeding": heeding})
    program.wait_file()
    results = _give(event_file, "deaf"), _give(event_file, "heeding")
    has_begun.wait(30.0)
    program.end()
    assert not Path(control_path(str(event_file))).exists()
    unknown, stopped = results[0](), results[1]()
    go_on.set()
    assert "its result is unknown: the connection was closed; look whether it was done" in str(unknown)
    assert str(stopped) == "heeding: not done, the program stops"


def test_a_program_that_hangs_in_a_command_is_given_up(event_file: Path) -> None:
    go_on = threading.Event()
    with running(event_file, {"hang": lambda *_: go_on.wait(60.0)}):
        with pytest.raises(CommandError, match="its result is unknown: no answer in time"):
            send(str(event_file), make_command("hang", {}), offline, silence_s=0.5)
        go_on.set()


def test_a_command_that_is_too_large_is_not_given(event_file: Path) -> None:
    with running(event_file), pytest.raises(CommandError, match="more than 32768 for one command"):
        send(str(event_file), make_command("echo", {"text": "x" * MAX_REQUEST_BYTES}), offline)


# -- the file ----------------------------------------------------------------------------------------------------------


def test_the_file_is_put_back_when_it_is_deleted_or_replaced(event_file: Path) -> None:
    path = Path(control_path(str(event_file)))
    with running(event_file):
        path.unlink()
        assert send(str(event_file), make_command("echo", {"n": 1}), offline)["n"] == 1
        path.write_text("something else", encoding="utf-8")
        assert send(str(event_file), make_command("echo", {"n": 2}), offline)["n"] == 2
    assert not path.exists()


@posix_only
def test_it_is_private_and_a_link_in_its_place_is_not_followed(event_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious", encoding="utf-8")
    Path(control_path(str(event_file))).symlink_to(target)
    with running(event_file):
        wait_until(lambda: not Path(control_path(str(event_file))).is_symlink(), "the link is replaced")
        assert os.stat(control_path(str(event_file))).st_mode & 0o777 == 0o600
    assert target.read_text(encoding="utf-8") == "precious"


def test_where_it_cannot_be_written_that_is_said_once_and_the_program_goes_on(
    event_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = Path(control_path(str(event_file)))
    path.mkdir()  # nobody can write a file there, not even root
    (path / "file").touch()
    program = Program(event_file)
    wait_until(lambda: "cannot be written" in caplog.text, "it is said")
    (path / "file").unlink()
    path.rmdir()
    wait_until(path.is_file, "it is written once it can be")
    assert send(str(event_file), make_command("echo", {"n": 1}), offline)["n"] == 1
    program.end()
    assert caplog.text.count("cannot be written") == 1
    assert caplog.text.count("could be written again") == 1
