"""Slack: by how many turns the order of two lines covers the next turn in which they touch the same bytes.

And which waits could go and leave every distance as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import networkx as nx

from syncheck.action import SET, SIGNAL
from syncheck.event_graph import BARRIED, CROSS, FLAG, PERIOD, EventGraph, Node
from syncheck.event_order import NEVER, Access, EventOrder, Hazard


@dataclass(frozen=True, slots=True)
class Cover:
    """Two accesses of the steady state that meet. `first` is complete before what stands at the place of `second`
    starts, `ordered` turns later or more (NEVER: it is not); they touch the same bytes `meet` turns later, not before.
    """

    first: Access
    second: Access
    meet: int
    ordered: int

    @property
    def slack(self) -> int:
        """Turns to spare; negative for a race."""
        return self.meet - self.ordered


def covers(order: EventOrder, sites: Collection[int] = ()) -> list[Cover]:
    """For each pair of lines of the steady state whose bytes meet (of `sites` only) the turns with the least slack.

    In turns that leave the second line out, what stands there instead counts: as many instructions from the beginning
    of the turn on its pipe. Least slack first.
    """
    ranks, rows = _ranks(order)
    best: dict[tuple[object, ...], Cover] = {}
    for hazard in order.hazards(sites):
        ends = hazard.first.node, hazard.second.node
        if any(end.part != PERIOD for end in ends):
            continue
        cover = _cover(order, hazard, rows[ends[1].issued.action.agent, ranks[ends[1].number]])
        key = (*(end.issued.action.site for end in ends), hazard.first.writes, hazard.second.writes)
        if key not in best or cover.slack < best[key].slack:
            best[key] = cover
    return sorted(best.values(), key=lambda cover: cover.slack)


def _ranks(order: EventOrder) -> tuple[dict[int, int], dict[tuple[int, int], list[Node]]]:
    """For each instruction of the period, how many stand before it on its pipe in its turn; and those of one rank."""
    ranks: dict[int, int] = {}
    rows: dict[tuple[int, int], list[Node]] = {}
    counts: dict[tuple[int, int], int] = {}
    for node in order.graph.nodes:
        if node.part == PERIOD:
            agent = node.issued.action.agent
            rank = ranks[node.number] = counts.get((agent, node.turn), 0)
            counts[agent, node.turn] = rank + 1
            rows.setdefault((agent, rank), []).append(node)
    return ranks, rows


def _cover(order: EventOrder, hazard: Hazard, others: list[Node]) -> Cover:
    first, second = hazard.first, hazard.second
    turns = order.graph.turns(first.node.core)
    if turns != order.graph.turns(second.node.core):
        return Cover(first, second, hazard.apart, hazard.distance)  # loops of another step: in periods
    meet = turns * hazard.apart + second.node.turn - first.node.turn
    found = list(_ordered(order, first, second, others, turns))
    return Cover(first, second, meet, min(found, default=NEVER))


def _ordered(order: EventOrder, first: Access, second: Access, others: list[Node], turns: int) -> Iterator[int]:
    """How many turns later what stands at the place of the second is known to follow."""
    for node in others:
        distance = order.distance(first, Access(node, second.place, second.writes))
        if distance < NEVER:
            yield turns * distance + node.turn - first.node.turn


def redundant(graph: EventGraph, sites: Collection[int]) -> bool:
    """Whether no distance of the graph changes where nothing waits at `sites` (waits of a flag, barriers) any more.

    It is so where a path of what stays, with no more delay, leads from all that a set comes after to its wait. Then the
    removal changes no verdict; the converse does not hold, since not every distance is needed.
    """
    gone = [
        (u, v, data["delay"])
        for u, v, data in graph.order.edges(data=True)
        if data["kind"] in (FLAG, CROSS, BARRIED) and graph.owner[v].issued.action.site in sites
    ]
    rest = graph.order.copy()
    rest.remove_edges_from([edge[:2] for edge in gone])
    for u, v, delay in gone:
        for point, before in _sources(graph, u):
            if v not in nx.single_source_dijkstra_path_length(rest, point, cutoff=before + delay, weight="delay"):
                return False
    return True


def _sources(graph: EventGraph, point: int) -> Iterator[tuple[int, int]]:
    """What a point tells of: itself, or, since a set is no access, all that comes before it; with its delay."""
    node = graph.owner[point]
    if node.issued.action.code not in (SET, SIGNAL):
        yield point, 0
        return
    for own in (node.start, node.done, node.effect):
        for before, _, data in graph.order.in_edges(own, data=True) if own >= 0 else ():
            if graph.owner[before] is not node:
                yield before, data["delay"]
