"""Declarations as the text of an event script: the like of them in aligned columns, memory by who sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from syncheck.expression_text import ExpressionText
from syncheck.ir import Const, Constant, Expr, Fifo, Param, Program, Tensor, Tile
from syncheck.script_layout import INDENT, Layout
from syncheck.script_spelling import Spelling
from syncheck.source import Span

_CUBE = ("L1", "L0A", "L0B", "L0C", "BT", "FB", "L0A_SCALE", "L0B_SCALE")

Row = tuple[tuple[str, ...], Span | None]
"""The columns of one declaration, and where it came from."""


class DeclarationText:
    """Writes all that stands in front of the first def."""

    def __init__(self, layout: Layout, names: Spelling) -> None:
        self._layout, self._names = layout, names
        self._write = ExpressionText(self._spell, names.shared)

    def write(self, program: Program) -> None:
        if program.machine:
            self._layout.line(f"machine {program.machine};")
        if program.exit:
            self._layout.line(f"// syncheck: exit {program.exit}")
        self._group([self._param(param) for param in program.params])
        constants = [self._constant(constant) for constant in program.constants]
        self._group([*constants, *self._unknowns(program)])
        self._group([self._tensor(tensor) for tensor in program.tensors])
        for fifo in program.fifos:
            self._layout.blank()
            self._fifo(fifo)
        self._tiles(program.tiles)

    def _spell(self, name: str) -> str:
        return self._names.declared.get(name, name)

    def _value(self, expression: Expr) -> str:
        return self._write.value(expression)

    def _address(self, expression: Expr) -> str:
        known = isinstance(expression, Const) and expression.value >= 0
        return hex(expression.value) if known and isinstance(expression, Const) else self._value(expression)

    def _shape(self, shape: Iterable[Expr]) -> str:
        return f"[{', '.join(map(self._value, shape))}]"

    def _group(self, rows: Sequence[Row], title: str = "") -> None:
        """Rows under each other, the columns aligned."""
        if not rows:
            return
        self._layout.blank()
        if title:
            self._layout.line(f"// {title}")
        count = max(len(columns) for columns, _ in rows)
        widths = [max((len(c[at]) for c, _ in rows if at < len(c) - 1), default=0) for at in range(count)]
        for columns, span in rows:
            padded = [column.ljust(width) for column, width in zip(columns, widths, strict=False)]
            text = " ".join((*padded[: len(columns) - 1], columns[-1]))
            self._layout.line(text, span, behind=f" {' '.join(columns)}")

    def _param(self, param: Param) -> Row:
        domain = param.domain
        if domain.values:
            said = f"in {{{', '.join(map(str, domain.values))}}}"
        elif domain.low == domain.high:
            said = f"= {domain.low}"
        else:
            said = f"in {domain.low}..{'' if domain.high is None else domain.high}"
        index = f"[{param.index}]" if param.index else ""
        return (f"param {self._spell(param.name)}{index}", f"{said};"), param.span

    def _constant(self, constant: Constant) -> Row:
        return (f"const {self._spell(constant.name)}", f"= {self._value(constant.value)};"), constant.span

    def _unknowns(self, program: Program) -> Iterator[Row]:
        for unknown in program.unknowns:
            yield (f"unknown {self._spell(unknown.name)}{'[]' if unknown.arity else ''};",), unknown.span
        for name in self._names.shared.values():
            yield (f"unknown {name};",), None

    def _tensor(self, tensor: Tensor) -> Row:
        more = "" if tensor.stride is None else f" stride {self._value(tensor.stride)}"
        if tensor.view_of:
            more += f" view {self._spell(tensor.view_of)}"
        if tensor.offset != Const(0):
            more += f" at {self._address(tensor.offset)}"
        return (f"gm {self._spell(tensor.name)}", f": {tensor.dtype}{self._shape(tensor.shape)}{more};"), tensor.span

    def _tiles(self, tiles: tuple[Tile, ...]) -> None:
        """In the order of the Program: a title stands wherever the side changes."""
        sides = [tile.space in _CUBE for tile in tiles]
        first = 0
        for at in range(1, len(tiles) + 1):
            if at == len(tiles) or sides[at] != sides[first]:
                self._group([self._tile(tile) for tile in tiles[first:at]], "cube" if sides[first] else "vector lanes")
                first = at

    def _tile(self, tile: Tile) -> Row:
        slots = "" if tile.slots == Const(1) else f"[{self._value(tile.slots)}]"
        place = f"from {self._spell(tile.source)}" if tile.source else ""
        if tile.address is not None:
            place = f"at {self._address(tile.address)}"
        alias = f" alias {', '.join(map(self._spell, tile.aliases))}" if tile.aliases else ""
        kind = f"{tile.dtype}{self._shape(tile.shape)} {place}".rstrip() + alias
        return (f"tile {self._spell(tile.name)}{slots}", f": {tile.space}", f"{kind};"), tile.span

    def _fifo(self, fifo: Fifo) -> None:
        head = f"fifo {self._spell(fifo.name)} : {fifo.direction} {fifo.dtype}{self._shape(fifo.shape)} {{"
        at = fifo.local_address
        ring = "" if at is None else f"local = {fifo.local_space} at {self._address(at)}; "
        sizes = f"{ring}local_slots = {self._value(fifo.local_slots)};"
        if fifo.local_stride is not None:
            sizes += f" local_stride = {self._value(fifo.local_stride)};"
        credit = "on" if fifo.back_pressure else "off"
        rules = f"split = {fifo.split}; back_pressure = {credit}; record = {'auto' if fifo.record_auto else 'manual'};"
        for key, value in (("wait_from", fifo.wait_from), ("period", fifo.period)):
            rules += "" if value is None else f" {key} = {self._value(value)};"
        others = ", ".join(self._spell(name) for name in fifo.instead_of)
        rules += f" instead_of = {others};" if others else ""
        self._layout.line(head, fifo.span)
        self._layout.line(f"{INDENT}slots = {self._value(fifo.slots)}; flag = {self._value(fifo.flag)}; {sizes}")
        self._layout.line(f"{INDENT}{rules}")
        self._layout.line("}")
