from __future__ import annotations

import ast
import io
import json
import re
import socket
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

import conectpy.web
from conectpy.errors import WebError
from conectpy.plant.current import Plant as SettingsOwner
from conectpy.settings.types import PlcSettings, Settings, TagSettings, WebSettings
from conectpy.web import create_app
from conectpy.web.frame.headers import is_host_trusted
from conectpy.web.frame.zones import plant_zone
from tests.web_plant import NORTH, SOUTH, T0, Plant, running_plant

WEB = Path(conectpy.web.__file__).parent
PAGES = ("/", "/events", "/timeline", "/hours", "/trends", f"/plc/{NORTH}", "/api/docs", "/nothing")
HOSTILE = ("<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "‮live", "x" * 200, "</script><b>", "{{7*7}}", "'\"&")


class Page(HTMLParser):
    """The tags of a page with their attributes, and the texts of its data blocks."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: List[Tuple[str, Dict[str, Optional[str]]]] = []
        self.scripts: List[Tuple[Dict[str, Optional[str]], str]] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            attrs, text = self.scripts[-1]
            self.scripts[-1] = (attrs, text + data)

    def links(self) -> Set[str]:
        return {value for _, attrs in self.tags for name, value in attrs.items() if name in ("href", "src") and value}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    tags = tuple(TagSettings(name, f"label {name}", is_state=True) for name in HOSTILE)
    plcs = (PlcSettings(NORTH, HOSTILE[0], tags=tags), PlcSettings(SOUTH, HOSTILE[4], tags=tags))
    with running_plant(tmp_path_factory.mktemp("plant"), plcs=plcs) as plant:
        for tag in HOSTILE:
            plant.add_event(T0, 5.0, tag=tag, unsure_s=600.0)
        plant.flush()
        yield plant


@pytest.fixture
def client(plant: Plant) -> FlaskClient:
    return plant.app.test_client()


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_nothing_inline_and_load_only_what_is_here(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == (404 if path == "/nothing" else 200)
    page = Page(response.get_data(as_text=True))
    for tag, attrs in page.tags:
        assert tag != "style"
        assert "style" not in attrs
        assert not any(name.startswith("on") for name in attrs), (tag, attrs)
    for attrs, text in page.scripts:
        assert attrs.get("src") or attrs.get("type") == "application/json", text
    for link in page.links():
        assert not re.match(r"[a-z]+:|//", link), link
        if link.startswith("/static/"):
            found = client.get(link)
            assert found.status_code == 200, link
            assert "immutable" in found.headers["Cache-Control"]


@pytest.mark.parametrize("path", PAGES)
def test_names_from_a_plc_are_text(client: FlaskClient, path: str) -> None:
    page = Page(client.get(path).get_data(as_text=True))
    assert not any(tag == "img" and attrs.get("src") == "x" for tag, attrs in page.tags)
    assert not any(tag == "b" for tag, _ in page.tags)
    for attrs, text in page.scripts:
        if attrs.get("type") == "application/json":
            json.loads(text)


def test_the_live_page_carries_the_values_it_starts_with(client: FlaskClient) -> None:
    page = Page(client.get("/").get_data(as_text=True))
    (snapshot,) = [json.loads(text) for attrs, text in page.scripts if attrs.get("id") == "snapshot"]
    assert set(snapshot["data"]) == {NORTH, SOUTH}
    assert [tag for tag in snapshot["data"][NORTH] if tag[0] != "_"] == list(HOSTILE)  # as configured


def test_security_headers(client: FlaskClient) -> None:
    for path in (*PAGES, "/data", "/api/events", "/api/nothing"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'; img-src 'self' data:")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"]


def test_wrong_filters_are_named_on_the_page(client: FlaskClient) -> None:
    for path in ("/events", "/timeline"):
        response = client.get(path, query_string={"from": "never", "limit": "0"})
        assert response.status_code == 400
        text = response.get_data(as_text=True)
        assert "<strong>from</strong>" in text
        assert "<strong>limit</strong>" in text


def test_uncertain_edges_are_told(client: FlaskClient) -> None:
    text = client.get("/events?lang=es").get_data(as_text=True)
    assert "entre 08:50:00 y 09:00:00" in text  # 12:00 UTC is 09:00 in the plant's zone


@pytest.mark.parametrize("address", [NORTH, SOUTH, SOUTH.replace("/", "%2F"), "label"])
def test_a_page_for_every_plc(client: FlaskClient, address: str) -> None:
    assert client.get(f"/plc/{address}").status_code == (404 if address == "label" else 200)


# -- static files ------------------------------------------------------------------------------------------------------


def test_modules_import_only_files_that_are_there() -> None:
    scripts = list((WEB / "static" / "js").rglob("*.js"))
    assert scripts
    for script in scripts:
        for name in re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8")):
            assert (script.parent / name).is_file(), f"{script.name} imports {name}"


def test_an_old_hash_is_served_but_not_kept(client: FlaskClient) -> None:
    response = client.get("/static/000000000000/js/live.js")
    assert response.status_code == 200
    assert "immutable" not in response.headers["Cache-Control"]
    assert client.get("/static/0/../../__init__.py").status_code == 404
    assert client.get("/static/0/js/nothing.js").status_code == 404


def test_static_files_are_compressed(client: FlaskClient) -> None:
    address = re.search(r"/static/[0-9a-f]+/vendor/swagger-ui.css", client.get("/api/docs").get_data(as_text=True))
    assert address
    plain, packed = (client.get(address[0], headers={"Accept-Encoding": kind}) for kind in ("identity", "gzip"))
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(plain.data) / 4
    again = client.get(address[0], headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert again.status_code == 304


# -- languages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [("es-UY,es;q=0.9,en;q=0.8", "Eventos"), ("en-US", "Events"), ("de, es;q=0.5", "Eventos"), ("de", "Events")],
)
def test_the_language_is_what_the_browser_prefers(client: FlaskClient, accepted: str, expected: str) -> None:
    assert f"<h1>{expected}</h1>" in client.get("/events", headers={"Accept-Language": accepted}).get_data(as_text=True)


def test_a_chosen_language_is_remembered(client: FlaskClient) -> None:
    english = {"Accept-Language": "en"}
    response = client.get("/events?lang=es", headers=english)
    assert "HttpOnly" in response.headers["Set-Cookie"]
    assert "SameSite=Lax" in response.headers["Set-Cookie"]
    assert "<h1>Horas de marcha</h1>" in client.get("/hours", headers=english).get_data(as_text=True)
    assert "<h1>Run hours</h1>" in client.get("/hours?lang=en", headers=english).get_data(as_text=True)


def test_the_language_of_the_settings(tmp_path: Path) -> None:
    with running_plant(tmp_path, web=WebSettings(port=0, language="es", timezone="UTC")) as plant:
        assert "<h1>Eventos</h1>" in plant.app.test_client().get("/events").get_data(as_text=True)


def test_the_language_of_the_whole_speaks_on_the_pages_unless_the_web_has_its_own(tmp_path: Path) -> None:
    with running_plant(tmp_path) as plant:
        for web, expected in ((None, "Eventos"), ("en", "Events")):
            settings = Settings((), web=WebSettings(language=web), language="es")
            app = create_app(plant.realtime, plant.store.reader(), SettingsOwner(settings), health=lambda: (True, {}))
            assert f"<h1>{expected}</h1>" in app.test_client().get("/events").get_data(as_text=True)
            app.extensions["conectpy"].hub.stop()


def used_messages() -> Set[str]:
    found: Set[str] = set()
    for path in WEB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                assert isinstance(node.args[0], ast.Constant), f"{path.name}: only literal texts can be translated"
                found.add(str(node.args[0].value))
    for path in (WEB / "templates").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        found.update(double or single for double, single in re.findall(r"""\b_\((?:"([^"]*)"|'([^']*)')""", text))
    return found


def catalog() -> Catalog:
    with (WEB / "translations/es/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale="es")


def test_every_text_is_translated_and_nothing_else() -> None:
    translated = {message.id: message.string for message in catalog() if message.id}
    assert set(translated) == used_messages()
    for message, text in translated.items():
        assert text
        holes = r"%\(\w+\)[sd]|\{\w+\}"
        assert sorted(re.findall(holes, str(message))) == sorted(re.findall(holes, str(text))), message


def test_the_compiled_catalog_agrees_with_its_source() -> None:
    compiled = read_mo(io.BytesIO((WEB / "translations/es/LC_MESSAGES/messages.mo").read_bytes()))
    wanted = {message.id: message.string for message in catalog() if message.id}
    assert {message.id: message.string for message in compiled if message.id} == wanted


def test_scripts_name_only_texts_that_are_sent(client: FlaskClient) -> None:
    page = Page(client.get("/").get_data(as_text=True))
    (sent,) = [json.loads(text)["messages"] for attrs, text in page.scripts if attrs.get("id") == "config"]
    for script in (WEB / "static" / "js").rglob("*.js"):
        for name in re.findall(r'\bt\("([\w.]+)"', script.read_text(encoding="utf-8")):
            assert name in sent, f"{script.name}: {name}"


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "settings", "is_trusted"),
    [
        ("localhost:5000", {}, True),
        ("127.0.0.1:5000", {}, True),
        ("[::1]:5000", {}, True),
        ("attacker.example", {}, False),
        ("scada-pc", {"host": "scada-pc"}, True),
        ("attacker.example", {"host": "0.0.0.0"}, False),
        (socket.gethostname(), {"host": "0.0.0.0"}, True),
        (f"{socket.gethostname()}.local:5000", {"host": "0.0.0.0", "trusted_hosts": ("scada-pc",)}, True),
        (f"{socket.gethostname()}.attacker.example", {"host": "0.0.0.0"}, False),
        ("attacker.example", {"host": "0.0.0.0", "trusted_hosts": ("scada-pc",)}, False),
        ("SCADA-PC:5000", {"host": "0.0.0.0", "trusted_hosts": ("scada-pc",)}, True),
        ("a.plant.example", {"host": "0.0.0.0", "trusted_hosts": (".plant.example",)}, True),
        ("10.0.0.7:5000", {"host": "0.0.0.0", "trusted_hosts": ("scada-pc",)}, True),
        ("a b", {"host": "0.0.0.0"}, False),
        ("", {}, True),
    ],
)
def test_which_hosts_are_answered(host: str, settings: Dict[str, Any], is_trusted: bool) -> None:
    assert is_host_trusted(host, WebSettings(**settings)) == is_trusted


def test_a_strange_host_is_refused(client: FlaskClient) -> None:
    assert client.get("/data", headers={"Host": "attacker.example"}).status_code == 400


def test_an_unknown_zone_is_a_clear_error() -> None:
    with pytest.raises(WebError, match=r"web\.timezone: no such time zone: Nowhere/City"):
        plant_zone("Nowhere/City")
    assert plant_zone(None)[1]


def test_the_openapi_document_describes_what_is_there(plant: Plant, client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").get_json()
    assert document["openapi"].startswith("3.")
    routes = {rule.rule for rule in plant.app.url_map.iter_rules()}
    assert set(document["paths"]) <= routes
    api = {rule for rule in routes if rule.startswith("/api/")} - {"/api/openapi.json", "/api/docs"}
    assert api <= set(document["paths"])
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert names <= set(document["components"]["schemas"])
