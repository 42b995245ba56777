"""Calls in event scripts: synchronisation, FIFO operations, defs and tile instructions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from lark import Token, Tree

from syncheck.frontends.script_errors import FOREIGN, nearest
from syncheck.frontends.script_expressions import Expressions
from syncheck.frontends.script_fold import fold
from syncheck.frontends.script_memory import SPLITS
from syncheck.frontends.script_names import SPACES, Child, Cursor, Names, Node, NotUnderstood, word
from syncheck.ir import Barrier, Call, Const, CrossSet, CrossWait, FifoOp, Name, SetFlag, Statement, TileOp, WaitFlag
from syncheck.machine_types import DTYPE_BYTES, FENCES
from syncheck.source import Span
from syncheck.value import Record, mutable

SHAPES = {
    "set_flag": "set_flag(PIPE_from, PIPE_to, event)",
    "wait_flag": "wait_flag(PIPE_from, PIPE_to, event)",
    "pipe_barrier": "pipe_barrier(PIPE)",
    "ffts_cross_core_sync": "ffts_cross_core_sync(PIPE, mode, flag)",
    "wait_flag_dev": "wait_flag_dev(flag) or wait_flag_dev(PIPE, flag)",
    "set_intra_block": "set_intra_block(PIPE, id)",
    "wait_intra_block": "wait_intra_block(PIPE, id)",
    "TPUSH": "TPUSH(fifo, tile) or TPUSH(fifo, tile, split, stored type)",
    "TPOP": "TPOP(fifo, tile) or TPOP(fifo, tile, split)",
    "TFREE": "TFREE(fifo)",
}
_COUNTS = {
    "set_flag": (3,), "wait_flag": (3,), "pipe_barrier": (1,), "ffts_cross_core_sync": (3,), "wait_flag_dev": (1, 2),
    "set_intra_block": (2,), "wait_intra_block": (2,), "TPUSH": (2, 3, 4), "TPOP": (2, 3), "TFREE": (1,),
}  # fmt: skip
METHODS = ("record", "wait", "allocate", "free")
_ALIKE = 0.8


@mutable
class Calls(Record):
    """Lowers calls. `inside` is the def being lowered; `cuts` are the calls (from, to) that would recurse."""

    names: Names
    cursor: Cursor
    expressions: Expressions
    parameters: dict[str, int] = field(default_factory=dict)
    cuts: set[tuple[str, str]] = field(default_factory=set)
    inside: str = ""

    def call(self, node: Node) -> Statement:
        name = word(node.children[0])
        arguments: list[Child] = [child for child in node.children[1:-1] if child is not None]
        span = self.cursor.up_to(name, word(node.children[-1]))
        if name in self.parameters:
            return self._def(name, arguments, span)
        lowering = _BUILT_IN.get(name)
        if lowering is None:
            return self._instruction(name, arguments, span)
        counts = _COUNTS[name]
        if len(arguments) not in counts:
            takes = " or ".join(map(str, counts)) + (" argument" if counts == (1,) else " arguments")
            raise self.cursor.refuse(name, f"{name} takes {takes}, not {len(arguments)}", SHAPES[name])
        return lowering(self, name, arguments, span)

    def method(self, node: Node) -> FifoOp:
        """`sij.record();`."""
        fifo, name = word(node.children[0]), word(node.children[1])
        self._fifo(fifo)
        if name not in METHODS:
            raise self.cursor.unknown(name, "FIFO operation", METHODS)
        if any(child is not None for child in node.children[2:-1]):
            raise self.cursor.refuse(name, f"'{name}' takes no arguments", f"{fifo}.{name}()")
        return FifoOp(str(name), str(fifo), self.cursor.up_to(fifo, word(node.children[-1])))

    def _flag(self, name: Token, arguments: list[Child], span: Span) -> Statement:
        src, dst = self.cursor.pipe(arguments[0]), self.cursor.pipe(arguments[1])
        event = self.expressions.value(arguments[2])
        return SetFlag(src, dst, event, span) if name == "set_flag" else WaitFlag(src, dst, event, span)

    def _barrier(self, name: Token, arguments: list[Child], span: Span) -> Statement:
        return Barrier(self.cursor.pipe(arguments[0], all_=True), span)

    def _ffts(self, name: Token, arguments: list[Child], span: Span) -> Statement:
        pipe, mode = self.cursor.pipe(arguments[0]), self.expressions.value(arguments[1])
        number = fold(mode, self.names.numbers)
        if number is not None and number not in (0, 1, 2):
            raise self.cursor.refuse(arguments[1], f"there is no mode {number}", "mode 0, 1 or 2")
        return CrossSet(pipe, mode, self.expressions.value(arguments[2]), span)

    def _wait_dev(self, name: Token, arguments: list[Child], span: Span) -> Statement:
        pipe = self.cursor.pipe(arguments[0]) if len(arguments) == 2 else "S"
        return CrossWait(pipe, self.expressions.value(arguments[-1]), span)

    def _intra(self, name: Token, arguments: list[Child], span: Span) -> Statement:
        pipe, flag = self.cursor.pipe(arguments[0]), self.expressions.value(arguments[1])
        return (
            CrossSet(pipe, Const(4), flag, span)
            if name == "set_intra_block"
            else CrossWait(pipe, flag, span, intra=True)
        )

    def _move(self, name: Token, arguments: list[Child], span: Span) -> Statement:
        """TPUSH and TPOP."""
        fifo = self._fifo(arguments[0])
        tile = self.expressions.memory(arguments[1])
        split = stored = ""
        for given in arguments[2:]:
            known = tuple(DTYPE_BYTES) if name == "TPUSH" else ()
            if isinstance(given, Token) and given in SPLITS and not split:
                split = str(given)
            elif isinstance(given, Token) and given in known and not stored:
                stored = str(given)
            else:
                near = nearest(given, (*SPLITS, *known)) if isinstance(given, Token) else ""
                raise self.cursor.refuse(given, "unknown split", ", ".join(SPLITS), near)
        return FifoOp("push" if name == "TPUSH" else "pop", fifo, span, tile, split, stored)

    def _free(self, name: Token, arguments: list[Child], span: Span) -> Statement:
        return FifoOp("tfree", self._fifo(arguments[0]), span)

    def _fifo(self, node: Child) -> str:
        known = tuple(name for name, declared in self.names.memory.items() if declared.kind == "fifo")
        if isinstance(node, Token) and node in known:
            return str(node)
        if isinstance(node, Token) and node.type == "NAME":
            there = self.names.memory.get(node) or self.names.values.get(node)
            if there is not None or node in self.expressions.local:
                kind = there.kind if there is not None else "variable"
                raise self.cursor.refuse(
                    node, f"'{node}' is a {kind}, not a FIFO", "a declared FIFO", nearest(node, known)
                )
            if node in self.names.broken:
                raise NotUnderstood
            raise self.cursor.unknown(node, "FIFO", known, "a declared FIFO")
        raise self.cursor.refuse(node, "this is not a FIFO", "the name of a FIFO")

    def _def(self, name: Token, arguments: list[Child], span: Span) -> Statement:
        if name in self.names.broken:
            raise NotUnderstood
        count = self.parameters[name]
        if len(arguments) != count:
            takes = f"{count} argument{'' if count == 1 else 's'}"
            raise self.cursor.refuse(name, f"{name} takes {takes}, not {len(arguments)}", f"as its def: {takes}")
        if (self.inside, str(name)) in self.cuts:
            raise self.cursor.refuse(name, f"'{name}' calls itself", "defs without recursion")
        return Call(str(name), tuple(self.expressions.operand(one) for one in arguments), span)

    def _instruction(self, name: Token, arguments: list[Child], span: Span) -> Statement:
        """An instruction of the machine's table, unless it can only be a misspelt call."""
        if name in self.names.broken:
            raise NotUnderstood
        if name in FOREIGN:
            raise self.cursor.refuse(name, f"event scripts have no '{name}'", FOREIGN[name])
        known = (*self.parameters, *_BUILT_IN)
        if any(isinstance(one, Token) and one.startswith("PIPE_") for one in arguments):
            expected = "set_flag, wait_flag, pipe_barrier, …"
            raise self.cursor.refuse(name, f"unknown call '{name}'", expected, nearest(name, known))
        if not any(self._is_memory(one) for one in arguments):
            near = nearest(name, known, _ALIKE)
            if near:
                raise self.cursor.refuse(
                    name, f"unknown def '{name}'", "a def, a synchronisation call or an instruction", near
                )
        if name == "dsb" and len(arguments) == 1 and isinstance(arguments[0], Token) and arguments[0] in FENCES:
            return TileOp(str(name), (Name(str(arguments[0]), span),), span)
        return TileOp(str(name), tuple(self.expressions.operand(one) for one in arguments), span)

    def _is_memory(self, node: Child) -> bool:
        """Whether an argument is a region, a tile or a tensor: then an instruction may be meant."""
        name = node.children[0] if isinstance(node, Tree) and node.data == "index" else node
        return isinstance(name, Token) and (name in self.names.memory or name in SPACES)


_BUILT_IN: dict[str, Callable[[Calls, Token, list[Child], Span], Statement]] = {
    "set_flag": Calls._flag,
    "wait_flag": Calls._flag,
    "pipe_barrier": Calls._barrier,
    "ffts_cross_core_sync": Calls._ffts,
    "wait_flag_dev": Calls._wait_dev,
    "set_intra_block": Calls._intra,
    "wait_intra_block": Calls._intra,
    "TPUSH": Calls._move,
    "TPOP": Calls._move,
    "TFREE": Calls._free,
}
