"""Errors of the HTTP interface as `application/problem+json` (RFC 9457), and as a page for a person."""

from __future__ import annotations

import json
import logging
from typing import Any, Dict, List, Sequence

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from ...errors import StoreError
from ...texts.catalogue import Text, say
from .language import current_language
from .language import translate as _

log = logging.getLogger(__name__)

API_PATHS = ("/api/", "/data", "/healthz", "/metrics")

Fault = Dict[str, str]
"""What is wrong with one parameter: its `name`, and the `reason` for people."""


class BadParameters(Exception):
    """One or more query parameters are wrong; `faults` names each of them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = list(faults)
        super().__init__("; ".join(f"{fault['name']}: {fault['reason']}" for fault in faults))


def problem(status: int, title: str, detail: str, faults: Sequence[Fault] = ()) -> Response:
    """A problem document; `errors` names every wrong parameter, `code` the text of `detail` where it has one."""
    document: Dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": _said(detail)}
    if isinstance(detail, Text):
        document["code"] = detail.code
    if faults:
        document["errors"] = list(faults)
    return Response(json.dumps(document), status=status, mimetype="application/problem+json")


def register_problems(app: Flask) -> None:
    """Answer every error in the form that fits who asked."""

    @app.errorhandler(BadParameters)
    def bad_parameters(exc: BadParameters) -> Response:
        return _answer(400, "Bad request", str(exc), exc.faults)

    @app.errorhandler(HTTPException)
    def http_error(exc: HTTPException) -> Response:
        response = _answer(exc.code or 500, exc.name, exc.description or exc.name)
        for name, value in exc.get_headers(request.environ):
            if name.lower() not in ("content-type", "content-length"):
                response.headers[name] = value
        return response

    @app.errorhandler(StoreError)
    def store_error(exc: StoreError) -> Response:
        log.error(say("web.failed_because", method=request.method, path=request.path, fault=exc.text))
        response = _answer(503, "The event database cannot be read", exc.text)
        response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(Exception)
    def unexpected(exc: Exception) -> Response:
        log.error(say("web.failed", method=request.method, path=request.path), exc_info=exc)
        return _answer(500, "Internal error", say("web.see_log"))


def _said(detail: str) -> str:
    """In the language of who asks, where it has a code."""
    return detail.in_language(current_language()) if isinstance(detail, Text) else detail


def _answer(status: int, title: str, detail: str, faults: Sequence[Fault] = ()) -> Response:
    if request.path.startswith(API_PATHS) or request.path.endswith(".csv"):
        return problem(status, title, detail, faults)
    lines: List[str] = [f"{fault['name']}: {fault['reason']}" for fault in faults] or [_said(detail)]
    heading = {400: _("Wrong request"), 404: _("Not found"), 503: _("Not available now")}.get(status, title)
    return Response(render_template("problem.html", status=status, heading=heading, lines=lines), status=status)
