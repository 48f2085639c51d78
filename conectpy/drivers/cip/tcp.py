"""A TCP connection to an EtherNet/IP device: whole messages, one total deadline for each exchange.

It stands in for pycomm3's own socket class, whose timeout starts anew with every byte and which never notices that
the peer has closed. One thread uses it; `abort` may be called by any.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import sys
import threading
import time
from typing import List, Tuple, Union

from pycomm3.exceptions import CommError

from ...texts.catalogue import Text, say, text_of

HEADER_BYTES = 24
MAX_MESSAGE_BYTES = 8192
"""No reply that is ever asked for is longer; one that says so is no reply."""
NOP = b"\x00\x00"
LATE_S = 0.005
MIN_WAIT_S = 0.001


class LinkError(CommError):  # type: ignore[misc]
    """The link to the device can no longer be trusted; the text says why."""


class CipSocket:
    """One TCP connection, not yet connected. `timeout_s` bounds `connect` and each exchange as a whole."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.is_usable = False  # everything that was asked has been answered so far
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._buffer = bytearray(MAX_MESSAGE_BYTES + HEADER_BYTES)
        self._view = memoryview(self._buffer)
        self._is_aborted = False
        self._is_limited = False

    def connect(self, host: str, port: int) -> None:
        """Raises LinkError."""
        try:
            address = resolve(host, port, self.timeout_s)
            self._sock.settimeout(self.timeout_s)
            self._sock.connect(address)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except socket.timeout as exc:
            raise LinkError(say("link.timeout", host=host, port=port, seconds=self.timeout_s)) from exc
        except OSError as exc:
            raise LinkError(say("aborted") if self._is_aborted else _unreachable(host, port, exc)) from exc
        if self._is_aborted:
            raise LinkError(say("aborted"))
        self.is_usable = True

    def exchange(self, request: Union[bytes, bytearray]) -> bytes:
        """Send one message, return the one that comes back, both within `timeout_s`. Raises LinkError."""
        end_s = time.monotonic() + self.timeout_s
        try:
            self._send(request, end_s)
            return self._receive(end_s)
        except socket.timeout as exc:
            self.is_usable = False
            raise LinkError(say("link.no_reply", seconds=self.timeout_s)) from exc
        except OSError as exc:
            self.is_usable = False
            raise LinkError(say("aborted") if self._is_aborted else say("link.broken", fault=text_of(exc))) from exc
        except LinkError:
            self.is_usable = False
            raise

    def send(self, message: bytes) -> None:
        """Send one message to which no reply comes. Raises LinkError."""
        try:
            self._send(message, time.monotonic() + self.timeout_s)
        except OSError as exc:
            self.is_usable = False
            raise LinkError(say("link.broken", fault=text_of(exc))) from exc

    def abort(self) -> None:
        """Make a blocked call fail at once. Any thread; never waits, never raises.

        Where ending the one direction wakes a reader, the other is left open: a last message can still be sent.
        """
        self._is_aborted = True
        with contextlib.suppress(OSError):  # not connected, or gone already
            self._sock.shutdown(socket.SHUT_RDWR if sys.platform == "win32" else socket.SHUT_RD)

    def say_goodbye(self, message: bytes, mark: bytes, within_s: float) -> bool:
        """Send a last message and read until `mark` has come back; whether it has. Never raises.

        Late replies that are still under way are read and dropped: closing over unread bytes would reset the
        connection, and the device might never look at the message.
        """
        end_s = time.monotonic() + within_s
        seen = b""
        try:
            self._sock.settimeout(within_s)
            self._send(message, end_s)
            while mark not in seen:
                self._sock.settimeout(max(MIN_WAIT_S, end_s - time.monotonic()))
                piece = self._sock.recv(MAX_MESSAGE_BYTES)
                if not piece or time.monotonic() > end_s:
                    return False
                seen = seen[-HEADER_BYTES:] + piece
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Free the socket."""
        self.is_usable = False
        self._sock.close()

    # -- the bytes -----------------------------------------------------------------------------------------------------

    def _send(self, message: Union[bytes, bytearray], end_s: float) -> None:
        sent = self._sock.send(message)
        while sent < len(message):
            self._limit(end_s)
            sent += self._sock.send(message[sent:])

    def _receive(self, end_s: float) -> bytes:
        """One whole message. The usual one comes in one piece: then the socket's timeout need not be touched."""
        if end_s - time.monotonic() < self.timeout_s - LATE_S:
            self._limit(end_s)
        size = self._fill(0)
        while True:
            while size < HEADER_BYTES or size < self._announced():
                self._limit(end_s)
                size += self._fill(size)
            if self._buffer[:2] != NOP:
                break
            size = self._drop_first(size)  # a device may send these at any time (ODVA volume 2, 2-4.1)
        if self._is_limited:
            self._sock.settimeout(self.timeout_s)
            self._is_limited = False
        if size > self._announced():
            raise LinkError(say("link.unasked", count=size - self._announced()))
        return bytes(self._view[:size])

    def _fill(self, size: int) -> int:
        count = self._sock.recv_into(self._view[size:])
        if count == 0:
            raise LinkError(say("aborted") if self._is_aborted else say("link.closed"))
        return count

    def _announced(self) -> int:
        """How long the message in the buffer says it is, header and all. Raises LinkError when that is absurd."""
        length: int = struct.unpack_from("<H", self._buffer, 2)[0]
        if length > MAX_MESSAGE_BYTES:
            raise LinkError(say("link.announced", count=length))
        return HEADER_BYTES + length

    def _drop_first(self, size: int) -> int:
        first = self._announced()
        rest = bytes(self._view[first:size])
        self._view[: len(rest)] = rest
        return len(rest)

    def _limit(self, end_s: float) -> None:
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            raise socket.timeout
        self._sock.settimeout(left_s)
        self._is_limited = True


def _unreachable(host: str, port: int, exc: OSError) -> Text:
    fault = text_of(exc)
    if isinstance(exc, ConnectionRefusedError):
        return say("link.refused", host=host, port=port, fault=fault)
    if fault.code in ("os.unknown_name", "link.no_host_name"):
        return say("link.no_name", host=host, port=port, fault=fault)
    return say("link.unreachable", host=host, port=port, fault=fault)


def resolve(host: str, port: int, timeout_s: float) -> Tuple[str, int]:
    """The IPv4 address of a host. A name is looked up in a thread: the system's own time limit is far too long.

    Raises OSError (socket.timeout when there is no answer in time).
    """
    try:
        return str(ipaddress.IPv4Address(host)), port
    except ValueError:
        pass
    found: List[Union[str, OSError]] = []

    def look_up() -> None:
        try:
            found.append(socket.gethostbyname(host))
        except (OSError, UnicodeError) as exc:
            found.append(exc if isinstance(exc, OSError) else OSError(say("link.no_host_name", host=host)))

    thread = threading.Thread(target=look_up, name=f"resolve-{host}", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not found:
        raise socket.timeout(say("link.no_name_service", host=host, seconds=timeout_s))
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0], port
