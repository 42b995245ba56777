"""The token game: one replay stands for every schedule, because each flag has one producer and one consumer queue.

Agents (core, pipe) take their instructions in issue order; sets never block, waits do; a wait on S, or PIPE_ALL, holds the
issue of everything later on that core. The clock of an agent says, for each other agent, which prefix is known complete at
the start of its next instruction (docs/proofs.md, "The order"). A conflict is ordered iff that clock covers the earlier
access. Speed matters here: traces bring millions of events.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL, WAIT, Action
from syncheck.memory_map import Atlas, Handle, may_meet
from syncheck.observation import Access, Case, Clash, Log, Remark
from syncheck.vector_clock import Clock, join, stamp
from syncheck.wiring import SCALAR_DATA, Wiring

Values = tuple[Any, ...]
Waiting = tuple[Action, Values, int, Clock]
"""An action that its pipe has not started: with its loop values, issue number and what was known at issue."""
Entry = tuple[int, int, int, Values, Action, Handle, bool]
"""A remembered access: agent, its count, issue number, loop values, action, bytes, whether it writes."""
Token = tuple[Clock, Action, Values, int]


@dataclass(frozen=True, slots=True)
class Rules:
    """The options of the machine model that change the order; see `syncheck machine`."""

    advisory_scalar_wait: bool = False
    scalar_store_needs_flag: bool = True
    in_order: frozenset[str] = frozenset({"S"})
    counter_limit: int = 15
    task_exit: bool = True
    ignored_waits: frozenset[int] = frozenset()


class Replay:
    """One execution in progress: copy it to explore two futures. All state that the future depends on is in plain dicts."""

    def __init__(self, wiring: Wiring, atlas: Atlas, rules: Rules, log: Log) -> None:
        self.wiring = wiring
        self.atlas = atlas
        self.rules = rules
        self.log = log
        self.case = Case()
        self.counts: list[int] = []
        self.clocks: list[Clock] = []
        self.joined: list[Clock | None] = []
        self.issue_clocks: list[Clock] = []
        self.seqs: list[int] = []
        self.data: list[int] = []
        self.cleared: list[int] = []
        self.queues: dict[int, list[Waiting]] = {}
        self.stalls: dict[int, Waiting] = {}
        self.sleepers: dict[int, list[int]] = {}
        self.tokens: dict[int, list[Token]] = {}
        self.last_set: dict[int, Token] = {}
        self.last_wait: dict[int, tuple[int, int, Action, Values]] = {}
        self.partial: dict[int, dict[int, list[Token]]] = {}
        self.hearings: dict[int, tuple[int, int, tuple[int, ...]]] = {}
        self.pending: dict[int, int] = {}
        self.writers: dict[int, dict[int, Entry]] = {}
        self.readers: dict[int, dict[int, Entry]] = {}
        self.owners: dict[int, tuple[str, int, Action]] = {}
        self.in_flight: dict[int, tuple[int, int, Action, Values]] = {}
        self.heard: dict[int, dict[tuple[int, int], tuple[Action, Values, int]]] = {}
        self.drains: dict[int, list[tuple[Action, Values, int]]] = {}
        self.counting = False
        self.overflowed = False
        self._awake: list[int] = []
        self._strict: list[bool] = []
        self.widen()

    def widen(self) -> None:
        """Give every clock a component for each agent that has turned up since."""
        width = len(self.wiring.agents)
        grown = width - len(self.counts)
        if not grown:
            return
        clocks = {id(c): c for c in (*self.clocks, *self.issue_clocks)}
        for tokens in (*self.tokens.values(), *(q for p in self.partial.values() for q in p.values())):
            clocks.update((id(token[0]), token[0]) for token in tokens)
        for queue in (*self.queues.values(), self.stalls.values()):
            clocks.update((id(item[3]), item[3]) for item in queue)
        clocks.update((id(token[0]), token[0]) for token in self.last_set.values())
        for clock in clocks.values():
            clock.extend([0] * (width - len(clock)))
        for counter in (self.counts, self.data, self.cleared):
            counter.extend([0] * grown)
        self.joined.extend([None] * grown)
        while len(self.clocks) < width:
            self.clocks.append([0] * width)
            self._strict.append(self.wiring.agents[len(self._strict)][1] in (*self.rules.in_order, SCALAR_DATA))
        while len(self.issue_clocks) < len(self.wiring.cores):
            self.issue_clocks.append([0] * width)
            self.seqs.append(0)

    def copy(self) -> Replay:
        other: Replay = object.__new__(Replay)
        other.__dict__.update(self.__dict__)
        for name in ("counts", "clocks", "joined", "issue_clocks", "seqs", "data", "cleared"):
            setattr(other, name, getattr(self, name).copy())
        for name in ("stalls", "last_set", "last_wait", "hearings", "pending", "owners", "in_flight"):
            setattr(other, name, getattr(self, name).copy())
        for name in ("queues", "sleepers", "tokens", "writers", "readers", "heard", "drains"):
            setattr(other, name, {key: value.copy() for key, value in getattr(self, name).items()})
        other.partial = {key: {c: q.copy() for c, q in parts.items()} for key, parts in self.partial.items()}
        other._awake = []
        return other

    # ------------------------------------------------------------ issue

    def blocked(self, core: int) -> bool:
        """Whether the scalar unit of `core` cannot issue its next instruction."""
        return core in self.stalls

    def issue(self, action: Action, values: Values) -> None:
        """The scalar unit of `action.core` (which must not be blocked) reaches `action`."""
        core = action.core
        seq = self.seqs[core] = self.seqs[core] + 1
        code = action.code
        if code == SET or code == WAIT:
            channel = action.channel
            self.pending[channel] = self.pending.get(channel, 0) + (1 if code == SET else -1)
        elif action.hidden_flags:
            self._hidden_flags(action, values, seq)
        issued = self.issue_clocks[core]
        if action.scalar:
            self._issue_scalar(action, values, seq, issued)
        else:
            queue = self.queues.get(action.agent)
            if queue is not None:
                queue.append((action, values, seq, issued))
            else:
                self._execute(action, values, seq, issued)
        if self._awake:
            self._settle()

    def _issue_scalar(self, action: Action, values: Values, seq: int, issued: Clock) -> None:
        if not self._scalar_step(action, values, seq):
            self.stalls[action.core] = (action, values, seq, issued)

    def _scalar_step(self, action: Action, values: Values, seq: int) -> bool:
        """Run an instruction of S; False where it must wait (and so does the issue of everything later)."""
        agent, core, code = action.agent, action.core, action.code
        if code == ALL:
            if any(self.wiring.agents[other][0] == core for other in self.queues):
                return False
            self._drain_all(action, values, seq)
            return True
        before = self.clocks[agent]
        issued = self.issue_clocks[core]
        known = issued
        if code == WAIT or code == HEAR:
            token = self._take(action)
            if token is None:
                return False
            before = join(before, token[0])
            if not self._advisory(action):
                known = before if issued is self.clocks[agent] else join(issued, token[0])
            self._consumed(action, values, seq, token)
            if code == WAIT:
                self._note_drain(action, values, seq)
        elif issued is before:
            known = before
        count = self.counts[agent] = self.counts[agent] + 1
        clock = self.clocks[agent] = stamp(before, agent, count)
        self.issue_clocks[core] = clock if known is before else stamp(known, agent, count)
        if code == ACCESS:
            self._scalar_access(action, values, seq, count)
        elif code == SET:
            self._set(action, values, seq, agent, count)
        elif code == SIGNAL:
            self._signal(action, values, seq, clock)
        return True

    def _advisory(self, action: Action) -> bool:
        """Whether this wait on S does not hold issue: the option scalar_wait, or a question of REL001."""
        if action.code == WAIT and self.rules.advisory_scalar_wait:
            return True
        return action.site in self.rules.ignored_waits

    def _scalar_access(self, action: Action, values: Values, seq: int, count: int) -> None:
        data = self.wiring.agent_index.get((action.core, SCALAR_DATA))
        for handle in action.reads:
            self._read(action, values, seq, action.agent, count, handle)
        if action.writes:
            owner, number = action.agent, count
            if self.rules.scalar_store_needs_flag and data is not None:
                owner, number = data, self.counts[data] + 1
                self.counts[data] = number
            for handle in action.writes:
                self._write(action, values, seq, owner, number, handle, self.clocks[action.agent])
        self.data[action.agent] += 1

    def _drain_all(self, action: Action, values: Values, seq: int) -> None:
        core, scalar = action.core, action.agent
        clock = self.clocks[scalar]
        idle = True
        own = [i for i, (owner, _) in enumerate(self.wiring.agents) if owner == core]
        for agent in own:
            clock = join(clock, self.clocks[agent])
        clock = clock.copy()
        self.counts[scalar] += 1
        for agent in own:
            clock[agent] = self.counts[agent]
            idle = idle and self.data[agent] == self.cleared[agent]
            self.cleared[agent] = self.data[agent]
        self.clocks[scalar] = clock
        if action.site not in self.rules.ignored_waits:
            self.issue_clocks[core] = clock
        self._barrier_seen(action, values, seq, idle)
        self._note_drain(action, values, seq)

    # ------------------------------------------------------------ pipes

    def _execute(self, action: Action, values: Values, seq: int, issued: Clock) -> bool:
        """Start `action` on its pipe; False where it has to wait there, with everything behind it."""
        agent = action.agent
        if self.joined[agent] is not issued:
            self.clocks[agent] = join(self.clocks[agent], issued)
            self.joined[agent] = issued
        code = action.code
        if code == ACCESS:
            count = self.counts[agent] = self.counts[agent] + 1
            self.data[agent] += 1
            clock = self.clocks[agent]
            for handle in action.reads:
                self._read(action, values, seq, agent, count, handle)
            for handle in action.writes:
                self._write(action, values, seq, agent, count, handle, clock)
            return True
        if code == SET or code == SIGNAL:
            count = self.counts[agent] = self.counts[agent] + 1
            if code == SET:
                self._set(action, values, seq, agent, count)
            else:
                self._signal(action, values, seq, stamp(self.clocks[agent], agent, count))
            return True
        if code == BARRIER:
            if action.site not in self.rules.ignored_waits:
                self.clocks[agent] = stamp(self.clocks[agent], agent, self.counts[agent])
            self._barrier(action, values, seq)
            return True
        token = self._take(action)
        if token is None:
            self.queues[agent] = [(action, values, seq, issued)]
            return False
        self.clocks[agent] = join(self.clocks[agent], token[0])
        self.counts[agent] += 1
        self._consumed(action, values, seq, token)
        return True

    def _barrier(self, action: Action, values: Values, seq: int) -> None:
        agent = action.agent
        idle = self.data[agent] == self.cleared[agent]
        self._barrier_seen(action, values, seq, idle)
        self._note_drain(action, values, seq)

    def _barrier_seen(self, action: Action, values: Values, seq: int, idle: bool) -> None:
        log = self.log
        if not idle or action.tag == 1:  # a barrier inside a library instruction is nobody's mistake
            log.busy_barriers.add(action.site)
        elif action.site not in log.idle_barriers:
            log.idle_barriers[action.site] = Access(action, values, seq)
        if action.tag != 1 and action.code == BARRIER:
            self.cleared[action.agent] = self.data[action.agent]

    def _note_drain(self, action: Action, values: Values, seq: int) -> None:
        if action.tag != 1:
            recent = self.drains.setdefault(action.core, [])
            recent.append((action, values, seq))
            del recent[:-4]

    # ------------------------------------------------------------ flags and signals

    def _set(self, action: Action, values: Values, seq: int, agent: int, count: int) -> None:
        clock = stamp(self.clocks[agent], agent, count)
        data = self.wiring.agent_index.get((action.core, SCALAR_DATA)) if action.scalar else None
        if data is not None:
            clock[data] = self.counts[data]
        channel = action.channel
        token = (clock, action, values, seq)
        previous = self.last_set.get(channel)
        if previous is not None:
            self._check_overtaking(channel, token, previous)
        self.last_set[channel] = token
        self._put(channel, token)

    def _check_overtaking(self, channel: int, token: Token, previous: Token) -> None:
        wait = self.last_wait.get(channel)
        waiting = len(self.tokens.get(channel, ()))
        if waiting or (wait is not None and token[0][wait[0]] < wait[1]):
            places = [Access(token[1], token[2], token[3]), Access(previous[1], previous[2], previous[3])]
            if wait is not None:
                places.append(Access(wait[2], wait[3], 0))
            self.log.remark(Remark("overtakes", tuple(places), self.case, number=waiting))

    def _put(self, channel: int, token: Token) -> None:
        queue = self.tokens.get(channel)
        if queue is None:
            self.tokens[channel] = [token]
        else:
            queue.append(token)
        if self.sleepers.get(channel):
            self._awake.append(self.sleepers[channel].pop(0))

    def _take(self, action: Action) -> Token | None:
        channel = action.channel
        queue = self.tokens.get(channel)
        if not queue:
            self.sleepers.setdefault(channel, []).append(action.agent)
            return None
        return queue.pop(0)

    def _consumed(self, action: Action, values: Values, seq: int, token: Token) -> None:
        channel, agent = action.channel, action.agent
        number = self.counts[agent] + (1 if action.scalar else 0)
        self.last_wait[channel] = (agent, number, action, values)
        if action.code == HEAR:
            sets, waits, recent = self.hearings.get(channel, (0, 0, ()))
            self.hearings[channel] = (sets, waits + 1, (*recent, number)[-self.rules.counter_limit - 1 :])
            origin = token[1]
            self.heard.setdefault(action.core, {})[origin.core, origin.site] = (origin, token[2], token[3])

    def _signal(self, action: Action, values: Values, seq: int, clock: Clock) -> None:
        signal = self.wiring.signals[action.channel]
        token = (clock, action, values, seq)
        if len(signal.sources) > 1:
            parts = self.partial.setdefault(action.channel, {core: [] for core in signal.sources})
            parts.setdefault(action.core, []).append(token)
            if not all(parts[core] for core in signal.sources):
                return
            taken = [parts[core].pop(0) for core in signal.sources]
            for other in taken:
                clock = join(clock, other[0])
            token = (clock, action, values, seq)
        for target in signal.targets:
            self._count_signal(target, token)
            self._put(target, token)

    def _count_signal(self, channel: int, token: Token) -> None:
        sets, waits, recent = self.hearings.get(channel, (0, 0, ()))
        self.hearings[channel] = (sets + 1, waits, recent)
        wait = self.last_wait.get(channel)
        known = waits
        if wait is not None:
            known -= len(recent) - bisect_right(recent, token[0][wait[0]])
        peak = sets + 1 - known
        if peak > self.rules.counter_limit:
            self.overflowed = True
            place = Access(token[1], token[2], token[3])
            self.log.remark(Remark("counter", (place,), self.case, number=peak, text=str(self.wiring.channels[channel])))

    def _hidden_flags(self, action: Action, values: Values, seq: int) -> None:
        for channel in action.hidden_flags:
            if self.pending.get(channel, 0) > 0 and channel in self.last_set:
                held = self.last_set[channel]
                places = (Access(action, values, seq), Access(held[1], held[2], held[3]))
                self.log.remark(Remark("hidden flag", places, self.case, text=str(self.wiring.channels[channel])))

    def _settle(self) -> None:
        """Let everything run that the last event released."""
        awake = self._awake
        while awake:
            agent = awake.pop(0)
            core, pipe = self.wiring.agents[agent]
            if pipe == "S":
                self._resume_scalar(core)
                continue
            queue = self.queues.pop(agent, [])
            for index, (action, values, seq, issued) in enumerate(queue):
                if not self._execute(action, values, seq, issued):
                    self.queues[agent] += queue[index + 1 :]
                    break
            stall = self.stalls.get(core)
            if stall is not None and stall[0].code == ALL:
                self._resume_scalar(core)

    def _resume_scalar(self, core: int) -> None:
        stall = self.stalls.pop(core, None)
        if stall is not None:
            action, values, seq, issued = stall
            if not self._scalar_step(action, values, seq):
                self.stalls[core] = stall

    # ------------------------------------------------------------ memory

    def _read(self, action: Action, values: Values, seq: int, agent: int, count: int, handle: Handle) -> None:
        clock = self.clocks[agent]
        key = action.site * 2
        for cell in handle.cells:
            writers = self.writers.get(cell)
            if writers is None:
                writers = self._inherit(cell)
            for entry in writers.values():
                if clock[entry[0]] < entry[1]:
                    self._conflict(entry, action, values, seq, agent, handle, False, clock)
                elif self.counting:
                    self._in_order(entry, action, values, seq, handle, False, clock)
            self.readers[cell][key] = (agent, count, seq, values, action, handle, False)
            if self.counting:
                self._check_owner(cell, action, values, seq, handle)
        if handle.page.neighbours:
            self._far(action, values, seq, agent, handle, False, clock)

    def _write(
        self, action: Action, values: Values, seq: int, agent: int, count: int, handle: Handle, clock: Clock
    ) -> None:
        key = action.site * 2 + 1
        for cell in handle.cells:
            writers = self.writers.get(cell)
            if writers is None:
                writers = self._inherit(cell)
            for entry in writers.values():
                if clock[entry[0]] < entry[1]:
                    self._conflict(entry, action, values, seq, agent, handle, True, clock)
                elif self.counting:
                    self._in_order(entry, action, values, seq, handle, True, clock)
            for entry in self.readers[cell].values():
                if clock[entry[0]] < entry[1]:
                    self._conflict(entry, action, values, seq, agent, handle, True, clock)
                elif self.counting:
                    self._in_order(entry, action, values, seq, handle, True, clock)
            writers[key] = (agent, count, seq, values, action, handle, True)
            if self.counting:
                self.owners[cell] = (handle.owner, action.tag, action)
        if handle.page.neighbours:
            self._far(action, values, seq, agent, handle, True, clock)
        if handle.page.space == "GM" and self.rules.task_exit:
            self.in_flight[key] = (agent, count, action, values)

    def _inherit(self, cell: int) -> dict[int, Entry]:
        """What a cell that was split off remembers: all that its parent did."""
        parent = self.atlas.parents.get(cell)
        while parent is not None and parent not in self.writers:
            parent = self.atlas.parents.get(parent)
        if parent is None:
            self.writers[cell], self.readers[cell] = {}, {}
        else:
            self.writers[cell], self.readers[cell] = self.writers[parent].copy(), self.readers[parent].copy()
            if parent in self.owners:
                self.owners[cell] = self.owners[parent]
        return self.writers[cell]

    def _far(
        self, action: Action, values: Values, seq: int, agent: int, handle: Handle, writes: bool, clock: Clock
    ) -> None:
        """Against pages of the same tensor at other symbolic addresses, where the bytes may be the same."""
        for page, low, high in handle.page.neighbours:
            for cell in page.cells:
                entries = list(self.writers.get(cell, {}).values())
                if writes:
                    entries += self.readers.get(cell, {}).values()
                for entry in entries:
                    if clock[entry[0]] < entry[1] and may_meet(handle, entry[5], low, high):
                        self._conflict(entry, action, values, seq, agent, handle, writes, clock)

    def _conflict(
        self,
        entry: Entry,
        action: Action,
        values: Values,
        seq: int,
        agent: int,
        handle: Handle,
        writes: bool,
        clock: Clock,
    ) -> None:
        """Nothing orders `entry` before this access; record it unless the pipe itself does."""
        if entry[2] == seq and entry[4].core == action.core:
            return  # one instruction that reads and writes the same bytes
        if entry[0] == agent or self.wiring.agents[entry[0]][0] == action.core and self._same_scalar(entry[0], agent):
            if self._strict[agent]:
                return
            kind = "same_pipe"
        else:
            kind = "unordered"
        old = entry[4]
        if old.atomic and action.atomic:
            return
        first = Access(old, entry[3], entry[2], entry[5], entry[6])
        second = Access(action, values, seq, handle, writes)
        if old.core == action.core and entry[2] > seq:
            first, second = second, first
        clash = Clash(kind, first, second, self.case, list(clock))
        if old.core != action.core:
            self._publication(clash)
        self.log.clash(clash)

    def _same_scalar(self, one: int, other: int) -> bool:
        pipes = {self.wiring.agents[one][1], self.wiring.agents[other][1]}
        return pipes <= {"S", SCALAR_DATA}

    def _publication(self, clash: Clash) -> None:
        """For a race between two cores: which signals of the earlier core, sent after the access, the later had heard."""
        source = clash.earlier
        heard = self.heard.get(clash.later.action.core, {})
        after = [item for (core, _), item in heard.items() if core == source.action.core and item[2] > source.seq]
        after.sort(key=lambda item: item[2])
        clash.heard = tuple(Access(a, v, s) for a, v, s in after)
        limit = after[0][2] if after else 0
        drains = self.drains.get(source.action.core, ())
        clash.drains = tuple(Access(a, v, s) for a, v, s in drains if source.seq < s < limit)

    def _in_order(
        self, entry: Entry, action: Action, values: Values, seq: int, handle: Handle, writes: bool, clock: Clock
    ) -> None:
        old = entry[4]
        self.log.ordered.add((old.site, action.site) if old.site < action.site else (action.site, old.site))
        if old.core == action.core and entry[2] > seq:
            first = Access(action, values, seq, handle, writes)
            second = Access(old, entry[3], entry[2], entry[5], entry[6])
            self.log.clash(Clash("reversed", first, second, self.case, list(clock)))

    def _check_owner(self, cell: int, action: Action, values: Values, seq: int, handle: Handle) -> None:
        held = self.owners.get(cell)
        if held is None:
            if handle.page.space != "GM":
                self.log.remark(Remark("unwritten", (Access(action, values, seq, handle),), self.case))
            return
        owner, tag, writer = held
        if action.tag >= 0 and owner == handle.owner and tag > action.tag:
            places = (Access(action, values, seq, handle), Access(writer, values, 0, handle, True))
            self.log.remark(Remark("slot lost", places, self.case, number=tag))
        elif owner != handle.owner and owner and handle.owner:
            places = (Access(action, values, seq, handle), Access(writer, values, 0, handle, True))
            self.log.remark(Remark("foreign bytes", places, self.case, text=f"{owner}|{handle.owner}"))

    # ------------------------------------------------------------ the end

    def finish(self) -> None:
        """All cores have returned and nothing is stuck: what did they leave behind?"""
        for channel, tokens in sorted(self.tokens.items()):
            for token in tokens[-1:]:
                place = Access(token[1], token[2], token[3])
                kind = "counter left" if self.wiring.channels[channel].cross else "flag left"
                text = str(self.wiring.channels[channel])
                self.log.remark(Remark(kind, (place,), self.case, number=len(tokens), text=text))
        for parts in self.partial.values():
            for queue in parts.values():
                for token in queue[-1:]:
                    place = Access(token[1], token[2], token[3])
                    text = "the other lane never sends it"
                    self.log.remark(Remark("counter left", (place,), self.case, number=len(queue), text=text))
        for agent, count, action, values in self.in_flight.values():
            known = self.clocks[self.wiring.scalar[action.core]]
            same = self._same_scalar(agent, self.wiring.scalar[action.core])
            if known[agent] < count and not same:
                self.log.remark(Remark("in flight", (Access(action, values, 0, None, True),), self.case))
