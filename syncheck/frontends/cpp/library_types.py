"""The types of the tile library (pto-isa), from their template arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

from syncheck.frontends.cpp.kinds import (
    FLOAT,
    NUMBERS,
    EventType,
    Named,
    Number,
    PipeType,
    ShapeType,
    StoreType,
    TensorType,
    TileType,
    Type,
)
from syncheck.frontends.cpp.values import Enum, Whole

SPACES = {
    "Vec": "UB", "Mat": "L1", "Left": "L0A", "Right": "L0B", "Acc": "L0C", "Bias": "BT", "Scaling": "FB",
    "ScaleLeft": "L0A_SCALE", "ScaleRight": "L0B_SCALE",
}  # fmt: skip
"""TileType:: → the memory it lies in."""

TILE_TYPES = {space: kind for kind, space in SPACES.items()}
"""The other way round: what `Tile::Loc` says."""

EVENT_PIPES = {
    "TLOAD": "MTE2", "TSTORE_VEC": "MTE3", "TSTORE_ACC": "FIX", "TSTORE_MAT": "MTE3", "TMOV_M2L": "MTE1",
    "TMOV_M2B": "MTE1", "TMOV_M2R": "MTE1", "TMOV_M2S": "FIX", "TMOV_V2M": "FIX", "TMOV_A2V": "FIX", "TMOV_A2M": "FIX",
    "TMOV_V2V": "V", "TEXTRACT_M2LR": "MTE1", "TEXTRACT_V2M": "FIX", "TMATMUL": "M", "TGEMV": "M", "SCALAR": "S",
    "TEXTRACT_A2M": "FIX", "TINSERT_A2M": "FIX", "TIMG2COL": "MTE1", "TEXPANDS_MAT": "MTE2", "TFILLPAD_MAT": "MTE2",
    "TPREFETCH": "MTE2", "MGATHER_MAT": "MTE2", "TRESHAPE": "S", "SETFMATRIX": "S", "SET_IMG2COL_RPT": "S",
    "SET_IMG2COL_PADDING": "S", "TSTORE": "MTE3", "TMOV": "MTE1", "TEXTRACT": "MTE1", "TCI": "S",
}  # fmt: skip
"""Op:: → the pipe it runs on; every other operation is one of the vector pipe (pto-isa common/event.hpp)."""


def _number(argument: Any, default: int | None = None) -> int | None:
    if isinstance(argument, Whole):
        return argument.number
    return default


def _enum(argument: Any) -> str:
    return argument.name if isinstance(argument, Enum) else ""


def _element(argument: Any) -> Number:
    return argument if isinstance(argument, Number) else FLOAT


def _at(arguments: list[Any], index: int) -> Any:
    return arguments[index] if index < len(arguments) else None


def _made_tile(space: str, arguments: list[Any], layout: str = "") -> Type:
    rows, columns = _number(_at(arguments, 1)), _number(_at(arguments, 2))
    if rows is None or columns is None or rows <= 0 or columns <= 0:
        return Named("a tile whose shape is not known")
    valid = [_number(_at(arguments, 3), rows), _number(_at(arguments, 4), columns)]
    valid = [None if one is None or one < 0 else one for one in valid]
    return TileType(space, _element(arguments[0]), rows, columns, (valid[0], valid[1]), layout)


def _tile(arguments: list[Any]) -> Type:
    space = SPACES.get(_enum(_at(arguments, 0)), "")
    if not space:
        return Named("a tile whose memory is not known")
    by_rows = _enum(_at(arguments, 4)) in ("", "RowMajor") or _number(_at(arguments, 3)) == 1
    plain = by_rows and _enum(_at(arguments, 7)) in ("", "NoneBox")
    layout = "compact" if _enum(_at(arguments, 10)) == "Normal" else "rows" if plain else ""
    return _made_tile(space, [*arguments[1:4], *arguments[5:7]], layout)


def _in(space: str, layout: str = "") -> Callable[[list[Any]], Type]:
    return lambda arguments: _made_tile(space, arguments, layout)


def _conditional(arguments: list[Any]) -> Type:
    """std::conditional_t<condition, A, B>."""
    test = _number(_at(arguments, 0))
    return Named("a type that depends on what is not known") if test is None else _at(arguments, 1 if test else 2)


def _same(arguments: list[Any]) -> Type:
    """std::remove_cv_t<T> and its like: qualifiers and references decide nothing here."""
    return _at(arguments, 0)


def _conv_tile(arguments: list[Any]) -> Type:
    """ConvTile<memory, T, buffer size, layout, ConvTileShape<…>> (pto-isa common/pto_tile.hpp:1227-1310): what it holds
    is its shape; where a number of that is not known, the buffer's bytes."""
    space, shape = SPACES.get(_enum(_at(arguments, 0)), ""), _at(arguments, 4)
    if not space or not isinstance(shape, ShapeType):
        return Named("a tile whose memory is not known")
    element, buffer = _element(_at(arguments, 1)), _number(_at(arguments, 2), 0) or 0
    known = all(one > 0 for one in shape.extents)
    count = prod(shape.extents) if known else buffer // element.bytes
    return TileType(space, element, 1, count, (1, count)) if count > 0 else Named("a tile whose shape is not known")


def _group(arguments: list[Any]) -> Type:
    """ParallelGroup<GlobalTensor<…>>: one tensor for each rank, taken together (pto-isa comm/comm_types.hpp)."""
    of = _at(arguments, 0)
    return replace(of, group=True) if isinstance(of, TensorType) else Named("a group of what is not known")


def _extents(kind: str) -> Callable[[list[Any]], Type]:
    def made(arguments: list[Any]) -> Type:
        values = [_number(one, -1) for one in arguments]
        return ShapeType(kind, tuple(-1 if one is None else one for one in values))

    return made


def _tensor(arguments: list[Any]) -> Type:
    shape, stride = _at(arguments, 1), _at(arguments, 2)
    return TensorType(
        _element(_at(arguments, 0)), shape if isinstance(shape, ShapeType) else None,
        stride if isinstance(stride, ShapeType) else None, _enum(_at(arguments, 3)),
    )  # fmt: skip


def _signals(arguments: list[Any]) -> Type:
    """comm::Signal, comm::Signal2D<rows, columns>: integers in GM (pto-isa comm/comm_types.hpp:200-233)."""
    rows, columns = _number(_at(arguments, 0), 1) or 1, _number(_at(arguments, 1), 1) or 1
    stride = ShapeType("Stride", (rows * columns, rows * columns, rows * columns, columns, 1))
    return TensorType(NUMBERS["int32_t"], ShapeType("Shape", (1, 1, 1, rows, columns)), stride, "ND")


def _pipe(arguments: list[Any]) -> Type:
    flag, slot, slots = (_number(_at(arguments, index)) for index in (0, 2, 3))
    direction = _enum(_at(arguments, 1))
    if isinstance(_at(arguments, 1), Whole):
        known = {1: "DIR_C2V", 2: "DIR_V2C", 3: "DIR_BOTH", 5: "DIR_C2V_GM", 6: "DIR_V2C_GM"}
        direction = known.get(_number(arguments[1]) or 0, "")
    if flag is None or slot is None or slots is None or not direction:
        return Named("a TPipe whose arguments are not known")
    local = _number(_at(arguments, 4), 2) or 2
    no_split = _at(arguments, 5)
    return PipeType(
        flag, direction.removeprefix("DIR_"), slot, slots, local, "BOTH" in direction,
        bool(_number(no_split, 0)),
    )  # fmt: skip


def pipe_of(operation: str) -> str:
    """The pipe of `Op::NAME`; a plain PIPE_X is its own."""
    if operation.startswith("PIPE_"):
        return operation[5:]
    return EVENT_PIPES.get(operation, "V")


def _event(arguments: list[Any]) -> Type:
    src, dst = _enum(_at(arguments, 0)), _enum(_at(arguments, 1))
    if not src or not dst:
        return Named("an Event whose operations are not known")
    return EventType(pipe_of(src), pipe_of(dst))


STORED = {
    "NoQuant": "", "F322F16": "fp16", "QF322F16_PRE": "fp16", "DEQF16": "fp16", "VDEQF16": "fp16", "F322BF16": "bf16",
    "QF322BF16_PRE": "bf16", "QS322BF16_PRE": "bf16", "VQS322BF16_PRE": "bf16", "QF322B8_PRE": "int8", "REQ8": "int8",
    "VQF322B8_PRE": "int8", "VREQ8": "int8",
}  # fmt: skip
"""QuantMode_t:: → the type that an accumulator's elements become (pto-isa common/fixpipe.hpp:83-95)."""


def _store(arguments: list[Any]) -> Type:
    """FixpipeParams<layout, quantisation, relu, phase, sub-block, atomic, …> (pto-isa common/fixpipe.hpp:65-69)."""
    atomic = _at(arguments, 5)
    stored = STORED.get(_enum(_at(arguments, 1))) if len(arguments) > 1 else ""
    return StoreType(stored, atomic is not None and _enum(atomic) != "AtomicNone")


LIBRARY: dict[str, Callable[[list[Any]], Type]] = {
    "Tile": _tile, "TileLeft": _in("L0A"), "TileRight": _in("L0B"), "TileAcc": _in("L0C"),
    "TileLeftCompact": _in("L0A", "compact"), "TileRightCompact": _in("L0B", "compact"), "TileAccCompact": _in("L0C"),
    "TileBias": _in("BT"), "TileScaling": _in("FB"), "TileLeftScale": _in("L0A_SCALE"),
    "TileRightScale": _in("L0B_SCALE"), "TileLeftScaleCompact": _in("L0A_SCALE"),
    "TileRightScaleCompact": _in("L0B_SCALE"),
    "ConvTile": _conv_tile, "ConvTileShape": _extents("Shape"), "ParallelGroup": _group,
    "conditional_t": _conditional, "decay_t": _same, "remove_cv_t": _same, "remove_reference_t": _same,
    "remove_const_t": _same, "remove_cvref_t": _same, "add_const_t": _same,
    "Signal": lambda _: _signals([]), "Signal2D": _signals, "GlobalSignal": _tensor,
    "Shape": _extents("Shape"), "Stride": _extents("Stride"), "GlobalTensor": _tensor,
    "TPipe": _pipe, "TMPipe": _pipe, "Event": _event,
    "FixpipeParams": _store,
}  # fmt: skip
