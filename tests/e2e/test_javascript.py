"""The pure modules of the pages, tested in the browser that they are for: every tests/js/*.test.js is collected here.

A test file imports the modules by their paths in the repository; the bytes come from a real server, at the address
under which the pages load them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Iterator, List
from urllib.parse import urlsplit

import pytest

from tests.browser import Browser, running_browser
from tests.web_plant import Plant, running_plant

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "tests" / "js").glob("*.test.js"))
CORE = ROOT / "conectpy" / "web" / "static" / "js" / "core"
STATIC = "/conectpy/web/static/"
RUN = """async (file) => {
  await import(file);
  return (await import('/tests/js/harness.js')).results;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser
        assert browser.errors == []
        assert browser.strangers == []


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with running_plant(tmp_path_factory.mktemp("plant")) as plant:
        plant.serve()
        yield plant


def open_runner(browser: Browser, plant: Plant) -> Any:
    """An empty page of the server, which finds the test files beside what the server serves."""
    digest = re.search(r"/static/([0-9a-f]+)/", plant.app.test_client().get("/").get_data(as_text=True))
    assert digest

    def route(request: Any) -> None:
        path = urlsplit(request.request.url).path
        if path.startswith(STATIC):
            request.continue_(url=f"{plant.url}/static/{digest.group(1)}/{path[len(STATIC) :]}")
        elif path.startswith("/tests/js/"):
            request.fulfill(path=ROOT / path.lstrip("/"), content_type="text/javascript")
        else:
            request.fulfill(body="<!doctype html><title>tests</title>", content_type="text/html")

    page = browser.open("about:blank")
    page.route("**/*", route)
    page.goto(f"{plant.url}/tests/")
    return page


def test_every_pure_module_has_its_tests() -> None:
    assert {path.name for path in CORE.glob("*.js")} == {path.name.replace(".test", "") for path in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_cases(browser: Browser, plant: Plant, file: Path) -> None:
    page = open_runner(browser, plant)
    results: List[Dict[str, Any]] = page.evaluate(RUN, f"/tests/js/{file.name}")
    page.context.close()
    assert results, "no cases"
    assert [f"{one['name']}: {one['failure']}" for one in results if one["failure"]] == []


def test_a_wrong_case_is_found(browser: Browser, plant: Plant) -> None:
    page = open_runner(browser, plant)
    results = page.evaluate(
        """async () => {
          const { equal, results, table, test } = await import('/tests/js/harness.js');
          table('twice', (one) => 2 * one, [[[1], 2], [[2], 5]]);
          test('parts', () => equal({ a: [1, null] }, { a: [1] }));
          return results;
        }"""
    )
    page.context.close()
    assert [one["failure"] for one in results] == [None, "expected 5, got 4", 'expected {"a":[1]}, got {"a":[1,null]}']
