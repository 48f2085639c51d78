"""The live stream: one thread sends what changed to every browser; it is serialised and compressed once for all.

A stream costs no thread: once its headers are out, the web server hands its socket over to the hub. Sends never block;
a client that is slow skips versions and gets one message with everything that changed meanwhile.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
import time
import uuid
import zlib
from collections import Counter
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple
from typing import Counter as CounterType

from ..live.realtime import RealtimeData
from ..texts.catalogue import say
from ..timestamps import to_text, utc_now

log = logging.getLogger(__name__)

ADOPT = "conectpy.adopt"
"""The WSGI environment's key for `adopt(stream)`: after this response's headers and first bytes, the hub goes on."""

IS_GONE = "conectpy.is_gone"
"""The WSGI environment's key for `is_gone()`: whether the client has left, so that nobody waits for the answer."""

MAX_STREAMS = 200
MAX_PER_ADDRESS = 150
SPACING_S = 0.25
PING_S = 3.0
LIFETIME_S = 15 * 60.0
STUCK_S = 30.0
RETRY_S = 0.05
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
FIXED_KEYS = ("label", "unit", "is_state", "decimals", "latencia_ms")


class Stream:
    """One client of the hub. Touched by the hub's thread only, once adopted."""

    def __init__(self, version: Optional[int], is_gzip: bool, address: str = "") -> None:
        self.version = version  # what the client has; None: nothing
        self.is_gzip = is_gzip
        self.address = address
        self.is_chunked = False
        self.sock: Optional[socket.socket] = None
        self.close: Callable[[], None] = lambda: None
        self.pending = b""
        self.ends_s = 0.0
        self.sent_s = 0.0


class StreamHub:
    """All live streams. Any thread may call its methods; the sending happens in the thread "web-stream"."""

    def __init__(self, realtime: RealtimeData) -> None:
        self._realtime = realtime
        self.boot_id = uuid.uuid4().hex[:8]  # tells this run's versions from an earlier one's
        self._lock = threading.Lock()  # guards _streams, _thread and _reserved
        self._streams: List[Stream] = []
        self._reserved: CounterType[str] = Counter()  # address -> places taken for streams that are not adopted yet
        self._thread: Optional[threading.Thread] = None
        self._closing = threading.Event()

    @property
    def count(self) -> int:
        """Streams that are open or about to be."""
        with self._lock:
            return len(self._streams) + sum(self._reserved.values())

    @property
    def is_closing(self) -> bool:
        return self._closing.is_set()

    def reserve(self, address: str = "") -> bool:
        """Take one of the places; False when all, or all for this address, are taken or the server is stopping."""
        with self._lock:
            if self._closing.is_set() or len(self._streams) + sum(self._reserved.values()) >= MAX_STREAMS:
                return False
            own = sum(stream.address == address for stream in self._streams)
            if own + self._reserved[address] >= MAX_PER_ADDRESS:
                return False
            self._reserved[address] += 1
            return True

    def release(self, address: str = "") -> None:
        """Give a reserved place back."""
        with self._lock:
            self._reserved[address] -= 1
            self._reserved += Counter()  # addresses without places are forgotten

    def adopt(self, stream: Stream, sock: socket.socket, close: Callable[[], None]) -> None:
        """Take a socket over, whose response headers are sent; it fills a reserved place."""
        sock.setblocking(False)
        stream.sock, stream.close = sock, close
        stream.sent_s = time.monotonic()
        stream.ends_s = stream.sent_s + LIFETIME_S
        self.release(stream.address)
        with self._lock:
            is_late = self._closing.is_set()
            if not is_late:
                self._streams.append(stream)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="web-stream", daemon=True)
                    self._thread.start()
        if is_late:
            _finish(stream)

    def stop(self, deadline_s: float = 1.0) -> None:
        """End every stream."""
        self._closing.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(deadline_s)
        with self._lock:
            streams, self._streams = self._streams, []
        for stream in streams:
            _finish(stream)

    def start(self, stream: Stream) -> bytes:
        """The first bytes of a stream: how soon to come back after a cut, and all that the client has not got yet."""
        stream.version, message = self._message(stream.version)
        first = b"retry: 2000\n\n" + message
        return GZIP_HEADER + _deflate(first) if stream.is_gzip else first

    def version_of(self, event_id: Optional[str]) -> Optional[int]:
        """The version a client has, from the id of the last event it got; None when it must start anew."""
        boot_id, _, number = (event_id or "").partition("-")
        if boot_id != self.boot_id or not number.isascii() or not number.isdigit() or len(number) > 18:
            return None
        return int(number)

    def messages(self, stream: Stream) -> Iterator[bytes]:
        """The stream for a server that cannot hand its socket over; blocks between messages."""
        yield self.start(stream)
        ends_s = time.monotonic() + LIFETIME_S
        while not self._closing.wait(SPACING_S) and time.monotonic() < ends_s:
            self._realtime.wait_for_change(stream.version or 0, PING_S)
            stream.version, message = self._message(stream.version)
            yield message

    # -- the hub's thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            with self._lock:
                streams = list(self._streams)
                if not streams:
                    self._thread = None
                    return
            try:
                gone = self._send_all(streams)
            except Exception:  # the top of a thread: the streams end, browsers come back
                log.exception(say("server.stream_failed"))
                gone = streams
            if gone:
                with self._lock:
                    self._streams = [stream for stream in self._streams if stream not in gone]
            for stream in gone:
                _finish(stream)
            self._wait(streams)

    def _wait(self, streams: List[Stream]) -> None:
        if any(stream.pending for stream in streams):
            self._closing.wait(RETRY_S)
            return
        self._closing.wait(SPACING_S)
        newest = max((stream.version or 0 for stream in streams), default=0)
        if not self._closing.is_set():
            self._realtime.wait_for_change(newest, 0.5)

    def _send_all(self, streams: List[Stream]) -> List[Stream]:
        """Bring every stream up to date; returns those that are over."""
        now_s = time.monotonic()
        made: Dict[Tuple[Optional[int], bool], Tuple[int, bytes]] = {}
        gone = []
        for stream in streams:
            if not stream.pending:
                is_new = stream.version is None or stream.version != self._realtime.version
                if now_s > stream.ends_s:
                    gone.append(stream)
                    continue
                if is_new or now_s - stream.sent_s > PING_S:
                    key = (stream.version, stream.is_gzip)
                    if key not in made:
                        version, message = self._message(stream.version)
                        made[key] = (version, _deflate(message) if stream.is_gzip else message)
                    stream.version, body = made[key]
                    stream.pending = _frame(body) if stream.is_chunked else body
            if stream.pending and not _send(stream, now_s):
                gone.append(stream)
        return gone

    def _message(self, version: Optional[int]) -> Tuple[int, bytes]:
        """The event that brings a client from `version` to now, and the version it has then."""
        newest = self._realtime.version
        changes = None if version is None else self._realtime.changes_since(version)
        if changes is None:
            kind = "snapshot"
            newest, data = self._realtime.document()
        else:
            kind = "change" if changes else "ping"
            moved = {plc: _moving(entries) for plc, entries in self._realtime.entries(changes).items()}
            data = json.dumps(moved, separators=(",", ":")).encode()
        head = f'id: {self.boot_id}-{newest}\nevent: {kind}\ndata: {{"version":{newest},"time":"{to_text(utc_now())}"'
        return newest, b'%s,"data":%s}\n\n' % (head.encode(), data)


def _moving(entries: Dict[str, Any]) -> Dict[str, Any]:
    """A PLC's entries without what never changes in a run and what follows from `_meta`."""
    return {tag: entry if tag in ("_name", "_meta") else _moving_part(entry) for tag, entry in entries.items()}


def _moving_part(entry: Dict[str, Any]) -> Dict[str, Any]:
    part = {key: value for key, value in entry.items() if key not in FIXED_KEYS}
    if entry["quality"] == "OK":
        part.pop("timestamp", None)
    return part


def _deflate(message: bytes) -> bytes:
    """A piece of a deflate stream that all can share: a full flush forgets what came before."""
    packer = zlib.compressobj(3, zlib.DEFLATED, -15)
    return packer.compress(message) + packer.flush(zlib.Z_FULL_FLUSH)


def _frame(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


def _send(stream: Stream, now_s: float) -> bool:
    """Send what the socket takes; False when the client is gone or stuck."""
    assert stream.sock is not None
    try:
        sent = stream.sock.send(stream.pending)
    except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
        return now_s - stream.sent_s < STUCK_S
    except (OSError, ValueError):
        return False
    if sent:
        stream.pending = stream.pending[sent:]
        stream.sent_s = now_s
    return True


def _finish(stream: Stream) -> None:
    if stream.sock is not None and stream.is_chunked and not stream.pending:
        try:
            stream.sock.send(b"0\r\n\r\n")
        except (OSError, ValueError):
            log.debug("web: a stream's client was gone")
    stream.close()
