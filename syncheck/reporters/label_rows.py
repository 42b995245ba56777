"""The places of a finding: file and line, core, pipe, what it does to which bytes, and how one gets there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from syncheck.finding import Finding, Label
from syncheck.reporters.excerpt import excerpt
from syncheck.reporters.styled import Line, Page, Piece, flowed, hanging, line_width, plain

KEY = 11
"""The column where the text beside a key (later, why, order) starts."""
_VERBS = {"read": "reads", "write": "writes"}
_FRAME = re.compile(r"(?P<name>[^\s@]+)@(?P<line>\d+)(?:\s+(?P<values>.*))?")


def key(name: str, style: str = "key") -> Line:
    return (Piece("  "), Piece(name, style), Piece(" " * (KEY - 2 - len(name))))


def label_lines(finding: Finding, page: Page) -> list[Line]:
    """A block for each label, one below the other, their columns aligned where they fit."""
    labels = finding.labels[:1] if finding.chain else finding.labels
    accesses = [label for label in labels if label.role != "note"]
    return blocks([(*_role(label, len(accesses) > 1), label) for label in labels], page)


def blocks(named: Sequence[tuple[str, str, Label]], page: Page) -> list[Line]:
    """A block for each (key, style, label)."""
    rows = _aligned([_cells(label, page) for _, _, label in named], page)
    lines: list[Line] = []
    shown: set[object] = set()
    for (name, style, label), row in zip(named, rows, strict=True):
        lines += [(*key(name, style), *row[0]), *((Piece(" " * KEY), *line) for line in row[1:])]
        if label.span not in shown:
            lines += excerpt(label.span, page, style)
        shown.add(label.span)
    return lines


def _role(label: Label, two: bool) -> tuple[str, str]:
    if label.role == "note":
        return "see", "key"
    if not two:
        return "at", "later"
    return ("earlier", "earlier") if label.role == "secondary" else ("later", "later")


def action(label: Label) -> str:
    """ "TCVT writes" """
    return " ".join(filter(None, (label.op, _VERBS.get(label.access, label.access))))


def place(label: Label, page: Page) -> Line:
    path = page.clean(label.span.path)
    text = f"{path}:{label.span.line}" if label.span.line > 0 else path
    return (Piece(text, "key", _link(label.span.path, page)),)


def _link(path: str, page: Page) -> str:
    # An editor or terminal can only open an absolute path, and a reporter does not know the current folder.
    known = page.hyperlinks and path == page.clean(path) and PurePath(path).is_absolute()
    return PurePath(path).as_uri() if known else ""


def touched(label: Label, page: Page) -> str:
    """ "UB 0x5000..0x5800 (pijBf16)" """
    if label.region is None:
        return ""
    name = f" ({label.region.name.strip()})" if label.region.name else ""
    return page.clean(" ".join(f"{label.region}{name}".split()))


def _cells(label: Label, page: Page) -> tuple[Line, ...]:
    """place, core, pipe | action, bytes | frames and note."""
    way = ", ".join(filter(None, (label.note, frames_in_words(label.frames))))
    middle = (plain(page.clean(action(label))), plain(touched(label, page)))
    core, pipe = plain(page.clean(label.core)), plain(page.clean(label.pipe))
    return (place(label, page), core, pipe, *middle, plain(page.clean(way)))


def _aligned(rows: Sequence[tuple[Line, ...]], page: Page) -> list[list[Line]]:
    """Each row as lines: all six cells on one line if that fits for every row, else two lines, else as they flow."""
    room = page.width - KEY
    for cuts in ((6,), (5, 6), (3, 6), (3, 5, 6)):
        laid = [_lines(row, cuts, rows) for row in rows]
        if all(line_width(line) <= room for lines in laid for line in lines):
            return laid
    return [_flowing(row, page) for row in rows]


def _lines(row: tuple[Line, ...], cuts: tuple[int, ...], rows: Sequence[tuple[Line, ...]]) -> list[Line]:
    widths = [max(line_width(other[column]) for other in rows) for column in range(len(row))]
    gaps = (3, 2, 2, 2, 3, 0)
    lines, start = [], 0
    for cut in cuts:
        line: Line = ()
        for column in range(start, cut):
            if widths[column]:
                pad = widths[column] - line_width(row[column]) + gaps[column]
                line = (*line, *row[column], Piece(" " * pad))
        while line and not line[-1].text.strip():
            line = line[:-1]
        lines.append(line)
        start = cut
    return [line for line in lines if line] or [()]  # a place without a path is an empty line


def _flowing(row: tuple[Line, ...], page: Page) -> list[Line]:
    room = Page(page.width - KEY, page.ascii)
    lines: list[Line] = []
    for line in flowed([cell for cell in row if cell], room.width, 0, gap=2):
        if line_width(line) <= room.width:
            lines.append(line)
        else:
            lines += hanging((), "".join(piece.text for piece in line), room, 0, line[0].style)
    return lines


def frames_in_words(frames: Sequence[str]) -> str:
    """("i=0", "sf_step@607 j=1") → "i=0, in sf_step called at 607, j=1"."""
    return ", ".join(filter(None, (_frame(frame.strip()) for frame in frames)))


def _frame(frame: str) -> str:
    match = _FRAME.fullmatch(frame)
    if match is None:
        return frame
    values = f", {match['values']}" if match["values"] else ""
    return f"in {match['name']} called at {match['line']}{values}"
