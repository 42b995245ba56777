"""The machine's table held against what the simulator does: the bytes that each step reads and writes, found by trying.

A byte counts as written if some contents of memory make the step change it, and as read if changing it makes the step
leave something else. Nothing of the table goes into that; it is compared with the actions that the lowering makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from syncheck.action import ACCESS
from syncheck.execution import CoreRun
from syncheck.frontends.script import parse
from syncheck.lowering import DataCall
from syncheck.machine import Machine, load
from syncheck.machine_types import Variant
from syncheck.memory_map import Handle
from syncheck.simulator.binding import Binder, Effect
from syncheck.simulator.data import prepare
from syncheck.simulator.memory import Memories
from syncheck.simulator.numeric import BF16
from syncheck.simulator.tiles import TABLE, describes, known
from syncheck.symbolic import Store

BLOCK = 32
"""Bytes that are changed together; operands are made of whole blocks, or are smaller than one."""
CUBE = ("L1", "L0A", "L0B", "L0C", "BT", "FB")
STRIDE = {"UB": 0x4000, "L1": 0x8000, "L0A": 0x4000, "L0B": 0x4000, "L0C": 0x8000, "BT": 0x400, "FB": 0x400}
Shape = tuple[int, int]
PLAIN: Shape = (8, 16)

INTEGER = ("TAND", "TOR", "TNOT", "TSHL", "TSHR", "TXOR", "TANDS", "TORS", "TSHLS", "TSHRS", "TXORS")

PARTLY = {
    "TCVT": "with a temporary, what goes through it is not modelled",
    "TEXTRACT": "the declared source is the tile, the instruction takes a rectangle of it",
    "TINSERT": "the declared destination is the tile, the instruction fills a rectangle of it",
    "TFILLPAD_INPLACE": "only what is beyond the valid part is written, and nothing is read: the rest stays as it is",
    "TFILLPAD_EXPAND": "what is beyond the valid part of the source is not read",
    "TFILLPAD": "what is beyond the valid part of the source is not read",
    "TCI": "with a temporary, only its first block stands for all of it",
    "TROWARGMAX": "the temporary is used as far as there are rows",
    "TROWARGMIN": "the temporary is used as far as there are rows",
    "TCOLARGMAX": "the temporary is used as far as there are columns",
    "TCOLARGMIN": "the temporary is used as far as there are columns",
    "TSETVAL": "one element of the tile",
    "TGETVAL": "the value goes to the scalar unit, where the simulator does not follow it",
    "TPRINT": "what is read goes to nobody",
    "TROWSUM": "the temporary holds 256 bytes for each row",
    "TROWMAX": "the temporary holds 256 bytes for each row",
    "TROWMIN": "the temporary holds 256 bytes for each row",
    "TROWPROD": "the temporary holds 256 bytes for each row",
    "TCOLSUM": "the temporary holds half of the rows",
}
"""Operations of which a step may touch less than all of an operand. More than is declared is never allowed."""


def shapes(op: str, count: int, wide: bool, block: bool) -> list[Shape]:
    """The shape of each operand, as far as the operation asks for one."""
    rows, columns = (8, 128) if wide else PLAIN
    if op.startswith("TROWARG"):
        return [(8, 1)] * (count - 2) + [(rows, columns), (8, 8)]
    if op in ("TROWSUM", "TROWMAX", "TROWMIN", "TROWPROD"):
        return [(8, 1), (rows, columns), (rows, columns)]
    if op == "TROWEXPAND":
        return [(rows, columns), (8, 1)]
    if op.startswith("TROWEXPAND"):
        return [(rows, columns), (rows, columns), (8, 8) if block else (8, 1), (8, 8)]
    if op == "TCOLEXPAND":
        return [(rows, columns), (1, columns)]
    if op.startswith("TCOLEXPAND"):
        return [(rows, columns), (rows, columns), (1, columns)]
    if op.startswith("TCOLARG"):
        return [(1, columns)] * (count - 2) + [(rows, columns), (1, columns)]
    if op.startswith("TCOL"):
        return [(1, columns), (rows, columns), (rows, columns)]
    if op == "TPAIRREDUCESUM":
        return [(rows, columns // 2), (rows, columns)]
    if op == "TTRANS":
        return [(columns, rows), (rows, columns), (columns, rows)]
    if op.startswith(("TMATMUL", "TGEMV")):
        factors: list[Shape] = [(16, 16), (16, 32), (1, 32)]
        return [(16, 32), *([(16, 32)] if op.endswith("_ACC") and count == 4 else []), *factors]
    if op == "TEXTRACT":
        return [(8, 8), (rows, columns)]
    if op == "TINSERT":
        return [(rows, columns), (8, 8)]
    return [(rows, columns)] * count


def spaces_of(variant: Variant, count: int) -> list[str]:
    """A space for each operand, "" for a number."""
    allowed = dict(variant.spaces)
    return [sorted(allowed[k])[0] if k in allowed else "" for k in range(count)]


def script(machine: Machine, variant: Variant, count: int, wide: bool) -> str:
    """A kernel of one instruction; another core writes its tensors, so that reading them counts."""
    spaces = spaces_of(variant, count)
    sizes = iter(shapes(variant.op, sum(map(bool, spaces)), wide, any(sign == "==" for _, sign, _ in variant.widths)))
    lines, names, used = [f"machine {machine.name};"], [], dict.fromkeys(STRIDE, 0)
    for k, space in enumerate(spaces):
        if not space:
            names.append(str(SCALARS.get((variant.op, k), 2)))
            continue
        rows, columns = next(sizes, PLAIN)
        dtype = dtype_of(variant.op, space)
        names.append(f"x{k}")
        if space == "GM":
            lines.append(f"gm x{k} : {dtype}[{rows}, {columns}];")
        else:
            lines.append(f"tile x{k} : {space} {dtype}[{rows}, {columns}] at {used[space]:#x};")
            used[space] += STRIDE[space]
    if variant.op.startswith("TFILLPAD") and len(names) > 1 and spaces[1] == "UB":
        names[1] = "x1[0:6, 0:12]"
    core = "AIC" if any(space in CUBE for space in spaces) else "AIV0"
    other = "instr touch on PIPE_MTE3 writes {};"
    touched = " ".join(other.format(f"x{k}") for k, space in enumerate(spaces) if space == "GM")
    lines.append(f"core {core} {{ {variant.op}({', '.join(names)}); }}")
    lines += [f"core {'AIV0' if core == 'AIC' else 'AIV1'} {{ {touched} }}"] if touched else []
    return "\n".join(lines)


def dtype_of(op: str, space: str) -> str:
    if op in INTEGER:
        return "int32"
    return "bf16" if space in ("L0A", "L0B") else "fp32"


SCALARS = {("TEXTRACT", 2): 0, ("TEXTRACT", 3): 8, ("TINSERT", 2): 0, ("TINSERT", 3): 8, ("TLOAD", 2): 0,
           ("TPREFETCH", 2): 0, ("TFILLPAD", 2): 3}  # fmt: skip


OWN_TEMPORARY = frozenset({"2", "3"})
"""Operands that the table calls read because the instruction reads there what it has written itself."""
Bytes = set[tuple[str, int]]
"""Blocks: (memory, number)."""


def blocks(handles: Iterable[Handle]) -> Bytes:
    return {(h.page.key, block) for h in handles for block in range(h.start // BLOCK, (h.stop - 1) // BLOCK + 1)}


class Trial:
    """One step, tried on many contents of memory."""

    def __init__(self, memories: Memories, effect: Effect, kind: type[Any], around: Bytes, sign: int) -> None:
        self.memories, self.effect, self.kind, self.around = memories, effect, kind, around
        self.sign = sign
        self.random = np.random.default_rng(7)
        self.written: Bytes = set()
        self.read: Bytes = set()
        for _ in range(2):
            self._fill()
            self._look()

    def _fill(self) -> None:
        for name, block in sorted(self.around):
            self._at(name, block)[:] = self._numbers(self.sign, name)

    def _at(self, name: str, block: int) -> Any:
        return self.memories[name].bytes[block * BLOCK : (block + 1) * BLOCK]

    def _numbers(self, factor: int, memory: str) -> Any:
        if memory.endswith(("L0A", "L0B")):
            return (self.random.uniform(0.5, 2.0, BLOCK // 2) * factor).astype(BF16).view(np.uint8)
        count = BLOCK // np.dtype(self.kind).itemsize
        if np.dtype(self.kind).kind == "f":
            return (self.random.uniform(0.5, 2.0, count) * factor).astype(self.kind).view(np.uint8)
        return (self.random.integers(1, 16, count) * factor).astype(self.kind).view(np.uint8)

    def _look(self) -> None:
        before = {name: self.memories[name].bytes.copy() for name in sorted(self.memories.names())}
        self.effect()
        for name, old in before.items():
            changed = np.flatnonzero(old != self.memories[name].bytes) // BLOCK
            self.written |= {(name, int(block)) for block in np.unique(changed)}
        where = {name: self._bytes(name) for name, _ in sorted(self.written)}
        after = {name: self.memories[name].bytes[places] for name, places in where.items()}
        for place in sorted(self.around - self.read):
            if any(self._matters(place, factor, before, after, where) for factor in (1, 4, -3)):
                self.read.add(place)
        self._restore(before, where)

    def _bytes(self, name: str) -> Any:
        """All bytes of the blocks of a memory that are written."""
        first = np.array(sorted(block for memory, block in self.written if memory == name)) * BLOCK
        return (first[:, None] + np.arange(BLOCK)).reshape(-1)

    def _restore(self, before: dict[str, Any], where: dict[str, Any]) -> None:
        for name, places in where.items():
            self.memories[name].bytes[places] = before[name][places]

    def _matters(
        self, place: tuple[str, int], factor: int, before: dict[str, Any], after: dict[str, Any], where: dict[str, Any]
    ) -> bool:
        """Whether other contents of one block show anywhere else, or in how the block itself comes out."""
        self._restore(before, where)
        memory, block = place
        changed = self._numbers(factor, memory)
        self._at(*place)[:] = changed
        self.effect()
        differs = False
        for name, places in where.items():
            found = self.memories[name].bytes[places]
            other = found != after[name]
            if name == memory:
                own = places // BLOCK == block
                other[own] &= found[own] != changed[places[own] - block * BLOCK]
            differs = differs or bool(other.any())
        self._at(*place)[:] = before[memory][block * BLOCK : (block + 1) * BLOCK]
        return differs


@cache
def model(name: str) -> Machine:
    return load(name)


def one_core(machine: Machine, variant: Variant) -> bool:
    """Whether one core reaches all operands: scripts cannot say what crosses from the cube to a lane on A5."""
    spaces = {space for space in spaces_of(variant, max((k for k, _ in variant.spaces), default=-1) + 1) if space}
    kinds = {machine.spaces[space].core for space in spaces if space != "GM"}
    return len(kinds) <= 1 and not {"L0A_SCALE", "L0B_SCALE"} & spaces


def rows() -> Iterator[Any]:
    """(machine, operation, which of its rows, number of operands, wide) for everything that the simulator computes."""
    for name in ("a2a3", "a5"):
        machine = model(name)
        for op in known(machine.ops()):
            for number, variant in enumerate(machine.variants(op)):
                if variant.kind not in ("instr", "vf") or not variant.steps or not one_core(machine, variant):
                    continue
                least = max((k for k, _ in variant.spaces), default=-1) + 1
                for count in variant.nargs or (max(least, NEEDED.get(op, 0)),):
                    for wide in (False, True) if op.startswith("TROW") and not variant.widths else (False,):
                        marks = pytest.mark.deep if name == "a5" else ()
                        yield pytest.param(name, op, number, count, wide, marks=marks)


NEEDED = {"TEXPANDS": 2, "TSETVAL": 3}


@pytest.mark.parametrize(("name", "op", "number", "count", "wide"), list(rows()))
def test_what_a_step_touches_is_what_the_table_says(name: str, op: str, number: int, count: int, wide: bool) -> None:
    machine = model(name)
    variant = machine.variants(op)[number]
    text = script(machine, variant, count, wide)
    kernel = prepare(parse(text, "table.sync"), machine)
    run = next(CoreRun(kernel.kernel, code) for code in kernel.kernel.cores if code.name in text.split("core ")[1])
    memories = kernel.memories()
    binder = Binder(kernel.kernel, memories, Store(kernel.kernel.domain))
    actions = [action for action in run.step(Store(kernel.kernel.domain)) or () if action.code == ACCESS]
    assert actions
    around = blocks(h for action in actions for h in (*action.reads, *action.writes))
    kind = np.int32 if op in INTEGER else np.float32
    for action in actions:
        with np.errstate(all="ignore"):
            effect = binder.bind(action, run)
            for place in around:
                assert memories[place[0]].bytes.nbytes
            trial = Trial(memories, effect, kind, around, sign=-1 if op == "TPRELU" else 1)
        said = f"{text}\n{kernel.kernel.sites[action.site].op}"
        if binder.uninterpreted:  # a form that nobody describes: it reads and writes what the table says
            assert not describes(op, spaces_of(variant, count), len(variant.steps[0].writes)), said
            continue
        reads, writes = blocks(action.reads), blocks(action.writes)
        assert trial.read <= reads, f"reads what is not declared: {sorted(trial.read - reads)[:4]}\n{said}"
        assert trial.written <= writes, f"writes what is not declared: {sorted(trial.written - writes)[:4]}\n{said}"
        if op not in PARTLY:
            call = kernel.kernel.calls[action.site]
            assert isinstance(call, DataCall)
            temporary = writes if OWN_TEMPORARY.intersection(call.effect.reads) else set()
            assert reads - trial.read <= temporary, f"does not read: {sorted(reads - trial.read)[:4]}\n{said}"
            assert trial.written == writes, f"does not write: {sorted(writes - trial.written)[:4]}\n{said}"


def test_what_is_supported() -> None:
    """Everything that the table says of tiles, but for sorting, gathering, quantising, comparing and communication."""
    machine = load("a2a3")
    tile_ops = [
        op for op in machine.ops() if op.startswith("T") and any(v.kind == "instr" for v in machine.variants(op))
    ]
    assert len(known(tile_ops)) >= 100
    assert {op.partition(".")[0] for op in TABLE} <= set(machine.ops())
