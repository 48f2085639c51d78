"""`say`: a text for people by its code. The areas beside this module hold what each code says in each language.

A text has words that say what is the case and, where a person can do something, advice that says what to do. A template
names what is filled in: `{plc}`; `{count|tag|tags}` chooses the word by a number that stands elsewhere in
it; `{faults:; }` joins several with what follows the colon; `{{` and `}}` are braces. What is filled in may be a Text
itself: it follows the language of the whole.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Match, Tuple

from . import (
    base_texts,
    certificate_texts,
    collector_texts,
    console_texts,
    control_texts,
    logix_texts,
    opcua_texts,
    option_texts,
    os_errors,
    server_texts,
    settings_texts,
    store_texts,
    web_texts,
)
from .outside import clean

LANGUAGES = ("en", "es")
"""English is what a Text is as a str, and what stands in for a language that is not known."""
TEXTS: Dict[str, Tuple[str, ...]] = {}
"""Code -> English and Spanish words, and where there is one, English and Spanish advice."""
for _area in (
    base_texts,
    certificate_texts,
    collector_texts,
    console_texts,
    control_texts,
    logix_texts,
    opcua_texts,
    option_texts,
    os_errors,
    server_texts,
    settings_texts,
    store_texts,
    web_texts,
):
    TEXTS.update(_area.TEXTS)

_HOLE = re.compile(r"\{\{|\}\}|\{(\w+)(?:\|([^|{}]*)\|([^|{}]*)|:([^{}]*))?\}")


class Text(str):
    """A text that knows how to say itself in English and Spanish. Made by `say`; immutable, any thread.

    As a str it is the English words without the advice: what programs and tests compare. `code` names it and stays
    when its words are improved; `args` is what was filled in.
    """

    code: str
    args: Dict[str, Any]
    _said: Dict[str, str]

    def in_language(self, language: str) -> str:
        """Words and advice for a person, in `en` or `es`, as a plain str."""
        language = language if language in LANGUAGES else LANGUAGES[0]
        if language not in self._said:  # kept: the last errors of a PLC are served again with every scan
            entry = TEXTS.get(self.code, (self.code,) * len(LANGUAGES))
            said = entry[LANGUAGES.index(language) :: len(LANGUAGES)]
            parts = [_fill(part, self.args, lambda one: one.in_language(language)) for part in said]
            self._said[language] = "; ".join(part for part in parts if part)
        return self._said[language]

    def words_in(self, language: str) -> str:
        """The same without the advice, for a table and what is said again and again."""
        if language not in LANGUAGES[1:]:
            return str(self)
        entry = TEXTS.get(self.code, (self.code,) * len(LANGUAGES))
        return _fill(entry[LANGUAGES.index(language)], self.args, lambda one: one.words_in(language))


def say(code: str, /, **args: Any) -> Text:
    """The text with this code. Arguments are str, numbers, Texts, None or lists of such.

    Never raises: a fault that cannot be put into words would hide the one that it is about.
    """
    text = Text(_fill(TEXTS.get(code, (code,))[0], args, str))
    text.code, text.args, text._said = code, args, {}
    return text


def as_text(words: str) -> Text:
    """A Text as it is; words that have no code (a library's, a file's) as a Text that says them in every language."""
    if isinstance(words, Text):
        return words
    return say("lines", items=words.splitlines()) if "\n" in words else say("plain", words=words)


def text_of(exc: BaseException) -> Text:
    """What an exception says: its Text if it was raised with one, else the system's or the library's own words."""
    for words in exc.args[:2]:  # an OSError has its number first
        if isinstance(words, Text):
            return words
    if isinstance(exc, OSError):
        code = os_errors.code_of(exc)
        return say(code) if code else as_text(str(exc.strerror or exc) or type(exc).__name__)
    return as_text(str(exc) or type(exc).__name__)


def _fill(template: str, args: Dict[str, Any], say_inner: Callable[[Text], str]) -> str:
    """`say_inner` says a Text that is filled in."""

    def hole(match: Match[str]) -> str:
        name, one, other, between = match.groups()
        if name is None:
            return match.group()[0]
        if name not in args:
            return match.group()
        if one is not None:
            return str(one if args[name] == 1 else other)
        return _words(args[name], say_inner, ", " if between is None else between)

    return _HOLE.sub(hole, template)


def _words(value: Any, say_inner: Callable[[Text], str], between: str) -> str:
    if isinstance(value, Text):
        return say_inner(value)
    if isinstance(value, (list, tuple)):
        parts: List[str] = [_words(item, say_inner, between) for item in value]
        return between.join(parts)
    if isinstance(value, float):
        return f"{value:g}"
    return clean(str(value))
