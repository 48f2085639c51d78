"""Changes a module in one place after the other, in a copy, and prints which changes no test notices.

`python -m tests.mutate --module conectpy/collector/loop.py --most 50`: with `--tests` other tests than the unit tests
that import the module. Comparisons, signs, numbers, truth values and calls for their effect are changed, at random but
the same ones for the same `--seed`. A change that survives is either no change of behaviour or a test that is missing.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "node_modules", "__pycache__", ".*_cache", "*.sqlite3-*")
SHORTEST_LIMIT_S = 30.0

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "is": "is not", "is not": "is"}
COMPARISONS.update({"in": "not in", "not in": "in"})
SIGNS = {"+": "-", "-": "+", "*": "+", "/": "*", "and": "or", "or": "and"}


class Mutation(NamedTuple):
    """The text from `start` to `end` of a module becomes `text`; offsets count bytes."""

    line: int
    start: int
    end: int
    text: str


def find_mutations(source: bytes) -> List[Mutation]:
    """Every change that is tried, in the order of the file."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(node: ast.AST) -> Tuple[int, int]:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        end_line, end_column = getattr(node, "end_lineno", 1), getattr(node, "end_col_offset", 0)
        return starts[line - 1] + column, starts[end_line - 1] + end_column

    def between(left: ast.AST, right: ast.AST, others: Dict[str, str]) -> Iterator[Mutation]:
        start, end = span(left)[1], span(right)[0]
        word = source[start:end].decode().strip(" ()\n")
        if word in others:
            text = source[start:end].decode().replace(word, others[word])
            yield Mutation(getattr(left, "end_lineno", 1), start, end, text)

    found: List[Mutation] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            for left, right in zip([node.left, *node.comparators], node.comparators):
                found += between(left, right, COMPARISONS)
        elif isinstance(node, ast.BinOp):
            found += between(node.left, node.right, SIGNS)
        elif isinstance(node, ast.BoolOp):
            found += between(node.values[0], node.values[1], SIGNS)
        elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            other = not node.value if isinstance(node.value, bool) else node.value + 1
            found.append(Mutation(node.lineno, *span(node), repr(other)))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found.append(Mutation(node.lineno, *span(node), "None"))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            found.append(Mutation(node.lineno, *span(node), source[slice(*span(node.operand))].decode()))
    return sorted(set(found))


def apply(source: bytes, mutation: Mutation) -> bytes:
    return source[: mutation.start] + mutation.text.encode() + source[mutation.end :]


def tests_of(module: str) -> List[str]:
    """The unit tests that import the module."""
    package, name = module[: -len(".py")].replace("/", ".").rsplit(".", 1)
    pattern = re.compile(rf"^from {re.escape(package)}(\.{name} import| import .*\b{name}\b)", re.MULTILINE)
    files = sorted((ROOT / "tests" / "unit").glob("test_*.py"))
    return [path.relative_to(ROOT).as_posix() for path in files if pattern.search(path.read_text(encoding="utf-8"))]


def is_noticed(copy: Path, tests: Sequence[str], limit_s: Optional[float]) -> bool:
    """Whether the tests fail, or do not end in time."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(command, cwd=copy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def try_all(copy: Path, module: str, tests: Sequence[str], mutations: Sequence[Mutation]) -> List[Mutation]:
    """Those that survive; each is printed at once."""
    source, survivors = (copy / module).read_bytes(), []
    started_s = time.monotonic()
    if is_noticed(copy, tests, None):
        sys.exit(f"{module}: the tests fail without any change: {' '.join(tests)}")
    limit_s = max(SHORTEST_LIMIT_S, 5 * (time.monotonic() - started_s))
    for mutation in mutations:
        (copy / module).write_bytes(apply(source, mutation))
        if not is_noticed(copy, tests, limit_s):
            survivors.append(mutation)
            line = apply(source, mutation).splitlines()[mutation.line - 1].decode().strip()
            print(f"{module}:{mutation.line}: survives: {line}", flush=True)
    (copy / module).write_bytes(source)
    return survivors


def main() -> None:
    parser = argparse.ArgumentParser(description="change a module here and there and print what no test notices")
    parser.add_argument("--module", default="conectpy/collector/loop.py", help="the file that is changed, in a copy")
    parser.add_argument("--most", type=int, default=100, help="how many changes are tried (100)")
    parser.add_argument("--seed", type=int, default=0, help="which of them, when there are more (0)")
    parser.add_argument("--tests", nargs="*", help="the tests (the unit tests that import the module)")
    arguments = parser.parse_args()
    module = Path(arguments.module).as_posix()
    tests = arguments.tests or tests_of(module)
    if not (ROOT / module).is_file() or not tests:
        sys.exit(f"{module}: no such file, or no unit test imports it: name tests with --tests")
    mutations = find_mutations((ROOT / module).read_bytes())
    chosen = sorted(random.Random(arguments.seed).sample(mutations, min(arguments.most, len(mutations))))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        survivors = try_all(copy, module, tests, chosen)
    print(f"{module}: {len(survivors)} of {len(chosen)} changes survive ({len(mutations)} possible)")


if __name__ == "__main__":
    main()
