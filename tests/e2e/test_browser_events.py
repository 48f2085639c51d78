"""Events, timeline, run hours and trends in a real browser; their CSV in a spreadsheet's hands."""

from __future__ import annotations

import csv
import io
import json
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from conectpy.timestamps import to_text, utc_now
from tests.browser import Browser, running_browser, until
from tests.web_plant import ALARM, FLOW, NORTH, PRESSURE, PUMP, SOUTH, VALVE, Plant, running_plant


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser
        assert browser.errors == []
        assert browser.strangers == []


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Three days of a pump that runs 20 minutes of every hour, an outage, an uncertain edge, an open valve."""
    with running_plant(tmp_path_factory.mktemp("plant")) as plant:
        now = utc_now()
        for hours in range(72, 0, -1):
            plant.add_event(now - timedelta(hours=hours), 1200.0)
        plant.add_event(now - timedelta(hours=5), 900.0, tag="@comm")
        plant.add_event(now - timedelta(hours=4), 1800.0, tag=ALARM.tag, unsure_s=600.0)
        plant.add_event(now - timedelta(hours=2), None, tag=VALVE.tag)
        plant.add_event(now - timedelta(hours=6), 60.0, plc=SOUTH)
        plant.flush()
        plant.serve()
        yield plant


def rows(page: Any) -> List[str]:
    found: List[str] = page.locator("#rows tbody tr").all_inner_texts()
    return found


def rows_become(page: Any, count: int) -> None:
    until(page, "(count) => document.querySelectorAll('#rows tbody tr').length === count", count)


def test_filter_and_pages(browser: Browser, plant: Plant) -> None:
    page = browser.open(f"{plant.url}/events?limit=30")
    rows_become(page, 30)
    assert "still active" in page.locator("#rows tbody tr.is-open").first.inner_text()
    page.click("text=Older")
    until(page, "() => location.search.includes('before=')")
    page.click("text=Older")
    rows_become(page, 76 - 60)
    page.click("a:has-text('Newest')")
    rows_become(page, 30)
    page.select_option("#f-plc", SOUTH)
    page.click("#filter button.is-main")
    rows_become(page, 1)
    page.click("text=Clear")
    rows_become(page, 76)
    page.fill("#f-text", "nivel")
    page.click("#filter button.is-main")
    until(page, "() => location.search === '?text=nivel'")
    rows_become(page, 1)
    assert "between" in rows(page)[0]
    page.context.close()


def test_open_events_go_on_counting_and_new_ones_appear(browser: Browser, plant: Plant) -> None:
    page = browser.open(f"{plant.url}/events?plc={SOUTH}&tag={VALVE.tag}")
    assert "No event" in rows(page)[0]
    plant.add_event(utc_now(), None, plc=SOUTH, tag=VALVE.tag)
    plant.flush()
    until(page, "() => document.querySelectorAll('#rows tr.is-open').length === 1")
    shown = page.locator("[data-since]").inner_text()
    until(page, "(shown) => document.querySelector('[data-since]').textContent !== shown", shown)
    page.context.close()


def test_wrong_filters_are_named(browser: Browser, plant: Plant) -> None:
    page = browser.open("about:blank")
    response = page.goto(f"{plant.url}/events?min_duration=long")
    assert response.status == 400
    assert "min_duration" in page.locator(".faults").inner_text()
    browser.errors[:] = [error for error in browser.errors if "400" not in error]
    page.context.close()


def test_csv_opens_in_a_spreadsheet(browser: Browser, plant: Plant, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    page = browser.open(f"{plant.url}/events?tag={PUMP.tag}", accept_downloads=True)
    with page.expect_download() as caught:
        page.click("text=CSV")
    path = tmp_path / "events.csv"
    caught.value.save_as(path)
    lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    book.save(tmp_path / "events.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "events.xlsx").active
    assert sheet.max_row == 74  # 72 of the north pump, one of the south, the head
    assert not any(cell.data_type == "f" for line in sheet.iter_rows() for cell in line)
    page.context.close()


def test_timeline_is_drawn_moved_and_read(browser: Browser, plant: Plant) -> None:
    page = browser.open(f"{plant.url}/timeline?plc={NORTH}")
    until(page, "() => /\\d+ events/.test(document.getElementById('message').textContent)")
    canvas = page.locator("#timeline canvas")
    box = canvas.bounding_box()
    until(page, INKED, "#timeline canvas")
    for y in range(20, int(box["height"]), 6):  # the bar that reaches to now is near the right edge
        page.mouse.move(box["x"] + box["width"] * 0.955, box["y"] + y)
        if page.locator(".plot-tip:visible").count():
            break
    assert "still active" in page.locator(".plot-tip").inner_text()
    canvas.focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    until(page, "() => location.search.includes('from=')")
    page.click("text=As table")
    until(page, "() => location.pathname === '/events'")
    page.context.close()


INKED = """(selector) => { const canvas = document.querySelector(selector);
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(data.buffer)).size > 5; }"""


PAN = """async () => {
  const script = document.querySelector('script[src$="timeline_page.js"]').src;
  const { Timeline } = await import(script.replace('_page', ''));
  const box = document.createElement('div');
  box.className = 'timeline';
  document.querySelector('main').append(box);
  const end = Date.now(), rows = [];
  const event = (_, i) => [end - (250 - i) * 1e6, end - (250 - i) * 1e6 + 5e5, null, null, i, 'sampled', 'sampled', 0];
  for (let r = 0; r < 40; r += 1) rows.push({ tag: 'T' + r, label: '', events: Array.from({ length: 250 }, event) });
  const timeline = new Timeline(box, { label: 'x', now: () => end, onRange: () => {} });
  timeline.setGroups([{ plc: 'x', name: 'x', outages: [], rows }]);
  timeline.plot.setRange(end - 2.5e8, end);
  let frames = 0;
  for (; frames < 20; frames += 1) { timeline.plot.pan(-0.01); await new Promise(requestAnimationFrame); }
  return frames;
}"""


def test_ten_thousand_events_can_be_panned(browser: Browser, plant: Plant) -> None:
    page = browser.open(f"{plant.url}/timeline")
    until(page, "() => /\\d+ events/.test(document.getElementById('message').textContent)")
    assert page.evaluate(PAN) == 20
    page.context.close()


def test_run_hours_answer_which_pump_ran_how_long_yesterday(browser: Browser, plant: Plant) -> None:
    page = browser.open(f"{plant.url}/")
    page.click("text=Run hours")
    page.wait_for_selector("thead th.period")
    heads = page.locator("thead th.period").all_inner_texts()
    yesterday = next(index for index, text in enumerate(heads) if "yesterday" in text)
    pump = page.locator("tbody tr", has_text=PUMP.tag).first
    assert pump.locator("td.period .cell-hours").nth(yesterday).inner_text() == "8.0 h"
    outage = page.locator("tr.outage-row").first
    assert "link down" in outage.inner_text()
    assert "15 min" in outage.inner_text()
    page.context.close()


def test_trends_are_drawn_and_kept_in_the_address(browser: Browser, plant: Plant) -> None:
    for value in (2.75, 3.0, 3.5):
        plant.scan(NORTH, {PRESSURE.tag: value, FLOW.tag: value * 4})
    page = browser.open(f"{plant.url}/trends")
    until(page, "() => document.querySelectorAll('#chips .chip').length > 0")
    page.goto(f"{plant.url}/trends?tag=")
    until(page, "() => document.querySelectorAll('#chips .chip').length === 0")
    page.select_option("#add-plc", NORTH)
    page.select_option("#add-tag", PRESSURE.tag)
    page.select_option("#add-tag", PUMP.tag)
    until(page, "() => document.querySelector('#chips .current')?.textContent.startsWith('3.5')")
    until(page, INKED, "#plot canvas")
    page.reload()
    until(page, "() => document.querySelectorAll('#chips .chip').length === 2")
    href = page.get_attribute("#csv", "href")
    with urllib.request.urlopen(plant.url + href, timeout=10) as reply:
        assert PRESSURE.tag in reply.read().decode("utf-8-sig")
    assert "MiB" in page.locator("#memory").inner_text()
    page.context.close()


def test_a_plc_has_its_own_page(browser: Browser, plant: Plant) -> None:
    page = browser.open(f"{plant.url}/")
    page.click(f'.card-plc[data-address="{SOUTH}"] .card-name a')
    until(page, "() => document.getElementById('facts').textContent.includes('12.3 ms')")
    plant.cut(SOUTH, "10.0.0.5:4840: reset by peer")
    until(page, "() => document.getElementById('errors').textContent.includes('reset by peer')")
    assert "DOWN" in page.locator("#badge").inner_text()
    plant.scan(SOUTH, {})
    page.context.close()


def test_the_api_document_is_readable_offline(browser: Browser, plant: Plant) -> None:
    page = browser.open(f"{plant.url}/api/docs")
    page.wait_for_selector(".opblock-summary-path")
    assert page.locator(".opblock").count() >= 10
    page.context.close()


def test_a_printed_table_has_no_forms(browser: Browser, plant: Plant) -> None:
    page = browser.open(f"{plant.url}/events?tag={PUMP.tag}")
    page.emulate_media(media="print")
    assert page.locator("#filter").is_hidden()
    assert page.locator("header.bar").is_hidden()
    assert PUMP.tag in page.locator(".only-print").inner_text()
    page.context.close()


def test_times_are_the_plants_and_the_zone_is_shown(browser: Browser, plant: Plant) -> None:
    page = browser.open(f"{plant.url}/events?tag={VALVE.tag}&plc={NORTH}", timezone_id="Asia/Tokyo")
    with urllib.request.urlopen(f"{plant.url}/api/events?tag={VALVE.tag}&plc={NORTH}", timeout=10) as reply:
        start = json.load(reply)[0]["start_ts"]
    local = (utc_now() - timedelta(hours=5)).strftime("%H:")  # began two hours ago; Montevideo is three behind UTC
    assert start < to_text(utc_now())
    assert local in rows(page)[0]
    assert "America/Montevideo" in page.locator("body").inner_text()
    page.context.close()
