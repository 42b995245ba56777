"""What `syncheck run` says of time: the makespan in the machine's cost model, and how busy each pipe is in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from syncheck.cost import Costs, Unpriced
from syncheck.machine import Machine
from syncheck.reporters.label_rows import KEY, key
from syncheck.reporters.styled import Line, Page, flowed, hanging, plain
from syncheck.simulator.data import Run
from syncheck.timeline import PIPES
from syncheck.timing import lower_bound, replay_timed
from syncheck.value import Value, frozen


@frozen
class Cycles(Value):
    """Cycles of one run: `makespan`; `bound`, what it would take if only data and pipes held it; `busy` of each core
    and pipe that does something. With `reason` there are none, and it says why."""

    makespan: int = 0
    bound: int = 0
    busy: tuple[tuple[str, str, int], ...] = ()
    reason: str = ""


def cycles(run: Run, machine: Machine) -> Cycles:
    """The time of a run. It is that of the kernel: flags, barriers and pipes decide it, not the schedule of the run."""
    if run.stuck:
        return Cycles(reason="the kernel does not end")
    wiring = run.kernel.wiring
    try:
        costs = Costs(machine, run.kernel)
        timing = replay_timed(run.events, wiring, costs)
        if any(event.number not in timing.times for event in run.events):
            return Cycles(reason="in cycles, one of its waits never passes")
        bound = lower_bound(run.events, timing, costs)
    except Unpriced as error:
        return Cycles(reason=str(error))
    busy: dict[tuple[str, str], int] = {}
    for agent, spent in timing.busy.items():
        track = wiring.name(agent)
        busy[track] = busy.get(track, 0) + spent
    rank = {pipe: place for place, pipe in enumerate(PIPES)}
    order = sorted(busy, key=lambda track: (track[0], rank.get(track[1], len(rank)), track[1]))
    return Cycles(timing.makespan, bound.makespan, tuple((*track, busy[track]) for track in order))


def time_lines(time: Cycles, page: Page) -> Iterator[Line]:
    """One line for the makespan, and the pipes of each core behind it."""
    if time.reason:
        yield from hanging(key("time"), page.clean(f"not known: {time.reason}"), page, KEY)
        return
    said = f"{time.makespan:,} cycle{'s' * (time.makespan != 1)} in the cost model"
    if time.bound > time.makespan:
        said += f", less than its data need ({time.bound:,}): something starts before what it reads is complete"
    elif time.bound:
        said += f", {time.makespan / time.bound:.2f} times what data and pipes alone would take"
    yield from hanging(key("time"), said, page, KEY)
    cells: dict[str, str] = {}
    for core, pipe, spent in time.busy:
        cells[core] = f"{cells.get(core, core)}  {pipe} {100 * _part(spent, time):.0f} %"
    if cells:
        first, *others = map(plain, cells.values())
        yield from flowed([(*key("busy"), *first), *others], page.width, KEY)


def time_document(time: Cycles | None) -> dict[str, Any] | None:
    """For JSON; None where no time is known."""
    if time is None or time.reason:
        return None
    pipes = [
        {"core": core, "pipe": pipe, "busy": spent, "utilisation": round(_part(spent, time), 4)}
        for core, pipe, spent in time.busy
    ]
    return {"makespan": time.makespan, "bound": time.bound, "pipes": pipes}


def _part(spent: int, time: Cycles) -> float:
    return spent / time.makespan if time.makespan else 0.0
