"""Requests and responses as whole messages: the header of the one, the verdict of the other."""

from __future__ import annotations

import struct
import time
from typing import Any

from ...errors import DriverError
from ...texts.catalogue import Text, say, text_of
from .library import status_text, ua, ua_binary
from .node_id import PARSE_ERRORS

TOO_DEEP = (RecursionError, MemoryError)
"""What the library's decoder raises for values that lie in each other without end, or lie about their length."""


class ChannelError(DriverError):
    """The channel is unusable from now on. `status` is the server's own code where it sent one."""

    def __init__(self, text: Text, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


def make_request_header(token: bytes, handle: int, timeout_ms: int) -> bytes:
    """A RequestHeader (OPC 10000-4, 7.32) around an encoded AuthenticationToken."""
    ticks = time.time_ns() // 100 + 116_444_736_000_000_000
    return token + struct.pack("<qIIiI", ticks, handle, 0, -1, timeout_ms) + b"\x00\x00\x00"


def decode_response(body: bytes, kind: Any) -> Any:
    """The response as an object of `opcua`. Raises ChannelError with the server's code, or when it does not parse."""
    buffer = ua.utils.Buffer(body)
    try:
        type_id = ua_binary.nodeid_from_binary(buffer)
        if type_id == ua.FourByteNodeId(ua.ObjectIds.ServiceFault_Encoding_DefaultBinary):
            header = ua_binary.struct_from_binary(ua.ResponseHeader, buffer)
            code = header.ServiceResult.value
            raise ChannelError(say("ua.refused", fault=status_text(code)), code)
        if type_id != kind().TypeId:
            raise ChannelError(say("ua.other_answer", got=str(type_id), wanted=kind.__name__))
        response = ua_binary.struct_from_binary(kind, ua.utils.Buffer(body))
    except (
        ua.UaError,
        *PARSE_ERRORS,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        *TOO_DEEP,
    ) as exc:
        raise ChannelError(say("ua.bad_answer", wanted=kind.__name__, fault=text_of(exc))) from exc
    code = response.ResponseHeader.ServiceResult.value
    if code >> 30:
        raise ChannelError(say("ua.refused", fault=status_text(code)), code)
    return response
