"""What a hostile or careless server can put into a value: bounded in time and in memory, said in words."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any, List

import pytest

from conectpy.drivers.ua.library import ua
from conectpy.drivers.ua.message import ChannelError, decode_response
from conectpy.drivers.ua.node_id import PARSE_ERRORS, Malformed
from conectpy.drivers.ua.read_plan import ReplyDecoder, decode_head
from conectpy.drivers.ua.ua_values import decode_data_value, decode_variant
from conectpy.texts.catalogue import Text

DEEP = 50_000


def array(type_id: int, count: int, element: bytes) -> bytes:
    return bytes((0x80 | type_id,)) + struct.pack("<i", count) + element * count


def reply(*variants: bytes) -> bytes:
    return struct.pack("<i", len(variants)) + b"".join(b"\x01" + one for one in variants) + struct.pack("<i", -1)


@pytest.mark.parametrize(
    "data",
    [
        array(1, 1001, b"\1"),
        array(11, 1001, bytes(8)),
        array(12, 1001, struct.pack("<i", 1) + b"a"),
        array(13, 1001, bytes(8)),
        array(22, 1001, b"\0\0\0"),
        array(24, 1001, b"\1\1"),
        array(24, 2, array(1, 1001, b"\1")),  # in a value in a value
        array(6, 1002, bytes(4)),
    ],
)
def test_a_long_array_is_passed_over_and_named(data: bytes) -> None:
    value, _, is_array, end = decode_variant(data + b"rest", 0)
    assert isinstance(value, Text)
    assert value.code == "value.elements"
    assert is_array
    assert end == len(data)


def test_a_thousand_elements_and_a_long_text_are_values() -> None:
    assert decode_variant(array(6, 1000, struct.pack("<i", 7)), 0)[0] == (7,) * 1000
    text = b"\x01\x0c" + struct.pack("<i", 65_000) + b"a" * 65_000
    assert decode_data_value(text, 0)[0].value == "a" * 65_000
    matrix = bytes((0xC6,)) + array(6, 1002, bytes(4))[1:] + struct.pack("<3i", 2, 2, 501)
    assert isinstance(decode_variant(matrix, 0)[0], Text)


def test_a_value_of_more_than_64_kib_is_none() -> None:
    reading, _ = decode_data_value(b"\x01\x0c" + struct.pack("<i", 70_000) + b"a" * 70_000, 0)
    assert isinstance(reading.value, Text)
    assert reading.value == "a value of 70005 bytes, more than 65536"
    assert len(reading.variant) < 100


@pytest.mark.parametrize(
    "data",
    [
        b"\x18" * DEEP,  # Variant in Variant
        b"\x19" + b"\x40" * DEEP + b"\0",  # DiagnosticInfo in DiagnosticInfo
        b"\x17\x01" * DEEP,  # DataValue in Variant in DataValue
        array(24, 1, b"") + array(24, 1, b"") * DEEP,
        b"\x16\0\0\1" + struct.pack("<i", 2**31 - 1),  # the body of an ExtensionObject
        array(12, 2**24, b"")[:5] + bytes(1000),
        array(13, 300_001, bytes(8)),
        array(24, 200_000, b"\x8b" + struct.pack("<i", 1) + bytes(8)),
    ],
)
def test_what_is_too_deep_too_long_or_lies_is_a_short_error(data: bytes) -> None:
    with pytest.raises(PARSE_ERRORS) as refused:
        decode_variant(data, 0)
    assert len(str(refused.value)) < 300


def test_an_answer_before_any_trust_is_a_short_error_too() -> None:
    head = b"\x01\x00\xc1\x01" + struct.pack("<qII", 0, 1, 0)  # OpenSecureChannelResponse
    lie = b"\x10" + struct.pack("<i", 2**30) + b"x" * 600_000
    for body in (
        head + b"\x40" * DEEP + bytes(100),
        head + lie,
        head + b"\0" + struct.pack("<i", 2**31 - 1) + bytes(9),
    ):
        with pytest.raises(ChannelError) as refused:
            decode_response(body, ua.OpenSecureChannelResponse)
        assert len(str(refused.value)) < 500
        assert "\n" not in str(refused.value)
        with pytest.raises(Malformed):
            decode_head(body)


def test_sixteen_mebibytes_cost_no_more_than_the_message_itself() -> None:
    decoder = ReplyDecoder(2, [0])
    states = (True, False, True)
    bodies = [reply(bytes((1, state)), array(11, 2_000_000, struct.pack("<d", state))) for state in states]
    tracemalloc.start()
    try:
        for state, body in zip(states, bodies):
            change = decoder.decode(body, 0)
            told = {reading.place: reading.value for reading in change.readings}
            told.update(pair for block in change.blocks for pair in zip(*block))
            assert told[0] is state
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * 2**20


def test_decoding_ends_at_its_deadline() -> None:
    calls: List[Any] = []

    def check() -> None:
        calls.append(None)
        if len(calls) == 3:
            raise ChannelError(Text("late"))

    with pytest.raises(ChannelError):
        ReplyDecoder(100).decode(reply(*[array(24, 1, b"\1\1")] * 100), 0, check)
    assert len(calls) == 3
