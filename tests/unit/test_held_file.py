"""A file that another program has open for a moment is renamed and removed all the same."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Callable

import pytest

from conectpy.files import held_file

ACTIONS = {
    "replace": lambda path: held_file.replace(path, f"{path}.new"),
    "rename": lambda path: held_file.rename(path, f"{path}.new"),
    "remove": held_file.remove,
}


@pytest.mark.parametrize("name", ACTIONS)
def test_a_scanner_that_looks_at_a_file_for_a_moment_does_not_matter(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    scanner = path.open("rb")  # Python opens without FILE_SHARE_DELETE, as scanners do
    closing = threading.Timer(0.3, scanner.close)
    closing.start()
    ACTIONS[name](str(path))
    closing.join()
    assert [file.name for file in tmp_path.iterdir()] == ([] if name == "remove" else ["file.new"])


@pytest.mark.skipif(sys.platform != "win32", reason="only Windows refuses to rename an open file")
@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
def test_one_that_never_lets_go_is_an_error(tmp_path: Path, action: Callable[[str], None]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with path.open("rb"), pytest.raises(PermissionError):
        action(str(path))
    assert path.exists()


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
def test_a_file_that_is_not_there_is_an_error_at_once(tmp_path: Path, action: Callable[[str], None]) -> None:
    with pytest.raises(FileNotFoundError):
        action(str(tmp_path / "nothing"))
