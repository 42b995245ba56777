"""A changed Program tried: does it show anything that the Program as it stands does not?

The question behind "could this go?" and "would this be noticed?". Both are explored in full, for all parameters; what
is compared is every pair of places with the calls around it, not only the lines that a report names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from syncheck.action import Site
from syncheck.analysis import Analysis
from syncheck.build import kernels
from syncheck.detectors import RULES, findings
from syncheck.detectors.causes import Place, place
from syncheck.detectors.words import plain_core
from syncheck.execution import Kernel
from syncheck.finding import Finding
from syncheck.ir import Program
from syncheck.machine import Machine
from syncheck.observation import Access, Case, Log
from syncheck.ordering import Rules
from syncheck.proof import DEFAULT_BOUND, DEFAULT_STATES, Explorer
from syncheck.recording import Recording, record
from syncheck.source import Problem, Span
from syncheck.value import Value, frozen
from syncheck.wiring import Channel

FIRST_STATES = 40
"""States after which a trial stops if it has shown a new error: small cases come first, most changes show there."""
TIMES, LEAST = 4, 1000
"""A change may take this many times the states of the Program as it stands, and always LEAST."""
COMPARED = tuple(rule for rule in RULES if rule.severity != "info" and rule.id not in ("SUP001", "SYN001"))
"""What a change must not bring: every error and every warning."""

Spot = tuple[str, int, int]
Name = tuple[object, ...]
"""A place of the text as one core runs it, the same in a Program and in its changed copy."""
Sight = tuple[object, ...]
Alarm = tuple[str, str, Place, str, Place | None]


@frozen
class Conditions(Value):
    """What is the same for the Program and all its changes."""

    machine: Machine
    rules: Rules
    pins: Mapping[str, tuple[int, ...]]
    max_states: int = DEFAULT_STATES
    bound: int = DEFAULT_BOUND


@frozen
class Seen(Value):
    """What a Program showed. `gap`: why not everything was explored or understood, "" if it was."""

    sights: frozenset[Sight]
    found: tuple[Finding, ...]
    gap: str = ""
    states: int = 0


@frozen
class Change(Value):
    """What a changed Program shows that the original does not: error and warning findings.

    `gap`: why it is not known whether there is more. Nothing found and no gap: proved to change nothing.
    """

    found: tuple[Finding, ...] = ()
    gap: str = ""

    @property
    def none(self) -> bool:
        return not self.found and not self.gap

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.found if finding.severity == "error")


class Ground:
    """The Program as it stands, explored once. `undecided`: why nothing can be compared with it, "" if it can."""

    def __init__(self, program: Program, conditions: Conditions) -> None:
        self.program = program
        self.conditions = conditions
        self._sights: frozenset[Sight] = frozenset()
        self._alarms: frozenset[Alarm] = frozenset()
        self.flags: set[Channel] = set()
        """Every flag that the Program uses."""
        self.runs: dict[Spot, tuple[str, ...]] = {}
        """Which cores run the statement at a file, line and column."""
        seen = self._explored(program, conditions.max_states, whole=True)
        self._sights = seen.sights
        self._alarms = frozenset(alarm for finding in seen.found for alarm in _alarms(finding))
        self._most = min(max(TIMES * seen.states, LEAST), conditions.max_states)
        self.states = seen.states
        self.errors = tuple(finding for finding in seen.found if finding.severity == "error")
        self.undecided = seen.gap or _ends_early(seen)
        if program.problems:
            self.undecided = f"{_where(program.problems[0])} was not understood"

    def change(self, program: Program) -> Change:
        """Explore `program` until it shows a new error, or whole."""
        seen = self._explored(program, self._most)
        new = tuple(f for f in seen.found if self._is_new(f, seen.sights))
        return Change(new, "" if any(f.severity == "error" for f in new) else seen.gap)

    def _is_new(self, finding: Finding, sights: frozenset[Sight]) -> bool:
        """A finding at new places, or at known ones in calls from which it was not seen before."""
        alarms = set(_alarms(finding))
        if not alarms <= self._alarms:
            return True
        mine = {(first, second) for _, _, first, _, second in alarms}
        return any(_lines_of(sight) in mine for sight in sights - self._sights)

    def _explored(self, program: Program, most: int, *, whole: bool = False) -> Seen:
        """All choices of the listed parameters; unless `whole`, only up to the first new error."""
        conditions = self.conditions
        sights: frozenset[Sight] = frozenset()
        found: tuple[Finding, ...] = ()
        states, gap = 0, ""
        for kernel in kernels(program, conditions.machine, conditions.pins):
            seen = self._played(program, kernel, most - states, whole)
            sights, found, states = sights | seen.sights, (*found, *seen.found), states + seen.states
            gap = seen.gap or ("" if states < most else "too many choices of the listed parameters")
            if gap:
                break
        return Seen(sights, found, gap, states)

    def _played(self, program: Program, kernel: Kernel, most: int, whole: bool) -> Seen:
        conditions, log = self.conditions, Log()
        first = most if whole else min(FIRST_STATES, most)
        explorer = Explorer(
            kernel, conditions.rules, log, max_states=first, bound=conditions.bound, after_a_race=conditions.max_states
        )
        outcome = explorer.run()
        sights, found = self._told(program, kernel, log)
        if whole:
            self._note(kernel)
        if first < most and "states" in outcome.gaps and not self._alarming(found, sights):
            del outcome.gaps["states"]
            outcome = explorer.go_on(most)
            sights, found = self._told(program, kernel, log)
        problems = [*kernel.problems, *outcome.gaps.values()]
        gap = f"{problems[0].message}, {_where(problems[0])}" if problems else ""
        return Seen(sights, found, gap, outcome.states)

    def _note(self, kernel: Kernel) -> None:
        self.flags |= {channel for channel in kernel.wiring.channels if not channel.cross}
        for site in kernel.sites:
            known = self.runs.get(spot(site.span), ())
            if site.core and site.core not in known:
                self.runs[spot(site.span)] = (*known, site.core)

    def _told(self, program: Program, kernel: Kernel, log: Log) -> tuple[frozenset[Sight], tuple[Finding, ...]]:
        """What is in the log; the findings only if there is anything in it that the Program as it stands does not
        show."""
        sights = _sights(kernel, log)
        return sights, () if sights <= self._sights else _found(program, self.conditions, kernel, log)

    def _alarming(self, found: Iterable[Finding], sights: frozenset[Sight]) -> bool:
        return any(finding.severity == "error" and self._is_new(finding, sights) for finding in found)


def _found(program: Program, conditions: Conditions, kernel: Kernel, log: Log) -> tuple[Finding, ...]:
    def again(case: Case) -> Recording:
        return record(kernel, conditions.rules, case)

    analysis = Analysis(program, conditions.machine, kernel, log, record=again)
    return tuple(finding for finding in findings(analysis, COMPARED) if finding.severity != "info")


def _ends_early(seen: Seen) -> str:
    """A deadlock or an overflow ends a path: what comes behind it was not seen."""
    for sight in seen.sights:
        if sight[0] in ("stuck", "counter"):
            return "the kernel stands still or overflows a counter, so not all of it was seen"
    return ""


def spot(span: Span) -> Spot:
    """Where the text of a statement is: file, line, column."""
    return (*span.home, span.column)


def _where(problem: Problem) -> str:
    return f"{problem.span.path}:{problem.span.line}"


# ---------------------------------------------------------------- what is compared


def _alarms(finding: Finding) -> Iterator[Alarm]:
    pairs = finding.pairs or ()
    for first, second in [(p.primary, p.secondary) for p in pairs] or [(finding.primary, None)]:
        other = None if second is None else place(second.span)
        yield finding.rule, finding.severity, place(first.span), plain_core(first.core), other


def _sights(kernel: Kernel, log: Log) -> frozenset[Sight]:
    """Everything a log holds that a finding may be made of, named by places of the text."""
    names: dict[int, Name] = {}

    def name(number: int) -> Name:
        if number not in names:
            names[number] = _name(kernel.sites[number])
        return names[number]

    def named(accesses: tuple[Access, ...]) -> tuple[Name, ...]:
        return tuple(name(access.site) for access in accesses)

    found: set[Sight] = set()
    for clash in log.clashes.values():
        pair = named((clash.earlier, clash.later))
        found.add((clash.kind, pair, clash.earlier.writes, clash.later.writes))
    for remark in (*kernel.remarks, *log.remarks.values()):
        found.add((remark.kind, named(remark.places), remark.text))
    for stuck in log.stuck:
        found.add(("stuck", named(tuple(head.at for head in stuck.heads.values()))))
    found |= {("idle", (name(number),)) for number in log.idle_barriers if number not in log.busy_barriers}
    for kind, table in (("sender", log.senders), ("listener", log.listeners), ("mode", log.modes)):
        for channel, items in table.items():
            found |= {(kind, named((access,)), str(kernel.wiring.channels[channel])) for access in items.values()}
    return frozenset(found)


def _name(site: Site) -> Name:
    calls = tuple((frame.kind, frame.name, frame.line) for frame in site.frames)
    return (*place(site.span), site.core, site.pipe, site.op, calls)


def _lines_of(sight: Sight) -> tuple[Any, Any] | None:
    """(later place, earlier place) of a conflict."""
    if sight[0] not in ("unordered", "same_pipe", "reversed"):
        return None
    pair: Any = sight[1]
    return pair[1][:3], pair[0][:3]
