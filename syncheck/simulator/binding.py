"""From a site of the kernel to what it computes: its operands as views of real bytes, taken when it is issued.

Instructions with their effects written out (`instr … reads … writes …`), and table instructions nobody has described,
compute an uninterpreted function: what they write depends on every byte they read, and on nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from syncheck.action import Action
from syncheck.execution import CoreRun, Kernel
from syncheck.expressions import Compiler, Evaluate
from syncheck.ir import At, Index, Name, Operand, Region, Slice
from syncheck.layout import PlacedFifo
from syncheck.lowering import Bound, DataCall, DataMove, Scope
from syncheck.memory_map import Handle
from syncheck.places import FloatingPlace, Place, PoppedPlace, TensorPlace, TilePlace
from syncheck.simulator.memory import Memories
from syncheck.simulator.numeric import DTYPES, Array
from syncheck.simulator.operands import Operands, Wrong, put
from syncheck.simulator.tiles import TABLE, describes
from syncheck.symbolic import Linear, Store, name_of

Effect = Callable[[], None]
"""What an instance does to memory when it completes."""
_Get = Callable[[CoreRun], Any]


class Binder:
    """Binds the instances of one run: `bind` gives the effect of an action that is being issued."""

    def __init__(self, kernel: Kernel, memories: Memories, store: Store) -> None:
        self._kernel = kernel
        self._memories = memories
        self._store = store
        self._sites: dict[int, Callable[[Action, CoreRun], Effect]] = {}
        self.uninterpreted: set[str] = set()

    def bind(self, action: Action, run: CoreRun) -> Effect:
        made = self._sites.get(action.site)
        if made is None:
            made = self._sites[action.site] = self._site(action.site)
        return made(action, run)

    def _site(self, number: int) -> Callable[[Action, CoreRun], Effect]:
        call = self._kernel.calls.get(number)
        if isinstance(call, DataMove):
            return self._move(call)
        op = self._kernel.sites[number].op
        if op == "dsb":
            return lambda action, run: _nothing
        if call is None or not _described(call, op):
            self.uninterpreted.add(op)
            return self._opaque(number)
        return self._call(call, op)

    # ------------------------------------------------------------ tile instructions

    def _call(self, call: DataCall, op: str) -> Callable[[Action, CoreRun], Effect]:
        compute = TABLE[op]
        gets = [self._operand(call, k) for k in range(len(call.places))]
        scalars = [place is None for place in call.places]
        hidden = sorted({s[7:] for s in (*call.effect.reads, *call.effect.writes) if s.startswith("hidden:")})

        def bind(action: Action, run: CoreRun) -> Effect:
            found = [get(run) for get in gets]
            views = [None if scalar else one for scalar, one in zip(scalars, found, strict=True)]
            values = [one if scalar else 0 for scalar, one in zip(scalars, found, strict=True)]
            operands = Operands(op, views, values, self._hidden(action, hidden) if hidden else {})
            return lambda: compute(operands)

        return bind

    def _operand(self, call: DataCall, index: int) -> _Get:
        place = call.places[index]
        if place is None:
            operand = call.statement.operands[index]
            assert not isinstance(operand, Region | At)
            value, store = Compiler(call.scope).compile(operand)[0], self._store
            return lambda run: _number(value(run.values, store))
        whole = self._view(place)
        parts = [] if isinstance(place, TensorPlace) else _parts(call.statement.operands[index], call.scope)
        return self._part(whole, parts) if parts else whole

    def _part(self, whole: _Get, parts: list[tuple[Evaluate, Evaluate]]) -> _Get:
        """The valid part of a tile: rows, or rows and columns."""
        store = self._store

        def get(run: CoreRun) -> Array:
            view: Array = whole(run)
            bounds = [(_number(a(run.values, store)), _number(b(run.values, store))) for a, b in parts]
            for (start, stop), size in zip(bounds, view.shape, strict=False):
                if not 0 <= start <= stop <= size:
                    raise Wrong(f"{start}:{stop} is no part of a tile of {view.shape[0]} x {view.shape[1]}")
            part: Array = view[tuple(slice(start, stop) for start, stop in bounds)]
            return part

        return get

    def _view(self, place: Place) -> _Get:
        if isinstance(place, TensorPlace):
            return self._tensor(place)
        dtype = _dtype(place)
        rows, columns = place.shape
        known: dict[Handle, Array] = {}
        memories, store = self._memories, self._store

        def get(run: CoreRun) -> Array:
            handle = place.handles(run, store)[0]
            view = known.get(handle)
            if view is None:
                view = known[handle] = memories.view(handle.page.key, handle.start, dtype, rows, columns)
            return view

        return get

    def _tensor(self, place: TensorPlace) -> _Get:
        """A slice as rows and columns: rows of the innermost dimension, or the rows that were sliced."""
        tensor, memories, store = place.tensor, self._memories, self._store
        dtype = DTYPES[tensor.dtype]
        width = (tensor.extents[-1] or 0) * dtype.itemsize if len(tensor.extents) > 1 else 0

        def get(run: CoreRun) -> Array:
            start, length = _number(place.start(run.values, store)), _number(place.length(run.values, store))
            if length >= 1 << 60:
                length = memories[place.key].bytes.nbytes - start
            if place.rows is not None:
                rows = _number(place.rows(run.values, store))
                return memories.view(place.key, start, dtype, rows, length // dtype.itemsize, place.stride)
            across = width if width and length % width == 0 else length
            return memories.view(place.key, start, dtype, length // across, across // dtype.itemsize)

        return get

    def _hidden(self, action: Action, names: list[str]) -> dict[str, Array]:
        found: dict[str, Array] = {}
        for handle in (*action.reads, *action.writes):
            for name in names:
                if handle.owner == f"hidden:{name}":
                    found[name] = self._memories.view(
                        handle.page.key, handle.start, np.dtype(np.uint8), 1, handle.stop - handle.start
                    ).reshape(-1)
        return found

    # ------------------------------------------------------------ FIFOs

    def _move(self, call: DataMove) -> Callable[[Action, CoreRun], Effect]:
        """TPUSH and TPOP: a tile to or from its part of a slot, row by row."""
        place, memories = call.tile, self._memories
        dtype, (rows, columns) = _dtype(place), place.shape
        get = self._view(place)

        def bind(action: Action, run: CoreRun) -> Effect:
            handle = (action.writes if call.push else action.reads)[0]
            if call.push:
                source = get(run) if not action.reads else _of(memories, action.reads[0], dtype, rows, columns)
                part = _lane_part(source, handle, call.fifo)
                slot = self._slot(handle, call, run.code.name, *part.shape)
                return lambda: put(slot, part)
            slot = self._slot(handle, call, run.code.name, rows, columns)
            target = _of(memories, action.writes[0], dtype, rows, columns)
            return lambda: put(target, slot)

        return bind

    def _slot(self, handle: Handle, call: DataMove, core: str, rows: int, columns: int) -> Array:
        """The part of a slot that a tile goes to: with left_right a lane has one half of every row of a shared slot."""
        fifo = call.fifo
        dtype = _dtype(call.tile) if fifo.raw else DTYPES[fifo.dtype]
        own = handle.page.key.startswith("AIV") or not core.startswith("AIV") or fifo.lanes < 2
        if own or fifo.split != "left_right":
            return self._memories.view(handle.page.key, handle.start, dtype, rows, columns)
        lane, width = int(core[3]), columns * dtype.itemsize
        start = handle.start - lane * (fifo.lane_bytes - width)
        return self._memories.view(handle.page.key, start, dtype, rows, columns, 2 * width)

    # ------------------------------------------------------------ uninterpreted

    def _opaque(self, number: int) -> Callable[[Action, CoreRun], Effect]:
        memories, salt = self._memories, str(number).encode()

        def bind(action: Action, run: CoreRun) -> Effect:
            return lambda: _scramble(memories, action, salt)

        return bind


def _nothing() -> None:
    """Every store is visible when it is complete: a dsb has nothing to do."""


def _lane_part(tile: Array, handle: Handle, fifo: PlacedFifo) -> Array:
    """What of a tile goes to the memory of one lane (A5: the cube stores into both lanes' UB); else all of it."""
    if not handle.page.key.startswith("AIV") or handle.stop - handle.start >= tile.nbytes:
        return tile
    lane = int(handle.page.key[3])
    if fifo.split == "left_right":
        half = tile.shape[1] // 2
        return tile[:, lane * half : (lane + 1) * half]
    half = tile.shape[0] // 2
    return tile[lane * half : (lane + 1) * half]


def _described(call: DataCall, op: str) -> bool:
    spaces = [None if place is None else place.space for place in call.places]
    regions = any(isinstance(operand, Region) for operand in call.statement.operands)
    return describes(op, spaces, len(call.effect.writes)) and not regions


def _parts(operand: Operand, scope: Scope) -> list[tuple[Evaluate, Evaluate]]:
    """The slices of a tile operand, `tile[i, 0:rows, 0:columns]`, through the arguments of calls."""
    while isinstance(operand, Name | Index):
        slices = [i for i in operand.indices if isinstance(i, Slice)] if isinstance(operand, Index) else []
        if slices:
            compiler = Compiler(scope)
            return [(compiler.compile(i.start)[0], compiler.compile(i.stop)[0]) for i in slices]
        meaning = scope.get(operand.name)
        if not isinstance(meaning, Bound):
            break
        operand, scope = meaning.operand, meaning.scope
    return []


def _dtype(place: Place) -> np.dtype[Any]:
    assert isinstance(place, TilePlace | FloatingPlace | PoppedPlace)
    return DTYPES[place.dtype if isinstance(place, PoppedPlace) else place.tile.dtype]


def _of(memories: Memories, handle: Handle, dtype: np.dtype[Any], rows: int, columns: int) -> Array:
    return memories.view(handle.page.key, handle.start, dtype, rows, columns)


def _number(value: object) -> int:
    if isinstance(value, int):
        return value
    assert isinstance(value, Linear)
    names = ", ".join(name_of(item) for item, _ in value.terms)
    raise Wrong(f"this depends on {names}, which has no value: give it in the inputs")


def _scramble(memories: Memories, action: Action, salt: bytes) -> None:
    digest = hashlib.shake_128(salt)
    for handle in action.reads:
        memory = memories[handle.page.key]
        memory.need(handle.start, handle.stop)
        digest.update(memory.bytes[handle.start : handle.stop].tobytes())
    for handle in action.writes:
        memory = memories[handle.page.key]
        memory.need(handle.start, handle.stop)
        memory.bytes[handle.start : handle.stop] = np.frombuffer(digest.digest(handle.stop - handle.start), np.uint8)
