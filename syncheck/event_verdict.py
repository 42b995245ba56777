"""All trip counts by the event graph: short runs one by one, the steady state with its start and ends at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncheck.action import HEAR, SET, SIGNAL, WAIT
from syncheck.event_cycles import standstill
from syncheck.event_graph import Ahead, EventGraph, Node, Tokens, folded, unfolded
from syncheck.event_order import EventOrder, Hazard
from syncheck.execution import Kernel
from syncheck.ordering import Rules
from syncheck.source import Problem, Span
from syncheck.steady_state import Beyond, SteadyState

MOST_RUNS = 80
"""Trip counts that are looked at one by one."""
_SHIFTS = 6


@dataclass(slots=True)
class Stand:
    """A standstill: its circle of waits, or waits that nothing releases; and what never runs."""

    graph: EventGraph
    circle: tuple[tuple[int, int], ...]
    starved: tuple[Node, ...]
    never: frozenset[int]
    value: int | None


@dataclass(slots=True)
class EventVerdict:
    """What the graph decides of a kernel, for all trip counts of its growing loops (`turn_of`: of one turn of the loop
    named there). `beyond`: why it does not apply to all of it; what was found before stands.
    """

    parameter: str = ""
    turn_of: str = ""
    hazards: list[tuple[EventGraph, Hazard]] = field(default_factory=list)
    stands: list[Stand] = field(default_factory=list)
    uneven: list[tuple[EventGraph, Tokens]] = field(default_factory=list)
    graphs: list[EventGraph] = field(default_factory=list)
    runs: int = 0
    beyond: Problem | None = None

    @property
    def races(self) -> list[tuple[EventGraph, Hazard]]:
        return [pair for pair in self.hazards if pair[1].races]

    @property
    def steady(self) -> list[EventGraph]:
        return [graph for graph in self.graphs if not graph.straight]


def event_verdict(kernel: Kernel, rules: Rules) -> EventVerdict:
    """Decide all trip counts of `kernel` by its event graphs; never raises: `beyond` says what was out of reach."""
    verdict = EventVerdict()
    try:
        state = SteadyState(kernel)
        verdict.parameter, verdict.turn_of = state.parameter, state.turn_of
        _decide(verdict, state, rules)
    except Beyond as beyond:
        verdict.beyond = beyond.problem
    return verdict


def _decide(verdict: EventVerdict, state: SteadyState, rules: Rules) -> None:
    low, high = state.domain
    if not state.parameter:
        _run(verdict, state, rules, None)
        return
    if high is not None:
        if high - low >= MOST_RUNS:
            raise Beyond(state.where, f"{state.parameter} ends at {high}: too many values to look at one by one")
        for value in range(low, high + 1):
            _run(verdict, state, rules, value)
        return
    try:
        graphs = folded_graphs(state, rules)
    except Beyond:
        for value in range(low, low + 4):  # what the short runs show stands
            _run(verdict, state, rules, value)
        raise
    first = max(graph.least + graph.step * graph.from_period for graph in graphs)
    if first - low > MOST_RUNS:
        raise Beyond(state.where, f"the steady state begins only at {state.parameter} = {first}")
    for value in range(low, first):
        _run(verdict, state, rules, value)
    for graph in graphs:
        graph.from_period = (first - graph.least) // graph.step
        _judge(verdict, graph, None)


def folded_graphs(state: SteadyState, rules: Rules) -> list[EventGraph]:
    """The steady state, for each way to answer the unknowns. Raises Beyond where the event graph does not apply."""
    early: dict[int, int] = {}
    for _ in range(_SHIFTS):
        try:
            return [folded(state.kernel, rules, steady) for steady in state.steady(early)]
        except Ahead as ahead:
            early[ahead.source] = early.get(ahead.source, 0) + 1
            last: Beyond = ahead
    raise Beyond(last.problem.span, last.problem.message)


def _first_use(graph: EventGraph, channel: int) -> Span:
    """Where the steady state first takes from a channel or gives to it."""
    for node in graph.nodes:
        action = node.issued.action
        given = graph.kernel.wiring.signals[action.channel].targets if action.code == SIGNAL else (action.channel,)
        if action.code in (SET, WAIT, SIGNAL, HEAR) and channel in given:
            return graph.kernel.sites[action.site].span
    return graph.kernel.cores[0].ops[0].span


def _run(verdict: EventVerdict, state: SteadyState, rules: Rules, value: int | None) -> None:
    for walk in state.walks(value or 0).values():
        _judge(verdict, unfolded(state.kernel, rules, walk), value)
        verdict.runs += 1


def _judge(verdict: EventVerdict, graph: EventGraph, value: int | None) -> None:
    verdict.graphs.append(graph)
    if not graph.straight:
        uneven = [tokens for tokens in graph.tokens if tokens.sets != tokens.waits]
        if uneven:
            verdict.uneven += [(graph, tokens) for tokens in uneven]
            tokens = uneven[0]
            name, span = graph.kernel.wiring.channels[tokens.channel], _first_use(graph, tokens.channel)
            raise Beyond(span, f"{name} has {tokens.sets} sets and {tokens.waits} waits a period")
    circle, never = standstill(graph)
    if circle or graph.starved:
        verdict.stands.append(Stand(graph, circle, tuple(graph.starved), never, value))
        if not graph.straight:
            return
    for hazard in EventOrder(graph).hazards():
        ends = hazard.first.node.start, hazard.second.node.start
        if not never.intersection(ends):
            verdict.hazards.append((graph, hazard))
