"""The pessimistic runs: hold one step back for ever and let all others go as far as they can.

Whoever has started then may start while the held one is not complete. Two accesses race iff each starts although the other
is held. Exact where each flag has one giving and one taking queue.
"""

from __future__ import annotations

from syncheck.simulator.board import Board, Step, lay
from syncheck.simulator.entries import Core, Hardware
from syncheck.simulator.judge import Verdict, can_start, count_peaks, end, lasting


def held_back(cores: tuple[Core, ...], hardware: Hardware) -> Verdict:
    """The verdict from one run for each access and each wait."""
    board, found = lay(cores, hardware), Verdict()
    begun, done = _run(board, None)
    end(board, begun, done, found)
    count_peaks(board, done, found)
    runs = {number: _run(board, board.steps[number]) for c in board.conflicts for number in (c.first, c.second)}
    for conflict in board.conflicts:
        if conflict.both & ~begun:
            continue
        second_starts = runs[conflict.first][0] >> conflict.second & 1
        first_starts = runs[conflict.second][0] >> conflict.first & 1
        if first_starts and second_starts:
            found.race(conflict)
        elif second_starts and conflict.one_core:
            found.backwards.update(conflict.pairs)
    _flags(board, done, found)
    if not found.stuck:
        _flying(board, begun, found)
    return found


def _run(board: Board, held: Step | None) -> tuple[int, int]:
    """(started, complete) when nothing but the held step can move. A wait that is held does not pass."""
    begun = done = 0
    pending = board.steps
    moved = True
    while moved:
        moved = False
        rest = []
        for step in pending:
            if not begun & step.bit and can_start(board, step, begun, done) and (step.timed or step is not held):
                begun |= step.bit
                moved = True
                if not step.timed:
                    done |= step.bit
            if begun & step.bit and not done & step.bit and step is not held and not step.ends_after & ~done:
                done |= step.bit
                moved = True
            if not done & step.bit:
                rest.append(step)
        pending = rest
    return begun, done


def _flags(board: Board, done: int, found: Verdict) -> None:
    """Sets that fire while the token before is there, and how full counters get: hold the wait that should take it."""
    for flag, groups in board.sources.items():
        taking = [s for s in board.steps if s.takes == flag]
        giving = [s for s in board.steps if s.gives == flag and done & s.bit]
        if flag[1]:
            for turn, later in enumerate(giving[1:]):
                if turn >= len(taking) or _run(board, taking[turn])[1] & later.bit:
                    found.overtaken.add((later.core, later.line))
            continue
        for wait in taking if sum(min(m.bit_count() for m in group) for group in groups) > 1 else ():
            count_peaks(board, _run(board, wait)[1], found)


def _flying(board: Board, begun: int, found: Verdict) -> None:
    for step in board.steps:
        if begun & step.bit and lasting(step) and not board.holding[step.core] & ~_run(board, step)[1]:
            found.flying.add((step.core, step.line))
