"""When and how long: UTC instants as text (ISO 8601 with milliseconds and `Z`, the one form that is stored and
served), and the steady clock for durations."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone

if sys.version_info >= (3, 9):
    from zoneinfo import ZoneInfo
else:
    from backports.zoneinfo import ZoneInfo

__all__ = ["UTC", "ZoneInfo", "from_text", "steady_s", "to_text", "utc_now"]

UTC = timezone.utc


def utc_now() -> datetime:
    """The wall clock, aware, in UTC."""
    return datetime.now(UTC)


def steady_s() -> float:
    """Seconds since some fixed moment of this boot, never set, also counting while the machine is suspended; for
    durations only. Any thread.

    Python's `time.monotonic` stands still in a suspend on Linux, and steps by 15.6 ms on Windows before Python 3.13.
    """
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.perf_counter()


def to_text(moment_utc: datetime) -> str:
    """`2026-03-01T07:14:02.123Z`; the text sorts like the time. Digits below a millisecond are cut, not rounded."""
    return moment_utc.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def from_text(text: str) -> datetime:
    """The aware UTC time of any ISO 8601 text that names its zone (`Z` or an offset). Raises ValueError otherwise."""
    moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    if moment.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}: write 2026-03-01T07:14:02Z")
    return moment.astimezone(UTC)
