"""Frames that fill the connection to the last byte, in either direction, and those that would be one byte too long."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Dict, Iterator, List, Tuple

import pytest

from conectpy.drivers import make_driver
from conectpy.drivers.cip.batch import Batch
from conectpy.drivers.cip.cip_requests import STATUS_REQUEST, join_requests, read_request, split_replies
from conectpy.drivers.cip.data_types import TOO_MUCH_DATA
from conectpy.drivers.cip.link import CipLink
from conectpy.drivers.cip.scan_plan import reply_bytes, request_bytes
from conectpy.drivers.cip.tag_paths import parse_tag
from conectpy.drivers.logix import LogixPlc
from conectpy.settings.types import PlcSettings, TagSettings
from conectpy.simulator import LogixController, LogixServer

Types = Dict[str, str]
ROOMS = {True: 498, False: 3998}
MANY_REQUEST_BYTES, MANY_REPLY_BYTES = 8, 6
TYPE_BYTES = {"SINT": 9, "INT": 10, "DINT": 12, "LINT": 16}
"""What a value takes in a frame of many: offset, head of the reply, type, value."""


def names(count: int) -> List[str]:
    """Names of two characters: ten bytes of a request of many."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [first + second for first in letters for second in letters][:count]


def filling_requests(room: int, over_bytes: int) -> Types:
    """DINTs whose requests fill a frame, and more than that by so many bytes (requests are of even length)."""
    count, rest = divmod(room - MANY_REQUEST_BYTES, 40)
    long = [f"N{number:031d}" for number in range(count)]
    return {name: "DINT" for name in [*long, "L" * (rest - 8 + over_bytes)]}


def filling_replies(room: int, over_bytes: int) -> Types:
    """Values with short names whose replies fill a frame, and more than that by so many bytes."""
    total = room - MANY_REPLY_BYTES + over_bytes
    count = total // TYPE_BYTES["DINT"] - 4
    rest = total - count * TYPE_BYTES["DINT"]
    for size in range(1, 6):
        for kinds in combinations_with_replacement(TYPE_BYTES, size):
            if sum(TYPE_BYTES[kind] for kind in kinds) == rest:
                return dict(zip(names(count + size), [*["DINT"] * count, *kinds]))
    raise AssertionError(rest)


@pytest.fixture(params=[True, False], ids=["small", "large"])
def is_small(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def serve(types: Types, is_small: bool) -> LogixServer:
    table = {name: (kind, number % 100) for number, (name, kind) in enumerate(types.items())}
    server = LogixServer(LogixController(table))
    server.faults.refuse_large_forward_open = is_small
    return server


def scanned(types: Types, is_small: bool) -> List[Tuple[int, int, int]]:
    """One scan in which nothing may be refused or asked twice: tags read, bytes of request and of reply by frame."""
    with serve(types, is_small) as server:
        plc = PlcSettings(server.address, "Plant", tags=tuple(TagSettings(name, name) for name in types))
        driver = make_driver(plc, {})
        assert isinstance(driver, LogixPlc)
        try:
            driver.connect()
            asked = server.counts().requests
            samples = dict(driver.read_scan().samples)
            frames = [frame.reads for frame, _ in driver._frames]
            assert server.counts().requests - asked == len(frames)
        finally:
            driver.close()
    assert [samples[name].value for name in types] == [number % 100 for number in range(len(types))]
    wanted = [sum(read.request != STATUS_REQUEST for read in reads) for reads in frames]
    return [(count, request_bytes(reads), reply_bytes(reads)) for count, reads in zip(wanted, frames)]


def test_requests_fill_a_frame_to_the_last_byte(is_small: bool) -> None:
    room, types = ROOMS[is_small], filling_requests(ROOMS[is_small], 0)
    full = [(count, request) for count, request, _ in scanned(types, is_small) if count == len(types)]
    assert full == [(len(types), room)]
    types = filling_requests(room, 2)
    assert all(count < len(types) and request <= room for count, request, _ in scanned(types, is_small))


def test_replies_fill_a_frame_to_the_last_byte(is_small: bool) -> None:
    room, types = ROOMS[is_small], filling_replies(ROOMS[is_small], 0)
    full = [(count, reply) for count, _, reply in scanned(types, is_small) if count == len(types)]
    assert full == [(len(types), room)]
    types = filling_replies(room, 1)
    assert all(count < len(types) and reply <= room for count, _, reply in scanned(types, is_small))


# -- batches -----------------------------------------------------------------------------------------------------------


class RecordingLink(CipLink):
    """A link that keeps how long its requests were."""

    asked: List[int]

    def ask(self, cip: bytes) -> bytes:
        self.asked.append(len(cip))
        return super().ask(cip)


@pytest.fixture
def links() -> Iterator[List[RecordingLink]]:
    made: List[RecordingLink] = []
    yield made
    for link in made:
        link.hang_up()


def connect(links: List[RecordingLink], server: LogixServer) -> RecordingLink:
    link = RecordingLink(server.address, 5.0, 1.0, {})
    links.append(link)
    link.asked = []
    link.open()
    link.open_connection()
    return link


def requests_of(types: Types) -> List[bytes]:
    return [read_request(parse_tag(name).encode()) for name in types]


def test_the_simulator_refuses_what_is_too_long(links: List[RecordingLink], is_small: bool) -> None:
    room = ROOMS[is_small]
    types = filling_requests(room, 2)
    with serve(types, is_small) as server:
        reply = connect(links, server).ask(join_requests(requests_of(types)))
        assert split_replies(reply, len(types))[0].status == TOO_MUCH_DATA
    types = filling_replies(room, 1)
    with serve(types, is_small) as server:
        reply = connect(links, server).ask(join_requests(requests_of(types)))
        assert split_replies(reply, len(types))[0].status != 0
        assert len(reply) <= room


def test_a_batch_fills_a_request_to_the_last_byte(links: List[RecordingLink], is_small: bool) -> None:
    room = ROOMS[is_small]
    for over_bytes, trips in ((0, 1), (2, 2)):
        types = filling_requests(room, over_bytes)
        with serve(types, is_small) as server:
            link = connect(links, server)
            replies = Batch(link).ask(requests_of(types))
        assert [reply.status for reply in replies] == [0] * len(types)
        assert len(link.asked) == trips
        assert max(link.asked) <= room
        assert (max(link.asked) == room) is (over_bytes == 0)


def test_a_batch_asks_for_no_more_replies_than_there_is_room_for(links: List[RecordingLink], is_small: bool) -> None:
    most = (ROOMS[is_small] - MANY_REPLY_BYTES) // TYPE_BYTES["LINT"]
    for count, trips in ((most, 1), (most + 1, 2)):
        types = {name: "LINT" for name in names(count)}
        with serve(types, is_small) as server:
            link = connect(links, server)
            replies = Batch(link).ask(requests_of(types))
        assert [reply.status for reply in replies] == [0] * count
        assert link.asked == [MANY_REQUEST_BYTES + 10 * most, 8][:trips]
