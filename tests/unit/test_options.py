"""Options described at the fields of dataclasses: nested sections, lists of them, command lines; hostile values."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple

import pytest

from conectpy.console.command_line import monitor_arguments
from conectpy.errors import ConfigError
from conectpy.settings.configuration import load_settings
from conectpy.settings.flags import add_flag, check_flags
from conectpy.settings.options import Fault, check, option, option_of, show, walk_options
from conectpy.settings.section_reader import SectionReader
from conectpy.settings.types import OpcUaSettings, PlcSettings, Settings
from conectpy.settings.yaml_file import load_yaml

PLCS: Dict[str, Any] = {"plcs": {"10.0.0.1": {"tags": ["A"]}}}


@dataclass(frozen=True)
class Limits:
    low: float = field(default=0.0, metadata=option("the lower one", -10, 10))
    high: float = field(default=1.0, metadata=option("the upper one", -10, 10))

    def conflicts(self) -> Iterator[str]:
        if self.low > self.high:
            yield "low lies above high"


@dataclass(frozen=True)
class Target:
    url: str = field(metadata=option("where to"))
    topics: Tuple[str, ...] = field(default=(), metadata=option("what of it", items="topics"))
    limits: Limits = field(default_factory=Limits, metadata=option("the limits"))


@dataclass(frozen=True)
class Backup:
    at: str = field(metadata=option("when"))


@dataclass(frozen=True)
class Root:
    forward: Tuple[Target, ...] = field(default=(), metadata=option("the targets", shorthand="url"))
    limits: Limits = field(default_factory=Limits, metadata=option("the limits", is_flat=True))
    backup: Optional[Backup] = field(default=None, metadata=option("none when left out"))


def read(document: Any) -> Tuple[Any, Any]:
    reader = SectionReader({}, {})
    return reader.build(Root, document, ""), reader.faults


def test_sections_in_sections_and_lists_of_them() -> None:
    document = {
        "forward": ["mqtt://a", {"url": "mqtt://b", "topics": ["x"], "limits": {"low": -1}}],
        "high": 3,
        "backup": {"at": "03:00"},
    }
    targets = (Target("mqtt://a"), Target("mqtt://b", ("x",), Limits(low=-1.0)))
    assert read(document) == (Root(targets, Limits(high=3.0), Backup("03:00")), [])
    assert read({"backup": None, "forward": None}) == (Root(), [])


def test_every_fault_of_every_depth_is_named_with_its_path() -> None:
    document = {
        "forward": [{"url": "a", "limits": {"low": 11, "hihg": 1}}, {"topics": "x,,"}, None, 5],
        "low": 2,
        "backup": {},
        "bakcup": 1,
        7: 8,
    }
    expected = [
        "bakcup: unknown key: did you mean backup?",
        "7: unknown key: known are forward, low, high, backup",
        "forward[0].limits.hihg: unknown key: did you mean high?",
        "forward[0].limits.low: must be -10 to 10, got 11",
        "forward[1].url: is missing",
        "forward[1].topics: must be a list of topics, got x,,",
        "forward[2].url: is missing",
        "forward[3].url: must be text, got 5",
        "backup.at: is missing",
        "low lies above high",
    ]
    assert sorted(read(document)[1]) == sorted(expected)


def test_a_section_that_is_none() -> None:
    assert load_settings({**PLCS, "web": None, "database": None}, {}, {}).web.port == 5000
    with pytest.raises(ConfigError, match="web: must hold keys such as host, got 5"):
        load_settings({**PLCS, "web": 5}, {}, {})


def test_every_field_of_the_settings_is_an_option_or_known_not_to_be_one() -> None:
    def loose(section: Any) -> Iterator[str]:
        for one in dataclasses.fields(section):
            if "option" not in one.metadata:
                yield f"{section.__name__}.{one.name}"
        for found in walk_options(section):
            if found.section is not None:
                yield from loose(found.section)

    assert list(loose(Settings)) == ["Settings.plcs"]
    assert set(loose(PlcSettings)) == {"PlcSettings.address", "PlcSettings.tags", "PlcSettings.is_simulated"}


# -- the language ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "environ", "expected"),
    [
        ({}, {}, (None, None)),
        ({"language": "es"}, {}, ("es", None)),
        ({"language": "es", "web": {"language": "en"}}, {}, ("es", "en")),
        ({"language": "en", "web": {"language": "en"}}, {"CONECTPY_LANGUAGE": "ES"}, ("es", "es")),
    ],
)
def test_the_language(document: Any, environ: Dict[str, str], expected: Any) -> None:
    found = load_settings({**PLCS, **document}, environ, {})
    assert (found.language, found.web.language) == expected


def test_a_variable_that_two_options_share_is_named_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(PLCS, {"CONECTPY_LANGUAGE": "fr"}, {})
    assert caught.value.faults == ("CONECTPY_LANGUAGE: must be es or en, got fr",)


# -- command lines -----------------------------------------------------------------------------------------------------


def test_the_monitors_flags_are_those_of_the_options() -> None:
    given = monitor_arguments(["--db", "a.db", "--log-level", "debug", "--port", "0", "--host", "h"], "en")
    found = load_settings(PLCS, {"CONECTPY_PORT": "7"}, given)
    assert (found.database.path, found.log_level, found.web.port, found.web.host) == ("a.db", "DEBUG", 0, "h")


def test_a_script_checks_its_own_flags_by_the_same_options() -> None:
    options = {
        "--interval S": option_of(PlcSettings, "interval_s"),
        "--security MODE": option_of(OpcUaSettings, "security"),
        "--plain": option_of(OpcUaSettings, "allow_plain_password"),
        "--user NAME": option_of(OpcUaSettings, "user"),
    }
    parser = argparse.ArgumentParser()
    for flag, one in options.items():
        add_flag(parser, one, flag, "en")
    assert "scan interval (0.05 to 3600 s; 1)" in " ".join(parser.format_help().split())
    given = vars(parser.parse_args(["--interval", "0.5", "--security", "SIGN", "--plain"]))
    assert check_flags(given, options) == {"--interval": 0.5, "--security": "sign", "--plain": True}
    with pytest.raises(ConfigError) as caught:
        check_flags({"interval": "nan", "security": "x", "user": ""}, options)
    assert caught.value.faults == (
        "--interval: must be 0.05 to 3600, got nan",
        "--security: must be auto or none or sign or sign_and_encrypt, got x",
        "--user: must be text, got nothing",
    )


# -- hostile values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [10**6000, -(10**6000), 1e400, "1" * 6000], ids=["big", "small", "inf", "text"])
def test_a_huge_number_is_a_fault(value: Any) -> None:
    with pytest.raises(Fault, match="must be 0 to 65535, "):
        check(option_of(type(load_settings(PLCS, {}, {}).web), "port"), value, is_text=isinstance(value, str))


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[2J", "a\x85b", "a\u2028b", "x" * 5000])
def test_text_that_would_harm_a_log_is_a_fault(text: str) -> None:
    with pytest.raises(Fault, match=r"must not hold control characters|must be at most 4096") as caught:
        check(option_of(PlcSettings, "name"), text)
    assert str(caught.value).isprintable()


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB + "plcs: *a11\n", "plcs: must hold at least one PLC"),
        ("plcs: &a [*a]\n", "plcs: must hold at least one PLC"),
        ("plcs: &a {x: *a}\n", 'plcs."x"'),
        ("plcs: {x: 2024-13-45}\n", "month must be in 1..12"),
        ("plcs: {x: " + "9" * 6000 + "}\n", ""),
        ("? [a, {b: c}]\n: 1\n", "line 1"),
        ("web: {port: 0x" + "f" * 6000 + "}\nplcs: 1\n", "web.port: must be 0 to 65535, got a number of more"),
        ("[" * 5000, "plant.yml"),
        ("<<: &a {<<: *a}\nplcs: 1\n", "plcs"),
    ],
    ids=[
        "bomb",
        "endless list",
        "endless mapping",
        "no date",
        "long number",
        "odd key",
        "hexadecimal",
        "deep",
        "merge",
    ],
)
def test_a_hostile_file_is_refused_at_once_in_short_lines(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "plant.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(load_yaml(str(path)), {}, {})
    assert told in str(caught.value)
    assert all(len(line) < 600 for line in caught.value.faults)


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plant.yml"
    path.write_text("# " + "x" * (16 * 2**20), encoding="utf-8")
    with pytest.raises(ConfigError, match="more than 16777216 characters"):
        load_yaml(str(path))


def test_an_address_written_twice_is_a_fault() -> None:
    with pytest.raises(ConfigError, match="is there twice"):
        load_settings({"plcs": {"10.0.0.1": {"tags": ["A"]}, " 10.0.0.1": {"tags": ["B"]}}}, {}, {})


def test_what_is_shown_is_one_short_line() -> None:
    assert show("a\n b") == "a b"
    assert show("") == "nothing"
    assert show({"a": [1, 2.5, None, True]}) == "{'a': [1, 2.5, None, True]}"
    assert len(show("x" * 10**6)) == 80
