"""Loops stay loops: the body is followed once for any turn (any_turn.py). A loop over objects of an array, and one with
a single turn, is followed turn by turn instead."""

from __future__ import annotations

from dataclasses import replace

from syncheck.frontends.cpp.any_turn import AnyTurn
from syncheck.frontends.cpp.counting import Recount, Shape, count, turns_of
from syncheck.frontends.cpp.kept import BROKE, NORMAL, RETURNED
from syncheck.frontends.cpp.objects import copied
from syncheck.frontends.cpp.operators import truth
from syncheck.frontends.cpp.scopes import Scope, declarator_name
from syncheck.frontends.cpp.state import LoopState, Pass, Unreadable, Unroll
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.values import Items
from syncheck.ir import Const

MOST_TURNS = 64
"""Turns of a loop that are followed one by one where that is needed."""


def for_(run: Pass, node: Node, scope: Scope) -> str:
    inner = Scope(scope)
    start, body = node.field("initializer"), node.field("body")
    if start is not None:
        if start.kind == "declaration":
            run.hooks.statement(run, start, inner)
        else:
            run.value(start, inner)
    if body is None:
        return NORMAL
    update = node.field("update")
    shape = Shape(node, inner, node.field("condition"), body, update=update)
    count(run, shape)
    return follow(run, shape)


def while_(run: Pass, node: Node, scope: Scope) -> str:
    test, body = node.field("condition"), node.field("body")
    return follow(run, Shape(node, Scope(scope), test, body)) if body is not None else NORMAL


def do(run: Pass, node: Node, scope: Scope) -> str:
    test, body = node.field("condition"), node.field("body")
    if body is None or test is None:
        return NORMAL
    if " ".join(test.text.strip("() ").split()) in ("0", "false"):
        return _once(run, body, Scope(scope))
    return follow(run, Shape(node, Scope(scope), test, body, last=True))


def _once(run: Pass, body: Node, scope: Scope) -> str:
    """A body that runs exactly once; its break and continue end it."""
    ended = _turn_of(run, body, scope)
    return ended if ended == RETURNED else NORMAL


def _turn_of(run: Pass, body: Node, scope: Scope, turn: int = 0) -> str:
    """One turn of a loop that is followed turn by turn."""
    state = LoopState("", {}, set(), run.trail.mark(), len(run.conditions), True, switches=run.switches, turn=turn)
    run.loops.append(state)
    try:
        return run.hooks.statement(run, body, Scope(scope))
    finally:
        run.loops.pop()


def range_(run: Pass, node: Node, scope: Scope) -> str:
    right, body, declarator = node.field("right"), node.field("body"), node.field("declarator")
    items = run.value(right, scope) if right is not None else None
    name = declarator_name(declarator)
    if not isinstance(items, Items) or body is None or name is None:
        raise Unreadable(node, "this loops over something that is not known", "an array of this function")
    by_reference = declarator is not None and declarator.kind == "reference_declarator"
    for number, cell in enumerate(items.cells):
        inner = Scope(scope)
        inner.names[name.text] = cell if by_reference else run.trail.new(copied(run, cell.value), cell.type, name.text)
        ended = _turn_of(run, body, inner, number)
        if ended in (RETURNED, BROKE):
            return RETURNED if ended == RETURNED else NORMAL
    return NORMAL


def follow(run: Pass, shape: Shape) -> str:
    """Follow a loop, symbolically if possible."""
    turns = turns_of(run, shape)
    if turns == 0:
        return NORMAL
    if turns == 1 or (turns is not None and turns <= MOST_TURNS and shape.node.key in run.unroll):
        return _one_by_one(run, shape)
    mark, length, problems = run.trail.mark(), len(run.out), dict(run.declared.problems)
    presumed = dict(run.declared.presumed)

    def back() -> None:
        run.trail.undo(mark)
        del run.out[length:]
        run.declared.presumed = dict(presumed)
        run.declared.problems.clear()
        run.declared.problems.update(problems)

    if turns is None and shape.cell is None and shape.update is not None and not shape.last:  # `i /= 4`
        try:
            ended = _one_by_one(run, shape)
            if len(run.declared.problems) == len(problems):
                return ended
        except (Unreadable, Unroll, Recount):
            pass
        back()
    loop = AnyTurn(run, shape, turns if turns is not None and turns <= MOST_TURNS else None, turns)
    try:
        return loop.follow()
    except Unroll as wanted:
        if loop.var not in wanted.names or turns is None or turns > MOST_TURNS:
            raise
        back()
        run.unroll.add(shape.node.key)
        return _one_by_one(run, shape)
    except Recount:
        back()
        run.terms.here.discard(loop.var)
        return follow(run, replace(shape, cell=None, start=Const(0), step=Const(1)))


def _one_by_one(run: Pass, shape: Shape) -> str:
    for number in range(MOST_TURNS + 1):
        test = truth(run, run.value(shape.test, shape.scope)) if shape.test is not None else Const(1)
        if not isinstance(test, Const) or (number == MOST_TURNS and test.value):
            raise Unreadable(shape.node, "when this loop ends is not known", "a counter that only its head changes")
        if not test.value:
            break
        ended = _turn_of(run, shape.body, shape.scope, number)
        if ended in (RETURNED, BROKE):
            return RETURNED if ended == RETURNED else NORMAL
        if shape.update is not None:
            run.value(shape.update, shape.scope)
    return NORMAL
