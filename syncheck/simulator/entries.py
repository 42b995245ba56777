"""What a core issues, unrolled: plain entries in program order. The judge knows no loops, names or expressions
beyond this.

A flag is (core, src, dst, event). A cross-core signal names its decoded mode and its flag; hardware.md §2 and §3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Range = tuple[str, int, int]
"""Bytes [start, stop) of a memory: "GM" of all cores, any other space of the core itself."""
Kind = Literal["instr", "set", "wait", "barrier", "signal", "hear"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One issued instruction. `pipe` is the queue it goes to (ALL for that barrier; src of a set, dst of a wait).

    `other` is the far end of a flag, `number` its event id or the cross-core flag, `mode` that of a signal.
    """

    kind: Kind
    pipe: str
    line: int
    reads: tuple[Range, ...] = ()
    writes: tuple[Range, ...] = ()
    atomic: bool = False
    other: str = ""
    number: int = 0
    mode: int = 2


@dataclass(frozen=True, slots=True)
class Core:
    """A core and everything it issues. Names are AIC, AIV0 and AIV1."""

    name: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Hardware:
    """What is disputed or differs between machines. `in_order`: pipes that also complete in order."""

    in_order: frozenset[str] = frozenset({"S"})
    store_needs_flag: bool = True
    counter_limit: int = 15
