"""Which ordering makes the difference: one small kernel, one line changed at a time."""

from __future__ import annotations

import pytest

from syncheck.check import Settings, check
from syncheck.finding import Finding
from syncheck.machine import load


def findings(text: str, *overrides: str) -> tuple[Finding, ...]:
    report = check(text, "t.sync", Settings(load("a2a3", overrides=overrides), timed=False))
    return tuple(f for f in report.findings if f.rule not in ("REL001", "FLG005"))


def rules(text: str, *overrides: str) -> list[str]:
    return sorted(f.rule for f in findings(text, *overrides))


def pair(src: str, dst: str, event: int = 0) -> str:
    return f"set_flag(PIPE_{src}, PIPE_{dst}, {event}); wait_flag(PIPE_{src}, PIPE_{dst}, {event});"


LANE = """
gm x : fp32[2, 512]; gm y : fp32[2, 512];
tile a : UB fp32[1, 512] at 0x0; tile b : UB fp32[1, 512] at 0x1000;
core AIV { TLOAD(a, x[lane]); %s TADDS(b, a, 1); %s TSTORE(y[lane], b); %s }
"""


@pytest.mark.parametrize(
    ("between", "rule"),
    [
        ("", ["RAW001"]),
        (pair("MTE2", "V"), []),
        (pair("MTE2", "MTE3"), ["RAW001"]),
        (pair("MTE2", "S"), []),
        (pair("MTE2", "MTE3") + pair("MTE3", "V", 1), []),
        (pair("MTE3", "V", 1), ["RAW001"]),
        ("pipe_barrier(PIPE_ALL);", []),
        ("pipe_barrier(PIPE_MTE2);", ["RAW001"]),
        (pair("S", "V"), ["RAW001"]),
        ("set_flag(PIPE_MTE2, PIPE_V, 0);", ["FLG002", "RAW001"]),
        ("wait_flag(PIPE_MTE2, PIPE_V, 0);", ["FLG001"]),
        ("wait_flag(PIPE_MTE2, PIPE_V, 0); set_flag(PIPE_MTE2, PIPE_V, 0);", []),
        ("wait_flag(PIPE_MTE2, PIPE_S, 0); set_flag(PIPE_MTE2, PIPE_S, 0);", ["DLK001"]),
    ],
)
def test_between_load_and_compute(between: str, rule: list[str]) -> None:
    assert rules(LANE % (between, pair("V", "MTE3"), pair("MTE3", "S"))) == rule


@pytest.mark.parametrize(
    ("end", "overrides", "rule"),
    [
        ("", (), ["DRN002"]),
        ("pipe_barrier(PIPE_MTE3);", (), ["DRN002"]),
        (pair("MTE3", "S"), (), []),
        ("pipe_barrier(PIPE_ALL);", (), []),
        (pair("V", "S"), (), ["DRN002", "FLG007"]),
        ("", ("exit=launch",), []),
    ],
)
def test_before_the_return(end: str, overrides: tuple[str, ...], rule: list[str]) -> None:
    assert rules(LANE % (pair("MTE2", "V"), pair("V", "MTE3"), end), *overrides) == rule


VECTOR = """
gm y : fp32[2, 512];
tile a : UB fp32[1, 512] at 0x0; tile b : UB fp32[1, 512] at 0x1000;
core AIV { TEXPANDS(a, 0); pipe_barrier(PIPE_V); %s set_flag(PIPE_V, PIPE_MTE3, 0); wait_flag(PIPE_V, PIPE_MTE3, 0);
    TSTORE(y[lane], a); pipe_barrier(PIPE_ALL); }
"""


@pytest.mark.parametrize(
    ("body", "overrides", "severities"),
    [
        ("TADDS(b, a, 1); TADDS(a, b, 1);", (), ["error"]),
        ("TADDS(b, a, 1); pipe_barrier(PIPE_V); TADDS(a, b, 1);", (), []),
        ("TADDS(b, a, 1); TEXPANDS(a, 1);", (), ["info"]),
        ("TADDS(b, a, 1); TEXPANDS(b, 1);", (), ["error"]),
        ("TADDS(b, a, 1); TEXPANDS(a, 1);", ("same_pipe=strict",), ["error"]),
        ("TADDS(b, a, 1); TADDS(a, b, 1);", ("same_pipe=off",), []),
        ("TADDS(b, a, 1); TADDS(b, b, 1); TADDS(a, b, 1);", (), ["error", "error"]),
    ],
)
def test_same_pipe(body: str, overrides: tuple[str, ...], severities: list[str]) -> None:
    """One finding for each barrier that is missing, as severe as the worst pair it would order."""
    found = [f for f in findings(VECTOR % body, *overrides) if f.rule == "BAR001"]
    assert sorted(f.severity for f in found) == severities
