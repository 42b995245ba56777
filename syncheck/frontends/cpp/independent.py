"""Conditions that one unknown value decides alone: a single unknown answer takes their place.

`if (table[i] - base * 32 == block)`, where `table[i]` can be any number and nothing else asks for it, is true or false
whatever the rest is. So the program with `if (holds[i] != 0)` has the same runs: each of the old one has its answers,
and for each list of answers there are numbers that give them. What is asked is one value instead of several, and
nothing is remembered of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from syncheck.frontends.cpp.program import of_statement
from syncheck.frontends.cpp.state import Declared
from syncheck.frontends.cpp.terms import NOWHERE, Terms, linear, names, shown
from syncheck.ir import Binary, Call, Const, Expr, For, If, Let, Name, Statement, Unary

_PLAIN = {"<": "<", ">": ">", "==": "==", ">=": "<", "<=": ">", "!=": "=="}
"""Each test, and the one that it or its opposite is."""

Bodies = dict[str, tuple[Statement, ...]]


def independent(bodies: Bodies, terms: Terms, declared: Declared, told: Iterable[str]) -> Bodies:
    """The bodies of the cores, and the functions they call, with such conditions replaced. `told`: the values of which
    the user has said something."""
    uses = _Uses(declared)
    for body in bodies.values():
        uses.follow(body)
    for one in declared.tiles.values():
        uses.elsewhere |= names(one.address) | names(one.slots)
    free = {
        name for name, conditions in uses.conditions.items()
        if len(conditions) == 1 and name in terms.symbols and _unbounded(terms, name, set(told))
    } - _with_factors(terms, uses.elsewhere)  # fmt: skip
    answers = {
        condition: terms.symbol(f"whether {shown(condition)}", terms.symbols[name].over, "holds")
        for name in sorted(free) for condition in uses.conditions[name] if _decides(terms, condition, name)
    }  # fmt: skip
    if not answers:
        return bodies
    for name in list(uses.followed):
        declared.defs[name] = replace(declared.defs[name], body=_replaced(declared.defs[name].body, answers))
    return {core: _replaced(body, answers) for core, body in bodies.items()}


def _unbounded(terms: Terms, name: str, told: set[str]) -> bool:
    symbol = terms.symbols[name]
    called = {symbol.hint, symbol.otherwise, name}
    return symbol.low is None and not symbol.factors and not called & told


def _with_factors(terms: Terms, found: set[str]) -> set[str]:
    """Names, and those that their products are made of."""
    waiting, seen = list(found), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            symbol = terms.symbols.get(name)
            for factor in symbol.factors if symbol is not None else ():
                waiting += names(factor)
    return seen


def _decides(terms: Terms, condition: Binary, name: str) -> bool:
    """Whether one value makes a test true and another makes it false, whatever the others are in that turn."""
    others = names(condition) - {name}
    over = terms.symbols[name].over
    if not others or not all(one in terms.symbols or one in over for one in others):
        return False
    if not terms.depends(condition) <= over:
        return False
    left, right = linear(condition.left)[1], linear(condition.right)[1]
    factor = left.get(Name(name, NOWHERE), 0) - right.get(Name(name, NOWHERE), 0)
    within = [term for term in (*left, *right) if not isinstance(term, Name) and name in names(term)]
    return not within and (abs(factor) == 1 if condition.op == "==" else factor != 0)


def _plain(test: Expr) -> tuple[Binary, bool] | None:
    """(a test, whether it is meant rather than its opposite); None if this is no test."""
    if isinstance(test, Binary) and test.op in _PLAIN:
        op = _PLAIN[test.op]
        return Binary(op, test.left, test.right), op == test.op
    return None


class _Uses:
    """Where values are used. `conditions`: value → the tests that ask for it; `elsewhere`: those used otherwise too."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self.conditions: dict[str, dict[Binary, None]] = {}
        self.elsewhere: set[str] = set()
        self.followed: dict[str, None] = {}

    def follow(self, body: Sequence[Statement]) -> None:
        for one in body:
            match one:
                case If(condition, then, otherwise):
                    self._asked(condition)
                    self.follow(then)
                    self.follow(otherwise)
                case For(_, start, condition, step, inner):
                    self.elsewhere |= names(start) | names(condition) | names(step)
                    self.follow(inner)
                case Let(_, value):
                    self.elsewhere |= names(value)
                case Call(name):
                    if name not in self.followed:
                        self.followed[name] = None
                        self.follow(self._declared.defs[name].body)
                case _:
                    self.elsewhere |= of_statement(one)

    def _asked(self, condition: Expr) -> None:
        plain = _plain(condition)
        if plain is not None:
            for name in names(plain[0]):
                self.conditions.setdefault(name, {})[plain[0]] = None
        elif isinstance(condition, Binary) and condition.op in ("&&", "||"):
            self._asked(condition.left)
            self._asked(condition.right)
        elif isinstance(condition, Unary) and condition.op == "!":
            self._asked(condition.operand)
        else:
            self.elsewhere |= names(condition)


def _replaced(body: Sequence[Statement], answers: dict[Binary, Name]) -> tuple[Statement, ...]:
    made: list[Statement] = []
    for one in body:
        if isinstance(one, If):
            then, otherwise = _replaced(one.then, answers), _replaced(one.otherwise, answers)
            made.append(replace(one, condition=_answered(one.condition, answers), then=then, otherwise=otherwise))
        elif isinstance(one, For):
            made.append(replace(one, body=_replaced(one.body, answers)))
        else:
            made.append(one)
    return tuple(made)


def _answered(condition: Expr, answers: dict[Binary, Name]) -> Expr:
    plain = _plain(condition)
    if plain is not None:
        answer = answers.get(plain[0])
        return condition if answer is None else Binary("!=" if plain[1] else "==", answer, Const(0))
    if isinstance(condition, Binary) and condition.op in ("&&", "||"):
        return Binary(condition.op, _answered(condition.left, answers), _answered(condition.right, answers))
    if isinstance(condition, Unary) and condition.op == "!":
        return Unary("!", _answered(condition.operand, answers))
    return condition
