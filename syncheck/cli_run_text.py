"""What `syncheck run` prints: the errors of each case's runs, and for the first wrong one what it read instead."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from syncheck.cli_run_time import Cycles, time_document, time_lines
from syncheck.finding import Finding, Label, MemoryRange
from syncheck.reporters.label_rows import KEY, blocks, key
from syncheck.reporters.styled import Line, Page, Piece, flowed, hanging, plain, printed
from syncheck.simulator.comparison import Comparison, Error
from syncheck.simulator.data import INPUT, Poison, Run, Stale
from syncheck.simulator.events import Event
from syncheck.value import Value, frozen

STALE = 3
"""How many stale reads are shown in full."""
ROWS = 5
"""How many wrong runs, and wrong parts of one, have a line of their own."""


@frozen
class Result(Value):
    """One run: its error, whether it gave the bits of the issue order, and the run itself where it is to be shown."""

    label: str
    comparison: Comparison
    same: bool
    run: Run | None = None
    stuck: bool = False

    @property
    def wrong(self) -> bool:
        return self.stuck or self.comparison.wrong


@frozen
class Case(Value):
    """Runs with the same parameters and inputs, the issue order first; `finding`: whose witness was played out;
    `time`: of the kernel with these."""

    parameters: Mapping[str, int | tuple[int, ...]]
    results: tuple[Result, ...]
    finding: Finding | None = None
    time: Cycles | None = None


@frozen
class Outcome(Value):
    """All that was run of one script. `golden`: it has one (else runs are held against the issue order)."""

    path: str
    cases: tuple[Case, ...]
    golden: bool
    tolerance: float
    note: str = ""

    @property
    def wrong(self) -> bool:
        return any(result.wrong for case in self.cases for result in case.results)


def text(outcome: Outcome, page: Page, color: bool) -> str:
    """The report for people."""
    return printed(_lines(outcome, page), color)


def _lines(outcome: Outcome, page: Page) -> Iterator[Line]:
    for case in outcome.cases:
        yield from _case(case, outcome, page)
        yield ()
    yield from _closing(outcome, page)


def _case(case: Case, outcome: Outcome, page: Page) -> Iterator[Line]:
    if case.finding is not None:
        head = (Piece(case.finding.rule, "key"), Piece("  "))
        yield from hanging(head, case.finding.title, page, 8, "key")
    elif (first := next((result for result in case.results if result.wrong), None)) is not None:
        yield from hanging((), page.clean(_lead(first, case)), page, 0, "key")
    if case.parameters:
        yield from hanging(key("with"), page.clean(values(case.parameters)), page, KEY)
    yield ()
    yield from _table(case, outcome, page)
    first = next((result for result in case.results if result.wrong), None)
    if first is not None and first.run is not None:
        yield from _why(first, first.run, page)
    issued = case.results[0].run
    if issued is not None and issued.poison:
        yield ()
        yield from hanging(key("unset"), _unset(issued.poison), page, KEY)
    if issued is not None and issued.uninterpreted:
        ops = ", ".join(issued.uninterpreted)
        said = f"what these compute is not known; their results stand for all the bytes that they read: {ops}"
        yield from hanging(key("opaque"), said, page, KEY)
    if case.time is not None:
        yield ()
        yield from time_lines(case.time, page)


def _lead(result: Result, case: Case) -> str:
    """The sentence that matters."""
    if result.stuck:
        return f"The kernel does not end ({result.label})"
    names = ", ".join(error.tensor for error in result.comparison.tensors if error.wrong)
    where = ", ".join(part.name for part in result.comparison.parts[:ROWS])
    wrong, others = sum(each.wrong for each in case.results[1:]), len(case.results) - 1
    order = "as issued" if result is case.results[0] else f"under {wrong} of {others} schedules"
    return f"{names} is wrong {order}" + (f", in {where}" if where else "")


# ---------------------------------------------------------------- errors


def _table(case: Case, outcome: Outcome, page: Page) -> Iterator[Line]:
    rows: list[tuple[tuple[str, str, str, str], str, bool]] = []
    for label, result, count in _grouped(case.results):
        for number, error in enumerate(result.comparison.tensors):
            note = _note(error, result, outcome, count)
            rows.append((("" if number else label, error.tensor, *_numbers(error)), note, bool(error.wrong)))
        shown = result.comparison.parts[:ROWS]
        rows += [(("", f"  {part.name}", *_numbers(part)), _rows(part), True) for part in shown]
        if len(result.comparison.parts) > len(shown):
            rows.append((("", "", "", ""), f"and {len(result.comparison.parts) - len(shown)} more", True))
    widths = [max((len(cells[column]) for cells, _, _ in rows), default=0) for column in range(4)]
    for cells, note, wrong in rows:
        head = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        style = "refuted" if wrong else ""
        indent = len(head) + 5 if len(head) + 5 < page.width * 2 // 3 else KEY
        yield from hanging((Piece(f"  {page.clean(head)}   ", style),), note, page, indent)


def _grouped(results: Sequence[Result]) -> Iterator[tuple[str, Result, int]]:
    """The issue order, wrong runs one by one as far as there is room, and the others as one line: the worst of them."""
    issued, *others = results
    yield issued.label, issued, 1
    right = [result for result in others if not result.wrong]
    if right:
        worst = max(right, key=lambda result: (not result.same, result.comparison.maximum))
        label = right[0].label if len(right) == 1 else f"{len(right)} {right[0].label.partition(' ')[0]}"
        yield label, worst, len(right)
    wrong = [result for result in others if result.wrong]
    for result in wrong[:ROWS]:
        yield result.label, result, 1
    if len(wrong) > ROWS:
        worst = max(wrong[ROWS:], key=lambda result: result.comparison.maximum)
        yield f"{len(wrong) - ROWS} more", worst, len(wrong) - ROWS


def _numbers(error: Error) -> tuple[str, str]:
    return f"max {number(error.maximum)}", f"mean {number(error.mean)}"


def number(value: float) -> str:
    """Three digits are enough for an error."""
    return "NaN" if not math.isfinite(value) else f"{value:.3g}"


def _note(error: Error, result: Result, outcome: Outcome, count: int) -> str:
    if result.stuck:
        return "does not end"
    if error.wrong:
        off = f"by more than {outcome.tolerance:g}" if outcome.golden else "from the issue order"
        return f"{error.wrong} of {error.elements} elements are off {off}"
    near = f"within {outcome.tolerance:g} of golden" if outcome.golden else "the same bits as issued"
    if result.label == "as issued":
        return near if outcome.golden else "what the others are held against"
    said = "the same bits as issued" if result.same else near
    if result.same and result.run is not None and result.run.stale:
        said += ": other bytes were read, which held the same or did not matter"
    return said if count == 1 else f"all {count}: {said}"


def _rows(part: Error) -> str:
    rows = f"row {part.first}" if part.first == part.last else f"rows {part.first} to {part.last}"
    return f"{part.wrong} of {part.elements} elements, {rows}"


# ---------------------------------------------------------------- why


def _why(result: Result, run: Run, page: Page) -> Iterator[Line]:
    if run.stuck:
        yield ()
        yield from blocks(
            [("waits" if not n else "", "later", _place(event)) for n, event in enumerate(run.stuck)], page
        )
    for stale in run.stale[:STALE]:
        yield ()
        yield from blocks(list(_story(stale, run)), page)
    if len(run.stale) > STALE:
        yield ()
        more = f"{len(run.stale) - STALE} more reads of other bytes than in issue order, most of them its consequences"
        yield from hanging(key("and"), more, page, KEY)


def _story(stale: Stale, run: Run) -> Iterator[tuple[str, str, Label]]:
    """Who read, what had been written there, and what should have been."""
    where = MemoryRange(_space(stale.memory), stale.start, stale.stop, stale.name)
    yield "stale", "later", _place(stale.reader, "read", where)
    writer, expected = run.event(stale.writer), run.event(stale.expected)
    if writer is not None:
        yield "found", "earlier", _place(writer, "write", where)
    if expected is not None:
        yield "wanted", "key", _place(expected, "write", where)
    elif stale.expected == INPUT:
        yield "wanted", "key", _place(stale.reader, "", None, "the input")


def _place(event: Event, access: str = "", where: MemoryRange | None = None, note: str = "") -> Label:
    site = event.site
    return Label("note", site.span, event.core, event.pipe, event.op, access, where, event.frames, note)


def _space(memory: str) -> str:
    return "GM" if memory.startswith(("gm:", "GM")) else memory.partition(":")[2]


def _unset(poison: Sequence[Poison]) -> str:
    places = []
    for each in poison:
        place = f"{each.name or each.memory} by {each.reader.op} at {each.reader.site.span.line}"
        if place not in places:
            places.append(place)
    more = f" and {len(places) - ROWS} more" if len(places) > ROWS else ""
    return f"bytes that nobody wrote are read (as NaN): {', '.join(places[:ROWS])}{more}"


def values(parameters: Mapping[str, int | tuple[int, ...]]) -> str:
    """ "n_blocks = [2, 1], total = 2" """
    return ", ".join(f"{name} = {_value(value)}" for name, value in parameters.items())


def _value(value: int | tuple[int, ...]) -> str:
    if isinstance(value, int):
        return str(value)
    if len(set(value)) == 1:
        return str(value[0])
    shown = ", ".join(map(str, value[:8]))
    return f"[{shown}, …]" if len(value) > 8 else f"[{shown}]"


def _closing(outcome: Outcome, page: Page) -> Iterator[Line]:
    runs = [result for case in outcome.cases for result in case.results]
    wrong = sum(result.wrong for result in runs)
    head = (Piece(f"{page.clean(outcome.path)}  ", "key"),)
    if not runs:
        yield from flowed([(*head, Piece("not run", "bounded")), plain(outcome.note)], page.width, 4)
        return
    word, style = ("wrong", "refuted") if wrong else ("right", "proved")
    count = f"{wrong} of {len(runs)} runs" if wrong else f"{len(runs)} run{'s' * (len(runs) != 1)}"
    against = f"golden ± {outcome.tolerance:g}" if outcome.golden else "no golden: held against the issue order"
    cells = [count, page.sign(against, against.replace("±", "+-"))]
    yield from flowed([(*head, Piece(word, style)), *map(plain, cells)], page.width, 4)


# ---------------------------------------------------------------- JSON


def document(outcome: Outcome) -> str:
    """One JSON document; what is infinite or not a number is null."""
    cases = [
        {
            "finding": None if case.finding is None else {"rule": case.finding.rule, "title": case.finding.title},
            "parameters": {k: list(v) if isinstance(v, tuple) else v for k, v in case.parameters.items()},
            "time": time_document(case.time),
            "runs": [_result(result) for result in case.results],
        }
        for case in outcome.cases
    ]
    whole = {
        "version": 1, "path": outcome.path, "golden": outcome.golden, "tolerance": outcome.tolerance,
        "wrong": outcome.wrong, "note": outcome.note, "cases": cases,
    }  # fmt: skip
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def _result(result: Result) -> dict[str, Any]:
    run = result.run
    return {
        "schedule": result.label, "wrong": result.wrong, "same_bits": result.same,
        "tensors": [_error(error) for error in result.comparison.tensors],
        "parts": [_error(error) for error in result.comparison.parts],
        "stale": [] if run is None else [_stale(stale, run) for stale in run.stale],
        "unset": [] if run is None else [_bytes(p.reader, p.memory, p.start, p.stop, p.name) for p in run.poison],
        "stuck": [] if run is None else [_event(event) for event in run.stuck],
    }  # fmt: skip


def _error(error: Error) -> dict[str, Any]:
    finite = {"max": error.maximum, "mean": error.mean}
    return {
        "name": error.name, "tensor": error.tensor, "wrong": error.wrong, "elements": error.elements,
        "rows": None if error.first < 0 else [error.first, error.last],
        **{name: value if math.isfinite(value) else None for name, value in finite.items()},
    }  # fmt: skip


def _event(event: Event | None) -> dict[str, Any] | None:
    if event is None:
        return None
    span = event.site.span
    return {
        "core": event.core, "pipe": event.pipe, "op": event.op, "path": span.path, "line": span.line,
        "number": event.order, "frames": list(event.frames),
    }  # fmt: skip


def _bytes(reader: Event, memory: str, start: int, stop: int, name: str) -> dict[str, Any]:
    return {"reader": _event(reader), "memory": memory, "start": start, "stop": stop, "name": name}


def _stale(stale: Stale, run: Run) -> dict[str, Any]:
    return {
        **_bytes(stale.reader, stale.memory, stale.start, stale.stop, stale.name),
        "writer": _event(run.event(stale.writer)), "expected": _event(run.event(stale.expected)),
    }  # fmt: skip
