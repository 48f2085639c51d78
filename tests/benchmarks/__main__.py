"""All benchmarks, one after the other: `python -m tests.benchmarks [--quick] [NAME ...]`. Under five minutes."""

from __future__ import annotations

import argparse
import importlib
import platform
import time
from pathlib import Path


def main() -> None:
    """Run each `bench_*.py` (or those named, without the prefix); each prints its tables."""
    names = sorted(path.stem[len("bench_") :] for path in Path(__file__).parent.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure, print tables.")
    parser.add_argument("--quick", action="store_true", help="fewer sizes and shorter runs")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(names)}")
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(names)}")
    started_s = time.monotonic()
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    for name in options.names or names:
        begun_s = time.monotonic()
        importlib.import_module(f"tests.benchmarks.bench_{name}").run(options.quick)
        print(f"({name}: {time.monotonic() - begun_s:.0f} s)", flush=True)
    print(f"\n{time.monotonic() - started_s:.0f} s altogether")


if __name__ == "__main__":
    main()
