"""FIFOs as the text of a library has them: a credit every so many tiles, flags and pipes, slots and how far they are
apart. What `library_probe` lists is compared with the form that the lowering of TPUSH and TPOP knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha1

from syncheck.frontends.cpp.kinds import PipeType
from syncheck.frontends.cpp.library_probe import LOCAL, TILE_BYTES, NotFollowed, Question, Step, Traced, traced
from syncheck.ir import Const, Fifo
from syncheck.machine import FifoLowering, Handshake, Machine
from syncheck.value import Value, frozen

PARTS = ("pto/common/fifo.hpp", "pto/npu/a2a3/TPush.hpp", "pto/npu/a2a3/TPop.hpp", "pto/npu/a2a3/TFree.hpp")
"""The headers that say what TPUSH, TPOP and TFREE do on a2a3, in the order they need each other (pto-isa include/)."""
MOST_SLOTS = 32
"""A TPipe of more slots than that is not followed tile by tile."""

Library = Callable[[str], "tuple[str, str] | None"]
"""A header of the library by its name ("pto/common/fifo.hpp") → (path, text), or None."""


@frozen
class Ring(Value):
    """A FIFO of one direction.

    `wait_from`, `period`: as in `ir.Fifo`; `stride`: bytes from one slot of the consumer's ring to the next, None where
    that is the popped tile's; `facts`: flags and pipes as the machine's table tells them; `differs`: what it does that
    the checker does not follow; `on`, `off`: the same, with back-pressure or without.
    """

    wait_from: int
    period: int
    stride: int | None
    facts: FifoLowering
    differs: tuple[str, ...] = ()
    on: str = ""
    off: str = ""

    def unlike(self, back_pressure: bool) -> tuple[str, ...]:
        """What is not followed of a FIFO with or without back-pressure."""
        ends = self.on if back_pressure else self.off
        return (*self.differs, ends) if ends else self.differs


@dataclass(slots=True)
class Followed:
    """What came of the library's text. `path`, `version` of TPush.hpp ("" if there is none); `why` it was not followed
    ("" if it was); `rings` by the name of the FIFO."""

    path: str = ""
    version: str = ""
    why: str = ""
    rings: dict[str, Ring] = field(default_factory=dict)

    def line(self) -> str:
        """One line: which lowering was used."""
        if not self.path:
            return f"FIFOs: built in; no folder of --include has {PARTS[1]}"
        if self.why:
            return f"FIFOs: built in; {self.path} ({self.version}) could not be followed: {self.why}"
        apart = sorted({"the popped tile" if ring.stride is None else "a slot" for ring in self.rings.values()})
        local = f", slots of the consumer's ring {' or '.join(apart)} apart" if apart else ""
        return f"FIFOs: as in {self.path} ({self.version}){local}"


def follow(pipes: Mapping[str, tuple[PipeType, Fifo]], machine: Machine, library: Library) -> Followed:
    """The FIFOs of a kernel, by name: the TPipe of each, and as the kernel has it."""
    found = Followed()
    parts = [library(name) for name in PARTS]
    own = parts[1]
    if own is None:
        return found
    found.path, found.version = own[0], version(own[1])
    text = "\n".join(part[1] for part in parts if part is not None)
    try:
        if machine.name == "a5" or parts[2] is None:
            raise NotFollowed(f"TPOP of {machine.name} is not read" if parts[2] else f"{PARTS[2]} is not beside it")
        asked = {name: _questions(kind, fifo, machine) for name, (kind, fifo) in pipes.items()}
        answers = iter(traced(text, [one for pair in asked.values() for one in pair], machine))
        for name, (kind, fifo) in pipes.items():
            found.rings[name] = _ring(kind, fifo, next(answers), next(answers), machine)
    except NotFollowed as reason:
        found.rings.clear()
        found.why = str(reason)
    return found


def version(text: str) -> str:
    """How git names the text: `git log --find-object` tells the commits that have it."""
    data = text.encode()
    named = sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
    return f"blob {named.hexdigest()[:9]}"


def as_followed(fifo: Fifo, ring: Ring | None) -> Fifo:
    """The declaration with what the library says."""
    if ring is None:
        return fifo
    stride = None if ring.stride is None else Const(ring.stride)
    return replace(fifo, local_stride=stride, wait_from=Const(ring.wait_from), period=Const(ring.period))


def with_flags(machine: Machine, rings: Iterable[Ring]) -> Machine:
    """The machine with flags and pipes as the library has them, and nothing left open of its rings."""
    fifo = {ring.facts.direction: ring.facts for ring in rings}
    options = {**machine.options, "local_slot_stride": "tile"} if fifo else machine.options
    return replace(machine, fifo={**machine.fifo, **fifo}, options=options)


# ---------------------------------------------------------------- the form


def _questions(kind: PipeType, fifo: Fifo, machine: Machine) -> tuple[Question, Question]:
    if kind.slots > MOST_SLOTS:
        raise NotFollowed(f"{kind.slots} slots are too many to look at each")
    facts = machine.fifo[fifo.direction]
    count = 3 * kind.slots + 2
    recorded = () if fifo.record_auto else ("prod.setRecordStatus(false)",)
    pushed = recorded if fifo.back_pressure else (*recorded, "prod.setAllocateStatus(false)")
    popped = () if fifo.back_pressure else ("cons.setFreeStatus(false)",)
    return Question(kind, facts.producer, True, count, pushed), Question(kind, facts.consumer, False, count, popped)


def _ring(kind: PipeType, fifo: Fifo, pushed: Traced, popped: Traced, machine: Machine) -> Ring:
    """Raises NotFollowed where pushes and pops have another form than a wait, a store or load, and a signal."""
    direction = fifo.direction
    facts = machine.fifo[direction]
    pushes = [_split(call, ("wait?", "store", "set?")) for call in pushed.calls]
    pops = [_split(call, ("wait?", "load", "set?")) for call in popped.calls]
    _check_switches(fifo, pushes, pops, pushed, popped)
    if not all(push[2] for push in pushes) or not all(pop[0] for pop in pops):
        raise NotFollowed("not every push signals, or not every pop waits")
    waits = [number for number, push in enumerate(pushes) if push[0]]
    frees = [number for number, pop in enumerate(pops) if pop[2]]
    primed = _primed(popped.made, pushed.made)
    if not waits or not frees:
        raise NotFollowed("it gives no credits back")
    period = frees[0] + 1
    first = waits[0] + primed * period
    if frees != [n for n in range(len(pops)) if (n + 1) % period == 0] or waits != [
        n for n in range(len(pushes)) if n >= waits[0] and n % period == 0
    ]:
        raise NotFollowed("its credits follow no period")
    if waits[0] <= kind.slots < waits[0] + period and not primed:
        first = kind.slots  # the same pushes wait, told as the machine's table does
    base = kind.flag + (facts.both_offset if kind.both else 0)
    told = replace(
        facts, mode=_one({p[2].mode for p in pushes if p[2]} | {p[2].mode for p in pops if p[2]}, "modes"),
        allocate=_signal([p[0] for p in pushes], base), record=_signal([p[2] for p in pushes], base),
        wait=_signal([p[0] for p in pops], base), free=_signal([p[2] for p in pops], base), free_by="TPOP",
    )  # fmt: skip
    on, off = _left(kind, primed, waits, frees, pushed.ends), _left(kind, primed, [], [], pushed.ends)
    return Ring(
        first, period, _stride(kind, direction, pops), told, tuple(_slots(kind, direction, pushes, pops)), on, off
    )


def _check_switches(fifo: Fifo, pushes: list[Call], pops: list[Call], pushed: Traced, popped: Traced) -> None:
    """Whether setRecordStatus, setAllocateStatus and setFreeStatus leave out just their signal."""
    waits, frees = fifo.back_pressure, fifo.back_pressure
    without = [(wait if waits else None, store, sent if fifo.record_auto else None) for wait, store, sent in pushes]
    told = [(wait, load, sent if frees else None) for wait, load, sent in pops]
    for asked, wanted in ((pushed, without), (popped, told)):
        if asked.switched and [tuple(filter(None, call)) for call in wanted] != list(asked.switched):
            raise NotFollowed("its switches (setRecordStatus, setFreeStatus …) do more than leave out a signal")
    if pushed.switched and not fifo.record_auto and pushed.by_hand != tuple(filter(None, [pushes[0][2]])):
        raise NotFollowed("record() does not send the signal of a push")


Call = tuple["Step | None", "Step | None", "Step | None"]


def _split(call: tuple[Step, ...], form: tuple[str, ...]) -> Call:
    """The steps of a call by their place in its form; one with `?` may be missing."""
    rest = list(call)
    found: list[Step | None] = []
    for kind in form:
        if rest and rest[0].kind == kind.rstrip("?"):
            found.append(rest.pop(0))
        elif kind.endswith("?"):
            found.append(None)
        else:
            break
    if rest or len(found) != len(form):
        raise NotFollowed("a push or a pop is made of other steps: " + (" ".join(step.kind for step in call) or "none"))
    return found[0], found[1], found[2]


def _one(found: set[int], what: str) -> int:
    if len(found) != 1:
        raise NotFollowed(f"its signals have several {what}")
    return found.pop()


def _signal(steps: Iterable[Step | None], base: int) -> Handshake:
    found = {(step.pipe, step.flag - base) for step in steps if step is not None}
    if len(found) != 1:
        raise NotFollowed("one of its signals has several flags or pipes")
    return Handshake(*found.pop())


def _primed(consumer: tuple[Step, ...], producer: tuple[Step, ...]) -> int:
    """Credits that the constructor gives."""
    if producer or any(step.kind != "set" for step in consumer):
        raise NotFollowed("its constructor waits, or signals from the producer")
    return len(consumer)


def _stride(kind: PipeType, direction: str, pops: list[Call]) -> int | None:
    """Bytes between slots of the consumer's ring; None: those of the popped tile."""
    at = [pop[1].local for pop in pops if pop[1]]
    apart = at[1] - at[0] if kind.local_slots > 1 else kind.slot
    start = LOCAL[direction]
    if at != [start + (number % kind.local_slots) * apart for number in range(len(at))]:
        raise NotFollowed("where popped tiles lie follows no ring")
    tile = TILE_BYTES // 2 if direction == "C2V" else TILE_BYTES
    if apart == kind.slot:
        return kind.slot
    if apart != tile:
        raise NotFollowed(f"slots of the consumer's ring lie {apart} bytes apart")
    return None


def _slots(kind: PipeType, direction: str, pushes: list[Call], pops: list[Call]) -> Iterator[str]:
    """Whether tile after tile goes round the slots in GM, and whether both directions of one pipe have their own."""
    stored = [push[1].at for push in pushes if push[1]]
    if stored != [pop[1].at for pop in pops if pop[1]]:
        raise NotFollowed("a tile is not popped from where it was pushed")
    if stored != [stored[0] + (number % kind.slots) * kind.slot for number in range(len(stored))]:
        raise NotFollowed("its slots in GM are not used one after the other")
    if kind.both and direction == "V2C" and stored[0] < kind.slots * kind.slot:
        yield "both directions of one TPipe use the same slots in GM"


def _left(kind: PipeType, primed: int, waits: list[int], frees: list[int], ends: tuple[tuple[Step, ...], ...]) -> str:
    """What is wrong with the destructor: it should wait for just the credits that are left. "" if it does."""
    for tiles, steps in enumerate(ends):
        left = primed + sum(n < tiles for n in frees) - sum(n < tiles for n in waits)
        if any(step.kind != "wait" for step in steps) or len(steps) != left:
            credits = "1 credit" if len(steps) == 1 else f"{len(steps)} credits"
            return (
                f"the destructor of a TPipe of {kind.slots} slots waits for {credits} after {tiles} tiles"
                f"{'' if frees else ' without back-pressure'}, where {left} are left"
            )
    return ""
