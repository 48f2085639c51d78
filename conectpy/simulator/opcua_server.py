"""A simulated S7 PLC with an OPC UA server: the lagoon plant over `opcua`, with secured endpoints, users and faults.

    with OpcUaServer(port=0) as server:
        server.url                                   # opc.tcp://127.0.0.1:<port>
        server.nodes["P001_ST_SCADA"]                # ns=4;i=1, also ns=3;s="LAGOON"."P001_ST_SCADA"
        server.write("P001_ST_SCADA", True)
        server.faults.is_frozen = True               # connections stay open, nothing is answered
        server.set_status("PT117_R_SCADA", "BadSensorFailure")
        server.remove("VE238_ST"); server.faults.clock_offset_s = 5.0; server.restart(down_s=1.0)

`python -m conectpy.simulator.opcua_server --port 4840` runs it alone.
"""

from __future__ import annotations

import argparse
import errno
import socket
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..drivers.ua.library import silence_library_warnings, ua
from ..pki import certificates as pki
from .lagoon import LIVE_PACE, STRUCTS, TYPES, Lagoon, Truth
from .truth import TruthLog

silence_library_warnings()

from opcua import Server  # noqa: E402
from opcua.common.utils import ServiceError  # noqa: E402
from opcua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol  # noqa: E402
from opcua.server.internal_server import InternalServer, InternalSession  # noqa: E402
from opcua.server.uaprocessor import UaProcessor  # noqa: E402
from opcua.server.user_manager import UserManager  # noqa: E402

APPLICATION_URI = "urn:conectpy:simulated-s7"
NAMESPACES = ("urn:conectpy:diagnostics", "http://www.siemens.com/simatic-s7-opcua", "urn:conectpy:lagoon")
"""Namespaces 2 to 4; 0 and 1 are OPC UA's own and the server's."""
PRODUCT = "S7-1500 simulated by conectpy"
TICK_S = 0.05
LARGEST_READ = 10_000

VARIANT_TYPES: Dict[str, Any] = {
    "BOOL": ua.VariantType.Boolean,
    "SINT": ua.VariantType.SByte,
    "INT": ua.VariantType.Int16,
    "DINT": ua.VariantType.Int32,
    "LINT": ua.VariantType.Int64,
    "REAL": ua.VariantType.Float,
    "LREAL": ua.VariantType.Double,
    "STRING": ua.VariantType.String,
}


class UaFaults:
    """What the server does wrong on demand. Plain attributes, read at each request."""

    def __init__(self) -> None:
        self.is_frozen = False
        self.clock_offset_s = 0.0  # the whole device's clock is ahead by this
        self.clock_drift = 0.0  # and runs fast by this much per second, from the server's start
        self.stamp_shift_s = 0.0  # source timestamps alone are late (+) or early (-) by this
        self.max_nodes_per_read = LARGEST_READ
        self.state = 0  # ServerState; 0 Running, 3 Suspended


class OpcUaServer:
    """One simulated PLC. `start`, `stop` and the methods between may be called by any one thread.

    `users` maps names to passwords; with users, nobody gets in without one unless `allow_anonymous`. With `identity`
    (a certificate and key) it has endpoints for Basic256Sha256, without it only None. `table` (tag -> (type, value))
    replaces the lagoon by tags that only `write` moves.
    """

    port: int

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, users: Optional[Mapping[str, str]] = None,
        allow_anonymous: bool = True, identity: Optional[pki.Identity] = None, allow_none: bool = True,
        table: Optional[Mapping[str, Tuple[str, Any]]] = None, seed: int = 0, pace: float = LIVE_PACE,
        truth: Optional[TruthLog] = None,
    ) -> None:  # fmt: skip
        self.host = host
        self.port = port
        self.faults = UaFaults()
        self._started_s = time.time()
        self.truth = truth if truth is not None else TruthLog()
        self.nodes: Dict[str, str] = {}
        self.logins: List[Tuple[str, str]] = []  # every user name and password that arrived
        self._users = dict(users or {})
        self._statuses: Dict[str, int] = {}
        self._ids: Dict[str, List[Any]] = {}
        self._types: Dict[str, str] = {}
        self._values: Dict[str, Any] = {}
        self._lock = threading.RLock()  # guards _values, _statuses, _ids and the lagoon; held by reads and writes
        self._pending: List[Truth] = []
        self._lagoon = None if table is not None else Lagoon("S7", seed, time.time(), pace, self._pending.append)
        self._is_running = False
        self._server = _make_server(self, identity, allow_none, allow_anonymous or not users)
        self._fill(table)

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> OpcUaServer:
        """Listen. Raises OSError when the port is taken."""
        server = self._server
        if self.port:  # the library would fail in its own thread, and only in its log
            with socket.socket() as probe:
                if sys.platform != "win32":
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((self.host, self.port))
        server.set_endpoint(f"opc.tcp://{self.host}:{self.port}")
        server.bserver = _BinaryServer(server.iserver, self.host, self.port)
        server.bserver.owner = self
        server.start()
        self.port = int(server.bserver.port)
        self._is_running = True
        self._tick()
        return self

    def stop(self) -> None:
        """Close every connection and stop. May be called twice."""
        if self._is_running:
            self._is_running = False
            self._server.stop()

    def restart(self, down_s: float = 0.0) -> None:
        """Connections and sessions are lost; for `down_s` nothing listens."""
        loop = self._server.iserver.loop
        listener = self._server.bserver
        self.drop_connections()
        loop.call_soon(listener._server.close)
        if down_s:
            threading.Event().wait(down_s)
        coroutine = loop.loop.create_server(listener.protocol, self.host, self.port)
        listener._server = loop.run_coro_and_wait(coroutine)

    def drop_connections(self) -> None:
        """Every TCP connection is reset."""
        for transport in list(self._server.iserver.asyncio_transports):
            self._server.iserver.loop.call_soon(transport.abort)

    def __enter__(self) -> OpcUaServer:
        return self.start()

    def __exit__(self, *exc: Any) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"opc.tcp://{self.host}:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._server.bserver.clients)

    # -- values and faults ---------------------------------------------------------------------------------------------

    def write(self, tag: str, value: Any) -> float:
        """Set a tag; returns the epoch seconds from which every reader sees it."""
        with self._lock:
            at_s = time.time()
            self._put(tag, value, at_s)
            return at_s

    def set_status(self, tag: str, status: str = "Good") -> None:
        """From now on the tag carries this status (`BadSensorFailure`, `UncertainLastUsableValue`, ...)."""
        with self._lock:
            self._statuses[tag] = getattr(ua.StatusCodes, status)
            self._put(tag, self._values[tag], time.time())

    def remove(self, tag: str) -> None:
        """The tag's nodes vanish, as after a download."""
        with self._lock:
            ids = self._ids.pop(tag)
            self._server.delete_nodes([self._server.get_node(node) for node in ids])

    def _put(self, tag: str, value: Any, at_s: float) -> None:
        self._values[tag] = value
        if isinstance(value, dict):
            for member, part in value.items():
                self._put(f"{tag}.{member}", part, at_s)
            return
        type_name = self._types[tag].split("[")[0]
        data = ua.DataValue(ua.Variant(value, VARIANT_TYPES[type_name], is_array=isinstance(value, list)))
        data.StatusCode = ua.StatusCode(self._statuses.get(tag, 0))
        if data.StatusCode.value >> 30 == 2:
            data.Value = ua.Variant(None, ua.VariantType.Null)
        data.SourceTimestamp = self._device_time(at_s + self.faults.stamp_shift_s)
        for node in self._ids.get(tag, ()):
            self._server.set_attribute_value(node, data)

    def _device_time(self, at_s: float) -> datetime:
        drift_s = (at_s - self._started_s) * self.faults.clock_drift
        return datetime(1970, 1, 1) + timedelta(seconds=at_s + self.faults.clock_offset_s + drift_s)

    def _tick(self) -> None:
        """In the server's own thread, every TICK_S: the plant and the device's clock move."""
        if not self._is_running:
            return
        with self._lock:
            now_s = time.time()
            if self._lagoon is not None:
                for tag, value in self._lagoon.step(now_s).items():
                    self._put(tag, value, now_s)
                for transition in self._pending:
                    self.truth.record(transition)
                self._pending.clear()
            now = self._device_time(now_s)
            clock: Tuple[Tuple[int, Any, Any], ...] = (
                (ua.ObjectIds.Server_ServerStatus_CurrentTime, now, ua.VariantType.DateTime),
                (ua.ObjectIds.Server_ServerStatus_State, self.faults.state, ua.VariantType.Int32),
                (LIMIT, self.faults.max_nodes_per_read, ua.VariantType.UInt32),
            )
            for number, present, kind in clock:
                self._server.set_attribute_value(ua.NodeId(number), ua.DataValue(ua.Variant(present, kind)))
        self._server.iserver.loop.call_later(TICK_S, self._tick)

    # -- address space -------------------------------------------------------------------------------------------------

    def _fill(self, table: Optional[Mapping[str, Tuple[str, Any]]]) -> None:
        if table is None and self._lagoon is not None:
            table = {tag: (TYPES[tag], value) for tag, value in self._lagoon.snapshot().items()}
        index = [self._server.register_namespace(uri) for uri in NAMESPACES][-1]
        objects = self._server.get_objects_node()
        folder = objects.add_object(ua.NodeId("LAGOON", index), ua.QualifiedName("LAGOON", index))
        number = 0
        for tag, (type_name, value) in (table or {}).items():
            members = STRUCTS.get(type_name)
            parts = [(tag, type_name, value)]
            parent = folder
            if members:
                parent = folder.add_object(ua.NodeId(tag, index), ua.QualifiedName(tag, index))
                parts = [(f"{tag}.{member}", kind, value[member]) for member, kind in members]
                self._values[tag] = value
            for name, kind, part in parts:
                number += 1
                self._add(parent, index, number, name, kind, part)

    def _add(self, parent: Any, index: int, number: int, tag: str, type_name: str, value: Any) -> None:
        kind = VARIANT_TYPES[type_name.split("[")[0]]
        quoted = ".".join(f'"{part}"' for part in ("LAGOON", *tag.split(".")))
        self._ids[tag] = []
        self._types[tag] = type_name
        for node_id in (ua.NodeId(number, index), ua.NodeId(quoted, index - 1)):
            name = ua.QualifiedName(tag, node_id.NamespaceIndex)
            parent.add_variable(node_id, name, ua.Variant(value, kind, is_array=isinstance(value, list)))
            self._ids[tag].append(node_id)
        self.nodes[tag] = f"ns={index};i={number}"
        self._put(tag, value, time.time())


LIMIT = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead


def _make_server(owner: OpcUaServer, identity: Optional[pki.Identity], allow_none: bool, anonymous: bool) -> Any:
    session = type("Session", (_Session,), {"owner": owner})
    server = Server(iserver=InternalServer(session_cls=session))
    server.disable_clock()
    server.set_server_name(PRODUCT)
    server.set_application_uri(identity.application_uri if identity else APPLICATION_URI)
    server.set_build_info("urn:conectpy", "conectpy", PRODUCT, "V2.9 (simulated)", "0", datetime(2024, 1, 1))
    policies = [ua.SecurityPolicyType.NoSecurity] if allow_none or identity is None else []
    if identity is not None:
        server.certificate, server.private_key = identity.certificate, identity.key
        policies += [
            ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ua.SecurityPolicyType.Basic256Sha256_Sign,
        ]
    server.set_security_policy(policies)
    server.set_security_IDs((["Anonymous"] if anonymous else []) + ["Username", "Basic256Sha256"])
    server.user_manager.set_user_manager(lambda session, name, password: _login(owner, session, name, password))
    return server


def _login(owner: OpcUaServer, session: Any, name: str, password: Any) -> bool:
    session.user = UserManager.User.User
    owner.logins.append((name, password if isinstance(password, str) else ""))
    return bool(owner._users.get(name) == password and name in owner._users)


class _Session(InternalSession):  # type: ignore[misc]
    """A session that keeps to the limits and the device's lock."""

    owner: Optional[OpcUaServer] = None

    def activate_session(self, params: Any) -> Any:
        owner = self.owner
        is_named = isinstance(params.UserIdentityToken, (ua.UserNameIdentityToken, ua.X509IdentityToken))
        if owner is not None and owner._users and not is_named and "Anonymous" not in owner._server._policyIDs:
            raise ServiceError(ua.StatusCodes.BadIdentityTokenRejected)
        return super().activate_session(params)

    def read(self, params: Any) -> Any:
        owner = self.owner
        if owner is None or not owner._is_running:
            return super().read(params)
        if len(params.NodesToRead) > owner.faults.max_nodes_per_read:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)
        with owner._lock:  # no reader gets between the time that is logged and the values
            return super().read(params)


class _Processor(UaProcessor):  # type: ignore[misc]
    owner: OpcUaServer

    def send_response(self, requesthandle: Any, seqhdr: Any, response: Any, *rest: Any) -> None:
        response.ResponseHeader.Timestamp = self.owner._device_time(time.time())
        super().send_response(requesthandle, seqhdr, response, *rest)


class _Protocol(OPCUAProtocol):  # type: ignore[misc]
    owner: OpcUaServer

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.processor = _Processor(self.iserver, transport)
        self.processor.owner = self.owner
        self.processor.set_policies(self.policies)

    def data_received(self, data: bytes) -> None:
        if self.owner.faults.is_frozen:
            self.data += data
        else:
            super().data_received(data)


class _BinaryServer(BinaryServer):  # type: ignore[misc]
    """The library's, with our own protocol class in it."""

    owner: OpcUaServer
    protocol: Any
    port: int

    def start(self) -> None:
        members = {
            "iserver": self.iserver, "loop": self.loop, "logger": self.logger, "policies": self._policies,
            "clients": self.clients, "owner": self.owner,
        }  # fmt: skip
        self.protocol = type("Protocol", (_Protocol,), members)
        self._server = self.loop.run_coro_and_wait(self.loop.create_server(self.protocol, self.hostname, self.port))
        self.port = self._server.sockets[0].getsockname()[1]


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run until a signal; the exit status."""
    from ..console.signals import stop_on_signals

    parser = argparse.ArgumentParser(
        prog="python -m conectpy.simulator.opcua_server", description=__doc__.split(":")[0]
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4840, help="default 4840; 0: a free one")
    parser.add_argument("--seed", type=int, default=0, help="another seed is another course of events")
    parser.add_argument("--pace", type=float, default=LIVE_PACE, help="times faster than a real plant (default 600)")
    parser.add_argument("--truth", metavar="FILE", help="append each true transition to FILE, one JSON line each")
    parser.add_argument("--pki", metavar="DIR", help="add Basic256Sha256 endpoints; the certificate is kept here")
    parser.add_argument("--user", metavar="NAME:PASSWORD", action="append", default=[])
    options = parser.parse_args(argv)
    users = dict(entry.partition(":")[::2] for entry in options.user)
    stop = threading.Event()
    try:
        identity = load_identity(options.pki, options.host) if options.pki else None
        server = OpcUaServer(
            options.host, options.port, users=users, identity=identity, seed=options.seed, pace=options.pace,
            truth=TruthLog(options.truth), allow_anonymous=not users,
        )  # fmt: skip
        server.start()
    except OSError as exc:
        what = "port in use" if exc.errno in (errno.EADDRINUSE, 10048) else exc.strerror or exc
        print(f"error: {options.host}:{options.port}: {what}", file=sys.stderr)
        return 1
    print(f"simulated OPC UA server at {server.url}", flush=True)
    with stop_on_signals(stop):
        stop.wait()
        server.stop()
    return 0


def load_identity(folder: str, host: str) -> pki.Identity:
    """The simulator's own certificate, made on first use. Raises OSError, DriverError."""
    path = Path(folder) / "simulator.pem"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        pki.write_identity(path, pki.make_identity("conectpy simulated S7", APPLICATION_URI, [host, "localhost"]))
    return pki.read_identity(path)


if __name__ == "__main__":
    sys.exit(main())
