"""Synchronisation that does nothing, and synchronisation that everything hangs on.

SUR001
------
A flag that orders nothing new: without its sets and waits (primes and drains included) the verdict is the same and no
error or warning is added, for all parameters. Something else already orders every pair that it orders: a drain to S, a
barrier, another flag. It costs issue slots, an event id, and the reader's time.

Silent when any pair of accesses needs it in any case; when the kernel deadlocks or was not explored to the end; and
unless asked for (`--surplus` or `--select SUR`), because the kernel is proved again without each flag.

What to do: remove the lines together. Each finding says whether it can go with the others: two may each order
the same pair, and then only one of them can go. Keep it where what covers it is about to go (REL001).

Seen: the flags for L1 and L0 slots of #708 do what the FIX→S drain at the end of each step does already.

SUR002
------
A pipe_barrier that orders nothing new: without it the verdict is the same and no error or warning is added, for all
parameters. Or a PIPE_ALL that is wider than needed: the flags that it names do the same in its place, proved likewise.

Silent when any pair of instructions needs it in any case; where SUR003 says already that nothing is pending; when the
kernel deadlocks or was not explored to the end; and unless asked for (`--surplus` or `--select SUR`).

What to do: remove it, or put the flags there instead of a PIPE_ALL: the pipes that need not wait then go on.

Seen: PR #629 removed such barriers from #596 (lines 401, 417, 448, 468), and the PIPE_ALL between the cube's steps.

SUR003
------
A pipe_barrier whose pipe has nothing pending: nothing of that pipe ran since its last barrier, so it cannot do what
its place suggests. Often the wrong pipe is named: pipe_barrier(PIPE_MTE3) after an accumulator store, which runs on
FIX.

Silent when in any case that was explored, on either lane and in any call of the same line, the pipe had work
pending.

What to do: name the pipe that did the work, or remove the barrier.

Seen: pipe_barrier(PIPE_MTE3) around TPUSH on the cube in PR #596 (lines 192, 194, 239, 241); #629 removed them.

REL001
------
Many pairs are ordered only through one drain to S, which holds the issue of everything later on that core. That is
correct, and fragile: whoever removes or weakens the drain (to let pipes overlap) turns all of these pairs into races
at once. The finding lists them.

Silent when the pairs have flags of their own.

What to do: nothing, if the drain stays. Before removing it, give each of the listed pairs its own flag.

Seen: the FIX→S drain at the end of every cube step of #704 (lines 205 and 261) orders the L1, L0 and L0C reuse that
#708 set out to guard flag by flag (verdicts.md §3.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncheck.action import Site
from syncheck.analysis import Analysis, Reliance, Surplus
from syncheck.detectors.causes import Spot, buffer_key, cores_of, of_clash, pairs, place
from syncheck.detectors.drains import drained_pipe
from syncheck.detectors.words import at, counted, lines, listed, plain_core
from syncheck.finding import Finding, Label
from syncheck.observation import Access, Case


def surplus_flags(analysis: Analysis) -> Iterator[Finding]:
    """SUR001: one for each group of sets and waits that could go."""
    for surplus in analysis.surplus:
        if surplus.flag:
            sets = [site for site in surplus.sites if site.op == "set_flag"]
            waits = [site for site in surplus.sites if site.op == "wait_flag"]
            title = f"{surplus.flag} orders nothing new (set at {_at(sets)}, waited for at {_at(waits)})"
            yield _could_go(analysis, surplus, "SUR001", title)


def surplus_barriers(analysis: Analysis) -> Iterator[Finding]:
    """SUR002: one for each barrier that could go, or could be narrower."""
    idle = {place(finding.primary.span) for finding in idle_barriers(analysis)}
    for surplus in analysis.surplus:
        (barrier, *_) = surplus.sites
        if surplus.instead:
            yield _wide(analysis, surplus)
        elif not surplus.flag and place(barrier.span) not in idle:
            yield _could_go(analysis, surplus, "SUR002", f"pipe_barrier({barrier.detail}) orders nothing new")


def _at(sites: Iterable[Site]) -> str:
    return lines(site.span for site in sites)


def _could_go(analysis: Analysis, surplus: Surplus, rule: str, title: str) -> Finding:
    labels = _labels(surplus)
    going = lines(site.span for site in surplus.sites)
    group = [other for other in analysis.surplus if other.together]
    why = ["Without it no verdict changes and no error or warning is added, for all parameters (proved again without)."]
    together = lines(site.span for other in group for site in other.sites)
    if surplus.together:
        title += f"; it can go, with {_others(len(group) - 1)}"
        why.append(f"All of {together} can go together (proved as a whole).")
    elif group:
        title += f"; it can go alone, not with {_others(len(group))} that can go together"
        why.append(f"Those that can go together are {together}.")
    else:
        title += "; it can go"
    return Finding(
        rule, "info", title, f"{title} ({at(labels[0].span)}).", labels, where=_where(analysis, surplus),
        why=tuple(why), order=(f"Remove {going}.",),
    )  # fmt: skip


def _others(number: int) -> str:
    return counted(number, "other")


def _where(analysis: Analysis, surplus: Surplus) -> str:
    """Which lanes run it."""
    spots = {place(site.span) for site in surplus.sites}
    return analysis.where([site.core for site in analysis.kernel.sites if place(site.span) in spots], [])


def _wide(analysis: Analysis, surplus: Surplus) -> Finding:
    labels = _labels(surplus)
    names = listed([f"{src}→{dst}" for src, dst, _ in surplus.instead])
    title = f"pipe_barrier(PIPE_ALL) is wider than needed: {names} would do"
    return Finding(
        "SUR002", "info", title, f"{title} ({at(labels[0].span)}).", labels,
        where=_where(analysis, surplus),
        why=("With these flags in its place no verdict changes and no error or warning is added, for all parameters.",),
        order=tuple(f"set_flag({t}) and wait_flag({t}) instead." for t in map(_triple, surplus.instead)),
    )  # fmt: skip


def _triple(flag: tuple[str, str, int]) -> str:
    return f"PIPE_{flag[0]}, PIPE_{flag[1]}, EVENT_ID{flag[2]}"


def _labels(surplus: Surplus) -> tuple[Label, ...]:
    return tuple(
        Label("note" if number else "primary", site.span, site.core, site.pipe, site.op)
        for number, site in enumerate(surplus.sites)
    )


def idle_barriers(analysis: Analysis) -> Iterator[Finding]:
    """SUR003: one for each line whose every copy is idle in every case."""
    sites = analysis.kernel.sites
    busy = {(place(sites[number].span), sites[number].op) for number in analysis.log.busy_barriers}
    found: dict[object, list[Access]] = {}
    for number, access in sorted(analysis.log.idle_barriers.items()):
        site = sites[number]
        if number not in analysis.log.busy_barriers and (place(site.span), site.op) not in busy and not site.hidden:
            found.setdefault((place(site.span), plain_core(site.core)), []).append(access)
    for group in found.values():
        yield _idle(analysis, group)


def _idle(analysis: Analysis, group: list[Access]) -> Finding:
    spots = [Spot(analysis.label("primary", access, verb=""), None, Case(), 1) for access in group]
    label, pipe = spots[0].primary, drained_pipe(analysis, group[0])
    nothing = "nothing is pending on any pipe" if pipe == "ALL" else f"nothing is pending on {pipe}"
    when = "" if analysis.closed else " in every case explored"
    return Finding(
        "SUR003", "warning", f"pipe_barrier(PIPE_{pipe}) does nothing here: {nothing}{when}",
        f"pipe_barrier(PIPE_{pipe}) on {label.core} at {at(label.span)} waits for nothing: {nothing} since the last one"
        f"{when}.",
        (label,), where=analysis.where(cores_of(spots), []), occurrences=len(group),
        why=_instead(analysis, label, pipe),
        order=("Name the pipe that did the work, or remove the barrier.",), pairs=pairs(analysis, spots),
    )  # fmt: skip


def _instead(analysis: Analysis, label: Label, pipe: str) -> tuple[str, ...]:
    """Which pipe worked last before the barrier, in the text."""
    before = [
        site for site in analysis.kernel.sites
        if site.core == label.core and site.span.path == label.span.path and site.span.line < label.span.line
        and site.pipe and site.op not in ("set_flag", "wait_flag", "pipe_barrier", "wait_flag_dev")
    ]  # fmt: skip
    if pipe == "ALL" or not before:
        return ()
    last = max(before, key=lambda site: (site.span.line, site.number))
    if last.pipe == pipe:
        return ()
    return (f"The instruction before it, {last.op} at {last.span.line}, runs on {last.pipe}.",)


def reliances(analysis: Analysis) -> Iterator[Finding]:
    """REL001: one for each core and drained pipe that pairs depend on."""
    for group in grouped_reliances(analysis):
        yield _reliance(analysis, group)


def grouped_reliances(analysis: Analysis) -> list[list[Reliance]]:
    """Both lanes depend on the same lines: one."""
    found: dict[tuple[object, ...], list[Reliance]] = {}
    for reliance in analysis.reliance:
        if reliance.waits and reliance.clashes:
            spots = sorted({place(analysis.site(wait).span) for wait in reliance.waits})
            found.setdefault((plain_core(reliance.core), reliance.src, *spots), []).append(reliance)
    return list(found.values())


def _reliance(analysis: Analysis, group: list[Reliance]) -> Finding:
    first = group[0]
    clashes = [clash for reliance in group for clash in reliance.clashes]
    ordered = sorted(clashes, key=lambda c: (c.case.size, c.later.site, c.earlier.site))
    covered = pairs(analysis, [of_clash(analysis, clash) for clash in ordered])
    waits = [
        analysis.label("primary" if not n else "note", w, note="drains", verb="") for n, w in enumerate(first.waits)
    ]
    unique = list({place(label.span): label for label in reversed(waits)}.values())[::-1]
    names = list(dict.fromkeys(buffer_key(clash.later) for clash in ordered))
    what = {"ALL": "PIPE_ALL", "S": "dsb"}.get(first.src, f"{first.src}→S drain")
    where = lines(label.span for label in unique)
    number = counted(len(covered), "pair")
    verb = "is" if len(covered) == 1 else "are"
    return Finding(
        "REL001", "info", f"{number} of accesses {verb} ordered only through the {what} at {where}",
        f"Without the {what} at {where} on {plain_core(first.core)}, {number} would be races: {listed(names)}.",
        tuple(unique), where=analysis.where([r.core for r in group], []), occurrences=len(covered),
        why=(f"It holds the issue of everything later on {plain_core(first.core)}; no flag orders these pairs.",
             f"They are on {listed(names)}."),
        order=("Keep the drain, or give each pair a flag of its own before it goes.",), pairs=covered,
    )  # fmt: skip
