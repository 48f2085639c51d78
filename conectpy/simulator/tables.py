"""Tables of tags for controllers of any size: made from a seed, and kept in motion."""

from __future__ import annotations

import random
import threading
from typing import Any, Dict, List, Tuple

from .controller import LogixController

MIX = ("BOOL", "BOOL", "BOOL", "REAL", "REAL", "REAL", "DINT", "DINT", "INT", "SINT", "LINT", "LREAL")
_WIDTH = {"SINT": 7, "INT": 15, "DINT": 31, "LINT": 63}


def make_table(count: int, seed: int = 0) -> Dict[str, Tuple[str, Any]]:
    """`count` tags TAG_00001... of mixed atomic types with values, as `LogixController` takes them."""
    rng = random.Random(seed)
    table: Dict[str, Tuple[str, Any]] = {}
    for number in range(1, count + 1):
        type_name = MIX[number % len(MIX)]
        table[f"TAG_{number:05d}"] = (type_name, draw_value(type_name, rng))
    return table


def draw_value(type_name: str, rng: random.Random) -> Any:
    """A random value of an atomic type; a REAL is one that four bytes hold exactly."""
    if type_name == "BOOL":
        return rng.random() < 0.5
    if type_name in ("REAL", "LREAL"):
        return rng.randrange(-(2**20), 2**20) / 16.0
    return rng.randrange(-(2 ** _WIDTH[type_name]), 2 ** _WIDTH[type_name])


class Churn:
    """A thread that gives a share of a table's tags new values once per `interval_s`. Start and stop by the owner."""

    def __init__(
        self,
        controller: LogixController,
        table: Dict[str, Tuple[str, Any]],
        share: float,
        interval_s: float = 1.0,
        seed: int = 0,
    ) -> None:
        self._controller = controller
        self._tags: List[Tuple[str, str]] = [(tag, type_name) for tag, (type_name, _) in table.items()]
        self._count = max(1, int(len(self._tags) * share)) if share > 0 else 0
        self._interval_s = interval_s
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="churn", daemon=True)

    def start(self) -> None:
        """Begin to change values."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait for the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            chosen = self._random.sample(self._tags, self._count)
            self._controller.update({tag: draw_value(type_name, self._random) for tag, type_name in chosen})
