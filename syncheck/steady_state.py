"""What a kernel issues for every trip count, written down once: a start, a period of the steady state, its ends.

For the event graph, the second way to decide all trip counts (docs/proofs.md, "The event graph"). Shares with the first
the kernel itself and what its text asks of the loops (`shapes`), not the token game, the folding or the exploration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import lcm
from typing import Any

from syncheck.action import Action
from syncheck.execution import HEAD, CoreRun, Kernel, Op, Stopped
from syncheck.shapes import LoopInfo
from syncheck.source import Problem, Span
from syncheck.symbolic import Atom, Linear, Open, Store, Test, name_of

MOST_CASES = 16
MOST_TURNS = 4096
MOST_ACTIONS = 200_000


class Beyond(Exception):
    """The event graph does not apply; `problem` says why, and where."""

    def __init__(self, span: Span, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(span, message)


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes [start, stop) of one memory, from an unknown address `symbol` on; they move by `move` a period."""

    memory: str
    symbol: str
    start: int
    stop: int
    name: str
    move: int = 0


@dataclass(frozen=True, slots=True)
class Issued:
    """One instruction as a core issues it."""

    action: Action
    reads: tuple[Bytes, ...] = ()
    writes: tuple[Bytes, ...] = ()


Turn = tuple[Issued, ...]


@dataclass(slots=True)
class Walked:
    """What one core issues for one trip count: before its growing loop, in each turn of it, after it."""

    before: list[Issued] = field(default_factory=list)
    turns: list[list[Issued]] = field(default_factory=list)
    after: list[Issued] = field(default_factory=list)
    loop: LoopInfo | None = None
    start: int = 0

    @property
    def all(self) -> list[Issued]:
        return [*self.before, *(item for turn in self.turns for item in turn), *self.after]


Walk = dict[int, Walked]
Decisions = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Period:
    """One core: `before`, then whole periods of `turns`, then `after[r]` that follows the first `cut[r]` turns of a
    period, for each remainder r of the parameter."""

    core: int
    before: Turn
    turns: tuple[Turn, ...]
    after: tuple[Turn, ...]
    cut: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Steady:
    """All cores for parameter = least + r + step · m, for every m >= 0 and 0 <= r < step."""

    periods: tuple[Period, ...]
    least: int
    step: int
    decisions: Decisions


class SteadyState:
    """A kernel as a family over the one parameter that its loops run up to (`parameter`; "" without such loops)."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.where = kernel.cores[0].ops[0].span
        if kernel.problems:
            raise Beyond(kernel.problems[0].span, kernel.problems[0].message)
        self._open = [info for code in kernel.cores for info in code.loops if self._is_open(info)]
        self._outer = [info for info in self._open if any(_inside(other, info) for other in self._open)]
        self._inner = [info for info in self._open if info not in self._outer]
        names = {info.bound[0] for info in self._inner if info.bound is not None and not info.turns}
        self._refuse_obstacles(names)
        self.parameter = names.pop() if names else ""
        self._walks: dict[int, dict[Decisions, Walk]] = {}
        self._atom: Atom | None = None
        self._bytes: dict[tuple[int, int], Bytes] = {}
        self._issued: dict[tuple[int, int], tuple[Action, Issued]] = {}

    @property
    def turn_of(self) -> str:
        """The outer loop of which one turn is looked at: "b at 731"; "" without one."""
        return f"{self._outer[0].var} at {self._outer[0].span.line}" if self._outer else ""

    @cached_property
    def domain(self) -> tuple[int, int | None]:
        low, high = self.kernel.domains.get(self.parameter, (0, None))
        return low or 0, high

    def _is_open(self, info: LoopInfo) -> bool:
        if info.turns:
            return True
        return info.bound is not None and info.bound[0] not in self.kernel.pinned

    def _refuse_obstacles(self, names: set[str]) -> None:
        for info in self._inner:
            if info.turns:
                raise Beyond(info.span, f"the loop over {info.var} starts or steps by a value that is not pinned")
        for info in self._open:
            if info.bad:
                raise Beyond(info.bad_span or info.span, info.bad)
        if len(names) > 1:
            raise Beyond(self._inner[0].span, f"loops run up to different values: {', '.join(sorted(names))}")
        for name in names & self.kernel.demands.odd_index:
            raise Beyond(self._inner[0].span, f"{name} is used in a way that changes from turn to turn")

    # ------------------------------------------------------------ walking the code

    def walks(self, value: int) -> dict[Decisions, Walk]:
        """What is issued where the parameter is `value`, for each way to answer the unknowns that are asked."""
        found = self._walks.get(value)
        if found is None:
            found = self._walks[value] = dict(self._explore(value))
        return found

    def _explore(self, value: int) -> Iterator[tuple[Decisions, Walk]]:
        start = Store(self.kernel.domain)
        if self._atom is not None:
            start = self._pinned(start, self._atom, value)
        waiting: list[tuple[Decisions, Store]] = [((), start)]
        while waiting:
            decisions, store = waiting.pop()
            try:
                yield decisions, self._walk(store, value)
            except _Asked as asked:
                if len(waiting) + len(decisions) > MOST_CASES:
                    raise Beyond(asked.span, "it depends on too many unknown values") from None
                for answer in (False, True):
                    told = asked.store.assume(asked.test, answer)
                    if told is not None:
                        waiting.append(((*decisions, (str(asked.test), answer)), told))

    def _pinned(self, store: Store, item: Atom, value: int) -> Store:
        told = store.assume(Test("==", Linear(-value, ((item, 1),))), True)
        if told is None:
            raise Beyond(self.where, f"{name_of(item)} cannot be {value}")
        return told

    def _walk(self, store: Store, value: int) -> Walk:
        walk: Walk = {}
        for code in self.kernel.cores:
            run, walked = CoreRun(self.kernel, code), Walked()
            count = 0
            while not run.done:
                try:
                    actions = run.step(store)
                except Open as question:
                    store = self._answered(run, store, question.test, value)
                    continue
                except Stopped as stopped:
                    raise Beyond(stopped.problem.span, stopped.problem.message) from None
                count += 1
                if count > MOST_ACTIONS:
                    raise Beyond(self.where, "a turn is too long to write down")
                self._place(run, code.ops[run.pc - 1] if run.pc else None, walked, actions, store)
            walk[code.index] = walked
        return walk

    def _answered(self, run: CoreRun, store: Store, test: Test, value: int) -> Store:
        """Pin what the loops run up to; take one turn of an outer loop; let anything else be answered both ways."""
        op = run.code.ops[run.pc]
        item = _mentioned(test.form, self.parameter)
        if item is not None:
            if self._atom is None:
                self._atom = item
            elif self._atom != item:
                raise Beyond(op.span, f"loops run up to different values: {name_of(self._atom)}, {name_of(item)}")
            return self._pinned(store, item, value)
        if op.code == HEAD:
            info = next((info for info in run.code.loops if run.code.ops[info.head] is op), None)
            if info not in self._outer:
                raise Beyond(op.span, f"the end of the loop over {op.name} depends on {test.form}")
            first = run.values[op.turn][0] == 0
            told = store.assume(test, first) or store.assume(test, not first)
            assert told is not None
            return told
        inside = [info for info in op.loops if info in self._inner]
        if inside and any(index for (_, index), _ in test.form.terms):
            raise Beyond(op.span, f"{test.form} is chosen anew in each turn of the loop over {inside[-1].var}")
        raise _Asked(test, store, op.span)

    def _place(self, run: CoreRun, op: Op | None, walked: Walked, actions: Any, store: Store) -> None:
        if actions is None:  # a turn begins
            if op is None or op.code != HEAD:
                return
            info = next(info for info in run.code.loops if run.code.ops[info.head] is op)
            if info in self._inner:
                if walked.loop is None:
                    walked.loop, walked.start = info, run.values[info.slot]
                elif walked.loop is not info or not run.values[info.turn_slot][0]:
                    raise Beyond(info.span, "more than one loop grows on one core (the other begins at "
                                 f"{walked.loop.span.line})")  # fmt: skip
                walked.turns.append([])
            return
        assert op is not None
        if walked.loop is not None and walked.loop in op.loops:
            target = walked.turns[-1]
        else:
            target = walked.after if walked.loop is not None else walked.before
        target += [self._told(action, store) for action in actions]

    def _told(self, action: Action, store: Store) -> Issued:
        key = (id(action), id(store) if any(h.page.symbol is not None for h in action.reads + action.writes) else 0)
        known = self._issued.get(key)
        if known is not None and known[0] is action:
            return known[1]
        reads = tuple(self._where_is(handle, store) for handle in action.reads)
        told = Issued(action, reads, tuple(self._where_is(handle, store) for handle in action.writes))
        if not key[1]:
            self._issued[key] = action, told
        return told

    def _where_is(self, handle: Any, store: Store) -> Bytes:
        page = handle.page
        symbol = store.settle(page.symbol) if isinstance(page.symbol, Linear) else page.symbol
        base = symbol if isinstance(symbol, int) else 0
        text = "" if symbol is None or isinstance(symbol, int) else str(symbol)
        return Bytes(page.key, text, handle.start + base, handle.stop + base, handle.name)

    # ------------------------------------------------------------ the steady state

    def steady(self, early: Mapping[int, int] | None = None) -> tuple[Steady, ...]:
        """One for each way to answer the unknowns. `early`: cores of which so many periods more stand before the steady
        state (and fewer after it). Raises Beyond where turns do not repeat."""
        step = self._step()
        probe = self._probe(step)
        return tuple(self._answered_so(answers, step, probe, early or {}) for answers in self.walks(probe))

    def _answered_so(self, answers: Decisions, step: int, probe: int, early: Mapping[int, int]) -> Steady:
        """The steady state where the unknowns are answered one way."""
        whole = self.walks(probe)[answers]
        heads = {core: self._first_steady(walked, step) for core, walked in whole.items()}
        tails = {core: self._tail(walked) for core, walked in whole.items()}
        least = self._asked()
        while least < probe and not self._is_steady(least, probe, answers, heads, tails):
            least += 1
        shifted = max(early.values(), default=0)
        least += step * shifted
        for core, walked in whole.items():
            if walked.loop is not None:
                tails[core] += (shifted - early.get(core, 0)) * (step // walked.loop.step)
        probe = max(probe, least + 3 * step)
        if any(list(self.walks(least + r)) != list(self.walks(probe)) for r in range(2 * step)):
            raise Beyond(self._inner[0].span, "other questions are asked for other trip counts")
        periods = tuple(self._period(core, answers, (least, step, probe), tails[core]) for core in whole)
        return Steady(periods, least, step, answers)

    def _step(self) -> int:
        """By how much the parameter grows from one period to the next."""
        demands, kernel = self.kernel.demands, self.kernel
        step = demands.modulus.get(self.parameter, 1)
        for info in self._inner:
            step = lcm(step, info.step * info.modulus * info.end_modulus)
        stride = lcm(*(info.step for info in self._inner))
        for fifo in kernel.layout.fifos.values():
            step = lcm(step, stride * lcm(fifo.slots, fifo.local_slots, max(fifo.period, 1)))
        if step > MOST_TURNS // 8:
            raise Beyond(self._inner[0].span, f"a period would be {step} turns")
        return step

    def _asked(self) -> int:
        """From this value on, nothing the text compares the parameter with tells two values apart."""
        return max(self.kernel.demands.threshold.get(self.parameter, 0), self.domain[0], self._credited, 0)

    @property
    def _credited(self) -> int:
        """From this tile on, all tiles of all FIFOs are treated alike."""
        return max((fifo.wait_from for fifo in self.kernel.layout.fifos.values()), default=0)

    def _head(self, walked: Walked) -> int:
        """How many first turns may differ from later ones: the counter is below what the text compares it with."""
        assert walked.loop is not None
        low = min(walked.loop.least_offset, 0)
        return max(-(-(walked.loop.threshold - low - walked.start) // walked.loop.step), self._credited, 0)

    def _tail(self, walked: Walked) -> int:
        """How many last turns may differ: within reach of the bound."""
        return 0 if walked.loop is None else -(-walked.loop.reach // walked.loop.step)

    def _probe(self, step: int) -> int:
        """A value with room for all that the text can ask of first and last turns, and three periods between."""
        value = self._asked() + 4
        while value <= MOST_TURNS:
            missing, grows = 0, False
            for walk in self.walks(value).values():
                for walked in walk.values():
                    if walked.loop is not None:
                        grows = True
                        room = len(walked.turns) - self._head(walked) - self._tail(walked)
                        missing = max(missing, 3 * step - room * walked.loop.step)
            if grows and not missing:
                return value
            value += missing or 4
        raise Beyond(self._inner[0].span if self._inner else self.where, "no loop grows with the parameter")

    def _first_steady(self, walked: Walked, step: int) -> int:
        """From which turn of its loop on all turns of a core fit one pattern."""
        if walked.loop is None:
            return 0
        turns, head, period = walked.turns, self._head(walked), step // walked.loop.step
        for at in range(head, len(turns) - self._tail(walked)):
            if not _fits(turns, at, head, period):
                raise Beyond(walked.loop.span, f"turns of the loop over {walked.loop.var} do not repeat")
        while head and _fits(turns, head - 1, head, period):
            head -= 1
        return head

    def _is_steady(
        self, value: int, probe: int, answers: Decisions, heads: dict[int, int], tails: dict[int, int]
    ) -> bool:
        """Whether from here on each core has room for its first and last turns, and one turn more for each step."""
        walks = self.walks(value)
        if list(walks) != list(self.walks(probe)):
            return False
        for core, walked in walks[answers].items():
            loop, turns = self.walks(probe)[answers][core].loop, heads[core] + tails[core]
            if len(walked.turns) < turns or (walked.loop is not loop and (walked.loop or turns)):
                return False
            if loop is not None:  # a loop that is not entered may be some way from its first turn
                after = self.walks(value + loop.step).get(answers)
                if after is None or len(after[core].turns) != len(walked.turns) + 1:
                    return False
        return True

    def _period(self, core: int, answers: Decisions, values: tuple[int, int, int], tail: int) -> Period:
        least, step, probe = values
        whole = self.walks(probe)[answers][core]
        near = [
            (self.walks(least + r)[answers][core], self.walks(least + r + step)[answers][core]) for r in range(step)
        ]
        base = near[0][0]
        if whole.loop is None:
            if any(_plain(walked.all) != _plain(whole.all) for pair in near for walked in pair):
                raise Beyond(self.where, f"{self.kernel.wiring.cores[core]} changes with {self.parameter}")
            return Period(core, tuple(whole.all), (), ((),) * step, (0,) * step)
        head, size = len(base.turns) - tail, step // whole.loop.step
        start = _plain(whole.before)
        if any(_plain(w.before[: len(start)]) != start for pair in near for w in pair):
            raise Beyond(whole.loop.span, f"what stands before the loop changes with {self.parameter}")
        for walked in (walked for pair in near for walked in pair):
            if not all(map(_equal, walked.turns[: len(walked.turns) - tail], whole.turns)):
                raise Beyond(whole.loop.span, f"turns of the loop over {whole.loop.var} change with {self.parameter}")
        before = [*whole.before, *(item for turn in whole.turns[:head] for item in turn)]
        turns, loop = whole.turns, whole.loop
        period = tuple(_told_moves(turns[head + j], turns[head + j + size], loop) for j in range(size))
        cut = tuple(len(one.turns) - head - tail for one, _ in near)
        after = []
        for pair in near:
            ends = [[item for t in w.turns[len(w.turns) - tail :] for item in t] if tail else [] for w in pair]
            rest = [w.after if w.loop is not None else w.before[len(whole.before) :] for w in pair]
            after.append(_told_moves(ends[0] + rest[0], ends[1] + rest[1], whole.loop))
        return Period(core, tuple(before), period, tuple(after), cut)


class _Asked(Exception):
    """An unknown value has to be answered both ways."""

    def __init__(self, test: Test, store: Store, span: Span) -> None:
        super().__init__()
        self.test, self.store, self.span = test, store, span


def _inside(info: LoopInfo, outer: LoopInfo) -> bool:
    parent = info.parent
    while parent is not None and parent is not outer:
        parent = parent.parent
    return parent is outer


def _mentioned(form: Linear, name: str) -> Atom | None:
    """The atom of this name that a form, or an operation in it, is about."""
    for item, _ in form.terms:
        if item[0] == name and name:
            return item
        for index in item[1]:
            if isinstance(index, Linear) and (found := _mentioned(index, name)) is not None:
                return found
    return None


# ---------------------------------------------------------------- comparing turns


def _plain(items: list[Issued]) -> list[tuple[Any, ...]]:
    return [_shape(item) + tuple(b.start for b in (*item.reads, *item.writes)) for item in items]


def _shape(item: Issued) -> tuple[Any, ...]:
    """All of an instruction but where exactly its bytes are."""
    action = item.action
    places = tuple((b.memory, b.symbol, b.stop - b.start) for b in (*item.reads, *item.writes))
    return (action.code, action.agent, action.site, action.channel, len(item.reads), places)


def _moves(one: Issued, two: Issued) -> tuple[int, ...]:
    pairs = zip((*one.reads, *one.writes), (*two.reads, *two.writes), strict=True)
    return tuple(b.start - a.start for a, b in pairs)


def _alike(one: list[Issued], two: list[Issued]) -> bool:
    return len(one) == len(two) and all(a is b or _shape(a) == _shape(b) for a, b in zip(one, two, strict=True))


def _equal(one: list[Issued], two: list[Issued]) -> bool:
    return len(one) == len(two) and all(a is b or _plain([a]) == _plain([b]) for a, b in zip(one, two, strict=True))


def _fits(pattern: list[list[Issued]], at: int, head: int, period: int) -> bool:
    """Whether turn `at` is where the pattern, the two periods from turn `head` on, puts it."""
    one = head + (at - head) % period
    periods = (at - one) // period
    turn, first, second = pattern[at], pattern[one], pattern[one + period]
    if not (_alike(turn, first) and _alike(first, second)):
        return False
    for item, a, b in zip(turn, first, second, strict=True):
        if not (item is a is b) and tuple(m * periods for m in _moves(a, b)) != _moves(a, item):
            return False
    return True


def _told_moves(one: list[Issued], two: list[Issued], loop: LoopInfo) -> Turn:
    """Instructions as in `one`, moving by what tells `two` from it each period."""
    if not _alike(one, two):
        raise Beyond(loop.span, f"what stands after the loop over {loop.var} changes with its trip count")
    told = []
    for a, b in zip(one, two, strict=True):
        moves = _moves(a, b)
        if not any(moves):
            told.append(a)
            continue
        reads = tuple(_moving(x, m) for x, m in zip(a.reads, moves, strict=False))
        writes = tuple(_moving(x, m) for x, m in zip(a.writes, moves[len(a.reads) :], strict=True))
        told.append(Issued(a.action, reads, writes))
    return tuple(told)


def _moving(place: Bytes, move: int) -> Bytes:
    return Bytes(place.memory, place.symbol, place.start, place.stop, place.name, move)
