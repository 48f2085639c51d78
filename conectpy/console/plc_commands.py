"""Commands about the PLCs themselves."""

from __future__ import annotations

from .command_frame import Output, Request
from .single_scan import describe_readings, format_readings, scan_once


def scan(request: Request) -> Output:
    """`once`: failed unless every value is good."""
    settings, simulators = request.script.start_simulators(request.read_settings())
    try:
        readings = scan_once(settings.plcs)
    finally:
        for simulator in simulators:
            simulator.stop()
    is_good = all(reading.is_good for reading in readings)
    return Output(describe_readings(readings), format_readings(readings, request.language), 0 if is_good else 1)
