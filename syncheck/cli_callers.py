"""Which kernels include a header: a changed header is checked through them, changed themselves or not."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

HEADERS = (".h", ".hpp")
KERNELS = (".cpp", ".cce")
MOST_FILES = 20_000
LARGEST = 4 * 1024 * 1024
"""Bytes: a source file beyond that is not searched for includes."""

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.MULTILINE)
_MARKS = (".git", ".hg", "syncheck.toml")


_ENTRY = re.compile(rb"\b__global__\b|\bkernel_entry\b")
SHOWN = 3
"""How many callers a note names."""


@dataclass(frozen=True, slots=True)
class Found:
    """The kernels that include a header, itself or through other headers, in the order of their names; `whole`: the
    search saw every file under `root`."""

    kernels: tuple[str, ...]
    root: str
    whole: bool = True


@dataclass(slots=True)
class _Tree:
    """The sources under one folder: who includes whom, by absolute path."""

    includers: dict[str, list[str]] = field(default_factory=dict)
    whole: bool = True


class Callers:
    """Searches the repository a header is in; each repository is read once. `skipped` says which paths are not ours
    to check."""

    def __init__(self, skipped: Callable[[str], bool]) -> None:
        self._skipped = skipped
        self._trees: dict[str, _Tree] = {}

    def of(self, header: str) -> Found:
        place = os.path.abspath(header)
        root = repository(place)
        if root not in self._trees:
            self._trees[root] = self._read(root)
        tree = self._trees[root]
        seen, waiting, kernels = {place}, [place], list[str]()
        while waiting:
            for includer in tree.includers.get(waiting.pop(), ()):
                if includer in seen:
                    continue
                seen.add(includer)
                if includer.lower().endswith(HEADERS):
                    waiting.append(includer)
                else:
                    kernels.append(includer)
        return Found(tuple(sorted(kernels)), root, tree.whole)

    def _read(self, root: str) -> _Tree:
        tree = _Tree()
        files: list[str] = []
        for path in self._walk(root):
            if len(files) == MOST_FILES:
                tree.whole = False
                break
            files.append(path)
        known = _Names(files)
        for path in files:
            for written in _includes(path):
                for header in known.meant(path, written):
                    tree.includers.setdefault(header, []).append(path)
        return tree

    def _walk(self, folder: str) -> Iterator[str]:
        for place, folders, names in os.walk(folder):
            kept = [name for name in folders if not name.startswith(".") and not self._skipped(f"{place}/{name}")]
            folders[:] = sorted(kept)
            for name in sorted(names):
                path = os.path.join(place, name)
                if name.lower().endswith(HEADERS + KERNELS) and not self._skipped(path):
                    yield path


class _Names:
    """The files of a repository, found by what an #include says."""

    def __init__(self, files: list[str]) -> None:
        self._files = frozenset(files)
        self._named: dict[str, list[str]] = {}
        for path in files:
            self._named.setdefault(os.path.basename(path), []).append(path)

    def meant(self, includer: str, written: str) -> list[str]:
        """Beside the includer if it is there; else, the include path being unknown, every file whose path ends so."""
        beside = os.path.normpath(os.path.join(os.path.dirname(includer), written))
        if beside in self._files:
            return [beside]
        parts = [part for part in written.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        end = os.sep + os.path.join(*parts) if parts else ""
        return [path for path in self._named.get(parts[-1] if parts else "", ()) if path.endswith(end)]


def repository(path: str) -> str:
    """The folder to search: that of the repository around `path`, without one the folder of `path`."""
    folder = start = os.path.dirname(path)
    while not any(os.path.exists(os.path.join(folder, mark)) for mark in _MARKS):
        parent = os.path.dirname(folder)
        if parent == folder:
            return start
        folder = parent
    return folder


def _includes(path: str) -> list[str]:
    try:
        if os.path.getsize(path) > LARGEST:
            return []
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError:
        return []
    return [found.decode("utf-8", "replace").strip() for found in dict.fromkeys(_INCLUDE.findall(data))]


def with_callers(paths: Iterable[str], skipped: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """The paths with the kernels that include it in the place of each header, and a note on each header. A header
    that is a kernel itself stays."""
    callers = Callers(skipped)
    result: list[str] = []
    notes: list[str] = []
    for path in paths:
        if not path.lower().endswith(HEADERS) or not os.path.isfile(path):
            result.append(path)
            continue
        found = callers.of(path)
        own = _has_entry(path)
        result += [path] if own else []
        result += [_like(path, kernel) for kernel in found.kernels]
        if found.kernels or not own:
            notes.append(_note(path, found))
    return result, notes


def _has_entry(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return _ENTRY.search(stream.read(LARGEST)) is not None
    except OSError:
        return False


def _like(given: str, place: str) -> str:
    """An absolute path as the user would write it who wrote `given`."""
    return place if os.path.isabs(given) else os.path.relpath(place)


def _note(path: str, found: Found) -> str:
    count = len(found.kernels)
    partly = "" if found.whole else f"; only the first {MOST_FILES:,} source files of {found.root} were searched"
    if not count:
        return f"{path}: no kernel includes it, so nothing of it is checked{partly}"
    named = ", ".join(_like(path, kernel) for kernel in found.kernels[:SHOWN])
    more = f" and {count - SHOWN} more" if count > SHOWN else ""
    kernels = "the kernel that includes it" if count == 1 else f"the {count} kernels that include it"
    return f"{path}: checked through {kernels}, {named}{more}{partly}"
