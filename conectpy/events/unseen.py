"""Stretches of time in which nobody saw a tag: where they lie, and what they leave of a stretch (promise E19).

Those of the program (`@collector`) and of a PLC (`@comm`) are events, those of a single tag rows of `gaps`; before the
first contact nothing is known either.
"""

from __future__ import annotations

import sqlite3
from typing import Iterable, List, Optional, Sequence, Tuple

from ..models import Gap
from ..timestamps import to_moment
from .marks import SINCE

Stretch = Tuple[float, float]
"""(from, to) in seconds since 1970."""

SINCE_SQL = "SELECT value FROM meta WHERE key = ?"
FIRST_SQL = """
SELECT start_ts, start_earliest_ts FROM events INDEXED BY events_by_plc WHERE plc_ip = ? ORDER BY start_ts LIMIT 1"""
KNOWN_UNTIL_SQL = """
SELECT COALESCE(t.good_ts, p.good_ts) FROM tags t LEFT JOIN plcs p USING (plc_ip) WHERE plc_ip = ? AND tag = ?"""


def merge(stretches: Iterable[Stretch]) -> List[Stretch]:
    """Their union, in order, without overlaps; what ends before it begins is nothing."""
    merged: List[Stretch] = []
    for from_s, to_s in sorted(one for one in stretches if one[0] < one[1]):
        if merged and from_s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(to_s, merged[-1][1]))
        else:
            merged.append((from_s, to_s))
    return merged


def seen_within(from_s: float, to_s: float, unseen: Sequence[Stretch]) -> float:
    """How many of the seconds from `from_s` to `to_s` lie in none of these, which do not overlap."""
    lost_s = sum(max(0.0, min(to_s, until_s) - max(from_s, since_s)) for since_s, until_s in unseen)
    return max(0.0, to_s - from_s - lost_s)


def select_gaps(
    connection: sqlite3.Connection, plc: str, tag: Optional[str], from_ts: str, to_ts: str, limit: int
) -> List[Gap]:
    """The rows of `gaps` of a PLC, or of one tag of it, that touch [from, to); of too many the newest."""
    of_tag = "" if tag is None else " AND tag = ?"
    rows = connection.execute(
        "SELECT plc_ip, tag, from_ts, to_ts, cause FROM gaps INDEXED BY gaps_by_tag"
        f" WHERE plc_ip = ?{of_tag} AND from_ts < ? AND to_ts > ? ORDER BY from_ts DESC LIMIT ?",
        (plc, *([] if tag is None else [tag]), to_ts, from_ts, limit),
    )
    found = [(str(plc), str(tag), to_moment(start), to_moment(end), str(cause)) for plc, tag, start, end, cause in rows]
    return [
        Gap(plc, tag, start_utc, end_utc, cause)
        for plc, tag, start_utc, end_utc, cause in found
        if start_utc is not None and end_utc is not None
    ]


def select_since(connection: sqlite3.Connection, plc: str) -> Optional[float]:
    """When anything was first recorded of a PLC, in seconds since 1970; None: never."""
    has_meta = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").fetchone()
    noted = connection.execute(SINCE_SQL, (SINCE + plc,)).fetchone() if has_meta else None
    texts = [*(noted or ()), *(connection.execute(FIRST_SQL, (plc,)).fetchone() or ())]
    moments = [moment.timestamp() for moment in map(to_moment, texts) if moment is not None]
    return min(moments, default=None)


def select_known_until(connection: sqlite3.Connection, plc: str, tag: str) -> Optional[float]:
    """When the tag was last read well, in seconds since 1970; None: not known."""
    row = connection.execute(KNOWN_UNTIL_SQL, (plc, tag)).fetchone()
    moment_utc = to_moment(row[0]) if row else None
    return None if moment_utc is None else moment_utc.timestamp()
