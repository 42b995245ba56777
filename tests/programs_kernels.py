"""Random loops as kernels have them: ping-pong whose parity is computed or carried in a variable, nested loops whose
inner bound changes, phases in a row, both lanes, one answer asked at two places. Mostly right, with one thing wrong."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from programs import LOCAL, PIPES

from syncheck.simulator.program import Branch, Do, Expr, Leave, Let, Loop, Node, Param, Script, names_in

Parts = tuple[list[Node], list[Node], list[Node]]
"""What stands before, in and after a loop."""
TOGGLE, ROUND, COUNT = ("-", 1, "x"), ("%", ("+", "x", 1), 2), ("+", "x", 1)


def _wrong(draw: Any, nodes: list[Node], slots: tuple[Expr, ...]) -> None:
    """Lose, move or bend one instruction."""
    at = draw(st.integers(0, len(nodes) - 1))
    node, choice = nodes[at], draw(st.integers(0, 5))
    if not isinstance(node, Do) or choice < 2:
        del nodes[at]
    elif choice == 2:
        nodes.insert(draw(st.integers(0, len(nodes) - 1)), nodes.pop(at))
    elif node.kind in ("set", "wait"):
        nodes[at] = Do(node.kind, node.pipe, other=node.other, number=draw(st.sampled_from((0, 1, *slots))))
    elif choice == 3:
        nodes.append(node)
    else:
        other = draw(st.sampled_from((0, 1, *slots)))
        turned = tuple((space, ("*", other, 64), size) for space, _, size in (*node.reads, *node.writes))
        nodes[at] = Do("instr", node.pipe, turned if node.reads else (), turned if node.writes else ())


def pingpong(draw: Any, kind: str, slots: tuple[Expr, ...], two: bool = True) -> Parts:
    """One pipe fills a slot in each turn, another one empties it; flags both ways, one event for each slot."""
    giver, taker = draw(st.permutations(PIPES[kind]))[:2]
    slot = draw(st.sampled_from(slots))
    place = ((draw(st.sampled_from((LOCAL[kind], LOCAL[kind], "GM"))), ("*", slot, 64), 64),)
    event = slot if draw(st.integers(0, 2)) else 0
    ready = Do("set", giver, other=taker, number=event), Do("wait", taker, other=giver, number=event)
    free = Do("set", taker, other=giver, number=event), Do("wait", giver, other=taker, number=event)
    body: list[Node] = [free[1], Do("instr", giver, (), place), *ready, Do("instr", taker, place), free[0]]
    before: list[Node] = []
    after: list[Node] = []
    for number in (0, 1) if event != 0 and two else (0,):
        for _ in range(1 if event != 0 else draw(st.sampled_from((1, 1, 2)))):
            before.append(Do("set", taker, other=giver, number=number))
            after.append(Do("wait", giver, other=taker, number=number))
    if draw(st.booleans()):
        nodes = draw(st.sampled_from((before, body, body, body, after)))
        _wrong(draw, nodes, slots if nodes is body else ())
    return before, body, after


CONDITIONS: tuple[Expr, ...] = (
    ("[]", "t", "i"), "c", (">", "i", 0), ("==", "i", ("-", "n", 1)), ("==", ("+", "i", 1), "n"),
    ("<", ("+", "i", 2), "n"), ("==", ("%", "i", 2), 1), ("==", ("%", "n", 2), 0), ("==", "n", 2), (">", "n", 1),
    ("&&", "c", ("==", "i", 0)), ("<=", ("-", "n", "i"), 2), ("&", "i", 1), ("==", ("%", ("-", "n", "i"), 2), 0),
)  # fmt: skip


def _guard(draw: Any, nodes: list[Node], conditions: tuple[Expr, ...]) -> None:
    """A part under a condition; or two parts under the same one, written twice."""
    condition = draw(st.sampled_from(conditions))
    for _ in range(draw(st.sampled_from((1, 2)))):
        start = draw(st.integers(0, len(nodes)))
        stop = draw(st.integers(start, min(start + 3, len(nodes))))
        other = tuple(nodes[stop : stop + 1]) if draw(st.integers(0, 3)) == 0 else ()
        nodes[start : stop + len(other)] = [Branch(condition, tuple(nodes[start:stop]), other)]


def _extra(draw: Any, kind: str, nodes: list[Node], starts: tuple[Expr, ...]) -> None:
    """A barrier or one more access somewhere."""
    choice = draw(st.integers(0, 5))
    if choice == 0:
        nodes.insert(
            draw(st.integers(0, len(nodes))), Do("barrier", draw(st.sampled_from((*PIPES[kind], "ALL", "ALL"))))
        )
    elif choice < 3:
        place = ((draw(st.sampled_from((LOCAL[kind], "GM"))), draw(st.sampled_from(starts)), 64),)
        access = Do("instr", draw(st.sampled_from(PIPES[kind])), *draw(st.sampled_from((((), place), (place, ())))))
        nodes.insert(draw(st.integers(0, len(nodes))), access)


def _update(draw: Any, nodes: list[Node], steps: tuple[Expr, ...], conditions: tuple[Expr, ...]) -> None:
    step: Node = Let("x", draw(st.sampled_from(steps)))
    if draw(st.integers(0, 4)) == 0:
        step = Branch(draw(st.sampled_from(conditions)), (step,))
    nodes.insert(draw(st.sampled_from((0, len(nodes), len(nodes)))), step)


@st.composite
def carried(draw: Any) -> Script:
    """The slot is in a variable that outlives its turn; one loop, two in a row, or one in another."""
    kind = draw(st.sampled_from(("AIV", "AIC")))
    slots: tuple[Expr, ...] = draw(
        st.sampled_from((("x",), (("%", "x", 2),), (("%", "x", 2), ("%", ("+", "x", 1), 2))))
    )
    steps: tuple[Expr, ...] = (TOGGLE, TOGGLE, ROUND, 0, 1)
    if slots != ("x",):
        steps = (*steps, COUNT, "i", ("+", "x", 2), ("%", ("+", "x", 1), 4))
    before, body, after = pingpong(draw, kind, slots)
    _update(draw, body, steps, CONDITIONS)
    if draw(st.integers(0, 2)) == 0:
        _guard(draw, body, (*CONDITIONS, ("==", "x", 1)))
    if draw(st.integers(0, 5)) == 0:
        leave = Branch(draw(st.sampled_from((*CONDITIONS, ("==", "x", 1)))), (Leave(draw(st.booleans())),))
        body.insert(draw(st.integers(0, len(body))), leave)
    loop: list[Node] = [Loop("i", draw(st.sampled_from(("n", "n", "n", 3))), tuple(body))]
    again = draw(st.integers(0, 5))
    if again == 0:
        loop += [*(after + before if draw(st.booleans()) else ()), loop[0]]
    elif again < 3:
        outer: list[Node] = [Let("x", 0)] if draw(st.integers(0, 2)) == 0 else []
        if draw(st.booleans()):
            outer, before, after = [*outer, *before, *loop, *after], [], []
        else:
            outer += loop
        loop = [Loop("o", draw(st.sampled_from(("m", "m", 2))), tuple(outer))]
    nodes: list[Node] = [Let("x", draw(st.sampled_from((0, 0, 1))), True), *before, *loop, *after]
    _extra(draw, kind, nodes[1:], (0, 64, ("*", slots[0], 64)))
    return _script(kind, nodes)


def _script(kind: str, nodes: list[Node]) -> Script:
    core = "AIV0" if kind == "AIV" else "AIC"
    params = (Param("n", 0), Param("m", 0), Param("k", 0, family=True))
    return Script(((core, tuple(nodes)),), params, ("c",), ("t",))


BOUNDS: tuple[Expr, ...] = (
    2, 3, "i", "m", "n", ("[]", "k", "i"), ("+", ("%", "i", 2), 1), ("-", "n", "i"),
    ("min", ("-", "n", "i"), 2), ("min", "m", 3), ("min", ("+", "i", 1), 3),
)  # fmt: skip


@st.composite
def inside(draw: Any) -> Script:
    """A loop whose bound depends on the turn of the loop around it; slots and addresses that depend on both."""
    kind = draw(st.sampled_from(("AIV", "AIC")))
    parity: tuple[Expr, ...] = (
        ("%", "j", 2), ("%", ("+", "i", "j"), 2), ("%", ("+", ("*", 2, "i"), "j"), 2), ("%", "i", 2),
        ("%", ("+", ("*", 3, "i"), "j"), 2),
    )  # fmt: skip
    before, body, after = pingpong(draw, kind, parity)
    _extra(draw, kind, body, (("+", ("*", "i", 256), ("*", "j", 64)), ("+", ("*", "i", 64), ("*", "j", 64)),
                              ("*", "i", 64), ("*", "j", 64), 0))  # fmt: skip
    asked = (*CONDITIONS, ("==", "j", "i"), (">", "j", 0), ("&&", (">", "i", 0), ("==", "j", 0)), ("[]", "t", "j"))
    if draw(st.integers(0, 2)) == 0:
        _guard(draw, body, asked)
    outer: list[Node] = [Loop("j", draw(st.sampled_from(BOUNDS)), tuple(body), draw(st.sampled_from((0, 0, 0, 1))))]
    if draw(st.booleans()):
        outer, before, after = [*before, *outer, *after], [], []
    _extra(draw, kind, outer, (("*", "i", 64), ("*", ("%", "i", 2), 64), 0))
    if draw(st.integers(0, 3)) == 0:
        _guard(draw, outer, CONDITIONS)
    loop = Loop(
        "i", draw(st.sampled_from(("n", "n", "n", ("-", "n", 1), 3))), tuple(outer), 0, draw(st.sampled_from((1, 1, 2)))
    )
    nodes = [*before, loop, *after]
    _extra(draw, kind, nodes, (0, 64))
    return _script(kind, nodes)


@st.composite
def phases(draw: Any) -> Script:
    """Two or three loops in a row over the same or another bound, what is pending between them not always drained."""
    kind = draw(st.sampled_from(("AIV", "AIC")))
    parity: tuple[Expr, ...] = (("%", "i", 2), ("%", "i", 2), ("%", ("+", "i", 1), 2), 0)
    nodes: list[Node] = []
    for _ in range(draw(st.sampled_from((2, 2, 3)))):
        before, body, after = pingpong(draw, kind, parity)
        if draw(st.integers(0, 3)) == 0:
            _guard(draw, body, CONDITIONS)
        _extra(draw, kind, body, (("*", "i", 64), ("*", ("%", "i", 2), 64), 0))
        bound = draw(st.sampled_from(("n", "n", "n", "m", ("-", "n", 1), 2)))
        nodes += [*before, Loop("i", bound, tuple(body), draw(st.sampled_from((0, 0, 0, 1)))), *after]
        if draw(st.integers(0, 3)) == 0:
            nodes.append(Do("barrier", "ALL"))
    return _script(kind, nodes)


ASKED: tuple[Expr, ...] = (
    ("[]", "t", "i"), ("[]", "t", "i"), "c", ("==", ("+", "i", 1), "n"), (">", "i", 0), ("==", ("%", "i", 2), 0),
    (">", "n", 1),
)  # fmt: skip


@st.composite
def lanes(draw: Any) -> Script:
    """The cube and both lanes hand bytes over in every turn, perhaps under a condition that both sides ask; the lanes
    may differ."""
    first = draw(st.sampled_from(("AIC", "AIV")))
    credit = draw(st.integers(0, 2))
    condition = draw(st.sampled_from((None, None, *ASKED, ("[]", "k", "i"), ("==", ("[]", "k", "i"), 1))))
    starts: tuple[Expr, ...] = (0, ("*", ("%", "i", 2), 64), ("*", "i", 64))
    if "k" not in names_in((condition,)):  # what a path knows of k, its addresses do not (docs/proofs.md)
        starts = (*starts, ("*", ("[]", "k", "i"), 64))
    start: Expr = draw(st.sampled_from(starts))
    place = (("GM", start, 64),)
    wrong = draw(st.sampled_from(("", "", "", "AIC", "AIV0", "AIV1")))
    cores: list[tuple[str, tuple[Node, ...]]] = []
    for name in ("AIC", "AIV0", "AIV1"):
        kind, sends = name[:3], name[:3] == first
        pipe = draw(st.sampled_from(PIPES[kind]))
        access = Do("instr", pipe, () if sends else place, place if sends else ())
        there, back = (0, 1) if sends else (1, 0)
        signal, hear = Do("signal", pipe, number=there), Do("hear", "S", number=back)
        body: list[Node] = [hear, access, signal] if credit or not sends else [access, signal, hear]
        before: list[Node] = [] if sends else [signal] * credit
        after: list[Node] = [hear] * credit if sends else []
        own_before, own_body, own_after = pingpong(draw, kind, (("%", "i", 2), 0))
        if draw(st.integers(0, 2)) == 0:
            at = draw(st.integers(0, len(body)))
            body[at:at], before, after = own_body, [*before, *own_before], [*own_after, *after]
        if wrong == name:
            _wrong(draw, body, (("%", "i", 2), 0))
        if condition is not None:
            body = [Branch(condition, tuple(body))]
        if draw(st.integers(0, 5)) == 0:
            _guard(draw, body, ASKED)
        if draw(st.integers(0, 11)) == 0:
            body.append(Branch(draw(st.sampled_from(ASKED)), (Leave(draw(st.booleans())),)))
        _extra(draw, kind, body, (start, 0))
        loops: list[Node] = [Loop("i", "n", tuple(body))]
        if draw(st.integers(0, 7)) == 0:
            loops *= 2
        cores.append((name, (*before, *loops, *after)))
    if draw(st.integers(0, 3)) == 0:
        cores = [(name, (Loop("o", "m", body),)) for name, body in cores]
    params = (Param("n", draw(st.integers(0, 1))), Param("m", 0), Param("k", 0, family=True))
    return Script(tuple(cores), params, ("c",), ("t",))
