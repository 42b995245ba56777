"""Edits of a Program, and what could go from one: proved again without it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from syncheck.check import Settings, check, conditions_of
from syncheck.edits import beside, edited, siblings, statements
from syncheck.frontends.script import parse
from syncheck.ir import Barrier, Program
from syncheck.machine import load
from syncheck.narrowing import narrower
from syncheck.removal import Removable, removables, surplus, without
from syncheck.trial import Ground

SEEDS = Path(__file__).resolve().parent.parent / "fixtures" / "seeds"

NESTED = """
core AIV {
    for (i = 0; i < 2; i++) {
        if (i == 0) { pipe_barrier(PIPE_V); } else { pipe_barrier(PIPE_MTE2); pipe_barrier(PIPE_MTE3); }
    }
    step();
}
def step() { pipe_barrier(PIPE_ALL); }
"""


def barriers(program: Program) -> list[str]:
    return [statement.pipe for _, statement in statements(program) if isinstance(statement, Barrier)]


def test_places_lead_back_to_their_statements() -> None:
    program = parse(NESTED, "k.sync")
    for place, statement in statements(program):
        assert siblings(program, place)[place[-1]] is statement
    assert edited(program, {}) == program


def test_each_statement_can_go_alone() -> None:
    program = parse(NESTED, "k.sync")
    all_pipes = barriers(program)
    assert sorted(all_pipes) == ["ALL", "MTE2", "MTE3", "V"]
    for place, statement in statements(program):
        if isinstance(statement, Barrier):
            left = barriers(edited(program, {place: ()}))
            assert sorted([*left, statement.pipe]) == sorted(all_pipes)


def test_changes_at_several_places_are_those_of_the_original() -> None:
    program = parse(NESTED, "k.sync")
    (first, one), (second, other) = [
        (place, s) for place, s in statements(program) if isinstance(s, Barrier) and s.pipe.startswith("MTE")
    ]
    assert second == beside(first, 1)
    swapped = edited(program, {first: (), second: (other, one)})
    assert [pipe for pipe in barriers(swapped) if pipe.startswith("MTE")] == ["MTE3", "MTE2"]


# ---------------------------------------------------------------- seeds


@cache
def ground(name: str) -> Ground:
    program = parse((SEEDS / f"{name}.sync").read_text(encoding="utf-8"), f"{name}.sync")
    return Ground(program, conditions_of(load("a2a3"), {}, Settings(load("a2a3"))))


def at(name: str, *lines: int) -> list[Removable]:
    found = [r for r in removables(ground(name)) if {site.span.line for site in r.sites} & set(lines)]
    assert {site.span.line for r in found for site in r.sites} >= set(lines)
    return found


def test_what_629_removed_from_596_could_all_go_at_once() -> None:
    """Verdicts of the seeds, §3.6; 192 to 241 are the barriers on a pipe that had nothing to do."""
    assert not ground("pr596").undecided
    assert without(ground("pr596"), at("pr596", 192, 194, 239, 241, 401, 417, 448, 468))


@pytest.mark.parametrize("line", [407, 409, 412, 414, 459, 461, 466, 471, 318, 334, 378, 419, 344])
def test_what_opens_a_hazard_on_596_is_not_surplus(line: int) -> None:
    assert not without(ground("pr596"), at("pr596", line))


def test_sets_and_waits_that_meet_are_one_group_with_their_primes_and_drains() -> None:
    groups = {tuple(site.span.line for site in r.sites): r.name for r in removables(ground("pr708"))}
    assert groups[184, 199, 358, 359, 407, 408] == "M→MTE1, EVENT_ID0, EVENT_ID1"
    assert groups[193, 215, 355, 403, 404] == "MTE1→MTE2, EVENT_ID0, EVENT_ID1"
    assert groups[175, 354] == "MTE1→MTE2, EVENT_ID0"
    assert groups[482, 483] == "V→MTE3, EVENT_ID0"


def test_the_flags_of_708_do_what_the_drain_does_already() -> None:
    eight = at("pr708", 175, 184, 193, 240, 252, 262)
    assert len(eight) == 6
    assert without(ground("pr708"), eight)
    drains = at("pr708", 207, 288)
    assert not without(ground("pr708"), drains)
    assert not without(ground("pr708"), [*eight, *drains])


def test_flags_in_place_of_a_pipe_all() -> None:
    (barrier,) = at("pr596", 329)
    flags = narrower(ground("pr596"), barrier.places, barrier.sites[0])
    assert {flag[:2] for flag in flags} == {("M", "MTE1"), ("FIX", "M")}


@pytest.mark.deep
def test_everything_that_could_go_on_596_and_708() -> None:
    found = surplus(ground("pr596"))
    assert {s.sites[0].span.line for s in found if not s.instead} >= {192, 194, 239, 241, 401, 417, 448, 468}
    assert {s.sites[0].span.line for s in found if s.instead} == {318, 329, 334}
    together = [s for s in surplus(ground("pr708")) if s.together]
    assert len([s for s in together if s.flag]) == 7


# ---------------------------------------------------------------- what is not decided


def test_a_kernel_that_stands_still_has_nothing_surplus() -> None:
    text = "core AIV { wait_flag(PIPE_V, PIPE_MTE3, 0); pipe_barrier(PIPE_V); }"
    report = check(text, "k.sync", Settings(load("a2a3"), surplus=True))
    assert report.undecided
    assert not [f for f in report.findings if f.rule in ("SUR001", "SUR002")]


def test_a_comment_on_surplus_is_judged_only_where_surplus_was_asked_for() -> None:
    text = (
        "gm y : fp32[2, 512];\ntile a : UB fp32[1, 512] at 0x0;\ncore AIV {\n    TEXPANDS(a, 0);\n"
        "    pipe_barrier(PIPE_ALL);  // syncheck: ignore[SUR002] kept for the next step\n}\n"
    )
    for asked in (False, True):
        report = check(text, "k.sync", Settings(load("a2a3"), surplus=asked))
        assert not [f for f in report.findings if f.rule == "SUP001"]
        assert [f.suppressed for f in report.findings if f.rule == "SUR002"] == [True] * asked


def test_groups_are_seen_whatever_makes_stores_visible() -> None:
    path = SEEDS.parent / "SUR001" / "fires_two_flags.sync"
    told = []
    for options in ((), ("xcore_visibility=needs-dsb",)):
        settings = Settings(load("a2a3", overrides=options), surplus=True)
        report = check(path.read_text(encoding="utf-8"), "k.sync", settings)
        told.append(sorted(f.primary.span.line for f in report.findings if f.rule == "SUR001"))
    assert told[0] == told[1] != []
