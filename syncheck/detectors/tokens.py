"""Flags whose sets and waits do not balance, told at the loop or branch that is the cause.

FLG008
------
A loop or a branch does not leave a flag as it found it. Each turn of the loop sets it more often than it waits (the
flag is left set, more of it each turn) or less often (a wait hangs); the two arms of a branch do different things to
it, and what follows is right for one of them only; or a loop waits at its head for a flag that only the loop itself
sets, further down, and nothing primed it.

Silent when every path that was explored ends with all flags taken and no wait stands still, however the sets and waits
are spread over branches; and when the text does not show one cause (then FLG001, FLG002 or DLK001 say what happens).

What to do: set and wait equally often in each turn and in both arms. Prime a flag that goes round a loop: set it once
before the loop, wait for it once after.

Seen: PTOAS #533: a loop without turns left the flag that its body was to take; #564: one of a pair was dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncheck.action import WAIT, Site
from syncheck.analysis import Analysis
from syncheck.detectors.words import at, lines, smallest
from syncheck.finding import Finding, Label
from syncheck.ir import Program
from syncheck.observation import Access, Case, Head
from syncheck.source import Span
from syncheck.token_balance import Arms, Balance, Turn, balance
from syncheck.value import Value, frozen
from syncheck.wiring import Channel


@frozen
class Cause(Value):
    """Why a flag is left or a wait hangs: the loop, the branch, or (neither) a wait that nothing primed."""

    channel: Channel
    case: Case
    parts: Balance
    turn: Turn | None = None
    arms: Arms | None = None
    unprimed: Head | None = None


def unbalanced(analysis: Analysis) -> Iterator[Finding]:
    """FLG008: one for each loop or branch, and for each wait that was not primed; lanes are one."""
    groups: dict[object, list[Cause]] = {}
    for cause in causes(analysis).values():
        channel = cause.channel
        part = cause.turn.loop.span if cause.turn else cause.arms.branch.span if cause.arms else channel.event
        groups.setdefault((channel.core[:3], channel.src, channel.dst, part), []).append(cause)
    for group in groups.values():
        first = min(group, key=lambda cause: cause.case.size)
        yield _finding(analysis, first, [cause.channel.core for cause in group])


def causes(analysis: Analysis) -> dict[int, Cause]:
    """For each flag that is left set, or that a wait stands still at, what the text shows to be the cause."""
    found: dict[int, Cause] = {}
    if analysis.program is None:
        return found
    for number, case, head in _troubled(analysis):
        channel = analysis.kernel.wiring.channels[number]
        if number not in found and channel.dst and channel.event >= 0:
            cause = _cause(analysis, analysis.program, number, case, head)
            if cause is not None:
                found[number] = cause
    if not analysis.closed:
        found |= _growing(analysis, analysis.program, found)
    return dict(sorted(found.items()))


def _troubled(analysis: Analysis) -> Iterator[tuple[int, Case, Head | None]]:
    log = analysis.log
    for stuck in sorted(log.stuck, key=lambda s: s.case.size):
        for _, head in sorted(stuck.heads.items()):
            if head.at.action.code == WAIT and head.channel >= 0:
                yield head.channel, stuck.case, head
    left = [remark for remark in log.remarks.values() if remark.kind == "flag left"]
    for remark in sorted(left, key=lambda r: (r.case.size, r.places[0].site)):
        yield remark.places[0].action.channel, remark.case, None


def _cause(analysis: Analysis, program: Program, number: int, case: Case, head: Head | None) -> Cause | None:
    channel = analysis.kernel.wiring.channels[number]
    parts = balance(program, channel.core, channel.src, channel.dst, channel.event)
    if head is not None and head.needs is not None:
        unprimed = _round_the_loop(analysis, head, head.needs)
        return Cause(channel, case, parts, unprimed=head) if unprimed else None
    if parts.turns:
        return Cause(channel, case, parts, turn=parts.turns[0])
    if len(parts.arms) == 1 and number in analysis.log.emptied:
        return Cause(channel, case, parts, arms=parts.arms[0])
    return None


def _round_the_loop(analysis: Analysis, head: Head, needs: Access) -> bool:
    """Whether only the loop around a wait sets its flag, and further down than the wait."""
    sites = analysis.kernel.sites
    wait, channel = analysis.site(head.at), analysis.kernel.wiring.channels[head.channel]
    loop = _innermost(wait)
    if loop is None or loop != _innermost(analysis.site(needs)):
        return False
    sets, _ = analysis.flags.get((channel.core, channel.src, channel.dst), ((), ()))
    return all(_innermost(sites[one.number]) == loop and one.number > wait.number for one in sets)


def _innermost(site: Site) -> tuple[str, int] | None:
    return next(((f.name, f.line) for f in reversed(site.frames) if f.kind == "loop"), None)


def _growing(analysis: Analysis, program: Program, known: dict[int, Cause]) -> dict[int, Cause]:
    """Flags of which each turn of an open loop leaves one more, where that kept the exploration from closing."""
    found = {}
    told: dict[tuple[object, ...], Balance] = {}  # lanes that run one text have one balance
    for number, channel in enumerate(analysis.kernel.wiring.channels):
        if number in known or channel.cross or not channel.dst or channel.event < 0:
            continue
        running = tuple(k for k, each in enumerate(program.cores) if channel.core.startswith(each.kind))
        key = (running, channel.src, channel.dst, channel.event)
        if key not in told:
            told[key] = balance(program, channel.core, channel.src, channel.dst, channel.event)
        parts = told[key]
        growing = [turn for turn in parts.turns if turn.open and turn.effect > 0]
        if growing:
            found[number] = Cause(channel, Case(), parts, turn=growing[0])
    return found


# ---------------------------------------------------------------- words


def _finding(analysis: Analysis, cause: Cause, cores: list[str]) -> Finding:
    channel, values = cause.channel, analysis.parameters(cause.case)
    flag = f"{channel.src}→{channel.dst}, EVENT_ID{channel.event}"
    triple = f"PIPE_{channel.src}, PIPE_{channel.dst}, EVENT_ID{channel.event}"
    if cause.turn is not None:
        title, why, order = _of_a_turn(cause.turn, flag)
        span = cause.turn.loop.span
    elif cause.arms is not None:
        title, why, order = _of_arms(cause.arms, flag)
        span = cause.arms.branch.span
    else:
        title, why, order, span = _of_an_unprimed(analysis, cause, flag, triple)
    labels = (Label("primary", span, channel.core), *_notes(cause, span))
    return Finding(
        "FLG008", "error", title, f"{title} ({at(span)}){smallest(values)}.", labels,
        where=analysis.where(cores, [cause.case]), parameters=values, why=why, order=(order,),
    )  # fmt: skip


def _notes(cause: Cause, span: Span) -> Iterator[Label]:
    channel, parts = cause.channel, cause.parts
    for pipe, op, note, spans in ((channel.src, "set_flag", "sets it", parts.sets),
                                  (channel.dst, "wait_flag", "waits for it", parts.waits)):  # fmt: skip
        for one in spans[:4]:
            if one != span:
                yield Label("note", one, channel.core, pipe, op, note=note)


def _of_a_turn(turn: Turn, flag: str) -> tuple[str, tuple[str, ...], str]:
    over = f"each turn of the loop over {turn.loop.var}"
    if turn.effect > 0:
        title = f"{over} sets {flag} {_times(turn.effect)} more than it waits for it"
        why = ("The sets that nobody takes add up with each turn: they outlast the loop, and no flag counts so far.",)
    else:
        title = f"{over} waits for {flag} {_times(-turn.effect)} more than it sets it"
        why = ("What was set before the loop runs out, and the next wait hangs; with fewer turns some of it is left.",)
    return title, why, "Set it and wait for it equally often in each turn, or do the odd one outside the loop."


def _of_arms(arms: Arms, flag: str) -> tuple[str, tuple[str, ...], str]:
    title = f"the arms of this branch do different things to {flag}: {_did(arms.then)}, else {_did(arms.otherwise)}"
    why = ("What follows is right for one of them only: after the other a wait hangs, or the flag is left set.",)
    return title, why, "Set it and wait for it equally often in both arms."


def _did(effect: int) -> str:
    if not effect:
        return "nothing"
    return f"{'set' if effect > 0 else 'waited for'} {_times(abs(effect))}"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _of_an_unprimed(analysis: Analysis, cause: Cause, flag: str, triple: str) -> tuple[str, tuple[str, ...], str, Span]:
    head = cause.unprimed
    assert head is not None
    wait = analysis.site(head.at)
    loop = _innermost(wait)
    line = loop[1] if loop else wait.span.line
    sets = lines(cause.parts.sets)
    title = f"the loop at {line} waits for {flag} before anything sets it: only the loop does, further down ({sets})"
    why = ("In its first turn nothing releases the wait: a flag that goes round a loop has to be primed.",)
    order = f"set_flag({triple}) once before the loop at {line}, wait_flag({triple}) once after it."
    return title, why, order, wait.span
