"""`--format sarif`: SARIF 2.1.0, one result for each finding.

Both accesses are locations of the result: the later one its location, the earlier one a related location, the gap
between them a code flow. Further pairs of the same cause are related locations too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncheck.finding import FileReport, Finding, Label, Report
from syncheck.fingerprint import fingerprints
from syncheck.reporters.entries import Json, dumped, phrase, region, unexplained, values
from syncheck.reporters.json_document import file_object
from syncheck.reporters.sarif_location import artifact, location

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(report: Report, rules: Mapping[str, str] | None = None, help_uri: str = "") -> str:
    """`rules`: id → one-line summary. `help_uri`: where a rule is documented, `{rule}` standing for its id."""
    summaries = {finding.rule: "" for finding in report.findings} | dict(rules or {})
    ids = sorted(summaries)
    # Once a baseline is in play, every result must say where it stands.
    compared = any(finding.baseline for finding in report.findings)
    run: dict[str, Json] = {
        "tool": {"driver": _driver(report, ids, summaries, help_uri)},
        "invocations": [_invocation(report)],
        "artifacts": [{"location": artifact(path)} for path in dict.fromkeys(file.path for file in report.files)],
        "columnKind": "unicodeCodePoints",
        "results": [result for file in report.files for result in _results(file, ids, compared)],
        "properties": {"machine": report.machine, "files": [file_object(file) for file in report.files]},
    }
    return dumped({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _driver(report: Report, ids: Sequence[str], summaries: Mapping[str, str], help_uri: str) -> Json:
    version: dict[str, Json] = {"version": report.version} if report.version else {}
    return {"name": "syncheck", **version, "rules": [_rule(rule, summaries[rule], help_uri) for rule in ids]}


def _rule(rule: str, summary: str, help_uri: str) -> Json:
    link: dict[str, Json] = {"helpUri": help_uri.replace("{rule}", rule)} if help_uri else {}
    return {
        "id": rule,
        "shortDescription": {"text": summary or rule},
        "help": {"text": f"Run `syncheck explain {rule}`."},
        **link,
    }


def _invocation(report: Report) -> Json:
    notes = [_notification(file) for file in report.files if file.verdict in ("bounded", "unreadable")]
    read = not any(unexplained(file) for file in report.files)
    return {"executionSuccessful": read, "toolExecutionNotifications": notes}


def _notification(file: FileReport) -> Json:
    return {
        "level": "error" if file.verdict == "unreadable" else "warning",
        "message": {"text": f"{file.verdict}: {file.reason}"},
        "locations": [{"physicalLocation": {"artifactLocation": artifact(file.path)}}],
    }


def _results(file: FileReport, ids: Sequence[str], compared: bool) -> list[Json]:
    names = fingerprints(file.findings)
    return [_result(finding, ids, name, compared) for finding, name in zip(file.findings, names, strict=True)]


def _result(finding: Finding, ids: Sequence[str], name: str, compared: bool) -> Json:
    result: dict[str, Json] = {
        "ruleId": finding.rule,
        "ruleIndex": ids.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [location(finding.primary)],
    }
    related = [label for label in finding.labels[1:] if label.span.path] + _further(finding)
    if related:
        result["relatedLocations"] = [location(label, number, _text(label)) for number, label in enumerate(related, 1)]
    if len(finding.labels) > 1:
        result["codeFlows"] = [_code_flow(finding)]
    result["partialFingerprints"] = {"syncheck/v1": name}
    suppressions = _suppressions(finding)
    if suppressions:
        result["suppressions"] = suppressions
    if compared:
        result["baselineState"] = "unchanged" if finding.baseline else "new"
    return result | {"properties": _properties(finding)}


def _further(finding: Finding) -> list[Label]:
    pairs = [label for pair in finding.pairs[1:] for label in (pair.primary, pair.secondary) if label]
    return list(dict.fromkeys(label for label in pairs if label not in finding.labels))


def _text(label: Label) -> str:
    name = {"primary": "later: ", "secondary": "earlier: "}.get(label.role, "")
    return f"{name}{phrase(label)}" + (f" ({label.note})" if label.note else "")


def _code_flow(finding: Finding) -> Json:
    """From the earlier access past the notes to the later one: the gap that nothing closes."""
    order = {"secondary": 0, "note": 1, "primary": 2}
    labels = sorted(finding.labels, key=lambda label: order.get(label.role, 1))
    steps: list[Json] = [
        {
            "location": location(label, text=_text(label)),
            "executionOrder": number,
            "importance": "important" if label.role == "note" else "essential",
        }
        for number, label in enumerate(labels, 1)
    ]
    return {"message": {"text": finding.title}, "threadFlows": [{"locations": steps}]}


def _suppressions(finding: Finding) -> list[Json]:
    found: list[Json] = []
    if finding.suppressed:
        reason: dict[str, Json] = {"justification": finding.suppression_reason} if finding.suppression_reason else {}
        found.append({"kind": "inSource", **reason})
    if finding.baseline:
        found.append({"kind": "external", "justification": "in the baseline"})
    return found


def _properties(finding: Finding) -> Json:
    regions: list[Json] = [region(label.region) for label in finding.labels if label.region]
    return {
        "title": finding.title,
        "where": finding.where,
        "parameters": values(finding.parameters),
        "occurrences": finding.occurrences,
        "pairs": max(len(finding.pairs), 1),
        "regions": regions,
        "why": finding.why,
        "order": finding.order,
        "chain": finding.chain,
    }
