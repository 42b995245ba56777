"""What the event graph decides: which pairs of accesses can race, by how many turns the others are covered, deadlock.

`distance(A, B)` is the least number of periods d such that A is complete before B starts, d periods later. Two accesses
of the period race for some trip count iff their bytes meet at some distance strictly between -distance(B, A) and
distance(A, B). docs/proofs.md, "The event graph".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement

import networkx as nx

from syncheck.action import ACCESS
from syncheck.event_graph import AFTER, BEFORE, PERIOD, EventGraph, Node, accesses
from syncheck.steady_state import Beyond, Bytes
from syncheck.wiring import SCALAR_DATA

NEVER = 1 << 60
"""A distance that no number of turns reaches."""


@dataclass(frozen=True, slots=True)
class Access:
    """A node and one range of bytes it touches."""

    node: Node
    place: Bytes
    writes: bool


@dataclass(frozen=True, slots=True)
class Hazard:
    """A pair of accesses to the same bytes, and how it is covered.

    `apart`: the least number of periods between two of their turns whose bytes meet, `first` being the earlier one.
    `distance`: from how many periods on `first` is complete where `second` starts (NEVER: from none on).
    A race where `distance` > `apart`; else `slack` periods could be taken away.
    """

    first: Access
    second: Access
    apart: int
    distance: int
    races: bool

    @property
    def slack(self) -> int:
        return self.apart - self.distance


class EventOrder:
    """Answers about one EventGraph."""

    def __init__(self, graph: EventGraph) -> None:
        self.graph = graph
        self._agents = graph.kernel.wiring.agents
        self._parts: dict[int, nx.DiGraph[int]] = {}
        self._known: dict[tuple[int, tuple[int, str]], dict[int, int]] = {}
        self._onward: dict[int, dict[int, int]] = {}
        self._backward: dict[int, dict[int, int]] = {}

    # ------------------------------------------------------------ distances

    @property
    def _scale(self) -> int:
        return len(self.graph.nodes) + 1

    def _weighted(self, part: int) -> nx.DiGraph[int]:
        """The points of one part, whose completions one search for each agent compares."""
        graph, scale = self.graph, self._scale
        weighted: nx.DiGraph[int] = nx.DiGraph()
        owner = graph.owner
        weighted.add_weighted_edges_from(
            (u, v, data["delay"] * scale)
            for u, v, data in graph.order.edges(data=True)
            if owner[u].part == part and owner[v].part == part
        )
        return weighted

    def _owner_of(self, access: Access) -> tuple[int, str]:
        """The agent in whose order the access completes."""
        action = access.node.issued.action
        data = access.writes and access.node.effect >= 0
        return action.agent, SCALAR_DATA if data else ""

    def _knowledge(self, part: int, owner: tuple[int, str]) -> dict[int, int]:
        """For each point, the last place (less one scale a period ago) up to which the owner is known complete there.

        One shortest-path search from all its instructions at once: the later one counts for more.
        """
        found = self._known.get((part, owner))
        if found is None:
            graph, scale = self.graph, self._scale
            agent, data = owner
            source = -1
            weighted = self._parts.get(part)
            if weighted is None:
                weighted = self._parts[part] = self._weighted(part)
            for node in graph.nodes:
                if node.part == part and node.issued.action.agent == agent:
                    point = node.effect if data else node.done
                    if point >= 0:
                        weighted.add_edge(source, point, weight=scale - 1 - node.place)
            lengths: dict[int, float] = {}
            if source in weighted:
                lengths = nx.single_source_dijkstra_path_length(weighted, source)
                weighted.remove_node(source)
            found = self._known[part, owner] = {point: scale - 1 - int(length) for point, length in lengths.items()}
        return found

    def distance(self, first: Access, second: Access) -> int:
        """The least number of periods from `first` to a `second` that starts after it is complete; NEVER: none.

        From before the steady state into it: the first turn; out of it: how many turns before the last; past it: the
        least number of periods.
        """
        point = first.node.complete(first.writes)
        if first.node.part == second.node.part:
            known = self._knowledge(first.node.part, self._owner_of(first)).get(second.node.start)
            if known is None:
                return NEVER
            distance = -((known - first.node.place) // self._scale)
            return distance if first.node.part == PERIOD or distance <= 0 else NEVER
        if second.node.part == AFTER:
            return self._from_all(second.node.start).get(point, NEVER)
        return self._to_all(point).get(second.node.start, NEVER)

    def _to_all(self, point: int) -> dict[int, int]:
        if point not in self._onward:
            lengths = nx.single_source_dijkstra_path_length(self.graph.order, point, weight="delay")
            self._onward[point] = {at: int(length) for at, length in lengths.items()}
        return self._onward[point]

    def _from_all(self, point: int) -> dict[int, int]:
        if point not in self._backward:
            lengths = nx.single_source_dijkstra_path_length(self._reversed, point, weight="delay")
            self._backward[point] = {at: int(length) for at, length in lengths.items()}
        return self._backward[point]

    @cached_property
    def _reversed(self) -> nx.DiGraph[int]:
        return self.graph.order.reverse(copy=False)

    # ------------------------------------------------------------ hazards

    def hazards(self, sites: Collection[int] = ()) -> Iterator[Hazard]:
        """Every pair of accesses (of `sites` only) whose bytes can meet, unless their pipe orders them by itself."""
        memories: dict[str, list[Access]] = defaultdict(list)
        for node, place, writes in accesses(self.graph):
            if not sites or node.issued.action.site in sites:
                memories[place.memory].append(Access(node, place, writes))
        for members in memories.values():
            if any(access.writes for access in members):
                self._refuse_symbols(members)
                for one, other in _meeting(members):
                    if one.writes or other.writes:
                        yield from self._pair(one, other)

    def _refuse_symbols(self, members: list[Access]) -> None:
        symbols = {access.place.symbol for access in members}
        if len(symbols) > 1:
            sites = self.graph.kernel.sites
            access = next(a for a in members if a.place.symbol)
            raise Beyond(sites[access.node.issued.action.site].span,
                         f"{access.place.name} is at an address that is not known")  # fmt: skip

    def _pair(self, one: Access, other: Access) -> Iterator[Hazard]:
        a, b = one.node.issued.action, other.node.issued.action
        if (a.atomic and b.atomic) or self._settled(one, other):
            return
        parts = one.node.part, other.node.part
        if parts[0] == parts[1] == AFTER and one.node.exit != other.node.exit:
            return
        if parts[0] == parts[1] == BEFORE and not self.graph.straight:
            return  # every run has them: the short ones show what they can do
        if parts[0] > parts[1]:
            one, other = other, one
        if self.graph.straight or one.node.part == other.node.part != PERIOD:
            if one.place.move != other.place.move:
                raise self._speeds(one)
            if one.node is not other.node and _meet(one.place, other.place, 0):
                yield from self._together(one, other)
        elif one.node.part == other.node.part == PERIOD:
            yield from self._repeated(one, other)
        else:
            yield from self._crossing(one, other)

    def _settled(self, one: Access, other: Access) -> bool:
        """Whether both run on one pipe that completes in order (all of the scalar unit's work is)."""
        a, b = one.node.issued.action, other.node.issued.action
        return a.agent == b.agent and self._agents[a.agent][1] in self.graph.rules.in_order

    def _together(self, one: Access, other: Access) -> Iterator[Hazard]:
        """Two instructions that run once each."""
        ahead, back = self.distance(one, other), self.distance(other, one)
        first, second = (one, other) if ahead <= 0 or back > 0 else (other, one)
        distance = min(ahead, back)
        yield Hazard(first, second, 0, 0 if distance <= 0 else NEVER, distance > 0)

    def _repeated(self, one: Access, other: Access) -> Iterator[Hazard]:
        """Two instructions of the period: `other` runs so many periods after `one`."""
        ahead, back = self.distance(one, other), self.distance(other, one)
        low, high = _shifts(self.graph, one, other)
        same = one.node is other.node
        if same and low == 0 == high:
            return
        least, most = max(low, 1 - back), min(high, ahead - 1)
        apart = _nearest(least, most, same)
        if apart is not None:
            forward = apart > 0 or (apart == 0 and one.node.place <= other.node.place)
            first, second = (one, other) if forward else (other, one)
            yield Hazard(first, second, abs(apart), ahead if forward else back, True)
            return
        for first, second, distance, reach in ((one, other, ahead, (low, high)), (other, one, back, (-high, -low))):
            apart = max(reach[0], distance, 1 if same else 0)
            if apart <= reach[1] and distance < NEVER and not (same and first.place is other.place and first is other):
                yield Hazard(first, second, apart, distance, False)

    def _crossing(self, one: Access, other: Access) -> Iterator[Hazard]:
        """From before the steady state into it or past it, or out of it."""
        nearest, farthest = self._when(one, other)
        if nearest > farthest or self._at_most(one, other) <= nearest:
            return
        distance = self.distance(one, other)
        yield Hazard(one, other, nearest, distance, distance > nearest)

    def _at_most(self, one: Access, other: Access) -> int:
        """A bound of the distance that few searches give: from the last such completion to the first such start."""
        point, start = one.node.complete(one.writes), other.node.start
        if one.node.part == BEFORE:
            point = self._last[one.node.issued.action.agent, one.writes and one.node.effect >= 0]
        if other.node.part == AFTER:
            start = self._first[other.node.issued.action.agent, other.node.exit]
            return self._from_all(start).get(point, NEVER)
        return self._to_all(point).get(start, NEVER)

    @cached_property
    def _last(self) -> dict[tuple[int, bool], int]:
        """The last completion of each agent before the steady state; True: of its scalar stores, seen by others."""
        found = {}
        for node in self.graph.nodes:
            if node.part == BEFORE:
                agent = node.issued.action.agent
                found[agent, False] = node.done
                if node.effect >= 0 and node.issued.action.code == ACCESS:
                    found[agent, True] = node.effect
        return found

    @cached_property
    def _first(self) -> dict[tuple[int, int], int]:
        """The first start of each agent after the steady state, for each exit."""
        found: dict[tuple[int, int], int] = {}
        for node in self.graph.nodes:
            if node.part == AFTER:
                found.setdefault((node.issued.action.agent, node.exit), node.start)
        return found

    def _when(self, one: Access, other: Access) -> tuple[int, int]:
        """At which turns (from the last one back; at which numbers of periods) the bytes of the two can meet."""
        graph, a, b = self.graph, one.place, other.place
        if one.node.part == BEFORE:
            first = 0 if other.node.part == PERIOD else graph.from_period
            low, high = _overlap(a, b, b.move)
            return max(low, first), high
        least = 0 if one.node.turn < graph.cuts[one.node.core][other.node.exit] else 1
        if a.move == b.move:  # they keep their distance
            low, high = _overlap(a, b, a.move)
            return max(low, least), high
        if b.move == 0:  # at fixed turns, from the end on any
            low, high = _overlap(b, a, a.move)
            return (max(least, graph.from_period - high), NEVER) if max(low, 0) <= high else (1, 0)
        if a.move == 0:  # for some numbers of periods
            low, high = _overlap(a, b, b.move)
            return (least, NEVER) if max(low, graph.from_period) <= high else (1, 0)
        raise self._speeds(one)

    def _speeds(self, access: Access) -> Beyond:
        site = self.graph.kernel.sites[access.node.issued.action.site]
        return Beyond(site.span, f"{access.place.name} moves at another speed than what it meets")


def _nearest(least: int, most: int, not_zero: bool) -> int | None:
    """The number of least size in [least, most]; None if there is none."""
    if least > most:
        return None
    if least <= 0 <= most:
        if not not_zero:
            return 0
        return 1 if most > 0 else -1 if least < 0 else None
    return least if least > 0 else most


def _meeting(members: list[Access]) -> Iterator[tuple[Access, Access]]:
    """Every pair whose bytes can be the same, each once, and each access with itself: what stays where it is by a sweep
    over the addresses, what moves with everything."""
    still = sorted((a for a in members if not a.place.move), key=lambda access: access.place.start)
    moving = [access for access in members if access.place.move]
    begun: list[Access] = []
    for access in still:
        begun = [other for other in begun if other.place.stop > access.place.start]
        begun.append(access)
        for other in begun:
            yield other, access
    yield from combinations_with_replacement(moving, 2)
    for access in moving:
        for other in still:
            yield other, access


def _meet(a: Bytes, b: Bytes, shift: int) -> bool:
    return a.start < b.stop + shift and b.start + shift < a.stop


def _overlap(a: Bytes, b: Bytes, move: int) -> tuple[int, int]:
    """All k for which b, moved k times by `move`, meets a; low > high where there are none."""
    if not move:
        return (-NEVER, NEVER) if _meet(a, b, 0) else (1, 0)
    # a.start - b.stop < k * move < a.stop - b.start
    low, high = a.start - b.stop, a.stop - b.start
    if move < 0:
        low, high, move = -high, -low, -move
    return low // move + 1, -(-high // move) - 1


def _shifts(graph: EventGraph, one: Access, other: Access) -> tuple[int, int]:
    """At which distances in periods the bytes of two accesses of the period meet."""
    if one.place.move != other.place.move:
        site = graph.kernel.sites[one.node.issued.action.site]
        raise Beyond(site.span, f"{one.place.name} and {other.place.name} move at different speeds")
    return _overlap(one.place, other.place, other.place.move)
