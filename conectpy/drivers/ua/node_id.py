"""NodeIds (OPC 10000-6, 5.2.2.9) as bytes and as text, and what every decoder needs. Pure."""

from __future__ import annotations

import base64
import binascii
import re
import struct
import uuid
from typing import NamedTuple, Optional, Tuple

from ...texts.catalogue import say, text_of

_I32 = struct.Struct("<i")
_U16 = struct.Struct("<H")
_NODE4 = struct.Struct("<BH")
_NODE7 = struct.Struct("<HI")


class Malformed(ValueError):
    """The bytes are no OPC UA value."""


PARSE_ERRORS = (Malformed, struct.error, IndexError)
"""What a decoder raises: struct.error and IndexError mean that the message ends too early."""


class NodeId(NamedTuple):
    """`namespace` is the index on one server at one time; `identifier` an int, text, UUID or bytes by `kind` (isgb)."""

    namespace: int
    kind: str
    identifier: object

    def __str__(self) -> str:
        text = self.identifier
        if isinstance(text, bytes):
            text = base64.b64encode(text).decode("ascii")
        prefix = f"ns={self.namespace};" if self.namespace else ""
        return f"{prefix}{self.kind}={text}"


def skip_bytes(data: bytes, pos: int, size: int) -> int:
    if size < 0 or pos + size > len(data):
        raise Malformed(say("parse.size", count=size, left=len(data) - pos))
    return pos + size


def decode_bytes(data: bytes, pos: int) -> Tuple[Optional[bytes], int]:
    (size,) = _I32.unpack_from(data, pos)
    pos += 4
    if size == -1:
        return None, pos
    end = skip_bytes(data, pos, size)
    return data[pos:end], end


_NODE_TEXT = re.compile(r"(?:ns=(\d+);|nsu=(.*?);)?([isgb])=(.+)", re.DOTALL)


def parse_node_id(text: str) -> Tuple[Optional[str], NodeId]:
    """`ns=4;i=3` or `nsu=<uri>;s=name` (OPC 10000-6, 5.3.1.10) -> (namespace URI or None, NodeId).

    With a URI the NodeId's namespace is 0 until the server's NamespaceArray is known. Raises ValueError.
    """
    match = _NODE_TEXT.fullmatch(text.lstrip())
    if match is None:
        raise ValueError(say("node.form", node=text))
    index, uri, kind, rest = match.groups()
    namespace = int(index or 0)
    if namespace > 0xFFFF:
        raise ValueError(say("node.namespace", node=text))
    if uri is not None:
        uri = uri.replace("%3B", ";").replace("%25", "%")
    return uri, NodeId(namespace, kind, _parse_identifier(text, kind, rest))


def _parse_identifier(text: str, kind: str, rest: str) -> object:
    try:
        if kind == "i":
            number = int(rest)
            if not 0 <= number <= 0xFFFFFFFF:
                raise ValueError(say("node.number"))
            return number
        if kind == "g":
            return uuid.UUID(rest)
        if kind == "b":
            return base64.b64decode(rest, validate=True)
    except (ValueError, binascii.Error) as exc:
        raise ValueError(say("node.bad", node=text, fault=text_of(exc))) from exc
    return rest


def encode_node_id(node: NodeId) -> bytes:
    """OPC 10000-6, 5.2.2.9, in its shortest form."""
    namespace, _, identifier = node
    if isinstance(identifier, int):
        if namespace == 0 and identifier <= 0xFF:
            return bytes((0, identifier))
        if namespace <= 0xFF and identifier <= 0xFFFF:
            return struct.pack("<BBH", 1, namespace, identifier)
        return struct.pack("<BHI", 2, namespace, identifier)
    if isinstance(identifier, str):
        return struct.pack("<BH", 3, namespace) + encode_bytes(identifier.encode("utf-8"))
    if isinstance(identifier, uuid.UUID):
        return struct.pack("<BH", 4, namespace) + identifier.bytes_le
    assert isinstance(identifier, bytes)
    return struct.pack("<BH", 5, namespace) + encode_bytes(identifier)


def encode_bytes(data: Optional[bytes]) -> bytes:
    """A String or ByteString: its length (-1: null), then its bytes."""
    return _I32.pack(-1) if data is None else _I32.pack(len(data)) + data


def decode_node_id(data: bytes, pos: int) -> Tuple[NodeId, int]:
    """A NodeId, or an ExpandedNodeId whose URI and server index are checked and left out."""
    flags = data[pos]
    node, pos = decode_plain_node_id(data, pos + 1, flags & 0x3F)
    if flags & 0x80:
        _, pos = decode_bytes(data, pos)
    if flags & 0x40:
        pos = skip_bytes(data, pos, 4)
    return node, pos


def decode_plain_node_id(data: bytes, pos: int, form: int) -> Tuple[NodeId, int]:
    if form == 0:
        return NodeId(0, "i", data[pos]), pos + 1
    if form == 1:
        namespace, number = _NODE4.unpack_from(data, pos)
        return NodeId(namespace, "i", number), pos + 3
    if form == 2:
        namespace, number = _NODE7.unpack_from(data, pos)
        return NodeId(namespace, "i", number), pos + 6
    (namespace,) = _U16.unpack_from(data, pos)
    if form == 3:
        raw, pos = decode_bytes(data, pos + 2)
        return NodeId(namespace, "s", (raw or b"").decode("utf-8", "replace")), pos
    if form == 4:
        end = skip_bytes(data, pos + 2, 16)
        return NodeId(namespace, "g", uuid.UUID(bytes_le=data[pos + 2 : end])), end
    if form == 5:
        raw, pos = decode_bytes(data, pos + 2)
        return NodeId(namespace, "b", raw or b""), pos
    raise Malformed(say("parse.node_form", form=form))
