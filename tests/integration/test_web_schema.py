"""Random requests made from the OpenAPI document: never a 5xx, and always an answer that the document describes."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from conectpy.web.pages.openapi import document
from tests.web_plant import NORTH, PUMP, T0, Plant

schemathesis = pytest.importorskip("schemathesis")

# The tests are made from the document while they are collected, so the application is there from then on.
_folder = Path(tempfile.mkdtemp(prefix="conectpy-schema-"))
_plant = Plant(_folder)
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
atexit.register(_plant.close)


@pytest.fixture(scope="module", autouse=True)
def plant() -> Any:
    _plant.scan_all()
    for hour in range(40):
        _plant.add_event(T0 + timedelta(hours=hour), 600.0, plc=NORTH, tag=PUMP.tag)
    _plant.flush()
    return _plant


def load() -> Any:
    loaders = getattr(schemathesis, "openapi", schemathesis)
    schema = loaders.from_wsgi("/api/openapi.json", _plant.app)
    return schema.exclude(path="/api/stream")  # never ends


schema = load()


@schema.parametrize()
@hypothesis.settings(
    max_examples=25, deadline=None, suppress_health_check=list(hypothesis.HealthCheck), derandomize=True
)
def test_random_requests(case: Any) -> None:
    response = case.call_wsgi() if hasattr(case, "call_wsgi") else case.call()
    assert response.status_code < 500
    if case.method.upper() != "GET":
        return  # methods that are not offered are tried, too
    # The document cannot say which times and names exist; but what is refused is refused as it says.
    described = document()["paths"][case.path]["get"]["responses"]
    assert str(response.status_code) in described
    headers = {name.lower(): value for name, value in dict(response.headers).items()}
    content_type = headers["content-type"]
    content_type = content_type if isinstance(content_type, str) else content_type[0]
    assert content_type.partition(";")[0] in described[str(response.status_code)]["content"]
