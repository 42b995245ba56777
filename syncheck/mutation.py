"""Faults put into the synchronisation of a kernel one at a time: is each of them noticed?

A mutant is killed by a new error, warned about, or proved to change nothing; anything else is a gap of the checker.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncheck.edits import Place, edited, statements
from syncheck.faults import KINDS, Mutant, of_group, of_statement
from syncheck.ir import Statement
from syncheck.removal import removables
from syncheck.trial import Ground, spot
from syncheck.value import Value, frozen

FATES = ("killed", "warned", "unchanged", "gap")
MOST = 5000
"""Mutants of one kernel."""


@frozen
class Fate(Value):
    """What became of a mutant: one of FATES, the rules that noticed it, and why where that needs saying."""

    mutant: Mutant
    fate: str
    rules: tuple[str, ...] = ()
    why: str = ""


def mutants(ground: Ground, core: str = "") -> tuple[Mutant, ...]:
    """All mutants of what runs on `core` (AIC, AIV, AIV0, …; "" for all), in the order of the text, then by kind."""
    running = list(_running(ground, core))
    found = [mutant for place, statement in running for mutant in of_statement(ground, place, statement)]
    places = {place for place, _ in running}
    for group in removables(ground):
        if group.flag is not None and set(group.places) <= places:
            found += of_group(ground, group)
    return tuple(sorted(found, key=lambda m: (*m.span.home, m.span.column, KINDS.index(m.kind), m.edit)))


def _running(ground: Ground, core: str) -> Iterator[tuple[Place, Statement]]:
    """The statements that the core runs."""
    for place, statement in statements(ground.program):
        cores = ground.runs.get(spot(statement.span), ())
        if any(name.startswith(core) for name in cores):
            yield place, statement


def tried(ground: Ground, mutant: Mutant) -> Fate:
    """Prove the mutant."""
    change = ground.change(edited(ground.program, dict(mutant.changes)))
    if change.errors:
        return Fate(mutant, "killed", tuple(sorted({finding.rule for finding in change.errors})))
    if change.gap:
        return Fate(mutant, "gap", why=change.gap)
    if change.found:
        return Fate(mutant, "warned", tuple(sorted({finding.rule for finding in change.found})))
    return Fate(mutant, "unchanged", why=_unchanged(mutant))


def _unchanged(mutant: Mutant) -> str:
    if mutant.kind == "slot":
        return "proved: all is still in order (what is computed may differ)"
    return "proved: surplus" if mutant.kind.startswith("delete") else "proved: the same order"
