"""Paged attention as it should come out: inputs, and dense attention over the gathered pages in numpy.

A logical block is one tile of query rows; `Shape` says which pages of which head of the cache it attends to. Inputs are
as in the upstream tests: q, k ~ U(-0.5, 0.5), v ~ U(-1, 1), in bf16; pages at random places of the cache; scale 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from syncheck.simulator.numeric import Array

HEAD = 128
"""Elements of a row of queries, keys and values."""
MAX_BLOCKS = 256
"""Columns of the block table."""
TOLERANCE = 2e-3
"""Absolute and relative, as upstream from #596 to #708."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`pages[b]` and `tail[b]`: pages of logical block b and tokens of its last page; the last of each counts for all
    further blocks. A request has `heads` heads of the cache, and `tiles` tiles of `rows` query rows for each."""

    requests: int
    heads: int
    tiles: int
    rows: int
    page: int
    pages: tuple[int, ...]
    tail: tuple[int, ...]

    @property
    def blocks(self) -> int:
        """Logical blocks."""
        return self.requests * self.heads * self.tiles

    def pages_of(self, block: int) -> int:
        return self.pages[min(block, len(self.pages) - 1)]

    def context(self, block: int) -> int:
        """Tokens that a logical block attends to."""
        pages = self.pages_of(block)
        return (pages - 1) * self.page + min(self.tail[min(block, len(self.tail) - 1)], self.page) if pages else 0

    def request(self, block: int) -> int:
        return block // (self.heads * self.tiles)

    def head(self, block: int) -> int:
        return block % (self.heads * self.tiles) // self.tiles


def shape_for(contexts: Sequence[int], *, rows: int, page: int, heads: int = 1, tiles: int = 1) -> Shape:
    """One request for each context length in tokens."""
    each = [context for context in contexts for _ in range(heads * tiles)]
    pages = tuple(-(-context // page) for context in each)
    tail = tuple(context - (count - 1) * page if count else page for context, count in zip(each, pages, strict=True))
    return Shape(len(contexts), heads, tiles, rows, page, pages, tail)


def inputs(shape: Shape, seed: int = 0) -> dict[str, Array]:
    """query (rows × HEAD), keys and values (page and head × tokens × HEAD), table (requests × MAX_BLOCKS).

    Raises ValueError where a context has more pages than the table has columns.
    """
    random = np.random.default_rng(seed)
    longest = [0] * shape.requests
    for block in range(shape.blocks):
        request = shape.request(block)
        longest[request] = max(longest[request], shape.pages_of(block))
    if max(longest, default=0) > MAX_BLOCKS:
        raise ValueError(f"a context of {max(longest)} pages; the block table has {MAX_BLOCKS} columns")
    places = iter(random.permutation(sum(longest)).tolist())
    table = np.zeros((shape.requests, MAX_BLOCKS), np.int64)
    for request, count in enumerate(longest):
        table[request, :count] = [next(places) for _ in range(count)]
    cache = (max(sum(longest), 1) * shape.heads, shape.page, HEAD)
    bf16 = ml_dtypes.bfloat16
    return {
        "query": random.uniform(-0.5, 0.5, (shape.blocks * shape.rows, HEAD)).astype(bf16),
        "keys": random.uniform(-0.5, 0.5, cache).astype(bf16),
        "values": random.uniform(-1.0, 1.0, cache).astype(bf16),
        "table": table,
    }


def golden(shape: Shape, given: Mapping[str, Any], first: int = 0, step: int = 1) -> Array:
    """The output, fp32, of logical blocks first, first + step, …: zeros where the context is empty, NaN elsewhere."""
    out = np.full((shape.blocks * shape.rows, HEAD), np.nan, np.float32)
    table = np.asarray(given["table"])
    for block in range(first, shape.blocks, step):
        rows = slice(block * shape.rows, (block + 1) * shape.rows)
        context = shape.context(block)
        if not context:
            out[rows] = 0
            continue
        places = table[shape.request(block), : shape.pages_of(block)] * shape.heads + shape.head(block)
        query = np.asarray(given["query"])[rows].astype(np.float32)
        gathered = (np.asarray(given[name])[places].astype(np.float32) for name in ("keys", "values"))
        keys, values = (part.reshape(-1, HEAD)[:context] for part in gathered)
        scores = query @ keys.T
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        out[rows] = weights @ values / weights.sum(axis=1, keepdims=True)
    return out


def parts(shape: Shape, first: int = 0, step: int = 1) -> list[tuple[str, str, int, int]]:
    """The rows of the output that each logical block writes: (name, tensor, first row, one past the last)."""
    return [
        (f"logical block {block}, {shape.context(block)} tokens", "out", block * shape.rows, (block + 1) * shape.rows)
        for block in range(first, shape.blocks, step)
    ]
