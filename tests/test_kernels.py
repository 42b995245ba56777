"""The kernels written for this project: proved, silent, and with nothing in them that could go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncheck.check import Settings, check
from syncheck.finding import FileReport
from syncheck.machine import load

KERNELS = Path(__file__).resolve().parent.parent / "fixtures" / "kernels"
PAGED_ATTENTION = (KERNELS / "paged_attention.sync").read_text(encoding="utf-8")
_FLAG = re.compile(r"(?:set|wait)_flag\((\w+), (\w+), (EVENT_ID\d)[^)]*\);")
_BARRIER = re.compile(r"pipe_barrier\(\w+\);")


def run(text: str, **pinned: int) -> FileReport:
    definitions = tuple((name, str(value)) for name, value in pinned.items())
    return check(text, "paged_attention.sync", Settings(load("a2a3"), definitions=definitions, timed=False))


def without_one(text: str) -> Iterator[tuple[str, str]]:
    """The script without one flag (all its sets and waits) or one barrier, and which."""
    for key in sorted({match.groups() for match in _FLAG.finditer(text)}):
        bare = text
        for match in reversed([part for part in _FLAG.finditer(text) if part.groups() == key]):
            bare = bare[: match.start()] + bare[match.end() :]
        yield " ".join(key), bare
    for match in _BARRIER.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield f"barrier {line}", text[: match.start()] + text[match.end() :]


def test_paged_attention_is_proved_and_nothing_is_said_about_it() -> None:
    report = run(PAGED_ATTENTION, q_tile=16, block_size=128)
    assert (report.verdict, report.reason) == ("proved", "")
    assert report.findings == ()


@pytest.mark.parametrize("name", ["paged_attention_tasks", "paged_attention_update"])
def test_the_kernels_of_tasks_are_proved_and_lean_on_their_drains(name: str) -> None:
    """A task ends drained: that is what orders the tasks, and REL001 says so."""
    report = run((KERNELS / f"{name}.sync").read_text(encoding="utf-8"), block_size=128)
    assert (report.verdict, report.reason) == ("proved", "")
    assert [finding.rule for finding in report.findings] == ["REL001", "REL001"]


@pytest.mark.deep
def test_paged_attention_is_proved_for_every_tile_and_page_size() -> None:
    report = run(PAGED_ATTENTION)
    assert (report.verdict, report.findings) == ("proved", ())
    assert dict(report.parameters)["n_blocks"] == ">=0"


@pytest.mark.deep
@pytest.mark.parametrize(("name", "text"), [*without_one(PAGED_ATTENTION)], ids=lambda part: part[:24].strip())
def test_no_flag_and_no_barrier_of_paged_attention_can_go(name: str, text: str) -> None:
    assert run(text, q_tile=16, block_size=128).verdict == "refuted", name
