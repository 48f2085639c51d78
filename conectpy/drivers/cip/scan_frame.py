"""One frame of a scan: its request, and what has changed since its last reply. Pure.

The first good reply teaches the frame where every value lies and which bytes are none. From then on a reply is
compared with the last one; if it differs, the bytes that are no values are held against the learned ones in one
operation, and one `unpack` takes out all values. A reply that does not fit is read again step by step: each service
code, status, type and length is checked, and what is not as planned is a bad sample.
"""

from __future__ import annotations

import struct
from itertools import compress, repeat
from operator import and_, ne
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from ...models import Sample
from ...texts.catalogue import Text, say
from .cip_requests import CipReply, join_requests, parse_reply, split_replies
from .data_types import BEYOND_END, PARTIAL, PATH_ERRORS, REPLY_TOO_LARGE, type_name
from .scan_plan import MODE, Read, Slot

_GOOD = tuple(repeat(item) for item in tuple(Sample(None))[1:])  # what follows the value in a good sample, for ever

Raw = Union[None, bool, int, bytes]
Pair = Tuple[str, Sample]
"""A tag's name and its sample."""


class TagFault(NamedTuple):
    """Why a tag has no value. `is_vanished`: the controller says that there is no such tag."""

    error: Text
    is_vanished: bool = False


class FrameRefused(Exception):
    """The controller does not execute this frame as a whole; `reply` says why."""

    def __init__(self, reply: CipReply) -> None:
        super().__init__(reply.reason)
        self.reply = reply


class _Span(NamedTuple):
    """Where in the reply the value of a slot lies; its bytes may be fewer than planned (`raw`)."""

    start: int
    end: int
    slot: int
    raw: str


class _Layout(NamedTuple):
    """What a reply looks like when nothing but values differ from the one that taught it.

    Per value: its slot, the name of its first tag, and whether it is that tag's value as it stands (`plain` None: all
    are). `typed` is None when it makes the same as `raw`.
    """

    size_bytes: int
    mask: int
    fixed: int
    raw: struct.Struct
    typed: Optional[struct.Struct]
    slots: Tuple[int, ...]
    names: Tuple[str, ...]
    plain: Optional[Tuple[bool, ...]]


class Frame:
    """Reads that are asked for together. `decode` is given each reply in turn; `names` are the tags' by their numbers.

    After `decode`: `is_learning` says that the reply had to be read step by step, `doubtful` are reads whose reply did
    not fit the plan (or came for the first time): their definitions have to be found again. `crowded` are those whose
    replies found no room in the frame. `mode` is the controller's status word, where this frame asks for it.
    """

    def __init__(self, reads: Sequence[Read], is_multiple: bool, names: Sequence[str]) -> None:
        self.reads = list(reads)
        self.is_multiple = is_multiple and len(reads) > 1
        self.request = join_requests([read.request for read in reads]) if self.is_multiple else reads[0].request
        self.mode: Optional[int] = None
        self.is_learning = False
        self.doubtful: List[Read] = []
        self.crowded: List[Read] = []
        self._names = names
        self._slots: List[Slot] = [slot for read in self.reads for slot in read.slots]
        self._faults: Dict[int, TagFault] = {}
        self._last: Optional[bytes] = None
        self._layout: Optional[_Layout] = None
        self._values: Sequence[Raw] = ()  # of the learned layout

    def decode(self, reply: bytes) -> List[Pair]:
        """What differs from the reply before; for the first reply everything. Raises MalformedReply, FrameRefused."""
        self.is_learning = False
        if reply == self._last:
            return []
        layout = self._layout
        if layout is None or len(reply) != layout.size_bytes:
            return self._learn(reply)
        if int.from_bytes(reply, "little") & layout.mask != layout.fixed:
            return self._learn(reply)
        before, values = self._values, layout.raw.unpack(reply)
        self._last, self._values = reply, values
        return self._samples(layout, reply, list(map(ne, values, before)), before)

    def _samples(self, layout: _Layout, reply: bytes, changed: List[bool], before: Sequence[Raw]) -> List[Pair]:
        """The samples of the values that have changed. There are many: they are made without a line of Python each."""
        if True not in changed:
            return []
        values = self._values
        typed = values if layout.typed is None else layout.typed.unpack(reply)
        plain = changed if layout.plain is None else list(map(and_, changed, layout.plain))
        samples = map(tuple.__new__, repeat(Sample), zip(compress(typed, plain), *_GOOD))
        pairs: List[Pair] = list(zip(compress(layout.names, plain), samples))  # type: ignore[arg-type]
        if layout.plain is not None:
            for at in compress(range(len(changed)), changed):
                if not layout.plain[at]:
                    self._add_made(pairs, self._slots[layout.slots[at]], values[at], typed[at], before[at])
        return pairs

    def _add_made(self, pairs: List[Pair], slot: Slot, raw: Raw, typed: Raw, before: Raw) -> None:
        """The samples of what is made out of a slot: texts, bits, the mode."""
        names = self._names
        for tag, bit in slot.uses:
            if bit is not None:
                assert isinstance(raw, int)
                if not isinstance(before, int) or (raw ^ before) >> bit & 1:
                    pairs.append((names[tag], Sample(raw >> bit & 1 == 1)))
            elif tag == MODE:
                self.mode = raw if isinstance(raw, int) else None
            elif slot.to_text is not None:
                assert isinstance(raw, bytes)
                text = slot.to_text(raw)
                if not isinstance(before, bytes) or slot.to_text(before) != text:
                    pairs.append((names[tag], Sample(text)))
            else:
                pairs.append((names[tag], Sample(typed)))  # type: ignore[arg-type]

    # -- step by step --------------------------------------------------------------------------------------------------

    def _learn(self, reply: bytes) -> List[Pair]:
        """Read a reply with all checks; what is sound teaches the layout, the rest are faults."""
        self.doubtful, self.crowded = [], []
        spans, faults = self._inspect(reply)
        known: Dict[int, Raw] = dict(zip(self._layout.slots, self._values)) if self._layout is not None else {}
        layout = self._layout = self._lay_out(reply, spans)
        values = self._values = layout.raw.unpack(reply)
        before = [known.get(slot) for slot in layout.slots]
        changed = [old is None or new != old for new, old in zip(values, before)]
        pairs = self._samples(layout, reply, changed, before)
        for slot, fault in faults.items():
            if fault != self._faults.get(slot):
                pairs += self._fault_samples(self._slots[slot], fault)
        self._faults, self._last, self.is_learning = faults, reply, True
        return pairs

    def _fault_samples(self, slot: Slot, fault: TagFault) -> List[Pair]:
        if any(tag == MODE for tag, _ in slot.uses):
            self.mode = None
        return [
            (
                self._names[tag],
                Sample(None, say("tag.fault", tag=self._names[tag], fault=fault.error), is_vanished=fault.is_vanished),
            )
            for tag, _ in slot.uses
            if tag != MODE
        ]

    def _inspect(self, reply: bytes) -> Tuple[List[_Span], Dict[int, TagFault]]:
        """Where the sound values lie, and the faults by slot. Raises MalformedReply, FrameRefused."""
        spans: List[_Span] = []
        faults: Dict[int, TagFault] = {}
        first = 0
        for read, (start, end) in zip(self.reads, self._split(reply)):
            found = self._inspect_read(read, reply[start:end])
            for number, slot in enumerate(read.slots, first):
                if isinstance(found, TagFault):
                    faults[number] = found
                else:
                    at, size = found
                    raw = slot.raw if read.size_bytes is not None else f"{size}s"
                    begin = start + at + slot.at
                    spans.append(_Span(begin, begin + struct.calcsize("<" + raw), number, raw))
            first += len(read.slots)
        return spans, faults

    def _split(self, reply: bytes) -> List[Tuple[int, int]]:
        if not self.is_multiple:
            return [(0, len(reply))]
        whole, pieces = split_replies(reply, len(self.reads))
        if not pieces:
            raise FrameRefused(whole)
        return pieces

    def _inspect_read(self, read: Read, piece: bytes) -> Union[TagFault, Tuple[int, int]]:
        """Where in the piece the data begins and how many bytes it has; or the fault."""
        answer = parse_reply(read.service, piece)
        if answer.status:
            return self._refused(read, answer)
        if read.head is None:
            self.doubtful.append(read)
            return TagFault(say("tag.back"))
        data, head = answer.data, len(read.head)
        if data[:head] != read.head:
            self.doubtful.append(read)
            return TagFault(say("tag.other_type", got=type_name(data), planned=type_name(read.head)))
        size = len(data) - head
        is_padded = read.size_bytes is not None and read.size_bytes % 2 == 1 and size == read.size_bytes + 1
        if read.size_bytes is not None and size != read.size_bytes and not is_padded:
            self.doubtful.append(read)
            return TagFault(say("tag.other_size", got=size, planned=read.size_bytes))
        return len(piece) - size, size

    def _refused(self, read: Read, answer: CipReply) -> TagFault:
        if answer.status in (PARTIAL, REPLY_TOO_LARGE) and self.is_multiple:
            self.crowded.append(read)
            self.doubtful.append(read)
        elif read.is_range:
            self.doubtful.append(read)
        is_beyond = (answer.status, *answer.extended[:1]) == BEYOND_END
        return TagFault(answer.reason, answer.status in PATH_ERRORS or is_beyond)

    def _lay_out(self, reply: bytes, spans: Sequence[_Span]) -> _Layout:
        mask = bytearray(b"\xff" * len(reply))
        raw = typed = "<"
        at = 0
        names: List[str] = []
        plain: List[bool] = []
        for span in spans:
            slot = self._slots[span.slot]
            mask[span.start : span.end] = bytes(span.end - span.start)
            gap = f"{span.start - at}x" if span.start > at else ""
            raw += gap + span.raw
            typed += gap + (slot.typed or span.raw)
            at = span.end
            (tag, bit), is_single = slot.uses[0], len(slot.uses) == 1
            plain.append(is_single and bit is None and slot.to_text is None and tag != MODE)
            names.append(self._names[tag] if tag != MODE else "")
        rest = f"{len(reply) - at}x" if len(reply) > at else ""
        number = int.from_bytes(mask, "little")
        return _Layout(
            len(reply),
            number,
            int.from_bytes(reply, "little") & number,
            struct.Struct(raw + rest),
            struct.Struct(typed + rest) if typed != raw else None,
            tuple(span.slot for span in spans),
            tuple(names),
            None if all(plain) else tuple(plain),
        )
