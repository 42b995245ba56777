"""`--format github`: workflow commands that annotate the changed lines."""

from __future__ import annotations

from syncheck.finding import FileReport, Finding, Report
from syncheck.reporters.entries import further, readable, standing, unexplained
from syncheck.source import Span

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report) -> str:
    return "".join(f"{line}\n" for file in report.files for line in _lines(file))


def _lines(file: FileReport) -> list[str]:
    lines = [_annotation(finding) for finding in standing(file.findings)]
    if unexplained(file):
        lines.append(_command("error", (("file", _path(file.path)), ("title", "unreadable")), file.reason))
    return lines


def _annotation(finding: Finding) -> str:
    message = "\n".join((finding.message + further(finding), *finding.why, *finding.chain, *finding.order))
    title = ("title", f"{finding.rule} {finding.title}")
    return _command(_COMMANDS[finding.severity], (*_place(finding.primary.span), title), message)


def _place(span: Span) -> list[tuple[str, str]]:
    place = [("file", _path(span.path)), ("line", str(max(span.line, 1))), ("col", str(max(span.column, 1)))]
    # GitHub takes endColumn for inclusive.
    return [*place, ("endColumn", str(span.end_column - 1))] if span.end_column > span.column else place


def _path(path: str) -> str:
    return path.replace("\\", "/").removeprefix("./")


def _command(name: str, properties: tuple[tuple[str, str], ...], message: str) -> str:
    shown = ",".join(f"{key}={_escaped(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties)
    return f"::{name} {shown}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return readable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
