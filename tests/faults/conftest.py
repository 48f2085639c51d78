"""Options that make the fault tests longer."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lock-seconds", type=float, default=2.0, help="how long another program locks the database (2)")
    parser.addoption("--flips", type=int, default=60, help="how many damaged copies of a database are opened (60)")
