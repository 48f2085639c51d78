"""What a simulated PLC can be told to do wrong, and how a good reply is spoilt. No sockets."""

from __future__ import annotations

import random
import struct
import threading
from collections import deque
from typing import Callable, Deque, Dict, NamedTuple, Optional, Tuple

DROP, RESET, CLOSE, CLOSE_MID, DRIP = "drop", "reset", "close", "close_mid", "drip"
GARBAGE, FLIP, TRUNCATE, HUGE_LENGTH = "garbage", "flip", "truncate", "huge_length"
WRONG_SEQUENCE, WRONG_SESSION, WRONG_CONNECTION = "wrong_sequence", "wrong_session", "wrong_connection"
WRONG_SERVICE, WRONG_STATUS, WRONG_CONTEXT = "wrong_service", "wrong_status", "wrong_context"

SPOILING = (
    *(GARBAGE, FLIP, TRUNCATE, HUGE_LENGTH),
    *(WRONG_SEQUENCE, WRONG_SESSION, WRONG_CONNECTION, WRONG_SERVICE, WRONG_STATUS, WRONG_CONTEXT),
)
ACTIONS = (DROP, RESET, CLOSE, CLOSE_MID, DRIP, *SPOILING)
"""What can happen to one reply. DROP: never sent. RESET: RST instead. CLOSE: orderly end instead. CLOSE_MID: end after
half of it. DRIP: byte by byte. The others send it spoilt."""

SEND_UNIT_DATA = 0x70
CONNECTION_AT, SEQUENCE_AT, SERVICE_AT, STATUS_AT = 36, 44, 46, 48


class ReplyFate(NamedTuple):
    """What is to happen to one reply: wait `delay_s`, then `action` (None: send it as it is)."""

    delay_s: float = 0.0
    action: Optional[str] = None


class Faults:
    """The switches of one server. Any thread may set an attribute or call a method at any time.

    delay_s            seconds before each reply (one connection's replies queue up behind each other)
    is_frozen          requests are read and never answered, as a hung controller does (`freeze` is the same switch)
    refuse_clients     new TCP connections are reset at once
    every_reply        one of ACTIONS for each reply, None: none
    drip_interval_s    seconds between two bytes of DRIP
    only_connected     delays and actions touch replies to SendUnitData (scans) only
    refuse_forward_open, refuse_large_forward_open   a small one still works under the latter
    no_multiple_service, no_controller_changes       service 0x0A, class 0xAC are unknown (Micro800, old firmware)
    mutate             called with each reply's bytes, returns the bytes that are sent instead

    A misspelt name raises AttributeError: a fault that is never on proves nothing.
    """

    __slots__ = (
        *("delay_s", "is_frozen", "refuse_clients", "every_reply", "drip_interval_s", "only_connected"),
        *("refuse_forward_open", "refuse_large_forward_open", "no_multiple_service", "no_controller_changes"),
        *("mutate", "bad_tags", "_lock", "_next", "_random"),
    )

    def __init__(self, seed: int = 0) -> None:
        self.delay_s = 0.0
        self.is_frozen = False
        self.refuse_clients = False
        self.every_reply: Optional[str] = None
        self.drip_interval_s = 0.02
        self.only_connected = False
        self.refuse_forward_open = False
        self.refuse_large_forward_open = False
        self.no_multiple_service = False
        self.no_controller_changes = False
        self.mutate: Optional[Callable[[bytes], bytes]] = None
        self.bad_tags: Dict[str, Tuple[int, int]] = {}
        self._lock = threading.Lock()  # guards the queue of fates and the random source
        self._next: Deque[ReplyFate] = deque()
        self._random = random.Random(seed)

    @property
    def freeze(self) -> bool:
        return self.is_frozen

    @freeze.setter
    def freeze(self, is_frozen: bool) -> None:
        self.is_frozen = is_frozen

    def next_reply(self, action: Optional[str] = None, delay_s: float = 0.0, count: int = 1) -> None:
        """Let the next `count` replies have this fate, then go on as before."""
        if action is not None and action not in ACTIONS:
            raise ValueError(f"unknown action {action!r}")
        with self._lock:
            self._next.extend([ReplyFate(delay_s, action)] * count)

    def fail_tag(self, tag: str, status: int = 0x05, extended: int = 0x0000) -> None:
        """Answer every access to this tag with a CIP status, the others as before."""
        self.bad_tags = {**self.bad_tags, tag.lower(): (status, extended)}

    def heal_tag(self, tag: str) -> None:
        """Undo `fail_tag`."""
        self.bad_tags = {name: status for name, status in self.bad_tags.items() if name != tag.lower()}

    def imitate_micro800(self) -> None:
        """No multiple service, no class 0xAC, small connections only. (Give the controller a `2080-...` name too.)"""
        self.no_multiple_service = self.no_controller_changes = self.refuse_large_forward_open = True

    def clear(self) -> None:
        """Everything works again."""
        fresh = Faults()
        with self._lock:
            self._next.clear()
            for name in Faults.__slots__:
                if not name.startswith("_"):
                    setattr(self, name, getattr(fresh, name))

    def take_fate(self, command: int) -> ReplyFate:
        """The fate of the reply to this encapsulation command; one-shot fates are used up."""
        if self.only_connected and command != SEND_UNIT_DATA:
            return ReplyFate()
        with self._lock:
            if self._next:
                fate = self._next.popleft()
                return ReplyFate(fate.delay_s + self.delay_s, fate.action)
        return ReplyFate(self.delay_s, self.every_reply)

    def spoil(self, action: str, reply: bytes) -> bytes:
        """The reply as it is sent under one of SPOILING; one that is too short for it is cut instead."""
        with self._lock:
            return _SPOILERS[action](bytearray(reply), self._random)


def _garbage(reply: bytearray, rng: random.Random) -> bytes:
    """The encapsulation header stays, the rest is noise."""
    return bytes(reply[:24]) + bytes(rng.getrandbits(8) for _ in reply[24:])


def _flip(reply: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, 4)):
        reply[rng.randrange(len(reply))] ^= 1 << rng.randrange(8)
    return bytes(reply)


def _truncate(reply: bytearray, rng: random.Random) -> bytes:
    """A complete message that holds less than it should."""
    kept = reply[: 24 + rng.randrange(max(1, len(reply) - 24))]
    struct.pack_into("<H", kept, 2, len(kept) - 24)
    return bytes(kept)


def _huge_length(reply: bytearray, rng: random.Random) -> bytes:
    struct.pack_into("<H", reply, 2, 0xFFFF)
    return bytes(reply)


def _change(at: int, layout: str) -> Callable[[bytearray, random.Random], bytes]:
    """A spoiler that puts another number at `at`."""

    def spoil(reply: bytearray, rng: random.Random) -> bytes:
        if len(reply) < at + struct.calcsize(layout):
            return bytes(reply[:-1])
        number = struct.unpack_from(layout, reply, at)[0]
        struct.pack_into(layout, reply, at, number ^ rng.randint(1, 0x7F))
        return bytes(reply)

    return spoil


_SPOILERS: Dict[str, Callable[[bytearray, random.Random], bytes]] = {
    GARBAGE: _garbage,
    FLIP: _flip,
    TRUNCATE: _truncate,
    HUGE_LENGTH: _huge_length,
    WRONG_SEQUENCE: _change(SEQUENCE_AT, "<H"),
    WRONG_SESSION: _change(4, "<I"),
    WRONG_CONNECTION: _change(CONNECTION_AT, "<I"),
    WRONG_SERVICE: _change(SERVICE_AT, "<B"),
    WRONG_STATUS: _change(STATUS_AT, "<B"),
    WRONG_CONTEXT: _change(12, "<I"),
}
