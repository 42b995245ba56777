"""Cross-core flags: counters that overflow or do not balance, channels with two owners.

XCR001
------
A cross-core counter can pass its limit (15), or is not 0 when the kernel returns. The counters have four bits: the
sixteenth signal without a wait stalls or faults. A counter that is left above 0 releases the first wait of the next
kernel; a lane that signals less often than the other keeps the cube waiting.

Silent when each signal is heard before 15 more are sent, and as many are heard as sent.

What to do: let the receiver signal back at least every 15 signals (a credit), and give each signal its wait, also on
the paths that leave early.

Seen: the status switches of TPipe (setFreeStatus and setAllocateStatus) switched on one side only leave the credits
counting up.

XCR002
------
One channel, two owners: two pipes of one core signal the same cross-core flag, two pipes wait for it, or one flag is
used with two modes. Which signal releases which wait then depends on which pipe is faster; a verdict would hold for
one schedule only.

Silent when each flag has one sending pipe a core, one waiting pipe, one mode.

What to do: one flag id for each purpose.

Seen: vendor text (CrossCoreSetFlag): one id must not mix modes until it is drained; on A5 one id may be driven by
one pipe only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncheck.analysis import Analysis
from syncheck.detectors.causes import Spot, grouped, pairs, place
from syncheck.detectors.words import at, listed, plain_core, smallest
from syncheck.finding import Finding, Label
from syncheck.observation import Access, Case, Remark
from syncheck.wiring import Channel


def unbalanced(analysis: Analysis) -> Iterator[Finding]:
    """XCR001: one for each signal (its place) and way to go wrong."""
    mine = [r for r in analysis.log.remarks.values() if r.kind in ("counter", "counter left")]
    mine = [r for r in mine if r.kind == "counter" or analysis.site(r.places[0]).op not in _TAKEN_BACK]
    for group in grouped(mine, lambda r: (r.kind, _position(analysis, r.places[0]), r.text == _HALF)):
        first = group[0]
        spots = [Spot(analysis.label("primary", r.places[0], note="signals"), None, r.case, r.count) for r in group]
        label, values = spots[0].primary, analysis.parameters(first.case)
        title, why, order = _words(analysis, first, label)
        yield Finding(
            "XCR001", "error", title, f"{label.op} on {label.core} at {at(label.span)}: {title}{smallest(values)}.",
            (label,), where=analysis.where((), [r.case for r in group]), parameters=values,
            occurrences=sum(r.count for r in group), why=(why,), order=(order,), pairs=pairs(analysis, spots),
        )  # fmt: skip


_TAKEN_BACK = ("TPOP", "TFREE")
"""Credits of the library: what is left of them, the destructor of the TPipe waits for (pto-isa TPush.hpp:505)."""
_HALF = "the other lane never sends it"


def _words(analysis: Analysis, remark: Remark, label: Label) -> tuple[str, str, str]:
    limit = analysis.machine.counter_limit
    if remark.kind == "counter":
        return (
            f"{remark.text} can reach {remark.number}: it counts to {limit}",
            f"Nothing keeps {label.core} from signalling again before the receiver has waited.",
            f"A signal back at least every {limit} turns, waited for before {label.span.line}.",
        )
    if remark.text == _HALF:
        return (
            f"{label.core} signals the cube, but the other lane does not: the signal never arrives",
            "With mode 2 the cube's counter advances only when both lanes have signalled.",
            f"Let both lanes reach {label.span.line} equally often.",
        )
    times = f"{remark.number} too many" if remark.number > 1 else "one too many"
    return (
        f"{remark.text} is not 0 when the kernel returns: {times} from line {label.span.line}",
        "The counter outlives the kernel: the next one finds its first wait released.",
        f"Wait for it before the return, or leave out the last signal at {label.span.line}.",
    )


def _position(analysis: Analysis, access: Access) -> tuple[object, ...]:
    site = analysis.site(access)
    return place(site.span), plain_core(site.core), site.pipe


# ---------------------------------------------------------------- two owners


def two_owners(analysis: Analysis) -> Iterator[Finding]:
    """XCR002: one for each channel and way to be shared; both lanes' channels are one."""
    seen: set[object] = set()
    for channel, accesses, text in _shared(analysis):
        labels = [analysis.label("primary" if not n else "secondary", a) for n, a in enumerate(accesses)]
        key = (text.partition(" of ")[0], *(place(label.span) for label in labels))
        if key in seen:
            continue
        seen.add(key)
        spot = Spot(labels[0], labels[1], Case(), 1)
        yield Finding(
            "XCR002", "error", text, f"{text} ({at(labels[0].span)} and {at(labels[1].span)}).", tuple(labels[:2]),
            where="", why=("Which signal releases which wait depends on which pipe is faster.",),
            order=(f"Use another flag than {channel.event} at {labels[0].span.line}.",), pairs=pairs(analysis, [spot]),
        )  # fmt: skip


def _shared(analysis: Analysis) -> Iterator[tuple[Channel, list[Access], str]]:
    channels, cores = analysis.kernel.wiring.channels, analysis.kernel.wiring.cores
    sends, modes = analysis.log.senders, analysis.log.modes
    for number, senders in sorted(sends.items()):
        by_core: dict[int, list[tuple[str, Access]]] = {}
        for (core, _), access in sorted(senders.items()):
            by_core.setdefault(core, []).append((analysis.site(access).pipe, access))
        for core, found in sorted(by_core.items()):
            if len(found) > 1:
                pipes = listed([pipe for pipe, _ in found])
                text = f"cross-core flag {channels[number].event} is signalled by two pipes of {cores[core]}: {pipes}"
                yield channels[number], _newest_first(found), text
    for number, agents in sorted(analysis.log.listeners.items()):
        if len(agents) > 1:
            found = [(analysis.site(access).pipe, access) for _, access in sorted(agents.items())]
            pipes = listed([pipe for pipe, _ in found])
            yield (
                channels[number],
                _newest_first(found),
                f"cross-core flag {channels[number].event} is waited for by {pipes}",
            )
    for number, used in sorted(modes.items()):
        if len(used) > 1:
            found = [(str(mode), access) for mode, access in sorted(used.items())]
            text = f"cross-core flag {channels[number].event} is used with modes {listed([mode for mode, _ in found])}"
            yield channels[number], _newest_first(found), text


def _newest_first(found: Iterable[tuple[str, Access]]) -> list[Access]:
    return sorted((access for _, access in found), key=lambda access: -access.site)
