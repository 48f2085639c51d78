"""Everything that asks the process to end: Ctrl+C, SIGTERM, Ctrl+Break, closing the Windows console."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from typing import Any, Iterator

CONSOLE_GRACE_S = 4.0
"""Windows ends the process about 5 s after its console was closed, or as soon as the handler returns."""


@contextlib.contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Within the block those signals set `stop` and nothing else. Main thread only.

    When a Windows console is closed the process would end as soon as the handler returns, so the handler waits for the
    end of the block.
    """
    finished = threading.Event()

    def ask(_number: int, _frame: Any) -> None:
        stop.set()

    previous = {}
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            previous[number] = signal.signal(number, ask)
    handler = _watch_console(stop, finished)
    try:
        yield
    finally:
        finished.set()
        for number, old in previous.items():
            signal.signal(number, old)
        del handler


def _watch_console(stop: threading.Event, finished: threading.Event) -> Any:
    if sys.platform != "win32":
        return None
    import ctypes

    def on_event(event: int) -> bool:
        if event < 2:  # Ctrl+C and Ctrl+Break come as signals
            return False
        stop.set()
        finished.wait(CONSOLE_GRACE_S)
        return True

    handler = ctypes.WINFUNCTYPE(ctypes.c_bool, ctypes.c_uint)(on_event)
    ctypes.windll.kernel32.SetConsoleCtrlHandler(handler, True)
    return handler
