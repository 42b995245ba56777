"""The accesses to GM of one core, in order, with those to the memory of other ranks told apart.

The kernel is followed once, with two turns of each loop, both arms of each branch, and addresses as sums of unknown
values. The memory of another rank is known by its address: the entry of a table for that rank takes the place of the
one for its own, `p - bases[own] + bases[other]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from syncheck.frontends.cpp.program import CLEAN, Finisher
from syncheck.frontends.cpp.terms import NOWHERE, linear, names, renamed
from syncheck.frontends.cpp.within import through_calls
from syncheck.ir import (
    At,
    Binary,
    Break,
    Call,
    Const,
    Continue,
    Expr,
    For,
    If,
    Instr,
    Let,
    Name,
    Operand,
    Return,
    Statement,
    Ternary,
    TileOp,
)
from syncheck.machine_types import DTYPE_BYTES
from syncheck.source import Span

NOTIFIES = frozenset(("TNOTIFY",))
WAITS = frozenset(("TWAIT", "TTEST"))
TURNS = 2
"""Turns of a loop that are followed."""
MOST = 2000
"""Accesses that are looked at; a kernel with more is looked at no further."""
_WORD = re.compile(r"[A-Za-z_]\w*")
_ARGUMENT = re.compile(r"load GM (\w+)((?:->\w+)*(?:\[\d+\])?)")
_LOAD = re.compile(r"(load GM .*?)(?:\[([^\[\]]*)\])?")

Arms = tuple[tuple[int, int], ...]
"""The branches around a statement, and which arm of each it stands in."""


@dataclass(frozen=True, slots=True)
class Touch:
    """An access to GM. `kind`: store, load, notify or wait; `far`: of another rank's memory; `terms` + `start`: its
    first byte in `owner`, without the tables of ranks; `phase`: how many waits for other ranks came before; `mine`:
    whether a branch around asks which rank this is."""

    kind: str
    owner: str
    start: int
    terms: Mapping[Expr, int]
    size: int
    span: Span
    far: bool
    arms: Arms
    phase: int
    mine: bool

    @property
    def shared(self) -> bool:
        """Whether another rank has to do with it."""
        return self.far or self.kind in ("notify", "wait")

    def meets(self, other: Touch) -> bool:
        """Whether both touch one byte, whatever the unknown values are."""
        if self.owner != other.owner or self.terms != other.terms or _apart(self.arms, other.arms):
            return False
        return self.start < other.start + other.size and other.start < self.start + self.size


def _apart(arms: Arms, others: Arms) -> bool:
    """Whether two statements stand in different arms of one branch."""
    where = dict(arms)
    return any(where.get(number, arm) != arm for number, arm in others)


def followed(finisher: Finisher, body: Sequence[Statement]) -> Walk | None:
    """What a core does with the memory that ranks share; None if it has to do with no other rank."""
    if not any(_asks(finisher, one) for one in through_calls(body, finisher.declared.defs)):
        return None
    walk = Walk(finisher)
    walk.follow(body, {}, (), mine=False)
    if walk.ranks:  # now it is known which values tell the ranks apart
        walk = Walk(finisher, ranks=walk.ranks)
        walk.follow(body, {}, (), mine=False)
    return walk


def _asks(finisher: Finisher, one: Statement) -> bool:
    """Whether a statement has to do with other ranks."""
    if not isinstance(one, TileOp):
        return False
    return one.op in NOTIFIES or one.op in WAITS or any(_is_far(finisher, operand) for operand in one.operands)


def _is_far(finisher: Finisher, operand: Operand) -> bool:
    terms = linear(operand.offset)[1] if isinstance(operand, At) else {}
    return any(factor == -1 and _entry(finisher, term) is not None for term, factor in terms.items())


def _entry(finisher: Finisher, term: Expr) -> tuple[str, str] | None:
    """(table, index) of a value that was read from GM."""
    symbol = finisher.terms.symbols.get(term.name.partition("#")[0]) if isinstance(term, Name) else None
    found = _LOAD.fullmatch(symbol.key) if symbol is not None else None
    return None if found is None else (found[1], found[2] or "")


@dataclass(slots=True)
class Walk:
    """`met`: the accesses; `ranks`: the values that say which rank this is; `turns`: in which turn each loop around
    is."""

    finisher: Finisher
    met: list[Touch] = field(default_factory=list)
    ranks: set[str] = field(default_factory=set)
    turns: dict[str, int] = field(default_factory=dict)
    branches: int = 0
    phase: int = 0

    def follow(self, body: Sequence[Statement], now: dict[str, Expr], arms: Arms, *, mine: bool) -> None:
        """`now`: what variables hold."""
        for one in body:
            if len(self.met) > MOST or isinstance(one, Return | Break | Continue):
                return
            match one:
                case Let(name, value):
                    now[name] = self._value(value, now)
                case If(condition, then, otherwise):
                    test = self._value(condition, now)
                    asks = mine or self._of_ranks(names(condition))
                    self.branches += 1
                    for arm, inner in enumerate((then, otherwise)):
                        if not isinstance(test, Const) or bool(test.value) != bool(arm):
                            self.follow(inner, now, (*arms, (self.branches, arm)), mine=asks)
                case For():
                    self._loop(one, now, arms, mine=mine)
                case Call(name):
                    self.follow(self.finisher.declared.defs[name].body, now, arms, mine=mine)
                case Instr(reads=reads, writes=writes):
                    self._touches(reads, writes, one.span, now, arms, mine=mine)
                case TileOp(op, operands, span) if op in NOTIFIES or op in WAITS:
                    self._touch("notify" if op in NOTIFIES else "wait", operands[:1], span, now, arms, mine=mine)
                    self.phase += op in WAITS
                case TileOp(op, operands) if op != CLEAN:
                    self._touches(*self.finisher.touched(op, operands), one.span, now, arms, mine=mine)

    def _touches(
        self, reads: Sequence[Operand], writes: Sequence[Operand], span: Span, now: Mapping[str, Expr], arms: Arms, *,
        mine: bool,
    ) -> None:  # fmt: skip
        self._touch("load", reads, span, now, arms, mine=mine)
        self._touch("store", writes, span, now, arms, mine=mine)

    def _loop(self, one: For, now: dict[str, Expr], arms: Arms, *, mine: bool) -> None:
        value = self._value(one.start, now)
        before = now.get(one.var)
        for turn in range(TURNS):
            now[one.var], self.turns[one.var] = value, turn
            if self._value(one.condition, now) == Const(0):
                break
            self.follow(one.body, now, arms, mine=mine)
            value = self.finisher.terms.binary("+", value, self._value(one.step, now))
        del self.turns[one.var]
        if before is not None:
            now[one.var] = before

    def _touch(
        self, kind: str, operands: Sequence[Operand], span: Span, now: Mapping[str, Expr], arms: Arms, *, mine: bool
    ) -> None:
        tensors = self.finisher.declared.tensors
        for operand in operands:
            name = getattr(operand, "name", "")
            if name not in tensors:
                continue
            tensor = tensors[name]
            offset = operand.offset if isinstance(operand, At) else Const(0)
            start, terms = linear(self._value(Binary("+", tensor.offset, offset), now))
            far = self._without_ranks(terms)
            size = DTYPE_BYTES[tensor.dtype]
            for extent in tensor.shape if tensor.stride is None else tensor.shape[-1:]:
                size *= extent.value if isinstance(extent, Const) else 1
            owner = tensor.view_of or name
            self.met.append(Touch(kind, owner, start, terms, size, span, far, arms, self.phase, mine))

    def _without_ranks(self, terms: dict[Expr, int]) -> bool:
        """Whether an address is that of another rank; the two entries of its table are taken out of it."""
        tables: dict[str, tuple[Expr, str]] = {}
        for term, factor in terms.items():
            if factor == -1 and (found := _entry(self.finisher, term)) is not None:
                tables[found[0]] = (term, found[1])
        for term, factor in list(terms.items()):
            if factor == 1 and (found := _entry(self.finisher, term)) is not None and found[0] in tables:
                own, index = tables[found[0]]
                self.ranks |= set(_WORD.findall(index))
                del terms[term], terms[own]
                return True
        return False

    def own(self, touch: Touch) -> bool:
        """Whether the place of an access depends on which rank this is, or on a number that each rank reads from memory
        of its own: not from the arguments of its launch."""
        found = {name for term in touch.terms for name in names(term)}
        loaded = [one for one in self._behind(found) if _entry(self.finisher, Name(one, NOWHERE)) is not None]
        return self._of_ranks(found) or not all(map(self._of_launch, loaded))

    def _of_launch(self, name: str) -> bool:
        """Whether a value was read from the arguments of a launch, or from a descriptor that they point to: the ranks
        are launched alike."""
        symbol = self.finisher.terms.symbols.get(name)
        said = _ARGUMENT.fullmatch(symbol.key) if symbol is not None else None
        if said is None:
            return False
        pointers = [base for base, name in self.finisher.declared.hints.items() if base == name]
        if said[1] in pointers:  # `args` of kernel_entry(args)
            return len(pointers) == 1
        return "->" in said[2] and self._of_launch(said[1])

    def _of_ranks(self, found: set[str]) -> bool:
        return bool(self._behind(found) & self.ranks)

    def _behind(self, found: set[str]) -> set[str]:
        """Names, and all that they were computed from."""
        waiting, seen = list(found), set[str]()
        while waiting:
            name = waiting.pop().partition("#")[0]
            if name not in seen:
                seen.add(name)
                symbol = self.finisher.terms.symbols.get(name)
                waiting += [] if symbol is None else _WORD.findall(symbol.key)
        return seen

    # ------------------------------------------------------------ values

    def _value(self, expr: Expr, now: Mapping[str, Expr]) -> Expr:
        """An expression with what its variables hold now."""
        terms = self.finisher.terms
        constant, parts = linear(expr)
        made: Expr = Const(constant)
        for term, factor in parts.items():
            made = terms.binary("+", made, terms.product(self._term(term, now), Const(factor)))
        return made

    def _term(self, term: Expr, now: Mapping[str, Expr]) -> Expr:
        terms = self.finisher.terms
        if not isinstance(term, Name):
            return self._settled(term, now)
        if term.name in now:
            return now[term.name]
        symbol = terms.symbols.get(term.name)
        if symbol is None or not symbol.over:
            return term
        if symbol.factors:
            product: Expr = Const(1)
            for factor in symbol.factors:
                product = terms.product(product, self._value(factor, now))
            return product
        turns = [f"#{self.turns[var]}" for var in sorted(symbol.over) if var in self.turns]
        return Name(term.name + "".join(turns), NOWHERE)  # another value in each turn, which no sum tells

    def _settled(self, term: Expr, now: Mapping[str, Expr]) -> Expr:
        match term:
            case Binary(op, left, right):
                return self.finisher.terms.binary(op, self._value(left, now), self._value(right, now))
            case Ternary(condition, then, otherwise):
                parts = (self._value(one, now) for one in (condition, then, otherwise))
                return self.finisher.terms.choice(*parts)
        return renamed(term, now.get)
