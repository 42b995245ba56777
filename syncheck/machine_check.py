"""Whether a user's machine model says only what a model may say, and enough of it; complaints name file and key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncheck.machine_file import (
    CORES,
    FOUNDATION,
    MACHINES,
    MachineError,
    Reader,
    Table,
    did_you_mean,
    families,
    overlay,
    parse,
    pipes_of,
    shipped,
)

SEVERITIES = ("error", "warning", "info", "off")
STATUSES = ("legal", "accepted", "undocumented", "illegal")

_RESERVED = {"low": "int", "high": "int", "owner": "text", "source": "text"}
_HANDSHAKE: Mapping[str, object] = {"pipe": "pipe", "flag": "int"}
FIFO_KEYS: Mapping[str, object] = {
    "producer": "core", "consumer": "core", "tile_space": "space", "slot_space": "space", "local_space": "space",
    "store": "pipe", "load": "pipe or none", "mode": "int", "allocate": _HANDSHAKE, "record": _HANDSHAKE,
    "wait": _HANDSHAKE, "free": _HANDSHAKE, "free_by": "freer", "lane_stride": "int", "split_selects_lanes": "bool",
    "both_offset": "int", "full_period_to": "int", "primed": "priming", "source": "text", "notes": "text",
}  # fmt: skip
_OPTIONAL_FIFO_KEYS = (
    "lane_stride", "split_selects_lanes", "both_offset", "full_period_to", "primed", "source", "notes",
)  # fmt: skip
_OPTION: Mapping[str, object] = {
    "values": "texts", "default": "text", "meaning": "text", "source": "text", "confidence": "text", "used_by": "text",
}  # fmt: skip
_PAIRS = {"core": "core", "status": "status", "pairs": "text", "notes": "text", "source": "text"}
_WRAPPER = {"patterns": "texts", "prefix": "text", "source": "text"}
_CROSS = {
    "low": "int", "high": "int", "counter_limit": "int", "modes": "ints", "wait": "holder", "intra_low": "int",
    "intra_high": "int", "source": "text", "reserved": [_RESERVED],
}  # fmt: skip
# A dict is a table of these keys; "*" stands for any name; a list holds tables; "any" is checked elsewhere.
SCHEMA: Mapping[str, object] = {
    "name": "text", "extends": "text", "arch": "text", "sources": {"*": "text"}, "options": {"*": "option"},
    "wrappers": [_WRAPPER], "instructions": {"rows": "text", "*": "any"},
    "pipes": {"AIC": "texts", "AIV": "texts", "source": "text"},
    "in_order": {"pipes": "pipes", "source": "text"}, "queue_depth": {"source": "text", "*": "int"},
    "same_pipe": {"*": {"RAW": "severity", "WAR": "severity", "WAW": "severity", "source": "text"}},
    "mad": {"small_tiles": "int", "source": "text"},
    "events": {"low": "int", "high": "int", "source": "text", "reserved": [_RESERVED]}, "cross": _CROSS,
    "spaces": {"*": {"bytes": "int", "align": "int", "core": "core", "source": "text"}},
    "hidden": {"*": {
        "space": "space", "start": "int", "stop": "int", "bytes_per_row": "int", "rows_at_once": "int",
        "source": "text",
    }},
    "fifo": {"*": FIFO_KEYS}, "flag_pairs": [_PAIRS],
    "cost": {"*": {"rate": "int", "unit": "unit", "startup": "int", "source": "text"}},
}  # fmt: skip
ENTRIES: Mapping[str, tuple[str, ...]] = {
    "flag_pairs": ("core", "status", "pairs"), "reserved": ("low", "high"), "wrappers": ("patterns", "prefix"),
}  # fmt: skip
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "spaces": ("bytes", "align", "core"), "hidden": ("space", "start", "stop"), "options": ("values", "default"),
    "fifo": tuple(key for key in FIFO_KEYS if key not in _OPTIONAL_FIFO_KEYS), "cost": ("rate", "startup"),
}  # fmt: skip
_TYPES: Mapping[str, tuple[type, str]] = {
    "text": (str, "a text"), "int": (int, "a whole number from 0"), "bool": (bool, "true or false"),
    "texts": (list, "a list of texts"), "ints": (list, "a list of whole numbers from 0"),
    "pipes": (list, "a list of pipes"),
}  # fmt: skip


class Check:
    """Compares one file with SCHEMA; `whole` is the file laid over what it extends, for the names it may use.

    With an empty `whole` only shapes are compared: what must hold before a file can be laid over another.
    """

    def __init__(self, path: str, whole: Table) -> None:
        self.path, self.shapes_only = path, not whole
        pipes = pipes_of(whole)
        self.name = whole.get("name", path)
        self.words: dict[str, tuple[str, ...]] = {
            "pipe": tuple(pipes), "space": (*whole.get("spaces", {}), "GM"), "core": CORES, "severity": SEVERITIES,
            "status": STATUSES, "holder": ("S", "pipe"), "freer": ("TPOP", "TFREE"), "priming": ("none", "period"),
            "unit": ("bytes", "multiply-adds"),
        }  # fmt: skip
        self.words["pipe or none"] = (*pipes, "")
        self.options: Mapping[str, object] = whole.get("options", {})

    def fail(self, key: str, why: str) -> MachineError:
        return MachineError(f"{self.path}: {key}: {why}")

    def table(self, key: str, value: object, keys: Mapping[str, object]) -> None:
        if not isinstance(value, dict):
            expected = "named entries" if "*" in keys else f"the keys {' '.join(keys)}"
            raise self.fail(key, f"{value!r} is no table; expected {expected}")
        for name, item in value.items():
            place = f"{key}.{name}" if key else name
            kind = keys.get(name, keys.get("*"))
            if kind is None:
                raise self.fail(place, f"unknown key; {did_you_mean(name, keys)}")
            self.item(place, item, kind)

    def item(self, key: str, value: object, kind: object) -> None:
        if isinstance(kind, Mapping):
            self.table(key, value, kind)
        elif isinstance(kind, list):
            if not isinstance(value, list):
                raise self.fail(key, f"{value!r} is no list; expected [[{key}]] tables")
            for number, entry in enumerate(value):
                self.table(f"{key}[{number}]", entry, kind[0])
                needed = ENTRIES[key.rpartition(".")[2]]
                for name in needed:
                    if name not in entry:
                        raise self.fail(f"{key}[{number}].{name}", f"missing; expected {' '.join(needed)}")
        elif kind == "option":
            self.item(key, value, _OPTION if isinstance(value, dict) else "text")
        elif isinstance(kind, str) and kind in self.words:
            self.word(key, value, kind)
        elif isinstance(kind, str) and kind != "any":
            self.plain(key, value, kind)

    def word(self, key: str, value: object, kind: str) -> None:
        if self.shapes_only:
            return self.plain(key, value, "text")
        if isinstance(value, str) and value.startswith("{") and value[1:-1] in self.options:
            return
        if value not in self.words[kind]:
            of = f" of {self.name}" if kind.startswith(("pipe", "space")) else ""
            known = " ".join(word for word in self.words[kind] if word)
            raise self.fail(key, f"{value!r} is no {kind.split(maxsplit=1)[0]}{of}; expected one of {known}")

    def plain(self, key: str, value: object, kind: str) -> None:
        wanted, words = _TYPES[kind]
        if not isinstance(value, wanted) or (isinstance(value, int) and kind == "int" and not _natural(value)):
            raise self.fail(key, f"{value!r} is not {words}")
        if isinstance(value, list):
            each = {"texts": "text", "ints": "int", "pipes": "pipe"}[kind]
            for number, entry in enumerate(value):
                self.item(f"{key}[{number}]", entry, each)


def _natural(value: int) -> bool:
    return not isinstance(value, bool) and value >= 0


def complete(text: str, path: str, read: Reader | None, seen: tuple[str, ...] = ()) -> tuple[Table, Table]:
    """A user's model, alone and laid over what it extends; one that extends nothing still has the checker's options.

    Raises MachineError for the first thing in it that cannot be.
    """
    document = parse(text, path)
    Check(path, {}).table("", document, SCHEMA)
    whole = overlay(_under(document.get("extends", ""), path, read, seen), document)
    for name in ("name", "pipes"):
        if name not in whole:
            why = 'missing; a model says it or extends one that does (extends = "a2a3")'
            raise MachineError(f"{path}: {name}: {why}")
    _check(document, path, whole)
    return document, whole


def _under(parent: str, path: str, read: Reader | None, seen: tuple[str, ...]) -> Table:
    if not parent:
        return {"options": shipped(FOUNDATION)["options"]}
    if not parent.endswith(".toml"):
        if parent not in MACHINES:
            raise MachineError(f"{path}: extends: no machine {parent!r}; {did_you_mean(parent, MACHINES)}")
        return shipped(parent)
    if parent in (path, *seen):
        raise MachineError(f"{path}: extends: {parent!r} extends itself")
    if read is None:
        known = " or ".join(MACHINES)
        raise MachineError(f"{path}: extends: {parent!r} cannot be read from here; expected {known}")
    return complete(read(parent), parent, read, (*seen, path))[1]


def _check(document: Table, path: str, whole: Table) -> None:
    checker = Check(path, whole)
    checker.table("", document, SCHEMA)
    for pipe in (*document.get("same_pipe", ()), *(key for key in document.get("queue_depth", ()) if key != "source")):
        checker.word("same_pipe" if pipe in document.get("same_pipe", ()) else "queue_depth", pipe, "pipe")
    for key, why in _incomplete(whole):
        raise checker.fail(key, why)
    for number, row in enumerate(document.get("flag_pairs", [])):
        _pairs(checker, f"flag_pairs[{number}]", row)
    _rows(checker, document.get("instructions", {}).get("rows", ""), families(whole))
    _options(checker, document.get("options", {}), whole["options"])


def _incomplete(whole: Table) -> Iterator[tuple[str, str]]:
    for section, keys in REQUIRED.items():
        for name, row in whole.get(section, {}).items():
            for key in keys:
                if isinstance(row, dict) and key not in row:
                    yield f"{section}.{name}.{key}", f"missing; a table of {section} needs {' '.join(keys)}"
    for name, row in whole.get("hidden", {}).items():
        if row["start"] >= row["stop"]:
            yield f"hidden.{name}.stop", f"{row['stop']} is not behind the start, {row['start']}"
    for section in ("events", "cross"):
        ids: dict[str, Any] = whole.get(section, {})
        if ids.get("low", 0) > ids.get("high", 7):
            yield f"{section}.high", f"{ids.get('high', 7)} is below low, {ids['low']}"


def _pairs(checker: Check, key: str, row: Table) -> None:
    for pair in row["pairs"].split():
        src, arrow, dst = pair.partition(">")
        if not arrow:
            raise checker.fail(f"{key}.pairs", f"{pair!r} is no pair; expected for example 'V>MTE3'")
        for pipe in (src, dst):
            checker.word(f"{key}.pairs", pipe, "pipe")


def _rows(checker: Check, text: str, own: tuple[str, ...]) -> None:
    for line in filter(str.strip, text.splitlines()):
        cells = line.split(" | ")
        if len(cells) < 3:
            raise checker.fail("instructions.rows", f"{line!r} is no row; expected 'operation | machines | steps | …'")
        for name in cells[1].split():
            if name not in (*own, *MACHINES):
                hint = did_you_mean(name, dict.fromkeys((*own, *MACHINES)))
                raise checker.fail("instructions.rows", f"{name!r} in {line!r} is no machine; {hint}")


def _options(checker: Check, said: Table, whole: Table) -> None:
    for name in said:
        row = whole[name]
        if not isinstance(row, dict):
            hint = did_you_mean(name, (other for other in whole if other != name))
            raise checker.fail(f"options.{name}", f"no such option; {hint}")
        if row["default"] not in row["values"]:
            known = " ".join(row["values"])
            raise checker.fail(f"options.{name}", f"{row['default']!r} is no value; expected one of {known}")
