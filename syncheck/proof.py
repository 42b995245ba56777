"""Follows every path of a Kernel, over all trip counts and all answers to open questions, until nothing new comes.

A path runs all cores together. Where it meets an open question it splits in two. Small cases come first, so that the
first example of anything is a small one.
"""

from __future__ import annotations

from dataclasses import field
from heapq import heappop, heappush
from itertools import count
from typing import Any

from syncheck.action import HEAR, SIGNAL, WAIT, Action
from syncheck.deadlock import stuck_heads
from syncheck.execution import CoreRun, Kernel, Stopped
from syncheck.fold import Folder
from syncheck.observation import Access, Log, Stuck
from syncheck.reopening import Loose, reopened
from syncheck.replay import Replay, Rules
from syncheck.source import Problem
from syncheck.symbolic import Atom, Open, Store, Test, name_of
from syncheck.value import Record, mutable
from syncheck.visibility import Visible

DEFAULT_STATES = 10000
"""States (turns of a loop on a path) to explore before giving up."""
KERNEL_STATES = 2500
"""The same for a C++ kernel, which is checked before each commit: some ten seconds at the most."""
DEFAULT_BOUND = 4
"""Turns of a loop whose trip count is not pinned, where no recurrence closes it."""
WORK_PER_STATE = 200
"""Instructions run and accesses compared, for each state allowed: what bounds the time where states are large."""
AFTER_A_RACE = 400
"""States to explore once a race is known: the verdict stands, more pairs of the same cause may still turn up."""


@mutable
class Outcome(Record):
    """What the exploration covered. `gaps` say why it did not close, each with the place; closed means none. `cut`: of
    the paths that were not followed to their end, the assumptions of the smallest."""

    states: int = 0
    events: int = 0
    gaps: dict[str, Problem] = field(default_factory=dict)
    cut: Store | None = None

    def cuts(self, store: Store) -> None:
        """A path that assumes `store` ends here; smaller ones came first."""
        if self.cut is None:
            self.cut = store


@mutable
class Path(Record):
    """One execution in progress: its cores, its token game, its assumptions. `loose`: the values whose loops were seen
    to repeat themselves (reopening.py). `trail`: the forms it had in loops that would repeat themselves if another one
    over the same value were not to come, each with the least counters. Both are replaced, never changed."""

    cores: list[CoreRun]
    replay: Replay
    store: Store
    loose: dict[Atom, Loose] = field(default_factory=dict)
    trail: dict[object, dict[Atom, int]] = field(default_factory=dict)

    def copy(self, store: Store) -> Path:
        replay = self.replay.copy()
        copied = Path([core.copy() for core in self.cores], replay, store, self.loose, self.trail)
        replay.case = store
        return copied


class Explorer:
    """Explores one Kernel into `log`."""

    def __init__(
        self,
        kernel: Kernel,
        rules: Rules,
        log: Log,
        *,
        max_states: int = DEFAULT_STATES,
        bound: int = DEFAULT_BOUND,
        counting: bool = True,
        sampling: bool = False,
        game: type[Replay] = Replay,
        after_a_race: int = AFTER_A_RACE,
    ) -> None:
        """`counting` False: races only, without what is in order and who wrote which bytes. `game`: who plays it.
        `sampling`: a few small cases are looked at, and nobody asks whether a state was seen before.
        `after_a_race`: states after which it stops once a race is known."""
        self._after_a_race = after_a_race
        dsb = rules.dsb_between_cores or rules.dsb_within_core
        self._game = Visible if dsb and game is Replay else game
        self._counting = counting
        self._sampling = sampling
        self._kernel = kernel
        self._rules = rules
        self._log = log
        self._max_states = max_states
        self._bound = bound
        self._heap: list[tuple[int, int, Path]] = []
        self._tickets = count()
        self._folder = Folder(kernel)
        self._seen: set[object] = set()
        self._takers: dict[int, set[int]] = {}
        self._told: dict[int, Action] = {}
        self.outcome = Outcome()

    def run(self) -> Outcome:
        kernel = self._kernel
        store = Store(kernel.domain)
        replay = self._game(kernel.wiring, kernel.atlas, self._rules, self._log)
        replay.counting = self._counting
        replay.case = store
        self._push(Path([CoreRun(kernel, code) for code in kernel.cores], replay, store))
        return self.go_on(self._max_states)

    def go_on(self, max_states: int) -> Outcome:
        """Follow what is left, small cases first, until nothing is left or the states allowed are used up."""
        self._max_states = max_states
        while self._heap and not self._spent():
            _, _, path = heappop(self._heap)
            self._follow(path)
        if self._heap:
            self.outcome.cuts(self._heap[0][2].store)
        return self.outcome

    def _push(self, path: Path) -> None:
        heappush(self._heap, (path.store.size, next(self._tickets), path))

    def _spent(self) -> bool:
        outcome = self.outcome
        if outcome.states > self._after_a_race and self._refuted():
            self._stopped("race", "stopped: an error is known")
            return True
        work = outcome.events + self._folder.work
        if outcome.states <= self._max_states and work <= self._max_states * WORK_PER_STATE:
            return False
        self._stopped("states", f"stopped after {outcome.states} states (--max-states raises the limit)")
        return True

    def _stopped(self, why: str, text: str) -> None:
        self.outcome.gaps.setdefault(why, Problem(self._kernel.cores[0].ops[0].span, text))

    def _refuted(self) -> bool:
        return bool(self._log.stuck) or any(c.kind == "unordered" for c in self._log.clashes.values())

    # ------------------------------------------------------------ one path

    def _follow(self, path: Path) -> None:
        """Run a path until it splits or ends."""
        while True:
            core = _next_core(path)
            if core is None:
                self._end(path)
                return
            if self._spent():
                self._push(path)
                return
            try:
                going = self._advance(path, core)
            except Open as question:
                self._split(path, core, question.test)
                return
            except Stopped as stopped:
                self.outcome.gaps.setdefault(str(stopped.problem), stopped.problem)
                if stopped.problem not in self._kernel.problems:
                    self._kernel.problems.append(stopped.problem)
                self.outcome.cuts(path.store)
                return
            if not going:
                return

    def _advance(self, path: Path, core: CoreRun) -> bool:
        """Run one core to its next turn, until it is held or has returned; False where the path ends here."""
        replay, store = path.replay, path.store
        index = core.code.index
        told, stalls, issue = self._told, replay.stalls, replay.issue
        while not core.done:
            actions = core.step(store)
            if actions is None:
                break
            values = tuple(core.values)
            self.outcome.events += len(actions)
            for position, action in enumerate(actions, 1):
                if id(action) not in told:
                    self._met(action, core)
                issue(action, values)
                if index in stalls:
                    core.rest = list(actions[position:])
                    self.outcome.events -= len(core.rest)
                    return not replay.overflowed
            if replay.overflowed:
                return False
        return core.done or self._turn(path, core)

    def _met(self, action: Action, core: CoreRun) -> None:
        """Once for each action: who signals and waits on which channel (XCR002), which waits hold issue (REL001)."""
        self._told[id(action)] = action
        if action.code not in (WAIT, HEAR, SIGNAL):
            return
        log, place = self._log, Access(action, tuple(core.values), 0)
        if action.code == WAIT:
            if action.scalar:
                log.scalar_waits.setdefault(action.site, place)
            self._one_taker(action)
            return
        if action.code == HEAR:
            log.listeners.setdefault(action.channel, {}).setdefault(action.agent, place)
            return
        signal = self._kernel.wiring.signals[action.channel]
        for target in signal.targets:
            log.senders.setdefault(target, {}).setdefault((action.core, action.agent), place)
            log.modes.setdefault(target, {}).setdefault(signal.mode, place)

    def _one_taker(self, action: Action) -> None:
        """Under flag_key=src,id two pipes may wait for one flag: then who gets which set depends on the schedule."""
        takers = self._takers.setdefault(action.channel, set())
        takers.add(action.agent)
        if len(takers) > 1:
            span = self._kernel.sites[action.site].span
            text = "two pipes wait for one flag (flag_key=src,id), so the order depends on the schedule"
            self.outcome.gaps.setdefault(f"takers {action.channel}", Problem(span, text))

    def _turn(self, path: Path, core: CoreRun) -> bool:
        """A turn of a loop begins; False where the path need not be followed further."""
        self.outcome.states += 1
        head = core.code.ops[core.pc - 1]
        turn = core.values[head.turn][0]
        if turn >= self._bound and core.unbounded(head, path.store):
            limit, why = self._folder.limit(core.code.ops[core.pc].loops[-1], self._bound)
            if turn >= limit:
                text = f"the loop over {head.name} was followed for {turn} turns only: {why}"
                self.outcome.gaps.setdefault(f"loop {head.span.line}", Problem(head.span, text))
                self.outcome.cuts(path.store)
                return False
        return True

    def _unseen(self, path: Path, core: CoreRun) -> bool:
        """Whether no state with the same future asked this question before. Every open loop asks at each of its
        turns."""
        told, waiting = self._folder.canonical(path.cores, path.replay, path.store, path.loose)
        form = (core.code.index, told)
        if form in self._seen:
            return False
        self._seen.add(form)
        return not (waiting and self._loosened(path, core, waiting)) or self._unseen(path, core)

    def _loosened(self, path: Path, core: CoreRun, waiting: dict[Atom, int]) -> bool:
        """Whether the loops over these values are in a state that they were in some turns ago, but for their counters:
        then how often they run is not told by what they leave behind."""
        trial: dict[Atom, Loose | None] = {**path.loose, **dict.fromkeys(waiting)}
        told, _ = self._folder.canonical(path.cores, path.replay, path.store, trial)
        before = path.trail.get((core.code.index, told))
        if before is None:
            path.trail = {**path.trail, (core.code.index, told): waiting}
            return False
        found = {}
        for item, least in waiting.items():
            low, _ = path.store.bounds_of(item)
            turns = least - before.get(item, least)  # another member of its family has no turns behind it
            if low is not None and turns > 0:
                period = self._folder.periods[item[0]] = self._folder.period_of(item[0], turns)
                found[item] = Loose(low, period)
        path.loose = {**path.loose, **found}
        return bool(found)

    def _split(self, path: Path, core: CoreRun, test: Test) -> None:
        if not self._sampling and not self._unseen(path, core):
            return
        stores = [store for answer in (False, True) if (store := path.store.assume(test, answer)) is not None]
        for store in stores[:-1]:
            self._go_on(path.copy(store), store)
        for store in stores[-1:]:
            self._go_on(path, store)

    def _go_on(self, path: Path, store: Store) -> None:
        """Follow a path with these assumptions, some other time."""
        if path.loose:
            store, path.loose = reopened(path.cores, store, path.loose, self._kernel.demands)
        path.store = path.replay.case = store
        self._push(path)

    def _stuck(self, stuck: Stuck) -> None:
        """Keep one deadlock of each kind: that of the smallest case."""
        known = self._log.stuck
        for number, other in enumerate(known):
            if _same_heads(stuck, other):
                if stuck.case.size < other.case.size:
                    known[number] = stuck
                return
        known.append(stuck)

    def _end(self, path: Path) -> None:
        replay = path.replay
        if not replay.stalls and not replay.queues:
            replay.finish()
            if path.loose:
                names = ", ".join(name_of(item) for item in path.loose)
                where = self._kernel.cores[0].ops[0].span
                self.outcome.gaps.setdefault("loose", Problem(where, f"a loop over {names} was left before its end"))
            return
        self._stuck(stuck_heads(self._kernel, path.cores, replay, path.store))


def _same_heads(one: Stuck, other: Stuck) -> bool:
    return [head.at.site for head in one.heads.values()] == [head.at.site for head in other.heads.values()]


def _next_core(path: Path) -> CoreRun | None:
    """The runnable core that others lag behind least: who is in the earliest turn of its outermost loop, then who has
    the fewest signals not yet heard, then who is in the earliest turn of the loops inside."""
    replay = path.replay
    runnable = [core for core in path.cores if not core.done and not replay.blocked(core.code.index)]
    if len(runnable) < 2:
        return runnable[0] if runnable else None
    debts: dict[int, int] = {}
    for channel, tokens in replay.tokens.items():
        if tokens and replay.wiring.channels[channel].cross:
            sender = tokens[0][1].core
            debts[sender] = debts.get(sender, 0) + len(tokens)

    def behind(core: CoreRun) -> tuple[Any, ...]:
        turns = [core.values[info.turn_slot][0] for info in core.code.ops[core.pc].loops]
        return turns[:1], debts.get(core.code.index, 0), turns, core.code.index

    return min(runnable, key=behind)
