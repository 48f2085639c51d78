"""Polling: every configured node read once per scan, in as few requests as the server takes, all sent at once."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime
from functools import partial
from itertools import repeat
from typing import Any, Callable, Deque, List, NamedTuple, Optional, Sequence, Set, Tuple

from ...models import Sample, Value
from ...texts.catalogue import Text, say
from ...timestamps import read_clocks, steady_s
from .clock import ChangeTimes, ClockOffset
from .library import status_text
from .message import ChannelError
from .node_id import NodeId
from .read_plan import (
    ATTRIBUTE_VALUE,
    READ_REQUEST,
    READ_RESPONSE,
    SERVICE_FAULT,
    TOO_MUCH,
    Check,
    ReplyDecoder,
    decode_head,
    encode_read,
    split_nodes,
)
from .session import UaSession
from .ua_values import ticks_to_epoch_s

IN_FLIGHT = 4  # requests sent before the first answer is waited for
VANISHED = (0x8034_0000, 0x8033_0000)  # BadNodeIdUnknown, BadNodeIdInvalid
STATE_NODE = NodeId(0, "i", 2259)  # ServerStatus.State

Tagged = Tuple[str, Sample]
Clocks = Tuple[datetime, float]
"""The wall clock and the steady clock, read together."""

_good_sample: Callable[[Tuple[Any, ...]], Sample] = partial(tuple.__new__, Sample)
_GOOD_TAIL = tuple(map(repeat, Sample(None)[1:]))
"""A thousand samples are made without a Python call for each: (value, no error, no time, no overflow, is there)."""


class PolledNode(NamedTuple):
    tag: str
    node: NodeId
    is_state: bool


class _Chunk:
    def __init__(
        self,
        first: int,
        nodes: Sequence[NodeId],
        tags: Sequence[str],
        watched: Sequence[int],
        detailed: Sequence[int],
    ) -> None:
        self.first = first
        self.count = len(nodes)
        self.tail = encode_read([(node, ATTRIBUTE_VALUE) for node in nodes])
        self.decoder = ReplyDecoder(len(nodes), [index - first for index in watched], detailed)
        self.tags = list(tags)


class PollReader:
    """Reads `nodes`, and the server's state behind them, over one session. The PLC's thread only."""

    def __init__(
        self, session: UaSession, nodes: Sequence[PolledNode], limit: int, clock: ClockOffset, sampling_s: float
    ) -> None:
        self._session = session
        self._sampling_s = sampling_s  # how old what the server reads from its source may be
        self._nodes = nodes
        self._clock = clock
        self._state: Optional[int] = None
        self._limit = limit
        self._waiting: Deque[Tuple[int, float]] = deque()  # (request id, when sent) of what is under way
        self.explained: Set[int] = set()  # nodes whose timestamps may move: somebody else has seen why
        self._plan()

    def _plan(self) -> None:
        node_ids = [node.node for node in self._nodes] + [STATE_NODE]
        watched = [index for index, node in enumerate(self._nodes) if node.is_state]
        self._times = ChangeTimes(watched)
        self._chunks: List[_Chunk] = []
        first = 0
        max_bytes = self._session.channel.max_request_bytes
        for chunk in split_nodes(node_ids, self._limit, max(1024, max_bytes - 256) if max_bytes else 0):
            end = first + len(chunk)
            mine = [index for index in watched if first <= index < end]
            state = [end - first - 1] if end == len(node_ids) else []
            tags = [node.tag for node in self._nodes[first:end]]
            self._chunks.append(_Chunk(first, chunk, tags, mine, state))
            first = end

    @property
    def frames_per_scan(self) -> int:
        return len(self._chunks)

    @property
    def server_state(self) -> Optional[int]:
        """ServerState (OPC 10000-5, 12.6) as of the last scan; None where the server does not tell."""
        return self._state

    @property
    def times(self) -> ChangeTimes:
        """What is known of the nodes' source timestamps."""
        return self._times

    def read(self) -> Tuple[List[Tagged], float]:
        """One scan: what changed since the previous one, and when it was asked, by the steady clock.

        Raises DriverError or Malformed.
        """
        while True:
            sent_s = steady_s()
            try:
                return self._read_once(), sent_s
            except ChannelError as exc:
                if exc.status not in TOO_MUCH or self._limit_now() == 1:
                    raise
                self._limit = self._limit_now() // 2
                self._drop_answers()
                self._plan()

    def _limit_now(self) -> int:
        return max(chunk.count for chunk in self._chunks)

    def _read_once(self) -> List[Tagged]:
        session = self._session
        deadline_s = session.deadline()
        bodies: List[bytes] = []
        for chunk in self._chunks:
            if len(self._waiting) >= IN_FLIGHT:
                bodies.append(self._receive(deadline_s))
            sent_s = steady_s()  # before it leaves: a thread that has to wait after sending would date the answer wrong
            self._waiting.append((session.send_body(READ_REQUEST, chunk.tail, deadline_s), sent_s))
        while self._waiting:
            bodies.append(self._receive(deadline_s))
        received_utc, received_s = read_clocks()
        self._times.begin_scan(received_s)
        check = partial(check_deadline, deadline_s)
        samples: List[Tagged] = []
        for chunk, body in zip(self._chunks, bodies):
            self._take(chunk, body, (received_utc, received_s), samples, check)
        return samples

    def _drop_answers(self) -> None:
        """Requests that are still under way will be answered: those answers belong to no scan."""
        deadline_s = self._session.deadline()
        while self._waiting:
            self._session.receive_for(self._waiting.popleft()[0], deadline_s)

    def _receive(self, deadline_s: float) -> bytes:
        request_id, sent_s = self._waiting.popleft()
        body = self._session.receive_for(request_id, deadline_s)
        head = decode_head(body)
        self._clock.add(sent_s, ticks_to_epoch_s(head.server_ticks), steady_s())
        if head.type_id == SERVICE_FAULT or head.status >> 30:
            raise ChannelError(say("ua.refused", fault=status_text(head.status)), head.status)
        if head.type_id != READ_RESPONSE:
            raise ChannelError(say("ua.read_type", type=head.type_id))
        return body

    def _take(self, chunk: _Chunk, body: bytes, received: Clocks, samples: List[Tagged], check: Check) -> None:
        first, times = chunk.first, self._times
        change = chunk.decoder.decode(body, decode_head(body).end, check)
        if change.moved:
            times.on_moved({first + index for index in change.moved} - self.explained)
            chunk.decoder.ignore_stamps({index - first for index in times.moving})
        for places, values in change.blocks:
            tags = map(chunk.tags.__getitem__, places)
            samples.extend(zip(tags, map(_good_sample, zip(values, *_GOOD_TAIL))))
        for reading in change.readings:
            index = first + reading.place
            if index == len(self._nodes):
                self._state = reading.value if isinstance(reading.value, int) and not reading.status >> 30 else None
                continue
            tag, _, is_state = self._nodes[index]
            if reading.status >> 30 or reading.value is None or isinstance(reading.value, Text):
                samples.append((tag, bad_sample(reading.status, reading.value)))
            elif is_state:
                samples.append((tag, self._state_sample(index, Sample(reading.value), reading.ticks, received)))
            else:
                samples.append((tag, Sample(reading.value)))

    def _state_sample(self, index: int, sample: Sample, ticks: Optional[int], received: Clocks) -> Sample:
        """The sample of a state tag with the time that the device claims for it."""
        is_proven = self._times.on_changed(index)
        return self.with_device_time(sample, ticks, received, is_proven=is_proven)

    def with_device_time(self, sample: Sample, ticks: Optional[int], received: Clocks, *, is_proven: bool) -> Sample:
        """The sample with its source timestamp on our clock; known to be one of a change only where `is_proven`."""
        claim = None if ticks is None else self._clock.to_utc(ticks_to_epoch_s(ticks), *received)
        if claim is None:
            return sample
        within_s = claim.within_s if is_proven else float("inf")
        return sample._replace(changed_utc=claim.moment_utc, changed_within_s=within_s, sampling_s=self._sampling_s)


def check_deadline(deadline_s: float) -> None:
    """Raises ChannelError when the monotonic clock is past it."""
    if time.monotonic() > deadline_s:
        raise ChannelError(say("ua.slow_decoding"))


def bad_sample(status: int, value: Value = None) -> Sample:
    """Why there is no value: the status by name; an Uncertain value is no value either (documentation.md, E4).

    Of one that is too large for us `value` is the Text that says so.
    """
    if not status >> 30:
        return Sample(None, value if isinstance(value, Text) else say("ua.no_value"))
    return Sample(None, status_text(status), is_vanished=status & 0xFFFF_0000 in VANISHED)
