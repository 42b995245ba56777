"""Which numbers a value can be, and what becomes of one in a type that may not hold it."""

from __future__ import annotations

from typing import Any

from syncheck.frontends.cpp.kinds import Number
from syncheck.frontends.cpp.state import Pass, Unroll
from syncheck.frontends.cpp.terms import Terms, linear
from syncheck.ir import Binary, Const, Expr, Function, Name, Ternary, Unary

Bounds = tuple["int | None", "int | None"]
"""(the least, the most) that a value can be; None: nothing is known."""
_TESTS = ("<", "<=", ">", ">=", "==", "!=", "&&", "||")
SHORT = 2
"""Bytes of the types whose upper end matters: of wider ones it is documented (docs/cpp.md)."""


def of_type(kind: Number) -> tuple[int, int]:
    """The least and the most that an integer type holds."""
    if kind.name == "bool":
        return 0, 1
    bits = kind.bytes * 8
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if kind.signed else (0, (1 << bits) - 1)


def bounds(terms: Terms, expr: Expr) -> Bounds:
    """What an expression can be, as far as that is easily told."""
    constant, parts = linear(expr)
    if expr in parts and len(parts) == 1 and parts[expr] == 1:
        return _of_term(terms, expr)
    low: int | None = constant
    high: int | None = constant
    for term, factor in parts.items():
        one = _of_term(terms, term)
        least, most = one if factor > 0 else (one[1], one[0])
        low = None if low is None or least is None else low + factor * least
        high = None if high is None or most is None else high + factor * most
    return low, high


def _of_term(terms: Terms, term: Expr) -> Bounds:
    match term:
        case Name(name):
            symbol = terms.symbols.get(name)
            low = symbol.low if symbol is not None and symbol.low is not None else terms.lows.get(name)
            return low, terms.highs.get(name)
        case Binary(op, _, _) if op in _TESTS:
            return 0, 1
        case Unary("!", _):
            return 0, 1
        case Binary("%", left, Const(by)) if by:
            least = bounds(terms, left)[0]
            return (0 if least is not None and least >= 0 else 1 - abs(by)), abs(by) - 1
        case Binary("&", _, Const(mask)) if mask >= 0:
            return 0, mask
        case Binary("|" | "^", left, right):
            (a, b), (c, d) = bounds(terms, left), bounds(terms, right)
            if a is not None and c is not None and min(a, c) >= 0:
                return 0, None if b is None or d is None else (1 << max(b, d).bit_length()) - 1
        case Binary("/" | ">>", left, Const(by)) if by > 0:
            least, most = bounds(terms, left)
            divisor = by if term.op == "/" else 1 << min(by, 64)
            if least is not None and least >= 0:
                return 0, None if most is None else most // divisor
        case Ternary(_, then, otherwise):
            (a, b), (c, d) = bounds(terms, then), bounds(terms, otherwise)
            return (None if a is None or c is None else min(a, c)), (None if b is None or d is None else max(b, d))
        case Function("min", (left, right)):
            (a, b), (c, d) = bounds(terms, left), bounds(terms, right)
            known = [one for one in (b, d) if one is not None]
            return (None if a is None or c is None else min(a, c)), (min(known) if known else None)
    return None, None


def ranged(run: Pass, name: Name, kind: Any) -> Name:
    """A symbol of an integer type, of which its type tells the most that it is."""
    if isinstance(kind, Number) and not kind.floating:
        run.terms.highs.setdefault(name.name, of_type(kind)[1])
    return name


def held(run: Pass, expr: Expr, kind: Any) -> Expr:
    """What a variable of an integer type holds that is given an expression."""
    if isinstance(expr, Const) or not isinstance(kind, Number) or kind.floating or kind.name == "bool":
        return expr
    low, high = bounds(run.terms, expr)
    least, most = of_type(kind)
    under = low is None or low < least
    over = high is None or high > most
    if kind.bytes > SHORT:
        under, over = under and not kind.signed, False
    if not under and not over:
        return expr
    if kind.bytes <= SHORT and low is not None and high is not None and not run.terms.is_open(expr):
        turns = run.countable(run.terms.depends(expr))
        if turns:
            raise Unroll(turns)
    symbol = run.terms.symbols.get(expr.name) if isinstance(expr, Name) else None
    if symbol is not None and not over and run.terms.is_apart(symbol):  # of a negative number it would be a large one
        return run.terms.symbol(f"unsigned of {symbol.name}", symbol.over, symbol.hint or symbol.otherwise, 0)
    return presumed(run, expr, kind)


def presumed(run: Pass, expr: Expr, kind: Number) -> Expr:
    """A value that is taken to be within its type, which is said; where that is doubted, any of the type."""
    if "wraps" in run.declared.doubt:
        return run.terms.opaque(f"{kind.name} of", expr, low=None if kind.signed else 0)
    if run.at is not None and not run.host:
        run.declared.presumed.setdefault(("wraps", f"integers stay within {kind.name}"), run.at.span)
    return expr
