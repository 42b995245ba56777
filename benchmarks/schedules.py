"""The seed schedules in the cost model: how far each is from what its data and its pipes demand.

    python benchmarks/schedules.py [logical blocks [bytes a cycle [cycles a signal]]]

For Case1 and Case2 of the upstream tests, one hardware block: makespan over the lower bound (the same instructions,
held by read-after-write and by pipes only), against #704 and #708, and how busy the busiest pipes are. The second and
third number replace the machine's rate of loads into L1 and the latency of a cross-core signal: the first is what one
core gets with the memory to itself, and of the second nothing is published. Ratios, no times: the model ranks.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from syncheck.build import kernels
from syncheck.cost import Costs
from syncheck.frontends.script import parse
from syncheck.machine import Machine, loads
from syncheck.timing import Timing, issued, lower_bound, replay_timed

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
SEEDS = ("pr596", "pr629", "pr704", "pr708", "pr708_fixed_flag", "pr708_fixed_slots", "pr708_fixed_drain")
CASES = {"Case1": (16, 128, 64), "Case2": (64, 64, 128)}
"""Query rows of a tile, tokens of a page, pages of a context."""


def shaped(text: str, q_tile: int, block: int) -> str:
    """A seed, written for 16 rows and pages of 128 tokens, with other ones: its UB is laid out for q_tile / 16 times as
    much, its values in L1 start behind the probabilities."""
    scale = q_tile // 16
    text = text.replace("Q_TILE = 16", f"Q_TILE = {q_tile}").replace("BLOCK = 128", f"BLOCK = {block}")
    text = re.sub(r"(: UB .*? at |local = UB at )0x(\w+)", lambda m: f"{m[1]}0x{scale * int(m[2], 16):x}", text)
    return text if scale == 1 else text.replace("at 0x42000", "at 0x48000")


def machine_with(rate: int, signal: int) -> Machine:
    costs = f'[cost."MTE2 L1"]\nrate = {rate}\nstartup = 200\n[cost.signal]\nrate = 0\nstartup = {signal}\n'
    return loads(f'name = "a2a3"\nextends = "a2a3"\n{costs}', "schedules.toml")


def timed(
    text: str, path: str, pins: dict[str, int], machine: Machine
) -> tuple[Timing, Timing, dict[int, tuple[str, str]]]:
    """The schedule, its lower bound, and the name of each agent."""
    program = parse(text, path)
    (kernel,) = kernels(program, machine, {name: (value,) for name, value in pins.items()})
    assert not program.problems, program.problems
    assert not kernel.problems, kernel.problems
    costs, events = Costs(machine, kernel), issued(kernel)
    real = replay_timed(events, kernel.wiring, costs)
    assert len(real.times) == len(events), "something waits for ever"
    names = {agent: kernel.wiring.name(agent) for agent in range(len(kernel.wiring.agents))}
    return real, lower_bound(events, real, costs), names


def row(name: str, case: str, total: int, machine: Machine) -> tuple[int, int, dict[tuple[str, str], float]]:
    """Makespan and lower bound in cycles, and the utilisation of each pipe."""
    q_tile, block, pages = CASES[case]
    pins = {"hw": 0, "hw_num": 1, "n_blocks": pages}
    if name == "paged_attention":
        text = (FIXTURES / "kernels" / f"{name}.sync").read_text(encoding="utf-8")
        pins |= {"batch": total, "kv_heads": 1, "q_tiles": 1, "q_tile": q_tile, "block_size": block, "tail": block}
    else:
        text = shaped((FIXTURES / "seeds" / f"{name}.sync").read_text(encoding="utf-8"), q_tile, block)
        pins |= {"total": total}
    real, bound, names = timed(text, f"{name}.sync", pins, machine)
    busy = {names[agent]: real.utilisation(agent) for agent in sorted(real.busy)}
    return real.makespan, bound.makespan, busy


def main(total: int = 2, rate: int = 78, signal: int = 1) -> None:
    machine = machine_with(rate, signal)
    for case in CASES:
        print(f"{case}: {total} logical blocks, loads of {rate} bytes a cycle, signals of {signal} cycles")
        print(f"{'schedule':18} {'cycles':>8} {'bound':>8}  ratio  of #704  of #708   busiest of the cube, of a lane")
        results = {name: row(name, case, total, machine) for name in (*SEEDS, "paged_attention")}
        before, after = results["pr704"][0], results["pr708"][0]
        for name, (makespan, bound, busy) in results.items():
            top = [max((u, p) for (core, p), u in busy.items() if core == c) for c in ("AIC", "AIV0")]
            shown = ", ".join(f"{pipe} {part:.0%}" for part, pipe in top)
            ratios = f"{makespan / bound:6.2f} {makespan / before:8.3f} {makespan / after:8.4f}"
            print(f"{name:18} {makespan:8} {bound:8} {ratios}   {shown}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
