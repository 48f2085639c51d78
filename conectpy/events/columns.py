"""The columns of the table `events`, by the version of the file, and its rows with names."""

from __future__ import annotations

from typing import NamedTuple, Optional


class StoredEvent(NamedTuple):
    """A row of `events`; the fields are its columns. Types are what we write: a damaged file may hold others."""

    id: int
    plc_ip: str
    plc_name: str
    tag: str
    tag_label: str
    start_ts: str
    end_ts: Optional[str]
    created_at: str
    uid: str
    start_earliest_ts: Optional[str]
    start_quality: str
    end_earliest_ts: Optional[str]
    end_quality: Optional[str]
    gap_count: int
    gap_s: float
    flags: str
    rev: int
    duration_s: Optional[float]
    start_device_ts: Optional[str]
    end_device_ts: Optional[str]


COLUMNS = StoredEvent._fields
COLUMNS_OF_VERSION = (COLUMNS[:8], COLUMNS[:16], COLUMNS)
"""Each version has those of the one before it, in the same order; version 0 is every file from before versions."""

LEGACY_COLUMNS = COLUMNS_OF_VERSION[0]
