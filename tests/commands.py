"""The command line in a process of its own, and a `check` that finds exactly what the comments of a script announce."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from syncheck.check import Settings
from syncheck.finding import FileReport, Finding, Label
from syncheck.source import Span

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from syncheck.cli import main; sys.exit(main())",
]
SEVERITY = {"BAR001": "warning", "FLG003": "warning", "SUP001": "warning", "REL001": "info", "SUR001": "info"}


def command(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """The `syncheck` command in a process of its own."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, **more)


def announced(text: str, path: str, settings: Settings) -> FileReport:
    """A report with one finding for each `// expect: RULE`, for tests of what the command line makes of findings."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        marks = re.search(r"// expect: (.*)", line)
        for rule in marks[1].split(",") if marks else []:
            found.append(_finding(rule.strip(), Span(path, number, 1, 0, line)))
    return FileReport(
        path, "refuted" if found else "proved", settings.machine.name, findings=tuple(found), seconds=0.01
    )


def _finding(rule: str, span: Span) -> Finding:
    label = Label("primary", span, "AIV0", "V", "vadd")
    return Finding(rule, SEVERITY.get(rule, "error"), f"{rule} here", f"{rule} at {span}.", (label,))
