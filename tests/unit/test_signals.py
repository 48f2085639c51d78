"""What asks the process to end is heard, and everything is as before afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from conectpy.console.signals import SIGNALS, stop_on_signals

ROOT = Path(__file__).resolve().parents[2]
windows_only = pytest.mark.skipif(sys.platform != "win32", reason="a Windows console")


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_asks_to_stop_and_is_given_back(name: str) -> None:
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip(f"this system has no {name}")
    before = signal.getsignal(number)
    stop = threading.Event()
    with stop_on_signals(stop):
        signal.raise_signal(number)
        assert stop.wait(5.0)
    assert signal.getsignal(number) == before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_under_nohup_the_terminal_may_go() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop = threading.Event()
        with stop_on_signals(stop):
            signal.raise_signal(signal.SIGHUP)
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


@windows_only
def test_a_log_off_stops_nothing() -> None:
    from conectpy.console.windows_console import LOG_OFF, answer_event

    stop, ending = threading.Event(), threading.Event()
    assert answer_event(LOG_OFF, stop, ending)
    assert not stop.is_set()


@windows_only
def test_ctrl_c_and_ctrl_break_stop_at_once_and_are_signals_too() -> None:
    from conectpy.console.windows_console import CTRL_BREAK, CTRL_C, answer_event

    for event in (CTRL_C, CTRL_BREAK):
        stop, ending = threading.Event(), threading.Event()
        assert not answer_event(event, stop, ending)
        assert stop.is_set()
        assert not ending.is_set()


@windows_only
def test_while_the_console_closes_the_program_has_time_to_end() -> None:
    script = (
        "import sys, threading\n"
        "from conectpy.console.signals import stop_on_signals\n"
        "from conectpy.console.windows_console import CLOSE, answer_event\n"
        "stop, ending = threading.Event(), threading.Event()\n"
        "with stop_on_signals(stop):\n"
        "    threading.Thread(target=answer_event, args=(CLOSE, stop, ending), daemon=True).start()\n"
        "    assert stop.wait(10.0) and ending.wait(10.0)\n"
        "print('ended by itself')\n"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=str(ROOT), capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stdout.strip()) == (0, "ended by itself"), found.stderr


@windows_only
def test_the_handler_answers_in_four_bytes() -> None:
    import ctypes

    from conectpy.console import windows_console

    assert ctypes.sizeof(windows_console._Handler._restype_) == 4
