"""Where the members of a structure lie in its bytes, from the controller's template. Pure but for `ask`.

A template is found by the handle that every read of a structure tells: all 4,095 instances that there can be are asked
for theirs, some hundreds in a frame. That costs a few round trips whatever the size of the program, and nothing is
listed or uploaded. Source: Rockwell 1756-PM020 (template object, class 0x6C).
"""

from __future__ import annotations

import struct
from typing import Callable, Dict, Generator, Mapping, NamedTuple, Optional, Sequence, Tuple

from .cip_requests import read_request
from .data_types import BOOL_CODE, PARTIAL, STRING_HEAD, Atomic, Definition, atomic_of
from .tag_paths import TagPath
from .tag_probe import Ask

GET_ATTRIBUTE_LIST, READ_TEMPLATE = 0x03, 0x4C
LAST_TEMPLATE = 0xFFF
ATTRIBUTE_REQUEST_BYTES = 14
STRUCT_BIT, ARRAY_BITS, STRING_TEMPLATE = 0x8000, 0x6000, 0xFCE
MAX_TEMPLATE_BYTES = 65536
MAX_READS = 64


class Member(NamedTuple):
    """A member: `elements` 0 for a scalar, `bit` for a BOOL, which is one of a byte; `atomic` None: a STRING."""

    offset: int
    atomic: Optional[Atomic]
    elements: int = 0
    bit: Optional[int] = None


class Layout(NamedTuple):
    """A structure: the head and size of its read replies, and its members by their names in lower case."""

    head: bytes
    size_bytes: int
    members: Mapping[str, Member]


class _Wanted(NamedTuple):
    head: bytes
    size_bytes: int


Search = Generator[None, None, Dict[str, Layout]]


def find_layouts(
    parents: Sequence[TagPath], ask: Ask, is_worth_it: Callable[[Mapping[str, Layout]], bool], room_bytes: int
) -> Search:
    """Find the layouts of the structures at these paths, by `TagPath.key`: about a round trip for each step.

    `is_worth_it` is asked as soon as the sizes are known (the layouts have no members then); `room_bytes` is what a
    request may have.
    """
    per_step = max(1, room_bytes // ATTRIBUTE_REQUEST_BYTES - 1)
    replies = ask([read_request(parent.encode()) for parent in parents])
    yield
    wanted = {
        parent.key: _Wanted(reply.data[:4], len(reply.data) - 4)
        for parent, reply in zip(parents, replies)
        if reply.status == 0 and reply.data[:2] == b"\xa0\x02"
    }
    if not is_worth_it({key: Layout(head, size_bytes, {}) for key, (head, size_bytes) in wanted.items()}):
        return {}
    templates: Dict[bytes, int] = {}
    heads = {item.head for item in wanted.values()}
    for first in range(1, LAST_TEMPLATE + 1, per_step):
        numbers = range(first, min(first + per_step, LAST_TEMPLATE + 1))
        for number, reply in zip(numbers, ask([_attributes_request(number, 1) for number in numbers])):
            if reply.status == 0 and len(reply.data) >= 8 and b"\xa0\x02" + reply.data[6:8] in heads:
                templates.setdefault(b"\xa0\x02" + reply.data[6:8], number)
        yield
        if len(templates) == len(heads):
            break
    layouts: Dict[bytes, Layout] = {}
    for head, number in templates.items():
        layout = yield from _read_layout(head, number, ask)
        if layout is not None:
            layouts[head] = layout
    return {
        key: layouts[head]
        for key, (head, size_bytes) in wanted.items()
        if head in layouts and layouts[head].size_bytes == size_bytes
    }


def _read_layout(head: bytes, number: int, ask: Ask) -> Generator[None, None, Optional[Layout]]:
    """The layout in one template; None when the controller does not give it, or it is not understood."""
    (reply,) = ask([_attributes_request(number, 4, 5, 2)])
    yield
    if reply.status or len(reply.data) < _ATTRIBUTES.size:
        return None
    words, size_bytes, count = (_ATTRIBUTES.unpack_from(reply.data)[at] for at in (3, 6, 9))
    total = min(words * 4 - 23, MAX_TEMPLATE_BYTES)
    if total <= 0:
        return None
    definition = b""
    for _ in range(MAX_READS):
        (reply,) = ask([_read_template_request(number, len(definition), total - len(definition))])
        yield
        definition += reply.data
        if reply.status != PARTIAL or not reply.data:
            break
    members = parse_template(definition, count) if reply.status == 0 else None
    return None if members is None else Layout(head, size_bytes, members)


def parse_template(definition: bytes, count: int) -> Optional[Dict[str, Member]]:
    """The members that can be read out of a structure's bytes: `count` entries of eight bytes, then all names.

    Members that are structures themselves are left out, but for the standard STRING.
    """
    names = definition[8 * count :].split(b"\0")[1 : count + 1]  # the first is the template's own
    if len(names) < count or len(definition) < 8 * count:
        return None
    members: Dict[str, Member] = {}
    for at, raw in enumerate(names):
        info, code, offset = struct.unpack_from("<HHI", definition, 8 * at)
        elements = info if code & ARRAY_BITS else 0
        if code & STRUCT_BIT:
            if code & 0x0FFF == STRING_TEMPLATE:
                members[raw.decode("latin-1").lower()] = Member(offset, None, elements)
            continue
        atomic = atomic_of(code & 0x0FFF)
        if atomic is not None and atomic.code == BOOL_CODE:
            members[raw.decode("latin-1").lower()] = Member(offset + info // 8, atomic, bit=info % 8)
        elif atomic is not None:
            members[raw.decode("latin-1").lower()] = Member(offset, atomic, elements)
    return members


_ATTRIBUTES = struct.Struct("<HHHIHHIHHH")


def _path(number: int) -> bytes:
    return b"\x20\x6c\x25\x00" + struct.pack("<H", number)


def _attributes_request(number: int, *attributes: int) -> bytes:
    return (
        bytes((GET_ATTRIBUTE_LIST, 3))
        + _path(number)
        + struct.pack(f"<{len(attributes) + 1}H", len(attributes), *attributes)
    )


def _read_template_request(number: int, offset: int, size: int) -> bytes:
    return bytes((READ_TEMPLATE, 3)) + _path(number) + struct.pack("<IH", offset, min(size, 0xFFFF))


def slot_place(layout: Layout, path: TagPath, definition: Definition) -> Optional[Tuple[int, Optional[int]]]:
    """Where in the structure the element at `path` lies: byte, and bit for a BOOL; None: it is not to be had so.

    The template must agree with what the element's own read has told of its type.
    """
    name, index = path.parts[-1]
    member = layout.members.get(name.lower())
    if member is None or len(index) > 1 or definition.length_bytes:
        return None
    if member.atomic != definition.atomic or (member.atomic is None and definition.head != STRING_HEAD):
        return None
    number = index[0] if index else 0
    if number >= max(1, member.elements) or (index and not member.elements):
        return None
    at = member.offset + number * definition.size_bytes
    return (at, member.bit) if at + definition.size_bytes <= layout.size_bytes else None
