"""Members, elements and memory: `a.b`, `p->b`, `a[i]`, `*p`, `&a`."""

from __future__ import annotations

import re
from typing import Any

from syncheck.frontends.cpp.kinds import BOOL, INT, LONG, Array, Class, Number, Pointer, Type, size_of, volatile
from syncheck.frontends.cpp.naming import loaded_name
from syncheck.frontends.cpp.objects import copied
from syncheck.frontends.cpp.operators import moved
from syncheck.frontends.cpp.preprocess import SPACES
from syncheck.frontends.cpp.ranges import ranged
from syncheck.frontends.cpp.scopes import Scope, function_declarator
from syncheck.frontends.cpp.state import Pass, ScalarStore, Unreadable, Unroll, lies_in
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import NOWHERE, shown
from syncheck.frontends.cpp.types import base_type, declared_type, space_of
from syncheck.frontends.cpp.valid_extents import VALID_EXTENTS, reshape, valid_extent
from syncheck.frontends.cpp.values import (
    Address,
    Cell,
    Choice,
    Items,
    Lost,
    Made,
    Memory,
    Object,
    Pipe,
    PipeEnd,
    Real,
    Tensor,
    Tile,
    Whole,
)
from syncheck.ir import At, Const, Expr, Instr, Name, Region

MOST_CHOSEN = 8
"""Elements of an array between which an index that is not known chooses by conditions."""


def reach(run: Pass, node: Node, scope: Scope, *, target: bool = False) -> Any:
    """The value of such an expression; with `target` the cell or memory it names, where it names one."""
    if node.kind == "field_expression":
        return _field(run, node, scope, target)
    if node.kind == "subscript_expression":
        return _subscript(run, node, scope, target)
    operand, op = node.field("argument"), node.field("operator")
    if operand is None or op is None:
        return Lost("an incomplete expression")
    if op.kind == "&":
        return _address_of(run.hooks.target(run, operand, scope))
    return _behind_pointer(run.value(operand, scope), target)


def _address_of(found: Any) -> Any:
    """`&found`."""
    if isinstance(found, Choice):
        return Choice(found.condition, _address_of(found.then), _address_of(found.otherwise))
    if isinstance(found, Memory):
        return found.address
    return found if isinstance(found, Cell) else Lost("an address")


def _behind_pointer(held: Any, target: bool) -> Any:
    """`*held`."""
    if isinstance(held, Choice):
        then = _behind_pointer(held.then, target)
        return Choice(held.condition, then, _behind_pointer(held.otherwise, target))
    if isinstance(held, Address):
        return Memory(held, held.to)
    if isinstance(held, Cell):
        return held if target else held.value
    if isinstance(held, Lost) and held.own and not target:
        return Lost(held.why)
    return held


def _field(run: Pass, node: Node, scope: Scope, target: bool) -> Any:
    home, name = node.field("argument"), node.field("field")
    if home is None or name is None:
        return Lost("an incomplete expression")
    return field_of(run, node, run.value(home, scope), name.text, target)


def field_of(run: Pass, node: Node, held: Any, name: str, target: bool = False) -> Any:
    """`held.name`."""
    if isinstance(held, Choice):
        then = field_of(run, node, held.then, name, target)
        return Choice(held.condition, then, field_of(run, node, held.otherwise, name, target))
    if isinstance(held, Cell):
        held = held.value
    if isinstance(held, Memory):
        held = held.address
    if isinstance(held, Object):
        cell = held.fields.get(name)
        if cell is not None and target and held.type.node.kind == "union_specifier":
            for other in held.fields.values():  # they share their bytes
                run.trail.put(other, Lost(f"another member of {held.name or 'a union'} was set", other.type))
        if cell is not None:
            return cell if target else cell.value
        static = held.type.scope.own(name)
        if static is not None:
            known = run.hooks.bound(run, static, name, node)
            return static.made if target and getattr(static, "kind", "") == "variable" else known
        return Lost(f"{held.type.name} has no {name}")
    if isinstance(held, Pipe) and name in ("prod", "cons"):
        return PipeEnd(held, name)
    if isinstance(held, PipeEnd):
        return held if name in ("prod", "cons", "tile") else Lost(f"{name} of a pipe")
    if isinstance(held, Address):
        return _member_behind(run, node, held, name, target)
    if isinstance(held, Tile) and name in VALID_EXTENTS:
        return valid_extent(run, held, VALID_EXTENTS[name], target)
    if isinstance(held, Lost | Made | Items | Tensor | Tile | Whole):
        return Lost(f"'{name}' of {short_of(held)}")
    return Lost(f"'{name}'")


def short_of(held: object) -> str:
    return {Tensor: "a tensor", Tile: "a tile", Items: "an array", Whole: "a number"}.get(
        type(held), "something unknown"
    )


def _member_behind(run: Pass, node: Node, address: Address, name: str, target: bool) -> Any:
    """A member of a structure in memory (a tensor descriptor, a table): known by its path alone."""
    kind: Type = None
    if isinstance(address.to, Class):
        for field, offset, member in layout(run, address.to):
            if field == name:
                kind = volatile(member) if address.to.volatile else member
                if target and isinstance(kind, Number | Pointer):
                    if offset is None:
                        raise Unreadable(node, f"where '{name}' lies is not known")
                    at = run.terms.binary("+", address.offset, Const(offset))
                    return Memory(Address(address.space or "GM", address.base, at, kind), kind)
    elif target:
        raise Unreadable(node, f"where '{name}' lies is not known")
    if getattr(kind, "volatile", False):
        run.declared.volatile[address.base] = None
    base_name = (
        f"{address.base}->{name}" if address.offset == Const(0) else f"{address.base}[{shown(address.offset)}].{name}"
    )
    inner = Address(address.space or "GM", base_name, Const(0), kind)
    if isinstance(kind, Class) or kind is None:
        return inner if isinstance(kind, Class) else _loaded(run, node, inner, kind)
    if isinstance(kind, Array):
        return Address(inner.space, base_name, Const(0), kind.of)
    return _loaded(run, node, inner, kind)


def _subscript(run: Pass, node: Node, scope: Scope, target: bool) -> Any:
    home, indices = node.field("argument"), node.field("indices")
    index_node = indices.named()[0] if indices is not None and indices.named() else None
    if home is None or index_node is None:
        return Lost("an incomplete expression")
    return element(run, node, run.value(home, scope), run.value(index_node, scope), target)


def element(run: Pass, node: Node, held: Any, index: Any, target: bool = False) -> Any:
    """`held[index]`."""
    if isinstance(held, Choice):
        then = element(run, node, held.then, index, target)
        return Choice(held.condition, then, element(run, node, held.otherwise, index, target))
    if isinstance(held, Address) and isinstance(index, Whole):
        at = moved(run, held, index)
        if isinstance(held.to, Class):
            return at
        return Memory(at, held.to)
    if isinstance(held, Items) and isinstance(index, Whole):
        return _item(run, node, held, index.expr, target)
    if isinstance(held, Tensor) and held.type.group:
        return held  # whichever rank's
    if isinstance(held, Object):
        return run.hooks.operator(run, node, "[]", [held, index], held.type.scope)
    if isinstance(held, Lost) and held.own and target:
        return held
    return Lost("an element of something unknown")


def _item(run: Pass, node: Node, held: Items, index: Expr, target: bool) -> Any:
    if isinstance(index, Const):
        if not 0 <= index.value < len(held.cells):
            return Lost(f"element {index.value} of {len(held.cells)}")
        cell = held.cells[index.value]
        return cell if target else cell.value
    if not held.cells:
        return Lost("an element of an empty array")
    strided = None if run.terms.is_open(index) else _strided(run, held, index)
    if strided is not None and not target:
        return strided
    if target:
        mine = run.countable(run.terms.depends(index))
        if mine:
            raise Unroll(mine)
    if len(held.cells) > MOST_CHOSEN:
        return _any_of(run, node, held, index, target)
    found: Any = held.cells[-1] if target else held.cells[-1].value
    for number in range(len(held.cells) - 2, -1, -1):
        test = run.terms.binary("==", index, Const(number))
        one = held.cells[number] if target else held.cells[number].value
        found = run.either(test, one, found)
    return found


def _any_of(run: Pass, node: Node, held: Items, index: Expr, target: bool) -> Any:
    """An element of a long array: any number may be there, and after a store anywhere."""
    if target and all(isinstance(cell.value, Tensor) for cell in held.cells):
        for cell in held.cells:
            run.trail.put(cell.value.address, Lost("one of several tensors was set"))
        return run.trail.new(copied(run, held.cells[0].value), held.of)
    if not all(isinstance(cell.value, Whole | Real | Lost) for cell in held.cells):
        return Lost(f"which element of {held.name or 'the array'} is meant")
    floating = isinstance(held.of, Number) and held.of.floating
    if target:
        for cell in held.cells:
            value = Real(held.of) if floating else Whole(run.unique(f"{cell.name} element"), held.of or LONG)
            run.trail.put(cell, value)
        return run.trail.new(held.cells[0].value, held.of)
    if floating:
        return Real(held.of)
    if not all(isinstance(cell.value, Whole) for cell in held.cells):
        return Whole(run.unique("element"), held.of or LONG)
    content = ", ".join(shown(cell.value.expr) for cell in held.cells)
    over = frozenset().union(*[run.terms.depends(one) for one in (index, *[cell.value.expr for cell in held.cells])])
    return Whole(run.terms.symbol(f"element {shown(index)} of {content}", over), held.of or LONG)


def _strided(run: Pass, held: Items, index: Expr) -> Tile | None:
    """Tiles of one type at equal distances: the element is a tile whose address depends on the index."""
    tiles = [cell.value for cell in held.cells]
    if len(tiles) < 2 or not all(isinstance(tile, Tile) and tile.type == tiles[0].type for tile in tiles):
        return None
    at = [tile.address.value for tile in tiles]
    if not all(isinstance(one, Whole) and isinstance(one.expr, Const) for one in at):
        return None
    numbers = [one.number for one in at]
    step = numbers[1] - numbers[0]
    if any(one != numbers[0] + step * place for place, one in enumerate(numbers)):
        return None
    address = run.terms.binary("+", Const(numbers[0]), run.terms.product(index, Const(step)))
    name = held.name or tiles[0].name
    valid = tiles[0].valid if all(tile.valid == tiles[0].valid for tile in tiles) else (None, None)
    made = Tile(tiles[0].type, run.trail.new(Whole(address)), run.trail.new(""), name, tiles[0].span, valid)
    made.nesting = tiles[0].nesting
    return made


# ---------------------------------------------------------------- memory


def load(run: Pass, node: Node, memory: Memory) -> Any:
    """The value of an element of memory; reading on-chip memory or GM is an access of PIPE_S."""
    access(run, node, memory, write=False)
    if getattr(memory.type, "volatile", False):
        run.declared.volatile[memory.address.base] = None
    return _loaded(run, node, memory.address, memory.type)


def _loaded(run: Pass, node: Node, address: Address, kind: Type) -> Any:
    floating = isinstance(kind, Number) and kind.floating
    if floating and (address.space not in ("GM", "") or address.base in run.declared.changing):
        return Real(kind)
    if isinstance(kind, Array):
        return Address(address.space, address.base, address.offset, kind.of)
    path = f"{address.base}" if address.offset == Const(0) else f"{address.base}[{shown(address.offset)}]"
    over = run.terms.depends(address.offset)
    if floating:
        run.declared.loaded.setdefault(address.base, node.span)
        return Real(kind, f"load {path}", over)
    if isinstance(kind, Pointer):
        if address.base in run.declared.changing:
            path = f"{path} {run.unique('pointer').name}"
        run.declared.loaded.setdefault(address.base, node.span)
        return Address(kind.space or "GM", path, Const(0), kind.to)
    if isinstance(kind, Class):
        return Address(address.space, path, Const(0), kind)
    number = kind if isinstance(kind, Number) else LONG
    low = 0 if not number.signed and number is not BOOL else None
    run.declared.loaded.setdefault(address.base, node.span)
    called = loaded_name(address.base, address.offset, number.bytes)
    stale = address.base in run.declared.changing or lies_in(address.base, run.dropped)
    if address.space not in ("GM", "") or stale:
        return Whole(ranged(run, run.unique(f"load {address.space} {path}", called, low=low), number), number)
    run.declared.steady.update((address.base, loop.var) for loop in run.loops)
    return Whole(ranged(run, run.terms.symbol(f"load {address.space} {path}", over, called, low), number), number)


def store(run: Pass, node: Node, memory: Memory, given: Any) -> None:
    access(run, node, memory, write=True)


def access(run: Pass, node: Node, memory: Memory, *, write: bool) -> None:
    """A scalar load or store, as an instruction of PIPE_S."""
    address = memory.address
    size = size_of(memory.type) or 4
    operand = run.hooks.operand(run, node, address, size)
    if operand is None:
        what = "store goes" if write else "load comes from"
        run.problem(node, f"a scalar {what} somewhere unknown", "a pointer whose base is known")
        return
    if not isinstance(operand, At | Name | Region):
        return
    op = "scalar_store" if write else "scalar_load"
    if write and address.base:
        under = tuple(run.conditions)
        run.declared.scalar_stores[node.span] = ScalarStore(address.base, run.trail.clock, address.offset, under)
    run.trail.clock += 1
    reads, writes = ((), (operand,)) if write else ((operand,), ())
    run.emit(Instr(op, "S", reads, writes, node.span))
    run.declared.count("instructions", op)


def class_size(run: Pass, kind: Class) -> int | None:
    """sizeof of a class: its members one after the other, each at a multiple of its own size."""
    total: int | None = 0
    for _, offset, member in layout(run, kind):
        size = _size(run, member)
        total = None if offset is None or size is None or total is None else max(total, offset + size)
    align = _align(run, kind)
    return None if total is None or align is None else max(-(-total // align) * align, 1)


def layout(run: Pass, kind: Class) -> list[tuple[str, int | None, Type]]:
    """(name, its bytes from the start, type) of each member; None from where a size is not known on, and for all of a
    class that is laid out by rules of its own."""
    found: list[tuple[str, int | None, Type]] = []
    end: int | None = None if _is_odd(kind) else 0
    union = kind.node.kind == "union_specifier"
    for name, declaration, declarator in kind.fields:
        member = declared_type(run, base_type(run, declaration, kind.scope), declarator, kind.scope,
                               space_of(declaration))  # fmt: skip
        align, size = _align(run, member), _size(run, member)
        start = None if end is None or align is None else -(-end // align) * align
        found.append((name, start, member))
        end = None if start is None or size is None else 0 if union else start + size
    return found


def _is_odd(kind: Class) -> bool:
    """Whether members do not simply follow each other: alignment, packing, bits, virtual functions, bases."""
    head, _, body = kind.node.text.partition("{")
    fields = [declared for _, declared, _ in kind.fields]
    said = (_ALIGNED.sub("", head), body.rpartition("}")[2], *(declared.text for declared in fields))
    bits = any(child.kind == "bitfield_clause" for declared in fields for child in declared.named())
    return bits or any(base.fields for base in kind.bases) or "virtual " in body or any(map(_ODD.search, said))


_ALIGNED = re.compile(r"\balignas\((\d+)\)|\baligned\((\d+)\)")
"""Alignment of a class by a number: it moves no member."""
_ODD = re.compile(rf"\balignas\((?!(?:{'|'.join(SPACES.values())})\))|\b_*(packed|aligned)_*\b")


def _size(run: Pass, kind: Type) -> int | None:
    if isinstance(kind, Array) and isinstance(kind.of, Class):
        size, count = class_size(run, kind.of), kind.count
        return None if size is None else size * count
    return class_size(run, kind) if isinstance(kind, Class) else size_of(kind)


def _align(run: Pass, kind: Type) -> int | None:
    while isinstance(kind, Array):
        kind = kind.of
    if isinstance(kind, Class):
        said = _ALIGNED.findall(kind.node.text.partition("{")[0])
        inner = [*(int(one or other) for one, other in said), *(_align(run, at) for _, _, at in layout(run, kind))]
        return None if None in inner else max((one for one in inner if one is not None), default=1)
    size = size_of(kind)
    return None if size is None else min(size, 8)


def assign(run: Pass, node: Node, target: Cell, given: Any) -> None:
    """A copy of a value into a variable."""
    if not assign_object(run, node, target, given):
        run.trail.put(target, copied(run, given))


def assign_object(run: Pass, node: Node, target: Cell, given: Any) -> bool:
    """Assignment between objects keeps the variable and copies what it holds; False if this is none."""
    held = target.value
    if isinstance(held, Tile) and isinstance(given, Tile):
        run.trail.put(held.address, given.address.value)
        run.trail.put(held.fifo, given.fifo.value)
        reshape(run, held, given.valid)
        return True
    if isinstance(held, Tensor) and isinstance(given, Tensor):
        if (held.shape, held.stride) == (given.shape, given.stride):
            run.trail.put(held.address, given.address.value)
        else:
            address = run.trail.new(given.address.value)
            run.trail.put(target, Tensor(given.type, address, held.name, given.shape, given.stride))
        return True
    if isinstance(held, Object) and isinstance(given, Object):
        for name, cell in given.fields.items():
            if name in held.fields:
                assign(run, node, held.fields[name], cell.value)
        return True
    if isinstance(held, Items) and isinstance(given, Items) and len(held.cells) == len(given.cells):
        for one, other in zip(held.cells, given.cells, strict=True):
            assign(run, node, one, other.value)
        return True
    return False


__all__ = ["INT", "NOWHERE", "class_size", "function_declarator", "load", "reach", "store"]
