"""Inputs and dense reference for the paged-attention seeds (verdicts.md §7: q, k ~ U(-.5, .5), v ~ U(-1, 1), bf16)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.simulator.data import Prepared, prepare

SEEDS = Path(__file__).resolve().parents[2] / "fixtures" / "seeds"
HEAD, MAX_BLOCKS = 128, 256
TOLERANCE = 2e-3


def inputs(lengths: Sequence[int], seed: int = 0, q_tile: int = 16, block: int = 128) -> dict[str, Any]:
    """One logical block of `q_tile` queries for each number of KV blocks; pages in random order."""
    rng = np.random.default_rng(seed)
    pages = sum(lengths)
    table = np.zeros((len(lengths), MAX_BLOCKS), np.int64)
    order = iter(rng.permutation(pages))
    for row, length in zip(table, lengths, strict=True):
        row[:length] = [next(order) for _ in range(length)]
    bf16 = ml_dtypes.bfloat16
    return {
        "query": rng.uniform(-0.5, 0.5, (len(lengths) * q_tile, HEAD)).astype(bf16),
        "keys": rng.uniform(-0.5, 0.5, (pages, block, HEAD)).astype(bf16),
        "values": rng.uniform(-1.0, 1.0, (pages, block, HEAD)).astype(bf16),
        "table": table, "n_blocks": np.array(lengths), "total": len(lengths),
    }  # fmt: skip


def golden(given: dict[str, Any], q_tile: int = 16) -> Any:
    """Dense attention over the gathered pages, in fp32, with the probabilities unrounded."""
    parts = []
    for row, length in enumerate(given["n_blocks"]):
        pages = given["table"][row, :length]
        q = given["query"][row * q_tile : (row + 1) * q_tile].astype(np.float32)
        k, v = (given[name][pages].astype(np.float32).reshape(-1, HEAD) for name in ("keys", "values"))
        scores = q @ k.T
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        parts.append(weights @ v / weights.sum(axis=1, keepdims=True))
    return np.concatenate(parts)


def seed_kernel(name: str, given: dict[str, Any]) -> Prepared:
    path = SEEDS / f"{name}.sync"
    return prepare(parse(path.read_text(encoding="utf-8"), str(path)), load("a2a3"), inputs=given)
