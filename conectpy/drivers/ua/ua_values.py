"""OPC UA Binary (OPC 10000-6, 5.2) to plain values and back. Pure: bytes in, values out, no I/O.

Every decoder takes the whole message and a position and gives the value and the position behind it. Whatever does not
parse raises Malformed; lengths are compared with what is there before anything is allocated.
"""

from __future__ import annotations

import struct
import uuid
from datetime import datetime, timedelta, timezone
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from ...models import Value
from ...texts.catalogue import Text, say
from .library import status_name
from .node_id import Malformed, decode_bytes, decode_node_id, decode_plain_node_id, skip_bytes

MAX_DEPTH = 16
"""How deep values may lie in each other (Variant in Variant, DiagnosticInfo in DiagnosticInfo)."""

MAX_VALUE_BYTES = 65_536
MAX_ELEMENTS = 1000
"""A larger value is none: a Text says so in its place."""
MAX_WALKED = 300_000
"""Elements of unequal size that are passed over to find where a value ends; more is no answer in time."""
MAX_NESTED_BYTES = 2**20
"""The same for values in values, whose elements have elements."""
_NESTED = (22, 23, 24, 25)

EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)
TICKS_PER_S = 10_000_000
_EPOCH_TICKS = 116_444_736_000_000_000  # 1970-01-01 as ticks of 100 ns since 1601

_I32 = struct.Struct("<i")
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I64 = struct.Struct("<q")

Decoded = Tuple[Value, int]


class DataValue(NamedTuple):
    """One reading. `status` 32 bits; `source_ticks`, `server_ticks` 100 ns since 1601, None: not sent."""

    value: Value
    status: int
    source_ticks: Optional[int]
    server_ticks: Optional[int]
    type_id: int  # built-in type, 0: no value
    is_array: bool
    flags: int  # which fields were sent
    variant: bytes  # the value as it was sent: equal bytes are an equal value, also for NaN; of a large one its Text


# -- times -------------------------------------------------------------------------------------------------------------


def ticks_to_epoch_s(ticks: int) -> float:
    """Seconds since 1970 of an OPC UA DateTime."""
    return (ticks - _EPOCH_TICKS) / TICKS_PER_S


def epoch_s_to_ticks(epoch_s: float) -> int:
    return int(epoch_s * TICKS_PER_S) + _EPOCH_TICKS


def ticks_to_text(ticks: int) -> str:
    """ISO 8601 with microseconds and `Z`; what lies outside the years 1601 to 9999 becomes the nearest bound."""
    try:
        moment = EPOCH + timedelta(microseconds=max(0, ticks) // 10)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=timezone.utc)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


# -- built-in types ----------------------------------------------------------------------------------------------------


def decode_text(data: bytes, pos: int, depth: int = 0) -> Tuple[str, int]:
    """A String; null is the empty text, bytes that are no UTF-8 show as U+FFFD."""
    raw, pos = decode_bytes(data, pos)
    return (raw or b"").decode("utf-8", "replace"), pos


def _decode_byte_string(data: bytes, pos: int, depth: int) -> Decoded:
    raw, pos = decode_bytes(data, pos)
    return (raw or b"").hex(), pos


def _decode_boolean(data: bytes, pos: int, depth: int) -> Decoded:
    return data[pos] != 0, pos + 1


def _decode_time(data: bytes, pos: int, depth: int) -> Decoded:
    return ticks_to_text(_I64.unpack_from(data, pos)[0]), pos + 8


def _decode_guid(data: bytes, pos: int, depth: int) -> Decoded:
    end = skip_bytes(data, pos, 16)
    return str(uuid.UUID(bytes_le=data[pos:end])), end


def _decode_node_text(data: bytes, pos: int, depth: int) -> Decoded:
    flags = data[pos]
    node, pos = decode_plain_node_id(data, pos + 1, flags & 0x3F)
    text = str(node)
    if flags & 0x80:
        uri, pos = decode_text(data, pos)
        text = f"nsu={uri};{text.split(';', 1)[-1] if node.namespace else text}"
    if flags & 0x40:
        text = f"svr={_U32.unpack_from(data, pos)[0]};{text}"
        pos += 4
    return text, pos


def _decode_status(data: bytes, pos: int, depth: int) -> Decoded:
    return status_name(_U32.unpack_from(data, pos)[0]), pos + 4


def _decode_qualified_name(data: bytes, pos: int, depth: int) -> Decoded:
    (namespace,) = _U16.unpack_from(data, pos)
    name, pos = decode_text(data, pos + 2)
    return (f"{namespace}:{name}" if namespace else name), pos


def decode_localized_text(data: bytes, pos: int, depth: int = 0) -> Tuple[str, int]:
    """The text without its locale."""
    flags = data[pos]
    pos += 1
    text = ""
    if flags & 0xFC:
        raise Malformed(say("parse.text_bits"))
    if flags & 1:
        _, pos = decode_text(data, pos)
    if flags & 2:
        text, pos = decode_text(data, pos)
    return text, pos


def _decode_extension_object(data: bytes, pos: int, depth: int) -> Decoded:
    """The body's layout is the server's own: people get its type and its bytes, never a guess."""
    node, pos = decode_node_id(data, pos)
    form = data[pos]
    pos += 1
    if form > 2:
        raise Malformed(say("parse.object_form", form=form))
    body = b""
    if form:
        raw, pos = decode_bytes(data, pos)
        body = raw or b""
    shown = body.decode("utf-8", "replace") if form == 2 else body.hex()
    return f"ExtensionObject {node}: {shown}", pos


def _decode_diagnostic_info(data: bytes, pos: int, depth: int) -> Decoded:
    if depth > MAX_DEPTH:
        raise Malformed(say("parse.depth"))
    start, flags = pos, data[pos]
    pos += 1
    if flags & 0x80:
        raise Malformed(say("parse.diagnostic_bits"))
    pos = skip_bytes(data, pos, 4 * bin(flags & 0x0F).count("1"))
    if flags & 0x10:
        _, pos = decode_bytes(data, pos)
    if flags & 0x20:
        pos = skip_bytes(data, pos, 4)
    if flags & 0x40:
        _, pos = _decode_diagnostic_info(data, pos, depth + 1)
    return f"DiagnosticInfo: {data[start:pos].hex()}", pos


def _decode_nested_data_value(data: bytes, pos: int, depth: int) -> Decoded:
    reading, pos = decode_data_value(data, pos, depth + 1)
    return reading.value, pos


def _decode_nested_variant(data: bytes, pos: int, depth: int) -> Decoded:
    value, _, _, pos = decode_variant(data, pos, depth + 1)
    return value, pos


NUMBERS: Dict[int, str] = {2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d"}
"""Built-in number types: type id -> struct code (SByte, Byte, Int16 ... UInt64, Float, Double)."""

TYPE_NAMES: Tuple[str, ...] = (
    "Null", "Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double",
    "String", "DateTime", "Guid", "ByteString", "XmlElement", "NodeId", "ExpandedNodeId", "StatusCode",
    "QualifiedName", "LocalizedText", "ExtensionObject", "DataValue", "Variant", "DiagnosticInfo",
)  # fmt: skip

_NUMBER_STRUCTS = {type_id: struct.Struct("<" + code) for type_id, code in NUMBERS.items()}

_DECODERS: Dict[int, Callable[[bytes, int, int], Decoded]] = {
    1: _decode_boolean,
    12: decode_text,
    13: _decode_time,
    14: _decode_guid,
    15: _decode_byte_string,
    16: decode_text,
    17: _decode_node_text,
    18: _decode_node_text,
    19: _decode_status,
    20: _decode_qualified_name,
    21: decode_localized_text,
    22: _decode_extension_object,
    23: _decode_nested_data_value,
    24: _decode_nested_variant,
    25: _decode_diagnostic_info,
    **{type_id: _decode_byte_string for type_id in range(26, 32)},  # reserved: to be read as ByteStrings
}


def decode_variant(data: bytes, pos: int, depth: int = 0) -> Tuple[Value, int, bool, int]:
    """(value, type id, is array, position behind). Arrays are tuples, matrices tuples of tuples."""
    if depth > MAX_DEPTH:
        raise Malformed(say("parse.depth"))
    flags = data[pos]
    type_id = flags & 0x3F
    pos += 1
    if not flags & 0x80:
        if flags & 0x40:
            raise Malformed(say("parse.dimensions_alone"))
        value, pos = _decode_scalar(type_id, data, pos, depth)
        return value, type_id, False, pos
    items, pos = _decode_array(type_id, data, pos, depth)
    if flags & 0x40:
        dimensions, pos = _decode_array(6, data, pos, depth)
        if isinstance(items, tuple) and isinstance(dimensions, tuple):
            items = _reshape(items, dimensions)
    return items, type_id, True, pos


def _decode_scalar(type_id: int, data: bytes, pos: int, depth: int) -> Decoded:
    number = _NUMBER_STRUCTS.get(type_id)
    if number is not None:
        return number.unpack_from(data, pos)[0], pos + number.size
    if type_id == 0:
        return None, pos
    decoder = _DECODERS.get(type_id)
    if decoder is None:
        raise Malformed(say("parse.type", type=type_id))
    return decoder(data, pos, depth)


def _decode_array(type_id: int, data: bytes, pos: int, depth: int) -> Decoded:
    """The elements, or a Text that says why they are none."""
    large: Optional[Text] = None
    (count,) = _I32.unpack_from(data, pos)
    pos += 4
    if count <= 0:
        return (), pos
    if type_id in NUMBERS:
        code = struct.Struct("<" + NUMBERS[type_id])
        end = skip_bytes(data, pos, count * code.size)
        if count > MAX_ELEMENTS:
            return too_many(count), end
        return struct.unpack_from(f"<{count}{NUMBERS[type_id]}", data, pos), end
    if type_id == 0:
        raise Malformed(say("parse.null_array"))
    end = skip_bytes(data, pos, count)  # each element takes a byte at least
    if count > MAX_ELEMENTS:
        return too_many(count), end if type_id == 1 else _walk(type_id, count, data, pos, depth)
    items: List[Value] = []
    for _ in range(count):
        value, pos = _decode_scalar(type_id, data, pos, depth)
        if isinstance(value, Text):
            large = value
        items.append(value)
    return (tuple(items) if large is None else large), pos


def _walk(type_id: int, count: int, data: bytes, pos: int, depth: int) -> int:
    """Where an array ends of which nothing is kept."""
    end = pos + MAX_NESTED_BYTES if type_id in _NESTED else len(data)
    if count > MAX_WALKED:
        raise Malformed(say("parse.walked", count=count, limit=MAX_WALKED))
    for _ in range(count):
        _, pos = _decode_scalar(type_id, data, pos, depth)
        if pos > end:
            raise Malformed(say("parse.nested", limit=MAX_NESTED_BYTES))
    return pos


def too_many(count: int) -> Text:
    """What stands in the place of an array that is too long."""
    return say("value.elements", count=count, limit=MAX_ELEMENTS)


def _reshape(items: Tuple[Value, ...], dimensions: Tuple[Value, ...]) -> Tuple[Value, ...]:
    sizes = [size for size in dimensions if isinstance(size, int)]
    total = 1
    for size in sizes:
        if size < 0:
            raise Malformed(say("parse.negative"))
        total *= size
    if len(sizes) < 2 or total != len(items) or len(sizes) > MAX_DEPTH:
        if sizes and total != len(items):
            raise Malformed(say("parse.fill", count=len(items), sizes=str(sizes)))
        return items
    for size in reversed(sizes[1:]):
        items = tuple(items[i : i + size] for i in range(0, len(items), size)) if size else ()
    return items


def decode_data_value(data: bytes, pos: int, depth: int = 0) -> Tuple[DataValue, int]:
    """OPC 10000-6, 5.2.2.17."""
    flags = data[pos]
    pos += 1
    if flags & 0xC0:
        raise Malformed(say("parse.value_bits"))
    value: Value = None
    type_id, is_array, status, start = 0, False, 0, pos
    source_ticks = server_ticks = None
    if flags & 0x01:
        value, type_id, is_array, pos = decode_variant(data, pos, depth)
    if pos - start > MAX_VALUE_BYTES:  # of which not even the bytes are kept
        if not isinstance(value, Text):
            value = say("value.bytes", count=pos - start, limit=MAX_VALUE_BYTES)
        variant = value.encode("utf-8")
    else:
        variant = data[start:pos]
    if flags & 0x02:
        (status,) = _U32.unpack_from(data, pos)
        pos += 4
    if flags & 0x04:
        (source_ticks,) = _I64.unpack_from(data, pos)
        pos += 8
    if flags & 0x10:
        pos = skip_bytes(data, pos, 2)
    if flags & 0x08:
        (server_ticks,) = _I64.unpack_from(data, pos)
        pos += 8
    if flags & 0x20:
        pos = skip_bytes(data, pos, 2)
    if pos > len(data):
        raise Malformed(say("parse.value_cut"))
    return DataValue(value, status, source_ticks, server_ticks, type_id, is_array, flags, variant), pos
