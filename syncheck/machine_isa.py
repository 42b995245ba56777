"""Instructions of a machine: what a row of the table means, and which row a call is.

A row is read when its operation is first asked for; a start of the checker touches a few dozen of some six hundred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from syncheck.machine_file import INSTRUCTION_KEYS, MachineError, did_you_mean
from syncheck.machine_types import DTYPE_BYTES, Effect, HiddenFlag, Variant
from syncheck.value import Value, frozen

KINDS = ("instr", "none", "vf", "async", "sync", "fifo", "absent")
CALLABLE = ("instr", "none", "vf", "async")


@frozen
class Vocabulary(Value):
    """The names a row may use, and how a model is quoted in an error."""

    machine: str
    pipes: tuple[str, ...]
    spaces: tuple[str, ...]
    hidden: tuple[str, ...]
    options: Mapping[str, str]
    sources: Mapping[str, str]


def rows_of(text: str, machines: Sequence[str]) -> dict[str, list[str]]:
    """Operation -> its rows for a machine of one of these names, unread."""
    table: dict[str, list[str]] = {}
    wanted = frozenset(machines)
    for line in text.splitlines():
        head = line.split(" | ", 2)
        if len(head) == 3 and not wanted.isdisjoint(head[1].split()):
            for op in head[0].split(", "):
                table.setdefault(op.strip(), []).append(head[2])
    return table


def from_row(row: str) -> dict[str, str]:
    cells = [cell.strip() for cell in row.split("|")]
    names = ("steps", "spaces", "nargs", "flags", "confidence", "source", "notes")
    return {name: cell for name, cell in zip(names, cells, strict=False) if cell}


Spaces = tuple[tuple[int, frozenset[str]], ...]
Widths = tuple[tuple[int, str, int], ...]
Types = tuple[tuple[int, frozenset[str]], ...]


class Builder:
    """Turns the table of one variant into a Variant. `place` is what an error names: "my.toml: instructions.TFOO"."""

    def __init__(self, op: str, place: str, words: Vocabulary) -> None:
        self.op, self.place, self.words = op, place, words

    def fail(self, key: str, why: str) -> MachineError:
        return MachineError(f"{self.place}.{key}: {why}")

    def variant(self, table: Mapping[str, Any]) -> Variant:
        for key in table:
            if key not in INSTRUCTION_KEYS:
                raise self.fail(key, f"unknown key; {did_you_mean(key, INSTRUCTION_KEYS)}")
        kind, steps = self.steps(table)
        nargs = self.nargs(table.get("nargs", ()))
        spaces, widths, types = self.spaces(table.get("spaces", ""))
        used = [int(name) for step in steps for name in (*step.reads, *step.writes) if name.isdigit()]
        if nargs and used and max(used) >= max(nargs):
            raise self.fail("nargs", f"operand {max(used)} is used, but the {max(nargs)} arguments count from 0")
        text = {key: self.text(table, key) for key in ("source", "confidence", "notes")}
        return Variant(
            self.op, spaces, nargs, steps, self.flags(table.get("flags", "")), self.source(text["source"]),
            text["confidence"] or "certain", text["notes"], kind, widths, types,
        )  # fmt: skip

    def text(self, table: Mapping[str, Any], key: str) -> str:
        value = table.get(key, "")
        if not isinstance(value, str):
            raise self.fail(key, f"{value!r} is not a text")
        return value

    def source(self, text: str) -> str:
        short, colon, rest = text.partition(":")
        return f"{self.words.sources[short]}/{rest}" if colon and short in self.words.sources else text or self.place

    def steps(self, table: Mapping[str, Any]) -> tuple[str, tuple[Effect, ...]]:
        if "steps" not in table:
            if "pipe" not in table:
                raise self.fail("pipe", f"missing; expected one of {' '.join(self.words.pipes)}, or steps")
            reads, writes = self.selectors(table, "reads"), self.selectors(table, "writes")
            return "instr", self.on_pipes(table["pipe"], "", reads, writes)
        for key in ("pipe", "reads", "writes"):
            if key in table:
                raise self.fail(key, "steps says this already; expected one or the other")
        kind, text = "instr", self.text(table, "steps")
        if text.startswith("!"):
            kind, _, text = text[1:].partition(" ")
            if kind not in KINDS:
                raise self.fail("steps", f"{kind!r} is no kind of instruction; expected one of {' '.join(KINDS)}")
        return kind, tuple(effect for part in text.split(";") if part.strip() for effect in self.step(part.strip()))

    def step(self, text: str) -> tuple[Effect, ...]:
        words = text.split()
        if len(words) == 2 and words[0] == "barrier":
            return (Effect(words[1] if words[1] == "ALL" else self.pipe(words[1], "steps"), barrier=words[1]),)
        if len(words) == 3 and words[1] == "=>":
            return (Effect(self.pipe(words[0], "steps"), to=self.pipe(words[2], "steps")),)
        if len(words) == 4 and words[2] == ">":
            pipe, _, suffix = words[0].partition(".")
            reads, writes = ([] if word == "-" else word.split(",") for word in (words[1], words[3]))
            return self.on_pipes(pipe, suffix, self.known(reads, "steps"), self.known(writes, "steps"), "steps")
        forms = "'PIPE reads > writes', 'barrier PIPE' or 'PIPE => PIPE'"
        raise self.fail("steps", f"{text!r} is no step; expected {forms}")

    def on_pipes(
        self, pipe: object, suffix: str, reads: tuple[str, ...], writes: tuple[str, ...], key: str = "pipe"
    ) -> tuple[Effect, ...]:
        names = named_pipes(pipe, self.words.options)
        return tuple(Effect(self.pipe(name, key), reads, writes, suffix) for name in names)

    def pipe(self, name: object, key: str) -> str:
        if isinstance(name, str) and name in self.words.pipes:
            return name
        known = " ".join(self.words.pipes)
        raise self.fail(key, f"{name!r} is no pipe of {self.words.machine}; expected one of {known}")

    def selectors(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(type(item) in (int, str) for item in value):
            raise self.fail(key, f"{value!r} is no list of operands; expected for example [1, 2]")
        return self.known([str(item) for item in value], key)

    def known(self, names: Sequence[str], key: str) -> tuple[str, ...]:
        for name in names:
            if not name.isdigit() and not name.startswith(("hidden:", "register:")):
                forms = "an argument index, hidden:NAME or register:NAME"
                raise self.fail(key, f"{name!r} is no operand; expected {forms}")
            if name.startswith("hidden:") and name[7:] not in self.words.hidden:
                known = " ".join(self.words.hidden) or "none is declared"
                raise self.fail(key, f"{name[7:]!r} is no hidden scratch of {self.words.machine}; expected {known}")
        return tuple(names)

    def spaces(self, value: object) -> tuple[Spaces, Widths, Types]:
        """Where operands may be, of which data types and width of rows: `1=UB`, `1=UB:int16/int32`, `1=UB<=256`."""
        if isinstance(value, str) and all(item.partition("=")[0].isdigit() for item in value.split()):
            pairs = [(int(index), names) for index, _, names in (item.partition("=") for item in value.split())]
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            pairs = [(index, item) for index, item in enumerate(value) if item not in ("", "-")]
        else:
            raise self.fail("spaces", f'{value!r} is no list of spaces; expected for example ["UB", "GM", "-"]')
        spaces, widths, types = [], [], []
        for index, text in pairs:
            names, sign, size = next((text.partition(s) for s in ("<=", "==") if s in text), (text, "", ""))
            if sign and not size.isdigit():
                raise self.fail("spaces", f"{text!r} is no space; expected for example UB or UB<=256 (bytes of a row)")
            widths += [(index, sign, int(size))] if sign else []
            names, colon, dtypes = names.partition(":")
            types += [(index, self.dtypes(text, dtypes))] if colon else []
            for name in names.split("/"):
                if name not in self.words.spaces:
                    known = " ".join(self.words.spaces)
                    raise self.fail("spaces", f"{name!r} is no space of {self.words.machine}; expected one of {known}")
            spaces.append((index, frozenset(names.split("/"))))
        return tuple(spaces), tuple(widths), tuple(types)

    def dtypes(self, text: str, names: str) -> frozenset[str]:
        for name in names.split("/"):
            if name not in DTYPE_BYTES:
                raise self.fail(
                    "spaces", f"{text!r}: {name!r} is no data type; expected some of {' '.join(DTYPE_BYTES)}"
                )
        return frozenset(names.split("/"))

    def nargs(self, value: object) -> tuple[int, ...]:
        counts = value.split() if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
        if not all(type(count) in (int, str) and str(count).isdigit() for count in counts):
            raise self.fail("nargs", f"{value!r} is no argument count; expected 3 or [2, 3]")
        return tuple(int(str(count)) for count in counts)

    def flags(self, value: object) -> tuple[HiddenFlag, ...]:
        items = value.split() if isinstance(value, str) else value
        found = []
        for item in items if isinstance(items, list) else [items]:
            pair, _, event = item.partition(":") if isinstance(item, str) else ("", "", "")
            src, _, dst = pair.partition(">")
            if not dst or not event.isdigit():
                raise self.fail("flags", f"{item!r} is no flag; expected for example 'S>V:0'")
            found.append(HiddenFlag(self.pipe(src, "flags"), self.pipe(dst, "flags"), int(event)))
        return tuple(found)


def named_pipes(text: object, options: Mapping[str, str]) -> list[object]:
    """The pipes a cell names: itself, or what the option in braces says ("FIX+MTE3" is two)."""
    if isinstance(text, str) and text.startswith("{") and text.endswith("}"):
        return [*options.get(text[1:-1], text).split("+")]
    return [text]


def like(op: str, base: Sequence[Variant], source: str) -> tuple[Variant, ...]:
    """`TFOO = { like = "TADD" }`: the variants of another operation under a new name."""
    return tuple(replace(variant, op=op, source=source) for variant in base)


def select(
    variants: Sequence[Variant], spaces: Sequence[str | None], widths: Sequence[int] = (), types: Sequence[str] = ()
) -> Variant | None:  # fmt: skip
    """The row a call means: the most operands in a space it asks for, then the fewest unknown or not asked for, then
    the first that asks for the width of rows or a data type. `widths`: bytes of a row of each operand, 0 or missing
    where not known; `types`: its data type, "" or missing likewise (a row that asks for one then fits).

    None if no row allows these operands, or if unknown operands leave rows with different steps.
    """
    best: list[Variant] = []
    rank: tuple[int, int, int] | None = None
    for variant in variants:
        score = _score(variant, spaces, widths, types) if variant.kind in CALLABLE else None
        if score is not None and (rank is None or score >= rank):
            best = [*best, variant] if score == rank else [variant]
            rank = score
    if not best:
        return None
    unsure = any(spaces[index] is None for variant in best for index, _ in variant.spaces)
    return best[0] if not unsure or len({variant.steps for variant in best}) == 1 else None


def _score(
    variant: Variant, spaces: Sequence[str | None], widths: Sequence[int], types: Sequence[str]
) -> tuple[int, int, int] | None:
    if variant.nargs and len(spaces) not in variant.nargs:
        return None
    exact = unknown = 0
    for index, allowed in variant.spaces:
        if index >= len(spaces):
            return None
        space = spaces[index]
        if space is None:
            unknown += 1
        elif space not in allowed:
            return None
        else:
            exact += 1
    for index, sign, size in variant.widths:
        width = widths[index] if index < len(widths) else 0
        if not width or (width > size if sign == "<=" else width != size):
            return None
    for index, fitting in variant.types:
        if index < len(types) and types[index] and types[index] not in fitting:
            return None
    given = sum(space is not None for space in spaces)
    return exact, -(unknown + given - exact), len(variant.widths) + len(variant.types)
