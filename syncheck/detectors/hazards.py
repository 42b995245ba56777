"""Two pipes, or two cores, touch the same bytes and nothing orders them; or the order is the wrong way round.

RAW001
------
Read after write. A pipe reads bytes that another pipe (or core) is still writing. Pipes run side by side: the scalar
unit hands each instruction to its pipe's queue and goes on, so the text's order is not the order in which two pipes
finish. The reader gets old or half-written data, now and then, depending on load.

Silent when a chain of flags, drains, barriers or cross-core signals tells the reading pipe that the write is
complete. Under `-O gm_roundtrip=flag+dsb` a core that loads from GM what it has stored needs a dsb between as well.

What to do: set_flag(PIPE_<writer>, PIPE_<reader>, id) after the write, wait_flag with the same three before the
read. Across cores: signal from the pipe that wrote, wait before the read.

Seen: the kernel before PR #596 popped a tile (MTE2) and computed on it (V) without MTE2→V (simpler 50b5e3bf0,
paged_attention_parallel.cpp:361 and 374).

WAR001
------
Write after read. A pipe overwrites bytes that another pipe (or core) may still be reading. The usual case is a loop:
the flag says "data ready" forwards, and nothing says "buffer free" backwards, so turn i + 1 overwrites what turn i
still stores. The result holds part of the next turn's data; the error is small, rare, and looks like rounding.

Silent when the reader's completion reaches the writer: a flag back, a drain (X→S holds all later issue), two slots
where two suffice, or a chain through another core.

What to do: set_flag(PIPE_<reader>, PIPE_<writer>, id) after the read, wait_flag before the write; set it once before
the loop and wait for it once after. Or a second slot.

Seen: pijBf16 in every TPUSH version of paged attention (#596, #629, #676, #704, #708): MTE3 still stores block i
while V converts block i + 1. PR #331 (5adc492ce): K/V prefetch by MTE2 into the slot that MTE1 still reads.

WAW001
------
Write after write. Two pipes (or cores) write the same bytes and nothing says which comes last: either value may
remain, or a mixture.

Silent when one write is known complete before the other starts.

What to do: order the two as for RAW001; or give each its own bytes. Two vector lanes that write one tensor usually
share the bytes by mistake: the lane's offset is missing (get_subblockid() is 0 on both lanes under some runtimes).

Seen: the lane offset of TPUSH under simpler, repaired with setEntryOffset (docs/tpush-tpop.md there).

ORD001
------
The two accesses are ordered, but backwards: the one that the text puts later is known to be complete before the
earlier one starts. A wait on a pipe holds only that pipe, so the scalar unit may issue a later instruction to another
pipe, which then runs first, every time. The kernel computes with the wrong data, reproducibly.

Silent when the later access runs after the earlier one, or nothing orders them (then it is a race: RAW001, WAR001,
WAW001).

What to do: set the flag that holds the earlier access after the later access has what it needs, or move the
instruction.

Seen: a flag id reused for two purposes in one turn, so that a wait is released by the other set.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncheck.analysis import Analysis
from syncheck.detectors import unseen
from syncheck.detectors.causes import (
    buffer_key,
    caused,
    causes_of,
    cores_of,
    of_clash,
    overwrites_slot,
    pairs,
    unpublished,
)
from syncheck.detectors.words import being, buffer, bytes_of, doer, done, hazard, pipe_of, smallest
from syncheck.explanation import explained
from syncheck.finding import Finding, Label
from syncheck.observation import Clash

_RULE = {"RAW": "RAW001", "WAR": "WAR001", "WAW": "WAW001"}


def races(analysis: Analysis) -> Iterator[Finding]:
    """RAW001, WAR001, WAW001: one for each missing edge, buffer and kind of hazard."""
    mine = [
        clash
        for clash in analysis.log.clashes.values()
        if clash.kind == "unordered" and not overwrites_slot(clash) and not unpublished(clash)
    ]
    for group in caused(mine, lambda c: causes_of(analysis, c)):
        kind = hazard(group[0])
        yield _finding(analysis, _RULE[kind], group, _title(kind, *analysis.labels(group[0])))
    yield from unseen.within_core(analysis)


def inversions(analysis: Analysis) -> Iterator[Finding]:
    """ORD001: one for each pair of pipes, buffer and kind of hazard."""
    mine = [clash for clash in analysis.log.clashes.values() if clash.kind == "reversed"]
    for group in caused(mine, lambda c: causes_of(analysis, c)):
        later, earlier = analysis.labels(group[0])
        verb = {"RAW": "read before it is written", "WAR": "overwritten before it is read"}
        what = verb.get(hazard(group[0]), "written in the wrong order")
        title = (
            f"{buffer(later.region)} is always {what}: {pipe_of(later, earlier)} runs before {pipe_of(earlier, later)}"
        )
        yield _finding(analysis, "ORD001", group, title)


def _finding(analysis: Analysis, rule: str, group: list[Clash], title: str) -> Finding:
    spots = [of_clash(analysis, clash) for clash in group]
    covered = pairs(analysis, spots)
    later, earlier = spots[0].primary, spots[0].secondary
    assert earlier is not None
    values = analysis.parameters(group[0].case)
    told = explained(analysis, group[0], later, earlier, single=len({buffer_key(c.later) for c in group}) == 1)
    return Finding(
        rule, "error", title, _message(rule, later, earlier, values), (later, earlier),
        where=analysis.where(cores_of(spots), [c.case for c in group]), parameters=values,
        occurrences=sum(c.count for c in group), why=told.why, order=told.order, picture=told.picture, pairs=covered,
        witness=told.witness,
    )  # fmt: skip


def _title(kind: str, later: Label, earlier: Label) -> str:
    name = buffer(later.region)
    one, other = pipe_of(later, earlier), pipe_of(earlier, later)
    if kind == "WAR":
        return f"{name} is overwritten while it is still being {being(earlier)}"
    if kind == "RAW":
        return f"{name} is read by {one} before {other} has {done(earlier)} it"
    return f"{name} is written by {other} and {one} at once"


def _message(rule: str, later: Label, earlier: Label, values: tuple[tuple[str, str], ...]) -> str:
    verb = "reads" if later.access == "read" else "writes" if rule == "WAW001" else "overwrites"
    what = {"write": "writes", "read": "reads"}[earlier.access]
    if rule == "ORD001":
        before = f"always runs before {doer(earlier)}, which {what} it"
        return f"{doer(later)} {verb} {bytes_of(later.region)} and {before}{smallest(values)}."
    return (
        f"{doer(later)} {verb} {bytes_of(later.region)} while {doer(earlier)}, which {what} it, may still be running: "
        f"nothing orders the two{smallest(values)}."
    )
