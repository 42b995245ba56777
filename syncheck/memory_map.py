"""Which bytes are which: each memory is cut into cells at every border that an access has shown so far."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any


class Handle:
    """Bytes [start, stop) of one page, and the cells they cover. `name` is the tile, tensor or slot they belong to.

    `owner` identifies what the bytes hold (a tile, a FIFO): reading them through another owner is MEM002's question.
    """

    __slots__ = ("cells", "name", "owner", "page", "start", "stop")

    def __init__(self, page: Page, start: int, stop: int, name: str, owner: str) -> None:
        self.page = page
        self.start = start
        self.stop = stop
        self.name = name
        self.owner = owner
        self.cells: tuple[int, ...] = ()


Neighbour = tuple["Page", "int | None", "int | None"]
"""A page of the same tensor whose bytes may be the same, and the bounds of its address less this page's."""


class Page:
    """One memory, or the part of a GM tensor that starts at one symbolic address; `space` is UB, L1, …, GM."""

    __slots__ = ("_cells", "_handles", "_starts", "_stops", "_users", "atlas", "key", "neighbours", "space", "symbol")

    def __init__(self, atlas: Atlas, key: str, space: str, symbol: object) -> None:
        self.atlas = atlas
        self.key = key
        self.space = space
        self.symbol = symbol
        self.neighbours: tuple[Neighbour, ...] = ()
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._cells: list[int] = []
        self._handles: dict[tuple[int, int, str, str], Handle] = {}
        self._users: dict[int, list[Handle]] = {}

    def handle(self, start: int, stop: int, name: str, owner: str) -> Handle:
        """The handle of bytes [start, stop), start < stop; equal arguments give the same handle."""
        found = self._handles.get((start, stop, name, owner))
        if found is None:
            found = Handle(self, start, stop, name, owner)
            self._handles[start, stop, name, owner] = found
            self._cut(start, stop)
            found.cells = tuple(self._cells[bisect_right(self._stops, start) : bisect_left(self._starts, stop)])
            for cell in found.cells:
                self._users.setdefault(cell, []).append(found)
        return found

    @property
    def cells(self) -> list[int]:
        return self._cells

    def forget(self, dead: set[int]) -> None:
        """Drop cells nothing can conflict with any more, and the handles on them (traces of any length)."""
        keep = [i for i, cell in enumerate(self._cells) if cell not in dead]
        for i, cell in enumerate(self._cells):
            if cell in dead:
                for handle in self._users.pop(cell, ()):
                    self._handles.pop((handle.start, handle.stop, handle.name, handle.owner), None)
        self._starts = [self._starts[i] for i in keep]
        self._stops = [self._stops[i] for i in keep]
        self._cells = [self._cells[i] for i in keep]

    def _cut(self, start: int, stop: int) -> None:
        """Make `start` and `stop` borders and fill the gaps between."""
        self._split_at(start)
        self._split_at(stop)
        index = bisect_right(self._stops, start)
        position = start
        while index < len(self._starts) and self._starts[index] < stop:
            if position < self._starts[index]:
                self._insert(index, position, self._starts[index])
                index += 1
            position = self._stops[index]
            index += 1
        if position < stop:
            self._insert(index, position, stop)

    def _insert(self, index: int, start: int, stop: int) -> None:
        self._starts.insert(index, start)
        self._stops.insert(index, stop)
        self._cells.insert(index, self.atlas.new_cell(None))

    def _split_at(self, position: int) -> None:
        index = bisect_right(self._starts, position) - 1
        if index < 0 or not self._starts[index] < position < self._stops[index]:
            return
        old, stop = self._cells[index], self._stops[index]
        parts = (self.atlas.new_cell(old), self.atlas.new_cell(old))
        self._stops[index] = position
        self._starts.insert(index + 1, position)
        self._stops.insert(index + 1, stop)
        self._cells[index : index + 1] = parts
        for handle in self._users.pop(old, ()):
            at = handle.cells.index(old)
            handle.cells = (*handle.cells[:at], *parts, *handle.cells[at + 1 :])
            for part in parts:
                self._users.setdefault(part, []).append(handle)


class Atlas:
    """All pages of one analysis. `parents` says from which cell a split cell inherits what was remembered."""

    def __init__(self, distance: Callable[[Any, Any], tuple[int | None, int | None]] | None = None) -> None:
        self.parents: dict[int, int] = {}
        self.pages: dict[tuple[str, object], Page] = {}
        self._by_key: dict[str, list[Page]] = {}
        self._distance = distance
        self._count = 0

    def page(self, key: str, space: str, symbol: object = None) -> Page:
        """The page of memory `key` at `symbol` (None: absolute addresses)."""
        found = self.pages.get((key, symbol))
        if found is None:
            found = Page(self, key, space, symbol)
            family = self._by_key.setdefault(key, [])
            for other in family:
                low, high = self._distance(symbol, other.symbol) if self._distance else (None, None)
                found.neighbours += ((other, low, high),)
                other.neighbours += ((found, None if high is None else -high, None if low is None else -low),)
            family.append(found)
            self.pages[key, symbol] = found
        return found

    def new_cell(self, parent: int | None) -> int:
        self._count += 1
        if parent is not None:
            self.parents[self._count] = parent
        return self._count


def may_meet(handle: Handle, other: Handle, low: int | None, high: int | None) -> bool:
    """Whether bytes of two pages can be the same, the other page lying low..high bytes above this one's."""
    after = high is None or high > handle.start - other.stop
    before = low is None or low < handle.stop - other.start
    return after and before
