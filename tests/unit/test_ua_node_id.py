"""NodeIds as bytes and as text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conectpy.drivers.ua.node_id import NodeId, decode_node_id, encode_node_id, parse_node_id

NODES = st.one_of(
    st.builds(NodeId, st.integers(0, 0xFFFF), st.just("i"), st.integers(0, 0xFFFFFFFF)),
    st.builds(NodeId, st.integers(0, 0xFFFF), st.just("s"), st.text(min_size=1, max_size=20)),
    st.builds(NodeId, st.integers(0, 0xFFFF), st.just("g"), st.uuids()),
    st.builds(NodeId, st.integers(0, 0xFFFF), st.just("b"), st.binary(min_size=1, max_size=20)),
)


@given(NODES)
def test_node_ids_survive_the_wire_and_their_text(node: NodeId) -> None:
    data = encode_node_id(node)
    assert decode_node_id(data, 0) == (node, len(data))
    assert parse_node_id(str(node)) == (None, node)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ns=4;i=3", (None, NodeId(4, "i", 3))),
        ("i=2258", (None, NodeId(0, "i", 2258))),
        ('ns=3;s="DB 1"."a;b=c"', (None, NodeId(3, "s", '"DB 1"."a;b=c"'))),
        ("nsu=http://x.y/z;s=name", ("http://x.y/z", NodeId(0, "s", "name"))),
        ("nsu=urn:a%3Bb;i=1", ("urn:a;b", NodeId(0, "i", 1))),
    ],
)
def test_node_texts(text: str, expected: Any) -> None:
    assert parse_node_id(text) == expected


@pytest.mark.parametrize("text", ["", "x", "ns=4", "ns=70000;i=1", "i=-1", "i=4294967296", "g=12", "b=*", "ns=4;i=3.5"])
def test_texts_that_are_no_node_ids(text: str) -> None:
    with pytest.raises(ValueError, match=r"NodeId|namespace index"):
        parse_node_id(text)
