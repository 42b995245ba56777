"""Calls of the library and of intrinsics: synchronisation, tiles, FIFOs, and what touches nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from syncheck.frontends.cpp import cce, fifo, members, sync, tiles
from syncheck.frontends.cpp.emission import tile_op
from syncheck.frontends.cpp.kinds import BOOL, INT, LONG, Number
from syncheck.frontends.cpp.naming import GRID
from syncheck.frontends.cpp.objects import copied
from syncheck.frontends.cpp.operators import binary, real, truth
from syncheck.frontends.cpp.scopes import Meant, Overloads, Scope
from syncheck.frontends.cpp.state import Pass, Unreadable
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import NOWHERE
from syncheck.frontends.cpp.values import (
    Address,
    Cell,
    Choice,
    Closure,
    Enum,
    Event,
    Items,
    Lost,
    Made,
    Object,
    Pipe,
    Real,
    Tensor,
    Tile,
    Whole,
)
from syncheck.ir import Const, Function, Name, TileOp
from syncheck.machine_types import FENCES

HARMLESS = re.compile(
    r"set_mask_norm|set_mask_count|set_vector_mask|set_atomic_\w+|set_nd_para|set_padding|set_fmatrix\w*|set_ctrl|get_ctrl"
    r"|set_quant_\w+|set_deqscale|set_l1_3d_rpt|set_repeat|set_l0_set_value_\w+|set_cmpmask|get_cmpmask"
    r"|set_mte2_nz_para|set_channel_para|set_loop\w*|set_fpc|set_rpn_\w+|get_imm|printf|cce|PRINTF|assert|static_assert|TPRINT"
    r"|DumpTensor|get_sys_cnt|get_core_id|get_coreid|get_arch_ver|trap|__builtin_\w+|set_pad_val_\w+|set_st_atomic_cfg|prefetch"
    r"|get_sprs?\w*|get_data_main_base|get_data_ub_base|get_para_base|get_st_atomic_cfg|set_data_exp_\w+|likely|unlikely|dc_preload"
    r"|memory_order_\w+|__sync_\w+|set_mov_pad_val|TSETHF32MODE|TSETTF32MODE|TSETFMATRIX|TGETSCALEADDR|sfence"
    r"|SetAtomic\w*|SetMaskNorm\w*|SetVectorMask\w*|ResetMask|SetPadding|SetNdParaImpl|NotifyEvent|icache_preload|preload|swap"
    r"|get_status|get_overflow_status|set_overflow\w*|get_ar|get_max_min_cnt|get_vms4_sr|bar_scalar|PTO_ASSERT|PTO_CPU_ASSERT"
)  # fmt: skip
"""Calls that touch no pipe's queue, no flag and no tile: they set registers (in order), print or read counters."""
_WRITING = re.compile(r"__builtin_mem|__sync_\w+_and_|__sync_(bool|val)_|swap")
"""Of those, the ones that may write what a pointer points to."""

_LANE = ("get_subblockid", "get_sub_block_id", "GetSubBlockIdx", "get_subblock_id", "GetSubBlockId")
_LANES = ("get_subblockdim", "GetSubBlockNum", "get_subblock_num", "GetTaskRation", "GetTaskRatio", "get_subblocknum")


def overrides(name: str) -> bool:
    """Whether a call means the library's even where the text defines one of that name."""
    return name in GRID or name in _LANE or name in _LANES or name in sync.CALLS


def known(name: str) -> bool:
    return name in _HANDLERS


def call(run: Pass, node: Node, name: str, explicit: list[Any], nodes: list[Node], scope: Scope) -> Any:
    """A call of something that the text does not define."""
    if name in GRID:
        return run.grid(*GRID[name])
    if name in _LANE:
        if run.core == "AIC":
            return Whole(Const(0), LONG)
        run.lanes = True
        run.terms.over["lane"] = frozenset({"lane"})
        run.terms.lows["lane"] = 0
        return Whole(Name("lane", NOWHERE), LONG)
    if name in _LANES:
        return Whole(Const(2), LONG)
    if name == "swap" and len(nodes) == 2:
        return _swap(run, node, nodes, scope)
    values = [run.value(one, scope) for one in nodes]
    handler = _HANDLERS.get(name)
    if handler is not None:
        return handler(run, node, name, explicit, values)
    if HARMLESS.fullmatch(name):
        if _WRITING.match(name) and any(isinstance(value, Cell) or _matters(value) for value in values):
            return _unknown(run, node, name, values)
        return Whole(run.unique(name), LONG) if name.startswith("get_") else Lost(name, INT)
    if name.endswith("_IMPL"):
        name = name.removesuffix("_IMPL")
        handler = _HANDLERS.get(name)
        if handler is not None:
            return handler(run, node, name, explicit, values)
    if run.machine.variants(name):
        return instruction(run, node, name, explicit, values)
    return _unknown(run, node, name, values)


def instruction(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """An instruction of the machine's table: events it waits for first, then itself."""
    name = _variant(run, name, explicit, values)
    kinds = {variant.kind for variant in run.machine.variants(name)}
    if kinds == {"none"}:
        return Lost(name)
    if kinds == {"absent"}:
        raise Unreadable(node, f"{run.machine.name} has no {name}")
    values = [value for value in values if not sync.each_event(run, node, value, sync.wait_event)]
    if _register_only(run, name):
        run.declared.count("instructions", name)
        return sync.RECORD
    if name == "dsb" and (fence := _fence(values)):
        run.emit(TileOp(name, (Name(fence, NOWHERE),), node.span))
        run.declared.count("instructions", name)
        return sync.RECORD
    if cce.raw(run, node, name, values):
        return sync.RECORD
    try:
        tile_op(run, node, name, values)
    except Unreadable as gap:  # the events that wait for it and that it records stay
        run.problem(gap.node, gap.message, gap.expected)
    return sync.RECORD


def _fence(values: list[Any]) -> str:
    """Which memory a dsb waits for: a name of mem_dsb_t, or its number there; "" if it is not known."""
    match values:
        case [Enum(name)] if name in FENCES:
            return name
        case [Whole(Const(number))] if 0 <= number < len(FENCES):
            return tuple(FENCES)[number]
    return ""


def _register_only(run: Pass, name: str) -> bool:
    """Whether an instruction of the scalar unit sets a register and touches no memory (SETFMATRIX)."""
    steps = [step for variant in run.machine.variants(name) for step in variant.steps]
    return bool(steps) and name != "dsb" and all(
        step.pipe == "S" and not (step.reads or step.writes or step.barrier or step.to) for step in steps
    )  # fmt: skip


def _variant(run: Pass, name: str, explicit: list[Any], values: list[Any]) -> str:
    """The name in the table of what a template argument (MGATHER<Coalesce::Elem> is MGATHER_ELEM) or a group of ranks
    (comm::TGATHER is COMM_TGATHER) makes of an instruction."""
    names = [f"{name}_{one.name.upper()}" for one in explicit if isinstance(one, Enum)]
    if any(isinstance(value, Tensor) and value.type.group for value in values):
        names.insert(0, f"COMM_{name}")
    return next((one for one in names if run.machine.variants(one)), name)


def _unknown(run: Pass, node: Node, name: str, values: list[Any]) -> Any:
    """A function without a text: it matters if it is given memory or something to wait with."""
    touched = next((value for value in values if _matters(value)), None)
    if touched is None and not run.host and node is run.bare:
        hint = "a header with it (--include)"
        raise Unreadable(node, f"{name} is not known: it may wait, signal or touch memory", hint)
    if touched is None and not run.host:
        for cell in (value for value in values if isinstance(value, Cell)):  # it is given its address
            if not isinstance(cell.value, Whole | Real):
                raise Unreadable(node, f"{name} is not known, and it is given an address: what it does is not checked")
            run.trail.put(cell, Lost(f"{name} may have set it", cell.type))
    if touched is None or run.host:
        over = [value.expr for value in values if isinstance(value, Whole)]
        if not run.host:
            if "calls" in run.declared.doubt:
                raise Unreadable(node, f"{name} is not known: it may wait, signal or touch memory")
            run.declared.plain.setdefault(name, node.span)
        if all(isinstance(value, Whole) for value in values):
            return Whole(run.terms.opaque(name, *over), LONG)
        return Lost(f"{name} is not known", LONG)
    what = {Tile: "a tile", Tensor: "a tensor", Pipe: "a FIFO", Event: "an event", Address: "a pointer"}
    kind = what.get(type(touched), "an object")
    near = run.machine.nearest_op(name)
    hint = f"a header with it (--include), or {near}" if near else "a header with it (--include)"
    raise Unreadable(node, f"{name} is not known, and it is given {kind}: what it does is not checked", hint)


def _matters(value: Any) -> bool:
    if isinstance(value, Cell):
        value = value.value
    if isinstance(value, Choice):
        return _matters(value.then) or _matters(value.otherwise)
    if isinstance(value, Items):
        return any(_matters(cell) for cell in value.cells)
    if isinstance(value, Object):
        return any(_matters(cell) for cell in value.fields.values())
    if isinstance(value, Made):
        return isinstance(value.what, Overloads)
    return isinstance(value, Tile | Tensor | Pipe | Event | Address | Closure)


def _swap(run: Pass, node: Node, nodes: list[Node], scope: Scope) -> Any:
    """swap(a, b)."""
    one, other = (run.hooks.target(run, each, scope) for each in nodes)
    if not isinstance(one, Cell) or not isinstance(other, Cell):
        raise Unreadable(node, "what is swapped here is not known")
    first, second = copied(run, one.value), copied(run, other.value)
    members.assign(run, node, one, second)
    members.assign(run, node, other, first)
    return None


# ---------------------------------------------------------------- arithmetic


def _extreme(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """min and max."""
    if len(values) == 1 and isinstance(values[0], Items):
        values = [cell.value for cell in values[0].cells]
    if len(values) < 2:
        return Lost(name)
    result = values[0]
    for value in values[1:]:
        result = _two(run, node, name.lower(), result, value)
    return result


def _two(run: Pass, node: Node, name: str, a: Any, b: Any) -> Any:
    if not isinstance(a, Whole) or not isinstance(b, Whole):
        of = a if isinstance(a, Real) else b
        return real(run, of.type, name, a, b) if isinstance(of, Real) else Lost(name, LONG)
    test = run.terms.binary("<" if name == "min" else ">", a.expr, b.expr)
    if isinstance(test, Const):
        return a if test.value else b
    lows = [run.terms.least(a.expr), run.terms.least(b.expr)]
    told = [one for one in lows if one is not None]
    if run.terms.is_open(a.expr) or run.terms.is_open(b.expr):
        low = (min(told) if len(told) == 2 else None) if name == "min" else (max(told) if told else None)
        return Whole(run.terms.opaque(name, a.expr, b.expr, low=low), a.type)
    return Whole(Function(name, (a.expr, b.expr), node.span), a.type)


def _ceil(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    if len(values) != 2:
        return Lost(name, LONG)
    a, b = values
    return binary(run, "/", binary(run, "-", binary(run, "+", a, b), Whole(Const(1), INT)), b)


def _align(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """CeilAlign(x, to): the next multiple."""
    rounded = _ceil(run, node, name, explicit, values)
    return binary(run, "*", rounded, values[1]) if len(values) == 2 else rounded


def _cache(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """dcci(pointer, how): cleans and invalidates a line, or (of no pointer) the whole cache."""
    run.trail.clock += 1
    line = values[0] if values and isinstance(values[0], Address) else None
    whole = any(isinstance(value, Enum) and "ENTIRE" in value.name for value in values)
    base = line.base if line is not None and not whole else ""
    run.declared.cleaned.append((base, run.trail.clock))
    run.declared.cleaned_in.update((base, loop.var) for loop in run.loops)
    run.dropped.add(base)
    if values and isinstance(values[0], Address) and values[0].base and values[0].space in ("GM", ""):
        return instruction(run, node, name, explicit, values[:1])
    return None


def _device_store(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """st_dev(value, pointer, offset); by the pointer to the registers of signals it sends one, ahead of all pipes."""
    if len(values) > 1 and isinstance(values[1], Address) and values[1].base in run.signals:
        raise Unreadable(node, "st_dev sends a signal here that waits for no pipe", "ffts_cross_core_sync")
    return instruction(run, node, name, explicit, values)


def _abs(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    value = values[0] if values else None
    if not isinstance(value, Whole):
        return value
    least = run.terms.least(value.expr)
    if least is not None and least >= 0:
        return value
    return Whole(run.terms.opaque("abs", value.expr, low=0), value.type)


def _passed(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    return values[0] if values else Lost(name)


def _truth(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    return Whole(truth(run, values[0]), BOOL) if values else Lost(name)


def _real(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """A number taken for another type, bit by bit."""
    wanted = explicit[0].type if explicit and isinstance(explicit[0], Meant) else None
    return (
        Real(wanted) if isinstance(wanted, Number) and wanted.floating else _passed(run, node, name, explicit, values)
    )


Handler = Callable[[Pass, Node, str, list[Any], list[Any]], Any]

_HANDLERS: dict[str, Handler] = {
    **sync.CALLS, **tiles.CALLS, **fifo.CALLS,
    "dcci": _cache, "st_dev": _device_store, "CeilAlign": _align, "RoundUp": _align,
    "min": _extreme, "max": _extreme, "Min": _extreme, "Max": _extreme, "CeilDiv": _ceil, "CEIL_DIV": _ceil,
    "CeilDivision": _ceil, "ceil_div": _ceil, "abs": _abs, "move": _passed, "forward": _passed,
    "__builtin_expect": _passed, "__cce_get_tile_ptr": _passed, "from_u64": _real, "as_const": _passed,
    "sqrt": lambda *_: Real(), "exp": lambda *_: Real(), "fmax": lambda *_: Real(), "declval": lambda *_: Made(None),
}  # fmt: skip
