"""What `syncheck explain RULE` says: the rule's own documentation, and its fixtures with what they really give.

Text in, text out: the fixtures are found and read by the command line, the reports come from the engine itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from textwrap import indent

from syncheck.finding import FileReport, Report
from syncheck.rule import Rule
from syncheck.value import Value, frozen

Check = Callable[[str, str], FileReport]  # text, path → what the engine finds in it
Render = Callable[[Report], str]


@frozen
class Example(Value):
    """A fixture: its path as the user can find it, and its text."""

    path: str
    text: str


def explain(rule: Rule, firing: Example | None, silent: Example | None, check: Check, render: Render) -> str:
    """The whole page. A rule without a fixture says so by its absence."""
    parts = [f"{rule.id}  {rule.severity}  {rule.summary}", rule.documentation.strip()]
    if firing:
        report = check(firing.text, firing.path)
        mine = tuple(finding for finding in report.findings if finding.rule == rule.id)
        parts += [f"It fires on {firing.path}:", _quoted(firing)]
        parts += ["and says:", render(Report((replace(report, findings=mine),), report.machine, verbose=True)).rstrip()]
    if silent:
        parts += [f"It is silent on {silent.path}:", _quoted(silent)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _quoted(example: Example) -> str:
    return indent(example.text.strip("\n"), "    ")
