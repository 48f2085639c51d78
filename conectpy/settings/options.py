"""Every option that a plant can set: its name, kind, range and meaning. One table per place in the configuration.

The defaults are those of the dataclasses in settings.py. documentation.md lists the same tables; a test compares them.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple

from ..timestamps import ZoneInfo


class Option(NamedTuple):
    """`kind` is text, int, float, bool, choice, zone or hosts; `low`, `high` bound numbers; `env` is its variable."""

    name: str
    kind: str
    meaning: str
    low: float = 0.0
    high: float = 0.0
    choices: Tuple[str, ...] = ()
    env: Optional[str] = None


PLC_OPTIONS = (
    Option("name", "text", "the name that people know the PLC by"),
    Option("driver", "choice", "protocol; from the address when left out", choices=("logix", "opcua")),
    Option("interval_s", "float", "scan interval in seconds", 0.05, 3600),
    Option("timeout_s", "float", "longest wait for one reply in seconds", 0.1, 60),
    Option("tag_lost_s", "float", "a tag missing in the PLC for this long closes its event as tag_lost", 0, 86400),
    Option("comm_delay_s", "float", "an outage becomes a @comm event after this many seconds", 0, 86400),
    Option("chatter_count", "int", "more transitions than this within the window flag the event", 1, 100000),
    Option("chatter_window_s", "float", "length of that window in seconds", 1, 86400),
)

OPCUA_OPTIONS = (
    Option(
        "security",
        "choice",
        "OPC UA security; auto takes the strongest endpoint, never None",
        choices=("auto", "none", "sign", "sign_and_encrypt"),
    ),
    Option("mode", "choice", "poll, or subscribe to catch pulses shorter than a scan", choices=("poll", "subscribe")),
    Option("sampling_ms", "int", "sampling interval of a subscription in milliseconds", 1, 3600000),
    Option("queue_size", "int", "changes that the server keeps per tag between two publications", 1, 10000),
    Option("user", "text", "user name; anonymous when left out"),
    Option("password_env", "text", "environment variable that holds the password"),
    Option("password_file", "text", "file whose first line is the password"),
    Option("user_certificate", "text", "certificate (DER or PEM) that identifies the user"),
    Option("user_key", "text", "private key of that certificate"),
    Option("allow_plain_password", "bool", "send the password even where nothing encrypts it"),
    Option("session_timeout_s", "float", "how long the server keeps a lost session", 30, 120),
    Option("pki_dir", "text", "folder of the certificates: own, trusted, rejected"),
    Option("trust_device_time", "bool", "edges take the device's own time where it fits what was seen"),
)

TAG_OPTIONS = (
    Option("tag", "text", "the tag's name in the PLC"),
    Option("label", "text", "the name that people know it by"),
    Option("unit", "text", "unit shown behind the value"),
    Option("decimals", "int", "digits shown after the decimal point; cut, not rounded", 0, 15),
    Option("node", "text", "NodeId of an OPC UA tag: ns=4;i=3 or nsu=URI;s=name"),
    Option("on_delay_s", "float", "TRUE must last this long to count", 0, 86400),
    Option("off_delay_s", "float", "FALSE must last this long to count", 0, 86400),
)

DATABASE_OPTIONS = (
    Option("path", "text", "the event database, a SQLite file", env="CONECTPY_DB"),
    Option("legacy_timezone", "zone", "zone of the local times in an old file", env="CONECTPY_LEGACY_TIMEZONE"),
)

WEB_OPTIONS = (
    Option("host", "text", "address to listen on; 0.0.0.0 for all", env="CONECTPY_HOST"),
    Option("port", "int", "port to listen on; 0 takes a free one", 0, 65535, env="CONECTPY_PORT"),
    Option("tls_certificate", "text", "PEM file: serve HTTPS", env="CONECTPY_TLS_CERTIFICATE"),
    Option("tls_key", "text", "PEM file of its private key", env="CONECTPY_TLS_KEY"),
    Option(
        "timezone", "zone", "the plant's zone on the pages; the machine's own when left out", env="CONECTPY_TIMEZONE"
    ),
    Option(
        "language",
        "choice",
        "language of the pages; the browser's when left out",
        choices=("es", "en"),
        env="CONECTPY_LANGUAGE",
    ),
    Option(
        "trusted_hosts",
        "hosts",
        "host names that browsers may ask for; any when left out",
        env="CONECTPY_TRUSTED_HOSTS",
    ),
    Option("threads", "int", "threads that answer browsers", 32, 512, env="CONECTPY_WEB_THREADS"),
    Option(
        "connections_per_address",
        "int",
        "connections that one address may hold idle",
        4,
        10000,
        env="CONECTPY_CONNECTIONS_PER_ADDRESS",
    ),
    Option("history_mb", "int", "memory for the trends in MiB", 1, 4096, env="CONECTPY_HISTORY_MB"),
)

TOP_OPTIONS = (
    Option(
        "log_level",
        "choice",
        "how much is logged",
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
        env="CONECTPY_LOG_LEVEL",
    ),
)


class Fault(Exception):
    """One wrong value; its text says what it must be and what it is."""


def check(option: Option, value: Any, is_text: bool = False) -> Any:
    """The value in its type, or Fault. `is_text`: from the environment or command line, where numbers are text."""
    if option.kind in ("int", "float"):
        return _check_number(option, value, is_text)
    if option.kind == "bool":
        if is_text and str(value).lower() in ("true", "false", "1", "0"):
            return str(value).lower() in ("true", "1")
        if not isinstance(value, bool):
            raise Fault(f"must be true or false, got {show(value)}")
        return value
    if option.kind == "hosts":
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) and part.strip() for part in parts):
            raise Fault(f"must be a list of host names, got {show(value)}")
        return tuple(part.strip() for part in parts)
    if not isinstance(value, str) or not value.strip():
        raise Fault(f"must be text, got {show(value)}{_quote_hint(value)}")
    if option.kind == "choice":
        found = {choice.lower(): choice for choice in option.choices}.get(value.lower())
        if found is None:
            raise Fault(f"must be {' or '.join(option.choices)}, got {show(value)}")
        return found
    if option.kind == "zone":
        return check_zone(value)
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise Fault(f"must not hold control characters, got {value!r}")
    return value


def _check_number(option: Option, value: Any, is_text: bool) -> Any:
    bounds = f"must be {option.low:g} to {option.high:g}"
    if is_text:
        try:
            value = int(value) if option.kind == "int" else float(value)
        except ValueError:
            raise Fault(f"{bounds}, got {show(value)}") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Fault(f"{bounds}, got {show(value)}")
    if option.kind == "int" and not isinstance(value, int):
        raise Fault(f"{bounds}, a whole number, got {show(value)}")
    if not option.low <= value <= option.high:
        raise Fault(f"{bounds}, got {show(value)}")
    return value if option.kind == "int" else float(value)


def check_zone(name: str) -> str:
    """An IANA zone name that this machine knows, or Fault."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Fault(f"must be a time zone such as America/Santiago, got {show(name)}") from None
    return name


def show(value: Any) -> str:
    """A value as an error names it: on one line, not too long."""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split()) or "nothing"
    return text if len(text) <= 80 else text[:77] + "..."


def _quote_hint(value: Any) -> str:
    return " (YAML reads a bare yes, no, on or off as a boolean: put it in quotes)" if isinstance(value, bool) else ""
