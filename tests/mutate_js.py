"""Wrong changes of the pages' scripts, one at a time in a copy: do the cases of tests/js notice them?

`python -m tests.mutate_js` prints what becomes of each, and fails when more than two go unnoticed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import List, NamedTuple, Optional

from tests.browser import Browser, running_browser
from tests.javascript import FILES, SCRIPTS, run_file, serve_three_states
from tests.web_plant import Plant, running_plant

ENOUGH = 22


class Change(NamedTuple):
    what: str
    file: str
    old: str
    new: str


FORMATS, KINDS, RUNS, SPARK = "core/formats.js", "core/kinds.js", "core/runs.js", "core/spark_line.js"
CHANGES = (
    Change("a number loses its sign", FORMATS, 'sign.replace("-", "−") + grouped', "grouped"),
    Change("a decimal point in every language", FORMATS, "point + fraction", '"." + fraction'),
    Change(
        "no number is written as one",
        FORMATS,
        "new Intl.NumberFormat(language, options).format(value || 0) : NO_NUMBER",
        "new Intl.NumberFormat(language, options).format(value || 0) : String(value)",
    ),
    Change("minutes go on after the hour", FORMATS, "Math.floor((s % 3600) / 60)", "Math.floor(s / 60)"),
    Change("seconds without their zero", FORMATS, '(s % 60).padStart(2, "0")', "(s % 60)"),
    Change("ages backwards", FORMATS, "(nowMs - at) / 1000", "(at - nowMs) / 1000"),
    Change("times in UTC", FORMATS, 'timeZone: zone, hourCycle: "h23"', 'timeZone: "UTC", hourCycle: "h23"'),
    Change("the plant's zone is not asked for", "words.js", "usableZone(config.zone)", "usableZone(undefined)"),
    Change(
        "a stale value is as old as the scan",
        "card.js",
        'entry.quality === "OK" ? meta.last_ok_ts : entry.timestamp',
        "meta.last_ok_ts",
    ),
    Change("a fault is no alarm", KINDS, "|fault|", "|"),
    Change("an alarm outweighs a link that is down", KINDS, "hasAlarm ? 5 : 0", "hasAlarm ? 50 : 0"),
    Change(
        "what is stale counts as active", "card.js", "if (row.isOn && !row.isUncertain) active", "if (row.isOn) active"
    ),
    Change("a stale alarm counts as one", "card.js", "else if (row.isAlarm) alarms", "if (row.isAlarm) alarms"),
    Change("any word is enough for the search", "live.js", "words.every(", "words.some("),
    Change("only stale shows what is good", "live.js", '"stale" || row.isUncertain', '"stale" || !row.isUncertain'),
    Change("the best PLC first", "live.js", "b.card.severity - a.card.severity", "a.card.severity - b.card.severity"),
    Change("an uncertain start looks sure", RUNS, "width: x - edge, isEdge: true", "width: x - edge, isEdge: false"),
    Change("an uncertain end looks sure", RUNS, "width: end - sure, isEdge: true", "width: end - sure, isEdge: false"),
    Change("an edge is filled instead of hatched", "timeline.js", "isEdge ? unsure : color", "color"),
    Change("an open event does not reach to now", RUNS, "view.x(end ?? view.now)", "view.x(end ?? start)"),
    Change("an outage does not shade its rows", "timeline.js", "if (line.row) this.draw", "if (!line.row) this.draw"),
    Change("a curve is drawn over its gap", "trend.js", "before = value;", "before = value ?? before;"),
    Change("a state that is not known looks on", "trend.js", "=== null ? unknown : ", "=== null ? seriesColor(0) : "),
    Change(
        "a stale value goes on in the sparkline",
        "card.js",
        'this.entry.quality === "OK" && typeof this.entry.value',
        "typeof this.entry.value",
    ),
)


def faults() -> List[str]:
    """The changes that can no longer be made: their text does not stand exactly once in its file."""
    counts = [(change, (SCRIPTS / change.file).read_text(encoding="utf-8").count(change.old)) for change in CHANGES]
    return [f"{change.what}: {count} times in {change.file}: {change.old}" for change, count in counts if count != 1]


def noticed_by(change: Change, browser: Browser, plant: Plant) -> Optional[str]:
    """The first file of cases that fails with this change; None where all hold."""
    with tempfile.TemporaryDirectory() as folder:
        scripts = Path(folder) / "js"
        shutil.copytree(SCRIPTS, scripts)
        path = scripts / change.file
        text = path.read_text(encoding="utf-8").replace(change.old, change.new)
        path.write_bytes(text.encode("utf-8"))
        return next((file.name for file in FILES if run_file(browser, plant, file, scripts)), None)


def main() -> int:
    stale = faults()
    if stale:
        print("\n".join(stale), file=sys.stderr)
        return 1
    noticed = 0
    with running_browser() as browser, tempfile.TemporaryDirectory() as folder, running_plant(Path(folder)) as plant:
        serve_three_states(plant)
        for change in CHANGES:
            file = noticed_by(change, browser, plant)
            noticed += file is not None
            print(f"{file or 'NOT NOTICED':24} {change.file}: {change.what}", flush=True)
    print(f"{noticed} of {len(CHANGES)} wrong changes noticed")
    return 0 if noticed >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
