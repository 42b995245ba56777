"""The lines of a written script: indentation, `#line` where a statement would not stand on its line, comments behind
it."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncheck.ir import Suppression
from syncheck.source import Span

INDENT = "    "
CLOSE = 2
"""Up to so many blank lines stand for a gap in the original; a wider one takes a `#line`."""
WIDEST = 110
"""Columns up to which statements of one original line share a line."""


@dataclass(slots=True)
class _Line:
    """`place`: the file and line it is reported as, None if no report names it; `open`: more of that place may follow
    on the line."""

    code: str
    place: tuple[str, int] | None = None
    open: bool = False
    comments: list[Suppression] = field(default_factory=list)


class Layout:
    """Collects lines. With `mapped`, each line that has a span is reported as that span's file and line.

    `issuing`: the places of statements. A comment on one of them is about those, not about what is declared there
    (while `declaring`).
    """

    def __init__(
        self, mapped: bool, suppressions: tuple[Suppression, ...], issuing: frozenset[tuple[str, int]] = frozenset()
    ) -> None:
        self._mapped = mapped
        self._lines: list[_Line] = []
        self._next: tuple[str, int] | None = None
        self._comments: dict[tuple[str, int], list[Suppression]] = {}
        self._written: set[int] = set()
        self._suppressions = suppressions
        for comment in suppressions:
            self._comments.setdefault((comment.span.home[0], comment.target), []).append(comment)
        self._issuing = issuing
        self.depth = 0
        self.declaring = False

    @property
    def text(self) -> str:
        lines = ["  ".join((line.code, *map(ignore_comment, line.comments))) for line in self._lines]
        return "\n".join(lines).rstrip("\n") + "\n"

    def line(self, text: str, span: Span | None = None, behind: str = "") -> None:
        """One line; `span` is where its first word came from, None for a line that no report names. `behind` is the
        text where it may stand behind others of its place instead."""
        if span is None:
            self._put(_Line(INDENT * self.depth + text))
            return
        elsewhere = self.declaring and span.home in self._issuing
        comments = [] if elsewhere else self._comments.get(span.home, [])
        self._written.update(map(id, comments))
        if behind and self._joined(behind, span):
            return
        place = self._go_to(span)
        self._put(_Line(INDENT * self.depth + text, place, bool(behind), comments))

    def remark(self, text: str, span: Span) -> None:
        """A line that is a comment to its end: none that silences something fits behind it."""
        self._put(_Line(text, self._go_to(span)))

    def blank(self) -> None:
        if self._lines and self._lines[-1].code:
            self._put(_Line(""))

    def unplaced(self) -> tuple[Suppression, ...]:
        """The comments that no line took."""
        return tuple(comment for comment in self._suppressions if id(comment) not in self._written)

    def _put(self, line: _Line) -> None:
        self._lines.append(line)
        if self._next is not None:
            self._next = self._next[0], self._next[1] + 1

    def _joined(self, text: str, span: Span) -> bool:
        """Whether the text went to the end of the last line, which is reported as the same place."""
        last = self._lines[-1] if self._lines else None
        if last is None or not last.open or last.place != (span.path, span.line):
            return False
        if len(last.code) + len(text) >= WIDEST:
            return False
        last.code += f" {text}"
        return True

    def _go_to(self, span: Span) -> tuple[str, int] | None:
        """Make the next line the one of `span`; its place, if lines have any."""
        if not self._mapped or not span.path or span.line < 1:
            return None
        place = span.path, span.line
        path, line = self._next or ("", 0)
        if path == span.path and 0 <= span.line - line <= CLOSE:
            for _ in range(span.line - line):
                self._put(_Line(""))
            return place
        shown = span.path.replace('"', "'").replace("\n", " ")
        self._lines.append(_Line(f"#line {span.line}" + ("" if path == span.path else f' "{shown}"')))
        self._next = place
        return place


def ignore_comment(comment: Suppression) -> str:
    return f"// syncheck: ignore[{', '.join(comment.rules)}] {comment.reason}".rstrip()
