"""`syncheck run --trace` and `--timeline`: one run drawn in time, the first wrong one if there is one."""

from __future__ import annotations

from syncheck.cli_arguments import CommandError
from syncheck.cli_run_text import Case, Outcome, Result
from syncheck.cli_terminal import put_file
from syncheck.cost import Costs, Unpriced
from syncheck.machine import Machine
from syncheck.simulator.data import Run
from syncheck.timeline import Mix, picture
from syncheck.timeline_html import html
from syncheck.timeline_svg import svg
from syncheck.timeline_trace import trace

MOST = 64
"""Reads of wrong bytes that are marked."""


def draw(outcome: Outcome, machine: Machine, trace_path: str, timeline_path: str) -> None:
    """Write what was asked for. Raises CommandError where nothing was run."""
    case, result = _chosen(outcome)
    run = result.run
    assert run is not None
    try:
        costs: Costs | None = Costs(machine, run.kernel)
        drawn = picture(run.kernel, run.events, costs, _mixes(run), _title(outcome, case, result), run.stuck)
    except Unpriced:
        drawn = picture(run.kernel, run.events, None, _mixes(run), _title(outcome, case, result), run.stuck)
    if trace_path:
        put_file(trace_path, trace(drawn))
    if timeline_path:
        put_file(timeline_path, svg(drawn) if timeline_path.endswith(".svg") else html(drawn))


def _chosen(outcome: Outcome) -> tuple[Case, Result]:
    """The first wrong run that is kept, else the first one."""
    kept = [(case, result) for case in outcome.cases for result in case.results if result.run is not None]
    if not kept:
        raise CommandError(f"{outcome.path}: nothing was run, so there is nothing to draw")
    return next(((case, result) for case, result in kept if result.wrong), kept[0])


def _title(outcome: Outcome, case: Case, result: Result) -> str:
    shown = ", ".join(
        f"{name} = {value if isinstance(value, int) else list(value)}" for name, value in case.parameters.items()
    )
    never = ", which never ends" if result.stuck else ""
    return f"{outcome.path}, {result.label}{never}" + (f" ({shown})" if shown else "")


def _mixes(run: Run) -> list[Mix]:
    """Each read of bytes that another instance wrote than under the issue order."""
    found = []
    for stale in run.stale[:MOST]:
        where = f"{stale.name} 0x{stale.start:x}..0x{stale.stop:x}".strip()
        expected, writer = run.event(stale.expected), run.event(stale.writer)
        if expected is not None and expected.end > stale.reader.end:
            found.append(Mix(stale.reader.number, expected.number, where, early=True))
        elif writer is not None:
            found.append(Mix(stale.reader.number, writer.number, where))
    return found
