"""What one step of a tile instruction is given: views of the bytes of its operands, and numbers.

A view is rows × columns of the operand's type; what is written through it lands in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from syncheck.simulator.numeric import CAST_RINT, Array, convert


class Wrong(Exception):
    """An instruction whose operands do not fit; the text says why."""


@dataclass(slots=True)
class Operands:
    """The operands of one step in text order: `views` of tiles and tensors, or else `values`; `hidden` is scratch."""

    op: str
    views: list[Array | None]
    values: list[int]
    hidden: dict[str, Array] = field(default_factory=dict)

    def view(self, index: int) -> Array:
        found = self.views[index] if index < len(self.views) else None
        if found is None:
            raise Wrong(f"operand {index} of {self.op} is no tile")
        return found

    def view_or_none(self, index: int) -> Array | None:
        return self.views[index] if index < len(self.views) else None

    def value(self, index: int, default: int | None = None) -> int:
        if index < len(self.views) and self.views[index] is None:
            return self.values[index]
        if default is None:
            raise Wrong(f"{self.op} needs a number as operand {index}")
        return default


Compute = Callable[[Operands], None]


def put(target: Array, result: Array) -> None:
    """The result in the upper left of the target, in its type."""
    if result.dtype != target.dtype:
        result = convert(result, target.dtype, CAST_RINT)
    if result.shape == target.shape:
        target[...] = result
        return
    rows, columns = result.shape
    if rows > target.shape[0] or columns > target.shape[1]:
        raise Wrong(f"{rows} x {columns} elements do not fit into a tile of {target.shape[0]} x {target.shape[1]}")
    target[:rows, :columns] = result


def same(a: Array, b: Array) -> tuple[Array, Array]:
    """Two operands of one shape: the upper left of the larger one where valid parts differ."""
    if a.shape == b.shape:
        return a, b
    rows, columns = min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1])
    return a[:rows, :columns], b[:rows, :columns]
