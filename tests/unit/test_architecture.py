"""The house: a module imports only from modules to its left, and there is no circle."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, List, Set

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "conectpy"

ROOMS: List[Set[str]] = [
    {"errors", "models", "timestamps"},
    {"values"},
    {"settings", "pki"},
    {"live"},
    {"drivers"},
    {"events"},
    {"collector"},
    {"serving"},
    {"web"},
    {"console"},
    {"ROCWELL", "SIEMENS", "__main__"},
]


def modules() -> Dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(name: str, path: Path, known: Dict[str, Path]) -> Set[str]:
    """The modules of this package that a module imports, anywhere in its text."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += node.module.split(".") if node.module else []
            found |= {".".join([*base, alias.name]) for alias in node.names} | {".".join(base)}
    return {one for one in found if one in known and one != name}


def room_of(name: str) -> str:
    return name.split(".")[1] if "." in name else "__init__"


def test_every_room_has_its_place() -> None:
    placed = set().union(*ROOMS) | {"__init__", "simulator"}
    assert {room_of(name) for name in modules()} - placed == set()


def test_imports_point_to_the_left() -> None:
    known = modules()
    place = {room: number for number, rooms in enumerate(ROOMS) for room in rooms}
    wrong = []
    for name, path in known.items():
        room = room_of(name)
        for other in imports_of(name, path, known):
            target = room_of(other)
            if target in (room, "__init__"):
                continue
            if target == "simulator":
                if room not in ("ROCWELL", "SIEMENS"):
                    wrong.append(f"{name} imports {other}: only scripts and tests import the simulator")
            elif room != "simulator" and place[target] > place[room]:
                wrong.append(f"{name} imports {other}, which lies to its right")
    assert wrong == []


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
    ours = {name for name in listed if not name.endswith((".egg-info", ".sqlite3", "-wal", "-shm", ".lock"))}
    assert ours - allowed <= {"pki", "venv", "build", "__pycache__"}
