"""When things happen: the token game in cycles. Each pipe in order, flags, barriers, cross-core signals, issue.

`replay_timed` takes the instances of a run, in any order, and returns when each starts and ends. `lower_bound` times
the same instructions where only what the data demands holds them: a read after the write that it takes its bytes from,
and each pipe one after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL, WAIT, Action
from syncheck.cost import Costs
from syncheck.execution import CoreRun, Kernel
from syncheck.symbolic import Store
from syncheck.wiring import Wiring


class Instance(Protocol):
    """One instance of an instruction, flag, barrier or signal; `number` grows in the issue order of its core."""

    @property
    def number(self) -> int: ...

    @property
    def action(self) -> Action: ...


class Issued(NamedTuple):
    """An instance that nothing but its core's text has decided yet."""

    number: int
    action: Action


def issued(kernel: Kernel) -> list[Issued]:
    """What each core issues, core by core. Raises symbolic.Open where a value decides that is not pinned."""
    store = Store(kernel.domain)
    found: list[Issued] = []
    for code in kernel.cores:
        run = CoreRun(kernel, code)
        while not run.done:
            found += [Issued(len(found) + k, action) for k, action in enumerate(run.step(store) or ())]
    return found


class Times(NamedTuple):
    """Cycles: `issued` by the scalar unit, `start` on the pipe, `end` (complete; a wait: passed; a set: fired)."""

    issued: int
    start: int
    end: int


@dataclass(slots=True)
class Timing:
    """`times` by instance number; `makespan` in cycles; `busy` cycles of each agent (core and pipe)."""

    times: dict[int, Times] = field(default_factory=dict)
    makespan: int = 0
    busy: dict[int, int] = field(default_factory=dict)

    def utilisation(self, agent: int) -> float:
        """What part of the makespan the pipe is busy."""
        return self.busy.get(agent, 0) / self.makespan if self.makespan else 0.0


class _Game:
    """One game of tokens in cycles: `free` is when a pipe can start, `done` when all it was given is complete."""

    def __init__(
        self, events: Iterable[Instance], wiring: Wiring, costs: Costs, held: Mapping[int, int], timing: Timing
    ) -> None:
        self.wiring, self.costs, self.held, self.timing = wiring, costs, held, timing
        self.patient = True
        cores: dict[int, list[Instance]] = {}
        for event in events:
            cores.setdefault(event.action.core, []).append(event)
        self.issuing = {core: deque(sorted(cores[core], key=lambda each: each.number)) for core in sorted(cores)}
        self.queues: dict[int, deque[tuple[Instance, int]]] = {a: deque() for a in range(len(wiring.agents))}
        self.own: dict[int, list[int]] = {}
        for agent, (core, _) in enumerate(wiring.agents):
            self.own.setdefault(core, []).append(agent)
        self.free: dict[int, int] = dict.fromkeys(self.queues, 0)
        self.done: dict[int, int] = dict.fromkeys(self.queues, 0)
        self.now: dict[int, int] = dict.fromkeys(self.issuing, 0)
        self.tokens: dict[int, deque[int]] = {}
        self.halves: dict[int, dict[int, deque[int]]] = {}

    def run(self) -> None:
        """Until nothing can move. What is held for something that itself waits for it is let go at the end."""
        while True:
            moved = False
            for core in self.issuing:
                moved = self._issue(core) or moved
            for agent in self.queues:
                moved = self._advance(agent) or moved
            if not moved and not self.patient:
                return
            self.patient = moved

    def _issue(self, core: int) -> bool:
        waiting, moved = self.issuing[core], False
        while waiting:
            event = waiting[0]
            action = event.action
            if action.scalar and not self._ready(event):
                break
            waiting.popleft()
            moved = True
            issued = self.now[core]
            if action.scalar:
                times = self._play(event, issued)
                self.now[core] = max(times.end, issued)
            else:
                self.queues[action.agent].append((event, issued))
            self.now[core] += self.costs.issue
        return moved

    def _advance(self, agent: int) -> bool:
        queue, moved = self.queues[agent], False
        while queue and self._ready(queue[0][0]):
            self._play(*queue.popleft())
            moved = True
        return moved

    def _ready(self, event: Instance) -> bool:
        action = event.action
        if action.code in (WAIT, HEAR):
            return bool(self.tokens.get(action.channel))
        if action.code == ALL:
            return not any(self.queues[agent] for agent in self.own[action.core])
        other = self.held.get(event.number)
        return other is None or other in self.timing.times or not self.patient

    def _play(self, event: Instance, issued: int) -> Times:
        action = event.action
        agent, code = action.agent, action.code
        cost = self.costs.of(action)
        start = max(issued, self.free[agent])
        if code == ACCESS:
            other = self.timing.times.get(self.held.get(event.number, -1))
            end = max(start + cost.latency, 0 if other is None else other.end + 1)
            self.free[agent] = start + cost.occupies
            self.done[agent] = max(self.done[agent], end)
            self.timing.busy[agent] = self.timing.busy.get(agent, 0) + max(cost.occupies, 1)
        elif code in (SET, SIGNAL):
            end = max(start, self.done[agent]) + cost.latency
            self._give(action, end)
        else:
            end = max(start, self._awaited(action)) + (0 if code in (WAIT, HEAR) else cost.latency)
            self.free[agent] = end
        times = self.timing.times[event.number] = Times(issued, start, end)
        return times

    def _awaited(self, action: Action) -> int:
        if action.code == BARRIER:
            return self.done[action.agent]
        if action.code == ALL:
            return max(max(self.done[agent], self.free[agent]) for agent in self.own[action.core])
        return self.tokens[action.channel].popleft()

    def _give(self, action: Action, at: int) -> None:
        if action.code == SET:
            self.tokens.setdefault(action.channel, deque()).append(at)
            return
        signal = self.wiring.signals[action.channel]
        if len(signal.sources) > 1:
            halves = self.halves.setdefault(action.channel, {core: deque() for core in signal.sources})
            halves[action.core].append(at)
            if not all(halves.values()):
                return
            at = max(half.popleft() for half in halves.values())
        for target in signal.targets:
            self.tokens.setdefault(target, deque()).append(at)


def replay_timed(
    events: Iterable[Instance], wiring: Wiring, costs: Costs, held: Mapping[int, int] | None = None
) -> Timing:
    """Times of all instances that can run. `held`: the number of an instance, and of the one that it ends after."""
    timing = Timing()
    _Game(events, wiring, costs, held or {}, timing).run()
    timing.makespan = max((times.end for times in timing.times.values()), default=0)
    return timing


def lower_bound(events: Iterable[Instance], known: Timing, costs: Costs) -> Timing:
    """The same instructions without flags, barriers, signals and issue: data (read after write) and pipes only.

    `known` is a timing of the kernel as it is; who reads what from whom is taken from it.
    """
    timing = Timing()
    written: dict[int, int] = {}
    free: dict[int, int] = {}
    for event in sorted(events, key=lambda each: (known.times[each.number].start, each.number)):
        action = event.action
        if action.code != ACCESS:
            continue
        cost = costs.of(action)
        ready = [written.get(cell, 0) for handle in action.reads for cell in handle.cells]
        start = max(free.get(action.agent, 0), max(ready, default=0))
        end = start + cost.latency
        free[action.agent] = start + cost.occupies
        for handle in action.writes:
            for cell in handle.cells:
                written[cell] = end
        timing.times[event.number] = Times(0, start, end)
        timing.busy[action.agent] = timing.busy.get(action.agent, 0) + max(cost.occupies, 1)
    timing.makespan = max((times.end for times in timing.times.values()), default=0)
    return timing
