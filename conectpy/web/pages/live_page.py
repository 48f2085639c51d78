"""The live page and what feeds it: `/`, `/data`, `/api/stream`."""

from __future__ import annotations

from typing import Any, Dict

from flask import Blueprint, Response, current_app, request

from ...serving.stream import ADOPT, Stream
from ...texts.catalogue import say
from ...timestamps import to_text, utc_now
from ..frame.context import EXTENSION, context
from ..frame.page import page
from ..frame.problems import problem
from ..frame.responses import VersionedBytes, accepts_gzip, json_reply

blueprint = Blueprint("live", __name__)
DATA = "conectpy.data"


@blueprint.record_once
def _make_document(state: Any) -> None:
    web = state.app.extensions[EXTENSION]
    state.app.extensions[DATA] = VersionedBytes(web.realtime.document, web.hub.boot_id)


@blueprint.get("/")
def index() -> Response:
    """The overview: a card per PLC, worst first."""
    return page("live.html", snapshot=snapshot())


def snapshot() -> Dict[str, Any]:
    """All live values with their version and the server's time, as the stream's first message has them."""
    version, data = context().realtime.snapshot()
    return {"version": version, "time": to_text(utc_now()), "data": data}


@blueprint.get("/data")
def data() -> Response:
    """All live values as JSON, made once per version."""
    document: VersionedBytes = current_app.extensions[DATA]
    response = document.respond("application/json")
    response.headers["X-Server-Time"] = to_text(utc_now())
    return response


@blueprint.get("/api/link")
def link_state() -> Response:
    """How many PLCs are good, of how many: what the frame of every page shows."""
    qualities = context().realtime.qualities().values()
    good = sum(quality == "OK" for quality in qualities)
    response = json_reply({"time": to_text(utc_now()), "good": good, "total": len(qualities)})
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/api/stream")
def stream() -> Response:
    """Server-sent events: `snapshot` first (or `change` after `Last-Event-ID`), then `change` and `ping`."""
    hub = context().hub
    is_gzip = accepts_gzip()
    last_id = request.headers.get("Last-Event-ID")
    address = request.remote_addr or ""
    if not hub.reserve(address):
        refusal = problem(503, "Too many streams", say("web.streams_full"))
        refusal.headers["Retry-After"] = "10"
        return refusal
    adopt = request.environ.get(ADOPT)
    if adopt is None or request.method != "GET":
        blocking = Stream(hub.version_of(last_id), False)
        response = Response(hub.messages(blocking), mimetype="text/event-stream")
        response.call_on_close(lambda: hub.release(address))
    else:
        adopted = Stream(hub.version_of(last_id), is_gzip, address)
        response = Response(iter([hub.start(adopted)]), mimetype="text/event-stream")
        adopt(adopted)
        if is_gzip:
            response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = "no-cache, no-transform"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["X-Accel-Buffering"] = "no"
    return response
