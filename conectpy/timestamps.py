"""When and how long: UTC instants as text (ISO 8601 with milliseconds and `Z`, the one form that is stored and
served), and the steady clock for durations."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Optional, Tuple

if sys.version_info >= (3, 9):
    from zoneinfo import ZoneInfo
else:
    from backports.zoneinfo import ZoneInfo

__all__ = [
    "EPOCH_UTC", "UTC", "ZoneInfo", "boot_id", "ceil_text", "from_text", "read_clocks", "steady_s", "to_moment",
    "to_text", "utc_now",
]  # fmt: skip

UTC = timezone.utc
EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in for a time that cannot be read."""

READINGS = 8
READING_S = 0.001
BOOTS_KEY = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters"


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


def read_clocks() -> Tuple[datetime, float]:
    """The wall clock and the steady clock at the same moment, within READING_S even on a machine that is busy.

    Any thread. Taken apart, a thread that had to wait in between would look as if somebody had set the clock. The
    steady clock is read last: what is computed back from here lies too early rather than too late.
    """
    for _ in range(READINGS):
        before_s, now_utc, after_s = steady_s(), utc_now(), steady_s()
        if after_s - before_s < READING_S:
            break
    return now_utc, after_s


def boot_id() -> Optional[str]:
    """What names this boot of the machine, within which steady times can be compared; None where nothing does."""
    if sys.platform == "win32":
        return _windows_boot()
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(64).strip() or None
    except (OSError, ValueError):
        return None


if sys.platform == "win32":

    def _windows_boot() -> Optional[str]:
        """Windows counts its boots. The boot's time would not do: it is computed from the clock that may be set."""
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, BOOTS_KEY) as key:
                return f"boot {int(winreg.QueryValueEx(key, 'BootId')[0])}"
        except (OSError, TypeError, ValueError):
            return None


def to_text(moment_utc: datetime) -> str:
    """`2026-03-01T07:14:02.123Z`; the text sorts like the time. Digits below a millisecond are cut, not rounded."""
    return moment_utc.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def ceil_text(moment_utc: datetime) -> str:
    """`to_text`, up to the next whole millisecond: what was seen must not lie before it happened."""
    rest_us = moment_utc.microsecond % 1000
    return to_text(moment_utc + timedelta(microseconds=1000 - rest_us) if rest_us else moment_utc)


def from_text(text: str) -> datetime:
    """The aware UTC time of any ISO 8601 text that names its zone (`Z` or an offset). Raises ValueError otherwise."""
    moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    if moment.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}: write 2026-03-01T07:14:02Z")
    return moment.astimezone(UTC)


def to_moment(text: Any) -> Optional[datetime]:
    """A stored time; None where there is none, or none that can be read."""
    if not isinstance(text, str):
        return None
    try:
        return from_text(text)
    except (ValueError, OverflowError):
        return None
