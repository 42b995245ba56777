"""Program → Kernel: scopes, inlined calls, loops as flat code, each statement lowered once for each core that runs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from syncheck import symbolic
from syncheck.action import FrameShape
from syncheck.execution import BRANCH, EMIT, END, HEAD, JUMP, LET, NEXT, START, CoreCode, Kernel, Op
from syncheck.expressions import Compiler, Evaluate, Family, Meaning, Misused, Slot
from syncheck.instructions import Instructions
from syncheck.ir import Binary, Call, Core, Def, Expr, For, If, Index, Let, Name, Operand, Program, Region, Return, Statement
from syncheck.layout import lay_out
from syncheck.lowering import Bound
from syncheck.machine import Machine
from syncheck.memory_map import Atlas
from syncheck.source import Problem, Span
from syncheck.symbolic import atom
from syncheck.wiring import SCALAR_DATA, Wiring

LISTED = 64
"""A range parameter with at most this many values is listed value by value where a size or an address depends on it."""

Pins = Mapping[str, tuple[int, ...]]
"""Values given with -D: one number, or for a family one for each index (the last one for all further ones)."""


def kernels(program: Program, machine: Machine, pins: Pins) -> Iterator[Kernel]:
    """One Kernel for each choice of the listed parameters, in order."""
    listed = _listed(program, pins)
    for values in product(*[choice for _, choice in listed]):
        choice = tuple((name, value) for (name, _), value in zip(listed, values, strict=True))
        yield _Builder(program, machine, pins, choice).build()


def _listed(program: Program, pins: Pins) -> list[tuple[str, tuple[int, ...]]]:
    sizes = set(_names_in_sizes(program))
    listed = []
    for param in program.params:
        domain = param.domain
        if param.name in pins or param.index:
            continue
        if domain.values:
            listed.append((param.name, domain.values))
        elif param.name in sizes and domain.high is not None and 0 < domain.high - domain.low < LISTED:
            listed.append((param.name, tuple(range(domain.low, domain.high + 1))))
    return listed


def _names_in_sizes(program: Program) -> Iterator[str]:
    exprs: list[Expr | None] = [constant.value for constant in program.constants]
    for tile in program.tiles:
        exprs += [*tile.shape, tile.address, tile.slots]
    for tensor in program.tensors:
        exprs += [*tensor.shape[1:], tensor.offset]
    for fifo in program.fifos:
        exprs += [*fifo.shape, fifo.slots, fifo.flag, fifo.local_address, fifo.local_slots, fifo.local_stride]
    for expr in exprs:
        yield from names_in(expr)


def names_in(expr: object) -> Iterator[str]:
    """Every name that an expression mentions."""
    if isinstance(expr, Name | Index):
        yield expr.name
    slots: Sequence[str] = getattr(type(expr), "__slots__", ())
    for slot in slots:
        value = getattr(expr, slot)
        for part in value if isinstance(value, tuple) else (value,):
            if hasattr(type(part), "__slots__") and not isinstance(part, Span):
                yield from names_in(part)


@dataclass(slots=True)
class _CoreBuilder:
    """What is being built for one core: its code, the values it keeps, the frames around the current statement."""

    name: str
    index: int
    ops: list[Op]
    slots: int = 0
    depth: int = 0
    frames: tuple[FrameShape, ...] = ()
    returns: tuple[list[Op], ...] = ()


class _Builder:
    def __init__(
        self, program: Program, machine: Machine, pins: Pins, choice: tuple[tuple[str, int], ...]
    ) -> None:
        self._program = program
        self._defs: dict[str, Def] = {d.name: d for d in program.defs}
        wiring = Wiring(by_destination=machine.options["flag_key"] == "src,dst,id", lanes=int(machine.options["lanes"]))
        domains: dict[str, symbolic.Bounds] = {}
        self._scope = self._globals(program, pins, dict(choice), domains)
        layout = lay_out(program, self._scope, machine)
        atlas = Atlas(lambda a, b: symbolic.distance(self._kernel.domain, a, b))
        pinned = {name: values for name, values in pins.items() if len(values) > 1 or self._is_family(name)}
        self._kernel = Kernel([], wiring, atlas, layout, [], domains, choice, layout.problems, pinned)
        self._lower = Instructions(self._kernel, machine)
        self._scope.update(dict.fromkeys((*layout.tiles, *layout.tensors, *layout.fifos), None))

    def _is_family(self, name: str) -> bool:
        return any(param.name == name and param.index for param in self._program.params)

    def _globals(
        self, program: Program, pins: Pins, choice: dict[str, int], domains: dict[str, symbolic.Bounds]
    ) -> dict[str, Meaning]:
        scope: dict[str, Meaning] = {}
        for param in program.params:
            domain = param.domain
            domains[param.name] = (domain.low, domain.high)
            if param.index:
                scope[param.name] = Family(1)
            elif param.name in pins:
                scope[param.name] = pins[param.name][0]
            elif param.name in choice:
                scope[param.name] = choice[param.name]
            else:
                fixed = domain.low == domain.high
                scope[param.name] = domain.low if fixed else atom(param.name)
        for unknown in program.unknowns:
            scope[unknown.name] = Family(unknown.arity) if unknown.arity else atom(unknown.name)
        for constant in program.constants:
            scope[constant.name] = constant.value
        return scope

    def build(self) -> Kernel:
        for core in self._program.cores:
            for name in ("AIV0", "AIV1") if core.kind == "AIV" else (core.kind,):
                self._core(core, name)
        self._kernel.cores = self._joined()
        self._lower.finish()
        return self._kernel

    def _joined(self) -> list[CoreCode]:
        """Two bodies for one core run one after the other."""
        merged: dict[str, CoreCode] = {}
        for code in self._kernel.cores:
            known = merged.get(code.name)
            if known is None:
                merged[code.name] = code
                continue
            shift = len(known.ops) - 1
            for op in code.ops:
                op.target += shift if op.target >= 0 else 0
            known.ops[-1:] = code.ops
            known.slots = max(known.slots, code.slots)
        return list(merged.values())

    def _core(self, core: Core, name: str) -> None:
        index = self._kernel.wiring.core(name)
        self._kernel.wiring.agent(index, SCALAR_DATA)
        builder = _CoreBuilder(name, index, [])
        scope = {**self._scope, "lane": int(name[3:])} if name.startswith("AIV") else dict(self._scope)
        end = Op(END, core.span)
        builder.returns = ([],)
        self._body(builder, core.body, scope)
        for op in builder.returns[0]:
            op.target = len(builder.ops)
        builder.ops.append(end)
        self._kernel.cores.append(CoreCode(name, index, builder.ops, builder.slots))

    def _body(self, core: _CoreBuilder, body: Sequence[Statement], scope: dict[str, Meaning]) -> None:
        inner = dict(scope)
        depth = core.depth
        for statement in body:
            before = len(core.ops)
            try:
                self._statement(core, statement, inner)
            except Misused as misused:
                del core.ops[before:]
                span = misused.span or statement.span
                self._kernel.problems.append(Problem(span, misused.message, misused.expected))
        core.depth = depth

    def _statement(self, core: _CoreBuilder, statement: Statement, scope: dict[str, Meaning]) -> None:
        match statement:
            case For():
                self._loop(core, statement, scope)
            case If(condition, then, otherwise, span):
                self._branch(core, condition, then, otherwise, span, scope)
            case Let(name, value, span):
                self._let(core, name, value, span, scope)
            case Call():
                self._call(core, statement, scope)
            case Return(span):
                jump = Op(JUMP, span)
                core.ops.append(jump)
                core.returns[-1].append(jump)
            case _:
                emitter = self._lower.statement(statement, core.name, core.index, core.frames, scope)
                if emitter is not None:
                    core.ops.append(Op(EMIT, statement.span, emitter=emitter))

    def _slot(self, core: _CoreBuilder) -> int:
        core.depth += 1
        core.slots = max(core.slots, core.depth)
        return core.depth - 1

    def _compile(self, expr: Expr, scope: Mapping[str, Meaning]) -> Evaluate:
        return Compiler(scope).compile(expr)[0]

    def _let(self, core: _CoreBuilder, name: str, value: Expr, span: Span, scope: dict[str, Meaning]) -> None:
        function = self._compile(value, scope)
        known = scope.get(name)
        slot = known if isinstance(known, Slot) else Slot(self._slot(core))
        scope[name] = slot
        core.ops.append(Op(LET, span, slot=slot.number, value=function))

    def _branch(
        self,
        core: _CoreBuilder,
        condition: Expr,
        then: Sequence[Statement],
        otherwise: Sequence[Statement],
        span: Span,
        scope: dict[str, Meaning],
    ) -> None:
        branch = Op(BRANCH, span, value=self._compile(condition, scope))
        core.ops.append(branch)
        self._body(core, then, scope)
        if otherwise:
            over = Op(JUMP, span)
            core.ops.append(over)
            branch.target = len(core.ops)
            self._body(core, otherwise, scope)
            over.target = len(core.ops)
        else:
            branch.target = len(core.ops)

    def _loop(self, core: _CoreBuilder, loop: For, scope: dict[str, Meaning]) -> None:
        outer = core.depth
        start = self._compile(loop.start, scope)
        slot, turn = self._slot(core), self._slot(core)
        inner: dict[str, Meaning] = {**scope, loop.var: Slot(slot)}
        condition, step = self._compile(loop.condition, inner), self._compile(loop.step, inner)
        bound, inclusive = self._bound(loop, inner)
        core.ops.append(
            Op(START, loop.span, slot=slot, turn=turn, value=start, step=step, bound=bound, inclusive=inclusive,
               name=loop.var)
        )  # fmt: skip
        head = Op(HEAD, loop.span, slot=slot, turn=turn, value=condition, depth=core.depth, name=loop.var)
        at = len(core.ops)
        core.ops.append(head)
        frames = core.frames
        core.frames = (*frames, FrameShape("loop", loop.var, loop.span.line, ((loop.var, slot),)))
        self._body(core, loop.body, inner)
        core.frames = frames
        core.ops.append(Op(NEXT, loop.span, slot=slot, turn=turn, step=step, target=at))
        head.target = len(core.ops)
        core.depth = outer

    def _bound(self, loop: For, scope: Mapping[str, Meaning]) -> tuple[Evaluate | None, bool]:
        match loop.condition:
            case Binary("<" | "<=" as op, Name(name), bound) if name == loop.var and name not in names_in(bound):
                return self._compile(bound, scope), op == "<="
        return None, False

    def _call(self, core: _CoreBuilder, call: Call, scope: dict[str, Meaning]) -> None:
        target = self._defs.get(call.name)
        if target is None or len(core.frames) > 60:
            raise Misused(call.span, f"{call.name} is not defined" if target is None else "calls are nested too deeply")
        outer, frames = core.depth, core.frames
        inner: dict[str, Meaning] = dict(self._scope)
        if "lane" in scope:
            inner["lane"] = scope["lane"]
        shown = []
        for parameter, argument in zip(target.parameters, call.arguments, strict=False):
            bound = self._argument(argument, scope)
            if bound is None:
                assert not isinstance(argument, Region)
                slot = self._slot(core)
                core.ops.append(Op(LET, call.span, slot=slot, value=self._compile(argument, scope)))
                inner[parameter] = Slot(slot)
                shown.append((parameter, slot))
            else:
                inner[parameter] = bound
        core.frames = (*frames, FrameShape("call", call.name, call.span.line, tuple(shown)))
        core.returns = (*core.returns, [])
        self._body(core, target.body, inner)
        for jump in core.returns[-1]:
            jump.target = len(core.ops)
        core.returns = core.returns[:-1]
        core.frames, core.depth = frames, outer

    def _argument(self, argument: Operand, scope: Mapping[str, Meaning]) -> Bound | None:
        """An operand that is passed on: a tile, tensor, FIFO or region; None for a value."""
        if isinstance(argument, Region):
            return Bound(argument, scope)
        if isinstance(argument, Name | Index):
            meaning = scope.get(argument.name, argument)
            if isinstance(meaning, Bound):
                return meaning if isinstance(argument, Name) else Bound(argument, scope)
            if meaning is None:
                return Bound(argument, scope)
        return None

