"""A simulated Logix controller on a TCP port: one thread per client, bounded, with faults on demand."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import struct
import sys
import threading
from typing import Dict, NamedTuple, Optional

from .cip_wire import HEADER_BYTES, SEND_RR_DATA, SEND_UNIT_DATA, CipSession, CipTarget
from .controller import LogixController
from .faults import CLOSE, CLOSE_MID, DRIP, DROP, RESET, Faults, ReplyFate

log = logging.getLogger(__name__)

MAX_CLIENTS = 64
STOP_TIMEOUT_S = 2.0
BACKLOG = 32
ACCEPT_PAUSE_S = 0.02


class Counts(NamedTuple):
    """What is open now (`clients` TCP connections, registered `sessions`, CIP `connections`) and totals since start."""

    clients: int
    sessions: int
    connections: int
    requests: int
    accepted: int
    forward_opens: int
    forward_closes: int


class LogixServer:
    """Serves one controller. `start` and `stop` (or `with`) are called by the owner, the rest by any thread.

    `port` 0 takes a free one; `address` is "host:port" as pycomm3 takes it. `slot`: see CipTarget.
    """

    def __init__(
        self,
        controller: LogixController,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Optional[Faults] = None,
        max_clients: int = MAX_CLIENTS,
        max_connections: int = 32,
        slot: Optional[int] = None,
    ) -> None:
        self.controller = controller
        self.faults = faults if faults is not None else Faults()
        self.target = CipTarget(controller, self.faults, max_connections, slot)
        self.host = host
        self.port = port
        self._max_clients = max_clients
        self._stop = threading.Event()
        self._lock = threading.Lock()  # guards the clients and the counters
        self._clients: Dict[int, _Client] = {}
        self._requests = 0
        self._accepted = 0
        self._listener: Optional[socket.socket] = None
        self._datagrams: Optional[socket.socket] = None
        self._wake: Optional[socket.socket] = None
        self._thread: Optional[threading.Thread] = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_serving(self) -> bool:
        return self._thread is not None

    def __enter__(self) -> LogixServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> LogixServer:
        """Listen and serve. Raises OSError when the port is taken."""
        listener = _listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        self.target.address = (self.host, self.port)
        self._listener = listener
        self._datagrams = _bind_datagrams(self.host, self.port)
        self._stop.clear()
        wait_end, self._wake = socket.socketpair()
        self._thread = threading.Thread(
            target=self._accept, args=(listener, self._datagrams, wait_end), name=f"logix-{self.port}", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close everything and wait for the threads (at most two seconds). May be called twice."""
        self._stop.set()
        if self._wake is not None:
            self._wake.close()
            self._wake = None
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT_S)
            self._thread = None
        with self._lock:
            clients = list(self._clients.values())
        for client in clients:
            client.disconnect()
        for client in clients:
            client.thread.join(STOP_TIMEOUT_S)

    def counts(self) -> Counts:
        """What is open, and totals."""
        connections, sessions = self.target.connections.count(), self.target.session_count()
        with self._lock:
            return Counts(
                len(self._clients),
                sessions,
                connections,
                self._requests,
                self._accepted,
                self.target.connections.opened,
                self.target.connections.closed,
            )

    def cut(self, with_reset: bool = False) -> None:
        """Cut every TCP connection now: an orderly end, or RST. New ones are accepted as before."""
        with self._lock:
            clients = list(self._clients.values())
        for client in clients:
            client.disconnect(with_reset)

    def forget_connections(self) -> None:
        """Drop all CIP connections without a word, as a controller does on a restart."""
        self.target.connections.forget()

    # -- threads -------------------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket, datagrams: Optional[socket.socket], wait_end: socket.socket) -> None:
        selector = selectors.DefaultSelector()
        with selector, listener, wait_end:
            for channel in (listener, wait_end, datagrams):
                if channel is not None:
                    selector.register(channel, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select():
                    try:
                        if key.fileobj is listener:
                            self._welcome(listener.accept()[0])
                        elif key.fileobj is datagrams and datagrams is not None:
                            self._answer_datagram(datagrams)
                    except OSError as exc:
                        log.debug("simulator %s: %s", self.address, exc)
                        self._stop.wait(ACCEPT_PAUSE_S)
        if datagrams is not None:
            datagrams.close()

    def _welcome(self, sock: socket.socket) -> None:
        with self._lock:
            self._accepted += 1
            is_full = len(self._clients) >= self._max_clients
            if not is_full and not self.faults.refuse_clients:
                client = _Client(self, sock, self._accepted)
                self._clients[client.number] = client
                client.thread.start()
                return
        _abort(sock)

    def _answer_datagram(self, datagrams: socket.socket) -> None:
        """ListIdentity over UDP; anything else is ignored, as are sessions there."""
        frame, peer = datagrams.recvfrom(2048)
        if len(frame) < HEADER_BYTES or self.faults.is_frozen or frame[:2] not in (b"\x63\0", b"\x04\0", b"\x64\0"):
            return
        reply = CipSession(self.target).handle_frame(frame)
        if reply is not None:
            datagrams.sendto(reply, peer)

    def count_request(self) -> None:
        """One more request was served (called by the clients' threads)."""
        with self._lock:
            self._requests += 1

    def forget(self, client: _Client) -> None:
        """A client's thread is about to end (called by that thread)."""
        with self._lock:
            self._clients.pop(client.number, None)

    @property
    def stopping(self) -> threading.Event:
        return self._stop


class _Client:
    """One TCP connection and its thread."""

    def __init__(self, server: LogixServer, sock: socket.socket, number: int) -> None:
        self.number = number
        self._server = server
        self._sock = sock
        self._session = CipSession(server.target)
        self._gone = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"logix-{server.port}-client-{number}", daemon=True)

    def disconnect(self, with_reset: bool = False) -> None:
        """Make the thread end, from outside."""
        self._gone.set()
        if with_reset:
            _linger_zero(self._sock)
        try:
            if with_reset and sys.platform != "win32":
                # Only closing sends RST, and only the reader may close: a read shutdown wakes it, its close resets.
                self._sock.shutdown(socket.SHUT_RD)
            else:
                self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the peer was faster

    def _run(self) -> None:
        try:
            with self._sock:
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._serve()
        except OSError as exc:
            log.debug("simulator %s: client %d: %s", self._server.address, self.number, exc)
        except Exception:
            log.exception("simulator %s: client %d", self._server.address, self.number)
        finally:
            self._session.close()
            self._server.forget(self)

    def _serve(self) -> None:
        with self._sock.makefile("rb", buffering=8192) as reader:
            while not self._gone.is_set() and not self._session.is_finished:
                header = reader.read(HEADER_BYTES)
                if header is None or len(header) < HEADER_BYTES:
                    return
                command, size = struct.unpack_from("<HH", header)
                body = reader.read(size)
                if body is None or len(body) < size or self._server.stopping.is_set():
                    return
                self._server.count_request()
                if self._server.faults.is_frozen:
                    continue
                reply = self._session.handle_frame(header + body)
                if reply is not None and not self._send(command, reply):
                    return

    def _send(self, command: int, reply: bytes) -> bool:
        """Send a reply under whatever fault is on; False: the connection is over."""
        faults = self._server.faults
        fate = faults.take_fate(command) if command in (SEND_RR_DATA, SEND_UNIT_DATA) else ReplyFate(faults.delay_s)
        if fate.delay_s > 0 and self._gone.wait(fate.delay_s):
            return False
        if faults.mutate is not None:
            reply = faults.mutate(reply)
        if fate.action is None:
            self._sock.sendall(reply)
            return True
        return self._misbehave(fate.action, reply)

    def _misbehave(self, action: str, reply: bytes) -> bool:
        faults = self._server.faults
        if action == DROP:
            return True
        if action == RESET:
            _linger_zero(self._sock)
            return False
        if action == CLOSE:
            return False
        if action == CLOSE_MID:
            self._sock.sendall(reply[: len(reply) // 2])
            return False
        if action == DRIP:
            for byte in reply:
                self._sock.sendall(bytes((byte,)))
                if self._gone.wait(faults.drip_interval_s):
                    return False
            return True
        self._sock.sendall(faults.spoil(action, reply))
        return True


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket that no other process can share. Raises OSError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _bind_datagrams(host: str, port: int) -> Optional[socket.socket]:
    """A UDP socket for ListIdentity on the same port; None when it is taken, which does no harm."""
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        datagrams.bind((host, port))
    except OSError:
        datagrams.close()
        return None
    return datagrams


def _linger_zero(sock: socket.socket) -> None:
    """The next close sends RST instead of FIN."""
    layout = "hh" if sys.platform == "win32" else "ii"
    with contextlib.suppress(OSError):  # the peer may have been faster
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(layout, 1, 0))


def _abort(sock: socket.socket) -> None:
    with sock:
        _linger_zero(sock)
