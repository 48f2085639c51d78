"""Where members lie: templates as the controller gives them, and the search for them by their handles."""

from __future__ import annotations

import struct
from typing import Dict, List, Mapping, Optional, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conectpy.drivers.cip.cip_requests import CipReply, parse_reply, read_request
from conectpy.drivers.cip.data_types import ATOMICS, STRING, Definition
from conectpy.drivers.cip.struct_layouts import Layout, Member, find_layouts, parse_template, slot_place
from conectpy.drivers.cip.tag_paths import parse_tag
from conectpy.simulator import Faults, LogixController
from conectpy.simulator.message_router import MessageRouter

BY_NAME = {item.name: item for item in ATOMICS.values()}
MOTOR = [
    ("Run", "BOOL"),
    ("Fault", "BOOL"),
    ("Hours", "REAL"),
    ("Name", "STRING"),
    ("Bits", "BOOL[40]"),
    ("W", "INT[5]"),
]


def define(name: str) -> Definition:
    atomic = BY_NAME[name]
    return Definition(atomic.code.to_bytes(2, "little"), atomic.size_bytes, atomic)


class Device:
    """A simulated controller without a network; counts the rounds."""

    def __init__(self) -> None:
        value = {name: 0 for name, kind in MOTOR if kind in ("BOOL", "REAL")}
        tags = {"PUMP": ("MOTOR", value), "PUMPS": ("MOTOR[3]", [value] * 3), "OTHER": ("PLANT", {"Level": 1.0})}
        structs = {"MOTOR": MOTOR, "PLANT": [("Motors", "MOTOR[2]"), ("Level", "LREAL")]}
        self.controller = LogixController(tags, structs)
        self.router = MessageRouter(self.controller, Faults())
        self.rounds: List[int] = []

    def ask(self, requests: Sequence[bytes]) -> List[CipReply]:
        self.rounds.append(len(requests))
        return [parse_reply(request[0], self.router.execute(request, 480)) for request in requests]

    def find(self, *parents: str, is_worth_it: bool = True) -> Dict[str, Layout]:
        paths = [parse_tag(parent) for parent in parents]
        search = find_layouts(paths, self.ask, lambda sizes: is_worth_it, 3998)
        while True:
            try:
                next(search)
            except StopIteration as end:
                found: Dict[str, Layout] = end.value
                return found


def test_layouts_are_found_by_handle() -> None:
    device = Device()
    found = device.find("PUMP", "PUMPS[2]", "OTHER", "GONE")
    assert sorted(found) == ["other", "pump", "pumps[2]"]
    assert found["pump"] == found["pumps[2]"]
    assert found["pump"].size_bytes == len(device.ask([read_request(parse_tag("PUMP").encode())])[0].data) - 4
    assert sorted(found["pump"].members) == ["bits", "fault", "hours", "name", "run", "w", *hidden(found["pump"])]
    assert "motors" not in found["other"].members
    assert found["other"].members["level"].atomic is BY_NAME["LREAL"]


def hidden(layout: Layout) -> List[str]:
    return [name for name in layout.members if name.startswith("zzzzz")]


def test_nothing_is_searched_that_is_not_worth_it() -> None:
    device = Device()
    assert device.find("PUMP", is_worth_it=False) == {}
    assert device.rounds == [1]


def test_the_whole_search_is_a_few_frames() -> None:
    device = Device()
    device.find("PUMP")
    assert len(device.rounds) <= 20
    device.rounds.clear()
    assert device.find("GONE") == {}
    assert len(device.rounds) <= 20


@pytest.mark.parametrize("size", [0, 7, 8, 30])
def test_a_template_that_is_cut_is_not_used(size: int) -> None:
    definition = Device().controller.catalog.parse("MOTOR").data_type.definition  # type: ignore[union-attr]
    assert parse_template(definition[:size], 7) is None


@given(st.binary(max_size=200), st.integers(0, 30))
def test_noise_is_a_template_or_none(noise: bytes, count: int) -> None:
    members = parse_template(noise, count)
    assert members is None or len(members) <= count


def layout_of(**members: Member) -> Layout:
    return Layout(b"\xa0\x02\x01\x02", 100, members)


def place(layout: Layout, tag: str, definition: Definition) -> Optional[object]:
    return slot_place(layout, parse_tag(tag), definition)


def test_places_of_members() -> None:
    layout = layout_of(
        run=Member(4, BY_NAME["BOOL"], bit=3),
        level=Member(8, BY_NAME["REAL"]),
        words=Member(12, BY_NAME["INT"], 5),
        name=Member(24, None),
    )
    assert place(layout, "P.Run", define("BOOL")) == (4, 3)
    assert place(layout, "P.LEVEL", define("REAL")) == (8, None)
    assert place(layout, "P.Words[4]", define("INT")) == (20, None)
    assert place(layout, "P.Name", STRING) is None  # 24 + 88 is beyond the end of this structure
    assert place(layout._replace(size_bytes=112), "P.Name", STRING) == (24, None)


@pytest.mark.parametrize(
    ("tag", "definition"),
    [
        ("P.Nope", define("REAL")),
        ("P.Level", define("DINT")),
        ("P.Level[0]", define("REAL")),
        ("P.Words[5]", define("INT")),
        ("P.Words[0,0]", define("INT")),
        ("P.Level", STRING),
    ],
)
def test_what_does_not_agree_with_the_template_is_not_placed(tag: str, definition: Definition) -> None:
    members: Mapping[str, Member] = {
        "level": Member(8, BY_NAME["REAL"]),
        "words": Member(12, BY_NAME["INT"], 5),
    }
    assert place(layout_of(**members), tag, definition) is None


def test_entries_of_a_template() -> None:
    entries = struct.pack("<HHIHHIHHI", 5, 0xC1, 0, 0, 0xCA, 4, 6, 0x20C3, 8)
    members = parse_template(entries + b"NAME;nEB\0Run\0Level\0Words", 3)
    assert members == {
        "run": Member(0, BY_NAME["BOOL"], bit=5),
        "level": Member(4, BY_NAME["REAL"]),
        "words": Member(8, BY_NAME["INT"], 6),
    }
