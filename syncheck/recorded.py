"""One case run again with its events kept: the two accesses of a clash in it, and what was known between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from syncheck.action import ACCESS, Action
from syncheck.analysis import Analysis
from syncheck.observation import Access, Clash


class Event(Protocol):
    """One event as it ran. `clock`: known complete at its start. `released_by`: index of the set it waited for."""

    @property
    def action(self) -> Action: ...

    @property
    def values(self) -> Sequence[Any]: ...

    @property
    def seq(self) -> int: ...

    @property
    def agent(self) -> int: ...

    @property
    def count(self) -> int: ...

    @property
    def clock(self) -> Sequence[int]: ...

    @property
    def released_by(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """The events of one run, in an order that is allowed; indices of the earlier and the later access."""

    events: Sequence[Event]
    earlier: int
    later: int


def recorded(analysis: Analysis, clash: Clash) -> Recorded | None:
    """The smallest case of a clash, run again; None where that is not possible."""
    if analysis.record is None:
        return None
    recording = analysis.record(clash.case)
    events: Sequence[Event] = getattr(recording, "events", ())
    later = _find(events, clash.later)
    earlier = _find(events, clash.earlier)
    return None if later is None or earlier is None else Recorded(events, earlier, later)


def _find(events: Sequence[Event], access: Access) -> int | None:
    near = None
    for index, event in enumerate(events):
        if event.action.site == access.site and event.action.code == ACCESS:
            if event.seq == access.seq:
                return index
            if near is None and tuple(event.values) == tuple(access.values):
                near = index
    return near


def last_known(run: Recorded) -> Event | None:
    """The newest access of the earlier pipe that is known complete where the later access starts."""
    earlier, later = run.events[run.earlier], run.events[run.later]
    known = later.clock[earlier.agent] if earlier.agent < len(later.clock) else 0
    newest = None
    for event in run.events:
        if event.agent == earlier.agent and event.action.code == ACCESS and event.count <= known:
            newest = event
    return newest
