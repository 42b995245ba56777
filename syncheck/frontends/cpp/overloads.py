"""Which overloads a call may mean: template parameters that take its explicit arguments, and conditions on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from syncheck.frontends.cpp.kinds import TensorType, TileType
from syncheck.frontends.cpp.scopes import Meant, Routine, Scope
from syncheck.frontends.cpp.state import Pass, Unreadable
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.types import argument
from syncheck.frontends.cpp.values import Enum, Whole

KNOWN = (Meant, Whole, Enum)
"""Template arguments that are surely a type, or surely a value."""
TRAITS = {"is_tile_data_v": TileType, "is_global_data_v": TensorType}
"""Questions about a type that the tile library asks (pto-isa include/pto/common/type.hpp)."""


def takes(routine: Routine, explicit: list[Any]) -> bool:
    """Whether the template parameters of a routine are of the kinds that explicit arguments have, and as many."""
    parameters = routine.parameters or ()
    if any(one.pack or one.kind == "template" for one in parameters) or routine.specialised is not None:
        return True
    if len(explicit) > len(parameters):
        return False
    pairs = [(one, given) for one, given in zip(parameters, explicit, strict=False) if isinstance(given, KNOWN)]
    return all((one.kind == "type") == isinstance(given, Meant) for one, given in pairs)


def holds(run: Pass, routine: Routine, scope: Scope) -> bool | None:
    """What `enable_if` among its template parameters says, with these bound in `scope`; None if that is not told."""
    conditions = list(_conditions(routine.head))
    if not conditions:
        return None
    found = [_true(run, one, scope) for one in conditions]
    return None if None in found else all(found)


def _conditions(head: Node | None) -> Iterator[Node]:
    """The first argument of each enable_if."""
    listed = head.field("parameters") if head is not None else None
    waiting = list(listed.named()) if listed is not None else []
    while waiting:
        one = waiting.pop()
        name, given = one.field("name"), one.field("arguments")
        if one.kind == "template_type" and name is not None and name.text in ("enable_if", "enable_if_t"):
            yield from given.named()[:1] if given is not None else ()
        else:
            waiting += one.named()


def _true(run: Pass, node: Node, scope: Scope) -> bool | None:
    inner = node.field("type") if node.kind == "type_descriptor" else node
    name = inner.field("name") if inner is not None else None
    given = inner.field("arguments") if inner is not None else None
    try:
        if inner is not None and name is not None and given is not None and name.text in TRAITS:
            asked = [one for child in given.named() for one in argument(run, child, scope)]
            known = len(asked) == 1 and isinstance(asked[0], Meant) and asked[0].type is not None
            return isinstance(asked[0].type, TRAITS[name.text]) if known else None
        if not _known(run, node, scope):
            return None
        many = argument(run, node, scope)
    except Unreadable:
        return None
    value = many[0] if len(many) == 1 else None
    return bool(value.number) if isinstance(value, Whole) and value.number is not None else None


def _known(run: Pass, node: Node, scope: Scope) -> bool:
    """Whether all that a condition names are numbers."""
    if node.kind in ("identifier", "template_function", "template_type", "qualified_identifier", "call_expression"):
        return isinstance(run.value(node, scope), Whole)
    return all(_known(run, child, scope) for child in node.named())
