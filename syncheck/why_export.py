"""The order of one run as DOT, to look at, and as GraphML, to compute with."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from syncheck.action import ACCESS, BARRIER, HEAR, SET, SIGNAL, WAIT
from syncheck.happens_before import graph_of, operands
from syncheck.observation import Clash
from syncheck.reasons import DRAIN, END, ISSUE, ORDER, RUN, START
from syncheck.recording import Event, Recording, agent_name, find, turn

_POINTS = ("start", "end", "issued", "effect")
_SHAPES = {ACCESS: "box", SET: "cds", WAIT: "cds", SIGNAL: "cds", HEAR: "cds", BARRIER: "hexagon"}
_QUIET = (ORDER, ISSUE, DRAIN)


def dot(recording: Recording) -> str:
    """One node an event, grouped by core and pipe; races are red and dashed. Dotted edges only order starts."""
    lines = ["digraph order {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif", fontsize=10];']
    lines.append('  edge [fontname="sans-serif", fontsize=8];')
    lines += _clusters(recording)
    lines += _edges(recording)
    lines += _races(recording)
    return "\n".join([*lines, "}"]) + "\n"


def _clusters(recording: Recording) -> Iterator[str]:
    lanes: dict[str, dict[str, list[Event]]] = {}
    for event in recording.events:
        core, pipe = agent_name(recording, event.agent)
        lanes.setdefault(core, {}).setdefault(pipe, []).append(event)
    for core in sorted(lanes):
        yield f'  subgraph "cluster_{core}" {{'
        yield f"    label={_quoted(core)};"
        for pipe in sorted(lanes[core]):
            yield f'    subgraph "cluster_{core}_{pipe}" {{'
            yield f"      label={_quoted(pipe)}; style=rounded;"
            for event in lanes[core][pipe]:
                shape = _SHAPES.get(event.action.code, "octagon")
                yield f"      e{event.index} [label={_quoted(label(recording, event))}, shape={shape}];"
            yield "    }"
        yield "  }"


def label(recording: Recording, event: Event) -> str:
    """ "TCVT 425 i=1"."""
    site = recording.kernel.sites[event.action.site]
    what = f"{site.op}{operands(recording, event)} {site.span.line}"
    return f"{what} {turn(recording, event)}".rstrip()


def _edges(recording: Recording) -> Iterator[str]:
    seen: set[tuple[int, int, str]] = set()
    for (one, _), (other, _), data in graph_of(recording).edges(data=True):
        kind = data["kind"]
        key = (one, other, kind)
        if kind == RUN or one == other or key in seen:
            continue
        seen.add(key)
        if kind in _QUIET:
            style = f"style=dotted, color=gray60, tooltip={_quoted(data['reason'])}"
        else:
            style = f"label={_quoted(data['reason'])}"
        yield f"  e{one} -> e{other} [{style}];"


def _races(recording: Recording) -> Iterator[str]:
    for clash, earlier, later in races(recording):
        text = "may overlap" if clash.kind == "same_pipe" else "not ordered"
        yield (
            f"  e{earlier.index} -> e{later.index} "
            f"[color=red, fontcolor=red, style=dashed, constraint=false, label={_quoted(text)}];"
        )


def races(recording: Recording) -> Iterator[tuple[Clash, Event, Event]]:
    """The conflicts of the run that nothing orders."""
    for clash in recording.clashes:
        earlier, later = find(recording, clash.earlier), find(recording, clash.later)
        if earlier is not None and later is not None:
            yield clash, earlier, later


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def graphml(recording: Recording) -> str:
    """Every point (start, end, …) as a node, every reason as an edge; races are edges of the kind "race"."""
    plain: nx.DiGraph[str] = nx.DiGraph()
    graph = graph_of(recording)
    for index, point in graph.nodes:
        event = recording.events[index]
        site = recording.kernel.sites[event.action.site]
        plain.add_node(
            f"e{index}.{_POINTS[point]}", core=site.core, pipe=site.pipe, op=site.op, line=site.span.line,
            file=_clean(site.span.path), turn=turn(recording, event), point=_POINTS[point], order=index,
        )  # fmt: skip
    for (one, start), (other, stop), data in graph.edges(data=True):
        plain.add_edge(
            f"e{one}.{_POINTS[start]}", f"e{other}.{_POINTS[stop]}", kind=data["kind"], reason=_clean(data["reason"])
        )
    for clash, earlier, later in races(recording):
        ends = f"e{earlier.index}.{_POINTS[END]}", f"e{later.index}.{_POINTS[START]}"
        plain.add_edge(*ends, kind="race", reason=clash.kind.replace("_", " "))
    return "\n".join(nx.generate_graphml(plain)) + "\n"


def _clean(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(c if c.isprintable() else "?" for c in text)
