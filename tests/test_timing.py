"""What instructions cost, and when they start and end: small cases by hand, seeds against their lower bound."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from syncheck.build import kernels
from syncheck.cost import Cost, Costs, Unpriced
from syncheck.execution import Kernel
from syncheck.frontends.script import parse
from syncheck.machine import Machine, load, loads
from syncheck.timing import Timing, issued, lower_bound, replay_timed

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
A2A3 = load("a2a3")
GM = "gm x : fp32[64, 256]; gm y : fp32[64, 256];\n"
ROWS = "tile a : UB fp32[4, 256] at 0x0; tile b : UB fp32[4, 256] at 0x1000; tile c : UB bf16[4, 256] at 0x2000;\n"
TILES = GM + ROWS


def kernel_of(text: str, machine: Machine = A2A3, pins: Mapping[str, int] | None = None) -> Kernel:
    program = parse(text, "k.sync")
    assert program.problems == ()
    (kernel,) = kernels(program, machine, {name: (value,) for name, value in (pins or {}).items()})
    assert kernel.problems == []
    return kernel


def timed(text: str) -> tuple[Timing, list[tuple[str, int, int]]]:
    """The timing, and (op, start, end) of every instance of the kernel in issue order."""
    kernel = kernel_of(text)
    events = issued(kernel)
    timing = replay_timed(events, kernel.wiring, Costs(A2A3, kernel))
    times = [timing.times[event.number] for event in events]
    ops = [kernel.sites[event.action.site].op for event in events]
    return timing, [(op, when.start, when.end) for op, when in zip(ops, times, strict=True)]


def test_each_instruction_costs_what_its_row_says() -> None:
    text = TILES + "core AIV0 { TLOAD(a, x[0:4]); TADD(b, a, a); TEXP(b, a); TCVT(c, b, 1); TSTORE(y[0:4], b); }"
    kernel = kernel_of(text)
    costs = Costs(A2A3, kernel)
    found = [costs.of(event.action) for event in issued(kernel)]
    assert found == [Cost(70, 270), Cost(32, 56), Cost(32, 63), Cost(32, 64), Cost(38, 88)]


def test_a_product_costs_its_multiply_adds() -> None:
    text = """
        tile l : L0A bf16[16, 128] at 0x0; tile r : L0B bf16[128, 64] at 0x0; tile o : L0C fp32[16, 64] at 0x0;
        core AIC { TMATMUL(o, l, r); }
    """
    kernel = kernel_of(text)
    (event,) = issued(kernel)
    assert Costs(A2A3, kernel).of(event.action) == Cost(16 * 128 * 64 // 4096, 6 + 32)


def test_start_up_overlaps_on_a_pipe_unless_a_barrier_lies_between() -> None:
    _, shown = timed(TILES + "core AIV0 { TADDS(a, a, 1); TADDS(b, b, 1); pipe_barrier(PIPE_V); TADDS(a, a, 1); }")
    assert shown == [("TADDS", 0, 42), ("TADDS", 16, 58), ("pipe_barrier", 32, 59), ("TADDS", 59, 101)]


def test_a_flag_holds_its_pipe_and_a_wait_on_s_holds_the_issue_of_all() -> None:
    held = """
        TLOAD(a, x[0:4]); set_flag(PIPE_MTE2, PIPE_{p}, 0); wait_flag(PIPE_MTE2, PIPE_{p}, 0);
        TADDS(a, a, 1); TLOAD(b, x[4:8]);
    """
    _, through_v = timed(TILES + "core AIV0 {" + held.format(p="V") + "}")
    assert through_v[3:] == [("TADDS", 271, 313), ("TLOAD", 70, 340)]
    _, through_s = timed(TILES + "core AIV0 {" + held.format(p="S") + "}")
    assert through_s[3:] == [("TADDS", 272, 314), ("TLOAD", 273, 543)]


def test_a_signal_of_two_lanes_takes_effect_with_the_later_one() -> None:
    text = (
        TILES
        + """
        core AIV { if (lane == 1) { TADDS(a, a, 1); TADDS(a, a, 1); } ffts_cross_core_sync(PIPE_V, 2, 3); }
        core AIC { wait_flag_dev(3); }
    """
    )
    timing, shown = timed(text)
    heard = next(end for op, _, end in shown if op == "wait_flag_dev")
    assert heard == 16 + 42 + 1
    assert timing.makespan == heard


def test_what_waits_for_ever_has_no_time() -> None:
    kernel = kernel_of(TILES + "core AIV0 { wait_flag(PIPE_MTE2, PIPE_V, 0); TADDS(a, a, 1); }")
    assert replay_timed(issued(kernel), kernel.wiring, Costs(A2A3, kernel)).times == {}


def test_an_instance_that_is_held_ends_after_the_other_one() -> None:
    drain = "set_flag(PIPE_MTE3, PIPE_S, 0); wait_flag(PIPE_MTE3, PIPE_S, 0);"
    kernel = kernel_of(
        TILES + "core AIV0 { TSTORE(y[0:4], a); " + 6 * "TADDS(b, b, 1);" + "TADDS(a, a, 1);" + drain + "}"
    )
    events = issued(kernel)
    store, *_, second, told, _ = (event.number for event in events)
    timing = replay_timed(events, kernel.wiring, Costs(A2A3, kernel), held={store: second})
    assert timing.times[store].end == timing.times[second].end + 1
    assert timing.times[told].end > timing.times[store].end


def test_the_order_in_which_instances_are_given_does_not_matter() -> None:
    text = (FIXTURES / "seeds" / "pr708.sync").read_text(encoding="utf-8")
    kernel = kernel_of(text, pins={"hw": 0, "hw_num": 1, "total": 2, "n_blocks": 3})
    events, costs = issued(kernel), Costs(A2A3, kernel)
    wanted = replay_timed(events, kernel.wiring, costs)
    mixed = random.Random(1).sample(events, len(events))
    assert replay_timed(mixed, kernel.wiring, costs).times == wanted.times
    assert len(wanted.times) == len(events)


SEEDS = ("pr596", "pr704", "pr708", "pr708_fixed_flag", "pr708_fixed_slots", "pr708_fixed_drain")


@pytest.mark.parametrize("name", SEEDS)
def test_no_seed_is_faster_than_its_data_allows(name: str) -> None:
    text = (FIXTURES / "seeds" / f"{name}.sync").read_text(encoding="utf-8")
    kernel = kernel_of(text, pins={"hw": 0, "hw_num": 1, "total": 2, "n_blocks": 4})
    events, costs = issued(kernel), Costs(A2A3, kernel)
    real = replay_timed(events, kernel.wiring, costs)
    bound = lower_bound(events, real, costs)
    assert 0 < bound.makespan <= real.makespan
    assert real.busy == bound.busy
    assert all(bound.busy[agent] <= bound.makespan for agent in bound.busy)
    assert max(real.utilisation(agent) for agent in real.busy) <= 1


def test_the_reference_kernel_is_within_a_few_percent_of_its_bound() -> None:
    text = (FIXTURES / "kernels" / "paged_attention.sync").read_text(encoding="utf-8")
    pins = {"hw": 0, "hw_num": 1, "batch": 2, "kv_heads": 1, "q_tiles": 1, "n_blocks": 16, "tail": 128}
    kernel = kernel_of(text, pins={"q_tile": 16, "block_size": 128, **pins})
    events, costs = issued(kernel), Costs(A2A3, kernel)
    real = replay_timed(events, kernel.wiring, costs)
    assert real.makespan < 1.05 * lower_bound(events, real, costs).makespan


def test_every_pipe_has_a_row_that_fits_anything() -> None:
    pipes = {pipe for pipes in A2A3.pipes.values() for pipe in pipes} - {"S"}
    assert pipes <= set(A2A3.costs)
    assert {"issue", "flag", "signal", "barrier"} <= set(A2A3.costs)
    assert all(row.source for row in A2A3.costs.values())
    written = "core AIC { instr f on PIPE_MTE2 reads GM[0:64] writes L0A[0:118]; instr g on PIPE_FIX reads GM[0:41]; }"
    kernel = kernel_of(written)
    costs = Costs(A2A3, kernel)
    assert [costs.of(event.action) for event in issued(kernel)] == [Cost(2, 202), Cost(1, 51)]


def test_a_machine_without_costs_says_so() -> None:
    a5 = load("a5")
    kernel = kernel_of(TILES + "core AIV0 { TADDS(a, a, 1); }", a5)
    with pytest.raises(Unpriced, match="a5 says nothing about costs"):
        Costs(a5, kernel)


def test_a_machine_of_ones_own_may_have_other_costs() -> None:
    lab = loads('extends = "a2a3"\n[cost."V TADDS"]\nrate = 1024\nstartup = 5\n', "lab.toml")
    kernel = kernel_of(TILES + "core AIV0 { TADDS(a, a, 1); }", lab)
    (event,) = issued(kernel)
    assert Costs(lab, kernel).of(event.action) == Cost(4, 9)
