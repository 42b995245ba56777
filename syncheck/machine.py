"""The machine model: which pipe runs what, what it touches, which flags exist. The facts are in machines/*.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncheck.machine_check import complete
from syncheck.machine_file import MACHINES, MachineError, Reader, Table, families, nearest, shipped
from syncheck.machine_isa import Builder, Vocabulary, from_row, like, rows_of, select
from syncheck.machine_parts import Parts, effective_options
from syncheck.machine_types import (
    CostRow,
    Effect,
    FifoLowering,
    FlagPair,
    Handshake,
    Hidden,
    HiddenFlag,
    Option,
    Reserved,
    Space,
    Variant,
    Wrapper,
)

__all__ = [
    "MACHINES", "CostRow", "Effect", "FifoLowering", "FlagPair", "Handshake", "Hidden", "HiddenFlag", "Machine",
    "MachineError", "Option", "Reserved", "Space", "Variant", "load", "loads",
]  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """A machine with its options decided: what the values say already follows them (pipes, severities, flag pairs).

    `pipes` is by core kind (AIC, AIV); `in_order` are the pipes that also complete in order; `same_pipe` gives the
    severity of BAR001 for each (pipe, RAW|WAR|WAW); `mad_small_tiles`: dependent mads need a barrier while
    (m/16)*(n/16) is below it; `cross_wait` is "S" (a wait holds all issue of the core) or "pipe" (only the named one);
    ids are ranges with both ends. `costs` is what cost.py reads, {} where nothing is known. `sources` has the
    evidence of what carries none itself.
    """

    name: str
    pipes: dict[str, tuple[str, ...]]
    spaces: dict[str, Space]
    hidden: dict[str, Hidden]
    in_order: frozenset[str]
    same_pipe: dict[tuple[str, str], str]
    mad_small_tiles: int
    queue_depth: dict[str, int]
    event_ids: tuple[int, int]
    reserved_events: tuple[Reserved, ...]
    cross_ids: tuple[int, int]
    reserved_cross: tuple[Reserved, ...]
    counter_limit: int
    cross_modes: tuple[int, ...]
    cross_wait: str
    intra_ids: tuple[int, int] | None
    fifo: dict[str, FifoLowering]
    flag_pairs: dict[tuple[str, str, str], FlagPair]
    options: dict[str, str]
    option_table: tuple[Option, ...]
    sources: dict[str, str]
    costs: dict[str, CostRow] = field(default_factory=dict)
    path: str = ""
    _rows: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _wrappers: tuple[Wrapper, ...] = ()
    _words: Vocabulary | None = field(default=None, repr=False, compare=False)
    _read: dict[str, tuple[Variant, ...]] = field(default_factory=dict, repr=False, compare=False)

    def variants(self, op: str) -> tuple[Variant, ...]:
        """All rows of an operation, also those that are no instruction (see Variant.kind); () if it is not known."""
        if op not in self._read:
            self._read[op] = self._variants(op)
        return self._read[op]

    def _variants(self, op: str, above: tuple[str, ...] = ()) -> tuple[Variant, ...]:
        assert self._words is not None
        name = op if op in self._rows else self._family(op)
        if not name:
            wrapper = next((each for each in self._wrappers if each.covers(op)), None)
            return like(op, self.variants(wrapper.strip(op)), wrapper.source) if wrapper else ()
        found: list[Variant] = []
        tables = self._rows[name]
        for number, table in enumerate(tables):
            place = f"{self.path}: instructions.{name}" + (f"[{number}]" if len(tables) > 1 else "")
            if isinstance(table, str):
                found.append(Builder(op, place, self._words).variant(from_row(table)))
            elif isinstance(table, dict) and "like" in table:
                found.extend(self._like(op, table, place, (*above, name)))
            elif isinstance(table, dict):
                found.append(Builder(op, place, self._words).variant(table))
            else:
                raise MachineError(f"{place}: {table!r} is no table; expected for example {{ pipe = …, reads = [1] }}")
        return tuple(found)

    def _like(self, op: str, table: Mapping[str, Any], place: str, above: tuple[str, ...]) -> tuple[Variant, ...]:
        for key in table:
            if key not in ("like", "source"):
                raise MachineError(f"{place}.{key}: a table with like says like and source only")
        name = table["like"]
        if name in above:
            raise MachineError(f"{place}.like: {name!r} is like itself")
        if not isinstance(name, str) or not (variants := self._variants(name, above)):
            hint = self.nearest_op(str(name))
            raise MachineError(f"{place}.like: no instruction {name!r}" + (f"; did you mean {hint!r}?" if hint else ""))
        return like(op, variants, str(table.get("source", place)))

    def _family(self, op: str) -> str:
        return next((name for name in self._rows if name.endswith("*") and op.startswith(name[:-1])), "")

    def ops(self) -> tuple[str, ...]:
        """Every operation of the table, sorted; a name that ends in * stands for a family."""
        return tuple(sorted(self._rows))

    def find(
        self, op: str, spaces: Sequence[str | None], widths: Sequence[int] = (), types: Sequence[str] = ()
    ) -> Variant | None:
        """The row of a call with these operand spaces (None: a scalar, or not known); None if no row fits.

        `widths`: bytes of a row of each operand, 0 or missing where not known; `types`: data types, "" likewise.

        The number of operands counts. Rows that are statements of their own (sync, fifo) or absent never fit.
        """
        return select(self.variants(op), spaces, widths, types)

    def nearest_op(self, name: str) -> str:
        """The operation whose name looks most like this one, "" if none does."""
        return nearest(name, self._rows)

    def pair(self, core: str, src: str, dst: str) -> FlagPair | None:
        """What is known of set_flag(src, dst) on AIC, AIV, AIV0 or AIV1; None if nothing is."""
        return self.flag_pairs.get((core[:3], src, dst))

    def kind_pipes(self, core: str) -> tuple[str, ...]:
        """The pipes of AIC, AIV, AIV0 or AIV1."""
        return self.pipes.get(core[:3], ())


def load(name: str, *, overrides: Sequence[str] = (), options: Mapping[str, str] | None = None) -> Machine:
    """A machine of the package. `overrides` are "option=value" texts, `options` the same as a mapping; later ones win.

    Raises MachineError, one line, for a name, an option or a value that does not exist.
    """
    return _machine(shipped(name), f"{name}.toml", overrides, options or {})


def loads(
    text: str, path: str, *, overrides: Sequence[str] = (), options: Mapping[str, str] | None = None,
    read: Reader | None = None,
) -> Machine:  # fmt: skip
    """A machine from a user's TOML. `read` gives the text of a .toml that it extends; without it only a shipped one.

    Everything the text says is checked. Raises MachineError: file, key, what stands there and what was expected.
    """
    document, whole = complete(text, path, read)
    machine = _machine(whole, path, overrides, options or {})
    for op in document.get("instructions", {}):
        if op != "rows" and not machine.variants(op):
            raise MachineError(f"{path}: instructions.{op}: no variant; expected a table or a list of tables")
    for op in rows_of(document.get("instructions", {}).get("rows", ""), families(whole)):
        machine.variants(op)
    return machine


def _machine(whole: Table, path: str, overrides: Sequence[str], options: Mapping[str, str]) -> Machine:
    table, chosen = effective_options(whole.get("options", {}), overrides, options, path)
    parts = Parts(whole, chosen)
    instructions = whole.get("instructions", {})
    rows: dict[str, Any] = dict(rows_of(instructions.get("rows", ""), families(whole)))
    for op, said in instructions.items():
        if op != "rows":
            rows[op] = said if isinstance(said, list) else [said]
    spaces, hidden = parts.spaces(), parts.hidden()
    words = Vocabulary(
        whole["name"], parts.all_pipes(), (*spaces, "GM"), tuple(hidden), chosen, whole.get("sources", {})
    )
    cross, events = whole.get("cross", {}), whole.get("events", {})
    return Machine(
        name=whole["name"], pipes=parts.pipes(), spaces=spaces, hidden=hidden, in_order=parts.in_order(),
        same_pipe=parts.same_pipe(), mad_small_tiles=whole.get("mad", {}).get("small_tiles", 0),
        queue_depth=parts.queue_depth(), event_ids=(events.get("low", 0), events.get("high", 7)),
        reserved_events=parts.reserved("events"), cross_ids=(cross.get("low", 0), cross.get("high", 15)),
        reserved_cross=parts.reserved("cross"), counter_limit=cross.get("counter_limit", 15),
        cross_modes=tuple(cross.get("modes", ())), cross_wait=cross.get("wait", "S"), intra_ids=parts.intra_ids(),
        fifo=parts.fifo(), flag_pairs=parts.flag_pairs(), options=chosen, option_table=table, sources=parts.sources(),
        costs=parts.costs(),
        path=path, _rows=rows, _wrappers=parts.wrappers(), _words=words,
    )  # fmt: skip
