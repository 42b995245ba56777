"""The parameters that a finding names are the least that show it: all smaller ones are tried, and show nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import programs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncheck import smallest
from syncheck.build import kernels
from syncheck.check import Settings, check
from syncheck.frontends.script import parse
from syncheck.ir import Program
from syncheck.machine import load
from syncheck.observation import Access, Clash, Log
from syncheck.proof import Explorer
from syncheck.replay import Rules
from syncheck.simulator.entries import Hardware
from syncheck.simulator.held import held_back
from syncheck.simulator.program import Script, unrolled, written

A2A3 = load("a2a3")
SUITE = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
Choice = dict[str, Any]
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
FILES = [
    path for path in sorted(FIXTURES.glob("[A-Zs]*/*.sync"))
    if path.parent.name not in ("syntax", "SYN001") and "\nparam " in path.read_text(encoding="utf-8")
]  # fmt: skip


def number(text: str) -> int | tuple[int, ...]:
    return tuple(int(part) for part in text.strip("[]").split(",")) if text.startswith("[") else int(text)


def size(choice: Choice) -> int:
    """What the parameters add up to; of a family each member that has a turn of the outer loop counts."""
    turns = choice.get("total", 1)
    return sum(
        value if isinstance(value, int) else sum(value[min(turn, len(value) - 1)] for turn in range(turns))
        for value in choice.values()
    )


def smaller(choice: Choice, domains: dict[str, tuple[int, int | None]]) -> Iterator[Choice]:
    """Every choice of the same parameters that adds up to less."""
    most = size(choice)
    options: list[list[Any]] = []
    for name, value in choice.items():
        low, high = domains[name]
        one = range(low, min(most, most if high is None else high) + 1)
        options.append(list(product(one, repeat=len(value))) if isinstance(value, tuple) else list(one))
    for values in product(*options):
        other = dict(zip(choice, values, strict=True))
        if size(other) < most:
            yield other


# ---------------------------------------------------------------- fixtures


def shown(text: str, path: Path, choice: Choice) -> set[tuple[str, str, int]]:
    """(rule, severity, line) of everything that is found with these parameters."""
    definitions = tuple((name, str(value).replace("(", "[").replace(",)", "]").replace(")", "]").replace(" ", ""))
                        for name, value in choice.items())  # fmt: skip
    report = check(text, str(path), Settings(A2A3, definitions=definitions, timed=False))
    pairs = [(f, pair.span.line) for f in report.findings for pair in (f.primary, *(p.primary for p in f.pairs))]
    return {(f.rule, f.severity, line) for f, line in pairs}


def domains_of(program: Program) -> dict[str, tuple[int, int | None]]:
    return {param.name: (param.domain.low, param.domain.high) for param in program.params if not param.domain.values}


QUICK = ("pr331_before", "pr708", "pr676_depth1")


def marked(path: Path) -> Any:
    slow = path.parent.name == "seeds" and path.stem not in QUICK
    return pytest.param(path, id=f"{path.parent.name}/{path.stem}", marks=[pytest.mark.deep] if slow else [])


@pytest.mark.parametrize("path", [marked(path) for path in FILES])
def test_fixtures(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    domains = domains_of(parse(text, str(path)))
    tried: dict[str, set[tuple[str, str, int]]] = {}
    for finding in check(text, str(path), Settings(A2A3, timed=False)).findings:
        choice = {name: number(value) for name, value in finding.parameters if name in domains}
        if finding.severity == "info" or not choice:
            continue
        key = finding.rule, finding.severity, finding.primary.span.line
        for least in (choice, *smaller(choice, domains)):
            name = str(least)
            if name not in tried:
                tried[name] = shown(text, path, least)
            assert (key in tried[name]) == (least is choice), (finding.message, least)


# ---------------------------------------------------------------- random programs


def races(script: Script, choice: Choice) -> set[Any]:
    found: set[Any] = set()
    for answers in product((0, 1), repeat=len(script.unknowns)):
        for table in product((0, 1), repeat=3 * len(script.tables)):
            values = {
                **choice,
                **dict(zip(script.unknowns, answers, strict=True)),
                **dict.fromkeys(script.tables, table),
            }
            found |= held_back(unrolled(script, values), Hardware()).races
    return found


def compare(script: Script) -> int:
    """Each race of the open exploration against the judge at its parameters, and at all that are less."""
    text, script = written(script)
    (kernel,) = kernels(parse(text, "random.sync"), A2A3, {})
    log = Log()
    Explorer(kernel, Rules(), log, max_states=200).run()
    domains = {param.name: (param.low, param.high) for param in script.params}
    verdicts: dict[str, set[Any]] = {}
    first: dict[Any, Clash] = {}  # the judge does not say which of the two is the earlier
    for clash in log.clashes.values():
        one, other = sorted((_side(kernel, clash.earlier), _side(kernel, clash.later)))
        known = first.get((one, other))
        if clash.kind != "reversed" and (known is None or clash.case.size < known.case.size):
            first[one, other] = clash
    for pair, clash in first.items():
        told = {name: number(value) for name, value in smallest.parameters(kernel, clash.case) if name in domains}
        choice: Choice = {param.name: told.get(param.name, param.low) for param in script.params}
        for param in script.params:
            if param.family and isinstance(choice[param.name], int):
                choice[param.name] = (choice[param.name],)
        for least in (choice, *smaller(choice, domains)):
            if str(least) not in verdicts:
                verdicts[str(least)] = races(script, least)
            assert (pair in verdicts[str(least)]) == (least is choice), f"\n{text}{pair} {choice} {least}"
    return len(first)


def _side(kernel: Any, access: Access) -> tuple[str, int, str]:
    site = kernel.sites[access.site]
    return site.core, site.span.line, "W" if access.writes else "R"


SHAPES: tuple[tuple[Any, int], ...] = (
    (programs.looped, 40), (programs.strange, 20), (programs.nested, 15), (programs.together, 20), (programs.blocks, 3),
)  # fmt: skip


@pytest.mark.parametrize("times", [pytest.param(1), pytest.param(50, marks=pytest.mark.deep)])
@pytest.mark.parametrize(("shape", "examples"), SHAPES, ids=lambda s: getattr(s, "__name__", ""))
def test_random_programs(shape: Callable[[], st.SearchStrategy[Script]], examples: int, times: int) -> None:
    counts: list[int] = []
    settings(SUITE, max_examples=examples * times)(given(shape())(lambda script: counts.append(compare(script))))()
    assert sum(counts) > examples
