"""Recorded traces: what is read, what is found, and that neither the order of lines nor forgetting changes it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncheck.frontends.trace_fields import LONGEST_LINE
from syncheck.machine import Machine, load
from syncheck.replay import Rules
from syncheck.trace_run import TraceResult, _Pass, run_trace

SEEDS = Path(__file__).parents[1] / "fixtures" / "seeds" / "traces"
A2A3 = load("a2a3")
A5 = load("a5")
Key = tuple[Any, ...]


def line(core: str, op: str, **keys: Any) -> bytes:
    return json.dumps({"core": core, "op": op, **keys}).encode()


def access(core: str, pipe: str, number: int, reads: list[Any], writes: list[Any], **keys: Any) -> bytes:
    return line(core, f"OP{number}", pipe=pipe, line=number, reads=reads, writes=writes, **keys)


def run(
    lines: list[bytes], machine: Machine = A2A3, *, retire_every: int = 2048, scalar_wait: bool = True
) -> TraceResult:
    rules = Rules(in_order=machine.in_order, advisory_scalar_wait=not scalar_wait)
    return run_trace(lines, "t.jsonl", machine, rules, retire_every=retire_every)


def place(result: TraceResult, site: int) -> Key:
    found = result.kernel.sites[site]
    return (found.core, found.pipe, found.op, found.span.line)


def clashes(result: TraceResult, *kinds: str) -> set[Key]:
    """Kind and the two accesses; their order is that of issue on one core, and none on two."""
    found = set()
    for kind, first, second, writes, writes_too in result.log.clashes:
        one, other = (*place(result, first), writes), (*place(result, second), writes_too)
        pair = (one, other) if one[0] == other[0] else tuple(sorted((one, other)))
        if not kinds or kind in kinds:
            found.add((kind, *pair))
    return found


def remarks(result: TraceResult) -> set[Key]:
    return {(kind, *[place(result, site) for site in sites]) for kind, *sites in result.log.remarks}


def stuck(result: TraceResult) -> set[Key]:
    return {
        (result.kernel.wiring.name(head.agent), place(result, head.at.site), head.needs is not None, head.missing)
        for each in result.log.stuck
        for head in each.heads.values()
    }


def schedule_free(result: TraceResult) -> set[Key]:
    """Remarks; of a signal that two lanes send together, either may be named."""
    return {key[:1] if key[0].startswith("counter") else key for key in remarks(result)}


def everything(result: TraceResult) -> tuple[Any, ...]:
    return clashes(result), remarks(result), stuck(result), len(result.problems)


# ---------------------------------------------------------------- contract


def test_the_examples_of_the_contract() -> None:
    result = run([
        b'{"core": "AIV0", "pipe": "V", "op": "TCVT", "reads": [["UB", 0, 64]], "writes": [["UB", 64, 128]], '
        b'"line": 425, "file": "k.cpp"}',
        b'{"core": "AIV0", "op": "set_flag", "src": "V", "dst": "MTE3", "id": 0}',
        b'{"core": "AIV0", "op": "pipe_barrier", "pipe": "V"}',
        b'{"core": "AIC", "op": "ffts_cross_core_sync", "pipe": "FIX", "mode": 2, "flag": 0}',
        b'{"core": "AIV0", "op": "wait_flag_dev", "flag": 0}',
    ])  # fmt: skip
    assert result.problems == ()
    assert (result.events, result.cores) == (5, 2)
    assert str(result.kernel.sites[0].span) == "k.cpp:425:1"
    assert result.kernel.sites[0].span.home == ("t.jsonl", 1)
    assert {kind for kind, *_ in remarks(result)} == {"unwritten", "flag left", "counter left"}


SEED_RACES = [(596, 421, 411), (629, 407, 398), (676, 407, 398), (704, 434, 425), (708, 484, 475)]


@pytest.mark.parametrize(("number", "read", "write"), SEED_RACES)
def test_seed_traces(number: int, read: int, write: int) -> None:
    result = run((SEEDS / f"{number}.jsonl").read_bytes().splitlines())
    assert result.problems == ()
    assert result.log.stuck == []
    lanes = ("AIV0", "AIV1")
    assert clashes(result, "unordered") == {
        ("unordered", (lane, "MTE3", "TPUSH", read, False), (lane, "V", "TCVT", write, True)) for lane in lanes
    }


def test_a_trace_is_taken_at_its_word() -> None:
    result = run([access("AIV0", "M", 1, [], [["L0C", 0, 64]]), access("AIV0", "FIX", 2, [["L0C", 0, 64]], [])])
    assert result.problems == ()
    assert [kind for kind, *_ in clashes(result)] == ["unordered"]


def test_what_the_machine_lacks_is_remarked_on_once() -> None:
    lines = [line("AIV0", op, src="PIPE_M", dst="V", id=9) for op in ("set_flag", "wait_flag")] * 3
    result = run(lines)
    assert [remark.kind for remark in result.kernel.remarks] == ["pair illegal", "id range"]
    assert result.log.stuck == []


def test_each_core_has_its_own_memory_and_all_share_gm() -> None:
    assert clashes(run([access(c, "V", 1, [], [["UB", 0, 64]]) for c in ("AIV0", "AIV1", "AIV0.1")])) == set()
    assert len(clashes(run([access(c, "MTE3", 1, [], [["GM", 0, 64]]) for c in ("AIV0", "AIV1", "AIV0.1")]))) == 3
    atomic = [access(c, "MTE3", 1, [], [["GM", 0, 64]], atomic=True) for c in ("AIV0", "AIV1")]
    assert clashes(run(atomic)) == set()


def test_ordered_backwards() -> None:
    """The read was issued first, but waits on a pipe for what the write has done."""
    result = run([
        line("AIV0", "wait_flag", src="MTE2", dst="V", id=0, line=1),
        access("AIV0", "V", 2, [["UB", 0, 64]], []),
        access("AIV0", "MTE2", 3, [], [["UB", 0, 64]]),
        line("AIV0", "set_flag", src="MTE2", dst="V", id=0, line=4),
    ])  # fmt: skip
    assert [key[0] for key in clashes(result)] == ["reversed"]


def test_loop_values_are_shown() -> None:
    lines = [access("AIV0", pipe, n, [], [["UB", 0, 64]], loop={"i": n}) for n, pipe in ((1, "V"), (2, "MTE2"))]
    (clash,) = run(lines).log.clashes.values()
    assert (clash.earlier.values, clash.later.values) == ((1,), (2,))


# ---------------------------------------------------------------- malformed

MALFORMED = [
    (b"{", "not JSON"),
    (b"[1]", "object, not a list"),
    (b'{"op": "TLOAD"}', "no 'core'"),
    (b'{"core": "AIX", "op": "TLOAD"}', "no core 'AIX'"),
    (b'{"core": "AIV0"}', "no 'op'"),
    (b'{"core": "AIV0", "op": 3}', "'op' is a number"),
    (b'{"core": "AIV0", "op": "TLOAD"}', "'TLOAD' has no 'pipe'"),
    (b'{"core": "AIV0", "op": "TLOAD", "pipe": "MTE4"}', "no pipe 'MTE4'"),
    (b'{"core": "AIV0", "op": "TLOAD", "pipe": "MTE2", "reads": 5}', "'reads' is a number"),
    (b'{"core": "AIV0", "op": "TLOAD", "pipe": "MTE2", "reads": [["UB", 4]]}', "list of three"),
    (b'{"core": "AIV0", "op": "TLOAD", "pipe": "MTE2", "reads": [["UB", 4, 4]]}', "is empty: 4 to 4"),
    (b'{"core": "AIV0", "op": "TLOAD", "pipe": "MTE2", "reads": [["UB", -4, 4]]}', "outside"),
    (b'{"core": "AIV0", "op": "TLOAD", "pipe": "MTE2", "reads": [["GM", 8, 4]]}', "ends before"),
    (b'{"core": "AIV0", "op": "TLOAD", "pipe": "MTE2", "writes": [["UBB", 0, 4]]}', "no memory 'UBB'"),
    (b'{"core": "AIV0", "op": "set_flg", "src": "V", "dst": "MTE3", "id": 0}', "no 'pipe'"),
    (b'{"core": "AIV0", "op": "set_flag", "src": "V", "dst": "MTE3", "id": true}', "'id' is true or false"),
    (b'{"core": "AIV0", "op": "ffts_cross_core_sync", "pipe": "V", "mode": 7, "flag": 0}', "no cross-core mode 7"),
    (b'{"core": "AIV0", "op": "set_intra_block", "pipe": "V", "flag": 0}', "a2a3 has no set_intra_block"),
    (b'{"core": "AIV0", "op": "X", "pipe": "V", "line": 0}', "'line' is 0"),
    (b"\xff\xfe", "not UTF-8"),
    (b"[" * 100000, "not JSON"),
    (b'{"core": "AIV0", "op": "X", "pipe": "V", "line": ' + b"1" * 5000 + b"}", "not JSON"),
    (b'"' + b"x" * (LONGEST_LINE + 10), "longer than"),
]


@pytest.mark.parametrize(("text", "expected"), MALFORMED)
def test_malformed_lines(text: bytes, expected: str) -> None:
    good = access("AIV0", "V", 7, [], [["UB", 0, 4]])
    result = run([good, text, good])
    assert result.events == 2
    (problem,) = result.problems
    assert expected in problem.message
    assert problem.span.line == 2
    assert problem.span.path == "t.jsonl"


def test_many_malformed_lines_are_summed_up() -> None:
    problems = run([b"{"] * 50 + [access("AIV0", "V", 7, [], [])]).problems
    assert len(problems) == 21
    assert "and 30 more" in problems[-1].message


@pytest.mark.parametrize("lines", [[], [b"", b"  ", b"\r\n"]])
def test_an_empty_trace_is_a_problem(lines: list[bytes]) -> None:
    assert "empty" in run(lines).problems[0].message


def test_a_huge_line_of_a_stream_is_cut() -> None:
    good = access("AIV0", "V", 7, [], [["UB", 0, 4]])
    stream = BytesIO(good + b"\n" + b"x" * (5 * LONGEST_LINE) + b"\n" + good)
    result = run_trace(stream, "t.jsonl", A2A3, Rules())
    assert (result.events, len(result.problems), result.problems[0].span.line) == (2, 1, 2)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.sampled_from([704, 708]))
def test_any_bytes(chance: random.Random, number: int) -> None:
    data = bytearray((SEEDS / f"{number}.jsonl").read_bytes()[:8000])
    for _ in range(chance.randint(1, 30)):
        at = chance.randrange(len(data))
        kind = chance.random()
        if kind < 0.5:
            data[at] = chance.randrange(256)
        elif kind < 0.8:
            del data[at : at + chance.randint(1, 40)]
        else:
            data[at:at] = chance.choice([b'"', b"{", b"\n", b"null", b"-1", b"9" * 30, b"[]", b"AIV0.7", b"\\ud800"])
    machine = chance.choice([A2A3, A5])
    result = run_trace(BytesIO(bytes(data)), "t.jsonl", machine, Rules(in_order=machine.in_order))
    str(result.problems).encode("ascii", "backslashreplace")
    for site in result.kernel.sites:
        f"{site.op}{site.span}".encode()


# ---------------------------------------------------------------- random traces

CORES = ("AIC", "AIV0", "AIV1", "AIV0.1")
USED = {"AIC": ("S", "MTE2", "FIX"), "AIV0": ("S", "MTE2", "V"), "AIV1": ("MTE2", "MTE3"), "AIV0.1": ("MTE2", "V")}


def random_streams(chance: random.Random, *, length: int = 30, unique: bool = False) -> dict[str, list[bytes]]:
    """For each core some events; flags are mostly set before they are waited for."""
    streams: dict[str, list[bytes]] = {}
    for core in chance.sample(CORES, chance.randint(1, 4)):
        pipes = USED[core]
        out: list[bytes] = []
        for number in range(chance.randint(1, length)):
            kind, at = chance.random(), chance.randint(1, 12)
            if kind < 0.5:
                out.append(_random_access(chance, core, chance.choice(pipes), at, number if unique else 0))
            elif kind < 0.75:
                src, dst, identity = chance.choice(pipes), chance.choice(pipes), chance.randint(0, 1)
                out.append(line(core, "set_flag", src=src, dst=dst, id=identity, line=20))
                if chance.random() < 0.9:
                    out.append(line(core, "wait_flag", src=src, dst=dst, id=identity, line=21))
            elif kind < 0.85:
                out.append(line(core, "pipe_barrier", pipe=chance.choice(("ALL", *pipes[1:])), line=22))
            elif kind < 0.95 or at > 4:
                mode, flag = chance.choice((0, 1, 2, 2)), chance.randint(0, 1)
                out.append(line(core, "ffts_cross_core_sync", pipe=pipes[-1], mode=mode, flag=flag, line=23))
            else:
                out.append(line(core, "wait_flag_dev", flag=chance.randint(0, 1), line=24))
        streams[core] = out
    return streams


def _random_access(chance: random.Random, core: str, pipe: str, at: int, number: int) -> bytes:
    ranges: list[list[Any]] = []
    for _ in range(chance.randint(1, 2)):
        start = chance.randint(0, 6) + 4 * number * chance.randint(0, 1)
        ranges.append([chance.choice(("GM", "UB")), start, start + chance.randint(1, 3)])
    half = chance.randint(0, len(ranges))
    return access(core, pipe, at, ranges[:half], ranges[half:])


def merged(chance: random.Random, streams: dict[str, list[bytes]]) -> list[bytes]:
    rest = {core: list(lines) for core, lines in streams.items() if lines}
    out: list[bytes] = []
    while rest:
        core = chance.choice(sorted(rest))
        for _ in range(chance.randint(1, 8)):
            if rest[core]:
                out.append(rest[core].pop(0))
        if not rest[core]:
            del rest[core]
    return out


def modes_differ(streams: dict[str, list[bytes]]) -> bool:
    """Whether a flag is signalled in two modes: then two signals fill one counter, and XCR002 is reported."""
    modes: dict[int, set[int]] = {}
    for event in (json.loads(each) for lines in streams.values() for each in lines):
        if "mode" in event:
            modes.setdefault(event["flag"], set()).add(event["mode"])
    return any(len(one) > 1 for one in modes.values())


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False))
def test_the_order_of_cores_does_not_matter(chance: random.Random) -> None:
    streams = random_streams(chance)
    first = run([each for lines in streams.values() for each in lines])
    for _ in range(3):
        other = run(merged(chance, streams))
        assert clashes(other) == clashes(first) or modes_differ(streams)  # XCR002: which signal a wait takes is open
        assert schedule_free(other) == schedule_free(first)
        assert {key[:2] for key in stuck(other)} == {key[:2] for key in stuck(first)}


@pytest.mark.parametrize("number", range(200))
def test_forgetting_changes_nothing(number: int) -> None:
    chance = random.Random(number)
    lines = merged(chance, random_streams(chance, length=60, unique=True))
    expected = run(lines, retire_every=1 << 60)
    assert everything(run(lines, retire_every=chance.randint(0, 3))) == everything(expected)
    advisory = run(lines, retire_every=1 << 60, scalar_wait=False)
    assert everything(run(lines, retire_every=1, scalar_wait=False)) == everything(advisory)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False))
def test_when_a_pipe_turns_up_does_not_matter(chance: random.Random) -> None:
    """Clocks grow while tokens and instructions that wait hold older ones."""
    streams = random_streams(chance)
    lines = merged(chance, streams)
    pipes = [(core, pipe) for core in sorted(streams) for pipe in USED[core]]
    first = [access(core, pipe, 90, [], [["UB", 100 + at, 101 + at]]) for at, (core, pipe) in enumerate(pipes)]
    early, late = run([*first, *lines]), run([*lines, *first])
    for result in early, late:
        result.log.remarks = {key: item for key, item in result.log.remarks.items() if place(result, key[1])[3] != 90}
    assert (clashes(early), remarks(early), stuck(early)) == (clashes(late), remarks(late), stuck(late))


# ---------------------------------------------------------------- memory


def growing(turns: int) -> Iterator[bytes]:
    for turn in range(turns):
        at = turn * 64
        yield access("AIV0", "MTE2", 1, [["GM", at, at + 64]], [["UB", 0, 64]])
        for src, dst in (("MTE2", "V"), ("V", "MTE2")):
            yield line("AIV0", "set_flag", src=src, dst=dst, id=0, line=2)
            yield line("AIV0", "wait_flag", src=src, dst=dst, id=0, line=3)


def test_memory_does_not_grow_with_what_is_ordered() -> None:
    cells = [run(list(growing(turns)), retire_every=100).kernel.atlas.pages["GM", None].size for turns in (2000, 20000)]
    assert max(cells) <= 400


def test_one_who_comes_late_starts_the_analysis_again() -> None:
    lines = [*growing(300), access("AIV1", "MTE3", 9, [], [["GM", 0, 64]])]
    result = run(lines, retire_every=50)
    assert result.passes == 2
    assert clashes(result) == {("unordered", ("AIV0", "MTE2", "OP1", 1, False), ("AIV1", "MTE3", "OP9", 9, True))}
    streamed = run_trace(BytesIO(b"\n".join(lines)), "t.jsonl", A2A3, Rules(), retire_every=50)
    assert clashes(streamed) == clashes(result)


def test_a_core_that_comes_after_a_signal_to_all_cores() -> None:
    sends = [line(f"AIV0.{b}", "ffts_cross_core_sync", pipe="MTE3", mode=0, flag=0, line=1) for b in range(3)]
    waits = [line(f"AIV0.{b}", "wait_flag_dev", flag=0, line=2) for b in range(3)]
    result = run([item for pair in zip(sends, waits, strict=True) for item in pair])
    assert (result.passes, result.log.stuck) == (2, [])
    assert remarks(result) == set()


def test_lines_that_repeat_are_read_once() -> None:
    lines = list(growing(3)) * 100
    reading = _Pass("t.jsonl", A2A3, Rules(), 1000)
    assert reading.feed(iter(lines))
    assert len(reading.reader.kernel.sites) == 5
    assert len(reading.reader.known) == 4


# ---------------------------------------------------------------- deadlocks


def test_a_wait_without_a_set() -> None:
    result = run([line("AIV0", "wait_flag", src="V", dst="S", id=0, line=1), access("AIV0", "V", 2, [], [])])
    assert stuck(result) == {(("AIV0", "S"), ("AIV0", "S", "wait_flag", 1), False, "")}


def test_two_cores_that_wait_for_each_other() -> None:
    result = run([
        line("AIC", "wait_flag_dev", flag=1, line=1),
        line("AIV0", "wait_flag_dev", flag=0, line=2),
        line("AIC", "ffts_cross_core_sync", pipe="FIX", mode=2, flag=0, line=3),
        line("AIV0", "ffts_cross_core_sync", pipe="MTE3", mode=2, flag=1, line=4),
        line("AIV1", "ffts_cross_core_sync", pipe="MTE3", mode=2, flag=1, line=5),
    ])  # fmt: skip
    (found,) = result.log.stuck
    wiring = result.kernel.wiring
    heads = {wiring.cores[head.core]: head for head in found.heads.values()}
    assert heads["AIC"].missing == "AIV0 has not sent its half"
    for core, other, at in (("AIC", "AIV0", 4), ("AIV0", "AIC", 3)):
        needs = heads[core].needs
        assert needs is not None
        assert result.kernel.sites[needs.site].span.line == at
        assert heads[core].via == (wiring.scalar[wiring.core_index[other]],)


def test_a_lane_that_never_sends() -> None:
    result = run([
        line("AIV0", "ffts_cross_core_sync", pipe="MTE3", mode=2, flag=0, line=1),
        line("AIC", "wait_flag_dev", flag=0, line=2),
    ])  # fmt: skip
    assert {key[3] for key in stuck(result)} == {"AIV1 has not sent its half"}


def test_waits_on_a_pipe_of_a5() -> None:
    lines = [
        line("AIC", "wait_intra_block", pipe="FIX", flag=16, line=1),
        access("AIC", "FIX", 2, [["L0C", 0, 64]], [["GM", 0, 64]]),
        access("AIV1", "MTE2", 3, [["GM", 0, 64]], []),
        line("AIV1", "set_intra_block", pipe="MTE2", flag=0, line=4),
    ]
    assert clashes(run(lines, A5)) == set()
    assert clashes(run(lines[1:3], A5)) != set()
