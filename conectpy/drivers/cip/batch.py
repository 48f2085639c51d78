"""Many CIP requests in few round trips, whatever the controller is able to do."""

from __future__ import annotations

from typing import List, Optional, Sequence

from ...texts.catalogue import say
from .cip_requests import (
    MULTIPLE_REPLY_BYTES,
    MULTIPLE_REQUEST_BYTES,
    OFFSET_BYTES,
    CipReply,
    fragment_request,
    join_requests,
    parse_reply,
    split_replies,
)
from .data_types import PARTIAL, REPLY_TOO_LARGE, SERVICE_NOT_SUPPORTED, TOO_MUCH_DATA, head_size
from .link import CipLink
from .tcp import LinkError

EXPECTED_REPLY_BYTES = (14, 104, 4000)
"""What a reply is taken to need, at the first, second and third try."""
NO_ROOM = (PARTIAL, REPLY_TOO_LARGE)
MAX_FRAGMENTS = 64
MAX_VALUE_BYTES = 4 + 65_536
"""The longest string that a controller can have; what goes on is none."""


class Batch:
    """Asks through a link. `is_multiple` becomes False when the controller knows no Multiple Service Packet."""

    def __init__(self, link: CipLink, is_multiple: bool = True) -> None:
        self.link = link
        self.is_multiple = is_multiple

    def ask(self, requests: Sequence[bytes]) -> List[CipReply]:
        """One reply for each request, in order; a reply that found no room is asked for again with more.

        Raises LinkError, MalformedReply.
        """
        replies: List[Optional[CipReply]] = [None] * len(requests)
        waiting = list(range(len(requests)))
        for expected in EXPECTED_REPLY_BYTES:
            for batch in self._batches(waiting, requests, expected):
                for number, reply in zip(batch, self._ask_batch([requests[number] for number in batch])):
                    replies[number] = reply
            waiting = [number for number in waiting if _lacks_room(replies[number])]
            if not waiting or not self.is_multiple:
                break
        return [reply for reply in replies if reply is not None]

    def _batches(self, numbers: Sequence[int], requests: Sequence[bytes], expected: int) -> List[List[int]]:
        room = self.link.room_bytes
        batches: List[List[int]] = []
        left_request = left_reply = -1
        for number in numbers:
            request, reply = len(requests[number]) + OFFSET_BYTES, expected + OFFSET_BYTES
            if left_request < request or left_reply < reply or not self.is_multiple:
                batches.append([])
                left_request, left_reply = room - MULTIPLE_REQUEST_BYTES, room - MULTIPLE_REPLY_BYTES
            batches[-1].append(number)
            left_request, left_reply = left_request - request, left_reply - reply
        return batches

    def _ask_batch(self, requests: Sequence[bytes]) -> List[CipReply]:
        if len(requests) == 1:
            return [parse_reply(requests[0][0], self.link.ask(requests[0]))]
        if self.is_multiple:
            reply = self.link.ask(join_requests(requests))
            whole, pieces = split_replies(reply, len(requests))
            if pieces:
                return [parse_reply(request[0], reply[a:b]) for request, (a, b) in zip(requests, pieces)]
            if whole.status == SERVICE_NOT_SUPPORTED:
                self.is_multiple = False
            elif whole.status not in (*NO_ROOM, TOO_MUCH_DATA):
                raise LinkError(say("link.batch_refused", count=len(requests), fault=whole.reason))
        if self.is_multiple:
            middle = len(requests) // 2
            return self._ask_batch(requests[:middle]) + self._ask_batch(requests[middle:])
        return [parse_reply(request[0], self.link.ask(request)) for request in requests]

    def read_in_fragments(self, request: bytes) -> CipReply:
        """The whole reply to a Read Tag request that is too long for one message. Raises LinkError, MalformedReply."""
        head, data = b"", b""
        for _ in range(MAX_FRAGMENTS):
            asked = fragment_request(request, len(data))
            reply = parse_reply(asked[0], self.link.ask(asked))
            if reply.status not in (0, PARTIAL):
                return reply
            size = head_size(reply.data)
            if data and reply.data[:size] != head:
                return CipReply(0, (), reply.data)  # the type has changed meanwhile: the caller sees that it differs
            head = reply.data[:size]
            data += reply.data[size:]
            if len(data) > MAX_VALUE_BYTES:
                break
            if reply.status == 0:
                return CipReply(0, (), head + data)
            if len(reply.data) == size:
                break
        return CipReply(REPLY_TOO_LARGE, (), b"")


def _lacks_room(reply: Optional[CipReply]) -> bool:
    """A partial reply that tells its type is good enough; one without is not."""
    return reply is not None and reply.status in NO_ROOM and len(reply.data) < 2
