"""Which kernels include a header: a changed header is checked through them, changed themselves or not."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from syncheck.frontends.cpp.headers import LIBRARY, UNREAD

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
    """The kernels that include a header, itself or through other headers, the nearest first; `whole`: the search saw
    every file under `root`. `unread`: how many more do so only through headers of the tile library, whose text is not
    read."""

    kernels: tuple[str, ...]
    root: str
    whole: bool = True
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Chosen:
    """The paths to check, a note on each header among those given, and of headers that were not checked through all
    kernels that include them: path and reason."""

    paths: list[str]
    notes: list[str]
    partly: list[tuple[str, str]]


@dataclass(slots=True)
class _Tree:
    """The sources under one folder: who includes whom, by absolute path, and whether that text is left out where a
    kernel is read."""

    includers: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)
    whole: bool = True


class Callers:
    """Searches the repository a header is in; each repository is read once. `skipped` says which paths are not ours
    to check, `folders` in which the library's headers are read (--include)."""

    def __init__(self, skipped: Callable[[str], bool], folders: Sequence[str] = ()) -> None:
        self._skipped = skipped
        self._folders = tuple(os.path.abspath(folder) + os.sep for folder in folders)
        self._trees: dict[str, _Tree] = {}

    def of(self, header: str) -> Found:
        place = os.path.abspath(header)
        root = repository(place)
        if root not in self._trees:
            self._trees[root] = self._read(root)
        tree = self._trees[root]
        every = _reaching(tree, place, library=True)
        read = every if place.startswith(self._folders) else _reaching(tree, place, library=False)
        fifos = place.startswith(self._folders)  # what is read there matters to them
        order = sorted(read, key=lambda one: (fifos and not _has_fifo(one), -_shared(place, one), one))
        return Found(tuple(order), root, tree.whole, len(every) - len(read))

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
                left_out = written.startswith(LIBRARY)
                for header in known.meant(path, written):
                    tree.includers.setdefault(header, []).append((path, left_out or UNREAD in header))
        return tree

    def _walk(self, folder: str) -> Iterator[str]:
        for place, folders, names in os.walk(folder):
            kept = [name for name in folders if not name.startswith(".") and not self._skipped(f"{place}/{name}")]
            folders[:] = sorted(kept)
            for name in sorted(names):
                path = os.path.join(place, name)
                if name.lower().endswith(HEADERS + KERNELS) and not self._skipped(path):
                    yield path


def _reaching(tree: _Tree, header: str, *, library: bool) -> set[str]:
    """The kernels that include a header; with `library` also by way of what is left out."""
    seen, waiting, kernels = {header}, [header], set[str]()
    while waiting:
        for includer, left_out in tree.includers.get(waiting.pop(), ()):
            if includer in seen or (left_out and not library):
                continue
            seen.add(includer)
            if includer.lower().endswith(HEADERS):
                waiting.append(includer)
            else:
                kernels.add(includer)
    return kernels


def _shared(one: str, other: str) -> int:
    """How many folders two paths begin with."""
    return len(os.path.commonpath([one, other]).split(os.sep))


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


def with_callers(
    paths: Iterable[str], skipped: Callable[[str], bool], most: int | None = None, folders: Sequence[str] = ()
) -> Chosen:
    """The paths with the kernels that include it in the place of each header: the `most` nearest ones, or all. A header
    that is a kernel itself stays."""
    callers = Callers(skipped, folders)
    chosen = Chosen([], [], [])
    for path in paths:
        if not path.lower().endswith(HEADERS) or not os.path.isfile(path):
            chosen.paths.append(path)
            continue
        found = callers.of(path)
        own = _has_entry(path)
        kernels = found.kernels[:most]
        chosen.paths.extend([path] if own else [])
        chosen.paths.extend(_like(path, kernel) for kernel in sorted(kernels))
        if found.kernels or found.unread or not own:
            chosen.notes.append(_note(path, found, kernels))
        if reason := _left(found, kernels):
            chosen.partly.append((path, reason))
    return chosen


def _left(found: Found, kernels: Sequence[str]) -> str:
    """Why a header was not checked through all kernels that include it, "" if it was."""
    reasons = []
    if len(kernels) < len(found.kernels):
        count = len(found.kernels)
        reasons.append(f"{len(kernels)} of {count} kernels checked, --callers all for the rest")
    if found.unread:
        reasons.append(f"for {found.unread} kernels its text is built in, not read")
    return "; ".join(reasons)


def _kernels(count: int) -> str:
    return "the kernel that includes it" if count == 1 else f"the {count} kernels that include it"


def _has_entry(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return _ENTRY.search(stream.read(LARGEST)) is not None
    except OSError:
        return False


def _has_fifo(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return b"TPipe" in stream.read(LARGEST)
    except OSError:
        return False


def _like(given: str, place: str) -> str:
    """An absolute path as the user would write it who wrote `given`."""
    return place if os.path.isabs(given) else os.path.relpath(place)


def _note(path: str, found: Found, kernels: Sequence[str]) -> str:
    count = len(found.kernels)
    partly = "" if found.whole else f"; only the first {MOST_FILES:,} source files of {found.root} were searched"
    if found.unread:
        partly = (
            f"; not through {_kernels(found.unread)} by way of the tile library: what that does is built in, its text "
            f"is not read (for FIFOs it is where --include names it){partly}"
        )
    if not count:
        none = "no kernel includes it" if not found.unread else "no kernel is read with it"
        return f"{path}: {none}, so nothing of it is checked{partly}"
    named = ", ".join(_like(path, kernel) for kernel in kernels[:SHOWN])
    more = f" and {len(kernels) - SHOWN} more" if len(kernels) > SHOWN else ""
    if len(kernels) < count:
        through = f"{len(kernels)} of {_kernels(count)}, the nearest first (--callers all checks every one)"
        return f"{path}: checked through {through}{': ' + named + more if named else ''}{partly}"
    return f"{path}: checked through {_kernels(count)}, {named}{more}{partly}"
