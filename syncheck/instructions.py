"""Each statement as the machine runs it: its operands placed, its pipe and hidden steps taken from the machine's
table."""

from __future__ import annotations

from collections.abc import Sequence

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL, WAIT, Action, Site
from syncheck.execution import Kernel
from syncheck.expressions import Compiler, Evaluate, Misused
from syncheck.fifo_lowering import FifoLowering
from syncheck.ir import (
    At,
    Barrier,
    Binary,
    Const,
    CrossSet,
    CrossWait,
    Expr,
    FifoOp,
    Index,
    Instr,
    Name,
    Operand,
    Region,
    SetFlag,
    Slice,
    Statement,
    TileOp,
    WaitFlag,
)  # fmt: skip
from syncheck.layout import PlacedTensor, PlacedTile
from syncheck.lowering import Bound, Cross, DataCall, Emitter, Fence, Fixed, Flag, Frames, Scope, Several, Step, Where
from syncheck.machine import Effect, Machine, Variant
from syncheck.machine_types import DTYPE_BYTES, FENCES
from syncheck.observation import Access, Case, Remark
from syncheck.places import FixedPlace, FloatingPlace, Place, PoppedPlace, RegionPlace, TensorPlace, TilePlace
from syncheck.shapes import Shapes
from syncheck.source import Span
from syncheck.symbolic import NOTHING

INNER_EVENT = -1
"""The event id of hand-overs inside library instructions: theirs alone, so that they never pair with the kernel's."""


class Instructions:
    """Lowers statements for one Kernel. Call `finish` once all are lowered."""

    def __init__(self, kernel: Kernel, machine: Machine) -> None:
        self.kernel = kernel
        self.machine = machine
        self._written: set[str] = set()
        self._addresses: list[tuple[str, Expr, Span, Where]] = []
        self._sizes: list[tuple[str, Expr, Span, Where]] = []
        self._fifos = FifoLowering(self, kernel, machine)

    def finish(self) -> None:
        """What needs the whole text: flaws of declarations, and how addresses of written memory grow with loops."""
        for key, start, span, where in self._addresses:
            if key in self._written or key == "GM":
                shape = Shapes(where.scope, self.kernel.demands).value(start, span)
                self.kernel.tensor_uses.setdefault(key, []).append((where.name, shape))
        for key, size, span, where in self._sizes:
            if key in self._written or key == "GM":
                Shapes(where.scope, self.kernel.demands).need(size, span)
        for flaw in self.kernel.layout.flaws:
            self.remark(flaw.kind, flaw.span, flaw.text, flaw.other)

    def statement(self, statement: Statement, name: str, index: int, frames: Frames, scope: Scope) -> Emitter | None:
        try:
            return self._statement(statement, Where(name, index, frames, scope))
        except Misused as misused:
            if misused.rule == "MEM001" and self._between_cores(getattr(statement, "op", "")):
                misused.rule = "SYN001"  # it can reach that memory, and which core's is not followed
            raise

    def _between_cores(self, op: str) -> bool:
        """Whether some form of an instruction moves data from the memory of one kind of core to that of another."""
        spaces = self.machine.spaces
        for variant in self.machine.variants(op) if op else ():
            owners = [{spaces[one].core for one in allowed if one in spaces} for _, allowed in variant.spaces]
            if any(not one & other for one in owners for other in owners if one and other):
                return True
        return False

    def _statement(self, statement: Statement, where: Where) -> Emitter | None:
        match statement:
            case Instr():
                return self._instr(statement, where)
            case TileOp():
                return self._tile_op(statement, where)
            case SetFlag(src, dst, event, span):
                return self._flag(SET, src, dst, event, span, where)
            case WaitFlag(src, dst, event, span):
                return self._flag(WAIT, src, dst, event, span, where)
            case Barrier(pipe, span):
                return self._barrier(pipe, span, where)
            case CrossSet(pipe, mode, flag, span):
                op = "ffts_cross_core_sync" if mode != Const(4) else "set_intra_block"
                return self.cross(SIGNAL, pipe, mode, flag, span, where, op)
            case CrossWait(pipe, flag, span, intra):
                op = "wait_intra_block" if intra else "wait_flag_dev"
                return self.cross(HEAR, pipe, None, flag, span, where, op)
            case FifoOp():
                return self._fifos.statement(statement, where)
        raise Misused(statement.span, "this statement cannot stand here")

    # ------------------------------------------------------------ sites

    def site(self, where: Where, span: Span, pipe: str, op: str, *, hidden: bool = False, detail: str = "") -> Site:
        site = Site(len(self.kernel.sites), span, where.name, pipe, op, where.frames, hidden, detail)
        self.kernel.sites.append(site)
        return site

    def agent(self, where: Where, pipe: str, span: Span) -> int:
        pipes = self.machine.pipes.get(where.kind, ())
        if pipe not in pipes:
            raise Misused(span, f"{where.kind} has no PIPE_{pipe} on {self.machine.name}", ", ".join(pipes))
        return self.kernel.wiring.agent(where.index, pipe)

    def remark(self, kind: str, span: Span, text: str, other: Span | None = None, where: Where | None = None) -> None:
        """Something that is wrong before anything runs."""
        places = []
        for place in (span, other):
            if place is not None:
                core, index, frames = ("", 0, ()) if where is None else (where.name, where.index, where.frames)
                site = Site(len(self.kernel.sites), place, core, "", "", frames)
                self.kernel.sites.append(site)
                places.append(Access(Action(ACCESS, index, 0, site.number), (), 0))
        self.kernel.remarks.append(Remark(kind, tuple(places), Case(), text=text))

    # ------------------------------------------------------------ flags, barriers, signals

    def _flag(self, code: int, src: str, dst: str, event: Expr, span: Span, where: Where) -> Emitter:
        verb = "set_flag" if code == SET else "wait_flag"
        self._check_pair(verb, src, dst, span, where)
        pipe = src if code == SET else dst
        site = self.site(where, span, pipe, verb, detail=f"PIPE_{src}, PIPE_{dst}")
        wiring = self.kernel.wiring

        def strange(action: Action, number: int) -> None:
            self._check_id("event", number, span, where)

        return Flag(
            code, site.number, where.index, wiring.agent(where.index, pipe), src, dst,
            self.value(event, where, span), wiring, pipe == "S", (0, 7), strange,
            constant=Compiler(where.scope).compile(event)[1],
        )  # fmt: skip

    def _check_pair(self, verb: str, src: str, dst: str, span: Span, where: Where) -> None:
        pair = self.machine.pair(where.kind, src, dst)
        status = "illegal" if pair is None else pair.status
        if status == "accepted":
            status = "legal" if self.machine.options["aic_s_pairs"] == "accept" else "illegal"
        if status == "legal":
            return
        text = f"{verb}(PIPE_{src}, PIPE_{dst}) on {where.kind} of {self.machine.name}"
        if src == dst:
            text += ": a pipe orders itself with pipe_barrier"
        kind = "pair undocumented" if status == "undocumented" else "pair illegal"
        self.remark(kind, span, text, where=where)

    def _check_id(self, what: str, number: int, span: Span, where: Where) -> None:
        machine = self.machine
        low, high = machine.event_ids if what == "event" else machine.cross_ids
        reserved = machine.reserved_events if what == "event" else machine.reserved_cross
        name = "event id" if what == "event" else "cross-core flag"
        if not low <= number <= high:
            text = f"{name} {number} is out of range: {machine.name} has {low} to {high}"
            self.remark("id range", span, text, where=where)
            return
        for entry in reserved:
            if entry.low <= number <= entry.high:
                self.remark("id reserved", span, f"{name} {number} is reserved by {entry.owner}", where=where)

    def _barrier(self, pipe: str, span: Span, where: Where) -> Emitter:
        if pipe == "ALL":
            site = self.site(where, span, "S", "pipe_barrier", detail="PIPE_ALL")
            agent = self.kernel.wiring.scalar[where.index]
            return Fixed((Action(ALL, where.index, agent, site.number, scalar=True),))
        if pipe == "S":
            raise Misused(span, "pipe_barrier(PIPE_S) faults: the scalar unit is in order", "remove it")
        agent = self.agent(where, pipe, span)
        return Fixed((self.inner_barrier(where, span, pipe, agent, "pipe_barrier", hidden=False),))

    def inner_barrier(self, where: Where, span: Span, pipe: str, agent: int, op: str, *, hidden: bool = True) -> Action:
        site = self.site(where, span, pipe, op, hidden=hidden, detail=f"PIPE_{pipe}")
        return Action(BARRIER, where.index, agent, site.number, tag=1 if hidden else -1)

    def cross(self, code: int, pipe: str, mode: Expr | None, flag: Expr, span: Span, where: Where, op: str) -> Emitter:
        """A cross-core signal or wait; wait_flag_dev holds issue where the machine says so, whatever pipe it names."""
        if op.endswith("intra_block") and self.machine.intra_ids is None:
            raise Misused(
                span, f"{self.machine.name} has no {op}", "ffts_cross_core_sync and wait_flag_dev (or --machine a5)"
            )
        if code == HEAR and self.machine.cross_wait == "S":
            pipe = "S"
        if code == SIGNAL and pipe in ("ALL", "S") and self.machine.cross_wait == "S":
            raise Misused(span, f"{op} cannot be sent by PIPE_{pipe}", "the pipe that wrote the data")
        agent = self.agent(where, pipe, span)
        site = self.site(where, span, pipe, op)

        def strange(action: Action, mode_: int, number: int) -> None:
            intra = self.machine.intra_ids is not None and mode_ in (4, -1)
            self._check_id("cross", number % 16 if intra and 0 <= number < 32 else number, span, where)

        allowed = (*self.machine.cross_modes, 4)
        value = None if mode is None else self.value(mode, where, span)
        if isinstance(mode, Const) and mode.value not in allowed:
            raise Misused(
                span, f"there is no cross-core mode {mode.value}", ", ".join(map(str, self.machine.cross_modes))
            )
        return Cross(
            code, site.number, where.index, agent, value, self.value(flag, where, span), self.kernel.wiring,
            pipe == "S", (0, 31 if op.endswith("intra_block") else 15), strange,
            constant=all(Compiler(where.scope).compile(e)[1] for e in (mode, flag) if e is not None),
        )  # fmt: skip

    # ------------------------------------------------------------ instructions

    def _instr(self, instr: Instr, where: Where) -> Emitter:
        agent = self.agent(where, instr.pipe, instr.span)
        site = self.site(where, instr.span, instr.pipe, instr.op)
        reads = tuple(self._must_place(o, where, instr.span) for o in instr.reads)
        writes = tuple(self._must_place(o, where, instr.span, written=True) for o in instr.writes)
        return Step(
            site.number, where.index, agent, reads, writes, scalar=instr.pipe == "S", atomic=instr.atomic,
            users=self.kernel.users,
        )  # fmt: skip

    def _must_place(self, operand: Operand, where: Where, span: Span, *, written: bool = False) -> Place:
        place = self.place(operand, where, written=written)
        if place is None:
            raise Misused(span, "an instruction reads and writes memory", "a tile, a tensor or bytes like UB[0:64]")
        return place

    def _tile_op(self, statement: TileOp, where: Where) -> Emitter | None:
        places = [None if _is_fence(operand) else self.place(operand, where) for operand in statement.operands]
        spaces = [None if place is None else place.space for place in places]
        variant = self.machine.find(
            statement.op, spaces, [_width(place) for place in places], [_dtype(place) for place in places]
        )
        if variant is None:
            raise self._no_such(statement, places)
        parts: list[Emitter] = []
        if statement.op == "dsb" and self.machine.options["dsb_drains_dma"] == "yes":
            parts += self._drained(statement, where)
        if statement.op == "dsb":
            parts += self._fenced(statement, where)
        for effect in variant.steps:
            parts += self._effect(effect, variant, statement, places, where)
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else Several(tuple(parts))

    def _no_such(self, statement: TileOp, places: Sequence[Place | None]) -> Misused:
        known = self.machine.variants(statement.op)
        if not known:
            near = self.machine.nearest_op(statement.op)
            hint = f"did you mean {near}?" if near else "an instruction of the table, or a def"
            return Misused(statement.span, f"{self.machine.name} has no instruction {statement.op}", hint)
        shape = ", ".join("scalar" if p is None else p.space for p in places)
        forms = " or ".join(sorted({form(v) for v in known}))
        return Misused(statement.span, f"{statement.op} does not take ({shape}) on {self.machine.name}", forms)

    def _effect(
        self, effect: Effect, variant: Variant, statement: TileOp, places: Sequence[Place | None], where: Where
    ) -> list[Emitter]:
        span = statement.span
        if effect.barrier == "ALL":
            site = self.site(where, span, "S", statement.op, hidden=True, detail="PIPE_ALL")
            scalar = self.kernel.wiring.scalar[where.index]
            return [Fixed((Action(ALL, where.index, scalar, site.number, scalar=True, tag=1),))]
        agent = self.agent(where, effect.barrier or effect.pipe, span)
        if effect.barrier:
            return [Fixed((self.inner_barrier(where, span, effect.barrier, agent, statement.op),))]
        if effect.to:
            return self._inner_flag(effect, statement, where)
        op = f"{statement.op}.{effect.suffix}" if effect.suffix else statement.op
        site = self.site(where, span, effect.pipe, op, detail=self._size(effect, places))
        wiring = self.kernel.wiring
        if statement.op == "dsb":
            wiring.fences.add(site.number)
        flags = tuple(wiring.flag(where.index, f.src, f.dst, f.event) for f in variant.flags)
        self.kernel.calls[site.number] = DataCall(statement, effect, tuple(places), where.scope)
        reads = self._select(effect.reads, places, where)
        writes = self._select(effect.writes, places, where)
        for place in writes:
            if isinstance(place, TensorPlace):
                self._written.add(place.key)
        scalar = effect.pipe == "S"
        return [
            Step(
                site.number, where.index, agent, reads, writes, scalar=scalar, hidden_flags=flags,
                users=self.kernel.users,
            )
        ]  # fmt: skip

    def _inner_flag(self, effect: Effect, statement: TileOp, where: Where) -> list[Emitter]:
        """A hand-over between two pipes inside an instruction: a set and a wait on an event of its own."""
        return self._handed(effect.pipe, effect.to, statement, where)

    def _drained(self, statement: TileOp, where: Where) -> list[Emitter]:
        """What is queued on the pipes that move data to and from GM is complete before S goes on."""
        there = [pipe for pipe in ("MTE2", "MTE3", "FIX") if pipe in self.machine.pipes.get(where.kind, ())]
        return [part for pipe in there for part in self._handed(pipe, "S", statement, where)]

    def _fenced(self, statement: TileOp, where: Where) -> list[Emitter]:
        """The scalar unit waits for its own accesses to the memory that a dsb names; DSB_… is told by its name only."""
        named = statement.operands[0] if statement.operands else None
        spaces = FENCES.get(named.name) if isinstance(named, Name) else None
        if spaces is None:
            return []
        handed = tuple(action for part in self._handed("S", "S", statement, where) for action in part.fixed)
        scalar = self.kernel.wiring.scalar[where.index]
        return [Fence(handed, scalar, where.name, spaces, self.kernel.users)]

    def _handed(self, src: str, dst: str, statement: TileOp, where: Where) -> list[Emitter]:
        wiring, span = self.kernel.wiring, statement.span
        channel = wiring.flag(where.index, src, dst, INNER_EVENT)
        made = []
        for code, pipe in ((SET, src), (WAIT, dst)):
            agent = self.agent(where, pipe, span)
            site = self.site(where, span, pipe, statement.op, hidden=True)
            made.append(Action(code, where.index, agent, site.number, channel=channel, scalar=pipe == "S"))
        return [Fixed(tuple(made))]

    def _size(self, effect: Effect, places: Sequence[Place | None]) -> str:
        if effect.pipe != "M" or not places or places[0] is None:
            return ""
        rows, columns = places[0].shape
        tiles = -(-rows // 16) * -(-columns // 16)
        return "small mad" if 0 < tiles < self.machine.mad_small_tiles else ""

    def _select(self, chosen: Sequence[str], places: Sequence[Place | None], where: Where) -> tuple[Place, ...]:
        selected: list[Place] = []
        for selector in chosen:
            if selector.startswith("hidden:"):
                selected.append(self._hidden(selector[7:], places, where))
            elif selector.isdigit() and int(selector) < len(places):
                place = places[int(selector)]
                if place is not None:
                    selected.append(place)
        return tuple(selected)

    def _hidden(self, name: str, places: Sequence[Place | None], where: Where) -> Place:
        scratch = self.machine.hidden[name]
        rows = places[0].shape[0] if places and places[0] is not None else 0
        stop = scratch.stop
        if scratch.bytes_per_row and rows:
            rows = -(-rows // scratch.rows_at_once) * scratch.rows_at_once
            stop = min(stop, scratch.start + scratch.bytes_per_row * rows)
        page = self.kernel.atlas.page(f"{where.name}:{scratch.space}", scratch.space)
        return FixedPlace(page.handle(scratch.start, stop, f"hidden {name}", f"hidden:{name}"), scratch.space)

    # ------------------------------------------------------------ operands

    def value(self, expr: Expr, where: Where, span: Span) -> Evaluate:
        """A value that picks a flag, a slot or bytes."""
        return self.settled(expr, where, span)[0]

    def settled(self, expr: Expr, where: Where, span: Span) -> tuple[Evaluate, bool]:
        """Such a value, and whether it is the same each time."""
        if not isinstance(expr, Const):
            Shapes(where.scope, self.kernel.demands).need(expr, span)
        return Compiler(where.scope).compile(expr)

    def place(self, operand: Operand, where: Where, *, written: bool = False) -> Place | None:
        """The bytes an operand names; None where it is a value."""
        if isinstance(operand, Region):
            return self._region(operand, where)
        if isinstance(operand, At):
            return self._placed(operand, where, written)
        if not isinstance(operand, Name | Index):
            return None
        meaning = where.scope.get(operand.name, operand)
        if isinstance(meaning, Bound):
            inner = Where(where.name, where.index, where.frames, meaning.scope)
            target = meaning.operand
            if isinstance(operand, Index) and isinstance(target, Name):
                return self._indexed(target.name, operand, where, written)
            return self.place(target, inner, written=written)
        if meaning is not None:
            return None
        return self._indexed(operand.name, operand, where, written)

    def _placed(self, operand: At, where: Where, written: bool) -> Place:
        """A tile that has no address of its own, at this one; a tensor, moved."""
        meaning = where.scope.get(operand.name, operand)
        name = operand.name
        if isinstance(meaning, Bound):
            if not isinstance(meaning.operand, Name):
                raise Misused(operand.span, f"{name} already has its place", name)
            name = meaning.operand.name
        layout = self.kernel.layout
        if name in layout.tensors:
            place = self._tensor(layout.tensors[name], (), operand.span, where, operand.offset)
            if written:
                self._written.add(place.key)
            return place
        tile = layout.tiles.get(name)
        if tile is None or tile.source or tile.address is not None:
            raise Misused(operand.span, f"{name} cannot be placed here", "a tile declared without an address")
        self._check_space(tile.space, operand.span, where)
        address, constant = self.settled(operand.offset, where, operand.span)
        return FloatingPlace(
            self.kernel.atlas, f"{where.name}:{tile.space}", tile, address, self.machine.spaces[tile.space].bytes,
            constant,
        )  # fmt: skip

    def _indexed(self, name: str, operand: Name | Index, where: Where, written: bool) -> Place | None:
        layout = self.kernel.layout
        indices = operand.indices if isinstance(operand, Index) else ()
        if name in layout.tiles:
            return self._tile(name, indices, operand.span, where)
        if name in layout.tensors:
            place = self._tensor(layout.tensors[name], indices, operand.span, where)
            if written:
                self._written.add(place.key)
            return place
        raise Misused(operand.span, f"{name} could not be placed in memory", "see the message at its declaration")

    def _tile(self, name: str, indices: Sequence[Expr | Slice], span: Span, where: Where) -> Place:
        layout = self.kernel.layout
        tile = layout.tiles[name]
        memory = f"{where.name}:{tile.space}"
        self._check_space(tile.space, span, where)
        if tile.source:
            fifo = layout.fifos[tile.source]
            return PoppedPlace(self.kernel.atlas, memory, fifo, tile.bytes, (tile.rows, tile.columns), tile.dtype)
        chosen = [i for i in indices if not isinstance(i, Slice)]
        if len(chosen) > 1:
            raise Misused(span, f"{name} takes one slot number", f"{name}[i]")
        if not chosen and tile.slots > 1:
            raise Misused(span, f"{name} has {tile.slots} slots", f"say which: {name}[i % {tile.slots}]")
        index = None if not chosen else self.value(chosen[0], where, span)
        used = _used(tile, [i for i in indices if isinstance(i, Slice)])
        return TilePlace(self.kernel.atlas, memory, tile, index, not chosen, used)

    def _check_space(self, space: str, span: Span, where: Where) -> None:
        limits = self.machine.spaces.get(space)
        if limits is not None and limits.core != where.kind:
            raise Misused(span, f"{where.kind} has no {space}", f"{space} belongs to {limits.core}", "MEM001")

    def _tensor(
        self, tensor: PlacedTensor, indices: Sequence[Expr | Slice], span: Span, where: Where, moved: Expr | None = None
    ) -> TensorPlace:
        if len(indices) > len(tensor.row_bytes):
            raise Misused(span, f"{tensor.name} has {len(tensor.row_bytes)} dimensions, not {len(indices)}")
        start: Expr = Const(tensor.offset) if moved is None else Binary("+", Const(tensor.offset), moved)
        slices = [k for k, index in enumerate(indices) if isinstance(index, Slice)]
        if len(slices) > 2 or (len(slices) == 2 and slices[1] != slices[0] + 1):
            raise Misused(span, "at most two neighbouring dimensions can be sliced")
        for step, index in zip(tensor.row_bytes, indices, strict=False):
            first = index.start if isinstance(index, Slice) else index
            start = Binary("+", start, Binary("*", first, Const(step)))
        rows: Expr | None = None
        stride = 0
        if indices and isinstance(indices[-1], Slice):
            length: Expr = _extent(indices[-1], tensor.row_bytes[len(indices) - 1])
        elif slices:
            raise Misused(span, "only the last dimensions written can be sliced", f"{tensor.name}[r, a:b]")
        elif indices:
            length = Const(tensor.row_bytes[len(indices) - 1])
        elif tensor.strided:
            length, stride = Const(tensor.extent_of_row), tensor.row_bytes[0]
            rows = Const(tensor.extents[0] if tensor.extents[0] is not None else 1)
        else:
            length = Const(tensor.total if tensor.total is not None else 1 << 62)
        if len(slices) == 2:
            outer = indices[slices[0]]
            assert isinstance(outer, Slice)
            rows, stride = _extent(outer, 1), tensor.row_bytes[slices[0]]
        return TensorPlace(
            self.kernel.atlas, tensor.key, tensor.name, self._address(tensor.key, start, span, where),
            self._size_of(tensor.key, length, span, where),
            None if rows is None else self._size_of(tensor.key, rows, span, where), stride,
            None if moved is not None or tensor.total is None else tensor.offset + tensor.total, self._written, tensor,
        )  # fmt: skip

    def _address(self, key: str, start: Expr, span: Span, where: Where) -> Evaluate:
        """An address in GM may grow with the turns of loops; how is remembered until it is known whether it matters."""
        self._addresses.append((key, start, span, where))
        return Compiler(where.scope).compile(start)[0]

    def _size_of(self, key: str, expr: Expr, span: Span, where: Where) -> Evaluate:
        """How much of a tensor is touched: no loop on which that depends may move."""
        self._sizes.append((key, expr, span, where))
        return Compiler(where.scope).compile(expr)[0]

    def _region(self, region: Region, where: Where) -> Place:
        memory = "GM" if region.space == "GM" else f"{where.name}:{region.space}"
        if region.space != "GM":
            self._check_space(region.space, region.span, where)
        start, fixed = Compiler(where.scope).compile(region.start)
        stop, fixed_too = Compiler(where.scope).compile(region.stop)
        Shapes(where.scope, self.kernel.demands).need(Binary("-", region.stop, region.start), region.span)
        if region.space == "GM":
            self._address("GM", region.start, region.span, where)
        else:
            self.value(region.start, where, region.span)
        limits = self.machine.spaces.get(region.space)
        if limits is not None and fixed and fixed_too:
            end = stop([], NOTHING)
            if isinstance(end, int) and end > limits.bytes:
                text = (
                    f"{region.space} ends at 0x{limits.bytes:x} on {self.machine.name}; these bytes go up to 0x{end:x}"
                )
                self.remark("capacity", region.span, text, where=where)
        return RegionPlace(self.kernel.atlas, memory, region.space, start, stop, fixed and fixed_too)


def _used(tile: PlacedTile, valid: Sequence[Slice]) -> int:
    """The bytes of a tile that an access touches: up to the block of 32 bytes in which its valid part ends, where that
    part is two numbers and the tile lies row by row in UB; else all of them."""
    ends = [part.stop.value for part in valid if isinstance(part.stop, Const) and part.stop.value > 0]
    if tile.space != "UB" or len(ends) != 2:
        return tile.bytes
    last = ((ends[0] - 1) * tile.columns + ends[1]) * DTYPE_BYTES[tile.dtype]
    return min(tile.bytes, -(-last // 32) * 32)


def _width(place: Place | None) -> int:
    """The bytes of a row of a tile; 0 if it is none."""
    match place:
        case TilePlace() | FloatingPlace():
            return place.tile.bytes // place.tile.rows
        case PoppedPlace():
            return place.bytes // place.shape[0]
    return 0


def _is_fence(operand: Operand) -> bool:
    return isinstance(operand, Name) and operand.name in FENCES


def _dtype(place: Place | None) -> str:
    """The data type of a tile; "" if it is none."""
    match place:
        case TilePlace() | FloatingPlace():
            return place.tile.dtype
        case PoppedPlace():
            return place.dtype
    return ""


def _extent(part: Slice, step: int) -> Expr:
    return Binary("*", Binary("-", part.stop, part.start), Const(step))


def form(variant: Variant) -> str:
    """How a variant is called: TMOV(L0A, L1)."""
    spaces = dict(variant.spaces)
    count = max([*spaces, -1]) + 1
    parts = ["|".join(sorted(spaces[k])) if k in spaces else "scalar" for k in range(count)]
    return f"{variant.op}({', '.join(parts)})"
