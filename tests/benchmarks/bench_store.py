"""The store: group commit against raw `executemany`, time until durable, and queries on many events.

`python -m tests.benchmarks.bench_store [--events 10000000] [--file KEPT.sqlite3]`
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Callable, Iterator, List, Sequence, Tuple

from conectpy.events.database import connect_writer, create_schema, optimize
from conectpy.events.ledger_rows import INSERT
from conectpy.events.missing_tags import add_missing_tags
from conectpy.events.reader import EventQuery, EventReader
from conectpy.events.store import EventStore
from conectpy.models import Transition
from conectpy.settings.types import DatabaseSettings
from conectpy.timestamps import UTC, to_text

T0 = datetime(2025, 1, 1, tzinfo=UTC)
PLCS, TAGS = 20, 50


def run(quick: bool) -> None:
    """Print the tables; `quick` takes some seconds."""
    rounds = 20 if quick else 100
    with tempfile.TemporaryDirectory() as folder:
        print_table(
            ("20 PLCs, scans of 50 transitions, FULL", "per second", "share of raw"),
            compare_rates(folder, rounds),
        )
        print_table(("CPU per transition", "median us", "least us"), cpu_costs(folder, rounds))
        print_table(("one transition until durable", "median ms", "99 % ms"), latencies(folder, 200 if quick else 2000))
        measure_queries(os.path.join(folder, "many.sqlite3"), 200_000 if quick else 1_000_000)


def print_table(heading: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """The first column to the left, numbers to the right."""
    table = [heading, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(heading))]
    print()
    for row in table:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        print("  ".join(cells).rstrip())


# -- writing -----------------------------------------------------------------------------------------------------------


def compare_rates(folder: str, rounds: int) -> List[Tuple[str, str, str]]:
    """In turns on the same disk, the best of three each."""
    raw, grouped, single = [], [], []
    for turn in range(3):
        raw.append(raw_rate(os.path.join(folder, f"raw{turn}.sqlite3"), rounds))
        grouped.append(store_rate(os.path.join(folder, f"store{turn}.sqlite3"), rounds))
        single.append(raw_rate(os.path.join(folder, f"single{turn}.sqlite3"), 1, group=1))
    best = max(raw)
    names = ("raw executemany, 1000 a transaction", "store", "raw, one a transaction")
    return [
        (name, f"{rate:,.0f}", f"{rate / best:.2f}") for name, rate in zip(names, (best, max(grouped), max(single)))
    ]


def raw_rate(path: str, rounds: int, group: int = PLCS * TAGS) -> float:
    """Rows per second of `executemany` into the same table."""
    with closing(connect_writer(path)) as connection:
        create_schema(connection)
        batches = [[event_row(number * group + i) for i in range(group)] for number in range(rounds * 1000 // group)]
        started = time.perf_counter()
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, batch)
            connection.execute("COMMIT")
        return sum(map(len, batches)) / (time.perf_counter() - started)


def store_rate(path: str, rounds: int) -> float:
    """Transitions per second through the queue, until the last one is durable."""
    scans = make_scans(rounds, PLCS, TAGS)
    store = EventStore(DatabaseSettings(path), {}, {})
    store.queue_limit = 10_000_000
    store.open()
    store.start()
    started = time.perf_counter()
    for scan in scans:
        store.record(scan)
    assert store.flush(600.0)
    elapsed_s = time.perf_counter() - started
    assert store.stop(60.0)
    return len(scans) * TAGS / elapsed_s


def make_scans(rounds: int, plcs: int, tags: int) -> List[Tuple[Transition, ...]]:
    """In each round every tag of every PLC changes."""
    return [
        tuple(
            Transition(("open", "close")[turn % 2], f"10.0.0.{plc}", f"TAG{tag}", at, at, "sampled", sent_utc=at)
            for tag in range(tags)
        )
        for turn in range(rounds)
        for at in (T0 + timedelta(seconds=turn),)
        for plc in range(plcs)
    ]


def cpu_costs(folder: str, rounds: int) -> List[Tuple[str, str, str]]:
    """What storing takes of a processor, in all threads: scans of 50 in large groups; of 4, each durable at once."""
    found = []
    for name, tags, plcs, is_flushed in (
        ("scans of 50, grouped", TAGS, PLCS, False),
        ("scans of 4, one by one", 4, 1, True),
    ):
        costs = []
        for turn in range(5):
            store = EventStore(DatabaseSettings(os.path.join(folder, f"cpu{tags}-{turn}.sqlite3")), {}, {})
            store.queue_limit = 10_000_000
            store.open()
            store.start()
            scans = make_scans(rounds * (20 if is_flushed else 1), plcs, tags)
            started_s = time.process_time()
            for scan in scans:
                store.record(scan)
                assert not is_flushed or store.flush(60.0)
            assert store.flush(600.0)
            costs.append((time.process_time() - started_s) / len(scans) / tags * 1e6)
            assert store.stop(60.0)
        found.append((name, f"{statistics.median(costs):.1f}", f"{min(costs):.1f}"))
    return found


def latencies(folder: str, count: int) -> List[Tuple[str, str, str]]:
    """From `record` until `flush` says that it is on the disk; one at a time, and 2,000 a second."""
    rows = []
    for name, pause_s in (("one after the other", 0.0), ("500 scans/s of 4 transitions", 0.002)):
        store = EventStore(DatabaseSettings(os.path.join(folder, f"latency{pause_s}.sqlite3")), {}, {})
        store.open()
        store.start()
        found = []
        for i in range(count):
            at = T0 + timedelta(seconds=i)
            scan = [
                Transition(("open", "close")[i % 2], "10.0.0.1", f"TAG{tag}", at, at, "sampled", sent_utc=at)
                for tag in range(4 if pause_s else 1)
            ]
            started = time.perf_counter()
            store.record(scan)
            assert store.flush(60.0)
            found.append((time.perf_counter() - started) * 1000)
            time.sleep(max(0.0, pause_s - found[-1] / 1000))
        assert store.stop(60.0)
        rows.append((name, f"{statistics.median(found):.2f}", f"{sorted(found)[int(count * 0.99) - 1]:.2f}"))
    return rows


# -- reading -----------------------------------------------------------------------------------------------------------


def measure_queries(path: str, events: int) -> None:
    """The queries that pages ask, on a database of that many events (made when the file does not exist)."""
    if not os.path.exists(path):
        started = time.perf_counter()
        make_events(path, events)
        print(
            f"\n{events:,} events made in {time.perf_counter() - started:.0f} s, {os.path.getsize(path) / 1e6:,.0f} MB"
        )
    reader = EventReader(path)
    newest = reader.events(EventQuery(limit=1))[0].start_utc
    middle = T0 + (newest - T0) / 2
    day, plc, tag = timedelta(days=1), "10.0.0.7", "TAG7"
    deep = EventQuery(plc=plc, before=(middle, 10**12))
    asked: List[Tuple[str, Callable[[], Any]]] = [
        ("last 200 of a PLC", lambda: reader.events(EventQuery(plc=plc))),
        ("last 200 of all", lambda: reader.events(EventQuery())),
        ("200 of a PLC, half way down", lambda: reader.events(deep)),
        ("open ones", lambda: reader.events(EventQuery(is_open=True, limit=1000))),
        ("one tag, overlapping a day", lambda: reader.overlapping(middle, middle + day, plc, [tag])),
        ("one PLC, overlapping a day", lambda: reader.overlapping(middle, middle + day, plc)),
        ("month of run hours by day", lambda: reader.run_hours(plc, tag, middle, middle + 30 * day, "day", UTC)),
        ("memory of a PLC", lambda: reader.memory(plc)),
    ]
    rows = []
    for name, ask in asked:
        found = []
        for _ in range(15):
            started = time.perf_counter()
            result = ask()
            found.append((time.perf_counter() - started) * 1000)
        size = len(result) if isinstance(result, list) else len(result.states)
        rows.append((name, f"{size:,}", f"{statistics.median(found):.2f}", f"{max(found):.2f}"))
    print_table((f"{events:,} events", "rows", "median ms", "longest ms"), rows)


def make_events(path: str, events: int) -> None:
    """A year and more of 1,000 tags on 20 PLCs, written directly; the newest event of each tag is open."""
    with closing(connect_writer(path)) as connection:
        create_schema(connection)
        connection.execute("PRAGMA synchronous=OFF")
        rows: Iterator[Tuple[Any, ...]] = (event_row(i, is_open=i >= events - PLCS * TAGS) for i in range(events))
        for chunk in iter(lambda: list(islice(rows, 100_000)), []):
            connection.execute("BEGIN")
            connection.executemany(INSERT, chunk)
            connection.execute("COMMIT")
        add_missing_tags(connection)
        optimize(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def event_row(number: int, is_open: bool = False) -> Tuple[Any, ...]:
    """The n-th event: every tag in turn, each TRUE for some minutes, an hour apart."""
    turn, tag = divmod(number, PLCS * TAGS)
    start_utc = T0 + timedelta(seconds=turn * 3600 + tag * 3.517)
    end_utc = start_utc + timedelta(seconds=300 + (number * 7919) % 3000)
    start_ts, end_ts = to_text(start_utc), None if is_open else to_text(end_utc)
    names = (f"10.0.0.{tag % PLCS}", f"Plant {tag % PLCS}", f"TAG{tag // PLCS}", f"Pump {tag // PLCS}")
    end = (None, None) if is_open else (to_text(end_utc - timedelta(seconds=1)), "sampled")
    start = (to_text(start_utc - timedelta(seconds=1)), "sampled")
    added = (number + 1, None, None, None)
    return (*names, start_ts, end_ts, start_ts, f"{number:032x}", *start, *end, 0, 0.0, "", *added)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, help="only the queries, on this many events")
    parser.add_argument("--file", help="keep or use this database for the queries")
    arguments = parser.parse_args()
    if arguments.events is None:
        run(quick=False)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            measure_queries(arguments.file or os.path.join(scratch, "many.sqlite3"), arguments.events)
