"""Entry points: where a kernel starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from syncheck.frontends.cpp.kinds import Array, Number, Pointer
from syncheck.frontends.cpp.objects import constructed
from syncheck.frontends.cpp.preprocess import LAUNCH
from syncheck.frontends.cpp.routines import Given, call, parameters_of
from syncheck.frontends.cpp.scopes import (
    Lazy,
    Overloads,
    Routine,
    Scope,
    Template,
    declarator_name,
    declare,
    function_declarator,
)
from syncheck.frontends.cpp.state import Pass, Unreadable
from syncheck.frontends.cpp.syntax import Node, Unit
from syncheck.frontends.cpp.types import arguments_of, declared_type, parameter_name, space_of, type_of
from syncheck.frontends.cpp.values import Address, Real, Whole
from syncheck.ir import Const
from syncheck.source import Span

_SYNC = re.compile(
    r"\b(set_flag|wait_flag|pipe_barrier|ffts_cross_core_sync|wait_flag_dev|set_intra_block|TPUSH|TPOP|TSYNC|TLOAD|TSTORE"
    r"|PtoSetWaitFlag|SET_FLAG|WAIT_FLAG|PIPE_BARRIER|copy_gm_to_ubuf\w*|copy_ubuf_to_gm\w*)\b|\bEvent<"
)  # fmt: skip


@dataclass(slots=True)
class Entry:
    """One way into the file: a function, with explicit template arguments where it is an instance of a template. With
    `launch` the function is of the host, and the kernel is the one it launches at that place (counted from 0).
    `launched`: the end of the kernel is the end of a launch."""

    name: str
    key: str
    span: Span
    arguments: Node | None = None
    launch: int = -1
    launched: bool = False

    def start(self, run: Pass, scope: Scope) -> None:
        """Follow it with nothing known of its arguments."""
        routine = self._routine(run, scope)
        if routine is None:
            return
        explicit = arguments_of(run, _again(run, self.arguments), scope) if self.arguments is not None else []
        if self.launch >= 0:
            launches = host_launches(run, routine, explicit, scope)
            if self.launch >= len(launches):
                return
            name, explicit = launches[self.launch]
            found = [one for one in _routines(scope) if one.name == name]
            if not found:
                return
            routine = found[0]
        _follow(run, routine, explicit, scope)
        _unwrap(run)

    def _routine(self, run: Pass, scope: Scope) -> Routine | None:
        for routine in _routines(scope):
            if routine.name == self.name and (_place(routine.definition) == self.key or self.arguments is not None):
                return routine
        return None

    def launches(self, run: Pass, scope: Scope) -> int:
        """How many kernels this function of the host launches."""
        routine = self._routine(run, scope)
        if routine is None:
            return 0
        explicit = arguments_of(run, _again(run, self.arguments), scope) if self.arguments is not None else []
        return len(host_launches(run, routine, explicit, scope))


def _follow(run: Pass, routine: Routine, explicit: list[Any], scope: Scope) -> None:
    values = [_argument(run, node, routine, explicit) for node in parameters_of(routine.definition)]
    body = routine.definition.field("body")
    call(run, body if body is not None else routine.definition, routine,
         Given([None] * len(values), values, scope, explicit))  # fmt: skip


def host_launches(run: Pass, routine: Routine, explicit: list[Any], scope: Scope) -> list[tuple[str, list[Any]]]:
    """What a function of the host launches: (kernel, template arguments)."""
    run.host = True
    try:
        _follow(run, routine, explicit, scope)
    except Unreadable:
        pass
    finally:
        run.host = False
    run.out, run.loops, run.conditions, run.steps = [], [], [], 0
    return list(run.launches.values())


def _again(run: Pass, node: Node) -> Node:
    """The same template arguments in this pass's text."""
    if node.unit is run.unit:
        return node
    for other in instantiations(run.unit):
        if other[1].text == node.text and other[2].line == node.span.line:
            return other[1]
    return node


def _unwrap(run: Pass) -> None:
    """The entry point itself needs no frame."""
    from syncheck.ir import Call

    if len(run.out) == 1 and isinstance(run.out[0], Call):
        run.out = list(run.declared.defs[run.out[0].name].body)


def _place(definition: Node) -> str:
    span = definition.span
    return f"{span.path}:{span.line}"


def _argument(run: Pass, node: Node, routine: Routine, explicit: list[Any]) -> Any:
    """An argument of the launch: nothing is known of it but its type."""
    name = parameter_name(node) or "argument"
    scope = Scope(routine.scope)
    from syncheck.frontends.cpp.types import bind

    if routine.parameters:
        bind(run, routine.parameters, explicit, scope)
    kind_node = node.field("type")
    base = type_of(run, kind_node, scope) if kind_node is not None else None
    try:
        kind = declared_type(run, base, node.field("declarator"), scope, space_of(node))
    except Unreadable:
        kind = None
    if isinstance(kind, Array):
        kind = Pointer(kind.of, "GM")
    if isinstance(kind, Pointer):
        run.declared.hints.setdefault(name, name)
        return Address(kind.space or "GM", name, Const(0), kind.to)
    if isinstance(kind, Number):
        if kind.floating:
            return Real(kind)
        low = 0 if not kind.signed else None
        if name in run.pins:
            return Whole(run.pin(name), kind)
        return Whole(run.terms.symbol(f"argument {name}", hint=name, low=low), kind)
    return constructed(run, kind, [], name, node)


def _routines(scope: Scope) -> Iterator[Routine]:
    for held in scope.names.values():
        if isinstance(held, Overloads):
            yield from held.routines
        elif isinstance(held, Scope) and held is not scope:
            yield from _routines(held)


def instantiations(unit: Unit) -> list[tuple[str, Node, Span]]:
    """`template void Launch<float, 64>(…);`: (name, arguments, where)."""
    found: list[tuple[str, Node, Span]] = []
    for node in _within(unit.root, "template_instantiation"):
        declarator = function_declarator(node.field("declarator"))
        name = declarator_name(declarator)
        while name is not None and name.kind == "qualified_identifier":
            name = name.field("name")
        if name is not None and name.kind == "template_function":
            base, arguments = name.field("name"), name.field("arguments")
            if base is not None and arguments is not None:
                found.append((base.text, arguments, node.span))
    return found


def _within(node: Node, kind: str) -> Iterator[Node]:
    for child in node.named():
        if child.kind == kind:
            yield child
        elif child.kind in ("namespace_definition", "declaration_list", "linkage_specification", "ERROR"):
            yield from _within(child, kind)


def entries(unit: Unit, path: str) -> list[Entry]:
    """The entry points of the file itself, in the order of its text."""
    scope = Scope(None, "file")
    declare(unit.root, scope)
    every = list(_routines(scope))
    mine = [one for one in every if one.definition.span.path == path and one.scope.kind != "class"]
    reaching = _reaching([(one.name, one.definition) for one in every] + list(_methods(scope)))
    hosts = _hosts(unit, path, mine)
    if hosts:
        return hosts
    found: list[Entry] = []
    for name, arguments, span in instantiations(unit):
        routine = next((one for one in every if one.name == name and name in reaching), None)
        if routine is not None and span.path == path:
            found.append(Entry(name, _place(routine.definition), span, arguments, launched=_ends(routine)))
    for one in mine:
        if one.parameters is None and (one.entry or one.name == "kernel_entry") and one.name in reaching:
            found.append(_entry(one))
    called = {word for one in mine for word in _calls(one.definition) if word != one.name}
    if found:
        return [entry for entry in found if entry.name not in called]
    return [_entry(one) for one in mine if one.parameters is None and one.name not in called and one.name in reaching]


def _entry(routine: Routine) -> Entry:
    return Entry(routine.name, _place(routine.definition), routine.definition.span, launched=_ends(routine))


def _ends(routine: Routine) -> bool:
    """Whether a launch ends with this function: not where a resident executor calls it by its name."""
    return routine.launched and routine.name != "kernel_entry"


def _hosts(unit: Unit, path: str, mine: list[Routine]) -> list[Entry]:
    """The functions of the host that launch kernels; what each launches is told when it is followed."""
    launching = {one.name: one for one in mine if LAUNCH in one.definition.text}
    found = []
    for name, arguments, span in instantiations(unit):
        if name in launching and span.path == path:
            found.append(Entry(name, _place(launching[name].definition), span, arguments, 0, True))
    told = {entry.name for entry in found}
    for one in launching.values():
        if one.parameters is None and one.name not in told:
            found.append(Entry(one.name, _place(one.definition), one.definition.span, None, 0, True))
    return found


def _methods(scope: Scope) -> Iterator[tuple[str, Node]]:
    """The methods of classes and class templates: nobody makes those before they are needed."""
    for held in scope.names.values():
        if isinstance(held, Template) or (isinstance(held, Lazy) and held.kind == "class"):
            for node in _deep(held.node, "function_definition"):
                name = declarator_name(node.field("declarator"))
                if name is not None:
                    yield name.text, node
        elif isinstance(held, Scope) and held is not scope:
            yield from _methods(held)


def _deep(node: Node, kind: str) -> Iterator[Node]:
    for child in node.named():
        if child.kind == kind:
            yield child
        elif child.kind in ("field_declaration_list", "template_declaration", "class_specifier", "struct_specifier"):
            yield from _deep(child, kind)


def _reaching(functions: list[tuple[str, Node]]) -> set[str]:
    """The names of functions that synchronise or move tiles, themselves or through what they call."""
    calls: dict[str, set[str]] = {}
    for name, definition in functions:
        calls.setdefault(name, set()).update(_calls(definition))
    found = {name for name, definition in functions if _SYNC.search(definition.text)}
    grown = True
    while grown:
        more = {name for name, words in calls.items() if name not in found and words & found}
        grown = bool(more)
        found |= more
    return found


def _calls(definition: Node) -> set[str]:
    """The names that a function calls."""
    body = definition.field("body")
    if body is None:
        return set()
    return set(re.findall(r"\b([A-Za-z_]\w*)\s*(?:<[^;(){}]*>)?\s*\(", body.text))
