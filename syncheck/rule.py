"""One rule: its id, what it says, where its documentation and its examples are, and the function that finds it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from syncheck.analysis import Analysis
from syncheck.finding import Finding
from syncheck.value import Value, frozen

Detector = Callable[[Analysis], Iterator[Finding]]
"""Reads an Analysis and says what is wrong. Several rules may share one; it says the rule's id in each finding."""

_HEADING = re.compile(r"^([A-Z]{3}\d{3})\n-{6,}\n", re.MULTILINE)


@frozen
class Rule(Value):
    """`severity` is the usual one (options and places may change it); `firing` and `silent` are paths under fixtures/.

    `detector` is None where something else finds it (suppressions, front ends).
    """

    id: str
    severity: str
    summary: str
    documentation: str
    firing: str = ""
    silent: str = ""
    detector: Detector | None = None


def documentation_of(rule: str, docstring: str | None) -> str:
    """The section of a module docstring that is headed by this rule's id, "" if there is none."""
    parts = _HEADING.split(docstring or "")
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    return sections.get(rule, "").strip()
