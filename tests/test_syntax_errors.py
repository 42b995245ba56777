"""Malformed scripts get the message they deserve, at the place they deserve.

A file of fixtures/syntax says in `// says: line:column: message` comments at its end what it is told, `expected.txt`
does so for the files that cannot say it themselves.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from syncheck.frontends.script import LARGEST, LONGEST_LINE, decode, parse
from syncheck.source import Problem

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "syntax"
SCRIPTS = sorted(FOLDER.glob("*.sync"))


def told(path: Path) -> list[str]:
    text = decode(path.read_bytes(), path.name)
    problems = (text,) if isinstance(text, Problem) else parse(text, path.name).problems
    return [f"{one.span.home[1]}:{one.span.column}: {one.message}" for one in problems]


def deserved(path: Path) -> list[str]:
    sidecar = (FOLDER / "expected.txt").read_text(encoding="utf-8").splitlines()
    beside = [line.split("\t")[1] for line in sidecar if line.split("\t")[0] == path.name]
    return beside + re.findall(r"^// says: (.*)$", path.read_bytes().decode("utf-8", "replace"), re.MULTILINE)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_message(path: Path) -> None:
    assert deserved(path), "the fixture says nothing"
    assert told(path) == deserved(path)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_problem_says_what_was_expected(path: Path) -> None:
    text = decode(path.read_bytes(), path.name)
    problems = (text,) if isinstance(text, Problem) else parse(text, path.name).problems
    for problem in problems:
        assert problem.expected
        assert "\n" not in problem.message
        assert problem.span.end_column >= problem.span.column


@pytest.mark.parametrize(
    ("statement", "suggestion"),
    [
        ("pipe_barrier(PIPE_VEC);", "PIPE_V"),
        ("pipe_barrier(pipe_mte2);", "PIPE_MTE2"),
        ("set_flag(PIPE_MTE2, PIPE_V, EVENT_ID9);", "EVENT_ID7"),
        ("set_falg(PIPE_MTE2, PIPE_V, 0);", "set_flag"),
        ("if (lane = 0) { }", "=="),
        ("TADDS(acc, 0.5);", "any"),
        ("TADD(acc, aac);", "acc"),
        ("uint23_t x = 0;", "uint32_t"),
        ("instr vadd on PIPE_V raeds UB[0:64];", "reads"),
        ("let x = 017;", "17"),
    ],
)
def test_suggestion(statement: str, suggestion: str) -> None:
    problems = parse(f"tile acc : UB fp32[1, 64] at 0x0; core AIV {{ {statement} }}", "k.sync").problems
    assert [problem.suggestion for problem in problems] == [suggestion]


def test_too_long_a_line_is_one_problem() -> None:
    text = "core AIV { }\n" + "x" * (LONGEST_LINE + 1)
    (problem,) = parse(text, "k.sync").problems
    assert str(problem) == "k.sync:2:1: the line is longer than 1,000,000 characters"
    assert len(problem.span.text) < 1000


def test_too_large_a_file_is_one_problem() -> None:
    problem = decode(b" " * (LARGEST + 1), "k.sync")
    assert str(problem) == "k.sync:1:1: the file is larger than 64 MB"


def test_byte_order_mark_is_no_code() -> None:
    assert decode(b"\xef\xbb\xbfcore AIV { }", "k.sync") == "core AIV { }"
    assert not parse("\ufeffcore AIV { }", "k.sync").problems


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "{" * 10_000,
        "}" * 10_000,
        "core AIV " + "{" * 10_000 + "}" * 10_000,
        "core AIV { let x = " + "(" * 10_000 + "1" + ")" * 10_000 + "; }",
        "core AIV { let x = " + "!" * 10_000 + "1; }",
        "core AIV { let x = " + "1 + " * 10_000 + "1; }",
        "core AIV { let x = " + "1 ? 2 : " * 10_000 + "1; }",
        "core AIV { let x = " + "9" * 10_000 + "; }",
        "core AIV { " + "if (1) " * 3_000 + "; }",
        "core AIV { " + "if (1) { } else " * 3_000 + "; }",
        "core AIV { " * 1_000,
    ],
    ids=lambda text: text[:25],
)
def test_monsters_are_one_problem(text: str) -> None:
    assert len(parse(text, "k.sync").problems) == 1


def test_no_more_than_twenty_mistakes_are_listed() -> None:
    problems = parse("core AIV {\n" + "let = 1;\n" * 100 + "}", "k.sync").problems
    assert len(problems) == 21
    assert any("not read after 20 mistakes" in problem.message for problem in problems)
