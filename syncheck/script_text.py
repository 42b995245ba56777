"""A Program as an event script: the text that `frontends.script.parse` reads back as the same Program."""

from __future__ import annotations

from typing import Union

from syncheck.declaration_text import DeclarationText
from syncheck.expression_text import ExpressionText, impossible
from syncheck.frontends.script_names import RESERVED
from syncheck.ir import (
    Barrier,
    Break,
    Call,
    Const,
    Continue,
    CrossSet,
    CrossWait,
    Def,
    Expr,
    FifoOp,
    For,
    If,
    Instr,
    Let,
    Program,
    Return,
    SetFlag,
    Statement,
    TileOp,
    Unary,
    WaitFlag,
)
from syncheck.script_layout import Layout, ignore_comment
from syncheck.script_spelling import Spelling, free, nodes, spelling
from syncheck.source import Span

_Simple = Union[
    Instr, TileOp, SetFlag, WaitFlag, Barrier, CrossSet, CrossWait, FifoOp, Let, Call, Return, Break, Continue
]
EVENTS = 8
"""Event ids that have a name of their own, EVENT_ID0 and on."""


def script_text(program: Program, *, lines: bool = True, title: str = "") -> str:
    """The script, ending with a newline. `lines`: `#line` keeps what reports say of each statement's file and line;
    `title`: a comment on top.

    It parses back to a Program that is equal but for spans, and for names that no script can have. Places that the
    front end did not understand become `// syncheck: gap` comments, what it noted `// syncheck: note` and what it took
    for granted `// syncheck: assume` comments, so that no verdict gets better by being written.
    """
    layout = Layout(lines, program.suppressions, _issuing(program) if program.suppressions else frozenset())
    names = spelling(program)
    if title:
        layout.line(f"// {title}")
    layout.declaring = True
    DeclarationText(layout, names).write(program)
    for definition in program.defs:
        layout.blank()
        scope = _Scope(names, {})
        given = ", ".join([scope.declare(parameter) for parameter in definition.parameters])
        head = f"def {names.defs[definition.name]}({given}) {{"
        _Body(layout, names, scope).block(head, definition.body, _above(definition))
    for core in program.cores:
        layout.blank()
        _Body(layout, names, _Scope(names, {})).block(f"core {core.kind} {{", core.body, core.span)
    layout.declaring = False
    _end(layout, program)
    return layout.text


def _issuing(program: Program) -> frozenset[tuple[str, int]]:
    """The places of all statements."""
    bodies = (*(one.body for one in program.defs), *(one.body for one in program.cores))
    spans = (getattr(node, "span", None) for node in nodes(bodies))
    return frozenset(span.home for span in spans if isinstance(span, Span))


def _above(definition: Def) -> Span | None:
    """Where the head of a def stands, if that is above its body; no report names it."""
    first = definition.body[0].span if definition.body else definition.span
    below = first.path == definition.span.path and first.line <= definition.span.line
    return None if definition.body and below else definition.span


def statement_text(statement: Statement, program: Program) -> str:
    """One statement as a script has it, without its semicolon; of a loop or a branch, what it is and its line."""
    if isinstance(statement, For | If):
        return f"the {'loop' if isinstance(statement, For) else 'branch'} at {statement.span.line}"
    names = spelling(program)
    return _Body(Layout(False, ()), names, _Scope(names, {}))._simple(statement)


def _end(layout: Layout, program: Program) -> None:
    left = layout.unplaced()
    if left or program.problems or program.noted or program.assumed:
        layout.blank()
    for comment in left:
        layout.line(ignore_comment(comment), comment.span)
    for problem in program.problems:
        layout.line(f"// syncheck: gap {' '.join(problem.message.split())}", problem.span)
    for one in program.assumed:
        layout.remark(f"// syncheck: assume {one.kind} {' '.join(one.message.split())}", one.span)
    for note in program.noted:
        said = f"{note.rule} {note.severity} {note.title} | {note.why} | {note.order}"
        layout.remark(f"// syncheck: note {' '.join(said.split())}", note.span)


class _Scope:
    """The variables of a block and of those around it: name → how it is spelled."""

    def __init__(self, names: Spelling, local: dict[str, str]) -> None:
        self._names, self.local = names, local

    def inner(self) -> _Scope:
        return _Scope(self._names, dict(self.local))

    def declare(self, name: str) -> str:
        declared = self._names.declared.values()
        taken = {*RESERVED, *declared, *self._names.shared.values(), *self.local.values()}
        self.local[name] = free(name, taken)
        return self.local[name]

    def spell(self, name: str) -> str:
        return self.local.get(name) or self._names.declared.get(name, name)


class _Body:
    """Writes the statements of one block."""

    def __init__(self, layout: Layout, names: Spelling, scope: _Scope) -> None:
        self._layout, self._names, self._scope = layout, names, scope
        self._write = ExpressionText(scope.spell, names.shared)

    def block(self, head: str, body: tuple[Statement, ...], span: Span | None) -> None:
        self._open(head, body, span)
        self._layout.line("}")

    def _open(self, head: str, body: tuple[Statement, ...], span: Span | None) -> None:
        """The head and the statements, in a scope of their own, without the closing brace."""
        layout = self._layout
        layout.line(head, span)
        declaring, layout.declaring = layout.declaring, False
        layout.depth += 1
        inner = _Body(layout, self._names, self._scope.inner())
        for statement in body:
            inner._statement(statement)
        layout.depth -= 1
        layout.declaring = declaring

    def _statement(self, statement: Statement) -> None:
        if isinstance(statement, For):
            self._loop(statement)
        elif isinstance(statement, If):
            self._branch(statement)
        else:
            text = self._simple(statement) + ";"
            self._layout.line(text, statement.span, behind=text)

    def _simple(self, statement: _Simple) -> str:
        write = self._write
        match statement:
            case Instr():
                return self._instr(statement)
            case TileOp(op, operands):
                return f"{op}({write.listed(operands)})"
            case SetFlag(src, dst, event):
                return f"set_flag(PIPE_{src}, PIPE_{dst}, {self._event(event)})"
            case WaitFlag(src, dst, event):
                return f"wait_flag(PIPE_{src}, PIPE_{dst}, {self._event(event)})"
            case Barrier(pipe):
                return f"pipe_barrier(PIPE_{pipe})"
            case CrossSet(pipe, mode, flag):
                if mode == Const(4):
                    return f"set_intra_block(PIPE_{pipe}, {write.value(flag)})"
                return f"ffts_cross_core_sync(PIPE_{pipe}, {write.value(mode)}, {write.value(flag)})"
            case CrossWait(pipe, flag, _, intra):
                on = "" if pipe == "S" and not intra else f"PIPE_{pipe}, "
                return f"{'wait_intra_block' if intra else 'wait_flag_dev'}({on}{write.value(flag)})"
            case FifoOp():
                return self._fifo(statement)
            case Let(name, value):
                text = write.value(value)
                known = self._scope.local.get(name)
                return f"{known} = {text}" if known else f"let {self._scope.declare(name)} = {text}"
            case Call(name, arguments):
                return f"{self._names.defs.get(name, name)}({write.listed(arguments)})"
            case Return():
                return "return"
            case Break():
                return "break"
            case Continue():
                return "continue"
        impossible(statement)

    def _event(self, event: Expr) -> str:
        if isinstance(event, Const) and 0 <= event.value < EVENTS:
            return f"EVENT_ID{event.value}"
        return self._write.value(event)

    def _instr(self, instr: Instr) -> str:
        reads = f" reads {self._write.listed(instr.reads)}" if instr.reads else ""
        writes = f" writes {self._write.listed(instr.writes)}" if instr.writes else ""
        return f"instr {instr.op} on PIPE_{instr.pipe}{reads}{writes}{' atomic' if instr.atomic else ''}"

    def _fifo(self, operation: FifoOp) -> str:
        name = self._scope.spell(operation.fifo)
        call = {"push": "TPUSH", "pop": "TPOP", "tfree": "TFREE"}.get(operation.kind)
        if call is None:
            return f"{name}.{operation.kind}()"
        tile = "" if operation.tile is None else f", {self._write.operand(operation.tile)}"
        more = "".join(f", {one}" for one in (operation.split, operation.stored) if one)
        return f"{call}({name}{tile}{more})"

    def _loop(self, loop: For) -> None:
        start = self._write.value(loop.start)
        inner = _Body(self._layout, self._names, self._scope.inner())
        var = inner._scope.declare(loop.var)
        condition, step = inner._write.value(loop.condition), _step(loop.step, inner._write)
        inner.block(f"for ({var} = {start}; {condition}; {var}{step}) {{", loop.body, loop.span)

    def _branch(self, branch: If) -> None:
        head, chosen = "", branch
        while True:
            self._open(f"{head}if ({self._write.value(chosen.condition)}) {{", chosen.then, chosen.span)
            following = chosen.otherwise
            if len(following) != 1 or not isinstance(following[0], If):
                break
            head, chosen = "} else ", following[0]
        if following:
            self._open("} else {", following, None)
        self._layout.line("}")


def _step(step: Expr, write: ExpressionText) -> str:
    match step:
        case Const(1):
            return "++"
        case Const(-1):
            return "--"
        case Const(value) if value < 0:
            return f" -= {-value}"
        case Unary("-", operand) if not isinstance(operand, Const):
            return f" -= {write.value(operand)}"
    return f" += {write.value(step)}"
