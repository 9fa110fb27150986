"""Tables of plain text that stay readable when there is little room.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 2
#: What is left of a name when there is too little room for all columns; then columns go.
SHORTEST_NAME = 30
#: Where nobody says how wide a line may be, as in a pipe: names stay whole, for grep to find them.
ENDLESS = 10_000


@dataclass(frozen=True)
class Column:
    """One column; one whose cells are all empty is left out."""

    title: str
    cells: Sequence[str]
    rank: int = 0
    """The highest goes first when there is no room; 0 stays. The first column stays and shrinks."""
    right: bool = False


def line_width(otherwise: int = ENDLESS) -> int:
    """Characters in a line of this terminal, or ``otherwise`` if there is none."""
    return shutil.get_terminal_size((otherwise, 0)).columns


def plain(columns: Sequence[Column], width: int) -> str:
    """A table of lines of at most ``width`` characters, as far as that can be."""
    first, *rest = columns
    rest = [column for column in rest if any(column.cells)]
    least = min(_width(first), SHORTEST_NAME)
    while (dropped := max(rest, key=lambda column: column.rank, default=None)) and dropped.rank:
        if least + _taken(rest) <= width:
            break
        rest.remove(dropped)
    names = max(least, width - _taken(rest))
    first = Column(first.title, [shorten(cell, names) for cell in first.cells])
    drawn = [_cells(column) for column in (first, *rest)]
    lines = zip(*drawn, strict=True)
    return "\n".join((" " * GAP).join(line).rstrip() for line in lines)


def shorten(name: str, width: int) -> str:
    """A model's id in less room: without its author, then without its middle.

    The end stays: it tells the bits.
    """
    if len(name) <= width:
        return name
    tail = f"…/{name.rpartition('/')[2]}"
    if len(tail) <= width:
        return tail
    head = (width - 1) // 2
    return f"{tail[2 : 2 + head]}…{tail[head + 1 - width :]}"


def _width(column: Column) -> int:
    return max(map(len, (column.title, *column.cells)))


def _taken(columns: Sequence[Column]) -> int:
    return sum(GAP + _width(column) for column in columns)


def _cells(column: Column) -> list[str]:
    width = _width(column)
    cells = (column.title, *column.cells)
    return [cell.rjust(width) if column.right else cell.ljust(width) for cell in cells]
