"""The steady state in cycles: how long a period takes, and which circle of the event graph makes it take so long.

Every circle of the event graph asks for time: what is on it takes its cycles, and its tokens say in how many periods.
The most cycles for a token, over all circles, is what a period takes, whatever the pipes do (maximum cycle ratio; of a
pipe that is always busy, the circle is its own order). Costs are those of `cost`, timed as in `timing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

import networkx as nx

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL, WAIT, Action
from syncheck.cost import Cost
from syncheck.event_graph import BARRIED, COMPLETE, CROSS, FLAG, ISSUE, ORDER, PERIOD, RUN, EventGraph, Node

Edge = tuple[int, int, int, int, str]
"""From a point, to a point, cycles between, delay in periods, kind."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """`cycles` a period, and the circle that asks for them: what comes after what, and why. `spared`: cycles a period
    less without one synchronisation of the circle, (node that waits, cycles)."""

    cycles: Fraction
    circle: tuple[tuple[Node, Node, str, int], ...]
    spared: tuple[tuple[Node, Fraction], ...] = ()


def unit_cost(action: Action) -> Cost:
    """One cycle for each instruction, none for flags and barriers: where a machine knows no costs."""
    return Cost(1, 1) if action.code == ACCESS else Cost(0, 0)


def throughput(graph: EventGraph, cost: Callable[[Action], Cost], issue: int) -> Throughput:
    """What a period of the steady state takes. `issue`: cycles of the scalar unit for each instruction."""
    edges = _timed(graph, cost, issue)
    cycles, circle = largest_ratio(edges)
    told = tuple(
        (graph.owner[u] if u < len(graph.owner) else _issued(graph, u),
         graph.owner[v] if v < len(graph.owner) else _issued(graph, v), kind, weight)
        for u, v, weight, _, kind in circle
    )  # fmt: skip
    return Throughput(cycles, told, tuple(_spared(graph, edges, cycles, circle)))


def _issued(graph: EventGraph, point: int) -> Node:
    return graph.nodes[point - len(graph.owner)]


def _spared(
    graph: EventGraph, edges: list[Edge], cycles: Fraction, circle: tuple[Edge, ...]
) -> Iterable[tuple[Node, Fraction]]:
    """Each synchronisation of the circle alone: its line no longer waits."""
    seen = set()
    for _, v, _, _, kind in circle:
        if kind in (FLAG, CROSS, BARRIED):
            node = graph.owner[v]
            site = node.issued.action.site
            if site not in seen:
                seen.add(site)
                lines = {each.start for each in graph.nodes if each.issued.action.site == site}
                without, _ = largest_ratio(
                    [e for e in edges if e[1] not in lines or e[4] not in (FLAG, CROSS, BARRIED)]
                )
                yield node, cycles - without


def _timed(graph: EventGraph, cost: Callable[[Action], Cost], issue: int) -> list[Edge]:
    """The edges of the period with their cycles, in an order in which those without delay only lead onwards."""
    edges: list[Edge] = []
    owner = graph.owner
    for u, v, data in graph.order.edges(data=True):
        kind = data["kind"]
        if owner[u].part == owner[v].part == PERIOD and kind != ISSUE:
            edges.append((u, v, _cycles(kind, owner[u], owner[v], v, cost), data["delay"], kind))
    edges += _issue_chain(graph, issue)
    now: nx.DiGraph[int] = nx.DiGraph()
    now.add_nodes_from(point for edge in edges for point in edge[:2])
    now.add_edges_from(edge[:2] for edge in edges if not edge[3])
    place = {point: at for at, point in enumerate(nx.lexicographical_topological_sort(now))}
    return sorted(edges, key=lambda edge: (place[edge[0]], place[edge[1]]))


def _cycles(kind: str, one: Node, other: Node, point: int, cost: Callable[[Action], Cost]) -> int:
    """Cycles from one point to another (`timing`): sets fire their latency after all before them is complete."""
    before, after = one.issued.action, other.issued.action
    if kind == RUN:
        return 0 if point != one.done or before.code in (WAIT, HEAR) else cost(before).latency
    if kind == ORDER:
        if before.code in (BARRIER, ALL):
            return cost(before).latency
        return cost(before).occupies if before.code == ACCESS else 0
    cycles = 0
    if kind in (COMPLETE, BARRIED) and before.code in (SET, SIGNAL):
        cycles -= cost(before).latency  # what was complete when the set began to fire
    if kind == COMPLETE and after.code in (SET, SIGNAL):
        cycles += cost(after).latency
    return cycles


def _issue_chain(graph: EventGraph, issue: int) -> Iterable[Edge]:
    """The scalar unit hands out one instruction after the other; what waits there holds all that follows."""
    base = len(graph.owner)
    cores: dict[int, list[Node]] = {}
    for node in graph.nodes:
        if node.part == PERIOD:
            cores.setdefault(node.core, []).append(node)
    for nodes in cores.values():
        for at, node in enumerate(nodes):
            yield base + node.number, node.start, 0, 0, ISSUE
            before = nodes[at - 1]
            last = before.done if before.issued.action.scalar else base + before.number
            yield last, base + node.number, issue, int(at == 0), ISSUE


def largest_ratio(edges: list[Edge]) -> tuple[Fraction, tuple[Edge, ...]]:
    """The largest cycles per delay over all circles, and a circle that has it; (0, ()) where there is none.

    From a guess, look for a circle that takes longer; take its ratio as the next guess, until there is none.
    """
    ratio = Fraction(0)
    best: tuple[Edge, ...] = ()
    while True:
        circle = _longer(edges, ratio)
        if circle is None:
            return ratio, best
        ratio = Fraction(sum(edge[2] for edge in circle), sum(edge[3] for edge in circle))
        best = circle


def _longer(edges: list[Edge], ratio: Fraction) -> tuple[Edge, ...] | None:
    """A circle of more than `ratio` cycles per delay: longest paths, until one comes back to itself."""
    scale, less = ratio.denominator, ratio.numerator
    reached: dict[int, int] = {}
    since: dict[int, Edge] = {}
    for _ in range(len(edges) + 1):
        changed = False
        for edge in edges:
            u, v, weight, delay, _ = edge
            length = reached.get(u, 0) + weight * scale - less * delay
            if length > reached.get(v, 0):
                reached[v], since[v] = length, edge
                changed = True
        if not changed:
            return None
        circle = _come_back(since)
        if circle is not None:
            return circle
    return None


def _come_back(since: dict[int, Edge]) -> tuple[Edge, ...] | None:
    """A circle among the last edges into each point."""
    settled: set[int] = set()
    for first in since:
        path: dict[int, None] = {}
        point = first
        while point in since and point not in settled and point not in path:
            path[point] = None
            point = since[point][0]
        if point in path:
            circle = [since[point]]
            while circle[-1][0] != point:
                circle.append(since[circle[-1][0]])
            return tuple(reversed(circle))
        settled.update(path)
    return None
