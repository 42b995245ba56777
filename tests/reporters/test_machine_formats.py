"""Formats for machines: valid against their schemas, whatever a kernel contains."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import report_samples as samples

from syncheck.finding import FileReport, Report
from syncheck.fingerprint import fingerprints
from syncheck.reporters import render

HERE = Path(__file__).parent

REPORTS = {
    "race": samples.race_only(),
    "all": samples.everything(),
    "nasty": samples.nasty(),
    "none": Report(),
}
every_report = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)


def loaded(name: str, report: Report) -> Any:
    return json.loads(render(name, report))


def schema(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


@every_report
def test_json_keeps_the_contract(report: Report) -> None:
    document = loaded("json", report)
    jsonschema.validate(document, schema("json-schema.json"))
    standing = [entry for entry in document["findings"] if not entry["suppressed"] and not entry["baseline"]]
    assert sum(document["summary"].values()) == len(standing)
    assert render("json", report).isascii()


def test_json_has_an_entry_for_each_pair() -> None:
    entries = loaded("json", Report((samples.refuted(samples.many_pairs(9)),)))["findings"]
    assert len(entries) == 9
    assert len({entry["cause"] for entry in entries}) == 1
    assert len({entry["fingerprint"] for entry in entries}) == 9
    assert entries[0]["parameters"] == {"n_blocks": 2}
    assert {label["role"] for label in entries[5]["labels"]} == {"primary", "secondary"}


@every_report
def test_json_lines_are_the_findings(report: Report) -> None:
    lines = [json.loads(line) for line in render("json-lines", report).splitlines()]
    findings = [line for line in lines if line["rule"] != "unreadable"]
    assert findings == loaded("json", report)["findings"]


@every_report
def test_sarif_has_the_shape_that_readers_rely_on(report: Report) -> None:
    jsonschema.validate(loaded("sarif", report), schema("sarif-subset.json"))


@every_report
def test_sarif_is_valid_against_the_published_schema(report: Report) -> None:
    path = os.environ.get("SYNCHECK_SARIF_SCHEMA")
    if not path:
        pytest.skip("SYNCHECK_SARIF_SCHEMA names the file sarif-schema-2.1.0.json of OASIS")
    jsonschema.validate(loaded("sarif", report), json.loads(Path(path).read_text(encoding="utf-8")))


def test_sarif_shows_both_accesses_and_the_gap() -> None:
    result = loaded("sarif", samples.race_only())["runs"][0]["results"][0]
    steps = [step["location"]["physicalLocation"] for step in result["codeFlows"][0]["threadFlows"][0]["locations"]]
    assert [step["region"]["startLine"] for step in steps] == [434, 425]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 425
    assert result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 434
    assert "baselineState" not in result


def test_sarif_says_what_is_suppressed_and_what_was_known() -> None:
    results = loaded("sarif", samples.everything())["runs"][0]["results"]
    states = [(result["baselineState"], [s["kind"] for s in result.get("suppressions", [])]) for result in results]
    assert ("new", ["inSource"]) in states
    assert ("unchanged", ["external"]) in states


def test_sarif_writes_paths_as_uris() -> None:
    def uri(path: str) -> Any:
        run = loaded("sarif", Report((FileReport(path, "proved"),)))["runs"][0]
        return run["artifacts"][0]["location"]

    assert uri("./a b%.cpp") == {"uri": "a%20b%25.cpp", "uriBaseId": "%SRCROOT%"}
    assert uri("/k/a.cpp") == {"uri": "file:///k/a.cpp"}
    assert uri("C:\\k\\a.cpp") == {"uri": "file:///C:/k/a.cpp"}


@every_report
def test_every_github_line_is_one_command(report: Report) -> None:
    for line in render("github", report).splitlines():
        assert re.fullmatch(r"::(error|warning|notice) file=[^,:]+(,\w+=[^,:]*)*::.+", line)
        assert not re.search(r"%(?!25|0A|0D|3A|2C)", line)


@every_report
def test_concise_lines(report: Report) -> None:
    for line in render("concise", report).splitlines():
        assert re.fullmatch(r".+:\d+:\d+: \S+ (error|warning|info) .+", line)


@every_report
def test_gitlab_issues(report: Report) -> None:
    issues = loaded("gitlab", report)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["lines"]["begin"] >= 1


@every_report
def test_junit_counts_its_cases(report: Report) -> None:
    root = ET.fromstring(render("junit", report))
    for suite in (root, *root.iter("testsuite")):
        cases = list(suite.iter("testcase"))
        assert cases or not report.files
        assert suite.get("tests") == str(len(cases))
        for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(count) == str(len(list(suite.iter(tag))))


def test_junit_fails_for_errors_only() -> None:
    root = ET.fromstring(render("junit", Report((samples.BOUNDED, samples.PROVED))))
    assert root.get("failures") == root.get("errors") == "0"
    assert ET.fromstring(render("junit", samples.race_only())).get("failures") == "1"


@pytest.mark.parametrize("name", ["concise", "github", "gitlab", "json-lines", "junit"])
def test_no_format_passes_over_an_unreadable_file(name: str) -> None:
    assert "it is a folder" in render(name, Report((samples.UNREADABLE,)))


@pytest.mark.parametrize("name", ["concise", "github", "gitlab"])
def test_suppressed_and_known_findings_are_left_out(name: str) -> None:
    report = Report((FileReport("k", "proved", findings=(samples.suppressed(), samples.known())),))
    assert "WAR001" not in render(name, report)


def test_fingerprints_tell_equal_findings_apart_and_survive_moved_lines() -> None:
    finding = samples.pij_race()
    first, second = fingerprints([finding, finding])
    moved = tuple(replace(label, span=replace(label.span, line=label.span.line + 9)) for label in finding.labels)
    assert first != second
    assert fingerprints([replace(finding, labels=moved)]) == (first,)
