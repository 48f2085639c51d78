"""What a PLC's value means as a boolean state, as text for people and as JSON. Pure."""

from __future__ import annotations

import math
import struct
from decimal import ROUND_DOWN, Decimal
from typing import Any, Optional

from .models import Sample, Value
from .texts.catalogue import say
from .texts.outside import clean

MAX_DECIMALS = 4
_WORDS = {"TRUE": True, "ON": True, "1": True, "FALSE": False, "OFF": False, "0": False}


def as_boolean(value: Value) -> Optional[bool]:
    """TRUE or FALSE for a boolean, 0/1, "TRUE"/"FALSE", "ON"/"OFF" (any case); None for anything else (promise E18)."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return bool(value) if value in (0, 1) else None
    if isinstance(value, str):
        return _WORDS.get(value.strip().upper())
    return None


def as_state_sample(tag: str, sample: Sample) -> Sample:
    """The sample with a boolean value, or a bad sample whose error names the tag and the value."""
    if sample.error is not None:
        return sample
    state = as_boolean(sample.value)
    if state is None:
        return sample._replace(value=None, error=say("value.no_state", tag=tag, value=repr(sample.value)))
    return sample._replace(value=state)


def to_display(value: Value, decimals: Optional[int] = None) -> str:
    """The text people read: TRUE/FALSE; numbers cut, not rounded, to 4 decimals, or to exactly `decimals` (0 to 15);
    a text of the PLC on one line and cut to 300 letters.

    A REAL is taken as the shortest decimal that names it: 2.3 is stored as 2.29999995 and must not be shown as 2.2999.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return _float_text(value, decimals)
    if isinstance(value, tuple):
        return "[" + ", ".join(to_display(item, decimals) for item in value) + "]"
    if isinstance(value, int) and decimals:
        return f"{value}.{'0' * decimals}"
    return clean(str(value))


def _float_text(value: float, decimals: Optional[int]) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    exact = Decimal(_shortest(value))
    if exact.adjusted() > 20:
        return repr(value)
    places = MAX_DECIMALS if decimals is None else decimals
    cut = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN)
    text = f"{cut:f}"
    if decimals is None:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _shortest(value: float) -> str:
    """The shortest decimal that gives this value back in its own width: 32 bits when those hold it, else 64."""
    try:
        is_real = struct.unpack("<f", struct.pack("<f", value))[0] == value
    except OverflowError:
        is_real = False
    if is_real:
        for digits in range(6, 10):
            text = f"{value:.{digits}g}"
            if struct.unpack("<f", struct.pack("<f", float(text)))[0] == value:
                return text
    return repr(value)


def to_json_value(value: Value) -> Any:
    """The typed value as JSON can hold it: NaN and infinities become null (the text still tells them apart)."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, tuple):
        return [to_json_value(item) for item in value]
    return value
