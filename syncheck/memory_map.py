"""Which bytes are which: each memory is cut into cells at every border that an access has shown so far."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any


class Handle:
    """Bytes [start, stop) of one page, and the cells they cover. `name` is the tile, tensor or slot they belong to.

    `owner` identifies what the bytes hold (a tile, a FIFO): reading them through another owner is MEM002's question.
    """

    __slots__ = ("cells", "name", "owner", "page", "shared", "start", "stop")

    def __init__(self, page: Page, start: int, stop: int, name: str, owner: str) -> None:
        self.page = page
        self.start = start
        self.stop = stop
        self.name = name
        self.owner = owner
        self.shared = page.space == "GM"
        self.cells: tuple[int, ...] = ()


Neighbour = tuple["Page", "int | None", "int | None", int]
"""A page of the same tensor whose bytes may be the same, and the bounds of its address less this page's."""


class Starts:
    """Where the cells of a page start, sorted, in chunks: adding one does not move all others."""

    __slots__ = ("_chunks", "_firsts")

    CHUNK = 512

    def __init__(self, starts: list[int]) -> None:
        size = self.CHUNK
        self._chunks = [starts[i : i + size] for i in range(0, len(starts), size)] or [[]]
        self._firsts = [chunk[0] if chunk else 0 for chunk in self._chunks]

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._chunks)

    def around(self, position: int) -> tuple[int, int]:
        """The last start <= position and the first one > position; -1 where there is none."""
        at = max(bisect_right(self._firsts, position) - 1, 0)
        chunk = self._chunks[at]
        index = bisect_right(chunk, position)
        low = chunk[index - 1] if index else -1
        if index < len(chunk):
            return low, chunk[index]
        return low, self._firsts[at + 1] if at + 1 < len(self._firsts) else -1

    def add(self, start: int) -> None:
        at = max(bisect_right(self._firsts, start) - 1, 0)
        chunk = self._chunks[at]
        if not chunk or start > chunk[-1]:
            chunk.append(start)
        else:
            insort(chunk, start)
        self._firsts[at] = chunk[0]
        if len(chunk) > 2 * self.CHUNK:
            half = chunk[self.CHUNK :]
            del chunk[self.CHUNK :]
            self._chunks.insert(at + 1, half)
            self._firsts.insert(at + 1, half[0])


class Page:
    """One memory, or the part of a GM tensor that starts at one symbolic address; `space` is UB, L1, …, GM."""

    __slots__ = (
        "_cell", "_handles", "_sorted", "_starts", "_stop", "_users", "atlas", "key", "neighbours", "space", "symbol",
    )  # fmt: skip

    def __init__(self, atlas: Atlas, key: str, space: str, symbol: object) -> None:
        self.atlas = atlas
        self.key = key
        self.space = space
        self.symbol = symbol
        self.neighbours: tuple[Neighbour, ...] = ()
        self._starts = Starts([])
        self._stop: dict[int, int] = {}
        self._cell: dict[int, int] = {}
        self._sorted: list[int] | None = None
        self._handles: dict[tuple[int, int, str, str], Handle] = {}
        self._users: dict[int, list[Handle]] = {}

    def handle(self, start: int, stop: int, name: str, owner: str) -> Handle:
        """The handle of bytes [start, stop), start < stop; equal arguments give the same handle."""
        key = (start, stop, name, owner)
        found = self._handles.get(key)
        if found is not None:
            return found
        found = self._handles[key] = Handle(self, start, stop, name, owner)
        low, high = self._starts.around(start)
        if (low == -1 or self._stop[low] <= start) and (high == -1 or high >= stop):
            cell = self._insert(start, stop)  # bytes that nothing has touched
            found.cells = (cell,)
            self._users[cell] = [found]
            return found
        found.cells = tuple(self._cut(start, stop))
        for cell in found.cells:
            self._users.setdefault(cell, []).append(found)
        return found

    def extent(self) -> int:
        """From the first to the last byte that an access has shown."""
        return max(self._stop.values()) - min(self._stop) if self._stop else 0

    def ranges(self) -> dict[int, tuple[int, int]]:
        """The bytes of each cell."""
        return {cell: (start, self._stop[start]) for start, cell in self._cell.items()}

    @property
    def cells(self) -> list[int]:
        """The cells in the order of their addresses."""
        if self._sorted is None:
            self._sorted = [self._cell[start] for start in self._starts]
        return self._sorted

    @property
    def size(self) -> int:
        """How many cells there are."""
        return len(self._cell)

    def forget(self, dead: set[int]) -> None:
        """Drop cells nothing can conflict with any more, and the handles on them (traces of any length)."""
        for cell in dead:
            for handle in self._users.pop(cell, ()):
                self._handles.pop((handle.start, handle.stop, handle.name, handle.owner), None)
                for other in handle.cells:
                    if other not in dead and handle in (users := self._users.get(other, [])):
                        users.remove(handle)
        self._cell = {start: cell for start, cell in self._cell.items() if cell not in dead}
        self._stop = {start: self._stop[start] for start in self._cell}
        self._starts = Starts(sorted(self._cell))
        self._sorted = None

    def _cut(self, start: int, stop: int) -> Iterator[int]:
        """Make `start` and `stop` borders and fill the gaps between; the cells between them."""
        self._split_at(start)
        self._split_at(stop)
        position = start
        while position < stop:
            low, high = self._starts.around(position)
            if low != position:
                self._insert(position, stop if high == -1 else min(high, stop))
            yield self._cell[position]
            position = self._stop[position]

    def _insert(self, start: int, stop: int) -> int:
        cell = self.atlas.count = self.atlas.count + 1
        self._starts.add(start)
        self._stop[start] = stop
        self._cell[start] = cell
        self._sorted = None
        return cell

    def _split_at(self, position: int) -> None:
        low, _ = self._starts.around(position)
        if low == -1 or not low < position < self._stop[low]:
            return
        old = self._cell[low]
        parts = (self.atlas.new_cell(old), self.atlas.new_cell(old))
        self._stop[position] = self._stop[low]
        self._stop[low] = position
        self._starts.add(position)
        self._cell[low], self._cell[position] = parts
        self._sorted = None
        for handle in self._users.pop(old, ()):
            at = handle.cells.index(old)
            handle.cells = (*handle.cells[:at], *parts, *handle.cells[at + 1 :])
            for part in parts:
                self._users.setdefault(part, []).append(handle)


class Atlas:
    """All pages of one analysis. `parents` says from which cell a split cell inherits what was remembered."""

    def __init__(self, distance: Callable[[Any, Any], tuple[int | None, int | None, int]] | None = None) -> None:
        self.parents: dict[int, int] = {}
        self.pages: dict[tuple[str, object], Page] = {}
        self._by_key: dict[str, list[Page]] = {}
        self._distance = distance
        self.count = 0

    def page(self, key: str, space: str, symbol: object = None) -> Page:
        """The page of memory `key` at `symbol` (None: absolute addresses)."""
        found = self.pages.get((key, symbol))
        if found is None:
            found = Page(self, key, space, symbol)
            family = self._by_key.setdefault(key, [])
            for other in family:
                low, high, step = self._distance(symbol, other.symbol) if self._distance else (None, None, 1)
                found.neighbours += ((other, low, high, step),)
                other.neighbours += ((found, None if high is None else -high, None if low is None else -low, step),)
            family.append(found)
            self.pages[key, symbol] = found
        return found

    def new_cell(self, parent: int | None) -> int:
        self.count += 1
        if parent is not None:
            self.parents[self.count] = parent
        return self.count


def may_meet(handle: Handle, other: Handle, low: int | None, high: int | None, step: int) -> bool:
    """Whether bytes of two pages can be the same, the other page lying low..high bytes above this one's, by a multiple
    of `step`."""
    least, most = handle.start - other.stop + 1, handle.stop - other.start - 1
    least = least if low is None else max(least, low)
    most = most if high is None else min(most, high)
    return -(-least // step) * step <= most
