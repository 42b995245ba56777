"""`syncheck check`: from paths to one report and an exit code.

Fails closed: a file that was not read, and an internal error, end in exit code 2 whatever else was found, and
appear in the report as unreadable.
"""

from __future__ import annotations

import os
import time
import traceback
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BufferedReader
from typing import BinaryIO, Protocol

from syncheck import __version__
from syncheck.check import check, check_cpp, check_trace
from syncheck.cli_arguments import CommandError
from syncheck.cli_baseline import apply_baseline
from syncheck.cli_callers import with_callers
from syncheck.cli_files import UNKNOWN, Target, Unreadable, collect, passed_over, standard_input, text_of
from syncheck.cli_plan import Plan, Planner
from syncheck.cli_terminal import Progress, color, links, on_terminal, put, put_file, say, unicode, width
from syncheck.config import ConfigError
from syncheck.finding import FileReport, Report
from syncheck.value import Value, frozen


@frozen
class Outcome(Value):
    """What came of one file; `complaint` is the line for stderr when it could not be checked."""

    report: FileReport
    complaint: str = ""
    plan: Plan | None = None


def run(arguments: Namespace) -> int:
    planner = Planner(arguments)
    chosen = with_callers(
        arguments.paths, lambda path: passed_over(path, planner.configurations), arguments.callers, arguments.include
    )
    notes = chosen.notes
    targets, skipped, others = collect(chosen.paths, arguments.stdin_filename or "", planner.configurations)
    passed = [text for text in (_without_kernel(skipped), _neither(others)) if text]
    host_only = passed and not any(map(os.path.isdir, arguments.paths))  # all that a pull request changes
    if not targets and not notes and not host_only:
        where, note = ", ".join(arguments.paths), f" ({'; '.join(passed)})" if passed else ""
        raise CommandError(f"nothing to check: no kernel, script or trace under {where}{note}")
    _check_output(arguments.output)
    outcomes = [_filtered(outcome) for outcome in _outcomes(targets, planner, arguments.jobs)]
    _refuse_strangers(outcomes)
    for complaint in dict.fromkeys(outcome.complaint for outcome in outcomes if outcome.complaint):
        say(complaint)
    for remark in dict.fromkeys(remark for outcome in outcomes for remark in outcome.report.remarks):
        say(remark)
    for report in (outcome.report for outcome in outcomes if outcome.report.undecided):
        say(f"{report.path}: what could go was not decided: {report.undecided}")
    for text in passed:
        say(text)
    for note in notes:
        say(note)
    if arguments.explain_coverage:
        for outcome in outcomes:
            for line in outcome.report.coverage:
                say(line)
    config = planner.first(targets)
    reports = apply_baseline(arguments, config, [(outcome.report, outcome.plan) for outcome in outcomes])
    outcomes = [replace(outcome, report=report) for outcome, report in zip(outcomes, reports, strict=True)]
    outcomes += [Outcome(FileReport(path, "bounded", reason=reason)) for path, reason in chosen.partly]
    _print(arguments, arguments.format or config.format or "text", outcomes)
    return _exit_code(outcomes)


def _neither(count: int) -> str:
    return f"{count} other {'file' if count == 1 else 'files'} passed over: {UNKNOWN}" if count else ""


def _without_kernel(count: int) -> str:
    if not count:
        return ""
    return f"{count} C++ {'file' if count == 1 else 'files'} passed over: no kernel in {'it' if count == 1 else 'them'}"


def _refuse_strangers(outcomes: list[Outcome]) -> None:
    """A -D that no script has a parameter for is a mistake of the command; over several files, one that some lack is
    not."""
    scripts = [outcome.report for outcome in outcomes if outcome.plan and outcome.report.parameters_known]
    strangers = [dict(report.strangers) for report in scripts]
    for name, near in strangers[0].items() if strangers else ():
        if all(name in other for other in strangers):
            hint = f"; did you mean {near}?" if near else ""
            raise CommandError(f"-D {name}: no script here has a parameter of that name{hint}")


def _exit_code(outcomes: list[Outcome]) -> int:
    if any(outcome.complaint or _unexplained(outcome.report) for outcome in outcomes):
        return 2
    plans = ((outcome.report, outcome.plan) for outcome in outcomes if outcome.plan)
    return int(any(plan.fails(finding) for report, plan in plans for finding in report.findings))


def _unexplained(report: FileReport) -> bool:
    """Not read, and no finding that says why."""
    return report.verdict == "unreadable" and not any(finding.rule == "SYN001" for finding in report.findings)


def _filtered(outcome: Outcome) -> Outcome:
    if outcome.plan is None:
        return outcome
    shown = tuple(finding for finding in outcome.report.findings if outcome.plan.shows(finding.rule))
    return replace(outcome, report=replace(outcome.report, findings=shown))


def _print(arguments: Namespace, format: str, outcomes: list[Outcome]) -> None:
    from syncheck.reporters import render

    machines = dict.fromkeys(o.report.machine or o.plan.settings.machine.name for o in outcomes if o.plan)
    to_file = bool(arguments.output)
    files = tuple(o.report for o in outcomes)
    if format == "text" and (to_file or not on_terminal()):
        files = tuple(replace(file, seconds=0.0) for file in files)  # piped output is the same for the same input
    report = Report(files, ", ".join(machines), arguments.verbose, __version__)
    colored = format in ("text", "concise") and color(arguments.color, to_file)
    text = render(
        format,
        report,
        width=width(to_file),
        color=colored,
        verbose=arguments.verbose,
        hyperlinks=colored and not to_file and links(),
        ascii=not to_file and not unicode(),
        rules=_summaries() if format == "sarif" else None,
    )
    if not to_file:
        put(text)
        return
    put_file(arguments.output, text)
    say(f"report written to {arguments.output}")


def _summaries() -> dict[str, str]:
    from syncheck.detectors import RULES

    return {rule.id: rule.summary for rule in RULES}


def _check_output(path: str | None) -> None:
    """Better told before an hour of work than after."""
    folder = os.path.dirname(os.path.realpath(path)) if path else ""
    if path is not None and (not path or os.path.isdir(path) or not os.path.isdir(folder)):
        raise CommandError(f"--output {path}: {'is a folder' if path and os.path.isdir(path) else 'no such folder'}")


# ---------------------------------------------------------------- one file


def check_target(target: Target, plan: Plan) -> Outcome:
    """Check one input; whatever goes wrong is an outcome too."""
    start = time.perf_counter()
    try:
        report = _checked(target, plan)
    except Unreadable as error:
        return _unreadable(target, str(error), plan)
    except OSError as error:
        return _unreadable(target, f"cannot be read: {error.strerror or error}", plan)
    except Exception as error:  # the last resort for any defect of ours: never a traceback, never exit code 0
        if os.environ.get("SYNCHECK_DEBUG") == "1":
            traceback.print_exc()
        return _internal(target, f"{type(error).__name__}: {error}"[:300], plan)
    return Outcome(report if report.seconds else replace(report, seconds=time.perf_counter() - start), plan=plan)


def _checked(target: Target, plan: Plan) -> FileReport:
    if target.kind == "script":
        return check(text_of(target), target.path, plan.settings)
    if target.kind == "c++":
        from syncheck.cli_headers import Headers

        headers = Headers(target.path, plan.include)
        return check_cpp(text_of(target), target.path, plan.settings, headers.find, headers.library)
    if target.stdin:
        return _trace(standard_input(), target, plan)
    with open(target.path, "rb") as stream:
        return _trace(stream, target, plan, reopen=lambda: open(target.path, "rb"))


def _trace(stream: BinaryIO, target: Target, plan: Plan, reopen: Callable[[], BinaryIO] | None = None) -> FileReport:
    if isinstance(stream, BufferedReader) and not stream.peek(1):
        raise Unreadable("the file is empty")
    return check_trace(stream, target.path, plan.settings, reopen=reopen)


def _unreadable(target: Target, reason: str, plan: Plan | None = None) -> Outcome:
    return Outcome(FileReport(target.path, "unreadable", reason=reason), f"{target.path}: {reason}", plan)


def _internal(target: Target, reason: str, plan: Plan) -> Outcome:
    report = FileReport(target.path, "unreadable", reason=f"internal error: {reason}")
    return Outcome(report, f"internal error in {target.path}: {reason}; please report", plan)


# ---------------------------------------------------------------- many files


def _outcomes(targets: tuple[Target, ...], planner: Planner, jobs: int) -> list[Outcome]:
    planned = [_planned(target, planner) for target in targets]
    work = [(target, found) for target, found in zip(targets, planned, strict=True) if isinstance(found, Plan)]
    workers = min(jobs or os.cpu_count() or 1, sum(not target.stdin for target, _ in work))
    with Progress(len(work)) as progress:
        done = [*(_parallel(work, workers, progress) if workers > 1 else _serial(work, progress))]
    checked = iter(done)
    return [found if isinstance(found, Outcome) else next(checked) for found in planned]


def _planned(target: Target, planner: Planner) -> Plan | Outcome:
    if target.problem:
        return _unreadable(target, target.problem)
    try:
        return planner.plan(target)
    except ConfigError as error:
        report = FileReport(target.path, "unreadable", reason=f"configuration: {error}")
        return Outcome(report, str(error))


def _serial(work: list[tuple[Target, Plan]], progress: Progress) -> Iterator[Outcome]:
    for number, (target, plan) in enumerate(work):
        progress.at(number, target.path)
        yield check_target(target, plan)


def _parallel(work: list[tuple[Target, Plan]], workers: int, progress: Progress) -> Iterator[Outcome]:
    """In the order of `work`, whatever finishes first. Standard input is read here: it cannot be handed on."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(workers, initializer=_quiet_interrupt) as pool:
        futures = [None if target.stdin else pool.submit(check_target, target, plan) for target, plan in work]
        try:
            for number, ((target, plan), future) in enumerate(zip(work, futures, strict=True)):
                progress.at(number, target.path)
                yield check_target(target, plan) if future is None else _result(future, target, plan)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


class Pending(Protocol):
    """A result that a worker process is about to give."""

    def result(self) -> Outcome: ...


def _result(future: Pending, target: Target, plan: Plan) -> Outcome:
    from concurrent.futures import BrokenExecutor

    try:
        return future.result()
    except BrokenExecutor:
        return _internal(target, "a worker process died (out of memory?); try --jobs 1", plan)


def _quiet_interrupt() -> None:
    """Ctrl-C reaches workers too; the parent says the one line there is to say."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
