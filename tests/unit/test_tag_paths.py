"""Tags as text and as EPATH: the bytes are those of pycomm3, and what is no tag is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycomm3.packets.util import tag_request_path

from conectpy.drivers.cip.tag_paths import TagPath, TagSyntaxError, parse_tag

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,39}", fullmatch=True)
INDEXES = st.lists(st.integers(0, 0xFFFF), max_size=3).map(lambda n: f"[{','.join(map(str, n))}]" if n else "")
TAGS = st.lists(st.tuples(NAMES, INDEXES).map("".join), min_size=1, max_size=5).map(".".join)


@given(TAGS)
def test_the_bytes_are_those_of_pycomm3(tag: str) -> None:
    encoded = parse_tag(tag).encode()
    assert bytes([len(encoded) // 2]) + encoded == tag_request_path(tag, {}, False)


@given(TAGS, st.integers(0, 63))
def test_a_number_at_the_end_is_a_bit(tag: str, bit: int) -> None:
    assert parse_tag(f"{tag}.{bit}") == TagPath(parse_tag(tag).parts, bit)


@given(st.text(max_size=60))
def test_any_text_is_a_tag_or_refused(text: str) -> None:
    try:
        path = parse_tag(text)
    except TagSyntaxError:
        return
    assert len(path.encode()) % 2 == 0
    assert path.key == path.key.lower() or not text.isascii()


@pytest.mark.parametrize(
    "text",
    ["", ".", "A.", ".A", "A[", "A[]", "A[-1]", "A[1", "A]1[", "A[1,2,3,4]", "A[x]", "3", "A..B", "A[1][2]", "N" * 256],
)
def test_what_is_no_tag(text: str) -> None:
    if text == "3":
        assert parse_tag(text).bit is None  # a name, however odd: the controller decides
        return
    with pytest.raises(TagSyntaxError):
        parse_tag(text)


def test_large_indexes_have_four_bytes() -> None:
    assert parse_tag("A[65536]").encode()[4:] == b"\x2a\x00\x00\x00\x01\x00"  # 1756-PM020; pycomm3 writes 0x2b


def test_program_tags_members_and_elements() -> None:
    path = parse_tag("Program:Main.PUMPS[2].Run")
    assert path.parts == (("Program:Main", ()), ("PUMPS", (2,)), ("Run", ()))
    assert parse_tag("GRID[ 1, 2 ]").parts == (("GRID", (1, 2)),)
    assert parse_tag("A[3].5") == TagPath((("A", (3,)),), 5)


def test_spellings_of_one_path_have_one_key() -> None:
    assert parse_tag("Pump.RUN").key == parse_tag("PUMP.run").key
    assert parse_tag("A[3].5").key == parse_tag("a[ 3 ]").key
    assert parse_tag("A[3]").key != parse_tag("A[4]").key
    assert parse_tag("G[1,3]").array_key == parse_tag("g[1,9]").array_key != parse_tag("G[2,3]").array_key
    assert parse_tag("G[1]").array_key != parse_tag("G[1,0]").array_key


def test_neighbours_and_members() -> None:
    assert parse_tag("A[3].5").at(7).key == "a[7]"
    assert parse_tag("P[1]").member("DATA", 4).key == "p[1].data[4]"
