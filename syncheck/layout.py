"""Where tiles, tensors and FIFOs lie, for one choice of the listed parameters; and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace

from syncheck.expressions import Compiler, Meaning, Misused
from syncheck.ir import Expr, Fifo, Program, Tensor, Tile
from syncheck.machine import Machine
from syncheck.machine_types import DTYPE_BYTES
from syncheck.source import Problem, Span
from syncheck.symbolic import Store
from syncheck.value import Record, Value, frozen, mutable

SPLIT_LANES = {"none": 1, "up_down": 2, "left_right": 2}


@frozen
class PlacedTile(Value):
    """`slots` tiles of `bytes` each from `address` (None: bound by TPOP of `source`, or where each use says); rows ×
    columns of the dtype."""

    name: str
    space: str
    address: int | None
    slots: int
    bytes: int
    rows: int
    columns: int
    span: Span
    source: str = ""
    owner: str = ""
    dtype: str = ""


@frozen
class PlacedTensor(Value):
    """`row_bytes[k]` is the size of one step of index k; `total` the bytes of all of it, None where a parameter
    decides."""

    name: str
    key: str
    offset: int
    row_bytes: tuple[int, ...]
    extents: tuple[int | None, ...]
    span: Span
    element: int = 1
    dtype: str = ""

    @property
    def total(self) -> int | None:
        first = self.extents[0] if self.extents else 1
        if self.strided and first is not None:
            return (first - 1) * self.row_bytes[0] + self.extent_of_row
        return None if first is None else first * (self.row_bytes[0] if self.row_bytes else 1)

    @property
    def extent_of_row(self) -> int:
        """The bytes of one row of a tensor of two dimensions, without what lies between it and the next."""
        return (self.extents[1] or 1) * self.element

    @property
    def strided(self) -> bool:
        return len(self.extents) == 2 and self.row_bytes[0] != self.extent_of_row


@frozen
class PlacedFifo(Value):
    """A FIFO with its numbers; slot_bytes is the whole slot, `lanes` how many vector lanes share it. `raw`: the slot
    is only room, and tiles decide how much of it they use; then local_stride 0 is the popped tile's bytes."""

    name: str
    direction: str
    slots: int
    flag: int
    slot_bytes: int
    lanes: int
    split: str
    local_space: str
    local_address: int | None
    local_slots: int
    local_stride: int
    back_pressure: bool
    record_auto: bool
    wait_from: int
    period: int
    span: Span
    instead_of: tuple[str, ...] = ()
    raw: bool = False
    dtype: str = ""

    @property
    def lane_bytes(self) -> int:
        return self.slot_bytes // self.lanes


@frozen
class Flaw(Value):
    """Something wrong with a declaration itself: `kind` is told to the detectors, `text` completes their sentence."""

    kind: str
    span: Span
    text: str
    other: Span | None = None


@mutable
class Layout(Record):
    tiles: dict[str, PlacedTile] = field(default_factory=dict)
    tensors: dict[str, PlacedTensor] = field(default_factory=dict)
    fifos: dict[str, PlacedFifo] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)


def lay_out(program: Program, scope: Mapping[str, Meaning], machine: Machine) -> Layout:
    """Places everything that `program` declares, `scope` giving constants and pinned parameters their values."""
    layout = Layout()
    number = _Numbers(scope)
    owners = _owners(program.tiles)
    for tensor in program.tensors:
        _keep(layout, lambda t=tensor: layout.tensors.__setitem__(t.name, _tensor(t, number, layout)), tensor.span)
    for fifo in program.fifos:
        _keep(layout, lambda f=fifo: layout.fifos.__setitem__(f.name, _fifo(f, number, machine)), fifo.span)
    for tile in program.tiles:
        _keep(layout, lambda t=tile: layout.tiles.__setitem__(t.name, _tile(t, number, layout, owners)), tile.span)
    layout.flaws += _space_flaws(layout, machine)
    layout.flaws += _fifo_flaws(layout)
    if machine.options.get("local_slot_stride") == "undecided":
        layout.flaws += _wider_rings(layout)
    return layout


def _keep(layout: Layout, place: object, span: Span) -> None:
    try:
        place()  # type: ignore[operator]
    except Misused as misused:
        layout.problems.append(Problem(misused.where(span), misused.message, misused.expected))


class _Numbers:
    """Evaluates expressions that must be plain numbers here."""

    def __init__(self, scope: Mapping[str, Meaning]) -> None:
        self._compiler = Compiler(scope)

    def __call__(self, expr: Expr, span: Span, what: str, least: int = 0) -> int:
        value = self.maybe(expr)
        if value is None:
            raise Misused(span, f"{what} depends on a value that is not pinned", "give the parameter a value or a list")
        if value < least:
            raise Misused(span, f"{what} is {value}", f"at least {least}")
        return value

    def maybe(self, expr: Expr) -> int | None:
        function, constant = self._compiler.compile(expr)
        try:
            value = function([], Store(lambda _: (None, None))) if constant else None
        except ZeroDivisionError:
            raise Misused(None, "this divides by zero or shifts by too much") from None
        return value if isinstance(value, int) else None


def _owners(tiles: tuple[Tile, ...]) -> dict[str, str]:
    """One owner for all tiles that are declared aliases of each other."""
    owner = {tile.name: tile.name for tile in tiles}

    def root(name: str) -> str:
        while owner.get(name, name) != name:
            name = owner[name]
        return name

    for tile in tiles:
        for alias in tile.aliases:
            if alias in owner:
                owner[root(tile.name)] = root(alias)
    return {tile.name: root(tile.name) for tile in tiles}


def _tile(tile: Tile, number: _Numbers, layout: Layout, owners: Mapping[str, str]) -> PlacedTile:
    shape = [number(e, tile.span, f"the shape of {tile.name}", 1) for e in tile.shape]
    size = DTYPE_BYTES[tile.dtype]
    for extent in shape:
        size *= extent
    address = None if tile.address is None else number(tile.address, tile.span, f"the address of {tile.name}")
    slots = number(tile.slots, tile.span, f"the number of slots of {tile.name}", 1)
    if tile.source and tile.source not in layout.fifos:
        raise Misused(tile.span, f"{tile.name} comes from a FIFO that could not be placed")
    rows = shape[0] if shape else 1
    columns = size // DTYPE_BYTES[tile.dtype] // rows
    owner = f"fifo:{tile.source}" if tile.source else owners[tile.name]
    return PlacedTile(
        tile.name, tile.space, address, slots, size, rows, columns, tile.span, tile.source, owner, tile.dtype
    )  # fmt: skip


def _tensor(tensor: Tensor, number: _Numbers, layout: Layout) -> PlacedTensor:
    inner = [number(e, tensor.span, f"an inner dimension of {tensor.name}", 1) for e in tensor.shape[1:]]
    element = DTYPE_BYTES[tensor.dtype]
    steps = [element]
    for extent in reversed(inner):
        steps.insert(0, steps[0] * extent)
    if tensor.stride is not None:
        steps[0] = element * number(tensor.stride, tensor.span, f"the stride of {tensor.name}")
    first = number.maybe(tensor.shape[0]) if tensor.shape else None
    extents: tuple[int | None, ...] = (first, *inner) if tensor.shape else ()
    key, offset = f"gm:{tensor.name}", 0
    if tensor.view_of:
        base = layout.tensors.get(tensor.view_of)
        if base is None:
            raise Misused(tensor.span, f"{tensor.name} is a view of {tensor.view_of}, which is not declared before it")
        key, offset = base.key, base.offset + number(tensor.offset, tensor.span, f"the offset of {tensor.name}")
    return PlacedTensor(
        tensor.name, key, offset, tuple(steps[: len(extents)]), extents, tensor.span, element, tensor.dtype
    )  # fmt: skip


def _fifo(fifo: Fifo, number: _Numbers, machine: Machine) -> PlacedFifo:
    def of(expr: Expr | None, what: str, default: int, least: int = 0) -> int:
        return default if expr is None else number(expr, fifo.span, f"{what} of {fifo.name}", least)

    size = DTYPE_BYTES[fifo.dtype]
    for extent in fifo.shape:
        size *= of(extent, "the shape", 1, 1)
    lanes = SPLIT_LANES[fifo.split]
    slots = of(fifo.slots, "slots", 2, 1)
    tile = size // lanes if fifo.direction.startswith("C2V") else size
    raw = len(fifo.shape) == 1 and fifo.dtype == "uint8"
    return PlacedFifo(
        name=fifo.name,
        direction=fifo.direction,
        slots=slots,
        flag=of(fifo.flag, "flag", 0),
        slot_bytes=size,
        lanes=lanes,
        split=fifo.split,
        local_space=fifo.local_space,
        local_address=None if fifo.local_address is None else of(fifo.local_address, "local", 0),
        local_slots=of(fifo.local_slots, "local_slots", 2, 1),
        local_stride=of(fifo.local_stride, "local_stride", 0 if raw else tile, 0 if raw else 1),
        back_pressure=fifo.back_pressure,
        record_auto=fifo.record_auto,
        wait_from=of(fifo.wait_from, "wait_from", slots),
        period=of(fifo.period, "period", _period(fifo.direction, slots, machine), 1),
        span=fifo.span,
        instead_of=fifo.instead_of,
        raw=raw,
        dtype=fifo.dtype,
    )


def _space_flaws(layout: Layout, machine: Machine) -> Iterator[Flaw]:
    places = [(t.name, t.space, t.address, t.slots * t.bytes, t.bytes, t.span) for t in layout.tiles.values()]
    for fifo in layout.fifos.values():
        last = fifo.lane_bytes if fifo.direction.startswith("C2V") else fifo.slot_bytes
        size = (fifo.local_slots - 1) * (fifo.local_stride or last) + last
        places.append(
            (f"the local ring of {fifo.name}", fifo.local_space, fifo.local_address, size, fifo.local_stride, fifo.span)
        )
    for name, space, address, size, step, span in places:
        limits = machine.spaces.get(space)
        if address is None:
            continue
        if limits is None:
            layout.problems.append(Problem(span, f"{machine.name} has no space {space}", ", ".join(machine.spaces)))
            continue
        if address + size > limits.bytes:
            end = f"{name} ends at 0x{address + size:x}, {address + size - limits.bytes} bytes past the end of {space}"
            yield Flaw("capacity", span, f"{end} ({limits.bytes // 1024} KB on {machine.name})")
        if address % limits.align or (size > step and step % limits.align):
            where = address if address % limits.align else address + step
            yield Flaw(
                "misaligned", span, f"{name} starts at 0x{where:x}; {space} wants multiples of {limits.align} bytes"
            )


def _fifo_flaws(layout: Layout) -> Iterator[Flaw]:
    fifos = list(layout.fifos.values())
    for i, one in enumerate(fifos):
        for other in fifos[:i]:
            if _never_together(one, other):
                continue
            shared = {one.flag, one.flag + 1} & {other.flag, other.flag + 1}
            if shared:
                ids = ", ".join(map(str, sorted(shared)))
                yield Flaw(
                    "fifo flags", one.span, f"{one.name} and {other.name} both use cross-core flag {ids}", other.span
                )
            if _rings_meet(one, other):
                text = f"the local rings of {one.name} and {other.name} share bytes of {one.local_space}"
                yield Flaw("fifo rings", one.span, text, other.span)
        if one.slot_bytes % one.lanes:
            yield Flaw("fifo shape", one.span, f"the slot of {one.name} cannot be split over {one.lanes} lanes")


def _wider_rings(layout: Layout) -> Iterator[Flaw]:
    """Rings whose slots are taken to lie a tile apart, and that meet another ring if they lie a slot apart."""
    fifos = list(layout.fifos.values())
    for one in fifos:
        if not one.raw or one.local_stride or one.local_slots < 2:
            continue
        wide = replace(one, local_stride=one.slot_bytes)
        for other in fifos:
            if other is one or _never_together(one, other) or _rings_meet(one, other):
                continue
            if _rings_meet(wide, other):
                text = f"if the slots of {one.name}'s local ring lie {one.slot_bytes} bytes apart (a slot, not a tile)"
                yield Flaw("fifo stride", one.span, f"{text}, it reaches into that of {other.name}", other.span)
                break


def _never_together(one: PlacedFifo, other: PlacedFifo) -> bool:
    """Whether one is declared to stand instead of the other."""
    return one.name in other.instead_of or other.name in one.instead_of


def _rings_meet(one: PlacedFifo, other: PlacedFifo) -> bool:
    if one.local_address is None or other.local_address is None or one.local_space != other.local_space:
        return False

    def end(fifo: PlacedFifo) -> int:
        last = fifo.lane_bytes if fifo.direction.startswith("C2V") else fifo.slot_bytes
        return (fifo.local_address or 0) + (fifo.local_slots - 1) * (fifo.local_stride or last) + last

    return one.local_address < end(other) and other.local_address < end(one)


def _period(direction: str, slots: int, machine: Machine) -> int:
    facts = machine.fifo.get(direction)
    return slots if facts is None else facts.period(slots)
