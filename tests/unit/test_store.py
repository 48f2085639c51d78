"""The event store: what is handed over becomes durable, in order, and never twice open (promises E1 to E3, E9, E17)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest

from conectpy.events.reader import EventQuery
from conectpy.events.store import EventStore
from conectpy.models import Gap, Transition
from conectpy.settings.types import DatabaseSettings

T0 = datetime(2026, 3, 1, 7, 0, tzinfo=timezone.utc)
WAIT_S = 20.0


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def opens(second: float, tag: str = "P1", quality: str = "sampled", plc: str = "10.0.0.1", **more: Any) -> Transition:
    earliest = None if quality == "at_connect" else at(second - 1)
    values = {"earliest_utc": earliest, "sent_utc": at(second - 0.1), **more}
    return Transition("open", plc, tag, at(second), quality=quality, **values)


def closes(second: float, tag: str = "P1", quality: str = "sampled", plc: str = "10.0.0.1", **more: Any) -> Transition:
    values = {"earliest_utc": at(second - 1), "sent_utc": at(second - 0.1), **more}
    return Transition("close", plc, tag, at(second), quality=quality, **values)


def make_store(path: Path, legacy_timezone: Any = None) -> EventStore:
    settings = DatabaseSettings(str(path), legacy_timezone)
    return EventStore(
        settings, {"10.0.0.1": "Costa", "10.0.0.2": "Bahía"}, {("10.0.0.1", "P1"): "Bomba de retrolavado"}
    )


def rows(path: Path, columns: str = "tag, start_ts, end_ts", more: str = "ORDER BY id") -> List[Tuple[Any, ...]]:
    with closing(sqlite3.connect(str(path))) as connection:
        return connection.execute(f"SELECT {columns} FROM events {more}").fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[EventStore]:
    store = make_store(path)
    store.open()
    store.start()
    yield store
    store.stop(WAIT_S)


def test_e1_an_opened_event_is_durable_with_all_its_columns(store: EventStore, path: Path) -> None:
    store.record([opens(1, flags=frozenset({"overflow", "chatter"}))])
    assert store.flush(WAIT_S)
    columns = "plc_ip, plc_name, tag, tag_label, start_ts, end_ts, start_earliest_ts, start_quality, end_quality, flags"
    assert rows(path, columns) == [
        (
            "10.0.0.1",
            "Costa",
            "P1",
            "Bomba de retrolavado",
            "2026-03-01T07:00:01.000Z",
            None,
            "2026-03-01T07:00:00.000Z",
            "sampled",
            None,
            "chatter,overflow",
        )
    ]


def test_e2_the_open_event_closes(store: EventStore) -> None:
    store.record([opens(1)])
    assert store.flush(WAIT_S)
    store.record([closes(5)])
    assert store.flush(WAIT_S)
    (event,) = store.reader().events(EventQuery())
    assert (event.end_utc, event.end_earliest_utc, event.end_quality) == (at(5), at(4), "sampled")


def test_e3_a_second_open_event_is_refused_by_store_and_database(store: EventStore, path: Path) -> None:
    store.record([opens(1), opens(2)])
    store.record([opens(3)])
    assert store.flush(WAIT_S)
    assert rows(path) == [("P1", "2026-03-01T07:00:01.000Z", None)]
    assert store.health()["refused"] == 2
    with closing(sqlite3.connect(str(path))) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "INSERT INTO events (plc_ip, plc_name, tag, tag_label, start_ts, created_at, uid, start_quality)"
            " SELECT plc_ip, plc_name, tag, tag_label, start_ts, created_at, 'x', start_quality FROM events"
        )


def test_many_changes_of_one_tag_in_one_batch_become_their_rows(store: EventStore, path: Path) -> None:
    store.record([opens(1), closes(2), opens(3), closes(4), opens(5), opens(5, "P2")])
    store.record([Transition("amend", "10.0.0.1", "P1", at(6), gap_count=1, gap_s=2.5, flags=frozenset({"plc_mode"}))])
    assert store.flush(WAIT_S)
    times = [(start[17:19], end and end[17:19]) for _, start, end in rows(path)]
    assert sorted(times, key=str) == [("01", "02"), ("03", "04"), ("05", None), ("05", None)]
    assert rows(path, "gap_count, gap_s, flags", "WHERE tag = 'P1' AND end_ts IS NULL") == [(1, 2.5, "plc_mode")]


def test_e9_memory_holds_open_events_and_last_states(path: Path) -> None:
    store = make_store(path)
    store.open()
    store.start()
    store.record([opens(1), opens(1, "P2"), closes(3, "P2"), opens(2, "P3", plc="10.0.0.2")])
    store.note_states("10.0.0.1", at(9), {"P1": (True, None), "P4": (False, at(7))})
    assert store.stop(WAIT_S)
    again = make_store(path)
    again.open()
    memory = again.load_memory("10.0.0.1")
    assert memory.open_since == {"P1": at(1)}
    assert {tag: tuple(state) for tag, state in memory.states.items()} == {
        "P1": (True, at(9)),
        "P2": (False, at(2.9)),
        "P4": (False, at(7)),
    }
    assert again.open_tags() == {("10.0.0.1", "P1"), ("10.0.0.2", "P3")}
    assert again.stop(WAIT_S)


def test_notes_merge_and_never_overtake_transitions(path: Path) -> None:
    store = make_store(path)
    store.open()
    store.record([opens(1)])
    store.note_states("10.0.0.1", at(2), {"P1": (True, None), "P2": (False, at(1))})
    store.record([closes(3)])
    store.note_states("10.0.0.1", at(4), {"P3": (True, None)})
    store.record([opens(6)])
    assert store.stop(WAIT_S)
    memory = make_store(path).load_memory("10.0.0.1")
    assert {tag: tuple(state) for tag, state in memory.states.items()} == {
        "P1": (True, at(5.9)),
        "P2": (False, at(1)),
        "P3": (True, at(4)),
    }


def test_e6_an_amended_event_goes_on_and_is_known_anew(store: EventStore) -> None:
    store.record([opens(1)])
    store.note_states("10.0.0.1", at(2), {"P1": (True, at(2))})
    store.record([Transition("amend", "10.0.0.1", "P1", at(60), gap_count=1, gap_s=58.0, sent_utc=at(59.9))])
    assert store.flush(WAIT_S)
    (event,) = store.reader().events(EventQuery())
    assert (event.end_utc, event.gap_count, event.gap_s) == (None, 1, 58.0)
    assert store.load_memory("10.0.0.1").states["P1"] == (True, at(59.9))


@pytest.mark.parametrize("quality", ["removed", "tag_lost"])
def test_e12_e13_a_tag_that_is_gone_has_no_last_known_state(store: EventStore, quality: str) -> None:
    store.record([opens(1), closes(9, quality=quality, sent_utc=None)])
    store.note_states("10.0.0.1", at(10), {})
    assert store.flush(WAIT_S)
    (event,) = store.reader().events(EventQuery(quality=quality))
    assert (event.end_utc, event.end_earliest_utc) == (at(9), at(8))
    assert store.load_memory("10.0.0.1").states == {}
    assert store.open_tags() == set()


def test_e15_no_duration_is_negative_and_times_that_go_back_are_flagged(store: EventStore) -> None:
    store.record([opens(100), closes(40)])
    store.record([opens(50), closes(60)])
    assert store.flush(WAIT_S)
    second, first = sorted(store.reader().events(EventQuery()), key=lambda event: event.start_utc)
    assert (first.start_utc, first.end_utc, first.flags) == (at(100), at(100), ("clock_step",))
    assert first.end_earliest_utc == at(39)
    assert (second.start_utc, second.end_utc, second.flags) == (at(50), at(60), ("clock_step",))
    # the order of this tag's events is no longer that of their ends, and both are found all the same
    found = store.reader().events(EventQuery(from_utc=at(55), to_utc=at(101)))
    assert [event.id for event in found] == [first.id, second.id]


def test_transitions_without_their_event_are_refused_and_counted(store: EventStore, path: Path) -> None:
    store.record([closes(1), Transition("amend", "10.0.0.1", "P1", at(2), gap_count=1), opens(3)])
    assert store.flush(WAIT_S)
    assert rows(path) == [("P1", "2026-03-01T07:00:03.000Z", None)]
    assert store.health()["refused"] == 2


def test_rows_that_somebody_else_changes_do_not_stop_the_store(store: EventStore, path: Path) -> None:
    store.record([opens(1), opens(1, "P2")])
    assert store.flush(WAIT_S)
    with closing(sqlite3.connect(str(path), timeout=WAIT_S)) as connection, connection:
        connection.execute("UPDATE events SET end_ts = start_ts WHERE tag = 'P1'")
        connection.execute("UPDATE events SET tag = 'P3' WHERE tag = 'P2'")
    store.record([closes(5), opens(6, "P3"), opens(7)])
    assert store.flush(WAIT_S)
    assert store.health()["ok"]
    assert sorted(rows(path)) == [
        ("P1", "2026-03-01T07:00:01.000Z", "2026-03-01T07:00:01.000Z"),
        ("P1", "2026-03-01T07:00:07.000Z", None),
        ("P3", "2026-03-01T07:00:01.000Z", None),
    ]


@pytest.mark.parametrize("tag", ["<img onerror=x>", "=cmd|' /C calc'!A0", "'; DROP TABLE events; --", "‮abc", "x" * 200])
def test_hostile_names_are_text(store: EventStore, tag: str) -> None:
    store.record([opens(1, tag)])
    store.note_states("10.0.0.1", at(2), {tag: (True, None)})
    assert store.flush(WAIT_S)
    assert [event.tag for event in store.reader().events(EventQuery(tag=tag))] == [tag]
    assert store.load_memory("10.0.0.1").states[tag] == (True, at(2))


def test_a_name_that_is_no_text_is_stored_readably(store: EventStore) -> None:
    store.record([opens(1, "P\ud800", gap_s=float("nan")), opens(1)])
    store.note_states("10.0.0.1", at(2), {"P\ud800": (True, None)})
    assert store.flush(WAIT_S)
    assert {event.tag for event in store.reader().events(EventQuery())} == {"P\\ud800", "P1"}
    assert store.health()["ok"]


def test_health_tells_what_there_is(store: EventStore, path: Path) -> None:
    store.record([opens(1)])
    assert store.flush(WAIT_S)
    health = store.health()
    assert (health["ok"], health["error"], health["queued"], health["lost"]) == (True, None, 0, 0)
    assert (health["path"], health["notes"]) == (str(path), [])
    assert health["size_bytes"] + health["wal_bytes"] > 0
    assert health["last_commit_ts"].endswith("Z")


def test_stopping_a_store_that_was_never_opened_is_harmless(path: Path) -> None:
    assert make_store(path).stop(WAIT_S)
    assert not path.exists()


def test_times_are_cut_to_milliseconds_away_from_a_claim(store: EventStore, path: Path) -> None:
    """The truth lies in (earliest, ts]: earliest is cut down, ts up."""
    odd = timedelta(microseconds=400)
    store.record([Transition("open", "10.0.0.1", "P1", at(1) + odd, at(0) + odd, "sampled", sent_utc=at(0.5))])
    assert store.flush(WAIT_S)
    assert rows(path, "start_earliest_ts, start_ts") == [("2026-03-01T07:00:00.000Z", "2026-03-01T07:00:01.001Z")]


# -- what version 2 of the file holds ----------------------------------------------------------------------------------


def test_e15_a_clock_that_steps_takes_the_open_event_along(store: EventStore, path: Path) -> None:
    store.record([opens(100), opens(100, "P2")])
    assert store.flush(WAIT_S)
    store.record([Transition("shift", "10.0.0.1", "P1", at(-3500), shift_s=-3600.25)])
    assert store.flush(WAIT_S)
    columns = "tag, start_ts, start_earliest_ts, end_ts, flags"
    assert rows(path, columns) == [
        ("P1", "2026-03-01T06:01:39.750Z", "2026-03-01T06:01:38.750Z", None, "clock_step"),
        ("P2", "2026-03-01T07:01:40.000Z", "2026-03-01T07:01:39.000Z", None, ""),
    ]
    # the mirror has moved too: the end is measured against the new start
    store.record([closes(-3480, duration_s=20.25)])
    assert store.flush(WAIT_S)
    event = store.reader().events(EventQuery(tag="P1"))[0]
    assert (event.start_utc, event.end_utc, event.duration_s) == (at(-3500.25), at(-3480), 20.25)
    assert store.load_memory("10.0.0.1").states["P1"].value is False


def test_e15_opening_shifting_and_closing_within_one_unit(store: EventStore, path: Path) -> None:
    shift = Transition("shift", "10.0.0.1", "P1", at(7201), shift_s=7200.0)
    store.record([opens(1), closes(5), opens(6), shift, shift._replace(shift_s=-1.0), closes(7210)])
    store.record([shift, Transition("shift", "10.0.0.1", "P2", at(1), shift_s=float("inf")), opens(7300)])
    store.record([shift._replace(shift_s=float("nan")), shift._replace(shift_s=1e300)])
    assert store.flush(WAIT_S)
    assert rows(path) == [
        ("P1", "2026-03-01T07:00:01.000Z", "2026-03-01T07:00:05.000Z"),
        ("P1", "2026-03-01T09:00:05.000Z", "2026-03-01T09:00:10.000Z"),
        ("P1", "2026-03-01T09:01:40.000Z", None),
    ]
    assert store.health()["refused"] == 2
    assert store.health()["ok"]


def test_e15_an_event_that_is_moved_before_an_older_ones_end_is_still_found(store: EventStore) -> None:
    store.record([opens(100), closes(200), opens(210)])
    store.record([Transition("shift", "10.0.0.1", "P1", at(150), shift_s=-60.0), closes(160)])
    assert store.flush(WAIT_S)
    found = store.reader().overlapping(at(170), at(180), "10.0.0.1", ["P1"])
    assert [(event.start_utc, event.end_utc) for event in found] == [(at(100), at(200))]
    assert len(store.reader().overlapping(at(155), at(180), "10.0.0.1", ["P1"])) == 2


def test_durations_and_device_times_are_kept_beside_what_was_seen(store: EventStore, path: Path) -> None:
    store.record([opens(1, device_utc=at(0.5))])
    assert store.flush(WAIT_S)
    (event,) = store.reader().events(EventQuery())
    assert (event.duration_s, event.start_device_utc, event.end_device_utc) == (None, at(0.5), None)
    store.record([closes(11, device_utc=at(10.75), duration_s=9.8765)])
    store.record([opens(20), closes(25), opens(30), closes(40, duration_s=float("nan")), opens(50)])
    store.record([closes(60, "P1", "removed", duration_s=-1.0)])
    assert store.flush(WAIT_S)
    found = [event.duration_s for event in store.reader().events(EventQuery())]
    assert found == [10.0, 10.0, 5.0, 9.877]
    assert rows(path, "duration_s, end_device_ts")[0] == (9.877, "2026-03-01T07:00:10.750Z")
    assert [event.duration_s for event in store.reader().events(EventQuery(min_duration_s=9.9))] == [10.0, 10.0]


def test_gaps_are_stored_with_the_unit_they_come_in_and_never_shorter_than_they_were(
    store: EventStore, path: Path
) -> None:
    odd = timedelta(microseconds=600)
    store.record([opens(1), Gap("10.0.0.1", "P\ud800", at(1) + odd, at(2) + odd, "bad\ud800")])
    assert store.flush(WAIT_S)
    with closing(sqlite3.connect(str(path))) as connection:
        assert connection.execute("SELECT * FROM gaps").fetchall() == [
            (1, "10.0.0.1", "P\\ud800", "2026-03-01T07:00:01.000Z", "2026-03-01T07:00:02.001Z", "bad\\ud800", 2)
        ]
    assert len(rows(path)) == 1
