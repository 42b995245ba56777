"""How wrong one overwritten tile makes paged attention: Case1's shape, one P tile of one lane replaced by the next one.

The race of #708 is played out once a run: MTE3 stores pijBf16 of a KV block after V has converted the next one into it.
"""

from __future__ import annotations

import argparse
import runpy
from pathlib import Path
from typing import Any

import numpy as np

from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.simulator.data import Run, prepare
from syncheck.simulator.policies import Overtake

SEEDS = Path(__file__).resolve().parent.parent / "fixtures" / "seeds"
UPSTREAM = "upstream saw 0.0038 to 0.0055 (#825, #848); a fault injected into numpy alone 0.0038 to 0.0067 (5 to 95 %)"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=60)
    options.add_argument("--blocks", type=int, default=64, help="KV blocks of the one logical block (Case1: 64)")
    chosen = options.parse_args()
    sound, faulty = [], []
    for seed in range(chosen.seeds):
        right, wrong = errors(chosen.blocks, seed)
        sound.append(right)
        faulty.append(wrong)
    print(f"largest error of {chosen.seeds} runs, {chosen.blocks} KV blocks of 128, q_tile 16, against dense fp64")
    print(f"{'':24}{'least':>10}{'5 %':>10}{'median':>10}{'95 %':>10}{'greatest':>10}")
    for name, found in (("as issued", sound), ("one P tile overwritten", faulty)):
        print(f"{name:24}" + "".join(f"{value:10.2g}" for value in np.percentile(found, [0, 5, 50, 95, 100])))
    print(histogram(faulty))
    print(UPSTREAM)


def errors(blocks: int, seed: int) -> tuple[float, float]:
    """(as issued, with one tile of one lane overwritten) for one choice of inputs, KV block and lane."""
    golden: dict[str, Any] = runpy.run_path(str(SEEDS / "golden.py"))
    given = golden["inputs"]({"n_blocks": [blocks]}, seed)
    text = (SEEDS / "pr708.sync").read_text(encoding="utf-8")
    kernel = prepare(parse(text, "pr708.sync"), load("a2a3"), inputs=given)
    expected = golden["golden"](given)["out"]
    issued = kernel.run()
    random = np.random.default_rng(1000 + seed)
    block, lane = int(random.integers(0, blocks - 1)), f"AIV{random.integers(2)}"
    stores, converts = places(issued, lane, "TPUSH"), places(issued, lane, "TCVT")
    held = Overtake((lane, stores[block]), (lane, converts[block + 1]))
    faulty = kernel.run(held)
    assert held.done
    return distance(issued, expected), distance(faulty, expected)


def places(run: Run, core: str, op: str) -> list[int]:
    """Where a core issues its stores of pijBf16 (TPUSH), or what writes it (TCVT)."""
    found = []
    for event in run.events:
        handles = event.action.reads if op == "TPUSH" else event.action.writes
        if event.core == core and event.op == op and any(handle.name == "pijBf16" for handle in handles):
            found.append(event.order)
    return sorted(found)


def distance(run: Run, expected: Any) -> float:
    return float(np.abs(run.tensors["out"] - expected).max())


def histogram(values: list[float]) -> str:
    """A line for each 0.0005."""
    step = 0.0005
    counts = np.bincount((np.array(values) / step).astype(int))
    first = int(np.flatnonzero(counts)[0])
    return "\n".join(f"  {k * step:.4f}  {'#' * int(n)}" for k, n in enumerate(counts) if k >= first)


if __name__ == "__main__":
    main()
