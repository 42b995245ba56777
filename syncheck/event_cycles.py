"""Circles in the event graph: without tokens, a deadlock for all trip counts; with them, what limits throughput."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx

from syncheck.event_graph import EventGraph


def standstill(graph: EventGraph) -> tuple[tuple[tuple[int, int], ...], frozenset[int]]:
    """A shortest circle of points without a token, as edges, () if there is none; and the points never reached."""
    order = graph.order
    now: nx.DiGraph[int] = nx.DiGraph()
    now.add_nodes_from(order)
    now.add_edges_from((u, v) for u, v, data in order.edges(data=True) if not data["delay"])
    circle: tuple[tuple[int, int], ...] = ()
    blocked = {node.start for node in graph.starved}
    if not nx.is_directed_acyclic_graph(now):
        for part in nx.strongly_connected_components(now):
            if len(part) > 1:
                blocked |= part
                found = _shortest(now.subgraph(part))
                if not circle or len(found) < len(circle):
                    circle = found
    if not blocked:
        return (), frozenset()
    never = set(blocked)
    for point in blocked:
        never |= nx.descendants(now, point)
    return circle, frozenset(never)


def _shortest(part: nx.DiGraph[int]) -> tuple[tuple[int, int], ...]:
    """A shortest circle through the least point of a strongly connected part."""
    first = min(part)
    best = min((nx.shortest_path(part, after, first) for after in sorted(part.successors(first))), key=len)
    points = [first, *best]
    return tuple(pairwise(points))
