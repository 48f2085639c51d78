"""Certificates for OPC UA: our own, those we trust, those we refused. Files in one folder, nothing else to install.

pki/own/conectpy.pem        our key and certificate, readable by us alone; made on first use
pki/own/conectpy.der        our certificate, for the PLC's list of trusted clients
pki/trusted/                servers' certificates, or those of authorities whose servers we trust (DER or PEM)
pki/rejected/               what servers showed us and nobody has trusted yet
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import socket
import sys
import threading
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import DriverError
from ..files.held_file import remove, rename
from ..files.private_file import create_private, is_open_to_others
from ..timestamps import UTC, utc_now

warnings.filterwarnings("ignore", r"Python 3\.\d+ is no longer supported by the Python core team")

from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: E402

log = logging.getLogger(__name__)

KEY_BITS = 2048
VALID_DAYS = 5 * 365
WARN_DAYS = 60
MAX_CHAIN = 6
MAX_REJECTED = 100
MAX_FILE_BYTES = 100_000

_lock = threading.Lock()  # guards the making of our own certificate by several PLCs' threads at once
_warned: List[str] = []


class CertificateError(DriverError):
    """A server's certificate is not to be relied on, or our own cannot be read."""


class Identity(NamedTuple):
    """A certificate with its private key."""

    certificate: Any
    key: Any

    @property
    def der(self) -> bytes:
        return to_der(self.certificate)

    @property
    def application_uri(self) -> str:
        uris = application_uris(self.certificate)
        return uris[0] if uris else ""

    @property
    def days_left(self) -> int:
        """Whole days until the certificate expires; negative when it has."""
        return (valid_until(self.certificate) - utc_now()).days


# -- single certificates -----------------------------------------------------------------------------------------------


def to_der(certificate: Any) -> bytes:
    return bytes(certificate.public_bytes(serialization.Encoding.DER))


def thumbprint(der: bytes) -> str:
    """The SHA-1 of the certificate in 40 hexadecimal digits: how OPC UA tools name certificates."""
    return hashlib.sha1(der).hexdigest()


def split_chain(blob: bytes) -> List[bytes]:
    """A blob of certificates, the leaf first, one DER each. Raises CertificateError."""
    found: List[bytes] = []
    pos = 0
    while pos < len(blob) and len(found) < MAX_CHAIN:
        if blob[pos : pos + 1] != b"\x30" or pos + 2 > len(blob):
            raise CertificateError("the server's certificate is no certificate")
        size, head = blob[pos + 1], 2
        if size & 0x80:
            head += size & 0x7F
            size = int.from_bytes(blob[pos + 2 : pos + head], "big")
        if pos + head + size > len(blob):
            raise CertificateError("the server's certificate is cut off")
        found.append(blob[pos : pos + head + size])
        pos += head + size
    return found


def load_certificate(der: bytes) -> Any:
    """Raises CertificateError."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as exc:
        raise CertificateError(f"a certificate does not parse: {exc}") from exc


def valid_from(certificate: Any) -> datetime:
    moment: Optional[datetime] = getattr(certificate, "not_valid_before_utc", None)
    return moment or datetime.combine(certificate.not_valid_before.date(), certificate.not_valid_before.time(), UTC)


def valid_until(certificate: Any) -> datetime:
    moment: Optional[datetime] = getattr(certificate, "not_valid_after_utc", None)
    return moment or datetime.combine(certificate.not_valid_after.date(), certificate.not_valid_after.time(), UTC)


def common_name(certificate: Any) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def application_uris(certificate: Any) -> List[str]:
    return [str(uri) for uri in _alternative_names(certificate, x509.UniformResourceIdentifier)]


def host_names(certificate: Any) -> List[str]:
    names = _alternative_names(certificate, x509.DNSName) + _alternative_names(certificate, x509.IPAddress)
    return [str(name).lower() for name in names]


def _alternative_names(certificate: Any, kind: Any) -> List[Any]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return list(names.get_values_for_type(kind))


def make_identity(
    name: str, application_uri: str, hosts: Sequence[str] = (), days: int = VALID_DAYS, bits: int = KEY_BITS,
    issuer: Optional[Identity] = None, is_authority: bool = False, starts_days_ago: float = 1.0,
) -> Identity:  # fmt: skip
    """A new key and its certificate: signed by itself, or by `issuer`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    now = utc_now()
    names: List[Any] = [x509.UniformResourceIdentifier(application_uri)] if application_uri else []
    names += [_host_name(host) for host in hosts]
    signer = issuer or Identity(None, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before((now - timedelta(days=starts_days_ago)).replace(tzinfo=None))
        .not_valid_after((now + timedelta(days=days)).replace(tzinfo=None))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
        .add_extension(_key_usage(is_authority or issuer is None), critical=True)
    )
    if not is_authority:
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Identity(builder.sign(signer.key, hashes.SHA256()), key)


def _host_name(host: str) -> Any:
    import ipaddress

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(signs_certificates: bool) -> Any:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


# -- the folder --------------------------------------------------------------------------------------------------------


class Pki:
    """The folder of certificates. Any thread."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.trusted = self.folder / "trusted"
        self.rejected = self.folder / "rejected"
        self.own = self.folder / "own" / "conectpy.pem"

    def load_own(self) -> Identity:
        """Our key and certificate, made on first use. Warns in the log from 60 days before it expires."""
        with _lock:
            try:
                if not self.own.exists():
                    self._make_own()
                identity = read_identity(self.own)
            except OSError as exc:
                raise CertificateError(f"our own certificate {self.own}: {exc.strerror or exc}") from exc
            days = identity.days_left
            if days < WARN_DAYS and str(self.own) not in _warned:
                _warned.append(str(self.own))
                log.warning("our OPC UA certificate %s %s; delete it to get a new one", self.own, expiry_text(days))
            return identity

    def _make_own(self) -> None:
        host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "localhost"
        identity = make_identity(f"conectpy@{host}", f"urn:{host}:conectpy", [host])
        self.own.parent.mkdir(parents=True, exist_ok=True)
        if write_identity(self.own, identity):
            log.info("made our OPC UA certificate %s, thumbprint %s", self.own, thumbprint(identity.der))

    def find_trusted(self) -> List[Any]:
        """All certificates of the trust folder; what does not parse is left out and named in the log."""
        return [certificate for _, certificate in read_certificates(self.trusted)]

    def reject(self, der: bytes) -> Path:
        """Keep a refused certificate, so that it can be looked at and trusted. Returns its file."""
        self.rejected.mkdir(parents=True, exist_ok=True)
        path = self.rejected / file_name(der)
        if not path.exists():
            kept = sorted(self.rejected.glob("*.der"), key=lambda file: file.stat().st_mtime)
            for old in kept[: max(0, len(kept) - MAX_REJECTED + 1)]:
                remove(old)
            path.write_bytes(der)
        return path

    def trust(self, wanted: str) -> Tuple[str, Path]:
        """Move the rejected certificate with this thumbprint to the trusted ones; returns its name and new file.

        Raises CertificateError when there is none, or when several begin like that.
        """
        return self._move(wanted, self.rejected, self.trusted)

    def distrust(self, wanted: str) -> Tuple[str, Path]:
        """The other way round."""
        return self._move(wanted, self.trusted, self.rejected)

    def _move(self, wanted: str, source: Path, target: Path) -> Tuple[str, Path]:
        digits = re.sub(r"[^0-9a-f]", "", wanted.lower())
        if len(digits) < 8 or not re.fullmatch(r"[0-9a-fA-F:\s-]+", wanted):
            raise CertificateError(f"{wanted!r} is no thumbprint: give at least 8 of its 40 hexadecimal digits")
        found = {}
        for folder in (target, source):
            for path, certificate in read_certificates(folder):
                if thumbprint(to_der(certificate)).startswith(digits):
                    found[thumbprint(to_der(certificate))] = (path, certificate)
        if len(found) != 1:
            which = "several certificates begin" if found else "no certificate begins"
            raise CertificateError(f"{which} with {digits} in {source}")
        path, certificate = next(iter(found.values()))
        if path.parent == target:
            return common_name(certificate), path
        moved = target / file_name(to_der(certificate))
        target.mkdir(parents=True, exist_ok=True)
        moved.write_bytes(to_der(certificate))
        remove(path)
        return common_name(certificate), moved


def expiry_text(days: int) -> str:
    return f"expires in {days} days" if days >= 0 else f"expired {-days} days ago"


def file_name(der: bytes) -> str:
    """`name_thumbprint.der`, of harmless characters: the name comes from the other side."""
    try:
        name = re.sub(r"[^A-Za-z0-9.@-]+", "_", common_name(load_certificate(der)))[:40].strip("._")
    except (CertificateError, ValueError):
        name = ""
    return f"{name or 'certificate'}_{thumbprint(der)}.der"


def read_certificates(folder: Path) -> List[Tuple[Path, Any]]:
    """(file, certificate) for each certificate file of a folder; DER or PEM, by content."""
    found: List[Tuple[Path, Any]] = []
    if not folder.is_dir():
        return found
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in (".der", ".cer", ".crt", ".pem"):
            continue
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise ValueError("too large for a certificate")
            found.append((path, parse_certificate(path.read_bytes())))
        except (OSError, ValueError) as exc:
            log.warning("%s is left out: %s", path, exc)
    return found


def parse_certificate(data: bytes) -> Any:
    """A certificate from DER or PEM. Raises ValueError."""
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_certificate(data)
    return x509.load_der_x509_certificate(data)


def read_identity(path: Path) -> Identity:
    """Key and certificate from one PEM file. Raises CertificateError, OSError."""
    data = path.read_bytes()
    try:
        return Identity(x509.load_pem_x509_certificate(data), serialization.load_pem_private_key(data, None))
    except (ValueError, TypeError) as exc:
        raise CertificateError(f"{path} holds no key and certificate: {exc}") from exc


def write_identity(path: Path, identity: Identity) -> bool:
    """Write key and certificate, readable by us alone, and the certificate alone as .der beside it.

    The file appears whole or not at all; False when another process was faster. Raises OSError.
    """
    pem = identity.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + identity.certificate.public_bytes(serialization.Encoding.PEM)
    temporary = f"{path}.{secrets.token_hex(4)}.tmp"
    file = create_private(temporary)
    try:
        with os.fdopen(file, "wb") as stream:
            if is_open_to_others(file):
                log.warning("%s: its file system cannot keep others from reading our key", path)
            stream.write(pem)
        try:
            if sys.platform == "win32":
                rename(temporary, path)
            else:
                os.link(temporary, path)
        except FileExistsError:
            return False
    finally:
        if os.path.exists(temporary):
            remove(temporary)
    path.with_suffix(".der").write_bytes(identity.der)
    return True
