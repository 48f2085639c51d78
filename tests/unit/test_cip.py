"""The simulated controller without sockets: types, paths, services, encapsulation, connections."""

from __future__ import annotations

import contextlib
import struct
from typing import Any, List, Optional, Sequence, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conectpy.simulator import Faults, LogixController
from conectpy.simulator.cip_wire import CipSession, CipTarget
from conectpy.simulator.epath import ELEMENT, SYMBOL, PathError, Segment, parse_path, parse_tag
from conectpy.simulator.message_router import MessageRouter
from conectpy.simulator.tag_types import ATOMICS, TypeCatalog, decode_all, encode_all

STRUCTS = {
    "INNER": (("A", "BOOL"), ("B", "INT"), ("C", "BOOL")),
    "OUTER": (("Flag", "BOOL"), ("Text", "STRING"), ("Part", "INNER[3]"), ("Big", "LREAL"), ("Bits", "BOOL[40]")),
}
INNER = {"A": True, "B": -5, "C": False}
OUTER = {"Flag": True, "Text": "hola", "Part": [INNER, INNER, {**INNER, "C": True}], "Big": 0.1, "Bits": [True] * 40}
TAGS = {
    "D": ("DINT", -2),
    "B": ("BOOL", True),
    "R": ("REAL[300]", [float(n) for n in range(300)]),
    "M": ("INT[2,3]", [1, 2, 3, 4, 5, 6]),
    "BITS": ("BOOL[40]", [n % 3 == 0 for n in range(40)]),
    "S": ("STRING", "texto"),
    "U": ("OUTER", OUTER),
    "Program:Main.X": ("SINT", 7),
}
ROUTE = b"\x01\0\x20\x02\x24\x01"
READ, READ_FRAGMENTED, WRITE, READ_MODIFY_WRITE, MULTIPLE = 0x4C, 0x52, 0x4D, 0x4E, 0x0A


def make_router(faults: Optional[Faults] = None) -> MessageRouter:
    return MessageRouter(LogixController(TAGS, STRUCTS), faults or Faults())


def symbol_path(*parts: Any) -> bytes:
    path = b""
    for part in parts:
        if isinstance(part, int):
            path += bytes((0x28, part)) if part < 256 else b"\x29\0" + struct.pack("<H", part)
        else:
            raw = part.encode()
            path += bytes((0x91, len(raw))) + raw + b"\0" * (len(raw) % 2)
    return path


def request(service: int, path: bytes, data: bytes = b"") -> bytes:
    return bytes((service, len(path) // 2)) + path + data


def read(*parts: Any, count: int = 1) -> bytes:
    return request(READ, symbol_path(*parts), struct.pack("<H", count))


def multiple(requests: Sequence[bytes]) -> bytes:
    offsets, at = [], 2 + 2 * len(requests)
    for one in requests:
        offsets.append(at)
        at += len(one)
    head = struct.pack(f"<H{len(requests)}H", len(requests), *offsets)
    return request(MULTIPLE, b"\x20\x02\x24\x01", head + b"".join(requests))


def split_replies(reply: bytes) -> List[bytes]:
    data = reply[4:]
    count = struct.unpack_from("<H", data)[0]
    offsets = [*struct.unpack_from(f"<{count}H", data, 2), len(data)]
    return [data[start:end] for start, end in zip(offsets, offsets[1:])]


# -- types -------------------------------------------------------------------------------------------------------------


def test_structures_are_laid_out_as_a_controller_does() -> None:
    catalog = TypeCatalog(STRUCTS)
    inner = catalog.parse("INNER").data_type
    assert inner.size_bytes == 8
    places = [(member.name, member.offset, member.bit) for member in inner.visible]  # type: ignore[union-attr]
    assert places == [("A", 0, 0), ("B", 2, None), ("C", 4, 0)]
    outer = catalog.parse("OUTER").data_type
    assert outer.size_bytes % 8 == 0
    assert {m.name: m.offset for m in outer.visible} == {  # type: ignore[union-attr]
        "Flag": 0,
        "Text": 4,
        "Part": 92,
        "Big": 120,
        "Bits": 128,
    }


def test_string_is_the_type_that_every_client_knows() -> None:
    string = TypeCatalog({}).parse("STRING").data_type
    assert (string.size_bytes, string.code, string.head) == (88, 0x8FCE, b"\xa0\x02\xce\x0f")


@pytest.mark.parametrize("text", ["NOPE", "DINT[0]", "DINT[", "REAL[1,2,3,4]", "", "LOOP"])
def test_unknown_types_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="type"):
        TypeCatalog({"LOOP": (("SELF", "LOOP"),)}).parse(text)


def values_of(type_name: str) -> st.SearchStrategy[Any]:
    if type_name == "BOOL":
        return st.booleans()
    if type_name in ("REAL", "LREAL"):
        return st.floats(width=32 if type_name == "REAL" else 64, allow_nan=False)
    bits = 8 * ATOMICS[type_name].size_bytes
    if type_name in ("SINT", "INT", "DINT", "LINT"):
        return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return st.integers(0, 2**bits - 1)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_values_survive_the_way_to_bytes_and_back(data: st.DataObject) -> None:
    catalog = TypeCatalog(STRUCTS)
    name = data.draw(st.sampled_from([*ATOMICS, "STRING", "INNER"]))
    if name == "STRING":
        one = st.text(st.characters(max_codepoint=255), max_size=82)
    elif name == "INNER":
        one = st.fixed_dictionaries({"A": st.booleans(), "B": st.integers(-32768, 32767), "C": st.booleans()})
    else:
        one = values_of(name)
    count = data.draw(st.sampled_from([0, 1, 5, 40]))
    type_text = catalog.parse(f"{name}[{count}]" if count else name)
    value = data.draw(st.lists(one, min_size=count, max_size=count) if count else one)
    elements = type_text.count if type_text.dims else 0
    raw = encode_all(type_text.data_type, elements, value, type_text.bool_count)
    assert len(raw) == type_text.size_bytes
    assert decode_all(type_text.data_type, elements, raw, type_text.bool_count) == value


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_written_by_name_is_read_by_name(data: st.DataObject) -> None:
    controller = LogixController(TAGS, STRUCTS)
    tag, one = data.draw(
        st.sampled_from(
            [
                ("D", values_of("DINT")),
                ("D.31", st.booleans()),
                ("R[299]", values_of("REAL")),
                ("M[1,2]", values_of("INT")),
                ("BITS[39]", st.booleans()),
                ("U.Part[2].C", st.booleans()),
                ("U.Part[0].B", values_of("INT")),
                ("U.Part[0].B.15", st.booleans()),
                ("U.Bits[33]", st.booleans()),
                ("U.Text", st.text(st.characters(max_codepoint=255), max_size=82)),
                ("program:main.x", values_of("SINT")),
            ]
        )
    )
    value = data.draw(one)
    others = {name: controller.read(name) for name in TAGS if name[0] != tag[0].upper()}
    controller.write(tag, value)
    assert controller.read(tag) == value
    assert {name: controller.read(name) for name in others} == others


@pytest.mark.parametrize(
    "tag", ["NOPE", "D.32", "R[300]", "M[0]", "U.Nope", "BITS[40]", "D[0]", "", "D..1", "U.Part[3].A"]
)
def test_unknown_names_are_key_errors(tag: str) -> None:
    with pytest.raises(KeyError):
        LogixController(TAGS, STRUCTS).read(tag)


# -- paths -------------------------------------------------------------------------------------------------------------


def test_paths_and_texts_lead_to_the_same_segments() -> None:
    path = symbol_path("Program:Main", "ARR", 3, 70_000 // 100, "Member")
    segments, bit = parse_tag("Program:Main.ARR[3,700].Member.5")
    assert parse_path(path) == segments
    assert bit == 5
    wide = b"\x2a\0" + struct.pack("<I", 70_000)
    assert parse_path(symbol_path("A") + wide) == [Segment(SYMBOL, "A"), Segment(ELEMENT, 70_000)]


def test_routes_with_slots_and_addresses_are_read() -> None:
    hops = parse_path(b"\x01\x00\x12\x0810.0.0.9\x12\x0710.0.0." + b"\0" + b"\x01\x02")
    assert [hop.value for hop in hops] == ["1/0", "2/10.0.0.9", "2/10.0.0.", "1/2"]
    assert [s.value for s in parse_path(b"\x01\x03\x20\x02\x24\x01")] == ["1/3", 2, 1]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes_are_a_path_or_a_path_error(path: bytes) -> None:
    with contextlib.suppress(PathError):
        parse_path(path)


# -- services ----------------------------------------------------------------------------------------------------------


def test_reading_gives_type_and_bytes() -> None:
    router = make_router()
    assert router.execute(read("D"), 500) == b"\xcc\0\0\0\xc4\0" + struct.pack("<i", -2)
    assert router.execute(read("B"), 500) == b"\xcc\0\0\0\xc1\0\x01"
    assert router.execute(read("d"), 500) == router.execute(read("D"), 500)
    assert router.execute(read("U", "Part", 2, "C"), 500) == b"\xcc\0\0\0\xc1\0\x01"
    assert router.execute(read("BITS", count=2), 500)[4:6] == b"\xd3\0"
    symbol = router.controller.symbols["d"]
    by_id = request(READ, b"\x20\x6b\x25\0" + struct.pack("<H", symbol.instance_id), b"\x01\0")
    assert router.execute(by_id, 500) == router.execute(read("D"), 500)
    program = router.controller.symbols["program:main.x"]
    path = symbol_path("Program:Main") + b"\x20\x6b\x25\0" + struct.pack("<H", program.instance_id)
    assert router.execute(request(READ, path, b"\x01\0"), 500)[4:] == b"\xc2\0\x07"


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (read("NOPE"), (0x04, 0x0000)),
        (read("Program:Nope", "X"), (0x04, 0x0000)),
        (read("U", "Nope"), (0x05, 0x0000)),
        (read("D", 0), (0x05, 0x0000)),
        (read("R", 300), (0xFF, 0x2105)),
        (read("R", 299, count=2), (0xFF, 0x2105)),
        (read("D", count=0), (0xFF, 0x2105)),
        (request(READ, b"\x20\x6b\x25\0\xff\xff", b"\x01\0"), (0x05, 0x0000)),
        (request(READ, b"\xff\xff", b"\x01\0"), (0x04, 0x0000)),
        (request(READ, symbol_path("D"), b"\x01"), (0x13, None)),
        (b"\x4c\x20\x91\x01", (0x26, None)),
        (request(0x33, symbol_path("D")), (0x08, None)),
        (request(0x01, b"\x20\x77\x24\x01"), (0x05, 0x0000)),
        (request(0x0E, b"\x20\x01\x24\x01\x30\x63"), (0x14, None)),
        (request(WRITE, symbol_path("D"), struct.pack("<HHi", 0xC3, 1, 5)), (0xFF, 0x2107)),
        (request(WRITE, symbol_path("U"), struct.pack("<HHH", 0x2A0, 1, 1)), (0xFF, 0x2107)),
        (request(WRITE, symbol_path("D"), struct.pack("<HHh", 0xC4, 1, 5)), (0x13, None)),
        (request(READ_MODIFY_WRITE, symbol_path("D"), b"\x02\0\x01\0\xff\xff"), (0x03, None)),
        (b"", (0x13, None)),
    ],
)
def test_errors_are_those_of_a_controller(message: bytes, status: Tuple[int, Optional[int]]) -> None:
    reply = make_router().execute(message, 500)
    assert reply[2] == status[0], reply
    extended = struct.unpack_from("<H", reply, 4)[0] if reply[3] else None
    assert extended == status[1]


def test_writing_changes_what_is_read() -> None:
    router = make_router()
    controller = router.controller
    assert router.execute(request(WRITE, symbol_path("D"), struct.pack("<HHi", 0xC4, 1, 99)), 500) == b"\xcd\0\0\0"
    assert controller.read("D") == 99
    router.execute(request(WRITE, symbol_path("U", "Flag"), struct.pack("<HHB", 0xC1, 1, 0)), 500)
    assert controller.read("U.Flag") is False
    masks = struct.pack("<HII", 4, 1 << 7, 0xFFFFFFFF & ~1)
    router.execute(request(READ_MODIFY_WRITE, symbol_path("D"), masks), 500)
    assert controller.read("D") == (99 | 1 << 7) & ~1


def test_a_read_too_large_for_its_reply_is_cut_and_goes_on_in_fragments() -> None:
    router = make_router()
    whole = b""
    while True:
        data = struct.pack("<HI", 300, len(whole))
        reply = router.execute(request(READ_FRAGMENTED, symbol_path("R"), data), 498)
        assert len(reply) <= 498
        assert reply[2] in (0x00, 0x06)
        whole += reply[6:]
        if reply[2] == 0:
            break
    assert struct.unpack("<300f", whole) == tuple(range(300))
    assert router.execute(read("R", count=300), 498)[2] == 0x06
    assert router.execute(read("U"), 9)[2] == 0x11


def test_many_services_in_one_packet() -> None:
    router = make_router()
    good = multiple([read("D"), read("S"), read("U", "Part", 1, "B")])
    for _ in range(2):  # the second time from the plan
        replies = split_replies(router.execute(good, 4000))
        assert [reply[:4] for reply in replies] == [b"\xcc\0\0\0"] * 3
        assert replies[0][4:] == b"\xc4\0" + struct.pack("<i", -2)
    router.controller.write("D", 1234)
    assert split_replies(router.execute(good, 4000))[0][6:] == struct.pack("<i", 1234)
    mixed = router.execute(multiple([read("D"), read("NOPE"), read("B")]), 4000)
    assert mixed[2] == 0x1E
    assert [reply[2] for reply in split_replies(mixed)] == [0, 4, 0]


def test_many_services_share_what_room_there_is() -> None:
    router = make_router()
    reply = router.execute(multiple([read("R", count=100), read("D"), read("R", count=100)]), 498)
    assert len(reply) <= 498
    assert [one[2] for one in split_replies(reply)] == [0x00, 0x00, 0x06]
    assert router.execute(multiple([read("D")] * 100), 498)[2] == 0x11
    tight = router.execute(multiple([read("NOPE")] * 20), 4 + 2 + 20 * 6)
    assert [one[2:] for one in split_replies(tight)] == [b"\x04\0"] * 20


def test_a_download_ends_every_plan_and_moves_every_instance_id() -> None:
    router = make_router()
    controller = router.controller
    names = ["d", "b", "r", "m", "s"]
    before = {name: controller.symbols[name].instance_id for name in names}
    paths = [b"\x20\x6b\x25\0" + struct.pack("<H", before[name]) for name in names[:2]]
    packet = multiple([request(READ, path, b"\x01\0") for path in paths])
    first = router.execute(packet, 4000)
    changes = controller.changes
    controller.shuffle()
    assert controller.changes != changes
    assert all(controller.symbols[name].instance_id != before[name] for name in names)
    assert router.execute(packet, 4000) != first
    assert controller.read("D") == -2


def test_programs_change_in_every_way() -> None:
    controller = LogixController(TAGS, STRUCTS)
    controller.write("D", 5)
    for change in (
        lambda: controller.remove_tag("B"),
        lambda: controller.rename_tag("D", "E"),
        lambda: controller.change_type("S", "DINT", 3),
        lambda: controller.add_tag("NEW", "REAL", 1.5),
    ):
        seen = controller.changes
        change()
        assert controller.changes != seen
    assert (controller.read("E"), controller.read("S"), controller.read("NEW")) == (5, 3, 1.5)
    for gone in ("B", "D"):
        with pytest.raises(KeyError):
            controller.read(gone)
    controller.update({"B": True, "S": "text", "E": 6})
    assert (controller.read("S"), controller.read("E")) == (3, 6)


def test_faults_of_the_router() -> None:
    faults = Faults()
    router = make_router(faults)
    packet = multiple([read("D"), read("B")])
    router.execute(packet, 500)
    faults.fail_tag("D", 0x0F)
    assert [reply[2] for reply in split_replies(router.execute(packet, 500))] == [0x0F, 0]
    faults.heal_tag("D")
    assert router.execute(packet, 500)[2] == 0
    faults.imitate_micro800()
    assert router.execute(packet, 500)[2] == 0x08
    assert router.execute(request(0x03, b"\x20\xac\x24\x01", b"\x01\0\x01\0"), 500)[2] == 0x05
    faults.clear()
    assert router.execute(packet, 500)[2] == 0
    faults.freeze = True
    assert faults.is_frozen
    with pytest.raises(AttributeError):
        faults.frozen = True  # type: ignore[attr-defined]


def test_changes_of_the_program_are_told_by_class_ac() -> None:
    router = make_router()
    ask = request(0x03, b"\x20\xac\x24\x01", struct.pack("<6H", 5, 1, 2, 3, 4, 10))
    first = router.execute(ask, 500)
    assert first[:6] == b"\x83\0\0\0\x05\0"
    assert len(first) == 6 + 2 * 6 + 3 * 8
    assert router.execute(ask, 500) == first
    router.controller.shuffle()
    assert router.execute(ask, 500) != first


# -- encapsulation -----------------------------------------------------------------------------------------------------


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Client:
    """A session on a target, with just enough of a client to talk to it."""

    def __init__(self, target: CipTarget) -> None:
        self.session = CipSession(target)
        self.handle = 0
        self.handle = struct.unpack_from("<I", self.send(0x65, b"\x01\0\0\0"), 4)[0]

    def send(self, command: int, body: bytes, handle: Optional[int] = None) -> bytes:
        head = struct.pack("<HHII8sI", command, len(body), self.handle if handle is None else handle, 0, b"12345678", 0)
        reply = self.session.handle_frame(head + body)
        assert reply is None or reply[12:20] == b"12345678"
        return reply or b""

    def unconnected(self, message: bytes) -> bytes:
        reply = self.send(0x6F, struct.pack("<IHHHHHH", 0, 0, 2, 0, 0, 0xB2, len(message)) + message)
        return reply[40:]

    def open(
        self, size: int, serial: int = 7, is_large: bool = False, path: bytes = b"\x01\0\x20\x02\x24\x01"
    ) -> bytes:
        head = struct.pack("<BBIIHHIB3x", 10, 5, 0, 0x1234, serial, 0x1009, 99, 7)
        layout = "<II" if is_large else "<IH"
        params = size | (0x4200 << 16 if is_large else 0x4200)
        body = head + struct.pack(layout, 2_000_000, params) * 2 + bytes((0xA3, len(path) // 2)) + path
        return self.unconnected(request(0x5B if is_large else 0x54, b"\x20\x06\x24\x01", body))

    def close(self, serial: int = 7) -> bytes:
        body = struct.pack("<BBHHIBB", 10, 5, serial, 0x1009, 99, 3, 0) + b"\x01\0\x20\x02\x24\x01"
        return self.unconnected(request(0x4E, b"\x20\x06\x24\x01", body))

    def connected(self, ot_id: int, sequence: int, message: bytes) -> bytes:
        data = struct.pack("<H", sequence) + message
        return self.send(0x70, struct.pack("<IHHHHIHH", 0, 0, 2, 0xA1, 4, ot_id, 0xB1, len(data)) + data)


def make_target(**options: Any) -> CipTarget:
    return CipTarget(LogixController(TAGS, STRUCTS), options.pop("faults", Faults()), **options)


def test_sessions_are_registered_once_and_checked() -> None:
    target = make_target()
    client = Client(target)
    assert client.handle
    assert target.session_count() == 1
    assert client.send(0x65, b"\x01\0\0\0")[8] == 0x01
    assert client.send(0x6F, b"", handle=client.handle ^ 1)[8] == 0x64
    assert client.send(0x6F, b"")[8] == 0x03
    assert client.send(0x99, b"")[8] == 0x01
    assert client.send(0x00, b"") == b""
    assert client.send(0x66, b"") == b""
    assert client.session.is_finished
    client.session.close()
    assert target.session_count() == 0


def test_connections_open_read_and_close() -> None:
    target = make_target()
    client = Client(target)
    opened = client.open(500)
    assert opened[:4] == b"\xd4\0\0\0"
    ot_id = struct.unpack_from("<I", opened, 4)[0]
    reply = client.connected(ot_id, 1, read("D"))
    assert struct.unpack_from("<I", reply, 36)[0] == 0x1234
    assert struct.unpack_from("<H", reply, 44)[0] == 1
    assert reply[46:] == b"\xcc\0\0\0\xc4\0" + struct.pack("<i", -2)
    assert target.connections.count() == 1
    assert client.close()[:4] == b"\xce\0\0\0"
    assert target.connections.count() == 0
    assert client.close()[2] == 0x01
    assert client.connected(ot_id, 2, read("D")) == b""


def test_a_repeated_sequence_number_is_a_duplicate_and_not_executed_again() -> None:
    client = Client(make_target())
    ot_id = struct.unpack_from("<I", client.open(500), 4)[0]
    first = client.connected(ot_id, 5, read("D"))
    client.session.target.controller.write("D", 77)
    assert client.connected(ot_id, 5, read("D")) == first
    assert client.connected(ot_id, 6, read("D"))[52:] == struct.pack("<i", 77)


def test_connection_sizes_hold_for_requests_and_replies() -> None:
    client = Client(make_target())
    ot_id = struct.unpack_from("<I", client.open(200), 4)[0]
    reply = client.connected(ot_id, 1, read("R", count=300))
    assert reply[48] == 0x06
    assert len(reply) - 44 <= 200
    assert client.connected(ot_id, 2, multiple([read("D")] * 40))[48] == 0x15


def test_forward_opens_that_are_refused() -> None:
    faults = Faults()
    clock = Clock()
    target = make_target(faults=faults, max_connections=2, slot=0, clock=clock)
    client = Client(target)
    extended = struct.Struct("<H").unpack_from
    assert extended(client.open(5000, is_large=True), 4) == (0x0109,)
    assert extended(client.open(500, path=b"\x01\x05\x20\x02\x24\x01"), 4) == (0x0312,)
    assert extended(client.open(500, path=b"\x01\0\x20\x77\x24\x01"), 4) == (0x0315,)
    faults.refuse_large_forward_open = True
    assert client.open(4000, is_large=True)[2] == 0x08
    assert client.open(500, serial=1)[2] == 0
    assert extended(client.open(500, serial=1), 4) == (0x0100,)
    assert client.open(500, serial=2)[2] == 0
    assert extended(client.open(500, serial=3), 4) == (0x0113,)
    clock.now_s += 2.0 * 512 + 1  # nobody closed them: they time out, as in a controller
    assert target.connections.count() == 0
    faults.refuse_forward_open = True
    assert client.open(500, serial=4)[2] == 0x01


def test_unconnected_send_unwraps_its_message() -> None:
    client = Client(make_target())
    message = read("S")
    wrapped = struct.pack("<BBH", 10, 5, len(message)) + message + b"\0" * (len(message) % 2) + b"\x01\0\x01\0"
    assert client.unconnected(request(0x52, b"\x20\x06\x24\x01", wrapped))[:8] == b"\xcc\0\0\0\xa0\x02\xce\x0f"


@pytest.mark.parametrize(("mode", "status"), [("RUN", 0x3060), ("PROGRAM", 0x3070), ("FAULT", 0x3450)])
def test_identity_tells_the_mode(mode: str, status: int) -> None:
    target = make_target()
    target.controller.mode = mode
    client = Client(target)
    reply = client.unconnected(request(0x01, b"\x20\x01\x24\x01"))
    assert struct.unpack_from("<H", reply, 4 + 8)[0] == status
    assert b"conectpy simulator" in client.send(0x63, b"")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120))
def test_random_requests_get_a_reply_and_never_an_exception(message: bytes) -> None:
    reply = make_router().execute(message, 500)
    assert len(reply) >= 4
    assert reply[0] & 0x80


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_garbled_frames_never_raise(data: st.DataObject) -> None:
    client = Client(make_target())
    ot_id = struct.unpack_from("<I", client.open(500), 4)[0]
    message = struct.pack("<H", 1) + multiple([read("D"), read("U", "Part", 1, "B"), read("R", 3, count=9)])
    body = bytearray(struct.pack("<IHHHHIHH", 0, 0, 2, 0xA1, 4, ot_id, 0xB1, len(message)) + message)
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(0, len(body))) :]
    command = data.draw(st.sampled_from([0x70, 0x6F, 0x63, 0x65, 0x04, 0x64, 0x00, 0x66, 0x1234]))
    reply = client.send(command, bytes(body))
    assert not reply or struct.unpack_from("<H", reply, 2)[0] == len(reply) - 24
