"""Integers that depend on what the script does not pin: linear forms over atoms, and what a path has assumed of them.

An atom is (name, index): a parameter, a member of a family, an unknown value, or a loop value known only by its
turn. The same atom is the same number on every core. A `Store` is one path's assumptions; asking it an open question
raises `Open`, and the explorer then follows both answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import gcd
from typing import Any, Union

from syncheck.observation import Case
from syncheck.value import Value as Frozen
from syncheck.value import frozen

Atom = tuple[str, tuple[Any, ...]]
Value = Union[int, "Linear"]


@frozen
class Linear(Frozen):
    """constant + Σ coefficient · atom; at least one term, no zero coefficient, terms sorted."""

    constant: int
    terms: tuple[tuple[Atom, int], ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Linear):
            return NotImplemented
        return self is other or (self.constant == other.constant and self.terms == other.terms)

    def __hash__(self) -> int:
        return hash((self.constant, self.terms))

    def __add__(self, other: Value) -> Value:
        if isinstance(other, int):
            return Linear(self.constant + other, self.terms) if other else self
        total = dict(self.terms)
        for atom, coefficient in other.terms:
            total[atom] = total.get(atom, 0) + coefficient
        return linear(self.constant + other.constant, total.items())

    __radd__ = __add__

    def __neg__(self) -> Value:
        return self * -1

    def __sub__(self, other: Value) -> Value:
        return self + (-other)

    def __rsub__(self, other: Value) -> Value:
        return (-self) + other

    def __mul__(self, other: Value) -> Value:
        if isinstance(other, int):
            return linear(self.constant * other, [(a, c * other) for a, c in self.terms])
        return opaque("*", self, other)

    __rmul__ = __mul__

    def __str__(self) -> str:
        parts = [name_of(atom) if c == 1 else f"{c}*{name_of(atom)}" for atom, c in self.terms]
        if self.constant:
            parts.append(str(self.constant))
        return " + ".join(parts)


def name_of(atom: Atom) -> str:
    """An atom as the author wrote it: `n_blocks[0]`, `table[i]`."""
    name, index = atom
    name = name.partition("@")[0]
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def key_of(value: Value | None) -> str:
    """A text that no other value has: a parameter's own name, a number, or all the parts of a form. `str` is for
    readers: it does not tell apart two loops over one variable."""
    if isinstance(value, Linear) and len(value.terms) == 1 and not value.constant:
        ((name, index), coefficient), *_ = value.terms
        if coefficient == 1 and not index and TURN not in name:
            return name
    return repr(value)


def names_of(value: Value) -> set[str]:
    """The names of all atoms that a value is made of."""
    found: set[str] = set()
    for (name, index), _ in value.terms if isinstance(value, Linear) else ():
        found.add(name)
        for part in index:
            found |= names_of(part)
    return found


def _key(item: tuple[Atom, int]) -> str:
    return repr(item[0])


def linear(constant: int, terms: Iterable[tuple[Atom, int]]) -> Value:
    kept = tuple(sorted(((a, c) for a, c in terms if c), key=_key))
    return Linear(constant, kept) if kept else constant


def atom(name: str, *index: Value) -> Linear:
    return Linear(0, (((name, index), 1),))


def opaque(op: str, *operands: Value) -> Linear:
    """The result of an operation that is not linear: an unknown of its own, equal wherever it is formed again."""
    return atom(f"({op})", *operands)


@frozen
class Test(Frozen):
    """An undecided question: `form` op 0, op one of < == (others are reduced to these)."""

    op: str
    form: Linear

    def __hash__(self) -> int:
        return hash((self.op, self.form))


class Open(Exception):
    """The path does not say whether the test holds."""

    def __init__(self, test: Test) -> None:
        self.test = test


def _c_div(a: int, b: int) -> int:
    if b == 0:
        raise ZeroDivisionError
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def divide(a: Value, b: Value) -> Value:
    if isinstance(a, int) and isinstance(b, int):
        return _c_div(a, b)
    if (
        isinstance(a, Linear)
        and isinstance(b, int)
        and b
        and all(c % b == 0 for _, c in a.terms)
        and a.constant % b == 0
    ):
        return linear(a.constant // b, [(t, c // b) for t, c in a.terms])
    return opaque("/", a, b)


def remainder(a: Value, b: Value) -> Value:
    if isinstance(a, int) and isinstance(b, int):
        return a - b * _c_div(a, b)
    return opaque("%", a, b)


def bitwise(op: str, a: Value, b: Value) -> Value:
    if isinstance(a, int) and isinstance(b, int):
        if op in ("<<", ">>") and not 0 <= b < 64:
            raise ZeroDivisionError
        return {
            "<<": a << b if op == "<<" else 0,
            ">>": a >> b if op == ">>" else 0,
            "&": a & b,
            "|": a | b,
            "^": a ^ b,
        }[op]
    if op == "<<" and isinstance(b, int) and 0 <= b < 64:
        return a * (1 << b)
    return opaque(op, a, b)


def worked_out(name: str, a: int, b: int) -> int | None:
    """The value of an operation, by the name of its atom; None where C defines none."""
    if (name in ("(/)", "(%)") and not b) or (name in ("(<<)", "(>>)") and not 0 <= b < 64):
        return None
    if name == "(*)":
        return a * b
    value = divide(a, b) if name == "(/)" else remainder(a, b) if name == "(%)" else bitwise(name[1:-1], a, b)
    return value if isinstance(value, int) else None


def less(a: Value, b: Value) -> bool | Test:
    """a < b, divided by what its coefficients have in common: so it bounds a single value, as in 2 * n < 5."""
    if isinstance(a, int) and isinstance(b, int):
        return a < b
    form = a - b
    if isinstance(form, int):
        return form < 0
    by = gcd(*(coefficient for _, coefficient in form.terms))
    return Test("<", form if by == 1 else Linear(form.constant // by, tuple((t, c // by) for t, c in form.terms)))


def equal(a: Value, b: Value) -> bool | Test:
    """a == b, divided by what its coefficients have in common."""
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    form = a - b
    if isinstance(form, int):
        return form == 0
    by = gcd(*(coefficient for _, coefficient in form.terms)) * (1 if form.terms[0][1] > 0 else -1)
    if form.constant % by:
        return False  # as n + n == 3
    return Test("==", form if by == 1 else Linear(form.constant // by, tuple((t, c // by) for t, c in form.terms)))


Bounds = tuple[int | None, int | None]


class Store(Case):
    """Assumptions of one path: bounds of atoms, and answers to tests that bounds cannot express. Never changed once
    shared.

    `size` orders paths: first by what their least values exceed the least of the domains by, in all; then by how much
    they have assumed, which is how many turns and branches they have seen. It only grows along a path.
    """

    __slots__ = ("bounds", "domain", "facts")

    def __init__(
        self,
        domain: Callable[[Atom], Bounds],
        bounds: dict[Atom, Bounds] | None = None,
        facts: dict[Test, bool] | None = None,
        size: int = 0,
    ) -> None:
        self.domain = domain
        self.bounds = bounds or {}
        self.facts = facts or {}
        super().__init__(size)

    def bounds_of(self, atom_: Atom) -> Bounds:
        found = self.bounds.get(atom_)
        return found if found is not None else self.domain(atom_)

    def range_of(self, form: Linear) -> Bounds:
        """Bounds of a linear form from the bounds of its atoms (None: unbounded)."""
        low: int | None = form.constant
        high: int | None = form.constant
        for item, coefficient in form.terms:
            at_least, at_most = self.bounds_of(item)
            if coefficient < 0:
                at_least, at_most = at_most, at_least
            low = None if low is None or at_least is None else low + coefficient * at_least
            high = None if high is None or at_most is None else high + coefficient * at_most
        return low, high

    def settle(self, value: Value) -> Value:
        """The number itself where the path's bounds leave only one."""
        if isinstance(value, Linear):
            low, high = self.range_of(value)
            if low is not None and low == high:
                return low
        return value

    def truth(self, value: Value | bool | Test) -> bool:
        """The value as a C condition; raises `Open` where the path has not decided it."""
        if isinstance(value, Test):
            return self._answer(value)
        if isinstance(value, Linear):
            test = equal(value, 0)
            return not (test if isinstance(test, bool) else self._answer(test))
        return bool(value)

    def _answer(self, test: Test) -> bool:
        decided = self.decides(test)
        if decided is not None:
            return decided
        known = self.facts.get(test)
        if known is None:
            raise Open(test)
        return known

    def pinned(self, item: Atom, number: int) -> Store:
        """The same assumptions with one atom a number."""
        return Store(self.domain, {**self.bounds, item: (number, number)}, self.facts, self.size)

    def implies(self, other: Case) -> bool:
        """Whether all that the other path has assumed holds here as well."""
        return isinstance(other, Store) and (
            all(_inside(self.bounds_of(item), bounds) for item, bounds in other.bounds.items())
            and all(self.facts.get(test, self.decides(test)) is answer for test, answer in other.facts.items())
        )

    def decides(self, test: Test) -> bool | None:
        """What the bounds alone answer; None where they do not say."""
        low, high = self.range_of(test.form)
        if test.op == "<":
            return True if high is not None and high < 0 else False if low is not None and low >= 0 else None
        if (low is not None and low > 0) or (high is not None and high < 0):
            return False
        return True if low == 0 and high == 0 else None

    def assume(self, test: Test, answer: bool) -> Store | None:
        """This path with one question answered; None where its bounds rule the answer out."""
        form = test.form
        if len(form.terms) == 1 and abs(form.terms[0][1]) == 1:
            store = self._assume_bound(test, form.terms[0], answer)
        else:
            store = Store(self.domain, self.bounds, {**self.facts, test: answer}, self.size + 1)
        return store if store is not None and store._possible() else None

    def _possible(self) -> bool:
        """Whether what the bounds say by now agrees with what was assumed before they said it."""
        for item, (low, high) in self.bounds.items():
            value = self._worked_out(item)
            if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
                return False
        return all(self.decides(test) in (answer, None) for test, answer in self.facts.items())

    def _worked_out(self, item: Atom) -> int | None:
        """The value of an operation whose operands are numbers by now; None for anything else."""
        name, index = item
        if not name.startswith("(") or len(index) != 2:
            return None
        a, b = self.settle(index[0]), self.settle(index[1])
        return worked_out(name, a, b) if isinstance(a, int) and isinstance(b, int) else None

    def _assume_bound(self, test: Test, term: tuple[Atom, int], answer: bool) -> Store | None:
        item, coefficient = term
        low, high = before = self.bounds_of(item)
        facts = self.facts
        pivot = -test.form.constant * coefficient  # atom < pivot, or atom > pivot where the coefficient is negative
        if test.op == "==":
            if answer:
                low = high = pivot
            elif pivot == low:
                low = pivot + 1
            elif pivot == high:
                high = pivot - 1
            else:
                facts = {**facts, test: False}
        elif (coefficient > 0) == answer:
            bound = pivot - 1 if coefficient > 0 else pivot
            high = bound if high is None or bound < high else high
        else:
            bound = pivot if coefficient > 0 else pivot + 1
            low = bound if low is None or bound > low else low
        if low is not None and high is not None and low > high:
            return None
        excess = abs(_least_of(low, high) - _least_of(*before))
        more = (item not in self.bounds) + len(facts) - len(self.facts)
        return Store(self.domain, {**self.bounds, item: (low, high)}, facts, self.size + excess * EXCESS + more)


def _inside(inner: Bounds, outer: Bounds) -> bool:
    (low, high), (least, most) = inner, outer
    above = least is None or (low is not None and low >= least)
    return above and (most is None or (high is not None and high <= most))


EXCESS = 1 << 20
"""What 1 above the least weighs in `Store.size`; no path assumes that many things."""


def _least_of(low: int | None, high: int | None) -> int:
    """The value that a report names."""
    return low if low is not None else min(high or 0, 0)


TURN = "@"
"""In the name of an atom: the value of a loop variable at one turn, where start or step are not pinned. It only
grows."""


def distance(domain: Callable[[Atom], Bounds], a: Value | None, b: Value | None) -> Bounds:
    """Bounds of `b - a`, two addresses; loop values of one loop differ by at least their step times the turns
    between."""
    form = (b or 0) - (a or 0)
    if isinstance(form, int):
        return form, form
    low: int | None = form.constant
    high: int | None = form.constant
    left = dict(form.terms)
    for item, coefficient in form.terms:
        if item not in left:
            continue
        del left[item]
        partner = next((other for other, c in left.items() if c == -coefficient and _same_loop(item, other)), None)
        if partner is None:
            at_least, at_most = domain(item)
        else:
            del left[partner]
            turns = item[1][0] - partner[1][0]
            at_least, at_most = (turns, None) if turns > 0 else (None, turns)
        if coefficient < 0:
            at_least, at_most = at_most, at_least
        low = None if low is None or at_least is None else low + coefficient * at_least
        high = None if high is None or at_most is None else high + coefficient * at_most
    return low, high


def spacing(a: Value | None, b: Value | None) -> int:
    """What every distance `b - a` of two addresses without constants is a multiple of; at least 1."""
    form = (b or 0) - (a or 0)
    return abs(form) or 1 if isinstance(form, int) else gcd(*(coefficient for _, coefficient in form.terms))


def _same_loop(one: Atom, other: Atom) -> bool:
    return TURN in one[0] and one[0] == other[0]


NOTHING = Store(lambda _: (None, None))
"""No assumptions: for expressions that are the same everywhere."""
