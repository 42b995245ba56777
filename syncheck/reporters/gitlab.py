"""`--format gitlab`: a Code Quality report. GitLab compares fingerprints to tell new findings from old."""

from __future__ import annotations

import hashlib

from syncheck.finding import FileReport, Finding, Report
from syncheck.fingerprint import fingerprints
from syncheck.reporters.entries import Json, dumped, further, one_line, standing, unexplained

_BLOCKING = ("RAW", "WAR", "WAW", "DLK")


def render(report: Report) -> str:
    issues: dict[str, Json] = {}
    for file in report.files:
        for name, issue in _issues(file):
            issues.setdefault(name, issue)
    return dumped(list(issues.values())) + "\n"


def _issues(file: FileReport) -> list[tuple[str, Json]]:
    found = list(standing(file.findings))
    names = {id(finding): name for finding, name in zip(file.findings, fingerprints(file.findings), strict=True)}
    issues = [(names[id(finding)], _issue(finding, names[id(finding)])) for finding in found]
    if unexplained(file):
        name = hashlib.sha256(f"unreadable {file.path}".encode(errors="replace")).hexdigest()
        issues.append((name, _object("unreadable", file.reason, name, "blocker", file.path, 1)))
    return issues


def _issue(finding: Finding, name: str) -> Json:
    span = finding.primary.span
    return _object(
        finding.rule, finding.message + further(finding), name, _severity(finding), span.path, max(span.line, 1)
    )


def _object(rule: str, message: str, name: str, severity: str, path: str, line: int) -> dict[str, Json]:
    return {
        "description": f"{rule}: {one_line(message)}",
        "check_name": rule,
        "fingerprint": name,
        "severity": severity,
        "location": {"path": path.replace("\\", "/").removeprefix("./"), "lines": {"begin": line}},
    }


def _severity(finding: Finding) -> str:
    """Races and deadlocks block; other errors are major."""
    if finding.severity == "error":
        return "blocker" if finding.rule.startswith(_BLOCKING) else "major"
    return "minor" if finding.severity == "warning" else "info"
