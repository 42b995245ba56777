"""What an instruction costs in cycles, from the machine's cost rows (`machine.costs`, each with its source).

The model is linear: an instruction ends startup + size / rate cycles after it starts, and its pipe can start the next
one after size / rate. So instructions of one pipe overlap by their start-up, unless a barrier or a flag lies between.
It ranks schedules; it does not claim microseconds.
"""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple

from syncheck.action import ACCESS, ALL, BARRIER, SIGNAL, Action, Site
from syncheck.execution import Kernel
from syncheck.lowering import DataCall
from syncheck.machine import CostRow, Machine
from syncheck.machine_types import DTYPE_BYTES
from syncheck.memory_map import Handle
from syncheck.places import FloatingPlace, TilePlace


class Unpriced(Exception):
    """The machine has no cost row for an instruction; the text says for which."""


class Cost(NamedTuple):
    """Cycles until the pipe can start the next instruction, and until this one is complete."""

    occupies: int
    latency: int


class Costs:
    """The cost of every action of one kernel. Raises Unpriced where the machine has no row for it."""

    def __init__(self, machine: Machine, kernel: Kernel) -> None:
        if not machine.costs:
            raise Unpriced(f"{machine.name} says nothing about costs; a machine file may, in [cost.…] tables")
        self._machine = machine
        self._kernel = kernel
        self._known: dict[int, tuple[Action, Cost]] = {}

    @property
    def issue(self) -> int:
        """Cycles of the scalar unit for each instruction that it hands to a pipe."""
        return self._row("issue").startup

    def of(self, action: Action) -> Cost:
        """Cycles of an instruction; of a flag, signal or barrier beside what it waits for."""
        known = self._known.get(id(action))
        if known is None:
            known = self._known[id(action)] = (action, self._cost(action))
        return known[1]

    def _cost(self, action: Action) -> Cost:
        if action.code != ACCESS:
            names = {BARRIER: "barrier", ALL: "barrier", SIGNAL: "signal"}
            row = self._row(names.get(action.code, "flag"))
            return Cost(0, row.startup)
        site = self._kernel.sites[action.site]
        row = self._instruction(site, action)
        if row.unit == "multiply-adds":
            size = self._multiply_adds(action)
        else:
            size = _largest(action) if site.pipe == "V" else _bytes(action)
        work = -(-size // row.rate) if row.rate else 0
        return Cost(work, row.startup + work)

    def _instruction(self, site: Site, action: Action) -> CostRow:
        """The first row that fits: see the head of the [cost] tables."""
        pipe, op = site.pipe, site.op
        names = [f"{pipe} {op}"]
        if "." in op:
            names.append(f"{pipe} *.{op.rpartition('.')[2]}")
        space = _on_chip(action)
        if any(handle.page.key.startswith("gm:fifo") for handle in (*action.reads, *action.writes)):
            names.append(f"{pipe} {space} slot")
        names += [f"{pipe} {space}", pipe]
        for name in names:
            row = self._machine.costs.get(name)
            if row is not None:
                return row
        if pipe == "S":
            return self._row("issue")
        raise Unpriced(f"{self._machine.name} has no cost for {op} on {pipe}: add a table [cost.{pipe}]")

    def _row(self, name: str) -> CostRow:
        row = self._machine.costs.get(name)
        if row is None:
            raise Unpriced(f"{self._machine.name} has no [cost.{name}]")
        return row

    def _multiply_adds(self, action: Action) -> int:
        """m·n·k from the operands' sizes: (m·k)·(k·n)·(m·n) is its square."""
        sizes = [_length(handle) for handle in (*action.reads, *action.writes) if handle.page.space in ("L0A", "L0B")]
        results = [_length(handle) for handle in action.writes]
        if len(sizes) < 2 or not results:
            return _bytes(action)
        operand, result = self._element_bytes(action)
        return isqrt((sizes[0] // operand) * (sizes[1] // operand) * (results[0] // result))

    def _element_bytes(self, action: Action) -> tuple[int, int]:
        """Bytes of an element of the operands and of the result."""
        call = self._kernel.calls.get(action.site)
        found = {"L0A": 2, "L0C": 4}
        if isinstance(call, DataCall):
            for place in call.places:
                if isinstance(place, TilePlace | FloatingPlace):
                    found[place.space] = DTYPE_BYTES[place.tile.dtype]
        return found["L0A"], found["L0C"]


def _length(handle: Handle) -> int:
    return handle.stop - handle.start


def _bytes(action: Action) -> int:
    """What an instruction moves: all it reads or all it writes (tensors that nothing writes are not listed)."""
    return max(sum(map(_length, action.reads)), sum(map(_length, action.writes)))


def _largest(action: Action) -> int:
    """The largest operand of a vector instruction: its operands are taken in side by side."""
    return max((_length(handle) for handle in (*action.reads, *action.writes)), default=0)


def _on_chip(action: Action) -> str:
    """The on-chip memory a transfer is about: the one it writes, else the one it reads."""
    for handle in (*action.writes, *action.reads):
        if handle.page.space != "GM":
            return handle.page.space
    return "GM"
