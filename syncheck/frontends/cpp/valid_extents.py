"""How much of a tile is used: its valid rows and columns, which a kernel may change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncheck.frontends.cpp.kinds import NUMBERS, TileType
from syncheck.frontends.cpp.state import Pass
from syncheck.frontends.cpp.values import Tile, ValidExtent, Whole
from syncheck.ir import Const
from syncheck.machine import Machine
from syncheck.source import Span

VALID_EXTENTS = {"RowMaskInternal": 0, "ColMaskInternal": 1}
"""Members of a tile that say how much of it is used (pto_tile.hpp)."""


def valid_extent(run: Pass, tile: Tile, axis: int, target: bool) -> Any:
    """The member behind SetValidRow or SetValidCol; of a tile whose type fixes that number nothing asks for it."""
    if target:
        return ValidExtent(tile, axis)
    known = tile.valid[axis]
    if tile.type.valid[axis] is None and known is not None:
        return Whole(Const(known), NUMBERS["uint32_t"])
    return Whole(run.unknown(f"{tile.name} extent {axis}", low=0), NUMBERS["uint32_t"])


def reshape(run: Pass, tile: Tile, valid: tuple[int | None, int | None]) -> None:
    """Another part of a tile is used from here on; where that happens in some turns or on some paths only, nothing is
    known of its rows (columns) from its beginning on, and everything is followed again."""
    for axis in (0, 1):
        known = (tile.span, axis) not in run.declared.reshaped
        if known and valid[axis] != tile.valid[axis] and run.nesting != tile.nesting:
            run.declared.unsteady.add((tile.span, axis))
    tile.valid = steady(run, tile.span, valid)


def steady(run: Pass, span: Span, valid: tuple[int | None, int | None]) -> tuple[int | None, int | None]:
    """The rows and columns that are used of the tile of a place, None where that is not the same all the time."""
    rows, columns = (None if (span, axis) in run.declared.reshaped else valid[axis] for axis in (0, 1))
    return rows, columns


def reshape_to(run: Pass, extent: ValidExtent, given: Any) -> None:
    """Another number of rows or columns is used; a tile whose type says how many does not ask."""
    tile, axis = extent.tile, extent.axis
    if tile.type.valid[axis] is None:
        number = given.number if isinstance(given, Whole) else None
        reshape(run, tile, (number, tile.valid[1]) if axis == 0 else (tile.valid[0], number))


# ---------------------------------------------------------------- what instructions use

BEYOND = ("TFILLPAD", "TGATHER", "TSCATTER", "MGATHER", "MSCATTER", "TSORT", "TMRGSORT", "TTRANS", "TPRINT")
"""Instructions that do not keep to the valid part of their tiles."""

_WITHIN = {("TSORT32", 1): 0}
"""Operands of those that are read no further, for as many rows as another operand has (pto-isa TSort32.hpp)."""

_DENSE = ("TIMG2COL", "TMATMUL", "TGEMV")
"""Instructions that use L0A and L0B without room between the valid parts (img2colv2, mad: pto-isa TImg2col.hpp,
TMatmul.hpp)."""

_BLOCK = 32
"""Bytes of a block on the chip; in L0A and L0B extents end at multiples of as many elements, of 16 at least."""


def used_part(machine: Machine, op: str, number: int, values: Sequence[Any]) -> tuple[int, int] | None:
    """Rows and columns of a tile that an instruction uses where its type or the kernel says how many are valid; None:
    it may use all. A temporary is used as the library likes, and indices and filling reach beyond."""
    tile = values[number]
    if not isinstance(tile, Tile) or 0 in tile.valid:
        return None
    whole = tile.type.rows, tile.type.columns
    rows, columns = (most if used is None else min(used, most) for used, most in zip(tile.valid, whole, strict=True))
    if (rows, columns) == whole:
        return None
    if tile.type.space in ("L0A", "L0B"):
        dense = tile.type.layout == "compact" or (op.startswith(_DENSE) and _agree(values))
        return _blocks(tile.type, rows, columns) if dense else None
    if tile.type.layout != "rows" or tile.type.space != "UB" or temporary(machine, op, number):
        return None
    if op.startswith(BEYOND):
        other = values[_WITHIN[op, number]] if (op, number) in _WITHIN else None
        if not isinstance(other, Tile) or other.valid[0] != rows or tile.valid[0] is None:
            return None
    return rows, columns


def reach(kind: TileType, part: tuple[int, int] | None) -> tuple[int, int] | None:
    """Rows and columns up to the end of the last block that is used: of one row only that many columns."""
    if part is None or kind.layout != "rows":
        return part
    block = max(_BLOCK // kind.element.bytes, 1)
    return part[0], min(-(-part[1] // block) * block, kind.columns) if part[0] == 1 else kind.columns


def _blocks(kind: TileType, rows: int, columns: int) -> tuple[int, int] | None:
    block = max(_BLOCK // kind.element.bytes, 16)
    part = min(-(-rows // block) * block, kind.rows), min(-(-columns // block) * block, kind.columns)
    return part if part != (kind.rows, kind.columns) else None


def _agree(values: Sequence[Any]) -> bool:
    """Whether the two factors of a product have the same number in common, of which the instruction takes one."""
    left, right = (next((one for one in values if isinstance(one, Tile) and one.type.space == space), None)
                   for space in ("L0A", "L0B"))  # fmt: skip
    return left is None or right is None or left.valid[1] == right.valid[0]


def temporary(machine: Machine, op: str, number: int) -> bool:
    """Whether an operand is read and written, and not what the instruction is for."""
    if number == 0:
        return False
    steps = [step for variant in machine.variants(op) for step in variant.steps]
    return any(str(number) in step.reads for step in steps) and any(str(number) in step.writes for step in steps)
