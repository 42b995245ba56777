"""One kernel's code as it runs: what values can be, which steps may follow, where a run stops."""

from __future__ import annotations

from typing import cast

import pytest
from standing import standing

from syncheck.build import kernels
from syncheck.check import Settings, check
from syncheck.execution import EMIT, CoreRun, Kernel, Pin, Stopped, _shown, emitting, frames_of, turn_of
from syncheck.frontends.script import parse
from syncheck.lowering import Emitter
from syncheck.machine import load
from syncheck.symbolic import TURN, Linear, Open, Store, atom, less, linear, opaque

TEXT = """param n in 0..; param m in -3..; param k[b] in 1..;
core AIV0 {
    pipe_barrier(PIPE_V);
    if (n) { pipe_barrier(PIPE_MTE2); } else { pipe_barrier(PIPE_MTE3); }
    for (i = 0; i < n; i++) { pipe_barrier(PIPE_ALL); pipe_barrier(PIPE_V); }
    pipe_barrier(PIPE_MTE2);
}
"""
N, M = atom("n"), atom("m")


def kernel_of(text: str, **pins: tuple[int, ...]) -> Kernel:
    program = parse(text, "k.sync")
    assert not program.problems
    return next(kernels(program, load("a2a3"), pins))


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        (opaque("%", N, 4), (0, 3)),
        (opaque("%", M, 4), (-3, 3)),
        (opaque("%", linear(3, [(("m", ()), 1)]), 4), (0, 3)),
        (opaque("%", linear(2, [(("m", ()), 1)]), 4), (-1, 3)),
        (opaque("%", linear(0, [(("n", ()), -1)]), 4), (-3, 0)),
        (opaque("%", linear(6, [(("m", ()), 2)]), -4), (0, 3)),
        (opaque("%", 5, 4), (0, 3)),
        (opaque("%", -5, 4), (-3, 0)),
        (opaque("%", atom("anything"), 4), (-3, 3)),
        (opaque("%", linear(0, [(("anything", ()), 1), (("n", ()), 1)]), 4), (-3, 3)),
        (opaque("%", 5, M), (None, None)),
        (opaque("%", N, 0), (None, None)),
        (opaque("&", M, 7), (0, 7)),
        (opaque("&", M, 0), (0, 0)),
        (opaque("&", M, -8), (None, None)),
        (opaque("&", N, M), (None, None)),
        (atom("trips@i"), (0, None)),
        (N, (0, None)),
        (M, (-3, None)),
        (atom("k", 2), (1, None)),
    ],
    ids=str,
)
def test_what_a_value_can_be(value: Linear, bounds: tuple[int | None, int | None]) -> None:
    assert kernel_of(TEXT).domain(value.terms[0][0]) == bounds


def test_a_pinned_list_gives_each_turn_its_value_and_the_last_to_later_ones() -> None:
    kernel = kernel_of(TEXT, k=(5, 7, 9))
    turn = atom(f"b{TURN}0|1|", 1)
    told = [kernel.domain(("k", (index,))) for index in (0, 1, 2, 3, -1, turn)]
    assert told == [(5, 5), (7, 7), (9, 9), (9, 9), (5, 5), (7, 7)]
    assert kernel_of(TEXT, n=(4, 6)).domain(("n", ())) == (4, 4)
    assert [turn_of(index) for index in (3, -2, turn, N)] == [3, 0, 1, 0]


def test_what_may_still_come() -> None:
    (code,) = kernel_of(TEXT).cores
    steps = [number for number, op in enumerate(code.ops) if op.code == EMIT]
    lines = {number: code.ops[number].span.line for number in steps}
    assert [lines[number] for number in steps] == [3, 4, 4, 5, 5, 6]
    first, then, other, inside, tail, last = steps
    reached = {here: [number for number in steps if code.leads(here, number)] for here in steps}
    assert reached == {
        first: steps, then: [then, inside, tail, last], other: [other, inside, tail, last],
        inside: [inside, tail, last], tail: [inside, tail, last], last: [last],
    }  # fmt: skip
    for here in steps:
        assert list(emitting(code.ops, here)) == [code.ops[number] for number in reached[here]]


def stepped(text: str, **pins: tuple[int, ...]) -> CoreRun:
    """A core run to its end."""
    kernel = kernel_of(text, **pins)
    run = CoreRun(kernel, kernel.cores[0])
    while not run.done:
        run.step(Store(kernel.domain))
    return run


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("let x = 1 / n;", "divides by zero"),
        ("let x = 1 << (n - 1);", "negative amount"),
    ],
)
def test_what_cannot_be_run_is_said_with_its_line(statement: str, message: str) -> None:
    with pytest.raises(Stopped, match=message) as stopped:
        stepped(f"param n in 0..;\ncore AIV0 {{\n    {statement}\n}}\n", n=(0,))
    assert stopped.value.problem.span.line == 3


def test_an_open_question_changes_nothing() -> None:
    kernel = kernel_of(TEXT)
    run = CoreRun(kernel, kernel.cores[0])
    run.step(Store(kernel.domain))
    at = run.pc
    for _ in range(2):
        with pytest.raises(Open):
            run.step(Store(kernel.domain))
        assert run.pc == at


def test_turns_are_counted_and_frames_tell_them() -> None:
    text = (
        "core AIV0 {\n for (i = 2; i < 8; i += 3) { step(i); }\n}\ndef step(x) { instr v on PIPE_V writes UB[0:64]; }\n"
    )
    kernel = kernel_of(text)
    run = CoreRun(kernel, kernel.cores[0])
    told = []
    while not run.done:
        for action in run.step(Store(kernel.domain)) or ():
            told.append(frames_of(kernel.sites[action.site], run.values))
    assert told == [("i=2", "step@2 x=2"), ("i=5", "step@2 x=5")]
    assert run.turns == 2


def test_a_loop_whose_start_is_open_is_told_by_its_turn() -> None:
    text = """param first in 2..; param step in 1..; param total in 0..;
core AIV0 { for (b = first; b < total; b += step) { pipe_barrier(PIPE_V); } }
"""
    kernel = kernel_of(text)
    run, store = CoreRun(kernel, kernel.cores[0]), Store(kernel.domain)
    with pytest.raises(Open) as asked:
        run.step(store)
    head = run.code.ops[run.pc]
    (key,) = {name for name in kernel.domains if TURN in name and not name.startswith("trips@")}
    assert kernel.domain((key, (0,))) == (2, None)
    inside = store.assume(asked.value.test, True)
    assert inside is not None
    assert run.step(inside) is None
    assert (run.turns, run.unbounded(head, inside)) == (1, True)
    (barrier,) = run.step(inside) or ()
    assert frames_of(kernel.sites[barrier.site], run.values) == ("b=0",)
    with pytest.raises(Open) as asked:
        run.step(inside)
    left = inside.assume(asked.value.test, False)
    assert left is not None
    assert not run.unbounded(head, left)
    run.step(left)
    assert run.done


def test_a_step_may_ask_for_the_loops_own_variable() -> None:
    settings = Settings(load("a2a3"), timed=False)
    doubling = "core AIV0 { for (i = 1; i < 9; i += i) { instr x on PIPE_V writes UB[0:i]; } }"
    assert check(doubling, "k.sync", settings).events == 4
    changing = "core AIV0 { let x = 0; for (i = 0; x < i; i += i) { if (any) { x = i; } } }"
    assert check(changing, "k.sync", settings).verdict in ("proved", "bounded")


def test_which_atom_bounds_a_loop() -> None:
    kernel = kernel_of(TEXT)
    run = CoreRun(kernel, kernel.cores[0])
    (loop,) = kernel.cores[0].loops
    run.values[loop.slot] = 5
    found = [run.member(family) for family in (("n", None), ("k", 3), ("k", (loop, 0)), ("k", (loop, -2)))]
    assert found == [("n", ()), ("k", (3,)), ("k", (5,)), ("k", (3,))]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (4, "4"),
        ((3, "b@first"), "3"),
        (atom("b@first", 2), "2"),
        (atom("b@first", 2) + 1, "b[2] + 1"),
        (atom("n"), "n"),
        (atom("k", 2), "k[2]"),
        (atom("trips@b@first"), str(atom("trips@b@first"))),
        (linear(0, [(("b@first", (2,)), 2)]), "2*b[2]"),
        (linear(0, [(("b@first", (2,)), 1), (("n", ()), 1)]), "b[2] + n"),
    ],
)
def test_how_a_value_is_shown(value: object, shown: str) -> None:
    """A loop told by its turn by the number of its turn."""
    assert _shown(value) == shown


def test_what_is_no_turn_of_a_loop() -> None:
    assert [turn_of(value) for value in (atom("k", 2), atom(f"trips@b{TURN}0|1|"), atom(f"b{TURN}0|1|", N))] == [
        0,
        0,
        0,
    ]
    assert turn_of(linear(0, [(("k", (2,)), 1), ((f"b{TURN}0|1|", (3,)), 1)])) == 3


def test_statements_that_are_the_same_each_time_are_taken_in_one_step() -> None:
    kernel = kernel_of("core AIV0 { pipe_barrier(PIPE_V); pipe_barrier(PIPE_MTE2); pipe_barrier(PIPE_MTE3); }")
    store = Store(kernel.domain)
    taken: list[list[int]] = []
    for _ in range(3):
        run = CoreRun(kernel, kernel.cores[0])
        taken.append([])
        while not run.done:
            taken[-1].append(len(run.step(store) or ()))
    assert taken == [[1, 1, 1, 0], [3, 0], [3, 0]]


def begun(text: str) -> tuple[CoreRun, Store]:
    """A core in its first turn of all loops that stand one in another."""
    kernel = kernel_of(text)
    (run,), store = standing(kernel, len(kernel.cores[0].loops))
    return run, store


def test_the_innermost_loop_over_a_value() -> None:
    text = """param n in 0..; param m in 0..; param l in 0..; param s in 0..;
core AIV0 {
    for (i = 0; i < n; i++) { for (j = 0; j < m; j++) { for (k = 0; k < 4; k++) { for (t = s; t < l; t++) {
        pipe_barrier(PIPE_V);
    } } } }
}
"""
    run, store = begun(text)
    outer, inner, fixed, told = run.code.ops[run.pc].loops
    found = [run.loop_over((name, ())) for name in ("n", "m", "l", "s")]
    assert found == [outer, inner, None, None]
    assert told.turns
    run.pins = (Pin(("n", ()), 3, outer),)
    assert [run.pinned(info) for info in (outer, inner, fixed, told)] == [True, False, False, False]
    assert (run.loop_over(("n", ())), run.loop_over(("m", ()))) == (None, inner)
    assert run._unpinned(store).bounds_of(("n", ())) == (3, 3)


def test_a_loop_that_has_its_end_is_not_open() -> None:
    run, store = begun("param n in 0..; core AIV0 { for (i = 0; i < n; i++) { pipe_barrier(PIPE_V); } }")
    (loop,) = run.code.loops
    head = run.code.ops[loop.head]
    assert run.unbounded(head, store)
    run.pins = (Pin(("n", ()), 3, loop),)
    assert not run.unbounded(head, store)
    run, store = begun(
        "param n in 0..; param m in 0..;\n"
        "core AIV0 { for (i = 0; i < n; i++) { for (j = 0; j < m; j++) { pipe_barrier(PIPE_V); } } }"
    )
    outer, inner = run.code.ops[run.pc].loops
    run.pins = (Pin(("n", ()), 3, outer),)
    assert run.unbounded(run.code.ops[inner.head], store)


def test_a_loop_whose_step_is_open_is_told_by_its_turn() -> None:
    run, _ = begun("param n in 0..; param s in 1..; core AIV0 { for (i = 0; i < n; i += s) { pipe_barrier(PIPE_V); } }")
    (loop,) = run.code.loops
    turn, key = run.values[loop.turn_slot]
    assert (turn, key.startswith(f"i{TURN}")) == (0, True)
    assert run.kernel.domain((key, (0,))) == (0, None)


def test_a_loop_that_may_stand_still_is_not_run() -> None:
    with pytest.raises(Stopped, match="not pinned") as stopped:
        stepped("param n in 0..; param s in 0..;\ncore AIV0 { for (i = 0; i < n; i += s) { pipe_barrier(PIPE_V); } }")
    assert stopped.value.problem.span.line == 2


def test_a_statement_that_asks_half_way_takes_its_counters_back() -> None:
    class Asking:
        """Moves the counter of a FIFO, then asks."""

        def actions(self, run: CoreRun, store: Store) -> None:
            run.marks = {**run.marks, "q": (1, 0)}
            store.truth(less(N, 1))

    kernel = kernel_of("param n in 0..; core AIV0 { pipe_barrier(PIPE_V); }")
    kernel.cores[0].ops[0].emitter = cast(Emitter, Asking())
    run = CoreRun(kernel, kernel.cores[0])
    run.marks = {"q": (0, 0)}
    with pytest.raises(Open):
        run.step(Store(kernel.domain))
    assert (run.marks, run.pc) == ({"q": (0, 0)}, 0)
