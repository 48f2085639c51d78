"""One whole run of the monitor on Windows' own CPython under Wine: `.ci/windows` runs this from the Linux side.

The Python is the embeddable one, as it is unpacked: the script has to find its own checkout. Standard input is a
pseudo-terminal, which Wine makes the console of, so that Ctrl+C is what a person presses.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from conectpy.simulator.controller import LogixController
from conectpy.simulator.logix_server import LogixServer
from tests.monitor import ROOT, Monitor, wait_until

if sys.platform == "win32":
    pytest.skip("the monitor's tests run here as they are", allow_module_level=True)

import fcntl
import pty
import termios

WINE = "/usr/lib/wine/wine64"
SCRIPT = "conectpy/ROCWELL/plc_realtime_demo.py"


def windows_path(path: Path) -> str:
    return "Z:" + str(path).replace("/", "\\")


class WineMonitor(Monitor):
    """A monitor whose console is a pseudo-terminal; `keys` is where a person types."""

    def __init__(self, python: str, config: Path, db: Path) -> None:
        self.keys, terminal = pty.openpty()

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

        command = [WINE, python, "-W", "error", windows_path(ROOT / SCRIPT)]
        arguments = ["--config", windows_path(config), "--db", windows_path(db)]
        super().__init__(*arguments, command=command, cwd=db.parent, stdin=terminal, preexec_fn=take_terminal)
        os.close(terminal)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        os.close(self.keys)


@pytest.fixture
def python(request: pytest.FixtureRequest) -> str:
    found = request.config.getoption("--wine-python")
    if not found:
        pytest.skip("run by .ci/windows")
    return str(found)


@pytest.fixture
def plc() -> Iterator[LogixServer]:
    with LogixServer(LogixController({"P1_ST": ("BOOL", False), "PT1": ("REAL", 2.3)}), port=0) as server:
        yield server


@pytest.fixture
def monitors(python: str, plc: LogixServer, tmp_path: Path) -> Iterator[Any]:
    """Starts a monitor of the plant; the folder has a blank and an accent, as people's folders do."""
    folder = tmp_path / "Planta Señora"
    folder.mkdir()
    settings = {"name": "Planta 1", "interval_s": 0.2, "tags": ["PT1"], "state_tags": ["P1_ST"]}
    config = folder / "plant.yml"
    config.write_text(json.dumps({"plcs": {plc.address: settings}}), encoding="utf-8")
    started: List[WineMonitor] = []

    def start() -> WineMonitor:
        started.append(WineMonitor(python, config, folder / "events.sqlite3"))
        started[-1].wait_ready()
        return started[-1]

    yield start, folder
    for monitor in started:
        monitor.close()


def wait_for_event(monitor: Monitor, is_open: bool, count: int) -> List[Dict[str, Any]]:
    path = f"/api/events?tag=P1_ST&open={'true' if is_open else 'false'}"
    return wait_until(lambda: (lambda found: found if len(found) == count else None)(monitor.get(path)), path)


def check_stopped(monitor: Monitor, folder: Path) -> None:
    """It ended by itself: status 0, its last word in the log, no file that says it is still there."""
    assert monitor.wait(20.0) == 0, "\n".join(monitor.lines)
    assert monitor.lines[-1].endswith("stopped"), "\n".join(monitor.lines)
    assert not [line for line in monitor.lines if "Traceback" in line]
    left = {file.name for file in folder.iterdir()}
    assert left == {"events.sqlite3", "events.sqlite3.witness", "plant.yml"}  # no lock, no control file, no log


@pytest.mark.timeout(180)
def test_start_page_events_kill_restart_and_ctrl_c(monitors: Any, plc: LogixServer) -> None:
    start, folder = monitors
    monitor = start()
    with urllib.request.urlopen(monitor.url + "/", timeout=20) as reply:
        assert (reply.status, "Planta 1" in reply.read().decode("utf-8")) == (200, True)
    wait_until(lambda: monitor.get("/data")[plc.address]["_meta"]["quality"] == "OK", "a good scan")
    assert monitor.get("/data")[plc.address]["_meta"]["scan_ms_median"] > 0.0  # coarse clocks made it 0
    plc.controller.write("P1_ST", True)
    wait_for_event(monitor, is_open=True, count=1)
    monitor.kill()

    monitor = start()
    assert wait_for_event(monitor, is_open=True, count=1)[0]["start_quality"] == "sampled"
    plc.controller.write("P1_ST", False)
    wait_for_event(monitor, is_open=False, count=1)
    plc.controller.write("P1_ST", True)
    wait_for_event(monitor, is_open=True, count=1)
    os.write(monitor.keys, b"\x03")
    check_stopped(monitor, folder)
    with closing(sqlite3.connect(str(folder / "events.sqlite3"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT tag, end_ts IS NULL FROM events ORDER BY id").fetchall()
    assert rows == [("P1_ST", 0), ("@collector", 0), ("P1_ST", 1)]


@pytest.mark.timeout(120)
def test_the_opc_ua_console_starts_too(python: str) -> None:
    script = windows_path(ROOT / "conectpy/SIEMENS/get_opUA.py")
    found = subprocess.run(
        [WINE, python, script, "--once"], stdin=subprocess.PIPE, capture_output=True, text=True, timeout=90
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "VE238_ST" in found.stdout
