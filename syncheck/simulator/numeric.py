"""Numbers as the hardware has them: element types, and conversions with each of the rounding modes of TCVT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {
    "fp32": np.dtype(np.float32), "fp16": np.dtype(np.float16), "bf16": np.dtype(ml_dtypes.bfloat16),
    "int64": np.dtype(np.int64), "uint64": np.dtype(np.uint64), "int32": np.dtype(np.int32),
    "uint32": np.dtype(np.uint32), "int16": np.dtype(np.int16), "uint16": np.dtype(np.uint16),
    "int8": np.dtype(np.int8), "uint8": np.dtype(np.uint8), "bool": np.dtype(np.uint8),
}  # fmt: skip
BF16 = DTYPES["bf16"]
FP16 = DTYPES["fp16"]

CAST_NONE, CAST_RINT, CAST_ROUND, CAST_FLOOR, CAST_CEIL, CAST_TRUNC, CAST_ODD = range(7)
"""RoundMode of pto-isa include/pto/common/type.hpp:251. RINT: ties to even; ROUND: ties away from zero."""


def floating(dtype: np.dtype[Any]) -> bool:
    """Whether elements are fp32, fp16 or bf16."""
    return dtype.kind == "f" or dtype == BF16


def wide(values: Array) -> Array:
    """The values in the type that the cube multiplies in: fp32 for floats, int32 for integers; exact."""
    if values.dtype == BF16:
        return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32 if floating(values.dtype) else np.int32)


def convert(values: Array, dtype: np.dtype[Any], mode: int) -> Array:
    """Elements in another type, rounded as `mode` says. Integers saturate; NaN becomes 0 there."""
    if floating(values.dtype) and not floating(dtype):
        return _to_integer(values, dtype, mode)
    if dtype == BF16 and values.dtype != BF16:
        return _to_bf16(values.astype(np.float32), mode)
    if dtype == FP16 and values.dtype == np.float32:
        return _to_fp16(values, mode)
    return values.astype(dtype)


def _to_bf16(values: Array, mode: int) -> Array:
    """The upper half of an fp32, and what the lower half adds to it."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    rest = bits & np.uint32(0xFFFF)
    negative = bits >> np.uint32(31) == 1
    upper = bits >> np.uint32(16)
    if mode == CAST_ODD:
        result = upper | (rest != 0)
    else:
        result = upper + _away(mode, rest, np.uint32(0x8000), upper, negative)
    result = np.where(np.isnan(values), np.uint32(0x7FFF), result)
    short: Array = result.astype(np.uint16)
    return short.view(BF16)


def _away(mode: int, rest: Any, half: Any, kept: Any, negative: Any) -> Any:
    """Where the magnitude that is kept grows by one unit, given what is cut off."""
    if mode == CAST_ROUND:
        return rest >= half
    if mode == CAST_FLOOR:
        return (rest != 0) & negative
    if mode == CAST_CEIL:
        return (rest != 0) & ~negative
    if mode == CAST_TRUNC:
        return np.zeros(rest.shape, bool)
    return (rest > half) | ((rest == half) & (kept & 1 == 1))


def _to_fp16(values: Array, mode: int) -> Array:
    nearest = values.astype(np.float16)
    if mode in (CAST_NONE, CAST_RINT):
        return nearest
    exact = values.astype(np.float64)
    toward_zero = np.where(
        np.abs(nearest.astype(np.float64)) > np.abs(exact), np.nextafter(nearest, np.float16(0)), nearest
    )
    away = np.nextafter(toward_zero, np.copysign(np.float16(np.inf), toward_zero))
    low, high = np.abs(toward_zero.astype(np.float64)), np.abs(away.astype(np.float64))
    rest, size = np.abs(exact) - low, high - low
    if mode == CAST_ODD:
        grow = (rest > 0) & (toward_zero.view(np.uint16) & 1 == 0)
    else:
        grow = _away(mode, rest, size / 2, toward_zero.view(np.uint16), np.signbit(exact))
    grow &= np.isfinite(toward_zero)
    return np.where(np.isnan(values), nearest, np.where(grow, away, toward_zero)).astype(np.float16)


_INTEGER: dict[int, Callable[[Array], Array]] = {
    CAST_FLOOR: np.floor,
    CAST_CEIL: np.ceil,
    CAST_TRUNC: np.trunc,
    CAST_ROUND: lambda x: np.trunc(x + np.copysign(0.5, x)),
}


def _to_integer(values: Array, dtype: np.dtype[Any], mode: int) -> Array:
    whole = _INTEGER.get(mode, np.rint)(values.astype(np.float64))
    limits = np.iinfo(dtype)
    whole = np.nan_to_num(whole, nan=0.0, posinf=np.inf, neginf=-np.inf)
    inside = np.clip(whole, float(limits.min), float(limits.max))
    result = inside.astype(dtype, casting="unsafe")
    return np.where(
        whole >= float(limits.max), limits.max, np.where(whole <= float(limits.min), limits.min, result)
    ).astype(dtype)
