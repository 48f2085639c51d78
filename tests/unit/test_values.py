"""Values as text for people and as JSON."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conectpy.values import to_display, to_json_value


def real(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (True, None, "TRUE"),
        (False, 2, "FALSE"),
        (7, None, "7"),
        (7, 2, "7.00"),
        (3.14159265, None, "3.1415"),
        (-3.99999, None, "-3.9999"),
        (0.99999, None, "0.9999"),
        (-0.00001, None, "0"),
        (7.5, None, "7.5"),
        (7.5, 2, "7.50"),
        (7.999, 0, "7"),
        (1e-9, None, "0"),
        (12345678.0, None, "12345678"),
        (1e300, None, "1e+300"),
        (2**63 - 1, None, "9223372036854775807"),
        (math.nan, None, "NaN"),
        (-math.inf, None, "-Infinity"),
        ("Lavado", None, "Lavado"),
        (None, None, ""),
        ((1.5, True), None, "[1.5, TRUE]"),
    ],
)
def test_display_cuts_and_never_rounds(value: Any, decimals: Any, text: str) -> None:
    assert to_display(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"), [(2.3, "2.3"), (0.1234, "0.1234"), (19.9999, "19.9999"), (16777217.0, "16777216")]
)
def test_a_real_is_the_number_that_people_know_it_as(value: float, text: str) -> None:
    assert to_display(real(value)) == text


@given(st.floats(-1e9, 1e9))
def test_display_is_never_further_from_zero_than_the_value(value: float) -> None:
    shown = float(to_display(value))
    assert abs(shown) <= abs(value) * (1 + 1e-6)
    assert abs(shown - value) <= 1e-4 + abs(value) * 1e-6


@given(st.recursive(st.floats() | st.integers() | st.text() | st.booleans() | st.none(), lambda x: st.tuples(x, x)))
def test_json_never_breaks(value: Any) -> None:
    json.loads(json.dumps(to_json_value(value), allow_nan=False))
