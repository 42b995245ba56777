"""How far the contents of tensors are from what they should be: the largest and the mean error, and where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from syncheck.simulator.numeric import Array, floating

Part = tuple[str, str, int, int]
"""A part of a tensor that one logical block writes: its name, the tensor, and rows [start, stop)."""


@dataclass(frozen=True, slots=True)
class Error:
    """`wrong` elements of `elements` are off by more than the tolerance; NaN where none should be counts as infinite.

    `first` and `last`: the first and last row (of the first dimension) that is wrong, -1 where none is.
    """

    name: str
    tensor: str
    maximum: float
    mean: float
    wrong: int
    elements: int
    first: int = -1
    last: int = -1


@dataclass(frozen=True, slots=True)
class Comparison:
    """One error for each tensor, and one for each part that is wrong."""

    tensors: tuple[Error, ...]
    parts: tuple[Error, ...]

    @property
    def wrong(self) -> bool:
        return any(error.wrong for error in self.tensors)

    @property
    def maximum(self) -> float:
        return max((error.maximum for error in self.tensors), default=0.0)


def compare(
    found: Mapping[str, Array], wanted: Mapping[str, Array], tolerance: float, parts: Sequence[Part] = ()
) -> Comparison:
    """`tolerance` is absolute and relative, as numpy.allclose has it; 0: every bit counts. Raises KeyError, ValueError
    where a tensor is missing or has another shape."""
    tensors, wrong = [], []
    for name, expected in wanted.items():
        actual = found[name]
        if actual.shape != np.shape(expected):
            raise ValueError(f"{name} is {actual.shape}, golden has {np.shape(expected)}")
        off, allowed = _distance(actual, np.asarray(expected), tolerance)
        tensors.append(_error(name, name, off, allowed, 0))
        for label, tensor, start, stop in parts:
            if tensor == name:
                error = _error(label, name, off[start:stop], allowed[start:stop], start)
                wrong += [error] if error.wrong else []
    return Comparison(tuple(tensors), tuple(wrong))


def _distance(actual: Array, expected: Array, tolerance: float) -> tuple[Array, Array]:
    """The absolute error of each element, and how much is allowed there."""
    if not tolerance:
        same = actual.view(np.uint8).reshape(*actual.shape, -1) == _as(expected, actual).view(np.uint8).reshape(
            *actual.shape, -1
        )
        off = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
        off = np.where(np.isnan(off), np.inf, off)
        off[same.all(axis=-1)] = 0.0
        off[(off == 0) & ~same.all(axis=-1)] = np.finfo(np.float64).tiny
        return off, np.zeros(off.shape)
    with np.errstate(all="ignore"):
        off = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
        if floating(actual.dtype):
            both = np.isnan(actual.astype(np.float64)) & np.isnan(expected.astype(np.float64))
            off = np.where(both | (actual == expected), 0.0, np.where(np.isnan(off), np.inf, off))
    return off, tolerance + tolerance * np.abs(expected.astype(np.float64))


def _as(expected: Array, actual: Array) -> Array:
    return np.ascontiguousarray(expected.astype(actual.dtype))


def _error(name: str, tensor: str, off: Array, allowed: Array, start: int) -> Error:
    beyond = off > allowed
    rows = np.flatnonzero(beyond.reshape(beyond.shape[0], -1).any(axis=1)) if beyond.size else np.zeros(0, int)
    first, last = (int(rows[0]) + start, int(rows[-1]) + start) if rows.size else (-1, -1)
    maximum = float(off.max()) if off.size else 0.0
    mean = float(off.mean()) if off.size else 0.0
    return Error(name, tensor, maximum, mean, int(beyond.sum()), int(off.size), first, last)
