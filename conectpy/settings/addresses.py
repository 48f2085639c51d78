"""What an address of a PLC may be: what pycomm3 takes as a path, or an OPC UA URL."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from .options import Fault, show

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def check_logix_address(address: str) -> None:
    """Raises Fault where pycomm3 could not use the address as a path: `ip`, `ip:port`, `ip/slot`, a CIP route."""
    from pycomm3.cip import PADDED_EPATH
    from pycomm3.cip_driver import parse_connection_path
    from pycomm3.exceptions import PycommError

    form = "must be a path such as 192.168.1.10, 192.168.1.10:44818, 192.168.1.10/0 or 192.168.1.10/bp/2"
    try:
        host, _, route = parse_connection_path(address, True)
        PADDED_EPATH.encode(route, length=True)
    except (PycommError, ValueError, TypeError, KeyError) as exc:
        raise Fault(f"{form}: {show(str(exc))}") from exc
    _check_host(host, form)


def check_opcua_address(address: str) -> None:
    """Raises Fault unless the address is `opc.tcp://host[:port][/path]` without a user or password in it."""
    form = "must be a URL such as opc.tcp://192.168.1.20:4840"
    try:
        url = urlsplit(address)
        url.port  # noqa: B018 - raises ValueError when it is no port
    except ValueError as exc:
        raise Fault(f"{form}: {exc}") from exc
    if url.scheme != "opc.tcp" or not url.hostname:
        raise Fault(form)
    if "@" in url.netloc:
        raise Fault(f"{form}: no user or password in it, it is sent in clear; use user and password_env")
    _check_host(url.hostname, form)


def _check_host(host: str, form: str) -> None:
    if re.fullmatch(r"[\d.]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise Fault(f"{form}: {host} is no IP address") from None
    elif ":" not in host and not _HOST.fullmatch(host):
        raise Fault(f"{form}: {show(host)} is no host")
