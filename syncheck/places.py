"""Operands: what an instruction names in the text, turned into the bytes it touches at run time."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Protocol

from syncheck import symbolic
from syncheck.expressions import Evaluate
from syncheck.layout import PlacedFifo, PlacedTensor, PlacedTile
from syncheck.memory_map import Atlas, Handle
from syncheck.symbolic import Linear, Store, Value
from syncheck.value import Record, mutable


class Run(Protocol):
    """What a place reads of the core that runs: the values of its slots and how many tiles it has pushed and popped."""

    values: list[Any]
    marks: dict[str, tuple[int, int]]


class Place(Protocol):
    """An operand. `memory_key` is the key of the page(s) its bytes are on; `constant`: it is the same each time;
    `space` decides the pipe; `rows` sizes hidden scratch; `shape` is (rows, columns), (0, 0) if unknown."""

    space: str
    shape: tuple[int, int]

    @property
    def constant(self) -> bool: ...

    @property
    def memory_key(self) -> str: ...

    def handles(self, run: Run, store: Store) -> tuple[Handle, ...]: ...


def concrete(value: Value, low: int, high: int, store: Store) -> int:
    """A value that must be one of low..high; an undecided one is split into all of them."""
    if isinstance(value, int):
        return value
    for candidate in range(low, high):
        if store.truth(symbolic.equal(value, candidate)):
            return candidate
    return high


MOST_PLACES = 16
"""Addresses that one placed tile may have where a remainder of something unknown decides."""


class OutOfRange(Exception):
    """A slot index that no slot has."""


@mutable
class TilePlace(Record):
    """One slot of a tile array in one core's memory, `used` bytes of it."""

    atlas: Atlas
    memory: str
    tile: PlacedTile
    index: Evaluate | None
    constant: bool
    used: int
    space: str = ""
    shape: tuple[int, int] = (0, 0)
    _handles: dict[int, tuple[Handle, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.space = self.tile.space
        self.shape = (self.tile.rows, self.tile.columns)

    @property
    def memory_key(self) -> str:
        return self.memory

    def handles(self, run: Run, store: Store) -> tuple[Handle, ...]:
        slot = 0 if self.index is None else concrete(self.index(run.values, store), 0, self.tile.slots - 1, store)
        found = self._handles.get(slot)
        if found is None:
            if not 0 <= slot < self.tile.slots:
                raise OutOfRange(f"{self.tile.name}[{slot}]: {self.tile.name} has {self.tile.slots} slots")
            name = f"{self.tile.name}[{slot}]" if self.tile.slots > 1 else self.tile.name
            start = (self.tile.address or 0) + slot * self.tile.bytes
            page = self.atlas.page(self.memory, self.tile.space)
            found = self._handles[slot] = (page.handle(start, start + self.used, name, self.tile.owner),)
        return found


@mutable
class FloatingPlace(Record):
    """A tile at an address that its use says; an address that is not known may be anywhere in the memory."""

    atlas: Atlas
    memory: str
    tile: PlacedTile
    address: Evaluate
    limit: int
    constant: bool
    space: str = ""
    shape: tuple[int, int] = (0, 0)
    _handles: dict[int, tuple[Handle, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.space = self.tile.space
        self.shape = (self.tile.rows, self.tile.columns)

    @property
    def memory_key(self) -> str:
        return self.memory

    def handles(self, run: Run, store: Store) -> tuple[Handle, ...]:
        start = self._settled(self.address(run.values, store), store)
        found = self._handles.get(start)
        if found is None:
            if start < 0 or start + self.tile.bytes > self.limit:
                raise OutOfRange(f"{self.tile.name} at 0x{start:x} reaches beyond {self.space}")
            page = self.atlas.page(self.memory, self.tile.space)
            handle = page.handle(start, start + self.tile.bytes, self.tile.name, self.tile.owner)
            found = self._handles[start] = (handle,)
        return found

    def _settled(self, start: Value, store: Store) -> int:
        """An address that takes one of a few values (a remainder decides it) is each of them in turn."""
        if isinstance(start, int):
            return start
        low, high = store.range_of(start)
        step = abs(start.terms[0][1])
        if len(start.terms) == 1 and low is not None and high is not None and (high - low) // step < MOST_PLACES:
            for candidate in range(low, high, step):
                if store.truth(symbolic.equal(start, candidate)):
                    return candidate
            return high
        raise OutOfRange(f"the address of {self.tile.name} depends on a value that is not pinned")


@mutable
class PoppedPlace(Record):
    """The local slot that the last TPOP of a FIFO bound."""

    atlas: Atlas
    memory: str
    fifo: PlacedFifo
    bytes: int
    shape: tuple[int, int]
    dtype: str = ""
    space: str = ""
    constant: bool = False

    def __post_init__(self) -> None:
        self.space = self.fifo.local_space

    @property
    def memory_key(self) -> str:
        return self.memory

    def handles(self, run: Run, store: Store) -> tuple[Handle, ...]:
        popped = run.marks.get(self.fifo.name, (0, 0))[1]
        return (self.slot(max(popped - 1, 0)),)

    def slot(self, tile: int) -> Handle:
        number = tile % self.fifo.local_slots
        start = (self.fifo.local_address or 0) + number * (self.fifo.local_stride or self.bytes)
        page = self.atlas.page(self.memory, self.space)
        name = f"{self.fifo.name} local slot {number}"
        return page.handle(start, start + self.bytes, name, f"fifo:{self.fifo.name}")


@mutable
class TensorPlace(Record):
    """Part of a GM tensor: from `start` (bytes), `length` bytes, repeated `rows` times every `stride` bytes.

    `written` are the tensors that anything writes: reads of all others conflict with nothing and are not tracked.
    """

    atlas: Atlas
    key: str
    name: str
    start: Evaluate
    length: Evaluate
    rows: Evaluate | None
    stride: int
    total: int | None
    written: set[str]
    tensor: PlacedTensor
    space: str = "GM"
    constant: bool = False
    shape: tuple[int, int] = (0, 0)

    @property
    def memory_key(self) -> str:
        return self.key

    def handles(self, run: Run, store: Store) -> tuple[Handle, ...]:
        if self.key not in self.written:
            return ()
        start, length = self.start(run.values, store), self.length(run.values, store)
        rows = 1 if self.rows is None else self.rows(run.values, store)
        if not isinstance(length, int) or not isinstance(rows, int):
            raise OutOfRange(f"how much of {self.name} this touches depends on a value that is not pinned")
        if length <= 0 or rows <= 0:
            raise OutOfRange(f"this touches no byte of {self.name}")
        symbol: Value | None = None
        if isinstance(start, Linear):
            symbol, start = symbolic.linear(0, start.terms), start.constant
        elif self.total is not None and not 0 <= start <= self.total - length - (rows - 1) * self.stride:
            raise OutOfRange(f"this reaches beyond {self.name}, which has {self.total} bytes")
        page = self.atlas.page(self.key, "GM", symbol)
        stride = self.stride
        return tuple(
            [page.handle(start + r * stride, start + r * stride + length, self.name, self.key) for r in range(rows)]
        )


@mutable
class RegionPlace(Record):
    """`SPACE[start:stop)` written out."""

    atlas: Atlas
    memory: str
    space: str
    start: Evaluate
    stop: Evaluate
    constant: bool = False
    shape: tuple[int, int] = (0, 0)

    @property
    def memory_key(self) -> str:
        return self.memory

    def handles(self, run: Run, store: Store) -> tuple[Handle, ...]:
        start, stop = self.start(run.values, store), self.stop(run.values, store)
        length = stop - start
        if not isinstance(length, int):
            raise OutOfRange("the length of these bytes depends on a value that is not pinned")
        if length <= 0:
            raise OutOfRange(f"{self.space}[{start}:{stop}] holds no byte")
        symbol: Value | None = None
        if isinstance(start, Linear):
            symbol, start = symbolic.linear(0, start.terms), start.constant
        page = self.atlas.page(self.memory, self.space, symbol)
        return (page.handle(start, start + length, "", ""),)


@mutable
class FixedPlace(Record):
    """Bytes known when the kernel is compiled: hidden scratch."""

    fixed: Handle
    space: str
    shape: tuple[int, int] = (0, 0)
    constant: bool = True

    @property
    def memory_key(self) -> str:
        return self.fixed.page.key

    def handles(self, run: Run, store: Store) -> tuple[Handle, ...]:
        return (self.fixed,)


@mutable
class SlotPlace(Record):
    """The GM slot of tile number `side` (0 pushed, 1 popped next) of a FIFO, one lane's part of it."""

    atlas: Atlas
    fifo: PlacedFifo
    side: int
    offset: int
    bytes: int
    space: str = "GM"
    constant: bool = False
    shape: tuple[int, int] = (0, 0)

    @property
    def memory_key(self) -> str:
        return f"gm:fifo {self.fifo.name}"

    def handles(self, run: Run, store: Store) -> tuple[Handle, ...]:
        tile = run.marks.get(self.fifo.name, (0, 0))[self.side]
        number = tile % self.fifo.slots
        start = number * self.fifo.slot_bytes + self.offset
        page = self.atlas.page(f"gm:fifo {self.fifo.name}", "GM")
        return (page.handle(start, start + self.bytes, f"{self.fifo.name} slot {number}", f"fifo:{self.fifo.name}"),)


@mutable
class NextPopped(Record):
    """The local slot that the TPOP now running binds."""

    popped: PoppedPlace
    space: str = ""
    constant: bool = False
    shape: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self.space = self.popped.space
        self.shape = self.popped.shape

    @property
    def memory_key(self) -> str:
        return self.popped.memory

    def handles(self, run: Run, store: Store) -> tuple[Handle, ...]:
        return (self.popped.slot(run.marks.get(self.popped.fifo.name, (0, 0))[1]),)


@mutable
class OnChipSlot(Record):
    """A slot in the consumer's own memory (A5): the producer writes it, the consumer's popped tile is it."""

    atlas: Atlas
    memory: str
    fifo: PlacedFifo
    bytes: int
    space: str
    side: int
    offset: int = 0
    constant: bool = False
    shape: tuple[int, int] = (0, 0)

    @property
    def memory_key(self) -> str:
        return self.memory

    def handles(self, run: Run, store: Store) -> tuple[Handle, ...]:
        tile = run.marks.get(self.fifo.name, (0, 0))[self.side]
        number = tile % self.fifo.local_slots
        start = (self.fifo.local_address or 0) + number * (self.fifo.local_stride or self.bytes) + self.offset
        page = self.atlas.page(self.memory, self.space)
        name = f"{self.fifo.name} slot {number}"
        return (page.handle(start, start + self.bytes, name, f"fifo:{self.fifo.name}"),)
