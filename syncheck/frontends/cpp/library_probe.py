"""What the text of a tile library does for TPUSH and TPOP: its headers are followed like a kernel, call by call.

A small kernel is written around the library's text: one TPipe, some pushes or pops, then its destructor as it would
run after so many tiles. It is read by the same front end, and what each call issues is listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncheck.frontends.cpp.kinds import PipeType
from syncheck.frontends.cpp.reader import read
from syncheck.frontends.cpp.terms import shown
from syncheck.ir import (
    At,
    Barrier,
    Binary,
    Call,
    Const,
    CrossSet,
    CrossWait,
    Expr,
    For,
    Instr,
    Let,
    Name,
    Operand,
    Program,
    Statement,
    TileOp,
)
from syncheck.machine import Machine
from syncheck.value import Value, frozen

DIRECTIONS = {"C2V": 1, "V2C": 2, "BOTH": 3}
"""Values of the library's Direction that the FIFOs through GM have (pto-isa include/pto/common/fifo.hpp)."""
TILE = (16, 16)
"""Rows and columns of the fp32 tile that is pushed and popped; one lane has half of the rows."""
TILE_BYTES = TILE[0] * TILE[1] * 4
LOCAL = {"C2V": 0x1000, "V2C": 0x3000}
"""Where the consumer's ring begins in its memory."""


class NotFollowed(Exception):
    """Why the library's text does not say what TPUSH and TPOP do, in a few words."""


@frozen
class Step(Value):
    """One thing that a call issues. `kind`: wait, set, store, load; `flag` and `mode` of a signal; `at`: the byte of GM
    that lane 0 stores to or loads from, `local` that of the consumer's ring a tile is loaded to."""

    kind: str
    pipe: str = ""
    flag: int = 0
    mode: int = 0
    at: int = 0
    local: int = 0


@frozen
class Traced(Value):
    """What one core issues: in the constructor, in each call, and in the destructor after 0, 1, 2 … calls; `switched`:
    in each call after the switches of the question, `by_hand`: in `prod.record()` then."""

    made: tuple[Step, ...]
    calls: tuple[tuple[Step, ...], ...]
    ends: tuple[tuple[Step, ...], ...]
    switched: tuple[tuple[Step, ...], ...] = ()
    by_hand: tuple[Step, ...] = ()


@frozen
class Question(Value):
    """`count` pushes (or pops) of a TPipe on AIC or AIV, and again after `switches`, calls that turn signals off."""

    kind: PipeType
    core: str
    pushes: bool
    count: int
    switches: tuple[str, ...] = ()


def traced(library: str, questions: Sequence[Question], machine: Machine) -> list[Traced]:
    """What the library's text does in each case. Raises NotFollowed."""
    kernels = [_kernel(question, f"syncheck_library_{number}") for number, question in enumerate(questions)]
    reading = read("\n".join([library, "using namespace pto;", *kernels]), "library", machine, lambda *_: None)
    for problem in (*reading.problems, *[problem for program in reading.programs for problem in program.problems]):
        raise NotFollowed(problem.message)
    programs = dict(zip(reading.names, reading.programs, strict=True))
    return [_traced(programs.get(f"syncheck_library_{number}"), question) for number, question in enumerate(questions)]


def _traced(program: Program | None, question: Question) -> Traced:
    if program is None:
        raise NotFollowed("nothing in it does anything on a pipe")
    count = question.count
    parts: list[list[Statement]] = [[]]
    for one in _listed(program, question.core):
        if isinstance(one, Barrier):
            parts.append([])
        else:
            parts[-1].append(one)
    more = count + 1 if question.switches else 0
    if len(parts) != 2 * count + more + 3:
        raise NotFollowed("it could not be told which call issues what")
    steps = [tuple(_step(program, one) for one in part) for part in parts[:-1]]
    calls, ends, again = steps[1 : count + 1], steps[count + 1 : 2 * count + 2], steps[2 * count + 2 :]
    return Traced(steps[0], tuple(calls), tuple(ends), tuple(again[:-1]), again[-1] if again else ())


def _kernel(question: Question, name: str) -> str:
    """A kernel that calls the library; a barrier stands between what is told apart."""
    kind = question.kind
    direction = DIRECTIONS.get("BOTH" if kind.both else kind.direction)
    if direction is None:
        raise NotFollowed(f"a FIFO of direction {kind.direction} is not one through GM")
    pipe = f"TPipe<{kind.flag}, {direction}, {kind.slot}, {kind.slots}, {kind.local_slots}>"
    rows, columns = TILE
    space = {("AIC", True): "Acc", ("AIC", False): "Mat"}.get((question.core, question.pushes), "Vec")
    rows = rows if question.core == "AIC" else rows // 2
    tile = f"Tile<TileType::{space}, float, {rows}, {columns}, BLayout::RowMajor, {rows}, {columns}>"
    verb, end = ("TPUSH", "prod") if question.pushes else ("TPOP", "cons")
    lines = [
        f"#ifdef __DAV_{'CUBE' if question.core == 'AIC' else 'VEC'}__",
        f"__global__ void {name}(__gm__ uint8_t *gm) {{",
        f"    {tile} tile;",
        "    TASSIGN(tile, 0x0);",
        f"    {pipe} pipe(gm, {LOCAL['C2V']}, {LOCAL['V2C']});",
    ]
    call = f"{verb}_IMPL<{pipe}, {tile}, TileSplitAxis::TILE_UP_DOWN>(pipe, tile);"
    calls = ["    pipe_barrier(PIPE_ALL);", f"    {call}"] * question.count
    lines += calls
    for tiles in range(question.count + 1):
        lines += ["    pipe_barrier(PIPE_ALL);", f"    pipe.{end}.tileIndex = {tiles};", "    pipe.~TPipe();"]
    if question.switches:
        lines += [f"    pipe.{end}.tileIndex = 0;", *(f"    pipe.{switch};" for switch in question.switches), *calls]
        lines += ["    pipe_barrier(PIPE_ALL);", *(["    pipe.prod.record();"] if question.pushes else [])]
    lines += ["    pipe_barrier(PIPE_ALL);", "    *gm = 0;", "}", "#endif"]  # what nothing writes has no addresses
    return "\n".join(lines)


def _listed(program: Program, core: str) -> Iterator[Statement]:
    defs = {one.name: one.body for one in program.defs}

    def flat(body: Sequence[Statement]) -> Iterator[Statement]:
        for one in body:
            if isinstance(one, Call):
                yield from flat(defs[one.name])
            elif isinstance(one, For):
                for _ in range(_turns(one)):
                    yield from flat(one.body)
            elif isinstance(one, Let):
                continue
            elif isinstance(one, Barrier | CrossSet | CrossWait | TileOp | Instr):
                yield one
            else:
                raise NotFollowed(f"what it does depends on more than the number of the tile (line {one.span.line})")

    for one in program.cores:
        if one.kind[:3] == core:
            yield from flat(one.body)


def _turns(loop: For) -> int:
    """How often a loop with plain numbers turns."""
    test = loop.condition
    if not (isinstance(test, Binary) and test.op == "<" and isinstance(test.left, Name) and test.left.name == loop.var):
        raise NotFollowed("a loop ends otherwise than by counting")
    return len(range(_number(loop.start), _number(test.right), max(_number(loop.step), 1)))


def _step(program: Program, one: Statement) -> Step:
    if isinstance(one, CrossWait):
        return Step("wait", one.pipe, flag=_number(one.flag))
    if isinstance(one, CrossSet):
        return Step("set", one.pipe, flag=_number(one.flag), mode=_number(one.mode))
    if isinstance(one, TileOp) and one.op in ("TSTORE", "TLOAD"):
        of_gm, of_tile = one.operands if one.op == "TSTORE" else reversed(one.operands)
        at = _start(program, of_gm)
        name = getattr(of_tile, "name", "")
        address = next((tile.address for tile in program.tiles if tile.name == name), None)
        if address is None:
            raise NotFollowed("where the popped tile lies is not known")
        return Step("store" if one.op == "TSTORE" else "load", at=at, local=_number(address))
    raise NotFollowed(f"{getattr(one, 'op', type(one).__name__)} is no part of a FIFO that is known")


def _start(program: Program, operand: Operand) -> int:
    """The byte of GM where an operand starts, for lane 0."""
    moved = _number(operand.offset) if isinstance(operand, At) else 0
    tensor = next((one for one in program.tensors if one.name == getattr(operand, "name", "")), None)
    if tensor is None:
        raise NotFollowed("where in GM a tile lies is not known")
    return moved + _number(tensor.offset)


def _number(expr: Expr) -> int:
    """An offset of lane 0, a flag, a mode."""
    if isinstance(expr, Const):
        return expr.value
    if isinstance(expr, Name) and expr.name == "lane":
        return 0
    if isinstance(expr, Binary) and expr.op in ("+", "*"):
        left, right = _number(expr.left), _number(expr.right)
        return left + right if expr.op == "+" else left * right
    raise NotFollowed(f"'{shown(expr)}' depends on more than the number of the tile")
