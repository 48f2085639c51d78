"""The lean decoder gives what the full one gives, for any replies in any order; requests keep to the limits."""

from __future__ import annotations

import math
import struct
from typing import Any, Dict, List, Optional, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conectpy.drivers.ua.library import ua, ua_binary
from conectpy.drivers.ua.node_id import NodeId, encode_node_id
from conectpy.drivers.ua.read_plan import Malformed, ReplyDecoder, decode_head, decode_read, encode_read, split_nodes

T = ua.VariantType
VALUES = st.one_of(
    st.tuples(st.just(T.Boolean), st.booleans()),
    st.tuples(st.just(T.Int16), st.integers(-3, 3)),
    st.tuples(st.just(T.UInt32), st.integers(0, 5)),
    st.tuples(st.just(T.Float), st.sampled_from([0.0, -0.0, 1.5, math.nan, math.inf])),
    st.tuples(st.just(T.Double), st.sampled_from([0.0, -0.0, 2.5, math.nan])),
    st.tuples(st.just(T.String), st.sampled_from(["", "a", "bb"])),
    st.tuples(st.just(T.Int32), st.lists(st.integers(0, 2), max_size=3)),
    st.just((T.Null, None)),
)


@st.composite
def results(draw: Any) -> bytes:
    """One encoded DataValue with any of its fields."""
    kind, value = draw(VALUES)
    flags = draw(st.sampled_from([0x01, 0x03, 0x05, 0x07, 0x0D, 0x0F, 0x15, 0x3F, 0x02, 0x0E, 0x00]))
    data = bytes((flags,))
    if flags & 0x01:
        data += ua_binary.variant_to_binary(ua.Variant(value, kind, is_array=isinstance(value, list)))
    if flags & 0x02:
        data += struct.pack("<I", draw(st.sampled_from([0, 0x80340000, 0x40900000])))
    for bit, layout in ((0x04, "<q"), (0x10, "<H"), (0x08, "<q"), (0x20, "<H")):
        if flags & bit:
            data += struct.pack(layout, draw(st.integers(1, 3)))
    return data


def reply(values: List[bytes]) -> bytes:
    return struct.pack("<i", len(values)) + b"".join(values) + struct.pack("<i", -1)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_the_lean_decoder_tells_exactly_what_changed(data: Any) -> None:
    count = data.draw(st.integers(1, 6))
    watched = data.draw(st.sets(st.integers(0, count - 1)))
    decoder = ReplyDecoder(count, watched)
    values = [data.draw(results()) for _ in range(count)]
    before: Dict[int, Tuple[Any, ...]] = {}
    ticks: Dict[int, Optional[int]] = {}
    for _ in range(data.draw(st.integers(1, 6))):
        body = b"head" + reply(values)
        full = decode_read(body, 4, count)
        now = {place: (one.variant, one.status) for place, one in enumerate(full)}
        change = decoder.decode(body, 4)
        found = {reading.place for reading in change.readings}
        plain = {place: value for places, values in change.blocks for place, value in zip(places, values)}
        assert not found & set(plain)
        assert not watched & set(plain)
        for place, value in plain.items():
            assert repr(value) == repr(full[place].value)
            assert not full[place].status >> 30
        found |= set(plain)
        assert {place for place in now if before.get(place) != now[place]} == found
        for reading in change.readings:
            one = full[reading.place]
            assert repr(reading.value) == repr(one.value)
            assert reading.status == one.status
            if reading.place in watched:
                assert reading.ticks == one.source_ticks
        if before:
            moved = {p for p in watched if full[p].source_ticks != ticks[p] and p not in found}
            assert set(change.moved) == moved
        before, ticks = now, {place: one.source_ticks for place, one in enumerate(full)}
        place = data.draw(st.integers(0, count - 1))
        values[place] = data.draw(results())


@settings(max_examples=200, deadline=None)
@given(st.lists(results(), min_size=1, max_size=4), st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_a_damaged_reply_is_malformed_or_another_reply_but_never_a_crash(
    values: List[bytes], at: int, damage: bytes
) -> None:
    decoder = ReplyDecoder(len(values), range(len(values)))
    good = reply(values)
    decoder.decode(good, 0)
    at %= len(good)
    bad = good[:at] + damage + good[at + len(damage) :]
    try:
        decoder.decode(bad, 0)
    except Malformed:
        return
    assert len(decode_read(bad, 0, len(values))) == len(values)


@pytest.mark.parametrize("cut", [1, 4, 5, 12])
def test_a_cut_or_longer_reply_is_malformed(cut: int) -> None:
    values = [b"\x01\x0b" + struct.pack("<d", 1.5)] * 3
    decoder = ReplyDecoder(3)
    decoder.decode(reply(values), 0)
    with pytest.raises(Malformed):
        decoder.decode(reply(values)[:-cut], 0)
    with pytest.raises(Malformed):
        ReplyDecoder(3).decode(reply(values) + b"x" * cut, 0)
    with pytest.raises(Malformed):
        ReplyDecoder(2).decode(reply(values), 0)


def test_the_request_is_what_the_library_encodes() -> None:
    nodes = [NodeId(4, "i", 3), NodeId(3, "s", '"DB"."x"'), NodeId(0, "i", 2258)]
    request = ua.ReadParameters()
    request.TimestampsToReturn = ua.TimestampsToReturn.Source
    for node in nodes:
        item = ua.ReadValueId()
        item.NodeId = ua_binary.nodeid_from_binary(ua.utils.Buffer(encode_node_id(node)))
        item.AttributeId = ua.AttributeIds.Value
        request.NodesToRead.append(item)
    assert encode_read([(node, 13) for node in nodes]) == ua_binary.struct_to_binary(request)


@given(st.integers(0, 50), st.integers(0, 12), st.integers(0, 300))
def test_chunks_keep_order_and_limits(count: int, limit: int, max_bytes: int) -> None:
    nodes = [NodeId(1, "i", number) for number in range(count)]
    chunks = split_nodes(nodes, limit, max_bytes)
    assert [node for chunk in chunks for node in chunk] == nodes
    for chunk in chunks:
        assert 1 <= len(chunk) <= (limit or count)
        size = sum(len(encode_node_id(node)) + 14 for node in chunk)
        assert len(chunk) == 1 or not max_bytes or size <= max_bytes


def head(type_id: int = 634, status: int = 0, strings: Optional[int] = -1, extra: bytes = b"\x00\x00\x00") -> bytes:
    return b"\x01\x00" + struct.pack("<HqIIBi", type_id, 5, 7, status, 0, strings) + extra


def test_heads_of_answers() -> None:
    assert decode_head(head() + b"rest") == (634, 5, 0, 28)
    assert decode_head(head(397, 0x80340000)).status == 0x80340000
    extra = b"\x01\x00\x10\x00\x01" + struct.pack("<i", 2) + b"xy"
    assert decode_head(head(extra=extra)).end == 25 + len(extra)
    for bad in (b"", head()[:-1], head(strings=2**30), head(extra=b"\x00\x00\x01" + struct.pack("<i", 99))):
        with pytest.raises(Malformed):
            decode_head(bad)
