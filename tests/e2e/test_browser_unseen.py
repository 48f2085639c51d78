"""Unseen time on the pages: an outage, a collector that is gone, a load that fails."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Iterator

import pytest

from conectpy.models import COLLECTOR_TAG, COMM_TAG
from conectpy.timestamps import utc_now
from tests.browser import Browser, running_browser, until
from tests.web_plant import NORTH, PUMP, SOUTH, Plant, running_plant


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser
        assert browser.errors == []
        assert browser.strangers == []


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """The north pump runs since five hours ago; no collector for an hour within; the south has been down for long."""
    with running_plant(tmp_path) as plant:
        now = utc_now()
        plant.add_event(now - timedelta(hours=5), None)
        plant.add_event(now - timedelta(hours=3), 3600.0, plc="", tag=COLLECTOR_TAG, unsure_s=0.0)
        plant.add_event(now - timedelta(hours=8), None, plc=SOUTH)
        plant.scan(SOUTH, {PUMP.tag: True}, at=now - timedelta(hours=4))
        plant.add_event(now - timedelta(hours=4), None, plc=SOUTH, tag=COMM_TAG)
        plant.cut(SOUTH)
        plant.flush()
        plant.serve()
        yield plant


# Which share of the first row's pixels is the colour of a bar, between two shares of the time shown.
SOLID = """async ([from, to]) => {
  const script = document.querySelector('script[src$="timeline_page.js"]').src;
  const { colors } = await import(script.replace('timeline_page', 'axis'));
  const canvas = document.querySelector('#timeline canvas');
  const scale = canvas.width / canvas.clientWidth;
  const gutter = Math.round(Math.min(260, Math.max(104, document.getElementById('timeline').clientWidth * 0.2)));
  const x = (gutter + from * (canvas.clientWidth - gutter)) * scale;
  const width = Math.floor((to - from) * (canvas.clientWidth - gutter) * scale);
  const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  probe.canvas.width = canvas.width;
  probe.canvas.height = canvas.height;
  probe.drawImage(canvas, 0, 0);
  const data = probe.getImageData(x, (26 + 13) * scale, width, 1).data;
  probe.fillStyle = colors().on;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  let same = 0;
  for (let i = 0; i < data.length; i += 4) same += data[i] === r && data[i + 1] === g && data[i + 2] === b;
  return same / width;
}"""


def solid(page: Any, first: float, last: float) -> float:
    share: float = page.evaluate(SOLID, [first, last])
    return share


def test_the_timeline_draws_no_unseen_time_as_solid_or_blank(browser: Browser, plant: Plant) -> None:
    start = utc_now() - timedelta(hours=10)
    span = f"from={start.isoformat()[:23]}Z&to={(start + timedelta(hours=10)).isoformat()[:23]}Z".replace("+00:00", "")
    page = browser.open(f"{plant.url}/timeline?tag={PUMP.tag}&plc={NORTH}&{span}")
    until(page, "() => /\\d+ events/.test(document.getElementById('message').textContent)")
    until(page, f"async (span) => (await ({SOLID})(span)) > 0.95", [0.55, 0.65])
    assert solid(page, 0.72, 0.78) < 0.3  # no collector ran
    assert solid(page, 0.85, 0.95) > 0.95
    page.goto(f"{plant.url}/timeline?tag={PUMP.tag}&plc={SOUTH}&{span}")
    until(page, "() => /\\d+ events/.test(document.getElementById('message').textContent)")
    until(page, f"async (span) => (await ({SOLID})(span)) > 0.95", [0.3, 0.5])
    assert solid(page, 0.65, 0.95) < 0.3  # its link is down: nothing is known
    page.context.close()


@pytest.mark.parametrize(("language", "words"), [("en", "last seen active"), ("es", "visto activo por última vez")])
def test_an_open_event_of_a_plc_that_is_down_has_stopped(
    browser: Browser, plant: Plant, language: str, words: str
) -> None:
    page = browser.open(f"{plant.url}/events?lang={language}&plc={SOUTH}&tag={PUMP.tag}")
    until(page, "(words) => document.getElementById('rows').innerText.includes(words)", words)
    assert "4 h 00 min" in page.locator("#rows tbody tr").inner_text()
    until(page, "() => document.getElementById('plc-count').innerText === '2/3 PLC'")
    page.context.close()


def test_every_page_says_that_the_collector_is_gone(browser: Browser, plant: Plant) -> None:
    paths = (f"/events?plc={NORTH}", "/timeline", "/hours", "/trends", f"/plc/{NORTH}", "/")
    pages = [browser.open(f"{plant.url}{path}") for path in paths]
    for page in pages:
        until(page, "() => document.getElementById('link-state').dataset.state === 'live'")
    until(pages[1], "() => /\\d+ events/.test(document.getElementById('message').textContent)")
    plant.stop_web()
    for page in pages:
        until(page, "() => !document.getElementById('banner').hidden")
        assert "No connection to the collector" in page.locator("#banner").inner_text()
    until(pages[0], "() => /last seen active/.test(document.getElementById('rows').innerText)")
    shown = pages[0].locator("[data-since]").first.inner_text()
    said = pages[0].locator(".open-mark").first.inner_text()
    until(pages[0], "(said) => document.querySelector('.open-mark').innerText !== said", said)  # a second has passed
    assert pages[0].locator("[data-since]").first.inner_text() == shown
    until(pages[1], "() => /Not current/.test(document.getElementById('message').textContent)")
    for page in pages:
        page.context.close()
    browser.errors[:] = [error for error in browser.errors if "ERR_" not in error]
