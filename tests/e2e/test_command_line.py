"""`python -m conectpy ...`, run as its users run it."""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from conectpy.console.command_table import COMMANDS
from conectpy.pki.certificates import Pki
from conectpy.simulator.controller import LogixController
from conectpy.simulator.logix_server import LogixServer
from tests.e2e.test_monitor import TAGS, config_for, rows
from tests.monitor import ROOT, Monitor, running_monitor, wait_until


@pytest.fixture
def plc() -> Iterator[LogixServer]:
    with LogixServer(LogixController(TAGS), host="127.0.0.1", port=0) as server:
        yield server


def environ(**more: str) -> Any:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CONECTPY_")}
    return {**clean, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT), **more}


def conectpy(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "conectpy", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
        cwd=cwd,
        env=environ(**env),
    )


# -- the frame ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_without_a_command_they_are_listed_in_groups(arguments: Any) -> None:
    done = conectpy(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    for entry in COMMANDS:
        place = next(number for number, line in enumerate(lines) if line.startswith(f"  {entry.name} "))
        assert entry.help in lines[place]
        assert entry.group in lines[:place]


def test_listing_imports_nothing_that_takes_its_time() -> None:
    text = "import sys; from conectpy.__main__ import main; main([]); print([*sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=environ(), timeout=60)
    assert done.returncode == 0
    for heavy in ("flask", "pycomm3", "opcua", "cryptography", "sqlite3"):
        assert f"'{heavy}'" not in done.stderr


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_is_there_and_has_the_common_options(entry: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from conectpy.__main__ import main

    module, _, function = entry.function.partition(":")
    assert callable(getattr(importlib.import_module(f"conectpy.console.{module}"), function))
    with pytest.raises(SystemExit) as ended:
        main([*entry.name.split(), "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for option in ("--config FILE.yml", "--db FILE", "--json"):
        assert option in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "no command nonsense (see --help)"),
        (["statsu"], "no command statsu (did you mean status?)"),
        (["opcau", "list"], "no command opcau (did you mean opcua?)"),
        (["opcua", "lst"], "no command opcua lst (did you mean opcua list?)"),
        (["opcua"], "which one? opcua list, opcua own"),
        (["opcua", "trust"], "THUMBPRINT"),
        (["once", "--colour"], "unrecognized arguments: --colour"),
        (["once", "--config", "nowhere.yml"], "--config nowhere.yml: No such file"),
        (["bad\x1b[31m"], "no command bad\N{REPLACEMENT CHARACTER}[31m"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_2(tmp_path: Path, arguments: Any, told: str) -> None:
    done = conectpy(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert told in line
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_is_no_error(plc: LogixServer, tmp_path: Path) -> None:
    for arguments in (["once", "--config", str(config_for(tmp_path, plc))], ["--help"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "conectpy", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environ(),
            cwd=tmp_path,
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(30.0) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT reaches a process on its own only on POSIX")
def test_ctrl_c_is_one_line_and_status_130(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = tmp_path / "plant.yml"
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        config.write_text(json.dumps({"plcs": {address: {"tags": ["A"], "timeout_s": 60}}}), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "conectpy", "once", "--config", str(config)],
            stderr=subprocess.PIPE,
            env=environ(),
            cwd=tmp_path,
        )
        connection, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.read().decode().splitlines()[-1:] == ["interrupted"]
        process.stderr.close()
        assert process.wait(30.0) == 130
        connection.close()


# -- once --------------------------------------------------------------------------------------------------------------


def test_once_prints_what_the_monitor_prints(plc: LogixServer, tmp_path: Path) -> None:
    config = str(config_for(tmp_path, plc))
    done = conectpy("once", "--config", config, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Planta 1 ({plc.address}): OK" in done.stdout
    rows = {line.split()[0]: line.split()[-2:] for line in done.stdout.splitlines()[2:]}
    assert rows["PT1"] == ["2.3", "OK"]
    assert rows["P2_ST"] == ["TRUE", "OK"]
    by_variable = conectpy("once", "--json", cwd=tmp_path, CONECTPY_CONFIG=config)
    (found,) = json.loads(by_variable.stdout)
    assert (found["address"], found["name"], found["ok"]) == (plc.address, "Planta 1", True)
    tags = {tag["tag"]: tag for tag in found["tags"]}
    assert tags["P1_ST"] == {
        "tag": "P1_ST", "label": "Bomba 1", "value": False, "text": "FALSE", "unit": "", "error": None,
    }  # fmt: skip
    assert list(tmp_path.iterdir()) == [Path(config)]


def test_once_fails_when_a_value_is_bad(plc: LogixServer, tmp_path: Path) -> None:
    config = str(config_for(tmp_path, plc, tags=["PT1", "NOWHERE"]))
    done = conectpy("once", "--config", config, "--json", cwd=tmp_path)
    assert done.returncode == 1
    (found,) = json.loads(done.stdout)
    assert found["ok"] is False
    assert [tag["tag"] for tag in found["tags"] if tag["error"]] == ["NOWHERE"]


def test_a_console_without_our_letters_shows_marks_and_its_json_is_whole(tmp_path: Path) -> None:
    with LogixServer(LogixController({"T": ("STRING", "\x1b[2J")}), host="127.0.0.1", port=0) as server:
        config = str(config_for(tmp_path, server, tags=["T"], state_tags=[], name="Bahía 日本"))
        table = conectpy("once", "--config", config, cwd=tmp_path, PYTHONIOENCODING="cp850")
        assert (table.returncode, table.stderr) == (0, "")
        assert "\x1b" not in table.stdout
        document = conectpy("once", "--json", "--config", config, cwd=tmp_path, PYTHONIOENCODING="cp850")
        (found,) = json.loads(document.stdout)
    assert found["name"] == "Bahía 日本"
    assert found["tags"][0]["value"] == "\x1b[2J"


def test_once_without_a_file_reads_the_scripts_own_plcs(tmp_path: Path) -> None:
    done = conectpy("once", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert [plc["name"] for plc in found] == ["Costa del Lago", "Bahía Azul", "Laguna Norte"]
    assert all(plc["simulated"] for plc in found)


# -- status ------------------------------------------------------------------------------------------------------------


def test_status_asks_the_program_that_runs(plc: LogixServer, tmp_path: Path) -> None:
    config, db = str(config_for(tmp_path, plc)), tmp_path / "agua ñ" / "e.sqlite3"
    db.parent.mkdir()
    missing = conectpy("status", "--db", str(db))
    assert missing.returncode == 1
    assert f"error: {db}: no program has it in use" in missing.stderr
    with running_monitor("--config", config, "--db", str(db)) as monitor:
        wait_until(lambda: monitor.get("/healthz")["ok"], "all is well")
        done = conectpy("status", "--db", str(db))
        assert (done.returncode, done.stderr) == (0, "")
        assert "Planta 1" in done.stdout
        found = json.loads(conectpy("status", "--json", CONECTPY_DB=str(db)).stdout)
        assert found["ok"] is True
        assert found["plcs"][plc.address]["quality"] == "OK"
        assert found["threads"]["control"]["alive"] is True
        assert monitor.stop() == 0
    assert not Path(f"{db}.control").exists()


def test_status_of_a_program_that_is_not_well_is_told_by_the_exit_status(plc: LogixServer, tmp_path: Path) -> None:
    config, db = str(config_for(tmp_path, plc, timeout_s=0.5)), str(tmp_path / "e.sqlite3")
    plc.faults.is_frozen = True
    with running_monitor("--config", config, "--db", db):
        done = conectpy("status", "--db", db)
    plc.faults.is_frozen = False
    assert done.returncode == 1
    assert done.stdout.startswith("NOT WELL")


def test_two_monitors_answer_each_for_its_own_and_a_killed_one_no_more(plc: LogixServer, tmp_path: Path) -> None:
    config = str(config_for(tmp_path, plc))
    one, two = str(tmp_path / "one.sqlite3"), str(tmp_path / "two.sqlite3")
    with running_monitor("--config", config, "--db", one) as first, running_monitor("--config", config, "--db", two):
        for db in (one, two):
            assert json.loads(conectpy("status", "--json", "--db", db).stdout)["store"]["path"] == db
        second = Monitor("--config", config, "--db", one)
        assert second.wait(60.0) == 1
        assert json.loads(conectpy("status", "--json", "--db", one).stdout)["store"]["path"] == one
        first.kill()
        gone = conectpy("status", "--db", one)
        assert gone.returncode == 1
        assert len(gone.stderr.splitlines()) == 1
    with running_monitor("--config", config, "--db", one):
        assert json.loads(conectpy("status", "--json", "--db", one).stdout)["store"]["path"] == one


def test_a_monitor_whose_control_file_cannot_be_written_records_all_the_same(plc: LogixServer, tmp_path: Path) -> None:
    db = tmp_path / "e.sqlite3"
    Path(f"{db}.control").mkdir()
    with running_monitor("--config", str(config_for(tmp_path, plc)), "--db", str(db)) as monitor:
        wait_until(lambda: [line for line in monitor.lines if f"{db}.control cannot be written" in line], "it is said")
        wait_until(lambda: monitor.get("/healthz")["ok"], "all is well")
        assert monitor.stop() == 0


# -- downgrade ---------------------------------------------------------------------------------------------------------


def test_downgrade_copies_a_file_that_nobody_uses(plc: LogixServer, tmp_path: Path) -> None:
    config, db = str(config_for(tmp_path, plc)), tmp_path / "agua ñ.sqlite3"
    with running_monitor("--config", config, "--db", str(db)) as monitor:
        wait_until(lambda: len(rows(db)) == 1, "the open event")
        refused = conectpy("downgrade", str(db))
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert line.startswith(f"error: {db}: is in use")
        assert monitor.stop() == 0
    done = conectpy("downgrade", "--json", cwd=tmp_path, CONECTPY_DB=str(db))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(rows(Path(json.loads(done.stdout)["copy"]))) == 1
    named = conectpy("downgrade", str(db), "--to", str(tmp_path / "old.sqlite3"))
    assert named.stdout == f"{tmp_path / 'old.sqlite3'}: a copy of {db} for the older program\n"
    again = conectpy("downgrade", str(db), "--to", str(tmp_path / "old.sqlite3"))
    assert again.returncode == 1
    assert "exists already" in again.stderr


# -- opcua -------------------------------------------------------------------------------------------------------------


def test_certificates_as_text_and_as_json(tmp_path: Path) -> None:
    own = conectpy("opcua", "own", "--json", cwd=tmp_path)
    assert (own.returncode, own.stderr) == (0, "")
    entry = json.loads(own.stdout)
    assert entry["file"] == str(Path("pki") / "own" / "conectpy.der")
    der = (tmp_path / entry["file"]).read_bytes()
    folder = Pki(str(tmp_path / "pki"))
    folder.reject(der)
    listed = json.loads(conectpy("opcua", "list", "--json", "--pki", str(folder.folder)).stdout)
    assert [len(listed[title]) for title in ("own", "trusted", "rejected")] == [1, 0, 1]
    assert listed["rejected"][0]["thumbprint"] == entry["thumbprint"]
    trusted = conectpy("opcua", "trust", entry["thumbprint"], "--json", cwd=tmp_path)
    assert Path(json.loads(trusted.stdout)["file"]).parent.name == "trusted"
    text = conectpy("opcua", "list", cwd=tmp_path)
    assert f"trusted ({Path('pki') / 'trusted'}): 1" in text.stdout
    unknown = conectpy("opcua", "trust", "00000000", cwd=tmp_path)
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("error: no certificate begins with 00000000")


def test_the_folder_of_the_certificates_comes_from_the_configuration(tmp_path: Path) -> None:
    def plcs(*folders: str) -> str:
        tag = {"tag": "A", "node": "ns=4;i=3"}
        entries = {
            f"opc.tcp://10.0.0.{number}:4840": {"state_tags": [tag], "pki_dir": name}
            for number, name in enumerate(folders, 1)
        }
        (tmp_path / "plant.yml").write_text(json.dumps({"plcs": entries}), encoding="utf-8")
        return "plant.yml"

    one = conectpy("opcua", "list", "--json", "--config", plcs("keys", "keys"), cwd=tmp_path)
    assert json.loads(one.stdout)["folder"] == "keys"
    two = conectpy("opcua", "list", "--config", plcs("keys", "other"), cwd=tmp_path)
    assert two.returncode == 2
    assert "--pki: the PLCs have several folders, name one: keys, other" in two.stderr
    named = conectpy("opcua", "list", "--json", "--config", "plant.yml", "--pki", "other", cwd=tmp_path)
    assert json.loads(named.stdout)["folder"] == "other"


# -- in Spanish --------------------------------------------------------------------------------------------------------


def test_a_configuration_in_spanish_has_its_table_and_its_errors_in_spanish(plc: LogixServer, tmp_path: Path) -> None:
    file = Path(str(config_for(tmp_path, plc, tags=["PT1", "NOWHERE"])))
    settings = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**settings, "language": "es"}), encoding="utf-8")
    config = str(file)
    table = conectpy("once", "--config", config, cwd=tmp_path)
    assert "1 de " in table.stdout
    assert "FALLA: " in table.stdout
    missing = conectpy("status", "--config", config, cwd=tmp_path)
    (line,) = missing.stderr.splitlines()
    assert "ningún programa lo usa" in line
    assert line.endswith("inícielo, o elija otro con --db")


def test_the_commands_are_listed_in_the_language_of_the_environment(tmp_path: Path) -> None:
    listed = conectpy("--help", cwd=tmp_path, CONECTPY_LANGUAGE="es").stdout
    assert "El programa en marcha" in listed
    for entry in COMMANDS:
        assert entry.help.in_language("es") in listed
    assert "leer cada PLC" in conectpy("once", "--help", cwd=tmp_path, CONECTPY_LANGUAGE="es").stdout
    assert "¿quiso decir status?" in conectpy("statsu", cwd=tmp_path, CONECTPY_LANGUAGE="es").stderr
    own = conectpy("opcua", "list", cwd=tmp_path, CONECTPY_LANGUAGE="es").stdout
    assert "de confianza" in own
