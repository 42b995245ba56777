"""Vector instructions that reduce columns to one value each, or spread one row over all rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from syncheck.simulator.numeric import Array
from syncheck.simulator.operands import Compute, Operands, put
from syncheck.simulator.rows import EXPANDED

COLUMNS: dict[str, Any] = {"TCOLSUM": np.add, "TCOLPROD": np.multiply, "TCOLMAX": np.maximum, "TCOLMIN": np.minimum}


def _column_reduce(function: Any) -> Compute:
    """Row after row onto the first; TCOLSUM with a temporary adds halves of the rows there."""

    def compute(o: Operands) -> None:
        source = o.view(1)
        if len(o.views) > 2:
            tmp, values = o.view(2), source
            while values.shape[0] > 1:
                half = values.shape[0] // 2
                put(tmp, np.concatenate([function(values[:half], values[half : 2 * half]), values[2 * half :]]))
                values = tmp[: half + values.shape[0] % 2, : source.shape[1]].copy()
            put(o.view(0), values)
            return
        result = source[0]
        for row in source[1:]:
            result = function(result, row)
        put(o.view(0), result[None, :])

    return compute


def _column_index(function: Any) -> Compute:
    def compute(o: Operands) -> None:
        both = len(o.views) == 4
        source, tmp = o.view(2 if both else 1), o.view(3 if both else 2)
        found = function(source.astype(np.float32), axis=0)
        tmp.reshape(-1)[: source.shape[1]] = source[found, np.arange(source.shape[1])]
        put(o.view(1 if both else 0), found[None, :].astype(o.view(1 if both else 0).dtype))
        if both:
            put(o.view(0), tmp.reshape(-1)[None, : source.shape[1]].astype(o.view(0).dtype))

    return compute


def _column_binary(function: Callable[[Array, Array], Array]) -> Compute:
    def compute(o: Operands) -> None:
        source = o.view(1)
        put(o.view(0), function(source, o.view(2)[:1, : source.shape[1]]))

    return compute


def _column_expand(o: Operands) -> None:
    target = o.view(0)
    target[...] = o.view(1)[:1, : target.shape[1]].astype(target.dtype)


def table() -> dict[str, Compute]:
    """Operation to what it computes."""
    found: dict[str, Compute] = {op: _column_reduce(f) for op, f in COLUMNS.items()}
    found |= {f"TCOLEXPAND{op}": _column_binary(f) for op, f in EXPANDED.items()}
    return found | {
        "TCOLEXPAND": _column_expand, "TCOLARGMAX": _column_index(np.argmax), "TCOLARGMIN": _column_index(np.argmin),
    }  # fmt: skip
