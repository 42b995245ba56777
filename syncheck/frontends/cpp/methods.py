"""Methods of the library's objects: tiles, tensors, events, ends of FIFOs."""

from __future__ import annotations

from typing import Any

from syncheck.frontends.cpp import fifo, sync
from syncheck.frontends.cpp.emission import instruction
from syncheck.frontends.cpp.kinds import LONG
from syncheck.frontends.cpp.state import Pass, Unreadable, short
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.valid_extents import reshape
from syncheck.frontends.cpp.values import (
    Address,
    Event,
    Extents,
    Lost,
    Pipe,
    PipeEnd,
    Real,
    Tensor,
    Tile,
    Whole,
)
from syncheck.ir import Const, Region


def call(run: Pass, node: Node, held: Any, name: str, values: list[Any]) -> Any:
    """`held.name(values)`."""
    if isinstance(held, Tile):
        return _tile(run, node, held, name, values)
    if isinstance(held, Tensor):
        return _tensor(run, node, held, name, values)
    if isinstance(held, Event):
        return _event(run, node, held, name)
    if isinstance(held, PipeEnd):
        return fifo.on_end(run, node, held, name, values)
    if isinstance(held, Pipe):
        return _pipe(run, node, held, name, values)
    if isinstance(held, Extents):
        return Lost(f"{name} of a value", LONG)
    return _lost(run, node, name, values)


def _lost(run: Pass, node: Node, name: str, values: list[Any]) -> Any:
    if any(isinstance(value, Tile | Tensor | Event | Pipe) for value in values):
        raise Unreadable(node, f"'{short(node)}' is given a tile, and what it does is not known")
    if node is run.bare and not run.host:
        raise Unreadable(node, f"'{short(node)}' is not known: it may wait, signal or touch memory")
    if not run.host:
        if "calls" in run.declared.doubt:
            raise Unreadable(node, f"'{short(node)}' is not known: it may wait, signal or touch memory")
        run.declared.plain.setdefault(name, node.span)
    return Lost(f"{name} of something unknown", LONG)


def _tile(run: Pass, node: Node, tile: Tile, name: str, values: list[Any]) -> Any:
    at = tile.address.value
    if name == "data":
        if not isinstance(at, Whole):
            return Lost(f"where {tile.name} lies", LONG)
        return Address(tile.type.space, "", at.expr, tile.type.element)
    if name in ("GetValue", "SetValue"):
        return _element(run, node, tile, name, values)
    if name in ("GetValidRow", "GetValidCol", "rows", "cols", "Rows", "Cols"):
        number = (tile.type.rows, tile.type.columns)["ol" in name]
        known = tile.valid[int("ol" in name)]
        if "Valid" in name and known is None:
            return Whole(run.unknown(f"{tile.name} {name}", low=0), LONG)
        return Whole(Const(known if "Valid" in name and known is not None else number), LONG)
    if name in ("SetValidRow", "SetValidCol", "SetValidShape", "SetValidRegion"):
        numbers = [one.number if isinstance(one, Whole) else None for one in values]
        row, column = numbers if len(numbers) == 2 else [next(iter(numbers), None)] * 2
        valid = {"SetValidRow": (row, tile.valid[1]), "SetValidCol": (tile.valid[0], column)}.get(name, (row, column))
        reshape(run, tile, valid)
        return None
    if name in ("SetKAligned", "SetMadTF32Mode", "ResetMadMode", "SetMadHF32Mode", "SetPadValue"):
        return None
    if name == "SetAddress" and values and isinstance(values[0], Whole):
        run.trail.put(tile.address, values[0])
        return None
    return Lost(f"{name} of a tile", LONG)


def _element(run: Pass, node: Node, tile: Tile, name: str, values: list[Any]) -> Any:
    """A scalar access of one element; of the whole tile where the index is not known."""
    operand: Any = tile
    at, index = tile.address.value, values[0] if values else None
    if isinstance(at, Whole) and isinstance(index, Whole) and isinstance(index.expr, Const) and not tile.fifo.value:
        start = run.terms.binary("+", at.expr, Const(index.expr.value * tile.type.element.bytes))
        if not run.terms.is_open(start):
            stop = run.terms.binary("+", start, Const(tile.type.element.bytes))
            run.declared.moves.setdefault(f"{run.core} {tile.type.space}", {}).setdefault(Const(0), node.span)
            operand = Region(tile.type.space, start, stop, node.span)
    if name == "GetValue":
        instruction(run, node, "GetValue", "S", [operand], [])
        if tile.type.element.floating:
            return Real(tile.type.element)
        return Whole(run.unique(f"{tile.name} element"), tile.type.element)
    instruction(run, node, "SetValue", "S", [], [operand])
    return None


def _tensor(run: Pass, node: Node, tensor: Tensor, name: str, values: list[Any]) -> Any:
    if name == "data":
        return tensor.address.value if tensor.address.value is not None else Lost("a pointer never set")
    if name == "SetAddress" and values:
        run.trail.put(tensor.address, values[0])
        return None
    if name in ("GetShape", "GetStride") and values and isinstance(values[0], Whole):
        from syncheck.frontends.cpp.emission import numbers

        kind = tensor.type.shape if name == "GetShape" else tensor.type.stride
        known = numbers(run, kind, tensor.shape if name == "GetShape" else tensor.stride)
        index = values[0].number
        if index is not None and index < len(known):
            found = known[index]
            if found is not None:
                return Whole(Const(found), LONG)
        return Whole(run.unknown(f"{tensor.name} {name} {index}", low=0), LONG)
    return Lost(f"{name} of a tensor", LONG)


def _event(run: Pass, node: Node, held: Event, name: str) -> Any:
    if name in ("Record", "Init", "record"):
        sync.record_event(run, node, held)
        return held
    if name in ("Wait", "wait"):
        sync.wait_event(run, node, held)
        return held
    raise Unreadable(node, f"'{short(node)}' is not understood")


def _pipe(run: Pass, node: Node, held: Pipe, name: str, values: list[Any]) -> Any:
    raise Unreadable(node, f"'{short(node)}' is not understood")


__all__ = ["call"]
