"""The one small protocol that hides how a PLC is read."""

from __future__ import annotations

from typing import Any, Dict, Protocol

from ..facts.plc_facts import DriverFacts
from ..models import Scan

DriverMemory = Dict[str, Any]
"""What a driver wants to keep from one connection to the next (tag definitions). One per PLC, owned by its thread."""


class Driver(Protocol):
    """A connection to one PLC, for one attempt: after any DriverError it is closed and thrown away, never used again.

    `connect`, `read_scan`, `take_interval` and `close` are called by the PLC's own thread only, `abort` by any thread.
    No call blocks for longer than a few times the PLC's `timeout_s`, whatever the other side does.
    """

    def connect(self) -> None:
        """Open the connection and resolve the configured tags. Raises DriverError."""

    def read_scan(self) -> Scan:
        """Read every configured tag once. A tag that fails alone is a bad sample; raises DriverError for the rest."""

    def take_interval(self, interval_s: float) -> bool:
        """From the next scan on the pauses are this long; False: only a new connection can do that."""

    def facts(self) -> DriverFacts:
        """What is known of the connection, for `_meta`; nothing while there is none. Only numbers and text, no I/O."""

    def close(self) -> None:
        """Say goodbye to the PLC (Forward Close, CloseSession) and free everything, in about a second. Never raises."""

    def abort(self) -> None:
        """Make a blocked call of the PLC's thread fail at once, without any network exchange. Never raises or waits."""
