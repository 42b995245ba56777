"""Random examples: in the ordinary suite always the same, in the nightly run others each night.

A nightly failure prints the seed and a blob. `SYNCHECK_SEED=… pytest -m deep …` draws the same examples again,
`SYNCHECK_BLOB=… pytest -m deep …` only the one that failed.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, reproduce_failure, seed, settings
from hypothesis import strategies as st

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
"""Not `explain`: it traces every line that runs, also where nothing fails."""
SUITE = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None, phases=PHASES)
NIGHT = settings(SUITE, derandomize=False, print_blob=True)
SEED = int(os.environ.get("SYNCHECK_SEED") or time.time_ns() // 1_000_000_000)
DEEP = int(os.environ.get("SYNCHECK_JUDGE_TIMES", "50"))
"""How many times the ordinary suite's programs the nightly run judges."""
CHUNK = 2000
"""Examples that one seed stands for: hypothesis keeps all that it has tried in memory."""


def every(
    examples: int, check: Callable[..., object], *inputs: st.SearchStrategy[Any], times: int = 1
) -> Counter[object]:
    """How often `check` said what on so many random examples; `times` as many, and new ones, in the nightly run."""
    said: Counter[object] = Counter()

    def one(drawn: tuple[Any, ...]) -> None:
        said[check(*drawn)] += 1

    drawn = given(st.tuples(*inputs))
    if times == 1:
        settings(SUITE, max_examples=examples)(drawn(one))()
    elif blob := os.environ.get("SYNCHECK_BLOB"):
        reproduce_failure(hypothesis.__version__, blob.encode())(settings(NIGHT)(drawn(one)))()
    else:
        print(f"{examples * times} examples with SYNCHECK_SEED={SEED}")
        for start in range(0, examples * times, CHUNK):
            part = settings(NIGHT, max_examples=min(CHUNK, examples * times - start))
            seed(f"{SEED} {start}")(part(drawn(one)))()
        print(f"{sum(said.values())} run: {dict(said)}")
    return said
