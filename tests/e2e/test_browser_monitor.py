"""The monitor script as a user starts it, simulated lagoons and all, in a real browser; killed, and started again."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.browser import running_browser, until
from tests.monitor import running_monitor


def shown(page: Any) -> str:
    return str(page.locator("#cards").inner_text())


def test_the_page_lives_and_dies_with_the_monitor(tmp_path: Path) -> None:
    with running_browser() as browser:
        with running_monitor("--db", str(tmp_path / "events.sqlite3"), cwd=tmp_path) as monitor:
            page = browser.open(monitor.url)
            until(page, "() => document.getElementById('link-state').dataset.state === 'live'")
            until(page, "() => document.querySelectorAll('.card-plc[data-quality=OK]').length === 3")
            assert page.locator(".card-plc .simulated:visible").count() == 3
            first = shown(page)
            until(page, "(first) => document.getElementById('cards').innerText !== first", first)
            assert browser.errors == []
            assert browser.strangers == []
            port = str(urlsplit(monitor.url).port)
            monitor.kill()
            until(page, "() => /No connection to the collector/.test(document.getElementById('banner').innerText)")
        with running_monitor("--db", str(tmp_path / "events.sqlite3"), "--port", port, cwd=tmp_path):
            until(page, "() => document.getElementById('banner').hidden")
            until(page, "() => document.querySelectorAll('.card-plc[data-quality=OK]').length === 3")
