"""Errors of the HTTP interface as `application/problem+json` (RFC 9457), and as a page for a person."""

from __future__ import annotations

import json
import logging
from typing import Any, Dict, List, NamedTuple, Sequence

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from ...errors import StoreError
from ...texts.catalogue import Text, say
from ...texts.folders import hide_folders
from .context import has_client_left
from .language import current_language
from .language import translate as _

log = logging.getLogger(__name__)

API_PATHS = ("/api/", "/data", "/healthz", "/metrics")


class ParamFault(NamedTuple):
    """What is wrong with one parameter: its name, and the reason for people."""

    name: str
    reason: Text

    def as_json(self) -> Dict[str, str]:
        """For programs: the reason in English, and its code."""
        return {"name": self.name, "reason": str(self.reason), "code": self.reason.code}

    @property
    def line(self) -> Text:
        """Name and reason together."""
        return say("settings.at", where=self.name, fault=self.reason)


class BadParameters(Exception):
    """One or more query parameters are wrong; `faults` names each of them."""

    def __init__(self, faults: Sequence[ParamFault]) -> None:
        self.faults = list(faults)
        self.text = say("param.wrong", faults=[fault.line for fault in faults])
        super().__init__(self.text)


def problem(status: int, title: str, detail: str, faults: Sequence[ParamFault] = ()) -> Response:
    """A problem document; `errors` names every wrong parameter, `code` the text of `detail` where it has one."""
    document: Dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": said(detail)}
    if isinstance(detail, Text):
        document["code"] = detail.code
    if faults:
        document["errors"] = [fault.as_json() for fault in faults]
    return Response(json.dumps(document), status=status, mimetype="application/problem+json")


def register_problems(app: Flask) -> None:
    """Answer every error in the form that fits who asked."""
    app.jinja_env.globals["said"] = said

    @app.errorhandler(BadParameters)
    def bad_parameters(exc: BadParameters) -> Response:
        return _answer(400, "Bad request", exc.text, exc.faults)

    @app.errorhandler(HTTPException)
    def http_error(exc: HTTPException) -> Response:
        response = _answer(exc.code or 500, exc.name, _detail(exc))
        for name, value in exc.get_headers(request.environ):
            if name.lower() not in ("content-type", "content-length"):
                response.headers[name] = value
        return response

    @app.errorhandler(StoreError)
    def store_error(exc: StoreError) -> Response:
        if has_client_left():
            log.debug("web: %s %s: the client has left", request.method, request.path)
            return Response(status=503)  # for nobody
        log.error(say("web.failed_because", method=request.method, path=request.path, fault=exc.text))
        response = _answer(503, "The event database cannot be read", exc.text)
        response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(Exception)
    def unexpected(exc: Exception) -> Response:
        log.error(say("web.failed", method=request.method, path=request.path), exc_info=exc)
        return _answer(500, "Internal error", say("web.see_log"))


def _detail(exc: HTTPException) -> str:
    """What is said of it; of what the framework refuses by itself in our words, where we have some."""
    if not isinstance(exc.description, Text) and exc.code == 404:
        return say("web.no_page")
    if not isinstance(exc.description, Text) and exc.code == 405:
        return say("web.no_method", method=request.method)
    return exc.description or exc.name


def said(detail: str) -> str:
    """In the language of who asks, where it has a code; where a file lies is not for the public."""
    return hide_folders(detail.in_language(current_language()) if isinstance(detail, Text) else detail)


def _answer(status: int, title: str, detail: str, faults: Sequence[ParamFault] = ()) -> Response:
    if request.path.startswith(API_PATHS) or request.path.endswith(".csv"):
        return problem(status, title, detail, faults)
    lines: List[str] = [said(fault.line) for fault in faults] or [said(detail)]
    heading = {400: _("Wrong request"), 404: _("Not found"), 503: _("Not available now")}.get(status, title)
    return Response(render_template("problem.html", status=status, heading=heading, lines=lines), status=status)
