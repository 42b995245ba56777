"""Changes to a Program at places of its text: statements removed, replaced, inserted. Values in, values out.

A change shows everywhere the text is used: in a `def`, in all its calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from syncheck.ir import For, If, Program, Statement

DEFS, CORES = 0, 1
Place = tuple[int, ...]
"""Where a statement stands: DEFS or CORES, which of them, its index; below that the arm (0, or 1 for `else`) and the
index of each statement inward. Places sort in the order of the text, definitions first."""
Changes = Mapping[Place, Sequence[Statement]]
"""What stands at each of these places instead: nothing, the statement changed, or it with others around it."""


def statements(program: Program) -> Iterator[tuple[Place, Statement]]:
    """Every statement with its place, the outer before the inner."""
    for number, definition in enumerate(program.defs):
        yield from _inside((DEFS, number), definition.body)
    for number, core in enumerate(program.cores):
        yield from _inside((CORES, number), core.body)


def edited(program: Program, changes: Changes) -> Program:
    """The program with these changes made at once; all places are those of `program`."""
    owners = {place[:2] for place in changes}

    def body(owner: Place, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
        return _edited(owner, statements, changes) if owner in owners else statements

    return replace(
        program,
        defs=tuple(replace(d, body=body((DEFS, number), d.body)) for number, d in enumerate(program.defs)),
        cores=tuple(replace(c, body=body((CORES, number), c.body)) for number, c in enumerate(program.cores)),
    )


def siblings(program: Program, place: Place) -> tuple[Statement, ...]:
    """All statements of the body in which this place is."""
    owner = program.defs[place[1]].body if place[0] == DEFS else program.cores[place[1]].body
    for index, arm in zip(place[2:-1:2], place[3:-1:2], strict=True):
        owner = _arms(owner[index])[arm]
    return owner


def beside(place: Place, by: int) -> Place:
    """The place `by` statements further on in the same body (before, if negative)."""
    return (*place[:-1], place[-1] + by)


def _arms(statement: Statement) -> tuple[tuple[Statement, ...], ...]:
    match statement:
        case For(body=body):
            return (body,)
        case If(then=then, otherwise=otherwise):
            return (then, otherwise)
    return ()


def _inside(owner: Place, body: Sequence[Statement]) -> Iterator[tuple[Place, Statement]]:
    for index, statement in enumerate(body):
        place = (*owner, index)
        yield place, statement
        for arm, inner in enumerate(_arms(statement)):
            yield from _inside((*place, arm), inner)


def _edited(owner: Place, body: Sequence[Statement], changes: Changes) -> tuple[Statement, ...]:
    result: list[Statement] = []
    for index, statement in enumerate(body):
        place = (*owner, index)
        result += changes[place] if place in changes else [_within(place, statement, changes)]
    return tuple(result)


def _within(place: Place, statement: Statement, changes: Changes) -> Statement:
    match statement:
        case For(body=inner):
            return replace(statement, body=_edited((*place, 0), inner, changes))
        case If(then=then, otherwise=otherwise):
            changed = [_edited((*place, arm), inner, changes) for arm, inner in enumerate((then, otherwise))]
            return replace(statement, then=changed[0], otherwise=changed[1])
    return statement
