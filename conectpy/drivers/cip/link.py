"""The EtherNet/IP session and the CIP connection to one controller, where every reply is held against its request.

pycomm3 parses the path, builds the packets and reads the replies; what it leaves unchecked is checked here: command,
length, encapsulation status, session, sender context, connection, sequence number. A link that has failed once is
thrown away. Sources: ODVA volume 2 (encapsulation), volume 1 chapter 3 (Forward Open and Close).
"""

from __future__ import annotations

import logging
import os
import struct
from typing import Dict, List, NamedTuple, Optional, Tuple

from pycomm3 import LogixDriver
from pycomm3.cip import PADDED_EPATH, ConnectionManagerServices
from pycomm3.const import MSG_ROUTER_PATH, PRIORITY, TIMEOUT_TICKS, TRANSPORT_CLASS
from pycomm3.packets import RequestPacket, ResponsePacket, SendUnitDataRequestPacket

from ...texts.catalogue import Text, say, text_of
from .cip_requests import SEQUENCE_BYTES, CipReply, MalformedReply, parse_reply
from .tcp import HEADER_BYTES, CipSocket, LinkError

logging.getLogger("pycomm3").setLevel(logging.CRITICAL)  # what it reports is raised here, as one line

REGISTER_SESSION, SEND_RR_DATA, SEND_UNIT_DATA = 0x65, 0x6F, 0x70
UNCONNECTED_AT, CONNECTED_AT, SEQUENCE_AT = 40, 46, 44
LARGE_BYTES, SMALL_BYTES = 4000, 500
GOODBYE_S = 1.0
CLOSE_TRIES = 3
NO_CONTEXT = bytes(8)

TIMEOUT_FACTOR_CODE, TIMEOUT_FACTOR = 3, 32
MIN_IDLE_S = 64.0
"""A connection that could not be closed is freed by the controller after this long at the latest, and not before a
slow scan had its chance. (pycomm3 asks for 18 minutes.)"""

PAUSES_KEPT = 4
"""A connection outlasts so many of the longest pauses between two requests."""

_ENCAPSULATION_STATUS = {
    0x01: say("link.encapsulation.command"),
    0x02: say("link.encapsulation.memory"),
    0x03: say("link.encapsulation.data"),
    0x64: say("link.encapsulation.session"),
    0x65: say("link.encapsulation.length"),
    0x69: say("link.encapsulation.version"),
}


class Triad(NamedTuple):
    """What names a CIP connection to both sides, and the route it was opened on (an encoded EPATH)."""

    serial: bytes
    vendor: bytes
    originator: bytes
    route: bytes


class RawRequest(SendUnitDataRequestPacket):  # type: ignore[misc]
    """A connected request whose CIP bytes are ready made."""

    def __init__(self, cip: bytes, sequence: int = 0) -> None:
        super().__init__(sequence)
        self.add(cip)


class CipLink(LogixDriver):  # type: ignore[misc]
    """One session with at most one CIP connection. Used by one thread; `abort` by any.

    `timeout_s` bounds each exchange, `idle_s` is the longest pause between two requests. `unclosed` holds the
    connections that were asked for and are not known to be closed, with how often a later link has tried; it may come
    from an earlier link to the same device, which could not say goodbye any more. Every method raises LinkError, after
    which only `hang_up` makes sense.
    """

    def __init__(self, path: str, timeout_s: float, idle_s: float, unclosed: Dict[Triad, int]) -> None:
        super().__init__(path, init_tags=False, init_program_tags=False)
        self._has_given_route = "/" in path.replace("\\", "/").replace(",", "/")
        self._sock = self.socket = CipSocket(timeout_s)
        self._idle_s = max(MIN_IDLE_S, PAUSES_KEPT * idle_s + 10 * timeout_s)
        self._unclosed = unclosed
        self._number = 0
        self._context_base = os.urandom(4)
        self._cfg["csn"] = os.urandom(2)  # pycomm3's is always the same: two connections of one host would collide
        self._last: Optional[ResponsePacket] = None
        self._reply_ids: Tuple[bytes, ...] = ()
        self._echoes_context = True
        self.refused_large: Optional[Text] = None

    # -- session and connection ----------------------------------------------------------------------------------------

    def open(self) -> bool:
        """Connect and register a session; nothing is uploaded."""
        self.socket.connect(self._cfg["ip address"], self._cfg["port"])
        self._connection_opened = True
        self._cfg["cid"] = os.urandom(4)
        self._cfg["vsn"] = os.urandom(4)
        if not self._register_session():
            fault = self._last.error if self._last else None
            raise LinkError(say("link.session_refused", fault=fault or say("link.no_session")))
        return True

    def carries_pause(self, pause_s: float) -> bool:
        """Whether the connection outlasts a pause of this length, with room for a lost reply."""
        return PAUSES_KEPT * pause_s <= self._idle_s

    def close_leftovers(self) -> None:
        """Close the connections that an earlier link had to leave open."""
        for triad, tries in list(self._unclosed.items()):
            self._unclosed[triad] = tries + 1
            if tries < CLOSE_TRIES:  # a device that never answers this must not keep us from it
                self._request_close(triad)
            del self._unclosed[triad]  # closed, or the device does not know it any more

    def open_connection(self) -> None:
        """Open the CIP connection: a large one, else a small one, else one without the slot nobody asked for."""
        refusal = self._try_open(is_large=True)
        if refusal is not None:
            self.refused_large = refusal.reason
            refusal = self._try_open(is_large=False)
        if refusal is not None and not self._has_given_route and self._cfg["cip_path"]:
            self._cfg["cip_path"] = []  # a Micro800 has no backplane
            refusal = self._try_open(is_large=False) and refusal
        if refusal is not None:
            raise LinkError(say("link.open_refused", fault=refusal.reason))

    def _try_open(self, is_large: bool) -> Optional[CipReply]:
        """None when the connection is open, else the refusal."""
        self._cfg["extended forward open"] = is_large
        self._cfg["connection_size"] = LARGE_BYTES if is_large else SMALL_BYTES
        route = PADDED_EPATH.encode(self._cfg["cip_path"] + MSG_ROUTER_PATH, length=True)
        triad = Triad(os.urandom(2), self._cfg["vid"], self._cfg["vsn"], route)
        self._cfg["csn"] = triad.serial
        self._unclosed[triad] = 0  # from here on the controller may have it, whatever becomes of the reply
        service = ConnectionManagerServices.large_forward_open if is_large else ConnectionManagerServices.forward_open
        reply = self._ask_manager(service, self._forward_open_data(is_large), route)
        if reply.status:
            del self._unclosed[triad]
            return reply
        if len(reply.data) < 16 or reply.data[8:16] != triad.serial + triad.vendor + triad.originator:
            raise LinkError(say("link.open_other"))
        self._target_cid = reply.data[:4]
        self._reply_ids = (self._cfg["cid"], reply.data[4:8], self._target_cid)
        self._target_is_connected = True
        return None

    def _forward_open_data(self, is_large: bool) -> bytes:
        """ODVA volume 1, 3-5.5.2: point to point, low priority, variable size; class 3, server."""
        flags, size = 0x4200, self._cfg["connection_size"]
        parameters = struct.pack("<I", flags << 16 | size) if is_large else struct.pack("<H", flags | size)
        interval = struct.pack("<I", min(0xFFFFFFFF, int(self._idle_s / TIMEOUT_FACTOR * 1e6)))
        names = self._cfg["cid"] + self._cfg["csn"] + self._cfg["vid"] + self._cfg["vsn"]
        head = PRIORITY + TIMEOUT_TICKS + bytes(4) + names + bytes((TIMEOUT_FACTOR_CODE, 0, 0, 0))
        return bytes(head + interval + parameters + interval + parameters + TRANSPORT_CLASS)

    def _request_close(self, triad: Triad) -> CipReply:
        return self._ask_manager(ConnectionManagerServices.forward_close, _close_data(triad), _padded(triad.route))

    def _ask_manager(self, service: bytes, data: bytes, route: bytes) -> CipReply:
        """One request to the connection manager."""
        self.generic_message(
            service=service,
            class_code=b"\x06",
            instance=b"\x01",
            request_data=data,
            route_path=route,
            connected=False,
            return_response_packet=True,
        )
        assert self._last is not None
        return _parse(service[0], self._last.raw[UNCONNECTED_AT:])

    def hang_up(self) -> None:
        """Forward Close, UnRegisterSession, close the socket: about a second at most. Never raises.

        A reply to something else may still be under way: the goodbye waits for its own.
        """
        if self._session and self._unclosed:
            message, mark = self._goodbye(list(self._unclosed))
            if not self._echoes_context:
                # without a context only a reply to the one request that is out is known to be its own
                is_alone = self.socket.is_usable and len(self._unclosed) == 1
                mark = struct.pack("<II8s", self._session, 0, NO_CONTEXT) if is_alone else b""
            if self.socket.say_goodbye(message, mark, GOODBYE_S) and mark:
                self._unclosed.clear()
        if self._session:
            self.socket.say_goodbye(self._header(0x66, 0, bytes(8)), b"", GOODBYE_S)
        self.socket.close()
        self._connection_opened = self._target_is_connected = False

    def _goodbye(self, triads: List[Triad]) -> Tuple[bytes, bytes]:
        """A Forward Close for each connection, and the context that marks the last reply."""
        message, context = b"", b""
        for triad in triads:
            context = self._next_context()
            request = ConnectionManagerServices.forward_close + b"\x02\x20\x06\x24\x01"
            request += _close_data(triad) + _padded(triad.route)
            body = struct.pack("<IHHHHHH", 0, 10, 2, 0, 0, 0xB2, len(request)) + request
            message += self._header(SEND_RR_DATA, len(body), context) + body
        return message, context

    def _header(self, command: int, length: int, context: bytes) -> bytes:
        return struct.pack("<HHII8sI", command, length, self._session, 0, context, 0)

    def abort(self) -> None:
        """Make a blocked call fail at once."""
        self.socket.abort()

    # -- exchanges -----------------------------------------------------------------------------------------------------

    @property
    def room_bytes(self) -> int:
        """The most bytes a CIP request, and a CIP reply, may have on this connection."""
        return int(self._cfg["connection_size"]) - SEQUENCE_BYTES

    def send(self, request: RequestPacket) -> ResponsePacket:
        """pycomm3's own way to send any packet, with the reply checked."""
        message = request.build_request(
            target_cid=self._target_cid,
            session_id=self._session or 0,
            context=self._next_context() if self._session else NO_CONTEXT,  # some refuse to register any other
            option=0,
            sequence=self._sequence,
        )
        if request.no_response:
            self.socket.send(message)
            return request.response_class(request, None)
        reply = self.socket.exchange(message)
        self._check(message, reply)
        self._last = request.response_class(request, reply)
        return self._last

    def prepare(self, cip: bytes) -> bytearray:
        """The whole message of a connected request, to be sent many times by `exchange`."""
        packet = RawRequest(cip)
        return bytearray(packet.build_request(self._target_cid, self._session, bytes(8), 0))

    def exchange(self, message: bytearray) -> bytes:
        """Send a prepared message under a new sequence number; the CIP reply."""
        sequence = next(self._sequence)
        struct.pack_into("<H", message, SEQUENCE_AT, sequence)
        reply = self.socket.exchange(message)
        if (
            reply[:2] != b"\x70\x00"
            or reply[4:12] != message[4:12]
            or reply[36:40] not in self._reply_ids
            or reply[30:36] != message[30:36]
            or reply[40:42] != b"\xb1\x00"
            or reply[SEQUENCE_AT:CONNECTED_AT] != message[SEQUENCE_AT:CONNECTED_AT]
            or int.from_bytes(reply[42:44], "little") != len(reply) - SEQUENCE_AT
        ):
            self._check(message, reply)
        return reply[CONNECTED_AT:]

    def ask(self, cip: bytes) -> bytes:
        """One connected request; the CIP reply."""
        return self.exchange(self.prepare(cip))

    def _next_context(self) -> bytes:
        """Eight bytes that no other request of this link has."""
        self._number += 1
        return self._context_base + struct.pack("<I", self._number)

    def _check(self, request: bytes, reply: bytes) -> None:
        """Raises LinkError unless `reply` answers `request`: a wrong value must never come out of a mix-up."""
        fault = self._fault(request, reply)
        if fault is not None:
            self.socket.is_usable = False
            raise LinkError(fault)

    def _fault(self, request: bytes, reply: bytes) -> Optional[Text]:
        command, _, session, status = struct.unpack_from("<HHII", reply)
        asked, _, own_session = struct.unpack_from("<HHI", request)
        if command != asked:
            return say("link.other_command", got=f"0x{command:02x}", asked=f"0x{asked:02x}")
        if status:
            words = _ENCAPSULATION_STATUS.get(status) or say("link.encapsulation.unknown")
            return say("link.encapsulation", status=f"0x{status:04x}", words=words)
        if asked == REGISTER_SESSION:
            is_sound = len(reply) == HEADER_BYTES + 4 and session and reply[12:20] == request[12:20]
            return None if is_sound else say("link.bad_registration")
        if session != own_session:
            return say("link.other_session")
        if asked == SEND_UNIT_DATA:
            return self._connected_fault(request, reply)
        if reply[12:20] == NO_CONTEXT:
            self._echoes_context = False  # the session's handle has to do: only one request is out at a time
        elif reply[12:20] != request[12:20]:
            return say("link.other_context")
        if asked == SEND_RR_DATA:
            return _item_fault(reply, UNCONNECTED_AT, b"\x02\x00\x00\x00\x00\x00\xb2\x00")
        return None

    def _connected_fault(self, request: bytes, reply: bytes) -> Optional[Text]:
        if reply[36:40] not in self._reply_ids:
            return say("link.other_connection")
        fault = _item_fault(reply, SEQUENCE_AT, b"\x02\x00\xa1\x00\x04\x00" + reply[36:40] + b"\xb1\x00")
        if fault is None and reply[SEQUENCE_AT:CONNECTED_AT] != request[SEQUENCE_AT:CONNECTED_AT]:
            return say("link.other_sequence")
        return fault


def _item_fault(reply: bytes, data_at: int, items: bytes) -> Optional[Text]:
    """Whether the common packet format holds exactly these items, with data to the message's end."""
    if reply[30 : data_at - 2] != items or len(reply) < data_at + 2:
        return say("link.malformed")
    (size,) = struct.unpack_from("<H", reply, data_at - 2)
    return None if size == len(reply) - data_at else say("link.bad_lengths")


def _close_data(triad: Triad) -> bytes:
    return bytes(PRIORITY + TIMEOUT_TICKS) + triad.serial + triad.vendor + triad.originator


def _padded(route: bytes) -> bytes:
    """Forward Close wants a reserved byte behind the path's size, which Forward Open does not."""
    return route[:1] + b"\0" + route[1:]


def _parse(service: int, reply: bytes) -> CipReply:
    try:
        return parse_reply(service, reply)
    except MalformedReply as exc:
        raise LinkError(text_of(exc)) from exc
