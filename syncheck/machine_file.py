"""The text of a machine model: parsed, checked against what a model may say, and laid over the model it extends.

Shipped models are read from the package; a user's text is passed in, and so is the reader of a model that it extends.
Instructions are left as rows and tables here: `machine_isa` reads one only when it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MACHINES = ("a2a3", "a5")
FOUNDATION = "ascend"
CORES = ("AIC", "AIV")
PIPES = ("S", "V", "M", "MTE1", "MTE2", "MTE3", "FIX")

Table = dict[str, Any]
Reader = Callable[[str], str]


class MachineError(Exception):
    """One line: the file, the key, what stands there and what was expected."""


INSTRUCTION_KEYS = (
    "pipe", "reads", "writes", "steps", "spaces", "nargs", "flags", "confidence", "source", "notes", "like",
)  # fmt: skip


def nearest(name: str, names: Iterable[str]) -> str:
    """The known name that looks most like this one, "" if none does."""
    import difflib  # slow to import, and only an error needs it

    known = list(names)
    folded = {known_name.lower(): known_name for known_name in known}
    found = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else ""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    known = list(names)
    close = nearest(name, known)
    return f"did you mean {close!r}?" if close else f"expected one of {' '.join(known)}"


def parse(text: str, path: str) -> Table:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MachineError(f"{path}: this is not TOML: {error}") from None


def shipped(name: str) -> Table:
    """A model of the package with everything it extends. Raises MachineError if there is none of this name."""
    if name not in (*MACHINES, FOUNDATION):
        hint = did_you_mean(name, MACHINES)
        raise MachineError(f"machine {name!r}: no such machine; {hint} (your own model is a path that ends in .toml)")
    path = Path(__file__).parent / "machines" / f"{name}.toml"
    document = parse(path.read_text(encoding="utf-8"), path.name)
    document["arch"] = name
    return document if name == FOUNDATION else overlay(shipped(FOUNDATION), document)


def overlay(under: Table, over: Table) -> Table:
    """`over` on top of `under`, neither changed: tables merge key by key, flag pairs and rows are appended."""
    merged = dict(under)
    for key, value in over.items():
        below = under.get(key)
        if key == "instructions":
            merged[key] = _instructions(below or {}, value)
        elif key == "flag_pairs" and below and isinstance(value, list):
            merged[key] = [*below, *value]
        elif isinstance(below, dict) and isinstance(value, dict):
            merged[key] = overlay(below, value)
        elif isinstance(below, dict) and "default" in below:  # an option: the text is its new default
            merged[key] = {**below, "default": value}
        else:
            merged[key] = value
    return merged


def _instructions(below: Table, over: object) -> Table:
    if not isinstance(over, dict):
        return below
    rows = "\n".join(part for part in (below.get("rows", ""), over.get("rows", "")) if isinstance(part, str))
    return {**below, **over, "rows": rows}


def families(whole: Table) -> tuple[str, ...]:
    """The names under which rows of the instruction table are this machine's."""
    name: str = whole["name"]
    family: str = whole.get("arch", name)
    return (name, family)


def pipes_of(whole: Table) -> tuple[str, ...]:
    """All pipes of a model, the well-known ones first and in their usual order."""
    lists = [whole["pipes"].get(core, ()) for core in CORES] if isinstance(whole.get("pipes"), dict) else []
    pipes = dict.fromkeys(pipe for names in lists if isinstance(names, list) for pipe in names)
    return tuple(sorted(pipes, key=lambda pipe: PIPES.index(pipe) if pipe in PIPES else len(PIPES)))
