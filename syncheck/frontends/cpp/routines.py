"""Calls of the kernel's own functions: which one, its template arguments, its parameters, and the frame it leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from syncheck.frontends.cpp.early_returns import without_returns
from syncheck.frontends.cpp.kinds import INT, Array, Class, Number, Pointer, TensorType, TileType, key_of
from syncheck.frontends.cpp.objects import constructed, copied, named
from syncheck.frontends.cpp.operators import cast
from syncheck.frontends.cpp.overloads import holds, takes
from syncheck.frontends.cpp.scopes import (
    Meant,
    Routine,
    Scope,
    function_declarator,
)
from syncheck.frontends.cpp.state import Frame, Pass, Unreadable, short
from syncheck.frontends.cpp.statements import bound_reference, leave
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import names
from syncheck.frontends.cpp.types import (
    argument,
    base_type,
    bind,
    declared_type,
    is_volatile,
    parameter_name,
    space_of,
    type_of,
    type_of_value,
)
from syncheck.frontends.cpp.values import Address, Cell, Closure, Items, Lost, Memory, Object, Real, Whole
from syncheck.frontends.cpp.within import within
from syncheck.ir import Call, Def, Expr, For, If, Let, Return, Statement

DEEPEST = 40
"""Calls nested deeper than this are recursion."""


@dataclass(slots=True)
class Given:
    """The arguments of a call: their nodes (None for one that is already worth something), values, and the scope."""

    nodes: list[Node | None]
    values: list[Any]
    scope: Scope
    explicit: list[Any] = field(default_factory=list)


def parameters_of(definition: Node) -> list[Node]:
    declarator = function_declarator(definition.field("declarator"))
    listed = declarator.field("parameters") if declarator is not None else None
    kinds = ("parameter_declaration", "optional_parameter_declaration", "variadic_parameter_declaration")
    found = [child for child in listed.named() if child.kind in kinds] if listed is not None else []
    return [] if len(found) == 1 and found[0].text == "void" else found


def choose(run: Pass, routines: list[Routine], given: Given) -> Routine | None:
    """The overload that a call means: by the number of arguments, then by what they are."""
    fitting = []
    for routine in routines:
        listed = parameters_of(routine.definition)
        pack = any(one.kind == "variadic_parameter_declaration" for one in listed)
        least = sum(one.kind == "parameter_declaration" for one in listed)
        if least <= len(given.values) and (pack or len(given.values) <= len(listed)):
            fitting.append((routine, listed))
    if len(fitting) > 1 and given.explicit:
        plain = [one for one in fitting if one[0].parameters is not None]
        fitting = plain or fitting
    if not fitting:
        return None
    liked = [(_likeness(run, routine, listed, given), routine) for routine, listed in fitting]
    most = max(score for score, _ in liked)
    best = [routine for score, routine in liked if score == most]
    if len(best) > 1:
        best = [one for one in best if takes(one, given.explicit)] or best
    if len(best) > 1 and any(_restricted(one) for one in best):
        best = _allowed(run, best, given)
    if len(best) > 1 and any(_restricted(one) for one in best):
        where = best[0].definition
        raise Unreadable(where, f"which {best[0].name} of {len(best)} is called depends on 'enable_if' or 'requires'")
    if len({one.definition.text for one in best}) > 1:
        where = best[0].definition
        raise Unreadable(where, f"which {best[0].name} of {len(best)} is called is not told by its arguments")
    return best[0]


def _allowed(run: Pass, routines: list[Routine], given: Given) -> list[Routine]:
    """Without those whose condition is known not to hold."""
    kept = []
    for routine in routines:
        scope = Scope(routine.scope, "class")
        bound = _restricted(routine) and _template_arguments(run, routine, given, scope)
        if not bound or holds(run, routine, scope) is not False:
            kept.append(routine)
    return kept or routines


def _restricted(routine: Routine) -> bool:
    text = routine.head.text if routine.head is not None else ""
    return any(word in text[: text.find("{")] for word in ("enable_if", "requires"))


def _likeness(run: Pass, routine: Routine, listed: list[Node], given: Given) -> int:
    score = 0
    free = {parameter.name for parameter in routine.parameters or ()}
    for node, value in zip(listed, given.values, strict=False):
        kind_node = node.field("type")
        if kind_node is None:
            continue
        if kind_node.text in free:  # takes it as it is
            plain = (_bare(node.field("declarator")) or kind_node).kind in ("identifier", kind_node.kind)
            score += 3 if plain and type_of_value(value) is not None else 0
            continue
        try:
            wanted = type_of(run, kind_node, routine.scope) if not (free & set(_words(kind_node))) else None
        except Unreadable:
            continue
        wanted = declared_type(run, wanted, _bare(node.field("declarator")), routine.scope, space_of(node))
        held = type_of_value(value)
        if isinstance(wanted, Pointer) and isinstance(value, Address):
            score += 2 + (3 if wanted.space == value.space else 0)
            score += 2 if isinstance(value.to, Number) and value.to == wanted.to else 0
        elif wanted is not None and type(wanted) is type(held):
            score += 4 if key_of(wanted) == key_of(held) else _promotion(held, wanted)
        elif wanted is not None and held is not None:
            score -= 5
    if routine.specialised is not None:
        wanted_arguments = [one for child in routine.specialised.named() for one in argument(run, child, routine.scope)]
        same = [key_of(_plain(a)) == key_of(_plain(b)) for a, b in zip(wanted_arguments, given.explicit, strict=False)]
        score += 20 if same and all(same) else -100
    return score


def _promotion(held: Any, wanted: Any) -> int:
    """2 where a short integer becomes an int, 1 for any other conversion."""
    short_ = isinstance(held, Number) and held.bytes < 4 and not held.floating
    return 2 if short_ and key_of(wanted) == key_of(INT) else 1


def _plain(value: Any) -> Any:
    if isinstance(value, Meant):
        return value.type
    return value.number if isinstance(value, Whole) else value


def _words(node: Node) -> list[str]:
    return node.text.replace("<", " ").replace(">", " ").replace(",", " ").replace("::", " ").split()


def _bare(declarator: Node | None) -> Node | None:
    if declarator is not None and declarator.kind == "reference_declarator":
        inner = [child for child in declarator.named() if child.kind.endswith("declarator")]
        return inner[0] if inner else None
    return declarator


def call(run: Pass, node: Node, routine: Routine, given: Given, this: Object | None = None) -> Any:
    """Follow a call: its statements become a `def` that is called here, its value is what it returns."""
    routine.called = True
    if len(run.calls) > DEEPEST:
        raise Unreadable(node, f"{routine.name} calls itself", "calls that end")
    scope = Scope(this.type.scope if this is not None else routine.scope, "class", this=this)
    if routine.parameters is not None and not _template_arguments(run, routine, given, scope):
        raise Unreadable(node, f"the template arguments of {routine.name} could not be told")
    inner = Scope(scope, "function")
    bind_parameters(run, routine, given, inner)
    body = routine.definition.field("body")
    run.declared.count("functions", routine.name)
    if body is None:
        return None
    return _returned(run, routine, framed(run, node, routine.name, body, inner), inner)


def _returned(run: Pass, routine: Routine, value: Any, scope: Scope) -> Any:
    """What a call returns, as the type says that the function returns."""
    kind_node, declarator = routine.definition.field("type"), routine.definition.field("declarator")
    if not isinstance(value, Whole | Address | Real) or kind_node is None or declarator is None:
        return value
    if declarator.kind == "reference_declarator" or kind_node.kind == "placeholder_type_specifier":
        return value
    kind = base_type(run, routine.definition, scope)
    while declarator is not None and declarator.kind == "pointer_declarator":
        kind, declarator = Pointer(kind, space_of(routine.definition)), declarator.field("declarator")
    return cast(run, value, kind) if isinstance(kind, Number | Pointer) else value


def framed(run: Pass, node: Node, name: str, body: Node, scope: Scope) -> Any:
    """Follow a body as a function called here."""
    frame = Frame(name, run.trail.mark(), len(run.out), len(run.conditions), loops=len(run.loops), born=run.trail.clock)
    frame.span = body.span
    before, run.out = run.out, []
    run.frames.append(frame)
    run.calls.append(name)
    run.sites.append(node.key)
    try:
        run.hooks.statement(run, body, scope)
    finally:
        made, run.out = run.out, before
        run.frames.pop()
        run.calls.pop()
        run.sites.pop()
    value = leave(run, frame)
    _emit_call(run, node, frame, made, value)
    return value


def _emit_call(run: Pass, node: Node, frame: Frame, made: list[Statement], value: Any) -> None:
    if not does_something(made):
        inner = defined(made)
        run.out += made if _escaping(run, frame, value) & inner else []
        return
    if _escaping(run, frame, value) & defined(made):
        flat = without_returns(made) if frame.jumps else made
        if flat is not None:
            run.out += flat
            return
    body = tuple(made[:-1] if isinstance(made[-1], Return) else made)
    key = (frame.name, body)
    name = run.declared.bodies.get(key)
    if name is None:
        name = run.terms.fresh(frame.name)
        run.declared.bodies[key] = name
        run.declared.defs[name] = Def(name, (), body, frame.span)
    run.emit(Call(name, (), node.span))


def does_something(statements: Iterable[Statement]) -> bool:
    """Whether there is more than variables and jumps."""
    return any(not isinstance(one, If | For | Let | Return) for one in within(statements))


def defined(statements: Iterable[Statement]) -> set[str]:
    """The variables that statements define."""
    inside = list(within(statements))
    return {one.name for one in inside if isinstance(one, Let)} | {one.var for one in inside if isinstance(one, For)}


def _escaping(run: Pass, frame: Frame, value: Any) -> set[str]:
    """The variables that what a call leaves behind depends on."""
    found: set[str] = set()
    changed = [held for cell, held in run.trail.changed(frame.mark).items() if cell.born <= frame.born]
    for held in [value, *changed]:
        expr: Expr | None = held.expr if isinstance(held, Whole) else held.offset if isinstance(held, Address) else None
        if expr is not None:
            found |= names(expr)
    return found


# ---------------------------------------------------------------- parameters


def bind_parameters(run: Pass, routine: Routine, given: Given, scope: Scope) -> None:
    listed = parameters_of(routine.definition)
    for position, node in enumerate(listed):
        name = parameter_name(node)
        if node.kind == "variadic_parameter_declaration":
            places = range(position, len(given.values))
            scope.names[name] = [
                _parameter(run, node, f"{name}{at - position}", given, at, scope)
                if _refers(node.field("declarator"))
                else run.trail.new(given.values[at], type_of_value(given.values[at]), f"{name}{at - position}")
                for at in places
            ]
            return
        if position >= len(given.values):
            default = node.field("default_value")
            value = run.value(default, scope) if default is not None else Lost(f"{name} is not given")
            kind = declared_type(run, base_type(run, node, scope), node.field("declarator"), scope, space_of(node))
            kept = kind if isinstance(kind, Number | Pointer) else None
            scope.names[name] = run.trail.new(cast(run, value, kept) if kept is not None else value, kept, name)
            continue
        scope.names[name] = _parameter(run, node, name, given, position, scope)


def _refers(declarator: Node | None) -> bool:
    """Whether a parameter is a reference: `T &x`, `T *&x`."""
    while declarator is not None:
        if declarator.kind in ("reference_declarator", "abstract_reference_declarator"):
            return True
        if "pointer" not in declarator.kind:
            return False
        declarator = next((child for child in declarator.named() if child.kind.endswith("declarator")), None)
    return False


_STEPS = ("assignment_expression", "update_expression", "comma_expression")


def _parameter(run: Pass, node: Node, name: str, given: Given, position: int, scope: Scope) -> Any:
    declarator, value = node.field("declarator"), given.values[position]
    source = given.nodes[position]
    if _refers(declarator):
        if isinstance(value, Cell):
            return value
        while source is not None and source.kind == "parenthesized_expression":
            source = source.named()[0]
        if source is not None and source.kind in _STEPS and "const" not in node.text:
            raise Unreadable(source, f"which variable '{short(source)}' names is not followed", "a step of its own")
        loose = "const" in node.text or "&&" in node.text
        if source is not None and source.kind == "call_expression" and isinstance(value, Whole | Real) and not loose:
            raise Unreadable(source, f"which number '{short(source)}' names is not followed", "a variable")
        if source is not None and source.kind in ("identifier", "field_expression", "subscript_expression",
                                                  "pointer_expression", "conditional_expression"):  # fmt: skip
            if "++" in source.text or "--" in source.text:
                raise Unreadable(source, f"which variable '{short(source)}' names is not followed", "a step of its own")
            return bound_reference(run, source, given.scope, name, volatile=is_volatile(node))
        return run.trail.new(value, type_of_value(value), name)
    kind = declared_type(run, base_type(run, node, scope), declarator, scope, space_of(node))
    if isinstance(kind, Class) and isinstance(value, Whole | Real | Items):
        values = [cell.value for cell in value.cells] if isinstance(value, Items) else [value]
        return run.trail.new(constructed(run, kind, values, name, node), kind, name)
    if isinstance(value, Items):
        return run.trail.new(value, None, name)  # an array is passed by its address
    if isinstance(kind, Array) and isinstance(value, Address):
        kind = Pointer(kind.of, value.space)
    held = cast(run, value, kind) if isinstance(kind, Number | Pointer) else copied(run, value)
    kept = kind if isinstance(kind, Number | Pointer) else type_of_value(held)
    return run.trail.new(named(run, held, name), kept, name)


def _template_arguments(run: Pass, routine: Routine, given: Given, scope: Scope) -> bool:
    """Bind the template parameters: explicit ones first, then those that the arguments tell."""
    parameters = routine.parameters or ()
    if routine.specialised is not None and not parameters:
        return True
    explicit = list(given.explicit)
    told: dict[str, Any] = {}
    for node, value in zip(parameters_of(routine.definition), given.values, strict=False):
        kind_node = node.field("type")
        if kind_node is not None:
            declarator = node.field("declarator")
            depth = 0
            while declarator is not None and declarator.kind in ("pointer_declarator", "reference_declarator",
                                                                 "abstract_pointer_declarator"):  # fmt: skip
                depth += "pointer" in declarator.kind
                inner = [child for child in declarator.named() if child.kind.endswith("declarator")]
                declarator = inner[0] if inner else None
            held = type_of_value(value)
            if isinstance(value, Closure):
                held = Meant(value)
            if isinstance(value, Items) and declarator is not None and declarator.kind == "array_declarator":
                held = value.of
            for _ in range(depth):
                held = held.to if isinstance(held, Pointer) else held
            deduce(run, kind_node, held, told)
    for parameter in parameters:
        if parameter.pack:
            many = explicit or told.get(parameter.name) or _pack(routine, parameter.name, given)
            if many is None:
                return False
            scope.names[parameter.name] = many
            explicit = []
        elif explicit:
            one = explicit.pop(0)
            scope.names[parameter.name] = one if isinstance(one, Meant) else Cell(one, None, parameter.name)
        elif parameter.name in told:
            scope.names[parameter.name] = told[parameter.name]
        elif parameter.default is not None:
            bind(run, (parameter,), [], scope)
        elif parameter.name:
            scope.names[parameter.name] = Meant(None) if parameter.kind == "type" else Cell(Lost(parameter.name))
    return True


def _pack(routine: Routine, name: str, given: Given) -> list[Any] | None:
    """What a pack of template parameters stands for that no argument names; None if that is not told."""
    for place, node in enumerate(parameters_of(routine.definition)):
        kind = node.field("type")
        if kind is None or re.search(rf"\b{name}\b", kind.text) is None:
            continue
        if node.kind != "variadic_parameter_declaration" or kind.text != name:
            return None
        return [Meant(type_of_value(value)) for value in given.values[place:]]
    return []


def deduce(run: Pass, node: Node, kind: Any, told: dict[str, Any]) -> None:
    """What a parameter's type tells of the template parameters it names."""
    if node.kind in ("type_identifier", "identifier"):
        if kind is not None:
            told.setdefault(node.text, Meant(kind))
        return
    if node.kind == "qualified_identifier":
        last = node.field("name")
        if last is not None and last.kind == "template_type":
            deduce(run, last, kind, told)
        return
    if node.kind != "template_type":
        return
    listed = node.field("arguments")
    name = node.field("name")
    patterns = listed.named() if listed is not None else []
    values = _arguments_again(kind, name.text if name is not None else "")
    for pattern, value in zip(patterns, values, strict=False):
        inner = pattern.field("type") if pattern.kind == "type_descriptor" else pattern
        if inner is None or value is None:
            continue
        if inner.kind == "template_type":
            deduce(run, inner, value, told)
        elif inner.kind in ("type_identifier", "identifier"):
            told.setdefault(inner.text, value if isinstance(value, Cell) else Meant(value))


def _arguments_again(kind: Any, name: str) -> list[Any]:
    """The template arguments that a type was made from."""
    from syncheck.ir import Const

    def number(value: int | None) -> Any:
        return None if value is None else Cell(Whole(Const(value)))

    if isinstance(kind, TensorType):
        return [kind.element, kind.shape, kind.stride]
    if isinstance(kind, TileType):
        rest = [number(kind.rows), number(kind.columns)]
        if name == "Tile":
            return [None, kind.element, *rest]
        return [kind.element, *rest]
    if isinstance(kind, Class):
        return [one for key, one in kind.scope.names.items() if key != "(class)"]
    return []


# ---------------------------------------------------------------- lambdas


def call_closure(run: Pass, node: Node, closure: Closure, given: Given, name: str) -> Any:
    """Follow a lambda; what it captures is what its scope holds now."""
    if len(run.calls) > DEEPEST:
        raise Unreadable(node, f"{name} calls itself", "calls that end")
    scope = Scope(closure.scope, "function")
    declarator = closure.node.field("declarator")
    listed = declarator.field("parameters") if declarator is not None else None
    position = 0
    for child in listed.named() if listed is not None else ():
        if child.kind not in ("parameter_declaration", "optional_parameter_declaration"):
            continue
        if position < len(given.values):
            scope.names[parameter_name(child)] = _parameter(run, child, parameter_name(child), given, position, scope)
        position += 1
    body = closure.node.field("body")
    if body is None:
        return None
    value = framed(run, node, name, body, scope)
    trailing = declarator.first("trailing_return_type") if declarator is not None else None
    said = trailing.first("type_descriptor") if trailing is not None else None
    kind = type_of(run, said, scope) if said is not None else None
    return cast(run, value, kind) if isinstance(kind, Number) and isinstance(value, Whole | Real) else value


__all__ = ["Given", "Items", "Memory", "call", "call_closure", "choose"]
