"""The command line of options: argparse from the fields that describe them, and checks of what it read."""

from __future__ import annotations

import argparse
from typing import Any, Dict, Mapping, Optional

from ..errors import ConfigError
from ..texts.catalogue import say
from .options import Fault, Option, check, default_text, values_text, walk_options


def add_flags(parser: argparse.ArgumentParser, section: type, language: str) -> None:
    """Every option of a section, and of the sections in it, that has a flag; what is not given is None.

    The values stay text: `load_settings` checks them together with the file's and the environment's.
    """
    for option in walk_options(section):
        if option.flag:
            add_flag(parser, option, option.flag, language)


def add_flag(
    parser: argparse.ArgumentParser, option: Option, flag: str, language: str, default: Optional[str] = None
) -> None:
    """One option under a flag with its placeholder (`--interval S`); `default` is what the help says holds otherwise.

    A bool has no placeholder: its flag says true.
    """
    name, _, placeholder = flag.partition(" ")
    details = (values_text(option) if option.kind not in ("text", "bool") else "", default or default_text(option))
    note = "; ".join(detail for detail in details if detail)
    meaning = option.meaning.in_language(language)
    text = (f"{meaning} ({note})" if note else meaning).replace("%", "%%")
    if option.kind == "bool":
        parser.add_argument(name, action="store_true", default=None, help=text)
    else:
        parser.add_argument(name, metavar=placeholder, help=text)


def check_flags(arguments: Mapping[str, Any], options: Mapping[str, Option]) -> Dict[str, Any]:
    """What was given on a command line, in its types, by flag (`--interval` -> option, with or without placeholder).

    Raises ConfigError that names every fault.
    """
    faults, values = [], {}
    for flag, option in options.items():
        name = flag.split()[0]
        value = arguments.get(name.lstrip("-").replace("-", "_"))
        if value is None:
            continue
        try:
            values[name] = check(option, value, is_text=isinstance(value, str))
        except Fault as fault:
            faults.append(say("settings.at", where=name, fault=fault.text))
    if faults:
        raise ConfigError(faults)
    return values
