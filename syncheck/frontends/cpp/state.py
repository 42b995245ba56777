"""One pass over a kernel: what is emitted, what is known, what was not understood."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from syncheck.frontends.cpp.kinds import LONG, PipeType
from syncheck.frontends.cpp.scopes import Scope
from syncheck.frontends.cpp.syntax import Node, Unit
from syncheck.frontends.cpp.terms import NOWHERE, Terms
from syncheck.frontends.cpp.values import Cell, Trail, Whole
from syncheck.ir import Const, Def, Expr, Fifo, Name, Statement, Tensor, Tile
from syncheck.machine import Machine
from syncheck.source import Problem, Span

MOST_STEPS = 120_000
"""Nodes of the text that one pass follows, calls inlined; more is not a kernel, and would not end in time."""
MOST_STEPS_OF_FILE = 250_000
"""The same for all entry points of a file together, on both cores: some 10 seconds."""


class Unreadable(Exception):
    """Something that a statement needs and that could not be understood: the statement is left out."""

    def __init__(self, node: Node, message: str, expected: str = "") -> None:
        super().__init__(message)
        self.node, self.message, self.expected = node, message, expected


def lies_in(pointer: str, others: Collection[str]) -> bool:
    """Whether a pointer is one of others, or was read through one; "" is any."""
    inside = tuple(f"{one}{mark}" for one in others for mark in ("->", "[", " "))
    return "" in others or pointer in others or pointer.startswith(inside)


class TooMuch(Exception):
    """The pass has followed more nodes than it may."""


class Unroll(Exception):
    """A loop must be followed turn by turn: an object is chosen by its variable."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(names)))
        self.names = names


@dataclass(frozen=True, slots=True)
class ScalarStore:
    """A store to GM by the scalar unit: bytes from `offset` of pointer `base`, when, and under which conditions."""

    base: str
    when: int
    offset: Expr
    under: tuple[Expr, ...]


@dataclass(slots=True)
class Declared:
    """Everything that both passes declare. `views` and `placed` find what was declared before; `loaded` are the
    pointers that integers are read through, `changing` those whose memory may hold another value at each read;
    `cleaned_in` and `steady` are pointers, and loops in which their lines are dropped and integers taken as unchanged;
    `reshaped` are tiles of whose valid rows (0) or columns (1) nothing is known, `unsteady` those found to be such;
    `named` are the places on the chip that the text makes pointers to (None: not yet known), `places` those found,
    `crowded` whether it matters.
    `doubt`: the kinds of assumptions (source.ASSUMED) not to make; `guessed`: (kind, tensor, where) of those made of a
    tensor, in words; `plain`: functions without a text that were taken to compute a number only; `presumed`: (kind,
    in words) of those made of a value."""

    tiles: dict[str, Tile] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    fifos: dict[str, Fifo] = field(default_factory=dict)
    defs: dict[str, Def] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    views: dict[tuple[Any, ...], str] = field(default_factory=dict)
    placed: dict[tuple[Any, ...], str] = field(default_factory=dict)
    bodies: dict[tuple[Any, ...], str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    problems: dict[tuple[str, int, str], Problem] = field(default_factory=dict)
    understood: dict[str, dict[str, int]] = field(default_factory=dict)
    overflows: dict[Span, tuple[str, int, int]] = field(default_factory=dict)
    scalar_stores: dict[Span, ScalarStore] = field(default_factory=dict)
    cleaned: list[tuple[str, int]] = field(default_factory=list)
    cleaned_in: set[tuple[str, str]] = field(default_factory=set)
    steady: set[tuple[str, str]] = field(default_factory=set)
    changing: frozenset[str] = frozenset()
    loaded: dict[str, Span] = field(default_factory=dict)
    doubt: frozenset[str] = frozenset()
    guessed: dict[tuple[str, str, Span], str] = field(default_factory=dict)
    plain: dict[str, Span] = field(default_factory=dict)
    presumed: dict[tuple[str, str], Span] = field(default_factory=dict)
    volatile: dict[str, None] = field(default_factory=dict)
    scalar_loops: dict[Span, None] = field(default_factory=dict)
    moves: dict[str, dict[Expr, Span]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    hints: dict[str, str] = field(default_factory=dict)
    pinned: set[str] = field(default_factory=set)
    tile_ids: dict[str, str] = field(default_factory=dict)
    pipes: dict[str, PipeType] = field(default_factory=dict)
    under: dict[str, tuple[Expr, ...]] = field(default_factory=dict)
    splits: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    pressure: dict[str, dict[str, tuple[bool, Span]]] = field(default_factory=dict)
    reshaped: frozenset[tuple[Span, int]] = frozenset()
    unsteady: set[tuple[Span, int]] = field(default_factory=set)
    named: frozenset[tuple[str, int]] | None = None
    places: set[tuple[str, int]] = field(default_factory=set)
    crowded: bool = False

    def count(self, kind: str, name: str) -> None:
        """One more thing of a kind was understood."""
        table = self.understood.setdefault(kind, {})
        table[name] = table.get(name, 0) + 1


@dataclass(slots=True)
class LoopState:
    """A loop being followed. `carried`: cells that keep a value from turn to turn, with the variable that holds it;
    `between`: what happens between two turns."""

    var: str
    carried: dict[Cell, str]
    closed: set[Cell]
    mark: int
    depth: int
    unrolled: bool = False
    broken: bool = False
    switches: int = 0
    turns: int | None = None
    turn: int = 0
    jumps: list[tuple[str, dict[Cell, Any]]] = field(default_factory=list)
    between: Callable[[], None] | None = None


@dataclass(slots=True)
class Frame:
    """A function being followed. `returned`: (path conditions, value, changes) of each return under a condition;
    `span`: where its body begins."""

    name: str
    mark: int
    depth: int
    conditions: int
    returned: list[tuple[Expr, Any, dict[Cell, Any]]] = field(default_factory=list)
    value: Any = None
    jumps: bool = False
    loops: int = 0
    born: int = 0
    span: Span = NOWHERE


@dataclass(slots=True)
class Hooks:
    """The parts of the evaluator that call each other in circles."""

    value: Callable[[Pass, Node, Scope], Any]
    target: Callable[[Pass, Node, Scope], Any]
    type: Callable[[Pass, Node, Scope], Any]
    statement: Callable[[Pass, Node, Scope], str]
    invoke: Callable[..., Any]
    either: Callable[..., Any]
    bound: Callable[..., Any]
    member: Callable[..., Any]
    construct: Callable[..., bool]
    pipe: Callable[..., Any]
    operand: Callable[..., Any]
    operator: Callable[..., Any]
    fold: Callable[..., Any]
    destroy: Callable[..., Any]


@dataclass(slots=True)
class Pass:
    """Follows one preprocessed text for one core type; `lanes`: whether the text asks which vector lane it is; `host`:
    what is followed runs on the host, where only `launching` functions matter; `instead`: a function, and the one that
    is followed in its place; `dropped`: the pointers whose lines the data cache has forgotten, "" for all;
    `signals`: pointers to the registers of the signals between cores; `single`: the launch has one block;
    `assigned`: for each on-chip address, the call path and bytes of the tiles that were given it."""

    unit: Unit
    core: str
    machine: Machine
    terms: Terms
    declared: Declared
    hooks: Hooks
    trail: Trail = field(default_factory=Trail)
    out: list[Statement] = field(default_factory=list)
    loops: list[LoopState] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    conditions: list[Expr] = field(default_factory=list)
    steps: int = 0
    asked: int = 0
    most: int = MOST_STEPS
    lanes: bool = False
    unroll: set[int] = field(default_factory=set)
    statics: dict[tuple[str, ...], Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    sites: list[int] = field(default_factory=list)
    switches: int = 0
    cases: list[int] = field(default_factory=list)
    host: bool = False
    launching: frozenset[str] = frozenset()
    at: Node | None = None
    bare: Node | None = None
    pins: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    kept_before: dict[int, dict[str, Expr | None]] = field(default_factory=dict)
    unended: list[Any] = field(default_factory=list)
    launches: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    signals: set[str] = field(default_factory=set)
    single: bool = False
    assigned: dict[tuple[str, Expr], list[tuple[tuple[int, ...], int]]] = field(default_factory=dict)
    instead: tuple[str, str] = ("", "")

    def room(self, space: str, address: Expr) -> int:
        """The bytes of the largest tile with this address in the functions that are being followed; 0: none has."""
        path = tuple(self.sites)
        given = self.assigned.get((space, address), ())
        return max((size for sites, size in given if path[: len(sites)] == sites), default=0)

    def around(self, space: str, address: int) -> tuple[int, int] | None:
        """From where to where the tiles reach that an address lies in, of the functions that are being followed."""
        starts = [at.value for where, at in self.assigned if where == space and isinstance(at, Const)]
        found = [(at, at + self.room(space, Const(at))) for at in starts]
        found = [(start, stop) for start, stop in found if start <= address < stop]
        return (min(start for start, _ in found), max(stop for _, stop in found)) if found else None

    @property
    def nesting(self) -> tuple[int, int]:
        """How many conditions and loops are around."""
        return len(self.conditions), len(self.loops)

    def value(self, node: Node, scope: Scope) -> Any:
        self.steps += 1
        if self.steps > self.most:
            raise TooMuch
        return self.hooks.value(self, node, scope)

    def whole(self, node: Node, scope: Scope) -> Expr:
        """An integer that must be known as an expression."""
        found = self.value(node, scope)
        if isinstance(found, Whole):
            return found.expr
        raise Unreadable(node, f"the value of '{short(node)}' is not known")

    def number(self, node: Node, scope: Scope) -> int | None:
        """A compile-time number, None if it is none."""
        found = self.value(node, scope)
        return found.number if isinstance(found, Whole) else None

    def grid(self, hint: str, low: int) -> Whole:
        """The number of the block, or of blocks."""
        if self.single and hint == "block_idx":
            return Whole(Const(0), LONG)
        return Whole(self.terms.symbol(hint, hint=hint, low=low), LONG)

    def type(self, node: Node, scope: Scope) -> Any:
        return self.hooks.type(self, node, scope)

    def pin(self, name: str) -> Const:
        """What the user gave a name with -D."""
        self.declared.pinned.add(name)
        return Const(self.pins[name])

    def either(self, test: Expr, then: Any, otherwise: Any) -> Any:
        return self.hooks.either(self, test, then, otherwise)

    def problem(self, where: Node | Span, message: str, expected: str = "") -> None:
        if self.host:
            return  # what the host does is none of ours
        span = where if isinstance(where, Span) else where.span
        self.declared.problems.setdefault((span.path, span.line, message), Problem(span, message, expected))

    def countable(self, names: frozenset[str]) -> frozenset[str]:
        """Of these variables, those of loops that can be followed turn by turn."""
        return frozenset(loop.var for loop in self.loops if loop.var in names and loop.turns is not None)

    def emit(self, statement: Statement) -> None:
        self.out.append(statement)

    @contextmanager
    def aside(self) -> Iterator[list[Statement]]:
        """What is emitted in here goes into the list instead; what was there before stays, also where a gap leaves."""
        before, self.out = self.out, []
        try:
            yield self.out
        finally:
            self.out = before

    def unique(self, why: str, hint: str = "", *, low: int | None = None) -> Name:
        """A value that nothing is known of, another each time it is asked for: each core and each lane has its own."""
        self.asked += 1
        over = frozenset({"lane"}) if self.core == "AIV" else frozenset[str]()
        return self.unknown(f"{why} {self.core} #{self.asked}", hint, low=low, over=over)

    def unknown(
        self, why: str, hint: str = "", *, low: int | None = None, over: frozenset[str] = frozenset(),
        depth: int | None = None,
    ) -> Name:  # fmt: skip
        """A value that nothing is known of: for each place its own, for each call that leads there, and for each turn
        of the loops around (of the outermost `depth` of them, for a value that is used behind the others)."""
        around = self.loops[:depth]
        over |= frozenset(loop.var for loop in around if not loop.unrolled)
        turns = [loop.turn for loop in around if loop.unrolled]
        path = f" called {self.sites}" if self.sites else ""
        return self.terms.symbol(f"{why}{path}{f' turn {turns}' if any(turns) else ''}", over, hint, low)


def short(node: Node) -> str:
    """The text of a node, on one line and not too long."""
    text = " ".join(node.text.split())
    return text if len(text) <= 60 else text[:57] + "…"


ZERO = Const(0)
