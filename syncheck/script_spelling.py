"""What the names of a Program are called in a script, where not every name is one: a declared name keeps its own if it
can, a variable that would hide another gets a new one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from syncheck.frontends.script_calls import SHAPES
from syncheck.frontends.script_names import RESERVED
from syncheck.ir import Any_, Program, TileOp
from syncheck.source import Span

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(slots=True)
class Spelling:
    """The spelled names of declarations (values, tiles, tensors and FIFOs), of defs, and of shared `any`s by place."""

    declared: dict[str, str] = field(default_factory=dict)
    defs: dict[str, str] = field(default_factory=dict)
    shared: dict[int, str] = field(default_factory=dict)


def spelling(program: Program) -> Spelling:
    """The names of all that `program` declares."""
    names = _spelled(_declared(program), RESERVED)
    operations = {node.op for node in nodes(program) if isinstance(node, TileOp)}
    defs = _spelled([one.name for one in program.defs], {*RESERVED, *SHAPES, *operations})
    places = Counter(node.place for node in nodes(program) if isinstance(node, Any_))
    shared: dict[int, str] = {}
    for place, count in places.items():
        if count > 1:
            shared[place] = free(f"any_{place}", {*names.values(), *shared.values()})
    return Spelling(names, defs, shared)


def free(name: str, taken: Collection[str]) -> str:
    """`name` as an identifier that is not taken."""
    tidy = name if _NAME.fullmatch(name) else re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
    tidy = tidy if _NAME.fullmatch(tidy) else f"v{tidy}"
    number, found = 2, tidy
    while found in taken:
        found, number = f"{tidy}_{number}", number + 1
    return found


def _declared(program: Program) -> Iterator[str]:
    yield from (one.name for one in program.params)
    yield from (one.name for one in program.constants)
    yield from (one.name for one in program.unknowns)
    yield from (one.name for one in program.tensors)
    yield from (one.name for one in program.tiles)
    yield from (one.name for one in program.fifos)


def _spelled(names: Iterable[str], reserved: Collection[str]) -> dict[str, str]:
    """The good names first: they keep what they are called."""
    listed = list(dict.fromkeys(names))
    good = {name: name for name in listed if _NAME.fullmatch(name) and name not in reserved}
    for name in listed:
        if name not in good:
            good[name] = free(name, {*reserved, *good, *good.values()})
    return good


def nodes(value: object) -> Iterator[object]:
    """Every node below (and with) one."""
    if isinstance(value, tuple):
        for one in value:
            yield from nodes(one)
        return
    yield value
    slots: tuple[str, ...] = getattr(type(value), "__slots__", ())
    for slot in slots:
        part = getattr(value, slot)
        for one in part if isinstance(part, tuple) else (part,):
            if hasattr(type(one), "__slots__") and not isinstance(one, Span | str | int):
                yield from nodes(one)
