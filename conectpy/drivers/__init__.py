"""One file per protocol behind one small protocol class, `Driver` (see base.py)."""

from __future__ import annotations

from ..errors import ConfigError
from ..settings.types import PlcSettings
from ..texts.catalogue import say
from .base import Driver, DriverMemory

__all__ = ["Driver", "DriverMemory", "make_driver"]


def make_driver(plc: PlcSettings, memory: DriverMemory) -> Driver:
    """A fresh, unconnected driver for this PLC.

    The protocol's library is imported here, so that a plant without OPC UA never loads it.
    """
    if plc.driver == "logix":
        from .logix import LogixPlc

        return LogixPlc(plc, memory)
    if plc.driver == "opcua":
        from .opc_ua import OpcUaPlc

        return OpcUaPlc(plc, memory)
    raise ConfigError([say("driver.unknown", address=plc.address, driver=plc.driver)])
