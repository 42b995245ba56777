"""The seed schedules and what is true of them (verdicts of the seed pull requests of simpler)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from syncheck.check import Settings, check, check_trace
from syncheck.finding import FileReport, Finding
from syncheck.machine import load

SEEDS = Path(__file__).resolve().parent.parent / "fixtures" / "seeds"
RACES = {"pr596": (421, 411), "pr629": (407, 398), "pr676": (407, 398), "pr704": (434, 425), "pr708": (484, 475)}
FIXED = ("pr708_fixed_flag", "pr708_fixed_slots", "pr708_fixed_drain")
STATES = {"pr596": 138, "pr629": 138, "pr676": 148, "pr704": 154, "pr708": 170, "pr708_fixed_flag": 170,
          "pr708_fixed_slots": 170, "pr708_fixed_drain": 155, "pr331_after": 7}  # fmt: skip
"""How many states the proof takes: fewer if some that differ are taken for one, more if some that are alike are not."""


def run(name: str, *options: str, definitions: tuple[tuple[str, str], ...] = ()) -> FileReport:
    machine = load("a2a3", overrides=options)
    text = (SEEDS / f"{name}.sync").read_text(encoding="utf-8")
    return check(text, f"{name}.sync", Settings(machine, definitions=definitions))


def errors(report: FileReport, core: str = "") -> list[Finding]:
    return [f for f in report.findings if f.severity == "error" and f.primary.core.startswith(core)]


def lines(findings: Iterable[Finding]) -> set[tuple[str, int, int]]:
    """(rule, earlier line, later line) of every pair."""
    found = set()
    for finding in findings:
        for pair in finding.pairs:
            earlier = pair.secondary.span.line if pair.secondary else 0
            found.add((finding.rule, earlier, pair.primary.span.line))
    return found


@pytest.mark.parametrize("name", RACES)
def test_every_tpush_version_has_the_war_on_pij_bf16_and_nothing_else(name: str) -> None:
    report = run(name)
    (race,) = errors(report)
    store, convert = RACES[name]
    assert report.verdict == "refuted"
    assert lines([race]) == {("WAR001", store, convert)}
    assert "pijBf16" in race.title
    assert dict(race.parameters)["n_blocks"] == "2"
    assert "both lanes" in race.where
    assert race.primary.pipe == "V"
    assert race.labels[1].pipe == "MTE3"
    assert report.states == STATES[name]


@pytest.mark.parametrize("name", RACES)
def test_one_block_each_is_clean_for_any_number_of_logical_blocks(name: str) -> None:
    report = run(name, definitions=(("n_blocks", "1"),))
    assert report.verdict == "proved", report.reason
    assert not errors(report)


@pytest.mark.parametrize("name", [*FIXED, "pr331_after"])
def test_the_fixes_are_proved_for_every_trip_count(name: str) -> None:
    report = run(name)
    assert (report.verdict, report.reason) == ("proved", "")
    assert report.states == STATES[name]


def test_704_cube_side_is_ordered_only_through_the_fix_drain() -> None:
    report = run("pr704")
    assert not errors(report, "AIC")
    (reliance,) = [f for f in report.findings if f.rule == "REL001"]
    assert reliance.severity == "info"
    assert {label.span.line for label in reliance.labels} >= {205, 261}
    pairs = {(p.secondary.span.line if p.secondary else 0, p.primary.span.line) for p in reliance.pairs}
    assert {(179, 187), (236, 244), (203, 253), (259, 196)} <= pairs


def test_fifos_of_depth_one_lose_tiles_and_depth_two_does_not() -> None:
    found = errors(run("pr676_depth1"))
    assert {f.primary.span.line for f in found if f.rule == "FIF001"} == {192, 237, 407}
    assert {f.rule for f in found} == {"FIF001", "WAR001"}
    assert not [f for f in errors(run("pr676")) if f.rule == "FIF001"]
    assert run("pr676_depth1", definitions=(("n_blocks", "1"),)).verdict == "proved"


def test_331_before_overwrites_the_l1_slots_from_three_blocks_on() -> None:
    found = errors(run("pr331_before"))
    assert lines(found) == {("WAR001", 93, 113), ("WAR001", 94, 114)}
    assert all(dict(f.parameters)["n_blocks"] == "3" for f in found)
    assert run("pr331_before", definitions=(("n_blocks", "2"),)).verdict == "proved"


def test_499_softmax_needs_barriers_between_dependent_vector_instructions() -> None:
    found = errors(run("pr499_softmax"))
    adjacent = {("BAR001", 112, 113), ("BAR001", 113, 114), ("BAR001", 114, 115)}
    assert adjacent <= lines(found) <= adjacent | {("BAR001", 112, 114), ("BAR001", 112, 115)}


def test_zero_length_blocks_leave_a_store_in_flight() -> None:
    found = errors(run("zero_length_block"))
    assert {("WAR001", 761, 756), ("WAR001", 761, 420)} <= lines(found)
    assert [f.primary.span.line for f in found if f.rule == "DRN002"] == [761]
    later = [f for f in found if f.primary.span.line == 756]
    assert dict(later[0].parameters)["n_blocks"] == "0"


def test_draining_mte3_after_an_accumulator_store_publishes_too_early() -> None:
    found = errors(run("pr629_mte3_drain"))
    drains = [f for f in found if f.rule == "DRN001"]
    assert {f.primary.span.line for f in drains} == {194, 239}
    assert {f.labels[1].span.line for f in drains} == {192, 237}


@pytest.mark.parametrize(("name", "drains"), [("pr629", {194, 239}), ("pr676", {194, 239}), ("pr704", {205, 261}),
                                              ("pr708", {208, 289})])  # fmt: skip
def test_the_reviewers_fear_is_what_the_other_reading_of_the_store_pipe_gives(name: str, drains: set[int]) -> None:
    found = errors(run(name, "acc_store=FIX+MTE3"))
    assert {f.primary.span.line for f in found if f.rule == "DRN001"} == drains
    assert not [f for f in errors(run(name)) if f.rule == "DRN001"]


def test_704_with_advisory_scalar_waits_races_where_708_put_its_flags() -> None:
    found = {(earlier, later) for _, earlier, later in lines(errors(run("pr704", "scalar_wait=advisory"), "AIC"))}
    l1 = {(179, 187), (181, 189), (236, 244), (238, 246)}
    l1_next_block = {(236, 221)}
    l0 = {(m, move) for m in (196, 253) for move in (177, 179, 181, 234, 236, 238)}
    l0c = {(store, m) for store in (203, 259) for m in (196, 253)}
    assert found == l1 | l1_next_block | l0 | l0c


def test_708_with_advisory_scalar_waits_keeps_the_races_its_flags_do_not_cover() -> None:
    found = {(earlier, later) for _, earlier, later in lines(errors(run("pr708", "scalar_wait=advisory"), "AIC"))}
    l0c = {(store, m) for store in (206, 287) for m in (198, 280)}
    assert found == l0c | {(280, 187), (280, 189), (280, 191)}


@pytest.mark.parametrize("name", RACES)
def test_the_recorded_traces_say_the_same_as_the_scripts(name: str) -> None:
    number = name.removeprefix("pr")
    settings = Settings(load("a2a3"))
    with (SEEDS / "traces" / f"{number}.jsonl").open("rb") as trace:
        recorded = check_trace(trace, f"{number}.jsonl", settings)
    pins = (("n_blocks", "3"), ("total", "1"), ("hw", "0"), ("hw_num", "1"))
    script = run(name, definitions=pins)
    rules = {"SUR003", "REL001", "FLG005"}  # these ask about the text, not about one run

    def told(report: FileReport) -> set[tuple[str, str, int]]:
        return {
            (f.rule, label.core[:3], label.span.line)
            for f in report.findings
            if f.rule not in rules
            for label in f.labels[:1]
        }

    assert told(recorded) == told(script)
