"""The inside of a simulated Logix controller: its program's symbols, its memory, its mode. No protocol, no sockets."""

from __future__ import annotations

import random
import struct
import threading
import time
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .epath import ELEMENT, SYMBOL, PathError, Segment, parse_tag
from .tag_types import DataType, StructSpec, TypeCatalog, TypeText, decode, decode_all, encode_all

TagSpecs = Mapping[str, Tuple[str, Any]]
"""tag -> (type text, value); a program tag is written `Program:Main.NAME`. An array's value is a flat list."""

PRODUCT_NAME = "1756-L83E conectpy simulator"
PROBE_NAME = "conectpy simulator"
"""What a product name contains when the device is one of ours."""

STATUS_BY_MODE = {"RUN": 0x3060, "PROGRAM": 0x3070, "FAULT": 0x3450, "HARD RUN": 0x1060, "HARD PROGRAM": 0x2070}
"""Identity status: bits 4-7 device state (6 running, 7 idle, 5 major fault), bit 10 major recoverable fault,
bits 12-13 keyswitch (1 run, 2 program, 3 remote)."""

LAST_SHORT_ID = 0xFF00
"""Above this an instance id needs four bytes, which not every client can write."""

CONTROLLER_SCOPE = ""
UNKNOWN_PATH, NO_SUCH_INSTANCE, BEYOND_END = (0x04, 0x0000), (0x05, 0x0000), (0xFF, 0x2105)


class CipError(Exception):
    """A CIP general status other than success, with its extended status words."""

    def __init__(self, status: int, *extended: int) -> None:
        super().__init__(f"CIP status 0x{status:02x} {[hex(word) for word in extended]}")
        self.status = status
        self.extended = extended


class Symbol:
    """One tag of the program; `data` is its memory."""

    __slots__ = ("bad", "data", "instance_id", "name", "scope", "type_text")

    def __init__(self, scope: str, name: str, type_text: TypeText, data: bytearray) -> None:
        self.scope = scope
        self.name = name
        self.type_text = type_text
        self.data = data
        self.instance_id = 0

    @property
    def full_name(self) -> str:
        return f"{self.scope}.{self.name}" if self.scope else self.name

    @property
    def type_word(self) -> int:
        """Attribute 2: bit 15 structure, bits 13-14 dimensions, low bits type code or template."""
        return self.type_text.data_type.code | len(self.type_text.dims) << 13


@dataclass(frozen=True)
class Place:
    """What a path leads to: `count` elements of `data_type` from `offset` on, or one bit of the byte there."""

    symbol: Symbol
    offset: int
    data_type: DataType
    count: int
    bit: Optional[int] = None
    bool_count: int = 0
    is_array: bool = False


class LogixController:
    """A controller whose program has the tags of `tags`. Its methods may be called by any thread.

    Values are set with `write` and `update` and read with `read`. The program is changed by a download: `shuffle`,
    `remove_tag`, `rename_tag`, `change_type`, `add_tag`, `download`. `product_name`, `revision` (below 21 clients
    do without instance ids), `name`, `clock_offset_s` (its wall clock against this machine's) and `mode` ("RUN",
    "PROGRAM", "FAULT", "HARD RUN", "HARD PROGRAM") are attributes.
    """

    def __init__(
        self,
        tags: Optional[TagSpecs] = None,
        structs: Optional[Mapping[str, StructSpec]] = None,
        name: str = "Simulator",
        seed: int = 0,
        product_name: str = PRODUCT_NAME,
        revision: Tuple[int, int] = (33, 11),
    ) -> None:
        self.lock = threading.RLock()  # guards the symbols, their memory and everything derived from them
        self.name = name
        self.product_name = product_name
        self.revision = revision
        self.mode = "RUN"
        self.clock_offset_s = 0.0
        self.serial_number = random.Random(f"{name}/{seed}").getrandbits(32)
        self.generation = 0  # grows with every change of the program
        self.memory_version = 0  # grows with every change of a value
        self.changes = (5, 1, 0, 0, 0)  # class 0xAC attributes 1, 2, 3, 4, 10
        self._random = random.Random(f"{name}/{seed}/ids")
        self._structs = dict(structs or {})
        self._specs: Dict[str, str] = {}
        self.symbols: Dict[str, Symbol] = {}
        self.by_instance: Dict[Tuple[str, int], Symbol] = {}
        self.listing: Dict[str, List[Tuple[int, str, Optional[Symbol]]]] = {}
        self._places: Dict[str, Tuple[Place, Optional[int]]] = {}
        self.catalog = TypeCatalog({})
        self.download(tags or {}, structs or {})

    @property
    def status_word(self) -> int:
        return STATUS_BY_MODE[self.mode]

    def set_mode(self, mode: str) -> None:
        """`mode = mode`, but raises ValueError for one that there is not."""
        if mode not in STATUS_BY_MODE:
            raise ValueError(f"one of {', '.join(STATUS_BY_MODE)}")
        self.mode = mode

    # -- values --------------------------------------------------------------------------------------------------------

    def write(self, tag: str, value: Any) -> float:
        """Set a tag, element, member or bit. Returns the epoch seconds from which on every read sees it.

        Raises KeyError for an unknown tag, ValueError for a value that does not fit.
        """
        with self.lock:
            now_s = time.time()
            self._store(tag, value)
        return now_s

    def update(self, values: Mapping[str, Any]) -> float:
        """`write` for many, seen together; what the program does not have, or not as such a type, is skipped."""
        with self.lock:
            now_s = time.time()
            for tag, value in values.items():
                try:
                    self._store(tag, value)
                except (KeyError, ValueError):
                    continue
        return now_s

    def read(self, tag: str) -> Any:
        """The value of a tag, element, member or bit; a whole array as a flat list. Raises KeyError."""
        with self.lock:
            place, bit = self._place(tag)
            raw = bytes(place.symbol.data[place.offset :])
        if place.bit is not None:
            return bool(raw[0] >> place.bit & 1)
        if bit is not None and place.bool_count:
            return bool(decode(place.data_type, raw) >> bit & 1)
        value = decode_all(place.data_type, place.count if place.is_array else 0, raw, place.bool_count)
        return value if bit is None else bool(value >> bit & 1)

    def tags(self) -> List[str]:
        """The names of all tags, program tags with their prefix."""
        with self.lock:
            return [symbol.full_name for symbol in self.symbols.values()]

    def _store(self, tag: str, value: Any) -> None:
        place, bit = self._place(tag)
        data = place.symbol.data
        if place.bit is not None:
            bit, size = place.bit, 1
        else:
            size = place.data_type.size_bytes
        if bit is not None:
            word = int.from_bytes(data[place.offset : place.offset + size], "little")
            word = word | 1 << bit if value else word & ~(1 << bit)
            raw = word.to_bytes(size, "little")
        else:
            try:
                raw = encode_all(place.data_type, place.count if place.is_array else 0, value, place.bool_count)
            except (struct.error, ArithmeticError, TypeError, AttributeError) as exc:
                raise ValueError(f"{tag}: {value!r} is no {place.data_type.name}") from exc
        data[place.offset : place.offset + len(raw)] = raw
        self.memory_version += 1

    def _place(self, tag: str) -> Tuple[Place, Optional[int]]:
        found = self._places.get(tag)
        if found is None:
            try:
                found = self._locate(tag)
            except (PathError, CipError) as exc:
                raise KeyError(tag) from exc
            self._places[tag] = found
        return found

    def _locate(self, tag: str) -> Tuple[Place, Optional[int]]:
        """Like `resolve`, but an index of a BOOL array counts bits, as in the program's own text."""
        segments, bit = parse_tag(tag)
        if bit is None and [segment.kind for segment in segments[-2:]] == [SYMBOL, ELEMENT]:
            whole = self.resolve(segments[:-1])
            if whole.bool_count:
                index = int(segments[-1].value)
                if index >= whole.bool_count:
                    raise CipError(*BEYOND_END)
                return replace(whole, offset=whole.offset + index // 8, bit=index % 8), None
        place = self.resolve(segments)
        if bit is not None and (place.is_array or bit >= 8 * place.data_type.size_bytes):
            raise CipError(*BEYOND_END)
        return place, bit

    # -- paths ---------------------------------------------------------------------------------------------------------

    def resolve(self, segments: Sequence[Segment]) -> Place:
        """The place that symbolic segments lead to. Raises CipError as a controller would; hold the lock."""
        scope, rest = self._split_scope(segments)
        if not rest or rest[0].kind != SYMBOL:
            raise CipError(*UNKNOWN_PATH)
        full_name = f"{scope}.{rest[0].value}" if scope else str(rest[0].value)
        symbol = self.symbols.get(full_name.lower())
        if symbol is None:
            raise CipError(*UNKNOWN_PATH)
        return self.walk(symbol, rest[1:])

    @staticmethod
    def _split_scope(segments: Sequence[Segment]) -> Tuple[str, Sequence[Segment]]:
        if segments and segments[0].kind == SYMBOL and str(segments[0].value).lower().startswith("program:"):
            return str(segments[0].value), segments[1:]
        return CONTROLLER_SCOPE, segments

    def walk(self, symbol: Symbol, segments: Sequence[Segment]) -> Place:
        """From a tag on through elements and members. Raises CipError; hold the lock."""
        type_text = symbol.type_text
        place = Place(symbol, 0, type_text.data_type, type_text.count, None, type_text.bool_count, bool(type_text.dims))
        at, dims = 0, type_text.dims
        while at < len(segments):
            if segments[at].kind == ELEMENT:
                end = at
                while end < len(segments) and segments[end].kind == ELEMENT:
                    end += 1
                place = _index(place, dims, [int(segment.value) for segment in segments[at:end]])
                at, dims = end, ()
            elif segments[at].kind == SYMBOL:
                place = _member(place, str(segments[at].value))
                dims = (place.count,) if place.is_array else ()
                at += 1
            else:
                raise CipError(*UNKNOWN_PATH)
        return place

    # -- the program ---------------------------------------------------------------------------------------------------

    def download(self, tags: TagSpecs, structs: Optional[Mapping[str, StructSpec]] = None) -> None:
        """Replace the whole program: other tags, other instance ids. Raises ValueError on an unknown type."""
        catalog = TypeCatalog(self._structs if structs is None else structs)
        symbols: Dict[str, Symbol] = {}
        for tag, (type_name, value) in tags.items():
            scope, _, name = tag.partition(".") if tag.lower().startswith("program:") else ("", "", tag)
            type_text = catalog.parse(type_name)
            count = type_text.count if type_text.dims else 0
            data = bytearray(encode_all(type_text.data_type, count, value, type_text.bool_count))
            symbols[tag.lower()] = Symbol(scope, name, type_text, data)
        with self.lock:
            self._structs = dict(self._structs if structs is None else structs)
            self.catalog = catalog
            self._specs = {tag: type_name for tag, (type_name, _) in tags.items()}
            self._install(symbols)

    def shuffle(self) -> None:
        """Download the same program again: every tag keeps its value and gets another tag's instance id."""
        with self.lock:
            self._install(self.symbols)

    def remove_tag(self, tag: str) -> None:
        """Download the program without this tag. Raises KeyError."""
        with self.lock:
            self._download_changed({name: spec for name, spec in self._present().items() if name != self._known(tag)})

    def rename_tag(self, tag: str, new_name: str) -> None:
        """Download the program with this tag under another name. Raises KeyError."""
        with self.lock:
            known = self._known(tag)
            self._download_changed({new_name if n == known else n: spec for n, spec in self._present().items()})

    def change_type(self, tag: str, type_name: str, value: Any) -> None:
        """Download the program with this tag as another type. Raises KeyError, ValueError."""
        with self.lock:
            self._download_changed({**self._present(), self._known(tag): (type_name, value)})

    def add_tag(self, tag: str, type_name: str, value: Any) -> None:
        """Download the program with one tag more. Raises ValueError."""
        with self.lock:
            self._download_changed({**self._present(), tag: (type_name, value)})

    def _known(self, tag: str) -> str:
        if tag not in self._specs:
            raise KeyError(tag)
        return tag

    def _present(self) -> Dict[str, Tuple[str, Any]]:
        return {tag: (type_name, self.read(tag)) for tag, type_name in self._specs.items()}

    def _download_changed(self, tags: TagSpecs) -> None:
        self.download(tags)

    def _install(self, symbols: Dict[str, Symbol]) -> None:
        """Give out instance ids (never the ones from before) and make everything that is derived from the symbols."""
        scopes: Dict[str, List[Symbol]] = {CONTROLLER_SCOPE: []}
        for symbol in symbols.values():
            scopes.setdefault(symbol.scope, []).append(symbol)
        self.symbols, self.by_instance, self.listing = symbols, {}, {}
        for scope, members in scopes.items():
            programs = [name for name in scopes if name] if not scope else []
            ids = self._draw_ids([symbol.instance_id for symbol in members], len(members) + len(programs))
            rows: List[Tuple[int, str, Optional[Symbol]]] = []
            for symbol, instance_id in zip(members, ids):
                symbol.instance_id = instance_id
                self.by_instance[scope.lower(), instance_id] = symbol
                rows.append((instance_id, symbol.name, symbol))
            rows += [(instance_id, name, None) for name, instance_id in zip(programs, ids[len(members) :])]
            self.listing[scope.lower()] = sorted(rows, key=lambda row: row[0])
        self._places = {}
        self.generation += 1
        self.memory_version += 1
        draw = self._random.getrandbits
        self.changes = (5, 1, draw(32), draw(32), draw(32))

    def _draw_ids(self, before: Iterable[int], count: int) -> List[int]:
        """A new id for each of `count`; where there were ids before, each goes to another tag than it had."""
        old = [instance_id for instance_id in before if instance_id]
        if not old:
            return self._random.sample(range(1, max(count + 1, min(4 * count + 16, LAST_SHORT_ID))), count)
        turn = self._random.randrange(1, len(old)) if len(old) > 1 else 0
        turned = old[turn:] + old[:turn] if len(old) > 1 else [old[0] + 1]
        free = max(old) + 2
        return [*turned, *range(free, free + count - len(turned))]


def _index(place: Place, dims: Tuple[int, ...], index: List[int]) -> Place:
    if not dims or len(index) != len(dims):
        raise CipError(*NO_SUCH_INSTANCE)
    flat = 0
    for number, size in zip(index, dims):
        if number >= size:
            raise CipError(*BEYOND_END)
        flat = flat * size + number
    offset = place.offset + flat * place.data_type.size_bytes
    return replace(place, offset=offset, count=place.count - flat, is_array=False, bool_count=0)


def _member(place: Place, name: str) -> Place:
    if place.is_array or place.bit is not None:
        raise CipError(*NO_SUCH_INSTANCE)
    member = getattr(place.data_type, "by_name", {}).get(name.lower())
    if member is None:
        raise CipError(*NO_SUCH_INSTANCE)
    offset = place.offset + member.offset
    is_array = bool(member.count)
    return Place(place.symbol, offset, member.data_type, member.count or 1, member.bit, member.bool_count, is_array)
