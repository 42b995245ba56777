"""The one road: text → FileReport. No file is read here and nothing is printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from io import IOBase
from time import perf_counter

from syncheck import smallest
from syncheck.analysis import Analysis, FlagAdvice, Reliance
from syncheck.build import Pins, kernels
from syncheck.definitions import DefinitionError, narrowed, pins_of, strangers_of
from syncheck.detectors import RULES, findings
from syncheck.detectors.input import problem_findings
from syncheck.execution import Kernel
from syncheck.finding import SEVERITIES, FileReport, Finding, Gap, Pair
from syncheck.frontends.script import parse
from syncheck.ir import Domain, Program
from syncheck.machine import Machine, load
from syncheck.observation import Access, Case, Log
from syncheck.proof import DEFAULT_BOUND, DEFAULT_STATES, Explorer, Outcome
from syncheck.recording import Recording, record
from syncheck.repeats import without_repeats
from syncheck.replay import Rules
from syncheck.rule import Rule
from syncheck.source import Problem, Span
from syncheck.suppressions import apply, source_order
from syncheck.trial import Conditions, Ground, Spot, spot
from syncheck.value import Record, Value, frozen, mutable

RECORDED_EVENTS = 4000
"""Events up to which a trace is run again for pictures and witnesses."""
RELIANCE_STATES = 30
"""States to look at for what a drain keeps in order: small cases come first, and the question is only what would
break."""


RELIANCE_FIRST = 12
"""States after which a drain that nothing has needed yet is left alone."""


Find = Callable[[str, str], "tuple[str, str] | None"]
Library = Callable[[str], "tuple[str, str] | None"]
"""(header as written, the file that includes it) → (its path, its text), or None if there is none."""


@frozen
class Settings(Value):
    """How one file is checked. `definitions` are the raw -D texts; `machine_forced`: the script's own choice does
    not count.

    `options` are the raw -O pairs, for a script that names another machine than `machine`. `surplus`: say which
    synchronisation could go (SUR001, SUR002), which takes a proof for each. `witnesses`: a schedule for every
    pair of places (otherwise for the first of each finding). `doubt`: kinds of assumptions (source.ASSUMED) that a C++
    kernel is not read with.
    """

    machine: Machine
    definitions: tuple[tuple[str, str], ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    max_states: int = DEFAULT_STATES
    bound: int = DEFAULT_BOUND
    machine_forced: bool = False
    options: tuple[tuple[str, str], ...] = ()
    rules: tuple[Rule, ...] = RULES
    timed: bool = True
    surplus: bool = False
    try_fixes: bool = False
    witnesses: bool = False
    doubt: tuple[str, ...] = ()


def check(text: str, path: str, settings: Settings) -> FileReport:
    """Check one event script. Everything that goes wrong with the text is in the report: nothing is raised."""
    started = perf_counter()
    program = parse(text, path)
    return _checked(path, [program], machine_for(program, settings), settings, started)


def check_cpp(text: str, path: str, settings: Settings, find: Find, library: Library | None = None) -> FileReport:
    """Check one C++ kernel: each of its entry points. `find` gives the headers it includes, `library` those of the tile
    library. Nothing is raised."""
    from syncheck.frontends.cpp.library_reading import read_kernel

    started = perf_counter()
    reading = read_kernel(text, path, settings.machine, find, dict(settings.definitions), library, settings.doubt)
    report = _checked(path, reading.programs, reading.machine, settings, started, reading.problems)
    pinned = reading.coverage.pinned
    strangers = tuple(one for one in report.strangers if one[0] not in pinned)
    parameters = (*report.parameters, *pinned.items())
    report = replace(report, coverage=reading.coverage.lines(), strangers=strangers, parameters=parameters)
    report = replace(report, remarks=(reading.library,) if reading.library else ())
    if report.verdict == "unreadable" and not report.findings:
        return replace(report, verdict="bounded", reason="nothing that starts here does anything on a pipe")
    return report


def _checked(
    path: str, programs: Sequence[Program], machine: Machine, settings: Settings, started: float,
    problems: Sequence[Problem] = (),
) -> FileReport:  # fmt: skip
    """Check programs that are told as one file."""
    problems = [*problems, *[problem for program in programs for problem in program.problems]]
    runs: list[_Run] = []
    first: list[_Run] = []
    undecided, strangers, covered = "", list[tuple[tuple[str, str], ...]](), dict[str, str]()
    left = settings.max_states
    for each in programs:
        try:
            program = without_repeats(narrowed(settings.definitions, each))
            pins = pins_of(settings.definitions, program)
        except DefinitionError as error:
            return FileReport(path, "unreadable", machine.name, reason=str(error))
        strangers.append(strangers_of(settings.definitions, program))
        given = replace(settings, max_states=max(left, settings.max_states // 10))  # further ones have a tenth
        mine = [] if not program.cores else _explored(program, machine, pins, given)
        left -= sum(run.outcome.states for run in mine)
        for run in mine:
            problems += [problem for problem in run.kernel.problems if problem not in problems]
        undecided += _add_surplus(program, machine, pins, settings, mine) if settings.surplus and mine else ""
        if settings.try_fixes:
            _try_fixes(program, machine, pins, settings, mine)
        covered.update(_covered(program, pins))
        runs += mine
        first += mine[:1]
    if settings.surplus and len(first) > 1:
        _agree_on_surplus(first)
    found = _merge([finding for run in runs for finding in findings(run.analysis, settings.rules)])
    found = sorted([*found, *problem_findings(_unique(problems))], key=source_order)
    unasked = () if settings.surplus and not undecided else ON_REQUEST
    suppressions = dict.fromkeys(one for program in programs for one in program.suppressions)
    marked = apply(found, suppressions, [rule.id for rule in settings.rules], unasked)
    gaps = [gap for run in runs for gap in run.outcome.gaps.values()]
    verdict, reason = _verdict(marked, problems, gaps, bool(runs))
    cut = next((smallest.parameters(run.kernel, run.outcome.cut) for run in runs if run.outcome.cut is not None), ())
    return FileReport(
        path=path,
        verdict=verdict,
        machine=machine.name,
        parameters=tuple(covered.items()),
        findings=marked,
        reason=reason,
        gaps=tuple(Gap(gap.span, gap.message) for gap in _unique(gaps)),
        cut=cut,
        states=sum(run.outcome.states for run in runs),
        events=sum(run.outcome.events for run in runs),
        ordered=len({pair for run in runs for pair in run.ordered_lines()}),
        seconds=perf_counter() - started if settings.timed else 0.0,
        strangers=_strange_everywhere(strangers),
        parameters_known=True,
        undecided=undecided,
        assumed=tuple(dict.fromkeys(one for program in programs for one in program.assumed)),
    )


def _strange_everywhere(strangers: Sequence[tuple[tuple[str, str], ...]]) -> tuple[tuple[str, str], ...]:
    """The -D names that no program of the file has a parameter for."""
    first = strangers[0] if strangers else ()
    return tuple(one for one in first if all(one[0] in dict(other) for other in strangers))


def check_trace(
    lines: Iterable[bytes], path: str, settings: Settings, reopen: Callable[[], Iterable[bytes]] | None = None
) -> FileReport:
    """Check one recorded trace, streamed: `lines` are read once (again through `reopen` where that is needed)."""
    from syncheck.trace_run import run_trace

    started = perf_counter()
    machine = settings.machine
    result = run_trace(lines, path, machine, rules_of(machine), reopen=reopen)
    again = _traced(lines, path, result.kernel, machine, reopen) if result.events <= RECORDED_EVENTS else None
    analysis = Analysis(
        None, machine, result.kernel, result.log, closed=True, record=again, witnesses=settings.witnesses
    )
    found = [*findings(analysis, settings.rules), *problem_findings(result.problems)]
    marked = tuple(sorted(found, key=source_order))
    gaps = []
    if machine.options["flag_key"] != "src,dst,id":
        text = "under flag_key=src,id two pipes may wait for one flag, and then the order depends on the schedule"
        gaps.append(Problem(Span(path, 1), text))
    if rules_of(machine).dsb_between_cores or rules_of(machine).dsb_within_core:
        text = "what needs a dsb to be visible (xcore_visibility, gm_roundtrip) is followed in event scripts only"
        gaps.append(Problem(Span(path, 1), text))
    verdict, reason = _verdict(marked, list(result.problems), gaps, result.events > 0)
    return FileReport(
        path, verdict, machine.name, findings=marked, reason=reason, events=result.events,
        seconds=perf_counter() - started if settings.timed else 0.0,
        undecided="a trace is one run" if settings.surplus else "",
    )  # fmt: skip


def _traced(
    lines: Iterable[bytes], path: str, kernel: Kernel, machine: Machine, reopen: Callable[[], Iterable[bytes]] | None
) -> Callable[[Case], Recording] | None:
    """Runs a small trace again, once, when a finding asks for it; None where its lines cannot be read again."""
    if reopen is None and not isinstance(lines, list | tuple):
        return None
    runs: list[Recording] = []

    def record_again(case: Case) -> Recording:
        if not runs:
            from syncheck.trace_recording import record_trace

            stream = lines if reopen is None else reopen()
            try:
                again = record_trace(list(stream), path, machine, rules_of(machine))
                same = [(s.core, s.span) for s in again.kernel.sites] == [(s.core, s.span) for s in kernel.sites]
                runs.append(again if same else Recording(kernel, rules_of(machine), (), case))
            finally:
                if isinstance(stream, IOBase):
                    stream.close()
        return runs[0]

    return record_again


def machine_for(program: Program, settings: Settings) -> Machine:
    """The machine a script is checked for: --machine first, then the script's own, then the configuration's."""
    if settings.machine_forced or not program.machine or program.machine == settings.machine.name:
        return settings.machine
    return load(program.machine, options=dict(settings.options))


def rules_of(machine: Machine, *, ignored: Iterable[int] = ()) -> Rules:
    """What of the machine's options changes the order."""
    options = machine.options
    return Rules(
        advisory_scalar_wait=options["scalar_wait"] == "advisory",
        scalar_store_needs_flag=options["scalar_store"] == "flag",
        in_order=machine.in_order,
        counter_limit=machine.counter_limit,
        task_exit=options["exit"] != "launch",
        dsb_between_cores=options["xcore_visibility"] == "needs-dsb",
        dsb_within_core=options["gm_roundtrip"] == "flag+dsb",
        ignored_waits=frozenset(ignored),
    )


@mutable
class _Run(Record):
    """One Kernel, explored."""

    kernel: Kernel
    log: Log
    outcome: Outcome
    analysis: Analysis

    def ordered_lines(self) -> set[tuple[object, ...]]:
        sites = self.kernel.sites
        return {(sites[a].core, sites[a].span, sites[b].core, sites[b].span) for a, b in self.log.ordered}


ON_REQUEST = ("SUR001", "SUR002")
"""Rules that are looked for only with `Settings.surplus`."""


def _add_surplus(program: Program, machine: Machine, pins: Pins, settings: Settings, runs: list[_Run]) -> str:
    """Give the first run what could go; why that could not be decided, "" if it was."""
    from syncheck.removal import surplus

    ground = Ground(program, conditions_of(machine, pins, settings))
    if not ground.undecided:
        runs[0].analysis = replace(runs[0].analysis, surplus=surplus(ground))
    return ground.undecided


def _try_fixes(program: Program, machine: Machine, pins: Pins, settings: Settings, runs: list[_Run]) -> None:
    """Let the reports of these runs prove the kernel with the flags that they ask for."""
    from syncheck.fixes import tried

    conditions = conditions_of(machine, pins, settings)
    known: dict[FlagAdvice, str] = {}

    def try_flag(advice: FlagAdvice) -> str:
        if advice not in known:
            known[advice] = tried(program, conditions, advice)
        return known[advice]

    for run in runs:
        run.analysis = replace(run.analysis, try_flag=try_flag)


def _agree_on_surplus(runs: Sequence[_Run]) -> None:
    """Several kernels of one file share lines: what one of them needs is not surplus, whatever the others say."""
    needed = [_needed(run) for run in runs]
    for number, run in enumerate(runs):
        others = {one for other, spots in enumerate(needed) if other != number for one in spots}
        kept = [s for s in run.analysis.surplus if not others & {spot(site.span) for site in s.sites}]
        run.analysis = replace(run.analysis, surplus=tuple(kept))


def _needed(run: _Run) -> set[Spot]:
    """Where the synchronisation is that this kernel has and needs."""
    every = {spot(site.span) for site in run.kernel.sites if site.op in ("set_flag", "wait_flag", "pipe_barrier")}
    return every - {spot(site.span) for surplus in run.analysis.surplus for site in surplus.sites}


def conditions_of(machine: Machine, pins: Pins, settings: Settings) -> Conditions:
    """What is the same for a Program and all its changes."""
    return Conditions(machine, rules_of(machine), pins, settings.max_states, settings.bound)


MOST_CHOICES = 512
"""Choices of the listed parameters to check one by one."""


MOST_ONE_BY_ONE = 8
"""Values of a parameter that are told apart where the proof for all larger ones does not settle them too."""


def _explored(program: Program, machine: Machine, pins: Pins, settings: Settings) -> list[_Run]:
    """A parameter with an upper end keeps turns apart by their distance from it, so first all values above are taken
    in: what is closed for them holds for fewer, and what was seen counts where its smallest case is inside."""
    wide = tuple(replace(param, domain=_opened(param.domain)) for param in program.params)
    if wide != program.params and settings.max_states > 0:
        runs = _explore_all(replace(program, params=wide), machine, pins, settings)
        closed = runs and not any(run.outcome.gaps or run.kernel.problems for run in runs)
        if closed and all(_inside(run, program, settings) for run in runs):
            return runs
    return _explore_all(program, machine, pins, settings)


def _opened(domain: Domain) -> Domain:
    high = None if domain.values or domain.high is None else domain.high
    return domain if high is None or high - domain.low < MOST_ONE_BY_ONE else Domain(domain.low)


def _inside(run: _Run, program: Program, settings: Settings) -> bool:
    """Whether all that was found is shown by parameters of the Program's own domains."""
    highest = {param.name: param.domain.high for param in program.params if param.domain.high is not None}
    for finding in findings(run.analysis, settings.rules):
        shown = [*finding.parameters, *[item for pair in finding.pairs for item in pair.parameters]]
        for name, text in shown:
            high = highest.get(name)
            if high is not None and any(int(number) > high for number in re.findall(r"\d+", text)):
                return False
    return True


def _explore_all(program: Program, machine: Machine, pins: Pins, settings: Settings) -> list[_Run]:
    """Every choice of the listed parameters; they share one allowance of states."""
    runs: list[_Run] = []
    left = settings.max_states
    for kernel in kernels(program, machine, pins):
        if left <= 0 or len(runs) >= MOST_CHOICES:
            where = program.cores[0].span
            text = f"only {len(runs)} choices of the listed parameters were checked (--max-states raises the limit)"
            runs[-1].outcome.gaps["choices"] = Problem(where, text)
            break
        runs.append(_explore(kernel, program, machine, replace(settings, max_states=left)))
        left -= runs[-1].outcome.states
    return runs


def _explore(kernel: Kernel, program: Program, machine: Machine, settings: Settings) -> _Run:
    log = Log()
    explorer = Explorer(kernel, rules_of(machine), log, max_states=settings.max_states, bound=settings.bound)
    outcome = explorer.run()
    reliance = _reliance(kernel, machine, settings, log)
    rules = rules_of(machine)
    analysis = Analysis(
        program, machine, kernel, log, closed=not outcome.gaps, reliance=reliance,
        record=_Records(kernel, rules), witnesses=settings.witnesses,
    )  # fmt: skip
    return _Run(kernel, log, outcome, analysis)


class _Records:
    """Runs cases again; the last few are kept, for one case often shows several things."""

    def __init__(self, kernel: Kernel, rules: Rules) -> None:
        self._kernel = kernel
        self._rules = rules
        self._known: dict[int, tuple[Case, Recording]] = {}

    def __call__(self, case: Case) -> Recording:
        known = self._known.get(id(case))
        if known is None:
            if len(self._known) >= _KEPT_RUNS:
                del self._known[next(iter(self._known))]
            known = self._known[id(case)] = (case, record(self._kernel, self._rules, case))
        return known[1]


_KEPT_RUNS = 8


def _reliance(kernel: Kernel, machine: Machine, settings: Settings, log: Log) -> tuple[Reliance, ...]:
    """For each core and pipe that is drained to S: which pairs would be races if those drains did not hold issue."""
    if machine.options["scalar_wait"] == "advisory" or log.stuck:
        return ()
    drains: dict[tuple[str, str], list[Access]] = {}
    for place in log.scalar_waits.values():
        site = kernel.sites[place.site]
        source = kernel.wiring.channels[place.action.channel].src
        drains.setdefault((site.core[:3], source), []).append(place)
    reliance = []
    for (core, source), waits in sorted(drains.items()):
        without = Log()
        rules = rules_of(machine, ignored=[wait.site for wait in waits])
        explorer = Explorer(kernel, rules, without, max_states=RELIANCE_FIRST, bound=settings.bound, counting=False,
                            sampling=True)  # fmt: skip
        explorer.run()
        if without.clashes:
            explorer.go_on(RELIANCE_STATES)
        lost = [c for key, c in without.clashes.items() if c.kind == "unordered" and key not in log.clashes]
        if lost:
            reliance.append(Reliance(core, source, tuple(waits), tuple(lost)))
    return tuple(reliance)


def _merge(found: Sequence[Finding]) -> list[Finding]:
    """Findings of several Kernels with the same places are one; the first (smallest choice) of the gravest speaks."""
    merged: dict[tuple[object, ...], Finding] = {}
    for finding in found:
        key = (finding.rule, *[(label.role, label.span, label.core, label.pipe) for label in finding.labels])
        known = merged.get(key)
        if known is None:
            merged[key] = finding
            continue
        pairs = {_pair_key(pair): pair for pair in (*finding.pairs, *known.pairs)}
        total = known.occurrences + finding.occurrences
        gravest = min(known, finding, key=lambda one: SEVERITIES.index(one.severity))
        merged[key] = replace(gravest, pairs=tuple(pairs.values()), occurrences=total)
    return list(merged.values())


def _pair_key(pair: Pair) -> tuple[object, ...]:
    second = pair.secondary
    return (pair.primary.span, pair.primary.core, second and (second.span, second.core))


def _unique(problems: Iterable[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def _verdict(
    found: Sequence[Finding], problems: Sequence[Problem], gaps: Sequence[Problem], ran: bool
) -> tuple[str, str]:
    """proved, refuted, bounded or unreadable, and why where that needs saying."""
    standing = [f for f in found if f.severity == "error" and f.rule != "SYN001"]
    if not ran:
        return "unreadable", str(problems[0]) if problems else "there is no core to check"
    unread = [problem for problem in problems if problem.rule == "SYN001"]
    if unread:
        count = "1 place was" if len(unread) == 1 else f"{len(unread)} places were"
        place = unread[0].span
        return "bounded", f"{count} not understood, first {place.path}:{place.line}; the rest was checked without"
    if standing:
        return "refuted", ""
    if any(f.rule == "XCR002" for f in found):
        return "bounded", "a channel has two owners, so the order depends on the schedule"
    if gaps:
        first = gaps[0]
        return "bounded", f"{first.message}, {first.span.path}:{first.span.line}"
    return "proved", ""


def _covered(program: Program, pins: Pins) -> tuple[tuple[str, str], ...]:
    """What the verdict speaks of: the values of each parameter."""
    covered = []
    for param in program.params:
        values = pins.get(param.name)
        text = str(param.domain) if values is None else ", ".join(map(str, values))
        covered.append((param.name, text))
    return tuple(covered)
