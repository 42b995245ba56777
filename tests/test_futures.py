"""States that the proof takes for one have the same future: on scripts, and on random programs."""

from __future__ import annotations

from pathlib import Path
from random import Random

import programs
import programs_fifos
import programs_histories
import programs_kernels
import programs_tensors
import programs_turns
import pytest
from futures import PLAIN, alike
from hypothesis import strategies as st
from programs_orders import orders
from random_examples import DEEP, every

from syncheck.replay import Rules
from syncheck.simulator.program import Script, written

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.mark.parametrize("path", sorted((FIXTURES / "judge").glob("*.sync")), ids=lambda path: path.stem)
def test_on_scripts(path: Path) -> None:
    alike(path.read_text(encoding="utf-8"), 40)


OTHER = [
    Rules(advisory_scalar_wait=True), Rules(dsb_between_cores=True, dsb_within_core=True), Rules(counter_limit=2),
    Rules(in_order=frozenset("SV"), scalar_store_needs_flag=False),
]  # fmt: skip


def on_program(script: Script, rules: Rules = PLAIN) -> None:
    alike(written(script)[0], 12, rules)


@pytest.mark.parametrize("part", range(12))
def test_on_the_same_things_in_another_order(part: int) -> None:
    for number in range(20 * part, 20 * part + 20):
        alike(orders(Random(number)), 8)


@pytest.mark.parametrize("times", [pytest.param(1), pytest.param(DEEP, marks=pytest.mark.deep)])
class TestRandomPrograms:
    def test_loops(self, times: int) -> None:
        every(60, on_program, programs.looped(), times=times)

    def test_strange_loops(self, times: int) -> None:
        every(60, on_program, programs.strange(), times=times)

    def test_gated(self, times: int) -> None:
        every(20, on_program, programs.gated(), times=times)

    def test_nested_loops(self, times: int) -> None:
        every(30, on_program, programs.nested(), times=times)

    def test_cores_in_step(self, times: int) -> None:
        every(60, on_program, programs.together(), times=times)

    def test_turns(self, times: int) -> None:
        every(60, on_program, programs_turns.turns(), times=times)

    def test_strides(self, times: int) -> None:
        every(25, on_program, programs_turns.strides(), times=times)

    def test_histories(self, times: int) -> None:
        every(40, on_program, programs_histories.histories(), times=times)

    def test_under_other_rules(self, times: int) -> None:
        every(25, on_program, programs_histories.histories(), st.sampled_from(OTHER), times=times)

    def test_tensors(self, times: int) -> None:
        every(25, on_program, programs_tensors.tensors(), times=times)

    def test_fifos(self, times: int) -> None:
        every(60, on_program, programs_fifos.handing(), times=times)

    def test_kernels(self, times: int) -> None:
        every(60, on_program, st.one_of(programs_kernels.carried(), programs_kernels.inside()), times=times)

    def test_phases(self, times: int) -> None:
        every(40, on_program, programs_kernels.phases(), times=times)
