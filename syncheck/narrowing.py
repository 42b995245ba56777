"""A PIPE_ALL that is needed, but not all of it: which flags in its place would do, each tried and proved.

What is missing without the barrier says which pipes must wait for which; with flags for those, something further may
show, until nothing does. Then every flag that the others make needless goes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from syncheck.action import Site
from syncheck.edits import Place, edited, statements
from syncheck.finding import Finding, Label
from syncheck.ir import Barrier, Const, SetFlag, Statement, WaitFlag
from syncheck.machine import Machine
from syncheck.trial import Change, Ground

ROUNDS = 8
"""Times that further flags are added before the barrier is left as it is."""

Flag = tuple[str, str, int]
"""Source pipe, destination pipe, event id."""


def narrower(ground: Ground, places: Sequence[Place], site: Site) -> tuple[Flag, ...]:
    """The flags that change nothing in place of the PIPE_ALL at `places`; () where there are none or it is no such."""
    if site.detail != "PIPE_ALL":
        return ()
    barriers = [(place, statement) for place, statement in statements(ground.program) if place in set(places)]
    flags: list[Flag] = []
    for _ in range(ROUNDS):
        change = _tried(ground, barriers, flags)
        if change.none:
            return _fewest(ground, barriers, flags)
        wanted = [pair for pair in _pairs(change.found, site.core) if pair not in {flag[:2] for flag in flags}]
        if change.gap or not wanted:
            return ()
        for src, dst in wanted:
            event = _event(ground, site.core, src, flags)
            if event is None or not _legal(ground.conditions.machine, site.core, src, dst):
                return ()
            flags.append((src, dst, event))
    return ()


def _fewest(ground: Ground, barriers: Sequence[tuple[Place, Statement]], flags: Sequence[Flag]) -> tuple[Flag, ...]:
    kept = list(flags)
    for flag in flags:
        rest = [other for other in kept if other != flag]
        if rest and _tried(ground, barriers, rest).none:
            kept = rest
    return tuple(kept)


def _tried(ground: Ground, barriers: Sequence[tuple[Place, Statement]], flags: Iterable[Flag]) -> Change:
    return ground.change(edited(ground.program, {place: _instead(barrier, flags) for place, barrier in barriers}))


def _instead(barrier: Statement, flags: Iterable[Flag]) -> tuple[Statement, ...]:
    """All the sets, then all the waits."""
    assert isinstance(barrier, Barrier)
    flags = tuple(flags)
    sets = [SetFlag(src, dst, Const(event), barrier.span) for src, dst, event in flags]
    return (*sets, *[WaitFlag(src, dst, Const(event), barrier.span) for src, dst, event in flags])


def _pairs(found: Iterable[Finding], core: str) -> list[tuple[str, str]]:
    """Which pipe has to be complete before which, for all that was found."""
    pairs: dict[tuple[str, str], None] = {}
    for finding in found:
        for pair in finding.pairs:
            earlier = pair.secondary
            if finding.rule in ("FLG003", "FLG007"):  # the set may come before the wait for the one before
                wait = next((label for label in finding.labels if label.op == "wait_flag"), None)
                wanted = _between(wait, pair.primary, core)
            else:
                wanted = _between(earlier, pair.primary, core)
            if wanted:
                pairs[wanted] = None
    return list(pairs)


def _between(earlier: Label | None, later: Label, core: str) -> tuple[str, str] | None:
    if earlier is None:
        return (later.pipe, "S") if _kind(later.core) == _kind(core) and later.pipe != "S" else None
    if _kind(earlier.core) != _kind(core) or earlier.pipe == later.pipe:
        return None
    return earlier.pipe, later.pipe if earlier.core == later.core else "S"


def _kind(core: str) -> str:
    return core[:3]


def _legal(machine: Machine, core: str, src: str, dst: str) -> bool:
    pair = machine.pair(_kind(core), src, dst)
    return pair is not None and pair.status in ("legal", "accepted")


def _event(ground: Ground, core: str, src: str, flags: Sequence[Flag]) -> int | None:
    """An event id that no other flag from this pipe uses, whatever its destination."""
    machine = ground.conditions.machine
    used = {event for flag_src, _, event in flags if flag_src == src}
    used |= {c.event for c in ground.flags if _kind(c.core) == _kind(core) and c.src == src}
    low, high = machine.event_ids
    free = [event for event in range(low, high + 1) if event not in used]
    kept = [event for event in free if not any(entry.low <= event <= entry.high for entry in machine.reserved_events)]
    return next(iter(kept or free), None)
