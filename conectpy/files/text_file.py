"""Text files as people save them, which on Windows need not be UTF-8."""

from __future__ import annotations

import codecs

MAX_BYTES = 32 * 2**20


def read_text(path: str) -> str:
    """The text of a file in UTF-8, or in the UTF-16 that PowerShell's `>` and Notepad's "Unicode" write.

    Raises OSError, or ValueError with what to do for any other encoding.
    """
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES >> 20} MiB")
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as exc:
        where = "" if is_utf16 else f", line {len(data[: exc.start + 1].splitlines())}"
        raise ValueError(
            f"is not UTF-8 text{where}: open it in an editor and save it with the encoding UTF-8,"
            " in Notepad by Save as; in PowerShell write it with Out-File -Encoding utf8"
        ) from exc
