"""The event graph of the steady state as DOT, to look at, and as GraphML, to compute with."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from syncheck.action import ACCESS, BARRIER, HEAR, SET, SIGNAL, WAIT
from syncheck.event_graph import BARRIED, COMPLETE, CROSS, FLAG, ISSUE, ORDER, PERIOD, RUN, STORE, EventGraph, Node
from syncheck.event_order import Hazard

_SHAPES = {ACCESS: "box", SET: "cds", WAIT: "cds", SIGNAL: "cds", HEAR: "cds", BARRIER: "hexagon"}
_WORDS = {FLAG: "flag", CROSS: "signal", BARRIED: "barrier", STORE: "scalar store"}


def dot(graph: EventGraph, races: list[Hazard]) -> str:
    """One node an instruction of the period, grouped by core and pipe. `+1`: of the next period. Dotted edges only
    order starts; races are red and dashed."""
    lines = ["digraph events {", "  rankdir=LR;", "  compound=true;", "  newrank=true;"]
    lines.append('  node [shape=box, fontname="sans-serif", fontsize=10, margin="0.08,0.04", height=0.3];')
    lines.append('  edge [fontname="sans-serif", fontsize=9, arrowsize=0.7];')
    lines += _clusters(graph)
    lines += _edges(graph)
    lines += _races(graph, races)
    return "\n".join([*lines, "}"]) + "\n"


def graphml(graph: EventGraph, races: list[Hazard]) -> str:
    """The whole event graph: every instruction, every edge with `delay` and `kind`; races are edges of the kind
    "race"."""
    plain: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for node in graph.nodes:
        site = graph.kernel.sites[node.issued.action.site]
        part = ("before", "period", "after")[node.part]
        plain.add_node(
            f"e{node.number}", core=site.core, pipe=site.pipe, op=site.op, line=site.span.line, part=part,
            turn=node.turn, exit=node.exit, detail=site.detail,
        )  # fmt: skip
    for u, v, data in graph.events().edges(data=True):
        plain.add_edge(f"e{u}", f"e{v}", kind=data["kind"], delay=data["delay"])
    for race in races:
        plain.add_edge(f"e{race.first.node.number}", f"e{race.second.node.number}", kind="race", delay=race.apart)
    return "\n".join(nx.generate_graphml(plain)) + "\n"


def _clusters(graph: EventGraph) -> Iterator[str]:
    lanes: dict[str, dict[str, list[Node]]] = {}
    for node in graph.nodes:
        if node.part == PERIOD:
            site = graph.kernel.sites[node.issued.action.site]
            lanes.setdefault(site.core, {}).setdefault(site.pipe, []).append(node)
    for core in sorted(lanes):
        yield f'  subgraph "cluster_{core}" {{'
        yield f'    label="{core}"; fontname="sans-serif"; color=gray50;'
        for pipe in sorted(lanes[core]):
            yield f'    subgraph "cluster_{core}_{pipe}" {{'
            yield f'      label="{pipe}"; style="rounded,filled"; color=gray80; fillcolor=gray97;'
            for node in lanes[core][pipe]:
                shape = _SHAPES.get(node.issued.action.code, "octagon")
                yield f"      e{node.number} [label={_quoted(_label(graph, node))}, shape={shape}];"
            yield "    }"
        yield "  }"


def _label(graph: EventGraph, node: Node) -> str:
    """ "TLOAD 187", "turn 1 of 2" on two lines."""
    site, turns = graph.kernel.sites[node.issued.action.site], graph.turns(node.core)
    what = f"{site.op} {site.span.line}"
    return f"{what}\\nturn {node.turn + 1} of {turns}" if turns > 1 else what


def _edges(graph: EventGraph) -> Iterator[str]:
    """Without what pipe order says already: of several starts of a pipe that one wait on S precedes, the first."""
    issued: set[tuple[int, int, int]] = set()
    for u, v, data in graph.events().edges(data=True):
        one, other, kind, delay = graph.nodes[u], graph.nodes[v], data["kind"], data["delay"]
        if one.part != PERIOD or other.part != PERIOD or kind in (RUN, COMPLETE) or (kind == STORE and u == v):
            continue
        agent = other.issued.action.agent
        if kind == ISSUE:
            if (u, agent, delay) in issued and not other.issued.action.scalar:
                continue
            issued.add((u, agent, delay))
        yield f"  e{u} -> e{v} [{_style(kind, delay)}];"


def _style(kind: str, delay: int) -> str:
    later = f" +{delay}" if delay else ""
    back = ", constraint=false" if delay else ""
    if kind in _WORDS:
        colour = {FLAG: "blue3", CROSS: "darkgreen"}.get(kind, "gray30")
        return f"label={_quoted(_WORDS[kind] + later)}, color={colour}, fontcolor={colour}{back}"
    words = "" if kind in (ORDER, ISSUE) and not delay else f"label={_quoted(later.strip())}, fontcolor=gray50, "
    return f"{words}style=dotted, color=gray60, tooltip={_quoted(kind)}{back}"


def _races(graph: EventGraph, races: list[Hazard]) -> Iterator[str]:
    seen = set()
    for race in races:
        one, other = race.first.node, race.second.node
        key = one.number, other.number, race.apart
        if one.part == other.part == PERIOD and key not in seen:
            seen.add(key)
            later = f" +{race.apart}" if race.apart else ""
            yield (
                f"  e{one.number} -> e{other.number} [color=red, fontcolor=red, style=dashed, constraint=false, "
                f"label={_quoted(f'not ordered{later}')}];"
            )


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
