"""What each format looks like, byte for byte."""

from __future__ import annotations

import pytest
import report_samples as samples
from golden_file import assert_golden

from syncheck.finding import Report
from syncheck.reporters import FORMATS, render

RULES = {"WAR001": "bytes are overwritten while they are still being read"}
ENDINGS = {"text": "txt", "concise": "txt", "github": "txt", "junit": "xml", "sarif": "sarif", "json-lines": "jsonl"}


@pytest.mark.parametrize("name", FORMATS)
def test_format(name: str) -> None:
    assert_golden(f"{name}.{ENDINGS.get(name, 'json')}", render(name, samples.everything(), rules=RULES))


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_race_in_text(width: int) -> None:
    assert_golden(f"race-{width}.txt", render("text", samples.race_only(), width=width))


def test_color() -> None:
    assert_golden("race-color.ansi", render("text", samples.race_only(), color=True))


def test_verbose() -> None:
    assert_golden("verbose.txt", render("text", samples.everything(), verbose=True))


def test_ascii() -> None:
    text = render("text", samples.everything(), ascii=True)
    assert text.isascii()
    assert_golden("ascii.txt", text)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("report", [samples.everything(), samples.nasty(), Report()], ids=["all", "nasty", "none"])
def test_the_same_report_gives_the_same_bytes(name: str, report: Report) -> None:
    first = render(name, report, color=True)
    assert first == render(name, report, color=True)
    first.encode()
    assert not first or first.endswith("\n")
