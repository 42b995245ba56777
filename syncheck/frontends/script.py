"""Event scripts: the text of a `*.sync` file becomes a Program. docs/language.md is the manual of the language.

A script is cleaned of comments, cut into its declarations, and each of them is parsed by the grammar and lowered. What
is not understood is a Problem and is left out; everything else is read all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lark import Token, UnexpectedInput

from syncheck import grammar
from syncheck.frontends.script_calls import Calls
from syncheck.frontends.script_declarations import Declarations, Placed
from syncheck.frontends.script_errors import mistake
from syncheck.frontends.script_expressions import Expressions
from syncheck.frontends.script_lines import Cleaned, Source, blanked, cleaned
from syncheck.frontends.script_names import Cursor, Names, Node, NotUnderstood, trees, word
from syncheck.frontends.script_pieces import Piece, pieces
from syncheck.frontends.script_statements import Statements
from syncheck.ir import Core, Def, Program
from syncheck.source import Problem, Span

LONGEST_LINE = 1_000_000
LARGEST = 64 * 1024 * 1024
MOST_MISTAKES = 20
"""How many syntax errors are reported before the rest of the script is left unread."""


def decode(data: bytes, path: str) -> str | Problem:
    """The text of a script, or why there is none."""
    if len(data) > LARGEST:
        return _too_large(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") and error.object is not data else 0)
        line = data.count(b"\n", 0, offset) + 1
        begin = data.rfind(b"\n", 0, offset) + 1
        shown = data[begin:].split(b"\n", 1)[0].rstrip(b"\r")[:500].decode("utf-8", "replace")
        column = len(data[begin:offset].decode("utf-8", "replace")) + 1
        message = f"byte 0x{data[offset]:02x} at offset {offset} is not UTF-8"
        return Problem(Span(path, line, column, column + 1, shown), message, "UTF-8 text")
    if "\0" in text:
        source = Source(path, text, (0, *(match.end() for match in re.finditer("\n", text))))
        at = text.index("\0")
        return Problem(source.span(at, at + 1), "the file holds a NUL byte, it is not text", "UTF-8 text")
    if not text.strip():
        return Problem(Span(path, 1, 1, 1), "nothing to check: the file is empty", "a core, as in core AIV { … }")
    return text


def parse(text: str, path: str) -> Program:
    """Everything that could be understood of `text`; never raises."""
    refused = _monster(text, path)
    if refused is not None:
        return Program(path, problems=(refused,))
    clean = cleaned(text, path)
    if not re.search(r"[^\s\ufeff;]", clean.code):
        what = "only comments" if text.strip() else "the file is empty"
        message = f"nothing to check: {what}" if what.startswith("the") else f"nothing to check: the file holds {what}"
        problem = Problem(clean.source.span(0, 0), message, "a core, as in core AIV { … }")
        return Program(path, suppressions=clean.suppressions, problems=_sorted([*clean.problems, problem]))
    return _program(clean, path)


def _too_large(path: str) -> Problem:
    return Problem(Span(path, 1, 1, 1), f"the file is larger than {LARGEST >> 20} MB", "a smaller script")


def _monster(text: str, path: str) -> Problem | None:
    """Inputs that are no scripts and would only take time."""
    if len(text) > LARGEST:
        return _too_large(path)
    if len(text) > LONGEST_LINE:
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > LONGEST_LINE:
                span = Span(path, number, 1, 1, line[:200])
                return Problem(
                    span, f"the line is longer than {LONGEST_LINE:,} characters", "statements on lines of their own"
                )
    return None


def _program(clean: Cleaned, path: str) -> Program:
    found, problems = pieces(clean.code, clean.source)
    reader = _Reader(clean.source)
    placed = list(reader.read(found))
    names = Names(broken=reader.broken)
    declarations = Declarations(names, Cursor(clean.source))
    kept = declarations.register(placed)
    declarations.lower(kept)
    bodies = _Bodies(names, Cursor(clean.source), kept, declarations.places)
    defs, cores = bodies.defs(kept), bodies.cores(kept)
    every = (*clean.problems, *problems, *reader.problems, *declarations.problems, *bodies.problems)
    return Program(
        path,
        declarations.machine,
        declarations.params,
        declarations.constants,
        declarations.unknowns,
        declarations.tensors,
        declarations.tiles,
        declarations.fifos,
        defs,
        cores,
        clean.suppressions,
        _sorted(every),
        clean.noted,
        clean.exit,
        clean.assumed,
    )


def _sorted(problems: Iterator[Problem] | list[Problem] | tuple[Problem, ...]) -> tuple[Problem, ...]:
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda one: (one.span.home[1], one.span.column, one.message)))


class _Reader:
    """Parses pieces; leaves out the statements that are not understood."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.broken: set[str] = set()

    def read(self, found: tuple[Piece, ...]) -> Iterator[Placed]:
        parser = grammar.parser()
        for piece in found:
            text: str | None = piece.text
            if not piece.readable:
                self._break(piece)
            while text is not None and piece.readable and len(self.problems) < MOST_MISTAKES:
                try:
                    tree = parser.parse(text)
                except UnexpectedInput as error:
                    text = self._without(text, error, piece)
                else:
                    yield from ((node, piece.start) for node in trees(tree))
                    break

    def _without(self, text: str, error: UnexpectedInput, piece: Piece) -> str | None:
        """The text without the statement that stopped the parser; None if nothing is left."""
        found = mistake(error, Piece(piece.start, text), self.source)
        self.problems.append(found.problem)
        if len(self.problems) == MOST_MISTAKES:
            span = found.problem.span
            message = f"the rest of the script is not read after {MOST_MISTAKES} mistakes"
            self.problems.append(Problem(span, message, "the mistakes above corrected"))
        gone = text[found.start : found.stop]
        inside = "{" in text[: found.start]
        declared = Piece(0, text).keyword
        rest = text[: found.start] + blanked(gone) + text[found.stop :]
        if not gone.strip() or not rest.strip() or (inside and declared not in ("core", "def")):
            self._break(Piece(0, text))
            return None
        if not inside:
            self._break(Piece(0, gone))
        return rest

    def _break(self, piece: Piece) -> None:
        """The name that an unreadable declaration would have declared is not unknown elsewhere."""
        words = re.compile(r"\s*\w+\s+(\w+)").match(piece.text)
        if words and piece.keyword not in ("core", "machine"):
            self.broken.add(words[1])


class _Bodies:
    """Lowers defs and cores."""

    def __init__(self, names: Names, cursor: Cursor, placed: list[Placed], places: int) -> None:
        self.cursor, self.names = cursor, names
        expressions = Expressions(names, cursor, places=places)
        definitions = [node for node, _ in placed if node.data == "definition"]
        parameters = {str(node.children[0]): len(_parameters(node)) for node in definitions}
        self.calls = Calls(names, cursor, expressions, parameters, _recursion(definitions, parameters))
        self.statements = Statements(names, cursor, expressions, self.calls)

    @property
    def problems(self) -> list[Problem]:
        return self.statements.problems

    def defs(self, placed: list[Placed]) -> tuple[Def, ...]:
        made: list[Def] = []
        for node, start in placed:
            if node.data == "definition":
                self.cursor.start = start
                name, body = word(node.children[0]), trees(node)[-1]
                self.calls.inside = str(name)
                given = self._given(node)
                statements = self.statements.body(body, given)
                made.append(Def(str(name), tuple(given), statements, self.cursor.span(name)))
        self.calls.inside = ""
        return tuple(made)

    def _given(self, node: Node) -> dict[str, Span]:
        given: dict[str, Span] = {}
        for parameter in _parameters(node):
            if parameter in given:
                message = f"the parameter '{parameter}' is given twice"
                self.problems.append(Problem(self.cursor.span(parameter), message, "one name for each parameter"))
            given[str(parameter)] = self.cursor.span(parameter)
        return given

    def cores(self, placed: list[Placed]) -> tuple[Core, ...]:
        made: list[Core] = []
        for node, start in placed:
            if node.data == "core":
                self.cursor.start = start
                kind = word(node.children[0])
                statements = self.statements.body(trees(node)[-1], {})
                try:
                    made.append(Core(self._kind(kind), statements, self.cursor.span(kind)))
                except NotUnderstood as refusal:
                    self.problems.extend([refusal.problem] if refusal.problem else [])
        return tuple(made)

    def _kind(self, kind: Token) -> str:
        if kind not in ("AIC", "AIV", "AIV0", "AIV1"):
            raise self.cursor.unknown(kind, "core", ("AIC", "AIV", "AIV0", "AIV1"))
        return str(kind)


def _parameters(node: Node) -> list[Token]:
    return [child for child in node.children[1:] if isinstance(child, Token)]


def _recursion(definitions: list[Node], known: dict[str, int]) -> set[tuple[str, str]]:
    """The calls between defs that close a circle, so that without them there is none."""
    calls: dict[str, list[str]] = {}
    for node in definitions:
        found = [str(call.children[0]) for call in node.find_data("call")]
        calls[str(node.children[0])] = [name for name in dict.fromkeys(found) if name in known]
    cuts: set[tuple[str, str]] = set()
    done: set[str] = set()
    for root, called in calls.items():
        path: dict[str, Iterator[str]] = {} if root in done else {root: iter(called)}
        while path:
            name, rest = next(reversed(path.items()))
            following = next(rest, None)
            if following is None:
                done.add(name)
                del path[name]
            elif following in path:
                cuts.add((name, following))
            elif following not in done:
                path[following] = iter(calls[following])
    return cuts
