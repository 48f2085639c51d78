"""Options that make the long tests longer."""

from __future__ import annotations

from typing import Optional

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # how long one example takes is the machine's affair
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=100, help="how often the store's writer is killed (100)")
    parser.addoption("--wine-python", help="python.exe without the checkout on its path; .ci/windows gives it")
    parser.addoption("--minutes", type=float, default=0.3, help="how long the soak takes (0.3)")
    parser.addoption(
        "--oracle-runs", type=int, default=4, help="how many random histories the oracle lives through (4)"
    )
    parser.addoption(
        "--oracle-seed", type=int, default=0, help="which of them, as a failure printed it (0: fresh ones)"
    )
    parser.addoption(
        "--histories", type=int, default=2000, help="how many random histories the clocks go through (2000)"
    )
    parser.addoption("--lock-seconds", type=float, default=2.0, help="how long another program locks the database (2)")
    parser.addoption("--flips", type=int, default=60, help="how many damaged copies of a database are opened (60)")


def pytest_make_parametrize_id(val: object, argname: str) -> Optional[str]:
    """A long value is named by its length: pytest puts the name into the environment, which Windows bounds."""
    if isinstance(val, (str, bytes)) and len(val) > 200:
        return f"{argname}-of-{len(val)}"
    return None
