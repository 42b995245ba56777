"""Where a header that a kernel includes may lie: beside it, in folders that are named, or somewhere in its repository.

A repository that builds its kernels with include paths of its own has headers of one name in several folders; the one
whose path has most in common with the kernel's is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LIBRARY = ("pto/", "acl/", "hccl/", "runtime/")
"""Headers of the vendor's, by how their names begin: what they say is known here, and their text is not read."""
UNREAD = "/include/pto/"
"""Nor is that of a header whose path has this in it."""
SUFFIXES = (".h", ".hpp", ".hh", ".cuh", ".inc", ".cce")


def nearest(name: str, includer: str, known: Iterable[str]) -> str | None:
    """The path of `known` (relative, with /) that an include of `name` in `includer` means; None if none ends so."""
    wanted = tuple(name.strip("./").split("/"))
    home = includer.split("/")[:-1]
    found: list[tuple[int, int, str]] = []
    for path in known:
        parts = path.split("/")
        if tuple(parts[-len(wanted) :]) == wanted:
            found.append((-_likeness(home, parts[:-1]), len(parts), path))
    return min(found)[2] if found else None


def _likeness(home: Sequence[str], other: Sequence[str]) -> int:
    """Folders that two paths begin with, and then names they share anywhere."""
    start = 0
    for a, b in zip(home, other, strict=False):
        if a != b:
            break
        start += 1
    return 4 * start + 3 * len(set(home[start:]) & set(other[start:]))
