"""Entry points: where a kernel starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from syncheck.frontends.cpp.kinds import Array, Number, Pointer
from syncheck.frontends.cpp.objects import constructed
from syncheck.frontends.cpp.preprocess import LAUNCH
from syncheck.frontends.cpp.ranges import ranged
from syncheck.frontends.cpp.routines import Given, call, parameters_of
from syncheck.frontends.cpp.scopes import (
    Lazy,
    Meant,
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
from syncheck.frontends.cpp.types import arguments_of, base_type, declared_type, parameter_name, space_of
from syncheck.frontends.cpp.values import Address, Cell, Items, Lost, Object, Real, Whole
from syncheck.ir import Const
from syncheck.source import Problem, Span

_SYNC = re.compile(
    r"\b(set_flag|wait_flag|pipe_barrier|ffts_cross_core_sync|wait_flag_dev|set_intra_block|TPUSH|TPOP|TSYNC|TLOAD|TSTORE"
    r"|SYNCALL|MGATHER|MSCATTER|TPUT|TGET|TNOTIFY|TWAIT|TBROADCAST|TREDUCE|PtoSetWaitFlag|SET_FLAG|WAIT_FLAG|PIPE_BARRIER"
    r"|dcci|dsb|st_dev|copy_gm_to_ubuf\w*|copy_ubuf_to_gm\w*)\s*[(<]|\bEvent<"
)  # fmt: skip
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
"""A string: what it says is done by nobody."""


@dataclass(slots=True)
class Entry:
    """One way into the file: a function, with explicit template arguments where it is an instance of a template. With
    `launch` the function is of the host, and the kernel is the one it launches at that place (counted from 0);
    `launching` are the functions that lead there. `launched`: the end of the kernel is the end of a launch."""

    name: str
    key: str
    span: Span
    arguments: Node | None = None
    launch: int = -1
    launched: bool = False
    launching: frozenset[str] = frozenset()

    def start(self, run: Pass, scope: Scope) -> None:
        """Follow it with nothing known of its arguments."""
        routine = self._routine(run, scope)
        if routine is None:
            return
        explicit = arguments_of(run, _again(run, self.arguments), scope) if self.arguments is not None else []
        counts: frozenset[int] = frozenset()
        if self.launch >= 0:
            launches = host_launches(run, routine, explicit, scope, self.launching)
            if self.launch >= len(launches):
                return
            name, explicit, counts, run.single = launches[self.launch]
            routine = _taking(scope, name, explicit)
            if routine is None:
                return
        _follow(run, routine, explicit, scope, counts)
        _unwrap(run)

    def _routine(self, run: Pass, scope: Scope) -> Routine | None:
        for routine in _routines(scope):
            if routine.name == self.name and (_place(routine.definition) == self.key or self.arguments is not None):
                return routine
        return None

    def launches(self, run: Pass, scope: Scope) -> list[str]:
        """The kernels that this function of the host launches, one for each place and template arguments."""
        routine = self._routine(run, scope)
        if routine is None:
            return []
        explicit = arguments_of(run, _again(run, self.arguments), scope) if self.arguments is not None else []
        return [name for name, *_ in host_launches(run, routine, explicit, scope, self.launching)]


def _taking(scope: Scope, name: str, explicit: list[Any]) -> Routine | None:
    """The function of a name that takes these template arguments."""
    named = [one for one in _routines(scope) if one.name == name]
    kinds = ["type" if isinstance(one, Meant) else "value" for one in explicit]
    for one in named:
        wanted = one.parameters or ()
        if len(kinds) <= len(wanted) and all(p.pack or p.kind == k for p, k in zip(wanted, kinds, strict=False)):
            return one
    return named[0] if named else None


def _follow(
    run: Pass, routine: Routine, explicit: list[Any], scope: Scope, counts: frozenset[int] = frozenset()
) -> None:
    """`counts`: the arguments that are the number of blocks."""
    parameters = enumerate(parameters_of(routine.definition))
    values = [_argument(run, node, routine, explicit, 1 if at in counts else None) for at, node in parameters]
    body = routine.definition.field("body")
    call(run, body if body is not None else routine.definition, routine,
         Given([None] * len(values), values, scope, explicit))  # fmt: skip


def host_launches(
    run: Pass, routine: Routine, explicit: list[Any], scope: Scope, launching: frozenset[str]
) -> list[tuple[str, list[Any], frozenset[int], bool]]:
    """What a function of the host launches: (kernel, template arguments, which arguments are the number of blocks,
    whether there is one block only)."""
    run.host, run.launching = True, launching
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


def _argument(run: Pass, node: Node, routine: Routine, explicit: list[Any], low: int | None) -> Any:
    """An argument of the launch: nothing is known of it but its type, and the least that it is."""
    name = parameter_name(node) or "argument"
    scope = Scope(routine.scope)
    from syncheck.frontends.cpp.types import bind

    if routine.parameters:
        bind(run, routine.parameters, explicit, scope)
    base = base_type(run, node, scope)
    try:
        kind = declared_type(run, base, node.field("declarator"), scope, space_of(node))
    except Unreadable:
        kind = None
    if isinstance(kind, Array):
        kind = Pointer(kind.of, "GM")
    return _given(run, kind, name, node, low)


def _given(run: Pass, kind: Any, name: str, node: Node, low: int | None = None) -> Any:
    """Something of a type that the host gave: of an object all members, whatever its class says they begin with."""
    if isinstance(kind, Pointer):
        run.declared.hints.setdefault(name, name)
        return Address(kind.space or "GM", name, Const(0), kind.to)
    if isinstance(kind, Number):
        if kind.floating:
            return Real(kind, f"argument {name}")
        low = 0 if low is None and not kind.signed else low
        if name in run.pins:
            return Whole(run.pin(name), kind)
        key = f"argument {name}{' of the host' if run.host else ''}"
        return Whole(ranged(run, run.terms.symbol(key, hint=name, low=low), kind), kind)
    made = constructed(run, kind, [], name, node)
    if isinstance(made, Object) and not run.host:
        for field, cell in made.fields.items():
            run.trail.put(cell, _member(run, cell, f"{name}_{field}", node))
    return made


def _member(run: Pass, cell: Cell, name: str, node: Node) -> Any:
    if isinstance(cell.value, Items):
        for number, one in enumerate(cell.value.cells):
            run.trail.put(one, _member(run, one, f"{name}_{number}", node))
        return cell.value
    if isinstance(cell.value, Object):
        return _given(run, cell.value.type, name, node)
    if isinstance(cell.type, Number | Pointer):
        return _given(run, cell.type, name, node)
    return cell.value if cell.type is None else Lost(f"{name} is given by the host", cell.type)


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
    hosts = _hosts(unit, path, mine, [*_methods(scope), *((one.name, one.definition) for one in every)])
    if hosts:
        return hosts
    found: list[Entry] = []
    for name, arguments, span in instantiations(unit):
        routine = next((one for one in every if one.name == name and name in reaching), None)
        if routine is not None and span.path == path:
            found.append(Entry(name, _place(routine.definition), span, arguments, launched=_ends(routine)))
    for one in mine:
        kernel = one.launched or one.name == "kernel_entry" or (one.entry and one.name in reaching)
        if one.parameters is None and kernel:
            found.append(_entry(one))
    called = {word for one in mine for word in _calls(one.definition) if word != one.name}
    if found:
        return [entry for entry in found if entry.name not in called]
    return [_entry(one) for one in mine if one.parameters is None and one.name not in called and one.name in reaching]


def other_half(unit: Unit, path: str, entry: Entry) -> tuple[str, str] | None:
    """(a function that the entry point calls, another that nothing calls and that takes the same arguments, or the
    first of them): the halves of a kernel for cube and vector core, of which each file starts one."""
    scope = Scope(None, "file")
    declare(unit.root, scope)
    mine = [one for one in _routines(scope) if one.definition.span.path == path and one.parameters is None]
    reaching = _reaching([(one.name, one.definition) for one in mine])
    start = next((one for one in mine if one.name == entry.name), None)
    called = {word for one in mine for word in _calls(one.definition) if word != one.name}
    first = [one for one in mine if start is not None and one.name in _calls(start.definition) & reaching]
    idle = [one for one in mine if one.name in reaching - called and one is not start]
    pairs = [(one.name, other.name) for one in first for other in idle if _alike(one, other)]
    return pairs[0] if len(pairs) == 1 else None


def _alike(one: Routine, other: Routine) -> bool:
    kinds = [
        [re.sub(rf"\b{re.escape(parameter_name(node))}\b", "", node.text) for node in parameters_of(routine.definition)]
        for routine in (one, other)
    ]
    return bool(kinds[1]) and kinds[0][: len(kinds[1])] == kinds[1]


def _entry(routine: Routine) -> Entry:
    return Entry(routine.name, _place(routine.definition), routine.definition.span, launched=_ends(routine))


def _ends(routine: Routine) -> bool:
    """Whether a launch ends with this function: not where a resident executor calls it by its name."""
    return routine.launched and routine.name != "kernel_entry"


def _hosts(unit: Unit, path: str, mine: list[Routine], functions: list[tuple[str, Node]]) -> list[Entry]:
    """The functions of the host that launch kernels, themselves or through those they call, and that no other such
    function calls; what each launches is told when it is followed."""
    calls: dict[str, set[str]] = {}
    for name, definition in functions:
        calls.setdefault(name, set()).update(_calls(definition))
    launching = frozenset(_grown({name for name, definition in functions if LAUNCH in definition.text}, calls))
    if not launching:
        return []
    called = {word for name in launching for word in calls[name] if word != name}
    places = {one.name: one for one in mine if one.name in launching}
    found = [
        Entry(name, _place(places[name].definition), span, arguments, 0, True, launching)
        for name, arguments, span in instantiations(unit) if name in places and span.path == path
    ]  # fmt: skip
    told = {entry.name for entry in found} | called
    found += [
        Entry(one.name, _place(one.definition), one.definition.span, None, 0, True, launching)
        for one in places.values() if one.parameters is None and one.name not in told
    ]  # fmt: skip
    return found


def left_out(unit: Unit, path: str, followed: set[str]) -> tuple[list[Entry], list[Problem]]:
    """The kernels of the file that nothing followed so far: entries of their own, and those whose template arguments
    nothing in the text tells."""
    scope = Scope(None, "file")
    declare(unit.root, scope)
    every = list(_routines(scope))
    mine = [one for one in every if one.definition.span.path == path and one.scope.kind != "class"]
    reaching = _reaching([(one.name, one.definition) for one in every] + list(_methods(scope)))
    called = {word for one in mine for word in _calls(one.definition) if word != one.name} | followed
    found, problems = [], []
    for one in mine:
        if not one.entry or one.name not in reaching or one.name in called or one.specialised is not None:
            continue
        if all(parameter.default is not None for parameter in one.parameters or ()):
            found.append(_entry(one))
            continue
        called.add(one.name)
        problems.append(Problem(
            one.definition.span, f"nothing here tells the template arguments of {one.name}: it is not checked",
            f"its launch, or an instance: template void {one.name}<…>(…);",
        ))  # fmt: skip
    return found, problems


def _methods(scope: Scope) -> Iterator[tuple[str, Node]]:
    """The methods of classes and class templates: nobody makes those before they are needed."""
    for held in scope.names.values():
        if isinstance(held, Template) or (isinstance(held, Lazy) and held.kind == "class"):
            yield from ((name, node) for name, node, _ in held.outside)
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
    return _grown({name for name, definition in functions if _SYNC.search(_TEXT.sub("", definition.text))}, calls)


def _grown(found: set[str], calls: dict[str, set[str]]) -> set[str]:
    """With all that call one of them, themselves or through others."""
    grown = True
    while grown:
        more = {name for name, words in calls.items() if name not in found and words & found}
        grown = bool(more)
        found = found | more
    return found


def _calls(definition: Node) -> set[str]:
    """The names that a function calls."""
    body = definition.field("body")
    if body is None:
        return set()
    return set(re.findall(r"\b([A-Za-z_]\w*)\s*(?:<[^;(){}]*>)?\s*\(", body.text))
