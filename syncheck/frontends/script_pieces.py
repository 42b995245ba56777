"""The declarations of an event script, cut apart, so that a mistake in one leaves the others standing."""

from __future__ import annotations

import re

from syncheck.frontends.script_lines import Source
from syncheck.source import Problem
from syncheck.value import Value, frozen

DEEPEST = 100
"""How deep brackets, branches and loops may nest."""

_MARK = re.compile(r"[{}()\[\];]|^[ \t]*(?:core\s+\w+\s*\{|def\s+\w+\s*\()", re.MULTILINE)
_BLANK = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_]\w*")
KEYWORDS = ("machine", "param", "const", "unknown", "gm", "tile", "fifo", "core", "def")


@frozen
class Piece(Value):
    """One declaration: `text` stands at offset `start` of the script; open braces are closed at its end.

    Not `readable`: a Problem was already found that leaves nothing to parse.
    """

    start: int
    text: str
    readable: bool = True

    @property
    def keyword(self) -> str:
        """The word it begins with."""
        word = _WORD.match(self.text, self.first)
        return word[0] if word else ""

    @property
    def first(self) -> int:
        """Where in `text` the first character of code stands."""
        blank = _BLANK.match(self.text)
        return blank.end() if blank else 0


class _Cutter:
    def __init__(self, code: str, source: Source) -> None:
        self.code, self.source = code, source
        self.pieces: list[Piece] = []
        self.problems: list[Problem] = []
        self.start = 0
        self.braces: list[int] = []
        self.depth = 0
        self.too_deep = False
        self.astray = False

    def cut(self) -> None:
        for mark in _MARK.finditer(self.code):
            self._mark(mark)
        self._close(len(self.code))
        self._end(len(self.code))

    def _mark(self, mark: re.Match[str]) -> None:
        sign, at = mark[0], mark.start()
        if len(sign) > 1:
            self._close(at)
            self._end(at)
            at, sign = mark.end() - 1, sign[-1]
        if sign in "([{":
            self._open(sign, at)
        elif sign in ")]":
            self.depth -= self.depth > 0
        elif sign == "}":
            self._closing(at)
        elif not self.braces:
            self._end(at + 1)

    def _open(self, sign: str, at: int) -> None:
        self.depth += 1
        if sign == "{":
            self.braces.append(at)
        if self.depth > DEEPEST and not self.too_deep:
            self.too_deep = True
            message = f"brackets nested more than {DEEPEST} deep"
            self.problems.append(Problem(self.source.span(at, at + 1), message, "less nesting"))

    def _closing(self, at: int) -> None:
        if self.braces:
            self.braces.pop()
            self.depth = max(self.depth - 1, len(self.braces))
            if not self.braces and not self._listed(at + 1):
                self._end(at + 1)
            return
        self._end(at)
        self.start = at + 1
        if not self.astray:
            self.astray = True
            while self.pieces and self.pieces[-1].keyword not in KEYWORDS:  # they stood in front of the stray brace
                self.pieces.pop()
            self.problems.append(Problem(self.source.span(at, at + 1), "'}' closes nothing", "a '{' before it"))

    def _listed(self, at: int) -> bool:
        """After `param x in {1, 2}`: the declaration goes on with a semicolon."""
        following = _BLANK.match(self.code, at)
        return following is not None and self.code.startswith(";", following.end())

    def _close(self, at: int) -> None:
        """Before a declaration that cannot stand in braces, and at the end: every brace must be closed."""
        if not self.braces:
            return
        opened, count = self.braces[-1], len(self.braces)
        if self.too_deep:
            self._end(at)
            return
        message = f"'{{' opened at line {self.source.span(opened, opened).line} is never closed"
        self.problems.append(Problem(self.source.span(opened, opened + 1), message, "'}'"))
        self._end(at, "}" * count)

    def _end(self, at: int, closing: str = "") -> None:
        piece = Piece(self.start, self.code[self.start : at] + closing, not self.too_deep)
        debris = self.astray and piece.keyword not in KEYWORDS
        if piece.text.strip("; \t\r\n\v\f\ufeff") and not debris:
            self.pieces.append(piece)
        self.start, self.braces, self.depth, self.too_deep = at, [], 0, False


def pieces(code: str, source: Source) -> tuple[tuple[Piece, ...], tuple[Problem, ...]]:
    """Cut the code apart, and say which braces have no partner and where brackets nest too deep."""
    cutter = _Cutter(code, source)
    cutter.cut()
    return tuple(cutter.pieces), tuple(cutter.problems)
