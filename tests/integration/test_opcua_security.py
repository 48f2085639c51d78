"""Who gets in and who gets our password: endpoints, certificates, users, against the bundled server."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from conectpy.__main__ import main as tool
from conectpy.drivers.opc_ua import OpcUaPlc
from conectpy.drivers.ua.connect import UntrustedServer
from conectpy.drivers.ua.trust import check_certificate
from conectpy.errors import DriverError
from conectpy.models import Sample
from conectpy.pki import certificates as pki
from conectpy.settings.types import OpcUaSettings, PlcSettings, TagSettings
from conectpy.simulator.opcua_server import APPLICATION_URI, OpcUaServer

TABLE = {"P1_ST": ("BOOL", True)}
SECRET = "contraseña con ñ"


@pytest.fixture(scope="module")
def identity() -> pki.Identity:
    return pki.make_identity("S7", APPLICATION_URI, ["127.0.0.1"])


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our own certificate: making one takes a while, so it is made once."""
    folder = tmp_path_factory.mktemp("pki")
    pki.Pki(str(folder)).load_own()
    return folder


@pytest.fixture(scope="module")
def server(identity: pki.Identity) -> Iterator[OpcUaServer]:
    with OpcUaServer(table=TABLE, identity=identity, users={"op": SECRET}) as running:
        yield running


@pytest.fixture
def folder(own: Path, tmp_path: Path) -> pki.Pki:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "conectpy.pem").write_bytes((own / "own" / "conectpy.pem").read_bytes())
    return pki.Pki(str(tmp_path))


def trust(folder: pki.Pki, certificate: Any) -> None:
    folder.trusted.mkdir(exist_ok=True)
    (folder.trusted / "server.der").write_bytes(pki.to_der(certificate))


def read(server: OpcUaServer, folder: pki.Pki, **settings: Any) -> Tuple[Dict[str, Sample], Dict[str, Any]]:
    tags = (TagSettings("P1_ST", "P1_ST", node="ns=4;i=1"),)
    opcua = OpcUaSettings(**{"pki_dir": str(folder.folder), **settings})
    driver = OpcUaPlc(PlcSettings(server.url, "plant", "opcua", timeout_s=3.0, tags=tags, opcua=opcua), {})
    try:
        driver.connect()
        return dict(driver.read_scan().samples), dict(driver.facts())
    finally:
        driver.close()


@pytest.mark.parametrize(
    ("security", "shown"),
    [
        ("auto", "Basic256Sha256 SignAndEncrypt"),
        ("sign_and_encrypt", "Basic256Sha256 SignAndEncrypt"),
        ("sign", "Basic256Sha256 Sign"),
        ("none", "None"),
    ],
)
def test_each_security_reads_over_its_own_endpoint(
    server: OpcUaServer, folder: pki.Pki, identity: pki.Identity, security: str, shown: str
) -> None:
    trust(folder, identity.certificate)
    samples, facts = read(server, folder, security=security)
    assert samples == {"P1_ST": Sample(True)}
    assert facts["security"] == shown
    assert (facts["certificate_days_left"] is None) == (security == "none")


def test_an_unknown_server_is_refused_kept_and_trusted_by_one_command(
    server: OpcUaServer, folder: pki.Pki, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)
    server.logins.clear()
    settings = {"user": "op", "password_env": "PASSWORD"}
    with pytest.raises(UntrustedServer) as refused:
        read(server, folder, **settings)
    assert server.logins == []
    command = re.search(r"python -m conectpy (opcua trust [0-9a-f]{40}) --pki", str(refused.value))
    assert command, str(refused.value)
    assert SECRET not in str(refused.value)
    assert [path.suffix for path in folder.rejected.iterdir()] == [".der"]
    assert tool(["opcua", "list", "--pki", str(folder.folder)]) == 0
    assert tool([*command.group(1).split(), "--pki", str(folder.folder)]) == 0
    assert "trusted: S7" in capsys.readouterr().out
    assert read(server, folder, **settings)[0] == {"P1_ST": Sample(True)}
    assert server.logins == [("op", SECRET)]
    assert tool(["opcua", "distrust", refused.value.thumbprint, "--pki", str(folder.folder)]) == 0
    with pytest.raises(UntrustedServer):
        read(server, folder)
    assert tool(["opcua", "trust", "00000000", "--pki", str(folder.folder)]) == 1


def test_a_wrong_password_is_an_error_that_does_not_show_it(
    server: OpcUaServer, folder: pki.Pki, identity: pki.Identity, tmp_path: Path
) -> None:
    trust(folder, identity.certificate)
    (tmp_path / "password").write_text("falsch\n", encoding="utf-8")
    with pytest.raises(DriverError, match="BadUserAccessDenied") as refused:
        read(server, folder, user="op", password_file=str(tmp_path / "password"))
    assert "falsch" not in str(refused.value)
    with pytest.raises(DriverError, match="environment variable NOT_SET is not set"):
        read(server, folder, user="op", password_env="NOT_SET")
    with pytest.raises(DriverError, match="set password_env or password_file"):
        read(server, folder, user="op")


def test_a_password_travels_in_clear_only_when_allowed(
    server: OpcUaServer, folder: pki.Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)
    server.logins.clear()
    settings = {"user": "op", "password_env": "PASSWORD", "security": "none"}
    with pytest.raises(DriverError, match="allow_plain_password"):
        read(server, folder, **settings)
    assert server.logins == []
    assert read(server, folder, **settings, allow_plain_password=True)[0] == {"P1_ST": Sample(True)}


def test_a_user_certificate_signs_in(
    server: OpcUaServer, folder: pki.Pki, identity: pki.Identity, tmp_path: Path
) -> None:
    trust(folder, identity.certificate)
    pki.write_identity(tmp_path / "user.pem", pki.make_identity("operator", ""))
    files = {"user_certificate": str(tmp_path / "user.der"), "user_key": str(tmp_path / "user.pem")}
    assert read(server, folder, **files)[0] == {"P1_ST": Sample(True)}
    with pytest.raises(DriverError, match="user_key"):
        read(server, folder, user_certificate=files["user_certificate"])
    with pytest.raises(DriverError, match="No such file"):
        read(server, folder, **{**files, "user_key": str(tmp_path / "absent.pem")})


def judged(identity: pki.Identity, trusted: List[Any], uri: str = APPLICATION_URI) -> str:
    is_trusted, faults = check_certificate([identity.der], trusted, uri)
    return "; ".join([*faults, "" if is_trusted else "untrusted"]).strip("; ")


def test_a_trusted_certificate_must_also_be_sound(identity: pki.Identity) -> None:
    assert judged(identity, [identity.certificate]) == ""
    assert "made out to" in judged(identity, [identity.certificate], "urn:other")
    expired = pki.make_identity("old", APPLICATION_URI, days=-1, starts_days_ago=9)
    assert "expired on" in judged(expired, [expired.certificate])
    early = pki.make_identity("early", APPLICATION_URI, starts_days_ago=-1)
    assert "valid only from" in judged(early, [early.certificate])
    weak = pki.make_identity("weak", APPLICATION_URI, bits=1024)
    assert "1024 bits" in judged(weak, [weak.certificate])


def test_an_authority_in_the_trust_folder_vouches_for_its_servers_and_a_blob_may_hold_the_chain(
    folder: pki.Pki,
) -> None:
    root = pki.make_identity("root", "", is_authority=True)
    middle = pki.make_identity("middle", "", is_authority=True, issuer=root)
    leaf = pki.make_identity("S7", APPLICATION_URI, ["127.0.0.1"], issuer=middle)
    other = pki.make_identity("root", "", is_authority=True)
    assert pki.split_chain(leaf.der + middle.der) == [leaf.der, middle.der]
    chain = [leaf.der, middle.der]
    assert check_certificate(chain, [root.certificate], APPLICATION_URI) == (True, [])
    assert check_certificate(chain, [middle.certificate], APPLICATION_URI) == (True, [])
    assert check_certificate([leaf.der], [root.certificate], APPLICATION_URI)[0] is False
    assert check_certificate(chain, [other.certificate], APPLICATION_URI)[0] is False
    no_authority = pki.make_identity("S7 too", APPLICATION_URI, issuer=leaf)
    assert check_certificate([no_authority.der, leaf.der], [leaf.certificate], APPLICATION_URI)[0] is False
    trust(folder, middle.certificate)
    with OpcUaServer(table=TABLE, identity=leaf) as server:
        assert read(server, folder)[0] == {"P1_ST": Sample(True)}


def test_a_server_without_what_is_asked_for_gets_an_error_that_names_its_offers(folder: pki.Pki) -> None:
    with OpcUaServer(table=TABLE) as server, pytest.raises(DriverError, match=r"offers None; .*security: none"):
        read(server, folder)


def test_the_key_is_ours_alone_and_made_once(folder: pki.Pki, tmp_path: Path) -> None:
    fresh = pki.Pki(str(tmp_path / "fresh"))
    first, second = fresh.load_own(), fresh.load_own()
    assert first.der == second.der == fresh.own.with_suffix(".der").read_bytes()
    assert first.application_uri.startswith("urn:")
    assert first.certificate.public_key().key_size >= 2048
    if sys.platform != "win32":
        assert fresh.own.stat().st_mode & 0o077 == 0
