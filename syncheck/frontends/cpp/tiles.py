"""Tiles in C++: addresses, aliases and views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from syncheck.frontends.cpp.kinds import LONG
from syncheck.frontends.cpp.scopes import Meant
from syncheck.frontends.cpp.state import Pass, Unreadable, Unroll, short
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import linear
from syncheck.frontends.cpp.values import Address, Cell, Choice, Made, Tensor, Tile, Whole
from syncheck.ir import Binary, Const, Expr, Name


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Cell) else value


def _assign(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """TASSIGN(tile, address), TASSIGN<address>(tile), TASSIGN(tensor, pointer)."""
    if not values:
        raise Unreadable(node, "TASSIGN takes a tile and an address")
    held = _plain(values[0])
    given = values[1] if len(values) > 1 else explicit[0] if explicit else None
    if isinstance(held, Choice):
        over = run.countable(run.terms.depends(held.condition))
        if over:
            raise Unroll(over)
        return _either(run, node, held, given)
    if isinstance(held, Tensor):
        run.trail.put(held.address, given)
        return None
    if not isinstance(held, Tile):
        raise Unreadable(node, f"'{short(node)}' gives an address to something that is no known tile")
    if isinstance(given, Address):
        given = Whole(given.offset, LONG) if given.space != "GM" and not given.base else given
    if isinstance(given, Meant | Made):
        given = None
    if not isinstance(given, Whole):
        raise Unreadable(node, f"the address that {held.name or 'a tile'} gets is not known")
    fifo = _popped(run, given.expr)
    run.trail.put(held.address, None if fifo else given)
    run.trail.put(held.fifo, fifo)
    if isinstance(given.expr, Const):
        run.declared.places.add((held.type.space, given.expr.value))
    run.assigned.setdefault((held.type.space, given.expr), []).append((tuple(run.sites), held.type.bytes))
    run.declared.count("instructions", "TASSIGN")
    return None


def _popped(run: Pass, address: Expr) -> str:
    """The FIFO whose last popped slot an address is: base + tile id % slots * bytes; "" if it is none."""
    constant, terms = linear(address)
    for term in terms:
        if isinstance(term, Binary) and term.op == "%" and isinstance(term.left, Name):
            fifo = run.declared.fifos.get(run.declared.tile_ids.get(term.left.name, ""))
            if fifo is not None and len(terms) == 1 and fifo.local_address == Const(constant):
                return fifo.name
    return ""


def _either(run: Pass, node: Node, held: Choice, given: Any) -> None:
    """One of several tiles gets an address: each of them, if it is the one."""
    if not isinstance(given, Whole):
        raise Unreadable(node, "which tile gets which address is not known")
    for one, chosen in ((_plain(held.then), True), (_plain(held.otherwise), False)):
        if isinstance(one, Choice):
            raise Unreadable(node, "which tile gets this address depends on several conditions")
        if isinstance(one, Tile):
            old = one.address.value
            if isinstance(old, Whole):
                pair = (given.expr, old.expr) if chosen else (old.expr, given.expr)
                run.trail.put(one.address, Whole(run.terms.choice(held.condition, *pair), LONG))
            else:
                run.trail.put(one.address, given)


def _reshape(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """TRESHAPE(dst, src): another tile on the same bytes; no instruction."""
    dst, src = (_plain(value) for value in (*values, None, None)[:2])
    if isinstance(dst, Tile) and isinstance(src, Choice):
        run.trail.put(dst.address, Whole(_chosen(run, node, src), LONG))
        run.trail.put(dst.fifo, "")
        return None
    if not isinstance(dst, Tile) or not isinstance(src, Tile):
        raise Unreadable(node, f"what '{short(node)}' makes an alias is not known")
    run.trail.put(dst.address, src.address.value)
    run.trail.put(dst.fifo, src.fifo.value)
    return None


def _chosen(run: Pass, node: Node, held: Any) -> Expr:
    """Where one of several tiles lies."""
    held = _plain(held)
    if isinstance(held, Choice):
        return run.terms.choice(held.condition, _chosen(run, node, held.then), _chosen(run, node, held.otherwise))
    if isinstance(held, Tile) and isinstance(held.address.value, Whole):
        expr: Expr = held.address.value.expr
        return expr
    raise Unreadable(node, f"where the tile lies that '{short(node)}' names is not known")


def _subview(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """TSUBVIEW(dst, src, row, column): rows of dst lie as far apart as those of src."""
    dst, src = (_plain(value) for value in (*values, None, None)[:2])
    if not isinstance(dst, Tile) or not isinstance(src, Tile) or len(values) < 4:
        raise Unreadable(node, f"what '{short(node)}' is a view of is not known")
    row, column = values[2], values[3]
    base = src.address.value
    if not isinstance(row, Whole) or not isinstance(column, Whole) or not isinstance(base, Whole):
        raise Unreadable(node, f"where {dst.name or 'the view'} lies is not known")
    terms = run.terms
    elements = terms.binary("+", terms.product(row.expr, Const(src.type.columns)), column.expr)
    at = terms.binary("+", base.expr, terms.product(elements, Const(src.type.element.bytes)))
    dst.type = replace(dst.type, columns=src.type.columns)
    run.trail.put(dst.address, Whole(at, LONG))
    run.trail.put(dst.fifo, "")
    return None


Handler = Callable[[Pass, Node, str, list[Any], list[Any]], Any]
CALLS: dict[str, Handler] = {"TASSIGN": _assign, "TRESHAPE": _reshape, "TSUBVIEW": _subview}
