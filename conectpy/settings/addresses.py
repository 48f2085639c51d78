"""What an address of a PLC may be: what pycomm3 takes as a path, or an OPC UA URL."""

from __future__ import annotations

import ipaddress
import re
from typing import Optional
from urllib.parse import urlsplit

from ..texts.catalogue import Text, say, text_of
from .options import Fault, show

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def check_logix_address(address: str) -> None:
    """Raises Fault where pycomm3 could not use the address as a path: `ip`, `ip:port`, `ip/slot`, a CIP route."""
    from pycomm3.cip import PADDED_EPATH
    from pycomm3.cip_driver import parse_connection_path
    from pycomm3.exceptions import PycommError

    try:
        host, _, route = parse_connection_path(address, True)
        PADDED_EPATH.encode(route, length=True)
    except (PycommError, ValueError, TypeError, KeyError) as exc:
        raise Fault(say("settings.path", fault=show(str(exc)))) from exc
    fault = _host_fault(host)
    if fault is not None:
        raise Fault(say("settings.path", fault=fault))


def check_opcua_address(address: str) -> None:
    """Raises Fault unless the address is `opc.tcp://host[:port][/path]` without a user or password in it."""
    try:
        url = urlsplit(address)
        url.port  # noqa: B018 - raises ValueError when it is no port
    except ValueError as exc:
        raise Fault(say("settings.url", fault=text_of(exc))) from exc
    if url.scheme != "opc.tcp" or not url.hostname:
        raise Fault(say("settings.url_form"))
    if "@" in url.netloc:
        raise Fault(say("settings.url", fault=say("settings.url_secret")))
    fault = _host_fault(url.hostname)
    if fault is not None:
        raise Fault(say("settings.url", fault=fault))


def _host_fault(host: str) -> Optional[Text]:
    if re.fullmatch(r"[\d.]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return say("settings.no_ip", host=host)
    elif ":" not in host and not _HOST.fullmatch(host):
        return say("settings.no_host", host=show(host))
    return None
