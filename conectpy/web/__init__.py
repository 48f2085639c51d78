"""Flask: `create_app` and one blueprint per concern. Templates and static files lie beside; no HTML in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, cast

from flask import Flask

from ..events.reader import EventReader
from ..live.realtime import RealtimeData
from ..live.recent_history import History
from ..plant.current import Plant
from ..serving.stream import StreamHub
from .frame.assets import Assets
from .frame.context import EXTENSION, HealthCheck, WebContext
from .frame.exports import ExportPlaces
from .frame.headers import register_security
from .frame.language import register_languages
from .frame.page import register_pages
from .frame.problems import register_problems
from .frame.zones import plant_zone
from .pages import (
    events_api,
    events_page,
    live_page,
    openapi,
    plc_page,
    run_hours_page,
    status,
    timeline_page,
    trends_page,
)

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

MAX_BODY_BYTES = 1024 * 1024
PAGES = (
    live_page,
    events_api,
    events_page,
    timeline_page,
    run_hours_page,
    trends_page,
    plc_page,
    status,
    openapi,
)


def create_app(
    realtime: RealtimeData,
    reader: EventReader,
    plant: Plant,
    *,
    health: HealthCheck,
    history: Optional[History] = None,
    registry: Optional[CollectorRegistry] = None,
) -> Flask:
    """The web application over this process's live values and event store; names, labels and PLCs are the plant's.

    `health` says whether all is well, and what is not; `history` is what the trends show; `registry` is what `/metrics`
    serves. Raises WebError when `web.timezone` names no zone.
    """
    web = plant.current.web
    zone, zone_name = plant_zone(web.timezone)
    app = Flask(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_HTTPONLY=True)
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}  # tags stay in the order of the configuration
    app.url_map.merge_slashes = False  # an address of a PLC may hold "//"
    hub = StreamHub(realtime)
    app.extensions[EXTENSION] = WebContext(
        realtime=realtime,
        events=reader,
        plant=plant,
        health=health,
        history=history if history is not None else History(web.history_mb * 2**20),
        registry=registry,
        zone=zone,
        zone_name=zone_name,
        hub=hub,
        exports=ExportPlaces(),
    )
    Assets(app).register()
    register_languages(app, web.language or plant.current.language)
    register_pages(app)
    register_problems(app)
    register_security(app)
    for module in PAGES:
        app.register_blueprint(module.blueprint)
    return app


def hub_of(app: Flask) -> StreamHub:
    """The application's live streams, for the server that carries them."""
    return cast(WebContext, app.extensions[EXTENSION]).hub
