"""The checker and the judge on one program, in the same words."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from math import prod
from random import Random
from typing import Any

from syncheck.build import kernels
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.proof import DEFAULT_BOUND, Explorer
from syncheck.replay import Rules
from syncheck.simulator.entries import Core, Hardware
from syncheck.simulator.held import held_back
from syncheck.simulator.judge import TooLarge, Verdict, every_order
from syncheck.simulator.program import Branch, Let, Loop, Node, Script, Values, evaluate, names_in, unrolled, written
from syncheck.smallest import fits
from syncheck.symbolic import Linear, Store

STATES = 400
FEW = 150
"""States for random programs: those that need more count as bounded."""
A2A3 = load("a2a3")
HARDWARE = Hardware(counter_limit=2)


@dataclass
class Seen:
    """The sets of lines that both sides tell."""

    races: set[Any] = field(default_factory=set)
    backwards: set[Any] = field(default_factory=set)
    stuck: set[Any] = field(default_factory=set)
    left: set[Any] = field(default_factory=set)
    counters_left: bool = False
    overtaken: set[Any] = field(default_factory=set)
    flying: set[Any] = field(default_factory=set)
    overflow: bool = False

    def covers(self, other: Seen) -> bool:
        """Whether this has everything of the other."""
        return all(getattr(self, name) >= getattr(other, name) for name in Seen.__dataclass_fields__)


@dataclass
class Looked:
    """What an exploration saw, why it did not close, and with which assumptions it saw it."""

    seen: Seen
    gaps: list[str]
    cases: list[Store]
    states: int


def engine(
    text: str, pins: dict[str, tuple[int, ...]] | None = None, hardware: Hardware = HARDWARE
) -> tuple[Seen, list[str]]:
    """What the checker's exploration saw, and why it did not close."""
    looked = look(text, pins, hardware)
    return looked.seen, looked.gaps


def look(
    text: str, pins: dict[str, tuple[int, ...]] | None = None, hardware: Hardware = HARDWARE, states: int = STATES
) -> Looked:
    program = parse(text, "judge.sync")
    assert not program.problems, (text, program.problems)
    (kernel,) = kernels(program, A2A3, pins or {})
    assert not kernel.problems, (text, kernel.problems)
    log = Log()
    rules = Rules(
        in_order=hardware.in_order,
        scalar_store_needs_flag=hardware.store_needs_flag,
        counter_limit=hardware.counter_limit,
    )
    outcome = Explorer(kernel, rules, log, max_states=states).run()
    seen = Seen()

    def place(access: Any) -> tuple[str, int]:
        site = kernel.sites[access.site]
        return site.core, site.span.line

    for clash in log.clashes.values():
        first = (*place(clash.earlier), "W" if clash.earlier.writes else "R")
        second = (*place(clash.later), "W" if clash.later.writes else "R")
        if clash.kind == "reversed":
            seen.backwards.add((first, second))
        else:
            seen.races.add((first, second) if first <= second else (second, first))
    for remark in log.remarks.values():
        where = place(remark.places[0])
        if remark.kind == "flag left":
            seen.left.add(where)
        elif remark.kind == "counter left":
            seen.counters_left = True
        elif remark.kind == "overtakes":
            seen.overtaken.add(where)
        elif remark.kind in ("in flight", "told elsewhere"):
            seen.flying.add(where)
        elif remark.kind == "counter":
            seen.overflow = True
    for stuck in log.stuck:
        seen.stuck.add(frozenset(place(head.at) for head in stuck.heads.values()))
    found = [clash.case for clash in log.clashes.values()]
    found += [remark.case for remark in log.remarks.values()] + [stuck.case for stuck in log.stuck]
    cases = [case for case in found if isinstance(case, Store)]
    return Looked(seen, [str(gap) for gap in outcome.gaps.values()], cases, outcome.states)


def told(verdict: Verdict) -> Seen:
    """The judge's verdict in the same words."""
    return Seen(
        verdict.races,
        verdict.backwards,
        verdict.stuck,
        {place for flag, place in verdict.left if flag[1]},
        any(not flag[1] for flag, _ in verdict.left),
        verdict.overtaken,
        verdict.flying,
        any(peak > HARDWARE.counter_limit for peak in verdict.peaks.values()),
    )


MOST = 120
"""Cases of one size to judge; of more a random choice, always the same."""


def choices(script: Script, most: int, family: int, indices: int) -> list[Values]:
    """Values of parameters up to `most`, of families up to `family` at so many indices; all answers to unknowns."""
    names: list[str] = []
    options: list[list[Any]] = []
    used = set(names_in(script))
    for param in script.params:
        if param.name not in used:
            continue
        names.append(param.name)
        top = family if param.family else most if param.high is None else param.high
        one = range(param.low, max(top, param.low) + 1)
        options.append(list(product(one, repeat=indices)) if param.family else list(one))
    for name in sorted(used.intersection((*script.unknowns, *script.tables))):
        names.append(name)
        options.append(list(product((0, 1), repeat=min(most, 7))) if name in script.tables else [0, 1])
    if prod(map(len, options)) <= MOST:
        return [dict(zip(names, values, strict=True)) for values in product(*options)]
    random = Random(repr((script, most)))
    return [dict(zip(names, map(random.choice, options), strict=True)) for _ in range(MOST)]


def assumed(script: Script, case: Store) -> Values | None:
    """The smallest values with which a path may go where it went; None where its assumptions tie several together, or
    contradict each other."""
    names = [name for name, index in case.bounds if name not in ("(%)", "(&)") or len(index[0].terms) > 1]
    names += [test.form.terms[0][0][0] for test in case.facts]
    odd = any(name.startswith("(") or "@" in name for name in names)
    if odd or any(len(test.form.terms) > 1 for test in case.facts):
        return None

    def value(name: str, index: tuple[int, ...], low: int, high: int | None) -> int:
        item = (name, index)
        least, most = case.bounds.get(item, (low, high))
        number = max(low if least is None else least, low)
        if name in (*script.unknowns, *script.tables):
            number = 0 if most == 0 else number
        upper = number + 99 if most is None else min(most, number + 99)
        found = next((one for one in range(number, upper + 1) if fits(case, item, one)), None)
        if found is None:
            impossible.append(item)
            return number
        return found

    impossible: list[Any] = []
    within = [item for _, index in case.bounds if index and isinstance(index[0], Linear) for item, _ in index[0].terms]
    mentioned = [*case.bounds, *within]
    values: dict[str, Any] = {}
    for param in script.params:
        turns = [index[0] for name, index in mentioned if name == param.name and index and isinstance(index[0], int)]
        if param.family:
            row = [value(param.name, (turn,), param.low, param.high) for turn in range(max([*turns, 0]) + 1)]
            values[param.name] = (*row, param.low)
        else:
            values[param.name] = value(param.name, (), param.low, param.high)
    for name in script.unknowns:
        values[name] = int(value(name, (), 0, None) != 0)
    for name in script.tables:
        turns = [i[0] for n, i in case.bounds if n == name and isinstance(i[0], int)]
        turns += [test.form.terms[0][0][1][0] for test in case.facts if test.form.terms[0][0][0] == name]
        values[name] = tuple(int(value(name, (turn,), 0, None) != 0) for turn in range(max([*turns, 0]) + 2))
    return None if impossible else values


def samples(script: Script, count: int, most: int) -> list[Values]:
    """Some larger values: for counters that must be passed before anything shows."""
    random = Random(repr(script))
    used = set(names_in(script))
    found: list[Values] = []
    for _ in range(count):
        values: dict[str, Any] = {}
        for param in script.params:
            high = most if param.high is None else param.high
            if param.family:
                values[param.name] = tuple(random.randint(param.low, param.low + 7) for _ in range(4))
            else:
                values[param.name] = random.randint(min(param.low, high), high)
        for name in used.intersection(script.unknowns):
            values[name] = random.randint(0, 1)
        often = random.choice((1, 3))
        for name in used.intersection(script.tables):
            values[name] = tuple(int(random.randint(0, often) == 0) for _ in range(most + 2))
        found.append(values)
    return found


def longest(nodes: tuple[Node, ...], values: dict[str, Any]) -> int:
    """The most turns that any loop makes, if none is left early."""
    most = 0
    for node in nodes:
        if isinstance(node, Let):
            values[node.name] = evaluate(node.value, values)
        elif isinstance(node, Branch):
            most = max(most, longest(node.then if evaluate(node.condition, values) else node.otherwise, values))
        elif isinstance(node, Loop):
            turn, turns = evaluate(node.start, values), 0
            while turn < evaluate(node.bound, values):
                values[node.var] = turn
                turns, most = turns + 1, max(most, longest(node.body, values))
                turn += evaluate(node.step, values)
            most = max(most, turns)
    return most


def differences(text: str, ours: Seen, theirs: Seen) -> str:
    """Empty where both say the same; else the script and each difference."""
    lines = []
    for name in Seen.__dataclass_fields__:
        a, b = getattr(ours, name), getattr(theirs, name)
        if a != b:
            if isinstance(a, set):
                more, less = sorted(a - b, key=repr), sorted(b - a, key=repr)
                lines.append(f"{name}: only the engine {more}; only the judge {less}")
            else:
                lines.append(f"{name}: engine {a}, judge {b}")
    if not lines:
        return ""
    numbered = "\n".join(f"{number:3} {line}" for number, line in enumerate(text.splitlines(), 1))
    return "\n".join(["", numbered, *lines])


def judged(script: Script, values: Values) -> Verdict:
    return held_back(unrolled(script, values), HARDWARE)


def shared_flag(cores: tuple[Core, ...]) -> bool:
    """Whether two pipes of one core send the same signal: then the order depends on the schedule (XCR002)."""
    pipes: dict[tuple[str, int], set[str]] = {}
    for core in cores:
        for entry in core.entries:
            if entry.kind == "signal":
                pipes.setdefault((core.name, entry.number), set()).add(entry.pipe)
    return any(len(owners) > 1 for owners in pipes.values())


def compare_straight(script: Script, hardware: Hardware = HARDWARE, most: int = 3000) -> str:
    """Both ways of judging agree with each other and with the engine."""
    text, script = written(script)
    cores = unrolled(script, {})
    if shared_flag(cores):
        return "two owners"
    quick, how = told(held_back(cores, hardware)), "held"
    for eager in (True, False):
        try:
            walked = told(every_order(cores, hardware, eager=eager, most=most if eager else most // 10))
            assert walked == quick, f"the judges differ:{differences(text, quick, walked)}"
            how = "walked" if eager else "every state"
        except TooLarge:
            pass
    ours, gaps = engine(text, hardware=hardware)
    assert not gaps, (text, gaps)
    if ours.overflow:
        assert quick.covers(ours), differences(text, ours, quick)
        return "overflow"
    assert not (said := differences(text, ours, quick)), said
    return how


def compare_pinned(script: Script, values: Values) -> str:
    """The engine with pinned parameters against the judge with the same values and all answers to unknowns."""
    text, script = written(script)
    pins = {name: value if isinstance(value, tuple) else (value,) for name, value in values.items()}
    union = Verdict()
    for answers in product((0, 1), repeat=len(script.unknowns)):
        answered = dict(zip(script.unknowns, answers, strict=True))
        union.add(held_back(unrolled(script, {**values, **answered}), HARDWARE))
    ours, gaps = engine(text, pins)
    theirs = told(union)
    if ours.overflow or gaps:
        assert theirs.covers(ours), differences(f"{text}// {pins}", ours, theirs)
        return "bounded"
    assert not (said := differences(f"{text}// {pins}", ours, theirs)), said
    return "pinned"


BOUNDS = ((3, 2, 2), (5, 1, 5), (7, 2, 3), (12, 4, 2), (24, 8, 1))
"""(parameters up to, families up to, at so many indices): the first is always judged, others until nothing is
missing."""


def compare_open(script: Script, sampled: int = 6) -> str:
    """The engine, unbounded, against the union of all small cases, some larger ones, and those that the engine itself
    names. Says how far it closed."""
    text, script = written(script)
    looked = look(text, states=FEW)
    ours, gaps = looked.seen, looked.gaps
    closed = not ours.overflow and not gaps
    union, done = Verdict(), set()

    def judge(values: Values, most: int) -> Seen:
        cores = unrolled(script, values)
        if cores in done or sum(len(core.entries) for core in cores) > most:
            return Seen()
        done.add(cores)
        verdict = held_back(cores, HARDWARE)
        union.add(verdict)
        return told(verdict)

    for values in samples(script, sampled, 14) if closed else ():
        if not ours.covers(theirs := judge(values, 250)):
            raise AssertionError(differences(f"{text}// {values}", ours, theirs))
    cases = [assumed(script, case) for case in looked.cases]
    for case in cases:
        if case is not None:
            judge(case, 400)
    stopped = ours.overflow or any("stopped" in gap for gap in gaps)
    for bounds in BOUNDS:
        for values in choices(script, *bounds):
            if ours.covers(one := judge(values, 400)) or stopped:
                continue
            known = {**values, **{name: evaluate(expr, values) for name, expr in script.constants}}
            if closed or max(longest(body, dict(known)) for _, body in script.cores) <= DEFAULT_BOUND:
                raise AssertionError(differences(f"{text}// {values}", ours, one))
        theirs = told(union)
        if theirs.covers(ours):
            break
    if None in cases and not theirs.covers(ours):
        return "tied"  # assumptions about several values at once may contradict each other (docs/proofs.md)
    said = differences(text, ours, theirs)
    if not closed:
        assert theirs.covers(ours), said
        return "overflow" if ours.overflow else "bounded"
    assert not said, said
    return "closed"
