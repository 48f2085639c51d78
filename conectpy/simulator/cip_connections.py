"""The connection manager's table: Forward Open, Forward Close, time-outs (ODVA volume 1, chapter 3). No sockets."""

from __future__ import annotations

import random
import struct
import threading
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from .controller import CipError
from .epath import CLASS, INSTANCE, PORT, PathError, Segment, parse_path
from .faults import Faults

CONNECTION_FAILURE, SERVICE_NOT_SUPPORTED, TOO_LITTLE_DATA = 0x01, 0x08, 0x13
DUPLICATE, NOT_FOUND, INVALID_SIZE, OUT_OF_CONNECTIONS = 0x0100, 0x0107, 0x0109, 0x0113
BAD_PATH, BAD_LINK = 0x0315, 0x0312

SMALL_CONNECTION_MAX_BYTES, LARGE_CONNECTION_MAX_BYTES = 511, 4002
MESSAGE_ROUTER_END = [Segment(CLASS, 0x02), Segment(INSTANCE, 1)]

Triad = Tuple[int, int, int]
"""Connection serial number, vendor, originator serial number: what names a connection to its originator."""


class OpenRequest(NamedTuple):
    """A Forward Open, small or large, as the originator wrote it; sizes count the sequence number."""

    to_id: int
    triad: Triad
    multiplier: int
    ot_rpi_us: int
    ot_bytes: int
    to_rpi_us: int
    to_bytes: int
    path: bytes


class Connection:
    """One open CIP connection; idle for longer than `timeout_s` it is gone."""

    def __init__(self, request: OpenRequest, ot_id: int, used_s: float) -> None:
        self.triad = request.triad
        self.ot_id = ot_id
        self.to_id = request.to_id
        self.request_bytes = request.ot_bytes
        self.reply_bytes = request.to_bytes
        self.timeout_s = request.ot_rpi_us / 1e6 * (4 << min(7, request.multiplier))
        self.used_s = used_s
        self.last_sequence: Optional[int] = None
        self.last_reply = b""


class ConnectionTable:
    """The CIP connections of one device, at most `max_connections`. Any thread may call.

    Routes must end at backplane slot `slot` (None: any). `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self, faults: Faults, max_connections: int, slot: Optional[int], seed: int, clock: Callable[[], float]
    ) -> None:
        self.opened = self.closed = 0
        self._faults = faults
        self._max_connections = max_connections
        self._slot = slot
        self._clock = clock
        self._random = random.Random(seed)
        self._lock = threading.Lock()  # guards the connections and the counters
        self._connections: Dict[int, Connection] = {}

    def forward_open(self, data: bytes, is_large: bool) -> bytes:
        """Reply data of a Forward Open. Raises CipError."""
        if self._faults.refuse_forward_open:
            raise CipError(CONNECTION_FAILURE, OUT_OF_CONNECTIONS)
        if is_large and self._faults.refuse_large_forward_open:
            raise CipError(SERVICE_NOT_SUPPORTED)
        request = _parse_open(data, is_large)
        self._check_path(request.path)
        most = LARGE_CONNECTION_MAX_BYTES if is_large else SMALL_CONNECTION_MAX_BYTES
        if not (0 < request.ot_bytes <= most and 0 < request.to_bytes <= most):
            raise CipError(CONNECTION_FAILURE, INVALID_SIZE, most)
        ot_id = self._add(request)
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

    def find(self, ot_id: int) -> Optional[Connection]:
        """The open connection with this identifier, marked as used now."""
        with self._lock:
            self._expire()
            connection = self._connections.get(ot_id)
            if connection is not None:
                connection.used_s = self._clock()
            return connection

    def count(self) -> int:
        """Connections opened, not closed, not timed out."""
        with self._lock:
            self._expire()
            return len(self._connections)

    def sizes_bytes(self) -> List[int]:
        """Negotiated request sizes of the open connections."""
        with self._lock:
            return [connection.request_bytes for connection in self._connections.values()]

    def forget(self) -> None:
        """Drop all without a word, as a controller does on a restart."""
        with self._lock:
            self._connections.clear()

    def check_hops(self, hops: List[Segment]) -> None:
        """The last hop of a route must lead to our slot. Raises CipError."""
        if self._slot is not None and hops and hops[-1].value != f"1/{self._slot}":
            raise CipError(CONNECTION_FAILURE, BAD_LINK)

    def _add(self, request: OpenRequest) -> int:
        with self._lock:
            self._expire()
            if any(connection.triad == request.triad for connection in self._connections.values()):
                raise CipError(CONNECTION_FAILURE, DUPLICATE)
            if len(self._connections) >= self._max_connections:
                raise CipError(CONNECTION_FAILURE, OUT_OF_CONNECTIONS)
            ot_id = 0
            while ot_id == 0 or ot_id in self._connections:
                ot_id = self._random.getrandbits(32)
            self._connections[ot_id] = Connection(request, ot_id, self._clock())
            self.opened += 1
            return ot_id

    def _expire(self) -> None:
        now_s = self._clock()
        for ot_id in [ot_id for ot_id, item in self._connections.items() if now_s - item.used_s > item.timeout_s]:
            del self._connections[ot_id]

    def _check_path(self, path: bytes) -> None:
        """A route, then the message router. Raises CipError."""
        try:
            segments = parse_path(path)
        except PathError as exc:
            raise CipError(CONNECTION_FAILURE, BAD_PATH) from exc
        hops = [segment for segment in segments if segment.kind == PORT]
        if segments[len(hops) :] != MESSAGE_ROUTER_END:
            raise CipError(CONNECTION_FAILURE, BAD_PATH)
        self.check_hops(hops)


def _parse_open(data: bytes, is_large: bool) -> OpenRequest:
    layout, size_mask = ("<BBIIHHIB3xIIIIBB", 0xFFFF) if is_large else ("<BBIIHHIB3xIHIHBB", 0x01FF)
    if len(data) < struct.calcsize(layout):
        raise CipError(TOO_LITTLE_DATA)
    to_id, serial, vendor, originator, multiplier, *intervals, _, words = struct.unpack_from(layout, data)[3:]
    ot_rpi_us, ot_size, to_rpi_us, to_size = intervals
    path = data[struct.calcsize(layout) :][: 2 * words]
    if len(path) < 2 * words:
        raise CipError(TOO_LITTLE_DATA)
    sizes = ot_size & size_mask, to_size & size_mask
    triad = (serial, vendor, originator)
    return OpenRequest(to_id, triad, multiplier, ot_rpi_us, sizes[0], to_rpi_us, sizes[1], path)
