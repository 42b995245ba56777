"""`syncheck why FILE --fifo NAME`: why no tile of a FIFO is overwritten before it was read, or what falls short.

The verdict is the exploration's. The chains explain it: for each way in which a push meets an older pop of its slot,
the path from the read to the write in a small run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from syncheck.action import ACCESS
from syncheck.build import Pins, kernels
from syncheck.check import Settings, machine_for, rules_of
from syncheck.definitions import DefinitionError, narrowed, pins_of
from syncheck.detectors.causes import fifo_of, overwrites_slot
from syncheck.execution import Kernel
from syncheck.frontends.script import parse
from syncheck.happens_before import graph_of, path
from syncheck.ir import Const, Program
from syncheck.layout import PlacedFifo
from syncheck.machine import Machine
from syncheck.observation import Case, Clash, Log
from syncheck.proof import Explorer
from syncheck.recording import Event, Recording, find, record
from syncheck.why_fifo_text import Chain, Depth, FifoAnswer, Meeting, answer_text
from syncheck.why_search import WhyError, smallest_first

RUNS = 40
"""Runs to look for chains in, smallest first."""
DEEPEST = 8
"""Slots up to which a depth that suffices is looked for."""


def why_fifo(text: str, path: str, settings: Settings, name: str) -> str:
    """The argument for one FIFO, as text. Raises WhyError."""
    if path.endswith(".jsonl"):
        raise WhyError(f"{path}: a trace names no FIFOs; --fifo needs an event script")
    program = parse(text, path)
    machine = machine_for(program, settings)
    try:
        program = narrowed(settings.definitions, program)
        pins = pins_of(settings.definitions, program)
    except DefinitionError as error:
        raise WhyError(str(error)) from None
    known = [fifo.name for fifo in program.fifos]
    if name not in known:
        there = f"there is {', '.join(known)}" if known else "it declares none"
        raise WhyError(f"{path}: no FIFO {name}; {there}")
    search = _Search(program, machine, pins, settings, name)
    return answer_text(search.answer())


class _Thorough(Explorer):
    """Does not stop early for a race elsewhere: the question is about one FIFO."""

    def _refuted(self) -> bool:
        return False


class _Search:
    """Proofs of one FIFO at several depths, and chains."""

    def __init__(self, program: Program, machine: Machine, pins: Pins, settings: Settings, name: str) -> None:
        self._program = program
        self._machine = machine
        self._pins = pins
        self._settings = settings
        self._name = name

    def answer(self) -> FifoAnswer:
        kernel = next(self._kernels(None), None)
        fifo = None if kernel is None else kernel.layout.fifos.get(self._name)
        if kernel is None or fifo is None:
            problem = f": {self._program.problems[0]}" if self._program.problems else ""
            raise WhyError(f"{self._program.path}: {self._name} could not be placed{problem}")
        self._in_gm(kernel)
        here, meeting, ring = self._explored(fifo.slots, kernel)
        others = self._others(fifo, here)
        enough = here if here.holds else next((depth for depth in others if depth.holds), None)
        chains = () if enough is None else self._chains(kernel, enough.slots)
        depths = tuple(sorted((here, *others), key=lambda depth: depth.slots))
        return FifoAnswer(fifo, here, depths, chains, meeting, ring, bool(self._pins), self._program.problems)

    def _in_gm(self, kernel: Kernel) -> None:
        facts = self._machine.fifo.get(kernel.layout.fifos[self._name].direction)
        if facts is None or facts.slot_space != "GM":
            space = "elsewhere" if facts is None else f"in {facts.slot_space}"
            raise WhyError(f"the slots of {self._name} lie {space}; --fifo is for FIFOs whose slots are in GM")

    # ------------------------------------------------------------ proofs

    def _kernels(self, slots: int | None) -> Iterator[Kernel]:
        program = self._program
        if slots is not None:
            fifos = [replace(f, slots=Const(slots)) if f.name == self._name else f for f in program.fifos]
            program = replace(program, fifos=tuple(fifos))
        return kernels(program, self._machine, self._pins)

    def _explored(self, slots: int, first: Kernel | None = None) -> tuple[Depth, Meeting | None, bool]:
        """Whether the FIFO is safe at a depth, in all cases; a meeting that is not in order; whether the ring is safe.

        `first`: the kernel at hand, where `slots` is what is declared.
        """
        gap, meeting, ring = "", None, True
        for kernel in self._kernels(None if first is not None else slots):
            log = Log()
            rules = rules_of(self._machine)
            outcome = _Thorough(kernel, rules, log, max_states=self._settings.max_states).run()
            problems = [*self._program.problems, *kernel.problems, *outcome.gaps.values()]
            gap = gap or next((problem.message for problem in problems), "")
            mine = [c for c in log.clashes.values() if fifo_of(c) == self._name and overwrites_slot(c)]
            ring = ring and not any(_local(clash) for clash in mine)
            clashes = sorted((c for c in mine if not _local(c)), key=lambda c: (c.kind == "same_pipe", c.case.size))
            lost = any(r.kind == "slot lost" and _holds(r.places[0].handle, self._name) for r in log.remarks.values())
            if meeting is None and clashes:
                meeting = _meeting(kernel, record(kernel, rules, clashes[0].case), clashes[0])
            if clashes or lost:
                return Depth(slots, False, meeting.parameters if meeting else (), ""), meeting, ring
        return Depth(slots, not gap, (), gap), None, ring

    def _others(self, fifo: PlacedFifo, here: Depth) -> tuple[Depth, ...]:
        """Without back-pressure: shallower ones if this one is safe, else deeper ones until one is. With it, signals
        depend on the depth, and each is a question of its own."""
        if fifo.back_pressure:
            return tuple(self._explored(slots)[0] for slots in range(1, 5) if slots != fifo.slots)
        found: list[Depth] = []
        for slots in range(fifo.slots - 1, 0, -1) if here.holds else range(fifo.slots + 1, DEEPEST + 1):
            found.append(self._explored(slots)[0])
            if found[-1].holds != here.holds:
                break
        return tuple(found)

    # ------------------------------------------------------------ chains

    def _chains(self, kernel: Kernel, apart: int) -> tuple[Chain, ...]:
        """One for each pair of a pop and the push `apart` tiles later, as they stand in the text; equal ones once."""
        rules = rules_of(self._machine)
        seen: set[tuple[int, int]] = set()
        told: dict[object, Chain] = {}

        def start(case: Case | None) -> Recording:
            return record(kernel, rules, case)

        for recording in smallest_first(start, RUNS):
            order = None
            for tile, read, write in _meetings(recording, self._name, apart):
                key = (read.action.site, write.action.site)
                if key in seen:
                    continue
                seen.add(key)
                order = order or graph_of(recording)
                steps = path(recording, order, read, write)
                chain = Chain(recording, self._name, tile, apart, read, write, steps, _lanes(recording, read, write))
                known = told.setdefault(chain.shape, chain)
                told[chain.shape] = replace(known, lanes=tuple(sorted({*known.lanes, *chain.lanes})))
        return tuple(told.values())


def _meetings(recording: Recording, name: str, apart: int) -> Iterator[tuple[int, Event, Event]]:
    """(tile, its read, the write of the tile `apart` later into the same bytes or the same slot)."""
    reads = [event for event in recording.events if event.action.code == ACCESS and _touches(event, name, False)]
    writes: dict[int, list[Event]] = {}
    for event in recording.events:
        if event.action.code == ACCESS and _touches(event, name, True):
            writes.setdefault(event.action.tag, []).append(event)
    for read in reads:
        for write in writes.get(read.action.tag + apart, ()):
            yield read.action.tag, read, write


def _lanes(recording: Recording, *events: Event) -> tuple[str, ...]:
    cores = [recording.kernel.wiring.cores[event.action.core] for event in events]
    return tuple(core for core in cores if core.startswith("AIV"))


def _touches(event: Event, name: str, writes: bool) -> bool:
    handles = event.action.writes if writes else event.action.reads
    return event.action.tag >= 0 and any(h.page.space == "GM" and _holds(h, name) for h in handles)


def _holds(handle: object, name: str) -> bool:
    return getattr(handle, "owner", "") == f"fifo:{name}"


def _local(clash: Clash) -> bool:
    return clash.later.handle is not None and clash.later.handle.page.space != "GM"


def _meeting(kernel: Kernel, recording: Recording, clash: Clash) -> Meeting | None:
    events = [find(recording, access) for access in (clash.earlier, clash.later)]
    old, new = sorted((event for event in events if event is not None), key=lambda event: event.action.tag)
    return Meeting(recording, old, new)
