"""A grid of terminal cells to draw on."""

from __future__ import annotations

from itertools import groupby

from rich.cells import cell_len

from syncheck.reporters.styled import Line, Piece

BLANK = " "
SOLID = "\xa0"
"""A space inside a box: printed as a space, but nothing may be drawn over it."""


class Canvas:
    """Rows of cells, each holding one character and its style; a wide character leaves "" in the cell after it."""

    def __init__(self, rows: int, columns: int) -> None:
        self._cells = [[(BLANK, "")] * columns for _ in range(rows)]

    def at(self, row: int, column: int) -> str:
        """The character there; "" outside."""
        inside = 0 <= row < len(self._cells) and 0 <= column < len(self._cells[row])
        return self._cells[row][column][0] if inside else ""

    def put(self, row: int, column: int, text: str, style: str = "") -> None:
        for character in text:
            if not cell_len(character):
                continue
            self._cells[row][column] = (character, style)
            for _ in range(cell_len(character) - 1):
                column += 1
                self._cells[row][column] = ("", style)
            column += 1

    def row(self, row: int) -> Line:
        runs = groupby(self._cells[row], key=lambda cell: cell[1])
        return tuple(
            Piece("".join(character for character, _ in run).replace(SOLID, BLANK), style) for style, run in runs
        )

    def empty(self, row: int) -> bool:
        return all(character == BLANK for character, _ in self._cells[row])
