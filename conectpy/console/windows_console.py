"""What a Windows console and Windows' own economy do to a program that is to run for months.

- Ctrl+C, Ctrl+Break, the console's closing and the system's shutdown arrive in a thread that Windows makes for it.
- Text marked with the mouse ("quick edit") stops every program that writes into the console, until a key is pressed.
- A computer that nobody touches goes to sleep.
"""

from __future__ import annotations

import contextlib
import ctypes
import msvcrt
import os
import sys
import threading
from ctypes import wintypes
from typing import Iterator, Optional, Tuple

assert sys.platform == "win32"  # tells the type checker too

CTRL_C, CTRL_BREAK, CLOSE, LOG_OFF, SHUTDOWN = 0, 1, 2, 5, 6
GRACE_S = 4.0
"""Windows ends the process about 5 s after its console was closed, or as soon as the handler returns."""

_ENABLE_QUICK_EDIT = 0x40
_ENABLE_EXTENDED_FLAGS = 0x80
_ES_CONTINUOUS, _ES_SYSTEM_REQUIRED = 0x80000000, 0x1

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
# BOOL has four bytes: a handler that returns one (c_bool) leaves the other three to chance, and Ctrl+C was swallowed.
_Handler = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
_kernel32.SetConsoleCtrlHandler.argtypes = (_Handler, wintypes.BOOL)
_kernel32.GetConsoleMode.argtypes = (wintypes.HANDLE, wintypes.LPDWORD)
_kernel32.SetConsoleMode.argtypes = (wintypes.HANDLE, wintypes.DWORD)
_kernel32.SetThreadExecutionState.argtypes = (wintypes.DWORD,)
_kernel32.SetThreadExecutionState.restype = wintypes.DWORD


@contextlib.contextmanager
def watch_console(stop: threading.Event) -> Iterator[None]:
    """Within the block: the console's events set `stop`, marked text stops nothing, the computer stays awake.

    Both are as they were at the end of the block. Main thread.
    """
    with _handled_events(stop), _no_quick_edit(), _no_sleep():
        yield


def answer_event(event: int, stop: threading.Event, ending: threading.Event) -> bool:
    """What the system is told about one console event; True: it is dealt with. Windows' own thread.

    After closing or shutdown the process ends as soon as this returns: so it does not, while the program ends by
    itself; `ending` is set meanwhile. Log-off is about any user, and a program that runs without one goes on.
    """
    if event == LOG_OFF:
        return True
    stop.set()  # at once: the signal reaches the main thread only when that is not waiting for something
    if event in (CLOSE, SHUTDOWN):
        ending.set()
        threading.Event().wait(GRACE_S)
        return True
    return False  # Ctrl+C and Ctrl+Break are signals too, for whoever waits for one


@contextlib.contextmanager
def _handled_events(stop: threading.Event) -> Iterator[None]:
    ending = threading.Event()
    handler = _Handler(lambda event: answer_event(event, stop, ending))
    _kernel32.SetConsoleCtrlHandler(handler, True)
    try:
        yield
    finally:
        if ending.is_set():  # taking the handler away would wait until it returns, and the process ends with it
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(handler))
        else:
            _kernel32.SetConsoleCtrlHandler(handler, False)


@contextlib.contextmanager
def _no_quick_edit() -> Iterator[None]:
    found = _open_console_input()
    if found is None:
        yield
        return
    file, mode = found
    handle = msvcrt.get_osfhandle(file)
    try:
        _kernel32.SetConsoleMode(handle, (mode | _ENABLE_EXTENDED_FLAGS) & ~_ENABLE_QUICK_EDIT)
        yield
    finally:
        _kernel32.SetConsoleMode(handle, mode | _ENABLE_EXTENDED_FLAGS)
        os.close(file)


def _open_console_input() -> Optional[Tuple[int, int]]:
    """The console's input as a file, also where standard input is none of it, and its mode; None without a console."""
    try:
        file = os.open("CONIN$", os.O_RDWR)
    except OSError:
        return None
    mode = wintypes.DWORD()
    if _kernel32.GetConsoleMode(msvcrt.get_osfhandle(file), ctypes.byref(mode)):
        return file, mode.value
    os.close(file)
    return None


@contextlib.contextmanager
def _no_sleep() -> Iterator[None]:
    """It holds for as long as this thread lives; the screen may go dark."""
    _kernel32.SetThreadExecutionState(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED)
    try:
        yield
    finally:
        _kernel32.SetThreadExecutionState(_ES_CONTINUOUS)
