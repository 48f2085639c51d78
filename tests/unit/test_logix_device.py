"""What a controller tells of itself, and when its values stand still."""

from __future__ import annotations

import struct

import pytest

from conectpy.drivers.cip.cip_requests import CipReply
from conectpy.drivers.cip.device import Device, frozen_reason

REFUSED = CipReply(0x08, (), b"")


def identity(product_type: int = 14) -> CipReply:
    name = b"1756-L83E"
    data = struct.pack("<HHHBBHI", 1, product_type, 166, 33, 11, 0x3060, 7) + bytes([len(name)]) + name
    return CipReply(0, (), data)


def test_a_controller() -> None:
    name = CipReply(0, (), struct.pack("<H", 4) + b"Main")
    device = Device.from_replies([identity(), name, CipReply(0, (), b"\x05\0abc")])
    assert device == Device("1756-L83E (revision 33.011)", "Main", b"\x05\0abc", True)


def test_what_is_not_told_stays_unknown() -> None:
    assert Device.from_replies([REFUSED] * 3) == Device()
    assert Device.from_replies([CipReply(0, (), b"")] * 3) == Device()
    assert not Device.from_replies([identity(product_type=12), REFUSED, REFUSED]).is_controller


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, None),
        (0x0000, None),
        (0x0030, None),
        (0x3060, None),
        (0x1060, None),
        (0x3160, None),
        (0x3070, "controller in PROGRAM mode"),
        (0x2070, "controller in PROGRAM mode"),
        (0x3450, "controller has a major fault"),
        (0x3860, "controller has a major fault"),
    ],
)
def test_modes(status: int, reason: str) -> None:
    assert frozen_reason(status) == reason
