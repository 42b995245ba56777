"""One case run again with its events kept: the two accesses of a clash in it."""

from __future__ import annotations

from syncheck.analysis import Analysis
from syncheck.observation import Clash
from syncheck.recording import Event, Recording, find
from syncheck.value import Value, frozen


@frozen
class Recorded(Value):
    """A run, and the earlier and the later access of a clash in it."""

    recording: Recording
    earlier: Event
    later: Event


def recorded(analysis: Analysis, clash: Clash) -> Recorded | None:
    """The smallest case of a clash, run again; None where that is not possible."""
    if analysis.record is None:
        return None
    recording = analysis.record(clash.case)
    later, earlier = find(recording, clash.later), find(recording, clash.earlier)
    return None if later is None or earlier is None else Recorded(recording, earlier, later)
