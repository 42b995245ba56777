"""What the text asks of a counter, its bound and families is collected as docs/proofs.md says ("Turns of loops")."""

from __future__ import annotations

import pytest

from syncheck.build import kernels
from syncheck.execution import Kernel
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.shapes import LoopInfo

A2A3 = load("a2a3")
TEXT = """param n in 0..; param m in 0..; unknown u; param k[b] in 0..; unknown t[]; unknown c;
const w = n - 1;
def given(x) {{ if (x == 4) {{ pipe_barrier(PIPE_V); }} }}
core AIV0 {{
    let kept = 0;
    for ({loop}) {{ {body} }}
}}
"""
PLAIN = "i = 0; i < n; i += 1"


def built(body: str, loop: str = PLAIN) -> tuple[LoopInfo, Kernel]:
    """The (outermost) loop over i, and the kernel it belongs to."""
    program = parse(TEXT.format(loop=loop, body=body), "k.sync")
    assert not program.problems, program.problems
    (kernel,) = kernels(program, A2A3, {})
    assert not kernel.problems, kernel.problems
    return next(info for info in kernel.cores[0].loops if info.parent is None), kernel


def asked(condition: str, loop: str = PLAIN) -> tuple[LoopInfo, Kernel]:
    return built(f"if ({condition}) {{ pipe_barrier(PIPE_V); }}", loop)


@pytest.mark.parametrize(
    ("condition", "threshold"),
    [
        ("i < 5", 6), ("i == 3", 4), ("i != 3", 4), ("i + 2 > 7", 6), ("3 - i <= 0", 4), ("2 * i < 9", 10), ("i", 1),
        ("i * 3 == 6", 7), ("!(i == 8)", 9), ("i && i < 4", 5), ("i > 2 || i == 6", 7), ("i == 6 || i > 2", 7),
        ("-i < 0 - 2", 3), ("~i < 0", 2), ("i == 4 ? c : 0", 5), ("(c ? 2 : 2) == i", 3), ("ceil_div(9, 2) == i", 6),
        ("7 / 2 == i", 4), ("7 % 4 == i", 4), ("1 << 3 == i", 9), ("12 >> 2 == i", 4), ("(6 & 3) == i", 3),
        ("(6 | 3) == i", 8), ("(6 ^ 3) == i", 6), ("i + n - n < 7", 8), ("0 * n == i + 2", 3), ("c", 1), ("n < 5", 1),
    ],
)  # fmt: skip
def test_the_counter_must_have_passed_the_numbers_that_it_is_compared_with(condition: str, threshold: int) -> None:
    loop, _ = asked(condition)
    assert (loop.bad, loop.threshold, loop.modulus, loop.reach, loop.end_modulus) == ("", threshold, 1, 0, 1)


@pytest.mark.parametrize(
    ("condition", "modulus", "threshold"),
    [
        ("i % 3 == 1", 3, 1), ("(i + 4) % 3 == 1", 3, 5), ("(4 - i) % 3 == 1", 3, 5), ("i & 7", 8, 1), ("i & 1", 2, 1),
        ("(i + 1) & 3", 4, 2), ("i % 4 == 1 && i % 6 == 2", 12, 1), ("(i + n) % 2 == 1", 2, 1), ("2 * i % 4", 4, 1),
        ("(i + t[3] * 0) % 5", 5, 1),
    ],
)  # fmt: skip
def test_a_remainder_is_kept_by_its_multiples_alone(condition: str, modulus: int, threshold: int) -> None:
    loop, _ = asked(condition)
    assert (loop.bad, loop.threshold, loop.modulus, loop.reach, loop.end_modulus) == ("", threshold, modulus, 0, 1)


@pytest.mark.parametrize(
    ("condition", "reach", "modulus"),
    [
        ("i + 1 < n", 2, 1), ("i < n - 3", 4, 1), ("n - i == 2", 3, 1), ("n > i", 1, 1), ("(n - i) % 3 == 0", 1, 3),
        ("(n - i + 2) % 3 == 0", 3, 3), ("(i - n) % 4 == 0 && (n - i) % 6 == 1", 1, 12),
        ("i + 3 < n || i + 1 < n", 4, 1),
        ("i < w", 2, 1), ("n + -i == 2", 3, 1), ("n + ~i == 2", 4, 1),
    ],
)  # fmt: skip
def test_the_distance_to_the_bound_does_not_change(condition: str, reach: int, modulus: int) -> None:
    loop, kernel = asked(condition)
    assert (loop.bad, loop.threshold, loop.modulus, loop.reach, loop.end_modulus) == ("", 1, 1, reach, modulus)
    assert not kernel.demands.odd_index


@pytest.mark.parametrize(
    ("condition", "name", "threshold", "modulus"),
    [
        ("n < 5", "n", 6, 1), ("n - 7 < 0", "n", 8, 1), ("n % 4 == 1", "n", 1, 4), ("(n + 3) % 4", "n", 4, 4),
        ("n % 4 && n % 6", "n", 1, 12), ("w < 4", "n", 6, 1), ("n", "n", 1, 1), ("n == 9 || n == 2", "n", 10, 1),
        ("(i + n + 2) % 6", "n", 3, 6), ("t[i] == 2", "t", 3, 1), ("t[i] % 5 == 1", "t", 1, 5), ("k[i] > 3", "k", 4, 1),
        ("k[3]", "k", 1, 1),
    ],
)  # fmt: skip
def test_what_is_asked_of_a_parameter_or_a_member_itself(
    condition: str, name: str, threshold: int, modulus: int
) -> None:
    loop, kernel = asked(condition)
    demands = kernel.demands
    assert (loop.bad, demands.odd_index) == ("", set())
    assert (demands.threshold.get(name), demands.modulus.get(name, 1)) == (threshold, modulus)


@pytest.mark.parametrize(
    ("condition", "why", "odd"),
    [
        ("i < m", "i is compared with something else that changes", {"m"}),
        ("c && i - m", "i is compared with something else that changes", {"m"}),
        ("i - m || c", "i is compared with something else that changes", {"m"}),
        ("i + n < 9", "i is compared with something else that changes", {"n"}),
        ("2 * i < n", "i is compared with something else that changes", {"n"}),
        ("i * i < 5", "i is used with *", set()),
        ("i * n < 5", "i is used with *", {"n"}),
        ("i / 2 == 1", "i is used with /", set()),
        ("i << 1 == 4", "i is used with <<", set()),
        ("i & 6", "i is used with &", set()),
        ("i | 7", "i is used with |", set()),
        ("i & (0 - 1)", "i is used with &", set()),
        ("i & 0", "i is used with &", set()),
        ("i % 0", "i is used with %", set()),
        ("7 / 0 == i", "i is compared with something else that changes", set()),
        ("7 % 0 == i", "i is compared with something else that changes", set()),
        ("1 << 64 == i", "i is compared with something else that changes", set()),
        ("1 >> 64 == i", "i is compared with something else that changes", set()),
        ("ceil_div(9, 0) == i", "i is compared with something else that changes", set()),
        ("min(9, 2) == i", "i is compared with something else that changes", set()),
        ("t[i + (c && c)]", "i indexes t in a way that changes from turn to turn", {"t"}),
        ("i % (0 - 2)", "i is used with %", set()),
        ("i % n", "i is used with %", {"n"}),
        ("3 % i", "i is used with %", set()),
        ("min(i, 3) == 2", "i is used in min()", set()),
        ("ceil_div(i, 2) == 2", "i is used in ceil_div()", set()),
        ("(c ? i : n) == 2", "i is one of two values", {"n"}),
        ("(i - m) % 2", "i is one part of what a remainder is taken of", {"m"}),
        ("(i + u) % 2", "i is one part of what a remainder is taken of", {"u"}),
        ("(i + min(m, 2)) % 2", "i is one part of what a remainder is taken of", {"m"}),
        ("i + min(m, 2) < 3", "i is compared with something else that changes", {"m"}),
        ("n - i + min(m, 2) < 3", "i is compared with something else that changes", {"m", "n"}),
        ("t[2 * i]", "i indexes t in a way that changes from turn to turn", {"t"}),
        ("t[i + m]", "i indexes t in a way that changes from turn to turn", {"t", "m"}),
        ("t[i] < m", "t[i] is compared with something else that changes", {"t", "m"}),
        ("t[i] / 2", "t[i] is used with /", {"t"}),
        ("t[i] == t[i + 1]", "t[i] is compared with something else that changes", {"t"}),
    ],
)  # fmt: skip
def test_anything_else_is_an_obstacle_with_its_reason(condition: str, why: str, odd: set[str]) -> None:
    loop, kernel = asked(condition)
    assert (loop.bad, kernel.demands.odd_index) == (why, odd)
    assert loop.bad_span is not None
    assert loop.bad_span.line == 6


@pytest.mark.parametrize(
    ("condition", "odd"),
    [("t[m]", {"t", "m"}), ("t[t[2]]", {"t"}), ("n + min(m, 2) < 3", {"m", "n"}), ("n < m", {"m", "n"})],
)
def test_values_that_no_loop_may_move(condition: str, odd: set[str]) -> None:
    loop, kernel = asked(condition)
    assert (loop.bad, kernel.demands.odd_index) == ("", odd)


@pytest.mark.parametrize(
    ("const", "condition", "named", "odd", "threshold"),
    [
        ("k[3] + 1", "q < 5", {"k": {3}}, set(), {"k": 5}),
        ("k[n] + 1", "q < 5", {}, {"k", "n"}, {}),
        ("k[3] + k[4]", "q < 5", {"k": {3, 4}}, {"k"}, {"k": 6}),
        ("n * n", "q < 5", {}, {"(*)", "n"}, {}),
        ("k[3]", "t[q]", {"k": {3}}, {"k", "t"}, {}),
    ],
)
def test_what_a_constant_stands_for_is_asked_of_its_parts(
    const: str, condition: str, named: dict[str, set[int]], odd: set[str], threshold: dict[str, int]
) -> None:
    text = f"const q = {const}; core AIV0 {{ if ({condition}) {{ pipe_barrier(PIPE_V); }} }}"
    (kernel,) = kernels(parse("param n in 0..; param k[b] in 0..; unknown t[];" + text, "k.sync"), A2A3, {})
    demands = kernel.demands
    assert (demands.named, demands.odd_index, demands.threshold) == (named, odd, threshold)


def test_a_member_picked_by_nothing_is_picked_by_its_number() -> None:
    demands = asked("t[0 * i]")[1].demands
    assert (demands.named, demands.indexed) == ({"t": {0}}, {})


@pytest.mark.parametrize(
    ("condition", "name", "asked_for"),
    [
        ("n % 4 == 1", "n", {("%", 0, 4)}), ("(n + 3) % 4 && n & 7", "n", {("%", 3, 4), ("&", 0, 7)}),
        ("t[i] % 5", "t", {("%", 0, 5)}), ("i % 3", "i", set()), ("(n - i) % 3", "n", set()),
    ],
)  # fmt: skip
def test_of_which_remainders_the_text_asks(condition: str, name: str, asked_for: set[tuple[str, int, int]]) -> None:
    assert asked(condition)[1].demands.remainders.get(name, set()) == asked_for


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        ("let y = i * i;", "i is used with *"),
        ("if (i * i) { pipe_barrier(PIPE_V); }", "i is used with *"),
        ("set_flag(PIPE_V, PIPE_MTE3, i); wait_flag(PIPE_V, PIPE_MTE3, i);",
         "i picks a flag, a slot or an address by its number"),
        ("kept = i;", "i is kept for later turns"),
        ("for (j = 0; j < i; j += 1) { pipe_barrier(PIPE_V); }", "i is what another loop runs up to"),
        ("for (j = i; j < m; j += 1) { pipe_barrier(PIPE_V); }", "i is where another loop starts, or its step"),
    ],
)  # fmt: skip
def test_an_obstacle_has_the_line_of_its_statement(statement: str, bad: str) -> None:
    loop, _ = built(f"if (c) {{ pipe_barrier(PIPE_V); }}\n{statement}\npipe_barrier(PIPE_V);")
    assert (loop.bad, loop.bad_span and loop.bad_span.line) == (bad, 7)


def test_a_loop_is_within_all_that_it_stands_in() -> None:
    _, kernel = built("for (j = 0; j < 2; j += 1) { for (h = 0; h < 2; h += 1) { pipe_barrier(PIPE_V); } }")
    loops = kernel.cores[0].loops
    within = {(one.var, other.var) for one in loops for other in loops if one.within(other)}
    assert within == {("j", "i"), ("h", "i"), ("h", "j")}


def test_who_picks_members_of_a_family() -> None:
    loop, kernel = asked("t[i - 2] && t[3] && t[1] && k[i + 1]")
    demands = kernel.demands
    assert (demands.indexed, demands.named, demands.odd_index) == ({"t": {loop}, "k": {loop}}, {"t": {1, 3}}, set())
    assert (loop.least_offset, loop.threshold, loop.bad) == (-2, 6, "")  # 3 is passed where i - 2 > 3
    assert asked("t[3]")[1].demands.indexed == {}
    assert asked("t[i + 2]")[0].least_offset == 0


@pytest.mark.parametrize(
    ("loop", "bound", "lag", "threshold", "bad"),
    [
        (PLAIN, ("n", None), 1, 1, ""), ("i = 0; i <= n; i += 1", ("n", None), 2, 1, ""),
        ("i = 0; i < n; i += 3", ("n", None), 3, 1, ""), ("i = 0; i < n + 3; i += 1", ("n", None), 4, 4, ""),
        ("i = 0; i < n - 3; i += 1", ("n", None), 1, 4, ""), ("i = 0; i < w; i += 1", ("n", None), 1, 2, ""),
        ("i = 0; i < k[3]; i += 1", ("k", 3), 1, 1, ""), ("i = 0; i < 7; i += 1", None, 1, 0, ""),
        ("i = 0; i < n + m; i += 1", None, 1, 0, "the loop over i runs up to something that changes"),
        ("i = 0; i < 2 * n; i += 1", None, 1, 0, "the loop over i runs up to something that changes"),
        ("i = 0; i != n; i += 1", None, 0, 0, "i is compared with something else that changes"),
        ("i = 0 - 1; i < n; i += 1", ("n", None), 1, 1, "i does not count up from 0 or more"),
    ],
)  # fmt: skip
def test_what_a_loop_runs_up_to(loop: str, bound: object, lag: int, threshold: int, bad: str) -> None:
    info, _ = built("pipe_barrier(PIPE_V);", loop)
    assert (info.bound, info.lag, info.threshold, info.bad, info.turns) == (bound, lag, threshold, bad, False)


@pytest.mark.parametrize(
    ("loop", "forward", "natural"),
    [
        (PLAIN, True, True), ("i = 2; i < n; i += 2", True, True), ("i = 0 - 1; i < n; i += 1", True, False),
        ("i = 0; i < 1; i += 0 - 1", False, False), ("i = m; i < n; i += 1", True, True),
        ("i = m; i < n; i += m", True, True), ("i = u; i < n; i += 1", True, False),
        ("i = 0; i < n; i += u", False, False),
        ("i = min(u, 3); i < n; i += 1", True, False), ("i = m - 1; i < n; i += 1", True, False),
        ("i = 0 - m; i < n; i += 1", True, False),
    ],
)  # fmt: skip
def test_whether_a_counter_goes_back_or_below_zero(loop: str, forward: bool, natural: bool) -> None:
    info, _ = built("pipe_barrier(PIPE_V);", loop)
    assert (info.forward, info.natural) == (forward, natural)


def test_a_counter_that_is_assigned_goes_anywhere() -> None:
    info, _ = built("if (c) { i = 0; }")
    assert (info.forward, info.natural, info.bad) == (False, False, "i is assigned in the loop")


def test_a_loop_told_by_its_turn_is_asked_only_of_its_turn() -> None:
    turns = "i = m; i < n; i += 1"
    for condition, odd in (
        ("i < 5", {"m"}),
        ("i < u", {"m", "u"}),
        ("i * i < 5", {"m"}),
        ("t[i]", {"m"}),
        ("i + 1 < n", {"m", "n"}),
    ):
        loop, kernel = asked(condition, turns)
        assert (loop.turns, loop.bad, loop.threshold) == (True, "", 1), condition
        assert kernel.demands.odd_index == odd, condition
    assert asked("i % 4 == 1", turns)[0].modulus == 4
    assert (asked("c", turns)[0].ends_at, asked("c")[0].ends_at) == ("trips@i", "n")
    assert asked("c", "i = 0; i < 4; i += 1")[0].ends_at == ""


@pytest.mark.parametrize(
    ("body", "threshold", "bad"),
    [
        ("let y = i + 1; if (y < 5) { pipe_barrier(PIPE_V); }", 5, ""),
        ("given(i + 1);", 4, ""),
        ("kept = i;", 1, "i is kept for later turns"),
        ("kept = t[i];", 1, "t[i] is kept for later turns"),
        ("if (kept < 3) { kept = 1; }", 1, ""),
        ("for (j = i; j < m; j += 1) { pipe_barrier(PIPE_V); }", 1, "i is where another loop starts, or its step"),
        ("for (j = 0; j < i; j += 1) { pipe_barrier(PIPE_V); }", 1, "i is what another loop runs up to"),
        ("for (j = 0; j < k[i]; j += 1) { pipe_barrier(PIPE_V); }", 1, ""),
        ("for (j = 0; j < m; j += 1) { if (i < j) { pipe_barrier(PIPE_V); } }", 1,
         "i is compared with something else that changes"),
        ("set_flag(PIPE_V, PIPE_MTE3, i); wait_flag(PIPE_V, PIPE_MTE3, i);", 1,
         "i picks a flag, a slot or an address by its number"),
        ("instr o on PIPE_V reads UB[0:64 * i + 64];", 1, "i picks a flag, a slot or an address by its number"),
    ],
)  # fmt: skip
def test_what_is_done_with_a_counter(body: str, threshold: int, bad: str) -> None:
    loop, _ = built(body)
    assert (loop.threshold, loop.bad) == (threshold, bad)


def test_a_turn_that_is_kept_may_be_asked_for_again() -> None:
    assert built("kept = i;", "i = m; i < n; i += 1")[0].bad == "i is kept for later turns"


@pytest.mark.parametrize("condition", ["m % (n + 3)", "m & (n + 3)", "m / (n + 3)", "m << n", "m >> (n + 1)"])
def test_what_is_not_a_number_on_the_right_says_nothing_of_remainders(condition: str) -> None:
    _, kernel = built(f"if ({condition}) {{ pipe_barrier(PIPE_V); }}")
    assert {"m", "n"} <= kernel.demands.odd_index
    assert not kernel.demands.modulus


@pytest.mark.parametrize(
    ("number", "value"),
    [("3 << 0", 3), ("3 << 1", 6), ("6 >> 0", 6), ("7 >> 1", 3), ("7 / 2", 3), ("7 % 4", 3), ("6 & 3", 2), ("5 | 2", 7),
     ("0 - 7 / 2", -3), ("ceil_div(7, 2)", 4), ("1 | 70", 71), ("7 & 100", 4)],
)  # fmt: skip
def test_numbers_of_the_text_are_worked_out(number: str, value: int) -> None:
    """A counter is compared with it: so many turns may be told apart."""
    loop, _ = built(f"if (i == ({number})) {{ pipe_barrier(PIPE_V); }}")
    assert loop.threshold == abs(value) + 1


@pytest.mark.parametrize(
    ("condition", "threshold"),
    [*((f"i {op} 5", 6) for op in ("<", ">", "<=", ">=", "==", "!=")),
     ("c && i < 7", 8), ("c || i < 7", 8), ("i && c", 1), ("c && i", 1), ("i || c", 1), ("c || i", 1),
     ("!i", 1), ("i - 3", 4), ("i - 3 && c", 4)],
)  # fmt: skip
def test_what_is_asked_of_a_counter_is_asked_of_it_only_up_to_a_number(condition: str, threshold: int) -> None:
    loop, _ = built(f"if ({condition}) {{ pipe_barrier(PIPE_V); }}")
    assert (loop.threshold, loop.bad) == (threshold, "")
