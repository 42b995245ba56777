"""The report for people: one finding, in full, as a kernel author should meet it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from syncheck.finding import FileReport, Finding, Label, Pair, Report
from syncheck.reporters.chain import chain_lines
from syncheck.reporters.entries import standing
from syncheck.reporters.label_rows import KEY, action, key, label_lines, place
from syncheck.reporters.picture import picture_lines
from syncheck.reporters.styled import Line, Page, Piece, flowed, hanging, line_width, plain, printed
from syncheck.reporters.verdict import clean_line, closing, path_column, total

PROSE = 110
"""Cells after which sentences are wrapped on wide terminals too."""
FURTHER = 5
"""How many further pairs of one cause are listed."""
MOST_PLACES = 24
"""How many further places are listed that are nothing but a line."""


ROOM = 44
"""Cells that the text of a warning needs to say something."""


def render(
    report: Report,
    width: int,
    color: bool,
    verbose: bool = False,
    hyperlinks: bool = False,
    ascii: bool = False,
) -> str:
    """The report in lines of at most `width` cells (at least 40). `ascii`: no other characters.

    `hyperlinks`: absolute paths become OSC 8 links (only with `color`).
    """
    page = Page(max(width, 40), ascii, verbose or report.verbose, hyperlinks and color)
    return printed(_report(report, page), color)


def _report(report: Report, page: Page) -> Iterator[Line]:
    findings = [_findings(file, page) for file in report.files]
    clean = [file for file, lines in zip(report.files, findings, strict=True) if not lines]
    column = path_column(clean, page)
    for number, (file, lines) in enumerate(zip(report.files, findings, strict=True)):
        if number and (lines or findings[number - 1]):
            yield ()
        yield from lines
        yield from closing(file, page) if lines else clean_line(file, page, column)
    if len(findings) > 1:
        yield ()
        yield from total(report, page)


def _findings(file: FileReport, page: Page) -> list[Line]:
    """What stands above the closing line, ended by an empty line; nothing for a clean file."""
    in_full = ("error", "warning") if page.verbose else ("error",)
    in_short = ("info",) if page.verbose else ("warning",)
    found = list(standing(file.findings))
    lines = [line for finding in found if finding.severity in in_full for line in (*_finding(finding, page), ())]
    short = [line for finding in found if finding.severity in in_short for line in _short(finding, page)]
    return [*lines, *short, ()] if short else lines


def _short(finding: Finding, page: Page) -> list[Line]:
    """One line, cut where the page ends (--verbose has all of it); the path goes first, it stands in the closing
    line."""
    if page.verbose:
        return _unfolded(finding, page)
    where = finding.primary.span
    heads: list[Line] = [(*_rule(finding, 7), *place(finding.primary, page), Piece("  "))]
    heads += [(*_rule(finding, 7), Piece(page.clean(f"{name}:{where.line}  "))) for name in _names(where.path)]
    head = next((h for h in heads if page.width - line_width(h) >= ROOM), heads[-1])
    room = page.width - line_width(head)
    if room < ROOM // 2:
        return _unfolded(finding, page)
    title = page.clean(finding.title)
    whole = page.clean(f"{title} ({finding.where})") if finding.where else title
    return [(*head, Piece(whole if cell_len(whole) <= room else _cut(title, room, page)))]


def _names(path: str) -> tuple[str, str]:
    return path.rpartition("/")[2], ""


def _cut(text: str, room: int, page: Page) -> str:
    if cell_len(text) <= room:
        return text
    dots = page.sign("…", "...")
    kept = ""
    for word in text.split(" "):
        longer = f"{kept} {word}" if kept else word
        if cell_len(longer) + len(dots) + 1 > room:
            break
        kept = longer
    return f"{kept} {dots}"


def _unfolded(finding: Finding, page: Page) -> list[Line]:
    where = finding.primary.span
    spot = place(finding.primary, page)
    head = (*_rule(finding, 7), *spot)
    text = f"{finding.title} ({finding.where})" if finding.where else finding.title
    if line_width(head) + 22 > page.width or not where.path:
        return [*flowed([_rule(finding, 7)[:-1], spot], page.width, 4, 1), *hanging((Piece(" " * 4),), text, page, 4)]
    return hanging((*head, Piece("  ")), text, _prose(page), 16)


def _rule(finding: Finding, pad: int = 0) -> Line:
    gap = " " * (max(pad - len(finding.severity), 0) + 2)
    return (Piece(finding.rule, "key"), Piece(" "), Piece(finding.severity, finding.severity), Piece(gap))


def _prose(page: Page) -> Page:
    return Page(min(page.width, PROSE), page.ascii, page.verbose, page.hyperlinks)


def _finding(finding: Finding, page: Page) -> list[Line]:
    sections = [
        _head(finding, page),
        label_lines(finding, page),
        picture_lines(finding.picture, _later(finding.primary), page) if finding.picture else [],
        chain_lines(finding.chain, page),
        [*_reasons(finding, page), *_also(finding, page), *_more(finding, page)],
    ]
    lines: list[Line] = []
    for section in sections:
        lines += [(), *section] if lines and section else section
    return lines


def _head(finding: Finding, page: Page) -> list[Line]:
    rule = _rule(finding)
    lines = hanging(rule, finding.title, _prose(page), line_width(rule), "key")
    if not finding.where:
        return lines
    where = page.clean(f"({finding.where})")
    if line_width(lines[-1]) + 3 + cell_len(where) <= page.width:
        return [*lines[:-1], (*lines[-1], Piece("   "), Piece(where))]
    return [*lines, *hanging((Piece(" " * line_width(rule)),), where, _prose(page), line_width(rule))]


def _later(label: Label) -> str:
    verb = {"read": "reads", "write": "writes"}.get(label.access, "starts")
    if label.region is None:
        return verb
    base = f"{label.region.symbol} + " if label.region.symbol else ""
    return f"{verb} {base}0x{label.region.start:x}"


def _reasons(finding: Finding, page: Page) -> Iterator[Line]:
    yield from _section("why", finding.why, page)
    if finding.parameters:
        yield from _section("with", [f"{_values(finding.parameters)} (the smallest)"], page)
    yield from _section("order", finding.order, page)


def _values(parameters: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in parameters)


def _section(name: str, sentences: Sequence[str], page: Page) -> Iterator[Line]:
    bullet = (Piece(page.sign("• ", "- ")),) if len(sentences) > 1 else ()
    for number, sentence in enumerate(sentences):
        head = (*(key(name) if not number else plain(" " * KEY)), *bullet)
        yield from hanging(head, sentence, _prose(page), KEY + line_width(bullet))


def _also(finding: Finding, page: Page) -> Iterator[Line]:
    further = finding.pairs[1:]
    if len(further) > 1 and all(_bare(pair, finding) for pair in further):
        places = ", ".join(_line(pair.primary, finding.primary) for pair in further[:MOST_PLACES])
        more = f" and {len(further) - MOST_PLACES} more" if len(further) > MOST_PLACES else ""
        yield from hanging(key("also"), places + more, _prose(page), KEY)
        return
    shown = further[: FURTHER if len(further) > FURTHER + 1 else len(further)]
    for number, pair in enumerate(shown):
        head = key("also") if not number else plain(" " * KEY)
        yield from hanging(head, _pair(pair, finding, page), page, KEY + 2)
    if len(further) > len(shown):
        rest = f"and {len(further) - len(shown)} more (--format json lists all)"
        yield from hanging(plain(" " * KEY), rest, page, KEY)


def _pair(pair: Pair, finding: Finding, page: Page) -> str:
    first = finding.primary
    parts = [_access(pair.primary, first)]
    if pair.secondary is not None:
        parts += [page.sign("↔", "<->"), _access(pair.secondary, first)]
    if pair.parameters and pair.parameters != finding.parameters:
        parts.append(f"with {_values(pair.parameters)}")
    return " ".join(parts)


def _bare(pair: Pair, finding: Finding) -> bool:
    """Whether a pair says nothing but a line beside what its finding says."""
    mine, first = pair.primary, finding.primary
    same = (mine.core, mine.pipe, action(mine)) == (first.core, "", "") and pair.parameters == finding.parameters
    return pair.secondary is None and same


def _line(label: Label, first: Label) -> str:
    path = "" if label.span.path == first.span.path else label.span.path
    return f"{path}:{label.span.line}"


def _access(label: Label, first: Label) -> str:
    return " ".join(filter(None, (_line(label, first), label.core, label.pipe, action(label))))


def _more(finding: Finding, page: Page) -> list[Line]:
    commands = [f"syncheck explain {finding.rule}"]
    accesses = [label for label in finding.labels[:2] if label.role != "note" and label.pipe]
    if len(accesses) == 2 and not finding.chain:
        places = (f"{path}:{line}" for path, line in (label.span.home for label in reversed(accesses)))
        commands.append(f"syncheck why {' '.join(map(shlex.quote, places))}")
    script = finding.primary.span.home[0]
    if finding.witness is not None and script.endswith(".sync"):
        commands.append(f"syncheck run {shlex.quote(script)} --schedule witness")
    separator = page.sign(" · ", " | ")
    if KEY + cell_len(separator.join(commands)) <= page.width:
        commands = [separator.join(commands)]
    lines: list[Line] = []
    for number, command in enumerate(commands):
        lines += hanging(key("more") if not number else plain(" " * KEY), command, page, KEY + 2)
    return lines
