"""A recorded trace run once with its events kept: for `why` and `graph`, which read it whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from syncheck.frontends.trace import Reader
from syncheck.frontends.trace_sync import Recorded
from syncheck.machine import Machine
from syncheck.observation import Case, Log
from syncheck.ordering import Rules
from syncheck.recording import Recorder, Recording


def record_trace(lines: Sequence[bytes], path: str, machine: Machine, rules: Rules) -> Recording:
    """Every event of a trace. Cores are counted first, as signals to all cores need to know them."""
    survey = Reader(path, machine, Log())
    for number, line in enumerate(lines, 1):
        if line not in survey.known:
            survey.read(line, number)
    reader = Reader(path, machine, Log(), survey)
    replay = Recorder(reader.kernel, rules)
    held: dict[int, deque[Recorded]] = {}
    for number, line in enumerate(lines, 1):
        action = reader.known.get(line) or reader.read(line, number)
        if action is None:
            continue
        if len(replay.counts) != len(reader.kernel.wiring.agents):
            replay.widen()
        if replay.blocked(action.core):
            held.setdefault(action.core, deque()).append(action)
            continue
        replay.issue(action, action.values)
        _release(replay, held)
    stuck = bool(replay.stalls or replay.queues)
    clashes = tuple(replay.log.clashes.values())
    return Recording(reader.kernel, rules, tuple(replay.events), Case(), True, stuck, (), clashes)


def _release(replay: Recorder, held: dict[int, deque[Recorded]]) -> None:
    """Issue what was held back on the cores that can go on."""
    while replay.released:
        core = replay.released.pop()
        waiting = held.get(core, deque())
        while waiting and not replay.blocked(core):
            action = waiting.popleft()
            replay.issue(action, action.values)
