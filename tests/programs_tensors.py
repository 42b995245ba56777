"""Random loops over a tensor in GM: addresses that grow with counters, inner counters and turns, on one core or two."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from programs import LOCAL, PIPES, pairs

from syncheck.simulator.program import Branch, Do, Expr, Loop, Node, Param, Script

ASKED: tuple[Expr, ...] = (("[]", "t", "i"), ("[]", "t", "i"), "c", (">", "i", 1), ("==", "i", 2))


def _start(draw: Any, inner: bool, far: int) -> Expr:
    """Where an access begins: mostly it grows with the counter, as far as all others or not."""
    if draw(st.integers(0, 15)) == 0:
        return draw(st.sampled_from((0, 64, 192)))
    grown: Expr = ("*", "i", draw(st.sampled_from((far, far, far, far, far, 64))))
    if inner and draw(st.integers(0, 3)):
        grown = ("+", grown, ("*", "j", 64))
    back = draw(st.sampled_from((0, 0, 0, far, 64, 2 * far)))
    return ("+", grown, back) if back else grown


def _access(draw: Any, kind: str, inner: bool, far: int) -> Node:
    start, size = _start(draw, inner, far), draw(st.sampled_from((64, 64, 64, 32, 128)))
    place = ((("GM", start, size),),) if draw(st.integers(0, 5)) else (((LOCAL[kind], 0, 64),),)
    made = Do("instr", draw(st.sampled_from(PIPES[kind])), *(*place, ()) if draw(st.booleans()) else ((), *place))
    return Branch(draw(st.sampled_from(ASKED)), (made,)) if draw(st.integers(0, 3)) == 0 else made


def _nodes(draw: Any, kind: str, inner: bool, far: int, least: int, most: int) -> list[Node]:
    nodes: list[Node] = []
    for _ in range(draw(st.integers(least, most))):
        choice = draw(st.integers(0, 7))
        if choice < 5:
            nodes.append(_access(draw, kind, inner, far))
        elif choice < 7:
            nodes += draw(pairs(kind, False))
        else:
            nodes.append(Do("barrier", draw(st.sampled_from((*PIPES[kind], "ALL")))))
    return nodes


@st.composite
def tensors(draw: Any) -> Script:
    """Loops up to one parameter, or over blocks; in them perhaps a loop of a few turns, up to m, or up to k[i]."""
    names = draw(st.sampled_from((("AIV0",), ("AIC",), ("AIC", "AIV0"))))
    turns, far = draw(st.integers(0, 2)) == 0, draw(st.sampled_from((64, 128, 256)))
    cores: list[tuple[str, tuple[Node, ...]]] = []
    for name in names:
        kind = name[:3]
        body = _nodes(draw, kind, False, far, 1, 2)
        if draw(st.integers(0, 2)) == 0:
            bound = draw(st.sampled_from((2, 2, "m", ("[]", "k", "i"))))
            body.insert(draw(st.integers(0, len(body))), Loop("j", bound, tuple(_nodes(draw, kind, True, far, 1, 2))))
        before = [_late(node) for node in _nodes(draw, kind, False, 64, 0, 1)]
        after = [_late(node) for node in _nodes(draw, kind, False, 64, 0, 2)]
        if draw(st.integers(0, 3)) == 0:
            start, end = draw(pairs(kind, False))
            before, body, after = [start, *before], [end, *body, start], [end, *after]
        first, step = ("first", draw(st.sampled_from(("step", 1)))) if turns else (draw(st.sampled_from((0, 0, 1))), 1)
        cores.append((name, (*before, Loop("i", "n", tuple(body), first, step), *after)))
    params = (Param("n"), Param("m"), Param("first"), Param("step", 1), Param("k", 0, family=True))
    return Script(tuple(cores), params, ("c",), ("t",))


def _late(node: Any) -> Any:
    """The same where there is no loop: i is a small number there."""
    if isinstance(node, Branch):
        return Branch("c", tuple(map(_late, node.then)))
    if isinstance(node, Do):
        return Do(node.kind, node.pipe, _plain(node.reads), _plain(node.writes), node.atomic, node.other, node.number)
    return node


def _plain(item: Any) -> Any:
    return tuple(map(_plain, item)) if isinstance(item, tuple) else 2 if item == "i" else item
