"""`Driver` for Siemens and other PLCs over OPC UA. See ua/session.py for the wire, ua/poll.py for the scan."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from ..errors import DriverError
from ..facts.plc_facts import OpcUaFacts
from ..models import Sample, Scan, Value
from ..settings.types import PlcSettings, TagSettings
from ..texts.catalogue import Text, say, text_of
from ..texts.outside import clean
from ..timestamps import READING_S, from_text, read_clocks, steady_s
from .base import DriverMemory
from .ua.browse import BrowsedNode, browse, read_attributes, read_types
from .ua.clock import BIAS_LEAST_S, ClockOffset
from .ua.connect import UntrustedServer, open_session
from .ua.node_id import Malformed, NodeId, parse_node_id
from .ua.poll import PolledNode, PollReader
from .ua.read_plan import ATTRIBUTE_VALUE
from .ua.session import UaSession
from .ua.subscribe import SubscribeReader
from .ua.ua_values import ticks_to_epoch_s

log = logging.getLogger(__name__)

CHUNK_UNKNOWN = 200  # where a server does not tell its limit
CHUNK_S7_1200 = 200  # above this, an S7-1200 takes about 50 times longer
CHUNK_LARGEST = 5000
_S7_1200 = re.compile(r"S7-?1200|CPU ?12\d\d|6ES7 ?21\d", re.IGNORECASE)

LIVE_STATES = (0, 5, 7)  # ServerState: Running, Test, Unknown
STATE_NAMES = (
    "Running", "Failed", "NoConfiguration", "Suspended", "Shutdown", "Test", "CommunicationFault", "Unknown",
)  # fmt: skip


class ServerInfo(NamedTuple):
    """What a server tells of itself. `max_nodes` 0: no limit, None: it does not tell."""

    namespaces: Tuple[str, ...]
    max_nodes: Optional[int]
    max_items: Optional[int]
    product: str


class OpcUaPlc:
    """One connection to one OPC UA server, for one attempt (see Driver)."""

    def __init__(self, plc: PlcSettings, memory: DriverMemory) -> None:
        self._plc = plc
        self._memory = memory
        self._clock = ClockOffset()
        self._session: Optional[UaSession] = None
        self._opened: List[UaSession] = []  # of the owner's thread; `abort` only takes a copy
        self._is_aborted = threading.Event()
        self._is_resting = False
        self._reader: Union[PollReader, SubscribeReader, None] = None
        self._info = ServerInfo((), None, None, "")
        self._nodes: List[PolledNode] = []
        self._pending: List[Tuple[str, Sample]] = []
        self._round_trip_s = 0.0
        self._dated: Optional[Tuple[float, datetime]] = None  # the last scan's sending, by both clocks

    # -- Driver --------------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        try:
            self._connect()
        except (DriverError, Malformed) as exc:
            raise self._error(say("driver.connecting"), exc) from exc

    def read_scan(self) -> Scan:
        if self._session is None and not self._is_resting:
            raise DriverError(say("ua.not_connected", plc=self._plc.name))
        try:
            if self._is_resting:
                self._connect()
            session, reader = self._session, self._reader
            assert session is not None
            assert reader is not None
            session.renew_channel_if_due()
            started_s = steady_s()
            samples, sent_s = reader.read()
            received_utc, received_s = read_clocks()
        except (DriverError, Malformed) as exc:
            self._session = None  # an answer that comes too late is nobody's
            raise self._error(say("ua.reading_nodes", count=len(self._plc.tags)), exc) from exc
        duration_s = self._round_trip_s = received_s - started_s
        if self._is_sparse(session):
            self._rest()
        if self._pending:
            samples, self._pending = self._pending + samples, []
        sent_utc = self._date(sent_s, received_utc, received_s)
        return Scan(sent_utc, received_utc, duration_s, tuple(samples), _frozen(reader.server_state), received_s)

    def facts(self) -> OpcUaFacts:
        session, reader = self._session, self._reader
        if session is None or reader is None:
            return {}
        now_utc, now_s = read_clocks()
        offset_s = self._clock.ahead_of(now_utc.timestamp(), now_s)
        return {
            "controller": self._info.product or None,
            "security": str(session.security),
            "certificate_days_left": session.own_days_left,
            "mode": self._plc.opcua.mode,
            "rtt_ms": round(self._round_trip_s * 1000.0, 2),
            "frames_per_scan": reader.frames_per_scan,
            "max_nodes_per_read": self._info.max_nodes,
            "session_timeout_s": session.timeout_granted_s,
            "clock_offset_s": None if offset_s is None else round(offset_s, 4),
            "clock_uncertainty_s": None if offset_s is None else round(self._clock.uncertainty_s, 4),
        }

    def take_interval(self, interval_s: float) -> bool:
        """Polling follows the interval by itself; what a subscription publishes was agreed upon with the server."""
        self._plc = replace(self._plc, interval_s=interval_s)
        return self._plc.opcua.mode == "poll"

    def close(self) -> None:
        self._is_resting = False
        while self._opened:
            self._opened[-1].close()
            self._opened.pop()

    def abort(self) -> None:
        self._is_aborted.set()
        for session in list(self._opened):
            session.abort()

    def _date(self, sent_s: float, received_utc: datetime, received_s: float) -> datetime:
        """When that was by the wall clock; the same moment twice is the same time, unless the clock was set."""
        sent_utc = received_utc - timedelta(seconds=received_s - sent_s)
        before_s, before_utc = self._dated or (sent_s, sent_utc)
        if sent_s == before_s and abs((sent_utc - before_utc).total_seconds()) < READING_S:
            sent_utc = before_utc
        self._dated = sent_s, sent_utc
        return sent_utc

    def _is_sparse(self, session: UaSession) -> bool:
        """Whether the session would end before the next scan: then each scan has a session of its own."""
        return self._plc.interval_s > session.timeout_granted_s / 2

    def _rest(self) -> None:
        self.close()
        self._is_resting = True

    # -- looking around ------------------------------------------------------------------------------------------------

    def read_types(self) -> Dict[str, str]:
        """The data type of each configured tag, for people; a tag whose node is missing has the reason in brackets."""
        if self._session is None:
            raise DriverError(say("ua.types_too_early", plc=self._plc.name))
        try:
            types = read_types(self._session, [node.node for node in self._nodes])
        except (DriverError, Malformed) as exc:
            raise self._error(say("ua.reading_types"), exc) from exc
        found = {node.tag: text for node, text in zip(self._nodes, types)}
        return {tag.tag: found.get(tag.tag, say("ua.no_such_namespace")) for tag in self._plc.tags}

    def browse(self, start: str, depth: int) -> Iterator[BrowsedNode]:
        """The address space below a node (`i=85`, `ns=4;i=3`, `nsu=...`) as a tree. Raises DriverError."""
        if self._session is None:
            raise DriverError(say("ua.browsing_too_early", plc=self._plc.name))
        nodes, missing = resolve_nodes((TagSettings(start, start, node=start),), self._info.namespaces)
        if missing:
            fault, action = missing[0][1].error, say("ua.browsing_node", node=start)
            raise DriverError(say("ua.failed", plc=self._plc.name, action=action, fault=fault))
        try:
            yield from browse(self._session, nodes[0].node, depth)
        except (DriverError, Malformed) as exc:
            raise self._error(say("ua.browsing"), exc) from exc

    # -- connecting ----------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        session = self._session = open_session(self._plc, self._on_opening)
        self._info = self._read_info(session)
        self._nodes, self._pending = resolve_nodes(self._plc.tags, self._info.namespaces)
        limit = _chunk_limit(self._info)
        if self._plc.opcua.mode == "subscribe" and not self._is_sparse(session):
            self._reader = SubscribeReader(session, self._nodes, limit, self._info.max_items, self._clock, self._plc)
        else:
            self._reader = PollReader(session, self._nodes, limit, self._clock, self._plc.opcua.sampling_ms / 1000.0)

    def _on_opening(self, session: UaSession) -> None:
        self._opened.append(session)
        if self._is_aborted.is_set():
            raise DriverError(say("aborted"))

    def _read_info(self, session: UaSession) -> ServerInfo:
        numbers = (2255, 11705, 11714, 2258, 2261, 2264)
        values = read_attributes(session, [(NodeId(0, "i", number), ATTRIBUTE_VALUE) for number in numbers])
        names, max_nodes, max_items, now, product, version = (None if value.status >> 30 else value for value in values)
        self._clock.bias_s = _clock_bias_s(now.value if now is not None else None, session.server_ticks)
        texts = names.value if names is not None and isinstance(names.value, tuple) else ()
        return ServerInfo(
            tuple(str(text) for text in texts),
            _int(max_nodes),
            _int(max_items),
            clean(" ".join(str(item.value) for item in (product, version) if item is not None and item.value)),
        )

    def _error(self, action: Text, exc: Exception) -> DriverError:
        text = say("ua.failed", plc=self._plc.name, action=action, fault=text_of(exc))
        return UntrustedServer(text, exc.thumbprint) if isinstance(exc, UntrustedServer) else DriverError(text)


def resolve_nodes(
    tags: Tuple[TagSettings, ...], namespaces: Tuple[str, ...]
) -> Tuple[List[PolledNode], List[Tuple[str, Sample]]]:
    """The nodes to read, and a bad sample for each tag whose namespace the server does not have. Raises DriverError."""
    nodes, missing = [], []
    for tag in tags:
        try:
            uri, node = parse_node_id(tag.node or tag.tag)
        except ValueError as exc:
            raise DriverError(say("ua.bad_node", tag=tag.tag, fault=text_of(exc))) from exc
        if uri is not None and uri not in namespaces:
            missing.append((tag.tag, Sample(None, say("ua.no_namespace", uri=uri), is_vanished=True)))
            continue
        if uri is not None:
            node = node._replace(namespace=namespaces.index(uri))
        nodes.append(PolledNode(tag.tag, node, tag.is_state))
    return nodes, missing


def _clock_bias_s(current_time: Value, header_ticks: int) -> float:
    """CurrentTime against the header of the same answer: they differ where a gateway passes a device's clock on."""
    try:
        device_s = from_text(str(current_time)).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0
    bias_s = device_s - ticks_to_epoch_s(header_ticks)
    return bias_s if abs(bias_s) >= BIAS_LEAST_S else 0.0


def _chunk_limit(info: ServerInfo) -> int:
    limit = CHUNK_UNKNOWN if info.max_nodes is None else info.max_nodes or CHUNK_LARGEST
    return min(limit, CHUNK_S7_1200 if _S7_1200.search(info.product) else CHUNK_LARGEST)


def _frozen(state: Optional[int]) -> Optional[Text]:
    if state is None or state in LIVE_STATES:
        return None
    name = STATE_NAMES[state] if 0 <= state < len(STATE_NAMES) else str(state)
    return say("ua.server_state", state=name)


def _int(value: Any) -> Optional[int]:
    return value.value if value is not None and isinstance(value.value, int) else None
