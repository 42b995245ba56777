"""Raw intrinsics: pointers and burst parameters turned into the bytes they touch.

Forms and units are those of the vendor's C API for dav-c220 (asc-devkit impl/c_api/instr_impl/npu_arch_2201). Masked
vector instructions are taken for all lanes of their repeats.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from syncheck.frontends.cpp.emission import folded, lies_at, tile_op, view
from syncheck.frontends.cpp.kinds import size_of
from syncheck.frontends.cpp.state import Pass, Unreadable, short
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.values import Address, Choice, Whole
from syncheck.ir import At, Const, Expr, Region

BLOCK, REPEAT, FRACTAL = 32, 256, 512
"""Bytes of a block, of one repeat of a vector instruction, and of a fractal of the cube."""

Sizes = list["tuple[int, int, int] | None"]
"""For each operand (rows, bytes of a row, bytes from row to row); None: no memory."""


def raw(run: Pass, node: Node, name: str, values: list[Any]) -> bool:
    """Emit an intrinsic that is given pointers; False if this is none."""
    if not any(isinstance(value, Address) for value in values):
        return False
    if any(isinstance(value, Choice) for value in values):
        return False
    if not any(isinstance(value, Address) and value.space not in ("GM", "") for value in values):
        return False
    numbers = [value.number if isinstance(value, Whole) else None for value in values]
    rule = next((made for pattern, made in _RULES if pattern.fullmatch(name)), None)
    sizes = rule(numbers, values) if rule is not None else None
    if sizes is None and name.startswith("copy_"):
        sizes = _within_tiles(run, name, numbers, values)
    if sizes is None:
        raise Unreadable(node, f"how many bytes '{short(node)}' touches is not known", "constant counts and strides")
    operands = [_operand(run, node, value, sizes[k] if k < len(sizes) else None) for k, value in enumerate(values)]
    tile_op(run, node, name, operands)
    return True


def _operand(run: Pass, node: Node, value: Any, size: tuple[int, int, int] | None) -> Any:
    if not isinstance(value, Address):
        return value
    rows, width, stride = size if size is not None else (1, size_of(value.to) or 1, 1)
    if value.space not in ("GM", ""):
        if run.terms.is_open(value.offset):
            raise Unreadable(node, f"the address that '{short(node)}' uses is not known")
        length = (rows - 1) * max(stride, width) + width
        stop: Expr = run.terms.binary("+", value.offset, Const(length))
        run.declared.moves.setdefault(f"{run.core} {value.space}", {}).setdefault(Const(0), node.span)
        return Region(value.space, value.offset, stop, node.span)
    if not value.base:
        raise Unreadable(node, f"the address that '{short(node)}' uses is not known")
    rows, columns, step = folded(sorted([(1, width), (max(stride, width), rows)]) if rows > 1 else [(1, width)])
    at = lies_at(run, value.base, value.offset)
    return At(view(run, value.base, "uint8", rows, columns, step, node.span), at, node.span)


def _within_tiles(run: Pass, name: str, numbers: list[int | None], values: list[Any]) -> Sizes | None:
    """A copy of unknown length stays within the tile that was given its on-chip address, else ends before the next
    place that the text makes a pointer to, and moves no more than that to or from GM, in one piece (docs/cpp.md); None
    where nothing is told, or where rows in GM lie apart."""
    if "sizes" in run.declared.doubt:
        return None
    room = [_room(run, value) for value in values[:2]]
    if name == "copy_matrix_cc_to_gm":
        whole = len(values) > 5 and isinstance(values[3], Whole) and values[3] == values[5]
    else:
        gaps = [numbers[5], numbers[6]] if len(numbers) > 6 else [None, None]
        gm = [isinstance(value, Address) and value.space in ("GM", "") for value in values[:2]]
        whole = all(gap == 0 for gap, here in zip(gaps, reversed(gm), strict=True) if here)
    most = max((one for one in room if one is not None), default=0)
    if not whole or not most or any(one == 0 for one in room):
        return None
    if run.at is not None:
        said = "sizes", "a copy of unknown length stays within its buffer on the chip"
        run.declared.presumed.setdefault(said, run.at.span)
    return [(1, most if one is None else one, 1) for one in room]


def _room(run: Pass, value: Any) -> int | None:
    """The room of an on-chip operand; None in GM."""
    on_chip = isinstance(value, Address) and value.space not in ("GM", "")
    return (run.room(value.space, value.offset) or _until_next(run, value)) if on_chip else None


def _until_next(run: Pass, value: Address) -> int:
    """From a place to the next one of its memory that the text makes a pointer to or gives a tile; 0 if it makes none
    to this one, or where a tile lies around it."""
    named, space = run.declared.named, run.machine.spaces.get(value.space)
    if not isinstance(value.offset, Const) or space is None:
        return 0
    run.declared.crowded = True
    at = value.offset.value
    if named is None or (value.space, at) not in named or run.around(value.space, at) is not None:
        return 0
    return min((place for where, place in named if where == value.space and place > at), default=space.bytes) - at


def _all(*numbers: int | None) -> bool:
    return all(one is not None for one in numbers)


def _burst(unit: int, gap: int, first: int = 3) -> Callable[[list[int | None], list[Any]], Sizes | None]:
    """(dst, src, sid, bursts, length, …, source gap, destination gap): `gap` is where the gaps begin."""

    def sizes(numbers: list[int | None], values: list[Any]) -> Sizes | None:
        if len(numbers) < gap + 2 or not _all(numbers[first], numbers[first + 1]):
            return None
        count, length = numbers[first] or 0, (numbers[first + 1] or 0) * unit
        if count < 1 or length < 1:
            return None
        made: Sizes = []
        for place, other in ((gap + 1, values[0]), (gap, values[1])):
            between = numbers[place]
            if between is None and count > 1:
                return None
            scale = unit if unit > 1 or not (isinstance(other, Address) and other.space == "GM") else 1
            scale = BLOCK if unit == 1 and isinstance(other, Address) and other.space != "GM" else scale
            padded = -(-length // BLOCK) * BLOCK if isinstance(other, Address) and other.space != "GM" else length
            made.append((count, padded, padded + (between or 0) * scale))
        return made

    return sizes


def _nd2nz(numbers: list[int | None], values: list[Any]) -> Sizes | None:
    """(dst, src, sid, matrices, rows, columns, source matrix stride, source row stride, …): rows into fractals."""
    if len(numbers) < 8 or not _all(*numbers[3:6]):
        return None
    width = size_of(getattr(values[1], "to", None)) or 2
    matrices, rows, columns = (one or 1 for one in numbers[3:6])
    lines = -(-columns * width // BLOCK)
    apart = numbers[8] if len(numbers) > 8 and numbers[8] else rows
    source = (rows, columns * width, (numbers[7] or columns) * width)
    return [(matrices * lines, apart * BLOCK, apart * BLOCK), source]


def _fractals(numbers: list[int | None], values: list[Any]) -> Sizes | None:
    """load_cbuf_to_ca/cb(dst, src, first, repeats, source stride, destination gap, …) in fractals of 512 bytes."""
    if len(numbers) < 5 or not _all(numbers[3], numbers[4]):
        return None
    repeats, stride = numbers[3] or 1, numbers[4] or 0
    first = (numbers[2] or 0) * FRACTAL
    gap = (numbers[5] or 0) if len(numbers) > 5 else 0
    source = first + ((repeats - 1) * stride + 1) * FRACTAL
    return [(1, ((repeats - 1) * (gap + 1) + 1) * FRACTAL, 1), (1, source, 1)]


def _mad(numbers: list[int | None], values: list[Any]) -> Sizes | None:
    """mad(c, a, b, m, k, n, …)."""
    if len(numbers) < 6 or not _all(*numbers[3:6]):
        return None
    m, k, n = (-(-(one or 1) // 16) * 16 for one in numbers[3:6])
    a, b, c = (size_of(getattr(values[index], "to", None)) or 2 for index in (1, 2, 0))
    return [(1, m * n * c, 1), (1, m * k * a, 1), (1, k * n * b, 1)]


def _from_acc(numbers: list[int | None], values: list[Any]) -> Sizes | None:
    """copy_matrix_cc_to_gm(dst, src, sid, n, m, destination stride, source stride, …)."""
    if len(numbers) < 7 or not _all(*numbers[3:7]):
        return None
    n, m, far, rows = (one or 1 for one in numbers[3:7])
    width = size_of(getattr(values[0], "to", None)) or 4
    return [(m, n * width, far * width), (1, -(-n // 16) * max(rows, m) * 16 * 4, 1)]


def _vector(inputs: int, scalars: int) -> Callable[[list[int | None], list[Any]], Sizes | None]:
    """(dst, sources…, scalars…, repeats, block strides of each, repeat strides of each)."""

    def sizes(numbers: list[int | None], values: list[Any]) -> Sizes | None:
        at, operands = 1 + inputs + scalars, 1 + inputs
        if len(numbers) <= at or numbers[at] is None:
            return None
        repeats = numbers[at] or 0
        if repeats < 1:
            return None
        made: Sizes = []
        for one in range(operands):
            place = at + 1 + operands + one
            stride = numbers[place] if place < len(numbers) else 8
            if stride is None:
                return None
            made.append((1, (repeats - 1) * stride * BLOCK + REPEAT, 1))
        return made

    return sizes


def _reduced(numbers: list[int | None], values: list[Any]) -> Sizes | None:
    """vcadd(dst, src, repeats, destination stride, …): a few elements for each repeat."""
    if len(numbers) < 3 or numbers[2] is None:
        return None
    repeats = max(numbers[2], 1)
    width = size_of(getattr(values[0], "to", None)) or 4
    step = (numbers[3] or 1) if len(numbers) > 3 else 1
    return [(1, max(repeats * step * width, width), 1), (1, repeats * REPEAT, 1)]


def _spread(numbers: list[int | None], values: list[Any]) -> Sizes | None:
    """vbrcb(dst, src, block stride, repeat stride, repeats): eight blocks from eight elements, each time."""
    if len(numbers) < 5 or not _all(numbers[3], numbers[4]):
        return None
    repeats, stride = numbers[4] or 1, numbers[3] or 8
    width = size_of(getattr(values[1], "to", None)) or 4
    return [(1, (repeats - 1) * stride * BLOCK + REPEAT, 1), (1, repeats * 8 * width, 1)]


def _dup(numbers: list[int | None], values: list[Any]) -> Sizes | None:
    """vector_dup(dst, value, repeats, block stride, _, repeat stride, _)."""
    if len(numbers) < 3 or numbers[2] is None:
        return None
    stride = (numbers[5] if len(numbers) > 5 else 8) or 8
    return [(1, (max(numbers[2], 1) - 1) * stride * BLOCK + REPEAT, 1)]


def _fill(numbers: list[int | None], values: list[Any]) -> Sizes | None:
    """create_cbuf_matrix(dst, times | blocks << 16 | gap << 32, value)."""
    if len(numbers) < 2 or not numbers[1]:
        return None
    times, blocks, gap = (numbers[1] >> shift & 0x7FFF for shift in (0, 16, 32))
    return [(times, blocks * BLOCK, (blocks + gap) * BLOCK)] if times and blocks else None


Rule = Callable[["list[int | None]", "list[Any]"], "Sizes | None"]

_RULES: tuple[tuple[re.Pattern[str], Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (
            r"copy_(gm_to_ubuf|ubuf_to_gm|gm_to_cbuf|cbuf_to_gm|cbuf_to_ubuf|ubuf_to_ubuf|ubuf_to_cbuf)",
            _burst(BLOCK, 5),
        ),
        (r"copy_(gm_to_ubuf|ubuf_to_gm)_align_b\d+", _burst(1, 7)),
        (r"copy_gm_to_cbuf_multi_nd2nz_b\d+\w*", _nd2nz),
        (r"load_(cbuf_to_ca|cbuf_to_cb|gm_to_cbuf|gm_to_ca|gm_to_cb)\w*", _fractals),
        (r"mad\w*", _mad),
        (r"copy_matrix_cc_to_gm", _from_acc),
        (r"v(add|sub|mul|div|max|min|and|or|mla|madd|maddrelu|addrelu|subrelu)", _vector(2, 0)),
        (r"v(adds|muls|maxs|mins|shl|shr|axpy|lrelu)", _vector(1, 1)),
        (r"v(exp|ln|abs|rec|rsqrt|sqrt|not|relu|conv_\w+)", _vector(1, 0)),
        (r"v(cadd|cmax|cmin|cgadd|cgmax|cgmin|cpadd)", _reduced),
        (r"create_cbuf_matrix\w*", _fill),
        (r"vbrcb", _spread),
        (r"vector_dup", _dup),
    )
)
