"""The argument for FIFOs without back-pressure comes out as the seed verdicts have it (PR #676), and is true."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import command

from syncheck.build import kernels
from syncheck.check import Settings, rules_of
from syncheck.frontends.script import parse
from syncheck.happens_before import graph_of, path
from syncheck.machine import load
from syncheck.recording import record
from syncheck.why_fifo import _meetings, why_fifo
from syncheck.why_search import WhyError, smallest_first

SEEDS = Path(__file__).resolve().parent.parent / "fixtures" / "seeds"
A2A3 = load("a2a3")
WORDS = {
    "sij": "AIC writes sij[t+2] (192) after it waited for pij[t] (214); "
    "AIV0 signals pij[t] (407) after it read sij[t] (364).",
    "pij": "AIV0 writes pij[t+2] (407) after it waited for sij[t+2] (364); "
    "AIC signals sij[t+2] (195) after it read pij[t] (214).",
    "oi": "AIC writes oi[t+2] (237) after it waited for pij[t+2] (214); "
    "AIV0 signals pij[t+2] (407) after it read oi[t] (426).",
}
STEPS = {"sij": (364, 366, 367, 405, 406, 407, 214, 192), "oi": (426, 366, 367, 405, 406, 407, 214, 237)}


def ask(seed: str, fifo: str, **definitions: str) -> str:
    file = SEEDS / seed
    text = file.read_text(encoding="utf-8")
    return why_fifo(text, str(file), Settings(A2A3, definitions=tuple(definitions.items())), fifo)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("fifo", WORDS)
def test_two_slots_are_enough(fifo: str) -> None:
    said = ask("pr676.sync", fifo)
    assert max(len(line) for line in said.splitlines()) < 80
    assert "(proved)" in flat(said.split("\n\n")[0])
    assert f"In words: {WORDS[fifo]}" in flat(said)
    assert "AIV0 and AIV1 alike." in flat(said)
    assert "1 slot: refuted" in said
    assert "2 slots: proved." in said
    assert "3 slots and more: proved too" in said
    lines = [int(word) for word in flat(said.split("\n\n")[1]).split() if word.isdigit() and int(word) > 100]
    assert fifo not in STEPS or tuple(lines) == STEPS[fifo]


DEEP = pytest.mark.deep


@pytest.mark.parametrize("fifo", ["oi", pytest.param("sij", marks=DEEP), pytest.param("pij", marks=DEEP)])
def test_one_slot_is_not(fifo: str) -> None:
    said = ask("pr676_depth1.sync", fifo)
    assert flat(said).startswith(f"{fifo} ({'V2C' if fifo == 'pij' else 'C2V'}, 1 slot, no back-pressure): a tile may")
    assert "n_blocks = 2" in said
    assert f"writes {fifo}[t+1] into the same slot" in flat(said)
    assert f"reads {fifo}[t]" in flat(said)
    assert "The chain of signals reaches 2 tiles back, not 1" in flat(said)
    assert WORDS[fifo] in flat(said)


def test_one_block_each_needs_one_slot() -> None:
    said = ask("pr676_depth1.sync", "sij", n_blocks="1")
    assert "for these values of -D (proved)" in flat(said)
    assert "2 slots and more: proved too" in flat(said)


def test_with_back_pressure_the_credit_is_the_reason() -> None:
    said = flat(ask("../FIF001/silent_back_pressure.sync", "sij"))
    assert "AIC writes sij[t+1] (30) after it waited for a free slot (30)" in said
    assert "and more" not in said


@pytest.mark.parametrize("fifo", WORDS)
def test_the_clocks_agree_with_every_chain(fifo: str) -> None:
    """In every small run, two tiles apart: the read is known complete at the write, and the path says so; one tile
    apart some pair is not."""
    file = SEEDS / "pr676.sync"
    kernel = next(kernels(parse(file.read_text(encoding="utf-8"), str(file)), A2A3, {}))
    known: dict[int, list[bool]] = {1: [], 2: []}
    for recording in smallest_first(lambda case: record(kernel, rules_of(A2A3), case), 12):
        order = graph_of(recording)
        for apart, answers in known.items():
            for _, read, write in _meetings(recording, fifo, apart):
                answers.append(write.clock[read.agent] >= read.count)
                assert answers[-1] == bool(path(recording, order, read, write))
    assert len(known[2]) > 10
    assert all(known[2])
    assert not all(known[1])


def test_questions_without_an_answer() -> None:
    with pytest.raises(WhyError, match="no FIFO ji; there is sij, pij, oi"):
        ask("pr676.sync", "ji")
    with pytest.raises(WhyError, match="a trace names no FIFOs"):
        why_fifo("", "x.jsonl", Settings(A2A3), "sij")
    with pytest.raises(WhyError, match="it declares none"):
        ask("pr331_after.sync", "sij")
    with pytest.raises(WhyError, match="-D n_blocks=x"):
        ask("pr676.sync", "sij", n_blocks="x")
    fifo = "fifo f : C2V fp32[16, 16] { slots = 2; flag = 0; local = UB at 0x0; split = up_down; }"
    a5 = f"machine a5; {fifo} core AIC {{ }}"
    with pytest.raises(WhyError, match="slots of f lie in UB"):
        why_fifo(a5, "a5.sync", Settings(A2A3), "f")


def test_on_the_command_line() -> None:
    seed = str(SEEDS / "pr676.sync")
    answer = command("why", seed, "--fifo", "sij")
    assert answer.returncode == 0
    assert WORDS["sij"] in flat(answer.stdout)
    for wrong in (("why", seed), ("why", seed, "--fifo", "sij", "--core", "AIC"), ("why", seed, "--fifo", "no")):
        answer = command(*wrong)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert answer.stderr.startswith("syncheck: ")


def test_what_was_not_understood_is_not_proved() -> None:
    fifo = "fifo f : C2V fp32[16, 16] { slots = 2; flag = 0; local = UB at 0x0; split = up_down; }"
    for wrong in ("zzz", "TPUSH(f, nothing);"):
        said = why_fifo(f"{fifo} core AIC {{ {wrong} }} core AIV {{ }}", "k.sync", Settings(A2A3), "f")
        assert "proved." not in said
        assert "(proved)" not in said
        assert "2 slots: not settled" in said
