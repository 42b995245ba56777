"""RNK001 and RNK002: what the text shows of memory that other ranks reach, where every rank runs this kernel.

Two addresses meet only where their difference is a number (rank_walk.py), so what is not known never makes a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from syncheck.frontends.cpp.rank_walk import Touch, Walk
from syncheck.ir import Noted
from syncheck.source import Span


def rank_notes(walks: Iterable[Walk]) -> Iterator[Noted]:
    """The findings of all cores."""
    for walk in walks:
        yield from _resets(walk.met)
        yield from _crossings(walk)


def _resets(met: Sequence[Touch]) -> Iterator[Noted]:
    """Stores to a word that the kernel waits on later, of which no other rank has been told in between."""
    told: dict[int, int] = {}
    said: set[Span] = set()
    for now, touch in enumerate(met):
        if touch.kind == "notify":
            told = {one: max(state, 1) for one, state in told.items()}
        elif touch.kind == "store" and not touch.far:
            told[now] = 0
        elif touch.kind == "wait":
            for one, state in told.items():
                if met[one].meets(touch):
                    if state < 2 and met[one].span not in said:
                        said.add(met[one].span)
                        yield _reset(met[one], touch)
                elif state == 1:
                    told[one] = 2


def _reset(store: Touch, wait: Touch) -> Noted:
    return Noted(
        "RNK001", "error", store.span,
        "a signal is overwritten that other ranks may already have notified",
        f"This word is waited on at {_line(wait.span, store.span)}, and until then nothing tells the other ranks "
        "that it has been written: a rank that runs ahead notifies before this store, its notification is lost, and "
        "the wait never ends.",
        "Leave the word as it is and wait for a number that grows with each round (WaitCmp::GE), or clear it where no "
        "rank runs (the host, before the launch); or let a TNOTIFY and a TWAIT on another word follow the store.",
    )  # fmt: skip


def _crossings(walk: Walk) -> Iterator[Noted]:
    """Pairs of an own and a remote access with nothing between them that another rank waits for."""
    met = [(at, one) for at, one in enumerate(walk.met) if not one.mine and not walk.own(one)]
    said: set[tuple[Span, Span]] = set()
    for when, far in (pair for pair in met if pair[1].far and pair[1].kind in ("load", "store")):
        for then, near in (pair for pair in met if not pair[1].far and pair[1].kind in ("load", "store")):
            pair = (far.span, near.span)
            if "store" in (far.kind, near.kind) and near.phase == far.phase and pair not in said and near.meets(far):
                said.add(pair)
                yield _crossing(far, near, far_first=when < then)
    first = next((one for one in walk.met if one.far and one.kind == "load" and not one.phase), None)
    if first is not None and not any(far == first.span for far, _ in said):
        yield Noted(
            "RNK002", "warning", first.span, "memory of another rank is read, and nothing has waited for that rank",
            "No TWAIT comes before it in this kernel: whether the other rank has written these bytes by then, only "
            "the order of the launches says.",
            "TNOTIFY from the rank that writes, behind its last store, and TWAIT here before the load.",
        )  # fmt: skip


def _crossing(far: Touch, near: Touch, *, far_first: bool) -> Noted:
    done, does = ("read", "reads") if far.kind == "load" else ("written", "writes")
    may, own = ("read", "loads") if near.kind == "load" else ("write", "stores")
    here, there = _line(far.span, far.span), _line(near.span, far.span)
    first, second = (here, there) if far_first else (there, here)
    one, other = (far.span, near.span) if far_first else (near.span, far.span)
    turn = " of the next turn" if one.path == other.path and other.line <= one.line else ""
    return Noted(
        "RNK002", "error", far.span, f"memory of another rank is {done} while that rank may {may} it",
        f"Each rank {does} here what its owner {own} at {there}, and from {first} to {second}{turn} no rank waits for "
        "another: the owner may be ahead or behind.",
        f"TNOTIFY and TWAIT behind {first} and before {second}{turn}.",
    )  # fmt: skip


def _line(span: Span, beside: Span) -> str:
    """A line as a text says it that stands beside another."""
    return f"line {span.line}" if span.path == beside.path else f"{span.path}:{span.line}"
