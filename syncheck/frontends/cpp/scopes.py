"""Names of a kernel: scopes, functions, templates, and what the declarations of a file bring into them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncheck.frontends.cpp.syntax import Node


@dataclass(slots=True, eq=False)
class Scope:
    """One scope. `kind`: file, namespace, class, function, block. `this`: the object whose method runs."""

    parent: Scope | None = None
    kind: str = "block"
    names: dict[str, Any] = field(default_factory=dict)
    this: Any = None
    used: list[Scope] = field(default_factory=list)

    def find(self, name: str) -> Any:
        """What a name means here, None if nothing is known of it."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.own(name)
            if found is None and scope.this is not None:
                found = scope.this.fields.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def own(self, name: str) -> Any:
        found = self.names.get(name)
        if found is None:
            for other in self.used:
                found = other.names.get(name)
                if found is not None:
                    break
        return found

    def top(self) -> Scope:
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def object(self) -> Any:
        """The object whose method this scope belongs to."""
        scope: Scope | None = self
        while scope is not None:
            if scope.this is not None:
                return scope.this
            scope = scope.parent
        return None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a template. `kind`: type, value, template; `pack`: it stands for any number of arguments."""

    name: str
    kind: str
    default: Node | None = None
    pack: bool = False


@dataclass(slots=True, eq=False)
class Routine:
    """A function or a function template (`parameters` not None). `definition`: a function_definition; `launched`:
    it is `__global__`; `head`: with the template's parameters."""

    name: str
    definition: Node
    scope: Scope
    parameters: tuple[Parameter, ...] | None = None
    entry: bool = False
    called: bool = False
    specialised: Node | None = None
    launched: bool = False
    head: Node | None = None


@dataclass(slots=True, eq=False)
class Overloads:
    """The functions of one name."""

    routines: list[Routine] = field(default_factory=list)


Outside = tuple[str, Node, "tuple[Parameter, ...] | None"]
"""A method defined behind its class: name, definition, and the template parameters that stand before it."""


@dataclass(slots=True, eq=False)
class Template:
    """A class template, an alias template or a variable template; `special` are its specialisations, `outside` the
    methods that are defined behind it."""

    name: str
    node: Node
    scope: Scope
    parameters: tuple[Parameter, ...]
    made: dict[str, Any] = field(default_factory=dict)
    special: list[tuple[tuple[Parameter, ...], Node, Node]] = field(default_factory=list)
    outside: list[Outside] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Lazy:
    """A variable, alias or class of a file or class scope that nothing has asked for yet."""

    kind: str
    node: Node
    scope: Scope
    declarator: Node | None = None
    busy: bool = False
    made: Any = None
    done: bool = False
    outside: list[Outside] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Meant:
    """A name that is a type."""

    type: Any


def declarator_name(node: Node | None) -> Node | None:
    """The name that a declarator declares."""
    while node is not None:
        if node.kind in (
            "identifier", "field_identifier", "type_identifier", "qualified_identifier", "operator_name",
            "destructor_name", "template_function", "operator_cast",
        ):  # fmt: skip
            return node
        inner = node.field("declarator")
        if inner is None:
            inner = next((child for child in node.named() if child.kind.endswith(("declarator", "identifier"))), None)
        node = inner
    return None


def own_default(declaration: Node, declarator: Node) -> Node | None:
    """What a member begins with: `int a = 1, b = 2;` says it for each."""
    others = [one.key for one in declaration.many("declarator") if one.key > declarator.key]
    found = [one for one in declaration.many("default_value") if one.key > declarator.key]
    return found[0] if found and all(found[0].key < other for other in others) else None


def function_declarator(node: Node | None) -> Node | None:
    """The function_declarator inside a declarator, if it declares a function."""
    while node is not None and node.kind != "function_declarator":
        if node.kind not in ("pointer_declarator", "reference_declarator", "attributed_declarator", "init_declarator"):
            return None
        node = node.field("declarator") or next(
            (child for child in node.named() if child.kind.endswith("declarator")), None
        )
    return node


def template_parameters(node: Node | None) -> tuple[Parameter, ...]:
    found: list[Parameter] = []
    for child in node.named() if node is not None else ():
        if child.kind in ("type_parameter_declaration", "variadic_type_parameter_declaration"):
            name = child.first("type_identifier")
            found.append(Parameter(name.text if name else "", "type", None, child.kind.startswith("variadic")))
        elif child.kind == "optional_type_parameter_declaration":
            name = child.field("name")
            found.append(Parameter(name.text if name else "", "type", child.field("default_type")))
        elif child.kind in (
            "parameter_declaration",
            "optional_parameter_declaration",
            "variadic_parameter_declaration",
        ):
            name = declarator_name(child.field("declarator"))
            pack = child.kind.startswith("variadic")
            found.append(Parameter(name.text if name else "", "value", child.field("default_value"), pack))
        elif child.kind == "template_template_parameter_declaration":
            name = next((one for one in child.named() if "type_parameter" in one.kind), None)
            named = name.first("type_identifier") if name else None
            found.append(Parameter(named.text if named else "", "template"))
    return tuple(found)


def declare(
    node: Node, scope: Scope, parameters: tuple[Parameter, ...] | None = None, *, entry: bool = False,
    head: Node | None = None,
) -> None:  # fmt: skip
    """Bring what a node at file, namespace or class level declares into a scope."""
    kind = node.kind
    if kind in ("translation_unit", "declaration_list", "field_declaration_list"):
        for child in node.named():
            declare(child, scope, entry=entry)
    elif kind == "namespace_definition":
        _namespace(node, scope)
    elif kind == "linkage_specification":
        body = node.field("body")
        if body is not None:
            declare(body, scope, entry=True)
    elif kind == "template_declaration":
        inner = node.named()[-1] if node.named() else None
        if inner is not None:
            declare(inner, scope, template_parameters(node.field("parameters")), entry=entry, head=node)
    elif kind in ("function_definition", "inline_method_definition"):
        _function(node, scope, parameters, entry, head)
    elif kind in ("declaration", "field_declaration"):
        _variables(node, scope, parameters)
    elif kind in ("struct_specifier", "class_specifier", "union_specifier"):
        _class(node, scope, parameters)
    elif kind == "enum_specifier":
        _enum(node, scope)
    elif kind == "alias_declaration":
        _alias(node, scope, parameters)
    elif kind == "type_definition":
        for declarator in node.many("declarator"):
            name = declarator_name(declarator)
            if name is not None:
                scope.names[name.text] = Lazy("type", node, scope, declarator)
        inner = node.field("type")
        if inner is not None and inner.kind in ("struct_specifier", "enum_specifier"):
            declare(inner, scope)
    elif kind == "using_declaration":
        _using(node, scope)
    elif kind == "ERROR":
        for child in node.named():
            declare(child, scope, entry=entry)


def _namespace(node: Node, scope: Scope) -> None:
    name, body = node.field("name"), node.field("body")
    if body is None:
        return
    inner = scope
    if name is not None:
        for part in name.text.split("::"):
            known = inner.names.get(part)
            if not isinstance(known, Scope):
                known = inner.names[part] = Scope(inner, "namespace")
            inner = known
    declare(body, inner)


def _using(node: Node, scope: Scope) -> None:
    named = node.named()
    if not named:
        return
    path = named[-1].text.split("::")
    if node.first("namespace") is not None:
        target: Any = scope.find(path[0])
        for part in path[1:]:
            target = target.names.get(part) if isinstance(target, Scope) else None
        if isinstance(target, Scope):
            scope.used.append(target)
        return
    target = scope.find(path[0])
    for part in path[1:]:
        target = target.names.get(part) if isinstance(target, Scope) else None
    if target is not None and len(path) > 1:
        scope.names.setdefault(path[-1], target)


def _function(
    node: Node, scope: Scope, parameters: tuple[Parameter, ...] | None, entry: bool, head: Node | None
) -> None:
    declarator = function_declarator(node.field("declarator"))
    name = declarator_name(declarator)
    if name is None or declarator is None or node.field("body") is None:
        return
    global_ = any(child.kind == "ms_declspec_modifier" and "global" in child.text for child in node.all())
    text, home = name.text, scope
    if name.kind == "operator_name":
        text = "".join(text.split())
    if name.kind == "qualified_identifier":
        *path, text = text.split("::")
        for part in path:
            home_ = home.find(part.split("<")[0])
            if isinstance(home_, Template) or (isinstance(home_, Lazy) and home_.kind == "class"):
                home_.outside.append((text, node, parameters))  # a method defined behind its class
                return
            home = home_ if isinstance(home_, Scope) else home
    where = (entry or global_) and scope.kind != "class"
    routine = Routine(text, node, home, parameters, where, launched=global_, head=head)
    if name.kind == "template_function":
        base = name.field("name")
        routine.name = text = base.text if base else text
        routine.specialised = name.field("arguments")
    known = scope.names.get(text)
    if isinstance(known, Overloads):
        known.routines.append(routine)
    else:
        scope.names[text] = Overloads([routine])


def _variables(node: Node, scope: Scope, parameters: tuple[Parameter, ...] | None) -> None:
    kind = node.field("type")
    if kind is not None and kind.kind in ("struct_specifier", "class_specifier", "enum_specifier", "union_specifier"):
        declare(kind, scope)
    for declarator in node.many("declarator"):
        if function_declarator(declarator) is not None and declarator.kind != "init_declarator":
            continue
        name = declarator_name(declarator)
        if name is None:
            continue
        if parameters:
            scope.names[name.text] = Template(name.text, node, scope, parameters)
        elif scope.kind == "class" and not _is_static(node):
            scope.names.setdefault("(fields)", []).append((name.text, node, declarator))
        else:
            scope.names[name.text] = Lazy("variable", node, scope, declarator)


def _is_static(node: Node) -> bool:
    return any(child.kind == "storage_class_specifier" and "static" in child.text for child in node.all())


def _class(node: Node, scope: Scope, parameters: tuple[Parameter, ...] | None) -> None:
    name, body = node.field("name"), node.field("body")
    if name is None:
        return
    if body is None:
        if parameters is not None and name.kind == "type_identifier":  # its specialisations follow
            scope.names.setdefault(name.text, Template(name.text, node, scope, parameters))
        return
    if parameters is None:
        scope.names[name.text] = Lazy("class", node, scope)
        return
    base = name.field("name") if name.kind == "template_type" else name
    if base is None:
        return
    known = scope.names.get(base.text)
    arguments = name.field("arguments") if name.kind == "template_type" else None
    if arguments is not None and isinstance(known, Template):
        known.special.append((parameters, node, arguments))
    elif arguments is None:
        fresh = Template(base.text, node, scope, parameters)
        scope.names[base.text] = fresh


def _enum(node: Node, scope: Scope) -> None:
    name, body = node.field("name"), node.field("body")
    scoped = node.first("class", "struct") is not None
    home = scope
    if name is not None:
        inner = Scope(scope, "namespace")
        inner.names["(enum)"] = True
        scope.names[name.text] = inner
        home = inner if scoped else scope
    before: Node | None = None
    for child in body.named() if body is not None else ():
        if child.kind == "enumerator":
            label = child.field("name")
            if label is not None:
                lazy = Lazy("enumerator", child, home, before)
                home.names[label.text] = lazy
                if name is not None and not scoped:
                    scope.names[name.text].names[label.text] = lazy
            before = label


def _alias(node: Node, scope: Scope, parameters: tuple[Parameter, ...] | None) -> None:
    name = node.field("name")
    if name is None:
        return
    if parameters:
        scope.names[name.text] = Template(name.text, node, scope, parameters)
    else:
        scope.names[name.text] = Lazy("type", node, scope)
