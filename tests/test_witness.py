"""Every witness replays in the judge, which shares no code with the order: on random programs and on the fixtures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import programs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL, WAIT, Action
from syncheck.analysis import Analysis
from syncheck.build import kernels
from syncheck.check import Settings, check_trace, machine_for, rules_of
from syncheck.detectors import findings
from syncheck.execution import Kernel
from syncheck.finding import Witness
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.memory_map import Page
from syncheck.observation import Case, Log
from syncheck.proof import Explorer
from syncheck.recorded import recorded, witness_of_standstill, witness_of_store
from syncheck.recording import Recording, record
from syncheck.replay import Rules
from syncheck.simulator.entries import Core, Entry, Hardware
from syncheck.simulator.program import Script, unrolled, written
from syncheck.simulator.schedule import Refused, Run
from syncheck.trace_recording import record_trace

A2A3 = load("a2a3")
HARDWARE = Hardware(counter_limit=2)
SUITE = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def replayed(cores: tuple[Core, ...], hardware: Hardware, witness: Witness) -> Run:
    """The judge's run of a witness, to its end. Raises Refused."""
    run = Run(cores, hardware)
    run.play([(step.core, step.number, step.does) for step in witness.steps])
    run.show(witness.shows, witness.earlier, witness.later, witness.waiting)
    return run


def value(text: str) -> int | tuple[int, ...]:
    if text.startswith("["):
        return tuple(int(part) for part in text.strip("[]").split(","))
    return int(text)


def chosen(script: Script, witness: Witness) -> dict[str, int | tuple[int, ...]]:
    """Values for every name of a script: the witness's own, else the least."""
    told = dict(witness.parameters)
    values: dict[str, int | tuple[int, ...]] = {}
    for param in script.params:
        found = value(told.get(param.name, str(param.low)))
        values[param.name] = (found,) if param.family and isinstance(found, int) else found
    for name in script.unknowns:
        values[name] = int(value(told.get(name, "0")) != 0)
    for name in script.tables:
        found = value(told.get(name, "0"))
        values[name] = (found,) if isinstance(found, int) else found
    return values


def witnesses(text: str, hardware: Hardware) -> Iterator[tuple[str, Witness | None]]:
    """The witness of everything that the exploration of a script shows."""
    program = parse(text, "random.sync")
    (kernel,) = kernels(program, A2A3, {})
    rules = Rules(
        in_order=hardware.in_order, scalar_store_needs_flag=hardware.store_needs_flag,
        counter_limit=hardware.counter_limit,
    )  # fmt: skip
    log = Log()
    Explorer(kernel, rules, log, max_states=200).run()
    analysis = Analysis(program, A2A3, kernel, log, record=lambda case: record(kernel, rules, case))
    for clash in log.clashes.values():
        run = recorded(analysis, clash)
        yield clash.kind, None if run is None else run.witness
    for remark in log.remarks.values():
        if remark.kind in ("in flight", "told elsewhere"):
            yield "in flight", witness_of_store(analysis, remark.places[0], remark.case)
    for stuck in log.stuck:
        yield "stuck", witness_of_standstill(analysis, stuck.case)


def replay_all(script: Script, hardware: Hardware = HARDWARE) -> int:
    """Replay each witness with its own parameters; how many there were."""
    text, script = written(script)
    count = 0
    for kind, witness in witnesses(text, hardware):
        where = f"{text}// {kind} {witness and (witness.shows, witness.parameters, witness.earlier, witness.later)}"
        assert witness is not None, where
        cores = unrolled(script, chosen(script, witness))
        entries = {core.name: core.entries for core in cores}
        for step in witness.steps:
            assert entries[step.core][step.number - 1].line == step.line, where
        try:
            replayed(cores, hardware, witness)
        except Refused as refusal:
            raise AssertionError(f"{refusal}\n{where}\n{witness.steps}") from None
        count += 1
    return count


MACHINES = st.sampled_from(
    (HARDWARE, HARDWARE, replace(HARDWARE, in_order=frozenset("SV")), replace(HARDWARE, store_needs_flag=False))
)


def every(examples: int, shapes: st.SearchStrategy[Script], machines: st.SearchStrategy[Hardware]) -> int:
    counts: list[int] = []

    def one(drawn: tuple[Script, Hardware]) -> None:
        counts.append(replay_all(*drawn))

    settings(SUITE, max_examples=examples)(given(st.tuples(shapes, machines))(one))()
    return sum(counts)


SHAPES: tuple[tuple[Any, int], ...] = (
    (programs.straight, 100), (programs.several, 60), (programs.looped, 30), (programs.strange, 20),
    (programs.gated, 12), (programs.nested, 12), (programs.blocks, 6), (programs.together, 15),
)  # fmt: skip


@pytest.mark.parametrize("times", [pytest.param(1), pytest.param(50, marks=pytest.mark.deep)])
@pytest.mark.parametrize(("shape", "examples"), SHAPES, ids=lambda s: getattr(s, "__name__", ""))
def test_random_programs(shape: Callable[[], st.SearchStrategy[Script]], examples: int, times: int) -> None:
    assert every(examples * times, shape(), MACHINES) > examples * times // 2


# ---------------------------------------------------------------- fixtures


FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
RACES = ("RAW001", "WAR001", "WAW001", "ORD001", "BAR001", "FIF001", "DRN001", "DRN002", "DLK001", "FLG001")
MARK = re.compile(rf"// expect:.*\b({'|'.join(RACES)})\b")
FILES = sorted(
    path for path in FIXTURES.glob("*/*.sync")
    if path.parent.name != "options" and MARK.search(path.read_text(encoding="utf-8", errors="replace"))
)  # fmt: skip


def issued(recording: Recording) -> tuple[Core, ...]:
    """What each core of a run issues, in the judge's words: what it did, and what it got stuck with."""
    actions = {(event.action.core, event.seq): event.action for event in recording.events}
    actions.update({(action.core, seq): action for queue in recording.waiting for action, seq in queue})
    wiring = recording.kernel.wiring
    cores: dict[str, list[Entry]] = {}
    bases: dict[str, int] = {}
    for (core, seq), action in sorted(actions.items()):
        entries = cores.setdefault(wiring.cores[core], [])
        assert len(entries) + 1 == seq, "an instruction is missing"
        entries.append(entry(recording, action, bases))
    return tuple(Core(name, tuple(entries)) for name, entries in cores.items())


def entry(recording: Recording, action: Action, bases: dict[str, int]) -> Entry:
    wiring, site = recording.kernel.wiring, recording.kernel.sites[action.site]
    pipe, line = wiring.name(action.agent)[1], site.span.line
    if action.code == ACCESS:
        reads, writes = (
            tuple((h.page.space, start := h.start + base(h.page, bases), start + h.stop - h.start) for h in handles)
            for handles in (action.reads, action.writes)
        )
        return Entry("instr", pipe, line, reads, writes, action.atomic)
    if action.code in (BARRIER, ALL):
        return Entry("barrier", "ALL" if action.code == ALL else pipe, line)
    if action.code == SIGNAL:
        signal = wiring.signals[action.channel]
        return Entry("signal", pipe, line, number=signal.flag, mode=signal.mode)
    channel = wiring.channels[action.channel]
    if action.code == HEAR:
        return Entry("hear", pipe, line, number=channel.event)
    assert action.code in (SET, WAIT)
    kind, other = ("set", channel.dst) if action.code == SET else ("wait", channel.src)
    return Entry("set" if kind == "set" else "wait", pipe, line, other=other, number=channel.event)


def base(page: Page, bases: dict[str, int]) -> int:
    """Tensors lie apart in the judge's GM; the memories of a core need no telling apart."""
    if page.space != "GM":
        return 0
    return bases.setdefault(f"{page.key} {page.symbol}", (1 << 40) * (len(bases) + 1))


QUICK = ("pr331_before", "pr499_softmax", "pr676_depth1", "pr708")


def marked(path: Path) -> Any:
    slow = path.parent.name == "seeds" and path.stem not in QUICK
    return pytest.param(path, id=f"{path.parent.name}/{path.stem}", marks=[pytest.mark.deep] if slow else [])


@pytest.mark.parametrize("path", [marked(path) for path in FILES])
def test_fixtures(path: Path) -> None:
    """Every error of the order has a witness, and it replays."""
    text = path.read_text(encoding="utf-8")
    program = parse(text, str(path))
    machine = machine_for(program, Settings(A2A3))
    rules = rules_of(machine)
    hardware = Hardware(machine.in_order, rules.scalar_store_needs_flag, rules.counter_limit)
    count = 0
    for kernel in kernels(program, machine, {}):
        log = Log()
        Explorer(kernel, rules, log, max_states=2000).run()
        kept: dict[int, Recording] = {}

        def run(case: Case, kernel: Kernel = kernel, kept: dict[int, Recording] = kept) -> Recording:
            return kept.setdefault(id(case), record(kernel, rules, case))

        small = path.parent.name != "seeds"
        for finding in findings(Analysis(program, machine, kernel, log, record=run, witnesses=small)):
            if finding.rule in RACES:
                told = [finding.witness, *(pair.witness for pair in finding.pairs if finding.picture and small)]
                for witness in told:
                    assert witness is not None, finding.message
                    replayed(issued(kept_run(kept, witness)), hardware, witness)
                    count += 1
    assert count


def kept_run(kept: dict[int, Recording], witness: Witness) -> Recording:
    """The run that a witness comes from: every step of it is there, at its line."""
    for recording in kept.values():
        sites = recording.kernel.sites
        lines = {(e.action.core, e.seq): sites[e.action.site].span.line for e in recording.events}
        index = recording.kernel.wiring.core_index
        if all(lines.get((index[step.core], step.number)) == step.line for step in witness.steps):
            return recording
    raise AssertionError("no run has these steps")


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("seeds/traces/*.jsonl")), ids=lambda path: path.stem)
def test_traces(path: Path) -> None:
    """The races of a small trace have witnesses too, in its one run."""
    lines = path.read_bytes().splitlines(keepends=True)
    report = check_trace(lines, str(path), Settings(A2A3, witnesses=True))
    told = [(f, p.witness) for f in report.findings for p in f.pairs if f.rule in RACES]
    assert {finding.rule for finding, _ in told} == {"WAR001", "BAR001"}
    cores = issued(record_trace(lines, str(path), A2A3, rules_of(A2A3)))
    for finding, witness in told:
        assert witness is not None, finding.message
        replayed(cores, Hardware(), witness)
        assert finding.picture is not None
        assert len(finding.picture.events) > 2 or finding.rule == "BAR001"


A5 = """
machine a5;
param n in 1..;
core AIC {{
    for (i = 0; i < n; i++) {{
        instr st on PIPE_FIX reads L0C[0:64] writes GM[0:64];
        set_intra_block(PIPE_FIX, 0);
        set_intra_block(PIPE_FIX, 16);
        {wait}
    }}
}}
core AIV {{
    for (i = 0; i < n; i++) {{
        wait_intra_block(PIPE_MTE2, 0);
        instr ld on PIPE_MTE2 reads GM[0:64] writes UB[0:64];
        set_intra_block(PIPE_MTE2, 1);
    }}
}}
"""
BOTH = "wait_intra_block(PIPE_FIX, 1); wait_intra_block(PIPE_FIX, 17);"


@pytest.mark.parametrize(("wait", "races"), [(BOTH, False), ("wait_intra_block(PIPE_FIX, 1);", True)])
def test_the_other_machine(wait: str, races: bool) -> None:
    """On A5 each lane has flags of its own, and only the pipe waits."""
    machine = load("a5")
    rules = rules_of(machine)
    (kernel,) = kernels(parse(A5.format(wait=wait), "a5.sync"), machine, {"n": (3,)})
    log = Log()
    Explorer(kernel, rules, log).run()
    analysis = Analysis(None, machine, kernel, log, record=lambda case: record(kernel, rules, case))
    clashes = [clash for clash in log.clashes.values() if clash.kind == "unordered"]
    assert bool(clashes) == races
    for clash in clashes:
        run = recorded(analysis, clash)
        assert run is not None
        assert run.witness is not None
        assert run.witness.later is not None
        hardware = Hardware(machine.in_order, rules.scalar_store_needs_flag, rules.counter_limit)
        replayed(issued(run.recording), hardware, run.witness)
        if clash.earlier.action.core != clash.later.action.core:
            assert "AIV1" in (run.witness.earlier or ("",))[0] + run.witness.later[0]
