"""Live simulated plants: lagoons on Logix servers, moved in real time; among them the three shown out of the box."""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from typing import Any, Dict, FrozenSet, Iterable, List, Optional, Sequence, Tuple

from ..texts.catalogue import say, text_of
from .cip_wire import HEADER_BYTES, LIST_IDENTITY
from .controller import PROBE_NAME, LogixController
from .faults import Faults
from .lagoon import ANALOG_REFRESH_S, LIVE_PACE, STRUCTS, TYPES, Lagoon, Truth
from .logix_server import LogixServer
from .truth import TruthLog

log = logging.getLogger(__name__)

PROBE_TIMEOUT_S = 1.0
LONGEST_WAIT_S = ANALOG_REFRESH_S
IDENTITY_NAME_AT = 14
"""Where the product name's length stands behind the 24 + 2 + 4 + 18 bytes before the identity's attributes."""

PLANT_NAMES = ("Costa del Lago", "Bahía Azul", "Laguna Norte")

SIMULATED_PLCS: Dict[str, Dict[str, Any]] = {
    f"127.0.0.1:{port}": {"name": name} for port, name in zip((24818, 24819, 24820), PLANT_NAMES)
}
"""The addresses that the simulator answers for out of the box; the monitor's `PLCS` says what is read from them."""


class LivePlant:
    """A lagoon on a Logix server of its own. `tick` is called by one thread; the server serves from its own.

    The model's time runs with the monotonic clock; true transitions are logged with the wall clock's time at the
    moment from which every reader sees them.
    """

    def __init__(
        self,
        name: str,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 0,
        pace: float = LIVE_PACE,
        truth: Optional[TruthLog] = None,
        faults: Optional[Faults] = None,
    ) -> None:
        self.truth = truth if truth is not None else TruthLog()
        self._pending: List[Truth] = []
        self._offset_s = time.time() - time.monotonic()
        self.lagoon = Lagoon(name, seed, self._now_s(), pace, self._pending.append)
        tags = {tag: (TYPES[tag], value) for tag, value in self.lagoon.snapshot().items()}
        self.controller = LogixController(tags, STRUCTS, name=name, seed=seed)
        self.server = LogixServer(self.controller, host, port, faults)

    def _now_s(self) -> float:
        return time.monotonic() + self._offset_s

    def tick(self) -> float:
        """Let the plant move up to now. Returns the seconds until its next state changes by itself."""
        with self.controller.lock:  # no reader gets between the time that is logged and the values
            seen_s = time.time()
            changed = self.lagoon.step(self._now_s())
            self.controller.update(changed)
        for transition in self._pending:
            self.truth.record(transition._replace(at_s=seen_s))
        self._pending.clear()
        return self.lagoon.next_change_s - self._now_s()


class LivePlants:
    """Several plants with one thread that moves them. `stop` may be called by any thread, and twice."""

    def __init__(self, plants: Sequence[LivePlant]) -> None:
        self.plants = list(plants)
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None

    @property
    def servers(self) -> List[LogixServer]:
        return [plant.server for plant in self.plants]

    def start(self) -> None:
        """Start the servers that are not serving yet, then the clock. Raises OSError when a port is taken."""
        started: List[LogixServer] = []
        try:
            for server in self.servers:
                if not server.is_serving:
                    server.start()
                    started.append(server)
        except OSError:
            for server in started:
                server.stop()
            raise
        if self.plants:
            self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the clock and the servers."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None
        for server in self.servers:
            server.stop()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                wait_s = min(plant.tick() for plant in self.plants)
                self._stop.wait(max(0.02, min(wait_s, LONGEST_WAIT_S)))
        except Exception:
            log.exception("the simulated plants have stopped moving")


class SimulatedPlants(LivePlants):
    """What `start_simulated` started and found: `addresses` are simulated, `messages` say how each came about."""

    def __init__(self, plants: Sequence[LivePlant], addresses: Iterable[str], messages: Iterable[str]) -> None:
        super().__init__(plants)
        self.addresses: FrozenSet[str] = frozenset(addresses)
        self.messages: Tuple[str, ...] = tuple(messages)


def start_simulated(addresses: Iterable[str], seed: int = 0, pace: float = LIVE_PACE) -> SimulatedPlants:
    """Start those of `addresses` that belong to SIMULATED_PLCS.

    Where the port is taken by another simulator of ours, that one is used; where it is taken by anything else, the
    address is not simulated and `messages` says so. Never raises.
    """
    plants: List[LivePlant] = []
    simulated: List[str] = []
    messages: List[str] = []
    for address in addresses:
        if address not in SIMULATED_PLCS:
            continue
        name = SIMULATED_PLCS[address]["name"]
        host, port = address.split(":")
        plant = LivePlant(name, host, int(port), seed, pace)
        try:
            plant.server.start()
        except OSError as exc:
            if is_simulator(host, int(port)):
                simulated.append(address)
                messages.append(say("simulated.elsewhere", address=address, plc=name))
            else:
                messages.append(say("simulated.not", address=address, plc=name, fault=text_of(exc)))
            continue
        plants.append(plant)
        simulated.append(address)
        messages.append(say("simulated.here", address=address, plc=name))
    running = SimulatedPlants(plants, simulated, messages)
    running.start()
    return running


def is_simulator(host: str, port: int, timeout_s: float = PROBE_TIMEOUT_S) -> bool:
    """Whether a simulator of ours answers ListIdentity there. Waits at most about `timeout_s`; never raises."""
    return PROBE_NAME in (ask_product_name(host, port, timeout_s) or "")


def ask_product_name(host: str, port: int, timeout_s: float = PROBE_TIMEOUT_S) -> Optional[str]:
    """The product name in the reply to ListIdentity over TCP; None when there is none in time."""
    deadline = time.monotonic() + timeout_s
    reply = b""
    try:
        with socket.create_connection((host, port), timeout_s) as sock:
            sock.sendall(struct.pack("<HHII8sI", LIST_IDENTITY, 0, 0, 0, b"conectpy", 0))
            while len(reply) < HEADER_BYTES or len(reply) < HEADER_BYTES + struct.unpack_from("<H", reply, 2)[0]:
                sock.settimeout(max(0.001, deadline - time.monotonic()))
                piece = sock.recv(4096)
                if not piece or time.monotonic() > deadline or len(reply) > 4096:
                    return None
                reply += piece
        at = HEADER_BYTES + 2 + 4 + 18 + IDENTITY_NAME_AT
        return reply[at + 1 : at + 1 + reply[at]].decode("latin-1")
    except (OSError, IndexError):
        return None
