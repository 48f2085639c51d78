"""What protects one secure channel: the policies None and Basic256Sha256, over the `opcua` package's algorithms."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from ...texts.catalogue import say
from .library import security_policies, silence_library_warnings, ua

silence_library_warnings()

from cryptography import x509  # noqa: E402
from cryptography.exceptions import InvalidSignature  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402

POLICY_PREFIX = "http://opcfoundation.org/UA/SecurityPolicy#"
NONE_URI = POLICY_PREFIX + "None"
BASIC256SHA256_URI = POLICY_PREFIX + "Basic256Sha256"
NONCE_BYTES = 32  # Basic256Sha256: SecureChannelNonceLength

SECURITY_ERRORS = (InvalidSignature, ValueError, AssertionError, ua.UaError)
"""What decrypting or verifying something forged or broken raises."""


class ChannelSecurity(NamedTuple):
    """The parameters of a channel. Certificates are DER, one leaf each; `client_key` a key of `cryptography`."""

    policy_uri: str = NONE_URI
    mode: Any = ua.MessageSecurityMode.None_
    server_certificate: bytes = b""
    client_certificate: bytes = b""
    client_key: Any = None

    @property
    def is_secure(self) -> bool:
        return self.policy_uri != NONE_URI

    @property
    def nonce_bytes(self) -> int:
        return NONCE_BYTES if self.is_secure else 0

    def __str__(self) -> str:
        if not self.is_secure:
            return "None"
        return f"{self.policy_uri.replace(POLICY_PREFIX, '')} {self.mode.name}"

    def make_policy(self) -> Any:
        """The asymmetric algorithms with both sides' keys, for opening the channel and for signatures."""
        return self._make_library_policy().asymmetric_cryptography

    def make_keys(self, client_nonce: bytes, server_nonce: bytes) -> Any:
        """The symmetric keys of one token, both directions (OPC 10000-6, 6.7.5)."""
        if not self.is_secure:
            return ua.CryptographyNone()
        policy = self._make_library_policy()
        policy.make_local_symmetric_key(server_nonce, client_nonce)
        policy.make_remote_symmetric_key(client_nonce, server_nonce)
        return policy.symmetric_cryptography

    def _make_library_policy(self) -> Any:
        client = x509.load_der_x509_certificate(self.client_certificate)
        kind = security_policies.SecurityPolicyBasic256Sha256
        return kind(self.server_certificate, client, self.client_key, self.mode)

    @staticmethod
    def open_sealed(crypto: Any, chunk: bytes, sealed_at: int) -> bytes:
        """Decrypt and verify what lies behind `sealed_at`; returns it without padding and signature.

        Raises one of SECURITY_ERRORS or a parse error.
        """
        plain = crypto.decrypt(chunk[sealed_at:])
        signature_size = crypto.vsignature_size()
        if len(plain) < signature_size + 8:
            raise ValueError(say("parse.signature"))
        plain, signature = plain[:-signature_size], plain[-signature_size:]
        crypto.verify(chunk[:sealed_at] + plain, signature)
        if not crypto.is_encrypted:
            return bytes(plain)
        if crypto.Decryptor.encrypted_block_size() > 256:
            (padding,) = struct.unpack_from("<H", plain, len(plain) - 2)
            padding += 2
        else:
            padding = plain[-1] + 1
        if padding > len(plain) - 8:
            raise ValueError(say("parse.padding"))
        return bytes(plain[:-padding])


def load_private_key(data: bytes) -> Any:
    """A private key without a passphrase, from PEM or DER. Raises ValueError, TypeError."""
    if b"-----BEGIN" in data:
        return serialization.load_pem_private_key(data, None)
    return serialization.load_der_private_key(data, None)


def sign_sha256(key: Any, data: bytes) -> bytes:
    """RSA-PKCS1.5-SHA256, the signature of Basic256Sha256."""
    return bytes(security_policies.uacrypto.sign_sha256(key, data))


NO_SECURITY = ChannelSecurity()
