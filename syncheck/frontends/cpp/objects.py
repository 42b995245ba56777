"""Variables as they are declared: what they hold before anything else happens to them."""

from __future__ import annotations

from typing import Any

from syncheck.frontends.cpp import sync
from syncheck.frontends.cpp.kinds import (
    Array,
    Class,
    EventType,
    Named,
    Number,
    PipeType,
    Pointer,
    ShapeType,
    TensorType,
    TileType,
    Type,
)
from syncheck.frontends.cpp.operators import cast
from syncheck.frontends.cpp.scopes import Overloads, Routine, Scope
from syncheck.frontends.cpp.state import Pass, Unreadable
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import size
from syncheck.frontends.cpp.valid_extents import steady
from syncheck.frontends.cpp.values import (
    Address,
    Cell,
    Choice,
    Closure,
    Event,
    Extents,
    Items,
    Lost,
    Object,
    Pipe,
    Real,
    Tensor,
    Tile,
    Whole,
)
from syncheck.ir import Const, Name

MOST_ITEMS = 256
"""Elements of an array that are followed one by one."""

LONGEST = 24
"""Operators of an expression that a variable keeps; a longer one becomes a symbol."""


def named(run: Pass, value: Any, name: str) -> Any:
    """The value, its symbol called after the first variable that holds it."""
    if isinstance(value, Address) and value.base and name:
        run.declared.hints.setdefault(value.base, name)
    if not isinstance(value, Whole) or isinstance(value.expr, Const):
        return value
    if name in run.pins and not run.terms.depends(value.expr):
        return Whole(run.pin(name), value.type)
    expr = value.expr
    if size(expr) > LONGEST and run.terms.is_open(expr):
        least = run.terms.least(expr)
        expr = run.terms.opaque("sum", expr, low=0 if least is not None and least >= 0 else None)
        value = Whole(expr, value.type, value.narrow)
    if isinstance(expr, Name):
        symbol = run.terms.symbols.get(expr.name)
        if symbol is not None and not symbol.hint and name:
            run.terms.call(expr, name)
    return value


def given_values(run: Pass, given: Node | None, scope: Scope) -> list[Any]:
    """The arguments of `T x(a, b)`, `T x{a, b}` or `T x = a`."""
    if given is None:
        return []
    if given.kind in ("argument_list", "initializer_list"):
        found: list[Any] = []
        for child in given.named():
            if child.kind == "initializer_pair":
                inner = child.field("value")
                found.append(run.value(inner, scope) if inner is not None else Lost("an initializer"))
            else:
                found.append(run.value(child, scope))
        return found
    return [run.value(given, scope)]


def initial(run: Pass, kind: Type, given: Node | None, scope: Scope, name: str, node: Node) -> Any:
    """What a variable of a type holds."""
    if isinstance(kind, Array):
        return _array(run, kind, given, scope, name, node)
    values = given_values(run, given, scope)
    return constructed(run, kind, values, name, node, given)


def constructed(run: Pass, kind: Type, values: list[Any], name: str, node: Node, given: Node | None = None) -> Any:
    """An object of a type, made from values."""
    first = values[0] if values else None
    if isinstance(kind, Number):
        return _scalar(run, kind, first, name, node)
    if isinstance(kind, Pointer):
        if first is None:
            return Lost("a pointer never set", kind)
        return named(run, cast(run, _address_of_array(first), kind), name)
    if isinstance(kind, TileType):
        return _tile(run, kind, values, name, node)
    if isinstance(kind, TensorType):
        return _tensor(run, kind, values, name)
    if isinstance(kind, ShapeType):
        return first if isinstance(first, Extents) and len(values) == 1 else Extents(kind, tuple(values))
    if isinstance(kind, PipeType):
        return first if isinstance(first, Pipe) else run.hooks.pipe(run, kind, values, name, node)
    if isinstance(kind, EventType):
        made = Event(kind, run.trail.new(None), name)
        if first is sync.RECORD:
            sync.record_event(run, node, made)
        return made
    if isinstance(kind, Class):
        return _object(run, kind, values, name, node, given)
    if isinstance(kind, Named) and (given is None or given.kind in ("argument_list", "initializer_list")):
        _stranger(run, kind, values, node)
    return named(run, first, name) if first is not None else Lost(f"{name or 'it'} has a type that is not known", kind)


def _stranger(run: Pass, kind: Named, values: list[Any], node: Node) -> None:
    """An object of a type without a text: it matters if it is given memory or something to wait with."""
    given = any(isinstance(one, Tile | Tensor | Pipe | Event | Address | Closure) for one in values)
    if not run.host and (given or "calls" in run.declared.doubt):
        raise Unreadable(node, f"{kind.name} is not known: making one may wait, signal or touch memory")
    if not run.host and kind.name.isidentifier():
        run.declared.presumed.setdefault(("calls", f"making a {kind.name} does nothing else"), node.span)


def _scalar(run: Pass, kind: Number, first: Any, name: str, node: Node) -> Any:
    if isinstance(first, Items):
        first = first.cells[0].value if first.cells else Whole(Const(0), kind)
    if kind.floating:
        held = cast(run, first, kind) if isinstance(first, Real) else Real(kind)
        plain = held.key.removeprefix(f"{kind.name}(").startswith("=")  # a number to start from, mostly
        return Real(kind) if plain and not any(one.kind == "type_qualifier" for one in node.all()) else held
    if first is None:
        return Lost(f"{name} is not set", kind)
    found = cast(run, first, kind)
    if isinstance(found, Lost):
        low = None if kind.signed else 0
        found = Whole(run.unknown(f"{node.span.path}:{node.span.line} {name} {found.why}", name, low=low), kind)
    return named(run, found, name)


def _address_of_array(first: Any) -> Any:
    if isinstance(first, Items) and first.cells and isinstance(first.cells[0].value, Address):
        return first.cells[0].value
    return first


def _tile(run: Pass, kind: TileType, values: list[Any], name: str, node: Node) -> Tile:
    first, address, fifo, valid = (values[0] if values else None), None, "", list(kind.valid)
    open_ = [place for place, one in enumerate(valid) if one is None]
    if isinstance(first, Tile):
        address, fifo = first.address.value, first.fifo.value
        valid = [first.valid[place] if place in open_ else one for place, one in enumerate(valid)]
    elif len(values) in (2, len(open_)):
        for place, value in zip((0, 1) if len(values) == 2 else open_, values, strict=True):
            valid[place] = value.number if place in open_ and isinstance(value, Whole) else valid[place]
    made = Tile(kind, run.trail.new(address), run.trail.new(fifo), name, node.span)
    made.nesting = run.nesting
    made.valid = steady(run, node.span, (valid[0], valid[1]))
    return made


def _tensor(run: Pass, kind: TensorType, values: list[Any], name: str) -> Any:
    first = values[0] if values else None
    if kind.group and not isinstance(first, Tensor):
        ranks = Address("GM", f"ranks of {name or 'a group'}", Const(0), kind.element)
        return Tensor(kind, run.trail.new(ranks), name)
    if isinstance(first, Tensor):
        return Tensor(first.type, run.trail.new(first.address.value), name or first.name, first.shape, first.stride)
    shape = next((v.given for v in values[1:] if isinstance(v, Extents) and v.type.kind == "Shape"), ())
    stride = next((v.given for v in values[1:] if isinstance(v, Extents) and v.type.kind == "Stride"), ())
    return Tensor(kind, run.trail.new(first), name, shape, stride)


def _array(run: Pass, kind: Array, given: Node | None, scope: Scope, name: str, node: Node) -> Any:
    nodes = given.named() if given is not None and given.kind == "initializer_list" else []
    count = kind.count if kind.count >= 0 else len(nodes)
    if count > MOST_ITEMS:
        return Lost(f"{name} has {count} elements", kind, isinstance(kind.of, Number))
    cells = []
    for index in range(count):
        one = nodes[index] if index < len(nodes) else None
        held = initial(run, kind.of, one, scope, f"{name}{index}" if name else "", node)
        if one is None and nodes and isinstance(kind.of, Number) and not kind.of.floating:
            held = Whole(Const(0), kind.of)
        cells.append(run.trail.new(held, kind.of, f"{name}{index}"))
    return Items(cells, kind.of, name)


def copied(run: Pass, value: Any, name: str = "") -> Any:
    """A copy, as by-value parameters and assignments make it."""
    if isinstance(value, Object):
        if run.at is not None and any(map(_copies, (value.type, *value.type.bases))):
            run.problem(run.at, f"what copying {value.type.name} does is not followed", "a function for it")
        fields = {key: run.trail.new(copied(run, cell.value), cell.type, key) for key, cell in value.fields.items()}
        made = Object(value.type, fields, value.name)
        if any(ending(one) is not None for one in (value.type, *value.type.bases)):
            run.unended.append(made)
        return made
    if isinstance(value, Items):
        cells = [run.trail.new(copied(run, cell.value), cell.type, cell.name) for cell in value.cells]
        return Items(cells, value.of, value.name)
    if isinstance(value, Tile):
        return Tile(
            value.type, run.trail.new(value.address.value), run.trail.new(value.fifo.value), value.name, value.span,
            value.valid, run.nesting,
        )  # fmt: skip
    if isinstance(value, Tensor):
        return Tensor(value.type, run.trail.new(value.address.value), value.name, value.shape, value.stride)
    if isinstance(value, Closure) and "mutable" in value.node.text:
        kept = Scope(value.scope.parent, value.scope.kind, this=value.scope.this)
        kept.names = {
            key: run.trail.new(copied(run, held.value), held.type, key) if isinstance(held, Cell) else held
            for key, held in value.scope.names.items()
        }
        return Closure(value.node, kept)
    if isinstance(value, Choice):
        return Choice(value.condition, copied(run, value.then), copied(run, value.otherwise))
    return value


def _object(run: Pass, kind: Class, values: list[Any], name: str, node: Node, given: Node | None) -> Any:
    first = values[0] if values else None
    if isinstance(first, Object) and first.type is kind and len(values) == 1:
        return copied(run, first)
    made = Object(kind, {}, name)
    scope = Scope(kind.scope, "class", this=made)
    if any(ending(one) is not None for one in (kind, *kind.bases)):
        run.unended.append(made)
    for field, declaration, declarator in kind.fields:
        held = run.hooks.member(run, scope, declaration, declarator, f"{name}_{field}" if name else field)
        made.fields[field] = held
    if not run.hooks.construct(run, made, values, node) and values:
        _aggregate(run, made, values, given)
    return made


def _copies(kind: Class) -> bool:
    """Whether the text says how objects of a class are copied."""
    found = kind.scope.names.get(kind.name)
    for routine in found.routines if isinstance(found, Overloads) else ():
        declarator, body = routine.definition.field("declarator"), routine.definition.field("body")
        listed = declarator.field("parameters") if declarator is not None else None
        first = listed.named() if listed is not None else []
        kind_node = first[0].field("type") if len(first) == 1 else None
        if kind_node is not None and kind_node.text == kind.name and body is not None and "(" in body.text:
            return True
    return False


def ending(kind: Class) -> Routine | None:
    """The destructor of a class, if it does anything."""
    found = kind.scope.names.get(f"~{kind.name}")
    routine = found.routines[0] if isinstance(found, Overloads) else None
    body = routine.definition.field("body") if routine is not None else None
    return routine if body is not None and "(" in body.text else None


def _aggregate(run: Pass, made: Object, values: list[Any], given: Node | None) -> None:
    names = list(made.fields)
    pairs = given.named() if given is not None and given.kind == "initializer_list" else []
    for position, value in enumerate(values):
        field = names[position] if position < len(names) else ""
        if position < len(pairs) and pairs[position].kind == "initializer_pair":
            designator = pairs[position].field("designator")
            field = designator.text.lstrip(".") if designator is not None else field
        cell = made.fields.get(field)
        if cell is not None:
            cell.value = cast(run, value, cell.type) if isinstance(cell.type, Number | Pointer) else value
