"""What is known of a PLC's configured tags, and the plan that follows from it. Used by the PLC's thread alone.

Definitions and layouts outlive the connection: they lie in the driver's memory, with the state of the program that
they belong to.
"""

from __future__ import annotations

import logging
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from ...models import Sample
from ...texts.catalogue import say, text_of
from ..base import DriverMemory
from .data_types import Definition
from .scan_frame import Frame, Pair
from .scan_plan import Plan, Read, estimate_frames, make_plan
from .struct_layouts import Layout, Search, find_layouts
from .tag_paths import TagPath, TagSyntaxError, parse_tag
from .tag_probe import Ask, Measure, find_definitions

log = logging.getLogger(__name__)


class TagBook:
    """The tags with these names; `memory` is the driver's.

    `news` are samples of tags that no request can read, to be told by the next scan.
    """

    def __init__(self, names: Sequence[str], memory: DriverMemory) -> None:
        self.names = names
        self.news: List[Pair] = []
        self._memory = memory
        self._definitions: Dict[str, Definition] = memory.setdefault("definitions", {})
        self._layouts: Dict[str, Layout] = memory.setdefault("layouts", {})
        if memory.setdefault("names", names) != names:  # other tags may make a layout worth having
            memory["names"], memory["is_searched"] = names, False
        self._separate: Set[str] = set()  # keys of elements whose range or structure could not be read
        self._crowded: Set[str] = set()  # keys of reads whose reply found no room in its frame
        self._faulty: Set[int] = set()  # tags that no request can read
        self._paths: Dict[int, TagPath] = {}
        for number, name in enumerate(names):
            try:
                self._paths[number] = parse_tag(name)
            except TagSyntaxError as exc:
                self.news.append((name, Sample(None, text_of(exc))))

    # -- definitions ---------------------------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """Whether no definition is known, from this connection or an earlier one."""
        return not self._definitions

    def note_program(self, changes: Optional[bytes], plc_name: str) -> None:
        """Forget what belongs to another state of the program; `changes` None: the controller does not tell."""
        if changes is None or self._memory.get("changes") != changes:
            if self._definitions:
                log.info(say("logix.program_changed", plc=plc_name))
            self._definitions.clear()
            self._layouts.clear()
            self._memory["is_searched"] = False
        self._memory["changes"] = changes

    def find_all(self, ask: Ask, measure: Measure) -> None:
        """Find the definitions of all tags."""
        self._definitions.update(find_definitions(self._paths.values(), ask, measure))

    def unknown(self) -> Set[int]:
        """Tags without a definition."""
        return {number for number, path in self._paths.items() if path.key not in self._definitions}

    def hopeless(self) -> Set[int]:
        """Bad tags that the frames do not find again by themselves: those of a type that cannot be read, and indexes
        without a definition (they may be bits of a BOOL array, whose words have other indexes)."""
        return {number for number in self.unknown() if self._paths[number].index} | self._faulty

    def find_again(self, numbers: Iterable[int], ask: Ask, measure: Measure) -> bool:
        """Find the definitions of these tags (again); whether any has become another."""
        paths = [self._paths[number] for number in numbers]
        before = {path.key: self._definitions.pop(path.key, None) for path in paths}
        if paths:
            self._definitions.update(find_definitions(paths, ask, measure))
        return any(self._definitions.get(key) != definition for key, definition in before.items())

    def note_unfit(self, frames: Iterable[Frame]) -> bool:
        """Ask otherwise for what could not be read together; whether there was any."""
        before = len(self._separate) + len(self._crowded)
        for frame in frames:
            self._separate.update(key for read in frame.doubtful if read.is_range for key in read.keys)
            self._crowded.update(key for read in frame.crowded for key in read.keys)
        return len(self._separate) + len(self._crowded) > before

    # -- plan ----------------------------------------------------------------------------------------------------------

    def make_plan(self, room_bytes: int, is_multiple: bool, with_mode: bool) -> Plan:
        """The plan for all tags, from what is known now."""
        plan = make_plan(
            self._paths,
            self._definitions,
            room_bytes,
            is_multiple,
            self._separate,
            self._crowded,
            with_mode,
            self._layouts,
        )
        self._faulty = {number for number, _ in plan.faulty}
        names = self.names
        self.news += [
            (names[number], Sample(None, say("tag.unfit", tag=names[number], fault=error)))
            for number, error in plan.faulty
        ]
        return plan

    def start_search(self, frames: Sequence[Sequence[Read]], ask: Ask, room_bytes: int) -> Optional[Search]:
        """A search for the layouts of structures, if reading some of them whole could save a frame of every scan."""
        parents = self._parents()
        if len(frames) < 2 or not parents or self._memory.get("is_searched"):
            return None
        by_element = {path.key: path.parent_key for path in self._paths.values()}

        def is_worth_it(layouts: Mapping[str, Layout]) -> bool:
            return estimate_frames(frames, by_element, layouts, room_bytes) < len(frames)

        return find_layouts(parents, ask, is_worth_it, room_bytes)

    def _parents(self) -> List[TagPath]:
        """Structures of which several members are wanted, and whose layout is not known."""
        members: Dict[str, Tuple[TagPath, Set[str]]] = {}
        for path in self._paths.values():
            if path.parent_key and path.parent_key not in self._layouts and path.key in self._definitions:
                members.setdefault(path.parent_key, (TagPath(path.parts[:-1]), set()))[1].add(path.key)
        return [parent for parent, keys in members.values() if len(keys) > 1]

    def note_layouts(self, layouts: Mapping[str, Layout]) -> None:
        """The search has ended with these."""
        self._memory["is_searched"] = True
        self._layouts.update(layouts)
