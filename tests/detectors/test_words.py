"""What a finding says: the head line, the reasons, the lines to type, the smallest parameters."""

from __future__ import annotations

from pathlib import Path

from syncheck.analysis import Analysis
from syncheck.build import kernels
from syncheck.check import Settings, check, rules_of
from syncheck.detectors import findings
from syncheck.detectors.input import problem_findings
from syncheck.finding import Finding
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.proof import Explorer
from syncheck.recording import record
from syncheck.source import Problem, Span

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"


def found(name: str, rule: str) -> Finding:
    text = (FIXTURES / name).read_text(encoding="utf-8")
    report = check(text, name, Settings(load("a2a3"), timed=False))
    return next(finding for finding in report.findings if finding.rule == rule)


def test_the_race_of_the_field() -> None:
    """From the report alone: what, where, from how many blocks on, and which flag to add."""
    finding = found("seeds/pr708.sync", "WAR001")
    assert finding.title == "pijBf16 is overwritten while it is still being stored"
    assert finding.where == "both lanes, n_blocks >= 2"
    assert dict(finding.parameters)["n_blocks"] == "2"
    later, earlier = finding.labels
    assert (later.span.line, later.pipe, later.op, later.access) == (475, "V", "TCVT", "write")
    assert (earlier.span.line, earlier.pipe, earlier.op, earlier.access) == (484, "MTE3", "TPUSH", "read")
    assert later.region is not None
    assert (later.region.start, later.region.stop) == (0x5000, 0x5800)
    assert "run V→MTE3 (482, 483, 672, 673). Nothing tells V that MTE3 has finished." in finding.why[0]
    assert finding.order[0].startswith("set_flag(PIPE_MTE3, PIPE_V, EVENT_ID0) after 484, wait_flag(")
    assert "before 475; prime it once before the loop, drain it once after." in finding.order[0]
    assert "Or two slots for pijBf16." in finding.order
    assert len(finding.pairs) == 1


def test_pingpong_by_hand_is_one_cause() -> None:
    """Two tiles by turns through the same lines are one finding, and nobody is told to take two slots."""
    finding = found("seeds/pr331_before.sync", "WAR001")
    assert len(finding.pairs) == 1
    assert not any("two slots" in text for text in finding.order)


def test_straight_line_needs_no_priming() -> None:
    finding = found("RAW001/fires_load_compute.sync", "RAW001")
    assert finding.title == "a is read by V before MTE2 has loaded it"
    assert finding.order[0] == (
        "set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0) after 8, wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0) before 9."
    )


def test_two_instructions_of_one_line_need_no_priming() -> None:
    text = "core AIV0 { instr load on PIPE_MTE2 writes UB[0:64]; instr use on PIPE_V reads UB[0:64]; }"
    (race,) = check(text, "k.sync", Settings(load("a2a3"), timed=False)).findings
    assert (race.rule, ["prime" in line for line in race.order]) == ("RAW001", [False, False])


def test_deadlock_ends_where_it_started() -> None:
    finding = found("DLK001/fires_own_set.sync", "DLK001")
    assert finding.chain[0].startswith("1  AIV0  S  wait_flag(PIPE_MTE3, PIPE_S, EVENT_ID0)  at 10  needs a set of")
    assert finding.chain[-1].endswith("is behind 1, which is where we started")
    assert len({len(step.split("  ")) for step in finding.chain}) == 1


def test_overtaking_names_both_sets_and_the_wait() -> None:
    finding = found("FLG003/fires_loop.sync", "FLG003")
    assert [label.span.line for label in finding.labels] == [9, 9, 10]


def test_reliance_names_the_pairs() -> None:
    finding = found("REL001/fires_drain.sync", "REL001")
    assert "MTE3→S drain at 14" in finding.title
    assert [(p.primary.span.line, p.secondary and p.secondary.span.line) for p in finding.pairs] == [(9, 12)]


def test_problem() -> None:
    (finding,) = problem_findings([Problem(Span("t.sync", 3, 5), "unknown pipe 'PIPE_VEC'", "a pipe", "PIPE_V")])
    assert (finding.rule, finding.severity, finding.title) == ("SYN001", "error", "unknown pipe 'PIPE_VEC'")
    assert finding.why == ("Expected a pipe.",)
    assert finding.order == ("Write PIPE_V.",)


def test_a_recorded_run_tells_more() -> None:
    """With the smallest case run again, the picture has the flags around the gap."""
    path = FIXTURES / "WAR001/fires_store_loop.sync"
    machine = load("a2a3")
    kernel = next(kernels(parse(path.read_text(encoding="utf-8"), path.name), machine, {}))
    log, rules = Log(), rules_of(machine)
    Explorer(kernel, rules, log).run()
    analysis = Analysis(None, machine, kernel, log, record=lambda case: record(kernel, rules, case))
    finding = next(finding for finding in findings(analysis) if finding.rule == "WAR001")
    assert finding.picture is not None
    assert [event.text for event in finding.picture.events] == ["TADDS 0", "set", "wait", "TSTORE 0", "TADDS 1"]
    assert finding.picture.arrows == ((1, 2),)
