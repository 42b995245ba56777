"""What an expression of the text is worth."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from syncheck.frontends.cpp import members, sync, traits
from syncheck.frontends.cpp.kinds import BOOL, INT, LONG, NUMBERS, ULONG, Class, Named, Number, Pointer, size_of
from syncheck.frontends.cpp.naming import GRID
from syncheck.frontends.cpp.objects import copied, initial, named
from syncheck.frontends.cpp.operators import binary, cast, unary, whole
from syncheck.frontends.cpp.scopes import Lazy, Meant, Overloads, Scope, Template, own_default
from syncheck.frontends.cpp.selection import at_either, chosen, conditional, conditional_target, logic
from syncheck.frontends.cpp.state import Pass, Unreadable, short
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.types import (
    argument,
    arguments_of,
    base_type,
    bind,
    declared_type,
    enter,
    lazy_type,
    space_of,
    type_of,
    type_of_value,
)
from syncheck.frontends.cpp.valid_extents import reshape_to
from syncheck.frontends.cpp.values import (
    Cell,
    Choice,
    Closure,
    Enum,
    Event,
    Items,
    Lost,
    Made,
    Memory,
    Object,
    Real,
    Text,
    ValidExtent,
    Whole,
)
from syncheck.ir import Const, Name

CONSTANTS: dict[str, Any] = {
    **{f"EVENT_ID{number}": Whole(Const(number), NUMBERS["uint8_t"]) for number in range(8)},
    "nullptr": Whole(Const(0), LONG), "NULL": Whole(Const(0), LONG), "EVENT_ID_MAX": Whole(Const(8), INT),
    "UINT32_MAX": Whole(Const(2**32 - 1), NUMBERS["uint32_t"]), "INT32_MAX": Whole(Const(2**31 - 1), INT),
    "INT_MAX": Whole(Const(2**31 - 1), INT), "UINT16_MAX": Whole(Const(65535), NUMBERS["uint16_t"]),
    "UINT64_MAX": Whole(Const(2**64 - 1), ULONG), "INT64_MAX": Whole(Const(2**63 - 1), LONG),
    "INT32_MIN": Whole(Const(-(2**31)), INT), "INFINITY": Real(), "FLT_MAX": Real(), "M_PI": Real(), "FLT_MIN": Real(),
    "NAN": Real(), "true": Whole(Const(1), BOOL), "false": Whole(Const(0), BOOL), "DYNAMIC": Whole(Const(-1), INT),
    "UINT8_MAX": Whole(Const(255), NUMBERS["uint8_t"]),
    "C0_SIZE_BYTE": Whole(Const(32), INT),
    "BLOCK_BYTE_SIZE": Whole(Const(32), INT), "FRACTAL_NZ_ROW": Whole(Const(16), INT),
    "CUBE_BLOCK_SIZE": Whole(Const(512), INT),
    "REPEAT_BYTE": Whole(Const(256), INT), "BLOCK_CUBE": Whole(Const(16), INT),
}  # fmt: skip


def value(run: Pass, node: Node, scope: Scope) -> Any:
    """The value of an expression; `Lost` where nothing is known. Raises Unreadable where that cannot be passed on."""
    handler = _KINDS.get(node.kind)
    if node.kind in ("alignof_expression", "requires_expression", "user_defined_literal"):
        return Lost(f"'{node.kind}'", ULONG)
    if handler is None:
        raise Unreadable(node, f"'{node.kind}' is not understood")
    return loaded(run, node, handler(run, node, scope))


def loaded(run: Pass, node: Node, found: Any) -> Any:
    """What lies in memory, where an expression names memory."""
    if isinstance(found, Choice) and (isinstance(found.then, Memory) or isinstance(found.otherwise, Memory)):
        return at_either(run, node, found, lambda one: loaded(run, node, one))
    return members.load(run, node, found) if isinstance(found, Memory) else found


def _number(run: Pass, node: Node, scope: Scope) -> Any:
    text = node.text.replace("'", "")
    plain = text.lower()
    if not plain.startswith("0x") and (any(c in plain for c in ".ef") or plain.endswith("f")):
        return Real(NUMBERS["float" if plain.endswith("f") else "double"], f"={plain}")
    digits = plain.rstrip("ul")
    suffix = plain[len(digits) :]
    try:
        base = 16 if digits.startswith("0x") else 2 if digits.startswith("0b") else 8 if digits[0] == "0" else 10
        number = int(digits, base) if digits != "0" else 0
    except ValueError:
        return Real()
    unsigned = "u" in suffix
    for bits in (32, 64):  # the first type that holds it; a hexadecimal one may become unsigned on the way
        if "l" in suffix and bits == 32:
            continue
        if not unsigned and number < 1 << (bits - 1):
            return Whole(Const(number), NUMBERS[f"int{bits}_t"])
        if (unsigned or base != 10) and number < 1 << bits:
            return Whole(Const(number), NUMBERS[f"uint{bits}_t"])
    return Whole(Const(number), ULONG)


def _char(run: Pass, node: Node, scope: Scope) -> Any:
    text = node.text[1:-1] if node.text.startswith("'") else ""
    code = _ESCAPES.get(text[1:]) if text.startswith("\\") else ord(text) if len(text) == 1 else None
    if code is None and re.fullmatch(r"\\(x[0-9a-fA-F]+|[0-7]{1,3})", text):
        code = int(text[2:], 16) if text[1] == "x" else int(text[1:], 8)
    kind = NUMBERS["char"]
    return Lost(f"the character {node.text}", kind) if code is None else whole(Const(code), kind)


_ESCAPES = {"n": 10, "t": 9, "r": 13, "a": 7, "b": 8, "f": 12, "v": 11, "\\": 92, "'": 39, '"': 34, "?": 63}


def lookup(run: Pass, found: Any, name: str, node: Node) -> Any:
    """The value of what a name is bound to."""
    if isinstance(found, Cell):
        held = found.value
        if run.known and isinstance(held, Whole) and isinstance(held.expr, Name) and held.expr.name in run.known:
            return Whole(Const(run.known[held.expr.name]), held.type)  # in a branch that asks just for that
        return held
    if isinstance(found, Lazy):
        return _lazy(run, found, name)
    if isinstance(found, Meant):
        return Made(found.type)
    if isinstance(found, Overloads | Template):
        return Made(found)
    if isinstance(found, list):
        return Items([one if isinstance(one, Cell) else Cell(one) for one in found])
    return None


def _lazy(run: Pass, lazy: Lazy, name: str) -> Any:
    if lazy.kind in ("type", "class"):
        return Made(lazy_type(run, lazy))
    if lazy.done:
        return lazy.made.value
    if lazy.busy:
        return Lost(f"{name} is defined by itself")
    lazy.busy = True
    try:
        if lazy.kind == "enumerator":
            made = _enumerator(run, lazy)
        else:
            made = _static(run, lazy, name)
    finally:
        lazy.busy = False
    lazy.made, lazy.done = Cell(made, type_of_value(made), name), True
    return made


def _enumerator(run: Pass, lazy: Lazy) -> Any:
    given = lazy.node.field("value")
    if given is not None:
        return value(run, given, lazy.scope)
    if lazy.declarator is None:
        return Whole(Const(0), INT)
    before = lazy.scope.names.get(lazy.declarator.text)
    held = lookup(run, before, lazy.declarator.text, lazy.node)
    return binary(run, "+", held, Whole(Const(1), INT)) if isinstance(held, Whole) else Lost("an enumerator")


def _static(run: Pass, lazy: Lazy, name: str) -> Any:
    """A variable of the file or a static member."""
    declarator = lazy.declarator
    kind = base_type(run, lazy.node, lazy.scope)
    inner = (
        declarator.field("declarator")
        if declarator is not None and declarator.kind == "init_declarator"
        else declarator
    )
    kind = declared_type(run, kind, inner, lazy.scope, space_of(lazy.node))
    given = declarator.field("value") if declarator is not None else None
    if given is None:
        given = own_default(lazy.node, declarator) if declarator is not None else None
    return initial(run, kind, given, lazy.scope, name, lazy.node)


def _identifier(run: Pass, node: Node, scope: Scope) -> Any:
    name = node.text
    found = scope.find(name)
    if found is not None:
        held = lookup(run, found, name, node)
        if held is not None:
            return held
    if name in GRID:
        return run.grid(*GRID[name])
    return known(name, node)


def known(name: str, node: Node) -> Any:
    """A name that the text does not define: a constant of the library, or nothing we know."""
    if name in CONSTANTS:
        return CONSTANTS[name]
    if name.startswith("PIPE_") or name.isupper() or ("_" in name and name.replace("_", "").isupper()):
        return Enum(name)
    return Made(name) if name.isidentifier() else Lost(f"'{name}' is not defined here")


def _qualified(run: Pass, node: Node, scope: Scope) -> Any:
    home, last = node.field("scope"), node.field("name")
    if last is None:
        return Lost("a name without an end")
    if home is None:
        return value(run, last, scope.top())
    asked = home.field("name") if home.kind == "template_type" and last.text == "value" else None
    if asked is not None and traits.asks(asked.text) and scope.find(asked.text) is None:
        return traits.answer(asked.text, arguments_of(run, home.field("arguments"), scope))
    inside = enter(run, home, scope)
    if inside is None:
        bound = scope.find(home.text)
        if bound is None or isinstance(bound, Lazy):
            return _library_name(run, node, last, scope)
        return Lost(f"{home.text} is not a class")
    if last.kind in ("template_function", "qualified_identifier"):
        return value(run, last, inside)
    found = inside.own(last.text)
    held = lookup(run, found, last.text, node) if found is not None else None
    if held is None:
        return Lost(f"{node.text} is not known")
    return held


def _library_name(run: Pass, node: Node, last: Node, scope: Scope) -> Any:
    """`RoundMode::CAST_RINT`, `pto::Shape`, `std::min`."""
    if last.kind in ("identifier", "type_identifier"):
        home = node.field("scope")
        if last.text in CONSTANTS:
            return CONSTANTS[last.text]
        if last.text in NUMBERS:
            return Made(NUMBERS[last.text])
        if home is not None and home.text.split("::")[-1] in ("std", "pto", "AscendC", "comm", "bisheng", "cce"):
            return known(last.text, node)
        return Enum(last.text, home.text.split("::")[-1] if home is not None else "")
    return value(run, last, scope)


def _template_function(run: Pass, node: Node, scope: Scope) -> Any:
    """`f<4>` as a value: a variable template, or what will be called."""
    name = node.field("name")
    found = scope.find(name.text) if name is not None else None
    if isinstance(found, Template) and found.node.kind == "declaration":
        return _variable_of(run, found, node, scope)
    if found is None and name is not None and traits.asks(name.text):
        return traits.answer(name.text, arguments_of(run, node.field("arguments"), scope))
    kind = type_of(run, node, scope)
    if kind is not None:
        return Made(kind)
    return Lost(f"'{node.text}' is not known")


def _variable_of(run: Pass, template: Template, node: Node, scope: Scope) -> Any:
    """A variable template with its arguments."""
    inner = Scope(template.scope)
    declarator = template.node.field("declarator")
    if declarator is None or not bind(
        run, template.parameters, arguments_of(run, node.field("arguments"), scope), inner
    ):
        return Lost(f"'{node.text}' is not known")
    return _static(run, Lazy("variable", template.node, inner, declarator), template.name)


def _binary(run: Pass, node: Node, scope: Scope) -> Any:
    left_node, right_node, op_node = node.field("left"), node.field("right"), node.field("operator")
    if left_node is None or right_node is None or op_node is None:
        return Lost("an incomplete expression")
    op = {"and": "&&", "or": "||"}.get(op_node.kind, op_node.kind)
    left = run.value(left_node, scope)
    if op == "<" and isinstance(left, Made) and isinstance(left.what, Overloads):
        raise Unreadable(node, f"'{short(node)}' reads like a comparison", "'.template' before the function's name")
    if op in ("&&", "||"):
        return logic(run, node, op, left, right_node, scope)
    right = run.value(right_node, scope)
    if isinstance(left, Object) or isinstance(right, Object):
        return run.hooks.operator(run, node, op, [left, right], scope)
    run.at = node
    return binary(run, op, left, right)


def _unary(run: Pass, node: Node, scope: Scope) -> Any:
    operand, op = node.field("argument"), node.field("operator")
    if operand is None or op is None:
        return Lost("an incomplete expression")
    held = run.value(operand, scope)
    if isinstance(held, Object):
        return run.hooks.operator(run, node, op.kind, [held], scope)
    return unary(run, "!" if op.kind == "not" else op.kind, held)


def _cast(run: Pass, node: Node, scope: Scope) -> Any:
    kind, operand = node.field("type"), node.field("value")
    if kind is None or operand is None:
        return Lost("an incomplete cast")
    return cast(run, run.value(operand, scope), type_of(run, kind, scope), said=True)


def _sizeof(run: Pass, node: Node, scope: Scope) -> Any:
    kind_node, operand = node.field("type"), node.field("value")
    if kind_node is not None:
        kind = type_of(run, kind_node, scope)
    else:
        inner = operand.named()[0] if operand is not None and operand.kind == "parenthesized_expression" else operand
        many = argument(run, inner, scope) if inner is not None and inner.kind == "identifier" else []
        if many and isinstance(many[0], Made) and many[0].what in NUMBERS:
            many = [Meant(NUMBERS[many[0].what])]
        if many and isinstance(many[0], Meant):
            kind = many[0].type
        else:
            kind = type_of_value(run.value(inner, scope)) if inner is not None else None
    size = members.class_size(run, kind) if isinstance(kind, Class) else size_of(kind)
    return Lost("the size of a type that is not known", ULONG) if size is None else Whole(Const(size), ULONG)


def _offsetof(run: Pass, node: Node, scope: Scope) -> Any:
    """offsetof(Type, member), in bytes."""
    kind_node, member = node.field("type"), node.field("member")
    kind = type_of(run, kind_node, scope) if kind_node is not None else None
    if isinstance(kind, Class) and member is not None:
        for name, offset, _ in members.layout(run, kind):
            if name == member.text and offset is not None:
                return Whole(Const(offset), ULONG)
    return Lost("where a member lies", ULONG)


def _parenthesized(run: Pass, node: Node, scope: Scope) -> Any:
    inner = node.named()
    return run.value(inner[0], scope) if inner else Lost("()")


def _comma(run: Pass, node: Node, scope: Scope) -> Any:
    left, right = node.field("left"), node.field("right")
    if left is not None and isinstance(run.value(left, scope), Object):
        raise Unreadable(node, "what ',' does with an object is not followed", "two statements")
    return run.value(right, scope) if right is not None else Lost("an incomplete expression")


def _this(run: Pass, node: Node, scope: Scope) -> Any:
    return scope.object() or Lost("this")


def _list(run: Pass, node: Node, scope: Scope) -> Any:
    return Items([run.trail.new(run.value(child, scope)) for child in node.named()])


def _compound(run: Pass, node: Node, scope: Scope) -> Any:
    """T{…}."""
    kind_node, given = node.field("type"), node.field("value")
    kind = type_of(run, kind_node, scope) if kind_node is not None else None
    return initial(run, kind, given, scope, "", node)


def _assignment(run: Pass, node: Node, scope: Scope) -> Any:
    left, right, op_node = node.field("left"), node.field("right"), node.field("operator")
    if left is None or right is None:
        return Lost("an incomplete assignment")
    op = op_node.kind if op_node is not None else "="
    given = run.value(right, scope)
    target = run.hooks.target(run, left, scope)
    if isinstance(target, Cell) and isinstance(target.value, Object):
        found = run.hooks.operator(run, node, op, [target.value, given], scope, wanted=op != "=")
        if found is not NotImplemented:
            return found
    if op != "=":
        given = binary(run, op[:-1], _held(run, left, target, scope), given)
    return store(run, node, target, given)


def _held(run: Pass, node: Node, target: Any, scope: Scope) -> Any:
    return target.value if isinstance(target, Cell) else run.value(node, scope)


def store(run: Pass, node: Node, target: Any, given: Any) -> Any:
    """target = given."""
    if isinstance(target, Choice):
        if given is sync.RECORD and sync.each_event(run, node, target, sync.record_event):
            return target
        sides = (lambda: store(run, node, target.then, given), lambda: store(run, node, target.otherwise, given))
        chosen(run, node, target.condition, *sides)
        return given
    if isinstance(target, Cell):
        if isinstance(target.value, Event) and given is sync.RECORD:
            sync.record_event(run, node, target.value)
            return target.value
        if members.assign_object(run, node, target, given):
            return given
        kept = cast(run, given, target.type) if isinstance(target.type, Number | Pointer) else given
        if isinstance(kept, Lost) and isinstance(target.type, Number) and not target.type.floating:
            low = None if target.type.signed else 0
            kept = Whole(run.unknown(f"{node.key} {kept.why}", target.name, low=low), target.type)
        run.trail.put(target, named(run, kept, target.name))
        return kept
    if isinstance(target, Memory):
        members.store(run, node, target, given)
    elif isinstance(target, ValidExtent):
        reshape_to(run, target, given)
    elif not run.host and not (isinstance(target, Lost) and target.own):
        raise Unreadable(node, f"'{short(node)}' stores to a place that is not known")
    return given


def _update(run: Pass, node: Node, scope: Scope) -> Any:
    """i++, --i."""
    operand, op = node.field("argument"), node.field("operator")
    if operand is None or op is None:
        return Lost("an incomplete expression")
    target = run.hooks.target(run, operand, scope)
    before = _held(run, operand, target, scope)
    if isinstance(before, Object):
        return run.hooks.operator(run, node, op.kind, [before], scope)
    after = binary(run, op.kind[0], before, Whole(Const(1), INT))
    store(run, node, target, after)
    return before if node.all()[0] is operand else after


def _lambda(run: Pass, node: Node, scope: Scope) -> Any:
    """What is captured by value keeps the value it has here."""
    inner, listed = Scope(scope), node.field("captures")
    before = ""
    for child in listed.all() if listed is not None else ():
        names: tuple[str, ...] = ()
        if child.kind == "identifier" and before != "&":
            names = (child.text,)
        elif child.kind == "lambda_default_capture" and child.text == "=":
            names = tuple(dict.fromkeys(_WORD.findall(node.text)))
        elif child.kind == "lambda_capture_initializer":
            left, right = child.field("left"), child.field("right")
            if left is not None and right is not None:
                held = copied(run, run.value(right, scope))
                inner.names[left.text] = run.trail.new(held, type_of_value(held), left.text)
        for name in names:
            found = scope.find(name)
            if isinstance(found, Cell):
                inner.names.setdefault(name, run.trail.new(copied(run, found.value), found.type, name))
        before = child.kind
    return Closure(node, inner)


_WORD = re.compile(r"[A-Za-z_]\w*")


def _call(run: Pass, node: Node, scope: Scope) -> Any:
    return run.hooks.invoke(run, node, scope)


def _through(run: Pass, node: Node, scope: Scope) -> Any:
    return members.reach(run, node, scope)


def _assembly(run: Pass, node: Node, scope: Scope) -> Any:
    """Without an instruction it only keeps the compiler from moving code; a few read a register."""
    code = node.field("assembly_code")
    if code is None or not _READING.fullmatch(code.text):
        raise Unreadable(node, "what this assembly code does is not known")
    for listed in node.many("output_operands"):
        for one in listed.named():
            given = one.field("value")
            held = run.hooks.target(run, given, scope) if given is not None else None
            if isinstance(held, Cell):
                run.trail.put(held, Whole(run.unique("register"), ULONG))
    return Lost("asm")


_READING = re.compile(r'"(nop|MOV %0, (SYS_CNT|PC))?(\\n)?"', re.IGNORECASE)


def _text(run: Pass, node: Node, scope: Scope) -> Any:
    return Text(node.text)


def _type_value(run: Pass, node: Node, scope: Scope) -> Any:
    return Made(type_of(run, node, scope))


def _in_its_scope(run: Pass, node: Node, scope: Scope) -> Any:
    """What `A::b::c` is bound to, None if that is not known."""
    inside: Scope | None = scope
    while node.kind == "qualified_identifier":
        home, last = node.field("scope"), node.field("name")
        if last is None or inside is None:
            return None
        inside = inside.top() if home is None else enter(run, home, inside)
        node = last
    return inside.own(node.text) if inside is not None else None


def target(run: Pass, node: Node, scope: Scope) -> Any:
    """Where an assignment to an expression goes: a cell, memory, or a choice of those; Lost if nobody knows."""
    if node.kind in ("identifier", "qualified_identifier"):
        name = node.text.split("::")[-1]
        found = scope.find(name) if node.kind == "identifier" else _in_its_scope(run, node, scope)
        if isinstance(found, Cell):
            if isinstance(found.value, Memory):
                return found.value
            if isinstance(found.value, Choice) and isinstance(found.value.then, Cell | Memory):
                return found.value
            return found
        if isinstance(found, Lazy):
            _lazy(run, found, name)
            return found.made if isinstance(found.made, Cell) else Lost("a static")
        return Lost(f"'{node.text}' is not known")
    if node.kind == "parenthesized_expression":
        return target(run, node.named()[0], scope)
    if node.kind == "conditional_expression":
        return conditional_target(run, node, scope)
    if node.kind in ("field_expression", "subscript_expression", "pointer_expression"):
        return members.reach(run, node, scope, target=True)
    if node.kind in ("update_expression", "assignment_expression"):
        value(run, node, scope)
        inner = node.field("argument") or node.field("left")
        return target(run, inner, scope) if inner is not None else Lost("an incomplete expression")
    found_value = run.value(node, scope)
    if node.kind == "call_expression" and isinstance(found_value, Whole | Real):
        return Lost("a number that a call names")
    return found_value if isinstance(found_value, Memory | Cell) else run.trail.new(found_value)


_KINDS: dict[str, Callable[[Pass, Node, Scope], Any]] = {
    "number_literal": _number, "char_literal": _char, "string_literal": _text, "concatenated_string": _text,
    "raw_string_literal": _text, "true": lambda *_: CONSTANTS["true"], "false": lambda *_: CONSTANTS["false"],
    "null": lambda *_: CONSTANTS["nullptr"], "nullptr": lambda *_: CONSTANTS["nullptr"],
    "identifier": _identifier, "field_identifier": _identifier, "qualified_identifier": _qualified,
    "template_function": _template_function, "template_type": _type_value, "type_descriptor": _type_value,
    "type_identifier": _identifier, "primitive_type": _type_value,
    "binary_expression": _binary, "unary_expression": _unary, "conditional_expression": conditional,
    "cast_expression": _cast, "sizeof_expression": _sizeof, "offsetof_expression": _offsetof,
    "parenthesized_expression": _parenthesized,
    "comma_expression": _comma, "this": _this, "initializer_list": _list, "compound_literal_expression": _compound,
    "assignment_expression": _assignment, "update_expression": _update, "lambda_expression": _lambda,
    "call_expression": _call, "gnu_asm_expression": _assembly,
    "fold_expression": lambda run, node, scope: run.hooks.fold(run, node, scope),
    "field_expression": _through, "subscript_expression": _through,
    "pointer_expression": _through, "condition_clause": _parenthesized, "dependent_type": _type_value,
}  # fmt: skip

__all__ = ["Named", "store", "target", "value"]
