"""The ladder under `kill -9`: at each of its statements the file is old or new, never between, and climbs on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conectpy.events.columns import COLUMNS, COLUMNS_OF_VERSION
from conectpy.events.database import SCHEMA_VERSION
from conectpy.events.versions import migrate
from tests.unit.test_versions import FILES, copy_of, read

ROOT = Path(__file__).resolve().parents[2]
KILLED = """
import os, signal, sqlite3, sys
path, left = sys.argv[1], int(sys.argv[2])

class Connection(sqlite3.Connection):
    def _count(self):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    def execute(self, *arguments):
        self._count()
        done = super().execute(*arguments)
        if arguments[0] == "COMMIT":
            self._count()
        return done
    def executemany(self, *arguments):
        self._count()
        return super().executemany(*arguments)

connect = sqlite3.connect
sqlite3.connect = lambda *arguments, **more: connect(*arguments, factory=Connection, **more)
from conectpy.events.versions import migrate
migrate(path, "UTC")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL that a process gives itself")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", range(SCHEMA_VERSION))
def test_a_kill_at_any_statement_leaves_the_file_old_or_new(
    tmp_path: Path, version: int, request: pytest.FixtureRequest
) -> None:
    wanted_ids = read(FILES / f"events_v{version}.sqlite3", "SELECT id FROM events ORDER BY id")
    every = 1 if int(request.config.getoption("--kills", default=100)) > 100 else 3
    number, seen, is_done = 0, set(), False
    while not is_done:
        path = copy_of(version, tmp_path, f"{number}.sqlite3")
        arguments = [sys.executable, "-c", KILLED, str(path), str(number)]
        done = subprocess.run(arguments, cwd=str(ROOT), capture_output=True, timeout=100)
        is_done = done.returncode == 0
        assert is_done or done.returncode == -9, done.stderr.decode(errors="replace")
        assert read(path, "PRAGMA integrity_check") == [("ok",)]
        ((stamp,),) = read(path, "PRAGMA user_version")
        columns = tuple(row[1] for row in read(path, "PRAGMA table_info(events)"))
        assert columns == COLUMNS_OF_VERSION[stamp]
        assert read(path, "SELECT id FROM events ORDER BY id") == wanted_ids
        seen.add(stamp)
        migrate(str(path), "UTC")
        assert read(path, "SELECT id FROM events ORDER BY id") == wanted_ids
        assert read(path, "SELECT rev FROM events ORDER BY id") == [(i + 1,) for i in range(len(wanted_ids))]
        assert tuple(row[1] for row in read(path, "PRAGMA table_info(events)")) == COLUMNS
        number += every
    assert seen == set(range(version, SCHEMA_VERSION + 1)), f"{number} statements"
