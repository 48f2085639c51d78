"""The cases of tests/js in a browser, each file on a page of its own, for the scripts of any folder.

`tests/js/*.test.js` are the cases of the pure modules and `tests/js/drawn/` looks at what is drawn, both on an empty
page in Spanish of a plant in Montevideo; `tests/js/pages/` asks a page of the real server.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List
from urllib.parse import urlsplit

from tests.browser import Browser
from tests.web_plant import ALARM, NORTH, ROUTE, SOUTH, START, ZONE, Plant

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "conectpy" / "web" / "static" / "js"
CASES = ROOT / "tests" / "js"
FILES = sorted(CASES.rglob("*.test.js"))
# Where scripts are asked for: by the cases as they lie in the repository, by a page of the server under its digest.
SCRIPT = re.compile(r"/(?:conectpy/web/static|static/[0-9a-f]+)/js/([\w/]+\.js)")
TEXTS = {
    "age.last": "hace {age}",
    "plc.active": "{count} activos",
    "plc.alarms": "{count} alarmas",
    "plc.age": "hace {age}",
    "plc.scan": "{ms} ms",
    "state.since": "{word} desde {time} ({duration})",
    "event.before": "antes de {to}",
    "event.between": "{from} a {to}",
}
BED = f"""<!doctype html><html lang="es"><title>cases</title>
<script type="application/json" id="config">{json.dumps({"language": "es", "zone": ZONE, "messages": TEXTS})}</script>
<body style="margin: 0"></body></html>"""
RUN = """async (file) => {
  await import(file);
  return (await import('/tests/js/harness.js')).results;
}"""


def open_bed(browser: Browser, plant: Plant, scripts: Path = SCRIPTS, path: str = "/tests/bed") -> Any:
    """A page that finds `scripts` and the cases beside what the server serves."""

    def answer(route: Any) -> None:
        asked = urlsplit(route.request.url).path
        script = SCRIPT.fullmatch(asked)
        if script:
            route.fulfill(path=scripts / script.group(1), content_type="text/javascript")
        elif asked.startswith("/tests/js/"):
            route.fulfill(path=ROOT / asked.lstrip("/"), content_type="text/javascript")
        elif asked.startswith("/tests/"):
            route.fulfill(body=BED, content_type="text/html")
        else:
            route.fallback()

    page = browser.open("about:blank")
    page.route("**/*", answer)
    page.goto(f"{plant.url}{path}", wait_until="domcontentloaded")
    return page


def run_file(browser: Browser, plant: Plant, file: Path, scripts: Path = SCRIPTS) -> List[str]:
    """The failures of a file of cases, each as a line; raises where it has no cases or cannot be loaded."""
    page = open_bed(browser, plant, scripts, "/" if file.parent.name == "pages" else "/tests/bed")
    try:
        results: List[Dict[str, Any]] = page.evaluate(RUN, f"/{file.relative_to(ROOT).as_posix()}")
    finally:
        page.context.close()
    assert results, f"{file.name}: no cases"
    return [f"{one['name']}: {one['failure']}" for one in results if one["failure"]]


def serve_three_states(plant: Plant) -> None:
    """Serve a plant of which one PLC is good, one has an alarm, and one is down with its last values."""
    plant.scan(NORTH, START)
    plant.scan(ROUTE, {**START, ALARM.tag: True})
    plant.scan(SOUTH, {**START, ALARM.tag: True})
    plant.cut(SOUTH)
    plant.serve()
