"""Readings of the machine model: what a fixture expects under the options on its first line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from test_fixtures import marks

from syncheck.check import Settings, check
from syncheck.machine import MachineError, load

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "options"


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.sync")), ids=lambda path: path.stem)
def test_fixtures(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    first = text.splitlines()[0]
    assert first.startswith("// options: ")
    machine = load("a2a3", overrides=first.removeprefix("// options: ").split())
    found = check(text, str(path), Settings(machine, timed=False)).findings
    assert Counter((f.primary.span.home[1], f.rule) for f in found) == marks(text)["expect"]


@pytest.mark.parametrize("said", ["line_size=128", "l0c_rar=on", "relock_get_buf=yes", "output_existing_waw=edge"])
def test_a_value_that_nothing_would_follow_is_refused(said: str) -> None:
    with pytest.raises(MachineError, match="nothing reads it yet"):
        load("a2a3", overrides=[said])
    name, _, _ = said.partition("=")
    assert load("a2a3", overrides=[f"{name}={load('a2a3').options[name]}"])
