"""Stores that need a dsb to be seen: the exploration against what the clocks of recorded runs say, event by event."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncheck.build import kernels
from syncheck.check import Settings, check, check_trace
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.ordering import Rules
from syncheck.proof import Explorer
from syncheck.recording import Event, Recording, record
from syncheck.why_search import smallest_first

A2A3 = load("a2a3")
RULES = Rules(dsb_between_cores=True, dsb_within_core=True)
SUITE = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
Sites = tuple[int, int]


def unseen(recording: Recording) -> Iterator[Sites]:
    """A store that a read knows to be complete, and no dsb of its core between that the read knows of."""
    wiring = recording.kernel.wiring
    fences = [event for event in recording.events if event.action.site in wiring.fences]
    stores = [e for e in recording.events if e.action.writes and wiring.name(e.agent)[1] in ("FIX", "MTE3")]
    for read in recording.events:
        for store in stores if read.action.reads else ():
            crossing = store.action.core != read.action.core
            if not crossing and wiring.name(read.agent)[1] != "MTE2":
                continue
            own = [fence for fence in fences if fence.action.core == store.action.core]
            shown = any(known(store, fence) and known(fence, read) for fence in own)
            if known(store, read) and meets(store, read) and not shown:
                yield store.action.site, read.action.site


def known(one: Event, other: Event) -> bool:
    return one.count <= other.clock[one.agent] and one is not other


def meets(store: Event, read: Event) -> bool:
    if store.action.atomic and read.action.atomic:
        return False
    shared = {cell for handle in store.action.writes if handle.shared for cell in handle.cells}
    return any(cell in shared for handle in read.action.reads for cell in handle.cells)


def explored(text: str, **pins: int) -> tuple[set[Sites], set[Sites], Any]:
    """(unseen pairs, pairs that race) of the exploration, which closes."""
    kernel = next(kernels(parse(text, "dsb.sync"), A2A3, {name: (value,) for name, value in pins.items()}))
    log = Log()
    outcome = Explorer(kernel, RULES, log, max_states=400).run()
    assert not outcome.gaps
    pairs = [(c.kind, (c.earlier.site, c.later.site)) for c in log.clashes.values()]
    return {p for kind, p in pairs if kind == "unseen"}, {p for kind, p in pairs if kind != "unseen"}, kernel


ACTS = (
    "instr st on {store} reads {local}[0:64] writes GM[{at}:{to}];",
    "instr st on {store} reads {local}[0:64] writes GM[{at}:{to}];",
    "instr ld on PIPE_MTE2 reads GM[{at}:{to}] writes {local}[64:128];",
    "set_flag({store}, PIPE_MTE2, {event}); wait_flag({store}, PIPE_MTE2, {event});",
    "set_flag({store}, PIPE_S, {event}); wait_flag({store}, PIPE_S, {event});",
    "pipe_barrier(PIPE_ALL);",
    "dsb(0);",
    "dsb(0);",
)


@st.composite
def fenced(draw: Any) -> str:
    """Three cores that store to and load from two places of GM, with drains, dsb and hand-overs; perhaps in loops."""
    bodies: dict[str, list[str]] = {}
    for core, store, local in (("AIC", "PIPE_FIX", "L1"), ("AIV0", "PIPE_MTE3", "UB"), ("AIV1", "PIPE_MTE3", "UB")):
        bodies[core] = []
        for act in draw(st.lists(st.sampled_from(ACTS), min_size=1, max_size=6)):
            at = draw(st.sampled_from((0, 0, 64)))
            event = draw(st.integers(0, 1))
            bodies[core].append(act.format(store=store, local=local, at=at, to=at + 64, event=event))
    for flag in range(draw(st.integers(1, 2))):
        down = draw(st.booleans())
        for core, body in bodies.items():
            sends = (core == "AIC") == down
            pipe = "PIPE_FIX" if core == "AIC" else "PIPE_MTE3"
            text = f"ffts_cross_core_sync({pipe}, 2, {flag});" if sends else f"wait_flag_dev({flag});"
            body.insert(draw(st.integers(0, len(body))), text)
    looped = draw(st.booleans())
    lines = ["param n in 1..;"]
    for core, body in bodies.items():
        inner = ["for (i = 0; i < n; i++) {", *body, "}"] if looped else body
        lines += [f"core {core} {{", *inner, "}"]
    return "\n".join(lines)


@pytest.mark.parametrize("times", [pytest.param(1), pytest.param(50, marks=pytest.mark.deep)])
def test_random_programs(times: int) -> None:
    shown: list[int] = []

    def one(text: str) -> None:
        found, races, kernel = explored(text, n=2)
        runs = list(islice(smallest_first(lambda case: record(kernel, Rules(), case)), 16))
        expected = {pair for recording in runs for pair in unseen(recording)}
        assert found <= expected, text
        assert expected <= found | races, text
        shown.append(len(found))
        each = [explored(text, n=n)[0] for n in range(1, 6)]
        assert explored(text)[0] == set().union(*each), text

    settings(SUITE, max_examples=60 * times)(given(fenced())(one))()
    assert sum(map(bool, shown)) > 5 * times


HAND_OVER = """
const DSB_DDR = 2;
param n in 1..;
core AIV0 {{
    for (i = 0; i < n; i++) {{
        instr st on PIPE_MTE3 reads UB[0:512] writes GM[0:512];
        {between}
        ffts_cross_core_sync(PIPE_MTE3, 1, 0);
        wait_flag_dev(1);
    }}
}}
core AIV1 {{
    for (i = 0; i < n; i++) {{
        ffts_cross_core_sync(PIPE_MTE3, 1, 0);
        wait_flag_dev(0);
        instr ld on PIPE_MTE2 reads GM[0:512] writes UB[0:512];
        set_flag(PIPE_MTE2, PIPE_MTE3, EVENT_ID0);
        wait_flag(PIPE_MTE2, PIPE_MTE3, EVENT_ID0);
        ffts_cross_core_sync(PIPE_MTE3, 1, 1);
    }}
}}
"""
DRAIN = "set_flag(PIPE_MTE3, PIPE_S, EVENT_ID0); wait_flag(PIPE_MTE3, PIPE_S, EVENT_ID0); "
ROUND_TRIP = """
const DSB_DDR = 2;
core AIV0 {{
    instr st on PIPE_MTE3 reads UB[0:512] writes GM[0:512];
    set_flag(PIPE_MTE3, PIPE_MTE2, EVENT_ID0);
    wait_flag(PIPE_MTE3, PIPE_MTE2, EVENT_ID0);
    {between}
    instr ld on PIPE_MTE2 reads GM[0:512] writes UB[512:1024];
    set_flag(PIPE_MTE2, PIPE_S, EVENT_ID0);
    wait_flag(PIPE_MTE2, PIPE_S, EVENT_ID0);
    {drain}
}}
"""


def rules_in(text: str, *options: str) -> list[tuple[str, int]]:
    report = check(text, "dsb.sync", Settings(load("a2a3", overrides=options)))
    return [(f.rule, f.primary.span.line) for f in report.findings if f.rule in ("DRN001", "RAW001")]


@pytest.mark.parametrize(
    ("between", "options", "found"),
    [
        ("", (), False),
        ("", ("xcore_visibility=needs-dsb",), True),
        (DRAIN, ("xcore_visibility=needs-dsb",), True),
        (DRAIN + "dsb(DSB_DDR);", ("xcore_visibility=needs-dsb",), False),
        ("dsb(DSB_DDR);" + DRAIN, ("xcore_visibility=needs-dsb",), True),
        ("pipe_barrier(PIPE_ALL); dsb(DSB_DDR);", ("xcore_visibility=needs-dsb",), False),
        ("pipe_barrier(PIPE_MTE3); dsb(DSB_DDR);", ("xcore_visibility=needs-dsb",), True),
        ("dsb(DSB_DDR);", ("xcore_visibility=needs-dsb", "dsb_drains_dma=yes"), False),
        ("", ("gm_roundtrip=flag+dsb",), False),
    ],
)
def test_between_cores(between: str, options: tuple[str, ...], found: bool) -> None:
    text = HAND_OVER.format(between=between)
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "instr ld" in each)
    assert rules_in(text, *options) == ([("DRN001", line)] if found else [])


@pytest.mark.parametrize(
    ("between", "options", "found"),
    [
        ("", (), False),
        ("", ("gm_roundtrip=flag+dsb",), True),
        (DRAIN + "dsb(DSB_DDR);", ("gm_roundtrip=flag+dsb",), False),
        ("dsb(DSB_DDR);", ("gm_roundtrip=flag+dsb",), True),
        ("", ("xcore_visibility=needs-dsb",), False),
    ],
)
def test_within_a_core(between: str, options: tuple[str, ...], found: bool) -> None:
    text = ROUND_TRIP.format(between=between, drain=DRAIN)
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "instr ld" in each)
    assert rules_in(text, *options) == ([("RAW001", line)] if found else [])


def test_a_trace_is_not_proved_under_these_readings() -> None:
    lines = [b'{"core": "AIV0", "pipe": "V", "op": "x"}']
    assert check_trace(lines, "t.jsonl", Settings(A2A3)).verdict == "proved"
    careful = load("a2a3", overrides=["xcore_visibility=needs-dsb"])
    report = check_trace(lines, "t.jsonl", Settings(careful))
    assert (report.verdict, "event scripts only" in report.reason) == ("bounded", True)
