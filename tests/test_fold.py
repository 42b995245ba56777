"""Decisions of the canonical form, one by one."""

from __future__ import annotations

import pytest
from standing import standing

from syncheck.build import kernels
from syncheck.execution import Kernel
from syncheck.fold import Folder, _position
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.replay import Replay, Rules
from syncheck.symbolic import Value, atom

A2A3 = load("a2a3")
B = "b@first|step|total"


def kernel_of(body: str, params: str = "param n in 0..; param p in 0..; param q in 1..;") -> Kernel:
    (kernel,) = kernels(parse(f"{params}\ncore AIV0 {{ {body} }}", "k.sync"), A2A3, {})
    assert not kernel.problems
    return kernel


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


BARRIER = "pipe_barrier(PIPE_V);"
OVER_N = "for (i = 0; i < n; i += 1)"
ALIKE = "no two of its turns were found alike"
LIMITS = {
    "nothing asks": (f"{OVER_N} {{ {BARRIER} }}", (33, ALIKE)),
    "i % 4": (f"{OVER_N} {{ if (i % 4 == 1) {{ {BARRIER} }} }}", (57, ALIKE)),
    "i is compared with 5": (f"{OVER_N} {{ if (i == 5) {{ {BARRIER} }} }}", (38, ALIKE)),
    "turns alone": (f"for (b = p; b < 64; b += q) {{ {BARRIER} }}", (32, ALIKE)),
    "i picks a flag": (
        f"{OVER_N} {{ set_flag(PIPE_V, PIPE_S, i); wait_flag(PIPE_V, PIPE_S, i); }}",
        (6, "i picks a flag, a slot or an address by its number at line 2"),
    ),
    "n is compared with p": (
        f"{OVER_N} {{ {BARRIER} }} if (n == p) {{ {BARRIER} }}",
        (6, "its trip count is used in a way that changes from turn to turn"),
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_how_many_turns_of_a_loop_are_followed_and_why(name: str) -> None:
    """6 where nothing is gained by following it further."""
    body, limit = LIMITS[name]
    folder = Folder(kernel_of(body))
    assert folder.limit(folder.loops[0], 6) == limit


DEMANDS = {
    "a turn alone": (f"for (b = p; b < 64; b += q) {{ {BARRIER} }}", "trips@b", (1, 0)),
    "its own bound": (f"{OVER_N} {{ {BARRIER} }}", "n", (1, 1)),
    "n + 2": (f"for (i = 0; i < n + 2; i += 1) {{ {BARRIER} }}", "n", (1, 3)),
    "steps of 6, i % 4": (f"for (i = 0; i < n; i += 6) {{ if (i % 4 == 0) {{ {BARRIER} }} }}", "n", (12, 5)),
    "i % 4 and n % 6": (
        f"{OVER_N} {{ if (i % 4 == 0) {{ {BARRIER} }} }} if (n % 6 == 0) {{ {BARRIER} }}", "n", (12, 1)
    ),
    "n compared with 7": (f"{OVER_N} {{ {BARRIER} }} if (n > 7) {{ {BARRIER} }}", "n", (1, 8)),
}  # fmt: skip


@pytest.mark.parametrize("name", DEMANDS)
def test_what_a_value_asks_of_a_shift_of_its_loops(name: str) -> None:
    """A multiple of how much, and which counter they must have passed."""
    body, value, demands = DEMANDS[name]
    assert Folder(kernel_of(body)).demands_on(value) == (*demands, None)


@pytest.mark.parametrize(
    ("known", "turns", "period"), [(1, 1, 6), (1, 4, 12), (4, 1, 12), (4, 9, 36), (1, 12, 12), (5, 7, 210)]
)
def test_in_how_many_turns_loops_over_a_value_repeat_themselves(known: int, turns: int, period: int) -> None:
    """The text asks for n % 6; `known`: in how many turns they did on another path."""
    folder = Folder(kernel_of(f"{OVER_N} {{ {BARRIER} }} if (n % 6 == 1) {{ {BARRIER} }}"))
    folder.periods["n"] = known
    assert folder.period_of("n", turns) == period


def test_copies_of_one_line_are_one_but_not_the_steps_of_one_instruction() -> None:
    tiles = "tile a : UB fp32[16, 64] at 0x0; tile b : UB fp32[16, 64] at 0x4000; tile c : UB fp32[16, 1] at 0x8000;"
    head = f"{tiles} def twice(x) {{ instr w on PIPE_V writes UB[x:x + 64]; }}"
    kernel = kernel_of("twice(0); twice(64); TROWSUM(c, a, b);", head)
    assert [site.op for site in kernel.sites] == ["w", "w", "TROWSUM.reduce", "TROWSUM"]
    assert Folder(kernel).line == [0, 0, 1, 2]


IN_A_ROW = f"{OVER_N} {{ {BARRIER} }} for (k = 0; k < n; k += 1) {{ {BARRIER} }}"


@pytest.mark.parametrize(
    ("domain", "turns", "waits"), [("0..", 2, False), ("0..", 3, True), ("3..", 3, True), ("0..9", 3, False)]
)
def test_which_values_wait_for_a_loop_to_come(domain: str, turns: int, waits: bool) -> None:
    """Past its threshold, and without an upper end: its distance from it would tell the turns apart."""
    kernel = kernel_of(IN_A_ROW, f"param n in {domain};")
    cores, store = standing(kernel, turns)
    replay = Replay(kernel.wiring, kernel.atlas, Rules(), Log())
    _, waiting = Folder(kernel).canonical(cores, replay, store, {})
    assert waiting == ({("n", ()): turns - 1} if waits else {})
