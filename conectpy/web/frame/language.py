"""Spanish and English: which one a request gets."""

from __future__ import annotations

from typing import Any, Optional

from flask import Flask, g, request
from flask_babel import Babel, gettext

LANGUAGES = ("en", "es")
COOKIE = "language"
COOKIE_S = 365 * 24 * 3600


def translate(message: str, **values: Any) -> str:
    """The message in the language of the request; only inside one. Imported as `_`, the name that catalogs know."""
    return str(gettext(message, **values))


def register_languages(app: Flask, fixed: Optional[str]) -> None:
    """Choose by `?lang=`, then the cookie it sets, then `fixed` (`web.language` or `language`), then what the browser
    prefers; English else."""

    def choose() -> str:
        for wanted in (request.args.get("lang", ""), request.cookies.get(COOKIE, ""), fixed or ""):
            if wanted in LANGUAGES:
                return wanted
        return request.accept_languages.best_match(LANGUAGES, "en") or "en"

    def chosen() -> str:
        if "language" not in g:
            g.language = choose()
        return str(g.language)

    Babel(app, locale_selector=chosen)
    app.jinja_env.globals["current_language"] = chosen


def current_language() -> str:
    """`en` or `es`; only inside a request."""
    from flask_babel import get_locale

    locale = get_locale()
    return str(locale.language) if locale is not None and locale.language in LANGUAGES else "en"
