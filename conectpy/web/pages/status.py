"""`/healthz` for watchdogs and `/metrics` for Prometheus."""

from __future__ import annotations

from typing import Any, Dict

from flask import Blueprint, Response

from ...live.error_texts import with_error_texts
from ...texts.folders import hide_all_folders
from ..frame.context import context
from ..frame.responses import json_reply, reply

blueprint = Blueprint("status", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 while all is well, else 503; the JSON says what is wrong."""
    is_ok, document = context().health()
    _say_errors(document, context().realtime.language)
    response = json_reply(hide_all_folders(document), 200 if is_ok else 503)
    response.headers["Cache-Control"] = "no-store"
    return response


def _say_errors(document: Dict[str, Any], language: str) -> None:
    """Beside each error its code and its text in every language."""
    for part in (*document.get("plcs", {}).values(), *document.get("threads", {}).values()):
        part.update(with_error_texts(part, "last_error", "last_error_", language))
    store = document.get("store", {})
    store.update(with_error_texts(store, "error", "error_", language))


@blueprint.get("/metrics")
def metrics() -> Response:
    """The instruments of this process in Prometheus' text format."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = context().registry
    body = generate_latest(registry if registry is not None else CollectorRegistry())
    response = reply(body, "text/plain")
    response.headers["Content-Type"] = CONTENT_TYPE_LATEST
    return response
