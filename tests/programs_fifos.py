"""Random kernels that hand tiles through FIFOs: up, down, or both ways, with or without back-pressure."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from programs import PIPES

from syncheck.simulator.fifos import Fifo, Move
from syncheck.simulator.program import Branch, Do, Loop, Node, Param, Script

FLAGS = {
    True: (("M", "FIX"), ("FIX", "M"), ("MTE2", "V"), ("V", "MTE2")),
    False: (("V", "MTE3"), ("MTE3", "V"), ("MTE2", "MTE1"), ("MTE1", "MTE2")),
}
"""What a kernel has to say itself around a push and a pop: tile ready, tile free, on either side."""


def _flags(draw: Any, pair: tuple[str, str], number: int) -> tuple[Do, Do]:
    lost = draw(st.integers(0, 5))
    start, end = Do("set", pair[0], other=pair[1], number=number), Do("wait", pair[1], other=pair[0], number=number)
    none = Do("barrier", pair[0])
    return (none, none) if lost == 0 else (start, end)


def _giving(draw: Any, fifo: Fifo) -> tuple[list[Node], list[Node], list[Node]]:
    """What the producer does before, in and after its loop."""
    ready, free = FLAGS[fifo.down][:2]
    filled, taken = _flags(draw, ready, 0)
    released, claimed = _flags(draw, free, 1)
    space, size = ("L0C", 1024) if fifo.down else ("UB", 512)
    fill = Do("instr", ready[0], (), ((space, 0, size),))
    body: list[Node] = [claimed, fill, filled, taken, Move("push", fifo), released]
    if not fifo.record:
        drained = (Do("set", free[0], other="S", number=2), Do("wait", "S", other=free[0], number=2))
        body[-1:-1] = [*(drained if draw(st.booleans()) else ()), Move("record", fifo)]
    after: list[Node] = [claimed]
    if draw(st.booleans()):
        after += [Do("set", free[0], other="S", number=2), Do("wait", "S", other=free[0], number=2)]
    return [released], body, after


def _taking(draw: Any, fifo: Fifo) -> tuple[list[Node], list[Node], list[Node]]:
    """What the consumer does before, in and after its loop."""
    loaded, free = FLAGS[fifo.down][2:]
    there, seen = _flags(draw, loaded, 2)
    released, claimed = _flags(draw, free, 3)
    body: list[Node] = [claimed, Move("pop", fifo), there, seen, Move("use", fifo), released]
    primes = draw(st.sampled_from((1, 1, fifo.local)))
    return [released] * primes, body, [claimed] * primes


@st.composite
def handing(draw: Any) -> Script:
    """The cube and both lanes in a loop over n, one or two FIFOs between them."""
    first = draw(st.booleans())
    fifos: list[Fifo] = []
    for number, down in enumerate((first, not first)[: draw(st.sampled_from((1, 1, 2)))]):
        slots, local = draw(st.sampled_from((1, 1, 2, 2, 3))), draw(st.sampled_from((1, 2, 2)))
        pressure, record = draw(st.integers(0, 3)) != 0, draw(st.integers(0, 3)) != 0
        fifos.append(Fifo("fg"[number], down, slots, local, 2 * number, pressure, record))
    cores = []
    for name in ("AIC", "AIV"):
        parts = [_giving(draw, f) if f.down == (name == "AIC") else _taking(draw, f) for f in fifos]
        before = [node for part in parts for node in part[0]]
        body = [node for part in parts for node in part[1]]
        after = [node for part in parts for node in part[2]]
        choice = draw(st.integers(0, 5))
        if choice == 0:
            body.append(Do("barrier", draw(st.sampled_from((*PIPES[name], "ALL")))))
        elif choice == 1:
            at = draw(st.integers(0, len(body) - 1))
            body[at] = Branch((">", "i", 0), (body[at],))
        cores.append((name, (*before, Loop("i", "n", tuple(body)), *after)))
    return Script(tuple(cores), (Param("n", draw(st.integers(0, 1))),), fifos=tuple(fifos))
