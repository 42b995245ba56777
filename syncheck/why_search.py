"""What `why` is asked about: the events at two source positions, and the smallest run that shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from pathlib import PurePath

from syncheck.action import ACCESS, Site
from syncheck.execution import Kernel
from syncheck.memory_map import Handle, may_meet
from syncheck.observation import Case
from syncheck.recording import Event, Recording
from syncheck.value import Value, frozen

RUNS = 40
"""Runs to look at, smallest first."""
_NEAREST = 4

Place = tuple[str, int]
Start = Callable[[Case | None], Recording]


class WhyError(Exception):
    """A question that has no answer; one sentence for the user."""


@frozen
class Pair(Value):
    """Two events, the earlier first in issue order (on two cores, as they ran). `handles`: what both touch."""

    earlier: Event
    later: Event
    handles: tuple[Handle, Handle] | None
    writes: tuple[bool, bool] = (False, False)


# ---------------------------------------------------------------- positions


def sites_at(kernel: Kernel, place: Place, core: str) -> frozenset[int]:
    """The sites at FILE:LINE, by the kernel's own lines or the script's. Raises WhyError with the nearest lines."""
    path, line = place
    sites = [site for site in kernel.sites if not core or site.core == core]
    if not sites:
        cores = ", ".join(dict.fromkeys(site.core for site in kernel.sites))
        raise WhyError(f"there is no instruction on core {core}; there is {cores or 'none at all'}")
    named = [(site, site.span.line) for site in sites if _same(path, site.span.path)]
    home = [(site, site.span.home[1]) for site in sites if _same(path, site.span.home[0])]
    for group in (named, home):
        found = frozenset(site.number for site, at in group if at == line)
        if found:
            return found
    if not named and not home:
        files = ", ".join(sorted({path for site in sites for path in (site.span.path, site.span.home[0])}))
        raise WhyError(f"{path}:{line}: no instruction comes from this file; there are some from {files}")
    raise WhyError(f"{path}:{line}: no instruction at this line; nearest: {_nearest(named or home, line)}")


def _same(path: str, other: str) -> bool:
    """Whether a path as the user wrote it names this file: the same, or one is the end of the other."""
    one, two = PurePath(path).parts, PurePath(other).parts
    size = min(len(one), len(two))
    return not path or one[len(one) - size :] == two[len(two) - size :]


def _nearest(group: list[tuple[Site, int]], line: int) -> str:
    texts: dict[int, str] = {}
    for site, at in group:
        texts.setdefault(at, site.op.partition(".")[0])
    close = sorted(sorted(texts, key=lambda at: (abs(at - line), at))[:_NEAREST])
    return ", ".join(f"{at} ({texts[at]})" for at in close)


# ---------------------------------------------------------------- pairs of events


def pairs_in(recording: Recording, first: frozenset[int], second: frozenset[int]) -> list[Pair]:
    """Each event at one position with the newest at the other before it; only conflicting ones if there are any."""
    here = _events(recording, first)
    there = _events(recording, second)
    pairs = [pair for one, two in ((here, there), (there, here)) for pair in _newest(one, two)]
    pairs = list({(pair.earlier.index, pair.later.index): pair for pair in pairs}.values())
    meeting = [pair for pair in pairs if pair.handles is not None]
    if not meeting:  # then the question is one of direction
        pairs = [pair for pair in pairs if pair.earlier.action.site in first] or pairs
    near = [pair for pair in meeting or pairs if pair.earlier.action.core == pair.later.action.core]
    return sorted(near or meeting or pairs, key=lambda pair: (pair.later.index, pair.earlier.index))


def _events(recording: Recording, sites: frozenset[int]) -> list[Event]:
    """The memory accesses there; where there are none, what else there is."""
    found = [event for event in recording.events if event.action.site in sites]
    data = [event for event in found if event.action.code == ACCESS]
    return data or found


def _newest(earlier: list[Event], later: list[Event]) -> Iterator[Pair]:
    for event in later:
        best: dict[int, Pair] = {}
        for other in earlier:
            if _precedes(other, event):
                pair = _pair(other, event)
                known = best.get(other.agent)
                newer = known is None or other.index > known.earlier.index
                if known is None or (pair.handles is not None, newer) >= (known.handles is not None, True):
                    best[other.agent] = pair
        yield from best.values()


def _precedes(one: Event, other: Event) -> bool:
    if one.action.core == other.action.core:
        return one.seq < other.seq
    return one.index < other.index


def _pair(earlier: Event, later: Event) -> Pair:
    if not (earlier.action.atomic and later.action.atomic):
        for one, writes in _handles(earlier):
            for two, too in _handles(later):
                if (writes or too) and _meet(one, two):
                    return Pair(earlier, later, (one, two), (writes, too))
    return Pair(earlier, later, None)


def _handles(event: Event) -> Iterable[tuple[Handle, bool]]:
    yield from ((handle, True) for handle in event.action.writes)
    yield from ((handle, False) for handle in event.action.reads)


def _meet(one: Handle, two: Handle) -> bool:
    if one.page is two.page:
        return one.start < two.stop and two.start < one.stop
    return any(
        page is two.page and may_meet(one, two, low, high, step) for page, low, high, step in one.page.neighbours
    )


# ---------------------------------------------------------------- runs


def smallest_first(start: Start, limit: int = RUNS) -> Iterator[Recording]:
    """Runs in the order of their size: the smallest parameters, then what else they might have been."""
    heap: list[tuple[int, int, Case | None]] = [(0, 0, None)]
    pushed = 0
    for _ in range(limit):
        if not heap:
            return
        _, _, case = heappop(heap)
        recording = start(case)
        for other in recording.alternatives:
            pushed += 1
            heappush(heap, (other.size, pushed, other))
        yield recording
