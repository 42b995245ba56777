"""What can happen in some run of a small program: races, inversions, standstills, flags set too early, tokens left.

Two ways that share only the board. `every_order` walks all reachable states. `held_back` is linear in the accesses:
stop one
step for ever, let everything else go on as far as it can, and look who has started. The second is exact where each flag
has one giving and one taking queue: then letting more happen never prevents anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from syncheck.simulator.board import Board, Conflict, Flag, Side, Step, lay
from syncheck.simulator.entries import Core, Hardware

Place = tuple[str, int]
"""(core, line)."""


class TooLarge(Exception):
    """More states than were allowed."""


@dataclass(slots=True)
class Verdict:
    """Sets of lines. `races`: two sides in either order. `backwards`: (earlier, later in issue order), the later first.

    `stuck`: each the heads of one standstill. `left`: flags with tokens at the end, and the last set of each.
    `overtaken`: sets that may fire while
    the last token is still there. `flying`: GM stores that may outlast their core. `peaks`: the most tokens of a
    counter.
    """

    races: set[tuple[Side, Side]] = field(default_factory=set)
    backwards: set[tuple[Side, Side]] = field(default_factory=set)
    stuck: set[frozenset[Place]] = field(default_factory=set)
    left: set[tuple[Flag, Place]] = field(default_factory=set)
    overtaken: set[Place] = field(default_factory=set)
    flying: set[Place] = field(default_factory=set)
    peaks: dict[Flag, int] = field(default_factory=dict)

    def add(self, other: Verdict) -> None:
        for name in ("races", "backwards", "stuck", "left", "overtaken", "flying"):
            getattr(self, name).update(getattr(other, name))
        for flag, count in other.peaks.items():
            self.peaks[flag] = max(count, self.peaks.get(flag, 0))

    def race(self, conflict: Conflict) -> None:
        self.races.update((a, b) if a <= b else (b, a) for a, b in conflict.pairs)


def every_order(cores: tuple[Core, ...], hardware: Hardware, *, eager: bool, most: int = 20000) -> Verdict:
    """All reachable states. `eager`: without the steps that cannot matter (see `_Walk`). Raises TooLarge."""
    walk = _Walk(lay(cores, hardware), eager, most)
    return walk.verdict()


class _Walk:
    """A search of all states.

    Eager: a start, a set, a barrier or a signal happens as soon as it can, a wait too unless its flag is given
    twice, and
    an access that conflicts with nothing completes at once. None of this loses an observation: take any run and move
    such a
    step to the front; whatever was enabled still is (steps only enable, given one taker a flag), what was in flight
    together still is, and a set that met a token still meets it, for only waits take tokens away.
    """

    def __init__(self, board: Board, eager: bool, most: int) -> None:
        self.board = board
        self.most = most
        self.found = Verdict()
        self.raced: set[Conflict] = set()
        self.orders: dict[Conflict, set[bool]] = {}
        self.by_first = _by(board, lambda c: c.first)
        self.by_second = _by(board, lambda c: c.second)
        self.choices = 0
        for step in board.steps:
            several = step.takes is not None and _givers(board, step.takes) > 1
            if not eager or several or lasting(step) or any(c.both & step.bit for c in board.conflicts):
                self.choices |= step.bit
        self.eager = eager

    def verdict(self) -> Verdict:
        seen = set()
        pending = [self.settle(0, 0)]
        while pending:
            state = pending.pop()
            if state in seen:
                continue
            seen.add(state)
            if len(seen) > self.most:
                raise TooLarge
            following = list(self.moves(*state))
            if not following:
                self.ended(*state)
            pending.extend(self.settle(*state) for state in following)
        if self.found.stuck:
            self.found.flying.clear()
        for conflict in self.raced:
            self.found.race(conflict)
        for conflict, orders in self.orders.items():
            if conflict not in self.raced and conflict.one_core and orders == {True}:
                self.found.backwards.update(conflict.pairs)
        return self.found

    def moves(self, begun: int, done: int) -> Iterable[tuple[int, int]]:
        """Every state one step further."""
        for step in self.board.steps:
            if not begun & step.bit:
                if can_start(self.board, step, begun, done):
                    yield self.start(step, begun, done)
            elif not done & step.bit and not step.ends_after & ~done:
                yield begun, done | step.bit

    def settle(self, begun: int, done: int) -> tuple[int, int]:
        """Take every step that is no choice, as long as there is one."""
        before = None
        while self.eager and before != (begun, done):
            before = begun, done
            for step in self.board.steps:
                starts = not begun & step.bit and (step.timed or not self.choices & step.bit)
                if starts and can_start(self.board, step, begun, done):
                    begun, done = self.start(step, begun, done)
                if not (self.choices | done) & step.bit and begun & step.bit and not step.ends_after & ~done:
                    done |= step.bit
        for core, holding in self.board.holding.items():
            if not holding & ~done:
                self.flew(core, begun & ~done)
        return begun, done

    def start(self, step: Step, begun: int, done: int) -> tuple[int, int]:
        """The state after a start, and what it shows."""
        for conflict in self.by_first.get(step.number, ()):
            other = 1 << conflict.second
            self.orders.setdefault(conflict, set()).add(bool(done & other))
            if begun & other and not done & other:
                self.raced.add(conflict)
        for conflict in self.by_second.get(step.number, ()):
            if begun & ~done & (1 << conflict.first):
                self.raced.add(conflict)
        if step.gives is not None and self.board.tokens(step.gives, done) > 0:
            self.found.overtaken.add((step.core, step.line))
        begun |= step.bit
        if not step.timed:
            done |= step.bit
        if step.kind == "signal":
            count_peaks(self.board, done, self.found)
        return begun, done

    def flew(self, core: str, flying: int) -> None:
        for step in self.board.steps:
            if step.core == core and flying & step.bit and lasting(step):
                self.found.flying.add((core, step.line))

    def ended(self, begun: int, done: int) -> None:
        end(self.board, begun, done, self.found)


def lasting(step: Step) -> bool:
    """Whether others may read what it writes after the kernel."""
    return step.pipe != "S" and any(space == "GM" for space, _, _ in step.writes)


def can_start(board: Board, step: Step, begun: int, done: int) -> bool:
    if step.after_end & ~done or step.after_start & ~begun:
        return False
    return step.takes is None or board.tokens(step.takes, done) > 0


def end(board: Board, begun: int, done: int, found: Verdict) -> None:
    """Nothing moves any more: what stands still, or what is left."""
    heads = set()
    for step in board.steps:
        if begun & step.bit:
            continue
        if step.takes is not None and not (step.after_end & ~done or step.after_start & ~begun):
            heads.add((step.core, step.line))
        earlier = step.after_end & ~done
        if step.kind == "barrier" and step.pipe == "ALL" and not earlier & board.holding[step.core]:
            heads.add((step.core, step.line))
    if heads:
        found.stuck.add(frozenset(heads))
        return
    for flag, groups in board.sources.items():
        if board.tokens(flag, done) > 0:
            last = max((s for s in board.steps if s.gives == flag), key=lambda s: s.number, default=None)
            found.left.add((flag, (last.core, last.line) if last is not None else (flag[0], 0)))
        for group in groups:
            if len({mask.bit_count() for mask in group}) > 1:
                found.left.add((flag, (flag[0], 0)))


def count_peaks(board: Board, done: int, found: Verdict) -> None:
    for flag in board.sources:
        if not flag[1]:
            found.peaks[flag] = max(board.tokens(flag, done), found.peaks.get(flag, 0))


def _by(board: Board, which: Callable[[Conflict], int]) -> dict[int, list[Conflict]]:
    table: dict[int, list[Conflict]] = {}
    for conflict in board.conflicts:
        table.setdefault(which(conflict), []).append(conflict)
    return table


def _givers(board: Board, flag: Flag) -> int:
    return sum(min(mask.bit_count() for mask in group) for group in board.sources.get(flag, ()))
