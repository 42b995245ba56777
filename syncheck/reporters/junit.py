"""`--format junit`: a test suite for each file, a test case for each finding.

Errors fail; warnings and infos pass with their text; what is suppressed or in the baseline is skipped. A file with
nothing to say is one case: passed if proved, skipped if bounded, an error if unreadable.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from syncheck.finding import FileReport, Finding, Pair, Report
from syncheck.reporters.entries import phrase, unexplained

_NOT_XML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010fffd]")


def render(report: Report) -> str:
    root = ET.Element("testsuites", {"name": "syncheck"})
    for file in report.files:
        _suite(root, file)
    _count(root, list(root.iter("testcase")), sum(file.seconds for file in report.files))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, file: FileReport) -> None:
    suite = ET.SubElement(root, "testsuite", {"name": _xml(file.path)})
    for finding in file.findings:
        _case(suite, file, finding)
    if not file.findings or unexplained(file):
        _verdict(suite, file)
    _count(suite, suite.findall("testcase"), file.seconds)


def _count(element: ET.Element, cases: Sequence[ET.Element], seconds: float) -> None:
    element.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", f"{seconds:.3f}")


def _case(suite: ET.Element, file: FileReport, finding: Finding) -> None:
    span = finding.primary.span
    name = f"{finding.rule} {span.path}:{span.line}:{span.column} {finding.title}"
    case = _testcase(suite, file, name)
    if finding.suppressed or finding.baseline:
        reason = f"suppressed: {finding.suppression_reason}" if finding.suppressed else "in the baseline"
        ET.SubElement(case, "skipped", {"message": _xml(reason)})
    elif finding.severity == "error":
        failure = ET.SubElement(case, "failure", {"type": finding.rule, "message": _xml(finding.message)})
        failure.text = _xml(_body(finding))
    else:
        ET.SubElement(case, "system-out").text = _xml(f"{finding.severity}: {_body(finding)}")


def _verdict(suite: ET.Element, file: FileReport) -> None:
    case = _testcase(suite, file, file.verdict)
    if file.verdict == "unreadable":
        ET.SubElement(case, "error", {"type": "unreadable", "message": _xml(file.reason)})
    elif file.verdict == "bounded":
        ET.SubElement(case, "skipped", {"message": _xml(f"bounded: {file.reason}")})


def _testcase(suite: ET.Element, file: FileReport, name: str) -> ET.Element:
    attributes = {"classname": _xml(file.path), "name": _xml(name), "file": _xml(file.path)}
    return ET.SubElement(suite, "testcase", attributes)


def _body(finding: Finding) -> str:
    lines = [finding.message, *(phrase(label) for label in finding.labels)]
    lines += [*finding.chain, *(f"why: {sentence}" for sentence in finding.why)]
    lines += [f"order: {sentence}" for sentence in finding.order]
    return "\n".join([*lines, *(f"also: {_also(pair)}" for pair in finding.pairs[1:])])


def _also(pair: Pair) -> str:
    return phrase(pair.primary) + (f", against {phrase(pair.secondary)}" if pair.secondary else "")


def _xml(text: str) -> str:
    """`text` without what XML 1.0 cannot hold, escaped or not."""
    return _NOT_XML.sub("\ufffd", text)
