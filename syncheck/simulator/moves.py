"""Loads, stores and moves between memories, the cube's products, and padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from syncheck.simulator.numeric import Array, floating, wide
from syncheck.simulator.operands import Compute, Operands, Wrong, put


def _load(o: Operands) -> None:
    """TLOAD(tile, tensor[, DN]): with DN the tensor is stored column after column, and rows of it become columns."""
    target, source = o.view(0), o.view(1)
    if o.value(2, 0):
        source = source.T
    _move(target, source, o.op, transposed="if its columns are the tile's rows, say so with a third operand that is 1")


def _move(target: Array, source: Array, op: str, transposed: str = "") -> None:
    if source.shape[0] <= target.shape[0] and source.shape[1] <= target.shape[1]:
        put(target, source)
    elif 1 in (*source.shape, *target.shape) and source.size == target.size:
        put(target, source.reshape(target.shape))
    else:
        shapes = f"{source.shape[0]} x {source.shape[1]} into {target.shape[0]} x {target.shape[1]}"
        raise Wrong(f"{op} moves {shapes}" + (f"; {transposed}" if transposed else ""))


def _store(o: Operands) -> None:
    """What of the tile the tensor's slice has room for."""
    target, source = o.view(0), o.view(1)
    if target.shape != source.shape and 1 in (*source.shape, *target.shape) and source.size == target.size:
        source = source.reshape(target.shape)
    if source.shape[0] < target.shape[0] or source.shape[1] < target.shape[1]:
        raise Wrong(f"{o.op} stores {source.shape[0]} x {source.shape[1]} into {target.shape[0]} x {target.shape[1]}")
    put(target, source[: target.shape[0], : target.shape[1]])


def _copy(o: Operands) -> None:
    _move(o.view(0), o.view(1), o.op)


def _extract(o: Operands) -> None:
    target, row, start = o.view(0), o.value(2, 0), o.value(3, 0)
    part = o.view(1)[row : row + target.shape[0], start : start + target.shape[1]]
    if part.shape != target.shape:
        raise Wrong(f"{o.op} reaches beyond its source")
    put(target, part)


def _insert(o: Operands) -> None:
    source, row, start = o.view(1), o.value(2, 0), o.value(3, 0)
    part = o.view(0)[row : row + source.shape[0], start : start + source.shape[1]]
    if part.shape != source.shape:
        raise Wrong(f"{o.op} reaches beyond its destination")
    put(part, source)


def product(a: Array, b: Array) -> Array:
    """rows × columns of a·b, accumulated in fp32 (int32 for integers)."""
    if a.shape[1] != b.shape[0]:
        raise Wrong(f"a matrix of {a.shape[1]} columns is multiplied by one of {b.shape[0]} rows")
    result: Array = np.matmul(wide(a), wide(b))
    return result


def _multiply(o: Operands) -> None:
    put(o.view(0), product(o.view(1), o.view(2)))


def _accumulate(o: Operands) -> None:
    a, b = (2, 3) if len(o.views) == 4 else (1, 2)
    result = product(o.view(a), o.view(b))
    put(o.view(0), o.view(0)[: result.shape[0], : result.shape[1]] + result)


def _biased(o: Operands) -> None:
    result = product(o.view(1), o.view(2))
    put(o.view(0), result + wide(o.view(3))[:1, : result.shape[1]])


PAD_ZERO, PAD_MAX, PAD_MIN = 1, 2, 3
"""PadValue of pto-isa include/pto/common/type.hpp:312."""


def padding(dtype: np.dtype[Any], pad: int) -> Any:
    if pad == PAD_ZERO:
        return dtype.type(0)
    if floating(dtype):
        return dtype.type(np.inf if pad == PAD_MAX else -np.inf)
    return np.iinfo(dtype).max if pad == PAD_MAX else np.iinfo(dtype).min


def _pad(o: Operands) -> None:
    """TFILLPAD(dst, src[, pad]): what of the destination lies beyond the valid part `src` is padded."""
    target, source = o.view(0), o.view(1)
    rows, columns = source.shape
    value = padding(target.dtype, o.value(2, PAD_MIN))
    if not o.op.endswith("_INPLACE"):
        put(target, source)
    target[:rows, columns:] = value
    target[rows:, :] = value


def _iota(o: Operands) -> None:
    target = o.view(0)
    numbers = (np.arange(target.size) + o.value(1, 0)).reshape(target.shape).astype(target.dtype)
    if len(o.views) == 3:
        o.view(2).reshape(-1)[:1] = numbers.reshape(-1)[:1].astype(o.view(2).dtype)
    target[...] = numbers


def _transpose(o: Operands) -> None:
    source = o.view(1)
    if len(o.views) > 2:
        tmp = o.view(2).reshape(-1)
        if tmp.size < source.size:
            raise Wrong(f"the temporary of {o.op} is smaller than its source")
        tmp[: source.size] = source.T.reshape(-1)
        put(o.view(0), tmp[: source.size].reshape(source.shape[1], source.shape[0]).astype(source.dtype))
    else:
        put(o.view(0), source.T)


def _set_value(o: Operands) -> None:
    o.view(0).reshape(-1)[o.value(1, 0)] = o.view(0).dtype.type(o.value(2, 0))


def _nothing(o: Operands) -> None:
    """Reads only."""


def table() -> dict[str, Compute]:
    """Operation to what it does."""
    return {
        "TLOAD": _load, "TPREFETCH": _load, "TSTORE": _store, "TMOV": _copy, "TEXTRACT": _extract, "TINSERT": _insert,
        "TMATMUL": _multiply, "TMATMUL_ACC": _accumulate, "TMATMUL_BIAS": _biased,
        "TGEMV": _multiply, "TGEMV_ACC": _accumulate, "TGEMV_BIAS": _biased,
        "TFILLPAD": _pad, "TFILLPAD_INPLACE": _pad, "TFILLPAD_EXPAND": _pad,
        "TCI": _iota, "TTRANS": _transpose, "TSETVAL": _set_value, "TGETVAL": _nothing, "TPRINT": _nothing,
    }  # fmt: skip
