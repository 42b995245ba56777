"""Entries laid out as steps with fixed preconditions: who must have started, and who must be complete, before each.

A state is two bit masks over the steps, started and complete. What hardware.md §9 says of queues comes down to masks,
because nothing on a queue overtakes a start, a wait or a barrier; only flags and counters depend on the run itself.

Issue is not a step: an entry is issued as soon as every earlier entry that holds issue is complete. Issuing later
never lets
anything happen that issuing at once would not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

from syncheck.simulator.entries import Core, Entry, Hardware, Range

Side = tuple[str, int, str]
"""(core, line, "R" or "W")."""
Flag = tuple[str, str, str, int]
"""(core, src, dst, event), or (core, "", "", flag) for a cross-core counter."""

LANES = ("AIV0", "AIV1")


@dataclass(slots=True)
class Step:
    """One entry, or one half of a scalar instruction that also stores.

    It starts when `after_start` have started and `after_end` are complete (and, with a `takes`, a token is there);
    it may
    complete when `ends_after` are complete. Steps that are not `timed` start and complete at once.
    """

    number: int
    core: str
    pipe: str
    line: int
    entry: int
    kind: str
    after_start: int
    after_end: int
    ends_after: int = 0
    timed: bool = False
    reads: tuple[Range, ...] = ()
    writes: tuple[Range, ...] = ()
    atomic: bool = False
    takes: Flag | None = None
    gives: Flag | None = None

    @property
    def bit(self) -> int:
        return 1 << self.number


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two timed steps that touch the same bytes, one of them writing. `first` is earlier in issue order on one core."""

    first: int
    second: int
    both: int
    pairs: tuple[tuple[Side, Side], ...]
    one_core: bool


@dataclass(slots=True)
class Board:
    """All steps of all cores. `sources`: for each flag, groups of masks; a group gives as many tokens as its rarest
    mask."""

    steps: list[Step] = field(default_factory=list)
    sources: dict[Flag, list[list[int]]] = field(default_factory=dict)
    takers: dict[Flag, int] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    holding: dict[str, int] = field(default_factory=dict)
    """For each core, the steps that hold its issue: it has returned when all are complete."""

    def tokens(self, flag: Flag, done: int) -> int:
        """How many tokens lie on a flag."""
        given = sum(min((done & mask).bit_count() for mask in group) for group in self.sources.get(flag, ()))
        return given - (done & self.takers.get(flag, 0)).bit_count()


class _Queues:
    """What one core has issued so far, as masks."""

    def __init__(self) -> None:
        self.started: dict[str, int] = {}
        self.gates: dict[str, int] = {}
        self.work: dict[str, int] = {}
        self.sets: dict[str, int] = {}
        self.stores = 0
        self.store_starts = 0
        self.holds = 0
        self.all = 0


def lay(cores: tuple[Core, ...], hardware: Hardware) -> Board:
    """The board of a program."""
    board = Board()
    for core in cores:
        queues = _Queues()
        for position, entry in enumerate(core.entries):
            if entry.kind == "instr" and entry.pipe == "S":
                _scalar(board, queues, core.name, position, entry, hardware)
            else:
                _place(board, queues, core.name, position, entry, hardware)
        board.holding[core.name] = queues.holds
    _route_signals(board, cores)
    board.conflicts = [c for a, b in combinations(board.steps, 2) if (c := _conflict(a, b, hardware)) is not None]
    return board


def _new(board: Board, queues: _Queues, core: str, position: int, entry: Entry, after_end: int) -> Step:
    number = len(board.steps)
    step = Step(
        number, core, entry.pipe, entry.line, position, entry.kind, queues.store_starts, queues.holds | after_end
    )
    board.steps.append(step)
    queues.all |= step.bit
    return step


def _scalar(board: Board, queues: _Queues, core: str, position: int, entry: Entry, hardware: Hardware) -> None:
    """S runs it before it issues anything else; what it stores may become visible later, in order."""
    late = hardware.store_needs_flag and entry.writes
    if entry.reads or not late:
        step = _new(board, queues, core, position, entry, 0)
        step.timed, step.reads, step.atomic = True, entry.reads, entry.atomic
        if not late:
            step.writes = entry.writes
        queues.holds |= step.bit
    if late:
        store = _new(board, queues, core, position, entry, 0)
        store.timed, store.writes, store.atomic, store.ends_after = True, entry.writes, entry.atomic, queues.stores
        queues.stores |= store.bit
        queues.store_starts |= store.bit


def _place(board: Board, queues: _Queues, core: str, position: int, entry: Entry, hardware: Hardware) -> None:
    pipe = entry.pipe
    gate, work = queues.gates.get(pipe, 0), queues.work.get(pipe, 0)
    before = queues.all
    step = _new(board, queues, core, position, entry, gate)
    if entry.kind == "instr":
        step.after_start |= queues.started.get(pipe, 0)
        step.ends_after = work if pipe in hardware.in_order else 0
        step.timed, step.reads, step.writes, step.atomic = True, entry.reads, entry.writes, entry.atomic
        queues.started[pipe] = queues.started.get(pipe, 0) | step.bit
        queues.work[pipe] = work | step.bit
    elif entry.kind in ("set", "signal"):
        step.after_end |= queues.stores if pipe == "S" else work
        if entry.kind == "set":
            step.gives = (core, pipe, entry.other, entry.number)
            step.after_end |= queues.sets.get(pipe, 0)
            queues.sets[pipe] = queues.sets.get(pipe, 0) | step.bit
            board.sources.setdefault(step.gives, [[0]])[0][0] |= step.bit
    elif entry.kind == "barrier":
        step.after_end |= before if pipe == "ALL" else work
    else:
        cross = entry.kind == "hear"
        step.takes = (core, "", "", entry.number) if cross else (core, entry.other, pipe, entry.number)
        step.after_start |= queues.started.get(pipe, 0)
        board.takers[step.takes] = board.takers.get(step.takes, 0) | step.bit
    if entry.kind in ("wait", "hear", "barrier"):
        if pipe in ("S", "ALL"):
            queues.holds |= step.bit
        else:
            queues.gates[pipe] = gate | step.bit


def _route_signals(board: Board, cores: tuple[Core, ...]) -> None:
    """hardware.md §3.2: mode 2 reaches both lanes at once, and the cube when both lanes have sent; mode 1 both
    lanes. Mode 4 (§3.3): one lane and the cube, whose flags 16 to 31 are those of lane 1."""
    masks: dict[tuple[str, int, int], int] = {}
    for step in board.steps:
        if step.kind == "signal":
            entry = next(core for core in cores if core.name == step.core).entries[step.entry]
            key = (step.core, entry.mode, entry.number)
            masks[key] = masks.get(key, 0) | step.bit
    routes: set[tuple[tuple[str, ...], tuple[str, ...], int, int]] = set()
    for name, mode, flag in sorted(key for key in masks if key[1] == 4):
        core, counter = (f"AIV{flag // 16}", flag % 16) if name == "AIC" else ("AIC", flag + 16 * int(name[3:]))
        board.sources.setdefault((core, "", "", counter), []).append([masks[name, mode, flag]])
    for name, mode, flag in (key for key in masks if key[1] != 4):
        sources: tuple[str, ...] = ("AIC",) if name == "AIC" else LANES
        targets = sources if mode in (0, 1) else LANES if name == "AIC" else ("AIC",)
        routes.add((sources, targets, mode, flag))
    for sources, targets, mode, flag in sorted(routes):
        group = [masks.get((source, mode, flag), 0) for source in sources]
        for target in targets:
            board.sources.setdefault((target, "", "", flag), []).append(group)


def _conflict(a: Step, b: Step, hardware: Hardware) -> Conflict | None:
    one_core = a.core == b.core
    if not (a.timed and b.timed) or (a.atomic and b.atomic) or (one_core and a.entry == b.entry):
        return None
    if one_core and a.pipe == b.pipe and a.pipe in hardware.in_order:
        return None
    pairs = []
    for kinds, first, second in (("WW", a.writes, b.writes), ("WR", a.writes, b.reads), ("RW", a.reads, b.writes)):
        if _meet(first, second, one_core):
            pairs.append(((a.core, a.line, kinds[0]), (b.core, b.line, kinds[1])))
    return Conflict(a.number, b.number, a.bit | b.bit, tuple(pairs), one_core) if pairs else None


def _meet(first: tuple[Range, ...], second: tuple[Range, ...], one_core: bool) -> bool:
    return any(
        x[0] == y[0] and (one_core or x[0] == "GM") and x[1] < y[2] and y[1] < x[2] for x in first for y in second
    )
