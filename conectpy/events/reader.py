"""Reading events: lists by keyset, the timeline's overlaps, run hours. Read-only connections; never commits."""

from __future__ import annotations

import heapq
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any, Callable, Dict, Generator, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ..errors import StoreError
from ..models import COLLECTOR_TAG, COMM_TAG, Event, Gap, LastState, PlcMemory
from ..texts.catalogue import say
from ..timestamps import EPOCH_UTC, UTC, to_moment, to_text, utc_now
from .columns import StoredEvent
from .database import DAMAGE, connect_reader, describe
from .entries import Key
from .event_sql import (
    KNOWN_SQL,
    OPEN_SQL,
    RUNS_SQL,
    SELECT,
    EventQuery,
    StoredRun,
    add_functions,
    carried_sql,
    list_sql,
    to_duration_s,
    to_event,
    to_number,
    to_stored_run,
)
from .marks import read_marks
from .run_hours import FRESH_S, Bucket, Run, split, sum_runs
from .unseen import Stretch, merge, select_gaps, select_known_until, select_since

__all__ = ["EventQuery", "EventReader"]

MAX_LIMIT = 10_000
PAGE_ROWS = 500
STEPS_PER_LOOK = 20_000


class EventReader:
    """Reads an event database; any thread. Each call has a connection of its own and sees one consistent state.

    Raises StoreError when the file cannot be read now.
    """

    def __init__(
        self,
        path: str,
        names: Optional[Mapping[str, str]] = None,
        open_connection: Callable[[str], sqlite3.Connection] = connect_reader,
    ) -> None:
        self.path = path
        self._names: Mapping[str, str] = {} if names is None else names
        self._open_connection = open_connection
        self._is_over: Optional[Callable[[], bool]] = None

    def until(self, is_over: Optional[Callable[[], bool]]) -> EventReader:
        """A reader of the same whose queries end with a StoreError once `is_over` says so; it is asked every few ms."""
        reader = EventReader(self.path, self._names, self._open_connection)
        reader._is_over = is_over
        return reader

    # -- lists ---------------------------------------------------------------------------------------------------------

    def events(self, query: EventQuery) -> List[Event]:
        """The newest events that match, at most `query.limit` of them; (start, id) falls from one to the next."""
        with closing(self._connect()) as connection:
            try:
                # Python 3.8 crashes when a connection with functions of ours is closed under cursors in use
                with closing(_select(connection, self._find_sources(connection, query), query)) as rows:
                    return [to_event(row) for row in islice(rows, max(0, query.limit))]
            except DAMAGE as exc:
                raise self._translate(exc) from exc

    def iterate(self, query: EventQuery, limit: Optional[int] = None) -> Iterator[Event]:
        """The same one by one, without holding them all; `limit` 0 means every one.

        Read page by page: a slow taker must not hold a transaction open, behind which the write-ahead log would grow.
        """
        rest = query.limit if limit is None else limit or sys.maxsize
        while rest > 0:
            page = self.events(replace(query, limit=min(rest, PAGE_ROWS)))
            yield from page
            rest -= len(page)
            before = (page[-1].start_utc, page[-1].id) if page else None
            if len(page) < PAGE_ROWS or before is None or (query.before is not None and before >= query.before):
                return
            query = replace(query, before=before)

    def overlapping(
        self,
        from_utc: datetime,
        to_utc: datetime,
        plc: Optional[str] = None,
        tags: Optional[Sequence[str]] = None,
        limit: int = MAX_LIMIT,
    ) -> List[Event]:
        """The events that were TRUE at some time in [from, to), oldest first; of too many the newest `limit`.

        `plc` None: all PLCs; `tags` None: all tags.
        """
        query = EventQuery(plc=plc, from_utc=from_utc, to_utc=to_utc, limit=limit)
        if tags is None:
            found = self.events(query)
        else:
            found = [event for tag in tags for event in self.events(replace(query, tag=tag))]
        found.sort(key=lambda event: (event.start_utc, event.id))
        return found[-limit:]

    def event(self, event_id: int) -> Optional[Event]:
        """One event by its id; None when there is none."""
        if not 0 < event_id < 2**63:
            return None
        rows = self._rows(f"{SELECT} WHERE id = ?", (event_id,))
        return to_event(StoredEvent._make(rows[0])) if rows else None

    # -- run hours -----------------------------------------------------------------------------------------------------

    def run_hours(
        self, plc: str, tag: str, from_utc: datetime, to_utc: datetime, by: str, zone: tzinfo
    ) -> List[Bucket]:
        """How often and how long a tag was TRUE per `day`, `week` or `month` of `zone`, in [from, to).

        Raises ValueError, with a text for people, for bounds and periods that make no sense.
        """
        now_utc = utc_now()
        days, edges = split(from_utc, to_utc, by, zone)
        with closing(self._connect()) as connection:
            try:
                addresses = self._find_addresses(connection, plc)
                runs = _select_runs(connection, addresses, tag, from_utc, to_utc)
                outages = _stretches(connection, addresses, COMM_TAG, from_utc, to_utc, now_utc)
                known_until_s = _known_until(connection, addresses, tag)
                unseen = _stretches(connection, [""], COLLECTOR_TAG, from_utc, to_utc, now_utc)
                since = [at for at in (select_since(connection, address) for address in addresses) if at is not None]
                unseen.append((edges[0], min(since, default=now_utc.timestamp())))
                if tag != COMM_TAG:
                    unseen += outages
                    unseen += _select_tag_gaps(connection, addresses, tag, from_utc, to_utc)
            except DAMAGE as exc:
                raise self._translate(exc) from exc
        now_s = now_utc.timestamp()
        if known_until_s is not None and now_s - known_until_s > FRESH_S:
            unseen.append((known_until_s, now_s))
        return sum_runs(runs, days, edges, now_s, known_until_s, outages, merge(unseen))

    # -- what nobody saw (E19) -----------------------------------------------------------------------------------------

    def gaps(self, plc: str, from_utc: datetime, to_utc: datetime, limit: int = MAX_LIMIT) -> List[Gap]:
        """The gaps of single tags of a PLC (by address) that touch [from, to), oldest first; the newest `limit`."""
        with closing(self._connect()) as connection:
            try:
                return select_gaps(connection, plc, None, to_text(from_utc), to_text(to_utc), limit)[::-1]
            except DAMAGE as exc:
                raise self._translate(exc) from exc

    def recorded_since(self, plc: str) -> Optional[datetime]:
        """When anything was first recorded of a PLC (by address); None: never."""
        with closing(self._connect()) as connection:
            try:
                since_s = select_since(connection, plc)
            except DAMAGE as exc:
                raise self._translate(exc) from exc
        return None if since_s is None else datetime.fromtimestamp(since_s, UTC)

    def known_until(self, plc: str) -> Dict[str, datetime]:
        """When each tag of a PLC (by address) was last read well, as far as it is known; at most 5 s behind."""
        known = {str(tag): to_moment(good_ts) for tag, _value, good_ts, _last_ts in self._rows(KNOWN_SQL, (plc,))}
        return {tag: moment for tag, moment in known.items() if moment is not None}

    # -- what the collector goes on from -------------------------------------------------------------------------------

    def memory(self, plc: str) -> PlcMemory:
        """The last known states of a PLC (by address) and its open events (promise E9)."""
        with closing(self._connect()) as connection:
            try:
                connection.execute("BEGIN")  # all from one moment
                known = connection.execute(KNOWN_SQL, (plc,)).fetchall()
                opened = connection.execute(OPEN_SQL, (plc,)).fetchall()
                marks = read_marks(connection)
            except DAMAGE as exc:
                raise self._translate(exc) from exc
        states = {}
        for tag, value, good_ts, last_ts in known:
            moments = [at for at in (to_moment(good_ts), to_moment(last_ts)) if at is not None]
            if value is not None and moments:
                states[str(tag)] = LastState(bool(value), max(moments))
        open_since = {str(tag): to_moment(start_ts) or EPOCH_UTC for tag, start_ts in opened}
        for tag, since_utc in open_since.items():
            if tag not in states or not states[tag].value:
                states[tag] = LastState(True, since_utc)
        return PlcMemory(states, open_since, marks.get(plc), marks.get(""))

    def open_tags(self) -> Set[Key]:
        """(PLC address, tag) of all open events."""
        rows = self._rows("SELECT plc_ip, tag FROM events INDEXED BY events_open WHERE end_ts IS NULL")
        return {(str(plc), str(tag)) for plc, tag in rows}

    # -- connections ---------------------------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = self._open_connection(self.path)
        except DAMAGE as exc:
            raise self._translate(exc) from exc
        if self._is_over is not None:
            connection.set_progress_handler(self._is_over, STEPS_PER_LOOK)
        return connection

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> List[Tuple[Any, ...]]:
        with closing(self._connect()) as connection:
            try:
                return connection.execute(sql, values).fetchall()
            except DAMAGE as exc:
                raise self._translate(exc) from exc

    def _translate(self, exc: Exception) -> StoreError:
        return StoreError(say("store.no_read", path=self.path, fault=describe(exc)))

    def _find_sources(
        self, connection: sqlite3.Connection, query: EventQuery
    ) -> List[Tuple[Optional[str], Optional[str]]]:
        """The (plc, tag) pairs whose lists, merged, are the answer: each has an index that gives them in order."""
        if query.plc is not None:
            return [(address, query.tag) for address in self._find_addresses(connection, query.plc)]
        if query.tag is not None:
            rows = connection.execute("SELECT plc_ip FROM tags WHERE tag = ? ORDER BY plc_ip", (query.tag,))
            return [(str(row[0]), query.tag) for row in rows.fetchall()]
        return [(None, None)]

    def _find_addresses(self, connection: sqlite3.Connection, plc: str) -> List[str]:
        """A PLC is asked for by its address or by its name; one that moved has its events under several addresses."""
        found = {address for address, name in self._names.items() if plc in (address, name)}
        rows = connection.execute("SELECT plc_ip FROM plcs WHERE plc_ip = ?1 OR plc_name = ?1", (plc,))
        found.update(str(row[0]) for row in rows)
        return sorted(found | {plc})


def _select(
    connection: sqlite3.Connection, sources: Sequence[Tuple[Optional[str], Optional[str]]], query: EventQuery
) -> Generator[StoredEvent, None, None]:
    add_functions(connection, query)
    inside = [connection.execute(*list_sql(plc, tag, query)) for plc, tag in sources]
    try:
        lists = [map(StoredEvent._make, cursor) for cursor in inside]
        yield from lists[0] if len(lists) == 1 else heapq.merge(*lists, key=_list_order, reverse=True)
    finally:
        for cursor in inside:
            cursor.close()
    if query.from_utc is not None:
        carried = [row for plc, tag in sources for row in _select_carried(connection, plc, tag, query)]
        yield from sorted(carried, key=_list_order, reverse=True)


def _select_carried(
    connection: sqlite3.Connection, plc: Optional[str], tag: Optional[str], query: EventQuery
) -> Iterator[StoredEvent]:
    return map(StoredEvent._make, connection.execute(*carried_sql(plc, tag, query)))


def _list_order(row: StoredEvent) -> Tuple[str, int]:
    return row.start_ts, row.id


def _select_runs(
    connection: sqlite3.Connection, addresses: Sequence[str], tag: str, from_utc: datetime, to_utc: datetime
) -> List[Run]:
    query = EventQuery(tag=tag, from_utc=from_utc, to_utc=to_utc)
    found: List[StoredRun] = []
    for address in addresses:
        values = (address, tag, to_text(from_utc), to_text(to_utc))
        found += map(StoredRun._make, connection.execute(RUNS_SQL, values))
        found += map(to_stored_run, _select_carried(connection, address, tag, query))
    return [run for run in map(_to_run, found) if run is not None]


def _to_run(row: StoredRun) -> Optional[Run]:
    start_s = _seconds(row.start_ts)
    if start_s is None:
        return None
    return Run(
        start_s,
        end_s=None if row.end_ts is None else _seconds(row.end_ts) or start_s,
        start_earliest_s=_seconds(row.start_earliest_ts),
        end_earliest_s=_seconds(row.end_earliest_ts),
        is_start_seen=row.start_quality != "at_connect",
        gap_s=to_number(row.gap_s, float),
        duration_s=to_duration_s(row.duration_s),
    )


def _seconds(text: Any) -> Optional[float]:
    moment_utc = to_moment(text)
    return None if moment_utc is None else moment_utc.timestamp()


def _known_until(connection: sqlite3.Connection, addresses: Sequence[str], tag: str) -> Optional[float]:
    """When the tag was last read well; an outage is known while the program lives."""
    if tag == COMM_TAG:
        alive = read_marks(connection).get("")
        return None if alive is None else alive.at_utc.timestamp()
    known = (select_known_until(connection, address, tag) for address in addresses)
    return max((at for at in known if at is not None), default=None)


def _stretches(
    connection: sqlite3.Connection,
    addresses: Sequence[str],
    tag: str,
    from_utc: datetime,
    to_utc: datetime,
    now_utc: datetime,
) -> List[Stretch]:
    """The events of a tag that say that nobody saw others, from the last that was seen; open ones end now."""
    runs = _select_runs(connection, addresses, tag, from_utc, to_utc)
    now_s = now_utc.timestamp()
    return sorted((run.start_earliest_s or run.start_s, now_s if run.end_s is None else run.end_s) for run in runs)


def _select_tag_gaps(
    connection: sqlite3.Connection, addresses: Sequence[str], tag: str, from_utc: datetime, to_utc: datetime
) -> List[Stretch]:
    bounds = (to_text(from_utc), to_text(to_utc), MAX_LIMIT)
    found = [gap for address in addresses for gap in select_gaps(connection, address, tag, *bounds)]
    return [(gap.from_utc.timestamp(), gap.to_utc.timestamp()) for gap in found]
