"""The configuration file: YAML in which a key stands once."""

from __future__ import annotations

from typing import Any, Dict, Set

import yaml

from ..errors import ConfigError
from ..files.text_file import read_text
from ..texts.catalogue import Text, as_text, say, text_of
from .options import show

MAX_SIZE = 16 * 2**20
"""In characters; 100,000 tags with label and unit take half of it."""
MAX_DIGITS = 100
MAX_MERGED = 200_000
"""Entries that `<<` may copy, all together."""


def load_yaml(path: str) -> Dict[str, Any]:
    """The document in a YAML file. Raises ConfigError naming the file and, where there is one, the line."""
    try:
        text = read_text(path)
    except (OSError, ValueError) as exc:
        raise ConfigError([say("file.config", path=path, fault=text_of(exc))]) from exc
    try:
        if len(text) > MAX_SIZE:
            raise ConfigError([say("file.config", path=path, fault=say("file.characters", limit=MAX_SIZE))])
        document = yaml.load(text, Loader=_BoundedLoader)
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


class _BoundedLoader(yaml.SafeLoader):
    """YAML keeps the last of two equal keys in silence; here a PLC written twice is an error with its line.

    What a few lines can make grow without end, merges of merges and numbers of many digits, is an error too.
    """

    def get_single_node(self) -> Any:
        """The document, once it is known how large its merges make it."""
        node = super().get_single_node()
        if node is not None:
            _check_merges(node)
        return node

    def construct_yaml_number(self, node: yaml.ScalarNode) -> Any:
        """Python takes minutes for a number of a million decimal digits; no option has more than 20."""
        if len(node.value) > MAX_DIGITS and not node.value.lstrip("+-").startswith("0"):
            raise _fault(say("file.digits", limit=MAX_DIGITS), node)
        is_int = node.tag.endswith(":int")
        return self.construct_yaml_int(node) if is_int else self.construct_yaml_float(node)

    def construct_mapping(self, node: Any, deep: bool = False) -> Dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key != "<<" and key in seen:
                raise _fault(say("file.key_twice", key=show(key)), key_node)
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


for _kind in ("int", "float"):
    _BoundedLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", _BoundedLoader.construct_yaml_number)


def _check_merges(root: yaml.Node) -> None:
    """What `<<` copies into mappings, from mappings that copied themselves. Raises ConstructorError.

    Other aliases are harmless: the parts that they name stay one and the same.
    """
    sizes: Dict[int, int] = {}  # entries of a mapping with those that it merges
    seen: Set[int] = set()
    waiting, total = [root], 0
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
            total += _merged_size(node, sizes) - len(node.value)
            if total > MAX_MERGED:
                raise _fault(say("file.merged", limit=MAX_MERGED), node)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _merged_size(node: yaml.Node, sizes: Dict[int, int]) -> int:
    if id(node) in sizes:
        return sizes[id(node)]
    sizes[id(node)] = 0  # while it is looked at: a circle ends here
    if isinstance(node, yaml.MappingNode):
        merged = [value for key, value in node.value if key.value == "<<"]
        size = len(node.value) + sum(_merged_size(value, sizes) for value in merged)
    else:
        size = sum(_merged_size(part, sizes) for part in node.value) if isinstance(node, yaml.SequenceNode) else 0
    sizes[id(node)] = min(size, 2 * MAX_MERGED)
    return sizes[id(node)]


def _fault(text: Text, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, text, node.start_mark)
