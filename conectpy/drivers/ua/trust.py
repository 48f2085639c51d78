"""Whether a server's certificate is to be relied on (OPC 10000-4, 6.1.3). Pure but for the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any, List, Optional, Sequence, Tuple

from ...pki import certificates as pki
from ...texts.catalogue import Text, say
from ...timestamps import utc_now
from .library import silence_library_warnings

silence_library_warnings()

from cryptography import x509  # noqa: E402
from cryptography.exceptions import InvalidSignature  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402


def check_certificate(
    chain: Sequence[bytes], trusted: Sequence[Any], application_uri: str, now_utc: Optional[datetime] = None
) -> Tuple[bool, List[Text]]:
    """(whether we trust it, everything else that is wrong with it) for a chain of DER, the leaf first.

    Trusted is a leaf that lies in the trust folder, or whose issuer, or whose issuer's issuer, does.
    """
    now = now_utc or utc_now()
    leaf = pki.load_certificate(chain[0])
    path, is_trusted = build_path([pki.load_certificate(der) for der in chain], trusted)
    faults: List[Text] = []
    for certificate in path:
        found = _faults_of(certificate, now)
        if certificate is not leaf:
            issuer = pki.common_name(certificate)
            found = [say("ua.issuer_fault", name=issuer, fault=fault) for fault in found]
        faults += found
    uris = pki.application_uris(leaf)
    if application_uri not in uris:
        faults.append(say("ua.other_application", uris=uris or say("ua.no_application"), server=application_uri))
    return is_trusted, faults


def build_path(chain: Sequence[Any], trusted: Sequence[Any]) -> Tuple[List[Any], bool]:
    """The certificates from the leaf up to the first trusted one, and whether there is one."""
    anchors = {pki.to_der(certificate) for certificate in trusted}
    path, candidates = [chain[0]], [*trusted, *chain[1:]]
    while len(path) <= pki.MAX_CHAIN:
        if pki.to_der(path[-1]) in anchors:
            return path, True
        issuer = next((one for one in candidates if one not in path and _has_issued(one, path[-1])), None)
        if issuer is None:
            break
        path.append(issuer)
    return [chain[0]], False


def _has_issued(issuer: Any, certificate: Any) -> bool:
    try:
        if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.key_cert_sign:
            return False
    except x509.ExtensionNotFound as exc:
        if exc.oid == x509.BasicConstraints.oid:
            return False
    except ValueError:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _faults_of(certificate: Any, now: datetime) -> List[Text]:
    faults = []
    if now < pki.valid_from(certificate):
        faults.append(say("ua.not_yet_valid", date=f"{pki.valid_from(certificate):%Y-%m-%d}"))
    if now > pki.valid_until(certificate):
        faults.append(say("ua.expired", date=f"{pki.valid_until(certificate):%Y-%m-%d}"))
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        faults.append(say("ua.no_rsa"))
    elif key.key_size < pki.KEY_BITS:
        faults.append(say("ua.short_key", bits=key.key_size, needed=pki.KEY_BITS))
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        faults.append(say("ua.weak_hash", hash=algorithm.name if algorithm else say("ua.no_hash")))
    return faults
