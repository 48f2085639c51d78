"""A log that nobody reads delays no scan, no page and no stop; the log file holds what the console shows."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest

from conectpy.simulator.controller import LogixController
from conectpy.simulator.logix_server import LogixServer
from tests.monitor import SCRIPT, running_monitor, wait_until

REFUSING = 120  # PLCs whose errors fill any pipe at once
STOP_S = 15.0  # five times what is promised


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def unread(kind: str) -> Iterator[int]:
    """A descriptor to write to that nobody reads, or whose reader is stopped."""
    if kind == "terminal":
        ours, theirs = os.openpty()
    else:
        ours, theirs = os.pipe()
        if sys.platform == "linux":
            import fcntl

            fcntl.fcntl(theirs, 1031, 4096)  # F_SETPIPE_SZ
    reader = None
    if kind == "stopped reader":
        reader = subprocess.Popen(["cat"], stdin=ours, stdout=subprocess.DEVNULL)
        reader.send_signal(signal.SIGSTOP)
    try:
        yield theirs
    finally:
        os.close(ours)
        with contextlib.suppress(OSError):
            os.close(theirs)
        if reader is not None:
            reader.kill()
            reader.wait(20.0)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes that block are made otherwise there")
@pytest.mark.parametrize("kind", ["pipe", "stopped reader", "terminal"])
def test_a_log_that_nobody_reads_delays_nothing(tmp_path: Path, kind: str) -> None:
    with LogixServer(LogixController({"P1": ("BOOL", False)}), host="127.0.0.1", port=0) as plc, unread(kind) as stderr:
        file, port = config(tmp_path, plc), free_port()
        log_file = tmp_path / "plant.log"
        command = [sys.executable, str(SCRIPT), "--config", str(file), "--db", str(tmp_path / "e.db")]
        command += ["--port", str(port), "--log-file", str(log_file)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr)
        try:
            wait_until(lambda: refused_count(health(port)[1]) == REFUSING, "all failures", 60.0)
            wait_until(lambda: log_file.read_text("utf-8").count("WARNING") >= REFUSING, "all failures in the file")
            scans = scan_count(port, plc.address)
            wait_until(lambda: scan_count(port, plc.address) > scans + 5, "further scans")
            assert "lines_lost" in health(port)[1]["log"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_S) == 0
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(20.0)


def config(path: Path, plc: LogixServer) -> Path:
    plcs: Dict[str, Any] = {plc.address: {"name": "Norte", "interval_s": 0.1, "state_tags": ["P1"]}}
    with socket.socket() as sock:  # bound, and not listening
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    for number in range(1, REFUSING + 1):
        plcs[f"127.0.{number // 250}.{number % 250 + 1}:{port}"] = {"name": f"PLC {number}", "state_tags": ["P1"]}
    file = path / "plant.yml"
    file.write_text(json.dumps({"plcs": plcs}), encoding="utf-8")
    return file


def health(port: int) -> Tuple[int, Dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, json.load(exc)
    except OSError:
        return 0, {}


def refused_count(document: Dict[str, Any]) -> int:
    return sum(bool(plc["last_error"]) for plc in document.get("plcs", {}).values())


def scan_count(port: int, address: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        text = reply.read().decode("utf-8")
    return int(float(text.split(f'conectpy_scan_seconds_count{{plc="{address}"}} ')[1].split()[0]))


def test_the_log_file_and_the_console_say_the_same(tmp_path: Path) -> None:
    log_file = tmp_path / "plant.log"
    with LogixServer(LogixController({"P1": ("BOOL", False)}), host="127.0.0.1", port=0) as plc:
        file = tmp_path / "plant.yml"
        file.write_text(json.dumps({"plcs": {plc.address: {"name": "Norte", "state_tags": ["P1"]}}}), encoding="utf-8")
        arguments = ("--config", str(file), "--db", str(tmp_path / "e.db"), "--log-file", str(log_file))
        with running_monitor(*arguments) as monitor:
            wait_until(lambda: any("connected" in line for line in monitor.lines), "the connection")
            monitor.stop()
    lines = log_file.read_text(encoding="utf-8").splitlines()
    assert lines == monitor.lines
    assert lines[-1].endswith("MainThread: stopped")
