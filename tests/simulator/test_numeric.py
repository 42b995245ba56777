"""Element types and roundings, against the definition: the neighbours of a value and how far they are."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from syncheck.simulator.numeric import (
    BF16,
    CAST_CEIL,
    CAST_FLOOR,
    CAST_NONE,
    CAST_ODD,
    CAST_RINT,
    CAST_ROUND,
    CAST_TRUNC,
    FP16,
    convert,
    wide,
)

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # runs ignore them too
NARROW = {"bf16": BF16, "fp16": FP16}
EVERY: dict[str, Any] = {
    name: np.arange(1 << 16, dtype=np.uint32).astype(np.uint16).view(dtype) for name, dtype in NARROW.items()
}


def finite(name: str) -> Any:
    values = EVERY[name].astype(np.float64)
    return np.unique(values[np.isfinite(values)])


def between(name: str) -> Any:
    """fp32 values: every narrow one, halfway to the next (a tie), and a bit to each side of that."""
    values = finite(name)
    values = values[np.abs(values) < 1e30]
    halves = (values[:-1] + values[1:]) / 2
    near = np.concatenate([np.nextafter(halves.astype(np.float32), np.float32(side)) for side in (-np.inf, np.inf)])
    return np.concatenate([values.astype(np.float32), halves.astype(np.float32), near])


def expected(value: float, grid: Any, mode: int) -> set[float]:
    """By the definition: what `value` may become on the grid. Two answers only for -0 and 0."""
    low = grid[np.searchsorted(grid, value, side="right") - 1]
    high = low if low == value else grid[np.searchsorted(grid, value, side="right")]
    if low == high:
        return {low}
    if mode == CAST_FLOOR:
        return {low}
    if mode == CAST_CEIL:
        return {high}
    if mode == CAST_TRUNC:
        return {low if value > 0 else high}
    if value - low != high - value:
        return {low if value - low < high - value else high}
    return {high if value > 0 else low} if mode == CAST_ROUND else set()


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("mode", [CAST_RINT, CAST_ROUND, CAST_FLOOR, CAST_CEIL, CAST_TRUNC])
def test_rounding_is_what_its_mode_says(name: str, mode: int) -> None:
    values = between(name)[::97]
    found = convert(values, NARROW[name], mode).astype(np.float64)
    grid = finite(name)
    for value, got in zip(values.astype(np.float64), found, strict=True):
        if grid[0] <= value <= grid[-1]:
            wanted = expected(value, grid, mode)
            assert got in wanted or not wanted, (value, got, wanted)


@pytest.mark.parametrize("name", NARROW)
def test_nearest_even_is_what_the_library_rounds_to(name: str) -> None:
    values = between(name)
    library: Any = values.astype(ml_dtypes.bfloat16 if name == "bf16" else np.float16)
    assert (convert(values, NARROW[name], CAST_RINT) == library).all()
    assert (convert(values, NARROW[name], CAST_NONE) == library).all()


@pytest.mark.parametrize("name", NARROW)
def test_ties_go_away_from_zero_or_to_even(name: str) -> None:
    grid = finite(name)
    inner = grid[(grid > 1e-3) & (grid < 1e3)]
    ties = ((inner[:-1] + inner[1:]) / 2).astype(np.float32)
    ties = np.concatenate([ties, -ties])
    away = convert(ties, NARROW[name], CAST_ROUND).astype(np.float64)
    assert (np.abs(away) > np.abs(ties)).all()
    even = convert(ties, NARROW[name], CAST_RINT)
    assert (even.view(np.uint16) & 1 == 0).all()


@pytest.mark.parametrize("name", NARROW)
def test_odd_keeps_that_something_was_cut(name: str) -> None:
    values = between(name)
    found = convert(values, NARROW[name], CAST_ODD)
    exact = found.astype(np.float32) == values
    assert (found.view(np.uint16)[~exact] & 1 == 1).all()


@pytest.mark.parametrize("mode", range(7))
@pytest.mark.parametrize("name", NARROW)
def test_what_is_exact_stays_and_nan_stays_nan(name: str, mode: int) -> None:
    values = EVERY[name].astype(np.float32)
    with np.errstate(all="ignore"):
        again = convert(values, NARROW[name], mode)
    nan = np.isnan(values)
    assert np.isnan(again[nan].astype(np.float32)).all()
    assert (again.view(np.uint16)[~nan] == EVERY[name].view(np.uint16)[~nan]).all()


def test_integers_saturate_and_round() -> None:
    values = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 300.0, -300.0, np.nan, np.inf, -np.inf], np.float32)
    wanted = {
        CAST_RINT: [-2, -2, 0, 0, 2, 2], CAST_ROUND: [-3, -2, -1, 1, 2, 3], CAST_FLOOR: [-3, -2, -1, 0, 1, 2],
        CAST_CEIL: [-2, -1, 0, 1, 2, 3], CAST_TRUNC: [-2, -1, 0, 0, 1, 2],
    }  # fmt: skip
    for mode, start in wanted.items():
        assert convert(values, np.dtype(np.int8), mode).tolist() == [*start, 127, -128, 0, 127, -128]


def test_wide_is_exact() -> None:
    bf16 = EVERY["bf16"]
    assert (wide(bf16).view(np.uint32) == bf16.view(np.uint16).astype(np.uint32) << 16).all()
    assert wide(np.arange(-5, 5, dtype=np.int8)).dtype == np.int32
    assert wide(np.ones(3, np.float16)).dtype == np.float32
