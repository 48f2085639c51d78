"""documentation.md and README.md name everything there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Set

import pytest
from prometheus_client import CollectorRegistry

from conectpy.console.command_table import COMMANDS
from conectpy.events.store import EventStore
from conectpy.live.metrics import Metrics
from conectpy.live.realtime import RealtimeData
from conectpy.plant.current import Plant
from conectpy.settings.options import options_of
from conectpy.settings.types import DatabaseSettings, OpcUaSettings, PlcSettings, Settings, TagSettings, WebSettings
from conectpy.web import create_app
from tests.documentation_tables import TABLES, table_under

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "documentation.md").read_text(encoding="utf-8")
PROMISES = {f"E{number}" for number in range(1, 22)}


def section(title: str) -> str:
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,3}} |\Z)", TEXT, re.M | re.S)
    assert found, title
    return found.group(2)


def first_cells(text: str) -> List[str]:
    cells = re.findall(r"^\| (.+?) \|", text, re.M)
    return [name for cell in cells[1:] for name in re.findall(r"`([^`]+)`", cell) or [cell]]


@pytest.mark.parametrize(
    ("title", "section_type"),
    [
        ("A PLC", PlcSettings),
        ("A tag", TagSettings),
        ("OPC UA", OpcUaSettings),
        ("`database`", DatabaseSettings),
        ("`web`", WebSettings),
        ("Top level", Settings),
    ],
)
def test_every_option_is_documented_with_its_variable(title: str, section_type: type) -> None:
    text = section(title)
    table = [option for option in options_of(section_type) if not option.is_flat]
    assert first_cells(text) == [option.name for option in table]
    for option in table:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{option.name}` |"))
        assert option.variable is None or f"`{option.variable}`" in row
        assert option.meaning in row


@pytest.mark.parametrize("title", TABLES)
def test_tables_are_those_of_the_code(title: str) -> None:
    """Where this fails, `python -m tests.documentation_tables` writes them anew."""
    assert table_under(title, TEXT).splitlines() == TABLES[title]()


def test_every_column_is_documented() -> None:
    schema = (ROOT / "conectpy" / "events" / "schema_2.sql").read_text(encoding="utf-8")
    body = re.search(r"CREATE TABLE (?:IF NOT EXISTS )?events\s*\((.*?)\n\)", schema, re.S)
    assert body
    columns = re.findall(r"^\s+([a-z_]+) +(?:INTEGER|TEXT|REAL)", body.group(1), re.M)
    assert sorted(first_cells(section("Columns of `events`"))) == sorted(columns)


def test_every_metric_is_documented() -> None:
    registry = CollectorRegistry()
    Metrics(registry).for_plc("10.0.0.1")
    names = {metric.name + ("_total" if metric.type == "counter" else "") for metric in registry.collect()}
    assert set(first_cells(section("Metrics"))) == names


def test_every_promise_is_documented_and_tested_by_its_name() -> None:
    assert set(first_cells(section("Promises"))) == PROMISES
    tested: Set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        tested |= {name.upper() for name in re.findall(r"def test_(e\d+)_", path.read_text(encoding="utf-8"))}
    assert tested == PROMISES


def test_every_endpoint_is_documented(tmp_path: Path) -> None:
    reader = EventStore(DatabaseSettings(str(tmp_path / "e.sqlite3")), {}, {}).reader()
    app = create_app(RealtimeData(), reader, Plant(Settings(())), health=lambda: (True, {}))
    served = {rule.rule for rule in app.url_map.iter_rules()} - {"/favicon.ico", "/static/<digest>/<path:name>"}
    table = section("Endpoints").split("\n### ")[0]
    paths = [name for row in re.findall(r"^\| (`/.+?) \|", table, re.M) for name in re.findall(r"`([^`]+)`", row)]
    assert sorted(paths) == sorted(served)


def test_every_command_is_documented_in_its_group() -> None:
    table = section("Commands").split("\n| exit status |")[0]
    rows = [tuple(cell.strip(" `") for cell in row.split("|")[1:4]) for row in re.findall(r"^\| `.+$", table, re.M)]
    assert [row[:2] for row in rows] == [(entry.name, entry.group) for entry in COMMANDS]
    for (_, _, text), entry in zip(rows, COMMANDS):
        assert text.startswith(entry.help)


def test_the_commands_of_both_systems_stand_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for mark in ("run: linux", "run: windows", "test: linux", "test: windows"):
        block = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)\n```", text, re.S)
        assert block, mark
        assert "\n" not in block.group(1)


def test_the_files_that_recipes_name_are_there() -> None:
    body = TEXT[TEXT.index("\n## Working on it\n") : TEXT.index("\n## Decisions\n")]
    named = set(re.findall(r"`((?:conectpy|tests|\.ci)/[\w./]*)`", body))
    assert named
    made = {".ci/node_modules"}  # by what the recipe tells
    assert {name for name in named - made if not (ROOT / name).exists()} == set()


def test_the_project_names_no_machine() -> None:
    for path in (ROOT / "README.md", ROOT / "documentation.md"):
        assert not re.search(r"/(home|root|tmp|work)/", path.read_text(encoding="utf-8"))
