"""Publish, the service by which a subscription reports (OPC 10000-4, 5.14.5): bytes in, notifications out. Pure."""

from __future__ import annotations

import struct
from typing import List, NamedTuple, Optional, Sequence, Tuple

from ...texts.catalogue import say, text_of
from .node_id import PARSE_ERRORS, Malformed, decode_node_id
from .read_plan import Check, decode_head, no_check
from .ua_values import DataValue, decode_data_value

PUBLISH_REQUEST = b"\x01\x00" + struct.pack("<H", 826)  # NodeId of PublishRequest's binary encoding
PUBLISH_RESPONSE = 829
DATA_CHANGE, STATUS_CHANGE = 811, 820
OVERFLOW_MASK, OVERFLOW = 0x0C80, 0x0480  # a DataValue's InfoBits: the queue was full and a change is missing

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")


class Notification(NamedTuple):
    """One PublishResponse. `items` are (client handle, value) in order; `sequence` is None for a mere sign of life."""

    subscription_id: int
    sequence: Optional[int]
    has_more: bool
    items: List[Tuple[int, DataValue]]
    ended: Optional[int]  # the status with which the server ended the subscription


def encode_publish(acknowledged: Sequence[Tuple[int, int]]) -> bytes:
    """Everything of a PublishRequest behind its header: (subscription id, sequence number) pairs we have received."""
    return _I32.pack(len(acknowledged)) + b"".join(struct.pack("<II", *pair) for pair in acknowledged)


def has_overflow(status: int) -> bool:
    """Whether the server says that changes before this one are missing."""
    return status & OVERFLOW_MASK == OVERFLOW


def decode_publish(body: bytes, check: Check = no_check) -> Notification:
    """Raises Malformed, and what `check` raises between values. The caller has looked at the head's type and status."""
    try:
        return _decode(body, decode_head(body).end, check)
    except PARSE_ERRORS as exc:
        raise Malformed(say("parse.publish", fault=text_of(exc))) from exc


def _decode(body: bytes, pos: int, check: Check) -> Notification:
    (subscription_id,) = _U32.unpack_from(body, pos)
    (available,) = _I32.unpack_from(body, pos + 4)
    pos += 8 + 4 * max(0, available)
    has_more = body[pos] != 0
    (sequence,) = _U32.unpack_from(body, pos + 1)
    pos += 1 + 4 + 8  # and the publish time
    (parts,) = _I32.unpack_from(body, pos)
    pos += 4
    items: List[Tuple[int, DataValue]] = []
    ended = None
    for _ in range(max(0, parts)):
        kind, pos = decode_node_id(body, pos)
        form = body[pos]
        pos += 1
        if not form:
            continue
        (size,) = _I32.unpack_from(body, pos)
        pos += 4
        end = pos + max(0, size)
        if end > len(body):
            raise Malformed(say("parse.notification"))
        if kind.namespace == 0 and kind.identifier == DATA_CHANGE:
            _decode_items(body, pos, end, items, check)
        elif kind.namespace == 0 and kind.identifier == STATUS_CHANGE:
            (ended,) = _U32.unpack_from(body, pos)
        pos = end
    return Notification(subscription_id, sequence if parts > 0 else None, has_more, items, ended)


def _decode_items(body: bytes, pos: int, end: int, items: List[Tuple[int, DataValue]], check: Check) -> None:
    (count,) = _I32.unpack_from(body, pos)
    pos += 4
    for _ in range(max(0, count)):
        (handle,) = _U32.unpack_from(body, pos)
        value, pos = decode_data_value(body, pos + 4)
        check()
        items.append((handle, value))
    if pos > end:
        raise Malformed(say("parse.items"))
