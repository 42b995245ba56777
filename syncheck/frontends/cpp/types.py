"""What a type in the text is: aliases, templates, classes, and the types of the tile library."""

from __future__ import annotations

import re
from typing import Any

from syncheck.frontends.cpp.kinds import INT, NUMBERS, VOID, Array, Class, Named, Pointer, Type, key_of, volatile
from syncheck.frontends.cpp.library_types import LIBRARY, TILE_TYPES
from syncheck.frontends.cpp.scopes import (
    Lazy,
    Meant,
    Outside,
    Overloads,
    Parameter,
    Routine,
    Scope,
    Template,
    declarator_name,
    declare,
)
from syncheck.frontends.cpp.state import Pass, Unreadable
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.values import Cell, Enum, Made, Whole

_SPACE = re.compile(r"alignas\((\w+)\)")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+")
_WORD = re.compile(r"[A-Za-z_]\w*")
_SIZED = re.compile(r"\b(const|constexpr|static|volatile|inline|typename|struct|mutable)\b")


def type_of(run: Pass, node: Node, scope: Scope) -> Type:
    """The type that a specifier, descriptor or template argument names; None if it is not known."""
    kind = node.kind
    if kind in ("primitive_type", "sized_type_specifier"):
        words = " ".join(_SIZED.sub("", node.text).split())
        return NUMBERS.get(words) or (VOID if words == "void" else INT)
    if kind == "type_descriptor":
        return declared_type(run, base_type(run, node, scope), node.field("declarator"), scope, space_of(node))
    if kind in ("type_identifier", "identifier", "namespace_identifier"):
        return _named(run, node.text, scope)
    if kind in ("template_type", "template_function"):
        return _template(run, node, scope, scope)
    if kind in ("qualified_identifier", "scoped_type_identifier"):
        return _qualified(run, node, scope)
    if kind == "dependent_type":
        return type_of(run, node.named()[-1], scope)
    if kind in ("struct_specifier", "class_specifier", "enum_specifier", "union_specifier"):
        name = node.field("name")
        if name is None and node.field("body") is not None and kind != "enum_specifier":
            made = Class("", node, Scope(scope, "class"))
            fill(run, made)
            return made
        if node.field("body") is not None:
            declare(node, scope)
        return _named(run, name.text, scope) if name is not None else None
    if kind == "decltype":
        inner = node.named()[0] if node.named() else None
        return type_of_value(run.value(inner, scope)) if inner is not None and inner.kind != "auto" else None
    return None


def base_type(run: Pass, node: Node, scope: Scope) -> Type:
    """The type that a declaration begins with, before its pointers and arrays."""
    kind = node.field("type")
    found = type_of(run, kind, scope) if kind is not None else None
    return volatile(found) if is_volatile(node) else found


def is_volatile(node: Node) -> bool:
    """Whether a declaration says `volatile` of what it begins with."""
    return any(child.kind == "type_qualifier" and child.text == "volatile" for child in node.all())


def space_of(node: Node) -> str:
    """The address space that the qualifiers of a declaration name."""
    for child in node.all():
        if child.kind in ("type_qualifier", "alignas_qualifier"):
            found = _SPACE.search(child.text)
            if found:
                return found.group(1)
    return ""


def declared_type(run: Pass, base: Type, declarator: Node | None, scope: Scope, space: str) -> Type:
    """The type of one declarator: pointers, references and arrays around a base type."""
    found = base
    while declarator is not None:
        if declarator.kind in ("pointer_declarator", "abstract_pointer_declarator"):
            own = space or (found.space if isinstance(found, Pointer) else "")
            found, space = Pointer(found, own), ""
        elif declarator.kind in ("array_declarator", "abstract_array_declarator"):
            size = declarator.field("size")
            count = run.number(size, scope) if size is not None else None
            inner = declarator.field("declarator")
            found = Array(declared_type(run, found, inner, scope, space), -1 if count is None else count)
            return found
        elif declarator.kind in ("function_declarator", "abstract_function_declarator"):
            return None
        declarator = declarator.field("declarator") or next(
            (child for child in declarator.named() if child.kind.endswith("declarator")), None
        )
    return found


def _named(run: Pass, name: str, scope: Scope) -> Type:
    found = scope.find(name)
    if found is None:
        return NUMBERS.get(name) or LIBRARY.get(name, Named(name)) if name not in LIBRARY else _library(run, name, [])
    return meaning(run, found, name)


def meaning(run: Pass, found: Any, name: str = "") -> Type:
    """The type a binding stands for; None if it is no type."""
    if isinstance(found, Meant):
        return found.type
    if isinstance(found, Lazy):
        return lazy_type(run, found)
    if isinstance(found, Template):
        if all(parameter.default is not None or parameter.pack for parameter in found.parameters):
            return instance(run, found, [], found.scope)
        return Made(found)
    if isinstance(found, Scope) and "(enum)" in found.names:
        return INT
    if isinstance(found, Cell) and isinstance(found.value, Made):
        return found.value.what
    return None


def lazy_type(run: Pass, lazy: Lazy) -> Type:
    """The type of a lazily declared alias or class, kept from then on."""
    if lazy.kind not in ("class", "type"):
        return None
    if lazy.done:
        return lazy.made
    made: Type = None
    if lazy.kind == "class":
        name = lazy.node.field("name")
        made = Class(name.text if name else "", lazy.node, Scope(lazy.scope, "class"))
        lazy.made, lazy.done = made, True
        fill(run, made)
        _add_methods(made, lazy.outside, ())
    elif lazy.kind == "type" and not lazy.busy:
        lazy.busy = True
        if lazy.node.field("type") is not None:
            made = base_type(run, lazy.node, lazy.scope)
            made = declared_type(run, made, lazy.declarator, lazy.scope, space_of(lazy.node))
        lazy.busy = False
        lazy.made, lazy.done = made, True
    return made


def fill(run: Pass, made: Class) -> None:
    """Read the members of a class."""
    body = made.node.field("body")
    made.scope.names["(class)"] = made
    if body is not None:
        declare(body, made.scope)
    clause = made.node.first("base_class_clause")
    for child in clause.named() if clause is not None else ():
        base = type_of(run, child, made.scope) if child.kind != "access_specifier" else None
        if isinstance(base, Class):
            made.bases.append(base)
            made.scope.used.append(base.scope)
    made.fields = [one for base in made.bases for one in base.fields]
    made.fields += made.scope.names.get("(fields)", [])


def _qualified(run: Pass, node: Node, scope: Scope) -> Type:
    home, last = node.field("scope"), node.field("name")
    if last is None:
        return None
    if home is None:
        return type_of(run, last, scope.top())
    inside = enter(run, home, scope)
    if inside is None:
        return type_of(run, last, scope)  # a namespace of the library
    if last.kind in ("template_type", "template_function"):
        return _template(run, last, inside, scope)
    if last.kind == "qualified_identifier":
        return _qualified(run, last, inside)
    found = inside.own(last.text)
    return meaning(run, found, last.text) if found is not None else None


def enter(run: Pass, node: Node, scope: Scope) -> Scope | None:
    """The scope that `X::` opens; None for a namespace that the text does not have."""
    if node.kind in ("template_type", "template_function"):
        made = _template(run, node, scope, scope)
    elif node.kind == "qualified_identifier":
        made = _qualified(run, node, scope)
    else:
        found = scope.find(node.text)
        if isinstance(found, Scope):
            return found
        made = meaning(run, found, node.text) if found is not None else None
    if isinstance(made, Class):
        opened: Scope = made.scope
        return opened
    return type_scope(made)


def type_scope(made: Type) -> Scope | None:
    """The members that a library type has: T::DType, T::Rows …"""
    from syncheck.frontends.cpp.kinds import TensorType, TileType

    if isinstance(made, TileType):
        scope = Scope(None, "class")
        for name, value in (("Rows", made.rows), ("Cols", made.columns), ("Numel", made.rows * made.columns),
                            ("ValidRow", made.valid[0]), ("ValidCol", made.valid[1])):  # fmt: skip
            from syncheck.ir import Const

            if value is not None:
                scope.names[name] = Cell(Whole(Const(value)))
        scope.names["DType"] = Meant(made.element)
        scope.names["Loc"] = Cell(Enum(TILE_TYPES[made.space], "TileType"))
        return scope
    if isinstance(made, TensorType):
        scope = Scope(None, "class")
        scope.names["DType"] = scope.names["RawDType"] = Meant(made.element)
        for name, extents in (("Shape", made.shape), ("Stride", made.stride)):
            if extents is not None:
                scope.names[name] = Meant(extents)
        return scope
    return None


def arguments_of(run: Pass, node: Node | None, scope: Scope) -> list[Any]:
    """Template arguments: types (wrapped in Meant) and values."""
    found: list[Any] = []
    for child in node.named() if node is not None else ():
        found += argument(run, child, scope)
    return found


def argument(run: Pass, node: Node, scope: Scope) -> list[Any]:
    if node.kind == "parameter_pack_expansion":
        packed = node.named()[0]
        pack = scope.find(packed.text)
        return list(pack) if isinstance(pack, list) else argument(run, packed, scope)
    if node.kind == "type_descriptor":
        inner = node.field("type")
        if inner is not None and node.field("declarator") is None:
            if inner.kind in ("type_identifier", "identifier"):
                bound = scope.find(inner.text)
                if bound is None and _CONSTANT.fullmatch(inner.text) and inner.text not in LIBRARY:
                    return [run.value(inner, scope)]
                if isinstance(bound, Cell | Lazy) and not (isinstance(bound, Lazy) and bound.kind in ("type", "class")):
                    return [run.value(inner, scope)]
            if inner.kind == "qualified_identifier":
                return [_either(run, inner, scope)]
            if inner.kind == "dependent_type":
                return [Meant(type_of(run, inner, scope))]
        return [Meant(type_of(run, node, scope))]
    if node.kind in ("identifier", "type_identifier"):
        bound = scope.find(node.text)
        if isinstance(bound, list):
            return list(bound)
        made = meaning(run, bound) if bound is not None else None
        if made is not None:
            return [Meant(made)]
    return [run.value(node, scope)]


def _either(run: Pass, node: Node, scope: Scope) -> Any:
    """`A::b` as a template argument: a type or a value."""
    made = _qualified(run, node, scope)
    if made is not None and not isinstance(made, Named):
        return Meant(made)
    value = run.value(node, scope)
    if isinstance(value, Whole | Enum):
        return value
    return Meant(made)


def _template(run: Pass, node: Node, lookup: Scope, scope: Scope) -> Type:
    name = node.field("name")
    if name is None:
        return None
    found = lookup.find(name.text)
    arguments = arguments_of(run, node.field("arguments"), scope)
    if isinstance(found, Template):
        return instance(run, found, arguments, scope)
    if isinstance(found, Meant) and isinstance(found.type, Made) and isinstance(found.type.what, Template):
        return instance(run, found.type.what, arguments, scope)
    if isinstance(found, Overloads):
        return None
    return _library(run, name.text, arguments)


def _library(run: Pass, name: str, arguments: list[Any]) -> Type:
    made = LIBRARY.get(name)
    if made is None:
        return NUMBERS.get(name) or Named(name)
    return made([one.type if isinstance(one, Meant) else one for one in arguments])


def bind(run: Pass, parameters: tuple[Parameter, ...], arguments: list[Any], scope: Scope) -> bool:
    """Give the parameters of a template their arguments in `scope`; False if one has none."""
    rest = list(arguments)
    for parameter in parameters:
        if parameter.pack:
            scope.names[parameter.name] = rest
            rest = []
            continue
        if rest:
            given = rest.pop(0)
        elif parameter.default is not None:
            many = argument(run, parameter.default, scope)
            given = many[0] if many else None
        else:
            return False
        scope.names[parameter.name] = given if isinstance(given, Meant) else Cell(given, None, parameter.name)
    return True


def instance(run: Pass, template: Template, arguments: list[Any], scope: Scope) -> Type:
    """A class template or alias template with its arguments."""
    key = "|".join(key_of(one.type if isinstance(one, Meant) else one) for one in arguments)
    if key in template.made:
        return template.made[key]
    node: Any = template.node
    inner = Scope(template.scope, "class")
    special = _special(run, template, arguments)
    if special is not None:
        node = special[0]
        inner = special[1]
    elif not bind(run, template.parameters, arguments, inner):
        return None
    if node.kind == "alias_declaration":
        kind: Node | None = node.field("type")
        made = type_of(run, kind, inner) if kind is not None else None
    elif node.kind in ("struct_specifier", "class_specifier"):
        made = Class(template.name, node, inner)
        template.made[key] = made
        fill(run, made)
        if special is None:
            _add_methods(made, template.outside, template.parameters)
    else:
        made = None
    template.made[key] = made
    return made


def _add_methods(made: Class, outside: list[Outside], parameters: tuple[Parameter, ...]) -> None:
    """The methods of a class that are defined behind it, with what their own template parameters are called."""
    for text, node, own in outside:
        routine = Routine(text, node, made.scope, own if own and len(own) > len(parameters) else None)
        for mine, its in zip(own or (), parameters, strict=False):
            held = made.scope.find(its.name)
            if held is not None and mine.name != its.name:
                made.scope.names.setdefault(mine.name, held)
        known = made.scope.names.get(text)
        if isinstance(known, Overloads):
            known.routines.append(routine)
        else:
            made.scope.names[text] = Overloads([routine])


def _special(run: Pass, template: Template, arguments: list[Any]) -> tuple[Node, Scope] | None:
    """A specialisation whose arguments fit: equal ones, or parameters of its own that take what is given."""
    for parameters, node, pattern in template.special:
        inner = Scope(template.scope, "class")
        free = {parameter.name for parameter in parameters}
        patterns = pattern.named()
        if len(patterns) != len(arguments):
            continue
        if any(one.text not in free and free & set(_WORD.findall(one.text)) for one in patterns):
            raise Unreadable(node, f"whether this specialisation of {template.name} is meant is not known")
        for one, given in zip(patterns, arguments, strict=True):
            text = one.text
            if text in free:
                inner.names[text] = given if isinstance(given, Meant) else Cell(given, None, text)
                continue
            wanted = argument(run, one, Scope(template.scope))
            if not wanted or key_of(_plain(wanted[0])) != key_of(_plain(given)):
                break
        else:
            return node, inner
    return None


def _plain(argument_: Any) -> Any:
    if isinstance(argument_, Meant):
        return argument_.type
    return argument_.number if isinstance(argument_, Whole) else argument_


def type_of_value(value: Any) -> Type:
    """The type of a value, None if it has none that matters."""
    from syncheck.frontends.cpp.values import Address, Event, Object, Pipe, Real, Tensor, Tile

    if isinstance(value, Whole | Real):
        return value.type
    if isinstance(value, Tile | Tensor | Pipe | Event | Object):
        return value.type
    if isinstance(value, Address):
        return Pointer(value.to, value.space)
    return getattr(value, "type", None)


def parameter_name(node: Node) -> str:
    name = declarator_name(node.field("declarator"))
    return name.text if name is not None else ""
