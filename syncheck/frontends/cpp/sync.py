"""Synchronisation in C++: flags, barriers, cross-core signals, Events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncheck.frontends.cpp.emission import instruction
from syncheck.frontends.cpp.kinds import INT
from syncheck.frontends.cpp.library_types import pipe_of
from syncheck.frontends.cpp.operators import whole
from syncheck.frontends.cpp.state import Pass, Unreadable, short
from syncheck.frontends.cpp.syntax import Node
from syncheck.frontends.cpp.terms import linear, total
from syncheck.frontends.cpp.values import Address, Cell, Choice, Enum, Event, Items, Lost, Made, Whole
from syncheck.ir import Barrier, Const, CrossSet, CrossWait, Expr, If, SetFlag, Statement, WaitFlag
from syncheck.source import Span

RECORD = Made("RecordEvent")
"""What an instruction returns: assigned to an Event, it records it."""

_NUMBERS = {0: "S", 1: "V", 2: "M", 3: "MTE1", 4: "MTE2", 5: "MTE3", 6: "ALL", 10: "FIX"}
"""pipe_t by its number (hardware.md §1.2: mss arch_def.h:735-749)."""
PIPES = ("S", "V", "M", "MTE1", "MTE2", "MTE3", "ALL", "FIX")


def pipe(node: Node, value: Any) -> str:
    """The pipe that an argument names."""
    if isinstance(value, Enum):
        name = value.name.removeprefix("PIPE_")
        if name in PIPES:
            return name
    if isinstance(value, Made) and isinstance(value.what, str) and value.what.removeprefix("PIPE_") in PIPES:
        return value.what.removeprefix("PIPE_")
    if isinstance(value, Whole) and value.number in _NUMBERS:
        return _NUMBERS[value.number or 0]
    raise Unreadable(node, f"which pipe '{short(node)}' names is not known", "PIPE_MTE2, PIPE_V, …")


def event(run: Pass, node: Node, value: Any) -> Expr:
    if isinstance(value, Whole):
        if run.terms.is_open(value.expr):
            raise Unreadable(node, f"the event id of '{short(node)}' depends on a value that is not known")
        return value.expr
    raise Unreadable(node, f"the event id of '{short(node)}' is not known", "EVENT_ID0 … EVENT_ID7")


def _flag(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    arguments = [*explicit, *values]
    if len(arguments) < 3:
        raise Unreadable(node, f"{name} takes two pipes and an event id")
    src, dst = pipe(node, arguments[0]), pipe(node, arguments[1])
    made = SetFlag if name.startswith("set") else WaitFlag
    run.emit(made(src, dst, event(run, node, arguments[2]), node.span))
    run.declared.count("synchronisation", name)
    return None


def _barrier(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    arguments = [*explicit, *values]
    if not arguments:
        raise Unreadable(node, "pipe_barrier takes a pipe")
    run.emit(Barrier(pipe(node, arguments[0]), node.span))
    run.declared.count("synchronisation", "pipe_barrier")
    return None


def _set_wait(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """PtoSetWaitFlag<SRC, DST>(set_id, wait_id)."""
    if len(explicit) < 2:
        raise Unreadable(node, f"{name} takes two pipes as template arguments")
    src, dst = pipe(node, explicit[0]), pipe(node, explicit[1])
    first = event(run, node, values[0]) if values else Const(0)
    second = event(run, node, values[1]) if len(values) > 1 else Const(0)
    run.emit(SetFlag(src, dst, first, node.span))
    run.emit(WaitFlag(src, dst, second, node.span))
    run.declared.count("synchronisation", name)
    return None


# ---------------------------------------------------------------- between cores


def config_of(run: Pass, node: Node, value: Any) -> tuple[Expr, Expr]:
    """(mode, flag) of a configuration word: 1 | mode << 4 | flag << 8."""
    if not isinstance(value, Whole):
        raise Unreadable(node, "the configuration of this signal is not known", "1 | mode << 4 | flag << 8")
    constant, terms = linear(value.expr)
    if any(step % 256 for step in terms.values()) or run.terms.is_open(value.expr):
        raise Unreadable(node, "the configuration of this signal is not known", "1 | mode << 4 | flag << 8")
    flag = total(constant >> 8 & 15 if not terms else constant >> 8, [(t, c // 256) for t, c in terms.items()])
    return Const(constant >> 4 & 3), flag


def _signal(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    if len(values) < 2:
        raise Unreadable(node, f"{name} takes a pipe and a configuration")
    mode, flag = config_of(run, node, values[1])
    run.emit(CrossSet(pipe(node, values[0]), mode, flag, node.span))
    run.declared.count("synchronisation", name)
    return None


def _base(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """set_ffts_base_addr(pointer): where the registers of the signals between cores lie (asc-devkit
    docs/api/context/c_api/sys_var/asc_set_ffts_base_addr.md)."""
    run.signals |= {value.base for value in values if isinstance(value, Address) and value.base}
    return None


def _message(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """getFFTSMsg(mode, flag)."""
    mode, flag = (value.expr if isinstance(value, Whole) else Const(0) for value in values[:2])
    terms = run.terms
    shifted = terms.binary("+", terms.product(mode, Const(16)), terms.product(flag, Const(256)))
    return whole(terms.binary("+", shifted, Const(1)), INT)


def _wait(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    arguments = [*explicit, *values]
    on = pipe(node, arguments[0]) if len(arguments) > 1 else "S"
    run.emit(CrossWait(on, event(run, node, arguments[-1]), node.span, name == "wait_intra_block"))
    run.declared.count("synchronisation", name)
    return None


def _intra(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    arguments = [*explicit, *values]
    run.emit(CrossSet(pipe(node, arguments[0]), Const(4), event(run, node, arguments[-1]), node.span))
    run.declared.count("synchronisation", name)
    return None


AIC_FLAG, AIV_FLAG, BACK_FLAG, AIV_ONLY_FLAG = 11, 12, 13, 14
"""The flags by which all cores meet (pto-isa common/type.hpp:277-281)."""


def _all_cores(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """SYNCALL<cores>(), SYNCALL<how, cores>(workspace, …): every core of the launch waits for every other.

    By flags: pto-isa npu/a2a3/SyncAll.hpp:21-46, npu/a5/SyncAll.hpp:36-66. By software (a counter in GM) it orders the
    same, and also reads and writes the counter (common/syncall_soft.hpp:103-170).
    """
    said = [one.name for one in explicit if isinstance(one, Enum)]
    if len(said) < len(explicit):
        raise Unreadable(node, "which cores meet here is not known", "SYNCALL<SyncCoreType::Mix>()")
    cores = next((one for one in said if one in ("AIVOnly", "AICOnly", "Mix")), "AIVOnly")
    soft = "Soft" in said
    run.emit(Barrier("ALL", node.span))
    if soft and not (cores == "AIVOnly" and run.core == "AIC") and not (cores == "AICOnly" and run.core == "AIV"):
        if not values:
            raise Unreadable(node, "the counter by which the cores meet is not known", "a tensor in GM")
        instruction(run, node, name, "S", values[:1], values[:1], atomic=True)
    for one in _meeting(run, cores, node.span):
        run.emit(one)
    if soft:
        run.emit(Barrier("ALL", node.span))
    run.declared.count("synchronisation", name)
    return None


def _meeting(run: Pass, cores: str, span: Span) -> list[Statement]:
    """The signals of one core."""
    held = run.machine.cross_wait == "S"
    here = run.core == "AIC"

    def signal(pipe: str, mode: int, flag: int) -> list[Statement]:
        if mode == 2 and not held:  # each vector core has a flag of its own
            return [CrossSet(pipe, Const(4), Const(one), span) for one in ((flag, flag + 16) if here else (flag,))]
        return [CrossSet(pipe, Const(mode), Const(flag), span)]

    def wait(flag: int, *, partner: bool) -> list[Statement]:
        if partner and not held:
            return [CrossWait("S", Const(one), span, True) for one in ((flag, flag + 16) if here else (flag,))]
        return [CrossWait("S", Const(flag), span, False)]

    if cores == "AIVOnly":
        return [] if here else [*signal("MTE3", 0, AIV_ONLY_FLAG), *wait(AIV_ONLY_FLAG, partner=False)]
    if cores == "AICOnly":
        return [*signal("FIX", 0, AIC_FLAG), *wait(AIC_FLAG, partner=False)] if here else []
    if not here:
        return [*signal("MTE3", 2, AIV_FLAG), *wait(BACK_FLAG, partner=True)]
    return [
        *wait(AIV_FLAG, partner=True), *signal("FIX", 0, AIC_FLAG), *wait(AIC_FLAG, partner=False),
        *signal("MTE3" if held else "S", 2, BACK_FLAG),
    ]  # fmt: skip


# ---------------------------------------------------------------- events


def token(run: Pass, held: Event) -> Expr:
    """The id of an Event: the next of its pair of pipes when it is made (pto-isa common/event.hpp)."""
    if held.id.value is None:
        key = ("events", held.type.src, held.type.dst)
        counter = run.statics.get(key)
        if counter is None:
            counter = run.statics[key] = Cell(Whole(Const(0)), INT, f"{held.type.src}_{held.type.dst}_events".lower())
        number = counter.value.expr
        run.trail.put(held.id, Whole(run.terms.binary("%", number, Const(8))))
        run.trail.put(counter, Whole(run.terms.binary("+", number, Const(1))))
    found: Expr = held.id.value.expr
    return found


def record_event(run: Pass, node: Node, held: Event) -> None:
    src, dst = held.type.src, held.type.dst
    if src != dst:
        run.emit(SetFlag(src, dst, token(run, held), node.span))
    run.declared.count("synchronisation", "Event")


def wait_event(run: Pass, node: Node, held: Event) -> None:
    src, dst = held.type.src, held.type.dst
    run.emit(Barrier(src, node.span) if src == dst else WaitFlag(src, dst, token(run, held), node.span))


def each_event(run: Pass, node: Node, held: Any, act: Callable[[Pass, Node, Event], None]) -> bool:
    """Do something with an Event, or with the one of several that a condition chooses; False if this is none."""
    held = held.value if isinstance(held, Cell) else held
    if isinstance(held, Event):
        act(run, node, held)
        return True
    if not isinstance(held, Choice) or not _take(run, held):
        return False
    sides: list[tuple[Statement, ...]] = []
    for one in (held.then, held.otherwise):
        with run.aside() as made:
            each_event(run, node, one, act)
        sides.append(tuple(made))
    run.emit(If(held.condition, sides[0], sides[1], node.span))
    return True


def _take(run: Pass, held: Any) -> bool:
    """Give the events of a choice their ids, in their order; False if there is anything else among them."""
    held = held.value if isinstance(held, Cell) else held
    if isinstance(held, Choice):
        return _take(run, held.then) and _take(run, held.otherwise)
    if isinstance(held, Event) and held.type.src != held.type.dst:
        token(run, held)
    return isinstance(held, Event)


def _sync(run: Pass, node: Node, name: str, explicit: list[Any], values: list[Any]) -> Any:
    """TSYNC<Op::X>() and TSYNC(events…)."""
    for one in explicit:
        if isinstance(one, Enum):
            run.emit(Barrier(pipe_of(one.name), node.span))
    for value in values:
        for held in [cell.value for cell in value.cells] if isinstance(value, Items) else [value]:
            if not each_event(run, node, held, wait_event) and isinstance(held, Choice | Lost):
                raise Unreadable(node, "which event this waits for is not known")
    run.declared.count("synchronisation", name)
    return None


Handler = Callable[[Pass, Node, str, list[Any], list[Any]], Any]

CALLS: dict[str, Handler] = {
    "set_flag": _flag, "wait_flag": _flag, "pipe_barrier": _barrier, "PtoSetWaitFlag": _set_wait,
    "ffts_cross_core_sync": _signal, "getFFTSMsg": _message, "wait_flag_dev": _wait, "wait_intra_block": _wait,
    "set_intra_block": _intra, "TSYNC": _sync, "SYNCALL": _all_cores,
    "set_ffts_base_addr": _base, "SetFftsBaseAddr": _base,
}  # fmt: skip
