"""Speed and memory on recorded traces: start-up, reading, analysis and the whole, each apart.

    python benchmarks/traces.py [--events 100000,1000000] [--agents 4,12,72] [--repeat 3] [--only loop]

Each row runs in a process of its own: its peak memory is that of one trace. Times are processor time, minima over the
repetitions; start-up is wall time.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import perf_counter, process_time

from generate import CASES, loops
from naive import races

from syncheck.frontends.trace import Reader, lines_of
from syncheck.frontends.trace_sync import Recorded
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.replay import Replay, Rules
from syncheck.trace_run import run_trace

NAIVE_EVENTS = 14_000
PREPARED = 200_000
"""Events whose actions are made beforehand, to time the analysis alone."""


def main() -> None:
    options = _options()
    if options.child:
        _child(options.child, options.agents)
        return
    repeat = options.repeat
    print(f"start-up {_startup(repeat) * 1000:.0f} ms (interpreter, imports, machine model)\n")
    print(
        f"{'trace':<12}{'agents':>7}{'events':>11}{'whole':>9}{'reading':>9}{'analysis':>10}{'events/s':>11}{'MB':>9}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only.split(",") if options.only else CASES:
            for agents in map(int, options.agents.split(",")):
                for events in map(int, options.events.split(",")):
                    path = Path(folder) / "trace.jsonl"
                    _write(path, CASES[name](events, agents))
                    runs = [_row(path) for _ in range(repeat)]
                    best = {key: min(run[key] for run in runs) for key in runs[0]}
                    whole, reading, analysis, peak = (best[key] for key in ("whole", "reading", "analysis", "peak"))
                    rate = f"{events / whole:,.0f}"
                    wide = int(runs[0]["agents"])
                    figures = f"{whole:>8.2f}s{reading:>8.2f}s{analysis:>9.2f}s{rate:>11}{peak:>9.0f}"
                    print(f"{name:<12}{wide:>7}{events:>11,}{figures}", flush=True)
    _paired(repeat)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", default="100000,1000000")
    parser.add_argument("--agents", default="4,12,72")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="", help=", ".join(CASES))
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def _write(path: Path, lines: Iterator[bytes]) -> None:
    with path.open("wb") as out:
        out.writelines(lines)


def _row(path: Path) -> dict[str, float]:
    """One measurement in a process of its own, and one more for its memory."""
    figures: dict[str, float] = {}
    for what in ("whole", "parts"):
        command = [sys.executable, __file__, "--child", str(path), "--agents", what]
        figures.update(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    return figures


def _child(path: str, what: str) -> None:
    machine = load("a2a3")
    rules = Rules(in_order=machine.in_order)
    if what == "whole":
        started = process_time()
        with open(path, "rb") as stream:
            result = run_trace(stream, path, machine, rules, reopen=lambda: open(path, "rb"))  # noqa: SIM115
        whole = process_time() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"whole": whole, "peak": peak, "agents": len(result.kernel.wiring.agents)}))
        return
    with open(path, "rb") as stream:
        reader = Reader(path, machine, Log())
        started = process_time()
        count = _read_all(reader, lines_of(stream))
        reading = process_time() - started
    with open(path, "rb") as stream:
        log = Log()
        reader = Reader(path, machine, log)
        actions = []
        for number, line in enumerate(lines_of(stream), 1):
            action = reader.known.get(line) or reader.read(line, number)
            if action is not None:
                actions.append(action)
            if number >= PREPARED:
                break
    started = process_time()
    _replay(Replay(reader.kernel.wiring, reader.kernel.atlas, rules, log), actions)
    analysis = (process_time() - started) / len(actions) * count
    print(json.dumps({"reading": reading, "analysis": analysis}))


def _read_all(reader: Reader, lines: Iterable[bytes]) -> int:
    """Every line to its action, nothing run; bytes of GM are forgotten as a run would."""
    known, number = reader.known, 0
    for line in lines:
        number += 1
        if known.get(line) is None:
            reader.read(line, number)
            if reader.gm.size > 4096:
                reader.gm.forget(set(reader.gm.cells))
    return number


def _replay(replay: Replay, actions: list[Recorded]) -> None:
    for action in actions:
        replay.issue(action, action.values)


def _startup(repeat: int) -> float:
    code = "import syncheck.trace_run, syncheck.machine; syncheck.machine.load('a2a3')"
    best = 1e9
    for _ in range(repeat):
        started = perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        best = min(best, perf_counter() - started)
    return best


def _paired(repeat: int) -> None:
    """Against an engine that keeps a clock for each event and compares all pairs, in turns on the same lines."""
    lines = list(loops(NAIVE_EVENTS, 4))
    machine = load("a2a3")
    rules = Rules(in_order=machine.in_order)
    ratios = []
    for _ in range(repeat):
        started = process_time()
        found = races(lines)
        between = process_time()
        result = run_trace(lines, "t.jsonl", machine, rules)
        ended = process_time()
        ratios.append((between - started) / (ended - between))
        assert found == len(result.log.clashes) == 0
    middle = sorted(ratios)[len(ratios) // 2]
    print(f"\nagainst all pairs, {NAIVE_EVENTS:,} events of the loop on 4 agents, in turns: {middle:.0f} times as fast")


if __name__ == "__main__":
    main()
