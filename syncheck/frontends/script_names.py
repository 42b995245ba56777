"""The names of an event script: what each is, and what else it could have meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from lark import Token, Tree

from syncheck.frontends.script_errors import nearest
from syncheck.frontends.script_lines import Source
from syncheck.ir import Const, Fifo, Tensor, Tile
from syncheck.source import Problem, Span
from syncheck.value import Record, Value, frozen, mutable

Node = Tree[Token]
Child = Node | Token | None

PIPES = ("S", "V", "M", "MTE1", "MTE2", "MTE3", "FIX")
ABSENT_PIPES = ("MTE4", "MTE5", "V2")
SPACES = ("UB", "L1", "L0A", "L0B", "L0C", "BT", "FB", "GM", "L0A_SCALE", "L0B_SCALE")
DTYPES = (
    "fp32", "fp16", "bf16", "int64", "uint64", "int32", "uint32", "int16", "uint16", "int8", "uint8", "bool",
)  # fmt: skip
CORES = ("AIC", "AIV", "AIV0", "AIV1")
EVENTS = {f"EVENT_ID{number}": Const(number) for number in range(8)}
FUNCTIONS = ("min", "max", "ceil_div")
LITERALS = {"true": Const(1), "false": Const(0), **EVENTS}
RESERVED = frozenset(
    (
        *SPACES, *LITERALS, *FUNCTIONS, *(f"PIPE_{pipe}" for pipe in PIPES), "PIPE_ALL",
        "any", "lane", "for", "if", "else", "return", "break", "continue", "let", "instr",
    )
)  # fmt: skip


class NotUnderstood(Exception):
    """Ends the lowering of one statement; never leaves the front end. Without a problem, it was reported before."""

    def __init__(self, problem: Problem | None = None) -> None:
        super().__init__(problem)
        self.problem = problem


@frozen
class Declared(Value):
    """One name. kind: parameter, constant, unknown, tensor, tile, fifo or def; arity: the indices it takes."""

    kind: str
    span: Span
    arity: int = 0


@mutable
class Names(Record):
    """What the declarations of a script are called; numbers, memory and defs have name spaces of their own.

    `broken` names were declared, but not understood: what uses them is left out without another Problem. `objects` are
    the memory by name, `numbers` the constants whose value the text decides.
    """

    values: dict[str, Declared] = field(default_factory=dict)
    memory: dict[str, Declared] = field(default_factory=dict)
    defs: dict[str, Declared] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    objects: dict[str, Tile | Tensor | Fifo] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def table(self, kind: str) -> dict[str, Declared]:
        if kind == "def":
            return self.defs
        return self.memory if kind in ("tensor", "tile", "fifo") else self.values


@mutable
class Cursor(Record):
    """Where a declaration stands in the script: its tokens count their offsets from `start`."""

    source: Source
    start: int = 0

    def span(self, first: Child, last: Child = None) -> Span:
        """From the beginning of one node to the end of another (or of the same)."""
        begin, end = extent(first)
        if last is not None:
            end = extent(last)[1]
        return self.source.span(self.start + begin, self.start + end)

    def up_to(self, first: Token, last: Token) -> Span:
        """From one token up to the code in front of another (a statement without its semicolon)."""
        return self.source.span(self.start + (first.start_pos or 0), self.start + (last.start_pos or 0))

    @property
    def here(self) -> Span:
        """The first line of the declaration."""
        return self.source.code_at(self.start)

    def refuse(self, node: Child, message: str, expected: str = "", suggestion: str = "") -> NotUnderstood:
        return NotUnderstood(Problem(self.span(node), message, expected, suggestion))

    def unknown(
        self, token: Token, kind: str, names: Iterator[str] | tuple[str, ...], expected: str = ""
    ) -> NotUnderstood:
        """`token` is none of the names there are."""
        known = tuple(names)
        shown = expected or (", ".join(known) if len(known) <= 12 else kind)
        return self.refuse(token, f"unknown {kind} '{token}'", shown or f"a declared {kind}", nearest(token, known))

    def pipe(self, node: Child, *, all_: bool = False) -> str:
        """`PIPE_V` is V."""
        shown = tuple(f"PIPE_{pipe}" for pipe in (*PIPES, *(("ALL",) if all_ else ())))
        if isinstance(node, Token) and node in shown:
            return node[5:]
        if not isinstance(node, Token) or node.type != "NAME":
            raise self.refuse(node, "this is not a pipe", ", ".join(shown))
        if node == "PIPE_ALL":
            raise self.refuse(node, "PIPE_ALL does not stand for one pipe here", ", ".join(shown))
        if node.startswith("PIPE_") and node[5:] in ABSENT_PIPES:
            message = f"{node} is in the enumeration, but no A2, A3 or A5 core has it"
            raise self.refuse(node, message, ", ".join(shown), "PIPE_V" if node == "PIPE_V2" else "PIPE_MTE3")
        raise self.unknown(node, "pipe", shown)


def extent(node: Child) -> tuple[int, int]:
    """Offsets of the first and behind the last token kept below a node (iterative: trees may be deep)."""
    tokens = list(_tokens(node))
    if not tokens:
        return 0, 0
    return min(token.start_pos or 0 for token in tokens), max(token.end_pos or 0 for token in tokens)


def _tokens(node: Child) -> Iterator[Token]:
    waiting: list[Child] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Token):
            yield one
        elif one is not None:
            waiting += one.children


def trees(node: Node) -> tuple[Node, ...]:
    """The children that are not single tokens."""
    return tuple(child for child in node.children if isinstance(child, Tree))


def word(child: Child) -> Token:
    """A child that the grammar makes a token."""
    assert isinstance(child, Token)
    return child
