"""A file that holds a key: nobody else reads it, nobody else can have written it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from conectpy.files.private_file import create_private, read_private, replace_private

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")


def test_a_private_file_is_written_and_read_and_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "llave única.key")
    replace_private(path, b"one")
    seen = replace_private(path, b"two")
    assert read_private(path) == b"two"
    assert os.path.samestat(seen, os.stat(path))
    assert [file.name for file in tmp_path.iterdir()] == ["llave única.key"]


def test_what_a_killed_process_left_half_written_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "key"
    Path(f"{path}-part").write_bytes(b"half")
    replace_private(str(path), b"whole")
    assert read_private(str(path)) == b"whole"


def test_a_file_that_is_there_is_never_opened_for_writing(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        create_private(str(tmp_path / "key"))
    assert (tmp_path / "key").read_bytes() == b"theirs"


@posix_only
def test_it_is_private_from_the_moment_it_exists_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = create_private(str(tmp_path / "key"))
    finally:
        os.umask(before)
    assert os.fstat(file).st_mode & 0o777 == 0o600
    os.close(file)


@posix_only
def test_a_link_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "key").symlink_to(target)
    (tmp_path / "key-part").symlink_to(target)
    replace_private(str(tmp_path / "key"), b"secret")
    assert target.read_bytes() == b"precious"
    assert read_private(str(tmp_path / "key")) == b"secret"


@posix_only
def test_a_file_that_others_reach_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    replace_private(str(path), b"secret")
    path.chmod(0o640)
    with pytest.raises(OSError, match="others can read or write it"):
        read_private(str(path))
    path.chmod(0o600)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError):  # noqa: PT011 - its text is the system's own
        read_private(str(tmp_path / "link"))
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(OSError, match="no regular file"):
        read_private(str(tmp_path / "pipe"))


@posix_only
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused_unless_named(tmp_path: Path) -> None:
    path = str(tmp_path / "key")
    replace_private(path, b"secret")
    os.chown(path, 12345, 12345)
    with pytest.raises(OSError, match="belongs to another user"):
        read_private(path)
    assert read_private(path, owners=[12345]) == b"secret"


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "key")
    replace_private(path, b"x" * 101)
    assert len(read_private(path, max_bytes=101)) == 101
    with pytest.raises(OSError, match="larger than 100 bytes"):
        read_private(path, max_bytes=100)
