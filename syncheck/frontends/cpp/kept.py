"""What loops keep from turn to turn, as variables of the script, and the jumps that leave a turn."""

from __future__ import annotations

from typing import Any

from syncheck.frontends.cpp.state import LoopState, Pass, Unreadable
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import NOWHERE, names
from syncheck.frontends.cpp.values import Address, Whole
from syncheck.ir import Break, Continue, Expr, Let, Name
from syncheck.source import Span

NORMAL, RETURNED, BROKE, CONTINUED = "", "return", "break", "continue"
"""How a statement ends."""


def leave_turn(run: Pass, node: Node, how: str) -> str:
    """break or continue: the innermost loop that is followed symbolically jumps; an unrolled one just ends."""
    if how == BROKE and run.switches > (run.loops[-1].switches if run.loops else 0):
        if run.cases and len(run.conditions) > run.cases[-1]:
            raise Unreadable(
                node, "a 'break' under a condition that is not known leaves a switch",
                "the condition around what follows, and 'break' at the end of the case",
            )  # fmt: skip
        return BROKE
    if not run.loops:
        return how
    loop = run.loops[-1]
    conditional = len(run.conditions) > loop.depth
    if loop.unrolled:
        if conditional:
            raise Unreadable(node, f"'{how}' depends on a condition in a loop that is followed turn by turn")
        return how
    if how == BROKE:
        loop.broken = True
    elif loop.between is not None:
        loop.between()
    loop.jumps.append((how, run.trail.changed(loop.mark)))
    flush(run, loop, node.span)
    run.emit(Break(node.span) if how == BROKE else Continue(node.span))
    return how


def flush(run: Pass, loop: LoopState, span: Span) -> None:
    """Give the variables that hold kept values their new ones."""
    pending: list[tuple[str, Expr]] = []
    for cell, name in loop.carried.items():
        if cell in loop.closed:
            continue
        expr = integer_of(cell.value)
        if expr is not None and expr != Name(name, NOWHERE):
            pending.append((name, expr))
    while pending:
        free = [one for one in pending if not any(one[0] in names(e) for n, e in pending if n != one[0])]
        if not free:
            name, expr = pending.pop(0)
            copy = run.terms.local(f"{name}_next")
            run.terms.over[copy] = run.terms.over.get(name, frozenset())
            run.emit(Let(copy, expr, span))
            pending.append((name, Name(copy, NOWHERE)))
            continue
        for one in free:
            run.emit(Let(one[0], one[1], span))
            pending.remove(one)


def integer_of(value: Any) -> Expr | None:
    """What a variable of the script would hold for a value: an integer, or where a pointer points."""
    if isinstance(value, Whole):
        return value.expr
    if isinstance(value, Address):
        return value.offset
    return None


def with_integer(value: Any, expr: Expr) -> Any:
    if isinstance(value, Whole):
        return Whole(expr, value.type)
    if isinstance(value, Address):
        return Address(value.space, value.base, expr, value.to)
    return value
