"""The typed settings that every room is built from; each option is described at its field, and only there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterator, Optional, Tuple

from ..texts.catalogue import Text, say
from .options import option

LANGUAGES = ("es", "en")


@dataclass(frozen=True)
class TagSettings:
    """One configured tag. `node` is the NodeId text of an OPC UA tag, None for Logix."""

    tag: str = field(metadata=option(say("option.tag.tag")))
    label: str = field(metadata=option(say("option.tag.label"), otherwise="`tag_labels`, else the tag"))
    unit: str = field(default="", metadata=option(say("option.tag.unit")))
    decimals: Optional[int] = field(default=None, metadata=option(say("option.tag.decimals"), 0, 15))
    is_state: bool = False
    node: Optional[str] = field(default=None, metadata=option(say("option.tag.node"), driver="opcua"))
    on_delay_s: float = field(default=0.0, metadata=option(say("option.tag.on_delay_s"), 0, 86400, unit="s"))
    off_delay_s: float = field(default=0.0, metadata=option(say("option.tag.off_delay_s"), 0, 86400, unit="s"))


@dataclass(frozen=True)
class OpcUaSettings:
    """How to talk to one OPC UA server. No password is here, only the name of the variable or file that holds one."""

    security: str = field(
        default="auto",
        metadata=option(
            say("option.opcua.security"),
            choices=("auto", "none", "sign", "sign_and_encrypt"),
        ),
    )
    mode: str = field(
        default="poll",
        metadata=option(say("option.opcua.mode"), choices=("poll", "subscribe")),
    )
    sampling_ms: int = field(default=100, metadata=option(say("option.opcua.sampling_ms"), 1, 3600000, unit="ms"))
    queue_size: int = field(default=100, metadata=option(say("option.opcua.queue_size"), 1, 10000))
    user: Optional[str] = field(default=None, metadata=option(say("option.opcua.user")))
    password_env: Optional[str] = field(default=None, metadata=option(say("option.opcua.password_env")))
    password_file: Optional[str] = field(default=None, metadata=option(say("option.opcua.password_file")))
    user_certificate: Optional[str] = field(default=None, metadata=option(say("option.opcua.user_certificate")))
    user_key: Optional[str] = field(default=None, metadata=option(say("option.opcua.user_key")))
    allow_plain_password: bool = field(default=False, metadata=option(say("option.opcua.allow_plain_password")))
    session_timeout_s: float = field(
        default=60.0, metadata=option(say("option.opcua.session_timeout_s"), 30, 120, unit="s")
    )
    pki_dir: str = field(default="pki", metadata=option(say("option.opcua.pki_dir")))
    trust_device_time: bool = field(default=False, metadata=option(say("option.opcua.trust_device_time")))


@dataclass(frozen=True)
class PlcSettings:
    """One PLC: `address` is its key in `PLCS` (what pycomm3 calls the path, or an `opc.tcp://` URL)."""

    address: str
    name: str = field(metadata=option(say("option.plc.name"), otherwise="the address"))
    driver: str = field(
        default="logix",
        metadata=option(say("option.plc.driver"), choices=("logix", "opcua"), otherwise="from the address"),
    )
    interval_s: float = field(default=1.0, metadata=option(say("option.plc.interval_s"), 0.05, 3600, unit="s"))
    timeout_s: float = field(default=3.0, metadata=option(say("option.plc.timeout_s"), 0.1, 60, unit="s"))
    tags: Tuple[TagSettings, ...] = ()
    tag_lost_s: float = field(
        default=60.0,
        metadata=option(say("option.plc.tag_lost_s"), 0, 86400, unit="s"),
    )
    comm_delay_s: float = field(default=5.0, metadata=option(say("option.plc.comm_delay_s"), 0, 86400, unit="s"))
    chatter_count: int = field(default=10, metadata=option(say("option.plc.chatter_count"), 1, 100000))
    chatter_window_s: float = field(
        default=60.0, metadata=option(say("option.plc.chatter_window_s"), 1, 86400, unit="s")
    )
    is_simulated: bool = False
    opcua: OpcUaSettings = field(
        default_factory=OpcUaSettings, metadata=option(say("option.plc.opcua"), driver="opcua", is_flat=True)
    )


@dataclass(frozen=True)
class DatabaseSettings:
    """`legacy_timezone`: IANA zone of the times in a file from before schema versions; None: the machine's own."""

    path: str = field(
        default="events.sqlite3",
        metadata=option(say("option.database.path"), variable="CONECTPY_DB", flag="--db FILE"),
    )
    legacy_timezone: Optional[str] = field(
        default=None,
        metadata=option(
            say("option.database.legacy_timezone"),
            kind="zone",
            otherwise="the machine's own",
            variable="CONECTPY_LEGACY_TIMEZONE",
            flag="--legacy-timezone ZONE",
        ),
    )


@dataclass(frozen=True)
class WebSettings:
    """`timezone`: IANA name of the plant's zone that pages show; None: the machine's own."""

    host: str = field(
        default="127.0.0.1",
        metadata=option(say("option.web.host"), variable="CONECTPY_HOST", flag="--host ADDRESS"),
    )
    port: int = field(
        default=5000,
        metadata=option(say("option.web.port"), 0, 65535, variable="CONECTPY_PORT", flag="--port PORT"),
    )
    tls_certificate: Optional[str] = field(
        default=None, metadata=option(say("option.web.tls_certificate"), variable="CONECTPY_TLS_CERTIFICATE")
    )
    tls_key: Optional[str] = field(
        default=None, metadata=option(say("option.web.tls_key"), variable="CONECTPY_TLS_KEY")
    )
    timezone: Optional[str] = field(
        default=None,
        metadata=option(
            say("option.web.timezone"), kind="zone", otherwise="the machine's own", variable="CONECTPY_TIMEZONE"
        ),
    )
    language: Optional[str] = field(
        default=None,
        metadata=option(
            say("option.web.language"),
            choices=LANGUAGES,
            otherwise="`language`, else the browser's",
            variable="CONECTPY_LANGUAGE",
        ),
    )
    trusted_hosts: Tuple[str, ...] = field(
        default=(),
        metadata=option(
            say("option.web.trusted_hosts"),
            items="host names",
            otherwise="addresses and this machine's names",
            variable="CONECTPY_TRUSTED_HOSTS",
        ),
    )
    threads: int = field(
        default=96, metadata=option(say("option.web.threads"), 32, 512, variable="CONECTPY_WEB_THREADS")
    )
    connections_per_address: int = field(
        default=32,
        metadata=option(
            say("option.web.connections_per_address"), 4, 10000, variable="CONECTPY_CONNECTIONS_PER_ADDRESS"
        ),
    )
    history_mb: int = field(
        default=32, metadata=option(say("option.web.history_mb"), 1, 4096, unit="MiB", variable="CONECTPY_HISTORY_MB")
    )

    def conflicts(self) -> Iterator[Text]:
        """What is wrong between options that are right by themselves."""
        if bool(self.tls_certificate) != bool(self.tls_key):
            yield say("settings.tls_pair")


@dataclass(frozen=True)
class Settings:
    """All of it. `language` None: console and log speak English, the pages what the browser prefers."""

    plcs: Tuple[PlcSettings, ...]
    database: DatabaseSettings = field(
        default_factory=DatabaseSettings, metadata=option(say("option.top.database"), shorthand="path")
    )
    web: WebSettings = field(default_factory=WebSettings, metadata=option(say("option.top.web")))
    log_level: str = field(
        default="INFO",
        metadata=option(
            say("option.top.log_level"),
            choices=("DEBUG", "INFO", "WARNING", "ERROR"),
            variable="CONECTPY_LOG_LEVEL",
            flag="--log-level LEVEL",
        ),
    )
    log_file: Optional[str] = field(
        default=None,
        metadata=option(
            say("option.top.log_file"),
            variable="CONECTPY_LOG_FILE",
            flag="--log-file FILE",
        ),
    )
    language: Optional[str] = field(
        default=None,
        metadata=option(
            say("option.top.language"),
            choices=LANGUAGES,
            otherwise="English; on the pages the browser's",
            variable="CONECTPY_LANGUAGE",
        ),
    )
