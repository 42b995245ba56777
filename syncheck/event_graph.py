"""The event graph: instructions as nodes, and edges with delays that say what must be complete before what starts.

An edge from u to v with delay d: turn i of u comes before turn i + d of v. Instructions before the steady state and
after it are nodes too; an edge into the steady state has as delay the turn it reaches, an edge out of it how many turns
before the last one it begins. So the least total delay of a path (`event_order`) always says from which distance on two
instructions are in order. docs/proofs.md, "The event graph". Needs networkx: nothing that checks imports this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import networkx as nx

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL, WAIT
from syncheck.execution import Kernel
from syncheck.ordering import Rules
from syncheck.source import Span
from syncheck.steady_state import Beyond, Bytes, Issued, Steady, Walk

BEFORE, PERIOD, AFTER = range(3)
"""Where an instruction stands: before the steady state, in its period, after it."""

RUN, ISSUE, ORDER, RETIRE, COMPLETE, BARRIED, FLAG, CROSS, STORE = (
    "run", "issue", "pipe order", "in order", "completion", "barrier", "flag", "signal", "store",
)  # fmt: skip
"""Kinds of edges. COMPLETE: what is before on a pipe is complete. STORE: scalar stores seen through a flag."""


@dataclass(slots=True, eq=False)
class Node:
    """One instruction of the graph. `turn`: its turn within the period; `exit`: for AFTER, the remainder it follows.

    `start` and `done` are its points in the order: it starts; it and all before it on its pipe are complete.
    `effect`: a scalar store is seen by others, a flag of S is set. `place`: its place in issue order on its core.
    """

    number: int
    core: int
    part: int
    turn: int
    exit: int
    issued: Issued
    start: int
    done: int
    effect: int = -1
    place: int = 0

    @property
    def fired(self) -> int:
        """The point at which its token leaves."""
        return self.effect if self.effect >= 0 and self.issued.action.code == SET else self.done

    def complete(self, writes: bool) -> int:
        """The point at which what it read, or wrote, is complete."""
        return self.effect if writes and self.effect >= 0 and self.issued.action.code == ACCESS else self.done


@dataclass(slots=True)
class Tokens:
    """One channel, and one core that feeds it: how many tokens stand in it when the steady state begins, and how many
    sets and waits a period has. `left`: tokens that stay for each exit; `starved`: waits that no set releases."""

    channel: int
    source: int
    primed: int
    sets: int
    waits: int
    left: tuple[int, ...] = ()


@dataclass(slots=True)
class EventGraph:
    """A kernel folded, or (`straight`) one run of it. `order` has points as nodes and `delay`, `kind`, `ends` on edges:
    of several edges between two points, the one with the least delay."""

    kernel: Kernel
    rules: Rules
    nodes: list[Node] = field(default_factory=list)
    order: nx.DiGraph[int] = field(default_factory=nx.DiGraph)
    owner: list[Node] = field(default_factory=list)
    tokens: list[Tokens] = field(default_factory=list)
    starved: list[Node] = field(default_factory=list)
    straight: bool = False
    step: int = 1
    least: int = 0
    from_period: int = 1
    cuts: dict[int, tuple[int, ...]] = field(default_factory=dict)
    period: int = 0

    def edge(self, before: int, after: int, delay: int, kind: str) -> None:
        known = self.order.get_edge_data(before, after)
        if known is None or delay < known["delay"]:
            self.order.add_edge(before, after, delay=delay, kind=kind)

    def turns(self, core: int) -> int:
        """How many turns of its loop a core takes in a period; 1 for a core without a loop."""
        return max((node.turn + 1 for node in self.nodes if node.core == core and node.part == PERIOD), default=1)

    def events(self) -> nx.MultiDiGraph[int]:
        """The graph to look at: one node an instruction, an edge for each reason, with its delay."""
        graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
        graph.add_nodes_from(node.number for node in self.nodes)
        seen = set()
        for u, v, data in self.order.edges(data=True):
            one, other = self.owner[u], self.owner[v]
            key = (one.number, other.number, data["kind"], data["delay"])
            if (one is not other or data["delay"]) and key not in seen:
                seen.add(key)
                graph.add_edge(one.number, other.number, delay=data["delay"], kind=data["kind"])
        return graph


def folded(kernel: Kernel, rules: Rules, steady: Steady) -> EventGraph:
    """The event graph of the steady state with its start and its ends. Raises Beyond where it does not apply."""
    graph = EventGraph(kernel, rules, step=steady.step, least=steady.least)
    _Weaver(graph).weave(steady)
    return graph


def unfolded(kernel: Kernel, rules: Rules, walk: Walk) -> EventGraph:
    """The event graph of one run: no delays, nothing repeats."""
    graph = EventGraph(kernel, rules, straight=True)
    _Weaver(graph).line(walk)
    return graph


class Ahead(Beyond):
    """Waits before the steady state of one core need sets of `source` that stand in it: unfold `source` earlier."""

    source: int = -1


@dataclass(slots=True)
class _Pipe:
    start: tuple[int, int] | None = None
    done: tuple[int, int] | None = None
    access: bool = False

    def copy(self) -> _Pipe:
        return _Pipe(self.start, self.done, self.access)


@dataclass(slots=True)
class _Front:
    """The newest points of a core, each with the lap it belongs to: what the next instruction comes after."""

    issue: tuple[int, int] | None = None
    effect: tuple[int, int] | None = None
    pipes: dict[int, _Pipe] = field(default_factory=dict)

    def copy(self) -> _Front:
        return _Front(self.issue, self.effect, {agent: pipe.copy() for agent, pipe in self.pipes.items()})


_START, _FIRST, _AGAIN, _END = range(4)
"""Laps: before the steady state, its first period, the period again, after it."""


@dataclass(slots=True)
class _Ends:
    """What one side of a channel does: in the start, in the period by turn, in each exit."""

    before: list[Node] = field(default_factory=list)
    period: list[Node] = field(default_factory=list)
    after: dict[int, list[Node]] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        if node.part == AFTER:
            self.after.setdefault(node.exit, []).append(node)
        else:
            (self.before if node.part == BEFORE else self.period).append(node)

    def cut(self, turns: int) -> int:
        """How many of them are in the first so many turns of the period."""
        return sum(1 for node in self.period if node.turn < turns)


class _Weaver:
    """Makes the nodes and edges of one EventGraph."""

    def __init__(self, graph: EventGraph) -> None:
        if graph.rules.advisory_scalar_wait or graph.rules.ignored_waits:
            where = graph.kernel.cores[0].ops[0].span
            raise Beyond(where, "the event graph takes a wait on S to hold issue (-O scalar_wait=hold)")
        self._graph = graph
        self._wiring = graph.kernel.wiring
        self._in_order = {a for a, (_, pipe) in enumerate(self._wiring.agents) if pipe in graph.rules.in_order}
        self._takes: dict[int, _Ends] = {}
        self._gives: dict[tuple[int, int], _Ends] = {}
        self._agents: dict[tuple[str, int, int], set[int]] = {}
        self._signals: dict[int, set[int]] = {}
        self._cuts = graph.cuts

    def weave(self, steady: Steady) -> None:
        for period in steady.periods:
            self._cuts[period.core] = period.cut
            front = _Front()
            for issued in period.before:
                self._step(front, self._node(period.core, BEFORE, issued), _START)
            turns = [[self._node(period.core, PERIOD, item, turn) for item in t] for turn, t in enumerate(period.turns)]
            for nodes in turns:
                for node in nodes:
                    self._step(front, node, _FIRST)
            self._exits(front, turns, period.after, period.cut, period.core)
        self._graph.period = sum(1 for node in self._graph.nodes if node.part == PERIOD)
        self._pair(range(steady.step))

    def _exits(
        self, front: _Front, turns: list[list[Node]], after: Sequence[Sequence[Issued]], cut: Sequence[int], core: int
    ) -> None:
        for turn in range(len(turns) + 1):
            for exit_, items in enumerate(after):
                if cut[exit_] == turn:
                    last = front.copy()
                    for issued in items:
                        self._step(last, self._node(core, AFTER, issued, 0, exit_), _END)
            if turn < len(turns):
                for node in turns[turn]:
                    self._step(front, node, _AGAIN)

    def line(self, walk: Walk) -> None:
        for core, walked in walk.items():
            front = _Front()
            for issued in walked.all:
                self._step(front, self._node(core, BEFORE, issued), _START)
        self._pair(())

    # ------------------------------------------------------------ one instruction

    def _node(self, core: int, part: int, issued: Issued, turn: int = 0, exit_: int = 0) -> Node:
        graph, action = self._graph, issued.action
        point = len(graph.owner)
        node = Node(len(graph.nodes), core, part, turn, exit_, issued, point, point + 1, place=len(graph.nodes))
        graph.owner += [node, node]
        flagged = action.scalar and graph.rules.scalar_store_needs_flag
        if action.scalar and (action.code == SET or (flagged and action.code == ACCESS and issued.writes)):
            node.effect = point + 2
            graph.owner.append(node)
        graph.nodes.append(node)
        graph.order.add_edge(node.start, node.done, delay=0, kind=RUN)
        self._note(node)
        return node

    def _note(self, node: Node) -> None:
        """Remember which channel it gives to or takes from."""
        action = node.issued.action
        if action.code in (WAIT, HEAR):
            self._takes.setdefault(action.channel, _Ends()).add(node)
            self._agents.setdefault(("takes", action.channel, 0), set()).add(action.agent)
        elif action.code in (SET, SIGNAL):
            targets: tuple[int, ...] = (action.channel,)
            if action.code == SIGNAL:
                targets = self._wiring.signals[action.channel].targets
            for target in targets:
                self._gives.setdefault((target, node.core), _Ends()).add(node)
                self._agents.setdefault(("gives", target, node.core), set()).add(action.agent)
                if action.code == SIGNAL:
                    self._signals.setdefault(target, set()).add(action.channel)

    def _step(self, front: _Front, node: Node, lap: int) -> None:
        """The edges into a node from what was before it on its core, and the node as the newest of its pipe."""
        action = node.issued.action
        agent = action.agent
        pipe = front.pipes.setdefault(agent, _Pipe())
        self._from(front.issue, node.start, lap, ISSUE)
        if action.scalar:
            self._scalar(front, node, lap)
            front.issue = (node.done, lap)
        else:
            self._from(pipe.start, node.start, lap, ORDER)
            self._from(pipe.done, node.done, lap, COMPLETE)
            if action.code == BARRIER:
                self._from(pipe.done, node.start, lap, BARRIED)
            elif pipe.access and agent in self._in_order:
                self._from(pipe.done, node.start, lap, RETIRE)
        pipe.start, pipe.done, pipe.access = (node.start, lap), (node.done, lap), action.code == ACCESS

    def _scalar(self, front: _Front, node: Node, lap: int) -> None:
        code = node.issued.action.code
        if code == ALL:
            for pipe in front.pipes.values():
                self._from(pipe.done, node.start, lap, BARRIED)
            self._from(front.effect, node.start, lap, BARRIED)
        elif node.effect >= 0:
            self._graph.order.add_edge(node.start if code == ACCESS else node.done, node.effect, delay=0, kind=RUN)
            self._from(front.effect, node.effect, lap, STORE)
            if code == ACCESS:
                front.effect = (node.effect, lap)

    def _from(self, newest: tuple[int, int] | None, point: int, lap: int, kind: str) -> None:
        if newest is None or (newest[0] == point and newest[1] == lap):
            return
        before, since = newest
        if lap == _AGAIN:
            if since != _FIRST:  # within a lap: known; from before the steady state: the first lap says more
                return
            delay = 1
        else:
            delay = 1 if lap == _END and since == _FIRST else 0
        self._graph.edge(before, point, delay, kind)

    # ------------------------------------------------------------ tokens

    def _pair(self, exits: Iterable[int]) -> None:
        self._refuse_shared()
        exits = tuple(exits)
        for channel, takes in self._takes.items():
            sources = self._sources(channel)
            kind = CROSS if self._wiring.channels[channel].cross else FLAG
            for source in sources:
                self._link(channel, source, self._gives.get((channel, source), _Ends()), takes, kind, exits)
        for (channel, source), gives in self._gives.items():
            if channel not in self._takes:
                self._link(channel, source, gives, _Ends(), FLAG, exits)

    def _sources(self, channel: int) -> tuple[int, ...]:
        """The cores that must each have given before a token is there."""
        numbers = self._signals.get(channel)
        if numbers:
            (number,) = numbers
            return self._wiring.signals[number].sources
        found = tuple(core for target, core in self._gives if target == channel)
        return found or (-1,)

    def _refuse_shared(self) -> None:
        for (side, channel, _), agents in self._agents.items():
            if len(agents) > 1 or len(self._signals.get(channel, ())) > 1:
                raise Beyond(self._graph.kernel.cores[0].ops[0].span,
                             f"{self._wiring.channels[channel]} has two owners ({side})")  # fmt: skip

    def _link(self, channel: int, source: int, gives: _Ends, takes: _Ends, kind: str, exits: tuple[int, ...]) -> None:
        """Edges from the k-th set to the k-th wait; what is primed is the delay."""
        sets, waits = gives.period, takes.period
        primed = len(gives.before) - len(takes.before)
        tokens = Tokens(channel, source, primed, len(sets), len(waits))
        self._graph.tokens.append(tokens)
        for one, other in zip(gives.before, takes.before, strict=False):
            self._token(one, other, 0, kind)
        if primed < 0:
            self._early(takes.before[primed], source, bool(sets))
        if self._graph.straight or len(sets) != len(waits):
            tokens.left = (primed,)
            return
        primed = max(primed, 0)  # below 0: the wait that starves is known
        size = len(sets)
        for number, wait in enumerate(waits):
            for turn in range(-(-max(primed - number, 0) // size)):
                self._token(gives.before[len(takes.before) + turn * size + number], wait, turn, kind)
            at = number - primed
            self._token(sets[at % size], wait, -(at // size), kind)
        if size:
            self._graph.from_period = max(self._graph.from_period, -(-primed // size))
        tokens.left = tuple(self._ending(gives, takes, primed, exit_, source, kind) for exit_ in exits)

    def _early(self, wait: Node, source: int, more: bool) -> None:
        """A wait before the steady state for which no set stands before it."""
        if not more or self._graph.straight:
            self._graph.starved.append(wait)
            return
        ahead = Ahead(self._span(wait), "a wait runs ahead of its set")
        ahead.source = source
        if source == wait.core:
            raise Beyond(self._span(wait), "this wait takes a set of a later turn of its own core")
        raise ahead

    def _ending(self, gives: _Ends, takes: _Ends, primed: int, exit_: int, source: int, kind: str) -> int:
        """Pair the waits after the steady state; how many tokens are left."""
        size = len(gives.period)
        given = gives.cut(self._cuts[source][exit_]) if source in self._cuts else 0
        taker = next((n.core for n in (*takes.period, *takes.before, *takes.after.get(exit_, ()))), -1)
        taken = takes.cut(self._cuts[taker][exit_]) if taker in self._cuts else 0
        after, waits = gives.after.get(exit_, []), takes.after.get(exit_, [])
        for number, wait in enumerate(waits):
            at = taken + number - primed
            if not size and at < 0:
                self._token(gives.before[len(takes.before) + number], wait, 0, kind)
            elif at < given:
                self._token(gives.period[at % size], wait, -(at // size), kind)
            elif at - given < len(after):
                self._token(after[at - given], wait, 0, kind)
            else:
                self._graph.starved.append(wait)
        return primed + given + len(after) - taken - len(waits)

    def _token(self, one: Node, other: Node, delay: int, kind: str) -> None:
        self._graph.edge(one.fired, other.start, delay, kind)

    def _span(self, node: Node) -> Span:
        return self._graph.kernel.sites[node.issued.action.site].span


def accesses(graph: EventGraph) -> Iterator[tuple[Node, Bytes, bool]]:
    """Every range of bytes that a node touches, and whether it writes it."""
    for node in graph.nodes:
        for place in node.issued.reads:
            yield node, place, False
        for place in node.issued.writes:
            yield node, place, True
