"""Statements: declarations, branches, switches, jumps. Both sides of an unknown condition are followed and merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from syncheck.frontends.cpp import looping
from syncheck.frontends.cpp.kept import BROKE, CONTINUED, NORMAL, RETURNED, integer_of, leave_turn, with_integer
from syncheck.frontends.cpp.kinds import BOOL, INT, Class, EventType, Number, PipeType, ShapeType, TensorType, TileType
from syncheck.frontends.cpp.objects import copied, initial, named
from syncheck.frontends.cpp.operators import binary, truth
from syncheck.frontends.cpp.scopes import Lazy, Scope, declarator_name, declare, function_declarator
from syncheck.frontends.cpp.state import Frame, Pass, Unreadable, Unroll, short
from syncheck.frontends.cpp.syntax import Node, arguments
from syncheck.frontends.cpp.terms import names
from syncheck.frontends.cpp.types import base_type, declared_type, is_volatile, space_of, type_of_value
from syncheck.frontends.cpp.values import Address, Cell, Choice, Items, Lost, Memory, Object, Real, Whole
from syncheck.frontends.cpp.within import within
from syncheck.ir import Binary, Break, Const, Continue, Expr, If, Let, Name, Return, Statement

LEFT = "return, break or continue"
"""How a branch ends whose sides end differently."""


def statement(run: Pass, node: Node, scope: Scope) -> str:
    """Follow one statement. Returns how it ends: NORMAL, or RETURNED, BROKE, CONTINUED, LEFT where nothing behind it
    runs."""
    handler = _KINDS.get(node.kind)
    if handler is None:
        run.problem(node, f"'{node.kind}' is not understood")
        return NORMAL
    mark, length = run.trail.mark(), len(run.out)
    run.at = node
    if node.kind in _PLAIN and (broken := next(node.errors(), None)) is not None:
        run.problem(broken, "this could not be parsed")
    try:
        return handler(run, node, scope)
    except Unroll as wanted:
        if run.countable(wanted.names):
            raise
        run.problem(node, "objects are chosen by a loop whose number of turns is not known")
        return NORMAL
    except Unreadable as gap:
        del run.out[length:]
        run.problem(gap.node, gap.message, gap.expected)
        del mark
        return NORMAL


def block(run: Pass, nodes: Iterable[Node], scope: Scope) -> str:
    for node in nodes:
        ended = statement(run, node, scope)
        if ended:
            return ended
    return NORMAL


def _compound(run: Pass, node: Node, scope: Scope) -> str:
    inner, known, length = Scope(scope), list(run.unended), len(run.out)
    ended = block(run, node.named(), inner)
    if len(run.unended) > len(known):
        leaves = any(isinstance(one, Return | Break | Continue) for one in within(run.out[length:]))
        _end(run, node, inner, known, bool(ended) or leaves)
    return ended


def _end(run: Pass, node: Node, scope: Scope, known: list[Any], early: bool) -> None:
    """Destroy the objects that a block has declared, the last one first."""
    own = [held.value for held in scope.names.values() if isinstance(held, Cell)]
    fresh = [one for one in run.unended if not any(one is other for other in known)]
    run.unended = known
    for made in reversed(fresh):
        if early or not any(made is one for one in own):
            run.problem(node, f"when the destructor of {made.type.name} runs is not followed")
        else:
            run.hooks.destroy(run, node, made)


def _expression(run: Pass, node: Node, scope: Scope) -> str:
    inner = node.named()
    if inner:
        run.bare = inner[0]
        run.value(inner[0], scope)
    return NORMAL


def declaration(run: Pass, node: Node, scope: Scope) -> str:
    """`T a = x, b(y), *c;`"""
    kind_node = node.field("type")
    if kind_node is None:
        return NORMAL
    static = any(child.kind == "storage_class_specifier" and child.text == "static" for child in node.all())
    auto = kind_node.kind in ("placeholder_type_specifier", "auto")
    base = None if auto else base_type(run, node, scope)
    for declarator in node.many("declarator"):
        if static and not any(child.text in ("constexpr", "const") for child in node.all()):
            run.problem(node, "a static variable of a function keeps its value between launches", "a local variable")
        _one(run, node, declarator, base, auto, scope)
    return NORMAL


def _one(run: Pass, node: Node, declarator: Node, base: Any, auto: bool, scope: Scope) -> None:
    given = declarator.field("value") if declarator.kind == "init_declarator" else node.field("value")
    inner = declarator.field("declarator") if declarator.kind == "init_declarator" else declarator
    if inner is not None and inner.kind == "function_declarator":
        given = _really_arguments(run, inner, base, scope)
        if given is None:
            return
        inner = inner.field("declarator")
    name_node = declarator_name(inner)
    name = name_node.text if name_node is not None else ""
    if inner is not None and inner.first("structured_binding_declarator"):
        _bind_parts(run, inner.named()[0], given, scope, by_reference=True)
        return
    if inner is not None and inner.kind == "structured_binding_declarator":
        _bind_parts(run, inner, given, scope, by_reference=False)
        return
    if inner is not None and inner.kind == "reference_declarator" and given is not None:
        loose = inner.text.startswith("&&") or node.text.startswith("const") or " const" in node.text.partition("&")[0]
        scope.names[name] = bound_reference(run, given, scope, name, volatile=is_volatile(node), loose=loose)
        return
    kind = declared_type(run, base, inner, scope, space_of(node))
    if auto and given is not None:
        held = run.value(given, scope)
        held = named(run, copied(run, held), name)
        if hasattr(held, "name") and not held.name:
            held.name = name
        scope.names[name] = run.trail.new(held, type_of_value(held) if isinstance(held, Whole | Real) else None, name)
        return
    held = initial(run, kind, given, scope, name, node)
    scope.names[name] = run.trail.new(held, kind if not auto else type_of_value(held), name)


def _bind_parts(run: Pass, names_: Node, given: Node | None, scope: Scope, *, by_reference: bool) -> None:
    """`auto [a, b] = x;`"""
    held = run.value(given, scope) if given is not None else None
    cells = list(held.fields.values()) if isinstance(held, Object) else held.cells if isinstance(held, Items) else []
    for number, one in enumerate(names_.named()):
        cell = cells[number] if number < len(cells) else run.trail.new(Lost("a structured binding"), None, one.text)
        scope.names[one.text] = cell if by_reference else run.trail.new(copied(run, cell.value), cell.type, one.text)


def _really_arguments(run: Pass, inner: Node, base: Any, scope: Scope) -> Node | None:
    """`T x(a);` reads like a function: it is a variable where T is a type of objects, or a is no type."""
    listed = inner.field("parameters")
    if listed is None:
        return None
    if not isinstance(base, TileType | TensorType | PipeType | EventType | ShapeType | Class):
        for child in listed.named():
            kind = child.field("type")
            bound = scope.find(kind.text) if kind is not None else None
            if not isinstance(bound, Cell) and not (isinstance(bound, Lazy) and bound.kind == "variable"):
                return None
    return arguments(listed)


def bound_reference(
    run: Pass, given: Node, scope: Scope, name: str, *, volatile: bool = False, loose: bool = False
) -> Any:
    """What a reference names: the variable itself, or a variable that stands for memory. `loose`: it may also name a
    value (`const T &`, `T &&`)."""
    if given.kind == "call_expression":
        value = run.value(given, scope)
        if isinstance(value, Whole | Real) and not loose:
            raise Unreadable(given, f"which number '{short(given)}' names is not followed", "a variable")
        return value if isinstance(value, Cell) else run.trail.new(value, type_of_value(value), name)
    found = run.hooks.target(run, given, scope)
    if isinstance(found, Cell):
        return found
    if isinstance(found, Memory) and isinstance(found.type, Number):
        kind = replace(found.type, volatile=True) if volatile else found.type
        return run.trail.new(Memory(replace(found.address, to=kind), kind), kind, name)
    if isinstance(found, Choice) and isinstance(found.then, Cell) and isinstance(found.otherwise, Cell):
        return run.trail.new(found, found.then.type, name)
    value = run.value(given, scope)
    return run.trail.new(value, type_of_value(value), name)


# ---------------------------------------------------------------- branches


def _if(run: Pass, node: Node, scope: Scope) -> str:
    scope = Scope(scope)
    clause, then = node.field("condition"), node.field("consequence")
    other = node.field("alternative")
    if clause is None or then is None:
        return NORMAL
    start = clause.field("initializer")
    if start is not None:
        statement(run, start, scope)
    value_node = clause.field("value") or clause
    if value_node.kind == "declaration":
        declaration(run, value_node, scope)
        name = declarator_name(value_node.field("declarator"))
        found = scope.find(name.text) if name is not None else None
        condition = truth(run, found.value if isinstance(found, Cell) else None)
    else:
        condition = truth(run, run.value(value_node, scope))
    otherwise = other.named()[0] if other is not None and other.kind == "else_clause" and other.named() else other
    return branch(
        run, node, condition,
        lambda: statement(run, then, Scope(scope)),
        lambda: statement(run, otherwise, Scope(scope)) if otherwise is not None else NORMAL,
    )  # fmt: skip


def branch(run: Pass, node: Node, condition: Expr, then: Callable[[], str], otherwise: Callable[[], str]) -> str:
    """Follow one side where the condition is known, both where it is not."""
    if isinstance(condition, Const):
        return then() if condition.value else otherwise()
    mark = run.trail.mark()
    one, first, changed = _side(run, condition, then, mark)
    two, second, changed_too = _side(run, run.terms.negation(condition), otherwise, mark)
    if first or second:
        _declared_before(run, (*first, *second), (*changed.values(), *changed_too.values()), node)
        run.emit(If(condition, tuple(first), tuple(second), node.span))
    if one and two:
        return one if one == two else LEFT
    if one or two:
        for cell, value in (changed_too if one else changed).items():
            run.trail.put(cell, value)
        return NORMAL
    merge(run, condition, changed, changed_too)
    return NORMAL


def _declared_before(run: Pass, body: Sequence[Statement], kept: Sequence[Any], node: Node) -> None:
    """What one side of a branch defines and leaves behind is a variable of the statements around."""
    left = {name for value in kept if (expr := integer_of(value)) is not None for name in names(expr)}
    known = {name for loop in run.loops for name in loop.carried.values()}
    lets = {one.name for one in within(body) if isinstance(one, Let)}
    for name in sorted((lets & left) - known):
        run.emit(Let(name, Const(0), node.span))


def _side(
    run: Pass, condition: Expr, follow: Callable[[], str], mark: int
) -> tuple[str, list[Statement], dict[Cell, Any]]:
    before, run.out = run.out, []
    run.conditions.append(condition)
    known = run.known
    match condition:
        case Binary("==", Name(name), Const(value)) if name in run.terms.symbols:
            run.known = {**known, name: value}
    try:
        ended = follow()
    finally:
        run.known = known
        run.conditions.pop()
        made, run.out = run.out, before
    changed = run.trail.changed(mark)
    run.trail.undo(mark)
    return ended, made, changed


def merge(run: Pass, condition: Expr, one: dict[Cell, Any], two: dict[Cell, Any]) -> None:
    """What variables hold behind a branch."""
    for cell in {**one, **two}:
        a, b = one.get(cell, cell.value), two.get(cell, cell.value)
        if a is b or a == b:
            value = a
        else:
            value = run.either(condition, _or_unknown(run, cell, a, b), _or_unknown(run, cell, b, a))
            if isinstance(value, Whole):
                run.terms.call(value.expr, cell.name)
        run.trail.put(cell, value)


def _or_unknown(run: Pass, cell: Cell, value: Any, other: Any) -> Any:
    """What one side of a branch leaves in a variable that only the other sets: anything may be there."""
    if isinstance(value, Lost | None) and isinstance(other, Whole):
        return Whole(run.unknown(f"{cell.name} {cell.born} not set on one side", cell.name), other.type)
    return Lost(f"{cell.name or 'it'} is set on one side of a branch only") if value is None else value


def _switch(run: Pass, node: Node, scope: Scope) -> str:
    clause, body = node.field("condition"), node.field("body")
    if clause is None or body is None:
        return NORMAL
    inner = Scope(scope)
    start = clause.field("initializer")
    if start is not None:
        statement(run, start, inner)
    value = run.value(clause.field("value") or clause, inner)
    cases = [child for child in body.named() if child.kind == "case_statement"]
    if len(cases) < len([child for child in body.named() if child.kind != "comment"]):
        run.problem(node, "a switch with statements before its first case is not understood")

    def from_case(start: int) -> str:
        run.cases.append(len(run.conditions))
        try:
            return _cases(start)
        finally:
            run.cases.pop()

    def _cases(start: int) -> str:
        for case in cases[start:]:
            given = case.field("value")
            for child in case.named():
                if given is not None and child.key == given.key and child.kind == given.kind:
                    continue
                ended = statement(run, child, inner)
                if ended == BROKE:
                    return NORMAL
                if ended:
                    return ended
        return NORMAL

    default = next((k for k, case in enumerate(cases) if case.field("value") is None), None)

    def choose(k: int) -> str:
        while k < len(cases) and cases[k].field("value") is None:
            k += 1
        if k >= len(cases):
            return from_case(default) if default is not None else NORMAL
        given = cases[k].field("value")
        assert given is not None
        test = truth(run, binary(run, "==", value, run.value(given, inner)))
        return branch(run, cases[k], test, lambda: from_case(k), lambda: choose(k + 1))

    run.switches += 1
    try:
        return choose(0)
    finally:
        run.switches -= 1


# ---------------------------------------------------------------- jumps


def _return(run: Pass, node: Node, scope: Scope) -> str:
    given = node.named()[0] if node.named() else None
    frame = run.frames[-1]
    value = run.value(given, scope) if given is not None else None
    under = run.conditions[frame.conditions :]
    loops = [loop for loop in run.loops[frame.loops :] if not loop.unrolled]
    if not under and not loops:
        frame.value = value
        return RETURNED
    if loops and isinstance(value, Whole) and not isinstance(value.expr, Const):
        value = Whole(run.unknown(f"{node.key} returned from a loop", depth=frame.loops), value.type)
    condition: Expr = Const(1)
    for one in under:
        condition = run.terms.binary("&&", condition, one)
    if loops:
        condition = run.unknown(f"{node.key} returned", depth=frame.loops)
    changed = run.trail.changed(frame.mark)
    if loops:
        changed = {cell: _of_some_turn(run, node, frame, cell, held) for cell, held in changed.items()}
    frame.returned.append((condition, value, changed))
    frame.jumps = True
    run.emit(Return(node.span))
    return RETURNED


def _of_some_turn(run: Pass, node: Node, frame: Frame, cell: Cell, held: Any) -> Any:
    """What a variable holds where a loop returns: nobody knows in which turn."""
    expr = integer_of(held)
    if expr is None or isinstance(expr, Const):
        return held
    return with_integer(held, run.unknown(f"{node.key} {cell.name} where a loop returns", depth=frame.loops))


def leave(run: Pass, frame: Frame) -> Any:
    """The value of a call, with what its early returns changed, and what they left as it was."""
    value, before = frame.value, run.trail.before(frame.mark)
    later = [cell for cell in before if cell.born <= frame.born] if frame.returned else []
    for condition, early, changed in reversed(frame.returned):
        left = {**{cell: before[cell] for cell in later}, **changed}
        merge(run, condition, left, {cell: cell.value for cell in left})
        if early is not None:
            value = early if value is None else run.either(condition, early, value)
    return value


def _break(run: Pass, node: Node, scope: Scope) -> str:
    return leave_turn(run, node, BROKE)


def _continue(run: Pass, node: Node, scope: Scope) -> str:
    return leave_turn(run, node, CONTINUED)


def _nothing(run: Pass, node: Node, scope: Scope) -> str:
    return NORMAL


def _labeled(run: Pass, node: Node, scope: Scope) -> str:
    """What stands behind a label; a `goto` to it is not understood."""
    return block(run, [child for child in node.named() if child.kind != "statement_identifier"], scope)


def _declared(run: Pass, node: Node, scope: Scope) -> str:
    declare(node, scope)
    return NORMAL


def _error(run: Pass, node: Node, scope: Scope) -> str:
    run.problem(node, "this could not be parsed")
    return NORMAL


_KINDS: dict[str, Callable[[Pass, Node, Scope], str]] = {
    "compound_statement": _compound, "expression_statement": _expression, "declaration": declaration,
    "if_statement": _if, "for_statement": looping.for_, "while_statement": looping.while_, "do_statement": looping.do,
    "for_range_loop": looping.range_, "switch_statement": _switch, "return_statement": _return,
    "break_statement": _break, "continue_statement": _continue, "using_declaration": _declared,
    "alias_declaration": _declared, "type_definition": _declared, "struct_specifier": _declared,
    "class_specifier": _declared, "enum_specifier": _declared, "function_definition": _declared,
    "static_assert_declaration": _nothing, "empty_statement": _nothing, ";": _nothing, "labeled_statement": _labeled,
    "template_declaration": _declared, "ERROR": _error, "type_identifier": _nothing, "attribute_declaration": _nothing,
    "else_clause": lambda run, node, scope: block(run, node.named(), scope),
    "init_statement": lambda run, node, scope: block(run, node.named(), scope), "preproc_call": _nothing,
    "attributed_statement": lambda run, node, scope: block(
        run, [child for child in node.named() if child.kind != "attribute_declaration"], scope
    ),
}  # fmt: skip

_PLAIN = ("expression_statement", "declaration", "return_statement")
"""Statements that have no others in them, but for those of lambdas."""

__all__ = ["BOOL", "INT", "Address", "Number", "Real", "function_declarator", "names", "statement"]
