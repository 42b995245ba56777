"""How an expression depends on the turns of loops: what must hold for a turn to behave like an earlier one.

A loop whose trip count is open may be followed for ever unless two of its turns are interchangeable: `i` may be
replaced by
`i - s`, and its bound `n` by `n - s`, if everything the text asks of them gives the same answer. Comparing `i` with
`n`, or
`i` with a number it has passed, does; so does `i % p` when p divides s. Any other use is remembered as the reason
why the
loop cannot be folded (docs/proofs.md, "Turns").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from math import lcm
from typing import Any

from syncheck import symbolic
from syncheck.expressions import Family, Slot
from syncheck.ir import Any_, Binary, Const, Expr, Function, Index, Name, Slice, Ternary, Unary
from syncheck.source import Span
from syncheck.value import Record, Value, frozen, mutable

Term = Any
"""What a shape is linear in: a LoopInfo, or (name, index) of a parameter or family member, index None, an int or a
Shape."""


@mutable
class LoopInfo(Record):
    """One loop of one core's code. `bound` is the open value it runs up to; `turns`: start or step are not pinned,
    the loop
    is told by its turn; `modulus` and `threshold` are what its uses ask; `bad` says why it cannot be folded. Where a
    turn may begin, the counter is at most `bound` + `lag` - 1. `forward`: it never goes back; `natural`: nor is it ever
    negative. `reach`: from how far before its bound the text asks whether the counter is there; `end_modulus`: of the
    distance to the bound.
    """

    var: str
    span: Span
    turns: bool = False
    step: int = 1
    bound: Term = None
    lag: int = 0
    modulus: int = 1
    threshold: int = 0
    least_offset: int = 0
    forward: bool = True
    natural: bool = True
    reach: int = 0
    end_modulus: int = 1
    leaves: bool = False
    bad: str = ""
    bad_span: Span | None = None
    head: int = -1
    start: int = -1
    end: int = -1
    slot: int = -1
    turn_slot: int = -1
    parent: LoopInfo | None = None

    @property
    def ends_at(self) -> str:
        """The name of the open value that ends it; "" where its trip count is a number, or nothing is known of it."""
        if self.turns:
            return f"trips@{self.var}"
        return self.bound[0] if isinstance(self.bound, tuple) else ""

    def within(self, outer: LoopInfo) -> bool:
        """Whether this loop stands in the body of another."""
        return self.parent is not None and (self.parent is outer or self.parent.within(outer))

    def spoil(self, why: str, span: Span | None) -> None:
        if not self.bad:
            self.bad, self.bad_span = why, span


@frozen
class Shape(Value):
    """constant + Σ coefficient · term; no terms: a number. `opaque`: something that no shift of loops changes."""

    constant: int = 0
    terms: tuple[tuple[Term, int], ...] = ()
    opaque: bool = False

    @property
    def number(self) -> bool:
        return not self.terms and not self.opaque


OPAQUE = Shape(opaque=True)


def add(a: Shape, b: Shape, sign: int = 1) -> Shape:
    total: dict[Term, int] = dict(a.terms)
    for term, coefficient in b.terms:
        total[term] = total.get(term, 0) + sign * coefficient
    kept = tuple((t, c) for t, c in total.items() if c)
    return Shape(a.constant + sign * b.constant, kept, a.opaque or b.opaque)


def scale(a: Shape, factor: int) -> Shape:
    return Shape(a.constant * factor, tuple((t, c * factor) for t, c in a.terms if c * factor), a.opaque)


@mutable
class Demands(Record):
    """What the text asks of parameters and families themselves (`n == 1`, `n % 2`), by name; and who indexes what:
    loops (`indexed`) or numbers (`named`). `natural` are the parameters that are never negative. `remainders`: (% or &,
    what is added, the right side) of what the text asks of a value itself.
    """

    modulus: dict[str, int] = field(default_factory=dict)
    threshold: dict[str, int] = field(default_factory=dict)
    indexed: dict[str, set[LoopInfo]] = field(default_factory=dict)
    named: dict[str, set[int]] = field(default_factory=dict)
    odd_index: set[str] = field(default_factory=set)
    remainders: dict[str, set[tuple[str, int, int]]] = field(default_factory=dict)
    natural: set[str] = field(default_factory=set)

    def settle_named(self) -> None:
        """A member that the text names by its number is none of those that a loop comes to once it moves."""
        for name, numbers in self.named.items():
            for loop in self.indexed.get(name, ()):
                loop.threshold = max(loop.threshold, max(numbers) + 1 - loop.least_offset)


class Shapes:
    """Shapes of the expressions of one scope; every question that the text asks leaves its demand on the loops."""

    def __init__(self, scope: Mapping[str, Any], demands: Demands) -> None:
        self._scope = scope
        self._demands = demands
        self._span: Span | None = None

    def value(self, expr: Expr, span: Span) -> Shape:
        """The shape of a value that is passed on."""
        self._span = span
        return self._of(expr)

    def ask(self, expr: Expr, span: Span) -> None:
        """The expression is used as a condition."""
        self._span = span
        self._truth(self._of(expr))

    def need(self, expr: Expr, span: Span) -> None:
        """The expression picks a flag, a slot or bytes: shifting a loop must not change it."""
        self._span = span
        shape = self._of(expr)
        self._spoil(shape, "picks a flag, a slot or an address by its number")

    def spoil(self, shape: Shape, why: str, span: Span) -> None:
        """Nothing that this depends on can move, or the text would tell."""
        self._span = span
        self._spoil(shape, why)

    def keep(self, expr: Expr, span: Span) -> None:
        """The expression goes into a variable that outlives its turn."""
        self._span = span
        shape = self._of(expr)
        self._spoil(shape, "is kept for later turns")
        for term, _ in shape.terms:
            loop = term if isinstance(term, LoopInfo) else term[1][0] if isinstance(term[1], tuple) else None
            if loop is not None:
                loop.spoil(f"{loop.var} is kept for later turns", span)

    # ------------------------------------------------------------ expressions

    def _of(self, expr: Expr) -> Shape:
        match expr:
            case Const(value):
                return Shape(value)
            case Name(name):
                return self._name(name)
            case Index(name, indices):
                return self._index(name, indices)
            case Any_():
                return OPAQUE
            case Unary("-", operand):
                return scale(self._of(operand), -1)
            case Unary("!", operand):
                self._truth(self._of(operand))
                return OPAQUE
            case Unary(_, operand):
                return add(scale(self._of(operand), -1), Shape(-1))
            case Ternary(condition, then, otherwise):
                self._truth(self._of(condition))
                return self._either(self._of(then), self._of(otherwise))
            case Binary(op, left, right):
                return self._binary(op, self._of(left), self._of(right))
            case Function(name, arguments):
                shapes = [self._of(argument) for argument in arguments]
                if all(shape.number for shape in shapes) and name == "ceil_div" and shapes[1].constant:
                    return Shape(-(-shapes[0].constant // shapes[1].constant))
                for shape in shapes:
                    self._spoil(shape, f"is used in {name}()")
                return OPAQUE

    def _name(self, name: str) -> Shape:
        meaning = self._scope.get(name)
        if isinstance(meaning, int):
            return Shape(int(meaning))
        if isinstance(meaning, Slot):
            shape = meaning.shape
            return shape if isinstance(shape, Shape) else OPAQUE
        if isinstance(meaning, symbolic.Linear):
            return self._constant(meaning)
        if isinstance(meaning, Const | Name | Index | Unary | Binary | Ternary | Function | Any_):
            return self._of(meaning)
        return OPAQUE

    def _constant(self, value: symbolic.Linear) -> Shape:
        """A parameter or unknown, or a `const` that stands for a sum of some."""
        terms: list[tuple[Term, int]] = []
        for item, coefficient in value.terms:
            name, index = item
            if any(not isinstance(part, int) for part in index) or len(index) > 1:
                self._demands.odd_index.update(symbolic.names_of(value))
                return OPAQUE
            if index:
                self._demands.named.setdefault(name, set()).add(index[0])
            terms.append(((name, index[0] if index else None), coefficient))
        return Shape(value.constant, tuple(terms))

    def _index(self, name: str, indices: tuple[Expr | Slice, ...]) -> Shape:
        if not isinstance(self._scope.get(name), Family):
            return OPAQUE
        if len(indices) != 1 or isinstance(indices[0], Slice):
            for part in indices:
                if not isinstance(part, Slice):
                    self._spoil(self._of(part), f"indexes {name} together with something else")
            self._demands.odd_index.add(name)
            return OPAQUE
        index = self._of(indices[0])
        if index.number:
            self._demands.named.setdefault(name, set()).add(index.constant)
            return Shape(0, (((name, index.constant), 1),))
        loops = [term for term, _ in index.terms if isinstance(term, LoopInfo)]
        plain = len(index.terms) == 1 and len(loops) == 1 and index.terms[0][1] == 1 and not index.opaque
        if not plain:
            self._spoil(index, f"indexes {name} in a way that changes from turn to turn")
            self._demands.odd_index.add(name)
            return OPAQUE
        loops[0].least_offset = min(loops[0].least_offset, index.constant)
        self._demands.indexed.setdefault(name, set()).add(loops[0])
        return Shape(0, (((name, (loops[0], index.constant)), 1),))

    def _either(self, a: Shape, b: Shape) -> Shape:
        if a == b:
            return a
        for shape in (a, b):
            self._spoil(shape, "is one of two values")
        return OPAQUE

    def _binary(self, op: str, a: Shape, b: Shape) -> Shape:
        if op in ("+", "-"):
            return add(a, b, 1 if op == "+" else -1)
        if op == "*" and (a.number or b.number):
            return scale(b, a.constant) if a.number else scale(a, b.constant)
        if op in ("<", ">", "<=", ">=", "==", "!="):
            self._compare(add(a, b, -1))
            return OPAQUE
        if op in ("&&", "||"):
            self._truth(a)
            self._truth(b)
            return OPAQUE
        if a.number and b.number:
            return self._folded(op, a.constant, b.constant)
        if op == "%" and b.number and b.constant > 0:
            return self._modulo(a, b.constant, op, b.constant)
        if op == "&" and b.number and b.constant > 0 and b.constant & (b.constant + 1) == 0:
            return self._modulo(a, b.constant + 1, op, b.constant)
        for shape in (a, b):
            self._spoil(shape, f"is used with {op}")
        return OPAQUE

    def _folded(self, op: str, a: int, b: int) -> Shape:
        if op in ("/", "%"):
            if not b:
                return OPAQUE
            value = symbolic.divide(a, b) if op == "/" else symbolic.remainder(a, b)
        elif op in ("<<", ">>") and not 0 <= b < 64:
            return OPAQUE
        else:
            value = symbolic.bitwise(op, a, b)
        return Shape(value) if isinstance(value, int) else OPAQUE

    # ------------------------------------------------------------ demands

    def _truth(self, shape: Shape) -> None:
        self._compare(shape)

    def _modulo(self, shape: Shape, modulus: int, op: str, operand: int) -> Shape:
        """The remainder has the sign of what is divided, so that must keep its sign where loops move."""
        if self._moves_along(shape):
            for term, _ in shape.terms:
                if isinstance(term, LoopInfo):
                    term.end_modulus = lcm(term.end_modulus, modulus)
                    term.reach = max(term.reach, abs(shape.constant) + 1)
            return OPAQUE
        signs = {coefficient > 0 for _, coefficient in shape.terms}
        several = len(shape.terms) > 1 and (len(signs) > 1 or not all(self._natural(term) for term, _ in shape.terms))
        if shape.terms and (shape.opaque or several):
            self._spoil(shape, "is one part of what a remainder is taken of")
            return OPAQUE
        for term, _ in shape.terms:
            if isinstance(term, LoopInfo):
                term.modulus = lcm(term.modulus, modulus)
                term.threshold = max(term.threshold, abs(shape.constant) + 1)
            else:
                name = term[0]
                self._demands.modulus[name] = lcm(self._demands.modulus.get(name, 1), modulus)
                self._demands.remainders.setdefault(name, set()).add((op, shape.constant, operand))
                self._demands.threshold[name] = max(self._demands.threshold.get(name, 0), abs(shape.constant) + 1)
        return OPAQUE

    def natural(self, shape: Shape) -> bool:
        """Whether the value is certainly not negative."""
        positive = all(coefficient > 0 and self._natural(term) for term, coefficient in shape.terms)
        return not shape.opaque and shape.constant >= 0 and positive

    def _natural(self, term: Term) -> bool:
        return term.natural if isinstance(term, LoopInfo) else term[0] in self._demands.natural

    def _moves_along(self, difference: Shape) -> bool:
        """Whether this is the distance between a counter and the bound of its own loop: both move by the same."""
        if difference.opaque or len(difference.terms) != 2:
            return False
        (one, a), (other, b) = difference.terms
        if not isinstance(one, LoopInfo):
            one, other = other, one
        return isinstance(one, LoopInfo) and not one.turns and a == -b and bool(one.bound == other)

    def _compare(self, difference: Shape) -> None:
        """`difference` is compared with 0."""
        loops = [term for term, _ in difference.terms if isinstance(term, LoopInfo)]
        names = [term[0] for term, _ in difference.terms if not isinstance(term, LoopInfo)]
        passed = abs(difference.constant) + 1
        if not difference.opaque and len(loops) == 1 and not names and not loops[0].turns:
            loops[0].threshold = max(loops[0].threshold, passed)
            return
        if self._moves_along(difference):
            loops[0].reach = max(loops[0].reach, passed)
            return
        if not loops and not difference.opaque:
            for name in names:
                self._demands.threshold[name] = max(self._demands.threshold.get(name, 0), passed)
            if len(names) <= 1:
                return
        self._spoil(difference, "is compared with something else that changes")

    def _spoil(self, shape: Shape, why: str) -> None:
        for term, _ in shape.terms:
            if isinstance(term, LoopInfo):
                if not term.turns:
                    term.spoil(f"{term.var} {why}", self._span)
            else:
                name, index = term
                self._demands.odd_index.add(name)
                if isinstance(index, tuple):
                    index[0].spoil(f"{name}[{index[0].var}] {why}", self._span)
