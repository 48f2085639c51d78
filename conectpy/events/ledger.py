"""Transitions -> rows. One batch is one transaction: all of it is stored, or nothing (promises E1 to E3).

Several changes of one tag within a batch become one row or one update, so a batch costs what it changes and not how
often. What is open is mirrored in memory; the mirror changes only after a commit.
"""

from __future__ import annotations

import logging
import math
import os
import sqlite3
from datetime import datetime
from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..models import Change, ClockMark, Gap, Transition
from ..texts.catalogue import say
from ..timestamps import ceil_text, from_text, to_text, utc_now
from .clock_watch import CLOCK_STEP_S, step_since
from .database import roll_back
from .entries import Entry, Incomplete, Key, Loss, Note
from .first_contact import is_first_contact, with_history
from .ledger_rows import (
    INSERT,
    INSERT_GAP,
    INSERT_LOSS,
    SELECT_LAST_END,
    SELECT_OPEN,
    UPDATE,
    UPDATE_SHIFTED,
    UPSERT_PLC,
    UPSERT_TAG,
    End,
    OpenEvent,
    State,
    gap_row,
    insert_row,
    loss_row,
    shift_text,
    shifted_row,
    to_open_event,
    update_row,
)
from .marks import INSERT_SINCE, UPSERT_MARK, mark_row, read_marks
from .revisions import Revisions

log = logging.getLogger(__name__)

UNKNOWN_AFTER = ("removed", "tag_lost")
"""Ends that do not say that the state was FALSE."""


class _Plan:
    """What one transaction will write. `incomplete`: tags of which changes were lost (entries.Incomplete)."""

    def __init__(self, incomplete: FrozenSet[Key]) -> None:
        self.incomplete: Set[Key] = set(incomplete)
        self.now_ts = to_text(utc_now())
        self.new_uids: Set[str] = set()
        self.texts: Dict[datetime, str] = {}
        self.open: Dict[Key, Optional[OpenEvent]] = {}
        self.inserts: List[Tuple[OpenEvent, End]] = []
        self.updates: Dict[str, Tuple[OpenEvent, End]] = {}
        self.shifted: Set[str] = set()
        self.gaps: List[Gap] = []
        self.states: Dict[Key, State] = {}
        self.plcs: Dict[str, Optional[str]] = {}
        self.marks: Dict[str, ClockMark] = {}
        self.noted: Set[str] = set()
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
    states: Mapping[Key, State]
    plcs: Mapping[str, Optional[str]]
    marks: Mapping[str, ClockMark]


class Ledger:
    """The writing side of one connection. Used by one thread at a time; `refused_count` may be read by any."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        revisions: Revisions,
        names: Mapping[str, str],
        labels: Mapping[Key, str],
    ) -> None:
        self._connection = connection
        self._revisions = revisions
        self._names = names
        self._labels = labels
        self._last_ends: Dict[Key, str] = {}
        self._states: Dict[Key, State] = {}
        self._plcs: Dict[str, Optional[str]] = {}
        self._marks: Dict[str, ClockMark] = {}
        self._noted: Set[str] = set()  # the PLCs that have said, since the file was opened, what is live
        self.open_events: Dict[Key, OpenEvent] = {}
        self._incomplete: FrozenSet[Key] = frozenset()
        self.refused_count = 0
        self.reload()

    def reload(self) -> None:
        """Read again what is open, after something else changed the file."""
        rows = [to_open_event(row) for row in self._connection.execute(SELECT_OPEN)]
        self.open_events = {(row.plc, row.tag): row for row in rows}
        tags = self._connection.execute("SELECT plc_ip, tag, value, good_ts, last_ts FROM tags")
        self._states = {(plc, tag): State(*known) for plc, tag, *known in tags}
        self._plcs = dict(self._connection.execute("SELECT plc_ip, good_ts FROM plcs").fetchall())
        self._marks = read_marks(self._connection)
        self._noted.clear()
        self._last_ends.clear()

    def known(self) -> Known:
        """The open events and last known states."""
        return Known(tuple(self.open_events.values()), dict(self._states), dict(self._plcs), dict(self._marks))

    def restore(self, known: Known) -> None:
        """Put them into a new file. Raises sqlite3.Error."""
        plan = _Plan(self._incomplete)
        plan.open.update({(event.plc, event.tag): event for event in known.open_events})
        plan.new_uids.update(event.uid for event in known.open_events)
        plan.states.update(known.states)
        plan.plcs.update(known.plcs)
        plan.marks.update(known.marks)
        self._write(plan)
        self._adopt(plan)

    def apply(self, entries: Sequence[Entry]) -> None:
        """Store the entries in their order, in one transaction.

        On sqlite3.Error nothing of them is stored, and they can be applied again.
        """
        plan = _Plan(self._incomplete)
        for entry in entries:
            if isinstance(entry, Note):
                self._plan_note(plan, entry)
            elif isinstance(entry, Loss):
                plan.losses.append(entry)
            elif isinstance(entry, Incomplete):
                plan.incomplete |= entry.tags
            elif isinstance(entry, ClockMark):
                self._plan_mark(plan, entry)
            else:
                for change in entry:
                    self._plan_change(plan, change)
        self._write(plan)
        self._adopt(plan)

    # -- planning ------------------------------------------------------------------------------------------------------

    def _plan_change(self, plan: _Plan, change: Change) -> None:
        if isinstance(change, Gap):
            plan.gaps.append(change)
            return
        if isinstance(change, ClockMark):
            self._plan_mark(plan, change)
            return
        key = (change.plc, change.tag)
        current = self._current(plan, key)
        is_first = change.earliest_utc is None and is_first_contact(change)
        if is_first:
            state = plan.states.get(key) or self._states.get(key)
            is_open, good_ts = current is not None, self._plcs.get(change.plc)
            change = with_history(change, is_open=is_open, state=state, plc_good_ts=good_ts)
        if change.kind == "open":
            if current is not None and not self._has_ended_unseen(plan, key, current, change):
                plan.refused.append(say("store.misfit_open", key=str(key), since=current.start_ts))
                return
            self._plan_open(plan, key, change)
        elif current is None:
            if not is_first:
                plan.refused.append(say("store.misfit_none", key=str(key), kind=change.kind))
                return
        elif change.kind == "shift":
            self._plan_shift(plan, key, current, change)
            return
        else:
            self._plan_going_on(plan, key, current, change)
        if change.quality in UNKNOWN_AFTER:
            plan.states[key] = State(None, None, None)
        elif change.sent_utc is not None or change.kind != "amend":
            sent_ts = plan.text(change.sent_utc or change.ts_utc)
            plan.states[key] = State(int(change.kind != "close"), sent_ts, sent_ts)

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
            start_device_ts=None if transition.device_utc is None else plan.text(transition.device_utc),
        )
        plan.open[key] = event
        plan.new_uids.add(event.uid)
        if transition.plc not in self._plcs:
            plan.plcs.setdefault(transition.plc, None)

    def _plan_going_on(self, plan: _Plan, key: Key, current: OpenEvent, transition: Transition) -> None:
        """A close or an amend of the open event."""
        flags, end = current.flags | transition.flags, End()
        if transition.kind == "close":
            end_ts = plan.ceil_text(transition.ts_utc)
            if end_ts < current.start_ts:  # no duration is ever negative (promise E15)
                end_ts, flags = current.start_ts, flags | {"clock_step"}
            earliest_ts = None if transition.earliest_utc is None else min(plan.text(transition.earliest_utc), end_ts)
            duration_s = transition.duration_s
            if duration_s is not None:
                duration_s = round(duration_s, 3) if math.isfinite(duration_s) and duration_s >= 0 else None
            device_ts = None if transition.device_utc is None else plan.text(transition.device_utc)
            end = End(end_ts, earliest_ts, transition.quality, duration_s, device_ts)
        event = current._replace(
            gap_count=current.gap_count + transition.gap_count,
            gap_s=current.gap_s + transition.gap_s,
            flags=flags,
        )
        self._put(plan, key, event, end)

    def _plan_shift(self, plan: _Plan, key: Key, current: OpenEvent, transition: Transition) -> None:
        """The wall clock stepped: the open event, and what was last known of its tag, move with it (promise E15)."""
        start_ts = shift_text(current.start_ts, transition.shift_s, plan.ceil_text) or current.start_ts
        state = plan.states.get(key) or self._states.get(key) or State(1, None, None)
        plan.states[key] = state.shifted(transition.shift_s)
        if start_ts < self._last_end(plan, key):
            plan.overlaps.add(key)
        event = current._replace(
            start_ts=start_ts,
            start_earliest_ts=shift_text(current.start_earliest_ts, transition.shift_s),
            flags=current.flags | transition.flags | {"clock_step"},
        )
        plan.shifted.add(event.uid)
        self._put(plan, key, event, End())

    def _plan_mark(self, plan: _Plan, mark: ClockMark) -> None:
        """Where the clock was set since the PLC's last mark, all that was last known of it moves too (promise E15)."""
        before = plan.marks.get(mark.plc) or self._marks.get(mark.plc)
        plan.marks[mark.plc] = mark
        step_s = None if before is None else step_since(before, mark.at_utc, mark.steady_s, mark.boot)
        if step_s is None or abs(step_s) <= CLOCK_STEP_S:
            return
        good_ts = plan.plcs.get(mark.plc) or self._plcs.get(mark.plc)
        if good_ts is not None:
            plan.plcs[mark.plc] = shift_text(good_ts, step_s)
        for key, state in {**self._states, **plan.states}.items():
            if key[0] == mark.plc and self._current(plan, key) is None:  # what is open has been shifted
                plan.states[key] = state.shifted(step_s)

    def _put(self, plan: _Plan, key: Key, event: OpenEvent, end: End) -> None:
        plan.open[key] = event if end.ts is None else None
        if end.ts is not None:
            plan.last_ends[key] = end.ts
        if event.uid not in plan.new_uids:
            plan.updates[event.uid] = (event, end)
        elif end.ts is not None:
            plan.inserts.append((event, end))

    def _plan_note(self, plan: _Plan, note: Note) -> None:
        if note.plc not in self._noted | plan.noted:
            plan.noted.add(note.plc)
            self._keep_old_times(plan, note.plc)
        plan.plcs[note.plc] = good_ts = to_text(note.good_utc)
        for tag, (value, known_utc) in note.states.items():
            key = (note.plc, tag)
            known_ts = None if known_utc is None else to_text(known_utc)
            self._fit_to_state(plan, key, value, known_ts or good_ts)
            before = plan.states.get(key)
            plan.states[key] = State(int(value), known_ts, before.last_ts if before else None)

    def _current(self, plan: _Plan, key: Key) -> Optional[OpenEvent]:
        return plan.open[key] if key in plan.open else self.open_events.get(key)

    def _last_end(self, plan: _Plan, key: Key) -> str:
        if key in plan.last_ends:
            return plan.last_ends[key]
        if key not in self._last_ends:
            row = self._connection.execute(SELECT_LAST_END, key).fetchone()
            self._last_ends[key] = str(row[0] or "") if row else ""
        return self._last_ends[key]

    def _keep_old_times(self, plan: _Plan, plc: str) -> None:
        """What was live in an earlier run is not said to be live in this one: it no longer follows its PLC (E9)."""
        good_ts = plan.plcs.get(plc) or self._plcs.get(plc)  # the clock may have been set in this same transaction
        for key, state in {**self._states, **plan.states}.items():
            if key[0] == plc and state.good_ts is None and state.value is not None:
                plan.states[key] = state._replace(good_ts=good_ts)

    # -- after a loss --------------------------------------------------------------------------------------------------

    def _has_ended_unseen(self, plan: _Plan, key: Key, current: OpenEvent, transition: Transition) -> bool:
        """Where changes of this tag were lost, an open event that starts again ended before; it gets that end."""
        if key not in plan.incomplete or transition.earliest_utc is None:
            return False
        self._end_unseen(plan, key, current, to_text(transition.earliest_utc))
        return True

    def _fit_to_state(self, plan: _Plan, key: Key, value: bool, known_ts: str) -> None:
        """Where changes of this tag were lost, its last known state tells what the row should be."""
        if key not in plan.incomplete:
            return
        current = self._current(plan, key)
        if current is not None and not value:
            self._end_unseen(plan, key, current, known_ts)
        elif current is None and value:
            start_utc = from_text(known_ts)
            self._plan_open(plan, key, Transition("open", key[0], key[1], start_utc, None, "gap", sent_utc=start_utc))
        plan.incomplete.discard(key)

    def _end_unseen(self, plan: _Plan, key: Key, current: OpenEvent, end_ts: str) -> None:
        end_ts = max(end_ts, current.start_ts)
        self._put(plan, key, current, End(end_ts, current.start_ts, "gap"))
        plan.incomplete.discard(key)

    # -- writing -------------------------------------------------------------------------------------------------------

    def _write(self, plan: _Plan) -> None:
        connection = self._connection
        still_open = [(event, End()) for event in plan.open.values() if event and event.uid in plan.new_uids]
        inserts = [*plan.inserts, *still_open]
        updates = [change for uid, change in plan.updates.items() if uid not in plan.shifted]
        shifted = [change for uid, change in plan.updates.items() if uid in plan.shifted]
        connection.execute("BEGIN IMMEDIATE")
        try:
            revs = self._revisions.take(len(inserts) + len(plan.updates) + len(plan.gaps))
            names = self._names
            for sql, rows in (
                # updates first: an event has to end before the next one of its tag may be open
                (UPDATE, [update_row(event, end, next(revs)) for event, end in updates]),
                (UPDATE_SHIFTED, [shifted_row(event, end, next(revs)) for event, end in shifted]),
                (INSERT, [insert_row(event, end, next(revs)) for event, end in inserts]),
                (INSERT_GAP, [gap_row(gap, next(revs)) for gap in plan.gaps]),
                (UPSERT_TAG, [(*key, *state, int(key in plan.overlaps)) for key, state in plan.states.items()]),
                (UPSERT_PLC, [(plc, names.get(plc, plc), good_ts) for plc, good_ts in plan.plcs.items()]),
                (INSERT_SINCE, [one for one in plan.plcs.items() if one[1]]),
                (UPSERT_MARK, [mark_row(mark) for mark in plan.marks.values()]),
                (INSERT_LOSS, [loss_row(loss, plan.now_ts) for loss in plan.losses]),
            ):
                if rows:
                    connection.executemany(sql, rows)
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise
        self._revisions.confirm()

    def _adopt(self, plan: _Plan) -> None:
        """The transaction is durable: the mirror follows."""
        for key, event in plan.open.items():
            if event is None:
                self.open_events.pop(key, None)
            else:
                self.open_events[key] = event
        self._last_ends.update(plan.last_ends)
        self._states.update(plan.states)
        self._marks.update(plan.marks)
        self._noted |= plan.noted
        self._plcs.update({plc: good_ts or self._plcs.get(plc) for plc, good_ts in plan.plcs.items()})
        self._incomplete = frozenset(plan.incomplete)
        self.refused_count += len(plan.refused)
        for text in plan.refused:
            log.warning(say("store.misfit", fault=text))


def new_uid() -> str:
    """A random UUID (version 4) as text; `uuid.uuid4` takes four times as long."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
