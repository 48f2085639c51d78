"""From settings to an activated session: choose the endpoint, check the server, say who we are."""

from __future__ import annotations

from typing import Any, Callable, List

from ..errors import DriverError
from ..settings import PlcSettings
from .ua_library import ua
from .ua_security import NO_SECURITY, NONE_URI
from .ua_session import UaSession, parse_url

APPLICATION_URI = "urn:conectpy"


def open_session(plc: PlcSettings, on_opening: Callable[[UaSession], None]) -> UaSession:
    """An activated session as `plc.opcua` asks for. Every session is handed to `on_opening` before it connects, so that
    another thread can abort it; the caller closes what it was handed. Raises DriverError."""
    address = parse_url(plc.address)
    session = UaSession(address, NO_SECURITY, plc.timeout_s)
    on_opening(session)
    session.open_channel()
    result = session.create(APPLICATION_URI, plc.opcua.session_timeout_s)
    session.activate(_anonymous(_token_policies(result.ServerEndpoints, NONE_URI)))
    return session


def _token_policies(endpoints: List[Any], policy_uri: str) -> List[Any]:
    for endpoint in endpoints:
        if endpoint.SecurityPolicyUri == policy_uri:
            return list(endpoint.UserIdentityTokens)
    return []


def _anonymous(policies: List[Any]) -> Any:
    token = ua.AnonymousIdentityToken()
    for policy in policies:
        if policy.TokenType == ua.UserTokenType.Anonymous:
            token.PolicyId = policy.PolicyId
            return token
    if policies:
        raise DriverError("the server lets nobody in without a user: set user and password_env")
    token.PolicyId = "anonymous"
    return token
