"""Stores to GM that are complete and not yet visible: xcore_visibility=needs-dsb and gm_roundtrip=flag+dsb.

Under these readings a store by FIX or MTE3 is seen elsewhere only once its core has run a dsb, on S, after S knew the
store to be complete. Each pipe that stores has a second count, of what is visible; a dsb raises it to what S knows of
the pipe, and clocks pass it on like any other. A store is remembered twice: as an access, and as one that must be
visible. The second is compared only with reads that the option is about, so the canonical form (fold.py) needs to know
nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncheck.action import ACCESS, Action
from syncheck.memory_map import Atlas, Handle
from syncheck.observation import Access, Clash, Log
from syncheck.ordering import Rules
from syncheck.replay import Replay
from syncheck.sightings import Entry, Values
from syncheck.vector_clock import Clock
from syncheck.wiring import Wiring

STORES = ("FIX", "MTE3")
LOADS = "MTE2"
_SEEN = ".seen"
"""Ends the name of the pseudo pipe whose count is what is visible of a pipe's stores."""


class Visible(Replay):
    """A replay that tells visible from complete."""

    __slots__ = ()

    def __init__(self, wiring: Wiring, atlas: Atlas, rules: Rules, log: Log) -> None:
        for core, pipe in [each for each in wiring.agents if each[1] in STORES]:
            wiring.agent(core, pipe + _SEEN)
        super().__init__(wiring, atlas, rules, log)

    def _pairs(self, core: int) -> Iterator[tuple[int, int]]:
        """(a pipe of `core` that stores, its pseudo pipe)."""
        index = self.wiring.agent_index
        for pipe in STORES:
            if (core, pipe + _SEEN) in index:
                yield index[core, pipe], index[core, pipe + _SEEN]

    def _access(self, action: Action, values: Values, seq: int, count: int, owner: int, number: int) -> None:
        if action.site in self.wiring.fences:
            self._show(action.core, action.agent)
        super()._access(action, values, seq, count, owner, number)
        seen = dict(self._pairs(action.core)).get(action.agent) if action.writes else None
        if seen is None:
            return
        for handle in action.writes:
            entry = (seen, count, seq, values, action, handle, True)
            for cell in handle.cells if handle.shared else ():
                self.writers[cell][-2 * action.site - 2] = entry

    def _show(self, core: int, scalar: int) -> None:
        """A dsb: what S knows to be complete is visible from here on."""
        known, issued = self.clocks[scalar], self.issue_clocks[core]
        shown, told = known.copy(), issued.copy()
        for agent, seen in self._pairs(core):
            shown[seen] = max(shown[seen], known[agent])
            told[seen] = max(told[seen], shown[seen])
        self.clocks[scalar] = shown
        self.issue_clocks[core] = self.issue_bases[core] = shown if issued is known else told

    def _drain_all(self, action: Action, values: Values, seq: int) -> None:
        own = [self.clocks[agent] for agent in self._own[action.core]]
        kept = {seen: max(clock[seen] for clock in own) for _, seen in self._pairs(action.core)}
        super()._drain_all(action, values, seq)
        for seen, count in kept.items():
            self.clocks[action.agent][seen] = count

    def _conflict(
        self, entry: Entry, action: Action, values: Values, seq: int, agent: int, handle: Handle, writes: bool,
        clock: Clock,
    ) -> None:  # fmt: skip
        core, pipe = self.wiring.agents[entry[0]]
        if not pipe.endswith(_SEEN):
            super()._conflict(entry, action, values, seq, agent, handle, writes, clock)
            return
        complete = clock[self.wiring.agent_index[core, pipe.removesuffix(_SEEN)]] >= entry[1]  # else it is a race
        if not writes and complete and self._asked(core, action) and not (action.atomic and entry[4].atomic):
            self._unseen(entry, action, values, seq, handle, clock)

    def _asked(self, core: int, action: Action) -> bool:
        """Whether the options speak of this reader."""
        if action.core != core:
            return self.rules.dsb_between_cores
        return self.rules.dsb_within_core and action.code == ACCESS and self.wiring.agents[action.agent][1] == LOADS

    def _unseen(self, entry: Entry, action: Action, values: Values, seq: int, handle: Handle, clock: Clock) -> None:
        first = Access(entry[4], entry[3], entry[2], entry[5], True)
        second = Access(action, values, seq, handle, False)
        clash = Clash("unseen", first, second, self.case, list(clock))
        if entry[4].core != action.core:
            self._publication(clash)
        self.log.clash(clash)
