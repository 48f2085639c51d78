"""The tag services of a Logix controller: read, write, both in fragments, read-modify-write (Rockwell 1756-PM020).

Each takes the place that the request's path leads to, the request's data and `room`, the most bytes the CIP reply may
have; each returns (general status, reply data) or raises CipError. The caller holds the controller's lock.
"""

from __future__ import annotations

import struct
from typing import Callable, Dict, Tuple

from .controller import BEYOND_END, CipError, LogixController, Place
from .tag_types import ATOMICS, STRUCT_TYPE_CODE, Struct

READ, READ_FRAGMENTED, WRITE, WRITE_FRAGMENTED, READ_MODIFY_WRITE = 0x4C, 0x52, 0x4D, 0x53, 0x4E

SUCCESS, PARTIAL = 0x00, 0x06
BAD_PARAMETER, REPLY_TOO_LARGE, TOO_LITTLE_DATA = 0x03, 0x11, 0x13
TYPE_MISMATCH = (0xFF, 0x2107)
REPLY_HEAD_BYTES = 4

Answer = Tuple[int, bytes]


def read_tag(controller: LogixController, place: Place, data: bytes, room: int) -> Answer:
    """Read Tag: element count in, type and values out; what does not fit is cut off with status 0x06."""
    return _read(place, _unpack("<H", data)[0], 0, room)


def read_fragment(controller: LogixController, place: Place, data: bytes, room: int) -> Answer:
    """Read Tag Fragmented: element count and byte offset in."""
    count, start = _unpack("<HI", data)
    return _read(place, count, start, room)


def write_tag(controller: LogixController, place: Place, data: bytes, room: int) -> Answer:
    """Write Tag: type, element count, values. Bytes behind the values are passed over: pycomm3 sends some."""
    count, values = _check_type(place, data)
    size = _checked_size(place, count)
    if len(values) < size:
        raise CipError(TOO_LITTLE_DATA)
    _put(controller, place, 0, values[:size])
    return SUCCESS, b""


def write_fragment(controller: LogixController, place: Place, data: bytes, room: int) -> Answer:
    """Write Tag Fragmented: type, element count, byte offset, a piece of the values."""
    count, rest = _check_type(place, data)
    size = _checked_size(place, count)
    start = _unpack("<I", rest)[0]
    values = rest[4:]
    if start > size:
        raise CipError(0xFF, 0x2104)
    if start + len(values) > size:
        raise CipError(*BEYOND_END)
    _put(controller, place, start, values)
    return SUCCESS, b""


def read_modify_write(controller: LogixController, place: Place, data: bytes, room: int) -> Answer:
    """Mask size, OR mask, AND mask: sets and clears bits of one word."""
    size = _unpack("<H", data)[0]
    if size != place.data_type.size_bytes or isinstance(place.data_type, Struct) or size not in (1, 2, 4, 8):
        raise CipError(BAD_PARAMETER)
    if len(data) < 2 + 2 * size:
        raise CipError(TOO_LITTLE_DATA)
    set_mask = int.from_bytes(data[2 : 2 + size], "little")
    keep_mask = int.from_bytes(data[2 + size : 2 + 2 * size], "little")
    raw = place.symbol.data[place.offset : place.offset + size]
    word = (int.from_bytes(raw, "little") | set_mask) & keep_mask
    _put(controller, place, 0, word.to_bytes(size, "little"))
    return SUCCESS, b""


TAG_SERVICES: Dict[int, Callable[[LogixController, Place, bytes, int], Answer]] = {
    READ: read_tag,
    READ_FRAGMENTED: read_fragment,
    WRITE: write_tag,
    WRITE_FRAGMENTED: write_fragment,
    READ_MODIFY_WRITE: read_modify_write,
}


def _read(place: Place, count: int, start: int, room: int) -> Answer:
    head = place.data_type.head
    if place.bit is not None:
        _checked_size(place, count)
        return SUCCESS, head + bytes([place.symbol.data[place.offset] >> place.bit & 1])
    size = _checked_size(place, count)
    if start > size or (start == size and start):
        raise CipError(*BEYOND_END)
    fits = room - REPLY_HEAD_BYTES - len(head)
    left = size - start
    if left <= fits:
        return SUCCESS, head + place.symbol.data[place.offset + start : place.offset + size]
    unit = 4 if isinstance(place.data_type, Struct) else place.data_type.size_bytes
    fits -= fits % unit
    if fits <= 0:
        raise CipError(REPLY_TOO_LARGE)
    return PARTIAL, head + place.symbol.data[place.offset + start : place.offset + start + fits]


def _checked_size(place: Place, count: int) -> int:
    """Bytes of `count` elements. Raises CipError when there are not so many."""
    if not 1 <= count <= place.count:
        raise CipError(*BEYOND_END)
    return count * place.data_type.size_bytes


def _check_type(place: Place, data: bytes) -> Tuple[int, bytes]:
    """Element count and what follows it, after the type has been compared with the tag's."""
    code = _unpack("<H", data)[0]
    if code == STRUCT_TYPE_CODE:
        _, handle, count = _unpack("<HHH", data)
        if not isinstance(place.data_type, Struct) or handle != place.data_type.handle:
            raise CipError(*TYPE_MISMATCH)
        return count, data[6:]
    _, count = _unpack("<HH", data)
    if isinstance(place.data_type, Struct) or code & 0xFF != place.data_type.code:
        raise CipError(*TYPE_MISMATCH)
    return count, data[4:]


def _put(controller: LogixController, place: Place, start: int, values: bytes) -> None:
    data = place.symbol.data
    at = place.offset + start
    if place.bit is not None:
        data[at] = data[at] & ~(1 << place.bit) | int(any(values)) << place.bit
    elif place.data_type is ATOMICS["BOOL"]:
        data[at] = int(any(values))
    else:
        data[at : at + len(values)] = values
    controller.memory_version += 1


def _unpack(layout: str, data: bytes) -> Tuple[int, ...]:
    if len(data) < struct.calcsize(layout):
        raise CipError(TOO_LITTLE_DATA)
    return struct.unpack_from(layout, data)
