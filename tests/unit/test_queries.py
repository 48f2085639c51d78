"""Reading events: the same answers as a naive search, by the indexes that keep them fast among millions."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, List, Optional, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conectpy.errors import StoreError
from conectpy.events.event_sql import RUNS_SQL, carried_sql, list_sql
from conectpy.events.reader import EventQuery, EventReader
from conectpy.events.store import EventStore
from conectpy.models import Event, Transition
from conectpy.settings.types import DatabaseSettings
from conectpy.timestamps import UTC

from .test_store import WAIT_S, at, closes, opens

PLCS = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
NAMES = {"10.0.0.1": "Costa", "10.0.0.2": "Bahía", "10.0.0.3": "Bahía"}
TAGS = ("P1", "P2", "VÁLVULA")
SPAN_S = 4000


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> EventReader:
    """Some thousand events, the last one of half of the tags open."""
    path = tmp_path_factory.mktemp("queries") / "events.sqlite3"
    store = EventStore(DatabaseSettings(str(path)), NAMES, {("10.0.0.1", "P1"): "Bomba de impulsión"})
    store.open()
    store.start()
    chance = random.Random(1)
    scans: List[Tuple[float, Transition]] = []
    for plc in PLCS:
        for tag in TAGS:
            second = 0.0
            for _ in range(200):
                second += chance.choice((0.5, 5, 20))
                quality = chance.choice(("sampled", "gap"))
                scans.append((second, opens(second, tag, quality, plc)))
                second += chance.choice((0.0, 1, 10, 30))
                scans.append((second, closes(second, tag, "sampled", plc)))
            if chance.random() < 0.6:
                scans.append((second + 1, opens(second + 1, tag, "sampled", plc)))
    for _, transition in sorted(scans, key=lambda one: one[0]):
        store.record([transition])
    assert store.flush(WAIT_S)
    assert store.stop(WAIT_S)
    assert store.health()["refused"] == 0
    return EventReader(str(path), NAMES)


def everything(reader: EventReader) -> List[Event]:
    return list(reader.iterate(EventQuery(), limit=0))


def naive(events: List[Event], query: EventQuery) -> List[int]:
    found = []
    for one in sorted(events, key=lambda event: (event.start_utc, event.id), reverse=True):
        inside = query.from_utc is None or one.start_utc >= query.from_utc
        reaches = one.end_utc is None or (query.from_utc is not None and one.end_utc > query.from_utc)
        matches = (
            query.plc in (None, one.plc_ip, one.plc_name)
            and query.tag in (None, one.tag)
            and query.is_open in (None, one.end_utc is None)
            and (inside or reaches)
            and (query.to_utc is None or one.start_utc < query.to_utc)
            and (
                query.text is None or any(query.text.casefold() in text.casefold() for text in (one.tag, one.tag_label))
            )
            and query.quality in (None, one.start_quality, one.end_quality)
            and (query.before is None or (one.start_utc, one.id) < query.before)
            and (
                not query.min_duration_s
                or one.end_utc is None
                or (one.end_utc - one.start_utc).total_seconds() >= query.min_duration_s
            )
        )
        if matches:
            found.append(one.id)
    return found[: query.limit]


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


moments = st.integers(-100, SPAN_S).map(lambda second: at(second / 2))
queries = st.builds(
    EventQuery,
    plc=maybe(st.sampled_from([*PLCS, "Costa", "Bahía", "nobody"])),
    tag=maybe(st.sampled_from([*TAGS, "other"])),
    is_open=maybe(st.booleans()),
    from_utc=maybe(moments),
    to_utc=maybe(moments),
    text=maybe(st.sampled_from(["bomba", "IMPULSIÓN", "válvula", "p", "%", "_"])),
    min_duration_s=maybe(st.sampled_from([0.0, 1.0, 10.0])),
    quality=maybe(st.sampled_from(["sampled", "gap", "removed"])),
    before=maybe(st.tuples(moments, st.integers(0, 2000))),
    limit=st.sampled_from([1, 7, 200, 10_000]),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries)
def test_every_query_finds_what_a_naive_search_finds(reader: EventReader, query: EventQuery) -> None:
    assert [event.id for event in reader.events(query)] == naive(everything(reader), query)


def test_an_export_goes_page_by_page(reader: EventReader, monkeypatch: pytest.MonkeyPatch) -> None:
    query = EventQuery(from_utc=at(700), to_utc=at(1900), text="p", limit=5000)
    whole = [event.id for event in reader.iterate(query, limit=0)]
    monkeypatch.setattr("conectpy.events.reader.PAGE_ROWS", 10)
    assert [event.id for event in reader.iterate(query, limit=0)] == whole == naive(everything(reader), query)
    assert [event.id for event in reader.iterate(query, limit=25)] == whole[:25]
    with closing(sqlite3.connect(reader.path)) as connection:  # nothing is held open between two events
        export = reader.iterate(query, limit=0)
        next(export)
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        assert next(export).id == whole[1]


def test_paging_shows_every_event_once(reader: EventReader) -> None:
    found: List[int] = []
    before: Optional[Tuple[Any, int]] = None
    while True:
        page = reader.events(EventQuery(before=before, limit=97))
        found += [event.id for event in page]
        if len(page) < 97:
            break
        before = (page[-1].start_utc, page[-1].id)
    assert found == [event.id for event in everything(reader)]
    assert len(set(found)) == len(found) > 1800


def test_overlapping_events_of_some_tags_come_oldest_first(reader: EventReader) -> None:
    found = reader.overlapping(at(1000), at(1100), "10.0.0.1", ["P1", "P2"])
    expected = [
        one
        for one in reversed(everything(reader))
        if one.plc_ip == "10.0.0.1"
        and one.tag in ("P1", "P2")
        and one.start_utc < at(1100)
        and (one.start_utc >= at(1000) or one.end_utc is None or one.end_utc > at(1000))
    ]
    assert found == expected
    assert reader.overlapping(at(1000), at(1100), "10.0.0.1", ["P1", "P2"], limit=3) == expected[-3:]


def test_run_hours_equal_the_sum_over_the_events(reader: EventReader) -> None:
    from_utc, to_utc = at(500), at(1500)
    (bucket,) = reader.run_hours("Costa", "P1", from_utc, to_utc, "month", UTC)
    events = [one for one in everything(reader) if (one.plc_ip, one.tag) == ("10.0.0.1", "P1")]
    pieces = [
        min(one.end_utc or to_utc, to_utc) - max(one.start_utc, from_utc)
        for one in events
        if one.start_utc < to_utc and (one.end_utc or to_utc) > from_utc
    ]
    assert bucket.true_s == pytest.approx(sum(pieces, timedelta()).total_seconds())
    assert bucket.longest_s == pytest.approx(max(pieces).total_seconds())
    assert bucket.starts == sum(from_utc <= one.start_utc < to_utc for one in events)


@pytest.mark.parametrize(
    ("query", "plc", "tag", "index"),
    [
        (EventQuery(), None, None, "events_by_start"),
        (EventQuery(before=(at(5), 3)), None, None, "events_by_start"),
        (EventQuery(), "10.0.0.1", None, "events_by_plc"),
        (EventQuery(before=(at(5), 3), to_utc=at(9)), "10.0.0.1", None, "events_by_plc"),
        (EventQuery(from_utc=at(1), to_utc=at(9)), "10.0.0.1", "P1", "events_by_tag"),
        (EventQuery(is_open=True), None, None, "events_open"),
        (EventQuery(is_open=True), "10.0.0.1", None, "events_open"),
        (EventQuery(is_open=True), "10.0.0.1", "P1", "events_open"),
    ],
)
def test_lists_go_by_their_index(
    reader: EventReader, query: EventQuery, plc: Optional[str], tag: Optional[str], index: str
) -> None:
    steps = explain(reader, *list_sql(plc, tag, query))
    assert index in steps[0]
    if not query.is_open:
        assert not [step for step in steps if step.startswith("USE TEMP B-TREE FOR ORDER BY")]


@pytest.mark.parametrize(("plc", "tag"), [("10.0.0.1", "P1"), ("10.0.0.1", None), (None, None)])
def test_events_that_reach_into_a_stretch_cost_a_step_per_tag(
    reader: EventReader, plc: Optional[str], tag: Optional[str]
) -> None:
    steps = explain(reader, *carried_sql(plc, tag, EventQuery(from_utc=at(1), to_utc=at(9))))
    assert not [step for step in steps if step.startswith(("SCAN events", "SCAN TABLE events", "SCAN e"))]
    assert any("events_by_tag (plc_ip=? AND tag=? AND start_ts<?)" in step for step in steps)
    assert any("INTEGER PRIMARY KEY" in step for step in steps)


def test_run_hours_are_summed_from_an_index_alone(reader: EventReader) -> None:
    (step,) = explain(reader, RUNS_SQL, ["10.0.0.1", "P1", "2026", "2027"])
    assert "USING COVERING INDEX events_by_tag (plc_ip=? AND tag=? AND start_ts>? AND start_ts<?)" in step


def explain(reader: EventReader, sql: str, values: List[Any]) -> List[str]:
    with closing(sqlite3.connect(reader.path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM sqlite_stat1").fetchone()[0] > 0
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def test_a_missing_file_is_a_store_error(tmp_path: Path) -> None:
    reader = EventReader(str(tmp_path / "none.sqlite3"))
    with pytest.raises(StoreError, match="cannot be read"):
        reader.events(EventQuery())
    assert list(tmp_path.iterdir()) == []


def test_readers_cannot_write(reader: EventReader) -> None:
    with closing(reader._connect()) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM events")


def test_ids_that_no_event_has(reader: EventReader) -> None:
    assert [reader.event(number) for number in (0, -1, 10**9, 2**63, 10**30)] == [None] * 5
    event = reader.events(EventQuery(limit=1))[0]
    assert reader.event(event.id) == event
