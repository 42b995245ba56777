"""Stores that are complete and not visible yet where they are read: only under the readings that ask for a dsb."""

from __future__ import annotations

from collections.abc import Iterator

from syncheck.analysis import Analysis
from syncheck.detectors.causes import cores_of, grouped, of_clash, pairs, place
from syncheck.detectors.words import buffer, bytes_of, doer, plain_core, smallest
from syncheck.finding import Finding, Label
from syncheck.observation import Clash


def between_cores(analysis: Analysis) -> Iterator[Finding]:
    """DRN001 under xcore_visibility=needs-dsb: one for each store and reading core."""
    yield from _found(analysis, "DRN001", "xcore_visibility=needs-dsb", crossing=True)


def within_core(analysis: Analysis) -> Iterator[Finding]:
    """RAW001 under gm_roundtrip=flag+dsb: one for each store."""
    yield from _found(analysis, "RAW001", "gm_roundtrip=flag+dsb", crossing=False)


def _found(analysis: Analysis, rule: str, reading: str, *, crossing: bool) -> Iterator[Finding]:
    mine = [
        clash for clash in analysis.log.clashes.values()
        if clash.kind == "unseen" and (clash.earlier.action.core != clash.later.action.core) == crossing
    ]  # fmt: skip
    for group in grouped(mine, lambda c: _key(analysis, c)):
        yield _finding(analysis, rule, reading, group)


def _key(analysis: Analysis, clash: Clash) -> tuple[object, ...]:
    store, reader = analysis.site(clash.earlier), analysis.site(clash.later)
    return place(store.span), plain_core(store.core), store.pipe, plain_core(reader.core)


def _finding(analysis: Analysis, rule: str, reading: str, group: list[Clash]) -> Finding:
    spots = [of_clash(analysis, clash) for clash in group]
    later, earlier = spots[0].primary, spots[0].secondary
    assert earlier is not None
    values = analysis.parameters(group[0].case)
    return Finding(
        rule, "error", f"{buffer(later.region)} is read before a dsb has made the store of {earlier.pipe} visible",
        f"{doer(later)} reads {bytes_of(later.region)}, which {doer(earlier)} has stored: complete, but not visible "
        f"without a dsb on {earlier.core} under {reading}{smallest(values)}.",
        (later, earlier), where=analysis.where(cores_of(spots), [c.case for c in group]), parameters=values,
        occurrences=sum(c.count for c in group), why=_why(reading, later, earlier), order=_order(later, earlier),
        pairs=pairs(analysis, spots),
    )  # fmt: skip


def _why(reading: str, later: Label, earlier: Label) -> tuple[str, ...]:
    where = "the signal" if later.core != earlier.core else f"{later.op} at {later.span.line}"
    return (
        f"{earlier.op} at {earlier.span.line} is complete there. Under {reading} that is not enough: {earlier.core} "
        f"has to run dsb(DSB_DDR) after S knows that {earlier.pipe} is done, and before {where}.",
    )


def _order(later: Label, earlier: Label) -> tuple[str, ...]:
    before = "the signal" if later.core != earlier.core else str(later.span.line)
    return (
        f"Drain {earlier.pipe}→S after {earlier.span.line}, then dsb(DSB_DDR), on {earlier.core} before {before}.",
        "Without that option (the default) the pair is in order.",
    )
