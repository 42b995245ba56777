"""Random small programs for the judge: mostly right synchronisation with something missing, moved or too much."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from syncheck.simulator.program import Branch, Do, Expr, Loop, Node, Param, Script

PIPES = {"AIC": ("MTE2", "MTE1", "M", "FIX"), "AIV": ("MTE2", "V", "MTE3")}
LOCAL = {"AIC": "L1", "AIV": "UB"}
PARITY: Expr = ("%", "i", 2)
SLOTS: tuple[Expr, ...] = (
    0, 64, 32, ("*", PARITY, 64), ("*", ("%", ("+", "i", 1), 2), 64), ("*", ("%", "i", 3), 64)
)  # fmt: skip
CONDITIONS: tuple[Expr, ...] = (
    ("==", ("%", "i", 2), 0), (">", "i", 0), ("<", ("+", "i", 1), "n"), ("==", "i", 1), "c", ("==", "i", 2),
    ("<", ("+", "i", 2), "n"), ("!=", ("%", "i", 3), 1), ("&&", "c", (">", "i", 0)), ("<", "i", 2),
)  # fmt: skip
EVENTS: tuple[Expr, ...] = (0, 1)


def _span(draw: Any, kind: str, inside: bool, shared: bool) -> tuple[str, Expr, int]:
    space = "GM" if shared and draw(st.integers(0, 2)) == 0 else LOCAL[kind]
    moving: tuple[Expr, ...] = (("*", "i", 64), ("*", ("+", "i", 1), 64)) if space == "GM" else ()
    start = draw(st.sampled_from((*SLOTS, *moving) if inside else SLOTS[:3]))
    return space, start, 64


@st.composite
def instructions(draw: Any, kind: str, inside: bool, shared: bool = True, pipe: str = "") -> Do:
    """An access, sometimes of the scalar unit."""
    pipe = pipe or draw(st.sampled_from((*PIPES[kind], *PIPES[kind], "S")))
    shape = draw(st.sampled_from(("r", "w", "w", "rw")))
    reads = (_span(draw, kind, inside, shared),) if "r" in shape else ()
    writes = (_span(draw, kind, inside, shared),) if "w" in shape else ()
    return Do("instr", pipe, reads, writes, atomic=pipe != "S" and draw(st.integers(0, 11)) == 0)


@st.composite
def pairs(draw: Any, kind: str, inside: bool) -> tuple[Do, Do]:
    """set_flag and wait_flag of one flag."""
    src = draw(st.sampled_from((*PIPES[kind], "S")))
    others = [p for p in (*PIPES[kind], "S") if p != src]
    dst = draw(st.sampled_from(others))
    event = draw(st.sampled_from((*EVENTS, ("%", "i", 2)) if inside else EVENTS))
    return Do("set", src, other=dst, number=event), Do("wait", dst, other=src, number=event)


@st.composite
def handed(draw: Any, kind: str, inside: bool, shared: bool) -> list[Node]:
    """One pipe hands bytes to another, with the flag for it."""
    start, end = draw(pairs(kind, inside))
    place = (_span(draw, kind, inside, shared),)
    both = draw(st.sampled_from(("wr", "rw", "ww")))
    before = Do("instr", start.pipe, place if both[0] == "r" else (), place if both[0] == "w" else ())
    after = Do("instr", end.pipe, place if both[1] == "r" else (), place if both[1] == "w" else ())
    return [before, start, end, after]


@st.composite
def runs(draw: Any, kind: str, most: int, inside: bool = False, shared: bool = True, least: int = 1) -> list[Node]:
    """A straight run of instructions: accesses with flags between them, each wait somewhere after its set."""
    nodes: list[Node] = []
    for _ in range(draw(st.integers(least, most))):
        choice = draw(st.integers(0, 11))
        if choice > 9:
            nodes += draw(handed(kind, inside, shared))
        elif choice < 5:
            nodes.append(draw(instructions(kind, inside, shared)))
        elif choice < 8:
            start, end = draw(pairs(kind, inside))
            at = draw(st.integers(0, len(nodes)))
            nodes.insert(at, start)
            nodes.insert(draw(st.integers(at + 1, len(nodes))), end)
        elif choice == 8:
            nodes.append(Do("barrier", draw(st.sampled_from((*PIPES[kind], "ALL")))))
        elif draw(st.integers(0, 7 if inside else 1)) == 0:
            nodes.append(draw(st.sampled_from(draw(pairs(kind, inside)))))
    return nodes


@st.composite
def straight(draw: Any, most: int = 8) -> Script:
    """One core, no loop."""
    kind = draw(st.sampled_from(("AIV", "AIC")))
    core = "AIV0" if kind == "AIV" else "AIC"
    return Script(((core, tuple(draw(runs(kind, most)))),))


def _crossing(draw: Any, bodies: dict[str, list[Node]], flags: int, shift: int = 0) -> None:
    """Add a signal and its wait to the cores: cube to lanes, or lanes to cube; sometimes one is lost."""
    flag = draw(st.integers(0, flags)) + shift
    down = draw(st.booleans())
    lost = draw(st.integers(0, 11))
    for name, body in bodies.items():
        sends = (name == "AIC") == down
        if lost == 0 and name == "AIV1":
            continue
        pipe = draw(st.sampled_from(PIPES[name[:3]]))
        node = Do("signal", pipe, number=flag, mode=2) if sends else Do("hear", "S", number=flag)
        body.insert(draw(st.integers(0, len(body))), node)


@st.composite
def several(draw: Any, most: int = 4) -> Script:
    """The cube and both lanes, with cross-core signals of mode 2."""
    bodies = {name: draw(runs(name[:3], most, least=0)) for name in ("AIC", "AIV0", "AIV1")}
    for _ in range(draw(st.integers(1, 3))):
        _crossing(draw, bodies, 1)
    return Script(tuple((name, tuple(body)) for name, body in bodies.items()))


def _primed(draw: Any, kind: str, before: list[Node], body: list[Node], after: list[Node]) -> None:
    """The loop-carried idiom: set before the loop, wait at its head, set at its tail, wait after it."""
    start, end = draw(pairs(kind, False))
    missing = draw(st.integers(0, 15))
    if missing != 0:
        before.append(start)
    if missing != 1:
        body.insert(draw(st.integers(0, len(body))), end)
    if missing != 2:
        body.insert(draw(st.integers(0, len(body))), start)
    if missing != 3:
        after.insert(draw(st.integers(0, len(after))), end)


def _guarded(draw: Any, body: list[Node], extra: tuple[Expr, ...] = ()) -> None:
    """Put a condition around a part of a loop's body."""
    start = draw(st.integers(0, max(len(body) - 1, 0)))
    stop = draw(st.integers(start, len(body)))
    cut = tuple(body[start:stop])
    shuffled = (
        draw(st.integers(0, 2)) == 0
    )  # the same instructions in another order: only the clocks can tell the arms apart
    other = tuple(body[stop:]) if draw(st.integers(0, 3)) == 0 else ()
    if shuffled and len(cut) > 1:
        body[start:stop] = [
            Branch(draw(st.sampled_from((*CONDITIONS, *extra))), cut, tuple(draw(st.permutations(cut))))
        ]
        return
    body[start : stop + len(other)] = [Branch(draw(st.sampled_from((*CONDITIONS, *extra))), cut, other)]


@st.composite
def looped(draw: Any, most: int = 4) -> Script:
    """One core with a loop over an open n, perhaps primed, with conditions; perhaps a second loop after it."""
    kind = draw(st.sampled_from(("AIV", "AIC")))
    before = draw(runs(kind, 2, least=0))
    nodes: list[Node] = []
    for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
        body, after = draw(runs(kind, most, inside=True)), draw(runs(kind, 2, least=0))
        if draw(st.booleans()):
            _primed(draw, kind, before, body, after)
        if draw(st.integers(0, 2)) == 0:
            _guarded(draw, body)
        nodes += [*before, Loop("i", "n", tuple(body)), *after]
        before = []
    core = "AIV0" if kind == "AIV" else "AIC"
    return Script(((core, tuple(nodes)),), (Param("n", draw(st.integers(0, 1))),), ("c",))


@st.composite
def strange(draw: Any, most: int = 3) -> Script:
    """Loops whose start, step and bound vary; conditions on n itself and on unknown tables; n perhaps limited."""
    kind = draw(st.sampled_from(("AIV", "AIC")))
    asked: tuple[Expr, ...] = (
        ("[]", "t", "i"), ("[]", "t", "i"), ("==", "n", 2), (">", "n", "i"),
        ("<", "i", ("-", "n", 1)), ("==", ("+", "i", 1), "n"), ("&&", ("[]", "t", "i"), ("==", ("%", "i", 2), 1)),
    )  # fmt: skip
    nodes: list[Node] = draw(runs(kind, 1, least=0))
    for _ in range(draw(st.sampled_from((1, 1, 2)))):
        before, after = draw(runs(kind, 1, least=0)), draw(runs(kind, 1, least=0))
        body = draw(runs(kind, most, inside=True))
        if draw(st.booleans()):
            _primed(draw, kind, before, body, after)
        for _ in range(draw(st.integers(0, 2))):
            _guarded(draw, body, asked)
        bound = draw(st.sampled_from(("n", "n", ("-", "n", 1), ("+", "n", 1), 3)))
        loop = Loop("i", bound, tuple(body), draw(st.sampled_from((0, 0, 1))), draw(st.sampled_from((1, 1, 2))))
        nodes += [*before, loop, *after]
    if draw(st.integers(0, 3)) == 0:
        nodes = [Branch(draw(st.sampled_from((("==", "n", 2), (">", "n", 1), "c"))), tuple(nodes))]
    param = Param("n", draw(st.integers(0, 1)), high=draw(st.sampled_from((None, None, None, 3))))
    return Script((("AIV0" if kind == "AIV" else "AIC", tuple(nodes)),), (param,), ("c",), ("t",))


@st.composite
def arms(draw: Any, kind: str) -> tuple[Node, ...]:
    """Synchronisation only, balanced or not."""
    nodes: list[Node] = []
    for _ in range(draw(st.integers(0, 2))):
        choice, pair = draw(st.integers(0, 5)), draw(pairs(kind, False))
        if choice < 3:
            nodes += pair
        elif choice == 3:
            nodes.append(Do("barrier", draw(st.sampled_from((*PIPES[kind], "ALL")))))
        else:
            nodes.append(pair[choice - 4])
    return tuple(nodes)


@st.composite
def gated(draw: Any) -> Script:
    """Two or three pipes on the same bytes in every turn; which flags they use depends on the turn. What was accessed
    looks alike at every loop head: only clocks and tokens tell the histories apart.
    """
    kind = draw(st.sampled_from(("AIV", "AIC")))
    tests: tuple[Expr, ...] = (
        ("[]", "t", "i"),
        ("[]", "t", "i"),
        "c",
        PARITY,
        (">", "i", 0),
        ("<", ("+", "i", 1), "n"),
    )
    body: list[Node] = []
    for _ in range(draw(st.integers(2, 4))):
        shape = draw(st.sampled_from(("r", "w")))
        place = ((LOCAL[kind], draw(st.sampled_from((0, 0, 0, 64))), 64),)
        pipe = draw(st.sampled_from((*PIPES[kind], "S")))
        access = Do("instr", pipe, place if shape == "r" else (), place if shape == "w" else ())
        rare = draw(st.integers(0, 3)) == 0
        body.append(Branch(draw(st.sampled_from(tests)), (access,)) if rare else access)
    for _ in range(draw(st.integers(1, 3))):
        gate = Branch(draw(st.sampled_from(tests)), draw(arms(kind)), draw(arms(kind)))
        body.insert(draw(st.integers(0, len(body))), gate)
    before: list[Node] = []
    for _ in range(draw(st.integers(0, 3))):
        before.append(draw(pairs(kind, False))[0])
    after = draw(arms(kind)) if draw(st.booleans()) else ()
    core = "AIV0" if kind == "AIV" else "AIC"
    return Script(((core, (*before, Loop("i", "n", tuple(body)), *after)),), (Param("n"),), ("c",), ("t",))


@st.composite
def blocks(draw: Any, most: int = 2) -> Script:
    """The shape of paged attention: on every core a loop over blocks, in it a loop over k[b] with hand-overs."""
    bodies = {name: draw(runs(name[:3], most, inside=True, least=0)) for name in ("AIC", "AIV0", "AIV1")}
    around = {name: (draw(runs(name[:3], 1, least=0)), draw(runs(name[:3], 1, least=0))) for name in bodies}
    _credits(draw, bodies, around)
    outside = draw(st.booleans())
    cores = []
    for name, body in bodies.items():
        before, after = around[name]
        inner = Loop("i", ("[]", "k", "b"), tuple(body))
        turn = (inner,) if outside else (*before, inner, *after)
        outer = Loop("b", "total", turn)
        cores.append((name, (*before, outer, *after) if outside else (outer,)))
    return Script(tuple(cores), (Param("total"), Param("k", draw(st.integers(0, 1)), family=True)), ("c",))


@st.composite
def nested(draw: Any, most: int = 3) -> Script:
    """A loop in a loop, the inner one over a family, another parameter, or a number."""
    kind = draw(st.sampled_from(("AIV", "AIC")))
    inner = draw(runs(kind, most, inside=True))
    bound: Expr = draw(st.sampled_from((("[]", "k", "b"), ("[]", "k", "b"), "n", 2)))
    head, tail = draw(runs(kind, 2, least=0)), draw(runs(kind, 2, least=0))
    before: list[Node] = draw(runs(kind, 1, least=0))
    after: list[Node] = draw(runs(kind, 1, least=0))
    if draw(st.booleans()):
        _primed(draw, kind, head, inner, tail)
    if draw(st.integers(0, 3)) == 0:
        _guarded(draw, inner, (("==", "b", 0),))
    body: list[Node] = [*head, Loop("i", bound, tuple(inner)), *tail]
    if draw(st.integers(0, 2)) == 0:
        _primed(draw, kind, before, body, after)
    outer = Loop("b", "total", tuple(body))
    core = "AIV0" if kind == "AIV" else "AIC"
    params = (Param("n"), Param("total", draw(st.integers(0, 1))), Param("k", draw(st.integers(0, 1)), family=True))
    return Script(((core, (*before, outer, *after)),), params, ("c",))


def _credits(draw: Any, bodies: dict[str, list[Node]], around: dict[str, tuple[list[Node], list[Node]]]) -> None:
    """A hand-over and its way back in every turn: one side signals flag 0 and waits for flag 1, perhaps with credit."""
    first = draw(st.sampled_from(("AIC", "AIV")))
    credit = draw(st.integers(0, 2))
    lost = draw(st.integers(0, 19))
    pipe = {name: draw(st.sampled_from(PIPES[name[:3]])) for name in bodies}
    for name, body in bodies.items():
        before, after = around[name]
        gives, takes = (0, 1) if name[:3] == first else (1, 0)
        signal, hear = Do("signal", pipe[name], number=gives), Do("hear", "S", number=takes)
        nodes = [signal, hear] if name[:3] == first and not credit else [hear, signal]
        at = draw(st.integers(0, len(body)))
        if lost != 1 or name != "AIV1":
            body.insert(draw(st.integers(at, len(body))), nodes[1])
        if lost != 2 or name != "AIV0":
            body.insert(at, nodes[0])
        for _ in range(credit):
            if name[:3] == first:
                after.append(hear)
            else:
                before.insert(0, signal)


@st.composite
def together(draw: Any, most: int = 2) -> Script:
    """The cube and both lanes in step: the same loop on each, with signals to and fro inside."""
    bodies = {name: draw(runs(name[:3], most, inside=True, least=0)) for name in ("AIC", "AIV0", "AIV1")}
    around = {name: (draw(runs(name[:3], 1, least=0)), draw(runs(name[:3], 1, least=0))) for name in bodies}
    if draw(st.integers(0, 3)):
        _credits(draw, bodies, around)
    else:
        _crossing(draw, bodies, 1)
    if draw(st.integers(0, 3)) == 0:
        _guarded(draw, bodies[draw(st.sampled_from(tuple(bodies)))])
    cores = tuple((n, (*around[n][0], Loop("i", "n", tuple(body)), *around[n][1])) for n, body in bodies.items())
    return Script(cores, (Param("n", draw(st.integers(0, 1))),), ("c",))


@st.composite
def turning(draw: Any, most: int = 5) -> Script:
    """One loop of one core with rotating slots: each flag has as many sets as waits, primed before and drained after.

    Now and then a token is lost, an instruction is left out in the first or last turn, or a wait comes too early.
    """
    kind = draw(st.sampled_from(("AIV", "AIC")))
    slots = draw(st.sampled_from((1, 1, 2, 2, 3)))
    slot: Expr = ("*", ("%", "i", slots), 64) if slots > 1 else 0
    after_it: Expr = ("*", ("%", ("+", "i", 1), slots), 64) if slots > 1 else 0
    body: list[Node] = []
    for _ in range(draw(st.integers(2, most))):
        space, start = draw(st.sampled_from(((LOCAL[kind], slot), (LOCAL[kind], slot), (LOCAL[kind], after_it),
                                             (LOCAL[kind], 0), ("GM", ("*", "i", 32)), ("GM", 0))))  # fmt: skip
        place = ((space, start, 64),)
        writes = draw(st.booleans())
        pipe = draw(st.sampled_from((*PIPES[kind], *PIPES[kind], "S")))
        body.append(Do("instr", pipe, () if writes else place, place if writes else ()))
    before: list[Node] = []
    after: list[Node] = []
    for _ in range(draw(st.integers(1, 3))):
        src = draw(st.sampled_from((*PIPES[kind], "S")))
        dst = draw(st.sampled_from([p for p in (*PIPES[kind], "S") if p != src]))
        primed = draw(st.sampled_from((0, 1, 1, 2)))
        event: Expr = ("%", "i", slots) if slots > 1 and draw(st.booleans()) else 0
        at = draw(st.integers(0, len(body)))
        first, second = Do("set", src, other=dst, number=event), Do("wait", dst, other=src, number=event)
        if primed:
            first, second = second, first
        body.insert(at, first)
        body.insert(draw(st.integers(at + 1, len(body))), second)
        for number in range(slots if event else 1):
            before += [Do("set", src, other=dst, number=number)] * primed
            after += [Do("wait", dst, other=src, number=number)] * (primed - (draw(st.integers(0, 9)) == 0))
    for _ in range(draw(st.sampled_from((0, 0, 1)))):
        body.insert(draw(st.integers(0, len(body))), Do("barrier", draw(st.sampled_from((*PIPES[kind], "ALL")))))
    if draw(st.integers(0, 2)) == 0:
        at = draw(st.integers(0, len(body) - 1))
        if isinstance(node := body[at], Do) and node.kind == "instr":
            body[at] = Branch(draw(st.sampled_from(((">", "i", 0), ("<", ("+", "i", 1), "n"), "c"))), (node,))
    if draw(st.integers(0, 3)) == 0:
        after.append(draw(instructions(kind, False)))
    if draw(st.integers(0, 3)) == 0:
        before.insert(0, draw(instructions(kind, False)))
    loop = Loop("i", draw(st.sampled_from(("n", "n", ("-", "n", 1)))), tuple(body), draw(st.sampled_from((0, 0, 1))))
    core = "AIV0" if kind == "AIV" else "AIC"
    return Script(((core, (*before, loop, *after)),), (Param("n", draw(st.integers(0, 1))),), ("c",))


@st.composite
def feeding(draw: Any) -> Script:
    """The cube and both lanes: a signal and its way back in every turn, with credit, and accesses around them."""
    bodies: dict[str, list[Node]] = {}
    around: dict[str, tuple[list[Node], list[Node]]] = {}
    credit = draw(st.integers(1, 2))
    first = draw(st.sampled_from(("AIC", "AIV")))
    for name in ("AIC", "AIV0", "AIV1"):
        kind = name[:3]
        gives, takes = (0, 1) if kind == first else (1, 0)
        signal, hear = Do("signal", draw(st.sampled_from(PIPES[kind])), number=gives), Do("hear", "S", number=takes)
        body: list[Node] = []
        for _ in range(draw(st.integers(1, 2))):
            start: Expr = draw(st.sampled_from((0, ("*", PARITY, 64), ("*", ("%", "i", 3), 64))))
            place = (("GM", start, 64),)
            writes = draw(st.booleans())
            pipe = draw(st.sampled_from(PIPES[kind]))
            body.append(Do("instr", pipe, () if writes else place, place if writes else ()))
        if draw(st.booleans()):
            drained = draw(pairs(kind, False))
            body += [*drained] if draw(st.booleans()) else [*drained[::-1]]
        at = draw(st.integers(0, len(body)))
        body.insert(at, hear)
        body.insert(draw(st.integers(at + 1, len(body))), signal)
        sends = kind != first
        around[name] = ([signal] * credit, []) if sends else ([], [hear] * credit)
        bodies[name] = body
    cores = tuple((n, (*around[n][0], Loop("i", "n", tuple(body)), *around[n][1])) for n, body in bodies.items())
    return Script(cores, (Param("n", draw(st.integers(0, 1))),), ("c",))
