"""What a frame makes of its replies: what has changed, and nothing but what was really said."""

from __future__ import annotations

import math
import struct
from typing import Dict, List, Optional, Sequence, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conectpy.drivers.cip.cip_requests import MalformedReply
from conectpy.drivers.cip.data_types import ATOMICS, STRING, Definition
from conectpy.drivers.cip.scan_frame import Frame, FrameRefused
from conectpy.drivers.cip.scan_plan import make_plan
from conectpy.drivers.cip.tag_paths import parse_tag
from conectpy.models import Sample

BY_NAME = {item.name: item for item in ATOMICS.values()}
TYPES = {
    **{"A_BOOL": "BOOL", "A_SINT": "SINT", "AN_INT": "INT", "A_DINT": "DINT", "A_LINT": "LINT", "A_REAL": "REAL"},
    **{"AN_LREAL": "LREAL", "A_STRING": "STRING", "WORD.3": "DINT", "WORD.4": "DINT", "GONE": ""},
}
GOOD_VALUES = {
    **{"a_bool": b"\x01", "a_sint": b"\x80", "an_int": b"\x39\x30", "a_dint": b"\x01\x02\x03\x04"},
    **{"a_lint": bytes(range(8)), "a_real": struct.pack("<f", 1.5), "an_lreal": struct.pack("<d", -0.25)},
    **{"a_string": struct.pack("<i", 4) + b"Agua".ljust(84, b"\0"), "word": b"\x08\0\0\0"},
}
EXPECTED = {
    **{"A_BOOL": True, "A_SINT": -128, "AN_INT": 12345, "A_DINT": 0x04030201, "A_LINT": 0x0706050403020100},
    **{"A_REAL": 1.5, "AN_LREAL": -0.25, "A_STRING": "Agua", "WORD.3": True, "WORD.4": False},
}
NO_SUCH_TAG = b"\xcc\x00\x05\x01\x00\x00"


def define(type_name: str) -> Definition:
    if type_name == "STRING":
        return STRING
    atomic = BY_NAME[type_name]
    return Definition(atomic.code.to_bytes(2, "little"), atomic.size_bytes, atomic)


def make_frame(types: Dict[str, str]) -> Frame:
    paths = {number: parse_tag(tag) for number, tag in enumerate(types)}
    definitions = {parse_tag(tag).key: define(name) for tag, name in types.items() if name}
    (reads,) = make_plan(paths, definitions, 3998).frames
    return Frame(reads, True, list(types))


def reply_to(frame: Frame, values: Dict[str, bytes], pieces: Optional[Dict[str, bytes]] = None) -> bytes:
    """A good reply with these data bytes by read key; a key of `pieces` is answered with those bytes as they are."""
    parts: List[bytes] = []
    for read in frame.reads:
        key = read.keys[0]
        if pieces and key in pieces:
            parts.append(pieces[key])
        elif read.head is None or key not in values:
            parts.append(NO_SUCH_TAG)
        else:
            parts.append(b"\xcc\0\0\0" + read.head + values[key])
    return join(parts)


def join(parts: Sequence[bytes]) -> bytes:
    offsets, at = [], 2 + 2 * len(parts)
    for part in parts:
        offsets.append(at)
        at += len(part)
    status = 0x1E if any(part[2] for part in parts) else 0
    return bytes((0x8A, 0, status, 0)) + struct.pack(f"<H{len(parts)}H", len(parts), *offsets) + b"".join(parts)


def values_of(pairs: Sequence[Tuple[str, Sample]]) -> Dict[str, object]:
    """By tag: the value, or the error's text without the tag's name."""
    return {tag: sample.value if sample.error is None else sample.error.partition(": ")[2] for tag, sample in pairs}


# -- what has changed --------------------------------------------------------------------------------------------------


def test_the_first_reply_tells_everything() -> None:
    frame = make_frame(TYPES)
    values = values_of(frame.decode(reply_to(frame, GOOD_VALUES)))
    assert values.pop("GONE") == "No such tag or path (CIP status 0x05, extended 0x0000)"
    assert values == EXPECTED
    assert type(values["A_BOOL"]) is bool
    assert type(values["WORD.3"]) is bool


def test_the_same_reply_tells_nothing() -> None:
    frame = make_frame(TYPES)
    reply = reply_to(frame, GOOD_VALUES)
    frame.decode(reply)
    assert frame.decode(bytes(bytearray(reply))) == []


def test_only_what_changed_is_told() -> None:
    frame = make_frame(TYPES)
    frame.decode(reply_to(frame, GOOD_VALUES))
    changed = {**GOOD_VALUES, "a_real": struct.pack("<f", 2.5)}
    assert values_of(frame.decode(reply_to(frame, changed))) == {"A_REAL": 2.5}
    assert values_of(frame.decode(reply_to(frame, GOOD_VALUES))) == {"A_REAL": 1.5}


def test_nan_is_no_change_of_itself() -> None:
    frame = make_frame(TYPES)
    values = {**GOOD_VALUES, "a_real": struct.pack("<f", math.nan)}
    found = values_of(frame.decode(reply_to(frame, values)))["A_REAL"]
    assert isinstance(found, float)
    assert math.isnan(found)
    values["a_sint"] = b"\x01"
    assert values_of(frame.decode(reply_to(frame, values))) == {"A_SINT": 1}


def test_a_tag_that_fails_alone_is_bad_alone_and_comes_back() -> None:
    frame = make_frame(TYPES)
    frame.decode(reply_to(frame, GOOD_VALUES))
    without = {key: value for key, value in GOOD_VALUES.items() if key != "a_dint"}
    ((tag, sample),) = frame.decode(reply_to(frame, without))
    assert tag == "A_DINT"
    assert sample.is_vanished
    assert frame.decode(reply_to(frame, without)) == []
    without["a_sint"] = b"\x05"
    assert values_of(frame.decode(reply_to(frame, without))) == {"A_SINT": 5}
    assert frame.doubtful == []
    assert values_of(frame.decode(reply_to(frame, GOOD_VALUES))) == {"A_DINT": 0x04030201, "A_SINT": -128}


def test_another_type_is_bad_and_doubtful() -> None:
    frame = make_frame(TYPES)
    frame.decode(reply_to(frame, GOOD_VALUES))
    other = {"a_dint": b"\xcc\0\0\0\xca\0" + struct.pack("<f", 2.5)}
    assert values_of(frame.decode(reply_to(frame, GOOD_VALUES, other))) == {
        "A_DINT": "its type has changed: REAL instead of DINT"
    }
    assert [read.keys for read in frame.doubtful] == [("a_dint",)]


def test_another_length_is_bad() -> None:
    frame = make_frame(TYPES)
    short = {"a_dint": b"\xcc\0\0\0\xc4\0\x01\x02"}
    values = values_of(frame.decode(reply_to(frame, GOOD_VALUES, short)))
    assert values["A_DINT"] == "2 bytes came instead of 4"
    assert values["A_SINT"] == -128


def test_a_byte_may_be_padded() -> None:
    frame = make_frame(TYPES)
    padded = {"a_bool": b"\xcc\0\0\0\xc1\0\x01\x77"}
    assert values_of(frame.decode(reply_to(frame, GOOD_VALUES, padded)))["A_BOOL"] is True
    padded["a_bool"] = b"\xcc\0\0\0\xc1\0\x01\x78"
    assert frame.decode(reply_to(frame, GOOD_VALUES, padded)) == []


def test_an_unknown_tag_that_answers_is_doubtful() -> None:
    frame = make_frame(TYPES)
    frame.decode(reply_to(frame, GOOD_VALUES))
    assert frame.doubtful == []
    frame.decode(reply_to(frame, GOOD_VALUES, {"gone": b"\xcc\0\0\0\xc4\0\0\0\0\0"}))
    assert [read.keys for read in frame.doubtful] == [("gone",)]


def test_a_range_that_fails_is_doubtful() -> None:
    frame = make_frame({"A[1]": "DINT", "A[2]": "DINT", "B": "DINT"})
    frame.decode(reply_to(frame, {"b": bytes(4)}))
    assert [read.is_range for read in frame.doubtful] == [True]


def test_a_reply_without_room_is_crowded() -> None:
    frame = make_frame(TYPES)
    frame.decode(reply_to(frame, GOOD_VALUES, {"a_string": b"\xcc\0\x06\0"}))
    assert [read.keys for read in frame.crowded] == [("a_string",)]


def test_one_read_is_sent_without_an_envelope() -> None:
    frame = make_frame({"A_BOOL": "BOOL"})
    assert frame.request == b"\x4c\x04\x91\x06A_BOOL\x01\x00"
    assert values_of(frame.decode(b"\xcc\0\0\0\xc1\0\x01")) == {"A_BOOL": True}
    assert values_of(frame.decode(NO_SUCH_TAG)) == {"A_BOOL": "No such tag or path (CIP status 0x05, extended 0x0000)"}


# -- what is no reply --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0x02, 0x08, 0x11, 0x1E])
def test_a_frame_that_is_refused_as_a_whole(status: int) -> None:
    frame = make_frame(TYPES)
    with pytest.raises(FrameRefused) as refused:
        frame.decode(bytes((0x8A, 0, status, 0)))
    assert refused.value.reply.status == status


@pytest.mark.parametrize(
    "reply", [b"", b"\x8a", b"\xcc\0\0\0", b"\x8a\0\0\x05", b"\x8a\0\0\0", b"\x8a\0\0\0\x01\0\x04\0", bytes(500)]
)
def test_what_is_no_reply_at_all(reply: bytes) -> None:
    with pytest.raises(MalformedReply):
        make_frame(TYPES).decode(reply)


VALUE_KEYS = st.sampled_from(list(GOOD_VALUES))


def fuzzed(frame: Frame, reply: bytes) -> Optional[Dict[str, object]]:
    try:
        return values_of(frame.decode(reply))
    except (MalformedReply, FrameRefused):
        return None


def spans_of(reply: bytes, frame: Frame) -> List[Tuple[int, int]]:
    """Where the value bytes lie in a good reply."""
    count = len(frame.reads)
    offsets = [*struct.unpack_from(f"<{count}H", reply, 6), len(reply) - 4]
    return [
        (4 + offsets[at] + 4 + len(read.head), 4 + offsets[at + 1])
        for at, read in enumerate(frame.reads)
        if read.head is not None
    ]


@given(st.data(), st.booleans())
@settings(deadline=None, max_examples=300)
def test_flipped_bits_outside_the_values_never_make_a_value(data: st.DataObject, is_taught: bool) -> None:
    frame = make_frame(TYPES)
    reply = reply_to(frame, GOOD_VALUES)
    spans = spans_of(reply, frame)
    outside = [at for at in range(len(reply)) if not any(start <= at < end for start, end in spans)]
    if is_taught:
        frame.decode(reply)
    spoilt = bytearray(reply)
    for at in data.draw(st.lists(st.sampled_from(outside), min_size=1, max_size=4, unique=True)):
        spoilt[at] ^= 1 << data.draw(st.integers(0, 7))
    found = fuzzed(frame, bytes(spoilt))
    for tag, value in (found or {}).items():
        if value != EXPECTED.get(tag):
            assert isinstance(value, str), (tag, value)
            assert tag == "GONE" or "status" in value or "type" in value or "bytes came" in value, (tag, value)


@given(st.binary(max_size=300), st.booleans())
@settings(deadline=None, max_examples=300)
def test_noise_is_never_a_value(noise: bytes, is_taught: bool) -> None:
    frame = make_frame(TYPES)
    if is_taught:
        frame.decode(reply_to(frame, GOOD_VALUES))
    assert fuzzed(frame, noise) in (None, {})
    assert fuzzed(frame, b"\x8a\0\0\0" + noise) in (None, {})


@given(st.integers(0, 400), st.booleans())
@settings(deadline=None)
def test_a_cut_reply_is_never_a_value(size: int, is_taught: bool) -> None:
    frame = make_frame(TYPES)
    reply = reply_to(frame, GOOD_VALUES)
    if is_taught:
        frame.decode(reply)
    for tag, value in (fuzzed(frame, reply[: min(size, len(reply) - 1)]) or {}).items():
        assert value == EXPECTED.get(tag) or isinstance(value, str)


@given(st.lists(st.dictionaries(VALUE_KEYS, st.integers(0, 255), max_size=4), max_size=8))
@settings(deadline=None)
def test_fast_and_slow_agree(steps: List[Dict[str, int]]) -> None:
    """A frame that has learned tells the same as one that sees each reply for the first time."""
    learned, values = make_frame(TYPES), dict(GOOD_VALUES)
    state: Dict[str, object] = {}
    for step in steps:
        for key, byte in step.items():
            values[key] = bytes([byte]) + values[key][1:] if byte % 17 else values[key]
        missing = {key: NO_SUCH_TAG for key, byte in step.items() if byte % 17 == 0}
        state.update(values_of(learned.decode(reply_to(learned, values, missing))))
        fresh = make_frame(TYPES)
        expected = values_of(fresh.decode(reply_to(fresh, values, missing)))
        assert {tag: repr(value) for tag, value in state.items()} == {t: repr(v) for t, v in expected.items()}
