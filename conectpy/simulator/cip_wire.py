"""The encapsulation layer of an EtherNet/IP device: bytes in, bytes out, no sockets, no threads.

A `CipTarget` is the device with its CIP connections; a `CipSession` is one TCP connection to it. Sources: ODVA
volume 2 (encapsulation, common packet format), volume 1 chapter 3 (transport class 3).
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from typing import Callable, Dict, List, Optional, Set, Tuple

from .cip_connections import (
    BAD_PATH,
    CONNECTION_FAILURE,
    SERVICE_NOT_SUPPORTED,
    TOO_LITTLE_DATA,
    Connection,
    ConnectionTable,
)
from .controller import CipError, LogixController
from .epath import PathError, parse_path
from .faults import Faults
from .message_router import MessageRouter
from .objects import identity_attributes

NOP, LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES = 0x00, 0x04, 0x63, 0x64
REGISTER_SESSION, UNREGISTER_SESSION, SEND_RR_DATA, SEND_UNIT_DATA = 0x65, 0x66, 0x6F, 0x70

HEADER_BYTES = 24
INVALID_COMMAND, INCORRECT_DATA, INVALID_SESSION = 0x0001, 0x0003, 0x0064
INVALID_LENGTH, UNSUPPORTED_PROTOCOL = 0x0065, 0x0069

FORWARD_OPEN, LARGE_FORWARD_OPEN, FORWARD_CLOSE, UNCONNECTED_SEND = 0x54, 0x5B, 0x4E, 0x52
CONNECTION_MANAGER_PATH = b"\x20\x06\x24\x01"
TOO_MUCH_DATA = 0x15

UNCONNECTED_ROOM_BYTES = 504
SEQUENCE_BYTES = 2

NULL_ADDRESS, CONNECTION_ADDRESS, CONNECTED_DATA, UNCONNECTED_DATA = 0x0000, 0x00A1, 0x00B1, 0x00B2


class CipTarget:
    """The device: its message router, its sessions and its CIP connections. Any thread may call.

    `max_connections` is how many CIP connections it has to give, `slot` the backplane slot that routes must name
    (None: any), `clock` a monotonic clock in seconds.
    """

    def __init__(
        self,
        controller: LogixController,
        faults: Faults,
        max_connections: int = 32,
        slot: Optional[int] = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.controller = controller
        self.router = MessageRouter(controller, faults)
        self.connections = ConnectionTable(faults, max_connections, slot, controller.serial_number, clock)
        self.address = ("127.0.0.1", 44818)
        self._lock = threading.Lock()  # guards the session handles
        self._sessions: Set[int] = set()
        self._random = random.Random(controller.serial_number)

    # -- sessions ------------------------------------------------------------------------------------------------------

    def register(self) -> int:
        """A new session handle."""
        with self._lock:
            handle = 0
            while handle == 0 or handle in self._sessions:
                handle = self._random.getrandbits(32)
            self._sessions.add(handle)
            return handle

    def forget_session(self, handle: int) -> None:
        """The TCP connection is gone. Its CIP connections stay until they are closed or time out."""
        with self._lock:
            self._sessions.discard(handle)

    def session_count(self) -> int:
        """Registered sessions."""
        with self._lock:
            return len(self._sessions)

    # -- identity ------------------------------------------------------------------------------------------------------

    def list_identity(self) -> bytes:
        """The item of a ListIdentity reply."""
        attributes = identity_attributes(self.controller)
        host, port = self.address
        try:
            packed = socket.inet_aton(host)
        except OSError:
            packed = bytes(4)
        body = struct.pack("<H", 1) + struct.pack(">HH4s8x", 2, port, packed)
        body += b"".join(attributes[number] for number in sorted(attributes)) + b"\x03"
        return struct.pack("<HHH", 1, 0x0C, len(body)) + body


class CipSession:
    """One TCP connection's view of the target. `handle_frame` is called by one thread at a time.

    `is_finished` becomes True when the client has said goodbye: close the TCP connection.
    """

    def __init__(self, target: CipTarget) -> None:
        self.target = target
        self.handle = 0
        self.is_finished = False
        self._commands: Dict[int, Callable[[bytes], Optional[bytes]]] = {
            LIST_SERVICES: self._list_services,
            LIST_IDENTITY: lambda _: target.list_identity(),
            LIST_INTERFACES: lambda _: b"\0\0",
            REGISTER_SESSION: self._register,
            SEND_RR_DATA: self._send_rr_data,
            SEND_UNIT_DATA: self._send_unit_data,
        }

    def close(self) -> None:
        """The TCP connection has ended."""
        if self.handle:
            self.target.forget_session(self.handle)
            self.handle = 0

    def handle_frame(self, frame: bytes) -> Optional[bytes]:
        """The reply to one whole encapsulation message (header and data), None when there is none to send."""
        command, length, handle, _, context, options = struct.unpack_from("<HHII8sI", frame)
        body = frame[HEADER_BYTES:]
        if command == NOP:
            return None
        if command == UNREGISTER_SESSION:
            self.is_finished = True
            return None
        status, reply = 0, b""
        try:
            reply_or_none = self._handle_command(command, length, handle, options, body)
            if reply_or_none is None:
                return None
            reply = reply_or_none
        except EncapsulationError as exc:
            status = exc.status
        reply_handle = self.handle if command == REGISTER_SESSION and not status else handle
        return struct.pack("<HHII8sI", command, len(reply), reply_handle, status, context, 0) + reply

    def _handle_command(self, command: int, length: int, handle: int, options: int, body: bytes) -> Optional[bytes]:
        if length != len(body):
            raise EncapsulationError(INVALID_LENGTH)
        run = self._commands.get(command)
        if run is None or options:
            raise EncapsulationError(INVALID_COMMAND)
        if command in (SEND_RR_DATA, SEND_UNIT_DATA) and (not self.handle or handle != self.handle):
            raise EncapsulationError(INVALID_SESSION)
        return run(body)

    @staticmethod
    def _list_services(body: bytes) -> bytes:
        return struct.pack("<HHHHH16s", 1, 0x0100, 20, 1, 0x0120, b"Communications")

    def _register(self, body: bytes) -> bytes:
        if len(body) != 4:
            raise EncapsulationError(INVALID_LENGTH)
        if self.handle:
            raise EncapsulationError(INVALID_COMMAND)
        if body[:2] != b"\x01\x00":
            raise EncapsulationError(UNSUPPORTED_PROTOCOL)
        self.handle = self.target.register()
        return body

    def _send_rr_data(self, body: bytes) -> bytes:
        items = _parse_items(body)
        if len(items) < 2 or items[0][0] != NULL_ADDRESS or items[1][0] != UNCONNECTED_DATA:
            raise EncapsulationError(INCORRECT_DATA)
        reply = self._execute_unconnected(items[1][1])
        return body[:6] + struct.pack("<HHHHH", 2, NULL_ADDRESS, 0, UNCONNECTED_DATA, len(reply)) + reply

    def _execute_unconnected(self, request: bytes) -> bytes:
        """Connection manager requests here, all others at the message router."""
        if len(request) >= 6 and request[1] == 2 and request[2:6] == CONNECTION_MANAGER_PATH:
            service, data = request[0], request[6:]
            try:
                if service in (FORWARD_OPEN, LARGE_FORWARD_OPEN):
                    return _reply(service, self.target.connections.forward_open(data, service == LARGE_FORWARD_OPEN))
                if service == FORWARD_CLOSE:
                    return _reply(service, self.target.connections.forward_close(data))
                if service == UNCONNECTED_SEND:
                    return self._unwrap(data)
                raise CipError(SERVICE_NOT_SUPPORTED)
            except CipError as exc:
                words = struct.pack(f"<{len(exc.extended)}H", *exc.extended)
                return bytes((service | 0x80, 0, exc.status, len(exc.extended))) + words
        return self.target.router.execute(request, UNCONNECTED_ROOM_BYTES)

    def _unwrap(self, data: bytes) -> bytes:
        """Unconnected Send: ticks, size, the embedded request, a route. Raises CipError."""
        if len(data) < 4:
            raise CipError(TOO_LITTLE_DATA)
        size = struct.unpack_from("<H", data, 2)[0]
        end = 4 + size + size % 2
        if len(data) < end + 2:
            raise CipError(TOO_LITTLE_DATA)
        try:
            hops = parse_path(data[end + 2 : end + 2 + 2 * data[end]])
        except PathError as exc:
            raise CipError(CONNECTION_FAILURE, BAD_PATH) from exc
        self.target.connections.check_hops(hops)
        return self.target.router.execute(data[4 : 4 + size], UNCONNECTED_ROOM_BYTES)

    def _send_unit_data(self, body: bytes) -> Optional[bytes]:
        """A connected request. An unknown connection gets no answer; a repeated sequence number the same again."""
        items = _parse_items(body)
        if len(items) < 2 or items[0][0] != CONNECTION_ADDRESS or items[1][0] != CONNECTED_DATA:
            raise EncapsulationError(INCORRECT_DATA)
        if len(items[0][1]) != 4 or len(items[1][1]) < SEQUENCE_BYTES:
            raise EncapsulationError(INCORRECT_DATA)
        connection = self.target.connections.find(struct.unpack("<I", items[0][1])[0])
        if connection is None:
            return None
        data = items[1][1]
        sequence = struct.unpack_from("<H", data)[0]
        if sequence != connection.last_sequence:
            connection.last_reply = self._execute_connected(connection, data)
            connection.last_sequence = sequence
        reply = connection.last_reply
        head = struct.pack("<HHHI", 2, CONNECTION_ADDRESS, 4, connection.to_id)
        return body[:6] + head + struct.pack("<HHH", CONNECTED_DATA, len(reply) + SEQUENCE_BYTES, sequence) + reply

    def _execute_connected(self, connection: Connection, data: bytes) -> bytes:
        request = data[SEQUENCE_BYTES:]
        if len(data) > connection.request_bytes:
            return bytes(((request[0] if request else 0) | 0x80, 0, TOO_MUCH_DATA, 0))
        return self.target.router.execute(request, connection.reply_bytes - SEQUENCE_BYTES)


class EncapsulationError(Exception):
    """An encapsulation status other than success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"encapsulation status 0x{status:04x}")
        self.status = status


def _reply(service: int, data: bytes) -> bytes:
    return bytes((service | 0x80, 0, 0, 0)) + data


def _parse_items(body: bytes) -> List[Tuple[int, bytes]]:
    """Type and data of the items of a common packet format, after interface handle and timeout."""
    if len(body) < 8:
        raise EncapsulationError(INCORRECT_DATA)
    count = struct.unpack_from("<H", body, 6)[0]
    items: List[Tuple[int, bytes]] = []
    at = 8
    for _ in range(min(count, 4)):
        if len(body) < at + 4:
            raise EncapsulationError(INCORRECT_DATA)
        kind, size = struct.unpack_from("<HH", body, at)
        if len(body) < at + 4 + size:
            raise EncapsulationError(INCORRECT_DATA)
        items.append((kind, body[at + 4 : at + 4 + size]))
        at += 4 + size
    return items
