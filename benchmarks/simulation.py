"""How long a run with data takes: Case1's shape for one hardware block, 64 KV blocks in each of 10 logical blocks."""

from __future__ import annotations

import argparse
import runpy
import time
from pathlib import Path
from typing import Any

from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.simulator.data import prepare

SEEDS = Path(__file__).resolve().parent.parent / "fixtures" / "seeds"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--blocks", type=int, default=64)
    options.add_argument("--logical", type=int, default=10)
    options.add_argument("--script", default="pr708_fixed_flag")
    chosen = options.parse_args()
    golden: dict[str, Any] = runpy.run_path(str(SEEDS / "golden.py"))
    given = golden["inputs"]({"n_blocks": [chosen.blocks], "total": chosen.logical}, 0)
    text = (SEEDS / f"{chosen.script}.sync").read_text(encoding="utf-8")
    kernel = prepare(parse(text, chosen.script), load("a2a3"), inputs=given)
    print(f"{chosen.script}: {chosen.logical} logical blocks of {chosen.blocks} KV blocks, processor time")
    for schedule, seed in (("program", 0), ("random", 0), ("adversarial", 0), ("adversarial", 1)):
        started = time.process_time()
        run = kernel.run(schedule, seed)
        seconds = time.process_time() - started
        events = len(run.events)
        print(f"  {schedule:12} {seed}  {seconds:6.2f} s  {events} instances  {events / seconds:8.0f} a second")


if __name__ == "__main__":
    main()
