"""What `why` answers, as plain text for 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

import networkx as nx

from syncheck.analysis import Analysis, meeting
from syncheck.explanation import reasons
from syncheck.happens_before import before, name, path, place
from syncheck.observation import Access, Clash
from syncheck.reasons import Point
from syncheck.recorded import recorded
from syncheck.recording import Recording, find
from syncheck.remedy import remedies
from syncheck.value import Value, frozen
from syncheck.why_search import Pair

_WIDTH = 79
_LABEL = 11


@frozen
class Shown(Value):
    """A pair, and whether the earlier is known complete where the later starts."""

    pair: Pair
    ordered: bool


@frozen
class Answer(Value):
    """All pairs of one run. `proved`: every case was covered, and no conflict of the two is unordered in any."""

    analysis: Analysis
    recording: Recording
    order: nx.DiGraph[Point]
    shown: tuple[Shown, ...]
    parameters: tuple[tuple[str, str], ...]
    proved: bool


def answer_text(answer: Answer) -> str:
    """The first pair that is not in order, then one that is; or how they are ordered."""
    unordered = [each.pair for each in answer.shown if not each.ordered]
    ordered = [each.pair for each in answer.shown if each.ordered]
    lines: list[str] = []
    if unordered:
        lines += _missing(answer, unordered)
    if ordered:
        lines += _path(answer, ordered, bool(unordered))
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------- not in order


def _missing(answer: Answer, pairs: list[Pair]) -> list[str]:
    pair = pairs[0]
    recording = answer.recording
    one, two = name(recording, pair.earlier), name(recording, pair.later)
    lines = [*wrap(f"{two} may start before {one} is complete", _WIDTH), ""]
    lines += _both(answer, pair)
    for label, sentences in _explained(answer, pair):
        lines += _field(label, sentences)
    if len(pairs) > 1:
        lines += _field("also", [f"{len(pairs) - 1} more of {len(answer.shown)} pairs of turns in this run."])
    return lines


def _explained(answer: Answer, pair: Pair) -> Iterator[tuple[str, list[str]]]:
    if pair.handles is None:
        yield "why", ["Nothing orders them. They touch no bytes in common, so this is no race."]
        return
    analysis = answer.analysis
    clash = _clash(answer, pair)
    primary, secondary = analysis.labels(clash)
    yield "why", list(reasons(analysis, clash, primary, secondary, recorded(analysis, clash)))
    yield "order", list(remedies(analysis, clash, primary, secondary))


def _clash(answer: Answer, pair: Pair) -> Clash:
    """The clash as the run met it, or made up of the pair."""
    recording = answer.recording
    for clash in recording.clashes:
        if find(recording, clash.earlier) is pair.earlier and find(recording, clash.later) is pair.later:
            return clash
    earlier, later = _access(pair, 0), _access(pair, 1)
    kind = "same_pipe" if pair.earlier.agent == pair.later.agent else "unordered"
    if kind == "unordered" and before(recording, answer.order, pair.later, pair.earlier):
        kind = "reversed"
    return Clash(kind, earlier, later, recording.case, list(pair.later.clock))


def _access(pair: Pair, which: int) -> Access:
    event = (pair.earlier, pair.later)[which]
    handle = None if pair.handles is None else pair.handles[which]
    return Access(event.action, event.values, event.seq, handle, pair.writes[which])


# ---------------------------------------------------------------- in order


def _path(answer: Answer, pairs: list[Pair], mixed: bool) -> list[str]:
    pair = pairs[0]
    recording = answer.recording
    one, two = name(recording, pair.earlier), name(recording, pair.later)
    steps = path(recording, answer.order, pair.earlier, pair.later)
    if mixed:
        lines = ["", f"In {_count(len(pairs), 'other pair')} of turns they are in order, for example:", ""]
    else:
        lines = [*wrap(f"{one} is complete before {two} starts", _WIDTH), ""]
        lines += _both(answer, pair)
        lines.append("")
    width = len(str(len(steps)))
    for number, step in enumerate(steps, 1):
        lines += wrap(step.text, _WIDTH, initial_indent=f"  {number:{width}}  ", subsequent_indent=" " * (width + 4))
    return lines if mixed else [*lines, "", *_extent(answer, pairs)]


def _extent(answer: Answer, pairs: list[Pair]) -> list[str]:
    """How much is said by this one path."""
    if pairs[0].handles is None:
        text = "They touch no bytes in common."
    elif answer.analysis.program is None:
        text = f"So are all {len(pairs)} pairs of them in this trace." if len(pairs) > 1 else ""
    elif answer.proved:
        text = "So is every pair of their turns that touches the same bytes, whatever the parameters (proved)."
    else:
        text = "Other parameters that were looked at showed none of their turns out of order, but not all were."
    return wrap(text, _WIDTH)


# ---------------------------------------------------------------- pieces


def _both(answer: Answer, pair: Pair) -> list[str]:
    """The two instructions with their turns and bytes, and the parameters of the run."""
    lines = []
    for label, which in (("earlier", 0), ("later", 1)):
        lines += _field(label, [_what(answer, pair, which)])
    if answer.parameters:
        lines += _field("with", [", ".join(f"{key} = {value}" for key, value in answer.parameters)])
    return lines


def _what(answer: Answer, pair: Pair, which: int) -> str:
    event = (pair.earlier, pair.later)[which]
    text = place(answer.recording, event)
    if pair.handles is None:
        return text
    region = meeting(*pair.handles)[which]
    named = f" ({region.name})" if region is not None and region.name else ""
    return f"{text} {'writes' if pair.writes[which] else 'reads'} {region}{named}"


def _field(label: str, sentences: list[str]) -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        first = f"  {label if not lines else '':{_LABEL - 2}}"
        lines += wrap(sentence, _WIDTH, initial_indent=first, subsequent_indent=" " * _LABEL, break_long_words=False)
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
