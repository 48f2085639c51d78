"""Query parameters: one table per endpoint validates requests, and describes itself for OpenAPI."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Dict, List, Sequence, Tuple

from flask import request

from ...texts.catalogue import say, text_of
from ...timestamps import utc_now
from .context import context
from .language import LANGUAGES
from .problems import BadParameters, ParamFault
from .zones import find_zone, parse_time

MAX_TEXT = 1000
DATE_LENGTH = len("2026-03-01")
MOMENT = timedelta(milliseconds=1)
LAST_MOMENT = datetime.max.replace(tzinfo=timezone.utc) - MOMENT
DEFAULT_SPAN = timedelta(hours=24)
FIRST_UTC = datetime(1969, 12, 31, tzinfo=timezone.utc)  # 1970-01-01 of every zone lies within
LAST_UTC = datetime(9000, 1, 2, tzinfo=timezone.utc)
_DAY = "(19[7-9][0-9]|[2-8][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9])"
_TIME = f"^{_DAY}(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{{1,3}})?Z)?$"
PATTERNS = {
    "from_time": _TIME,
    "to_time": _TIME,
    "cursor": "^[0-9]{1,18}$",
    "zone": "^[A-Za-z]+(/[A-Za-z_+\\-0-9]+)*$",
    "text": "^[^\u0000]+$",
}
"""What the document says of each kind of text; a little less than what is taken."""

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Param:
    """One query parameter.

    `kind` is text, integer, number, boolean, from_time, to_time, cursor (an event id or a time), zone or choice;
    `minimum` and `maximum` bound integers and numbers; `is_list` lets it be given several times.
    """

    name: str
    kind: str
    description: str
    default: Any = None
    minimum: float = 0
    maximum: float = 1_000_000_000
    choices: Tuple[str, ...] = ()
    is_list: bool = False
    max_items: int = 8

    def parse(self, text: str, zone: tzinfo) -> Any:
        """The typed value; raises ValueError with a reason for people."""
        if len(text) > MAX_TEXT or "\0" in text:
            raise ValueError(say("param.long", limit=MAX_TEXT))
        if self.kind in ("integer", "number"):
            return self._parse_number(text)
        if self.kind == "boolean":
            if text.lower() not in _BOOLEANS:
                raise ValueError(say("param.boolean", value=repr(text)))
            return _BOOLEANS[text.lower()]
        if self.kind in ("from_time", "to_time"):
            return _parse_moment(text, zone, is_end=self.kind == "to_time")
        if self.kind == "cursor":
            if re.fullmatch(r"[0-9]{1,18}", text):
                return int(text)
            return _parse_moment(text, zone, is_end=False)
        if self.kind == "zone":
            found = find_zone(text)
            if found is None:
                raise ValueError(say("param.zone", value=repr(text)))
            return found
        if self.kind == "choice" and text not in self.choices:
            raise ValueError(say("param.choice", choices=self.choices, value=repr(text)))
        return text

    def _parse_number(self, text: str) -> Any:
        pattern = r"[0-9]{1,10}" if self.kind == "integer" else r"[0-9]{1,10}(\.[0-9]{1,9})?"
        if not re.fullmatch(pattern, text) or not self.minimum <= float(text) <= self.maximum:
            bounds = {"low": f"{self.minimum:g}", "high": f"{self.maximum:g}"}
            is_whole = self.kind == "integer"
            raise ValueError(say("param.whole" if is_whole else "param.number", value=repr(text), **bounds))
        return int(text) if self.kind == "integer" else float(text)

    def schema(self) -> Dict[str, Any]:
        """The JSON schema of one value."""
        if self.kind in ("integer", "number"):
            bounds: Dict[str, Any] = {"type": self.kind, "minimum": self.minimum, "maximum": self.maximum}
            return {**bounds, "default": self.default} if self.default is not None else bounds
        if self.kind == "boolean":
            return {"type": "string", "enum": sorted(_BOOLEANS)}
        if self.kind == "choice":
            return {"type": "string", "enum": list(self.choices)}
        pattern = {"pattern": PATTERNS[self.kind]} if self.kind in PATTERNS else {}
        return {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, **pattern}

    def describe(self) -> Dict[str, Any]:
        """The OpenAPI parameter object."""
        schema = self.schema()
        if self.is_list:
            schema = {"type": "array", "items": schema, "maxItems": self.max_items}
        return {"name": self.name, "in": "query", "required": False, "description": self.description, "schema": schema}


def _parse_moment(text: str, zone: tzinfo, *, is_end: bool) -> datetime:
    moment = parse_time(text, zone, is_end=is_end)
    if not FIRST_UTC <= moment <= LAST_UTC:
        raise ValueError(say("param.time_range", value=text.strip()))
    return moment


LANG_PARAM = Param("lang", "choice", "Language of the page.", choices=LANGUAGES)


def read_params(params: Sequence[Param], zone: tzinfo) -> Dict[str, Any]:
    """The current request's parameters by name (None or the default where absent; empty ones count as absent).

    Raises BadParameters that names every wrong, repeated or unknown one.
    """
    known = {param.name: param for param in params}
    faults: List[ParamFault] = []
    for name in request.args:
        if name not in known:
            faults.append(ParamFault(name[:100], say("param.unknown", known=list(known))))
    values: Dict[str, Any] = {}
    for param in params:
        try:
            values[param.name] = _value_of(param, zone)
        except ValueError as exc:
            faults.append(ParamFault(param.name, text_of(exc)))
    start, end = values.get("from"), values.get("to")
    if start is not None and end is not None:
        if start > end or (start == end and len(request.args["to"]) <= DATE_LENGTH):
            faults.append(ParamFault("to", say("param.after_from")))
        elif start == end:  # at that moment: ends are not part of a range
            values["to"] = end + MOMENT if end < LAST_MOMENT else end
    if faults:
        raise BadParameters(faults)
    return values


def _value_of(param: Param, zone: tzinfo) -> Any:
    texts = [text for text in request.args.getlist(param.name) if text != ""]
    if param.is_list:
        if len(texts) > param.max_items:
            raise ValueError(say("param.times", limit=param.max_items))
        return [param.parse(text, zone) for text in texts]
    if len(texts) > 1:
        raise ValueError(say("param.once"))
    return param.parse(texts[0], zone) if texts else param.default


def read_or_faults(params: Sequence[Param]) -> Tuple[Dict[str, Any], List[ParamFault]]:
    """The parameters of a page, which shows what is wrong with them instead of failing: then there are no values."""
    try:
        return read_params(params, context().zone), []
    except BadParameters as exc:
        return {}, exc.faults


def span(values: Dict[str, Any]) -> Tuple[datetime, datetime]:
    """The stretch of time asked for; the last 24 hours where nothing is said."""
    end: datetime = values.get("to") or utc_now()
    start: datetime = values.get("from") or end - DEFAULT_SPAN
    return (start, end) if start < end else (end - DEFAULT_SPAN, end)
