"""Orders in which instructions complete: as issued, at random, as late as allowed, or so that one overtakes another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from syncheck.simulator.events import Event
from syncheck.simulator.pipes import Pipes


class InOrder:
    """Every instruction completes as it starts. The core with the fewest unheard signals issues next."""

    immediate = True

    def pick(self, able: Sequence[int], ready: Mapping[int, Event], pipes: Pipes) -> int | Event:
        return steady(able, pipes)


def steady(able: Sequence[int], pipes: Pipes) -> int:
    """The core with the fewest unheard signals, then the one that has issued least."""
    unheard, issued = pipes.unheard, pipes.issued
    return min(able, key=lambda core: (unheard[core], issued[core], core))


class Random_:
    """Anything that can happen may be next; each run prefers other pipes and cores. The same seed, the same order."""

    immediate = False

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._issue = self._random.choice((0.15, 0.5, 0.85))
        self._weights: dict[int, float] = {}

    def pick(self, able: Sequence[int], ready: Mapping[int, Event], pipes: Pipes) -> int | Event:
        random = self._random
        if able and (not ready or random.random() < self._issue):
            return able[random.randrange(len(able))] if len(able) > 1 else able[0]
        events = list(ready.values())
        if len(events) == 1:
            return events[0]
        return random.choices(events, [self._weight(event.action.agent) for event in events])[0]

    def _weight(self, agent: int) -> float:
        found = self._weights.get(agent)
        if found is None:
            found = self._weights[agent] = self._random.choice((0.02, 0.2, 1.0, 5.0))
        return found


class Late:
    """Everything starts as early and completes as late as it may; when something must complete, `order` picks it.

    `starved`: the agent (pipe of a core) whose instructions complete only when nothing else can move.
    """

    immediate = False

    def __init__(self, order: Callable[[Sequence[Event]], Event], starved: int = -1, *, eager: bool = False) -> None:
        self._order = order
        self._starved = starved
        self._eager = eager

    def pick(self, able: Sequence[int], ready: Mapping[int, Event], pipes: Pipes) -> int | Event:
        if able and not (self._eager and ready):
            return steady(able, pipes)
        events = list(ready.values())
        others = [event for event in events if event.action.agent != self._starved]
        if others:
            return self._order(others)
        return steady(able, pipes) if able else self._order(events)


def oldest(events: Sequence[Event]) -> Event:
    """What started first."""
    return min(events, key=lambda event: event.start)


def newest(events: Sequence[Event]) -> Event:
    """What started last."""
    return max(events, key=lambda event: event.start)


def adversarial(seed: int, agents: int) -> Late:
    """The seed-th way to be late: all pipes (newest or oldest first), then each pipe starved, then mixtures."""
    if seed == 0:
        return Late(newest)
    if seed == 1:
        return Late(oldest)
    way, starved = divmod(seed - 2, max(agents, 1))
    if way == 0:
        return Late(oldest, starved, eager=True)
    if way == 1:
        return Late(newest, starved)
    random = Random(seed)
    return Late(lambda events: events[random.randrange(len(events))], starved, eager=random.random() < 0.5)


class Overtake:
    """Holds one instance back, as long as the synchronisation allows it, until another has completed.

    `first` and `second` are (core, place in what it issues, from 1); all others complete as soon as they start. Without
    a second, the first is held until nothing else can happen, and the run ends there: what the world sees when the
    kernel returns. `done` tells afterwards whether the second completed before the first (the run ended before it).
    """

    immediate = False

    def __init__(self, first: tuple[str, int], second: tuple[str, int] | None) -> None:
        self._first, self._second = first, second
        self._over = False
        self.done = False

    def pick(self, able: Sequence[int], ready: Mapping[int, Event], pipes: Pipes) -> int | Event | None:
        held = None
        for event in ready.values():
            if (event.core, event.order) == self._first and not self._over:
                held = event
                continue
            if (event.core, event.order) == self._second and not self._over:
                self.done = self._over = True
            return event
        if able:
            return steady(able, pipes)
        self._over = True
        if held is not None and self._second is None:
            self.done = True
            return None
        return held
