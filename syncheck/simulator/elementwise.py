"""Vector instructions that work element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from syncheck.simulator.numeric import CAST_RINT, Array, convert, floating
from syncheck.simulator.operands import Compute, Operands, put, same


def relu(a: Array) -> Array:
    result: Array = np.maximum(a, a.dtype.type(0))
    return result


def _shift(function: Any) -> Callable[[Array, Array], Array]:
    return lambda a, b: function(a, b.astype(a.dtype))


def divide(a: Array, b: Array) -> Array:
    if floating(a.dtype):
        result: Array = a / b
        return result
    safe = np.where(b == 0, 1, b)
    quotient = np.abs(a.astype(np.int64)) // np.abs(safe.astype(np.int64)) * np.sign(a.astype(np.int64)) * np.sign(safe)
    return np.where(b == 0, -1, quotient).astype(a.dtype)


BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "TADD": np.add, "TSUB": np.subtract, "TMUL": np.multiply, "TMIN": np.minimum, "TMAX": np.maximum,
    "TAND": np.bitwise_and, "TOR": np.bitwise_or, "TSHL": _shift(np.left_shift), "TSHR": _shift(np.right_shift),
    "TDIV": divide, "TFMOD": np.fmod,
    "TPARTADD": np.add, "TPARTMUL": np.multiply, "TPARTMAX": np.maximum, "TPARTMIN": np.minimum,
    "TSUBRELU": lambda a, b: relu(a - b), "TSUBRELUCONV": lambda a, b: relu(a - b),
    "TADDRELUCONV": lambda a, b: relu(a + b),
}  # fmt: skip

UNARY: dict[str, Callable[[Array], Array]] = {
    "TABS": np.abs, "TNEG": np.negative, "TRELU": relu, "TNOT": np.invert, "TLOG": np.log, "TSQRT": np.sqrt,
    "TEXP": np.exp,
    "TRECIP": lambda a: divide(np.ones_like(a), a), "TRSQRT": lambda a: divide(np.ones_like(a), np.sqrt(a)),
}  # fmt: skip

SCALAR: dict[str, Callable[[Array, Any], Array]] = {
    "TADDS": np.add, "TSUBS": np.subtract, "TMULS": np.multiply, "TMINS": np.minimum, "TMAXS": np.maximum,
    "TANDS": np.bitwise_and, "TORS": np.bitwise_or, "TSHLS": np.left_shift, "TSHRS": np.right_shift,
    "TFMODS": np.fmod, "TLRELU": lambda a, s: np.where(a > 0, a, a * s),
}  # fmt: skip

TEMPORARY: dict[str, Callable[[Array, Any], Array]] = {
    "TXOR": np.bitwise_xor, "TREM": np.remainder, "TPOW": np.power,
    "TPRELU": lambda a, b: np.where(a > 0, a, a * b),
}  # fmt: skip
"""Element by element with a temporary tile, the last operand, which holds the result on its way."""


def _binary(function: Callable[[Array, Array], Array]) -> Compute:
    return lambda o: put(o.view(0), function(*same(o.view(1), o.view(2))))


def _unary(function: Callable[[Array], Array]) -> Compute:
    def compute(o: Operands) -> None:
        if len(o.views) > 2:  # the form with a temporary
            put(o.view(2), function(o.view(1)))
            put(o.view(0), same(o.view(2), o.view(1))[0])
        else:
            put(o.view(0), function(o.view(1)))

    return compute


def _scalar(function: Callable[[Array, Any], Array]) -> Compute:
    def compute(o: Operands) -> None:
        source = o.view(1)
        put(o.view(0), function(source, source.dtype.type(o.value(2))))

    return compute


def _temporary(function: Callable[[Array, Any], Array], *, scalar: bool) -> Compute:
    def compute(o: Operands) -> None:
        source, tmp = o.view(1), o.view(3)
        other = source.dtype.type(o.value(2)) if scalar else same(source, o.view(2))[1]
        result = function(source, other)
        put(tmp, convert(result, tmp.dtype, CAST_RINT))
        put(o.view(0), tmp[: result.shape[0], : result.shape[1]].astype(result.dtype))

    return compute


def _divided(o: Operands) -> None:
    """TDIVS: tile / scalar, or scalar / tile where the first source is the number."""
    tile_first = o.views[1] is not None
    source = o.view(1 if tile_first else 2)
    number = np.full_like(source, o.value(2 if tile_first else 1))
    put(o.view(0), divide(source, number) if tile_first else divide(number, source))


def _fused(function: Callable[[Array, Array, Array], Array]) -> Compute:
    return lambda o: put(o.view(0), function(o.view(0), o.view(1), o.view(2)))


def _axpy(o: Operands) -> None:
    source = o.view(1)
    put(o.view(0), o.view(0) + source * source.dtype.type(o.value(2)))


def _cast(o: Operands) -> None:
    """TCVT(dst, src, mode) or (dst, src, tmp, mode): by way of the temporary, which takes the source."""
    source, mode = o.view(1), o.value(2, CAST_RINT) if o.view_or_none(2) is None else o.value(3, CAST_RINT)
    if (tmp := o.view_or_none(2)) is not None:
        put(tmp, source)
    put(o.view(0), convert(source, o.view(0).dtype, mode))


def _expand_scalar(o: Operands) -> None:
    o.view(0)[...] = o.view(0).dtype.type(o.value(1))


def _pairs(o: Operands) -> None:
    source = o.view(1)
    put(o.view(0), source[:, 0::2] + source[:, 1::2])


def table() -> dict[str, Compute]:
    """Operation to what it computes."""
    found: dict[str, Compute] = {op: _binary(f) for op, f in BINARY.items()}
    found |= {op: _unary(f) for op, f in UNARY.items()}
    found |= {op: _scalar(f) for op, f in SCALAR.items()}
    found |= {op: _temporary(f, scalar=False) for op, f in TEMPORARY.items()}
    found |= {f"{op}S": _temporary(TEMPORARY[op], scalar=True) for op in ("TXOR", "TREM", "TPOW")}
    return found | {
        "TDIVS": _divided, "TAXPY": _axpy, "TCVT": _cast, "TEXPANDS": _expand_scalar, "TPAIRREDUCESUM": _pairs,
        "TFUSEDMULADD": _fused(lambda d, a, b: a * d + b),
        "TFUSEDMULADDRELU": _fused(lambda d, a, b: relu(a * d + b)),
        "TMULADDDST": _fused(lambda d, a, b: a * b + d),
    }  # fmt: skip
