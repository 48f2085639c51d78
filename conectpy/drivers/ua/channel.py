"""A secure channel to an OPC UA server (OPC 10000-6, chapters 6 and 7): synchronous, bounded, checked.

One thread sends and receives; there is no receiver thread and no lock, so nothing can be left behind. Every wait ends
at one deadline, whatever drips in; sizes are checked before anything is buffered; a server's error message, a broken
sequence or a failed signature ends the channel at once with its cause. Only `abort` may be called by other threads.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ...texts.catalogue import Text, say, text_of
from .library import status_text, ua, ua_binary
from .message import ChannelError, decode_response, make_request_header
from .node_id import PARSE_ERRORS, encode_bytes
from .ua_security import NO_SECURITY, SECURITY_ERRORS, ChannelSecurity
from .ua_values import decode_text

RECEIVE_BUFFER_BYTES = 65_536  # one chunk; what OPC UA stacks take by default
MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # one message of many chunks; 1,000 values need about 20 KiB
MAX_CHUNKS = 512
CHANNEL_LIFETIME_S = 3600.0
RENEW_AT = 0.75  # of the token's life, as OPC 10000-4, 5.5.2.1 recommends
SENDING, WAITING = say("ua.sending"), say("ua.waiting")
ABORT_CHECK_S = 0.25  # how soon a wait notices `abort` where closing the socket does not wake it (Windows)
CLOSE_S = 0.3

_HEADER = struct.Struct("<3scI")
_SYMMETRIC = struct.Struct("<3scIIIII")  # header, channel, token, sequence number, request
_U32x2 = struct.Struct("<II")
_U32x3 = struct.Struct("<III")


class _Token(NamedTuple):
    token_id: int
    crypto: Any  # the four symmetric keys of this token, both directions
    created_s: float
    lifetime_s: float


class UaChannel:
    """One TCP connection and its secure channel, for one attempt."""

    def __init__(
        self,
        host: str,
        port: int,
        url: str,
        security: ChannelSecurity = NO_SECURITY,
        lifetime_s: Optional[float] = None,
    ) -> None:
        self._host, self._port, self._url = host, port, url
        self._security = security
        self._requested_lifetime_s = CHANNEL_LIFETIME_S if lifetime_s is None else lifetime_s
        self._socket: Optional[socket.socket] = None
        self._is_aborted = False
        self.is_broken = False
        self._inbox = bytearray()
        self._parts: Dict[int, List[bytes]] = {}
        self._parts_bytes = 0
        self._channel_id = 0
        self._tokens: Dict[int, _Token] = {}
        self._token: Optional[_Token] = None
        self._sent_sequence = 0
        self._received_sequence: Optional[int] = None
        self._request_id = 0
        self._asymmetric = security.make_policy() if security.is_secure else None
        self._max_send_bytes = RECEIVE_BUFFER_BYTES
        self.max_request_bytes = 0  # what the server takes in one message; 0: no limit
        self.max_request_chunks = 0

    # -- life ----------------------------------------------------------------------------------------------------------

    def open(self, deadline_s: float) -> None:
        """Connect, say hello, open the secure channel; `deadline_s` is monotonic. Raises ChannelError."""
        self._connect(deadline_s)
        self._say_hello(deadline_s)
        self._open_token(ua.SecurityTokenRequestType.Issue, deadline_s)

    def renew_if_due(self, deadline_s: float) -> List[Tuple[int, bytes]]:
        """Ask for a new token when three quarters of the old one's life are over.

        Returns the messages that came in meanwhile: answers to earlier requests are never lost.
        """
        token = self._token
        assert token is not None
        if time.monotonic() < token.created_s + RENEW_AT * token.lifetime_s:
            return []
        return self._open_token(ua.SecurityTokenRequestType.Renew, deadline_s)

    @property
    def lifetime_s(self) -> float:
        """How long the present token lives, as the server revised it."""
        return self._token.lifetime_s if self._token else 0.0

    def close(self) -> None:
        """CloseSecureChannel where it can still be sent, then the socket. Never raises; takes CLOSE_S at most."""
        sock, self._socket = self._socket, None
        if sock is None:
            return
        if self._token is not None and not self._is_aborted and not self.is_broken:
            body = b"\x01\x00\xc4\x01" + make_request_header(b"\x00\x00", 0, 0)
            with contextlib.suppress(OSError, *SECURITY_ERRORS):
                sock.settimeout(CLOSE_S)
                sock.sendall(b"".join(self._encode(b"CLO", self._next_request_id(), body)))
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    def abort(self) -> None:
        """Any thread: the owner's waits end at once. The owner closes."""
        self._is_aborted = True
        sock = self._socket
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    # -- messages ------------------------------------------------------------------------------------------------------

    def send(self, body: bytes, deadline_s: float) -> int:
        """Send one request; returns its id, which the answer carries."""
        request_id = self._next_request_id()
        self._send_bytes(b"".join(self._encode(b"MSG", request_id, body)), deadline_s)
        return request_id

    def receive(self, deadline_s: float) -> Tuple[int, bytes]:
        """The next whole message: (request id, body)."""
        while True:
            message = self._take_chunk(self._receive_chunk(deadline_s))
            if message is not None:
                return message

    # -- opening -------------------------------------------------------------------------------------------------------

    def _connect(self, deadline_s: float) -> None:
        last: Optional[OSError] = None
        try:
            found = socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise self._fail(say("ua.no_name", host=self._host, fault=text_of(exc))) from exc
        for family, kind, proto, _, address in found:
            sock = socket.socket(family, kind, proto)
            self._socket = sock
            try:
                sock.settimeout(max(0.01, deadline_s - time.monotonic()))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                break
            except OSError as exc:
                last = exc
                self._socket = None
                sock.close()
        if self._is_aborted:
            raise self._fail(say("aborted"))
        if self._socket is None:
            fault = text_of(last) if last is not None else ""
            raise self._fail(say("ua.unreachable", host=self._host, port=self._port, fault=fault)) from last

    def _say_hello(self, deadline_s: float) -> None:
        url = self._url.encode("utf-8")
        body = struct.pack("<5I", 0, RECEIVE_BUFFER_BYTES, RECEIVE_BUFFER_BYTES, MAX_MESSAGE_BYTES, MAX_CHUNKS)
        body += encode_bytes(url)
        self._send_bytes(_HEADER.pack(b"HEL", b"F", 8 + len(body)) + body, deadline_s)
        chunk = self._receive_chunk(deadline_s)
        if chunk[:4] != b"ACKF" or len(chunk) != 28:
            raise self._fail(say("ua.greeting", answer=repr(chunk[:4])))
        _, receives, _, message, chunks = struct.unpack_from("<5I", chunk, 8)
        if receives < 1024:
            raise self._fail(say("ua.small_buffer", count=receives))
        self._max_send_bytes = min(receives, RECEIVE_BUFFER_BYTES)
        self.max_request_bytes, self.max_request_chunks = message, chunks

    def _open_token(self, kind: Any, deadline_s: float) -> List[Tuple[int, bytes]]:
        params = ua.OpenSecureChannelParameters()
        params.ClientProtocolVersion = 0
        params.RequestType = kind
        params.SecurityMode = self._security.mode
        params.RequestedLifetime = int(self._requested_lifetime_s * 1000)
        params.ClientNonce = nonce = os.urandom(self._security.nonce_bytes)
        request = ua.OpenSecureChannelRequest()
        request.Parameters = params
        request_id = self._next_request_id()
        self._send_bytes(self._encode_open(request_id, ua_binary.struct_to_binary(request)), deadline_s)
        others: List[Tuple[int, bytes]] = []
        while True:
            answer_id, body = self.receive(deadline_s)
            if answer_id == request_id:
                break
            others.append((answer_id, body))
        response = decode_response(body, ua.OpenSecureChannelResponse)
        self._take_token(response.Parameters, nonce)
        return others

    def _take_token(self, params: Any, nonce: bytes) -> None:
        token, server_nonce = params.SecurityToken, params.ServerNonce or b""
        if self._security.is_secure and len(server_nonce) < self._security.nonce_bytes:
            raise self._fail(say("ua.short_nonce", count=len(server_nonce)))
        if self._channel_id and token.ChannelId != self._channel_id:
            raise self._fail(say("ua.other_renewal"))
        self._channel_id = token.ChannelId
        crypto = self._security.make_keys(nonce, server_nonce)
        lifetime_s = (token.RevisedLifetime or self._requested_lifetime_s * 1000) / 1000.0
        now_s = time.monotonic()
        # What was under way when the token changed is still signed with the one before: it is kept for that long.
        self._tokens = {
            old.token_id: old for old in self._tokens.values() if now_s < old.created_s + 1.25 * old.lifetime_s
        }
        self._token = _Token(token.TokenId, crypto, now_s, lifetime_s)
        self._tokens[token.TokenId] = self._token

    # -- sending -------------------------------------------------------------------------------------------------------

    def _next_request_id(self) -> int:
        self._request_id = self._request_id % 0xFFFF_FFFF + 1
        return self._request_id

    def _next_sequence(self) -> int:
        self._sent_sequence = 1 if self._sent_sequence >= 0xFFFF_FBFF else self._sent_sequence + 1
        return self._sent_sequence

    def _encode(self, kind: bytes, request_id: int, body: bytes) -> List[bytes]:
        token = self._token
        assert token is not None
        crypto = token.crypto
        room = self._max_send_bytes - 16
        room = room // crypto.encrypted_block_size() * crypto.plain_block_size()
        room -= 8 + crypto.signature_size() + crypto.min_padding_size()
        chunks = []
        for start in range(0, len(body), room):
            part = body[start : start + room]
            final = b"F" if start + room >= len(body) else b"C"
            plain = _U32x2.pack(self._next_sequence(), request_id) + part
            plain += crypto.padding(len(plain))
            size = len(plain) + crypto.signature_size()
            size = size // crypto.plain_block_size() * crypto.encrypted_block_size()
            header = _HEADER.pack(kind, final, 16 + size) + _U32x2.pack(self._channel_id, token.token_id)
            chunks.append(header + crypto.encrypt(plain + crypto.signature(header + plain)))
        if self.max_request_chunks and len(chunks) > self.max_request_chunks:
            raise self._fail(say("ua.many_chunks", count=len(chunks), limit=self.max_request_chunks))
        return chunks

    def _encode_open(self, request_id: int, body: bytes) -> bytes:
        security = self._security
        thumbprint = hashlib.sha1(security.server_certificate).digest() if security.is_secure else None
        secure = encode_bytes(security.policy_uri.encode("ascii"))
        secure += encode_bytes(security.client_certificate or None) + encode_bytes(thumbprint)
        plain = _U32x2.pack(self._next_sequence(), request_id) + body
        if self._asymmetric is None:
            header = _HEADER.pack(b"OPN", b"F", 12 + len(secure) + len(plain)) + struct.pack("<I", self._channel_id)
            return header + secure + plain
        crypto = self._asymmetric
        plain += crypto.padding(len(plain))
        size = (len(plain) + crypto.signature_size()) // crypto.plain_block_size() * crypto.encrypted_block_size()
        header = _HEADER.pack(b"OPN", b"F", 12 + len(secure) + size) + struct.pack("<I", self._channel_id) + secure
        return bytes(header + crypto.encrypt(plain + crypto.signature(header + plain)))

    def _send_bytes(self, data: bytes, deadline_s: float) -> None:
        rest = memoryview(data)
        while rest:
            sock = self._live_socket(deadline_s, SENDING)
            try:
                rest = rest[sock.send(rest) :]
            except socket.timeout:
                continue
            except OSError as exc:
                raise self._fail(say("ua.action_failed", action=SENDING, fault=text_of(exc))) from exc

    # -- receiving -----------------------------------------------------------------------------------------------------

    def _live_socket(self, deadline_s: float, action: Text) -> socket.socket:
        sock = self._socket
        if self._is_aborted or sock is None:
            raise self._fail(say("aborted"))
        rest_s = deadline_s - time.monotonic()
        if rest_s <= 0:
            raise ChannelError(say("ua.no_answer", action=action))
        sock.settimeout(min(rest_s, ABORT_CHECK_S))
        return sock

    def _fill(self, size: int, deadline_s: float) -> None:
        while len(self._inbox) < size:
            sock = self._live_socket(deadline_s, WAITING)
            try:
                data = sock.recv(RECEIVE_BUFFER_BYTES)
            except socket.timeout:
                continue
            except OSError as exc:
                text = say("ua.action_failed", action=WAITING, fault=text_of(exc))
                raise self._fail(say("aborted") if self._is_aborted else text) from exc
            if not data:
                raise self._fail(say("aborted") if self._is_aborted else say("ua.closed"))
            self._inbox += data

    def _receive_chunk(self, deadline_s: float) -> bytes:
        self._fill(8, deadline_s)
        kind, _, size = _HEADER.unpack_from(self._inbox)
        if kind not in (b"MSG", b"OPN", b"CLO", b"ACK", b"ERR"):
            raise self._fail(say("ua.no_message", bytes=repr(bytes(kind))))
        if not 8 <= size <= RECEIVE_BUFFER_BYTES:
            raise self._fail(say("ua.large_chunk", count=size, limit=RECEIVE_BUFFER_BYTES))
        self._fill(size, deadline_s)
        chunk = bytes(self._inbox[:size])
        del self._inbox[:size]
        if kind == b"ERR":
            raise self._server_error(chunk, 8)
        return chunk

    def _server_error(self, data: bytes, pos: int) -> ChannelError:
        try:
            (code,) = struct.unpack_from("<I", data, pos)
            reason, _ = decode_text(data, pos + 4)
        except PARSE_ERRORS:
            return self._fail(say("ua.bad_error"))
        if not reason:
            return self._fail(say("ua.refused", fault=status_text(code)), code)
        return self._fail(say("ua.refused_because", fault=status_text(code), words=reason[:300]), code)

    def _take_chunk(self, chunk: bytes) -> Optional[Tuple[int, bytes]]:
        """Check, decrypt and collect one chunk; a whole message comes back as (request id, body)."""
        kind, final = chunk[:3], chunk[3:4]
        try:
            plain = self._open_asymmetric(chunk) if kind == b"OPN" else self._open_symmetric(chunk)
            sequence, request_id = _U32x2.unpack_from(plain)
        except (*PARSE_ERRORS, *SECURITY_ERRORS) as exc:
            raise self._fail(say("ua.bad_message", fault=text_of(exc))) from exc
        self._check_sequence(sequence)
        if final == b"A":
            raise self._server_error(plain, 8)
        if final not in (b"F", b"C") or kind not in (b"MSG", b"OPN"):
            raise self._fail(say("ua.unexpected", bytes=repr(chunk[:4])))
        if final == b"F" and request_id not in self._parts:
            return request_id, plain[8:]
        parts = self._parts.setdefault(request_id, [])
        parts.append(plain[8:])
        self._parts_bytes += len(plain) - 8
        if self._parts_bytes > MAX_MESSAGE_BYTES or sum(map(len, self._parts.values())) > MAX_CHUNKS:
            raise self._fail(say("ua.large_message", limit=MAX_MESSAGE_BYTES, chunks=MAX_CHUNKS))
        if final == b"C":
            return None
        del self._parts[request_id]
        body = b"".join(parts)
        self._parts_bytes -= len(body)
        return request_id, body

    def _open_symmetric(self, chunk: bytes) -> bytes:
        channel_id, token_id = _U32x2.unpack_from(chunk, 8)
        token = self._tokens.get(token_id)
        if token is None or channel_id != self._channel_id:
            raise self._fail(say("ua.other_channel", channel=channel_id, token=token_id))
        if not self._security.is_secure:
            return chunk[16:]
        return self._security.open_sealed(token.crypto, chunk, 16)

    def _open_asymmetric(self, chunk: bytes) -> bytes:
        pos = 12
        policy, pos = decode_text(chunk, pos)
        sizes = []
        for _ in range(2):
            (size,) = struct.unpack_from("<i", chunk, pos)
            sizes.append(chunk[pos + 4 : pos + 4 + max(0, size)])
            pos += 4 + max(0, size)
        if policy != self._security.policy_uri:
            raise self._fail(say("ua.other_policy", policy=policy))
        if self._asymmetric is None:
            return chunk[pos:]
        if not sizes[0].startswith(self._security.server_certificate):
            raise self._fail(say("ua.other_certificate"))
        return self._security.open_sealed(self._asymmetric, chunk, pos)

    def _check_sequence(self, sequence: int) -> None:
        """Numbers go up by one and wrap from the last 1,024 to below 1,024 (OPC 10000-6, 6.7.2.4)."""
        last = self._received_sequence
        has_wrapped = last is not None and last >= 0xFFFF_FFFF - 1024 and sequence < 1024
        if last is not None and sequence != last + 1 and not has_wrapped:
            raise self._fail(say("ua.missing", number=last + 1, got=sequence))
        self._received_sequence = sequence

    def _fail(self, text: Text, status: int = 0) -> ChannelError:
        self.is_broken = True
        return ChannelError(text, status)
