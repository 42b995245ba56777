"""`syncheck why` and `syncheck graph`: what orders two instructions or would; the whole order of a small run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncheck import event_drawing, smallest
from syncheck.analysis import Analysis
from syncheck.build import kernels
from syncheck.check import Settings, machine_for, rules_of
from syncheck.definitions import DefinitionError, pins_of
from syncheck.event_cover import covers
from syncheck.event_order import EventOrder
from syncheck.event_text import event_text, slack_sentence
from syncheck.event_verdict import event_verdict, folded_graphs
from syncheck.execution import Kernel
from syncheck.frontends.script import parse
from syncheck.happens_before import before, graph_of
from syncheck.ir import Program
from syncheck.machine import Machine
from syncheck.observation import Case, Clash, Log
from syncheck.ordering import Rules
from syncheck.proof import Explorer
from syncheck.recording import Recording, find, record
from syncheck.steady_state import Beyond, SteadyState
from syncheck.trace_recording import record_trace
from syncheck.value import Value, frozen
from syncheck.why_export import dot, graphml
from syncheck.why_search import Pair, Place, WhyError, pairs_in, sites_at, smallest_first
from syncheck.why_text import Answer, Shown, answer_text

__all__ = ["WhyError", "graph", "steady", "why"]

_STATES = 2000
_GRAPH_RUNS = 12


@frozen
class _Subject(Value):
    """A file as it is looked at: one Kernel of it, or a trace that has run."""

    program: Program | None
    machine: Machine
    kernel: Kernel
    rules: Rules
    trace: Recording | None = None

    def run(self, case: Case | None) -> Recording:
        return self.trace or record(self.kernel, self.rules, case)

    def runs(self, limit: int | None = None) -> Iterator[Recording]:
        return smallest_first(self.run) if limit is None else smallest_first(self.run, limit)


def why(text: str, path: str, settings: Settings, first: Place, second: Place, core: str = "") -> str:
    """The path that orders the instructions at two source positions, or what is missing. Raises WhyError."""
    reached = None
    for subject in _subjects(text, path, settings):
        if subject.kernel.problems and not subject.kernel.sites:
            raise WhyError(str(subject.kernel.problems[0]))
        ones, others = sites_at(subject.kernel, first, core), sites_at(subject.kernel, second, core)
        answer = _answer(subject, ones, others)
        if answer is not None:
            return answer_text(answer) + _slack(subject, ones, others, answer)
        reached = subject
    if reached is None:
        raise WhyError(f"{path}: there is no core to look at")
    raise WhyError(
        f"{first[0]}:{first[1]} and {second[0]}:{second[1]} do not both run in any of the smallest cases; "
        "-D pins parameters to a case in which they do"
    )


def steady(text: str, path: str, settings: Settings) -> str:
    """What the event graph says: races, deadlock, what a turn takes, slack. Raises WhyError."""
    subject = _first(text, path, settings)
    return event_text(path, event_verdict(subject.kernel, subject.rules), subject.machine)


def graph(text: str, path: str, settings: Settings, format: str, *, run: bool = False) -> str:
    """The event graph of the steady state as `dot` or `graphml`; where it does not apply, and with `run`, the order of
    a small run that shows most of the text. Raises WhyError."""
    subject = _first(text, path, settings)
    if subject.trace is None and not run:
        verdict = event_verdict(subject.kernel, subject.rules)
        if verdict.steady:
            folded = verdict.steady[0]
            races = [hazard for of, hazard in verdict.races if of is folded]
            draw = event_drawing.dot if format == "dot" else event_drawing.graphml
            return draw(folded, races)
    runs = list(subject.runs(_GRAPH_RUNS))
    best = max(range(len(runs)), key=lambda i: (*_shows(runs[i]), -i))
    return dot(runs[best]) if format == "dot" else graphml(runs[best])


def _slack(subject: _Subject, ones: frozenset[int], others: frozenset[int], answer: Answer) -> str:
    """By how many turns two lines of the steady state are covered; "" where the event graph cannot say."""
    if subject.trace is not None or not all(each.ordered for each in answer.shown):
        return ""
    try:
        state = SteadyState(subject.kernel)
        graphs = folded_graphs(state, subject.rules) if state.parameter else []
        found = [(graph, cover) for graph in graphs for cover in covers(EventOrder(graph), ones | others)]
    except Beyond:
        return ""
    pair, sites = answer.shown[0].pair, subject.kernel.sites
    ends = [sites[event.action.site] for event in (pair.earlier, pair.later)]
    asked = [(site.core, site.span) for site in ends]  # a line may be a site of its own before the loop
    for folded, cover in found:
        steady_ends = [sites[end.node.issued.action.site] for end in (cover.first, cover.second)]
        if asked == [(site.core, site.span) for site in steady_ends]:
            return f"\n{slack_sentence(folded, cover, state.parameter)}\n"
    return ""


# ---------------------------------------------------------------- what is looked at


def _first(text: str, path: str, settings: Settings) -> _Subject:
    subject = next(_subjects(text, path, settings), None)
    if subject is None:
        raise WhyError(f"{path}: there is no core to look at")
    return subject


def _subjects(text: str, path: str, settings: Settings) -> Iterator[_Subject]:
    if path.endswith(".jsonl"):
        machine = settings.machine
        rules = rules_of(machine)
        lines = text.encode("utf-8", "surrogateescape").splitlines()
        trace = record_trace(lines, path, machine, rules)
        yield _Subject(None, machine, trace.kernel, rules, trace)
        return
    program = parse(text, path)
    machine = machine_for(program, settings)
    try:
        pins = pins_of(settings.definitions, program)
    except DefinitionError as error:
        raise WhyError(str(error)) from None
    if not program.cores:
        problem = f": {program.problems[0]}" if program.problems else ""
        raise WhyError(f"{path}: there is no core to look at{problem}")
    for kernel in kernels(program, machine, pins):
        yield _Subject(program, machine, kernel, rules_of(machine))


def _shows(recording: Recording) -> tuple[int, int]:
    """How much of the text a run shows: sites that run, sites that run twice."""
    seen: dict[int, int] = {}
    for event in recording.events:
        seen[event.action.site] = seen.get(event.action.site, 0) + 1
    return len(seen), sum(1 for count in seen.values() if count > 1)


# ---------------------------------------------------------------- the answer


def _answer(subject: _Subject, ones: frozenset[int], others: frozenset[int]) -> Answer | None:
    log, proved = _explored(subject)
    raced = _from_clash(subject, log, ones, others)
    if raced is not None:
        return _told(subject, raced, pairs_in(raced, ones, others), False)
    best: tuple[bool, Recording, list[Pair]] | None = None
    for recording in subject.runs():
        pairs = pairs_in(recording, ones, others)
        if not pairs:
            continue
        conflict = pairs[0].handles is not None
        if best is None or conflict > best[0]:
            best = conflict, recording, pairs
        if conflict:
            break
    if best is None:
        return None
    return _told(subject, best[1], best[2], proved and best[0])


def _explored(subject: _Subject) -> tuple[Log, bool]:
    """What the exploration of all cases found, and whether it covered them."""
    if subject.trace is not None:
        return Log(), True
    log = Log()
    outcome = Explorer(subject.kernel, subject.rules, log, max_states=_STATES).run()
    return log, not outcome.gaps


def _from_clash(subject: _Subject, log: Log, ones: frozenset[int], others: frozenset[int]) -> Recording | None:
    """The run of the smallest case in which the exploration found two accesses at these positions unordered."""
    found: list[tuple[int, int, Clash]] = []
    for clash in log.clashes.values():
        sites = clash.earlier.site, clash.later.site
        if (sites[0] in ones and sites[1] in others) or (sites[0] in others and sites[1] in ones):
            found.append((clash.case.size, len(found), clash))
    for _, _, clash in sorted(found, key=lambda item: item[:2]):
        recording = subject.run(clash.case)
        if find(recording, clash.earlier) is not None and find(recording, clash.later) is not None:
            return recording
    return None


def _told(subject: _Subject, recording: Recording, pairs: Sequence[Pair], proved: bool) -> Answer:
    order = graph_of(recording)
    shown = [Shown(pair, before(recording, order, pair.earlier, pair.later)) for pair in pairs]
    analysis = Analysis(subject.program, subject.machine, subject.kernel, Log(), record=lambda _: recording)
    parameters = () if subject.trace else smallest.parameters(subject.kernel, recording.case)
    return Answer(analysis, recording, order, tuple(shown), parameters, proved)
