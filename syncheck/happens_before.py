"""The order of one recorded run as a graph whose edges carry their reasons: for explanations and exports.

Clocks answer yes or no (`Event.clock`); a property test keeps the two equal. Importing networkx takes longer than a
check, so nothing that checks imports this.
"""

from __future__ import annotations

from itertools import pairwise

import networkx as nx

from syncheck.action import BARRIER, HEAR, SET, SIGNAL, WAIT
from syncheck.reasons import (
    BARRIED,
    CROSS,
    DRAIN,
    FLAG,
    ISSUE,
    ORDER,
    RETIRE,
    RUN,
    START,
    STORE,
    Point,
    completions,
    reasons,
)  # fmt: skip
from syncheck.recording import Event, Recording, turn
from syncheck.value import Value, frozen

_SYNCHRONISES = 1000
_COST = {FLAG: _SYNCHRONISES, CROSS: _SYNCHRONISES, BARRIED: _SYNCHRONISES, RETIRE: 10, ISSUE: 2, ORDER: 1}
"""What a path costs: first the fewest synchronisations, then the fewest instructions."""


@frozen
class Step(Value):
    """One step of a path: the event it ends at, and a sentence."""

    event: Event
    text: str


def graph_of(recording: Recording) -> nx.DiGraph[Point]:
    """All points of a run; each edge has `kind` and `reason` (a few words with line numbers)."""
    graph: nx.DiGraph[Point] = nx.DiGraph()
    events = recording.events
    for reason in reasons(recording):
        if not graph.has_edge(reason.before, reason.after):
            one, other = events[reason.before[0]], events[reason.after[0]]
            words = _words(recording, reason.kind, one, other)
            graph.add_edge(reason.before, reason.after, kind=reason.kind, reason=words, cost=_COST.get(reason.kind, 0))
    return graph


def before(recording: Recording, graph: nx.DiGraph[Point], first: Event, second: Event) -> bool:
    """Whether `first` is known complete where `second` starts."""
    start = (second.index, START)
    return any(nx.has_path(graph, point, start) for point in completions(recording, first) if point in graph)


def path(recording: Recording, graph: nx.DiGraph[Point], first: Event, second: Event) -> tuple[Step, ...]:
    """Why `first` is complete where `second` starts, by the fewest synchronisations; () where it need not be."""
    start = (second.index, START)
    for point in completions(recording, first):
        if point in graph and nx.has_path(graph, point, start):
            points: list[Point] = nx.dijkstra_path(graph, point, start, weight="cost")
            return tuple(_told(recording, graph, first, second, points))
    return ()


# ---------------------------------------------------------------- words


_PART = {SET: "set", WAIT: "wait", BARRIER: "barrier", SIGNAL: "signal", HEAR: "wait"}


def name(recording: Recording, event: Event) -> str:
    """ "TPUSH at 434", "set_flag(V, MTE3, EVENT_ID0) at 432", "the wait of TPOP at 227"."""
    site = recording.kernel.sites[event.action.site]
    shown = operands(recording, event)
    part = "" if shown or event.action.code not in _PART else f"the {_PART[event.action.code]} of "
    return f"{part}{site.op.partition('.')[0] if site.op[0].isupper() else site.op}{shown} at {site.span.line}"


def operands(recording: Recording, event: Event) -> str:
    """What a set, wait, barrier or signal is about: "(V, MTE3, EVENT_ID0)", "(V)"; "" for other instructions."""
    site, wiring, channel = recording.kernel.sites[event.action.site], recording.kernel.wiring, event.action.channel
    match site.op:
        case "set_flag" | "wait_flag":
            return f"({site.detail.replace('PIPE_', '')}, EVENT_ID{wiring.channels[channel].event})"
        case "pipe_barrier":
            return f"({site.detail.removeprefix('PIPE_') or site.pipe})"
        case "wait_flag_dev" | "wait_intra_block":
            return f"({wiring.channels[channel].event})"
        case "ffts_cross_core_sync" | "set_intra_block":
            return f"({site.pipe}, flag {wiring.signals[channel].flag})"
    return ""


def place(recording: Recording, event: Event) -> str:
    """ "TPUSH at 434 (AIV0 MTE3, i=0)"."""
    site = recording.kernel.sites[event.action.site]
    return f"{name(recording, event)} ({', '.join(filter(None, (f'{site.core} {site.pipe}', turn(recording, event))))})"


def _words(recording: Recording, kind: str, one: Event, other: Event) -> str:
    pipe = recording.kernel.sites[one.action.site].pipe
    return {
        RUN: "runs",
        ORDER: f"{pipe} starts in order",
        ISSUE: f"issued after {name(recording, one)}",
        DRAIN: f"fires when all before on {pipe} is complete",
        BARRIED: f"{name(recording, other)} waits for all before",
        FLAG: f"{name(recording, one)} → {name(recording, other)}",
        CROSS: f"{name(recording, one)} → {name(recording, other)}",
        STORE: "the flag shows the scalar stores before it",
        RETIRE: f"{pipe} completes in order",
    }[kind]


def _told(
    recording: Recording, graph: nx.DiGraph[Point], first: Event, second: Event, points: list[Point]
) -> list[Step]:
    """The path as steps: one for each synchronisation; pipe order and issue are told along with what they lead to."""
    pipe = recording.kernel.sites[first.action.site].pipe
    steps = [Step(first, f"{place(recording, first)} completes on {pipe}")]
    since: list[str] = []
    for edge in pairwise(points):
        kind = str(graph.edges[edge]["kind"])
        source, target = recording.events[edge[0][0]], recording.events[edge[1][0]]
        since.append(kind)
        if kind in (FLAG, CROSS, BARRIED):
            since.clear()
            if source is first and kind != BARRIED:
                steps.clear()
            steps += _waited(recording, source, target, kind)
        elif kind == RETIRE and source is first:
            steps.append(Step(target, f"{pipe} completes its instructions in order"))
    if steps[-1].event is not second:
        steps.append(Step(second, _last(recording, second, since)))
    return steps


def _waited(recording: Recording, source: Event, target: Event, kind: str) -> list[Step]:
    site, waiting = recording.kernel.sites[target.action.site], name(recording, target)
    issue = f"holds the issue of all that follows on {site.core}"
    if kind == BARRIED:
        whom = "every pipe" if target.holds else f"all before it on {site.pipe}"
        return [Step(target, f"{waiting} waits for {whom}{f', and {issue}' if target.holds else ''}")]
    pipe = recording.kernel.sites[source.action.site].pipe
    fires = f"{name(recording, source)} fires when all before it on {pipe} is complete"
    gets = f"waits for it and {issue}" if target.holds else f"makes {site.pipe} wait for it"
    return [Step(source, fires), Step(target, f"{waiting} {gets}")]


def _last(recording: Recording, second: Event, since: list[str]) -> str:
    if ISSUE in since:
        return f"{place(recording, second)} is issued after that"
    return f"{place(recording, second)} starts after that"
