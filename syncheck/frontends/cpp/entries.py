"""Entry points: where a kernel starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from syncheck.frontends.cpp.kinds import Array, Number, Pointer
from syncheck.frontends.cpp.objects import constructed
from syncheck.frontends.cpp.routines import Given, call, parameters_of
from syncheck.frontends.cpp.scopes import (
    Overloads,
    Routine,
    Scope,
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
    r"|PtoSetWaitFlag|SET_FLAG|WAIT_FLAG|PIPE_BARRIER|copy_gm_to_ubuf\w*|copy_ubuf_to_gm\w*|Event)\b"
)  # fmt: skip


@dataclass(slots=True)
class Entry:
    """One way into the file: a function, with explicit template arguments where it is an instance of a template."""

    name: str
    key: str
    span: Span
    arguments: Node | None = None
    owner: str = ""
    texts: tuple[str, ...] = field(default=())

    def start(self, run: Pass, scope: Scope) -> None:
        """Follow it with nothing known of its arguments."""
        routine = self._routine(run, scope)
        if routine is None:
            return
        explicit: list[Any] = []
        if self.arguments is not None:
            explicit = arguments_of(run, _again(run, self.arguments), scope)
        elif routine.parameters is not None:
            explicit = []
        values = [_argument(run, node, routine, explicit) for node in parameters_of(routine.definition)]
        given = Given([None] * len(values), values, scope, explicit)
        body = routine.definition.field("body")
        call(run, body if body is not None else routine.definition, routine, given)
        _unwrap(run)

    def _routine(self, run: Pass, scope: Scope) -> Routine | None:
        for routine in _routines(scope):
            if routine.name == self.name and (
                self.key == "" or _place(routine.definition) == self.key or self.arguments is not None
            ):
                return routine
        return None


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
    mine = [one for one in _routines(scope) if one.definition.span.path == path and one.scope.kind != "class"]
    instances = [one for one in instantiations(unit) if one[2].path == path]
    found: list[Entry] = []
    for name, arguments, span in instances:
        routine = next((one for one in _routines(scope) if one.name == name), None)
        if routine is not None:
            found.append(Entry(name, _place(routine.definition), span, arguments))
    named = [one for one in mine if one.parameters is None and (one.entry or one.name == "kernel_entry")]
    launched = {one.name for one in named} | {name for name, _, _ in instances}
    for one in named:
        if _SYNC.search(one.definition.text) or _calls(one.definition) or one.name == "kernel_entry":
            found.append(Entry(one.name, _place(one.definition), one.definition.span))
    if found:
        return _outermost(found, mine, launched)
    called = {word for one in mine for word in _calls(one.definition) if word != one.name}
    for one in mine:
        if (
            one.parameters is None
            and one.name not in called
            and (_SYNC.search(one.definition.text) or _calls(one.definition))
        ):
            found.append(Entry(one.name, _place(one.definition), one.definition.span))
    return found


def _outermost(found: list[Entry], mine: list[Routine], launched: set[str]) -> list[Entry]:
    """Without those that another entry point calls (a launcher and its kernel)."""
    calls = {one.name: _calls(one.definition) for one in mine}
    called = {word for entry in found for word in calls.get(entry.name, set()) if word != entry.name}
    return [entry for entry in found if entry.name not in called]


def _calls(definition: Node) -> set[str]:
    """The names that a function calls."""
    body = definition.field("body")
    if body is None:
        return set()
    return set(re.findall(r"\b([A-Za-z_]\w*)\s*(?:<[^;(){}]*>)?\s*\(", body.text))
