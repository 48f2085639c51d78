"""A slow listener: it gets everything in order while it keeps up, and never holds up who speaks."""

from __future__ import annotations

import threading
from typing import List

from conectpy.collector.sinks import Outage, QueuedSink, Sink
from conectpy.errors import DriverError
from conectpy.models import Scan
from conectpy.settings.types import PlcSettings
from conectpy.timestamps import utc_now

PLC = PlcSettings("10.0.0.1", "Norte")


def scan() -> Scan:
    now = utc_now()
    return Scan(now, now, 0.0, ())


class Listener(Sink):
    """Remembers what it is told, as soon as it is let go."""

    def __init__(self) -> None:
        self.told: List[str] = []
        self.go = threading.Event()

    def on_settings(self, plc: PlcSettings, transitions: object) -> None:
        self._note("settings")

    def on_connect(self, plc: PlcSettings, facts: object) -> None:
        self._note("connect")

    def on_scan(self, plc: PlcSettings, scan: Scan, transitions: object, facts: object) -> None:
        self._note("scan")

    def on_outage(self, plc: PlcSettings, outage: Outage, transitions: object, facts: object) -> None:
        raise outage.error

    def on_downtime(self, plc: PlcSettings, transitions: object) -> None:
        self._note("downtime")

    def on_stop(self, plc: PlcSettings) -> None:
        self._note("stop")

    def _note(self, text: str) -> None:
        assert self.go.wait(30.0)
        self.told.append(text)


def test_a_plain_sink_takes_everything_and_does_nothing() -> None:
    sink, outage = Sink(), Outage(utc_now(), DriverError("x"), "x", 1, 1.0)
    sink.on_settings(PLC, ())
    sink.on_connect(PLC, {})
    sink.on_scan(PLC, scan(), (), {})
    sink.on_outage(PLC, outage, (), {})
    sink.on_downtime(PLC, ())
    sink.on_stop(PLC)


def test_what_is_told_arrives_in_order_and_the_end_waits_for_it() -> None:
    listener, errors = Listener(), []
    sink = QueuedSink("slow", listener, lambda: errors.append("error"))
    sink.on_settings(PLC, ())
    sink.on_connect(PLC, {})
    sink.on_scan(PLC, scan(), (), {})
    sink.on_downtime(PLC, ())
    sink.on_stop(PLC)
    assert not sink.stop(0.0), "it is stuck"
    listener.go.set()
    assert sink.stop(30.0)
    assert listener.told == ["settings", "connect", "scan", "downtime", "stop"]
    assert (errors, sink.error, sink.lost_count) == ([], None, 0)
    sink.on_scan(PLC, scan(), (), {})
    assert len(listener.told) == 5


def test_what_it_cannot_take_is_left_out_and_counted() -> None:
    listener = Listener()
    sink = QueuedSink("slow", listener, lambda: None, limit=10)
    for _ in range(100):
        sink.on_scan(PLC, scan(), (), {})
    assert sink.lost_count in (89, 90)  # one may be in its hands already
    listener.go.set()
    assert sink.stop(30.0)
    assert len(listener.told) == 100 - sink.lost_count


def test_its_error_ends_it_and_nobody_else() -> None:
    listener, ended = Listener(), threading.Event()
    listener.go.set()
    sink = QueuedSink("slow", listener, ended.set)
    sink.on_scan(PLC, scan(), (), {})
    sink.on_outage(PLC, Outage(utc_now(), DriverError("gone"), "gone", 1, 1.0), (), {})
    assert ended.wait(30.0)
    assert str(sink.error) == "gone"
    sink.on_scan(PLC, scan(), (), {})
    assert sink.stop(30.0)
    assert listener.told == ["scan"]
