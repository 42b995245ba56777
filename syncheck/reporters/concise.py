"""`--format concise`: `path:line:col: RULE severity message`, one line a finding."""

from __future__ import annotations

from syncheck.finding import FileReport, Finding, Report
from syncheck.reporters.entries import further, one_line, standing, unexplained


def render(report: Report) -> str:
    return "".join(f"{line}\n" for file in report.files for line in _lines(file))


def _lines(file: FileReport) -> list[str]:
    lines = [_line(finding) for finding in standing(file.findings)]
    if unexplained(file):
        lines.append(f"{one_line(file.path)}:1:1: unreadable error {one_line(file.reason)}")
    return lines


def _line(finding: Finding) -> str:
    message = one_line(finding.message + further(finding))
    return f"{one_line(str(finding.primary.span))}: {finding.rule} {finding.severity} {message}"
