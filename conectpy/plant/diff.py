"""What differs between two plants: which PLCs are new, gone, or read otherwise from now on. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Dict, FrozenSet, List, NamedTuple, Tuple

from ..settings.types import PlcSettings, Settings, TagSettings

IN_PLACE: FrozenSet[str] = frozenset(
    {"name", "interval_s", "tag_lost_s", "comm_delay_s", "chatter_count", "chatter_window_s", "is_simulated"}
)
"""Options of a PLC that its connection knows nothing of; an option that is not listed here needs a new one."""

TAG_IN_PLACE: FrozenSet[str] = frozenset({"label", "unit", "decimals", "on_delay_s", "off_delay_s"})


class TagChange(NamedTuple):
    """A tag that is there before and after; `options` names what differs."""

    before: TagSettings
    after: TagSettings
    options: Tuple[str, ...]


@dataclass(frozen=True)
class PlcChange:
    """A PLC (by its address) that is there before and after. `options` names what differs, `tags` aside."""

    before: PlcSettings
    after: PlcSettings
    options: Tuple[str, ...]
    tags_added: Tuple[TagSettings, ...]
    tags_removed: Tuple[TagSettings, ...]
    tags_changed: Tuple[TagChange, ...]

    @property
    def needs_connection(self) -> bool:
        """Whether the PLC has to be connected to anew: its scan asks for other tags, or asks in another way."""
        is_other_scan = bool(self.tags_added or self.tags_removed)
        is_other_tag = any(set(change.options) - TAG_IN_PLACE for change in self.tags_changed)
        return is_other_scan or is_other_tag or bool(set(self.options) - IN_PLACE)


@dataclass(frozen=True)
class Diff:
    """From one plant to the next. `restart` names the options that differ and are read only at start: `web.port`."""

    added: Tuple[PlcSettings, ...] = ()
    removed: Tuple[PlcSettings, ...] = ()
    reconnected: Tuple[PlcChange, ...] = ()
    updated: Tuple[PlcChange, ...] = ()
    restart: Tuple[str, ...] = ()

    @property
    def changed(self) -> Tuple[PlcChange, ...]:
        """The PLCs that stay and change, with a new connection or without."""
        return self.reconnected + self.updated

    @property
    def is_empty(self) -> bool:
        """Whether nothing that takes effect now differs."""
        return not (self.added or self.removed or self.changed)


def compare(before: Settings, after: Settings) -> Diff:
    """The way from one plant to the other."""
    old = {plc.address: plc for plc in before.plcs}
    new = {plc.address: plc for plc in after.plcs}
    changes = [compare_plc(old[plc.address], plc) for plc in after.plcs if old.get(plc.address, plc) != plc]
    return Diff(
        added=tuple(plc for address, plc in new.items() if address not in old),
        removed=tuple(plc for address, plc in old.items() if address not in new),
        reconnected=tuple(change for change in changes if change.needs_connection),
        updated=tuple(change for change in changes if not change.needs_connection),
        restart=tuple(_restart_options(before, after)),
    )


def compare_plc(before: PlcSettings, after: PlcSettings) -> PlcChange:
    """What differs in one PLC."""
    old: Dict[str, TagSettings] = {tag.tag: tag for tag in before.tags}
    new: Dict[str, TagSettings] = {tag.tag: tag for tag in after.tags}
    return PlcChange(
        before,
        after,
        tuple(name for name in _differing(before, after) if name != "tags"),
        tags_added=tuple(tag for name, tag in new.items() if name not in old),
        tags_removed=tuple(tag for name, tag in old.items() if name not in new),
        tags_changed=tuple(
            TagChange(old[name], tag, tuple(_differing(old[name], tag)))
            for name, tag in new.items()
            if name in old and old[name] != tag
        ),
    )


def _restart_options(before: Settings, after: Settings) -> List[str]:
    found = []
    for name in _differing(before, after):
        old, new = getattr(before, name), getattr(after, name)
        if name != "plcs":
            parts = _differing(old, new) if hasattr(old, "__dataclass_fields__") else []
            found += [f"{name}.{part}" for part in parts] or [name]
    return found


def _differing(before: Any, after: Any) -> List[str]:
    """The fields in which two values of one dataclass differ."""
    return [one.name for one in fields(before) if getattr(before, one.name) != getattr(after, one.name)]
