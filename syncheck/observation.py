"""What one or many executions showed, one record per pair of sites: counts, the first example, the smallest case.

No rule lives here: detectors decide what an observation means.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from syncheck.action import Action
from syncheck.memory_map import Handle
from syncheck.value import Record, Value, frozen, mutable


class Case:
    """One choice of parameters and unknown values: what an execution has assumed so far. `size` orders cases."""

    __slots__ = ("size",)

    def __init__(self, size: int = 0) -> None:
        self.size = size

    def implies(self, other: Case) -> bool:
        """Whether all that the other has assumed holds here as well; a case of no choice assumes nothing."""
        return type(other) is Case


@frozen
class Access(Value):
    """One run of an instruction: the action, the values of its loop variables, its place in its core's issue order."""

    action: Action
    values: tuple[Any, ...]
    seq: int
    handle: Handle | None = None
    writes: bool = False

    @property
    def site(self) -> int:
        return self.action.site


@mutable
class Clash(Record):
    """Two conflicting accesses: kind unordered (other pipe or core), same_pipe, reversed (ordered, but backwards).

    `later` is the later in issue order (on two cores: the one that met the other). `known`: for each agent, how much
    the
    later one knew to be complete; `heard`: the later core's consumed signals of the earlier core issued after the
    access.
    """

    kind: str
    earlier: Access
    later: Access
    case: Case
    known: list[int] = field(default_factory=list)
    count: int = 1
    heard: tuple[Access, ...] = ()
    drains: tuple[Access, ...] = ()


@mutable
class Remark(Record):
    """Anything else worth telling, at one or more places; `kind` names it, `places[0]` is where it is told."""

    kind: str
    places: tuple[Access, ...]
    case: Case
    count: int = 1
    number: int = 0
    text: str = ""


class Log:
    """All observations of one analysis, keyed by source positions; smaller cases replace larger examples."""

    def __init__(self) -> None:
        self.clashes: dict[tuple[Any, ...], Clash] = {}
        self.remarks: dict[tuple[Any, ...], Remark] = {}
        self.ordered: set[tuple[int, int]] = set()
        self.busy_barriers: set[int] = set()
        self.idle_barriers: dict[int, Access] = {}
        self.stuck: list[Stuck] = []
        self.emptied: set[int] = set()
        """Flags of which nothing was left at the end of some execution."""
        self.scalar_waits: dict[int, Access] = {}
        self.senders: dict[int, dict[tuple[int, int], Access]] = {}
        self.listeners: dict[int, dict[int, Access]] = {}
        self.modes: dict[int, dict[int, Access]] = {}

    def clash(self, clash: Clash) -> None:
        key = (clash.kind, clash.earlier.site, clash.later.site, clash.earlier.writes, clash.later.writes)
        known = self.clashes.get(key)
        if known is None:
            self.clashes[key] = clash
            return
        known.count += 1
        if clash.case.size < known.case.size:
            clash.count = known.count
            self.clashes[key] = clash

    def remark(self, remark: Remark) -> None:
        key = (remark.kind, *[place.site for place in remark.places])
        known = self.remarks.get(key)
        if known is None:
            self.remarks[key] = remark
            return
        known.count += 1
        if remark.case.size < known.case.size:
            remark.count = known.count
            self.remarks[key] = remark


@mutable
class Head(Record):
    """One place where an execution stands still: `agent` cannot pass `at`; `behind` heads keep what it needs from
    coming.

    `channel` is the flag or counter it waits for, -1 for a PIPE_ALL. `needs` is a set or signal that would release
    it, if
    the text has one that has not run; None: none can come. `via` are the agents whose heads hold that set back.
    """

    agent: int
    core: int
    at: Access
    channel: int
    needs: Access | None = None
    via: tuple[int, ...] = ()
    missing: str = ""


@mutable
class Stuck(Record):
    """A deadlock: all heads of one execution that cannot go on."""

    heads: dict[int, Head]
    case: Case
