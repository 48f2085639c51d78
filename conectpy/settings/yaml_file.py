"""The configuration file: YAML in which a key stands once."""

from __future__ import annotations

from typing import Any, Dict

import yaml

from ..errors import ConfigError
from ..files.text_file import read_text
from ..texts.catalogue import Text, as_text, say, text_of
from .options import show

MAX_SIZE = 16 * 2**20
"""In characters; 100,000 tags with label and unit take half of it."""


def load_yaml(path: str) -> Dict[str, Any]:
    """The document in a YAML file. Raises ConfigError naming the file and, where there is one, the line."""
    try:
        text = read_text(path)
    except (OSError, ValueError) as exc:
        raise ConfigError([say("file.config", path=path, fault=text_of(exc))]) from exc
    try:
        if len(text) > MAX_SIZE:
            raise ConfigError([say("file.config", path=path, fault=say("file.characters", limit=MAX_SIZE))])
        document = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        fault = exc.problem if isinstance(exc.problem, Text) else as_text(show(str(exc.problem)))
        text = say("file.config", path=path, fault=fault)
        if mark:
            text = say("file.config_at", path=path, line=mark.line + 1, column=mark.column + 1, fault=fault)
        raise ConfigError([text]) from exc
    except yaml.YAMLError as exc:
        raise ConfigError([say("file.config", path=path, fault=show(str(exc)))]) from exc
    except RecursionError as exc:
        raise ConfigError([say("file.config", path=path, fault=say("file.deep"))]) from exc
    except ValueError as exc:  # what looks like a number or a date and is none: 2024-13-45
        raise ConfigError([say("file.config", path=path, fault=show(str(exc)))]) from exc
    if not isinstance(document, dict):
        raise ConfigError([say("file.config", path=path, fault=say("file.no_plcs", value=show(document)))])
    return document


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML keeps the last of two equal keys in silence; here a PLC written twice is an error with its line."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key != "<<" and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, say("file.key_twice", key=show(key)), key_node.start_mark
                )
            seen.add(key)
        return dict(super().construct_mapping(node, deep))
