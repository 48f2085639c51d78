"""How the clocks stood, as rows of `meta`: one per PLC, and one of the program, its last sign of life (E15, E19)."""

from __future__ import annotations

import json
import math
import sqlite3
from typing import Any, Dict, Optional, Tuple

from ..models import ClockMark
from ..timestamps import from_text

PREFIX = "clock:"
SINCE = "since:"
INSERT_SINCE = "INSERT OR IGNORE INTO meta (key, value) VALUES ('since:' || ?, ?)"
"""When a PLC was first read well: before that nothing is known of it."""

UPSERT_MARK = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"


def mark_row(mark: ClockMark) -> Tuple[str, str]:
    """The values of UPSERT_MARK; the time in full, for steps are computed from it."""
    return PREFIX + mark.plc, json.dumps([mark.at_utc.isoformat(), mark.steady_s, mark.boot])


def read_marks(connection: sqlite3.Connection) -> Dict[str, ClockMark]:
    """PLC address -> mark ("": the program's); empty for a file of an older version. Raises sqlite3.Error."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").fetchone():
        return {}
    rows = connection.execute("SELECT key, value FROM meta WHERE key >= 'clock:' AND key < 'clock;'").fetchall()
    marks = (_to_mark(str(key)[len(PREFIX) :], value) for key, value in rows)
    return {mark.plc: mark for mark in marks if mark is not None}


def _to_mark(plc: str, value: Any) -> Optional[ClockMark]:
    """None where it is damaged: then nothing is known of that clock."""
    try:
        at_ts, steady_s, boot = json.loads(value)
        mark = ClockMark(plc, from_text(at_ts), float(steady_s), str(boot))
    except (TypeError, ValueError, OverflowError, AttributeError, RecursionError):
        return None
    return mark if math.isfinite(mark.steady_s) else None
