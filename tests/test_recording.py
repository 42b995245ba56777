"""A recording is the token game: same events, same clocks, same answers as the exploration gave."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncheck.action import ACCESS, HEAR, SET, SIGNAL, WAIT
from syncheck.build import kernels
from syncheck.check import rules_of
from syncheck.execution import Kernel
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.proof import Explorer
from syncheck.recorded_picture import picture
from syncheck.recording import Recording, find, latest_known, record
from syncheck.symbolic import EXCESS
from syncheck.trace_recording import record_trace

SEEDS = Path(__file__).parent.parent / "fixtures" / "seeds"
SCRIPTS = sorted(SEEDS.glob("*.sync"))
RULES = rules_of(load("a2a3"))


def kernel_of(path: Path, **pins: int) -> Kernel:
    program = parse(path.read_text(encoding="utf-8"), str(path))
    names = {param.name for param in program.params}
    return next(kernels(program, load("a2a3"), {name: (value,) for name, value in pins.items() if name in names}))


def line(recording: Recording, number: int) -> int:
    return recording.kernel.sites[recording.events[number].action.site].span.line


def test_the_smallest_run_ends_at_once() -> None:
    recording = record(kernel_of(SEEDS / "pr708.sync"), RULES, None)
    assert recording.whole
    assert not recording.stuck
    assert all(event.action.code in (SIGNAL, HEAR) for event in recording.events)
    assert [other.size for other in recording.alternatives] == [EXCESS + 1]


def test_limit() -> None:
    recording = record(kernel_of(SEEDS / "pr704.sync", n_blocks=3, total=2, hw=0, hw_num=1), RULES, None, limit=100)
    assert not recording.whole
    assert 100 <= len(recording.events) < 200


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_clash_is_found_again(path: Path) -> None:
    kernel, log = kernel_of(path), Log()
    Explorer(kernel, RULES, log, max_states=2000).run()
    for clash in log.clashes.values():
        recording = record(kernel, RULES, clash.case)
        earlier, later = find(recording, clash.earlier), find(recording, clash.later)
        assert earlier is not None
        assert later is not None
        assert (earlier.seq, later.seq) == (clash.earlier.seq, clash.later.seq)
        met = max(earlier, later, key=lambda event: event.index)
        assert list(met.clock) == clash.known


def test_tokens_are_followed() -> None:
    recording = record(kernel_of(SEEDS / "pr704.sync", n_blocks=2, total=1, hw=0, hw_num=1), RULES, None)
    for event in recording.events:
        assert bool(event.sources) == (event.action.code in (WAIT, HEAR))
        for source in event.sources:
            sender = recording.events[source]
            assert source < event.index
            assert sender.action.code == (SET if event.action.code == WAIT else SIGNAL)
            if event.action.code == WAIT:
                assert sender.action.channel == event.action.channel
    both = [event for event in recording.events if len(event.sources) == 2]
    assert {recording.kernel.wiring.cores[event.action.core] for event in both} == {"AIC"}
    holding = {line(recording, event.index) for event in recording.events if event.holds}
    assert {205, 261} & holding == {205, 261}


def test_latest_known() -> None:
    kernel, log = kernel_of(SEEDS / "pr704.sync"), Log()
    Explorer(kernel, RULES, log).run()
    told = []
    for clash in log.clashes.values():
        if clash.kind == "unordered":
            recording = record(kernel, RULES, clash.case)
            later = find(recording, clash.later)
            assert later is not None
            newest = latest_known(recording, later, clash.earlier.action.agent)
            told.append(None if newest is None else line(recording, newest.index))
    assert sorted(told, key=str) == [434, 434, None, None]


def test_picture() -> None:
    kernel, log = kernel_of(SEEDS / "pr708.sync"), Log()
    Explorer(kernel, RULES, log).run()
    clash = next(clash for clash in log.clashes.values() if clash.kind == "unordered")
    recording = record(kernel, RULES, clash.case)
    earlier, later = find(recording, clash.earlier), find(recording, clash.later)
    assert earlier is not None
    assert later is not None
    drawn = picture(recording, earlier, later, "may still be reading")
    assert drawn.lanes == ("V", "MTE3")
    assert [f"{event.lane} {event.text} {event.mark}".strip() for event in drawn.events] == [
        "V TCVT 0", "V set", "MTE3 wait", "MTE3 TPUSH 0 earlier", "V TROWEXPANDSUB 1", "V TEXP 1", "V TCVT 1 later",
    ]  # fmt: skip
    assert drawn.arrows == ((1, 2),)


def test_trace() -> None:
    path = SEEDS / "traces" / "708.jsonl"
    lines = path.read_bytes().splitlines()
    recording = record_trace(lines, str(path), load("a2a3"), RULES)
    assert len(recording.events) == sum(1 for each in lines if each.strip())
    assert not recording.stuck
    assert any(event.action.code == ACCESS for event in recording.events)
    assert {clash.kind for clash in recording.clashes} >= {"unordered"}
