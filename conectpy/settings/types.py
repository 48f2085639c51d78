"""The typed settings that every room is built from. `config.py` fills them; nothing here reads a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple


@dataclass(frozen=True)
class TagSettings:
    """One configured tag. `node` is the NodeId text of an OPC UA tag, None for Logix."""

    tag: str
    label: str
    unit: str = ""
    decimals: Optional[int] = None
    is_state: bool = False
    node: Optional[str] = None
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0


@dataclass(frozen=True)
class OpcUaSettings:
    """How to talk to one OPC UA server. No password is here, only the name of the variable or file that holds one."""

    security: str = "auto"
    mode: str = "poll"
    sampling_ms: int = 100
    queue_size: int = 100
    user: Optional[str] = None
    password_env: Optional[str] = None
    password_file: Optional[str] = None
    user_certificate: Optional[str] = None
    user_key: Optional[str] = None
    allow_plain_password: bool = False
    session_timeout_s: float = 60.0
    pki_dir: str = "pki"
    trust_device_time: bool = False


@dataclass(frozen=True)
class PlcSettings:
    """One PLC: `address` is its key in `PLCS` (what pycomm3 calls the path, or an `opc.tcp://` URL)."""

    address: str
    name: str
    driver: str = "logix"
    interval_s: float = 1.0
    timeout_s: float = 3.0
    tags: Tuple[TagSettings, ...] = ()
    tag_lost_s: float = 60.0
    comm_delay_s: float = 5.0
    chatter_count: int = 10
    chatter_window_s: float = 60.0
    is_simulated: bool = False
    opcua: OpcUaSettings = field(default_factory=OpcUaSettings)


@dataclass(frozen=True)
class DatabaseSettings:
    """`legacy_timezone`: IANA zone of the times in a file from before schema versions; None: the machine's own."""

    path: str = "events.sqlite3"
    legacy_timezone: Optional[str] = None


@dataclass(frozen=True)
class WebSettings:
    """`timezone`: IANA name of the plant's zone that pages show; None: the machine's own."""

    host: str = "127.0.0.1"
    port: int = 5000
    tls_certificate: Optional[str] = None
    tls_key: Optional[str] = None
    timezone: Optional[str] = None
    language: Optional[str] = None
    trusted_hosts: Tuple[str, ...] = ()
    threads: int = 96
    connections_per_address: int = 32
    history_mb: int = 32


@dataclass(frozen=True)
class Settings:
    plcs: Tuple[PlcSettings, ...]
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    web: WebSettings = field(default_factory=WebSettings)
    log_level: str = "INFO"
