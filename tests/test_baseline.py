"""Baselines: the file, what it recognises, what it must never hide."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from syncheck.baseline import BaselineError, collect, dumps, loads, mark
from syncheck.finding import FileReport, Finding, Label, Pair
from syncheck.source import Span


def finding(rule: str, line: int, text: str, path: str = "k.sync") -> Finding:
    label = Label("primary", Span(path, line, 3, text=text), "AIV0", "V", "vadd")
    return Finding(rule, "error", "title", f"message of {text}", (label,))


def report(*findings: Finding, path: str = "k.sync") -> FileReport:
    return FileReport(path, "refuted", findings=findings)


def same(path: str) -> str:
    return path


def marked(after: FileReport, before: FileReport) -> list[bool]:
    entries = loads(dumps(collect([before], same)), "b.json")
    return [f.baseline for f in mark(after, entries, same).findings]


def test_the_same_finding_on_another_line_is_known() -> None:
    assert marked(report(finding("RAW001", 40, "vadd(a)")), report(finding("RAW001", 4, "vadd(a)"))) == [True]


def test_another_text_rule_or_file_is_new() -> None:
    before = report(finding("RAW001", 4, "vadd(a)"))
    assert marked(report(finding("RAW001", 4, "vadd(b)")), before) == [False]
    assert marked(report(finding("WAR001", 4, "vadd(a)")), before) == [False]
    # Two scripts may stand for one kernel through #line: the script counts, not only the name it gives.
    assert marked(report(finding("RAW001", 4, "vadd(a)"), path="other.sync"), before) == [False]


def test_a_second_equal_finding_is_new() -> None:
    one, two = finding("RAW001", 4, "vadd(a)"), finding("RAW001", 9, "vadd(a)")
    assert marked(report(one, two), report(one)) == [True, False]


def test_a_finding_that_covers_more_than_before_is_new() -> None:
    old = finding("RAW001", 4, "vadd(a)")
    more = replace(old, pairs=tuple(Pair(replace(old.primary, span=Span("k.sync", n)), None) for n in (4, 5)))
    assert marked(report(more), report(old)) == [False]
    assert marked(report(old), report(more)) == [True]


def test_syn001_and_suppressed_findings_stay_out() -> None:
    suppressed = replace(finding("RAW001", 4, "vadd(a)"), suppressed=True)
    broken = report(finding("SYN001", 1, "???"), suppressed)
    assert collect([broken], same) == {}
    forged = json.loads(dumps(collect([report(finding("RAW001", 1, "???"))], same)))
    assert [f.baseline for f in mark(broken, loads(json.dumps(forged), "b"), same).findings] == [False, False]


def test_paths_are_relative_to_the_baseline() -> None:
    inside = report(finding("RAW001", 4, "vadd(a)"), path="k.sync")
    outside = report(finding("RAW001", 4, "vadd(a)", "sub/k.sync"), path="sub/k.sync")
    entries = collect([outside], same)
    (result,) = mark(inside, entries, lambda path: f"sub/{path}").findings
    assert result.baseline
    assert result.primary.span.path == "k.sync"


def test_the_file_is_stable() -> None:
    one, two = report(finding("RAW001", 4, "x"), path="b.sync"), report(finding("WAR001", 4, "y"), path="a.sync")
    text = dumps(collect([one, two], same))
    assert text == dumps(collect([two, one], same))
    assert list(json.loads(text)["files"]) == ["a.sync", "b.sync"]
    assert text.endswith("}\n")
    assert dumps(loads(text, "b")) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '{"version": 2, "files": {}}',
        '{"files": {}}',
        '{"version": 1, "files": []}',
        '{"version": 1, "files": {"a": []}}',
        '{"version": 1, "files": {"a": {"f": 1}}}',
        '{"version": 1, "files": {"a": {"f": {"rule": 1, "message": ""}}}}',
        '{"version": 1, "files": {"a": {"f": {"rule": "R", "message": "", "count": true}}}}',
        "[" * 100_000,
    ],
)
def test_malformed_files_are_one_line(text: str) -> None:
    with pytest.raises(BaselineError) as error:
        loads(text, "b.json")
    assert str(error.value).startswith("b.json: ")
    assert "\n" not in str(error.value)
