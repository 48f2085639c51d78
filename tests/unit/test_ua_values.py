"""OPC UA Binary against the `opcua` package's encoder, and against garbage."""

from __future__ import annotations

import struct
import uuid
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conectpy.drivers.ua.library import ua, ua_binary
from conectpy.drivers.ua.node_id import PARSE_ERRORS, Malformed
from conectpy.drivers.ua.ua_values import (
    decode_data_value,
    decode_variant,
    epoch_s_to_ticks,
    ticks_to_epoch_s,
    ticks_to_text,
)


def variant(value: Any, kind: Any, **more: Any) -> Any:
    data = ua_binary.variant_to_binary(ua.Variant(value, kind, **more))
    decoded, type_id, _, end = decode_variant(data, 0)
    assert (type_id, end) == (kind.value, len(data))
    return decoded


@given(st.floats(width=32), st.floats(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=50), st.booleans())
def test_scalars(single: float, double: float, number: int, text: str, state: bool) -> None:
    assert repr(variant(single, ua.VariantType.Float)) == repr(single)
    assert repr(variant(double, ua.VariantType.Double)) == repr(double)
    assert variant(number, ua.VariantType.Int64) == number
    assert variant(text, ua.VariantType.String) == text
    assert variant(state, ua.VariantType.Boolean) is state


def test_arrays_and_matrices() -> None:
    assert variant([1, 2, 3], ua.VariantType.UInt16) == (1, 2, 3)
    assert variant([], ua.VariantType.String, is_array=True) == ()
    assert variant([["a", "b"], ["c", "d"]], ua.VariantType.String, dimensions=[2, 2]) == (("a", "b"), ("c", "d"))
    guid = uuid.uuid4()
    assert variant([guid], ua.VariantType.Guid) == (str(guid),)


def test_times_beyond_pythons_calendar_become_its_bounds() -> None:
    assert ticks_to_text(0) == "1601-01-01T00:00:00.000000Z"
    assert ticks_to_text(-5) == "1601-01-01T00:00:00.000000Z"
    assert ticks_to_text(2**63 - 1).startswith("9999-12-31")
    moment = datetime(2024, 2, 29, 12, 0, 0, 5000, tzinfo=timezone.utc)
    assert ticks_to_epoch_s(epoch_s_to_ticks(moment.timestamp())) == pytest.approx(moment.timestamp(), abs=1e-5)


@pytest.mark.parametrize(
    "data",
    [
        b"\x86" + struct.pack("<i", 2**31 - 1),  # 2 thousand million numbers announced
        b"\x80" + struct.pack("<i", 2**31 - 1),  # as many of nothing
        b"\x98" + struct.pack("<i", 2**30) + b"\x01\x01",
        b"\x0c" + struct.pack("<i", -7),
        b"\x0c" + struct.pack("<i", 100) + b"short",
        b"\x41\x01",  # dimensions without an array
        b"\x3f",  # unknown type
        b"\x98" + struct.pack("<i", 1) + b"\x98\x01\x00\x00\x00" * 200,  # a variant in a variant in ...
        b"\x19" + b"\x40" * 500,  # diagnostics in diagnostics in ...
        b"\xc6" + struct.pack("<iiiiii", 2, 1, 2, 2, 1000, 1000),
        b"",
    ],
)
def test_hostile_values_are_refused_before_they_cost_anything(data: bytes) -> None:
    with pytest.raises(PARSE_ERRORS):
        decode_variant(data, 0)


@given(st.binary(max_size=200))
def test_garbage_is_a_value_or_malformed_and_nothing_else(data: bytes) -> None:
    try:
        _, end = decode_data_value(data, 0)
        assert end <= len(data)
    except PARSE_ERRORS:
        pass


def test_reserved_bits_are_malformed() -> None:
    with pytest.raises(Malformed):
        decode_data_value(b"\x80", 0)
