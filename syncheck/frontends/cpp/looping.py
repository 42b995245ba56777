"""Loops stay loops: the body is followed once for any turn, with what it keeps from turn to turn as variables.

A value that grows by the same amount each turn is expressed by the loop's variable; any other becomes a variable of
the script. A loop over objects of an array, and one with a single turn, is followed turn by turn instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from syncheck.frontends.cpp.kinds import Number
from syncheck.frontends.cpp.objects import copied
from syncheck.frontends.cpp.operators import truth, wrapped
from syncheck.frontends.cpp.polling import polled
from syncheck.frontends.cpp.ranges import SHORT, bounds, of_type
from syncheck.frontends.cpp.scopes import Scope, declarator_name
from syncheck.frontends.cpp.state import LoopState, Pass, Unreadable, Unroll
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import NOWHERE, linear, names
from syncheck.frontends.cpp.values import Address, Cell, Items, Lost, Real, Whole, is_null
from syncheck.ir import (
    Binary,
    Break,
    Call,
    Const,
    Continue,
    Expr,
    For,
    Function,
    If,
    Instr,
    Let,
    Name,
    Return,
    Statement,
)
from syncheck.source import Span

MOST_TURNS = 64
"""Turns of a loop that are followed one by one where that is needed."""
MOST_TRIES = 8

NORMAL, RETURNED, BROKE, CONTINUED = "", "return", "break", "continue"


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
    _count(run, shape)
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


def _count(run: Pass, shape: Shape) -> None:
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
        if count and isinstance(kind, Number) and wrapped(value, kind) != value:
            raise Unreadable(shape.node, "the counter of this loop leaves its type", "a wider type")
        run.trail.put(shape.cell, Whole(Const(value), kind))
        test = truth(run, run.value(shape.test, shape.scope))
        run.trail.undo(mark)
        if not isinstance(test, Const):
            return None
        if not test.value:
            return count
        count, value = count + 1, value + shape.step.value
        bound = _bound(run, shape, shape.test) if count == 2 else None
        if isinstance(bound, Const) and shape.step.value > 0:
            turns = max(0, -(-(bound.value - shape.start.value) // shape.step.value))
            end = shape.start.value + turns * shape.step.value
            if isinstance(kind, Number) and wrapped(end, kind) != end:
                raise Unreadable(shape.node, "the counter of this loop leaves its type", "a wider type")
            return turns
    return None


def _bound(run: Pass, shape: Shape, test: Node | None) -> Expr | None:
    """The value that the variable of a loop stays below, if that is how it ends: what else the test asks for holds, and
    does not ask for the variable."""
    if test is None or test.kind != "binary_expression" or shape.cell is None:
        return None
    left, right, op = test.field("left"), test.field("right"), test.field("operator")
    if left is None or right is None or op is None:
        return None
    if op.kind == "&&":
        for one, other in ((left, right), (right, left)):
            if _bound(run, shape, one) is not None and not _asks_for(shape, other):
                return _bound(run, shape, one)
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
    loop = _Loop(run, shape, turns if turns is not None and turns <= MOST_TURNS else None, turns)
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


def leave(run: Pass, node: Node, how: str) -> str:
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


def _stores(one: Statement) -> bool:
    return isinstance(one, Instr) and one.op == "scalar_store"


def _loads(one: Statement) -> bool:
    return isinstance(one, Let) or (isinstance(one, Instr) and one.op == "scalar_load")


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


def _conjuncts(test: Expr) -> list[Expr]:
    match test:
        case Binary("&&", left, right):
            return [*_conjuncts(left), *_conjuncts(right)]
    return [test]


def _below(test: Expr, name: str) -> bool:
    """Whether a test is `name < bound` or `name <= bound`."""
    match test:
        case Binary("<" | "<=", Name(left), bound):
            return left == name and name not in names(bound)
    return False


class _Loop:
    """One loop, followed for any turn."""

    def __init__(self, run: Pass, shape: Shape, turns: int | None, count: int | None) -> None:
        self.run, self.shape, self.turns = run, shape, turns
        hint = shape.cell.name if shape.cell is not None and shape.cell.name else "turn"
        self.var = run.terms.local(hint)
        terms = run.terms
        terms.open.discard(self.var)
        terms.lows.pop(self.var, None)
        terms.over[self.var] = frozenset({self.var})
        least = terms.least(shape.start)
        if least is not None and not (isinstance(shape.step, Const) and shape.step.value <= 0):
            terms.lows[self.var] = least
        if terms.is_open(shape.start) or terms.is_open(shape.step):
            terms.open.add(self.var)
        terms.highs.pop(self.var, None)
        self.floors: tuple[int, int] | None = None  # the least where the test is asked, and in a turn
        if count and least is not None and isinstance(shape.step, Const) and shape.step.value < 0:
            self.floors = least + count * shape.step.value, least + (count - 1) * shape.step.value
        most = self._most(count)
        if most is not None:
            terms.highs[self.var] = most
        self.born = run.trail.clock
        self.closed: dict[Cell, Expr] = {}  # growth each turn
        self.kept: dict[Cell, str] = {}
        self.initial: dict[Cell, Any] = {}
        self.state = LoopState(self.var, {}, set(), 0, 0)
        self.ended = NORMAL
        self.tested: set[Cell] = set()
        self.last: Expr = Const(1)
        for name, growth in run.kept_before.get(shape.node.key, {}).items():
            cell = shape.scope.find(name)
            if isinstance(cell, Cell) and cell.born <= self.born and isinstance(cell.value, Whole):
                self.initial[cell] = cell.value
                if growth is not None and self._counts():
                    self.closed[cell] = growth
                else:
                    self._keep_as_variable(cell)

    def _most(self, count: int | None) -> int | None:
        """The most that the loop's variable is in a turn; `count`: how often it turns, if that is a number."""
        run, shape = self.run, self.shape
        start = bounds(run.terms, shape.start)[1]
        if not isinstance(shape.step, Const):
            return None
        if shape.step.value < 0:
            return start
        if count is not None and start is not None:
            return start + max(count - 1, 0) * shape.step.value
        bound = _bound(run, shape, shape.test)
        most = bounds(run.terms, bound)[1] if bound is not None else None
        return None if most is None else most - 1

    def follow(self) -> str:
        run = self.run
        for _ in range(MOST_TRIES):
            mark = run.trail.mark()
            problems, presumed = dict(run.declared.problems), dict(run.declared.presumed)
            body = self._turn()
            fresh = self._fresh(mark)
            jumped = {cell: value for cell, value in self._jumped(mark).items() if cell not in fresh}
            if not fresh and not jumped:
                ended = self._finish(body, mark)
                run.terms.here.discard(self.var)
                return ended
            ends = {cell: cell.value for cell in fresh}
            run.trail.undo(mark)
            run.declared.problems.clear()
            run.declared.problems.update(problems)
            run.declared.presumed = presumed
            for cell in fresh:
                self._keep(cell, ends[cell])
            for cell, value in jumped.items():
                self._keep(cell, value, formula=False)
        raise Unreadable(self.shape.node, "what this loop keeps from turn to turn could not be followed")

    def _turn(self) -> list[Statement]:
        run, shape = self.run, self.shape
        self.state = LoopState(
            self.var, {c: self.kept.get(c, "") for c in (*self.closed, *self.kept)}, set(self.closed), run.trail.mark(),
            len(run.conditions), switches=run.switches, turns=self.turns, between=self._between,
        )  # fmt: skip
        before, run.out = run.out, []
        run.loops.append(self.state)
        if shape.cell is not None:
            run.trail.put(shape.cell, Whole(Name(self.var, shape.span), shape.cell.value.type))
        for cell in (*self.closed, *self.kept):
            run.trail.put(cell, self._head(cell))
        try:
            if self.floors is not None:
                run.terms.lows[self.var] = self.floors[0]
            self.test = self._test()
            if self.floors is not None:
                run.terms.lows[self.var] = self.floors[1]
            self.ended = run.hooks.statement(run, shape.body, Scope(shape.scope))
            if not self.ended:
                self._between()
                flush(run, self.state, shape.span)
            if shape.last:
                self.test = self._later_test()
        finally:
            run.loops.pop()
            body, run.out = run.out, before
        return body

    def _between(self) -> None:
        """What happens between two turns: the update of a `for`, the test of a `do`."""
        run, shape = self.run, self.shape
        if shape.update is not None:
            run.value(shape.update, shape.scope)
        if shape.last and shape.test is not None:
            self.last = truth(run, run.value(shape.test, shape.scope))
        if shape.cell is not None:
            after = integer_of(shape.cell.value)
            if after is None or run.terms.binary("-", after, Name(self.var, NOWHERE)) != shape.step:
                raise Recount

    def _test(self) -> Expr:
        run, shape = self.run, self.shape
        if shape.last or shape.test is None:
            return Const(1)
        mark = run.trail.mark()
        found = truth(run, run.value(shape.test, shape.scope))
        self.tested = set(run.trail.changed(mark))
        if not self._only_reads(run.out):
            raise Unreadable(shape.node, "the condition of this loop does more than read")
        return found

    def _only_reads(self, statements: Iterable[Statement]) -> bool:
        for one in statements:
            match one:
                case If(_, then, otherwise):
                    if not self._only_reads((*then, *otherwise)):
                        return False
                case For(body=body):
                    if not self._only_reads(body):
                        return False
                case Call(name):
                    if not self._only_reads(self.run.declared.defs[name].body):
                        return False
                case _:
                    if not _loads(one) and not _stores(one) and not isinstance(one, Return):
                        return False
        return True

    def _later_test(self) -> Expr:
        """do … while: the first turn always runs; whether another does is not followed."""
        run, turn = self.run, Name(self.var, self.shape.span)
        again = run.unknown(f"{self.shape.node.key} again", low=0)
        return run.terms.binary("||", run.terms.binary("==", turn, self.shape.start), Binary("!=", again, Const(0)))

    def _head(self, cell: Cell) -> Any:
        """What a variable holds when a turn begins."""
        first = self.initial[cell]
        if cell in self.closed:
            return with_integer(first, self._grown(cell, Name(self.var, self.shape.span)))
        expr = Name(self.kept[cell], NOWHERE)
        if isinstance(first, Whole | Address):
            return with_integer(first, expr)
        if isinstance(first, Real):
            return Real(first.type)
        return Lost(f"{cell.name} changes from turn to turn", cell.type)

    def _grown(self, cell: Cell, at: Expr) -> Expr:
        run, first = self.run, integer_of(self.initial[cell]) or Const(0)
        passed = run.terms.binary("-", at, self.shape.start)
        step = self.shape.step
        if step != Const(1):
            growth = self.closed[cell]
            if isinstance(step, Const) and isinstance(growth, Const) and growth.value % step.value == 0:
                return run.terms.binary("+", first, run.terms.product(passed, Const(growth.value // step.value)))
            passed = run.terms.binary("/", passed, step)
        return run.terms.binary("+", first, run.terms.product(passed, self.closed[cell]))

    def _fresh(self, mark: int) -> list[Cell]:
        """The variables from outside that a turn leaves different, and that are not known to be kept."""
        found = []
        for cell, value in self.run.trail.changed(mark).items():
            if cell.born > self.born or cell is self.shape.cell or cell in self.kept:
                continue
            if cell in self.closed:
                head, end = integer_of(self._head(cell)), integer_of(value)
                growth = self.run.terms.binary("-", end, head) if head is not None and end is not None else None
                if growth != self.closed[cell]:
                    found.append(cell)
                continue
            old = next(before for one, before in self.run.trail.log[mark:] if one is cell)
            if old is value or old == value:
                continue
            if isinstance(value, Real) and (isinstance(old, Lost | None) or (isinstance(old, Real) and not old.key)):
                continue
            found.append(cell)
        return found

    def _jumped(self, mark: int) -> dict[Cell, Any]:
        """The variables from outside that a break or continue leaves as no other turn does, and what they hold."""
        found: dict[Cell, Any] = {}
        before: dict[Cell, Any] = {}
        for cell, value in self.run.trail.log[mark:]:
            before.setdefault(cell, value)
        for how, changed in self.state.jumps:
            for cell, value in changed.items():
                if cell.born > self.born or cell is self.shape.cell or cell in self.kept:
                    continue
                old = self._head(cell) if cell in self.closed else before.get(cell, cell.value)
                if cell in self.closed and how == CONTINUED:
                    old = with_integer(old, self.run.terms.binary("+", integer_of(old) or Const(0), self.closed[cell]))
                if not (old is value or old == value or (isinstance(value, Real) and not isinstance(old, Whole))):
                    found.setdefault(cell, value)
        return found

    def _keep(self, cell: Cell, end: Any, *, formula: bool = True) -> None:
        """Decide how a variable is kept: by a formula of the turn, or by a variable of the script."""
        run, old = self.run, cell.value
        self.initial.setdefault(cell, old)
        if cell in self.closed:
            del self.closed[cell]
        elif formula and isinstance(old, Whole | Address) and type(old) is type(end) and self._same_place(old, end):
            first, last = integer_of(old), integer_of(end)
            assert first is not None
            assert last is not None
            growth = run.terms.binary("-", last, first)
            foreign = run.terms.depends(growth) & {self.var} or names(growth) & set(self.kept.values())
            if not foreign and not linear(growth)[1].keys() & linear(first)[1].keys() and self._counts():
                self.closed[cell] = growth
                return
        if is_null(old) and isinstance(end, Address) and end.base:
            self.initial[cell] = Address(end.space, end.base, Const(0), end.to)  # read only where it is set
        elif isinstance(old, Whole | Address) and not (isinstance(end, type(old)) and self._same_place(old, end)):
            self.initial[cell] = Lost("it changes", cell.type)
        elif not isinstance(old, Whole | Address) and isinstance(end, Whole | Address):
            self.initial[cell] = with_integer(end, Const(0))
        self._keep_as_variable(cell)
        expr = integer_of(end)
        if expr is not None and self.turns is not None and run.terms.is_open(expr):
            run.terms.open.add(self.kept[cell])  # where that matters the loop is followed turn by turn

    def _keep_as_variable(self, cell: Cell) -> None:
        run = self.run
        self.kept[cell] = name = run.terms.fresh(cell.name or "kept")
        kind = cell.type
        if isinstance(kind, Number) and not kind.floating and (kind.bytes <= SHORT or not kind.signed):
            run.terms.lows[name], run.terms.highs[name] = of_type(kind)
        run.terms.over[self.kept[cell]] = frozenset({self.var}) | frozenset(
            loop.var for loop in run.loops if not loop.unrolled
        )

    def _counts(self) -> bool:
        """Whether the number of turns behind the loop's variable can be told from it."""
        step = self.shape.step
        return step == Const(1) or (isinstance(step, Const) and isinstance(self.shape.start, Const))

    def _same_place(self, old: Any, end: Any) -> bool:
        return not isinstance(old, Address) or (old.base, old.space) == (end.base, end.space)

    def _finish(self, body: list[Statement], mark: int) -> str:
        run, shape = self.run, self.shape
        test = self.last if shape.last else self.test
        run.declared.volatile.update(polled(run, body, self.var, None if shape.cell is not None else test))
        run.trail.undo(mark)
        run.kept_before[shape.node.key] = {
            **{cell.name: None for cell in self.kept if cell.name},
            **{cell.name: grown for cell, grown in self.closed.items() if cell.name and isinstance(grown, Const)},
        }
        if body and any(_stores(one) for one in body) and all(_stores(one) or _loads(one) for one in body):
            run.declared.scalar_loops[shape.span] = None
        useful = any(not isinstance(one, Let) for one in body)
        for cell, name in self.kept.items():
            first = integer_of(self.initial[cell])
            if useful:
                run.emit(Let(name, first if first is not None else Const(0), shape.span))
                if first is not None and run.terms.is_open(first):
                    run.terms.open.add(name)
        if useful:
            test, body = self._headed(body)
            run.emit(For(self.var, shape.start, test, shape.step, tuple(body), shape.span))
            run.declared.count("loops", f"{shape.span.path}:{shape.span.line}")
        for cell, name in self.kept.items():
            held = self._head(cell)
            if (not useful or cell in self.tested) and isinstance(held, Whole | Address):
                held = with_integer(held, run.unknown(f"{shape.node.key} {cell.name} behind the loop"))
            run.trail.put(cell, held)
            run.terms.over[name] = frozenset(loop.var for loop in run.loops if not loop.unrolled)
        trips = self._behind() if self.closed or shape.cell is not None else None
        for cell in self.closed:
            end = self._grown(cell, trips) if trips is not None else None
            first = self.initial[cell]
            run.trail.put(cell, with_integer(first, end) if end is not None else first)
        if shape.cell is not None and trips is not None:
            run.trail.put(shape.cell, Whole(trips, shape.cell.value.type))
        forever = self.test == Const(1) and not self.state.broken
        return RETURNED if self.ended == RETURNED and forever else NORMAL

    def _headed(self, body: list[Statement]) -> tuple[Expr, list[Statement]]:
        """Test and body of the loop. One whose start or step is not known needs `variable < bound` for its head: what
        else must hold is asked first in the body."""
        run, shape = self.run, self.shape
        parts = _conjuncts(self.test)
        if len(parts) < 2 or shape.last or not (run.terms.is_open(shape.start) or run.terms.is_open(shape.step)):
            return self.test, body
        head = next((one for one in parts if _below(one, self.var)), None)
        if head is None:
            return self.test, body
        rest = [one for one in parts if one is not head]
        asked: list[Statement] = [If(run.terms.negation(one), (Break(shape.span),), (), shape.span) for one in rest]
        return head, asked + body

    def _behind(self) -> Expr:
        """The loop's variable behind the loop."""
        run, shape = self.run, self.shape
        turns = turns_of(run, shape)
        if turns is not None and not self.state.broken and isinstance(shape.step, Const):
            return run.terms.binary("+", shape.start, Const(turns * shape.step.value))
        bound = self._reached()
        if bound is not None:
            return bound
        least = run.terms.least(shape.start)
        kind = shape.cell.type if shape.cell is not None else None
        if isinstance(kind, Number) and not kind.signed and not kind.floating:
            least = max(least or 0, 0)
        return run.unknown(f"{shape.node.key} {self.var} behind the loop", low=least)

    def _reached(self) -> Expr | None:
        """What a variable that goes up by 1 while it is below a bound holds behind the loop."""
        run, shape = self.run, self.shape
        if shape.cell is None or shape.last or self.state.broken or shape.step != Const(1):
            return None
        match self.test:
            case Binary("<" | "<=" as op, Name(name), bound) if name == self.var:
                turning = run.terms.depends(bound) & {self.var} or names(bound) & {self.var, *self.kept.values()}
                if turning:
                    return None
                last = run.terms.binary("+", bound, Const(1)) if op == "<=" else bound
                below = run.terms.binary("<", last, shape.start)
                if isinstance(below, Const):
                    return shape.start if below.value else last
                return Function("max", (shape.start, last), shape.span)
        return None
