"""Types of C++ and of the tile library, as far as they decide bytes, addresses and arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from syncheck.frontends.cpp.syntax import Node


@dataclass(frozen=True, slots=True)
class Number:
    """An arithmetic type. `dtype`: the name a script uses, "" where none is (a pointer-sized bool is uint8).
    `volatile`: each read may find another value."""

    name: str
    bytes: int
    signed: bool = True
    floating: bool = False
    dtype: str = ""
    volatile: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pointer:
    """`T *` in an address space: GM, UB, L1 …; "" where the text does not say."""

    to: Type
    space: str = ""


@dataclass(frozen=True, slots=True)
class Array:
    of: Type
    count: int


@dataclass(frozen=True, slots=True)
class TileType:
    """A tile: `rows` × `columns` elements lie in memory; `valid` of them are used, None where a value decides. `layout`
    is "rows" where they lie row by row, "compact" where there is no room between valid parts."""

    space: str
    element: Number
    rows: int
    columns: int
    valid: tuple[int | None, int | None] = (None, None)
    layout: str = ""

    @property
    def bytes(self) -> int:
        return self.rows * self.columns * self.element.bytes


@dataclass(frozen=True, slots=True)
class ShapeType:
    """`Shape<…>` or `Stride<…>`: -1 is a number given when it is made."""

    kind: str
    extents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorType:
    """`GlobalTensor<T, Shape, Stride, Layout>`; `group`: one of each rank, in memory of their own."""

    element: Number
    shape: ShapeType | None
    stride: ShapeType | None
    layout: str = ""
    group: bool = False


@dataclass(frozen=True, slots=True)
class PipeType:
    """`TPipe<flag, direction, slot bytes, slots, …>`."""

    flag: int
    direction: str
    slot: int
    slots: int
    local_slots: int = 2
    both: bool = False
    no_split: bool = False


@dataclass(frozen=True, slots=True)
class EventType:
    """`Event<Op::SRC, Op::DST>`: the pipes of the two operations."""

    src: str
    dst: str


@dataclass(frozen=True, slots=True)
class StoreType:
    """`FixpipeParams<layout, quantisation, …>`: how an accumulator is stored. `stored`: the type of the elements in GM,
    "" for the accumulator's, None where that is not known; `atomic`: it is added to what is there."""

    stored: str | None
    atomic: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A type that says nothing to us (an enum of the library, a host type)."""

    name: str


@dataclass(slots=True, eq=False)
class Class:
    """A class, or one instance of a class template. `scope` has its members; `fields` are filled when it is first
    needed."""

    name: str
    node: Node
    scope: Any
    fields: list[tuple[str, Node, Node]] = field(default_factory=list)
    bases: list[Class] = field(default_factory=list)
    serial: int = field(default_factory=count().__next__)
    volatile: bool = False

    def __hash__(self) -> int:
        return self.serial


Type = Any
"""Number, Pointer, Array, TileType, ShapeType, TensorType, PipeType, EventType, StoreType, Named, Class, or None
(unknown)."""

VOID = Named("void")


def _numbers() -> dict[str, Number]:
    table: dict[str, Number] = {}
    for bits in (8, 16, 32, 64):
        for signed in (True, False):
            made = Number(
                f"{'' if signed else 'u'}int{bits}_t", bits // 8, signed, dtype=f"{'' if signed else 'u'}int{bits}"
            )
            table[made.name] = made
            table[f"{'' if signed else 'u'}int_fast{bits}_t"] = made
    of = table.__getitem__
    for name, like in {
        "char": "int8_t", "signed char": "int8_t", "unsigned char": "uint8_t", "short": "int16_t", "int": "int32_t",
        "unsigned short": "uint16_t", "unsigned": "uint32_t", "unsigned int": "uint32_t", "long": "int64_t",
        "unsigned long": "uint64_t", "long long": "int64_t", "unsigned long long": "uint64_t", "size_t": "uint64_t",
        "uintptr_t": "uint64_t", "intptr_t": "int64_t", "ptrdiff_t": "int64_t", "long int": "int64_t",
        "unsigned long int": "uint64_t", "unsigned long long int": "uint64_t", "long unsigned int": "uint64_t",
        "aclFloat16": "uint16_t", "ssize_t": "int64_t", "signed": "int32_t", "byte": "uint8_t",
    }.items():  # fmt: skip
        table[name] = of(like)
    table["bool"] = Number("bool", 1, False, dtype="uint8")
    for name, size, dtype in (
        ("float", 4, "fp32"), ("half", 2, "fp16"), ("float16_t", 2, "fp16"), ("bfloat16_t", 2, "bf16"),
        ("__bf16", 2, "bf16"), ("float32_t", 4, "fp32"), ("double", 8, "int64"), ("float8_e4m3_t", 1, "int8"),
        ("float8_e5m2_t", 1, "int8"), ("hifloat8_t", 1, "int8"), ("float8_e8m0_t", 1, "int8"), ("int4b_t", 1, "int8"),
        ("float4_e2m1x2_t", 1, "int8"), ("float4_e1m2x2_t", 1, "int8"), ("__fp16", 2, "fp16"),
        ("fp8_e4m3fn_t", 1, "int8"),
        ("vector_f8e5m2", 1, "int8"), ("bf16", 2, "bf16"), ("float8_e8m0fnu_t", 1, "int8"),
    ):  # fmt: skip
        table[name] = Number(name, size, True, True, dtype)
    return table


NUMBERS = _numbers()
INT, LONG, ULONG, BOOL, FLOAT = (NUMBERS[name] for name in ("int", "int64_t", "uint64_t", "bool", "float"))


def volatile(kind: Type) -> Type:
    """The type, each read of which may find another value."""
    return replace(kind, volatile=True) if isinstance(kind, Number | Class) else kind


def size_of(kind: Type) -> int | None:
    """sizeof, None if it is not known."""
    if isinstance(kind, Number):
        return kind.bytes
    if isinstance(kind, Pointer):
        return 8
    if isinstance(kind, Array):
        one = size_of(kind.of)
        return None if one is None else one * kind.count
    if isinstance(kind, TileType):
        return kind.bytes
    return None


def key_of(kind: object) -> str:
    """A text that is the same for the same type or template argument."""
    if isinstance(kind, Class):
        return f"{kind.name}#{kind.serial}"
    return repr(kind)
