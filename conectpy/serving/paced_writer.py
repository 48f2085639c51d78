"""What a slow or leaving client may cost: the least rate at which it takes an answer, and whether it is still there."""

from __future__ import annotations

import errno
import select
import socket
import time
from typing import Any, Optional

from cheroot import makefile

from ..texts.catalogue import say

MIN_BYTES_PER_S = 10_000
GRACE_S = 10.0


_buffered_writer: Any = makefile.StreamWriter.__mro__[1]
"""cheroot's BufferedWriter: its StreamWriter would make a plain SocketIO."""


class _PacedSocket(socket.SocketIO):
    """Counts how long a client lets us wait beyond what its bytes would take at the least rate.

    Only the time within sends counts, never the time that an answer takes to be made. What was sent fast buys no credit
    for later: a client that stops reading is cut after the grace, however much it has had.
    """

    _late_s = 0.0

    def write(self, data: Any) -> Optional[int]:
        begun_s = time.monotonic()
        count = super().write(data)
        self._late_s += time.monotonic() - begun_s - (count or 0) / MIN_BYTES_PER_S
        if self._late_s > GRACE_S:
            raise ConnectionAbortedError(errno.ECONNABORTED, say("server.too_slow", rate=MIN_BYTES_PER_S))
        self._late_s = max(0.0, self._late_s)
        return count


class PacedWriter(makefile.StreamWriter):  # type: ignore[misc]
    """cheroot's writer over a `_PacedSocket`: every answer has a deadline that follows from its size."""

    def __init__(self, sock: socket.socket, bufsize: int) -> None:
        _buffered_writer.__init__(self, _PacedSocket(sock, "wb"), bufsize)
        self.bytes_written = 0


def has_left(sock: socket.socket) -> bool:
    """Whether the client has closed its end, or the line is broken; never waits and takes nothing from the socket."""
    try:
        if hasattr(select, "poll"):
            poller = select.poll()
            poller.register(sock, getattr(select, "POLLRDHUP", 0))  # errors and hang-ups are told unasked
            return bool(poller.poll(0))
        is_readable = bool(select.select([sock], [], [], 0)[0])
        return is_readable and not socket.socket.recv(sock, 1, socket.MSG_PEEK)  # below TLS, which cannot peek
    except (OSError, ValueError):
        return True
