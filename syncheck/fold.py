"""When two states of an exploration have the same future: the canonical form of a path (docs/proofs.md, "Canonical
states").

Clock values count only by rank among what can still be compared with them; turns of loops with an open trip count count
only relative to each other, as far as the text allows (shapes.py); what nothing can ask about any more is left out.
Equal canonical forms have equal futures: the same races, deadlocks and leftovers at the same lines.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import islice
from math import lcm
from typing import Any

from syncheck import symbolic
from syncheck.action import Action
from syncheck.execution import CoreRun, Kernel
from syncheck.memory_map import Handle, Page
from syncheck.reopening import Loose
from syncheck.replay import Entry, Replay, Token
from syncheck.shapes import LoopInfo, Shape
from syncheck.source import Span
from syncheck.symbolic import Atom, Linear, Store, Test
from syncheck.value import Record, mutable
from syncheck.vector_clock import Clock, join, meet, ranks

_NEVER = 1 << 62
"""A count that no agent and no loop reaches."""


@mutable
class _Class(Record):
    """All running loops that one open value bounds. `least`: the least of their counters; 0 where one of them may be
    anywhere, or may yet begin. `shift`: how far they are moved back."""

    loops: list[LoopInfo] = field(default_factory=list)
    least: int = _NEVER
    shift: int = 0


_OVER = _Class()
"""The class of loops that are over on all cores."""


class Folder:
    """Canonical forms for one Kernel. `work` counts what they cost, in accesses compared."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.loops = [info for code in kernel.cores for info in code.loops]
        lines: dict[tuple[Span, str], int] = {}
        self.line = [lines.setdefault((site.span, site.op), len(lines)) for site in kernel.sites]
        """For each site, its line: copies of a `def` at several calls are one."""
        self._users = {
            (page, writers_only): tuple(sorted({agent for agent, writes in users if writes or not writers_only}))
            for page, users in kernel.users.items()
            for writers_only in (False, True)
        }
        self.work = 0
        self.periods: dict[str, int] = {}
        """For values that were loose on some path, how many turns of their loops repeat themselves."""

    def canonical(
        self, cores: list[CoreRun], replay: Replay, store: Store, loose: Mapping[Atom, Loose | None]
    ) -> tuple[object, dict[Atom, int]]:
        """A hashable form; two paths with equal forms have equal futures. And the values that keep running loops from
        being folded only because another loop over them may yet begin, each with the least counter of these loops."""
        turn = _Turn(self, self._kernel, cores, replay, store, loose)
        return turn.form(), turn.waiting

    def users_of(self, page: str, writers_only: bool) -> tuple[int, ...]:
        """The agents that access (or write) a memory anywhere in the text."""
        return self._users.get((page, writers_only), ())

    def limit(self, info: LoopInfo, bound: int) -> tuple[int, str]:
        """How many turns of an open loop to follow: enough for two to be alike, or `bound` where none can be; and
        why."""
        name = info.ends_at
        if name and name not in self._kernel.demands.odd_index:
            modulus, threshold, obstacle = self.demands_on(name)
            if obstacle is None:
                return threshold + 8 * modulus + 24, "no two of its turns were found alike"
            info = obstacle
        if info.bad_span is not None:
            return bound, f"{info.bad} at line {info.bad_span.line}"
        return bound, "its trip count is used in a way that changes from turn to turn"

    def period_of(self, name: str, turns: int) -> int:
        """After how many turns loops over a value are as they were, given that some state came again so many later."""
        return lcm(self.demands_on(name)[0], turns)

    def demands_on(self, name: str) -> tuple[int, int, LoopInfo | None]:
        """(modulus, threshold, an obstacle) for shifting all loops that the value `name` bounds."""
        demands = self._kernel.demands
        modulus, threshold, asked = demands.modulus.get(name, 1), 0, demands.threshold.get(name, 0)
        modulus = lcm(modulus, self.periods.get(name, 1))
        for info in self.loops:
            if info.ends_at == name:
                modulus = lcm(modulus, info.modulus, info.step)
                threshold = max(threshold, info.threshold, asked + info.lag - 1)
                if info.bad:
                    return modulus, threshold, info
        return modulus, threshold, None


class _Turn:
    """One canonical form in the making."""

    def __init__(
        self, folder: Folder, kernel: Kernel, cores: list[CoreRun], replay: Replay, store: Store,
        loose: Mapping[Atom, Loose | None],
    ) -> None:  # fmt: skip
        self._folder = folder
        self._kernel = kernel
        self._cores = cores
        self._replay = replay
        self._store = store
        self._loose = loose
        self.waiting: dict[Atom, int] = {}
        self._classes: dict[Atom, _Class] = {}
        self._of_loop: dict[LoopInfo, _Class] = {}
        self._along: dict[str, _Class | None] = {}
        self._relabelled: dict[Atom, tuple[Atom, int]] = {}
        self._gather()
        self._decide()
        self._moved = self._hold_addresses()
        self._marks = self._mark_bases()
        replay.inherit_all()
        self._split = set(replay.atlas.parents.values())
        self._still = {h.page.key for action in self._issued() for h in (*action.reads, *action.writes)}
        self._ranges: dict[int, dict[int, tuple[int, int]]] = {}
        self._floors: dict[tuple[int, ...], Clock] = {}

    # ------------------------------------------------------------ which loops move by how much

    def _gather(self) -> None:
        for core in self._cores:
            for info in core.code.ops[core.pc].loops:
                bound = self._bound_of(core, info)
                if bound is None or core.pinned(info):
                    continue
                turn, key = core.values[info.turn_slot]
                plain = info.forward and not info.turns
                group = self._of_loop[info] = self._classes.setdefault(bound, _Class())
                group.loops.append(info)
                group.least = min(group.least, turn if key else core.values[info.slot] if plain else 0)

    def _bound_of(self, core: CoreRun, info: LoopInfo) -> Atom | None:
        """The open value that bounds a running loop, None where its trip count is a number."""
        key = core.values[info.turn_slot][1]
        if key:
            return (f"trips@{key}", ())
        if not isinstance(info.bound, tuple):
            return None
        return core.member(info.bound)

    def _decide(self) -> None:
        for bound, group in self._classes.items():
            name = bound[0]
            short = "@".join(name.split("@")[:2]) if name.startswith("trips@") else name
            modulus, threshold, obstacle = self._folder.demands_on(short)
            least, begins = group.least, False
            if bound not in self._loose and any(
                self._ahead(core, info, bound) for core in self._cores for info in core.code.loops
            ):
                group.least, begins = 0, True
            if obstacle is None and name not in self._kernel.demands.odd_index and not self._out_of_step(group):
                group.shift = max(group.least - threshold, 0) // modulus * modulus
                if begins and least > threshold and self._may_be_loose(bound, group):
                    self.waiting[bound] = least

    def _may_be_loose(self, bound: Atom, group: _Class) -> bool:
        """Whether no loop over this value begins before these end, which they do nowhere but at their bound."""
        if any(info.turns or info.leaves or info.step != 1 for info in group.loops):
            return False
        if self._store.bounds_of(bound)[1] is not None:
            return False
        for core in self._cores:
            own = [info for info in core.code.ops[core.pc].loops if info in group.loops]
            ahead = [info for info in core.code.loops if self._ahead(core, info, bound)]
            if (ahead and not own) or any(info.within(own[0]) for info in ahead):
                return False
        return True

    def _hold_addresses(self) -> dict[str, int]:
        """By how many bytes the loops' shift moves the addresses of each tensor. Loops stay where they are when
        addresses that grow with them meet others that do not: which of them are the same bytes depends on the turn."""
        while True:
            moves = {key: self._moves_of(key) for key in self._kernel.tensor_uses}
            mixed = [key for key, found in moves.items() if len(found) > 1]
            if not mixed:
                return {key: max(found, default=0) for key, found in moves.items()}
            for key in mixed:
                for core, shape in self._uses(key):
                    for term, _ in shape.terms:
                        if isinstance(term, LoopInfo) and self._shift_of(core, term):
                            self._of_loop[term].shift = 0

    def _uses(self, key: str) -> Iterator[tuple[CoreRun, Shape]]:
        """The addresses of a tensor that a core may still use."""
        for core in self._cores:
            for name, shape in self._kernel.tensor_uses.get(key, ()):
                if name == core.code.name and not self._over(core, shape):
                    yield core, shape

    def _moves_of(self, key: str) -> set[int]:
        """By how many bytes the loops' shift moves the addresses of a tensor. A loop that begins again does so from its
        first turn: its shift moves what it still reaches in this run, and nothing of the next."""
        moves = set()
        for core, shape in self._uses(key):
            found = [
                (t, c * shift) for t, c in shape.terms if isinstance(t, LoopInfo) and (shift := self._shift_of(core, t))
            ]
            moves.add(sum(move for _, move in found))
            moves.update(
                sum(m for t, m in found if t is not again) for again, _ in found if self._reachable(core, again)
            )
        return moves

    def _out_of_step(self, group: _Class) -> bool:
        """Whether one of these loops picks members of a family that some other loop, which does not move along,
        may still pick, or that are picked in a way that does not move."""
        demands = self._kernel.demands
        return any(
            name in demands.odd_index or self._together(name) is not group
            for name, loops in demands.indexed.items()
            if loops.intersection(group.loops)
        )

    def _together(self, name: str) -> _Class | None:
        """The class of all loops that may still pick members of a family; None where one of them is in another class,
        in none, or has not begun."""
        if name not in self._along:
            loops = self._kernel.demands.indexed.get(name, ())
            found = {
                None if self._reachable(core, info) else self._of_loop.get(info)
                for core in self._cores
                for info in core.code.loops
                if info in loops and not self._left(core, info)
            }
            self._along[name] = found.pop() if len(found) == 1 else None if found else _OVER
        return self._along[name]

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
        if self._left(core, loop):
            return False
        now, wanted = _position(core.values[loop.slot]), _position(index[0])
        if self._reachable(core, loop) or now is None or wanted is None or not loop.forward:
            return True
        now += offset
        running = core.code.ops[core.pc].loops
        again = any(info.within(between) and between.within(loop) for between in running)
        return now < wanted or (now == wanted and (core.pc <= info.start or again))

    def _reachable(self, core: CoreRun, info: LoopInfo) -> bool:
        """Whether the start of a loop lies ahead: not on an arm of a branch that was not taken."""
        return core.code.leads(core.pc, info.start)

    def _left(self, core: CoreRun, info: LoopInfo) -> bool:
        """Whether a core is past a loop for good."""
        return info not in core.code.ops[core.pc].loops and not self._reachable(core, info)

    # ------------------------------------------------------------ values

    def _shift_of(self, core: CoreRun, term: Any) -> int:
        if isinstance(term, LoopInfo):
            group = self._of_loop.get(term)
            return group.shift if group is not None and not term.turns else 0
        found = self._classes.get(core.member(term))
        return found.shift if found is not None else 0

    def _value(self, core: CoreRun, value: Any, shape: Shape) -> Any:
        moved = sum(coefficient * self._shift_of(core, term) for term, coefficient in shape.terms)
        if isinstance(value, int):
            return value - moved
        terms, constant = self._terms(value)
        return constant - moved, terms

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
            told = tuple([self._index(name, value) for value in index])
            if name in ("(%)", "(&)") and isinstance(index[0], Linear):
                told = (self._terms(index[0])[0], index[0].constant), index[1]  # loops move by whole rounds (shapes.py)
            found = (name, told), group.shift if group else 0
            self._relabelled[item] = found
        return found

    def _index(self, name: str, value: Any) -> Any:
        if isinstance(value, Linear):
            return self._terms(value)
        if symbolic.TURN in name:
            group = self._classes.get((f"trips@{name}", ()))
            return value - (group.shift if group else 0)
        if value in self._kernel.demands.named.get(name, ()):
            return "", value
        group = self._together(name)
        return value - (group.shift if group else 0)

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
                trips = f"trips@{name.partition('@')[0]}"
                again = any(info.parent or info.bad for info in self._folder.loops if info.ends_at == trips)
                group = self._classes.get((f"trips@{name}", ()))
                return group is not None and not again and value < group.least
            loops = self._kernel.demands.indexed.get(name)
            if loops and value not in self._kernel.demands.named.get(name, ()):
                group = self._together(name)
                return group is not None and value < group.least + min(info.least_offset for info in loops)
        return False

    def _assumptions(self) -> tuple[Any, ...]:
        store = self._store
        facts, kept = [], set()
        for test, answer in store.facts.items():
            atoms = [item for item, _ in test.form.terms]
            if all(self._gone(item) for item in atoms) or store.decides(test) is answer:
                continue
            kept.update(atoms)
            facts.append((self._test(test), answer))
        bounds = []
        for item in {**store.bounds, **self._classes}:  # what the domain (or -D) says of a loop's bound moves with it
            if item not in kept and self._gone(item):
                continue
            low, high = store.bounds_of(item)
            other, moved = self._relabel(item)
            bounds.append((other, None if low is None else low - moved, None if high is None else high - moved))
        return frozenset(bounds), frozenset(facts)

    def _test(self, test: Test) -> tuple[Any, ...]:
        terms, constant = self._terms(test.form)
        return (test.op, constant, terms)

    # ------------------------------------------------------------ FIFOs

    def _mark_bases(self) -> dict[str, int]:
        """For each FIFO, how many tiles all sides have behind them, in whole rounds of its rings."""
        bases = {}
        sides = 1 + sum(core.code.name.startswith("AIV") for core in self._cores)
        for name, fifo in self._kernel.layout.fifos.items():
            counts = [count for core in self._cores for count in core.marks.get(name, ()) if count]
            round_ = lcm(fifo.slots, fifo.local_slots, fifo.period)
            least = min(counts) if len(counts) == sides else 0
            first = fifo.wait_from if fifo.back_pressure else 0
            bases[name] = max(least - first, 0) // round_ * round_
        return bases

    # ------------------------------------------------------------ the form

    def form(self) -> object:
        replay = self._replay
        self._order: dict[int, list[int]] = {}
        for queue in replay.queues.values():
            self._order.setdefault(queue[0][0].core, []).extend(item[2] for item in queue)
        for numbers in self._order.values():
            numbers.sort()
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
            frozenset([(self._relabel(item)[0], mark) for item, mark in self._loose.items()]),
        )

    def _core(self, core: CoreRun) -> tuple[Any, ...] | None:
        if core.done:
            return None
        op = core.code.ops[core.pc]
        values = tuple(self._value(core, core.values[slot], shape) for slot, shape in op.scope)
        rest = tuple((a.site, a.channel, self._handles(a)) for a in core.rest)
        ends = tuple([(pin.loop.head, pin.number) for pin in core.pins])
        return (core.pc, values, self._tiles(core), rest, ends)

    def _tiles(self, core: CoreRun) -> tuple[Any, ...]:
        return tuple(
            (name, tuple(count and count - self._marks[name] for count in counts))
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
        kept: dict[tuple[int, str, int, int], Entry] = {}
        line_of, split = self._folder.line, self._split
        for kind, table in (("w", replay.writers), ("r", replay.readers)):
            for cell, entries in table.items():
                if not entries or cell in split:
                    continue
                page = next(iter(entries.values()))[5].page.key
                floor = self._floor(page, clocks, writers_only=kind == "r")
                for entry in entries.values():
                    agent, number, _, _, action, handle, _ = entry
                    if number <= floor[agent] or self._dead(handle):  # known to all who may come, also to what waits
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
            return [_NEVER] * len(clocks)
        floor = self._floors.get(users)
        if floor is None:
            floor = meet([clocks[agent] for agent in users], len(clocks))
            if len(users) == 1 and self._strict(users[0]):
                floor = floor.copy()
                floor[users[0]] = _NEVER
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
            if not replay.wiring.channels[channel].cross:
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
            (channel, bisect_left(live[agent], number), line)
            for channel, (agent, number, line) in sorted(self._open_waits.items())
        )
        heard = tuple(
            (channel, tuple(bisect_left(live[replay.last_wait[channel][0]], number) for number in numbers))
            for channel, numbers in unknown.items()
            if numbers
        )
        return tokens, partial, sets, waits, heard

    def _token(self, token: Token, live: list[list[int]]) -> tuple[Any, ...]:
        return (ranks(token[0], live), self._line(token[1]))

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
        """Instructions held back in the queues of pipes, and which cores are stopped at which channel."""
        replay = self._replay
        queues = []
        for _, queue in sorted(replay.queues.items()):
            for action, _, seq, issued in queue:
                handles = self._handles(action)
                age = bisect_left(self._order[action.core], seq)
                queues.append((action.site, action.channel, handles, self._tile(action), age, ranks(issued, live)))
        stalls = tuple((core, item[0].channel) for core, item in sorted(replay.stalls.items()))
        return tuple(queues), stalls

    def _tile(self, action: Action) -> int:
        """The number of the tile that a push or pop is about, less the rounds that its FIFO has behind it."""
        fifos = [h.owner.removeprefix("fifo:") for h in (*action.reads, *action.writes) if h.owner.startswith("fifo:")]
        return action.tag - self._marks.get(fifos[0], 0) if action.tag >= 0 and fifos else action.tag

    # ------------------------------------------------------------ memory

    def _memory(self, live: list[list[int]]) -> tuple[Any, ...]:
        replay = self._replay
        order = self._order
        cells = []
        for cell, kind, line, entry in self._entries:
            age = bisect_left(order[core], entry[2]) if (core := entry[4].core) in order else 0
            rank = bisect_left(live[entry[0]], entry[1])
            cells.append((self._cell(cell, entry[5]), kind, line, entry[0], rank, age))
        owners = [
            (cell, owner, tag - self._marks.get(owner[5:], 0) if tag >= 0 else -1)
            for cell, (owner, tag, _) in replay.owners.items()
            if cell not in self._split
        ]
        flying = [(name, bisect_left(live[name[1]], number)) for name, number in self._flying.items()]
        return frozenset(cells), frozenset(owners), frozenset(flying)

    def _cell(self, cell: int, handle: Handle) -> Any:
        """A cell by number, or by its bytes where they belong to a tensor that is told by address: it grows with
        loops."""
        page = handle.page
        if page.key not in self._kernel.tensor_uses:
            return cell
        ranges = self._ranges.get(id(page))
        if ranges is None:
            ranges = self._ranges[id(page)] = page.ranges()
        return self._bytes(page, *ranges[cell])

    def _handles(self, action: Action) -> tuple[Any, ...]:
        return tuple(self._bytes(handle.page, handle.start, handle.stop) for handle in (*action.reads, *action.writes))

    def _bytes(self, page: Page, start: int, stop: int) -> tuple[Any, ...]:
        """Bytes told relative to the loops that their address grows with."""
        moved = self._moved.get(page.key, 0)
        symbol = self._terms(page.symbol) if isinstance(page.symbol, Linear) else None
        return page.key, symbol, start - moved, stop - moved

    def _dead(self, handle: Handle) -> bool:
        """Whether no instruction can touch these bytes again: all loops that reach them have moved on."""
        page = handle.page
        uses = self._kernel.tensor_uses.get(page.key)
        if not uses or page.key in self._still:
            return False
        symbol = page.symbol
        if isinstance(symbol, Linear):
            return self._page_left(symbol, handle)
        lows = [self._least_address(core, shape) for core, shape in self._uses(page.key)]
        return all(low is not None and handle.stop <= low for low in lows)

    def _page_left(self, symbol: Linear, handle: Handle) -> bool:
        """A page at a turn that all cores have left, and whose bytes no later turn's page can hold."""
        item, coefficient = symbol.terms[0]
        if len(symbol.terms) > 1 or symbolic.TURN not in item[0] or coefficient <= 0 or not self._gone(item):
            return False
        for core, shape in self._uses(handle.page.key):
            if shape.opaque or len(shape.terms) != 1 or shape.terms[0][1] != coefficient:
                return False
            if not self._only_later(core, shape.terms[0][0], item[0]) or handle.stop > coefficient + shape.constant:
                return False
        return True

    def _over(self, core: CoreRun, shape: Shape) -> bool:
        """Whether this core has no use of this shape to come: it stands in a loop that the core has left for good."""
        return core.done or any(self._left(core, term) for term, _ in shape.terms if isinstance(term, LoopInfo))

    def _only_later(self, core: CoreRun, term: Any, name: str) -> bool:
        """Whether a use on this core can only be at a later turn of the loop that runs under this name."""
        inside = isinstance(term, LoopInfo) and term in core.code.ops[core.pc].loops
        return inside and bool(core.values[term.turn_slot][1] == name)

    def _least_address(self, core: CoreRun, shape: Shape) -> int | None:
        """The lowest address that an access of this shape can still have on this core; None: any."""
        if shape.opaque or any(not isinstance(t, LoopInfo) or t.turns or c <= 0 for t, c in shape.terms):
            return None
        loops = [term for term, _ in shape.terms]
        if any(info.bad or info.parent not in (None, *loops) for info in loops):
            return None  # not from 0 upwards, or begun again by a loop that the address does not grow with
        address = shape.constant
        lows: list[int] = []
        for term, coefficient in sorted(shape.terms, key=lambda part: part[0].head):
            if term not in core.code.ops[core.pc].loops:
                break
            counter = core.values[term.slot]
            lows.append(address + coefficient * (counter + term.step))
            address += coefficient * counter
        return min([address, *lows])


def _position(value: Any) -> int | None:
    """In which turn a loop variable is: its number, or the turn of one that is told by its turn; None: not known."""
    if isinstance(value, int):
        return value
    if isinstance(value, Linear) and len(value.terms) == 1 and value.terms[0][1] == 1:
        (name, index), _ = value.terms[0]
        if symbolic.TURN in name and index:
            return int(index[0]) + value.constant
    return None
