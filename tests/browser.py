"""A headless Chromium for the tests: every address but this machine's is refused, every error of a page is kept."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import Any, Dict, Iterator, List
from urllib.parse import urlsplit

import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
WAIT_MS = 15_000


def find_chromium() -> str:
    """The path of a Chromium; skips the test where there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip("no Chromium found: install chromium, or name it in the variable CHROMIUM")
    return found


class Browser:
    """Opens pages; `errors` collects what their consoles complain of, `strangers` the foreign addresses they ask for"""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium
        self.errors: List[str] = []
        self.strangers: List[str] = []

    def open(self, url: str, **options: Any) -> Any:
        """A page in a context of its own; `options` are those of Playwright's `new_context`."""
        defaults: Dict[str, Any] = {"locale": "en-GB", "viewport": {"width": 1280, "height": 900}}
        context = self._chromium.new_context(**{**defaults, **options})
        context.set_default_timeout(WAIT_MS)
        context.route("**/*", self._route)
        page = context.new_page()
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.goto(url, wait_until="domcontentloaded")
        return page

    def _route(self, route: Any) -> None:
        if urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost"):
            route.fallback()
        else:
            self.strangers.append(route.request.url)
            route.abort()

    def _note_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.location.get('url')}: {message.text}")


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser; skips where Playwright or Chromium is missing."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = find_chromium()
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield Browser(chromium)
        finally:
            chromium.close()


def until(page: Any, script: str, argument: Any = None) -> None:
    """Wait until the function is true in the page.

    Playwright's own `wait_for_function` needs `eval` in older versions, which the pages' policy forbids.
    """
    end_s = time.monotonic() + WAIT_MS / 1000
    while True:
        # A page that is just being left cannot be asked.
        with contextlib.suppress(Exception):
            if page.evaluate(script, argument):
                return
        assert time.monotonic() < end_s, f"{page.url}: not within {WAIT_MS} ms: {script} {argument}"
        page.wait_for_timeout(50)
