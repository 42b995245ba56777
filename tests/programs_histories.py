"""Random loops in which each turn leaves one of two traces behind, and something later that can tell them apart.

Everything else is levelled in every turn, so that only one part of a state differs: tokens, clocks, what is held back,
what is in flight, halves of a round, bytes. A proof that forgets that part takes the two for one.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from programs import LOCAL, PIPES

from syncheck.simulator.program import Branch, Do, Expr, Loop, Node, Param, Script

GATES: tuple[Expr, ...] = (("[]", "t", "i"), ("[]", "t", "i"), ("[]", "t", "i"), "c", ("==", ("%", "i", 2), 0))


@st.composite
def places(draw: Any, kind: str, whole: bool = False) -> tuple[tuple[str, Expr, Expr], ...]:
    space = draw(st.sampled_from((LOCAL[kind], LOCAL[kind], LOCAL[kind], "GM")))
    start, size = draw(st.sampled_from(((0, 64), (0, 64), (0, 64), (64, 64), (0, 128), (32, 64))))
    if space == "GM" and not whole and draw(st.integers(0, 2)) == 0:
        start = ("*", "i", 64)
    return ((space, start, size),)


@st.composite
def accesses(draw: Any, kind: str, whole: bool = False) -> Do:
    pipe = draw(st.sampled_from((*PIPES[kind], *PIPES[kind], "S")))
    place = draw(places(kind, whole))
    shape = draw(st.integers(0, 5))
    atomic = pipe != "S" and shape == 5
    return Do("instr", pipe, place if shape < 2 else (), place if shape >= 2 else (), atomic=atomic)


def flag(draw: Any, kind: str) -> tuple[Do, Do]:
    src, dst = draw(st.permutations((*PIPES[kind], "S")))[:2]
    event = draw(st.integers(0, 1))
    return Do("set", src, other=dst, number=event), Do("wait", dst, other=src, number=event)


def traces(draw: Any, core: str, whole: bool = False) -> tuple[Node, ...]:
    """What a turn may leave behind."""
    kind = core[:3]
    nodes: list[Node] = []
    for _ in range(draw(st.integers(0, 3))):
        choice = draw(st.integers(0, 11))
        start, end = flag(draw, kind)
        if choice < 4:
            nodes.append(draw(accesses(kind, whole)))
        elif choice < 6:
            nodes += [start, end]
        elif choice < 7:
            nodes.append(start)
        elif choice < 8:
            nodes.append(end)
        elif choice < 10:
            nodes.append(Do("barrier", draw(st.sampled_from((*PIPES[kind], "ALL")))))
        elif kind == "AIV":
            nodes.append(Do("signal", draw(st.sampled_from(PIPES[kind])), number=draw(st.integers(0, 1)), mode=2))
        else:
            nodes.append(draw(accesses(kind, whole)))
    return tuple(nodes)


def level(draw: Any, core: str) -> list[Node]:
    """Nothing, or what makes most of the turn before complete and known."""
    kind = core[:3]
    choice = draw(st.integers(0, 7))
    if choice < 3:
        return []
    if choice < 5:
        return [Do("barrier", "ALL")]
    if choice < 6:
        return [Do("barrier", pipe) for pipe in PIPES[kind]]
    nodes: list[Node] = []
    for pipe in PIPES[kind]:
        nodes += [Do("set", pipe, other="S", number=2), Do("wait", "S", other=pipe, number=2)]
    return nodes[: 2 * draw(st.integers(1, len(PIPES[kind])))]


def _body(draw: Any, core: str) -> list[Node]:
    body: list[Node] = [
        Branch(draw(st.sampled_from(GATES)), traces(draw, core), traces(draw, core))
        for _ in range(draw(st.sampled_from((1, 1, 1, 2))))
    ]
    body[draw(st.integers(0, len(body))) : 0] = level(draw, core)
    if draw(st.booleans()):
        probe = traces(draw, core)
        body += [Branch(("==", "i", draw(st.integers(1, 3))), probe)] if draw(st.booleans()) else probe
    return body


@st.composite
def histories(draw: Any) -> Script:
    """One core, or a cube and its lanes."""
    names = draw(st.sampled_from((("AIV0",), ("AIV0",), ("AIC",), ("AIC", "AIV0", "AIV1"))))
    cores = []
    for name in names:
        before = traces(draw, name, True) if draw(st.booleans()) else ()
        after = (*(level(draw, name) if draw(st.integers(0, 2)) == 0 else ()), *traces(draw, name, True))
        body = _body(draw, name) if len(names) == 1 or draw(st.booleans()) else list(traces(draw, name))
        if len(names) > 1 and name == "AIC" and draw(st.booleans()):
            body.insert(0, Do("hear", "S", number=draw(st.integers(0, 1))))
        cores.append((name, (*before, Loop("i", "n", tuple(body)), *after)))
    return Script(tuple(cores), (Param("n", draw(st.integers(0, 1))),), ("c",), ("t",))
