"""Program: what a front end understood. Loops, branches, parameters and tile operations stay as the author wrote them.

Nothing here knows a rule or a machine quirk. Every node is a frozen value with the span it came from.
Expressions are integer expressions; sizes and addresses are bytes unless said otherwise.
"""

from __future__ import annotations

from dataclasses import field
from typing import Union

from syncheck.source import Assumed, Problem, Span
from syncheck.value import Value, frozen

# ---------------------------------------------------------------- expressions


@frozen
class Const(Value):
    value: int


@frozen
class Name(Value):
    """A parameter, constant, loop variable, `def` argument, `lane`, or (as an operand) a tile or tensor."""

    name: str
    span: Span = field(compare=False)


@frozen
class Index(Value):
    """`name[a]`, `name[a, b]` or `name[a:b]`: a parameter family, an unknown table, a tile slot or a tensor slice.

    Each index is an expression, or a pair (start, stop) for `start:stop`.
    """

    name: str
    indices: tuple[Union[Expr, Slice], ...]
    span: Span = field(compare=False)


@frozen
class Slice(Value):
    start: Expr
    stop: Expr


@frozen
class Unary(Value):
    """op is one of `-`, `!`, `~`."""

    op: str
    operand: Expr


@frozen
class Binary(Value):
    """op is C's: + - * / % << >> & | ^ && || == != < <= > >= (division truncates towards zero)."""

    op: str
    left: Expr
    right: Expr


@frozen
class Ternary(Value):
    condition: Expr
    then: Expr
    otherwise: Expr


@frozen
class Function(Value):
    """name is min, max or ceil_div."""

    name: str
    arguments: tuple[Expr, ...]
    span: Span = field(compare=False)


@frozen
class Any_(Value):
    """`any`: a value the script does not know; fresh at each place in the text, equal on every core and turn there."""

    span: Span = field(compare=False)
    place: int = 0


Expr = Union[Const, Name, Index, Unary, Binary, Ternary, Function, Any_]

# ---------------------------------------------------------------- declarations


@frozen
class Domain(Value):
    """The integers low..high (high None: no bound), or, if `values` is not empty, exactly those."""

    low: int = 0
    high: int | None = None
    values: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.values:
            return "{" + ", ".join(map(str, self.values)) + "}"
        if self.high is None:
            return f">={self.low}"
        return str(self.low) if self.low == self.high else f"{self.low}..{self.high}"


@frozen
class Param(Value):
    """A parameter of the kernel. With `index` it is a family: one value for each index, `n_blocks[b]`."""

    name: str
    domain: Domain
    span: Span
    index: str = ""


@frozen
class Constant(Value):
    name: str
    value: Expr
    span: Span


@frozen
class Unknown(Value):
    """A value the script does not know. `arity` 0: one value; 1: a table, one value for each index."""

    name: str
    arity: int
    span: Span


@frozen
class Tensor(Value):
    """A named tensor in GM. Tensors do not alias unless `view_of` names the one whose bytes it shares, from `offset`
    on.

    `stride`: elements from one row to the next, for tensors of two dimensions; None: rows follow each other.
    """

    name: str
    dtype: str
    shape: tuple[Expr, ...]
    span: Span
    view_of: str = ""
    offset: Expr = Const(0)
    stride: Expr | None = None


@frozen
class Tile(Value):
    """A tile in on-chip memory: `slots` equal tiles one after the other from `address` (bytes) on.

    `source` names the FIFO whose popped slot it is (then `address` is None). With neither, it lies where each use of
    it says (`At`). `aliases` are tiles it may share bytes with.
    """

    name: str
    space: str
    dtype: str
    shape: tuple[Expr, ...]
    address: Expr | None
    span: Span
    slots: Expr = Const(1)
    aliases: tuple[str, ...] = ()
    source: str = ""


@frozen
class Fifo(Value):
    """A TPUSH/TPOP FIFO between the cube and the vector lanes; hardware.md §4.

    direction: C2V or V2C, on a5 also C2V_GM and V2C_GM.
    dtype and shape: the whole slot (both lanes); with a single dimension of bytes (`uint8[n]`)
    the room of a slot, which a tile may not fill. split: none, up_down, left_right. `instead_of`: FIFOs that no run
    has besides this one, so that they may use the same flags and bytes.
    `local`: space and address of the consumer's ring. `wait_from`: the first push (from 0) that waits for a credit;
    `period`: a push waits and a pop frees every so many tiles (both only with back-pressure). None: the machine's
    default.
    """

    name: str
    direction: str
    dtype: str
    shape: tuple[Expr, ...]
    span: Span
    slots: Expr = Const(2)
    flag: Expr = Const(0)
    local_space: str = "UB"
    local_address: Expr | None = None
    local_slots: Expr = Const(2)
    local_stride: Expr | None = None
    split: str = "none"
    back_pressure: bool = True
    record_auto: bool = True
    wait_from: Expr | None = None
    period: Expr | None = None
    instead_of: tuple[str, ...] = ()


# ---------------------------------------------------------------- operands of instructions


@frozen
class Region(Value):
    """`UB[start:stop)`, bytes of one memory space of the executing core (GM: one flat memory shared by all)."""

    space: str
    start: Expr
    stop: Expr
    span: Span = field(compare=False)


@frozen
class At(Value):
    """`name@(offset)`: a tile that has no address of its own at this one, or a tensor moved by so many bytes."""

    name: str
    offset: Expr
    span: Span = field(compare=False)


Operand = Union[Region, At, Expr]  # an Expr operand is a Name or Index that names a tile or tensor, or a scalar value

# ---------------------------------------------------------------- statements


@frozen
class Instr(Value):
    """`instr op on pipe reads … writes …`: an instruction with its effects written out. `atomic`: its writes are."""

    op: str
    pipe: str
    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]
    span: Span
    atomic: bool = False


@frozen
class TileOp(Value):
    """An instruction of the machine's table, `TADD(dst, a, b)`: pipe, reads and writes come from the table."""

    op: str
    operands: tuple[Operand, ...]
    span: Span


@frozen
class SetFlag(Value):
    src: str
    dst: str
    event: Expr
    span: Span


@frozen
class WaitFlag(Value):
    src: str
    dst: str
    event: Expr
    span: Span


@frozen
class Barrier(Value):
    """`pipe_barrier(pipe)`; pipe ALL completes all pipes and holds issue."""

    pipe: str
    span: Span


@frozen
class CrossSet(Value):
    """`ffts_cross_core_sync(pipe, mode, flag)` (modes 0, 1, 2) or, with mode 4, `set_intra_block(pipe, flag)`."""

    pipe: str
    mode: Expr
    flag: Expr
    span: Span


@frozen
class CrossWait(Value):
    """`wait_flag_dev(flag)` (pipe S) or `wait_flag_dev(pipe, flag)`; with `intra`, `wait_intra_block(pipe, flag)`."""

    pipe: str
    flag: Expr
    span: Span
    intra: bool = False


@frozen
class FifoOp(Value):
    """kind: push, pop, record, wait, allocate, free. `tile`: what is pushed, or what a pop binds. `split` overrides.
    `stored`: the type of the elements in the slot where the store of an accumulator converts them ("": the tile's)."""

    kind: str
    fifo: str
    span: Span
    tile: Operand | None = None
    split: str = ""
    stored: str = ""


@frozen
class Let(Value):
    """`let name = value;` or the reassignment `name = value;` of a local integer."""

    name: str
    value: Expr
    span: Span


@frozen
class For(Value):
    """`for (var = start; condition; var += step) body`."""

    var: str
    start: Expr
    condition: Expr
    step: Expr
    body: tuple[Statement, ...]
    span: Span


@frozen
class If(Value):
    condition: Expr
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    span: Span


@frozen
class Call(Value):
    """A call of a `def`, inlined, with a frame in every report."""

    name: str
    arguments: tuple[Operand, ...]
    span: Span


@frozen
class Return(Value):
    """`return;`: leaves the innermost `def`, or ends the core."""

    span: Span


@frozen
class Break(Value):
    """`break;`: leaves the innermost loop."""

    span: Span


@frozen
class Continue(Value):
    """`continue;`: goes on with the next turn of the innermost loop."""

    span: Span


Statement = Union[
    Instr, TileOp, SetFlag, WaitFlag, Barrier, CrossSet, CrossWait, FifoOp, Let, For, If, Call, Return, Break, Continue
]


@frozen
class Def(Value):
    name: str
    parameters: tuple[str, ...]
    body: tuple[Statement, ...]
    span: Span


@frozen
class Core(Value):
    """kind: AIC, AIV (both lanes run the body, `lane` is 0 or 1), AIV0, AIV1."""

    kind: str
    body: tuple[Statement, ...]
    span: Span


@frozen
class Suppression(Value):
    """`// syncheck: ignore[RAW001, WAR001] reason` on line `line` of the script; it applies to `target` (same or
    next line)."""

    rules: tuple[str, ...]
    reason: str
    span: Span
    target: int


@frozen
class Noted(Value):
    """Something that the text itself shows (OVF001, MEM005, PRF001), beside what running it does. `title`: a short
    clause; `why` and `order`: a sentence each."""

    rule: str
    severity: str
    span: Span
    title: str
    why: str
    order: str


@frozen
class Program(Value):
    """Everything one file says. `problems` are the places that were not understood: with any, no verdict is
    `proved`. `exit`: what ends with the kernel, "task" (a persistent executor goes on) or "launch", "" if not said.
    `assumed`: what a C++ kernel was read with."""

    path: str
    machine: str = ""
    params: tuple[Param, ...] = ()
    constants: tuple[Constant, ...] = ()
    unknowns: tuple[Unknown, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    tiles: tuple[Tile, ...] = ()
    fifos: tuple[Fifo, ...] = ()
    defs: tuple[Def, ...] = ()
    cores: tuple[Core, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    problems: tuple[Problem, ...] = ()
    noted: tuple[Noted, ...] = ()
    exit: str = ""
    assumed: tuple[Assumed, ...] = ()
