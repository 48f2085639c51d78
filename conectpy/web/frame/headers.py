"""Headers that every answer carries, and which host names are answered at all."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Optional, Set

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest

from ...settings.types import WebSettings
from ...texts.catalogue import say
from .context import context

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def register_security(app: Flask) -> None:
    """Refuse strange host names (DNS rebinding) and set the headers."""

    @app.before_request
    def check_host() -> None:
        web = context().settings.web
        if not is_host_trusted(request.headers.get("Host"), web):
            raise BadRequest(say("web.strange_host"))

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def is_host_trusted(host: Optional[str], web: WebSettings) -> bool:
    """Whether a request for this `Host` is answered.

    A page of another site can make a browser ask this server under a name of its own, never under an IP address.
    Addresses, localhost, `web.host` and `web.trusted_hosts` are answered; on the network this machine's own names too.
    """
    if not host:
        return True  # HTTP/1.0: no browser
    name = _host_name(host)
    if name is None:
        return False
    if _is_address(name) or name == "localhost" or name.endswith(".localhost"):
        return True
    if name == web.host.lower() or any(_matches(name, trusted.lower()) for trusted in web.trusted_hosts):
        return True
    return not is_loopback(web.host) and name in own_names()


def own_names() -> Set[str]:
    """What this machine calls itself, alone and as neighbours find it; asks no name server, which could hang."""
    own = socket.gethostname().rstrip(".").lower()
    short = own.partition(".")[0]
    return {own, short, f"{short}.local"}


def _host_name(host: str) -> Optional[str]:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]{1,253})(:[0-9]{1,5})?", host)
    return match.group(1).strip("[]").rstrip(".").lower() if match else None


def _matches(name: str, trusted: str) -> bool:
    if trusted.startswith("."):
        return name == trusted[1:] or name.endswith(trusted)
    return name == trusted


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
