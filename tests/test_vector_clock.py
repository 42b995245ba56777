"""Clocks by themselves: plain lists, never changed once shared."""

from __future__ import annotations

from syncheck.vector_clock import join, meet, ranks, stamp


def test_join_takes_the_larger_of_each() -> None:
    one, other = [1, 5, 0], [3, 2, 0]
    assert join(one, other) == [3, 5, 0]
    assert (one, other) == ([1, 5, 0], [3, 2, 0])


def test_join_with_nothing_new_is_the_same_clock() -> None:
    known = [3, 2]
    assert join(known, [3, 1]) is known


def test_meet_is_what_all_know() -> None:
    assert meet([[1, 5, 2], [3, 2, 2], [2, 4, 2]], 3) == [1, 2, 2]
    assert meet([[4, 7]], 2) == [4, 7]
    assert meet([], 2) == [0, 0]


def test_stamp_copies() -> None:
    clock = [1, 2]
    assert stamp(clock, 1, 5) == [1, 5]
    assert clock == [1, 2]


def test_ranks_count_what_is_covered() -> None:
    assert ranks([4, 0, 9], [[1, 4, 5], [1], []]) == (2, 0, 0)
