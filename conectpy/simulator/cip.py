"""Encapsulation and connection manager of an EtherNet/IP device: bytes in, bytes out, no sockets, no threads.

A `CipTarget` is the device with its CIP connections; a `CipSession` is one TCP connection to it. Sources: ODVA
volume 2 (encapsulation, common packet format), volume 1 chapter 3 (connection manager, transport class 3).
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from .controller import CipError, LogixController
from .epath import CLASS, INSTANCE, PORT, PathError, Segment, parse_path
from .faults import Faults
from .message_router import MESSAGE_ROUTER, MessageRouter
from .objects import identity_attributes

NOP, LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES = 0x00, 0x04, 0x63, 0x64
REGISTER_SESSION, UNREGISTER_SESSION, SEND_RR_DATA, SEND_UNIT_DATA = 0x65, 0x66, 0x6F, 0x70

HEADER_BYTES = 24
INVALID_COMMAND, INCORRECT_DATA, INVALID_SESSION = 0x0001, 0x0003, 0x0064
INVALID_LENGTH, UNSUPPORTED_PROTOCOL = 0x0065, 0x0069

FORWARD_OPEN, LARGE_FORWARD_OPEN, FORWARD_CLOSE, UNCONNECTED_SEND = 0x54, 0x5B, 0x4E, 0x52
CONNECTION_MANAGER_PATH = b"\x20\x06\x24\x01"
CONNECTION_FAILURE = 0x01
DUPLICATE, NOT_FOUND, INVALID_SIZE, OUT_OF_CONNECTIONS = 0x0100, 0x0107, 0x0109, 0x0113
BAD_PATH_IN_OPEN, BAD_LINK = 0x0315, 0x0312
TOO_MUCH_DATA, TOO_LITTLE_DATA, SERVICE_NOT_SUPPORTED = 0x15, 0x13, 0x08

UNCONNECTED_ROOM_BYTES = 504
SEQUENCE_BYTES = 2
SMALL_CONNECTION_MAX, LARGE_CONNECTION_MAX = 511, 4002

NULL_ADDRESS, CONNECTION_ADDRESS, CONNECTED_DATA, UNCONNECTED_DATA = 0x0000, 0x00A1, 0x00B1, 0x00B2

Triad = Tuple[int, int, int]
"""Connection serial number, vendor, originator serial number: what names a connection to its originator."""


class Connection:
    """One open CIP connection. `size_bytes` counts the sequence number; idle longer than `timeout_s` it is gone."""

    def __init__(self, triad: Triad, ot_id: int, to_id: int, sizes: Tuple[int, int], timeout_s: float) -> None:
        self.triad = triad
        self.ot_id = ot_id
        self.to_id = to_id
        self.request_bytes, self.reply_bytes = sizes
        self.timeout_s = timeout_s
        self.used_s = 0.0
        self.last_sequence: Optional[int] = None
        self.last_reply = b""


class OpenRequest(NamedTuple):
    """A Forward Open, small or large, as the originator wrote it."""

    ot_id: int
    to_id: int
    triad: Triad
    multiplier: int
    ot_rpi_us: int
    ot_bytes: int
    to_rpi_us: int
    to_bytes: int
    path: bytes


class CipTarget:
    """The device: its message router and its CIP connections. Any thread may call.

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
        self.faults = faults
        self.router = MessageRouter(controller, faults)
        self.max_connections = max_connections
        self.slot = slot
        self.address = ("127.0.0.1", 44818)
        self.opened = self.closed = 0
        self._clock = clock
        self._lock = threading.Lock()  # guards the connections, the counters and the session handles
        self._connections: Dict[int, Connection] = {}
        self._sessions: Dict[int, CipSession] = {}
        self._random = random.Random(controller.serial_number)

    # -- sessions ------------------------------------------------------------------------------------------------------

    def register(self, session: CipSession) -> int:
        """A new session handle."""
        with self._lock:
            handle = 0
            while handle == 0 or handle in self._sessions:
                handle = self._random.getrandbits(32)
            self._sessions[handle] = session
            return handle

    def forget_session(self, handle: int) -> None:
        """The TCP connection is gone. Its CIP connections stay until they are closed or time out."""
        with self._lock:
            self._sessions.pop(handle, None)

    def session_count(self) -> int:
        """Registered sessions."""
        with self._lock:
            return len(self._sessions)

    # -- connections ---------------------------------------------------------------------------------------------------

    def connection_count(self) -> int:
        """Open CIP connections: opened, not closed, not timed out."""
        with self._lock:
            self._expire()
            return len(self._connections)

    def connection_sizes(self) -> List[int]:
        """Negotiated sizes of the open connections, bytes."""
        with self._lock:
            return [connection.request_bytes for connection in self._connections.values()]

    def forget_connections(self) -> None:
        """Drop all CIP connections without a word, as a controller does on a download or a restart."""
        with self._lock:
            self._connections.clear()

    def find(self, ot_id: int) -> Optional[Connection]:
        """The open connection with this identifier, marked as used now."""
        with self._lock:
            self._expire()
            connection = self._connections.get(ot_id)
            if connection is not None:
                connection.used_s = self._clock()
            return connection

    def forward_open(self, data: bytes, is_large: bool) -> bytes:
        """Reply data of a Forward Open. Raises CipError."""
        if self.faults.refuse_forward_open:
            raise CipError(CONNECTION_FAILURE, OUT_OF_CONNECTIONS)
        if is_large and self.faults.refuse_large_forward_open:
            raise CipError(SERVICE_NOT_SUPPORTED)
        request = _parse_open(data, is_large)
        self._check_route(request.path)
        most = LARGE_CONNECTION_MAX if is_large else SMALL_CONNECTION_MAX
        if not (0 < request.ot_bytes <= most and 0 < request.to_bytes <= most):
            raise CipError(CONNECTION_FAILURE, INVALID_SIZE, most)
        timeout_s = request.ot_rpi_us / 1e6 * (4 << min(7, request.multiplier))
        with self._lock:
            self._expire()
            if any(connection.triad == request.triad for connection in self._connections.values()):
                raise CipError(CONNECTION_FAILURE, DUPLICATE)
            if len(self._connections) >= self.max_connections:
                raise CipError(CONNECTION_FAILURE, OUT_OF_CONNECTIONS)
            ot_id = 0
            while ot_id == 0 or ot_id in self._connections:
                ot_id = self._random.getrandbits(32)
            sizes = (request.ot_bytes, request.to_bytes)
            made = Connection(request.triad, ot_id, request.to_id, sizes, timeout_s)
            made.used_s = self._clock()
            self._connections[ot_id] = made
            self.opened += 1
        intervals = struct.pack("<II", request.ot_rpi_us, request.to_rpi_us)
        return struct.pack("<IIHHI", ot_id, request.to_id, *request.triad) + intervals + b"\0\0"

    def forward_close(self, data: bytes) -> bytes:
        """Reply data of a Forward Close. Raises CipError."""
        if len(data) < 10:
            raise CipError(TOO_LITTLE_DATA)
        triad = struct.unpack_from("<HHI", data, 2)
        with self._lock:
            for ot_id, connection in self._connections.items():
                if connection.triad == triad:
                    del self._connections[ot_id]
                    self.closed += 1
                    return struct.pack("<HHIBB", *triad, 0, 0)
        raise CipError(CONNECTION_FAILURE, NOT_FOUND)

    def _expire(self) -> None:
        now_s = self._clock()
        idle = [ot_id for ot_id, item in self._connections.items() if now_s - item.used_s > item.timeout_s]
        for ot_id in idle:
            del self._connections[ot_id]

    def _check_route(self, path: bytes) -> None:
        """A route, then the message router. Raises CipError."""
        try:
            segments = parse_path(path)
        except PathError as exc:
            raise CipError(CONNECTION_FAILURE, BAD_PATH_IN_OPEN) from exc
        hops = [segment for segment in segments if segment.kind == PORT]
        if segments[len(hops) :] != [Segment(CLASS, MESSAGE_ROUTER), Segment(INSTANCE, 1)]:
            raise CipError(CONNECTION_FAILURE, BAD_PATH_IN_OPEN)
        self.check_hops(hops)

    def check_hops(self, hops: List[Segment]) -> None:
        """The last hop must lead to our slot. Raises CipError."""
        if self.slot is not None and hops and hops[-1].value != f"1/{self.slot}":
            raise CipError(CONNECTION_FAILURE, BAD_LINK)

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
        self.handle = self.target.register(self)
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
                    return _reply(service, self.target.forward_open(data, service == LARGE_FORWARD_OPEN))
                if service == FORWARD_CLOSE:
                    return _reply(service, self.target.forward_close(data))
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
            raise CipError(CONNECTION_FAILURE, BAD_PATH_IN_OPEN) from exc
        self.target.check_hops(hops)
        return self.target.router.execute(data[4 : 4 + size], UNCONNECTED_ROOM_BYTES)

    def _send_unit_data(self, body: bytes) -> Optional[bytes]:
        """A connected request. An unknown connection gets no answer; a repeated sequence number the same again."""
        items = _parse_items(body)
        if len(items) < 2 or items[0][0] != CONNECTION_ADDRESS or items[1][0] != CONNECTED_DATA:
            raise EncapsulationError(INCORRECT_DATA)
        if len(items[0][1]) != 4 or len(items[1][1]) < SEQUENCE_BYTES:
            raise EncapsulationError(INCORRECT_DATA)
        connection = self.target.find(struct.unpack("<I", items[0][1])[0])
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


def _parse_open(data: bytes, is_large: bool) -> OpenRequest:
    layout, size_mask = ("<BBIIHHIB3xIIIIBB", 0xFFFF) if is_large else ("<BBIIHHIB3xIHIHBB", 0x01FF)
    if len(data) < struct.calcsize(layout):
        raise CipError(TOO_LITTLE_DATA)
    fields = struct.unpack_from(layout, data)
    ot_id, to_id, serial, vendor, originator, multiplier, ot_rpi, ot_size, to_rpi, to_size, _, words = fields[2:]
    path = data[struct.calcsize(layout) :][: 2 * words]
    if len(path) < 2 * words:
        raise CipError(TOO_LITTLE_DATA)
    triad = (serial, vendor, originator)
    return OpenRequest(ot_id, to_id, triad, multiplier, ot_rpi, ot_size & size_mask, to_rpi, to_size & size_mask, path)
