"""Reading many nodes at little cost: requests encoded once, replies decoded by what the last reply looked like.

A Read request of 1,000 nodes is the same bytes at every scan but for its header. Its reply looks the same too, as long
as each node keeps its type and quality: the fixed parts (masks, types, status codes) are compared all at once as one
big number, the values come out with one `struct` call, and only those that differ from the last reply's become objects.
Where the reply looks different, it is decoded value by value (values.py), and its new look is learned.

Pure: bytes in, values out, no clock, no I/O. One thread at a time.
"""

from __future__ import annotations

import struct
from itertools import compress
from operator import and_, ne
from typing import Any, Callable, Collection, List, NamedTuple, Optional, Sequence, Set, Tuple

from ...texts.catalogue import say, text_of
from .node_id import PARSE_ERRORS, Malformed, NodeId, decode_node_id, encode_bytes, encode_node_id
from .ua_values import MAX_VALUE_BYTES, NUMBERS, DataValue, decode_data_value

READ_REQUEST = b"\x01\x00" + struct.pack("<H", 631)  # NodeId of ReadRequest's binary encoding
READ_RESPONSE = 634
SERVICE_FAULT = 397
ATTRIBUTE_VALUE = 13

TOO_MUCH = (0x8010_0000, 0x80B8_0000, 0x80B9_0000, 0x8008_0000)
"""BadTooManyOperations, BadRequestTooLarge, BadResponseTooLarge, BadEncodingLimitsExceeded: ask for less at once."""

TIMESTAMPS_SOURCE = 0
TIMESTAMPS_BOTH = 2

HAS_VALUE, HAS_STATUS, HAS_SOURCE_TIME = 0x01, 0x02, 0x04  # flags of a DataValue

Check = Callable[[], None]
"""Called between values that are decoded one by one; raises when they take too long."""

_RAW_CODES = {1: "B", 10: "I", 11: "Q"}  # floats are compared as bits: NaN equals itself, 0.0 is not -0.0
_CODES = {1: "?", **NUMBERS}
_I32 = struct.Struct("<i")


def no_check() -> None:
    """Few values, or a caller who has time."""


class Reading(NamedTuple):
    """A node whose value or status differs from the last reply's. `ticks` is its source timestamp."""

    place: int  # in the request
    value: Any
    status: int
    ticks: Optional[int]


class ResponseHead(NamedTuple):
    """What every answer begins with: its type's number, the server's time and verdict, and where the rest begins."""

    type_id: int
    server_ticks: int
    status: int
    end: int


class ReplyChange(NamedTuple):
    """What one reply tells against the last one.

    blocks    (places, values) of good values that changed and of which nothing more is asked
    readings  all others that changed: watched or detailed nodes, bad ones, and what was decoded on its own
    moved     watched nodes of which only the source timestamp moved, so that it is no time of a change
    """

    blocks: List[Tuple[List[int], List[Any]]]
    readings: List[Reading]
    moved: Set[int]


# -- requests ----------------------------------------------------------------------------------------------------------


def encode_read(nodes: Sequence[Tuple[NodeId, int]], timestamps: int = TIMESTAMPS_SOURCE) -> bytes:
    """Everything of a ReadRequest behind its header, for (node, attribute) pairs; values not older than "now"."""
    parts = [struct.pack("<dIi", 0.0, timestamps, len(nodes))]
    for node, attribute in nodes:
        parts.append(encode_node_id(node) + struct.pack("<I", attribute))
        parts.append(encode_bytes(None) + b"\x00\x00" + encode_bytes(None))  # no index range, default encoding
    return b"".join(parts)


def split_nodes(nodes: Sequence[NodeId], limit: int, max_bytes: int) -> List[List[NodeId]]:
    """Chunks of at most `limit` nodes (0: no limit) and `max_bytes` of request (0: no limit)."""
    chunks: List[List[NodeId]] = [[]]
    size = 0
    for node in nodes:
        node_bytes = len(encode_node_id(node)) + 14
        is_full = (limit and len(chunks[-1]) >= limit) or (max_bytes and size + node_bytes > max_bytes)
        if is_full and chunks[-1]:
            chunks.append([])
            size = 0
        chunks[-1].append(node)
        size += node_bytes
    return [chunk for chunk in chunks if chunk]


# -- replies -----------------------------------------------------------------------------------------------------------


def decode_head(body: bytes) -> ResponseHead:
    """The ResponseHeader (OPC 10000-4, 7.33) of any answer. Raises Malformed."""
    try:
        type_node, pos = decode_node_id(body, 0)
        ticks, _, status = struct.unpack_from("<qII", body, pos)
        diagnostics = body[pos + 16]
        pos += 17
        if diagnostics:
            raise Malformed(say("parse.diagnostics"))
        (strings,) = _I32.unpack_from(body, pos)
        pos += 4
        for _ in range(strings):
            (size,) = _I32.unpack_from(body, pos)
            pos += 4 + max(0, size)
            if pos > len(body):
                raise Malformed(say("parse.header_cut"))
        _, pos = decode_node_id(body, pos)  # additional header
        form = body[pos]
        pos += 1
        if form:
            (size,) = _I32.unpack_from(body, pos)
            pos += 4 + max(0, size)
        if pos > len(body):
            raise Malformed(say("parse.header_cut"))
    except PARSE_ERRORS as exc:
        raise Malformed(say("parse.header", fault=text_of(exc))) from exc
    number = type_node.identifier if type_node.namespace == 0 and isinstance(type_node.identifier, int) else -1
    return ResponseHead(number, ticks, status, pos)


def decode_read(
    body: bytes, pos: int, count: int, ends: Optional[List[int]] = None, check: Check = no_check
) -> List[DataValue]:
    """All results of a ReadResponse that begin at `pos`. Raises Malformed unless exactly `count` fill the message.

    Where each result ends is appended to `ends`.
    """
    try:
        (found,) = _I32.unpack_from(body, pos)
        if found != count:
            raise Malformed(say("parse.count", count=count, found=found))
        pos += 4
        values = []
        for _ in range(count):
            value, pos = decode_data_value(body, pos)
            check()
            values.append(value)
            if ends is not None:
                ends.append(pos)
        (diagnostics,) = _I32.unpack_from(body, pos)
    except PARSE_ERRORS as exc:
        raise Malformed(say("parse.values", fault=text_of(exc))) from exc
    if diagnostics > 0 or pos + 4 != len(body):
        raise Malformed(say("parse.rest", count=len(body) - pos - 4))
    return values


class _Run:
    """Neighbouring results of fixed size: where their constant bytes, values and stamps are."""

    def __init__(
        self, first: int, values: Sequence[DataValue], watched: Collection[int], detailed: Collection[int]
    ) -> None:
        self.first, self.count = first, len(values)
        self.stamped = [i for i, value in enumerate(values, first) if value.flags & HAS_SOURCE_TIME and i in watched]
        self.watches_stamps = bool(self.stamped)
        constant, mask = bytearray(), bytearray()
        raw, typed, stamps = ["<"], ["<"], ["<"]
        for index, value in enumerate(values, first):
            head = bytes((value.flags, value.type_id)) if value.flags & HAS_VALUE else bytes((value.flags,))
            code = _CODES[value.type_id] if value.flags & HAS_VALUE else ""
            size = struct.calcsize("<" + code)
            status = struct.pack("<I", value.status) if value.flags & HAS_STATUS else b""
            times = _times_size(value.flags)
            constant += head + bytes(size) + status + bytes(times)
            mask += b"\xff" * len(head) + bytes(size) + b"\xff" * len(status) + bytes(times)
            behind = len(status) + times
            if code:
                raw.append(f"{len(head)}x{_RAW_CODES.get(value.type_id, code)}{behind}x")
                typed.append(f"{len(head)}x{code}{behind}x")
            else:  # no value: its constant flags hold its place
                raw.append(f"B{behind}x")
                typed.append(f"B{behind}x")
            before = len(head) + size + len(status)
            is_stamped = bool(value.flags & HAS_SOURCE_TIME) and index in watched
            stamps.append(f"{before}xq{times - 8}x" if is_stamped else f"{before + times}x")
        self.size = len(constant)
        self._constant = int.from_bytes(constant, "little")
        self._mask = int.from_bytes(mask, "little")
        self._raw = struct.Struct("".join(raw))
        self._typed = struct.Struct("".join(typed))
        self._stamps = struct.Struct("".join(stamps))
        self._statuses = [value.status for value in values]
        self._stamp_at = {index: place for place, index in enumerate(self.stamped)}
        self._places = range(first, first + len(values))
        self._is_plain = [
            index not in detailed and not value.status >> 30 and bool(value.flags & HAS_VALUE)
            for index, value in enumerate(values, first)
        ]
        self._detailed = [index for index, is_plain in zip(self._places, self._is_plain) if not is_plain]

    def fits(self, body: bytes, pos: int) -> bool:
        """Whether every mask, type and status is where and what it was."""
        if pos + self.size > len(body):
            return False
        return int.from_bytes(body[pos : pos + self.size], "little") & self._mask == self._constant

    def compare(self, old: bytes, old_pos: int, new: bytes, new_pos: int, change: ReplyChange) -> None:
        """Add to `change` what the run at `new_pos` tells against the one at `old_pos`."""
        raw, before = self._raw.unpack_from(new, new_pos), self._raw.unpack_from(old, old_pos)
        differs: List[bool] = list(map(ne, raw, before)) if raw != before else []
        stamps: Tuple[int, ...] = ()
        if self.watches_stamps:
            stamps = self._stamps.unpack_from(new, new_pos)
            stamps_before = self._stamps.unpack_from(old, old_pos)
            if stamps != stamps_before:
                moved = compress(self.stamped, map(ne, stamps, stamps_before))
                change.moved.update(place for place in moved if not (differs and differs[place - self.first]))
        if not differs:
            return
        typed = self._typed.unpack_from(new, new_pos)
        plain = list(map(and_, differs, self._is_plain))
        change.blocks.append((list(compress(self._places, plain)), list(compress(typed, plain))))
        for place in compress(self._detailed, [differs[place - self.first] for place in self._detailed]):
            at = self._stamp_at.get(place)
            ticks = stamps[at] if stamps and at is not None else None
            change.readings.append(Reading(place, typed[place - self.first], self._statuses[place - self.first], ticks))


def _times_size(flags: int) -> int:
    """Bytes of the timestamps and picoseconds that follow value and status."""
    return 8 * bool(flags & 0x04) + 2 * bool(flags & 0x10) + 8 * bool(flags & 0x08) + 2 * bool(flags & 0x20)


def _has_fixed_size(value: DataValue) -> bool:
    if not value.flags & HAS_VALUE:
        return True
    return value.type_id in _CODES and not value.is_array


class ReplyDecoder:
    """The replies to one repeated Read request of `count` nodes.

    `watched` are the places whose source timestamps matter, `detailed` those that shall come as a Reading all the same.
    """

    def __init__(self, count: int, watched: Collection[int] = (), detailed: Collection[int] = ()) -> None:
        self._count = count
        self._watched = frozenset(watched)
        self._detailed = self._watched.union(detailed)
        self._previous = b""
        self._layout: List[Any] = []  # _Run, or the index of a value that is decoded on its own

    def decode(self, body: bytes, pos: int, check: Check = no_check) -> ReplyChange:
        """Compare the results at `pos` with the last reply's. Raises Malformed: the decoder is then of no more use."""
        results = body[pos:]
        if results == self._previous:
            return ReplyChange([], [], set())
        change = self._compare_by_layout(results, check) if self._previous else None
        if change is None:
            change = self._compare_one_by_one(results, check)
        self._previous = results
        return change

    def ignore_stamps(self, moving: Collection[int]) -> None:
        """Runs whose watched stamps all are known to move on their own need not look at them any more."""
        for entry in self._layout:
            if isinstance(entry, _Run) and entry.watches_stamps:
                entry.watches_stamps = not all(index in moving for index in entry.stamped)

    def _compare_by_layout(self, results: bytes, check: Check) -> Optional[ReplyChange]:
        old = self._previous
        if results[:4] != old[:4]:
            return None
        pos = old_pos = 4
        change = ReplyChange([], [], set())
        for entry in self._layout:
            if isinstance(entry, _Run):
                if not entry.fits(results, pos):
                    return None
                entry.compare(old, old_pos, results, pos, change)
                pos += entry.size
                old_pos += entry.size
                continue
            place, raw = entry
            if raw and results.startswith(raw, pos):
                pos += len(raw)
                old_pos += len(raw)
                continue
            value, end = _decode_one(results, pos)
            before, old_end = _decode_one(old, old_pos)
            check()
            self._compare_values(place, before, value, change)
            entry[1] = _kept(results, pos, end)
            pos, old_pos = end, old_end
        is_end = pos + 4 == len(results) and results[pos:] in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x00")
        return change if is_end else None

    def _compare_one_by_one(self, results: bytes, check: Check) -> ReplyChange:
        ends: List[int] = []
        values = decode_read(results, 0, self._count, ends, check)
        old = decode_read(self._previous, 0, self._count, None, check) if self._previous else []
        change = ReplyChange([], [], set())
        for place, value in enumerate(values):
            if old:
                self._compare_values(place, old[place], value, change)
            else:
                change.readings.append(Reading(place, value.value, value.status, value.source_ticks))
        self._learn(results, values, ends)
        return change

    def _compare_values(self, place: int, old: DataValue, new: DataValue, change: ReplyChange) -> None:
        if new.variant != old.variant or new.status != old.status:
            change.readings.append(Reading(place, new.value, new.status, new.source_ticks))
        elif place in self._watched and new.source_ticks != old.source_ticks:
            change.moved.add(place)

    def _learn(self, results: bytes, values: Sequence[DataValue], ends: Sequence[int]) -> None:
        self._layout = []
        run: List[DataValue] = []
        for index, (value, start, end) in enumerate(zip(values, (4, *ends), ends)):
            raw = _kept(results, start, end)
            if _has_fixed_size(value):
                run.append(value)
                continue
            if run:
                self._layout.append(_Run(index - len(run), run, self._watched, self._detailed))
                run = []
            self._layout.append([index, raw])
        if run:
            self._layout.append(_Run(len(values) - len(run), run, self._watched, self._detailed))


def _kept(results: bytes, start: int, end: int) -> bytes:
    """The bytes of a result; of one that is too large to be a value none, it is decoded each time."""
    return results[start:end] if end - start <= MAX_VALUE_BYTES else b""


def _decode_one(results: bytes, pos: int) -> Tuple[DataValue, int]:
    try:
        return decode_data_value(results, pos)
    except PARSE_ERRORS as exc:
        raise Malformed(say("parse.value", fault=text_of(exc))) from exc
