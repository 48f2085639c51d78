"""`/api/openapi.json`, made from the same tables of parameters that validate requests, and a page that shows it."""

from __future__ import annotations

from typing import Any, Dict, Literal, Sequence, Union

from flask import Blueprint, Response

from ... import __version__
from ...facts.meanings import keys_of
from ...facts.plc_facts import ErrorNote, LogixMeta, OpcUaMeta, TagEntry
from ..frame.page import page
from ..frame.params import Param
from ..frame.responses import json_reply
from .event_json import FILTER_PARAMS, START_QUALITIES
from .events_api import EVENTS_PARAMS
from .run_hours_page import STATS_PARAMS
from .timeline_page import TIMELINE_PARAMS
from .trends_page import HISTORY_PARAMS, SERIES_PARAMS, SPARKLINE_PARAMS

blueprint = Blueprint("openapi", __name__)

Schema = Dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
_PLAIN: Dict[Any, Schema] = {str: TEXT, float: NUMBER, int: INTEGER, bool: BOOLEAN, Any: {"nullable": True}}


@blueprint.get("/api/openapi.json")
def openapi_json() -> Response:
    """The OpenAPI 3 document."""
    return json_reply(document())


@blueprint.get("/api/docs")
def docs() -> Response:
    """The document as a page; everything it loads comes from here."""
    return page("docs.html")


def document() -> Schema:
    """The OpenAPI 3.0.3 document."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "conectpy",
            "version": __version__,
            "description": "Live values and events of PLCs. Times are UTC (ISO 8601, milliseconds, `Z`). Times that "
            "are asked for without a zone are the plant's.",
        },
        "paths": _paths(),
        "components": {"schemas": _schemas()},
    }


def _paths() -> Schema:
    event_list = _content({"type": "array", "items": _ref("Event")})
    return {
        "/data": _get("All live values, made once per version (ETag).", (), _content(_ref("Live")), is_cached=True),
        "/api/stream": _stream(),
        "/api/link": _get("How many PLCs are good, of how many.", (), _content(_ref("Link"))),
        "/api/events": _get("Events, newest first; `Link` leads to the next page.", EVENTS_PARAMS, event_list),
        "/events.csv": _get("Every event of the filter as CSV.", FILTER_PARAMS, _plain("text/csv")),
        "/api/timeline": _get("Events by PLC and tag, for drawing.", TIMELINE_PARAMS, _content(_ref("Timeline"))),
        "/api/stats": _get("Run hours per state tag.", STATS_PARAMS, _content(_ref("Stats"))),
        "/hours.csv": _get("Run hours as CSV.", STATS_PARAMS, _plain("text/csv")),
        "/api/history": _get("Points of up to 8 tags.", HISTORY_PARAMS, _content(_ref("History"))),
        "/trends.csv": _get("Every point of up to 8 tags as CSV.", SERIES_PARAMS, _plain("text/csv")),
        "/api/sparklines": _get("The last 15 minutes of a PLC.", SPARKLINE_PARAMS, _content(_ref("Sparklines"))),
        "/healthz": _health(),
        "/metrics": _get("The instruments for Prometheus.", (), _plain("text/plain")),
    }


def _get(summary: str, params: Sequence[Param], content: Schema, *, is_cached: bool = False) -> Schema:
    responses: Schema = {"200": {"description": "As asked for.", "content": content}}
    if params:
        responses["400"] = _problem("Parameters are wrong; `errors` names each of them.")
        responses["503"] = _problem("The event database cannot be read now.")
    if is_cached:
        responses["304"] = {"description": "The client has the newest version."}
    return {
        "get": {
            "summary": summary,
            "parameters": [param.describe() for param in params],
            "responses": responses,
        }
    }


def _stream() -> Schema:
    operation = _get("What changes, as server-sent events: snapshot, change, ping.", (), _plain("text/event-stream"))
    operation["get"]["responses"]["503"] = _problem("All places are taken; poll /data instead.")
    operation["get"]["parameters"] = [
        {"name": "Last-Event-ID", "in": "header", "required": False, "schema": TEXT, "description": "Where to go on."}
    ]
    return operation


def _health() -> Schema:
    operation = _get("Whether all is well, and what is not.", (), _content({"type": "object"}))
    operation["get"]["responses"]["503"] = {"description": "Something is wrong.", "content": _content(_object({}))}
    return operation


def _schemas() -> Schema:
    return {
        "Event": _event(),
        "Live": {"type": "object", "description": "PLC address -> PLC.", "additionalProperties": _ref("Plc")},
        "Plc": {
            **_object({"_name": TEXT, "_meta": {"oneOf": [_ref("LogixMeta"), _ref("OpcUaMeta")]}}),
            "description": "`_name`, `_meta`, and for each tag its entry.",
            "additionalProperties": _ref("TagEntry"),
        },
        **{one.__name__: _typed(one) for one in (LogixMeta, OpcUaMeta, ErrorNote, TagEntry)},
        "Link": _object({"time": TIME, "good": INTEGER, "total": INTEGER}),
        "Timeline": _object(
            {
                "from": INTEGER,
                "to": INTEGER,
                "time": TIME,
                "count": INTEGER,
                "is_partial": BOOLEAN,
                "plcs": _list({"type": "object"}),
            }
        ),
        "Stats": _object({"from": TIME, "to": TIME, "by": TEXT, "tz": TEXT, "stats": _list(_ref("TagStats"))}),
        "TagStats": _object(
            {
                **{name: TEXT for name in ("plc_ip", "plc_name", "tag", "tag_label")},
                **_sums(),
                "periods": _list(_object({"first_day": TEXT, "from": TIME, "to": TIME, **_sums()})),
            }
        ),
        "History": _object(
            {"from": INTEGER, "to": INTEGER, "time": TIME, "usage": {"type": "object"}, "series": _list(_series())}
        ),
        "Sparklines": _object({"plc": TEXT, "series": {"type": "object"}}),
        "Problem": {
            **_object({"type": TEXT, "title": TEXT, "status": INTEGER, "detail": TEXT}),
            "description": "`errors` lists {name, reason, code} of every wrong parameter.",
        },
    }


def _event() -> Schema:
    nullable_time = {**TIME, "nullable": True}
    times = ("end_ts", "start_earliest_ts", "end_earliest_ts", "start_device_ts", "end_device_ts")
    return _object(
        {
            "id": INTEGER,
            **{name: TEXT for name in ("uid", "plc_ip", "plc_name", "tag", "tag_label")},
            "start_ts": TIME,
            "created_at": TIME,
            **{name: nullable_time for name in times},
            "start_quality": {"type": "string", "description": f"{', '.join(START_QUALITIES)}"},
            "end_quality": {"type": "string", "nullable": True},
            "gap_count": INTEGER,
            "gap_s": NUMBER,
            "flags": _list(TEXT),
            "seen_until_ts": {
                **nullable_time,
                "description": "of an open event that nobody sees now (PLC or tag down): when it was last seen TRUE",
            },
            "rev": {**INTEGER, "description": "number of the last change to this event: grows by one per change"},
            "duration_s": {**NUMBER, "nullable": True, "description": "null while the event is open"},
        }
    )


def _series() -> Schema:
    return _object(
        {
            **{name: TEXT for name in ("plc", "plc_name", "tag", "label", "unit")},
            "is_state": BOOLEAN,
            "t": _list(INTEGER),
            "v": _list({**NUMBER, "nullable": True}),
        }
    )


def _sums() -> Schema:
    return {
        "starts": INTEGER,
        **{name: NUMBER for name in ("true_s", "longest_s", "uncertain_s", "possible_s", "seen_s")},
    }


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def _typed(part: Any) -> Schema:
    """A TypedDict as a schema; every key is always there, but for those that say otherwise."""
    keys = sorted(keys_of(part))
    properties = {key.name: {**_schema_of(key.hint), "description": key.meaning.text} for key in keys}
    for key in keys:
        if key.meaning.format:
            properties[key.name]["format"] = key.meaning.format
    required = [key.name for key in keys if not key.meaning.is_optional]
    return {**_object(properties), "required": required, "description": part.__doc__}


def _schema_of(hint: Any) -> Schema:
    """The schema of a type; None in a union makes it nullable."""
    origin: Any = getattr(hint, "__origin__", None)
    inner: Sequence[Any] = getattr(hint, "__args__", ())
    if origin is Union:
        return {**_schema_of(inner[0]), "nullable": True}
    if origin is Literal:
        return {"type": "string", "enum": list(inner)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema_of(inner[1])}
    if origin is list:
        return _list(_schema_of(inner[0]))
    return _PLAIN[hint] if hint in _PLAIN else _ref(hint.__name__)


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _plain(mimetype: str) -> Schema:
    return {mimetype: {"schema": TEXT}}


def _problem(description: str) -> Schema:
    return {"description": description, "content": {"application/problem+json": {"schema": _ref("Problem")}}}
