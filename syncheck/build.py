"""Program → Kernel: scopes, inlined calls, loops as flat code, each statement lowered once for each core that runs
it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import product

from syncheck import symbolic
from syncheck.action import FrameShape
from syncheck.execution import BRANCH, EMIT, END, HEAD, JUMP, LET, NEXT, START, CoreCode, Kernel, Op
from syncheck.expressions import Compiler, Evaluate, Family, Meaning, Misused, Slot
from syncheck.instructions import Instructions
from syncheck.ir import (
    At,
    Binary,
    Break,
    Call,
    Continue,
    Core,
    Def,
    Expr,
    For,
    If,
    Index,
    Let,
    Name,
    Operand,
    Program,
    Region,
    Return,
    Statement,
)
from syncheck.layout import lay_out
from syncheck.lowering import Bound
from syncheck.machine import Machine
from syncheck.memory_map import Atlas
from syncheck.shapes import OPAQUE, LoopInfo, Shape, Shapes
from syncheck.source import Problem, Span
from syncheck.symbolic import atom
from syncheck.value import Record, mutable
from syncheck.wiring import SCALAR_DATA, Wiring

LISTED = 64
"""A range parameter with at most this many values is listed value by value where a size or an address depends on it."""

MOST_OPS = 200_000
"""Statements of one core after inlining; a script beyond that is not a kernel."""
MOST_CALLS = 20_000
_INSTANCE = re.compile(r"_[0-9]+$")

Pins = Mapping[str, tuple[int, ...]]
"""Values given with -D: one number, or for a family one for each index (the last one for all further ones)."""


Given = Mapping[str, int | Callable[[int], int]]
"""Values of unknowns and families for a run with data: a number, or for a table the value at an index."""


def kernels(program: Program, machine: Machine, pins: Pins, given: Given | None = None) -> Iterator[Kernel]:
    """One Kernel for each choice of the listed parameters, in order."""
    listed = _listed(program, pins)
    for values in product(*[choice for _, choice in listed]):
        choice = tuple((name, value) for (name, _), value in zip(listed, values, strict=True))
        yield _Builder(program, machine, pins, choice, given or {}).build()


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


@mutable
class _CoreBuilder(Record):
    """What is being built for one core: its code, the values it keeps, the frames around the current statement."""

    name: str
    index: int
    ops: list[Op]
    slots: int = 0
    depth: int = 0
    frames: tuple[FrameShape, ...] = ()
    returns: tuple[list[Op], ...] = ()
    leaving: tuple[tuple[list[Op], list[Op]], ...] = ()
    scope: tuple[tuple[int, Shape], ...] = ()
    loops: tuple[LoopInfo, ...] = ()
    infos: list[LoopInfo] = field(default_factory=list)
    reassigned: frozenset[str] = frozenset()

    def add(self, op: Op) -> None:
        op.scope, op.loops = self.scope, self.loops
        self.ops.append(op)


class TooLarge(Exception):
    """Inlining all calls gives more than anyone wrote on purpose."""


def _settled(value: Expr, scope: Mapping[str, Meaning]) -> Meaning:
    """A constant as a number or a linear form, where it is one; else the expression itself."""
    try:
        function, _ = Compiler(scope).compile(value)
        result = function([], symbolic.NOTHING)
    except (symbolic.Open, ZeroDivisionError, Misused):
        return value
    return int(result) if isinstance(result, int) else result


def _given(body: Sequence[Statement]) -> Iterator[tuple[str, bool]]:
    """Every name that a body gives a value, each time, and whether that is a `let`."""
    for statement in body:
        if isinstance(statement, Let):
            yield statement.name, True
        elif isinstance(statement, For):
            yield statement.var, False
            yield from _given(statement.body)
        elif isinstance(statement, If):
            yield from _given(statement.then)
            yield from _given(statement.otherwise)


def _reassigned(body: Sequence[Statement], parameters: Sequence[str] = ()) -> frozenset[str]:
    """Names that one body gives a value more than once; its `parameters` have one to begin with."""
    seen, again = set(parameters), set()
    for name, let in _given(body):
        if let and name in seen:
            again.add(name)
        seen.add(name)
    return frozenset(again)


def _titles(defs: Sequence[Def]) -> dict[str, str]:
    """What reports call each def: the instances step, step_2, … of one function (of one place) are all step."""
    first: dict[tuple[str, int, str], str] = {}
    keys = {one.name: (one.span.path, one.span.line, _INSTANCE.sub("", one.name)) for one in defs}
    for name, key in keys.items():
        first[key] = min(first.get(key, name), name, key=lambda one: (len(one), one))
    return {name: first[key] for name, key in keys.items()}


class _Builder:
    def __init__(
        self, program: Program, machine: Machine, pins: Pins, choice: tuple[tuple[str, int], ...], given: Given
    ) -> None:
        self._program = program
        self._given = given
        self._defs: dict[str, Def] = {d.name: d for d in program.defs}
        self._titles = _titles(program.defs)
        self._calls = 0
        wiring = Wiring(by_destination=machine.options["flag_key"] == "src,dst,id", lanes=int(machine.options["lanes"]))
        domains: dict[str, symbolic.Bounds] = {}
        self._scope = self._globals(program, pins, dict(choice), domains)
        layout = lay_out(program, self._scope, machine)
        atlas = Atlas(lambda a, b: (*symbolic.distance(self._kernel.domain, a, b), symbolic.spacing(a, b)))
        pinned = {name: values for name, values in pins.items() if len(values) > 1 or self._is_family(name)}
        self._kernel = Kernel([], wiring, atlas, layout, [], domains, choice, layout.problems, pinned)
        lows = {name: min(pins[name]) if name in pins else low for name, (low, _) in domains.items()}
        self._kernel.demands.natural = {name for name, low in lows.items() if low is not None and low >= 0}
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
                scope[param.name] = Family(1, self._table(param.name))
            elif param.name in pins:
                scope[param.name] = pins[param.name][0]
            elif param.name in choice:
                scope[param.name] = choice[param.name]
            else:
                fixed = domain.low == domain.high
                scope[param.name] = domain.low if fixed else atom(param.name)
        for unknown in program.unknowns:
            known = self._given.get(unknown.name)
            if unknown.arity:
                scope[unknown.name] = Family(unknown.arity, self._table(unknown.name))
            else:
                scope[unknown.name] = known if isinstance(known, int) else atom(unknown.name)
        for constant in program.constants:
            scope[constant.name] = _settled(constant.value, scope)
        return scope

    def _table(self, name: str) -> Callable[[int], int] | None:
        known = self._given.get(name)
        return None if known is None or isinstance(known, int) else known

    def build(self) -> Kernel:
        try:
            for core in self._program.cores:
                for name in ("AIV0", "AIV1") if core.kind == "AIV" else (core.kind,):
                    self._core(core, name)
        except TooLarge:
            where = self._program.cores[0].span
            self._kernel.problems.append(
                Problem(where, "with all calls inlined this is too large to check", "fewer calls")
            )
            self._kernel.cores = []
        self._kernel.cores = self._joined()
        self._lower.finish()
        for name, values in self._kernel.pinned.items():
            for loop in self._kernel.demands.indexed.get(name, ()):
                known = len(values) - loop.least_offset  # a list gives each of its turns a value of its own
                loop.threshold = max(loop.threshold, known)
        self._kernel.demands.settle_named()
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
            for info in code.loops:
                info.head, info.start, info.end = info.head + shift, info.start + shift, info.end + shift
            known.loops += code.loops
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
        builder.reassigned = _reassigned(core.body)
        self._body(builder, core.body, scope)
        for op in builder.returns[0]:
            op.target = len(builder.ops)
        builder.add(end)
        self._kernel.cores.append(CoreCode(name, index, builder.ops, builder.slots, builder.infos))

    def _body(self, core: _CoreBuilder, body: Sequence[Statement], scope: dict[str, Meaning]) -> None:
        inner = dict(scope)
        depth, held = core.depth, core.scope
        for statement in body:
            before = len(core.ops)
            try:
                self._statement(core, statement, inner)
            except Misused as misused:
                del core.ops[before:]
                span = misused.where(statement.span)
                self._kernel.problems.append(Problem(span, misused.message, misused.expected, rule=misused.rule))
        core.depth, core.scope = depth, held

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
                core.add(jump)
                core.returns[-1].append(jump)
            case Break(span) | Continue(span):
                if not core.leaving:
                    raise Misused(span, "this stands in no loop")
                jump = Op(JUMP, span)
                core.add(jump)
                core.leaving[-1][isinstance(statement, Continue)].append(jump)
            case _:
                emitter = self._lower.statement(statement, core.name, core.index, core.frames, scope)
                if emitter is not None:
                    core.add(Op(EMIT, statement.span, emitter=emitter))

    def _slot(self, core: _CoreBuilder) -> int:
        core.depth += 1
        core.slots = max(core.slots, core.depth)
        return core.depth - 1

    def _compile(self, expr: Expr, scope: Mapping[str, Meaning]) -> Evaluate:
        return Compiler(scope).compile(expr)[0]

    def _let(self, core: _CoreBuilder, name: str, value: Expr, span: Span, scope: dict[str, Meaning]) -> None:
        function = self._compile(value, scope)
        shapes = self._shapes(scope)
        known = scope.get(name)
        if name in core.reassigned:
            shapes.keep(value, span)
        if isinstance(known, Slot):
            core.add(Op(LET, span, slot=known.number, value=function))
            return
        shape = OPAQUE if name in core.reassigned else shapes.value(value, span)
        slot = Slot(self._slot(core), shape)
        core.add(Op(LET, span, slot=slot.number, value=function))
        core.scope += ((slot.number, shape),)
        scope[name] = slot

    def _shapes(self, scope: Mapping[str, Meaning]) -> Shapes:
        return Shapes(scope, self._kernel.demands)

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
        self._shapes(scope).ask(condition, span)
        core.add(branch)
        self._body(core, then, scope)
        if otherwise:
            over = Op(JUMP, span)
            core.add(over)
            branch.target = len(core.ops)
            self._body(core, otherwise, scope)
            over.target = len(core.ops)
        else:
            branch.target = len(core.ops)

    def _loop(self, core: _CoreBuilder, loop: For, scope: dict[str, Meaning]) -> None:
        depth, held, frames, around = core.depth, core.scope, core.frames, core.loops
        info = self._loop_info(core, loop, scope)
        start = self._compile(loop.start, scope)
        before = len(core.ops)
        slot, turn = self._slot(core), self._slot(core)
        shape = Shape(0, ((info, 1),))
        inner: dict[str, Meaning] = {**scope, loop.var: Slot(slot, shape)}
        condition, step = self._compile(loop.condition, inner), self._compile(loop.step, inner)
        bound, inclusive = self._bound(loop, inner, info)
        if info.turns and {name for name, let in _given(loop.body) if let}.intersection(
            (loop.var, *names_in(loop.condition), *names_in(loop.step))
        ):
            bound = None  # no two turns of it, and no two cores, need agree on anything
        core.add(
            Op(START, loop.span, slot=slot, turn=turn, value=start, step=step, bound=bound, inclusive=inclusive,
               name=loop.var)
        )  # fmt: skip
        core.scope, core.loops = (*held, (slot, shape)), (*around, info)
        head = Op(HEAD, loop.span, slot=slot, turn=turn, value=condition, bound=bound, name=loop.var)
        info.start, info.head, info.slot, info.turn_slot = before, len(core.ops), slot, turn
        core.add(head)
        core.frames = (*frames, FrameShape("loop", loop.var, loop.span.line, ((loop.var, slot),)))
        breaks: list[Op] = []
        continues: list[Op] = []
        core.leaving = (*core.leaving, (breaks, continues))
        returns = len(core.returns[-1])
        self._body(core, loop.body, inner)
        info.leaves = bool(breaks) or len(core.returns[-1]) > returns
        core.leaving = core.leaving[:-1]
        for jump in continues:
            jump.target = len(core.ops)
        core.add(Op(NEXT, loop.span, slot=slot, turn=turn, step=step, target=info.head))
        head.target = info.end = len(core.ops)
        for jump in breaks:
            jump.target = info.end
        core.depth, core.scope, core.frames, core.loops = depth, held, frames, around
        core.infos.append(info)

    def _loop_info(self, core: _CoreBuilder, loop: For, scope: Mapping[str, Meaning]) -> LoopInfo:
        shapes = self._shapes(scope)
        start, step = shapes.value(loop.start, loop.span), shapes.value(loop.step, loop.span)
        info = LoopInfo(loop.var, loop.span, parent=core.loops[-1] if core.loops else None)
        info.turns = not (start.number and step.number)
        info.step = step.constant if step.number else 1
        info.forward = shapes.natural(step) and loop.var not in core.reassigned
        info.natural = info.forward and shapes.natural(start)
        for shape in (start, step) if info.turns else ():
            shapes.spoil(shape, "is where another loop starts, or its step", loop.span)
            if shape.opaque:
                info.spoil(f"{loop.var} may start or step by a number that changes", loop.span)
        if not info.turns and (start.constant < 0 or info.step < 1):
            info.spoil(f"{loop.var} does not count up from 0 or more", loop.span)
        if loop.var in core.reassigned:
            info.spoil(f"{loop.var} is assigned in the loop", loop.span)
        return info

    def _bound(self, loop: For, scope: Mapping[str, Meaning], info: LoopInfo) -> tuple[Evaluate | None, bool]:
        """The value a loop runs up to, and whether that value still enters it; (None, False) where there is none
        such."""
        shapes = self._shapes(scope)
        match loop.condition:
            case Binary("<" | "<=" as op, Name(name), bound) if name == loop.var and name not in names_in(bound):
                info.lag = info.step + (op == "<=")
                self._runs_up_to(shapes, shapes.value(bound, loop.span), loop, info)
                return self._compile(bound, scope), op == "<="
        shapes.ask(loop.condition, loop.span)
        return None, False

    def _runs_up_to(self, shapes: Shapes, bound: Shape, loop: For, info: LoopInfo) -> None:
        """A loop that runs up to one open value moves with it; nothing that any other bound depends on may move."""
        plain = len(bound.terms) == 1 and bound.terms[0][1] == 1 and not bound.opaque
        if plain and isinstance(bound.terms[0][0], tuple):
            info.bound = bound.terms[0][0]
            info.lag += max(bound.constant, 0)
            info.threshold = max(info.threshold, abs(bound.constant) + 1)
            if not (info.turns and info.bad):
                return
        if not bound.number and not info.turns:
            info.spoil(f"the loop over {loop.var} runs up to something that changes", loop.span)
        shapes.spoil(bound, "is what another loop runs up to", loop.span)

    def _call(self, core: _CoreBuilder, call: Call, scope: dict[str, Meaning]) -> None:
        target = self._defs.get(call.name)
        self._calls += 1
        if self._calls > MOST_CALLS or len(core.ops) > MOST_OPS:
            raise TooLarge
        if target is None or len(core.frames) > 60:
            raise Misused(call.span, f"{call.name} is not defined" if target is None else "calls are nested too deeply")
        outer, frames, held, names = core.depth, core.frames, core.scope, core.reassigned
        around, core.leaving = core.leaving, ()
        inner: dict[str, Meaning] = dict(self._scope)
        if "lane" in scope:
            inner["lane"] = scope["lane"]
        shown = []
        reassigned = _reassigned(target.body, target.parameters)
        for parameter, argument in zip(target.parameters, call.arguments, strict=False):
            bound = self._argument(argument, scope)
            if bound is None:
                assert not isinstance(argument, Region | At)
                shape = self._shapes(scope).value(argument, call.span)
                if parameter in reassigned:
                    self._shapes(scope).keep(argument, call.span)
                    shape = OPAQUE
                slot = self._slot(core)
                core.add(Op(LET, call.span, slot=slot, value=self._compile(argument, scope)))
                core.scope += ((slot, shape),)
                inner[parameter] = Slot(slot, shape)
                shown.append((parameter, slot))
            else:
                inner[parameter] = bound
        core.frames = (*frames, FrameShape("call", self._titles[call.name], call.span.line, tuple(shown)))
        core.returns = (*core.returns, [])
        core.reassigned = reassigned
        self._body(core, target.body, inner)
        for jump in core.returns[-1]:
            jump.target = len(core.ops)
        core.returns = core.returns[:-1]
        core.frames, core.depth, core.scope, core.reassigned = frames, outer, held, names
        core.leaving = around

    def _argument(self, argument: Operand, scope: Mapping[str, Meaning]) -> Bound | None:
        """An operand that is passed on: a tile, tensor, FIFO or region; None for a value."""
        if isinstance(argument, Region | At):
            return Bound(argument, scope)
        if isinstance(argument, Name | Index):
            meaning = scope.get(argument.name, argument)
            if isinstance(meaning, Bound):
                return meaning if isinstance(argument, Name) else Bound(argument, scope)
            if meaning is None:
                return Bound(argument, scope)
        return None
