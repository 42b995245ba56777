"""The event graph against the exploration and the judge: two methods that share neither code nor idea must agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import programs
import pytest
from hypothesis import strategies as st
from judging import choices, engine, judged, told
from random_examples import DEEP, every
from test_invariants import imports

from syncheck.build import kernels
from syncheck.check import Settings, machine_for, rules_of
from syncheck.cost import Cost, Costs
from syncheck.event_cover import covers, redundant
from syncheck.event_graph import EventGraph
from syncheck.event_order import EventOrder
from syncheck.event_throughput import throughput
from syncheck.event_verdict import EventVerdict, event_verdict, folded_graphs
from syncheck.execution import Kernel
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.ordering import Rules
from syncheck.proof import Explorer
from syncheck.simulator.entries import Hardware
from syncheck.simulator.program import Script, written
from syncheck.steady_state import SteadyState
from syncheck.timing import Issued, replay_timed
from syncheck.why import graph, steady

SEEDS = Path(__file__).parent.parent / "fixtures" / "seeds"
A2A3 = load("a2a3")
Place = tuple[str, int, str]


def decided(text: str, pins: dict[str, tuple[int, ...]] | None = None) -> tuple[Kernel, EventVerdict]:
    (kernel,) = kernels(parse(text, "k.sync"), A2A3, pins or {})
    return kernel, event_verdict(kernel, Rules())


def races(kernel: Kernel, verdict: EventVerdict) -> set[tuple[Place, ...]]:
    """(core, line, R or W) of both accesses of each race."""
    found = set()
    for _, hazard in verdict.races:
        places = []
        for access in (hazard.first, hazard.second):
            site = kernel.sites[access.node.issued.action.site]
            places.append((site.core, site.span.line, "W" if access.writes else "R"))
        found.add(tuple(sorted(places)))
    return found


def lines(kernel: Kernel, verdict: EventVerdict) -> set[tuple[int, int]]:
    return {(a[1], b[1]) for a, b in races(kernel, verdict)}


# ---------------------------------------------------------------- agreement


def compare(script: Script) -> str:
    """Race line pairs and standstills of both methods are the same; where one does not close, it says less."""
    text, script = written(script)
    kernel, verdict = decided(text)
    one_turn: dict[str, tuple[int, ...]] = {"total": (1,)}
    pins = one_turn if verdict.turn_of else None  # the graph looks at one turn of an outer loop
    theirs, gaps = engine(text, pins, hardware=Hardware(counter_limit=15))
    mine = races(kernel, verdict)
    said = f"\n{numbered(text)}\n only the graph {sorted(mine - theirs.races)}"
    said += f"\n only the exploration {sorted(theirs.races - mine)} {gaps} {verdict.beyond}"
    if theirs.overflow:
        return "overflow"
    if verdict.beyond is not None or verdict.stands:
        if not gaps:
            assert mine <= theirs.races, said
            assert verdict.beyond or theirs.stuck, said
            assert theirs.stuck or not verdict.stands, said
        return "beyond" if verdict.beyond else "stuck"
    assert not theirs.stuck, said
    assert theirs.races <= mine if gaps else theirs.races == mine, said
    return "first open" if gaps else "equal"


def compare_judge(script: Script) -> str:
    """What the judge sees in small cases the graph has; what the graph has, the judge sees in some small case."""
    text, script = written(script)
    kernel, verdict = decided(text)
    if verdict.beyond is not None or verdict.stands:
        return "beyond"
    mine, seen = races(kernel, verdict), set()
    for most in (3, 7, 13):
        for values in choices(script, most, 1, 1):
            seen |= told(judged(script, values)).races
        if mine == seen:
            break
    assert mine == seen, f"\n{numbered(text)}\n only the graph {mine - seen}\n only the judge {seen - mine}"
    return "equal"


def numbered(text: str) -> str:
    return "\n".join(f"{number:3} {line}" for number, line in enumerate(text.splitlines(), 1))


@pytest.mark.parametrize("times", [pytest.param(1), pytest.param(8 * DEEP, marks=pytest.mark.deep)])
class TestAgreement:
    """Some hundred programs in the ordinary suite; the nightly run has 100,000."""

    @pytest.mark.parametrize(
        ("shape", "examples", "least"),
        [
            (programs.turning, 60, 40),
            (programs.straight, 40, 30),
            (programs.feeding, 25, 15),
            (programs.looped, 20, 6),
            (programs.strange, 20, 2),
            (programs.together, 15, 3),
            (programs.nested, 20, 3),
            (programs.several, 25, 8),
        ],
    )
    def test_both_methods(self, times: int, shape: Any, examples: int, least: int) -> None:
        said = every(examples, compare, shape(), times=times)
        assert said["equal"] + said["first open"] >= least * times, (
            "the graph applies to too few programs to compare anything"
        )

    def test_judge(self, times: int) -> None:
        every(30, compare_judge, programs.turning(), times=times)


LAST_TURN = """\
param n in 0..;
unknown c;
core AIV0 {
    if (c) {
        for (i = 0; i < n; i += 1) {
            instr a on PIPE_MTE2 writes UB[0:64];
            if (i + 1 < n) { set_flag(PIPE_MTE2, PIPE_V, 0); SECOND } else { THIRD }
        }
    }
}
"""


def test_each_answer_has_its_own_last_turns() -> None:
    """Found by the agreement test: the loop is there for one answer only, and its last turn differs."""
    read, wait = "instr b on PIPE_V reads UB[0:64];", "wait_flag(PIPE_MTE2, PIPE_V, 0);"
    kernel, verdict = decided(LAST_TURN.replace("SECOND", wait).replace("THIRD", read))
    assert lines(kernel, verdict) == {(6, 7), (6, 6)}
    assert decided(LAST_TURN.replace("SECOND", wait).replace("THIRD", wait))[1].stands


def test_a_loop_that_is_not_entered_is_some_way_from_its_first_turn() -> None:
    """Found by the agreement test: from n = 0 to n = 1 this loop takes no turn more."""
    text = """\
param n in 0..;
core AIV0 {
    for (i = 1; i < n; i += 1) {
        instr a on PIPE_MTE2 writes UB[((i + 1) % 2) * 64:((i + 1) % 2) * 64 + 64];
    }
    instr b on PIPE_V reads UB[0:64];
}
"""
    kernel, verdict = decided(text)
    assert lines(kernel, verdict) == {(4, 4), (4, 6)}


def test_the_second_method_uses_nothing_of_the_first() -> None:
    first = {"replay", "sightings", "fold", "proof", "recording", "reasons", "happens_before", "vector_clock"}
    for name in ("steady_state", "event_graph", "event_order", "event_cycles", "event_verdict"):
        assert not imports(name) & first, name


FIXTURES = SEEDS.parent
SMALL = [path for path in sorted(FIXTURES.glob("*/*.sync")) if path.parent.name not in ("seeds", "syntax", "kernels")]
LARGE = sorted(path for folder in ("seeds", "kernels") for path in (FIXTURES / folder).glob("*.sync"))


def compare_file(path: Path) -> str:
    """The races of a shipped script; of one turn of an outer loop, the graph has some of them."""
    program = parse(path.read_text(encoding="utf-8"), path.name)
    machine = machine_for(program, Settings(A2A3))
    for kernel in kernels(program, machine, {}):
        verdict, log = event_verdict(kernel, rules_of(machine)), Log()
        outcome = Explorer(kernel, rules_of(machine), log, max_states=2000).run()
        if verdict.beyond is not None or outcome.gaps:
            return "beyond"
        if verdict.stands or log.stuck:
            assert verdict.stands
            assert log.stuck
            return "stuck"
        theirs = set()
        for clash in log.clashes.values():
            ends = [(kernel.sites[a.site], "W" if a.writes else "R") for a in (clash.earlier, clash.later)]
            if clash.kind != "reversed":
                theirs.add(tuple(sorted((site.core, site.span.line, way) for site, way in ends)))
        mine = races(kernel, verdict)
        assert mine <= theirs if verdict.turn_of else mine == theirs, (path, mine ^ theirs)
    return "equal"


def test_shipped_scripts() -> None:
    said = [compare_file(path) for path in SMALL]
    assert said.count("equal") > 80


@pytest.mark.deep
@pytest.mark.parametrize("path", LARGE, ids=lambda path: path.stem)
def test_large_shipped_scripts(path: Path) -> None:
    compare_file(path)


# ---------------------------------------------------------------- what it says


LOOP = """\
param n in 1..;
tile a[2] : UB fp32[1, 64] at 0x0;
tile b : UB fp32[1, 64] at 0x1000;
core AIV0 {{
    {prime}
    for (i = 0; i < n; i++) {{
        {wait}
        instr load on PIPE_MTE2 writes a[i % 2];
        set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        instr use on PIPE_V reads a[i % 2];
        {give}
    }}
    {drain}
}}
"""
SET, WAIT = "set_flag(PIPE_V, PIPE_MTE2, EVENT_ID1);", "wait_flag(PIPE_V, PIPE_MTE2, EVENT_ID1);"


@pytest.mark.parametrize(
    ("primed", "expected"), [(0, "stuck"), (1, set()), (2, set()), (3, {(8, 11), (8, 8)}), (None, {(8, 11), (8, 8)})]
)
def test_tokens_cover_as_many_turns_as_there_are_slots(primed: int | None, expected: Any) -> None:
    flag = primed is not None
    text = LOOP.format(prime=SET * (primed or 0), wait=WAIT * flag, give=SET * flag, drain=WAIT * (primed or 0))
    kernel, verdict = decided(text)
    assert verdict.beyond is None
    if expected == "stuck":
        assert verdict.stands
    else:
        assert not verdict.stands
        assert lines(kernel, verdict) == expected


CUBE, RACES = {(93, 113), (94, 114)}, {(425, 434), (434, 425)}
ROWS = [
    pytest.param("pr704", RACES, marks=pytest.mark.deep),
    ("pr708", {(475, 484), (484, 475)}),
    pytest.param("pr708_fixed_flag", set(), marks=pytest.mark.deep),
    pytest.param("pr708_fixed_slots", set(), marks=pytest.mark.deep),
    ("pr331_before", CUBE),
    ("pr331_after", set()),
]


@pytest.mark.parametrize(("seed", "expected"), ROWS)
def test_seeds(seed: str, expected: set[tuple[int, int]]) -> None:
    """The inner loop of one logical block, for every n_blocks: between pipes, the races of the exploration."""
    text = (SEEDS / f"{seed}.sync").read_text(encoding="utf-8")
    kernel, verdict = decided(text)
    assert verdict.beyond is None
    assert not verdict.stands
    found = set()
    for _, hazard in verdict.races:
        one, other = (kernel.sites[a.node.issued.action.site] for a in (hazard.first, hazard.second))
        if one.pipe != other.pipe:
            found.add((one.span.line, other.span.line))
    assert found <= expected
    assert bool(found) == bool(expected)


# ---------------------------------------------------------------- surplus


def doubled(rows: list[str], pair: str, earlier: bool) -> str:
    """Every flag of a pair of pipes once more, with an event of its own, on the same lines; the set a line earlier."""
    result = list(rows)
    for at, row in enumerate(rows):
        if f"_flag({pair}, 0)" in row:
            more = row.strip().replace(f"({pair}, 0)", f"({pair}, 5)")
            plain = at > 0 and not any(sign in rows[at - 1] for sign in "{}")
            result[at - (earlier and plain and "set_flag" in row)] += f" {more}"
    return "\n".join(result)


def compare_surplus(script: Script, earlier: bool) -> str:
    """Where no distance changes without a flag, the exploration finds the same races without it; a flag that says the
    same as another one changes none."""
    text, script = written(script)
    rows = text.splitlines()
    flags = [row.partition("(")[2].rpartition(",") for row in rows if "_flag(" in row]
    events = {pair: {event for other, _, event in flags if other == pair} for pair, _, _ in flags}
    pair = next((pair for pair in events if events[pair] == {" 0);"}), "")
    more = doubled(rows, pair, earlier) if pair else text
    kernel, verdict = decided(more)
    if not pair or verdict.beyond is not None or verdict.stands:
        return "beyond"
    waits = {s.number for s in kernel.sites if s.op == "wait_flag" and s.detail.startswith(pair) and s.span.text}
    added = {number for number in waits if f"({pair}, 5)" in more.splitlines()[kernel.sites[number].span.line - 1]
             and kernel.sites[number].span.column > len(rows[kernel.sites[number].span.line - 1])}  # fmt: skip
    if not added or not all(redundant(graph, added) for graph in verdict.graphs):
        assert earlier or not added, f"the same flag twice\n{numbered(more)}"
        return "needed"
    hardware = Hardware(counter_limit=15)
    (with_it, gaps), (without, others) = engine(more, hardware=hardware), engine(text, hardware=hardware)
    if not gaps and not others:
        assert with_it.races == without.races, f"\n{numbered(more)}"
    return "redundant"


@pytest.mark.parametrize("times", [pytest.param(1), pytest.param(30, marks=pytest.mark.deep)])
def test_what_changes_no_distance_changes_no_verdict(times: int) -> None:
    said = every(30, compare_surplus, programs.turning(), st.booleans(), times=times)
    assert said["redundant"] >= 5 * times


def test_a_flag_beside_a_barrier_is_redundant() -> None:
    """The drain of all pipes does what the flag does; the flag alone is needed."""
    for barrier, expected in (("pipe_barrier(PIPE_ALL);", True), ("", False)):
        text = LOOP.format(prime=SET, wait=barrier + WAIT, give=SET, drain=WAIT)
        kernel, _, graph = folded(text)
        waits = {s.number for s in kernel.sites if s.op == "wait_flag" and s.span.line == 7}
        assert redundant(graph, waits) is expected


# ---------------------------------------------------------------- slack, throughput, words


def folded(text: str) -> tuple[Kernel, SteadyState, EventGraph]:
    (kernel,) = kernels(parse(text, "k.sync"), A2A3, {})
    state = SteadyState(kernel)
    (graph,) = folded_graphs(state, Rules())
    return kernel, state, graph


@pytest.mark.parametrize(("primed", "meet", "ordered"), [(1, 2, 1), (2, 2, 2)])
def test_slack(primed: int, meet: int, ordered: int) -> None:
    """One token for two slots lets `load` only one turn ahead of `use`; two tokens are what two slots need."""
    kernel, _, graph = folded(LOOP.format(prime=SET * primed, wait=WAIT, give=SET, drain=WAIT * primed))
    found = {}
    for cover in covers(EventOrder(graph)):
        ends = [kernel.sites[end.node.issued.action.site].span.line for end in (cover.first, cover.second)]
        found[tuple(ends)] = cover.meet, cover.ordered, cover.slack
    assert found[11, 8] == (meet, ordered, meet - ordered)
    assert found[8, 11] == (0, 0, 0)


@pytest.mark.parametrize("name", ["seeds/pr331_after", "seeds/pr708_fixed_flag", "WAR001/fires_store_loop.fixed"])
def test_throughput_is_what_the_timed_token_game_comes_to(name: str) -> None:
    """Far into the run, one period more takes as many cycles as the heaviest circle says: neither knows the other."""
    kernel, state, graph = folded((SEEDS.parent / f"{name}.sync").read_text(encoding="utf-8"))
    costs = Costs(A2A3, kernel)
    found = throughput(graph, costs.of, costs.issue)

    def makespan(periods: int) -> int:
        (walk,) = state.walks(graph.least + graph.step * periods).values()
        actions = [item.action for walked in walk.values() for item in walked.all]
        return replay_timed(map(Issued, range(len(actions)), actions), kernel.wiring, costs).makespan

    assert makespan(8) - makespan(4) == 4 * found.cycles
    assert found.circle
    assert all(less >= 0 for _, less in found.spared)


def test_throughput_of_a_shared_buffer() -> None:
    """One buffer: load and use take turns. Two with two tokens: the slower pipe is always busy."""
    costs = {"load": Cost(10, 10), "use": Cost(7, 7)}
    taken = []
    for primed in (1, 2):
        kernel, _, graph = folded(LOOP.format(prime=SET * primed, wait=WAIT, give=SET, drain=WAIT * primed))
        names = {site.number: site.op for site in kernel.sites}
        taken.append(throughput(graph, lambda a, n=names: costs.get(n[a.site], Cost(0, 0)), 0).cycles / 2)  # type: ignore[misc]
    assert taken == [17, 10]


def test_a_circle_without_tokens_is_told() -> None:
    text = LOOP.format(prime="", wait=WAIT, give=SET, drain="").replace("PIPE_V, PIPE_MTE2", "PIPE_V, PIPE_S")
    said = steady(text, "k.sync", Settings(A2A3))
    assert "a circle of waits without a token" in said
    assert "wait_flag 7 (AIV0 S) comes after set_flag 12: flag" in said


@pytest.mark.parametrize(
    ("give", "expected"),
    [
        (SET * 2, "(V, MTE2, 1) on AIV0: 4 sets and 2 waits a period; its tokens grow without end"),
        ("", "sooner or later a wait finds no token"),
    ],
)
def test_a_channel_whose_tokens_grow_or_run_out(give: str, expected: str) -> None:
    said = " ".join(steady(LOOP.format(prime=SET, wait=WAIT, give=give, drain=""), "k.sync", Settings(A2A3)).split())
    assert expected in said
    assert "does not cover this kernel" in said


BEYONDS = [
    (
        "param n in 0..; param m in 0..;",
        "for (i = 0; i < n; i++) {OP} for (j = 0; j < m; j++) {OP}",
        "different values",
    ),
    ("param n in 0..;", "for (i = 0; i < n; i++) {OP} for (j = 0; j < n; j++) {OP}", "more than one loop grows"),
    ("param n in 0..; unknown t[];", "for (i = 0; i < n; i++) { if (t[i]) {OP} }", "chosen anew in each turn"),
    ("param n in 0..; param s in 1..;", "for (i = 0; i < n; i += s) {OP}", "starts or steps by a value"),
    ("param n in 0..;", "for (i = 0; i < n; i++) { if (i * i < n) {OP} }", "line 3"),
    ("param n in 0..;", "for (i = 0; i < n; i++) { if ((n - i) % 7 == 0) {OP} }", "line 3"),
]


@pytest.mark.parametrize(("head", "body", "why"), BEYONDS)
def test_where_it_does_not_apply_it_says_so(head: str, body: str, why: str) -> None:
    op = "{ instr a on PIPE_V writes UB[0:64]; }"
    said = steady(f"{head}\ncore AIV0 {{\n{body.replace('{OP}', op)}\n}}\n", "k.sync", Settings(A2A3))
    assert "does not cover this kernel" in said
    assert why in " ".join(said.split())


def test_nothing_looked_at_is_no_verdict() -> None:
    text = (SEEDS / "pr331_before.sync").read_text(encoding="utf-8")
    said = steady(text, "k.sync", Settings(load("a2a3", overrides=("scalar_wait=advisory",))))
    assert "does not cover this kernel" in said
    assert "races" not in said


def test_drawing() -> None:
    text = (SEEDS / "pr331_before.sync").read_text(encoding="utf-8")
    drawn = graph(text, "k.sync", Settings(A2A3), "dot")
    assert drawn.startswith("digraph events {")
    assert drawn.count("{") == drawn.count("}")
    assert 'subgraph "cluster_AIC_MTE1"' in drawn
    assert 'label="flag +1"' in drawn
    assert "color=red, fontcolor=red, style=dashed" in drawn
    assert drawn == graph(text, "k.sync", Settings(A2A3), "dot")
    root = ElementTree.fromstring(graph(text, "k.sync", Settings(A2A3), "graphml"))
    assert any(data.text == "race" for edge in root.findall(".//{*}edge") for data in edge)
