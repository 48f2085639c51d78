"""Requests and replies as bytes, held against pycomm3's own packets."""

from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycomm3.cip import ClassCode
from pycomm3.packets import MultiServiceRequestPacket, ReadTagFragmentedRequestPacket, ReadTagRequestPacket
from pycomm3.packets.util import request_path

from conectpy.drivers.cip.cip_requests import (
    CHANGES_REQUEST,
    STATUS_REQUEST,
    CipReply,
    MalformedReply,
    fragment_request,
    join_requests,
    parse_reply,
    read_request,
    split_replies,
)
from conectpy.drivers.cip.data_types import describe_status
from conectpy.drivers.cip.tag_paths import parse_tag


def pycomm3_reads(tags: List[str]) -> List[ReadTagRequestPacket]:
    packets = [ReadTagRequestPacket(0, tag, 1, {}, number, False) for number, tag in enumerate(tags)]
    for packet in packets:
        packet.build_message()
    return packets


def test_requests_are_those_of_pycomm3() -> None:
    tags = ["A", "Program:Main.B[3]", "PUMP.Run"]
    packets = pycomm3_reads(tags)
    ours = [read_request(parse_tag(tag).encode()) for tag in tags]
    assert ours == [packet.tag_only_message() for packet in packets]
    multiple = MultiServiceRequestPacket(7, packets)
    assert b"\x07\x00" + join_requests(ours) == multiple.build_message()
    fragment = ReadTagFragmentedRequestPacket.from_request(iter([7]), packets[0], 400)
    assert b"\x07\x00" + fragment_request(ours[0], 400) == fragment.build_message()


def test_paths_of_objects_are_those_of_pycomm3() -> None:
    assert STATUS_REQUEST[1:] == request_path(ClassCode.identity_object, 1, 5)
    assert CHANGES_REQUEST[1:6] == request_path(0xAC, 1)


def test_a_reply_is_taken_apart() -> None:
    assert parse_reply(0x4C, b"\xcc\0\xff\x01\x05\x21data") == CipReply(0xFF, (0x2105,), b"data")


@pytest.mark.parametrize(
    "reply", [b"", b"\xcc\0\0", b"\xcd\0\0\0", b"\x4c\0\0\0", b"\xcc\x01\0\0", b"\xcc\0\0\x01\x01"]
)
def test_what_is_no_reply(reply: bytes) -> None:
    with pytest.raises(MalformedReply):
        parse_reply(0x4C, reply)


@given(st.lists(st.binary(min_size=4, max_size=20), min_size=1, max_size=20))
def test_parts_come_out_as_they_went_in(parts: List[bytes]) -> None:
    request = join_requests(parts)
    reply = b"\x8a\0\0\0" + request[6:]
    _, spans = split_replies(reply, len(parts))
    assert [reply[start:end] for start, end in spans] == parts


@given(st.binary(max_size=60), st.integers(1, 10))
def test_any_bytes_are_parts_within_bounds_or_no_reply(data: bytes, count: int) -> None:
    reply = b"\x8a\0\0\0" + data
    try:
        _, spans = split_replies(reply, count)
    except MalformedReply:
        return
    assert len(spans) == count
    assert all(4 <= start < end <= len(reply) for start, end in spans)


def test_status_in_words() -> None:
    assert describe_status(0x05, (0,)) == "No such tag or path (CIP status 0x05, extended 0x0000)"
    assert describe_status(0xFF, (0x2105,)) == "Beyond the end of the array (CIP status 0xff, extended 0x2105)"
    assert describe_status(0x01, (0x0113,)).startswith("The device has no more connections to give (CIP status 0x01")
    assert describe_status(0xE7) == "Unknown status (CIP status 0xe7)"
