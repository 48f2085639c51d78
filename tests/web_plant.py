"""A small plant for the tests of the web: live values, history, a real event database, the application, its server."""

from __future__ import annotations

import contextlib
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from prometheus_client import CollectorRegistry

from conectpy.events.store import EventStore
from conectpy.live.realtime import RealtimeData
from conectpy.live.recent_history import History
from conectpy.models import Sample, Scan, Transition, Value
from conectpy.plant.current import Plant as SettingsOwner
from conectpy.serving.server import WebServer
from conectpy.settings.types import DatabaseSettings, PlcSettings, Settings, TagSettings, WebSettings
from conectpy.timestamps import to_text, utc_now
from conectpy.web import create_app, hub_of

NORTH = "192.168.11.10"
SOUTH = "opc.tcp://10.0.0.5:4840"
ROUTE = "10.1.1.1/backplane/2"
ZONE = "America/Montevideo"  # UTC-3, no daylight saving
T0 = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)

PUMP = TagSettings("P002_ST_SCADA", "Bomba de retrolavado", is_state=True)
VALVE = TagSettings("VE238_ST", "Válvula de entrada", is_state=True)
ALARM = TagSettings("ALARM_X0_1", "Nivel bajo", is_state=True)
PRESSURE = TagSettings("PT117_R_SCADA", "Presión", unit="bar", decimals=2)
FLOW = TagSettings("FIT003_R_SCADA", "Caudal", unit="m³/h")
TAGS = (PRESSURE, FLOW, PUMP, VALVE, ALARM)

Values = Dict[str, Value]
START: Values = {PRESSURE.tag: 2.5, FLOW.tag: 12.25, PUMP.tag: True, VALVE.tag: False, ALARM.tag: False}


def three_plcs(tags: Sequence[TagSettings] = TAGS) -> Tuple[PlcSettings, ...]:
    return (
        PlcSettings(NORTH, "Costa del Lago", tags=tuple(tags), is_simulated=True),
        PlcSettings(SOUTH, "Planta Sur", driver="opcua", tags=tuple(tags)),
        PlcSettings(ROUTE, "Laguna Norte", tags=tuple(tags)),
    )


class Plant:
    """Everything the web shows, moved by the test."""

    def __init__(
        self, folder: Path, plcs: Optional[Sequence[PlcSettings]] = None, web: Optional[WebSettings] = None
    ) -> None:
        self.plcs = tuple(plcs if plcs is not None else three_plcs())
        self.realtime = RealtimeData()
        self.history = History(4 * 2**20)
        self.health: Tuple[bool, Dict[str, Any]] = (True, {"status": "ok"})
        self.settings = Settings(
            self.plcs,
            DatabaseSettings(str(folder / "events.sqlite3")),
            web or WebSettings(port=0, timezone=ZONE),
        )
        self.owner = SettingsOwner(self.settings)
        self.store = EventStore(self.settings.database, self.owner.names, self.owner.labels)
        self.store.open()
        self.store.start()
        for plc in self.plcs:
            self.realtime.register(plc)
        self.app = create_app(
            self.realtime,
            self.store.reader(),
            self.owner,
            health=lambda: self.health,
            history=self.history,
            registry=CollectorRegistry(),
        )
        self.server: Optional[WebServer] = None
        self._thread: Optional[threading.Thread] = None

    def scan(
        self,
        address: str,
        values: Values,
        *,
        at: Optional[datetime] = None,
        bad: Sequence[str] = (),
        since: Optional[Dict[str, Optional[str]]] = None,
    ) -> None:
        """A scan in which these values were read and the `bad` tags failed; `since` is when states became so."""
        at = at or utc_now()
        samples: List[Tuple[str, Sample]] = [(tag, Sample(value)) for tag, value in values.items()]
        samples += [(tag, Sample(None, "no such tag")) for tag in bad]
        scan = Scan(at, at, 0.0123, tuple(samples))
        facts = {"last_error": None, "consecutive_fails": 0, "errors": ()}
        self.realtime.publish_scan(address, scan, facts, since)
        self.history.record_scan(address, scan)

    def scan_all(self) -> None:
        for plc in self.plcs:
            self.scan(plc.address, {tag.tag: START.get(tag.tag, 1.5) for tag in plc.tags})

    def cut(self, address: str, reason: str = "timed out") -> None:
        """The link of a PLC goes down."""
        at_ts = to_text(utc_now())
        errors = ({"ts": at_ts, "text": reason},)
        self.realtime.publish_failure(address, at_ts, {"last_error": reason, "consecutive_fails": 1, "errors": errors})
        self.history.record_outage(address, at_ts)

    def add_event(
        self,
        start: datetime,
        length_s: Optional[float] = None,
        *,
        plc: str = NORTH,
        tag: str = PUMP.tag,
        unsure_s: float = 1.0,
        end_quality: str = "sampled",
    ) -> None:
        """A stored event; `length_s` None leaves it open, `unsure_s` lies before its edges."""
        unsure = timedelta(seconds=unsure_s)
        quality = "sampled" if unsure_s <= 1 else "gap"
        self.store.record([Transition("open", plc, tag, start, start - unsure, quality)])
        if length_s is not None:
            end = start + timedelta(seconds=length_s)
            quality = end_quality if end_quality != "sampled" else quality
            self.store.record([Transition("close", plc, tag, end, max(start, end - unsure), quality)])

    def flush(self) -> None:
        """Wait until every event can be read."""
        assert self.store.flush(20.0)

    def serve(self) -> WebServer:
        """Serve on a free port, in a thread of its own."""
        self.server = WebServer(self.app, hub_of(self.app), self.settings.web)
        self.server.bind()
        self._thread = threading.Thread(target=self.server.serve, name="web", daemon=True)
        self._thread.start()
        return self.server

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.port}"

    def stop_web(self) -> None:
        if self.server is not None and self._thread is not None:
            self.server.stop()
            self._thread.join(5.0)
            assert not self._thread.is_alive()
            self.server = None

    def close(self) -> None:
        self.stop_web()
        self.app.extensions["conectpy"].hub.stop()
        assert self.store.stop(5.0)


@contextlib.contextmanager
def running_plant(folder: Path, **options: Any) -> Iterator[Plant]:
    """A plant whose every PLC has been read once; all is stopped at the end of the block."""
    plant = Plant(folder, **options)
    try:
        plant.scan_all()
        yield plant
    finally:
        plant.close()
