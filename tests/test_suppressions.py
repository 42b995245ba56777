"""`// syncheck: ignore[…]`: what it silences, what it must not, and what is said about useless ones."""

from __future__ import annotations

from dataclasses import replace

from syncheck.finding import Finding, Label, Pair
from syncheck.ir import Suppression
from syncheck.source import Span
from syncheck.suppressions import apply


def label(line: int, role: str = "primary", path: str = "k.sync") -> Label:
    return Label(role, Span(path, line, 3), "AIV0", "V", "vadd")


def finding(rule: str, *lines: int, severity: str = "error") -> Finding:
    roles = ("primary", "secondary", "note")
    labels = tuple(label(line, role) for line, role in zip(lines, roles, strict=False))
    return Finding(rule, severity, "title", "message", labels)


def comment(target: int, *rules: str, reason: str = "reloaded later", line: int = 0) -> Suppression:
    return Suppression(rules, reason, Span("k.sync", line or target, 40), target)


def test_without_comments_nothing_changes() -> None:
    found = (finding("WAR001", 9, 4), finding("RAW001", 2, 1))
    assert apply(found, ()) == found


def test_a_comment_on_either_place_suppresses_and_keeps_its_reason() -> None:
    for line in (9, 4):
        (result,) = apply([finding("WAR001", 9, 4)], [comment(line, "WAR001")])
        assert result.suppressed
        assert result.suppression_reason == "reloaded later"


def test_another_rule_or_line_stays() -> None:
    for wrong in (comment(9, "RAW001"), comment(8, "WAR001")):
        result = apply([finding("WAR001", 9, 4)], [wrong])
        assert [(f.rule, f.suppressed) for f in result if f.rule != "SUP001"] == [("WAR001", False)]
        assert "SUP001" in [f.rule for f in result]


def test_the_line_is_the_one_in_the_script_not_the_one_line_directive_shows() -> None:
    span = Span("kernel.cpp", 425, 3, script_path="k.sync", script_line=9)
    moved = replace(finding("WAR001", 9), labels=(Label("primary", span),))
    (result,) = apply([moved], [comment(9, "WAR001")])
    assert result.suppressed
    assert not apply([moved], [comment(425, "WAR001")])[-1].suppressed


def test_a_line_of_another_file_is_another_line() -> None:
    other = replace(finding("WAR001", 9), labels=(label(9, path="other.sync"),))
    assert not any(f.suppressed for f in apply([other], [comment(9, "WAR001")]))


def test_every_pair_of_a_finding_must_be_covered() -> None:
    first, second = Pair(label(9), label(4, "secondary")), Pair(label(12), label(4, "secondary"))
    both = replace(finding("WAR001", 9, 4), pairs=(first, second))
    (one,) = apply([both], [comment(9, "WAR001")])
    assert not one.suppressed
    (common,) = apply([both], [comment(4, "WAR001")])
    assert common.suppressed
    (each,) = apply([both], [comment(9, "WAR001", reason="a"), comment(12, "WAR001", reason="b")])
    assert (each.suppressed, each.suppression_reason) == (True, "a; b")


def test_a_note_covers_the_finding() -> None:
    (result,) = apply([finding("FLG003", 9, 4, 6)], [comment(6, "FLG003")])
    assert result.suppressed


def test_unused_rules_are_named_at_the_comment() -> None:
    result = apply([finding("WAR001", 9, 4)], [comment(9, "WAR001", "RAW001", line=8)])
    (remark,) = (f for f in result if f.rule == "SUP001")
    assert remark.severity == "warning"
    assert remark.primary.span.line == 8
    assert "RAW001" in remark.message
    assert "WAR001" not in remark.message


def test_a_missing_reason_is_asked_for_but_suppresses() -> None:
    result = apply([finding("WAR001", 9, 4)], [comment(9, "WAR001", reason="")])
    assert [(f.rule, f.suppressed) for f in result] == [("WAR001", True), ("SUP001", False)]
    assert "reason" in result[1].message


def test_syn001_and_sup001_cannot_be_suppressed() -> None:
    for rule in ("SYN001", "SUP001"):
        result = apply([finding(rule, 9)], [comment(9, rule)])
        assert not any(f.suppressed for f in result)
        assert any("cannot be suppressed" in f.message for f in result)


def test_unused_is_not_said_of_a_file_that_was_not_understood() -> None:
    assert [f.rule for f in apply([finding("SYN001", 3)], [comment(9, "WAR001")])] == ["SYN001"]


def test_a_misspelt_rule_gets_the_nearest() -> None:
    (remark,) = apply([], [comment(9, "WAR01")], known=("RAW001", "WAR001"))
    assert remark.message == "WAR01 is not a rule; did you mean 'WAR001'?"


def test_a_comment_without_rules() -> None:
    (remark,) = apply([], [comment(9)])
    assert "names no rule" in remark.message


def test_the_result_is_in_source_order() -> None:
    result = apply([finding("WAR001", 9, 4), finding("RAW001", 12, 4)], [comment(10, "BAR001"), comment(2, "BAR001")])
    assert [f.primary.span.line for f in result] == [2, 9, 10, 12]
