"""The closing line of a file and the total: what was shown, what was covered, what was left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len

from syncheck.finding import FileReport, Finding, Report
from syncheck.reporters.entries import standing
from syncheck.reporters.styled import Line, Page, Piece, hanging, line_width, plain
from syncheck.source import ASSUMED

VERDICTS = ("proved", "refuted", "bounded", "unreadable")
_INDENT = 4
_RACES = ("RAW", "WAR", "WAW", "BAR")
_COMPARED = re.compile(r"(<=|>=|==|<|>)\s*(.+)")


def closing(file: FileReport, page: Page) -> list[Line]:
    """As many lines as it takes."""
    return _closing(file, page, 0, _cells(file, page))


def path_column(files: Sequence[FileReport], page: Page) -> int:
    """The width that the paths of these clean files are padded to: 0 if that would cost one of them its line."""
    column = max((cell_len(page.clean(file.path)) for file in files), default=0)
    fits = all(len(_closing(file, page, column, _brief(_cells(file, page)))) == 1 for file in files)
    return column if fits else 0


def clean_line(file: FileReport, page: Page, column: int) -> list[Line]:
    """The closing of a file with nothing above it: one line, at the price of the time and the pairs."""
    full = _cells(file, page)
    brief = _brief(full)
    for cells in (full, brief, brief[:-1], brief[:1]):
        lines = _closing(file, page, column, cells)
        if len(lines) == 1:
            return lines
    return _closing(file, page, 0, full)


def _brief(cells: Sequence[str]) -> list[str]:
    return [cell.replace("conflicting ", "") for cell in cells]


def _cells(file: FileReport, page: Page) -> list[str]:
    cells = (_domain(file), _silenced(file), _reason(file), _assumed(file), *_counts(file, page))
    return [" ".join(cell.split()) for cell in cells if cell]


def _closing(file: FileReport, page: Page, column: int, cells: Sequence[str]) -> list[Line]:
    path = page.clean(file.path)
    name: Line = (Piece(path, "key"), Piece(" " * max(column - cell_len(path), 0) + "  "))
    above: list[Line] = []
    if line_width(name) + len(file.verdict) > page.width:
        *above, last = hanging((), path, page, 0, "key")
        name = (*last, Piece("  "))
    head: Line = (*name, Piece(file.verdict, "bounded" if _silenced(file) else file.verdict))
    if line_width(head) > page.width:
        above, head = [*above, name], (Piece(" " * _INDENT), head[-1])
    return [*above, *_flowing(head, [page.clean(cell) for cell in cells], page)]


def _flowing(head: Line, texts: Sequence[str], page: Page) -> list[Line]:
    """`head` and the texts, three spaces apart; a text that is longer than a line is wrapped."""
    lines = [head]
    for text in texts:
        gap = " " if text.startswith(("for ", "(")) else "   "
        if line_width(lines[-1]) + len(gap) + cell_len(text) <= page.width:
            lines[-1] = (*lines[-1], Piece(gap + text))
        else:
            lines += hanging(plain(" " * _INDENT), text, page, _INDENT)
    return lines


def _reason(file: FileReport) -> str:
    if not file.reason or file.verdict != "bounded":
        return file.reason
    least = ", ".join(f"{name} = {value}" for name, value in file.cut)
    return f"({file.reason}; the smallest case left open is {least})" if least else f"({file.reason})"


def _silenced(file: FileReport) -> str:
    """Of a refuted file: why nothing stands above its closing line, "" if an error does. It stays refuted: that
    somebody has looked at the error is no proof."""
    errors = [finding for finding in file.findings if finding.severity == "error"]
    if file.verdict != "refuted" or not errors or any(standing(errors)):
        return ""
    how = _how(errors)
    return f"(its error is {how})" if len(errors) == 1 else f"(all {len(errors)} errors {how})"


def _how(errors: Sequence[Finding]) -> str:
    ways = {"suppressed" if finding.suppressed else "in the baseline" for finding in errors}
    return " or ".join(sorted(ways, reverse=True))


def _domain(file: FileReport) -> str:
    if file.verdict != "proved" or not file.parameters:
        return ""
    return "for " + ", ".join(f"{name} {_compared(domain)}" for name, domain in file.parameters)


def _assumed(file: FileReport) -> str:
    """What a proof rests on beside the text: each kind once, with its first line."""
    if file.verdict != "proved":
        return ""
    said: dict[str, list[int]] = {}
    for one in file.assumed:
        said.setdefault(ASSUMED[one.kind], []).append(one.span.line)
    shown = [f"{kind}:{min(lines)}" + (f" (+{len(lines) - 1})" if lines[1:] else "") for kind, lines in said.items()]
    return f"assuming {', '.join(shown)}" if shown else ""


def _compared(domain: str) -> str:
    """What follows a parameter's name: ">= 1", "in {64, 128}", "= 2"."""
    domain = domain.strip()
    match = _COMPARED.fullmatch(domain)
    if match:
        return f"{match[1]} {match[2]}"
    return f"in {domain}" if domain.startswith(("{", "[")) or ".." in domain else f"= {domain}"


def _counts(file: FileReport, page: Page) -> Iterator[str]:
    found = list(standing(file.findings))
    yield from _errors([finding for finding in found if finding.severity == "error"])
    if file.ordered:
        yield f"{_plural(file.ordered, 'conflicting pair')} ordered"
    warnings = sum(finding.severity == "warning" for finding in found)
    if warnings:
        yield _plural(warnings, "warning")
    remarks = sum(finding.severity == "info" for finding in found)
    if remarks:
        hint = f" (--verbose shows {'it' if remarks == 1 else 'them'})"
        yield f"{remarks} info" + ("" if page.verbose else hint)
    told = bool(_silenced(file))
    yield from _left_out(finding for finding in file.findings if not (told and finding.severity == "error"))
    yield from _seconds(file.seconds)


def _errors(errors: Sequence[Finding]) -> Iterator[str]:
    kinds = Counter(_kind(finding) for finding in errors)
    for kind in ("race", "deadlock", "error"):
        mine = [finding for finding in errors if _kind(finding) == kind]
        places = sum(max(len(finding.pairs), 1) for finding in mine)
        if mine:
            yield _plural(kinds[kind], kind) + (f" ({places} places)" if places > len(mine) else "")


def _kind(finding: Finding) -> str:
    if finding.rule.startswith(_RACES):
        return "race"
    return "deadlock" if finding.rule.startswith("DLK") else "error"


def _left_out(findings: Iterable[Finding]) -> Iterator[str]:
    findings = tuple(findings)
    suppressed = sum(finding.suppressed for finding in findings)
    known = sum(finding.baseline and not finding.suppressed for finding in findings)
    if suppressed:
        yield f"{suppressed} suppressed"
    if known:
        yield f"{known} in the baseline"


def _seconds(seconds: float) -> Iterator[str]:
    # 0 is "not measured": a report that must be the same every time leaves the time out.
    if seconds:
        yield f"{seconds:.2f} s"


def total(report: Report, page: Page) -> list[Line]:
    """The line under several files."""
    verdicts = Counter(file.verdict for file in report.files)
    silenced = [file for file in report.files if _silenced(file)]
    count = "" if len(silenced) == verdicts["refuted"] else f"{len(silenced)} with "
    how = _how([finding for file in silenced for finding in file.findings if finding.severity == "error"])
    beside = {"refuted": f" ({count}all errors {how})" if silenced else ""}
    named = [f"{verdicts[one]} {one}{beside.get(one, '')}" for one in VERDICTS if verdicts[one]]
    cells = [f"{_plural(len(report.files), 'file')}: {', '.join(named)}"]
    cells += _errors([finding for finding in standing(report.findings) if finding.severity == "error"])
    if report.count("warning"):
        cells.append(_plural(report.count("warning"), "warning"))
    if report.count("info"):
        cells.append(f"{report.count('info')} info")
    cells += [*_left_out(report.findings), *_seconds(sum(file.seconds for file in report.files))]
    *above, last = hanging((), cells[0], page, _INDENT, "key")
    return [*above, *_flowing(last, cells[1:], page)]


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
