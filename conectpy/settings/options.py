"""What an option is: its kind, range, unit and meaning. Each stands at its field in types.py and nowhere else; the
reader, the command lines, the error texts and the tables in documentation.md come from there."""

from __future__ import annotations

import dataclasses
import reprlib
import unicodedata
from functools import lru_cache
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple, Union, get_type_hints

from ..texts.catalogue import Text, say
from ..timestamps import ZoneInfo

MAX_TEXT = 4096
_KEY = "option"
_SCALARS = {bool: "bool", int: "int", float: "float", str: "text"}
_UNPRINTABLE = ("Cc", "Zl", "Zp")  # control characters, line and paragraph separators


@dataclasses.dataclass(frozen=True)
class Option:
    """One option. `options_of` fills in name, kind, section, default, is_required and is_optional (None is taken)
    from the field that carries it.

    kind       text, choice, zone (IANA), int, float, bool, texts (a list), section (a mapping), sections (a list of
               mappings)
    low, high  the bounds of a number, in `unit`
    items      what a list holds, in the plural
    variable   environment variable that goes before the file
    flag       option of the command line, with its placeholder, that goes before both: "--port PORT"
    otherwise  what holds where it is left out, for people, when that is no fixed default
    driver     the only driver that has this option; None: any
    shorthand  the key of a section that may stand for the whole of it
    is_flat    the section's keys stand among those of the section that holds it
    """

    meaning: Text
    low: float = 0.0
    high: float = 0.0
    unit: str = ""
    choices: Tuple[str, ...] = ()
    kind: str = ""
    items: str = "texts"
    variable: Optional[str] = None
    flag: Optional[str] = None
    otherwise: str = ""
    driver: Optional[str] = None
    shorthand: Optional[str] = None
    is_flat: bool = False
    name: str = ""
    section: Any = None
    default: Any = None
    is_required: bool = False
    is_optional: bool = False

    @property
    def bounds(self) -> str:
        """`0.05 to 3600`: what a number may be."""
        return f"{number_text(self.low)} to {number_text(self.high)}"

    @property
    def argument(self) -> Optional[str]:
        """The flag as argparse names its value: `log_level` of `--log-level`."""
        return self.flag.split()[0].lstrip("-").replace("-", "_") if self.flag else None


class Fault(Exception):
    """One wrong value; its `text` says what it must be and what it is."""

    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self.text = text


def option(meaning: Text, low: float = 0.0, high: float = 0.0, **details: Any) -> Mapping[str, Option]:
    """The metadata of a dataclass's field that makes it an option: `field(default=1.0, metadata=option(...))`."""
    return {_KEY: Option(meaning, low, high, **details)}


@lru_cache(maxsize=None)
def options_of(section: type) -> Tuple[Option, ...]:
    """The options of a section, in the order of its fields; fields without metadata are no options."""
    hints = get_type_hints(section)
    return tuple(_complete(field, hints[field.name]) for field in dataclasses.fields(section) if _KEY in field.metadata)


def option_of(section: type, name: str) -> Option:
    """One option of a section. Raises KeyError."""
    return {found.name: found for found in options_of(section)}[name]


def walk_options(section: type) -> Iterator[Option]:
    """Every option of a section and of the sections in it, not of lists."""
    for found in options_of(section):
        yield found
        if found.kind == "section":
            yield from walk_options(found.section)


def _complete(field: dataclasses.Field[Any], hint: Any) -> Option:
    known: Option = field.metadata[_KEY]
    kind, section = _kind_of(hint)
    has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    return dataclasses.replace(
        known,
        name=field.name,
        kind=known.kind or ("choice" if known.choices else kind),
        section=section,
        default=None if field.default is dataclasses.MISSING else field.default,
        is_required=not (has_default or known.otherwise),
        is_optional=_is_optional(hint),
    )


def _kind_of(hint: Any) -> Tuple[str, Any]:
    """The kind that a field's type gives, and the dataclass of a section."""
    inner: Tuple[Any, ...] = getattr(hint, "__args__", ())
    if _is_optional(hint):
        return _kind_of(next(one for one in inner if one is not type(None)))
    if getattr(hint, "__origin__", None) is tuple and inner[1:] == (Ellipsis,):
        kind, section = _kind_of(inner[0])
        return {"text": "texts", "section": "sections"}[kind], section
    if dataclasses.is_dataclass(hint):
        return "section", hint
    return _SCALARS[hint], None


def _is_optional(hint: Any) -> bool:
    return getattr(hint, "__origin__", None) is Union and type(None) in hint.__args__


# -- values ------------------------------------------------------------------------------------------------------------


def check(known: Option, value: Any, is_text: bool = False) -> Any:
    """The value in its type, or Fault. `is_text`: from the environment or command line, where numbers are text."""
    if known.kind in ("int", "float"):
        return _check_number(known, value, is_text)
    if known.kind == "bool":
        return _check_bool(value, is_text)
    if known.kind == "texts":
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) and part.strip() for part in parts):
            raise Fault(say("settings.list_of", items=known.items, value=show(value)))
        return tuple(_check_text(part).strip() for part in parts)
    _check_text(value)
    if known.kind == "choice":
        found = {choice.lower(): choice for choice in known.choices}.get(value.strip().lower())
        if found is None:
            raise Fault(say("settings.choice", choices=known.choices, value=show(value)))
        return found
    return check_zone(value) if known.kind == "zone" else value


def _check_text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        is_boolean = isinstance(value, bool)
        raise Fault(say("settings.text_quoted" if is_boolean else "settings.text", value=show(value)))
    if len(value) > MAX_TEXT:
        raise Fault(say("settings.long", limit=MAX_TEXT, count=len(value)))
    if any(unicodedata.category(letter) in _UNPRINTABLE for letter in value):
        raise Fault(say("settings.control", value=show(ascii(value))))
    return value


def _check_bool(value: Any, is_text: bool) -> bool:
    if is_text and str(value).lower() in ("true", "false", "1", "0"):
        return str(value).lower() in ("true", "1")
    if not isinstance(value, bool):
        raise Fault(say("settings.bool", value=show(value)))
    return value


def _check_number(known: Option, value: Any, is_text: bool) -> Any:
    low, high, shown = number_text(known.low), number_text(known.high), show(value)
    if is_text:
        try:
            value = int(value) if known.kind == "int" else float(value)
        except ValueError:
            raise Fault(say("settings.number", low=low, high=high, value=shown)) from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Fault(say("settings.number", low=low, high=high, value=shown))
    if known.kind == "int" and not isinstance(value, int):
        raise Fault(say("settings.whole", low=low, high=high, value=shown))
    if not known.low <= value <= known.high:
        raise Fault(say("settings.number", low=low, high=high, value=shown))
    return value if known.kind == "int" else float(value)


def check_zone(name: str) -> str:
    """An IANA zone name that this machine knows, or Fault."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Fault(say("settings.zone", value=show(name))) from None
    return name


# -- texts -------------------------------------------------------------------------------------------------------------


class _Brief(reprlib.Repr):
    """`repr` that stays short whatever it is given: a YAML file of 300 bytes can hold a list of 10^9 items."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 10
        self.maxstring = self.maxother = self.maxlong = 80

    def repr_int(self, x: int, level: int) -> str:
        return str(x) if x.bit_length() < 256 else "a number of more than 70 digits"


_brief = _Brief()


def show(value: Any) -> str:
    """A value as an error names it: on one line, not too long."""
    text = value[:400] if isinstance(value, str) else _brief.repr(value)
    text = " ".join(text.split()) or say("nothing")
    return text if len(text) <= 80 else text[:77] + "..."


def number_text(number: float) -> str:
    """A bound as people write it: 3600000, 0.05."""
    return f"{number:.12g}"


def values_text(known: Option) -> str:
    """What an option takes, for people: `0.05 to 3600 s`, `poll, subscribe`, `text`."""
    if known.kind in ("int", "float"):
        return f"{known.bounds} {known.unit}".rstrip()
    if known.kind == "choice":
        return ", ".join(known.choices)
    kinds: Dict[str, str] = {
        "bool": "true, false",
        "zone": "IANA zone",
        "texts": f"list of {known.items}",
        "section": "mapping",
        "sections": "list of mappings",
    }
    return kinds.get(known.kind, known.kind)


def default_text(known: Option) -> str:
    """What holds where the option is left out, for people; empty for nothing."""
    if known.otherwise or known.default in (None, "", ()):
        return known.otherwise
    if isinstance(known.default, bool):
        return str(known.default).lower()
    return number_text(known.default) if isinstance(known.default, (int, float)) else str(known.default)
