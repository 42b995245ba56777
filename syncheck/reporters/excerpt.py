"""A line of source with carets under the place in question."""

from __future__ import annotations

from rich.cells import cell_len

from syncheck.reporters.styled import Line, Page, Piece
from syncheck.source import Span

INDENT = 4
"""Cells of indentation that an excerpt keeps of a line that has more."""
TAB = 4
_GUTTER = 9


def excerpt(span: Span, page: Page, style: str) -> list[Line]:
    """Two lines: the source with its number, and the carets. Nothing if the text of the line is not known."""
    if not span.text.strip():
        return []
    bar = page.sign("│", "|")
    room = max(page.width - _GUTTER - 3, 8)
    before, marked, after = _cut(*_parts(span, page), room, page)
    carets = "^" * max(cell_len(marked), 1)
    return [
        (Piece(f"{span.line:>{_GUTTER}} {bar} {before}"), Piece(marked, style), Piece(after)),
        (Piece(f"{'':{_GUTTER}} {bar} {'':{cell_len(before)}}"), Piece(carets, style)),
    ]


def _parts(span: Span, page: Page) -> tuple[str, str, str]:
    """The line before, under and after the carets: tabs expanded, deep indentation taken off."""
    start = min(max(span.column - 1, 0), len(span.text.rstrip()))
    stop = max(span.end_column - 1, start + 1)
    before = _expanded(span.text[:start], "", page)
    marked = _expanded(span.text[start:stop], before, page)
    after = _expanded(span.text[stop:].rstrip(), before + marked, page)
    blank = len(before) - len(before.lstrip(" "))
    return before[max(blank - INDENT, 0) :], marked, after


def _expanded(text: str, before: str, page: Page) -> str:
    """`text` as it is shown after `before`."""
    shown, column = "", cell_len(before)
    for character in text:
        cell = " " * (TAB - column % TAB) if character == "\t" else page.clean(character)
        shown += cell
        column += cell_len(cell)
    return shown


def _cut(before: str, marked: str, after: str, room: int, page: Page) -> tuple[str, str, str]:
    """The three parts within `room` cells, as much context on the left as the carets leave."""
    if cell_len(before + marked + after) <= room:
        return before, marked, after
    more = page.sign("…", "~")
    marked = _head(marked, room * 2 // 3, more)
    spare = room - cell_len(marked)
    if cell_len(before) > spare - min(cell_len(after), spare // 3):
        before = _tail(before, spare - min(cell_len(after), spare // 3), more)
    return before, marked, _head(after, room - cell_len(before + marked), more)


def _head(text: str, room: int, more: str) -> str:
    if cell_len(text) <= room:
        return text
    end = len(text)
    while end and cell_len(text[:end]) > room - 1:
        end -= 1
    return text[:end] + more if room else ""


def _tail(text: str, room: int, more: str) -> str:
    if cell_len(text) <= room:
        return text
    start = max(len(text) - room, 0)
    while start < len(text) and cell_len(text[start:]) > room - 1:
        start += 1
    return more + text[start:] if room else ""
