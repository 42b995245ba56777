"""The syntax tree of preprocessed C++: tree-sitter's, made plain, with the user's own lines."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from syncheck.frontends.cpp.preprocess import Source
from syncheck.source import Span


class Node:
    """One node. `kind` is tree-sitter's type (for a token its text); `fields` are the named children, `children` all
    of them without comments."""

    __slots__ = ("_bytes", "_made", "_raw", "children", "fields", "kind", "unit")

    def __init__(self, raw: Any, unit: Unit) -> None:
        self._raw, self.unit, self.kind = raw, unit, raw.type
        self.children: list[Node] = []
        self.fields: dict[str, list[Node]] = {}
        self._made = False
        self._bytes = ""

    def _make(self) -> None:
        raw, unit = self._raw, self.unit
        for number, child in enumerate(raw.children):
            if child.type == "comment" or (child.type == "ERROR" and child.text == b"typename"):
                continue  # `f(typename T::Shape(n))`: the grammar has no such word there
            made = Node(child, unit)
            self.children.append(made)
            name = raw.field_name_for_child(number)
            if name:
                self.fields.setdefault(name, []).append(made)
        self._made = True

    def all(self) -> list[Node]:
        """All children, tokens too."""
        if not self._made:
            self._make()
        return self.children

    def named(self) -> list[Node]:
        """The children that are no mere tokens."""
        return [child for child in self.all() if child._raw.is_named]

    def field(self, name: str) -> Node | None:
        if not self._made:
            self._make()
        found = self.fields.get(name)
        return found[0] if found else None

    def many(self, name: str) -> list[Node]:
        if not self._made:
            self._make()
        return self.fields.get(name, [])

    def first(self, *kinds: str) -> Node | None:
        """The first child of one of these kinds."""
        for child in self.all():
            if child.kind in kinds:
                return child
        return None

    @property
    def text(self) -> str:
        if not self._bytes:
            self._bytes = self.unit.data[self._raw.start_byte : self._raw.end_byte].decode("utf-8", "replace")
        return self._bytes

    @property
    def key(self) -> int:
        """Where it stands in the preprocessed text: one number for each node of a kind."""
        return int(self._raw.start_byte)

    @property
    def broken(self) -> bool:
        return bool(self._raw.type == "ERROR" or self._raw.is_missing)

    @property
    def has_error(self) -> bool:
        return bool(self._raw.has_error)

    @property
    def span(self) -> Span:
        return self.unit.span(self._raw)

    def errors(self) -> Iterator[Node]:
        """The places below that the parser could not read; `typename T::Shape(n)` among arguments is told elsewhere."""
        if self.broken:
            yield self
        elif self.has_error and self.kind != "qualified_identifier":
            for child in self.all():
                yield from child.errors()


def arguments(node: Node) -> Node | None:
    """`T x(a, f(b));` reads like the declaration of a function: its parentheses again, as arguments."""
    span = node.span
    text = " ".join(node.text.split())
    source = Source(f"int x = f{text};", [(span.path, span.line)] * 2, node.unit.source.texts)
    unit = Unit(source)
    waiting = [unit.root]
    while waiting:
        one = waiting.pop()
        if one.kind == "argument_list":
            return one
        waiting += reversed(one.named())
    return None


class Unit:
    """One preprocessed file, parsed."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.data = source.text.encode("utf-8", "replace")
        self.lines = source.text.split("\n")
        self.root = Node(_parser().parse(self.data).root_node, self)
        self._spans: dict[tuple[int, int], Span] = {}

    def span(self, raw: Any) -> Span:
        """Where a node stands in the user's text: its first line."""
        key = (raw.start_byte, raw.end_byte)
        found = self._spans.get(key)
        if found is None:
            found = self._spans[key] = self._span(raw)
        return found

    def _span(self, raw: Any) -> Span:
        row = raw.start_point[0]
        path, line = self.source.places[min(row, len(self.source.places) - 1)]
        written = self.source.texts.get(path, [])
        text = written[line - 1] if 0 < line <= len(written) else ""
        column, end = raw.start_point[1], raw.end_point[1] if raw.end_point[0] == row else 0
        if row < len(self.lines) and text.rstrip() != self.lines[row].rstrip():
            head = (
                self.data[raw.start_byte : raw.start_byte + 40].decode("utf-8", "replace").split("(")[0].split("\n")[0]
            )
            column, end = max(text.find(head), 0) if head else 0, 0
            if not column:
                column = len(text) - len(text.lstrip())
            end = len(text.rstrip())
        elif not end:
            end = len(text.rstrip())
        return Span(path, line, column + 1, max(end, column + 1) + 1, text)


@cache
def _parser() -> Any:
    import tree_sitter
    import tree_sitter_cpp

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_cpp.language()))
