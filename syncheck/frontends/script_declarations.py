"""Declarations of event scripts: their names first, then what each says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import TypeVar

from lark import Token, Tree

from syncheck.frontends.script_expressions import Expressions
from syncheck.frontends.script_fold import fold, named
from syncheck.frontends.script_memory import Memory
from syncheck.frontends.script_names import RESERVED, Cursor, Declared, Names, Node, NotUnderstood, trees, word
from syncheck.ir import Constant, Domain, Fifo, Param, Tensor, Tile, Unknown
from syncheck.source import Problem
from syncheck.value import Record, mutable

KINDS = {
    "param": "parameter", "constant": "constant", "unknown": "unknown",
    "tensor": "tensor", "tile": "tile", "fifo": "fifo", "definition": "def",
}  # fmt: skip
MACHINES = ("a2a3", "a5")
_One = TypeVar("_One")

Placed = tuple[Node, int]
"""A declaration as parsed, and the offset its tokens count from."""


@mutable
class Declarations(Record):
    """Everything but cores and defs. Call `register` with all declarations, then `lower`; `places` counts their
    `any`s."""

    names: Names
    cursor: Cursor
    problems: list[Problem] = field(default_factory=list)
    machine: str = ""
    params: tuple[Param, ...] = ()
    constants: tuple[Constant, ...] = ()
    unknowns: tuple[Unknown, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    tiles: tuple[Tile, ...] = ()
    fifos: tuple[Fifo, ...] = ()
    places: int = 0

    def register(self, placed: Iterable[Placed]) -> list[Placed]:
        """Enter the names, and drop the declarations whose name is taken or reserved."""
        return [(node, start) for node, start in placed if self._try(node, start, self._enter)]

    def _try(self, node: Node, start: int, action: Callable[[Node], _One]) -> list[_One]:
        self.cursor.start = start
        try:
            return [action(node)]
        except NotUnderstood as refusal:
            self.problems += [refusal.problem] if refusal.problem else []
            return []

    def _enter(self, node: Node) -> None:
        name = word(node.children[0])
        if node.data == "machine":
            self._machine(name)
        elif node.data != "core":
            if name in RESERVED:
                raise self.cursor.refuse(name, f"'{name}' is reserved and cannot be declared", "another name")
            kind = KINDS[node.data]
            table = self.names.table(kind)
            first = table.get(name)
            if first is not None:
                message = f"'{name}' is already declared at line {first.span.line}"
                raise self.cursor.refuse(name, message, "one declaration for each name")
            table[str(name)] = Declared(kind, self.cursor.span(name), _arity(node))

    def _machine(self, name: Token) -> None:
        if name not in MACHINES:
            raise self.cursor.unknown(name, "machine", MACHINES, "a2a3 or a5")
        if self.machine:
            raise self.cursor.refuse(name, "the machine is already declared", "one machine")
        self.machine = str(name)

    def lower(self, placed: list[Placed]) -> None:
        """Lower the registered declarations; the names of those that fail count as broken."""
        expressions = Expressions(self.names, self.cursor)
        memory = Memory(self.names, self.cursor, expressions)
        self.constants = self._constants(self._each(placed, "constant", lambda node: self._constant(node, expressions)))
        self.params = self._each(placed, "param", lambda node: self._param(node, expressions))
        self.unknowns = self._each(placed, "unknown", self._unknown)
        self.tensors = self._each(placed, "tensor", memory.tensor)
        self.fifos = self._each(placed, "fifo", memory.fifo)
        self.tiles = self._each(placed, "tile", memory.tile)
        cyclic = memory.cyclic_views(self.tensors)
        self.problems += list(cyclic.values())
        self.tensors = tuple(tensor for tensor in self.tensors if tensor.name not in cyclic)
        self.places = expressions.places

    def _each(self, placed: list[Placed], rule: str, lowering: Callable[[Node], _One]) -> tuple[_One, ...]:
        lowered: list[_One] = []
        for node, start in placed:
            if node.data == rule:
                one = self._try(node, start, lowering)
                lowered += one
                if not one:
                    self._break(str(word(node.children[0])), KINDS[rule])
        return tuple(lowered)

    def _break(self, name: str, kind: str) -> None:
        self.names.table(kind).pop(name, None)
        self.names.broken.add(name)

    def _constant(self, node: Node, expressions: Expressions) -> Constant:
        name = word(node.children[0])
        return Constant(str(name), expressions.value(node.children[1]), self.cursor.span(name))

    def _constants(self, constants: tuple[Constant, ...]) -> tuple[Constant, ...]:
        """In an order in which each is defined before it is read; those that have none are left out."""
        declared = {constant.name: constant for constant in constants}
        needs = {one.name: declared.keys() & set(named(one.value)) for one in constants}
        readers: dict[str, list[str]] = {}
        for name, read in needs.items():
            for other in read:
                readers.setdefault(other, []).append(name)
        ordered = [one for one in constants if not needs[one.name]]
        for one in ordered:  # grows as it goes
            self._settle(one)
            for reader in readers.get(one.name, ()):
                needs[reader].discard(one.name)
                ordered += [] if needs[reader] else [declared[reader]]
        for one in constants:
            if needs[one.name]:
                message = f"the constant '{one.name}' depends on itself"
                self.problems.append(Problem(one.span, message, "constants that are defined from others"))
                self._break(one.name, "constant")
        return tuple(ordered)

    def _settle(self, constant: Constant) -> None:
        value = fold(constant.value, self.names.numbers)
        if value is not None and abs(value) < 1 << 64:
            self.names.numbers[constant.name] = value

    def _unknown(self, node: Node) -> Unknown:
        name = word(node.children[0])
        return Unknown(str(name), _arity(node), self.cursor.span(name))

    def _param(self, node: Node, expressions: Expressions) -> Param:
        name, index, domain = node.children
        assert isinstance(domain, Tree)
        label = "" if index is None else str(word(index))
        return Param(str(word(name)), self._domain(domain, expressions), self.cursor.span(name), label)

    def _domain(self, node: Node, expressions: Expressions) -> Domain:
        numbers: list[int] = []
        for child in node.children:
            if child is not None:
                value = fold(expressions.value(child), self.names.numbers)
                if value is None:
                    raise self.cursor.refuse(child, "this is not a constant", "numbers and constants made of numbers")
                numbers.append(value)
        if node.data == "fixed":
            return Domain(numbers[0], numbers[0])
        if node.data == "between":
            high = numbers[1] if len(numbers) > 1 else None
            if high is not None and high < numbers[0]:
                raise self.cursor.refuse(node, f"the domain {numbers[0]}..{high} is empty", "low <= high")
            return Domain(numbers[0], high)
        if not numbers:
            raise NotUnderstood(Problem(self.cursor.here, "the domain {} is empty", "{64, 128} or 1.."))
        values = tuple(sorted(set(numbers)))
        return Domain(values[0], values[-1], values)


def _arity(node: Node) -> int:
    if node.data in ("param", "unknown"):
        return int(node.children[1] is not None)
    if node.data == "tensor":
        shape = next(child for child in trees(node) if child.data == "shape")
        return len(shape.children)
    return 0
