"""One loop, its body followed once for any turn.

A value that grows by the same amount each turn is expressed by the loop's variable; any other becomes a variable of
the script.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from syncheck.frontends.cpp.counting import Recount, Shape, limit_of, turns_of
from syncheck.frontends.cpp.kept import CONTINUED, NORMAL, RETURNED, flush, integer_of, with_integer
from syncheck.frontends.cpp.kinds import Number
from syncheck.frontends.cpp.operators import truth
from syncheck.frontends.cpp.polling import polled
from syncheck.frontends.cpp.ranges import SHORT, bounds, of_type
from syncheck.frontends.cpp.scopes import Scope
from syncheck.frontends.cpp.state import LoopState, Pass, Unreadable
from syncheck.frontends.cpp.terms import NOWHERE, linear, names
from syncheck.frontends.cpp.values import Address, Cell, Lost, Real, Whole, is_null
from syncheck.ir import Binary, Break, Call, Const, Expr, For, Function, If, Instr, Let, Name, Return, Statement

MOST_TRIES = 8


class AnyTurn:
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
        bound = limit_of(run, shape, shape.test)
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


def _stores(one: Statement) -> bool:
    return isinstance(one, Instr) and one.op == "scalar_store"


def _loads(one: Statement) -> bool:
    return isinstance(one, Let) or (isinstance(one, Instr) and one.op == "scalar_load")


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
