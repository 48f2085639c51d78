"""Interim: reads through pycomm3's own read(); to be replaced."""

from __future__ import annotations

import time

from pycomm3 import LogixDriver
from pycomm3.exceptions import PycommError

from ..errors import DriverError
from ..models import DriverFacts, Sample, Scan
from ..settings import PlcSettings
from ..timestamps import utc_now
from .base import DriverMemory


class LogixPlc:
    def __init__(self, plc: PlcSettings, memory: DriverMemory) -> None:
        self._plc = plc
        self._driver = LogixDriver(plc.address)
        self._driver._cfg["socket_timeout"] = plc.timeout_s
        self._last: dict = {}

    def connect(self) -> None:
        try:
            if not self._driver.open():
                raise DriverError(f"{self._plc.name}: cannot open")
        except (PycommError, OSError) as exc:
            raise DriverError(f"{self._plc.name}: connecting: {exc}") from exc

    def read_scan(self) -> Scan:
        names = [tag.tag for tag in self._plc.tags]
        sent, start = utc_now(), time.monotonic()
        try:
            found = self._driver.read(*names)
        except (PycommError, OSError) as exc:
            raise DriverError(f"{self._plc.name}: reading: {exc}") from exc
        found = found if isinstance(found, list) else [found]
        samples = {n: Sample(None, t.error) if t.error else Sample(t.value) for n, t in zip(names, found)}
        changed = tuple((n, s) for n, s in samples.items() if self._last.get(n) != s)
        self._last = samples
        return Scan(sent, utc_now(), time.monotonic() - start, changed)

    def facts(self) -> DriverFacts:
        return {"frames_per_scan": 1, "connection_size_bytes": self._driver.connection_size}

    def close(self) -> None:
        try:
            self._driver.close()
        except Exception:
            pass

    def abort(self) -> None:
        sock = self._driver._sock
        if sock is not None:
            sock.close()
