"""What a machine model is made of: instructions with their steps, memory, flags, options, FIFOs; values only."""

from __future__ import annotations

from fnmatch import fnmatchcase

from syncheck.value import Value, frozen

DTYPE_BYTES = {
    "fp32": 4, "fp16": 2, "bf16": 2, "int64": 8, "uint64": 8, "int32": 4, "uint32": 4,
    "int16": 2, "uint16": 2, "int8": 1, "uint8": 1, "bool": 1,
}  # fmt: skip
"""Bytes of an element of each data type."""
FENCES = {"DSB_ALL": frozenset(("GM", "UB")), "DSB_DDR": frozenset(("GM",)), "DSB_UB": frozenset(("UB",))}
"""The memory whose accesses by the scalar unit are complete behind a `dsb` of that name (hardware.md §3.1), in the
order of mem_dsb_t."""


@frozen
class Effect(Value):
    """One primitive step of a table instruction.

    `reads` and `writes` are selectors: an argument index ("0" is the destination), "hidden:NAME" (a Hidden region) or
    "register:NAME" (machine state that is no memory). `suffix` is shown behind the operation. With `barrier` the step
    is a pipe_barrier(barrier) inside the instruction; with `to` it is a set_flag(pipe, to) and its wait_flag inside, on
    a flag of the library: what `pipe` did so far is complete before `to` goes on. Both have no reads and writes.
    """

    pipe: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    suffix: str = ""
    barrier: str = ""
    to: str = ""


@frozen
class HiddenFlag(Value):
    """A flag that the library sets and waits for inside the instruction: it collides (FLG006), it orders nothing."""

    src: str
    dst: str
    event: int


@frozen
class Variant(Value):
    """One row: the operation with these operand spaces and argument counts.

    `spaces` maps operand index to allowed spaces; `widths`: (operand, "<=" or "==", how many bytes a row of it has);
    `types`: (operand, the data types it may have);
    `nargs` () is any count; `steps` are in issue order, () if nothing is issued. kind: instr; none (binds addresses
    only); vf (inside a vector function, on V); async (outside all pipes); sync and fifo (statements of their own, no
    steps); absent (only in the CPU simulator).
    """

    op: str
    spaces: tuple[tuple[int, frozenset[str]], ...]
    nargs: tuple[int, ...]
    steps: tuple[Effect, ...]
    flags: tuple[HiddenFlag, ...]
    source: str
    confidence: str
    notes: str = ""
    kind: str = "instr"
    widths: tuple[tuple[int, str, int], ...] = ()
    types: tuple[tuple[int, frozenset[str]], ...] = ()

    @property
    def available(self) -> bool:
        return self.kind != "absent"


@frozen
class Space(Value):
    """An on-chip memory: `bytes` of it on each core of kind `core` (AIC, AIV), addresses multiples of `align` bytes."""

    name: str
    bytes: int
    align: int
    core: str
    source: str


@frozen
class Hidden(Value):
    """Scratch that instructions of the library use unasked: bytes [start, stop) of `space` at most.

    With `bytes_per_row` only the first bytes_per_row * rows of the destination are touched, rows rounded up to a
    multiple of `rows_at_once`.
    """

    name: str
    space: str
    start: int
    stop: int
    source: str
    bytes_per_row: int = 0
    rows_at_once: int = 1


@frozen
class FlagPair(Value):
    """status: legal; accepted (documents deny it, the library has it); undocumented (exists, no known use); illegal."""

    src: str
    dst: str
    core: str
    status: str
    source: str
    notes: str = ""


@frozen
class Option(Value):
    """A disputed or chosen point of the model. `used_by` says what consults it ("nothing yet": only its first value can
    be chosen)."""

    name: str
    values: tuple[str, ...]
    default: str
    meaning: str
    source: str
    confidence: str
    used_by: str = ""


@frozen
class Reserved(Value):
    """Ids low..high (both ends) that `owner` uses."""

    low: int
    high: int
    owner: str
    source: str


@frozen
class Wrapper(Value):
    """Names that match a pattern behave as the instruction without the prefix."""

    patterns: tuple[str, ...]
    prefix: str
    source: str

    def covers(self, op: str) -> bool:
        return any(fnmatchcase(op, pattern) for pattern in self.patterns)

    def strip(self, op: str) -> str:
        return op.removeprefix(self.prefix)


@frozen
class CostRow(Value):
    """startup + size / rate cycles; the size is in `unit` (bytes, multiply-adds), and rate 0 leaves it out."""

    name: str
    rate: int
    unit: str
    startup: int
    source: str


@frozen
class Handshake(Value):
    """One cross-core set or wait of a FIFO: `flag` is added to the FIFO's own flag id."""

    pipe: str
    flag: int


@frozen
class FifoLowering(Value):
    """What TPUSH and TPOP of one direction are made of.

    A push: [wait `allocate`], store tile_space -> slot_space on each pipe of `store`, [set `record`]. A pop: wait
    `wait`, then on `load` slot_space -> local_space (load "": no copy, the tile is the slot), [set `free`, by TPOP or
    by TFREE]. A wait on pipe S holds the issue of the core. `mode` is that of the sets (2: FFTS; 4: intra-block). On
    the cube, lane 1 uses ids `lane_stride` higher (0: one id for both lanes); with `split_selects_lanes` a FIFO without
    a split signals lane 0 only. `both_offset` is added to the flag ids if one pipe object serves both directions.
    """

    direction: str
    producer: str
    consumer: str
    tile_space: str
    slot_space: str
    local_space: str
    store: tuple[str, ...]
    load: str
    mode: int
    allocate: Handshake
    record: Handshake
    wait: Handshake
    free: Handshake
    free_by: str
    lane_stride: int
    split_selects_lanes: bool
    both_offset: int
    full_period_to: int
    primed: str
    source: str
    notes: str = ""

    def period(self, slots: int) -> int:
        """Every how many tiles a credit changes hands."""
        return slots if slots <= self.full_period_to else slots // 2

    def push_waits(self, index: int, slots: int) -> bool:
        """Whether push number `index` (from 0) waits for a credit."""
        return index >= slots and index % self.period(slots) == 0

    def pop_frees(self, index: int, slots: int) -> bool:
        """Whether pop number `index` (from 0) gives a credit."""
        return (index + 1) % self.period(slots) == 0

    def credits(self, slots: int) -> int:
        """How many credits there are before the first push."""
        return self.period(slots) if self.primed == "period" else 0
