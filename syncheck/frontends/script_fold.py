"""Expressions whose value the text alone decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncheck.ir import Binary, Const, Expr, Function, Index, Name, Slice, Ternary, Unary

_WIDEST = 128


def fold(expression: Expr, numbers: Mapping[str, int]) -> int | None:
    """The value, if it is made of numbers and of names in `numbers` only; None also where C leaves it undefined."""
    match expression:
        case Const(value):
            return value
        case Name(name):
            return numbers.get(name)
        case Unary(op, operand):
            inner = fold(operand, numbers)
            return None if inner is None else -inner if op == "-" else ~inner if op == "~" else int(not inner)
        case Binary(op, left, right):
            a, b = fold(left, numbers), fold(right, numbers)
            return None if a is None or b is None else _binary(op, a, b)
        case Ternary(condition, then, otherwise):
            chosen = fold(condition, numbers)
            return None if chosen is None else fold(then if chosen else otherwise, numbers)
        case Function(name, arguments):
            values = [value for value in (fold(one, numbers) for one in arguments) if value is not None]
            return _function(name, values) if len(values) == len(arguments) else None
    return None


def _binary(op: str, a: int, b: int) -> int | None:
    if op in ("/", "%"):
        if b == 0:
            return None
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return quotient if op == "/" else a - b * quotient
    if op in ("<<", ">>"):
        if not 0 <= b < _WIDEST or abs(a) >> _WIDEST:
            return None
        return a << b if op == "<<" else a >> b
    tests = {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
    logic = {"&&": bool(a and b), "||": bool(a or b), **tests}
    if op in logic:
        return int(logic[op])
    return {"+": a + b, "-": a - b, "*": a * b, "&": a & b, "|": a | b, "^": a ^ b}[op]


def _function(name: str, values: list[int]) -> int | None:
    if name == "ceil_div":
        a, b = values
        return _binary("/", a + b - 1, b)
    return min(values) if name == "min" else max(values)


def negated(operand: Expr) -> Expr:
    return Const(-operand.value) if isinstance(operand, Const) else Unary("-", operand)


def named(expression: Expr | Slice) -> Iterator[str]:
    """The names an expression reads."""
    if isinstance(expression, Name):
        yield expression.name
        return
    parts: tuple[Expr | Slice, ...] = ()
    if isinstance(expression, Index):
        yield expression.name
        parts = expression.indices
    elif isinstance(expression, Unary):
        parts = (expression.operand,)
    elif isinstance(expression, Binary):
        parts = (expression.left, expression.right)
    elif isinstance(expression, Ternary):
        parts = (expression.condition, expression.then, expression.otherwise)
    elif isinstance(expression, Function):
        parts = expression.arguments
    elif isinstance(expression, Slice):
        parts = (expression.start, expression.stop)
    for part in parts:
        yield from named(part)
