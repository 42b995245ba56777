"""Memory: beyond its end, misaligned, used by two tiles at once, read before anything wrote it.

MEM001
------
A tile, a ring of slots or a range of bytes ends beyond its memory. The hardware wraps or faults; nothing in between
is safe. Or an instruction uses a memory that its core does not have at all: UB on AIC, L1 or L0 on AIV. No compiler
takes it for that core; it is left out of the check.

Silent when everything fits the machine's capacities (`syncheck machine`) and every core keeps to its own.

What to do: place it lower, make it smaller, use fewer slots. In a kernel for both kinds of core, let each do its own:
with `#if defined(__DAV_CUBE__)` and `#if defined(__DAV_VEC__)`, or in cores of a script.

Seen: L0B of PR #708 with head_dim 128 fits to the byte (64 KB): one column more would not.

MEM002
------
Bytes of one tile are read that another tile, not declared its alias, has overwritten. Two tiles overlap and both are
live.

Silent when the tiles are declared `alias` of each other, or the one is dead when the other is written.

What to do: move one of them, or declare the alias if it is meant. Library scratch counts as a tile: TROWEXPANDSUB
and others use bytes at the end of UB.

Seen: PR #1817 (A5): slot 1 of one FIFO's ring lay on the first bytes of the next.

MEM003
------
A tile or slot starts at an address that its memory cannot address. DMA and vector instructions fault, or move other
bytes.

Silent for multiples of the machine's alignment.

What to do: round the address up.

Seen: odd rows in UB: 8 rows of fp32 scalars fill exactly the 32 bytes that UB wants, 7 do not.

MEM004
------
Bytes are read that nothing in the kernel has written. On-chip memory keeps what the last kernel left: the value
changes from run to run. Often it is read and then not used, as in the first turn of a running maximum; that is
harmless, but looks the same.

Silent for GM (tensors come from outside) and for bytes that some instruction wrote first.

What to do: initialise the tile (TEXPANDS), skip the read in the first turn, or suppress with the reason.

Seen: paged attention saves the row maximum before it has one: savedMaxRow at line 594 of #704 in turn 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncheck.analysis import Analysis
from syncheck.detectors.causes import Spot, cores_of, grouped, pairs, place
from syncheck.detectors.notes import remark_findings
from syncheck.detectors.words import base_name, buffer, bytes_of, doer, plain_core, smallest
from syncheck.finding import Finding
from syncheck.observation import Access, Remark


def declared(analysis: Analysis) -> Iterator[Finding]:
    """MEM001 and MEM003: wrong before anything runs."""
    yield from remark_findings(
        analysis, ("capacity",), "MEM001", "error", "Place it lower, make it smaller, or use fewer slots."
    )
    yield from remark_findings(
        analysis, ("misaligned",), "MEM003", "error", "Round the address up to the next multiple."
    )


def unwritten(analysis: Analysis) -> Iterator[Finding]:
    """MEM004: one for each place and buffer."""
    for group in grouped(
        _remarks(analysis, "unwritten"), lambda r: (*_where(analysis, r.places[0]), _name(r.places[0]))
    ):
        first = group[0]
        spots = [Spot(analysis.label("primary", r.places[0]), None, r.case, r.count) for r in group]
        label, values = spots[0].primary, analysis.parameters(first.case)
        name = buffer(label.region)
        yield Finding(
            "MEM004", "warning", f"{name} is read, but nothing has written it",
            f"{doer(label)} reads {bytes_of(label.region)}, which nothing has written before{smallest(values)}.",
            (label,), where=analysis.where(cores_of(spots), [r.case for r in group]), parameters=values,
            occurrences=sum(r.count for r in group),
            why=("On-chip memory keeps what the last kernel left there.",),
            order=(f"Write {name} before {label.span.line}, or skip the read where its value does not count.",),
            pairs=pairs(analysis, spots),
        )  # fmt: skip


def foreign(analysis: Analysis) -> Iterator[Finding]:
    """MEM002: one for each two owners."""
    for group in grouped(_remarks(analysis, "foreign bytes"), lambda r: (r.text, plain_core(_core(analysis, r)))):
        first = group[0]
        writer, _, reader = first.text.partition("|")
        spots = [
            Spot(analysis.label("primary", r.places[0]), analysis.label("secondary", r.places[1]),
                 r.case, r.count) for r in group
        ]  # fmt: skip
        label, other = spots[0].primary, spots[0].secondary
        assert other is not None
        values = analysis.parameters(first.case)
        title = f"{buffer(label.region)} is read where {_owner(writer)} was written last: they share bytes"
        yield Finding(
            "MEM002", "warning", title,
            f"{doer(label)} reads {bytes_of(label.region)}, which {doer(other)} has overwritten as part of "
            f"{_owner(writer)}{smallest(values)}.",
            (label, other), where=analysis.where(cores_of(spots), [r.case for r in group]), parameters=values,
            occurrences=sum(r.count for r in group),
            why=(f"{_owner(reader)} and {_owner(writer)} overlap and neither is declared an alias of the other.",),
            order=(f"Move one of the two; or, if it is meant, declare {_owner(reader)} an alias of {_owner(writer)}.",),
            pairs=pairs(analysis, spots),
        )  # fmt: skip


def _remarks(analysis: Analysis, kind: str) -> list[Remark]:
    return [remark for remark in analysis.log.remarks.values() if remark.kind == kind]


def _where(analysis: Analysis, access: Access) -> tuple[object, ...]:
    site = analysis.site(access)
    return place(site.span), plain_core(site.core)


def _core(analysis: Analysis, remark: Remark) -> str:
    return analysis.site(remark.places[0]).core


def _name(access: Access) -> str:
    return base_name(access.handle.name) if access.handle is not None else ""


def _owner(owner: str) -> str:
    if owner.startswith("fifo:"):
        return f"the ring of {owner[5:]}"
    if owner.startswith("hidden:"):
        return f"the library's scratch {owner[7:]}"
    return owner.removeprefix("gm:")
