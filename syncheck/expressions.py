"""Expressions of the IR, compiled once to Python functions of the loop values and the path's assumptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncheck import symbolic
from syncheck.ir import Any_, Binary, Const, Expr, Function, Index, Name, Slice, Ternary, Unary
from syncheck.source import Span
from syncheck.symbolic import Store, Value, atom
from syncheck.value import Value as Frozen
from syncheck.value import frozen

Evaluate = Callable[[list[Any], Store], Value]
"""(values of the slots, assumptions of the path) → the value; may raise `Open` or ZeroDivisionError."""


class Misused(Exception):
    """An expression that cannot be evaluated where it stands; `args` are the message and what was expected. `rule`: the
    rule that is broken, SYN001 for what is not understood."""

    def __init__(self, span: Span | None, message: str, expected: str = "", rule: str = "SYN001") -> None:
        super().__init__(message)
        self.span = span
        self.message = message
        self.expected = expected
        self.rule = rule

    def where(self, otherwise: Span) -> Span:
        """Its place; `otherwise` where the expression has none."""
        return self.span if self.span is not None and self.span.line else otherwise


@frozen
class Slot(Frozen):
    """A name that is a local value: a loop variable, a `let`, an argument. `shape`: how it depends on loops
    (shapes.py)."""

    number: int
    shape: object = None


@frozen
class Family(Frozen):
    """A name that is read with an index: a parameter family or an unknown table. `lookup`: its values, where given."""

    arity: int
    lookup: Callable[[int], int] | None = None


Meaning = int | symbolic.Linear | Slot | Family | Expr | object
"""What a name stands for: a number, an atom, a slot, a family; an `Expr` for operands passed to a `def`."""


_OPERATORS = {
    "+": "({} + {})",
    "-": "({} - {})",
    "*": "({} * {})",
    "/": "DIV(s.settle({}), s.settle({}))",
    "%": "REM(s.settle({}), s.settle({}))",
}
_TESTS = {
    "<": "s.truth(LT({0}, {1}))",
    ">": "s.truth(LT({1}, {0}))",
    "<=": "(not s.truth(LT({1}, {0})))",
    ">=": "(not s.truth(LT({0}, {1})))",
    "==": "s.truth(EQ({}, {}))",
    "!=": "(not s.truth(EQ({}, {})))",
    "&&": "(s.truth({}) and s.truth({}))",
    "||": "(s.truth({}) or s.truth({}))",
}


def _least(store: Store, a: Value, b: Value) -> Value:
    return a if store.truth(symbolic.less(a, b)) else b


def _greatest(store: Store, a: Value, b: Value) -> Value:
    return b if store.truth(symbolic.less(a, b)) else a


def _ceil_div(store: Store, a: Value, b: Value) -> Value:
    return symbolic.divide(store.settle(a + b - 1), store.settle(b))


_TOOLS: dict[str, Any] = {
    "MIN": _least,
    "MAX": _greatest,
    "CEIL": _ceil_div,
    "DIV": symbolic.divide,
    "REM": symbolic.remainder,
    "BIT": symbolic.bitwise,
    "LT": symbolic.less,
    "EQ": symbolic.equal,
    "ATOM": atom,
}


_FUNCTIONS: dict[str, Evaluate] = {}
"""Those made before that need nothing but the values and the store."""


def _function(source: str, constants: Mapping[str, Any]) -> Evaluate:
    made: Evaluate = eval(f"lambda v, s: {source}", {**_TOOLS, **constants, "__builtins__": {}})
    return made


class Compiler:
    """Compiles expressions in one scope. `constant` is set while nothing but numbers has been met."""

    def __init__(self, scope: Mapping[str, Meaning]) -> None:
        self._scope = scope
        self._constants: dict[str, Any] = {}

    def compile(self, expr: Expr) -> tuple[Evaluate, bool]:
        """The function, and whether its value is the same everywhere in the execution."""
        if isinstance(expr, Const):
            number = expr.value
            return lambda v, s: number, True
        self._constants = {}
        self._varies = False
        source = self._source(expr)
        if self._constants:
            return _function(source, self._constants), not self._varies
        found = _FUNCTIONS.get(source)
        if found is None:
            found = _FUNCTIONS[source] = _function(source, {})
        return found, not self._varies

    def _source(self, expr: Expr) -> str:
        match expr:
            case Const(value):
                return f"({value})"
            case Name(name, span):
                return self._name(name, span)
            case Index(name, indices, span):
                return self._index(name, indices, span)
            case Any_(_, place):
                self._varies = True
                return self._atom(f"any@{place}")
            case Unary("-", operand):
                return f"(-{self._source(operand)})"
            case Unary("!", operand):
                return f"(not s.truth({self._source(operand)}))"
            case Unary(_, operand):
                return f"(-{self._source(operand)} - 1)"
            case Binary(op, left, right):
                return self._binary(op, self._source(left), self._source(right))
            case Ternary(condition, then, otherwise):
                parts = (self._source(then), self._source(condition), self._source(otherwise))
                return "({} if s.truth({}) else {})".format(*parts)
            case Function(name, arguments, span):
                return self._function(name, [self._source(a) for a in arguments], span)
        raise Misused(None, "this is no expression")

    def _binary(self, op: str, left: str, right: str) -> str:
        if op in _OPERATORS:
            return _OPERATORS[op].format(left, right)
        if op in _TESTS:
            return _TESTS[op].format(left, right)
        return f"BIT({op!r}, s.settle({left}), s.settle({right}))"

    def _function(self, name: str, arguments: list[str], span: Span) -> str:
        if name == "ceil_div" and len(arguments) == 2:
            a, b = arguments
            return f"CEIL(s, {a}, {b})"
        if name in ("min", "max") and len(arguments) >= 2:
            result = arguments[0]
            for other in arguments[1:]:
                result = f"{name.upper()}(s, {result}, {other})"
            return result
        raise Misused(span, f"{name} does not take {len(arguments)} arguments")

    def _name(self, name: str, span: Span) -> str:
        meaning = self._scope.get(name)
        if isinstance(meaning, Slot):
            self._varies = True
            return f"v[{meaning.number}]"
        if isinstance(meaning, int):
            return f"({int(meaning)})"
        if isinstance(meaning, symbolic.Linear):
            self._varies = True
            return self._atom(meaning)
        if isinstance(meaning, Const | Name | Index | Unary | Binary | Ternary | Function | Any_):
            return self._source(meaning)
        if isinstance(meaning, Family):
            raise Misused(span, f"{name} has one value for each index", f"{name}[…]")
        raise Misused(span, f"{name} is no integer value", "a parameter, constant, loop variable or argument")

    def _index(self, name: str, indices: tuple[Expr | Slice, ...], span: Span) -> str:
        meaning = self._scope.get(name)
        if not isinstance(meaning, Family):
            raise Misused(span, f"{name}[…] is no integer value", "a parameter family or an unknown table")
        plain = [index for index in indices if not isinstance(index, Slice)]
        if len(plain) != len(indices) or len(plain) != meaning.arity:
            raise Misused(span, f"{name} takes {meaning.arity} index", f"{name}[i]")
        self._varies = True
        sources = ", ".join(self._source(index) for index in plain)
        if meaning.lookup is not None:
            key = f"C{len(self._constants)}"
            self._constants[key] = meaning.lookup
            return f"{key}({sources})"
        return f"ATOM({name!r}, {sources})"

    def _atom(self, value: str | symbolic.Linear) -> str:
        key = f"C{len(self._constants)}"
        self._constants[key] = atom(value) if isinstance(value, str) else value
        return key
