"""The faults that people make in synchronisation, as edits of a Program at one place or one group of places.

Each synchronisation is deleted (alone, and with all it belongs to), retargeted (another event id, another pipe) and
moved across the neighbouring instruction; each slot of a tile is taken for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from syncheck.edits import Place, beside, siblings, statements
from syncheck.ir import (
    Barrier,
    Binary,
    Break,
    Const,
    Continue,
    CrossSet,
    CrossWait,
    Expr,
    FifoOp,
    Index,
    Instr,
    Let,
    Operand,
    Return,
    SetFlag,
    Slice,
    Statement,
    Tile,
    TileOp,
    WaitFlag,
)
from syncheck.removal import Removable
from syncheck.script_text import statement_text
from syncheck.source import Span
from syncheck.trial import Ground, spot
from syncheck.value import Value, frozen

KINDS = ("delete", "delete flag", "retarget", "move", "slot")
_OF_A_FIFO = ("record", "wait", "allocate", "free", "tfree")
"""What of a FIFO is synchronisation and nothing else."""
_FLAGS = (SetFlag, WaitFlag)
_SYNC = (*_FLAGS, Barrier, CrossSet, CrossWait)


@frozen
class Mutant(Value):
    """One fault: its kind (KINDS), the edit in words, the line that it is told at, and the changes."""

    kind: str
    edit: str
    span: Span
    changes: tuple[tuple[Place, tuple[Statement, ...]], ...]


def of_statement(ground: Ground, place: Place, statement: Statement) -> Iterator[Mutant]:
    """Everything that can be wrong with one statement."""
    text, span = statement_text(statement, ground.program), statement.span
    if is_sync(statement):
        yield Mutant("delete", f"delete {text}", span, ((place, ()),))
        for other in _retargeted(ground, statement):
            becomes = statement_text(other, ground.program)
            yield Mutant("retarget", f"{text} becomes {becomes}", span, ((place, (other,)),))
        yield from _moved(ground, place, statement, text)
    for other in _other_slots(ground, statement):
        becomes = statement_text(other, ground.program)
        yield Mutant("slot", f"{text} becomes {becomes}", span, ((place, (other,)),))


def of_group(ground: Ground, group: Removable) -> Iterator[Mutant]:
    """All sets and waits that meet: gone, or all of another pipe."""
    assert group.flag is not None
    src, dst, _ = group.flag
    lines = ", ".join(dict.fromkeys(str(site.span.line) for site in group.sites))
    span, core = group.sites[0].span, group.sites[0].core
    yield Mutant("delete flag", f"delete {group.name} ({lines})", span, tuple((place, ()) for place in group.places))
    other = _next([pipe for pipe in _sources(ground, core, dst) if pipe != src], src)
    if other:
        changes: list[tuple[Place, tuple[Statement, ...]]] = []
        for place, statement in statements(ground.program):
            if place in group.places and isinstance(statement, SetFlag | WaitFlag):
                changes.append((place, (replace(statement, src=other),)))
        yield Mutant("retarget", f"{group.name} becomes {other}→{dst} ({lines})", span, tuple(changes))


def is_sync(statement: Statement) -> bool:
    """Whether a statement orders others and does nothing else."""
    return statement.kind in _OF_A_FIFO if isinstance(statement, FifoOp) else isinstance(statement, _SYNC)


# ---------------------------------------------------------------- retargeted


def _retargeted(ground: Ground, statement: Statement) -> Iterator[Statement]:
    """Another event id or flag, and another pipe."""
    cores = ground.runs.get(spot(statement.span), ("AIC",))
    core = cores[0]
    match statement:
        case SetFlag(src, dst, event):
            yield replace(statement, event=_other_number(event, 8))
            if other := _next([pipe for pipe in _sources(ground, core, dst) if pipe != src], src):
                yield replace(statement, src=other)
        case WaitFlag(src, dst, event):
            yield replace(statement, event=_other_number(event, 8))
            if other := _next([pipe for pipe in _targets(ground, core, src) if pipe != dst], dst):
                yield replace(statement, dst=other)
        case Barrier(pipe):
            if other := _next([p for p in _pipes(ground, core) if p not in (pipe, "S")], pipe):
                yield replace(statement, pipe=other)
        case CrossSet(pipe, _, flag):
            yield replace(statement, flag=_other_number(flag, 11))
            if other := _next([p for p in _pipes(ground, core) if p not in (pipe, "S")], pipe):
                yield replace(statement, pipe=other)
        case CrossWait(_, flag):
            yield replace(statement, flag=_other_number(flag, 11))


def _other_number(number: Expr, limit: int) -> Expr:
    """The next event id or flag, modulo `limit`."""
    if isinstance(number, Const):
        return Const((number.value + 1) % limit)
    return Binary("%", Binary("+", number, Const(1)), Const(limit))


def _pipes(ground: Ground, core: str) -> tuple[str, ...]:
    return ground.conditions.machine.kind_pipes(core)


def _sources(ground: Ground, core: str, dst: str) -> list[str]:
    return [pipe for pipe in _pipes(ground, core) if legal(ground, core, pipe, dst)]


def _targets(ground: Ground, core: str, src: str) -> list[str]:
    return [pipe for pipe in _pipes(ground, core) if legal(ground, core, src, pipe)]


def legal(ground: Ground, core: str, src: str, dst: str) -> bool:
    """Whether the machine has a flag from `src` to `dst` on this core."""
    pair = ground.conditions.machine.pair(core[:3], src, dst)
    return src != dst and pair is not None and pair.status == "legal"


def _next(pipes: Sequence[str], pipe: str) -> str:
    """The first of `pipes` that is behind `pipe` in their order, going round; "" if there is none."""
    ordered = sorted(pipes)
    return next((other for other in ordered if other > pipe), ordered[0] if ordered else "")


# ---------------------------------------------------------------- moved


def _moved(ground: Ground, place: Place, statement: Statement, text: str) -> Iterator[Mutant]:
    """Across the next thing that is no synchronisation, either way, within its block."""
    block, index = siblings(ground.program, place), place[-1]
    for by, word in ((-1, "before"), (1, "after")):
        other = index + by
        while 0 <= other < len(block) and is_sync(block[other]):
            other += by
        if not 0 <= other < len(block) or isinstance(block[other], Let | Return | Break | Continue):
            continue
        across = block[other]
        there = (statement, across) if by < 0 else (across, statement)
        edit = f"move {text} {word} {_called(across)}"
        changes: tuple[tuple[Place, tuple[Statement, ...]], ...] = ((place, ()), (beside(place, other - index), there))
        yield Mutant("move", edit, statement.span, changes)


def _called(statement: Statement) -> str:
    """ "TADDS at 12", "the loop at 7" """
    match statement:
        case TileOp(op) | Instr(op):
            return f"{op} at {statement.span.line}"
        case FifoOp(kind):
            return f"the {kind} at {statement.span.line}"
    name = type(statement).__name__
    return f"the {({'For': 'loop', 'If': 'branch', 'Call': 'call'}).get(name, name.lower())} at {statement.span.line}"


# ---------------------------------------------------------------- slots


def _other_slots(ground: Ground, statement: Statement) -> Iterator[Statement]:
    """One operand in another slot of its tile: the first one, and the next one."""
    tiles = {tile.name: tile for tile in ground.program.tiles}
    match statement:
        case TileOp(_, operands):
            for changed in _swapped(operands, tiles):
                yield replace(statement, operands=changed)
        case Instr(_, _, reads, writes):
            for changed in _swapped(reads, tiles):
                yield replace(statement, reads=changed)
            for changed in _swapped(writes, tiles):
                yield replace(statement, writes=changed)
        case FifoOp(tile=tile) if tile is not None:
            for (swapped,) in _swapped((tile,), tiles):
                yield replace(statement, tile=swapped)


def _swapped(operands: tuple[Operand, ...], tiles: dict[str, Tile]) -> Iterator[tuple[Operand, ...]]:
    for number, operand in enumerate(operands):
        if not isinstance(operand, Index) or len(operand.indices) != 1 or operand.name not in tiles:
            continue
        (index,), slots = operand.indices, tiles[operand.name].slots
        if isinstance(index, Slice) or (isinstance(slots, Const) and slots.value < 2):
            continue
        for other in _indices(index, slots):
            yield (*operands[:number], replace(operand, indices=(other,)), *operands[number + 1 :])


def _indices(index: Expr, slots: Expr) -> Iterator[Expr]:
    if isinstance(index, Const):
        count = slots.value if isinstance(slots, Const) else 2
        yield Const((index.value + 1) % count)
        return
    yield Const(0)
    yield Binary("%", Binary("+", index, Const(1)), slots)
