"""Findings that were there before: read and written as JSON, so that only new ones count.

An entry is a file and a fingerprint (rule, texts of the lines, pipes: stable when unrelated lines move), not a line
number. `count` is the number of source positions the finding covered: one that covers more than before is new. Paths
are relative to the baseline file. SYN001 never enters a baseline: what was not understood was not checked. Layer 7,
like the suppressions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from syncheck.finding import FileReport, Finding, Label
from syncheck.fingerprint import fingerprints
from syncheck.value import Value, frozen

VERSION = 1
NEVER_BASELINED = ("SYN001",)


class BaselineError(Exception):
    """One line: what is wrong with the file."""


@frozen
class Entry(Value):
    rule: str
    message: str
    count: int = 1


Key = tuple[str, str]  # path, fingerprint
Baseline = Mapping[Key, Entry]
Relative = Callable[[str], str]  # a path as the report shows it → relative to the baseline file, with slashes


def loads(text: str, path: str) -> dict[Key, Entry]:
    """The entries of a baseline file. Raises BaselineError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{path}: not a baseline: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("files"), dict):
        raise BaselineError(f"{path}: not a baseline: no files; --update-baseline writes a new one")
    if document.get("version") != VERSION:
        raise BaselineError(f"{path}: baseline version {document.get('version')!r}, expected {VERSION}")
    entries: dict[Key, Entry] = {}
    for name, findings in document["files"].items():
        if not isinstance(findings, dict):
            raise BaselineError(f"{path}: {name}: expected an object of fingerprints")
        entries |= {(name, print_): _entry(value, f"{path}: {name}: {print_}") for print_, value in findings.items()}
    return entries


def _entry(value: object, place: str) -> Entry:
    if not isinstance(value, dict):
        raise BaselineError(f"{place}: expected an object")
    rule, message, count = value.get("rule"), value.get("message"), value.get("count", 1)
    if not isinstance(rule, str) or not isinstance(message, str) or type(count) is not int:
        raise BaselineError(f"{place}: expected the texts rule and message, and the integer count")
    return Entry(rule, message, count)


def dumps(entries: Baseline) -> str:
    """Sorted by path, rule and fingerprint: a diff of the file shows what changed and nothing else."""
    files: dict[str, dict[str, object]] = {}
    for (path, fingerprint), entry in sorted(entries.items(), key=lambda item: (item[0][0], item[1].rule, item[0][1])):
        value = {"rule": entry.rule, "count": entry.count, "message": entry.message}
        files.setdefault(path, {})[fingerprint] = value
    return json.dumps({"version": VERSION, "files": files}, indent=2) + "\n"


def mark(file: FileReport, entries: Baseline, relative: Relative) -> FileReport:
    """The same report with the findings that were there before marked."""
    marked = tuple(
        replace(finding, baseline=True) if _known(key, finding, entries) else finding
        for key, finding in _identified(file, relative)
    )
    return replace(file, findings=marked)


def collect(files: Iterable[FileReport], relative: Relative) -> dict[Key, Entry]:
    """The entries for what these reports find: neither suppressed nor SYN001."""
    return {
        key: Entry(finding.rule, finding.message, _count(finding))
        for file in files
        for key, finding in _identified(file, relative)
        if _enters(finding)
    }


def _known(key: Key, finding: Finding, entries: Baseline) -> bool:
    entry = entries.get(key)
    return entry is not None and _enters(finding) and _count(finding) <= entry.count


def _enters(finding: Finding) -> bool:
    return not finding.suppressed and finding.rule not in NEVER_BASELINED


def _count(finding: Finding) -> int:
    return max(1, len(finding.pairs))


def _identified(file: FileReport, relative: Relative) -> Iterable[tuple[Key, Finding]]:
    """Each finding with its key, taken as if the checker ran in the folder of the baseline."""
    path = relative(file.path)
    moved = tuple(_moved(finding, file.path, path) for finding in file.findings)
    return (((path, print_), finding) for print_, finding in zip(fingerprints(moved), file.findings, strict=True))


def _moved(finding: Finding, path: str, to: str) -> Finding:
    """Labels in the checked file itself get its relative path; a name that `#line` gave stays."""

    def label(old: Label) -> Label:
        return replace(old, span=replace(old.span, path=to)) if old.span.path == path else old

    return replace(finding, labels=tuple(label(old) for old in finding.labels))
