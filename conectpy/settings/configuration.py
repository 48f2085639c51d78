"""`PLCS` or a YAML file, the environment and the command line -> typed settings. Every fault is named at once."""

from __future__ import annotations

from typing import Any, Mapping

from ..errors import ConfigError
from .plcs import read_plcs
from .section_reader import SectionReader
from .types import Settings
from .yaml_file import load_yaml

__all__ = ["load_settings", "load_yaml"]


def load_settings(document: Mapping[str, Any], environ: Mapping[str, str], arguments: Mapping[str, Any]) -> Settings:
    """Settings from a document (`plcs`, `tag_labels` and the options of `Settings`), overridden by the environment
    (`CONECTPY_...`), overridden by the command line (`db`, `host`, `port`, ...; None: not given).

    Raises ConfigError with one line for each fault.
    """
    reader = SectionReader(environ, arguments)
    values = reader.read(Settings, document, also=("plcs", "tag_labels"))
    plcs = read_plcs(reader, document.get("plcs"), document.get("tag_labels"))
    if reader.faults:
        raise ConfigError(reader.faults)
    return Settings(plcs, **values)
