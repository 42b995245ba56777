"""Cores that stand somewhere inside their loops: for tests of what is asked of them there."""

from __future__ import annotations

from syncheck.execution import CoreRun, Kernel
from syncheck.symbolic import Open, Store


def standing(kernel: Kernel, turns: int) -> tuple[list[CoreRun], Store]:
    """Each core where it has begun so many turns, and what that assumes: whatever is asked is answered with yes."""
    store, cores = Store(kernel.domain), [CoreRun(kernel, code) for code in kernel.cores]
    for core in cores:
        while core.turns < turns:
            try:
                core.step(store)
            except Open as question:
                assumed = store.assume(question.test, True)
                assert assumed is not None
                store = assumed
    return cores, store
