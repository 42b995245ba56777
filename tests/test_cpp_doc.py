"""What the pages show of C++ kernels is what the commands print, line by line, with gaps where it says …."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from syncheck.cli import main

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = re.compile(r"^```text\n\$ syncheck ([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples(name: str, columns: str) -> list[tuple[str, str, str]]:
    """(command, what is shown, columns of the terminal it was shown in)."""
    found = EXAMPLE.findall((ROOT / name).read_text(encoding="utf-8"))
    quick = "fixtures/kernels/", "launch.h"  # the header's line is held by tests/test_callers.py
    return [(command, shown, columns) for command, shown in found if quick[0] in command and quick[1] not in command]


EXAMPLES = [*examples("docs/cpp.md", "100"), *examples("README.md", "80")]


@pytest.mark.parametrize(("command", "shown", "columns"), EXAMPLES, ids=[one[0] for one in EXAMPLES])
def test_the_page_shows_what_is_printed(
    command: str, shown: str, columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", columns)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    main(shlex.split(command))
    out, err = capsys.readouterr()
    printed = (out + err).splitlines()
    at = 0
    for line in shown.splitlines():
        if line != "…":
            assert line in printed[at:], line
            at = printed.index(line, at) + 1


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5
