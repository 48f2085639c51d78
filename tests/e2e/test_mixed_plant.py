"""Rockwell and Siemens PLCs side by side: one page, the same events, and trouble that stays where it is."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from conectpy.simulator.controller import LogixController
from conectpy.simulator.logix_server import LogixServer
from conectpy.simulator.opcua_server import OpcUaServer
from tests.monitor import Monitor, running_monitor, wait_until

TABLE = {"P1_ST": ("BOOL", False), "PT1": ("REAL", 2.5)}


class Plant:
    def __init__(self, stack: ExitStack) -> None:
        self.logix = [stack.enter_context(LogixServer(LogixController(TABLE))) for _ in range(3)]
        self.opcua = [stack.enter_context(OpcUaServer(port=0, table=TABLE)) for _ in range(3)]

    @property
    def addresses(self) -> List[str]:
        return [one.address for one in self.logix] + [one.url for one in self.opcua]

    def write(self, address: str, value: bool) -> float:
        for logix in self.logix:
            if logix.address == address:
                return logix.controller.write("P1_ST", value)
        return next(one for one in self.opcua if one.url == address).write("P1_ST", value)

    def config(self, path: Path) -> Tuple[str, ...]:
        common = {"interval_s": 0.1, "timeout_s": 0.5, "comm_delay_s": 0.5}
        plcs: Dict[str, Any] = {one.address: {**common, "tags": ["PT1"], "state_tags": ["P1_ST"]} for one in self.logix}
        for one in self.opcua:
            tags, states = ([{"tag": tag, "node": one.nodes[tag]}] for tag in ("PT1", "P1_ST"))
            plcs[one.url] = {**common, "security": "none", "tags": tags, "state_tags": states}
        plcs[self.opcua[2].url]["mode"] = "subscribe"
        file = path / "plant.yml"
        file.write_text(json.dumps({"plcs": plcs}), encoding="utf-8")
        return ("--config", str(file), "--db", str(path / "events.sqlite3"))


@pytest.fixture
def plant() -> Iterator[Plant]:
    with ExitStack() as stack:
        yield Plant(stack)


def quality(monitor: Monitor, address: str) -> str:
    return str(monitor.get("/data")[address]["_meta"]["quality"])


def seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_six_plcs_of_two_makers_on_one_page_with_true_events(plant: Plant, tmp_path: Path) -> None:
    with running_monitor(*plant.config(tmp_path)) as monitor:
        wait_until(lambda: all(quality(monitor, one) == "OK" for one in plant.addresses), "all six good")
        starts = {one: plant.write(one, True) for one in plant.addresses}
        wait_until(lambda: len(monitor.get("/api/events?tag=P1_ST&open=true")) == 6, "six open events")
        ends = {one: plant.write(one, False) for one in plant.addresses}
        events = wait_until(
            lambda: (lambda found: found if len(found) == 6 else None)(monitor.get("/api/events?tag=P1_ST&open=false")),
            "six closed events",
        )
        for event in events:
            address = event["plc_ip"]
            assert seconds(event["start_earliest_ts"]) < starts[address] <= seconds(event["start_ts"]), event
            assert seconds(event["end_earliest_ts"]) < ends[address] <= seconds(event["end_ts"]), event
        assert monitor.stop() == 0
    assert not [line for line in monitor.lines if "Traceback" in line]


def test_one_frozen_server_leaves_the_other_plcs_alone(plant: Plant, tmp_path: Path) -> None:
    frozen, others = plant.opcua[0].url, [one for one in plant.addresses if one != plant.opcua[0].url]
    with running_monitor(*plant.config(tmp_path)) as monitor:
        wait_until(lambda: all(quality(monitor, one) == "OK" for one in plant.addresses), "all six good")
        before = {one: monitor.get("/data")[one]["_meta"]["missed_cycles"] for one in others}
        plant.opcua[0].faults.is_frozen = True
        wait_until(lambda: quality(monitor, frozen) == "DOWN", "the outage")
        wait_until(lambda: monitor.get("/api/events?tag=@comm&open=true"), "the outage's own event")
        data = monitor.get("/data")
        assert {one: data[one]["_meta"]["quality"] for one in others} == dict.fromkeys(others, "OK")
        assert all(data[one]["_meta"]["missed_cycles"] - before[one] <= 1 for one in others)
        plant.opcua[0].faults.is_frozen = False
        wait_until(lambda: quality(monitor, frozen) == "OK", "the server again")
        assert monitor.stop() == 0
