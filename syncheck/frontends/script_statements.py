"""Statements of event scripts: blocks, loops, branches, variables and written-out instructions."""

from __future__ import annotations

from dataclasses import field

from lark import Token, Tree

from syncheck.frontends.script_calls import Calls
from syncheck.frontends.script_errors import nearest
from syncheck.frontends.script_expressions import Expressions
from syncheck.frontends.script_fold import negated
from syncheck.frontends.script_names import RESERVED, Child, Cursor, Names, Node, NotUnderstood, word
from syncheck.frontends.script_pieces import DEEPEST
from syncheck.ir import (
    Binary,
    Break,
    Const,
    Continue,
    Expr,
    For,
    If,
    Instr,
    Let,
    Name,
    Operand,
    Return,
    Statement,
)
from syncheck.source import Problem, Span
from syncheck.value import Record, mutable

_TYPES = ("let", "int", "auto", "int32_t", "uint32_t", "int64_t", "uint64_t", "size_t")


@mutable
class Statements(Record):
    """Lowers bodies. What is not understood becomes a Problem, and the statement is left out."""

    names: Names
    cursor: Cursor
    expressions: Expressions
    calls: Calls
    problems: list[Problem] = field(default_factory=list)
    depth: int = 0
    loops: int = 0

    def body(self, node: Node, parameters: dict[str, Span]) -> tuple[Statement, ...]:
        """The body of a core or, with its `parameters`, of a def."""
        self.expressions.local = dict(parameters)
        return tuple(self._block(node))

    def _block(self, node: Node) -> list[Statement]:
        """A block; its variables end with it."""
        known = len(self.expressions.local)
        self.depth += 1
        made: list[Statement] = []
        try:
            for child in node.children:
                assert isinstance(child, Tree)
                made += self._statement(child)
        finally:
            self._forget(known)
            self.depth -= 1
        return made

    def _forget(self, known: int) -> None:
        """Leave a block: variables never hide one another, so the newest ones are its own."""
        while len(self.expressions.local) > known:
            self.expressions.local.popitem()

    def _statement(self, node: Node) -> list[Statement]:
        try:
            return self._lowered(node)
        except NotUnderstood as refusal:
            self.problems += [refusal.problem] if refusal.problem else []
            return []

    def _lowered(self, node: Node) -> list[Statement]:
        rule = node.data
        if self.depth > DEEPEST:
            raise self.cursor.refuse(node, f"statements nested more than {DEEPEST} deep", "less nesting")
        if rule in {"call", "method"}:
            return [self.calls.call(node) if rule == "call" else self.calls.method(node)]
        if rule == "instr":
            return [self._instr(node)]
        if rule == "for":
            return self._for(node)
        if rule == "if":
            return self._if(node)
        if rule == "block":
            return self._block(node)
        if rule == "return":
            return [Return(self._span(node))]
        if rule in {"break", "continue"}:
            return [self._leave(node)]
        if rule == "empty":
            return []
        return [self._let(node) if rule == "let" else self._assign(node)]

    def _leave(self, node: Node) -> Break | Continue:
        if not self.loops:
            raise self.cursor.refuse(node, f"'{node.data}' stands in no loop", "a loop around it, or return")
        return Break(self._span(node)) if node.data == "break" else Continue(self._span(node))

    def _span(self, node: Node) -> Span:
        """Without the semicolon."""
        return self.cursor.up_to(word(node.children[0]), word(node.children[-1]))

    def _inner(self, node: Child) -> list[Statement]:
        """The body of a loop or branch: a block, or one statement as if it were in one."""
        assert isinstance(node, Tree)
        return self._block(node) if node.data == "block" else self._block(Tree("block", [node]))

    def _let(self, node: Node) -> Let:
        kind, name, value = word(node.children[0]), word(node.children[1]), node.children[2]
        self._type(kind)
        lowered = Let(str(name), self._or_declare(value, name), self._span(node))
        self._declare(name)
        return lowered

    def _or_declare(self, value: Child, name: Token) -> Expr:
        """The value; if it is not understood, the variable is there all the same."""
        try:
            return self.expressions.value(value)
        except NotUnderstood:
            self.expressions.local.setdefault(str(name), self.cursor.span(name))
            raise

    def _type(self, token: Token) -> None:
        if token not in _TYPES:
            raise self.cursor.refuse(
                token, f"'{token}' does not begin a statement", "let", nearest(token, _TYPES) or "let"
            )

    def _declare(self, name: Token) -> None:
        span = self.cursor.span(name)
        first = self.expressions.local.get(name)
        if first is None:
            there = self.names.values.get(name) or self.names.memory.get(name)
            first = there.span if there is not None else None
        if name in RESERVED:
            raise self.cursor.refuse(name, f"'{name}' is reserved and cannot be declared", "another name")
        if first is not None:
            raise self.cursor.refuse(name, f"'{name}' is already declared at line {first.line}", "another name")
        self.expressions.local[str(name)] = span

    def _assign(self, node: Node) -> Let:
        """`x = e;`, `x += e;`, `x++;`."""
        name = next(word(child) for child in node.children if isinstance(child, Token) and child.type == "NAME")
        self._assignable(name)
        return Let(str(name), self._new_value(node, name), self._span(node))

    def _assignable(self, name: Token) -> None:
        if name in self.expressions.local:
            return
        if name in self.names.broken:
            raise NotUnderstood
        there = self.names.values.get(name) or self.names.memory.get(name)
        if there is not None:
            message = f"'{name}' is a {there.kind} and cannot be assigned to"
            raise self.cursor.refuse(name, message, "a variable declared with let")
        near = nearest(name, self.expressions.local) or f"let {name}"
        raise self.cursor.refuse(name, f"'{name}' is assigned to but not declared", f"let {name} = …;", near)

    def _new_value(self, node: Node, name: Token) -> Expr:
        old = Name(str(name), self.cursor.span(name))
        first, second = word(node.children[0]), word(node.children[1])
        for sign in (first, second):
            if sign.type == "INCREMENT":
                return Binary(sign[0], old, Const(1))
        value = self.expressions.value(node.children[2])
        return value if second.type == "EQUAL" else Binary(second[:-1], old, value)

    def _for(self, node: Node) -> list[Statement]:
        keyword, kind, name, start, condition, step, close, body = node.children
        known = len(self.expressions.local)
        found: NotUnderstood | None = None
        header: tuple[Expr, Expr, Expr] | None = None
        try:
            if kind is not None:
                self._type(word(kind))
            first = self._or_declare(start, word(name))
            self._declare(word(name))
            header = first, self.expressions.value(condition), self._step(step, word(name))
        except NotUnderstood as refusal:
            found = refusal
            self.expressions.local.setdefault(str(name), self.cursor.span(name))
        if found is not None:
            self.problems += [found.problem] if found.problem else []
        self.loops += 1
        statements = tuple(self._inner(body))
        self.loops -= 1
        self._forget(known)
        if header is None:
            return []
        return [For(str(name), *header, statements, self.cursor.span(keyword, close))]

    def _step(self, node: Child, name: Token) -> Expr:
        """What is added to the loop variable each turn."""
        assert isinstance(node, Tree)
        stepped = next(word(child) for child in node.children if isinstance(child, Token) and child.type == "NAME")
        if stepped != name:
            raise self.cursor.refuse(
                stepped, f"the step changes '{stepped}', not '{name}'", f"{name} += step", str(name)
            )
        value = self._new_value(node, name)
        if isinstance(value, Binary) and value.op in "+-" and value.left == Name(str(name), self.cursor.span(name)):
            return value.right if value.op == "+" else negated(value.right)
        raise self.cursor.refuse(node, "the step is not a sum or difference", f"{name} += step or {name} -= step")

    def _if(self, node: Node) -> list[Statement]:
        keyword, condition, close, then, *otherwise = node.children
        lowered: Expr | None = None
        try:
            lowered = self.expressions.value(condition)
        except NotUnderstood as refusal:
            self.problems += [refusal.problem] if refusal.problem else []
        arms = tuple(self._inner(then)), tuple(self._inner(otherwise[0])) if otherwise else ()
        return [] if lowered is None else [If(lowered, *arms, self.cursor.span(keyword, close))]

    def _instr(self, node: Node) -> Instr:
        name, pipe, clauses = word(node.children[1]), node.children[2], node.children[3:-1]
        effects: dict[str, tuple[Operand, ...]] = {}
        for clause in clauses:
            assert isinstance(clause, Tree)
            if clause.data in effects:
                raise self.cursor.refuse(clause, f"'{clause.data}' is given twice", f"one list behind '{clause.data}'")
            effects[clause.data] = tuple(self.expressions.memory(one) for one in clause.children[1:])
        on = self.cursor.pipe(pipe)
        reads, writes = effects.get("reads", ()), effects.get("writes", ())
        return Instr(str(name), on, reads, writes, self._span(node), "atomic" in effects)
