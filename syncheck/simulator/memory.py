"""Byte memories with real addresses: what lies in each byte, and which instruction instance put it there.

A memory is named as the checker names its pages: `AIV0:UB`, `AIC:L1`, `gm:out`, `gm:fifo sij`, `GM`. Tiles at the same
address share bytes. Bytes nobody has written are poison: all ones, which is NaN in every float type.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from syncheck.simulator.numeric import Array

POISON = 0xFF
NOBODY, INPUT = -1, -2
"""Writers that are no instance: bytes never written, and bytes of an input."""

Origin = tuple[tuple[int, int, int], ...]
"""Who wrote the bytes of a region: (first byte, one past the last, instance), neighbours with one writer joined."""


class Beyond(Exception):
    """An access past the end of a memory; the text says which and by how much."""


class Memory:
    """The bytes of one space or tensor, and the writer of each. Only flat GM grows; nobody has views of that."""

    __slots__ = ("bytes", "grows", "name", "tracked", "writers")

    def __init__(self, name: str, size: int, *, grows: bool = False) -> None:
        self.name = name
        self.grows = grows
        self.bytes = np.full(size, POISON, np.uint8)
        self.writers = np.full(size, NOBODY, np.int32)
        self.tracked = True

    def fill(self, content: Array, *, tracked: bool) -> None:
        """Put an input at the start. What nothing writes needs no writers."""
        raw = np.ascontiguousarray(content).reshape(-1).view(np.uint8)
        if raw.nbytes > self.bytes.nbytes:
            self.need(0, raw.nbytes)
        self.bytes[: raw.nbytes] = raw
        self.tracked = tracked
        if tracked:
            self.writers[: raw.nbytes] = INPUT

    def need(self, start: int, stop: int) -> None:
        """Raises Beyond where the bytes do not exist and the memory does not grow."""
        size = self.bytes.nbytes
        if start >= 0 and stop <= size:
            return
        if start < 0 or not self.grows:
            raise Beyond(f"bytes 0x{start:x}..0x{stop:x} of {self.name}, which has 0x{size:x}")
        more = max(stop, 2 * size) - size
        self.bytes = np.concatenate([self.bytes, np.full(more, POISON, np.uint8)])
        self.writers = np.concatenate([self.writers, np.full(more, NOBODY, np.int32)])

    def wrote(self, start: int, stop: int, instance: int) -> None:
        self.writers[start:stop] = instance

    def origin(self, start: int, stop: int) -> int | Origin:
        """The one writer of these bytes, or all of them with their bytes."""
        part = self.writers[start:stop]
        first = part[0]
        if part[-1] == first and (part == first).all():
            return int(first)
        borders = np.flatnonzero(part[1:] != part[:-1]) + 1
        edges: list[int] = [0, *borders.tolist(), stop - start]
        return tuple((start + a, start + b, int(part[a])) for a, b in pairwise(edges))


class Memories:
    """All memories of a run, made when they are first touched."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self._sizes = sizes
        self._known: dict[str, Memory] = {}

    def __getitem__(self, key: str) -> Memory:
        found = self._known.get(key)
        if found is None:
            size = self._sizes.get(key, self._sizes.get(key.partition(":")[2], 0))
            found = self._known[key] = Memory(key, size, grows=key == "GM")
        return found

    def names(self) -> Iterable[str]:
        return self._known

    def view(self, key: str, start: int, dtype: np.dtype[Any], rows: int, columns: int, stride: int = 0) -> Array:
        """rows × columns elements from byte `start` on, row after row or every `stride` bytes; writes go through."""
        memory = self[key]
        width = columns * dtype.itemsize
        step = stride or width
        stop = start + (rows - 1) * step + width
        memory.need(start, stop)
        if step == width:
            return memory.bytes[start:stop].view(dtype).reshape(rows, columns)
        raw = memory.bytes[start:stop]
        if step % dtype.itemsize == 0:
            flat = raw[: (raw.nbytes // dtype.itemsize) * dtype.itemsize].view(dtype)
            return np.lib.stride_tricks.as_strided(flat, (rows, columns), (step, dtype.itemsize))
        raise Beyond(f"rows of {memory.name} every {step} bytes do not hold elements of {dtype.itemsize} bytes")
