"""Early returns of a call that is written out in its caller."""

from __future__ import annotations

from collections.abc import Sequence

from syncheck.frontends.cpp.within import within
from syncheck.ir import If, Return, Statement

MOST_COPIED = 64
"""Statements behind early returns that may stand twice where a call is written out in its caller."""


def without_returns(statements: Sequence[Statement], most: int = MOST_COPIED) -> list[Statement] | None:
    """The same with what follows an early return as the other side of its branch; None if a loop returns, or if more
    than `most` statements would stand twice."""
    made: list[Statement] = []
    for place, one in enumerate(statements):
        if isinstance(one, Return):
            return made
        if not any(isinstance(inner, Return) for inner in within((one,))):
            made.append(one)
            continue
        if not isinstance(one, If):
            return None
        rest = statements[place + 1 :]
        left = most - len(rest)
        sides = [without_returns([*side, *rest], left) for side in (one.then, one.otherwise)]
        if left < 0 or sides[0] is None or sides[1] is None:
            return None
        return [*made, If(one.condition, tuple(sides[0]), tuple(sides[1]), one.span)]
    return made
