"""The token game: one replay stands for every schedule, because each flag has one producer and one consumer queue.

Agents (core, pipe) take their instructions in issue order; sets never block, waits do; a wait on S, or PIPE_ALL,
holds the issue of everything later on that core. The clock of an agent says, for each other agent, which prefix is
known complete at the start of its next instruction (docs/proofs.md, "The order"). A conflict is ordered iff that
clock covers the earlier access. Speed matters here: traces bring millions of events.

Two facts save most joins. A clock that knows count n of an agent knows everything that agent knew when it did n: the
count is only ever passed on together with the clock it was stamped on, and an agent's clock only grows. So a token
whose sender is covered has nothing new. It does not hold for what scalar stores add to a token of S, nor where a wait
on S is ignored for issue (then two clocks carry the count of S), nor for a signal of two lanes: those tokens name a
count nobody reaches. And between two events from which S learns, its clock changes in its own component only.

What remains is mostly local. Where only S hears from other cores, what the agents of a core know of other cores is
what S knew at some point: `levels` numbers these points, and two clocks of one core differ elsewhere only in that
core's agents.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL, WAIT, Action
from syncheck.memory_map import Atlas, Handle, may_meet
from syncheck.observation import Access, Case, Log, Remark
from syncheck.ordering import Rules
from syncheck.sightings import Entry, Sightings, Token, Values, Waiting
from syncheck.vector_clock import Clock, join, stamp
from syncheck.wiring import SCALAR_DATA, Wiring

__all__ = ["Entry", "Replay", "Rules", "Token", "Values", "Waiting"]

_NEVER = 1 << 62
"""A count that no agent reaches."""


class Replay(Sightings):
    """One execution in progress: copy it to explore two futures. What the future depends on is in plain dicts.

    With `counting`, pairs in order are counted, and what bytes hold and which library flags are taken is followed.
    """

    __slots__ = (
        "_awake", "_inherited", "_late", "_local", "_own", "_plain", "counts", "issue_bases", "issue_clocks", "joined",
        "joined_bases", "levels", "queue_levels", "queues", "readers", "released", "seqs", "sleepers", "stalls",
        "writers",
    )  # fmt: skip

    def __init__(self, wiring: Wiring, atlas: Atlas, rules: Rules, log: Log) -> None:
        self.wiring = wiring
        self.atlas = atlas
        self.rules = rules
        self.log = log
        self.case = Case()
        self.counts: list[int] = []
        self.clocks: list[Clock] = []
        self.joined: list[Clock | None] = []
        self.joined_bases: list[Clock | None] = []
        self.issue_clocks: list[Clock] = []
        self.issue_bases: list[Clock] = []
        self.levels: list[int] = []
        self.seqs: list[int] = []
        self.data: list[int] = []
        self.cleared: list[int] = []
        self.queues: dict[int, deque[Waiting]] = {}
        self.queue_levels: dict[int, deque[int]] = {}
        self.stalls: dict[int, Waiting] = {}
        self.sleepers: dict[int, list[int]] = {}
        self.tokens: dict[int, deque[Token]] = {}
        self.last_set: dict[int, Token] = {}
        self.last_wait = {}
        self.partial: dict[int, dict[int, deque[Token]]] = {}
        self.hearings = {}
        self.pending = {}
        self.writers: dict[int, dict[int, Entry]] = {}
        self.readers: dict[int, dict[int, Entry]] = {}
        self.owners = {}
        self.in_flight = {}
        self.heard = {}
        self.drains = {}
        self.counting = False
        self.overflowed = False
        self.released: set[int] = set()
        """Cores that were blocked and are not now, for who feeds them."""
        self._awake: list[int] = []
        self._strict: list[bool] = []
        self._own: list[list[int]] = []
        self._late = False
        self._inherited = 0
        self._plain = not rules.advisory_scalar_wait and not rules.ignored_waits
        self._local = self._plain
        self.widen()

    def widen(self) -> None:
        """Give every clock a component for each agent that has turned up since."""
        agents = self.wiring.agents
        width = len(agents)
        grown = width - len(self.counts)
        if not grown:
            return
        clocks = {id(c): c for c in (*self.clocks, *self.issue_clocks, *self.issue_bases)}
        for tokens in (*self.tokens.values(), *(q for p in self.partial.values() for q in p.values())):
            clocks.update((id(token[0]), token[0]) for token in tokens)
        for queue in (*self.queues.values(), self.stalls.values()):
            clocks.update((id(item[3]), item[3]) for item in queue)
        clocks.update((id(token[0]), token[0]) for token in self.last_set.values())
        for clock in clocks.values():
            clock.extend([0] * (width - len(clock)))
        for counter in (self.counts, self.data, self.cleared, self.levels):
            counter.extend([0] * grown)
        self.joined.extend([None] * grown)
        self.joined_bases.extend([None] * grown)
        while len(self.issue_clocks) < len(self.wiring.cores):
            self.issue_clocks.append([0] * width)
            self.issue_bases.append(self.issue_clocks[-1])
            self.seqs.append(0)
            self._own.append([])
        while len(self.clocks) < width:
            core, pipe = agents[len(self.clocks)]
            self._own[core].append(len(self.clocks))
            self.clocks.append([0] * width)
            self._strict.append(pipe in (*self.rules.in_order, SCALAR_DATA))

    def copy(self) -> Replay:
        other: Replay = object.__new__(type(self))
        for name in (*Sightings.__slots__, *Replay.__slots__):
            setattr(other, name, getattr(self, name))
        for name in (
            "counts", "clocks", "joined", "joined_bases", "issue_clocks", "issue_bases", "levels", "seqs", "data",
            "cleared", "stalls", "last_set", "last_wait", "hearings", "pending", "owners", "in_flight",
        ):  # fmt: skip
            setattr(other, name, getattr(self, name).copy())
        for name in ("queues", "queue_levels", "sleepers", "tokens", "writers", "readers", "heard", "drains"):
            setattr(other, name, {key: value.copy() for key, value in getattr(self, name).items()})
        other.partial = {key: {c: q.copy() for c, q in parts.items()} for key, parts in self.partial.items()}
        return other  # `released` and `_awake` are empty here

    # ------------------------------------------------------------ issue

    def blocked(self, core: int) -> bool:
        """Whether the scalar unit of `core` cannot issue its next instruction."""
        return core in self.stalls

    def issue(self, action: Action, values: Values) -> None:
        """The scalar unit of `action.core` (which must not be blocked) reaches `action`."""
        core = action.core
        seq = self.seqs[core] = self.seqs[core] + 1
        if self.counting:
            code = action.code
            if code in (SET, WAIT):
                channel = action.channel
                self.pending[channel] = self.pending.get(channel, 0) + (1 if code == SET else -1)
            elif action.hidden_flags:
                self._hidden_flags(action, values, seq)
        issued = self.issue_clocks[core]
        if action.scalar:
            if not self._scalar_step(action, values, seq):
                self.stalls[core] = (action, values, seq, issued)
        else:
            agent = action.agent
            if agent in self.queues:
                self.queues[agent].append((action, values, seq, issued))
                self.queue_levels[agent].append(self.levels[self.wiring.scalar[core]])
                return
            if self.joined[agent] is not issued:
                self._learn_issue(agent, core, issued)
            if action.code == ACCESS:
                count = self.counts[agent] = self.counts[agent] + 1
                self.data[agent] += 1
                self._access(action, values, seq, count, agent, count)
            elif action.code == SET:
                count = self.counts[agent] = self.counts[agent] + 1
                self._set(action, values, seq, agent, count)
            elif not self._execute(action, values, seq, agent):
                self.queues[agent] = deque(((action, values, seq, issued),))
                self.queue_levels[agent] = deque((self.levels[self.wiring.scalar[core]],))
        if self._awake:
            self._settle()

    def _learn_issue(self, agent: int, core: int, issued: Clock) -> None:
        """What S knew when it issued this is known to the pipe."""
        base = self.issue_bases[core]
        scalar = self.wiring.scalar[core]
        clock = self.clocks[agent]
        if self.joined_bases[agent] is base:
            if clock[scalar] < issued[scalar]:
                self.clocks[agent] = stamp(clock, scalar, issued[scalar])
        else:
            self.clocks[agent] = self._learn(agent, core, clock, issued, self.levels[scalar])
            self.joined_bases[agent] = base
        self.joined[agent] = issued

    def _learn(self, agent: int, core: int, clock: Clock, told: Clock, level: int) -> Clock:
        """`clock`, of an agent of `core`, joined with a clock of the same core that was at `level`."""
        if not self._local:
            return join(clock, told)
        if level <= self.levels[agent]:
            learnt = clock.copy()
            for each in self._own[core]:
                learnt[each] = max(learnt[each], told[each])
            return learnt
        self.levels[agent] = level
        learnt = told.copy()
        for each in self._own[core]:
            learnt[each] = max(learnt[each], clock[each])
        return learnt

    def _scalar_step(self, action: Action, values: Values, seq: int) -> bool:
        """Run an instruction of S; False where it must wait (and so does the issue of everything later)."""
        agent, core, code = action.agent, action.core, action.code
        if code == ALL:
            if self.queues and any(other in self.queues for other in self._own[core]):
                return False
            self._drain_all(action, values, seq)
            return True
        before = self.clocks[agent]
        issued = self.issue_clocks[core]
        known = issued
        learnt = False
        if code == WAIT or code == HEAR:  # noqa: PLR1714, SIM109 - no tuple in the hot path
            queue = self.tokens.get(action.channel)
            if not queue:
                self.sleepers.setdefault(action.channel, []).append(agent)
                return False
            token = queue.popleft()
            if before[token[4]] < token[5]:
                if code == WAIT:
                    before = self._learn(agent, core, before, token[0], token[6])
                else:
                    before = join(before, token[0])
                    self.levels[agent] += 1
            if self._plain or not self._advisory(action):
                known = before if issued is self.clocks[agent] else join(issued, token[0])
            learnt = known is not issued
            self._consumed(action, values, token, self.counts[agent] + 1)
            if code == WAIT:
                self._note_drain(action, values, seq)
        elif issued is before:
            known = before
        count = self.counts[agent] = self.counts[agent] + 1
        clock = self.clocks[agent] = stamp(before, agent, count)
        issued = self.issue_clocks[core] = clock if known is before else stamp(known, agent, count)
        if learnt:
            self.issue_bases[core] = issued
        if code == ACCESS:
            self._scalar_access(action, values, seq, count)
        elif code == SET:
            self._set(action, values, seq, agent, count)
        elif code == SIGNAL:
            self._signal(action, values, seq, clock, agent, count if self._plain else _NEVER)
        return True

    def _advisory(self, action: Action) -> bool:
        """Whether this wait on S does not hold issue: the option scalar_wait, or a question of REL001."""
        if action.code == WAIT and self.rules.advisory_scalar_wait:
            return True
        return action.site in self.rules.ignored_waits

    def _scalar_access(self, action: Action, values: Values, seq: int, count: int) -> None:
        agent = action.agent
        owner, number = agent, count
        if action.writes and self.rules.scalar_store_needs_flag:
            data = self.wiring.agent_index.get((action.core, SCALAR_DATA))
            if data is not None:
                owner, number = data, self.counts[data] + 1
                self.counts[data] = number
        self._access(action, values, seq, count, owner, number)
        self.data[agent] += 1

    def _drain_all(self, action: Action, values: Values, seq: int) -> None:
        core, scalar = action.core, action.agent
        clock = self.clocks[scalar]
        idle = True
        own = self._own[core]
        for agent in own:
            clock = self._learn(scalar, core, clock, self.clocks[agent], self.levels[agent])
        clock = clock.copy()
        self.counts[scalar] += 1
        for agent in own:
            clock[agent] = self.counts[agent]
            idle = idle and self.data[agent] == self.cleared[agent]
            self.cleared[agent] = self.data[agent]
        self.clocks[scalar] = clock
        if action.site not in self.rules.ignored_waits:
            self.issue_clocks[core] = self.issue_bases[core] = clock
        self._barrier_seen(action, values, seq, idle)
        self._note_drain(action, values, seq)

    # ------------------------------------------------------------ pipes

    def _execute(self, action: Action, values: Values, seq: int, agent: int) -> bool:
        """Start `action` on its pipe; False where it has to wait there, with everything behind it."""
        code = action.code
        if code == ACCESS:
            count = self.counts[agent] = self.counts[agent] + 1
            self.data[agent] += 1
            self._access(action, values, seq, count, agent, count)
        elif code == SET:
            count = self.counts[agent] = self.counts[agent] + 1
            self._set(action, values, seq, agent, count)
        elif code == WAIT or code == HEAR:  # noqa: PLR1714, SIM109
            queue = self.tokens.get(action.channel)
            if not queue:
                self.sleepers.setdefault(action.channel, []).append(agent)
                return False
            token = queue.popleft()
            clock = self.clocks[agent]
            if code == HEAR:
                self._local = False
            if clock[token[4]] < token[5]:
                self.clocks[agent] = self._learn(agent, action.core, clock, token[0], token[6])
            number = self.counts[agent]
            self.counts[agent] = number + 1
            self._consumed(action, values, token, number + 1)
        elif code == BARRIER:
            if action.site not in self.rules.ignored_waits:
                self.clocks[agent] = stamp(self.clocks[agent], agent, self.counts[agent])
            self._barrier_seen(action, values, seq, self.data[agent] == self.cleared[agent])
            self._note_drain(action, values, seq)
        else:
            count = self.counts[agent] = self.counts[agent] + 1
            self._signal(action, values, seq, stamp(self.clocks[agent], agent, count), agent, count)
        return True

    # ------------------------------------------------------------ flags and signals

    def _set(self, action: Action, values: Values, seq: int, agent: int, count: int) -> None:
        clock = self.clocks[agent].copy()
        clock[agent] = count
        if action.scalar:
            data = self.wiring.agent_index.get((action.core, SCALAR_DATA))
            if data is not None:
                clock[data] = self.counts[data]
            if data is not None or not self._plain:
                count = _NEVER
        channel = action.channel
        token = (clock, action, values, seq, agent, count, self.levels[agent])
        queue = self.tokens.get(channel)
        previous = self.last_set.get(channel)
        if previous is not None:
            wait = self.last_wait.get(channel)
            if queue or (wait is not None and clock[wait[0]] < wait[1]):
                self._overtaken(token, previous, len(queue) if queue else 0)
        self.last_set[channel] = token
        if channel in self.wiring.rivals:
            self._rivals(token)
        if queue is None:
            self.tokens[channel] = deque((token,))
        else:
            queue.append(token)
        if channel in self.sleepers:
            self._wake(channel)

    def _wake(self, channel: int) -> None:
        sleepers = self.sleepers[channel]
        if sleepers:
            self._awake.append(sleepers.pop(0))

    def _consumed(self, action: Action, values: Values, token: Token, number: int) -> None:
        channel = action.channel
        self.last_wait[channel] = (action.agent, number, action, values)
        if action.code == HEAR:
            sets, waits, recent = self.hearings.get(channel, (0, 0, ()))
            self.hearings[channel] = (sets, waits + 1, (*recent, number)[-self.rules.counter_limit - 1 :])
            origin = token[1]
            self.heard.setdefault(action.core, {})[origin.core, origin.site] = (origin, token[2], token[3])
        else:
            queue = self.tokens[channel]
            if queue:
                self._both_needed(action, values, token, queue[0])

    def _signal(self, action: Action, values: Values, seq: int, clock: Clock, agent: int, count: int) -> None:
        signal = self.wiring.signals[action.channel]
        token = (clock, action, values, seq, agent, count, 0)
        if len(signal.sources) > 1:
            parts = self.partial.get(action.channel)
            if parts is None:
                parts = self.partial[action.channel] = {core: deque() for core in signal.sources}
            parts.setdefault(action.core, deque()).append(token)
            if not all(parts[core] for core in signal.sources):
                return
            taken = [parts[core].popleft() for core in signal.sources]
            for other in taken:
                if other[0] is not clock:
                    clock = join(clock, other[0])
            token = (clock, action, values, seq, agent, _NEVER, 0)
        for target in signal.targets:
            self._count_signal(target, token)
            queue = self.tokens.get(target)
            if queue is None:
                self.tokens[target] = deque((token,))
            else:
                queue.append(token)
            if target in self.sleepers:
                self._wake(target)

    def _settle(self) -> None:
        """Let everything run that the last event released."""
        awake = self._awake
        while awake:
            agent = awake.pop(0)
            core, pipe = self.wiring.agents[agent]
            if pipe == "S":
                self._resume_scalar(core)
                continue
            self._resume_pipe(agent)
            stall = self.stalls.get(core)
            if stall is not None and stall[0].code == ALL:
                self._resume_scalar(core)

    def _resume_pipe(self, agent: int) -> None:
        queue = self.queues.get(agent)
        if queue is None:
            return
        levels = self.queue_levels[agent]
        self._late = True
        while queue:
            action, values, seq, issued = queue[0]
            if self.joined[agent] is not issued:
                self.clocks[agent] = self._learn(agent, action.core, self.clocks[agent], issued, levels[0])
                self.joined[agent] = issued
            if not self._execute(action, values, seq, agent):
                break
            queue.popleft()
            levels.popleft()
        self._late = False
        if not queue:
            del self.queues[agent], self.queue_levels[agent]

    def _resume_scalar(self, core: int) -> None:
        stall = self.stalls.pop(core, None)
        if stall is not None:
            action, values, seq, _ = stall
            if self._scalar_step(action, values, seq):
                self.released.add(core)
            else:
                self.stalls[core] = stall

    # ------------------------------------------------------------ memory

    def _access(self, action: Action, values: Values, seq: int, count: int, owner: int, number: int) -> None:
        """Check and remember what `action` touches: reads as its agent's `count`, writes as `number` of `owner`.

        In order but backwards (ORD001) is possible only for what waited in a queue while later instructions ran.
        """
        agent = action.agent
        clock = self.clocks[agent]
        counting = self.counting
        checking = counting or self._late
        met = action.met
        all_writers, all_readers = self.writers, self.readers
        key = action.site * 2
        late = bool(action.writes)  # its writes must still meet what its own read of an earlier turn left here
        for handle in action.reads:
            entry = (agent, count, seq, values, action, handle, False)
            for cell in handle.cells:
                writers = all_writers.get(cell)
                if writers is None:
                    writers = self._inherit(cell)
                for other, old in writers.items():
                    if clock[old[0]] < old[1]:
                        self._conflict(old, action, values, seq, agent, handle, False, clock)
                    elif checking and (other not in met or old[2] > seq):
                        self._in_order(old, action, values, seq, handle, False, clock)
                if not late:
                    all_readers[cell][key] = entry
                if counting:
                    self._check_owner(cell, action, values, seq, handle)
                elif not writers and not handle.shared and not self._told("unwritten", action.site):
                    self.log.remark(Remark("unwritten", (Access(action, values, seq, handle),), self.case))
            if handle.page.neighbours:
                self._far(action, values, seq, agent, handle, False, clock)
        key += 1
        for handle in action.writes:
            owned = counting and (not handle.shared or action.tag >= 0)  # nobody asks what a plain tensor holds
            entry = (owner, number, seq, values, action, handle, True)
            for cell in handle.cells:
                writers = all_writers.get(cell)
                if writers is None:
                    writers = self._inherit(cell)
                for other, old in writers.items():
                    if clock[old[0]] < old[1]:
                        self._conflict(old, action, values, seq, owner, handle, True, clock)
                    elif checking and (other not in met or old[2] > seq):
                        self._in_order(old, action, values, seq, handle, True, clock)
                for other, old in all_readers[cell].items():
                    if clock[old[0]] < old[1]:
                        self._conflict(old, action, values, seq, owner, handle, True, clock)
                    elif checking and (other not in met or old[2] > seq):
                        self._in_order(old, action, values, seq, handle, True, clock)
                writers[key] = entry
                if owned:
                    self.owners[cell] = (handle.owner, action.tag, action)
            if handle.page.neighbours:
                self._far(action, values, seq, owner, handle, True, clock)
            if handle.shared and self.rules.task_exit:
                self.in_flight[key] = (owner, number, action, values)
        if late:
            for handle in action.reads:
                entry = (agent, count, seq, values, action, handle, False)
                for cell in handle.cells:
                    all_readers[cell][key - 1] = entry

    def _inherit(self, cell: int) -> dict[int, Entry]:
        """What a cell that was split off remembers: all that its parent did."""
        parent = self.atlas.parents.get(cell)
        if parent is None:
            found: dict[int, Entry] = {}
            self.writers[cell], self.readers[cell] = found, {}
            return found
        while parent is not None and parent not in self.writers:
            parent = self.atlas.parents.get(parent)
        if parent is None:
            self.writers[cell], self.readers[cell] = {}, {}
        else:
            self.writers[cell], self.readers[cell] = self.writers[parent].copy(), self.readers[parent].copy()
            if parent in self.owners:
                self.owners[cell] = self.owners[parent]
        return self.writers[cell]

    def inherit_all(self) -> None:
        """Let every cell that was split off know now what its parent remembers."""
        parents = self.atlas.parents
        if len(parents) == self._inherited:
            return
        self._inherited = len(parents)
        split = set(parents.values())
        for cell in parents:
            if cell not in split and cell not in self.writers:
                self._inherit(cell)

    def _far(
        self, action: Action, values: Values, seq: int, agent: int, handle: Handle, writes: bool, clock: Clock
    ) -> None:
        """Against pages of the same tensor at other symbolic addresses, where the bytes may be the same."""
        all_writers, all_readers = self.writers, self.readers
        for page, low, high, step in handle.page.neighbours:
            for cell in page.cells:
                written = all_writers.get(cell)
                if written is None:
                    written = self._inherit(cell)
                read = all_readers[cell] if writes else None
                if not written and not read:
                    continue  # most cells, where a tensor has many pages
                for entry in (*written.values(), *(read.values() if read else ())):
                    if clock[entry[0]] < entry[1] and may_meet(handle, entry[5], low, high, step):
                        self._conflict(entry, action, values, seq, agent, handle, writes, clock)

    # ------------------------------------------------------------ forgetting (traces; never after a copy)

    def least_known(self, agent: int) -> Clock:
        """What `agent` will know at its next access at least; everything, of agents that its own order settles."""
        core, _ = self.wiring.agents[agent]
        clock = self.clocks[agent]
        clock = clock.copy() if agent in self.queues else join(clock, self.issue_clocks[core]).copy()
        if self._strict[agent]:
            clock[agent] = _NEVER
        data = self.wiring.agent_index.get((core, SCALAR_DATA))
        if data is not None and agent == self.wiring.scalar[core]:
            clock[data] = _NEVER
        return clock

    def settled(self, cells: Iterable[int], floor: Clock, pinned: set[int]) -> set[int]:
        """The cells on which every access is covered by `floor`, and issued before all that still waits in a queue."""
        first: dict[int, int] = {}
        for queue in self.queues.values():
            core, seq = queue[0][0].core, queue[0][2]
            first[core] = min(seq, first.get(core, seq))
        found = set()
        for cell in cells:
            if cell in pinned:
                continue
            for entries in (self.writers.get(cell, {}), self.readers.get(cell, {})):
                for entry in entries.values():
                    if entry[1] > floor[entry[0]] or entry[2] > first.get(entry[4].core, _NEVER):
                        break
                else:
                    continue
                break
            else:
                found.add(cell)
        return found

    def forget_parents(self) -> None:
        """Let split cells inherit now, and drop what was split."""
        parents = self.atlas.parents
        split = set(parents.values())
        for cell in parents:
            if cell not in split and cell not in self.writers:
                self._inherit(cell)
        self.drop(split)
        parents.clear()

    def drop(self, cells: Iterable[int]) -> None:
        for cell in cells:
            self.writers.pop(cell, None)
            self.readers.pop(cell, None)
            self.owners.pop(cell, None)
