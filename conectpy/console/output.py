"""Log and error lines in the language of the process."""

from __future__ import annotations

import copy
import logging
import sys
from typing import Mapping

from ..errors import ConectpyError
from ..texts.catalogue import LANGUAGES, Text

VARIABLE = "CONECTPY_LANGUAGE"


class LanguageFormatter(logging.Formatter):
    """Says the text of a record in `language`, with its advice; what is no Text as it is. Any thread.

    `%(speaker)s` is the thread's name and a colon, or nothing where the words begin with the same name.
    """

    def __init__(self, form: str, language: str) -> None:
        super().__init__(form)
        self._language = language

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line. Other handlers see it as it was."""
        text = record.msg
        words = text.in_language(self._language) if isinstance(text, Text) else record.getMessage()
        record = copy.copy(record)
        record.msg, record.args = words, None
        record.speaker = _speaker(record.threadName or "", words)
        return super().format(record)


def _speaker(thread: str, words: str) -> str:
    """The thread that says it, unless it is a PLC's and the words name that PLC themselves."""
    is_named = thread.startswith("plc-") and thread[4:].split(" (")[0] in words
    return "" if is_named or not thread else f"{thread}: "


def language_of(environ: Mapping[str, str]) -> str:
    """The language before any setting is read: that of the variable, else English."""
    asked = environ.get(VARIABLE, "").strip().lower()
    return asked if asked in LANGUAGES else LANGUAGES[0]


def print_error(exc: ConectpyError, language: str, prefix: str = "") -> int:
    """The error on standard error, a line for each fault; returns the exit status that it asks for."""
    for line in exc.text.in_language(language).splitlines():
        print(f"{prefix}{line}", file=sys.stderr)
    return exc.exit_status
