"""CIP requests and replies as bytes: single services and the Multiple Service Packet. Pure.

Sources: ODVA volume 1 (message router format, common services), Rockwell 1756-PM020 (tag services).
"""

from __future__ import annotations

import struct
from typing import List, NamedTuple, Sequence, Tuple

from ...texts.catalogue import Text, say
from .data_types import EMBEDDED_ERROR, describe_status

READ_TAG, READ_TAG_FRAGMENTED, MULTIPLE_SERVICE = 0x4C, 0x52, 0x0A
GET_ALL, GET_LIST, GET_SINGLE = 0x01, 0x03, 0x0E
REPLY_BIT = 0x80

SEQUENCE_BYTES = 2
REPLY_HEAD_BYTES = 4
OFFSET_BYTES = 2
MULTIPLE_REQUEST_BYTES = 8
MULTIPLE_REPLY_BYTES = REPLY_HEAD_BYTES + 2
_MULTIPLE_HEAD = bytes((MULTIPLE_SERVICE, 2, 0x20, 0x02, 0x24, 0x01))

STATUS_REQUEST = bytes((GET_SINGLE, 3, 0x20, 0x01, 0x24, 0x01, 0x30, 0x05))
"""Identity object, attribute 5: the status word, which tells the controller's mode."""
IDENTITY_REQUEST = bytes((GET_ALL, 2, 0x20, 0x01, 0x24, 0x01))
PROGRAM_NAME_REQUEST = bytes((GET_ALL, 2, 0x20, 0x64, 0x24, 0x01))
CHANGES_REQUEST = bytes((GET_LIST, 2, 0x20, 0xAC, 0x24, 0x01)) + struct.pack("<6H", 5, 1, 2, 3, 4, 10)
"""Class 0xAC: five numbers that differ after every change of the program."""


class MalformedReply(ValueError):
    """The bytes are no reply to what was asked."""


class CipReply(NamedTuple):
    """One service's reply: general status, extended status words, data."""

    status: int
    extended: Tuple[int, ...]
    data: bytes

    @property
    def reason(self) -> Text:
        return describe_status(self.status, self.extended)


def read_request(path: bytes, count: int = 1) -> bytes:
    """Read Tag of `count` elements at a path."""
    return bytes((READ_TAG, len(path) // 2)) + path + struct.pack("<H", count)


def fragment_request(request: bytes, offset_bytes: int) -> bytes:
    """Read Tag Fragmented for the same path and count as a Read Tag request, from a byte offset on."""
    return bytes((READ_TAG_FRAGMENTED,)) + request[1:] + struct.pack("<I", offset_bytes)


def join_requests(requests: Sequence[bytes]) -> bytes:
    """A Multiple Service Packet."""
    at = 2 + OFFSET_BYTES * len(requests)
    offsets = []
    for request in requests:
        offsets.append(at)
        at += len(request)
    return _MULTIPLE_HEAD + struct.pack(f"<H{len(offsets)}H", len(offsets), *offsets) + b"".join(requests)


def parse_reply(service: int, reply: bytes) -> CipReply:
    """The parts of the reply to `service`. Raises MalformedReply."""
    if len(reply) < REPLY_HEAD_BYTES:
        raise MalformedReply(say("cip.short", count=len(reply)))
    if reply[0] != service | REPLY_BIT or reply[1] != 0:
        raise MalformedReply(say("cip.other_service", got=f"0x{reply[0] & 0x7F:02x}", asked=f"0x{service:02x}"))
    start = REPLY_HEAD_BYTES + 2 * reply[3]
    if len(reply) < start:
        raise MalformedReply(say("cip.cut_status"))
    return CipReply(reply[2], struct.unpack_from(f"<{reply[3]}H", reply, REPLY_HEAD_BYTES), reply[start:])


def as_read_reply(reply: CipReply) -> bytes:
    """The bytes of a Read Tag reply that says the same."""
    words = struct.pack(f"<{len(reply.extended)}H", *reply.extended)
    return bytes((READ_TAG | REPLY_BIT, 0, reply.status, len(reply.extended))) + words + reply.data


def split_replies(reply: bytes, count: int) -> Tuple[CipReply, List[Tuple[int, int]]]:
    """The whole reply to a Multiple Service Packet, and start and end of each of its `count` parts in `reply`.

    There are no parts when the packet as a whole was refused. Raises MalformedReply.
    """
    whole = parse_reply(MULTIPLE_SERVICE, reply)
    if whole.status not in (0, EMBEDDED_ERROR):
        return whole, []
    base = len(reply) - len(whole.data)
    if len(whole.data) < 2 + OFFSET_BYTES * count:
        if whole.status:
            return whole, []
        raise MalformedReply(say("cip.cut_offsets"))
    found, *offsets = struct.unpack_from(f"<{count + 1}H", whole.data)
    if found != count:
        raise MalformedReply(say("cip.count", found=found, count=count))
    ends = [*offsets[1:], len(whole.data)]
    if offsets[0] < 2 + OFFSET_BYTES * count or any(
        end - start < REPLY_HEAD_BYTES for start, end in zip(offsets, ends)
    ):
        raise MalformedReply(say("cip.bad_offsets"))
    return whole, [(base + start, base + end) for start, end in zip(offsets, ends)]
