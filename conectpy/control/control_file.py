"""`<event file>.control`: where the program that holds the event file listens, and the key that proves who is who.

It is made at each start, with a new key, readable by the program's user (and root) alone, and goes at the end. One that
is left over from a killed program says nothing: whoever listens at its port does not know the key.
"""

from __future__ import annotations

import json
import os
import secrets
from typing import Any, NamedTuple

from ..errors import CommandError
from ..files.private_file import read_private, replace_private
from ..texts.catalogue import say, text_of
from ..timestamps import to_text, utc_now

VERSION = 1
"""Of file and protocol; programs of different versions do not talk to each other."""

KEY_BYTES = 32
MAX_BYTES = 4096


class Endpoint(NamedTuple):
    """Where one run of the program listens. `key` is never shown or sent; `started_ts` is ISO text."""

    port: int
    key: bytes
    process: int
    started_ts: str
    version: int = VERSION

    def __repr__(self) -> str:
        return f"Endpoint(port={self.port}, process={self.process})"


def make_endpoint(port: int) -> Endpoint:
    """For this process, with a new key."""
    return Endpoint(port, secrets.token_bytes(KEY_BYTES), os.getpid(), to_text(utc_now()))


def control_path(event_file: str) -> str:
    """The control file of an event file, whose path `find_real_path` gave."""
    return f"{event_file}.control"


def write_endpoint(event_file: str, endpoint: Endpoint) -> os.stat_result:
    """Put the file there, in the place of whatever is there; how it looks now. Raises OSError."""
    entry = {**endpoint._asdict(), "key": endpoint.key.hex()}
    return replace_private(control_path(event_file), (json.dumps(entry) + "\n").encode())


def read_endpoint(event_file: str) -> Endpoint:
    """What the file says. Raises CommandError that says why nobody can be reached by it."""
    path = control_path(event_file)
    try:
        owners = [os.stat(event_file).st_uid] if os.path.exists(event_file) else []
        return _parse(json.loads(read_private(path, owners, MAX_BYTES).decode("utf-8")))
    except FileNotFoundError:
        raise CommandError(say("control.no_file", path=path)) from None
    except OSError as exc:
        raise CommandError(say("control.file_fault", path=path, fault=text_of(exc))) from exc
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as exc:
        raise CommandError(say("control.bad_file", path=path)) from exc


def _parse(entry: Any) -> Endpoint:
    endpoint = Endpoint(
        int(entry["port"]),
        bytes.fromhex(entry["key"]),
        int(entry["process"]),
        str(entry["started_ts"])[:40],
        int(entry["version"]),
    )
    if not 0 < endpoint.port < 65536 or len(endpoint.key) != KEY_BYTES:
        raise ValueError
    return endpoint
