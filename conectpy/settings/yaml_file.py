"""The configuration file: YAML in which a key stands once."""

from __future__ import annotations

from typing import Any, Dict

import yaml

from ..errors import ConfigError
from ..files.text_file import read_text
from .options import show

MAX_SIZE = 16 * 2**20
"""In characters; 100,000 tags with label and unit take half of it."""


def load_yaml(path: str) -> Dict[str, Any]:
    """The document in a YAML file. Raises ConfigError naming the file and, where there is one, the line."""
    try:
        text = read_text(path)
    except (OSError, ValueError) as exc:
        raise ConfigError([f"--config {path}: {getattr(exc, 'strerror', None) or exc}"]) from exc
    try:
        if len(text) > MAX_SIZE:
            raise ConfigError([f"--config {path}: has more than {MAX_SIZE} characters"])
        document = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError([f"--config {path}{where}: {show(str(exc.problem))}"]) from exc
    except yaml.YAMLError as exc:
        raise ConfigError([f"--config {path}: {show(str(exc))}"]) from exc
    except RecursionError as exc:
        raise ConfigError([f"--config {path}: is nested too deeply"]) from exc
    except ValueError as exc:  # what looks like a number or a date and is none: 2024-13-45
        raise ConfigError([f"--config {path}: {show(str(exc))}"]) from exc
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
