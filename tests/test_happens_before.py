"""The graph and the clocks say the same, on random programs and on the seeds, whatever the options."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncheck.build import kernels
from syncheck.check import rules_of
from syncheck.frontends.script import parse
from syncheck.happens_before import before, graph_of, name, path, place
from syncheck.machine import load
from syncheck.ordering import Rules
from syncheck.reasons import START, Point, completions
from syncheck.recording import Event, Recording, is_data, record

SEEDS = sorted((Path(__file__).parent.parent / "fixtures" / "seeds").glob("*.sync"))
OPTIONS: tuple[dict[str, str], ...] = ({}, {"scalar_wait": "advisory"}, {"scalar_store": "issue"})


def disagreements(recording: Recording) -> Iterator[str]:
    """Pairs of memory accesses of which the graph says something else than the clocks."""
    data = [event for event in recording.events if is_data(event)]
    reached = _reached(recording, graph_of(recording), data)
    for other in data:
        complete = reached[other.index, START]
        for one in data:
            if one is not other and bool(complete >> one.index & 1) != _known(recording, one, other):
                yield f"{place(recording, one)} | {place(recording, other)}"


def _reached(recording: Recording, graph: nx.DiGraph[Point], data: list[Event]) -> dict[Point, int]:
    """For each point the accesses that are complete before it, as bits. Raises where the graph has a cycle."""
    complete = {point: 1 << event.index for event in data for point in completions(recording, event)}
    reached: dict[Point, int] = {}
    for point in nx.topological_sort(graph):
        bits = complete.get(point, 0)
        for one in graph.predecessors(point):
            bits |= reached[one]
        reached[point] = bits
    return reached


def _known(recording: Recording, one: Event, other: Event) -> bool:
    owner, number = one.store or (one.agent, one.count)
    strict = recording.kernel.wiring.agents[one.agent][1] in recording.rules.in_order
    if one.agent == other.agent and strict and (one.store is None or other.clock[owner] < number):
        return one.seq < other.seq and one.store is None
    return owner < len(other.clock) and other.clock[owner] >= number


def run(
    text: str, machine: str, options: dict[str, str], pins: dict[str, int], rules: Rules | None = None
) -> Recording:
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

PIPES = {"AIC": ("MTE2", "MTE1", "M", "FIX", "S"), "AIV": ("V", "MTE2", "MTE3", "S")}
SENDS = {
    "a2a3": {"AIC": "ffts_cross_core_sync(PIPE_FIX, 2, 1);", "AIV": "ffts_cross_core_sync(PIPE_MTE3, 2, 2);"},
    "a5": {"AIC": "set_intra_block(PIPE_FIX, 0);", "AIV": "set_intra_block(PIPE_MTE3, 1);"},
}
HEARS = {
    "a2a3": {"AIC": "wait_flag_dev(2);", "AIV": "wait_flag_dev(1);"},
    "a5": {"AIC": "wait_intra_block(PIPE_MTE2, 1);", "AIV": "wait_intra_block(PIPE_V, 0);"},
}
KINDS = ("data", "data", "data", "set", "pair", "wait", "barrier", "all", "send", "hear")


@st.composite
def bodies(draw: st.DrawFn, machine: str, core: str) -> str:
    """Statements of one core, mostly such that they do not stand still at once."""
    lines = []
    space = "L1" if core == "AIC" else "UB"
    for _ in range(draw(st.integers(1, 14))):
        one, other = draw(st.permutations(PIPES[core]))[:2]
        triple = f"(PIPE_{one}, PIPE_{other}, EVENT_ID{draw(st.integers(0, 1))});"
        memory = draw(st.sampled_from((space, "GM")))
        lines += {
            "data": [f"instr op on PIPE_{one} {draw(st.sampled_from(('reads', 'writes')))} {memory}[0:64];"],
            "set": [f"set_flag{triple}"],
            "pair": [f"set_flag{triple}", f"wait_flag{triple}"],
            "wait": [f"wait_flag{triple}"],
            "barrier": [f"pipe_barrier(PIPE_{one if one != 'S' else other});"],
            "all": ["pipe_barrier(PIPE_ALL);"],
            "send": [SENDS[machine][core]],
            "hear": [HEARS[machine][core]],
        }[draw(st.sampled_from(KINDS))]
    return "\n".join(lines)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from(("a2a3", "a5")), st.sampled_from(OPTIONS), st.booleans())
def test_random(data: st.DataObject, machine: str, options: dict[str, str], ignoring: bool) -> None:
    parts = [f"core {core} {{\n{data.draw(bodies(machine, core))}\n}}" for core in PIPES]
    text = "\n".join((f"machine {machine};", *parts))
    rules = rules_of(load(machine, options=options))
    if ignoring:
        rules = replace(rules, ignored_waits=frozenset(data.draw(st.sets(st.integers(0, 20)))))
    assert list(disagreements(run(text, machine, options, {}, rules))) == []


def test_path_is_there_exactly_where_before_says_so() -> None:
    pins = {"n_blocks": 2, "total": 1, "hw": 0, "hw_num": 1}
    recording = run(SEEDS[-2].read_text(encoding="utf-8"), "a2a3", {}, pins)
    graph = graph_of(recording)
    data = [event for event in recording.events if is_data(event)][::5]
    for one in data:
        for other in data:
            if one is not other:
                steps = path(recording, graph, one, other)
                assert bool(steps) == before(recording, graph, one, other)
                assert not steps or steps[-1].event is other


def test_checking_does_not_import_networkx() -> None:
    code = "import sys, syncheck.check, syncheck.recorded_picture; sys.exit('networkx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("between", "known"),
    [
        ("", False),
        ("wait_flag(PIPE_MTE3, PIPE_S, EVENT_ID0);", False),
        ("set_flag(PIPE_S, PIPE_V, EVENT_ID0); wait_flag(PIPE_S, PIPE_V, EVENT_ID0);", True),
        ("set_flag(PIPE_S, PIPE_MTE3, EVENT_ID0); wait_flag(PIPE_S, PIPE_MTE3, EVENT_ID0);", False),
        ("pipe_barrier(PIPE_ALL);", True),
    ],
)
def test_scalar_stores_are_seen_only_through_a_flag(between: str, known: bool) -> None:
    store = "set_flag(PIPE_MTE3, PIPE_S, EVENT_ID0);\ninstr st on PIPE_S writes UB[0:64];"
    text = f"machine a2a3;\ncore AIV {{\n{store}\n{between}\ninstr v on PIPE_V reads UB[0:64];\n}}"
    recording = run(text, "a2a3", {}, {})
    assert list(disagreements(recording)) == []
    graph = graph_of(recording)
    store_event, read = [event for event in recording.events if is_data(event) and event.action.core == 0]
    assert before(recording, graph, store_event, read) == known


def test_the_words_of_a_path() -> None:
    text = """machine a2a3;
core AIV0 {
    instr a on PIPE_V writes UB[0:64];
    pipe_barrier(PIPE_V);
    instr b on PIPE_V reads UB[0:64];
    set_flag(PIPE_V, PIPE_MTE3, 0);
    wait_flag(PIPE_V, PIPE_MTE3, 0);
    instr c on PIPE_MTE3 reads UB[0:64];
}
"""
    recording = run(text, "a2a3", {}, {})
    graph = graph_of(recording)
    first, second, third = [event for event in recording.events if is_data(event)]
    assert [step.text for step in path(recording, graph, first, second)] == [
        "a at 3 (AIV0 V) completes on V",
        "pipe_barrier(V) at 4 waits for all before it on V",
        "b at 5 (AIV0 V) starts after that",
    ]
    assert [step.text for step in path(recording, graph, second, third)] == [
        "b at 5 (AIV0 V) completes on V",
        "set_flag(V, MTE3, EVENT_ID0) at 6 fires when all before it on V is complete",
        "wait_flag(V, MTE3, EVENT_ID0) at 7 makes MTE3 wait for it",
        "c at 8 (AIV0 MTE3) starts after that",
    ]
    assert path(recording, graph, third, first) == ()


WORDS = {
    "in order": (
        "machine a2a3; core AIV0 { instr a on PIPE_S reads UB[0:64]; instr m on PIPE_S reads UB[0:64];\n"
        "instr b on PIPE_S reads UB[0:64]; }",
        (
            "a at 1 (AIV0 S) completes on S",
            "S completes its instructions in order",
            "b at 2 (AIV0 S) starts after that",
        ),
    ),
    "next in order": (
        "machine a2a3; core AIV0 { instr a on PIPE_S reads UB[0:64];\ninstr b on PIPE_S reads UB[0:64]; }",
        ("a at 1 (AIV0 S) completes on S", "S completes its instructions in order"),
    ),
    "issue": (
        "machine a2a3; core AIV0 { instr a on PIPE_V writes UB[0:64];\nset_flag(PIPE_V, PIPE_S, 0);\n"
        "wait_flag(PIPE_V, PIPE_S, 0);\ninstr b on PIPE_MTE2 writes UB[0:64]; }",
        (
            "a at 1 (AIV0 V) completes on V",
            "set_flag(V, S, EVENT_ID0) at 2 fires when all before it on V is complete",
            "wait_flag(V, S, EVENT_ID0) at 3 waits for it and holds the issue of all that follows on AIV0",
            "b at 4 (AIV0 MTE2) is issued after that",
        ),
    ),
    "signal": (
        "machine a5; core AIC { instr a on PIPE_S reads GM[0:64];\nset_intra_block(PIPE_FIX, 0); }\n"
        "core AIV0 { wait_intra_block(PIPE_V, 0);\ninstr b on PIPE_V reads UB[0:64]; }",
        (
            "a at 1 (AIC S) completes on S",
            "set_intra_block(FIX, flag 0) at 2 fires when all before it on FIX is complete",
            "wait_intra_block(0) at 3 makes V wait for it",
            "b at 4 (AIV0 V) starts after that",
        ),
    ),
}


@pytest.mark.parametrize("words", WORDS)
def test_the_words_of_each_kind_of_step(words: str) -> None:
    text, told = WORDS[words]
    recording = run(text, text.split(";")[0].split()[1], {}, {})
    data = [event for event in recording.events if is_data(event)]
    assert tuple(step.text for step in path(recording, graph_of(recording), data[0], data[-1])) == told


def test_an_instruction_of_s_that_nothing_follows_comes_before_nothing() -> None:
    text = "core AIV0 { instr a on PIPE_V writes UB[0:64]; instr b on PIPE_S reads UB[0:64]; }"
    recording = run(text, "a2a3", {"scalar_wait": "advisory"}, {})
    one, other = [event for event in recording.events if is_data(event)]
    graph = graph_of(recording)
    assert (before(recording, graph, other, one), path(recording, graph, other, one)) == (False, ())


def test_a_path_from_a_set_begins_with_the_set() -> None:
    text = (
        "machine a2a3; core AIV0 { set_flag(PIPE_V, PIPE_MTE2, 0);\nset_flag(PIPE_V, PIPE_MTE3, 1);\n"
        "wait_flag(PIPE_V, PIPE_MTE3, 1);\ninstr c on PIPE_MTE3 reads UB[0:64]; }"
    )
    recording = run(text, "a2a3", {}, {})
    graph = graph_of(recording)
    assert [step.text for step in path(recording, graph, recording.events[1], recording.events[-1])] == [
        "set_flag(V, MTE3, EVENT_ID1) at 2 fires when all before it on V is complete",
        "wait_flag(V, MTE3, EVENT_ID1) at 3 makes MTE3 wait for it",
        "c at 4 (AIV0 MTE3) starts after that",
    ]


def test_the_words_of_each_edge() -> None:
    """Of what is named, the event the edge comes from, or for a barrier the one that it leads to."""
    text = """machine a2a3;
core AIV0 {
    instr first on PIPE_MTE2 writes UB[0:64];
    set_flag(PIPE_MTE2, PIPE_V, 1);
    wait_flag(PIPE_MTE2, PIPE_V, 1);
    instr second on PIPE_V writes UB[0:64];
    pipe_barrier(PIPE_ALL);
    instr third on PIPE_MTE3 reads UB[0:64];
}
"""
    recording = run(text, "a2a3", {}, {})
    lines = [recording.kernel.sites[event.action.site].span.line for event in recording.events]
    told = {
        (lines[one[0]], lines[other[0]], data["reason"])
        for one, other, data in graph_of(recording).edges(data=True)
        if data["kind"] != "run"
    }
    assert told == {
        (3, 4, "MTE2 starts in order"),
        (3, 4, "fires when all before on MTE2 is complete"),
        (4, 5, "set_flag(MTE2, V, EVENT_ID1) at 4 → wait_flag(MTE2, V, EVENT_ID1) at 5"),
        (5, 6, "V starts in order"),
        (4, 7, "pipe_barrier(ALL) at 7 waits for all before"),
        (5, 7, "pipe_barrier(ALL) at 7 waits for all before"),
        (6, 7, "pipe_barrier(ALL) at 7 waits for all before"),
        (7, 8, "issued after pipe_barrier(ALL) at 7"),
    }


def test_names_of_events() -> None:
    text = """machine a2a3;
tile a : UB fp32[1, 64] at 0x0;
core AIV0 {
    for (i = 0; i < 2; i += 1) { TADDS(a, a, 1); }
    pipe_barrier(PIPE_ALL);
}
"""
    recording = run(text, "a2a3", {}, {})
    assert [place(recording, event) for event in recording.events] == [
        "TADDS at 4 (AIV0 V, i=0)", "TADDS at 4 (AIV0 V, i=1)", "pipe_barrier(ALL) at 5 (AIV0 S)",
    ]  # fmt: skip


def test_a_step_has_the_name_of_its_instruction() -> None:
    text = """machine a2a3;
tile a : UB fp32[16, 128] at 0x0; tile t : UB fp32[16, 128] at 0x2000; tile r : UB fp32[16, 8] at 0x4000;
core AIV0 { TROWSUM(r, a, t);
    instr ab on PIPE_V reads UB[0:64]; }
"""
    recording = run(text, "a2a3", {}, {})
    ops = {recording.kernel.sites[event.action.site].op for event in recording.events}
    assert {name(recording, event) for event in recording.events if is_data(event)} == {"TROWSUM at 3", "ab at 4"}
    assert any("." in op for op in ops)


def test_an_instruction_of_s_may_be_complete_at_either_of_two_points() -> None:
    text = "core AIV0 { instr a on PIPE_S reads UB[0:64];\ninstr b on PIPE_V writes UB[0:64]; }"
    recording = run(text, "a2a3", {"scalar_wait": "advisory"}, {})
    one, other = [event for event in recording.events if is_data(event)]
    graph = graph_of(recording)
    assert (before(recording, graph, one, other), before(recording, graph, other, one)) == (True, False)
    assert bool(path(recording, graph, one, other))


def test_only_stores_of_s_need_a_flag() -> None:
    """Its reads are complete where its next instruction begins, also on a core that stores."""
    text = "core AIV0 { instr a on PIPE_S reads UB[0:64];\ninstr b on PIPE_S writes UB[64:128];\n"
    recording = run(f"{text}instr c on PIPE_V writes UB[0:128]; }}", "a2a3", {}, {})
    read, store, write = [event for event in recording.events if is_data(event)]
    graph = graph_of(recording)
    assert list(disagreements(recording)) == []
    assert [event.store is not None for event in (read, store)] == [False, True]
    assert (before(recording, graph, read, write), before(recording, graph, store, write)) == (True, False)
