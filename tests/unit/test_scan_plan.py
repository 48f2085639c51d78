"""What is asked for, in how many frames of which size: everything once, nothing that does not fit."""

from __future__ import annotations

import math
from typing import Dict, List, Sequence, Tuple

from hypothesis import given, settings
from hypothesis import strategies as st

from conectpy.drivers.cip.data_types import ATOMICS, STRING, Definition
from conectpy.drivers.cip.scan_frame import Frame
from conectpy.drivers.cip.scan_plan import MODE, Plan, Read, make_plan, pack, reply_bytes, request_bytes
from conectpy.drivers.cip.tag_paths import TagPath, parse_tag

BY_NAME = {item.name: item for item in ATOMICS.values()}
LARGE, SMALL = 3998, 498


def define(type_name: str) -> Definition:
    if type_name == "STRING":
        return STRING
    atomic = BY_NAME[type_name]
    return Definition(atomic.code.to_bytes(2, "little"), atomic.size_bytes, atomic)


def plan_of(types: Dict[str, str], room: int = LARGE, **options: object) -> Plan:
    paths: Dict[int, TagPath] = {number: parse_tag(tag) for number, tag in enumerate(types)}
    definitions = {parse_tag(tag).key: define(name) for tag, name in types.items() if name}
    return make_plan(paths, definitions, room, **options)  # type: ignore[arg-type]


def reads_of(plan: Plan) -> List[Read]:
    return [read for frame in plan.frames for read in frame]


def uses_of(plan: Plan) -> List[int]:
    return sorted(use.tag for read in [*reads_of(plan), *plan.alone] for slot in read.slots for use in slot.uses)


# -- once is enough ----------------------------------------------------------------------------------------------------


def test_all_bits_of_a_word_are_one_read() -> None:
    plan = plan_of({f"ALARMS.{bit}": "DINT" for bit in range(32)})
    assert len(reads_of(plan)) == 1
    assert uses_of(plan) == list(range(32))


def test_a_word_its_bits_and_another_spelling_are_one_read() -> None:
    plan = plan_of({"Word": "INT", "WORD.0": "INT", "word.15": "INT", "WORD": "INT"})
    assert len(reads_of(plan)) == 1


def test_the_bits_of_a_bool_array_share_words_and_the_words_a_range() -> None:
    plan = plan_of({f"BITS[{bit}]": "DWORD" for bit in (0, 1, 31, 32, 63, 64)})
    (read,) = reads_of(plan)
    assert read.is_range
    assert read.size_bytes == 12
    assert [len(slot.uses) for slot in read.slots] == [3, 2, 1]


def test_neighbours_are_a_range_and_what_is_far_away_is_not() -> None:
    plan = plan_of({f"LEVELS[{index}]": "REAL" for index in (0, 1, 2, 5, 900)})
    sizes = sorted(read.size_bytes or 0 for read in reads_of(plan))
    assert sizes == [4, 24]


def test_a_range_is_never_larger_than_its_elements_asked_one_by_one() -> None:
    for gap in range(40):
        tags = {"LEVELS[0]": "REAL", f"LEVELS[{gap + 1}]": "REAL"}
        joined = plan_of(tags)
        apart = plan_of(tags, separate={"levels[0]", f"levels[{gap + 1}]"})
        (frame,), (other,) = joined.frames, apart.frames
        assert request_bytes(frame) + reply_bytes(frame) <= request_bytes(other) + reply_bytes(other)


def test_rows_of_a_grid_are_ranges_of_their_own() -> None:
    plan = plan_of({f"GRID[{row},{column}]": "INT" for row in range(2) for column in range(3)})
    assert sorted(read.size_bytes or 0 for read in reads_of(plan)) == [6, 6]


def test_elements_whose_range_failed_are_asked_one_by_one() -> None:
    tags = {f"A[{index}]": "DINT" for index in range(4)}
    assert len(reads_of(plan_of(tags))) == 1
    assert len(reads_of(plan_of(tags, separate={f"a[{index}]" for index in range(4)}))) == 4


def test_elements_of_other_types_and_members_stay_apart() -> None:
    plan = plan_of({"P[0].Run": "BOOL", "P[1].Run": "BOOL", "P[0].Hours": "REAL"})
    assert len(reads_of(plan)) == 3


# -- what cannot be read -----------------------------------------------------------------------------------------------


def test_what_makes_no_sense_is_named() -> None:
    plan = plan_of(
        {"R.3": "REAL", "B.0": "BOOL", "D.32": "DINT", "S.1": "STRING", "BITS[3].1": "DWORD", "OK.31": "DINT"}
    )
    assert [fault.tag for fault in plan.faulty] == [0, 1, 2, 3, 4]
    assert plan.faulty[0].error == "is a REAL, which has no bits"
    assert plan.faulty[2].error == "is a DINT, which has no bit 32"
    assert uses_of(plan) == [5]


def test_a_whole_structure_is_not_read() -> None:
    head = b"\xa0\x02\x34\x12"
    plan = make_plan({0: parse_tag("PUMP")}, {"pump": Definition(head, 20)}, LARGE)
    assert plan.faulty[0].error == "is a structure 0x1234: name a member of it"


def test_what_is_not_known_yet_is_asked_for_all_the_same() -> None:
    plan = plan_of({"GONE": "", "THERE": "DINT"})
    assert uses_of(plan) == [0, 1]
    assert [read.head for read in reads_of(plan)].count(None) == 1


# -- frames ------------------------------------------------------------------------------------------------------------


def test_500_tags_of_14_characters_are_three_frames() -> None:
    tags = {f"PT{number:03d}_R_SCADAX"[:14]: "REAL" for number in range(500)}
    plan = plan_of(tags, with_mode=True)
    assert len(plan.frames) == 3
    assert MODE in uses_of(plan)


def test_sizes_are_counted_to_the_byte() -> None:
    for room in (SMALL, LARGE):
        for frame in plan_of({f"TAG_{n:05d}": "STRING" if n % 7 else "LINT" for n in range(300)}, room).frames:
            assert request_bytes(frame) <= room
            assert reply_bytes(frame) <= room
            assert len(Frame(frame, True, []).request) == request_bytes(frame)


@given(
    st.lists(
        st.tuples(st.integers(1, 40), st.sampled_from(["BOOL", "DINT", "LREAL", "STRING"])), min_size=1, max_size=80
    ),
    st.sampled_from([SMALL, LARGE]),
    st.booleans(),
)
@settings(deadline=None)
def test_every_tag_is_in_exactly_one_frame_that_fits(
    shapes: Sequence[Tuple[int, str]], room: int, with_mode: bool
) -> None:
    types = {f"{'N' * size}_{number}": name for number, (size, name) in enumerate(shapes)}
    plan = plan_of(types, room, with_mode=with_mode)
    assert uses_of(plan) == sorted([*range(len(types)), *([MODE] if with_mode else [])])
    total_request = total_reply = 0
    for frame in plan.frames:
        assert max(request_bytes(frame), reply_bytes(frame)) <= room
        total_request += sum(len(read.request) + 2 for read in frame)
        total_reply += sum(read.room_bytes + 2 for read in frame)
    forced = max(math.ceil(total_request / (room - 8)), math.ceil(total_reply / (room - 6)))
    assert len(plan.frames) <= max(forced, math.ceil(forced * 1.25) + 1)


def test_uniform_reads_fill_every_frame() -> None:
    plan = plan_of({f"TAG_{n:010d}": "DINT" for n in range(1000)})
    per_frame = (LARGE - 8) // 22
    assert len(plan.frames) == math.ceil(1000 / per_frame)


def test_without_multiple_service_every_read_has_its_frame() -> None:
    plan = plan_of({f"T{n}": "DINT" for n in range(5)}, is_multiple=False, with_mode=True)
    assert [len(frame) for frame in plan.frames] == [1] * 6


def test_what_fits_no_frame_is_read_alone() -> None:
    head = b"\xa0\x02\x01\x02"
    paths = {0: parse_tag("LONG"), 1: parse_tag("SHORT")}
    definitions = {"long": Definition(head, 604, is_string=True), "short": STRING}
    plan = make_plan(paths, definitions, SMALL)
    assert [len(plan.alone), len(plan.frames)] == [1, 1]
    assert uses_of(plan) == [0, 1]
    assert make_plan(paths, definitions, LARGE).alone == []


def test_long_ranges_are_cut_where_a_frame_ends() -> None:
    plan = plan_of({f"A[{index}]": "REAL" for index in range(400)}, SMALL)
    assert plan.alone == []
    assert all(reply_bytes(frame) <= SMALL for frame in plan.frames)
    assert uses_of(plan) == list(range(400))
    assert len(plan.frames) == math.ceil(400 / ((SMALL - 8) // 4))


def test_a_frame_is_filled_to_the_last_byte_and_no_further() -> None:
    def counts(request: int, reply: int) -> List[int]:
        reads = [Read(bytes(request), (), room_bytes=reply) for _ in range(2)]
        return [len(frame) for frame in pack(reads, SMALL)]

    half_request, half_reply = (SMALL - 8) // 2 - 2, (SMALL - 6) // 2 - 2
    assert counts(half_request, half_reply) == [2]
    assert counts(half_request + 1, 10) == [1, 1]
    assert counts(10, half_reply + 1) == [1, 1]


def test_nothing_to_pack() -> None:
    assert pack([], LARGE) == []
    assert uses_of(make_plan({}, {}, LARGE)) == [MODE]  # a line on which nothing is asked could be dead
