"""Every fixture says what is found where, exact both ways: no finding is missing and none is too many.

`// expect: RULE` stands on the line of a primary label, one mark for each finding. `// clean` on the first line:
nothing of any severity. `// missing: RULE` and `// spurious: RULE` mark known gaps and fail the day they are cured.
The seeds are whole kernels of the field; their marks speak of errors only.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from syncheck.check import ON_REQUEST, Settings, check, check_cpp
from syncheck.detectors import RULES
from syncheck.finding import Finding
from syncheck.machine import load

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
FOLDERS = [*(rule.id for rule in RULES), "seeds"]
FILES = sorted(
    path for folder in FOLDERS for path in (FIXTURES / folder).glob("*.*") if path.suffix in (".sync", ".cpp")
)
_MARK = re.compile(r"//\s*(expect|missing|spurious):\s*([A-Z0-9, ]+)")

Marks = Counter[tuple[int, str]]


def marks(text: str) -> dict[str, Marks]:
    found: dict[str, Marks] = {"expect": Counter(), "missing": Counter(), "spurious": Counter()}
    for number, line in enumerate(text.splitlines(), 1):
        for kind, rules in _MARK.findall(line):
            found[kind].update((number, rule) for rule in re.split(r"[ ,]+", rules.strip()) if rule)
    return found


def findings(path: Path) -> tuple[Finding, ...]:
    asked = path.parent.name in ON_REQUEST
    settings = Settings(load("a2a3"), timed=False, surplus=asked)
    text = path.read_text(encoding="utf-8")
    cpp = path.suffix == ".cpp"
    report = check_cpp(text, str(path), settings, lambda *_: None) if cpp else check(text, str(path), settings)
    every = path.parent.name != "seeds"
    return tuple(f for f in report.findings if not f.suppressed and (every or f.severity == "error"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_finds_what_the_fixture_says(path: Path) -> None:
    said = marks(path.read_text(encoding="utf-8"))
    wanted = said["expect"] - said["missing"] + said["spurious"]
    found: Marks = Counter((finding.primary.span.home[1], finding.rule) for finding in findings(path))
    assert sorted(found.elements()) == sorted(wanted.elements())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_says_something(path: Path) -> None:
    """A fixture is clean, or has marks, or silences what it has."""
    text = path.read_text(encoding="utf-8")
    clean = text.startswith("// clean")
    marked = any(marks(text).values())
    assert clean != marked or (not clean and "syncheck: ignore" in text)


@pytest.mark.parametrize("path", [p for p in FILES if p.stem.startswith(("fires", "silent"))], ids=lambda p: p.stem)
def test_name_says_whether_its_rule_fires(path: Path) -> None:
    rules = {rule for _, rule in marks(path.read_text(encoding="utf-8"))["expect"]}
    fires = path.name.startswith("fires") and not path.name.endswith(".fixed.sync")
    assert (path.parent.name in rules) == fires
