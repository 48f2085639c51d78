"""Where log lines go: each place has a bounded queue and a thread, so that whoever logs never waits for it.

A console whose text is being marked, a pipe that nobody reads and a disk that hangs hold up that thread alone. Lines
that find no room in its queue are counted, and the count is told as soon as lines flow again.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, List, Optional, TextIO

from ..texts.catalogue import say

QUEUE_LINES = 1000
MAX_LINE = 8192
"""Letters of a line, tracebacks included: the queue holds a few MB at most."""
FLUSH_S = 0.5

Write = Callable[[bytes], None]


class LogQueue(logging.Handler):
    """Hands the lines on to `write`, on a thread of its own with this name. Any thread may log; none waits."""

    def __init__(self, name: str, write: Write, limit: int = QUEUE_LINES) -> None:
        super().__init__()
        self.lost_count = 0
        self._write = write
        self._limit = limit
        self._work = threading.Condition()  # guards _lines, _untold, _is_busy, _is_ending and lost_count
        self._lines: Deque[str] = deque()
        self._untold = 0
        self._is_busy = self._is_ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put the record's line into the queue, or count it."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - a library's record whose arguments do not fit its words
            line = f"{record.levelname} {record.name}: {record.msg!r} {record.args!r}"
        with self._work:
            if self._is_ending or len(self._lines) >= self._limit:
                self.lost_count += 1
                self._untold += 1
                return
            self._lines.append(line if len(line) <= MAX_LINE else line[: MAX_LINE - 3] + "...")
            self._work.notify_all()

    def flush_within(self, seconds: float) -> bool:
        """Wait until all lines are written, at most so long; False when they are not."""
        with self._work:
            return self._work.wait_for(lambda: not (self._lines or self._is_busy), seconds)

    def stop(self) -> None:
        """Write what waits and nothing more; waits for nothing."""
        with self._work:
            self._is_ending = True
            self._work.notify_all()

    def _run(self) -> None:
        while True:
            with self._work:
                self._is_busy = False
                self._work.notify_all()
                self._work.wait_for(lambda: self._lines or self._is_ending)
                if not self._lines:
                    return
                line, self._is_busy = self._lines.popleft(), True
            if self._put(line):
                self._tell_lost()

    def _tell_lost(self) -> None:
        with self._work:
            count, self._untold = self._untold, 0
        if count:
            text = say("log.lost", count=count)
            record = logging.LogRecord("conectpy.log", logging.WARNING, __file__, 0, text, None, None)
            self._put(self.format(record), count)

    def _put(self, line: str, untold: int = 1) -> bool:
        """Whether it could be written; what could not is lost, and counted unless it told of lost ones itself."""
        data = (line + "\n").replace("\n", os.linesep).encode("utf-8", "replace")
        try:
            self._write(data)
        except (OSError, ValueError):  # a full disk, a reader that has gone, a stream that is closed
            with self._work:
                self.lost_count += 1
                self._untold += untold
            return False
        return True


class LogOutput:
    """All places that the log of this process goes to. Any thread."""

    def __init__(self) -> None:
        self._queues: List[LogQueue] = []

    def add(self, name: str, write: Write, formatter: logging.Formatter) -> None:
        """One more place for the lines of every logger."""
        found = LogQueue(name, write)
        found.setFormatter(formatter)
        self._queues.append(found)
        logging.getLogger().addHandler(found)

    def lost_count(self) -> int:
        """Lines that could not be written, in all places together."""
        return sum(found.lost_count for found in self._queues)

    def close(self) -> None:
        """Write what waits, for FLUSH_S at most; from here on nothing is logged."""
        end_s = time.monotonic() + FLUSH_S
        for found in self._queues:
            found.flush_within(max(0.0, end_s - time.monotonic()))
            logging.getLogger().removeHandler(found)
            found.stop()
        self._queues = []


def write_to(stream: TextIO) -> Write:
    """Writes to a standard stream past its buffer: at exit Python waits for whoever stands in the buffer's lock."""
    buffer: Any = getattr(stream, "buffer", None)
    raw: Optional[Any] = getattr(buffer, "raw", None)

    def write(data: bytes) -> None:
        if raw is None:
            stream.write(data.decode("utf-8").replace(os.linesep, "\n"))
            stream.flush()
            return
        rest = memoryview(_encoded(data, stream))
        while rest:
            count = raw.write(rest)
            if not count:
                raise BlockingIOError
            rest = rest[count:]

    return write


def _encoded(data: bytes, stream: TextIO) -> bytes:
    encoding = (stream.encoding or "utf-8").lower().replace("_", "-")
    return data if encoding in ("utf-8", "utf8") else data.decode("utf-8").encode(encoding, "replace")


def log_unhandled(arguments: Any) -> None:
    """`threading.excepthook`: how a thread ended that nobody looks after."""
    if arguments.exc_type is SystemExit:
        return
    name = arguments.thread.name if arguments.thread is not None else "?"
    cause = (arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
    logging.getLogger("conectpy").error(say("collector.thread_died", thread=name), exc_info=cause)
