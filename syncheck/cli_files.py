"""Finding and reading the user's files: scripts, traces, folders, standard input, configuration."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from syncheck.cli_arguments import CommandError, verb_hint
from syncheck.config import Config, ConfigError, matches, parse
from syncheck.value import Value, frozen

SUFFIXES = {".sync": "script", ".jsonl": "trace", ".cpp": "c++", ".cce": "c++", ".h": "c++", ".hpp": "c++"}
UNKNOWN = "neither a C++ kernel (.cpp, .cce), an event script (.sync) nor a trace (.jsonl)"
OTHERS = frozenset({
    ".bat", ".c", ".cc", ".cfg", ".cmake", ".css", ".csv", ".gif", ".go", ".html", ".ini",
    ".ipynb", ".jpeg", ".jpg", ".js", ".json", ".lock", ".log", ".md", ".pdf", ".png", ".py",
    ".pyi", ".rs", ".rst", ".sh", ".svg", ".toml", ".ts", ".txt", ".xml", ".yaml", ".yml",
})  # fmt: skip
"""Files that a pull request changes beside kernels: passed over, and said."""
SKIPPED_FOLDERS = ("node_modules", "__pycache__", "venv")
STDIN = "<stdin>"


class Unreadable(Exception):
    """Why the text of one file cannot be had, in a few words."""


@frozen
class Target(Value):
    """One input. `path`: as the report shows it; `kind`: script, trace, c++ or other; `problem`: why it cannot be
    checked."""

    path: str
    kind: str = ""
    problem: str = ""
    stdin: bool = False

    @property
    def folder(self) -> str:
        """Where the search for its configuration starts."""
        return os.path.dirname(os.path.abspath(self.path)) if self.path != STDIN else os.getcwd()


class Configurations:
    """The configuration of each file: the nearest above it, or the one that --config names for all."""

    def __init__(self, explicit: str = "") -> None:
        self._cache: dict[str, Config | ConfigError] = {}
        self._explicit = _explicit(explicit) if explicit else None

    def above(self, folder: str) -> Config:
        """Raises ConfigError, the same each time, for a file that says something wrong."""
        if self._explicit:
            return self._explicit
        if folder not in self._cache:
            self._cache[folder] = self._found(folder)
        found = self._cache[folder]
        if isinstance(found, ConfigError):
            raise found
        return found

    def _found(self, folder: str) -> Config | ConfigError:
        try:
            here = _config_in(folder)
            parent = os.path.dirname(folder)
            return here or (self.above(parent) if parent != folder else Config())
        except ConfigError as error:
            return error


def root(config: Config) -> str:
    """The folder that the paths and patterns of a configuration are relative to."""
    return os.path.dirname(os.path.abspath(config.path)) if config.path else os.getcwd()


def inside(config: Config, path: str) -> str:
    """`path` relative to the configuration's folder, with slashes."""
    return relative(path, root(config))


def relative(path: str, folder: str) -> str:
    if path == STDIN:
        return path
    return os.path.relpath(os.path.abspath(path), folder).replace(os.sep, "/")


def collect(
    paths: Iterable[str], stdin_filename: str, configurations: Configurations
) -> tuple[tuple[Target, ...], int, int]:
    """Every input once, folders in sorted order; how many C++ files were passed over, for no kernel is in them; how
    many others."""
    targets: dict[str, Target] = {}
    skipped: set[str] = set()
    others: set[str] = set()
    for number, path in enumerate(paths):
        for target in _expand(_tidy(path), stdin_filename, configurations, first=number == 0):
            if target.kind == "other" and not target.stdin:
                others.add(os.path.realpath(target.path))
            elif target.kind == "c++" and not target.stdin and not _has_kernel(target.path, path):
                skipped.add(os.path.realpath(target.path))
            else:
                targets.setdefault(os.path.abspath(target.path), target)
    return tuple(targets.values()), len(skipped), len(others)


def _expand(path: str, stdin_filename: str, configurations: Configurations, first: bool) -> Iterator[Target]:
    if path == "-":
        name = stdin_filename or STDIN
        yield _named(name, stdin=True) if stdin_filename else Target(name, "script", stdin=True)
    elif os.path.isdir(path):
        yield from _walk(path, configurations)
    elif not os.path.exists(path):
        yield Target(path, problem=f"no such file or folder{verb_hint(path) if first else ''}")
    else:
        yield _named(path)


_KERNEL = re.compile(
    rb"__global__|kernel_entry|set_flag|SET_FLAG|pipe_barrier|PIPE_BARRIER|TPUSH|TPOP|TLOAD|TSTORE|ffts_cross_core_sync"
)
_SAID = re.compile(rb'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|' + rb"'(?:[^'\\\n]|\\.)'", re.DOTALL)
"""Comments, strings and characters: a host program may speak of a kernel in them."""


def _has_kernel(path: str, given: str) -> bool:
    """Whether the code of a C++ file says anything that a kernel says; host code beside kernels is none of ours.
    Headers are checked through kernels: of those in a folder none is meant, one that is `given` itself is."""
    if not path.lower().endswith((".cpp", ".cce")) and os.path.isdir(given):
        return False
    try:
        with open(path, "rb") as stream:
            text = stream.read()
            return _KERNEL.search(text) is not None and _KERNEL.search(_SAID.sub(b" ", text)) is not None
    except OSError:
        return True  # told when it is read


def _tidy(path: str) -> str:
    """`./a//b/` is a/b; `..` stays: behind a symbolic link it does not mean what it seems to."""
    return path if not path or ".." in path.split("/") else os.path.normpath(path)


def _named(path: str, stdin: bool = False) -> Target:
    suffix = os.path.splitext(path)[1].lower()
    kind = SUFFIXES.get(suffix, "other" if suffix in OTHERS and not stdin else "")
    return Target(path, kind, stdin=stdin) if kind else Target(path, problem=UNKNOWN)


def _walk(folder: str, configurations: Configurations) -> Iterator[Target]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Target(folder, problem=f"cannot list the folder: {error.strerror}")
        return
    for entry in entries:
        path = os.path.join(folder, entry.name) if folder != "." else entry.name
        if entry.name.startswith(".") or _excluded(path, configurations):
            continue
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in SKIPPED_FOLDERS:
                yield from _walk(path, configurations)
        elif entry.is_file() or (entry.is_symlink() and not os.path.exists(path)):
            kind = SUFFIXES.get(os.path.splitext(entry.name)[1].lower(), "")
            if kind:
                yield Target(path, kind)


def passed_over(path: str, configurations: Configurations) -> bool:
    """Whether a walk through folders leaves this one out."""
    return os.path.basename(path) in SKIPPED_FOLDERS or _excluded(path, configurations)


def _excluded(path: str, configurations: Configurations) -> bool:
    try:
        config = configurations.above(os.path.dirname(os.path.abspath(path)))
    except ConfigError:
        return False  # told when the file is checked
    return any(matches(pattern, inside(config, path)) for pattern in config.exclude)


def text_of(target: Target) -> str:
    """The text of a script. Raises Unreadable or OSError."""
    if target.stdin:
        data = standard_input().read()
    else:
        with open(target.path, "rb") as stream:
            data = stream.read()
    if not data:
        raise Unreadable("the file is empty")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start} (line {line})") from None


def standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise Unreadable("standard input is closed")
    return sys.stdin.buffer


def read_text(path: str, what: str) -> str:
    """A file that the run depends on (configuration, machine, baseline). Raises CommandError."""
    try:
        with open(path, encoding="utf-8-sig") as stream:
            return stream.read()
    except UnicodeDecodeError:
        raise CommandError(f"{path}: the {what} is not UTF-8") from None
    except OSError as error:
        raise CommandError(f"{path}: cannot read the {what}: {error.strerror}") from None


def _explicit(path: str) -> Config:
    try:
        config = parse(read_text(path, "configuration"), path)
    except ConfigError as error:
        raise CommandError(str(error)) from None
    if config is None:
        raise CommandError(f"{path}: no [tool.syncheck] table")
    return config


def _config_in(folder: str) -> Config | None:
    for name in ("syncheck.toml", "pyproject.toml"):
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        try:
            text = read_text(path, "configuration")
        except CommandError as error:
            raise ConfigError(str(error)) from None
        if name == "syncheck.toml" or "syncheck" in text:
            shown = os.path.relpath(path)
            config = parse(text, path if shown.startswith("..") else shown)
            if config:
                return config
    return None
