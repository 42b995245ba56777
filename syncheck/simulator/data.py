"""Running a kernel with data: `prepare` a Program, then `run` it under any schedule. Layer 2; reads no files.

    prepared = prepare(program, machine, pins, inputs)     # raises RunError: one sentence with its place
    expected = prepared.run()                              # schedule "program": completes in issue order
    other = prepared.run("random", seed=3, reference=expected)
    other.tensors["out"], other.events, other.stale, other.poison, other.stuck

`inputs` maps names to numpy arrays: tensors (any float or integer type, converted to the declared one; the first
dimension may be shorter than declared, nothing may then reach beyond), `unknown` tables and parameter families (one
integer for each index), and integers for plain unknowns. `pins` are parameters as -D gives them. A parameter without
a value takes the smallest of its domain (`prepared.parameters` has them all).

`Run.tensors`: contents of every tensor that the kernel writes, in its type and shape. `Run.events`: every instance
(`pipes.Event`: core, pipe, op, site with span, frames, start, end, released_by) in the order of its end; `number` is
the same under every schedule. `Run.stale` (with a reference): reads whose bytes came from another instance than under
the reference. `Run.poison`: reads of bytes nobody wrote. `Run.stuck`: what waits for ever, [] where the run ended.
A schedule is a name or an object with `pick` (`pipes.Schedule`), so that other modules can bring their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from syncheck.build import Pins, kernels
from syncheck.execution import Kernel, Stopped
from syncheck.expressions import Misused
from syncheck.ir import Program
from syncheck.machine import Machine
from syncheck.ordering import Rules
from syncheck.places import OutOfRange
from syncheck.simulator.binding import Binder
from syncheck.simulator.events import Event
from syncheck.simulator.inputs import RunError, Ungiven, content, given_to, parameters
from syncheck.simulator.memory import INPUT, NOBODY, Beyond, Memories, Origin
from syncheck.simulator.numeric import DTYPES, Array
from syncheck.simulator.operands import Wrong
from syncheck.simulator.pipes import Pipes, Schedule
from syncheck.simulator.policies import InOrder, Random_, adversarial
from syncheck.source import Problem
from syncheck.symbolic import Open, Store, name_of

FLAT = "GM"
"""What `Run.tensors` calls the flat memory of `GM[start:stop]`: its bytes up to the last one that any access shows."""
SCHEDULES = ("program", "random", "adversarial")


@dataclass(frozen=True, slots=True)
class Stale:
    """`reader` took bytes [start, stop) of `memory` from `writer`; under the reference schedule `expected` wrote them.

    Instances by number (`Run.event`); memory.INPUT is the input, memory.NOBODY nobody.
    """

    reader: Event
    memory: str
    start: int
    stop: int
    name: str
    writer: int
    expected: int


@dataclass(frozen=True, slots=True)
class Poison:
    """`reader` took bytes [start, stop) of `memory` that nobody had written."""

    reader: Event
    memory: str
    start: int
    stop: int
    name: str


@dataclass(slots=True)
class Run:
    """One run; see the head of this module."""

    kernel: Kernel
    schedule: str
    seed: int
    tensors: dict[str, Array]
    events: list[Event]
    stale: list[Stale]
    poison: list[Poison]
    stuck: list[Event]
    uninterpreted: tuple[str, ...] = ()
    origins: dict[int, tuple[int | Origin, ...]] = field(default_factory=dict, repr=False)
    _numbers: dict[int, Event] = field(default_factory=dict, repr=False)

    def event(self, number: int) -> Event | None:
        """The instance with this number; None for the input, for nobody, and for one that never ended."""
        if not self._numbers:
            self._numbers = {event.number: event for event in self.events}
        return self._numbers.get(number)


class _Watch:
    """Keeps who wrote which byte, and who read what from whom."""

    def __init__(self, memories: Memories, expected: Mapping[int, tuple[int | Origin, ...]] | None) -> None:
        self._memories = memories
        self._expected = expected
        self.origins: dict[int, tuple[int | Origin, ...]] = {}
        self.stale: list[Stale] = []
        self.poison: list[Poison] = []

    def reading(self, event: Event) -> None:
        reads = event.action.reads
        if not reads:
            return
        found = []
        for handle in reads:
            memory = self._memories[handle.page.key]
            memory.need(handle.start, handle.stop)
            found.append(memory.origin(handle.start, handle.stop))
        origins = self.origins[event.number] = tuple(found)
        for handle, origin in zip(reads, origins, strict=True):
            parts = ((handle.start, handle.stop, origin),) if isinstance(origin, int) else origin
            key = handle.page.key
            self.poison += [Poison(event, key, a, b, handle.name) for a, b, who in parts if who == NOBODY]
        if self._expected is not None and (wanted := self._expected.get(event.number)) != origins:
            for index, handle in enumerate(reads):
                if wanted is not None and wanted[index] != origins[index]:
                    self._differ(
                        event, handle.page.key, handle.start, handle.stop, handle.name, origins[index], wanted[index]
                    )

    def _differ(
        self, event: Event, key: str, start: int, stop: int, name: str, found: int | Origin, wanted: int | Origin
    ) -> None:
        one = ((start, stop, found),) if isinstance(found, int) else found
        two = ((start, stop, wanted),) if isinstance(wanted, int) else wanted
        for a, b, writer in one:
            for c, d, expected in two:
                low, high = max(a, c), min(b, d)
                if low < high and writer != expected:
                    self.stale.append(Stale(event, key, low, high, name, writer, expected))

    def written(self, event: Event) -> None:
        for handle in event.action.writes:
            self._memories[handle.page.key].wrote(handle.start, handle.stop, event.number)


@dataclass(slots=True)
class Prepared:
    """A kernel with its parameters, unknowns and inputs decided: ready to run any number of times."""

    kernel: Kernel
    program: Program
    machine: Machine
    rules: Rules
    parameters: dict[str, int | tuple[int, ...]]
    contents: dict[str, Array]

    def run(
        self, schedule: str | Schedule = "program", seed: int = 0, *, reference: Run | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Run:  # fmt: skip
        """One run from the beginning. `progress` is called now and then with the number of instances that ended."""
        memories = self.memories()
        watch = _Watch(memories, None if reference is None else reference.origins)
        chosen = self.schedule(schedule, seed) if isinstance(schedule, str) else schedule
        binder = Binder(self.kernel, memories, Store(self.kernel.domain))
        overlaps = frozenset(pair for pair, severity in self.machine.same_pipe.items() if severity == "error")
        pipes = Pipes(self.kernel, self.rules, binder, chosen, watch, overlaps)
        with np.errstate(all="ignore"):
            try:
                while not self._finished(pipes, progress):
                    pass
            except Stopped as stopped:
                raise RunError(stopped.problem) from None
            except Open as question:
                names = ", ".join(sorted({name_of(item) for item, _ in question.test.form.terms}))
                raise RunError(
                    Problem(pipes.place(), f"this depends on {names}, which has no value", "give it in the inputs")
                ) from None
            except (Wrong, Beyond, OutOfRange, Ungiven) as error:
                raise RunError(Problem(pipes.place(), str(error))) from None
        name = schedule if isinstance(schedule, str) else type(schedule).__name__
        return Run(
            self.kernel, name, seed, self._tensors(memories), pipes.events, watch.stale, watch.poison,
            [] if pipes.over else pipes.waiting(), tuple(sorted(binder.uninterpreted)), watch.origins,
        )  # fmt: skip

    def written(self) -> frozenset[str]:
        """The tensors that some instruction writes."""
        users, tensors = self.kernel.users, self.kernel.layout.tensors
        return frozenset(n for n, t in tensors.items() if any(writes for _, writes in users.get(t.key, ())))

    def schedule(self, name: str, seed: int) -> Schedule:
        """A schedule of SCHEDULES."""
        if name == "program":
            return InOrder()
        if name == "random":
            return Random_(seed)
        if name == "adversarial":
            return adversarial(seed, len(self.kernel.wiring.agents))
        raise ValueError(f"no schedule {name!r}: {', '.join(SCHEDULES)}")

    def _finished(self, pipes: Pipes, progress: Callable[[int], None] | None) -> bool:
        before = pipes.now
        pipes.run(4096)
        if progress is not None:
            progress(len(pipes.events))
        return pipes.now == before

    def memories(self) -> Memories:
        """All memories as a run finds them: inputs, and poison."""
        sizes = {space.name: space.bytes for space in self.machine.spaces.values()}
        for tensor in self.kernel.layout.tensors.values():
            if tensor.total is not None and tensor.offset == 0:
                sizes[tensor.key] = max(sizes.get(tensor.key, 0), tensor.total)
        for fifo in self.kernel.layout.fifos.values():
            sizes[f"gm:fifo {fifo.name}"] = fifo.slots * fifo.slot_bytes
        for name, values in self.contents.items():
            sizes[self.kernel.layout.tensors[name].key] = values.nbytes
        memories = Memories(sizes)
        written = {key for key, uses in self.kernel.users.items() if any(writes for _, writes in uses)}
        for name, values in self.contents.items():
            key = self.kernel.layout.tensors[name].key
            memories[key].fill(values, tracked=key in written)
        return memories

    def _tensors(self, memories: Memories) -> dict[str, Array]:
        found = {}
        touched, outputs = set(memories.names()), self.written()
        if (flat := self.kernel.atlas.pages.get((FLAT, None))) is not None and flat.size:
            stop = max(stop for _, stop in flat.ranges().values())
            memories[FLAT].need(0, stop)
            found[FLAT] = memories[FLAT].bytes[:stop].copy()
        for tensor in self.kernel.layout.tensors.values():
            if tensor.name not in outputs or tensor.key not in touched:
                continue
            raw = memories[tensor.key].bytes
            dtype = DTYPES[tensor.dtype]
            step = tensor.row_bytes[0] if tensor.row_bytes else dtype.itemsize
            stop = raw.nbytes if tensor.total is None else min(tensor.offset + tensor.total, raw.nbytes)
            rows = max(stop - tensor.offset, 0) // step
            part = raw[tensor.offset : tensor.offset + rows * step]
            found[tensor.name] = part.view(dtype).reshape(rows, *(extent or 1 for extent in tensor.extents[1:])).copy()
        return found


def prepare(
    program: Program, machine: Machine, pins: Pins | None = None, inputs: Mapping[str, Any] | None = None,
    rules: Rules | None = None,
) -> Prepared:  # fmt: skip
    """Decide parameters, unknowns and inputs of a program. Raises RunError."""
    if program.problems:
        raise RunError(program.problems[0])
    if (late := late_visibility(machine)) and program.cores:
        text = f"under {late} a store may be complete and not yet seen, which a run does not show"
        raise RunError(Problem(program.cores[0].span, text, "the options without it"))
    inputs = dict(inputs or {})
    chosen = parameters(program, pins or {}, inputs)
    given = given_to(program, chosen, inputs)
    numbers = {name: values for name, values in chosen.items() if isinstance(values, int)}
    try:
        (kernel,) = kernels(program, machine, {name: (value,) for name, value in numbers.items()}, given)
    except Misused as misused:
        span = misused.span or program.cores[0].span
        raise RunError(Problem(span, misused.message, misused.expected)) from None
    if kernel.problems:
        raise RunError(kernel.problems[0])
    contents = {}
    for tensor in program.tensors:
        if tensor.name in inputs:
            contents[tensor.name] = content(tensor, kernel, inputs[tensor.name])
    return Prepared(kernel, program, machine, rules or _rules(machine), chosen, contents)


def simulate(
    program: Program, machine: Machine, inputs: Mapping[str, Any] | None = None, *, pins: Pins | None = None,
    schedule: str | Schedule = "program", seed: int = 0,
) -> Run:  # fmt: skip
    """Prepare and run once."""
    return prepare(program, machine, pins, inputs).run(schedule, seed)


def late_visibility(machine: Machine) -> str:
    """The option under which a completed GM store is not visible at once, "" if none is chosen."""
    usual = {"xcore_visibility": "contract", "gm_roundtrip": "flag"}
    chosen = [f"{name}={machine.options[name]}" for name, value in usual.items() if machine.options[name] != value]
    return ", ".join(chosen)


def _rules(machine: Machine) -> Rules:
    return Rules(
        advisory_scalar_wait=machine.options["scalar_wait"] == "advisory",
        scalar_store_needs_flag=machine.options["scalar_store"] == "flag", in_order=machine.in_order,
    )  # fmt: skip


__all__ = [
    "INPUT", "NOBODY", "SCHEDULES", "Event", "Poison", "Prepared", "Run", "RunError", "Schedule", "Stale",
    "prepare", "simulate",
]  # fmt: skip
