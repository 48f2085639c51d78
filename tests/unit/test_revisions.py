"""Numbers for changes: one counter, commit order is number order, never twice; and the witness beside the file."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Dict, List

import pytest

from conectpy.events.witness import BLOCK, Witness, WitnessLine, _line, _understand
from conectpy.models import Gap

from .test_store import WAIT_S, at, closes, make_store, opens, path, rows
from .test_versions import read

__all__ = ["path"]

AUDIT = """
CREATE TABLE numbers (rev INTEGER PRIMARY KEY);
CREATE TRIGGER audit_insert AFTER INSERT ON events BEGIN INSERT INTO numbers VALUES (NEW.rev); END;
CREATE TRIGGER audit_update AFTER UPDATE ON events BEGIN INSERT INTO numbers VALUES (NEW.rev); END;
CREATE TRIGGER audit_gap AFTER INSERT ON gaps BEGIN INSERT INTO numbers VALUES (NEW.rev); END;
"""
"""Every number that a change takes; the same one twice would break the key, and the storing with it."""


def meta(path: Path) -> Dict[str, object]:
    return dict(read(path, "SELECT key, value FROM meta"))


def run(path: Path, *scans: object) -> List[str]:
    """One run of the program that records these scans; what health said."""
    store = make_store(path)
    store.open()
    for scan in scans:
        store.record(scan)  # type: ignore[arg-type]
    notes: List[str] = store.health()["notes"]
    assert store.stop(WAIT_S)
    return notes


def make_audited(path: Path) -> None:
    run(path)
    with closing(sqlite3.connect(str(path))) as connection:
        connection.executescript(AUDIT)


def assert_no_number_is_missing(path: Path) -> int:
    last = meta(path)["rev"]
    assert isinstance(last, int)
    assert read(path, "SELECT COUNT(*), MIN(rev), MAX(rev) FROM numbers") == [(last, 1, last)]
    assert read(path, "SELECT MAX(rev) FROM (SELECT rev FROM events UNION ALL SELECT rev FROM gaps)") == [(last,)]
    return last


def test_each_change_takes_the_next_number_and_signs_of_life_take_none(path: Path) -> None:
    store = make_store(path)
    store.open()
    store.start()
    for number, scan in enumerate(([opens(1)], [closes(2)], [Gap("", "@collector", at(1), at(2), "off")], [opens(3)])):
        store.record(scan)
        store.note_states("10.0.0.1", at(number), {"P1": (True, None)})
        assert store.flush(WAIT_S)
        assert meta(path)["rev"] == number + 1
    assert store.stop(WAIT_S)
    assert rows(path, "tag, rev") == [("P1", 2), ("P1", 4)]
    assert read(path, "SELECT plc_ip, tag, from_ts, to_ts, cause, rev FROM gaps") == [
        ("", "@collector", "2026-03-01T07:00:01.000Z", "2026-03-01T07:00:02.000Z", "off", 3)
    ]
    plan = read(path, "EXPLAIN QUERY PLAN SELECT * FROM events INDEXED BY events_by_rev WHERE rev > 3 ORDER BY rev")
    assert len(plan) == 1
    assert "USING INDEX events_by_rev (rev>?)" in plan[0][3]


def test_sixteen_threads_take_a_number_for_each_change_and_a_follower_misses_none(path: Path) -> None:
    make_audited(path)
    store = make_store(path)
    store.open()
    store.start()
    is_done, followed = threading.Event(), {}

    def record(thread: int) -> None:
        plc = f"10.0.1.{thread}"
        for turn in range(40):
            store.record([opens(turn, f"T{turn}", plc=plc), Gap(plc, "T", at(turn), at(turn + 1), "bad")])
        assert store.flush(WAIT_S)
        for turn in range(40):
            store.record([closes(turn + 1, f"T{turn}", plc=plc)])

    def follow() -> None:
        last, is_last_look = 0, False
        with closing(sqlite3.connect(str(path))) as connection:
            while not is_last_look:
                is_last_look = is_done.is_set()
                for rev, uid, end_ts in connection.execute(
                    "SELECT rev, uid, end_ts FROM events WHERE rev > ? ORDER BY rev", (last,)
                ).fetchall():
                    assert rev > last
                    last, followed[uid] = rev, end_ts

    threads = [threading.Thread(target=record, args=(number,)) for number in range(16)]
    follower = threading.Thread(target=follow)
    for thread in (*threads, follower):
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert store.flush(WAIT_S)
    is_done.set()
    follower.join(WAIT_S)
    assert store.health()["refused"] == 0
    assert store.stop(WAIT_S)
    assert assert_no_number_is_missing(path) == 16 * 40 * 3
    assert followed == dict(rows(path, "uid, end_ts"))


def test_a_transaction_that_fails_gives_its_numbers_back(path: Path) -> None:
    make_audited(path)
    with closing(sqlite3.connect(str(path))) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE INSERT ON gaps BEGIN SELECT RAISE(ABORT, 'database is locked'); END"
        )
    store = make_store(path)
    store.open()
    store.record([opens(1), Gap("10.0.0.1", "P1", at(1), at(2), "bad")])
    assert not store.stop(0.5)
    with closing(sqlite3.connect(str(path))) as connection:
        connection.execute("DROP TRIGGER no")
    run(path, [opens(1), closes(2)], [opens(3)])
    assert assert_no_number_is_missing(path) == 2


def test_rows_that_others_put_in_get_a_number(path: Path) -> None:
    run(path, [opens(1)])
    with closing(sqlite3.connect(str(path))) as connection, connection:
        columns = "plc_ip, plc_name, tag, tag_label, start_ts, created_at, uid, start_quality"
        connection.execute(
            f"INSERT INTO events ({columns}) SELECT plc_ip, 'x', 'P2', 'x', '', '', 'u', 'gap' FROM events"
        )
        connection.execute("UPDATE meta SET value = 'nonsense' WHERE key = 'rev'")
    run(path, [opens(1, "P3")])
    assert rows(path, "tag, rev") == [("P1", 1), ("P2", 2), ("P3", 3)]


# -- the witness -------------------------------------------------------------------------------------------------------


def test_a_copy_put_back_by_hand_gets_a_new_epoch_and_counts_on_above_all_numbers(path: Path, tmp_path: Path) -> None:
    run(path, [opens(1)], [closes(2)])
    copy = tmp_path / "copy.sqlite3"
    shutil.copy(str(path), str(copy))
    before = meta(path)
    run(path, [opens(3)], [closes(4)])
    assert run(path) == []
    assert meta(path)["epoch"] == before["epoch"]
    for _ in range(2):  # however often
        shutil.copy(str(copy), str(path))
        highest = meta(path)["rev"]
        (note,) = run(path, [opens(5)])
        assert "is an older copy that was put back" in note
        after = meta(path)
        assert after["file_id"] == before["file_id"]
        assert after["epoch"] != before["epoch"]
        assert isinstance(after["rev"], int)
        assert isinstance(highest, int)
        assert after["rev"] > max(highest, BLOCK)
        assert run(path) == []
        assert meta(path)["epoch"] == after["epoch"]
        before = after


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of a file that is in use")
def test_a_copy_put_back_while_running_is_noticed_too(path: Path, tmp_path: Path) -> None:
    run(path, [opens(1)])
    copy = tmp_path / "copy.sqlite3"
    shutil.copy(str(path), str(copy))
    epoch = meta(path)["epoch"]
    store = make_store(path)
    store.open()
    store.start()
    store.record([closes(2)])
    assert store.flush(WAIT_S)
    for name in ("-wal", "-shm"):
        (path.parent / (path.name + name)).unlink()
    copy.rename(path)
    store.record([opens(3, "P2")])
    assert store.flush(WAIT_S)
    assert any("older copy" in note for note in store.health()["notes"])
    assert store.stop(WAIT_S)
    assert meta(path)["epoch"] != epoch


def test_a_witness_that_lags_after_a_power_cut_accuses_nobody(path: Path) -> None:
    run(path, [opens(1)])
    witness = path.parent / f"{path.name}.witness"
    older = witness.read_bytes()
    run(path, [closes(2)], [opens(3)])
    witness.write_bytes(older)
    epoch = meta(path)["epoch"]
    assert run(path, [closes(4)]) == []
    assert meta(path)["epoch"] == epoch


def test_a_copy_is_noticed_by_the_reserved_numbers_too(path: Path) -> None:
    run(path, [opens(1)])
    said = _understand((path.parent / f"{path.name}.witness").read_bytes())
    assert said == WitnessLine(str(meta(path)["file_id"]), 1, 1 + BLOCK)
    lagging = path.parent / "lagging.witness"
    for rev, floor in ((600_001 - 2 * BLOCK, None), (600_000 - 2 * BLOCK, 600_001)):
        lagging.write_bytes(_line(WitnessLine("a", 1, 600_001)))
        witness = Witness(str(lagging), pytest.fail)
        assert witness.ask("a", rev) == floor
        witness.close()


@pytest.mark.parametrize("content", [b"", b"\x00" * 90, b"x" * 10_000, None])
def test_a_witness_that_says_nothing_is_begun_anew(path: Path, content: object) -> None:
    run(path, [opens(1)])
    witness = path.parent / f"{path.name}.witness"
    sound = witness.read_bytes()
    if isinstance(content, bytes):
        witness.write_bytes(content)
    else:
        witness.unlink()
    notes = run(path, [closes(2)])
    assert [("cannot be understood" in note) for note in notes] == ([True] if content is not None else [])
    said = _understand(witness.read_bytes())
    assert said is not None
    assert (said.file_id.encode() in sound, said.rev) == (True, 2)
    assert meta(path)["rev"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_witness_that_is_a_link_or_a_folder_is_left_alone_and_recording_goes_on(path: Path, tmp_path: Path) -> None:
    witness, letter = path.parent / f"{path.name}.witness", tmp_path / "letter.txt"
    letter.write_text("mine")
    witness.symlink_to(letter)
    (note,) = run(path, [opens(1)])
    assert "cannot be kept" in note
    assert letter.read_text() == "mine"
    witness.unlink()
    witness.mkdir()
    (note,) = run(path, [closes(2)])
    assert "cannot be kept" in note
    assert rows(path, "tag, rev") == [("P1", 2)]


def test_another_file_in_the_place_of_this_one_is_not_measured_by_its_witness(path: Path, tmp_path: Path) -> None:
    run(path, [opens(1)], [closes(2)])
    other = tmp_path / "other.sqlite3"
    run(other, [opens(1)])
    shutil.copy(str(other), str(path))
    assert run(path, [closes(3)]) == []
    assert meta(path) == {**meta(other), "rev": 2}
