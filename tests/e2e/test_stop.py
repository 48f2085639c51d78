"""A large plant ends in time, whatever its PLCs are doing: read, refusing, silent.

`CONECTPY_STOP_PLCS=400` takes as many PLCs as a large plant has; on a machine with other work to do it takes minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from conectpy.simulator.controller import LogixController
from conectpy.simulator.logix_server import LogixServer
from tests.monitor import Monitor, running_monitor, wait_until

PLCS = int(os.environ.get("CONECTPY_STOP_PLCS", "100"))
UP = 10
STOP_S = 15.0  # five times what is promised


@pytest.mark.skipif(sys.platform == "win32", reason="only 127.0.0.1 is there")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_many_plcs_that_are_read_refuse_or_say_nothing_end_in_time(tmp_path: Path, name: str) -> None:
    half = (PLCS - UP) // 2
    with contextlib.ExitStack() as opened:
        servers = [
            opened.enter_context(LogixServer(LogixController({"P1": ("BOOL", True)}), host="127.0.0.1", port=0))
            for _ in range(UP)
        ]
        refusing = opened.enter_context(socket.socket())  # bound, and not listening
        refusing.bind(("127.0.0.1", 0))
        silent = opened.enter_context(socket.create_server(("0.0.0.0", 0), backlog=1024))  # takes and never answers
        plcs: Dict[str, Any] = {server.address: plc(f"up {number}") for number, server in enumerate(servers)}
        for number in range(half):
            host = f"127.1.{number // 250}.{number % 250 + 1}"
            plcs[f"{host}:{refusing.getsockname()[1]}"] = plc(f"refusing {number}")
            plcs[f"{host}:{silent.getsockname()[1]}"] = {**plc(f"silent {number}"), "timeout_s": 60}
        file = tmp_path / "plant.yml"
        file.write_text(json.dumps({"plcs": plcs}), encoding="utf-8")
        monitor = opened.enter_context(running_monitor("--config", str(file), "--db", str(tmp_path / "e.db")))
        wait_until(lambda: count(monitor, "last_good_age_s") == UP, "the scans", 60.0)
        wait_until(lambda: count(monitor, "last_error") >= half, "the refusals", 60.0)
        monitor.process.send_signal(getattr(signal, name))
        assert monitor.wait(STOP_S) == 0
        assert not [line for line in monitor.lines if "did not stop" in line or "ERROR" in line]
        wait_until(lambda: all(server.counts().connections == 0 for server in servers), "the end of all connections")


def plc(name: str) -> Dict[str, Any]:
    return {"name": name, "state_tags": ["P1"]}


def count(monitor: Monitor, key: str) -> int:
    return sum(found[key] is not None for found in monitor.get("/healthz")["plcs"].values())
