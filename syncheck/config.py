"""What a project's configuration file says: parsed and checked, never searched for or read here.

`[tool.syncheck]` of a pyproject.toml and the whole of a syncheck.toml have the same keys. Unknown keys and wrong types
are errors that name the file, the key and the nearest valid key: a misspelt `igonre` must not quietly change the check.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from syncheck.value import Value, frozen

FORMATS = ("text", "concise", "json", "json-lines", "sarif", "github", "gitlab", "junit")
KEYS = (
    "machine", "options", "define", "select", "ignore", "fail-on", "format",
    "exclude", "baseline", "max-states", "per-file-ignores", "files",
)  # fmt: skip
FILE_KEYS = ("machine", "options", "define")
_SEVERITIES = ("error", "warning", "info")
_NAME = re.compile(r"[A-Za-z_]\w*")
_INTEGER = r"[+-]?(?:0[xX][0-9a-fA-F]+|[0-9]+)"
_VALUE = re.compile(rf"{_INTEGER}|{_INTEGER}\.\.{_INTEGER}|\[{_INTEGER}(?:,{_INTEGER})*,?\]")

Pairs = tuple[tuple[str, str], ...]


class ConfigError(Exception):
    """One line that names the file, the key and what to write instead."""


@frozen
class FileRule(Value):
    """`[files."kernels/*.sync"]`: what holds for the files that match `pattern`, relative to the configuration."""

    pattern: str
    machine: str = ""
    options: Pairs = ()
    define: Pairs = ()


@frozen
class Config(Value):
    """One configuration file. Empty means "not said"; `path` is "" where there is no file at all."""

    path: str = ""
    machine: str = ""
    options: Pairs = ()
    define: Pairs = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str = ""
    format: str = ""
    exclude: tuple[str, ...] = ()
    baseline: str = ""
    max_states: int = 0
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    files: tuple[FileRule, ...] = ()

    def ignored_in(self, path: str) -> tuple[str, ...]:
        """The rules that per-file-ignores switches off in `path` (relative to the configuration, with slashes)."""
        return tuple(rule for pattern, rules in self.per_file_ignores if matches(pattern, path) for rule in rules)

    def rules_for(self, path: str) -> Iterator[FileRule]:
        """The `files` tables that match `path`, in the order of the configuration: later ones win."""
        return (rule for rule in self.files if matches(rule.pattern, path))


def parse(text: str, path: str) -> Config | None:
    """The configuration in `text`; None where a pyproject.toml says nothing about syncheck."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    if path.replace("\\", "/").rpartition("/")[2] != "pyproject.toml":
        return _config(document, path, "")
    tool = document.get("tool", {})
    if not isinstance(tool, dict) or "syncheck" not in tool:
        return None
    return _config(tool["syncheck"], path, "tool.syncheck")


def nearest(word: str, candidates: Iterable[str]) -> str:
    """The candidate most like `word`, "" if none is."""
    found = difflib.get_close_matches(word, sorted(candidates), n=1, cutoff=0.5)
    return found[0] if found else ""


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing."""
    guess = nearest(word, candidates)
    return f"; did you mean {guess!r}?" if guess else ""


def definition(text: str) -> tuple[str, str]:
    """`name=value` of -D: an integer, `LOW..HIGH` or `[A, B]`. Raises ValueError with what was expected."""
    name, equals, value = text.partition("=")
    value = re.sub(r"\s+", "", value)
    if not equals or not _NAME.fullmatch(name.strip()):
        raise ValueError(f"expected name=value, got {text!r}")
    if not _VALUE.fullmatch(value):
        raise ValueError(f"{name.strip()}: expected an integer, LOW..HIGH or [A, B, …], got {value!r}")
    if ".." in value and _integer(value.split("..")[0]) > _integer(value.split("..")[1]):
        raise ValueError(f"{name.strip()}: the range {value} is empty")
    return name.strip(), value


def option(text: str) -> tuple[str, str]:
    """`option=value` of -O. Raises ValueError with what was expected."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise ValueError(f"expected option=value, got {text!r}")
    return name.strip(), value.strip()


def matches(pattern: str, path: str) -> bool:
    """Gitignore-like: `*` stays inside a folder, `**` does not, a folder covers its content, a bare name any depth."""
    return bool(_pattern(pattern).fullmatch(path))


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    body = pattern.removeprefix("./").strip("/")
    anchored = "/" in pattern.removeprefix("./").rstrip("/")
    tokens = re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", body)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    text = "".join(known.get(token) or (token if len(token) > 1 else re.escape(token)) for token in tokens)
    return re.compile(f"{'' if anchored else '(?:.*/)?'}{text}(?:/.*)?", re.DOTALL)


def _integer(text: str) -> int:
    return int(text, 16) if "x" in text.lower() else int(text)


# ---------------------------------------------------------------- from TOML values to a Config


@frozen
class _Table(Value):
    """One TOML table and where it stands, so that every message can name file and key."""

    values: dict[str, Any]
    path: str
    prefix: str

    def fail(self, key: str, message: str) -> ConfigError:
        name = ".".join(part for part in (self.prefix, key) if part)
        return ConfigError(f"{self.path}: {name}: {message}")

    def known(self, keys: Iterable[str]) -> None:
        for key in self.values:
            if key not in keys:
                hint = did_you_mean(key.replace("_", "-"), keys)
                raise self.fail(key, f"unknown key{hint or ' (known: ' + ', '.join(keys) + ')'}")

    def text(self, key: str, choices: tuple[str, ...] = ()) -> str:
        value = self.values.get(key, "")
        if not isinstance(value, str) or (key in self.values and not value):
            raise self.fail(key, f"expected a string, got {_shown(value)}")
        if value and choices and value not in choices:
            raise self.fail(key, f"expected one of {', '.join(choices)}, got {value!r}{did_you_mean(value, choices)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.fail(key, f"expected a list of strings, got {_shown(value)}")
        return tuple(value)

    def count(self, key: str) -> int:
        value = self.values.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.fail(key, f"expected a positive integer, got {_shown(value)}")
        return value if key in self.values else 0

    def table(self, key: str) -> _Table:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.fail(key, f"expected a table, got {_shown(value)}")
        return _Table(value, self.path, ".".join(part for part in (self.prefix, key) if part))


def _config(values: object, path: str, prefix: str) -> Config:
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: {prefix}: expected a table, got {_shown(values)}")
    table = _Table(values, path, prefix)
    table.known(KEYS)
    ignores, files = table.table("per-file-ignores"), table.table("files")
    return Config(
        path=path,
        machine=table.text("machine"),
        options=_options(table),
        define=_definitions(table),
        select=table.texts("select"),
        ignore=table.texts("ignore"),
        fail_on=table.text("fail-on", _SEVERITIES),
        format=table.text("format", FORMATS),
        exclude=table.texts("exclude"),
        baseline=table.text("baseline"),
        max_states=table.count("max-states"),
        per_file_ignores=tuple((pattern, ignores.texts(pattern)) for pattern in ignores.values),
        files=tuple(_file_rule(files, pattern) for pattern in files.values),
    )


def _file_rule(files: _Table, pattern: str) -> FileRule:
    table = files.table(pattern)
    table.known(FILE_KEYS)
    return FileRule(pattern, table.text("machine"), _options(table), _definitions(table))


def _options(table: _Table) -> Pairs:
    options = table.table("options")
    for key, value in options.values.items():
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise options.fail(key, f"expected a string or an integer, got {_shown(value)}")
    return tuple((key, str(value)) for key, value in options.values.items())


def _definitions(table: _Table) -> Pairs:
    define = table.table("define")
    return tuple(_definition(define, key, value) for key, value in define.values.items())


def _definition(define: _Table, key: str, value: object) -> tuple[str, str]:
    try:
        return definition(f"{key}={'' if isinstance(value, bool) else value}")
    except ValueError:
        expected = 'an integer, a list of integers or "LOW..HIGH"'
        raise define.fail(key, f"expected {expected}, got {_shown(value)}") from None


def _shown(value: object) -> str:
    kinds = {bool: "a boolean", str: "a string", dict: "a table", list: "a list"}
    kind = kinds.get(type(value), "a number" if isinstance(value, (int, float)) else f"a {type(value).__name__}")
    return f"{kind} ({value!r})" if isinstance(value, (str, int, float)) else kind
