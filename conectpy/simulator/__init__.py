"""Simulated PLCs: a Logix controller over EtherNet/IP and the lagoon plant that moves its tags.

Only scripts and tests import this package. A table of tags of one's own, on a free port:

    controller = LogixController({"P1_ST": ("BOOL", False), "LEVELS": ("REAL[8]", [0.0] * 8)})
    with LogixServer(controller, host="127.0.0.1", port=0) as server:
        LogixDriver(server.address)                  # "127.0.0.1:<port>"
        at_s = controller.write("P1_ST", True)       # epoch seconds from which readers see it
        controller.shuffle()                         # a program download: new instance ids, class 0xAC changes
        server.faults.delay_s = 0.05
        server.counts().connections                  # open CIP connections

The plant: `Lagoon(name, seed, start_s, pace)` (lagoon.py) alone, or `start_simulated(addresses)` (plants.py) for those
shown out of the box; it returns an object with `.addresses`, `.messages`, `.servers` and `.stop()`.
"""

from __future__ import annotations

from .controller import LogixController
from .faults import Faults
from .lagoon import Lagoon, Truth
from .logix_server import Counts, LogixServer

__all__ = ["Counts", "Faults", "Lagoon", "LogixController", "LogixServer", "Truth"]
