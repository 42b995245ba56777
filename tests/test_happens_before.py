"""The graph and the clocks say the same, on random programs and on the seeds, whatever the options."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncheck.build import kernels
from syncheck.check import rules_of
from syncheck.frontends.script import parse
from syncheck.happens_before import before, graph_of, path, place
from syncheck.machine import load
from syncheck.ordering import Rules
from syncheck.reasons import START, Point, completions
from syncheck.recording import Event, Recording, is_data, record

SEEDS = sorted((Path(__file__).parent.parent / "fixtures" / "seeds").glob("*.sync"))
OPTIONS = ({}, {"scalar_wait": "advisory"}, {"scalar_store": "issue"})


def disagreements(recording: Recording) -> Iterator[str]:
    """Pairs of memory accesses of which the graph says something else than the clocks."""
    graph = graph_of(recording)
    assert nx.is_directed_acyclic_graph(graph)
    data = [event for event in recording.events if is_data(event)]
    for one in data:
        reached: set[Point] = set()
        for point in completions(recording, one):
            reached |= nx.descendants(graph, point) if point in graph else set()
        for other in data:
            if one is not other and ((other.index, START) in reached) != _known(recording, one, other):
                yield f"{place(recording, one)} | {place(recording, other)}"


def _known(recording: Recording, one: Event, other: Event) -> bool:
    owner, number = one.store or (one.agent, one.count)
    strict = recording.kernel.wiring.agents[one.agent][1] in recording.rules.in_order
    if one.agent == other.agent and strict and (one.store is None or other.clock[owner] < number):
        return one.seq < other.seq and one.store is None
    return owner < len(other.clock) and other.clock[owner] >= number


def run(text: str, machine: str, options: dict[str, str], pins: dict[str, int], rules: Rules | None = None) -> Recording:
    model = load(machine, options=options)
    program = parse(text, "random.sync")
    assert not program.problems
    names = {param.name for param in program.params}
    kernel = next(kernels(program, model, {key: (value,) for key, value in pins.items() if key in names}))
    return record(kernel, rules or rules_of(model), None, limit=2000)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.stem)
def test_seeds(seed: Path, options: dict[str, str]) -> None:
    for n_blocks in (1, 2, 3):
        for total in (1, 2):
            pins = {"n_blocks": n_blocks, "total": total, "hw": 0, "hw_num": 1}
            recording = run(seed.read_text(encoding="utf-8"), "a2a3", options, pins)
            assert len(recording.events) > 10
            assert list(disagreements(recording)) == []


# ---------------------------------------------------------------- random programs

CUBE = ("MTE2", "MTE1", "M", "FIX")
LANE = ("V", "MTE2", "MTE3")
_DATA = {
    "V": "TADD(a, a, b);", "MTE2": "TLOAD(a, g);", "MTE3": "TSTORE(g, b);", "S": "TSETVAL(a, 1);",
    "M": "TMATMUL(c, l, r);", "FIX": "TSTORE(h, c);", "MTE1": "TMOV(l, k);",
}  # fmt: skip
_HEADER = """machine {machine};
gm g : fp32[8, 8]; gm h : fp32[16, 16]; gm q : bf16[16, 16];
tile a : UB fp32[8, 8] at 0x0; tile b : UB fp32[8, 8] at 0x100;
tile k : L1 bf16[16, 16] at 0x0; tile l : L0A bf16[16, 16] at 0x0; tile r : L0B bf16[16, 16] at 0x0;
tile c : L0C fp32[16, 16] at 0x0;
"""


@st.composite
def bodies(draw: st.DrawFn, pipes: tuple[str, ...], sends: str, hears: str) -> str:
    lines = []
    data = {**_DATA, "MTE2": "TLOAD(k, q);"} if "M" in pipes else _DATA
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(("data", "data", "data", "set", "wait", "barrier", "all", "send", "hear")))
        one, other = draw(st.permutations((*pipes, "S")))[:2]
        event = draw(st.integers(0, 1))
        lines.append({
            "data": data[one if one != "S" else pipes[0]],
            "set": f"set_flag(PIPE_{one}, PIPE_{other}, EVENT_ID{event});",
            "wait": f"wait_flag(PIPE_{one}, PIPE_{other}, EVENT_ID{event});",
            "barrier": f"pipe_barrier(PIPE_{one if one != 'S' else pipes[0]});",
            "all": "pipe_barrier(PIPE_ALL);",
            "send": f"ffts_cross_core_sync(PIPE_{one if one != 'S' else pipes[0]}, 2, {sends});",
            "hear": f"wait_flag_dev({hears});",
        }[kind])  # fmt: skip
        if kind == "set" and draw(st.booleans()):
            lines.append(lines[-1].replace("set_flag", "wait_flag"))
    return "\n".join(lines)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies(CUBE, "1", "2"), bodies(LANE, "2", "1"), st.sampled_from(OPTIONS[:2]), st.booleans())
def test_random(cube: str, lane: str, options: dict[str, str], in_order: bool) -> None:
    text = f"{_HEADER.format(machine='a2a3')}core AIC {{\n{cube}\n}}\ncore AIV {{\n{lane}\n}}\n"
    rules = rules_of(load("a2a3", options=options))
    if in_order:
        rules = Rules(rules.advisory_scalar_wait, rules.scalar_store_needs_flag, rules.in_order | {"V"})
    assert list(disagreements(run(text, "a2a3", options, {}, rules))) == []


def test_path_is_there_exactly_where_before_says_so() -> None:
    recording = run(SEEDS[-2].read_text(encoding="utf-8"), "a2a3", {}, {"n_blocks": 2, "total": 1, "hw": 0, "hw_num": 1})
    graph = graph_of(recording)
    data = [event for event in recording.events if is_data(event)][::5]
    for one in data:
        for other in data:
            if one is not other:
                steps = path(recording, graph, one, other)
                assert bool(steps) == before(recording, graph, one, other)
                assert not steps or steps[-1].event is other
