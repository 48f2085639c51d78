"""`/healthz` for watchdogs and `/metrics` for Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response

from ..frame.context import context
from ..frame.responses import json_reply, reply

blueprint = Blueprint("status", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 while all is well, else 503; the JSON says what is wrong."""
    is_ok, document = context().health()
    response = json_reply(document, 200 if is_ok else 503)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/metrics")
def metrics() -> Response:
    """The instruments of this process in Prometheus' text format."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = context().registry
    body = generate_latest(registry if registry is not None else CollectorRegistry())
    response = reply(body, "text/plain")
    response.headers["Content-Type"] = CONTENT_TYPE_LATEST
    return response
