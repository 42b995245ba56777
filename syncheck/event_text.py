"""`syncheck graph FILE`: what the event graph says of a kernel, for 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from textwrap import wrap

from syncheck.cost import Costs, Unpriced
from syncheck.event_cover import Cover, covers
from syncheck.event_graph import BARRIED, CROSS, FLAG, ISSUE, EventGraph, Node, Tokens
from syncheck.event_order import NEVER, EventOrder
from syncheck.event_throughput import Throughput, throughput, unit_cost
from syncheck.event_verdict import EventVerdict, Stand
from syncheck.machine import Machine

_WIDTH = 79
_LABEL = 13
_MOST_ROWS = 24
_MOST_STEPS = 16


def event_text(path: str, verdict: EventVerdict, machine: Machine) -> str:
    """Where the graph applies, deadlocks, leaks, races, what a turn takes, and the slack of what is covered."""
    lines = [*_heading(path, verdict), ""]
    for stand in verdict.stands[:1]:
        lines += _standstill(stand)
    for graph, tokens in verdict.uneven:
        lines += _field("leak" if tokens.sets > tokens.waits else "starves", [_uneven(graph, tokens)])
    races = list(_races(verdict))
    if races or (verdict.runs and not verdict.stands):
        lines += _field("races", races or [f"none{' found in them' if verdict.beyond else ''}"])
    for graph in verdict.steady[:1] if not verdict.stands and not verdict.uneven else ():
        lines += _speed(graph, machine)
        lines += _slack(graph)
    return "\n".join(lines).rstrip() + "\n"


# ---------------------------------------------------------------- words


def _name(graph: EventGraph, node: Node) -> str:
    site = graph.kernel.sites[node.issued.action.site]
    return f"{site.op.partition('.')[0] if site.op[:1].isupper() else site.op} {site.span.line}"


def _line(graph: EventGraph, node: Node) -> int:
    return graph.kernel.sites[node.issued.action.site].span.line


def _where(graph: EventGraph, node: Node) -> str:
    site = graph.kernel.sites[node.issued.action.site]
    return f"{site.core} {site.pipe}"


def _field(label: str, sentences: list[str]) -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        lines += wrap(sentence, _WIDTH, initial_indent=" " * _LABEL, subsequent_indent=" " * _LABEL)
    if lines:
        lines[0] = f"  {label}".ljust(_LABEL) + lines[0][_LABEL:]
    return [*lines, ""]


def _heading(path: str, verdict: EventVerdict) -> list[str]:
    if verdict.beyond is not None:
        problem = verdict.beyond
        what = f"line {problem.span.line}: {problem.message}" if problem.span.line else problem.message
        done = f" Looked at instead: {_count(verdict.runs, 'small run')}." if verdict.runs else ""
        return wrap(f"{path}: the event graph does not cover this kernel ({what}).{done}", _WIDTH)
    if not verdict.parameter:
        return wrap(f"{path}: no loop grows, so this is the order of {_count(verdict.runs, 'run')}", _WIDTH)
    told = f"{path}: every {verdict.parameter}"
    if verdict.turn_of:
        told += f", in one turn of the loop over {verdict.turn_of}"
    lines = wrap(told, _WIDTH)
    graph = next(iter(verdict.steady), None)
    if graph is not None:
        turns = max(graph.turns(core.index) for core in graph.kernel.cores)
        text = (
            f"steady from {verdict.parameter} = {graph.least} on: a period is {_count(turns, 'turn')} and "
            f"{_count(graph.period, 'instruction')}; {_count(verdict.runs, 'shorter run')} looked at one by one"
        )
        lines += wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _standstill(stand: Stand) -> Iterator[str]:
    graph = stand.graph
    if not stand.circle:
        named = ", ".join(dict.fromkeys(f"{_name(graph, n)} ({_where(graph, n)})" for n in stand.starved))
        yield from _field("deadlock", [f"no set is left for {named}"])
        return
    steps = []
    for u, v in stand.circle:
        one, other = graph.owner[u], graph.owner[v]
        if one is not other:
            kind = graph.order.edges[u, v]["kind"]
            steps.append(f"{_name(graph, other)} ({_where(graph, other)}) comes after {_name(graph, one)}: {kind}")
    when = "" if graph.straight and stand.value is None else ", in every run that is long enough"
    yield from _field("deadlock", [f"a circle of waits without a token{when}:", *steps])


def _uneven(graph: EventGraph, tokens: Tokens) -> str:
    channel = graph.kernel.wiring.channels[tokens.channel]
    end = "its tokens grow without end" if tokens.sets > tokens.waits else "sooner or later a wait finds no token"
    return f"{channel}: {_count(tokens.sets, 'set')} and {_count(tokens.waits, 'wait')} a period; {end}"


def _races(verdict: EventVerdict) -> Iterator[str]:
    seen = set()
    for graph, hazard in verdict.races:
        one, other = hazard.first, hazard.second
        text = (
            f"{_name(graph, one.node)} {'writes' if one.writes else 'reads'} {one.place.name} on "
            f"{_where(graph, one.node)}, {_name(graph, other.node)} {'writes' if other.writes else 'reads'} it on "
            f"{_where(graph, other.node)}"
        ).replace("AIV0", "AIV").replace("AIV1", "AIV")  # fmt: skip
        if text not in seen:
            seen.add(text)
            yield text


# ---------------------------------------------------------------- what a turn takes


def _speed(graph: EventGraph, machine: Machine) -> Iterator[str]:
    turns = max(graph.turns(core.index) for core in graph.kernel.cores)
    try:
        costs = Costs(machine, graph.kernel)
        found, unit = throughput(graph, costs.of, costs.issue), "cycles"
    except Unpriced:
        found, unit = throughput(graph, unit_cost, 0), "instructions"
    if not found.circle:
        return
    text = f"{_number(found.cycles / turns)} {unit} a turn in the steady state (maximum cycle mean), held by:"
    yield from _field("turn takes", [text, _circle(graph, found)])
    spared = [
        f"without the wait at {_line(graph, node)} a turn takes {_number((found.cycles - less) / turns)} "
        f"({_number(less / turns)} less)"
        for node, less in sorted(found.spared, key=lambda item: -item[1])
        if less
    ]
    if spared:
        yield from _field("flags cost", spared[:6])


def _number(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.1f}"


def _circle(graph: EventGraph, found: Throughput) -> str:
    """The critical circle by its lines, each once."""
    kinds = {kind for _, _, kind, _ in found.circle}
    if not kinds & {FLAG, CROSS, BARRIED, ISSUE}:
        return f"{_where(graph, found.circle[0][0])}, which is always busy"
    names: list[str] = []
    for one, other, kind, _ in found.circle:
        for node in (one, other) if kind in (FLAG, CROSS, BARRIED) else (one,):
            name = _name(graph, node)
            if not names or names[-1] != name:
                names.append(name)
    shown = list(dict.fromkeys(names))
    if len(shown) > _MOST_STEPS:
        shown = [*shown[: _MOST_STEPS - 1], f"… ({len(shown) - _MOST_STEPS + 1} more)"]
    return " → ".join(shown)


# ---------------------------------------------------------------- slack


def slack_sentence(graph: EventGraph, cover: Cover, parameter: str) -> str:
    """One sentence for `why`: from which turn on the two are in order, when they meet, and the turns to spare."""
    one, other = (_name(graph, end.node).replace(" ", " at ") for end in (cover.first, cover.second))
    since = {0: "the same turn", 1: "the next turn"}.get(cover.ordered, f"{cover.ordered} turns later")
    meet = {0: "in the same turn", 1: "in the next turn"}.get(cover.meet, f"{cover.meet} turns later")
    text = (
        f"Slack {_count(cover.slack, 'turn')}: in the steady state ({parameter} >= {graph.least}) {one} is complete "
        f"before {other} from {since} on, and they touch the same bytes {meet}."
    )
    return "\n".join(wrap(text, _WIDTH))


def _slack(graph: EventGraph) -> Iterator[str]:
    rows: dict[tuple[str, ...], Cover] = {}
    for cover in covers(EventOrder(graph)):
        one, other = cover.first, cover.second
        if one.node.issued.action.agent == other.node.issued.action.agent:
            continue
        kind = {(True, False): "RAW", (False, True): "WAR", (True, True): "WAW"}[one.writes, other.writes]
        ends = [
            f"{_where(graph, a.node)} {_name(graph, a.node)}".replace("AIV0", "AIV").replace("AIV1", "AIV")
            for a in (one, other)
        ]
        rows.setdefault((kind, *ends), cover)
    if not rows:
        return
    yield "  slack  ordered  meet       (turns) earlier → later"
    for key, cover in list(rows.items())[:_MOST_ROWS]:
        kind, first, second = key
        numbers = ("race", "never") if cover.ordered >= NEVER else (str(cover.slack), f"+{cover.ordered}")
        if cover.slack < 0:
            numbers = ("race", numbers[1])
        name = cover.first.place.name
        yield f"  {numbers[0]:>5}  {numbers[1]:>7}  {f'+{cover.meet}':>4}  {kind}  {first} → {second}  {name}".rstrip()
    if len(rows) > _MOST_ROWS:
        yield f"  … and {len(rows) - _MOST_ROWS} more with slack >= {list(rows.values())[_MOST_ROWS].slack}"
