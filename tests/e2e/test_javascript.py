"""The scripts of the pages, tested in the browser that they are for: every tests/js/**/*.test.js is collected here."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from tests.browser import Browser, running_browser
from tests.javascript import CASES, FILES, SCRIPTS, open_bed, run_file, serve_three_states
from tests.mutate_js import CHANGES, faults, noticed_by
from tests.web_plant import Plant, running_plant


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser
        assert browser.errors == []
        assert browser.strangers == []


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with running_plant(tmp_path_factory.mktemp("plant")) as plant:
        serve_three_states(plant)
        yield plant


def test_every_pure_module_has_its_tests() -> None:
    tested = {path.name.replace(".test", "") for path in CASES.glob("*.test.js")}
    assert {path.name for path in (SCRIPTS / "core").glob("*.js")} == tested


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.relative_to(CASES).as_posix())
def test_cases(browser: Browser, plant: Plant, file: Path) -> None:
    assert run_file(browser, plant, file) == []


def test_a_wrong_case_is_found(browser: Browser, plant: Plant) -> None:
    page = open_bed(browser, plant)
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


def test_every_wrong_change_can_still_be_made() -> None:
    """Where a line has become another, `tests/mutate_js.py` wants its new text, or another change in its place."""
    assert faults() == []


def test_a_wrong_change_is_noticed(browser: Browser, plant: Plant) -> None:
    change = next(one for one in CHANGES if one.file == "trend.js")
    assert noticed_by(change, browser, plant) == "trend.test.js"
