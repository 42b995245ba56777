"""A schedule that the synchronisation allows and the kernel did not mean (docs/proofs.md, "Witnesses").

Of one recorded run it keeps only what must have happened: every point that comes before the last step in every
schedule. The completion of the earlier access is never among them, or the two would be in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from syncheck import smallest
from syncheck.action import ACCESS, SET, SIGNAL
from syncheck.finding import ScheduleStep, Witness
from syncheck.reasons import EFFECT, END, START, Point, completions, reasons
from syncheck.recording import Event, Recording, turn
from syncheck.value import Value, frozen

Side = tuple[Event, bool]
"""An event, and whether it is its writes that matter (rather than its reads)."""
OVERLAP, BACKWARDS, EXIT, STUCK = "overlap", "backwards", "exit", "stuck"


@frozen
class Schedule(Value):
    """Points of a run in an order that the synchronisation allows; what the run shows by then (`Witness.shows`)."""

    recording: Recording
    shows: str
    points: tuple[Point, ...]
    earlier: Event | None = None
    later: Event | None = None

    def position(self) -> dict[int, int]:
        """For each event that happens, where it starts (a set or signal: where it fires)."""
        found: dict[int, int] = {}
        for number, (index, kind) in enumerate(self.points):
            if index not in found or (kind != START and not _starts(self.recording.events[index])):
                found[index] = number
        return found


def overlap(recording: Recording, earlier: Side, later: Side) -> Schedule | None:
    """Both accesses are under way: the later one has started, and the earlier one is not complete; None where the run
    does not allow it."""
    first = _before(recording, [_begins(*earlier)])
    rest = _before(recording, [_begins(*later)]) - first
    over = {*_over(recording, *earlier), *_over(recording, *later)}
    if over & first or over & rest:
        return None
    return Schedule(recording, OVERLAP, (*sorted(first), *sorted(rest)), earlier[0], later[0])


def backwards(recording: Recording, earlier: Side, later: Side) -> Schedule | None:
    """The access that the text puts later is complete where the earlier one starts."""
    points = _before(recording, [_begins(*earlier)])
    if not points.intersection(_over(recording, *later)):
        return None
    return Schedule(recording, BACKWARDS, tuple(sorted(points)), earlier[0], later[0])


def _begins(event: Event, writes: bool) -> Point:
    """A scalar store is under way from where its core goes on until others see it."""
    return event.index, END if event.store is not None and writes else START


def _over(recording: Recording, event: Event, writes: bool) -> tuple[Point, ...]:
    return completions(recording, event) if writes or event.store is None else ((event.index, END),)


def outlives(recording: Recording, store: Event) -> Schedule | None:
    """The core has returned, and what it stored to GM is still under way."""
    scalar = recording.kernel.wiring.scalar[store.action.core]
    last = [event.index for event in recording.events if event.agent == scalar][-1:]
    points = _before(recording, [_begins(store, True), *((index, END) for index in last)])
    if points.intersection(_over(recording, store, True)):
        return None
    return Schedule(recording, EXIT, tuple(sorted(points)), store)


def standstill(recording: Recording) -> Schedule | None:
    """All that could happen has happened, and somebody still waits."""
    if not recording.stuck:
        return None
    points = [point for event in recording.events for point in _points(recording, event)]
    return Schedule(recording, STUCK, tuple(points))


def told(schedule: Schedule) -> Witness:
    """The schedule as plain values."""
    recording = schedule.recording
    wiring = recording.kernel.wiring
    heads = [(wiring.cores[queue[0][0].core], queue[0][1]) for queue in recording.waiting]
    return Witness(
        schedule.shows,
        smallest.parameters(recording.kernel, recording.case),
        _who(recording, schedule.earlier),
        _who(recording, schedule.later),
        tuple(heads) if schedule.shows == STUCK else (),
        tuple(step for point in schedule.points if (step := _step(recording, point)) is not None),
    )


def _who(recording: Recording, event: Event | None) -> tuple[str, int] | None:
    return None if event is None else (recording.kernel.wiring.cores[event.action.core], event.seq)


def _step(recording: Recording, point: Point) -> ScheduleStep | None:
    """What happens at a point; None where nothing does that a run could show."""
    index, kind = point
    event = recording.events[index]
    does = _does(event, kind)
    if not does:
        return None
    site = recording.kernel.sites[event.action.site]
    return ScheduleStep(site.core, event.seq, site.pipe, site.op, site.span.line, turn(recording, event), does)


def _does(event: Event, kind: int) -> str:
    if event.action.code == ACCESS:
        return {START: "start", END: "complete", EFFECT: "visible"}.get(kind, "")
    if _starts(event):
        return "complete" if kind == START else ""
    return "complete" if kind == (EFFECT if event.action.scalar and event.action.code == SET else END) else ""


def _starts(event: Event) -> bool:
    """Whether it does what it does when it starts: an access; a wait or barrier that is passed."""
    return event.action.code not in (SET, SIGNAL)


def _points(recording: Recording, event: Event) -> list[Point]:
    kinds = [START, END, EFFECT] if event.store is not None or event.action.code == SET else [START, END]
    return [(event.index, kind) for kind in kinds]


# ---------------------------------------------------------------- what must come before


def _before(recording: Recording, points: Iterable[Point]) -> set[Point]:
    """These points and all that come before one of them in every schedule. Sorted, they are a schedule: nothing in
    the token order of a run comes before what it needs."""
    into = _into(recording)
    todo = list(points)
    seen = set(todo)
    while todo:
        for point in into.get(todo.pop(), ()):
            if point not in seen:
                seen.add(point)
                todo.append(point)
    return seen


@lru_cache(maxsize=4)
def _into(recording: Recording) -> dict[Point, list[Point]]:
    into: dict[Point, list[Point]] = {}
    for reason in reasons(recording):
        into.setdefault(reason.after, []).append(reason.before)
    return into
