"""What a verdict for all trip counts costs: against trip count, slots and length of the body, by both methods.

Processor time, best of --repeat, all in one process so that ratios mean something.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import networkx as nx

from syncheck.build import kernels
from syncheck.check import Settings, check
from syncheck.event_graph import unfolded
from syncheck.event_order import EventOrder
from syncheck.event_verdict import event_verdict, folded_graphs
from syncheck.execution import Kernel
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.ordering import Rules
from syncheck.proof import Explorer
from syncheck.recording import record
from syncheck.steady_state import SteadyState

SEED = Path(__file__).parent.parent / "fixtures" / "seeds" / "pr708.sync"
MACHINE = load("a2a3")
T = TypeVar("T")


def best(repeat: int, run: Callable[[], T]) -> tuple[float, T]:
    """Milliseconds, and what the last run gave."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        result = run()
        times.append((time.process_time() - start) * 1000)
    return min(times), result


def kernel_of(text: str, **pins: int) -> Kernel:
    return next(kernels(parse(text, "k.sync"), MACHINE, {name: (value,) for name, value in pins.items()}))


def explored(text: str, **pins: int) -> Explorer:
    explorer = Explorer(kernel_of(text, **pins), Rules(), Log())
    explorer.run()
    return explorer


# ---------------------------------------------------------------- trip count


def trip_counts(repeat: int) -> None:
    text = SEED.read_text(encoding="utf-8")
    print("pr708.sync, any list of logical blocks: time to verdict")
    print(f"{'n_blocks':>10} {'states':>7} {'ms':>8} {'ratio':>6}   verdict")
    rows = []
    for most in (8, 64, 4096, None):
        bounded = text.replace("param n_blocks[b] in 1..;", f"param n_blocks[b] in 1..{most};") if most else text
        assert most is None or bounded != text
        ms, report = best(repeat, lambda t=bounded: check(t, "pr708.sync", Settings(MACHINE)))  # type: ignore[misc]
        rows.append((f"<= {most}" if most else "unbounded", report.states, ms, report.verdict))
    against = rows[1][2]
    for name, states, ms, verdict in rows:
        print(f"{name:>10} {states:>7} {ms:>8.0f} {ms / against:>6.2f}   {verdict}")


def unrolling(repeat: int) -> None:
    text = SEED.read_text(encoding="utf-8")
    one = {"hw": 0, "hw_num": 1, "total": 1}
    print("\none logical block of pr708.sync: all n_blocks at once, and one n_blocks unrolled")
    ms, explorer = best(repeat, lambda: explored(text, **one))
    print(f"  all n_blocks, exploration     {explorer.outcome.states:>8} states {ms:>8.0f} ms")
    ms, verdict = best(repeat, lambda: event_verdict(kernel_of(text, **one), Rules()))
    sizes = max(len(graph.nodes) for graph in verdict.graphs)
    print(f"  all n_blocks, event graph     {sizes:>8} nodes  {ms:>8.0f} ms   ({verdict.runs} short runs)")
    print(f"{'n_blocks':>10} {'events':>8} {'token game ms':>14} {'event order ms':>15} {'transitive closure ms':>22}")
    for blocks in (2, 4, 8, 64, 512, 4096):
        kernel = kernel_of(text, **one, n_blocks=blocks)
        game, run = best(1 if blocks > 64 else repeat, lambda k=kernel: record(k, Rules(), None, limit=10_000_000))  # type: ignore[misc]
        order, closure = unrolled_order(kernel, blocks)
        print(f"{blocks:>10} {len(run.events):>8} {game:>14.0f} {order:>15} {closure:>22}")


def unrolled_order(kernel: Kernel, blocks: int) -> tuple[str, str]:
    """The same run as a graph: hazards by our searches, and by networkx' transitive closure."""
    if blocks > 64:
        return "–", "–"
    (walk,) = SteadyState(kernel).walks(0).values()
    graph = unfolded(kernel, Rules(), walk)
    order, _ = best(1, lambda: list(EventOrder(graph).hazards()))
    if blocks > 8:
        return f"{order:.0f}", "–"
    closure, _ = best(1, lambda: nx.transitive_closure(graph.order))
    return f"{order:.0f}", f"{closure:.0f}"


# ---------------------------------------------------------------- slots and length


def pipeline(slots: int, steps: int) -> str:
    """MTE2 → V → MTE3 over rotating slots, one token a slot; `steps` vector instructions, a barrier after each."""
    back = "PIPE_V, PIPE_MTE2, EVENT_ID0", "PIPE_MTE3, PIPE_V, EVENT_ID0"
    prime = "".join(f"    set_flag({flag});\n" for flag in back for _ in range(slots))
    drain = "".join(f"    wait_flag({flag});\n" for flag in back for _ in range(slots))
    vector = "".join(
        f"        instr v on PIPE_V reads UB[{0x8000 + 32 * k}:{0x8020 + 32 * k}] "
        f"writes UB[{0x8020 + 32 * k}:{0x8040 + 32 * k}];\n        pipe_barrier(PIPE_V);\n"
        for k in range(steps)
    )
    return f"""\
param n in 1..;
tile a[{slots}] : UB fp32[1, 8] at 0x0;
tile b[{slots}] : UB fp32[1, 8] at 0x4000;
core AIV0 {{
{prime}    for (i = 0; i < n; i++) {{
        wait_flag(PIPE_V, PIPE_MTE2, EVENT_ID0);
        instr load on PIPE_MTE2 writes a[i % {slots}];
        set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        wait_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
        instr use on PIPE_V reads a[i % {slots}] writes b[i % {slots}];
{vector}        set_flag(PIPE_V, PIPE_MTE2, EVENT_ID0);
        set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
        wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
        instr store on PIPE_MTE3 reads b[i % {slots}];
        set_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
    }}
{drain}}}
"""


def growth(repeat: int, rows: list[tuple[int, int]], varied: str) -> None:
    print(f"\na pipelined loop, analysis alone: cost against {varied}")
    print(f"{'slots':>6} {'instructions':>13} {'states':>7} {'exploration ms':>15} {'graph nodes':>12} "
          f"{'event graph ms':>15} {'steady state only ms':>21}")  # fmt: skip
    for slots, steps in rows:
        row(slots, steps, repeat)


def row(slots: int, steps: int, repeat: int) -> None:
    program = parse(pipeline(slots, steps), "k.sync")
    fresh = [next(kernels(program, MACHINE, {})) for _ in range(3 * repeat)]
    explorers = [Explorer(fresh.pop(), Rules(), Log()) for _ in range(repeat)]
    outcomes = [explorer.outcome for explorer in explorers]
    first, _ = best(repeat, lambda: explorers.pop().run())
    assert not outcomes[0].gaps, outcomes[0].gaps
    second, verdict = best(repeat, lambda: event_verdict(fresh.pop(), Rules()))
    assert verdict.beyond is None, verdict.beyond
    assert not verdict.races
    steady, _ = best(repeat, lambda: steady_only(fresh.pop()))
    nodes = sum(len(graph.nodes) for graph in verdict.steady)
    length = 11 + 2 * steps
    states = outcomes[0].states
    print(f"{slots:>6} {length:>13} {states:>7} {first:>15.1f} {nodes:>12} {second:>15.1f} {steady:>21.1f}")


def steady_only(kernel: Kernel) -> int:
    """The races of the steady state, without the short runs."""
    return sum(
        1 for graph in folded_graphs(SteadyState(kernel), Rules()) for h in EventOrder(graph).hazards() if h.races
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=("trips", "slots", "length"))
    arguments = parser.parse_args()
    if arguments.only in (None, "trips"):
        trip_counts(arguments.repeat)
        unrolling(arguments.repeat)
    if arguments.only in (None, "slots"):
        growth(arguments.repeat, [(slots, 2) for slots in (1, 2, 3, 4, 8, 16)], "slots")
    if arguments.only in (None, "length"):
        growth(arguments.repeat, [(2, steps) for steps in (0, 10, 45, 150, 500, 995)], "the length of the body")


if __name__ == "__main__":
    main()
