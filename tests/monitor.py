"""The monitor script as a subprocess: started on a free port, asked over HTTP, stopped or killed."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "conectpy" / "ROCWELL" / "plc_realtime_demo.py"
START_S = 60.0


def wait_until(holds: Callable[[], Any], what: str, timeout_s: float = 30.0, every_s: float = 0.05) -> Any:
    """The first true result of `holds`; fails naming `what` when there is none in time."""
    end_s = time.monotonic() + timeout_s
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < end_s, f"not within {timeout_s:g} s: {what}"
        time.sleep(every_s)


def skip_under_wine(why: str) -> None:
    """What Wine cannot do is not this program's fault; Windows itself runs the test whole."""
    if sys.platform == "win32":
        import ctypes

        if hasattr(ctypes.windll.ntdll, "wine_get_version"):
            pytest.skip(f"under Wine: {why}")


class Monitor:
    """One running monitor. `lines` collects its log."""

    def __init__(
        self,
        *arguments: str,
        cwd: Optional[Path] = None,
        env: Optional[Dict[str, str]] = None,
        command: Sequence[str] = (sys.executable, "-W", "error", str(SCRIPT)),
        **streams: Any,
    ) -> None:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("CONECTPY_")}
        flags = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
        self.process = subprocess.Popen(
            [*command, "--port", "0", *arguments],
            cwd=cwd,
            env={**clean, **(env or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            creationflags=flags,
            **streams,
        )
        self.lines: List[str] = []
        self._urls: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = ""

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            found = re.search(r"open (https?://\S+)", line)
            if found:
                self._urls.put(found.group(1).rstrip("/"))

    def wait_ready(self) -> Monitor:
        """Wait until it serves."""
        end_s = time.monotonic() + START_S
        while not self.url:
            assert self.process.poll() is None, "\n".join(self.lines)
            assert time.monotonic() < end_s, "\n".join(self.lines)
            with contextlib.suppress(queue.Empty):
                self.url = self._urls.get(timeout=0.1)
        return self

    def get(self, path: str) -> Any:
        """The JSON at a path, whatever the status."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as exc:
            with exc:
                return json.load(exc)

    def ask_to_stop(self) -> None:
        """SIGTERM, or on Windows Ctrl+Break."""
        skip_under_wine("Ctrl+Break from another process does not arrive")
        self.process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGTERM)

    def stop(self, timeout_s: float = 20.0) -> int:
        """Ask it to stop and wait; the exit status."""
        if self.process.poll() is None:
            self.ask_to_stop()
        return self.wait(timeout_s)

    def kill(self) -> None:
        """End it without any warning (kill -9)."""
        self.process.kill()
        self.wait(20.0)

    def wait(self, timeout_s: float) -> int:
        """The exit status."""
        status = self.process.wait(timeout_s)
        self._reader.join(5.0)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return status


@contextlib.contextmanager
def running_monitor(*arguments: str, **options: Any) -> Iterator[Monitor]:
    """A monitor that serves; it is gone at the end of the block."""
    monitor = Monitor(*arguments, **options)
    try:
        yield monitor.wait_ready()
    finally:
        if monitor.process.poll() is None:
            monitor.kill()
        elif monitor.process.stderr is not None and not monitor.process.stderr.closed:
            monitor.wait(1.0)
