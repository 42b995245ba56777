"""When two states of an exploration have the same future: the canonical form of a path (docs/proofs.md, "Canonical
states").

Clock values count only by rank among what can still be compared with them; turns of loops with an open trip count count
only relative to each other, as far as the text allows (shapes.py); what nothing can ask about any more is left out.
Equal canonical forms have equal futures: the same races, deadlocks and leftovers at the same lines.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import field
from itertools import islice
from math import lcm
from typing import Any

from syncheck import symbolic
from syncheck.action import Action
from syncheck.execution import CoreRun, Kernel
from syncheck.memory_map import Handle, Page
from syncheck.replay import Entry, Replay, Token
from syncheck.shapes import LoopInfo, Shape
from syncheck.source import Span
from syncheck.symbolic import Atom, Linear, Store, Test
from syncheck.value import Record, mutable
from syncheck.vector_clock import Clock, join, meet, ranks


@mutable
class _Class(Record):
    """All running loops that one open value bounds: (core, loop, counter). `shift`: how far they are moved back."""

    members: list[tuple[int, LoopInfo, int]] = field(default_factory=list)
    shift: int = 0
    least: int = 0


class Folder:
    """Canonical forms for one Kernel. `obstacles` collects why loops could not be folded, by line."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.loops = [info for code in kernel.cores for info in code.loops]
        lines: dict[tuple[str, Span, str, str], int] = {}
        self.line = [lines.setdefault((s.core, s.span, s.pipe, s.op), len(lines)) for s in kernel.sites]
        """For each site, its line as its core runs it: copies of a `def` at several calls are one line."""
        self.obstacles: dict[int, LoopInfo] = {}
        self._users: dict[tuple[str, bool], tuple[int, ...]] = {}
        self.work = 0

    def canonical(self, cores: list[CoreRun], replay: Replay, store: Store) -> object:
        """A hashable form; two paths with equal forms have equal futures."""
        turn = _Turn(self, self._kernel, cores, replay, store)
        return turn.form()

    def users_of(self, page: str, writers_only: bool) -> tuple[int, ...]:
        """The agents that access (or write) a memory anywhere in the text."""
        users = self._users.get((page, writers_only))
        if users is None:
            found = {agent for agent, writes in self._kernel.users.get(page, ()) if writes or not writers_only}
            users = self._users[page, writers_only] = tuple(sorted(found))
        return users

    def limit(self, info: LoopInfo, bound: int) -> tuple[int, str]:
        """How many turns of an open loop to follow: enough for two to be alike, or `bound` where none can be; and
        why."""
        name = f"trips@{info.var}" if info.turns else info.bound[0] if isinstance(info.bound, tuple) else ""
        modulus, threshold, obstacle = self.demands_on(name, info.turns)
        if obstacle is not None and obstacle.bad_span is not None:
            return bound, f"{obstacle.bad} at line {obstacle.bad_span.line}"
        if info.bad or not name or name in self._kernel.demands.odd_index:
            return bound, info.bad or "its trip count is used in a way that changes from turn to turn"
        return threshold + 8 * modulus + 24, "no two of its turns were found alike"

    def demands_on(self, name: str, turns: bool) -> tuple[int, int, LoopInfo | None]:
        """(modulus, threshold, an obstacle) for shifting all loops that the value `name` bounds."""
        demands = self._kernel.demands
        modulus, threshold, asked = demands.modulus.get(name, 1), 0, demands.threshold.get(name, 0)
        for info in self.loops:
            if (info.turns and turns and f"trips@{info.var}" == name) or (
                not turns and isinstance(info.bound, tuple) and not info.turns and info.bound[0] == name
            ):
                modulus = lcm(modulus, info.modulus, info.step)
                threshold = max(threshold, info.threshold, asked + info.lag - 1)
                if info.bad:
                    self.obstacles[info.span.line] = info
                    return modulus, threshold, info
        return modulus, threshold, None


class _Turn:
    """One canonical form in the making."""

    def __init__(self, folder: Folder, kernel: Kernel, cores: list[CoreRun], replay: Replay, store: Store) -> None:
        self._folder = folder
        self._kernel = kernel
        self._cores = cores
        self._replay = replay
        self._store = store
        self._classes: dict[Atom, _Class] = {}
        self._of_loop: dict[tuple[int, LoopInfo], _Class] = {}
        self._relabelled: dict[Atom, tuple[Atom, int]] = {}
        self._gather()
        self._decide()
        self._hold_addresses()
        self._marks = self._mark_bases()
        replay.inherit_all()
        self._split = set(replay.atlas.parents.values())
        self._still = {h.page.key for action in self._issued() for h in (*action.reads, *action.writes)}
        self._ranges: dict[int, dict[int, tuple[int, int]]] = {}
        self._floors: dict[tuple[int, ...], Clock] = {}

    # ------------------------------------------------------------ which loops move by how much

    def _gather(self) -> None:
        for core in self._cores:
            if core.done:
                continue
            for info in core.code.ops[core.pc].loops:
                bound = self._bound_of(core, info)
                if bound is None:
                    continue
                turn = core.values[info.turn_slot][0]
                counter = turn if info.turns else core.values[info.slot]
                if not isinstance(counter, int):
                    continue
                group = self._classes.setdefault(bound, _Class())
                group.members.append((core.code.index, info, counter))
                self._of_loop[core.code.index, info] = group

    def _bound_of(self, core: CoreRun, info: LoopInfo) -> Atom | None:
        """The open value that bounds a running loop, None where its trip count is a number."""
        key = core.values[info.turn_slot][1]
        if key:
            return (f"trips@{key}", ())
        if not isinstance(info.bound, tuple):
            return None
        return self._member(core, info.bound)

    def _member(self, core: CoreRun, family: tuple[str, Any]) -> Atom:
        name, index = family
        if index is None:
            return (name, ())
        if isinstance(index, int):
            return (name, (index,))
        loop, offset = index
        return (name, (core.values[loop.slot] + offset,))

    def _decide(self) -> None:
        for bound, group in self._classes.items():
            name = bound[0]
            turns = name.startswith("trips@")
            short = "@".join(name.split("@")[:2]) if turns else name
            modulus, threshold, obstacle = self._folder.demands_on(short, turns)
            group.least = min(counter for _, _, counter in group.members)
            waiting = any(self._may_begin(core, bound) for core in self._cores)
            if obstacle is not None or name in self._kernel.demands.odd_index or waiting or self._out_of_step(group):
                group.least = 0 if waiting else group.least
                continue
            if group.least > threshold:
                group.shift = (group.least - threshold) // modulus * modulus

    def _hold_addresses(self) -> None:
        """Loops stay where they are when addresses of one tensor that grow with them meet others that do not: which
        of them are the same bytes depends on the turn."""
        held = True
        while held:
            held = False
            for uses in self._kernel.tensor_uses.values():
                moves, groups = set(), []
                for core in self._cores:
                    for name, shape in uses if not core.done else ():
                        if name == core.code.name:
                            parts = [(t, c) for t, c in shape.terms if isinstance(t, LoopInfo) and not t.turns]
                            moves.add(sum(c * self._shift_of(core, t) for t, c in parts))
                            groups += [g for t, _ in parts if (g := self._of_loop.get((core.code.index, t)))]
                if len(moves) > 1:
                    for group in groups:
                        held = held or group.shift > 0
                        group.shift = 0

    def _out_of_step(self, group: _Class) -> bool:
        """Whether one of these loops picks members of a family that some other loop, which does not move along,
        may still pick."""
        own = {info for _, info, _ in group.members}
        for loops in self._kernel.demands.indexed.values():
            if own & loops and any(self._strays(core, info, group) for core in self._cores for info in core.code.loops
                                   if info in loops):  # fmt: skip
                return True
        return False

    def _strays(self, core: CoreRun, info: LoopInfo, group: _Class) -> bool:
        if core.done:
            return False
        if info in core.code.ops[core.pc].loops and self._of_loop.get((core.code.index, info)) is not group:
            return True
        return self._reachable(core, info)

    def _may_begin(self, core: CoreRun, bound: Atom) -> bool:
        """Whether a core may yet enter a loop that `bound` ends, from its first turn (or again)."""
        return not core.done and any(self._ahead(core, info, bound) for info in core.code.loops)

    def _ahead(self, core: CoreRun, info: LoopInfo, bound: Atom) -> bool:
        """Whether this loop of this core may still begin and be bounded by `bound`."""
        name, index = bound
        if name.startswith("trips@"):
            return info.turns and name.split("@")[1] == info.var and self._reachable(core, info)
        if not isinstance(info.bound, tuple) or info.bound[0] != name:
            return False
        of = info.bound[1]
        if not isinstance(of, tuple):
            return self._reachable(core, info)
        loop, offset = of
        if self._reachable(core, loop) or loop not in core.code.ops[core.pc].loops:
            return self._reachable(core, loop)
        now, wanted = self._position(core.values[loop.slot]), self._position(index[0])
        if now is None or wanted is None:
            return True
        now += offset
        return now < wanted or (now == wanted and core.pc <= info.start)

    def _position(self, value: Any) -> int | None:
        if isinstance(value, int):
            return value
        if isinstance(value, Linear) and len(value.terms) == 1 and value.terms[0][1] == 1:
            (name, index), _ = value.terms[0]
            if symbolic.TURN in name and index and isinstance(index[0], int):
                return int(index[0]) + value.constant
        return None

    def _reachable(self, core: CoreRun, info: LoopInfo) -> bool:
        """Whether the start of a loop lies ahead: not on an arm of a branch that was not taken."""
        return core.code.leads(core.pc, info.start)

    # ------------------------------------------------------------ values

    def _shift_of(self, core: CoreRun, term: Any) -> int:
        if isinstance(term, LoopInfo):
            group = self._of_loop.get((core.code.index, term))
            return group.shift if group is not None and not term.turns else 0
        _, index = term
        if isinstance(index, tuple) and core.values[index[0].slot] is None:
            return 0
        found = self._classes.get(self._member(core, term))
        return found.shift if found is not None else 0

    def _value(self, core: CoreRun, value: Any, shape: Shape) -> Any:
        moved = sum(coefficient * self._shift_of(core, term) for term, coefficient in shape.terms)
        if isinstance(value, int):
            return value - moved
        if isinstance(value, Linear):
            terms, constant = self._terms(value)
            return (constant - moved, terms)
        return value

    def _terms(self, form: Linear) -> tuple[tuple[Any, ...], int]:
        terms, constant = [], form.constant
        for item, coefficient in form.terms:
            other, moved = self._relabel(item)
            terms.append((other, coefficient))
            constant += coefficient * moved
        return (tuple(terms) if len(terms) < 2 else tuple(sorted(terms, key=repr))), constant

    def _relabel(self, item: Atom) -> tuple[Atom, int]:
        """An atom told relative to the loops: (its new name, how much of its value the shift took)."""
        found = self._relabelled.get(item)
        if found is None:
            name, index = item
            group = self._classes.get(item)
            found = (name, tuple(self._index(name, value) for value in index)), group.shift if group else 0
            self._relabelled[item] = found
        return found

    def _index(self, name: str, value: Any) -> Any:
        if isinstance(value, Linear):
            return self._terms(value)
        if not isinstance(value, int):
            return value
        if symbolic.TURN in name:
            group = self._classes.get((f"trips@{name}", ()))
            return value - (group.shift if group else 0)
        if value in self._kernel.demands.named.get(name, ()):
            return "", value
        shifts = {
            g.shift for (_, info), g in self._of_loop.items() if info in self._kernel.demands.indexed.get(name, ())
        }
        return value - shifts.pop() if len(shifts) == 1 else value

    # ------------------------------------------------------------ what can still be asked

    def _gone(self, item: Atom) -> bool:
        """Whether no core can mention this atom again: it belongs to a turn that all have left."""
        name, index = item
        if name in self._kernel.demands.odd_index:
            return False  # a value of an earlier turn may be kept in a variable
        for value in index:
            if isinstance(value, Linear) and any(self._gone(inner) for inner, _ in value.terms):
                return True
            if not isinstance(value, int):
                continue
            if symbolic.TURN in name:
                var = name.split("@")[0]
                again = any(info.parent or info.bad for info in self._folder.loops if info.turns and info.var == var)
                return not again and self._left(f"trips@{name}", value, self._offset_of(var))
            if value in self._kernel.demands.named.get(name, ()):
                return False
            loops = self._kernel.demands.indexed.get(name)
            if loops and any(info.parent is not None for info in loops):
                return False  # an outer loop may bring the same index again
            if loops and name not in self._kernel.demands.odd_index:
                groups = {id(g): g for (_, info), g in self._of_loop.items() if info in loops}
                if len(groups) == 1 and self._all_inside(loops):
                    (group,) = groups.values()
                    return value < group.least + min(info.least_offset for info in loops)
        return False

    def _all_inside(self, loops: set[LoopInfo]) -> bool:
        """Whether every core that has one of these loops is in it, or past it for good."""
        for core in self._cores:
            for info in core.code.loops:
                outside = info in loops and not core.done and info not in core.code.ops[core.pc].loops
                if outside and self._reachable(core, info):
                    return False
        return True

    def _left(self, trips: str, turn: int, offset: int) -> bool:
        group = self._classes.get((trips, ()))
        if group is None:
            return all(core.done for core in self._cores)
        return turn < group.least + offset

    def _offset_of(self, var: str) -> int:
        return min([info.least_offset for info in self._folder.loops if info.var == var], default=0)

    def _assumptions(self) -> tuple[Any, ...]:
        store = self._store
        facts, kept = [], set()
        for test, answer in store.facts.items():
            atoms = [item for item, _ in test.form.terms]
            if all(self._gone(item) for item in atoms):
                continue
            kept.update(atoms)
            facts.append((self._test(test), answer))
        bounds = []
        for item, (low, high) in store.bounds.items():
            if item not in kept and self._gone(item):
                continue
            other, moved = self._relabel(item)
            bounds.append((other, None if low is None else low - moved, None if high is None else high - moved))
        for item, group in self._classes.items():
            if item not in store.bounds:  # what the domain (or -D) says of a loop's bound moves with the loop too
                low, high = store.domain(item)
                ahead = low if low is not None and low > group.least else group.least
                behind = group.shift
                bounds.append((self._relabel(item)[0], ahead - behind, None if high is None else high - behind))
        return frozenset(bounds), frozenset(facts)

    def _test(self, test: Test) -> tuple[Any, ...]:
        terms, constant = self._terms(test.form)
        return (test.op, constant, terms)

    # ------------------------------------------------------------ FIFOs

    def _mark_bases(self) -> dict[str, int]:
        """For each FIFO, how many tiles all sides have behind them, in whole rounds of its rings."""
        bases = {}
        for name, fifo in self._kernel.layout.fifos.items():
            facts = [core.marks.get(name, (0, 0)) for core in self._cores if name in core.marks]
            counts = [count for core in self._cores for count in self._used(core, name)]
            round_ = lcm(fifo.slots, fifo.local_slots, fifo.period)
            least = min(counts) if counts and len(counts) >= self._sides(name) else 0
            first = fifo.wait_from if fifo.back_pressure else 0
            bases[name] = max(least - first, 0) // round_ * round_ if facts else 0
        return bases

    def _used(self, core: CoreRun, fifo: str) -> list[int]:
        pushed, popped = core.marks.get(fifo, (0, 0))
        return [count for count in (pushed, popped) if count]

    def _sides(self, fifo: str) -> int:
        direction = self._kernel.layout.fifos[fifo].direction
        lanes = sum(1 for core in self._cores if core.code.name.startswith("AIV"))
        return 1 + lanes if direction else 1

    # ------------------------------------------------------------ the form

    def form(self) -> object:
        replay = self._replay
        clocks = [self._effective(agent) for agent in range(len(replay.clocks))]
        self._entries = self._open_entries(clocks)
        self._open_waits = self._waits_open(clocks)
        scalar = replay.wiring.scalar
        self._flying: dict[tuple[int, int], int] = {}
        for agent, number, action, _ in replay.in_flight.values():
            if replay.clocks[scalar[action.core]][agent] < number:
                name = (self._line(action), agent)
                self._flying[name] = max(number, self._flying.get(name, 0))
        unknown = {channel: self._unknown(channel, clocks) for channel in sorted(replay.hearings)}
        live = self._live(unknown)
        cores = tuple(self._core(core) for core in self._cores)
        return (
            cores,
            self._assumptions(),
            tuple(ranks(clock, live) for clock in clocks),
            tuple(ranks(clock, live) for clock in replay.issue_clocks),
            self._channels(live, unknown),
            self._waiting(live),
            self._memory(live),
            tuple(data != cleared for data, cleared in zip(replay.data, replay.cleared, strict=True)),
        )

    def _core(self, core: CoreRun) -> tuple[Any, ...]:
        if core.done:
            return ("done", self._tiles(core))
        op = core.code.ops[core.pc]
        values = tuple(self._value(core, core.values[slot], shape) for slot, shape in op.scope)
        rest = tuple((a.site, a.channel, tuple(self._bytes(h) for h in (*a.reads, *a.writes))) for a in core.rest)
        return (core.pc, values, self._tiles(core), rest)

    def _tiles(self, core: CoreRun) -> tuple[Any, ...]:
        return tuple(
            (name, tuple(count - self._marks[name] if count else None for count in counts))
            for name, counts in sorted(core.marks.items())
        )

    def _effective(self, agent: int) -> Clock:
        """What the next instruction of an agent will know at least."""
        replay = self._replay
        if agent in replay.queues:
            return replay.clocks[agent]
        return join(replay.clocks[agent], replay.issue_clocks[replay.wiring.agents[agent][0]])

    def _open_entries(self, clocks: list[Clock]) -> list[tuple[int, str, int, Entry]]:
        """The remembered accesses that some later one may still not be ordered after: (cell, w or r, key, entry)."""
        replay = self._replay
        floors: dict[tuple[str, bool], Clock] = {}
        held: dict[int, int] = {}
        for queue in replay.queues.values():
            core, seq = queue[0][0].core, queue[0][2]
            held[core] = min(seq, held.get(core, seq))
        kept: dict[tuple[int, str, int, int], Entry] = {}
        line_of, split = self._folder.line, self._split
        for kind, table in (("w", replay.writers), ("r", replay.readers)):
            for cell, entries in table.items():
                if not entries or cell in split:
                    continue
                page = next(iter(entries.values()))[5].page.key
                floor = floors.get((page, kind == "w"))
                if floor is None:
                    floor = floors[page, kind == "w"] = self._floor(page, clocks, writers_only=kind == "r")
                for entry in entries.values():
                    agent, number, seq, _, action, handle, _ = entry
                    # known to all who may come; but an instruction held back may still invert it
                    if number <= floor[agent] and (not held or seq <= held.get(action.core, seq)):
                        continue
                    if self._dead(handle):
                        continue
                    name = (cell, kind, line_of[action.site], agent)
                    if name not in kept or kept[name][1] < number:
                        kept[name] = entry  # older ones of the same line are ordered whenever this one is
        self._folder.work += 40 + len(replay.writers) + 4 * len(kept)
        return [(cell, kind, line, entry) for (cell, kind, line, _), entry in kept.items()]

    def _issued(self) -> Iterator[Action]:
        """What has left the loops behind but has not run: instructions held back, the rest of a statement."""
        for queue in self._replay.queues.values():
            yield from (item[0] for item in queue)
        for core in self._cores:
            yield from core.rest

    def _line(self, action: Action) -> int:
        return self._folder.line[action.site]

    def _floor(self, page: str, clocks: list[Clock], *, writers_only: bool) -> Clock:
        """What everyone who may still access (or write) a memory knows to be complete."""
        users = self._folder.users_of(page, writers_only)
        if not users:
            return [1 << 62] * len(clocks)
        floor = self._floors.get(users)
        if floor is None:
            floor = meet([clocks[agent] for agent in users], len(clocks))
            if len(users) == 1 and self._strict(users[0]):
                floor = floor.copy()
                floor[users[0]] = 1 << 62
            self._floors[users] = floor
        return floor

    def _strict(self, agent: int) -> bool:
        return self._replay.wiring.agents[agent][1] in self._replay.rules.in_order

    def _waits_open(self, clocks: list[Clock]) -> dict[int, tuple[int, int, int]]:
        """The last wait of each flag that its next set may still overtake."""
        replay = self._replay
        found = {}
        for channel, (agent, number, action, _) in replay.last_wait.items():
            wire = replay.wiring.channels[channel]
            if wire.cross:
                continue
            core = replay.wiring.core_index[wire.core]
            setter = replay.wiring.agent_index.get((core, wire.src))
            if setter is None or clocks[setter][agent] < number:
                found[channel] = (agent, number, self._line(action))
        return found

    def _live(self, unknown: dict[int, list[int]]) -> list[list[int]]:
        """For each agent, the counts that something may still be compared with."""
        replay = self._replay
        columns: list[set[int]] = [set() for _ in replay.counts]
        for _, _, _, entry in self._entries:
            columns[entry[0]].add(entry[1])
        for agent, number, _ in self._open_waits.values():
            columns[agent].add(number)
        for (_, agent), number in self._flying.items():
            columns[agent].add(number)
        for channel, numbers in unknown.items():
            if numbers:
                columns[replay.last_wait[channel][0]].update(numbers)
        for channel, queue in replay.tokens.items():
            if len(queue) > 1 and not replay.wiring.channels[channel].cross:
                for token in islice(queue, 1, None):  # the wait for the one before asks whether this set was made
                    columns[token[4]].add(token[0][token[4]])
        return [sorted(column) for column in columns]

    def _channels(self, live: list[list[int]], unknown: dict[int, list[int]]) -> tuple[Any, ...]:
        replay = self._replay
        tokens = tuple(
            (channel, tuple(self._token(token, live) for token in queue))
            for channel, queue in sorted(replay.tokens.items())
            if queue
        )
        partial = tuple(
            (channel, core, tuple(self._token(token, live) for token in queue))
            for channel, parts in sorted(replay.partial.items())
            for core, queue in sorted(parts.items())
            if queue
        )
        sets = tuple((channel, self._line(token[1])) for channel, token in sorted(replay.last_set.items()))
        waits = tuple(
            (channel, agent, bisect_left(live[agent], number), site)
            for channel, (agent, number, site) in sorted(self._open_waits.items())
        )
        heard = tuple(self._hearing(channel, live, numbers) for channel, numbers in unknown.items())
        pending = tuple((c, n) for c, n in sorted(replay.pending.items()) if n)
        return tokens, partial, sets, waits, heard, pending

    def _token(self, token: Token, live: list[list[int]]) -> tuple[Any, ...]:
        return (ranks(token[0], live), self._line(token[1]))

    def _hearing(self, channel: int, live: list[list[int]], unknown: list[int]) -> tuple[Any, ...]:
        """How far a counter's sets run ahead, and which of its waits some sender does not yet know."""
        sets, waits, _ = self._replay.hearings[channel]
        if not unknown:
            return (channel, sets - waits)
        agent = self._replay.last_wait[channel][0]
        return (channel, sets - waits, tuple(bisect_left(live[agent], number) for number in unknown))

    def _unknown(self, channel: int, clocks: list[Clock]) -> list[int]:
        """The waits of a counter that some core which signals it may not know to have passed."""
        wait = self._replay.last_wait.get(channel)
        if wait is None:
            return []
        wiring = self._replay.wiring
        sources = {c for s in wiring.signals if channel in s.targets for c in s.sources}
        known = meet([clocks[a] for a, (core, _) in enumerate(wiring.agents) if core in sources], len(clocks))
        return [number for number in self._replay.hearings[channel][2] if number > known[wait[0]]]

    def _waiting(self, live: list[list[int]]) -> tuple[Any, ...]:
        replay = self._replay
        queues = []
        order: dict[int, list[int]] = {}
        for queue in replay.queues.values():
            order.setdefault(queue[0][0].core, []).extend(item[2] for item in queue)
        for numbers in order.values():
            numbers.sort()
        for agent, queue in sorted(replay.queues.items()):
            for action, _, seq, issued in queue:
                age = bisect_left(order[action.core], seq)
                handles = tuple(self._bytes(h) for h in (*action.reads, *action.writes))
                tile = self._tile(action)
                known = ranks(issued, live)
                queues.append((agent, action.code, action.site, action.channel, handles, tile, age, known))
        stalls = tuple((core, item[0].site, item[0].channel) for core, item in sorted(replay.stalls.items()))
        ages = [
            (cell, key, bisect_left(order[entry[4].core], entry[2]))
            for cell, _, key, entry in self._entries
            if entry[4].core in order
        ]
        return tuple(queues), stalls, tuple(sorted(ages))

    def _tile(self, action: Action) -> int:
        """The number of the tile that a push or pop is about, less the rounds that its FIFO has behind it."""
        fifos = [h.owner.removeprefix("fifo:") for h in (*action.reads, *action.writes) if h.owner.startswith("fifo:")]
        return action.tag - self._marks.get(fifos[0], 0) if action.tag >= 0 and fifos else action.tag

    # ------------------------------------------------------------ memory

    def _memory(self, live: list[list[int]]) -> tuple[Any, ...]:
        replay = self._replay
        cells = [
            (self._cell(cell, entry[5]), kind, key, entry[0], bisect_left(live[entry[0]], entry[1]))
            for cell, kind, key, entry in self._entries
        ]
        marks, split = self._marks, self._split
        held = {cell: holder for cell, holder in replay.owners.items() if cell not in split}
        owners = frozenset([(cell, entry[0]) for cell, entry in held.items()])
        tiles = tuple(sorted([(c, tag - marks.get(owner[5:], 0)) for c, (owner, tag, _) in held.items() if tag >= 0]))
        flying = tuple(
            (line, agent, bisect_left(live[agent], number)) for (line, agent), number in sorted(self._flying.items())
        )
        return frozenset(cells), owners, tiles, flying

    def _moves(self, handle: Handle) -> bool:
        """Whether the bytes belong to a tensor that is told by address: it grows with loops."""
        page = handle.page
        return page.key in self._kernel.tensor_uses or page.symbol is not None

    def _cell(self, cell: int, handle: Handle) -> Any:
        """A cell by number, or by its bytes told relative to the loops that its address grows with."""
        if not self._moves(handle):
            return (0, cell)
        page = handle.page
        ranges = self._ranges.get(id(page))
        if ranges is None:
            ranges = self._ranges[id(page)] = page.ranges()
        start, stop = ranges[cell]
        moved = self._moved(page.key)
        return (1, page.key, self._symbol(page), start - moved, stop - moved)

    def _symbol(self, page: Page) -> Any:
        return self._terms(page.symbol) if isinstance(page.symbol, Linear) else page.symbol

    def _bytes(self, handle: Handle) -> tuple[Any, ...]:
        """A handle told relative to the loops that its address grows with."""
        page = handle.page
        moved = self._moved(page.key)
        return (page.key, self._symbol(page), handle.start - moved, handle.stop - moved)

    def _moved(self, key: str) -> int:
        """By how many bytes the loops' shift moves the addresses of a tensor; 0 unless all its uses agree."""
        moves = set()
        for core in self._cores:
            for name, shape in self._kernel.tensor_uses.get(key, ()):
                if name == core.code.name and not self._over(core, shape):
                    parts = [(t, c) for t, c in shape.terms if isinstance(t, LoopInfo) and not t.turns]
                    moves.add(sum(c * self._shift_of(core, t) for t, c in parts))
        return moves.pop() if len(moves) == 1 else 0

    def _dead(self, handle: Handle) -> bool:
        """Whether no instruction can touch these bytes again: all loops that reach them have moved on."""
        page = handle.page
        uses = self._kernel.tensor_uses.get(page.key)
        if not uses or page.key in self._still:
            return False
        symbol = page.symbol
        if isinstance(symbol, Linear):
            return self._page_left(symbol, handle, uses)
        lows = [self._least_address(core, shape) for core in self._cores for n, shape in uses if n == core.code.name]
        return all(low is not None and handle.stop <= low for low in lows)

    def _page_left(self, symbol: Linear, handle: Handle, uses: list[tuple[str, Shape]]) -> bool:
        """A page at a turn that all cores have left, and whose bytes no later turn's page can hold."""
        ((item, coefficient),) = symbol.terms if len(symbol.terms) == 1 else ((("", ()), 0),)
        if symbolic.TURN not in item[0] or coefficient <= 0 or not self._gone(item):
            return False
        for core in self._cores:
            for name, shape in uses if not core.done else ():
                if name != core.code.name or self._over(core, shape):
                    continue
                if shape.opaque or len(shape.terms) != 1 or shape.terms[0][1] != coefficient:
                    return False
                if not self._only_later(core, shape.terms[0][0], item[0]) or handle.stop > coefficient + shape.constant:
                    return False
        return True

    def _over(self, core: CoreRun, shape: Shape) -> bool:
        """Whether this core has no use of this shape to come: it stands in a loop that the core has left for good."""
        active = core.code.ops[core.pc].loops
        loops = [term for term, _ in shape.terms if isinstance(term, LoopInfo)]
        return any(info not in active and not self._reachable(core, info) for info in loops)

    def _only_later(self, core: CoreRun, term: Any, name: str) -> bool:
        """Whether a use on this core can only be at a later turn of the loop that runs under this name."""
        if not isinstance(term, LoopInfo) or not term.turns:
            return False
        if term in core.code.ops[core.pc].loops:
            return bool(core.values[term.turn_slot][1] == name)
        return not self._reachable(core, term)

    def _least_address(self, core: CoreRun, shape: Shape) -> int | None:
        """The lowest address that an access of this shape can still have on this core; None: any."""
        if core.done:
            return 1 << 62
        if shape.opaque or any(not isinstance(t, LoopInfo) or t.turns or c <= 0 for t, c in shape.terms):
            return None
        if not shape.terms:
            return shape.constant
        loops = [term for term, _ in shape.terms]
        if any(info.bad or (info.parent is not None and info.parent not in loops) for info in loops):
            return None  # not from 0 upwards, or begun again by a loop that the address does not grow with
        active = core.code.ops[core.pc].loops
        ordered = sorted(shape.terms, key=lambda part: part[0].head)
        address = shape.constant
        best: int | None = None
        for term, coefficient in ordered:
            if term not in active:
                if not self._reachable(core, term):
                    return 1 << 62
                break
            counter = core.values[term.slot]
            if not isinstance(counter, int):
                return None
            following = address + coefficient * (counter + term.step)
            best = following if best is None else min(best, following)
            address += coefficient * counter
        return address if best is None else min(best, address)
