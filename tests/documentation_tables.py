"""The tables of documentation.md that follow from the code. `python -m tests.documentation_tables` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Literal, Sequence, Tuple

from conectpy.facts.meanings import Key, keys_of
from conectpy.facts.plc_facts import COMMON_PARTS, LogixFacts, OpcUaFacts, TagEntry, TagFields
from conectpy.settings.options import Option, default_text, options_of, values_text, walk_options
from conectpy.settings.types import DatabaseSettings, OpcUaSettings, PlcSettings, Settings, TagSettings, WebSettings

DOCUMENT = Path(__file__).resolve().parents[1] / "documentation.md"
CONFIG_ROW = ("`--config FILE.yml`", "`CONECTPY_CONFIG`", "the file to read instead of `PLCS`")
ONCE_ROW = (
    "`--once`",
    "`CONECTPY_ONCE`",
    "one scan of every PLC as a table; exit status 0 if every value was good, else 1",
)


def options_table(section: type) -> List[str]:
    """The options of a section; those of a flat section have a table of their own."""
    options = [option for option in options_of(section) if not option.is_flat]
    has_variables = any(option.variable for option in options)
    head = ["key", "value", "default", *(["variable"] if has_variables else []), "meaning"]
    return _table(head, [_option_cells(option, has_variables) for option in options])


def _option_cells(option: Option, has_variables: bool) -> List[str]:
    variable = f"`{option.variable}`" if option.variable else ""
    default = default_text(option)
    return [f"`{option.name}`", values_text(option), default, *([variable] if has_variables else []), option.meaning]


def flags_table() -> List[str]:
    """The monitor's command line."""
    flags = [option for option in walk_options(Settings) if option.flag]
    rows = [(f"`{option.flag}`", f"`{option.variable}`", option.meaning) for option in flags]
    return _table(("command line", "variable", "meaning"), [CONFIG_ROW, *rows, ONCE_ROW])


def keys_table(*parts: Any) -> List[str]:
    """The keys of TypedDicts that `/data` serves."""
    rows = [[f"`{key.name}`", _kind_of(key), key.meaning.text] for key in keys_of(*parts)]
    return _table(("key", "value", "meaning"), rows)


def _kind_of(key: Key) -> str:
    hint, inner, null = key.hint, getattr(key.hint, "__args__", ()), ""
    if type(None) in inner:
        hint, null = inner[0], " or null"
    if key.meaning.format:
        return f"time{null}"
    origin = getattr(hint, "__origin__", None)
    if origin is Literal:
        return ", ".join(inner)
    if origin is dict:
        return f"texts by language{null}"
    return ("list of `{ts, text, code, texts}`" if origin is list else KINDS[hint]) + null


KINDS: Dict[Any, str] = {str: "text", float: "number", int: "whole number", bool: "true, false", Any: "any"}

TABLES: Dict[str, Callable[[], List[str]]] = {
    "Configuration": flags_table,
    "A PLC": lambda: options_table(PlcSettings),
    "A tag": lambda: options_table(TagSettings),
    "OPC UA": lambda: options_table(OpcUaSettings),
    "`database`": lambda: options_table(DatabaseSettings),
    "`web`": lambda: options_table(WebSettings),
    "Top level": lambda: options_table(Settings),
    "`_meta` of every PLC": lambda: keys_table(*COMMON_PARTS),
    "`_meta` of a Logix PLC": lambda: keys_table(LogixFacts),
    "`_meta` of an OPC UA server": lambda: keys_table(OpcUaFacts),
    "The entry of a tag": lambda: keys_table(TagFields, TagEntry),
}
"""Heading -> the first table under it."""


def table_under(heading: str, text: str) -> str:
    """The first table after a heading; fails when there is none before the next heading."""
    start, end = _place_of(heading, text)
    return text[start:end]


def _place_of(heading: str, text: str) -> Tuple[int, int]:
    found = re.search(rf"^#+ {re.escape(heading)}\n(?:(?!#+ |\|).*\n)*((?:\|.*\n)+)", text, re.M)
    assert found, f"documentation.md: no table under {heading}"
    return found.span(1)


def main() -> None:
    """Write every table into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for heading, make in TABLES.items():
        start, end = _place_of(heading, text)
        text = text[:start] + "".join(f"{line}\n" for line in make()) + text[end:]
    with DOCUMENT.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> List[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" if cells[0] != "---" else "|" + "---|" * len(cells) for cells in lines]


if __name__ == "__main__":
    main()
