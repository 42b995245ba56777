"""Every shipped script is run: what is proved gives the same bytes under every schedule, each witness is played out.

What instructions compute does not matter here: whatever is not a tile instruction hashes the bytes that it reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from syncheck.check import Settings, check, machine_for
from syncheck.cli_golden import drawn
from syncheck.cli_run_job import unknowns_of
from syncheck.definitions import pins_of
from syncheck.finding import Finding
from syncheck.frontends.script import parse
from syncheck.ir import Program
from syncheck.machine import Machine, load
from syncheck.simulator.data import Prepared, Run, prepare
from syncheck.simulator.policies import Overtake

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
SETTINGS = Settings(load("a2a3"), witnesses=True, timed=False)
ORDINARY, DEEP = 4, 40


def scripts() -> list[Path]:
    folders = sorted(folder for folder in FIXTURES.iterdir() if folder.is_dir() and folder.name.isupper())
    found = [path for folder in [*folders, FIXTURES / "judge"] for path in sorted(folder.glob("*.sync"))]
    return [path for path in found if not parse(path.read_text(encoding="utf-8"), path.name).problems]


def marked(path: Path) -> Any:
    """`// unplayed: why` in a script: its witness needs more than a finding's parameters say."""
    why = re.search(r"^// unplayed: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    marks = [pytest.mark.xfail(reason=why[1], strict=True)] if why else []
    return pytest.param(path, id=f"{path.parent.name}/{path.stem}", marks=marks)


SCRIPTS = [marked(path) for path in scripts()]


def made(program: Program, machine: Machine, parameters: tuple[tuple[str, str], ...] = ()) -> Prepared:
    """The kernel with the parameters of a witness, and inputs at random."""
    pins = pins_of(list(parameters), program)
    given: Mapping[str, Any] = unknowns_of(parameters, program)
    bare = prepare(program, machine, pins)
    extents = {name: tensor.extents for name, tensor in bare.kernel.layout.tensors.items()}
    return prepare(program, machine, pins, {**drawn(program, bare.written(), extents, 0), **given})


def bits(run: Run) -> dict[str, bytes]:
    return {name: tensor.tobytes() for name, tensor in run.tensors.items()}


def same_under_all(kernel: Prepared, count: int) -> None:
    issued = kernel.run()
    assert issued.stuck == []
    for schedule in ("random", "adversarial"):
        for seed in range(count):
            run = kernel.run(schedule, seed, reference=issued)
            assert run.stuck == []
            assert run.stale == []
            assert bits(run) == bits(issued), f"{schedule} {seed}"


def plays_out(finding: Finding, program: Program, machine: Machine) -> None:
    """The two accesses really happen the other way round; a standstill really stands still."""
    witness = finding.witness
    assert witness is not None
    kernel = made(program, machine, witness.parameters)
    issued = kernel.run()
    if witness.earlier is None:
        assert {(event.core, event.order) for event in issued.stuck} & set(witness.waiting)
        return
    held = Overtake(witness.earlier, witness.later)
    kernel.run(held, reference=issued)
    assert held.done, finding.title


@pytest.mark.parametrize("path", SCRIPTS)
def test_numbers_say_what_the_checker_says(path: Path) -> None:
    _numbers_say_what_the_checker_says(path, ORDINARY)


@pytest.mark.deep
@pytest.mark.parametrize("path", SCRIPTS)
def test_numbers_say_what_the_checker_says_under_many_schedules(path: Path) -> None:
    _numbers_say_what_the_checker_says(path, DEEP)


def _numbers_say_what_the_checker_says(path: Path, count: int) -> None:
    text = path.read_text(encoding="utf-8")
    program = parse(text, path.name)
    machine = machine_for(program, SETTINGS)
    report = check(text, path.name, SETTINGS)
    if report.verdict == "proved":
        same_under_all(made(program, machine), count)
    for finding in report.findings:
        if finding.severity == "error" and finding.witness is not None:
            plays_out(finding, program, machine)
