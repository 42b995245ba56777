"""Expressions and operands as the text of an event script, with no bracket too many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from syncheck.frontends.script_expressions import TIGHTNESS
from syncheck.ir import (
    Any_,
    At,
    Binary,
    Const,
    Expr,
    Function,
    Index,
    Name,
    Operand,
    Region,
    Slice,
    Ternary,
    Unary,
)

_TERNARY, _OPERATORS, _UNARY, _ATOM = 0, 1, 11, 12
"""How tight an expression of each form binds; the operators of two operands lie between."""


class ExpressionText:
    """Writes expressions. `spell` gives a name as it is written there, `shared` the name of an `any` that stands in
    more than one place."""

    def __init__(self, spell: Callable[[str], str], shared: Mapping[int, str]) -> None:
        self._spell, self._shared = spell, shared

    def value(self, expression: Expr, least: int = _TERNARY) -> str:
        """The text, in brackets if it binds less tightly than `least`."""
        text, tightness = self._tight(expression)
        return text if tightness >= least else f"({text})"

    def operand(self, operand: Operand) -> str:
        if isinstance(operand, Region):
            return f"{operand.space}[{self._between(operand.start, operand.stop)}]"
        if isinstance(operand, At):
            return f"{self._spell(operand.name)}@({self.value(operand.offset)})"
        return self.value(operand)

    def listed(self, operands: tuple[Operand, ...]) -> str:
        return ", ".join(map(self.operand, operands))

    def _tight(self, expression: Expr) -> tuple[str, int]:
        match expression:
            case Const(value):
                return str(value), _UNARY if value < 0 else _ATOM
            case Name(name):
                return self._spell(name), _ATOM
            case Index(name, indices):
                return f"{self._spell(name)}[{', '.join(map(self._index, indices))}]", _ATOM
            case Unary(op, operand):
                inner = self.value(operand, _UNARY)
                return op + (f"({inner})" if inner.startswith("-") and op == "-" else inner), _UNARY
            case Binary(op, left, right):
                tight = TIGHTNESS[op]
                return f"{self.value(left, tight)} {op} {self.value(right, tight + 1)}", tight
            case Ternary(condition, then, otherwise):
                parts = self.value(condition, _OPERATORS), self.value(then), self.value(otherwise)
                return "{} ? {} : {}".format(*parts), _TERNARY
            case Function(name, arguments):
                return f"{name}({', '.join(map(self.value, arguments))})", _ATOM
            case Any_(place=place):
                return self._shared.get(place, "any"), _ATOM
        impossible(expression)

    def _index(self, index: Expr | Slice) -> str:
        return self._between(index.start, index.stop) if isinstance(index, Slice) else self.value(index)

    def _between(self, start: Expr, stop: Expr) -> str:
        return f"{self.value(start, _OPERATORS)}:{self.value(stop, _OPERATORS)}"


def impossible(node: NoReturn) -> NoReturn:
    """A node that no branch handles does not pass the type checker."""
    raise AssertionError(f"{type(node).__name__} has no text")
