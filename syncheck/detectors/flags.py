"""Flags: waits without a set, sets without a wait, ids and pairs that do not exist, library instructions that use them
too.

FLG001
------
A wait that no set can ever release: the set is missing, is of another id, has its pipes swapped, or has run out. The
pipe (or, with S, the whole core) stands still and the task ends in a timeout.

Silent when some set or signal of the text can still come; a circle of waits is DLK001.

What to do: add the set, or correct the triple: set_flag and wait_flag must agree in source pipe, destination pipe
and event id. With mode 2 the cube is released only once both vector lanes have signalled.

Seen: simpler issue #1816 (A5): TPOP without a split freed lane 0 only; lane 1's credits never came back and the
kernel hung beyond FIFO_DEPTH blocks.

FLG002
------
A flag is left set when the kernel returns. The hardware keeps it, and the first wait of the next kernel on that core
is released at once: that kernel races, and this one is innocent.

Silent when every set has been waited for at every return.

What to do: wait for it once before the return: the usual drain after the loop for a flag that was primed before it.

Seen: the priming sets of ping-pong loops (#708 drains its eight, lines 403 to 410); PTOAS #533 (loops with no turn).

FLG003
------
A flag may be set again before the previous set was consumed. The vendor's text calls that undefined: the flag is one
bit and the second set is lost, and a PIPE_ALL that follows hangs. Much silicon in use counts, and many kernels depend
on it.

Silent when every set comes after the wait that consumed the one before.

What to do: alternate two event ids (EVENT_ID0 + i % 2), or let a flag back from the waiting pipe hold the next set.

Seen: paged attention (#704 lines 393 and 394, 432 and 433, 455 and 456) sets MTE2→V again before V has waited;
harmless there so far.

FLG004
------
The pair (source, destination) does not exist on this core or target: no such pipe, or no wire between the two. The
compiler may accept it; the wait then hangs or is ignored. A warning where the documents and the library disagree.

Silent for the pairs of the machine's table (`syncheck machine`).

What to do: take a chain of two pairs that exist; a pipe orders itself with pipe_barrier.

Seen: PTOAS #168: the A5 vector toolchain rejects FIX and MTE1 operands that kernels for A2/A3 use.

FLG005
------
The event id does not exist (error: the hardware takes it modulo 8 and meets another flag), or a library or the
compiler keeps it for itself (info: it matters only when linked with that library).

Silent for ids 0 to 5 on A2/A3 and A5; cross-core flags 0 to 10.

What to do: take a free id.

Seen: simpler kernels use EVENT_ID7 throughout; AscendC reserves 6 and 7 for automatic synchronisation.

FLG006
------
A library instruction sets and waits for a flag of its own (most use event id 0 of the pair), and the kernel has the
same flag pending across the call. The instruction consumes the kernel's set, and a later wait of the kernel hangs or
is released early.

Silent when the kernel's flag is not pending at the call, or has another id.

What to do: take an event id other than the library's, or wait before the call.

Seen: PTOAS #706 and #721 (TPUT uses MTE3→MTE2, EVENT_ID0).

FLG007
------
Right only where flags are kept apart by source, destination and id, as the documents say, and count. Two cases. Two
flags of one source pipe and one id towards different pipes may be pending at once: where silicon tells flags by source
and id alone, one wait takes the other's set, and a pipe runs too early or hangs. Or a wait comes, in any case, after
the next set of its flag: two sets are pending then, and where a flag is one bit the second is lost.

Silent when the flags have different ids, or one is always consumed before the other is set; when each set can be
consumed before the next.

What to do: give the flags of one source pipe different ids; wait between two sets, or alternate two ids.

Seen: PTOAS #823, a hang that went away when two flags with one source no longer shared an id; #708 primes M→MTE1 and
MTE1→MTE2 with the ids that M→FIX and MTE1→M use as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from syncheck.analysis import Analysis
from syncheck.detectors.causes import Place, Spot, cores_of, grouped, pairs, place
from syncheck.detectors.notes import remark_findings
from syncheck.detectors.tokens import causes
from syncheck.detectors.words import at, doer, plain_core, smallest
from syncheck.finding import Finding, Label
from syncheck.observation import Access, Remark
from syncheck.remedy import free_event
from syncheck.wiring import Channel


def channel_of(analysis: Analysis, access: Access) -> Channel:
    return analysis.kernel.wiring.channels[access.action.channel]


def triple(channel: Channel) -> str:
    """ "PIPE_V, PIPE_MTE3, EVENT_ID0" """
    return f"PIPE_{channel.src}, PIPE_{channel.dst or '?'}, EVENT_ID{channel.event}"


def short(channel: Channel) -> str:
    return f"{channel.src}→{channel.dst or '?'}, EVENT_ID{channel.event}"


def left_set(analysis: Analysis) -> Iterator[Finding]:
    """FLG002: one for each set that may stay."""
    for group in _groups(analysis, "flag left", 1):
        first, spots = group[0], _spots(analysis, group, ("leaves it set",))
        channel = channel_of(analysis, first.places[0])
        values, label = analysis.parameters(first.case), spots[0].primary
        many = f", {first.number} times" if first.number > 1 else ""
        yield Finding(
            "FLG002", "error", f"{short(channel)} is still set when {label.core} returns{many}",
            f"set_flag({triple(channel)}) at {at(label.span)} is never waited for: it is left for the next kernel on "
            f"{label.core}{smallest(values)}.",
            (label,), where=analysis.where(cores_of(spots), [r.case for r in group]), parameters=values,
            occurrences=sum(r.count for r in group),
            why=("Flags outlive a kernel: the next one on this core finds its first wait released.",),
            order=(f"wait_flag({triple(channel)}) before the kernel returns.",), pairs=pairs(analysis, spots),
        )  # fmt: skip


def overtaking(analysis: Analysis) -> Iterator[Finding]:
    """FLG003: one for each set that may come before the previous one was consumed (FLG007: that must)."""
    for group in _groups(analysis, "overtakes", 1, _needed_pairs(analysis)):
        first = group[0]
        spots = [_spot_of_two(analysis, remark) for remark in group]
        channel = channel_of(analysis, first.places[0])
        label, values = spots[0].primary, analysis.parameters(first.case)
        previous = spots[0].secondary
        assert previous is not None
        wait = analysis.label("note", first.places[2], note="may come after both") if len(first.places) > 2 else None
        yield Finding(
            "FLG003", "warning", _set_again(channel, label, previous, wait),
            f"set_flag({triple(channel)}) at {at(label.span)} may come before the set at {at(previous.span)} has been "
            f"consumed{f' by wait_flag at {at(wait.span)}' if wait else ''}{smallest(values)}.",
            (label, previous, *((wait,) if wait else ())),
            where=analysis.where(cores_of(spots), [r.case for r in group]), parameters=values,
            occurrences=sum(r.count for r in group), why=_bit(channel, label, wait),
            order=_again_orders(analysis, channel, label), pairs=pairs(analysis, spots),
        )  # fmt: skip


def _set_again(channel: Channel, label: Label, previous: Label, wait: Label | None) -> str:
    which = "its last set" if previous.span == label.span else f"the set at {previous.span.line}"
    taken = f"{wait.span.line} took {which}" if wait else f"{which} was taken"
    return f"{short(channel)} may be set before {taken}"


def _bit(channel: Channel, label: Label, wait: Label | None) -> tuple[str, ...]:
    nothing = f"Nothing tells {channel.src} that {channel.dst} has passed the wait" + (
        f" at {wait.span.line}" if wait else ""
    )
    return (f"{nothing}, so two sets may be pending; the vendor's text calls that undefined, counting flags bear it.",)


def _again_orders(analysis: Analysis, channel: Channel, label: Label) -> tuple[str, ...]:
    free = free_event(analysis, channel.core, channel.src, channel.dst)
    other = "another id" if free is None else f"EVENT_ID{free}"
    back = f"a flag {channel.dst}→{channel.src} before {label.span.line}"
    hold = f"Or hold {channel.src} until {channel.dst} has waited: {back}."
    return f"Use EVENT_ID{channel.event} and {other} by turns.", hold


def keys_and_tokens(analysis: Analysis) -> Iterator[Finding]:
    """FLG007: one for each set that may be pending beside another's, and for each that must be."""
    for group in _groups(analysis, "rivals", 1):
        yield _rival(analysis, group)
    for group in _groups(analysis, "tokens", 2):
        yield _two_tokens(analysis, group)


def _rival(analysis: Analysis, group: Sequence[Remark]) -> Finding:
    first, spots = group[0], [_spot_of_two(analysis, remark) for remark in group]
    label, held, values = spots[0].primary, spots[0].secondary, analysis.parameters(group[0].case)
    assert held is not None
    one, other = channel_of(analysis, first.places[0]), channel_of(analysis, first.places[1])
    free = _unused(analysis, one)
    given = "an id" if free is None else f"EVENT_ID{free},"
    return Finding(
        "FLG007", "warning",
        f"{one.src}→{one.dst} and {other.src}→{other.dst} share EVENT_ID{one.event} and may both be pending",
        f"set_flag({triple(one)}) at {at(label.span)} may come while the set of {short(other)} at {at(held.span)} is "
        f"pending{smallest(values)}; they differ in the destination only.",
        (label, held), where=analysis.where(cores_of(spots), [r.case for r in group]), parameters=values,
        occurrences=sum(r.count for r in group),
        why=("The documents key a flag by source, destination and id. Where silicon leaves the destination out, either "
             "wait takes either set.",),
        order=(f"Give one of the two {given} which no flag from {one.src} uses.",), pairs=pairs(analysis, spots),
    )  # fmt: skip


def _unused(analysis: Analysis, channel: Channel) -> int | None:
    """The lowest event id that no flag from this pipe uses."""
    machine = analysis.machine
    used = {c.event for c in analysis.kernel.wiring.channels if (c.core, c.src) == (channel.core, channel.src)}
    low, high = machine.event_ids
    free = [event for event in range(low, high + 1) if event not in used]
    kept = [event for event in free if not any(entry.low <= event <= entry.high for entry in machine.reserved_events)]
    return next(iter(kept or free), None)


def _two_tokens(analysis: Analysis, group: Sequence[Remark]) -> Finding:
    first, spots = group[0], [_spot_of_two(analysis, remark) for remark in group]
    label, previous, values = spots[0].primary, spots[0].secondary, analysis.parameters(group[0].case)
    assert previous is not None
    channel, wait = channel_of(analysis, first.places[0]), analysis.label("note", first.places[2], note="waits for one")
    which = "its last set" if previous.span == label.span else f"the set at {previous.span.line}"
    return Finding(
        "FLG007", "warning", f"{short(channel)} is set while {which} is pending, in any case: two are needed at once",
        f"set_flag({triple(channel)}) at {at(label.span)} is always made before wait_flag at {at(wait.span)} takes the "
        f"set at {at(previous.span)}{smallest(values)}.",
        (label, previous, wait), where=analysis.where(cores_of(spots), [r.case for r in group]), parameters=values,
        occurrences=sum(r.count for r in group),
        why=("The vendor's text calls a flag one bit: the second set is lost, and the wait for it never ends.",),
        order=_again_orders(analysis, channel, label), pairs=pairs(analysis, spots),
    )  # fmt: skip


def _needed_pairs(analysis: Analysis) -> set[tuple[Place, ...]]:
    """The (set, set before it) that FLG007 tells."""
    found = [remark for remark in analysis.log.remarks.values() if remark.kind == "tokens"]
    return {tuple(place(analysis.site(access).span) for access in remark.places[:2]) for remark in found}


def stolen(analysis: Analysis) -> Iterator[Finding]:
    """FLG006: one for each library instruction and pending set."""
    for group in _groups(analysis, "hidden flag", 2):
        first = group[0]
        spots = [_spot_of_two(analysis, remark) for remark in group]
        label, held = spots[0].primary, spots[0].secondary
        op = label.op.partition(".")[0]
        assert held is not None
        channel, values = channel_of(analysis, first.places[1]), analysis.parameters(first.case)
        free = free_event(analysis, channel.core, channel.src, channel.dst)
        other = "another event id" if free is None else f"EVENT_ID{free}"
        yield Finding(
            "FLG006", "error", f"{op} uses {short(channel)} itself, while the set at {held.span.line} is pending",
            f"{doer(label)} sets and waits for {triple(channel)} inside; the set at {at(held.span)} is pending then"
            f"{smallest(values)}.",
            (label, held), where=analysis.where(cores_of(spots), [r.case for r in group]), parameters=values,
            occurrences=sum(r.count for r in group),
            why=("The instruction's own wait may consume the kernel's set, or its set may be lost.",),
            order=(f"Use {other} for the flag at {held.span.line}, or wait for it before {label.span.line}.",),
            pairs=pairs(analysis, spots),
        )  # fmt: skip


def pairs_and_ids(analysis: Analysis) -> Iterator[Finding]:
    """FLG004 and FLG005: wrong before anything runs."""
    other = "Take a chain of two pairs that exist (syncheck machine lists them), or pipe_barrier for one pipe."
    wire = "There is no wire between these two pipes: the wait hangs or is ignored."
    yield from remark_findings(analysis, ("pair illegal",), "FLG004", "error", other, wire, _exists)
    argued = "Neither the documents nor the library use this pair; what it does is not known."
    yield from remark_findings(analysis, ("pair undocumented",), "FLG004", "warning", other, argued, _undocumented)
    yield from remark_findings(analysis, ("id range",), "FLG005", "error", "Take an id in that range.")
    yield from remark_findings(
        analysis, ("id reserved",), "FLG005", "info", "Take another id if the kernel is linked with that library."
    )


def _exists(text: str) -> str:
    call, _, reason = text.partition(": ")
    return f"{call} does not exist{f': {reason}' if reason else ''}"


def _undocumented(text: str) -> str:
    return f"{text} is not documented"


_OF_TOKENS = ("flag left", "overtakes", "tokens")
"""What follows where a flag does not balance: FLG008 says why."""
_NOTES = {"hidden flag": ("uses it inside", "is pending"), "rivals": ("sets one", "sets the other")}


def _groups(analysis: Analysis, kind: str, places: int, told: Collection[tuple[Place, ...]] = ()) -> list[list[Remark]]:
    """Remarks of one kind by channel pipes and the positions of their first places; lanes and ids are one. Without
    those whose first two places are `told` already, and without what FLG008 explains."""

    def key(remark: Remark) -> tuple[object, ...]:
        site = analysis.site(remark.places[0])
        spots = [place(analysis.site(access).span) for access in remark.places[:places]]
        return (plain_core(site.core), *spots)

    mine = [remark for remark in analysis.log.remarks.values() if remark.kind == kind]
    if told:
        mine = [r for r in mine if tuple(place(analysis.site(access).span) for access in r.places[:2]) not in told]
    if mine and kind in _OF_TOKENS:
        unbalanced = causes(analysis)
        mine = [remark for remark in mine if remark.places[0].action.channel not in unbalanced]
    return grouped(mine, key)


def _spots(analysis: Analysis, group: Sequence[Remark], notes: Sequence[str]) -> list[Spot]:
    return [Spot(analysis.label("primary", r.places[0], note=notes[0]), None, r.case, r.count) for r in group]


def _spot_of_two(analysis: Analysis, remark: Remark) -> Spot:
    notes = _NOTES.get(remark.kind, ("sets it again", "sets it"))
    return Spot(
        analysis.label("primary", remark.places[0], note=notes[0]),
        analysis.label("secondary", remark.places[1], note=notes[1]),
        remark.case, remark.count,
    )  # fmt: skip
