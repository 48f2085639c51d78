"""Texts from the other side of a line, from a file or a library: short, on one line, harmless where they are shown."""

from __future__ import annotations

from typing import Optional

MAX_LETTERS = 300
MARK = "\N{REPLACEMENT CHARACTER}"


def clean(text: str, limit: Optional[int] = MAX_LETTERS) -> str:
    """The text with spaces for line ends and marks for control characters, cut to `limit` letters (None: not cut)."""
    if limit is not None and len(text) > limit:
        text = text[: limit - 3] + "..."
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else MARK for letter in text)
