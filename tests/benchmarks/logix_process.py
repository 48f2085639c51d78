"""A simulated controller in a process of its own, so that its work is not counted as the client's.

As a script: `python -m tests.benchmarks.logix_process TAGS SHARE` prints its address and serves until its standard
input ends. A line `step` there gives SHARE of the tags new values and is answered by a line; a number is the delay of
replies from then on, in seconds.
"""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Dict, Iterator, List, NamedTuple, Tuple

from conectpy.simulator import LogixController, LogixServer
from conectpy.simulator.tables import draw_value, make_table

ROOT = Path(__file__).resolve().parents[2]


def make_tags(count: int) -> Dict[str, Tuple[str, Any]]:
    """`count` tags of mixed types, with names of 14 characters as plants have them (`PT00117_SCADA_`)."""
    return {f"{tag[:2]}{tag[4:]}_SCADA_": spec for tag, spec in make_table(count).items()}


class RunningController(NamedTuple):
    """Its address, the names of its tags, its standard input and output."""

    address: str
    tags: List[str]
    commands: IO[str]
    answers: IO[str]

    def set_delay(self, delay_s: float) -> None:
        """Answer this much later; it takes effect within moments."""
        self.commands.write(f"{delay_s}\n")
        self.commands.flush()

    def step(self) -> None:
        """Let the values change, and wait until they have."""
        self.commands.write("step\n")
        self.commands.flush()
        self.answers.readline()


@contextmanager
def running_controller(count: int, share: float = 0.0) -> Iterator[RunningController]:
    """One with `count` tags; each step changes `share` of them."""
    command = [sys.executable, "-m", "tests.benchmarks.logix_process", str(count), str(share)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        yield RunningController(address, list(make_tags(count)), process.stdin, process.stdout)
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def main(count: int, share: float) -> None:
    """Serve until standard input ends."""
    table = make_tags(count)
    rng = random.Random(1)
    with LogixServer(LogixController(table)) as server:
        print(server.address, flush=True)
        for line in sys.stdin:
            if line.strip() == "step":
                chosen = rng.sample(sorted(table), max(1, int(count * share)))
                server.controller.update({tag: draw_value(table[tag][0], rng) for tag in chosen})
                print("ok", flush=True)
            else:
                server.faults.delay_s = float(line)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
