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

    tag: str = field(metadata=option("the tag's name in the PLC"))
    label: str = field(metadata=option("the name that people know it by", otherwise="`tag_labels`, else the tag"))
    unit: str = field(default="", metadata=option("unit shown behind the value"))
    decimals: Optional[int] = field(
        default=None, metadata=option("digits shown after the decimal point; cut, not rounded", 0, 15)
    )
    is_state: bool = False
    node: Optional[str] = field(
        default=None, metadata=option("NodeId of an OPC UA tag: ns=4;i=3 or nsu=URI;s=name", driver="opcua")
    )
    on_delay_s: float = field(default=0.0, metadata=option("TRUE must last this long to count", 0, 86400, unit="s"))
    off_delay_s: float = field(default=0.0, metadata=option("FALSE must last this long to count", 0, 86400, unit="s"))


@dataclass(frozen=True)
class OpcUaSettings:
    """How to talk to one OPC UA server. No password is here, only the name of the variable or file that holds one."""

    security: str = field(
        default="auto",
        metadata=option(
            "OPC UA security; auto takes the strongest endpoint, never None",
            choices=("auto", "none", "sign", "sign_and_encrypt"),
        ),
    )
    mode: str = field(
        default="poll",
        metadata=option("poll, or subscribe to catch pulses shorter than a scan", choices=("poll", "subscribe")),
    )
    sampling_ms: int = field(default=100, metadata=option("sampling interval of a subscription", 1, 3600000, unit="ms"))
    queue_size: int = field(
        default=100, metadata=option("changes that the server keeps per tag between two publications", 1, 10000)
    )
    user: Optional[str] = field(default=None, metadata=option("user name; anonymous when left out"))
    password_env: Optional[str] = field(default=None, metadata=option("environment variable that holds the password"))
    password_file: Optional[str] = field(default=None, metadata=option("file whose first line is the password"))
    user_certificate: Optional[str] = field(
        default=None, metadata=option("certificate (DER or PEM) that identifies the user")
    )
    user_key: Optional[str] = field(default=None, metadata=option("private key of that certificate"))
    allow_plain_password: bool = field(
        default=False, metadata=option("send the password even where nothing encrypts it")
    )
    session_timeout_s: float = field(
        default=60.0, metadata=option("how long the server keeps a lost session", 30, 120, unit="s")
    )
    pki_dir: str = field(default="pki", metadata=option("folder of the certificates: own, trusted, rejected"))
    trust_device_time: bool = field(
        default=False, metadata=option("edges take the device's own time where it fits what was seen")
    )


@dataclass(frozen=True)
class PlcSettings:
    """One PLC: `address` is its key in `PLCS` (what pycomm3 calls the path, or an `opc.tcp://` URL)."""

    address: str
    name: str = field(metadata=option("the name that people know the PLC by", otherwise="the address"))
    driver: str = field(
        default="logix", metadata=option("protocol", choices=("logix", "opcua"), otherwise="from the address")
    )
    interval_s: float = field(default=1.0, metadata=option("scan interval", 0.05, 3600, unit="s"))
    timeout_s: float = field(default=3.0, metadata=option("longest wait for one reply", 0.1, 60, unit="s"))
    tags: Tuple[TagSettings, ...] = ()
    tag_lost_s: float = field(
        default=60.0,
        metadata=option("a tag missing in the PLC for this long closes its event as tag_lost", 0, 86400, unit="s"),
    )
    comm_delay_s: float = field(
        default=5.0, metadata=option("an outage becomes a @comm event after this time", 0, 86400, unit="s")
    )
    chatter_count: int = field(
        default=10, metadata=option("more transitions than this within the window flag the event", 1, 100000)
    )
    chatter_window_s: float = field(default=60.0, metadata=option("length of that window", 1, 86400, unit="s"))
    is_simulated: bool = False
    opcua: OpcUaSettings = field(
        default_factory=OpcUaSettings, metadata=option("how to talk to an OPC UA server", driver="opcua", is_flat=True)
    )


@dataclass(frozen=True)
class DatabaseSettings:
    """`legacy_timezone`: IANA zone of the times in a file from before schema versions; None: the machine's own."""

    path: str = field(
        default="events.sqlite3",
        metadata=option("the event database, a SQLite file", variable="CONECTPY_DB", flag="--db FILE"),
    )
    legacy_timezone: Optional[str] = field(
        default=None,
        metadata=option(
            "zone of the local times in an old database file",
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
        metadata=option("address to listen on; 0.0.0.0 for all", variable="CONECTPY_HOST", flag="--host ADDRESS"),
    )
    port: int = field(
        default=5000,
        metadata=option(
            "port to listen on; 0 takes a free one", 0, 65535, variable="CONECTPY_PORT", flag="--port PORT"
        ),
    )
    tls_certificate: Optional[str] = field(
        default=None, metadata=option("PEM file: serve HTTPS", variable="CONECTPY_TLS_CERTIFICATE")
    )
    tls_key: Optional[str] = field(
        default=None, metadata=option("PEM file of its private key", variable="CONECTPY_TLS_KEY")
    )
    timezone: Optional[str] = field(
        default=None,
        metadata=option(
            "the plant's zone on the pages", kind="zone", otherwise="the machine's own", variable="CONECTPY_TIMEZONE"
        ),
    )
    language: Optional[str] = field(
        default=None,
        metadata=option(
            "language of the pages",
            choices=LANGUAGES,
            otherwise="`language`, else the browser's",
            variable="CONECTPY_LANGUAGE",
        ),
    )
    trusted_hosts: Tuple[str, ...] = field(
        default=(),
        metadata=option(
            "host names that browsers may ask for",
            items="host names",
            otherwise="addresses and this machine's names",
            variable="CONECTPY_TRUSTED_HOSTS",
        ),
    )
    threads: int = field(
        default=96, metadata=option("threads that answer browsers", 32, 512, variable="CONECTPY_WEB_THREADS")
    )
    connections_per_address: int = field(
        default=32,
        metadata=option(
            "connections that one address may hold idle", 4, 10000, variable="CONECTPY_CONNECTIONS_PER_ADDRESS"
        ),
    )
    history_mb: int = field(
        default=32, metadata=option("memory for the trends", 1, 4096, unit="MiB", variable="CONECTPY_HISTORY_MB")
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
        default_factory=DatabaseSettings, metadata=option("the event database; a path, or a mapping", shorthand="path")
    )
    web: WebSettings = field(default_factory=WebSettings, metadata=option("the web server and its pages"))
    log_level: str = field(
        default="INFO",
        metadata=option(
            "how much is logged",
            choices=("DEBUG", "INFO", "WARNING", "ERROR"),
            variable="CONECTPY_LOG_LEVEL",
            flag="--log-level LEVEL",
        ),
    )
    log_file: Optional[str] = field(
        default=None,
        metadata=option(
            "file that the log is written to as well: 5 MB, and the nine before it (FILE.1 ... FILE.9)",
            variable="CONECTPY_LOG_FILE",
            flag="--log-file FILE",
        ),
    )
    language: Optional[str] = field(
        default=None,
        metadata=option(
            "language of console and log, and of the pages unless `web.language` names another",
            choices=LANGUAGES,
            otherwise="English; on the pages the browser's",
            variable="CONECTPY_LANGUAGE",
        ),
    )
