"""Promise E17 and its kin: full disks, locks, damage and deletion under a running store; nothing is lost silently."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Iterator, List

import pytest

from conectpy.errors import StoreError
from conectpy.events.reader import EventQuery
from conectpy.events.run_hours import Bucket
from conectpy.events.store import EventStore
from conectpy.models import Transition
from conectpy.timestamps import UTC
from tests.monitor import wait_until
from tests.unit.test_store import WAIT_S, at, closes, make_store, opens, path, rows

__all__ = ["path"]

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
connection.close()
"""


@pytest.fixture
def store(path: Path) -> Iterator[EventStore]:
    store = make_store(path)
    store.open()
    store.start()
    yield store
    store.stop(WAIT_S)


@contextlib.contextmanager
def lock_by_another_process(path: Path) -> Iterator[None]:
    arguments = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().strip() == b"locked"
        try:
            yield
        finally:
            process.stdin.write(b"\n")
            process.stdin.close()
            process.wait(WAIT_S)


def pairs(count: int, start: int = 0) -> List[List[Transition]]:
    """Scans in which P1 goes TRUE and FALSE, at whole seconds of their own."""
    return [[opens(i) if i % 2 == 0 else closes(i)] for i in range(start, start + count)]


def assert_pairs(path: Path, count: int) -> None:
    found = [datetime.fromisoformat(ts[:-1]).replace(tzinfo=UTC) for _, start, end in rows(path) for ts in (start, end)]
    assert found == [at(i) for i in range(count)]


def test_e17_a_lock_of_another_process_is_waited_out(
    store: EventStore, path: Path, request: pytest.FixtureRequest
) -> None:
    for scan in pairs(10):
        store.record(scan)
    assert store.flush(WAIT_S)
    with lock_by_another_process(path):
        for scan in pairs(30, 10):
            store.record(scan)
        wait_until(lambda: not store.health()["ok"], "the store's health is red")
        health = store.health()
        assert "locked" in health["error"]
        assert health["queued"] == 30
        assert not store.flush(float(request.config.getoption("--lock-seconds", default=2.0)))
        assert len(store.reader().events(EventQuery())) == 5
    assert store.flush(WAIT_S)
    assert store.health()["ok"]
    assert_pairs(path, 40)


def test_e17_a_database_that_is_locked_at_the_start_is_opened_later(path: Path) -> None:
    store = make_store(path)
    store.open()
    store.record(pairs(2)[0])
    assert store.stop(WAIT_S)
    store = make_store(path)
    with lock_by_another_process(path):
        store.open()
        store.start()
        store.record(pairs(2)[1])
        wait_until(lambda: not store.health()["ok"], "the store's health is red")
        assert store.open_tags() == {("10.0.0.1", "P1")}
    assert store.flush(WAIT_S)
    assert store.health()["ok"]
    assert store.stop(WAIT_S)
    assert_pairs(path, 2)


def limit_pages(store: EventStore, pages: int) -> None:
    connection = store._file._connection
    assert connection is not None
    connection.execute(f"PRAGMA max_page_count={pages}")


def test_e17_a_full_disk_while_running_loses_nothing_once_there_is_room(store: EventStore, path: Path) -> None:
    for scan in pairs(2):
        store.record(scan)
    assert store.flush(WAIT_S)
    limit_pages(store, 1)  # clamped to the present size: not one page more
    count = 2
    while store.health()["ok"]:
        for scan in pairs(500, count):
            store.record(scan)
        count += 500
        store.flush(1.0)
    assert "full" in store.health()["error"]
    with closing(sqlite3.connect(str(path))) as connection:
        stored = connection.execute("SELECT COUNT(*) + COUNT(end_ts) FROM events").fetchone()[0]
    assert stored + store.health()["queued"] == count
    limit_pages(store, 100_000)
    assert store.flush(WAIT_S)
    assert store.health()["ok"]
    assert_pairs(path, count)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("needs root on Linux to mount a small tmpfs")
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip(f"cannot mount a tmpfs: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\x00" * 512)
    return filler


def test_e17_a_really_full_disk_while_running(small_disk: Path) -> None:
    path = small_disk / "events.sqlite3"
    store = make_store(path)
    store.open()
    store.start()
    for scan in pairs(2):
        store.record(scan)
    assert store.flush(WAIT_S)
    filler = fill(small_disk)
    count = 2
    while store.health()["ok"]:
        for scan in pairs(100, count):
            store.record(scan)
        count += 100
        store.flush(0.5)
    filler.unlink()
    assert store.flush(WAIT_S)
    assert store.health()["ok"]
    assert store.stop(WAIT_S)
    assert_pairs(path, count)


@pytest.mark.parametrize("is_new", [True, False])
def test_e17_a_disk_that_is_full_at_the_start(small_disk: Path, is_new: bool) -> None:
    path = small_disk / "events.sqlite3"
    if not is_new:
        store = make_store(path)
        store.open()
        store.record(pairs(1)[0])
        assert store.stop(WAIT_S)
    filler = fill(small_disk)
    store = make_store(path)
    store.open()
    store.start()
    memory = store.load_memory("10.0.0.1")
    assert memory.open_since == ({} if is_new else {"P1": at(0)})
    for scan in pairs(10)[0 if is_new else 1 :]:
        store.record(scan)
    wait_until(lambda: not store.health()["ok"], "the store's health is red")
    filler.unlink()
    assert store.flush(WAIT_S)
    assert store.health()["ok"]
    assert store.stop(WAIT_S)
    assert_pairs(path, 10)


def test_e17_what_the_queue_cannot_hold_is_counted_and_recorded(path: Path) -> None:
    store = make_store(path)
    store.queue_limit = 4
    store.open()
    store.start()
    store.record([opens(0), opens(0, "P2")])
    assert store.flush(WAIT_S)
    with lock_by_another_process(path):
        for scan in pairs(4, 101):
            store.record([*scan, opens(scan[0].ts_utc.second, "P9")][:1])
        store.record([closes(200, "P2"), opens(200, "P3")])
        store.record([opens(300, "P4", plc="10.0.0.2")])
        store.note_states("10.0.0.1", at(400), {"P2": (False, None), "P3": (True, None)})
        wait_until(lambda: not store.health()["ok"], "the store's health is red")
        assert store.health()["lost"] == 3
    assert store.flush(WAIT_S)
    wait_until(lambda: store.health()["ok"], "the loss is recorded")
    assert store.health()["lost"] == 3
    assert store.stop(WAIT_S)
    with closing(sqlite3.connect(str(path))) as connection:
        losses = connection.execute("SELECT plc_ip, first_ts, lost_count FROM losses ORDER BY plc_ip").fetchall()
    assert losses == [("10.0.0.1", "2026-03-01T07:03:20.000Z", 2), ("10.0.0.2", "2026-03-01T07:05:00.000Z", 1)]
    # what is known again afterwards is put right, as uncertain: P2 ended, P3 began, both unseen
    found = {row[0]: row[1:] for row in rows(path, "tag, start_ts, end_ts, start_quality, end_quality", "ORDER BY id")}
    assert found["P2"] == ("2026-03-01T07:00:00.000Z", "2026-03-01T07:06:40.000Z", "sampled", "gap")
    assert found["P3"] == ("2026-03-01T07:06:40.000Z", None, "gap", None)


def test_threads_that_record_at_once_keep_the_order_of_each(store: EventStore, path: Path) -> None:
    def run(plc: str) -> None:
        for i in range(300):
            store.record([opens(i, plc=plc) if i % 2 == 0 else closes(i, plc=plc)])
            store.note_states(plc, at(i), {"P1": (i % 2 == 0, None)})

    threads = [threading.Thread(target=run, args=(f"10.0.0.{i}",)) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert store.flush(WAIT_S)
    found = rows(path, "plc_ip, start_ts, end_ts", "ORDER BY plc_ip, id")
    assert len(found) == 5 * 150
    assert found == sorted(found)
    assert store.health()["refused"] == 0
    states = [store.load_memory(f"10.0.0.{i}").states["P1"] for i in range(5)]
    assert {tuple(state) for state in states} == {(False, at(299))}


# -- the file itself ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of a file that is in use")
def test_a_file_that_is_deleted_while_running_is_put_back_whole(store: EventStore, path: Path) -> None:
    for scan in pairs(6):
        store.record(scan)
    assert store.flush(WAIT_S)
    for file in path.parent.glob("events.sqlite3*"):
        file.unlink()
    for scan in pairs(4, 6):
        store.record(scan)
    assert store.flush(WAIT_S)
    assert_pairs(path, 10)
    assert "put back" in store.health()["notes"][0]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of a file that is in use")
def test_a_folder_that_disappears_turns_health_red_until_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "events.sqlite3"
    store = make_store(path)
    store.open()
    store.start()
    for scan in pairs(6):
        store.record(scan)
    assert store.flush(WAIT_S)
    shutil.rmtree(folder)
    for scan in pairs(4, 6):
        store.record(scan)
    wait_until(lambda: not store.health()["ok"], "the store's health is red")
    folder.mkdir()
    assert store.flush(WAIT_S)
    assert store.stop(WAIT_S)
    assert_pairs(path, 10)


def test_a_file_that_is_damaged_while_running_is_kept_aside_and_what_is_open_goes_on(
    store: EventStore, path: Path
) -> None:
    store.record([opens(0), opens(0, "P2"), opens(0, "P3"), closes(1, "P3")])
    store.note_states("10.0.0.1", at(2), {"P1": (True, None)})
    assert store.flush(WAIT_S)
    connection = store._file._connection
    assert connection is not None
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size_bytes = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * (size_bytes - 100))
    connection.execute("PRAGMA shrink_memory")  # as after a while: the sound pages are no longer in memory
    store.record([closes(5)])
    assert store.flush(WAIT_S)
    assert store.health()["ok"]
    assert len(list(path.parent.glob("events.sqlite3.corrupt-*"))) >= 1
    assert store.open_tags() == {("10.0.0.1", "P2")}
    (event,) = store.reader().events(EventQuery(tag="P1"))
    assert (event.start_utc, event.end_utc) == (at(0), at(5))
    assert store.load_memory("10.0.0.1").states["P3"].value is False


def test_flipped_bits_never_crash(path: Path, request: pytest.FixtureRequest) -> None:
    store = make_store(path)
    store.open()
    for scan in pairs(120):
        store.record([*scan, *(one._replace(tag="P2") for one in scan)])
    store.note_states("10.0.0.1", at(500), {"P1": (False, None)})
    assert store.stop(WAIT_S)
    sound = path.read_bytes()
    chance = random.Random(5)
    worked = aside = refused = 0
    for flip in range(int(request.config.getoption("--flips", default=60))):
        damaged = bytearray(sound)
        end = 200 if flip % 3 == 0 else len(sound)
        for _ in range(chance.randint(1, 6)):
            damaged[chance.randrange(end)] ^= 1 << chance.randrange(8)
        copy = path.parent / f"flip{flip}.sqlite3"
        copy.write_bytes(bytes(damaged))
        store = make_store(copy)
        try:
            store.open()
        except StoreError:  # the flipped bit made another program's id or a later version of it
            assert copy.read_bytes() == bytes(damaged)
            assert store.stop(WAIT_S)
            refused += 1
            continue
        use_every_reader(store)
        store.start()
        store.record([opens(1000, "P7")])
        assert store.flush(WAIT_S)
        assert store.stop(WAIT_S)
        with closing(sqlite3.connect(str(copy))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if list(path.parent.glob(f"flip{flip}.sqlite3.corrupt-*")):
            aside += 1
        else:
            worked += 1
    print(f"{worked} worked, {aside} kept aside, {refused} refused")
    assert aside


def use_every_reader(store: EventStore) -> List[Bucket]:
    reader = store.reader()
    store.load_memory("10.0.0.1")
    reader.events(EventQuery(from_utc=at(10), to_utc=at(60), text="p", min_duration_s=0.5))
    for event in reader.iterate(EventQuery(), limit=0):
        assert reader.event(event.id) is not None
    return reader.run_hours("10.0.0.1", "P1", at(-86400), at(86400), "day", UTC)


@pytest.mark.parametrize("call", ["posix/io/rw/pwrite", "posix/io/sync/fdatasync"])
def test_e17_io_errors_of_the_disk(path: Path, call: str) -> None:
    fiu_run = shutil.which("fiu-run")
    if fiu_run is None:
        pytest.skip("libfiu (fiu-run) is not installed: I/O errors are not injected")
    script = (
        "import sys; from tests.unit.test_store import *\n"
        "store = make_store(Path(sys.argv[1])); store.open(); store.start()\n"
        "for i in range(400): store.record([opens(i) if i % 2 == 0 else closes(i)]); store.flush(0.01)\n"
        "assert store.flush(60), store.health()\n"
        "assert store.stop(20)\n"
    )
    faults = f"enable_random name={call},probability=0.02,failinfo=28"
    arguments = [fiu_run, "-x", "-c", faults, sys.executable, "-c", script, str(path)]
    done = subprocess.run(arguments, capture_output=True, cwd=str(Path(__file__).parents[2]), timeout=100)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert_pairs(path, 400)
