"""The one place that imports `opcua`: with the warnings silenced that it, and cryptography on old Pythons, give.

`opcua` calls `datetime.utcnow()` (deprecated since Python 3.12) and `cryptography` warns on Python 3.8; under
`python -W error` either would stop the program. Exactly these two are ignored, everything else still shows.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

from ...texts.catalogue import Text, say


def silence_library_warnings() -> None:
    """Ignore `opcua`'s utcnow and cryptography's farewell to Python 3.8. Called before either is imported."""
    warnings.filterwarnings("ignore", r"datetime\.datetime\.utc\w+\(\) is deprecated", DeprecationWarning)
    warnings.filterwarnings("ignore", r"Python 3\.\d+ is no longer supported by the Python core team")


silence_library_warnings()

from opcua import ua  # noqa: E402
from opcua.crypto import security_policies  # noqa: E402
from opcua.ua import status_codes, ua_binary  # noqa: E402

# Its loggers tell every refused request with a traceback; the driver's own errors say it in one line.
logging.getLogger("opcua").setLevel(logging.ERROR)

__all__ = ["security_policies", "silence_library_warnings", "status_name", "status_text", "ua", "ua_binary"]

_NAMES: Any = {code: name for name, code in vars(status_codes.StatusCodes).items() if isinstance(code, int)}


_ADVICE = {
    "BadNodeIdUnknown": say("ua.advice.node"),
    "BadNodeIdInvalid": say("ua.advice.node"),
    "BadNotReadable": say("ua.advice.access"),
    "BadUserAccessDenied": say("ua.advice.user"),
    "BadIdentityTokenRejected": say("ua.advice.user"),
    "BadIdentityTokenInvalid": say("ua.advice.user"),
    "BadCertificateUntrusted": say("ua.advice.our_certificate"),
    "BadSecurityChecksFailed": say("ua.advice.our_certificate"),
    "BadCertificateTimeInvalid": say("ua.advice.clock"),
    "BadTooManySessions": say("ua.advice.sessions"),
    "BadTcpNotEnoughResources": say("ua.advice.sessions"),
    "BadSecurityModeRejected": say("ua.advice.security"),
    "BadSecurityPolicyRejected": say("ua.advice.security"),
}
"""What a person can do, by the name of the status."""


def status_text(code: int) -> Text:
    """The status code by name and number, and what to do about it where that is known."""
    name = status_name(code)
    return say("ua.status", name=name, advice=_ADVICE.get(name.split(" ")[0], ""))


def status_name(code: int) -> str:
    """`BadSensorFailure (0x808C0000)`: the name of a status code (OPC 10000-6, A.2), flags in its low half ignored."""
    name = _NAMES.get(code & 0xFFFF0000)
    if name is None:
        name = {0: "Good", 1: "Uncertain"}.get(code >> 30, "Bad")
    return f"{name} (0x{code:08X})"
