"""`PLCS` or a YAML file, the environment and the command line -> typed settings. Every fault is named at once."""

from __future__ import annotations

import difflib
import ipaddress
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import urlsplit

import yaml

from ..errors import ConfigError
from ..models import COMM_TAG
from .options import (
    DATABASE_OPTIONS,
    OPCUA_OPTIONS,
    PLC_OPTIONS,
    TAG_OPTIONS,
    TOP_OPTIONS,
    WEB_OPTIONS,
    Fault,
    Option,
    check,
    show,
)
from .types import DatabaseSettings, OpcUaSettings, PlcSettings, Settings, TagSettings, WebSettings

RESERVED_TAGS = ("_name", "_meta", COMM_TAG)
SECTIONS: Tuple[Tuple[str, Sequence[Option]], ...] = (
    ("database", DATABASE_OPTIONS),
    ("web", WEB_OPTIONS),
    ("", TOP_OPTIONS),
)
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def load_settings(document: Mapping[str, Any], environ: Mapping[str, str], arguments: Mapping[str, Any]) -> Settings:
    """Settings from a document (`plcs`, `tag_labels`, `database`, `web`, `log_level`), overridden by the environment
    (`CONECTPY_...`), overridden by the command line (`db`, `host`, `port`, ...; None: not given).

    Raises ConfigError with one line for each fault.
    """
    faults: List[str] = []
    known = ("plcs", "tag_labels", "database", "web", "log_level")
    _report_unknown("", document, known, faults)
    database = document.get("database") or {}
    sources = {"database": {"path": database} if isinstance(database, str) else database}
    sources["web"] = document.get("web") or {}
    sources[""] = {key: value for key, value in document.items() if key == "log_level"}
    values = {
        section: _read_section(section, options, sources[section], environ, arguments, faults)
        for section, options in SECTIONS
    }
    if bool(values["web"].get("tls_certificate")) != bool(values["web"].get("tls_key")):
        faults.append("web: tls_certificate and tls_key go together, got only one of them")
    plcs = _read_plcs(document.get("plcs"), document.get("tag_labels") or {}, faults)
    if faults:
        raise ConfigError(faults)
    return Settings(plcs, DatabaseSettings(**values["database"]), WebSettings(**values["web"]), **values[""])


def load_yaml(path: str) -> Dict[str, Any]:
    """The document in a YAML file. Raises ConfigError naming the file and, where there is one, the line."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            document = yaml.load(file, Loader=_UniqueKeyLoader)
    except OSError as exc:
        raise ConfigError([f"--config {path}: {exc.strerror or exc}"]) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError([f"--config {path}: is not UTF-8 text ({exc.reason} at byte {exc.start})"]) from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError([f"--config {path}{where}: {show(str(exc.problem))}"]) from exc
    except yaml.YAMLError as exc:
        raise ConfigError([f"--config {path}: {show(str(exc))}"]) from exc
    except RecursionError as exc:
        raise ConfigError([f"--config {path}: is nested too deeply"]) from exc
    if not isinstance(document, dict):
        raise ConfigError([f"--config {path}: must hold plcs: and further keys, got {show(document)}"])
    return document


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML keeps the last of two equal keys in silence; here a PLC written twice is an error with its line."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key != "<<" and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{show(key)} stands here twice", key_node.start_mark
                )
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


def _read_section(
    section: str,
    options: Sequence[Option],
    source: Any,
    environ: Mapping[str, str],
    arguments: Mapping[str, Any],
    faults: List[str],
) -> Dict[str, Any]:
    if not isinstance(source, Mapping):
        faults.append(f"{section}: must hold keys such as {options[0].name}, got {show(source)}")
        source = {}
    _report_unknown(section, source, [option.name for option in options], faults)
    prefix = f"{section}." if section else ""
    values = {}
    for option in options:
        argument = "db" if option.env == "CONECTPY_DB" else option.name
        if arguments.get(argument) is not None:
            where, value, is_text = f"--{argument.replace('_', '-')}", arguments[argument], True
        elif option.env and environ.get(option.env):
            where, value, is_text = option.env, environ[option.env], True
        elif source.get(option.name) is not None:
            where, value, is_text = prefix + option.name, source[option.name], False
        else:
            continue
        try:
            values[option.name] = check(option, value, is_text)
        except Fault as fault:
            faults.append(f"{where}: {fault}")
    return values


# -- PLCs --------------------------------------------------------------------------------------------------------------


def _read_plcs(plcs: Any, labels: Any, faults: List[str]) -> Tuple[PlcSettings, ...]:
    if not isinstance(plcs, Mapping) or not plcs:
        faults.append(f'plcs: must hold at least one PLC, such as "192.168.11.10": {{tags: [...]}}, got {show(plcs)}')
        return ()
    if not isinstance(labels, Mapping):
        faults.append(f"tag_labels: must be a mapping of tag to label, got {show(labels)}")
        labels = {}
    found = []
    for address, plc in plcs.items():
        where = f'plcs."{show(address)}"'
        if not isinstance(address, str):
            faults.append(f"{where}: the address must be text, got {show(address)}: put it in quotes")
        elif not isinstance(plc, Mapping):
            faults.append(f"{where}: must hold name, tags and state_tags, got {show(plc)}")
        else:
            found.append(_read_plc(where, address.strip(), plc, labels, faults))
    return tuple(found)


def _read_plc(
    where: str, address: str, plc: Mapping[str, Any], labels: Mapping[str, Any], faults: List[str]
) -> PlcSettings:
    options = (*PLC_OPTIONS, *OPCUA_OPTIONS)
    _report_unknown(where, plc, [*(option.name for option in options), "tags", "state_tags"], faults)
    values = _read_options(where, PLC_OPTIONS, plc, faults)
    values.setdefault("name", address)
    values.setdefault("driver", "opcua" if address.startswith("opc.tcp://") else "logix")
    is_opcua = values["driver"] == "opcua"
    for option in OPCUA_OPTIONS:
        if not is_opcua and option.name in plc:
            faults.append(f"{where}.{option.name}: is for driver opcua, but the driver is logix")
    try:
        check_opcua_address(address) if is_opcua else check_logix_address(address)
    except Fault as fault:
        faults.append(f"{where}: {fault}")
    opcua = OpcUaSettings(**_read_options(where, OPCUA_OPTIONS, plc, faults if is_opcua else []))
    tags = _read_tags(where, plc, labels, is_opcua, faults)
    return PlcSettings(address, tags=tags, opcua=opcua, **values)


def _read_options(
    where: str, options: Sequence[Option], source: Mapping[str, Any], faults: List[str]
) -> Dict[str, Any]:
    values = {}
    for option in options:
        if source.get(option.name) is not None:
            try:
                values[option.name] = check(option, source[option.name])
            except Fault as fault:
                faults.append(f"{where}.{option.name}: {fault}")
    return values


def _read_tags(
    where: str, plc: Mapping[str, Any], labels: Mapping[str, Any], is_opcua: bool, faults: List[str]
) -> Tuple[TagSettings, ...]:
    found: Dict[str, Dict[str, Any]] = {}
    for key in ("tags", "state_tags"):
        entries = plc.get(key) or []
        if not isinstance(entries, (list, tuple)):
            faults.append(f"{where}.{key}: must be a list of tags, got {show(entries)}")
            continue
        seen = set()
        for number, entry in enumerate(entries):
            values = _read_tag(f"{where}.{key}[{number}]", entry, is_opcua, faults)
            if values is None:
                continue
            # Logix does not tell upper from lower case, so two spellings are one tag
            identity = values["tag"] if is_opcua else values["tag"].casefold()
            if identity in seen:
                faults.append(f"{where}.{key}[{number}]: {show(values['tag'])} is there twice")
            seen.add(identity)
            known = found.setdefault(identity, {})
            known.update({name: value for name, value in values.items() if name != "tag" or "tag" not in known})
            known["is_state"] = known.get("is_state", False) or key == "state_tags"
    if not found and not any(fault.startswith(where) for fault in faults):
        faults.append(f"{where}: has no tags: name at least one in tags or state_tags")
    return tuple(_make_tag(where, values, labels, is_opcua, faults) for values in found.values())


def _read_tag(where: str, entry: Any, is_opcua: bool, faults: List[str]) -> Optional[Dict[str, Any]]:
    mapping = {"tag": entry} if not isinstance(entry, Mapping) else entry
    options = [option for option in TAG_OPTIONS if is_opcua or option.name != "node"]
    _report_unknown(where, mapping, [option.name for option in options], faults)
    if mapping.get("tag") is None:
        faults.append(f"{where}.tag: is missing")
        return None
    values = _read_options(where, options, mapping, faults)
    if "tag" not in values:
        return None
    values["tag"] = values["tag"].strip()
    if values["tag"] in RESERVED_TAGS:
        faults.append(f"{where}: {values['tag']} is a name of the collector's own")
        return None
    return values


def _make_tag(
    where: str, values: Dict[str, Any], labels: Mapping[str, Any], is_opcua: bool, faults: List[str]
) -> TagSettings:
    tag = values["tag"]
    if is_opcua and "node" not in values:
        if re.match(r"(ns=\d+;|nsu=[^;]+;)?[isgb]=", tag):
            values["node"] = tag
        else:
            faults.append(f"{where}: tag {show(tag)} has no node: write {{tag: {show(tag)}, node: 'ns=4;i=3'}}")
    label = values.pop("label", None) or labels.get(tag) or tag
    if not isinstance(label, str):
        faults.append(f"tag_labels.{show(tag)}: must be text, got {show(label)}")
        label = tag
    return TagSettings(label=label, **values)


def check_logix_address(address: str) -> None:
    """Raises Fault where pycomm3 could not use the address as a path: `ip`, `ip:port`, `ip/slot`, a CIP route."""
    from pycomm3.cip import PADDED_EPATH
    from pycomm3.cip_driver import parse_connection_path
    from pycomm3.exceptions import PycommError

    form = "must be a path such as 192.168.1.10, 192.168.1.10:44818, 192.168.1.10/0 or 192.168.1.10/bp/2"
    try:
        host, _, route = parse_connection_path(address, True)
        PADDED_EPATH.encode(route, length=True)
    except (PycommError, ValueError, TypeError, KeyError) as exc:
        raise Fault(f"{form}: {show(str(exc))}") from exc
    _check_host(host, form)


def check_opcua_address(address: str) -> None:
    """Raises Fault unless the address is `opc.tcp://host[:port][/path]` without a user or password in it."""
    form = "must be a URL such as opc.tcp://192.168.1.20:4840"
    try:
        url = urlsplit(address)
        url.port  # noqa: B018 - raises ValueError when it is no port
    except ValueError as exc:
        raise Fault(f"{form}: {exc}") from exc
    if url.scheme != "opc.tcp" or not url.hostname:
        raise Fault(form)
    if "@" in url.netloc:
        raise Fault(f"{form}: no user or password in it, it is sent in clear; use user and password_env")
    _check_host(url.hostname, form)


def _check_host(host: str, form: str) -> None:
    if re.fullmatch(r"[\d.]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise Fault(f"{form}: {host} is no IP address") from None
    elif ":" not in host and not _HOST.fullmatch(host):
        raise Fault(f"{form}: {show(host)} is no host")


def _report_unknown(where: str, source: Mapping[Any, Any], known: Sequence[str], faults: List[str]) -> None:
    prefix = f"{where}." if where else ""
    for key in source:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f": did you mean {near[0]}?" if near else f": known are {', '.join(known)}"
            faults.append(f"{prefix}{show(key)}: unknown key{hint}")
