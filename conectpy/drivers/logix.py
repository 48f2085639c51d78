"""The driver for Rockwell Logix controllers: what is to be read is worked out once, then asked for again and again.

`connect` opens the link and finds out what the configured tags are; `read_scan` sends the frames of the plan and
reports what has changed. Tags are always asked for by name and every reply's type is compared with the plan, so a
program that is downloaded meanwhile can make a tag bad, never wrong.
"""

from __future__ import annotations

import logging
import time
from typing import Dict, List, Mapping, NoReturn, Optional, Sequence, Set, Tuple

from pycomm3.exceptions import PycommError

from ..errors import DriverError
from ..models import DriverFacts, Sample, Scan
from ..settings import PlcSettings
from ..timestamps import utc_now
from .base import DriverMemory
from .cip_batch import Batch
from .cip_link import CipLink
from .cip_messages import CipReply, MalformedReply, as_read_reply
from .cip_types import REPLY_TOO_LARGE, SERVICE_NOT_SUPPORTED, TOO_MUCH_DATA, Definition
from .logix_device import INFO_REQUESTS, Device, frozen_reason
from .scan_frame import Frame, FrameRefused, Pair
from .scan_plan import MODE, Plan, Read, estimate_frames, make_plan
from .struct_layouts import Layout, Search, find_layouts
from .tag_paths import TagPath, TagSyntaxError, parse_tag
from .tag_probe import find_definitions

log = logging.getLogger(__name__)

REPLAN_S = 1.0
RECHECK_S = 10.0
RTT_REFRESH = 20
MIN_ROOM_BYTES = 100


class LogixPlc:
    """One connection to one controller; see `Driver`.

    In `memory` it leaves the definitions with the state of the program they belong to, whether the controller knows
    Multiple Service Packets, and the CIP connections that could not be closed.
    """

    def __init__(self, plc: PlcSettings, memory: DriverMemory) -> None:
        self._plc = plc
        self._memory = memory
        self._link: Optional[CipLink] = None
        self._is_aborted = False
        self._names = [tag.tag for tag in plc.tags]
        self._paths: Dict[int, TagPath] = {}
        self._samples: Dict[str, Sample] = {}
        self._bad: Set[str] = set()
        self._place = {name: number for number, name in enumerate(self._names)}
        self._changes: List[Pair] = []  # what this scan has seen so far
        self._before: Dict[str, Optional[Sample]] = {}  # what was told before, of what was learned in this scan
        self._new_faulty: List[Pair] = []  # to be told by the next scan
        self._definitions: Dict[str, Definition] = memory.setdefault("definitions", {})
        self._layouts: Dict[str, Layout] = memory.setdefault("layouts", {})
        self._search: Optional[Search] = None
        self._separate: Set[str] = set()  # elements whose range failed
        self._crowded: Set[str] = set()  # reads whose reply found no room in its frame
        self._faulty: Set[int] = set()  # tags that no request can read
        self._doubtful: Set[int] = set()  # tags whose definition has to be found again
        self._device = Device()
        self._frames: List[Tuple[Frame, bytearray]] = []
        self._alone: List[Tuple[Frame, Read]] = []
        self._room_bytes = 0
        self._replanned_s = float("-inf")
        self._rechecked_s = time.monotonic()
        self._rtts_s: List[float] = []
        self._rtt_s = self._rtt_median_s = 0.0
        for number, name in enumerate(self._names):
            try:
                self._paths[number] = parse_tag(name)
            except TagSyntaxError as exc:
                self._new_faulty.append((name, Sample(None, str(exc))))

    # -- connection ----------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Open the connection and resolve the configured tags. Raises DriverError."""
        plc = self._plc
        try:
            unclosed = self._memory.setdefault("unclosed", {})
            link = self._link = CipLink(plc.address, plc.timeout_s, plc.interval_s, unclosed)
            if self._is_aborted:
                link.abort()
            link.open()
            link.close_leftovers()
            link.open_connection()
            if link.refused_large is not None:
                log.warning("%s: only %d bytes per frame: %s", plc.name, link.connection_size, link.refused_large)
            self._batch = Batch(link, self._memory.get("is_multiple", True))
            self._room_bytes = link.room_bytes
            self._find_out()
            self._make_frames()
            self._start_search()
        except (PycommError, MalformedReply, OSError) as exc:
            self._fail("connecting", exc)

    def close(self) -> None:
        """Forward Close, UnRegisterSession, in about a second. Never raises."""
        link, self._link = self._link, None
        if link is not None:
            link.hang_up()

    def abort(self) -> None:
        """Make a blocked call fail at once; any thread."""
        self._is_aborted = True
        link = self._link
        if link is not None:
            link.abort()

    def _fail(self, action: str, exc: Exception) -> NoReturn:
        raise DriverError(f"{self._plc.name} ({self._plc.address}): {action}: {exc}") from exc

    # -- definitions ---------------------------------------------------------------------------------------------------

    def _find_out(self) -> None:
        """What the device is, whether its program is the one the definitions belong to, and what is not known yet."""
        if self._definitions:
            self._note_device(self._batch.ask(INFO_REQUESTS))
            self._resolve([number for number, path in self._paths.items() if path.key not in self._definitions])
            return
        is_asked = False

        def ask(requests: Sequence[bytes]) -> List[CipReply]:
            nonlocal is_asked
            if is_asked:
                return self._batch.ask(requests)
            is_asked = True
            replies = self._batch.ask([*INFO_REQUESTS, *requests])
            self._note_device(replies[: len(INFO_REQUESTS)])
            return replies[len(INFO_REQUESTS) :]

        self._definitions.update(find_definitions(self._paths.values(), ask, self._measure))

    def _note_device(self, replies: Sequence[CipReply]) -> None:
        self._device = Device.from_replies(replies)
        self._memory["is_multiple"] = self._batch.is_multiple
        if self._memory.get("changes") != self._device.changes or self._device.changes is None:
            if self._definitions:
                log.info("%s: the controller's program may have changed: finding its tags again", self._plc.name)
            self._definitions.clear()
            self._layouts.clear()
            self._memory["is_searched"] = False
        self._memory["changes"] = self._device.changes

    def _resolve(self, numbers: Sequence[int]) -> bool:
        """Find these tags' definitions (again); whether any has become another."""
        paths = [self._paths[number] for number in numbers]
        before = {path.key: self._definitions.pop(path.key, None) for path in paths}
        if paths:
            self._definitions.update(find_definitions(paths, self._batch.ask, self._measure))
        return any(self._definitions.get(key) != definition for key, definition in before.items())

    def _measure(self, request: bytes) -> Optional[int]:
        reply = self._batch.read_in_fragments(request)
        return None if reply.status else len(reply.data) - 4

    # -- plan ----------------------------------------------------------------------------------------------------------

    def _make_frames(self) -> None:
        link, is_multiple = self._connected(), self._batch.is_multiple
        plan = make_plan(
            self._paths,
            self._definitions,
            self._room_bytes,
            is_multiple,
            self._separate,
            self._crowded,
            self._device.is_controller,
            self._layouts,
        )
        frames = [Frame(reads, is_multiple, self._names) for reads in plan.frames]
        self._frames = [(frame, link.prepare(frame.request)) for frame in frames]
        self._alone = [(Frame([read], False, self._names), read) for read in plan.alone]
        self._note_faulty(plan)

    def _note_faulty(self, plan: Plan) -> None:
        self._faulty = {number for number, _ in plan.faulty}
        names = self._names
        self._new_faulty += [(names[number], Sample(None, f"{names[number]} {error}")) for number, error in plan.faulty]

    def _start_search(self) -> None:
        """Look for the layouts of structures, if reading some of them whole could save a frame of every scan."""
        keys: Dict[str, Set[str]] = {}
        for path in self._paths.values():
            if path.parent_key and path.key in self._definitions:
                keys.setdefault(path.parent_key, set()).add(path.key)
        paths = {path.parent_key: TagPath(path.parts[:-1]) for path in self._paths.values() if len(path.parts) > 1}
        parents = [paths[key] for key, members in keys.items() if len(members) > 1 and key not in self._layouts]
        if len(self._frames) < 2 or not parents or not self._batch.is_multiple or self._memory.get("is_searched"):
            return
        by_element = {path.key: path.parent_key for path in self._paths.values()}

        def is_worth_it(layouts: Mapping[str, Layout]) -> bool:
            frames = [frame.reads for frame, _ in self._frames]
            return estimate_frames(frames, by_element, layouts, self._room_bytes) < len(frames)

        self._search = find_layouts(parents, self._batch.ask, is_worth_it, self._room_bytes)

    def _search_on(self) -> None:
        """One step of the search after each scan: it must not make any of them late."""
        if self._search is None:
            return
        try:
            next(self._search)
        except StopIteration as end:
            self._search = None
            self._memory["is_searched"] = True
            self._layouts.update(end.value)
            if end.value:
                self._make_frames()

    def _plan_again(self) -> bool:
        """After a reply that did not fit: find the tags' definitions again and plan anew; whether that was done."""
        now_s = time.monotonic()
        doubtful = self._doubtful
        if now_s - self._rechecked_s > RECHECK_S:
            self._rechecked_s = now_s
            doubtful |= self._hopeless()
        if not doubtful or now_s - self._replanned_s < REPLAN_S:
            return False
        self._replanned_s = now_s
        self._doubtful = set()
        separate, crowded = len(self._separate), len(self._crowded)
        self._note_unfit()
        is_other = self._resolve(sorted(doubtful))
        if is_other or (separate, crowded) != (len(self._separate), len(self._crowded)):
            self._make_frames()
            return True
        return False

    def _hopeless(self) -> Set[int]:
        """Bad tags that the frames do not find again by themselves: those of a type that cannot be read, and indexes
        without a definition (they may be bits of a BOOL array, whose words have other indexes)."""
        unknown = {n for n, path in self._paths.items() if path.index and path.key not in self._definitions}
        return unknown | {number for number in self._faulty if number in self._paths}

    def _note_unfit(self) -> None:
        for frame, _ in self._frames:
            self._separate.update(key for read in frame.doubtful if read.is_range for key in read.keys)
            self._crowded.update(key for read in frame.crowded for key in read.keys)

    def _adapt_to(self, refused: FrameRefused) -> None:
        """A controller that does not execute a frame as a whole gets others. Raises FrameRefused when none is left."""
        status = refused.reply.status
        if status == SERVICE_NOT_SUPPORTED and self._batch.is_multiple:
            self._batch.is_multiple = self._memory["is_multiple"] = False
        elif status in (REPLY_TOO_LARGE, TOO_MUCH_DATA) and self._room_bytes * 3 // 4 >= MIN_ROOM_BYTES:
            self._room_bytes = self._room_bytes * 3 // 4
        else:
            raise refused
        self._make_frames()

    # -- scan ----------------------------------------------------------------------------------------------------------

    def read_scan(self) -> Scan:
        """Read every configured tag once. Raises DriverError."""
        sent_utc, start_s = utc_now(), time.monotonic()
        try:
            self._read_frames()
            while self._doubtful or start_s - self._rechecked_s > RECHECK_S:
                if not self._plan_again():
                    break
                self._read_frames()
            duration_s, received_utc = time.monotonic() - start_s, utc_now()
            self._search_on()
        except (PycommError, MalformedReply, FrameRefused, OSError) as exc:
            self._fail(f"reading {len(self._names)} tags", exc)
        frozen = next((frozen_reason(frame.mode) for frame, _ in self._frames if frame.mode is not None), None)
        return Scan(sent_utc, received_utc, duration_s, self._take_changes(), frozen)

    def _read_frames(self) -> None:
        """Every frame once; where the controller does not execute one as a whole, all again in other frames."""
        while True:
            try:
                self._exchange_frames()
                return
            except FrameRefused as refused:
                self._adapt_to(refused)

    def _exchange_frames(self) -> None:
        link, rtt_s = self._connected(), self._rtt_s
        if self._new_faulty:
            self._note_learned(self._new_faulty)
            self._new_faulty = []
        for frame, message in self._frames:
            at_s = time.monotonic()
            reply = link.exchange(message)
            rtt_s = time.monotonic() - at_s
            self._decode(frame, reply)
        for frame, read in self._alone:
            self._decode(frame, as_read_reply(self._batch.read_in_fragments(read.request)))
        self._note_rtt(rtt_s)

    def _decode(self, frame: Frame, reply: bytes) -> None:
        pairs = frame.decode(reply)
        if frame.is_learning:
            self._note_learned(pairs)
            self._doubtful |= {use.tag for read in frame.doubtful for slot in read.slots for use in slot.uses} - {MODE}
        elif pairs:
            self._changes += pairs
            self._samples.update(pairs)

    def _note_learned(self, pairs: List[Pair]) -> None:
        """Pairs of which some may be no news (a new plan tells everything once more), or bad."""
        told = self._samples
        for name, sample in pairs:
            if told.get(name) != sample:
                self._before.setdefault(name, told.get(name))
                told[name] = sample
                self._changes.append((name, sample))
                (self._bad.discard if sample.error is None else self._bad.add)(name)

    def _take_changes(self) -> Tuple[Pair, ...]:
        """What this scan tells: each tag once, in the order of the configuration where it had to be learned."""
        changes, before = self._changes, self._before
        self._changes, self._before = [], {}
        if before:
            last = dict(changes)
            changes = [(name, last[name]) for name in sorted(last, key=self._place.__getitem__)]
            changes = [(name, sample) for name, sample in changes if name not in before or before[name] != sample]
        return tuple(changes)

    # -- facts ---------------------------------------------------------------------------------------------------------

    def facts(self) -> DriverFacts:
        """What is known of the connection, for `_meta`; nothing while there is none."""
        link = self._link
        if link is None:
            return {}
        return {
            "frames_per_scan": len(self._frames) + len(self._alone),
            "connection_size_bytes": link.connection_size,
            "controller": self._device.text,
            "program": self._device.program,
            "rtt_ms": round(self._rtt_s * 1000, 2),
            "rtt_ms_median": round(self._rtt_median_s * 1000, 2),
            "tags": len(self._names),
            "tags_bad": len(self._bad),
        }

    def _note_rtt(self, rtt_s: float) -> None:
        self._rtt_s = rtt_s
        self._rtts_s.append(rtt_s)
        if len(self._rtts_s) >= RTT_REFRESH or not self._rtt_median_s:
            self._rtt_median_s = sorted(self._rtts_s)[len(self._rtts_s) // 2]
            self._rtts_s = self._rtts_s[-RTT_REFRESH:] if len(self._rtts_s) < RTT_REFRESH else []

    def _connected(self) -> CipLink:
        if self._link is None:
            raise DriverError(f"{self._plc.name} ({self._plc.address}): not connected")
        return self._link
