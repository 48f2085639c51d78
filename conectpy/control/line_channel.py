"""JSON objects, one a line, over a connected socket, bounded in size and time; and how both sides prove the key.

    client                                          server
    {"version": 1, "nonce": N1}               ->
                                              <-    {"nonce": N2, "proof": HMAC(key, "server", N1, N2)}
    {"command": TEXT,
     "proof": HMAC(key, "client", N1, N2, TEXT)} ->
                                              <-    {"progress": words, "text": ...}, as often as needed
                                              <-    {"result": value} or {"error": words, "text": ..., "exit_status": 1}

Words are English; `text` is the same as `text_json` writes it, so that the person reads it in a language of theirs.

The key itself never crosses, a proof is good for one connection and one command, and the client says nothing before the
server has proven that it knows the key.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import re
import secrets
import socket
import time
from typing import Any, Dict

from ..texts.catalogue import Text, say, text_of
from ..texts.text_json import from_json, to_json

MAX_REQUEST_BYTES = 65536
MAX_REPLY_BYTES = 4 * 2**20
HANDSHAKE_S = 3.0
SEND_S = 5.0
SLICE_S = 0.05
"""A wait is cut in slices: on Windows neither Ctrl+C nor a shutdown by another thread wakes one that waits for data."""


class ChannelError(Exception):
    """The other side has gone, is too slow, says too much or speaks another language."""


class LineChannel:
    """One connection. One thread receives and sends; any thread may `abort`. Times are monotonic seconds."""

    def __init__(self, connection: socket.socket, max_bytes: int) -> None:
        self._connection = connection
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self.is_aborted = False

    def receive(self, deadline_s: float) -> Dict[str, Any]:
        """The next object, whole by the deadline, however it drips in. Raises ChannelError."""
        searched = 0
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                return _parse(line)
            searched = len(self._buffer)
            if searched > self._max_bytes:
                raise ChannelError(say("channel.long_line", limit=self._max_bytes))
            self._buffer += self._receive_some(deadline_s)

    def _receive_some(self, deadline_s: float) -> bytes:
        while not self.is_aborted:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise ChannelError(say("channel.no_answer"))
            try:
                self._connection.settimeout(min(left_s, SLICE_S))
                data = self._connection.recv(65536)
            except socket.timeout:
                continue
            except OSError as exc:
                raise ChannelError(say("channel.broken", fault=text_of(exc))) from exc
            if not data:
                break
            return data
        raise ChannelError(say("channel.closed"))

    def send(self, message: Dict[str, Any]) -> None:
        """Send an object, in SEND_S at most. Raises ChannelError, TypeError for what is no JSON."""
        try:
            self._connection.settimeout(SEND_S)
            self._connection.sendall(json.dumps(message, allow_nan=False).encode() + b"\n")
        except OSError as exc:
            raise ChannelError(say("channel.broken", fault=text_of(exc))) from exc

    def abort(self) -> None:
        """Make whoever waits on this connection fail at once; closing it is the owner's."""
        self.is_aborted = True
        with contextlib.suppress(OSError):  # it has gone already
            self._connection.shutdown(socket.SHUT_RDWR)


def _parse(line: bytes) -> Dict[str, Any]:
    try:
        found = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise ChannelError(say("channel.no_json")) from exc
    if not isinstance(found, dict):
        raise ChannelError(say("channel.no_object"))
    return found


def with_text(kind: str, text: Text) -> Dict[str, Any]:
    """A message that tells a person something: `kind` is `error` or `progress`."""
    return {kind: str(text), "text": to_json(text)}


def read_text(message: Dict[str, Any], kind: str) -> Text:
    """The text of such a message; of an older program's its English words."""
    return from_json(message.get("text"), str(message.get(kind)))


def make_nonce() -> str:
    """64 hexadecimal digits that nobody can foresee."""
    return secrets.token_hex(32)


def read_nonce(message: Dict[str, Any]) -> str:
    """The nonce of a message. Raises ChannelError for what is none."""
    nonce = message.get("nonce")
    if not isinstance(nonce, str) or not re.fullmatch(r"[0-9a-f]{64}", nonce):
        raise ChannelError(say("channel.no_nonce"))
    return nonce


def prove(key: bytes, side: str, *parts: str) -> str:
    """The proof that `side` knows the key, over these parts: hexadecimal HMAC-SHA-256."""
    text = "\n".join((side, *parts))  # no part but the last can hold a line break
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def is_proof(message: Dict[str, Any], key: bytes, side: str, *parts: str) -> bool:
    """Whether the message proves that its sender, `side`, knows the key; takes the same time for any wrong one."""
    proof = message.get("proof")
    expected = prove(key, side, *parts)
    return isinstance(proof, str) and proof.isascii() and hmac.compare_digest(proof, expected)
