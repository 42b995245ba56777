"""Instructions of one pipe that depend on each other and may overlap.

BAR001
------
A pipe takes its instructions in order, but a later one may start before an earlier one has finished. Two vector
instructions that depend on each other, two DMA transfers into the same bytes, or small matrix multiplications into
one accumulator need a pipe_barrier between them; without it the second may read or overwrite half-finished data.

Severity follows the machine: on A2/A3 an error for V (read after write, write after write), info for V write after
read (documented, harmless on known silicon), a warning for DMA pipes and small multiplications. On A5 the vector
pipe retires in order and needs none. `-O same_pipe=strict` makes all of them errors, `off` none.

Silent when a pipe_barrier of that pipe (also one inside a library instruction), PIPE_ALL, a drain, or a round trip
of flags stands between; and where the missing half of such a round trip is already reported for the same bytes
(WAR001), because that flag orders these too.

What to do: pipe_barrier(PIPE_<pipe>) between the two. One finding is one missing barrier: all pairs that it would
order are listed under it.

Seen: aiv_softmax_prepare of PR #499 (simpler 9735785f6, lines 112 to 115): TEXP, TCVT, TCVT, TROWSUM back to back.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncheck.analysis import Analysis
from syncheck.detectors.causes import (
    Place,
    Spot,
    buffer_key,
    cores_of,
    explained_fifos,
    fifo_of,
    of_clash,
    pairs,
    place,
)
from syncheck.detectors.words import buffer, bytes_of, doer, hazard, plain_core, smallest
from syncheck.explanation import explained
from syncheck.finding import SEVERITIES, Finding, Label
from syncheck.observation import Clash

_WORDS = {"RAW": "read before", "WAR": "overwritten before", "WAW": "written again before"}


def missing_barriers(analysis: Analysis) -> Iterator[Finding]:
    """BAR001: one for each place where a barrier is missing."""
    by_point: dict[tuple[str, str, Place], list[Clash]] = {}
    for group in _by_pipe(analysis):
        for point, clashes in _points(group):
            site = analysis.kernel.sites[point]
            by_point.setdefault((plain_core(site.core), site.pipe, place(site.span)), []).extend(clashes)
    for clashes in by_point.values():
        yield _finding(analysis, sorted(clashes, key=lambda c: _rank(analysis, c)))


def _by_pipe(analysis: Analysis) -> list[list[Clash]]:
    follows: dict[tuple[object, ...], list[Clash]] = {}
    for clash in analysis.log.clashes.values():
        if clash.kind == "unordered" and clash.later.writes:
            follows.setdefault((clash.later.site, buffer_key(clash.later)), []).append(clash)
    early = explained_fifos(analysis.log.clashes.values())
    found: dict[tuple[str, str], list[Clash]] = {}
    for clash in analysis.log.clashes.values():
        if clash.kind != "same_pipe" or severity(analysis, clash) == "off" or fifo_of(clash) in early:
            continue
        between = follows.get((clash.later.site, buffer_key(clash.later)), ())
        if clash.earlier.writes and any(_closes(analysis, one, clash) for one in between):
            continue
        site = analysis.site(clash.later)
        found.setdefault((site.core, site.pipe), []).append(clash)
    return [found[key] for key in sorted(found)]


def _closes(analysis: Analysis, race: Clash, clash: Clash) -> bool:
    """Whether the flag that a race lacks would close a round trip, and so order this pair of one pipe as well. The race
    happens wherever what its case has assumed holds."""
    first, between = clash.earlier.site, race.earlier.site
    return clash.case.implies(race.case) and (min(first, between), max(first, between)) in analysis.log.ordered


def severity(analysis: Analysis, clash: Clash) -> str:
    """What the machine says of this pair; "off" where it keeps them apart itself."""
    site = analysis.site(clash.later)
    if site.pipe == "M" and site.detail != "small mad":
        return "off"
    return analysis.machine.same_pipe.get((site.pipe, hazard(clash)), "off")


def _points(clashes: list[Clash]) -> list[tuple[int, list[Clash]]]:
    """The fewest barriers that order all of them: each just before a later access (a site), with its pairs."""
    points: list[tuple[int, list[Clash]]] = []
    for clash in sorted(clashes, key=lambda c: (c.earlier.site >= c.later.site, c.later.site, c.earlier.site)):
        for point, covered in points:
            if _between(point, clash):
                covered.append(clash)
                break
        else:
            points.append((clash.later.site, [clash]))
    return points


def _between(point: int, clash: Clash) -> bool:
    """Whether a barrier just before site `point` runs between the two accesses."""
    first, last = clash.earlier.site, clash.later.site
    return first < point <= last if first < last else point > first or point <= last


def _rank(analysis: Analysis, clash: Clash) -> tuple[int, int, int, int]:
    return (SEVERITIES.index(severity(analysis, clash)), clash.case.size, clash.later.site, clash.earlier.site)


def _finding(analysis: Analysis, group: list[Clash]) -> Finding:
    spots = [of_clash(analysis, clash) for clash in group]
    first = group[0]
    later, earlier = spots[0].primary, spots[0].secondary
    assert earlier is not None
    values = analysis.parameters(first.case)
    told = explained(analysis, first, later, earlier)
    again = "its own earlier turn" if earlier.span == later.span else f"{earlier.op} at {earlier.span.line}"
    title = (
        f"{buffer(later.region)} is {_WORDS[hazard(first)]} {again} has finished: no pipe_barrier(PIPE_{later.pipe})"
    )
    return Finding(
        "BAR001", severity(analysis, first), title, _message(later, earlier, values), (later, earlier),
        where=_where(analysis, spots), parameters=values, occurrences=sum(c.count for c in group),
        why=told.why, order=told.order, picture=told.picture, pairs=pairs(analysis, spots),
        witness=told.witness,
    )  # fmt: skip


def _where(analysis: Analysis, spots: list[Spot]) -> str:
    return analysis.where(cores_of(spots), [spot.case for spot in spots])


def _message(later: Label, earlier: Label, values: tuple[tuple[str, str], ...]) -> str:
    verb = {"read": "reads", "write": "writes"}
    return (
        f"{doer(later)} {verb[later.access]} {bytes_of(later.region)}, which {doer(earlier)} {verb[earlier.access]}; "
        f"instructions of PIPE_{later.pipe} may overlap and no pipe_barrier stands between{smallest(values)}."
    )
