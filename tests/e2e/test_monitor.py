"""The monitor script, run as its users run it, against real servers over TCP."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from conectpy.simulator.controller import LogixController
from conectpy.simulator.logix_server import LogixServer
from tests.monitor import ROOT, SCRIPT, Monitor, running_monitor, wait_until

TAGS = {"P1_ST": ("BOOL", False), "P2_ST": ("BOOL", True), "PT1": ("REAL", 2.3), "TEXT": ("STRING", "<b>hola</b>")}


@pytest.fixture
def plc() -> Iterator[LogixServer]:
    with LogixServer(LogixController(TAGS), host="127.0.0.1", port=0) as server:
        yield server


def config_for(path: Path, *servers: LogixServer, **plc: Any) -> Path:
    plcs = {
        server.address: {
            "name": f"Planta {number}",
            "interval_s": 0.1,
            "timeout_s": 1.0,
            "tags": ["PT1", "TEXT"],
            "state_tags": ["P1_ST", "P2_ST"],
            **plc,
        }
        for number, server in enumerate(servers, 1)
    }
    file = path / "plant.yml"
    file.write_text(json.dumps({"plcs": plcs, "tag_labels": {"P1_ST": "Bomba 1"}}), encoding="utf-8")
    return file


def rows(db: Path) -> List[Dict[str, Any]]:
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM events ORDER BY id")]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONIOENCODING": "utf-8", **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        env=environ,
        **options,
    )


def test_values_and_events_reach_browser_and_database(plc: LogixServer, tmp_path: Path) -> None:
    db = tmp_path / "events.sqlite3"
    with running_monitor("--config", str(config_for(tmp_path, plc)), "--db", str(db)) as monitor:
        found = wait_until(
            lambda: (lambda one: one if one["_meta"]["quality"] == "OK" else None)(monitor.get("/data")[plc.address]),
            "a good scan",
        )
        assert (found["PT1"]["valor"], found["P1_ST"]["valor"], found["P1_ST"]["label"]) == ("2.3", "FALSE", "Bomba 1")
        assert found["_meta"]["simulated"] is False
        plc.controller.write("P1_ST", True)
        opened = wait_until(lambda: monitor.get("/api/events?tag=P1_ST&open=true"), "the event")[0]
        assert (opened["start_quality"], opened["end_ts"], opened["plc_name"]) == ("sampled", None, "Planta 1")
        plc.controller.write("P1_ST", False)
        wait_until(lambda: monitor.get("/api/events?tag=P1_ST&open=false"), "its end")
        started_s = time.monotonic()
        assert monitor.stop() == 0
        assert time.monotonic() - started_s < 3.0
    by_tag = {row["tag"]: row for row in rows(db)}
    assert by_tag["P1_ST"]["end_quality"] == "sampled"
    assert (by_tag["P2_ST"]["start_quality"], by_tag["P2_ST"]["end_ts"]) == ("at_connect", None)
    counts = plc.counts()
    assert counts.forward_opens == counts.forward_closes == 1
    assert not [line for line in monitor.lines if "Traceback" in line]


def test_e9_a_killed_monitor_goes_on_where_it_was(plc: LogixServer, tmp_path: Path) -> None:
    db, config = tmp_path / "events.sqlite3", str(config_for(tmp_path, plc))
    plc.controller.write("P1_ST", True)
    with running_monitor("--config", config, "--db", str(db)) as monitor:
        wait_until(lambda: len(rows(db)) == 2, "both open events")
        monitor.kill()
    plc.controller.write("P1_ST", False)
    with running_monitor("--config", config, "--db", str(db)) as monitor:
        wait_until(lambda: monitor.get("/api/events?tag=P1_ST&open=false"), "the end of the first")
        wait_until(lambda: monitor.get("/api/events?tag=P2_ST&open=true")[0]["gap_count"] == 1, "the gap of the second")
        assert monitor.stop() == 0
    closed, running = [row for row in rows(db) if row["plc_ip"]]
    assert (closed["tag"], closed["end_quality"]) == ("P1_ST", "gap")
    assert closed["end_earliest_ts"] <= closed["end_ts"]
    assert (running["tag"], running["end_ts"]) == ("P2_ST", None)


def test_e12_a_tag_that_left_the_configuration_is_closed_as_removed(plc: LogixServer, tmp_path: Path) -> None:
    db = tmp_path / "events.sqlite3"
    with running_monitor("--config", str(config_for(tmp_path, plc)), "--db", str(db)) as monitor:
        wait_until(lambda: rows(db), "the open event")
        monitor.stop()
    config = config_for(tmp_path, plc, state_tags=["P1_ST"])
    with running_monitor("--config", str(config), "--db", str(db)):
        wait_until(lambda: rows(db)[0]["end_quality"] == "removed", "the removal")


def test_one_plc_that_is_away_does_not_delay_the_others(plc: LogixServer, tmp_path: Path) -> None:
    with LogixServer(LogixController(TAGS), host="127.0.0.1", port=0) as other:
        other.faults.is_frozen = True
        with running_monitor(
            "--config", str(config_for(tmp_path, plc, other)), "--db", str(tmp_path / "e.sqlite3")
        ) as monitor:
            wait_until(lambda: monitor.get("/data")[other.address]["_meta"]["quality"] == "DOWN", "the outage")
            meta = monitor.get("/data")[plc.address]["_meta"]
            assert (meta["quality"], meta["overruns"]) == ("OK", 0)
            health = monitor.get("/healthz")
            assert health["ok"] is False
            started_s = time.monotonic()
            assert monitor.stop() == 0
            assert time.monotonic() - started_s < 3.0


def test_when_the_link_drops_values_stay_as_stale_and_come_back(plc: LogixServer, tmp_path: Path) -> None:
    config = config_for(tmp_path, plc)
    with running_monitor("--config", str(config), "--db", str(tmp_path / "e.sqlite3")) as monitor:
        wait_until(lambda: monitor.get("/data")[plc.address]["PT1"]["quality"] == "OK", "a value")
        port = int(plc.address.split(":")[1])
        plc.stop()
        wait_until(lambda: monitor.get("/data")[plc.address]["_meta"]["quality"] == "DOWN", "the outage")
        tag = monitor.get("/data")[plc.address]["PT1"]
        assert (tag["valor"], tag["quality"]) == ("2.3", "STALE")
        with LogixServer(LogixController(TAGS), host="127.0.0.1", port=port):
            wait_until(lambda: monitor.get("/data")[plc.address]["PT1"]["quality"] == "OK", "the value again")


def test_once_prints_every_value_and_says_whether_all_were_good(plc: LogixServer, tmp_path: Path) -> None:
    good = run("--config", str(config_for(tmp_path, plc)), "--once")
    assert (good.returncode, good.stderr) == (0, "")
    for text in ("Planta 1", "Bomba 1", "FALSE", "2.3", "frames 1", "connection bytes"):
        assert text in good.stdout
    bad = run("--config", str(config_for(tmp_path, plc, tags=["PT1", "NO_SUCH_TAG"])), "--once")
    assert bad.returncode == 1
    assert "NO_SUCH_TAG" in bad.stdout


def test_out_of_the_box_three_simulated_lagoons_are_read(tmp_path: Path) -> None:
    found = run("--once", cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("[simulated]") == 3
    assert found.stderr.count("SIMULATED") == 3


@pytest.mark.parametrize("way", ["module", "elsewhere"])
def test_it_runs_from_anywhere(tmp_path: Path, way: str) -> None:
    command = ["-m", "conectpy.ROCWELL.plc_realtime_demo"] if way == "module" else [str(SCRIPT)]
    folder = ROOT if way == "module" else tmp_path
    found = subprocess.run([sys.executable, *command, "--help"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr


def test_configuration_faults_are_named_at_once_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "plant.yml"
    file.write_text(
        'plcs:\n  "10.0.0.1": {tags: [A, A], interval_s: 0, colour: red}\nweb: {port: -1}\n', encoding="utf-8"
    )
    found = run("--config", str(file))
    assert found.returncode == 2
    lines = found.stderr.splitlines()
    assert len(lines) == 4
    for text in ("A is there twice", "interval_s: must be 0.05 to 3600, got 0", "colour: unknown key", "web.port"):
        assert any(text in line for line in lines)


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["--port", "x"], ["--log-level", "LOUD"], ["--config", "nowhere.yml"]]
)
def test_bad_arguments_are_one_line(tmp_path: Path, arguments: List[str]) -> None:
    found = run(*arguments, cwd=tmp_path)
    assert found.returncode == 2
    assert len(found.stderr.splitlines()) == 1


def test_a_port_in_use_is_one_line_and_leaves_the_database_alone(plc: LogixServer, tmp_path: Path) -> None:
    db = tmp_path / "events.sqlite3"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = run("--config", str(config_for(tmp_path, plc)), "--db", str(db), "--port", str(port))
    assert found.returncode == 1
    (line,) = found.stderr.splitlines()
    assert str(port) in line
    assert not db.exists()


def test_a_database_that_cannot_be_used_is_one_line(plc: LogixServer, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no database", encoding="utf-8")
    for db in (tmp_path, tmp_path / "no" / "such" / "folder.sqlite3", text):
        found = run("--config", str(config_for(tmp_path, plc)), "--db", str(db), "--port", "0")
        assert found.returncode == 1
        (line,) = found.stderr.splitlines()
        assert str(db) in line
    assert text.read_text(encoding="utf-8") == "no database"


def test_two_monitors_do_not_share_a_database(plc: LogixServer, tmp_path: Path) -> None:
    db, config = str(tmp_path / "e.sqlite3"), str(config_for(tmp_path, plc))
    with running_monitor("--config", config, "--db", db):
        second = Monitor("--config", config, "--db", db)
        assert second.wait(60.0) == 1
        assert len(second.lines) == 1


def test_e19_the_time_without_a_monitor_is_an_event_of_no_plc(plc: LogixServer, tmp_path: Path) -> None:
    db = tmp_path / "e.sqlite3"
    arguments = ("--config", str(config_for(tmp_path, plc)), "--db", str(db))

    def absences() -> List[Dict[str, Any]]:
        return [row for row in rows(db) if row["tag"] == "@collector"]

    monitor = Monitor(*arguments).wait_ready()
    wait_until(lambda: len(rows(db)) == 1, "the event of the tag that is TRUE")
    assert absences() == [], "there was no run before this one"
    monitor.kill()
    killed_s = time.time()
    with running_monitor(*arguments):
        wait_until(lambda: [row for row in absences() if row["end_ts"]], "the end of the absence")
    (row,) = absences()
    start_s, end_s = (
        datetime.fromisoformat(row[name].replace("Z", "+00:00")).timestamp() for name in ("start_ts", "end_ts")
    )
    assert killed_s - 6.0 <= start_s <= killed_s <= end_s <= time.time()
    assert (row["plc_ip"], row["flags"], row["duration_s"]) == ("", "", None)
