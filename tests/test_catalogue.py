"""Nothing was forgotten: every rule has words, a detector, and an example of either kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from syncheck.detectors import RULES
from syncheck.finding import SEVERITIES
from syncheck.rule import Rule

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
PROMISED = {
    "RAW": 1, "WAR": 1, "WAW": 1, "ORD": 1, "BAR": 1, "DRN": 2, "FLG": 8, "DLK": 1, "XCR": 2, "FIF": 3, "MEM": 5,
    "REL": 1, "SYN": 1, "SUP": 1, "SUR": 3,
    "OVF": 1, "PRF": 1, "RNK": 2,
}  # fmt: skip
"""How many rules of each family there are, numbered from 001."""
FOUND_ELSEWHERE = ("SYN001", "SUP001")

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)


def test_every_rule_is_there_once() -> None:
    promised = [f"{family}{number:03}" for family, count in PROMISED.items() for number in range(1, count + 1)]
    assert sorted(rule.id for rule in RULES) == sorted(promised)


@each_rule
def test_id_and_severity(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z]{3}\d{3}", rule.id)
    assert rule.severity in SEVERITIES
    assert 0 < len(rule.summary) <= 80
    assert (rule.detector is None) == (rule.id in FOUND_ELSEWHERE)


@each_rule
def test_documentation_says_when_what_and_where(rule: Rule) -> None:
    """What goes wrong, when it is silent, what to do, where it was seen."""
    assert len(rule.documentation.split()) > 30
    for part in ("Silent", "What to do:", "Seen:"):
        assert f"\n{part}" in rule.documentation


@each_rule
def test_examples(rule: Rule) -> None:
    for name, prefix in ((rule.firing, "fires_"), (rule.silent, "silent_")):
        assert name.startswith(f"{rule.id}/{prefix}")
        assert (FIXTURES / name).is_file(), name


def test_no_fixture_folder_without_a_rule() -> None:
    folders = {path.name for path in FIXTURES.iterdir() if re.fullmatch(r"[A-Z]{3}\d{3}", path.name)}
    assert folders == {rule.id for rule in RULES}
