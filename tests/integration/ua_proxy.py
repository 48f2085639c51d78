"""A TCP proxy between driver and server that freezes, cuts, slices, delays and mangles on demand."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import Callable, List, Optional, Tuple


class UaProxy:
    """Forwards to `target`. The switches take effect at once, also on connections that exist.

    is_frozen   nothing is forwarded any more, either way; the connections stay
    is_refusing new connections are reset
    delay_s     each piece from the server comes this much later
    slice_bytes pieces from the server come in such bits
    mangle      what becomes of each piece from the server
    """

    def __init__(self, target: Tuple[str, int]) -> None:
        self._target = target
        self.is_frozen = False
        self.is_refusing = False
        self.delay_s = 0.0
        self.slice_bytes = 0
        self.mangle: Optional[Callable[[bytes], bytes]] = None
        self._sockets: List[socket.socket] = []
        self._lock = threading.Lock()  # guards _sockets
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Reset every connection."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def __enter__(self) -> UaProxy:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _accept(self) -> None:
        self._listener.settimeout(0.1)
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except socket.timeout:
                continue
            except OSError:
                return
            if self.is_refusing:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                continue
            try:
                server = socket.create_connection(self._target, 2)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._sockets += [client, server]
            for source, sink, is_reply in ((client, server, False), (server, client, True)):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._forward, args=(source, sink, is_reply), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _forward(self, source: socket.socket, sink: socket.socket, is_reply: bool) -> None:
        with contextlib.suppress(OSError):
            source.settimeout(0.05)
            while not self._stop.is_set():
                try:
                    data = source.recv(65536)
                except socket.timeout:
                    continue
                while self.is_frozen and not self._stop.is_set():
                    self._stop.wait(0.01)
                if not data:
                    break
                if is_reply:
                    self._reply(sink, data)
                else:
                    sink.sendall(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
            with self._lock, contextlib.suppress(ValueError):
                self._sockets.remove(sock)

    def _reply(self, sink: socket.socket, data: bytes) -> None:
        if self.delay_s:
            self._stop.wait(self.delay_s)
        if self.mangle is not None:
            data = self.mangle(data)
        size = self.slice_bytes or len(data) or 1
        for start in range(0, len(data), size):
            sink.sendall(data[start : start + size])
            if self.slice_bytes:
                self._stop.wait(0.02)


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.01)
    return True
