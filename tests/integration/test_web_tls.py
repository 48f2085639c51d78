"""HTTPS, with clients around that never finish their handshake."""

from __future__ import annotations

import datetime
import gzip
import http.client
import json
import ssl
import time
from pathlib import Path
from typing import Iterator, Tuple

import pytest

from conectpy.settings.types import WebSettings
from tests.web_clients import ask, connect, port_of
from tests.web_plant import NORTH, PRESSURE, ZONE, Plant, running_plant


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Tuple[str, str]:
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.fixture
def tls_plant(tmp_path: Path, certificate: Tuple[str, str]) -> Iterator[Plant]:
    web = WebSettings(port=0, tls_certificate=certificate[0], tls_key=certificate[1], timezone=ZONE)
    with running_plant(tmp_path, web=web) as plant:
        plant.serve()
        yield plant


def tls_get(plant: Plant, certificate: str, path: str) -> Tuple[int, bytes]:
    trust = ssl.create_default_context(cafile=certificate)
    connection = http.client.HTTPSConnection("localhost", port_of(plant), timeout=10, context=trust)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_https_with_silent_clients_around(tls_plant: Plant, certificate: Tuple[str, str]) -> None:
    silent = [connect(tls_plant) for _ in range(100)]
    broken = [connect(tls_plant) for _ in range(10)]
    for sock in broken:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01")  # a handshake that stops in its first record
    started_s = time.monotonic()
    status, body = tls_get(tls_plant, certificate[0], "/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    assert time.monotonic() - started_s < 5.0
    assert tls_plant.server is not None
    assert tls_plant.server.url.startswith("https://localhost:")
    for sock in silent + broken:
        sock.close()


def test_https_keeps_connections_and_streams(tls_plant: Plant, certificate: Tuple[str, str]) -> None:
    trust = ssl.create_default_context(cafile=certificate[0])
    connection = http.client.HTTPSConnection("localhost", port_of(tls_plant), timeout=10, context=trust)
    for _ in range(5):
        connection.request("GET", "/", headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        assert b"conectpy" in gzip.decompress(response.read())
    connection.request("GET", "/api/stream")
    response = connection.getresponse()
    text = b""
    while b"event: snapshot" not in text:
        text += response.read1(65536)
    tls_plant.scan(NORTH, {PRESSURE.tag: 4.75})
    while b'"value":4.75' not in text:
        text += response.read1(65536)
    connection.close()


def test_plain_http_on_the_https_port_is_told_so(tls_plant: Plant) -> None:
    assert b"HTTPS only" in ask(tls_plant)
