"""`--format json`: one document, version 1. Fields may be added, never renamed.

`findings` has one entry for each pair of source positions; entries of one root cause have the same `cause`.
`summary` counts the entries that are neither suppressed nor in the baseline.
"""

from __future__ import annotations

from syncheck.finding import SEVERITIES, FileReport, Label, Report, Witness
from syncheck.reporters.entries import Entry, Json, Row, dumped, entries, region, values


def render(report: Report) -> str:
    return dumped(document(report)) + "\n"


def document(report: Report) -> dict[str, Json]:
    found = [(file, entry) for file in report.files for entry in entries(file)]
    counted = [
        entry.finding.severity for _, entry in found if not entry.finding.suppressed and not entry.finding.baseline
    ]
    return {
        "version": 1,
        "syncheck": report.version,
        "machine": report.machine,
        "files": [file_object(file) for file in report.files],
        "findings": [finding_object(file, entry) for file, entry in found],
        "summary": {severity: counted.count(severity) for severity in SEVERITIES},
    }


def file_object(file: FileReport) -> dict[str, Json]:
    return {
        "path": file.path,
        "verdict": file.verdict,
        "errors": error_counts(file),
        "reason": file.reason,
        "machine": file.machine,
        "parameters": dict(file.parameters),
        "gaps": [
            {"path": gap.span.path, "line": gap.span.line, "column": gap.span.column, "message": gap.message}
            for gap in file.gaps
        ],
        "cut": values(file.cut) if file.gaps else None,
        "assumed": [
            {"kind": one.kind, "message": one.message, "path": one.span.path, "line": one.span.line}
            for one in file.assumed
        ],
        "states": file.states,
        "events": file.events,
        "ordered": file.ordered,
        "seconds": round(file.seconds, 3),
    }


def error_counts(file: FileReport) -> dict[str, Json]:
    """The errors behind a verdict: a file stays refuted where all of them are suppressed or in the baseline."""
    errors = [finding for finding in file.findings if finding.severity == "error"]
    suppressed = sum(finding.suppressed for finding in errors)
    known = sum(finding.baseline and not finding.suppressed for finding in errors)
    return {"standing": len(errors) - suppressed - known, "suppressed": suppressed, "baseline": known}


def finding_object(file: FileReport, entry: Entry) -> dict[str, Json]:
    finding = entry.finding
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "title": finding.title,
        "where": finding.where,
        "file": file.path,
        "labels": [label_object(label) for label in finding.labels],
        "parameters": values(finding.parameters),
        "occurrences": finding.occurrences,
        "why": finding.why,
        "order": finding.order,
        "chain": finding.chain,
        "witness": witness_object(finding.witness) if finding.witness else None,
        "suppressed": finding.suppressed,
        "suppression_reason": finding.suppression_reason,
        "baseline": finding.baseline,
        "cause": entry.cause[:16],
        "fingerprint": entry.fingerprint,
    }


STEP = ("core", "number", "pipe", "op", "line", "turn", "does")
"""What each entry of a step is: an instruction is the `number`-th that its core issues."""


def witness_object(witness: Witness) -> dict[str, Json]:
    return {
        "shows": witness.shows,
        "parameters": values(witness.parameters),
        "earlier": Row(witness.earlier) if witness.earlier else None,
        "later": Row(witness.later) if witness.later else None,
        "waiting": [Row(who) for who in witness.waiting],
        "columns": Row(STEP),
        "steps": [Row(getattr(step, name) for name in STEP) for step in witness.steps],
    }


def label_object(label: Label) -> dict[str, Json]:
    return {
        "role": label.role,
        "path": label.span.path,
        "line": label.span.line,
        "column": label.span.column,
        "end_column": label.span.end_column,
        "core": label.core,
        "pipe": label.pipe,
        "op": label.op,
        "access": label.access,
        "region": region(label.region) if label.region else None,
        "frames": label.frames,
        "note": label.note,
    }
