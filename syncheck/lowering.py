"""Statements turned into actions: which pipe, which bytes, which flag. Facts about instructions come from the
machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from syncheck.action import ACCESS, SIGNAL, Action, FrameShape
from syncheck.expressions import Evaluate, Meaning
from syncheck.ir import Operand, TileOp
from syncheck.layout import PlacedFifo
from syncheck.machine_types import Effect
from syncheck.memory_map import Handle
from syncheck.places import Place, Run, concrete
from syncheck.symbolic import NOTHING, Store
from syncheck.value import Record, Value, frozen, mutable
from syncheck.wiring import Wiring

Frames = tuple[FrameShape, ...]
Scope = Mapping[str, Meaning]


@frozen
class Bound(Value):
    """An operand passed to a `def`: the text of it, and the scope it means something in."""

    operand: Operand
    scope: Scope


@frozen
class Where(Value):
    """The core and the frames that a statement is lowered for."""

    name: str
    index: int
    frames: Frames
    scope: Scope

    @property
    def kind(self) -> str:
        return self.name[:3]


@frozen
class DataCall(Value):
    """What a site of a tile instruction computes, for a run with data: the step, and its operands in text order.

    `places` has None where an operand is a value; `scope` is what it is evaluated in.
    """

    statement: TileOp
    effect: Effect
    places: tuple[Place | None, ...]
    scope: Scope


@frozen
class DataMove(Value):
    """What a site of a push or a pop moves: `tile` to or from a slot of `fifo`."""

    fifo: PlacedFifo
    tile: Place
    push: bool


class Emitter(Protocol):
    """Gives the actions of one statement, each time it is reached, in issue order. `fixed`: these, once they never
    change."""

    @property
    def fixed(self) -> tuple[Action, ...]: ...

    def actions(self, run: Run, store: Store) -> Sequence[Action]: ...


@mutable
class Fixed(Record):
    """A statement that is the same each time."""

    fixed: tuple[Action, ...]

    def actions(self, run: Run, store: Store) -> Sequence[Action]:
        return self.fixed


@mutable
class Step(Record):
    """One access of an instruction: its site, the pipe's agent, and what it reads and writes.

    `users` is told who accesses which memory: (agent, whether it writes).
    """

    site: int
    core: int
    agent: int
    reads: tuple[Place, ...]
    writes: tuple[Place, ...]
    scalar: bool = False
    atomic: bool = False
    hidden_flags: tuple[int, ...] = ()
    tagged: Callable[[Run], int] | None = None
    users: dict[str, set[tuple[int, bool]]] | None = None
    _made: dict[tuple[Any, ...], Action] = field(default_factory=dict)
    fixed: tuple[Action, ...] = ()

    def __post_init__(self) -> None:
        for places, writes in ((self.reads, False), (self.writes, True)):
            for place in places:
                if self.users is not None:
                    self.users.setdefault(place.memory_key, set()).add((self.agent, writes))

    def actions(self, run: Run, store: Store) -> Sequence[Action]:
        if self.fixed:
            return self.fixed
        reads = tuple([h for place in self.reads for h in place.handles(run, store)])
        writes = tuple([h for place in self.writes for h in place.handles(run, store)])
        made = (self.action(reads, writes, self.tagged(run) if self.tagged else -1),)
        if self.tagged is None and all(place.constant for place in (*self.reads, *self.writes)):
            self.fixed = made
        return made

    def action(self, reads: tuple[Handle, ...], writes: tuple[Handle, ...], tag: int) -> Action:
        key = (*map(id, reads), -1, *map(id, writes), tag)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = Action(
                ACCESS, self.core, self.agent, self.site, reads=reads, writes=writes, tag=tag,
                scalar=self.scalar, atomic=self.atomic, hidden_flags=self.hidden_flags,
            )  # fmt: skip
        return made


@mutable
class Several(Record):
    """A statement of several steps, in issue order."""

    parts: tuple[Emitter, ...]
    fixed: tuple[Action, ...] = ()

    def actions(self, run: Run, store: Store) -> Sequence[Action]:
        made = tuple([action for part in self.parts for action in part.actions(run, store)])
        if all(part.fixed for part in self.parts):
            self.fixed = made
        return made


@mutable
class Fence(Record):
    """A dsb: what S, `agent` of `core`, has accessed in `spaces` is complete before it goes on. Where S accesses other
    memory too (`users`), nothing is claimed, since that need not be complete."""

    handed: tuple[Action, ...]
    agent: int
    core: str
    spaces: frozenset[str]
    users: Mapping[str, set[tuple[int, bool]]]
    fixed: tuple[Action, ...] = ()
    _asked: bool = False

    def actions(self, run: Run, store: Store) -> Sequence[Action]:
        if not self._asked:
            mine = [key for key, users in self.users.items() if any(agent == self.agent for agent, _ in users)]
            self._asked, self.fixed = True, self.handed if all(map(self._covers, mine)) else ()
        return self.fixed

    def _covers(self, key: str) -> bool:
        """Whether a memory is one that the dsb waits for; those of a core are called CORE:SPACE, all others are GM."""
        here, _, space = key.partition(":")
        return (space if here == self.core else "GM") in self.spaces


@mutable
class Flag(Record):
    """set_flag or wait_flag whose event id may change from turn to turn; ids outside low..high are told to
    `strange`."""

    code: int
    site: int
    core: int
    agent: int
    src: str
    dst: str
    event: Evaluate
    wiring: Wiring
    scalar: bool
    ids: tuple[int, int]
    strange: Callable[[Action, int], None]
    constant: bool = False
    _made: dict[int, Action] = field(default_factory=dict)
    fixed: tuple[Action, ...] = ()

    def actions(self, run: Run, store: Store) -> Sequence[Action]:
        if self.fixed:
            return self.fixed
        event = int(concrete(self.event(run.values, store), *self.ids, store))  # a comparison is a number too
        made = self._made.get(event)
        if made is None:
            channel = self.wiring.flag(self.core, self.src, self.dst, event)
            made = Action(self.code, self.core, self.agent, self.site, channel=channel, scalar=self.scalar)
            self._made[event] = made
            self.strange(made, event)
            if self.constant:
                self.fixed = (made,)
        return (made,)

    def seen(self, event: int) -> Action | None:
        """The action for an event id, if it has run with it."""
        return self._made.get(event)


@mutable
class Cross(Record):
    """A cross-core signal or wait whose flag may change from turn to turn."""

    code: int
    site: int
    core: int
    agent: int
    mode: Evaluate | None
    flag: Evaluate
    wiring: Wiring
    scalar: bool
    ids: tuple[int, int]
    strange: Callable[[Action, int, int], None]
    constant: bool = False
    fixed: tuple[Action, ...] = ()
    _made: dict[tuple[int, int], Action] = field(default_factory=dict)

    def actions(self, run: Run, store: Store) -> Sequence[Action]:
        flag = int(concrete(self.flag(run.values, store), *self.ids, store))
        mode = -1 if self.mode is None else concrete(self.mode(run.values, store), 0, 4, store)
        return (self._made.get((mode, flag)) or self._make(mode, flag),)

    def seen(self) -> Sequence[Action]:
        """The actions it may run as: all of them where mode and flag are numbers, else those met so far."""
        if not self._made and self.constant:
            mode = -1 if self.mode is None else self.mode([], NOTHING)
            flag = self.flag([], NOTHING)
            if isinstance(mode, int) and isinstance(flag, int):
                self._make(mode, flag)
        return tuple(self._made.values())

    def _make(self, mode: int, flag: int) -> Action:
        wiring = self.wiring
        channel = wiring.signal(self.core, mode, flag) if self.code == SIGNAL else wiring.counter(self.core, flag)
        made = Action(self.code, self.core, self.agent, self.site, channel=channel, scalar=self.scalar)
        self._made[mode, flag] = made
        if self.constant:
            self.fixed = (made,)
        self.strange(made, mode, flag)
        return made


@mutable
class Handshake(Record):
    """The part of a push or pop that happens only for some tiles: every `period`-th from `first` on."""

    emitter: Emitter
    fifo: str
    side: int
    first: int
    period: int
    ahead: int = 0
    fixed: tuple[Action, ...] = ()

    def actions(self, run: Run, store: Store) -> Sequence[Action]:
        tile = run.marks.get(self.fifo, (0, 0))[self.side]
        if tile >= self.first and (tile + self.ahead) % self.period == 0:
            return self.emitter.actions(run, store)
        return ()


@mutable
class Advance(Record):
    """Counts one tile pushed (side 0) or popped (side 1); emits nothing."""

    fifo: str
    side: int
    fixed: tuple[Action, ...] = ()

    def actions(self, run: Run, store: Store) -> Sequence[Action]:
        pushed, popped = run.marks.get(self.fifo, (0, 0))
        counted = (pushed + 1, popped) if self.side == 0 else (pushed, popped + 1)
        run.marks = {**run.marks, self.fifo: counted}
        return ()
