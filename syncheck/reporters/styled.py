"""Lines of styled text: cleaning, measuring and wrapping by terminal cells, and the bytes a terminal gets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

from syncheck.value import Value, frozen

# Bold and standard colours only: they read on dark and on light backgrounds (yellow and grey do not).
STYLES = {
    "error": "bold red",
    "warning": "bold magenta",
    "info": "bold",
    "later": "bold red",
    "earlier": "bold cyan",
    "key": "bold",
    "proved": "bold green",
    "refuted": "bold red",
    "bounded": "bold magenta",
    "unreadable": "bold red",
}

# Controls, lone surrogates and what turns the direction of text: none may reach a terminal.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_ASCII = str.maketrans(
    {"→": "->", "←": "<-", "↔": "<->", "…": "...", "·": "-", "•": "-", "≥": ">=", "≤": "<=", "×": "x", "–": "-"}
    | {"—": "-", "‘": "'", "’": "'", "“": '"', "”": '"'}
)
_WORD = re.compile(r"[^\s()]*\([^()]*\)[^\s()]*|\S+")


class Piece(NamedTuple):
    text: str
    style: str = ""
    link: str = ""


Line = tuple[Piece, ...]
"""A line; the empty tuple is an empty line."""


@frozen
class Page(Value):
    """What the lines are laid out for. `width` in cells."""

    width: int
    ascii: bool = False
    verbose: bool = False
    hyperlinks: bool = False

    def clean(self, text: str) -> str:
        """`text` on one line, with nothing in it that a terminal would obey."""
        shown = _UNPRINTABLE.sub(_visible, text)
        if self.ascii:
            shown = shown.translate(_ASCII).encode("ascii", "replace").decode()
        return shown

    def sign(self, text: str, ascii: str) -> str:
        return ascii if self.ascii else text


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] in "\t\n\v\f\r\u2028\u2029":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "\ufffd"


def plain(text: str, style: str = "") -> Line:
    return (Piece(text, style),) if text else ()


def line_width(line: Line) -> int:
    return sum(cell_len(piece.text) for piece in line)


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells. What stands in one pair of parentheses stays together if it can."""
    width = max(width, 2)
    lines: list[str] = []
    for word in _words(text, width):
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _words(text: str, width: int) -> Iterable[str]:
    for group in _WORD.findall(text):
        whole = " ".join(group.split())
        if cell_len(whole) <= width:
            yield whole
            continue
        for word in whole.split():
            yield from chop_cells(word, width) if cell_len(word) > width else (word,)


def hanging(head: Line, text: str, page: Page, indent: int, style: str = "") -> list[Line]:
    """`head`, then `text` wrapped beside it; further lines are indented by `indent` cells."""
    wrapped = wrap(page.clean(text), page.width - max(indent, line_width(head)))
    first = (*head, Piece(wrapped[0], style)) if wrapped else head
    return [first, *((Piece(" " * indent), Piece(line, style)) for line in wrapped[1:])]


def flowed(cells: Iterable[Line], width: int, indent: int, gap: int = 3) -> list[Line]:
    """Cells side by side, `gap` apart, on as many lines as they need; further lines are indented by `indent`."""
    lines: list[Line] = []
    for cell in cells:
        if lines and line_width(lines[-1]) + gap + line_width(cell) <= width:
            lines[-1] = (*lines[-1], Piece(" " * gap), *cell)
        else:
            lines.append((Piece(" " * indent), *cell) if lines else cell)
    return lines


def printed(lines: Iterable[Line], color: bool) -> str:
    """The lines as one string, each ended by a newline, without trailing spaces."""
    if color:
        return "".join(f"{_ansi(line)}\n" for line in lines)
    return "".join("".join(piece.text for piece in line).rstrip() + "\n" for line in lines)


def _ansi(line: Line) -> str:
    from rich.color import ColorSystem
    from rich.style import Style

    result = ""
    for piece in _stripped(line):
        style = Style.parse(STYLES.get(piece.style, "none"))
        shown = style.render(piece.text, color_system=ColorSystem.STANDARD)
        # Written here and not by Style, which gives every link a random id.
        result += f"\x1b]8;;{piece.link}\x1b\\{shown}\x1b]8;;\x1b\\" if piece.link else shown
    return result


def _stripped(line: Line) -> Line:
    for last in range(len(line), 0, -1):
        text = line[last - 1].text.rstrip()
        if text:
            return (*line[: last - 1], line[last - 1]._replace(text=text))
    return ()
