"""Tags as people write them, and as a controller wants them: `Program:Main.PUMPS[2].Run`, `ALARMS.3`. Pure.

Source of the segments: ODVA volume 1 appendix C, Rockwell 1756-PM020 (symbolic segment addressing).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import List, Optional, Tuple

from ...texts.catalogue import say

MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 510
MAX_INDEX = 0xFFFFFFFF
_PART = re.compile(r"([^\[\]]+)(?:\[\s*([0-9]+(?:\s*,\s*[0-9]+){0,2})\s*\])?")


class TagSyntaxError(ValueError):
    """The text is no tag."""


@dataclass(frozen=True)
class TagPath:
    """Names with their indexes, outermost first, and the bit where one is named."""

    parts: Tuple[Tuple[str, Tuple[int, ...]], ...]
    bit: Optional[int] = None

    @property
    def index(self) -> Tuple[int, ...]:
        """The indexes at the end, () where there are none."""
        return self.parts[-1][1]

    @property
    def key(self) -> str:
        """The same text for every spelling of the same path (names have no case), without the bit."""
        return ".".join(name.lower() + (str(list(index)) if index else "") for name, index in self.parts)

    @property
    def array_key(self) -> str:
        """What neighbouring elements have in common: the path up to the last index."""
        name, index = self.parts[-1]
        return f"{TagPath((*self.parts[:-1], (name, index[:-1]))).key}[]"

    @property
    def parent_key(self) -> str:
        """The key of the structure that this is a member of; "" where there is none."""
        parts = self.parts[:-1]
        is_program = len(parts) == 1 and parts[0][0].lower().startswith("program:")
        return TagPath(parts).key if parts and not is_program else ""

    def at(self, last: int) -> TagPath:
        """The same path with another last index, without a bit."""
        name, index = self.parts[-1]
        return TagPath((*self.parts[:-1], (name, (*index[:-1], last))))

    def member(self, name: str, *index: int) -> TagPath:
        """A member of the structure at this path."""
        return TagPath((*self.parts, (name, index)))

    def encode(self) -> bytes:
        """The padded EPATH without its size byte."""
        path = b""
        for name, index in self.parts:
            raw = name.encode("utf-8")
            path += bytes((0x91, len(raw))) + raw + b"\0" * (len(raw) % 2)
            for number in index:
                path += encode_element(number)
        return path


def encode_element(number: int) -> bytes:
    """The element segment of an index, in the fewest bytes."""
    if number <= 0xFF:
        return bytes((0x28, number))
    return struct.pack("<HH", 0x29, number) if number <= 0xFFFF else struct.pack("<HI", 0x2A, number)


def parse_tag(text: str) -> TagPath:
    """The path that a tag's text means. Raises TagSyntaxError."""
    pieces = text.strip().split(".")
    bit: Optional[int] = None
    if len(pieces) > 1 and re.fullmatch(r"[0-9]{1,2}", pieces[-1]):
        bit = int(pieces.pop())
    parts: List[Tuple[str, Tuple[int, ...]]] = []
    for piece in pieces:
        match = _PART.fullmatch(piece)
        if match is None:
            raise TagSyntaxError(say("tag.no_syntax", tag=text))
        index = tuple(int(number) for number in match.group(2).split(",")) if match.group(2) else ()
        if len(match.group(1).encode("utf-8", "replace")) > MAX_NAME_BYTES or any(n > MAX_INDEX for n in index):
            raise TagSyntaxError(say("tag.too_large", tag=text))
        parts.append((match.group(1), index))
    path = TagPath(tuple(parts), bit)
    if _encoded_size(path) > MAX_PATH_BYTES:
        raise TagSyntaxError(say("tag.too_long", tag=text))
    return path


def _encoded_size(path: TagPath) -> int:
    try:
        return len(path.encode())
    except UnicodeEncodeError:  # half of a surrogate pair, from a file
        return MAX_PATH_BYTES + 1
