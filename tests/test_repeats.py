"""Loops of scalar accesses that are the same in each turn are followed once, and nothing else changes."""

from __future__ import annotations

import pytest

from syncheck.build import kernels
from syncheck.check import Settings, check
from syncheck.frontends.script import parse
from syncheck.ir import For, If
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.proof import Explorer
from syncheck.repeats import without_repeats
from syncheck.replay import Rules

STORES = """
param n in 0..;
tile a : UB fp32[64, 64] at 0x0;
tile b : UB fp32[64, 64] at 0x4000;
core AIV {{
    for (r = 0; r < n; r++) {{
        TEXPANDS(a, 1);
        {before}
        for (i = {start}; i < {stop}; i++) {{
            for (j = 0; j < 64; j++) {{
                instr SetValue on PIPE_S writes a;
                instr GetValue on PIPE_S reads a;
            }}
        }}
        {after}
        TMULS(b, a, 2);
        pipe_barrier(PIPE_V);
    }}
}}
"""
WAIT = "set_flag(PIPE_{0}, PIPE_{1}, EVENT_ID0); wait_flag(PIPE_{0}, PIPE_{1}, EVENT_ID0);"
TO_S, TO_V = WAIT.format("V", "S"), WAIT.format("S", "V")


def script(before: str, after: str, start: str = "0", stop: str = "64") -> str:
    return STORES.format(before=before, after=after, start=start, stop=stop)


def seen(text: str, *, once: bool) -> tuple[set[tuple[object, ...]], bool]:
    """Which pairs of lines clash, and whether the exploration closed."""
    program = parse(text, "x.sync")
    log, machine = Log(), load("a2a3")
    found: set[tuple[object, ...]] = set()
    closed = True
    for kernel in kernels(without_repeats(program) if once else program, machine, {}):
        rules = Rules(in_order=machine.in_order)
        closed &= not Explorer(kernel, rules, log, max_states=20_000).run().gaps
        found |= {
            (c.kind, kernel.sites[c.later.site].span.line, c.later.writes, kernel.sites[c.earlier.site].span.line)
            for c in log.clashes.values()
        }
    return found, closed


@pytest.mark.parametrize("before", ["", TO_S])
@pytest.mark.parametrize("after", ["", TO_V])
@pytest.mark.parametrize(("start", "stop"), [("0", "3"), ("0", "0"), ("r", "2"), ("0", "n")])
def test_nothing_else_is_found_or_lost(before: str, after: str, start: str, stop: str) -> None:
    text = script(before, after, start, stop).replace("n in 0..", "n in 0..3").replace("64; j", "2; j")
    assert seen(text, once=True) == seen(text, once=False)


def test_thousands_of_turns_are_no_states() -> None:
    report = check(script(TO_S, TO_V), "x.sync", Settings(load("a2a3"), timed=False))
    assert (report.verdict, report.findings) == ("proved", ())
    assert report.states < 10
    report = check(script(TO_S, ""), "x.sync", Settings(load("a2a3"), timed=False))
    assert (report.verdict, {f.rule for f in report.findings}) == ("refuted", {"RAW001", "WAW001"})


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("instr SetValue on PIPE_S writes a;", False),
        ("instr SetValue on PIPE_S writes a[i % 2];", True),
        ("instr SetValue on PIPE_S writes UB[i * 4:i * 4 + 4];", True),
        ("instr SetValue on PIPE_V writes a;", True),
        ("if (n > 3) { instr SetValue on PIPE_S writes a; }", False),
        ("if (i > 3) { instr SetValue on PIPE_S writes a; }", True),
        ("instr SetValue on PIPE_S writes a; break;", True),
        ("instr SetValue on PIPE_S writes a; pipe_barrier(PIPE_ALL);", True),
    ],
)
def test_only_accesses_that_are_the_same_in_each_turn(body: str, kept: bool) -> None:
    text = f"param n in 1..; tile a[2] : UB fp32[8, 8] at 0x0; core AIV {{ for (i = 0; i < n; i++) {{ {body} }} }}"
    program = without_repeats(parse(text, "x.sync"))
    assert not program.problems
    (one,) = program.cores[0].body
    assert isinstance(one, For if kept else If)
