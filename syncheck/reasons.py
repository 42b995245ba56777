"""Every direct "comes before" of a recorded run, with its reason. Plain data: happens_before makes a graph of it.

A point is (event, START), (event, END) or, for an instruction of S, (event, ISSUED): from then on later instructions of
the core are issued. ISSUED is a point of its own only where some wait on S does not hold issue; elsewhere it is END.
Scalar stores that others see only through a flag are complete at (event, EFFECT); a set of S fires there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import field

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL
from syncheck.recording import Event, Recording
from syncheck.value import Record, Value, frozen, mutable

START, END, ISSUED, EFFECT = range(4)
Point = tuple[int, int]

ORDER, ISSUE, RUN, DRAIN, BARRIED, FLAG, CROSS, STORE, RETIRE = (
    "pipe order", "issue", "run", "completion", "barrier", "flag", "signal", "store", "in order",
)  # fmt: skip
"""Kinds of reasons. FLAG and CROSS: a set or signal and its wait. DRAIN: what a set or signal waits for."""


@frozen
class Reason(Value):
    """`before` comes before `after`, because of `kind`."""

    before: Point
    after: Point
    kind: str


@mutable
class _Lane(Record):
    """What the newest event of an agent comes after: the last start; what no set (no barrier) has waited for yet; of S
    the last set, for its sets fire in order."""

    last: Event | None = None
    open: list[Point] = field(default_factory=list)
    unbarred: list[Point] = field(default_factory=list)
    issue: Point | None = None
    fired: Point | None = None


class _Walk:
    """Walks the events in token order."""

    def __init__(self, recording: Recording) -> None:
        self._events = recording.events
        self._rules = recording.rules
        self._wiring = recording.kernel.wiring
        rules = recording.rules
        self._split = rules.advisory_scalar_wait or bool(rules.ignored_waits)
        self._lanes: dict[int, _Lane] = {}
        self._scalars: dict[int, tuple[list[int], list[Event]]] = {}

    def reasons(self) -> Iterator[Reason]:
        for event in self._events:
            if event.action.scalar:  # S runs in issue order
                numbers, scalars = self._scalars.setdefault(event.action.core, ([], []))
                numbers.append(event.seq)
                scalars.append(event)
        for event in self._events:
            lane = self._lanes.setdefault(event.agent, _Lane())
            yield Reason((event.index, START), (event.index, END), RUN)
            yield from self._scalar(event, lane) if event.action.scalar else self._piped(event, lane)
            if event.sources:
                kind = CROSS if event.action.code == HEAR else FLAG
                ends = [START, ISSUED] if event.action.scalar and self._split and event.holds else [START]
                for source in event.sources:
                    yield from (Reason(self._fired(source), (event.index, end), kind) for end in ends)
            lane.last = event

    # ------------------------------------------------------------ pipes

    def _piped(self, event: Event, lane: _Lane) -> Iterator[Reason]:
        index, code = event.index, event.action.code
        issued = self._issued(event)
        if issued is not None and issued != lane.issue:
            yield Reason(issued, (index, START), ISSUE)
            lane.issue = issued
        if lane.last is not None:
            yield Reason((lane.last.index, START), (index, START), ORDER)
            if self._wiring.agents[event.agent][1] in self._rules.in_order and lane.last.action.code == ACCESS:
                yield Reason((lane.last.index, END), (index, START), RETIRE)
        if code in (SET, SIGNAL):
            yield from (Reason(point, (index, END), DRAIN) for point in lane.open)
            lane.open.clear()
            lane.unbarred.clear()
        elif code == BARRIER and event.action.site not in self._rules.ignored_waits:
            yield from (Reason(point, (index, START), BARRIED) for point in lane.unbarred)
            lane.unbarred.clear()
        lane.open.append((index, END))
        lane.unbarred.append((index, END))

    def _issued(self, event: Event) -> Point | None:
        """The newest instruction of S that was issued before `event`."""
        numbers, scalars = self._scalars.get(event.action.core, ([], []))
        at = bisect_left(numbers, event.seq)
        return (scalars[at - 1].index, ISSUED if self._split else END) if at else None

    def _fired(self, index: int) -> Point:
        action = self._events[index].action
        return index, EFFECT if action.scalar and action.code == SET else END

    # ------------------------------------------------------------ the scalar unit

    def _scalar(self, event: Event, lane: _Lane) -> Iterator[Reason]:
        index, code = event.index, event.action.code
        if lane.last is not None:
            yield Reason((lane.last.index, END), (index, START), RETIRE)
            if self._split:
                yield Reason((lane.last.index, ISSUED), (index, ISSUED), ISSUE)
        if event.store is not None:
            yield Reason((index, START), (index, EFFECT), RUN)
            lane.open.append((index, EFFECT))
        if code == SET:
            yield Reason((index, END), (index, EFFECT), RUN)
            yield from (Reason(point, (index, EFFECT), STORE) for point in lane.open)
            if lane.fired is not None:
                yield Reason(lane.fired, (index, EFFECT), ORDER)
            lane.fired = (index, EFFECT)
        elif code == ALL:
            yield from self._drained(event, lane)

    def _drained(self, event: Event, lane: _Lane) -> Iterator[Reason]:
        """PIPE_ALL waits for every pipe of its core, and for scalar stores."""
        points = list(lane.open)
        for agent, other in self._lanes.items():
            if agent != event.agent and self._wiring.agents[agent][0] == event.action.core:
                points += other.open
        yield from (Reason(point, (event.index, START), BARRIED) for point in points)
        if self._split and event.holds:
            yield Reason((event.index, END), (event.index, ISSUED), BARRIED)


def reasons(recording: Recording) -> Iterator[Reason]:
    """All direct reasons, in token order of what comes after."""
    return _Walk(recording).reasons()


def completions(recording: Recording, event: Event) -> tuple[Point, ...]:
    """The points at which what an event did is complete, each on its own."""
    if event.store is not None and event.action.writes:
        return ((event.index, EFFECT),)
    if event.action.scalar and (recording.rules.advisory_scalar_wait or recording.rules.ignored_waits):
        return (event.index, END), (event.index, ISSUED)
    return ((event.index, END),)
