"""Input that could not be understood.

SYN001
------
A line of the script or trace was not understood. What stands there is not checked, so the file's verdict is never
`proved`; the rest of the file is checked where possible.

Silent when everything was understood.

What to do: write what the message expects; it names the nearest valid name where there is one. docs/language.md has
the language.

Seen: PIPE_MTE4, event id 9, wait_flag with its pipes swapped on a core that has no such pipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from syncheck.detectors.words import at
from syncheck.finding import Finding, Label, Pair
from syncheck.source import Problem


def problem_findings(problems: Iterable[Problem]) -> Iterator[Finding]:
    """Problems of a front end, or of the build, as findings: what no core can do is told once for each memory."""
    missing: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.rule == "MEM001":
            missing.setdefault(problem.message, []).append(problem)
        else:
            yield _not_understood(problem)
    for group in missing.values():
        yield _out_of_reach(group)


def _not_understood(problem: Problem) -> Finding:
    why = (f"Expected {problem.expected}.",) if problem.expected else ()
    order = (f"Write {problem.suggestion}.",) if problem.suggestion else ()
    hint = f"; expected {problem.expected}" if problem.expected else ""
    message = f"{at(problem.span)}: {problem.message}{hint}."
    return Finding("SYN001", "error", problem.message, message, (Label("primary", problem.span),), why=why, order=order)


def _out_of_reach(group: Sequence[Problem]) -> Finding:
    """MEM001: instructions of one kernel on a memory that its core does not have; `expected` says whose it is."""
    first = group[0]
    labels = [Label("primary", problem.span) for problem in group]
    return Finding(
        "MEM001", "error", f"{first.message}, and this instruction uses it",
        f"{first.message}, and the instruction at {at(first.span)} uses it.", (labels[0],), occurrences=len(group),
        why=(f"{first.expected}; no core has both.", "Such instructions are left out of the check."),
        order=("Let each core do its own: #if defined(__DAV_CUBE__) and #if defined(__DAV_VEC__) in C++, core AIC { } "
               "and core AIV { } in a script.",),
        pairs=tuple(Pair(label, None, 1) for label in labels),
    )  # fmt: skip
