"""Write a Windows DLL of 1 KB whose one export is a forward to another DLL's function.

`forwarding_dll.py FILE EXPORT TARGET_DLL.FUNCTION`; FILE's name is the name that the DLL tells of itself.

Wine 8 has no bcryptprimitives.dll, which the Rust part of `cryptography` asks for random numbers; the function it wants
is an older one under another name.
"""

import struct
import sys
from pathlib import Path

FILE_ALIGNMENT, SECTION_ALIGNMENT = 0x200, 0x1000
IMAGE_BASE = 0x180000000


def export_section(name: bytes, export: bytes, target: bytes, at: int) -> bytes:
    """An export directory (PE format, "The .edata Section") for one name, to lie at the relative address `at`.

    An address that points into the section itself is a forward: text instead of code.
    """
    head_size = 40
    addresses, names, ordinals = at + head_size, at + head_size + 4, at + head_size + 8
    texts = at + head_size + 10
    name_at, export_at = texts, texts + len(name) + 1
    target_at = export_at + len(export) + 1
    head = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, name_at, 1, 1, 1, addresses, names, ordinals)
    return head + struct.pack("<IIH", target_at, export_at, 0) + b"\0".join((name, export, target, b""))


def make_dll(name: bytes, export: bytes, target: bytes) -> bytes:
    """The whole file: DOS header, PE header for x86-64, one section that holds the export directory."""
    at = SECTION_ALIGNMENT
    section = export_section(name, export, target, at)
    assert len(section) <= FILE_ALIGNMENT
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    coff = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x2022)  # one section; executable, large addresses, DLL
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        *(0x20B, 14, 0, 0, FILE_ALIGNMENT, 0, 0, at, IMAGE_BASE, SECTION_ALIGNMENT, FILE_ALIGNMENT),
        *(6, 0, 0, 0, 6, 0, 0, at + SECTION_ALIGNMENT, FILE_ALIGNMENT, 0, 2, 0x100),
        *(0x100000, 0x1000, 0x100000, 0x1000, 0, 16),
    )
    directories = struct.pack("<II", at, len(section)).ljust(16 * 8, b"\0")
    table = struct.pack(
        "<8sIIIIIIHHI", b".edata", len(section), at, FILE_ALIGNMENT, FILE_ALIGNMENT, 0, 0, 0, 0, 0x40000040
    )
    headers = dos + b"PE\0\0" + coff + optional + directories + table
    return headers.ljust(FILE_ALIGNMENT, b"\0") + section.ljust(FILE_ALIGNMENT, b"\0")


if __name__ == "__main__":
    file, export, target = sys.argv[1:]
    Path(file).write_bytes(make_dll(Path(file).name.encode(), export.encode(), target.encode()))
