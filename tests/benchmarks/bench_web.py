"""What the page costs: many browsers on one collector, half-open connections, first paint, thousands of tags."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import threading
import time
from typing import Any, Dict, Iterator, List, Tuple
from urllib.parse import urlsplit

import psutil

from tests.browser import ARGUMENTS, find_chromium

SLOW_LINE = {"offline": False, "latency": 100, "downloadThroughput": 250_000, "uploadThroughput": 250_000}


@contextlib.contextmanager
def web_process(plcs: int, tags: int) -> Iterator[Tuple[str, psutil.Process]]:
    """A collector's web in another process: its URL and the process."""
    command = [sys.executable, "-m", "tests.benchmarks.web_process", str(plcs), str(tags)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def cpu_share(process: psutil.Process, seconds: float) -> float:
    """Percent of one core over the next seconds, children included."""
    processes = [process, *process.children(recursive=True)]
    before, started_s = [one.cpu_times() for one in processes], time.monotonic()
    time.sleep(seconds)
    used = 0.0
    for one, first in zip(processes, before):
        with contextlib.suppress(psutil.Error):
            last = one.cpu_times()
            used += last.user + last.system - first.user - first.system
    return 100 * used / (time.monotonic() - started_s)


class Reader:
    """A browser's stream, read in a thread and thrown away."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        self._connection.request("GET", "/api/stream", headers={"Accept-Encoding": "gzip"})
        self._response = self._connection.getresponse()
        assert self._response.status == 200
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while self._response.read1(65536):
                pass

    def close(self) -> None:
        sock: Any = self._connection.sock or getattr(self._response.fp, "raw", None)
        with contextlib.suppress(OSError, AttributeError):
            sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def bench_streams(seconds: float) -> None:
    """CPU and memory of the collector with 0, 1, 100 and 190 browsers."""
    print("\nbrowsers on the stream, 3 PLCs with 100 tags each, all numbers change every second")
    print(f"{'browsers':>9} {'CPU % of a core':>16} {'RSS MB':>8} {'threads':>8}")
    with web_process(3, 100) as (url, process):
        readers: List[Reader] = []
        for count in (0, 1, 100, 190):
            while len(readers) < count:
                readers.append(Reader(url))
            time.sleep(1.5)
            share = cpu_share(process, seconds)
            rss_mb = process.memory_info().rss / 1e6
            print(f"{count:>9} {share:>16.2f} {rss_mb:>8.1f} {process.num_threads():>8}")
        for reader in readers:
            reader.close()


def bench_half_open() -> None:
    """How long a request takes while others hold silent and half-sent requests."""
    print("\nslowest of 20 requests while connections are held half open")
    print(f"{'held':>9} {'ms':>8}")
    with web_process(1, 20) as (url, _process):
        parts = urlsplit(url)
        held: List[socket.socket] = []
        for count in (0, 200, 400):
            while len(held) < count:
                sock = socket.create_connection((parts.hostname or "", parts.port or 80), 10)
                if len(held) % 2:
                    sock.sendall(b"GET / HTTP/1.1\r\nHost:")
                held.append(sock)
            slowest_s = 0.0
            for _ in range(20):
                started_s = time.monotonic()
                connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
                connection.request("GET", "/healthz")
                assert connection.getresponse().status == 200
                connection.close()
                slowest_s = max(slowest_s, time.monotonic() - started_s)
            print(f"{count:>9} {slowest_s * 1000:>8.1f}")
        for sock in held:
            sock.close()


def bench_browser(seconds: float) -> None:
    """First paint over a slow line, and what thousands of tags cost the browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        print("\nfirst contentful paint, and first value on the page: 100 ms delay, 2 Mbit/s, nothing cached")
        print(f"{'tags':>9} {'paint ms':>9} {'value ms':>9} {'kB':>7}")
        for tags in (100, 500):
            with web_process(1, tags) as (url, _process):
                paint = _first_paint(chromium, url)
                print(f"{tags:>9} {paint['paint']:>9.0f} {paint['value']:>9.0f} {paint['bytes'] / 1000:>7.0f}")
        chromium.close()
        print("\nthe live page in Chromium (its renderer alone, and all its processes), values change every second")
        print(f"{'tags':>9} {'renderer %':>11} {'all %':>8}")
        for plcs, tags in ((3, 100), (10, 500)):
            with web_process(plcs, tags) as (url, _process):
                chromium = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
                page = chromium.new_page(viewport={"width": 1280, "height": 900})
                page.goto(url)
                page.wait_for_selector(".row-tag .value")
                time.sleep(4)
                session = page.context.new_cdp_session(page)
                session.send("Performance.enable")
                before, started_s = _task_s(session), time.monotonic()
                everything = cpu_share(_browser_process(), seconds)
                renderer = 100 * (_task_s(session) - before) / (time.monotonic() - started_s)
                print(f"{plcs * tags:>9} {renderer:>11.1f} {everything:>8.1f}")
                chromium.close()


def _task_s(session: Any) -> float:
    metrics: List[Dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def _browser_process() -> psutil.Process:
    mine = psutil.Process().children(recursive=True)
    return next(one for one in mine if "chrom" in one.name() and "--type=" not in " ".join(one.cmdline()))


def _first_paint(chromium: Any, url: str) -> Dict[str, float]:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW_LINE)
    received: List[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.add_init_script(
        "new MutationObserver((_, observer) => { if (document.querySelector('.row-tag .value')) {"
        " requestAnimationFrame(() => { window.valueAt = performance.now(); }); observer.disconnect(); } })"
        ".observe(document, { childList: true, subtree: true });"
    )
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_selector(".row-tag .value")
    page.wait_for_timeout(1500)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
    value = page.evaluate("window.valueAt ?? 0")
    page.close()
    return {"paint": paint, "value": value, "bytes": sum(received)}


def run(quick: bool) -> None:
    """Run all and print the tables."""
    seconds = 5.0 if quick else 8.0
    bench_streams(seconds)
    bench_half_open()
    bench_browser(seconds)


if __name__ == "__main__":
    run("--quick" in sys.argv)
