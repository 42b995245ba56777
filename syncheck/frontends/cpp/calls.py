"""Calls: casts, constructors, the kernel's own functions and methods, and the library."""

from __future__ import annotations

import re
from typing import Any

from syncheck.frontends.cpp import expressions, library, methods
from syncheck.frontends.cpp.kinds import Class, Named, Number, Pointer, Type, key_of
from syncheck.frontends.cpp.objects import constructed, ending, given_values, initial
from syncheck.frontends.cpp.operators import cast
from syncheck.frontends.cpp.preprocess import LAUNCH
from syncheck.frontends.cpp.routines import (
    Given,
    bind_parameters,
    call,
    call_closure,
    choose,
    framed,
    parameters_of,
)
from syncheck.frontends.cpp.scopes import Lazy, Meant, Overloads, Routine, Scope, Template, own_default
from syncheck.frontends.cpp.selection import at_either
from syncheck.frontends.cpp.state import Pass, Unreadable, short
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.types import (
    arguments_of,
    base_type,
    declared_type,
    enter,
    instance,
    lazy_type,
    space_of,
    type_of,
    type_of_value,
)
from syncheck.frontends.cpp.values import Cell, Choice, Closure, Lost, Made, Object, Whole
from syncheck.ir import Const

_CASTS = ("static_cast", "reinterpret_cast", "const_cast", "dynamic_cast", "bit_cast")


def invoke(run: Pass, node: Node, scope: Scope) -> Any:
    """The value of a call."""
    function, listed = node.field("function"), node.field("arguments")
    if function is None or listed is None:
        return Lost("an incomplete call")
    if function.kind == "primitive_type":
        return constructed(
            run, type_of(run, function, scope), [run.value(one, scope) for one in listed.named()], "", node
        )
    name, explicit_node, lookup = _callee(run, function, scope)
    if name == LAUNCH:
        return _launch(run, listed, scope)
    if name in _CASTS and explicit_node is not None:
        return _cast(run, explicit_node, listed, scope)
    if function.kind == "field_expression":
        return _method(run, node, function, listed, scope)
    bound = _bound(run, function, name, lookup, scope)
    nodes = listed.named()
    if isinstance(bound, Overloads) and run.host and name not in run.launching and not _constant(bound):
        return _aside(run, node, nodes, scope)
    if isinstance(bound, Overloads) and not library.overrides(name):
        given = _given(run, nodes, explicit_node, scope)
        routine = _half(run, name, lookup, given) or choose(run, bound.routines, given)
        if routine is None:
            raise Unreadable(node, f"no {name} here takes {len(given.values)} arguments")
        this = scope.object() if routine.scope.kind == "class" else None
        return call(run, node, routine, given, this)
    if isinstance(bound, Closure):
        return call_closure(run, node, bound, _given(run, nodes, None, scope), name)
    if isinstance(bound, Object):
        given = _given(run, nodes, None, scope)
        return operator(run, node, "()", [bound, *given.values], scope, nodes=given.nodes)
    if isinstance(bound, Made) and isinstance(bound.what, Overloads):
        given = _given(run, nodes, explicit_node, scope)
        routine = choose(run, bound.what.routines, given)
        if routine is not None and routine.scope.kind != "class":
            return call(run, node, routine, given)
    made = _constructible(run, bound, function, explicit_node, scope)
    if made is not None and not library.known(name):
        if isinstance(made, Number):
            values = _values(run, nodes, scope)
            return cast(run, values[0], made) if values else Whole(Const(0), made)
        return constructed(run, made, _values(run, nodes, scope), "", node)
    if not name:
        return _called_value(run, node, function, nodes, scope)
    if run.host and not library.known(name):
        return _aside(run, node, nodes, scope)
    explicit = arguments_of(run, explicit_node, scope)
    return library.call(run, node, name, explicit, nodes, scope)


def _constant(bound: Overloads) -> bool:
    return any("constexpr" in one.definition.text.partition("{")[0] for one in bound.routines)


def _aside(run: Pass, node: Node, nodes: list[Node], scope: Scope) -> Any:
    """A function of the host that launches nothing: only what it is given to call back matters."""
    for value in _values(run, nodes, scope):
        if isinstance(value, Closure):
            call_closure(run, node, value, Given([], [], scope), "lambda")
    return Lost("a value of the host")


def _half(run: Pass, name: str, lookup: Scope, given: Given) -> Routine | None:
    """The half of the kernel for this core, called in the place of the other; it may take fewer arguments."""
    found = lookup.find(run.instead[1]) if name == run.instead[0] else None
    if not isinstance(found, Overloads):
        return None
    taken = len(parameters_of(found.routines[0].definition))
    given.values, given.nodes = given.values[:taken], given.nodes[:taken]
    return found.routines[0]


def _launch(run: Pass, listed: Node, scope: Scope) -> Any:
    """`kernel<…><<<blocks, …>>>(…)`: remembered, with the arguments that are the number of blocks in each launch of it
    and whether that is 1 in each; each is followed as a kernel of its own."""
    nodes = listed.named()
    if nodes:
        name, explicit, _ = _callee(run, nodes[0], scope)
        arguments = arguments_of(run, explicit, scope)
        key = "|".join((name, *(key_of(one.type if isinstance(one, Meant) else one) for one in arguments)))
        blocks = _plain(nodes[1]) if len(nodes) > 1 else ""
        counts = frozenset(at for at, one in enumerate(nodes[2:]) if blocks and _plain(one) == blocks)
        single = len(nodes) > 1 and _number(run, nodes[1], scope) == 1
        before = run.launches.get(key, (name, arguments, counts, single))
        run.launches[key] = (name, arguments, counts & before[2], single and before[3])
    return None


def _number(run: Pass, node: Node, scope: Scope) -> int | None:
    try:
        return run.number(node, scope)
    except Unreadable:
        return None


def _plain(node: Node) -> str:
    """The variable that an argument is, casts apart; "" if it is none."""
    while node.kind in ("parenthesized_expression", "cast_expression", "call_expression"):
        inner = node.field("value") or (node.named()[-1] if node.kind != "call_expression" else None)
        function, listed = node.field("function"), node.field("arguments")
        if inner is None and function is not None and function.text.startswith("static_cast<") and listed is not None:
            inner = listed.named()[0] if listed.named() else None
        if inner is None:
            return ""
        node = inner
    return node.text if node.kind in ("identifier", "field_expression") else ""


def _callee(run: Pass, function: Node, scope: Scope) -> tuple[str, Node | None, Scope]:
    """(name, its template arguments, the scope to look it up in)."""
    node, lookup = function, scope
    while node.kind == "qualified_identifier":
        home, last = node.field("scope"), node.field("name")
        if last is None:
            break
        inside = enter(run, home, lookup) if home is not None else lookup.top()
        lookup = inside if inside is not None else lookup
        node = last
    if node.kind in ("template_function", "template_type"):
        inner = node.field("name")
        return (inner.text if inner is not None else ""), node.field("arguments"), lookup
    if node.kind in ("identifier", "type_identifier", "field_identifier"):
        return node.text, None, lookup
    if node.kind == "dependent_name":
        inner = node.named()[-1]
        return _callee(run, inner, lookup)
    return "", None, lookup


def _bound(run: Pass, function: Node, name: str, lookup: Scope, scope: Scope) -> Any:
    found = (
        (lookup.own(name) if lookup is not scope and lookup.kind == "class" else lookup.find(name)) if name else None
    )
    if isinstance(found, Cell):
        return found.value
    if isinstance(found, Lazy) and found.kind == "variable":
        return expressions.lookup(run, found, name, function)
    return found


def _constructible(run: Pass, bound: Any, function: Node, explicit: Node | None, scope: Scope) -> Type:
    """The type that `T(…)` makes an object of."""
    if isinstance(bound, Meant):
        return bound.type
    if isinstance(bound, Lazy):
        return lazy_type(run, bound)
    if isinstance(bound, Template):
        return instance(run, bound, arguments_of(run, explicit, scope), scope)
    if isinstance(bound, Made) and isinstance(bound.what, Class | Number):
        return bound.what
    if bound is None:
        kind = type_of(run, function, scope)
        return None if kind is None or isinstance(kind, Named | Made) else kind
    return None


def _cast(run: Pass, explicit: Node, listed: Node, scope: Scope) -> Any:
    named = explicit.named()
    values = listed.named()
    if not named or not values:
        return Lost("an incomplete cast")
    return cast(run, run.value(values[0], scope), type_of(run, named[0], scope), said=True)


def _values(run: Pass, nodes: list[Node], scope: Scope) -> list[Any]:
    found: list[Any] = []
    for one in nodes:
        if one.kind == "parameter_pack_expansion":
            found += expanded(run, one.named()[0], scope)
        else:
            found.append(run.value(one, scope))
    return found


def expanded(run: Pass, pattern: Node, scope: Scope) -> list[Any]:
    """The values of `pattern...`: one for each element of the packs it names."""
    packs = {name: scope.find(name) for name in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", pattern.text))}
    packs = {name: pack for name, pack in packs.items() if isinstance(pack, list)}
    if not packs:
        raise Unreadable(pattern, f"which arguments '{short(pattern)}' stands for is not known")
    made: list[Any] = []
    for one in zip(*packs.values(), strict=False):
        inner = Scope(scope)
        inner.names.update(zip(packs, one, strict=True))
        made.append(run.value(pattern, inner))
    return made


def fold(run: Pass, node: Node, scope: Scope) -> Any:
    """`(f(args), ...)`."""
    left, right = node.field("left"), node.field("right")
    pattern = next((one for one in (left, right) if one is not None and one.kind != "..."), None)
    if pattern is None or node.first(",") is None or node.first("...") is None:
        raise Unreadable(node, f"'{short(node)}' is not understood")
    found = expanded(run, pattern, scope)
    return found[-1] if found else None


def _given(run: Pass, nodes: list[Node], explicit: Node | None, scope: Scope) -> Given:
    values: list[Any] = []
    kept: list[Node | None] = []
    for one in nodes:
        many = _values(run, [one], scope)
        values += many
        kept += [one] if len(many) == 1 and one.kind != "parameter_pack_expansion" else [None] * len(many)
    return Given(kept, values, scope, arguments_of(run, explicit, scope))


def _method(run: Pass, node: Node, function: Node, listed: Node, scope: Scope) -> Any:
    home, member = function.field("argument"), function.field("field")
    if home is None or member is None:
        return Lost("an incomplete call")
    held = run.value(home, scope)
    explicit = None
    if member.kind == "dependent_name":  # `a.template f<T>(…)`
        member = member.named()[-1]
    name = member.text
    if member.kind in ("template_method", "template_function"):
        inner = member.field("name")
        name, explicit = (inner.text if inner is not None else ""), member.field("arguments")
    return _on(run, node, held, name, explicit, listed.named(), scope)


def _on(run: Pass, node: Node, held: Any, name: str, explicit: Node | None, nodes: list[Node], scope: Scope) -> Any:
    if isinstance(held, Cell):
        held = held.value
    if isinstance(held, Object):
        found = held.type.scope.own(name)
        if name.startswith("~"):
            run.unended = [one for one in run.unended if one is not held]
        if isinstance(found, Overloads) and run.host and name not in run.launching and not _constant(found):
            return _aside(run, node, nodes, scope)
        if isinstance(found, Overloads):
            given = _given(run, nodes, explicit, scope)
            routine = choose(run, found.routines, given)
            if routine is None:
                raise Unreadable(node, f"no {name} of {held.type.name} takes {len(given.values)} arguments")
            return call(run, node, routine, given, held)
        cell = held.fields.get(name)
        if cell is not None and isinstance(cell.value, Closure):
            return call_closure(run, node, cell.value, _given(run, nodes, None, scope), name)
        raise Unreadable(node, f"{held.type.name} has no function {name}")
    if isinstance(held, Choice):
        return at_either(run, node, held, lambda one: _on(run, node, one, name, explicit, nodes, scope))
    return methods.call(run, node, held, name, _values(run, nodes, scope))


def _called_value(run: Pass, node: Node, function: Node, nodes: list[Node], scope: Scope) -> Any:
    inner = function.named()
    if function.kind == "parenthesized_expression" and len(nodes) == 1 and inner[0].kind == "identifier":
        kind = type_of(run, inner[0], scope)  # `(T)(x)` reads like a call
        if (kind is not None and scope.find(inner[0].text) is None) or isinstance(kind, Number):
            return cast(run, run.value(nodes[0], scope), kind)
    held = run.value(function, scope)
    if isinstance(held, Closure):
        return call_closure(run, node, held, _given(run, nodes, None, scope), "lambda")
    raise Unreadable(node, f"what '{short(function)}' calls is not known")


def operator(
    run: Pass, node: Node, op: str, operands: list[Any], scope: Scope, *, wanted: bool = True,
    nodes: list[Node | None] | None = None,
) -> Any:  # fmt: skip
    """An operator that the text defines for objects; NotImplemented if it does not and none is `wanted`. `nodes`: those
    of the operands behind the first."""
    first, name = operands[0], f"operator{op}"
    own = first.type.scope.own(name) if isinstance(first, Object) else None
    found, values = (own, operands[1:]) if isinstance(own, Overloads) else (scope.find(name), operands)
    given = Given(nodes if found is own and nodes is not None else [None] * len(values), values, scope)
    routine = choose(run, found.routines, given) if isinstance(found, Overloads) else None
    if routine is not None:
        return call(run, node, routine, given, first if found is own else None)
    if not wanted:
        return NotImplemented
    of = next(one.type.name for one in operands if isinstance(one, Object))
    raise Unreadable(node, f"what '{op}' does with {of} is not known")


# ---------------------------------------------------------------- what objects need


def bound_value(run: Pass, found: Any, name: str, node: Node) -> Any:
    """The value of a static member."""
    return expressions.lookup(run, found, name, node)


def member(run: Pass, scope: Scope, declaration: Node, declarator: Node, name: str) -> Cell:
    """One field of a new object."""
    if declaration.first("bitfield_clause") is not None:
        run.problem(declaration, "members of some bits only are not followed", "an integer of its own")
    base = base_type(run, declaration, scope)
    kind = declared_type(run, base, declarator, scope, space_of(declaration))
    if "reference_declarator" in declarator.kind and isinstance(kind, Number | Pointer):
        run.problem(declaration, "members that are references to numbers are not followed", "a number of its own")
    given = own_default(declaration, declarator)
    held = initial(run, kind, given, scope, name, declaration)
    return run.trail.new(held, kind if kind is not None else type_of_value(held), name)


def destroy(run: Pass, node: Node, made: Object) -> None:
    """Run the destructor of an object and those of its bases."""
    for kind in (made.type, *made.type.bases):
        routine = ending(kind)
        if routine is not None:
            call(run, node, routine, Given([], [], kind.scope), made)


def construct(run: Pass, made: Object, values: list[Any], node: Node) -> bool:
    """Run the constructor that takes these values; False if the class has none."""
    return _construct_as(run, made, made.type, values, node)


def _in_order(made: Object, said: dict[str, list[Node]]) -> list[tuple[str, list[Node]]]:
    """Initialisers in the order in which members are: that of the class, not of the list."""
    places = {name: place for place, name in enumerate(made.fields)}
    return sorted(said.items(), key=lambda one: places.get(one[0], -1))


def _again(run: Pass, made: Object, kind: Class, name: str, said: dict[str, list[Node]], scope: Scope) -> None:
    """Members whose own initialiser names the one that a constructor has just set."""
    for field, declaration, declarator in kind.fields:
        given = own_default(declaration, declarator)
        if field not in said and given is not None and re.search(rf"\b{name}\b", given.text):
            made.fields[field].value = member(run, scope, declaration, declarator, made.fields[field].name).value


def _construct_as(run: Pass, made: Object, kind: Class, values: list[Any], node: Node) -> bool:
    """Run a constructor of the object's class or of a base of it."""
    found = kind.scope.names.get(kind.name)
    given = Given([None] * len(values), values, kind.scope)
    routine = choose(run, found.routines, given) if isinstance(found, Overloads) else None
    if routine is None:
        for base in kind.bases if not values else ():
            _construct_as(run, made, base, [], node)
        return False
    definition = routine.definition
    initializers = definition.first("field_initializer_list")
    scope = Scope(kind.scope, "class", this=made)
    inner = Scope(scope, "function")
    bind_parameters(run, routine, given, inner)
    listed = [child.named() for child in (initializers.named() if initializers is not None else ())]
    said = {one[0].text.split("<")[0].split("::")[-1]: one for one in listed if one}
    for base in [] if kind.name in said else kind.bases:
        arguments = said[base.name][1] if base.name in said and len(said[base.name]) > 1 else None
        _construct_as(run, made, base, given_values(run, arguments, inner), node)
    for name, one in _in_order(made, said):
        cell = made.fields.get(name)
        if cell is not None and len(one) > 1:
            cell.value = initial(run, cell.type, one[1], inner, cell.name, one[0])
            _again(run, made, kind, name, said, scope)
        elif name == kind.name and len(one) > 1:
            _construct_as(run, made, kind, given_values(run, one[1], inner), node)
        elif cell is None and name not in {base.name for base in kind.bases}:
            clause = kind.node.first("base_class_clause")
            if clause is not None and name in clause.text:
                raise Unreadable(one[0], f"what '{short(one[0])}' initialises is not known")
            given_values(run, one[1] if len(one) > 1 else None, inner)
    body = definition.field("body")
    if body is not None and body.kind == "compound_statement":
        framed(run, node, kind.name, body, inner)
    return True
