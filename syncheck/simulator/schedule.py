"""A given schedule, step by step: is every step allowed where it stands, and does the end show what it should?

The rules are those of the board (hardware.md §9); nothing is searched for.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncheck.simulator.board import Board, Conflict, Step, lay
from syncheck.simulator.entries import Core, Hardware
from syncheck.simulator.judge import can_start

Entrance = tuple[str, int]
"""(core, number of the entry in what it issues, from 1)."""
Move = tuple[str, int, str]
"""An entry, and what it does: start, complete, or (a scalar store, for others) visible."""


class Refused(Exception):
    """A move that the hardware would not make there, or an end that shows something else; one sentence."""


class Run:
    """A program in the middle of a schedule."""

    def __init__(self, cores: tuple[Core, ...], hardware: Hardware) -> None:
        self.board: Board = lay(cores, hardware)
        self.begun = self.done = 0
        self._steps: dict[Entrance, list[Step]] = {}
        for step in self.board.steps:
            self._steps.setdefault((step.core, step.entry + 1), []).append(step)

    def play(self, moves: Sequence[Move]) -> None:
        """Raises Refused at the first move that is not allowed."""
        for core, number, does in moves:
            steps = self._steps.get((core, number))
            if steps is None:
                raise Refused(f"{core} issues no entry {number}")
            self._move(steps, does)

    def _move(self, steps: list[Step], does: str) -> None:
        """A scalar store is a step of its own: it starts when its instruction completes, and the core goes on."""
        first, last = steps[0], steps[-1]
        late = last.timed and last.pipe == "S" and not self.board.holding[last.core] & last.bit
        if not first.timed:
            self._start(first, does == "complete")
        elif does == "start":
            self._start(first, True)
        elif does == "visible":
            self._end(last, late)
        elif first is not last:
            self._end(first, True)
            self._start(last, True)
        elif not late:
            self._end(first, True)

    def _start(self, step: Step, fits: bool) -> None:
        if not fits or self.begun & step.bit or not can_start(self.board, step, self.begun, self.done):
            raise Refused(f"{step.core} {step.pipe} cannot start line {step.line} (entry {step.entry + 1}) here")
        self.begun |= step.bit
        if not step.timed:
            self.done |= step.bit

    def _end(self, step: Step, fits: bool) -> None:
        if not fits or not self.begun & step.bit or self.done & step.bit or step.ends_after & ~self.done:
            raise Refused(f"{step.core} {step.pipe} cannot complete line {step.line} (entry {step.entry + 1}) here")
        self.done |= step.bit

    # ------------------------------------------------------------ what it shows

    def show(self, shows: str, earlier: Entrance | None, later: Entrance | None, waiting: Sequence[Entrance]) -> None:
        """Raises Refused unless the run has come to what `shows` names (see `overlap` and its like)."""
        if shows == "stuck":
            self.stuck(waiting)
        elif earlier is None:
            raise Refused("no access is named")
        elif shows == "exit":
            self.outlives(earlier)
        elif later is None:
            raise Refused("no later access is named")
        elif shows == "overlap":
            self.overlap(earlier, later)
        elif shows == "backwards":
            self.backwards(earlier, later)
        else:
            raise Refused(f"nothing is known of {shows!r}")

    def overlap(self, earlier: Entrance, later: Entrance) -> None:
        """Two accesses that conflict are in flight at once."""
        flying = self.begun & ~self.done
        if not any(c.both & flying == c.both for c in self._conflicts(earlier, later)):
            raise Refused(f"{earlier} and {later} do not conflict in flight")

    def backwards(self, earlier: Entrance, later: Entrance) -> None:
        """Of two conflicting accesses of one core, the later in issue order is complete, the other in flight."""
        for conflict in self._conflicts(earlier, later):
            first, second = 1 << conflict.first, 1 << conflict.second
            if self.done & second and self.begun & ~self.done & first and earlier[1] < later[1]:
                return
        raise Refused(f"{later} is not complete while {earlier} is in flight")

    def outlives(self, store: Entrance) -> None:
        """The core has returned while its store to GM is in flight."""
        flying = self.begun & ~self.done
        writes = any(s.bit & flying and any(r[0] == "GM" for r in s.writes) for s in self._steps.get(store, ()))
        if not writes or self.board.holding[store[0]] & ~self.done:
            raise Refused(f"{store} is not in flight at the end of its core")

    def stuck(self, waiting: Sequence[Entrance]) -> None:
        """Nothing can move, and these entries are what stands still."""
        for step in self.board.steps:
            if self.begun & step.bit and not self.done & step.bit:
                raise Refused(f"line {step.line} of {step.core} is still in flight")
            if not self.begun & step.bit and can_start(self.board, step, self.begun, self.done):
                raise Refused(f"line {step.line} of {step.core} can still start")
        for entrance in waiting:
            if any(self.begun & step.bit for step in self._steps[entrance]):
                raise Refused(f"{entrance} does not wait")
        if not waiting:
            raise Refused("nobody waits")

    def _conflicts(self, one: Entrance, other: Entrance) -> list[Conflict]:
        ones = {step.number for step in self._steps.get(one, ())}
        others = {step.number for step in self._steps.get(other, ())}
        wanted = {frozenset((a, b)) for a in ones for b in others}
        return [c for c in self.board.conflicts if frozenset((c.first, c.second)) in wanted]
