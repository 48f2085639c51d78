"""A TCP proxy that stands for a bad line: late, cut, half-open, sliced, corrupted. For the tests of any driver."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from typing import Callable, Deque, List, Optional, Tuple

MAX_PIECE_BYTES = 65536


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes everything on to `target`. Use it in a `with`.

    Any thread may set these at any time; they act on what the target sends from then on:

    delay_s      how much later it arrives (a long line: what is sent behind it does not wait longer)
    is_frozen    nothing passes in either direction, and nobody is told (half-open)
    slice_bytes  pieces of at most so many bytes, `pause_s` apart
    corrupt      called with each piece, returns what is passed on instead
    """

    def __init__(self, target: Tuple[str, int]) -> None:
        self.target = target
        self.delay_s = 0.0
        self.is_frozen = False
        self.slice_bytes = 0
        self.pause_s = 0.0
        self.corrupt: Optional[Callable[[bytes], bytes]] = None
        self.accepted = 0
        self.passed_bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._lock = threading.Lock()  # guards the pairs
        self._pairs: List[_Pair] = []
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5.0)
        self._listener.close()
        self.cut()
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.thread.join(5.0)

    def cut(self, with_reset: bool = False) -> None:
        """End all connections: in order, or by RST."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.cut(with_reset)

    def forget(self, pair: _Pair) -> None:
        """A pair's thread is about to end (called by it)."""
        with self._lock:
            self._pairs.remove(pair)

    def _accept(self) -> None:
        while not self._stop.is_set():
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            client, _ = self._listener.accept()
            self.accepted += 1
            try:
                server = socket.create_connection(self.target, 5.0)
            except OSError:
                client.close()
                continue
            pair = _Pair(self, client, server)
            with self._lock:
                self._pairs.append(pair)
            pair.thread.start()


class _Pair:
    """One proxied connection and its thread."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self._is_cut = threading.Event()
        self._with_reset = False
        self._late: Deque[Tuple[float, bytes]] = deque()  # (due, piece) on the way to the client
        self.thread = threading.Thread(target=self._run, name="proxy-pair", daemon=True)

    def cut(self, with_reset: bool) -> None:
        self._with_reset = with_reset
        self._is_cut.set()

    def _run(self) -> None:
        try:
            while not self._is_cut.is_set() and self._pass():
                pass
        except OSError:
            pass
        finally:
            if self._with_reset:
                layout = "hh" if sys.platform == "win32" else "ii"
                for sock in (self.client, self.server):
                    with contextlib.suppress(OSError):
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(layout, 1, 0))
            self.client.close()
            self.server.close()
            self.proxy.forget(self)

    def _pass(self) -> bool:
        """One round; False when an end is gone and nothing is left to deliver."""
        proxy = self.proxy
        wait_s = 0.02
        if self._late:
            wait_s = min(wait_s, max(0.0, self._late[0][0] - time.monotonic()))
        if proxy.is_frozen:
            self._is_cut.wait(0.02)
            return True
        ready = select.select([self.client, self.server], [], [], wait_s)[0]
        if self.client in ready:
            piece = self.client.recv(MAX_PIECE_BYTES)
            if not piece:
                return False
            self.server.sendall(piece)
        if self.server in ready:
            piece = self.server.recv(MAX_PIECE_BYTES)
            if not piece:
                self._deliver(time.monotonic() + 60.0)
                return False
            self._late.append((time.monotonic() + proxy.delay_s, piece))
        self._deliver(time.monotonic())
        return True

    def _deliver(self, now_s: float) -> None:
        proxy = self.proxy
        while self._late and self._late[0][0] <= now_s and not self._is_cut.is_set():
            piece = self._late.popleft()[1]
            if proxy.corrupt is not None:
                piece = proxy.corrupt(piece)
            size = proxy.slice_bytes or len(piece)
            for at in range(0, len(piece), size or 1):
                self.client.sendall(piece[at : at + size])
                proxy.passed_bytes += len(piece[at : at + size])
                if proxy.slice_bytes and self._is_cut.wait(proxy.pause_s):
                    return
