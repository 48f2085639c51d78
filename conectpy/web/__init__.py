"""Flask: `create_app` and one blueprint per concern. Templates and static files lie beside; no HTML in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from flask import Flask

from ..history import History
from ..queries import EventReader
from ..realtime import RealtimeData
from ..settings import Settings
from .assets import Assets
from .context import EXTENSION, HealthCheck, WebContext
from .language import register_languages
from .pages import register_pages
from .problems import register_problems
from .security import register_security
from .stream import StreamHub
from .zones import plant_zone

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

MAX_BODY_BYTES = 1024 * 1024
COOKIE_DAYS = 365


def create_app(
    realtime: RealtimeData,
    reader: EventReader,
    settings: Settings,
    *,
    health: HealthCheck,
    history: Optional[History] = None,
    registry: Optional[CollectorRegistry] = None,
) -> Flask:
    """The web application over this process's live values and event store.

    `health` says whether all is well, and what is not; `history` is what the trends show; `registry` is what `/metrics`
    serves. Raises WebError when `web.timezone` names no zone.
    """
    zone, zone_name = plant_zone(settings.web.timezone)
    app = Flask(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_HTTPONLY=True)
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}  # tags stay in the order of the configuration
    app.url_map.merge_slashes = False  # an address of a PLC may hold "//"
    hub = StreamHub(realtime)
    app.extensions[EXTENSION] = WebContext(
        realtime=realtime,
        reader=reader,
        settings=settings,
        health=health,
        history=history if history is not None else History(settings.web.history_mb * 2**20),
        registry=registry,
        zone=zone,
        zone_name=zone_name,
        hub=hub,
    )
    Assets(app).register()
    register_languages(app, settings.web.language)
    register_pages(app)
    register_problems(app)
    register_security(app)
    _register_blueprints(app)
    return app


def _register_blueprints(app: Flask) -> None:
    from . import api, events_page, live, openapi, plc_page, stats, status, timeline, trends

    for module in (live, api, events_page, timeline, stats, trends, plc_page, status, openapi):
        app.register_blueprint(module.blueprint)
