"""Loops that only do the same scalar accesses again and again: one turn stands for all.

PIPE_S runs in order and waits for nothing between the turns, so what the first turn may not do yet no turn may, and
who waits for the last turn has waited for all: a race with any of them is a race with the one that is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from syncheck.build import names_in
from syncheck.ir import Binary, Const, Expr, For, If, Instr, Name, Program, Statement


def without_repeats(program: Program) -> Program:
    """The Program with `if (the loop runs at all) body` in the place of such loops."""
    defs = tuple(replace(one, body=_all(one.body)) for one in program.defs)
    cores = tuple(replace(one, body=_all(one.body)) for one in program.cores)
    return replace(program, defs=defs, cores=cores)


def _all(body: Iterable[Statement]) -> tuple[Statement, ...]:
    found: list[Statement] = []
    for one in body:
        if isinstance(one, If):
            found.append(replace(one, then=_all(one.then), otherwise=_all(one.otherwise)))
        elif isinstance(one, For):
            found += _once(replace(one, body=_all(one.body)))
        else:
            found.append(one)
    return tuple(found)


def _once(loop: For) -> tuple[Statement, ...]:
    counts = isinstance(loop.step, Const) and loop.step.value > 0
    runs = _first(loop.condition, loop.var, loop.start)
    if not counts or runs is None or not loop.body or not all(_same_each_turn(one, loop.var) for one in loop.body):
        return (loop,)
    return (If(runs, loop.body, (), loop.span),)


def _first(condition: Expr, var: str, start: Expr) -> Expr | None:
    """The condition of `var < bound` before the first turn; None where it has another form."""
    if not isinstance(condition, Binary) or condition.op not in ("<", "<=") or var in names_in(condition.right):
        return None
    counted = isinstance(condition.left, Name) and condition.left.name == var
    return replace(condition, left=start) if counted else None


def _same_each_turn(one: Statement, var: str) -> bool:
    """Whether a statement is scalar accesses that are the same in each turn."""
    if isinstance(one, If):
        inner = (*one.then, *one.otherwise)
        return var not in names_in(one.condition) and all(_same_each_turn(each, var) for each in inner)
    if not isinstance(one, Instr) or one.pipe != "S":
        return False
    return not any(var in names_in(operand) for operand in (*one.reads, *one.writes))
