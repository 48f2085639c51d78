"""The house: what each room, in `events/` and `collector/` each module, may import is listed here; the rest is refused.

A name in a list is a room (all of it), or one module of a room ("events.reader"). What is not listed as a key is not
known, and a new room or a new module of `events/` or `collector/` has to be written in here first.
"""

from __future__ import annotations

import ast
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Dict, FrozenSet, List, Set, Tuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "conectpy"

BASE = {"texts", "errors", "models", "timestamps", "values"}
ROOMS: Dict[str, Set[str]] = {
    "__init__": set(),
    "errors": {"texts"},
    "models": set(),
    "timestamps": {"texts"},
    "facts": set(),
    "texts": set(),
    "files": {"texts", "timestamps"},
    "values": {"texts", "models"},
    "settings": {"texts", "errors", "models", "timestamps", "files"},
    "pki": {"texts", "errors", "timestamps", "files"},
    "live": {"texts", "facts", "models", "timestamps", "values", "settings"},
    "drivers": {*BASE, "facts", "settings", "pki"},
    "events": {*BASE, "__init__", "settings", "files"},
    "plant": {"settings"},
    "collector": {
        *BASE,
        "facts",
        "settings",
        "plant",
        "live",
        "drivers",
        "events.absence",
        "events.detector",
        "events.store",
    },
    "control": {"texts", "errors", "models", "timestamps", "files", "events.file_lock", "events.place"},
    "serving": {"texts", "errors", "timestamps", "settings", "live"},
    "web": {*BASE, "__init__", "facts", "settings", "plant", "live", "serving.stream"}
    | {"events.reader", "events.run_hours"}
    | {"events.event_sql"},
    "console": {*BASE, "facts", "settings", "files", "pki", "drivers", "collector", "control", "events.downgrade"},
    "simulator": {*BASE, "console", "drivers", "pki"},
    "ROCWELL": {*BASE, "console", "collector", "control", "events", "live", "plant", "serving", "settings"}
    | {"simulator", "web"},
    "SIEMENS": {*BASE, "console", "settings", "simulator"},
    "__main__": {"console", "settings", "ROCWELL"},
}
EVENTS: Dict[str, Set[str]] = {
    "__init__": set(),
    "tracks": set(),
    "clock_watch": set(),
    "absence": {"clock_watch"},
    "marks": set(),
    "first_contact": {"ledger_rows"},
    "detector": {"clock_watch", "tracks"},
    "run_hours": {"unseen"},
    "unseen": {"marks"},
    "columns": set(),
    "entries": set(),
    "place": set(),
    "durable": set(),
    "file_lock": set(),
    "legacy_times": set(),
    "witness": {"durable"},
    "revisions": {"witness"},
    "database": {"columns", "revisions"},
    "ladder": {"database", "durable", "place"},
    "downgrade": {"database", "durable", "file_lock", "ladder", "place"},
    "legacy_files": {"columns", "database", "legacy_times"},
    "versions": {"database", "ladder", "legacy_files", "revisions"},
    "event_sql": {"columns"},
    "ledger_rows": {"entries"},
    "ledger": {"first_contact", "clock_watch", "marks", "database", "entries", "ledger_rows", "revisions"},
    "missing_tags": {"database"},
    "event_file": {"database", "entries", "file_lock", "ledger", "legacy_files", "missing_tags", "place", "revisions"}
    | {"versions", "witness"},
    "reader": {"marks", "columns", "database", "entries", "event_sql", "run_hours", "unseen"},
    "store": {"database", "entries", "event_file", "place", "reader"},
}
COLLECTOR: Dict[str, Set[str]] = {
    "__init__": set(),
    "scan_stats": set(),
    "sinks": set(),
    "loop": {"scan_stats", "sinks"},
    "plc_sinks": {"sinks"},
    "worker": {"loop"},
    "thread_health": {"loop", "worker"},
    "sign_of_life": set(),
    "supervisor": {"loop", "plc_sinks", "sign_of_life", "sinks", "thread_health", "worker"},
}
"""The loop names none of those that it hands its scans to."""

INSIDE: Dict[str, Dict[str, Set[str]]] = {"events": EVENTS, "collector": COLLECTOR}
OUTSIDE: Dict[str, Set[str]] = {
    "events.tracks": {"models", "settings"},
    "events.clock_watch": {"models"},
    "events.absence": {"models"},
    "events.detector": {"models", "settings"},
    "events.run_hours": {"texts", "models", "timestamps"},
    "events.unseen": {"models", "timestamps"},
    "collector.loop": {*BASE, "facts", "settings", "plant", "drivers", "events.detector"},
    "collector.sinks": {"texts", "errors", "models", "settings"},
}
"""These modules may use less of the house than their room as a whole."""

WEB: Dict[str, Set[str]] = {"frame": {"frame"}, "pages": {"frame"}, "__init__": {"frame", "pages"}}
PAGES: Dict[str, Set[str]] = {
    # How an event is written, for people and as JSON, is no page: it is what these pages have in common.
    "event_json": {"last_seen"},
    "event_text": {"last_seen"},
    "events_api": {"event_json", "last_seen"},
    "events_page": {"event_json", "event_text", "last_seen"},
    "plc_page": {"event_text", "last_seen"},
    "run_hours_page": {"event_text"},
    "timeline_page": {"event_json", "last_seen"},
    # The document describes the parameters of them all.
    "openapi": {"event_json", "events_api", "run_hours_page", "timeline_page", "trends_page"},
}
"""A page imports the frame; of its own folder it imports only what is listed, and why."""

ROOT_MODULES = 4


def modules(package: Path = PACKAGE) -> Dict[str, Path]:
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = ("conectpy", *path.relative_to(package).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(name: str, path: Path, known: Dict[str, Path]) -> Set[str]:
    """The modules of this package that a module imports anywhere in its text, or names in a text as importlib does."""
    found = _names_in(name, path.name == "__init__.py", path.read_text(encoding="utf-8"))
    return {one for one in found if one in known and one not in (name, "conectpy")}


@lru_cache(maxsize=None)
def _names_in(name: str, is_package: bool, text: str) -> FrozenSet[str]:
    package = name.split(".") if is_package else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += node.module.split(".") if node.module else []
            found |= {".".join([*base, alias.name]) for alias in node.names} | {".".join(base)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("conectpy."):
            found.add(node.value)
    return frozenset(found)


def wrong_imports(package: Path) -> List[str]:
    """`module imports module` for everything that the lists above do not allow."""
    known = modules(package)
    wrong = []
    for name, path in known.items():
        for other in sorted(imports_of(name, path, known)):
            # `from .room import module` names the room too, which is its empty door
            is_door = known[other].name == "__init__.py" and any(
                more.startswith(f"{other}.") for more in imports_of(name, path, known)
            )
            if not (is_door or _is_allowed(name, other)):
                wrong.append(f"{name} imports {other}")
    return wrong


def _is_allowed(name: str, other: str) -> bool:
    (room, inside), (target, module) = _place(name), _place(other)
    if room == target and room in INSIDE:
        return module in INSIDE[room].get(inside, set())
    if room == target == "web":
        return _is_allowed_in_web(inside, module)
    if room == target:
        return True
    allowed = OUTSIDE.get(f"{room}.{inside}", ROOMS.get(room, set()))
    return target in allowed or f"{target}.{module}" in allowed


def _is_allowed_in_web(inside: str, module: str) -> bool:
    (part, _, page), (target, _, other) = inside.partition("."), module.partition(".")
    return target in WEB.get(part, set()) or (part == target == "pages" and other in PAGES.get(page, set()))


def _place(name: str) -> Tuple[str, str]:
    """`conectpy.events.store` -> its room and what stands inside of it."""
    parts = [*name.split(".")[1:], "__init__"]
    return parts[0], ".".join(parts[1:-1]) or "__init__"


def test_every_room_and_every_module_of_events_has_its_list() -> None:
    places = [_place(name) for name in modules()]
    assert {room for room, _ in places} == set(ROOMS)
    for listed, inside_of in INSIDE.items():
        assert {inside for room, inside in places if room == listed} == set(inside_of)


def test_imports_are_the_listed_ones() -> None:
    assert wrong_imports(PACKAGE) == []


@pytest.mark.parametrize(
    ("module", "planted"),
    [
        ("web/pages/events_api.py", "from ...events.store import EventStore"),
        ("web/pages/live_page.py", "from ...drivers import make_driver"),
        ("web/frame/context.py", "from ...collector.loop import read_plc_loop"),
        ("web/__init__.py", "from ..events import ledger"),
        ("events/detector.py", "from ..drivers.base import Driver"),
        ("events/detector.py", "import conectpy.web.frame.context"),
        ("events/database.py", "from .detector import Detector"),
        ("serving/server.py", "from ..web.frame.context import context"),
        ("drivers/logix.py", "from ..web import create_app"),
        # others: hidden in a function, by name, through a door, from the frame to a page
        ("drivers/logix.py", "def late():\n    from conectpy.events import store"),
        ("serving/workers.py", 'PAGE = "conectpy.web.pages.live_page"'),
        ("web/frame/page.py", "from ..pages import live_page"),
        ("web/pages/status.py", "from conectpy.simulator import plants"),
        ("web/pages/plc_page.py", "from .trends_page import SPARK_MS"),
        ("events/run_hours.py", "from .store import EventStore"),
        ("events/run_hours.py", "from ..values import to_display"),
        ("collector/loop.py", "from ..events.store import EventStore"),
        ("collector/loop.py", "from ..live.realtime import realtime_data"),
        ("collector/loop.py", "from .plc_sinks import LiveSink"),
        ("models.py", "from .values import to_display"),
        ("settings/types.py", "from ..live.realtime import realtime_data"),
    ],
)
def test_a_planted_import_is_refused(tmp_path: Path, module: str, planted: str) -> None:
    copy = tmp_path / "conectpy"
    shutil.copytree(str(PACKAGE), str(copy), ignore=shutil.ignore_patterns("__pycache__", "static", "translations"))
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{planted}\n")
    name = ".".join(["conectpy", *module[: -len(".py")].split("/")]).replace(".__init__", "")
    assert [line.split()[0] for line in wrong_imports(copy)] == [name]


def test_there_is_no_circle() -> None:
    known = modules()
    graph = {name: imports_of(name, path, known) for name, path in known.items()}
    done: Set[str] = set()

    def walk(name: str, trail: List[str]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        if name not in done:
            for other in graph[name]:
                # a package's own __init__ runs before its modules: naming it is no circle by itself
                if not name.startswith(other + "."):
                    walk(other, [*trail, name])
            done.add(name)

    for name in graph:
        walk(name, [])


def test_no_module_has_the_name_of_another() -> None:
    names = [name.rsplit(".", 1)[-1] for name in modules()]
    names = [name for name in names if name not in ("__main__", "conectpy")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_few_modules_lie_at_the_root() -> None:
    loose = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert len(loose) <= ROOT_MODULES, loose


def test_the_top_level_holds_nothing_else() -> None:
    allowed = {
        "conectpy",
        "documentation.md",
        "requirements.txt",
        "README.md",
        "tests",
        "events.sqlite3.example",
        "pyproject.toml",
    }
    listed = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    leftovers = (".egg-info", ".sqlite3", "-wal", "-shm", ".lock", ".control", ".witness")
    ours = {name for name in listed if not name.endswith(leftovers)}
    assert ours - allowed <= {"pki", "venv", "build", "__pycache__"}
