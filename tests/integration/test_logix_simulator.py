"""The simulated Logix controller over real TCP: pycomm3 and pylogix read the same, and each fault is what it says."""

from __future__ import annotations

import json
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pylogix
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycomm3 import LogixDriver

from conectpy.ROCWELL.plc_realtime_demo import PLCS
from conectpy.simulator import LogixController, LogixServer
from conectpy.simulator import faults as fault_names
from conectpy.simulator.lagoon import STRUCTS, TYPES, Lagoon
from conectpy.simulator.plants import SIMULATED_PLCS, LivePlant, LivePlants, is_simulator
from conectpy.simulator.plants import start_simulated as start_plants
from conectpy.simulator.tables import make_table
from conectpy.simulator.truth import TruthLog

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 10.0

TYPED: Dict[str, Tuple[str, Any]] = {
    "A_BOOL": ("BOOL", True),
    "A_SINT": ("SINT", -128),
    "A_INT": ("INT", -32768),
    "A_DINT": ("DINT", -(2**31)),
    "A_LINT": ("LINT", -(2**63)),
    "A_REAL": ("REAL", 1.5),
    "A_LREAL": ("LREAL", 0.1),
    "A_STRING": ("STRING", "laguna 1"),
    "WORD": ("DINT", 0b1010),
    "REALS": ("REAL[2500]", [n / 4 for n in range(2500)]),
    "DINTS": ("DINT[10]", list(range(10))),
    "BITS": ("BOOL[64]", [n % 3 == 0 for n in range(64)]),
    "GRID": ("INT[3,4]", list(range(12))),
    "PUMP": ("PUMP", {"Run": True, "Fault": False, "Hours": 2.5, "Starts": 3, "Name": "P1"}),
    "PUMPS": ("PUMP[5]", [{"Run": n == 2, "Fault": 0, "Hours": n, "Starts": n, "Name": f"P{n}"} for n in range(5)]),
    "Program:Main.STEP": ("DINT", 20),
    "Program:Main.LIST": ("INT[4]", [1, 2, 3, 4]),
    "Program:Aux.STEP": ("DINT", 21),
}
ASKED = [
    *("A_BOOL", "A_SINT", "A_INT", "A_DINT", "A_LINT", "A_REAL", "A_LREAL", "A_STRING", "WORD.1", "WORD.2", "WORD"),
    *("REALS[2499]", "DINTS[3]", "DINTS[3].1", "BITS[33]", "BITS[34]", "GRID[2,1]", "PUMP.Run", "PUMP.Fault"),
    *("PUMP.Hours", "PUMP.Starts", "PUMP.Name", "PUMPS[2].Run", "PUMPS[4].Starts", "PUMPS[3].Name"),
    *("Program:Main.STEP", "Program:Main.LIST[2]", "Program:Aux.STEP"),
]


@pytest.fixture
def server() -> Iterator[LogixServer]:
    with LogixServer(LogixController(TYPED, STRUCTS, name="Main program")) as running:
        yield running
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(f"logix-{running.port}")]


def wait_for(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    end_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end_s, "it never became true"
        time.sleep(0.01)


def open_pycomm3(server: LogixServer, **options: Any) -> LogixDriver:
    driver = LogixDriver(server.address, **options)
    driver.socket_timeout = 3.0
    return driver


def open_pylogix(server: LogixServer) -> pylogix.PLC:
    return pylogix.PLC("127.0.0.1", port=server.port, timeout=3.0)


# -- two clients that know nothing of each other -----------------------------------------------------------------------


def test_pycomm3_and_pylogix_read_the_same_values(server: LogixServer) -> None:
    with open_pycomm3(server) as driver:
        by_pycomm3 = {tag.tag: tag for tag in driver.read(*ASKED)}
        one_by_one = {tag: driver.read(tag).value for tag in ASKED}
    with open_pylogix(server) as plc:
        by_pylogix = {answer.TagName: answer for answer in plc.Read(ASKED)}
        alone = {tag: plc.Read(tag).Value for tag in ASKED}
    for tag in ASKED:
        expected = server.controller.read(tag)
        assert by_pycomm3[tag].error is None, by_pycomm3[tag]
        assert by_pylogix[tag].Status == "Success", by_pylogix[tag]
        values = [by_pycomm3[tag].value, one_by_one[tag], by_pylogix[tag].Value, alone[tag]]
        assert values == [expected] * 4, tag


def test_whole_arrays_and_structures_and_strings(server: LogixServer) -> None:
    controller = server.controller
    with open_pycomm3(server) as driver:
        assert driver.read("REALS{2500}").value == controller.read("REALS")
        assert driver.read("BITS{64}").value == controller.read("BITS")
        assert driver.read("PUMP").value == controller.read("PUMP")
        assert driver.read("PUMPS{5}").value == controller.read("PUMPS")
        together = driver.read("REALS{2500}", "DINTS{10}", "PUMPS{5}")
        assert [tag.value for tag in together] == [controller.read(tag) for tag in ("REALS", "DINTS", "PUMPS")]
    with open_pylogix(server) as plc:
        assert plc.Read("REALS", 2500).Value == controller.read("REALS")
        assert plc.Read("BITS[0]", 64).Value == controller.read("BITS")
        assert plc.Read("DINTS", 10).Value == controller.read("DINTS")


def test_the_upload_of_tags_and_types(server: LogixServer) -> None:
    with open_pycomm3(server) as driver:
        assert set(driver.tags) == set(TYPED)
        assert driver.tags["REALS"]["dimensions"] == [2500, 0, 0]
        assert driver.tags["GRID"]["dimensions"] == [3, 4, 0]
        assert driver.tags["PUMP"]["data_type"]["attributes"] == ["Run", "Fault", "Hours", "Starts", "Name"]
        assert driver.tags["A_STRING"]["data_type_name"] == "STRING"
        assert driver.info["name"] == "Main program"
        assert driver.info["keyswitch"] == "REMOTE RUN"
        assert set(driver.info["programs"]) == {"Main", "Aux"}
        assert driver.connection_size == 4000
    with open_pylogix(server) as plc:
        listed = plc.GetTagList()
        assert listed.Status == "Success"
        names = {tag.TagName: tag.DataType for tag in listed.Value}
    assert set(TYPED) <= set(names)
    assert names["PUMP"] == "PUMP"


def test_thousands_of_tags_are_listed_page_by_page() -> None:
    table = make_table(5000, seed=3)
    with LogixServer(LogixController(table)) as server:
        with open_pycomm3(server) as driver:
            assert set(driver.tags) == set(table)
            asked = list(table)[::10]
            answers = driver.read(*asked)
            assert [answer.value for answer in answers] == [table[tag][1] for tag in asked]
        with open_pylogix(server) as plc:
            assert {tag.TagName for tag in plc.GetTagList().Value} == set(table)
            assert [answer.Value for answer in plc.Read(asked)] == [table[tag][1] for tag in asked]


@pytest.mark.parametrize("is_micro800", [False, True])
def test_small_connections_and_micro800_work_with_more_frames(is_micro800: bool) -> None:
    table = make_table(300)
    controller = LogixController(table)
    with LogixServer(controller) as server:
        server.faults.refuse_large_forward_open = True
        if is_micro800:
            server.faults.imitate_micro800()
            controller.product_name = "2080-LC50 conectpy simulator"
        with open_pycomm3(server) as driver:
            assert driver.connection_size == 500
            answers = driver.read(*table)
            assert [answer.value for answer in answers] == [value for _, value in table.values()]


def test_old_firmware_is_read_by_name() -> None:
    with LogixServer(LogixController(TYPED, STRUCTS, revision=(20, 11))) as server, open_pycomm3(server) as driver:
        assert [tag.value for tag in driver.read(*ASKED)] == [server.controller.read(tag) for tag in ASKED]


def test_pycomm3_writes_and_reads_back(server: LogixServer) -> None:
    wanted = [
        *(("A_BOOL", False), ("A_LINT", 2**40), ("A_STRING", "otra"), ("DINTS[7]", -9), ("PUMPS[1].Hours", 9.5)),
        *(("Program:Main.STEP", 99), ("PUMP.Name", "P9"), ("WORD.0", True)),
    ]
    with open_pycomm3(server) as driver:
        for tag, value in wanted:
            assert driver.write((tag, value)).error is None, tag
        assert driver.write(("REALS{2500}", [0.5] * 2500)).error is None
    assert [server.controller.read(tag) for tag, _ in wanted] == [value for _, value in wanted]
    assert server.controller.read("REALS") == [0.5] * 2500


def test_nothing_stays_open_after_clients_leave(server: LogixServer) -> None:
    for _ in range(5):
        with open_pycomm3(server) as driver:
            driver.read("A_DINT", "A_REAL")
            assert server.counts().connections == 1
        with open_pylogix(server) as plc:
            plc.Read("A_DINT")
    wait_for(lambda: server.counts()[:3] == (0, 0, 0))
    assert server.counts().forward_opens == server.counts().forward_closes == 10


# -- a raw client, for the faults --------------------------------------------------------------------------------------


class RawClient:
    """A client that waits no longer than it says and shows every byte."""

    def __init__(self, server: LogixServer, timeout_s: float = 3.0) -> None:
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout_s)
        self.handle = 0
        self.ot_id = 0
        self.sequence = 0

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, command: int, body: bytes = b"") -> None:
        self.sock.sendall(struct.pack("<HHII8sI", command, len(body), self.handle, 0, b"context!", 0) + body)

    def receive(self) -> bytes:
        """One whole message; raises EOFError when the server ends before."""
        message = self._exactly(24)
        return message + self._exactly(struct.unpack_from("<H", message, 2)[0])

    def _exactly(self, count: int) -> bytes:
        got = b""
        while len(got) < count:
            piece = self.sock.recv(count - len(got))
            if not piece:
                raise EOFError(len(got))
            got += piece
        return got

    def register(self) -> None:
        self.send(0x65, b"\x01\0\0\0")
        self.handle = struct.unpack_from("<I", self.receive(), 4)[0]

    def open(self, size: int = 500, is_large: bool = False, serial: int = 1) -> bytes:
        """Forward Open; the CIP reply."""
        head = struct.pack("<BBIIHHIB3x", 10, 5, 0, 0xABCD, serial, 0x1009, 42, 7)
        params = struct.pack("<I", size | 0x4200 << 16) if is_large else struct.pack("<H", size | 0x4200)
        body = head + (struct.pack("<I", 2_000_000) + params) * 2 + b"\xa3\x03\x01\0\x20\x02\x24\x01"
        message = bytes((0x5B if is_large else 0x54, 2)) + b"\x20\x06\x24\x01" + body
        self.send(0x6F, struct.pack("<IHHHHHH", 0, 0, 2, 0, 0, 0xB2, len(message)) + message)
        reply = self.receive()[40:]
        if reply[2] == 0:
            self.ot_id = struct.unpack_from("<I", reply, 4)[0]
        return reply

    def ask(self, tag: str = "A_DINT") -> None:
        self.sequence += 1
        raw = tag.encode()
        path = bytes((0x91, len(raw))) + raw + b"\0" * (len(raw) % 2)
        data = struct.pack("<H", self.sequence) + bytes((0x4C, len(path) // 2)) + path + b"\x01\0"
        self.send(0x70, struct.pack("<IHHHHIHH", 0, 0, 2, 0xA1, 4, self.ot_id, 0xB1, len(data)) + data)

    def read(self, tag: str = "A_DINT") -> bytes:
        self.ask(tag)
        return self.receive()


@pytest.fixture
def raw(server: LogixServer) -> Iterator[RawClient]:
    with RawClient(server) as client:
        client.register()
        client.open()
        yield client


def test_a_delay_holds_for_every_reply_or_the_next(server: LogixServer, raw: RawClient) -> None:
    server.faults.delay_s = 0.1
    started_s = time.monotonic()
    raw.read()
    raw.read()
    assert time.monotonic() - started_s >= 0.2
    server.faults.clear()
    server.faults.next_reply(delay_s=0.6)
    raw.sock.settimeout(0.2)
    with pytest.raises(socket.timeout):
        raw.read("A_DINT")
    raw.sock.settimeout(3.0)
    late = raw.read("A_INT")  # what comes now is the answer to the question before: who trusts it reads nonsense
    assert struct.unpack_from("<H", late, 44)[0] == raw.sequence - 1
    assert struct.unpack_from("<H", raw.receive(), 44)[0] == raw.sequence


def test_frozen_it_accepts_and_never_answers(server: LogixServer, raw: RawClient) -> None:
    server.faults.is_frozen = True
    raw.sock.settimeout(0.3)
    with pytest.raises(socket.timeout):
        raw.read()
    with RawClient(server, timeout_s=0.3) as other, pytest.raises(socket.timeout):
        other.register()
    server.faults.is_frozen = False
    raw.sock.settimeout(3.0)
    assert raw.read()[48] == 0


def test_reset_and_close_and_close_in_mid_message(server: LogixServer) -> None:
    outcomes: List[type] = []
    for action in (fault_names.RESET, fault_names.CLOSE, fault_names.CLOSE_MID):
        with RawClient(server) as client:
            client.register()
            client.open(serial=len(outcomes) + 1)
            server.faults.next_reply(action)
            with pytest.raises((ConnectionError, EOFError)) as caught:
                client.read()
            outcomes.append(caught.type)
    assert issubclass(outcomes[0], ConnectionError)
    assert outcomes[1:] == [EOFError, EOFError]
    with RawClient(server) as client:
        client.register()
        client.open(serial=9)
        assert client.read()[48] == 0


def test_dripping_ends_with_the_same_bytes(server: LogixServer, raw: RawClient) -> None:
    good = raw.read()
    server.faults.drip_interval_s = 0.001
    server.faults.next_reply(fault_names.DRIP)
    pieces = []
    raw.ask()
    while sum(map(len, pieces)) < len(good):
        pieces.append(raw.sock.recv(4096))
    assert len(pieces) > len(good) // 4
    assert b"".join(pieces)[46:] == good[46:]


@pytest.mark.parametrize("action", fault_names.SPOILING)
def test_spoilt_replies_differ_and_the_next_is_good(server: LogixServer, raw: RawClient, action: str) -> None:
    good = raw.read()
    raw.sequence -= 1  # a repeated sequence number: the same reply again, but for the fault
    server.faults.next_reply(action)
    raw.ask()
    if action == fault_names.HUGE_LENGTH:
        header = raw.sock.recv(24, socket.MSG_WAITALL)
        assert struct.unpack_from("<H", header, 2)[0] == 0xFFFF
        assert raw.sock.recv(4096)
    elif action == fault_names.FLIP:
        assert raw.sock.recv(4096) != good
    else:
        assert raw.receive() != good
        assert raw.read()[48] == 0


def test_dropped_and_mutated_replies(server: LogixServer, raw: RawClient) -> None:
    server.faults.next_reply(fault_names.DROP)
    raw.ask("A_DINT")
    assert raw.read("A_INT")[50:52] == b"\xc3\0"
    server.faults.mutate = lambda reply: reply[:-1] + b"\xee"
    assert raw.read()[-1] == 0xEE


def test_connections_can_be_refused_at_every_level(server: LogixServer) -> None:
    server.faults.refuse_clients = True
    with pytest.raises((ConnectionError, EOFError)), RawClient(server) as client:
        client.register()
    server.faults.clear()
    server.faults.refuse_large_forward_open = True
    with RawClient(server) as client:
        client.register()
        assert client.open(4000, is_large=True)[2] == 0x08
        server.faults.refuse_forward_open = True
        assert client.open()[2] == 0x01
        server.faults.clear()
        assert client.open(4000, is_large=True)[2] == 0
        server.forget_connections()
        client.sock.settimeout(0.2)
        with pytest.raises(socket.timeout):
            client.read()


def test_only_so_many_clients_are_served() -> None:
    with LogixServer(LogixController(TYPED, STRUCTS), max_clients=2) as server:
        with RawClient(server) as one, RawClient(server) as two:
            one.register()
            two.register()
            with pytest.raises((ConnectionError, EOFError)), RawClient(server) as three:
                three.register()
        wait_for(lambda: server.counts().clients == 0)
        with RawClient(server) as four:
            four.register()


def is_cut_off(client: RawClient) -> bool:
    """Whether the server has ended this client: it reads its end or a reset."""
    try:
        return client.sock.recv(1) == b""
    except ConnectionError:
        return True


def test_a_cut_ends_every_client_and_new_ones_are_welcome(server: LogixServer, raw: RawClient) -> None:
    server.cut()
    assert is_cut_off(raw)
    wait_for(lambda: server.counts().clients == 0)
    assert server.counts().connections == 1  # nobody forward-closed it: it stays occupied
    with RawClient(server) as other:
        other.register()
        server.cut(with_reset=True)
        assert is_cut_off(other)


def test_a_tag_that_fails_alone(server: LogixServer) -> None:
    with open_pycomm3(server) as driver:
        server.faults.fail_tag("A_INT")
        good, bad, also_good = driver.read("A_DINT", "A_INT", "A_REAL")
        assert (good.error, also_good.error) == (None, None)
        assert bad.value is None
        assert bad.error
        server.faults.heal_tag("A_INT")
        assert driver.read("A_INT").value == -32768


def test_a_download_makes_stale_instance_ids_lead_elsewhere(server: LogixServer) -> None:
    numbers = ["DINTS", "A_DINT", "WORD", "A_INT", "A_SINT", "A_LINT", "A_REAL", "A_LREAL", "A_BOOL"]
    with open_pycomm3(server) as driver:
        before = [driver.read(tag).value for tag in numbers]
        server.controller.shuffle()
        assert [driver.read(tag).value for tag in numbers] != before
    with open_pycomm3(server) as driver:
        assert [driver.read(tag).value for tag in numbers] == before


def test_the_mode_is_told_to_clients(server: LogixServer) -> None:
    expected = {"RUN": "REMOTE RUN", "PROGRAM": "REMOTE PROG", "HARD RUN": "RUN", "HARD PROGRAM": "PROG"}
    with open_pycomm3(server, init_tags=False) as driver:
        for mode, keyswitch in expected.items():
            server.controller.mode = mode
            assert driver.get_plc_info()["keyswitch"] == keyswitch
        server.controller.mode = "FAULT"
        assert driver.get_plc_info()["status"] == b"\x50\x34"


def test_list_identity_over_udp(server: LogixServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(3.0)
        sock.sendto(struct.pack("<HHII8sI", 0x63, 0, 0, 0, b"context!", 0), ("127.0.0.1", server.port))
        assert b"conectpy simulator" in sock.recv(4096)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.booleans())
def test_garbage_never_stops_the_server(server: LogixServer, garbage: bytes, is_framed: bool) -> None:
    with RawClient(server) as client:
        client.register()
        frame = struct.pack("<HHII8sI", 0x70, len(garbage), client.handle, 0, b"context!", 0) + garbage
        client.sock.sendall(frame if is_framed else garbage)
    with RawClient(server) as client:
        client.register()
        assert client.handle


# -- live plants -------------------------------------------------------------------------------------------------------


def test_truth_is_logged_no_later_than_readers_can_see_it(tmp_path: Path) -> None:
    """For every change a reader sees: sent(last old sample) < true time <= received(first new sample)."""
    path = tmp_path / "truth.jsonl"
    plant = LivePlant("Costa", seed=2, pace=20_000.0, truth=TruthLog(str(path)))
    plants = LivePlants([plant])
    plants.start()
    states = [tag for tag, type_name in TYPES.items() if type_name == "BOOL" and not tag.startswith("Program")]
    seen: List[Tuple[float, str, float, bool]] = []
    try:
        with open_pycomm3(plant.server) as driver:
            last: Dict[str, Tuple[float, bool]] = {}
            end_s = time.monotonic() + DEADLINE_S
            while len(seen) < 6 and time.monotonic() < end_s:
                sent_s = time.time()
                answers = driver.read(*states)
                received_s = time.time()
                for answer in answers:
                    if answer.tag in last and last[answer.tag][1] != answer.value:
                        seen.append((last[answer.tag][0], answer.tag, received_s, answer.value))
                    last[answer.tag] = (sent_s, answer.value)
                time.sleep(0.01)
    finally:
        plants.stop()
        plant.truth.close()
    assert len(seen) >= 6
    truths = plant.truth.transitions()
    for earliest_s, tag, received_s, value in seen:
        matching = [t for t in truths if t.tag == tag and t.value is value and earliest_s < t.at_s <= received_s]
        assert matching, (earliest_s, tag, received_s, value)
    written = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(line["at_s"], line["tag"], line["value"]) for line in written] == [
        (t.at_s, t.tag, t.value) for t in truths
    ]


def test_the_plants_of_the_monitor_are_consistent() -> None:
    catalog = LogixController({tag: (TYPES[tag], value) for tag, value in Lagoon("x").snapshot().items()}, STRUCTS)
    assert {address: plc["name"] for address, plc in PLCS.items()} == {
        address: plc["name"] for address, plc in SIMULATED_PLCS.items()
    }
    for plc in PLCS.values():
        tags = [entry["tag"] if isinstance(entry, dict) else entry for entry in plc["tags"]]
        states = [entry["tag"] if isinstance(entry, dict) else entry for entry in plc["state_tags"]]
        assert all(catalog.read(tag) is not None for tag in tags)
        assert all(type(catalog.read(tag)) is bool for tag in states)


def test_simulated_addresses_are_started_shared_or_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as foreign, socket.socket() as probe:
        foreign.bind(("127.0.0.1", 0))
        foreign.listen(1)
        probe.bind(("127.0.0.1", 0))
        taken, free = f"127.0.0.1:{foreign.getsockname()[1]}", f"127.0.0.1:{probe.getsockname()[1]}"
        probe.close()
        monkeypatch.setattr("conectpy.simulator.plants.PROBE_TIMEOUT_S", 0.3)
        plcs = {address: {"name": "Costa"} for address in (taken, free)}
        monkeypatch.setattr("conectpy.simulator.plants.SIMULATED_PLCS", plcs)
        first = start_plants([taken, free, "192.168.1.10"])
        try:
            assert first.addresses == {free}
            assert len(first.servers) == 1
            assert any(taken in message and "not simulated" in message for message in first.messages)
            second = start_plants([free])
            assert second.addresses == {free}
            assert second.servers == []
            second.stop()
            assert is_simulator("127.0.0.1", first.servers[0].port)
        finally:
            first.stop()


# -- the command line --------------------------------------------------------------------------------------------------


def test_a_server_comes_back_on_its_port(server: LogixServer) -> None:
    address = server.address
    with open_pycomm3(server) as driver:
        driver.read("A_DINT")
    server.stop()
    server.forget_connections()
    server.start()
    assert server.address == address
    with open_pycomm3(server) as driver:
        assert driver.read("A_DINT").value == -(2**31)


def test_the_clock_can_be_wrong(server: LogixServer) -> None:
    server.controller.clock_offset_s = 3600.0
    with open_pycomm3(server, init_tags=False) as driver:
        assert 3500.0 < driver.get_plc_time().value["microseconds"] / 1e6 - time.time() < 3700.0


def start_cli(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "conectpy.simulator", *arguments]
    pipe = subprocess.PIPE
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    return subprocess.Popen(
        command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8", creationflags=flags
    )


def read_address(process: subprocess.Popen[str]) -> Tuple[str, int]:
    assert process.stdout is not None
    found: Optional[re.Match[str]] = re.match(r"(127\.0\.0\.1):(\d+) ", process.stdout.readline())
    assert found
    return found.group(1), int(found.group(2))


def test_the_command_line_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    process = start_cli("--plcs", "2", "--port", "0", "--truth", str(tmp_path / "truth.jsonl"))
    try:
        for _ in range(2):
            assert is_simulator(*read_address(process))
        process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
        out, err = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (0, "", "")


def test_commands_drive_a_simulator_in_another_process() -> None:
    process = start_cli("--plcs", "1", "--port", "0", "--tags", "20", "--commands")
    try:
        host, port = read_address(process)
        assert process.stdin is not None
        assert process.stdout is not None

        def tell(line: str) -> str:
            process.stdin.write(line + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            return process.stdout.readline().strip()  # type: ignore[union-attr]

        with LogixDriver(f"{host}:{port}") as driver:
            before_s = time.time()
            answer = tell("1 write TAG_00001 True")
            assert before_s - 0.001 <= float(answer.split()[1]) <= time.time() + 0.001
            assert driver.read("TAG_00001").value is True
            tell("1 write TAG_00001 False")
            assert driver.read("TAG_00001").value is False
            assert tell("* fail TAG_00001") == "ok"
            assert driver.read("TAG_00001").error
            assert tell("* clear") == "ok"
            assert tell("1 mode PROGRAM") == "ok"
            assert driver.get_plc_info()["keyswitch"] == "REMOTE PROG"
        for wrong in ("nonsense", "2 freeze", "1 mode NAP", "1 write NOPE 1", "1 next what", "1 remove"):
            assert tell(wrong).startswith("error: "), wrong
        process.stdin.close()
        assert process.wait(DEADLINE_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()


def test_a_taken_port_is_one_clear_line(server: LogixServer) -> None:
    process = start_cli("--plcs", "1", "--port", str(server.port))
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert out == ""
    assert err.count("\n") == 1
    assert "port in use" in err
