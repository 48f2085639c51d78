"""What a Logix controller tells of itself: what it is, which program it has, in which mode it is. Pure.

Sources: ODVA volume 1 5-2 (identity object), Rockwell 1756-PM020 (class 0xAC), Rockwell knowledge base 23341 (0x64).
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Optional, Sequence, Tuple

from ...texts.catalogue import Text, say
from ...texts.outside import clean
from .cip_requests import CHANGES_REQUEST, IDENTITY_REQUEST, PROGRAM_NAME_REQUEST, CipReply

INFO_REQUESTS: Tuple[bytes, ...] = (IDENTITY_REQUEST, PROGRAM_NAME_REQUEST, CHANGES_REQUEST)

PRODUCT_TYPE_PLC = 14
MAJOR_FAULT_TEXT, PROGRAM_MODE_TEXT = say("logix.major_fault"), say("logix.program_mode")  # asked for at every scan
IDLE, MAJOR_FAULT, MAJOR_FAULT_BITS = 7, 5, 0x0C00


class Device(NamedTuple):
    """`changes` is what tells one state of the program from another, None where the controller does not say."""

    text: Optional[str] = None
    program: Optional[str] = None
    changes: Optional[bytes] = None
    is_controller: bool = False

    @classmethod
    def from_replies(cls, replies: Sequence[CipReply]) -> Device:
        """From the replies to `INFO_REQUESTS`; what is refused or malformed stays unknown."""
        identity, name, changes = replies
        text, is_controller = None, False
        if identity.status == 0 and len(identity.data) >= 15:
            _, product_type, _, major, minor = struct.unpack_from("<HHHBB", identity.data)
            product = identity.data[15 : 15 + identity.data[14]].decode("latin-1")
            text = f"{clean(product)} (revision {major}.{minor:03d})"
            is_controller = product_type == PRODUCT_TYPE_PLC
        program = None
        if name.status == 0 and len(name.data) >= 2:
            size = int.from_bytes(name.data[:2], "little")
            program = clean(name.data[2 : 2 + size].decode("latin-1"))
        return cls(text, program, changes.data if changes.status == 0 and changes.data else None, is_controller)


def frozen_reason(status: Optional[int]) -> Optional[Text]:
    """Why a controller with this identity status word does not execute its program; None: it does, or does not say.

    Bits 4 to 7 are the device's state: 6 in run mode, 7 idle (program mode), 5 major fault; bits 10 and 11 are major
    faults (ODVA volume 1, 5-2.2.1.5).
    """
    if status is None:
        return None
    state = status >> 4 & 0x0F
    if state == MAJOR_FAULT or status & MAJOR_FAULT_BITS:
        return MAJOR_FAULT_TEXT
    return PROGRAM_MODE_TEXT if state == IDLE else None
