"""Text and tables for a terminal."""

from __future__ import annotations

import sys
from typing import List, Sequence

from ..texts.catalogue import LANGUAGES, Text
from ..texts.outside import clean


def one_line(text: str, language: str = LANGUAGES[0]) -> str:
    """Text of the other side, harmless on a terminal: no control characters. A Text in `language`, without advice."""
    text = text.words_in(language) if isinstance(text, Text) else text
    return clean(text, None)


def format_table(rows: Sequence[Sequence[str]], language: str = LANGUAGES[0]) -> List[str]:
    """The rows as lines, columns as wide as they need."""
    rows = [[one_line(cell, language) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def print_table(rows: Sequence[Sequence[str]], language: str = LANGUAGES[0]) -> None:
    """Print the rows at once."""
    for line in format_table(rows, language):
        print(line)
    sys.stdout.flush()
