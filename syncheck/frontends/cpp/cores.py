"""Which cores a kernel runs on: what the passes of the cube and of the vector core made tells."""

from __future__ import annotations

from collections.abc import Sequence

from syncheck.frontends.cpp import routines
from syncheck.frontends.cpp.state import Declared, Pass
from syncheck.frontends.cpp.within import through_calls
from syncheck.ir import CrossSet, CrossWait, FifoOp, Instr, Let, Region, Statement, TileOp

CUBE_SPACES = ("L1", "L0A", "L0B", "L0C", "BT", "FB", "L0A_SCALE", "L0B_SCALE")
CUBE_PIPES = ("M", "MTE1", "FIX")


def cores_of(
    bodies: dict[str, tuple[Statement, ...]], passes: dict[str, Pass], declared: Declared
) -> dict[str, tuple[Statement, ...]]:
    """The cores that this kernel runs on: AIC, and AIV (both lanes) or AIV0 (one vector core)."""
    cube, vector = bodies["AIC"], bodies["AIV"]
    chosen: dict[str, tuple[Statement, ...]] = {}
    on_cube = _is_of(cube, declared, CUBE_SPACES, ("UB",), CUBE_PIPES)
    on_vector = _is_of(vector, declared, ("UB",), CUBE_SPACES, ("V",))
    if on_cube is None and on_vector is None:  # barriers and signals only
        on_cube, on_vector = cube != vector and _speaks(cube, declared), True
    if on_vector is None:
        on_vector = not on_cube or (cube != vector and _speaks(vector, declared))
    if on_cube is None:
        on_cube = cube != vector and _speaks(cube, declared)
    if on_cube and on_vector and _asked(cube, declared) == _asked(vector, declared):
        on_vector = False  # nothing in the text asks which core it runs on
    on_cube, on_vector = (on and routines.does_something(body) for on, body in ((on_cube, cube), (on_vector, vector)))
    if on_cube:
        chosen["AIC"] = cube
    if on_vector:
        split = any(split != "none" for one in declared.splits.values() for _, split in one)
        both = passes["AIV"].lanes or split or (on_cube and _signals((*cube, *vector), declared))
        chosen["AIV" if both else "AIV0"] = vector
    return chosen


def _asked(body: Sequence[Statement], declared: Declared) -> set[tuple[object, ...]]:
    """What a pass does where: the same in both passes if nothing in the text asks for the kind of core."""
    return {
        (
            type(one), getattr(one, "op", ""), _flag(one), place.path, place.line, place.column,
            *sorted(_spaces(one, declared)),
        )
        for one in through_calls(body, declared.defs) if not isinstance(one, Let) for place in (one.span,)
    }  # fmt: skip


def _flag(one: Statement) -> str:
    """The pipe and flag of a signal: the library's own differ from core to core at one place of the text."""
    return f"{one.pipe} {one.flag}" if isinstance(one, CrossSet | CrossWait) else ""


def _spaces(one: Statement, declared: Declared) -> set[str]:
    operands: tuple[object, ...] = ()
    if isinstance(one, TileOp):
        operands = one.operands
    elif isinstance(one, Instr):
        operands = (*one.reads, *one.writes)
    elif isinstance(one, FifoOp):
        operands = (one.tile,)
    found = set()
    for operand in operands:
        if isinstance(operand, Region):
            found.add(operand.space)
        name = getattr(operand, "name", "")
        if name in declared.tiles:
            found.add(declared.tiles[name].space)
    return found


def _is_of(
    body: Sequence[Statement], declared: Declared, own: Sequence[str], foreign: Sequence[str], pipes: Sequence[str]
) -> bool | None:
    """Whether a pass is one of a core kind, by the memory it uses, else by the pipes it names; None: nothing tells."""
    spaces: set[str] = set()
    named: set[str] = set()
    for one in through_calls(body, declared.defs):
        spaces |= _spaces(one, declared)
        named |= {getattr(one, "src", ""), getattr(one, "dst", ""), getattr(one, "pipe", "")}
    if spaces & set(own):
        return True
    if spaces & set(foreign):
        return False
    return True if named & set(pipes) else None


def _speaks(body: Sequence[Statement], declared: Declared) -> bool:
    """Whether a pass talks to the other core or changes GM: numbers that it only reads are its own affair."""
    return any(
        isinstance(one, CrossSet | CrossWait | FifoOp | TileOp | Instr) and getattr(one, "op", "") not in _PASSIVE
        for one in through_calls(body, declared.defs)
    )


_PASSIVE = ("scalar_load", "dcci", "dsb")


def half(bodies: dict[str, tuple[Statement, ...]], declared: Declared) -> list[FifoOp]:
    """The first statement on each FIFO of a kernel of which one core speaks to the other, and nothing here answers."""
    kinds = CrossSet | CrossWait | FifoOp
    spoken = ([o for o in through_calls(body, declared.defs) if isinstance(o, kinds)] for body in bodies.values())
    ends = [found for found in spoken if found]
    of_fifos = [one for one in ends[0] if isinstance(one, FifoOp)] if len(ends) == 1 else []
    return list({one.fifo: one for one in reversed(of_fifos)}.values())


def _signals(body: Sequence[Statement], declared: Declared) -> bool:
    return any(isinstance(one, CrossSet) for one in through_calls(body, declared.defs))
