"""The plant's time zone, and ISO 8601 times as people type them. No clock."""

from __future__ import annotations

import re
import sys
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Optional, Tuple

from tzlocal import get_localzone, get_localzone_name

from ...errors import WebError
from ...texts.catalogue import say

if sys.version_info >= (3, 9):
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError
else:
    from backports.zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|z|[+\- ]\d\d(?::?\d\d)?)?", re.ASCII
)


def plant_zone(name: Optional[str]) -> Tuple[tzinfo, str]:
    """The zone that pages show and its name; None means the machine's own. Raises WebError for an unknown name."""
    if name is None:
        try:
            return get_localzone(), get_localzone_name() or "UTC"
        except (ZoneInfoNotFoundError, ValueError, LookupError):  # a machine whose zone is misconfigured
            return timezone.utc, "UTC"
    zone = find_zone(name)
    if zone is None:
        raise WebError(say("web.no_zone", name=name))
    return zone, name


def find_zone(name: str) -> Optional[tzinfo]:
    """The zone with this IANA name, None where there is none."""
    if len(name) > 64 or not re.fullmatch(r"[A-Za-z0-9_+\-/]+", name):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def parse_time(text: str, zone: tzinfo, *, is_end: bool) -> datetime:
    """An aware UTC time from ISO 8601 text.

    A time without a zone is the plant's; a bare date is that day: its first instant, or, with `is_end`, the first
    instant of the next day. Raises ValueError with a text for people.
    """
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise ValueError(say("param.time"))
    day_text, clock, seconds, fraction, offset = match.groups()
    try:
        day = date.fromisoformat(day_text)
        if clock is None and offset is None:
            moment = datetime.combine(day + timedelta(days=1 if is_end else 0), time(), zone)
        else:
            at = time.fromisoformat(f"{clock or '00:00'}:{seconds or '00'}.{(fraction or '0').ljust(6, '0')[:6]}")
            moment = datetime.combine(day, at, _offset(offset) if offset else zone)
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError) as exc:
        raise ValueError(say("param.no_time", value=text.strip())) from exc


def _offset(text: str) -> tzinfo:
    if text in "Zz":
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    # An unescaped "+" arrives as a space: the only thing that can stand there before an offset.
    return timezone(-delta if text[0] == "-" else delta)
