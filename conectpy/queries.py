"""Reading events: lists by keyset, the timeline's overlaps, run hours. Read-only connections; never commits.

The forms of the queries are measured ones (documentation.md): an event that overlaps a stretch of time either starts
inside it, or is the last one of its tag that started before (promise E3 makes that right).
"""

from __future__ import annotations

import heapq
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timezone, tzinfo
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from .errors import StoreError
from .models import COMM_TAG, Event, LastState, PlcMemory
from .run_hours import Bucket, Run, split, sum_runs
from .storage.database import COLUMNS, DAMAGE, connect_reader, describe
from .timestamps import from_text, to_text, utc_now

Key = Tuple[str, str]

MAX_LIMIT = 10_000
SELECT = f"SELECT {', '.join(COLUMNS)} FROM events"
RUNS_SQL = """
SELECT start_ts, end_ts, start_earliest_ts, end_earliest_ts, start_quality, gap_s FROM events INDEXED BY events_by_tag
WHERE plc_ip = ? AND tag = ? AND start_ts >= ? AND start_ts < ?"""
KNOWN_SQL = """
SELECT t.tag, t.value, COALESCE(t.good_ts, p.good_ts), t.last_ts FROM tags t LEFT JOIN plcs p USING (plc_ip)
WHERE t.plc_ip = ?"""
OPEN_SQL = "SELECT tag, start_ts FROM events INDEXED BY events_open WHERE plc_ip = ? AND end_ts IS NULL"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class EventQuery:
    """Which events. None: no matter which.

    plc         address, or name, of the PLC
    from_utc, to_utc  events that were TRUE at some time in [from, to)
    text        part of the tag's name or label, upper and lower case alike
    min_duration_s  events at least this long; open ones count up to now
    quality     `start_quality` or `end_quality`
    before      events that come after this (start, id) in the order of the list: newest start first, then highest id
    """

    plc: Optional[str] = None
    tag: Optional[str] = None
    is_open: Optional[bool] = None
    from_utc: Optional[datetime] = None
    to_utc: Optional[datetime] = None
    text: Optional[str] = None
    min_duration_s: Optional[float] = None
    quality: Optional[str] = None
    before: Optional[Tuple[datetime, int]] = None
    limit: int = 200


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
        self._names = dict(names or {})
        self._open_connection = open_connection

    # -- lists ---------------------------------------------------------------------------------------------------------

    def events(self, query: EventQuery) -> List[Event]:
        """The newest events that match, at most `query.limit` of them; (start, id) falls from one to the next."""
        return list(self.iterate(query))

    def iterate(self, query: EventQuery, limit: Optional[int] = None) -> Iterator[Event]:
        """The same one by one, without holding them; `limit` 0 means all. Close the iterator to free its connection."""
        limit = query.limit if limit is None else limit
        with closing(self._connect()) as connection:
            try:
                for count, row in enumerate(_select(connection, self._find_sources(connection, query), query), 1):
                    yield to_event(row)
                    if count == limit:
                        return
            except DAMAGE as exc:
                raise self._translate(exc) from exc

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
        return to_event(rows[0]) if rows else None

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
                outages = []
                if any(run.gap_s for run in runs):
                    comm = _select_runs(connection, addresses, COMM_TAG, from_utc, to_utc)
                    outages = [(one.start_earliest_s or one.start_s, one.end_s or now_utc.timestamp()) for one in comm]
                known = [_known_until(connection, address, tag) for address in addresses]
            except DAMAGE as exc:
                raise self._translate(exc) from exc
        known_until_s = max((at for at in known if at is not None), default=None)
        return sum_runs(runs, days, edges, now_utc.timestamp(), known_until_s, sorted(outages))

    # -- what the collector goes on from -------------------------------------------------------------------------------

    def memory(self, plc: str) -> PlcMemory:
        """The last known states of a PLC (by address) and its open events (promise E9)."""
        with closing(self._connect()) as connection:
            try:
                connection.execute("BEGIN")  # all from one moment
                known = connection.execute(KNOWN_SQL, (plc,)).fetchall()
                opened = connection.execute(OPEN_SQL, (plc,)).fetchall()
            except DAMAGE as exc:
                raise self._translate(exc) from exc
        states = {}
        for tag, value, good_ts, last_ts in known:
            moments = [at for at in (_moment(good_ts), _moment(last_ts)) if at is not None]
            if value is not None and moments:
                states[str(tag)] = LastState(bool(value), max(moments))
        open_since = {str(tag): _moment(start_ts) or EPOCH for tag, start_ts in opened}
        for tag, since_utc in open_since.items():
            if tag not in states or not states[tag].value:
                states[tag] = LastState(True, since_utc)
        return PlcMemory(states, open_since)

    def open_tags(self) -> Set[Key]:
        """(PLC address, tag) of all open events."""
        rows = self._rows("SELECT plc_ip, tag FROM events INDEXED BY events_open WHERE end_ts IS NULL")
        return {(str(plc), str(tag)) for plc, tag in rows}

    # -- connections ---------------------------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        try:
            return self._open_connection(self.path)
        except DAMAGE as exc:
            raise self._translate(exc) from exc

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> List[Tuple[Any, ...]]:
        with closing(self._connect()) as connection:
            try:
                return connection.execute(sql, values).fetchall()
            except DAMAGE as exc:
                raise self._translate(exc) from exc

    def _translate(self, exc: Exception) -> StoreError:
        return StoreError(f"{self.path}: cannot be read: {describe(exc)}")

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


# -- the statements ----------------------------------------------------------------------------------------------------


def _select(
    connection: sqlite3.Connection, sources: Sequence[Tuple[Optional[str], Optional[str]]], query: EventQuery
) -> Iterator[Tuple[Any, ...]]:
    _add_functions(connection, query)
    inside = [connection.execute(*list_sql(plc, tag, query)) for plc, tag in sources]
    yield from inside[0] if len(inside) == 1 else heapq.merge(*inside, key=_list_order, reverse=True)
    if query.from_utc is not None:
        carried = [row for plc, tag in sources for row in connection.execute(*carried_sql(plc, tag, query))]
        yield from sorted(carried, key=_list_order, reverse=True)


def _list_order(row: Tuple[Any, ...]) -> Tuple[str, int]:
    return row[5], row[0]


def list_sql(plc: Optional[str], tag: Optional[str], query: EventQuery) -> Tuple[str, List[Any]]:
    """The events that start in the stretch asked for, in the order of the index; and the values to bind."""
    where, values = _filters(plc, tag, query)
    if query.from_utc is not None:
        where.append("start_ts >= ?")
        values.append(to_text(query.from_utc))
    return f"{SELECT} INDEXED BY {_index(plc, tag, query)}{_where(where)} ORDER BY start_ts DESC, id DESC", values


def _index(plc: Optional[str], tag: Optional[str], query: EventQuery) -> str:
    """Named, because the planner's guess depends on statistics, and a wrong one costs seconds among millions."""
    if query.is_open:
        return "events_open"
    return "events_by_start" if plc is None else "events_by_plc" if tag is None else "events_by_tag"


def carried_sql(plc: Optional[str], tag: Optional[str], query: EventQuery) -> Tuple[str, List[Any]]:
    """The events that started before the stretch and reach into it: per tag the last one that started before."""
    assert query.from_utc is not None
    from_ts = to_text(query.from_utc)
    where, values = _filters(plc, tag, query)
    of_tag = "".join(f" AND t.{column} = ?" for column, value in (("plc_ip", plc), ("tag", tag)) if value is not None)
    tag_values = [value for value in (plc, tag) if value is not None]
    every = "SELECT id FROM events WHERE plc_ip = t.plc_ip AND tag = t.tag AND start_ts < ?"
    last = f"{every} ORDER BY start_ts DESC, id DESC LIMIT 1"
    every += " AND (end_ts IS NULL OR end_ts > ?)"
    where.append("(end_ts IS NULL OR end_ts > ?)")
    where.append(
        f"id IN (SELECT ({last}) FROM tags t WHERE t.has_overlaps = 0{of_tag}"
        f" UNION ALL SELECT e.id FROM tags t JOIN events e ON e.id IN ({every}) WHERE t.has_overlaps = 1{of_tag})"
    )
    values += [from_ts, from_ts, *tag_values, from_ts, from_ts, *tag_values]
    return f"{SELECT}{_where(where)}", values


def _filters(plc: Optional[str], tag: Optional[str], query: EventQuery) -> Tuple[List[str], List[Any]]:
    where: List[str] = []
    values: List[Any] = []
    for column, value in (("plc_ip", plc), ("tag", tag)):
        if value is not None:
            where.append(f"{column} = ?")
            values.append(value)
    if query.is_open is not None:
        where.append("end_ts IS NULL" if query.is_open else "end_ts IS NOT NULL")
    if query.to_utc is not None:
        where.append("start_ts < ?")
        values.append(to_text(query.to_utc))
    if query.before is not None:
        before_ts = to_text(query.before[0])
        where.append("start_ts <= ? AND (start_ts < ? OR id < ?)")
        values += [before_ts, before_ts, query.before[1]]
    if query.quality is not None:
        where.append("(start_quality = ? OR end_quality = ?)")
        values += [query.quality, query.quality]
    if query.text:
        where.append("has_text(tag, tag_label)")
    if query.min_duration_s:
        where.append("is_long(start_ts, end_ts)")
    return where, values


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _add_functions(connection: sqlite3.Connection, query: EventQuery) -> None:
    """Conditions that SQL cannot say: letters with accents are folded too, durations count to the millisecond."""
    if query.text:
        wanted = query.text.casefold()
        known: Dict[Tuple[Any, Any], bool] = {}

        def has_text(tag: Any, label: Any) -> bool:
            if (tag, label) not in known:
                known[tag, label] = wanted in str(tag).casefold() or wanted in str(label).casefold()
            return known[tag, label]

        connection.create_function("has_text", 2, has_text, deterministic=True)
    if query.min_duration_s:
        shortest_s, now_utc = query.min_duration_s, utc_now()

        def is_long(start_ts: Any, end_ts: Any) -> bool:
            start_utc, end_utc = _moment(start_ts), _moment(end_ts) if end_ts else now_utc
            return start_utc is not None and end_utc is not None and (end_utc - start_utc).total_seconds() >= shortest_s

        connection.create_function("is_long", 2, is_long, deterministic=True)


def _select_runs(
    connection: sqlite3.Connection, addresses: Sequence[str], tag: str, from_utc: datetime, to_utc: datetime
) -> List[Run]:
    query = EventQuery(tag=tag, from_utc=from_utc, to_utc=to_utc)
    runs: List[Optional[Run]] = []
    for address in addresses:
        runs += map(_to_run, connection.execute(RUNS_SQL, (address, tag, to_text(from_utc), to_text(to_utc))))
        carried = connection.execute(*carried_sql(address, tag, query))
        runs += [_to_run((row[5], row[6], row[9], row[11], row[10], row[14])) for row in carried]
    return [run for run in runs if run is not None]


def _to_run(row: Sequence[Any]) -> Optional[Run]:
    start_ts, end_ts, start_earliest_ts, end_earliest_ts, quality, gap_s = row
    start_s = _seconds(start_ts)
    if start_s is None:
        return None
    end_s = None if end_ts is None else _seconds(end_ts) or start_s
    is_start_seen = quality != "at_connect"
    return Run(
        start_s, end_s, _seconds(start_earliest_ts), _seconds(end_earliest_ts), is_start_seen, _number(gap_s, float)
    )


def _seconds(text: Any) -> Optional[float]:
    moment_utc = _moment(text)
    return None if moment_utc is None else moment_utc.timestamp()


def _known_until(connection: sqlite3.Connection, address: str, tag: str) -> Optional[float]:
    """When the tag was last read well."""
    sql = (
        "SELECT COALESCE(t.good_ts, p.good_ts) FROM tags t LEFT JOIN plcs p USING (plc_ip) WHERE plc_ip = ? AND tag = ?"
    )
    row = connection.execute(sql, (address, tag)).fetchone()
    return _seconds(row[0]) if row else None


# -- rows --------------------------------------------------------------------------------------------------------------


def to_event(row: Sequence[Any]) -> Event:
    """A row of COLUMNS as an event. Never fails: a damaged time becomes the best one at hand."""
    created_utc = _moment(row[7])
    start_utc = _moment(row[5]) or created_utc or EPOCH
    end_utc = None if row[6] is None else _moment(row[6]) or start_utc
    return Event(
        id=int(row[0]),
        uid=str(row[8] or ""),
        plc_ip=str(row[1]),
        plc_name=str(row[2]),
        tag=str(row[3]),
        tag_label=str(row[4]),
        start_utc=start_utc,
        end_utc=end_utc,
        created_utc=created_utc or start_utc,
        start_earliest_utc=_moment(row[9]),
        start_quality=str(row[10]),
        end_earliest_utc=_moment(row[11]),
        end_quality=None if row[12] is None else str(row[12]),
        gap_count=_number(row[13], int),
        gap_s=_number(row[14], float),
        flags=tuple(flag for flag in str(row[15] or "").split(",") if flag),
    )


def _moment(text: Any) -> Optional[datetime]:
    if not isinstance(text, str):
        return None
    try:
        return from_text(text)
    except (ValueError, OverflowError):
        return None


def _number(value: Any, kind: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        return kind(0)
