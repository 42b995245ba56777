"""Faults put into a kernel: each is noticed, or proved to change nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import command

from syncheck import trial
from syncheck.check import Settings, conditions_of
from syncheck.edits import edited
from syncheck.faults import Mutant
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.mutation import Fate, mutants, tried
from syncheck.mutation_text import score, text
from syncheck.source import Span
from syncheck.trial import Ground

SEEDS = Path(__file__).resolve().parent.parent / "fixtures" / "seeds"

PRIMED = """\
param n in 1..;
gm y : fp32[n, 1024];
tile b[2] : UB fp32[1, 512] at 0x0;
core AIV {
    set_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
    for (i = 0; i < n; i++) {
        wait_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
        TEXPANDS(b[i % 2], i);
        set_flag(PIPE_V, PIPE_MTE3, EVENT_ID1);
        wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID1);
        TSTORE(y[i, lane * 512:(lane + 1) * 512], b[i % 2]);
        set_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
    }
    wait_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
    pipe_barrier(PIPE_ALL);
}
"""


def ground_of(script: str) -> Ground:
    return Ground(parse(script, "k.sync"), conditions_of(load("a2a3"), {}, Settings(load("a2a3"))))


def test_every_fault_is_noticed_or_proved_harmless() -> None:
    ground = ground_of(PRIMED)
    fates = [tried(ground, mutant) for mutant in mutants(ground)]
    assert {fate.mutant.kind for fate in fates} == {"delete", "delete flag", "retarget", "move", "slot"}
    assert not [fate for fate in fates if fate.fate == "gap"]
    noticed = {(f.mutant.span.line, f.mutant.edit.split(" ")[0]) for f in fates if f.fate in ("killed", "warned")}
    for line in (5, 7, 9, 10, 12, 14, 15):
        assert (line, "delete") in noticed


def test_a_mutant_is_one_change_of_the_program() -> None:
    ground = ground_of(PRIMED)
    found = mutants(ground)
    changed = [edited(ground.program, dict(mutant.changes)) for mutant in found]
    assert all(program != ground.program for program in changed)
    assert len(changed) == len(set(changed))
    assert [m.span.line for m in found] == sorted(m.span.line for m in found)


def test_only_the_faults_of_one_core() -> None:
    ground = ground_of(PRIMED + "core AIC { pipe_barrier(PIPE_M); }\n")
    assert {m.span.line for m in mutants(ground, "AIC")} == {17}
    assert {m.span.line for m in mutants(ground, "AIV")} | {17} == {m.span.line for m in mutants(ground)}


def test_what_cannot_be_decided_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "TIMES", 0)
    monkeypatch.setattr(trial, "LEAST", 1)
    ground = ground_of(PRIMED)
    fates = [tried(ground, mutant) for mutant in mutants(ground)]
    gaps = [fate for fate in fates if fate.fate == "gap"]
    assert gaps
    assert all("--max-states" in fate.why for fate in gaps)
    told = text("k.sync", fates, 100)
    assert "gaps of the checker" in told
    assert f"{len(gaps)} gap" in told.splitlines()[-1]


def test_the_score_leaves_out_what_changes_nothing() -> None:
    mutant = Mutant("delete", "delete a", Span("k.sync", 1), ())
    fates = [Fate(mutant, "killed", ("RAW001",)), Fate(mutant, "warned", ("FLG003",)), Fate(mutant, "unchanged")]
    assert score("k.sync", fates) == (
        "k.sync  2 of 2 faults noticed (1 as errors)   1 change nothing (proved)   0 gaps"
    )
    assert score("k.sync", [Fate(mutant, "gap")], 3) == "k.sync  0 of 1 faults noticed   1 gap   3 not tried"


# ---------------------------------------------------------------- the seeds


def test_no_gaps_on_the_cured_kernel_of_331() -> None:
    ground = ground_of((SEEDS / "pr331_after.sync").read_text(encoding="utf-8"))
    fates = [tried(ground, mutant) for mutant in mutants(ground)]
    assert len(fates) > 60
    assert [fate for fate in fates if fate.fate == "gap"] == []


@pytest.mark.deep
@pytest.mark.parametrize(("name", "core"), [("pr708_fixed_flag", ""), ("pr708", "AIC")])
def test_no_gaps_on_the_seeds(name: str, core: str) -> None:
    ground = ground_of((SEEDS / f"{name}.sync").read_text(encoding="utf-8"))
    fates = [tried(ground, mutant) for mutant in mutants(ground, core)]
    assert len(fates) > 250
    assert [fate for fate in fates if fate.fate == "gap"] == []


# ---------------------------------------------------------------- the command


def test_command_says_the_same_with_several_jobs(tmp_path: Path) -> None:
    path = tmp_path / "k.sync"
    path.write_text(PRIMED, encoding="utf-8")
    one = command("mutate", str(path), "--format", "json")
    two = command("mutate", str(path), "--format", "json", "-j", "2")
    assert (one.returncode, one.stdout) == (0, two.stdout)
    document = json.loads(one.stdout)
    assert document["summary"]["gap"] == 0
    assert sum(document["summary"].values()) == len(document["mutants"])
    assert {"kind", "edit", "path", "line", "column", "fate", "rules", "why"} == set(document["mutants"][0])


def test_command_says_why_it_cannot(tmp_path: Path) -> None:
    path = tmp_path / "k.sync"
    path.write_text("core AIV { wait_flag(PIPE_V, PIPE_MTE3, 0); }\n", encoding="utf-8")
    stuck = command("mutate", str(path))
    assert stuck.returncode == 2
    assert "stands still" in stuck.stderr
    path.write_text("core AIV { }\n", encoding="utf-8")
    assert "no synchronisation" in command("mutate", str(path)).stderr
    assert "one run" in command("mutate", str(tmp_path / "k.jsonl")).stderr
    assert command("mutate", str(path), "--core", "AIB").returncode == 2
