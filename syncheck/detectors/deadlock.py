"""Executions that stand still: circles of waits, and waits for what never comes.

DLK001
------
A deadlock: cores or pipes wait for each other in a circle, or a wait on S stands before the set that would release
it. Each line of the chain says who waits for what, and what keeps that from coming; the last line leads back to the
first. The kernel hangs until the runtime gives up (507018).

Silent when every execution that was explored runs to its end.

What to do: break the chain at its weakest line: signal earlier, wait later, more FIFO slots. Remember that a wait on
S (wait_flag_dev on A2/A3, wait_flag(X, S)) holds the issue of everything later on that core, also of sets for other
pipes.

Seen: BOTH_GM pipes on A5, where each side waits for the flag that the other records under another id (hardware.md
§4.2); back-pressure with one credit and two pushes before the first pop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncheck.action import ALL, HEAR, SET, SIGNAL
from syncheck.analysis import Analysis
from syncheck.detectors.causes import Place, place
from syncheck.detectors.tokens import causes
from syncheck.detectors.words import agent, at, listed, plain_core, smallest
from syncheck.execution import frames_of
from syncheck.finding import Finding, Label
from syncheck.observation import Access, Case, Head
from syncheck.recorded import witness_of_standstill


def standstills(analysis: Analysis) -> Iterator[Finding]:
    """FLG001 and DLK001: one for each wait without a set, and one for each circle, where FLG008 does not say why."""
    explained = causes(analysis)
    waits: dict[object, list[tuple[Head, Case]]] = {}
    circles: dict[object, list[tuple[list[Head], Case]]] = {}
    for stuck in sorted(analysis.log.stuck, key=lambda s: s.case.size):
        for _, head in sorted(stuck.heads.items()):
            if not _next(head, stuck.heads) and head.channel not in explained:
                waits.setdefault(_position(analysis, head), []).append((head, stuck.case))
        for circle in _circles(stuck.heads):
            if any(head.channel in explained for head in circle):
                continue
            key = tuple(sorted(_position(analysis, head) for head in circle))
            circles.setdefault(key, []).append((circle, stuck.case))
    for heads in waits.values():
        yield _hopeless(analysis, heads)
    for group in circles.values():
        yield _circle(analysis, group)


def _next(head: Head, heads: dict[int, Head]) -> list[int]:
    """The heads that keep back what this one needs."""
    return [number for number in head.via if number in heads] if head.needs is not None else []


def _position(analysis: Analysis, head: Head) -> tuple[str, Place]:
    site = analysis.site(head.at)
    return plain_core(site.core), place(site.span)


def _circles(heads: dict[int, Head]) -> Iterator[list[Head]]:
    """Each circle of heads once, from the head that comes first in the text."""
    done: set[int] = set()
    for start in sorted(heads):
        path: list[int] = []
        number = start
        while number not in done and number not in path:
            path.append(number)
            following = _next(heads[number], heads)
            if not following:
                break
            number = following[0]
        if number in path and number not in done and _next(heads[number], heads):
            circle = path[path.index(number) :]
            first = min(circle, key=lambda n: heads[n].at.site)
            turn = circle.index(first)
            yield [heads[n] for n in (*circle[turn:], *circle[:turn])]
        done.update(path)


# ---------------------------------------------------------------- a wait without a set


def _hopeless(analysis: Analysis, group: Sequence[tuple[Head, Case]]) -> Finding:
    head, case = group[0]
    cores = [analysis.site(other.at).core for other, _ in group]
    label = analysis.label("primary", head.at, note="waits for ever", verb="")
    values = analysis.parameters(case)
    what = waited(analysis, head)
    reason = head.missing or f"no {_what(analysis, head)} is left to come"
    title = f"{what} on {agent(label)} is never released: {reason}"
    return Finding(
        "FLG001", "error", title,
        f"{what} on {agent(label)} at {at(label.span)} is never released: {reason}{smallest(values)}.",
        (label, *_sets(analysis, head)), where=analysis.where(cores, [other for _, other in group]), parameters=values,
        why=_near(analysis, head), order=(_add_set(analysis, head, label),),
        witness=witness_of_standstill(analysis, case),
    )  # fmt: skip


def _what(analysis: Analysis, head: Head) -> str:
    return "signal" if head.channel >= 0 and analysis.kernel.wiring.channels[head.channel].cross else "set"


def waited(analysis: Analysis, head: Head) -> str:
    """ "wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0)", "wait_flag_dev(2)" """
    site = analysis.site(head.at)
    if head.at.action.code == ALL or head.channel < 0:
        return "pipe_barrier(PIPE_ALL)"
    channel = analysis.kernel.wiring.channels[head.channel]
    if not channel.cross:
        return f"wait_flag(PIPE_{channel.src}, PIPE_{channel.dst}, EVENT_ID{channel.event})"
    if analysis.machine.cross_wait == "S":
        return f"wait_flag_dev({channel.event})"
    return f"wait_intra_block(PIPE_{site.pipe}, {channel.event})"


def _sets(analysis: Analysis, head: Head) -> tuple[Label, ...]:
    """Sets of the same pipes on this core, as notes: the one that was meant may be among them."""
    if head.channel < 0 or analysis.kernel.wiring.channels[head.channel].cross:
        return ()
    channel = analysis.kernel.wiring.channels[head.channel]
    sets, _ = analysis.flags.get((channel.core, channel.src, channel.dst), ((), ()))
    spans = list({place(site.span): site for site in sets}.values())
    return tuple(Label("note", site.span, site.core, site.pipe, site.op, note="sets these pipes") for site in spans[:3])


def _near(analysis: Analysis, head: Head) -> tuple[str, ...]:
    if head.missing:
        return ("With mode 2 the cube is released only once both vector lanes have signalled.",)
    channel = analysis.kernel.wiring.channels[head.channel]
    if channel.cross:
        return (f"No signal on flag {channel.event} towards {channel.core} is left to come.",)
    sets = _sets(analysis, head)
    if sets:
        lines = listed([str(label.span.line) for label in sets])
        return (
            f"The sets of {channel.src}→{channel.dst} at {lines} have another event id, or have all been consumed.",
        )
    swapped, _ = analysis.flags.get((channel.core, channel.dst, channel.src), ((), ()))
    if swapped:
        return (f"There is a set_flag with the pipes swapped at {swapped[0].span.line}.",)
    return (f"No set_flag(PIPE_{channel.src}, PIPE_{channel.dst}, …) stands on {channel.core}.",)


def _add_set(analysis: Analysis, head: Head, label: Label) -> str:
    channel = analysis.kernel.wiring.channels[head.channel]
    if head.missing:
        return f"Let both lanes signal flag {channel.event} equally often."
    if channel.cross:
        return (
            f"Signal flag {channel.event} from the other core before {label.span.line} has to pass, or remove the wait."
        )
    triple = f"PIPE_{channel.src}, PIPE_{channel.dst}, EVENT_ID{channel.event}"
    return f"set_flag({triple}) before {label.span.line}, or remove the wait."


# ---------------------------------------------------------------- a circle


def _circle(analysis: Analysis, group: Sequence[tuple[list[Head], Case]]) -> Finding:
    circle, case = group[0]
    cores = [analysis.site(head.at).core for other, _ in group for head in other] if len(circle) == 1 else []
    labels = tuple(
        analysis.label("primary" if not number else "note", head.at, note="waits", verb="")
        for number, head in enumerate(circle)
    )
    values = analysis.parameters(case)
    title = _title(analysis, circle, labels)
    needs = circle[0].needs
    assert needs is not None
    before = analysis.site(needs)
    order = f"Let {before.op} at {before.span.line} come before {labels[-1].op} at {labels[-1].span.line}."
    return Finding(
        "DLK001", "error", title, f"{title}: {at(labels[0].span)} waits for {before.op} at {before.span.line}"
        f"{smallest(values)}.", labels, where=analysis.where(cores, [other for _, other in group]), parameters=values,
        why=(_HOLDS,) if any(label.pipe == "S" for label in labels) else (),
        order=(order,), chain=_chain(analysis, circle), witness=witness_of_standstill(analysis, case),
    )  # fmt: skip


_HOLDS = "A wait on S holds the issue of everything later on its core."


def _title(analysis: Analysis, circle: Sequence[Head], labels: Sequence[Label]) -> str:
    cores = list(dict.fromkeys(label.core for label in labels))
    if len(circle) == 1:
        needs = circle[0].needs
        assert needs is not None
        line = analysis.site(needs).span.line
        return f"{labels[0].core} waits for itself: the set at line {line} is issued only after this wait"
    if len(cores) > 1:
        return f"{listed(cores)} wait for each other"
    return f"{listed(list(dict.fromkeys(label.pipe for label in labels)))} of {cores[0]} wait for each other"


def _chain(analysis: Analysis, circle: Sequence[Head]) -> tuple[str, ...]:
    """Numbered: a wait and what it needs, that and what it is behind, and so on round to the first."""
    steps: list[str] = []
    for number, head in enumerate(circle):
        following = circle[(number + 1) % len(circle)]
        steps.append(_step(analysis, head.at, waited(analysis, head), f"needs {_need(analysis, head)}"))
        needs = head.needs
        assert needs is not None
        last = number == len(circle) - 1
        behind = "1, which is where we started" if last else _who(analysis, following)
        if needs.action is not following.at.action or needs.seq != following.at.seq:
            steps.append(_step(analysis, needs, _sent(analysis, needs), f"is behind {behind}"))
        elif last:
            steps[-1] += ": 1, which is where we started"
    return tuple(f"{number}  {step}" for number, step in enumerate(steps, 1))


def _step(analysis: Analysis, access: Access, what: str, text: str) -> str:
    site = analysis.site(access)
    return f"{site.core}  {site.pipe}  {what}  at {site.span.line}  {text}"


def _sent(analysis: Analysis, access: Access) -> str:
    """The set or signal, with its flag."""
    site = analysis.site(access)
    if access.action.code == SET:
        channel = analysis.kernel.wiring.channels[access.action.channel]
        return f"set_flag(PIPE_{channel.src}, PIPE_{channel.dst}, EVENT_ID{channel.event})"
    if access.action.code == SIGNAL:
        return f"{site.op} signals flag {analysis.kernel.wiring.signals[access.action.channel].flag}"
    return site.op


def _who(analysis: Analysis, head: Head) -> str:
    site = analysis.site(head.at)
    return f"{site.core} {site.pipe} {waited(analysis, head)} at {site.span.line}"


def _need(analysis: Analysis, head: Head) -> str:
    needs = head.needs
    assert needs is not None
    site = analysis.site(needs)
    turn = ", ".join(frame for frame in frames_of(site, needs.values) if frame and "@" not in frame)
    where = f"{site.core} {site.pipe} at {site.span.line}{f', {turn}' if turn else ''}"
    if head.at.action.code == ALL:
        return f"{site.pipe} to finish: {where}"
    kind = "a signal on flag" if head.at.action.code == HEAR else "a set of"
    channel = analysis.kernel.wiring.channels[head.channel]
    name = str(channel.event) if channel.cross else f"{channel.src}→{channel.dst}, EVENT_ID{channel.event}"
    missing = f" ({head.missing})" if head.missing else ""
    return f"{kind} {name}: {where}{missing}"
