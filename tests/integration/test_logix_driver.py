"""The Logix driver against a controller over real TCP: values, round trips, program changes, small controllers."""

from __future__ import annotations

import importlib.util
import random
import socket
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional

import pylogix
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycomm3 import LogixDriver

from conectpy.drivers import make_driver
from conectpy.drivers.base import DriverMemory
from conectpy.drivers.logix import LogixPlc
from conectpy.errors import DriverError
from conectpy.models import Sample
from conectpy.settings.types import PlcSettings, TagSettings
from conectpy.simulator import LogixController, LogixServer
from conectpy.simulator.tables import make_table

STRUCTS = {
    "TEXT20": [("LEN", "DINT"), ("DATA", "SINT[20]")],
    "TEXT600": [("LEN", "DINT"), ("DATA", "SINT[600]")],
    "ALMOST": [("LEN", "DINT"), ("DATA", "SINT[20]"), ("MORE", "DINT")],
    "MOTOR": [("Run", "BOOL"), ("Fault", "BOOL"), ("Hours", "REAL"), ("Name", "STRING"), ("Bits", "BOOL[40]")],
    "PLANT": [("Motors", "MOTOR[3]"), ("Level", "LREAL"), ("Words", "INT[5]")],
}
MOTOR = {"Run": True, "Fault": False, "Hours": 2.5, "Name": "P1", "Bits": [n % 3 == 0 for n in range(40)]}
TABLE: Dict[str, Any] = {
    "A_BOOL": ("BOOL", True),
    "A_SINT": ("SINT", -128),
    "AN_INT": ("INT", -32768),
    "A_DINT": ("DINT", -(2**31)),
    "A_LINT": ("LINT", -(2**63)),
    "A_USINT": ("USINT", 255),
    "A_UINT": ("UINT", 65535),
    "A_UDINT": ("UDINT", 2**32 - 1),
    "A_ULINT": ("ULINT", 2**64 - 1),
    "A_REAL": ("REAL", 1.5),
    "A_LREAL": ("LREAL", 0.1),
    "A_STRING": ("STRING", "laguna ñ"),
    "SHORT": ("TEXT20", "ABC"),
    "LONG": ("TEXT600", "a" * 600),
    "NO_TEXT": ("ALMOST", {"LEN": 3, "DATA": [65] * 20, "MORE": 1}),
    "WORD": ("DINT", 0b1010),
    "REALS": ("REAL[2500]", [n / 4 for n in range(2500)]),
    "BITS": ("BOOL[128]", [n % 3 == 0 for n in range(128)]),
    "GRID": ("INT[3,4]", list(range(12))),
    "CUBE": ("DINT[2,3,4]", list(range(24))),
    "MOTOR": ("MOTOR", MOTOR),
    "PLANTS": ("PLANT[2]", [{"Motors": [MOTOR] * 3, "Level": 0.25, "Words": [1, 2, 3, 4, 5]}] * 2),
    "NAMES": ("STRING[5]", [f"N{n}" for n in range(5)]),
    "Program:Main.STEP": ("DINT", 20),
    "Program:Main.LIST": ("INT[4]", [1, 2, 3, 4]),
}
READABLE: List[str] = [
    *("A_BOOL", "A_SINT", "AN_INT", "A_DINT", "A_LINT", "A_USINT", "A_UINT", "A_UDINT", "A_ULINT", "A_REAL", "A_LREAL"),
    *("A_STRING", "SHORT", "LONG", "WORD", "WORD.1", "WORD.2", "WORD.31", "A_SINT.7", "A_LINT.63", "REALS[0]"),
    *("REALS[1]", "REALS[2499]", "BITS[0]", "BITS[33]", "BITS[34]", "BITS[127]", "BITS[3]", "GRID[2,1]", "GRID[2,2]"),
    *("CUBE[1,2,3]", "MOTOR.Run", "MOTOR.Fault", "MOTOR.Hours", "MOTOR.Name", "MOTOR.Bits[33]", "MOTOR.Bits[1]"),
    *("PLANTS[1].Motors[2].Hours", "PLANTS[1].Motors[2].Run", "PLANTS[0].Level", "PLANTS[1].Words[3]", "NAMES[3]"),
    *("PLANTS[1].Words[3].1", "NAMES[4]", "Program:Main.STEP", "Program:Main.STEP.2", "Program:Main.LIST[2]"),
    *("REALS", "BITS", "GRID[0,0]", "PLANTS[0].Words[0]"),
]


@pytest.fixture
def server() -> Iterator[LogixServer]:
    with LogixServer(LogixController(TABLE, STRUCTS, name="Main program")) as running:
        yield running
        wait_for(lambda: running.counts().connections == 0)


def settings_of(address: str, tags: List[str], **options: Any) -> PlcSettings:
    return PlcSettings(address, "Lagoon", tags=tuple(TagSettings(tag, tag) for tag in tags), **options)


@contextmanager
def connected(
    server: LogixServer, tags: List[str], memory: Optional[DriverMemory] = None, **options: Any
) -> Iterator[LogixPlc]:
    driver = make_driver(settings_of(server.address, tags, **options), {} if memory is None else memory)
    assert isinstance(driver, LogixPlc)
    try:
        driver.connect()
        yield driver
    finally:
        driver.close()


def read_all(driver: LogixPlc) -> Dict[str, Sample]:
    return dict(driver.read_scan().samples)


def scan_until(driver: LogixPlc, condition: Callable[[Dict[str, Sample]], bool]) -> Dict[str, Sample]:
    """Scan until the samples gathered so far fulfil the condition."""
    end_s, found = time.monotonic() + 10.0, {}
    while not condition(found):
        assert time.monotonic() < end_s, found
        found.update(read_all(driver))
        time.sleep(0.02)
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < end_s, "it never became true"
        time.sleep(0.01)


def pycomm3_values(server: LogixServer, tags: List[str]) -> Dict[str, Any]:
    with LogixDriver(server.address) as driver:
        found = driver.read(*tags)
    return {tag.tag: tag.value for tag in (found if isinstance(found, list) else [found])}


# -- values ------------------------------------------------------------------------------------------------------------


def test_values_are_those_of_pycomm3(server: LogixServer) -> None:
    with connected(server, READABLE) as driver:
        samples = read_all(driver)
    assert list(samples) == READABLE
    assert {tag: sample.error for tag, sample in samples.items() if sample.error} == {}
    expected = pycomm3_values(server, READABLE)
    for tag in READABLE:
        assert repr(samples[tag].value) == repr(expected[tag]), tag


def test_values_are_those_of_pylogix(server: LogixServer) -> None:
    asked = [tag for tag in READABLE if tag not in ("A_STRING", "LONG", "SHORT", "REALS", "BITS")]
    with connected(server, asked) as driver:
        samples = read_all(driver)
    with pylogix.PLC("127.0.0.1", port=server.port, timeout=3.0) as plc:
        for answer in plc.Read(asked):
            assert samples[answer.TagName].value == answer.Value, answer


def test_spelling_and_case_do_not_matter(server: LogixServer) -> None:
    with connected(server, ["a_dint", "plants[1].MOTORS[2].hours", "PROGRAM:main.step", "GRID[ 2, 1 ]"]) as driver:
        assert [sample.value for sample in read_all(driver).values()] == [-(2**31), 2.5, 20, 9]


def test_e11_what_cannot_be_read_is_bad_alone(server: LogixServer) -> None:
    tags = ["GONE", "MOTOR", "NO_TEXT", "A_REAL.3", "A..B", "REALS[2500]", "BITS[128]", "MOTOR.Nope", "GRID[3,0]"]
    with connected(server, [*tags, "A_DINT", "REALS[2499]"]) as driver:
        samples = read_all(driver)
        assert driver.read_scan().samples == ()
        assert driver.facts()["tags_bad"] == len(tags)
    for tag in tags:
        assert samples[tag].value is None
        assert tag in str(samples[tag].error)
    assert samples["A_DINT"].value == -(2**31)
    assert samples["REALS[2499]"].value == 624.75
    assert [tag for tag in tags if samples[tag].is_vanished] == ["GONE", *tags[5:]]
    assert "name a member" in str(samples["MOTOR"].error)
    assert "CIP status 0x04" in str(samples["GONE"].error)


VALUES: Dict[str, Any] = {
    "BOOL": st.booleans(),
    "SINT": st.integers(-128, 127),
    "INT": st.integers(-(2**15), 2**15 - 1),
    "DINT": st.integers(-(2**31), 2**31 - 1),
    "LINT": st.integers(-(2**63), 2**63 - 1),
    "USINT": st.integers(0, 255),
    "UINT": st.integers(0, 2**16 - 1),
    "UDINT": st.integers(0, 2**32 - 1),
    "ULINT": st.integers(0, 2**64 - 1),
    "REAL": st.floats(width=32),
    "LREAL": st.floats(),
    "STRING": st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=82),
}
WORDS = {"SINT": 8, "INT": 16, "DINT": 32, "LINT": 64}


@st.composite
def tables(draw: Any) -> Any:
    """A table of tags, and which of them, their elements and their bits are asked for."""
    table: Dict[str, Any] = {}
    asked: List[str] = []
    for number in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(sorted(VALUES)))
        name = f"{draw(st.sampled_from(['T', 'Program:Main.T', 'A_MUCH_LONGER_NAME_']))}{number}"
        size = draw(st.integers(0, 40))
        if not size:
            table[name] = (kind, draw(VALUES[kind]))
            asked.append(name)
            if kind in WORDS:
                asked += [f"{name}.{bit}" for bit in draw(st.sets(st.integers(0, WORDS[kind] - 1), max_size=3))]
            continue
        table[name] = (f"{kind}[{size}]", draw(st.lists(VALUES[kind], min_size=size, max_size=size)))
        for index in draw(st.sets(st.integers(0, size - 1), max_size=8)):
            asked.append(f"{name}[{index}]")
            if kind in WORDS:
                asked.append(f"{name}[{index}].{draw(st.integers(0, WORDS[kind] - 1))}")
    return table, draw(st.permutations(asked)) or ["NOTHING"]


@given(tables(), st.booleans())
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_random_tables_read_as_pycomm3_reads_them(drawn: Any, is_small: bool) -> None:
    table, asked = drawn
    with LogixServer(LogixController(table)) as server:
        server.faults.refuse_large_forward_open = is_small
        with connected(server, asked) as driver:
            samples = read_all(driver)
        expected = pycomm3_values(server, asked)
        if asked == ["NOTHING"]:
            assert samples["NOTHING"].is_vanished
            return
        for tag in asked:
            assert repr(samples[tag].value) == repr(expected[tag]), (tag, samples[tag])


# -- scans -------------------------------------------------------------------------------------------------------------


def test_a_scan_holds_only_what_has_changed(server: LogixServer) -> None:
    with connected(server, READABLE) as driver:
        assert len(driver.read_scan().samples) == len(READABLE)
        assert driver.read_scan().samples == ()
        server.controller.write("REALS[1]", -7.0)
        server.controller.write("WORD", 0b1000)
        assert read_all(driver) == {"REALS[1]": Sample(-7.0), "WORD": Sample(8), "WORD.1": Sample(False)}
        server.controller.write("A_REAL", float("nan"))
        assert [tag for tag, _ in driver.read_scan().samples] == ["A_REAL"]
        assert driver.read_scan().samples == ()


def test_times_of_a_scan(server: LogixServer) -> None:
    with connected(server, ["A_DINT"]) as driver:
        server.faults.delay_s = 0.05
        scan = driver.read_scan()
    assert scan.sent_utc < scan.received_utc
    assert scan.duration_s >= 0.05


def test_500_tags_take_three_round_trips(server: LogixServer) -> None:
    table = {f"PT{number:03d}_R_SCADAX": ("REAL", number / 2) for number in range(500)}
    with LogixServer(LogixController(table)) as large, connected(large, list(table)) as driver:
        before = large.counts().requests
        samples = read_all(driver)
        assert large.counts().requests - before == 3
        assert driver.facts()["frames_per_scan"] == 3
    assert {tag: sample.value for tag, sample in samples.items()} == {tag: value for tag, (_, value) in table.items()}


def test_e14_a_controller_that_does_not_run_has_frozen_values(server: LogixServer) -> None:
    with connected(server, ["A_DINT"]) as driver:
        assert driver.read_scan().frozen is None
        for mode, reason in (("PROGRAM", "controller in PROGRAM mode"), ("FAULT", "controller has a major fault")):
            server.controller.set_mode(mode)
            assert driver.read_scan().frozen == reason
        server.controller.set_mode("RUN")
        assert driver.read_scan().frozen is None


# -- round trips of a connect ------------------------------------------------------------------------------------------


def test_connecting_costs_by_the_configured_tags_not_by_the_program() -> None:
    table = make_table(5000)
    tags = random.Random(1).sample(list(table), 50)
    with LogixServer(LogixController(table)) as server, connected(server, tags) as driver:
        assert len(read_all(driver)) == 50
        assert server.counts().requests <= 5
    controller = LogixController({**table, **TABLE}, STRUCTS)
    with LogixServer(controller) as server, connected(server, [*tags, *READABLE]) as driver:
        assert len(read_all(driver)) == 50 + len(READABLE)
        assert server.counts().requests <= 9


def test_definitions_outlive_a_connection(server: LogixServer) -> None:
    memory: DriverMemory = {}
    with connected(server, READABLE, memory) as driver:
        expected = read_all(driver)
    wait_for(lambda: server.counts().clients == 0)
    before = server.counts().requests
    with connected(server, READABLE, memory) as driver:
        assert server.counts().requests - before == 3  # session, Forward Open, one question: has anything changed?
        assert read_all(driver) == expected


def test_a_changed_program_is_noticed_at_the_next_connect(server: LogixServer) -> None:
    memory: DriverMemory = {}
    with connected(server, ["A_DINT", "A_REAL"], memory) as driver:
        read_all(driver)
    server.controller.change_type("A_DINT", "LREAL", 0.5)
    with connected(server, ["A_DINT", "A_REAL"], memory) as driver:
        assert read_all(driver) == {"A_DINT": Sample(0.5), "A_REAL": Sample(1.5)}


def test_a_controller_without_change_numbers_is_asked_anew(server: LogixServer) -> None:
    server.faults.no_controller_changes = True
    memory: DriverMemory = {}
    for _ in range(2):
        with connected(server, ["A_DINT"], memory) as driver:
            assert read_all(driver) == {"A_DINT": Sample(-(2**31))}


# -- the program changes while it is read ------------------------------------------------------------------------------


def test_a_download_never_gives_a_wrong_value() -> None:
    table = {f"T{number}": ("DINT", number) for number in range(300)}
    with LogixServer(LogixController(table)) as server, connected(server, list(table)) as driver:
        read_all(driver)
        for _ in range(20):
            server.controller.shuffle()
            assert driver.read_scan().samples == ()


def test_e13_a_tag_that_vanishes_and_comes_back(server: LogixServer) -> None:
    with connected(server, ["A_DINT", "A_REAL", "WORD.1"]) as driver:
        read_all(driver)
        server.controller.remove_tag("A_DINT")
        (changed,) = driver.read_scan().samples
        assert changed[0] == "A_DINT"
        assert changed[1].is_vanished
        assert driver.read_scan().samples == ()
        server.controller.add_tag("A_DINT", "DINT", 5)
        assert read_all(driver) == {"A_DINT": Sample(5)}


def test_a_tag_that_was_never_there_is_found_when_it_appears(server: LogixServer) -> None:
    with connected(server, ["LATER", "A_DINT"]) as driver:
        assert read_all(driver)["LATER"].is_vanished
        server.controller.add_tag("LATER", "REAL", 2.5)
        assert scan_until(driver, lambda found: "LATER" in found and found["LATER"].error is None)["LATER"].value == 2.5


def test_another_type_is_never_read_as_the_old_one(server: LogixServer) -> None:
    with connected(server, ["A_DINT", "A_REAL"]) as driver:
        read_all(driver)
        for kind, value in (("REAL", 0.5), ("STRING", "x"), ("BOOL", True)):
            server.controller.change_type("A_DINT", kind, value)
            found = scan_until(driver, lambda found: "A_DINT" in found and found["A_DINT"].error is None)
            assert found["A_DINT"].value == value
            assert type(found["A_DINT"].value) is type(value)


def test_an_array_that_shrinks_loses_only_the_elements_that_are_gone(server: LogixServer) -> None:
    tags = [f"REALS[{index}]" for index in range(10)]
    with connected(server, tags) as driver:
        read_all(driver)
        server.controller.change_type("REALS", "REAL[6]", [n + 0.5 for n in range(6)])
        found = scan_until(driver, lambda found: len(found) == 10 and found["REALS[5]"].error is None)
    assert [found[tag].value for tag in tags] == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, None, None, None, None]


def test_e11_an_error_of_one_tag_is_its_own(server: LogixServer) -> None:
    with connected(server, ["A_DINT", "A_REAL"]) as driver:
        read_all(driver)
        server.faults.fail_tag("A_DINT", 0x10)
        (changed,) = driver.read_scan().samples
        assert "CIP status 0x10" in str(changed[1].error)
        assert not changed[1].is_vanished
        server.faults.heal_tag("A_DINT")
        assert read_all(driver) == {"A_DINT": Sample(-(2**31))}


# -- structures --------------------------------------------------------------------------------------------------------

PUMP_MEMBERS = [
    *(("Run", "BOOL"), ("Hours", "REAL"), ("Name", "STRING"), ("Starts", "DINT"), ("Bits", "BOOL[40]")),
    *(("Fault", "BOOL"), ("Words", "INT[5]"), ("Total", "LREAL"), ("Mode", "SINT")),
]
PUMP_TAGS = [
    *(
        "Run",
        "Hours",
        "Name",
        "Starts",
        "Starts.3",
        "Bits[0]",
        "Bits[33]",
        "Fault",
        "Words[1]",
        "Words[4]",
        "Words[4].2",
    ),
    *("Total", "Mode"),
]


def make_pump(n: int) -> Dict[str, Any]:
    bits = [(n + bit) % 3 == 0 for bit in range(40)]
    numbers = {"Hours": n / 4, "Starts": 7 * n, "Words": [n, 1, 2, 3, n + 4], "Total": n * 0.1, "Mode": -n}
    return {"Run": n % 2 == 0, "Name": f"P{n}", "Bits": bits, "Fault": n % 3 == 0, **numbers}


@pytest.fixture
def pumps() -> Iterator[LogixServer]:
    tags = {f"PUMP_STATION_{n:02d}": ("PUMP", make_pump(n)) for n in range(50)}
    with LogixServer(LogixController(tags, {"PUMP": PUMP_MEMBERS})) as running:
        yield running
        wait_for(lambda: running.counts().connections == 0)


def scan_until_frames(driver: LogixPlc, below: int) -> int:
    """Scan until there are fewer frames; how many requests the search for it cost."""
    for scans in range(300):
        if int(str(driver.facts()["frames_per_scan"])) < below:
            return scans
        assert driver.read_scan().samples == ()
    raise AssertionError(driver.facts())


@pytest.mark.parametrize("is_small", [False, True])
def test_structures_are_read_whole_where_that_is_smaller(pumps: LogixServer, is_small: bool) -> None:
    pumps.faults.refuse_large_forward_open = is_small
    asked = [f"{tag}.{member}" for tag in pumps.controller.tags() for member in PUMP_TAGS]
    memory: DriverMemory = {}
    with connected(pumps, asked, memory) as driver:
        values = {tag: sample.value for tag, sample in driver.read_scan().samples}
        frames = int(str(driver.facts()["frames_per_scan"]))
        scan_until_frames(driver, frames)
        fewer = int(str(driver.facts()["frames_per_scan"]))
        assert fewer <= frames * 2 // 3
        assert driver.read_scan().samples == ()
        for n, tag in enumerate(pumps.controller.tags()):
            pumps.controller.write(tag, make_pump(n + 1))
        values.update({tag: sample.value for tag, sample in driver.read_scan().samples})
    expected = {tag: pumps.controller.read(tag) for tag in asked}
    assert {tag: repr(value) for tag, value in values.items()} == {t: repr(value) for t, value in expected.items()}
    with connected(pumps, asked, memory) as driver:  # and remembered
        assert driver.facts()["frames_per_scan"] == fewer
        assert {tag: sample.value for tag, sample in driver.read_scan().samples} == expected


def test_a_structure_that_changes_is_never_read_by_its_old_layout(pumps: LogixServer) -> None:
    tags = pumps.controller.tags()
    asked = [f"{tag}.{member}" for tag in tags for member in PUMP_TAGS]
    with connected(pumps, asked) as driver:
        samples = read_all(driver)
        scan_until_frames(driver, int(str(driver.facts()["frames_per_scan"])))
        for members in (PUMP_MEMBERS[::-1], [("Mode", "DINT"), *PUMP_MEMBERS[:-1]], PUMP_MEMBERS):
            pumps.controller.download({tag: ("PUMP", make_pump(3)) for tag in tags}, {"PUMP": members})
            for _ in range(2):
                samples.update(read_all(driver))
                for tag, sample in samples.items():
                    assert sample.error or sample.value == pumps.controller.read(tag), (tag, sample)
        samples.update(scan_until(driver, lambda _: not driver.facts()["tags_bad"]))


def test_few_members_are_not_worth_a_search(pumps: LogixServer) -> None:
    with connected(pumps, ["PUMP_STATION_01.Run", "PUMP_STATION_01.Hours"]) as driver:
        before = pumps.counts().requests
        for _ in range(5):
            driver.read_scan()
        assert pumps.counts().requests - before == 5


# -- small controllers -------------------------------------------------------------------------------------------------


def test_without_large_forward_open(server: LogixServer) -> None:
    server.faults.refuse_large_forward_open = True
    with connected(server, READABLE) as driver:
        assert driver.facts()["connection_size_bytes"] == 500
        assert int(str(driver.facts()["frames_per_scan"])) > 2
        samples = read_all(driver)
    assert {tag: sample.error for tag, sample in samples.items() if sample.error} == {}
    assert samples["LONG"].value == "a" * 600


def test_a_micro800(server: LogixServer) -> None:
    server.faults.imitate_micro800()
    server.controller.product_name = "2080-LC50"
    memory: DriverMemory = {}
    for _ in range(2):
        with connected(server, READABLE, memory) as driver:
            samples = read_all(driver)
            assert {tag: sample.error for tag, sample in samples.items() if sample.error} == {}
            assert driver.read_scan().samples == ()


def test_multiple_service_that_stops_working_is_done_without(server: LogixServer) -> None:
    with connected(server, READABLE) as driver:
        expected = read_all(driver)
        server.faults.no_multiple_service = True
        server.controller.write("A_DINT", 3)
        assert read_all(driver) == {"A_DINT": Sample(3)}
        assert len(expected) == len(READABLE)


def test_routes_and_slots() -> None:
    with LogixServer(LogixController(TABLE, STRUCTS), slot=2) as server:
        for route in ("/2", "/bp/2", "/backplane/2"):
            driver = LogixPlc(settings_of(server.address + route, ["A_DINT"]), {})
            driver.connect()
            assert read_all(driver) == {"A_DINT": Sample(-(2**31))}
            driver.close()
        driver = LogixPlc(settings_of(server.address + "/3", ["A_DINT"]), {})
        with pytest.raises(DriverError, match=r"Forward Open refused: .*CIP status 0x01, extended 0x0312"):
            driver.connect()
        driver.close()


# -- refusals and facts ------------------------------------------------------------------------------------------------


def test_a_refused_forward_open_says_why(server: LogixServer) -> None:
    server.faults.refuse_forward_open = True
    expected = r"Lagoon \(127.*\): connecting: Forward Open refused: .*no more connections.*0x0113"
    with pytest.raises(DriverError, match=expected), connected(server, ["A_DINT"]):
        pass


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    driver = LogixPlc(settings_of(address, ["A"]), {})
    with pytest.raises(DriverError, match=r"connecting: cannot reach 127\.0\.0\.1"):
        driver.connect()
    driver.close()
    driver.close()


@pytest.mark.parametrize("address", ["", "127.0.0.1:x", "127.0.0.1/1/2/3", "no.such.host.invalid"])
def test_an_address_that_leads_nowhere(address: str) -> None:
    driver = LogixPlc(settings_of(address, ["A"], timeout_s=1.0), {})
    with pytest.raises(DriverError):
        driver.connect()
    driver.close()
    driver.abort()


def test_facts(server: LogixServer) -> None:
    with connected(server, ["A_DINT", "GONE"]) as driver:
        driver.read_scan()
        facts = driver.facts()
    rtt_ms, median_ms = facts.pop("rtt_ms"), facts.pop("rtt_ms_median")
    assert isinstance(rtt_ms, float)
    assert isinstance(median_ms, float)
    assert facts == {
        "frames_per_scan": 1,
        "connection_size_bytes": 4000,
        "controller": "1756-L83E conectpy simulator (revision 33.011)",
        "program": "Main program",
        "tags": 2,
        "tags_bad": 1,
    }


def test_no_tags_at_all(server: LogixServer) -> None:
    with connected(server, []) as driver:
        scan = driver.read_scan()
        assert scan.samples == ()
        server.controller.set_mode("PROGRAM")
        assert driver.read_scan().frozen == "controller in PROGRAM mode"


# -- another server ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("cpppo") is None, reason="cpppo is not installed")
def test_an_independent_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    kinds = {"A_BOOL": "BOOL", "A_SINT": "SINT", "AN_INT": "INT", "A_DINT": "DINT", "A_REAL": "REAL", "ARR": "DINT[99]"}
    table = [f"{name}={kind}" for name, kind in kinds.items()]
    command = [sys.executable, "-m", "cpppo.server.enip", "-a", f"127.0.0.1:{port}", *table]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        with pylogix.PLC("127.0.0.1", port=port, timeout=5.0) as plc:
            plc.conn.Micro800 = False
            written = plc.Write([("A_SINT", -5, 0xC2), ("A_DINT", 70000, 0xC4), ("A_REAL", 2.5, 0xCA)])
            assert [answer.Status for answer in written] == ["Success"] * 3
        tags = [*(name for name in kinds if name != "ARR"), "ARR[3]", "ARR[5]", "ARR[98]", "A_DINT.4", "GONE"]
        driver = LogixPlc(settings_of(f"127.0.0.1:{port}", tags, timeout_s=5.0), {})
        driver.connect()
        samples = read_all(driver)
        assert driver.read_scan().samples == ()
        driver.close()
    finally:
        process.terminate()
        process.wait(10)
    assert samples.pop("GONE").is_vanished
    values = {tag: sample.value for tag, sample in samples.items()}
    assert (values["A_SINT"], values["A_DINT"], values["A_REAL"], values["A_DINT.4"]) == (-5, 70000, 2.5, True)
    assert (values["ARR[3]"], values["ARR[98]"], values["A_BOOL"]) == (0, 0, False)


def wait_for_port(port: int) -> None:
    end_s = time.monotonic() + 20.0
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError:
            assert time.monotonic() < end_s, "the server never listened"
            time.sleep(0.05)


def test_reals_keep_their_bits() -> None:
    bits = [0x00000001, 0x80000000, 0x7F7FFFFF, 0x3DCCCCCD]
    values = [struct.unpack("<f", struct.pack("<I", word))[0] for word in bits]
    table = {f"R{n}": ("REAL", value) for n, value in enumerate(values)}
    with LogixServer(LogixController(table)) as server, connected(server, list(table)) as driver:
        found = [sample.value for sample in read_all(driver).values()]
    assert [struct.unpack("<I", struct.pack("<f", value))[0] for value in found] == bits
