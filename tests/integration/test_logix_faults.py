"""The Logix driver on bad lines and with wrong answers: no wrong value, no hang, nothing left behind."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import struct
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Tuple

import psutil
import pytest
from pycomm3 import LogixDriver

from conectpy.drivers.base import DriverMemory
from conectpy.drivers.logix import LogixPlc
from conectpy.errors import DriverError
from conectpy.settings.types import PlcSettings, TagSettings
from conectpy.simulator import LogixController, LogixServer
from conectpy.simulator import faults as fault_names
from tests.proxy import Proxy

DEADLINE_S = 10.0
TIMEOUT_S = 0.4
COUNT = 40
TABLE: Dict[str, Any] = {f"T{number:02d}": ("DINT", number * 1000 + 7) for number in range(COUNT)}
TABLE["STEP"] = ("DINT", 1)
TABLE["NAME"] = ("STRING", "laguna")
GOOD = {tag: value for tag, (_, value) in TABLE.items()}


@pytest.fixture
def server() -> Iterator[LogixServer]:
    with LogixServer(LogixController(TABLE)) as running:
        yield running


@pytest.fixture
def proxy(server: LogixServer) -> Iterator[Proxy]:
    with Proxy(("127.0.0.1", server.port)) as running:
        yield running


def make(address: str, memory: DriverMemory, timeout_s: float = TIMEOUT_S) -> LogixPlc:
    tags = tuple(TagSettings(tag, tag) for tag in TABLE)
    return LogixPlc(PlcSettings(address, "Lagoon", tags=tags, timeout_s=timeout_s), memory)


def wait_for(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s, "it never became true"
        time.sleep(0.01)


def values_of(driver: LogixPlc) -> Dict[str, object]:
    return {tag: sample.value for tag, sample in driver.read_scan().samples}


def take_stock() -> Tuple[int, int]:
    """Threads and file descriptors (handles on Windows) of this process."""
    process = psutil.Process()
    descriptors = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    return threading.active_count(), descriptors


# -- the traps of pycomm3 ----------------------------------------------------------------------------------------------


def test_pycomm3_takes_a_late_reply_for_the_next_answer(server: LogixServer) -> None:
    """Why this driver checks sequence numbers and is thrown away after a time-out."""
    driver = LogixDriver(server.address)
    driver.socket_timeout = 0.2
    driver.open()
    server.faults.next_reply(delay_s=0.5)
    with contextlib.suppress(Exception):
        driver.read("T01")
    wait_for(lambda: server.counts().requests > 0)
    time.sleep(0.6)
    assert driver.read("T02").value == GOOD["T01"]
    with contextlib.suppress(Exception):
        driver.close()


def wait_for_bytes(driver: LogixPlc) -> None:
    """Until something waits in the driver's socket."""
    assert driver._link is not None
    assert select.select([driver._link.socket._sock], [], [], DEADLINE_S)[0]


def test_a_late_reply_is_never_the_answer_to_the_next_request(server: LogixServer) -> None:
    memory: DriverMemory = {}
    driver = make(server.address, memory)
    driver.connect()
    assert values_of(driver) == GOOD
    for step in range(2, 6):
        server.controller.write("STEP", step)
        server.faults.next_reply(delay_s=2 * TIMEOUT_S)
        with pytest.raises(DriverError, match="no whole reply within"):
            driver.read_scan()
        server.controller.write("STEP", -step)
        wait_for_bytes(driver)
        with pytest.raises(DriverError, match=r"another request|nobody asked for"):  # even if somebody went on with it
            driver.read_scan()
        driver.close()
        driver = make(server.address, memory)
        driver.connect()
        assert values_of(driver)["STEP"] == -step
    driver.close()
    wait_for(lambda: server.counts().connections == 0)


def test_a_peer_that_closes_in_mid_message_is_noticed_at_once(server: LogixServer) -> None:
    driver = make(server.address, {}, timeout_s=5.0)
    driver.connect()
    server.faults.next_reply(fault_names.CLOSE_MID)
    started_s, started_cpu_s = time.monotonic(), time.thread_time()
    with pytest.raises(DriverError, match="closed the connection"):
        driver.read_scan()
    driver.close()
    assert time.monotonic() - started_s < 4.0
    assert time.thread_time() - started_cpu_s < 1.0


def test_dripping_bytes_do_not_outlive_the_deadline(server: LogixServer) -> None:
    driver = make(server.address, {})
    driver.connect()
    server.faults.drip_interval_s = TIMEOUT_S / 4
    server.faults.next_reply(fault_names.DRIP)
    started_s = time.monotonic()
    with pytest.raises(DriverError, match="no whole reply within"):
        driver.read_scan()
    assert time.monotonic() - started_s < 5 * TIMEOUT_S
    driver.close()
    assert time.monotonic() - started_s < 5 * TIMEOUT_S + 2.0


def test_a_message_that_announces_too_much_is_refused_at_once(server: LogixServer) -> None:
    driver = make(server.address, {}, timeout_s=5.0)
    driver.connect()
    server.faults.next_reply(fault_names.HUGE_LENGTH)
    started_s = time.monotonic()
    with pytest.raises(DriverError, match="65535 bytes is announced"):
        driver.read_scan()
    assert time.monotonic() - started_s < 3.0
    driver.close()
    wait_for(lambda: server.counts().connections == 0)


def test_slices_and_a_long_line_are_no_faults(proxy: Proxy) -> None:
    driver = make(proxy.address, {}, timeout_s=5.0)
    proxy.slice_bytes = 7
    driver.connect()
    proxy.delay_s = 0.05
    assert values_of(driver) == GOOD
    driver.close()


# -- replies that do not belong to the request -------------------------------------------------------------------------

CHECKED = [
    *(fault_names.WRONG_SEQUENCE, fault_names.WRONG_SESSION, fault_names.WRONG_CONNECTION, fault_names.WRONG_SERVICE),
    *(fault_names.TRUNCATE, fault_names.GARBAGE),
]


@pytest.mark.parametrize("action", CHECKED)
def test_a_reply_that_does_not_belong_to_the_request(server: LogixServer, action: str) -> None:
    driver = make(server.address, {})
    driver.connect()
    assert values_of(driver) == GOOD
    server.controller.write("STEP", 2)
    server.faults.next_reply(action)
    with pytest.raises(DriverError):
        driver.read_scan()
    driver.close()
    wait_for(lambda: server.counts().connections == 0)


@pytest.mark.parametrize("action", [*CHECKED, fault_names.WRONG_CONTEXT, fault_names.WRONG_STATUS])
def test_wrong_replies_while_connecting(server: LogixServer, action: str) -> None:
    memory: DriverMemory = {}
    server.faults.every_reply = action
    for _ in range(3):
        driver = make(server.address, memory)
        with pytest.raises(DriverError):
            driver.connect()
        driver.close()
    server.faults.clear()
    driver = make(server.address, memory)
    driver.connect()
    assert values_of(driver) == GOOD
    driver.close()
    wait_for(lambda: server.counts().connections == 0)


def test_a_wrong_status_is_bad_never_a_value(server: LogixServer) -> None:
    driver = make(server.address, {})
    driver.connect()
    server.faults.next_reply(fault_names.WRONG_STATUS)
    with contextlib.suppress(DriverError):
        assert all(sample.value in (None, GOOD[tag]) for tag, sample in driver.read_scan().samples)
    driver.close()


def value_bytes(reply: bytes, count: int) -> List[Tuple[int, int]]:
    """Where values lie in a good reply to a frame of DINTs, a STRING and the status word."""
    base = 50
    found, *offsets = struct.unpack_from(f"<{count + 1}H", reply, base)
    assert found == count
    ends = [*offsets[1:], len(reply) - base]
    heads = {0xCC: 6, 0x8E: 4}
    return [
        (base + start + (8 if reply[base + start + 4] == 0xA0 else heads[reply[base + start]]), base + end)
        for start, end in zip(offsets, ends)
    ]


def test_flipped_bits_never_make_a_value(server: LogixServer) -> None:
    """A flipped bit inside a value cannot be seen by anybody; every other one is an error, or does no harm."""
    rng = random.Random(5)
    is_armed = threading.Event()

    def flip(reply: bytes) -> bytes:
        if not is_armed.is_set() or reply[:2] != b"\x70\x00":
            return reply
        spans = value_bytes(reply, len(TABLE) + 1)
        outside = [at for at in range(len(reply)) if not any(start <= at < end for start, end in spans)]
        spoilt = bytearray(reply)
        for at in rng.sample(outside, rng.randint(1, 3)):
            spoilt[at] ^= 1 << rng.randrange(8)
        return bytes(spoilt)

    server.faults.mutate = flip
    memory: DriverMemory = {}
    errors = 0
    for _ in range(150):
        is_armed.clear()
        driver = make(server.address, memory, timeout_s=0.15)
        driver.connect()
        is_armed.set()
        for _ in range(2):
            try:
                samples = driver.read_scan().samples
            except DriverError:
                errors += 1
                break
            for tag, sample in samples:
                assert sample.value == GOOD[tag] or sample.error, (tag, sample)
        is_armed.clear()
        driver.close()
    assert errors > 20
    server.faults.clear()
    wait_for(lambda: server.counts().connections == 0)


def test_noise_never_makes_a_value(server: LogixServer) -> None:
    rng = random.Random(6)
    memory: DriverMemory = {}
    server.faults.only_connected = True
    for _ in range(60):
        server.faults.every_reply = None
        driver = make(server.address, memory, timeout_s=0.15)
        driver.connect()
        server.faults.every_reply = rng.choice([fault_names.GARBAGE, fault_names.TRUNCATE])
        with contextlib.suppress(DriverError):
            for tag, sample in driver.read_scan().samples:
                assert sample.value == GOOD[tag] or sample.error, (tag, sample)
        driver.close()
    wait_for(lambda: server.counts().connections == 0)


def test_fuzzed_replies_from_the_first_on(server: LogixServer) -> None:
    """Whatever bits are flipped, wherever: an error or a sample of a type that can be, in bounded time."""
    rng = random.Random(7)

    def flip(reply: bytes) -> bytes:
        spoilt = bytearray(reply)
        if rng.random() < 0.4:
            for _ in range(rng.randint(1, 4)):
                spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
        return bytes(spoilt)

    memory: DriverMemory = {}
    scans = 0
    for _ in range(60):
        server.faults.mutate = flip
        driver = make(server.address, memory, timeout_s=0.1)
        with contextlib.suppress(DriverError):
            driver.connect()
            for _ in range(4):
                assert all(
                    type(sample.value) in (int, str, bool, float, type(None))
                    for _, sample in driver.read_scan().samples
                )
                scans += 1
        server.faults.mutate = None
        driver.close()
    assert scans > 20
    driver = make(server.address, memory)
    driver.connect()
    driver.close()
    wait_for(lambda: server.counts().connections == 0)


# -- cuts --------------------------------------------------------------------------------------------------------------


def cut(server: LogixServer, proxy: Proxy, kind: str) -> None:
    faults = server.faults
    if kind == "cut":
        server.cut()
    elif kind == "reset":
        server.cut(with_reset=True)
    elif kind == "line cut":
        proxy.cut()
    elif kind == "line reset":
        proxy.cut(with_reset=True)
    elif kind == "line dead":
        proxy.is_frozen = True
    elif kind == "controller dead":
        faults.is_frozen = True
    elif kind == "restart":
        server.forget_connections()
        server.cut(with_reset=True)
    elif kind == "forgotten":
        server.forget_connections()
    else:
        faults.next_reply(kind)


KINDS = [
    *("cut", "reset", "line cut", "line reset", "line dead", "controller dead", "restart", "forgotten"),
    *(fault_names.DROP, fault_names.RESET, fault_names.CLOSE, fault_names.CLOSE_MID, fault_names.WRONG_SEQUENCE),
]


@pytest.mark.parametrize("kind", KINDS)
def test_twenty_cuts_leave_nothing_behind(server: LogixServer, proxy: Proxy, kind: str) -> None:
    memory: DriverMemory = {}
    timeout_s = 0.1 if kind in ("line dead", "controller dead", "forgotten", fault_names.DROP) else TIMEOUT_S
    driver = make(proxy.address, memory, timeout_s)
    driver.connect()
    assert values_of(driver) == GOOD
    driver.close()
    wait_for(lambda: server.counts().clients == 0)
    before = take_stock()
    for round_number in range(20):
        server.controller.write("STEP", 1)
        driver = make(proxy.address, memory, timeout_s)
        driver.connect()
        assert values_of(driver) == GOOD
        server.controller.write("STEP", round_number)
        cut(server, proxy, kind)
        with contextlib.suppress(DriverError):
            for _ in range(3):  # the first may have been answered before the cut
                assert values_of(driver) in ({}, {"STEP": round_number})
        started_s = time.monotonic()
        if kind in ("line dead", "controller dead"):
            driver.abort()  # saying goodbye to the dead takes its second: shown elsewhere
        driver.close()
        assert time.monotonic() - started_s < 3.0
        proxy.is_frozen = server.faults.is_frozen = False
    server.faults.clear()
    driver = make(proxy.address, memory)
    driver.connect()
    assert len(values_of(driver)) == len(GOOD)
    driver.close()
    wait_for(lambda: server.counts().connections == 0)
    wait_for(lambda: server.counts().clients == 0 and take_stock() <= before)


def test_a_dead_line_ends_within_the_deadlines(proxy: Proxy) -> None:
    driver = make(proxy.address, {})
    driver.connect()
    proxy.is_frozen = True
    started_s = time.monotonic()
    with pytest.raises(DriverError):
        driver.read_scan()
    driver.close()
    assert time.monotonic() - started_s < TIMEOUT_S + 4.0
    proxy.is_frozen = False


def test_abort_frees_a_blocked_scan_at_once(server: LogixServer) -> None:
    driver = make(server.address, {}, timeout_s=30.0)
    driver.connect()
    server.faults.is_frozen = True
    errors: List[BaseException] = []

    def scan() -> None:
        try:
            driver.read_scan()
        except DriverError as exc:
            errors.append(exc)

    thread = threading.Thread(target=scan)
    before = server.counts().requests
    thread.start()
    wait_for(lambda: server.counts().requests > before)
    driver.abort()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert "aborted" in str(errors[0])
    server.faults.is_frozen = False
    driver.close()
    wait_for(lambda: server.counts().connections == 0 and server.counts().clients == 0)


def test_abort_frees_a_blocked_connect_at_once() -> None:
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # the queue is full: nobody answers the next one
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        driver = make(f"127.0.0.1:{listener.getsockname()[1]}", {}, timeout_s=3.0)
        timer = threading.Timer(0.1, driver.abort)
        timer.start()
        with pytest.raises(DriverError):
            driver.connect()
        timer.join()
        driver.close()


def test_abort_before_and_after(server: LogixServer) -> None:
    driver = make(server.address, {})
    driver.abort()
    with pytest.raises(DriverError):
        driver.connect()
    driver.close()
    driver.abort()


# -- no connection stays in the controller -----------------------------------------------------------------------------


def test_a_forward_open_whose_reply_is_lost_is_closed(server: LogixServer) -> None:
    driver = make(server.address, {})
    server.faults.mutate = lambda reply: b"" if reply[40:41] in (b"\xdb", b"\xd4") else reply
    with pytest.raises(DriverError, match="no whole reply within"):
        driver.connect()
    assert server.counts().connections == 1
    driver.close()
    wait_for(lambda: server.counts().connections == 0)


def test_a_connection_that_was_cut_is_closed_by_the_next(server: LogixServer) -> None:
    memory: DriverMemory = {}
    for _ in range(5):
        driver = make(server.address, memory)
        driver.connect()
        assert server.counts().connections == 1
        server.cut(with_reset=True)
        wait_for(lambda: server.counts().clients == 0)
        with pytest.raises(DriverError):
            driver.read_scan()
        driver.close()
    driver = make(server.address, memory)
    driver.connect()
    driver.close()
    wait_for(lambda: server.counts().connections == 0)


def test_connections_of_one_host_do_not_collide(server: LogixServer) -> None:
    drivers = [make(server.address, {}) for _ in range(10)]
    for driver in drivers:
        driver.connect()
    assert server.counts().connections == 10
    for driver in drivers:
        assert values_of(driver) == GOOD
        driver.close()
    wait_for(lambda: server.counts().connections == 0)


def test_closing_waits_for_a_slow_controller(server: LogixServer) -> None:
    driver = make(server.address, {})
    driver.connect()
    server.faults.next_reply(delay_s=2 * TIMEOUT_S)
    with pytest.raises(DriverError):
        driver.read_scan()
    driver.close()  # the late reply comes first, then the one to Forward Close
    wait_for(lambda: server.counts().connections == 0)
    assert server.counts().forward_closes == 1
