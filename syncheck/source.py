"""Where something stands in the user's text, and what could not be understood there."""

from __future__ import annotations

from syncheck.value import Value, frozen


@frozen
class Span(Value):
    """A stretch of one source line, as a report names it.

    `path` and `line` are what the user is shown (after `#line`); `script_path` and `script_line` are where the text
    really is, when `#line` moved it. Lines and columns count from 1; `end_column` is exclusive, 0 when unknown.
    `text` is the whole source line without its newline, "" when the front end does not have it (traces).
    """

    path: str
    line: int
    column: int = 1
    end_column: int = 0
    text: str = ""
    script_path: str = ""
    script_line: int = 0

    def __hash__(self) -> int:
        return hash((self.path, self.line, self.column, self.script_line))

    @property
    def home(self) -> tuple[str, int]:
        """The file and line that hold the text itself, whatever `#line` says."""
        return (self.script_path or self.path, self.script_line or self.line)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@frozen
class Problem(Value):
    """What stands somewhere is left out of the check: becomes a finding of `rule`, SYN001 where it was not understood.

    `message` is one sentence; `expected` says what would have been understood; `suggestion` is the nearest valid name
    or the text to write instead, "" if there is none.
    """

    span: Span
    message: str
    expected: str = ""
    suggestion: str = ""
    rule: str = "SYN001"

    def __str__(self) -> str:
        return f"{self.span}: {self.message}"


ASSUMED = {
    "apart": "arguments apart", "rows": "rows apart", "sizes": "sizes like the tile's", "fixed": "integers in GM fixed",
    "calls": "calls without effect", "wraps": "integers within their types",
    "ranks": "other ranks in order",
}  # fmt: skip
"""Kinds of assumptions that a kernel in C++ is read with, and what the verdict's line calls them."""


@frozen
class Assumed(Value):
    """Something a kernel's text does not say and that was taken to be so; `kind` is a key of ASSUMED."""

    kind: str
    message: str
    span: Span
