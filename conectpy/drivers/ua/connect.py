"""From settings to an activated session: choose the endpoint, check the server's certificate, say who we are.

The order matters: nothing secret leaves before the server's certificate is trusted, and the channel is open only to the
holder of that certificate's key.
"""

from __future__ import annotations

import logging
import socket
from typing import Any, Callable, List, NamedTuple, Optional, Sequence

from ...errors import DriverError
from ...pki import certificates as pki
from ...settings.types import OpcUaSettings, PlcSettings
from ...texts.catalogue import Text, say
from .identity import make_identity_token
from .library import ua
from .message import ChannelError
from .session import UaAddress, UaSession, parse_url
from .trust import check_certificate
from .ua_security import BASIC256SHA256_URI, NO_SECURITY, NONE_URI, POLICY_PREFIX, ChannelSecurity

log = logging.getLogger(__name__)

TRANSPORT = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary"
SIGN, SIGN_AND_ENCRYPT = ua.MessageSecurityMode.Sign, ua.MessageSecurityMode.SignAndEncrypt
MODES = {
    "auto": (SIGN_AND_ENCRYPT, SIGN),
    "sign_and_encrypt": (SIGN_AND_ENCRYPT,),
    "sign": (SIGN,),
}
"""What each value of `security` accepts, the best first; `none` is apart: it has to be asked for by name."""

NEEDS_SECURITY = (0x8054_0000, 0x8055_0000, 0x8013_0000)
"""BadSecurityModeRejected, BadSecurityPolicyRejected, BadSecurityChecksFailed."""

OnOpening = Callable[[UaSession], None]
_warned_hosts: List[str] = []


class UntrustedServer(pki.CertificateError):
    """Nobody has trusted this server's certificate yet; it lies among the rejected ones. `thumbprint` names it."""

    def __init__(self, text: Text, thumbprint: str) -> None:
        super().__init__(text)
        self.thumbprint = thumbprint


class EndpointInfo(NamedTuple):
    """One endpoint as people want to see it. Times are ISO dates; without a certificate they are empty."""

    url: str
    policy: str
    mode: str
    tokens: str
    certificate: str
    thumbprint: str
    valid_from: str
    valid_until: str
    is_supported: bool


def open_session(plc: PlcSettings, on_opening: OnOpening) -> UaSession:
    """An activated session as `plc.opcua` asks for.

    Every session is handed to `on_opening` before it connects, so that another thread can abort it; the caller closes
    what it was handed. Raises DriverError.
    """
    settings, address = plc.opcua, parse_url(plc.address)
    security, application_uri = NO_SECURITY, f"urn:{socket.gethostname()}:conectpy"
    days_left, endpoint = None, None
    if settings.security.lower() != "none":
        endpoint = choose_endpoint(discover(address, plc.timeout_s, on_opening), settings.security)
        own = pki.Pki(settings.pki_dir).load_own()
        server = check_server(settings, address, endpoint.ServerCertificate, endpoint.Server.ApplicationUri)
        security = ChannelSecurity(BASIC256SHA256_URI, endpoint.SecurityMode, server, own.der, own.key)
        application_uri, days_left = own.application_uri, own.days_left
    session = UaSession(address, security, plc.timeout_s)
    session.own_days_left = days_left
    on_opening(session)
    try:
        session.open_channel()
        result = session.create(application_uri, settings.session_timeout_s)
    except ChannelError as exc:
        if security.is_secure or exc.status not in NEEDS_SECURITY:
            raise
        offers = _offers(discover(address, plc.timeout_s, on_opening))
        raise DriverError(say("ua.offers", fault=exc.text, offers=offers)) from exc
    endpoint = _same_endpoint(result.ServerEndpoints, security) or endpoint
    check = _make_check(settings, address, security, endpoint, result)
    token, signature = make_identity_token(settings, security, _tokens(endpoint), session.server_nonce, check)
    session.activate(token, signature)
    return session


def discover(address: UaAddress, timeout_s: float, on_opening: OnOpening) -> List[Any]:
    """The server's endpoints, asked for without any protection: not to be believed, only to be tried."""
    session = UaSession(address, NO_SECURITY, timeout_s)
    on_opening(session)
    try:
        session.open_channel()
        return session.get_endpoints()
    finally:
        session.close()


def choose_endpoint(endpoints: Sequence[Any], security: str) -> Any:
    """The strongest endpoint that `security` accepts. Raises DriverError that names what the server offers."""
    modes = MODES[security.lower()]
    for mode in modes:
        for endpoint in endpoints:
            is_ours = endpoint.SecurityPolicyUri == BASIC256SHA256_URI and endpoint.SecurityMode == mode
            if is_ours and endpoint.TransportProfileUri in (TRANSPORT, None, ""):
                return endpoint
    wanted, offers = [f"Basic256Sha256 {mode.name}" for mode in modes], _offers(endpoints)
    if any(endpoint.SecurityPolicyUri == NONE_URI for endpoint in endpoints):
        raise DriverError(say("ua.only_open", offers=offers, security=security, wanted=wanted))
    raise DriverError(say("ua.no_endpoint", offers=offers, security=security, wanted=wanted))


def _offers(endpoints: Sequence[Any]) -> str:
    return ", ".join(dict.fromkeys(offer_text(endpoint) for endpoint in endpoints)) or say("nothing")


def offer_text(endpoint: Any) -> str:
    """`Basic256Sha256 SignAndEncrypt`, `None`."""
    policy = str(endpoint.SecurityPolicyUri).replace(POLICY_PREFIX, "")
    mode = endpoint.SecurityMode.name.rstrip("_")
    return policy if policy == mode else f"{policy} {mode}"


def check_server(settings: OpcUaSettings, address: UaAddress, blob: Optional[bytes], application_uri: str) -> bytes:
    """The server's leaf certificate as DER, if it is trusted and sound. Raises CertificateError.

    One that nobody trusts is kept among the rejected ones, and the message says how to trust it.
    """
    if not blob:
        raise pki.CertificateError(say("ua.no_certificate"))
    folder = pki.Pki(settings.pki_dir)
    chain = pki.split_chain(blob)
    leaf = pki.load_certificate(chain[0])
    name, thumbprint = pki.common_name(leaf), pki.thumbprint(chain[0])
    is_trusted, faults = check_certificate(chain, folder.find_trusted(), application_uri)
    if not is_trusted:
        folder.reject(chain[0])
        where = "" if settings.pki_dir == "pki" else f' --pki "{settings.pki_dir}"'
        text = say("ua.untrusted", name=name, thumbprint=thumbprint, folder=where)
        if faults:
            text = say("ua.untrusted_and_bad", name=name, thumbprint=thumbprint, folder=where, faults=faults)
        raise UntrustedServer(text, thumbprint)
    if faults:
        raise pki.CertificateError(say("ua.refused_certificate", name=name, thumbprint=thumbprint, faults=faults))
    hosts = pki.host_names(leaf)
    if address.host.lower() not in hosts and thumbprint + address.host not in _warned_hosts:
        _warned_hosts.append(thumbprint + address.host)
        log.warning(say("ua.certificate_hosts", url=address.url, hosts=hosts or say("ua.no_host")))
    return chain[0]


def list_endpoints(plc: PlcSettings) -> List[EndpointInfo]:
    """What the server at `plc.address` offers. Raises DriverError."""
    return [_describe(endpoint) for endpoint in discover(parse_url(plc.address), plc.timeout_s, lambda session: None)]


def _describe(endpoint: Any) -> EndpointInfo:
    tokens = ", ".join(token.TokenType.name for token in endpoint.UserIdentityTokens)
    policy = str(endpoint.SecurityPolicyUri).replace(POLICY_PREFIX, "")
    is_supported = endpoint.SecurityPolicyUri in (NONE_URI, BASIC256SHA256_URI)
    shown = EndpointInfo(
        str(endpoint.EndpointUrl), policy, endpoint.SecurityMode.name.rstrip("_"), tokens, "", "", "", "", is_supported
    )
    if not endpoint.ServerCertificate:
        return shown
    try:
        der = pki.split_chain(endpoint.ServerCertificate)[0]
        leaf = pki.load_certificate(der)
    except pki.CertificateError as exc:
        return shown._replace(certificate=exc.text)
    return shown._replace(
        certificate=pki.common_name(leaf),
        thumbprint=pki.thumbprint(der),
        valid_from=f"{pki.valid_from(leaf):%Y-%m-%d}",
        valid_until=f"{pki.valid_until(leaf):%Y-%m-%d}",
    )


def _same_endpoint(endpoints: Sequence[Any], security: ChannelSecurity) -> Any:
    """The endpoint that we are on, as the session itself tells it; None where the server leaves it out."""
    for endpoint in endpoints or ():
        if endpoint.SecurityPolicyUri == security.policy_uri and endpoint.SecurityMode == security.mode:
            return endpoint
    if security.is_secure and endpoints:
        raise DriverError(say("ua.other_endpoint"))
    return None


def _tokens(endpoint: Any) -> List[Any]:
    return list(endpoint.UserIdentityTokens) if endpoint is not None else []


def _make_check(
    settings: OpcUaSettings, address: UaAddress, security: ChannelSecurity, endpoint: Any, session: Any
) -> Callable[[], bytes]:
    """Gives the certificate to encrypt a secret for: on a channel without protection it has to be checked now."""

    def check() -> bytes:
        if security.is_secure:
            return security.server_certificate
        blob = session.ServerCertificate or (endpoint.ServerCertificate if endpoint is not None else None)
        return check_server(settings, address, blob, endpoint.Server.ApplicationUri if endpoint is not None else "")

    return check
