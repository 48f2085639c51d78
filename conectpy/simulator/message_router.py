"""The message router: one CIP request in, one CIP reply out, no connection, no socket.

Scans repeat the same request bytes, so a multiple service packet that only reads is compiled once into places in
memory and answered from these until the program changes; the answer itself is kept until a value changes.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from typing import List, NamedTuple, Optional, Sequence, Tuple

from .controller import NO_SUCH_INSTANCE, UNKNOWN_PATH, CipError, LogixController, Place
from .epath import ATTRIBUTE, CLASS, INSTANCE, SYMBOL, PathError, Segment, parse_path
from .faults import Faults
from .objects import (
    CHANGES,
    GET_INSTANCE_LIST,
    GET_LIST,
    READ_TEMPLATE,
    SERVICE_NOT_SUPPORTED,
    SIMPLE_OBJECTS,
    SYMBOL_CLASS,
    TEMPLATE,
    get_attributes,
    list_symbols,
    read_template,
    symbol_attributes,
    template_attributes,
)
from .tag_services import READ, REPLY_HEAD_BYTES, REPLY_TOO_LARGE, SUCCESS, TAG_SERVICES, TOO_LITTLE_DATA, Answer

MULTIPLE_SERVICE = 0x0A
MESSAGE_ROUTER = 0x02
EMBEDDED_ERROR, PATH_SIZE_INVALID = 0x1E, 0x26
REPLY_BIT = 0x80
PLANS_KEPT = 64


class ReadPlan(NamedTuple):
    """What a repeated multiple service packet reads: the reply's fixed beginning, then (head, memory, start, end)."""

    generation: int
    beginning: bytes
    parts: Sequence[Tuple[bytes, bytearray, int, int]]


class MessageRouter:
    """Executes CIP requests on a controller. `execute` may be called by any thread."""

    def __init__(self, controller: LogixController, faults: Faults) -> None:
        self.controller = controller
        self.faults = faults
        # Both guarded by the controller's lock.
        self._plans: OrderedDict[bytes, Optional[ReadPlan]] = OrderedDict()
        self._answers: OrderedDict[bytes, Tuple[int, bytes]] = OrderedDict()
        self._plans_generation = 0

    def execute(self, request: bytes, room: int) -> bytes:
        """The reply to one CIP request, at most `room` bytes long; every failure is a reply with its status."""
        with self.controller.lock:
            if request[:1] == b"\x0a" and not self.faults.bad_tags and not self.faults.no_multiple_service:
                reply = self._execute_plan(request)
                if reply is not None and len(reply) <= room:
                    return reply
            return self._execute(request, room, is_embedded=False)

    def _execute(self, request: bytes, room: int, is_embedded: bool) -> bytes:
        service = request[0] if request else 0
        try:
            path, data = _split(request)
            if service == MULTIPLE_SERVICE and not is_embedded:
                status, reply = self._execute_many(path, data, room)
            else:
                status, reply = self._dispatch(service, path, data, room)
        except CipError as exc:
            return _error(service, exc)
        return bytes((service | REPLY_BIT, 0, status, 0)) + reply

    # -- where a request goes ------------------------------------------------------------------------------------------

    def _dispatch(self, service: int, path: bytes, data: bytes, room: int) -> Answer:
        try:
            segments = parse_path(path)
        except PathError as exc:
            raise CipError(*UNKNOWN_PATH) from exc
        scope, rest = self._split_scope(segments)
        if not rest:
            raise CipError(*UNKNOWN_PATH)
        if rest[0].kind == SYMBOL:
            return self._serve_tag(self.controller.resolve(segments), service, data, room)
        if rest[0].kind != CLASS:
            raise CipError(*UNKNOWN_PATH)
        instance = int(rest[1].value) if len(rest) > 1 and rest[1].kind == INSTANCE else 0
        if rest[0].value == SYMBOL_CLASS:
            return self._serve_symbol(scope, instance, rest[2:], service, data, room)
        if rest[0].value == TEMPLATE:
            return self._serve_template(instance, service, data, room)
        return self._serve_object(int(rest[0].value), instance, rest[2:], service, data, room)

    @staticmethod
    def _split_scope(segments: List[Segment]) -> Tuple[str, List[Segment]]:
        """A program's name in front of a class: its own symbols are meant."""
        if len(segments) > 1 and segments[0].kind == SYMBOL and segments[1].kind == CLASS:
            return str(segments[0].value), segments[1:]
        return "", segments

    def _serve_tag(self, place: Place, service: int, data: bytes, room: int) -> Answer:
        handler = TAG_SERVICES.get(service)
        if handler is None:
            raise CipError(SERVICE_NOT_SUPPORTED)
        bad = self.faults.bad_tags.get(place.symbol.full_name.lower())
        if bad is not None:
            raise CipError(bad[0], bad[1])
        return handler(self.controller, place, data, room)

    def _serve_symbol(
        self, scope: str, instance: int, rest: Sequence[Segment], service: int, data: bytes, room: int
    ) -> Answer:
        if service == GET_INSTANCE_LIST:
            return list_symbols(self.controller, scope, instance, data, room)
        symbol = self.controller.by_instance.get((scope.lower(), instance))
        if symbol is None:
            raise CipError(*NO_SUCH_INSTANCE)
        if service == GET_LIST:
            return get_attributes(symbol_attributes(instance, symbol.name, symbol), service, None, data, room)
        return self._serve_tag(self.controller.walk(symbol, rest), service, data, room)

    def _serve_template(self, instance: int, service: int, data: bytes, room: int) -> Answer:
        template = self.controller.catalog.by_template_id.get(instance)
        if template is None:
            raise CipError(*NO_SUCH_INSTANCE)
        if service == READ_TEMPLATE:
            return read_template(template, data, room)
        return get_attributes(template_attributes(template), service, None, data, room)

    def _serve_object(
        self, class_code: int, instance: int, rest: Sequence[Segment], service: int, data: bytes, room: int
    ) -> Answer:
        make = SIMPLE_OBJECTS.get(class_code)
        if make is None or instance != 1 or (class_code == CHANGES and self.faults.no_controller_changes):
            if class_code == MESSAGE_ROUTER and instance == 1:
                raise CipError(SERVICE_NOT_SUPPORTED)
            raise CipError(*NO_SUCH_INSTANCE)
        attribute = int(rest[0].value) if rest and rest[0].kind == ATTRIBUTE else None
        return get_attributes(make(self.controller), service, attribute, data, room)

    # -- multiple service packet ---------------------------------------------------------------------------------------

    def _execute_many(self, path: bytes, data: bytes, room: int) -> Answer:
        """Each service gets what room the earlier ones left, less a bare reply head for each that follows."""
        if self.faults.no_multiple_service:
            raise CipError(SERVICE_NOT_SUPPORTED)
        if path != b"\x20\x02\x24\x01":
            raise CipError(*NO_SUCH_INSTANCE)
        requests = _split_many(data)
        left = room - REPLY_HEAD_BYTES - 2 - 2 * len(requests)
        if left < REPLY_HEAD_BYTES * len(requests):
            raise CipError(REPLY_TOO_LARGE)
        replies: List[bytes] = []
        for number, request in enumerate(requests):
            own_room = left - REPLY_HEAD_BYTES * (len(requests) - number - 1)
            reply = self._execute(request, own_room, is_embedded=True)
            if len(reply) > own_room:  # an extended status has no room any more
                reply = reply[:2] + bytes((reply[2], 0))
            replies.append(reply)
            left -= len(reply)
        status = EMBEDDED_ERROR if any(reply[2] != SUCCESS for reply in replies) else SUCCESS
        return status, _offsets([len(reply) for reply in replies]) + b"".join(replies)

    def _execute_plan(self, request: bytes) -> Optional[bytes]:
        """The reply from a plan made earlier (or now); None: this request has none, execute it step by step."""
        controller = self.controller
        if self._plans_generation != controller.generation:
            self._plans.clear()
            self._answers.clear()
            self._plans_generation = controller.generation
        answer = self._answers.get(request)
        if answer is not None and answer[0] == controller.memory_version:
            return answer[1]
        if request not in self._plans:
            self._plans[request] = self._compile(request)
            if len(self._plans) > PLANS_KEPT:
                self._answers.pop(self._plans.popitem(last=False)[0], None)
        plan = self._plans[request]
        if plan is None:
            return None
        pieces = [plan.beginning]
        for head, memory, start, end in plan.parts:
            pieces.append(head)
            pieces.append(memory[start:end])
        reply = b"".join(pieces)
        self._answers[request] = (controller.memory_version, reply)
        return reply

    def _compile(self, request: bytes) -> Optional[ReadPlan]:
        try:
            path, data = _split(request)
            if path != b"\x20\x02\x24\x01":
                return None
            parts = [self._compile_read(embedded) for embedded in _split_many(data)]
        except (CipError, PathError):
            return None
        beginning = bytes((MULTIPLE_SERVICE | REPLY_BIT, 0, SUCCESS, 0))
        beginning += _offsets([len(head) + end - start for head, _, start, end in parts])
        return ReadPlan(self.controller.generation, beginning, parts)

    def _compile_read(self, request: bytes) -> Tuple[bytes, bytearray, int, int]:
        """Where one embedded read finds its bytes. Raises CipError when it is no plain, good read of whole bytes."""
        path, data = _split(request)
        segments = parse_path(path)
        scope, rest = self._split_scope(segments)
        if request[0] != READ or len(data) != 2 or not rest:
            raise CipError(SERVICE_NOT_SUPPORTED)
        if rest[0].kind == SYMBOL:
            place = self.controller.resolve(segments)
        else:
            if rest[0] != Segment(CLASS, SYMBOL_CLASS) or len(rest) < 2 or rest[1].kind != INSTANCE:
                raise CipError(SERVICE_NOT_SUPPORTED)
            symbol = self.controller.by_instance.get((scope.lower(), int(rest[1].value)))
            if symbol is None:
                raise CipError(*NO_SUCH_INSTANCE)
            place = self.controller.walk(symbol, rest[2:])
        count = struct.unpack("<H", data)[0]
        if place.bit is not None or not 1 <= count <= place.count:
            raise CipError(SERVICE_NOT_SUPPORTED)
        head = bytes((READ | REPLY_BIT, 0, SUCCESS, 0)) + place.data_type.head
        return head, place.symbol.data, place.offset, place.offset + count * place.data_type.size_bytes


def _split(request: bytes) -> Tuple[bytes, bytes]:
    """Path and data of a request. Raises CipError."""
    if len(request) < 2:
        raise CipError(TOO_LITTLE_DATA)
    end = 2 + 2 * request[1]
    if len(request) < end:
        raise CipError(PATH_SIZE_INVALID)
    return request[2:end], request[end:]


def _split_many(data: bytes) -> List[bytes]:
    """The embedded requests of a multiple service packet. Raises CipError."""
    if len(data) < 2:
        raise CipError(TOO_LITTLE_DATA)
    count = struct.unpack_from("<H", data)[0]
    if count == 0 or len(data) < 2 + 2 * count:
        raise CipError(TOO_LITTLE_DATA)
    offsets = [*struct.unpack_from(f"<{count}H", data, 2), len(data)]
    if offsets[0] < 2 + 2 * count or any(start > end for start, end in zip(offsets, offsets[1:])):
        raise CipError(TOO_LITTLE_DATA)
    return [data[start:end] for start, end in zip(offsets, offsets[1:])]


def _offsets(sizes: Sequence[int]) -> bytes:
    offsets = []
    at = 2 + 2 * len(sizes)
    for size in sizes:
        offsets.append(at & 0xFFFF)
        at += size
    return struct.pack(f"<H{len(sizes)}H", len(sizes), *offsets)


def _error(service: int, exc: CipError) -> bytes:
    words = struct.pack(f"<{len(exc.extended)}H", *exc.extended)
    return bytes((service | REPLY_BIT, 0, exc.status, len(exc.extended))) + words
