"""Which requests read the configured tags, in as few frames as the connection's size allows. Pure.

From paths and definitions to `Read`s: every word, element and string is asked for once, however many tags come out of
it, and neighbouring elements of an array are asked for as one range where that is smaller. Then the reads are packed
into frames; request and reply are both counted to the byte.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import AbstractSet, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ...texts.catalogue import Text, say
from .cip_requests import (
    MULTIPLE_REPLY_BYTES,
    MULTIPLE_REQUEST_BYTES,
    OFFSET_BYTES,
    REPLY_HEAD_BYTES,
    STATUS_REQUEST,
    read_request,
)
from .data_types import DWORD_CODE, Definition, ToText, text_converter
from .struct_layouts import Layout, slot_place
from .tag_paths import TagPath

MODE = -1
"""The number of a "tag" that is the controller's status word."""
UNKNOWN_REPLY_BYTES = REPLY_HEAD_BYTES + 2 + 8
RANGE_REPLY_HEAD_BYTES = REPLY_HEAD_BYTES + OFFSET_BYTES


class Use(NamedTuple):
    """One tag that comes out of a slot of a read's data: the whole of it, or one bit."""

    tag: int
    bit: Optional[int] = None


@dataclass(frozen=True)
class Slot:
    """One value in a read's data, `at` bytes behind the type head, with everything that is made of it.

    `raw` is the struct code by which it is compared, `typed` the one that makes its value, `to_text` what makes a text
    of its bytes.
    """

    at: int
    raw: str
    uses: Tuple[Use, ...]
    typed: str = ""
    to_text: Optional[ToText] = None


@dataclass(frozen=True)
class Read:
    """One service of a frame: its request, and what a good reply holds.

    `head` None: the type is not known, the read only finds out whether there is one by now (its slots name the tags).
    `size_bytes` None: it differs from reply to reply, up to `room_bytes`. `is_range` reads several elements: when it
    fails, each of them is asked for alone.
    """

    request: bytes
    slots: Tuple[Slot, ...]
    head: Optional[bytes] = None
    size_bytes: Optional[int] = None
    room_bytes: int = UNKNOWN_REPLY_BYTES
    is_range: bool = False
    keys: Tuple[str, ...] = ()

    @property
    def service(self) -> int:
        return self.request[0]


class Faulty(NamedTuple):
    """A tag that no request can read, with the reason."""

    tag: int
    error: Text


@dataclass
class Plan:
    """The reads of a scan in frames, `alone` those too large for any (read in fragments), `faulty` the hopeless."""

    frames: List[List[Read]] = field(default_factory=list)
    alone: List[Read] = field(default_factory=list)
    faulty: List[Faulty] = field(default_factory=list)
    is_multiple: bool = True


def make_plan(
    paths: Mapping[int, TagPath],
    definitions: Mapping[str, Definition],
    room_bytes: int,
    is_multiple: bool = True,
    separate: AbstractSet[str] = frozenset(),
    crowded: AbstractSet[str] = frozenset(),
    with_mode: bool = False,
    layouts: Mapping[str, Layout] = {},
) -> Plan:
    """The plan for tags (number -> path) on a connection with `room_bytes` for a CIP request and for a CIP reply.

    `definitions` by `TagPath.key`; a path without one is asked for all the same. `separate` holds the keys of
    elements that must not be read as part of a range, `crowded` of those whose replies must not share a frame.
    `layouts` are those of structures, by the `key` of the path they are at.
    """
    plan = Plan(is_multiple=is_multiple)
    elements: Dict[str, Element] = {}
    for tag, path in paths.items():
        definition = definitions.get(path.key)
        found = _element(tag, path, definition) if definition is not None else Element(path, None, [(None, tag)])
        if isinstance(found, Text):
            plan.faulty.append(Faulty(tag, found))
        elif found.path.key in elements:
            elements[found.path.key].bits.extend(found.bits)
        else:
            elements[found.path.key] = found
    reads = _reads_of(list(elements.values()), room_bytes, separate, layouts)
    fits: List[Read] = []
    for read in reads:
        is_small = read.room_bytes <= room_bytes and crowded.isdisjoint(read.keys)
        (fits if is_small else plan.alone).append(read)
    plan.frames = pack(fits, room_bytes) if is_multiple else [[read] for read in fits]
    if with_mode or not (plan.frames or plan.alone):  # a line on which nothing is asked could be dead
        _add_mode(plan, room_bytes)
    return plan


@dataclass
class Element:
    """One thing to ask for, with the tags made of it: (bit, tag), bit None for the whole."""

    path: TagPath
    definition: Optional[Definition]
    bits: List[Tuple[Optional[int], int]]


def _element(tag: int, path: TagPath, definition: Definition) -> Union[Element, Text]:
    """What has to be asked for the tag, or why nothing can be.

    A BOOL array is kept as words: element 33 is bit 1 of word 1. (`definition` is what its first word tells.)
    """
    if definition.atomic is None and not definition.is_string:
        is_structure = len(definition.head) == 4
        return say("tag.structure" if is_structure else "tag.unsupported", type=definition.name)
    atomic, bit = definition.atomic, path.bit
    if atomic is not None and atomic.code == DWORD_CODE:
        if path.index and bit is not None:
            return say("tag.no_bits_array")
        if len(path.index) == 1:
            return Element(path.at(path.index[0] // 32), definition, [(path.index[0] % 32, tag)])
        bit = bit or 0
    if bit is not None and (atomic is None or not atomic.is_word):
        return say("tag.no_bits", type=definition.name)
    if bit is not None and atomic is not None and bit >= 8 * atomic.size_bytes:
        return say("tag.no_bit", type=definition.name, bit=bit, last=8 * atomic.size_bytes - 1)
    return Element(TagPath(path.parts), definition, [(bit, tag)])


# -- reads -------------------------------------------------------------------------------------------------------------


def _reads_of(
    elements: Sequence[Element], room_bytes: int, separate: AbstractSet[str], layouts: Mapping[str, Layout]
) -> List[Read]:
    """Structures and ranges where they are smaller than what is wanted of them, single reads for the rest."""
    reads: List[Read] = []
    arrays: Dict[Tuple[str, bytes], List[Element]] = {}
    structures: Dict[str, List[Element]] = {}
    for element in elements:
        definition, key = element.definition, element.path.key
        if definition is None or definition.length_bytes or key in separate:
            reads.append(_single(element))
        elif element.path.parent_key in layouts and element.path.parent_key not in separate:
            structures.setdefault(element.path.parent_key, []).append(element)
        elif element.path.index:
            arrays.setdefault((element.path.array_key, definition.head), []).append(element)
        else:
            reads.append(_single(element))
    most_bytes = room_bytes - MULTIPLE_REPLY_BYTES - RANGE_REPLY_HEAD_BYTES - 4
    for key, members in structures.items():
        apart = _reads_of(members, room_bytes, separate, {})
        whole = _structure(members, layouts[key]) if layouts[key].size_bytes <= most_bytes else None
        reads += [whole] if whole is not None and _cost([whole]) < _cost(apart) else apart
    for members in arrays.values():
        members.sort(key=lambda element: element.path.index[-1])
        for group in _ranges(members, most_bytes):
            reads.append(_range(group) if len(group) > 1 else _single(group[0]))
    return reads


def _cost(reads: Sequence[Read]) -> int:
    """Bytes of requests and replies in a frame."""
    return sum(len(read.request) + read.room_bytes + 2 * OFFSET_BYTES for read in reads)


def _structure(members: Sequence[Element], layout: Layout) -> Optional[Read]:
    """One read of the whole structure; None when a member is not to be had so."""
    slots: Dict[Tuple[int, str], Slot] = {}
    for element in members:
        definition = element.definition
        assert definition is not None
        place = slot_place(layout, element.path, definition)
        if place is None:
            return None
        at, bit = place
        slot = _slot(element, at)
        if bit is not None:  # BOOLs share a byte
            slot = Slot(at, "B", tuple(Use(use.tag, bit) for use in slot.uses))
        known = slots.get((at, slot.raw))
        slots[at, slot.raw] = slot if known is None else replace(known, uses=known.uses + slot.uses)
    ordered = tuple(slots[key] for key in sorted(slots))
    ends = [slot.at + struct.calcsize("<" + slot.raw) for slot in ordered]
    if any(slot.at < end for slot, end in zip(ordered[1:], ends)):
        return None
    parent = TagPath(members[0].path.parts[:-1])
    keys = tuple(element.path.key for element in members)
    room_bytes = REPLY_HEAD_BYTES + len(layout.head) + layout.size_bytes
    return Read(
        read_request(parent.encode()), ordered, layout.head, layout.size_bytes, room_bytes, is_range=True, keys=keys
    )


def _ranges(members: Sequence[Element], most_bytes: int) -> List[List[Element]]:
    """Neighbours together as long as the gap costs fewer bytes than another request and reply."""
    groups: List[List[Element]] = []
    for element in members:
        definition = element.definition
        assert definition is not None
        if groups:
            first, last = groups[-1][0].path.index[-1], groups[-1][-1].path.index[-1]
            index = element.path.index[-1]
            gap_bytes = (index - last - 1) * definition.size_bytes
            own_bytes = 2 * OFFSET_BYTES + REPLY_HEAD_BYTES + len(definition.head)
            own_bytes += len(read_request(element.path.encode()))
            if gap_bytes <= own_bytes and (index - first + 1) * definition.size_bytes <= most_bytes:
                groups[-1].append(element)
                continue
        groups.append([element])
    return groups


def _range(group: Sequence[Element]) -> Read:
    """One read over the elements from the first to the last of the group."""
    definition = group[0].definition
    assert definition is not None
    first = group[0].path.index[-1]
    count = group[-1].path.index[-1] - first + 1
    slots = tuple(_slot(element, (element.path.index[-1] - first) * definition.size_bytes) for element in group)
    size_bytes = count * definition.size_bytes
    request = read_request(group[0].path.encode(), count)
    keys = tuple(element.path.key for element in group)
    room_bytes = REPLY_HEAD_BYTES + len(definition.head) + size_bytes
    return Read(request, slots, definition.head, size_bytes, room_bytes, is_range=True, keys=keys)


def _single(element: Element) -> Read:
    definition = element.definition
    request = read_request(element.path.encode())
    keys = (element.path.key,)
    if definition is None:
        return Read(request, (Slot(0, "", tuple(Use(tag) for _, tag in element.bits)),), keys=keys)
    size_bytes = None if definition.length_bytes else definition.size_bytes
    room_bytes = REPLY_HEAD_BYTES + len(definition.head) + definition.size_bytes
    return Read(request, (_slot(element, 0),), definition.head, size_bytes, room_bytes, keys=keys)


def _slot(element: Element, at: int) -> Slot:
    definition = element.definition
    assert definition is not None
    uses = tuple(Use(tag, bit) for bit, tag in element.bits)
    if definition.atomic is not None:
        return Slot(at, definition.atomic.raw, uses, definition.atomic.typed)
    return Slot(at, f"{definition.size_bytes}s", uses, to_text=text_converter(definition))


# -- frames ------------------------------------------------------------------------------------------------------------


def pack(reads: Sequence[Read], room_bytes: int) -> List[List[Read]]:
    """Reads into frames: the largest first, each into the first frame that has room for its request and its reply.

    A frame of one read is sent as it is, without the overhead of a Multiple Service Packet.
    """
    request_room, reply_room = room_bytes - MULTIPLE_REQUEST_BYTES, room_bytes - MULTIPLE_REPLY_BYTES
    sizes = [(len(read.request) + OFFSET_BYTES, read.room_bytes + OFFSET_BYTES) for read in reads]
    order = sorted(range(len(reads)), key=lambda at: -max(sizes[at]))
    frames: List[List[int]] = []
    left: List[List[int]] = []
    first_open = 0
    smallest = min((min(size) for size in sizes), default=0)
    for number in order:
        request, reply = sizes[number]
        for at in range(first_open, len(frames)):
            if left[at][0] >= request and left[at][1] >= reply:
                frames[at].append(number)
                left[at][0] -= request
                left[at][1] -= reply
                break
        else:
            frames.append([number])
            left.append([request_room - request, reply_room - reply])
        while first_open < len(frames) and min(left[first_open]) < smallest:
            first_open += 1
    return [[reads[number] for number in sorted(frame)] for frame in frames]


def _add_mode(plan: Plan, room_bytes: int) -> None:
    """Ask for the controller's status word in a frame that has room for it, else in one more."""
    read = Read(STATUS_REQUEST, (Slot(0, "H", (Use(MODE),)),), b"", 2, REPLY_HEAD_BYTES + 2)
    for frame in plan.frames if plan.is_multiple else ():
        joined = [*frame, read]
        if max(request_bytes(joined), reply_bytes(joined)) <= room_bytes:
            frame.append(read)
            return
    plan.frames.append([read])


def request_bytes(frame: Sequence[Read]) -> int:
    """The size of a frame's CIP request."""
    total = sum(len(read.request) for read in frame)
    return total if len(frame) == 1 else total + MULTIPLE_REQUEST_BYTES + OFFSET_BYTES * len(frame)


def reply_bytes(frame: Sequence[Read]) -> int:
    """The size of a frame's CIP reply when all is well."""
    total = sum(read.room_bytes for read in frame)
    return total if len(frame) == 1 else total + MULTIPLE_REPLY_BYTES + OFFSET_BYTES * len(frame)


def estimate_frames(
    frames: Sequence[Sequence[Read]], parents: Mapping[str, str], layouts: Mapping[str, Layout], room_bytes: int
) -> int:
    """How many frames there would be if structures were read whole where that is smaller.

    `parents` tells the `parent_key` of an element's key; of the layouts only the size need be known.
    """
    groups: Dict[str, List[Read]] = {}
    rest: List[Read] = []
    for read in (read for frame in frames for read in frame):
        parent = parents.get(read.keys[0], "") if len(read.keys) == 1 else ""
        (groups.setdefault(parent, []) if parent in layouts else rest).append(read)
    for parent, members in groups.items():
        size_bytes = REPLY_HEAD_BYTES + 4 + layouts[parent].size_bytes
        whole = Read(min((read.request for read in members), key=len), (), room_bytes=size_bytes)
        rest += [whole] if _cost([whole]) < _cost(members) and size_bytes < room_bytes // 2 else members
    requests = sum(len(read.request) + OFFSET_BYTES for read in rest)
    replies = sum(read.room_bytes + OFFSET_BYTES for read in rest)
    request_room, reply_room = room_bytes - MULTIPLE_REQUEST_BYTES, room_bytes - MULTIPLE_REPLY_BYTES
    return max(-(-requests // request_room), -(-replies // reply_room))
