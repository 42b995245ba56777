"""A script run with data under schedules, held against its golden or against its own issue order."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from syncheck.check import check, machine_for
from syncheck.cli_arguments import CommandError
from syncheck.cli_golden import TABLE, Golden, asked, drawn, found, from_file
from syncheck.cli_inspect import read_script, script_target
from syncheck.cli_plan import Plan
from syncheck.cli_run_text import Case, Outcome, Result, document, text
from syncheck.cli_run_time import cycles
from syncheck.cli_terminal import Progress, color, links, put, put_file, unicode, width
from syncheck.cli_timeline import draw
from syncheck.config import did_you_mean
from syncheck.definitions import DefinitionError, narrowed, pins_of
from syncheck.finding import Finding
from syncheck.frontends.script import parse
from syncheck.ir import Program
from syncheck.reporters.styled import Page
from syncheck.source import Problem


def execute(arguments: Namespace) -> int:
    """0: every run is right. 1: one is not, or does not end. Raises CommandError where it cannot be run."""
    target = script_target(arguments.path, arguments)
    if target.kind != "script":
        raise CommandError(f"{target.path}: only event scripts (.sync) can be run")
    source, plan = read_script(target, arguments)
    job = _Job(source, target.path, plan, arguments)
    with Progress(arguments.runs, "running") as progress:
        shown = job.outcome(progress)
    if arguments.format == "json":
        report = document(shown)
    else:
        to_file = bool(arguments.output)
        page = Page(width(to_file), not to_file and not unicode(), False, links() and not to_file)
        report = text(shown, page, color(arguments.color, to_file))
    if arguments.trace or arguments.timeline:
        draw(shown, job.machine, arguments.trace or "", arguments.timeline or "")
    if arguments.output:
        put_file(arguments.output, report)
    else:
        put(report)
    return int(shown.wrong)


_NUMBER = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|[0-9]+)")


class _Job:
    """One script, what it is run with, and what is asked of it."""

    def __init__(self, source: str, path: str, plan: Plan, arguments: Namespace) -> None:
        self._source, self._path, self._plan, self._arguments = source, path, plan, arguments
        program = parse(source, path)
        if program.problems:
            raise CommandError(_told(program.problems[0]))
        if not program.cores:
            raise CommandError(f"{path}: no core, so nothing to run")
        known = [param.name for param in program.params]
        for name, _ in arguments.define:
            if name not in known:
                raise CommandError(f"{path} has no parameter {name}{did_you_mean(name, known)}")
        try:
            self._program: Program = narrowed(plan.settings.definitions, program)
            self._pins = pins_of(plan.settings.definitions, self._program)
        except DefinitionError as error:
            raise CommandError(f"{path}: {error}") from None
        self.machine = machine_for(program, plan.settings)
        self._golden: Golden | None = found(arguments.golden or "", path)
        self._given = from_file(arguments.inputs) if arguments.inputs else {}

    def outcome(self, progress: Progress) -> Outcome:
        cases, note = [], ""
        if self._arguments.schedule == "witness":
            findings = [finding for finding in self._findings() if finding.witness is not None]
            for number, finding in enumerate(findings):
                progress.at(number, f"{finding.rule} {finding.title}")
                cases.append(self._witnessed(finding))
            note = "" if findings else "the check of this script gives no witness: there is nothing to play out"
        else:
            cases.append(self._scheduled(progress))
        tolerance = self._golden.tolerance if self._has_golden() and self._golden else 0.0
        return Outcome(self._path, tuple(cases), self._has_golden(), tolerance, note=note)

    # ------------------------------------------------------------ cases

    def _scheduled(self, progress: Progress) -> Case:
        """The issue order, and as many schedules as were asked for."""
        from syncheck.simulator.data import RunError

        name, first = self._arguments.schedule, self._arguments.seed
        try:
            prepared, inputs = self._prepared(self._pins)
            issued = prepared.run(progress=_ticks(progress, 0, "as issued"))
            judge = self._judge({**prepared.parameters, **inputs}, issued)
            results = [judge("as issued", issued)]
            for turn in range(self._arguments.runs if name != "program" else 0):
                label = f"{name} {first + turn}"
                ticks = _ticks(progress, turn, label)
                results.append(judge(label, prepared.run(name, first + turn, reference=issued, progress=ticks)))
                results = list(_sparse(results))
        except RunError as error:
            raise CommandError(_told(error.problem)) from None
        return Case(prepared.parameters, _sparse(results), time=cycles(issued, self.machine))

    def _witnessed(self, finding: Finding) -> Case:
        from syncheck.simulator.data import RunError
        from syncheck.simulator.policies import Overtake

        witness = finding.witness
        assert witness is not None
        pins = {**self._pins, **_pins_of(witness.parameters, self._program)}
        try:
            prepared, inputs = self._prepared(pins, unknowns_of(witness.parameters, self._program))
            issued = prepared.run()
            judge = self._judge({**prepared.parameters, **inputs}, issued)
            results = [judge("as issued", issued)]
            if witness.earlier is not None:
                held = Overtake(witness.earlier, witness.later)
                results.append(judge("witness", prepared.run(held, reference=issued)))
        except RunError as error:
            raise CommandError(_told(error.problem)) from None
        return Case(prepared.parameters, tuple(results), finding, cycles(issued, self.machine))

    def _findings(self) -> Iterator[Finding]:
        report = check(self._source, self._path, self._plan.settings)
        if report.verdict == "unreadable":
            raise CommandError(f"{self._path}: {report.reason}")
        for finding in report.findings:
            if finding.severity == "error" and not finding.suppressed and self._plan.shows(finding.rule):
                yield finding

    def _judge(self, known: Mapping[str, Any], issued: Any) -> Callable[[str, Any], Result]:
        """What is thought of a run: against golden, or against the issue order where there is none."""
        from syncheck.simulator.comparison import compare

        golden = self._golden
        wanted = asked(golden, golden.golden, known) if golden and golden.golden else issued.tensors
        parts = asked(golden, golden.parts, known) if golden and golden.parts else ()
        tolerance = golden.tolerance if golden and golden.golden else 0.0
        bits = {name: tensor.tobytes() for name, tensor in issued.tensors.items()}

        def judge(label: str, run: Any) -> Result:
            try:
                compared = compare(run.tensors, wanted, tolerance, parts)
            except KeyError as error:
                message = f"the kernel writes no tensor {error}"
                raise CommandError(f"{golden.path if golden else self._path}: {message}") from None
            except ValueError as error:
                raise CommandError(f"{golden.path if golden else self._path}: {error}") from None
            same = all(tensor.tobytes() == bits[name] for name, tensor in run.tensors.items())
            return Result(label, compared, same, run, bool(run.stuck))

        return judge

    # ------------------------------------------------------------ inputs

    def _has_golden(self) -> bool:
        return self._golden is not None and self._golden.golden is not None

    def _prepared(
        self, pins: Mapping[str, tuple[int, ...]], unknowns: Mapping[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """The kernel with its inputs: the file's, else the golden module's, else `unknowns` and what is drawn.

        Raises RunError.
        """
        from syncheck.simulator.data import prepare

        values: dict[str, Any] = {}
        if self._golden is not None:
            plain = {name: list(v) if self._indexed(name) else v[0] for name, v in pins.items()}
            values = dict(asked(self._golden, self._golden.inputs, plain, 0))
        values |= self._given
        strangers = sorted(set(values) - self._names())
        if strangers:
            source = self._golden.path if self._golden else self._arguments.inputs
            raise CommandError(f"{source}: {self._path} has no tensor, table or parameter {', '.join(strangers)}")
        if self._golden is None:
            bare = prepare(self._program, self.machine, pins, values)
            extents = {name: tensor.extents for name, tensor in bare.kernel.layout.tensors.items()}
            values = drawn(self._program, bare.written(), extents, 0) | dict(unknowns or {}) | values
        return prepare(self._program, self.machine, pins, values), values

    def _indexed(self, name: str) -> bool:
        return any(param.name == name and param.index for param in self._program.params)

    def _names(self) -> set[str]:
        program = self._program
        return {each.name for group in (program.tensors, program.unknowns, program.params) for each in group}


def _ticks(progress: Progress, turn: int, label: str) -> Callable[[int], None]:
    return lambda ended: progress.at(turn, f"{label}: {ended} instructions")


def _sparse(results: list[Result]) -> tuple[Result, ...]:
    """All results; the events only of the issue order and of the first wrong run."""
    first = next((result for result in results if result.wrong), None)
    return tuple(r if r is first or r is results[0] else replace(r, run=None) for r in results)


def _pins_of(parameters: tuple[tuple[str, str], ...], program: Program) -> dict[str, tuple[int, ...]]:
    """The parameters of a witness as -D would give them; values of unknowns are the inputs' business."""
    try:
        return pins_of([(name, value) for name, value in parameters], program)
    except DefinitionError:
        return {}


def unknowns_of(parameters: tuple[tuple[str, str], ...], program: Program) -> dict[str, Any]:
    """The values that a witness gives unknowns: of a table, the last one holds for all further indices."""
    arity = {unknown.name: unknown.arity for unknown in program.unknowns}
    found: dict[str, Any] = {}
    for name, said in parameters:
        if name in arity and (values := [int(part, 0) for part in _NUMBER.findall(said)]):
            found[name] = values + [values[-1]] * TABLE if arity[name] else values[0]
    return found


def _told(problem: Problem) -> str:
    span = problem.span
    wanted = f"; expected {problem.expected}" if problem.expected else ""
    return f"{span.path}:{span.line}: {problem.message}{wanted}"
