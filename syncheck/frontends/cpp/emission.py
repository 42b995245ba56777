"""Instructions with their operands: tiles and tensors declared as they are first used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from syncheck.frontends.cpp.kinds import Number, TileType, size_of
from syncheck.frontends.cpp.state import ZERO, Declared, Pass, Unreadable, Unroll, short
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import NOWHERE, linear, names, replaced, unused
from syncheck.frontends.cpp.valid_extents import BEYOND, reach, temporary, used_part
from syncheck.frontends.cpp.values import (
    Address,
    Cell,
    Choice,
    Enum,
    Lost,
    Tensor,
    Tile,
    Whole,
)
from syncheck.ir import At, Binary, Const, Expr, If, Index, Instr, Name, Operand, Region, Slice, Ternary, TileOp
from syncheck.ir import Tensor as IrTensor
from syncheck.ir import Tile as IrTile
from syncheck.source import Problem, Span

GM_SIZE = "gm_size"
"""The unknown that stands for the sizes of tensors whose sizes are not known."""

MEMORY = (Tile, Tensor, Address, Region, At)
"""What an operand that is read or written can be."""

MOST_CHOICES = 3
"""Conditions that the operands of one instruction may depend on."""


def tile_op(run: Pass, node: Node, op: str, values: Sequence[Any], condition_depth: int = 0) -> None:
    """Emit an instruction of the machine's table; operands that are a choice become a branch."""
    values = [_sized(value) for value in values]
    chosen = next((value for value in values if isinstance(value, Choice)), None)
    if chosen is not None:
        if condition_depth >= MOST_CHOICES:
            raise Unreadable(node, f"the operands of {op} depend on more than {MOST_CHOICES} conditions")
        arms = []
        for side in ("then", "otherwise"):
            picked = [
                getattr(value, side) if isinstance(value, Choice) and value.condition == chosen.condition else value
                for value in values
            ]
            with run.aside() as made:
                tile_op(run, node, op, picked, condition_depth + 1)
            arms.append(tuple(made))
        run.emit(If(chosen.condition, arms[0], arms[1], node.span))
        return
    values = [value.value if isinstance(value, Cell) else value for value in values]
    memory = _memory(run, op, values)
    for number, value in enumerate(values):
        if number in memory and not isinstance(value, MEMORY):
            why = f": {value.why}" if isinstance(value, Lost) and value.why else ""
            raise Unreadable(node, f"operand {number + 1} of {op} is not known{why}")
    if _idle(run, op, values):
        run.declared.count("instructions", op)
        return
    partner = next((value.type for value in values if isinstance(value, Tile)), None)
    parts = [used_part(run.machine, op, number, values) for number in range(len(values))]
    operands = [operand(run, node, value, partner, part) for value, part in zip(values, parts, strict=True)]
    run.emit(TileOp(op, tuple(operands), node.span))
    run.declared.count("instructions", op)


def empty(tile: Any) -> bool:
    """Whether nothing of a tile is used: the other lane of a kernel that is not split goes through it so."""
    return isinstance(tile, Tile) and tile.type.space == "UB" and 0 in tile.valid


def _idle(run: Pass, op: str, values: Sequence[Any]) -> bool:
    """Whether an instruction has tiles with nothing in them, and temporaries only."""
    tiles = [(number, value) for number, value in enumerate(values) if isinstance(value, Tile)]
    if op.startswith(BEYOND) or not any(empty(value) for _, value in tiles):
        return False
    return all(empty(value) or temporary(run.machine, op, number) for number, value in tiles)


def _memory(run: Pass, op: str, values: Sequence[Any]) -> set[int]:
    """The operands that an instruction reads or writes, in any form of it if it is not told which is meant."""
    spaces = [_space(value) for value in values]
    meant = run.machine.find(op, spaces)
    variants = run.machine.variants(op) if meant is None else (meant,)
    effects = [step for variant in variants for step in variant.steps]
    return {int(one) for step in effects for one in (*step.reads, *step.writes) if one.isdigit()}


def _space(value: Any) -> str | None:
    if isinstance(value, Tile):
        return value.type.space
    if isinstance(value, Tensor):
        return "GM"
    return (value.space or "GM") if isinstance(value, Address) else None


def _sized(value: Any) -> Any:
    """A tensor one of whose extents is one of two numbers, as the choice between two tensors."""
    if isinstance(value, Tensor):
        for place, one in enumerate(value.shape):
            match getattr(one, "expr", None):
                case Ternary(condition, Const() as then, Const() as otherwise):
                    made = [
                        Tensor(value.type, value.address, value.name,
                               (*value.shape[:place], replace(one, expr=side), *value.shape[place + 1 :]), value.stride)
                        for side in (then, otherwise)
                    ]  # fmt: skip
                    return Choice(condition, made[0], made[1])
    return value


def instruction(
    run: Pass, node: Node, op: str, pipe: str, reads: Sequence[Any], writes: Sequence[Any], *, atomic: bool = False
) -> None:
    """Emit an instruction whose effects are written out."""
    read, written = (tuple(operand(run, node, one, None) for one in part) for part in (reads, writes))
    run.emit(Instr(op, pipe, read, written, node.span, atomic))
    run.declared.count("instructions", op)


def operand(
    run: Pass, node: Node, value: Any, partner: TileType | None, part: tuple[int, int] | None = None
) -> Operand:
    """What an instruction is given: memory, or a number (0 where it does not matter which). `part`: the rows and
    columns of a tile that it uses, None for all."""
    if isinstance(value, Region | At):
        return value
    if isinstance(value, Tile):
        return tile_operand(run, node, value, part)
    if isinstance(value, Tensor):
        return tensor_operand(run, node, value, partner)
    if isinstance(value, Address):
        found = address_operand(run, node, value, size_of(value.to) or 1)
        if found is None:
            raise Unreadable(node, f"'{short(node)}' uses an address that is not known")
        return found
    if isinstance(value, Whole) and isinstance(value.expr, Const):
        return value.expr
    if isinstance(value, Enum):
        return ZERO
    return ZERO


# ---------------------------------------------------------------- on-chip memory


def tile_operand(run: Pass, node: Node, tile: Tile, part: tuple[int, int] | None = None) -> Operand:
    """A tile in its memory, or the part of it that is used."""
    if tile.fifo.value:
        _moves(run, tile.type.space, Const(0), node)
        return _cut(Name(_declared(run, tile, None, Const(1), tile.fifo.value), node.span), part)
    held = tile.address.value
    if not isinstance(held, Whole):
        text = f"{tile.name or 'the tile'} has no address here"
        raise Unreadable(node, text, "TASSIGN before its first use")
    at = of_first_block(run, node, tile.type.space, held.expr)
    by_rows = tile.type.layout == "rows"
    if isinstance(at, Const):
        name = _declared(run, tile, at, Const(1), shape=None if by_rows else part)
        return _cut(Name(name, node.span), part if by_rows else None)
    constant, terms = linear(at)
    if len(terms) == 1:
        ((term, step),) = terms.items()
        if isinstance(term, Binary) and term.op == "%" and isinstance(term.right, Const) and step == tile.type.bytes:
            slots = Index(_declared(run, tile, Const(constant), term.right), (term,), node.span)
            return _cut(slots, part if by_rows else None)
    if run.terms.is_open(at):
        turns = run.countable(run.terms.depends(at))
        if turns:
            raise Unroll(turns)
        steps = min(map(abs, terms.values()), default=0)  # 1: all of the address is unknown
        room = run.around(tile.type.space, constant) if steps > 1 else None
        if room is not None and max(map(abs, terms.values())) < room[1] - room[0]:  # a view of unknown rows of it
            return Region(tile.type.space, Const(room[0]), Const(room[1]), node.span)
        raise Unreadable(node, f"the address of {tile.name or 'this tile'} depends on a value that is not known")
    return At(_declared(run, tile, None, Const(1), shape=reach(tile.type, part)), at, node.span)


def _cut(whole: Name | Index, part: tuple[int, int] | None) -> Operand:
    """The rows and columns of a tile that are used."""
    if part is None:
        return whole
    ends = tuple(Slice(ZERO, Const(extent)) for extent in part)
    return Index(whole.name, (*(whole.indices if isinstance(whole, Index) else ()), *ends), whole.span)


def of_first_block(run: Pass, node: Node, space: str, address: Expr) -> Expr:
    """An on-chip address in block 0: a core sees its own memory only. `uneven` tells where that does not stand for
    every block."""
    symbol = run.terms.by_key.get("block_idx")
    if symbol is None or not _depends(run, address, symbol.name):
        _moves(run, space, Const(0), node)
        return address
    at = replaced(run.terms, address, symbol.name, Const(0))
    _moves(run, space, run.terms.binary("-", address, at), node)
    return at


def _depends(run: Pass, expr: Expr, name: str) -> bool:
    """Whether an expression is formed with a symbol, also inside of what became a symbol itself."""
    for one in names(expr):
        symbol = run.terms.symbols.get(one)
        if one == name or (symbol is not None and any(_depends(run, factor, name) for factor in symbol.factors)):
            return True
    return False


def _moves(run: Pass, space: str, shift: Expr, node: Node) -> None:
    run.declared.moves.setdefault(f"{run.core} {space}", {}).setdefault(shift, node.span)


def uneven(declared: Declared) -> list[Problem]:
    """On-chip addresses that depend on the block while others of the same memory do not, or not by as much."""
    return [
        Problem(span, "an on-chip address depends on the block, others of this memory do not by as much",
                "addresses that are the same in every block")
        for shifts in declared.moves.values() if len(shifts) > 1
        for shift, span in shifts.items() if shift != Const(0)
    ]  # fmt: skip


def _declared(
    run: Pass, tile: Tile, address: Expr | None, slots: Expr, fifo: str = "", shape: tuple[int, int] | None = None
) -> str:
    declared, kind = run.declared, tile.type
    shape = shape or (kind.rows, kind.columns)
    hint = tile.name or f"{kind.space.lower()}_tile"
    key = ("tile", hint, kind.space, kind.element.dtype, shape, address, slots, fifo)
    name = declared.placed.get(key)
    if name is None:
        name = run.terms.fresh(hint)
        declared.placed[key] = name
        declared.tiles[name] = IrTile(
            name,
            kind.space,
            kind.element.dtype,
            (Const(shape[0]), Const(shape[1])),
            address,
            tile.span,
            slots,
            (),
            fifo,
        )
    return name


# ---------------------------------------------------------------- GM


def address_operand(run: Pass, node: Node, address: Address, size: int) -> Operand | None:
    """`size` bytes behind a pointer; None if nobody knows where it points."""
    if address.space not in ("GM", ""):
        if run.terms.is_open(address.offset):
            return None
        _moves(run, address.space, Const(0), node)
        return Region(address.space, address.offset, run.terms.binary("+", address.offset, Const(size)), node.span)
    if not address.base:
        return None
    element = address.to if isinstance(address.to, Number) and address.to.dtype else None
    dtype, width = (element.dtype, element.bytes) if element is not None else ("uint8", 1)
    count = max(size // width, 1)
    at = lies_at(run, address.base, address.offset)
    return At(view(run, address.base, dtype, 1, count, count, node.span), at, node.span)


def tensor_operand(run: Pass, node: Node, tensor: Tensor, partner: TileType | None) -> Operand:
    held = tensor.address.value
    if not isinstance(held, Address) or not held.base:
        raise Unreadable(node, f"where {tensor.name or 'the tensor'} lies is not known", "a pointer into GM")
    kind = tensor.type
    rows, columns, stride = extents(run, tensor, partner, held.base, node.span)
    name = view(run, held.base, kind.element.dtype, rows, columns, stride, node.span)
    return At(name, lies_at(run, held.base, held.offset), node.span)


def lies_at(run: Pass, base: str, offset: Expr) -> Expr:
    """An address in a tensor; where arguments may overlap all are one tensor, each somewhere in it."""
    if "apart" not in run.declared.doubt:
        return offset
    return run.terms.binary("+", offset, run.terms.symbol(f"where {base} lies", hint=f"at_{base}", low=0))


def base_of(run: Pass, base: str, dtype: str, span: Span) -> str:
    """The tensor that a pointer points into, declared."""
    declared = run.declared
    name = declared.bases.get(base)
    if name is None and "apart" in declared.doubt and declared.bases:
        declared.bases[base] = name = next(iter(declared.bases.values()))
    if name is None:
        hint = declared.hints.get(base, re.split(r"[\[\-']", base, maxsplit=1)[0])
        for ending in ("_base", "_ptr", "_addr", "_gm", "_global"):
            hint = hint.removesuffix(ending)
        name = run.terms.fresh(hint if hint.isidentifier() else "gm")
        declared.bases[base] = name
        declared.tensors[name] = IrTensor(name, dtype, (Name(GM_SIZE, NOWHERE),), span)
    return name


def view(run: Pass, base: str, dtype: str, rows: int, columns: int, stride: int, span: Span) -> str:
    """`rows` × `columns` elements somewhere in a tensor, `stride` elements from row to row."""
    declared = run.declared
    owner = base_of(run, base, dtype, span)
    if rows > 1 and stride == columns:
        rows, columns, stride = 1, rows * columns, rows * columns
    key = ("view", owner, dtype, rows, columns, stride if rows > 1 else columns)
    name = declared.views.get(key)
    if name is None:
        taken = {*run.terms.taken, *run.terms.locals}
        name = unused(f"{owner}_part" if rows * columns > 1 else f"{owner}_item", taken)
        run.terms.taken[name] = owner
        declared.views[key] = name
        apart = Const(stride) if rows > 1 else None
        declared.tensors[name] = IrTensor(name, dtype, (Const(rows), Const(columns)), span, owner, ZERO, apart)
    return name


def extents(run: Pass, tensor: Tensor, partner: TileType | None, base: str, span: Span) -> tuple[int, int, int]:
    """(rows, columns, stride in elements) of what an access of a tensor touches.

    More than two levels are taken for the stretch from first to last. A size that is not known is the tile's, a stride
    that is not known is larger than any tile (docs/cpp.md); where that is doubted, it is all from first to last.
    """
    called = tensor.name or "the tensor"
    doubt = run.declared.doubt
    shape = numbers(run, tensor.type.shape, tensor.shape)
    stride = numbers(run, tensor.type.stride, tensor.stride)
    unknown = not shape or any(one is None for one in shape) or len(shape) < 2
    if unknown:
        if "sizes" in doubt:
            return 1, run.terms.pitch, run.terms.pitch
        run.declared.guessed.setdefault(("sizes", base, span), f"an access of {called} is as large as the tile")
    if not shape or any(one is None for one in shape[:3]) or len(shape) < 2:
        rows, columns = (partner.rows, partner.columns) if partner is not None else (1, 1)
        shape = (1, 1, 1, rows, columns)
    if len(shape) == 5 and (shape[3] is None or shape[4] is None):
        rows, columns = (partner.rows, partner.columns) if partner is not None else (1, 1)
        shape = (*shape[:3], shape[3] or rows, shape[4] or columns)
    known = [one or 1 for one in shape]
    if len(stride) != len(known):
        stride = tuple(_dense(known))
    far = run.terms.pitch
    if any(step is None and extent > 1 for extent, step in zip(known, stride, strict=True)):
        if "rows" in doubt:
            return 1, far * max(known), far * max(known)
        run.declared.guessed.setdefault(("rows", base, span), f"the rows of {called} lie apart")
    levels = sorted(
        (step if step is not None else far, extent)
        for extent, step in zip(known, stride, strict=True) if extent > 1
    )  # fmt: skip
    return folded(levels)


def folded(levels: list[tuple[int, int]]) -> tuple[int, int, int]:
    """Levels (stride, extent), smallest first → (rows, columns, stride)."""
    columns, rows, stride = 1, 1, 0
    for step, extent in levels:
        if rows == 1 and step <= columns:
            columns = max(columns, step * (extent - 1) + columns)
        elif rows == 1:
            rows, stride = extent, step
        elif step == rows * stride:
            rows *= extent
        else:
            columns = step * (extent - 1) + (rows - 1) * stride + columns
            rows, stride = 1, 0
    if rows > 4096:
        columns, rows, stride = (rows - 1) * stride + columns, 1, 0
    return rows, columns, stride or columns


def numbers(run: Pass, kind: Any, given: tuple[Any, ...]) -> tuple[int | None, ...]:
    """The extents of a Shape or Stride, None for each that is not known."""
    if kind is None:
        return ()
    values = list(given)
    dynamic = sum(one < 0 for one in kind.extents)
    if len(values) == len(kind.extents) and dynamic < len(values):
        values = [value for value, one in zip(values, kind.extents, strict=True) if one < 0]
    found: list[int | None] = []
    for one in kind.extents:
        if one >= 0:
            found.append(one)
            continue
        value = values.pop(0) if values else None
        found.append(value.number if isinstance(value, Whole) else None)
    return tuple(found)


def _dense(shape: list[int]) -> list[int]:
    steps: list[int] = []
    step = 1
    for extent in reversed(shape):
        steps.insert(0, step)
        step *= extent
    return steps
