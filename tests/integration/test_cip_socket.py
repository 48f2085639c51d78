"""Whole messages over real TCP within one deadline, from a peer that is played byte by byte."""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import Iterator, List

import pytest

from conectpy.drivers.cip.tcp import CipSocket, LinkError, resolve

TIMEOUT_S = 0.4


def message(command: int, data: bytes = b"") -> bytes:
    return struct.pack("<HHII8sI", command, len(data), 1, 0, b"context!", 0) + data


REPLY = message(0x70, b"reply")
NOP = message(0x00, b"nop")


class Peer:
    """Accepts one connection; sends `pieces` (bytes, or seconds to wait) when it has received something."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.pieces: List[object] = []
        self.is_closing = False
        self.received = b""
        self.gone = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        sock, _ = self.listener.accept()
        with sock:
            try:
                while True:
                    piece = sock.recv(4096)
                    if not piece:
                        return
                    self.received += piece
                    for item in self.pieces:
                        if isinstance(item, bytes):
                            sock.sendall(item)
                        elif self.gone.wait(float(str(item))):
                            return
                    if self.is_closing:
                        return
            except OSError:
                return


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    with made.listener:
        made.thread.start()
        yield made
        made.gone.set()
    made.thread.join(5.0)


@pytest.fixture
def link(peer: Peer) -> Iterator[CipSocket]:
    sock = CipSocket(TIMEOUT_S)
    sock.connect("127.0.0.1", peer.port)
    yield sock
    sock.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [REPLY],
        [REPLY[:1], 0.02, REPLY[1:23], 0.02, REPLY[23:25], 0.02, REPLY[25:]],
        [NOP, REPLY],
        [NOP + REPLY],
        [NOP[:5], 0.02, NOP[5:] + NOP + REPLY[:3], 0.02, REPLY[3:]],
    ],
)
def test_a_message_in_any_pieces(peer: Peer, link: CipSocket, pieces: List[object]) -> None:
    peer.pieces = pieces
    for _ in range(2):
        assert link.exchange(b"request") == REPLY
    assert link.is_usable


@pytest.mark.parametrize(
    ("pieces", "is_closing", "error"),
    [
        ([], False, "no whole reply within 0.4 s"),
        ([REPLY[:-1]], False, "no whole reply"),
        ([NOP], False, "no whole reply"),
        ([item for at in range(len(REPLY)) for item in (REPLY[at : at + 1], 0.05)], False, "no whole reply"),
        ([], True, "closed the connection"),
        ([REPLY[:3]], True, "closed the connection"),
        ([REPLY + b"x"], False, "1 bytes that nobody asked for"),
        ([REPLY + REPLY], False, "29 bytes that nobody asked for"),
        ([b"\x70\x00\xff\xff"], False, "65535 bytes is announced"),
    ],
)
def test_what_is_no_message(peer: Peer, link: CipSocket, pieces: List[object], is_closing: bool, error: str) -> None:
    peer.pieces, peer.is_closing = pieces, is_closing
    if pieces == [b"\x70\x00\xff\xff"]:
        peer.pieces = [b"\x70\x00\xff\xff" + bytes(20)]
    started_s = time.monotonic()
    with pytest.raises(LinkError, match=error):
        link.exchange(b"request")
    assert time.monotonic() - started_s < 5 * TIMEOUT_S
    assert not link.is_usable


def test_a_goodbye_waits_for_its_own_reply(peer: Peer, link: CipSocket) -> None:
    peer.pieces = [REPLY, 0.05, message(0x6F)[:14], 0.02, message(0x6F)[14:]]
    assert link.say_goodbye(b"bye", b"context!", 2.0)
    assert peer.received == b"bye"


def test_a_goodbye_is_bounded(peer: Peer, link: CipSocket) -> None:
    peer.pieces = [b"x", 0.05] * 100
    started_s = time.monotonic()
    assert not link.say_goodbye(b"bye", b"never", 0.3)
    assert time.monotonic() - started_s < 3.0


def test_a_goodbye_after_an_abort_is_still_sent(peer: Peer, link: CipSocket) -> None:
    link.abort()
    assert not link.say_goodbye(b"bye", b"never", 0.3)
    link.close()
    peer.thread.join(5.0)
    assert peer.received in (b"bye", b"")  # b"" where a reader is only woken by ending both directions


def test_names_are_looked_up() -> None:
    assert resolve("127.0.0.1", 5, 1.0) == ("127.0.0.1", 5)
    assert resolve("localhost", 5, 5.0)[0].startswith("127.")
    with pytest.raises(OSError, match=r".*"):
        resolve("no.such.host.invalid", 5, 2.0)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    sock = CipSocket(TIMEOUT_S)
    with pytest.raises(LinkError, match=f"cannot reach 127.0.0.1:{port}"):
        sock.connect("127.0.0.1", port)
    sock.close()
