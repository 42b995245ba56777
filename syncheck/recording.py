"""One run of a Kernel with its events kept, the smallest that a case allows: for explanations, not for speed.

The run is the token game itself: `Recorder` is a Replay whose hooks write down what happens.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property

from syncheck.action import ACCESS, ALL, Action
from syncheck.execution import HEAD, CoreRun, Kernel, Stopped
from syncheck.observation import Access, Case, Clash, Log
from syncheck.ordering import Rules
from syncheck.replay import Replay
from syncheck.sightings import Token, Values
from syncheck.symbolic import Open, Store, Test
from syncheck.value import Value, frozen
from syncheck.vector_clock import Clock, join

LIMIT = 4000
"""Events of one run."""
_QUESTIONS = 2000


@frozen
class Event(Value):
    """One executed action. `index`: its place in token order, one order that the synchronisation allows.

    `clock`: what is known complete at its start (of a wait: with what it waited for). `count`: its number on `agent`
    (of a barrier: of what stands before it). `store`: the agent and number of its scalar stores, where others see those
    only through a flag. `released_by`: the set or signal whose token ended this wait; `sources`: all of them, where a
    signal needs both lanes. `holds`: later instructions of the core are not issued before this.
    """

    index: int
    action: Action
    values: Values
    seq: int
    agent: int
    count: int
    clock: tuple[int, ...]
    released_by: int | None = None
    sources: tuple[int, ...] = ()
    holds: bool = False
    store: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Recording:
    """A run: its events, what it assumed (`case`), whether it came to its end, and what else might have been assumed.

    `clashes`: the conflicts in it that nothing orders, one for each pair of sites. `waiting`: of a run that got stuck,
    for each agent what it waits with and what is queued behind, each with its issue number.
    """

    kernel: Kernel
    rules: Rules
    events: tuple[Event, ...]
    case: Case
    whole: bool = True
    stuck: bool = False
    alternatives: tuple[Store, ...] = ()
    clashes: tuple[Clash, ...] = ()
    waiting: tuple[tuple[tuple[Action, int], ...], ...] = ()

    @cached_property
    def counters(self) -> frozenset[str]:
        """The variables that count turns."""
        sites = self.kernel.sites
        return frozenset(frame.name for site in sites for frame in site.frames if frame.kind == "loop")


class Recorder(Replay):
    """A replay that keeps its events."""

    def __init__(self, kernel: Kernel, rules: Rules) -> None:
        super().__init__(kernel.wiring, kernel.atlas, rules, Log())
        self.events: list[Event] = []
        self._index: dict[tuple[int, int], int] = {}
        self._halves: dict[int, dict[int, deque[int]]] = {}
        self._whole: dict[tuple[int, int], tuple[int, ...]] = {}

    def _keep(
        self, action: Action, values: Values, seq: int, count: int, clock: Clock, *, sources: tuple[int, ...] = (),
        holds: bool = False, store: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        index = len(self.events)
        self._index[action.core, seq] = index
        released = sources[-1] if sources else None
        event = Event(
            index, action, tuple(values), seq, action.agent, count, tuple(clock), released, sources, holds, store
        )
        self.events.append(event)

    def _access(self, action: Action, values: Values, seq: int, count: int, owner: int, number: int) -> None:
        store = (owner, number) if owner != action.agent else None
        self._keep(action, values, seq, count, self.clocks[action.agent], store=store)
        super()._access(action, values, seq, count, owner, number)

    def _set(self, action: Action, values: Values, seq: int, agent: int, count: int) -> None:
        self._keep(action, values, seq, count, self.clocks[agent])
        super()._set(action, values, seq, agent, count)

    def _signal(self, action: Action, values: Values, seq: int, clock: Clock, agent: int, count: int) -> None:
        self._keep(action, values, seq, self.counts[agent], self.clocks[agent])
        sources = self.wiring.signals[action.channel].sources
        if len(sources) > 1:
            parts = self._halves.setdefault(action.channel, {core: deque() for core in sources})
            parts.setdefault(action.core, deque()).append(len(self.events) - 1)
            if all(parts[core] for core in sources):
                self._whole[action.core, seq] = tuple(sorted(parts[core].popleft() for core in sources))
        super()._signal(action, values, seq, clock, agent, count)

    def _consumed(self, action: Action, values: Values, token: Token, number: int) -> None:
        sender = (token[1].core, token[3])
        sources = self._whole.get(sender) or (self._index[sender],)
        clock = join(self.clocks[action.agent], token[0])
        holds = action.scalar and not self._advisory(action)
        self._keep(action, values, self._seq_of(action), number, clock, sources=sources, holds=holds)
        super()._consumed(action, values, token, number)

    def _seq_of(self, action: Action) -> int:
        """The issue number of a wait that ends now: it leads the queue of its pipe, or was the last of its core."""
        queue = self.queues.get(action.agent)
        return queue[0][2] if queue else self.seqs[action.core]

    def _barrier_seen(self, action: Action, values: Values, seq: int, idle: bool) -> None:
        """Called for pipe_barrier and PIPE_ALL, once they are passed."""
        holds = action.code == ALL and action.site not in self.rules.ignored_waits
        self._keep(action, values, seq, self.counts[action.agent], self.clocks[action.agent], holds=holds)
        super()._barrier_seen(action, values, seq, idle)


# ---------------------------------------------------------------- one run of a script


def record(kernel: Kernel, rules: Rules, case: Case | None, *, limit: int = LIMIT) -> Recording:
    """Run one path that begins as `case` says; what it leaves open is answered so that loops end soon."""
    return _Run(kernel, rules, case, limit).run()


class _Run:
    """The cores in progress, and the questions that the case had left open."""

    def __init__(self, kernel: Kernel, rules: Rules, case: Case | None, limit: int) -> None:
        self._kernel = kernel
        self._rules = rules
        self._limit = limit
        self._replay = Recorder(kernel, rules)
        self._cores = [CoreRun(kernel, code) for code in kernel.cores]
        self._store = case if isinstance(case, Store) else Store(kernel.domain)
        self._others: list[Store] = []

    def run(self) -> Recording:
        whole = self._finished()
        replay = self._replay
        stuck = whole and bool(replay.stalls or replay.queues)
        return Recording(
            self._kernel, self._rules, tuple(replay.events), self._store, whole, stuck, tuple(self._others),
            tuple(replay.log.clashes.values()), self._waiting() if stuck else (),
        )  # fmt: skip

    def _waiting(self) -> tuple[tuple[tuple[Action, int], ...], ...]:
        replay = self._replay
        stalled = [((action, seq),) for action, _, seq, _ in replay.stalls.values()]
        queued = [tuple((action, seq) for action, _, seq, _ in queue) for queue in replay.queues.values()]
        return tuple(sorted((*stalled, *queued), key=lambda items: (items[0][0].core, items[0][1])))

    def _finished(self) -> bool:
        """Run until nothing can move; False where something ended the run before."""
        while (core := self._next()) is not None:
            try:
                self._advance(core)
            except Open as question:
                if len(self._others) > _QUESTIONS or not self._answer(core, question.test):
                    return False
            except Stopped:
                return False
            if len(self._replay.events) >= self._limit:
                return False
        return True

    def _next(self) -> CoreRun | None:
        """Like the exploration: the core with the fewest unheard signals, then the fewest turns."""
        replay = self._replay
        able = [core for core in self._cores if not core.done and not replay.blocked(core.code.index)]
        debts: dict[int, int] = {}
        for channel, tokens in replay.tokens.items():
            if tokens and replay.wiring.channels[channel].cross:
                sender = tokens[0][1].core
                debts[sender] = debts.get(sender, 0) + len(tokens)
        return min(able, key=lambda core: (debts.get(core.code.index, 0), core.turns, core.code.index), default=None)

    def _advance(self, core: CoreRun) -> None:
        """Run one core to its next turn, until it is held or has returned."""
        replay, index = self._replay, core.code.index
        while not core.done:
            actions = core.step(self._store)
            if actions is None:
                return
            for position, action in enumerate(actions):
                replay.issue(action, tuple(core.values))
                if replay.blocked(index):
                    core.rest = list(actions[position + 1 :])
                    return
            if len(replay.events) >= self._limit:  # a loop head may be far away
                return

    def _answer(self, core: CoreRun, test: Test) -> bool:
        """Assume what ends the loop at hand, or else that the test fails; the other answer is an alternative."""
        answers = [(a, s) for a in (False, True) if (s := self._store.assume(test, a)) is not None]
        if not answers:
            return False
        ends = [s for _, s in answers if self._ends(core, s)]
        chosen = ends[0] if ends else answers[0][1]
        self._others += [s for _, s in answers if s is not chosen]
        self._store = chosen
        return True

    def _ends(self, core: CoreRun, store: Store) -> bool:
        """Whether the loop whose head the core stands at is left under `store`."""
        at = core.pc
        probe = core.copy()
        try:
            probe.step(store)
        except Open:
            pass
        except Stopped:
            return False
        return probe.code.ops[at].code == HEAD and probe.turns == core.turns and probe.pc != at


# ---------------------------------------------------------------- questions


def latest_known(recording: Recording, event: Event, agent: int) -> Event | None:
    """The newest memory access of `agent` that is known complete where `event` starts."""
    known = event.clock[agent] if agent < len(event.clock) else 0
    newest = None
    for other in recording.events:
        if other.agent == agent and other.action.code == ACCESS and other.count <= known and other.index != event.index:
            newest = other
    return newest


def find(recording: Recording, access: Access) -> Event | None:
    """The event of an access: the same place in issue order, else the same site with the same loop values."""
    near = None
    for event in recording.events:
        if event.action.site == access.site:
            if event.seq == access.seq:
                return event
            if near is None and event.values == tuple(access.values):
                near = event
    return near


def is_data(event: Event) -> bool:
    """Whether it touches memory."""
    return event.action.code == ACCESS and bool(event.action.reads or event.action.writes)


def agent_name(recording: Recording, agent: int) -> tuple[str, str]:
    """(core, pipe)."""
    return recording.kernel.wiring.name(agent)


def turn(recording: Recording, event: Event) -> str:
    """The loop turns an event belongs to: "b=0, i=1"; "" outside loops."""
    counted: dict[str, str] = {}
    for frame in recording.kernel.sites[event.action.site].frames:
        for variable, slot in frame.shown:
            if slot < len(event.values) and variable in recording.counters:
                value = str(event.values[slot])
                if value.lstrip("-").isdigit():
                    counted[variable] = value
    return ", ".join(f"{variable}={value}" for variable, value in counted.items())
