"""`plcs` and `tag_labels` of the configuration: what their shape asks for beyond the options at the fields."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..models import COMM_TAG
from ..texts.catalogue import say
from .addresses import check_logix_address, check_opcua_address
from .options import Fault, check, option_of, show
from .section_reader import SectionReader
from .types import PlcSettings, TagSettings

RESERVED_TAGS = ("_name", "_meta", COMM_TAG)
_NODE = re.compile(r"(ns=\d+;|nsu=[^;]+;)?[isgb]=")


def read_plcs(reader: SectionReader, plcs: Any, labels: Any) -> Tuple[PlcSettings, ...]:
    """The PLCs, each with its tags; the faults go to the reader."""
    if not isinstance(plcs, Mapping) or not plcs:
        reader.add("plcs", say("settings.no_plcs", value=show(plcs)))
        return ()
    labels = _read_labels(reader, labels)
    found: Dict[str, PlcSettings] = {}
    for address, plc in plcs.items():
        where = f'plcs."{show(address)}"'
        if not isinstance(address, str):
            reader.add(where, say("settings.address_text", value=show(address)))
        elif not isinstance(plc, Mapping):
            reader.add(where, say("settings.plc_keys", value=show(plc)))
        elif address.strip() in found:
            reader.add(where, say("settings.twice"))
        else:
            found[address.strip()] = _read_plc(reader, where, address.strip(), plc, labels)
    return tuple(found.values())


def _read_labels(reader: SectionReader, labels: Any) -> Dict[Any, str]:
    if not isinstance(labels, (Mapping, type(None))):
        reader.add("tag_labels", say("settings.labels", value=show(labels)))
        return {}
    found = {}
    for tag, label in (labels or {}).items():
        try:
            if label not in (None, ""):
                found[tag] = check(option_of(TagSettings, "label"), label)
        except Fault as fault:
            reader.add(f"tag_labels.{show(tag)}", fault.text)
    return found


def _read_plc(
    reader: SectionReader, where: str, address: str, plc: Mapping[str, Any], labels: Mapping[Any, str]
) -> PlcSettings:
    faults_before = len(reader.faults)
    driver = _driver_of(address, plc)
    values = reader.read(PlcSettings, plc, where, driver=driver, also=("tags", "state_tags"))
    try:
        check_opcua_address(address) if driver == "opcua" else check_logix_address(address)
    except Fault as fault:
        reader.add(where, fault.text)
    found = _read_tags(reader, where, plc, driver)
    if not found and len(reader.faults) == faults_before:
        reader.add(where, say("settings.no_tags"))
    tags = tuple(_make_tag(reader, where, one, labels, driver) for one in found)
    return PlcSettings(address, **{"name": address, **values, "driver": driver, "tags": tags})


def _driver_of(address: str, plc: Mapping[str, Any]) -> str:
    """The driver that the rest is read for: as said, where that can be read, else from the address."""
    try:
        return str(check(option_of(PlcSettings, "driver"), plc.get("driver")))
    except Fault:
        return "opcua" if address.startswith("opc.tcp://") else "logix"


def _read_tags(reader: SectionReader, where: str, plc: Mapping[str, Any], driver: str) -> List[Dict[str, Any]]:
    """The values of each tag; one that stands in both lists is one tag, and a state."""
    found: Dict[str, Dict[str, Any]] = {}
    for key in ("tags", "state_tags"):
        entries = plc.get(key) or []
        if not isinstance(entries, (list, tuple)):
            reader.add(f"{where}.{key}", say("settings.tags", value=show(entries)))
            continue
        seen = set()
        for number, entry in enumerate(entries):
            here = f"{where}.{key}[{number}]"
            values = _read_tag(reader, here, entry, driver)
            if values is None:
                continue
            # Logix does not tell upper from lower case, so two spellings are one tag
            identity = values["tag"] if driver == "opcua" else values["tag"].casefold()
            if identity in seen:
                reader.add(here, say("settings.tag_twice", tag=show(values["tag"])))
            seen.add(identity)
            known = found.setdefault(identity, {})
            known.update({name: value for name, value in values.items() if name != "tag" or "tag" not in known})
            known["is_state"] = known.get("is_state", False) or key == "state_tags"
    return list(found.values())


def _read_tag(reader: SectionReader, where: str, entry: Any, driver: str) -> Optional[Dict[str, Any]]:
    mapping = {"tag": entry} if not isinstance(entry, Mapping) else entry
    values = reader.read(TagSettings, mapping, where, driver=driver)
    if "tag" not in values:
        return None
    values["tag"] = values["tag"].strip()
    if values["tag"] in RESERVED_TAGS:
        reader.add(where, say("settings.reserved", tag=values["tag"]))
        return None
    return values


def _make_tag(
    reader: SectionReader, where: str, values: Dict[str, Any], labels: Mapping[Any, str], driver: str
) -> TagSettings:
    tag = values["tag"]
    if driver == "opcua" and "node" not in values:
        if _NODE.match(tag):
            values["node"] = tag
        else:
            reader.add(where, say("settings.no_node", tag=show(tag)))
    return TagSettings(**{"label": labels.get(tag, tag), **values})
