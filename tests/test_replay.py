"""The token game, driven event by event: what is known after each kind of step, whoever turns up when.

Events are words, as in `V w x`, `V>MTE3`, `V>MTE3?` (set and wait), `FIX!0`, `?0` and `V?0` (signal of one core, heard
on S or on a pipe), `MTE3!!1` (a signal of two lanes), `V|` and `all` (barriers); `C:` is the cube, `1:` the second
vector core. Small letters are bytes of GM, capitals of the core's own memory. Equal words are one line of the text.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Sequence
from itertools import permutations, product
from typing import Any

import pytest

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL, WAIT, Action
from syncheck.machine import load
from syncheck.memory_map import Atlas, Handle
from syncheck.observation import Access, Log
from syncheck.ordering import Rules
from syncheck.replay import Replay
from syncheck.trace_run import _Pass
from syncheck.wiring import SCALAR_DATA, Wiring

CORES = {"": "AIV0", "C": "AIC", "1": "AIV1"}
PLAIN = Rules()
ADVISORY = Rules(advisory_scalar_wait=True)
AT_ISSUE = Rules(scalar_store_needs_flag=False)


class Game:
    """A replay fed with words; agents turn up with their first event. `values` of an event: its place in the run."""

    def __init__(self, rules: Rules = PLAIN, *, counting: bool = False, by_destination: bool = True) -> None:
        self.wiring = Wiring(by_destination=by_destination)
        for name in ("AIC", "AIV0", "AIV1"):
            self.wiring.core(name)
        self.atlas, self.log = Atlas(), Log()
        self.replay = Replay(self.wiring, self.atlas, rules, self.log)
        if counting:
            self.replay.counting = True
        self.names: list[str] = []
        self.actions: dict[str, Action] = {}
        self.issued = 0
        self.later: dict[int, list[Action]] = {}

    def run(self, events: str) -> Game:
        for word in filter(None, map(str.strip, events.split(";"))):
            self.issue(self.action(word))
        return self

    def issue(self, action: Action) -> None:
        if self.replay.blocked(action.core):
            self.later.setdefault(action.core, []).append(action)
            return
        self.issued += 1
        self.replay.issue(action, (self.issued,))
        while self.replay.released:
            core = self.replay.released.pop()
            for each in self.later.pop(core, []):
                self.issue(each)

    def action(self, word: str) -> Action:
        if word not in self.actions:
            self.names.append(word)
            self.actions[word] = self._made(word, len(self.names) - 1)
        return self.actions[word]

    def _made(self, word: str, site: int) -> Action:
        found = re.fullmatch(r"(?:(\w):)?(\S*)(.*)", word.partition("#")[0])
        assert found
        prefix, what, rest = found.groups()
        core = self.wiring.core_index[CORES[prefix or ""]]
        if what == "all":
            return Action(ALL, core, self.wiring.scalar[core], site, scalar=True)
        if flag := re.fullmatch(r"(\w+)>(\w+?)(\??)", what):
            code, pipe = (WAIT, flag[2]) if flag[3] else (SET, flag[1])
            channel = self.wiring.flag(core, flag[1], flag[2], 0)
            return Action(code, core, self._agent(core, pipe), site, channel=channel, scalar=pipe == "S")
        if heard := re.fullmatch(r"(\w*)\?(\d+)", what):
            pipe, channel = heard[1] or "S", self.wiring.counter(core, int(heard[2]))
            return Action(HEAR, core, self._agent(core, pipe), site, channel=channel, scalar=pipe == "S")
        if sent := re.fullmatch(r"(\w+)(!!?)(\d+)", what):
            channel = self.wiring.signal(core, 2 if sent[2] == "!!" else 4, int(sent[3]))
            return Action(SIGNAL, core, self._agent(core, sent[1]), site, channel=channel, scalar=sent[1] == "S")
        if what.endswith("|"):
            return Action(BARRIER, core, self._agent(core, what[:-1]), site)
        kinds = dict(re.findall(r"([rw]) (\w+)", rest))
        reads, writes = ([self._bytes(core, name) for name in kinds.get(kind, "")] for kind in "rw")
        return self.access(core, what, reads, writes, site)

    def access(
        self, core: int, pipe: str, reads: Iterable[Handle], writes: Iterable[Handle], site: int, **more: Any
    ) -> Action:
        agent, scalar, stores = self._agent(core, pipe), pipe == "S", tuple(writes)
        if scalar and stores:
            self._agent(core, SCALAR_DATA)
        return Action(ACCESS, core, agent, site, reads=tuple(reads), writes=stores, scalar=scalar, **more)

    def _agent(self, core: int, pipe: str) -> int:
        agent = self.wiring.agent(core, pipe)
        self.replay.widen()
        return agent

    def _bytes(self, core: int, name: str) -> Handle:
        space = "UB" if name.isupper() else "GM"
        page = self.atlas.page(f"{space}{core if space == 'UB' else ''}", space)
        return page.handle(64 * ord(name), 64 * ord(name) + 64, name, "")

    # ------------------------------------------------------------ what was seen

    def clashes(self) -> list[tuple[str, str, str]]:
        """(kind, earlier, later), in the order in which they were met."""
        names, found = self.names, self.log.clashes.values()
        return [(clash.kind, names[clash.earlier.site], names[clash.later.site]) for clash in found]

    def told(self, accesses: Iterable[Access]) -> tuple[str, ...]:
        return tuple(self.names[access.site] for access in accesses)

    def remarks(self) -> list[tuple[str, ...]]:
        return [(remark.kind, *self.told(remark.places)) for remark in self.log.remarks.values()]


def clashes(events: str, rules: Rules = PLAIN, **more: Any) -> list[tuple[str, str]]:
    """The pairs that nothing orders."""
    found = Game(rules, **more).run(events).clashes()
    assert all(kind == "unordered" for kind, *_ in found)
    return [(one, other) for _, one, other in found]


# ---------------------------------------------------------------- what is known

PAIR = [("V w x", "MTE3 w x")]
FROM_CUBE = [("C:FIX w x", "MTE3 w x")]
KNOWN: dict[str, tuple[Rules, str, list[tuple[str, str]]]] = {
    "nothing": (PLAIN, "V w x; MTE3 w x", PAIR),
    "a flag": (PLAIN, "V w x; V>MTE3; V>MTE3?; MTE3 w x", []),
    "a flag that was set before": (PLAIN, "V>MTE3; V w x; V>MTE3?; MTE3 w x", PAIR),
    "a wait on S holds issue": (PLAIN, "V w x; V>S; V>S?; MTE3 w x", []),
    "one that does not": (ADVISORY, "V w x; V>S; V>S?; MTE3 w x", PAIR),
    "wait_flag_dev holds issue": (PLAIN, "C:FIX w x; C:FIX!0; ?0; MTE3 w x", []),
    "also where wait_flag does not": (ADVISORY, "C:FIX w x; C:FIX!0; ?0; MTE3 w x", []),
    "one that holds behind one that does not": (ADVISORY, "V w x; V>S; V>S?; C:FIX!0; ?0; MTE3 w x", PAIR),
    "what S sets says what S knows": (ADVISORY, "V w x; V>S; V>S?; S>MTE3; S>MTE3?; MTE3 w x", []),
    "also where issue says less": (
        ADVISORY, "V w x; V>S; V>S?; S!1; MTE3!2; C:?2; C:?1; C:FIX r x; C:S r x", [],
    ),
    "also behind a barrier for all": (
        ADVISORY, "V w x; V>S; V>S?; S!1; MTE3!2; C:all; C:?2; C:?1; C:FIX r x; C:S r x", [],
    ),
    "of what S signals": (PLAIN, "V w x; V>S; V>S?; S!1; C:?1; C:FIX w x", []),
    "a barrier for all": (PLAIN, "V w x; all; MTE3 w x", []),
    "one that comes behind a signal": (
        ADVISORY, "V w x; S!1; all; C:?1; C:FIX w x", [("V w x", "C:FIX w x")],
    ),
    "what a pipe heard": (PLAIN, "C:FIX w x; C:FIX!0; V?0; MTE3 w x", FROM_CUBE),
    "what a pipe heard before a barrier for all": (PLAIN, "C:FIX w x; C:FIX!0; V?0; all; MTE3 w x", []),
    "what a pipe heard before its flag": (PLAIN, "C:FIX w x; C:FIX!0; V?0; V>MTE3; V>MTE3?; MTE3 w x", []),
    "what S had heard when the flag was set": (
        PLAIN, "V>MTE3?; MTE3 w x; C:FIX w x; C:FIX!0; ?0; V>MTE3", [],
    ),
    "what S heard while its pipe waited": (PLAIN, "V>MTE3?; C:FIX w x; C:FIX!0; ?0; MTE3 w x; V>MTE3", []),
    "and before that": (
        PLAIN, "V>MTE3?; MTE3 w x; C:FIX w x; C:FIX!0; ?0; FIX>MTE2; FIX>V; V>MTE3#2", [],
    ),
    "what S waited for while its pipe waited": (PLAIN, "V?0; V>MTE3; V>MTE3?; M w x; M>S; M>S?; MTE3 w x; C:FIX!0", []),
    "what was issued before S waited": (
        PLAIN, "MTE3?0; MTE3 w x; M w x; M>S; M>S?; C:FIX!0", [("MTE3 w x", "M w x")],
    ),
    "a store of S": (PLAIN, "S w x; V r x", [("S w x", "V r x")]),
    "a store of S and its flag": (PLAIN, "S w x; S>V; S>V?; V r x", []),
    "a store of S that needs no flag": (AT_ISSUE, "S w x; V r x", []),
    "a read of S": (PLAIN, "S r x; V w x", []),
    "both lanes": (PLAIN, "MTE3 w x; MTE3!!1; 1:MTE3 w y; 1:MTE3!!1; C:?1; C:FIX w xy", []),
    "the other lane": (
        PLAIN, "MTE3 w x; MTE3!!1; 1:MTE3!!1; 1:MTE3 w y; C:?1; C:FIX w xy", [("1:MTE3 w y", "C:FIX w xy")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", KNOWN)
def test_what_is_known(case: str) -> None:
    rules, events, found = KNOWN[case]
    assert clashes(events, rules) == found


def test_a_wait_that_is_ignored_does_not_hold_issue() -> None:
    """REL001 asks that way; a later wait that holds says nothing of what the first one knew."""
    events = "V w x; V>S; V>S?; M>S; M>S?; MTE3 w x"
    assert clashes(events, Rules(ignored_waits=frozenset({2}))) == PAIR
    assert clashes(events, Rules(ignored_waits=frozenset({4}))) == []
    assert clashes("V w x; all; MTE3 w x", Rules(ignored_waits=frozenset({1}))) == PAIR
    assert [kind for kind, *_ in Game(Rules(ignored_waits=frozenset({1}))).run("V w x; V|; V r x").clashes()] == [
        "same_pipe"
    ]


def test_a_store_of_s_is_its_own_on_every_core() -> None:
    """Not one of the first core's."""
    assert clashes("S w x; V r x; 1:S w y; 1:V r y", AT_ISSUE) == []
    assert clashes("S w x; C:S r x", AT_ISSUE) == [("S w x", "C:S r x")]


def test_a_set_wakes_whoever_waits_for_it() -> None:
    """Where the destination is not in the key, S and a pipe may wait for one flag; others go on in between."""
    events = "V?0; V?1; V>MTE2; V?2; V>MTE2; V>S?; V>MTE2?; MTE2 w y; C:FIX!0; C:FIX!1; C:FIX!2"
    game = Game(by_destination=False).run(events)
    assert game.later == {}
    assert (game.replay.stalls, game.replay.queues) == ({}, {})


def test_a_barrier_for_all_waits_for_every_pipe() -> None:
    game = Game().run("V?0; MTE2?1; all; MTE3 w x; C:FIX!0")
    assert game.replay.blocked(1)
    assert not game.run("C:FIX!1").replay.blocked(1)
    assert (game.later, game.clashes()) == ({}, [])


def test_a_pipe_that_retires_in_order() -> None:
    assert clashes("V w x; V r x", Rules(in_order=frozenset({"S", "V"}))) == []


@pytest.mark.parametrize(
    ("events", "idle"),
    [
        ("all", {"all"}),
        ("V w x; all", set()),
        ("V w x; all; all#2", {"all#2"}),
        ("V w x; all; MTE3 w y; all#2; all#3", {"all#3"}),
        ("S r x; all", set()),
        ("V|", {"V|"}),
        ("V w x; V|; V|#2", {"V|#2"}),
        ("MTE3 w x; V|; all", {"V|"}),
        ("V w x; V|; all", {"all"}),
        ("V?0; V w x; V|; C:FIX!0; V|#2", {"V|#2"}),
    ],
)
def test_barriers_with_nothing_pending(events: str, idle: set[str]) -> None:
    game = Game().run(events)
    log = game.log
    assert {game.names[site] for site in log.idle_barriers if site not in log.busy_barriers} == idle


# ---------------------------------------------------------------- pipes that turn up late

HOLDERS = {
    "tokens of one line": "V w x; V>MTE2; V>MTE2; {late} V>MTE2?; V>MTE2?; MTE2 r x; {after}",
    "half a round": "MTE3 w x; MTE3!!1; MTE3!!1; {late} 1:MTE3!!1; C:?1; C:FIX r x; 1:MTE3!!1; C:?1; {after}",
    "two queues": (
        "V>MTE2?; MTE2 r x; S r y; V>MTE3?; MTE3 r x; S r y; MTE2 r x#2; MTE3 r x#2; S r y; {late} "
        "V>MTE3; V>MTE2; {after}"
    ),
    "one queue": "V>MTE2?; S r y; MTE2 r x; S r y; MTE2 r y; S r y; {late} V>MTE2; {after}",
    "a core that is stopped": "C:FIX w x; S r y; ?0; MTE2 r x; {late} C:FIX!0; {after}",
    "a set that was taken": "V>MTE2; V>MTE2?; {late} V>MTE2; V>MTE2?; MTE2 r x; {after}",
    "a pipe that does nothing": "V|; {late} V w x; {after}",
}


@pytest.mark.parametrize("late", ["FIX r z; ", "C:M r z; ", "FIX r z; 1:V r z; C:M r z; "])
@pytest.mark.parametrize("holder", HOLDERS)
def test_every_clock_grows(holder: str, late: str) -> None:
    """Whoever holds one: what comes after is known as if all had been there from the start."""
    after = "V>FIX; V>FIX?; FIX w x"
    game = Game().run(HOLDERS[holder].format(late=late, after=after))
    early = Game().run(late + HOLDERS[holder].format(late="", after=after))
    assert not game.replay.stalls
    assert not game.replay.queues
    assert set(game.clashes()) == set(early.clashes())
    for clash in game.log.clashes.values():
        assert len(clash.known) <= len(game.wiring.agents)


def test_a_clock_has_one_component_for_each_agent() -> None:
    game = Game().run("V w x; V>MTE2; MTE3!!1; MTE2?0; FIX r y; 1:V w y; 1:MTE2 w x")
    replay = game.replay
    tokens = [*replay.tokens.values(), *(queue for parts in replay.partial.values() for queue in parts.values())]
    clocks = [*replay.clocks, *replay.issue_clocks, *(token[0] for queue in tokens for token in queue)]
    assert {len(clock) for clock in clocks} == {len(game.wiring.agents)}


# ---------------------------------------------------------------- what a race between two cores tells


def heard(events: str, rules: Rules = PLAIN) -> list[tuple[Any, ...]]:
    """Of each race: its earlier access, the signals heard after it, and the drains between, with their values."""
    game = Game(rules).run(events)
    return [
        (*game.told((clash.earlier,)), *[[(game.names[a.site], a.values) for a in part] for part in parts])
        for clash in game.log.clashes.values()
        for parts in [(clash.heard, clash.drains)]
    ]


HEARD = {
    "a signal of another pipe": (
        PLAIN, "C:FIX w x; C:MTE1!0; ?0; V r x", [("C:FIX w x", [("C:MTE1!0", (2,))], [])],
    ),
    "one before": (PLAIN, "C:MTE1!0; C:FIX w x; ?0; V r x", [("C:FIX w x", [], [])]),
    "two": (
        PLAIN, "C:FIX w x; C:MTE1!0; C:M!1; ?0; ?1; V r x",
        [("C:FIX w x", [("C:MTE1!0", (2,)), ("C:M!1", (3,))], [])],
    ),
    "of the other core": (
        PLAIN, "1:FIX w x; 1:MTE3!1; C:?17; C:M r x", [("1:FIX w x", [("1:MTE3!1", (2,))], [])],
    ),
    "of another core than the one that stores": (
        PLAIN, "1:FIX w x; MTE3!1; C:?1; C:M r x", [("1:FIX w x", [], [])],
    ),
    "of both lanes": (
        PLAIN, "1:FIX w x; MTE3!!1; 1:MTE3!!1; C:?1; C:M r x", [("1:FIX w x", [("1:MTE3!!1", (3,))], [])],
    ),
    "a drain of another pipe": (
        PLAIN, "C:FIX w x; C:M>S; C:M>S?; C:MTE1!0; ?0; V r x",
        [("C:FIX w x", [("C:MTE1!0", (4,))], [("C:M>S?", (3,))])],
    ),
    "a barrier, and a drain before and after": (
        PLAIN, "C:M>S; C:M>S?; C:FIX w x; C:FIX|; C:MTE1!0; C:M>S; C:M>S?; ?0; V r x",
        [("C:FIX w x", [("C:MTE1!0", (5,))], [("C:FIX|", (4,))])],
    ),
    "a barrier for all that holds nothing": (
        Rules(ignored_waits=frozenset({1})), "C:FIX w x; C:all; C:MTE1!0; ?0; V r x",
        [("C:FIX w x", [("C:MTE1!0", (3,))], [("C:all", (2,))])],
    ),
    "what S hears is no drain": (
        PLAIN, "C:FIX w x; MTE3!0; C:?0; C:MTE1!0; ?0; V r x", [("C:FIX w x", [("C:MTE1!0", (4,))], [])],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HEARD)
def test_what_was_heard(case: str) -> None:
    rules, events, found = HEARD[case]
    assert heard(events, rules) == found


@pytest.mark.parametrize(
    ("events", "peak"),
    [
        ("C:FIX!0; C:FIX!0", 0),
        ("C:FIX!0; C:FIX!0; C:FIX!0", 3),
        ("C:FIX!0; C:FIX!0; ?0; C:FIX!0", 3),
        ("C:FIX!0; C:FIX!0; ?0; MTE3!1; C:?1; C:FIX!0", 0),
        ("C:FIX!0; C:FIX!0; ?0; ?0; MTE3!1; C:?1; C:FIX!0; C:FIX!0; C:FIX!0#2", 3),
        ("C:FIX!0; ?0; C:FIX!0; ?0; C:FIX!0; ?0; MTE3!1; C:?1; C:FIX!0", 3),
    ],
)
def test_a_counter_that_may_overflow(events: str, peak: int) -> None:
    """A signal counts as heard where its sender knows that it was."""
    game = Game(Rules(counter_limit=2)).run(events)
    numbers = [remark.number for remark in game.log.remarks.values() if remark.kind == "counter"]
    assert (numbers, game.replay.overflowed) == ([peak] if peak else [], peak > 0)


# ---------------------------------------------------------------- flags of library instructions


@pytest.mark.parametrize(
    ("events", "taken"),
    [
        ("", False),
        ("V>S", True),
        ("V>S; V>S?", False),
        ("V>S; V>S; V>S?", True),
        ("V>S; V>S?; V>S; V>S?", False),
        ("V>S; V>S?; V>S", True),
        ("M>S", False),
    ],
)
@pytest.mark.parametrize("counting", [True, False])
def test_flags_that_a_library_instruction_takes(events: str, taken: bool, counting: bool) -> None:
    game = Game(counting=counting).run(f"{events}; V w x")
    hidden = (game.wiring.flag(1, "V", "S", 0),)
    game.names.append("library")
    game.issue(game.access(1, "V", (), (), len(game.names) - 1, hidden_flags=hidden))
    found = [("hidden flag", "library", "V>S")] if taken and counting else []
    assert [remark for remark in game.remarks() if remark[0] == "hidden flag"] == found


# ---------------------------------------------------------------- in order


@pytest.mark.parametrize(
    ("first", "later", "writes"),
    [
        ("V r x", "MTE2 w x", (False, True)),
        ("V w x", "MTE2 r x", (True, False)),
        ("V w x", "MTE2 w x", (True, True)),
    ],
)
@pytest.mark.parametrize("before", ["", "MTE2 {later}; MTE2>V; MTE2>V?; V {first}; V>MTE2; V>MTE2?;"])
@pytest.mark.parametrize("counting", [True, False])
def test_in_order_but_backwards(first: str, later: str, writes: tuple[bool, bool], before: str, counting: bool) -> None:
    """Also where the same two were in the right order in an earlier turn."""
    before = before.replace("MTE2 {later}", later).replace("V {first}", first)
    game = Game(counting=counting).run(f"{before} MTE2>V?; {first}; {later}; MTE2>V")
    assert game.clashes() == [("reversed", first, later)]
    (clash,) = game.log.clashes.values()
    assert (clash.earlier.writes, clash.later.writes) == writes


KINDS = ("r x", "w x", "r x w y", "r y w x")


def counted(lines: Sequence[str], turns: Iterable[int | str]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Pairs of lines of one pipe that are in order in some of these turns: as a replay counts them, and as they are."""
    game, last, barred = Game(counting=True), dict[int, int](), -1
    touched = [{kind: set(names) for kind, names in re.findall(r"([rw]) (\w+)", line)} for line in lines]
    words = [f"V {line}#{number}" for number, line in enumerate(lines)]
    for word in words:
        game.action(word)
    expected = set()
    for turn, site in enumerate(turns):
        if isinstance(site, str):
            barred = turn
            game.run("V|")
            continue
        for other in (each for each, at in last.items() if at < barred and each != site):
            mine, theirs = touched[site], touched[other]
            if any(mine.get(a, set()) & theirs.get(b, set()) for a, b in ("rw", "wr", "ww")):
                expected.add((min(site, other), max(site, other)))
        last[site] = turn
        game.run(words[site])
    return {pair for pair in game.log.ordered if pair[0] != pair[1]}, expected


@pytest.mark.parametrize("seed", range(20))
def test_all_pairs_in_order_are_counted(seed: int) -> None:
    """Of all that touch the same bytes, one of them writing; also those that met unordered in another turn."""
    chance = random.Random(seed)
    lines = []
    for _ in range(8):
        reads, writes = ("".join(chance.sample("uvwxyz", chance.randint(0, 2))) for _ in range(2))
        lines.append(" ".join(f"{kind} {names}" for kind, names in (("r", reads), ("w", writes)) if names))
    found, expected = counted(lines, [chance.choice((*range(8), "|", "|")) for _ in range(50)])
    assert found == expected


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_pairs_that_meet_in_order_late_are_counted(order: tuple[int, int, int]) -> None:
    """Whatever numbers the lines have, and whoever was met in order before."""
    one, other, first = order
    for kinds in product(KINDS, repeat=3):
        found, expected = counted(kinds, [first, "|", one, other, one, "|", one])
        assert found == expected


def test_only_a_counting_replay_counts() -> None:
    game = Game().run("V w X; V>MTE3; V>MTE3?; MTE3 r X")
    replay = game.replay
    assert (game.clashes(), game.log.ordered, replay.owners, replay.pending) == ([], set(), {}, {})


# ---------------------------------------------------------------- what bytes hold


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ("V r X", [("unwritten", "V r X")]),
        ("V r X; V r X", [("unwritten", "V r X")]),
        ("V w X; V|; V r X", []),
        ("V w X; V|; V r XY", [("unwritten", "V r XY")]),
        ("V r x", []),
        ("V w X; C:V r X", [("unwritten", "C:V r X")]),
    ],
)
@pytest.mark.parametrize("counting", [True, False])
def test_bytes_that_nothing_wrote(events: str, found: list[tuple[str, ...]], counting: bool) -> None:
    game = Game(counting=counting).run(events)
    assert (game.remarks(), game.clashes()) == (found, [])
    assert [remark.count for remark in game.log.remarks.values()] == [events.count("V r X")] * len(found)


@pytest.mark.parametrize("space", ["GM", "UB"])
@pytest.mark.parametrize(
    ("writes", "read", "found"),
    [
        ([("fifo:a", 0)], ("fifo:a", 0), []),
        ([("fifo:a", 0)], ("fifo:b", 0), ["foreign bytes"]),
        ([("fifo:a", 3)], ("fifo:b", 3), ["foreign bytes"]),
        ([("fifo:a", 2), ("fifo:a", 3)], ("fifo:a", 2), ["slot lost"]),
        ([("fifo:a", 0), ("fifo:a", 1)], ("fifo:a", 0), ["slot lost"]),
        ([("fifo:a", 1), ("fifo:a", 2)], ("fifo:a", 2), []),
        ([("fifo:b", 0), ("fifo:a", 0)], ("fifo:a", 0), []),
    ],
)
def test_whose_tile_bytes_hold(
    space: str, writes: list[tuple[str, int]], read: tuple[str, int], found: list[str]
) -> None:
    """Also half of them."""
    for stop in (64, 32):
        game = Game(counting=True)
        page = game.atlas.page("slots", space)
        for number, (owner, tag) in enumerate(writes):
            game.names.append(f"push {number}")
            game.issue(game.access(1, "V", (), (page.handle(0, 64, owner, owner),), number, tag=tag))
            game.run("V|")
        game.names.append("pop")
        owner, tag = read
        bytes_ = page.handle(0, stop, owner, owner)
        game.issue(game.access(1, "V", (bytes_,), (), len(game.names) - 1, tag=tag))
        assert (game.clashes(), [remark[0] for remark in game.remarks()]) == ([], found)


def test_a_plain_tensor_holds_nothing() -> None:
    game = Game(counting=True).run("V w x")
    assert game.replay.owners == {}


# ---------------------------------------------------------------- cells that are split, and bytes that are forgotten


def split(game: Game, *ranges: tuple[int, int]) -> list[Handle]:
    """Bytes of X of AIV0."""
    page, at = game.atlas.page("UB1", "UB"), 64 * ord("X")
    return [page.handle(at + start, at + stop, "X", "") for start, stop in ranges]


def remembered(replay: Replay) -> dict[int, tuple[list[int], list[int], bool]]:
    """For each cell, the sites that wrote and read it, and whether it is known whose bytes it holds."""
    return {
        cell: (
            sorted(entry[4].site for entry in entries.values()),
            sorted(entry[4].site for entry in replay.readers[cell].values()),
            cell in replay.owners,
        )
        for cell, entries in replay.writers.items()
    }


def test_split_cells_inherit() -> None:
    """At once with `inherit_all`, also where a part is split again before."""
    game = Game(counting=True).run("V w X; V>MTE3; V>MTE3?; MTE3 r X")
    replay = game.replay
    replay.inherit_all()
    for ranges in [((0, 32),), ((0, 16), (16, 24)), ((48, 64),), ((4, 8), (5, 6))]:
        split(game, *ranges)
        replay.inherit_all()
        cells = game.atlas.page("UB1", "UB").cells
        assert {cell: remembered(replay)[cell] for cell in cells} == {cell: ([0], [3], True) for cell in cells}


def test_what_a_split_cell_inherits_is_its_own() -> None:
    game = Game(counting=True).run("V w X; V|")
    (half,) = split(game, (0, 32))
    game.replay.inherit_all()
    game.names.append("half")
    game.issue(game.access(1, "V", (), (half,), len(game.names) - 1))
    game.run("V|")
    one, other = game.atlas.page("UB1", "UB").cells
    assert (remembered(game.replay)[one][0], remembered(game.replay)[other][0]) == ([0, 2], [0])


@pytest.mark.parametrize("counting", [True, False])
def test_forgetting_parents(counting: bool) -> None:
    """What was split is gone, its parts know all of it."""
    game = Game(counting=counting).run("V w X; V>MTE3; V>MTE3?; MTE3 r X; V w Y")
    split(game, (0, 32), (8, 16))
    game.replay.forget_parents()
    page = game.atlas.page("UB1", "UB")
    assert game.atlas.parents == {}
    assert sorted(game.replay.writers) == sorted(game.replay.readers) == sorted(page.cells)
    assert set(game.replay.owners) == (set(page.cells) if counting else set())
    assert list(remembered(game.replay).values()).count(([0], [3], counting)) == 4
    split(game, (8, 12))
    game.replay.forget_parents()
    assert list(remembered(game.replay).values()).count(([0], [3], counting)) == 5
    assert sorted(game.replay.writers) == sorted(page.cells)


def test_what_is_dropped_is_forgotten() -> None:
    game = Game(counting=True).run("V w X; V>MTE3; V>MTE3?; MTE3 r X; V w Y")
    replay = game.replay
    cells = {cell for handle in game.actions["V w X"].writes for cell in handle.cells}
    replay.drop({*cells, 999})
    assert not cells & {*replay.writers, *replay.readers, *replay.owners}
    assert remembered(replay) == {cell: ([4], [], True) for cell in replay.writers}
    game.run("C:V r x; 1:V w X; MTE2 w X")
    assert game.clashes() == []


FAR = 1 << 40
"""More than anybody has done."""


@pytest.mark.parametrize(
    ("events", "known", "by"),
    [
        ("V w x", [], "MTE3"),
        ("V w x; V>MTE3; V>MTE3?", ["V"], "MTE3"),
        ("V w x; V>S; V>S?", ["V"], "MTE3"),
        ("MTE3?0; V w x; V>S; V>S?", [], "MTE3"),
        ("V>MTE3; V>MTE3?; MTE3?0; V w x; V>S; V>S?", [], "MTE3"),
        ("V w x", [], "V"),
        ("V w x; V|", ["V"], "V"),
        ("S w x; S r y", ["S", SCALAR_DATA], "S"),
        ("S w x; S>V; S>V?", [SCALAR_DATA], "V"),
        ("S w x; S r y", ["S"], "V"),
        ("S w x; V w x", [SCALAR_DATA], "S"),
        ("MTE2 w x; MTE2>S; MTE2>S?; MTE2?0; S r y; V w y", ["MTE2", "S"], "V"),
    ],
)
@pytest.mark.parametrize("core", ["", "1", "C"])
def test_the_least_a_pipe_will_know(events: str, known: list[str], by: str, core: str) -> None:
    """Of the accesses of each agent of its core so far, whether all are known where its next instruction begins."""
    prefix = core and f"{core}:"
    game = Game().run("; ".join(prefix + word for word in events.split("; ")))
    replay, index = game.replay, game.wiring.core_index[CORES[core]]
    game.access(index, by, (), (), 99)
    agents = {pipe: agent for (each, pipe), agent in game.wiring.agent_index.items() if each == index}
    last = dict.fromkeys(agents, 0)
    for entries in (*replay.writers.values(), *replay.readers.values()):
        for agent, count, *_ in entries.values():
            pipe = game.wiring.agents[agent][1]
            last[pipe] = max(last[pipe], count)
    clock = replay.least_known(agents[by])
    assert [pipe for pipe, count in last.items() if count and clock[agents[pipe]] >= count] == sorted(
        known, key=list(agents).index
    )
    assert (clock[agents[by]] > FAR) == (by == "S")
    if SCALAR_DATA in agents:
        assert (clock[agents[SCALAR_DATA]] > FAR) == (by == "S")


@pytest.mark.parametrize("rules", [PLAIN, Rules(in_order=frozenset(("S", "MTE3")), counter_limit=15)])
def test_what_is_asked_does_not_change_what_is_known(rules: Rules) -> None:
    game = Game(rules).run("S w x; V w x; V>S; V>S?; MTE3?0")
    before = [clock.copy() for clock in game.replay.clocks]
    for agent in range(len(before)):
        game.replay.least_known(agent)
    assert game.replay.clocks == before


@pytest.mark.parametrize(
    ("events", "settled"),
    [
        ("V w x; V w y", "xy"),
        ("V?0; V w x; MTE3 w y", ""),
        ("MTE3 w y; V?0; V w x", "y"),
        ("MTE3 r y; V?0; MTE3 w z; V w x", "y"),
        ("MTE3 w y; V?0; MTE3 r y; V w x", ""),
        ("MTE3 w u; V?0; MTE3 w y; MTE2?1; MTE3 w z", "u"),
        ("MTE3 w u; MTE2?1; MTE3 w y; V?0; MTE3 w z", "u"),
        ("MTE3 w u; V?0; M?2; MTE3 w y; MTE2?1; FIX?3; MTE3 w z", "u"),
    ],
)
@pytest.mark.parametrize("core", ["", "1", "C"])
def test_what_is_settled(events: str, settled: str, core: str) -> None:
    """All that a floor covers, but for what was issued after something that its pipe holds back."""
    prefix = core and f"{core}:"
    game = Game().run("; ".join(prefix + word for word in events.split("; ")))
    other = "1" if core != "1" else "C"
    game.run(f"{other}:MTE2 w v; {other}:V?9; {other}:MTE2 w w")
    cells = {name: game._bytes(0, name).cells[0] for name in "uvwxyz"}
    replay = game.replay
    done = {cell for cell in cells.values() if replay.writers.get(cell) or replay.readers.get(cell)}
    floor = replay.counts.copy()
    assert replay.settled(done, floor, set()) == {cells[name] for name in f"{settled}v"}
    assert replay.settled(done, floor, {cells["v"]}) == {cells[name] for name in settled}
    for name in f"{settled}v":
        (entry, *_) = [*replay.writers[cells[name]].values(), *replay.readers[cells[name]].values()]
        floor[entry[0]] = entry[1] - 1
        assert cells[name] not in replay.settled(done, floor, set())


def test_a_long_trace_is_forgotten() -> None:
    """Whole cells, and those of which one half was read."""

    def line(op: str, **keys: Any) -> bytes:
        return json.dumps({"core": "AIV0", "op": op, **keys}).encode()

    def sizes(turns: int) -> tuple[int, int]:
        trace = []
        for turn in range(turns):
            at = 64 * turn
            trace.append(line("LD", pipe="MTE2", line=1, reads=[["GM", at, at + 64]], writes=[]))
            trace.append(line("LD", pipe="MTE2", line=2, reads=[["GM", at, at + 32]], writes=[]))
            trace += [line(op, src=src, dst=dst, id=0) for src, dst in (("MTE2", "V"), ("V", "MTE2"))
                      for op in ("set_flag", "wait_flag")]  # fmt: skip
        reading = _Pass("t.jsonl", load("a2a3"), PLAIN, 20)
        assert reading.feed(iter(trace))
        replay = reading.replay
        return max(len(replay.writers), len(replay.readers)), len(reading.reader.kernel.atlas.parents)

    (cells, parents), (more_cells, more_parents) = sizes(100), sizes(400)
    assert max(cells, more_cells) < 200
    assert max(parents, more_parents) < 200
