"""FIFOs as the machine lowers them (hardware.md §4.1, A2/A3), in the judge's own words.

A push waits for a credit, stores its tile into the next GM slot and records it; a pop waits, loads the slot into the
next local one and frees it. The two vector lanes move half a tile each and count together (mode 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from syncheck.simulator.entries import Entry, Range

TILE = 1024
"""Bytes of a whole tile; a lane's is half of it."""
POPPED = 0x1000
"""Where the consumer's ring starts in its local memory."""
SLOTS_AT = 1 << 24
"""Where the GM slots of the first FIFO start, for the judge: away from all other bytes of GM."""


@dataclass(frozen=True, slots=True)
class Fifo:
    """`down`: from the cube to the lanes. `slots` in GM, `local` ones of the consumer; `flag` and the next one."""

    name: str
    down: bool
    slots: int
    local: int
    flag: int
    back_pressure: bool = True
    record: bool = True

    @property
    def period(self) -> int:
        return self.slots if self.slots <= 2 else self.slots // 2

    def declared(self) -> list[str]:
        """The declarations of an event script."""
        name, local = self.name, "UB" if self.down else "L1"
        options = f"slots = {self.slots}; flag = {self.flag}; local = {local} at {POPPED:#x}; "
        options += f"local_slots = {self.local}; split = up_down;"
        options += "" if self.back_pressure else " back_pressure = off;"
        options += "" if self.record else " record = manual;"
        full, half = "fp32[16, 16]", "fp32[8, 16]"
        return [
            f"fifo {name} : {'C2V' if self.down else 'V2C'} {full} {{ {options} }}",
            f"tile {name}_in : {'L0C ' + full if self.down else 'UB ' + half} at 0x0;",
            f"tile {name}_out : {'UB ' + half if self.down else 'L1 ' + full} from {name};",
            f"tile {name}_to : {'UB ' + half if self.down else 'L0A ' + full} at 0x8000;",
        ]


@dataclass(frozen=True, slots=True)
class Move:
    """One call: push, pop, record, or use (the consumer reads the tile that it popped last)."""

    does: Literal["push", "pop", "record", "use"]
    fifo: Fifo
    line: int = 0

    def text(self) -> str:
        name = self.fifo.name
        return {
            "push": f"TPUSH({name}, {name}_in);",
            "pop": f"TPOP({name}, {name}_out);",
            "record": f"{name}.record();",
            "use": f"TADDS({name}_to, {name}_out, 1);" if self.fifo.down else f"TMOV({name}_to, {name}_out);",
        }[self.does]


def issued(move: Move, lane: int, counts: dict[str, Any]) -> Iterator[Entry]:
    """What a call issues on the cube (`lane` -1) or a lane; `counts` are the tiles pushed and popped so far there."""
    fifo, line = move.fifo, move.line
    size = TILE if lane < 0 else TILE // 2
    pushed, popped = counts.setdefault(fifo.name, [0, 0])

    def slot(tile: int) -> tuple[Range, ...]:
        start = SLOTS_AT + (fifo.flag << 16) + tile % fifo.slots * TILE + max(lane, 0) * size
        return (("GM", start, start + size),)

    def local(tile: int) -> tuple[Range, ...]:
        start = POPPED + tile % fifo.local * size
        return (("UB" if fifo.down else "L1", start, start + size),)

    if move.does == "push":
        if fifo.back_pressure and pushed >= fifo.slots and pushed % fifo.period == 0:
            yield Entry("hear", "S", line, number=fifo.flag + 1)
        pipe, space = ("FIX", "L0C") if fifo.down else ("MTE3", "UB")
        yield Entry("instr", pipe, line, ((space, 0, size),), slot(pushed))
        counts[fifo.name][0] += 1
    if move.does == "record" or (move.does == "push" and fifo.record):
        yield Entry("signal", "FIX" if fifo.down else "MTE3", line, number=fifo.flag)
    if move.does == "pop":
        yield Entry("hear", "S", line, number=fifo.flag)
        yield Entry("instr", "MTE2", line, slot(popped), local(popped))
        counts[fifo.name][1] += 1
        if fifo.back_pressure and (popped + 1) % fifo.period == 0:
            yield Entry("signal", "MTE2", line, number=fifo.flag + 1)
    if move.does == "use":
        space = "UB" if fifo.down else "L0A"
        target = ((space, 0x8000, 0x8000 + size),)
        yield Entry("instr", "V" if fifo.down else "MTE1", line, local(max(popped - 1, 0)), target)
