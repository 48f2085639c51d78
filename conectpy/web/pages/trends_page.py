"""Trends over the in-memory history: the page, its JSON, the sparklines of the live page, CSV."""

from __future__ import annotations

import heapq
import threading
import time
from datetime import datetime, timedelta
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from flask import Blueprint, Response, current_app

from ...live.recent_history import SCAN_TAG, History, Points, thin_out
from ...settings.types import PlcSettings, TagSettings
from ...texts.catalogue import say
from ...timestamps import UTC, to_text, utc_now
from ..frame.context import configured_plcs, context, find_plc
from ..frame.csv_text import csv_response
from ..frame.page import page
from ..frame.params import Param, read_params
from ..frame.problems import BadParameters, ParamFault
from ..frame.responses import json_reply

blueprint = Blueprint("trends", __name__)

SPARKLINES = "conectpy.sparklines"
SPARK_MS = 15 * 60 * 1000
SPARK_POINTS = 80
SPARK_KEPT_S = 10.0
SERIES_PARAMS = (
    Param("plc", "text", "Address or name of the PLC: one for all tags, or one for each tag.", is_list=True),
    Param("tag", "text", "Tag name, up to 8 times; `@scan_ms` for the scan time.", is_list=True),
    Param("from", "from_time", "Start (ISO 8601); one hour ago if absent."),
    Param("to", "to_time", "End (ISO 8601); now if absent."),
)
HISTORY_PARAMS = (
    *SERIES_PARAMS,
    Param("points", "integer", "At most about this many points per tag.", default=2000, minimum=10, maximum=20000),
)
SPARKLINE_PARAMS = (Param("plc", "text", "Address or name of the PLC."),)

Series = Tuple[PlcSettings, TagSettings]


@blueprint.record_once
def _keep_sparklines(state: Any) -> None:
    state.app.extensions[SPARKLINES] = Sparklines()


@blueprint.get("/trends")
def index() -> Response:
    """Curves of up to 8 tags."""
    catalog = [_catalog(plc) for plc in configured_plcs()]
    return page("trends.html", catalog=catalog, usage=context().history.usage())


@blueprint.get("/api/history")
def history() -> Response:
    """Points of up to 8 tags; a value holds until the next point, null means not known."""
    web = context()
    values = read_params(HISTORY_PARAMS, web.zone)
    from_ms, to_ms = _span(values)
    found = []
    for plc, tag in _series(values):
        points = web.history.points(plc.address, tag.tag, from_ms, to_ms)
        times, numbers = thin_out(points, from_ms, to_ms, values["points"])
        found.append(
            {
                "plc": plc.address,
                "plc_name": plc.name,
                "tag": tag.tag,
                "label": tag.label,
                "unit": tag.unit,
                "is_state": tag.is_state,
                "t": times,
                "v": _nulled(numbers),
            }
        )
    document = {"from": from_ms, "to": to_ms, "time": to_text(utc_now()), "usage": web.history.usage(), "series": found}
    return json_reply(document)


@blueprint.get("/trends.csv")
def history_csv() -> Response:
    """Every point of the same tags and time, unthinned, in the order of time."""
    web = context()
    values = read_params(SERIES_PARAMS, web.zone)
    from_ms, to_ms = _span(values)
    series = _series(values)
    points = [web.history.points(plc.address, tag.tag, from_ms, to_ms) for plc, tag in series]
    header = ("time", "plc", "plc_name", "tag", "label", "unit", "value")
    return csv_response("trends.csv", header, _csv_rows(series, points))


@blueprint.get("/api/sparklines")
def sparklines() -> Response:
    """The last 15 minutes of every number of a PLC, thinned out."""
    web = context()
    values = read_params(SPARKLINE_PARAMS, web.zone)
    if values["plc"] is None:
        raise BadParameters([ParamFault("plc", say("param.required"))])
    plc = find_plc(values["plc"])
    if plc is None:
        raise BadParameters([ParamFault("plc", say("param.no_plc", plc=values["plc"]))])
    kept: Sparklines = current_app.extensions[SPARKLINES]
    return json_reply({"plc": plc.address, "series": kept.of(plc, web.history)})


class Sparklines:
    """Sparklines per PLC, made again at most every few seconds however many browsers open the page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _kept
        self._kept: Dict[str, Tuple[float, Dict[str, Any]]] = {}

    def of(self, plc: PlcSettings, history: History) -> Dict[str, Any]:
        """Tag -> {t, v} for each number of this PLC that has a past."""
        with self._lock:
            kept = self._kept.get(plc.address)
        if kept is not None:
            made_s, series = kept
            if time.monotonic() - made_s < SPARK_KEPT_S:
                return series
        now_ms = int(utc_now().timestamp() * 1000)
        series = {}
        for tag in plc.tags:
            if not tag.is_state:
                points = history.points(plc.address, tag.tag, now_ms - SPARK_MS, now_ms)
                times, numbers = thin_out(points, now_ms - SPARK_MS, now_ms, SPARK_POINTS)
                if times:
                    series[tag.tag] = {"t": times, "v": _nulled(numbers)}
        with self._lock:
            self._kept[plc.address] = (time.monotonic(), series)
        return series


def _catalog(plc: PlcSettings) -> Dict[str, Any]:
    """What the script has to know of a PLC to offer its tags."""
    tags = [[tag.tag, tag.label, tag.unit, tag.is_state] for tag in plc.tags]
    return {"plc": plc.address, "name": plc.name, "tags": tags}


def _span(values: Dict[str, Any]) -> Tuple[int, int]:
    end: datetime = values["to"] or utc_now()
    start: datetime = values["from"] or end - timedelta(hours=1)
    if start >= end:
        raise BadParameters([ParamFault("from", say("param.before_to"))])
    return int(start.timestamp() * 1000), int(end.timestamp() * 1000)


def _series(values: Dict[str, Any]) -> List[Series]:
    """The tags asked for. Raises BadParameters that names every one that does not exist."""
    plcs: List[str] = values["plc"]
    tags: List[str] = values["tag"]
    if tags and len(plcs) not in (1, len(tags)):
        raise BadParameters([ParamFault("plc", say("param.plc_per_tag"))])
    if len(plcs) == 1:
        plcs = plcs * len(tags)
    found: List[Series] = []
    faults = []
    for address, name in zip(plcs, tags):
        plc = find_plc(address)
        tag = _find_tag(plc, name) if plc else None
        if plc is None:
            faults.append(ParamFault("plc", say("param.no_plc", plc=address)))
        elif tag is None:
            faults.append(ParamFault("tag", say("param.no_tag", plc=plc.name, tag=name)))
        else:
            found.append((plc, tag))
    if faults:
        raise BadParameters(faults)
    return found


def _find_tag(plc: PlcSettings, name: str) -> Optional[TagSettings]:
    if name == SCAN_TAG:
        return TagSettings(SCAN_TAG, SCAN_TAG, "ms")
    return next((tag for tag in plc.tags if tag.tag == name), None)


def _nulled(numbers: Sequence[float]) -> List[Optional[float]]:
    return [number if number == number else None for number in numbers]


def _csv_rows(series: Sequence[Series], points: Sequence[Points]) -> Iterator[Sequence[Any]]:
    tagged = [[(at_ms, number, value) for at_ms, value in zip(*tag_points)] for number, tag_points in enumerate(points)]
    for at_ms, number, value in heapq.merge(*tagged, key=lambda point: point[0]):
        plc, tag = series[number]
        known = value if value == value else None
        shown = bool(known) if tag.is_state and known is not None else known
        yield (_iso(at_ms), plc.address, plc.name, tag.tag, tag.label, tag.unit, shown)


def _iso(at_ms: int) -> str:
    return to_text(datetime.fromtimestamp(at_ms / 1000, UTC))
