"""Values that a condition chooses: `c ? a : b`, `a && b`, `a || b`. A side is followed only where it is evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncheck.frontends.cpp.kinds import BOOL
from syncheck.frontends.cpp.operators import cast, one_of_few, promoted, truth
from syncheck.frontends.cpp.scopes import Scope
from syncheck.frontends.cpp.state import Pass
from syncheck.frontends.cpp.statements import branch
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.values import Address, Cell, Choice, Lost, Memory, Real, Whole, is_null
from syncheck.ir import Const, Expr


def either(run: Pass, test: Any, then: Any, otherwise: Any) -> Any:
    """condition ? then : otherwise."""
    if then is otherwise or (not isinstance(then, Cell) and then == otherwise):
        return then
    if isinstance(then, Whole) and isinstance(otherwise, Whole):
        kind = then.type if then.type == otherwise.type else promoted(then.type, otherwise.type)
        a, b = (cast(run, one, kind) if one.type != kind else one for one in (then, otherwise))
        return Whole(run.terms.choice(test, a.expr, b.expr), kind)
    if isinstance(then, Real) or isinstance(otherwise, Real):
        return Real((then if isinstance(then, Real) else otherwise).type)
    if isinstance(then, Address) and isinstance(otherwise, Address) and (then.base, then.space) == (
        otherwise.base, otherwise.space,
    ):  # fmt: skip
        return Address(then.space, then.base, run.terms.choice(test, then.offset, otherwise.offset), then.to)
    if isinstance(then, Address) and isinstance(otherwise, Address) and (is_null(then) or is_null(otherwise)):
        return otherwise if is_null(then) else then  # nothing is read through the other
    return one_of_few(run, Choice(test, then, otherwise))


def chosen(run: Pass, node: Node, test: Expr, then: Callable[[], Any], otherwise: Callable[[], Any]) -> tuple[Any, Any]:
    """What both sides are worth, each with what it does under its condition; None for a side that is never taken."""
    found: list[Any] = [None, None]

    def side(number: int, follow: Callable[[], Any]) -> str:
        found[number] = follow()
        return ""

    branch(run, node, test, lambda: side(0, then), lambda: side(1, otherwise))
    return found[0], found[1]


def conditional(run: Pass, node: Node, scope: Scope) -> Any:
    condition, then, otherwise = node.field("condition"), node.field("consequence"), node.field("alternative")
    if condition is None or then is None or otherwise is None:
        return Lost("an incomplete expression")
    test = truth(run, run.value(condition, scope))
    a, b = chosen(run, node, test, lambda: run.value(then, scope), lambda: run.value(otherwise, scope))
    if isinstance(test, Const):
        taken, other = (a, otherwise) if test.value else (b, then)
        if isinstance(taken, Whole) and other.kind in ("number_literal", "identifier"):  # they have one type
            left = run.value(other, scope)
            return cast(run, taken, promoted(taken.type, left.type)) if isinstance(left, Whole) else taken
        return taken
    return either(run, test, a, b)


def conditional_target(run: Pass, node: Node, scope: Scope) -> Any:
    """`(c ? a : b) = …`: one cell or memory, or a choice of two."""
    condition, then, otherwise = node.field("condition"), node.field("consequence"), node.field("alternative")
    if condition is None or then is None or otherwise is None:
        return Lost("an incomplete expression")
    test = truth(run, run.value(condition, scope))
    place = run.hooks.target
    a, b = chosen(run, node, test, lambda: place(run, then, scope), lambda: place(run, otherwise, scope))
    if isinstance(test, Const):
        return a if test.value else b
    return Choice(test, a, b)


def logic(run: Pass, node: Node, op: str, left: Any, right: Node, scope: Scope) -> Any:
    """left && right, left || right."""
    known = truth(run, left)
    needed = known if op == "&&" else run.terms.negation(known)
    if isinstance(known, Const) and bool(known.value) == (op == "||"):
        return Whole(Const(int(op == "||")), BOOL)
    other, _ = chosen(run, node, needed, lambda: truth(run, run.value(right, scope)), lambda: None)
    return Whole(run.terms.binary(op, known, other), BOOL)


def at_either(run: Pass, node: Node, held: Choice, follow: Callable[[Any], Any]) -> Any:
    """What is done to one of two objects or places: each under its condition."""
    a, b = chosen(run, node, held.condition, lambda: follow(held.then), lambda: follow(held.otherwise))
    if isinstance(a, Memory | Cell) or isinstance(b, Memory | Cell):
        return Choice(held.condition, a, b)
    return a if b is None else b if a is None else either(run, held.condition, a, b)
