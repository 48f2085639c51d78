"""Siemens beside Rockwell: one monitor, both protocols, one page, right events."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Tuple

from conectpy.simulator import LogixController, LogixServer
from conectpy.simulator.opcua_server import OpcUaServer

from ..monitor import running_monitor, wait_until


def test_a_mixed_plant_on_one_page_with_right_events(tmp_path: Path) -> None:
    table: Dict[str, Any] = {"P1_ST": ("BOOL", False), "LEVEL": ("REAL", 1.5)}
    with ExitStack() as stack:
        logix = stack.enter_context(LogixServer(LogixController(dict(table)), port=0))
        first, second = (stack.enter_context(OpcUaServer(table=table)) for _ in range(2))
        nodes = [{"tag": tag, "node": node} for tag, node in first.nodes.items()]
        siemens = {"tags": nodes[1:], "state_tags": nodes[:1], "security": "none", "interval_s": 0.2, "timeout_s": 1}
        plcs = {
            logix.address: {"name": "Rockwell", "tags": ["LEVEL"], "state_tags": ["P1_ST"], "interval_s": 0.2},
            first.url: {"name": "S7 polled", **siemens},
            second.url: {"name": "S7 subscribed", "mode": "subscribe", "sampling_ms": 10, **siemens},
        }
        config = tmp_path / "plant.yml"
        config.write_text(json.dumps({"plcs": plcs}), encoding="utf-8")
        with running_monitor("--config", str(config), "--db", str(tmp_path / "e.sqlite3")) as monitor:
            wait_until(
                lambda: all(plc["_meta"]["quality"] == "OK" for plc in monitor.get("/data").values()), "all good"
            )
            data = monitor.get("/data")
            assert {address: plc["LEVEL"]["value"] for address, plc in data.items()} == dict.fromkeys(plcs, 1.5)
            truth = _pulse(logix.controller, first, second)
            found = wait_until(lambda: _events(monitor, len(truth)), "every event closed")
            second.faults.is_frozen = True
            wait_until(lambda: monitor.get("/data")[second.url]["_meta"]["quality"] == "DOWN", "down")
            assert monitor.get("/data")[first.url]["_meta"]["quality"] == "OK"
            assert monitor.get("/data")[second.url]["P1_ST"]["quality"] == "STALE"
            second.faults.is_frozen = False
            wait_until(lambda: monitor.get("/data")[second.url]["_meta"]["quality"] == "OK", "back")
    for address in plcs:
        mine = [event for event in found if event["plc_ip"] == address]
        assert len(mine) == 1
        assert {mine[0]["start_quality"], mine[0]["end_quality"]} <= {"sampled", "exact"}


def _pulse(*sources: Any) -> List[Tuple[float, float]]:
    pulses = []
    starts = [source.write("P1_ST", True) for source in sources]
    threading.Event().wait(1.0)
    for source, start in zip(sources, starts):
        pulses.append((start, source.write("P1_ST", False)))
    return pulses


def _events(monitor: Any, count: int) -> Any:
    events = [event for event in monitor.get("/api/events?tag=P1_ST") if event["end_ts"]]
    return events if len(events) == count else None
