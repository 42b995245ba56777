"""Vector clocks: one component per agent (core, pipe), the prefix of that agent known to be complete.

The one file written for speed rather than for reading: everything else asks it. A clock is a list of ints that is never
changed once shared; `join` returns one of its arguments when nothing new is learnt, so that identity tells "no news".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

Clock = list[int]


def join(a: Clock, b: Clock) -> Clock:
    """The componentwise maximum of two clocks of equal length; `a` itself where `b` adds nothing."""
    joined = [x if x > y else y for x, y in zip(a, b)]  # noqa: B905 - equal by construction; strict= costs a third
    return a if joined == a else joined


def stamp(clock: Clock, agent: int, count: int) -> Clock:
    """`clock` with the component of `agent` advanced to `count`."""
    stamped = clock.copy()
    stamped[agent] = count
    return stamped


def ranks(clock: Sequence[int], live: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """`clock` told only by what it can still decide: for each agent, how many of its live counts (sorted) it covers."""
    return tuple([bisect_right(column, value) for column, value in zip(live, clock)])  # noqa: B905


def meet(clocks: Iterable[Clock], width: int) -> Clock:
    """The componentwise minimum: what every one of `clocks` knows to be complete. No clocks: nothing is known."""
    floor: Clock | None = None
    for clock in clocks:
        floor = clock if floor is None else [x if x < y else y for x, y in zip(floor, clock)]  # noqa: B905
    return floor if floor is not None else [0] * width
