"""How a loop counts: its variable, from where and by how much, and how often it turns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from syncheck.frontends.cpp.kinds import Number
from syncheck.frontends.cpp.operators import truth, wrapped
from syncheck.frontends.cpp.scopes import Scope
from syncheck.frontends.cpp.state import Pass, Unreadable
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import names
from syncheck.frontends.cpp.values import Cell, Whole
from syncheck.ir import Const, Expr
from syncheck.source import Span


@dataclass(slots=True)
class Shape:
    """How a loop counts: `cell` is its variable (None: it counts turns), from `start` by `step` while `test` holds."""

    node: Node
    scope: Scope
    test: Node | None
    body: Node
    cell: Cell | None = None
    start: Expr = field(default_factory=lambda: Const(0))
    step: Expr = field(default_factory=lambda: Const(1))
    update: Node | None = None
    last: bool = False

    @property
    def span(self) -> Span:
        return self.node.span


class Recount(Exception):
    """A loop changes its counter somewhere else than in its head: its turns are counted instead."""


def count(run: Pass, shape: Shape) -> None:
    """Find the variable that a `for` counts with."""
    update = shape.update
    if update is None:
        return
    while update.kind == "comma_expression" and update.field("left") is not None:
        update = update.field("left") or update
    operand = update.field("argument") if update.kind == "update_expression" else update.field("left")
    if operand is None or operand.kind != "identifier":
        return
    cell = shape.scope.find(operand.text)
    if not isinstance(cell, Cell) or not isinstance(cell.value, Whole):
        return
    mark, out = run.trail.mark(), len(run.out)
    start, said = cell.value, dict(run.declared.presumed)
    probe = Whole(run.terms.symbol(f"probe {cell.name}", frozenset(), "probe"), start.type)
    run.trail.put(cell, probe)
    run.value(update, shape.scope)
    after: Any = cell.value
    run.trail.undo(mark)
    del run.out[out:]
    run.declared.presumed = said
    if not isinstance(after, Whole):
        return
    step = run.terms.binary("-", after.expr, probe.expr)
    if names(probe.expr) & names(step):
        return
    if not isinstance(step, Const) and (run.terms.least(step) or 0) < 1:
        step = run.terms.opaque("step", step, low=1, hint=f"{cell.name}_step")  # else it ends at once or never
    shape.cell, shape.start, shape.step = cell, start.expr, step


def turns_of(run: Pass, shape: Shape) -> int | None:
    """How often a loop with numbers only turns, None if that is not told by its head."""
    if shape.cell is None or not isinstance(shape.start, Const) or not isinstance(shape.step, Const):
        return None
    if shape.test is None or not shape.step.value:
        return None
    value, kind = shape.start.value, shape.cell.value.type
    mark, count = run.trail.mark(), 0
    while count <= 4096:
        if count:
            _holds(shape, value, kind)
        run.trail.put(shape.cell, Whole(Const(value), kind))
        test = truth(run, run.value(shape.test, shape.scope))
        run.trail.undo(mark)
        if not isinstance(test, Const):
            return None
        if not test.value:
            return count
        count, value = count + 1, value + shape.step.value
        limit = limit_of(run, shape, shape.test) if count == 2 else None
        if isinstance(limit, Const) and shape.step.value > 0:
            turns = max(0, -(-(limit.value - shape.start.value) // shape.step.value))
            _holds(shape, shape.start.value + turns * shape.step.value, kind)
            return turns
    return None


def _holds(shape: Shape, value: int, kind: Any) -> None:
    if isinstance(kind, Number) and wrapped(value, kind) != value:
        raise Unreadable(shape.node, "the counter of this loop leaves its type", "a wider type")


def limit_of(run: Pass, shape: Shape, test: Node | None) -> Expr | None:
    """The value that the variable of a loop stays below, if that is how it ends: what else the test asks for holds, and
    does not ask for the variable."""
    if test is None or test.kind != "binary_expression" or shape.cell is None:
        return None
    left, right, op = test.field("left"), test.field("right"), test.field("operator")
    if left is None or right is None or op is None:
        return None
    if op.kind == "&&":
        for one, other in ((left, right), (right, left)):
            if limit_of(run, shape, one) is not None and not _asks_for(shape, other):
                return limit_of(run, shape, one)
    if op.kind not in ("<", "<=") or left.kind != "identifier" or shape.scope.find(left.text) is not shape.cell:
        return None
    found = run.value(right, shape.scope)
    if not isinstance(found, Whole):
        return None
    return run.terms.binary("+", found.expr, Const(1)) if op.kind == "<=" else found.expr


def _asks_for(shape: Shape, test: Node) -> bool:
    """Whether a part of a loop's test may depend on its variable: it names it, or calls something."""
    words = re.findall(r"[A-Za-z_]\w*", test.text)
    return "(" in test.text or any(shape.scope.find(word) is shape.cell for word in words)
