"""The driver for Rockwell Logix controllers: what is to be read is worked out once, then asked for again and again.

`connect` opens the link and finds out what the configured tags are; `read_scan` sends the frames of the plan and
reports what has changed. Tags are always asked for by name and every reply's type is compared with the plan, so a
program that is downloaded meanwhile can make a tag bad, never wrong.
"""

from __future__ import annotations

import logging
import struct
import time
from collections import deque
from datetime import timedelta
from typing import Deque, List, NoReturn, Optional, Sequence, Set, Tuple

from pycomm3.exceptions import PycommError

from ..errors import DriverError
from ..facts.plc_facts import LogixFacts
from ..models import Scan
from ..settings.types import PlcSettings
from ..texts.catalogue import Text, say, text_of
from ..timestamps import read_clocks, steady_s
from .base import DriverMemory
from .cip.batch import Batch
from .cip.cip_requests import CipReply, as_read_reply
from .cip.data_types import REPLY_TOO_LARGE, SERVICE_NOT_SUPPORTED, TOO_MUCH_DATA
from .cip.device import INFO_REQUESTS, Device, frozen_reason
from .cip.link import CipLink
from .cip.scan_frame import Frame, FrameRefused
from .cip.scan_plan import MODE, Read
from .cip.scan_report import ScanReport
from .cip.struct_layouts import Search
from .cip.tag_book import TagBook

log = logging.getLogger(__name__)

BAD_REPLIES = (PycommError, OSError, FrameRefused, ValueError, LookupError, struct.error)
"""What a broken line or a reply that makes no sense ends in."""
REPLAN_S = 1.0
RECHECK_S = 10.0
RTTS_KEPT = 20
MIN_ROOM_BYTES = 100


class LogixPlc:
    """One connection to one controller; see `Driver`.

    In `memory` it leaves what is known of the tags (see TagBook), whether the controller knows Multiple Service
    Packets, and the CIP connections that could not be closed.
    """

    _batch: Batch

    def __init__(self, plc: PlcSettings, memory: DriverMemory) -> None:
        self._plc = plc
        self._memory = memory
        names = [tag.tag for tag in plc.tags]
        self._book = TagBook(names, memory)
        self._report = ScanReport(names)
        self._link: Optional[CipLink] = None
        self._is_aborted = False
        self._device = Device()
        self._room_bytes = 0
        self._frames: List[Tuple[Frame, bytearray]] = []
        self._alone: List[Tuple[Frame, Read]] = []
        self._doubtful: Set[int] = set()  # tags whose definition has to be found again
        self._search: Optional[Search] = None
        self._replanned_s = float("-inf")
        self._rechecked_s = time.monotonic()
        self._rtts_s: Deque[float] = deque(maxlen=RTTS_KEPT)

    # -- connection ----------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Open the connection and resolve the configured tags. Raises DriverError."""
        plc = self._plc
        try:
            link = CipLink(plc.address, plc.timeout_s, plc.interval_s, self._memory.setdefault("unclosed", {}))
            self._link = link
            if self._is_aborted:
                link.abort()
            link.open()
            link.close_leftovers()
            link.open_connection()
            if link.refused_large is not None:
                log.warning(
                    say("logix.small_frames", plc=plc.name, count=link.connection_size, fault=link.refused_large)
                )
            self._batch = Batch(link, self._memory.get("is_multiple", True))
            self._room_bytes = link.room_bytes
            self._find_out()
            self._make_frames()
            if self._batch.is_multiple:
                frames = [frame.reads for frame, _ in self._frames]
                self._search = self._book.start_search(frames, self._batch.ask, self._room_bytes)
        except BAD_REPLIES as exc:
            self._fail(say("driver.connecting"), exc)

    def take_interval(self, interval_s: float) -> bool:
        """The controller closes a connection that is silent for longer than the Forward Open has agreed upon."""
        return self._link is None or self._link.carries_pause(interval_s)

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

    def _fail(self, action: Text, exc: Exception) -> NoReturn:
        plc = self._plc
        fault = say("driver.failed", plc=plc.name, address=plc.address, action=action, fault=text_of(exc))
        raise DriverError(fault) from exc

    def _connected(self) -> CipLink:
        if self._link is None:
            fault = say("driver.not_connected")
            raise DriverError(say("plc.fault", plc=self._plc.name, address=self._plc.address, fault=fault))
        return self._link

    # -- definitions and frames ----------------------------------------------------------------------------------------

    def _find_out(self) -> None:
        """What the device is, whether its program is the one that is known, and what the tags are.

        Where nothing is known yet, both are asked in the same round trip.
        """
        book, ask = self._book, self._batch.ask
        if not book.is_empty:
            self._note_device(ask(INFO_REQUESTS))
            book.find_again(sorted(book.unknown()), ask, self._measure)
            return
        is_first = True

        def ask_with_info(requests: Sequence[bytes]) -> List[CipReply]:
            nonlocal is_first
            if not is_first:
                return ask(requests)
            is_first = False
            replies = ask([*INFO_REQUESTS, *requests])
            self._note_device(replies[: len(INFO_REQUESTS)])
            return replies[len(INFO_REQUESTS) :]

        book.find_all(ask_with_info, self._measure)

    def _note_device(self, replies: Sequence[CipReply]) -> None:
        self._device = Device.from_replies(replies)
        self._memory["is_multiple"] = self._batch.is_multiple
        self._book.note_program(self._device.changes, self._plc.name)

    def _measure(self, request: bytes) -> Optional[int]:
        reply = self._batch.read_in_fragments(request)
        return None if reply.status else len(reply.data) - 4

    def _make_frames(self) -> None:
        link, is_multiple, names = self._connected(), self._batch.is_multiple, self._book.names
        plan = self._book.make_plan(self._room_bytes, is_multiple, self._device.is_controller)
        frames = [Frame(reads, is_multiple, names) for reads in plan.frames]
        self._frames = [(frame, link.prepare(frame.request)) for frame in frames]
        self._alone = [(Frame([read], False, names), read) for read in plan.alone]

    def _plan_again(self) -> bool:
        """After replies that did not fit: find the definitions of their tags again; whether there are new frames."""
        now_s = time.monotonic()
        if now_s - self._rechecked_s > RECHECK_S:
            self._rechecked_s = now_s
            self._doubtful |= self._book.hopeless()
        if not self._doubtful or now_s - self._replanned_s < REPLAN_S:
            return False
        self._replanned_s = now_s
        doubtful, self._doubtful = sorted(self._doubtful), set()
        has_unfit = self._book.note_unfit(frame for frame, _ in self._frames)
        is_other = self._book.find_again(doubtful, self._batch.ask, self._measure)
        if has_unfit or is_other:
            self._make_frames()
        return has_unfit or is_other

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

    def _search_on(self) -> None:
        """One step of the search for layouts after each scan: it must not make any of them late."""
        if self._search is None:
            return
        try:
            next(self._search)
        except StopIteration as end:
            self._search = None
            self._book.note_layouts(end.value)
            if end.value:
                self._make_frames()

    # -- scan ----------------------------------------------------------------------------------------------------------

    def read_scan(self) -> Scan:
        """Read every configured tag once. Raises DriverError."""
        start_s, started_s = time.monotonic(), steady_s()
        try:
            self._read_frames()
            while (self._doubtful or start_s - self._rechecked_s > RECHECK_S) and self._plan_again():
                self._read_frames()
            received_utc, received_s = read_clocks()
            frozen = next((frozen_reason(frame.mode) for frame, _ in self._frames if frame.mode is not None), None)
            self._search_on()
        except BAD_REPLIES as exc:
            self._fail(say("driver.reading_tags", count=len(self._book.names)), exc)
        duration_s = received_s - started_s
        sent_utc = received_utc - timedelta(
            seconds=duration_s
        )  # one reading of the wall clock: it may be set meanwhile
        return Scan(sent_utc, received_utc, duration_s, self._report.take(), frozen, received_s)

    def _read_frames(self) -> None:
        """Every frame once; where the controller does not execute one as a whole, all again in other frames."""
        while True:
            try:
                self._exchange_frames()
                return
            except FrameRefused as refused:
                self._adapt_to(refused)

    def _exchange_frames(self) -> None:
        link, rtt_s = self._connected(), 0.0
        if self._book.news:
            self._report.add_learned(self._book.news)
            self._book.news = []
        for frame, message in self._frames:
            at_s = steady_s()
            reply = link.exchange(message)
            rtt_s = steady_s() - at_s
            self._decode(frame, reply)
        for frame, read in self._alone:
            self._decode(frame, as_read_reply(self._batch.read_in_fragments(read.request)))
        self._rtts_s.append(rtt_s)

    def _decode(self, frame: Frame, reply: bytes) -> None:
        pairs = frame.decode(reply)
        if frame.is_learning:
            self._report.add_learned(pairs)
            self._doubtful |= {use.tag for read in frame.doubtful for slot in read.slots for use in slot.uses} - {MODE}
        elif pairs:
            self._report.add(pairs)

    def facts(self) -> LogixFacts:
        """What is known of the connection, for `_meta`; nothing while there is none."""
        link = self._link
        if link is None:
            return {}
        rtts_ms = [rtt_s * 1000 for rtt_s in self._rtts_s]
        return {
            "frames_per_scan": len(self._frames) + len(self._alone),
            "connection_size_bytes": link.connection_size,
            "controller": self._device.text,
            "program": self._device.program,
            "rtt_ms": round(rtts_ms[-1], 2) if rtts_ms else None,
            "rtt_ms_median": round(sorted(rtts_ms)[len(rtts_ms) // 2], 2) if rtts_ms else None,
            "tags": len(self._book.names),
            "tags_bad": len(self._report.bad),
        }
