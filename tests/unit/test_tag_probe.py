"""What the configured tags are, found by a few questions: a controller played by a dict of paths."""

from __future__ import annotations

import struct
from typing import Dict, List, Optional, Sequence, Tuple

from conectpy.drivers.cip.cip_requests import CipReply, read_request
from conectpy.drivers.cip.data_types import STRING, Definition
from conectpy.drivers.cip.tag_paths import parse_tag
from conectpy.drivers.cip.tag_probe import find_definitions

NO_SUCH_TAG, BEYOND_END = CipReply(0x04, (0,), b""), CipReply(0xFF, (0x2105,), b"")
DINT, SINT, DWORD, REAL = (CipReply(0, (), code + bytes(size)) for code, size in (
    (b"\xc4\0", 4), (b"\xc2\0", 1), (b"\xd3\0", 4), (b"\xca\0", 4)
))  # fmt: skip


def structure(handle: int, size: int, status: int = 0) -> CipReply:
    return CipReply(status, (), struct.pack("<HH", 0x02A0, handle) + bytes(size))


class Controller:
    """Answers from a dict; counts the rounds."""

    def __init__(self, tags: Dict[str, CipReply], measured: Optional[int] = None) -> None:
        self.by_request = {read_request(parse_tag(tag).encode()): reply for tag, reply in tags.items()}
        self.rounds: List[int] = []
        self.measured = measured

    def ask(self, requests: Sequence[bytes]) -> List[CipReply]:
        self.rounds.append(len(requests))
        return [self.by_request.get(request, NO_SUCH_TAG) for request in requests]

    def find(self, *tags: str) -> Dict[str, Definition]:
        return find_definitions([parse_tag(tag) for tag in tags], self.ask, lambda _: self.measured)


def names(found: Dict[str, Definition]) -> List[Tuple[str, str]]:
    return sorted((key, definition.name) for key, definition in found.items())


def test_atomic_types_take_one_question_each() -> None:
    controller = Controller({"A": DINT, "B[3]": REAL, "C": CipReply(0, (), b"\xc1\x03\x01")})
    assert names(controller.find("A", "a.5", "B[3]", "C", "GONE")) == [("a", "DINT"), ("b[3]", "REAL"), ("c", "BOOL")]
    assert controller.rounds == [4]


def test_an_index_beyond_the_end_may_be_a_bit() -> None:
    controller = Controller({"BITS[33]": BEYOND_END, "BITS[1]": DWORD, "A[99]": BEYOND_END, "A[3]": DINT})
    assert names(controller.find("BITS[33]", "A[99]", "A[3]", "BITS[1]")) == [
        ("a[3]", "DINT"),
        ("bits[1]", "DWORD"),
        ("bits[33]", "DWORD"),
    ]
    assert controller.rounds == [4, 2]


def test_the_standard_string_needs_no_further_question() -> None:
    controller = Controller({"S": structure(0x0FCE, 88)})
    assert controller.find("S") == {"s": STRING}
    assert controller.rounds == [1]


def test_strings_of_other_lengths_are_told_by_their_members() -> None:
    tags = {"S": structure(0x1234, 24), "S.LEN": DINT, "S.DATA[16]": SINT, "T": structure(0x1234, 24)}
    controller = Controller(tags)
    found = controller.find("S", "T")
    assert found["s"] == found["t"] == Definition(b"\xa0\x02\x34\x12", 24, is_string=True)
    assert controller.rounds == [2, 2]


def test_a_structure_that_only_begins_like_a_string_is_none() -> None:
    tags = {"S": structure(0x1234, 28), "S.LEN": DINT, "S.DATA[16]": SINT}
    assert not Controller(tags).find("S")["s"].is_string
    assert not Controller({"P": structure(0x77, 8)}).find("P")["p"].is_string


def test_a_string_that_is_too_long_for_one_reply_is_measured() -> None:
    tags = {"S": structure(0x1234, 400, status=6), "S.LEN": DINT, "S.DATA[0]": SINT}
    assert Controller(tags, 1004).find("S")["s"] == Definition(b"\xa0\x02\x34\x12", 1004, is_string=True)
    assert not Controller(tags, None).find("S")["s"].is_string


def test_types_that_nobody_knows_are_named() -> None:
    assert Controller({"X": CipReply(0, (), b"\xcf\0" + bytes(6))}).find("X")["x"].name == "type 0x00cf"
    assert Controller({"X": CipReply(0, (), b"\xda\0\x02Ab")}).find("X")["x"].length_bytes == 1


def test_nothing_to_find() -> None:
    controller = Controller({})
    assert controller.find() == {}
    assert controller.find("X", "Y[3]", "Z[1,2]") == {}
