"""Finding out what the configured tags are, by asking for them by name: no listing, no upload. Pure but for `ask`.

One symbolic read tells an atomic type; a structure's reply tells its handle and size, and two reads of members
(`.LEN`, `.DATA[n]`) tell a string from any other. An index that is beyond the end may belong to a BOOL array, which
is an array of 32-bit words: the word with that bit tells. Source: Rockwell 1756-PM020.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence

from .cip_requests import CipReply, read_request
from .data_types import (
    DWORD_CODE,
    PARTIAL,
    PLAIN_STRINGS,
    STRING,
    STRING_BYTES,
    STRING_HEAD,
    Definition,
    atomic_of,
    head_size,
)
from .tag_paths import TagPath

Ask = Callable[[Sequence[bytes]], List[CipReply]]
"""Sends Read Tag requests, in as few frames as possible, and gives back one reply for each, in order."""
Measure = Callable[[bytes], Optional[int]]
"""How many bytes of data the reply to a Read Tag request has when it is read in fragments; None: it cannot be."""


class _Candidate(NamedTuple):
    """A structure that may be a string: LEN (DINT), then DATA (SINT[]) to its end."""

    path: TagPath
    head: bytes
    size_bytes: Optional[int]


def find_definitions(paths: Iterable[TagPath], ask: Ask, measure: Measure) -> Dict[str, Definition]:
    """What is at these paths, by `TagPath.key`; a path that cannot be read is left out."""
    by_key: Dict[str, TagPath] = {}
    for path in paths:
        by_key.setdefault(path.key, TagPath(path.parts))
    distinct = list(by_key.values())
    found: Dict[str, Definition] = {}
    candidates: List[_Candidate] = []
    words: List[TagPath] = []
    for path, reply in zip(distinct, ask([read_request(path.encode()) for path in distinct])):
        if reply.status in (0, PARTIAL):
            _classify(path, reply, found, candidates)
        elif len(path.index) == 1 and path.index[0] > 0:
            words.append(path)
    _find_bool_arrays(words, ask, found)
    _find_strings(candidates, ask, measure, found)
    return found


def _classify(path: TagPath, reply: CipReply, found: Dict[str, Definition], candidates: List[_Candidate]) -> None:
    data = reply.data
    size = head_size(data)
    if len(data) < size:
        return
    atomic = atomic_of(int.from_bytes(data[:2], "little"))
    if size == 4 and data[:4] == STRING_HEAD and len(data) in (4, 4 + STRING_BYTES):
        found[path.key] = STRING
    elif size == 4:
        candidates.append(_Candidate(path, data[:4], None if reply.status else len(data) - 4))
    elif data[:2] in PLAIN_STRINGS:
        found[path.key] = PLAIN_STRINGS[data[:2]]
    elif atomic is None or not reply.status:
        found[path.key] = Definition(data[:2], atomic.size_bytes if atomic else 0, atomic)


def _find_bool_arrays(paths: Sequence[TagPath], ask: Ask, found: Dict[str, Definition]) -> None:
    if not paths:
        return
    requests = [read_request(path.at(path.index[0] // 32).encode()) for path in paths]
    for path, reply in zip(paths, ask(requests)):
        if reply.status == 0 and len(reply.data) >= 2:
            atomic = atomic_of(int.from_bytes(reply.data[:2], "little"))
            if atomic is not None and atomic.code == DWORD_CODE:
                found[path.key] = Definition(reply.data[:2], atomic.size_bytes, atomic)


def _find_strings(candidates: Sequence[_Candidate], ask: Ask, measure: Measure, found: Dict[str, Definition]) -> None:
    """Of the same structure only one is looked into."""
    by_head: Dict[bytes, _Candidate] = {}
    for candidate in candidates:
        by_head.setdefault(candidate.head, candidate)
    chosen = list(by_head.values())
    requests: List[bytes] = []
    for candidate in chosen:
        last = max(0, (candidate.size_bytes or 0) - 8)  # padding is three bytes at most: this element must be there
        members = candidate.path.member("LEN"), candidate.path.member("DATA", last)
        requests += [read_request(member.encode()) for member in members]
    replies = ask(requests) if requests else []
    kinds: Dict[bytes, Definition] = {}
    for number, candidate in enumerate(chosen):
        is_string = _is(replies[2 * number], 0xC4) and _is(replies[2 * number + 1], 0xC2)
        size_bytes = candidate.size_bytes
        if is_string and size_bytes is None:
            size_bytes = measure(read_request(candidate.path.encode()))
        kinds[candidate.head] = Definition(candidate.head, size_bytes or 0, is_string=is_string and bool(size_bytes))
    for candidate in candidates:
        found[candidate.path.key] = kinds[candidate.head]


def _is(reply: CipReply, code: int) -> bool:
    return reply.status == 0 and int.from_bytes(reply.data[:2], "little") == code
