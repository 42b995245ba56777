"""TPipe in C++: FIFOs between the cores, pushed, popped, recorded and freed by hand or by the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from syncheck.frontends.cpp.emission import empty, tile_operand
from syncheck.frontends.cpp.kinds import INT, Class, PipeType, StoreType
from syncheck.frontends.cpp.scopes import Meant
from syncheck.frontends.cpp.state import ZERO, Declared, Pass, Unreadable, short
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.values import Cell, Enum, Lost, Pipe, PipeEnd, Tile, Whole
from syncheck.ir import Const, Expr, Fifo, FifoOp, Index, Name, Slice
from syncheck.source import Problem

SPLITS = {"TILE_NO_SPLIT": "none", "TILE_UP_DOWN": "up_down", "TILE_LEFT_RIGHT": "left_right"}


def make(run: Pass, kind: PipeType, values: list[Any], name: str, node: Node) -> Pipe:
    """A TPipe object: (GM buffer, UB of the consumer, L1 of the consumer)."""
    places: list[Expr | None] = []
    for value in (*values[1:3], None, None)[:2]:
        places.append(value.expr if isinstance(value, Whole) else getattr(value, "offset", None))
    both = kind.both or kind.direction == "BOTH"
    made = []
    single = kind.direction if kind.direction in run.machine.fifo else kind.direction.removesuffix("_GM")
    for direction in ("C2V", "V2C") if both else (single,):
        if direction not in run.machine.fifo:
            raise Unreadable(node, f"a FIFO of direction {kind.direction} is not understood", "DIR_C2V, DIR_V2C")
        offset = run.machine.fifo[direction].both_offset if both else 0
        local = places[0] if direction.startswith("C2V") else places[1]
        made.append(_fifo(run, kind, direction, kind.flag + offset, local, name, node, both))
    return Pipe(kind, name, "/".join(made))


def _fifo(
    run: Pass, kind: PipeType, direction: str, flag: int, local: Expr | None, name: str, node: Node, both: bool
) -> str:
    key = ("fifo", flag, direction, kind.slot, kind.slots, local)
    declared = run.declared
    known = declared.placed.get(key)
    if known is not None:
        return known
    hint = (name or "fifo").removesuffix("_pipe") + (f"_{direction.lower()}" if both else "")
    made = run.terms.fresh(hint)
    declared.placed[key] = made
    on_chip = run.machine.fifo[direction].slot_space != "GM"  # the popped tile is the slot: one address each
    apart = on_chip or run.machine.options["local_slot_stride"] == "slot"
    instead = tuple(one for one in declared.fifos if _apart(run, declared.under[one], run.conditions))
    declared.fifos[made] = Fifo(
        made, direction, "uint8", (Const(kind.slot),), node.span, Const(kind.slots), Const(flag),
        "UB" if direction.startswith("C2V") else "L1", local if isinstance(local, Const) else Const(0),
        Const(kind.slots if on_chip else kind.local_slots), Const(kind.slot) if apart else None, instead_of=instead,
    )  # fmt: skip
    declared.under[made] = tuple(run.conditions)
    declared.pipes[made] = kind
    return made


def _apart(run: Pass, one: tuple[Expr, ...], other: list[Expr]) -> bool:
    """Whether two places are never reached in one run: a condition of one is the opposite of one of the other."""
    return any(run.terms.negation(a) == b for a in one for b in other)


def _which(run: Pass, node: Node, pipe: Pipe, producing: bool) -> str:
    """The FIFO of a TPipe that this core pushes to or pops from."""
    names = pipe.fifo.split("/")
    for name in names:
        direction = run.declared.fifos[name].direction
        facts = run.machine.fifo.get(direction)
        if facts is not None and (facts.producer == run.core) == producing:
            return name
    verb = "pushes to" if producing else "pops from"
    raise Unreadable(node, f"{run.core} {verb} {pipe.name}, whose direction does not allow that")


def _of_side(run: Pass, pipe: Pipe, producing: bool) -> list[str]:
    """The FIFOs of a TPipe whose producer (or consumer) this core is: none where the text of both cores is one."""
    declared, facts = run.declared.fifos, run.machine.fifo
    return [
        name for name in pipe.fifo.split("/")
        if declared[name].direction not in facts
        or (facts[declared[name].direction].producer == run.core) == producing
    ]  # fmt: skip


def _split(explicit: list[Any], values: list[Any]) -> str:
    for one in (*explicit, *values):
        if isinstance(one, Enum) and one.name in SPLITS:
            return SPLITS[one.name]
        if isinstance(one, Enum) and one.name.startswith("TILE_"):
            return SPLITS.get(one.name.removesuffix("_ODD"), "")
    return ""


def _move(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """TPUSH(pipe, tile) and TPOP(pipe, tile), in either order."""
    held = [value.value if isinstance(value, Cell) else value for value in values]
    pipe = next((one for one in held if isinstance(one, Pipe)), None)
    tile = next((one for one in held if isinstance(one, Tile)), None)
    if pipe is None or tile is None:
        raise Unreadable(node, f"{name} here is given something else than a FIFO and a tile", f"{name}(pipe, tile)")
    fifo = _which(run, node, pipe, name == "TPUSH")
    split = _split(explicit, values)
    if name == "TPOP":
        run.trail.put(tile.fifo, fifo)
        run.trail.put(tile.address, None)
    stored = _stored(node, explicit)
    declared = run.declared
    if split:
        declared.splits.setdefault(fifo, []).append((run.core, split))
    kind = "push" if name == "TPUSH" else "pop"
    told = run.core != "AIC" or run.machine.fifo[declared.fifos[fifo].direction].split_selects_lanes
    operand = tile_operand(run, node, tile)
    if empty(tile) and isinstance(operand, Name):
        operand = Index(operand.name, (Slice(ZERO, ZERO), Slice(ZERO, ZERO)), operand.span)
    run.emit(FifoOp(kind, fifo, node.span, operand, split if told else "", stored))
    declared.count("instructions", name)
    return None


def _stored(node: Node, explicit: list[Any]) -> str:
    """The type of the elements in the slot, where TPUSH<pipe, tile, FixpipeParams<…>> converts them."""
    for one in explicit:
        kind = one.type if isinstance(one, Meant) else None
        if isinstance(kind, Class) or (isinstance(kind, StoreType) and (kind.stored is None or kind.atomic)):
            raise Unreadable(node, f"how '{short(node)}' stores its tile is not understood", "FixpipeParams<…>")
        if isinstance(kind, StoreType):
            return kind.stored or ""
    return ""


def _free(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    held = [value.value if isinstance(value, Cell) else value for value in values]
    pipe = next((one for one in held if isinstance(one, Pipe)), None)
    if pipe is None:
        raise Unreadable(node, f"{name} takes a FIFO", f"{name}(pipe)")
    if name == "TFREE":
        fifo = _which(run, node, pipe, False)
        if run.declared.fifos[fifo].direction.endswith("_GM"):
            raise Unreadable(node, f"TFREE gives a slot of {fifo} back a second time: its TPOP did", "no TFREE")
        run.emit(FifoOp("tfree", fifo, node.span))
    else:
        raise Unreadable(node, f"{name} is not understood: the slot it hands out is written without TPUSH")
    run.declared.count("instructions", name)
    return None


def on_end(run: Pass, node: Node, end: PipeEnd, name: str, values: list[Any]) -> Any:
    """`pipe.prod.record()`, `pipe.cons.setFreeStatus(false)` …"""
    first = values[0] if values else None
    on = bool(first.number) if isinstance(first, Whole) and first.number is not None else True
    producing = end.side == "prod"
    if name in ("record", "wait", "allocate", "free"):
        run.emit(FifoOp(name, _which(run, node, end.pipe, producing), node.span))
        run.declared.count("synchronisation", name)
        return None
    if name in ("setRecordStatus", "setAllocateStatus", "setFreeStatus"):
        known = isinstance(first, Whole) and first.number is not None
        under = [run.declared.under[fifo] for fifo in end.pipe.fifo.split("/")]
        if not known or any(one != tuple(run.conditions) for one in under):
            raise Unreadable(node, f"whether {end.pipe.name} signals depends on what is not known here ('{name}')")
        for fifo in _of_side(run, end.pipe, producing):
            _switch(run, node, fifo, name, on)
        return None
    if name in ("getTileId", "getTileIndex"):
        fifo = _which(run, node, end.pipe, producing)
        number = run.terms.symbol(f"tile of {fifo} {end.side}", hint="tile_id", low=0)
        run.declared.tile_ids[number.name] = fifo
        return Whole(number, INT)
    if name in ("setEntryOffset", "setTileId", "setWaitStatus", "reset", "getAllocateStatus",
                "getRecordStatus", "getFreeStatus", "getWaitStatus", "setTileIndex"):  # fmt: skip
        if name == "setWaitStatus" and not on:
            raise Unreadable(node, "a consumer that does not wait for its data is not understood")
        return Lost(name)
    raise Unreadable(node, f"'{short(node)}' is not understood")


def _switch(run: Pass, node: Node, fifo: str, name: str, on: bool) -> None:
    held = run.declared.fifos[fifo]
    before = run.declared.pressure.setdefault(fifo, {}).get(name)
    if before is not None and before[0] != on:
        raise Unreadable(node, f"'{name}' switches a FIFO over while it is in use", "one setting for the whole kernel")
    run.declared.pressure[fifo][name] = (on, node.span)
    if name == "setRecordStatus":
        run.declared.fifos[fifo] = replace(held, record_auto=on)
    else:
        run.declared.fifos[fifo] = replace(held, back_pressure=held.back_pressure and on)


def one_sided(declared: Declared) -> list[Problem]:
    """FIFOs of which only one side has back-pressure switched off: their credits do not add up."""
    found = []
    for fifo, said in declared.pressure.items():
        allocate, free = (said.get(name, (True, None)) for name in ("setAllocateStatus", "setFreeStatus"))
        if allocate[0] != free[0]:
            span = (allocate if not allocate[0] else free)[1] or declared.fifos[fifo].span
            which = "producer no longer waits" if free[0] else "consumer no longer frees"
            found.append(Problem(
                span, f"back-pressure of {fifo} is switched off on one side only: its {which}",
                "setAllocateStatus(false) and setFreeStatus(false) together",
            ))  # fmt: skip
    return found


def unanswered(one: FifoOp) -> Problem:
    what = f"the other end of {one.fifo} is not in this file: nothing that passes through it is checked"
    return Problem(one.span, what, "a file whose entry point calls both halves of the kernel")


Handler = Callable[[Pass, Node, str, list[Any], list[Any]], Any]
CALLS: dict[str, Handler] = {"TPUSH": _move, "TPOP": _move, "TFREE": _free, "TALLOC": _free}
