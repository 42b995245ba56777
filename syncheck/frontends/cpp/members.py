"""Members, elements and memory: `a.b`, `p->b`, `a[i]`, `*p`, `&a`."""

from __future__ import annotations

from typing import Any

from syncheck.frontends.cpp.kinds import BOOL, INT, LONG, Array, Class, Number, Pointer, Type, size_of
from syncheck.frontends.cpp.naming import loaded_name
from syncheck.frontends.cpp.operators import moved
from syncheck.frontends.cpp.scopes import Scope, function_declarator
from syncheck.frontends.cpp.state import Pass, ScalarStore, Unroll
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import NOWHERE, shown
from syncheck.frontends.cpp.types import declared_type, space_of, type_of
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
        found = run.hooks.target(run, operand, scope)
        if isinstance(found, Memory):
            return found.address
        if isinstance(found, Cell) and isinstance(found.value, Object | Tile | Tensor | Items | Pipe):
            return found.value
        return found if isinstance(found, Cell | Choice) else Lost("an address")
    held = run.value(operand, scope)
    if isinstance(held, Address):
        return Memory(held, held.to)
    if isinstance(held, Cell):
        return held if target else held.value
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
        if cell is not None:
            return cell if target else cell.value
        static = held.type.scope.own(name)
        if static is not None:
            return run.hooks.bound(run, static, name, node)
        return Lost(f"{held.type.name} has no {name}")
    if isinstance(held, Pipe) and name in ("prod", "cons"):
        return PipeEnd(held, name)
    if isinstance(held, PipeEnd):
        return held if name in ("prod", "cons", "tile") else Lost(f"{name} of a pipe")
    if isinstance(held, Address):
        return _behind(run, node, held, name)
    if isinstance(held, Lost | Made | Items | Tensor | Tile | Whole):
        return Lost(f"'{name}' of {short_of(held)}")
    return Lost(f"'{name}'")


def short_of(held: object) -> str:
    return {Tensor: "a tensor", Tile: "a tile", Items: "an array", Whole: "a number"}.get(
        type(held), "something unknown"
    )


def _behind(run: Pass, node: Node, address: Address, name: str) -> Any:
    """A member of a structure in memory (a tensor descriptor, a table): known by its path alone."""
    kind: Type = None
    if isinstance(address.to, Class):
        for field, declaration, declarator in address.to.fields:
            if field == name:
                kind_node = declaration.field("type")
                base = type_of(run, kind_node, address.to.scope) if kind_node is not None else None
                kind = declared_type(run, base, declarator, address.to.scope, space_of(declaration))
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
        return Lost(f"an element of {held.type.name}")
    return Lost("an element of something unknown")


def _item(run: Pass, node: Node, held: Items, index: Expr, target: bool) -> Any:
    if isinstance(index, Const):
        if not 0 <= index.value < len(held.cells):
            return Lost(f"element {index.value} of {len(held.cells)}")
        cell = held.cells[index.value]
        return cell if target else cell.value
    if not held.cells:
        return Lost("an element of an empty array")
    strided = _strided(run, held, index)
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
    if not all(isinstance(cell.value, Whole | Real | Lost) for cell in held.cells):
        return Lost(f"which element of {held.name or 'the array'} is meant")
    floating = isinstance(held.of, Number) and held.of.floating
    value: Any = Real(held.of) if floating else Whole(run.terms.opaque(f"{node.key} element", index), held.of or LONG)
    if target:
        for cell in held.cells:
            run.trail.put(cell, value)
        return run.trail.new(value, held.of)
    return value


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
    if "volatile" in node.text:
        run.declared.volatile[memory.address.base] = None
    return _loaded(run, node, memory.address, memory.type)


def _loaded(run: Pass, node: Node, address: Address, kind: Type) -> Any:
    if isinstance(kind, Number) and kind.floating:
        return Real(kind)
    if isinstance(kind, Array):
        return Address(address.space, address.base, address.offset, kind.of)
    path = f"{address.base}" if address.offset == Const(0) else f"{address.base}[{shown(address.offset)}]"
    over = run.terms.depends(address.offset)
    if isinstance(kind, Pointer):
        return Address(kind.space or "GM", path, Const(0), kind.to)
    if isinstance(kind, Class):
        return Address(address.space, path, Const(0), kind)
    number = kind if isinstance(kind, Number) else LONG
    low = 0 if not number.signed and number is not BOOL else None
    run.declared.loaded[address.base] = None
    called = loaded_name(address.base, address.offset, number.bytes)
    if address.space not in ("GM", "") or address.base in run.declared.changing:
        why = f"load {address.space} {path} {run.core} {node.key}"
        return Whole(run.unknown(why, called, low=low, over=over), number)
    return Whole(run.terms.symbol(f"load {address.space} {path}", over, called, low), number)


def store(run: Pass, node: Node, memory: Memory, given: Any) -> None:
    access(run, node, memory, write=True)


def access(run: Pass, node: Node, memory: Memory, *, write: bool) -> None:
    """A scalar load or store, as an instruction of PIPE_S."""
    address = memory.address
    size = size_of(memory.type) or 4
    operand = run.hooks.operand(run, node, address, size)
    if operand is None:
        if write:
            run.problem(node, "a scalar store goes somewhere unknown", "a pointer whose base is known")
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
    total = most = 0
    for _, declaration, declarator in kind.fields:
        kind_node = declaration.field("type")
        base = type_of(run, kind_node, kind.scope) if kind_node is not None else None
        member = declared_type(run, base, declarator, kind.scope, space_of(declaration))
        size = class_size(run, member) if isinstance(member, Class) else size_of(member)
        if size is None:
            return None
        of = member
        while isinstance(of, Array):
            of = of.of
        align = min(size_of(of) or 8, 8)
        total = -(-total // align) * align + size
        most = max(most, align)
    return -(-total // most) * most if most else 1


def reshape(run: Pass, tile: Tile, valid: tuple[int | None, int | None]) -> None:
    """Another part of a tile is used from here on; where that happens in some turns or on some paths only, nothing is
    known of the part from its beginning on, and everything is followed again."""
    if tile.span in run.declared.reshaped or tile.valid == valid:
        return
    if run.nesting != tile.nesting:
        run.declared.unsteady.add(tile.span)
    tile.valid = valid


def assign_object(run: Pass, node: Node, target: Cell, given: Any) -> bool:
    """Assignment between objects keeps the variable and copies what it holds; False if this is none."""
    held = target.value
    if isinstance(held, Tile) and isinstance(given, Tile):
        run.trail.put(held.address, given.address.value)
        run.trail.put(held.fifo, given.fifo.value)
        reshape(run, held, given.valid)
        return True
    if isinstance(held, Tensor) and isinstance(given, Tensor):
        run.trail.put(held.address, given.address.value)
        return True
    if isinstance(held, Object) and isinstance(given, Object):
        for name, cell in given.fields.items():
            if name in held.fields:
                run.trail.put(held.fields[name], cell.value)
        return True
    return False


__all__ = ["INT", "NOWHERE", "class_size", "function_declarator", "load", "reach", "store"]
