"""One case run again with its events kept: the two accesses of a clash in it."""

from __future__ import annotations

from syncheck.analysis import Analysis
from syncheck.finding import Witness
from syncheck.observation import Access, Case, Clash
from syncheck.recording import Event, Recording, find
from syncheck.value import Value, frozen
from syncheck.witness import Schedule, backwards, outlives, overlap, standstill, told


@frozen
class Recorded(Value):
    """A run, and the earlier and the later access of a clash in it."""

    recording: Recording
    earlier: Event
    later: Event
    schedule: Schedule | None = None

    @property
    def witness(self) -> Witness | None:
        return None if self.schedule is None else told(self.schedule)


def recorded(analysis: Analysis, clash: Clash) -> Recorded | None:
    """The smallest case of a clash, run again; None where that is not possible."""
    if analysis.record is None:
        return None
    recording = analysis.record(clash.case)
    later, earlier = find(recording, clash.later), find(recording, clash.earlier)
    if later is None or earlier is None:
        return None
    sides = (earlier, clash.earlier.writes), (later, clash.later.writes)
    way = backwards if clash.kind == "reversed" else overlap
    return Recorded(recording, earlier, later, way(recording, *sides))


def witness_of_store(analysis: Analysis, store: Access, case: Case) -> Witness | None:
    """A run in which a store is under way when its core returns."""
    recording = None if analysis.record is None else analysis.record(case)
    event = None if recording is None else find(recording, store)
    schedule = None if recording is None or event is None else outlives(recording, event)
    return None if schedule is None else told(schedule)


def witness_of_standstill(analysis: Analysis, case: Case) -> Witness | None:
    """The run that gets stuck, to its end."""
    recording = None if analysis.record is None else analysis.record(case)
    schedule = None if recording is None else standstill(recording)
    return None if schedule is None else told(schedule)
