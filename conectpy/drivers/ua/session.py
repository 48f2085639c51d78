"""A session over a secure channel (OPC 10000-4, 5.6): create, activate, call services, close."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, Dict, List, NamedTuple, Optional, Set
from urllib.parse import urlsplit

from ...errors import DriverError
from ...texts.catalogue import say, text_of
from .channel import UaChannel
from .library import ua, ua_binary
from .message import ChannelError, decode_response, make_request_header
from .ua_security import NO_SECURITY, SECURITY_ERRORS, ChannelSecurity

APPLICATION_NAME = "conectpy"
DEFAULT_PORT = 4840
GOODBYE_S = 0.7  # CloseSession's answer is waited for this long, so that a stop stays short


class UaAddress(NamedTuple):
    """A server's `opc.tcp` URL and what to connect to."""

    url: str
    host: str
    port: int


def parse_url(url: str) -> UaAddress:
    """Raises DriverError for anything but opc.tcp://host[:port][/path]; credentials would travel in clear."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError as exc:
        raise DriverError(say("ua.bad_address", url=url.split("@")[-1], fault=text_of(exc))) from exc
    if "@" in parts.netloc:
        raise DriverError(say("ua.address_secret"))
    if parts.scheme != "opc.tcp" or not parts.hostname:
        raise DriverError(say("ua.address_form", url=url))
    return UaAddress(url, parts.hostname, port)


class UaSession:
    """One session on its own channel. The thread that opens it makes every call; `abort` is for any thread."""

    def __init__(
        self, address: UaAddress, security: ChannelSecurity = NO_SECURITY, timeout_s: float = 3.0,
        lifetime_s: Optional[float] = None,
    ) -> None:  # fmt: skip
        self.address = address
        self.security = security
        self.timeout_s = timeout_s
        self.channel = UaChannel(address.host, address.port, address.url, security, lifetime_s)
        self.timeout_granted_s = 0.0
        self.server_ticks = 0  # the server's time in the header of its last answer to a single Read
        self.own_days_left: Optional[int] = None  # until our own certificate expires; None: none is used
        self.server_nonce = b""
        self._asked: Set[int] = set()  # requests that have no answer yet
        self._early: Dict[int, bytes] = {}  # answers that came before they were waited for
        self._token = b"\x00\x00"
        self._token_node: Any = None
        self._handle = 0
        self._is_created = False

    # -- calls ---------------------------------------------------------------------------------------------------------

    def open_channel(self) -> None:
        self.channel.open(self.deadline())

    def deadline(self) -> float:
        """The monotonic time by which an exchange that starts now has to be over."""
        return time.monotonic() + self.timeout_s

    def send_body(self, type_id: bytes, tail: bytes, deadline_s: float, timeout_hint_s: Optional[float] = None) -> int:
        """Send an encoded request: its type, a new RequestHeader, the rest as it is."""
        self._handle = self._handle % 0xFFFF_FFFF + 1
        hint_ms = int((self.timeout_s if timeout_hint_s is None else timeout_hint_s) * 1000)
        header = make_request_header(self._token, self._handle, hint_ms)
        return self._send(type_id + header + tail, deadline_s)

    def _send(self, body: bytes, deadline_s: float) -> int:
        request_id = self.channel.send(body, deadline_s)
        self._asked.add(request_id)
        return request_id

    def send(self, request: Any, deadline_s: float) -> int:
        """Send a request object of `opcua`."""
        header = request.RequestHeader
        self._handle = header.RequestHandle = self._handle % 0xFFFF_FFFF + 1
        header.TimeoutHint = int(self.timeout_s * 1000)
        if self._token_node is not None:
            header.AuthenticationToken = self._token_node
        return self._send(ua_binary.struct_to_binary(request), deadline_s)

    def receive_for(self, request_id: int, deadline_s: float) -> bytes:
        """The answer to one request; those to others that come before it are kept for them."""
        while request_id not in self._early:
            self._keep(*self.channel.receive(deadline_s))
        return self._early.pop(request_id)

    def take_early(self, request_id: int) -> Optional[bytes]:
        """The answer to a request if it has come in by now."""
        return self._early.pop(request_id, None)

    def put_back(self, request_id: int, body: bytes) -> None:
        """Keep an answer for whoever asks for it next."""
        self._early[request_id] = body

    def _keep(self, request_id: int, body: bytes) -> None:
        if request_id not in self._asked:
            raise ChannelError(say("ua.unasked", number=request_id))
        self._asked.remove(request_id)
        self._early[request_id] = body

    def call(self, request: Any, response_kind: Any, timeout_s: Optional[float] = None) -> Any:
        """One request and its checked response. Raises ChannelError."""
        deadline_s = self.deadline() if timeout_s is None else time.monotonic() + timeout_s
        request_id = self.send(request, deadline_s)
        return decode_response(self.receive_for(request_id, deadline_s), response_kind)

    def renew_channel_if_due(self) -> None:
        for request_id, body in self.channel.renew_if_due(self.deadline()):
            self._keep(request_id, body)

    # -- session -------------------------------------------------------------------------------------------------------

    def get_endpoints(self) -> List[Any]:
        request = ua.GetEndpointsRequest()
        request.Parameters.EndpointUrl = self.address.url
        return list(self.call(request, ua.GetEndpointsResponse).Endpoints)

    def create(self, application_uri: str, session_timeout_s: float) -> Any:
        """CreateSession; the server proves that it holds its certificate's key. Returns the CreateSessionResult."""
        request = ua.CreateSessionRequest()
        params = request.Parameters
        description = params.ClientDescription
        description.ApplicationUri = application_uri
        description.ProductUri = "urn:conectpy"
        description.ApplicationName = ua.LocalizedText(APPLICATION_NAME)
        description.ApplicationType = ua.ApplicationType.Client
        params.EndpointUrl = self.address.url
        params.SessionName = f"{APPLICATION_NAME} {os.getpid()}"
        params.ClientNonce = nonce = os.urandom(32)
        params.ClientCertificate = self.security.client_certificate or None
        params.RequestedSessionTimeout = session_timeout_s * 1000.0
        params.MaxResponseMessageSize = 0
        result = self.call(request, ua.CreateSessionResponse).Parameters
        if self.security.is_secure:
            self._check_server(result, nonce)
        self._token_node = result.AuthenticationToken
        self._token = ua_binary.nodeid_to_binary(self._token_node)
        self._is_created = True
        self.timeout_granted_s = result.RevisedSessionTimeout / 1000.0
        self.server_nonce = result.ServerNonce or b""
        return result

    def activate(self, identity: Any, signature: Any = None) -> None:
        """ActivateSession as this user; what `identity` holds leaves here, so the server is checked before."""
        request = ua.ActivateSessionRequest()
        params = request.Parameters
        if self.security.is_secure:
            params.ClientSignature.Algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
            signed = self.security.server_certificate + self.server_nonce
            params.ClientSignature.Signature = self.security.make_policy().signature(signed)
        params.LocaleIds = ["en"]
        params.UserIdentityToken = identity
        if signature is not None:
            params.UserTokenSignature = signature
        result = self.call(request, ua.ActivateSessionResponse).Parameters
        self.server_nonce = result.ServerNonce or b""

    def _check_server(self, result: Any, nonce: bytes) -> None:
        if not (result.ServerCertificate or b"").startswith(self.security.server_certificate):
            raise ChannelError(say("ua.session_certificate"))
        signed = self.security.client_certificate + nonce
        try:
            self.security.make_policy().verify(signed, result.ServerSignature.Signature or b"")
        except SECURITY_ERRORS as exc:
            raise ChannelError(say("ua.not_proven")) from exc

    # -- end -----------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """CloseSession, CloseSecureChannel and the socket, in about a second. Never raises."""
        if self._is_created and not self.channel.is_broken:
            request = ua.CloseSessionRequest()
            request.DeleteSubscriptions = True
            with contextlib.suppress(ChannelError):
                self.call(request, ua.CloseSessionResponse, GOODBYE_S)
        self._is_created = False
        self.channel.close()

    def abort(self) -> None:
        """Any thread: whatever call is under way fails at once."""
        self.channel.abort()
