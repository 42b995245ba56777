"""The grammar of event scripts and the parser built from it.

The grammar text is `grammars/events.lark` of the repository, packaged in wheels as `syncheck/grammars/events.lark`.
Building the LALR tables costs more than parsing a script, so they are kept below `$XDG_CACHE_HOME/syncheck`
(`~/.cache/syncheck`), in a folder that belongs to the user alone. A cache that cannot be trusted, read or written
is silently done without.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
from functools import cache
from pathlib import Path

import lark

_HERE = Path(__file__).resolve().parent
_FOLDERS = (_HERE / "grammars", _HERE.parent / "grammars")


@cache
def text() -> str:
    """The grammar, as Lark reads it."""
    for folder in _FOLDERS:
        path = folder / "events.lark"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"events.lark is in neither of {', '.join(map(str, _FOLDERS))}: the installation is broken")


@cache
def parser() -> lark.Lark:
    """The LALR parser of event scripts; stateless between parses."""
    folder = _cache_folder()
    if folder is None:
        return _built()
    path = folder / f"events-{_key()}.lark"
    found = _loaded(path)
    if found is None:
        found = _built()
        _store(found, path)
    return found


def _built() -> lark.Lark:
    return lark.Lark(text(), parser="lalr", lexer="contextual")


def _key() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    return hashlib.sha256("\0".join((text(), lark.__version__, version)).encode()).hexdigest()[:32]


def _cache_folder() -> Path | None:
    """The cache folder, made if it is missing; None unless it is the user's own and closed to everybody else."""
    try:
        root = os.environ.get("XDG_CACHE_HOME", "")
        folder = (Path(root) if os.path.isabs(root) else Path.home() / ".cache") / "syncheck"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if _is_private(folder.lstat(), directory=True) else None
    except (OSError, RuntimeError):
        return None


def _is_private(status: os.stat_result, *, directory: bool) -> bool:
    kind = stat.S_ISDIR if directory else stat.S_ISREG
    if not kind(status.st_mode):
        return False
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _loaded(path: Path) -> lark.Lark | None:
    try:
        if not _is_private(path.lstat(), directory=False):
            return None
        return lark.Lark.load(io.BytesIO(path.read_bytes()))
    except Exception:  # a damaged cache may fail in any way, and costs nothing but time
        return None


def _store(built: lark.Lark, path: Path) -> None:
    """Write the tables beside `path` and move them there, so that no process reads half a file."""
    import tempfile

    try:
        tables = io.BytesIO()
        built.save(tables)
        handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(tables.getvalue())
        os.replace(name, path)
    except OSError:
        return
