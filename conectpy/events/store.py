"""The event store: one writer thread with one connection that alone commits and checkpoints (promises E1, E9, E17).

PLC threads hand over a scan's transitions and never wait for the disk. The writer drains what is queued into one
transaction, in order; what cannot be stored now stays queued, in order and with its own times, up to a bound.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections import deque
from datetime import datetime
from typing import Any, Callable, Deque, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple, TypeVar

from ..errors import StoreError
from ..models import Change, ClockMark, PlcMemory, Transition
from ..settings.types import DatabaseSettings
from ..texts.catalogue import say
from ..timestamps import to_text, utc_now
from .database import connect_without_room, describe
from .entries import Entry, Incomplete, Key, Loss, Note, span
from .event_file import EventFile
from .place import find_real_path
from .reader import EventReader

log = logging.getLogger(__name__)

QUEUE_LIMIT = 100_000
"""Transitions kept in memory while storing fails; at 1 kB each some 100 MB at worst."""

GROUP_LIMIT = 1000
"""Transitions per transaction: beyond that a larger group saves nothing and only makes the others wait."""

NOTE_LINGER_S = 0.5
"""Last known states wait this long for those of other PLCs: each commit costs the disk a sync, however small it is."""

RETRY_MIN_S = 0.1
RETRY_MAX_S = 2.0
IDLE_CHECK_S = 4.0


Result = TypeVar("Result")


class _Batch(NamedTuple):
    """One unit of the queue: a scan's changes, or the tags of which changes were lost at this point."""

    number: int
    changes: Tuple[Change, ...]
    incomplete: Optional[Incomplete] = None


class _QueuedNote(NamedTuple):
    """`after`: the batch that comes before it; `first`: number of the oldest note that is merged into this one."""

    after: int
    first: int
    note: Note


class EventStore:
    """The single writer of the event database; see documentation.md for the file.

    `names`: PLC address -> name; `labels`: (address, tag) -> label. Both are written into new events and are asked at
    that moment: they may change while the store runs.
    """

    def __init__(self, settings: DatabaseSettings, names: Mapping[str, str], labels: Mapping[Key, str]) -> None:
        self.path = find_real_path(settings.path)
        self.queue_limit = QUEUE_LIMIT
        self._names = names
        self._file = EventFile(self.path, settings.legacy_timezone, names, labels)
        self._thread: Optional[threading.Thread] = None
        self.restarts = 0  # how often the writer went on after an error that nobody foresaw, and the last of them;
        self.last_crash: Optional[str] = None  # written by the writer thread alone
        self._work = threading.Condition()  # guards everything below
        self._batches: Deque[_Batch] = deque()
        self._notes: Dict[str, _QueuedNote] = {}
        self._notes_since_s = 0.0
        self._flushing = 0
        self._alive: Optional[ClockMark] = None
        self._losses: Dict[str, Loss] = {}
        self._queued = 0
        self._lost = 0
        self._batch_number = 0
        self._note_number = 0
        self._error: Optional[str] = None
        self._failures = 0
        self._last_commit_ts: Optional[str] = None
        self._stop_by_s: Optional[float] = None

    # -- life ----------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open, create or migrate the file. Raises StoreError, one line, for what a person has to put right.

        A full disk or a lock of another program is waited out by the writer thread instead (promise E17), and a large
        file of an older version is migrated by it while scanning goes on.
        """
        try:
            self._file.open(is_in_haste=True)
        except (sqlite3.Error, OSError) as exc:
            self._note_failure(exc)

    def start(self) -> None:
        """Start the writer thread."""
        self._thread = threading.Thread(target=self._guard, name="store", daemon=True)
        self._thread.start()

    def stop(self, deadline_s: float) -> bool:
        """Store what is queued, checkpoint and close, within `deadline_s` seconds. True if all was stored."""
        with self._work:
            self._stop_by_s = time.monotonic() + deadline_s
            self._work.notify_all()
        if self._thread is None:
            self._guard()
        else:
            self._thread.join(deadline_s + 0.1)
        with self._work:
            if self._queued:
                log.error(say("store.not_stored", count=self._queued, fault=self._error))
            return not self._queued and not self._losses

    @property
    def is_alive(self) -> bool:
        """Whether the writer thread runs; it starts itself again after whatever befalls it."""
        return self._thread is not None and self._thread.is_alive()

    # -- what the PLC threads hand over --------------------------------------------------------------------------------

    def record(self, changes: Sequence[Change]) -> None:
        """Queue one scan's transitions and gaps, in order, as one unit. Any thread; never waits for the disk.

        When the queue is full they are lost; that is counted, logged and recorded in the table `losses`.
        """
        if not changes:
            return
        with self._work:
            if self._queued + len(changes) > self.queue_limit:
                self._lose(changes, say("store.queue_full"))
                return
            self._batch_number += 1
            self._batches.append(_Batch(self._batch_number, tuple(changes)))
            self._queued += len(changes)
            self._work.notify_all()

    def note_states(self, plc: str, good_utc: datetime, states: Mapping[str, Tuple[bool, Optional[datetime]]]) -> None:
        """Keep the last known states of a PLC: when its last good scan was sent, and the state tags that changed.

        A state's time None means: good in the PLC's last good scan, follows `good_utc`. Never waits; of several notes
        that are not stored yet only the newest counts.
        """
        with self._work:
            self._note_number += 1
            if not self._notes:
                self._notes_since_s = time.monotonic()
            before = self._notes.get(plc)
            merged = {**before.note.states, **states} if before else dict(states)
            first = before.first if before else self._note_number
            self._notes[plc] = _QueuedNote(self._batch_number, first, Note(plc, good_utc, merged))
            self._work.notify_all()

    def note_alive(self, mark: ClockMark) -> None:
        """The program's sign of life, of which the newest is stored with what is stored anyway, or every 4 s. Never
        waits; it tells nothing of changes that still wait, so it is not stored before them."""
        with self._work:
            self._alive = mark

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything handed over so far is durable; False when it is not in time."""
        with self._work:
            batch, note = self._batch_number, self._note_number

            def is_done() -> bool:
                is_noted = all(queued.first > note for queued in self._notes.values())
                return is_noted and (not self._batches or self._batches[0].number > batch)

            self._flushing += 1
            self._work.notify_all()
            try:
                return self._work.wait_for(is_done, timeout_s)
            finally:
                self._flushing -= 1

    # -- what is known -------------------------------------------------------------------------------------------------

    def load_memory(self, plc: str) -> PlcMemory:
        """What a PLC goes on from, after `open()`; empty where the file cannot be read. Any thread."""
        return self._read_at_start(lambda reader: reader.memory(plc), PlcMemory(), PlcMemory(is_known=False))

    def open_tags(self) -> Set[Key]:
        """(PLC address, tag) of all open events."""
        return self._read_at_start(EventReader.open_tags, set(), set())

    def _read_at_start(self, read: Callable[[EventReader], Result], nothing: Result, unknown: Result) -> Result:
        """A full disk must not make us forget what is open; a file that is not there yet has nothing to tell."""
        try:
            return read(self.reader())
        except StoreError as exc:
            if not os.path.exists(self.path):
                return nothing
            try:
                return read(EventReader(self.path, self._names, connect_without_room))
            except StoreError:
                log.error(exc.text)
                return unknown

    def reader(self) -> EventReader:
        """A reader of the same file; cheap, for any thread."""
        return EventReader(self.path, self._names)

    def health(self) -> Dict[str, Any]:
        """What `/healthz` shows of the store; never waits for the disk."""
        with self._work:
            facts = {
                "ok": self._error is None and not self._losses,
                "error": self._error,
                "queued": self._queued,
                "lost": self._lost,
                "last_commit_ts": self._last_commit_ts,
            }
        return {
            **facts,
            "path": self.path,
            "size_bytes": _size_bytes(self.path),
            "wal_bytes": _size_bytes(self.path + "-wal"),
            "refused": self._file.refused_count,
            "notes": list(self._file.notes),
        }

    # -- the writer thread ---------------------------------------------------------------------------------------------

    def _guard(self) -> None:
        while True:
            try:
                self._run()
                return
            except Exception as exc:  # the top of a thread: logged, and tried again
                log.exception(say("store.writer_failed"))
                self.restarts += 1
                self.last_crash = f"{type(exc).__name__}: {exc}"
                self._note_failure(exc)
                self._pause()
                if self._is_late():
                    return

    def _run(self) -> None:
        while True:
            with self._work:
                self._wait_for_work()
                batches, entries, is_stopping = *self._take(), self._stop_by_s is not None
            if entries or not is_stopping:
                self._store(batches, entries)
            if is_stopping and (self._is_late() or not self._has_work()):
                self._file.close()
                return

    def _store(self, batches: int, entries: List[Entry]) -> None:
        """One transaction; on failure everything stays queued, and after a pause it is tried again."""
        try:
            self._file.apply(entries)
        except (sqlite3.Error, StoreError, OSError) as exc:
            self._note_failure(exc)
            self._pause()
            return
        with self._work:
            for _ in range(batches):
                self._queued -= len(self._batches.popleft().changes)
            for entry in entries:
                self._forget(entry)
            self._notes_since_s = time.monotonic()
            if self._error is not None:
                log.warning(say("store.works_again"))
            self._error, self._failures = None, 0
            if entries:
                self._last_commit_ts = to_text(utc_now())
            self._work.notify_all()

    def _wait_for_work(self) -> None:
        """Until something is due, or it is time to look whether the file is still there."""
        idle_until_s = time.monotonic() + IDLE_CHECK_S
        while self._stop_by_s is None and not self._batches and not self._losses:
            until_s = idle_until_s
            if self._notes:
                until_s = 0.0 if self._flushing else min(until_s, self._notes_since_s + NOTE_LINGER_S)
            wait_s = until_s - time.monotonic()
            if wait_s <= 0:
                return
            self._work.wait(wait_s)

    def _has_work(self) -> bool:
        return bool(self._batches or self._notes or self._losses)

    def _take(self) -> Tuple[int, List[Entry]]:
        """The next group, in order, left in the queue until it is durable; how many batches it holds."""
        entries: List[Entry] = []
        notes = sorted(self._notes.values(), key=lambda queued: queued.after, reverse=True)
        count, size = 0, 0
        for batch in self._batches:
            if count and size + len(batch.changes) > GROUP_LIMIT:
                break
            while notes and notes[-1].after < batch.number:
                entries.append(notes.pop().note)
            entries.append(batch.incomplete or batch.changes)
            count, size = count + 1, size + len(batch.changes)
        if count == len(self._batches):
            entries += [queued.note for queued in reversed(notes)]
            entries += list(self._losses.values())
            entries += [self._alive] if self._alive else []
        return count, entries

    def _forget(self, entry: Entry) -> None:
        """What has been stored leaves the queue, unless something newer has taken its place meanwhile."""
        if isinstance(entry, Note):
            queued = self._notes.get(entry.plc)
            if queued is not None and queued.note is entry:
                del self._notes[entry.plc]
        elif isinstance(entry, ClockMark):
            self._alive = None if self._alive is entry else self._alive
        elif isinstance(entry, Loss):
            rest = self._losses[entry.plc].lost_count - entry.lost_count
            if rest:
                self._losses[entry.plc] = self._losses[entry.plc]._replace(first_utc=entry.last_utc, lost_count=rest)
            else:
                del self._losses[entry.plc]

    def _lose(self, changes: Sequence[Change], reason: str) -> None:
        if not self._lost:
            log.error(say("store.losing", fault=reason))
        for change in changes:
            first_utc, last_utc = span(change)
            before = self._losses.get(change.plc)
            count = before.lost_count if before else 0
            first_utc = before.first_utc if before else first_utc
            self._losses[change.plc] = Loss(change.plc, first_utc, last_utc, count + 1, reason)
        self._lost += len(changes)
        tags = frozenset((change.plc, change.tag) for change in changes if isinstance(change, Transition))
        last = self._batches[-1] if self._batches else None
        if last is not None and last.incomplete and all(note.after < last.number for note in self._notes.values()):
            self._batches[-1] = last._replace(incomplete=Incomplete(last.incomplete.tags | tags))
        else:
            self._batch_number += 1
            self._batches.append(_Batch(self._batch_number, (), Incomplete(tags)))

    def _note_failure(self, exc: Exception) -> None:
        text = describe(exc)
        with self._work:
            if self._error != text:
                log.error(say("store.failing", path=self.path, fault=text))
            self._error = text
            self._failures += 1

    def _pause(self) -> None:
        with self._work:
            if self._stop_by_s is None:
                pause_s = min(RETRY_MAX_S, RETRY_MIN_S * 2.0 ** min(self._failures - 1, 10))
                self._work.wait_for(lambda: self._stop_by_s is not None, pause_s)
            else:
                self._work.wait(min(RETRY_MIN_S, max(0.0, self._stop_by_s - time.monotonic())))

    def _is_late(self) -> bool:
        with self._work:
            return self._stop_by_s is not None and time.monotonic() >= self._stop_by_s


def _size_bytes(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
