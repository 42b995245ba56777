"""From what the passes emitted to a Program: symbols get their final form, what nothing needs is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from syncheck.frontends.cpp.emission import GM_SIZE
from syncheck.frontends.cpp.families import Families
from syncheck.frontends.cpp.naming import spoken
from syncheck.frontends.cpp.state import Declared
from syncheck.frontends.cpp.terms import NOWHERE, Symbol, Terms, linear, names, total, unused
from syncheck.ir import (
    At,
    Binary,
    Call,
    Const,
    CrossSet,
    CrossWait,
    Def,
    Domain,
    Expr,
    FifoOp,
    For,
    Function,
    If,
    Index,
    Instr,
    Let,
    Name,
    Operand,
    Param,
    Region,
    SetFlag,
    Slice,
    Statement,
    Ternary,
    TileOp,
    Unary,
    Unknown,
    WaitFlag,
)
from syncheck.machine import Machine
from syncheck.source import Span

CLEAN = "dcci"
"""Writes the dirty lines of the scalar unit's data cache back and forgets them."""
FAR = 1_000_003
"""Weight of the outer variable where a value depends on two loops: no recurrence covers that, and none is claimed."""


@dataclass(slots=True)
class Finisher:
    """Rewrites statements. `domains` are what the user said of names (comments, -D); `used` the symbols met; `written`
    the tensors that anything writes, `dirty` those of them that the scalar unit writes through its data cache."""

    terms: Terms
    declared: Declared
    machine: Machine
    domains: dict[str, Domain]
    span: Span
    used: dict[str, Symbol] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)
    families: Families | None = None
    written: set[str] = field(default_factory=set)
    dirty: set[str] = field(default_factory=set)
    memory: dict[str, None] = field(default_factory=dict)
    popped: set[str] = field(default_factory=set)
    defs: dict[str, Def] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    assumed: dict[tuple[str, str], Span] = field(default_factory=dict)

    # ------------------------------------------------------------ expressions

    def expr(self, expr: Expr) -> Expr:
        """Symbols as parameters, unknowns or families of them."""
        match expr:
            case Name(name) if name in self.terms.symbols:
                return self._symbol(self.terms.symbols[name])
            case Unary(op, operand):
                return Unary(op, self.expr(operand))
            case Binary(op, left, right):
                return Binary(op, self.expr(left), self.expr(right))
            case Ternary(condition, then, otherwise):
                return Ternary(self.expr(condition), self.expr(then), self.expr(otherwise))
            case Function(name, arguments, span):
                return Function(name, tuple(self.expr(one) for one in arguments), span)
            case Index(name, indices, span):
                return Index(name, tuple(self.expr(one) for one in indices if not isinstance(one, Slice)), span)
        return expr

    def _symbol(self, symbol: Symbol) -> Expr:
        self.used.setdefault(symbol.name, symbol)
        name = self.final_name(symbol)
        over = sorted(symbol.over)
        if not over:
            return Name(name, NOWHERE)
        if over == ["lane"]:
            return Index(name, (Name("lane", NOWHERE),), NOWHERE)
        loops = [one for one in over if one != "lane"]
        index: Expr = Name(loops[0], NOWHERE)
        for one in loops[1:]:
            index = Binary("+", Binary("*", index, Const(FAR)), Name(one, NOWHERE))
        if "lane" in symbol.over:
            index = Binary("+", Binary("*", index, Const(2)), Name("lane", NOWHERE))
        return Index(name, (index,), NOWHERE)

    def final_name(self, symbol: Symbol) -> str:
        if symbol.name not in self.called:
            self.families = self.families or Families(self.terms)
            self.called[symbol.name] = self.families.name(symbol, lambda: self._new_name(symbol))
        return self.called[symbol.name]

    def _new_name(self, symbol: Symbol) -> str:
        hint = spoken(symbol, self.terms.symbols, self.domains)
        name = unused(f"{hint}_" if hint in RESERVED else hint, self.taken)
        self.taken.add(name)
        return name

    def address(self, expr: Expr, owner: str, span: Span) -> Expr:
        """An address in GM: an unknown distance that a loop or lane is multiplied with is taken for a large one."""
        if "rows" in self.declared.doubt:
            return self.expr(expr)
        constant, terms = linear(expr)
        made: dict[Expr, int] = {}
        for term, coefficient in terms.items():
            symbol = self.terms.symbols.get(term.name) if isinstance(term, Name) else None
            known, factor = (self._pitched(symbol) if symbol is not None and symbol.factors else None), 1
            if known is not None:
                turning, factor = known
                self.assumed.setdefault(("rows", f"what lies an unknown distance apart in {owner} does not meet"), span)
            else:
                turning = term
            made[turning] = made.get(turning, 0) + coefficient * factor
        return self.expr(total(constant, made.items()))

    def _pitched(self, symbol: Symbol) -> tuple[Expr, int] | None:
        """(variable, what it is multiplied with) of a product of one variable and fixed unknowns."""
        turning = [one for one in symbol.factors if self._turns(one)]
        fixed = [one for one in symbol.factors if not self._turns(one)]
        if len(turning) != 1 or not fixed:
            return None
        factor = 1
        for number, _ in enumerate(fixed):
            factor *= self.terms.pitch if number == 0 else 64
        return turning[0], factor

    def _turns(self, expr: Expr) -> bool:
        return bool(self.terms.depends(expr))

    # ------------------------------------------------------------ statements

    def find_written(self, statements: Iterable[Statement]) -> None:
        """The tensors that anything writes: only accesses to those can conflict."""
        for one in statements:
            match one:
                case If(_, then, otherwise):
                    self.find_written(then)
                    self.find_written(otherwise)
                case For(body=body):
                    self.find_written(body)
                case Instr(op, pipe, writes=writes):
                    self.written |= (owners := {self._owner(operand) for operand in writes})
                    self.dirty |= owners if pipe == "S" else set()
                case TileOp(op, operands) if op != CLEAN:
                    if any(self._owner(operand) for operand in operands):
                        self.written |= {self._owner(operand) for operand in self.touched(op, operands)[1]}
                case Call(name):
                    self.find_written(self.declared.defs[name].body)

    def touched(self, op: str, operands: Sequence[Operand]) -> tuple[list[Operand], list[Operand]]:
        """The operands that an instruction reads, and those that it writes; all where the table does not say."""
        variant = self.machine.find(op, [self._space(operand) for operand in operands])
        if variant is None:
            return list(operands), list(operands)
        read = {int(one) for step in variant.steps for one in step.reads if one.isdigit()}
        written = {int(one) for step in variant.steps for one in step.writes if one.isdigit()}
        numbered = list(enumerate(operands))
        return [one for number, one in numbered if number in read], [one for n, one in numbered if n in written]

    def _owner(self, operand: Operand) -> str:
        """The tensor that an operand is part of, "" if it is on chip."""
        tensor = self.declared.tensors.get(getattr(operand, "name", ""))
        return "" if tensor is None else tensor.view_of or tensor.name

    def _space(self, operand: Operand) -> str | None:
        if isinstance(operand, Region):
            return operand.space
        name = getattr(operand, "name", "")
        if name in self.declared.tiles:
            return self.declared.tiles[name].space
        return "GM" if name in self.declared.tensors else None

    def operand(self, operand: Operand) -> Operand:
        match operand:
            case Region(space, start, stop, span):
                return Region(space, self.expr(start), self.expr(stop), span)
            case At(name, offset, span) if name in self.declared.tensors:
                owner = self._owner(operand)
                if owner not in self.written:
                    self.memory[owner] = None
                    return Name(owner, span)
                self.memory[owner] = None
                self.memory[name] = None
                at = self.address(offset, owner, span)
                return Name(name, span) if at == Const(0) else At(name, at, span)
            case At(name, offset, span):
                self.memory[name] = None
                return At(name, self.expr(offset), span)
            case Index(name, indices, span) if name in self.declared.tiles:
                self.memory[name] = None
                return Index(name, tuple(one if isinstance(one, Slice) else self.expr(one) for one in indices), span)
            case Name(name) if name in self.declared.tiles:
                self.memory[name] = None
                return operand
        return self.expr(operand)

    def body(self, statements: Sequence[Statement]) -> tuple[Statement, ...]:
        return tuple(made for one in statements for made in self._statement(one))

    def _statement(self, one: Statement) -> list[Statement]:
        match one:
            case If(condition, then, otherwise, span):
                first, second = self.body(then), self.body(otherwise)
                if not first and not second:
                    return []
                if not first:
                    return [If(self.expr(self.terms.negation(condition)), second, (), span)]
                return [If(self.expr(condition), first, second, span)]
            case For(var, start, condition, step, body, span):
                inner = self.body(body)
                return [For(var, self.expr(start), self.expr(condition), self.expr(step), inner, span)] if inner else []
            case Let(name, value, span):
                return [Let(name, self.expr(value), span)]
            case SetFlag(src, dst, event, span):
                return [SetFlag(src, dst, self.expr(event), span)]
            case WaitFlag(src, dst, event, span):
                return [WaitFlag(src, dst, self.expr(event), span)]
            case CrossSet(pipe, mode, flag, span):
                return [CrossSet(pipe, self.expr(mode), self.expr(flag), span)]
            case CrossWait(pipe, flag, span, intra):
                return [CrossWait(pipe, self.expr(flag), span, intra)]
            case TileOp(op, operands) if op == CLEAN and not any(self._owner(one) in self.dirty for one in operands):
                return []  # no line of it is dirty: nothing is written back, and what is read again is read anew
            case TileOp(op, operands, span):
                return [TileOp(op, tuple(self.operand(operand) for operand in operands), span)]
            case Instr():
                return self._instr(one)
            case FifoOp(kind, tile=tile):
                self.memory[one.fifo] = None
                self.popped |= {one.fifo} if kind == "pop" else set()
                return [replace(one, tile=None if tile is None else self.operand(tile))]
            case Call(name):
                self.definition(name)
                return [one]
        return [one]

    def _instr(self, one: Instr) -> list[Statement]:
        if one.op in ("scalar_load", "scalar_store"):
            owners = [self._owner(operand) for operand in (*one.reads, *one.writes)]
            if all(owners) and not any(owner in self.written for owner in owners):
                return []  # a table that nothing writes
        reads, writes = (tuple(self.operand(operand) for operand in part) for part in (one.reads, one.writes))
        return [replace(one, reads=reads, writes=writes)]

    def definition(self, name: str) -> None:
        if name not in self.defs:
            made = self.declared.defs[name]
            self.defs[name] = replace(made, body=self.body(made.body))

    # ------------------------------------------------------------ declarations

    def values(self) -> tuple[tuple[Param, ...], tuple[Unknown, ...]]:
        params: list[Param] = []
        unknowns: list[Unknown] = []
        for symbol in {self.final_name(one): one for one in self.used.values()}.values():
            name, family = self.final_name(symbol), bool(symbol.over)
            domain = self.domains.get(name)
            if domain is None and symbol.low is not None:
                domain = Domain(symbol.low)
            if domain is not None:
                params.append(Param(name, domain, self.span, "i" if family else ""))
            else:
                unknowns.append(Unknown(name, int(family), self.span))
        if any(one in self.memory for one in self.declared.tensors):
            unknowns.append(Unknown(GM_SIZE, 0, self.span))
        return tuple(params), tuple(unknowns)


RESERVED = frozenset(
    ("UB", "L1", "L0A", "L0B", "L0C", "BT", "FB", "GM", "any", "lane", "for", "if", "else", "return", "break",
     "continue", "let", "instr", "true", "false", "min", "max", "ceil_div")
)  # fmt: skip
"""Words that no variable of a script may be called."""


def without_unread(statements: tuple[Statement, ...], read: set[str]) -> tuple[Statement, ...]:
    """Statements without variables that nothing reads, and without FIFOs that nothing answers."""
    made: list[Statement] = []
    for one in statements:
        match one:
            case Let(name) | FifoOp(fifo=name) if name not in read:
                continue
            case If(condition, then, otherwise, span):
                first, second = without_unread(then, read), without_unread(otherwise, read)
                if first or second:
                    made.append(If(condition, first, second, span))
            case For(body=body):
                inner = without_unread(body, read)
                if inner:
                    made.append(replace(one, body=inner))
            case _:
                made.append(one)
    return tuple(made)


def read_names(statements: Sequence[Statement], defs: dict[str, Def]) -> set[str]:
    """Every name that decides something: all but those that only feed variables that nothing reads."""
    direct: set[str] = set()
    feeds: dict[str, set[str]] = {}

    def walk(body: Sequence[Statement]) -> None:
        for one in body:
            match one:
                case Let(name, value):
                    feeds.setdefault(name, set()).update(names_in_operand(value))
                case If(condition, then, otherwise):
                    direct.update(names(condition))
                    walk(then)
                    walk(otherwise)
                case For(_, start, condition, step, inner):
                    direct.update(names(start), names(condition), names(step))
                    walk(inner)
                case Call(name):
                    walk(defs[name].body)
                case _:
                    direct.update(of_statement(one))

    walk(statements)
    waiting = list(direct)
    while waiting:
        for name in feeds.get(waiting.pop(), ()):
            if name not in direct:
                direct.add(name)
                waiting.append(name)
    return direct


def of_statement(one: Statement) -> set[str]:
    match one:
        case SetFlag(event=event) | WaitFlag(event=event):
            return names(event)
        case CrossSet(mode=mode, flag=flag):
            return names(mode) | names(flag)
        case CrossWait(flag=flag):
            return names(flag)
        case TileOp(operands=operands):
            return set().union(*map(names_in_operand, operands))
        case Instr(reads=reads, writes=writes):
            return set().union(*map(names_in_operand, (*reads, *writes)))
        case FifoOp(tile=tile) if tile is not None:
            return names_in_operand(tile)
    return set()


def names_in_operand(operand: Operand) -> set[str]:
    match operand:
        case Region(start=start, stop=stop):
            return names(start) | names(stop)
        case At(offset=offset):
            return names(offset)
    return names(operand)


def free_names(statements: Sequence[Statement], defs: dict[str, Def], known: frozenset[str]) -> set[str]:
    """The variables of callers that statements read (calls have their arguments already)."""
    found: set[str] = set()
    bound: set[str] = set()

    def walk(body: Sequence[Statement]) -> None:
        for one in body:
            match one:
                case Let(name, value):
                    found.update(names(value) - bound)
                    bound.add(name)
                case If(condition, then, otherwise):
                    found.update(names(condition) - bound)
                    walk(then)
                    walk(otherwise)
                case For(var, start, condition, step, inner):
                    found.update(names(start) - bound)
                    held = var in bound
                    bound.add(var)
                    found.update((names(condition) | names(step)) - bound)
                    walk(inner)
                    if not held:
                        bound.discard(var)
                case Call(arguments=arguments):
                    for argument in arguments:
                        found.update(names_in_operand(argument) - bound)
                case _:
                    found.update(of_statement(one) - bound)

    walk(statements)
    return found - known
