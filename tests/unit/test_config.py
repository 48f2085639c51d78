"""The configuration: what existing installations paste, what is refused and how it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest

from conectpy.errors import ConfigError
from conectpy.settings.configuration import load_settings, load_yaml

PASTED = {
    "192.168.11.10": {
        "name": "Costa del Lago",
        "tags": ["PT117_R_SCADA", "FIT003_R_SCADA"],
        "state_tags": ["P002_ST_SCADA", "FIT003_R_SCADA"],
    }
}


def faults_of(document: Dict[str, Any], **arguments: Any) -> List[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(document, {}, arguments)
    assert str(caught.value).splitlines() == list(caught.value.faults)
    return list(caught.value.faults)


def plc(**keys: Any) -> Dict[str, Any]:
    return {"plcs": {"10.0.0.1": {"tags": ["A"], **keys}}}


def test_the_block_of_an_existing_installation_can_be_pasted() -> None:
    settings = load_settings({"plcs": PASTED, "tag_labels": {"P002_ST_SCADA": "Bomba de retrolavado"}}, {}, {})
    (found,) = settings.plcs
    assert (found.address, found.name, found.driver, found.interval_s) == (
        "192.168.11.10",
        "Costa del Lago",
        "logix",
        1.0,
    )
    assert [(tag.tag, tag.is_state) for tag in found.tags] == [
        ("PT117_R_SCADA", False),
        ("FIT003_R_SCADA", True),
        ("P002_ST_SCADA", True),
    ]
    assert found.tags[2].label == "Bomba de retrolavado"
    assert (settings.web.host, settings.web.port) == ("127.0.0.1", 5000)


def test_a_tag_may_be_a_mapping() -> None:
    tag = {"tag": "PT1", "label": "Presión", "unit": "bar", "decimals": 2}
    found = load_settings(plc(tags=[tag]), {}, {}).plcs[0].tags[0]
    assert (found.label, found.unit, found.decimals) == ("Presión", "bar", 2)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "10.0.0.1:44818",
        "10.0.0.1/0",
        "10.0.0.1/bp/2",
        "10.0.0.1/bp/2/enet/10.0.1.2/bp/0",
        "plc-7.plant.local",
    ],
)
def test_every_path_of_pycomm3_is_an_address(address: str) -> None:
    assert load_settings({"plcs": {address: {"tags": ["A"]}}}, {}, {}).plcs[0].address == address


@pytest.mark.parametrize(
    "address", ["", "300.1.1.1", "10.0.0.1:0", "10.0.0.1:x", "10.0.0.1/bp", "10.0.0.1/xx/2", "a b"]
)
def test_a_bad_address_is_named(address: str) -> None:
    (fault,) = faults_of({"plcs": {address: {"tags": ["A"]}}})
    assert fault.startswith("plcs.")
    assert "must be a path such as" in fault


def test_every_fault_is_named_at_once() -> None:
    document = {
        "plcs": {
            "10.0.0.1": {"tags": ["A", "a", {"tag": "B", "decimal": 1}], "interval_s": 0, "intervall": 1},
            "10.0.0.2": {"tags": "A"},
            "10.0.0.3": {},
            "opc.tcp://u:p@h": {"tags": ["ns=1;i=2"]},
        },
        "web": {"port": 99999, "tls_key": "k.pem"},
        "nonsense": 1,
    }
    faults = faults_of(document)
    expected = [
        "nonsense: unknown key",
        "web.port: must be 0 to 65535, got 99999",
        "web: tls_certificate and tls_key go together",
        'plcs."10.0.0.1".intervall: unknown key: did you mean interval_s?',
        'plcs."10.0.0.1".interval_s: must be 0.05 to 3600, got 0',
        'plcs."10.0.0.1".tags[1]: a is there twice',
        'plcs."10.0.0.1".tags[2].decimal: unknown key: did you mean decimals?',
        'plcs."10.0.0.2".tags: must be a list of tags, got A',
        'plcs."10.0.0.3": has no tags',
        'plcs."opc.tcp://u:p@h": must be a URL',
    ]
    assert len(faults) == len(expected)
    for start in expected:
        assert any(fault.startswith(start) for fault in faults), (start, faults)


@pytest.mark.parametrize("name", ["_meta", "_name", "@comm"])
def test_names_of_the_collectors_own_are_refused(name: str) -> None:
    assert name in faults_of(plc(tags=[name]))[0]


@pytest.mark.parametrize("value", ["nan", "inf", True, None, [], "1"])
def test_a_number_is_a_number(value: Any) -> None:
    if value is None:
        assert load_settings(plc(interval_s=None), {}, {}).plcs[0].interval_s == 1.0
    else:
        assert (
            "interval_s: must be 0.05 to 3600"
            in faults_of(plc(interval_s=float(value) if value in ("nan", "inf") else value))[0]
        )


def test_command_line_over_environment_over_file() -> None:
    document = {**plc(), "web": {"port": 1001, "host": "10.1.1.1"}, "database": "file.db", "log_level": "debug"}
    assert load_settings(document, {}, {}).web.port == 1001
    environ = {"CONECTPY_PORT": "1002", "CONECTPY_DB": "env.db"}
    assert load_settings(document, environ, {}).web.port == 1002
    settings = load_settings(document, environ, {"port": "1003", "host": None})
    assert (settings.web.port, settings.web.host, settings.database.path) == (1003, "10.1.1.1", "env.db")
    assert settings.log_level == "DEBUG"


def test_a_fault_names_where_it_comes_from() -> None:
    with pytest.raises(ConfigError, match="CONECTPY_PORT: must be 0 to 65535, got x"):
        load_settings(plc(), {"CONECTPY_PORT": "x"}, {})
    assert faults_of(plc(), port="x") == ["--port: must be 0 to 65535, got x"]


def test_opcua_tags_need_nodes() -> None:
    url = "opc.tcp://10.0.0.5:4840"
    tags = [{"tag": "VE001_ST", "node": "ns=4;i=3"}, "ns=2;s=Pump"]
    found = load_settings({"plcs": {url: {"tags": tags}}}, {}, {}).plcs[0]
    assert (found.driver, found.tags[0].node, found.tags[1].node) == ("opcua", "ns=4;i=3", "ns=2;s=Pump")
    assert "has no node" in faults_of({"plcs": {url: {"tags": ["VE001_ST"]}}})[0]
    assert "is for driver opcua" in faults_of(plc(security="none"))[0]


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_yaml_holds_the_same_structure(tmp_path: Path) -> None:
    path = write(
        tmp_path / "plant.yml", 'plcs:\n  "10.0.0.1":\n    name: Año\n    state_tags: [P1]\nweb: {port: 8080}\n'
    )
    settings = load_settings(load_yaml(path), {}, {})
    assert (settings.plcs[0].name, settings.web.port) == ("Año", 8080)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plcs:\n  a: [1,\n  b: 2\n", "line"),
        ("plcs:\n  10.0.0.1: {tags: [A]}\n  10.0.0.1: {tags: [B]}\n", "line 3, column 3: 10.0.0.1 stands here twice"),
        ("- 1\n", "must hold plcs:"),
        ("", "must hold plcs:"),
        ("plcs: !!python/object/apply:os.system [ls]\n", "line 1"),
    ],
)
def test_yaml_faults_are_one_line_with_the_file_and_place(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path / "plant.yml", text)
    with pytest.raises(ConfigError) as caught:
        load_yaml(path)
    (fault,) = caught.value.faults
    assert path in fault
    assert told in fault
    assert "\n" not in fault


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_file_as_notepad_or_powershell_saves_it_is_read(tmp_path: Path, encoding: str) -> None:
    text = "plcs:\r\n  '10.0.0.1': {name: Bahía Azul, tags: [A]}\r\n"
    bom = b"\xff\xfe" if encoding == "utf-16-le" else b""
    (tmp_path / "plant.yml").write_bytes(bom + text.encode(encoding))
    assert load_yaml(str(tmp_path / "plant.yml"))["plcs"]["10.0.0.1"]["name"] == "Bahía Azul"


def test_an_ansi_file_is_told_how_to_be_saved(tmp_path: Path) -> None:
    (tmp_path / "plant.yml").write_bytes("plcs:\r\n  '10.0.0.1': {name: Bahía Azul}\r\n".encode("cp1252"))
    with pytest.raises(ConfigError, match=r"plant\.yml: is not UTF-8 text, line 2: .* encoding UTF-8") as caught:
        load_yaml(str(tmp_path / "plant.yml"))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_binary_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yml"):
        load_yaml(str(tmp_path / "nowhere.yml"))
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_yaml(str(tmp_path / "binary.yml"))


def merge_bomb() -> str:
    """A few hundred bytes that would grow to 10^9 entries."""
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 10)]
    return "\n".join([*lines, "plcs: *a9"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (merge_bomb(), "<< copies more than 200000 entries"),
        ("plcs: " + "9" * 200_000, "line 1, column 7: a number has at most 100 digits"),
        ("plcs: 1" + ":59" * 70_000, "a number has at most 100 digits"),
        ("plcs: 1." + "9" * 200_000, "a number has at most 100 digits"),
        ("plcs: " + "[" * 100_000, "nested too deeply"),
        ("plcs: " + "[" * 100_000 + "]" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_would_grow_without_end_is_a_fault(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "plant.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_yaml(str(path))
    assert told in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 500


def test_aliases_that_people_use_are_read(tmp_path: Path) -> None:
    path = tmp_path / "plant.yml"
    text = "plcs:\n  10.0.0.1: &a {tags: &t [A, B]}\n  10.0.0.2: {<<: *a, name: Sur}\n  10.0.0.3: {tags: *t}\n"
    path.write_text(text, encoding="utf-8")
    plcs = load_yaml(str(path))["plcs"]
    assert plcs["10.0.0.2"] == {"name": "Sur", "tags": ["A", "B"]}
    assert plcs["10.0.0.3"]["tags"] == ["A", "B"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16-be"])
def test_other_encodings_say_how_to_save_the_file(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "plant.yml"
    path.write_bytes("plcs: {10.0.0.1: {name: Bahía, tags: [A]}}".encode(encoding))
    with pytest.raises(ConfigError, match="save it with the encoding UTF-8"):
        load_yaml(str(path))
