"""`Plant`: the one owner of the settings in force. Who needs a name or a label asks here and keeps no copy."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Callable, Dict, ItemsView, Iterator, KeysView, Mapping, NamedTuple, Optional, Tuple, TypeVar

from ..settings.types import PlcSettings, Settings
from .diff import Diff, compare

K = TypeVar("K")
V = TypeVar("V")

TagKey = Tuple[str, str]
"""(PLC address, tag)."""


class _Known(NamedTuple):
    """What follows from one version of the settings, made once; swapped as a whole."""

    settings: Settings
    names: Dict[str, str]
    labels: Dict[TagKey, str]


class Plant:
    """The settings in force. Any thread may ask: each answer comes out of one version, and nothing waits."""

    def __init__(self, settings: Settings) -> None:
        self._known = _index(settings, {}, {})
        self._replacing = threading.Lock()  # guards the step from one version to the next
        self.names: Mapping[str, str] = _Live(lambda: self._known.names)
        """Address -> name, as of now. A PLC that has left keeps its last name here: its last rows are still written."""
        self.labels: Mapping[TagKey, str] = _Live(lambda: self._known.labels)
        """(address, state tag) -> label, as of now; with those of tags that have left."""

    @property
    def current(self) -> Settings:
        """All settings in force, one immutable value."""
        return self._known.settings

    def replace(self, settings: Settings) -> Diff:
        """Put these settings in force and say what that changes.

        Only the PLCs follow at once. What is read once at start (the database's place, the web's port ...) stays in
        force as it was and is named in `Diff.restart`. Which PLCs this program simulates is no setting: that stays.
        """
        with self._replacing:
            known = self._known
            simulated = {plc.address for plc in known.settings.plcs if plc.is_simulated}
            marked = tuple(replace(plc, is_simulated=plc.address in simulated) for plc in settings.plcs)
            diff = compare(known.settings, replace(settings, plcs=marked))
            self._known = _index(replace(known.settings, plcs=marked), known.names, known.labels)
            return diff

    def find_plc(self, name: str) -> Optional[PlcSettings]:
        """The PLC with this address or, where there is none, with this name; None: there is no such PLC."""
        plcs = self.current.plcs
        by_name = next((plc for plc in plcs if plc.name == name), None)
        return next((plc for plc in plcs if plc.address == name), by_name)

    def name_of(self, address: str) -> str:
        """The name that people know the PLC by; the address of one that was never configured in this run."""
        return self.names.get(address, address)

    def label_of(self, address: str, tag: str) -> str:
        """The name that people know the state tag by; the tag itself where none is known."""
        return self.labels.get((address, tag), tag)


class _Live(Mapping[K, V]):
    """A mapping that is another one after each change. Each call looks at one version from its start to its end."""

    def __init__(self, current: Callable[[], Mapping[K, V]]) -> None:
        self._current = current

    def __getitem__(self, key: K) -> V:
        return self._current()[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def items(self) -> ItemsView[K, V]:
        return self._current().items()

    def keys(self) -> KeysView[K]:
        return self._current().keys()


def _index(settings: Settings, names: Mapping[str, str], labels: Mapping[TagKey, str]) -> _Known:
    """The settings with their names and labels, on top of those that were known before."""
    now_names = {plc.address: plc.name for plc in settings.plcs}
    now_labels = {(plc.address, tag.tag): tag.label for plc in settings.plcs for tag in plc.tags if tag.is_state}
    return _Known(settings, {**names, **now_names}, {**labels, **now_labels})
