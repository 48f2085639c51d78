"""Sections of the configuration, the environment and the command line into the dataclasses that describe them."""

from __future__ import annotations

import difflib
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..texts.catalogue import Text, say
from .options import Fault, Option, check, options_of, show


class SectionReader:
    """Reads by the options at the fields and gathers the faults of everything it reads, each with its path.

    `environ` holds variables (`CONECTPY_PORT`), `arguments` the command line by argument (`port`; None: not given);
    the command line goes before the environment, the environment before the file.
    """

    def __init__(self, environ: Mapping[str, str], arguments: Mapping[str, Any]) -> None:
        self._faults: Dict[Text, None] = {}  # in order, each once: two options may share a variable
        self._environ = environ
        self._arguments = arguments

    def add(self, where: str, fault: Text) -> None:
        """One more fault of what stands at `where`."""
        self._faults[say("settings.at", where=where, fault=fault) if where else fault] = None

    @property
    def faults(self) -> List[Text]:
        """One line for each fault so far."""
        return list(self._faults)

    def read(
        self, section: type, source: Any, where: str = "", *, driver: Optional[str] = None, also: Sequence[str] = ()
    ) -> Dict[str, Any]:
        """The values given for a section, by field; what is left out or wrong is left out.

        `driver` None: every option applies. `also` are keys that somebody else reads.
        """
        options = options_of(section)
        if not isinstance(source, Mapping):
            self.add(where, say("settings.keys", key=options[0].name, value=show(source)))
            source = {}
        self._report_unknown(where, source, [*also, *_keys(options)])
        values: Dict[str, Any] = {}
        for option in options:
            self._read_option(option, source, where, driver, values)
        return values

    def build(self, section: Any, source: Any, where: str, driver: Optional[str] = None) -> Any:
        """A section as its dataclass; None where a required option is missing."""
        values = self.read(section, source, where, driver=driver)
        if any(option.is_required and option.name not in values for option in options_of(section)):
            return None
        built = section(**values)
        for conflict in getattr(built, "conflicts", tuple)():
            self.add(where, conflict)
        return built

    def _read_option(
        self, option: Option, source: Mapping[str, Any], where: str, driver: Optional[str], values: Dict[str, Any]
    ) -> None:
        path = f"{where}.{option.name}" if where else option.name
        given = source.get(option.name)
        if option.driver and driver and option.driver != driver:
            for key in _keys([option]):
                if key in source:
                    self.add(f"{where}.{key}", say("settings.other_driver", driver=option.driver, actual=driver))
        elif option.is_flat:
            inner = {key: source[key] for key in _keys([option]) if key in source}
            values[option.name] = self.build(option.section, inner, where, driver)
        elif option.kind == "section" and not (given is None and option.is_optional):
            values[option.name] = self.build(option.section, _as_mapping(option, given), path, driver)
        elif option.kind == "sections":
            values[option.name] = self._read_list(option, given, path, driver)
        else:
            self._read_value(option, given, path, values)

    def _read_list(self, option: Option, given: Any, path: str, driver: Optional[str]) -> Tuple[Any, ...]:
        if not isinstance(given, (list, tuple, type(None))):
            self.add(path, say("settings.list", value=show(given)))
            return ()
        built = [
            self.build(option.section, _as_mapping(option, item), f"{path}[{number}]", driver)
            for number, item in enumerate(given or ())
        ]
        return tuple(one for one in built if one is not None)

    def _read_value(self, option: Option, given: Any, path: str, values: Dict[str, Any]) -> None:
        argument = self._arguments.get(option.argument) if option.argument else None
        where, value, is_text = path, given, False
        if option.flag and argument is not None:
            where, value, is_text = option.flag.split()[0], argument, True
        elif option.variable and self._environ.get(option.variable):
            where, value, is_text = option.variable, self._environ[option.variable], True
        if value is None:
            if option.is_required:
                self.add(path, say("settings.missing"))
            return
        try:
            values[option.name] = check(option, value, is_text)
        except Fault as fault:
            self.add(where, fault.text)

    def _report_unknown(self, where: str, source: Mapping[Any, Any], known: Sequence[str]) -> None:
        prefix = f"{where}." if where else ""
        for key in source:
            if key not in known:
                near = difflib.get_close_matches(show(key), known, 1)
                hint = say("settings.unknown_near", near=near[0]) if near else say("settings.unknown", known=known)
                self.add(f"{prefix}{show(key)}", hint)


def _keys(options: Sequence[Option]) -> List[str]:
    """The keys that these options have in a file; those of a flat section stand for it."""
    found: List[str] = []
    for option in options:
        found += _keys(options_of(option.section)) if option.is_flat else [option.name]
    return found


def _as_mapping(option: Option, given: Any) -> Any:
    """A section as a mapping, also where a single value stands for it."""
    if given is None:
        return {}
    return {option.shorthand: given} if option.shorthand and not isinstance(given, Mapping) else given
