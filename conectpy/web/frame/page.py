"""What every page has: its language, the plant's zone, the texts for the scripts."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple
from urllib.parse import urlencode

from flask import Flask, Response, current_app, render_template, request

from ...timestamps import to_text, utc_now
from .context import context
from .language import COOKIE, COOKIE_S, LANGUAGES, current_language
from .language import translate as _
from .responses import reply
from .script_texts import script_messages


def register_pages(app: Flask) -> None:
    """Give the templates what the frame of every page needs."""
    app.jinja_env.globals.update(
        navigation=_navigation, zone_name=lambda: context().zone_name, language_url=_language_url
    )


def page(template: str, **values: Any) -> Response:
    """Render a page; a language asked for by `?lang=` is remembered."""
    body = render_template(template, page_config=_config(), **values).encode()
    response = reply(body, "text/html")
    _remember_language(response)
    return response


def _config() -> Dict[str, Any]:
    """What the scripts need to know, as a JSON data block: no script is ever written into a page."""
    web = context()
    return {
        "language": current_language(),
        "zone": web.zone_name,
        "time": to_text(utc_now()),
        "messages": script_messages(),
    }


def _remember_language(response: Response) -> None:
    asked = request.args.get("lang")
    if asked in LANGUAGES:
        response.set_cookie(
            COOKIE, asked, max_age=COOKIE_S, samesite="Lax", httponly=True, secure=request.is_secure, path="/"
        )


def _navigation() -> List[Tuple[str, str]]:
    pages = [
        ("live.index", _("Live")),
        ("events_page.events", _("Events")),
        ("events_page.timeline", _("Timeline")),
        ("stats.hours", _("Run hours")),
        ("trends.index", _("Trends")),
    ]
    return [(endpoint, label) for endpoint, label in pages if endpoint in current_app.view_functions]


def _language_url(code: str) -> str:
    query = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    return f"{request.path}?{urlencode([*query, ('lang', code)])}"
