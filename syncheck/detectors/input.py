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

from syncheck.detectors.words import at
from syncheck.finding import Finding, Label
from syncheck.source import Problem


def problem_finding(problem: Problem) -> Finding:
    """A problem of a front end, or of the build, as a finding."""
    why = (f"Expected {problem.expected}.",) if problem.expected else ()
    order = (f"Write {problem.suggestion}.",) if problem.suggestion else ()
    hint = f"; expected {problem.expected}" if problem.expected else ""
    message = f"{at(problem.span)}: {problem.message}{hint}."
    return Finding("SYN001", "error", problem.message, message, (Label("primary", problem.span),), why=why, order=order)
