"""Random loops whose text asks all kinds of things of counters, bounds and members of families: what lets a loop be
folded, and what must not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from programs import LOCAL, PIPES, pairs

from syncheck.simulator.program import Branch, Do, Expr, Leave, Loop, Node, Param, Script

COMPARISONS = ("<", ">", "==", "!=")
BEHIND: Expr = ("&&", (">", "i", 0), ("[]", "t", ("-", "i", 1)))
UNKNOWN: tuple[Expr, ...] = (
    ("[]", "t", "i"), ("[]", "t", "i"), ("[]", "t", ("+", "i", 1)), ("[]", "t", 0), BEHIND, BEHIND, "c"
)  # fmt: skip


@st.composite
def sums(draw: Any, inner: bool) -> Expr:
    """A number made of counters, parameters and small constants."""
    names: tuple[Expr, ...] = ("i", "i", "i", "n", "n", "m", "w", ("[]", "k", "i"), ("[]", "k", 0), ("*", 2, "i"))
    one = draw(st.sampled_from((*names, "j", "j", "j") if inner else names))
    shape = draw(st.integers(0, 5))
    if shape < 2:
        return one
    other = draw(st.sampled_from((1, 2, 3, 5, "i", "n", *(("j",) if inner else ()))))
    return ("-" if shape == 2 else "+", one, other) if shape < 5 else ("-", other, one)


@st.composite
def questions(draw: Any, inner: bool = False) -> Expr:
    """A condition."""
    choice = draw(st.integers(0, 9))
    if choice < 3:
        return draw(st.sampled_from(UNKNOWN))
    if choice < 6:
        left, right = draw(sums(inner)), draw(st.integers(0, 7))
        return (draw(st.sampled_from(COMPARISONS)), left, right)
    if choice < 7:
        return (draw(st.sampled_from(COMPARISONS)), draw(sums(inner)), draw(sums(inner)))
    if choice < 9:
        modulus = draw(st.sampled_from((2, 3, 4, 8)))
        return ("==", ("%", draw(sums(inner)), modulus), draw(st.integers(0, modulus - 1)))
    return (draw(st.sampled_from(("&&", "||"))), draw(questions(inner)), draw(questions(inner)))


def _bytes(draw: Any, kind: str, inner: bool) -> tuple[str, Expr, Expr]:
    counter: Expr = ("+", "j", 2) if inner and draw(st.booleans()) else "i"  # j may start below 0
    moving = draw(st.integers(0, 5))
    if moving == 0:
        start = draw(
            st.sampled_from((("*", counter, 64), ("*", ("+", counter, 1), 64), ("+", ("*", counter, 64), 128)))
        )
        return "GM", start, 64
    if moving == 1:
        return LOCAL[kind], 0, ("+", ("*", ("%", counter, 3), 64), 64)
    if moving == 2 and draw(st.integers(0, 3)) == 0:
        return LOCAL[kind], 0, ("+", ("*", counter, 64), 64)
    slots = draw(st.sampled_from((2, 3)))
    return LOCAL[kind], draw(st.sampled_from((0, 0, 64, 256, ("*", ("%", counter, slots), 64)))), 64


def _access(draw: Any, kind: str, inner: bool) -> Do:
    place = (_bytes(draw, kind, inner),)
    pipe = draw(st.sampled_from(PIPES[kind]))
    return Do("instr", pipe, *((place, ()) if draw(st.booleans()) else ((), place)))


def pieces(draw: Any, kind: str, inner: bool, least: int, most: int) -> list[Node]:
    """Accesses, flags and barriers, about half of them under a condition."""
    nodes: list[Node] = []
    for _ in range(draw(st.integers(least, most))):
        choice = draw(st.integers(0, 9))
        part: tuple[Node, ...]
        if choice < 6:
            part = (_access(draw, kind, inner),)
        elif choice < 8:
            part = draw(pairs(kind, False))
        else:
            part = (Do("barrier", draw(st.sampled_from((*PIPES[kind], "ALL", "ALL")))),)
        if draw(st.booleans()):
            part = (Branch(draw(questions(inner)), part),)
        nodes += part
    return nodes


def _inner(draw: Any, kind: str) -> Loop:
    bounds: tuple[Expr, ...] = ("i", ("+", "i", 1), "m", ("[]", "k", "i"), 3, 6, "w", ("-", "n", "i"))
    start = draw(st.sampled_from((0, 0, 0, 1, -2, "i")))
    return Loop("j", draw(st.sampled_from(bounds)), tuple(pieces(draw, kind, True, 1, 3)), start)


def _outer(draw: Any, kind: str) -> Loop:
    far = draw(st.sampled_from((1, 1, 2, 5)))
    bound: Expr = draw(st.sampled_from(("n", "n", "n", ("+", "n", far), ("-", "n", far), "w", "m", 4)))
    body = pieces(draw, kind, False, 1, 3)
    if draw(st.integers(0, 2)) == 0:
        body.insert(draw(st.integers(0, len(body))), _inner(draw, kind))
    if draw(st.integers(0, 7)) == 0:
        leave = Branch(draw(questions()), (Leave(draw(st.booleans())),))
        body.insert(draw(st.integers(0, len(body))), leave)
    return Loop("i", bound, tuple(body), draw(st.sampled_from((0, 0, 0, 1, 2))), draw(st.sampled_from((1, 1, 1, 2, 3))))


def _outside(nodes: list[Node]) -> list[Node]:
    """The same where there is no loop: i is the number 1 there."""

    def told(item: Any) -> Any:
        if isinstance(item, Branch):
            return Branch(told(item.condition), told(item.then), told(item.otherwise))
        if isinstance(item, Do):
            return Do(item.kind, item.pipe, told(item.reads), told(item.writes), item.atomic, item.other, item.number)
        if isinstance(item, tuple):
            return tuple(1 if part == "i" else told(part) for part in item)
        return item

    return [told(node) for node in nodes]


@st.composite
def turns(draw: Any) -> Script:
    """One core, one or two loops, and something before, between and after them."""
    kind = draw(st.sampled_from(("AIV", "AIC")))
    nodes = _outside(pieces(draw, kind, False, 0, 1))
    for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
        nodes += [_outer(draw, kind), *_outside(pieces(draw, kind, False, 0, 2))]
    low = draw(st.sampled_from((0, 0, 1, 3)))
    by = draw(st.sampled_from((1, 2)))
    params = (Param("n", low), Param("m", draw(st.integers(0, 1))), Param("k", 0, family=True))
    other = ("w", draw(st.sampled_from((("-", "n", by), ("+", "n", by), ("+", "m", by)))))
    return Script((("AIV0" if kind == "AIV" else "AIC", tuple(nodes)),), params, ("c",), ("t",), (other,))


@st.composite
def strides(draw: Any) -> Script:
    """Loops over logical blocks: start, step and end are not pinned, inner trip counts differ from block to block."""
    names = draw(st.sampled_from((("AIV0",), ("AIC",), ("AIC", "AIV0"))))
    cores: list[tuple[str, tuple[Node, ...]]] = []
    for name in names:
        kind = name[:3]
        asked: tuple[Expr, ...] = (("[]", "t", "i"), BEHIND, "c", ("==", ("[]", "k", "i"), 2), (">", "i", 1))
        body: list[Node] = []
        for _ in range(draw(st.integers(1, 3))):
            part: tuple[Node, ...] = (_plain(draw, kind),)
            if draw(st.booleans()):
                part = (Branch(draw(st.sampled_from(asked)), part),)
            body += part
        if draw(st.booleans()):
            bound = ("[]", "k", draw(st.sampled_from(("i", "i", ("+", "i", 1)))))
            inner = Loop("j", bound, tuple(_plain(draw, kind) for _ in range(draw(st.integers(1, 2)))))
            body.insert(draw(st.integers(0, len(body))), inner)
        start, step = draw(st.sampled_from((("first", "step"), (0, "step"), ("first", 1), (0, 1))))
        after = [_plain(draw, kind) for _ in range(draw(st.integers(0, 1)))]
        cores.append((name, (Loop("i", "total", tuple(body), start, step), *after)))
    params = (Param("first"), Param("step", 1), Param("total"), Param("k", 0, family=True))
    return Script(tuple(cores), params, ("c",), ("t",))


def _plain(draw: Any, kind: str) -> Do:
    choice = draw(st.integers(0, 5))
    if choice == 0:
        return Do("barrier", draw(st.sampled_from((*PIPES[kind], "ALL"))))
    space, start = draw(st.sampled_from(((LOCAL[kind], 0), (LOCAL[kind], 64), ("GM", 0))))
    place = ((space, start, 64),)
    return Do("instr", draw(st.sampled_from(PIPES[kind])), *((place, ()) if draw(st.booleans()) else ((), place)))
