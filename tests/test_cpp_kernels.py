"""C++ kernels of our own: `// expect: RULE` on the line of an error, exact both ways; the extracted script says it too.

The first line of a kernel without errors is `// clean`: then it is proved, for all its launch arguments.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from test_fixtures import Marks, marks
from test_script_text import told

from syncheck.check import Settings, check, check_cpp
from syncheck.finding import FileReport
from syncheck.frontends.cpp.reader import read
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.script_text import script_text

KERNELS = Path(__file__).resolve().parent.parent / "fixtures" / "kernels"
FILES = sorted((*KERNELS.glob("*.cpp"), *KERNELS.glob("*.cce")))
WRITTEN = [path for path in FILES if not path.name.startswith("paged_attention_")]
SETTINGS = Settings(load("a2a3"), timed=False)


def beside(header: str, includer: str) -> tuple[str, str] | None:
    path = Path(includer).parent / header
    return (str(path), path.read_text(encoding="utf-8")) if path.is_file() else None


@cache
def report_of(path: Path) -> FileReport:
    return check_cpp(path.read_text(encoding="utf-8"), str(path), SETTINGS, beside)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_finds_what_the_kernel_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    report = report_of(path)
    errors = [finding for finding in report.findings if finding.severity == "error"]
    assert {finding.primary.span.path for finding in errors} <= {str(path)}
    found: Marks = Counter((finding.primary.span.line, finding.rule) for finding in errors)
    assert sorted(found.elements()) == sorted(marks(text)["expect"].elements())
    if text.startswith("// clean"):
        assert report.verdict == "proved", report.reason
    else:
        assert found


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_the_script_says_the_same(path: Path) -> None:
    (program,) = read(path.read_text(encoding="utf-8"), str(path), SETTINGS.machine, beside).programs
    script = script_text(program)
    assert [one.message for one in parse(script, "extracted.sync").problems] == [
        " ".join(one.message.split()) for one in program.problems
    ]
    assert told(check(script, "extracted.sync", SETTINGS)) == told(report_of(path))
