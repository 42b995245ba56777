"""A Program and one choice of its listed parameters, made ready to run: for each core, flat code with loops and
branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

from syncheck import symbolic
from syncheck.action import Action, Site
from syncheck.expressions import Evaluate
from syncheck.layout import Layout
from syncheck.lowering import DataCall, DataMove, Emitter
from syncheck.memory_map import Atlas
from syncheck.places import OutOfRange
from syncheck.shapes import Demands, LoopInfo, Shape
from syncheck.source import Problem, Span
from syncheck.symbolic import Atom, Bounds, Open, Store, Value, atom, key_of, less
from syncheck.value import Record, frozen, mutable
from syncheck.value import Value as Frozen
from syncheck.wiring import Wiring

EMIT, LET, START, HEAD, NEXT, BRANCH, JUMP, END = range(8)


@mutable
class Op(Record):
    """One step of a core's code; which fields count depends on `code`. `target` is where a jump goes.

    `run`: the actions from here on up to `after`, of statements that are the same each time.
    """

    code: int
    span: Span
    emitter: Emitter | None = None
    fixed: tuple[Action, ...] = ()
    run: tuple[Action, ...] = ()
    after: int = -1
    slot: int = -1
    turn: int = -1
    value: Evaluate | None = None
    step: Evaluate | None = None
    bound: Evaluate | None = None
    inclusive: bool = False
    target: int = -1
    name: str = ""
    scope: tuple[tuple[int, Shape], ...] = ()
    loops: tuple[LoopInfo, ...] = ()


@mutable
class CoreCode(Record):
    """The code of one core. `slots` is how many values it keeps. `leading` is what `leads` has found out."""

    name: str
    index: int
    ops: list[Op]
    slots: int
    loops: list[LoopInfo] = field(default_factory=list)
    leading: dict[int, bytearray] = field(default_factory=dict)

    def leads(self, here: int, there: int) -> bool:
        """Whether a run that is about to take step `here` may yet take step `there` (or takes it now)."""
        known = self.leading.get(there)
        if known is None:
            known = self.leading[there] = self._leading(there)
        return bool(known[here])

    def _leading(self, there: int) -> bytearray:
        """For each step whether one of its ways goes through `there`."""
        sources: list[list[int]] = [[] for _ in self.ops]
        for number in range(len(self.ops)):
            for after in _following(self.ops, number):
                sources[after].append(number)
        found = bytearray(len(self.ops))
        waiting = [there]
        while waiting:
            number = waiting.pop()
            if not found[number]:
                found[number] = 1
                waiting += sources[number]
        return found


@mutable
class Kernel(Record):
    """Everything an execution needs, for one choice of the listed parameters (`choice`)."""

    cores: list[CoreCode]
    wiring: Wiring
    atlas: Atlas
    layout: Layout
    sites: list[Site]
    domains: dict[str, Bounds]
    choice: tuple[tuple[str, int], ...] = ()
    problems: list[Problem] = field(default_factory=list)
    pinned: dict[str, tuple[int, ...]] = field(default_factory=dict)
    remarks: list[Any] = field(default_factory=list)
    demands: Demands = field(default_factory=Demands)
    users: dict[str, set[tuple[int, bool]]] = field(default_factory=dict)
    tensor_uses: dict[str, list[tuple[str, Shape]]] = field(default_factory=dict)
    calls: dict[int, DataCall | DataMove] = field(default_factory=dict)

    def domain(self, item: Atom) -> Bounds:
        """What an atom can be before anything is assumed."""
        name, index = item
        if name in self.pinned:
            values = self.pinned[name]
            turn = turn_of(index[0]) if index else 0
            value = values[min(turn, len(values) - 1)]
            return value, value
        found = self.domains.get(name)
        if found is not None:
            return found
        if name.startswith("trips@"):
            return 0, None
        if name == "(%)" and isinstance(index[1], int) and index[1]:
            top = abs(index[1]) - 1
            low, high = self._least(index[0]), self._least(-index[0])
            least = -top if low is None else max(-top, min(low, 0))
            return least, top if high is None else min(top, max(-high, 0))
        if name == "(&)" and isinstance(index[1], int) and index[1] >= 0:
            return 0, index[1]
        return None, None

    def _least(self, value: Value) -> int | None:
        if isinstance(value, int):
            return value
        low: int | None = value.constant
        for item, coefficient in value.terms:
            at_least, at_most = self.domain(item)
            part = at_least if coefficient > 0 else at_most
            low = None if low is None or part is None else low + coefficient * part
        return low


def turn_of(index: Value) -> int:
    """Which turn of its loop an index stands for (plain numbers are their own turn)."""
    if isinstance(index, int):
        return max(index, 0)
    for (name, turns), _ in index.terms:
        if symbolic.TURN in name and turns and isinstance(turns[0], int):
            return turns[0]
    return 0


class Stopped(Exception):
    """A core met something that cannot be executed; `problem` says where and what."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@frozen
class Pin(Frozen):
    """Until a core leaves `loop`, the value that bounds it is this number for it (reopening.py)."""

    item: Atom
    number: int
    loop: LoopInfo


class CoreRun:
    """One core in the middle of its code: copy it to follow two futures."""

    __slots__ = ("code", "done", "kernel", "marks", "pc", "pins", "rest", "turns", "values")

    def __init__(self, kernel: Kernel, code: CoreCode) -> None:
        self.kernel = kernel
        self.code = code
        self.pc = 0
        self.values: list[Any] = [None] * code.slots
        self.marks: dict[str, tuple[int, int]] = {}
        self.turns = 0
        self.rest: list[Action] = []  # of the statement the core is held in: what it has not issued yet
        self.done = not code.ops
        self.pins: tuple[Pin, ...] = ()

    def copy(self) -> CoreRun:
        other: CoreRun = object.__new__(CoreRun)
        for name in CoreRun.__slots__:
            setattr(other, name, getattr(self, name))
        other.values = self.values.copy()
        return other

    def step(self, store: Store) -> Sequence[Action] | None:
        """Run up to the next statement that emits and return its actions; None at a loop head (a turn begins) or the
        end.

        Raises `Open` where the path must decide something first: then nothing has changed, and the step can be
        repeated.
        """
        if self.rest:
            rest, self.rest = self.rest, []
            return rest
        ops = self.code.ops
        whole, pins = store, self.pins
        while True:
            if pins:
                store, pins = self._unpinned(whole), self.pins
            op = ops[self.pc]
            code = op.code
            try:
                if code == EMIT:
                    if op.fixed:
                        after = ops[op.after] if op.after >= 0 else op
                        if after.code == EMIT and after.fixed:
                            _unite(ops, self.pc)
                        self.pc = op.after
                        return op.run
                    assert op.emitter is not None
                    marks = self.marks
                    try:
                        actions = op.emitter.actions(self, store)
                    except Open:
                        self.marks = marks
                        raise
                    self.pc += 1
                    op.fixed = op.emitter.fixed
                    return actions
                if code == END:
                    self.done = True
                    return None
                if code == HEAD:
                    inside = self._enters(op, store)
                    self.pc = self.pc + 1 if inside else op.target
                    if inside:
                        self.turns += 1
                        return None
                    continue
                self._plain(op, store)
            except ZeroDivisionError:
                raise Stopped(Problem(op.span, "this divides by zero or shifts by a negative amount")) from None
            except OutOfRange as error:
                raise Stopped(Problem(op.span, str(error))) from None

    def _unpinned(self, store: Store) -> Store:
        """What is assumed here, once the pins of loops that are over are forgotten."""
        self.pins = tuple([pin for pin in self.pins if pin.loop.start <= self.pc < pin.loop.end])
        for pin in self.pins:
            store = store.pinned(pin.item, pin.number)
        return store

    def member(self, family: tuple[str, Any]) -> Atom:
        """The atom that a loop's `bound` names now."""
        name, index = family
        if index is None:
            return (name, ())
        if isinstance(index, int):
            return (name, (index,))
        loop, offset = index
        return (name, (self.values[loop.slot] + offset,))

    def loop_over(self, item: Atom) -> LoopInfo | None:
        """The running loop that an open value bounds; the innermost one. None where that is a number by now."""
        for info in reversed(self.code.ops[self.pc].loops):
            if isinstance(info.bound, tuple) and not info.turns and self.member(info.bound) == item:
                return None if self.pinned(info) else info
        return None

    def pinned(self, info: LoopInfo) -> bool:
        """Whether a number ends this loop by now."""
        return any(pin.loop is info for pin in self.pins)

    def _plain(self, op: Op, store: Store) -> None:
        code = op.code
        if code == JUMP:
            self.pc = op.target
        elif code == BRANCH:
            assert op.value is not None
            taken = store.truth(op.value(self.values, store))
            self.pc = self.pc + 1 if taken else op.target
        elif code == LET:
            assert op.value is not None
            value = op.value(self.values, store)
            self.values[op.slot] = int(value) if isinstance(value, int) else value
            self.pc += 1
        elif code == START:
            self._begin(op, store)
            self.pc += 1
        else:
            self._advance(op, store)
            self.pc = op.target

    def _begin(self, op: Op, store: Store) -> None:
        """Set up a loop. One whose start or step is not pinned is run by turns: its variable is an atom of the turn."""
        assert op.value is not None
        assert op.step is not None
        start = self.values[op.slot] = op.value(self.values, store)
        step = op.step(self.values, store)  # which may ask for the variable itself
        key = ""
        if not (isinstance(start, int) and isinstance(step, int)):
            bound = op.bound(self.values, store) if op.bound is not None else None
            least = step if isinstance(step, int) else store.range_of(step)[0]
            if bound is None or least is None or least < 1:
                message = f"the loop over {op.name} starts or steps by a value that is not pinned"
                raise Stopped(Problem(op.span, message, f"{op.name} < bound, and a step that is at least 1"))
            key = "|".join((f"{op.name}@{key_of(start)}", key_of(step), key_of(bound) + "=" * op.inclusive))
            low = start if isinstance(start, int) else Store(self.kernel.domain).range_of(start)[0]
            self.kernel.domains.setdefault(key, (low, None))  # of every path, whatever this one has assumed
            start = atom(key, 0)
        self.values[op.slot] = start
        self.values[op.turn] = (0, key)

    def _enters(self, op: Op, store: Store) -> bool:
        turn, key = self.values[op.turn]
        if key:
            return store.truth(less(turn, atom(f"trips@{key}")))
        assert op.value is not None
        return store.truth(op.value(self.values, store))

    def unbounded(self, head: Op, store: Store) -> bool:
        """Whether the path says nothing about where this loop ends."""
        if any(pin.loop.head == self.pc - 1 for pin in self.pins):
            return False
        _, key = self.values[head.turn]
        if key:
            return store.bounds_of(atom(f"trips@{key}").terms[0][0])[1] is None
        if head.bound is None:
            return True
        bound = head.bound(self.values, store)
        return not isinstance(bound, int) and store.range_of(bound)[1] is None

    def _advance(self, op: Op, store: Store) -> None:
        assert op.step is not None
        turn, key = self.values[op.turn]
        step = op.step(self.values, store)
        self.values[op.turn] = (turn + 1, key)
        self.values[op.slot] = atom(key, turn + 1) if key else self.values[op.slot] + step


def _unite(ops: list[Op], start: int) -> None:
    """Statements in a row that are the same each time are taken in one step."""
    run: list[Action] = []
    after = start
    while ops[after].code == EMIT and ops[after].fixed:
        run += ops[after].fixed
        after += 1
    ops[start].run, ops[start].after = tuple(run), after


def frames_of(site: Site, values: Sequence[Any]) -> tuple[str, ...]:
    """The loops and calls around a site, outermost first: "i=1", "sf_step@607 i=1"."""
    frames = []
    for shape in site.frames:
        shown = ", ".join(f"{name}={_shown(values[slot])}" for name, slot in shape.shown if slot < len(values))
        frames.append(f"{shape.name}@{shape.line} {shown}".strip() if shape.kind == "call" else shown)
    return tuple(frames)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return str(value[0])
    if isinstance(value, symbolic.Linear) and len(value.terms) == 1:
        (name, index), coefficient = value.terms[0]
        if symbolic.TURN in name and coefficient == 1 and index and not value.constant:
            return str(index[0])
    return str(value)


def _following(ops: Sequence[Op], number: int) -> tuple[int, ...]:
    """The steps that may come next after one."""
    op = ops[number]
    if op.code == END:
        return ()
    if op.code in (JUMP, NEXT):
        return (op.target,)
    return (number + 1, op.target) if op.code in (HEAD, BRANCH) else (number + 1,)


def emitting(ops: Sequence[Op], start: int) -> Iterator[Op]:
    """Every statement that may still be reached from `start` on, in the order of the text."""
    found, waiting = set[int](), [start]
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += _following(ops, number)
    return (ops[number] for number in sorted(found) if ops[number].code == EMIT)
