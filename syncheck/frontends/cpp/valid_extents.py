"""How much of a tile is used: its valid rows and columns, which a kernel may change."""

from __future__ import annotations

from typing import Any

from syncheck.frontends.cpp.kinds import NUMBERS
from syncheck.frontends.cpp.state import Pass
from syncheck.frontends.cpp.values import Tile, ValidExtent, Whole
from syncheck.ir import Const

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
    known of the part from its beginning on, and everything is followed again."""
    if tile.span in run.declared.reshaped or tile.valid == valid:
        return
    if run.nesting != tile.nesting:
        run.declared.unsteady.add(tile.span)
    tile.valid = valid


def reshape_to(run: Pass, extent: ValidExtent, given: Any) -> None:
    """Another number of rows or columns is used; a tile whose type says how many does not ask."""
    tile, axis = extent.tile, extent.axis
    if tile.type.valid[axis] is None:
        number = given.number if isinstance(given, Whole) else None
        reshape(run, tile, (number, tile.valid[1]) if axis == 0 else (tile.valid[0], number))
