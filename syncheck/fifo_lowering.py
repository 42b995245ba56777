"""TPUSH, TPOP and their handshakes as the machine lowers them (hardware.md §4): waits, stores, loads and signals."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from syncheck.action import HEAR, SIGNAL, Site
from syncheck.execution import Kernel
from syncheck.expressions import Misused
from syncheck.ir import Const, Expr, FifoOp, Index, Operand, Slice
from syncheck.layout import SPLIT_LANES, PlacedFifo
from syncheck.lowering import Advance, DataMove, Emitter, Handshake, Several, Step, Where
from syncheck.machine import FifoLowering as Facts
from syncheck.machine import Handshake as FifoSignal
from syncheck.machine import Machine
from syncheck.machine_types import DTYPE_BYTES
from syncheck.places import NextPopped, OnChipSlot, Place, PoppedPlace, Run, SlotPlace
from syncheck.source import Span

VERBS = {"push": "TPUSH", "pop": "TPOP", "tfree": "TFREE"}


class Lowerer(Protocol):
    """What the FIFO lowering asks of the lowering of single statements."""

    def site(self, where: Where, span: Span, pipe: str, op: str, *, hidden: bool = False, detail: str = "") -> Site: ...

    def agent(self, where: Where, pipe: str, span: Span) -> int: ...

    def cross(
        self, code: int, pipe: str, mode: Expr | None, flag: Expr, span: Span, where: Where, op: str
    ) -> Emitter: ...

    def place(self, operand: Operand, where: Where, *, written: bool = False) -> Place | None: ...

    def remark(
        self, kind: str, span: Span, text: str, other: Span | None = None, where: Where | None = None
    ) -> None: ...


class FifoLowering:
    """Lowers the FIFO statements of one Kernel."""

    def __init__(self, lowerer: Lowerer, kernel: Kernel, machine: Machine) -> None:
        self._lowerer = lowerer
        self._kernel = kernel
        self._machine = machine

    def statement(self, statement: FifoOp, where: Where) -> Emitter | None:
        fifo = self._kernel.layout.fifos.get(statement.fifo)
        if fifo is None:
            raise Misused(statement.span, f"{statement.fifo} could not be placed", "see the message at its declaration")
        facts = self._machine.fifo.get(fifo.direction)
        if facts is None:
            known = ", ".join(self._machine.fifo)
            raise Misused(statement.span, f"{self._machine.name} has no FIFO direction {fifo.direction}", known)
        producing = where.kind == facts.producer
        kind, span = statement.kind, statement.span
        if kind in ("push", "record", "allocate") and not producing:
            raise Misused(span, f"{where.name} only pops from {fifo.name}", f"{fifo.name} carries {fifo.direction}")
        if kind in ("pop", "wait", "free") and producing:
            raise Misused(span, f"{where.name} only pushes to {fifo.name}", f"{fifo.name} carries {fifo.direction}")
        if kind == "push":
            return self._push(statement, fifo, facts, where)
        if kind == "pop":
            return self._pop(statement, fifo, facts, where)
        if kind == "tfree":
            if facts.free_by == "TPOP" or not fifo.back_pressure:
                return None
            free = self._signal(SIGNAL, facts.free, fifo, facts, span, where, "TFREE")
            return Handshake(free, fifo.name, 1, 0, fifo.period)
        signal = {"record": facts.record, "allocate": facts.allocate, "wait": facts.wait, "free": facts.free}[kind]
        code = SIGNAL if kind in ("record", "free") else HEAR
        return self._signal(code, signal, fifo, facts, span, where, f"{fifo.name}.{kind}")

    # ------------------------------------------------------------ push and pop

    def _push(self, statement: FifoOp, fifo: PlacedFifo, facts: Facts, where: Where) -> Emitter:
        span = statement.span
        tile = self._tile(statement, fifo, where)
        moves = not _empty(statement)
        if moves:
            self._check_split(statement, fifo, facts, where, tile)
        parts: list[Emitter] = []
        if fifo.back_pressure:
            wait = self._signal(HEAR, facts.allocate, fifo, facts, span, where, "TPUSH")
            parts.append(Handshake(wait, fifo.name, 0, fifo.wait_from, fifo.period))
        for slot in self._slots(fifo, facts, where, 0, _moved(statement, tile)) if moves else ():
            stores = facts.store
            for position, pipe in enumerate(stores):
                last = position == len(stores) - 1
                parts.append(
                    self._access(
                        where,
                        span,
                        pipe,
                        "TPUSH",
                        tile if position == 0 else None,
                        slot if last else None,
                        fifo,
                        0,
                        tile,
                        statement.stored,
                    )
                )
        parts.append(Advance(fifo.name, 0))
        if fifo.record_auto:
            parts.append(self._signal(SIGNAL, facts.record, fifo, facts, span, where, "TPUSH"))
        return Several(tuple(parts))

    def _pop(self, statement: FifoOp, fifo: PlacedFifo, facts: Facts, where: Where) -> Emitter:
        span = statement.span
        tile = self._tile(statement, fifo, where)
        moves = not _empty(statement)
        if moves:
            self._check_split(statement, fifo, facts, where, tile)
        parts: list[Emitter] = [self._signal(HEAR, facts.wait, fifo, facts, span, where, "TPOP")]
        if facts.load and moves:
            (slot,) = self._slots(fifo, facts, where, 1, _bytes_of(tile))
            parts.append(self._load(where, span, facts.load, slot, tile, fifo))
        parts.append(Advance(fifo.name, 1))
        if fifo.back_pressure and facts.free_by == "TPOP":
            free = self._signal(SIGNAL, facts.free, fifo, facts, span, where, "TPOP")
            parts.append(Handshake(free, fifo.name, 1, 0, fifo.period))
        return Several(tuple(parts))

    def _tile(self, statement: FifoOp, fifo: PlacedFifo, where: Where) -> Place:
        place = None if statement.tile is None else self._lowerer.place(statement.tile, where)
        if place is None:
            raise Misused(
                statement.span, f"{VERBS[statement.kind]} needs a tile", f"{VERBS[statement.kind]}({fifo.name}, tile)"
            )
        if statement.kind == "pop" and not (isinstance(place, PoppedPlace) and place.fifo.name == fifo.name):
            wanted = f"tile … from {fifo.name}"
            raise Misused(statement.span, f"TPOP binds a tile that comes from {fifo.name}", wanted)
        return place

    def _access(
        self,
        where: Where,
        span: Span,
        pipe: str,
        op: str,
        read: Place | None,
        write: Place | None,
        fifo: PlacedFifo,
        side: int,
        moved: Place,
        stored: str,
    ) -> Step:
        agent = self._lowerer.agent(where, pipe, span)
        site = self._lowerer.site(where, span, pipe, op, detail=f"fifo:{fifo.name}")
        if write is not None:
            held = replace(fifo, raw=False, dtype=stored) if stored else fifo
            self._kernel.calls[site.number] = DataMove(held, moved, True)
        reads = () if read is None else (read,)
        writes = () if write is None else (write,)
        return Step(
            site.number, where.index, agent, reads, writes, tagged=_counter(fifo.name, side), users=self._kernel.users
        )

    def _load(self, where: Where, span: Span, pipe: str, slot: Place, tile: Place, fifo: PlacedFifo) -> Step:
        agent = self._lowerer.agent(where, pipe, span)
        site = self._lowerer.site(where, span, pipe, "TPOP", detail=f"fifo:{fifo.name}")
        assert isinstance(tile, PoppedPlace)
        self._kernel.calls[site.number] = DataMove(fifo, tile, False)
        local = NextPopped(tile)
        return Step(
            site.number, where.index, agent, (slot,), (local,), tagged=_counter(fifo.name, 1), users=self._kernel.users
        )

    def _slots(self, fifo: PlacedFifo, facts: Facts, where: Where, side: int, moved: int) -> list[Place]:
        """The slot(s) a push writes or a pop reads: the whole slot for the cube, the own part for a vector lane."""
        atlas = self._kernel.atlas
        lane = int(where.name[3]) if where.name.startswith("AIV") else -1
        if facts.slot_space != "GM":
            size = fifo.lane_bytes if lane >= 0 or facts.consumer == "AIV" else fifo.slot_bytes
            if fifo.raw and moved:  # on a5 the bytes of TPipe are the room of one lane
                size = moved // fifo.lanes if lane < 0 and facts.consumer == "AIV" else moved
            offset = lane * size if lane >= 0 and facts.consumer == "AIC" and fifo.lanes > 1 else 0
            return [
                OnChipSlot(atlas, f"{owner}:{facts.slot_space}", fifo, size, facts.slot_space, side, offset)
                for owner in self._owners(fifo, facts, where)
            ]
        if fifo.raw and moved:  # the tiles decide how much of the room is used
            return [SlotPlace(atlas, fifo, side, max(lane, 0) * moved if fifo.lanes > 1 else 0, moved)]
        if lane < 0 or fifo.lanes == 1:
            return [SlotPlace(atlas, fifo, side, 0, fifo.slot_bytes)]
        return [SlotPlace(atlas, fifo, side, lane * fifo.lane_bytes, fifo.lane_bytes)]

    def _owners(self, fifo: PlacedFifo, facts: Facts, where: Where) -> list[str]:
        """The cores whose memory holds an on-chip slot (A5: the consumer's)."""
        if facts.consumer == "AIC":
            return ["AIC"]
        return [where.name] if where.kind == "AIV" else [f"AIV{lane}" for lane in range(max(fifo.lanes, 1))]

    # ------------------------------------------------------------ signals

    def _signal(
        self, code: int, signal: FifoSignal, fifo: PlacedFifo, facts: Facts, span: Span, where: Where, op: str
    ) -> Emitter:
        flag = fifo.flag + signal.flag
        mode = None if code == HEAR else Const(facts.mode)
        if facts.mode != 4 or where.kind != "AIC":
            return self._lowerer.cross(code, signal.pipe, mode, Const(flag), span, where, op)
        lanes = range(fifo.lanes if facts.split_selects_lanes else 2)
        parts = [
            self._lowerer.cross(code, signal.pipe, mode, Const(flag + facts.lane_stride * lane), span, where, op)
            for lane in lanes
        ]
        return parts[0] if len(parts) == 1 else Several(tuple(parts))

    def _check_split(self, statement: FifoOp, fifo: PlacedFifo, facts: Facts, where: Where, tile: Place) -> None:
        verb = VERBS[statement.kind]
        if statement.split and statement.split != fifo.split:
            text = f"{verb} splits {fifo.name} {statement.split}, but it is declared {fifo.split}"
            self._lowerer.remark("fifo split", statement.span, text, fifo.span, where)
            return
        own = SPLIT_LANES[fifo.split] if where.kind == "AIV" else 1
        size = _moved(statement, tile)
        room = fifo.slot_bytes * (fifo.lanes if fifo.raw and facts.slot_space == "UB" else 1)
        if size and (size * own > room if fifo.raw else size * own != room):
            text = f"{verb} moves {size} bytes on {where.name}, a slot of {fifo.name} holds {room // own}"
            self._lowerer.remark("fifo split", statement.span, text, fifo.span, where)


def _bytes_of(tile: Place) -> int:
    """The bytes of a pushed or popped tile."""
    return getattr(tile, "bytes", 0) or getattr(getattr(tile, "tile", None), "bytes", 0)


def _moved(statement: FifoOp, tile: Place) -> int:
    """The bytes that a push writes or a pop reads in the slot."""
    size, placed = _bytes_of(tile), getattr(tile, "tile", None)
    if not statement.stored or placed is None:
        return size
    return size // DTYPE_BYTES[placed.dtype] * DTYPE_BYTES[statement.stored]


def _empty(statement: FifoOp) -> bool:
    """Whether the valid part of a tile is empty: the handshakes are done, and nothing is moved."""
    parts = statement.tile.indices if isinstance(statement.tile, Index) else ()
    return any(isinstance(part, Slice) and part.stop == Const(0) for part in parts)


def _counter(fifo: str, side: int) -> _Counter:
    return _Counter(fifo, side)


class _Counter:
    """The number of the tile that a push or pop is at."""

    __slots__ = ("_fifo", "_side")

    def __init__(self, fifo: str, side: int) -> None:
        self._fifo = fifo
        self._side = side

    def __call__(self, run: Run) -> int:
        return run.marks.get(self._fifo, (0, 0))[self._side]
