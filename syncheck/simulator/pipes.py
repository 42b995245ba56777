"""The machine at work: scalar units that issue, pipes that start in order and complete when the schedule says so.

Issue, starts, sets, waits, barriers and signals happen as soon as they can; only completions are chosen. An instruction
takes its operands and leaves its results when it completes. Two accesses that nothing orders can then complete either
way round, and two that are ordered cannot: the later one does not even start before the earlier one is complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL, WAIT, Action
from syncheck.execution import CoreRun, Kernel
from syncheck.memory_map import Handle
from syncheck.ordering import Rules
from syncheck.simulator.binding import Binder
from syncheck.simulator.events import Event
from syncheck.simulator.operands import Wrong
from syncheck.source import Span
from syncheck.symbolic import Store
from syncheck.wiring import SCALAR_DATA

MOST_IDLE_TURNS = 1_000_000
"""Turns of loops after which a core that issues nothing is taken to go on for ever."""


class Schedule(Protocol):
    """Decides what happens next. `immediate`: every instruction completes as it starts, and only cores are picked."""

    immediate: bool

    def pick(self, able: Sequence[int], ready: Mapping[int, Event], pipes: Pipes) -> int | Event | None:
        """The core of `able` that issues next, or the instruction of `ready` that completes; None ends the run."""
        ...


class Watch(Protocol):
    """Sees every access when it happens, before its effect and after it."""

    def reading(self, event: Event) -> None: ...

    def written(self, event: Event) -> None: ...


def _meet(one: Sequence[Handle], two: Sequence[Handle]) -> bool:
    return any(a.page is b.page and a.start < b.stop and b.start < a.stop for a in one for b in two)


class Pipes:
    """One run. `events` has every instance in the order of its end; `now` counts starts and ends.

    `overlaps` are the (pipe, RAW | WAR | WAW) that are errors without a barrier: there a later instruction of the pipe
    may complete before an earlier one. All other conflicts on one pipe keep their order, as the machine's table has it.
    """

    def __init__(
        self, kernel: Kernel, rules: Rules, binder: Binder, schedule: Schedule, watch: Watch,
        overlaps: frozenset[tuple[str, str]],
    ) -> None:  # fmt: skip
        wiring = kernel.wiring
        self.kernel, self.wiring = kernel, wiring
        self.runs = {code.index: CoreRun(kernel, code) for code in kernel.cores}
        self.events: list[Event] = []
        self.now = 0
        self.issued = dict.fromkeys(self.runs, 0)
        self.unheard = dict.fromkeys(range(len(wiring.cores)), 0)
        self.over = False
        self._stepping: CoreRun | None = None
        self._last: Event | None = None
        self.ready: dict[int, Event] = {}
        self.held: dict[int, Event] = {}
        agents = range(len(wiring.agents))
        self._queues: list[deque[Event]] = [deque() for _ in agents]
        self._flight: list[dict[int, Event]] = [{} for _ in agents]
        self._pending: list[deque[Event]] = [deque() for _ in agents]
        self._in_order = [pipe in rules.in_order or pipe == SCALAR_DATA for _, pipe in wiring.agents]
        self._rules = rules
        self._overlaps = overlaps
        self._followers: dict[int, list[Event]] = {}
        self._binder, self._schedule, self._watch = binder, schedule, watch
        self._store = Store(kernel.domain)
        self._rest: dict[int, deque[Action]] = {index: deque() for index in self.runs}
        self._tokens: dict[int, deque[Event]] = {}
        self._asleep: dict[int, deque[int]] = {}
        self._halves: dict[int, dict[int, deque[Event]]] = {}
        self._own: dict[int, list[int]] = {}
        for agent, (core, _) in enumerate(wiring.agents):
            self._own.setdefault(core, []).append(agent)
        self._stride = max(len(wiring.cores), 1)

    @property
    def store(self) -> Store:
        return self._store

    def run(self, most: int | None = None) -> bool:
        """To the end, or until `most` moves were made; False where nothing can move and something has not ended."""
        moves = 0
        while not self.over and (most is None or moves < most):
            moves += 1
            able = [core for core in self.runs if core not in self.held and self._has_more(core)]
            if not able and not self.ready:
                return not self.held and not any(self._queues) and not any(self._pending)
            picked = self._schedule.pick(able, self.ready, self)
            if picked is None:
                self.over = True
                return True
            if isinstance(picked, Event):
                self._complete(picked)
            else:
                self._issue(picked)
        return True

    def in_flight(self) -> Iterator[Event]:
        """What has started and is not complete."""
        for flight in self._flight:
            yield from flight.values()

    def place(self) -> Span:
        """Where the statement stands that is being evaluated or executed: for errors."""
        if self._stepping is not None:
            ops = self._stepping.code.ops
            return ops[min(self._stepping.pc, len(ops) - 1)].span
        assert self._last is not None
        return self._last.site.span

    def waiting(self) -> list[Event]:
        """What stands at the head of a queue or holds a core, in issue order."""
        heads = [queue[0] for queue in self._queues if queue]
        return sorted({*heads, *self.held.values()}, key=lambda event: (event.core, event.number))

    # ------------------------------------------------------------ issue

    def _has_more(self, core: int) -> bool:
        """Whether a core has an instruction to issue; runs its control flow up to it."""
        rest, run = self._rest[core], self.runs[core]
        turns = run.turns
        while not rest:
            if run.done:
                return False
            self._stepping = run
            actions = run.step(self._store)
            self._stepping = None
            if actions:
                rest.extend(actions)
            elif run.turns - turns > MOST_IDLE_TURNS:
                self._stepping = run
                raise Wrong(f"this loop has run {MOST_IDLE_TURNS} turns and issued nothing")
        return True

    def _issue(self, core: int) -> None:
        action = self._rest[core].popleft()
        self.issued[core] += 1
        run = self.runs[core]
        number = self.issued[core] * self._stride + core
        event = Event(number, self.issued[core], action, self.kernel.sites[action.site], tuple(run.values))
        if action.code == ACCESS:
            self._last = event
            event.effect = self._binder.bind(action, run)
        if action.scalar:
            self._scalar(event)
            return
        queue = self._queues[action.agent]
        queue.append(event)
        if len(queue) == 1:
            self._advance(action.agent)

    def _scalar(self, event: Event) -> None:
        action = event.action
        code, core = action.code, action.core
        data = self.wiring.agent_index.get((core, SCALAR_DATA), -1)
        if code == ACCESS:
            late = bool(action.writes) and self._rules.scalar_store_needs_flag and data >= 0
            if late:
                self._start(event, data)
            else:
                self._perform(event)
        elif code in (SET, SIGNAL):
            if data >= 0 and self._flight[data]:
                self._pending[data].append(event)
            else:
                self._fire(event)
        elif code == WAIT and self._rules.advisory_scalar_wait:
            self._queues[action.agent].append(event)
            self._advance(action.agent)
        elif not self._passes(event):
            self.held[core] = event
            if code != ALL:
                self._asleep.setdefault(action.channel, deque()).append(~core)

    def _passes(self, event: Event) -> bool:
        """Let a wait, or a barrier over all pipes, of the scalar unit pass if it can."""
        action = event.action
        if action.code == ALL:
            if any(self._queues[a] or self._flight[a] or self._pending[a] for a in self._own[action.core]):
                return False
            self._ended(event)
            return True
        return self._take(event)

    # ------------------------------------------------------------ pipes

    def _advance(self, agent: int) -> None:
        """Let the head of a queue start, and what follows, until one has to wait."""
        queue = self._queues[agent]
        while queue:
            event = queue[0]
            code = event.action.code
            if code == ACCESS:
                self._start(event, agent)
            elif code in (WAIT, HEAR):
                if not self._take(event):
                    self._asleep.setdefault(event.action.channel, deque()).append(agent)
                    return
            elif code == BARRIER:
                if self._flight[agent]:
                    return
                self._ended(event)
            elif self._flight[agent] or self._pending[agent]:
                event.start = self.now
                self._pending[agent].append(event)
            else:
                self._fire(event)
            queue.popleft()
        self._release_all(self.wiring.agents[agent][0])

    def _start(self, event: Event, agent: int) -> None:
        if self._schedule.immediate:
            self._perform(event)
            return
        self.now += 1
        event.start = self.now
        flight = self._flight[agent]
        if flight:
            self._stay_behind(event, agent, flight)
        if not event.behind:
            self.ready[event.number] = event
        flight[event.number] = event

    def _stay_behind(self, event: Event, agent: int, flight: dict[int, Event]) -> None:
        """Which instructions of its pipe must complete first (`overlaps` are the conflicts that do not ask for it)."""
        if self._in_order[agent]:
            earlier = [next(reversed(flight.values()))]
        else:
            pipe = event.site.pipe
            earlier = [other for other in flight.values() if self._keeps_order(other.action, event.action, pipe)]
        event.behind = len(earlier)
        for other in earlier:
            self._followers.setdefault(other.number, []).append(event)

    def _keeps_order(self, first: Action, second: Action, pipe: str) -> bool:
        kinds = [
            kind
            for kind, one, two in (
                ("RAW", first.writes, second.reads),
                ("WAR", first.reads, second.writes),
                ("WAW", first.writes, second.writes),
            )
            if one and two and _meet(one, two)
        ]
        return bool(kinds) and all((pipe, kind) not in self._overlaps for kind in kinds)

    def _perform(self, event: Event) -> None:
        self._last = event
        self._watch.reading(event)
        assert event.effect is not None
        event.effect()
        self._watch.written(event)
        event.effect = None
        self._ended(event)

    def _complete(self, event: Event) -> None:
        del self.ready[event.number]
        action = event.action
        agent = action.agent
        if event.number not in self._flight[agent]:
            agent = self.wiring.agent_index[action.core, SCALAR_DATA]
        flight = self._flight[agent]
        del flight[event.number]
        self._perform(event)
        for follower in self._followers.pop(event.number, ()):
            follower.behind -= 1
            if not follower.behind:
                self.ready[follower.number] = follower
        pending = self._pending[agent]
        while pending and (not flight or next(iter(flight)) > pending[0].number):
            self._fire(pending.popleft())
        queue = self._queues[agent]
        if not flight and queue and queue[0].action.code == BARRIER:
            self._advance(agent)
        self._release_all(action.core)

    def _release_all(self, core: int) -> None:
        held = self.held.get(core)
        if held is not None and held.action.code == ALL and self._passes(held):
            del self.held[core]

    def _ended(self, event: Event) -> None:
        self.now += 1
        event.end = self.now
        if event.start < 0:
            event.start = self.now
        self.events.append(event)

    # ------------------------------------------------------------ flags and signals

    def _take(self, event: Event) -> bool:
        tokens = self._tokens.get(event.action.channel)
        if not tokens:
            if event.start < 0:
                event.start = self.now
            return False
        event.released_by = tokens.popleft()
        if event.action.code == HEAR:
            self.unheard[event.released_by.action.core] -= 1
        self._ended(event)
        return True

    def _fire(self, event: Event) -> None:
        self._ended(event)
        action = event.action
        if action.code == SET:
            self._give(action.channel, event)
            return
        signal = self.wiring.signals[action.channel]
        if len(signal.sources) > 1:
            halves = self._halves.setdefault(action.channel, {core: deque() for core in signal.sources})
            halves.setdefault(action.core, deque()).append(event)
            if not all(halves[core] for core in signal.sources):
                return
            event = max((halves[core].popleft() for core in signal.sources), key=lambda each: each.end)
        for target in signal.targets:
            self.unheard[event.action.core] = self.unheard.get(event.action.core, 0) + 1
            self._give(target, event)

    def _give(self, channel: int, event: Event) -> None:
        self._tokens.setdefault(channel, deque()).append(event)
        asleep = self._asleep.get(channel)
        if not asleep:
            return
        waiter = asleep.popleft()
        if waiter >= 0:
            self._advance(waiter)
            return
        if self._passes(self.held[~waiter]):
            del self.held[~waiter]
