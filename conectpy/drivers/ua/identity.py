"""Who we are to a server: anonymous, a user with a password, a user with a certificate (OPC 10000-4, 7.40)."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence, Tuple

from ...errors import DriverError
from ...pki import certificates as pki
from ...settings.types import OpcUaSettings
from ...texts.catalogue import say, text_of
from .library import security_policies, ua
from .ua_security import BASIC256SHA256_URI, NONE_URI, POLICY_PREFIX, ChannelSecurity, load_private_key, sign_sha256

OAEP_URI = "http://www.w3.org/2001/04/xmlenc#rsa-oaep"
RSA_SHA256_URI = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
OAEP_POLICIES = (BASIC256SHA256_URI, POLICY_PREFIX + "Basic256")
"""Policies whose secrets are encrypted with RSA-OAEP-SHA1; Basic128Rsa15's can be broken and are not sent."""

CheckServer = Callable[[], bytes]
Identity = Tuple[Any, Any]


def make_identity_token(
    settings: OpcUaSettings, security: ChannelSecurity, tokens: Sequence[Any], nonce: bytes, check: CheckServer
) -> Identity:
    """(UserIdentityToken, its signature or None). `check` gives the server's certificate, checked, or raises.

    Raises DriverError, also before a password would travel in clear.
    """
    if settings.user_certificate:
        return _certificate_token(settings, security, tokens, nonce, check)
    if settings.user:
        return _password_token(settings, security, tokens, nonce, check), None
    return _anonymous_token(tokens), None


def _anonymous_token(tokens: Sequence[Any]) -> Any:
    token = ua.AnonymousIdentityToken()
    found = [policy for policy in tokens if policy.TokenType == ua.UserTokenType.Anonymous]
    if tokens and not found:
        raise DriverError(say("ua.no_anonymous"))
    token.PolicyId = found[0].PolicyId if found else "anonymous"
    return token


def _password_token(
    settings: OpcUaSettings, security: ChannelSecurity, tokens: Sequence[Any], nonce: bytes, check: CheckServer
) -> Any:
    policies = [policy for policy in tokens if policy.TokenType == ua.UserTokenType.UserName]
    if not policies:
        raise DriverError(say("ua.no_passwords"))
    token = ua.UserNameIdentityToken()
    token.UserName = settings.user
    encrypting = [policy for policy in policies if _policy_uri(policy, security) in OAEP_POLICIES]
    if encrypting:
        password = read_password(settings).encode("utf-8")
        token.PolicyId = encrypting[0].PolicyId
        token.Password = encrypt_secret(check(), password, nonce)
        token.EncryptionAlgorithm = OAEP_URI
        return token
    plain = [policy for policy in policies if _policy_uri(policy, security) == NONE_URI]
    if not plain:
        offers = ", ".join(_policy_uri(policy, security).replace(POLICY_PREFIX, "") for policy in policies)
        raise DriverError(say("ua.password_policy", offers=offers))
    is_encrypted = security.mode == ua.MessageSecurityMode.SignAndEncrypt
    if not is_encrypted and not settings.allow_plain_password:
        raise DriverError(say("ua.password_in_clear"))
    token.PolicyId = plain[0].PolicyId
    token.Password = read_password(settings).encode("utf-8")
    token.EncryptionAlgorithm = None
    return token


def _certificate_token(
    settings: OpcUaSettings, security: ChannelSecurity, tokens: Sequence[Any], nonce: bytes, check: CheckServer
) -> Identity:
    policies = [policy for policy in tokens if policy.TokenType == ua.UserTokenType.Certificate]
    policies = [policy for policy in policies if _policy_uri(policy, security) in (BASIC256SHA256_URI, NONE_URI)]
    if not policies:
        raise DriverError(say("ua.no_user_certificates"))
    certificate_file, key_file = settings.user_certificate or "", settings.user_key or ""
    if not key_file:
        raise DriverError(say("ua.no_user_key"))
    try:
        certificate = pki.parse_certificate(Path(certificate_file).read_bytes())
        key = load_private_key(Path(key_file).read_bytes())
    except OSError as exc:
        raise DriverError(say("ua.file", path=exc.filename, fault=text_of(exc))) from exc
    except (ValueError, TypeError) as exc:
        text = say("ua.bad_user_certificate", certificate=certificate_file, key=key_file, fault=text_of(exc))
        raise DriverError(text) from exc
    token = ua.X509IdentityToken()
    token.PolicyId = policies[0].PolicyId
    token.CertificateData = pki.to_der(certificate)
    signature = ua.SignatureData()
    signature.Algorithm = RSA_SHA256_URI
    signature.Signature = sign_sha256(key, check() + nonce)
    return token, signature


def _policy_uri(policy: Any, security: ChannelSecurity) -> str:
    """A token policy without a URI means the channel's own (OPC 10000-4, 7.42)."""
    return str(policy.SecurityPolicyUri or security.policy_uri)


def encrypt_secret(server_certificate: bytes, secret: bytes, nonce: bytes) -> bytes:
    """OPC 10000-4, 7.40.2.2: length, secret and the server's last nonce, in as many RSA blocks as it takes."""
    encryptor = security_policies.EncryptorRsa(
        pki.load_certificate(server_certificate), security_policies.uacrypto.encrypt_rsa_oaep, 42
    )
    return bytes(encryptor.encrypt(struct.pack("<I", len(secret) + len(nonce)) + secret + nonce))


def read_password(settings: OpcUaSettings) -> str:
    """From the environment variable or file that the settings name. Raises DriverError; never shows what it holds."""
    if settings.password_env:
        password: Optional[str] = os.environ.get(settings.password_env)
        if password is None:
            raise DriverError(say("ua.password_env", name=settings.password_env))
        return password
    if settings.password_file:
        try:
            lines: List[str] = Path(settings.password_file).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as exc:
            fault = text_of(exc) if isinstance(exc, OSError) else say("ua.not_utf8")
            raise DriverError(say("ua.password_file", path=settings.password_file, fault=fault)) from exc
        if not lines:
            raise DriverError(say("ua.password_file", path=settings.password_file, fault=say("ua.empty_file")))
        return lines[0]
    raise DriverError(say("ua.no_password", user=settings.user))
