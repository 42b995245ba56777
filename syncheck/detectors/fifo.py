"""FIFOs between cube and vector cores: slots overwritten too early, sides that disagree, rings and flags that overlap.

FIF001
------
A slot of a FIFO is overwritten before it was read: a push into the GM slot while the consumer's load of an older tile
is still to come or under way, or a pop into the local ring while the tile that the slot held is still in use. The
consumer computes with a newer tile, or with a mixture.

With back-pressure on, a push waits for credits that the pops give, and the GM slots are safe. With back-pressure off
nothing waits; then only the kernel's own chain of signals can keep the producer from running ahead. syncheck follows
that chain for every case: silence is the proof that it suffices, a finding is the counterexample. Back-pressure
never protects the local ring: that is always the kernel's own duty (a flag from the reading pipe to MTE2, or
causality).

Silent when each tile is read, in every case, before its slot is used again.

What to do: back_pressure on, more slots, or a signal from the consumer before the push. For the local ring: a flag
from the reading pipe to MTE2 before the pop.

Seen: PR #676 switched back-pressure off with two slots: safe (verdicts.md §3.5). The same with one slot breaks all
three FIFOs from two KV blocks on (fixtures/seeds/pr676_depth1.sync).

FIF002
------
Producer and consumer disagree on how a tile is split over the vector lanes, or on its size, direction or lanes. The
consumer then waits for halves that nobody sends, or reads bytes that nobody wrote.

Silent when the split of every push and pop is that of the FIFO and the tile fills its part of the slot.

What to do: give both sides the same split; without a split each lane moves the whole tile.

Seen: PR #1817 (A5): TPOP with NO_SPLIT on a FIFO that two lanes fill; lane 1 was read early and its credits never
returned (simpler issue #1816).

FIF003
------
Two FIFOs use the same cross-core flag ids (each needs two: flag and flag + 1), or their local rings share bytes.
Signals of one then release waits of the other, or tiles overwrite each other. A warning where the rings share bytes
only if slots lie a slot apart: libraries differ in that (since pto-isa ab903c91 they do, before they lay the popped
tile's bytes apart). --include reads which it is from the library.

Silent when ids and rings are apart.

What to do: number the flags 0, 2, 4, …; place the rings behind one another.

Seen: PR #1817 (A5): slots a full tile apart where half a tile was reserved, so that one ring ran into the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncheck.analysis import Analysis
from syncheck.detectors.causes import (
    Spot,
    cores_of,
    explained_fifos,
    fifo_of,
    grouped,
    of_clash,
    overwrites_slot,
    pairs,
)
from syncheck.detectors.notes import remark_findings
from syncheck.detectors.words import agent, being, buffer, bytes_of, doer, smallest
from syncheck.explanation import explained
from syncheck.finding import Finding, Label, Pair
from syncheck.observation import Clash, Remark


def overwritten_slots(analysis: Analysis) -> Iterator[Finding]:
    """FIF001: one for each FIFO and memory (GM slots, local ring)."""
    clashes = list(analysis.log.clashes.values())
    early = explained_fifos(c for c in clashes if overwrites_slot(c))
    mine = [c for c in clashes if c.kind not in ("reversed", "unseen") and overwrites_slot(c) and fifo_of(c) in early]
    lost = [r for r in analysis.log.remarks.values() if r.kind == "slot lost"]
    seen = set()
    for group in grouped(mine, lambda c: (fifo_of(c), _local(c))):
        ranked = sorted(group, key=lambda c: (c.kind == "same_pipe", c.case.size))
        name = fifo_of(ranked[0])
        seen.add((name, _local(ranked[0])))
        yield _finding(analysis, name, ranked)
    for remarks in grouped(lost, lambda r: (_owner(r), _space(r) != "GM")):
        if (_owner(remarks[0]), _space(remarks[0]) != "GM") not in seen:
            yield _lost(analysis, remarks)


def disagreements(analysis: Analysis) -> Iterator[Finding]:
    """FIF002 and FIF003: wrong before anything runs."""
    yield from remark_findings(analysis, ("fifo split", "fifo shape"), "FIF002", "error", _SPLIT)
    yield from remark_findings(analysis, ("fifo flags", "fifo rings"), "FIF003", "error", _APART)
    yield from remark_findings(analysis, ("fifo stride",), "FIF003", "warning", _STRIDE)


_SPLIT = "Give every push and pop the split of the declaration, and tiles that fill their part of the slot."
_APART = "Number the flags 0, 2, 4, … (each FIFO uses flag and flag + 1) and place the rings behind one another."

_STRIDE = (
    "Leave a slot's bytes of room for each slot of the ring, or name the library: --include DIR reads its text, "
    "-O local_slot_stride=tile or slot decides without."
)


def _local(clash: Clash) -> bool:
    return clash.later.handle is not None and clash.later.handle.page.space != "GM"


def _owner(remark: Remark) -> str:
    handle = remark.places[0].handle
    return handle.owner.removeprefix("fifo:") if handle is not None else ""


def _space(remark: Remark) -> str:
    handle = remark.places[0].handle
    return handle.page.space if handle is not None else ""


def _finding(analysis: Analysis, name: str, group: Sequence[Clash]) -> Finding:
    spots = [_pushed_last(of_clash(analysis, clash), clash) for clash in group]
    clash, later, earlier = group[0], spots[0].primary, spots[0].secondary
    assert earlier is not None
    values = analysis.parameters(clash.case)
    told = explained(analysis, clash, later, earlier)
    # A slot counts as overwritten by the newer tile whichever access the replay met first.
    new, old = (
        max(clash.later.action.tag, clash.earlier.action.tag),
        min(clash.later.action.tag, clash.earlier.action.tag),
    )
    message = f"{doer(later)} writes {bytes_of(later.region)} for tile {new}; nothing orders it after {doer(earlier)}"
    return Finding(
        "FIF001", "error", _title(analysis, name, clash, later, earlier), f"{message}{smallest(values)}.",
        (later, earlier), where=analysis.where(cores_of(spots), [spot.case for spot in spots]), parameters=values,
        occurrences=sum(c.count for c in group), why=(_depth(analysis, name, _local(clash)), *told.why),
        order=_orders(analysis, name, new - old if old >= 0 else 0, told.order, local=_local(clash)),
        picture=told.picture, pairs=pairs(analysis, spots), witness=told.witness,
    )  # fmt: skip


def _title(analysis: Analysis, name: str, clash: Clash, later: Label, earlier: Label) -> str:
    tiles = [tag for tag in (clash.later.action.tag, clash.earlier.action.tag) if tag >= 0]
    head = f"{buffer(later.region)} is overwritten by tile {max(tiles)}"
    if _local(clash):
        return f"{head} while it is still being {being(earlier)}: the local ring of {name}"
    fifo = analysis.kernel.layout.fifos.get(name)
    if fifo is None:
        return f"{head} before it was read"
    slots = "one slot" if fifo.slots == 1 else f"{fifo.slots} slots"
    pressure = "back-pressure" if fifo.back_pressure else "no back-pressure"
    before = f"before tile {min(tiles)} is read" if len(tiles) > 1 else "before it was read"
    return f"{head} {before}: {name} has {slots} and {pressure}"


def _pushed_last(spot: Spot, clash: Clash) -> Spot:
    """The spot with the access that overwrites as the primary one."""
    if clash.later.writes or spot.secondary is None:
        return spot
    later, earlier = spot.secondary, spot.primary
    return Spot(_as(later, "primary"), _as(earlier, "secondary"), spot.case, spot.count, clash)


def _as(label: Label, role: str) -> Label:
    return Label(
        role, label.span, label.core, label.pipe, label.op, label.access, label.region, label.frames, label.note
    )


def _depth(analysis: Analysis, name: str, local: bool) -> str:
    fifo = analysis.kernel.layout.fifos.get(name)
    if fifo is None:
        return ""
    if local:
        return f"The local ring of {name} has {fifo.local_slots} slots; back-pressure does not protect it."
    slots = "1 slot" if fifo.slots == 1 else f"{fifo.slots} slots"
    waits = "back-pressure is on" if fifo.back_pressure else "back-pressure is off: no push waits for a free slot"
    return f"{name} has {slots} and {waits}."


def _orders(analysis: Analysis, name: str, apart: int, other: tuple[str, ...], *, local: bool) -> tuple[str, ...]:
    fifo = analysis.kernel.layout.fifos.get(name)
    if fifo is None or local:
        return other
    found = [] if fifo.back_pressure else [f"back_pressure = on for {name}."]
    if apart:
        found.append(f"{'Or' if found else 'Give'} {max(apart, fifo.slots) + 1} slots for {name} (slots = "
                     f"{max(apart, fifo.slots) + 1}), if the chain of signals then suffices.")  # fmt: skip
    return (*found, *(f"Or {text}" for text in other[:1]))


def _lost(analysis: Analysis, remarks: Sequence[Remark]) -> Finding:
    """A tile that was overwritten, in order, before it was read: the reader gets a newer one, every time."""
    first = remarks[0]
    name, tile = _owner(first), first.places[0].action.tag
    labels = (analysis.label("primary", first.places[0]), analysis.label("secondary", first.places[1]))
    spots = [
        Spot(analysis.label("primary", r.places[0]), analysis.label("secondary", r.places[1]), r.case, r.count)
        for r in remarks
    ]
    covered: tuple[Pair, ...] = pairs(analysis, spots)
    values = analysis.parameters(first.case)
    title = (
        f"{agent(labels[0])} reads tile {first.number} of {name} where it expects tile {tile}: {name} was overwritten"
    )
    message = (
        f"{doer(labels[0])} pops tile {tile} from {bytes_of(labels[0].region)}, where {doer(labels[1])} has put tile"
    )
    return Finding(
        "FIF001", "error", title, f"{message} {first.number} before{smallest(values)}.", labels,
        where=analysis.where(cores_of(spots), [r.case for r in remarks]), parameters=values,
        occurrences=sum(r.count for r in remarks), why=(_depth(analysis, name, _space(first) != "GM"),),
        order=_orders(analysis, name, first.number - tile, (), local=_space(first) != "GM"), pairs=covered,
    )  # fmt: skip
