"""What a replay puts into the log: races, overtaken flags, overflowing counters, what is left at the end.

Nothing here moves the execution on. Split from replay.py, which is the hot path.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import Any

from syncheck.action import BARRIER, Action
from syncheck.memory_map import Atlas, Handle
from syncheck.observation import Access, Case, Clash, Log, Remark
from syncheck.ordering import Rules
from syncheck.vector_clock import Clock
from syncheck.wiring import SCALAR_DATA, Wiring

Values = tuple[Any, ...]
Waiting = tuple[Action, Values, int, Clock]
"""An action that its pipe has not started: with its loop values, issue number and what was known at issue."""
Entry = tuple[int, int, int, Values, Action, Handle, bool]
"""A remembered access: agent, its count, issue number, loop values, action, bytes, whether it writes."""
Token = tuple[Clock, Action, Values, int, int, int, int]
"""A set or signal: clock, action, values, issue number; agent and count (who knows those knows all of it); level."""


class Sightings:
    """The part of a replay that only looks."""

    __slots__ = (
        "_strict", "atlas", "case", "cleared", "clocks", "counting", "data", "drains", "heard", "hearings",
        "in_flight", "last_set", "last_wait", "log", "overflowed", "owners", "partial", "pending", "rules",
        "tokens", "wiring",
    )  # fmt: skip

    wiring: Wiring
    atlas: Atlas
    rules: Rules
    log: Log
    case: Case
    clocks: list[Clock]
    data: list[int]
    cleared: list[int]
    tokens: dict[int, deque[Token]]
    partial: dict[int, dict[int, deque[Token]]]
    last_set: dict[int, Token]
    last_wait: dict[int, tuple[int, int, Action, Values]]
    hearings: dict[int, tuple[int, int, tuple[int, ...]]]
    pending: dict[int, int]
    owners: dict[int, tuple[str, int, Action]]
    in_flight: dict[int, tuple[int, int, Action, Values]]
    heard: dict[int, dict[tuple[int, int], tuple[Action, Values, int]]]
    drains: dict[int, list[tuple[Action, Values, int]]]
    counting: bool
    overflowed: bool
    _strict: list[bool]

    # ------------------------------------------------------------ barriers and flags

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

    def _overtaken(self, token: Token, previous: Token, waiting: int) -> None:
        """This set is not ordered behind the wait for the one before."""
        wait = self.last_wait.get(token[1].channel)
        sites = (token[1].site, previous[1].site)
        if self._told("overtakes", *(sites if wait is None else (*sites, wait[2].site))):
            return
        places = [Access(token[1], token[2], token[3]), Access(previous[1], previous[2], previous[3])]
        if wait is not None:
            places.append(Access(wait[2], wait[3], 0))
        self.log.remark(Remark("overtakes", tuple(places), self.case, number=waiting))

    def _rivals(self, token: Token) -> None:
        """Flags of the same source and id towards other pipes that may be pending when this one is set."""
        clock = token[0]
        for other in self.wiring.rivals[token[1].channel]:
            wait = self.last_wait.get(other)
            if self.tokens.get(other) or (wait is not None and clock[wait[0]] < wait[1]):
                held = self.last_set[other]
                sites = (token[1].site, held[1].site)
                if self._told("rivals", *(sites if wait is None else (*sites, wait[2].site))):
                    continue
                places = [Access(token[1], token[2], token[3]), Access(held[1], held[2], held[3])]
                if wait is not None:
                    places.append(Access(wait[2], wait[3], 0))
                self.log.remark(Remark("rivals", tuple(places), self.case))

    def _both_needed(self, action: Action, values: Values, token: Token, following: Token) -> None:
        """A wait takes `token`: was the set after it made in any case by then? Then both were pending at once."""
        setter = following[4]
        if self.clocks[action.agent][setter] >= following[0][setter]:
            places = [Access(t[1], t[2], t[3]) for t in (following, token)]
            self.log.remark(Remark("tokens", (*places, Access(action, values, 0)), self.case))

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
            name = str(self.wiring.channels[channel])
            self.log.remark(Remark("counter", (place,), self.case, number=peak, text=name))

    def _hidden_flags(self, action: Action, values: Values, seq: int) -> None:
        for channel in action.hidden_flags:
            if self.pending.get(channel, 0) > 0 and channel in self.last_set:
                held = self.last_set[channel]
                places = (Access(action, values, seq), Access(held[1], held[2], held[3]))
                self.log.remark(Remark("hidden flag", places, self.case, text=str(self.wiring.channels[channel])))

    # ------------------------------------------------------------ memory

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
        old = entry[4]
        if entry[0] == agent or (old.core == action.core and self._same_scalar(entry[0], agent)):
            if self._strict[agent]:
                return
            kind = "same_pipe"
        else:
            kind = "unordered"
        if old.atomic and action.atomic:
            return
        if old.core == action.core and entry[2] > seq:
            key = (kind, action.site, old.site, writes, entry[6])
        else:
            key = (kind, old.site, action.site, entry[6], writes)
        known = self.log.clashes.get(key)
        if known is not None and known.case.size <= self.case.size:
            known.count += 1
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
        """For a race between two cores: signals of the earlier core, sent after it, that the later had heard."""
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
        if self.counting:
            action.met = action.met | {old.site * 2 + entry[6]}
            self.log.ordered.add((old.site, action.site) if old.site < action.site else (action.site, old.site))
        if old.core == action.core and entry[2] > seq and not (old.atomic and action.atomic):
            first = Access(action, values, seq, handle, writes)
            second = Access(old, entry[3], entry[2], entry[5], entry[6])
            self.log.clash(Clash("reversed", first, second, self.case, list(clock)))

    def _check_owner(self, cell: int, action: Action, values: Values, seq: int, handle: Handle) -> None:
        held = self.owners.get(cell)
        if held is None:
            if handle.page.space != "GM" and not self._told("unwritten", action.site):
                self.log.remark(Remark("unwritten", (Access(action, values, seq, handle),), self.case))
            return
        owner, tag, writer = held
        if action.tag >= 0 and owner == handle.owner and tag > action.tag:
            places = (Access(action, values, seq, handle), Access(writer, values, 0, handle, True))
            self.log.remark(Remark("slot lost", places, self.case, number=tag))
        elif owner != handle.owner and owner and handle.owner:
            if self._told("foreign bytes", action.site, writer.site):
                return
            places = (Access(action, values, seq, handle), Access(writer, values, 0, handle, True))
            self.log.remark(Remark("foreign bytes", places, self.case, text=f"{owner}|{handle.owner}"))

    def _told(self, *key: str | int) -> bool:
        """Whether a remark of this kind on these sites is known from a case no larger than this."""
        known = self.log.remarks.get(key)
        if known is None or known.case.size > self.case.size:
            return False
        known.count += 1
        return True

    # ------------------------------------------------------------ the end

    def finish(self) -> None:
        """All cores have returned and nothing is stuck: what did they leave behind?"""
        self.log.emptied |= {number for number in range(len(self.wiring.channels)) if not self.tokens.get(number)}
        for channel, tokens in sorted(self.tokens.items()):
            for token in (tokens[-1],) if tokens else ():
                place = Access(token[1], token[2], token[3])
                kind = "counter left" if self.wiring.channels[channel].cross else "flag left"
                text = str(self.wiring.channels[channel])
                self.log.remark(Remark(kind, (place,), self.case, number=len(tokens), text=text))
        for parts in self.partial.values():
            for queue in parts.values():
                for token in (queue[-1],) if queue else ():
                    place = Access(token[1], token[2], token[3])
                    text = "the other lane never sends it"
                    self.log.remark(Remark("counter left", (place,), self.case, number=len(queue), text=text))
        for agent, count, action, values in self.in_flight.values():
            known = self.clocks[self.wiring.scalar[action.core]]
            same = self._same_scalar(agent, self.wiring.scalar[action.core])
            if known[agent] < count and not same:
                own = [number for number, (core, _) in enumerate(self.wiring.agents) if core == action.core]
                told = any(self.clocks[other][agent] >= count for other in own if other != agent)
                kind = "told elsewhere" if told else "in flight"
                self.log.remark(Remark(kind, (Access(action, values, 0, None, True),), self.case))
