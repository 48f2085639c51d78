"""Everything that asks the process to end: Ctrl+C, SIGTERM, SIGHUP, Ctrl+Break, closing the Windows console."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from typing import Any, Iterator

if sys.platform == "win32":
    from .windows_console import watch_console
else:

    @contextlib.contextmanager
    def watch_console(_stop: threading.Event) -> Iterator[None]:
        """Only Windows has such a console."""
        yield


SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


@contextlib.contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Within the block those signals set `stop` and nothing else, and a Windows console is watched. Main thread."""

    def ask(_number: int, _frame: Any) -> None:
        stop.set()

    previous = {}
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):  # nohup
            continue
        previous[number] = signal.signal(number, ask)
    try:
        with watch_console(stop):
            yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)
