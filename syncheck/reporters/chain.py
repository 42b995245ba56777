"""The numbered chain of a deadlock."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len

from syncheck.reporters.styled import Line, Page, Piece, hanging, line_width

_NUMBER = re.compile(r"(\d{1,6})[.):]?\s+")
_COLUMN = re.compile(r"\s{2,}")


def chain_lines(chain: Sequence[str], page: Page) -> list[Line]:
    """The steps, numbered. Columns (two spaces apart) are aligned if every step has as many.

    Where the aligned steps are too long, their last column moves to lines of its own.
    """
    steps = [_COLUMN.split(page.clean(step)) for step in _without_numbers(chain)]
    if len({len(step) for step in steps}) > 1:
        steps = [[" ".join(step)] for step in steps]
    digits = len(str(len(chain)))
    heads = [(Piece("  "), Piece(f"{number:>{digits}}", "key"), Piece("  ")) for number in range(1, len(steps) + 1)]
    rows = [(*head, Piece(start)) for head, start in zip(heads, _aligned(steps), strict=True)]
    side = max((line_width(row) + cell_len(step[-1]) for row, step in zip(rows, steps, strict=True)), default=0)
    lines: list[Line] = []
    for row, step in zip(rows, steps, strict=True):
        if len(step) == 1 or side <= page.width:
            lines += hanging(row, step[-1], page, min(line_width(row), digits + 6))
        else:
            lines += [*_first(row, page), *hanging((Piece(" " * (digits + 6)),), step[-1], page, digits + 6)]
    return lines


def _without_numbers(chain: Sequence[str]) -> list[str]:
    steps = [step.strip() for step in chain]
    numbers = [match and int(match[1]) for match in map(_NUMBER.match, steps)]
    if numbers != list(range(1, len(steps) + 1)):
        return steps
    return [_NUMBER.sub("", step, count=1) for step in steps]


def _aligned(steps: Sequence[Sequence[str]]) -> list[str]:
    """All columns of each step but the last, padded."""
    columns = range(len(steps[0]) - 1 if steps else 0)
    widths = [max(cell_len(step[column]) for step in steps) for column in columns]
    return ["".join(f"{step[c]}{'':{widths[c] - cell_len(step[c]) + 2}}" for c in columns) for step in steps]


def _first(row: Line, page: Page) -> list[Line]:
    if line_width(row) <= page.width:
        return [row]
    return hanging(row[:-1], row[-1].text, page, line_width(row[:-1]) + 2)
