"""The accept loop: it owns every connection that is waiting, so that silent clients cost a socket and nothing else.

TLS handshakes and request headers are read here without blocking; a worker thread gets a connection only when a whole
request head is there, and gives it back after the answer. Only the thread that runs `ConnectionGuard.run` touches the
bookkeeping; others hand connections over through a queue.
"""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
import threading
import time
from collections import Counter, OrderedDict, deque
from typing import Any, Callable, Deque, Dict, List, Optional, Set, Type
from typing import Counter as CounterType

from cheroot import makefile
from cheroot import server as cheroot_server

from ..texts.catalogue import say, text_of
from .paced_writer import PacedWriter, has_left

log = logging.getLogger(__name__)

HEAD_DEADLINE_S = 10.0
IDLE_S = 60.0
WORK_TIMEOUT_S = 10.0
MAX_HEAD_BYTES = 16 * 1024
MAX_WAITING = 400
MAX_KEPT = 200
GRACE_S = 1.0
ACCEPT_BATCH = 64
TIMEOUT_ANSWER = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
PLAIN_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 29\r\n\r\n"
    b"This port speaks HTTPS only.\n"
)


_buffered_reader: Any = makefile.StreamReader.__mro__[1]
"""The pure Python BufferedReader that cheroot builds on: one can look into its buffer."""


class _HeadSocket(socket.SocketIO):
    """Gives back first what the accept loop has read already, then the rest from the socket."""

    head = b""

    def readinto(self, buffer: Any) -> Optional[int]:
        if not self.head:
            return super().readinto(buffer)
        count = min(len(buffer), len(self.head))
        buffer[:count] = self.head[:count]
        self.head = self.head[count:]
        return count


class _Reader(makefile.StreamReader):  # type: ignore[misc]
    """cheroot's reader over a `_HeadSocket`."""

    _read_buf: bytes
    _read_pos: int

    def __init__(self, sock: socket.socket, bufsize: int) -> None:
        self.head_socket = _HeadSocket(sock, "rb")
        _buffered_reader.__init__(self, self.head_socket, bufsize)  # cheroot's own __init__ makes a plain SocketIO
        self.bytes_read = 0

    def take_unread(self) -> bytes:
        """What has been read from the socket but not used: the beginning of the next request."""
        unread = bytes(self._read_buf[self._read_pos :]) + self.head_socket.head
        self._read_buf, self._read_pos = b"", 0
        self.head_socket.head = b""
        return unread


def _make_file(sock: socket.socket, mode: str, bufsize: int) -> Any:
    return _Reader(sock, bufsize) if "r" in mode else PacedWriter(sock, bufsize)


class GuardedConnection(cheroot_server.HTTPConnection):  # type: ignore[misc]
    """A connection with what the guard knows of it."""

    def __init__(self, server: Any, sock: socket.socket, address: Any, is_tls: bool) -> None:
        super().__init__(server, sock, _make_file)
        self.remote_addr, self.remote_port = address[0], address[1]
        self.ssl_env = {"wsgi.url_scheme": "https", "HTTPS": "on"} if is_tls else {}
        self.shakes_hands = is_tls
        self.head = bytearray()
        self.has_answered = False  # whether it has had one request answered
        self.since_s = time.monotonic()
        self.ends_s = self.since_s + HEAD_DEADLINE_S
        self.is_closed = False
        self.stream: Any = None  # set by a view that wants the socket handed to the stream hub

    def close(self) -> None:
        """Close the socket; any thread, once."""
        if self.is_closed:
            return
        self.is_closed = True
        try:
            super().close()
        except (OSError, ValueError) as exc:
            log.debug("web: closing %s: %s", self.remote_addr, exc)
        finally:
            self.server.forget_conn(self)


class ConnectionGuard:
    """Accepts, waits for requests, and hands out connections to `work`."""

    def __init__(
        self,
        server: Any,
        listener: socket.socket,
        tls: Optional[ssl.SSLContext],
        connection_class: Type[GuardedConnection],
        per_address: int,
        work: Callable[[GuardedConnection], None],
    ) -> None:
        self._server = server
        self._listener = listener
        self._tls = tls
        self._connection_class = connection_class
        self._per_address = per_address
        self._work = work
        self._selector = selectors.DefaultSelector()
        self._waiting: OrderedDict[GuardedConnection, None] = OrderedDict()  # longest waiting first
        self._working: CounterType[str] = Counter()  # address -> requests of it that are being answered
        # Address -> complete requests that wait until fewer of that address are being answered.
        self._turns: Dict[str, Deque[GuardedConnection]] = {}
        self._returned: Deque[GuardedConnection] = deque()  # thread-safe by itself, as is _done
        self._done: Deque[GuardedConnection] = deque()  # closed by a worker, or handed to the stream hub
        self._at_work: Set[GuardedConnection] = set()
        self._stop = threading.Event()
        self._wake_out, self._wake_in = socket.socketpair()
        for sock in (listener, self._wake_out, self._wake_in):
            sock.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._wake_out, selectors.EVENT_READ)

    # -- any thread ----------------------------------------------------------------------------------------------------

    def put_back(self, conn: GuardedConnection) -> None:
        """A worker is done with this connection, which stays open."""
        self._returned.append(conn)
        self._wake()

    def forget(self, conn: GuardedConnection) -> None:
        """A connection has been closed or handed to somebody else."""
        self._done.append(conn)
        self._wake()

    def stop(self) -> None:
        """Let `run` return at once."""
        self._stop.set()
        self._wake()

    def _wake(self) -> None:
        try:
            self._wake_in.send(b"\0")
        except OSError:
            log.debug("web: the accept loop is awake already, or gone")

    # -- the guard's own thread ----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `stop`; closes everything that was waiting."""
        checked_s = time.monotonic()
        while not self._stop.is_set():
            for key, _ in self._selector.select(1.0 if self._waiting else 5.0):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._wake_out:
                    self._drain()
                else:
                    self._advance(key.data)
            self._take_returned()
            now_s = time.monotonic()
            if now_s - checked_s >= 1.0:
                checked_s = now_s
                self._expire(now_s)

    def close(self) -> None:
        """Free the sockets, after `run` has returned."""
        self._take_returned()
        for conn in list(self._waiting):
            self._drop(conn)
        for queue in self._turns.values():
            for conn in queue:
                conn.close()
        self._selector.close()
        for sock in (self._listener, self._wake_out, self._wake_in):
            sock.close()

    def _drain(self) -> None:
        try:
            while self._wake_out.recv(4096):
                pass
        except OSError:
            return

    def _accept(self) -> None:
        for _ in range(ACCEPT_BATCH):
            try:
                sock, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as exc:
                log.warning(say("server.no_accept", fault=text_of(exc)))
                self._make_room()
                self._stop.wait(0.05)  # out of descriptors: do not spin
                return
            try:
                self._welcome(sock, address)
            except (OSError, ValueError) as exc:
                log.debug("web: %s left at once: %s", address, exc)
                sock.close()

    def _welcome(self, sock: socket.socket, address: Any) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._tls is not None:
            sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        conn = self._connection_class(self._server, sock, address, self._tls is not None)
        self._wait_for(conn)
        self._limit_address(conn.remote_addr)
        self._advance(conn)

    def _wait_for(self, conn: GuardedConnection) -> None:
        self._waiting[conn] = None
        self._selector.register(conn.socket, selectors.EVENT_READ, conn)
        if len(self._waiting) > MAX_WAITING:
            self._make_room()

    def _make_room(self) -> None:
        if self._waiting:
            self._drop(next(iter(self._waiting)))

    def _limit_address(self, address: str) -> None:
        """Close the longest silent ones of an address that has too many connections without a request."""
        silent = [conn for conn in self._waiting if conn.remote_addr == address and not conn.has_answered]
        oldest_s = time.monotonic() - GRACE_S
        for conn in silent[: max(0, len(silent) - self._per_address)]:
            if conn.since_s < oldest_s:
                self._drop(conn)

    def _advance(self, conn: GuardedConnection) -> None:
        """Take one step with a connection that has something to read (or may write on)."""
        if conn not in self._waiting:
            return
        try:
            if conn.shakes_hands:
                conn.socket.do_handshake()
                conn.shakes_hands = False
                self._selector.modify(conn.socket, selectors.EVENT_READ, conn)
            is_ready = self._read_head(conn)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
            return
        except ssl.SSLWantWriteError:
            self._selector.modify(conn.socket, selectors.EVENT_WRITE, conn)
            return
        except (OSError, ValueError) as exc:
            self._refuse(conn, exc)
            return
        if is_ready:
            self._leave(conn)
            self._start(conn)

    def _read_head(self, conn: GuardedConnection) -> bool:
        """Read on; True when the head of a request is complete (or so wrong that the parser shall say so)."""
        if _is_complete(conn.head):
            return True
        while True:
            try:
                data = conn.socket.recv(MAX_HEAD_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                if not conn.head:
                    raise
                return _is_complete(conn.head)
            if not data:
                raise ConnectionResetError("closed by the client")
            if not conn.head and conn.has_answered:
                conn.ends_s = min(conn.ends_s, time.monotonic() + HEAD_DEADLINE_S)
            conn.head += data
            if _is_complete(conn.head) or len(conn.head) > MAX_HEAD_BYTES:
                return True

    def _refuse(self, conn: GuardedConnection, exc: Exception) -> None:
        if conn.shakes_hands and "http request" in str(exc).lower():
            try:
                socket.socket.send(conn.socket, PLAIN_ANSWER)
            except (OSError, ValueError):
                log.debug("web: %s spoke plain HTTP and left", conn.remote_addr)
        self._drop(conn)

    def _start(self, conn: GuardedConnection) -> None:
        """Give a complete request to a worker, or let it queue behind the others of its address."""
        if self._working[conn.remote_addr] >= self._per_address:
            self._turns.setdefault(conn.remote_addr, deque()).append(conn)
            return
        self._working[conn.remote_addr] += 1
        self._at_work.add(conn)
        conn.rfile.head_socket.head = bytes(conn.head)
        conn.head.clear()
        conn.socket.settimeout(WORK_TIMEOUT_S)
        self._work(conn)

    def _take_returned(self) -> None:
        while self._returned:
            conn = self._returned.popleft()
            self._finish_work(conn)
            if conn.is_closed:
                continue
            conn.has_answered = True
            self._keep(conn)
        while self._done:
            self._finish_work(self._done.popleft())

    def _keep(self, conn: GuardedConnection) -> None:
        conn.since_s = time.monotonic()
        conn.ends_s = conn.since_s + IDLE_S
        try:
            conn.socket.setblocking(False)
            conn.head += conn.rfile.take_unread()
            self._wait_for(conn)
        except (OSError, ValueError):
            conn.close()
            return
        if conn.head or isinstance(conn.socket, ssl.SSLSocket):
            self._advance(conn)  # bytes that were read already wake no selector
        if len(self._waiting) > MAX_KEPT:
            kept = next((other for other in self._waiting if other.has_answered), None)
            if kept is not None:
                self._drop(kept)

    def _finish_work(self, conn: GuardedConnection) -> None:
        if conn not in self._at_work:
            return
        self._at_work.remove(conn)
        address = conn.remote_addr
        self._working[address] -= 1
        if self._working[address] <= 0:
            del self._working[address]
        turns = self._turns.get(address)
        while turns:
            waiting = turns.popleft()
            if not turns:
                del self._turns[address]
            if not has_left(waiting.socket):
                self._start(waiting)
                break
            waiting.close()

    def _expire(self, now_s: float) -> None:
        late: List[GuardedConnection] = [conn for conn in self._waiting if conn.ends_s < now_s]
        for conn in late:
            if conn.head and not conn.shakes_hands:
                try:
                    conn.socket.send(TIMEOUT_ANSWER)
                except (OSError, ValueError):
                    log.debug("web: %s was too slow and left", conn.remote_addr)
            self._drop(conn)
        for address in {conn.remote_addr for conn in self._waiting if not conn.has_answered}:
            self._limit_address(address)

    def _leave(self, conn: GuardedConnection) -> None:
        del self._waiting[conn]
        self._selector.unregister(conn.socket)

    def _drop(self, conn: GuardedConnection) -> None:
        self._leave(conn)
        conn.close()


def _is_complete(head: bytearray) -> bool:
    return b"\r\n\r\n" in head or b"\n\n" in head or b"\n\r\n" in head
