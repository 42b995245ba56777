"""Which loops the proof closes, which it does not and says why, and the mistakes it must not make again."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from syncheck import proof
from syncheck.build import kernels
from syncheck.check import Settings, check, check_trace
from syncheck.execution import CoreRun
from syncheck.finding import FileReport
from syncheck.fold import Folder
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.observation import Case, Log, Stuck
from syncheck.ordering import Rules
from syncheck.proof import AFTER_A_RACE, WORK_PER_STATE, Explorer, Outcome, Path, _next_core
from syncheck.reopening import Loose, reopened
from syncheck.replay import Replay
from syncheck.shapes import Demands
from syncheck.symbolic import EXCESS, Linear, Store, atom, bitwise, remainder
from syncheck.visibility import Visible

JUDGE = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "judge"

PING_PONG = """
param n in 0..;
gm x : fp32[n, 64];
gm y : fp32[n, 64];
tile a[{slots}] : UB fp32[1, 64] at 0x0;
tile b[{slots}] : UB fp32[1, 64] at 0x2000;
core AIV0 {{
    for (s = 0; s < {slots}; s++) {{ set_flag(PIPE_V, PIPE_MTE2, s); set_flag(PIPE_MTE3, PIPE_V, s); }}
    for (i = 0; i < n; i++) {{
        wait_flag(PIPE_V, PIPE_MTE2, i % {slots});
        TLOAD(a[i % {slots}], x[i]);
        set_flag(PIPE_MTE2, PIPE_V, i % {slots});
        wait_flag(PIPE_MTE2, PIPE_V, i % {slots});
        wait_flag(PIPE_MTE3, PIPE_V, i % {slots});
        TADDS(b[i % {slots}], a[{read}], 1);
        set_flag(PIPE_V, PIPE_MTE2, i % {slots});
        set_flag(PIPE_V, PIPE_MTE3, i % {slots});
        wait_flag(PIPE_V, PIPE_MTE3, i % {slots});
        TSTORE(y[i], b[i % {slots}]);
        set_flag(PIPE_MTE3, PIPE_V, i % {slots});
    }}
    for (s = 0; s < {slots}; s++) {{ wait_flag(PIPE_V, PIPE_MTE2, s); wait_flag(PIPE_MTE3, PIPE_V, s); }}
    set_flag(PIPE_MTE3, PIPE_S, 0); wait_flag(PIPE_MTE3, PIPE_S, 0);
}}
"""


def run(text: str, *options: str, definitions: tuple[tuple[str, str], ...] = ()) -> FileReport:
    return check(text, "k.sync", Settings(load("a2a3", overrides=options), definitions=definitions))


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 8])
def test_a_ping_pong_loop_closes_after_a_few_periods(slots: int) -> None:
    report = run(PING_PONG.format(slots=slots, read=f"i % {slots}"))
    assert (report.verdict, report.reason) == ("proved", "")
    assert report.states <= 3 * slots * slots + 8 * slots + 8  # a few periods, each ended by two loops over slots


def test_the_wrong_slot_is_found_without_a_bound_on_the_loop() -> None:
    report = run(PING_PONG.format(slots=4, read="(i + 1) % 4"))
    assert report.verdict == "refuted"
    assert any(f.rule in ("RAW001", "WAR001") for f in report.findings)


def test_what_cannot_be_folded_is_bounded_and_says_where() -> None:
    loop = "for (i = 0; i < n; i++) {\n    if (i * i < n + 3) { pipe_barrier(PIPE_V); } }"
    text = f"param n in 1..;\ncore AIV0 {{ {loop} }}\n"
    report = run(text)
    assert report.verdict == "bounded"
    assert "k.sync:2" in report.reason


def header(text: str, name: str) -> list[str]:
    """The words after `// name:` in a fixture."""
    prefix = f"// {name}:"
    return [word for line in text.splitlines() if line.startswith(prefix) for word in line[len(prefix) :].split()]


def errors(report: FileReport) -> set[tuple[str, int]]:
    return {(f.rule, f.primary.span.line) for f in report.findings if f.severity == "error"}


SHIFTED = [path for path in sorted(JUDGE.glob("*.sync")) if "// pinned:" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", SHIFTED, ids=lambda path: path.stem)
def test_what_a_pinned_run_finds_the_open_one_finds_or_says_that_it_did_not_look(path: pathlib.Path) -> None:
    """// pinned: the parameters that show it; unbounded: the verdict without them; with: what stays pinned; states: how
    many the proof takes."""
    text = path.read_text(encoding="utf-8")
    pairs = [(key, value) for key, _, value in (word.partition("=") for word in header(text, "pinned"))]
    kept = [(key, value) for key, _, value in (word.partition("=") for word in header(text, "with"))]
    pinned, unbounded = run(text, definitions=tuple(pairs)), run(text, definitions=tuple(kept))
    assert errors(pinned), "the pinned run shows nothing"
    assert [unbounded.verdict] == header(text, "unbounded")
    assert header(text, "states") in ([], [str(unbounded.states)]), unbounded.states
    if unbounded.verdict == "refuted":
        assert errors(unbounded) >= errors(pinned)


KEPT = """
param hw in 0..; param step in 1..; param total in 1..; param n[b] in 1..;
core AIV0 {{
    let prev = 1;
    for (b = {start}; b < total; b += {step}) {{
        if (prev == 3) {{ pipe_barrier(PIPE_V); }}
        if (n[b] == 7) {{ pipe_barrier(PIPE_MTE2); }}
        if (prev == 3) {{
            instr w on PIPE_V writes UB[0:64];
            instr r on PIPE_MTE3 reads UB[0:64];
            pipe_barrier(PIPE_ALL);
        }}
        prev = n[b];
    }}
}}
"""


@pytest.mark.parametrize(("start", "step"), [("hw", "step"), ("0", "1")])
def test_a_value_kept_from_an_earlier_turn_is_still_the_same_value(start: str, step: str) -> None:
    report = run(KEPT.format(start=start, step=step))
    assert report.verdict == "refuted"
    assert "RAW001" in {finding.rule for finding in report.findings}


def test_a_family_picked_in_two_ways_does_not_move_with_one_of_them() -> None:
    """t[0] was asked in the first turn, or t[1] in the second: only then may t[0] still be anything."""
    text = """param n in 0..; unknown t[]; unknown u[];
core AIV0 {
    let asked = 0;
    for (i = 0; i < n; i += 1) {
        instr l on PIPE_MTE2 reads UB[128:192];
        if (asked == 0) { if (u[i]) { asked = 1; if (t[i] == 0) { instr r on PIPE_MTE2 reads UB[0:64]; } } }
    }
    for (j = 0; j < 1; j += 1) { if (t[2 * j]) { instr w on PIPE_V writes UB[0:64]; } }
}
"""
    report = check(text, "k.sync", Settings(load("a2a3"), max_states=40))
    assert report.verdict == "refuted"


@pytest.mark.parametrize("trips", ["1", "3", "30"])
def test_a_pinned_trip_count_is_run_to_its_end(trips: str) -> None:
    text = """param k[b] in 0..;
core AIV0 { for (b = 0; b < 1; b += 1) {
    for (i = 0; i < k[b]; i += 1) { pipe_barrier(PIPE_V); }
    instr w on PIPE_MTE2 writes UB[0:64];
    instr r on PIPE_V reads UB[0:64];
} }
"""
    assert run(text, definitions=(("k", trips),)).verdict == "refuted"


def test_two_takers_of_one_flag_are_not_proved() -> None:
    text = """core AIV0 {
    set_flag(PIPE_V, PIPE_MTE3, 0);
    set_flag(PIPE_V, PIPE_MTE2, 0);
    wait_flag(PIPE_V, PIPE_MTE3, 0);
    wait_flag(PIPE_V, PIPE_MTE2, 0);
}
"""
    assert run(text).verdict == "proved"
    assert run(text, "flag_key=src,id").verdict == "bounded"


def test_a_trace_is_not_proved_where_flags_may_have_two_takers() -> None:
    line = b'{"core": "AIV0", "op": "pipe_barrier", "pipe": "V"}'
    for option, verdict in (("src,dst,id", "proved"), ("src,id", "bounded")):
        machine = load("a2a3", overrides=[f"flag_key={option}"])
        assert check_trace([line], "t.jsonl", Settings(machine)).verdict == verdict


def test_a_budget_that_runs_out_is_said() -> None:
    text = (JUDGE.parent / "seeds" / "pr708_fixed_flag.sync").read_text(encoding="utf-8")
    report = check(text, "k.sync", Settings(load("a2a3"), max_states=50))
    assert report.verdict == "bounded"
    assert "--max-states" in report.reason
    assert (report.states, [gap.span.line for gap in report.gaps]) == (51, [692])
    assert dict(report.cut)


def test_once_a_race_is_known_it_stops_soon() -> None:
    text = (JUDGE / "bytes_seen_again.sync").read_text(encoding="utf-8")
    report = run(text)
    assert [(gap.span.line, gap.message) for gap in report.gaps] == [(10, "stopped: an error is known")]
    assert (report.states, report.cut != ()) == (AFTER_A_RACE + 1, True)


def test_a_bounded_file_says_how_far_it_came() -> None:
    text = """param n in 1..; param k in 1..;
tile b[3] : UB fp32[1, 512] at 0x0;
core AIV0 { for (i = 0; i < n; i++) { TEXPANDS(b[i * i % 3], i); pipe_barrier(PIPE_ALL); } }
"""
    report = check(text, "k.sync", Settings(load("a2a3")))
    assert report.verdict == "bounded"
    told = [(gap.span.line, gap.message) for gap in report.gaps]
    assert told == [(3, "the loop over i was followed for 4 turns only: i is used with * at line 3")]
    assert report.cut == (("n", "5"),)
    assert check(text, "k.sync", Settings(load("a2a3"), bound=6)).cut == (("n", "7"),)
    pinned = check(text, "k.sync", Settings(load("a2a3"), definitions=(("n", "9"),)))
    assert (pinned.verdict, pinned.gaps, pinned.cut) == ("proved", (), ())


ARMS = """
param first in 0..; param stride in 1..; param n[b] in 1..;
unknown total; unknown wide;
gm out : fp32[4096]; gm part : fp32[1, 64] view out;
tile a : UB fp32[1, 64] at 0x0; tile w : UB fp32[1, 256] at 0x1000;
gm whole : fp32[1, 256] view out;
core AIV0 {
    if (wide) {
        for (b = first; b < total; b += stride) {
            for (i = 0; i < n[b]; i++) { TADDS(w, w, 1); pipe_barrier(PIPE_V); }
            set_flag(PIPE_V, PIPE_MTE3, 0); wait_flag(PIPE_V, PIPE_MTE3, 0);
            TSTORE(whole@(b * 1024), w);
            set_flag(PIPE_MTE3, PIPE_S, 0); wait_flag(PIPE_MTE3, PIPE_S, 0);
        }
    } else {
        for (b = first; b < total; b += stride) {
            for (i = 0; i < n[b]; i++) { TADDS(a, a, 1); pipe_barrier(PIPE_V); }
            set_flag(PIPE_V, PIPE_MTE3, 0); wait_flag(PIPE_V, PIPE_MTE3, 0);
            TSTORE(part@(b * 256), a);
            set_flag(PIPE_MTE3, PIPE_S, 0); wait_flag(PIPE_MTE3, PIPE_S, 0);
        }
    }
}
"""


def test_loops_on_an_arm_that_was_not_taken_do_not_count() -> None:
    """One schedule for each size of tile, as in most kernels: neither keeps the other from being proved."""
    report = run(ARMS)
    assert (report.verdict, report.reason) == ("proved", "")
    assert report.states < 100
    drain = "            set_flag(PIPE_MTE3, PIPE_S, 0); wait_flag(PIPE_MTE3, PIPE_S, 0);\n"
    for place in (ARMS.index(drain), ARMS.rindex(drain)):
        raced = run(ARMS[:place] + ARMS[place + len(drain) :])
        assert {finding.rule for finding in raced.findings if finding.severity == "error"} == {"WAR001", "DRN002"}


LATE = """param n in {domain};
core AIV0 {{
    for (i = 0; i < n; i += 1) {{
        pipe_barrier(PIPE_ALL);
        if (i == 20) {{ instr w on PIPE_MTE2 writes UB[0:64]; instr r on PIPE_V reads UB[0:64]; }}
    }}
    pipe_barrier(PIPE_ALL);
}}
"""


def test_an_upper_end_costs_nothing_and_is_kept() -> None:
    """All values above are tried first; what only they show does not count."""
    settings = Settings(load("a2a3"), timed=False)
    verdicts = {domain: check(LATE.format(domain=domain), "k.sync", settings) for domain in ("0..20", "0..21", "0..")}
    assert [report.verdict for report in verdicts.values()] == ["proved", "refuted", "refuted"]
    assert verdicts["0..21"].findings[0].parameters == (("n", "21"),)
    many = LATE.replace("i == 20", "i % 2 == 2")
    states = [check(many.format(domain=domain), "k.sync", settings).states for domain in ("0..64", "0..4096", "0..")]
    assert len(set(states)) == 1


def test_work_stops_a_proof_of_large_turns() -> None:
    body = "pipe_barrier(PIPE_V); " * 150
    text = "param n in 0..; core AIV0 { for (i = 0; i < n; i++) { if (i * i == n) { BODY } BODY } }\n"
    report = check(text.replace("BODY", body), "k.sync", Settings(load("a2a3"), max_states=4, bound=9))
    assert "stopped after 4 states" in report.reason
    assert report.events > 4 * WORK_PER_STATE - 300


def test_a_proof_that_ends_at_its_limit_is_one() -> None:
    text = PING_PONG.format(slots=2, read="i % 2")
    states = run(text).states
    for limit, verdict in ((states, "proved"), (states // 2, "bounded")):
        assert check(text, "k.sync", Settings(load("a2a3"), max_states=limit)).verdict == verdict
    straight = f"core AIV0 {{ {'pipe_barrier(PIPE_V); ' * 300} }}\n"
    assert check(straight, "k.sync", Settings(load("a2a3"), max_states=1)).verdict == "proved"


def test_once_a_standstill_is_known_it_stops_soon() -> None:
    text = (JUDGE / "bytes_seen_again.sync").read_text(encoding="utf-8")
    report = run(text.replace("TLOAD(c, y[j]);", "wait_flag(PIPE_V, PIPE_S, 0);"))
    assert {finding.rule for finding in report.findings if finding.severity == "error"} == {"FLG008"}
    assert report.states == AFTER_A_RACE + 1


def test_what_cannot_be_run_is_said_once() -> None:
    text = "param n in 0..;\nunknown c;\ncore AIV0 {\n    let x = 4 / n;\n    pipe_barrier(PIPE_V);\n}\n"
    report = run(text, definitions=(("n", "0"),))
    assert [(f.rule, f.primary.span.line) for f in report.findings if f.severity == "error"] == [("SYN001", 4)]
    assert report.verdict in ("bounded", "unreadable")
    assert [gap.span.line for gap in report.gaps] == [4]


def test_a_proof_without_a_race_goes_on() -> None:
    (kernel,) = kernels(parse(PING_PONG.format(slots=2, read="i % 2"), "k.sync"), load("a2a3"), {})
    outcome = Explorer(kernel, Rules(), Log(), after_a_race=3).run()
    assert (outcome.gaps, outcome.states > 3) == ({}, True)


def test_a_loose_value_keeps_its_remainders_only() -> None:
    """n = 7 ended its loop, and so does each larger number from 3 on that leaves what 7 leaves."""
    n, item = atom("n"), ("n", ())
    demands = Demands(remainders={"n": {("%", 2, 3), ("%", 1, 2), ("&", 3, 3)}})
    open_, left = reopened([], Store(lambda _: (0, None), {item: (7, 7)}, {}, 9 * EXCESS), {item: Loose(3, 4)}, demands)
    assert (open_.bounds_of(item), open_.size, left) == ((3, None), 5 * EXCESS, {})
    asked = (remainder(n, 4), remainder(n + 2, 3), remainder(n + 1, 2), bitwise("&", n + 3, 3))
    assert [open_.range_of(form) for form in asked if isinstance(form, Linear)] == [(3, 3), (0, 0), (0, 0), (2, 2)]
    running = Store(lambda _: (0, None), {item: (7, None)})
    assert reopened([], running, {item: Loose(3, 4)}, demands) == (running, {item: Loose(3, 4)})


def test_a_set_that_may_overtake_either_of_two_waits_names_both() -> None:
    text = """unknown t[]; unknown c;
core AIV0 {
    for (m = 0; m < 1; m += 1) {
        set_flag(PIPE_V, PIPE_MTE3, 0);
        if (t[m]) {
            wait_flag(PIPE_V, PIPE_MTE3, 0);
        } else {
            wait_flag(PIPE_V, PIPE_MTE3, 0);
        }
    }
    if (c) { pipe_barrier(PIPE_V); }
    set_flag(PIPE_V, PIPE_MTE3, 0);
    wait_flag(PIPE_V, PIPE_MTE3, 0);
}
"""
    (kernel,) = kernels(parse(text, "k.sync"), load("a2a3"), {})
    log = Log()
    assert Explorer(kernel, Rules(), log).run().gaps == {}
    told = [remark for remark in log.remarks.values() if remark.kind == "overtakes"]
    assert {kernel.sites[remark.places[2].site].span.line for remark in told} == {6, 8}


ORDERED = """
param u in 0..; param v in 0..;
core AIV0 {
    for (k = 0; k < 4; k += 1) { pipe_barrier(PIPE_V); }
    instr w on PIPE_MTE3 writes UB[0:64];
    instr wu on PIPE_MTE3 writes GM[u:u + 64];
    set_flag(PIPE_MTE3, PIPE_MTE2, 0); wait_flag(PIPE_MTE3, PIPE_MTE2, 0);
    instr rv on PIPE_MTE2 reads GM[v:v + 64];
    instr r on PIPE_MTE2 reads UB[0:64];
    instr r2 on PIPE_MTE2 reads UB[32:96];
    set_flag(PIPE_MTE2, PIPE_V, 0); wait_flag(PIPE_MTE2, PIPE_V, 0);
    instr w2 on PIPE_V writes UB[0:128];
    set_flag(PIPE_V, PIPE_MTE2, 0); wait_flag(PIPE_V, PIPE_MTE2, 0);
    instr last on PIPE_MTE2 reads UB[64:96];
    pipe_barrier(PIPE_ALL);
}
"""


def test_pairs_in_order_are_counted() -> None:
    """Also those at addresses that no number says: w-r, w-r2, w-w2, r-w2, r2-w2, w2-last."""
    report = run(ORDERED)
    assert not errors(report)
    assert report.ordered == 6


def test_in_which_turn_a_signal_that_nobody_hears_was_sent() -> None:
    text = """
        core AIC { for (i = 0; i < 3; i += 1) { ffts_cross_core_sync(PIPE_FIX, 2, 0); } }
        core AIV { for (k = 0; k < 2; k += 1) { wait_flag_dev(0); } }
    """
    (finding,) = run(text).findings
    assert (finding.rule, finding.primary.frames) == ("XCR001", ("i=2",))


def test_a_path_that_stops_says_how_far_it_came() -> None:
    text = """
        param n in 0..; param m in 0..;
        core AIV0 { if (n == 2) { for (i = 0; i < 4; i += n - m) { pipe_barrier(PIPE_ALL); } } }
    """
    report = run(text)
    assert (report.verdict, report.cut) == ("bounded", (("n", "2"),))
    assert [gap.message for gap in report.gaps] == ["the loop over i starts or steps by a value that is not pinned"]


def explorer_of(text: str, **options: Any) -> tuple[Explorer, Log]:
    program = parse(text, "k.sync")
    assert not program.problems
    log = Log()
    return Explorer(next(kernels(program, load("a2a3"), {})), Rules(), log, **options), log


def test_a_proof_goes_on_with_more_states() -> None:
    explorer, _ = explorer_of(PING_PONG.format(slots=2, read="i % 2"), max_states=5)
    assert explorer.run().states == 6
    whole, _ = explorer_of(PING_PONG.format(slots=2, read="i % 2"))
    outcome = explorer.go_on(1000)
    assert outcome.states == whole.run().states
    assert (outcome.states > 6, [*outcome.gaps], outcome.cut is None) == (True, ["states"], False)


def test_the_smaller_of_two_paths_is_followed_first() -> None:
    text = """param n in 0..; param m in 0..;
core AIV0 {
    if (n > 4) { pipe_barrier(PIPE_V); }
    if (m > 1) { for (i = 0; i < 1; i++) { instr w on PIPE_V writes UB[0:64]; } }
}
"""
    order = []

    class Watching(Explorer):
        def _end(self, path: Path) -> None:
            order.append((path.store.size, path.store.bounds_of(("n", ()))[0], path.store.bounds_of(("m", ()))[0]))

    (kernel,) = kernels(parse(text, "k.sync"), load("a2a3"), {})
    Watching(kernel, Rules(), Log()).run()
    assert [case[1:] for case in order] == [(0, 0), (0, 2), (5, 0), (5, 2)]
    assert [case[0] for case in order] == sorted(case[0] for case in order)


def test_work_that_just_suffices_is_enough() -> None:
    """The least limit with which a proof closes is the work that it took up to its last step."""
    text = "param n in 0..;\ncore AIV0 { for (i = 0; i < n; i++) { pipe_barrier(PIPE_V); } }"
    work = []

    class Watching(Explorer):
        def _spent(self) -> bool:
            work.append(self.outcome.events + self._folder.work)
            return super()._spent()

    (kernel,) = kernels(parse(text, "k.sync"), load("a2a3"), {})
    assert not Watching(kernel, Rules(), Log()).run().gaps
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "WORK_PER_STATE", 1)
        least = max(work)
        gaps = [[*Watching(kernel, Rules(), Log(), max_states=limit).run().gaps] for limit in (least - 1, least)]
    assert gaps == [["states"], []]


def test_a_path_that_stops_is_one_that_was_not_followed() -> None:
    explorer, _ = explorer_of("param n in 0..;\ncore AIV0 { if (n == 0) { let x = 1 / n; } pipe_barrier(PIPE_V); }")
    outcome = explorer.run()
    assert outcome.cut is not None
    assert outcome.cut.bounds_of(("n", ())) == (0, 0)


def test_what_a_stopped_core_has_not_issued_is_counted_once() -> None:
    """The cube waits in the middle of statements that are taken in one step, again and again."""
    text = """core AIC { for (i = 0; i < 5; i++) {
    pipe_barrier(PIPE_M); wait_flag_dev(0); pipe_barrier(PIPE_M); pipe_barrier(PIPE_M);
} }
core AIV { for (i = 0; i < 5; i++) { ffts_cross_core_sync(PIPE_MTE3, 2, 0); } }
"""
    explorer, log = explorer_of(text)
    outcome = explorer.run()
    assert (outcome.gaps, outcome.events, log.stuck) == ({}, 5 * 4 + 2 * 5, [])


def test_who_signals_and_who_listens() -> None:
    text = """core AIC { ffts_cross_core_sync(PIPE_FIX, 2, 0); ffts_cross_core_sync(PIPE_MTE2, 2, 0); }
core AIV { wait_flag_dev(0); wait_flag_dev(0); }
"""
    explorer, log = explorer_of(text)
    explorer.run()
    wiring = explorer._kernel.wiring
    sent = {tuple((core, wiring.agents[agent][1]) for core, agent in senders) for senders in log.senders.values()}
    assert sent == {((0, "FIX"), (0, "MTE2"))}
    assert [len(listeners) for listeners in log.listeners.values()] == [1, 1]
    assert [list(modes) for modes in log.modes.values()] == [[2], [2]]
    assert {place.action.core for listeners in log.listeners.values() for place in listeners.values()} == {1, 2}


def test_one_standstill_of_each_kind_is_kept() -> None:
    """That of the smallest case; of two that are as small the first."""
    text = """param n in 0..; unknown c;
core AIV0 {
    if (c) { pipe_barrier(PIPE_V); }
    if (n == 0) { wait_flag(PIPE_V, PIPE_S, 0); } else { wait_flag(PIPE_V, PIPE_S, 1); }
}
"""
    explorer, log = explorer_of(text)
    explorer.run()
    one, other = log.stuck
    assert [len(one.heads), len(other.heads)] == [1, 1]
    again = [Stuck(one.heads, Case(one.case.size + more)) for more in (0, 1)]
    for stuck in again:
        explorer._stuck(stuck)
    assert log.stuck == [one, other]
    smaller = Stuck(one.heads, Case(one.case.size - 1))
    explorer._stuck(smaller)
    assert log.stuck == [smaller, other]


def test_who_goes_next() -> None:
    """Who is in the earliest turn of the outermost loop, then who is owed least, then the earliest inside."""
    text = """core AIC {{ {loops} }}
core AIV0 {{ {loops} }}
"""
    loops = "for (i = 0; i < 9; i++) { for (j = 0; j < 9; j++) { pipe_barrier(PIPE_ALL); } }"
    (kernel,) = kernels(parse(text.format(loops=loops), "k.sync"), load("a2a3"), {})
    signals = SimpleNamespace(channels=[SimpleNamespace(cross=True), SimpleNamespace(cross=False)])

    def chosen(*turns: tuple[int, int], tokens: Mapping[int, list[int]]) -> int:
        cores = [CoreRun(kernel, code) for code in kernel.cores]
        for core, at in zip(cores, turns, strict=True):
            while core.turns < 2:
                core.step(Store(kernel.domain))
            for info, turn in zip(core.code.ops[core.pc].loops, at, strict=True):
                core.values[info.turn_slot] = (turn, "")
        game = SimpleNamespace(
            blocked=lambda core: False,
            wiring=signals,
            tokens={key: [(None, SimpleNamespace(core=core)) for core in sent] for key, sent in tokens.items()},
        )
        found = _next_core(Path(cores, cast(Replay, game), Store(kernel.domain)))
        assert found is not None
        return found.code.index

    nothing: dict[int, list[int]] = {0: [], 1: []}
    assert chosen((1, 5), (2, 0), tokens={0: [0, 0]}) == 0
    assert chosen((2, 5), (1, 0), tokens={0: [1, 1]}) == 1
    assert chosen((1, 0), (1, 5), tokens={0: [0]}) == 1
    assert chosen((1, 5), (1, 0), tokens={0: [1]}) == 0
    assert chosen((1, 0), (1, 5), tokens={1: [0]}) == 0
    assert chosen((1, 5), (1, 0), tokens=nothing) == 1
    assert chosen((1, 5), (1, 5), tokens=nothing) == 0


def test_whoever_plays_is_asked_also_where_a_dsb_shows_stores() -> None:
    class Game(Replay):
        pass

    (kernel,) = kernels(parse("core AIV0 { pipe_barrier(PIPE_V); }", "k.sync"), load("a2a3"), {})
    played = [Explorer(kernel, Rules(dsb_between_cores=True), Log(), game=game)._game for game in (Game, Replay)]
    assert played == [Game, Visible]


def test_the_smallest_path_that_was_not_followed_is_told() -> None:
    outcome, first = Outcome(), Store(lambda _: (0, None))
    for case in (first, Store(lambda _: (0, None), size=3)):
        outcome.cuts(case)
    assert outcome.cut is first


def test_the_first_path_has_a_case_too() -> None:
    explorer, log = explorer_of(
        "param n in 3..; core AIV0 { instr w on PIPE_V writes UB[0:64]; instr r on PIPE_MTE3 reads UB[0:64]; }"
    )
    explorer.run()
    (clash,) = log.clashes.values()
    assert isinstance(clash.case, Store)
    assert clash.case.bounds_of(("n", ())) == (3, None)


def test_nothing_is_said_of_what_follows_an_overflow() -> None:
    text = """core AIC { for (i = 0; i < 20; i++) { ffts_cross_core_sync(PIPE_FIX, 2, 0); }
    instr w on PIPE_M writes L1[0:64]; instr r on PIPE_MTE1 reads L1[0:64]; }
core AIV { }
"""
    explorer, log = explorer_of(text)
    explorer.run()
    assert ({remark.kind for remark in log.remarks.values()}, log.clashes) == ({"counter"}, {})


def test_sampling_asks_of_no_state_whether_it_was_seen() -> None:
    text = "param n in 0..; core AIV0 { for (i = 0; i < n; i++) { pipe_barrier(PIPE_V); } }"
    explorer, _ = explorer_of(text, sampling=True, max_states=20)
    assert explorer.run().states == 21
    assert explorer._folder.work == 0


def test_a_bound_above_the_limit_of_a_loop_is_kept() -> None:
    """A loop of which two turns should be alike soon, here after none, is followed as far as was asked."""
    explorer, _ = explorer_of(LOOP_WITHOUT_END, bound=6)
    explorer._folder.limit = lambda info, bound: (2, "told so")  # type: ignore[method-assign]
    outcome = explorer.run()
    assert [gap.message for gap in outcome.gaps.values()] == ["the loop over i was followed for 6 turns only: told so"]


LOOP_WITHOUT_END = """param n in 0..;
core AIV0 { for (i = 0; i < n; i++) { if (i * i < n + 3) { pipe_barrier(PIPE_V); } } }
"""


def test_a_loop_left_before_its_end_is_said() -> None:
    explorer, _ = explorer_of(
        "param n in 0..;\ncore AIC {\npipe_barrier(PIPE_M); }\ncore AIV0 {\npipe_barrier(PIPE_V); }"
    )
    kernel = explorer._kernel
    assert [[op.span.line for op in core.ops][:1] for core in kernel.cores] == [[3], [5]]
    game = Replay(kernel.wiring, kernel.atlas, Rules(), Log())
    explorer._end(Path([], game, Store(kernel.domain)))
    assert not explorer.outcome.gaps
    explorer._end(Path([], game, Store(kernel.domain), {("n", ()): Loose(1, 2), ("k", (3,)): Loose(1, 2)}))
    (gap,) = explorer.outcome.gaps.values()
    assert (gap.span.line, gap.message) == (3, "a loop over n, k[3] was left before its end")


def test_values_become_loose_that_have_turns_behind_them() -> None:
    """Those of which a state came again: not a member that had no turn before, nor one without a least value."""
    explorer, _ = explorer_of("core AIV0 { pipe_barrier(PIPE_V); }")
    seen = SimpleNamespace(
        canonical=lambda *_: ("form", {}),
        periods={},
        period_of=lambda name, turns: turns * {"n": 6, "t": 7, "m": 8}[name],
    )
    explorer._folder = cast(Folder, seen)
    kernel = explorer._kernel
    n, new, low = ("n", ()), ("t", (2,)), ("m", ())
    store = Store(lambda _: (None, None), {n: (5, None), new: (4, None)})
    path = Path([], Replay(kernel.wiring, kernel.atlas, Rules(), Log()), store)
    core = CoreRun(kernel, kernel.cores[0])
    assert not explorer._loosened(path, core, {n: 3, low: 3})
    assert (path.loose, path.trail) == ({}, {(0, "form"): {n: 3, low: 3}})
    assert explorer._loosened(path, core, {n: 5, new: 9, low: 9})
    assert (path.loose, seen.periods) == ({n: Loose(5, 12)}, {"n": 12})
