"""The lines of a written script: indentation, `#line` where a statement would not stand on its line, comments behind
it."""

from __future__ import annotations

from syncheck.ir import Suppression
from syncheck.source import Span

INDENT = "    "
CLOSE = 2
"""Up to so many blank lines stand for a gap in the original; a wider one takes a `#line`."""


class Layout:
    """Collects lines. With `mapped`, each line that has a span is reported as that span's file and line."""

    def __init__(self, mapped: bool, suppressions: tuple[Suppression, ...]) -> None:
        self._mapped = mapped
        self._lines: list[str] = []
        self._place: tuple[str, int] | None = None
        self._comments: dict[tuple[str, int], list[Suppression]] = {}
        self._written: set[int] = set()
        self._suppressions = suppressions
        for comment in suppressions:
            self._comments.setdefault((comment.span.home[0], comment.target), []).append(comment)
        self.depth = 0

    @property
    def text(self) -> str:
        return "\n".join(self._lines).rstrip("\n") + "\n"

    def line(self, text: str, span: Span | None = None) -> None:
        """One line; `span` is where its first word came from, None for a line that no report names."""
        if span is not None:
            self._go_to(span)
            for comment in self._comments.get(span.home, ()):
                self._written.add(id(comment))
                text += "  " + ignore_comment(comment)
        self._put(INDENT * self.depth + text)

    def blank(self) -> None:
        if self._lines and self._lines[-1]:
            self._put("")

    def unplaced(self) -> tuple[Suppression, ...]:
        """The comments that no line took."""
        return tuple(comment for comment in self._suppressions if id(comment) not in self._written)

    def _put(self, line: str) -> None:
        self._lines.append(line)
        if self._place is not None:
            self._place = self._place[0], self._place[1] + 1

    def _go_to(self, span: Span) -> None:
        if not self._mapped or self._place == (span.path, span.line) or not span.path or span.line < 1:
            return
        path, line = self._place or ("", 0)
        if path == span.path and 0 < span.line - line <= CLOSE:
            for _ in range(span.line - line):
                self._put("")
            return
        shown = span.path.replace('"', "'").replace("\n", " ")
        self._lines.append(f"#line {span.line}" + ("" if path == span.path else f' "{shown}"'))
        self._place = span.path, span.line


def ignore_comment(comment: Suppression) -> str:
    return f"// syncheck: ignore[{', '.join(comment.rules)}] {comment.reason}".rstrip()
