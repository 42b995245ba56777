"""`--format json-lines`: the findings of the JSON document, one a line.

There are no verdicts here: a file that could not be read is a line with the rule "unreadable".
"""

from __future__ import annotations

from syncheck.finding import FileReport, Report
from syncheck.reporters.entries import Json, dumped, entries, unexplained
from syncheck.reporters.json_document import finding_object


def render(report: Report) -> str:
    return "".join(f"{dumped(line, indent=None)}\n" for file in report.files for line in _lines(file))


def _lines(file: FileReport) -> list[Json]:
    lines: list[Json] = [finding_object(file, entry) for entry in entries(file)]
    if unexplained(file):
        failure: dict[str, Json] = {"rule": "unreadable", "severity": "error", "message": file.reason, "labels": []}
        lines.append(failure | {"file": file.path})
    return lines
