"""The headers that a C++ kernel includes: beside it, in the folders of --include, or elsewhere in its repository."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from syncheck.cli_callers import repository
from syncheck.frontends.cpp.headers import SUFFIXES, nearest

MOST_HEADERS = 50_000
LARGEST = 4 * 1024 * 1024
_SKIPPED = ("node_modules", "__pycache__", "build", "venv")


_listed: dict[str, tuple[str, ...]] = {}
"""The headers of each repository, listed once for all kernels."""


class Headers:
    """Finds headers for one kernel."""

    def __init__(self, kernel: str, folders: Sequence[str] = ()) -> None:
        self._folders = tuple(folders)
        self._relative = not os.path.isabs(kernel)
        self._root = repository(os.path.abspath(kernel))

    def find(self, name: str, includer: str) -> tuple[str, str] | None:
        """(path, text) of the header that an #include of `name` means; None if there is none to be read."""
        for folder in (os.path.dirname(includer), *self._folders):
            path = os.path.normpath(os.path.join(folder, name))
            if os.path.isfile(path):
                return _read(self._shown(path))
        found = nearest(name, os.path.relpath(os.path.abspath(includer), self._root), self._headers())
        return None if found is None else _read(self._shown(os.path.join(self._root, found)))

    def _shown(self, path: str) -> str:
        """A path as the user would write it who named the kernel so; what is not of its repository stays as it is."""
        mine = os.path.isabs(path) and path.startswith(self._root.rstrip(os.sep) + os.sep)
        return os.path.relpath(path) if self._relative and mine else path

    @property
    def library(self) -> Callable[[str], tuple[str, str] | None] | None:
        """Finds a header of the tile library in the folders of --include, and there only; None without any."""
        return self._of_folders if self._folders else None

    def _of_folders(self, name: str) -> tuple[str, str] | None:
        paths = (os.path.normpath(os.path.join(folder, name)) for folder in self._folders)
        return next((_read(path) for path in paths if os.path.isfile(path)), None)

    def _headers(self) -> tuple[str, ...]:
        if self._root not in _listed:
            _listed[self._root] = _list(self._root)
        return _listed[self._root]


def _list(root: str) -> tuple[str, ...]:
    found: list[str] = []
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(names):
            if name.endswith(SUFFIXES):
                found.append(os.path.relpath(os.path.join(place, name), root).replace(os.sep, "/"))
                if len(found) >= MOST_HEADERS:
                    return tuple(found)
    return tuple(found)


def _read(path: str) -> tuple[str, str] | None:
    try:
        if os.path.getsize(path) > LARGEST:
            return None
        with open(path, encoding="utf-8", errors="replace") as stream:
            return path, stream.read().replace("\r\n", "\n")
    except OSError:
        return None
