"""Logix data types: atomic codes, structures with their templates, and values to bytes and back.

Sources: Rockwell 1756-PM020 (type codes, template object, structure layout), ODVA volume 1 appendix C.
"""

from __future__ import annotations

import binascii
import re
import struct
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

STRING_TEMPLATE_ID = 0xFCE
FIRST_TEMPLATE_ID = 0x105
STRUCT_TYPE_CODE = 0x02A0

StructSpec = Sequence[Tuple[str, str]]
"""Members of a structure in order: (name, type text)."""


class Atomic(NamedTuple):
    name: str
    code: int
    size_bytes: int
    layout: str

    @property
    def alignment(self) -> int:
        return self.size_bytes

    @property
    def head(self) -> bytes:
        """What precedes the data in a read reply and a write request."""
        return struct.pack("<H", self.code)


ATOMICS: Dict[str, Atomic] = {
    item.name: item
    for item in (
        Atomic("BOOL", 0xC1, 1, "?"),
        Atomic("SINT", 0xC2, 1, "b"),
        Atomic("INT", 0xC3, 2, "h"),
        Atomic("DINT", 0xC4, 4, "i"),
        Atomic("LINT", 0xC5, 8, "q"),
        Atomic("USINT", 0xC6, 1, "B"),
        Atomic("UINT", 0xC7, 2, "H"),
        Atomic("UDINT", 0xC8, 4, "I"),
        Atomic("ULINT", 0xC9, 8, "Q"),
        Atomic("REAL", 0xCA, 4, "f"),
        Atomic("LREAL", 0xCB, 8, "d"),
        Atomic("BYTE", 0xD1, 1, "B"),
        Atomic("WORD", 0xD2, 2, "H"),
        Atomic("DWORD", 0xD3, 4, "I"),
        Atomic("LWORD", 0xD4, 8, "Q"),
    )
}


@dataclass(frozen=True)
class Member:
    """`count` is 0 for a scalar; `bit` is set for a BOOL, which lives in the byte at `offset`."""

    name: str
    data_type: DataType
    offset: int
    count: int = 0
    bit: Optional[int] = None
    is_hidden: bool = False
    bool_count: int = 0


class Struct:
    """A structure type: its members at the offsets a controller gives them, its handle, its template's bytes."""

    def __init__(self, name: str, template_id: int, spec: Sequence[Tuple[str, TypeText]]) -> None:
        self.name = name
        self.template_id = template_id
        self.members, self.size_bytes, self.alignment = _lay_out(name, spec)
        self.by_name = {member.name.lower(): member for member in self.members}
        self.is_string = [member.name for member in self.members] == ["LEN", "DATA"]
        self.handle = 0x0FCE if template_id == STRING_TEMPLATE_ID else self._checksum()
        self.definition = self._define()
        self.head = struct.pack("<HH", STRUCT_TYPE_CODE, self.handle)

    @property
    def code(self) -> int:
        return 0x8000 | self.template_id

    @property
    def visible(self) -> List[Member]:
        return [member for member in self.members if not member.is_hidden]

    @property
    def definition_words(self) -> int:
        """Attribute 4 of the template: clients ask for four times this less 23 bytes (1756-PM020)."""
        return (len(self.definition) + 20) // 4

    def _checksum(self) -> int:
        text = self.name + "".join(f"{m.name}{m.data_type.name}{m.count}{m.offset}" for m in self.members)
        return binascii.crc_hqx(text.encode("latin-1", "replace"), 0) or 1

    def _define(self) -> bytes:
        """Eight bytes per member, then the names; zeros up to what the longest-asking client asks for."""
        infos = b""
        for member in self.members:
            code = member.data_type.code | (0x2000 if member.count else 0)
            infos += struct.pack("<HHI", member.bit if member.bit is not None else member.count, code, member.offset)
        if self.template_id == STRING_TEMPLATE_ID:
            names = ["ASCIISTRING82"]
        else:
            names = [self.name + ";n" + "".join("ED" if member.is_hidden else "EB" for member in self.members)]
        names += [member.name for member in self.members]
        raw = infos + b"".join(name.encode("latin-1", "replace") + b"\0" for name in names)
        return raw + bytes(-len(raw) % 4 + 4)


DataType = Union[Atomic, Struct]


@dataclass(frozen=True)
class TypeText:
    """A parsed type: BOOL arrays are arrays of DWORD with `bool_count` bits in use."""

    data_type: DataType
    dims: Tuple[int, ...] = ()
    bool_count: int = 0

    @property
    def count(self) -> int:
        """Elements altogether; 1 for a scalar."""
        total = 1
        for dim in self.dims:
            total *= dim
        return total

    @property
    def size_bytes(self) -> int:
        return self.count * self.data_type.size_bytes


class TypeCatalog:
    """The types of one program: atomic ones, STRING, and its structures. Raises ValueError on an unknown type."""

    def __init__(self, specs: Mapping[str, StructSpec]) -> None:
        self._specs = dict(specs)
        self._structs: Dict[str, Struct] = {}
        self.by_template_id: Dict[int, Struct] = {}
        self._add("STRING", STRING_TEMPLATE_ID, (("LEN", "DINT"), ("DATA", "SINT[82]")))
        for name in self._specs:
            self._find(name, ())

    def parse(self, text: str, _parents: Tuple[str, ...] = ()) -> TypeText:
        """`REAL`, `DINT[10]`, `INT[2,3]`, `BOOL[40]`, `STRING`, `PUMP[4]`."""
        match = re.fullmatch(r"([A-Za-z_]\w*)(?:\[(\d+(?:,\d+){0,2})\])?", text)
        if match is None:
            raise ValueError(f"{text!r} is no type")
        dims = tuple(int(number) for number in match.group(2).split(",")) if match.group(2) else ()
        if any(dim < 1 for dim in dims):
            raise ValueError(f"{text!r}: an array has at least one element")
        if match.group(1) == "BOOL" and dims:
            return TypeText(ATOMICS["DWORD"], ((dims[0] + 31) // 32,), dims[0])
        return TypeText(ATOMICS.get(match.group(1)) or self._find(match.group(1), _parents), dims)

    def _find(self, name: str, parents: Tuple[str, ...]) -> Struct:
        if name in self._structs:
            return self._structs[name]
        if name not in self._specs or name in parents:
            raise ValueError(f"unknown type {name!r}")
        return self._add(name, FIRST_TEMPLATE_ID + 7 * len(self._structs), self._specs[name], (*parents, name))

    def _add(self, name: str, template_id: int, spec: StructSpec, parents: Tuple[str, ...] = ()) -> Struct:
        parsed = [(member, self.parse(text, parents)) for member, text in spec]
        template_id = STRING_TEMPLATE_ID if name == "STRING" else FIRST_TEMPLATE_ID + 7 * len(self._structs)
        made = Struct(name, template_id, parsed)
        self._structs[name] = made
        self.by_template_id[template_id] = made
        return made


def _lay_out(name: str, spec: Sequence[Tuple[str, TypeText]]) -> Tuple[List[Member], int, int]:
    """Members with offsets, size, alignment: BOOLs share hidden SINTs, the rest is aligned to its size."""
    members: List[Member] = []
    offset, widest, bits_used, host = 0, 4, 8, 0
    for member_name, type_text in spec:
        data_type = type_text.data_type
        if data_type is ATOMICS["BOOL"]:
            if bits_used == 8:
                host, bits_used = offset, 0
                members.append(Member(f"ZZZZZZZZZZ{name}{len(members)}", ATOMICS["SINT"], host, is_hidden=True))
                offset += 1
            members.append(Member(member_name, data_type, host, bit=bits_used))
            bits_used += 1
            continue
        bits_used = 8
        alignment = max(4, data_type.alignment) if type_text.dims else data_type.alignment
        widest = max(widest, alignment)
        offset += -offset % alignment
        count = type_text.count if type_text.dims else 0
        members.append(Member(member_name, data_type, offset, count, bool_count=type_text.bool_count))
        offset += type_text.size_bytes
    return members, offset + -offset % widest, widest


# -- values ------------------------------------------------------------------------------------------------------------


def encode(data_type: DataType, value: Any) -> bytes:
    """One element as a controller keeps it. Raises ValueError, TypeError or struct.error when it does not fit."""
    if isinstance(data_type, Atomic):
        if data_type.layout == "?":
            return b"\x01" if value else b"\x00"
        return struct.pack("<" + data_type.layout, value if data_type.layout in "fd" else int(value))
    if data_type.is_string:
        return _encode_string(data_type, value)
    image = bytearray(data_type.size_bytes)
    for member in data_type.visible:
        if member.name not in value:
            continue
        if member.bit is not None:
            image[member.offset] |= int(bool(value[member.name])) << member.bit
        else:
            raw = encode_all(member.data_type, member.count, value[member.name], member.bool_count)
            image[member.offset : member.offset + len(raw)] = raw
    return bytes(image)


def encode_all(data_type: DataType, count: int, value: Any, bool_count: int = 0) -> bytes:
    """A scalar (`count` 0) or an array from a flat list; a BOOL array from a list of booleans."""
    if not count:
        return encode(data_type, value)
    if bool_count:
        value = _to_words(value, count)
    if len(value) != count:
        raise ValueError(f"{len(value)} values for {count} elements")
    if isinstance(data_type, Atomic) and data_type.layout != "?":
        return struct.pack(f"<{count}{data_type.layout}", *value)
    return b"".join(encode(data_type, item) for item in value)


def decode(data_type: DataType, raw: bytes) -> Any:
    """The value of one element; a structure as a dict of its visible members, a STRING as text."""
    if isinstance(data_type, Atomic):
        return struct.unpack_from("<" + data_type.layout, raw)[0]
    if data_type.is_string:
        size = max(0, min(struct.unpack_from("<i", raw)[0], len(raw) - 4))
        return bytes(raw[4 : 4 + size]).decode("latin-1")
    found: Dict[str, Any] = {}
    for member in data_type.visible:
        if member.bit is not None:
            found[member.name] = bool(raw[member.offset] >> member.bit & 1)
        else:
            found[member.name] = decode_all(member.data_type, member.count, raw[member.offset :], member.bool_count)
    return found


def decode_all(data_type: DataType, count: int, raw: bytes, bool_count: int = 0) -> Any:
    """A scalar (`count` 0) or a flat list; `bool_count` turns DWORDs into that many booleans."""
    if not count:
        return decode(data_type, raw)
    size = data_type.size_bytes
    values = [decode(data_type, raw[at * size : (at + 1) * size]) for at in range(count)]
    if bool_count:
        return [bool(values[bit // 32] >> bit % 32 & 1) for bit in range(bool_count)]
    return values


def _encode_string(data_type: Struct, value: str) -> bytes:
    room = data_type.by_name["data"].count
    raw = value.encode("latin-1", "replace")
    if len(raw) > room:
        raise ValueError(f"text of {len(raw)} bytes in a STRING of {room}")
    return (struct.pack("<i", len(raw)) + raw).ljust(data_type.size_bytes, b"\0")


def _to_words(bits: Sequence[bool], count: int) -> List[int]:
    words = [0] * count
    for number, bit in enumerate(bits):
        words[number // 32] |= int(bool(bit)) << number % 32
    return words
