"""The flag that a report asks for, put into the Program and proved before it is offered."""

from __future__ import annotations

from collections.abc import Sequence

from syncheck.analysis import FlagAdvice
from syncheck.edits import CORES, Place, edited, statements
from syncheck.ir import Const, Core, Program, SetFlag, Statement, WaitFlag
from syncheck.trial import Conditions, Ground, spot


def tried(program: Program, conditions: Conditions, advice: FlagAdvice) -> str:
    """What the kernel comes to with the flag, as a sentence; "" if the flag does not order the two accesses."""
    changed = with_flag(program, advice)
    if changed is None:
        return ""
    ground = Ground(changed, conditions)
    pair = {spot(advice.earlier), spot(advice.later)}
    for finding in ground.errors:
        for places in finding.pairs:
            if places.secondary is not None and {spot(places.primary.span), spot(places.secondary.span)} == pair:
                return ""
    if ground.undecided:
        return f"Tried: not decided with it ({ground.undecided})."
    if not ground.errors:
        return "Tried: the kernel is proved with it."
    left = list(dict.fromkeys(f"{f.rule} at {f.primary.span.line}" for f in ground.errors))
    shown = f"{', '.join(left[:3])}{' and more' if len(left) > 3 else ''}"
    return f"Tried: this race goes, {shown} {'remains' if len(left) == 1 else 'remain'}."


def with_flag(program: Program, advice: FlagAdvice) -> Program | None:
    """The set behind the earlier access, the wait before the later one; for a flag that goes round a loop, primed where
    the core begins and drained where it ends. None where the accesses have no statement of their own."""
    event = Const(advice.event)
    given = SetFlag(advice.src, advice.dst, event, advice.earlier)
    taken = WaitFlag(advice.src, advice.dst, event, advice.later)
    around: dict[Place, tuple[list[Statement], list[Statement]]] = {}
    texts = dict(statements(program))
    for place, statement in texts.items():
        if spot(statement.span) == spot(advice.later):
            around.setdefault(place, ([], []))[0].append(taken)
        if spot(statement.span) == spot(advice.earlier):
            around.setdefault(place, ([], []))[1].append(given)
    if not around:
        return None
    for number, core in enumerate(program.cores):
        if advice.carried and core.body and advice.core.startswith(core.kind):
            first, last = _ends(number, core)
            around.setdefault(first, ([], []))[0].insert(0, given)
            around.setdefault(last, ([], []))[1].append(taken)
    changes: dict[Place, Sequence[Statement]] = {
        place: (*before, texts[place], *after) for place, (before, after) in around.items()
    }
    return edited(program, changes)


def _ends(number: int, core: Core) -> tuple[Place, Place]:
    return (CORES, number, 0), (CORES, number, len(core.body) - 1)
