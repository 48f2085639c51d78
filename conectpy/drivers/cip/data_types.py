"""What a Logix controller's type codes, structure heads and status codes mean. Pure.

Sources: Rockwell 1756-PM020 (type codes, read replies, status of tag services), ODVA volume 1 appendices B and C.
"""

from __future__ import annotations

import struct
from typing import Callable, Dict, NamedTuple, Optional, Sequence, Tuple

from pycomm3.cip import EXTEND_CODES, SERVICE_STATUS

from ...texts.catalogue import Text, as_text, say

STRUCT_CODE = 0x02A0
STRING_HEAD = struct.pack("<HH", STRUCT_CODE, 0x0FCE)
STRING_BYTES = 88
BOOL_CODE, DWORD_CODE = 0xC1, 0xD3

PARTIAL, SERVICE_NOT_SUPPORTED, REPLY_TOO_LARGE, TOO_MUCH_DATA, EMBEDDED_ERROR = 0x06, 0x08, 0x11, 0x15, 0x1E
PATH_ERRORS = (0x04, 0x05, 0x16)
BEYOND_END = (0xFF, 0x2105)

ToText = Callable[[bytes], str]


class Atomic(NamedTuple):
    """An atomic type: `raw` is the struct code by which values are compared, `typed` the one that makes them.

    They differ where floats are made of bits: NaN is no change of itself.
    """

    name: str
    code: int
    size_bytes: int
    raw: str
    is_word: bool = True
    typed: str = ""


ATOMICS: Dict[int, Atomic] = {
    item.code: item
    for item in (
        Atomic("BOOL", BOOL_CODE, 1, "?", is_word=False),
        Atomic("SINT", 0xC2, 1, "b"),
        Atomic("INT", 0xC3, 2, "h"),
        Atomic("DINT", 0xC4, 4, "i"),
        Atomic("LINT", 0xC5, 8, "q"),
        Atomic("USINT", 0xC6, 1, "B"),
        Atomic("UINT", 0xC7, 2, "H"),
        Atomic("UDINT", 0xC8, 4, "I"),
        Atomic("ULINT", 0xC9, 8, "Q"),
        Atomic("REAL", 0xCA, 4, "I", is_word=False, typed="f"),
        Atomic("LREAL", 0xCB, 8, "Q", is_word=False, typed="d"),
        Atomic("STIME", 0xCC, 4, "i", is_word=False),
        Atomic("DATE", 0xCD, 2, "H", is_word=False),
        Atomic("TIME_OF_DAY", 0xCE, 4, "I", is_word=False),
        Atomic("BYTE", 0xD1, 1, "B"),
        Atomic("WORD", 0xD2, 2, "H"),
        Atomic("DWORD", DWORD_CODE, 4, "I"),
        Atomic("LWORD", 0xD4, 8, "Q"),
        Atomic("FTIME", 0xD6, 4, "i", is_word=False),
        Atomic("LTIME", 0xD7, 8, "q", is_word=False),
        Atomic("ITIME", 0xD8, 2, "h", is_word=False),
        Atomic("TIME", 0xDB, 4, "i", is_word=False),
    )
}


class Definition(NamedTuple):
    """What is known of the element at one path: the type bytes that begin each read reply, its size, its kind.

    `atomic` is None for what is not made of one number. `is_string` tells a structure of LEN and DATA from any other.
    The strings of other controllers (Micro800) have a length of `length_bytes` in front and are as long as their
    text: there `size_bytes` is what room is kept for.
    """

    head: bytes
    size_bytes: int
    atomic: Optional[Atomic] = None
    is_string: bool = False
    length_bytes: int = 0

    @property
    def name(self) -> str:
        """The type as people know it."""
        return "STRING" if self.is_string else type_name(self.head)


STRING = Definition(STRING_HEAD, STRING_BYTES, is_string=True)
PLAIN_STRINGS = {
    b"\xd0\x00": Definition(b"\xd0\x00", 2 + 255, is_string=True, length_bytes=2),
    b"\xda\x00": Definition(b"\xda\x00", 1 + 255, is_string=True, length_bytes=1),
}
"""STRING and SHORT_STRING of ODVA volume 1, by the head of their replies."""


def atomic_of(code: int) -> Optional[Atomic]:
    """The atomic type of a reply's type word. A BOOL's second byte may name the bit it lives in (1756-PM020)."""
    if code & 0xFF == BOOL_CODE and code < 0x0800:
        return ATOMICS[BOOL_CODE]
    return ATOMICS.get(code)


def head_size(data: bytes) -> int:
    """How many bytes of a read reply's data are its type: four for a structure, two for the rest."""
    return 4 if data[:2] == b"\xa0\x02" else 2


def type_name(head: bytes) -> str:
    """The type that the beginning of a read reply's data tells."""
    code = int.from_bytes(head[:2], "little")
    atomic = atomic_of(code)
    if atomic is not None:
        return atomic.name
    if code == STRUCT_CODE:
        return say("tag.type.structure", handle=f"0x{int.from_bytes(head[2:4], 'little'):04x}")
    return say("tag.type.unknown", handle=f"0x{code:04x}")


# -- texts -------------------------------------------------------------------------------------------------------------


def to_string(raw: bytes) -> str:
    """LEN (four bytes) and DATA; a LEN beyond DATA gives all of DATA, as pycomm3 does."""
    return raw[4 : 4 + int.from_bytes(raw[:4], "little")].decode("latin-1")


def plain_string_converter(length_bytes: int) -> ToText:
    """What makes a text of a length in `length_bytes` bytes, then the text."""

    def convert(raw: bytes) -> str:
        return raw[length_bytes : length_bytes + int.from_bytes(raw[:length_bytes], "little")].decode("latin-1")

    return convert


def text_converter(definition: Definition) -> Optional[ToText]:
    """What makes the text of a string's bytes; None: it is no string."""
    if definition.length_bytes:
        return plain_string_converter(definition.length_bytes)
    return to_string if definition.is_string else None


# -- status ------------------------------------------------------------------------------------------------------------

_GENERAL: Dict[int, Text] = {
    0x01: say("cip.failed"),
    0x02: say("cip.resources"),
    0x04: say("cip.no_tag"),
    0x05: say("cip.no_tag"),
    0x06: say("cip.no_room"),
    0x07: say("cip.lost"),
    0x08: say("cip.service"),
    0x0F: say("cip.permission"),
    0x10: say("cip.state"),
    0x11: say("cip.large"),
    0x15: say("cip.much"),
    0x16: say("cip.object"),
    0xFF: say("cip.general"),
}
_EXTENDED: Dict[Tuple[int, int], Text] = {
    (0x01, 0x0100): say("cip.in_use"),
    (0x01, 0x0113): say("cip.connections"),
    (0x01, 0x0203): say("cip.timeout"),
    (0x01, 0x0204): say("cip.message_timeout"),
    (0x01, 0x0311): say("cip.port"),
    (0x01, 0x0312): say("cip.link_address"),
    (0x01, 0x0315): say("cip.segment"),
    (0xFF, 0x0007): say("cip.type"),
    (0xFF, 0x2100): say("cip.privilege"),
    BEYOND_END: say("cip.beyond"),
}
_ADVICE: Dict[str, Text] = {
    "cip.no_tag": say("cip.advice.tag"),
    "cip.permission": say("cip.advice.access"),
    "cip.privilege": say("cip.advice.access"),
    "cip.beyond": say("cip.advice.index"),
    "cip.connections": say("cip.advice.connections"),
    "cip.port": say("cip.advice.slot"),
    "cip.link_address": say("cip.advice.slot"),
    "cip.segment": say("cip.advice.slot"),
}
"""What a person can do, by the code of the words."""


def describe_status(status: int, extended: Sequence[int] = ()) -> Text:
    """`Beyond the end of the array (CIP status 0xff, extended 0x2105)`. What has no code is in the library's words."""
    words = _GENERAL.get(status) or as_text(SERVICE_STATUS.get(status, "")) or say("cip.unknown")
    if extended and status in (0x01, 0xFF):  # elsewhere the words are the vendor's own
        known = EXTEND_CODES.get(status, {}).get(extended[0])
        words = _EXTENDED.get((status, extended[0])) or (as_text(known) if known else words)
    advice, number = _ADVICE.get(words.code, ""), f"0x{status:02x}"
    if not extended:
        return say("cip.status", words=words, status=number, advice=advice)
    numbers = [f"0x{word:04x}" for word in extended[:2]]
    return say("cip.status.extended", words=words, status=number, extended=numbers, advice=advice)
