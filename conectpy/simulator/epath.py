"""EPATH segments (ODVA volume 1, appendix C) and the text form of a tag, both into the same list of segments."""

from __future__ import annotations

import re
import struct
from typing import List, NamedTuple, Optional, Tuple, Union

CLASS, INSTANCE, ELEMENT, ATTRIBUTE, SYMBOL, PORT = "class", "instance", "element", "attribute", "symbol", "port"

_LOGICAL = {0: CLASS, 1: INSTANCE, 2: ELEMENT, 4: ATTRIBUTE}
_NAME = re.compile(r"[^\[\].]+")


class Segment(NamedTuple):
    kind: str
    value: Union[int, str]


class PathError(ValueError):
    """The path is no valid padded EPATH (or no valid tag text)."""


def parse_path(path: bytes) -> List[Segment]:
    """The segments of a padded EPATH (without its size byte). Raises PathError."""
    segments: List[Segment] = []
    at = 0
    try:
        while at < len(path):
            kind = path[at] >> 5
            if path[at] == 0x91:
                segment, at = _parse_symbol(path, at)
            elif kind == 1:
                segment, at = _parse_logical(path, at)
            elif kind == 0:
                segment, at = _parse_port(path, at)
            else:
                raise PathError(f"segment type 0x{path[at]:02x}")
            segments.append(segment)
    except (IndexError, struct.error) as exc:
        raise PathError("path ends inside a segment") from exc
    return segments


def _parse_symbol(path: bytes, at: int) -> Tuple[Segment, int]:
    size = path[at + 1]
    raw = path[at + 2 : at + 2 + size]
    if len(raw) != size or size == 0:
        raise PathError("symbol name ends early")
    return Segment(SYMBOL, raw.decode("latin-1")), at + 2 + size + size % 2


def _parse_logical(path: bytes, at: int) -> Tuple[Segment, int]:
    kind = _LOGICAL.get((path[at] >> 2) & 7)
    width = path[at] & 3
    if kind is None or width == 3:
        raise PathError(f"logical segment 0x{path[at]:02x}")
    if width == 0:
        return Segment(kind, path[at + 1]), at + 2
    if width == 1:
        return Segment(kind, struct.unpack_from("<H", path, at + 2)[0]), at + 4
    return Segment(kind, struct.unpack_from("<I", path, at + 2)[0]), at + 6


def _parse_port(path: bytes, at: int) -> Tuple[Segment, int]:
    """A hop of a route: port number, then a link of one byte (a slot) or of several (an address)."""
    has_long_link, port = path[at] & 0x10, path[at] & 0x0F
    at += 1
    size = 1
    if has_long_link:
        size = path[at]
        at += 1
    if port == 15:
        port = struct.unpack_from("<H", path, at)[0]
        at += 2
    link = path[at : at + size]
    if len(link) != size:
        raise PathError("route ends early")
    end = at + size
    return Segment(PORT, f"{port}/{link[0] if size == 1 else link.decode('latin-1')}"), end + (
        end % 2 if size > 1 else 0
    )


def parse_tag(tag: str) -> Tuple[List[Segment], Optional[int]]:
    """Segments and bit of a tag as people write it: `Program:Main.PUMPS[2].Run`, `WORD.3`. Raises PathError."""
    segments: List[Segment] = []
    bit: Optional[int] = None
    for part in tag.split("."):
        name = _NAME.match(part)
        if name is None or bit is not None:
            raise PathError(f"{tag!r} is no tag")
        if part.isdigit() and segments:
            bit = int(part)
            continue
        segments.append(Segment(SYMBOL, name.group()))
        index = part[name.end() :]
        if index:
            if not re.fullmatch(r"\[\d+(,\d+){0,2}\]", index):
                raise PathError(f"{tag!r}: bad index")
            segments.extend(Segment(ELEMENT, int(number)) for number in index[1:-1].split(","))
    return segments, bit
