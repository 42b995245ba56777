"""What the variables of a kernel hold while it is followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncheck.frontends.cpp.kinds import (
    INT,
    Class,
    EventType,
    PipeType,
    ShapeType,
    TensorType,
    TileType,
    Type,
)
from syncheck.frontends.cpp.syntax import Node
from syncheck.ir import Const, Expr
from syncheck.source import Span


@dataclass(slots=True, eq=False)
class Cell:
    """A variable. What it holds changes only through `Trail.put`."""

    value: Any
    type: Type = None
    name: str = ""
    born: int = 0
    carried: str = ""


@dataclass(slots=True)
class Trail:
    """All changes of variables, so that a branch can be taken back and two can be merged."""

    log: list[tuple[Cell, Any]] = field(default_factory=list)
    clock: int = 0

    def new(self, value: Any, type_: Type = None, name: str = "") -> Cell:
        self.clock += 1
        return Cell(value, type_, name, self.clock)

    def put(self, cell: Cell, value: Any) -> None:
        self.log.append((cell, cell.value))
        cell.value = value

    def mark(self) -> int:
        return len(self.log)

    def changed(self, mark: int) -> dict[Cell, Any]:
        """The cells changed since, with what they hold now."""
        return {cell: cell.value for cell, _ in self.log[mark:]}

    def before(self, mark: int) -> dict[Cell, Any]:
        """The cells changed since, with what they held then."""
        return dict(reversed(self.log[mark:]))

    def undo(self, mark: int) -> None:
        while len(self.log) > mark:
            cell, old = self.log.pop()
            cell.value = old


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer; `type` decides how it wraps. `narrow`: a product of 32 bits in it that may overflow: (where, the
    symbol, its factor, the first product that does not fit)."""

    expr: Expr
    type: Any = INT
    narrow: Any = field(default=None, compare=False)

    @property
    def number(self) -> int | None:
        return self.expr.value if isinstance(self.expr, Const) else None


@dataclass(frozen=True, slots=True)
class Real:
    """A floating point value: it decides no address, and order only through comparisons. `key` says how it came about
    ("" if that is not known), `over` on which loops it depends."""

    type: Any = None
    key: str = ""
    over: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Enum:
    """A named constant of the library: PIPE_V, RoundMode::CAST_RINT. `of`: the class it was named with."""

    name: str
    of: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal."""

    text: str


@dataclass(frozen=True, slots=True)
class Address:
    """A pointer: `offset` bytes into `base` (a tensor's name in GM, "" for on-chip memory) of `space`."""

    space: str
    base: str
    offset: Expr
    to: Type = None


@dataclass(slots=True, eq=False)
class Tile:
    """A tile object; `address` holds a Whole, or None until TASSIGN; `fifo` the FIFO whose slot it is. `valid` rows and
    columns are used, None where that is not known; `nesting`: the conditions and loops around where it was made."""

    type: TileType
    address: Cell
    fifo: Cell
    name: str
    span: Span
    valid: tuple[int | None, int | None] = (None, None)
    nesting: tuple[int, int] = (-1, -1)


@dataclass(frozen=True, slots=True)
class ValidExtent:
    """How many rows (`axis` 0) or columns (1) of a tile are used, as a place to store to."""

    tile: Tile
    axis: int


@dataclass(slots=True, eq=False)
class Tensor:
    """A GlobalTensor object."""

    type: TensorType
    address: Cell
    name: str
    shape: tuple[Any, ...] = ()
    stride: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Extents:
    """An object of Shape<…> or Stride<…>."""

    type: ShapeType
    given: tuple[Any, ...] = ()


@dataclass(slots=True, eq=False)
class Pipe:
    """A TPipe object."""

    type: PipeType
    name: str
    fifo: str


@dataclass(frozen=True, slots=True)
class PipeEnd:
    """`pipe.prod` or `pipe.cons`."""

    pipe: Pipe
    side: str


@dataclass(slots=True, eq=False)
class Event:
    """A pto::Event object; `id` holds the event id that the last record took."""

    type: EventType
    id: Cell
    name: str


@dataclass(slots=True, eq=False)
class Object:
    """An object of a class of the text."""

    type: Class
    fields: dict[str, Cell]
    name: str = ""


@dataclass(slots=True, eq=False)
class Items:
    """An array whose elements are known one by one."""

    cells: list[Cell]
    of: Type = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of two objects: `condition ? then : otherwise`."""

    condition: Expr
    then: Any
    otherwise: Any


@dataclass(slots=True, eq=False)
class Closure:
    """A lambda with the scope it was made in."""

    node: Node
    scope: Any


@dataclass(frozen=True, slots=True)
class Made:
    """A type used as a value (`T{}`, template arguments), or a function by its name."""

    what: Any


@dataclass(frozen=True, slots=True)
class Lost:
    """A value that is not known at all; `why` says what is missing. `own`: numbers of this function alone, or a pointer
    to them: what is stored there is as unknown as before."""

    why: str = ""
    type: Type = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """`*p` or `p[i]`: memory of one element."""

    address: Address
    type: Type


def is_null(value: Any) -> bool:
    """Whether a pointer points nowhere yet."""
    return isinstance(value, Address) and not value.base and value.space in ("GM", "") and value.offset == Const(0)
