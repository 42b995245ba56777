"""Configuration files: what they may say, and the line each mistake gets."""

from __future__ import annotations

import pytest

from syncheck.config import FORMATS, Config, ConfigError, FileRule, definition, matches, option, parse
from syncheck.reporters import FORMATS as RENDERED

EVERYTHING = """
machine = "a2a3"
select = ["RAW", "FLG003"]
ignore = ["SUR001"]
fail-on = "warning"
format = "json"
exclude = ["build/**"]
baseline = "syncheck-baseline.json"
max-states = 500
options = { acc_store = "FIX+MTE3", depth = 3 }
define = { n_blocks = 2, total = "1..8", width = [64, 128] }

[per-file-ignores]
"generated/*" = ["REL001"]

[files."a5/*.sync"]
machine = "a5"
define = { n_blocks = 4 }
"""


def parsed(text: str, path: str = "syncheck.toml") -> Config:
    config = parse(text, path)
    assert config is not None
    return config


def test_every_key() -> None:
    assert parsed(EVERYTHING) == Config(
        path="syncheck.toml",
        machine="a2a3",
        options=(("acc_store", "FIX+MTE3"), ("depth", "3")),
        define=(("n_blocks", "2"), ("total", "1..8"), ("width", "[64,128]")),
        select=("RAW", "FLG003"),
        ignore=("SUR001",),
        fail_on="warning",
        format="json",
        exclude=("build/**",),
        baseline="syncheck-baseline.json",
        max_states=500,
        per_file_ignores=(("generated/*", ("REL001",)),),
        files=(FileRule("a5/*.sync", "a5", (), (("n_blocks", "4"),)),),
    )


def test_pyproject_keeps_it_under_tool() -> None:
    text = "[project]\nname = 'x'\n[tool.syncheck]\nfail-on = 'info'\n"
    assert parsed(text, "sub/pyproject.toml").fail_on == "info"
    assert parse("[tool.other]\nx = 1\n", "pyproject.toml") is None
    assert parse("tool = 3\n", "pyproject.toml") is None


MISTAKES = [
    ("igonre = []", "syncheck.toml: igonre: unknown key; did you mean 'ignore'?"),
    ("fail_on = 'error'", "syncheck.toml: fail_on: unknown key; did you mean 'fail-on'?"),
    ("zzz = 1", "syncheck.toml: zzz: unknown key (known: machine, options,"),
    ("select = 'RAW'", "syncheck.toml: select: expected a list of strings, got a string ('RAW')"),
    ("select = [1]", "syncheck.toml: select: expected a list of strings"),
    ("machine = true", "syncheck.toml: machine: expected a string, got a boolean"),
    ("machine = ''", "syncheck.toml: machine: expected a string"),
    ("max-states = true", "syncheck.toml: max-states: expected a positive integer, got a boolean"),
    ("max-states = 0", "syncheck.toml: max-states: expected a positive integer, got a number (0)"),
    (
        "fail-on = 'eror'",
        "syncheck.toml: fail-on: expected one of error, warning, info, got 'eror'; did you mean 'error'?",
    ),
    ("format = 'yaml'", "syncheck.toml: format: expected one of text,"),
    ("options = []", "syncheck.toml: options: expected a table, got a list"),
    ("options = { a = 1.5 }", "syncheck.toml: options.a: expected a string or an integer, got a number (1.5)"),
    ("define = { n = true }", 'syncheck.toml: define.n: expected an integer, a list of integers or "LOW..HIGH"'),
    ("define = { n = 'x' }", "syncheck.toml: define.n: expected an integer"),
    ("define = { n = 2020-01-01 }", "got a date"),
    ("per-file-ignores = { 'a' = 'RAW' }", "syncheck.toml: per-file-ignores.a: expected a list of strings"),
    ("[files.'a']\ndefin = {}", "syncheck.toml: files.a.defin: unknown key; did you mean 'define'?"),
    ("a = ", "syncheck.toml: not valid TOML: "),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_mistakes_name_file_key_and_nearest(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, "syncheck.toml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_mistakes_in_a_pyproject_name_the_table() -> None:
    with pytest.raises(ConfigError, match=r"^pyproject\.toml: tool\.syncheck\.igonre: unknown key"):
        parse("[tool.syncheck]\nigonre = []", "pyproject.toml")
    with pytest.raises(ConfigError, match=r"^pyproject\.toml: tool\.syncheck: expected a table"):
        parse("[tool]\nsyncheck = 1", "pyproject.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n=3", ("n", "3")),
        ("n = -3", ("n", "-3")),
        ("n=0x10", ("n", "0x10")),
        ("n=[1, 3]", ("n", "[1,3]")),
        ("n=1..8", ("n", "1..8")),
        ("n=-2..-1", ("n", "-2..-1")),
    ],
)
def test_definition(text: str, expected: tuple[str, str]) -> None:
    assert definition(text) == expected


@pytest.mark.parametrize("text", ["n", "=3", "n=", "n=x", "n=[]", "n=[1", "n=1..", "n=8..1", "1n=3", "n=1;2", "n=1.5"])
def test_definition_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        definition(text)


def test_option() -> None:
    assert option("acc_store = FIX+MTE3") == ("acc_store", "FIX+MTE3")
    for text in ("acc_store", "=x", "acc_store="):
        with pytest.raises(ValueError):
            option(text)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.sync", "a/b/k.sync", True),
        ("a/*.sync", "a/k.sync", True),
        ("a/*.sync", "a/b/k.sync", False),
        ("a/**/*.sync", "a/k.sync", True),
        ("a/**/*.sync", "a/b/c/k.sync", True),
        ("build", "x/build/k.sync", True),
        ("build/", "build/k.sync", True),
        ("/build", "x/build/k.sync", False),
        ("./build", "build/k.sync", True),
        ("build/**", "build/x/k.sync", True),
        ("k?.sync", "k1.sync", True),
        ("k[12].sync", "k3.sync", False),
        ("a.b", "aXb", False),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


def test_later_file_rules_come_last() -> None:
    config = parsed("[files.'*']\nmachine = 'a2a3'\n[files.'k.sync']\nmachine = 'a5'\n")
    assert [rule.machine for rule in config.rules_for("k.sync")] == ["a2a3", "a5"]
    assert [rule.machine for rule in config.rules_for("j.sync")] == ["a2a3"]


def test_the_formats_are_those_that_can_be_rendered() -> None:
    assert set(FORMATS) == set(RENDERED)
