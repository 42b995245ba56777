"""Observations put together by what causes them: one finding each, with every pair of source positions it covers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from syncheck.analysis import Analysis
from syncheck.detectors.words import base_name, plain_core
from syncheck.finding import Label, Pair, Witness
from syncheck.observation import Access, Case, Clash, Remark
from syncheck.recorded import recorded
from syncheck.source import Span
from syncheck.value import Value, frozen

T = TypeVar("T", Clash, Remark)
Place = tuple[str, int, int]


@frozen
class Spot(Value):
    """One observation with its labels: the later place first."""

    primary: Label
    secondary: Label | None
    case: Case
    count: int
    clash: Clash | None = None

    @property
    def key(self) -> tuple[Place, Place | None]:
        return place(self.primary.span), None if self.secondary is None else place(self.secondary.span)


def place(span: Span) -> Place:
    return (span.path, span.line, span.column)


def grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Items with equal keys together, each group with its smallest case first, groups in the order they were met."""
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return [sorted(group, key=_smallest) for group in groups.values()]


def _smallest(item: Clash | Remark) -> tuple[int, tuple[int, ...]]:
    if isinstance(item, Clash):
        return item.case.size, (item.later.site, item.earlier.site)
    return item.case.size, tuple(access.site for access in item.places)


def pairs(analysis: Analysis, spots: Iterable[Spot]) -> tuple[Pair, ...]:
    """One Pair for each pair of source positions, in the order given; lanes and call sites are summed."""
    found: dict[object, tuple[Spot, int]] = {}
    for spot in spots:
        first, count = found.get(spot.key, (spot, 0))
        found[spot.key] = (first, count + spot.count)
    return tuple(
        Pair(spot.primary, spot.secondary, count, analysis.parameters(spot.case), _witness(analysis, spot))
        for spot, count in found.values()
    )


def _witness(analysis: Analysis, spot: Spot) -> Witness | None:
    """Only where every pair is asked for one: it means a run of its own."""
    run = recorded(analysis, spot.clash) if analysis.witnesses and spot.clash is not None else None
    return None if run is None else run.witness


def caused(clashes: Iterable[Clash], keys: Callable[[Clash], tuple[Hashable, ...]]) -> list[list[Clash]]:
    """Clashes that share any key together, also through others; groups and their clashes as `grouped` orders them."""
    groups: list[tuple[set[Hashable], list[Clash]]] = []
    for clash in clashes:
        mine, members = set(keys(clash)), [clash]
        for known in [group for group in groups if group[0] & mine]:
            groups.remove(known)
            mine |= known[0]
            members = [*known[1], *members]
        groups.append((mine, members))
    return [sorted(together, key=_smallest) for _, together in groups]


def causes_of(analysis: Analysis, clash: Clash) -> tuple[Hashable, ...]:
    """What makes clashes one: the missing edge, the kind of hazard, and the buffer or the two places in the text."""
    missing = (clash.earlier.writes, clash.later.writes, *edge(analysis, clash))
    places = tuple(place(analysis.site(access).span) for access in (clash.earlier, clash.later))
    return (*missing, buffer_key(clash.later)), (*missing, *places)


def of_clash(analysis: Analysis, clash: Clash) -> Spot:
    later, earlier = analysis.labels(clash)
    return Spot(later, earlier, clash.case, clash.count, clash)


def edge(analysis: Analysis, clash: Clash) -> tuple[str, str, str, str, bool]:
    """The order that is missing: from (core, pipe) to (core, pipe), lanes counted as one; whether within one core."""
    earlier, later = analysis.site(clash.earlier), analysis.site(clash.later)
    same = earlier.core == later.core
    return plain_core(earlier.core), earlier.pipe, plain_core(later.core), later.pipe, same


def buffer_key(access: Access) -> str:
    """The tile, tensor or FIFO without its slot; for bytes without a name, the bytes."""
    handle = access.handle
    if handle is None:
        return ""
    return base_name(handle.name) or f"{handle.page.space}:{handle.start:x}"


def cores_of(spots: Iterable[Spot]) -> list[str]:
    return [label.core for spot in spots for label in (spot.primary, spot.secondary) if label is not None]


def fifo_of(clash: Clash) -> str:
    """The FIFO that both accesses belong to, "" if they do not."""
    one, other = clash.earlier.handle, clash.later.handle
    if one is None or other is None or one.owner != other.owner or not one.owner.startswith("fifo:"):
        return ""
    return one.owner.removeprefix("fifo:")


def explained_fifos(clashes: Iterable[Clash]) -> set[str]:
    """FIFOs whose slots are overwritten or published too early: what else overlaps there follows from that."""
    return {
        fifo_of(c) for c in clashes if c.kind == "unordered" and fifo_of(c) and (overwrites_slot(c) or unpublished(c))
    }


def overwrites_slot(clash: Clash) -> bool:
    """Whether a push or pop of a FIFO comes too early for what its slot still holds (rather than a read too early)."""
    if not fifo_of(clash):
        return False
    if clash.later.writes:
        return clash.later.action.tag >= 0
    return 0 <= clash.later.action.tag < clash.earlier.action.tag


def unpublished(clash: Clash) -> bool:
    """Whether the reader, on another core, heard a signal sent after the write: one that does not cover it."""
    return bool(clash.heard) and clash.earlier.writes and not clash.later.writes and not overwrites_slot(clash)
