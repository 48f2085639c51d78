"""Text files as people save them, which on Windows need not be UTF-8."""

from __future__ import annotations

import codecs

from ..texts.catalogue import say

MAX_BYTES = 32 * 2**20


def read_text(path: str) -> str:
    """The text of a file in UTF-8, or in the UTF-16 that PowerShell's `>` and Notepad's "Unicode" write.

    Raises OSError, or ValueError with what to do for any other encoding.
    """
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(say("file.large", limit=MAX_BYTES >> 20))
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as exc:
        if is_utf16:
            raise ValueError(say("file.not_utf8")) from exc
        line = len(data[: exc.start + 1].splitlines())
        raise ValueError(say("file.not_utf8_at", line=line)) from exc
    if "\0" in text:  # UTF-16 without its mark
        raise ValueError(say("file.not_utf8"))
    return text
