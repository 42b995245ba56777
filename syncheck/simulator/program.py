"""The judge's own small programs: loops, branches and flags, written as an event script and unrolled for given
values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Union

from syncheck.simulator.entries import Core, Entry, Kind
from syncheck.simulator.fifos import Fifo, Move, issued

Expr = Any
"""An int, a name, (operator, left, right), or ("[]", family, index)."""
Span = tuple[str, Expr, Expr]
"""(space, first byte, size)."""


@dataclass(frozen=True, slots=True)
class Do:
    """One instruction; fields as of `Entry`. A barrier has `pipe` ALL or a pipe's name."""

    kind: Kind
    pipe: str
    reads: tuple[Span, ...] = ()
    writes: tuple[Span, ...] = ()
    atomic: bool = False
    other: str = ""
    number: Expr = 0
    mode: int = 2
    line: int = 0


@dataclass(frozen=True, slots=True)
class Loop:
    """for (var = start; var < bound; var += step)."""

    var: str
    bound: Expr
    body: tuple[Node, ...]
    start: Expr = 0
    step: Expr = 1


@dataclass(frozen=True, slots=True)
class Branch:
    """if (condition) … else …"""

    condition: Expr
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Leave:
    """break, or on to the next turn (`again`)."""

    again: bool = False


@dataclass(frozen=True, slots=True)
class Let:
    """A variable of the core gets a value: declared here (`first`), or another one."""

    name: str
    value: Expr
    first: bool = False


Node = Union[Do, Loop, Branch, Leave, Let, Move]


@dataclass(frozen=True, slots=True)
class Param:
    """low ≤ name (≤ high, where there is one); a family has a value for each index."""

    name: str
    low: int = 0
    family: bool = False
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """`cores`: AIC, AIV0, AIV1, or AIV for both lanes, each once; an `unknown` is 0 or 1, and so is each of a table.
    `constants` are other names for expressions of parameters."""

    cores: tuple[tuple[str, tuple[Node, ...]], ...]
    params: tuple[Param, ...] = ()
    unknowns: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    constants: tuple[tuple[str, Expr], ...] = ()
    fifos: tuple[Fifo, ...] = ()


OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b if a >= 0 else -(-a // b),
    "%": lambda a, b: a % b if a >= 0 else -(-a % b),
    "&": lambda a, b: a & b,
    "min": min,
    "max": max,
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "<=": lambda a, b: int(a <= b),
    ">=": lambda a, b: int(a >= b),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "&&": lambda a, b: int(a != 0 and b != 0),
    "||": lambda a, b: int(a != 0 or b != 0),
}

Values = Mapping[str, int | tuple[int, ...]]
"""What names mean; a family is a tuple, its last value stands for all further ones."""


def evaluate(expr: Expr, values: Values) -> int:
    if isinstance(expr, int):
        return expr
    if isinstance(expr, str):
        found = values[expr]
        assert isinstance(found, int)
        return found
    operator, left, right = expr
    if operator == "[]":
        family = values[left]
        assert isinstance(family, tuple)
        return family[min(evaluate(right, values), len(family) - 1)]
    return OPERATORS[operator](evaluate(left, values), evaluate(right, values))


def unrolled(script: Script, values: Values) -> tuple[Core, ...]:
    """What each core issues with these values of parameters and unknowns."""
    cores = []
    values = {**values, **{name: evaluate(expr, values) for name, expr in script.constants}}
    for name, body in script.cores:
        for lane, core in enumerate(("AIV0", "AIV1")) if name == "AIV" else ((int(name[3:] or 0), name),):
            cores.append(
                Core(core, tuple(_issued(body, {**values, "lane": lane, _CORE: (-1 if core == "AIC" else lane, {})})))
            )
    return tuple(cores)


def names_in(item: object) -> Iterator[str]:
    """Every parameter, unknown and variable that a script mentions, and more."""
    if isinstance(item, str):
        yield item
    elif isinstance(item, tuple):
        for part in item:
            yield from names_in(part)
    elif isinstance(item, Script):
        yield from names_in((item.cores, item.constants))
    elif isinstance(item, Do | Loop | Branch | Leave | Let):
        for name in type(item).__slots__:
            yield from names_in(getattr(item, name))


_CORE = " core"
"""Among the values: the lane (-1: the cube), and how many tiles it has pushed and popped."""


class _Left(Exception):
    def __init__(self, again: bool) -> None:
        self.again = again


def _issued(nodes: tuple[Node, ...], values: dict[str, Any]) -> Iterator[Entry]:
    """Counters and variables are kept in `values`: no name means two things in one script."""
    for node in nodes:
        if isinstance(node, Do):
            yield _entry(node, values)
        elif isinstance(node, Let):
            values[node.name] = evaluate(node.value, values)
        elif isinstance(node, Move):
            yield from issued(node, *values[_CORE])
        elif isinstance(node, Leave):
            raise _Left(node.again)
        elif isinstance(node, Branch):
            yield from _issued(node.then if evaluate(node.condition, values) else node.otherwise, values)
        else:
            turn, step = evaluate(node.start, values), evaluate(node.step, values)
            while turn < evaluate(node.bound, values):
                try:
                    values[node.var] = turn
                    yield from _issued(node.body, values)
                except _Left as left:
                    if not left.again:
                        break
                turn += step


def _entry(do: Do, values: Values) -> Entry:
    def placed(spans: tuple[Span, ...]) -> tuple[tuple[str, int, int], ...]:
        starts = [(space, evaluate(start, values), evaluate(size, values)) for space, start, size in spans]
        return tuple((space, start, start + size) for space, start, size in starts)

    number = evaluate(do.number, values)
    return Entry(do.kind, do.pipe, do.line, placed(do.reads), placed(do.writes), do.atomic, do.other, number, do.mode)


# ---------------------------------------------------------------- as text


def written(script: Script) -> tuple[str, Script]:
    """The event script, and the same program with every instruction told its line."""
    lines = []
    for param in script.params:
        high = "" if param.high is None else param.high
        lines.append(f"param {param.name}{'[b]' if param.family else ''} in {param.low}..{high};")
    lines += [f"unknown {name};" for name in script.unknowns] + [f"unknown {name}[];" for name in script.tables]
    lines += [line for fifo in script.fifos for line in fifo.declared()]
    lines += [f"const {name} = {shown(expr)};" for name, expr in script.constants]
    cores = []
    for name, body in script.cores:
        lines.append(f"core {name} {{")
        cores.append((name, _write(body, lines, "    ")))
        lines.append("}")
    return "\n".join(lines) + "\n", replace(script, cores=tuple(cores))


def _write(nodes: tuple[Node, ...], lines: list[str], indent: str) -> tuple[Node, ...]:
    told: list[Node] = []
    for node in nodes:
        if isinstance(node, Do):
            lines.append(indent + _call(node))
            told.append(replace(node, line=len(lines)))
        elif isinstance(node, Loop):
            step = f"{node.var} += {shown(node.step)}"
            lines.append(f"{indent}for ({node.var} = {shown(node.start)}; {node.var} < {shown(node.bound)}; {step}) {{")
            told.append(replace(node, body=_write(node.body, lines, indent + "    ")))
            lines.append(indent + "}")
        elif isinstance(node, Move):
            lines.append(indent + node.text())
            told.append(replace(node, line=len(lines)))
        elif isinstance(node, Let):
            lines.append(f"{indent}{'let ' * node.first}{node.name} = {shown(node.value)};")
            told.append(node)
        elif isinstance(node, Leave):
            lines.append(indent + ("continue;" if node.again else "break;"))
            told.append(node)
        else:
            lines.append(f"{indent}if ({shown(node.condition)}) {{")
            then = _write(node.then, lines, indent + "    ")
            if node.otherwise:
                lines.append(indent + "} else {")
            told.append(replace(node, then=then, otherwise=_write(node.otherwise, lines, indent + "    ")))
            lines.append(indent + "}")
    return tuple(told)


def _call(do: Do) -> str:
    pipe = f"PIPE_{do.pipe}"
    if do.kind == "set":
        return f"set_flag({pipe}, PIPE_{do.other}, {shown(do.number)});"
    if do.kind == "wait":
        return f"wait_flag(PIPE_{do.other}, {pipe}, {shown(do.number)});"
    if do.kind == "barrier":
        return f"pipe_barrier({pipe});"
    if do.kind == "signal":
        return f"ffts_cross_core_sync({pipe}, {do.mode}, {shown(do.number)});"
    if do.kind == "hear":
        return f"wait_flag_dev({shown(do.number)});"
    effects = "".join(
        f" {word} " + ", ".join(f"{space}[{shown(start)}:{shown(_plus(start, size))}]" for space, start, size in spans)
        for word, spans in (("reads", do.reads), ("writes", do.writes))
        if spans
    )
    return f"instr op on {pipe}{effects}{' atomic' if do.atomic else ''};"


def _plus(start: Expr, size: Expr) -> Expr:
    return start + size if isinstance(start, int) and isinstance(size, int) else ("+", start, size)


def shown(expr: Expr) -> str:
    if not isinstance(expr, tuple):
        return str(expr) if not isinstance(expr, int) or expr >= 0 else f"(0 - {-expr})"
    operator, left, right = expr
    if operator == "[]":
        return f"{left}[{shown(right)}]"
    if operator in ("min", "max"):
        return f"{operator}({shown(left)}, {shown(right)})"
    plain = ("[]", "min", "max")
    sides = [
        f"({shown(side)})" if isinstance(side, tuple) and side[0] not in plain else shown(side)
        for side in (left, right)
    ]
    return f"{sides[0]} {operator} {sides[1]}"
