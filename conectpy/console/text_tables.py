"""Text and tables for a terminal."""

from __future__ import annotations

import sys
from typing import List, Sequence

from ..texts.outside import clean


def one_line(text: str) -> str:
    """A line for a terminal, whose parts may be of the other side: no control characters."""
    return clean(text, None)


def format_table(rows: Sequence[Sequence[str]]) -> List[str]:
    """The rows as lines, columns as wide as they need."""
    clean = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*clean)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in clean]


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print the rows at once."""
    for line in format_table(rows):
        print(line)
    sys.stdout.flush()
