"""`_meta` and a tag's entry as `/data` serves them. documentation.md and the OpenAPI document come from here.

Every key is always there, but for two of a tag whose bytes count: what is not known yet, or no longer told, is null.
"""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, Tuple, TypedDict, Union

from .meanings import TIME, Annotated, Meaning

TextByLanguage = Dict[str, str]


class Failure(TypedDict):
    """One failure of a PLC's link, as the loop notes it."""

    ts: Annotated[str, Meaning("when it failed", TIME)]
    text: Annotated[str, Meaning("what failed and what to do, in one line, in the language of the process")]


class ErrorNote(Failure, total=False):
    """One failure of a PLC's link. The loop notes time and text; the rest is added where it is served."""

    code: Annotated[str, Meaning("names that text; stays when its words are improved")]
    texts: Annotated[TextByLanguage, Meaning("the text in each language: `en`, `es`")]


class PlcStatus(TypedDict):
    """What holds for every PLC, from the moment that it is configured."""

    quality: Annotated[
        Literal["INIT", "OK", "BAD", "DOWN"],
        Meaning("INIT (not read yet), OK, BAD (a tag is bad, or the controller does not run), DOWN (the link fails)"),
    ]
    driver: Annotated[Literal["logix", "opcua"], Meaning("protocol")]
    interval_s: Annotated[float, Meaning("scan interval in seconds")]
    simulated: Annotated[bool, Meaning("whether this program plays the PLC's part")]
    frozen: Annotated[
        Optional[str], Meaning("why the values stand still (controller not in RUN); null while they are live")
    ]
    frozen_code: Annotated[Optional[str], Meaning("the code of `frozen`")]
    frozen_texts: Annotated[Optional[TextByLanguage], Meaning("`frozen` in each language: `en`, `es`")]
    last_error_code: Annotated[Optional[str], Meaning("the code of `last_error`")]
    last_error_texts: Annotated[Optional[TextByLanguage], Meaning("`last_error` in each language: `en`, `es`")]
    bad_tags: Annotated[int, Meaning("how many tags are bad")]
    last_cycle_ms: Annotated[Optional[float], Meaning("duration of the last good scan in milliseconds")]
    last_cycle_ts: Annotated[Optional[str], Meaning("end of the last scan, good or failed", TIME)]
    last_ok_ts: Annotated[Optional[str], Meaning("end of the last good scan", TIME)]


class LinkFigures(TypedDict):
    """What the loop counts of a PLC's link since the start."""

    consecutive_fails: Annotated[int, Meaning("failures since the last good scan")]
    reconnects: Annotated[int, Meaning("connections after the first")]
    last_error: Annotated[Optional[str], Meaning("the last failure, also after it is over")]
    last_error_ts: Annotated[Optional[str], Meaning("when that was", TIME)]
    errors: Annotated[List[ErrorNote], Meaning("the last 20 failures, oldest first")]


class ScanFigures(TypedDict):
    """Scan times of the last 1,000 good scans, and what has been counted since the start."""

    scan_ms_median: Annotated[Optional[float], Meaning("scan time in milliseconds, half of the last 1,000 are shorter")]
    scan_ms_p99: Annotated[Optional[float], Meaning("scan time in milliseconds that 99 of 100 do not exceed")]
    scan_ms_max: Annotated[Optional[float], Meaning("longest scan since the start in milliseconds")]
    longest_gap_s: Annotated[
        float, Meaning("longest time from asking for one good scan to having the next, in seconds (E16)")
    ]
    overruns: Annotated[int, Meaning("scans longer than the interval")]
    missed_cycles: Annotated[int, Meaning("scans left out because of them")]


class LogixFacts(TypedDict, total=False):
    """What the Logix driver tells of its last connection; it tells nothing before the first."""

    controller: Annotated[Optional[str], Meaning("type and revision of the controller")]
    program: Annotated[Optional[str], Meaning("name of its program")]
    connection_size_bytes: Annotated[
        Optional[int], Meaning("bytes per frame that the controller granted (4000 or 500)")
    ]
    frames_per_scan: Annotated[Optional[int], Meaning("requests of one scan")]
    rtt_ms: Annotated[Optional[float], Meaning("round trip of the last frame in milliseconds")]
    rtt_ms_median: Annotated[Optional[float], Meaning("median of the latest round trips in milliseconds")]
    tags: Annotated[Optional[int], Meaning("tags that are asked for")]
    tags_bad: Annotated[Optional[int], Meaning("tags whose own reading fails")]


class OpcUaFacts(TypedDict, total=False):
    """What the OPC UA driver tells of its last session; it tells nothing before the first."""

    controller: Annotated[Optional[str], Meaning("product and version of the server")]
    security: Annotated[Optional[str], Meaning("policy and mode of the channel")]
    certificate_days_left: Annotated[
        Optional[int], Meaning("days until our own certificate expires; null without security")
    ]
    mode: Annotated[Optional[str], Meaning("poll or subscribe, as configured")]
    frames_per_scan: Annotated[Optional[int], Meaning("requests of one scan")]
    rtt_ms: Annotated[Optional[float], Meaning("duration of the last exchange in milliseconds")]
    max_nodes_per_read: Annotated[Optional[int], Meaning("the server's limit; 0: none, null: it does not tell")]
    session_timeout_s: Annotated[
        Optional[float], Meaning("how long the server keeps a lost session, in seconds, as granted")
    ]
    clock_offset_s: Annotated[Optional[float], Meaning("how far the server's clock is ahead of ours, in seconds")]
    clock_uncertainty_s: Annotated[Optional[float], Meaning("how well that is known, in seconds")]


class PlcMeta(PlcStatus, LinkFigures, ScanFigures):
    """The part of `_meta` that every driver has."""


class LogixMeta(PlcMeta, LogixFacts):
    """`_meta` of a Logix PLC."""


class OpcUaMeta(PlcMeta, OpcUaFacts):
    """`_meta` of an OPC UA server."""


class TagFields(TypedDict):
    """What is always known of a tag."""

    label: Annotated[str, Meaning("the name that people know it by, as configured")]
    unit: Annotated[str, Meaning("unit behind the value, as configured; may be empty")]
    decimals: Annotated[Optional[int], Meaning("digits after the decimal point, as configured")]
    is_state: Annotated[bool, Meaning("whether it is recorded as events")]
    valor: Annotated[
        str,
        Meaning(
            "text for people: TRUE/FALSE; numbers cut, not rounded, to 4 decimals (or to `decimals`); empty: none yet"
        ),
    ]
    value: Annotated[
        Any, Meaning("the typed value; null for none yet, for NaN and infinities, which `valor` tells apart")
    ]
    timestamp: Annotated[Optional[str], Meaning("when it was last read well", TIME)]
    latencia_ms: Annotated[Optional[float], Meaning("how long that scan took, in milliseconds")]
    quality: Annotated[
        Literal["OK", "BAD", "STALE"],
        Meaning(
            "OK; BAD: its own reading fails; STALE: the link is down or the controller does not run. "
            "The last value stays"
        ),
    ]
    error: Annotated[Optional[str], Meaning("why it is not OK")]
    since: Annotated[Optional[str], Meaning("since when a state tag is in its state; null: not known", TIME)]


class TagEntry(TagFields, total=False):
    """What is known of one tag right now."""

    error_code: Annotated[
        str, Meaning("the code of that text; there only while there is an error, as `error_texts`", is_optional=True)
    ]
    error_texts: Annotated[TextByLanguage, Meaning("that text in each language: `en`, `es`", is_optional=True)]


DriverFacts = Union[LogixFacts, OpcUaFacts]

COMMON_PARTS = (PlcStatus, LinkFigures, ScanFigures)
DRIVER_PARTS: Dict[str, Any] = {"logix": LogixFacts, "opcua": OpcUaFacts}
"""By `driver`: what its `facts()` give."""


def parts_of(driver: str) -> Tuple[Any, ...]:
    """The TypedDicts whose keys together are the `_meta` of a PLC with this driver."""
    return (*COMMON_PARTS, DRIVER_PARTS[driver])
