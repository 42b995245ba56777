"""Decisions of the canonical form, one by one."""

from __future__ import annotations

import pytest

from syncheck.fold import _position
from syncheck.symbolic import Value, atom

B = "b@first|step|total"


@pytest.mark.parametrize(
    ("value", "turn"),
    [
        (7, 7), (atom(B, 3), 3), (atom(B, 3) + 2, 5), (None, None),
        (atom("n"), None), (atom("t", 3), None), (atom(f"trips@{B}"), None),
        (atom(B, 3) * 2, None), (atom(B, 3) + atom(B, 4), None), (atom(B, 3) - atom(B, 4), None),
    ],
)  # fmt: skip
def test_where_a_loop_variable_stands(value: Value | None, turn: int | None) -> None:
    """By its turn where it is told by its turns, and nowhere where it is anything else (`n[b]`, which loop comes)."""
    assert _position(value) == turn
