"""A process that holds an event file's lock and takes commands, to be killed by a test."""

from __future__ import annotations

import os
import sys
import threading

from conectpy.control.control_server import ControlServer
from conectpy.events.file_lock import FileLock

if __name__ == "__main__":
    assert FileLock(f"{sys.argv[1]}.lock").acquire() is None
    ControlServer(sys.argv[1], {"process": lambda *_: os.getpid()}).serve(threading.Event())
