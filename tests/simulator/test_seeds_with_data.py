"""The seeds with data: golden as issued, wrong where the race is played out, never wrong where it is cured."""

from __future__ import annotations

import numpy as np
import pytest
from attention import SEEDS, TOLERANCE, golden, inputs, seed_kernel

from syncheck.check import Settings, check
from syncheck.machine import load
from syncheck.simulator.policies import Overtake

TPUSH = {"pr596": (421, 411), "pr629": (407, 398), "pr676": (407, 398), "pr704": (434, 425), "pr708": (484, 475)}
"""The race of each: the line that reads, and the line that overwrites."""
FIXED = ("pr708_fixed_flag", "pr708_fixed_slots", "pr708_fixed_drain")


@pytest.mark.parametrize("name", TPUSH)
def test_the_race_gives_a_wrong_result_and_the_issue_order_does_not(name: str) -> None:
    given = inputs([2])
    kernel, expected = seed_kernel(name, given), golden(given)
    as_issued = kernel.run()
    assert as_issued.stuck == []
    assert np.abs(as_issued.tensors["out"] - expected).max() < TOLERANCE
    reading, writing = TPUSH[name]
    moves = [event for event in as_issued.events if event.core == "AIV0" and event.action.writes]
    first = next(event for event in moves if event.op == "TPUSH" and event.site.span.line == reading)
    last = [event for event in moves if event.op == "TCVT" and event.site.span.line == writing][-1]
    overtaking = Overtake(("AIV0", first.order), ("AIV0", last.order))
    wrong = kernel.run(overtaking, reference=as_issued)
    assert overtaking.done
    assert np.abs(wrong.tensors["out"] - expected)[:8].max() > TOLERANCE
    assert np.abs(wrong.tensors["out"] - expected)[8:].max() < TOLERANCE
    stale = wrong.stale[0]
    assert (stale.reader.order, stale.name) == (first.order, "pijBf16")
    assert wrong.event(stale.writer) is not None
    assert stale.writer == last.number


@pytest.mark.parametrize("name", FIXED)
def test_a_cured_kernel_gives_the_same_bits_under_every_schedule(name: str) -> None:
    given = inputs([3, 1])
    kernel = seed_kernel(name, given)
    expected = kernel.run().tensors["out"]
    assert np.abs(expected - golden(given)).max() < TOLERANCE
    for schedule in ("random", "adversarial"):
        for seed in range(12):
            assert kernel.run(schedule, seed).tensors["out"].tobytes() == expected.tobytes()


@pytest.mark.deep
@pytest.mark.parametrize("name", FIXED)
def test_a_cured_kernel_never_fails(name: str) -> None:
    """500 schedules, late and random, of unequal logical blocks."""
    given = inputs([3, 1, 2])
    kernel = seed_kernel(name, given)
    expected = kernel.run().tensors["out"]
    for seed in range(250):
        for schedule in ("random", "adversarial"):
            assert kernel.run(schedule, seed).tensors["out"].tobytes() == expected.tobytes(), (schedule, seed)


@pytest.mark.deep
@pytest.mark.parametrize("name", TPUSH)
def test_the_schedule_that_the_checker_names_gives_a_wrong_result(name: str) -> None:
    text = (SEEDS / f"{name}.sync").read_text(encoding="utf-8")
    (finding,) = [f for f in check(text, name, Settings(load("a2a3"))).findings if f.severity == "error"]
    witness = finding.witness
    assert witness is not None
    assert dict(witness.parameters)["n_blocks"] == "2"
    assert witness.earlier is not None
    given = inputs([2])
    kernel = seed_kernel(name, given)
    wrong = kernel.run(Overtake(witness.earlier, witness.later))
    assert np.abs(wrong.tensors["out"] - golden(given)).max() > TOLERANCE
