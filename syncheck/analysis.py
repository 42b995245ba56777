"""What a detector may ask of one Kernel that has been explored: its observations, in the words of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from syncheck import smallest
from syncheck.action import Site
from syncheck.execution import Kernel, frames_of
from syncheck.finding import Label, MemoryRange
from syncheck.ir import Program
from syncheck.machine import Machine
from syncheck.memory_map import Handle
from syncheck.observation import Access, Case, Clash, Log, Remark
from syncheck.recording import Recording
from syncheck.source import Span
from syncheck.value import Value, frozen


@frozen
class Reliance(Value):
    """Pairs ordered only because `waits` on S hold issue until `src` ("ALL": every pipe) of `core` is drained."""

    core: str
    src: str
    waits: tuple[Access, ...]
    clashes: tuple[Clash, ...]


@frozen
class Surplus(Value):
    """Synchronisation without which nothing changes: `sites` are its statements in the order of the text.

    `flag`: "MTE3→V, EVENT_ID0", "" for a barrier. `together`: it is in the largest set found that can all go at once.
    `instead`: it cannot go, but these flags (src, dst, event) in its place change nothing; () otherwise.
    """

    sites: tuple[Site, ...]
    flag: str = ""
    together: bool = False
    instead: tuple[tuple[str, str, int], ...] = ()


@frozen
class FlagAdvice(Value):
    """A flag that would order two accesses of a core: set behind the earlier, waited for before the later. `carried`:
    it goes round a loop, so it is primed and drained."""

    core: str
    src: str
    dst: str
    event: int
    earlier: Span
    later: Span
    carried: bool


@dataclass(frozen=True)
class Analysis:
    """One Kernel and everything that was seen while exploring it. `closed`: every case was covered.

    `program` is None for traces. `surplus` is filled, and `try_flag` says what comes of an advice, only where that was
    asked for. `record` runs one case again and keeps its events (recording.py). `witnesses`: every pair of places gets
    its witness, not only the first of a finding.
    """

    program: Program | None
    machine: Machine
    kernel: Kernel
    log: Log
    closed: bool = True
    reliance: tuple[Reliance, ...] = ()
    surplus: tuple[Surplus, ...] = ()
    try_flag: Callable[[FlagAdvice], str] | None = None
    record: Callable[[Case], Recording] | None = None
    witnesses: bool = False

    def site(self, access: Access) -> Site:
        return self.kernel.sites[access.action.site]

    @cached_property
    def remarks(self) -> tuple[Remark, ...]:
        """What was wrong before anything ran, then what the exploration met."""
        return (*self.kernel.remarks, *self.log.remarks.values())

    @cached_property
    def flags(self) -> dict[tuple[str, str, str], tuple[tuple[Site, ...], tuple[Site, ...]]]:
        """(core, src, dst) → the sites of its sets and of its waits, in the order of the text."""
        found: dict[tuple[str, str, str], tuple[list[Site], list[Site]]] = {}
        for site in self.kernel.sites:
            if site.op in ("set_flag", "wait_flag") and ", " in site.detail:
                src, dst = (part.removeprefix("PIPE_") for part in site.detail.split(", ", 1))
                found.setdefault((site.core, src, dst), ([], []))[site.op == "wait_flag"].append(site)
        return {key: (tuple(sets), tuple(waits)) for key, (sets, waits) in found.items()}

    def label(
        self, role: str, access: Access, note: str = "", region: MemoryRange | None = None, verb: str | None = None
    ) -> Label:
        """Where an access is and what it does; without `region`, the bytes of its own handle."""
        site = self.site(access)
        if region is None and access.handle is not None:
            region = region_of(access.handle)
        if verb is None:
            verb = "" if region is None else "write" if access.writes else "read"
        frames = shown_frames(site, access.values)
        return Label(role, site.span, site.core, site.pipe, site.op, verb, region, frames, note)

    def labels(self, clash: Clash) -> tuple[Label, Label]:
        """The later and the earlier access of a clash, each with the bytes that both touch."""
        later, earlier = meeting(clash.later.handle, clash.earlier.handle)
        return self.label("primary", clash.later, region=later), self.label("secondary", clash.earlier, region=earlier)

    def parameters(self, case: Case) -> tuple[tuple[str, str], ...]:
        """The smallest parameters of a case: name and value."""
        return smallest.parameters(self.kernel, case)

    def where(self, cores: Iterable[str], cases: Iterable[Case]) -> str:
        """ "both lanes, n_blocks >= 2": which lanes of those there are, and what the parameters must be."""
        seen = {core[:4] for core in cores}
        known = {core[:4] for core in self.kernel.wiring.cores}
        lanes = seen & {"AIV0", "AIV1"}
        parts = []
        if len(lanes) == 2:
            parts.append("both lanes")
        elif lanes and {"AIV0", "AIV1"} <= known:
            parts.append(f"lane {min(lanes)[3:]}")
        return ", ".join((*parts, *smallest.conditions(self.kernel, cases)))


def shown_frames(site: Site, values: Sequence[Any]) -> tuple[str, ...]:
    """The loops and calls around a site; only plain numbers, and none that an outer frame has told."""
    told: set[str] = set()
    frames = []
    for frame in frames_of(site, values):
        head, _, rest = frame.partition(" ") if "@" in frame else ("", "", frame)
        kept = [part for part in rest.split(", ") if _plain(part) and part not in told]
        told.update(kept)
        frames.append(" ".join(filter(None, (head, ", ".join(kept)))))
    return tuple(frame for frame in frames if frame)


def _plain(part: str) -> bool:
    return part.partition("=")[2].lstrip("-").isdigit()


def region_of(handle: Handle) -> MemoryRange:
    return _range(handle, handle.start, handle.stop)


def meeting(one: Handle | None, other: Handle | None) -> tuple[MemoryRange | None, MemoryRange | None]:
    """The bytes that both touch, named as each calls them; all bytes of each where the addresses are not comparable."""
    if one is None or other is None:
        return (None if one is None else region_of(one)), (None if other is None else region_of(other))
    if one.page is not other.page:
        return region_of(one), region_of(other)
    start, stop = max(one.start, other.start), min(one.stop, other.stop)
    if start >= stop:
        return region_of(one), region_of(other)
    return _range(one, start, stop), _range(other, start, stop)


def _range(handle: Handle, start: int, stop: int) -> MemoryRange:
    symbol = "" if handle.page.symbol is None else str(handle.page.symbol)
    name = "" if handle.name == handle.page.space else handle.name
    return MemoryRange(handle.page.space, start, stop, name, symbol)
