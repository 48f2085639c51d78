"""Every text for people has a code, says the same in both languages, and is used."""

from __future__ import annotations

import ast
import errno
import json
import logging
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Set, Tuple, Union

import pytest

from conectpy.console.output import LanguageFormatter, language_of
from conectpy.errors import ConfigError, DriverError
from conectpy.texts.catalogue import TEXTS, Text, as_text, say, text_of
from conectpy.texts.text_json import from_json, to_json

PACKAGE = Path(__file__).resolve().parents[2] / "conectpy"

NOT_YET = ("simulator",)
"""Rooms whose texts have no code: simulated PLCs are the tests' and the demo's. What the demo tells users has one."""

FRAMES = ("ua.password_file", "file.config", "web.failed_because", "client.csv", "once.good")
"""Nothing in them is to be translated."""

CALLED_BY_OTHERS = ("plain", "lines", "plc.fault")
HOLE = re.compile(r"\{(\w+)(?:\|([^|{}]*)\|([^|{}]*)|:[^{}]*)?\}")
LOUD = ("info", "warning", "error", "critical", "exception")
ALIKE = re.compile(r"^[\W_]*$")

Call = Tuple[str, int, ast.Call]


def sources(skip: Tuple[str, ...] = ()) -> Iterator[Tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).with_suffix("").as_posix()
        if name.split("/")[0] not in (*skip, "texts"):
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def calls_of_say() -> Iterator[Tuple[str, List[str], ast.Call]]:
    for name, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                first = node.args[0]
                codes = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                yield f"{name}:{node.lineno}", [getattr(code, "value", "") for code in codes], node


def holes(template: str) -> Set[str]:
    return {match.group(1) for match in HOLE.finditer(template.replace("{{", "").replace("}}", ""))}


def holes_of(code: str) -> Set[str]:
    return set().union(*map(holes, TEXTS[code]))


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_a_text_says_the_same_in_both_languages(code: str) -> None:
    entry = TEXTS[code]
    assert len(entry) in (2, 4), "English and Spanish words, then perhaps English and Spanish advice"
    for english, spanish in zip(entry[::2], entry[1::2]):
        assert holes(english) == holes(spanish)
        assert english.strip() == english
        assert spanish.strip() == spanish
        assert english
        assert spanish
        is_frame = ALIKE.match(HOLE.sub("", english)) or code in FRAMES
        assert is_frame or english != spanish
    shown = say(code, **{name: "x" for name in holes_of(code)})
    for language in ("en", "es"):
        assert "{{" in entry[0] or not re.search(r"[{}|]", shown.in_language(language))


def test_every_code_that_is_used_exists_with_these_arguments_and_every_code_is_used() -> None:
    used: Set[str] = set(CALLED_BY_OTHERS)
    wrong = []
    for place, codes, node in calls_of_say():
        used.update(codes)
        given = {keyword.arg for keyword in node.keywords}
        for code in codes:
            if code not in TEXTS:
                wrong.append(f"{place}: no text {code!r}")
            elif None not in given and given != holes_of(code):
                wrong.append(f"{place}: {code} is filled with {sorted(map(str, given))}, not {sorted(holes_of(code))}")
    in_words = {f"os.{name[3:]}" for name in TEXTS if name.startswith("os.")}
    assert wrong == []
    assert set(TEXTS) - used - in_words == set()


def test_no_code_stands_in_two_areas() -> None:
    found: Dict[str, str] = {}
    for path in sorted((PACKAGE / "texts").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                for key in node.keys:
                    code = getattr(key, "value", None)
                    assert found.setdefault(str(code), path.name) == path.name or code is None, code
                    assert sum(getattr(other, "value", None) == code for other in node.keys) == 1, code


WORDS = {
    "fichero": "archivo",
    "ordenador": "equipo",
    "cortafuegos": "firewall",
    "etiqueta": "señal",
    "directorio": "carpeta",
    "por favor": "",
    " tu ": "su",
    " tag ": "señal",
}


def test_spanish_uses_the_same_word_for_the_same_thing() -> None:
    wrong = [
        f"{code}: {word}" for code, entry in TEXTS.items() for text in entry[1::2] for word in WORDS if word in text
    ]
    assert wrong == []


# -- nothing is said without a code ------------------------------------------------------------------------------------

Function = Union[ast.FunctionDef, ast.Module]


def exception_names() -> Set[str]:
    """Every exception class of the package, and what it raises of Python's own with words for people."""
    names = {"ValueError", "OSError", "PermissionError", "TagFault", "Faulty"}
    for _, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(is_exception(base) for base in node.bases):
                names.add(node.name)
    return names


def is_exception(base: ast.expr) -> bool:
    name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
    return name.endswith(("Error", "Exception", "Malformed"))


def words_without_code(tree: ast.Module, raisers: Set[str]) -> List[int]:
    """Lines that say something to people in words of their own."""
    wrong = []
    for function in [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Module))]:
        for node in own_nodes(function):
            if isinstance(node, ast.Call):
                spoken = spoken_of(node, raisers)
                wrong += [node.lineno for one in spoken if is_words(one, function)]
    return wrong


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions in it."""
    waiting: List[ast.AST] = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)


def spoken_of(node: ast.Call, raisers: Set[str]) -> List[ast.expr]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in LOUD and isinstance(node.func, ast.Attribute):
        return node.args[:1] if getattr(node.func.value, "id", "") == "log" else []
    if name == "_replace":
        return [keyword.value for keyword in node.keywords if keyword.arg == "error"]
    if name == "Sample":
        return [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "error")]
    if name == "add" and getattr(getattr(node.func, "value", None), "id", "") in ("reader", "self"):
        return node.args[1:2]
    if name == "ParamFault":
        return node.args[1:2]
    if name in ("abort", "BadRequest", "problem"):
        return node.args[-1:]
    if name in raisers:
        return [one for arg in node.args for one in (arg.elts if isinstance(arg, ast.List) else [arg])]
    return []


def is_words(node: Optional[ast.expr], function: Function) -> bool:
    if isinstance(node, (ast.JoinedStr, ast.BinOp)):
        return True
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.IfExp):
        return is_words(node.body, function) or is_words(node.orelse, function)
    if isinstance(node, ast.BoolOp):
        return any(is_words(value, function) for value in node.values)
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") == "str" or getattr(node.func, "attr", "") in ("format", "join")
    if isinstance(node, ast.Name):
        return any(
            is_words(other.value, function)
            for other in own_nodes(function)
            if isinstance(other, ast.Assign) and any(getattr(to, "id", "") == node.id for to in other.targets)
        )
    return False


def test_nothing_is_said_to_people_without_a_code() -> None:
    raisers = exception_names()
    found = {f"{name}:{line}" for name, tree in sources(NOT_YET) for line in words_without_code(tree, raisers)}
    assert found == set()


@pytest.mark.parametrize(
    "planted",
    [
        'raise DriverError(f"{plc}: gone")',
        'raise DriverError("gone")',
        'raise DriverError("gone: " + plc)',
        'text = f"{plc}: gone"\nraise DriverError(text)',
        'raise ConfigError([f"{plc}: gone"])',
        'raise Malformed("gone") from exc',
        'raise ValueError("gone")',
        "raise LinkError(str(exc)) from exc",
        'log.warning("%s: gone", plc)',
        'log.exception("gone")',
        'log.info("; ".join(gone))',
        'ParamFault("plc", "gone")',
        'abort(404, f"gone {plc}")',
        'x = Sample(None, "gone")',
        'x = Sample(None, error=f"{plc}: gone")',
        'x = sample._replace(error=f"{plc}: gone")',
        'raise DriverError("aborted" if gone else say("link.closed"))',
    ],
)
def test_words_without_a_code_are_found(planted: str) -> None:
    assert words_without_code(ast.parse(planted), exception_names())


def test_rooms_that_are_not_converted_yet_exist() -> None:
    assert {name.split("/")[0] for name, _ in sources()} >= set(NOT_YET)


# -- Text --------------------------------------------------------------------------------------------------------------


def test_a_text_is_its_english_words_and_knows_both_languages() -> None:
    cause = say("link.timeout", host="10.0.0.1", port=44818, seconds=3.0)
    text = say("driver.failed", plc="Norte", address="10.0.0.1", action=say("driver.connecting"), fault=cause)
    assert text == "Norte (10.0.0.1): connecting: no answer from 10.0.0.1:44818 within 3 s"
    assert text.in_language("en").startswith(text + "; check the PLC's power")
    assert text.in_language("es").startswith("Norte (10.0.0.1): al conectar: sin respuesta de 10.0.0.1:44818 en 3 s; ")
    assert text.in_language("fr") == text.in_language("en")
    assert (text.code, text.args["fault"].code) == ("driver.failed", "link.timeout")
    assert json.loads(json.dumps({"text": text})) == {"text": str(text)}
    assert type(text.in_language("es")) is str


@pytest.mark.parametrize(("count", "expected"), [(0, "0 señales"), (1, "1 señal"), (2, "2 señales")])
def test_plurals(count: int, expected: str) -> None:
    assert say("driver.reading_tags", count=count).in_language("es") == f"al leer {expected}"


def test_several_faults_are_lines_in_each_language() -> None:
    exc = ConfigError([say("tag.too_long", tag="A"), "a word without a code"])
    assert str(exc).splitlines() == [str(fault) for fault in exc.faults]
    assert exc.text.in_language("es").splitlines()[0].startswith("'A' no es una señal: ")
    assert exc.text.in_language("es").splitlines()[1] == "a word without a code"


def test_what_comes_from_outside_stays_on_one_short_line() -> None:
    text = say("ua.refused_because", fault="x", words="a\r\nb\x1b[31m" + "c" * 10_000)
    assert "\n" not in text
    assert "\x1b" not in text.in_language("es")
    assert len(text) < 1100
    assert say("link.broken", fault="{count} {fault} %s") == "connection broken: {count} {fault} %s"


def test_saying_never_raises() -> None:
    assert say("no.such.code", plc=1).in_language("es") == "no.such.code"
    assert "{port}" in say("link.timeout", host="a").in_language("es")
    assert say("link.broken", fault=None).in_language("es") == "conexión cortada: None"


def test_an_exception_says_its_text() -> None:
    text = say("aborted")
    assert text_of(ValueError(text)) is text
    assert text_of(DriverError(text)) is text
    assert DriverError("words").text.in_language("es") == "words"
    assert text_of(ZeroDivisionError()) == "ZeroDivisionError"
    assert as_text("words").code == "plain"


def test_errors_of_the_system_are_said_in_both_languages() -> None:
    refused = text_of(ConnectionRefusedError(errno.ECONNREFUSED, "whatever the system says"))
    assert (refused.code, refused.in_language("es")) == ("os.ECONNREFUSED", "Conexión rechazada")
    assert text_of(socket.gaierror(socket.EAI_NONAME, "x")).code == "os.unknown_name"
    assert text_of(socket.timeout("timed out")).code == "os.timeout"
    assert text_of(OSError(9999, "odd thing")) == "odd thing"
    with pytest.raises(FileNotFoundError) as missing:
        Path("/nowhere/at/all").read_bytes()
    assert isinstance(text_of(missing.value), Text)
    assert text_of(missing.value) == "No such file or directory"


def test_a_text_crosses_to_another_process_with_code_and_arguments() -> None:
    cause = say("link.timeout", host="10.0.0.1", port=44818, seconds=3.0)
    faults = say("lines", items=(say("control.port", port=1, fault=cause), "words\nof two lines"))
    crossed = from_json(json.loads(json.dumps(to_json(faults))), "else")
    assert crossed == faults
    assert [crossed.in_language(one) for one in ("en", "es")] == [faults.in_language(one) for one in ("en", "es")]


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "words",
        [[]],
        {"code": "no.such.code", "args": {}, "words": "x"},
        {"code": "link.broken", "args": [1]},
        {"code": ["link.broken"], "args": {}},
    ],
)
def test_a_text_of_another_version_is_its_words(sent: object) -> None:
    assert from_json(sent, "the words").in_language("es") == "the words"


def test_a_hostile_text_is_bounded() -> None:
    deep: object = "x"
    for _ in range(100):
        deep = {"code": "link.broken", "args": {"fault": deep}, "words": "deep"}
    assert from_json(deep, "").in_language("es").endswith("conexión cortada: deep")
    assert len(from_json({"code": "lines", "args": {"items": ["x"] * 10_000}}, "").splitlines()) == 1000
    loop = say("lines", items=[float("nan")])
    assert "nan" in json.dumps(to_json(loop), allow_nan=False)
    strange = from_json({"code": "link.timeout", "args": {"host": {"a": 1}, "port": [None]}}, "")
    assert "{seconds}" in strange.in_language("es")


# -- console and log ---------------------------------------------------------------------------------------------------


def test_the_log_speaks_the_language_and_leaves_the_record_alone() -> None:
    text = say("link.broken", fault="100 %s")
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, text, None, None)
    assert LanguageFormatter("%(levelname)s %(message)s", "es").format(record) == "WARNING conexión cortada: 100 %s"
    assert record.msg is text
    plain = logging.LogRecord("x", logging.WARNING, __file__, 1, "words %d", (3,), None)
    assert LanguageFormatter("%(message)s", "es").format(plain) == "words 3"


@pytest.mark.parametrize(("value", "expected"), [("es", "es"), (" ES ", "es"), ("en", "en"), ("", "en"), ("fr", "en")])
def test_the_language_of_the_environment(value: str, expected: str) -> None:
    assert language_of({"CONECTPY_LANGUAGE": value}) == expected


@pytest.mark.parametrize(
    ("language", "expected"), [("es", "error: 'xyz' no es una huella: "), ("en", "error: 'xyz' is no")]
)
def test_a_command_fails_in_the_language_of_the_environment(tmp_path: Path, language: str, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "conectpy", "opcua", "trust", "xyz", "--pki", str(tmp_path)],
        cwd=str(PACKAGE.parent),
        env={**os.environ, "CONECTPY_LANGUAGE": language, "PYTHONIOENCODING": "utf-8"},
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    (line,) = done.stderr.decode("utf-8").splitlines()
    assert line.startswith(expected)
    assert done.returncode == 1
