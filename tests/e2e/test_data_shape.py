"""`/data` of a running monitor is what the OpenAPI document says, key by key: both drivers, in every state."""

from __future__ import annotations

import json
import re
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from conectpy.simulator.controller import LogixController
from conectpy.simulator.logix_server import LogixServer
from conectpy.simulator.opcua_server import OpcUaServer
from tests.monitor import Monitor, running_monitor, wait_until

TABLE: Dict[str, Any] = {
    "P1_ST": ("BOOL", True),
    "LEVEL": ("REAL", 1.5),
    "COUNT": ("DINT", 7),
    "NAME": ("STRING", "Año"),
    "NAN": ("REAL", float("nan")),
}
TAGS = ["LEVEL", "COUNT", "NAME", "NAN", "GONE"]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
KINDS: Dict[str, Any] = {"string": str, "number": (int, float), "integer": int, "boolean": bool, "array": list}


class Checker:
    """Compares a value with a schema of the document and names what differs; undocumented keys are faults, too."""

    def __init__(self, document: Any) -> None:
        self.schemas = document["components"]["schemas"]

    def faults(self, value: Any, schema: Any, where: str) -> List[str]:
        if "$ref" in schema:
            return self.faults(value, self.schemas[schema["$ref"].rsplit("/", 1)[1]], where)
        if "oneOf" in schema:
            return self._one_of(value, schema["oneOf"], where)
        if value is None:
            return [] if schema.get("nullable") else [f"{where} is null"]
        if schema.get("type") == "object":
            return self._object(value, schema, where)
        if "type" in schema and (
            not isinstance(value, KINDS[schema["type"]]) or isinstance(value, bool) != (schema["type"] == "boolean")
        ):
            return [f"{where} is no {schema['type']}: {value!r}"]
        if "enum" in schema and value not in schema["enum"]:
            return [f"{where} is none of {schema['enum']}: {value!r}"]
        if schema.get("format") == "date-time" and not re.fullmatch(TIME, value):
            return [f"{where} is no time: {value!r}"]
        items = value if schema.get("type") == "array" else []
        return [fault for item in items for fault in self.faults(item, schema["items"], f"{where}[]")]

    def _object(self, value: Any, schema: Any, where: str) -> List[str]:
        known, rest = schema.get("properties", {}), schema.get("additionalProperties")
        found = [f"{where}.{key} is missing" for key in schema.get("required", ()) if key not in value]
        for key, one in value.items():
            inner = known.get(key, rest)
            found += (
                [f"{where}.{key} is not documented"] if inner is None else self.faults(one, inner, f"{where}.{key}")
            )
        return found

    def _one_of(self, value: Any, choices: Any, where: str) -> List[str]:
        tried = [self.faults(value, choice, where) for choice in choices]
        return [] if sum(not faults for faults in tried) == 1 else min(tried, key=len)


class Plant:
    """A Logix PLC, a server polled, one subscribed, an address where nothing answers, and one that refuses."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.logix = stack.enter_context(LogixServer(LogixController(dict(TABLE))))
        self.polled, self.subscribed = (stack.enter_context(OpcUaServer(table=TABLE)) for _ in range(2))
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.silent = f"127.0.0.1:{silent.getsockname()[1]}"
        with socket.create_server(("127.0.0.1", 0)) as closed:
            self.refused = f"opc.tcp://127.0.0.1:{closed.getsockname()[1]}"
        common = {"interval_s": 0.2, "timeout_s": 1}
        logix = {**common, "tags": TAGS, "state_tags": ["P1_ST"]}
        nodes = {**self.polled.nodes, "GONE": "ns=4;i=999"}
        opcua = {
            **common,
            "security": "none",
            "tags": [{"tag": tag, "node": nodes[tag], "decimals": 1} for tag in TAGS],
            "state_tags": [{"tag": "P1_ST", "node": nodes["P1_ST"]}],
        }
        plcs = {
            self.logix.address: logix,
            self.silent: {**logix, "timeout_s": 60},
            self.polled.url: opcua,
            self.subscribed.url: {**opcua, "mode": "subscribe"},
            self.refused: opcua,
        }
        config = folder / "plant.yml"
        config.write_text(json.dumps({"plcs": plcs}), encoding="utf-8")
        self.monitor: Monitor = stack.enter_context(
            running_monitor("--config", str(config), "--db", str(folder / "e.sqlite3"))
        )
        self.checker = Checker(self.monitor.get("/api/openapi.json"))

    def check(self) -> Any:
        data = self.monitor.get("/data")
        assert self.checker.faults(data, self.checker.schemas["Live"], "/data") == []
        return data

    def wait_for(self, qualities: Dict[str, str]) -> Any:
        """`/data` once these PLCs have these qualities; it has the documented shape all the while."""

        def found() -> Any:
            data = self.check()
            return data if all(data[one]["_meta"]["quality"] == qualities[one] for one in qualities) else None

        return wait_until(found, str(qualities))


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with ExitStack() as stack:
        yield Plant(stack, tmp_path_factory.mktemp("shape"))


def test_data_has_the_documented_shape_in_every_state(plant: Plant) -> None:
    read = [plant.logix.address, plant.polled.url, plant.subscribed.url]
    data = plant.wait_for({**dict.fromkeys(read, "BAD"), plant.silent: "INIT", plant.refused: "DOWN"})
    for address in read:
        assert {tag: data[address][tag]["quality"] for tag in ("LEVEL", "GONE")} == {"LEVEL": "OK", "GONE": "BAD"}
        assert (data[address]["NAN"]["value"], data[address]["NAN"]["valor"]) == (None, "NaN")
        told = data[address]["_meta"]
        assert {key for key, value in told.items() if value is None} <= {
            *("frozen", "last_error", "last_error_ts", "certificate_days_left", "clock_offset_s"),
            *("clock_uncertainty_s", "max_nodes_per_read"),
            *("frozen_code", "frozen_texts", "last_error_code", "last_error_texts"),
        }
    assert data[plant.silent]["_meta"]["controller"] is None
    assert data[plant.refused]["_meta"]["scan_ms_max"] is None
    assert data[plant.refused]["_meta"]["errors"]

    plant.logix.controller.set_mode("PROGRAM")
    plant.polled.faults.state = 3
    wait_until(lambda: plant.check()[plant.logix.address]["_meta"]["frozen"], "the controller in program mode")
    wait_until(lambda: plant.check()[plant.polled.url]["_meta"]["frozen"], "the server suspended")
    assert plant.check()[plant.logix.address]["LEVEL"]["quality"] == "STALE"

    plant.logix.stop()
    plant.polled.faults.is_frozen = plant.subscribed.faults.is_frozen = True
    data = plant.wait_for(dict.fromkeys(read, "DOWN"))
    assert [data[address]["LEVEL"]["value"] for address in read] == [1.5, 1.5, 1.5]
    assert data[plant.logix.address]["_meta"]["controller"]


def test_the_checker_finds_what_is_wrong(plant: Plant) -> None:
    data = plant.check()
    meta, entry = data[plant.polled.url]["_meta"], data[plant.polled.url]["LEVEL"]
    for part, name in ((meta, "OpcUaMeta"), (entry, "TagEntry")):
        schema = plant.checker.schemas[name]
        assert plant.checker.faults(part, schema, "x") == []
        assert plant.checker.faults({**part, "more": 1}, schema, "x") == ["x.more is not documented"]
        for key in part:
            assert plant.checker.faults({**part, key: {}}, schema, "x") or key == "value" or key.endswith("_texts")
            rest = {other: value for other, value in part.items() if other != key}
            assert plant.checker.faults(rest, schema, "x") == [f"x.{key} is missing"] * (key in schema["required"])
