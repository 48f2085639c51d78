"""Transitions -> rows. One batch is one transaction: all of it is stored, or nothing (promises E1 to E3).

Several changes of one tag within a batch become one row or one update, so a batch costs what it changes and not how
often. What is open is mirrored in memory; the mirror changes only after a commit.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from datetime import datetime, timedelta
from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..models import Transition
from ..timestamps import from_text, to_text, utc_now
from .database import roll_back
from .entries import Doubt, Entry, Key, Loss, Note

log = logging.getLogger(__name__)

UNKNOWN_AFTER = ("removed", "tag_lost")
"""Ends that do not say that the state was FALSE."""

INSERT = """
INSERT INTO events (plc_ip, plc_name, tag, tag_label, start_ts, end_ts, created_at, uid, start_earliest_ts,
                    start_quality, end_earliest_ts, end_quality, gap_count, gap_s, flags)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

UPDATE = """
UPDATE events SET end_ts = ?, end_earliest_ts = ?, end_quality = ?, gap_count = ?, gap_s = ?, flags = ?
WHERE plc_ip = ? AND tag = ? AND end_ts IS NULL"""

UPSERT_TAG = """
INSERT INTO tags (plc_ip, tag, value, good_ts, last_ts, has_overlaps) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (plc_ip, tag) DO UPDATE SET value = excluded.value, good_ts = excluded.good_ts,
    last_ts = COALESCE(excluded.last_ts, last_ts), has_overlaps = MAX(has_overlaps, excluded.has_overlaps)"""

UPSERT_PLC = """
INSERT INTO plcs (plc_ip, plc_name, good_ts) VALUES (?, ?, ?)
ON CONFLICT (plc_ip) DO UPDATE SET plc_name = excluded.plc_name, good_ts = COALESCE(excluded.good_ts, good_ts)"""

INSERT_LOSS = "INSERT INTO losses (plc_ip, first_ts, last_ts, lost_count, reason, created_at) VALUES (?, ?, ?, ?, ?, ?)"

SELECT_OPEN = """
SELECT plc_ip, tag, start_ts, gap_count, gap_s, flags, plc_name, tag_label, created_at, uid, start_earliest_ts,
       start_quality FROM events WHERE end_ts IS NULL"""

SELECT_LAST_END = "SELECT end_ts FROM events WHERE plc_ip = ? AND tag = ? ORDER BY start_ts DESC, id DESC LIMIT 1"


FIND_TAGS = """
WITH RECURSIVE found (plc_ip, tag) AS (
    SELECT plc_ip, tag FROM (SELECT plc_ip, tag FROM events ORDER BY plc_ip, tag LIMIT 1)
    UNION ALL
    SELECT e.plc_ip, e.tag FROM found f JOIN events e ON e.id = COALESCE(
        (SELECT id FROM events WHERE plc_ip = f.plc_ip AND tag > f.tag ORDER BY tag LIMIT 1),
        (SELECT id FROM events WHERE plc_ip > f.plc_ip ORDER BY plc_ip, tag LIMIT 1)))
SELECT plc_ip, tag FROM found"""


class OpenEvent(NamedTuple):
    """A row that has no end yet."""

    plc: str
    tag: str
    start_ts: str
    gap_count: int
    gap_s: float
    flags: FrozenSet[str]
    plc_name: str
    tag_label: str
    created_at: str
    uid: str
    start_earliest_ts: Optional[str]
    start_quality: str


class _State(NamedTuple):
    value: Optional[int]
    good_ts: Optional[str]
    last_ts: Optional[str]


class _End(NamedTuple):
    """How an event ends: the three columns. All None: it goes on."""

    ts: Optional[str] = None
    earliest_ts: Optional[str] = None
    quality: Optional[str] = None


class _Plan:
    """What one transaction will write."""

    def __init__(self, doubtful: FrozenSet[Key]) -> None:
        self.doubtful: Set[Key] = set(doubtful)
        self.now_ts = to_text(utc_now())
        self.new_uids: Set[str] = set()
        self.texts: Dict[datetime, str] = {}
        self.open: Dict[Key, Optional[OpenEvent]] = {}
        self.inserts: List[Tuple[OpenEvent, _End]] = []
        self.updates: Dict[str, Tuple[OpenEvent, _End]] = {}
        self.states: Dict[Key, _State] = {}
        self.plcs: Dict[str, Optional[str]] = {}
        self.last_ends: Dict[Key, str] = {}
        self.overlaps: Set[Key] = set()
        self.losses: List[Loss] = []
        self.refused: List[str] = []

    def text(self, moment_utc: datetime) -> str:
        """`to_text`, once per moment: the transitions of a scan share theirs."""
        text = self.texts.get(moment_utc)
        if text is None:
            text = self.texts[moment_utc] = to_text(moment_utc)
        return text

    def ceil_text(self, moment_utc: datetime) -> str:
        """`ceil_text`, once per moment."""
        return self.text(moment_utc) if moment_utc.microsecond % 1000 == 0 else ceil_text(moment_utc)


class Known(NamedTuple):
    """What would be missing in a new file that takes the place of a lost one."""

    open_events: Tuple[OpenEvent, ...]
    states: Mapping[Key, _State]
    plcs: Mapping[str, Optional[str]]


class Ledger:
    """The writing side of one connection. Used by one thread at a time; `refused_count` may be read by any."""

    def __init__(self, connection: sqlite3.Connection, names: Mapping[str, str], labels: Mapping[Key, str]) -> None:
        self._connection = connection
        self._names = names
        self._labels = labels
        self._last_ends: Dict[Key, str] = {}
        self._states: Dict[Key, _State] = {}
        self._plcs: Dict[str, Optional[str]] = {}
        self.open_events: Dict[Key, OpenEvent] = {}
        self._doubtful: FrozenSet[Key] = frozenset()
        self.refused_count = 0
        self.reload()

    def reload(self) -> None:
        """Read again what is open, after something else changed the file."""
        rows = [_open_event(row) for row in self._connection.execute(SELECT_OPEN)]
        self.open_events = {(row.plc, row.tag): row for row in rows}
        tags = self._connection.execute("SELECT plc_ip, tag, value, good_ts, last_ts FROM tags")
        self._states = {(row[0], row[1]): _State(*row[2:]) for row in tags}
        self._plcs = dict(self._connection.execute("SELECT plc_ip, good_ts FROM plcs").fetchall())
        self._last_ends.clear()

    def known(self) -> Known:
        """The open events and last known states."""
        return Known(tuple(self.open_events.values()), dict(self._states), dict(self._plcs))

    def restore(self, known: Known) -> None:
        """Put them into a new file. Raises sqlite3.Error."""
        plan = _Plan(self._doubtful)
        plan.open.update({(event.plc, event.tag): event for event in known.open_events})
        plan.new_uids.update(event.uid for event in known.open_events)
        plan.states.update(known.states)
        plan.plcs.update(known.plcs)
        self._write(plan)
        self._adopt(plan)

    def apply(self, entries: Sequence[Entry]) -> None:
        """Store the entries in their order, in one transaction.

        On sqlite3.Error nothing of them is stored, and they can be applied again.
        """
        plan = _Plan(self._doubtful)
        for entry in entries:
            if isinstance(entry, Note):
                self._plan_note(plan, entry)
            elif isinstance(entry, Loss):
                plan.losses.append(entry)
            elif isinstance(entry, Doubt):
                plan.doubtful |= entry.tags
            else:
                for transition in entry:
                    self._plan_transition(plan, transition)
        self._write(plan)
        self._adopt(plan)

    # -- planning ------------------------------------------------------------------------------------------------------

    def _plan_transition(self, plan: _Plan, transition: Transition) -> None:
        key = (transition.plc, transition.tag)
        current = self._current(plan, key)
        if transition.kind == "open":
            if current is not None and not self._mend_open(plan, key, current, transition):
                plan.refused.append(f"{key}: already has an open event, since {current.start_ts}")
                return
            self._plan_open(plan, key, transition)
        elif current is None:
            plan.refused.append(f"{key}: has no open event to {transition.kind}")
            return
        else:
            self._plan_change(plan, key, current, transition)
        if transition.quality in UNKNOWN_AFTER:
            plan.states[key] = _State(None, None, None)
        elif transition.sent_utc is not None or transition.kind != "amend":
            sent_ts = plan.text(transition.sent_utc or transition.ts_utc)
            plan.states[key] = _State(int(transition.kind != "close"), sent_ts, sent_ts)

    def _plan_open(self, plan: _Plan, key: Key, transition: Transition) -> None:
        start_ts, flags = plan.ceil_text(transition.ts_utc), transition.flags
        if start_ts < self._last_end(plan, key):  # the wall clock was set back since: no order to rely on
            plan.overlaps.add(key)
            flags = flags | {"clock_step"}
        earliest_ts = None if transition.earliest_utc is None else min(plan.text(transition.earliest_utc), start_ts)
        event = OpenEvent(
            plc=transition.plc,
            tag=transition.tag,
            start_ts=start_ts,
            gap_count=transition.gap_count,
            gap_s=transition.gap_s,
            flags=flags,
            plc_name=self._names.get(transition.plc, transition.plc),
            tag_label=self._labels.get(key, transition.tag),
            created_at=plan.now_ts,
            uid=new_uid(),
            start_earliest_ts=earliest_ts,
            start_quality=transition.quality,
        )
        plan.open[key] = event
        plan.new_uids.add(event.uid)
        plan.plcs.setdefault(transition.plc, None)

    def _plan_change(self, plan: _Plan, key: Key, current: OpenEvent, transition: Transition) -> None:
        flags, end = current.flags | transition.flags, _End()
        if transition.kind == "close":
            end_ts = plan.ceil_text(transition.ts_utc)
            if end_ts < current.start_ts:  # no duration is ever negative (promise E15)
                end_ts, flags = current.start_ts, flags | {"clock_step"}
            earliest_ts = None if transition.earliest_utc is None else min(plan.text(transition.earliest_utc), end_ts)
            end = _End(end_ts, earliest_ts, transition.quality)
        event = current._replace(
            gap_count=current.gap_count + transition.gap_count,
            gap_s=current.gap_s + transition.gap_s,
            flags=flags,
        )
        self._put(plan, key, event, end)

    def _put(self, plan: _Plan, key: Key, event: OpenEvent, end: _End) -> None:
        plan.open[key] = event if end.ts is None else None
        if end.ts is not None:
            plan.last_ends[key] = end.ts
        if event.uid not in plan.new_uids:
            plan.updates[event.uid] = (event, end)
        elif end.ts is not None:
            plan.inserts.append((event, end))

    def _plan_note(self, plan: _Plan, note: Note) -> None:
        plan.plcs[note.plc] = good_ts = to_text(note.good_utc)
        for tag, (value, known_utc) in note.states.items():
            key = (note.plc, tag)
            known_ts = None if known_utc is None else to_text(known_utc)
            self._mend_state(plan, key, value, known_ts or good_ts)
            before = plan.states.get(key)
            plan.states[key] = _State(int(value), known_ts, before.last_ts if before else None)

    def _current(self, plan: _Plan, key: Key) -> Optional[OpenEvent]:
        return plan.open[key] if key in plan.open else self.open_events.get(key)

    def _last_end(self, plan: _Plan, key: Key) -> str:
        if key in plan.last_ends:
            return plan.last_ends[key]
        if key not in self._last_ends:
            row = self._connection.execute(SELECT_LAST_END, key).fetchone()
            self._last_ends[key] = str(row[0] or "") if row else ""
        return self._last_ends[key]

    # -- after a loss --------------------------------------------------------------------------------------------------

    def _mend_open(self, plan: _Plan, key: Key, current: OpenEvent, transition: Transition) -> bool:
        """Where transitions of this tag were lost, an open event that starts again has ended unseen."""
        if key not in plan.doubtful or transition.earliest_utc is None:
            return False
        self._end_unseen(plan, key, current, to_text(transition.earliest_utc))
        return True

    def _mend_state(self, plan: _Plan, key: Key, value: bool, known_ts: str) -> None:
        """Where transitions of this tag were lost, its last known state tells what the row should be."""
        if key not in plan.doubtful:
            return
        current = self._current(plan, key)
        if current is not None and not value:
            self._end_unseen(plan, key, current, known_ts)
        elif current is None and value:
            start_utc = from_text(known_ts)
            self._plan_open(plan, key, Transition("open", key[0], key[1], start_utc, None, "gap", sent_utc=start_utc))
        plan.doubtful.discard(key)

    def _end_unseen(self, plan: _Plan, key: Key, current: OpenEvent, end_ts: str) -> None:
        end_ts = max(end_ts, current.start_ts)
        self._put(plan, key, current, _End(end_ts, current.start_ts, "gap"))
        plan.doubtful.discard(key)

    # -- writing -------------------------------------------------------------------------------------------------------

    def _write(self, plan: _Plan) -> None:
        connection, now_ts = self._connection, plan.now_ts
        still_open = [(event, _End()) for event in plan.open.values() if event and event.uid in plan.new_uids]
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(UPDATE, [_update_row(event, end) for event, end in plan.updates.values()])
            connection.executemany(INSERT, [_insert_row(event, end) for event, end in [*plan.inserts, *still_open]])
            connection.executemany(
                UPSERT_TAG, [(*key, *state, int(key in plan.overlaps)) for key, state in plan.states.items()]
            )
            connection.executemany(
                UPSERT_PLC, [(plc, self._names.get(plc, plc), good_ts) for plc, good_ts in plan.plcs.items()]
            )
            connection.executemany(
                INSERT_LOSS,
                [
                    (o.plc, to_text(o.first_utc), to_text(o.last_utc), o.lost_count, o.reason, now_ts)
                    for o in plan.losses
                ],
            )
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise

    def _adopt(self, plan: _Plan) -> None:
        """The transaction is durable: the mirror follows."""
        for key, event in plan.open.items():
            if event is None:
                self.open_events.pop(key, None)
            else:
                self.open_events[key] = event
        self._last_ends.update(plan.last_ends)
        self._states.update(plan.states)
        self._plcs.update({plc: good_ts or self._plcs.get(plc) for plc, good_ts in plan.plcs.items()})
        self._doubtful = frozenset(plan.doubtful)
        self.refused_count += len(plan.refused)
        for text in plan.refused:
            log.warning("a transition does not fit what is stored and is left out: %s", text)


def add_missing_tags(connection: sqlite3.Connection) -> None:
    """Rows that somebody else put into `events` belong to tags that queries must know of. A few index steps per tag."""
    found = set(connection.execute(FIND_TAGS).fetchall())
    missing = sorted(found - set(connection.execute("SELECT plc_ip, tag FROM tags").fetchall()))
    if missing:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("INSERT OR IGNORE INTO tags (plc_ip, tag) VALUES (?, ?)", missing)
            connection.executemany(
                "INSERT OR IGNORE INTO plcs SELECT plc_ip, plc_name, NULL FROM events WHERE plc_ip = ? LIMIT 1",
                sorted({(plc,) for plc, _ in missing}),
            )
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise


def _open_event(row: Sequence[Any]) -> OpenEvent:
    gap_count, gap_s, flags = int(row[3] or 0), float(row[4] or 0.0), frozenset(filter(None, str(row[5]).split(",")))
    return OpenEvent(row[0], row[1], row[2], gap_count, gap_s, flags, *row[6:])


def _update_row(event: OpenEvent, end: _End) -> Tuple[Any, ...]:
    counts = (event.gap_count, round(event.gap_s, 3), ",".join(sorted(event.flags)))
    return (*end, *counts, event.plc, event.tag)


def _insert_row(event: OpenEvent, end: _End) -> Tuple[Any, ...]:
    names = (event.plc, event.plc_name, event.tag, event.tag_label)
    start = (event.start_earliest_ts, event.start_quality)
    counts = (event.gap_count, round(event.gap_s, 3), ",".join(sorted(event.flags)))
    times = (event.start_ts, end.ts, event.created_at, event.uid)
    return (*names, *times, *start, end.earliest_ts, end.quality, *counts)


def new_uid() -> str:
    """A random UUID (version 4) as text; `uuid.uuid4` takes four times as long."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def ceil_text(moment_utc: datetime) -> str:
    """Up to the next whole millisecond: the moment at which something was seen must not lie before it happened."""
    rest_us = moment_utc.microsecond % 1000
    return to_text(moment_utc + timedelta(microseconds=1000 - rest_us) if rest_us else moment_utc)
