"""Integer expressions and operands of event scripts."""

from __future__ import annotations

from dataclasses import field

from lark import Token, Tree

from syncheck.frontends.script_fold import fold, negated
from syncheck.frontends.script_names import (
    EVENTS,
    FUNCTIONS,
    LITERALS,
    SPACES,
    Child,
    Cursor,
    Names,
    Node,
    NotUnderstood,
    word,
)
from syncheck.ir import (
    Any_,
    At,
    Binary,
    Const,
    Expr,
    Function,
    Index,
    Name,
    Operand,
    Region,
    Slice,
    Ternary,
    Tile,
    Unary,
)
from syncheck.source import Span
from syncheck.value import Record, mutable

LONGEST = 60
"""The most operators, indices and calls one expression may have."""

TIGHTNESS = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, "<=": 7, ">": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}  # fmt: skip
_CASTS = ("static_cast", "reinterpret_cast", "const_cast", "dynamic_cast")


@mutable
class Expressions(Record):
    """Lowers expressions where `names` and the local variables `local` are known. `places` counts the `any`s."""

    names: Names
    cursor: Cursor
    local: dict[str, Span] = field(default_factory=dict)
    places: int = 0
    size: int = 0

    def value(self, node: Child) -> Expr:
        """A number."""
        self.size = 0
        return self._value(node)

    def operand(self, node: Child) -> Operand:
        """What an instruction or a def may be given: a region, a tile, a tensor or a number."""
        self.size = 0
        name = _head(node)
        if name is None:
            return self._value(node)
        if isinstance(node, Tree) and node.data == "placed":
            return self.placed(node)
        if isinstance(node, Tree) and name in SPACES:
            return self.region(node)
        if name in self.names.memory and name not in self.local:
            if name in self.names.values:
                there = self.names.values[name]
                raise self.cursor.refuse(
                    name, f"'{name}' is both a {there.kind} and a tile or tensor", "different names"
                )
            return self._memory(node, name)
        return self._value(node, "tile, tensor or value")

    def memory(self, node: Child) -> Operand:
        """A region, a tile or a tensor."""
        self.size = 0
        name = _head(node)
        if name is not None:
            if isinstance(node, Tree) and node.data == "placed":
                return self.placed(node)
            if isinstance(node, Tree) and name in SPACES:
                return self.region(node)
            if name in self.local:
                return self._value(node)
            if name in self.names.memory:
                return self._memory(node, name)
            if name in self.names.broken:
                self._check_known(name, "")
        if isinstance(node, Token) and node.type == "NAME" and node not in self.names.values:
            raise self.cursor.unknown(
                node, "tile or tensor", self._memory_names(), "a tile, a tensor or a region UB[start:stop]"
            )
        raise self.cursor.refuse(node, "this is not memory", "a tile, a tensor or a region UB[start:stop]")

    def region(self, node: Node) -> Region:
        """`UB[0:64]`."""
        space, indices = word(node.children[0]), node.children[1:-1]
        only = indices[0]
        if len(indices) != 1 or not isinstance(only, Tree) or only.data != "slice":
            raise self.cursor.refuse(node, f"'{space}' is given in bytes from start to stop", f"{space}[start:stop]")
        start, stop = (self._value(child) for child in only.children)
        low, high = fold(start, self.names.numbers), fold(stop, self.names.numbers)
        if low is not None and high is not None and (low < 0 or high <= low):
            raise self.cursor.refuse(node, f"bytes {low} up to {high} are no region", "0 <= start < stop")
        return Region(str(space), start, stop, self.cursor.span(node))

    def placed(self, node: Node) -> At:
        """`tile@(address)` or `tensor@(offset)`."""
        name, offset = word(node.children[0]), node.children[1]
        if name not in self.local:
            declared = self.names.memory.get(name)
            if declared is None and name in self.names.broken:
                raise NotUnderstood
            if declared is None or declared.kind == "fifo":
                raise self.cursor.unknown(name, "tile or tensor", self._memory_names(), "a declared tile or tensor")
            tile = self.names.objects.get(name)
            if isinstance(tile, Tile) and (tile.address is not None or tile.source):
                raise self.cursor.refuse(node, f"'{name}' has a place of its own", f"{name}, or a tile without one")
        return At(str(name), self._value(offset), self.cursor.span(node))

    def _memory(self, node: Child, name: Token) -> Name | Index:
        declared = self.names.memory[name]
        if declared.kind == "fifo":
            raise self.cursor.refuse(name, f"'{name}' is a FIFO, not memory", "a tile or a tensor")
        tile = self.names.objects.get(name)
        if isinstance(tile, Tile) and tile.address is None and not tile.source:
            raise self.cursor.refuse(node, f"'{name}' was declared without an address", f"{name}@(address)")
        if not isinstance(node, Tree):
            return Name(str(name), self.cursor.span(name))
        if declared.kind == "tile":
            return self._slot(node, name)
        indices = node.children[1:-1]
        if len(indices) > declared.arity:
            message = f"'{name}' has {declared.arity} dimensions, not {len(indices)}"
            raise self.cursor.refuse(node, message, f"at most {declared.arity} indices")
        return self._index(node, name)

    def _slot(self, node: Node, name: Token) -> Index:
        """A slot of a tile, its valid part (`s[0:rows, 0:columns]`), or both (`s[slot, 0:rows, 0:columns]`)."""
        index = self._index(node, name)
        chosen = [part for part in index.indices if not isinstance(part, Slice)]
        valid = [part for part in index.indices if isinstance(part, Slice)]
        known = (*chosen, *valid) == index.indices and len(chosen) <= 1 and len(valid) in (0, 2)
        if not known or any(fold(part.start, self.names.numbers) != 0 for part in valid):
            shown = f"{name}[slot], or {name}[0:rows, 0:columns] for the part of it that is valid"
            raise self.cursor.refuse(node, f"'{name}' is a tile: what selects of it is a slot or its valid part", shown)
        tile = self.names.objects.get(name)
        slot = fold(chosen[0], self.names.numbers) if chosen else None
        slots = fold(tile.slots, self.names.numbers) if isinstance(tile, Tile) else None
        if slot is not None and (slot < 0 or (slots is not None and slot >= slots)):
            last = "" if slots is None else f", slots 0 to {slots - 1}" if slots > 1 else ", only slot 0"
            raise self.cursor.refuse(node.children[1], f"'{name}' has no slot {slot}", f"a slot of {name}{last}")
        return index

    def _index(self, node: Node, name: Token) -> Index:
        indices = tuple(self._slice(child) for child in node.children[1:-1])
        return Index(str(name), indices, self.cursor.span(node))

    def _slice(self, node: Child) -> Expr | Slice:
        if isinstance(node, Tree) and node.data == "slice":
            start, stop = (self._value(child) for child in node.children)
            return Slice(start, stop)
        return self._value(node)

    def _value(self, node: Child, wanted: str = "name") -> Expr:
        if isinstance(node, Token):
            return self._number(node) if node.type == "NUMBER" else self._name(node, wanted)
        assert node is not None
        if node.data == "placed":
            raise self.cursor.refuse(node, "memory is not a number", "an integer expression")
        self.size += 1
        if self.size > LONGEST:
            raise self.cursor.refuse(
                node, f"an expression of more than {LONGEST} operators", "a shorter expression, or const"
            )
        if node.data == "operators":
            return self._operators(node)
        if node.data == "unary":
            return self._unary(node)
        if node.data == "ternary":
            condition, then, otherwise = (self._value(child) for child in node.children)
            return Ternary(condition, then, otherwise)
        return self._function(node) if node.data == "function" else self._indexed(node, wanted)

    def _number(self, token: Token) -> Const:
        digits = token.rstrip("uUlL")
        hexadecimal = digits[:2] in ("0x", "0X")
        if len(digits) > 40 or int(digits, 16 if hexadecimal else 10) >= 1 << 64:
            raise self.cursor.refuse(token, "a number of more than 64 bits", "a smaller number")
        if not hexadecimal and digits[0] == "0" and len(digits) > 1:
            raise self.cursor.refuse(
                token, f"'{token}' is octal in C", "a decimal or hexadecimal number", digits.lstrip("0") or "0"
            )
        return Const(int(digits, 16 if hexadecimal else 10))

    def _name(self, token: Token, wanted: str) -> Expr:
        literal = LITERALS.get(token)
        if literal is not None:
            return literal
        if token == "any":
            self.places += 1
            return Any_(self.cursor.span(token), self.places)
        if token in self.local or token == "lane":
            return Name(str(token), self.cursor.span(token))
        declared = self._check_known(token, wanted)
        if declared:
            raise self.cursor.refuse(token, f"'{token}' is a table: it needs an index", f"{token}[index]")
        return Name(str(token), self.cursor.span(token))

    def _check_known(self, token: Token, wanted: str) -> int:
        """The number of indices the value called `token` takes."""
        declared = self.names.values.get(token)
        if declared is not None:
            return declared.arity
        if token in self.names.broken:
            raise NotUnderstood  # reported where it was declared
        other = self.names.memory.get(token) or self.names.defs.get(token)
        if other is not None:
            raise self.cursor.refuse(token, f"'{token}' is a {other.kind}, not a number", "an integer expression")
        if token in _CASTS:
            raise self.cursor.refuse(token, f"event scripts have no '{token}'", "the bare expression")
        if token.startswith("EVENT_ID"):
            raise self.cursor.unknown(token, "event id", tuple(EVENTS), "EVENT_ID0 … EVENT_ID7")
        if token.startswith("PIPE_"):
            raise self.cursor.refuse(token, f"'{token}' is a pipe, not a number", "an integer expression")
        known = (*self.local, *self.names.values, "any", "true", "false", "lane")
        if "tile" in wanted:
            known = (*known, *self._memory_names())
        raise self.cursor.unknown(
            token, wanted, known, f"a {wanted} that is declared" if "," in wanted else "a declared value"
        )

    def _memory_names(self) -> tuple[str, ...]:
        return tuple(name for name, declared in self.names.memory.items() if declared.kind != "fifo")

    def _indexed(self, node: Node, wanted: str) -> Expr:
        name, indices = word(node.children[0]), node.children[1:-1]
        if name in self.local:  # a def's argument: tile, tensor or table
            return self._index(node, name)
        if name in SPACES:
            raise self.cursor.refuse(node, f"a region of {name} is not a number", "an integer expression")
        arity = self._check_known(name, wanted)
        if len(indices) != arity or any(isinstance(one, Tree) and one.data == "slice" for one in indices):
            one = f"{name}[index]" if arity else str(name)
            message = f"'{name}' takes {'one index' if arity else 'no index'}"
            raise self.cursor.refuse(node, message, one, one)
        return self._index(node, name)

    def _unary(self, node: Node) -> Expr:
        sign, operand = str(word(node.children[0])), self._value(node.children[1])
        if sign == "+":
            return operand
        return negated(operand) if sign == "-" else Unary(sign, operand)

    def _function(self, node: Node) -> Function:
        name, arguments = word(node.children[0]), [child for child in node.children[1:-1] if child is not None]
        if name not in FUNCTIONS:
            raise self.cursor.unknown(name, "function", FUNCTIONS)
        if len(arguments) < 2 or (name == "ceil_div" and len(arguments) > 2):
            raise self.cursor.refuse(node, f"{name} takes 2 arguments, not {len(arguments)}", f"{name}(a, b)")
        return Function(str(name), tuple(self._value(one) for one in arguments), self.cursor.span(node))

    def _operators(self, node: Node) -> Expr:
        """A flat chain of operands and operators, bound by their tightness."""
        self.size += len(node.children) // 2 - 1
        if self.size > LONGEST:
            raise self.cursor.refuse(
                node, f"an expression of more than {LONGEST} operators", "a shorter expression, or const"
            )
        operands, signs = [self._value(node.children[0])], list[str]()
        for place in range(1, len(node.children), 2):
            sign = str(word(node.children[place]))
            while signs and TIGHTNESS[signs[-1]] >= TIGHTNESS[sign]:
                _bind(operands, signs.pop())
            signs.append(sign)
            operands.append(self._value(node.children[place + 1]))
        while signs:
            _bind(operands, signs.pop())
        return operands[0]


def _bind(operands: list[Expr], sign: str) -> None:
    right = operands.pop()
    operands.append(Binary(sign, operands.pop(), right))


def _head(node: Child) -> Token | None:
    """The name an operand begins with, if it is a name or an indexed name."""
    if isinstance(node, Tree) and node.data in ("index", "placed"):
        return word(node.children[0])
    return node if isinstance(node, Token) and node.type == "NAME" else None
