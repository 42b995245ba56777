"""The text report: within its width, on one line where there is nothing to say, safe for a terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import picture_samples as pictures
import pytest
import report_samples as samples
from golden_file import assert_golden
from rich.cells import cell_len

from syncheck.finding import FileReport, Report
from syncheck.reporters import render
from syncheck.reporters.excerpt import excerpt
from syncheck.reporters.label_rows import frames_in_words
from syncheck.reporters.picture import picture_lines
from syncheck.reporters.styled import Page, printed, wrap
from syncheck.source import Span

REPORTS = {"race": samples.race_only(), "all": samples.everything(), "nasty": samples.nasty()}
_ESCAPES = re.compile(r"\x1b\[[\d;]*m|\x1b\]8;;[^\x1b]*\x1b\\")


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [40, 47, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("ascii", [False, True])
def test_no_line_is_wider_than_the_page(name: str, width: int, ascii: bool) -> None:
    for line in render("text", REPORTS[name], width=width, verbose=True, ascii=ascii).splitlines():
        assert cell_len(line) <= width
        assert line == line.rstrip()


@pytest.mark.parametrize("name", REPORTS)
def test_colour_changes_no_text(name: str) -> None:
    colored = render("text", REPORTS[name], color=True, hyperlinks=True)
    assert "\x1b[" in colored
    assert _ESCAPES.sub("", colored) == render("text", REPORTS[name])


def test_nothing_from_a_kernel_reaches_the_terminal_as_a_command() -> None:
    text = render("text", samples.nasty())
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", text)
    assert "[bold]x[/bold]" in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_clean_kernel_is_one_line(width: int) -> None:
    report = Report((replace(samples.PROVED, findings=(samples.remark(), samples.suppressed())),))
    assert render("text", report, width=width).count("\n") == 1


def test_a_refuted_file_without_an_error_above_it_says_why() -> None:
    quiet = FileReport("k.sync", "refuted", findings=(samples.suppressed(),))
    both = FileReport("k.sync", "refuted", findings=(samples.suppressed(), samples.known()))
    loud = FileReport("l.sync", "refuted", findings=(samples.pij_race(), samples.suppressed()))
    assert render("text", Report((quiet,))) == "k.sync  refuted (its error is suppressed)\n"
    assert render("text", Report((both,))) == "k.sync  refuted (all 2 errors suppressed or in the baseline)\n"
    every = render("text", Report((quiet, quiet, loud)))
    assert "3 files: 3 refuted (2 with all errors suppressed)   1 race" in every


def test_clean_files_are_aligned() -> None:
    files = (FileReport("a.sync", "proved"), FileReport("longer.sync", "proved"))
    lines = render("text", Report(files)).splitlines()
    assert lines == ["a.sync       proved", "longer.sync  proved", "", "2 files: 2 proved"]


def test_further_pairs_are_counted_once_there_are_many() -> None:
    seven = render("text", Report((samples.refuted(samples.many_pairs(7)),)))
    eight = render("text", Report((samples.refuted(samples.many_pairs(8)),)))
    assert "more (--format" not in seven
    assert "and 2 more (--format json lists all)" in eight


def test_links_only_for_absolute_paths_and_only_in_colour() -> None:
    finding = samples.warning()
    label = replace(finding.labels[0], span=replace(finding.labels[0].span, path="/k/a b.sync"))
    report = Report((FileReport("k", "bounded", findings=(replace(finding, labels=(label,)),)),))
    assert "\x1b]8;;file:///k/a%20b.sync\x1b\\" in render("text", report, color=True, hyperlinks=True)
    assert "\x1b" not in render("text", report, hyperlinks=True)


def test_plain_text_does_not_import_the_console() -> None:
    code = (
        "import sys; from syncheck.finding import Report, FileReport; from syncheck.reporters import render;"
        "render('json', Report((FileReport('k', 'proved'),))); assert 'rich' not in sys.modules;"
        "render('text', Report((FileReport('k', 'proved'),))); assert 'rich.console' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (("block i=1", "aiv_sf_step@607"), "block i=1, in aiv_sf_step called at 607"),
        (("sf_step@607 i=1",), "in sf_step called at 607, i=1"),
        (("", "i=0"), "i=0"),
        ((), ""),
    ],
)
def test_frames_in_words(frames: tuple[str, ...], words: str) -> None:
    assert frames_in_words(frames) == words


@pytest.mark.parametrize(
    ("text", "column", "end", "width", "expected"),
    [
        ("abc def", 5, 8, 40, ("abc def", "    ^^^")),
        ("\tabc", 2, 5, 40, ("    abc", "    ^^^")),
        ("            abc", 13, 16, 40, ("    abc", "    ^^^")),
        ("数据 abc", 4, 7, 40, ("数据 abc", "     ^^^")),
        ("f(数据)", 3, 5, 40, ("f(数据)", "  ^^^^")),
        ("abc", 9, 0, 40, ("abc", "   ^")),
        ("abc", 2, 0, 40, ("abc", " ^")),
        ("a" * 30 + "X" + "b" * 30, 31, 32, 32, ("…aaaaaaaaaaaaXbbbbb…", "             ^")),
    ],
)
def test_excerpt(text: str, column: int, end: int, width: int, expected: tuple[str, str]) -> None:
    lines = printed(excerpt(Span("k", 7, column, end, text), Page(width), "later"), False).splitlines()
    assert lines == [f"        7 │ {expected[0]}", f"          │ {expected[1]}"]


def test_wrap_keeps_parentheses_together() -> None:
    assert wrap("call set_flag(V, MTE3, 0) now", 20) == ["call", "set_flag(V, MTE3, 0)", "now"]
    assert wrap("f(aaaa, bbbb) x", 8) == ["f(aaaa,", "bbbb) x"]
    assert wrap("", 8) == []


@pytest.mark.parametrize("name", pictures.CASES)
@pytest.mark.parametrize("ascii", [False, True])
@pytest.mark.parametrize("width", [24, 40, 60, 80])
def test_pictures_fit(name: str, ascii: bool, width: int) -> None:
    lines = printed(picture_lines(pictures.CASES[name], "writes 0x40", Page(width, ascii)), False).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert not ascii or all(line.isascii() for line in lines)


def test_pictures() -> None:
    drawn = [
        f"{name}\n\n{printed(picture_lines(picture, 'writes 0x40', Page(80)), False)}\n"
        for name, picture in pictures.CASES.items()
    ]
    assert_golden("pictures.txt", "".join(drawn))
