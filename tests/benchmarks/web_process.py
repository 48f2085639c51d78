"""A collector's web without PLCs, as a process of its own: values change once a second. Prints its URL, then waits.

python -m tests.benchmarks.web_process PLCS TAGS
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Dict

from conectpy.models import Value
from conectpy.settings.types import PlcSettings, TagSettings
from tests.web_plant import running_plant


def main() -> None:
    plc_count, tag_count = int(sys.argv[1]), int(sys.argv[2])
    numbers = [TagSettings(f"PT{number:04d}_R_SCADA", f"Presión {number}", "bar", 2) for number in range(tag_count)]
    states = [TagSettings(f"P{number:03d}_ST", f"Bomba {number}", is_state=True) for number in range(tag_count // 10)]
    tags = tuple(numbers[len(states) :] + states)
    plcs = tuple(PlcSettings(f"10.0.0.{number}", f"Laguna {number}", tags=tags) for number in range(plc_count))
    with tempfile.TemporaryDirectory() as folder, running_plant(Path(folder), plcs=plcs) as plant:
        plant.serve()
        print(plant.url, flush=True)
        next_s, number = time.monotonic(), 0
        latest_s = 0.0
        while True:
            number += 1
            for index, plc in enumerate(plcs):
                values: Dict[str, Value] = {tag.tag: number + index * 0.1 for tag in numbers[len(states) :]}
                values.update({tag.tag: number % 7 == 0 for tag in states})
                plant.scan(plc.address, values)
            next_s += 1.0
            late_s = time.monotonic() - next_s
            latest_s = max(latest_s, late_s)
            time.sleep(max(0.0, -late_s))


if __name__ == "__main__":
    main()
