"""The CIP objects a client asks before it reads tags: identity, program name, clock, controller changes, symbols,
templates.

Sources: ODVA volume 1 (identity, common services), Rockwell 1756-PM020 (symbol, template, class 0xAC).
"""

from __future__ import annotations

import bisect
import struct
import time
from typing import Callable, Dict, List, Optional, Tuple

from .controller import BEYOND_END, NO_SUCH_INSTANCE, CipError, LogixController, Symbol
from .tag_services import PARTIAL, REPLY_HEAD_BYTES, REPLY_TOO_LARGE, SUCCESS, TOO_LITTLE_DATA, Answer
from .tag_types import Struct

GET_ALL, GET_LIST, GET_SINGLE, GET_INSTANCE_LIST, READ_TEMPLATE = 0x01, 0x03, 0x0E, 0x55, 0x4C
IDENTITY, PROGRAM_NAME, SYMBOL_CLASS, TEMPLATE, WALL_CLOCK, CHANGES = 0x01, 0x64, 0x6B, 0x6C, 0x8B, 0xAC
SERVICE_NOT_SUPPORTED, ATTRIBUTE_LIST_ERROR, ATTRIBUTE_NOT_SUPPORTED = 0x08, 0x0A, 0x14

VENDOR_ID, PRODUCT_TYPE, PRODUCT_CODE = 1, 14, 166
PROGRAM_TYPE_WORD = 0x1068
BASE_TAG = 1 << 26

Attributes = Dict[int, bytes]


def identity_attributes(controller: LogixController) -> Attributes:
    """Identity object, class 0x01."""
    name = controller.product_name.encode("latin-1", "replace")[:32]
    return {
        1: struct.pack("<H", VENDOR_ID),
        2: struct.pack("<H", PRODUCT_TYPE),
        3: struct.pack("<H", PRODUCT_CODE),
        4: bytes(controller.revision),
        5: struct.pack("<H", controller.status_word),
        6: struct.pack("<I", controller.serial_number),
        7: bytes([len(name)]) + name,
    }


def change_attributes(controller: LogixController) -> Attributes:
    """Class 0xAC: two INTs and three DINTs that differ after every change of the program."""
    values = [struct.pack("<H" if number < 2 else "<I", value) for number, value in enumerate(controller.changes)]
    return dict(zip((1, 2, 3, 4, 10), values))


def name_attributes(controller: LogixController) -> Attributes:
    """Class 0x64: the name of the program."""
    name = controller.name.encode("latin-1", "replace")
    return {1: struct.pack("<H", len(name)) + name}


def clock_attributes(controller: LogixController) -> Attributes:
    """Class 0x8B: the controller's wall clock, microseconds since 1970 (6 UTC, 11 local, which here is UTC too)."""
    raw = struct.pack("<Q", int((time.time() + controller.clock_offset_s) * 1e6))
    return {6: raw, 11: raw}


def template_attributes(template: Struct) -> Attributes:
    """Class 0x6C: handle, member count, size of the definition in words, size of the structure in bytes."""
    return {
        1: struct.pack("<H", template.handle),
        2: struct.pack("<H", len(template.members)),
        3: struct.pack("<H", 0),
        4: struct.pack("<I", template.definition_words),
        5: struct.pack("<I", template.size_bytes),
    }


def symbol_attributes(instance_id: int, name: str, symbol: Optional[Symbol]) -> Attributes:
    """Class 0x6B: name, type word, addresses, element size, dimensions, access. A program has no memory."""
    raw = name.encode("latin-1", "replace")
    dims: List[int] = [0, 0, 0]
    if symbol is not None:
        dims[: len(symbol.type_text.dims)] = symbol.type_text.dims
    size = symbol.type_text.data_type.size_bytes if symbol is not None else 0
    return {
        1: struct.pack("<H", len(raw)) + raw,
        2: struct.pack("<H", PROGRAM_TYPE_WORD if symbol is None else symbol.type_word),
        3: struct.pack("<I", 0x10000 + 64 * instance_id),
        5: struct.pack("<I", 0x80000000 | instance_id),
        6: struct.pack("<I", BASE_TAG),
        7: struct.pack("<H", size),
        8: struct.pack("<III", *dims),
        10: b"\0",
    }


def get_attributes(attributes: Attributes, service: int, attribute: Optional[int], data: bytes, room: int) -> Answer:
    """The three ways to ask for attributes: all, a list, a single one. Raises CipError."""
    if service == GET_ALL:
        return _fitting(b"".join(attributes[number] for number in sorted(attributes)), room)
    if service == GET_SINGLE:
        if attribute not in attributes:
            raise CipError(ATTRIBUTE_NOT_SUPPORTED)
        return _fitting(attributes[attribute or 0], room)
    if service != GET_LIST:
        raise CipError(SERVICE_NOT_SUPPORTED)
    wanted = _attribute_list(data)
    reply, status = struct.pack("<H", len(wanted)), SUCCESS
    for number in wanted:
        if number in attributes:
            reply += struct.pack("<HH", number, 0) + attributes[number]
        else:
            reply += struct.pack("<HH", number, ATTRIBUTE_NOT_SUPPORTED)
            status = ATTRIBUTE_LIST_ERROR
    return status, _fitting(reply, room)[1]


def list_symbols(controller: LogixController, scope: str, first_id: int, data: bytes, room: int) -> Answer:
    """Get Instance Attribute List: as many symbols from `first_id` on as fit; status 0x06 says there are more."""
    rows = controller.listing.get(scope.lower())
    if rows is None:
        raise CipError(*NO_SUCH_INSTANCE)
    wanted = _attribute_list(data)
    parts: List[bytes] = []
    left = room - REPLY_HEAD_BYTES
    for row in rows[bisect.bisect_left([row[0] for row in rows], first_id) :]:
        attributes = symbol_attributes(*row)
        if any(number not in attributes for number in wanted):
            raise CipError(ATTRIBUTE_NOT_SUPPORTED)
        part = struct.pack("<I", row[0]) + b"".join(attributes[number] for number in wanted)
        if len(part) > left:
            if not parts:
                raise CipError(REPLY_TOO_LARGE)
            return PARTIAL, b"".join(parts)
        parts.append(part)
        left -= len(part)
    return SUCCESS, b"".join(parts)


def read_template(template: Struct, data: bytes, room: int) -> Answer:
    """Read Template: offset and size in; what does not fit is cut off with status 0x06."""
    if len(data) < 6:
        raise CipError(TOO_LITTLE_DATA)
    start, size = struct.unpack_from("<IH", data)
    if start > len(template.definition):
        raise CipError(*BEYOND_END)
    piece = template.definition[start : start + size]
    fits = (room - REPLY_HEAD_BYTES) & ~3
    return (SUCCESS, piece) if len(piece) <= fits else (PARTIAL, piece[:fits])


def _attribute_list(data: bytes) -> Tuple[int, ...]:
    if len(data) < 2:
        raise CipError(TOO_LITTLE_DATA)
    count = struct.unpack_from("<H", data)[0]
    if len(data) < 2 + 2 * count:
        raise CipError(TOO_LITTLE_DATA)
    return struct.unpack_from(f"<{count}H", data, 2)


def _fitting(reply: bytes, room: int) -> Answer:
    if len(reply) > room - REPLY_HEAD_BYTES:
        raise CipError(REPLY_TOO_LARGE)
    return SUCCESS, reply


SIMPLE_OBJECTS: Dict[int, Callable[[LogixController], Attributes]] = {
    IDENTITY: identity_attributes,
    PROGRAM_NAME: name_attributes,
    WALL_CLOCK: clock_attributes,
    CHANGES: change_attributes,
}
"""Classes with the single instance 1 that only have attributes."""
