"""Vector instructions that reduce rows to one value each, or spread one value over each row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from syncheck.simulator.elementwise import divide
from syncheck.simulator.numeric import Array
from syncheck.simulator.operands import Compute, Operands, Wrong, put

REPEAT_BYTES = 256
"""What one repeat of a vector instruction takes in (pto-isa include/pto/common/constants.hpp, REPEAT_BYTE)."""
BLOCK_BYTES = 32

ROWS: dict[str, Any] = {"TROWSUM": np.add, "TROWMAX": np.maximum, "TROWMIN": np.minimum, "TROWPROD": np.multiply}


def column(target: Array, result: Array) -> None:
    """One value for each row: down the first column, or along a tile of one row."""
    count = result.shape[0]
    place = target[:count, 0] if target.shape[0] >= count else target.reshape(-1)[:count]
    place[...] = result.astype(target.dtype)


def down(source: Array, rows: int) -> Array:
    """The values for `rows` rows of a tile that has one for each row."""
    return source[:rows, 0] if source.shape[0] >= rows else source.reshape(-1)[:rows]


def _fold(function: Any) -> Compute:
    """Halves of 256 bytes are combined into the temporary (pto-isa a2a3 TRowReduceOps.hpp), short rows not."""

    def compute(o: Operands) -> None:
        source, tmp = o.view(1), o.view(2)
        per = REPEAT_BYTES // source.dtype.itemsize
        columns = source.shape[1]
        if columns <= per:
            return
        partial = source[:, :per].copy()
        for start in range(per, columns, per):
            part = source[:, start : start + per]
            partial[:, : part.shape[1]] = function(partial[:, : part.shape[1]], part)
        put(tmp, partial)

    return compute


def _reduce(function: Any) -> Compute:
    def compute(o: Operands) -> None:
        source, tmp = o.view(1), o.view(2)
        per = REPEAT_BYTES // source.dtype.itemsize
        partial = source if source.shape[1] <= per else tmp[: source.shape[0], :per]
        column(o.view(0), halved(function, partial))

    return compute


def halved(function: Any, values: Array) -> Array:
    """Each row reduced by halves, as the vector unit's tree does it."""
    while values.shape[1] > 1:
        half = values.shape[1] // 2
        rest = values[:, 2 * half :]
        values = function(values[:, :half], values[:, half : 2 * half])
        if rest.shape[1]:
            values = np.concatenate([function(values[:, :1], rest), values[:, 1:]], axis=1)
    return values[:, 0]


def _whole_rows(function: Any) -> Compute:
    """In one step, with the temporary written too (a5)."""

    def compute(o: Operands) -> None:
        _fold(function)(o)
        _reduce(function)(o)

    return compute


def _row_index(function: Any) -> Compute:
    """TROWARGMAX(index, source, tmp) or (value, index, source, tmp): the first column that has the extreme."""

    def compute(o: Operands) -> None:
        both = len(o.views) == 4
        source, tmp = o.view(2 if both else 1), o.view(3 if both else 2)
        found = function(source.astype(np.float32), axis=1)
        column(tmp, source[np.arange(source.shape[0]), found])
        column(o.view(1 if both else 0), found)
        if both:
            column(o.view(0), down(tmp, source.shape[0]))

    return compute


EXPANDED: dict[str, Callable[[Array, Array], Array]] = {
    "ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "DIV": divide, "MAX": np.maximum, "MIN": np.minimum,
    "EXPDIF": lambda a, b: np.exp(a - b),
}  # fmt: skip


def _broadcast(scratch: Array, source: Array, rows: int) -> None:
    """vbrcb: each value fills a block of 32 bytes; eight rows a repeat (pto-isa a2a3 TRowExpandBinOp.hpp)."""
    values = down(source, rows)
    per = BLOCK_BYTES // source.dtype.itemsize
    blocks = scratch.view(source.dtype).reshape(-1, per)
    blocks[:rows] = values[:, None]
    blocks[rows : -(-rows // 8) * 8] = 0  # what lies behind the values, which nothing looks at


def _spread(scratch: Array, dtype: np.dtype[Any], rows: int, columns: int) -> Array:
    per = BLOCK_BYTES // dtype.itemsize
    blocks = scratch[: rows * BLOCK_BYTES].view(dtype).reshape(rows, per)
    repeats = -(-columns // per)
    return np.tile(blocks, (1, repeats))[:, :columns]


def _scratch(o: Operands) -> Array:
    return o.hidden["TMP_UB"]


def _row_broadcast(o: Operands) -> None:
    _broadcast(_scratch(o), o.view(2), o.view(0).shape[0])


def _row_binary(function: Callable[[Array, Array], Array]) -> Compute:
    def compute(o: Operands) -> None:
        source = o.view(1)
        put(o.view(0), function(source, _spread(_scratch(o), source.dtype, *source.shape)))

    return compute


def _row_direct(function: Callable[[Array, Array], Array]) -> Compute:
    """With a temporary tile of the caller, or in one step (a5)."""

    def compute(o: Operands) -> None:
        source = o.view(1)
        if len(o.views) == 4:
            tmp = o.view(3).reshape(-1).view(np.uint8)
            if tmp.nbytes >= source.shape[0] * BLOCK_BYTES:
                _broadcast(tmp[: tmp.nbytes // BLOCK_BYTES * BLOCK_BYTES], o.view(2), source.shape[0])
                put(o.view(0), function(source, _spread(tmp, source.dtype, *source.shape)))
                return
            raise Wrong(f"the temporary of {o.op} holds less than a block of {BLOCK_BYTES} bytes for each row")
        put(o.view(0), function(source, _beside(o.view(2), *source.shape)))

    return compute


def _beside(values: Array, rows: int, columns: int) -> Array:
    """One value for each row, or a block for each row that is repeated across."""
    if values.shape[0] >= rows and values.shape[1] > 1:
        return np.tile(values[:rows], (1, -(-columns // values.shape[1])))[:, :columns]
    return down(values, rows)[:, None]


def _row_expand(o: Operands) -> None:
    target = o.view(0)
    target[...] = down(o.view(1), target.shape[0])[:, None]


def table() -> dict[str, Compute]:
    """Operation, with the name of its step where it has several, to what it computes."""
    found: dict[str, Compute] = {"TROWEXPAND": _row_expand}
    for op, function in ROWS.items():
        found |= {f"{op}.fold": _fold(function), f"{op}.reduce": _reduce(function), op: _whole_rows(function)}
    for op, function in EXPANDED.items():
        name = f"TROWEXPAND{op}"
        found |= {f"{name}.vbrcb": _row_broadcast, f"{name}.bin": _row_binary(function), name: _row_direct(function)}
    return found | {"TROWARGMAX": _row_index(np.argmax), "TROWARGMIN": _row_index(np.argmin)}
