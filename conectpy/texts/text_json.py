"""A Text as JSON values and back: it crosses to another process, which says it in the language of who reads there.

    {"code": "link.timeout", "args": {"host": "10.0.0.1", "port": 44818, "seconds": 3.0}, "words": "no answer from ..."}

`words` is the English, for a side that does not know the code. What comes from the other side is bounded.
"""

from __future__ import annotations

from typing import Any

from .catalogue import TEXTS, Text, as_text, say
from .outside import MAX_LETTERS

MAX_DEPTH = 8
MAX_ITEMS = 1000
"""Items of a list, arguments of a text."""


def to_json(value: Any, depth: int = MAX_DEPTH) -> Any:
    """JSON values of a Text, or of what is filled into one. Never raises."""
    if isinstance(value, Text):
        if depth <= 0:
            return str(value)
        args = {name: to_json(one, depth - 1) for name, one in value.args.items()}
        return {"code": value.code, "args": args, "words": str(value)}
    if isinstance(value, (list, tuple)):
        return [to_json(one, depth - 1) for one in value[:MAX_ITEMS]] if depth > 0 else str(value)[:MAX_LETTERS]
    return value if value is None or isinstance(value, (bool, int, str)) else _plain(value)


def _plain(value: Any) -> Any:
    is_finite = isinstance(value, float) and value - value == 0  # JSON has neither infinity nor NaN
    return value if is_finite else str(value)[:MAX_LETTERS]


def from_json(value: Any, words: str) -> Text:
    """The Text that `to_json` made; `words` as they are where it is none, or one whose code is not known here."""
    found = _read(value, MAX_DEPTH)
    return found if isinstance(found, Text) else as_text(words)


def _read(value: Any, depth: int) -> Any:
    if isinstance(value, list):
        return [_read(one, depth - 1) for one in value[:MAX_ITEMS]] if depth > 0 else ""
    if not isinstance(value, dict):
        return value
    code, args, words = value.get("code"), value.get("args"), value.get("words")
    if depth > 0 and isinstance(code, str) and code in TEXTS and isinstance(args, dict) and len(args) <= MAX_ITEMS:
        return say(code, **{str(name): _read(one, depth - 1) for name, one in args.items()})
    return words if isinstance(words, str) else ""
