"""The paged-attention kernel gives dense attention: any shape, any context, and under every schedule the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.simulator import attention
from syncheck.simulator.attention import TOLERANCE, Shape, shape_for
from syncheck.simulator.data import Prepared, prepare
from syncheck.simulator.numeric import Array

KERNELS = Path(__file__).resolve().parents[2] / "fixtures" / "kernels"
PROGRAMS = {
    path.stem: parse(path.read_text(encoding="utf-8"), path.name) for path in sorted(KERNELS.glob("paged*.sync"))
}
MACHINE = load("a2a3")
LENGTHS = (0, 1, 63, 64, 65, 128, 129, 300)
UNEQUAL = ((300, 0, 65), (129, 1), (0, 0, 64), (63, 300), (128, 129, 1), (1, 0, 300))
"""Contexts of the requests of a batch."""


def kernel(
    shape: Shape, seed: int, hw: int = 0, hw_num: int = 1, name: str = "paged_attention"
) -> tuple[Prepared, Array]:
    """The kernel with inputs drawn for a shape, and what it should give."""
    given = attention.inputs(shape, seed)
    parameters = {
        "hw": hw, "hw_num": hw_num, "batch": shape.requests, "kv_heads": shape.heads, "q_tiles": shape.tiles,
        "q_tile": shape.rows, "block_size": shape.page, "n_blocks": shape.pages, "tail": shape.tail,
    }  # fmt: skip
    return prepare(PROGRAMS[name], MACHINE, inputs={**given, **parameters}), attention.golden(shape, given, hw, hw_num)


def worst(shape: Shape, seed: int, schedules: Sequence[str], name: str = "paged_attention") -> float:
    """The largest error under these schedules, all of which must give the same bits and end."""
    prepared, wanted = kernel(shape, seed, name=name)
    error, bits = 0.0, b""
    for schedule in schedules:
        run = prepared.run(schedule, seed)
        assert run.stuck == []
        assert run.poison == []
        out = run.tensors["out"]
        assert out.tobytes() == (bits or out.tobytes())
        bits = out.tobytes()
        error = max(error, float(np.abs(out - wanted).max(initial=0)))
    return error


def grid() -> list[Shape]:
    """Tiles, pages, batches of 1 to 3, heads, and every context length."""
    shapes = []
    for rows in (16, 64):
        for page in (64, 128):
            shapes += [shape_for((length,), rows=rows, page=page) for length in LENGTHS]
            shapes += [shape_for(lengths, rows=rows, page=page) for lengths in UNEQUAL]
            shapes += [shape_for((65, 200), rows=rows, page=page, heads=2, tiles=2)]
    return shapes


SAMPLE = [
    shape_for((300, 0, 65), rows=16, page=64), shape_for((129, 1), rows=16, page=128, heads=2, tiles=2),
    shape_for((63, 128), rows=64, page=64), shape_for((129,), rows=64, page=128),
]  # fmt: skip


@pytest.mark.parametrize("shape", SAMPLE, ids=str)
def test_the_kernel_gives_dense_attention_under_every_schedule(shape: Shape) -> None:
    assert worst(shape, 1, ("program", "random", "adversarial")) <= TOLERANCE


@pytest.mark.parametrize("length", LENGTHS)
def test_every_context_length_is_right(length: int) -> None:
    assert worst(shape_for((length,), rows=16, page=64), length, ("program", "adversarial")) <= TOLERANCE


@pytest.mark.parametrize("name", ["paged_attention_tasks", "paged_attention_update"])
@pytest.mark.parametrize("lengths", [(300, 0, 65), (1, 128)])
def test_the_kernels_of_tasks_give_it_too(name: str, lengths: tuple[int, ...]) -> None:
    shape = shape_for(lengths, rows=16, page=64, tiles=2)
    assert worst(shape, 2, ("program", "random", "adversarial"), name) <= TOLERANCE


def test_hardware_blocks_write_their_logical_blocks_and_no_others() -> None:
    shape = shape_for((70, 0, 130), rows=16, page=64, tiles=2)
    for hw in range(4):
        prepared, wanted = kernel(shape, 3, hw, 4)
        out = prepared.run("random", hw).tensors["out"]
        assert np.array_equal(np.isnan(out), np.isnan(wanted))
        assert np.nanmax(np.abs(out - wanted)) <= TOLERANCE


def test_the_shape_of_a_context() -> None:
    shape = shape_for((129, 0), rows=16, page=64, heads=2, tiles=3)
    assert [shape.context(block) for block in (0, 5, 6, 11)] == [129, 129, 0, 0]
    assert (shape.pages_of(0), shape.request(5), shape.request(6)) == (3, 0, 1)
    assert [shape.head(block) for block in range(6)] == [0, 0, 0, 1, 1, 1]


def test_golden_knows_its_head_and_its_pages() -> None:
    """A query that is all zeros takes the mean of the values it may see."""
    shape = shape_for((70,), rows=16, page=64, heads=2)
    given = attention.inputs(shape, 5)
    given["query"] = np.zeros_like(given["query"])
    out = attention.golden(shape, given)
    for head in range(2):
        seen = np.concatenate([given["values"][page * 2 + head].astype(np.float32) for page in given["table"][0, :2]])
        assert np.allclose(out[head * 16], seen[:70].mean(axis=0), atol=1e-6)


@pytest.mark.deep
@pytest.mark.parametrize("shape", grid(), ids=str)
def test_the_whole_grid(shape: Shape) -> None:
    """3 schedules × 20 seeds of inputs and schedules for each shape."""
    errors = [worst(shape, seed, ("program", "random", "adversarial")) for seed in range(20)]
    assert max(errors) <= TOLERANCE


@pytest.mark.deep
@pytest.mark.parametrize("name", ["paged_attention_tasks", "paged_attention_update"])
@pytest.mark.parametrize("shape", [shape for shape in grid() if shape.rows == 16], ids=str)
def test_the_grid_for_the_kernels_of_tasks(name: str, shape: Shape) -> None:
    errors = [worst(shape, seed, ("program", "random", "adversarial"), name) for seed in range(20)]
    assert max(errors) <= TOLERANCE


@pytest.mark.deep
def test_two_hundred_random_schedules_give_the_same_bits() -> None:
    prepared, wanted = kernel(shape_for((300, 0, 65, 128), rows=16, page=64), 0)
    first = prepared.run()
    assert np.abs(first.tensors["out"] - wanted).max() <= TOLERANCE
    for seed in range(200):
        assert prepared.run("random", seed).tensors["out"].tobytes() == first.tensors["out"].tobytes(), seed
