"""Findings of remarks that carry their own words: what the layout and the lowering met before anything ran."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from syncheck.analysis import Analysis
from syncheck.detectors.causes import Spot, cores_of, grouped, pairs, place
from syncheck.detectors.words import at, plain_core, sentence
from syncheck.finding import Finding
from syncheck.observation import Remark

_NOTES = {
    "fifo flags": "the other FIFO",
    "fifo rings": "the other FIFO",
    "fifo stride": "what it reaches into",
    "fifo split": "declared here",
}


def remark_findings(
    analysis: Analysis, kinds: Sequence[str], rule: str, severity: str, order: str,
    why: str = "", title: Callable[[str], str] | None = None,
) -> Iterator[Finding]:  # fmt: skip
    """One finding for each text and place; the lanes are one, and so are all uses of one pair or id."""
    mine = [remark for remark in analysis.remarks if remark.kind in kinds]
    for group in grouped(mine, lambda r: _key(analysis, r)):
        first = group[0]
        spots = [_spot(analysis, remark) for remark in group]
        labels = tuple(label for label in (spots[0].primary, spots[0].secondary) if label is not None)
        text = first.text if title is None else title(first.text)
        yield Finding(
            rule, severity, text, f"{sentence(text)} ({at(labels[0].span)}).", labels,
            where=analysis.where(cores_of(spots), []), occurrences=sum(r.count for r in group),
            why=(why,) if why else (), order=(order,), pairs=pairs(analysis, spots),
        )  # fmt: skip


_WHEREVER = ("pair illegal", "pair undocumented", "id range", "id reserved")
"""Said once for a pair of pipes or an id of a core, however often it is used."""


def _key(analysis: Analysis, remark: Remark) -> tuple[object, ...]:
    sites = [analysis.site(access) for access in remark.places]
    text = remark.text.replace("wait_flag(", "set_flag(")
    if remark.kind in _WHEREVER:
        return (remark.kind, text, plain_core(sites[0].core))
    return (remark.kind, text, *(place(site.span) for site in sites))


def _spot(analysis: Analysis, remark: Remark) -> Spot:
    other = None
    if len(remark.places) > 1:
        other = analysis.label("note", remark.places[1], note=_NOTES.get(remark.kind, ""), verb="")
    return Spot(analysis.label("primary", remark.places[0], verb=""), other, remark.case, remark.count)
