"""Texts for the public: of a file of this machine they tell the name, not where it lies."""

from __future__ import annotations

import re
from typing import Any

_WINDOWS = r"(?:[A-Za-z]:[\\/]|\\\\)(?:[^\\/'\":;,\n]+[\\/])+"
_POSIX = r"/(?:[^/\s'\":;,()]+/)+"
_FOLDERS = re.compile(rf"(?<![\w/:.\\])(?:{_WINDOWS}|{_POSIX})")


def hide_folders(words: str) -> str:
    """The words with each absolute path cut down to its last part. Addresses (`10.1.1.1/a/b`, `opc.tcp://x/y`) stay."""
    return _FOLDERS.sub("", words) if "/" in words or "\\" in words else words


def hide_all_folders(document: Any) -> Any:
    """A JSON document with `hide_folders` done to each text in it, but not to keys."""
    if isinstance(document, str):
        return hide_folders(document)
    if isinstance(document, dict):
        return {key: hide_all_folders(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [hide_all_folders(value) for value in document]
    return document
