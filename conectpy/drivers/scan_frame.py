"""One frame of a scan: its request, and what has changed since its last reply. Pure.

The first good reply teaches the frame where every value lies and which bytes are none. From then on a reply is
compared with the last one; if it differs, the bytes that are no values are held against the learned ones in one
operation, and one `unpack` takes out all values. A reply that does not fit is read again step by step: each service
code, status, type and length is checked, and what is not as planned is a bad sample.
"""

from __future__ import annotations

import struct
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from .cip_messages import CipReply, join_requests, parse_reply, split_replies
from .cip_types import BEYOND_END, PARTIAL, PATH_ERRORS, REPLY_TOO_LARGE, type_name
from .scan_plan import Read, Slot, Use, compile_slots

Raw = Union[None, int, bytes]


class TagFault(NamedTuple):
    """Why a tag has no value. `is_vanished`: the controller says that there is no such tag."""

    error: str
    is_vanished: bool = False


class FrameRefused(Exception):
    """The controller does not execute this frame as a whole; `reply` says why."""

    def __init__(self, reply: CipReply) -> None:
        super().__init__(reply.reason)
        self.reply = reply


class Change(NamedTuple):
    """New raw value of the tags of a slot; or, where there is none, the fault."""

    uses: Tuple[Use, ...]
    raw: Raw
    fault: Optional[TagFault] = None


class _Layout(NamedTuple):
    """What a reply looks like when nothing but values differ from the one that taught it."""

    size: int
    mask: int
    fixed: int
    values: struct.Struct
    slots: Tuple[int, ...]
    uses: Tuple[Tuple[Use, ...], ...]


class Frame:
    """Reads that are asked for together. `decode` is given each reply in turn.

    `doubtful` are reads whose last reply did not fit the plan (or has come for the first time): their definitions
    have to be found again. `crowded` are those whose replies found no room in the frame.
    """

    def __init__(self, reads: Sequence[Read], is_multiple: bool) -> None:
        self.reads = list(reads)
        self.is_multiple = is_multiple and len(reads) > 1
        self.request = join_requests([read.request for read in reads]) if self.is_multiple else reads[0].request
        self.doubtful: List[Read] = []
        self.crowded: List[Read] = []
        self._structs = [compile_slots(read) for read in self.reads]
        self._slots: List[Slot] = [slot for read in self.reads for slot in read.slots]
        self._faults: Dict[int, TagFault] = {}
        self._last: Optional[bytes] = None
        self._layout: Optional[_Layout] = None
        self._values: Tuple[Raw, ...] = (None,) * len(self._slots)  # of the learned layout's slots, or of all
        self._is_first = True

    def decode(self, reply: bytes) -> Sequence[Change]:
        """What differs from the reply before; for the first reply everything. Raises MalformedReply, FrameRefused."""
        if reply == self._last:
            return ()
        layout = self._layout
        if layout is None or len(reply) != layout.size:
            return self._read_slowly(reply)
        if int.from_bytes(reply, "little") & layout.mask != layout.fixed:
            return self._read_slowly(reply)
        values = layout.values.unpack(reply)
        before, uses = self._values, layout.uses
        self._last, self._values = reply, values
        return [Change(uses[at], new) for at, (new, old) in enumerate(zip(values, before)) if new != old]

    # -- step by step --------------------------------------------------------------------------------------------------

    def _read_slowly(self, reply: bytes) -> List[Change]:
        pieces = self._split(reply)
        known: List[Raw] = self._all_values()
        values: List[Raw] = []
        faults: Dict[int, TagFault] = {}
        spans: List[Tuple[int, int, int, str]] = []  # (start, end, slot, layout) of the values in the reply
        self.doubtful, self.crowded = [], []
        for read, layout, (start, end) in zip(self.reads, self._structs, pieces):
            first = len(values)
            found = self._read_one(read, layout, reply[start:end])
            if isinstance(found, TagFault):
                values += [None] * len(read.slots)
                faults.update({first + at: found for at in range(len(read.slots))})
                continue
            raws, data_at = found
            values += raws
            for at, (slot, raw) in enumerate(zip(read.slots, raws)):
                text = f"{len(raw)}s" if isinstance(raw, bytes) else slot.layout
                begin = start + data_at + slot.at
                spans.append((begin, begin + struct.calcsize("<" + text), first + at, text))
        changes = [
            Change(slot.uses, values[at], faults.get(at))
            for at, slot in enumerate(self._slots)
            if self._is_first or values[at] != known[at] or faults.get(at) != self._faults.get(at)
        ]
        self._faults, self._is_first, self._last = faults, False, reply
        self._learn(reply, spans, values)
        return changes

    def _split(self, reply: bytes) -> List[Tuple[int, int]]:
        if not self.is_multiple:
            return [(0, len(reply))]
        whole, pieces = split_replies(reply, len(self.reads))
        if not pieces:
            raise FrameRefused(whole)
        return pieces

    def _all_values(self) -> List[Raw]:
        if self._layout is None:
            return list(self._values)
        known: List[Raw] = [None] * len(self._slots)
        for slot, value in zip(self._layout.slots, self._values):
            known[slot] = value
        return known

    def _read_one(self, read: Read, layout: struct.Struct, piece: bytes) -> Union[TagFault, Tuple[List[Raw], int]]:
        """Raw values and where the data begins, or the fault."""
        answer = parse_reply(read.service, piece)
        if answer.status:
            return self._refused(read, answer)
        if read.head is None:
            self.doubtful.append(read)
            return TagFault("is there again; its type is being found out")
        data, size = answer.data, len(read.head)
        if data[:size] != read.head:
            self.doubtful.append(read)
            return TagFault(f"its type has changed: {type_name(data)} instead of {type_name(read.head)}")
        data_at = len(piece) - len(data) + size
        if read.size_bytes is None:
            raws: List[Raw] = [data[size:]]
            return raws, data_at
        is_padded = read.size_bytes % 2 == 1 and len(data) == size + read.size_bytes + 1
        if len(data) != size + read.size_bytes and not is_padded:
            self.doubtful.append(read)
            return TagFault(f"{len(data) - size} bytes came instead of {read.size_bytes}")
        return list(layout.unpack_from(data, size)), data_at

    def _refused(self, read: Read, answer: CipReply) -> TagFault:
        if answer.status in (PARTIAL, REPLY_TOO_LARGE) and self.is_multiple:
            self.crowded.append(read)
            self.doubtful.append(read)
        elif read.is_range:
            self.doubtful.append(read)
        is_beyond = (answer.status, *answer.extended[:1]) == BEYOND_END
        return TagFault(answer.reason, answer.status in PATH_ERRORS or is_beyond)

    def _learn(self, reply: bytes, spans: Sequence[Tuple[int, int, int, str]], values: Sequence[Raw]) -> None:
        mask = bytearray(b"\xff" * len(reply))
        layout, at = "<", 0
        for start, end, _, text in spans:
            mask[start:end] = bytes(end - start)
            layout += (f"{start - at}x" if start > at else "") + text
            at = end
        layout += f"{len(reply) - at}x" if len(reply) > at else ""
        number = int.from_bytes(mask, "little")
        slots = tuple(slot for _, _, slot, _ in spans)
        self._layout = _Layout(
            len(reply),
            number,
            int.from_bytes(reply, "little") & number,
            struct.Struct(layout),
            slots,
            tuple(self._slots[slot].uses for slot in slots),
        )
        self._values = tuple(values[slot] for slot in slots)
