"""The live page in a real browser: what it shows is true, also when the PLC, the line or the collector is gone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from conectpy.settings.types import PlcSettings, TagSettings, WebSettings
from conectpy.timestamps import to_text, utc_now
from tests.browser import Browser, running_browser, until
from tests.web_plant import ALARM, FLOW, NORTH, PRESSURE, PUMP, ROUTE, SOUTH, ZONE, Plant, running_plant

HOSTILE = ("<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "\u202eevil", "x" * 200, "</script><script>")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with running_plant(tmp_path) as plant:
        plant.serve()
        yield plant


@pytest.fixture(autouse=True)
def no_errors(browser: Browser) -> Iterator[None]:
    browser.errors.clear()
    browser.strangers.clear()
    yield
    assert browser.strangers == []
    network = [error for error in browser.errors if "Failed to load resource" in error or "ERR_" in error]
    assert [error for error in browser.errors if error not in network] == []


def row(page: Any, tag: str, plc: str = NORTH) -> Any:
    return page.locator(f'.card-plc[data-address="{plc}"] [data-tag="{tag}"]')


def value_is(page: Any, tag: str, text: str, plc: str = NORTH) -> None:
    until(
        page,
        """([plc, tag, text]) => [...document.querySelectorAll('.card-plc')].some((card) => card.dataset.address === plc
        && [...card.querySelectorAll('[data-tag]')].some((row) => row.dataset.tag === tag
        && row.querySelector('.value').textContent === text))""",
        [plc, tag, text],
    )


def test_values_follow_the_plc_without_reloading(browser: Browser, plant: Plant) -> None:
    page = browser.open(plant.url)
    value_is(page, PRESSURE.tag, "2.50")
    until(page, "() => document.getElementById('link-state').dataset.state === 'live'")
    plant.scan(NORTH, {PRESSURE.tag: 1234567.891})
    value_is(page, PRESSURE.tag, "1,234,567.89")
    plant.scan(NORTH, {PUMP.tag: False, ALARM.tag: True}, since={ALARM.tag: to_text(utc_now())})
    value_is(page, PUMP.tag, "stopped")
    value_is(page, ALARM.tag, "ALARM")
    assert "is-on" in row(page, ALARM.tag).get_attribute("class")
    assert "ALARM since" in row(page, ALARM.tag).locator(".note").inner_text()
    assert page.locator(".card-plc .simulated:visible").count() == 1
    page.context.close()


def test_values_follow_without_the_stream(browser: Browser, plant: Plant) -> None:
    page = browser.open("about:blank")
    page.route("**/api/stream", lambda route: route.abort())
    page.goto(plant.url)
    until(page, "() => document.getElementById('link-state').dataset.state === 'polling'")
    plant.scan(NORTH, {FLOW.tag: 77.5})
    value_is(page, FLOW.tag, "77.5")
    page.context.close()


def test_a_cut_line_leaves_the_last_values_struck_through(browser: Browser, plant: Plant) -> None:
    page = browser.open(plant.url)
    value_is(page, PRESSURE.tag, "2.50", SOUTH)
    plant.cut(SOUTH, "10.0.0.5:4840: timed out")
    until(page, "() => document.querySelector('.tile').dataset.quality === 'DOWN'")  # the worst comes first
    card = page.locator(f'.card-plc[data-address="{SOUTH}"]')
    assert "timed out" in card.locator(".card-error").inner_text()
    assert "DOWN" in card.locator(".badge-quality").inner_text()
    stale = row(page, PRESSURE.tag, SOUTH)
    until(page, "(plc) => document.querySelectorAll('.is-stale').length === 5", SOUTH)
    assert stale.locator(".value").inner_text() == "2.50"
    assert "line-through" in stale.locator(".value").evaluate("(element) => getComputedStyle(element).textDecoration")
    assert "last value" in stale.locator(".note").inner_text()
    plant.scan(SOUTH, {tag.tag: 1 for tag in plant.plcs[1].tags})
    until(page, "() => document.querySelectorAll('.is-stale').length === 0")
    page.context.close()


def test_a_stopped_collector_is_told_and_comes_back_by_itself(browser: Browser, tmp_path: Path) -> None:
    with running_plant(tmp_path) as plant:
        server = plant.serve()
        page = browser.open(plant.url)
        until(page, "() => document.getElementById('link-state').dataset.state === 'live'")
        plant.stop_web()
        until(page, "() => !document.getElementById('banner').hidden")
        assert "No connection to the collector" in page.locator("#banner").inner_text()
        assert "is-lost" in page.locator("body").get_attribute("class")
        style = page.locator(".value").first.evaluate("(element) => getComputedStyle(element).textDecoration")
        assert "line-through" in style
    web = WebSettings(port=server.port, timezone=ZONE)
    folder = tmp_path / "again"
    folder.mkdir()
    with running_plant(folder, web=web) as plant:
        plant.serve()
        plant.scan(NORTH, {PRESSURE.tag: 42.0})
        value_is(page, PRESSURE.tag, "42.00")
        until(page, "() => document.getElementById('banner').hidden")
        page.context.close()


def test_a_wrong_clock_in_the_browser_does_no_harm(browser: Browser, plant: Plant) -> None:
    page = browser.open("about:blank")
    page.add_init_script("Date.now = () => 0")
    page.goto(plant.url)
    until(page, "() => /last good scan \\d+ s ago/.test(document.querySelector('.last-ok').textContent)")
    page.context.close()


def test_search_filter_and_collapse_are_kept_in_the_address(browser: Browser, plant: Plant) -> None:
    page = browser.open(plant.url)
    value_is(page, PRESSURE.tag, "2.50")
    page.fill("#search", "bomba")
    until(page, "() => document.querySelectorAll('.row-tag').length === 3")
    assert page.locator("#shown").inner_text() == "3 of 15 tags"
    page.select_option("#plc", ROUTE)
    until(page, "() => document.querySelectorAll('.card-plc:not([hidden])').length === 1")
    page.reload()
    assert page.input_value("#search") == "bomba"
    until(page, "() => document.querySelectorAll('.card-plc:not([hidden])').length === 1")
    page.goto(plant.url + "/?only=active")
    until(page, "() => document.querySelectorAll('.row-tag').length === 3")
    page.click("[data-only='']")
    page.locator(f'.card-plc[data-address="{NORTH}"] .collapse-button').click()
    assert "collapsed=192.168.11.10" in page.url
    assert page.locator(f'.card-plc[data-address="{NORTH}"] .tags').is_hidden()
    page.context.close()


def test_the_keyboard_reaches_everything(browser: Browser, plant: Plant) -> None:
    page = browser.open(plant.url)
    value_is(page, PRESSURE.tag, "2.50")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("[data-only='active']")
    page.keyboard.press("Enter")
    until(page, "() => document.querySelectorAll('.row-tag').length === 3")
    unnamed = page.evaluate(
        """[...document.querySelectorAll('a, button, input, select')].filter((one) => one.checkVisibility()
        && !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    page.context.close()


@pytest.mark.parametrize(("locale", "word"), [("es-UY", "funcionando"), ("en-US", "running")])
def test_both_languages(browser: Browser, plant: Plant, locale: str, word: str) -> None:
    page = browser.open(plant.url, locale=locale)
    value_is(page, PUMP.tag, word)
    value_is(page, FLOW.tag, "12,25" if locale == "es-UY" else "12.25")
    assert page.get_attribute("html", "lang") == locale[:2]
    page.context.close()


@pytest.mark.parametrize("path", ["/", "/events", "/timeline", "/hours", "/trends", f"/plc/{NORTH}"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone(browser: Browser, plant: Plant, path: str, scheme: str) -> None:
    page = browser.open(plant.url + path, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    until(page, "() => document.getElementById('clock').textContent !== ''")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.get_attribute("html", "data-bs-theme") == scheme
    page.context.close()


def test_hostile_names_are_text(browser: Browser, tmp_path: Path) -> None:
    tags = tuple(
        TagSettings(name, name, unit=name[:20], is_state=number % 2 == 0) for number, name in enumerate(HOSTILE)
    )
    plcs = tuple(PlcSettings(f"10.0.0.{number}/{name[:40]}", name, tags=tags) for number, name in enumerate(HOSTILE))
    with running_plant(tmp_path, plcs=plcs) as plant:
        plant.scan(plcs[0].address, {HOSTILE[1]: "<b>bold</b>"})
        plant.add_event(utc_now(), 1.0, plc=plcs[0].address, tag=HOSTILE[0])
        plant.flush()
        plant.serve()
        page = browser.open(plant.url, viewport={"width": 390, "height": 800})
        until(page, "() => [...document.querySelectorAll('.value')].some((one) => one.textContent === '<b>bold</b>')")
        for path in (
            "/",
            "/events",
            "/timeline",
            "/hours",
            "/trends",
            f"/plc/10.0.0.0/{'%3Cimg%20src=x%20onerror=alert(1)%3E'}",
        ):
            page.goto(plant.url + path)
            until(page, "() => document.getElementById('clock').textContent !== ''")
            assert page.evaluate("document.querySelectorAll('main img, main b, main script:not([type])').length") == 0
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        page.context.close()


def test_what_is_shown_is_never_older_than_it_says(browser: Browser, plant: Plant) -> None:
    """A collector that answers but has stopped scanning: the age of the last good scan grows."""
    page = browser.open(plant.url)
    until(page, "() => /ago/.test(document.querySelector('.last-ok').textContent)")
    started_s = time.monotonic()
    until(page, "() => Number(/(\\d+) s ago/.exec(document.querySelector('.last-ok').textContent)[1]) >= 3")
    assert time.monotonic() - started_s < 10
    page.context.close()
