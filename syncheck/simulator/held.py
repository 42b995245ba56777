"""The pessimistic runs: hold one step back for ever and let all others go as far as they can.

Whoever has started then may start while the held one is not complete. Two accesses race iff each starts although the
other
is held. Exact where each flag has one giving and one taking queue.
"""

from __future__ import annotations

from syncheck.simulator.board import Board, Step, lay
from syncheck.simulator.entries import Core, Hardware
from syncheck.simulator.judge import Verdict, can_start, count_peaks, end, lasting

State = tuple[int, int]
"""Masks of the steps that have started, and of those that are complete."""


def held_back(cores: tuple[Core, ...], hardware: Hardware) -> Verdict:
    """The verdict from one run for each access and each wait that matters."""
    board, found = lay(cores, hardware), Verdict()
    runs = _Runs(board)
    begun, done = runs.final
    end(board, begun, done, found)
    count_peaks(board, done, found)
    for conflict in board.conflicts:
        if conflict.both & ~begun:
            continue
        second_starts = runs.without(conflict.first)[0] >> conflict.second & 1
        first_starts = runs.without(conflict.second)[0] >> conflict.first & 1
        if first_starts and second_starts:
            found.race(conflict)
        elif second_starts and conflict.one_core:
            found.backwards.update(conflict.pairs)
    _flags(board, runs, found)
    for step in board.steps if not found.stuck else ():
        if lasting(step) and not board.holding[step.core] & ~runs.without(step.number)[1]:
            found.flying.add((step.core, step.line))
    return found


class _Runs:
    """One run in which nothing is held gives an order of all steps; a run with a step held is the same order
    without what can then no longer happen: everything a step needs comes before it there.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.order: list[Step] = []
        self.at: dict[int, tuple[int, State]] = {}
        self.final = self._free()
        self._known: dict[int, State] = {}

    def without(self, number: int) -> State:
        """How far all others come when this step never completes (or this wait never passes)."""
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self._held(self.board.steps[number]) if number in self.at else self.final
        return found

    def _free(self) -> State:
        begun = done = 0
        pending, before = self.board.steps, -1
        while len(pending) != before:
            before, rest = len(pending), []
            for step in pending:
                if not can_start(self.board, step, begun, done):
                    rest.append(step)
                    continue
                self.at[step.number] = len(self.order), (begun, done)
                self.order.append(step)
                begun, done = begun | step.bit, done | step.bit
            pending = rest
        return begun, done

    def _held(self, held: Step) -> State:
        first, (begun, done) = self.at[held.number]
        begun |= held.bit if held.timed else 0
        for step in self.order[first + 1 :]:
            if step.after_end & ~done or step.after_start & ~begun:
                continue
            if step.takes is not None and self.board.tokens(step.takes, done) <= 0:
                continue
            begun |= step.bit
            if not step.ends_after & ~done:
                done |= step.bit
        return begun, done


def _flags(board: Board, runs: _Runs, found: Verdict) -> None:
    """Sets that fire while the token before is there, and how full counters get: hold the wait that should take it."""
    done = runs.final[1]
    for flag in board.sources:
        taking = [s for s in board.steps if s.takes == flag]
        giving = [s for s in board.steps if s.gives == flag and done & s.bit]
        for turn, later in enumerate(giving[1:]):
            if turn >= len(taking) or runs.without(taking[turn].number)[1] & later.bit:
                found.overtaken.add((later.core, later.line))
        for wait in taking if not flag[1] else ():
            count_peaks(board, runs.without(wait.number)[1], found)
