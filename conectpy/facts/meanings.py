"""The meaning of a key, written beside its type: `Annotated[int, Meaning("requests of one scan")]`."""

from __future__ import annotations

import sys
import typing
from typing import Any, List, NamedTuple

TIME = "date-time"
"""The format of a text that is a UTC time: ISO 8601, milliseconds, `Z`."""


class Meaning(NamedTuple):
    """What a key means, with its unit; `format` is `TIME` or empty, `is_optional` whether it may be left out."""

    text: str
    format: str = ""
    is_optional: bool = False


if sys.version_info >= (3, 9):
    from typing import Annotated
else:  # the same, as far as it is needed here

    class _Annotated:
        """A type with what is said of it. Callable, because `typing` takes nothing else for a type."""

        def __init__(self, origin: Any, said: Meaning) -> None:
            self.__origin__, self.__metadata__ = origin, (said,)

        def __call__(self) -> None:
            raise TypeError("is a type with a meaning, to be read only")

    class Annotated:
        """`Annotated[type, Meaning(...)]`."""

        def __class_getitem__(cls, arguments: Any) -> Any:
            return _Annotated(*arguments)


__all__ = ["TIME", "Annotated", "Key", "Meaning", "keys_of"]


class Key(NamedTuple):
    """One key of a TypedDict and its type."""

    name: str
    hint: Any
    meaning: Meaning


def keys_of(*parts: Any) -> List[Key]:
    """The keys of TypedDicts, one after the other, each once.

    Name a base before what derives from it where the order counts: Python 3.8 puts a base's keys last.
    """
    hints = {name: hint for part in reversed(parts) for name, hint in _hints(part).items()}
    ordered = dict.fromkeys(name for part in parts for name in _hints(part))
    return [Key(name, hints[name].__origin__, hints[name].__metadata__[0]) for name in ordered]


def _hints(part: Any) -> Any:
    if sys.version_info >= (3, 9):
        return typing.get_type_hints(part, include_extras=True)
    return typing.get_type_hints(part)
