"""The OPC UA client script as people run it: a process of its own, from anywhere, stopped by signals."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest

from conectpy.pki import certificates as pki
from conectpy.simulator.opcua_server import APPLICATION_URI, OpcUaServer
from tests.monitor import wait_until

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "conectpy" / "SIEMENS" / "get_opUA.py"
TABLE: Dict[str, Any] = {
    "VE001_ST": ("BOOL", True),
    "LEVEL": ("REAL", 1.5),
    "NAME": ("STRING", "=laguna 水 \x1b[2J"),
    "LEVELS": ("REAL[2]", [1.0, 2.5]),
}


@pytest.fixture(scope="module")
def identity() -> pki.Identity:
    return pki.make_identity("S7", APPLICATION_URI, ["127.0.0.1"])


@pytest.fixture(scope="module")
def server(identity: pki.Identity) -> Iterator[OpcUaServer]:
    with OpcUaServer(table=TABLE, identity=identity, users={"op": "geheim"}) as running:
        yield running


def start(*arguments: str, cwd: Optional[Path] = None, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(SCRIPT), *arguments],
        cwd=cwd or ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **env},
    )


def run(*arguments: str, cwd: Optional[Path] = None, **env: str) -> subprocess.CompletedProcess[str]:
    process = start(*arguments, cwd=cwd, **env)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def nodes() -> List[str]:
    found = []
    for name, node in (("VE001_ST", "ns=4;i=1"), ("LEVEL", "nsu=urn:conectpy:lagoon;i=2"), ("NAME", "ns=4;i=3")):
        found += ["--node", f"{name}={node}"]
    return found


def read_lines(process: subprocess.Popen[str], wanted: str, count: int = 1) -> List[str]:
    """Lines of the process's output until `count` of them hold `wanted`."""
    assert process.stdout is not None
    timer = threading.Timer(30, process.kill)
    timer.start()
    lines: List[str] = []
    for line in process.stdout:
        lines.append(line)
        count -= wanted in line
        if not count:
            break
    timer.cancel()
    assert not count, "".join(lines)
    return lines


def test_without_arguments_it_reads_a_simulated_plc_and_says_so(tmp_path: Path) -> None:
    done = run("--once", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "SIMULATED" in done.stdout.splitlines()[0]
    rows = [line.split(maxsplit=3) for line in done.stdout.splitlines()[1:]]
    assert rows[0] == ["NAME", "NODEID", "TYPE", "VALUE"]
    assert ["P001_ST_SCADA", "ns=4;i=1", "Boolean", "TRUE"] in rows
    assert {row[0]: row[2] for row in rows}["WM01_TOT"] == "Double"


def test_as_a_module_it_does_the_same(server: OpcUaServer) -> None:
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "conectpy.SIEMENS.get_opUA",
        "--once",
        "--url",
        server.url,
        *nodes(),
    ]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="cp1252", env={**os.environ, "PYTHONIOENCODING": "cp1252"}
    )
    assert done.returncode == 0, done.stderr
    assert "=laguna ? " in done.stdout, "what the console cannot show is replaced"
    assert "\x1b" not in done.stdout


def test_once_tells_by_its_exit_status_whether_all_is_good(server: OpcUaServer) -> None:
    done = run("--once", "--url", server.url, *nodes(), "--node", "GONE=ns=4;i=99")
    assert done.returncode == 1
    assert "BAD[BadNodeIdUnknown (0x80340000)]" in done.stdout


def test_it_survives_a_restart_of_the_server_and_stops_cleanly(server: OpcUaServer) -> None:
    process = start("--url", server.url, *nodes(), "--interval", "0.1")
    lines = read_lines(process, "VE001_ST=TRUE LEVEL=1.5", 3)
    assert any("LEVEL" in line and "Float" in line and "nsu=urn:conectpy:lagoon;i=2" in line for line in lines)
    server.restart(down_s=0.3)
    read_lines(process, "connected to")
    read_lines(process, "VE001_ST=TRUE", 3)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM if sys.platform != "win32" else signal.CTRL_BREAK_EVENT)
    _, err = process.communicate(timeout=10)
    assert time.monotonic() - started < 3
    assert process.returncode == 0
    assert "trying again in" in err
    assert "Traceback" not in err
    deadline = time.monotonic() + 5
    while server.connections and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert server.connections == 0


def test_a_frozen_server_does_not_keep_it_from_stopping() -> None:
    with OpcUaServer(table=TABLE) as server:
        process = start("--url", server.url, *nodes(), "--interval", "0.1", "--timeout", "30")
        read_lines(process, "VE001_ST=TRUE")
        server.faults.is_frozen = True
        threading.Event().wait(0.3)
        started = time.monotonic()
        process.send_signal(signal.SIGINT if sys.platform != "win32" else signal.CTRL_BREAK_EVENT)
        process.communicate(timeout=10)
        assert time.monotonic() - started < 3
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["--url", "http://x", "--interval", "0", "--node", "A=b"], ["--url", "--interval", "A: 'b' is no NodeId"]),
        (["--security", "strong", "--trust", "zz"], ["--security", "--trust"]),
        (["--url", "opc.tcp://op:geheim@127.0.0.1:1"], ["no user or password"]),
        (["--node", "A=i=1", "--node", "A=i=2"], ["A is there twice"]),
        (["--interval", "often"], ["--interval"]),
        (["dance"], ["dance"]),
    ],
)
def test_wrong_arguments_are_named_all_at_once(arguments: List[str], texts: List[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == len(texts)
    assert all(any(text in line for line in lines) for text in texts), lines
    assert "geheim" not in done.stderr


def test_a_server_that_is_not_there_is_one_clear_line() -> None:
    done = run("--url", "opc.tcp://127.0.0.1:1")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "cannot connect to 127.0.0.1:1" in line


def test_browse_shows_the_tree(server: OpcUaServer) -> None:
    done = run("--url", server.url, "browse", "ns=4;s=LAGOON", "--depth", "1")
    assert done.returncode == 0, done.stderr
    assert "  VE001_ST  [ns=4;i=1]  Boolean R- = TRUE" in done.stdout.splitlines()[1]
    assert "  LEVELS  [ns=4;i=4]  Float[] R- = [1, 2.5]" in done.stdout
    whole = run("browse", "--depth", "2", "--url", server.url)
    assert "Server  [i=2253]  Object" in whole.stdout
    assert run("--url", server.url, "browse", "ns=4;i=99").returncode == 1


def test_endpoints_and_trust_and_user(server: OpcUaServer, identity: pki.Identity, tmp_path: Path) -> None:
    shown = run("--url", server.url, "endpoints")
    assert shown.returncode == 0, shown.stderr
    thumbprint = pki.thumbprint(identity.der)
    assert f"thumbprint {thumbprint}" in shown.stdout
    assert "Basic256Sha256 SignAndEncrypt" in shown.stdout
    secret = {"OPCUA_PASSWORD": "geheim"}
    once = ["--url", server.url, "--once", "--user", "op", *nodes()]
    refused = run(*once, cwd=tmp_path, **secret)
    assert refused.returncode == 1
    assert f"python -m conectpy opcua trust {thumbprint}" in refused.stderr
    assert "geheim" not in refused.stderr + refused.stdout
    assert run(*once, "--trust", "00000000", cwd=tmp_path, **secret).returncode == 1
    done = run(*once, "--trust", thumbprint, cwd=tmp_path, **secret)
    assert done.returncode == 0, done.stderr
    assert "TRUE" in done.stdout
    assert run(*once, cwd=tmp_path, **secret).returncode == 0


def test_subscribe_prints_each_change_and_csv_keeps_them(server: OpcUaServer, tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    process = start("--url", server.url, *nodes(), "--subscribe", "--interval", "0.2", "--csv", str(path))
    read_lines(process, "VE001_ST=TRUE")
    for value in (False, True, False, True):
        server.write("VE001_ST", value)
    read_lines(process, "VE001_ST=FALSE")
    process.send_signal(signal.SIGTERM if sys.platform != "win32" else signal.CTRL_BREAK_EVENT)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    states = [row["value"] for row in rows if row["name"] == "VE001_ST"]
    assert states[:5] == ["TRUE", "FALSE", "TRUE", "FALSE", "TRUE"]
    assert rows[0]["time_utc"].endswith("Z")
    assert {row["value"] for row in rows if row["name"] == "NAME"} == {"'=laguna 水 \x1b[2J"}
    appended = run("--once", "--url", server.url, *nodes(), "--csv", str(path))
    assert appended.returncode == 0
    assert path.read_text(encoding="utf-8").count("time_utc") == 1
    assert run("--once", "--url", server.url, *nodes(), "--csv", str(tmp_path / "no" / "x.csv")).returncode == 1


def test_a_console_that_takes_nothing_stops_neither_the_csv_nor_the_end(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    with OpcUaServer(table={"LONG": ("STRING", "x" * 4000)}) as server:
        nodes = [word for number in range(16) for word in ("--node", f"LONG{number}=ns=4;i=1")]
        process = start("--url", server.url, *nodes, "--interval", "0.05", "--csv", str(path))
        # a line shows 300 letters of each value, the file holds all of them
        wait_until(lambda: path.exists() and path.stat().st_size > 40 * 16 * 4000, "more lines than any pipe holds")
        started = time.monotonic()
        process.send_signal(signal.SIGTERM if sys.platform != "win32" else signal.CTRL_BREAK_EVENT)
        assert process.wait(10) == 1
        assert time.monotonic() - started < 4
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        process.communicate()


def test_a_reader_that_leaves_ends_it_without_a_word(server: OpcUaServer) -> None:
    process = start("--url", server.url, *nodes(), "--interval", "0.05")
    read_lines(process, "VE001_ST=TRUE")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(10) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_one_clear_line(server: OpcUaServer) -> None:
    done = run("--url", server.url, *nodes(), "--csv", "/dev/full")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "--csv /dev/full: No space left on device" in line
