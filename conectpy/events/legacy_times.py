"""Times as installations from before schema versions wrote them: local, without a zone. Pure.

A local time is ambiguous in the hour that comes twice when daylight saving ends. Rows were written in the order of
their starts, so the first reading that does not lie before the row above is taken; no end lies before its start.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Dict, List, Optional, Tuple

from ..timestamps import UTC

ORDER_SLACK = timedelta(seconds=5)
"""Rows of PLCs that were read at the same time may stand in the wrong order by this much."""

_PATTERN = re.compile(
    r"\s*(\d{4})[-/](\d\d?)[-/](\d\d?)(?:[T ]\s*(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s*(Z|z|[+-]\d\d:?\d\d)?\s*",
    re.ASCII,
)
_EPOCH_RANGE_S = (1e8, 4.1e9)  # 1973 to 2099: a bare number in it is a Unix time


class LegacyClock:
    """Turns texts into UTC. `zone` None: the machine's own rules for local time."""

    def __init__(self, zone: Optional[tzinfo]) -> None:
        self._zone = zone
        self._offsets: Dict[
            Tuple[int, ...], Optional[timedelta]
        ] = {}  # by hour; None: the offset changes or is ambiguous in it

    def to_utc(self, value: Any, not_before: Optional[datetime] = None) -> Optional[datetime]:
        """The moment in UTC; None when it cannot be read. `not_before` decides between two readings of one text."""
        try:
            return self._read(value, not_before)
        except (ValueError, OverflowError):
            return None

    def _read(self, value: Any, not_before: Optional[datetime]) -> Optional[datetime]:
        if isinstance(value, (int, float)):
            is_epoch = _EPOCH_RANGE_S[0] <= value <= _EPOCH_RANGE_S[1]
            return datetime.fromtimestamp(value, UTC) if is_epoch else None
        if not isinstance(value, str):
            return None
        moment = datetime.fromisoformat(value) if len(value) == 19 and value[10] == " " else _parse(value)
        if moment is None:
            return None
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        offset = self._offset(moment)
        if offset is not None:
            return (moment - offset).replace(tzinfo=UTC)
        readings = self._readings(moment)
        if not_before is not None:
            for reading in readings:
                if reading >= not_before:
                    return reading
        return readings[0]

    def _readings(self, moment: datetime) -> List[datetime]:
        """Both moments that a local time may mean, the earlier one first; the same twice outside of that hour."""
        return sorted(moment.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))

    def _offset(self, moment: datetime) -> Optional[timedelta]:
        """Local time minus UTC, where that is the same in the whole hour."""
        key = (moment.year, moment.month, moment.day, moment.hour)
        if key not in self._offsets:
            hour = moment.replace(minute=0, second=0, microsecond=0)
            ends = (hour, hour + timedelta(minutes=59, seconds=59))
            found = {end - reading.replace(tzinfo=None) for end in ends for reading in self._readings(end)}
            self._offsets[key] = found.pop() if len(found) == 1 else None
        return self._offsets[key]


def _parse(text: str) -> Optional[datetime]:
    match = _PATTERN.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), microsecond)
    if zone is None:
        return moment
    if zone in "Zz":
        return moment.replace(tzinfo=UTC)
    sign = -1 if zone[0] == "-" else 1
    return moment.replace(tzinfo=timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))))
